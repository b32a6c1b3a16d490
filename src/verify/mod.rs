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
//! | held | held money that is not the sum of open stakes and of buy-ins that wait for a seat |
//! | keys | a request key or claim that stands twice |
//! | rounds | a reported round or its correction that is not what was asked for, or does not follow |
//! | snapshots | a saved wallet that differs from the fold at its seq |
//! | zones | a saved zone that would hide rows from a search |
//! | schedules | a schedule's row that can't be folded in, an instance announced twice or without its tournament |
//! | standings | any version of a tournament's published result that differs from the recomputed one |
//! | rollover | a sum that a tournament rolled over changed on its way, taken twice, by another one, or by none |
//! | transit | money between slots that is not a sum on its way |
//! | prizes | a plan of any version that its result does not come to, a prize that no plan orders, a pool that does not add up |
//!
//! It only reads, so it can run beside a serving node; it then checks up to the heads it saw.
//!
//! Slots are independent of each other but for keys and standings, so some are verified side by
//! side, and what is left of each is put together in the end. In memory are a few slots' pages and
//! wallets, and of the rest 8 bytes a key and the standings of closed tournaments.

mod keys;
mod payouts;
mod report;
mod rollovers;
mod rounds;
mod schedules;
mod slot;
mod standings;
mod versions;
mod zones;

pub use report::{Difference, Report};

use crate::storage::{Error, Storage, StoredRow};
use palio_domain::Slot;
use palio_domain::journal::{Head, Row};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// Rows read from the store at a time.
const PAGE: u32 = 5_000;

/// Verifies a whole store, on all threads of the runtime.
///
/// # Errors
/// Only when the store can't be read; differences are in the report.
pub async fn run(storage: &Storage) -> Result<Report, Error> {
    let started = Instant::now();
    let heads = storage.journal.heads().await?;
    // Tournaments first: their definitions may stand in later slots than the bets they count.
    let contests = Arc::new(standings::Contests::read(storage, &heads).await?);
    let verified = slots(storage, &heads, &contests).await?;
    let mut report = Report::default();
    let mut folds = contests.folds();
    let mut keys = Vec::with_capacity(verified.len());
    for slot in verified {
        report.absorb(slot.report);
        folds.absorb(slot.folds);
        keys.push(slot.keys);
    }
    keys::compare(storage, &heads, &keys, &mut report).await?;
    contests.compare(&folds, &mut report);
    report.slots = heads.iter().filter(|head| head.next_seq > 1).count();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Verifies every slot, as many at a time as there are cores; in the order of the heads.
async fn slots(
    storage: &Storage,
    heads: &[Head],
    contests: &Arc<standings::Contests>,
) -> Result<Vec<slot::Verified>, Error> {
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let mut verified: Vec<Option<slot::Verified>> = heads.iter().map(|_| None).collect();
    let mut waiting = heads.iter().copied().enumerate();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < at_once
            && let Some((index, head)) = waiting.next()
        {
            let (storage, contests) = (storage.clone(), Arc::clone(contests));
            under_way.spawn(async move {
                (index, slot::verify(&storage, &head, contests.folds()).await)
            });
        }
        let Some(ended) = under_way.join_next().await else { break };
        let (index, slot) = ended.map_err(panicked)?;
        if let Some(at) = verified.get_mut(index) {
            *at = Some(slot?);
        }
    }
    Ok(verified.into_iter().flatten().collect())
}

/// A bug, on its way to whoever started this.
fn panicked(error: tokio::task::JoinError) -> Error {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => Error::Open(format!("the verifier was stopped: {error}")),
    }
}

fn at(row: &Row) -> String {
    format!("{:02x}/{}", row.slot.0, row.seq)
}

/// Reads a slot page by page up to `until` (exclusive), the next one while this one is taken.
async fn each_page(
    storage: &Storage,
    slot: Slot,
    until: u64,
    mut take: impl FnMut(Vec<StoredRow>),
) -> Result<(), Error> {
    let read = |from| {
        let journal = Arc::clone(&storage.journal);
        tokio::spawn(async move { journal.read(slot, from, PAGE).await })
    };
    let mut from = 1;
    let mut page = (from < until).then(|| read(from));
    while let Some(reading) = page {
        let mut rows = reading.await.map_err(panicked)??;
        rows.retain(|stored| stored.row.seq < until);
        let Some(last) = rows.last() else { return Ok(()) };
        // Onwards also when the rows of a damaged store come in a wrong order.
        from = from.max(last.row.seq) + 1;
        page = (from < until).then(|| read(from));
        take(rows);
    }
    Ok(())
}
