//! What a provider's profile and the operator's configuration say about a command: where two
//! providers want opposite things, the core has one behaviour and these terms choose it.
//!
//! Terms are not part of a command's identity: a retry under changed terms is still a retry.

use crate::money::Amount;

/// Which session a bet needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionRule {
    /// None.
    #[default]
    None,
    /// Any open session on the game, in the bet's currency.
    Open,
    /// The one with this number, still open, in the bet's currency.
    Named(u64),
    /// One that is over: what the message names has expired.
    Over,
}

/// Which account pays for a stake first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Funding {
    /// Own money first.
    #[default]
    CashFirst,
    /// Bonus money first.
    BonusFirst,
}

/// What a bet hears whose rollback came first (money-cases.md, 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LateBet {
    /// `BET_CANCELLED`.
    #[default]
    Refuse,
    /// Success with the tombstone's transaction, and no effect.
    Accept,
}

/// What a win hears whose bet is not known (money-cases.md, 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnmatchedWin {
    /// `BET_NOT_FOUND`; stored nowhere, so that a retry may succeed.
    #[default]
    Refuse,
    /// It is paid from `promo`.
    Promo,
}

/// What another result of a settled bet does when it names no version (money-cases.md, 23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Amend {
    /// Of one bet: `BET_ALREADY_SETTLED`. A new net result of a round replaces the old one.
    #[default]
    ByRound,
    /// It replaces the old result.
    Replace,
    /// It is a further win of the same bet.
    Add,
    /// `BET_ALREADY_SETTLED`, also for rounds.
    Refuse,
}

/// All terms; the default is the strict profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// The provider takes no new bets now (requirement G4); repeats hear their first answers.
    pub away: bool,
    /// Which session a bet needs.
    pub session: SessionRule,
    /// The smallest stake but zero, in minor units (requirement G5).
    pub stake_min: Amount,
    /// The shortest time between two bets on one game, in milliseconds (requirement G5).
    pub spin_ms_min: i64,
    /// Which account pays first.
    pub funding: Funding,
    /// What a bet hears whose rollback came first.
    pub late_bet: LateBet,
    /// What a win hears whose bet is not known.
    pub unmatched_win: UnmatchedWin,
    /// What another result of a settled bet does.
    pub amend: Amend,
    /// The tenant does not offer the command's currency: no bet in it is taken, and no win
    /// without a bet is paid (money-cases.md, 21).
    pub foreign: bool,
}
