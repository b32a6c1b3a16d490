//! Every stable error code, with its HTTP status; `docs/errors.md` says what to do about each.

use palio_domain::wallet::Refusal;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $retry:ident, $title:literal;)*) => {
        /// Why something was refused or failed. The texts of [`ErrorCode::code`] never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code, in the order of `docs/errors.md`.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code on the wire, such as `INSUFFICIENT_FUNDS`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The code with this text.
            #[must_use]
            pub fn from_code(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.code() == text)
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// One short sentence, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Whether the same request with the same key may still succeed later.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => codes!(@ $retry),)* }
            }
        }
    };
    (@ retry) => { true };
    (@ never) => { false };
}

codes! {
    /// The body is not JSON, or not the kind of JSON the call takes.
    BadJson = "BAD_JSON", 400, never, "The body is not the JSON this call takes";
    /// JSON nested deeper than allowed.
    TooDeep = "TOO_DEEP", 400, never, "The JSON is nested too deeply";
    /// A field or header is missing or wrong.
    InvalidField = "INVALID_FIELD", 422, never, "A field is missing or wrong";
    /// More bytes than the call takes.
    BodyTooLarge = "BODY_TOO_LARGE", 413, never, "The body is too large";
    /// The body did not arrive in time.
    BodyTimeout = "BODY_TIMEOUT", 408, retry, "The body did not arrive in time";
    /// More entries in a list than the call takes.
    TooManyItems = "TOO_MANY_ITEMS", 413, never, "Too many items in one request";
    /// Not `application/json`.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", 415, never, "The body must be application/json";
    /// No such path.
    NotFound = "NOT_FOUND", 404, never, "There is nothing here";
    /// The path exists, but not for this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED", 405, never, "Not for this method";

    /// An edge node does not do this.
    Misdirected = "MISDIRECTED", 421, never, "Another node does this";

    /// The signature does not fit the request.
    BadSignature = "BAD_SIGNATURE", 401, never, "The signature is wrong";
    /// Signed too long ago, or in the future.
    StaleTimestamp = "STALE_TIMESTAMP", 401, never, "The request was signed too long ago";
    /// No such signing key.
    UnknownKey = "UNKNOWN_KEY", 401, never, "The signing key is not known";
    /// A token that is missing, wrong or over.
    BadToken = "BAD_TOKEN", 401, never, "The token is not good";
    /// Proven, but not allowed.
    Forbidden = "FORBIDDEN", 403, never, "Not allowed";

    /// A repeated key with the same content.
    IdempotentReplay = "IDEMPOTENT_REPLAY", 409, never, "This request was done before";
    /// A repeated key with other content.
    IdempotencyMismatch = "IDEMPOTENCY_MISMATCH", 422, never, "The key was used with different content";
    /// A bet's id with other content.
    BetIdReused = "BET_ID_REUSED", 422, never, "The bet id was used with different content";
    /// A rollback came before the bet.
    BetCancelled = "BET_CANCELLED", 409, never, "The bet was cancelled before it arrived";
    /// No such bet is known.
    BetNotFound = "BET_NOT_FOUND", 404, retry, "No such bet is known";
    /// The bet is settled.
    BetAlreadySettled = "BET_ALREADY_SETTLED", 409, never, "The bet is settled already";
    /// The bet was rolled back.
    BetAlreadyRolledBack = "BET_ALREADY_ROLLED_BACK", 409, never, "The bet was rolled back";
    /// A correction whose predecessor is missing.
    VersionGap = "VERSION_GAP", 409, retry, "An earlier version is missing";
    /// Not the held stake.
    StakeMismatch = "STAKE_MISMATCH", 422, never, "The stake differs from the one held";
    /// Outcome and payout contradict each other.
    OutcomeMismatch = "OUTCOME_MISMATCH", 422, never, "Outcome and payout contradict each other";
    /// Open stakes + delta < 0.
    NegativePayout = "NEGATIVE_PAYOUT", 422, never, "Stakes plus delta are below zero";
    /// Not the currency of the bet or session.
    CurrencyMismatch = "CURRENCY_MISMATCH", 422, never, "The currency differs from the bet's";
    /// The round has open bets.
    RoundHasOpenBets = "ROUND_HAS_OPEN_BETS", 409, retry, "The round has open bets";
    /// The provider has ended the round.
    RoundClosed = "ROUND_CLOSED", 409, never, "The round is over";
    /// No bet of the round is overdue.
    RoundNotOverdue = "ROUND_NOT_OVERDUE", 409, retry, "The round is not overdue";
    /// Nothing to confirm.
    NothingProposed = "NOTHING_PROPOSED", 409, retry, "Nothing was proposed for this round";
    /// Another proposal stands than the one that is confirmed.
    ProposalReplaced = "PROPOSAL_REPLACED", 409, never, "Another proposal stands for this round";
    /// The one who proposed can't confirm.
    SamePerson = "SAME_PERSON", 403, never, "A second person is needed";
    /// Below the provider's smallest stake.
    StakeTooSmall = "STAKE_TOO_SMALL", 422, never, "The stake is below the smallest one";
    /// Too soon after the last bet on the game.
    TooFast = "TOO_FAST", 429, retry, "Too soon after the last bet";
    /// Another stake inside a feature.
    StakeChanged = "STAKE_CHANGED", 422, never, "The stake can't change inside a feature";
    /// The player may not play.
    PlayerExcluded = "PLAYER_EXCLUDED", 403, never, "The player is excluded from play";
    /// No open session on the game.
    SessionExpired = "SESSION_EXPIRED", 403, never, "No open session on this game";
    /// No open session on the game.
    SessionNotFound = "SESSION_NOT_FOUND", 404, never, "No such open session";
    /// Country, age or currency do not allow a session.
    SessionRefused = "SESSION_REFUSED", 403, never, "A session can't be opened";
    /// The tenant does not offer the currency.
    CurrencyNotOffered = "CURRENCY_NOT_OFFERED", 422, never, "The currency is not offered";
    /// A responsible-gaming limit.
    Limit = "LIMIT", 403, never, "The player's own limit is reached";
    /// The player owes money after a correction.
    DebtOutstanding = "DEBT_OUTSTANDING", 403, never, "The player owes money";
    /// No free round of the campaign is left.
    NoFreeRound = "NO_FREE_ROUND", 409, never, "No free round is left";
    /// More than is available.
    InsufficientFunds = "INSUFFICIENT_FUNDS", 402, never, "The stake is more than is available";
    /// Past 64 bits.
    BalanceOverflow = "BALANCE_OVERFLOW", 422, never, "The balance would be too large";
    /// Too many open bets, withdrawals or limits of one player.
    TooManyOpen = "TOO_MANY_OPEN", 422, retry, "The player has too many of these open";
    /// The bet was corrected too often.
    TooManyCorrections = "TOO_MANY_CORRECTIONS", 422, never, "The bet was corrected too often";
    /// Too many refusals and tombstones in a short time.
    TooManyRefusals = "TOO_MANY_REFUSALS", 429, retry, "Too many refused commands";
    /// No such withdrawal.
    WithdrawalNotFound = "WITHDRAWAL_NOT_FOUND", 404, never, "No such withdrawal";
    /// The withdrawal is over.
    WithdrawalEnded = "WITHDRAWAL_ENDED", 409, never, "The withdrawal is over";
    /// A withdrawal's or campaign's id with other content.
    IdReused = "ID_REUSED", 422, never, "The id was used with different content";
    /// A player's exclusion can only be made longer.
    ExclusionStands = "EXCLUSION_STANDS", 409, never, "An exclusion can't be made shorter";
    /// The operator has not blocked the player.
    NotBlocked = "NOT_BLOCKED", 409, never, "The player is not blocked";
    /// No such player.
    PlayerNotFound = "PLAYER_NOT_FOUND", 404, never, "No such player is known";

    /// No such tournament.
    TournamentNotFound = "TOURNAMENT_NOT_FOUND", 404, never, "No such tournament";
    /// The id is taken.
    TournamentExists = "TOURNAMENT_EXISTS", 409, never, "The tournament id is taken";
    /// A definition that contradicts itself.
    TournamentInvalid = "TOURNAMENT_INVALID", 422, never, "The tournament's definition contradicts itself";
    /// A part of its rules that the brand may not use.
    RuleSwitchedOff = "RULE_SWITCHED_OFF", 422, never, "The tournament uses rules that are switched off";
    /// Not in this state.
    TournamentState = "TOURNAMENT_STATE", 409, never, "Not possible in the tournament's present state";
    /// The tournament is for other players.
    NotEligible = "NOT_ELIGIBLE", 403, never, "The tournament is not open to this player";
    /// Only for invited players.
    NotInvited = "NOT_INVITED", 403, never, "The tournament is by invitation";
    /// No seat is left.
    TournamentFull = "TOURNAMENT_FULL", 409, never, "Every seat is taken";
    /// The payout has no such line.
    PayoutNotFound = "PAYOUT_NOT_FOUND", 404, never, "No such payout";
    /// Where the tenant's money is kept.
    ExternalWallet = "EXTERNAL_WALLET", 409, never, "The tenant's money is kept elsewhere";
    /// Not in the tournament.
    NotEntered = "NOT_ENTERED", 422, never, "The player is not in this tournament";

    /// No such schedule.
    ScheduleNotFound = "SCHEDULE_NOT_FOUND", 404, never, "No such schedule";
    /// The id is taken.
    ScheduleExists = "SCHEDULE_EXISTS", 409, never, "The schedule id is taken";
    /// A document that says what can't be.
    ScheduleInvalid = "SCHEDULE_INVALID", 422, never, "The schedule is not valid";
    /// Not in this state.
    ScheduleState = "SCHEDULE_STATE", 409, never, "Not possible in the schedule's present state";

    /// Too many requests by one caller.
    RateLimited = "RATE_LIMITED", 429, retry, "Too many requests";
    /// The node is full.
    Overloaded = "OVERLOADED", 503, retry, "The server is full; nothing was done";
    /// An upgrade that is no handshake of WebSocket version 13.
    BadHandshake = "BAD_HANDSHAKE", 400, never, "This is not a WebSocket handshake";
    /// None of the subprotocols offered is known.
    UnknownSubprotocol = "UNKNOWN_SUBPROTOCOL", 400, never, "None of the subprotocols is known";
    /// A page of an origin that is not listed.
    OriginNotAllowed = "ORIGIN_NOT_ALLOWED", 403, never, "Pages of this origin may not connect";
    /// An address or a brand has its share of sockets.
    TooManySockets = "TOO_MANY_SOCKETS", 429, retry, "There are too many sockets already";
    /// The node has no seat left.
    NodeFull = "NODE_FULL", 503, retry, "This node can hold no more sockets";
    /// The node stops.
    ShuttingDown = "SHUTTING_DOWN", 503, retry, "This node is stopping";
    /// The store can't be reached.
    StorageUnavailable = "STORAGE_UNAVAILABLE", 503, retry, "The journal can't be reached; nothing was done";
    /// It is not known whether it was done.
    OutcomeUnknown = "OUTCOME_UNKNOWN", 503, retry, "It is not known whether this was done";
    /// The provider takes no new bets now.
    ProviderMaintenance = "PROVIDER_MAINTENANCE", 503, retry, "The provider takes no new bets now";
    /// Another node owns the player.
    NotOwner = "NOT_OWNER", 503, retry, "Another node answers for this player";
    /// The wallet was stopped after a fault.
    WalletQuarantined = "WALLET_QUARANTINED", 503, retry, "The wallet is stopped until it has been looked at";
    /// A fault of the server.
    Internal = "INTERNAL", 500, retry, "The server made a mistake";
}

