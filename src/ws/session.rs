//! What a client sends: one task per socket, which holds no buffer while nothing comes.

use super::frames;
use super::own::{self, Auth};
use super::purse;
use super::said::{Listener, Said, Wrong};
use super::socket::{Place, Read, Socket};
use crate::actors::board::Who;
use bytes::Bytes;
use palio_domain::UnixMs;
use palio_protocol::live::{Request, close};
use std::rc::Rc;
use std::time::{Duration, Instant};

const FRAMES_PER_SECOND_MAX: u8 = 10;
/// When somebody who asked too often may come back.
const LATER_MS: u64 = 5_000;
const SECOND: Duration = Duration::from_secs(1);

struct Session {
    listener: Listener,
    second: Instant,
    frames: u8,
    /// After a protocol error what comes is thrown away.
    deaf: bool,
}

/// Reads until the socket is gone. `first` came together with the handshake.
pub(super) async fn run(socket: Rc<Socket>, first: Bytes) {
    let listener = Listener::new(&first);
    let mut session = Session { listener, second: Instant::now(), frames: 0, deaf: false };
    drop(first);
    session.take(&socket);
    while !socket.is_gone() && socket.readable().await {
        match socket.read((!session.deaf).then(|| session.listener.pending())) {
            Read::Some => {
                session.take(&socket);
                tokio::task::yield_now().await;
            }
            Read::Last => session.take(&socket),
            Read::Nothing => {}
            Read::End => return socket.end(close::BROKEN),
        }
    }
    socket.end(close::BROKEN);
}

impl Session {
    /// Acts on every frame that is complete.
    fn take(&mut self, socket: &Rc<Socket>) {
        while !self.deaf && !socket.is_gone() {
            let outcome = match self.listener.frame() {
                Ok(None) => break,
                Ok(Some(said)) => self.count().map(|()| self.act(socket, said)),
                Err(wrong) => Err(wrong),
            };
            if let Err((code, wrong)) = outcome {
                tracing::debug!(code, wrong, "socket closed for breaking the protocol");
                self.deaf = true;
                socket.close(code, (code == close::LATER).then_some(LATER_MS));
            }
        }
        if self.deaf {
            self.listener.forget();
        }
        self.listener.rest();
    }

    fn count(&mut self) -> Result<(), Wrong> {
        if self.second.elapsed() >= SECOND {
            (self.second, self.frames) = (Instant::now(), 0);
        }
        self.frames = self.frames.saturating_add(1);
        if self.frames > FRAMES_PER_SECOND_MAX {
            Err((close::LATER, "too many frames"))
        } else {
            Ok(())
        }
    }

    fn act(&mut self, socket: &Rc<Socket>, said: Said) {
        socket.heard();
        match said {
            Said::Message(request) if socket.is_open() => answer(socket, request),
            Said::Ping(payload) if socket.is_open() => socket.pong(&payload),
            Said::Message(_) | Said::Ping(_) | Said::Part | Said::Pong => {}
            Said::Close(code) => {
                self.deaf = true;
                socket.closed_by_peer(code);
            }
        }
    }
}

fn answer(socket: &Rc<Socket>, request: Option<Request>) {
    match request {
        Some(Request::Ping) => {
            let now = (socket.hall.now)();
            socket.send(frames::pong_text(now));
        }
        Some(Request::Auth { token }) => authenticate(socket, &token),
        None => {
            socket.send(frames::error("BAD_FRAME", "neither auth nor ping"));
        }
    }
}

fn authenticate(socket: &Rc<Socket>, token: &str) {
    if !socket.hall.tokens.is_able() {
        socket.send(frames::error("NO_OWN_ROWS", "this node knows no players; ask another one"));
        return;
    }
    let here = match &socket.place {
        Place::Board(room, _) => Some(room.current().about.tenant),
        Place::Purse(_) => None,
    };
    let now = (socket.hall.now)();
    let good = socket.hall.tokens.player(token).filter(|(tenant, _, until)| {
        here.is_none_or(|here| *tenant == here) && until.since_ms(now) > 0
    });
    let Some((tenant, player, until)) = good else {
        socket.send(frames::error("BAD_TOKEN", "the token is not good here"));
        return socket.close(close::TOKEN, None);
    };
    let wanted = socket.hall.boards.asks_with_tokens();
    let who = Who { player, token: wanted.then(|| token.into()) };
    if renew(socket, &who, until) {
        return;
    }
    if let Place::Purse(teller) = &socket.place {
        if !socket.belongs_to(tenant) {
            socket.send(frames::error("TOO_MANY_SOCKETS", "too many sockets of this brand"));
            return socket.close(close::LATER, Some(LATER_MS));
        }
        socket.auth.replace(Some(Box::new(Auth::new(who, until))));
        teller.open(socket.hall.purses.watch(tenant, player));
        socket.seq.set(0);
        tokio::task::spawn_local(purse::tell(Rc::clone(socket)));
        return;
    }
    let first = socket.auth.replace(Some(Box::new(Auth::new(who, until)))).is_none();
    if first {
        socket.hall.authed.borrow_mut().push(Rc::downgrade(socket));
    }
    tokio::task::spawn_local(own::first(Rc::clone(socket)));
}

/// A new token of the same player only moves the end.
fn renew(socket: &Socket, who: &Who, until: UnixMs) -> bool {
    match socket.auth.borrow_mut().as_deref_mut() {
        Some(auth) if auth.who.player == who.player => {
            auth.until = until;
            auth.who.token.clone_from(&who.token);
            true
        }
        Some(_) | None => false,
    }
}
