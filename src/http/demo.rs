//! Demo mode only: a token for whoever asks. Answers 404 everywhere else.

use super::Server;
use super::caller;
use super::error::ApiError;
use super::run::{Done, Found};
use super::trace::trace_of;
use crate::auth::Role;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use palio_domain::wallet::Command;
use palio_domain::{Amount, Currency};
use palio_protocol::wallet::Part;
use palio_protocol::{ErrorCode, field, json, time};
use serde::{Deserialize, Serialize};

/// What a fresh guest starts with, in minor units.
const GUEST_FUNDS: Amount = Amount(10_000);

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TokenRequest {
    player_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenResponse {
    token: String,
    player_id: String,
    expires_at: String,
}

fn players(server: &Server) -> Result<u32, ApiError> {
    server.demo_players.ok_or_else(|| ApiError::new(ErrorCode::NotFound, "this is not the demo"))
}

/// `GET /demo/info`.
pub(super) async fn info(server: Data<Server>) -> Result<HttpResponse, ApiError> {
    let players = players(&server)?;
    Ok(HttpResponse::Ok().json(serde_json::json!({"demo": true, "players": players})))
}

/// `POST /demo/token`: for a sandbox player, or for a fresh guest with some money.
pub(super) async fn token(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    players(&server)?;
    let body = caller::json(&server, &request, payload, server.public_tenant).await?;
    let asked: TokenRequest = if body.is_empty() { <_>::default() } else { json::parse(&body)? };
    let tenant = server.public_tenant;
    let (player_id, player) = match asked.player_id {
        Some(id) => {
            let known = field::parse_player(&id)?.starts_with("demo_");
            let player = server.players.find(tenant, &id).await?.filter(|_| known);
            let unknown = || ApiError::new(ErrorCode::PlayerNotFound, "no such demo player");
            (id, player.ok_or_else(unknown)?)
        }
        None => {
            let id = format!("guest_{:08x}", rand::random::<u32>());
            let player = server.players.register(tenant, &id).await?;
            let currency = server.currencies.get(&tenant).copied().unwrap_or(Currency::EUR);
            let command = Command::Deposit { amount: GUEST_FUNDS, currency };
            let part = Part::new(id.clone(), "welcome".to_owned(), command);
            let found = Found { tenant, player, part };
            if let Done::Not(problem) = found.send(&server, &trace_of(&request)).done().await {
                return Err(ApiError(problem));
            }
            (id, player)
        }
    };
    let now = server.clock.now();
    let token = server
        .issuer
        .issue(Role::Player, tenant, &player_id, Some(player), server.player_token_ms, now)
        .map_err(|_| ApiError::new(ErrorCode::Internal, "the token can't be made"))?;
    let expires_at = time::format(now.plus_ms(server.player_token_ms));
    Ok(HttpResponse::Ok().json(TokenResponse { token, player_id, expires_at }))
}
