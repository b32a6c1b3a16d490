//! One socket on its live thread: what is written, and what happens when it does not take it.
//!
//! ```text
//!        write would block            all written
//! ready ──────────────────▶ behind ──────────────▶ ready
//!   └──────────── close ──────┴──▶ closing ──▶ gone     (the peer's close, its end, or time)
//! ```
//! **Invariants:** `seq` is the board (or wallet) that the client has once the rest of the frame
//! under way is written. A socket that is behind holds that rest, and no board: when it drains it gets one
//! frame from its `seq` to the newest. A frame is never cut short but by the end of the socket.
//!
//! Tests: `ws/tests/`.

use super::frames;
use super::hall::Hall;
use super::own::Auth;
use super::purse::Teller;
use super::room::{Kind, Room};
use super::seats::Seat;
use bytes::{Buf, Bytes, BytesMut};
use palio_domain::TenantId;
use palio_protocol::live::{Form, close};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

/// Answers that wait for a socket that is behind; beyond them only a goodbye is taken.
const ANSWERS_MAX: usize = 8;
/// Pings that may stay unanswered: with the fourth due, the client is gone.
const UNANSWERED_MAX: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// We have said goodbye and wait for the peer's close.
    Closing(u16),
    /// The peer has said goodbye: the end comes with the last byte.
    Last(u16),
    Gone,
}

/// What a socket that would block still has to get.
#[derive(Debug)]
struct Behind {
    rest: Bytes,
    pong: Option<Bytes>,
    answers: VecDeque<Bytes>,
    progress: Instant,
    drain: AbortHandle,
}

enum Wrote {
    All,
    Part(usize),
    Nothing,
    Broken,
}

/// What reading gave.
pub(super) enum Read {
    /// There may be more.
    Some,
    Last,
    Nothing,
    End,
}

/// What a socket tells of.
pub(super) enum Place {
    /// A tournament's board, in a form.
    Board(Rc<Room>, Form),
    /// A player's wallet.
    Purse(Box<Teller>),
}

