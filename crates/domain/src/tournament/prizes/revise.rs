//! A later version of a result: what has to be paid, taken back or written off (L5).
//!
//! The first plan stays as it is; a correction is entries beside it. What counts is what a player
//! holds, not what the last version said, so that nothing is paid twice when a disqualification is
//! made and taken back. Lines that are reserved have not been paid (L7); letting them go is a
//! version like any other.
//!
//! **Invariant:** held after = held before + paid − taken back, per player and kind.

use super::Error;
use super::plan::{Due, PrizePlan, What};
use super::table::Correction;
use crate::ids::PlayerId;
use crate::money::{Amount, Currency};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

type Key = (PlayerId, Currency, What);

/// What has been paid to a player, of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Held {
    quantity: i64,
    /// The part that is no prize any more, but the operator's cost.
    absorbed: i64,
}

/// What players hold after some versions of a result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holdings(BTreeMap<Key, Held>);

/// What is done to put a payment right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The player gets it.
    Pay,
    /// The player gives it back, or owes it.
    TakeBack,
    /// The player keeps it; from now on it is the operator's cost.
    Absorb,
    /// What had been absorbed is a prize again.
    Restore,
}

/// One entry of a correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Compensation {
    /// Who.
    pub player: PlayerId,
    /// What is done.
    pub action: Action,
    /// With what.
    pub what: What,
    /// How much of it, > 0.
    pub quantity: i64,
    /// Worth in minor units.
    pub value: Amount,
    /// Of what.
    pub currency: Currency,
}

/// Entries, and what players hold after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// By player, then kind.
    pub entries: Vec<Compensation>,
    /// To revise again from.
    pub after: Holdings,
}

/// The entries that turn what `old` paid into what `new` says (L5).
///
/// With a third version, go on from [`Revision::after`].
///
/// # Errors
/// [`Error::Overflow`].
pub fn revise(old: &PrizePlan, new: &PrizePlan, policy: Correction) -> Result<Revision, Error> {
    Holdings::of(old)?.revise(new, policy)
}

impl Holdings {
    /// What players hold when a plan's payable lines have been paid.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn of(plan: &PrizePlan) -> Result<Self, Error> {
        let mut held: BTreeMap<Key, Held> = BTreeMap::new();
        for (key, (payable, _)) in due(plan)? {
            if payable > 0 {
                held.insert(key, Held { quantity: payable, absorbed: 0 });
            }
        }
        Ok(Self(held))
    }

    /// How much a player holds of a kind.
    #[must_use]
    pub fn quantity(&self, player: PlayerId, currency: Currency, what: &What) -> i64 {
        self.0.get(&(player, currency, what.clone())).map_or(0, |held| held.quantity)
    }

    /// The entries that turn what players hold into what `new` says.
    ///
    /// Who should have more is paid, unless he is under review. Who should have less: with
    /// `clawBack` gives it back; with `absorb` keeps it at the operator's cost; with `payUpOnly`
    /// keeps it, and nothing is booked.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn revise(&self, new: &PrizePlan, policy: Correction) -> Result<Revision, Error> {
        let due = due(new)?;
        let mut entries = Vec::new();
        let mut after = BTreeMap::new();
        let mut keys: Vec<&Key> = self.0.keys().chain(due.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let held = self.0.get(key).copied().unwrap_or_default();
            let (payable, reserved) = due.get(key).copied().unwrap_or_default();
            let overflow = Error::Overflow { what: "a prize" };
            let should = payable.checked_add(reserved).ok_or(overflow)?;
            // None of these is negative, so no difference overflows.
            let pay = (payable - held.quantity).max(0);
            let over = (held.quantity - should).max(0);
            let (take, absorbed) = match policy {
                Correction::ClawBack => {
                    let stays = held.absorbed.min(over);
                    (over - stays, stays)
                }
                Correction::Absorb => (0, over),
                Correction::PayUpOnly => (0, held.absorbed.min(over)),
            };
            let steps = [
                (Action::Pay, pay),
                (Action::TakeBack, take),
                (Action::Absorb, absorbed - held.absorbed),
                (Action::Restore, held.absorbed - absorbed),
            ];
            let (player, currency, what) = key;
            for (action, quantity) in steps.into_iter().filter(|(_, quantity)| *quantity > 0) {
                let (player, currency, what) = (*player, *currency, what.clone());
                let value = what.value(quantity)?;
                entries.push(Compensation { player, action, what, quantity, value, currency });
            }
            let quantity = held.quantity + pay - take;
            if quantity > 0 {
                after.insert(key.clone(), Held { quantity, absorbed });
            }
        }
        Ok(Revision { entries, after: Self(after) })
    }
}

/// Payable and reserved quantities.
fn due(plan: &PrizePlan) -> Result<BTreeMap<Key, (i64, i64)>, Error> {
    let mut due: BTreeMap<Key, (i64, i64)> = BTreeMap::new();
    for line in plan.lines() {
        let key = (line.player, line.currency, line.what.clone());
        let (payable, reserved) = due.entry(key).or_default();
        let sum = match line.due {
            Due::Payable => payable,
            Due::Reserved => reserved,
        };
        *sum = sum.checked_add(line.quantity).ok_or(Error::Overflow { what: "a prize" })?;
    }
    Ok(due)
}
