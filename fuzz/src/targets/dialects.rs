//! Providers' own protocols: `dialect METHOD path?query`, headers, an empty line, the body. A
//! header `Balance` is what the player has, in minor units.
//!
//! **Property:** a request is good exactly when its signature is the one computed here. A parsed
//! call has a player's id, at most 100 operations under keys of the right length, and amounts
//! that are exactly what the message says in the dialect's unit; nothing it repeats in its answer
//! is longer than a key. Every answer, to any call with any outcome and any error, is JSON with a
//! status; it shows the balance exactly, or rounded down; refusals repeat nothing.

use crate::calls::provider;
use crate::support::{CANARY, Message, refused, same_money};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use hmac::{Hmac, KeyInit as _, Mac as _};
use palio::config::{Dialect as Which, Secret};
use palio::providers::dialects::{Action, Answer, Call, Dialect, Outcome, Report, Request, open};
use palio_domain::wallet::{Command, Terms};
use palio_domain::{Amount, Currency, UnixMs};
use palio_protocol::field::{parse_key, parse_player};
use palio_protocol::{ErrorCode, Problem, json};
use serde_json::Value;
use sha2::Sha256;
use std::sync::{Arc, LazyLock};

pub(super) const WORDS: &[&str] = &[
    "hub88",
    "actions",
    "per_player",
    "POST",
    "GET",
    "transaction",
    "bet",
    "win",
    "rollback",
    "user/balance",
    "process",
    "X-REQUEST-SIGN",
    "X-Hub88-Signature",
    "Balance",
    "user",
    "request_uuid",
    "token",
    "transaction_uuid",
    "reference_transaction_uuid",
    "round",
    "game_code",
    "currency",
    "amount",
    "is_free",
    "round_closed",
    "user_id",
    "game",
    "game_id",
    "finished",
    "action",
    "action_id",
    "original_action_id",
    "remote_id",
    "username",
    "transaction_id",
    "round_id",
    "game_id_hash",
    "gameplay_final",
    "key",
    "debit",
    "credit",
    "balance",
    "100000",
    "1000",
    "key=",
    "%26",
    "k%65y",
];

const SECRET: &str = "a secret of an aggregator, 32 bytes or more";
const SALT: &str = "the salt of a provider with query parameters";
/// Whose private half nobody has.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoCMN6u06HVQVmF3mYCYM
6nRu1OcLNe+sN23jLfpz1rjOmhHtFRWyjB4pjY6AKPfrOL1a1gHknLq5gV9VE5Z6
rzX+kK0YK3hK6TGJ63t0cQ67YVBhG3UVZRqb+rsCE3L1VxSHP5edRPkXIybzZYl6
2QSafXumQR4UcB3oS4rlvreBsNdU435v5uZJdIEL3YSQJOatdP/icjxbscFZqp2a
Y+4azG1YXT9PmicA+Yn1Rutq86R/xR+x7aVn2DiWh8wFVStyk0idqDxhfxlNAsGN
vbSl3HjyfYoMn66+uZvckxl2OsWk13swV3OUzGz7Zma/rHlL2WhMUYH3B/owmJqM
5wIDAQAB
-----END PUBLIC KEY-----";

static HUB88: LazyLock<Arc<dyn Dialect>> = LazyLock::new(|| opened(Which::Hub88, PUBLIC_KEY));
static ACTIONS: LazyLock<Arc<dyn Dialect>> = LazyLock::new(|| opened(Which::Actions, SECRET));
static PER_PLAYER: LazyLock<Arc<dyn Dialect>> = LazyLock::new(|| opened(Which::PerPlayer, SALT));

fn opened(which: Which, key: &str) -> Arc<dyn Dialect> {
    open(which, &[Secret::new(key.as_bytes())]).expect("a good key").expect("a dialect")
}

pub(super) fn target(bytes: &[u8]) {
    let Some(message) = Message::cut(bytes) else { return };
    let (which, dialect) = match message.word(0) {
        "hub88" => (Which::Hub88, &*HUB88),
        "actions" => (Which::Actions, &*ACTIONS),
        "per_player" => (Which::PerPlayer, &*PER_PLAYER),
        _ => return,
    };
    let (path, query) = message.word(2).split_once('?').unwrap_or((message.word(2), ""));
    let header = |name: &str| message.header(name).unwrap_or_default().to_owned();
    let request = Request {
        method: message.word(1),
        path,
        query,
        header: &header,
        body: message.body,
        currency: Currency::EUR,
    };
    assert_eq!(dialect.verify(&request), signed(which, &request));
    let balance = message.header("Balance").and_then(|text| text.parse().ok()).unwrap_or(10_000);
    match dialect.parse(&request) {
        Ok(call) => {
            check(which, &request, &call);
            rendered(which, dialect.as_ref(), &call, Amount(balance));
        }
        Err(error) => {
            refused(&error);
            quiet(&dialect.refuse(None, &Problem::from(&error)));
        }
    }
}

