//! What nobody won, on its way into the next tournament's pool (tournament-rules.md, P4).
//!
//! ```text
//! waiting ──Roll{to: next}──▶ sent ──(the next one takes it)──▶ Arrive ──▶ arrived
//!    │                         │ ▲
//!    │                         └─┘ Roll{to: another}: the first one will never take it
//!    └──Roll{to: nobody}──▶ returned ◀──Roll{to: nobody}──┘
//! ```
//! Two homes take part, each with its own rows. The source's home says to whom a sum goes, one
//! tournament at a time; that one's home takes it, under a claim that is the sum's. Whom it goes
//! to is changed only after the first one has refused, and a refusal is for ever. So a sum arrives
//! once, whatever is repeated and wherever a server dies.
//!
//! **Invariant:** a sum stands in the source's pool (waiting), in transit (sent), or in the next
//! one's pool (taken), never in two of them and never in none.
//!
//! Tests: `crates/domain/tests/rollover.rs`.

use super::super::prizes::{Destination, PrizePlan, What};
use super::{Event, Phase, Refusal, Tournament};
use crate::ids::TournamentId;
use crate::journal::{Account, Leg};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};

/// A sum in the pool that has nowhere to go yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The version of the result that it is from; 0: of a tournament that was called off.
    pub version: u32,
    /// How much, minor units, > 0.
    pub amount: Amount,
}

/// A sum that has left the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The version of the result that it is from.
    pub version: u32,
    /// How much, minor units.
    pub amount: Amount,
    /// Into whose pool; `None`: back to the operator's promotions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TournamentId>,
    /// It is there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub arrived: bool,
}

impl Sent {
    /// Whether nothing more happens to it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.arrived || self.to.is_none()
    }
}

/// A sum that an earlier tournament has put into the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// From which.
    pub from: TournamentId,
    /// From which version of its result.
    pub version: u32,
    /// How much, minor units.
    pub amount: Amount,
}

/// Money between a tournament and its neighbours in time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rollover {
    /// Still in the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// What has left it, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sent: Vec<Sent>,
    /// What has come in, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Carried>,
}

impl Rollover {
    /// Whether nothing has ever been carried.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.waiting.is_none() && self.sent.is_empty() && self.taken.is_empty()
    }

    /// Whether nothing waits or is on its way.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.waiting.is_none() && self.sent.iter().all(Sent::is_over)
    }

    /// Σ of what came in.
    #[must_use]
    pub fn carried_in(&self) -> Amount {
        let sum = self.taken.iter().fold(0_i64, |sum, one| sum.saturating_add(one.amount.0));
        Amount(sum)
    }

    /// Σ of what has left the pool.
    #[must_use]
    pub fn left(&self) -> Amount {
        let sum = self.sent.iter().fold(0_i64, |sum, one| sum.saturating_add(one.amount.0));
        Amount(sum)
    }

    /// What waits or is on its way.
    #[must_use]
    pub fn under_way(&self) -> Amount {
        let open = self.sent.iter().filter(|sent| !sent.is_over());
        Amount(open.fold(self.waits().0, |sum, one| sum.saturating_add(one.amount.0)))
    }

    /// What waits.
    #[must_use]
    pub fn waits(&self) -> Amount {
        self.waiting.map_or(Amount::ZERO, |waiting| waiting.amount)
    }
}

/// Where a sum goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Into this tournament's pool.
    To(TournamentId),
    /// It waits: the schedule will announce another one.
    Wait,
    /// Back to the operator's promotions: none will come.
    Return,
}

/// Where what a tournament rolls over goes: to the first later instance of its schedule that can
/// take it. `goes_on`: the schedule will announce one that could.
#[must_use]
pub fn next<'a>(
    source: &Tournament,
    others: impl Iterator<Item = &'a Tournament>,
    goes_on: bool,
    now: UnixMs,
) -> Next {
    let key = |of: &Tournament| (of.definition.starts, of.definition.id.clone());
    let own = key(source);
    let later = others.filter(|other| {
        let same = other.definition.schedule == source.definition.schedule;
        source.definition.schedule.is_some()
            && same
            && key(other) > own
            && other.takes(source.definition.currency, now).is_ok()
    });
    match later.min_by_key(|other| key(other)) {
        Some(next) => Next::To(next.definition.id.clone()),
        None if goes_on => Next::Wait,
        None => Next::Return,
    }
}

/// Cash of a plan that goes into the next tournament's pool. Anything else that nobody wins goes
/// back to the operator, since a pool is cash.
#[must_use]
pub fn of_plan(plan: &PrizePlan) -> Amount {
    let cash = plan
        .remainders()
        .iter()
        .filter(|left| left.to == Destination::Rollover && matches!(left.what, What::Cash {}));
    // A plan sums within 64 bits.
    Amount(cash.fold(0_i64, |sum, left| sum.saturating_add(left.quantity)))
}

/// Cash of a plan that goes back to the operator; all of it where nothing rolls over.
#[must_use]
pub fn returned(plan: &PrizePlan, rolls_over: bool) -> Amount {
    let cash = plan.remainders().iter().filter(|left| matches!(left.what, What::Cash {}));
    let all = cash.fold(0_i64, |sum, left| sum.saturating_add(left.quantity));
    let rolled = if rolls_over { of_plan(plan) } else { Amount::ZERO };
    Amount(all.saturating_sub(rolled.0))
}

impl Tournament {
    /// Whether what nobody wins goes into another tournament's pool: only where a schedule brings
    /// a next one, and only out of a pool, since the next one has the same table.
    #[must_use]
    pub fn rolls_over(&self) -> bool {
        self.definition.schedule.is_some() && self.has_pool()
    }

