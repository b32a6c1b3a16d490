//! From a table, a pool and a result to a plan.
//!
//! 1. Every place's prizes in whole units ([`super::pieces`]).
//! 2. Players take places in order. Who is passed over (excluded or unmet with `moveUp`, or there
//!    already) takes none; who leaves his place vacant takes one and wins nothing.
//! 3. The players of a tie put their places' prizes together and divide them (T4); places that
//!    are not paid have nothing to put in (T5); what can't be divided goes by T6.
//! 4. What nobody wins rolls over, goes back or is re-spread (P4).
//!
//! **Invariant:** the answer depends on the set of rows only, not on the order they came in.

use super::finish::{Finish, Finishers, Status};
use super::pieces::{CASH, Kind, Piece, Pieces};
use super::plan::{Cause, Destination, Due, Funding, Line, PrizePlan, Reason, Remainder, Source};
use super::pool::Pool;
use super::rules::Rules;
use super::split::{by_weight, equal_part};
use super::table::{Policies, Tied, Unspent, Vacancy};
use super::{Error, What};
use crate::money::{Amount, Currency};
use std::collections::{BTreeMap, BTreeSet};

/// Works out who wins what.
///
/// The same input gives the same plan, for ever: what is published can be recomputed (T9).
///
/// # Errors
/// [`Error::CurrencyMismatch`], [`Error::TooManyPlaces`], [`Error::Overflow`].
pub fn plan(rules: &Rules, pool: &Pool, finishers: &Finishers) -> Result<PrizePlan, Error> {
    let (table, pooled) = (rules.currency, pool.currency());
    if table != pooled {
        return Err(Error::CurrencyMismatch { pool: pooled, table });
    }
    let pieces = Pieces::of(rules, pool)?;
    let last = pieces.pieces.last().map_or(0, |piece| piece.place);
    let seats = seats(&rules.policies, finishers, last);
    let mut award = Award {
        kinds: &pieces.kinds,
        seats: &seats,
        won: BTreeMap::new(),
        unspent: BTreeMap::new(),
        parts: BTreeMap::new(),
    };
    award.unspend(CASH, pieces.surplus.0)?;

    let mut rest = pieces.pieces.as_slice();
    let mut first = 0;
    for tie in seats.chunk_by(|a, b| a.finish.group == b.finish.group) {
        let last = first + tie.len();
        let is_here = |piece: &Piece| usize::try_from(piece.place).is_ok_and(|place| place <= last);
        let here = rest.partition_point(is_here);
        let (here, behind) = rest.split_at_checked(here).unwrap_or((rest, &[]));
        award.tie(&rules.policies, first, tie.len(), here)?;
        (rest, first) = (behind, last);
    }
    for piece in rest {
        award.unspend(piece.kind, piece.quantity)?;
    }
    if rules.policies.unspent == Unspent::Respread {
        award.respread()?;
    }

    let to = match rules.policies.unspent {
        Unspent::Rollover => Destination::Rollover,
        Unspent::Return | Unspent::Respread => Destination::House,
    };
    let mut remainders = Vec::new();
    if let Some((to, amount)) = pool.over_cap() {
        let (what, cause) = (What::Cash {}, Cause::OverCap);
        let (quantity, value) = (amount.0, amount);
        remainders.push(Remainder { cause, to, what, quantity, value, currency: table });
    }
    for (kind, quantity) in &award.unspent {
        let Some(what) = pieces.kinds.get(*kind).cloned() else { continue };
        let (value, quantity, cause) = (what.value(*quantity)?, *quantity, Cause::Unspent);
        remainders.push(Remainder { cause, to, what, quantity, value, currency: table });
    }
    let mut funding = pool.funding().to_vec();
    for (source, amount) in
        [(Source::Shortfall, pieces.shortfall), (Source::Operator, pieces.on_top)]
    {
        if amount.is_positive() {
            funding.push(Funding { source, currency: table, amount });
        }
    }
    PrizePlan::new(award.lines(table)?, remainders, funding, pool.fee().cloned())
}

