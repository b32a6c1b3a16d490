//! From an HTTP request to a socket on a live thread.
//!
//! Everything that can refuse a client does so before the upgrade is answered, as a problem in
//! HTTP: no tournament, a foreign origin, no seat left.

use super::doors::{self, Refused};
use super::hall::{Arrival, Door};
use super::seats::Full;
use super::{Live, request};
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

/// The path of a player's own socket.
const OWN: &str = "/ws/me";

/// The service for `HttpService::build().upgrade(…)`.
pub type UpgradeService =
    BoxServiceFactory<(), (Request, Framed<TcpStream, h1::Codec>), (), Infallible, ()>;

type Wire = Framed<TcpStream, h1::Codec>;

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
    let id = request::tournament(request.path());
    if id.is_none() && request.path() != OWN {
        return Err(Refused::Nowhere);
    }
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
    let address = live.config.peers.of(request.peer_addr());
    let (door, seat) = match id {
        Some(id) => {
            let cursor = request.uri().query().and_then(request::cursor);
            let (topic, seat) = doors::admit(live, &id, address, cursor.as_ref())?;
            let (topic, form) = (topic.subscribe(), form.unwrap_or_default());
            (Door::Board { id, topic, cursor, form }, seat)
        }
        None if live.directory.is_none() => return Err(Refused::Elsewhere),
        None => (Door::Purse, doors::seat(live, address, None)?),
    };
    let place = live.place().ok_or(Refused::Full(Full::Node))?;
    let arrive = Box::new(move |stream, read| {
        place.send(Arrival { stream, read, door, seat });
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
    let mut problem = refused.problem();
    problem.trace_id = Some(trace.to_owned());
    let status = match refused {
        Refused::OldVersion => StatusCode::UPGRADE_REQUIRED,
        _ => StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let body = problem.to_json();
    let mut response = Response::build(status);
    response
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")))
        .insert_header((HeaderName::from_static("x-trace-id"), trace))
        .force_close();
    if let Some(seconds) = problem.retry_after_s {
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
