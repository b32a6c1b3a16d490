//! An edge's side: what the core has written becomes this node's boards.
//!
//! Every listed tournament is followed, watched or not: a board is there when somebody asks for
//! it, and no request waits for Redis. Three tasks: one waits for hints, one looks at the core's
//! beat and the list, one reads the streams that have news (and all of them every few seconds,
//! since a hint may get lost).
//!
//! **Invariants:** sockets never wait for Redis. While it is away the last boards stay, and are
//! said to be stale.

use super::copy::Copy;
use super::entry::At;
use super::shelf::Shelf;
use super::store::{Beat, Store, StoreError};
use crate::ws::published::Published;
use crate::ws::{Clock, Live};
use futures_util::StreamExt as _;
use palio_domain::{TournamentId, UnixMs};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How often the core's beat is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How often every stream is read, hints or not.
const SWEEP: Duration = Duration::from_secs(5);
/// After a call that failed.
const RETRY: Duration = Duration::from_millis(250);
/// Streams that are read at a time.
const AT_ONCE: usize = 64;
/// Entries of one read.
const ENTRIES: usize = 512;
/// How long an edge that starts waits for boards that are listed and not there.
const MISSING: Duration = Duration::from_secs(5);
/// A core whose generation is smaller than what was read before is believed after so long: until
/// then it may be the memory of a replica that lagged.
const SMALLER: Duration = Duration::from_secs(15);

/// Streams that are worth a read.
#[derive(Default)]
struct Dirty {
    ids: Mutex<(HashSet<TournamentId>, bool)>,
    some: Notify,
}

impl Dirty {
    fn add(&self, ids: impl IntoIterator<Item = TournamentId>, all: bool) {
        let mut here = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        here.0.extend(ids);
        here.1 |= all;
        self.some.notify_one();
    }

    fn take(&self) -> (HashSet<TournamentId>, bool) {
        std::mem::take(&mut *self.ids.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// See the module.
pub struct Reader {
    store: Arc<dyn Store>,
    shelf: Arc<Shelf>,
    live: Arc<Live>,
    now: Clock,
    stale_after: Duration,
    ring_len: usize,
    dirty: Dirty,
    is_listed: AtomicBool,
    is_ready: Arc<AtomicBool>,
    /// The greatest generation that was read.
    highest: AtomicU64,
    /// What was read is of a core that will not come back.
    outlived: AtomicBool,
    /// The core gives beats again: boards are fresh once all of them were read.
    is_back: AtomicBool,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("ready", &self.is_ready).finish_non_exhaustive()
    }
}

/// What a look at the core's beat has to remember.
struct Watch {
    beat: Option<Beat>,
    changed: Instant,
    changed_at: UnixMs,
    list: Option<(u64, u64)>,
    smaller: Option<Instant>,
}

/// What a reader is made from.
pub struct Parts {
    /// Redis.
    pub store: Arc<dyn Store>,
    /// Where the list goes.
    pub shelf: Arc<Shelf>,
    /// Where boards go.
    pub live: Arc<Live>,
    /// The time.
    pub now: Clock,
    /// Boards are stale when the core gave no beat for so long.
    pub stale_after: Duration,
    /// Older boards kept per tournament.
    pub ring_len: usize,
    /// Set once everything was read.
    pub is_ready: Arc<AtomicBool>,
}

impl Reader {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { store, shelf, live, now, stale_after, ring_len, is_ready } = parts;
        Arc::new(Self {
            store,
            shelf,
            live,
            now,
            stale_after,
            ring_len,
            dirty: Dirty::default(),
            is_listed: AtomicBool::default(),
            is_ready,
            highest: AtomicU64::default(),
            outlived: AtomicBool::default(),
            is_back: AtomicBool::default(),
        })
    }

    /// Reads for ever.
    pub async fn run(self: Arc<Self>) {
        tokio::spawn(Arc::clone(&self).wait());
        tokio::spawn(Arc::clone(&self).watch());
        self.read().await;
    }

    fn failed(&self, of: &'static str, error: &StoreError) {
        metrics::counter!("palio_redis_errors_total", "of" => of).increment(1);
        tracing::debug!(%error, of, "a call to Redis failed");
    }

    /// Waits for hints.
    async fn wait(self: Arc<Self>) {
        let mut mark = String::new();
        loop {
            match self.store.woken(&mut mark).await {
                Ok(ids) => self.dirty.add(ids, false),
                Err(error) => {
                    self.failed("wait", &error);
                    // Hints may have been lost with the connection.
                    mark.clear();
                    tokio::time::sleep(RETRY).await;
                    self.dirty.add([], true);
                }
            }
        }
    }

    /// Looks at the core's beat and the list.
    async fn watch(self: Arc<Self>) {
        let mut watch = Watch {
            beat: None,
            changed: Instant::now(),
            changed_at: (self.now)(),
            list: None,
            smaller: None,
        };
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            // A look that takes long must not hold up the judgement on freshness.
            let look = tokio::time::timeout(self.stale_after / 2, self.look(&mut watch));
            let looked = look.await;
            let is_up = matches!(looked, Ok(Ok(())));
            match looked {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.failed("look", &error),
                Err(_) => self.failed("look", &StoreError("no answer in time".into())),
            }
            metrics::gauge!("palio_redis_up").set(if is_up { 1.0 } else { 0.0 });
            let is_stale = watch.changed.elapsed() > self.stale_after;
            let was_stale = self.live.stale().is_some();
            if is_stale != was_stale {
                tracing::info!(is_stale, "boards' freshness changed");
            }
            self.is_back.store(was_stale && !is_stale, Ordering::Release);
            if is_stale {
                self.live.set_stale(Some(watch.changed_at));
            } else if was_stale {
                // What was missed meanwhile is read before anybody is told.
                self.dirty.add([], true);
            }
            metrics::gauge!("palio_edge_stale").set(if is_stale { 1.0 } else { 0.0 });
        }
    }

