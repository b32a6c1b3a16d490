//! Lists of actions, as aggregators send them: one address, several things of a round at once.
//!
//! `POST` of `{user_id, currency, game, game_id, finished?, actions:[{action, action_id, amount,
//! original_action_id}]}`, signed with HMAC-SHA256 of the raw body (`X-REQUEST-SIGN`, hexadecimal).
//! Amounts are minor units. A rollback that comes first is answered like any other; what it was
//! for is answered too when it comes, and moves nothing. Actions are done in order; the first
//! that is refused ends the call, and those before it stand.

use super::{
    Action, Answer, Call, Dialect, Operation, Report, Request, code, currency, id, key, missing,
    player, text, whole,
};
use super::{Manners, UnknownRollback};
use crate::config::Secret;
use hmac::{Hmac, KeyInit as _, Mac as _};
use palio_domain::wallet::{Amend, LateBet, UnmatchedWin};
use palio_domain::{Amount, BetId, GameId, RoundId};
use palio_protocol::field::{Object, Text, Whole};
use palio_protocol::{ErrorCode, FieldError, Problem, json, time};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Actions in one call.
const ACTIONS_MAX: usize = 100;

/// An aggregator.
pub(super) struct Actions {
    keys: Vec<Secret>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(alias = "user")]
    user_id: Text,
    currency: Text,
    game: Text,
    game_id: Text,
    finished: bool,
    actions: Vec<Object<Given>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Given {
    action: Text,
    action_id: Text,
    original_action_id: Text,
    amount: Whole,
}

#[derive(Serialize)]
struct Shown<'a> {
    balance: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    game_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transactions: Vec<Transaction<'a>>,
}

#[derive(Serialize)]
struct Transaction<'a> {
    action_id: &'a str,
    tx_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    processed_at: Option<String>,
}

#[derive(Serialize)]
struct Refused<'a> {
    code: u16,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<i64>,
}

impl Actions {
    pub(super) fn new(keys: &[Secret]) -> Self {
        Self { keys: keys.to_vec() }
    }
}

impl Dialect for Actions {
    fn manners(&self) -> Manners {
        Manners {
            late_bet: LateBet::Accept,
            unmatched_win: UnmatchedWin::Promo,
            amend: Amend::Add,
            unknown_rollback: UnknownRollback::Accept,
        }
    }

    fn verify(&self, request: &Request<'_>) -> bool {
        let mut given = [0_u8; 32];
        let header = (request.header)("X-REQUEST-SIGN");
        hex::decode_to_slice(header, &mut given).is_ok()
            && self.keys.iter().any(|key| {
                Hmac::<Sha256>::new_from_slice(key.expose()).is_ok_and(|mut mac| {
                    mac.update(request.body);
                    mac.verify_slice(&given).is_ok()
                })
            })
    }

    fn parse(&self, request: &Request<'_>) -> Result<Call, FieldError> {
        if request.method != "POST" {
            return Err(FieldError::new(ErrorCode::MethodNotAllowed, "", "the call is a POST"));
        }
        if !matches!(request.path, "" | "process") {
            return Err(FieldError::new(ErrorCode::NotFound, "", "there is one call only"));
        }
        let body: Body = json::parse(request.body)?;
        let mut call = Call {
            player: player("user_id", text("user_id", &body.user_id)?)?,
            currency: currency("currency", &body.currency)?,
            token: None,
            operations: Vec::with_capacity(body.actions.len().min(ACTIONS_MAX)),
            finished: None,
            echo: match body.game_id.optional("game_id")? {
                None | Some("") => String::new(),
                Some(game_id) => key("game_id", game_id)?,
            },
        };
        if body.actions.is_empty() {
            return Ok(call);
        }
        if body.actions.len() > ACTIONS_MAX {
            let message = format!("holds more than {ACTIONS_MAX} actions");
            return Err(FieldError::new(ErrorCode::TooManyItems, "actions", message));
        }
        let round = id("game_id", RoundId::parse(text("game_id", &body.game_id)?))?;
        let game = id("game", GameId::parse(text("game", &body.game)?))?;
        for (at, Object(given)) in body.actions.iter().enumerate() {
            let operation = operation(given, &round, &game);
            let inside = |error: FieldError| error.inside(&format!("actions[{at}]"));
            call.operations.push(operation.map_err(inside)?);
        }
        call.finished = body.finished.then_some(round);
        Ok(call)
    }

