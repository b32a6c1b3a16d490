//! Which rounds count, and how a score is ranked and shown.

use super::formula::{Formula, Round, Streak, Term};
use super::points::Points;
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};

/// A part of a season of which the best rounds count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// Rounds that start before this time, and not before the part ahead ends; the last part has
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixMs>,
    /// How many of them count; none given: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<u32>,
}

/// Which rounds count.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Count {
    /// All.
    #[default]
    All,
    /// The first so many, by the time of their start (S11).
    First(u32),
    /// The first so many; whoever has fewer is not ranked (S11).
    Exactly(u32),
    /// The best of each part (S4: the best one; S12: best of N, or of each half).
    Best(Vec<Part>),
}

/// What counts as one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Per {
    /// Each bet, or each report.
    #[default]
    Bet,
    /// Everything of a player in one of the provider's rounds, together.
    Round,
}

/// How a player's rounds become a score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Score {
    /// Points of one round.
    #[serde(flatten)]
    pub formula: Formula,
    /// Points for rounds in a row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streaks: Vec<Streak>,
    /// Which rounds count.
    #[serde(default)]
    pub count: Count,
    /// What counts as one round.
    #[serde(default)]
    pub per: Per,
    /// No score is higher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_max: Option<Points>,
    /// Whoever has fewer rounds is ranked and not paid (S11, min-N).
    #[serde(default)]
    pub rounds_min: u32,
    /// Decimals that are ranked and shown, 0–6; what is finer is cut off.
    #[serde(default = "two")]
    #[cfg_attr(feature = "schema", schemars(range(max = 6)))]
    pub decimals: u8,
}

const fn two() -> u8 {
    2
}

impl Score {
    /// The only term, if all there is to a score is money, summed and divided.
    #[must_use]
    pub fn linear(&self) -> Option<&Term> {
        let all = matches!(self.count, Count::All) && self.streaks.is_empty();
        self.formula.linear().filter(|_| all && self.total_max.is_none())
    }

    /// What a round adds to the sum: fine units of money, or millionths of a point.
    pub(super) fn gain(&self, round: &Round) -> i64 {
        match self.linear() {
            Some(term) => term.gain(round),
            None => self.formula.points(round).0,
        }
    }

    /// What a sum is worth; `one`: see [`Round::one`].
    pub(super) fn total(&self, sum: i64, one: i64) -> Points {
        match self.linear() {
            Some(term) => term.total(sum, one),
            None => Points(sum),
        }
    }

    /// Whether every round has to be remembered: only a plain sum does without.
    #[must_use]
    pub const fn needs_rounds(&self) -> bool {
        !matches!((&self.count, self.per), (Count::All, Per::Bet))
            || !self.streaks.is_empty()
            || self.total_max.is_some()
    }
}
