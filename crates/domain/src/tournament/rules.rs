//! What counts in a tournament, how it is scored and how ties are split: a document.

use super::score::{Count, Formula, Of, Part, Per, Points, Round, Score, Term, divide};
use crate::ids::{GameId, ProviderId};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use crate::wallet::{BetRef, Report, SettledRound};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What happens to a stake over the most that counts (S10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Over {
    /// The round does not count.
    #[default]
    Zero,
    /// It counts as the most; its payout in the same proportion.
    Clamp,
}

/// Which rounds count. Money is in units of the tournament's currency. Stakes that bonus money or
/// a campaign pays never count (S10).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Counts {
    /// On these games; empty: on all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub games: Vec<GameId>,
    /// Of these providers; empty: of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderId>,
    /// With at least this stake.
    #[serde(default)]
    pub stake_min: Points,
    /// With at most this stake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stake_max: Option<Points>,
    /// What a larger stake comes to.
    #[serde(default)]
    pub over: Over,
    /// Other currencies that count, and what one unit of each is worth. Frozen when announced
    /// (S1).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<Currency, Points>,
}

impl Counts {
    /// Whether rounds of this game and provider count.
    #[must_use]
    pub fn lists(&self, bet: &BetRef) -> bool {
        (self.games.is_empty() || self.games.contains(&bet.game))
            && (self.providers.is_empty() || self.providers.contains(&bet.provider))
    }
}

/// One way to put players with equal scores in an order (T1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum TieBreak {
    /// Whose final score was reached first, by event time (T2).
    Reached,
    /// Whose first round that counts started first (T2, Betano).
    FirstRound,
    /// Who needed fewer rounds.
    FewerRounds,
    /// Who played more rounds.
    MoreRounds,
    /// Whose best round was better.
    BestRound,
    /// More first places, then more second places, and so on; places that the provider reports.
    Countback,
}

/// How ranks are counted among players whom no tie break separates (T3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RankStyle {
    /// 1-2-3: every rank once; the last tie break is the player's number.
    #[default]
    Single,
    /// 1-1-3: the same rank, and the next ones are left out.
    Shared,
    /// 1-1-2: the same rank, and none is left out.
    Dense,
}

/// Numbers that hold what a player's tie breaks come to; fewer is better.
pub(super) type Ties = [i64; 3];

/// Places that countback looks at: twelve in each number of [`Ties`], five bits each.
const PLACES_PER_WORD: usize = 12;
const PLACE_BITS: u32 = 5;
const PLACE_MAX: u32 = (1 << PLACE_BITS) - 1;

impl TieBreak {
    /// Whether it needs every round.
    #[must_use]
    pub const fn needs_rounds(self) -> bool {
        matches!(self, Self::Reached | Self::FirstRound | Self::BestRound | Self::Countback)
    }

    /// How many numbers it takes.
    #[must_use]
    pub const fn words(self) -> usize {
        match self {
            Self::Countback => 3,
            _ => 1,
        }
    }
}

/// The rules of a tournament.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rules {
    /// Which rounds count.
    #[serde(default)]
    pub counts: Counts,
    /// How they become a score.
    pub score: Score,
    /// How equal scores are put in an order; whoever is still equal stands by player number.
    #[serde(default = "reached")]
    pub ties: Vec<TieBreak>,
    /// How ranks are counted.
    #[serde(default)]
    pub rank: RankStyle,
}

fn reached() -> Vec<TieBreak> {
    vec![TieBreak::Reached]
}

impl Rules {
    /// Rules with one term and everything else as usual.
    #[must_use]
    pub fn simple(of: Of, per: Points, count: Count, decimals: u8) -> Self {
        let one = Points(super::score::ONE);
        let terms = vec![Term { of, per, points: one, when: None }];
        let score = Score {
            formula: Formula { terms, ..Formula::default() },
            streaks: Vec::new(),
            count,
            per: Per::Bet,
            total_max: None,
            rounds_min: 0,
            decimals,
        };
        Self { counts: Counts::default(), score, ties: reached(), rank: RankStyle::default() }
    }