    fn render(&self, call: &Call, report: &Report) -> Answer {
        let transaction = |(operation, outcome)| {
            let (operation, outcome): (&Operation, &super::Outcome) = (operation, outcome);
            Transaction {
                action_id: operation.id.as_str(),
                tx_id: outcome.transaction.as_str(),
                processed_at: outcome.at.map(time::format),
            }
        };
        let shown = Shown {
            balance: report.balance.0,
            game_id: Some(call.echo.as_str()).filter(|id| !id.is_empty()),
            transactions: call.operations.iter().zip(&report.outcomes).map(transaction).collect(),
        };
        Answer::new(200, &shown)
    }

    fn refuse(&self, call: Option<&Call>, problem: &Problem) -> Answer {
        let code = code(problem);
        let (status, number, message) = match code {
            ErrorCode::InsufficientFunds | ErrorCode::DebtOutstanding => {
                (412, 100, "Player has not enough funds to process an action")
            }
            ErrorCode::PlayerNotFound => (412, 101, "Player is invalid"),
            ErrorCode::TooManyOpen | ErrorCode::Limit => (412, 105, "Player reached a bet limit"),
            ErrorCode::PlayerExcluded => (412, 110, "Player is disabled"),
            ErrorCode::SessionExpired => (412, 107, "Game is forbidden to the player"),
            ErrorCode::CurrencyMismatch => (412, 154, "Currency is not allowed for the player"),
            ErrorCode::BadSignature => (403, 403, "Forbidden"),
            ErrorCode::NotFound | ErrorCode::BetNotFound => (404, 404, "Not found"),
            ErrorCode::BetAlreadySettled | ErrorCode::BetAlreadyRolledBack => {
                (400, 400, "The original action is over and can't be taken back")
            }
            _ if problem.status >= 500 || problem.status == 429 => {
                (problem.status, 500, "Unknown error, try again")
            }
            _ => (400, 400, problem.detail.as_str()),
        };
        let available = |call: &Call| call.currency.amount(problem.balance.as_deref()?).ok();
        let balance = call.and_then(available).map(|amount| amount.0);
        Answer::new(status, &Refused { code: number, message, balance })
    }
}

fn operation(given: &Given, round: &RoundId, game: &GameId) -> Result<Operation, FieldError> {
    let own = text("action_id", &given.action_id)?;
    let bet = |field: &str, value: &str| id(field, BetId::parse(value));
    let amount = || {
        if given.amount.is_missing() {
            return Err(missing("amount"));
        }
        i64::try_from(whole("amount", given.amount)?)
            .map(Amount)
            .map_err(|_| FieldError::invalid("amount", "is too large"))
    };
    let action = match text("action", &given.action)? {
        "bet" => Action::Bet {
            bet: bet("action_id", own)?,
            round: round.clone(),
            game: game.clone(),
            stake: amount()?,
        },
        "win" => Action::Win {
            bet: None,
            own: bet("action_id", own)?,
            round: round.clone(),
            game: game.clone(),
            payout: amount()?,
        },
        "rollback" => {
            let field = "original_action_id";
            // The original may be of an earlier round: its own round counts.
            Action::Rollback {
                bet: bet(field, text(field, &given.original_action_id)?)?,
                round: None,
            }
        }
        _ => return Err(FieldError::invalid("action", "must be bet, win or rollback")),
    };
    Ok(Operation { id: key("action_id", own)?, action })
}
