//! What a row says happened. Codes are stored, so they never change meaning.

/// The kind of a journal row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// Money came in from outside.
    Deposited,
    /// A stake is held.
    BetPlaced,
    /// A command that takes money was refused, for ever.
    BetRefused,
    /// A held stake went to the house; the payload says what the bet paid.
    BetSettled,
    /// A payout from the house.
    WinPaid,
    /// A held stake went back.
    BetRolledBack,
    /// A rollback came before its bet: the bet can never be placed.
    BetTombstoned,
    /// Bet and result in one.
    RoundPlayed,
    /// A game session was opened.
    SessionOpened,
    /// A player entered a tournament.
    TournamentEntered,
    /// A player left a tournament.
    TournamentLeft,
    /// A tournament was announced, with its definition.
    TournamentCreated,
    /// A tournament started.
    TournamentStarted,
    /// A tournament was closed at a cut, with its result.
    TournamentClosed,
    /// A tournament was cancelled.
    TournamentCancelled,
    /// An operator set what a provider may do.
    ProviderStateChanged,
}

impl RowKind {
    /// Every kind, with its stored code and its name.
    pub const ALL: &'static [(Self, i16, &'static str)] = &[
        (Self::Deposited, 1, "wallet.deposited"),
        (Self::BetPlaced, 2, "bet.placed"),
        (Self::BetRefused, 3, "bet.refused"),
        (Self::BetSettled, 4, "bet.settled"),
        (Self::WinPaid, 5, "win.paid"),
        (Self::BetRolledBack, 6, "bet.rolled_back"),
        (Self::BetTombstoned, 7, "bet.tombstoned"),
        (Self::RoundPlayed, 8, "round.played"),
        (Self::SessionOpened, 9, "session.opened"),
        (Self::TournamentEntered, 10, "tournament.entered"),
        (Self::TournamentLeft, 11, "tournament.left"),
        (Self::TournamentCreated, 32, "tournament.created"),
        (Self::TournamentStarted, 33, "tournament.started"),
        (Self::TournamentClosed, 34, "tournament.closed"),
        (Self::TournamentCancelled, 35, "tournament.cancelled"),
        (Self::ProviderStateChanged, 48, "provider.state_changed"),
    ];

    /// The stored code.
    #[must_use]
    pub fn code(self) -> i16 {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or(0, |(_, code, _)| *code)
    }

    /// The name used in answers, events and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., name)| name)
    }

    /// The kind with this stored code.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == code).map(|(kind, ..)| *kind)
    }
}
