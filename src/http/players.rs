//! Players: their money and protection as the operator sees and changes them, and the own page.

use super::Server;
use super::caller;
use super::error::{ApiError, unexpected};
use super::run::Found;
use super::trace::trace_of;
use super::wallet::respond;
use crate::actors::handle::{Reply, Work};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use palio_domain::wallet::contest::Act;
use palio_domain::wallet::{Command, Wallet, WithdrawalEnd};
use palio_domain::{Aggregate, PlayerId, TenantId};
use palio_protocol::operator::{
    Adjustment, ConfirmVerdict, EndWithdrawal, Exclude, GrantFreeRounds, ProposeVerdict, Readmit,
    SetLimit, Withdrawal,
};
use palio_protocol::player::{PlayerResponse, ProtectionResponse};
use palio_protocol::signature::IDEMPOTENCY_HEADER;
use palio_protocol::tournament::payouts::SetProfile;
use palio_protocol::wallet::{AccountBalance, Deposit, MeResponse, Part};
use palio_protocol::{ErrorCode, FieldError, field, json};
use serde::de::DeserializeOwned;

/// `POST /api/players/{playerId}/deposits`: registers the player if he is new.
pub(super) async fn deposit(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    let tenant = operator.tenant();
    let body = caller::json(&server, &request, payload, tenant).await?;
    let key = caller::idempotency_key(&request);
    let part = json::parse::<Deposit>(&body)?.into_command(&path, key)?;
    let currency = match &part.command {
        Command::Deposit { currency, .. } => Some(*currency),
        _ => None,
    };
    if let (Some(rules), Some(currency)) = (server.sessions.get(&tenant), currency)
        && !rules.offers(currency)
    {
        let why = "is not offered here";
        return Err(FieldError::new(ErrorCode::CurrencyNotOffered, "currency", why).into());
    }
    super::run::fits(&server, tenant, &part.command)?;
    let player = server.players.register(tenant, &part.player).await?;
    let found = Found { tenant, player, part };
    let done = found.send(&server, &trace_of(&request)).done().await;
    Ok(respond(done, 409))
}

/// An operator's command to a known player. `part` gets the path's player, the idempotency key
/// and the author.
async fn command<T: DeserializeOwned>(
    server: &Server,
    request: &HttpRequest,
    payload: Payload,
    part: impl FnOnce(T, Option<&str>, &str) -> Result<Part, FieldError>,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(server, request)?;
    let body = caller::json(server, request, payload, operator.tenant()).await?;
    // A call that needs no body may come without one.
    let body = if body.is_empty() { b"{}".as_slice() } else { &body };
    let part = part(json::parse(body)?, caller::idempotency_key(request), &operator.sub)?;
    if let Command::GrantFreeRounds { provider, .. } = &part.command
        && server.health.get(operator.tenant(), provider.as_str()).is_none()
    {
        return Err(FieldError::invalid("provider", "is no provider of this tenant").into());
    }
    let found = super::run::find(server, operator.tenant(), part).await?;
    let done = found.send(server, &trace_of(request)).done().await;
    Ok(respond(done, 409))
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident($body:ty), $path:ty,
        |$server:ident, $of:ident, $at:ident, $key:ident, $author:ident| $part:expr;)*) => {
        $(
            $(#[$doc])*
            pub(super) async fn $name(
                server: Data<Server>,
                request: HttpRequest,
                path: Path<$path>,
                payload: Payload,
            ) -> Result<HttpResponse, ApiError> {
                let $at = path.into_inner();
                let $server = &server;
                command(&server, &request, payload, |$of: $body, $key, $author| $part).await
            }
        )*
    };
}

