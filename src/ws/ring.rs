//! The recent boards of an epoch: from each of them a client can be brought to the newest.
//!
//! **Invariant:** a ring holds boards in order that end before the newest: on a core an unbroken
//! run; on an edge those that came, which may leave some out. They share the rows that did not
//! change, so that a ring costs little more than what changed. Pure.

use palio_protocol::live::{Board, Delta};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a client at some position needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// Nothing: it is up to date.
    Same,
    /// This, and then it is up to date.
    Changed(Delta),
    /// The whole board: the way from there is no longer known.
    Lost,
    /// Time: another node has shown it a newer board than this edge has.
    Ahead,
}

/// Boards before the newest, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Ring(VecDeque<Arc<Board>>);

impl Ring {
    /// This ring with one more board, at most `len_max` in all.
    #[must_use]
    pub fn with(&self, board: Arc<Board>, len_max: usize) -> Self {
        let surplus = (self.0.len() + 1).saturating_sub(len_max.max(1));
        let mut boards = VecDeque::with_capacity(self.0.len() + 1);
        boards.extend(self.0.iter().skip(surplus).cloned());
        boards.push_back(board);
        Self(boards)
    }

    /// The board before the newest.
    #[must_use]
    pub fn last(&self) -> Option<&Board> {
        self.0.back().map(AsRef::as_ref)
    }

    /// Whether a way leads from `seq` to the newest board.
    #[must_use]
    pub fn has(&self, seq: u64) -> bool {
        self.0.binary_search_by_key(&seq, |board| board.seq).is_ok()
    }

    /// What leads from `seq` to the newest board.
    #[must_use]
    pub fn since(&self, seq: u64, newest: &Board) -> Since {
        if seq == newest.seq {
            return Since::Same;
        }
        let at = self.0.binary_search_by_key(&seq, |board| board.seq).ok();
        match at.and_then(|at| self.0.get(at)) {
            Some(base) => Since::Changed(newest.since(base)),
            None => Since::Lost,
        }
    }
}
