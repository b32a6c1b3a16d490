//! The points of one round.

use super::points::{ONE, Points, divide};
use serde::{Deserialize, Serialize};

/// A finished round as the formula sees it. Money is in fine units, of which `one` make one unit
/// of the tournament's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Which one, within its player.
    pub key: u64,
    /// What counts as one: itself, or all of a provider's round.
    pub unit: u64,
    /// Event time of its start, Unix milliseconds.
    pub started: i64,
    /// Event time of its result.
    pub ended: i64,
    /// Fine units in one unit: 10⁶, or more for a currency with more decimals.
    pub one: i64,
    /// The stake that counts.
    pub stake: i128,
    /// The payout.
    pub payout: i128,
    /// Points that the provider reports; zero for bets.
    pub reported: Points,
    /// The place that the provider reports, from 1; 0 when there is none.
    pub place: u16,
}

impl Round {
    /// Payout ÷ stake in millionths, half to even (rule S5); 0 without a stake.
    #[must_use]
    pub fn ratio(&self) -> Points {
        Points(divide(self.payout.saturating_mul(i128::from(ONE)), self.stake))
    }
}

/// Which rounds a term is about. Everything that is given must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct When {
    /// The round paid something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub won: bool,
    /// Payout ÷ stake is at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio_from: Option<Points>,
    /// Payout ÷ stake is more than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio_above: Option<Points>,
}

impl When {
    /// Whether a round is one of these.
    #[must_use]
    pub fn holds(&self, round: &Round) -> bool {
        let ratio = round.ratio();
        (!self.won || round.payout > 0)
            && self.ratio_from.is_none_or(|from| ratio >= from)
            && self.ratio_above.is_none_or(|above| ratio > above)
    }
}

/// A multiplier band (rule S7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Band {
    /// From this payout ÷ stake on.
    pub from: Points,
    /// Points of such a round.
    pub points: Points,
}

/// What a term measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Of {
    /// The stake (turnover, S1).
    Stake,
    /// The payout (S3).
    Payout,
    /// Payout − stake (net profit, S6).
    Profit,
    /// Stake − payout (the operator's revenue).
    Revenue,
    /// Payout ÷ stake (S4, S5).
    Ratio,
    /// The round itself (S2).
    Round,
    /// What the provider reports: chips, or points of a race.
    Reported,
}

/// One part of a round's points; the parts are added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Term {
    /// What it measures.
    pub of: Of,
    /// How much of it is worth `points`; for money in units of the tournament's currency.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub per: Points,
    /// What that is worth.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub points: Points,
    /// For which rounds; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

const fn one() -> Points {
    Points(ONE)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_one(points: &Points) -> bool {
    points.0 == ONE
}

impl Term {
    fn points(&self, round: &Round) -> i64 {
        if self.when.is_some_and(|when| !when.holds(round)) {
            return 0;
        }
        let (measured, one) = self.measure(round);
        let (above, below) = self.worth(measured, one);
        divide(above, below)
    }

    /// How much of what is measured a round has, and how much of it is 1.
    fn measure(&self, round: &Round) -> (i128, i64) {
        match self.of {
            Of::Stake => (round.stake, round.one),
            Of::Payout => (round.payout, round.one),
            Of::Profit => (round.payout.saturating_sub(round.stake), round.one),
            Of::Revenue => (round.stake.saturating_sub(round.payout), round.one),
            Of::Ratio => (i128::from(round.ratio().0), ONE),
            Of::Round => (1, 1),
            Of::Reported => (i128::from(round.reported.0), ONE),
        }
    }

    /// `measured / one ÷ (per / 10⁶) × (points / 10⁶)` in millionths, as a fraction.
    fn worth(&self, measured: i128, one: i64) -> (i128, i128) {
        let above = measured.saturating_mul(i128::from(self.points.0));
        let below = i128::from(self.per.0).saturating_mul(i128::from(one));
        (above.saturating_mul(i128::from(ONE)), below)
    }
}

impl Term {
    /// What a round adds to a sum that is divided at the end, in fine units.
    pub(super) fn gain(&self, round: &Round) -> i64 {
        if self.when.is_some_and(|when| !when.holds(round)) {
            return 0;
        }
        divide(self.measure(round).0, 1)
    }

    /// What such a sum is worth, cut to millionths.
    pub(super) fn total(&self, sum: i64, one: i64) -> Points {
        let (above, below) = self.worth(i128::from(sum), one);
        let total = above.checked_div(below).unwrap_or(0);
        Points(i64::try_from(total).unwrap_or(if total < 0 { i64::MIN } else { i64::MAX }))
    }
}

/// Which runs of a streak score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Run {
    /// Each time that a run is `length` rounds longer (S8: 5 points per 3 in a row).
    Each,
    /// The longest run, if it is at least `length` long: `points` for each of its rounds (S9).
    Longest,
}

/// Points for rounds in a row, in the order of their results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Streak {
    /// Which rounds go on with a run; any other round that counts ends it.
    pub when: When,
    /// How many in a row, ≥ 2.
    pub length: u32,
    /// What they are worth.
    pub points: Points,
    /// Which runs.
    pub run: Run,
}

/// The whole formula of one round.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Formula {
    /// Parts that are added.
    #[serde(default)]
    pub terms: Vec<Term>,
    /// Points of the highest band that payout ÷ stake reaches, besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Band>,
    /// A round with fewer points adds none (S5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_min: Option<Points>,
    /// A round with more points adds this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_max: Option<Points>,
}

impl Formula {
    /// The only term, if points are money divided and nothing else: then the money is summed and
    /// divided once, so that three bets of 1.00 at a point per 3.00 make one point (S1).
    #[must_use]
    pub fn linear(&self) -> Option<&Term> {
        let money =
            |term: &&Term| matches!(term.of, Of::Stake | Of::Payout | Of::Profit | Of::Revenue);
        let [term] = self.terms.as_slice() else { return None };
        let plain = self.bands.is_empty() && self.round_min.is_none() && self.round_max.is_none();
        Some(term).filter(money).filter(|_| plain)
    }

    /// The points of a round.
    #[must_use]
    pub fn points(&self, round: &Round) -> Points {
        let terms = self.terms.iter().map(|term| term.points(round));
        let sum = terms.fold(0_i64, i64::saturating_add);
        let ratio = round.ratio();
        let reached = self.bands.iter().filter(|band| band.from <= ratio);
        let band = reached.max_by_key(|band| band.from).map_or(0, |band| band.points.0);
        let points = Points(sum.saturating_add(band));
        if self.round_min.is_some_and(|least| points < least) {
            return Points::ZERO;
        }
        self.round_max.map_or(points, |most| points.min(most))
    }
}
