//! Taking slots: heads, the rows after the last snapshots, and the keys the filter must know.
//!
//! A core serves before its filter has heard of every key of the journal (ADR 0011): until then
//! the filter is partial, and every key is looked up in the store.

use super::core::{Core, SharedCore, State};
use crate::storage::{Error, Storage};
use actix::ArbiterHandle;
use palio_domain::journal::{Head, Key16, KeyFilter, Row, Stage};
use palio_domain::{Aggregate, Slot, TenantId};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Rows read from the store at a time.
const PAGE: u32 = 2_000;

/// How long to wait before keys that could not be read are read again, and at most.
const AGAIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(30);

/// What a group stands on after it took its slots.
pub(super) struct Recovered {
    pub(super) heads: Vec<Head>,
    tails: HashMap<(TenantId, Aggregate), Vec<Arc<Row>>>,
}

impl Recovered {
    /// Starts the new generation.
    pub(super) fn install(self, state: &mut State) {
        for head in &self.heads {
            if let Some(at) = state.committed.get_mut(head.slot.index()) {
                *at = head.next_seq.saturating_sub(1);
            }
        }
        state.stage = Stage::new(self.heads);
        state.tails = self.tails;
        state.open = None;
    }
}

/// Raises the epochs of the group's slots and reads every row that no snapshot covers.
///
/// # Errors
/// Whatever the store says; nothing has changed then, or only the epochs.
pub(super) async fn take_slots(core: &Core) -> Result<Recovered, Error> {
    let heads = core.storage.journal.acquire(&core.owner, &core.slots, core.clock.now()).await?;
    let floors: HashMap<_, _> = core.storage.snapshots.floors().await?.into_iter().collect();
    let mut tails: HashMap<_, Vec<Arc<Row>>> = HashMap::new();
    let mut count = 0_usize;
    for head in &heads {
        let mut from = floors.get(&head.slot).copied().unwrap_or(0) + 1;
        while from < head.next_seq {
            let rows = core.storage.journal.read(head.slot, from, PAGE).await?;
            let Some(last) = rows.last() else { break };
            from = last.row.seq + 1;
            count += rows.len();
            for stored in rows {
                let owner = (stored.row.tenant, stored.row.aggregate);
                tails.entry(owner).or_default().push(Arc::new(stored.row));
            }
        }
    }
    tracing::info!(group = core.group, rows = count, owners = tails.len(), "slots taken");
    Ok(Recovered { heads, tails })
}

/// Fills the group's filter with every key that the journal holds now. They are read on another
/// thread; this one serves meanwhile. Aborting the task ends the reading.
///
/// The slots must have been taken: from then on no other writer adds keys, and those of this
/// group's own rows are inserted as they are staged.
pub(super) fn fill_filter(
    core: &SharedCore,
    rows: u64,
    reading: &ArbiterHandle,
    mut serving: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (group, core) = (core.group, Rc::clone(core));
    let (storage, slots) = (core.storage.clone(), core.slots.clone());
    let (read, is_read) = oneshot::channel();
    metrics::gauge!("palio_key_filters_partial").increment(1.0);
    let reads = async move {
        if serving.wait_for(|is_serving| *is_serving).await.is_err() {
            tracing::debug!(group, "nobody says when serving begins");
        }
        read_keys(&storage, &slots, rows, group, read).await;
    };
    if !reading.spawn(reads) {
        tracing::error!(group, "keys can't be read: every key will be looked up");
    }
    actix::spawn(async move {
        if let Ok(filter) = is_read.await {
            core.state.borrow_mut().filter.complete(filter);
            metrics::gauge!("palio_key_filters_partial").decrement(1.0);
        }
    })
}

/// Reads every request key and claim of some slots; again when that fails, until nobody waits.
async fn read_keys(
    storage: &Storage,
    slots: &[Slot],
    rows: u64,
    group: usize,
    mut read: oneshot::Sender<KeyFilter>,
) {
    // A row has at most two keys.
    let capacity = usize::try_from(rows.saturating_mul(2)).unwrap_or(usize::MAX);
    let started = Instant::now();
    let mut again = AGAIN;
    loop {
        let mut filter = KeyFilter::with_capacity(capacity);
        let mut insert = |key: &Key16| filter.insert(key);
        let outcome = tokio::select! {
            outcome = storage.journal.keys(slots, &mut insert) => outcome,
            () = read.closed() => return,
        };
        match outcome {
            Ok(()) => {
                let (keys, ms) = (filter.len(), started.elapsed().as_millis());
                tracing::info!(group, keys, ms, "the journal's keys are known");
                if read.send(filter).is_err() {
                    tracing::debug!(group, "nobody waits for the keys");
                }
                return;
            }
            Err(error) => tracing::error!(group, %error, "the journal's keys can't be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(again) => again = (again * 2).min(AGAIN_MAX),
            () = read.closed() => return,
        }
    }
}
