//! The published document: what each place wins, where the money comes from, and what happens
//! in the cases that players argue about.
//!
//! Amounts and percentages are decimal texts (`"10.00"`), as everywhere on the wire, so that a
//! bad one is a [`super::Problem`] beside the others and no float is ever read. A document says
//! nothing wrong only after [`PrizeTable::rules`] has been through it.

use crate::ids::{GameId, TournamentId};
use crate::money::Currency;
use serde::{Deserialize, Serialize};

/// A decimal text that has not been looked at yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decimal(pub String);

impl From<&str> for Decimal {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Prizes of a tournament, as announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrizeTable {
    /// Currency of every amount.
    pub currency: Currency,
    /// What the fixed prizes are announced to be worth together; checked when given (P3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Decimal>,
    /// Who pays prizes that have an amount of their own.
    #[serde(default)]
    pub fixed_from: FixedFrom,
    /// What is done in the argued cases.
    #[serde(default)]
    pub policies: Policies,
    /// The pool; without one the operator pays fixed prizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolTable>,
    /// Prizes by place. Either these or `satellite`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Band>,
    /// As many tickets as the pool buys (P5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satellite: Option<Satellite>,
}

impl PrizeTable {
    /// Whether there is a pool, into which money can come.
    #[must_use]
    pub const fn has_pool(&self) -> bool {
        self.pool.is_some()
    }
}

/// Who pays a prize that has an amount of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum FixedFrom {
    /// The operator, on top of any pool.
    #[default]
    OnTop,
    /// The pool, before shares are worked out; the operator covers what it lacks.
    Pool,
}

/// What is done in the argued cases. Every one has a default, and a document that is written
/// out names them all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Policies {
    /// What nobody wins (P4).
    pub unspent: Unspent,
    /// What the pool has beyond its cap.
    pub over_cap: OverCap,
    /// The place of a disqualified player (L6).
    pub excluded: Vacancy,
    /// The prize of a ranked player who misses a condition for being paid, such as a minimum
    /// of rounds (S11).
    pub unmet: Vacancy,
    /// Tickets that a tie can't divide (T6).
    pub tied_tickets: Tied,
    /// Items that a tie can't divide (T6).
    pub tied_items: Tied,
    /// When a later version of the result changes what was paid (L5).
    pub correction: Correction,
    /// When the tournament is called off (P6, L10).
    pub cancellation: Cancellation,
}

/// What is done with what nobody wins (P4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Unspent {
    /// It goes into the next tournament's pool.
    Rollover,
    /// It goes back to the operator.
    #[default]
    Return,
    /// Those who win something share it in proportion to their prizes of the same kind. What
    /// can't be divided, or has nobody to go to, goes back to the operator.
    Respread,
}

/// What is done with what the pool has beyond its cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum OverCap {
    /// It goes into the next tournament's pool.
    #[default]
    Rollover,
    /// It goes to the operator.
    House,
}

/// What becomes of the prize of somebody who is not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Vacancy {
    /// Whoever stands behind moves up to it.
    #[default]
    MoveUp,
    /// Nobody else's prize changes; it is unspent.
    Vacant,
}

/// What is done with a prize that a tie can't divide (T6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Tied {
    /// Whoever was first in the declared order takes the better place's.
    #[default]
    FirstWins,
    /// Unless there is one for each, the tied players share the cash value.
    Cash,
}

/// What is done when a later version of the result changes what was paid (L5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Correction {
    /// Both ways: who got too little is paid, who got too much pays back.
    ClawBack,
    /// Who got too much keeps it, and it is booked as the operator's cost.
    Absorb,
    /// Only upwards: who got too little is paid by the operator; nothing else is booked.
    #[default]
    PayUpOnly,
}

/// What players get when the tournament is called off after its start (P6, L10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Cancellation {
    /// Buy-ins back, no prizes.
    #[default]
    Refund,
    /// The pool is divided by what each player has reached.
    RollForward,
}

/// Where a pool's money comes from; the parts add up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PoolTable {
    /// What the operator puts in. A fixed pool has nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<Decimal>,
    /// The operator tops the pool up to this (P1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guarantee: Option<Decimal>,
    /// More than this is not given out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<Decimal>,
    /// Σ buy-ins less fees (P1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buy_ins: Option<BuyIns>,
    /// A share of turnover, paid by the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turnover: Option<Turnover>,
    /// The pool of a jackpot tournament (J1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jackpot: Option<Jackpot>,
}

/// The fee in a buy-in; at most one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BuyIns {
    /// Per entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_per_entry: Option<Decimal>,
    /// Of everything paid in, up to four decimals; rounded down, so in the players' favour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_percent: Option<Decimal>,
}

/// A share of turnover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Turnover {
    /// Up to four decimals; rounded down once, over the whole turnover.
    pub percent: Decimal,
}

/// What each bet contributes, counted in millionths of a minor unit (J1, J2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jackpot {
    /// Of the stake into the pool, up to four decimals.
    pub percent: Decimal,
    /// Of the stake into the reserve for the next seed, up to four decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve_percent: Option<Decimal>,
}

/// Places with the same prizes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PrizeBand"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Band {
    /// First place.
    pub from: u32,
    /// Last place; `from` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u32>,
    /// What each of these places wins.
    pub prizes: Vec<Prize>,
}

/// One prize of a place. Money has exactly one of `amount`, `percent` and `weight`. `currency`
/// may be named and must be the table's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum Prize {
    /// Money.
    Cash {
        /// This much.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Decimal>,
        /// This share of the pool, up to four decimals.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<Decimal>,
        /// This many parts of the pool.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<u64>,
        /// The table's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
    },
    /// Bonus money.
    Bonus {
        /// This much.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Decimal>,
        /// This share of the pool, up to four decimals.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percent: Option<Decimal>,
        /// This many parts of the pool.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        weight: Option<u64>,
        /// Name of its terms (expiry, wagering), which the bonus part knows.
        terms: String,
        /// The table's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
    },
    /// Free rounds.
    FreeRounds {
        /// How many.
        count: u32,
        /// In which game.
        game: GameId,
        /// Worth of one.
        value: Decimal,
        /// Name of the terms for what is won with them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<String>,
        /// The table's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
    },
    /// Entry to another tournament.
    Ticket {
        /// To which.
        tournament: TournamentId,
        /// Worth in cash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Decimal>,
        /// The table's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
    },
    /// Anything else.
    Item {
        /// What it is.
        text: String,
        /// Worth in cash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Decimal>,
        /// The table's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<Currency>,
    },
}

/// As many tickets as the pool buys, best places first; the rest in cash to the next (P5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Satellite {
    /// To which tournament.
    pub tournament: TournamentId,
    /// What a ticket costs the pool.
    pub value: Decimal,
    /// Each next place gets this much of the rest, the last one what is left; without it the
    /// whole rest goes to one place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest_each: Option<Decimal>,
}
