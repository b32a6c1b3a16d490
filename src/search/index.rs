//! The zones of all slots: made from committed rows, saved, listed at the start.

use crate::storage::{Error, Storage, StoredZone};
use palio_domain::journal::zone::{block_of, first_of, last_of};
use palio_domain::journal::{Head, OpenZone, Query, Row, Zone};
use palio_domain::{Slot, UnixMs};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Rows read from the store at a time.
const PAGE: u32 = 2_000;
/// How often whole zones are saved, and gaps read.
const UPKEEP_EVERY: Duration = Duration::from_millis(500);
/// Zones saved in one transaction.
const SAVED_AT_ONCE: usize = 512;
/// Searches at a time; more are refused.
const SEARCHES_MAX: usize = 4;

/// One slot's zones.
pub(super) struct SlotIndex {
    /// From when to when the rows of each whole block are, from block 0 on.
    pub(super) times: Arc<Vec<(UnixMs, UnixMs)>>,
    /// The newest of them that the store does not have, oldest first.
    pub(super) unsaved: VecDeque<Arc<Zone>>,
    /// The block that is being filled.
    pub(super) open: OpenZone,
    /// Rows went by: the store has them.
    behind: bool,
}

impl SlotIndex {
    fn new(slot: Slot) -> Self {
        let open = OpenZone::new(slot, 0);
        Self { times: Arc::default(), unsaved: VecDeque::new(), open, behind: true }
    }

    /// Blocks that the store has zones of.
    pub(super) fn saved(&self) -> usize {
        self.times.len().saturating_sub(self.unsaved.len())
    }

    fn insert(&mut self, row: &Row) {
        if row.seq > self.open.position().saturating_add(1) {
            self.behind = true;
            return;
        }
        if let Some(zone) = self.open.insert(row) {
            Arc::make_mut(&mut self.times).push((zone.first_time(), zone.last_time()));
            self.unsaved.push_back(Arc::new(zone));
        }
    }
}

/// Finds rows. One per process, shared by all threads.
pub struct Search {
    pub(super) storage: Storage,
    slots: Vec<Mutex<SlotIndex>>,
    pub(super) searches: Semaphore,
    enabled: bool,
}

