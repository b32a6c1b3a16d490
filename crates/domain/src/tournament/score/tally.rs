//! One player's rounds and the score they give.

use super::formula::{Round, Run, Streak};
use super::points::Points;
use super::select::{Count, Part, Per, Score};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A round that counts, as far as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    #[serde(rename = "k")]
    key: u64,
    #[serde(rename = "u")]
    unit: u64,
    #[serde(rename = "s")]
    started: i64,
    #[serde(rename = "e")]
    ended: i64,
    #[serde(rename = "p")]
    points: i64,
    #[serde(rename = "n", default)]
    place: u16,
    /// One bit per streak: whether this round goes on with a run of it.
    #[serde(rename = "r", default)]
    runs: u16,
}

/// A player's rounds: all of them, or only their sum where that is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tally {
    /// The sum: enough when all rounds count and no tie is split by times.
    #[serde(rename = "s")]
    Sum {
        /// Σ points in millionths, or Σ money in fine units when that is all there is.
        points: i64,
        /// How many rounds.
        rounds: u32,
    },
    /// Every round.
    #[serde(rename = "r")]
    Rounds(Rounds),
}

/// Every round of a player, and what they come to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rounds {
    kept: Vec<Kept>,
    #[serde(skip)]
    outcome: Outcome,
}

/// What a player's rounds come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The score, not cut.
    pub score: Points,
    /// Rounds that count.
    pub rounds: u32,
    /// Event time at which the score was reached (T2): that of the last result that changed it.
    pub reached: i64,
    /// Event time of the start of the first round that counts (T2, Betano).
    pub first: i64,
    /// Points of the best round; of linear scores its money.
    pub best: i64,
}

impl Tally {
    /// An empty one. `times`: whether ties are split by times.
    #[must_use]
    pub fn new(score: &Score, times: bool) -> Self {
        if times || score.needs_rounds() {
            Self::Rounds(Rounds::default())
        } else {
            Self::Sum { points: 0, rounds: 0 }
        }
    }

    /// Whether no round is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Sum { rounds, .. } => *rounds == 0,
            Self::Rounds(all) => all.kept.is_empty(),
        }
    }

    /// Takes a round in. The caller sees to it that each comes once.
    pub fn add(&mut self, score: &Score, round: &Round) {
        let gained = score.gain(round);
        match self {
            Self::Sum { points, rounds } => {
                *points = points.saturating_add(gained);
                *rounds = rounds.saturating_add(1);
            }
            Self::Rounds(all) => {
                let runs = score.streaks.iter().take(16).enumerate();
                let runs = runs.fold(0, |bits, (at, streak)| {
                    bits | (u16::from(streak.when.holds(round)) << at)
                });
                let unit = match score.per {
                    Per::Bet => round.key,
                    Per::Round => round.unit,
                };
                let Round { key, started, ended, place, .. } = *round;
                all.kept.push(Kept { key, unit, started, ended, points: gained, place, runs });
                all.outcome = all.after_one_more(score, gained, round);
            }
        }
    }

    /// Takes a round back that was taken in.
    pub fn remove(&mut self, score: &Score, round: &Round) {
        match self {
            Self::Sum { points, rounds } => {
                *points = points.saturating_sub(score.gain(round));
                *rounds = rounds.saturating_sub(1);
            }
            Self::Rounds(all) => {
                all.kept.retain(|kept| kept.key != round.key);
                all.outcome = all.compute(score);
            }
        }
    }

    /// What the rounds come to; `one`: see [`Round::one`].
    #[must_use]
    pub fn outcome(&self, score: &Score, one: i64) -> Outcome {
        let sum = match self {
            Self::Sum { points, rounds } => {
                Outcome { score: Points(*points), rounds: *rounds, ..Outcome::default() }
            }
            Self::Rounds(all) => all.outcome,
        };
        Outcome { score: score.total(sum.score.0, one), ..sum }
    }

    /// Computes what a restored tally does not carry.
    pub fn recompute(&mut self, score: &Score) {
        if let Self::Rounds(all) = self {
            all.outcome = all.compute(score);
        }
    }

    /// How often the player had each place, the first one first (countback).
    #[must_use]
    pub fn places(&self) -> BTreeMap<u16, u32> {
        let mut places = BTreeMap::new();
        if let Self::Rounds(all) = self {
            for kept in all.kept.iter().filter(|kept| kept.place > 0) {
                *places.entry(kept.place).or_default() += 1;
            }
        }
        places
    }
}

/// Rounds that count as one.
#[derive(Clone, Copy)]
struct Unit {
    points: i64,
    started: i64,
    /// When its points were complete: at the last result that gave some.
    ended: i64,
    key: u64,
}

