//! The table of all published boards of a node.
//!
//! **Invariant:** an epoch's positions go up by one; an epoch is never used for two histories.

use super::published::Published;
use super::{Clock, lock};
use crate::actors::board::{BoardRow, BoardView, Boards};
use palio_domain::TournamentId;
use palio_protocol::live::Digest;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use tokio::sync::watch;

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

    /// A page of a tournament's whole ranking.
    pub(super) async fn rows(
        &self,
        id: &TournamentId,
        offset: u64,
        limit: u64,
    ) -> Option<Vec<BoardRow>> {
        self.boards.page(id, offset, limit).await
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
        let first = Published::first(self.epoch(), &view, (self.now)());
        let sender = watch::Sender::new(Arc::new(first));
        let topic = Arc::new(Topic { id: id.clone(), sender });
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        by_id.insert(id.clone(), Arc::clone(&topic));
        Some(topic)
    }

    /// Whether a tournament that has no topic will have one soon.
    pub(super) fn is_expected(&self, id: &TournamentId) -> bool {
        self.boards.is_expected(id)
    }

    /// All open topics.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Topic>> {
        let by_id = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        by_id.values().map(Arc::clone).collect()
    }

    /// Shows a board that another node has published; opens its topic if need be.
    pub fn put(&self, id: &TournamentId, published: Arc<Published>) {
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        match by_id.get(id) {
            Some(topic) => {
                topic.sender.send_replace(published);
            }
            None => {
                let (id, sender) = (id.clone(), watch::Sender::new(published));
                by_id.insert(id.clone(), Arc::new(Topic { id, sender }));
            }
        }
    }

    /// Ends a topic: its sockets are told that the tournament is no more.
    pub fn close(&self, id: &TournamentId) {
        let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        by_id.remove(id);
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
        let (ends_at, tenant) = (shown.about.ends_at, shown.about.tenant);
        let next = if ends_at == view.ends_at && tenant == view.tenant {
            shown.next(&view, now, self.ring_len)
        } else {
            Some(Published::first(self.epoch(), &view, now))
        };
        if let Some(next) = next {
            topic.sender.send_replace(Arc::new(next));
        }
        Some(view)
    }

    /// Proves a topic's board when it is time.
    pub fn prove(&self, topic: &Topic) {
        let seal = |chain: &Digest| self.boards.seal(chain);
        if let Some(proven) = topic.published().proven((self.now)(), seal) {
            topic.sender.send_replace(Arc::new(proven));
        }
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
