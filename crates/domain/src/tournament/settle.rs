//! From a result to its prizes: a pure function of the announcement, the places and what was
//! paid in, so that anyone can work it out again.

use super::definition::Definition;
use super::prizes::{self, Collected, Finish, Finishers, PaidWith, Pool, PrizePlan, What};
use super::prizes::{Reached, Stack, cancel, plan, refund};
use crate::ids::PlayerId;
use crate::money::Amount;
use std::collections::BTreeMap;

/// The entries of one player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Seats {
    /// How many.
    #[serde(rename = "n")]
    pub entries: u32,
    /// Of these, paid for with tickets.
    #[serde(rename = "t", default, skip_serializing_if = "no_tickets")]
    pub tickets: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn no_tickets(tickets: &u32) -> bool {
    *tickets == 0
}

/// What was brought into a tournament besides bets.
#[derive(Debug, Clone, Copy)]
pub struct Brought<'a> {
    /// Who has paid an entry.
    pub seats: &'a BTreeMap<PlayerId, Seats>,
    /// What earlier tournaments rolled over, minor units.
    pub carried_in: Amount,
}

/// What a result's prizes are worked out from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settling {
    /// The places, as far as prizes reach.
    pub finishers: Vec<Finish>,
    /// Σ stakes that count, minor units.
    pub turnover: Amount,
}

/// What was collected for a tournament so far.
///
/// # Errors
/// [`prizes::Error::Overflow`].
pub fn collected(
    definition: &Definition,
    rules: &prizes::Rules,
    brought: Brought<'_>,
    turnover: Amount,
) -> Result<Collected, prizes::Error> {
    let Brought { seats, carried_in } = brought;
    let entries: u64 = seats.values().map(|of| u64::from(of.entries)).sum();
    let price = definition.admission.price.and_then(|price| price.total()).unwrap_or_default();
    let paid = i64::try_from(entries).ok().and_then(|entries| price.0.checked_mul(entries));
    let paid = paid.ok_or(prizes::Error::Overflow { what: "the sum paid in" })?;
    // Contributions are exact, so their sum is the rate of the sum (J1).
    let contributions = rules.jackpot().map(|rates| rates.pool.of(turnover)).unwrap_or_default();
    let entries = if price.is_positive() { entries } else { 0 };
    Ok(Collected { entries, paid: Amount(paid), turnover, contributions, carried_in })
}

/// The pool as it stands under a tournament's rules; `None` for sums past 64 bits.
#[must_use]
pub fn pool(
    rules: &prizes::Rules,
    definition: &Definition,
    brought: Brought<'_>,
    turnover: Amount,
) -> Option<Pool> {
    let collected = collected(definition, rules, brought, turnover).ok()?;
    Pool::collect(rules, &collected).ok()
}

/// Who wins what; `None` without prizes.
///
/// # Errors
/// [`prizes::Error`]; a definition that was announced meets none but sums past 64 bits.
pub fn settle(
    definition: &Definition,
    brought: Brought<'_>,
    settling: &Settling,
) -> Result<Option<PrizePlan>, prizes::Error> {
    let Ok(Some(rules)) = definition.prize_rules() else { return Ok(None) };
    let collected = collected(definition, &rules, brought, settling.turnover)?;
    let pool = Pool::collect(&rules, &collected)?;
    let finishers = Finishers::new(settling.finishers.clone())?;
    plan(&rules, &pool, &finishers).map(Some)
}

/// What everybody gets when it is called off (P6, L10); `None` when nobody paid anything and
/// nobody gets anything. `stacks`: who was in at what score, when it had started.
///
/// # Errors
/// As of [`settle`].
pub fn call_off(
    definition: &Definition,
    seats: &BTreeMap<PlayerId, Seats>,
    started: Option<(&[Stack], Amount)>,
) -> Result<Option<PrizePlan>, prizes::Error> {
    let Some(price) = definition.admission.price else { return Ok(None) };
    let total = price.total().unwrap_or_default();
    let mut paid = Vec::new();
    for (player, of) in seats {
        let ticket = What::Ticket { tournament: definition.id.clone(), value: Some(total) };
        let cash = total.0.checked_mul(i64::from(of.entries.saturating_sub(of.tickets)));
        let cash = cash.ok_or(prizes::Error::Overflow { what: "a refund" })?;
        for (what, quantity) in [(What::Cash {}, cash), (ticket, i64::from(of.tickets))] {
            if quantity > 0 {
                let currency = definition.currency;
                paid.push(PaidWith { player: *player, what, quantity, currency });
            }
        }
    }
    if paid.is_empty() {
        return Ok(None);
    }
    let (Some((stacks, turnover)), Ok(Some(rules))) = (started, definition.prize_rules()) else {
        return refund(&paid).map(Some);
    };
    // What was carried in is nobody's here: it goes on to the next tournament.
    let brought = Brought { seats, carried_in: Amount::ZERO };
    let collected = collected(definition, &rules, brought, turnover)?;
    let pool = Pool::collect(&rules, &collected)?;
    let nobody = Finishers::default();
    cancel(&rules, &pool, &paid, Reached::Play { stacks, out: &nobody }).map(Some)
}

/// Places that a preview works out.
const SHOWN_MAX: u32 = 1_000;

/// What places would win at a pool, if everybody had a place of his own.
#[must_use]
pub fn preview(rules: &prizes::Rules, pool: &Pool) -> Option<PrizePlan> {
    let places = rules.places().unwrap_or(SHOWN_MAX).min(SHOWN_MAX);
    let finish = |place: u32| Finish {
        player: PlayerId(u64::from(place)),
        rank: place,
        group: place,
        order: i64::from(place),
        status: prizes::Status::Eligible,
    };
    let finishers = Finishers::new((1..=places).map(finish).collect()).ok()?;
    plan(rules, pool, &finishers).ok()
}
