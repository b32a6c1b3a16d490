//! Own rows: private, at most once a second, only when changed, only while the token is good.
//!
//! A room whose board has changed takes those whose turn it is aside ([`Turn`]) and brings them
//! the board and their own rows in one write ([`bring`]): a write costs more than what is written.
//! Who watches a board that stands still is looked after by [`run`], and so are all on an edge,
//! where no board waits for answers of the core.

use super::frames;
use super::hall::Hall;
use super::room::{Room, Turns};
use super::socket::{Place, Socket};
use crate::actors::board::{Asked, OwnText, Who};
use bytes::Bytes;
use palio_domain::UnixMs;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How often the thread looks whose turn it is; spreads the players over the second.
pub(super) const LOOK: Duration = Duration::from_millis(250);
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// Players asked about at the same time: scoring takes a millisecond and a half for so many.
const AT_ONCE: usize = 512;
/// The same where the core is asked about each over HTTP.
const AT_ONCE_BY_HTTP: usize = 64;
/// How long one answer may take before the others go on.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How long a board may wait for one.
const BOARD_WAITS_MAX: Duration = Duration::from_millis(100);

/// Who a socket speaks for.
#[derive(Debug)]
pub(super) struct Auth {
    pub(super) who: Who,
    pub(super) until: UnixMs,
    due: Instant,
    /// Which row was sent last.
    sent: Option<u64>,
}

impl Auth {
    /// The first row comes at once, from [`first`]; from then on its turn comes.
    pub(super) fn new(who: Who, until: UnixMs) -> Self {
        Self { who, until, due: Instant::now() + INTERVAL, sent: None }
    }

    fn asks(&self) -> Asked {
        Asked { who: self.who.clone(), known: self.sent }
    }
}

/// Whose turn it is while a board goes round.
pub(super) struct Turn {
    wall: UnixMs,
    now: Instant,
    /// To the nearest board: one that comes a little early counts as a second later.
    until: Instant,
}

impl Turn {
    /// `None` where it is nobody's: nobody on the thread has said who he is, or an edge's core,
    /// which may take long, would have to be asked.
    pub(super) fn of(room: &Room) -> Option<Self> {
        let hall = &room.hall;
        if hall.authed.borrow().is_empty() || hall.boards.asks_with_tokens() {
            return None;
        }
        let now = Instant::now();
        let until = now + room.pace().min(INTERVAL) / 4;
        Some(Self { wall: (hall.now)(), now, until })
    }

    /// Whether this socket is to get its own row with the board; its next turn comes a second on.
    pub(super) fn takes(&self, socket: &Socket) -> bool {
        if !socket.takes_boards() {
            return false;
        }
        let mut auth = socket.auth.borrow_mut();
        let is_due = |auth: &&mut Auth| auth.due <= self.until && auth.until > self.wall;
        let Some(auth) = auth.as_deref_mut().filter(is_due) else { return false };
        auth.due = self.now + INTERVAL;
        true
    }
}

/// The frame with a row, unless the socket speaks for somebody else by now, or had it meanwhile.
fn news(socket: &Socket, asked: &Asked, row: &OwnText) -> Option<Bytes> {
    let mut auth = socket.auth.borrow_mut();
    let auth = auth.as_deref_mut().filter(|auth| auth.who.player == asked.who.player)?;
    if socket.is_behind() || auth.sent.replace(row.hash) == Some(row.hash) {
        return None;
    }
    Some(frames::text(&row.text))
}

/// Brings these sockets their own rows if they changed, with the room's board where they do not
/// have it. From the first answer on that takes longer than `answer_max` there are boards only;
/// how many sockets came before that.
async fn bring_within(room: &Room, sockets: &[Rc<Socket>], answer_max: Duration) -> usize {
    let (mut answers, mut answered, mut turns) = (true, 0, Turns::default());
    let at_once = match room.hall.boards.asks_with_tokens() {
        true => AT_ONCE_BY_HTTP,
        false => AT_ONCE,
    };
    for some in sockets.chunks(at_once) {
        let count = some.len();
        // Who has left meanwhile, or whose token has ended, still gets the board.
        some.iter().filter(|socket| socket.auth.borrow().is_none()).for_each(Socket::offer);
        let asks = |socket: &Rc<Socket>| socket.auth.borrow().as_deref().map(Auth::asks);
        let (some, asked): (Vec<_>, Vec<_>) =
            some.iter().filter_map(|socket| Some((socket, asks(socket)?))).unzip();
        let mut rows = Vec::new();
        if answers {
            let told = room.hall.boards.own_texts(&room.id, &asked);
            match tokio::time::timeout(answer_max, told).await {
                Ok(told) => (rows, answered) = (told, answered + count),
                Err(_) => answers = false,
            }
        }
        let mut rows = rows.into_iter();
        for (socket, asked) in some.into_iter().zip(&asked) {
            let row = rows.next().flatten();
            match row.and_then(|row| news(socket, asked, &row)) {
                Some(frame) => socket.offer_with(frame),
                None => socket.offer(),
            }
            if turns.is_over() {
                tokio::task::yield_now().await;
            }
        }
    }
    answered
}

/// Brings the board to those of its watchers who were taken aside, with their own rows; rows that
/// it can't wait for come after it.
pub(super) async fn bring(room: &Rc<Room>, mut sockets: Vec<Rc<Socket>>) {
    let answered = bring_within(room, &sockets, BOARD_WAITS_MAX).await;
    let (late, room) = (sockets.split_off(answered), Rc::clone(room));
    if !late.is_empty() {
        tokio::task::spawn_local(async move { bring_within(&room, &late, ANSWER_MAX).await });
    }
}

/// Sends a socket its own row as soon as it has said who it is.
pub(super) async fn first(socket: Rc<Socket>) {
    if let Place::Board(room, _) = &socket.place {
        bring_within(room, std::slice::from_ref(&socket), ANSWER_MAX).await;
    }
}

/// Looks after all authenticated sockets of a thread that no board goes round for, for ever.
pub async fn run(hall: Rc<Hall>) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        for (room, sockets) in due(&hall) {
            bring_within(&room, &sockets, ANSWER_MAX).await;
        }
    }
}

/// Those whose turn it is, by room; on the way, tokens that have ended are taken back.
fn due(hall: &Hall) -> Vec<(Rc<Room>, Vec<Rc<Socket>>)> {
    let (wall, now) = ((hall.now)(), Instant::now());
    let waits_for_boards = !hall.boards.asks_with_tokens();
    let mut due: Vec<(Rc<Room>, Vec<Rc<Socket>>)> = Vec::new();
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
        if let Place::Board(room, _) = &socket.place
            && open.due <= now
            && !(waits_for_boards && room.is_moving())
        {
            open.due = now + INTERVAL;
            drop(auth);
            match due.iter_mut().find(|(of, _)| Rc::ptr_eq(of, room)) {
                Some((_, sockets)) => sockets.push(Rc::clone(&socket)),
                None => due.push((Rc::clone(room), vec![Rc::clone(&socket)])),
            }
        }
        true
    });
    hall.authed.borrow_mut().append(&mut authed);
    due
}
