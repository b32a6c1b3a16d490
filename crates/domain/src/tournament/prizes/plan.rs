//! Who gets what, what is left over, and where the money comes from.
//!
//! **Invariant:** Σ values of lines + Σ remainders = Σ funding, per currency; and what was paid in
//! less fees is what the pool was given. [`PrizePlan::new`] is the only way to a plan, also when
//! one is read back, so a plan that does not sum cannot exist.

use super::Error;
use crate::ids::{GameId, PlayerId, TournamentId};
use crate::money::{Amount, Currency};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A kind of prize; two prizes are of one kind when one can stand for the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum What {
    /// Money; its quantity is minor units.
    Cash {},
    /// Bonus money; its quantity is minor units.
    Bonus {
        /// Name of the bonus terms (expiry, wagering), which the bonus part knows.
        terms: Box<str>,
    },
    /// Free rounds; their quantity is rounds.
    FreeRounds {
        /// In which game.
        game: GameId,
        /// Worth of one round.
        value: Amount,
        /// Name of the bonus terms for what is won with them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Box<str>>,
    },
    /// Entry to another tournament; its quantity is pieces.
    Ticket {
        /// To which.
        tournament: TournamentId,
        /// Worth in cash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Amount>,
    },
    /// Anything else, such as a thing that is sent; its quantity is pieces.
    Item {
        /// What it is.
        text: Box<str>,
        /// Worth in cash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Amount>,
    },
}

impl What {
    /// Whether a quantity of it can be divided among players.
    #[must_use]
    pub const fn is_divisible(&self) -> bool {
        match self {
            Self::Cash {} | Self::Bonus { .. } | Self::FreeRounds { .. } => true,
            Self::Ticket { .. } | Self::Item { .. } => false,
        }
    }

    /// Worth of one unit of quantity, in minor units; 0 for what has no cash value.
    #[must_use]
    pub const fn unit_value(&self) -> Amount {
        match self {
            Self::Cash {} | Self::Bonus { .. } => Amount(1),
            Self::FreeRounds { value, .. } => *value,
            Self::Ticket { value, .. } | Self::Item { value, .. } => match value {
                Some(value) => *value,
                None => Amount::ZERO,
            },
        }
    }

    /// Worth of a quantity.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn value(&self, quantity: i64) -> Result<Amount, Error> {
        let worth = self.unit_value().0.checked_mul(quantity);
        worth.map(Amount).ok_or(Error::Overflow { what: "a prize's value" })
    }
}

/// Why a line is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// The prize of the place, or an equal part of those of a tie (T4, T5).
    Prize,
    /// Cash for tickets or items that a tie could not divide (T6).
    Converted,
    /// A part of what was not won (P4).
    Respread,
    /// Cancelled: what was paid in, in kind (P6, L10).
    Refund,
    /// Cancelled: the fee (P6).
    FeeRefund,
    /// Cancelled before the money: half in equal parts, half by chips (P6).
    PoolShare,
    /// Cancelled in the money: the smallest prize not yet awarded (P6).
    MinimumPrize,
    /// Cancelled in the money: the rest by chips (P6).
    ChipShare,
}

/// Whether a line may be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Due {
    /// Yes.
    Payable,
    /// The player is under review: set aside until that ends (L7).
    Reserved,
}

/// One player's prize of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Line {
    /// Place in the order of prizes, from 1; 0 for refunds, which have none.
    pub place: u32,
    /// Rank in the standings; 0 for refunds.
    pub rank: u32,
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
    /// Why.
    pub reason: Reason,
    /// Whether it may be paid.
    pub due: Due,
}

/// Where money comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The operator, before anything was collected.
    Seed,
    /// Players' buy-ins less fees (P1).
    BuyIns,
    /// The operator, as a share of turnover.
    Turnover,
    /// Contributions of bets (J1).
    Contributions,
    /// What an earlier tournament rolled over.
    CarriedIn,
    /// The operator, up to the guarantee (P1).
    Guarantee,
    /// The operator, for fixed prizes that the pool does not cover.
    Shortfall,
    /// The operator, for prizes that don't come from the pool.
    Operator,
    /// Everything that players had paid, fees included, given back.
    PaidIn,
    /// Fees given back.
    Fees,
}

/// Money that comes in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Funding {
    /// From where.
    pub source: Source,
    /// Of what.
    pub currency: Currency,
    /// How much, > 0.
    pub amount: Amount,
}

