//! What is allowed and hardly meant.

use super::{Problem, code};
use palio_domain::UnixMs;
use palio_domain::tournament::Rules;
use palio_domain::tournament::rules::{RankStyle, TieBreak};
use palio_domain::tournament::score::Count;
use serde_json::Value;

/// Rules that leave something to chance or can't be met. `times`: start and end, where known.
pub(super) fn rules(rules: &Rules, times: Option<(UnixMs, UnixMs)>, to: &mut Vec<Problem>) {
    // Times tell players apart; counts of rounds and points leave many equal.
    let by_time = |tie: &TieBreak| matches!(tie, TieBreak::Reached | TieBreak::FirstRound);
    if rules.rank == RankStyle::Single && !rules.ties.iter().any(by_time) {
        let message = "leave players equal, who then stand by player number: end with reached or \
                       firstRound, or let rank be shared";
        to.push(Problem::warning(code::TIES_NOT_TOTAL, "rules.ties", message));
    }
    let most = match &rules.score.count {
        Count::First(rounds) | Count::Exactly(rounds) => Some(*rounds),
        Count::All | Count::Best(_) => None,
    };
    if most.is_some_and(|most| rules.score.rounds_min > most) {
        let message = "is more rounds than count; nobody would be paid";
        to.push(Problem::warning(code::NOBODY_PAID, "rules.score.roundsMin", message));
    }
    if let (Count::Best(parts), Some((starts, ends))) = (&rules.score.count, times) {
        for (index, part) in parts.iter().enumerate() {
            if part.until.is_some_and(|until| until <= starts || until >= ends) {
                let field = format!("rules.score.count.best[{index}].until");
                let message = "is not between startsAt and endsAt; a part would have no rounds";
                to.push(Problem::warning(code::PART_OUTSIDE, field, message));
            }
        }
    }
}

/// More places win than players can be there.
pub(super) fn places(document: &Value, to: &mut Vec<Problem>) {
    let seats = document.get("seats").and_then(|seats| seats.get("max")).and_then(Value::as_u64);
    let Some(seats) = seats else { return };
    let bands = document.get("prizeTable").and_then(|table| table.get("bands"));
    let bands = bands.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, band) in bands.iter().enumerate() {
        let last = band.get("to").or_else(|| band.get("from")).and_then(Value::as_u64);
        if last.is_some_and(|last| last > seats) {
            let field = format!("prizeTable.bands[{index}]");
            let message = format!("has places that nobody can have: seats.max is {seats}");
            to.push(Problem::warning(code::PLACES_OVER_SEATS, field, message));
        }
    }
    let prizes = document.get("prizes").and_then(Value::as_array).map_or(0, Vec::len);
    if u64::try_from(prizes).is_ok_and(|prizes| prizes > seats) {
        let message = format!("are more than players can be there: seats.max is {seats}");
        to.push(Problem::warning(code::PLACES_OVER_SEATS, "prizes", message));
    }
}
