//! Why prizes can't be worked out.

use crate::ids::PlayerId;
use crate::money::{Amount, Currency};

/// Why a plan, a pool or a correction can't be made. A checked table with sane facts meets none
/// of them; they are what extreme or contradictory input gets instead of a wrong sum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A number does not fit 64 bits of minor units.
    #[error("{what} does not fit 64-bit minor units")]
    Overflow {
        /// Which number.
        what: &'static str,
    },
    /// A fact that can't be below zero is.
    #[error("{what} must not be negative")]
    Negative {
        /// Which fact.
        what: &'static str,
    },
    /// Money was collected that the table has no rule for.
    #[error("{what} was collected, but the table's pool has no rule for it")]
    WithoutRule {
        /// Which money.
        what: &'static str,
    },
    /// The fees are more than was paid in.
    #[error("fees of {fee:?} are more than the {paid:?} paid in")]
    FeeOverPaid {
        /// Σ fees.
        fee: Amount,
        /// Σ paid in.
        paid: Amount,
    },
    /// The pool was collected in another currency than the table's.
    #[error("the pool is in {pool}, the table in {table}")]
    CurrencyMismatch {
        /// The pool's.
        pool: Currency,
        /// The table's.
        table: Currency,
    },
    /// A satellite's pool would pay more places than a table may have.
    #[error("{places} places; at most {max}")]
    TooManyPlaces {
        /// How many.
        places: u64,
        /// How many there may be.
        max: u32,
    },
    /// Ranks and tie groups order the players differently.
    #[error("the rank of player {} contradicts the tie groups", player.0)]
    RanksContradict {
        /// Whose.
        player: PlayerId,
    },
    /// There is nothing to divide in proportion to.
    #[error("there is nothing to divide {what} by")]
    NothingToDivideBy {
        /// What was to be divided.
        what: &'static str,
    },
    /// A player is twice where there may be only one of him.
    #[error("player {} is there twice", player.0)]
    PlayerTwice {
        /// Who.
        player: PlayerId,
    },
    /// Paid lines and remainders are not what the funding says.
    #[error("{spent} {currency} minor units go out, {funded} come in")]
    DoesNotSum {
        /// Of what.
        currency: Currency,
        /// Σ funding.
        funded: i128,
        /// Σ lines + Σ remainders.
        spent: i128,
    },
    /// Buy-ins less fees are not what went into the pool.
    #[error("{paid:?} paid in less fees of {fee:?} is not the {pool:?} in the pool")]
    FeeDoesNotSum {
        /// Σ paid in.
        paid: Amount,
        /// Σ fees.
        fee: Amount,
        /// Into the pool.
        pool: Amount,
    },
    /// A line's value is not what its prize is worth, or it is about nothing.
    #[error("a line of player {} is not worth what it says", player.0)]
    LineWorth {
        /// Whose.
        player: PlayerId,
    },
}

impl Error {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Overflow { .. } => "PRIZES_OVERFLOW",
            Self::Negative { .. } => "PRIZES_NEGATIVE",
            Self::WithoutRule { .. } => "PRIZES_WITHOUT_RULE",
            Self::FeeOverPaid { .. } => "PRIZES_FEE_OVER_PAID",
            Self::CurrencyMismatch { .. } => "PRIZES_CURRENCY_MISMATCH",
            Self::TooManyPlaces { .. } => "PRIZES_TOO_MANY_PLACES",
            Self::RanksContradict { .. } => "PRIZES_RANKS_CONTRADICT",
            Self::NothingToDivideBy { .. } => "PRIZES_NOTHING_TO_DIVIDE_BY",
            Self::PlayerTwice { .. } => "PRIZES_PLAYER_TWICE",
            Self::DoesNotSum { .. } => "PRIZES_DO_NOT_SUM",
            Self::FeeDoesNotSum { .. } => "PRIZES_FEE_DOES_NOT_SUM",
            Self::LineWorth { .. } => "PRIZES_LINE_WORTH",
        }
    }
}