    async fn look(&self, watch: &mut Watch) -> Result<(), StoreError> {
        let Some(beat) = self.store.beat().await? else { return Ok(()) };
        if watch.beat.as_ref() != Some(&beat) {
            let is_first = watch.beat.replace(beat.clone()).is_none();
            (watch.changed, watch.changed_at) = (Instant::now(), (self.now)());
            if is_first {
                self.dirty.add([], true);
            }
        }
        let is_smaller = beat.generation < self.highest.load(Ordering::Acquire);
        let since = is_smaller.then(|| watch.smaller.unwrap_or_else(Instant::now));
        watch.smaller = since;
        if since.is_some_and(|since| since.elapsed() > SMALLER) {
            watch.smaller = None;
            self.outlived.store(true, Ordering::Release);
            self.dirty.add([], true);
        }
        if watch.list != Some((beat.generation, beat.list)) && beat.list > 0 {
            watch.list = self.shelf.read(&*self.store).await?;
            if watch.list.is_some() {
                self.is_listed.store(true, Ordering::Release);
                self.dirty.add([], true);
            }
        }
        Ok(())
    }

    /// Reads what has news.
    async fn read(self: Arc<Self>) {
        let mut copies: HashMap<TournamentId, Copy> = HashMap::new();
        let mut whole_since = None;
        // However much is going on: a hint that was lost may be another tournament's.
        let mut sweeps = tokio::time::interval(SWEEP);
        sweeps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let swept = tokio::select! {
                biased;
                _ = sweeps.tick() => true,
                () = self.dirty.some.notified() => false,
            };
            let (mut ids, mut all) = self.dirty.take();
            all |= swept;
            let is_back = all && self.is_back.load(Ordering::Acquire);
            if self.outlived.swap(false, Ordering::AcqRel) {
                tracing::warn!("a core with a smaller generation writes: beginning again");
                self.highest.store(0, Ordering::Release);
                copies.values_mut().for_each(Copy::again);
            }
            self.keep_listed(&mut copies);
            ids.retain(|id| copies.contains_key(id));
            if all {
                ids.extend(copies.keys().cloned());
            }
            let is_whole = self.round(&mut copies, ids).await;
            // Unless it has gone again meanwhile.
            if is_whole && is_back && self.is_back.load(Ordering::Acquire) {
                self.live.set_stale(None);
            }
            if !is_whole {
                self.dirty.add([], true);
                tokio::time::sleep(RETRY).await;
            } else if !self.is_ready.load(Ordering::Acquire)
                && self.is_listed.load(Ordering::Acquire)
            {
                let since = *whole_since.get_or_insert_with(Instant::now);
                let has_all = copies.values().all(|copy| copy.here().is_some());
                self.is_ready.store(has_all || since.elapsed() > MISSING, Ordering::Release);
                if !has_all {
                    tokio::time::sleep(RETRY).await;
                    self.dirty.add([], true);
                }
            }
        }
    }

    /// Follows what is listed, and nothing else.
    fn keep_listed(&self, copies: &mut HashMap<TournamentId, Copy>) {
        copies.retain(|id, _| {
            let is_listed = self.shelf.has(id);
            if !is_listed {
                self.live.topics().close(id);
            }
            is_listed
        });
        for shown in self.shelf.all().iter() {
            let id = &shown.listed.id;
            if !copies.contains_key(id) {
                copies.insert(id.clone(), Copy::new(id.clone(), self.ring_len));
                self.dirty.add([id.clone()], false);
            }
        }
        let count = u32::try_from(copies.len()).unwrap_or(u32::MAX);
        metrics::gauge!("palio_edge_boards").set(f64::from(count));
    }

    /// Reads these streams; whether all could be read.
    async fn round(
        &self,
        copies: &mut HashMap<TournamentId, Copy>,
        ids: HashSet<TournamentId>,
    ) -> bool {
        let starts = ids.into_iter().filter_map(|id| Some((copies.get(&id)?.after(), id)));
        let starts: Vec<(At, TournamentId)> = starts.collect();
        let reads = starts.into_iter().map(|(after, id)| async move {
            let entries = self.store.read(&id, after, ENTRIES).await;
            (id, entries)
        });
        let mut reads = futures_util::stream::iter(reads).buffer_unordered(AT_ONCE);
        let mut is_whole = true;
        while let Some((id, entries)) = reads.next().await {
            let entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    self.failed("read", &error);
                    is_whole = false;
                    continue;
                }
            };
            if entries.len() >= ENTRIES {
                self.dirty.add([id.clone()], false);
            }
            let Some(copy) = copies.get_mut(&id) else { continue };
            let before = copy.here().cloned();
            for (at, entry) in &entries {
                let took = copy.take(*at, entry);
                metrics::counter!("palio_edge_entries_total", "was" => took.as_str()).increment(1);
                self.highest.fetch_max(at.generation, Ordering::AcqRel);
            }
            let is_new = |here: &Arc<Published>| {
                before.as_ref().is_none_or(|before| !Arc::ptr_eq(here, before))
            };
            if let Some(here) = copy.here().filter(|here| is_new(here)) {
                if before.is_some_and(|before| before.seq != here.seq) {
                    let lag_ms = (self.now)().since_ms(here.as_of);
                    let lag_ms = u32::try_from(lag_ms).unwrap_or_default();
                    metrics::histogram!("palio_edge_lag_seconds").record(f64::from(lag_ms) / 1e3);
                }
                self.live.topics().put(&id, Arc::clone(here));
            }
        }
        is_whole
    }
}