commands! {
    /// `POST /api/players/{playerId}/withdrawals`.
    withdraw(Withdrawal), String, |_server, of, at, key, _author| of.into_command(&at, key);
    /// `POST /api/players/{playerId}/withdrawals/{withdrawalId}/capture`.
    capture(EndWithdrawal), (String, String), |_server, of, at, key, _author| {
        of.into_command(&at.0, &at.1, WithdrawalEnd::Captured, key)
    };
    /// `POST /api/players/{playerId}/withdrawals/{withdrawalId}/cancel`.
    cancel(EndWithdrawal), (String, String), |_server, of, at, key, _author| {
        of.into_command(&at.0, &at.1, WithdrawalEnd::Cancelled, key)
    };
    /// `POST /api/players/{playerId}/adjustments`.
    adjust(Adjustment), String, |_server, of, at, key, author| of.into_command(&at, key, author);
    /// `POST /api/players/{playerId}/limits`.
    limit(SetLimit), String, |server, of, at, key, author| {
        of.into_command(&at, key, author, server.raise_wait_ms)
    };
    /// `POST /api/players/{playerId}/exclusion`.
    exclude(Exclude), String, |_server, of, at, key, author| {
        of.into_command(&at, key, author, true)
    };
    /// `POST /api/players/{playerId}/readmission`.
    readmit(Readmit), String, |_server, of, at, key, author| of.into_command(&at, key, author);
    /// `POST /api/players/{playerId}/free-rounds`.
    free_rounds(GrantFreeRounds), String, |_server, of, at, key, author| {
        of.into_command(&at, key, author)
    };
    /// `POST /api/players/{playerId}/profile`: all that is known of the player.
    profile(SetProfile), String, |_server, of, at, key, author| {
        let profile = of.parse()?;
        let key = match key {
            Some(key) => field::parse_key(IDEMPOTENCY_HEADER, key)?.to_owned(),
            None => hex::encode(rand::random::<[u8; 16]>()),
        };
        let act = Act::SetProfile { profile, author: author.into() };
        Ok(Part::new(field::parse_player(&at)?.to_owned(), key, Command::Contest(Box::new(act))))
    };
    /// `POST /api/players/{playerId}/verdicts`.
    propose(ProposeVerdict), String, |_server, of, at, key, author| {
        of.into_command(&at, key, author)
    };
    /// `POST /api/players/{playerId}/verdicts/confirm`.
    confirm(ConfirmVerdict), String, |_server, of, at, key, author| {
        of.into_command(&at, key, author)
    };
}

/// A player's own word about his protection.
async fn own<T: DeserializeOwned>(
    server: &Server,
    request: &HttpRequest,
    payload: Payload,
    part: impl FnOnce(T, &str, Option<&str>) -> Result<Part, FieldError>,
) -> Result<HttpResponse, ApiError> {
    let (tenant, player, id) = caller::player(server, request)?;
    let body = caller::json(server, request, payload, tenant).await?;
    let part = part(json::parse(&body)?, &id, caller::idempotency_key(request))?;
    let found = Found { tenant, player, part };
    let done = found.send(server, &trace_of(request)).done().await;
    Ok(respond(done, 409))
}

/// `POST /api/me/limits`.
pub(super) async fn my_limit(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    own(&server, &request, payload, |of: SetLimit, id, key| {
        of.into_command(id, key, "player", server.raise_wait_ms)
    })
    .await
}

/// `POST /api/me/exclusion`.
pub(super) async fn my_exclusion(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    own(&server, &request, payload, |of: Exclude, id, key| {
        of.into_command(id, key, "player", false)
    })
    .await
}

/// `GET /api/me/limits`: the own limits with what is used of them, and the own exclusion.
pub(super) async fn my_limits(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (tenant, player, id) = caller::player(&server, &request)?;
    let wallet = committed(&server, tenant, player).await?;
    Ok(HttpResponse::Ok().json(ProtectionResponse::new(id, &wallet, server.clock.now())))
}

/// A wallet as committed.
pub(super) async fn committed(
    server: &Server,
    tenant: TenantId,
    player: PlayerId,
) -> Result<Box<Wallet>, ApiError> {
    match server.core.ask(Work::Wallet(tenant, player)).await {
        Reply::Wallet(wallet) => Ok(wallet),
        other => Err(unexpected(&other)),
    }
}

/// `POST /api/players/{playerId}`: registers a player; a known one is left as he is.
pub(super) async fn register(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let tenant = caller::operator(&server, &request)?.tenant();
    let id = field::parse_player(&path)?;
    let player = server.players.register(tenant, id).await?;
    let wallet = committed(&server, tenant, player).await?;
    let (slot, now) = (Aggregate::Player(player).slot(tenant), server.clock.now());
    Ok(HttpResponse::Ok().json(PlayerResponse::new(id.to_owned(), &wallet, slot, now)))
}

/// `GET /api/players/{playerId}`.
pub(super) async fn show(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let tenant = caller::operator(&server, &request)?.tenant();
    let id = field::parse_player(&path)?;
    let player = server.players.find(tenant, id).await?;
    let player =
        player.ok_or_else(|| ApiError::new(ErrorCode::PlayerNotFound, "no such player"))?;
    let wallet = committed(&server, tenant, player).await?;
    let (slot, now) = (Aggregate::Player(player).slot(tenant), server.clock.now());
    Ok(HttpResponse::Ok().json(PlayerResponse::new(id.to_owned(), &wallet, slot, now)))
}

/// `GET /api/me`.
pub(super) async fn me(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (tenant, player, id) = caller::player(&server, &request)?;
    field::parse_player(&id)?;
    let wallet = committed(&server, tenant, player).await?;
    Ok(HttpResponse::Ok().json(MeResponse {
        player_id: id,
        key: None,
        accounts: wallet.accounts.iter().map(|(c, a)| AccountBalance::new(*c, a)).collect(),
        tournaments: wallet.entries.keys().map(|id| id.as_str().to_owned()).collect(),
    }))
}
