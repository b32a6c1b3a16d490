//! The follower: takes committed batches in order and hands their rows to every fold.
//!
//! It never drops a row: a batch that it did not hear of shows as a gap in a slot's seq, and the
//! gap is read from the store.

use super::desk::Desk;
use super::purses::Watches;
use super::schedules::Schedules;
use super::tournaments::Tournaments;
use crate::search::Search;
use crate::storage::Journal;
use palio_domain::Slot;
use palio_domain::journal::{Batch, Head, Row};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Rows read from the store at a time.
const PAGE: u32 = 2_000;

/// How often the heads are compared with the own position, in case the last batch went by.
const CHECK_EVERY: Duration = Duration::from_millis(500);

/// A queue that is never empty keeps a check from reading this many times in a row.
const PASSED_OVER_MAX: u32 = 4;

/// Everything that is made of committed rows.
#[derive(Clone)]
pub struct Folds {
    /// Standings, and their lives.
    pub tournaments: Arc<Tournaments>,
    /// Rounds without a result.
    pub desk: Arc<Desk>,
    /// Transactions.
    pub search: Arc<Search>,
    /// Schedules.
    pub schedules: Arc<Schedules>,
    /// Wallets that are watched.
    pub purses: Arc<Watches>,
}

/// Reads the journal on behalf of the folds.
pub struct Follower {
    journal: Arc<dyn Journal>,
    batches: mpsc::Receiver<Arc<Batch>>,
    folds: Folds,
    /// Last seq handed on, per slot.
    positions: Vec<u64>,
    /// Where each slot's head stood at the last check.
    expected: Vec<u64>,
    /// Checks in a row that left what is missing to the queue.
    passed_over: u32,
    save_every: Duration,
}

impl Follower {
    /// A follower that has handed on everything up to `positions`.
    #[must_use]
    pub fn new(
        journal: Arc<dyn Journal>,
        batches: mpsc::Receiver<Arc<Batch>>,
        folds: Folds,
        positions: Vec<u64>,
        save_every: Duration,
    ) -> Self {
        Self {
            journal,
            batches,
            folds,
            positions,
            expected: Vec::new(),
            passed_over: 0,
            save_every,
        }
    }

    /// Follows until the committers are gone.
    pub async fn run(mut self) {
        let mut check = tokio::time::interval(CHECK_EVERY);
        check.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut save = tokio::time::interval(self.save_every);
        save.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                batch = self.batches.recv() => match batch {
                    Some(batch) => self.take(&batch).await,
                    None => return,
                },
                _ = check.tick() => self.check().await,
                // Between batches, so that no fold stands before the position saved with it.
                _ = save.tick() => {
                    if let Err(error) = self.folds.tournaments.save(self.positions.clone()).await {
                        tracing::warn!(%error, "the standings could not be saved");
                    }
                    if let Err(error) = self.folds.desk.save(false).await {
                        tracing::warn!(%error, "the desk could not be saved");
                    }
                    if let Err(error) = self.folds.schedules.save().await {
                        tracing::warn!(%error, "the schedules could not be saved");
                    }
                }
            }
        }
    }

    async fn take(&mut self, batch: &Batch) {
        let mut next = Vec::with_capacity(batch.rows.len());
        for part in batch.rows.chunk_by(|a, b| a.slot == b.slot) {
            let Some(first) = part.first() else { continue };
            let at = self.position(first.slot);
            if first.seq > at + 1 {
                // Batches before this one went by: hand on what there is, then read the gap.
                self.hand_on(std::mem::take(&mut next)).await;
                self.read_slot(first.slot, u64::MAX).await;
                continue;
            }
            for row in part.iter().filter(|row| row.seq > at) {
                self.advance(row);
                next.push(Arc::clone(row));
            }
        }
        self.hand_on(next).await;
    }

    async fn heads(&self) -> Vec<Head> {
        self.journal.heads().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the follower can't read the heads");
            Vec::new()
        })
    }

    /// Reads whatever the store has beyond the own position.
    pub async fn catch_up(&mut self) {
        for head in self.heads().await {
            self.read_slot(head.slot, head.next_seq).await;
        }
    }

    /// Reads slots that do not stand where their heads stood at the last check: what is missing
    /// then is not on its way.
    async fn check(&mut self) {
        let heads = self.heads().await;
        let behind: u64 = heads
            .iter()
            .map(|head| head.next_seq.saturating_sub(1).saturating_sub(self.position(head.slot)))
            .sum();
        metrics::gauge!("palio_follower_lag_rows").set(as_f64(behind));
        metrics::gauge!("palio_search_lag_rows").set(as_f64(self.folds.search.lag(&heads)));
        let before = std::mem::take(&mut self.expected);
        self.expected = heads.iter().map(|head| head.next_seq).collect();
        // What waits in the queue is on its way too; a gap shows when its slot's next batch comes.
        if !self.batches.is_empty() && self.passed_over < PASSED_OVER_MAX {
            self.passed_over += 1;
            return;
        }
        self.passed_over = 0;
        for (head, expected) in heads.iter().zip(before) {
            self.read_slot(head.slot, expected).await;
        }
    }

    async fn read_slot(&mut self, slot: Slot, until: u64) {
        loop {
            let from = self.position(slot) + 1;
            if from >= until {
                return;
            }
            let rows = match self.journal.read(slot, from, PAGE).await {
                Ok(rows) => rows,
                Err(error) => {
                    tracing::warn!(%error, slot = slot.0, "the follower can't read a slot");
                    return;
                }
            };
            if rows.is_empty() {
                return;
            }
            let rows: Vec<_> = rows.into_iter().map(|stored| Arc::new(stored.row)).collect();
            rows.iter().for_each(|row| self.advance(row));
            self.hand_on(rows).await;
        }
    }

    async fn hand_on(&self, rows: Vec<Arc<Row>>) {
        if !rows.is_empty() {
            self.folds.desk.take(&rows);
            self.folds.search.take(&rows);
            self.folds.schedules.take(&rows);
            self.folds.purses.take(&rows);
            self.folds.tournaments.take(rows, &self.positions).await;
        }
    }

    fn position(&self, slot: Slot) -> u64 {
        self.positions.get(slot.index()).copied().unwrap_or(0)
    }

    fn advance(&mut self, row: &Row) {
        if let Some(at) = self.positions.get_mut(row.slot.index()) {
            *at = row.seq;
        }
    }
}

fn as_f64(rows: u64) -> f64 {
    f64::from(u32::try_from(rows).unwrap_or(u32::MAX))
}
