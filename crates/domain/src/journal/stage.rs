//! The stage: hands out positions to rows that wait for the next commit.
//!
//! Rows get slot, seq, epoch and time here, in the order in which the single writer decided
//! them; the open batch is sealed, with one chain link per slot, when the committer is free.
//! After a failed commit everything staged is void and the stage starts again from the heads.

use super::head::{Head, HeadMove, link};
use super::identity::Key16;
use super::kind::RowKind;
use super::row::{Leg, Request, Row};
use crate::ids::{Aggregate, BetId, GameId, ProviderId, RoundId, Slot, TenantId, TraceId};
use crate::money::Amount;
use crate::time::UnixMs;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A row without its position.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What happened.
    pub kind: RowKind,
    /// Version of the payload's shape.
    pub kind_version: i16,
    /// Whose brand.
    pub tenant: TenantId,
    /// Whose row; decides the slot.
    pub aggregate: Aggregate,
    /// The money that moved, if any.
    pub leg: Option<Leg>,
    /// The spendable balance afterwards.
    pub balance_after: Option<Amount>,
    /// The request that this row completes.
    pub request: Option<Request>,
    /// What this row claims.
    pub claim: Option<Key16>,
    /// The provider.
    pub provider: Option<ProviderId>,
    /// The bet.
    pub bet: Option<BetId>,
    /// The round.
    pub round: Option<RoundId>,
    /// The game.
    pub game: Option<GameId>,
    /// The trace.
    pub trace: Option<TraceId>,
    /// Canonical JSON, or empty.
    pub payload: Box<[u8]>,
}

/// Rows that are committed together or not at all, ordered by (slot, seq).
#[derive(Debug, Clone)]
pub struct Batch {
    /// The rows.
    pub rows: Vec<Arc<Row>>,
    /// How each touched slot's head moves.
    pub moves: Vec<HeadMove>,
}

/// Heads of the owned slots and the rows staged on them.
#[derive(Debug, Default)]
pub struct Stage {
    heads: BTreeMap<Slot, Head>,
    open: Vec<Arc<Row>>,
    scratch: Vec<u8>,
}

/// The writer does not own the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("slot {} is not owned here", .0.0)]
pub struct NotOwner(pub Slot);

impl Stage {
    /// A stage over freshly acquired heads.
    #[must_use]
    pub fn new(heads: impl IntoIterator<Item = Head>) -> Self {
        let heads = heads.into_iter().map(|head| (head.slot, head)).collect();
        Self { heads, open: Vec::new(), scratch: Vec::new() }
    }

    /// Forgets everything staged and starts again from `heads`.
    pub fn reset(&mut self, heads: impl IntoIterator<Item = Head>) {
        self.open.clear();
        self.heads = heads.into_iter().map(|head| (head.slot, head)).collect();
    }

    /// Whether this stage owns the slot.
    #[must_use]
    pub fn owns(&self, slot: Slot) -> bool {
        self.heads.contains_key(&slot)
    }

    /// The time a row of this slot would get: `max(now, last row's time)`.
    ///
    /// # Errors
    /// [`NotOwner`].
    pub fn row_time(&self, slot: Slot, now: UnixMs) -> Result<UnixMs, NotOwner> {
        self.heads.get(&slot).map(|head| head.last_time.max(now)).ok_or(NotOwner(slot))
    }

    /// The seq that the next row of this slot will get.
    ///
    /// # Errors
    /// [`NotOwner`].
    pub fn next_seq(&self, slot: Slot) -> Result<u64, NotOwner> {
        self.heads.get(&slot).map(|head| head.next_seq).ok_or(NotOwner(slot))
    }

    /// Gives a draft its position and keeps it for the next batch.
    ///
    /// # Errors
    /// [`NotOwner`].
    pub fn push(&mut self, draft: Draft, now: UnixMs) -> Result<Arc<Row>, NotOwner> {
        let slot = draft.aggregate.slot(draft.tenant);
        let head = self.heads.get_mut(&slot).ok_or(NotOwner(slot))?;
        head.last_time = head.last_time.max(now);
        let row = Arc::new(Row {
            slot,
            seq: head.next_seq,
            epoch: head.epoch,
            time: head.last_time,
            kind: draft.kind,
            kind_version: draft.kind_version,
            tenant: draft.tenant,
            aggregate: draft.aggregate,
            leg: draft.leg,
            balance_after: draft.balance_after,
            request: draft.request,
            claim: draft.claim,
            provider: draft.provider,
            bet: draft.bet,
            round: draft.round,
            game: draft.game,
            trace: draft.trace,
            payload: draft.payload,
        });
        head.next_seq += 1;
        self.open.push(Arc::clone(&row));
        Ok(row)
    }

    /// How many rows wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// The rows staged after the first `count` of the open batch.
    #[must_use]
    pub fn since(&self, count: usize) -> &[Arc<Row>] {
        self.open.get(count..).unwrap_or_default()
    }

    /// Whether no row waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Closes the open batch, or `None` when no row waits.
    pub fn seal(&mut self) -> Option<Batch> {
        if self.open.is_empty() {
            return None;
        }
        let mut rows = std::mem::take(&mut self.open);
        rows.sort_unstable_by_key(|row| (row.slot, row.seq));
        let mut moves = Vec::new();
        for part in rows.chunk_by(|a, b| a.slot == b.slot) {
            let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
            let Some(head) = self.heads.get_mut(&first.slot) else { continue };
            head.chain = link(&head.chain, part.iter().map(AsRef::as_ref), &mut self.scratch);
            moves.push(HeadMove {
                slot: first.slot,
                epoch: head.epoch,
                from_seq: first.seq,
                next_seq: last.seq + 1,
                chain: head.chain,
                last_time: last.time,
            });
        }
        Some(Batch { rows, moves })
    }
}
