//! What a tournament pays: plans, the orders that follow from them, and how far each has come
//! (tournament-rules.md, L5, L7, L11).
//!
//! ```text
//! waiting ─▶ processing ─▶ paid
//!    │            ├──────▶ retry ─▶ processing …  (5xx, timeout; at most 5 attempts)
//!    │            └──────▶ manual                 (4xx, or no attempt left)
//!    └──▶ ineligible                              manual ─▶ paid | retry, by a person
//! ```
//! An order is carried out in the player's wallet, under a claim of its own, so it happens once
//! whatever is repeated; or by a payment service, whose every attempt is journalled before it is
//! made, under one idempotency key.

use super::super::prizes::table::Correction;
use super::super::prizes::{Action, Compensation, Due, Error, Holdings, PrizePlan, Source, What};
use crate::ids::PlayerId;
use crate::journal::{Account, Leg};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Attempts at a payment service before a person has to look (L11).
pub const ATTEMPTS_MAX: u32 = 5;

/// One thing to pay or take back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    /// Who.
    pub player: PlayerId,
    /// What.
    pub what: What,
    /// How much of it, > 0.
    pub quantity: i64,
    /// Worth in minor units.
    pub value: Amount,
    /// Of what.
    pub currency: Currency,
    /// It is taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub back: bool,
}

impl Order {
    /// The transfer when it comes to its end outside the player's wallet.
    #[must_use]
    pub fn leaves(&self, to: &Progress) -> Option<Leg> {
        let amount = i64::try_from(money(&self.what, self.quantity)).map(Amount).ok()?;
        let other = match to {
            Progress::Paid { .. } => Account::External,
            Progress::Ineligible { .. } => Account::Promo,
            _ => return None,
        };
        let (debit, credit) =
            if self.back { (other, Account::Pool) } else { (Account::Pool, other) };
        amount.is_positive().then_some(Leg { debit, credit, amount, currency: self.currency })
    }

    /// The money that it takes out of the pool; less than nothing when it brings some back.
    fn money(&self) -> i128 {
        let all = money(&self.what, self.quantity);
        if self.back { -all } else { all }
    }
}

fn money(what: &What, quantity: i64) -> i128 {
    match what {
        What::Cash {} | What::Bonus { .. } => i128::from(quantity),
        What::FreeRounds { .. } | What::Ticket { .. } | What::Item { .. } => 0,
    }
}

/// How far an order has come, of those that a payment service or a person carries out; what a
/// wallet carries out stands in the player's own rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Progress {
    /// An attempt is made; its answer is not known.
    Processing {
        /// Which, from 1.
        attempt: u32,
    },
    /// It is done.
    Paid {
        /// The payment service's own name for it, or a person's note.
        reference: Box<str>,
    },
    /// A wallet has carried it out, after a person had asked for it again.
    CarriedOut {},
    /// It failed, and is tried again.
    Retry {
        /// Which attempt failed.
        attempt: u32,
        /// When the next one is made.
        at: UnixMs,
        /// Why.
        why: Box<str>,
    },
    /// A person has to look.
    Manual {
        /// Why.
        why: Box<str>,
    },
    /// It is not paid.
    Ineligible {
        /// Why.
        why: Box<str>,
    },
}

impl Progress {
    /// Whether nothing more happens by itself or by anybody.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Paid { .. } | Self::CarriedOut {} | Self::Ineligible { .. })
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Processing { .. } => "processing",
            Self::Paid { .. } | Self::CarriedOut {} => "paid",
            Self::Retry { .. } => "retry",
            Self::Manual { .. } => "manual",
            Self::Ineligible { .. } => "ineligible",
        }
    }

    /// Whether the order may come from here to there.
    #[must_use]
    pub fn may_become(from: Option<&Self>, to: &Self, by_person: bool) -> bool {
        match (from, to) {
            (None, Self::Processing { attempt }) => *attempt == 1,
            (Some(Self::Retry { attempt: last, .. }), Self::Processing { attempt }) => {
                *attempt == last.saturating_add(1)
            }
            // After a crash nobody knows whether the attempt went out: the same one is made again.
            (Some(Self::Processing { attempt: last }), Self::Processing { attempt }) => {
                attempt == last
            }
            (Some(Self::Processing { attempt: last }), Self::Retry { attempt, .. }) => {
                attempt == last && *attempt < ATTEMPTS_MAX
            }
            (Some(Self::Processing { .. }), Self::Paid { .. } | Self::Manual { .. }) => true,
            (Some(Self::Manual { .. }), Self::Paid { .. } | Self::Ineligible { .. }) => by_person,
            (Some(Self::Manual { .. }), Self::Retry { attempt, .. }) => by_person && *attempt == 0,
            (Some(Self::Retry { attempt, .. }), Self::CarriedOut {} | Self::Manual { .. }) => {
                *attempt == 0
            }
            (None, Self::Manual { .. }) => true,
            _ => false,
        }
    }
}

