//! What players get when a tournament is called off (P6, L10), and deals by chips.

use super::Error;
use super::award::plan;
use super::finish::{Finish, Finishers, Status};
use super::pieces::Pieces;
use super::plan::{
    Cause, Destination, Due, Funding, Line, PrizePlan, Reason, Remainder, Source, What,
};
use super::pool::Pool;
use super::rules::Rules;
use super::split::by_weight;
use super::table::Cancellation;
use crate::ids::PlayerId;
use crate::money::{Amount, Currency};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Something that a player paid an entry with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidWith {
    /// Who.
    pub player: PlayerId,
    /// What: cash, bonus money, a ticket.
    pub what: What,
    /// How much of it, ≥ 0.
    pub quantity: i64,
    /// Of what.
    pub currency: Currency,
}

/// A player who is still in when the tournament is called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stack {
    /// Who.
    pub player: PlayerId,
    /// Chips, or points that stand for them.
    pub chips: u64,
    /// The declared order among equal chips, smaller is better; then the player's number.
    pub order: i64,
    /// The fee of his entries, which he gets back.
    pub fee: Amount,
    /// Whether a person has yet to decide about him (L7).
    pub under_review: bool,
}

/// How far a tournament had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached<'a> {
    /// It had not started.
    Registration,
    /// It was under way.
    Play {
        /// Who was still in.
        stacks: &'a [Stack],
        /// Who was out, with the ranks that they had reached.
        out: &'a Finishers,
    },
}

/// What everybody gets, by the table's policy (P6, L10).
///
/// Before the start, and always with `refund`: what was paid in, in kind. With `rollForward`:
/// [`in_the_money`] when everybody who is left would win something, else [`before_the_money`].
///
/// # Errors
/// Those of the three.
pub fn cancel(
    rules: &Rules,
    pool: &Pool,
    paid: &[PaidWith],
    reached: Reached<'_>,
) -> Result<PrizePlan, Error> {
    match (rules.policies.cancellation, reached) {
        (Cancellation::Refund, _) | (Cancellation::RollForward, Reached::Registration) => {
            refund(paid)
        }
        (Cancellation::RollForward, Reached::Play { stacks, out }) => {
            let pieces = Pieces::of(rules, pool)?.pieces;
            let places = pieces.last().map_or(0, |piece| piece.place);
            if usize::try_from(places).is_ok_and(|places| stacks.len() <= places) {
                in_the_money(rules, pool, stacks, out)
            } else {
                before_the_money(pool, stacks)
            }
        }
    }
}

/// Gives everybody back what he paid with, fees included (P6, L10).
///
/// # Errors
/// [`Error::Negative`], [`Error::Overflow`].
pub fn refund(paid: &[PaidWith]) -> Result<PrizePlan, Error> {
    let mut owed: BTreeMap<(PlayerId, Currency, &What), i64> = BTreeMap::new();
    for part in paid {
        if part.quantity < 0 {
            return Err(Error::Negative { what: "what was paid with" });
        }
        let sum = owed.entry((part.player, part.currency, &part.what)).or_default();
        *sum = sum.checked_add(part.quantity).ok_or(Error::Overflow { what: "a refund" })?;
    }
    let mut lines = Vec::new();
    let mut sums: BTreeMap<Currency, Amount> = BTreeMap::new();
    for ((player, currency, what), quantity) in owed {
        if quantity == 0 {
            continue;
        }
        let value = what.value(quantity)?;
        let sum = sums.entry(currency).or_default();
        *sum = sum.checked_add(value).ok_or(Error::Overflow { what: "the sum of refunds" })?;
        let (place, rank, what) = (0, 0, what.clone());
        let (reason, due) = (Reason::Refund, Due::Payable);
        lines.push(Line { place, rank, player, what, quantity, value, currency, reason, due });
    }
    let funding = sums.into_iter().filter(|(_, amount)| amount.is_positive());
    let funding = funding
        .map(|(currency, amount)| Funding { source: Source::PaidIn, currency, amount })
        .collect();
    PrizePlan::new(lines, Vec::new(), funding, None)
}

