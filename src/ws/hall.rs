//! All that one live thread knows: its rooms, and the lists of sockets that time acts on.
//!
//! **Invariants:** everything here stays on one thread. No socket has a timer of its own: the
//! heartbeat is a wheel, and stalls and closes are looked at by one sweep.

use super::Clock;
use super::frames;
use super::published::Published;
use super::request::Cursor;
use super::room::{self, Kind, Room};
use super::seats::Seat;
use super::session;
use super::socket::{Place, Socket};
use crate::actors::board::{Boards, Tokens};
use crate::actors::purse::Purses;
use bytes::Bytes;
use palio_domain::{TournamentId, UnixMs};
use palio_protocol::live::{Form, binary, close, json};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Spokes of the heartbeat's wheel: one turn of it is one heartbeat for everybody.
pub const SPOKES: usize = 25;
/// How long a client may take to answer a close, or to read it.
const CLOSE_MAX: Duration = Duration::from_secs(5);
/// Goodbyes between two pauses.
const GOODBYES_PER_TURN: usize = 256;
/// The latest that anybody is asked to come back, milliseconds.
const RECONNECT_MS_MAX: u64 = 60_000;
const SCRATCH: usize = 16 * 1024;

/// When one of so many is asked to come back, milliseconds: drawn by lot, a millisecond of room
/// for each.
pub(super) fn reconnect_ms(open: usize) -> u64 {
    let latest = u64::try_from(open).unwrap_or(u64::MAX).clamp(3000, RECONNECT_MS_MAX);
    rand::random_range(500..=latest)
}

fn resumed(form: Form, cursor: &Cursor) -> Bytes {
    let Cursor { epoch, seq } = cursor;
    match form {
        Form::Json => frames::text(&json::Frame::Resumed { epoch, seq: *seq }.to_text()),
        Form::Binary => frames::binary(&binary::resumed(epoch, *seq)),
    }
}

/// What a new socket is told of first: its room's board, from where it is.
type Welcome = (Rc<Room>, Option<Cursor>, Form);

/// Where a socket goes.
pub(super) enum Door {
    /// To a tournament's board.
    Board {
        id: TournamentId,
        topic: watch::Receiver<Arc<Published>>,
        cursor: Option<Cursor>,
        form: Form,
    },
    /// To the wallet of whoever it turns out to be.
    Purse,
}

/// A socket that has left HTTP, on its way to a live thread.
pub struct Arrival {
    pub(super) stream: std::net::TcpStream,
    pub(super) read: Bytes,
    pub(super) door: Door,
    pub(super) seat: Seat,
}

/// What sockets are told from.
#[derive(Clone)]
pub struct Sources {
    /// Boards.
    pub boards: Arc<dyn Boards>,
    /// Wallets.
    pub purses: Arc<dyn Purses>,
    /// Who a token speaks for.
    pub tokens: Arc<dyn Tokens>,
    /// The time.
    pub now: Clock,
}

impl std::fmt::Debug for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrival").finish_non_exhaustive()
    }
}

/// See the module.
pub struct Hall {
    pub(super) boards: Arc<dyn Boards>,
    pub(super) purses: Arc<dyn Purses>,
    pub(super) tokens: Arc<dyn Tokens>,
    pub(super) now: Clock,
    /// Sockets that tell of a wallet, or wait to be told whose.
    pub(super) tellers: RefCell<Vec<Weak<Socket>>>,
    pub(super) scratch: RefCell<Box<[u8]>>,
    pub(super) authed: RefCell<Vec<Weak<Socket>>>,
    stalled_max: Duration,
    rooms: RefCell<HashMap<TournamentId, Rc<Room>>>,
    wheel: RefCell<Vec<Vec<Weak<Socket>>>>,
    arrived: Cell<usize>,
    hand: Cell<usize>,
    /// Since when boards are not what a core shows now.
    stale: Cell<Option<UnixMs>>,
    stalled: RefCell<Vec<Weak<Socket>>>,
    closing: RefCell<Vec<(Instant, Weak<Socket>)>>,
    frames: Cell<u64>,
    bytes: Cell<u64>,
}

impl std::fmt::Debug for Hall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hall").field("rooms", &self.rooms.borrow().len()).finish_non_exhaustive()
    }
}

