//! Taking slots: heads, the rows after the last snapshots, and the keys the filter must know.

use super::core::{Core, State};
use crate::storage::Error;
use palio_domain::journal::{Head, KeyFilter, Row, Stage};
use palio_domain::{Aggregate, TenantId};
use std::collections::HashMap;
use std::sync::Arc;

/// Rows read from the store at a time.
const PAGE: u32 = 2_000;

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

/// Every request key and claim of the group's slots.
///
/// # Errors
/// Whatever the store says.
pub(super) async fn read_keys(core: &Core) -> Result<KeyFilter, Error> {
    let mut filter = KeyFilter::default();
    core.storage.journal.keys(&core.slots, &mut |key| filter.insert(key)).await?;
    Ok(filter)
}
