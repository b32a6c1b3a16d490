//! The head of a slot: who may append next, where, and on which hash.

use super::row::Row;
use crate::ids::Slot;
use crate::time::UnixMs;

/// A link of a slot's hash chain: BLAKE3 over the previous link and the canonical bytes of the
/// slot's rows in one batch. It is stored on the last of those rows and in the head.
pub type Chain = [u8; 32];

/// The chain before the first row of a slot.
pub const CHAIN_START: Chain = [0; 32];

/// One slot's head as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The slot.
    pub slot: Slot,
    /// Raised whenever a writer takes the slot; an older writer cannot append.
    pub epoch: u64,
    /// The seq of the next row.
    pub next_seq: u64,
    /// The last link.
    pub chain: Chain,
    /// Time of the last row.
    pub last_time: UnixMs,
}

impl Head {
    /// A slot without rows and without a writer.
    #[must_use]
    pub const fn empty(slot: Slot) -> Self {
        Self { slot, epoch: 0, next_seq: 1, chain: CHAIN_START, last_time: UnixMs(0) }
    }
}

/// How one batch moves one slot's head; a compare-and-set on (epoch, `from_seq`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadMove {
    /// The slot.
    pub slot: Slot,
    /// The writer's epoch: must still be the head's.
    pub epoch: u64,
    /// Where the head must stand before.
    pub from_seq: u64,
    /// Where it stands afterwards.
    pub next_seq: u64,
    /// The link afterwards; stored on row `next_seq - 1` too.
    pub chain: Chain,
    /// Time of the last row.
    pub last_time: UnixMs,
}

/// The link after `rows`, all of one slot and in order. `scratch` is reused between calls.
pub fn link<'a>(
    previous: &Chain,
    rows: impl IntoIterator<Item = &'a Row>,
    scratch: &mut Vec<u8>,
) -> Chain {
    scratch.clear();
    scratch.extend(previous);
    for row in rows {
        row.encode(scratch);
    }
    *blake3::hash(scratch).as_bytes()
}
