//! What a provider expects where providers want opposite things.
//!
//! The ledger has one behaviour; a profile only chooses among the answers to it.

/// A win for which no bet is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnmatchedWin {
    /// It is not paid; it may come again after its bet.
    Refuse,
    /// It is paid from the operator's promotions.
    Promo,
}

/// A bet that comes after its rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LateBet {
    /// It is refused.
    Refuse,
    /// It is answered like a bet, and moves nothing.
    Accept,
}

/// A rollback of a bet that is not known. It is written down either way, so that the bet can
/// never be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownRollback {
    /// It is answered like any other.
    Accept,
    /// The answer is that there is no such bet.
    NotFound,
}

/// A correction of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amend {
    /// The old result is reversed and the new one posted.
    Accept,
    /// The first result stands.
    Refuse,
}

/// A provider's expectations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Status of a replay: 409, or 200.
    pub replay_status: u16,
    /// A win without a bet.
    pub unmatched_win: UnmatchedWin,
    /// A bet after its rollback.
    pub late_bet: LateBet,
    /// A rollback before its bet.
    pub unknown_rollback: UnknownRollback,
    /// A second result.
    pub amend: Amend,
}

impl Profile {
    /// The canonical contract: strict, and a replay is told from the first answer.
    pub const PALIO: Self = Self {
        replay_status: 409,
        unmatched_win: UnmatchedWin::Refuse,
        late_bet: LateBet::Refuse,
        unknown_rollback: UnknownRollback::Accept,
        amend: Amend::Refuse,
    };
}
