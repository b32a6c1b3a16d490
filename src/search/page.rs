//! Pages of matches over all slots, newest first.
//!
//! Rows are ordered by time, then slot, then seq. A [`Cursor`] is a place in that order, so later
//! pages neither repeat a row nor skip one, however many rows are committed meanwhile.

use super::Search;
use super::walk::Walk;
use crate::storage::Error;
use palio_domain::journal::{Filter, Query, Row};
use palio_domain::{Aggregate, PlayerId, ProviderId, RoundId, Slot, TenantId, UnixMs};
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one page may look; then it ends early, with a cursor to go on from.
const PAGE_TIME_MAX: Duration = Duration::from_millis(1_500);
/// Rows of a round read at a time.
const ROUND_ROWS: u32 = 1_024;

/// Where a page ended: the next one holds what is strictly before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The row's time.
    pub time: UnixMs,
    /// Its slot.
    pub slot: Slot,
    /// Its seq.
    pub seq: u64,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The matches, newest first.
    pub rows: Vec<Row>,
    /// Where to go on; `None`: there is nothing more. A page may be short, even empty, and still
    /// have one: then the time for one page was over.
    pub next: Option<Cursor>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Too many searches at once.
    #[error("too many searches at once")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Search {
    /// The newest matches before a cursor, at most `limit` (≥ 1).
    ///
    /// # Errors
    /// [`SearchError::Busy`] at once instead of waiting; whatever the store says.
    pub async fn page(
        &self,
        filter: &Filter,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, SearchError> {
        let _searching = self.searches.try_acquire().map_err(|_| SearchError::Busy)?;
        let started = Instant::now();
        let mut walks = self.walks(filter, before).await?;
        let mut order: BinaryHeap<_> = (0..walks.len())
            .filter_map(|at| walks.get(at).and_then(|walk| place(walk, at)))
            .collect();
        let (mut rows, mut next, mut advanced) = (Vec::with_capacity(limit), None, false);
        while let Some((at, index)) = order.pop() {
            let Some(walk) = walks.get_mut(index) else { break };
            if let Some(row) = walk.take() {
                rows.push(row);
                if rows.len() >= limit {
                    // Even if it was the last match: the next page is then empty and says so.
                    next = Some(at);
                    break;
                }
            } else if advanced && started.elapsed() >= PAGE_TIME_MAX {
                next = Some(Cursor { seq: at.seq.saturating_add(1), ..at });
                break;
            } else {
                advanced = true;
                let missing = limit.saturating_sub(rows.len()).max(1);
                walk.advance(&self.storage, u32::try_from(missing).unwrap_or(u32::MAX)).await?;
            }
            order.extend(walks.get(index).and_then(|walk| place(walk, index)));
        }
        metrics::histogram!("palio_search_seconds").record(started.elapsed().as_secs_f64());
        Ok(Page { rows, next })
    }

    async fn walks(&self, filter: &Filter, before: Option<Cursor>) -> Result<Vec<Walk>, Error> {
        let sooner = |until: UnixMs| Filter {
            until: Some(filter.until.map_or(until, |asked| asked.min(until))),
            ..filter.clone()
        };
        // Slots that sort before the cursor's may still hold rows of its millisecond.
        let (same, strict) = match before {
            None => (Query::new(filter.clone()), Query::new(filter.clone())),
            Some(at) => (Query::new(sooner(at.time.plus_ms(1))), Query::new(sooner(at.time))),
        };
        let (same, strict) = (Arc::new(same), Arc::new(strict));
        let walk = |slot: Slot, head: Option<u64>| {
            let (query, end) = match before {
                Some(at) if slot == at.slot => (&same, at.seq),
                Some(at) if slot > at.slot => (&strict, u64::MAX),
                _ => (&same, u64::MAX),
            };
            Walk::new(self, slot, Arc::clone(query), end, head)
        };
        if let Some(owner) = filter.aggregate {
            return Ok(vec![walk(owner.slot(filter.tenant), None)]);
        }
        let heads = self.storage.journal.heads().await?;
        Ok(heads
            .iter()
            .map(|head| walk(head.slot, Some(head.next_seq.saturating_sub(1))))
            .collect())
    }

    /// One committed row.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn row(&self, slot: Slot, seq: u64) -> Result<Option<Row>, Error> {
        let rows = self.storage.journal.read(slot, seq, 1).await?;
        Ok(rows.into_iter().map(|stored| stored.row).find(|row| row.seq == seq))
    }

    /// Every committed row of a player's round, in order.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn round(
        &self,
        tenant: TenantId,
        player: PlayerId,
        provider: &ProviderId,
        round: &RoundId,
    ) -> Result<Vec<Row>, Error> {
        let owner = Aggregate::Player(player);
        let query = Query::new(Filter {
            aggregate: Some(owner),
            provider: Some(provider.clone()),
            round: Some(round.clone()),
            ..Filter::all(tenant)
        });
        let mut walk = Walk::new(self, owner.slot(tenant), Arc::new(query), u64::MAX, None);
        let mut rows = Vec::new();
        while walk.bound().is_some() {
            walk.advance(&self.storage, ROUND_ROWS).await?;
            rows.extend(std::iter::from_fn(|| walk.take()));
        }
        rows.reverse();
        Ok(rows)
    }
}

fn place(walk: &Walk, index: usize) -> Option<(Cursor, usize)> {
    let (time, seq) = walk.bound()?;
    Some((Cursor { time, slot: walk.slot(), seq }, index))
}
