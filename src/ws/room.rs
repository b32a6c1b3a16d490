//! One tournament's watchers on one live thread.
//!
//! **Invariants:** a room's board only goes forward within an epoch; a new epoch takes every
//! client's base away, so that it gets a snapshot. Frames are made once per base, not per socket.

use super::hall::Hall;
use super::own::{self, Turn};
use super::published::{self, Published};
use super::ring::Since;
use super::socket::{Place, Socket};
use bytes::Bytes;
use palio_domain::TournamentId;
use palio_protocol::live::{Form, close};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Writes between two yields to the thread's other work.
const WRITES_PER_TURN: usize = 256;
/// Writes between two moments at which another thread may have the core: a bet that comes while a
/// board goes out to thousands waits for some of them only, at each of its hops.
const WRITES_AT_ONCE: usize = 32;
/// Merged deltas kept for other sockets with the same base.
const MERGED_MAX: usize = 64;
/// For how long a snapshot's `serverTime` is good enough for those who come together.
const SNAPSHOT_AGE_MAX: Duration = Duration::from_millis(50);

/// How a frame brings its reader up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Step,
    Merged,
    Snapshot,
}

pub(super) struct Room {
    pub(super) id: TournamentId,
    pub(super) hall: Rc<Hall>,
    topic: watch::Receiver<Arc<Published>>,
    current: RefCell<Arc<Published>>,
    sockets: RefCell<Vec<Rc<Socket>>>,
    merged: RefCell<Vec<(u64, Form, Bytes)>>,
    snapshots: RefCell<Vec<(Form, Instant, Bytes)>>,
    /// The proof that went out last, by number.
    proven: Cell<u64>,
    /// When the board went round last.
    moved: Cell<Instant>,
    /// How long after the one before.
    pace: Cell<Duration>,
}

impl Room {
    pub(super) fn new(
        id: TournamentId,
        hall: Rc<Hall>,
        topic: watch::Receiver<Arc<Published>>,
    ) -> Rc<Self> {
        let current = Arc::clone(&topic.borrow());
        Rc::new(Self {
            id,
            hall,
            topic,
            current: RefCell::new(current),
            sockets: RefCell::default(),
            merged: RefCell::default(),
            snapshots: RefCell::default(),
            proven: Cell::default(),
            moved: Cell::new(Instant::now()),
            pace: Cell::new(own::LOOK),
        })
    }

    pub(super) fn current(&self) -> Arc<Published> {
        Arc::clone(&self.current.borrow())
    }

    /// The newest board, also while the one before is still on its way to others: whoever comes
    /// may have seen it elsewhere.
    pub(super) fn newest(&self) -> Arc<Published> {
        let newest = Arc::clone(&self.topic.borrow());
        if !Arc::ptr_eq(&newest, &self.current.borrow()) {
            self.set_current(Arc::clone(&newest));
        }
        newest
    }

    /// A board goes round.
    fn moves(&self) {
        let now = Instant::now();
        self.pace.set(now.saturating_duration_since(self.moved.replace(now)));
    }

    /// How often boards go round, as far as the last two tell.
    pub(super) fn pace(&self) -> Duration {
        self.pace.get()
    }

    /// Whether own rows can wait for the next board: one comes every second or so.
    pub(super) fn is_moving(&self) -> bool {
        self.pace() < own::INTERVAL + own::LOOK && self.moved.get().elapsed() < self.pace() * 2
    }

    /// Everybody who is here now.
    pub(super) fn sockets(&self) -> Vec<Rc<Socket>> {
        self.sockets.borrow().clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sockets.borrow().is_empty()
    }

    pub(super) fn enter(&self, socket: &Rc<Socket>) {
        let mut sockets = self.sockets.borrow_mut();
        socket.slot.set(Some(sockets.len()));
        sockets.push(Rc::clone(socket));
    }

    pub(super) fn leave(&self, socket: &Socket) {
        let Some(slot) = socket.slot.take() else { return };
        let mut sockets = self.sockets.borrow_mut();
        if slot < sockets.len() {
            let left = sockets.swap_remove(slot);
            if let Some(moved) = sockets.get(slot) {
                moved.slot.set(Some(slot));
            }
            drop(sockets);
            drop(left);
        }
    }

    fn set_current(&self, next: Arc<Published>) {
        let joined = self.current.borrow().epoch == next.epoch;
        self.current.replace(next);
        self.merged.borrow_mut().clear();
        self.snapshots.borrow_mut().clear();
        if !joined {
            self.sockets.borrow().iter().for_each(|socket| socket.seq.set(0));
        }
    }