/// The orders of one version of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// Of which version.
    pub version: u32,
    /// By line, from 0.
    pub orders: Vec<Order>,
}

/// Everything that a tournament pays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payout {
    /// The plan of each version, the oldest first.
    pub plans: Vec<PrizePlan>,
    /// Their orders.
    pub batches: Vec<Batch>,
    /// Who has agreed to a line that needs two people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "pairs")]
    pub approved: BTreeMap<(u32, u32), BTreeSet<Box<str>>>,
    /// How far lines have come that no wallet carries out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "pairs")]
    pub progress: BTreeMap<(u32, u32), Progress>,
}

/// Maps whose keys are no texts, as lists of pairs.
mod pairs {
    use serde::de::DeserializeOwned;
    use serde::{Deserialize as _, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub(super) fn serialize<S: Serializer, V: Serialize>(
        map: &BTreeMap<(u32, u32), V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map.iter())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, V: DeserializeOwned>(
        from: D,
    ) -> Result<BTreeMap<(u32, u32), V>, D::Error> {
        Vec::<((u32, u32), V)>::deserialize(from).map(|pairs| pairs.into_iter().collect())
    }
}

/// What a pool has and keeps besides the orders of its plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InPool {
    /// Of the tournament.
    pub currency: Currency,
    /// What buy-ins and earlier tournaments have put in; counts until the first plan.
    pub came_in: Amount,
    /// What waits to be rolled over before the plan.
    pub waits: Amount,
    /// What waits after it.
    pub will_wait: Amount,
}

/// What a new plan comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Its orders.
    pub orders: Vec<Order>,
    /// What the pool gets for them, or gives back: `None` when it has what it needs.
    pub leg: Option<Leg>,
}

impl Payout {
    /// The order of a line.
    #[must_use]
    pub fn order(&self, version: u32, line: u32) -> Option<&Order> {
        let batch = self.batches.iter().find(|batch| batch.version == version)?;
        batch.orders.get(usize::try_from(line).ok()?)
    }

    /// Every order with its version and line.
    pub fn orders(&self) -> impl Iterator<Item = ((u32, u32), &Order)> {
        self.batches.iter().flat_map(|batch| {
            (0_u32..).zip(&batch.orders).map(|(line, order)| ((batch.version, line), order))
        })
    }

    /// The orders and the money of another plan.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn next(&self, plan: &PrizePlan, policy: Correction, pool: InPool) -> Result<Next, Error> {
        let overflow = Error::Overflow { what: "the money of a payout" };
        let reserved = |plan: &PrizePlan| {
            let lines = plan.lines().iter().filter(|line| line.due == Due::Reserved);
            lines.map(|line| money(&line.what, line.quantity)).sum::<i128>()
        };
        let orders: Vec<Order> = match self.plans.split_first() {
            None => {
                plan.lines().iter().filter(|line| line.due == Due::Payable).map(order).collect()
            }
            Some((first, later)) => {
                let mut held = Holdings::of(first)?;
                for plan in later {
                    held = held.revise(plan, policy)?.after;
                }
                held.revise(plan, policy)?.entries.iter().filter_map(entry).collect()
            }
        };
        let there = self.plans.last().map_or(i128::from(pool.came_in.0), reserved);
        let there = there + i128::from(pool.waits.0);
        let kept = reserved(plan) + i128::from(pool.will_wait.0);
        let needed = orders.iter().map(Order::money).sum::<i128>() + kept - there;
        let currency = plan.funding().first().map_or(pool.currency, |from| from.currency);
        // Fees that are given back were the house's; everything else is a promotion.
        let refund =
            plan.funding().iter().any(|from| matches!(from.source, Source::PaidIn | Source::Fees));
        let operator = if refund { Account::House } else { Account::Promo };
        let (debit, credit) =
            if needed > 0 { (operator, Account::Pool) } else { (Account::Pool, operator) };
        let amount = i64::try_from(needed.unsigned_abs()).map(Amount).map_err(|_| overflow)?;
        let leg = amount.is_positive().then_some(Leg { debit, credit, amount, currency });
        Ok(Next { orders, leg })
    }
}

fn order(line: &super::super::prizes::Line) -> Order {
    Order {
        player: line.player,
        what: line.what.clone(),
        quantity: line.quantity,
        value: line.value,
        currency: line.currency,
        back: false,
    }
}

fn entry(entry: &Compensation) -> Option<Order> {
    let back = match entry.action {
        Action::Pay => false,
        Action::TakeBack => true,
        // The player keeps it; whose cost it is stands in the plan's row.
        Action::Absorb | Action::Restore => return None,
    };
    Some(Order {
        player: entry.player,
        what: entry.what.clone(),
        quantity: entry.quantity,
        value: entry.value,
        currency: entry.currency,
        back,
    })
}
