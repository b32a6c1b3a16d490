//! What can be wrong with rules, found before they are published.

use super::definition::Problem;
use super::rules::Rules;
use super::score::{Count, Points, Term};
use crate::money::Currency;

/// Entries of one list.
const LIST_MAX: usize = 1_000;
const TERMS_MAX: usize = 16;

struct Problems(Vec<Problem>);

impl Problems {
    fn check(&mut self, fine: bool, field: &str, message: &'static str) {
        if !fine {
            self.0.push(Problem { field: format!("rules.{field}"), message });
        }
    }
}

impl Rules {
    /// Everything that is wrong with the rules, in field order. `currency`: the tournament's.
    #[must_use]
    pub fn problems(&self, currency: Currency) -> Vec<Problem> {
        let mut to = Problems(Vec::new());
        self.check_counts(currency, &mut to);
        self.check_score(&mut to);
        let words: usize = self.ties.iter().map(|tie| tie.words()).sum();
        to.check(words <= 3, "ties", "must be at most three, or countback alone");
        let mut seen = std::collections::HashSet::new();
        to.check(self.ties.iter().all(|tie| seen.insert(*tie)), "ties", "must not name one twice");
        to.0
    }

    fn check_counts(&self, currency: Currency, to: &mut Problems) {
        let counts = &self.counts;
        to.check(counts.games.len() <= LIST_MAX, "counts.games", "must be at most 1,000");
        to.check(counts.providers.len() <= LIST_MAX, "counts.providers", "must be at most 1,000");
        to.check(counts.stake_min.0 >= 0, "counts.stakeMin", "must not be negative");
        let decimals = currency.exponent().min(super::score::DECIMALS);
        let exact = counts.stake_min.cut(decimals) == counts.stake_min;
        to.check(exact, "counts.stakeMin", "must not have more decimals than the currency");
        let most = counts.stake_max.is_none_or(|most| most.0 > 0 && most >= counts.stake_min);
        to.check(most, "counts.stakeMax", "must be more than zero and not below stakeMin");
        to.check(counts.rates.len() <= 50, "counts.rates", "must be at most 50");
        to.check(
            counts.rates.values().all(|rate| rate.0 > 0),
            "counts.rates",
            "must be more than zero",
        );
        let own = counts.rates.get(&currency).is_none_or(|rate| rate.0 == super::score::ONE);
        to.check(own, "counts.rates", "must be 1 for the tournament's own currency");
    }

    fn check_score(&self, to: &mut Problems) {
        let score = &self.score;
        let formula = &score.formula;
        let empty =
            formula.terms.is_empty() && formula.bands.is_empty() && score.streaks.is_empty();
        to.check(!empty, "score", "must have terms, bands or streaks");
        to.check(formula.terms.len() <= TERMS_MAX, "score.terms", "must be at most 16");
        for (at, term) in formula.terms.iter().enumerate() {
            check_term(term, &format!("score.terms[{at}]"), to);
        }
        to.check(formula.bands.len() <= LIST_MAX, "score.bands", "must be at most 1,000");
        let rising = formula.bands.windows(2).all(|pair| match pair {
            [low, high] => low.from < high.from,
            _ => true,
        });
        to.check(rising, "score.bands", "must rise from one band to the next");
        let first = formula.bands.first().is_none_or(|band| band.from.0 >= 0);
        to.check(first, "score.bands", "must not start below zero");
        let range =
            formula.round_min.zip(formula.round_max).is_none_or(|(least, most)| least <= most);
        to.check(range, "score.roundMax", "must not be below roundMin");
        let total = score.total_max.is_none_or(|most| most > Points::ZERO);
        to.check(total, "score.totalMax", "must be more than zero");
        to.check(score.decimals <= super::score::DECIMALS, "score.decimals", "must be 0 to 6");
        to.check(score.streaks.len() <= TERMS_MAX, "score.streaks", "must be at most 16");
        for (at, streak) in score.streaks.iter().enumerate() {
            let field = |name: &str| format!("score.streaks[{at}].{name}");
            to.check((2..=1_000).contains(&streak.length), &field("length"), "must be 2 to 1,000");
            to.check(streak.points.0 != 0, &field("points"), "must not be zero");
        }
        check_count(&score.count, to);
    }
}

fn check_term(term: &Term, field: &str, to: &mut Problems) {
    to.check(term.per.0 > 0, &format!("{field}.per"), "must be more than zero");
    to.check(term.points.0 != 0, &format!("{field}.points"), "must not be zero");
}

fn check_count(count: &Count, to: &mut Problems) {
    const ROUNDS: std::ops::RangeInclusive<u32> = 1..=100_000;
    match count {
        Count::All => {}
        Count::First(rounds) | Count::Exactly(rounds) => {
            to.check(ROUNDS.contains(rounds), "score.count", "must be 1 to 100,000 rounds");
        }
        Count::Best(parts) => {
            to.check((1..=100).contains(&parts.len()), "score.count", "must have 1 to 100 parts");
            let best = parts.iter().all(|part| part.best.is_none_or(|best| ROUNDS.contains(&best)));
            to.check(best, "score.count", "must be 1 to 100,000 rounds");
            let (last, before) = parts.split_last().map_or((None, &[][..]), |(l, b)| (Some(l), b));
            let open = last.is_none_or(|part| part.until.is_none());
            let closed = before.iter().all(|part| part.until.is_some());
            to.check(open && closed, "score.count", "must say until when, but for the last part");
            let rising = before.windows(2).all(|pair| match pair {
                [early, late] => early.until < late.until,
                _ => true,
            });
            to.check(rising, "score.count", "must rise from one part to the next");
        }
    }
}
