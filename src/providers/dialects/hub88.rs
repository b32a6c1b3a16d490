//! Bets, wins and rollbacks as Hub88 has them: a call each, amounts in 1/100000 of the currency.
//!
//! `POST transaction/bet`, `transaction/win`, `transaction/rollback` and `user/balance`, signed
//! with RSA-SHA256 over the raw body (`X-Hub88-Signature`, base64). The same `transaction_uuid`
//! hears the same answer; every answer of the rules is 200, with its code in `status`.

use super::{
    Action, Answer, Call, Dialect, Operation, Report, Request, code, currency, id, key, missing,
    player, text, whole,
};
use super::{Manners, UnknownRollback};
use crate::config::Secret;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use palio_domain::wallet::{Amend, LateBet, UnmatchedWin};
use palio_domain::{Amount, BetId, Currency, GameId, RoundId};
use palio_protocol::field::{Text, Whole};
use palio_protocol::wallet::TOKEN_LEN_MAX;
use palio_protocol::{ErrorCode, FieldError, Problem, json};
use serde::{Deserialize, Serialize};

/// Decimals of an amount on the wire, whatever the currency.
const DECIMALS: u8 = 5;

/// A Hub88-like provider.
pub(super) struct Hub88 {
    keys: Vec<ParsedPublicKey>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    user: Text,
    request_uuid: Text,
    token: Text,
    transaction_uuid: Text,
    reference_transaction_uuid: Text,
    round: Text,
    game_code: Text,
    currency: Text,
    amount: Whole,
    is_free: bool,
    round_closed: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_uuid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<i128>,
}

impl Hub88 {
    /// Reads the provider's public keys, in PEM.
    pub(super) fn new(keys: &[Secret]) -> Result<Self, String> {
        let keys = keys.iter().map(|key| public_key(key.expose())).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }
}

fn public_key(pem: &[u8]) -> Result<ParsedPublicKey, String> {
    let wrong = || "must be an RSA public key of 2048 bits or more, in PEM".to_owned();
    let text = std::str::from_utf8(pem).map_err(|_| wrong())?;
    let inner: String = text.lines().map(str::trim).filter(|l| !l.starts_with("-----")).collect();
    let der = BASE64_STANDARD.decode(inner).map_err(|_| wrong())?;
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| wrong())
}

impl Dialect for Hub88 {
    fn manners(&self) -> Manners {
        Manners {
            late_bet: LateBet::Refuse,
            unmatched_win: UnmatchedWin::Refuse,
            amend: Amend::Add,
            unknown_rollback: UnknownRollback::Accept,
        }
    }

    fn verify(&self, request: &Request<'_>) -> bool {
        let signature = BASE64_STANDARD.decode((request.header)("X-Hub88-Signature"));
        signature.is_ok_and(|signature| {
            self.keys.iter().any(|key| key.verify_sig(request.body, &signature).is_ok())
        })
    }

    fn parse(&self, request: &Request<'_>) -> Result<Call, FieldError> {
        let nowhere = || FieldError::new(ErrorCode::NotFound, "", "no such call");
        if request.method != "POST" {
            return Err(FieldError::new(ErrorCode::MethodNotAllowed, "", "the calls are POST"));
        }
        let body: Body = json::parse(request.body)?;
        let mut call = Call {
            player: player("user", text("user", &body.user)?)?,
            currency: request.currency,
            token: None,
            operations: Vec::new(),
            finished: None,
            echo: key("request_uuid", text("request_uuid", &body.request_uuid)?)?,
        };
        let token = || match text("token", &body.token)? {
            long if long.len() > TOKEN_LEN_MAX => Err(FieldError::invalid("token", "is too long")),
            token => Ok(Some(token.to_owned())),
        };
        let action = match request.path.strip_prefix("transaction/").unwrap_or(request.path) {
            "user/balance" => {
                call.token = token()?;
                return Ok(call);
            }
            "bet" => {
                // Only bets need a live session: results come whenever they come.
                call.token = token()?;
                call.currency = currency("currency", &body.currency)?;
                let stake = amount(body.amount, call.currency)?;
                Action::Bet {
                    bet: bet("transaction_uuid", &body.transaction_uuid)?,
                    round: round(&body.round)?,
                    game: id("game_code", GameId::parse(text("game_code", &body.game_code)?))?,
                    stake: if body.is_free { Amount::ZERO } else { stake },
                }
            }
            "win" => {
                call.currency = currency("currency", &body.currency)?;
                Action::Win {
                    bet: Some(reference(&body)?),
                    own: bet("transaction_uuid", &body.transaction_uuid)?,
                    round: round(&body.round)?,
                    game: id("game_code", GameId::parse(text("game_code", &body.game_code)?))?,
                    payout: amount(body.amount, call.currency)?,
                }
            }
            "rollback" => {
                let round = (!body.round.is_missing()).then(|| round(&body.round)).transpose()?;
                Action::Rollback { bet: reference(&body)?, round }
            }
            _ => return Err(nowhere()),
        };
        if body.round_closed {
            call.finished = Some(round(&body.round)?);
        }
        let id = key("transaction_uuid", text("transaction_uuid", &body.transaction_uuid)?)?;
        call.operations.push(Operation { id, action });
        Ok(call)
    }