    fn has_pool(&self) -> bool {
        self.definition.table.as_ref().is_some_and(|table| table.has_pool())
    }

    /// Whether its pool takes money of this currency; a refusal is for ever.
    ///
    /// # Errors
    /// [`Refusal::AlreadyEnded`], [`Refusal::TakesNothing`].
    pub fn takes(&self, currency: Currency, now: UnixMs) -> Result<(), Refusal> {
        match self.phase_at(now) {
            Phase::Announced | Phase::Registration | Phase::Active => {}
            Phase::Grace
            | Phase::UnderReview
            | Phase::Final
            | Phase::Paying
            | Phase::Completed
            | Phase::Cancelled => return Err(Refusal::AlreadyEnded),
        }
        if self.definition.currency != currency || !self.has_pool() {
            return Err(Refusal::TakesNothing);
        }
        Ok(())
    }

    /// What waits after a plan, or after it was called off without one: everything that is to be
    /// rolled over, less what has left already. What was given away stays where it is; if a later
    /// version of the result has less to roll over, promotions pay the difference.
    #[must_use]
    pub(super) fn waits_after(&self, plan: Option<&PrizePlan>) -> Amount {
        let rolled = plan.filter(|_| self.rolls_over()).map(of_plan).unwrap_or_default();
        // What came into a tournament that does not take place belongs to the next one.
        let passed_on = if self.is_cancelled() { self.rollover.carried_in() } else { Amount::ZERO };
        let left = self.rollover.left();
        Amount(rolled.0.saturating_add(passed_on.0).saturating_sub(left.0).max(0))
    }

    /// Sends a sum on.
    pub(super) fn roll(
        &self,
        version: u32,
        to: Option<&TournamentId>,
        instead_of: Option<&TournamentId>,
    ) -> Result<Option<Event>, Refusal> {
        if to == Some(&self.definition.id) {
            return Err(Refusal::WrongState);
        }
        let waiting = self.rollover.waiting.filter(|waiting| waiting.version == version);
        let sent = self.rollover.sent.iter().find(|sent| sent.version == version);
        let promotions_or = |account| if to.is_some() { account } else { Account::Promo };
        let moves = match (waiting, sent) {
            (Some(waiting), _) => {
                Some((Account::Pool, promotions_or(Account::Transit), waiting.amount))
            }
            (None, Some(sent)) if sent.to.as_ref() == to => return Ok(None),
            (None, Some(sent)) if sent.is_over() || sent.to.as_ref() != instead_of => {
                return Err(Refusal::WrongState);
            }
            // In transit it stays where it is; only to whom it goes is another.
            (None, Some(sent)) => {
                to.is_none().then_some((Account::Transit, Account::Promo, sent.amount))
            }
            (None, None) => return Err(Refusal::NoSuchLine),
        };
        let currency = self.definition.currency;
        let leg = moves.map(|(debit, credit, amount)| Leg { debit, credit, amount, currency });
        Ok(Some(Event::RolledOver { version, to: to.cloned(), leg }))
    }

    /// A sum that was sent is where it was sent to.
    pub(super) fn arrive(&self, version: u32) -> Result<Option<Event>, Refusal> {
        let sent = self.rollover.sent.iter().find(|sent| sent.version == version);
        match sent.ok_or(Refusal::NoSuchLine)? {
            Sent { to: None, .. } => Err(Refusal::WrongState),
            Sent { arrived: true, .. } => Ok(None),
            Sent { .. } => Ok(Some(Event::RolloverArrived { version })),
        }
    }

    /// Takes a sum into the pool.
    pub(super) fn carry_in(
        &self,
        carried: &Carried,
        currency: Currency,
        now: UnixMs,
    ) -> Result<Option<Event>, Refusal> {
        let same = |one: &&Carried| one.from == carried.from && one.version == carried.version;
        if let Some(there) = self.rollover.taken.iter().find(same) {
            let is_so = there.amount == carried.amount && self.definition.currency == currency;
            return if is_so { Ok(None) } else { Err(Refusal::WrongState) };
        }
        self.takes(currency, now)?;
        let sum = self.rollover.carried_in().checked_add(carried.amount);
        if !carried.amount.is_positive() || sum.is_none() || carried.from == self.definition.id {
            return Err(Refusal::TakesNothing);
        }
        let (debit, credit, amount) = (Account::Transit, Account::Pool, carried.amount);
        let leg = Leg { debit, credit, amount, currency };
        let (from, version) = (carried.from.clone(), carried.version);
        Ok(Some(Event::CarriedIn { from, version, leg }))
    }

    /// Folds one of the three events in.
    pub(super) fn apply_rollover(&mut self, event: &Event) {
        let rollover = &mut self.rollover;
        match event {
            Event::RolledOver { version, to, leg: _ } => {
                let known = rollover.sent.iter_mut().find(|sent| sent.version == *version);
                if let Some(sent) = known {
                    sent.to.clone_from(to);
                } else if let Some(Waiting { version, amount }) = rollover.waiting.take() {
                    let (to, arrived) = (to.clone(), false);
                    rollover.sent.push(Sent { version, amount, to, arrived });
                }
            }
            Event::RolloverArrived { version } => {
                for sent in rollover.sent.iter_mut().filter(|sent| sent.version == *version) {
                    sent.arrived = true;
                }
            }
            Event::CarriedIn { from, version, leg } => {
                let (from, version, amount) = (from.clone(), *version, leg.amount);
                rollover.taken.push(Carried { from, version, amount });
            }
            _ => {}
        }
    }

    /// What waits from now on.
    pub(super) fn set_waiting(&mut self, version: u32, amount: Amount) {
        self.rollover.waiting = amount.is_positive().then_some(Waiting { version, amount });
    }
}
