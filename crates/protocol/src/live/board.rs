//! A board, and what changes from one to the next: positions, not rows.

use std::collections::HashMap;
use std::sync::Arc;

/// A tournament's state on the wire (requirement T3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not started.
    Upcoming,
    /// Running, or in its grace period.
    Active,
    /// Final.
    Completed,
    /// Cancelled.
    Cancelled,
}

impl Status {
    /// Every state, in the order of their binary codes.
    pub const ALL: [Self; 4] = [Self::Upcoming, Self::Active, Self::Completed, Self::Cancelled];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The code in the binary form.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::Upcoming => 0,
            Self::Active => 1,
            Self::Completed => 2,
            Self::Cancelled => 3,
        }
    }
}

/// A row. Never names a person: `name` is an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Opaque, stable within a tournament.
    pub key: Box<str>,
    /// Alias.
    pub name: Box<str>,
    /// Score, ready to show.
    pub score: Box<str>,
    /// The same as an integer, with the board's decimals.
    pub points: i64,
}

/// What is shown at one position of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// Position, from 1.
    pub seq: u64,
    /// The tournament's state.
    pub status: Status,
    /// Ranked players.
    pub participants: u64,
    /// The top in order.
    pub rows: Vec<Arc<Row>>,
    /// Ranks, one for each row.
    pub ranks: Vec<u64>,
}

/// What a position of the new board holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// The base's row at the same position, with another score.
    Scored {
        /// The row as it is now.
        row: Arc<Row>,
        /// By how much its points changed.
        by: i64,
    },
    /// The base's row at another position.
    Moved {
        /// Where it was.
        from: usize,
    },
    /// The base's row at another position, with another score.
    MovedScored {
        /// Where it was.
        from: usize,
        /// The row as it is now.
        row: Arc<Row>,
        /// By how much its points changed.
        by: i64,
    },
    /// A row that the base lacks, or has under another name.
    New(Arc<Row>),
}

/// A position that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which, from 0.
    pub at: usize,
    /// What it holds now.
    pub holds: Entry,
}

/// The way from the board at `prev` to the board at `seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// The base.
    pub prev: u64,
    /// The result.
    pub seq: u64,
    /// Changed positions, in order.
    pub set: Vec<Change>,
    /// Rows, if their number changed.
    pub len: Option<usize>,
    /// Positions whose rank is another than at the same position before.
    pub ranks: Vec<(usize, u64)>,
    /// If changed.
    pub participants: Option<u64>,
    /// If changed.
    pub status: Option<Status>,
}

/// The rank of a position that nothing was said about.
pub(super) fn plain_rank(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1)
}

impl Board {
    /// The same board at another seq, with the rows that a base has already as that base's.
    #[must_use]
    pub fn sharing(mut self, base: &Self) -> Self {
        let places = places(base);
        for row in &mut self.rows {
            let known = places.get(&*row.key).and_then(|at| base.rows.get(*at));
            if let Some(known) = known
                && known == row
            {
                *row = Arc::clone(known);
            }
        }
        self
    }

    /// Whether a client sees no difference.
    #[must_use]
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.status == other.status
            && self.participants == other.participants
            && self.ranks == other.ranks
            && self.rows == other.rows
    }

    /// The delta from an older board of the same epoch.
    #[must_use]
    pub fn since(&self, base: &Self) -> Delta {
        let mut places = None;
        let mut set = Vec::new();
        for (at, row) in self.rows.iter().enumerate() {
            let here = base.rows.get(at).filter(|had| had.key == row.key);
            let had = match here {
                Some(had) => Some((at, had)),
                None => {
                    let places = places.get_or_insert_with(|| self::places(base));
                    let from = places.get(&*row.key).copied();
                    from.and_then(|from| Some((from, base.rows.get(from)?)))
                }
            };
            let holds = match had {
                Some((from, had)) if had.name == row.name => {
                    let scored = had.score != row.score || had.points != row.points;
                    let by = row.points.wrapping_sub(had.points);
                    let row = || Arc::clone(row);
                    match (from == at, scored) {
                        (true, false) => continue,
                        (true, true) => Entry::Scored { row: row(), by },
                        (false, false) => Entry::Moved { from },
                        (false, true) => Entry::MovedScored { from, row: row(), by },
                    }
                }
                _ => Entry::New(Arc::clone(row)),
            };
            set.push(Change { at, holds });
        }
        let before = |at| base.ranks.get(at).copied().unwrap_or(plain_rank(at));
        let ranks = self.ranks.iter().enumerate().filter(|(at, rank)| before(*at) != **rank);
        Delta {
            prev: base.seq,
            seq: self.seq,
            set,
            len: (self.rows.len() != base.rows.len()).then_some(self.rows.len()),
            ranks: ranks.map(|(at, rank)| (at, *rank)).collect(),
            participants: (self.participants != base.participants).then_some(self.participants),
            status: (self.status != base.status).then_some(self.status),
        }
    }
}

fn places(board: &Board) -> HashMap<&str, usize> {
    board.rows.iter().enumerate().map(|(at, row)| (&*row.key, at)).collect()
}

/// A score as shown: with two of its decimals, or as many as say something.
#[must_use]
pub fn show(points: i64, decimals: u8) -> String {
    let text = palio_domain::money::format_decimal(i128::from(points), decimals);
    let keep = text.len().saturating_sub(usize::from(decimals.saturating_sub(2)));
    let (fixed, rest) = text.split_at_checked(keep).unwrap_or((&text, ""));
    format!("{fixed}{}", rest.trim_end_matches('0'))
}
