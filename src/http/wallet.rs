//! The provider's side: debit, settle, credit, roll back, play, balance.

use super::Server;
use super::caller::{self, Provider};
use super::error::{ApiError, unexpected};
use super::run::{self, Done, Found};
use crate::actors::budget::Class;
use crate::actors::handle::{Reply, Work};
use actix_web::web::{Bytes, Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use palio_domain::ProviderId;
use palio_protocol::operator::EndRound;
use palio_protocol::wallet::{
    AccountBalance, BalanceResponse, Credit, Debit, OperationOutcome, Part, Play, Rollback, Settle,
    SettleResponse,
};
use palio_protocol::{ErrorCode, FieldError, Problem, field, json};
use serde::de::DeserializeOwned;

/// The signed body of a request and who signed it.
pub(super) async fn signed(
    server: &Server,
    request: &HttpRequest,
    payload: Payload,
) -> Result<(Provider, Bytes), ApiError> {
    caller::check_media_type(request)?;
    let (tenant, claimed) = caller::claimed(server, request)?;
    // Other calls, events too, may hold results; each of their commands is told apart later.
    let class = match request.path() {
        "/wallet/debit" | "/wallet/play" => Class::Bet,
        _ => Class::Result,
    };
    let body = caller::read(server, request, payload, (class, tenant, Some(claimed))).await?;
    let provider = caller::provider(server, request, &body)?;
    caller::check_depth(server, &body)?;
    Ok((provider, body))
}

/// The status and body of one command's answer.
pub(super) fn respond(done: Done, replay_status: u16) -> HttpResponse {
    match done {
        Done::Ok(result) => HttpResponse::Ok().content_type("application/json").body(result),
        Done::Replay(result) if replay_status == 200 => {
            HttpResponse::Ok().content_type("application/json").body(result)
        }
        Done::Replay(result) => ApiError::from(Problem::replay(result)).error_response(),
        Done::Not(problem) => ApiError(problem).error_response(),
    }
}

async fn one<T: DeserializeOwned>(
    server: &Server,
    request: &HttpRequest,
    payload: Payload,
    part: impl FnOnce(T, &ProviderId) -> Result<Part, FieldError>,
) -> Result<HttpResponse, ApiError> {
    let (provider, body) = signed(server, request, payload).await?;
    let mut part = part(json::parse(&body)?, &provider.provider)?;
    if let Some(key) = caller::idempotency_key(request) {
        part.key = field::parse_key("X-Idempotency-Key", key)?.to_owned();
    }
    let found = run::find_for(server, &provider, part).await?;
    let done = found.send(server, &provider.trace).done().await;
    Ok(respond(done, provider.profile.replay_status))
}

/// `POST /wallet/debit`.
pub(super) async fn debit(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    one(&server, &request, payload, Debit::into_command).await
}

/// `POST /wallet/credit`.
pub(super) async fn credit(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    one(&server, &request, payload, Credit::into_command).await
}

/// `POST /wallet/rollback`.
pub(super) async fn roll_back(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    one(&server, &request, payload, Rollback::into_command).await
}

/// `POST /wallet/play`.
pub(super) async fn play(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    one(&server, &request, payload, Play::into_command).await
}

/// `POST /wallet/settle`: checked whole first, then one command per player.
pub(super) async fn settle(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let (provider, body) = signed(&server, &request, payload).await?;
    let settle: Settle = json::parse(&body)?;
    let round_id = field::round(&settle.round_id)?.as_str().to_owned();
    let key = caller::idempotency_key(&request);
    let parts = settle.into_commands(&provider.provider, key)?;
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        found.push(run::find_for(&server, &provider, part).await?);
    }
    settle_found(&server, &provider, round_id, found).await
}