/// Nobody has won anything yet: half of the pool in equal parts, half by chips, and the fees
/// back to those who are still in (P6). Both halves are divided in one go, so that there is one
/// rounding; odd units go by chips. A guarantee is not topped up to.
///
/// # Errors
/// [`Error::PlayerTwice`], [`Error::Negative`], [`Error::FeeOverPaid`],
/// [`Error::NothingToDivideBy`] without players or chips, [`Error::Overflow`].
pub fn before_the_money(pool: &Pool, stacks: &[Stack]) -> Result<PrizePlan, Error> {
    let pool = pool.without_guarantee();
    let stacks = in_order(stacks)?;
    let players = u128::try_from(stacks.len()).unwrap_or(u128::MAX);
    let chips: u128 = stacks.iter().map(|stack| u128::from(stack.chips)).sum();
    if chips == 0 && pool.total().is_positive() {
        return Err(Error::NothingToDivideBy { what: "the pool" });
    }
    // P/2n + P/2 · c/C = P · (C + n·c) / 2nC, and the weights sum to 2nC.
    let weights: Option<Vec<u128>> = stacks
        .iter()
        .map(|stack| players.checked_mul(u128::from(stack.chips))?.checked_add(chips))
        .collect();
    let weights = weights.ok_or(Error::Overflow { what: "the sum of chips" })?;
    let parts = by_weight(pool.total().0, &weights, "the pool")?;
    let mut lines = Lines::new(pool.currency());
    for (stack, part) in stacks.iter().zip(parts) {
        lines.add(stack, &[(Reason::PoolShare, part), (Reason::FeeRefund, stack.fee.0)])?;
    }
    let mut funding = pool.funding().to_vec();
    funding.extend(fees(&pool, &stacks)?);
    let over_cap = pool.over_cap().map(|(to, amount)| over_cap(to, amount, pool.currency()));
    PrizePlan::new(lines.lines, over_cap.into_iter().collect(), funding, pool.fee().cloned())
}

/// Everybody who is left would win something: each gets the smallest prize not yet awarded, the
/// rest of what they play for goes by chips, and their fees go back (P6). Who is out keeps the
/// prize of his place. All of it is cash; what has no cash value goes back to the operator.
///
/// # Errors
/// As [`plan`] and [`before_the_money`]; [`Error::RanksContradict`] when somebody who is out has
/// a better rank than there are players left.
pub fn in_the_money(
    rules: &Rules,
    pool: &Pool,
    stacks: &[Stack],
    out: &Finishers,
) -> Result<PrizePlan, Error> {
    let stacks = in_order(stacks)?;
    let overflow = Error::Overflow { what: "the number of players" };
    let left = u32::try_from(stacks.len()).map_err(|_| overflow.clone())?;
    let mut rows = Vec::with_capacity(stacks.len() + out.rows().len());
    for (group, stack) in (0..).zip(&stacks) {
        let status = if stack.under_review { Status::UnderReview } else { Status::Eligible };
        let (player, order) = (stack.player, stack.order);
        rows.push(Finish { player, rank: group + 1, group, order, status });
    }
    for row in out.rows() {
        let group = row.group.checked_add(left).ok_or_else(|| overflow.clone())?;
        rows.push(Finish { group, ..row.clone() });
    }
    let full = plan(rules, pool, &Finishers::new(rows)?)?;

    let mut values: BTreeMap<PlayerId, Amount> =
        stacks.iter().map(|stack| (stack.player, Amount::ZERO)).collect();
    let mut kept = Vec::new();
    let mut remainders = full.remainders().to_vec();
    for line in full.lines() {
        let Some(value) = values.get_mut(&line.player) else {
            kept.push(line.clone());
            continue;
        };
        *value = value.checked_add(line.value).ok_or(Error::Overflow { what: "a prize" })?;
        if line.value == Amount::ZERO {
            let Line { what, quantity, value, currency, .. } = line.clone();
            let (cause, to) = (Cause::Unspent, Destination::House);
            remainders.push(Remainder { cause, to, what, quantity, value, currency });
        }
    }
    let mut remaining = Amount::ZERO;
    for value in values.values() {
        let sum = remaining.checked_add(*value);
        remaining = sum.ok_or(Error::Overflow { what: "the sum of prizes" })?;
    }
    let minimum = values.values().min().copied().unwrap_or_default();
    let mut lines = Lines::new(pool.currency());
    for (stack, amount) in stacks.iter().zip(by_chips(remaining, minimum, &stacks)?) {
        let rest = amount.0 - minimum.0;
        let (least, rest) = ((Reason::MinimumPrize, minimum.0), (Reason::ChipShare, rest));
        lines.add(stack, &[least, rest, (Reason::FeeRefund, stack.fee.0)])?;
    }
    lines.lines.extend(kept);
    let mut funding = full.funding().to_vec();
    funding.extend(fees(pool, &stacks)?);
    PrizePlan::new(lines.lines, remainders, funding, full.fee().cloned())
}

