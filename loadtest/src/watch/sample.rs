//! Boards of the sampled sockets, with their recent past.

use crate::board::{self, Board, Frame};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Past boards kept: enough to find the one that an HTTP answer shows.
const PAST_MAX: usize = 64;

/// One sampled socket's board.
#[derive(Debug, Default)]
pub(super) struct Sample(Mutex<History>);

#[derive(Debug, Default)]
struct History {
    board: Board,
    past: VecDeque<Board>,
}

impl Sample {
    fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a frame and remembers the result.
    pub(super) fn apply(&self, text: &str) -> Result<(), board::Error> {
        let frame = Frame::parse(text)?;
        let mut history = self.lock();
        history.board.apply(&frame)?;
        if matches!(frame, Frame::Snapshot { .. } | Frame::Delta { .. }) {
            if history.past.len() == PAST_MAX {
                history.past.pop_front();
            }
            let board = history.board.clone();
            history.past.push_back(board);
        }
        Ok(())
    }

    /// Forgets the board at hand, not the past.
    pub(super) fn forget(&self) {
        self.lock().board = Board::default();
    }

    /// The latest board shown at a position, if still known.
    pub(super) fn at(&self, epoch: &str, seq: u64) -> Option<Board> {
        let history = self.lock();
        history.past.iter().rev().find(|b| b.cursor() == Some((epoch, seq))).cloned()
    }
}