/// Whether the request carries the right signature, by the dialect's own description.
fn signed(which: Which, request: &Request<'_>) -> bool {
    match which {
        Which::Actions => {
            let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
            mac.update(request.body);
            let right = mac.finalize().into_bytes().to_vec();
            hex::decode((request.header)("X-REQUEST-SIGN")).is_ok_and(|given| given == right)
        }
        Which::PerPlayer => {
            let pairs: Vec<&str> = request.query.split('&').collect();
            let (keys, others): (Vec<&str>, Vec<&str>) =
                pairs.into_iter().partition(|pair| pair.starts_with("key="));
            let text = format!("{SALT}{}", others.join("&"));
            let right = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
            let given = keys.first().and_then(|pair| pair.get(4..)).unwrap_or_default();
            hex::decode(given).is_ok_and(|given| given == right.as_ref())
        }
        Which::Hub88 | Which::Palio => false,
    }
}

fn check(which: Which, request: &Request<'_>, call: &Call) {
    assert!(parse_player(&call.player).is_ok());
    assert!(call.echo.len() <= 128, "an answer repeats {} bytes", call.echo.len());
    assert!(call.token.as_ref().is_none_or(|token| token.len() <= 2_048));
    assert!(call.operations.len() <= 100);
    let body: Value = json::parse(request.body).unwrap_or_default();
    for (at, operation) in call.operations.iter().enumerate() {
        assert!(parse_key("id", &operation.id).is_ok());
        let part = operation.part(&call.player, &provider(), call.currency, Terms::default());
        assert_eq!((&part.player, &part.key), (&call.player, &operation.id));
        assert!(!part.command.canonical().is_empty());
        let amount = match (&operation.action, &part.command) {
            (Action::Bet { stake, .. }, Command::PlaceBet { .. }) => *stake,
            (Action::Win { payout, bet, .. }, Command::SettleRound { .. }) if bet.is_none() => {
                *payout
            }
            (Action::Win { payout, .. }, Command::SettleBets { .. }) => *payout,
            (Action::Rollback { .. }, Command::Rollback { .. }) => continue,
            (action, command) => panic!("{action:?} became {command:?}"),
        };
        assert!(amount.0 >= 0);
        exact(which, request, &body, at, amount, call.currency);
    }
}

/// The amount is what the message says, in its own unit.
fn exact(
    which: Which,
    request: &Request<'_>,
    body: &Value,
    at: usize,
    amount: Amount,
    currency: Currency,
) {
    match which {
        Which::Hub88 => {
            // A body with a lone surrogate can't be looked at this way.
            let Some(units) = body.pointer("/amount").and_then(Value::as_u64) else { return };
            let free = body.pointer("/is_free").and_then(Value::as_bool) == Some(true);
            if free && amount == Amount::ZERO {
                return;
            }
            let scale = |decimals: u8| 10_i128.pow(u32::from(decimals));
            let (wire, own) = (scale(5), scale(currency.exponent()));
            assert_eq!(i128::from(units) * own, i128::from(amount.0) * wire, "{units} {currency}");
        }
        Which::Actions => {
            let sent = body.pointer(&format!("/actions/{at}/amount")).and_then(Value::as_i64);
            assert!(sent.is_none_or(|sent| sent == amount.0), "{sent:?} is {amount:?}");
        }
        Which::PerPlayer => {
            let pairs = request.query.split('&');
            let text = pairs.filter_map(|pair| pair.strip_prefix("amount=")).next();
            // One that is written with escapes is left to the tests of the query's reader.
            let plain = |text: &&str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            text.filter(plain).into_iter().for_each(|text| same_money(text, amount, currency));
        }
        Which::Palio => {}
    }
}

fn rendered(which: Which, dialect: &dyn Dialect, call: &Call, balance: Amount) {
    for replay in [false, true] {
        let outcome = Outcome {
            transaction: "tx_1f_2a".to_owned(),
            at: Some(UnixMs(balance.0)),
            balance: replay.then_some(balance),
            replay,
        };
        let outcomes = vec![outcome; call.operations.len()];
        let report = Report { outcomes, balance };
        let answer = dialect.render(call, &report);
        shows(which, &value(&answer), balance, call.currency);
    }
    for code in ErrorCode::ALL {
        let mut problem = Problem::new(*code, "what happened");
        problem.balance = Some(call.currency.format(balance));
        quiet(&dialect.refuse(None, &problem));
        value(&dialect.refuse(Some(call), &problem));
    }
}

/// The body of an answer.
fn value(answer: &Answer) -> Value {
    assert!((200..600).contains(&answer.status));
    assert!(answer.body.len() <= 1_000 + 1_000 * 100, "{} bytes", answer.body.len());
    serde_json::from_str(&answer.body).expect("an answer is JSON")
}

/// An answer that repeats nothing of the request.
fn quiet(answer: &Answer) {
    let answer = value(answer).to_string();
    assert!(!answer.contains(CANARY), "{answer} repeats what was sent");
}

fn shows(which: Which, answer: &Value, balance: Amount, currency: Currency) {
    let shown = answer.pointer("/balance");
    let own = i128::from(balance.0);
    match which {
        Which::Hub88 => {
            // Past 64 bits a number is not exact in this reader.
            let Some(units) = shown.and_then(Value::as_i64) else { return };
            let scale = |decimals: u8| 10_i128.pow(u32::from(decimals));
            let known = own * scale(5) / scale(currency.exponent());
            assert_eq!(i128::from(units), known, "{balance:?} {currency}");
        }
        Which::Actions => assert_eq!(shown.and_then(Value::as_i64), Some(balance.0)),
        Which::PerPlayer => {
            let text = shown.and_then(Value::as_str).expect("a balance");
            if balance.0 > i64::MIN {
                same_money(text, balance, currency);
            }
        }
        Which::Palio => {}
    }
}