impl Rounds {
    /// After `add`: without looking at all rounds where that is not needed.
    fn after_one_more(&self, score: &Score, gained: i64, round: &Round) -> Outcome {
        let plain = matches!((&score.count, score.per), (Count::All, Per::Bet))
            && score.streaks.is_empty()
            && score.total_max.is_none();
        if !plain || self.kept.len() == 1 {
            return self.compute(score);
        }
        let before = self.outcome;
        Outcome {
            score: Points(before.score.0.saturating_add(gained)),
            rounds: before.rounds.saturating_add(1),
            // Until something was gained, it is the first result.
            reached: match (gained, before.score.0 == 0 && before.best == 0) {
                (0, true) => before.reached.min(round.ended),
                (0, false) => before.reached,
                (_, true) => round.ended,
                (_, false) => before.reached.max(round.ended),
            },
            first: before.first.min(round.started),
            best: before.best.max(gained),
        }
    }

    fn compute(&self, score: &Score) -> Outcome {
        let mut units = self.units();
        let all = u32::try_from(units.len()).unwrap_or(u32::MAX);
        match &score.count {
            Count::All => {}
            Count::First(count) | Count::Exactly(count) => {
                units.sort_unstable_by_key(|unit| (unit.started, unit.key));
                units.truncate(usize::try_from(*count).unwrap_or(usize::MAX));
            }
            Count::Best(parts) => units = best(units, parts),
        }
        let sum = units.iter().fold(0_i64, |sum, unit| sum.saturating_add(unit.points));
        let streaks = score.streaks.iter().take(16).enumerate();
        let (bonus, last) = streaks.fold((0_i64, None), |(sum, last), (at, streak)| {
            let (points, ended) = self.streak(streak, at);
            (sum.saturating_add(points), last.max(ended))
        });
        let total = sum.saturating_add(bonus);
        let gave = units.iter().filter(|unit| unit.points != 0).map(|unit| unit.ended);
        let reached = gave.max().max(last).or_else(|| units.iter().map(|unit| unit.ended).min());
        let (total, reached) = match score.total_max {
            Some(most) if total > most.0 => (most.0, capped(&mut units, most.0).or(reached)),
            _ => (total, reached),
        };
        let rounds = match score.count {
            // Whoever has more rounds than count has still played them.
            Count::Best(_) => all,
            _ => u32::try_from(units.len()).unwrap_or(u32::MAX),
        };
        Outcome {
            score: Points(total),
            rounds,
            reached: reached.unwrap_or(0),
            first: units.iter().map(|unit| unit.started).min().unwrap_or(0),
            best: units.iter().map(|unit| unit.points).max().unwrap_or(0),
        }
    }

    fn units(&self) -> Vec<Unit> {
        let mut sorted: Vec<&Kept> = self.kept.iter().collect();
        sorted.sort_unstable_by_key(|kept| (kept.unit, kept.ended, kept.key));
        let unit = |part: &[&Kept]| {
            let gave = part.iter().filter(|kept| kept.points != 0).map(|kept| kept.ended);
            Some(Unit {
                points: part.iter().fold(0_i64, |sum, kept| sum.saturating_add(kept.points)),
                started: part.iter().map(|kept| kept.started).min()?,
                ended: gave.max().or_else(|| part.iter().map(|kept| kept.ended).min())?,
                key: part.first()?.unit,
            })
        };
        sorted.chunk_by(|a, b| a.unit == b.unit).filter_map(unit).collect()
    }

    /// Points of a streak, and when the last of them were reached.
    fn streak(&self, streak: &Streak, at: usize) -> (i64, Option<i64>) {
        let mut sorted: Vec<&Kept> = self.kept.iter().collect();
        sorted.sort_unstable_by_key(|kept| (kept.ended, kept.key));
        let length = streak.length.max(1);
        let (mut run, mut longest, mut times, mut reached) = (0_u32, 0_u32, 0_i64, None);
        for kept in sorted {
            if kept.runs >> at & 1 == 0 {
                run = 0;
                continue;
            }
            run += 1;
            if run.is_multiple_of(length) {
                times += 1;
                if streak.run == Run::Each {
                    reached = Some(kept.ended);
                }
            }
            if run > longest && run >= length {
                longest = run;
                if streak.run == Run::Longest {
                    reached = Some(kept.ended);
                }
            }
        }
        let count = match streak.run {
            Run::Each => times,
            Run::Longest => i64::from(longest),
        };
        (streak.points.0.saturating_mul(count), reached)
    }
}

/// The best units of each part; of equal ones those that were reached first.
fn best(units: Vec<Unit>, parts: &[Part]) -> Vec<Unit> {
    let mut rest = units;
    let mut chosen = Vec::new();
    for part in parts {
        let (mut here, later): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|unit| part.until.is_none_or(|until| unit.started < until.0));
        here.sort_unstable_by_key(|unit| (std::cmp::Reverse(unit.points), unit.ended, unit.key));
        here.truncate(part.best.map_or(usize::MAX, |best| usize::try_from(best).unwrap_or(0)));
        chosen.append(&mut here);
        rest = later;
    }
    chosen
}

/// When the running sum first came to `most`.
fn capped(units: &mut [Unit], most: i64) -> Option<i64> {
    units.sort_unstable_by_key(|unit| (unit.ended, unit.key));
    let mut sum = 0_i64;
    units.iter().find_map(|unit| {
        sum = sum.saturating_add(unit.points);
        (sum >= most).then_some(unit.ended)
    })
}
