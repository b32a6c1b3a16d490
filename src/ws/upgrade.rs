//! From an HTTP request to a socket on a live thread.
//!
//! Everything that can refuse a client does so before the upgrade is answered, as a problem in
//! HTTP: no tournament, a foreign origin, no seat left.

use super::hall::Arrival;
use super::seats::Full;
use super::{Live, frames, request};
use actix_codec::Framed;
use actix_http::body::BodySize;
use actix_http::header::{self, HeaderName, HeaderValue};
use actix_http::{HttpMessage as _, Request, Response, StatusCode, h1, ws};
use actix_rt::net::TcpStream;
use actix_service::boxed::{self, BoxServiceFactory};
use actix_service::fn_service;
use bytes::Bytes;
use futures_util::SinkExt as _;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The service for `HttpService::build().upgrade(…)`.
pub type UpgradeService =
    BoxServiceFactory<(), (Request, Framed<TcpStream, h1::Codec>), (), Infallible, ()>;

type Wire = Framed<TcpStream, h1::Codec>;

/// Why a request does not become a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    NotFound,
    BadHandshake,
    OldVersion,
    Subprotocol,
    Origin,
    Node,
    Address,
    Stopping,
    Starting,
}

impl Refused {
    const fn answer(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND", "no such tournament"),
            Self::BadHandshake => {
                (StatusCode::BAD_REQUEST, "BAD_HANDSHAKE", "not a WebSocket handshake")
            }
            Self::OldVersion => {
                (StatusCode::UPGRADE_REQUIRED, "BAD_HANDSHAKE", "only WebSocket version 13")
            }
            Self::Subprotocol => (
                StatusCode::BAD_REQUEST,
                "UNKNOWN_SUBPROTOCOL",
                "offer palio.v1.json or palio.v1.bin",
            ),
            Self::Origin => {
                (StatusCode::FORBIDDEN, "ORIGIN_NOT_ALLOWED", "pages of this origin may not")
            }
            Self::Node => {
                (StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_SOCKETS", "this node is full")
            }
            Self::Address => (
                StatusCode::TOO_MANY_REQUESTS,
                "TOO_MANY_SOCKETS",
                "too many sockets from this address",
            ),
            Self::Starting => {
                let detail = "boards are being restored";
                (StatusCode::SERVICE_UNAVAILABLE, "STORAGE_UNAVAILABLE", detail)
            }
            Self::Stopping => {
                (StatusCode::SERVICE_UNAVAILABLE, "SHUTTING_DOWN", "this node is stopping")
            }
        }
    }

    /// Seconds after which another try makes sense.
    const fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::Node | Self::Address => Some("5"),
            Self::Stopping | Self::Starting => Some("1"),
            Self::NotFound
            | Self::BadHandshake
            | Self::OldVersion
            | Self::Subprotocol
            | Self::Origin => None,
        }
    }
}

/// A service that upgrades requests to sockets of `live`; one for every worker.
#[must_use]
pub fn service(live: &Arc<Live>) -> UpgradeService {
    let live = Arc::clone(live);
    boxed::factory(fn_service(move |(request, wire): (Request, Wire)| {
        let live = Arc::clone(&live);
        async move {
            upgrade(&live, request, wire).await;
            Ok(())
        }
    }))
}

async fn upgrade(live: &Live, request: Request, mut wire: Wire) {
    let trace = live.trace(text(&request, &HeaderName::from_static("x-trace-id")));
    let (arrive, response) = match prepare(live, &request, &trace) {
        Ok(ready) => ready,
        Err(refused) => return refuse(wire, refused, &trace).await,
    };
    drop(request);
    if wire.send(h1::Message::Item((response, BodySize::None))).await.is_err() {
        return;
    }
    let parts = wire.into_parts();
    // Small frames must not wait for one another; a socket without it works all the same.
    parts.io.set_nodelay(true).ok();
    if let Ok(stream) = parts.io.into_std() {
        // A copy: the buffer of the request is much larger than what may have come after it.
        arrive(stream, Bytes::copy_from_slice(&parts.read_buf));
    }
}

type Arrive = Box<dyn FnOnce(std::net::TcpStream, Bytes)>;

/// Everything that may refuse; what comes after it cannot fail but by the connection.
fn prepare(live: &Live, request: &Request, trace: &str) -> Result<(Arrive, Response<()>), Refused> {
    let id = request::tournament(request.path()).ok_or(Refused::NotFound)?;
    let mut response = ws::handshake(request.head()).map_err(|error| match error {
        ws::HandshakeError::UnsupportedVersion => Refused::OldVersion,
        _ => Refused::BadHandshake,
    })?;
    let offers = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let offers = offers.map(|offer| offer.to_str().unwrap_or_default());
    let form = request::subprotocol(offers).ok_or(Refused::Subprotocol)?;
    let (origin, host) = (text(request, &header::ORIGIN), text(request, &header::HOST));
    if !request::origin_allowed(origin, host, &live.config.allowed_origins) {
        return Err(Refused::Origin);
    }
    if live.stopping.load(Ordering::Acquire) {
        return Err(Refused::Stopping);
    }
    if !live.topics.is_ready() {
        return Err(Refused::Starting);
    }
    let topic = live.topics.open(&id).ok_or(Refused::NotFound)?;
    let address = request.peer_addr().map(|address| address.ip());
    let seat = live.seats.take(address).map_err(|full| match full {
        Full::Node => Refused::Node,
        Full::Address => Refused::Address,
    })?;
    let place = live.place().ok_or(Refused::Node)?;
    let cursor = request.uri().query().and_then(request::cursor);
    let topic = topic.subscribe();
    let arrive = Box::new(move |stream, read| {
        let form = form.unwrap_or_default();
        place.send(Arrival { stream, read, cursor, form, id, topic, seat });
    });
    response.insert_header((HeaderName::from_static("x-trace-id"), trace));
    if let Some(form) = form {
        let name = HeaderValue::from_static(form.subprotocol());
        response.insert_header((header::SEC_WEBSOCKET_PROTOCOL, name));
    }
    let response = response.message_body(()).map_err(|_| Refused::BadHandshake)?;
    Ok((arrive, response))
}

fn text<'a>(request: &'a Request, name: &HeaderName) -> Option<&'a str> {
    // One that is not text is there, and equals nothing.
    request.headers().get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"))
}

async fn refuse(mut wire: Wire, refused: Refused, trace: &str) {
    let (status, code, detail) = refused.answer();
    let body = frames::problem(status.as_u16(), code, detail, trace);
    let mut response = Response::build(status);
    response
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")))
        .insert_header((HeaderName::from_static("x-trace-id"), trace))
        .force_close();
    if let Some(seconds) = refused.retry_after() {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if refused == Refused::OldVersion {
        response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
    }
    let Ok(response) = response.message_body(()) else { return };
    let size = BodySize::Sized(u64::try_from(body.len()).unwrap_or_default());
    let head = h1::Message::Item((response, size));
    // A client that has gone does not need the answer.
    // One write for both: some clients read no further than the first.
    if wire.feed(head).await.is_ok()
        && wire.send(h1::Message::Chunk(Some(body.into()))).await.is_ok()
    {
        wire.close().await.ok();
    }
}
