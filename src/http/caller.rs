//! Who calls: a provider by signature, a player or operator by token.

use super::Server;
use super::error::{ApiError, payload_error};
use super::trace::trace_of;
use crate::actors::budget::Class;
use crate::auth::{AuthError, Claims, Role, SignatureHeaders};
use crate::providers::profile::Profile;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpRequest, error::PayloadError};
use futures_util::StreamExt as _;
use palio_domain::{PlayerId, ProviderId, TenantId, TraceId};
use palio_protocol::signature::{
    IDEMPOTENCY_HEADER, KEY_HEADER, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER,
};
use palio_protocol::{ErrorCode, Problem};
use std::sync::Arc;

/// A provider whose signature was good.
pub(super) struct Provider {
    /// Whose brand; from the key, never from the body.
    pub tenant: TenantId,
    /// Which provider.
    pub provider: ProviderId,
    /// What it expects.
    pub profile: Arc<Profile>,
    /// The trace.
    pub trace: TraceId,
}

/// A header as text; empty when it is missing or not text.
pub(super) fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The idempotency key of a request, if it has one.
pub(super) fn idempotency_key(request: &HttpRequest) -> Option<&str> {
    Some(header(request, IDEMPOTENCY_HEADER)).filter(|key| !key.is_empty())
}

/// The owner of the signing key that a request names; proves nothing.
pub(super) fn claimed<'a>(
    server: &'a Server,
    request: &HttpRequest,
) -> Result<(TenantId, &'a ProviderId), ApiError> {
    let unknown = || ApiError::new(ErrorCode::UnknownKey, "unknown signing key");
    server.providers.owner(header(request, KEY_HEADER)).ok_or_else(unknown)
}

/// Reads a body, at most as large as allowed. What could not be done when it is here is refused
/// before: when the node has no room for a command of this class.
pub(super) async fn read(
    server: &Server,
    request: &HttpRequest,
    payload: Payload,
    (class, tenant, claimed): (Class, TenantId, Option<&ProviderId>),
) -> Result<Bytes, ApiError> {
    // Only a look: who sends this is not proven, so he must not hold a place of commands.
    drop(server.core.admit(class, tenant, claimed)?);
    let address = server.peers.of(request.peer_addr());
    let _reading = server.intake.take(address, claimed.map(|provider| (tenant, provider)))?;
    tokio::time::timeout(server.limits.body_time_max, read_all(server, payload))
        .await
        .unwrap_or_else(|_| {
            Err(ApiError::new(ErrorCode::BodyTimeout, "the body did not arrive in time"))
        })
}

async fn read_all(server: &Server, mut payload: Payload) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(payload_error)?;
        if body.len() + chunk.len() > server.limits.body_bytes_max {
            return Err(payload_error(PayloadError::Overflow));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Refuses JSON nested too deeply, before any parser sees it.
pub(super) fn check_depth(server: &Server, body: &[u8]) -> Result<(), ApiError> {
    if palio_protocol::json::check_depth(body, server.limits.json_depth_max) {
        Ok(())
    } else {
        Err(ApiError::new(ErrorCode::TooDeep, "the JSON is nested too deeply"))
    }
}

/// Refuses what says that it is something else than JSON; what says nothing is read as JSON.
pub(super) fn check_media_type(request: &HttpRequest) -> Result<(), ApiError> {
    let kind = header(request, "content-type").split(';').next().unwrap_or_default().trim();
    let lower = kind.to_ascii_lowercase();
    if kind.is_empty() || lower == "application/json" || lower.ends_with("+json") {
        return Ok(());
    }
    let detail = "Content-Type must be application/json";
    Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail))
}

/// The JSON body of an operator's or player's call. It may be one that must get through a storm,
/// such as the kill switch; its command is told apart later.
pub(super) async fn json(
    server: &Server,
    request: &HttpRequest,
    payload: Payload,
    tenant: TenantId,
) -> Result<Bytes, ApiError> {
    check_media_type(request)?;
    let body = read(server, request, payload, (Class::Result, tenant, None)).await?;
    check_depth(server, &body)?;
    Ok(body)
}