/// A deal by chips: everybody gets `minimum`, and the rest of `remaining` goes in proportion to
/// chips; odd units to the largest fractions, of equal ones to whoever has more chips (P2).
/// Richest first.
///
/// # Errors
/// [`Error::PlayerTwice`], [`Error::Negative`] when the minimum alone is more than there is,
/// [`Error::NothingToDivideBy`], [`Error::Overflow`].
pub fn deal(
    remaining: Amount,
    minimum: Amount,
    stacks: &[Stack],
) -> Result<Vec<(PlayerId, Amount)>, Error> {
    let stacks = in_order(stacks)?;
    let amounts = by_chips(remaining, minimum, &stacks)?;
    Ok(stacks.iter().map(|stack| stack.player).zip(amounts).collect())
}

fn by_chips(remaining: Amount, minimum: Amount, stacks: &[Stack]) -> Result<Vec<Amount>, Error> {
    if minimum.0 < 0 {
        return Err(Error::Negative { what: "the minimum" });
    }
    let overflow = Error::Overflow { what: "the sum of minimums" };
    let players = i64::try_from(stacks.len()).map_err(|_| overflow.clone())?;
    let minimums = minimum.0.checked_mul(players).ok_or_else(|| overflow.clone())?;
    let rest = remaining.0.checked_sub(minimums).ok_or(overflow)?;
    let weights: Vec<u128> = stacks.iter().map(|stack| u128::from(stack.chips)).collect();
    let parts = by_weight(rest, &weights, "the rest by chips")?;
    // Below `remaining`, so it fits.
    Ok(parts.into_iter().map(|part| Amount(minimum.0.saturating_add(part))).collect())
}

/// By chips, then the declared order, then the player's number.
fn in_order(stacks: &[Stack]) -> Result<Vec<Stack>, Error> {
    let mut seen = BTreeSet::new();
    for stack in stacks {
        if !seen.insert(stack.player) {
            return Err(Error::PlayerTwice { player: stack.player });
        }
        if stack.fee.0 < 0 {
            return Err(Error::Negative { what: "a fee" });
        }
    }
    let mut stacks = stacks.to_vec();
    stacks.sort_unstable_by_key(|stack| (Reverse(stack.chips), stack.order, stack.player));
    Ok(stacks)
}

/// The fees that go back, out of those that were taken.
fn fees(pool: &Pool, stacks: &[Stack]) -> Result<Option<Funding>, Error> {
    let mut amount = Amount::ZERO;
    for stack in stacks {
        let sum = amount.checked_add(stack.fee);
        amount = sum.ok_or(Error::Overflow { what: "the sum of fees" })?;
    }
    let taken = pool.fee().map(|fee| fee.fee).unwrap_or_default();
    if amount > taken {
        return Err(Error::FeeOverPaid { fee: amount, paid: taken });
    }
    let currency = pool.currency();
    let is_some = amount.is_positive();
    Ok(is_some.then_some(Funding { source: Source::Fees, currency, amount }))
}

const fn over_cap(to: Destination, value: Amount, currency: Currency) -> Remainder {
    let (cause, what) = (Cause::OverCap, What::Cash {});
    Remainder { cause, to, what, quantity: value.0, value, currency }
}

/// Lines of players who are still in, richest first.
struct Lines {
    currency: Currency,
    players: u32,
    lines: Vec<Line>,
}

impl Lines {
    const fn new(currency: Currency) -> Self {
        Self { currency, players: 0, lines: Vec::new() }
    }

    fn add(&mut self, stack: &Stack, parts: &[(Reason, i64)]) -> Result<(), Error> {
        let place = self.players.checked_add(1);
        self.players = place.ok_or(Error::Overflow { what: "the number of players" })?;
        for (reason, quantity) in parts.iter().filter(|(_, quantity)| *quantity > 0) {
            let held = stack.under_review && *reason != Reason::FeeRefund;
            self.lines.push(Line {
                place: self.players,
                rank: self.players,
                player: stack.player,
                what: What::Cash {},
                quantity: *quantity,
                value: Amount(*quantity),
                currency: self.currency,
                reason: *reason,
                due: if held { Due::Reserved } else { Due::Payable },
            });
        }
        Ok(())
    }
}
