//! Providers' own protocols: one file each, against one trait.
//!
//! ```text
//! request ─▶ verify ─▶ parse ─▶ Call ─(find, send, done: src/http/adapter.rs)─▶ Report ─▶ render
//! ```
//! A dialect reads and writes bytes and chooses its [`Manners`]. What a bet, a win or a rollback
//! does to a wallet is decided where it is for everyone else.
//!
//! **Invariants:** nothing is parsed before its signature was found good; secrets are compared in
//! constant time; an amount that does not fit the currency's minor unit exactly is refused.
//! **Never:** I/O, clocks, decisions about money.

mod actions;
mod hub88;
mod per_player;

use crate::config::{self, Secret};
use palio_domain::wallet::{Amend, BetRef, BetResult, Command, LateBet, Terms, UnmatchedWin};
use palio_domain::{Amount, BetId, Currency, GameId, ProviderId, RoundId, UnixMs, ids};
use palio_protocol::field::{Text, Whole, parse_key};
use palio_protocol::wallet::Part;
use palio_protocol::{ErrorCode, FieldError, Problem};
use std::sync::Arc;

/// A request as it came.
pub struct Request<'a> {
    /// The method in upper case.
    pub method: &'a str,
    /// What follows `/providers/{providerId}/`.
    pub path: &'a str,
    /// The query as sent, without the question mark.
    pub query: &'a str,
    /// A header's value.
    pub header: &'a dyn Fn(&str) -> String,
    /// The body as sent.
    pub body: &'a [u8],
    /// The currency of messages that name none.
    pub currency: Currency,
}

/// What a request asks for: operations of one player, done in order until one is refused.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operator's own id of the player.
    pub player: String,
    /// The currency of its amounts and of the answer.
    pub currency: Currency,
    /// A token that must be one of the player's, where the dialect wants that.
    pub token: Option<String>,
    /// What to do; nothing: a question for the balance.
    pub operations: Vec<Operation>,
    /// A round that has no more results after these operations.
    pub finished: Option<RoundId>,
    /// Whatever the answer repeats of the request.
    pub echo: String,
}

/// One thing to do, under the provider's id.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The provider's id of it: the idempotency key.
    pub id: String,
    /// What it is.
    pub action: Action,
}

/// Kinds of operations.
#[derive(Debug, Clone)]
pub enum Action {
    /// Holds a stake; the operation's id is the bet's.
    Bet {
        /// The bet.
        bet: BetId,
        /// Its round.
        round: RoundId,
        /// Its game.
        game: GameId,
        /// The stake.
        stake: Amount,
    },
    /// Pays.
    Win {
        /// The bet, if it is named; otherwise all open bets of the round.
        bet: Option<BetId>,
        /// The operation's id as a bet's: a rollback that came first stands under it.
        own: BetId,
        /// The round.
        round: RoundId,
        /// The game.
        game: GameId,
        /// How much.
        payout: Amount,
    },
    /// Takes a bet back.
    Rollback {
        /// Which one.
        bet: BetId,
        /// Its round, if said.
        round: Option<RoundId>,
    },
}

impl Operation {
    /// The canonical command.
    #[must_use]
    pub fn part(
        &self,
        player: &str,
        provider: &ProviderId,
        currency: Currency,
        terms: Terms,
    ) -> Part {
        let provider = provider.clone();
        let command = match self.action.clone() {
            Action::Bet { bet, round, game, stake } => {
                let bet = BetRef { provider, bet, round, game };
                let (at, free, feature) = (None, None, false);
                Command::PlaceBet { bet, stake, currency, at, free, feature, terms }
            }
            Action::Win { bet: Some(bet), round, game, payout, .. } => {
                let (stake, outcome, version) = (None, None, None);
                let bets = vec![BetResult { bet, stake, payout, outcome, version }];
                let (game, currency) = (Some(game), Some(currency));
                Command::SettleBets { provider, round, game, bets, currency, at: None, terms }
            }
            Action::Win { bet: None, round, payout: delta, .. } => {
                let (gross, version) = (true, None);
                Command::SettleRound { provider, round, delta, gross, currency, version, terms }
            }
            Action::Rollback { bet, round } => Command::Rollback { provider, bet, round },
        };
        Part::new(player.to_owned(), self.id.clone(), command)
    }
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

/// What a dialect expects where others want the opposite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manners {
    /// A bet after its rollback.
    pub late_bet: LateBet,
    /// A win without a bet.
    pub unmatched_win: UnmatchedWin,
    /// Another win of a settled bet.
    pub amend: Amend,
    /// A rollback before its bet.
    pub unknown_rollback: UnknownRollback,
}