/// Checks the signature over the raw body, before anything else is looked at.
pub(super) fn provider(
    server: &Server,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Provider, ApiError> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let timestamp = header(request, TIMESTAMP_HEADER);
    let signed = Signed {
        timestamp,
        method: request.method().as_str(),
        path_and_query: path,
        idempotency_key: header(request, IDEMPOTENCY_HEADER),
        body,
    };
    let headers = SignatureHeaders {
        key: header(request, KEY_HEADER),
        timestamp,
        signature: header(request, SIGNATURE_HEADER),
    };
    let key =
        server.providers.authenticate(&headers, &signed, server.clock.now()).map_err(|error| {
            match error {
                AuthError::UnknownKey => {
                    ApiError::new(ErrorCode::UnknownKey, "unknown signing key")
                }
                AuthError::StaleTimestamp => ApiError::new(
                    ErrorCode::StaleTimestamp,
                    "X-Palio-Timestamp is missing or more than 60 s from the server's clock",
                ),
                AuthError::BadSignature => {
                    ApiError::new(ErrorCode::BadSignature, "the signature does not fit the request")
                }
            }
        })?;
    let id = (key.tenant, key.provider.as_str().to_owned());
    if let Some(limiter) = server.rates.get(&id)
        && limiter.check_key(&id.1).is_err()
    {
        let problem = Problem::new(ErrorCode::RateLimited, "too many requests; slow down");
        return Err(problem.retry_after(1).into());
    }
    let profile = server.profiles.get(&id).cloned().unwrap_or_default();
    Ok(Provider {
        tenant: key.tenant,
        provider: key.provider.clone(),
        profile,
        trace: trace_of(request),
    })
}

fn claims(server: &Server, request: &HttpRequest) -> Result<Claims, ApiError> {
    let value = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(|| {
        ApiError::new(ErrorCode::BadToken, "an Authorization header with a Bearer token is needed")
    })?;
    server
        .issuer
        .verifier()
        .verify(token, server.clock.now())
        .map_err(|error| ApiError::new(ErrorCode::BadToken, error.to_string()))
}

/// The tenant of a call that may come without a token.
pub(super) fn tenant_or_public(
    server: &Server,
    request: &HttpRequest,
) -> Result<TenantId, ApiError> {
    if request.headers().contains_key(AUTHORIZATION) {
        claims(server, request).map(|claims| claims.tenant())
    } else {
        Ok(server.public_tenant)
    }
}

/// An operator's (or admin's) token.
pub(super) fn operator(server: &Server, request: &HttpRequest) -> Result<Claims, ApiError> {
    let claims = claims(server, request)?;
    match claims.role {
        Role::Operator | Role::Admin => Ok(claims),
        Role::Player | Role::Session => {
            Err(ApiError::new(ErrorCode::Forbidden, "this call is for operators"))
        }
    }
}

/// A player's token: tenant, number and outside id.
pub(super) fn player(
    server: &Server,
    request: &HttpRequest,
) -> Result<(TenantId, PlayerId, String), ApiError> {
    let claims = claims(server, request)?;
    match (claims.role, claims.player()) {
        (Role::Player, Some(player)) => Ok((claims.tenant(), player, claims.sub.clone())),
        _ => Err(ApiError::new(ErrorCode::Forbidden, "this call is for players")),
    }
}

/// A session as its token names it.
pub(super) struct Session {
    /// Whose.
    pub player: PlayerId,
    /// The player's id outside.
    pub subject: String,
    /// The game.
    pub game: String,
    /// Its number.
    pub number: u64,
}

/// Reads a session's token; whether the session is open is for the wallet to say, however old
/// the token is.
pub(super) fn session(server: &Server, tenant: TenantId, token: &str) -> Result<Session, ApiError> {
    let bad = |detail: String| ApiError::new(ErrorCode::BadToken, detail);
    let claims = server.issuer.verifier().read(token).map_err(|e| bad(e.to_string()))?;
    match (claims.player(), claims.session()) {
        (Some(player), Some((game, number))) if claims.tenant() == tenant => {
            let (game, subject) = (game.to_owned(), claims.sub.clone());
            Ok(Session { player, subject, game, number })
        }
        _ => Err(bad("the token is not a session's".to_owned())),
    }
}
