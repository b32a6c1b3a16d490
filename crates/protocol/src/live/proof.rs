//! What proves which board was shown: a hash of the board as text, and a chain over the hashes.

use super::board::Board;
use palio_domain::UnixMs;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The first 16 bytes of a SHA-256.
pub type Digest = [u8; 16];

fn first(hash: Sha256) -> Digest {
    let mut digest = [0; 16];
    for (to, from) in digest.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    digest
}

/// A board's hash: of its text as docs/protocol/live.md writes it, easy to rebuild anywhere.
#[must_use]
pub fn hash(tournament: &str, epoch: &str, board: &Board) -> Digest {
    let Board { seq, status, participants, .. } = board;
    let mut text = String::with_capacity(64 + 48 * board.rows.len());
    // Writing to a string does not fail.
    write!(text, "palio.board.v1\n{tournament}\n{epoch}\n{seq}\n{}\n", status.as_str()).ok();
    writeln!(text, "{participants}").ok();
    for (rank, row) in board.ranks.iter().zip(&board.rows) {
        writeln!(text, "{rank}\t{}\t{}\t{}", row.key, row.name, row.score).ok();
    }
    first(Sha256::new_with_prefix(text))
}

/// Where an epoch's chain of proofs stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chain {
    /// Proofs so far.
    pub n: u64,
    /// Over all of them; zeros before the first.
    pub head: Digest,
}

impl Chain {
    /// The chain with one more proof.
    #[must_use]
    pub fn next(self, hash: Digest, seq: u64, time: UnixMs) -> Self {
        let mut over = Sha256::new_with_prefix(self.head);
        over.update(hash);
        over.update(seq.to_be_bytes());
        over.update(u64::try_from(time.0).unwrap_or_default().to_be_bytes());
        Self { n: self.n.saturating_add(1), head: first(over) }
    }
}

/// A board that was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Which board.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
    /// The chain with this proof.
    pub chain: Chain,
    /// When.
    pub time: UnixMs,
    /// The tournament's home slot, and the last of that slot's rows that the board has seen.
    pub cut: (u8, u64),
    /// The server's seal on the chain.
    pub sig: Digest,
}