/// What came of one operation.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The transaction, also of an operation that had nothing to do.
    pub transaction: String,
    /// When, if the journal has it.
    pub at: Option<UnixMs>,
    /// What the player could bet with afterwards, if that was written down.
    pub balance: Option<Amount>,
    /// Whether it was done before.
    pub replay: bool,
}

/// What came of a call all of whose operations went through.
#[derive(Debug, Clone)]
pub struct Report {
    /// One per operation, in order.
    pub outcomes: Vec<Outcome>,
    /// What the player can bet with now.
    pub balance: Amount,
}

impl Report {
    /// The balance of the last operation as it was written down, so that a repeat hears the
    /// same; where none was, the present one.
    #[must_use]
    pub fn written_balance(&self) -> Amount {
        self.outcomes.last().and_then(|last| last.balance).unwrap_or(self.balance)
    }
}

/// An answer: JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    fn new(status: u16, body: &impl serde::Serialize) -> Self {
        // Texts and numbers always serialise.
        Self { status, body: serde_json::to_string(body).unwrap_or_default() }
    }
}

/// A provider's protocol, with the keys of one provider.
pub trait Dialect: Send + Sync {
    /// What the provider expects where others want the opposite.
    fn manners(&self) -> Manners;

    /// Whether one of the provider's keys signed the request. Nothing else looks at it before.
    fn verify(&self, request: &Request<'_>) -> bool;

    /// What is asked for.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    fn parse(&self, request: &Request<'_>) -> Result<Call, FieldError>;

    /// The answer to a call that went through.
    fn render(&self, call: &Call, report: &Report) -> Answer;

    /// The answer to one that did not; `call` is missing when it could not be read.
    fn refuse(&self, call: Option<&Call>, problem: &Problem) -> Answer;
}

/// The dialect of a provider with its keys; `None` for the canonical contract.
///
/// # Errors
/// What is wrong with which key, never its content.
pub fn open(which: config::Dialect, keys: &[Secret]) -> Result<Option<Arc<dyn Dialect>>, String> {
    Ok(match which {
        config::Dialect::Palio => None,
        config::Dialect::Hub88 => Some(Arc::new(hub88::Hub88::new(keys)?)),
        config::Dialect::Actions => Some(Arc::new(actions::Actions::new(keys))),
        config::Dialect::PerPlayer => Some(Arc::new(per_player::PerPlayer::new(keys))),
    })
}

/// The stable code of a problem.
fn code(problem: &Problem) -> ErrorCode {
    ErrorCode::from_code(&problem.code).unwrap_or(ErrorCode::Internal)
}

fn missing(field: &str) -> FieldError {
    FieldError::invalid(field, "is missing")
}

fn text<'a>(field: &str, value: &'a Text) -> Result<&'a str, FieldError> {
    value.required(field)
}

fn key(field: &str, value: &str) -> Result<String, FieldError> {
    parse_key(field, value).map(str::to_owned)
}

fn player(field: &str, value: &str) -> Result<String, FieldError> {
    palio_protocol::field::parse_player(value)
        .map(str::to_owned)
        .map_err(|error| FieldError { field: field.to_owned(), ..error })
}

fn id<T>(field: &str, parsed: Result<T, ids::Error>) -> Result<T, FieldError> {
    parsed.map_err(|error| FieldError::invalid(field, error.to_string()))
}

fn currency(field: &str, value: &Text) -> Result<Currency, FieldError> {
    Currency::parse(text(field, value)?).map_err(|e| FieldError::invalid(field, e.to_string()))
}

fn whole(field: &str, value: Whole) -> Result<u64, FieldError> {
    match value {
        Whole::Missing => Err(missing(field)),
        Whole::Given(number) => Ok(number),
        Whole::Other(_) => Err(FieldError::invalid(field, "must be a whole number, 0 or more")),
    }
}