impl ErrorCode {
    /// Where the code is explained: `/docs/errors#insufficient_funds`.
    #[must_use]
    pub fn docs(self) -> String {
        format!("/docs/errors#{}", self.code().to_ascii_lowercase())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl From<&Refusal> for ErrorCode {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::IdempotencyMismatch => Self::IdempotencyMismatch,
            Refusal::BetIdReused => Self::BetIdReused,
            Refusal::BetCancelled => Self::BetCancelled,
            Refusal::BetNotFound => Self::BetNotFound,
            Refusal::BetAlreadySettled => Self::BetAlreadySettled,
            Refusal::BetAlreadyRolledBack => Self::BetAlreadyRolledBack,
            Refusal::StakeMismatch => Self::StakeMismatch,
            Refusal::OutcomeMismatch => Self::OutcomeMismatch,
            Refusal::NegativePayout => Self::NegativePayout,
            Refusal::CurrencyMismatch => Self::CurrencyMismatch,
            Refusal::SessionExpired => Self::SessionExpired,
            Refusal::InsufficientFunds { .. } => Self::InsufficientFunds,
            Refusal::Overflow => Self::BalanceOverflow,
            Refusal::TooManyOpen => Self::TooManyOpen,
            Refusal::TooManyCorrections => Self::TooManyCorrections,
            Refusal::VersionGap => Self::VersionGap,
            Refusal::RoundHasOpenBets => Self::RoundHasOpenBets,
            Refusal::RoundClosed => Self::RoundClosed,
            Refusal::RoundNotOverdue => Self::RoundNotOverdue,
            Refusal::NothingProposed => Self::NothingProposed,
            Refusal::ProposalReplaced => Self::ProposalReplaced,
            Refusal::SamePerson => Self::SamePerson,
            Refusal::ProviderAway => Self::ProviderMaintenance,
            Refusal::OverAlready => Self::InvalidField,
            Refusal::StakeTooSmall => Self::StakeTooSmall,
            Refusal::TooFast => Self::TooFast,
            Refusal::StakeChanged => Self::StakeChanged,
            Refusal::PlayerExcluded { .. } => Self::PlayerExcluded,
            Refusal::SessionNotFound => Self::SessionNotFound,
            Refusal::LimitReached { .. } => Self::Limit,
            Refusal::DebtOutstanding => Self::DebtOutstanding,
            Refusal::NoFreeRound => Self::NoFreeRound,
            Refusal::TooManyRefusals => Self::TooManyRefusals,
            Refusal::WithdrawalNotFound => Self::WithdrawalNotFound,
            Refusal::WithdrawalEnded => Self::WithdrawalEnded,
            Refusal::IdReused => Self::IdReused,
            Refusal::ExclusionStands => Self::ExclusionStands,
            Refusal::NotBlocked => Self::NotBlocked,
            Refusal::NotEntered => Self::NotEntered,
            Refusal::NotEligible => Self::NotEligible,
            Refusal::SeatTaken => Self::TournamentState,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const DOCS: &str = include_str!("../../../docs/errors.md");

    /// The documented codes: `### CODE`, then a line `402 · same key: no`.
    fn documented() -> Vec<(&'static str, &'static str)> {
        let mut lines = DOCS.lines();
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            if let Some(code) = line.strip_prefix("### ") {
                found.push((code, lines.next().unwrap_or_default()));
            }
        }
        found
    }

    #[test]
    fn the_documentation_has_exactly_these_codes_in_this_order() {
        let here: Vec<_> = ErrorCode::ALL.iter().map(|code| code.code()).collect();
        let there: Vec<_> = documented().iter().map(|(code, _)| *code).collect();
        assert_eq!(here, there);
        assert_eq!(here.iter().collect::<BTreeSet<_>>().len(), here.len(), "a code is there twice");
    }

    #[test]
    fn the_documentation_has_the_right_status_and_retry() {
        for (code, (_, line)) in ErrorCode::ALL.iter().zip(documented()) {
            let again = if code.retryable() { "yes" } else { "no" };
            let expected = format!("{} · same key again: {again}", code.status());
            assert_eq!(line, expected, "{code}");
        }
    }

    #[test]
    fn a_refusal_that_is_kept_is_never_retryable() {
        for refusal in
            [Refusal::InsufficientFunds { available: Default::default() }, Refusal::SessionExpired]
        {
            assert!(refusal.is_stored() && !ErrorCode::from(&refusal).retryable());
        }
        assert_eq!(ErrorCode::BetNotFound.docs(), "/docs/errors#bet_not_found");
    }
}
