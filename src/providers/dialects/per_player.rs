//! Query parameters, and transaction ids that are unique per player only, as BlueOcean has them.
//!
//! `GET ?action=balance|debit|credit|rollback&remote_id=…&amount=…&transaction_id=…&round_id=…&
//! game_id=…&key=…` with `key` = SHA-1 of the secret and the query without it, in hexadecimal. Such
//! a hash is all that this protocol signs with. A rollback names the debit's own `transaction_id`
//! and gives back what was written down, whatever amount it carries.

use super::{
    Action, Answer, Call, Dialect, Operation, Report, Request, code, id, key, missing, player,
};
use super::{Manners, UnknownRollback};
use crate::config::Secret;
use actix_web::web::Query;
use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use palio_domain::wallet::{Amend, LateBet, UnmatchedWin};
use palio_domain::{Amount, BetId, Currency, GameId, RoundId};
use palio_protocol::{ErrorCode, FieldError, Problem};
use serde::Serialize;
use std::collections::BTreeMap;
use subtle::ConstantTimeEq as _;

/// A BlueOcean-like provider.
pub(super) struct PerPlayer {
    salts: Vec<Secret>,
}

#[derive(Serialize)]
struct Shown<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<&'a str>,
}

impl PerPlayer {
    pub(super) fn new(salts: &[Secret]) -> Self {
        Self { salts: salts.to_vec() }
    }
}

/// The query without its `key`, as sent, and the key.
fn split(query: &str) -> (String, &str) {
    let is_key = |pair: &&str| pair.starts_with("key=");
    let signed: Vec<&str> = query.split('&').filter(|pair| !is_key(pair)).collect();
    let given = query.split('&').find_map(|pair| pair.strip_prefix("key="));
    (signed.join("&"), given.unwrap_or_default())
}

impl Dialect for PerPlayer {
    fn manners(&self) -> Manners {
        Manners {
            late_bet: LateBet::Refuse,
            unmatched_win: UnmatchedWin::Promo,
            amend: Amend::Add,
            unknown_rollback: UnknownRollback::NotFound,
        }
    }

    fn verify(&self, request: &Request<'_>) -> bool {
        let (signed, given) = split(request.query);
        let mut bytes = [0_u8; 20];
        hex::decode_to_slice(given, &mut bytes).is_ok()
            && self.salts.iter().any(|salt| {
                let mut hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
                hash.update(salt.expose());
                hash.update(signed.as_bytes());
                hash.finish().as_ref().ct_eq(&bytes).into()
            })
    }

    fn parse(&self, request: &Request<'_>) -> Result<Call, FieldError> {
        if request.method != "GET" {
            return Err(FieldError::new(ErrorCode::MethodNotAllowed, "", "the call is a GET"));
        }
        if !request.path.is_empty() {
            return Err(FieldError::new(ErrorCode::NotFound, "", "there is one call only"));
        }
        let fields = fields(request.query)?;
        let field = |name: &'static str| fields.get(name).map(String::as_str);
        let need = |name: &'static str| field(name).ok_or_else(|| missing(name));
        let who = if fields.contains_key("remote_id") { "remote_id" } else { "username" };
        let mut call = Call {
            player: player(who, need(who)?)?,
            currency: match field("currency") {
                Some(code) => Currency::parse(code)
                    .map_err(|error| FieldError::invalid("currency", error.to_string()))?,
                None => request.currency,
            },
            token: None,
            operations: Vec::new(),
            finished: None,
            echo: String::new(),
        };
        let what = need("action")?;
        if what == "balance" {
            return Ok(call);
        }
        let own = need("transaction_id")?;
        let bet = id("transaction_id", BetId::parse(own))?;
        let round = || id("round_id", RoundId::parse(need("round_id")?));
        let game = || {
            let name = if fields.contains_key("game_id") { "game_id" } else { "game_id_hash" };
            id(name, GameId::parse(need(name)?))
        };
        let amount = || amount(need("amount")?, call.currency);
        let action = match what {
            "debit" => Action::Bet { bet, round: round()?, game: game()?, stake: amount()? },
            "credit" => {
                let (round, game) = (round()?, game()?);
                Action::Win { bet: None, own: bet, round, game, payout: amount()? }
            }
            "rollback" => Action::Rollback { bet, round: None },
            _ => return Err(FieldError::invalid("action", "is not one of this call's")),
        };
        if field("gameplay_final") == Some("1") {
            call.finished = field("round_id").and_then(|text| RoundId::parse(text).ok());
        }
        call.operations.push(Operation { id: key("transaction_id", own)?, action });
        Ok(call)
    }

    fn render(&self, call: &Call, report: &Report) -> Answer {
        let balance = Some(call.currency.format(report.written_balance()));
        Answer::new(200, &Shown { status: "200", balance, msg: None })
    }

    fn refuse(&self, call: Option<&Call>, problem: &Problem) -> Answer {
        let code = code(problem);
        let debit = |call: &Call| {
            call.operations.iter().any(|one| matches!(one.action, Action::Bet { .. }))
        };
        // 403 ends a debit for good, 500 has it sent again; 404 is for what is not there.
        let status = match code {
            ErrorCode::InsufficientFunds
            | ErrorCode::DebtOutstanding
            | ErrorCode::Limit
            | ErrorCode::PlayerExcluded
            | ErrorCode::BadSignature => "403",
            ErrorCode::BetNotFound | ErrorCode::PlayerNotFound => "404",
            _ if problem.status >= 500 || problem.status == 429 => "500",
            _ if call.is_some_and(debit) => "403",
            _ => "500",
        };
        let msg = match code {
            ErrorCode::InsufficientFunds | ErrorCode::DebtOutstanding => "insufficient funds",
            ErrorCode::BetNotFound => "transaction not found",
            ErrorCode::PlayerNotFound => "player not found",
            ErrorCode::BadSignature => "the key is wrong",
            _ if problem.status >= 500 => "internal error",
            _ => problem.detail.as_str(),
        };
        // The status is in the body; the answer itself arrived.
        let balance = problem.balance.clone();
        Answer::new(200, &Shown { status, balance, msg: Some(msg) })
    }
}

/// The parameters; one that is there twice could be read in two ways.
fn fields(query: &str) -> Result<BTreeMap<String, String>, FieldError> {
    let pairs = Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| FieldError::new(ErrorCode::BadJson, "", "the query can't be read"))?;
    let mut fields = BTreeMap::new();
    for (name, value) in pairs.into_inner() {
        if let Some(twice) = fields.insert(name, value) {
            drop(twice);
            return Err(FieldError::invalid("", "a parameter is there twice"));
        }
    }
    Ok(fields)
}

fn amount(text: &str, currency: Currency) -> Result<Amount, FieldError> {
    currency
        .amount_not_negative(text)
        .map_err(|error| FieldError::invalid("amount", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_taken_out_wherever_it_stands() {
        for query in ["a=1&b=2&key=ff", "key=ff&a=1&b=2", "a=1&key=ff&b=2"] {
            assert_eq!(split(query), ("a=1&b=2".to_owned(), "ff"), "{query}");
        }
        assert_eq!(split("a=1"), ("a=1".to_owned(), ""));
        assert_eq!(split("monkey=1&key=ff").0, "monkey=1");
    }

    #[test]
    fn a_parameter_twice_is_refused() {
        assert!(fields("a=1&a=2").is_err());
        assert_eq!(fields("a=1%20x&b=").unwrap().get("a").map(String::as_str), Some("1 x"));
    }
}
