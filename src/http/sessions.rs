//! Game sessions: opened by the operator, named by the provider with a token (requirement G2).

use super::Server;
use super::caller;
use super::error::{ApiError, unexpected};
use super::players::committed;
use super::run;
use super::trace::trace_of;
use super::wallet::{respond, signed};
use crate::actors::handle::{Reply, Work};
use crate::auth::SessionClaims;
use crate::providers::health::Health;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use palio_domain::wallet::{Command, Prepared, Refusal};
use palio_domain::{GameId, TenantId};
use palio_protocol::result::{self, Rendered};
use palio_protocol::session::{OpenSession, SessionResponse, SessionToken};
use palio_protocol::wallet::Part;
use palio_protocol::{ErrorCode, FieldError, Problem, json, time};
use std::sync::Arc;

/// `POST /api/players/{playerId}/sessions`: checks country, age, currency and exclusion.
pub(super) async fn open(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    let tenant = operator.tenant();
    let body = caller::json(&server, &request, payload, tenant).await?;
    let asked: OpenSession = json::parse(&body)?;
    if let Some(rules) = server.sessions.get(&tenant) {
        asked.check(rules, server.clock.now())?;
    }
    let health = provider_of(&server, tenant, &asked)?;
    let away = !health.takes_sessions(server.clock.now());
    let key = caller::idempotency_key(&request);
    let part = asked.into_command(&path, key, health.provider.clone(), away)?;
    let found = run::find(&server, tenant, part).await?;
    let (player, part) = (found.player, found.part);
    let Command::OpenSession { game, expires, .. } = part.command.clone() else {
        return Err(ApiError::new(ErrorCode::Internal, "a session is not a session"));
    };
    let trace = Some(trace_of(&request));
    let prepared = Prepared::new(&server.keys, tenant, player, &part.key, part.command, trace);
    let (row, replay) =
        match server.core.ask(Work::Execute(tenant, player, Box::new(prepared))).await {
            Reply::Done(row) => (row, false),
            Reply::Replay(row) => (row, true),
            other => return Err(unexpected(&other)),
        };
    let unreadable = || ApiError::new(ErrorCode::Internal, "the answer can't be rendered");
    let Ok(Rendered::Ok(answer)) = result::render(&row) else { return Err(unreadable()) };
    let token = server.issuer.issue_session(&SessionClaims {
        tenant,
        subject: &part.player,
        player,
        game: game.as_str(),
        number: row.seq,
        opened: row.time,
        expires,
    });
    let answer = result::with_token(&answer, &token.map_err(|_| unreadable())?);
    Ok(if replay {
        ApiError::from(Problem::replay(answer)).error_response()
    } else {
        HttpResponse::Ok().content_type("application/json").body(answer)
    })
}

/// Whose game it is: the provider that is named, or the tenant's only one.
fn provider_of<'a>(
    server: &'a Server,
    tenant: TenantId,
    asked: &OpenSession,
) -> Result<&'a Health, ApiError> {
    let wrong = |message| ApiError::from(FieldError::invalid("provider", message));
    if let Some(provider) = asked.provider()? {
        let health = server.health.get(tenant, provider.as_str());
        return health.map(Arc::as_ref).ok_or_else(|| wrong("is no provider of this tenant"));
    }
    match server.health.of(tenant).as_slice() {
        [only] => Ok(only),
        [] => Err(wrong("is missing, and the tenant has none")),
        _ => Err(wrong("is missing, and the tenant has several")),
    }
}

/// `POST /wallet/session`: the provider's handshake.
pub(super) async fn handshake(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let (provider, body) = signed(&server, &request, payload).await?;
    let token: SessionToken = json::parse(&body)?;
    let token = token.session_token.required("sessionToken")?.to_owned();
    let named = caller::session(&server, provider.tenant, &token)?;
    let health = server.health.get(provider.tenant, provider.provider.as_str());
    if health.is_some_and(|health| health.is_off()) {
        return Err(Problem::refused(&Refusal::ProviderAway, None).into());
    }
    let wallet = committed(&server, provider.tenant, named.player).await?;
    let now = server.clock.now();
    if let Some(kind) = wallet.protection.excluded(now) {
        let refusal = Refusal::PlayerExcluded { kind };
        return Err(Problem::refused(&refusal, None).into());
    }
    let open = GameId::parse(&named.game).ok().and_then(|game| wallet.sessions.get(&game));
    let open = open.filter(|session| session.number == named.number && session.expires > now);
    let Some(session) = open else {
        return Err(Problem::refused(&Refusal::SessionExpired, None).into());
    };
    if session.provider.as_ref().is_some_and(|of| *of != provider.provider) {
        return Err(ApiError::new(ErrorCode::BadToken, "the session is another provider's"));
    }
    let currency = session.currency;
    Ok(HttpResponse::Ok().json(SessionResponse {
        player_id: named.subject,
        game_id: named.game,
        currency: currency.code().to_owned(),
        balance: currency.format(wallet.balance(currency).available()),
        expires_at: time::format(session.expires),
    }))
}

/// `POST /wallet/session/end`: the provider says that the player has left.
pub(super) async fn end(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let (provider, body) = signed(&server, &request, payload).await?;
    let token: SessionToken = json::parse(&body)?;
    let token = token.session_token.required("sessionToken")?.to_owned();
    let named = caller::session(&server, provider.tenant, &token)?;
    let game = GameId::parse(&named.game)
        .map_err(|_| ApiError::new(ErrorCode::BadToken, "the token names no game"))?;
    let number = named.number;
    let key = format!("end/{number}");
    let part = Part::new(named.subject, key, Command::CloseSession { game, number });
    let found = run::Found { tenant: provider.tenant, player: named.player, part };
    let done = found.send(&server, &provider.trace).done().await;
    Ok(respond(done, provider.profile.replay_status))
}
