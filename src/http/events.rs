//! `POST /events`: facts from a bus or a provider, one or many, an outcome each.

use super::Server;
use super::caller::{self, Provider};
use super::error::ApiError;
use super::run::{self, Sent};
use super::trace::trace_of;
use super::wallet::{settle_all, signed};
use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use palio_domain::{Currency, TraceId};
use palio_protocol::events::{EventOutcome, EventsResponse, ParsedEvent, parse_event, split};
use palio_protocol::wallet::{OperationOutcome, Outcome};
use palio_protocol::{ErrorCode, Problem};

/// An event under way.
enum Begun {
    /// One player's command, sent and not yet answered.
    Sent(Sent),
    /// Finished.
    Outcome(Outcome),
    /// Finished, for several players.
    Several(Vec<OperationOutcome>),
}

/// `POST /events`. Events of one player take effect in the order given; other players' events
/// are committed together with them.
pub(super) async fn events(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let (mut provider, body) = signed(&server, &request, payload).await?;
    let events = split(&body)?;
    let currency = server.currencies.get(&provider.tenant).copied().unwrap_or(Currency::EUR);
    let key = caller::idempotency_key(&request);
    if key.is_some() && events.len() > 1 {
        let detail = "one key can't name several events; give each its eventId";
        return Err(ApiError::new(ErrorCode::InvalidField, detail));
    }
    let own = trace_of(&request);
    let mut begun = Vec::with_capacity(events.len());
    let alone = events.len() == 1;
    for event in events {
        begun.push(match parse_event(event, &provider.provider, currency, key) {
            Ok(parsed) => {
                provider.trace = parsed.trace.clone().unwrap_or_else(|| own.clone());
                if alone {
                    // The answer then carries the event's own trace.
                    request.extensions_mut().insert::<TraceId>(provider.trace.clone());
                }
                begin(&server, &provider, parsed).await
            }
            Err(error) => Begun::Outcome(Outcome::failed(error.code, error.detail())),
        });
    }
    let mut outcomes = Vec::with_capacity(begun.len());
    for (index, begun) in begun.into_iter().enumerate() {
        outcomes.push(match begun {
            Begun::Sent(sent) => EventOutcome::single(index, sent.done().await.outcome()),
            Begun::Outcome(outcome) => EventOutcome::single(index, outcome),
            Begun::Several(operations) => EventOutcome::several(index, operations),
        });
    }
    let response = EventsResponse { outcomes };
    let status = StatusCode::from_u16(response.status()).unwrap_or(StatusCode::MULTI_STATUS);
    Ok(HttpResponse::build(status).json(response))
}

async fn begin(server: &Server, provider: &Provider, event: ParsedEvent) -> Begun {
    let mut found = Vec::with_capacity(event.parts.len());
    for part in event.parts {
        match run::find_for(server, provider, part).await {
            Ok(one) => found.push(one),
            Err(error) => return Begun::Outcome(problem(*error.0)),
        }
    }
    if found.len() > 1 {
        return match settle_all(server, provider, found).await {
            Ok((operations, _)) => Begun::Several(operations),
            Err(refused) => Begun::Outcome(problem(*refused)),
        };
    }
    match found.pop() {
        Some(one) => Begun::Sent(one.send(server, &provider.trace)),
        None => Begun::Outcome(Outcome::failed(ErrorCode::InvalidField, "the event is empty")),
    }
}

fn problem(problem: Problem) -> Outcome {
    Outcome {
        status: problem.status,
        result: None,
        code: Some(problem.code),
        detail: Some(problem.detail),
    }
}
