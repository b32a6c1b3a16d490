//! `palio verify`: rebuilds everything from the journal and compares.
//!
//! | check | what would fail it |
//! |---|---|
//! | gapless | a row missing or doubled |
//! | chain | any byte of any row changed, rows swapped, a tail cut |
//! | head | rows beyond the head, a head beyond the rows |
//! | epoch, time | a row of an older writer or an earlier time after a newer one |
//! | legs | a row whose transfer is not the one its event makes |
//! | balances | a `balance_after` that the fold does not reach; a player's account below zero |
//! | zero sum | a slot whose accounts do not add up to zero |
//! | held | held money that is not the sum of open stakes |
//! | keys | a request key or claim that stands twice |
//! | snapshots | a saved wallet that differs from the fold at its seq |
//! | standings | a tournament's published result that differs from the recomputed one |
//!
//! It only reads, so it can run beside a serving node; it then checks up to the heads it saw.

mod report;
mod slot;
mod standings;

pub use report::{Difference, Report};

use crate::storage::{Error, Storage};
use palio_domain::Slot;
use std::time::Instant;

/// Rows read from the store at a time.
const PAGE: u32 = 5_000;

/// Verifies a whole store.
///
/// # Errors
/// Only when the store can't be read; differences are in the report.
pub async fn run(storage: &Storage) -> Result<Report, Error> {
    let started = Instant::now();
    let mut report = Report::default();
    let heads = storage.journal.heads().await?;
    let mut keys = slot::SeenKeys::default();
    let mut standings = standings::Standings::default();
    // Tournaments first: their definitions may stand in later slots than the bets they count.
    for head in &heads {
        standings.read_definitions(storage, head).await?;
    }
    for head in &heads {
        slot::verify(storage, head, &mut keys, &mut standings, &mut report).await?;
    }
    standings.compare(&mut report);
    report.slots = heads.iter().filter(|head| head.next_seq > 1).count();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Reads a slot page by page up to `until` (exclusive).
async fn each_page(
    storage: &Storage,
    slot: Slot,
    until: u64,
    mut take: impl FnMut(Vec<crate::storage::StoredRow>),
) -> Result<(), Error> {
    let mut from = 1;
    while from < until {
        let mut rows = storage.journal.read(slot, from, PAGE).await?;
        rows.retain(|stored| stored.row.seq < until);
        let Some(last) = rows.last() else { return Ok(()) };
        // Onwards also when the rows of a damaged store come in a wrong order.
        from = from.max(last.row.seq) + 1;
        take(rows);
    }
    Ok(())
}