/// A place that somebody takes; seat 0 is place 1.
#[derive(Debug, Clone, Copy)]
struct Seat<'a> {
    finish: &'a Finish,
    /// Takes the place and wins nothing.
    is_vacant: bool,
}

/// Who takes the places, up to the end of the tie that reaches the last paid one.
fn seats<'a>(policies: &Policies, finishers: &'a Finishers, last: u32) -> Vec<Seat<'a>> {
    let last = usize::try_from(last).unwrap_or(usize::MAX);
    let mut seen = BTreeSet::new();
    let mut seats: Vec<Seat<'a>> = Vec::new();
    for finish in finishers.rows() {
        let is_tied = seats.last().is_some_and(|before| before.finish.group == finish.group);
        if seats.len() >= last && !is_tied {
            break;
        }
        // One prize per player (P4): the best row counts, whatever becomes of it.
        if !seen.insert(finish.player) {
            continue;
        }
        let vacancy = match finish.status {
            Status::Eligible | Status::UnderReview => None,
            Status::Unmet => Some(policies.unmet),
            Status::Excluded => Some(policies.excluded),
        };
        match vacancy {
            Some(Vacancy::MoveUp) => {}
            Some(Vacancy::Vacant) => seats.push(Seat { finish, is_vacant: true }),
            None => seats.push(Seat { finish, is_vacant: false }),
        }
    }
    seats
}

/// What has been given out so far.
struct Award<'a> {
    kinds: &'a [What],
    seats: &'a [Seat<'a>],
    won: BTreeMap<(usize, Kind, Reason), i64>,
    unspent: BTreeMap<Kind, i64>,
    /// What the players of each tie divided.
    parts: BTreeMap<Kind, Vec<Part>>,
}

/// A quantity that the players of a tie divided; a tie of one is the usual case.
struct Part {
    first: usize,
    among: usize,
    quantity: i64,
}

fn add<K: Ord>(to: &mut BTreeMap<K, i64>, key: K, quantity: i64) -> Result<(), Error> {
    let sum = to.entry(key).or_default();
    *sum = sum.checked_add(quantity).ok_or(Error::Overflow { what: "a prize" })?;
    Ok(())
}