impl Hall {
    /// An empty one, for the thread that calls.
    #[must_use]
    pub fn new(sources: Sources, stalled_max: Duration) -> Rc<Self> {
        let Sources { boards, purses, tokens, now } = sources;
        Rc::new(Self {
            boards,
            purses,
            tokens,
            now,
            tellers: RefCell::default(),
            scratch: RefCell::new(vec![0; SCRATCH].into()),
            authed: RefCell::default(),
            stalled_max,
            rooms: RefCell::default(),
            wheel: RefCell::new(vec![Vec::new(); SPOKES]),
            arrived: Cell::default(),
            hand: Cell::default(),
            stale: Cell::default(),
            stalled: RefCell::default(),
            closing: RefCell::default(),
            frames: Cell::default(),
            bytes: Cell::default(),
        })
    }

    /// Seats a socket, in its tournament's room if it came for a board, and sends it its first
    /// frames.
    pub fn seat(self: &Rc<Self>, arrival: Arrival) {
        let Arrival { stream, read, door, seat } = arrival;
        let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
        match door {
            Door::Board { id, topic, cursor, form } => {
                let room = self.room(id, topic);
                let place = Place::Board(Rc::clone(&room), form);
                let socket = Socket::new(stream, Rc::clone(self), place, seat);
                room.enter(&socket);
                self.listen(&socket, read, Some((room, cursor, form)));
            }
            Door::Purse => {
                let place = Place::Purse(Box::default());
                let socket = Socket::new(stream, Rc::clone(self), place, seat);
                // Nothing else holds it until it is gone.
                socket.greeted.set(true);
                self.tellers.borrow_mut().push(Rc::downgrade(&socket));
                self.listen(&socket, read, None);
            }
        }
    }

    /// The heartbeat and the reader of a new socket, which welcomes it first.
    fn listen(self: &Rc<Self>, socket: &Rc<Socket>, read: Bytes, welcome: Option<Welcome>) {
        let number = self.arrived.replace(self.arrived.get().wrapping_add(1));
        if let Some(spoke) = self.wheel.borrow_mut().get_mut(number % SPOKES) {
            spoke.push(Rc::downgrade(socket));
        }
        let (hall, new) = (Rc::clone(self), Rc::clone(socket));
        let reader = tokio::task::spawn_local(async move {
            if let Some((room, cursor, form)) = welcome {
                // The runtime knows that a socket takes bytes only when it was told: before that
                // every first frame would be a frame that waits.
                if !new.writable().await {
                    return new.end(close::BROKEN);
                }
                hall.welcome(&new, &room, cursor, form);
            }
            session::run(new, read).await;
        });
        socket.read_by(reader.abort_handle());
    }

    fn welcome(&self, socket: &Rc<Socket>, room: &Room, cursor: Option<Cursor>, form: Form) {
        let newest = room.newest();
        if let Some(cursor) = cursor {
            if newest.knows(&cursor.epoch, cursor.seq) {
                super::count_resync("resume");
                socket.seq.set(cursor.seq);
                socket.send(resumed(form, &cursor));
            } else {
                self.count_resync(Kind::Snapshot);
            }
        }
        socket.greeted.set(true);
        socket.offer();
        socket.tell();
    }

    fn room(
        self: &Rc<Self>,
        id: TournamentId,
        mut topic: watch::Receiver<Arc<Published>>,
    ) -> Rc<Room> {
        if let Some(room) = self.rooms.borrow().get(&id) {
            return Rc::clone(room);
        }
        topic.mark_unchanged();
        let room = Room::new(id.clone(), Rc::clone(self), topic.clone());
        self.rooms.borrow_mut().insert(id, Rc::clone(&room));
        tokio::task::spawn_local(room::serve(Rc::clone(&room), topic));
        room
    }

    pub(super) fn remove(&self, room: &Rc<Room>) {
        let mut rooms = self.rooms.borrow_mut();
        if rooms.get(&room.id).is_some_and(|here| Rc::ptr_eq(here, room)) {
            rooms.remove(&room.id);
        }
    }

    pub(super) fn watch_stalled(&self, socket: &Rc<Socket>) {
        if !socket.watched.replace(true) {
            self.stalled.borrow_mut().push(Rc::downgrade(socket));
        }
    }

    pub(super) fn watch_closing(&self, socket: &Rc<Socket>) {
        let until = Instant::now() + CLOSE_MAX;
        self.closing.borrow_mut().push((until, Rc::downgrade(socket)));
    }

    /// Moves the heartbeat's wheel by one spoke.
    pub fn beat(&self) {
        let hand = self.hand.replace((self.hand.get() + 1) % SPOKES);
        let spoke = self.wheel.borrow_mut().get_mut(hand).map(std::mem::take);
        let mut spoke = spoke.unwrap_or_default();
        spoke.retain(|socket| {
            let socket = socket.upgrade().filter(|socket| !socket.is_gone());
            socket.inspect(Socket::beat).is_some()
        });
        if let Some(place) = self.wheel.borrow_mut().get_mut(hand) {
            spoke.append(place);
            *place = spoke;
        }
    }

