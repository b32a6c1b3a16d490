//! Players: deposits and sessions by the operator, the own page by the player.

use super::Server;
use super::caller;
use super::error::{ApiError, unexpected};
use super::run::Found;
use super::trace::trace_of;
use super::wallet::respond;
use crate::actors::handle::{Reply, Work};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use palio_protocol::wallet::{AccountBalance, Deposit, MeResponse, OpenSession};
use palio_protocol::{field, json};

/// `POST /api/players/{playerId}/deposits`: registers the player if he is new.
pub(super) async fn deposit(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    let body = caller::read(&server, payload).await?;
    caller::check_depth(&server, &body)?;
    let key = caller::idempotency_key(&request);
    let part = json::parse::<Deposit>(&body)?.into_command(&path, key)?;
    let tenant = operator.tenant();
    let player = server.players.register(tenant, &part.player).await?;
    let found = Found { tenant, player, part };
    let done = found.send(&server, &trace_of(&request)).done().await;
    Ok(respond(done, 409))
}

/// `POST /api/players/{playerId}/sessions`.
pub(super) async fn open_session(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    let body = caller::read(&server, payload).await?;
    caller::check_depth(&server, &body)?;
    let key = caller::idempotency_key(&request);
    let part = json::parse::<OpenSession>(&body)?.into_command(&path, key)?;
    let found = super::run::find(&server, operator.tenant(), part).await?;
    let done = found.send(&server, &trace_of(&request)).done().await;
    Ok(respond(done, 409))
}

/// `GET /api/me`.
pub(super) async fn me(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (tenant, player, id) = caller::player(&server, &request)?;
    field::parse_player(&id)?;
    match server.core.ask(Work::Balance(tenant, player)).await {
        Reply::Balance { accounts, tournaments, .. } => Ok(HttpResponse::Ok().json(MeResponse {
            player_id: id,
            key: None,
            accounts: accounts.iter().map(|(c, a)| AccountBalance::new(*c, a)).collect(),
            tournaments: tournaments.into_iter().map(String::from).collect(),
        })),
        other => Err(unexpected(&other)),
    }
}
