//! Why a wallet says no.

use crate::money::Amount;
use serde::{Deserialize, Serialize};

/// A refusal by the rules, in order of precedence. Codes are stable: see `docs/errors.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase", tag = "code")]
pub enum Refusal {
    /// The key was used with other content.
    #[error("this idempotency key was used with different content")]
    IdempotencyMismatch,
    /// The bet's id was used with other content.
    #[error("this bet id was used with different content")]
    BetIdReused,
    /// A rollback came before the bet.
    #[error("the bet was cancelled before it arrived")]
    BetCancelled,
    /// No such bet is known.
    #[error("no such bet is known; send it first, then retry")]
    BetNotFound,
    /// The bet is settled.
    #[error("the bet is settled already")]
    BetAlreadySettled,
    /// The bet was rolled back.
    #[error("the bet was rolled back")]
    BetAlreadyRolledBack,
    /// The stake in the message is not the held one.
    #[error("the stake differs from the one held")]
    StakeMismatch,
    /// Outcome and payout contradict each other.
    #[error("outcome and payout contradict each other")]
    OutcomeMismatch,
    /// Open stakes + delta < 0.
    #[error("stakes plus delta are below zero")]
    NegativePayout,
    /// Not the currency of the bet or session.
    #[error("the currency differs from the bet's")]
    CurrencyMismatch,
    /// No open session on the game.
    #[error("the player has no open session on this game")]
    SessionExpired,
    /// More than is available.
    #[error("the stake is more than is available")]
    InsufficientFunds {
        /// What was available, in minor units.
        available: Amount,
    },
    /// Past 64 bits.
    #[error("the balance would not fit 64 bits")]
    Overflow,
    /// The player has too many open bets.
    #[error("the player has too many open bets")]
    TooManyOpenBets,
    /// Not entered in the tournament.
    #[error("the player is not in this tournament")]
    NotEntered,
}

impl Refusal {
    /// Whether it is kept for ever under the bet's id, so that a retry hears the same
    /// (money-cases.md: "an id that was refused because of state must stay refused").
    #[must_use]
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::InsufficientFunds { .. } | Self::SessionExpired)
    }
}