pub(super) struct Socket {
    stream: TcpStream,
    pub(super) hall: Rc<Hall>,
    pub(super) place: Place,
    /// Its index in the room.
    pub(super) slot: Cell<Option<usize>>,
    /// Whether it was told anything yet; before that nothing about the board is sent.
    pub(super) greeted: Cell<bool>,
    /// The client's board; 0 when it has none.
    pub(super) seq: Cell<u64>,
    phase: Cell<Phase>,
    unanswered: Cell<u8>,
    /// Whether the client was told that its board is stale.
    stale: Cell<bool>,
    /// Whether the sweep knows it as one that may stall.
    pub(super) watched: Cell<bool>,
    behind: RefCell<Option<Box<Behind>>>,
    pub(super) auth: RefCell<Option<Box<Auth>>>,
    reader: RefCell<Option<AbortHandle>>,
    seat: RefCell<Seat>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, hall: Rc<Hall>, place: Place, seat: Seat) -> Rc<Self> {
        Rc::new(Self {
            stream,
            hall,
            place,
            slot: Cell::default(),
            greeted: Cell::default(),
            seq: Cell::default(),
            phase: Cell::new(Phase::Open),
            unanswered: Cell::default(),
            stale: Cell::default(),
            watched: Cell::default(),
            behind: RefCell::default(),
            auth: RefCell::default(),
            reader: RefCell::default(),
            seat: RefCell::new(seat),
        })
    }

    pub(super) fn read_by(&self, reader: AbortHandle) {
        self.reader.replace(Some(reader));
    }

    /// Counts it for this brand; whether the brand may have one more.
    pub(super) fn belongs_to(&self, tenant: TenantId) -> bool {
        self.seat.borrow_mut().belong_to(tenant).is_ok()
    }

    pub(super) fn is_open(&self) -> bool {
        self.phase.get() == Phase::Open
    }

    pub(super) fn is_gone(&self) -> bool {
        self.phase.get() == Phase::Gone
    }

    pub(super) fn is_behind(&self) -> bool {
        self.behind.borrow().is_some()
    }

    /// Waits until it takes bytes.
    pub(super) async fn writable(&self) -> bool {
        self.stream.writable().await.is_ok()
    }

    /// Waits until there is something to read.
    pub(super) async fn readable(&self) -> bool {
        self.stream.readable().await.is_ok()
    }

    /// Reads what is there through the thread's one buffer.
    pub(super) fn read(&self, into: Option<&mut BytesMut>) -> Read {
        let mut scratch = self.hall.scratch.borrow_mut();
        match self.stream.try_read(&mut scratch) {
            Ok(0) => Read::End,
            Ok(len) => {
                if let Some(into) = into {
                    into.extend_from_slice(scratch.get(..len).unwrap_or_default());
                }
                if len == scratch.len() {
                    return Read::Some;
                }
                // Asking again would only say that nothing is there. What comes from now on is
                // told of by the kernel, and the runtime looks only when this thread is done.
                let nothing = || Err::<(), _>(ErrorKind::WouldBlock.into());
                self.stream.try_io(Interest::READABLE, nothing).ok();
                Read::Last
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Read::Nothing,
            Err(_) => Read::End,
        }
    }

    fn write(&self, bytes: &[u8]) -> Wrote {
        match self.stream.try_write(bytes) {
            Ok(len) => {
                self.hall.count_bytes(len);
                if len == bytes.len() { Wrote::All } else { Wrote::Part(len) }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Wrote::Nothing,
            Err(_) => Wrote::Broken,
        }
    }

    /// What brings the client from `seq` to now; `None` when it is there.
    fn frame_from(&self, seq: u64) -> Option<(Bytes, u64, Kind)> {
        match &self.place {
            Place::Board(room, form) => room.frame_from(seq, *form),
            Place::Purse(purse) => purse.frame_from(seq),
        }
    }

    /// Nothing is told to it any more.
    fn leave(&self) {
        match &self.place {
            Place::Board(room, _) => room.leave(self),
            Place::Purse(purse) => purse.leave(),
        }
    }

    /// Whether it is brought boards: one that is behind catches up itself.
    pub(super) fn takes_boards(&self) -> bool {
        self.is_open() && !self.is_behind() && self.greeted.get()
    }

    /// Brings the client to the room's board and tells it this besides, in one write. Copied
    /// together: the kernel takes longer over two pieces than a copy of some hundred bytes.
    pub(super) fn offer_with(self: &Rc<Self>, more: Bytes) {
        let board = match self.takes_boards() {
            true => self.frame_from(self.seq.get()),
            false => None,
        };
        let Some((frame, seq, kind)) = board else {
            self.send(more);
            return;
        };
        let mut both = BytesMut::with_capacity(frame.len() + more.len());
        both.extend_from_slice(&frame);
        both.extend_from_slice(&more);
        match self.write(&both) {
            Wrote::All => {
                self.took(seq, kind);
                self.hall.count_frame();
            }
            Wrote::Part(len) => {
                self.took(seq, kind);
                self.hall.count_frame();
                self.fall_behind(both.freeze().slice(len..), None);
            }
            Wrote::Nothing => self.fall_behind(Bytes::new(), Some(more)),
            Wrote::Broken => self.end(close::BROKEN),
        }
    }

    /// Brings the client to the room's board, unless it is behind: then it catches up itself.
    pub(super) fn offer(self: &Rc<Self>) {
        if !self.takes_boards() {
            return;
        }
        let Some((frame, seq, kind)) = self.frame_from(self.seq.get()) else {
            return;
        };
        match self.write(&frame) {
            Wrote::All => self.took(seq, kind),
            Wrote::Part(len) => {
                self.took(seq, kind);
                self.fall_behind(frame.slice(len..), None);
            }
            Wrote::Nothing => self.fall_behind(Bytes::new(), None),
            Wrote::Broken => self.end(close::BROKEN),
        }
    }

    /// Tells the client whether its board is stale, unless it knows or is behind.
    pub(super) fn tell(self: &Rc<Self>) {
        if self.greeted.get()
            && !self.is_behind()
            && let Some(news) = self.news()
        {
            self.send(news);
        }
    }

    /// What the client does not know about the freshness of its board; it is told with this.
    fn news(&self) -> Option<Bytes> {
        let stale = self.hall.stale();
        if !self.is_open() || self.stale.replace(stale.is_some()) == stale.is_some() {
            return None;
        }
        Some(frames::freshness(stale))
    }

    fn took(&self, seq: u64, kind: Kind) {
        self.hall.count_frame();
        // The first snapshot of a client without a cursor is no resync.
        if self.seq.replace(seq) > 0 {
            self.hall.count_resync(kind);
        }
    }

    /// Sends an answer; whether it was taken at once.
    pub(super) fn send(self: &Rc<Self>, frame: Bytes) -> bool {
        if self.is_gone() {
            return false;
        }
        if let Some(behind) = self.behind.borrow_mut().as_deref_mut() {
            if behind.answers.len() < ANSWERS_MAX || !self.is_open() {
                behind.answers.push_back(frame);
            }
            return false;
        }
        match self.write(&frame) {
            Wrote::All => {
                self.hall.count_frame();
                if let Phase::Last(code) = self.phase.get() {
                    self.end(code);
                }
                true
            }
            Wrote::Part(len) => {
                self.hall.count_frame();
                self.fall_behind(frame.slice(len..), None);
                false
            }
            Wrote::Nothing => {
                self.fall_behind(Bytes::new(), Some(frame));
                false
            }
            Wrote::Broken => {
                self.end(close::BROKEN);
                false
            }
        }
    }

    /// Answers a ping, before all else that waits. Of several only the last needs an answer.
    pub(super) fn pong(self: &Rc<Self>, payload: &[u8]) {
        let frame = frames::pong(payload);
        if let Some(behind) = self.behind.borrow_mut().as_deref_mut() {
            behind.pong = Some(frame);
            return;
        }
        self.send(frame);
    }

    /// The client is there.
    pub(super) fn heard(&self) {
        self.unanswered.set(0);
    }

    /// The heartbeat. One that is behind is judged by its progress instead.
    pub(super) fn beat(self: &Rc<Self>) {
        if !self.is_open() || self.is_behind() {
            return;
        }
        if self.unanswered.get() >= UNANSWERED_MAX {
            return self.end(close::BROKEN);
        }
        self.unanswered.set(self.unanswered.get() + 1);
        self.send(frames::ping());
    }

    fn fall_behind(self: &Rc<Self>, rest: Bytes, answer: Option<Bytes>) {
        let drain = tokio::task::spawn_local(drain(Rc::clone(self))).abort_handle();
        let (progress, answers) = (Instant::now(), answer.into_iter().collect());
        let behind = Behind { rest, pong: None, answers, progress, drain };
        self.behind.replace(Some(Box::new(behind)));
        self.hall.watch_stalled(self);
    }

    /// For how long it has been behind without taking a byte.
    pub(super) fn stalled(&self) -> Option<Duration> {
        self.behind.borrow().as_ref().map(|behind| behind.progress.elapsed())
    }

    /// Writes what waits until it would block or nothing waits; whether more waits.
    fn catch_up(self: &Rc<Self>) -> bool {
        loop {
            let mut slot = self.behind.borrow_mut();
            let Some(behind) = slot.as_deref_mut() else { return false };
            if behind.rest.is_empty() {
                let answer = behind.pong.take().or_else(|| behind.answers.pop_front());
                let answer = answer.or_else(|| self.news());
                if let Some(answer) = answer {
                    self.hall.count_frame();
                    behind.rest = answer;
                } else {
                    let from = self.seq.get();
                    let is_shown = self.is_open() && self.greeted.get();
                    let next = is_shown.then(|| self.frame_from(from)).flatten();
                    let Some((frame, seq, kind)) = next else {
                        drop(slot.take());
                        drop(slot);
                        if let Phase::Last(code) = self.phase.get() {
                            self.end(code);
                        }
                        return false;
                    };
                    // Taken only when a byte of it is written: until then a newer one may come.
                    match self.write(&frame) {
                        Wrote::All => self.took(seq, kind),
                        Wrote::Part(len) => {
                            self.took(seq, kind);
                            behind.rest = frame.slice(len..);
                        }
                        Wrote::Nothing => return true,
                        Wrote::Broken => {
                            drop(slot);
                            self.end(close::BROKEN);
                            return false;
                        }
                    }
                    behind.progress = Instant::now();
                    continue;
                }
            }
            match self.write(&behind.rest) {
                Wrote::All => behind.rest.clear(),
                Wrote::Part(len) => behind.rest.advance(len),
                Wrote::Nothing => return true,
                Wrote::Broken => {
                    drop(slot);
                    self.end(close::BROKEN);
                    return false;
                }
            }
            behind.progress = Instant::now();
        }
    }

    /// Says goodbye and lets the client answer it; nothing about the board is sent after it.
    pub(super) fn close(self: &Rc<Self>, code: u16, reconnect_ms: Option<u64>) {
        if !self.is_open() {
            return;
        }
        self.phase.set(Phase::Closing(code));
        self.leave();
        self.auth.replace(None);
        self.hall.watch_closing(self);
        let mut both = BytesMut::from(&frames::bye(code, reconnect_ms)[..]);
        both.extend_from_slice(&frames::closing(code));
        self.send(both.freeze());
    }

    /// The client said goodbye.
    pub(super) fn closed_by_peer(self: &Rc<Self>, code: u16) {
        match self.phase.get() {
            Phase::Open => {
                self.phase.set(Phase::Last(code));
                self.leave();
                self.auth.replace(None);
                self.hall.watch_closing(self);
                self.send(frames::closing(code));
            }
            Phase::Closing(ours) => self.end(ours),
            Phase::Last(_) | Phase::Gone => {}
        }
    }

    /// Drops the connection, whatever is still to be written.
    pub(super) fn end(&self, code: u16) {
        let code = match self.phase.replace(Phase::Gone) {
            Phase::Open => code,
            Phase::Closing(said) | Phase::Last(said) => said,
            Phase::Gone => return,
        };
        self.leave();
        self.auth.replace(None);
        if let Some(behind) = self.behind.take() {
            behind.drain.abort();
        }
        if let Some(reader) = self.reader.take() {
            reader.abort();
        }
        self.hall.count_closed(code);
    }
}

/// Lets a socket that is behind catch up, at its own speed.
async fn drain(socket: Rc<Socket>) {
    while socket.stream.writable().await.is_ok() {
        if !socket.catch_up() {
            return;
        }
        // A reader that keeps up with large frames must not keep the thread.
        tokio::task::yield_now().await;
    }
    socket.end(close::BROKEN);
}