    /// Ends what has stood still or been closing for too long.
    pub fn sweep(&self) {
        let mut stalled = self.stalled.take();
        stalled.retain(|socket| {
            let Some(socket) = socket.upgrade() else { return false };
            let stalled = socket.stalled();
            if stalled.is_some_and(|since| since > self.stalled_max) {
                socket.close(close::SLOW, None);
            }
            let watched = stalled.is_some() && socket.is_open();
            socket.watched.set(watched);
            watched
        });
        self.stalled.borrow_mut().append(&mut stalled);
        let now = Instant::now();
        let mut closing = self.closing.take();
        closing.retain(|(until, socket)| {
            let Some(socket) = socket.upgrade() else { return false };
            if *until <= now {
                socket.end(close::BROKEN);
            }
            *until > now
        });
        self.closing.borrow_mut().append(&mut closing);
        self.flush_counts();
    }

    /// Since when boards are not what a core shows now; `None` while they are.
    pub(super) const fn stale(&self) -> Option<UnixMs> {
        self.stale.get()
    }

    /// Tells everybody whether boards are what a core shows now, whenever that changes.
    pub async fn follow(&self, mut freshness: watch::Receiver<Option<UnixMs>>) {
        loop {
            let stale = *freshness.borrow_and_update();
            if self.stale.replace(stale).is_some() != stale.is_some() {
                let rooms: Vec<_> = self.rooms.borrow().values().map(Rc::clone).collect();
                for room in rooms {
                    room.each(Socket::tell).await;
                }
            }
            if freshness.changed().await.is_err() {
                return;
            }
        }
    }

    /// Says goodbye to everybody, spread over some time. Each has his own time to come back,
    /// the longer the more of them there are: other nodes take them one by one.
    pub async fn bye(&self, over: Duration, open: usize) {
        let rooms: Vec<_> = self.rooms.borrow().values().map(Rc::clone).collect();
        let tellers = self.tellers.borrow().iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
        let here = rooms.iter().flat_map(|room| room.sockets()).chain(tellers).collect::<Vec<_>>();
        drop(rooms);
        let until = Instant::now() + over;
        let mut left = here.len();
        for some in here.chunks(GOODBYES_PER_TURN) {
            for socket in some {
                socket.close(close::AWAY, Some(reconnect_ms(open)));
            }
            left = left.saturating_sub(some.len());
            let turns = u32::try_from(left.div_ceil(GOODBYES_PER_TURN)).unwrap_or(u32::MAX);
            if turns > 0 {
                let rest = until.saturating_duration_since(Instant::now());
                tokio::time::sleep(rest / turns).await;
            }
        }
    }

    /// Whether a goodbye is still to be answered.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        let alive = |(_, socket): &(Instant, Weak<Socket>)| {
            socket.upgrade().is_some_and(|socket| !socket.is_gone())
        };
        self.closing.borrow().iter().any(alive)
    }

    /// Ends what has not answered its goodbye.
    pub fn end(&self) {
        for (_, socket) in self.closing.take() {
            if let Some(socket) = socket.upgrade() {
                socket.end(close::BROKEN);
            }
        }
        self.flush_counts();
    }

    pub(super) fn count_frame(&self) {
        self.frames.set(self.frames.get() + 1);
    }

    pub(super) fn count_bytes(&self, len: usize) {
        self.bytes.set(self.bytes.get() + u64::try_from(len).unwrap_or_default());
    }

    pub(super) fn flush_counts(&self) {
        metrics::counter!("palio_ws_frames_sent_total").increment(self.frames.take());
        metrics::counter!("palio_ws_bytes_sent_total").increment(self.bytes.take());
    }

    pub(super) fn count_resync(&self, kind: Kind) {
        let kind = match kind {
            Kind::Step => return,
            Kind::Merged => "merged",
            Kind::Snapshot => "snapshot",
        };
        super::count_resync(kind);
    }

    pub(super) fn count_closed(&self, code: u16) {
        let code = match code {
            1000 => "1000",
            close::AWAY => "1001",
            close::NO_CODE => "1005",
            close::BROKEN => "1006",
            close::TOO_LONG => "1009",
            close::LATER => "4029",
            close::SLOW => "4108",
            close::PROTOCOL => "4400",
            close::TOKEN => "4401",
            close::NO_TOURNAMENT => "4404",
            _ => "other",
        };
        metrics::counter!("palio_ws_closed_total", "code" => code).increment(1);
    }
}
