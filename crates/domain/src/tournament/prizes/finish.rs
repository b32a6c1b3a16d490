//! The result as prizes see it: players in order, ties, and who may not be paid.

use super::Error;
use crate::ids::PlayerId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether a player is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// Yes.
    Eligible,
    /// Ranked, but a condition for being paid is not met, such as a minimum of rounds (S11).
    Unmet,
    /// Disqualified (L6).
    Excluded,
    /// A person has yet to decide; the prize is set aside (L7).
    UnderReview,
}

/// One player's row of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Finish {
    /// Who.
    pub player: PlayerId,
    /// Rank as shown, in any style (T3). Prizes follow positions: behind two players tied for
    /// first comes the third place, whatever its rank is called.
    pub rank: u32,
    /// Tie group, smaller is better. Players of one group share their places' prizes; where
    /// ties are broken, everybody is a group of his own.
    pub group: u32,
    /// The declared order inside a tie, smaller is better, such as the time at which the score
    /// was reached: the odd minor unit and what can't be divided go by it. If it is equal, too,
    /// the smaller player number is first.
    pub order: i64,
    /// Whether the player is paid.
    pub status: Status,
}

/// A result in its own order, whatever order it came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finishers(Vec<Finish>);

impl Finishers {
    /// Puts the rows in order: by group, then the declared order, then the player's number.
    ///
    /// A player may have several rows (re-entries); if he is excluded or under review in one of
    /// them, he is in all.
    ///
    /// # Errors
    /// [`Error::RanksContradict`] when a rank falls along that order; excluded players, who may
    /// have any rank, are not asked.
    pub fn new(mut rows: Vec<Finish>) -> Result<Self, Error> {
        let mut held_up: BTreeMap<PlayerId, Status> = BTreeMap::new();
        for row in &rows {
            match (row.status, held_up.get(&row.player)) {
                (Status::Excluded, _) | (Status::UnderReview, None) => {
                    held_up.insert(row.player, row.status);
                }
                (Status::Eligible | Status::Unmet | Status::UnderReview, _) => {}
            }
        }
        for row in &mut rows {
            row.status = held_up.get(&row.player).copied().unwrap_or(row.status);
        }
        let key = |row: &Finish| (row.group, row.order, row.player, row.rank, row.status);
        rows.sort_unstable_by_key(key);
        let mut highest = 0;
        for row in rows.iter().filter(|row| row.status != Status::Excluded) {
            if row.rank < highest {
                return Err(Error::RanksContradict { player: row.player });
            }
            highest = row.rank;
        }
        Ok(Self(rows))
    }

    /// The rows, best first.
    #[must_use]
    pub fn rows(&self) -> &[Finish] {
        &self.0
    }
}