async fn settle_found(
    server: &Server,
    provider: &Provider,
    round_id: String,
    mut found: Vec<Found>,
) -> Result<HttpResponse, ApiError> {
    if let [_] = found.as_slice()
        && let Some(found) = found.pop()
    {
        return Ok(settle_one(server, provider, round_id, found).await);
    }
    match settle_all(server, provider, found).await {
        Ok((operations, replays)) => {
            let all_replayed = replays == operations.len();
            let response = SettleResponse { round_id, operations };
            Ok(settled(&response, all_replayed && provider.profile.replay_status == 409))
        }
        Err(problem) => Err(ApiError(problem)),
    }
}

/// `POST /wallet/round/end`: no open bet may be left, and none may come.
pub(super) async fn end_round(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let (provider, body) = signed(&server, &request, payload).await?;
    let ended: EndRound = json::parse(&body)?;
    let round_id = field::round(&ended.round_id)?.as_str().to_owned();
    let key = caller::idempotency_key(&request);
    let parts = ended.into_commands(&provider.provider, key)?;
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        found.push(run::find_for(&server, &provider, part).await?);
    }
    settle_found(&server, &provider, round_id, found).await
}

/// One player's settle: atomic by itself, so its refusal is the whole answer.
async fn settle_one(
    server: &Server,
    provider: &Provider,
    round_id: String,
    found: Found,
) -> HttpResponse {
    let player_id = found.part.player.clone();
    let done = found.send(server, &provider.trace).done().await;
    let replay = matches!(done, Done::Replay(_));
    if let Done::Not(problem) = done {
        return ApiError(problem).error_response();
    }
    let operations = vec![OperationOutcome { player_id, outcome: done.outcome() }];
    let response = SettleResponse { round_id, operations };
    settled(&response, replay && provider.profile.replay_status == 409)
}

/// Several players: a read-only check of all, then one command each (design, invariant 6).
pub(super) async fn settle_all(
    server: &Server,
    provider: &Provider,
    found: Vec<Found>,
) -> Result<(Vec<OperationOutcome>, usize), Box<Problem>> {
    for one in &found {
        if let Err(mut problem) = one.check(server, &provider.trace).await {
            problem.detail = format!("player {}: {}", one.part.player, problem.detail);
            return Err(problem);
        }
    }
    let sent: Vec<_> = found
        .into_iter()
        .map(|one| (one.part.player.clone(), one.send(server, &provider.trace)))
        .collect();
    let mut replays = 0;
    let mut operations = Vec::with_capacity(sent.len());
    for (player_id, sent) in sent {
        let done = sent.done().await;
        replays += usize::from(matches!(done, Done::Replay(_)));
        operations.push(OperationOutcome { player_id, outcome: done.outcome() });
    }
    Ok((operations, replays))
}

fn settled(response: &SettleResponse, replay: bool) -> HttpResponse {
    let status = palio_protocol::wallet::overall(response.operations.iter().map(|o| &o.outcome));
    match serde_json::to_string(response) {
        Ok(json) if replay => ApiError::from(Problem::replay(json)).error_response(),
        Ok(json) if status == 200 => HttpResponse::Ok().content_type("application/json").body(json),
        Ok(json) => HttpResponse::MultiStatus().content_type("application/json").body(json),
        Err(_) => {
            ApiError::new(ErrorCode::Internal, "the answer can't be rendered").error_response()
        }
    }
}

/// `GET /wallet/{playerId}`: committed state only.
pub(super) async fn balance(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let provider = caller::provider(&server, &request, &[])?;
    let id = field::parse_player(&path)?;
    let player = server
        .players
        .find(provider.tenant, id)
        .await?
        .ok_or_else(|| ApiError::new(ErrorCode::PlayerNotFound, "no such player"))?;
    match server.core.ask(Work::Wallet(provider.tenant, player)).await {
        Reply::Wallet(wallet) => Ok(HttpResponse::Ok().json(BalanceResponse {
            player_id: id.to_owned(),
            accounts: wallet.accounts.iter().map(|(c, a)| AccountBalance::new(*c, a)).collect(),
        })),
        other => Err(unexpected(&other)),
    }
}