/// Where money goes that nobody wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Destination {
    /// The operator.
    House,
    /// The next tournament's pool.
    Rollover,
}

/// Why something is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// Nobody won it: fewer players than places, or a vacant place (P4, L6).
    Unspent,
    /// The pool had more than its cap.
    OverCap,
}

/// Something that nobody wins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remainder {
    /// Why.
    pub cause: Cause,
    /// To whom it goes.
    pub to: Destination,
    /// What.
    pub what: What,
    /// How much of it, > 0.
    pub quantity: i64,
    /// Worth in minor units.
    pub value: Amount,
    /// Of what.
    pub currency: Currency,
}

/// What players paid in and what of it is the house's fee (P1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fee {
    /// Of what.
    pub currency: Currency,
    /// Σ paid in, fees included.
    pub paid: Amount,
    /// Σ fees.
    pub fee: Amount,
}

/// A complete plan: every line, what is left, who paid. See the module's invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct PrizePlan {
    lines: Vec<Line>,
    remainders: Vec<Remainder>,
    funding: Vec<Funding>,
    fee: Option<Fee>,
}

/// A plan as written down.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unchecked {
    lines: Vec<Line>,
    remainders: Vec<Remainder>,
    funding: Vec<Funding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fee: Option<Fee>,
}

impl TryFrom<Unchecked> for PrizePlan {
    type Error = Error;
    fn try_from(of: Unchecked) -> Result<Self, Error> {
        Self::new(of.lines, of.remainders, of.funding, of.fee)
    }
}

impl From<PrizePlan> for Unchecked {
    fn from(of: PrizePlan) -> Self {
        let PrizePlan { lines, remainders, funding, fee } = of;
        Self { lines, remainders, funding, fee }
    }
}

impl PrizePlan {
    /// Checks that the plan sums.
    ///
    /// # Errors
    /// In this order: [`Error::LineWorth`], [`Error::Negative`] for a remainder or funding that
    /// is not above zero, [`Error::FeeDoesNotSum`], [`Error::DoesNotSum`].
    pub fn new(
        lines: Vec<Line>,
        remainders: Vec<Remainder>,
        funding: Vec<Funding>,
        fee: Option<Fee>,
    ) -> Result<Self, Error> {
        // Funded and spent, per currency. 128 bits: 2⁶⁴ amounts of 64 bits fit.
        let mut sums: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
        for line in &lines {
            let worth = line.what.value(line.quantity);
            if line.quantity <= 0 || line.value.0 < 0 || worth != Ok(line.value) {
                return Err(Error::LineWorth { player: line.player });
            }
            sums.entry(line.currency).or_default().1 += i128::from(line.value.0);
        }
        for left in &remainders {
            let worth = left.what.value(left.quantity);
            if left.quantity <= 0 || left.value.0 < 0 || worth != Ok(left.value) {
                return Err(Error::Negative { what: "a remainder" });
            }
            sums.entry(left.currency).or_default().1 += i128::from(left.value.0);
        }
        for from in &funding {
            if !from.amount.is_positive() {
                return Err(Error::Negative { what: "funding" });
            }
            sums.entry(from.currency).or_default().0 += i128::from(from.amount.0);
        }
        if let Some(Fee { currency, paid, fee }) = fee {
            let is_pool =
                |from: &&Funding| from.source == Source::BuyIns && from.currency == currency;
            let pool = funding.iter().find(is_pool).map_or(Amount::ZERO, |from| from.amount);
            if fee.0 < 0 || paid.checked_sub(fee) != Some(pool) {
                return Err(Error::FeeDoesNotSum { paid, fee, pool });
            }
        }
        for (currency, (funded, spent)) in sums {
            if funded != spent {
                return Err(Error::DoesNotSum { currency, funded, spent });
            }
        }
        Ok(Self { lines, remainders, funding, fee })
    }

    /// Every prize, best place first.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What nobody wins.
    #[must_use]
    pub fn remainders(&self) -> &[Remainder] {
        &self.remainders
    }

    /// Who pays.
    #[must_use]
    pub fn funding(&self) -> &[Funding] {
        &self.funding
    }

    /// What was paid in and what of it is the house's.
    #[must_use]
    pub const fn fee(&self) -> Option<&Fee> {
        self.fee.as_ref()
    }
}
