//! What a client sends: one task per socket, which holds no buffer while nothing comes.

use super::frames::{self, close};
use super::own::{self, Auth};
use super::socket::{Read, Socket};
use actix_codec::Decoder as _;
use actix_http::ws::{Codec, Frame, Item};
use bytes::{Bytes, BytesMut};
use palio_domain::{PlayerId, UnixMs};
use serde::Deserialize;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The largest message, in one frame or several.
const MESSAGE_MAX: usize = 4 * 1024;
const FRAMES_PER_SECOND_MAX: u8 = 10;
const SECOND: Duration = Duration::from_secs(1);
/// Reads of one socket before the others get their turn.
const READS_PER_TURN: u8 = 4;

#[derive(Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
enum Request {
    Auth { token: String },
    Ping,
}

/// A message that comes in several frames.
struct Parts {
    is_text: bool,
    bytes: BytesMut,
}

struct Session {
    codec: Codec,
    /// The beginning of a frame.
    pending: BytesMut,
    parts: Option<Box<Parts>>,
    second: Instant,
    frames: u8,
    /// After a protocol error what comes is thrown away.
    deaf: bool,
}

/// Why a client is closed with 4400; for the log.
type Wrong = &'static str;

/// Reads until the socket is gone. `first` came together with the handshake.
pub(super) async fn run(socket: Rc<Socket>, first: Bytes) {
    let mut session = Session {
        codec: Codec::new().max_size(MESSAGE_MAX),
        pending: BytesMut::from(&first[..]),
        parts: None,
        second: Instant::now(),
        frames: 0,
        deaf: false,
    };
    drop(first);
    session.take(&socket);
    while !socket.is_gone() && socket.readable().await {
        for _ in 0..READS_PER_TURN {
            match socket.read((!session.deaf).then_some(&mut session.pending)) {
                Read::Some => session.take(&socket),
                Read::Nothing => break,
                Read::End => return socket.end(close::BROKEN),
            }
            if socket.is_gone() {
                return;
            }
        }
        tokio::task::yield_now().await;
    }
    socket.end(close::BROKEN);
}

impl Session {
    /// Acts on every frame that is complete.
    fn take(&mut self, socket: &Rc<Socket>) {
        while !self.pending.is_empty() && !self.deaf && !socket.is_gone() {
            let outcome = match self.codec.decode(&mut self.pending) {
                Ok(None) => break,
                Ok(Some(frame)) => self.count().and_then(|()| self.frame(socket, frame)),
                Err(_) => Err("not a frame, or a frame that is too large"),
            };
            if let Err(wrong) = outcome {
                tracing::debug!(wrong, "socket closed for breaking the protocol");
                self.deaf = true;
                self.parts = None;
                socket.close(close::PROTOCOL, None);
            }
        }
        if self.deaf || self.pending.is_empty() {
            self.pending = BytesMut::new();
        }
    }

    fn count(&mut self) -> Result<(), Wrong> {
        if self.second.elapsed() >= SECOND {
            (self.second, self.frames) = (Instant::now(), 0);
        }
        self.frames = self.frames.saturating_add(1);
        if self.frames > FRAMES_PER_SECOND_MAX { Err("too many frames") } else { Ok(()) }
    }

    fn frame(&mut self, socket: &Rc<Socket>, frame: Frame) -> Result<(), Wrong> {
        socket.heard();
        match frame {
            Frame::Text(text) => message(socket, true, &text),
            Frame::Binary(bytes) => message(socket, false, &bytes),
            Frame::Continuation(Item::FirstText(part)) => self.first_part(true, &part),
            Frame::Continuation(Item::FirstBinary(part)) => self.first_part(false, &part),
            Frame::Continuation(Item::Continue(part)) => self.part(&part).map(|_| ()),
            Frame::Continuation(Item::Last(part)) => {
                self.part(&part)?;
                let parts = self.parts.take().ok_or("continues nothing")?;
                message(socket, parts.is_text, &parts.bytes)
            }
            Frame::Ping(payload) => {
                if socket.is_open() {
                    socket.pong(&payload);
                }
                Ok(())
            }
            Frame::Pong(_) => Ok(()),
            Frame::Close(reason) => {
                let code = reason.map_or(close::NO_CODE, |reason| reason.code.into());
                self.deaf = true;
                socket.closed_by_peer(code);
                Ok(())
            }
        }
    }

    fn first_part(&mut self, is_text: bool, part: &[u8]) -> Result<(), Wrong> {
        self.parts = Some(Box::new(Parts { is_text, bytes: BytesMut::from(part) }));
        Ok(())
    }

    fn part(&mut self, part: &[u8]) -> Result<(), Wrong> {
        let parts = self.parts.as_mut().ok_or("continues nothing")?;
        if parts.bytes.len() + part.len() > MESSAGE_MAX {
            return Err("a message that is too large");
        }
        parts.bytes.extend_from_slice(part);
        Ok(())
    }
}

fn message(socket: &Rc<Socket>, is_text: bool, bytes: &[u8]) -> Result<(), Wrong> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) if is_text => return Err("a text that is not UTF-8"),
        Err(_) => "",
    };
    if !socket.is_open() {
        return Ok(());
    }
    let request = serde_json::from_str(text).ok().filter(|_| is_text);
    match request {
        Some(Request::Ping) => {
            let now = (socket.hall.now)();
            socket.send(frames::text(&[&frames::pong_text(now)]));
        }
        Some(Request::Auth { token }) => authenticate(socket, &token),
        None => {
            let error = frames::error("BAD_FRAME", "neither auth nor ping");
            socket.send(frames::text(&[&error]));
        }
    }
    Ok(())
}

fn authenticate(socket: &Rc<Socket>, token: &str) {
    let here = socket.room.current().view.tenant;
    let now = (socket.hall.now)();
    let good = socket.hall.tokens.player(token);
    let good = good.filter(|(tenant, _, until)| *tenant == here && until.since_ms(now) > 0);
    let Some((_, player, until)) = good else {
        socket.send(frames::text(&[&frames::error("BAD_TOKEN", "the token is not good here")]));
        return socket.close(close::TOKEN, None);
    };
    if renew(socket, player, until) {
        return;
    }
    let first = socket.auth.replace(Some(Box::new(Auth::new(player, until)))).is_none();
    if first {
        socket.hall.authed.borrow_mut().push(Rc::downgrade(socket));
    }
    tokio::task::spawn_local(own::ask(Rc::clone(socket)));
}

/// A new token of the same player only moves the end.
fn renew(socket: &Socket, player: PlayerId, until: UnixMs) -> bool {
    match socket.auth.borrow_mut().as_deref_mut() {
        Some(auth) if auth.player == player => {
            auth.until = until;
            true
        }
        Some(_) | None => false,
    }
}
