//! A board as published, and the table of all of them.
//!
//! **Invariants:** a [`Published`] never changes and is complete in itself: the board, its
//! position, its ready bytes, and the recent deltas that lead to it. An epoch's positions go up
//! by one; an epoch is never used for two histories.

use super::board::{self, Ring, Since};
use super::frames;
use super::{Clock, lock};
use crate::actors::board::{BoardView, Boards};
use bytes::Bytes;
use palio_domain::{TournamentId, UnixMs};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;

/// A board at one position of its epoch.
#[derive(Debug)]
pub struct Published {
    /// Which history `seq` belongs to.
    pub epoch: Arc<str>,
    /// Position, from 1.
    pub seq: u64,
    /// What is shown.
    pub view: Arc<BoardView>,
    /// When it was published.
    pub as_of: UnixMs,
    /// `"epoch-seq"` with its quotes, for the first page over HTTP.
    pub etag: String,
    /// The ready body of the first page over HTTP, with every row of the top.
    pub json: Bytes,
    head: Box<str>,
    tail: Box<str>,
    step: Option<Bytes>,
    ring: Ring,
}

impl Published {
    fn new(epoch: Arc<str>, seq: u64, view: Arc<BoardView>, as_of: UnixMs, ring: Ring) -> Self {
        let (head, tail) = frames::snapshot(&epoch, seq, &view);
        Self {
            etag: format!("\"{epoch}-{seq}\""),
            json: frames::page(&epoch, seq, &view, as_of, usize::MAX).into(),
            head: head.into(),
            tail: tail.into(),
            step: ring.last().map(|step| frames::text(&[&frames::delta(step)])),
            epoch,
            seq,
            view,
            as_of,
            ring,
        }
    }

    /// The first board of an epoch.
    #[must_use]
    pub fn first(epoch: Arc<str>, view: Arc<BoardView>, now: UnixMs) -> Self {
        Self::new(epoch, 1, view, now, Ring::default())
    }

    /// The board after this one, or `None` when nothing that is shown changed.
    #[must_use]
    pub fn next(&self, view: Arc<BoardView>, now: UnixMs, ring_len: usize) -> Option<Self> {
        let delta = board::diff(self.seq, &self.view, &view)?;
        let ring = self.ring.with(Arc::new(delta), ring_len);
        Some(Self::new(Arc::clone(&self.epoch), self.seq.saturating_add(1), view, now, ring))
    }

    /// The first `limit` rows as a body for HTTP.
    #[must_use]
    pub fn page(&self, limit: usize) -> Bytes {
        if limit >= self.view.rows.len() {
            return self.json.clone();
        }
        frames::page(&self.epoch, self.seq, &self.view, self.as_of, limit).into()
    }

    /// What a client at this position needs.
    #[must_use]
    pub fn since(&self, epoch: &str, seq: u64) -> Since {
        if *epoch == *self.epoch { self.since_seq(seq) } else { Since::Lost }
    }

    /// As [`since`](Self::since), within this board's epoch.
    #[must_use]
    pub fn since_seq(&self, seq: u64) -> Since {
        self.ring.since(seq, self.seq)
    }

    /// The ready frame of the last step, and the position that it starts from.
    #[must_use]
    pub fn step(&self) -> Option<(u64, &Bytes)> {
        self.step.as_ref().map(|frame| (self.seq.saturating_sub(1), frame))
    }

    /// A snapshot's frame.
    #[must_use]
    pub fn snapshot(&self, now: UnixMs) -> Bytes {
        frames::text(&[&self.head, &frames::time(now), &self.tail])
    }
}

/// One tournament's published board; its subscribers see the newest, never all.
#[derive(Debug)]
pub struct Topic {
    id: TournamentId,
    sender: watch::Sender<Arc<Published>>,
}

impl Topic {
    /// Which tournament.
    #[must_use]
    pub const fn id(&self) -> &TournamentId {
        &self.id
    }

    /// The newest board.
    #[must_use]
    pub fn published(&self) -> Arc<Published> {
        Arc::clone(&self.sender.borrow())
    }