    fn render(&self, call: &Call, report: &Report) -> Answer {
        let balance = Some(units(report.written_balance(), call.currency));
        answer(200, Some(call), "RS_OK", balance)
    }

    fn refuse(&self, call: Option<&Call>, problem: &Problem) -> Answer {
        let status = match code(problem) {
            ErrorCode::InsufficientFunds | ErrorCode::DebtOutstanding => {
                "RS_ERROR_NOT_ENOUGH_MONEY"
            }
            ErrorCode::IdempotencyMismatch | ErrorCode::BetIdReused => {
                "RS_ERROR_DUPLICATE_TRANSACTION"
            }
            ErrorCode::BetNotFound => "RS_ERROR_TRANSACTION_DOES_NOT_EXIST",
            ErrorCode::BetCancelled | ErrorCode::BetAlreadyRolledBack => {
                "RS_ERROR_TRANSACTION_ROLLED_BACK"
            }
            ErrorCode::CurrencyMismatch => "RS_ERROR_WRONG_CURRENCY",
            ErrorCode::BadToken => "RS_ERROR_INVALID_TOKEN",
            ErrorCode::SessionExpired => "RS_ERROR_TOKEN_EXPIRED",
            ErrorCode::BadSignature => "RS_ERROR_INVALID_SIGNATURE",
            ErrorCode::TooManyOpen | ErrorCode::Limit => "RS_ERROR_LIMIT_REACHED",
            ErrorCode::PlayerExcluded => "RS_ERROR_USER_DISABLED",
            ErrorCode::InvalidField if !problem.detail.ends_with("is missing") => {
                "RS_ERROR_WRONG_TYPES"
            }
            ErrorCode::InvalidField
            | ErrorCode::BadJson
            | ErrorCode::TooDeep
            | ErrorCode::BodyTooLarge
            | ErrorCode::NotFound
            | ErrorCode::MethodNotAllowed => "RS_ERROR_WRONG_SYNTAX",
            _ => "RS_ERROR_UNKNOWN",
        };
        let available = |call: &Call| {
            let text = problem.balance.as_deref()?;
            call.currency.amount(text).ok().map(|amount| units(amount, call.currency))
        };
        // What failed here may go well a second later: not an answer of the rules.
        let http =
            if problem.status >= 500 || problem.status == 429 { problem.status } else { 200 };
        answer(http, call, status, call.and_then(available))
    }
}

fn answer(http: u16, call: Option<&Call>, status: &str, balance: Option<i128>) -> Answer {
    let shown = Shown {
        user: call.map(|call| call.player.as_str()),
        status,
        request_uuid: call.map(|call| call.echo.as_str()),
        currency: call.filter(|_| balance.is_some()).map(|call| call.currency.code()),
        balance,
    };
    Answer::new(http, &shown)
}

fn bet(field: &str, value: &Text) -> Result<BetId, FieldError> {
    id(field, BetId::parse(text(field, value)?))
}

fn reference(body: &Body) -> Result<BetId, FieldError> {
    bet("reference_transaction_uuid", &body.reference_transaction_uuid)
}

fn round(value: &Text) -> Result<RoundId, FieldError> {
    id("round", RoundId::parse(text("round", value)?))
}

/// Minor units of an amount on the wire; finer ones are refused.
fn amount(value: Whole, currency: Currency) -> Result<Amount, FieldError> {
    if value.is_missing() {
        return Err(missing("amount"));
    }
    let units = i128::from(whole("amount", value)?);
    let (up, down) = scale(currency);
    let minor = units.checked_mul(up).unwrap_or(i128::MAX);
    if minor % down != 0 {
        return Err(FieldError::invalid("amount", "is finer than the currency's minor unit"));
    }
    i64::try_from(minor / down)
        .map(Amount)
        .map_err(|_| FieldError::invalid("amount", "is too large"))
}

/// An amount as on the wire; what is finer than the wire can say is left out.
fn units(amount: Amount, currency: Currency) -> i128 {
    let (up, down) = scale(currency);
    i128::from(amount.0) * down / up
}

/// Minor units = units × the first ÷ the second.
fn scale(currency: Currency) -> (i128, i128) {
    let exponent = currency.exponent();
    let power = |n: u8| 10_i128.pow(u32::from(n));
    (power(exponent.saturating_sub(DECIMALS)), power(DECIMALS.saturating_sub(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_refused() {
        let cases: &[(&str, u64, Option<i64>)] = &[
            ("EUR", 100_000, Some(100)),
            ("EUR", 1_000, Some(1)),
            ("EUR", 1_001, None),
            ("EUR", 999, None),
            ("EUR", 0, Some(0)),
            ("JPY", 100_000, Some(1)),
            ("JPY", 50_000, None),
            ("KWD", 100, Some(1)),
            ("BTC", 1, Some(1_000)),
            ("ETH", u64::MAX, None),
        ];
        for (code, wire, minor) in cases {
            let currency = Currency::parse(code).unwrap();
            let read = amount(Whole::Given(*wire), currency).ok();
            assert_eq!(read.map(|amount| amount.0), *minor, "{wire} {code}");
            if let Some(read) = read {
                assert_eq!(units(read, currency), i128::from(*wire), "{wire} {code}");
            }
        }
        let btc = Currency::parse("BTC").unwrap();
        assert_eq!(units(Amount(1_999), btc), 1, "a balance is rounded down");
    }
}
