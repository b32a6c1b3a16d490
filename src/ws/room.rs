//! One tournament's watchers on one live thread.
//!
//! **Invariants:** a room's board only goes forward within an epoch; a new epoch takes every
//! client's base away, so that it gets a snapshot. Frames are made once per base, not per socket.

use super::board::Since;
use super::frames;
use super::hall::Hall;
use super::socket::Socket;
use super::topic::Published;
use bytes::Bytes;
use palio_domain::TournamentId;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Writes between two yields to the thread's other work.
const WRITES_PER_TURN: u32 = 256;
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
    hall: Rc<Hall>,
    current: RefCell<Arc<Published>>,
    sockets: RefCell<Vec<Rc<Socket>>>,
    merged: RefCell<Vec<(u64, Bytes)>>,
    snapshot: RefCell<Option<(Instant, Bytes)>>,
}

impl Room {
    pub(super) fn new(id: TournamentId, hall: Rc<Hall>, current: Arc<Published>) -> Rc<Self> {
        Rc::new(Self {
            id,
            hall,
            current: RefCell::new(current),
            sockets: RefCell::default(),
            merged: RefCell::default(),
            snapshot: RefCell::default(),
        })
    }

    pub(super) fn current(&self) -> Arc<Published> {
        Arc::clone(&self.current.borrow())
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
        self.snapshot.replace(None);
        if !joined {
            self.sockets.borrow().iter().for_each(|socket| socket.seq.set(0));
        }
    }

    /// What brings a client from `seq` to this room's board; `None` when it is there.
    pub(super) fn frame_from(&self, seq: u64) -> Option<(Bytes, u64, Kind)> {
        let current = self.current.borrow();
        if seq == current.seq {
            return None;
        }
        match current.step() {
            Some((prev, frame)) if prev == seq => {
                return Some((frame.clone(), current.seq, Kind::Step));
            }
            Some(_) | None => {}
        }
        if seq > 0 {
            if let Some((_, frame)) = self.merged.borrow().iter().find(|(base, _)| *base == seq) {
                return Some((frame.clone(), current.seq, Kind::Merged));
            }
            if let Since::Changed(delta) = current.since_seq(seq) {
                let frame = frames::text(&[&frames::delta(&delta)]);
                let mut merged = self.merged.borrow_mut();
                if merged.len() < MERGED_MAX {
                    merged.push((seq, frame.clone()));
                }
                return Some((frame, current.seq, Kind::Merged));
            }
        }
        let mut cached = self.snapshot.borrow_mut();
        let frame = match &*cached {
            Some((made, frame)) if made.elapsed() <= SNAPSHOT_AGE_MAX => frame.clone(),
            Some(_) | None => {
                let frame = current.snapshot((self.hall.now)());
                cached.replace((Instant::now(), frame.clone()));
                frame
            }
        };
        Some((frame, current.seq, Kind::Snapshot))
    }

    /// Does something to every socket that is here from now to the end, in turns.
    ///
    /// Backwards: one that leaves is replaced by the last, which has had its turn. One that comes
    /// meanwhile is not visited; it began with the newest board.
    pub(super) async fn each(&self, mut visit: impl FnMut(&Rc<Socket>)) {
        let mut writes = 0;
        let mut next = self.sockets.borrow().len();
        while next > 0 {
            next -= 1;
            let socket = self.sockets.borrow().get(next).map(Rc::clone);
            if let Some(socket) = socket {
                visit(&socket);
                writes += 1;
                if writes % WRITES_PER_TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
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
        room.set_current(next);
        room.each(Socket::offer).await;
        room.hall.flush_counts();
    }
    room.hall.remove(&room);
    room.each(|socket| socket.close(frames::close::NO_TOURNAMENT, None)).await;
}
