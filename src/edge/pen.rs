//! What the core writes about one tournament, one board after another. Pure.
//!
//! ```text
//!            forget (Redis lost something, or may have)
//!   nothing ◀────────────────────────────────────────── written up to (epoch, seq)
//!      └── whole board ──▶ …                             └── step, or every so often whole ──▶ …
//! ```
//! **Invariants:** a step's base is the board of the entry before it. The last `every` entries
//! hold a whole board. An [`At`] is never used twice, also not for what may not have arrived.

use super::entry::{At, Entry};
use crate::ws::published::Published;
use crate::ws::ring::Since;
use palio_protocol::live::binary;
use std::sync::Arc;

/// What was done about a board.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// To be appended, together.
    pub entries: Vec<(At, Entry)>,
    /// What the stream must end with, for these to follow on it; `None`: anything, a whole board
    /// begins.
    pub after: Option<At>,
    /// Boards that were left out since the last.
    pub skipped: u64,
    /// Of the entries: whole boards, steps, proofs.
    pub counts: [u64; 3],
}

#[derive(Debug, Clone)]
struct Written {
    at: At,
    epoch: Arc<str>,
    seq: u64,
    /// The proof that was written last.
    proof: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Pen {
    next: At,
    every: u64,
    written: Option<Written>,
    since_whole: u64,
    sheet: Option<Written>,
}

impl Pen {
    /// One that writes a whole board at least with every so many entries.
    #[must_use]
    pub const fn new(generation: u64, every: u64) -> Self {
        let next = At { generation, n: 1 };
        Self { next, every, written: None, since_whole: 0, sheet: None }
    }

    /// The stream may lack something: begins again with a whole board.
    pub fn forget(&mut self) {
        (self.written, self.sheet) = (None, None);
    }

    /// Another core has written: goes on under this generation, which is greater.
    pub fn raise(&mut self, generation: u64) {
        self.forget();
        if generation > self.next.generation {
            self.next = At { generation, n: 1 };
        }
    }

    /// What the stream should end with.
    #[must_use]
    pub fn last(&self) -> Option<At> {
        self.written.as_ref().map(|written| written.at)
    }

    /// What brings the stream to this board; `None` when it is there.
    pub fn write(&mut self, board: &Published) -> Option<Sheet> {
        let mut sheet = Sheet { after: self.last(), ..Sheet::default() };
        let had = self.written.as_ref().filter(|had| had.epoch == board.epoch);
        let since = had.map_or(Since::Lost, |had| board.since_seq(had.seq));
        // What is already known of proofs: of a whole board nothing but one of itself is told.
        let known = had.map_or(0, |had| had.proof);
        if let Since::Changed(delta) = &since {
            sheet.skipped = delta.seq.saturating_sub(delta.prev).saturating_sub(1);
        }
        let [wholes, steps, proofs] = &mut sheet.counts;
        let mut bodies = Vec::new();
        match since {
            Since::Same | Since::Ahead => {}
            Since::Changed(delta) if self.since_whole + 2 < self.every => {
                bodies.push(binary::delta(&delta));
                *steps = 1;
            }
            Since::Changed(_) | Since::Lost => {
                bodies.push(board.snapshot_bytes());
                *wholes = 1;
            }
        }
        let proof = board.proof.as_deref().filter(|proof| proof.chain.n > known);
        if let Some(proof) = proof.filter(|proof| *wholes == 0 || proof.seq == board.seq) {
            bodies.push(binary::proof(proof));
            *proofs = 1;
        }
        let not_whole = *steps + *proofs;
        self.since_whole = if *wholes > 0 { not_whole } else { self.since_whole + not_whole };
        let (epoch, as_of, tenant) = (&board.epoch, board.as_of, board.about.tenant);
        for body in bodies {
            let entry = Entry { epoch: (&**epoch).into(), as_of, tenant, body };
            sheet.entries.push((self.next, entry));
            self.next.n = self.next.n.saturating_add(1);
        }
        let (at, _) = sheet.entries.last()?;
        let proof = known.max(board.chain().n);
        self.sheet = Some(Written { at: *at, epoch: Arc::clone(epoch), seq: board.seq, proof });
        Some(sheet)
    }

    /// The sheet has arrived; whether it followed on what was written before. If not, the stream
    /// has lost something, and the next board is a whole one.
    pub fn wrote(&mut self, sheet: &Sheet, before: Option<At>) -> bool {
        let joined = sheet.after.is_none() || sheet.after == before;
        self.written = self.sheet.take().filter(|_| joined);
        joined
    }
}