impl Search {
    /// Lists the saved zones. With `enabled` off none are made, and searches read every row that
    /// has no zone yet.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn open(storage: &Storage, enabled: bool) -> Result<Arc<Self>, Error> {
        let mut slots: Vec<_> = Slot::all().map(SlotIndex::new).collect();
        for (slot, block, first, last) in storage.zones.zone_times().await? {
            let Some(index) = slots.get_mut(slot.index()) else { continue };
            // Only without a gap, and as times go: a block behind that is made again.
            let next = u64::try_from(index.times.len()).is_ok_and(|next| next == block);
            let later = index.times.last().is_none_or(|times| times.1 <= first) && first <= last;
            if next && later {
                Arc::make_mut(&mut index.times).push((first, last));
            }
        }
        for head in storage.journal.heads().await? {
            let Some(index) = slots.get_mut(head.slot.index()) else { continue };
            let whole = block_of(head.next_seq);
            let known = u64::try_from(index.times.len()).unwrap_or(u64::MAX);
            if known > whole {
                // The journal is an older one than these zones were made from.
                storage.zones.forget_zones(head.slot, whole).await?;
                Arc::make_mut(&mut index.times).truncate(usize::try_from(whole).unwrap_or(0));
            }
            index.open = OpenZone::new(head.slot, known.min(whole));
        }
        Ok(Arc::new(Self {
            storage: storage.clone(),
            slots: slots.into_iter().map(Mutex::new).collect(),
            searches: Semaphore::new(SEARCHES_MAX),
            enabled,
        }))
    }

    pub(super) fn slot(&self, slot: Slot) -> Option<MutexGuard<'_, SlotIndex>> {
        let slot = self.slots.get(slot.index())?;
        Some(slot.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes committed rows in, in the order of each slot; those it has seen change nothing.
    pub fn take(&self, rows: &[Arc<Row>]) {
        if !self.enabled {
            return;
        }
        for part in rows.chunk_by(|a, b| a.slot == b.slot) {
            let Some(mut index) = part.first().and_then(|row| self.slot(row.slot)) else {
                continue;
            };
            part.iter().for_each(|row| index.insert(row));
        }
    }

    /// Saves zones and reads what went by, for ever.
    pub async fn run(self: Arc<Self>) {
        if !self.enabled {
            return;
        }
        let mut tick = tokio::time::interval(UPKEEP_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.keep_up().await {
                tracing::warn!(%error, "the search's zones can't be kept up");
            }
        }
    }

    /// Reads the rows that went by and saves whole zones.
    ///
    /// # Errors
    /// Whatever the store says; the next call goes on from there.
    pub async fn keep_up(&self) -> Result<(), Error> {
        for slot in Slot::all() {
            if self.slot(slot).is_some_and(|index| index.behind) {
                self.catch_up(slot).await?;
            }
        }
        self.save().await
    }

    async fn catch_up(&self, slot: Slot) -> Result<(), Error> {
        loop {
            let from = {
                let Some(mut index) = self.slot(slot) else { return Ok(()) };
                // Before the read: a row that goes by from here on may not stand in the page.
                index.behind = false;
                index.open.position() + 1
            };
            let rows = self.storage.journal.read(slot, from, PAGE).await;
            let Some(mut index) = self.slot(slot) else { return Ok(()) };
            let rows = rows.inspect_err(|_| index.behind = true)?;
            rows.iter().for_each(|stored| index.insert(&stored.row));
            let whole = rows.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
            let again = whole || (index.behind && !rows.is_empty());
            let full = index.unsaved.len() >= SAVED_AT_ONCE;
            drop(index);
            if full {
                self.save().await?;
            }
            if !again {
                return Ok(());
            }
        }
    }

    async fn save(&self) -> Result<(), Error> {
        loop {
            let zones = self.unsaved();
            if zones.is_empty() {
                return Ok(());
            }
            self.storage.zones.save_zones(&zones).await?;
            for zone in &zones {
                if let Some(mut index) = self.slot(zone.slot)
                    && index.unsaved.front().is_some_and(|front| front.block() == zone.block)
                {
                    index.unsaved.pop_front();
                }
            }
        }
    }

    fn unsaved(&self) -> Vec<StoredZone> {
        let mut zones = Vec::new();
        for index in Slot::all().filter_map(|slot| self.slot(slot)) {
            let room = SAVED_AT_ONCE.saturating_sub(zones.len());
            zones.extend(index.unsaved.iter().take(room).map(|zone| stored(zone)));
        }
        zones
    }

    /// Rows that have no zone and are not in an open one, as of `heads`; for a gauge.
    #[must_use]
    pub fn lag(&self, heads: &[Head]) -> u64 {
        let behind = |head: &Head| {
            let at = self.slot(head.slot).map_or(0, |index| index.open.position());
            head.next_seq.saturating_sub(1).saturating_sub(at)
        };
        heads.iter().map(behind).sum()
    }

    /// What is known of a slot for one question.
    pub(super) fn plan(&self, slot: Slot, query: &Query) -> Plan {
        let Some(index) = self.slot(slot) else { return Plan::default() };
        let position = index.open.position();
        let open = index.open.may_contain(query).then(|| {
            let block = block_of(position);
            (first_of(block), position, index.open.times().map_or(UnixMs(0), |times| times.1))
        });
        let matching = index.unsaved.iter().filter(|zone| zone.may_contain(query));
        let unsaved = matching
            .map(|zone| (first_of(zone.block()), last_of(zone.block()), zone.last_time()))
            .collect();
        Plan { position, open, unsaved, times: Arc::clone(&index.times), saved: index.saved() }
    }
}

/// A range of seqs, both included, and the time of its last row.
pub(super) type Range = (u64, u64, UnixMs);

/// Where the rows of a slot that may be looked for are.
#[derive(Default)]
pub(super) struct Plan {
    /// Rows behind this one are in no zone.
    pub(super) position: u64,
    /// The open block, if it may hold a match.
    pub(super) open: Option<Range>,
    /// Blocks whose zones are in memory and may hold a match, oldest first.
    pub(super) unsaved: Vec<Range>,
    /// The times of all whole blocks.
    pub(super) times: Arc<Vec<(UnixMs, UnixMs)>>,
    /// How many of them, from the first, have their zones in the store.
    pub(super) saved: usize,
}

fn stored(zone: &Zone) -> StoredZone {
    StoredZone {
        slot: zone.slot(),
        block: zone.block(),
        first: zone.first_time(),
        last: zone.last_time(),
        zone: zone.encode(),
    }
}
