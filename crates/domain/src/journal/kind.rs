//! What a row says happened. Codes are stored, so they never change meaning.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// The kind of a journal row.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RowKind {
            $($(#[$doc])* $name,)*
        }

        impl RowKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stored code.
            #[must_use]
            pub const fn code(self) -> i16 {
                match self { $(Self::$name => $code,)* }
            }

            /// The name used in answers, events and reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The kind with this stored code.
            #[must_use]
            pub const fn from_code(code: i16) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

kinds! {
    /// Money came in from outside.
    Deposited = 1, "wallet.deposited";
    /// A stake is held.
    BetPlaced = 2, "bet.placed";
    /// A bet was refused, for ever.
    BetRefused = 3, "bet.refused";
    /// A held stake went to the house; the payload says what the bet paid.
    BetSettled = 4, "bet.settled";
    /// A payout.
    WinPaid = 5, "win.paid";
    /// A held stake went back.
    BetRolledBack = 6, "bet.rolled_back";
    /// A rollback came before its bet: the bet can never be placed.
    BetTombstoned = 7, "bet.tombstoned";
    /// Bet and result in one.
    RoundPlayed = 8, "round.played";
    /// A game session was opened.
    SessionOpened = 9, "session.opened";
    /// A player entered a tournament.
    TournamentEntered = 10, "tournament.entered";
    /// A player left a tournament.
    TournamentLeft = 11, "tournament.left";
    /// A settled bet got another result; its earlier payout is reversed by the rows that follow.
    BetAmended = 12, "bet.amended";
    /// A payout, or a part of it, was taken back.
    WinReversed = 13, "win.reversed";
    /// A win or deposit repaid what the player owed.
    DebtRepaid = 14, "debt.repaid";
    /// The second part of a stake that two accounts pay for.
    BetFunded = 15, "bet.funded";
    /// The second part of a stake that two accounts paid for went back.
    StakeReturned = 16, "stake.returned";
    /// An operator's correction.
    Adjusted = 17, "wallet.adjusted";
    /// Money is locked until a withdrawal is captured or cancelled.
    WithdrawalAuthorised = 18, "withdrawal.authorised";
    /// A withdrawal left the house.
    WithdrawalCaptured = 19, "withdrawal.captured";
    /// A withdrawal was given up.
    WithdrawalCancelled = 20, "withdrawal.cancelled";
    /// A command other than a bet was refused, for ever.
    CommandRefused = 21, "command.refused";
    /// The provider says that a round is over.
    RoundEnded = 22, "round.ended";
    /// A round's result is overdue.
    RoundOverdue = 23, "round.overdue";
    /// Somebody at the desk proposes how an overdue round ends.
    VerdictProposed = 24, "verdict.proposed";
    /// A second person confirmed it.
    VerdictConfirmed = 25, "verdict.confirmed";
    /// A game session was closed.
    SessionClosed = 26, "session.closed";
    /// A responsible-gaming limit was set.
    LimitSet = 27, "limit.set";
    /// A player is excluded from play.
    Excluded = 28, "player.excluded";
    /// An operator's block was lifted.
    Readmitted = 29, "player.readmitted";
    /// Free rounds were granted.
    FreeRoundsGranted = 30, "free_rounds.granted";
    /// A win whose bet is not known, paid by the operator's promotions.
    WinUnmatched = 31, "win.unmatched";
    /// A provider reported points of a tournament that are no bets'.
    ScoreReported = 38, "tournament.score_reported";
    /// The price of a tournament's entry is held.
    BuyInHeld = 39, "buy_in.held";
    /// The house's part of it.
    FeePaid = 40, "buy_in.fee_paid";
    /// It is the player's again.
    BuyInReleased = 41, "buy_in.released";
    /// A tournament's prize, or a refund.
    PrizePaid = 42, "prize.paid";
    /// A prize was taken back.
    PrizeTakenBack = 43, "prize.taken_back";
    /// What was missing when a prize was taken back.
    PrizeReversed = 44, "prize.reversed";
    /// What the operator knows of a player.
    ProfileSet = 45, "player.profile_set";
    /// A finished round, reported by a platform that keeps the money.
    RoundReported = 46, "round.reported";
    /// Another result of a reported round.
    RoundCorrected = 47, "round.corrected";
    /// A tournament was announced, with its definition.
    TournamentCreated = 32, "tournament.created";
    /// A tournament started.
    TournamentStarted = 33, "tournament.started";
    /// A tournament was closed at a cut, with its result.
    TournamentClosed = 34, "tournament.closed";
    /// A tournament was cancelled.
    TournamentCancelled = 35, "tournament.cancelled";
    /// A player was taken out of a tournament's ranking.
    PlayerDisqualified = 36, "tournament.player_disqualified";
    /// A player was taken back into a tournament's ranking.
    PlayerReinstated = 37, "tournament.player_reinstated";
    /// A player has a seat in a tournament.
    SeatGranted = 49, "tournament.seat_granted";
    /// Players may enter a tournament.
    PlayersInvited = 50, "tournament.players_invited";
    /// A player's prize is held back until somebody has looked, or is not any more.
    ReviewSet = 51, "tournament.review_set";
    /// A later version of a result.
    ResultRevised = 52, "tournament.result_revised";
    /// Who gets what, and the money for it.
    PrizesPlanned = 53, "tournament.prizes_planned";
    /// One line of a payout has come further.
    PayoutMoved = 54, "tournament.payout_moved";
    /// A tournament's last prize is paid.
    TournamentCompleted = 55, "tournament.completed";
    /// What nobody won goes into another tournament's pool, or back to promotions.
    RolledOver = 56, "tournament.rolled_over";
    /// A pool has money that an earlier tournament rolled over.
    CarriedIn = 57, "tournament.carried_in";
    /// What was rolled over is in the other tournament's pool.
    RolloverArrived = 62, "tournament.rollover_arrived";
    /// An operator set what a provider may do.
    ProviderStateChanged = 48, "provider.state_changed";
    /// A schedule was set, or a new version of it.
    ScheduleSet = 58, "schedule.set";
    /// A schedule was stopped.
    ScheduleStopped = 59, "schedule.stopped";
    /// Instances of a schedule were announced or missed.
    ScheduleDecided = 60, "schedule.decided";
    /// Notices about a schedule's instances were due.
    ScheduleNotified = 61, "schedule.notified";
}

#[cfg(test)]
mod tests {
    use super::RowKind;

    #[test]
    fn codes_and_names_are_unique() {
        for kind in RowKind::ALL {
            assert_eq!(RowKind::from_code(kind.code()), Some(*kind));
            assert_eq!(RowKind::ALL.iter().filter(|k| k.name() == kind.name()).count(), 1);
        }
        assert_eq!(RowKind::from_code(0), None);
    }
}
