//! What an edge node answers: the page, tournaments and boards; everything else is elsewhere.

use super::error::{ApiError, path_error, query_error};
use super::leaderboard::{self, id, not_found};
use super::{admin, pages, stream, tournaments};
use crate::auth::Verifier;
use crate::clock::Clock;
use crate::edge::shelf::Shelf;
use crate::peers::Peers;
use crate::ws::Live;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, ContentType};
use actix_web::web::{self, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use metrics_exporter_prometheus::PrometheusHandle;
use palio_domain::{TenantId, TournamentId};
use palio_protocol::{ErrorCode, Problem};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Everything that an edge's handlers need.
pub struct Edge {
    /// Sockets and boards.
    pub live: Arc<Live>,
    /// Tournaments.
    pub shelf: Arc<Shelf>,
    /// Who is behind the TLS front.
    pub peers: Peers,
    /// Tells good tokens from bad ones, if this edge can.
    pub verifier: Option<Arc<Verifier>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The tenant of calls that carry no token.
    pub public_tenant: TenantId,
    /// Whether the list and its boards were read.
    pub is_ready: Arc<AtomicBool>,
}

/// The routes of an edge's public port.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .app_data(web::QueryConfig::default().error_handler(query_error))
        .app_data(web::PathConfig::default().error_handler(path_error))
        .route("/api/tournaments", web::get().to(list))
        .route("/api/tournaments/{id}", web::get().to(get))
        .route("/api/tournaments/{id}/leaderboard", web::get().to(board))
        .route("/api/tournaments/{id}/events", web::get().to(events))
        .route("/healthz", web::get().to(admin::healthz))
        .route("/readyz", web::get().to(readyz))
        .configure(pages::routes)
        .default_service(web::to(elsewhere));
}

/// The routes of an edge's admin port.
pub fn admin_routes(config: &mut web::ServiceConfig) {
    config
        .route("/metrics", web::get().to(metrics))
        .route("/healthz", web::get().to(admin::healthz))
        .route("/readyz", web::get().to(readyz));
}

async fn metrics(handle: Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(handle.render())
}

async fn readyz(edge: Data<Edge>) -> HttpResponse {
    if edge.is_ready.load(Ordering::Acquire) {
        HttpResponse::Ok().json(json!({"status": "ready"}))
    } else {
        HttpResponse::ServiceUnavailable().json(json!({"status": "not ready"}))
    }
}

fn misdirected(detail: &'static str) -> ApiError {
    ApiError::new(ErrorCode::Misdirected, detail)
}

/// Wallets, entries, operators: not here.
async fn elsewhere() -> ApiError {
    misdirected("an edge shows tournaments and boards; everything else is done by a core node")
}

/// Refuses while what is not here yet would be said not to exist.
fn ready(edge: &Edge) -> Result<(), ApiError> {
    if edge.is_ready.load(Ordering::Acquire) {
        return Ok(());
    }
    let detail = "boards are being read";
    Err(Problem::new(ErrorCode::StorageUnavailable, detail).retry_after(1).into())
}

fn tenant(edge: &Edge, request: &HttpRequest) -> Result<TenantId, ApiError> {
    let Some(value) = request.headers().get(AUTHORIZATION) else { return Ok(edge.public_tenant) };
    let Some(verifier) = &edge.verifier else {
        return Err(misdirected("this edge can't read tokens; ask a core node"));
    };
    let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
    let bad = |detail: String| ApiError::new(ErrorCode::BadToken, detail);
    let token = token.ok_or_else(|| bad("a Bearer token is needed".to_owned()))?;
    let claims =
        verifier.verify(token, edge.clock.now()).map_err(|error| bad(error.to_string()))?;
    Ok(claims.tenant())
}

async fn list(
    edge: Data<Edge>,
    request: HttpRequest,
    filter: Query<tournaments::Filter>,
) -> Result<HttpResponse, ApiError> {
    ready(&edge)?;
    let tenant = tenant(&edge, &request)?;
    let all = edge.shelf.all();
    let of = |listed: &crate::edge::store::Listed| {
        listed.tenant == tenant.0 && filter.wants(&listed.status)
    };
    let wanted = all.iter().filter(|shown| of(&shown.listed)).take(filter.limit());
    let texts: Vec<&str> = wanted.map(|shown| &*shown.text).collect();
    let body = format!("{{\"tournaments\":[{}]}}", texts.join(","));
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(body))
}

async fn get(edge: Data<Edge>, path: Path<String>) -> Result<HttpResponse, ApiError> {
    ready(&edge)?;
    let shown = edge.shelf.get(&id(&path)?).ok_or_else(not_found)?;
    let body = shown.text.as_bytes().to_vec();
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-cache"));
    Ok(response.content_type(ContentType::json()).body(body))
}

/// Refuses what can't be shown here, yet or at all.
fn known(edge: &Edge, id: &TournamentId) -> Result<(), ApiError> {
    ready(edge)?;
    if edge.live.published(id).is_some() {
        return Ok(());
    }
    if edge.live.knows(id) {
        return Err(not_found());
    }
    let detail = "this board has not come yet";
    Err(Problem::new(ErrorCode::StorageUnavailable, detail).retry_after(1).into())
}

async fn board(
    edge: Data<Edge>,
    request: HttpRequest,
    path: Path<String>,
    page: Query<leaderboard::Page>,
) -> Result<HttpResponse, ApiError> {
    let id = id(&path)?;
    known(&edge, &id)?;
    let answer = leaderboard::of(&edge.live, &id, &request, page.into_inner()).await;
    answer.ok_or_else(|| misdirected("so deep a page of a ranking is with a core node"))
}

async fn events(
    edge: Data<Edge>,
    request: HttpRequest,
    path: Path<String>,
    from: Query<stream::From>,
) -> Result<HttpResponse, ApiError> {
    let id = id(&path)?;
    known(&edge, &id)?;
    let address = edge.peers.of(request.peer_addr());
    stream::of(&edge.live, &id, address, &request, &from)
}
