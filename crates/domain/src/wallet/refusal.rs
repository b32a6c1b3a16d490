//! Why a wallet says no.

use super::protection::{ExclusionKind, LimitKind, Period};
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
    /// A correction whose predecessor has not come yet.
    #[error("an earlier version of this result has not come yet; send it first, then retry")]
    VersionGap,
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
    /// The round has open bets.
    #[error("the round has open bets")]
    RoundHasOpenBets,
    /// The provider has ended the round.
    #[error("the round is over")]
    RoundClosed,
    /// The round is not overdue.
    #[error("the round has no overdue bet")]
    RoundNotOverdue,
    /// Nothing was proposed.
    #[error("nothing was proposed for this round")]
    NothingProposed,
    /// Another proposal stands than the one that is confirmed.
    #[error("another proposal stands by now; look at it first")]
    ProposalReplaced,
    /// Two people are needed.
    #[error("a second person has to confirm it")]
    SamePerson,
    /// The provider takes no new bets and sessions.
    #[error("the provider takes no new bets and sessions now; nothing was stored")]
    ProviderAway,
    /// What is to end in future has ended.
    #[error("expiresAt: is over already")]
    OverAlready,
    /// Below the smallest stake.
    #[error("the stake is below the smallest one")]
    StakeTooSmall,
    /// Too soon after the last bet on the game.
    #[error("too soon after the last bet on this game")]
    TooFast,
    /// Another stake inside a feature.
    #[error("the stake can't change inside a feature")]
    StakeChanged,
    /// The player may not play.
    #[error("the player is excluded from play")]
    PlayerExcluded {
        /// Why.
        kind: ExclusionKind,
    },
    /// No open session on the game.
    #[error("the player has no open session on this game")]
    SessionExpired,
    /// A responsible-gaming limit.
    #[error("the player's own limit is reached")]
    LimitReached {
        /// Which one.
        kind: LimitKind,
        /// Over which window.
        period: Period,
    },
    /// The player owes money.
    #[error("the player owes money after a correction")]
    DebtOutstanding,
    /// No free round is left.
    #[error("no free round of this campaign is left for this game and stake")]
    NoFreeRound,
    /// More than is available.
    #[error("more than is available")]
    InsufficientFunds {
        /// What was available, in minor units.
        available: Amount,
    },
    /// Past 64 bits.
    #[error("the balance would not fit 64 bits")]
    Overflow,
    /// The player has too many open bets, withdrawals or limits.
    #[error("the player has too many of these open")]
    TooManyOpen,
    /// The bet was corrected too often.
    #[error("a bet takes at most 100 corrections")]
    TooManyCorrections,
    /// Too many refusals and tombstones in a short time.
    #[error("too many refused commands of this player; slow down")]
    TooManyRefusals,
    /// No such withdrawal.
    #[error("no such withdrawal is known")]
    WithdrawalNotFound,
    /// The withdrawal is over.
    #[error("the withdrawal is over")]
    WithdrawalEnded,
    /// The withdrawal's or campaign's id was used with other content.
    #[error("this id was used with different content")]
    IdReused,
    /// The player's exclusion can only be made longer.
    #[error("an exclusion can be made longer, never shorter")]
    ExclusionStands,
    /// The operator has not blocked the player.
    #[error("the player is not blocked")]
    NotBlocked,
    /// No such session.
    #[error("the player has no open session on this game")]
    SessionNotFound,
    /// The tournament is for others.
    #[error("the tournament is not open to this player")]
    NotEligible,
    /// A seat can't be given back.
    #[error("a seat that was taken can't be given back")]
    SeatTaken,
    /// Not entered in the tournament.
    #[error("the player is not in this tournament")]
    NotEntered,
}

impl Refusal {
    /// Whether it is kept for ever under the command's id, so that a retry hears the same
    /// (money-cases.md: "an id that was refused because of state must stay refused").
    #[must_use]
    pub const fn is_stored(self) -> bool {
        matches!(
            self,
            Self::InsufficientFunds { .. }
                | Self::SessionExpired
                | Self::LimitReached { .. }
                | Self::PlayerExcluded { .. }
                | Self::DebtOutstanding
                | Self::NoFreeRound
                | Self::RoundClosed
        )
    }
}
