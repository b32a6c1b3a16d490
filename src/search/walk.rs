//! The rows of one slot that match, newest first: one range of seqs after the other, each read
//! only when it is its turn.

use super::Search;
use super::index::Range;
use crate::storage::{Error, Storage};
use palio_domain::journal::zone::{block_of, first_of, last_of};
use palio_domain::journal::{Query, Row, Zone};
use palio_domain::{Slot, UnixMs};
use std::collections::VecDeque;
use std::sync::Arc;

/// Zones read at a time at first, and at most.
const ZONES_FIRST: u64 = 16;
const ZONES_MAX: u64 = 128;
/// The last seq a store can hold.
const LAST_SEQ: u64 = i64::MAX.unsigned_abs();

/// One slot's matches.
pub(super) struct Walk {
    slot: Slot,
    query: Arc<Query>,
    /// Ranges that may hold matches, newest first; then the stored zones from `next` downwards.
    ranges: VecDeque<Range>,
    times: Arc<Vec<(UnixMs, UnixMs)>>,
    /// No row behind this one is looked for.
    newest: u64,
    /// Stored blocks below this one were not asked.
    next: u64,
    /// Stored blocks from this one on are asked.
    lowest: u64,
    zones_at_once: u64,
    /// Matches that were read and not taken, newest first.
    rows: VecDeque<Row>,
}

impl Walk {
    /// A walk from the newest row, or from before seq `end`, back. Rows that are in no zone yet
    /// are read first; `head` is the last committed seq if it is known.
    pub(super) fn new(
        search: &Search,
        slot: Slot,
        query: Arc<Query>,
        end: u64,
        head: Option<u64>,
    ) -> Self {
        let plan = search.plan(slot, &query);
        let (from, until) = (query.filter().from, query.filter().until);
        let stored = plan.times.get(..plan.saved).unwrap_or_default();
        let number = |block: usize| u64::try_from(block).unwrap_or(u64::MAX);
        let lowest = from.map_or(0, |from| number(stored.partition_point(|t| t.1 < from)));
        let next = until.map_or(number(plan.saved), |until| {
            number(stored.partition_point(|times| times.0 < until))
        });
        // Blocks from `end` on are not asked at all.
        let newest = end.saturating_sub(1).min(LAST_SEQ);
        let next = next.min(block_of(newest).saturating_add(1));
        let mut ranges = VecDeque::new();
        if head.is_none_or(|head| head > plan.position) {
            ranges.push_back((plan.position.saturating_add(1), LAST_SEQ, UnixMs(i64::MAX)));
        }
        ranges.extend(plan.open);
        ranges.extend(plan.unsaved.into_iter().rev());
        ranges.retain_mut(|(first, last, _)| {
            *last = (*last).min(newest);
            first <= last
        });
        let (times, rows) = (plan.times, VecDeque::new());
        let zones_at_once = ZONES_FIRST;
        Self { slot, query, ranges, times, newest, next, lowest, zones_at_once, rows }
    }

    pub(super) const fn slot(&self) -> Slot {
        self.slot
    }

    /// Where the next match is at the latest: time and seq. `None` when there is none.
    pub(super) fn bound(&self) -> Option<(UnixMs, u64)> {
        if let Some(row) = self.rows.front() {
            return Some((row.time, row.seq));
        }
        if let Some((_, last, time)) = self.ranges.front() {
            return Some((*time, *last));
        }
        let block = self.next.checked_sub(1).filter(|block| *block >= self.lowest)?;
        let times = usize::try_from(block).ok().and_then(|at| self.times.get(at));
        Some((times.map_or(UnixMs(i64::MAX), |times| times.1), last_of(block)))
    }

    /// The next match, if it has been read.
    pub(super) fn take(&mut self) -> Option<Row> {
        self.rows.pop_front()
    }

    /// Goes on by one step: reads some zones, or the rows of one range, of which up to `limit`.
    pub(super) async fn advance(&mut self, storage: &Storage, limit: u32) -> Result<(), Error> {
        let Some((first, last, time)) = self.ranges.pop_front() else {
            return self.ask_zones(storage).await;
        };
        let filter = self.query.filter();
        let rows = storage.journal.scan(self.slot, first, last, filter, limit).await?;
        if rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX)
            && let Some(rest) = rows.last().map(|row| row.seq.saturating_sub(1))
            && rest >= first
        {
            self.ranges.push_front((first, rest, rows.last().map_or(time, |row| row.time)));
        }
        self.rows.extend(rows);
        Ok(())
    }

    async fn ask_zones(&mut self, storage: &Storage) -> Result<(), Error> {
        if self.next <= self.lowest {
            return Ok(());
        }
        let from = self.next.saturating_sub(self.zones_at_once).max(self.lowest);
        let count = u32::try_from(self.next - from).unwrap_or(u32::MAX);
        let mut stored =
            storage.zones.load_zones(self.slot, from, count).await?.into_iter().peekable();
        let mut may = Vec::new();
        for block in from..self.next {
            let zone = stored
                .next_if(|zone| zone.block == block)
                .and_then(|zone| Zone::decode(&zone.zone))
                .filter(|zone| (zone.slot(), zone.block()) == (self.slot, block));
            // A zone that is missing or damaged rules nothing out.
            if zone.is_none_or(|zone| zone.may_contain(&self.query)) {
                let times = usize::try_from(block).ok().and_then(|at| self.times.get(at));
                let time = times.map_or(UnixMs(i64::MAX), |times| times.1);
                may.push((first_of(block), last_of(block).min(self.newest), time));
            }
        }
        self.next = from;
        self.zones_at_once = (self.zones_at_once * 2).min(ZONES_MAX);
        self.ranges.extend(may.into_iter().rev());
        Ok(())
    }
}
