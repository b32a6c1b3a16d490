//! The bodies of `/wallet/*` and `/api/players/*`: a request's head, an empty line, its body.
//!
//! **Property:** a body is refused with the caller's fault and a bounded detail that repeats
//! nothing, or it becomes commands that are the same after the body was written and read again.
//! Then every amount is the number in the text, to the last digit, with the sign that its field
//! allows; players, keys and texts have their lengths; there are at most 1,000 commands, none for
//! one player twice.

use crate::calls;
use crate::support::{Message, refused, same_money};
use palio_domain::wallet::protection::LimitKind;
use palio_domain::wallet::{Command, Verdict};
use palio_domain::{Amount, Currency, UnixMs};
use palio_protocol::field::{parse_key, parse_player};
use palio_protocol::json;
use palio_protocol::wallet::{OPERATIONS_MAX, Part};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) const WORDS: &[&str] = &[
    "debit",
    "credit",
    "rollback",
    "play",
    "deposits",
    "sessions",
    "withdrawals",
    "capture",
    "cancel",
    "adjustments",
    "limits",
    "exclusion",
    "readmission",
    "free-rounds",
    "verdicts",
    "confirm",
    "X-Idempotency-Key",
    "playerId",
    "roundId",
    "gameId",
    "betId",
    "amount",
    "currency",
    "ts",
    "sessionToken",
    "campaignId",
    "feature",
    "operations",
    "delta",
    "version",
    "transactionId",
    "stake",
    "payout",
    "kind",
    "period",
    "minutes",
    "until",
    "reason",
    "loss",
    "sessionTime",
    "month",
    "timeOut",
    "blocked",
    "verdict",
    "settle",
    "void",
    "account",
    "bonus",
    "count",
    "expiresAt",
    "birthDate",
    "country",
];

pub(super) fn target(bytes: &[u8]) {
    let Some(message) = Message::cut(bytes) else { return };
    match calls::parts(&message) {
        None => {}
        Some(Err(error)) => refused(&error),
        Some(Ok(parts)) => {
            let body: Value = json::parse(message.body).unwrap_or_default();
            check(&parts, &body);
        }
    }
}

fn check(parts: &[Part], body: &Value) {
    assert!((1..=OPERATIONS_MAX).contains(&parts.len()));
    let players: BTreeSet<_> = parts.iter().map(|part| &part.player).collect();
    assert_eq!(players.len(), parts.len(), "a player has two commands");
    for (at, part) in parts.iter().enumerate() {
        assert!(parse_player(&part.player).is_ok() && parse_key("key", &part.key).is_ok());
        assert!(part.session.as_ref().is_none_or(|token| token.len() <= 2_048));
        command(&part.command, body, at);
    }
}

/// The field's text is this amount. (A body with a lone surrogate can't be looked at this way.)
fn money(body: &Value, field: &str, amount: Amount, currency: Currency) {
    if let Some(text) = body.pointer(field).and_then(Value::as_str) {
        same_money(text, amount, currency);
    }
}

fn instant(at: UnixMs) {
    assert!((-62_167_219_200_000..=253_402_300_799_999).contains(&at.0), "{at:?}");
}

fn line(text: &str) {
    assert!((1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control));
}

fn command(command: &Command, body: &Value, at: usize) {
    assert!(!command.canonical().is_empty());
    assert!(command.claims().len() <= 2 * OPERATIONS_MAX);
    match command {
        Command::PlaceBet { stake, currency, at, .. } => {
            assert!(stake.0 >= 0);
            at.iter().copied().for_each(instant);
            money(body, "/amount", *stake, *currency);
        }
        Command::Play { stake, payout, currency, at, .. } => {
            assert!(stake.0 >= 0 && payout.0 >= 0);
            at.iter().copied().for_each(instant);
            money(body, "/stake", *stake, *currency);
            money(body, "/payout", *payout, *currency);
        }
        Command::Contest(_) => {}
        Command::Report(report) => {
            report.at.iter().copied().for_each(instant);
        }
        Command::SettleRound { delta, currency, version, gross, .. } => {
            assert!(*version != Some(0) && !gross);
            money(body, &format!("/operations/{at}/delta"), *delta, *currency);
        }
        Command::SettleBets { bets, currency, .. } => {
            assert_eq!(bets.len(), 1);
            for bet in bets {
                assert!(bet.payout.0 >= 0 && bet.version != Some(0));
                money(body, "/amount", bet.payout, currency.expect("a credit names it"));
            }
        }
        Command::Deposit { amount, currency }
        | Command::AuthoriseWithdrawal { amount, currency, .. } => {
            assert!(amount.is_positive());
            money(body, "/amount", *amount, *currency);
        }
        Command::Adjust { amount, currency, reason, .. } => {
            assert!(amount.0 != 0);
            line(reason);
            money(body, "/amount", *amount, *currency);
        }
        Command::GrantFreeRounds { count, value, currency, expires, .. } => {
            assert!((1..=10_000).contains(count) && value.is_positive());
            instant(*expires);
            money(body, "/stake", *value, *currency);
        }
        Command::SetLimit { kind, currency, value, .. } => {
            assert!(value.is_none_or(|value| value >= 0));
            assert_eq!(*kind == LimitKind::SessionTime, currency.is_none());
            if let (Some(currency), Some(value)) = (currency, value) {
                money(body, "/amount", Amount(*value), *currency);
            }
        }
        Command::ProposeVerdict { verdict, reason, .. } => {
            line(reason);
            if let Verdict::Settle { delta, currency } = verdict {
                let code = body.pointer("/currency").and_then(Value::as_str);
                assert_eq!(code.and_then(|code| Currency::parse(code).ok()), Some(*currency));
                money(body, "/delta", *delta, *currency);
            }
        }
        Command::Exclude { until, reason, .. } => {
            until.iter().copied().for_each(instant);
            line(reason);
        }
        Command::Readmit { reason, .. } => line(reason),
        Command::OpenSession { expires, .. } => {
            instant(*expires);
            assert!(*expires > calls::NOW);
        }
        Command::EndWithdrawal { .. }
        | Command::Rollback { .. }
        | Command::EndRound { .. }
        | Command::ConfirmVerdict { .. } => {}
        Command::MarkOverdue { .. }
        | Command::CloseSession { .. }
        | Command::Enter { .. }
        | Command::Leave { .. } => panic!("no body asks for {command:?}"),
    }
}
