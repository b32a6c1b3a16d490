//! A board as server-sent events, for clients whose network stops sockets.
//!
//! It holds a position and no board: whenever its client takes bytes it is brought from there to
//! the newest board, so that a slow client gets merged deltas, as over a socket.
//!
//! Runs on the threads that serve HTTP, not on live threads: it is the way around, not the way.

use super::doors::{self, Refused};
use super::hall::reconnect_ms;
use super::published::Published;
use super::request::Cursor;
use super::ring::Since;
use super::seats::Seat;
use super::{Clock, Live};
use bytes::Bytes;
use palio_domain::{TournamentId, UnixMs};
use palio_protocol::live::close;
use palio_protocol::live::json::{self, Frame};
use palio_protocol::time;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Silence after which a comment is sent, so that nothing between takes the stream for dead.
const AWAKE: Duration = Duration::from_secs(15);

/// One client's stream.
pub struct Stream {
    topic: watch::Receiver<Arc<Published>>,
    stopping: watch::Receiver<bool>,
    freshness: watch::Receiver<Option<UnixMs>>,
    /// Whether the client was told that its board is stale.
    stale: bool,
    now: Clock,
    /// Where the client is; none before its first board.
    at: Option<(Arc<str>, u64)>,
    /// The last proof that it got or has no need of.
    proven: u64,
    cursor: Option<Cursor>,
    begun: bool,
    over: bool,
    /// Over how long goodbyes are spread.
    drain: Duration,
    seat: Seat,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("at", &self.at).finish_non_exhaustive()
    }
}

enum Woke {
    Changed,
    Freshness,
    Gone,
    Stopping,
    Quiet,
}

fn event(out: &mut String, name: &str, at: Option<(&str, u64)>, data: &str) {
    // Writing to a string does not fail.
    if let Some((epoch, seq)) = at {
        writeln!(out, "id: {epoch}:{seq}").ok();
    }
    write!(out, "event: {name}\ndata: {data}\n\n").ok();
}

impl Stream {
    /// The stream of a client with this cursor, if it has one.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn open(
        live: &Live,
        id: &TournamentId,
        address: Option<std::net::IpAddr>,
        cursor: Option<Cursor>,
    ) -> Result<Self, Refused> {
        let (topic, seat) = doors::admit(live, id, address, cursor.as_ref())?;
        Ok(Self {
            topic: topic.subscribe(),
            stopping: live.stopping.subscribe(),
            freshness: live.stale.subscribe(),
            stale: false,
            now: Arc::clone(&live.now),
            at: None,
            proven: 0,
            cursor,
            begun: false,
            over: false,
            drain: Duration::from_millis(live.config.drain_ms),
            seat,
        })
    }

    /// The next bytes; `None` when it is over.
    pub async fn next(&mut self) -> Option<Bytes> {
        let mut out = String::new();
        if !std::mem::replace(&mut self.begun, true) {
            // After a cut; a node that stops says its own, by how many have to go elsewhere.
            writeln!(out, "retry: {}\n", reconnect_ms(0)).ok();
            self.resume(&mut out);
            self.catch_up(&mut out);
            self.tell(&mut out);
        }
        while out.is_empty() {
            if self.over {
                return None;
            }
            let woke = tokio::select! {
                changed = self.topic.changed() => {
                    if changed.is_ok() { Woke::Changed } else { Woke::Gone }
                }
                _ = self.freshness.changed() => Woke::Freshness,
                _ = self.stopping.wait_for(|stopping| *stopping) => Woke::Stopping,
                () = tokio::time::sleep(AWAKE) => Woke::Quiet,
            };
            match woke {
                Woke::Changed => self.catch_up(&mut out),
                Woke::Freshness => self.tell(&mut out),
                Woke::Gone => self.bye(&mut out, close::NO_TOURNAMENT, None),
                Woke::Stopping => {
                    // Each at a moment of its own, as sockets are.
                    let open = self.seat.taken();
                    tokio::time::sleep(self.drain.mul_f64(rand::random_range(0.0..1.0))).await;
                    self.bye(&mut out, close::AWAY, Some(reconnect_ms(open)));
                }
                Woke::Quiet => out.push_str(":\n\n"),
            }
        }
        Some(out.into())
    }

    fn resume(&mut self, out: &mut String) {
        let Some(Cursor { epoch, seq }) = self.cursor.take() else { return };
        let published = Arc::clone(&self.topic.borrow());
        if !published.knows(&epoch, seq) {
            return super::count_resync("snapshot");
        }
        super::count_resync("resume");
        let text = Frame::Resumed { epoch: &epoch, seq }.to_text();
        event(out, "resumed", Some((&epoch, seq)), &text);
        // Proofs of boards before are not sent again.
        self.proven = published.chain().n;
        self.at = Some((Arc::clone(&published.epoch), seq));
    }

    /// Tells the client whether its board is stale, unless it knows.
    fn tell(&mut self, out: &mut String) {
        let stale = *self.freshness.borrow_and_update();
        if std::mem::replace(&mut self.stale, stale.is_some()) == stale.is_some() {
            return;
        }
        match stale.map(time::format) {
            Some(since) => event(out, "stale", None, &Frame::Stale { since }.to_text()),
            None => event(out, "fresh", None, &Frame::Fresh.to_text()),
        }
    }

    fn catch_up(&mut self, out: &mut String) {
        let published = Arc::clone(&self.topic.borrow_and_update());
        let (epoch, seq) = (&published.epoch, published.seq);
        let at = self.at.take().filter(|(here, _)| *here == *epoch);
        match at.as_ref().map(|(_, from)| published.since_seq(*from)) {
            // Another edge has shown it a newer board: the next newer one is for it.
            Some(Since::Ahead) => {
                self.at = at;
                return;
            }
            Some(Since::Same) => {}
            Some(Since::Changed(delta)) => {
                event(out, "delta", Some((epoch, seq)), &json::delta(&delta));
            }
            Some(Since::Lost) | None => {
                let text = published.snapshot_text((self.now)());
                event(out, "snapshot", Some((epoch, seq)), &text);
                self.proven = published.chain().n;
            }
        }
        self.at = Some((Arc::clone(epoch), seq));
        if let Some(proof) = &published.proof
            && proof.seq == seq
            && proof.chain.n != self.proven
        {
            self.proven = proof.chain.n;
            event(out, "proof", None, &json::proof(proof));
        }
    }

    fn bye(&mut self, out: &mut String, code: u16, reconnect_ms: Option<u64>) {
        self.over = true;
        event(out, "bye", None, &Frame::Bye { code, reconnect_ms }.to_text());
    }
}