impl Award<'_> {
    fn unspend(&mut self, kind: Kind, quantity: i64) -> Result<(), Error> {
        if quantity > 0 { add(&mut self.unspent, kind, quantity) } else { Ok(()) }
    }

    fn give(
        &mut self,
        seat: usize,
        kind: Kind,
        quantity: i64,
        reason: Reason,
    ) -> Result<(), Error> {
        match self.seats.get(seat) {
            Some(taken) if !taken.is_vacant && quantity > 0 => {
                add(&mut self.won, (seat, kind, reason), quantity)
            }
            Some(_) | None => self.unspend(kind, quantity),
        }
    }

    fn split(
        &mut self,
        (first, among): (usize, usize),
        kind: Kind,
        quantity: i64,
        reason: Reason,
    ) -> Result<(), Error> {
        let parts = i64::try_from(among).map_err(|_| Error::Overflow { what: "a tie" })?;
        if quantity > 0 && self.kinds.get(kind).is_some_and(What::is_divisible) {
            self.parts.entry(kind).or_default().push(Part { first, among, quantity });
        }
        for (at, seat) in (0..parts).zip(first..) {
            let part = equal_part(quantity, parts, at);
            if part == 0 {
                break;
            }
            self.give(seat, kind, part, reason)?;
        }
        Ok(())
    }

    /// Divides the prizes of a tie's places among its players; a tie of one is the usual case.
    fn tie(
        &mut self,
        policies: &Policies,
        first: usize,
        among: usize,
        here: &[Piece],
    ) -> Result<(), Error> {
        let mut pooled = BTreeMap::new();
        for piece in here {
            add(&mut pooled, piece.kind, piece.quantity)?;
        }
        let mut converted = 0_i64;
        for (kind, quantity) in pooled {
            let tied = match self.kinds.get(kind) {
                Some(What::Ticket { .. }) => policies.tied_tickets,
                Some(What::Item { .. }) => policies.tied_items,
                Some(What::Cash {} | What::Bonus { .. } | What::FreeRounds { .. }) | None => {
                    self.split((first, among), kind, quantity, Reason::Prize)?;
                    continue;
                }
            };
            let parts = i64::try_from(among).unwrap_or(i64::MAX);
            match tied {
                // One for each needs no policy.
                Tied::FirstWins | Tied::Cash if quantity % parts == 0 => {
                    self.split((first, among), kind, quantity, Reason::Prize)?;
                }
                Tied::FirstWins => {
                    for piece in here.iter().filter(|piece| piece.kind == kind) {
                        let seat = usize::try_from(piece.place).unwrap_or(1).saturating_sub(1);
                        self.give(seat, kind, piece.quantity, Reason::Prize)?;
                    }
                }
                Tied::Cash => {
                    let value =
                        self.kinds.get(kind).map(|what| what.value(quantity)).transpose()?;
                    let value = value.unwrap_or_default();
                    let sum = converted.checked_add(value.0);
                    converted = sum.ok_or(Error::Overflow { what: "a tie" })?;
                }
            }
        }
        self.split((first, among), CASH, converted, Reason::Converted)
    }

    /// Divides what nobody won among those who won something of the same kind, in proportion to
    /// their exact parts of it: tied players have equal parts, whoever took the odd unit.
    fn respread(&mut self) -> Result<(), Error> {
        for (kind, parts) in std::mem::take(&mut self.parts) {
            let Some(quantity) = self.unspent.get(&kind).copied() else { continue };
            let mut winners: BTreeMap<usize, u128> = BTreeMap::new();
            // A weight is a player's part in 2⁻²⁰ of a unit, or of huge quantities in whole units,
            // so that it is the same for all of a tie and total × weight fits 128 bits.
            let largest = parts.iter().map(|part| part.quantity).max().unwrap_or_default();
            let scale = if largest < 1 << 40 { 1 << 20 } else { 1 };
            for Part { first, among, quantity } in parts {
                let among_wide = u128::try_from(among).unwrap_or(u128::MAX).max(1);
                let weight = u128::try_from(quantity).unwrap_or_default() * scale / among_wide;
                let tie = self.seats.iter().enumerate().skip(first).take(among);
                for (seat, _) in tie.filter(|(_, taken)| !taken.is_vacant) {
                    *winners.entry(seat).or_default() += weight;
                }
            }
            let weights: Vec<u128> = winners.values().copied().collect();
            if weights.iter().all(|weight| *weight == 0) {
                continue;
            }
            self.unspent.remove(&kind);
            let parts = by_weight(quantity, &weights, "what is re-spread")?;
            for (seat, part) in winners.into_keys().zip(parts) {
                self.give(seat, kind, part, Reason::Respread)?;
            }
        }
        Ok(())
    }

    fn lines(&self, currency: Currency) -> Result<Vec<Line>, Error> {
        let mut lines = Vec::with_capacity(self.won.len());
        for ((seat, kind, reason), quantity) in &self.won {
            let (Some(taken), Some(what)) = (self.seats.get(*seat), self.kinds.get(*kind)) else {
                continue;
            };
            let Finish { player, rank, status, .. } = *taken.finish;
            let due = match status {
                Status::UnderReview => Due::Reserved,
                Status::Eligible | Status::Unmet | Status::Excluded => Due::Payable,
            };
            let value: Amount = what.value(*quantity)?;
            let (what, quantity, reason) = (what.clone(), *quantity, *reason);
            let place = u32::try_from(seat + 1).unwrap_or(u32::MAX);
            lines.push(Line { place, rank, player, what, quantity, value, currency, reason, due });
        }
        Ok(lines)
    }
}
