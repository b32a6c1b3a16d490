//! A player's own socket: his wallet, always the newest state, and what happened to him.
//!
//! **Bounded:** one state waits for a slow reader, and of notices those that are still kept.

use super::frames;
use super::hall::Hall;
use super::room::Kind;
use super::socket::{Place, Socket};
use crate::actors::purse::Purse;
use bytes::Bytes;
use futures_util::future::join_all;
use palio_protocol::live::close;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a wallet is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long a client may take to say who it is.
const STRANGE_MAX: Duration = Duration::from_secs(10);
/// Wallets asked about at the same time.
const AT_ONCE: usize = 64;
/// How long one answer may take before the others go on.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// What a player's own socket knows.
pub(super) struct Teller {
    since: Instant,
    purse: RefCell<Option<Arc<dyn Purse>>>,
    /// The newest state.
    newest: RefCell<Option<(u64, Bytes)>>,
    /// News that have been looked at.
    seen: Cell<u64>,
    /// What happened up to here was told.
    noticed: Cell<u64>,
    /// It is being told: what was told is known only at the end.
    busy: Cell<bool>,
}

impl Default for Teller {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            purse: RefCell::default(),
            newest: RefCell::default(),
            seen: Cell::default(),
            noticed: Cell::default(),
            busy: Cell::default(),
        }
    }
}

impl Teller {
    /// The wallet that is told of from now on.
    pub(super) fn open(&self, purse: Arc<dyn Purse>) {
        self.noticed.set(purse.news());
        self.newest.replace(None);
        self.purse.replace(Some(purse));
    }

    pub(super) fn leave(&self) {
        self.purse.replace(None);
        self.newest.replace(None);
    }

    pub(super) fn frame_from(&self, seq: u64) -> Option<(Bytes, u64, Kind)> {
        let newest = self.newest.borrow();
        let (now, frame) = newest.as_ref().filter(|(now, _)| *now != seq)?;
        Some((frame.clone(), *now, Kind::Step))
    }
}

/// Tells a player of his wallet as it is; again at the next look when somebody does so already.
pub(super) async fn tell(socket: Rc<Socket>) {
    let Place::Purse(teller) = &socket.place else { return };
    if teller.busy.replace(true) {
        return teller.seen.set(u64::MAX);
    }
    tell_now(&socket, teller).await;
    teller.busy.set(false);
}

async fn tell_now(socket: &Rc<Socket>, teller: &Teller) {
    let Some(purse) = teller.purse.borrow().clone() else { return };
    // Before the wallet is read: what comes meanwhile is looked at again.
    teller.seen.set(purse.news());
    let text = tokio::time::timeout(ANSWER_MAX, purse.text()).await;
    let Ok(Some((seq, text))) = text else { return teller.seen.set(u64::MAX) };
    if !teller.purse.borrow().as_ref().is_some_and(|now| Arc::ptr_eq(now, &purse)) {
        return;
    }
    // One wallet has one state per seq: a fresh wallet's is 0, which is no state of a socket.
    teller.newest.replace(Some((seq.saturating_add(1), frames::text(&text))));
    socket.offer();
    for (at, notice) in purse.notices(teller.noticed.get()) {
        // The rest when it takes bytes again.
        if socket.is_behind() {
            return teller.seen.set(u64::MAX);
        }
        socket.send(frames::text(&notice));
        teller.noticed.set(at);
    }
}

/// Looks after all such sockets of a thread, for ever.
pub async fn run(hall: Rc<Hall>) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        for some in due(&hall).chunks(AT_ONCE) {
            join_all(some.iter().map(|socket| tell(Rc::clone(socket)))).await;
            tokio::task::yield_now().await;
        }
    }
}

/// Those with news; on the way, tokens that have ended are taken back, and whoever does not say
/// who he is has to go.
fn due(hall: &Hall) -> Vec<Rc<Socket>> {
    let now = (hall.now)();
    let mut due = Vec::new();
    let mut tellers = hall.tellers.take();
    tellers.retain(|socket| {
        let Some(socket) = socket.upgrade() else { return false };
        let Place::Purse(teller) = &socket.place else { return false };
        if !socket.is_open() {
            return !socket.is_gone();
        }
        let until = socket.auth.borrow().as_ref().map(|auth| auth.until);
        match until {
            Some(until) if until.since_ms(now) <= 0 => {
                socket.auth.replace(None);
                teller.leave();
                socket.send(frames::error("TOKEN_EXPIRED", "send a new token"));
            }
            Some(_) => {
                let purse = teller.purse.borrow();
                let news = purse.as_ref().map(|purse| purse.news());
                if news.is_some_and(|news| news != teller.seen.get()) && !socket.is_behind() {
                    drop(purse);
                    due.push(Rc::clone(&socket));
                }
            }
            None if teller.newest.borrow().is_none()
                && socket.seq.get() == 0
                && teller.since.elapsed() > STRANGE_MAX =>
            {
                socket.send(frames::error("BAD_TOKEN", "say who you are first"));
                socket.close(close::TOKEN, None);
            }
            None => {}
        }
        true
    });
    hall.tellers.borrow_mut().append(&mut tellers);
    due
}
