//! Own rows: private, at most once a second, only when changed, only while the token is good.

use super::frames;
use super::hall::Hall;
use super::socket::{Place, Socket};
use futures_util::future::join_all;
use palio_domain::{PlayerId, UnixMs};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How often the thread looks whose turn it is; spreads the players over the second.
const LOOK: Duration = Duration::from_millis(250);
const INTERVAL: Duration = Duration::from_secs(1);
/// Players asked about at the same time.
const AT_ONCE: usize = 64;
/// How long one answer may take before the others go on.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// Who a socket speaks for.
#[derive(Debug)]
pub(super) struct Auth {
    pub(super) player: PlayerId,
    pub(super) until: UnixMs,
    due: Instant,
    /// Hash of the row sent last.
    sent: Option<u64>,
}

impl Auth {
    /// The first row comes at once, from [`ask`]; from then on the loop knows when.
    pub(super) fn new(player: PlayerId, until: UnixMs) -> Self {
        Self { player, until, due: Instant::now() + INTERVAL, sent: None }
    }
}

/// Asks for a socket's own row and sends it if it changed.
pub(super) async fn ask(socket: Rc<Socket>) {
    let Some(player) = socket.auth.borrow().as_ref().map(|auth| auth.player) else { return };
    let Place::Board(room, _) = &socket.place else { return };
    let own = socket.hall.boards.own(&room.id, player);
    let Ok(Some(own)) = tokio::time::timeout(ANSWER_MAX, own).await else { return };
    let text = frames::me(&own);
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let hash = hasher.finish();
    {
        let mut auth = socket.auth.borrow_mut();
        let Some(auth) = auth.as_deref_mut().filter(|auth| auth.player == player) else { return };
        if auth.sent == Some(hash) || socket.is_behind() {
            return;
        }
        auth.sent = Some(hash);
        auth.due = Instant::now() + INTERVAL;
    }
    socket.send(frames::text(&text));
}

/// Looks after all authenticated sockets of a thread, for ever.
pub async fn run(hall: Rc<Hall>) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let due = due(&hall);
        for some in due.chunks(AT_ONCE) {
            join_all(some.iter().map(|socket| ask(Rc::clone(socket)))).await;
            tokio::task::yield_now().await;
        }
    }
}

/// Those whose turn it is; on the way, tokens that have ended are taken back.
fn due(hall: &Hall) -> Vec<Rc<Socket>> {
    let (wall, now) = ((hall.now)(), Instant::now());
    let mut due = Vec::new();
    let mut authed = hall.authed.take();
    authed.retain(|socket| {
        let Some(socket) = socket.upgrade() else { return false };
        let mut auth = socket.auth.borrow_mut();
        let Some(open) = auth.as_deref_mut() else { return false };
        if open.until.since_ms(wall) <= 0 {
            auth.take();
            drop(auth);
            socket.send(frames::error("TOKEN_EXPIRED", "send a new token"));
            return false;
        }
        if open.due <= now {
            open.due = now + INTERVAL;
            drop(auth);
            due.push(socket);
        }
        true
    });
    hall.authed.borrow_mut().append(&mut authed);
    due
}
