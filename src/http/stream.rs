//! `GET /api/tournaments/{id}/events`: a live board as server-sent events.

use super::Server;
use super::error::{ApiError, restored};
use super::leaderboard::id;
use actix_web::http::header::{CACHE_CONTROL, ContentEncoding};
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::unfold;
use serde::Deserialize;
use std::convert::Infallible;

#[derive(Deserialize)]
pub(super) struct From {
    epoch: Option<String>,
    seq: Option<u64>,
}

/// Where the client is: as its browser says after the stream broke, or by the query.
fn cursor<'a>(request: &'a HttpRequest, from: &'a From) -> Option<(&'a str, u64)> {
    let last = request.headers().get("last-event-id").and_then(|last| last.to_str().ok());
    if let Some((epoch, seq)) = last.and_then(|last| last.rsplit_once(':')) {
        return Some((epoch, seq.parse().ok()?));
    }
    Some((from.epoch.as_deref()?, from.seq?))
}

/// `GET /api/tournaments/{id}/events`.
pub(super) async fn events(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    from: Query<From>,
) -> Result<HttpResponse, ApiError> {
    let id = id(&path)?;
    restored(&server)?;
    let address = server.peers.of(request.peer_addr());
    let stream = server.live.stream(&id, address, cursor(&request, &from))?;
    let bytes = unfold(stream, |mut stream| async {
        let next = stream.next().await?;
        Some((Ok::<_, Infallible>(next), stream))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        // Proxies that gather bytes are asked not to; nor does the server's own compression.
        .insert_header(("x-accel-buffering", "no"))
        .insert_header(ContentEncoding::Identity)
        .streaming(bytes))
}