    /// What brings a client from `seq` to this room's board; `None` when it is there.
    pub(super) fn frame_from(&self, seq: u64, form: Form) -> Option<(Bytes, u64, Kind)> {
        let current = self.current.borrow();
        // One that another edge has shown more gets the next board that is newer.
        if seq == current.seq || current.is_behind(seq) {
            return None;
        }
        match current.step(form) {
            Some((prev, frame)) if prev == seq => {
                return Some((frame.clone(), current.seq, Kind::Step));
            }
            Some(_) | None => {}
        }
        if seq > 0 {
            let same = |(base, of, _): &&(u64, Form, Bytes)| *base == seq && *of == form;
            if let Some((_, _, frame)) = self.merged.borrow().iter().find(same) {
                return Some((frame.clone(), current.seq, Kind::Merged));
            }
            if let Since::Changed(delta) = current.since_seq(seq) {
                let frame = published::delta(form, &delta);
                let mut merged = self.merged.borrow_mut();
                if merged.len() < MERGED_MAX {
                    merged.push((seq, form, frame.clone()));
                }
                return Some((frame, current.seq, Kind::Merged));
            }
        }
        let mut cached = self.snapshots.borrow_mut();
        cached.retain(|(_, made, _)| made.elapsed() <= SNAPSHOT_AGE_MAX);
        let frame = match cached.iter().find(|(of, ..)| *of == form) {
            Some((.., frame)) => frame.clone(),
            None => {
                let frame = current.snapshot(form, (self.hall.now)());
                cached.push((form, Instant::now(), frame.clone()));
                frame
            }
        };
        Some((frame, current.seq, Kind::Snapshot))
    }

    /// Sends a board's proof to those who have the board; the others get the next one.
    async fn prove(&self, proven: &Published) {
        let proofs = Form::ALL.map(|form| proven.proof(form));
        let mut turns = Turns::default();
        // To each once, also when places change meanwhile.
        for socket in self.sockets() {
            let [json, binary] = &proofs;
            let Place::Board(_, form) = socket.place else { continue };
            let proof = if form == Form::Json { json } else { binary };
            if let Some(proof) = proof
                && socket.seq.get() == proven.seq
                && !socket.is_behind()
                && socket.is_open()
            {
                socket.send(proof.clone());
            }
            if turns.is_over() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Does something to every socket that is here from now to the end, in turns; to some of them
    /// perhaps twice.
    ///
    /// Backwards: one that leaves is replaced by the last, which has had its turn. One that comes
    /// meanwhile is not visited; it began with the newest board.
    pub(super) async fn each(&self, mut visit: impl FnMut(&Rc<Socket>)) {
        let mut turns = Turns::default();
        let mut next = self.sockets.borrow().len();
        while next > 0 {
            next -= 1;
            let socket = self.sockets.borrow().get(next).map(Rc::clone);
            if let Some(socket) = socket {
                visit(&socket);
                if turns.is_over() {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
}

/// Leaves room for others while a frame goes out to thousands.
#[derive(Default)]
pub(super) struct Turns {
    writes: usize,
}

impl Turns {
    /// A frame was written. Whether the thread's other work has its turn now.
    pub(super) fn is_over(&mut self) -> bool {
        self.writes += 1;
        if self.writes.is_multiple_of(WRITES_PER_TURN) {
            return true;
        }
        if self.writes.is_multiple_of(WRITES_AT_ONCE) {
            std::thread::yield_now();
        }
        false
    }
}

/// Takes the newest board to the room's sockets, again and again, until the tournament is gone
/// or the room is empty. Boards that come during a round are one board after it.
pub(super) async fn serve(room: Rc<Room>, mut topic: watch::Receiver<Arc<Published>>) {
    while topic.changed().await.is_ok() {
        if room.is_empty() {
            return room.hall.remove(&room);
        }
        let next = Arc::clone(&topic.borrow_and_update());
        let proof = next.proof.as_ref().filter(|proof| proof.seq == next.seq);
        let is_new = proof.is_some_and(|proof| room.proven.replace(proof.chain.n) != proof.chain.n);
        room.newest();
        room.moves();
        match Turn::of(&room) {
            None => room.each(Socket::offer).await,
            Some(turn) => {
                let mut aside = Vec::new();
                room.each(|socket| match turn.takes(socket) {
                    true => aside.push(Rc::clone(socket)),
                    false => socket.offer(),
                })
                .await;
                own::bring(&room, aside).await;
            }
        }
        if is_new {
            room.prove(&next).await;
        }
        room.hall.flush_counts();
    }
    room.hall.remove(&room);
    room.each(|socket| socket.close(close::NO_TOURNAMENT, None)).await;
}
