//! Providers: how each is, and its state, by the operator.

use super::Server;
use super::caller;
use super::error::{ApiError, unexpected};
use super::trace::trace_of;
use crate::actors::handle::{Reply, Work};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use palio_domain::provider::{Provider, SetState};
use palio_protocol::provider::{ProvidersResponse, SetProviderState};
use palio_protocol::{ErrorCode, json};

/// `GET /api/providers`: the operator's own.
pub(super) async fn list(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    let now = server.clock.now();
    let health = server.health.of(operator.tenant());
    let providers = health.into_iter().map(|one| one.shown(now)).collect();
    Ok(HttpResponse::Ok().json(ProvidersResponse { providers }))
}

/// `POST /api/providers/{id}/state`. The same state for the same reason again changes nothing.
pub(super) async fn set_state(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    let body = caller::json(&server, &request, payload, operator.tenant()).await?;
    let (state, reason) = json::parse::<SetProviderState>(&body)?.parse()?;
    let health = server
        .health
        .get(operator.tenant(), &path)
        .ok_or_else(|| ApiError::new(ErrorCode::NotFound, "no such provider"))?;
    let provider = health.provider.clone();
    let command = SetState { provider, state, reason, by: operator.sub.clone() };
    let trace = Some(trace_of(&request));
    match server.core.ask(Work::Provider(operator.tenant(), Box::new(command), trace)).await {
        Reply::Done(row) => match Provider::from_row(&row) {
            Ok(provider) => health.set(provider, server.clock.now()),
            Err(error) => {
                tracing::error!(%error, "a provider's own row can't be read");
                return Err(ApiError::new(ErrorCode::Internal, "the answer can't be rendered"));
            }
        },
        Reply::Provider(_) => {}
        Reply::ProviderRefused(refusal) => {
            return Err(ApiError::new(ErrorCode::InvalidField, refusal.to_string()));
        }
        other => return Err(unexpected(&other)),
    }
    Ok(HttpResponse::Ok().json(health.shown(server.clock.now())))
}