    /// The best round alone.
    #[must_use]
    pub fn best_one() -> Count {
        Count::Best(vec![Part { until: None, best: Some(1) }])
    }

    /// Whether ties are split by what only all rounds tell.
    #[must_use]
    pub fn keeps_rounds(&self) -> bool {
        self.ties.iter().any(|tie| tie.needs_rounds())
    }

    /// Fine units in one unit of `currency`: see [`Round::one`].
    #[must_use]
    pub fn one(currency: Currency) -> i64 {
        10_i64.pow(u32::from(currency.exponent()).max(6))
    }

    /// The round as the formula sees it, if it counts. `currency`: the tournament's.
    #[must_use]
    pub fn round(&self, settled: &SettledRound, currency: Currency) -> Option<Round> {
        let counts = &self.counts;
        let one = Self::one(currency);
        let rate = match counts.rates.get(&settled.currency) {
            Some(rate) => rate.0,
            None if settled.currency == currency => super::score::ONE,
            None => return None,
        };
        let fine = |amount: Amount| {
            // Minor units ÷ 10^exponent × rate ÷ 10⁶ × one.
            let above = i128::from(amount.0) * i128::from(rate) * i128::from(one);
            let below = 10_i128.pow(u32::from(settled.currency.exponent()) + 6);
            i128::from(divide(above, below))
        };
        let limit = |points: Points| i128::from(points.0) * i128::from(one / super::score::ONE);
        let listed = counts.lists(&settled.bet);
        let (stake, payout) = (fine(settled.stake), fine(settled.payout));
        if !listed || !settled.stake.is_positive() || stake < limit(counts.stake_min) {
            return None;
        }
        let (stake, payout) = match counts.stake_max.map(limit) {
            Some(most) if stake > most => match counts.over {
                Over::Zero => return None,
                Over::Clamp => (most, i128::from(divide(payout.saturating_mul(most), stake))),
            },
            _ => (stake, payout),
        };
        let provider = settled.bet.provider.as_str();
        Some(Round {
            key: number(provider, settled.bet.bet.as_str()),
            unit: number(provider, settled.bet.round.as_str()),
            started: settled.started.0,
            ended: settled.ended.0,
            one,
            stake,
            payout,
            reported: Points::ZERO,
            place: 0,
        })
    }
}

impl Rules {
    /// A provider's report as the formula sees it.
    #[must_use]
    pub fn report(report: &Report, at: UnixMs) -> Round {
        let provider = report.provider.as_str();
        Round {
            key: number(provider, report.id.as_str()),
            unit: number(provider, report.round.as_str()),
            started: at.0,
            ended: at.0,
            one: super::score::ONE,
            stake: 0,
            payout: 0,
            reported: report.points,
            place: report.place,
        }
    }
}

/// 64 bits for an id within a player.
fn number(provider: &str, id: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[u8::try_from(provider.len()).unwrap_or(u8::MAX)]);
    hasher.update(provider.as_bytes()).update(id.as_bytes());
    let mut head = [0_u8; 8];
    hasher.finalize_xof().fill(&mut head);
    u64::from_be_bytes(head)
}

/// Counts of places as numbers of which the smaller is better.
pub(super) fn countback(places: &BTreeMap<u16, u32>) -> Ties {
    let mut words = [0_i64; 3];
    for (at, word) in words.iter_mut().enumerate() {
        for place in 0..PLACES_PER_WORD {
            let place = u16::try_from(at * PLACES_PER_WORD + place + 1).unwrap_or(u16::MAX);
            let count = places.get(&place).copied().unwrap_or(0).min(PLACE_MAX);
            *word = (*word << PLACE_BITS) | i64::from(count);
        }
        *word = -*word;
    }
    words
}