    /// The newest board now and whenever it changes; ends when the tournament does.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.sender.subscribe()
    }
}

/// All published boards of this node.
pub struct Topics {
    boards: Arc<dyn Boards>,
    now: Clock,
    ring_len: usize,
    boot: String,
    epochs: AtomicU64,
    by_id: RwLock<HashMap<TournamentId, Arc<Topic>>>,
    opening: Mutex<()>,
}

impl std::fmt::Debug for Topics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Topics").field("boot", &self.boot).finish_non_exhaustive()
    }
}

impl Topics {
    /// Whether a board that is not there does not exist.
    pub(super) fn is_ready(&self) -> bool {
        self.boards.is_ready()
    }

    /// None yet.
    #[must_use]
    pub fn new(boards: Arc<dyn Boards>, now: Clock, ring_len: usize) -> Self {
        let boot = base36(u64::try_from(now().0).unwrap_or_default());
        let (epochs, by_id) = (AtomicU64::default(), RwLock::default());
        Self { boards, now, ring_len, boot, epochs, by_id, opening: Mutex::default() }
    }

    /// An epoch that was never used: the time of the process's start, and a count.
    fn epoch(&self) -> Arc<str> {
        let count = self.epochs.fetch_add(1, Ordering::Relaxed);
        format!("{}.{}", self.boot, base36(count)).into()
    }

    /// A tournament's topic. One that has a board but no topic yet gets it here.
    #[must_use]
    pub fn open(&self, id: &TournamentId) -> Option<Arc<Topic>> {
        let find = || {
            let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
            by_id.get(id).map(Arc::clone)
        };
        if let Some(topic) = find() {
            return Some(topic);
        }
        let view = self.boards.view(id)?;
        let _only_one = lock(&self.opening);
        if let Some(topic) = find() {
            return Some(topic);
        }
        let first = Published::first(self.epoch(), view, (self.now)());
        let sender = watch::Sender::new(Arc::new(first));
        let topic = Arc::new(Topic { id: id.clone(), sender });
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        by_id.insert(id.clone(), Arc::clone(&topic));
        Some(topic)
    }

    /// Opens what has a board, closes what has none any more; gives all open topics.
    #[must_use]
    pub fn sync(&self) -> Vec<Arc<Topic>> {
        let ids: HashSet<TournamentId> = self.boards.ids().into_iter().collect();
        let mut open: HashMap<TournamentId, Arc<Topic>> = {
            let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
            by_id.clone()
        };
        let missing = ids.iter().filter(|id| !open.contains_key(id));
        let opened: Vec<_> = missing.filter_map(|id| self.open(id)).collect();
        open.extend(opened.into_iter().map(|topic| (topic.id.clone(), topic)));
        // One that was opened after `ids` was asked has a board all the same.
        let gone = |id: &TournamentId| !ids.contains(id) && self.boards.view(id).is_none();
        let gone: Vec<TournamentId> = open.keys().filter(|id| gone(id)).cloned().collect();
        if !gone.is_empty() {
            let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
            for id in &gone {
                by_id.remove(id);
                open.remove(id);
            }
        }
        open.into_values().collect()
    }

    /// Takes a topic's newest view and publishes it if it shows something new.
    ///
    /// Gives the view, for the caller to know it by.
    pub fn publish(&self, topic: &Topic, last: Option<&Arc<BoardView>>) -> Option<Arc<BoardView>> {
        let view = self.boards.view(&topic.id)?;
        if last.is_some_and(|last| Arc::ptr_eq(last, &view)) {
            return Some(view);
        }
        let shown = topic.published();
        let now = (self.now)();
        // A delta cannot say that the end moved: everybody gets a new snapshot, of a new epoch.
        let next = if shown.view.ends_at == view.ends_at && shown.view.tenant == view.tenant {
            shown.next(Arc::clone(&view), now, self.ring_len)
        } else {
            Some(Published::first(self.epoch(), Arc::clone(&view), now))
        };
        if let Some(next) = next {
            topic.sender.send_replace(Arc::new(next));
        }
        Some(view)
    }
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        digits.push(char::from_digit(digit, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}
