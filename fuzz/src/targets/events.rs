//! `POST /events`: its eight shapes, alone and in lists. The head has the tenant's currency as its
//! first word and perhaps an idempotency key; then an empty line and the body.
//!
//! **Property:** a request has at most 1,000 events; each is refused with the caller's fault, or
//! becomes at most 1,000 commands that are the same after the event was written and read again,
//! one per player, together with every bet that was sent and no other; amounts are the numbers in
//! the text, in the currency that counts; an event means the same alone and in a list.

use crate::calls::provider;
use crate::support::{Message, refused, same_money};
use palio_domain::wallet::Command;
use palio_domain::wallet::contest::Act;
use palio_domain::{Amount, Currency};
use palio_protocol::events::{BETS_MAX, EVENTS_MAX, Event, ParsedEvent, parse_event, split};
use palio_protocol::field::{parse_key, parse_player};
use palio_protocol::json;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

pub(super) const WORDS: &[&str] = &[
    "event",
    "v",
    "bet.placed",
    "round.settled",
    "bet.rolled_back",
    "tournament.score_reported",
    "round.reported",
    "round.corrected",
    "void",
    "player.excluded",
    "until",
    "eventId",
    "betId",
    "playerId",
    "roundId",
    "gameId",
    "stake",
    "currency",
    "bets",
    "payout",
    "outcome",
    "WIN",
    "LOSE",
    "VOID",
    "version",
    "amount",
    "result",
    "ts",
    "traceId",
    "X-Idempotency-Key",
];

pub(super) fn target(bytes: &[u8]) {
    let Some(message) = Message::cut(bytes) else { return };
    let default = Currency::parse(message.word(0)).unwrap_or(Currency::EUR);
    let key = message.header("X-Idempotency-Key").filter(|key| !key.is_empty());
    let events = match split(message.body) {
        Ok(events) => events,
        Err(error) => return refused(&error),
    };
    assert!((1..=EVENTS_MAX).contains(&events.len()));
    for event in events {
        let alone = split(event.get().as_bytes());
        match parse_event(event, &provider(), default, key) {
            Err(error) => refused(&error),
            Ok(parsed) => {
                let [alone] = alone.as_deref().expect("an event is a request") else {
                    panic!("one event is several");
                };
                let again = parse_event(alone, &provider(), default, key);
                assert_eq!(again.as_ref(), Ok(&parsed), "alone and in a list");
                check(event, &parsed, default, key);
            }
        }
    }
}

fn check(event: &RawValue, parsed: &ParsedEvent, default: Currency, key: Option<&str>) {
    let shape: Event = json::parse(event.get().as_bytes()).expect("it was read before");
    let written = serde_json::value::to_raw_value(&shape).expect("an event is written");
    let again = parse_event(&written, &provider(), default, key);
    assert_eq!(again.as_ref(), Ok(parsed), "after it was written");

    assert!((1..=BETS_MAX).contains(&parsed.parts.len()));
    let players: BTreeSet<_> = parsed.parts.iter().map(|part| &part.player).collect();
    assert_eq!(players.len(), parsed.parts.len(), "a player has two commands");
    let mut settled = 0;
    for part in &parsed.parts {
        assert!(parse_player(&part.player).is_ok() && parse_key("key", &part.key).is_ok());
        assert!(key.is_none_or(|key| part.key == key) && part.session.is_none());
        settled += command(&part.command, event, &part.player);
    }
    assert_eq!(settled, shape.bets.len() * usize::from(settled > 0), "a bet was lost or made");
}

/// Checks a command's amounts; the number of bets that it settles.
fn command(command: &Command, event: &RawValue, player: &str) -> usize {
    // A body with a lone surrogate can't be looked at this way.
    let body: Value = json::parse(event.get().as_bytes()).unwrap_or_default();
    let money = |at: &str, amount: Amount, currency: Currency| {
        assert!(amount.0 >= 0);
        if let Some(text) = body.pointer(at).and_then(Value::as_str) {
            same_money(text, amount, currency);
        }
    };
    match command {
        Command::PlaceBet { stake, currency, .. } => money("/stake", *stake, *currency),
        Command::Play { stake, payout, currency, .. } => {
            money("/amount", *stake, *currency);
            money("/result", *payout, *currency);
        }
        Command::SettleBets { bets, currency, .. } => {
            let currency = currency.expect("an event's result has a currency");
            for result in bets {
                let is_it = |bet: &&Value| {
                    bet.pointer("/betId").and_then(Value::as_str) == Some(result.bet.as_str())
                        && bet.pointer("/playerId").and_then(Value::as_str) == Some(player)
                };
                let of = |name: &str| body.pointer(name).and_then(Value::as_str);
                let Some(sent) = body
                    .pointer("/bets")
                    .and_then(Value::as_array)
                    .and_then(|bets| bets.iter().find(is_it))
                else {
                    continue;
                };
                let own = sent.pointer("/currency").and_then(Value::as_str);
                if let Some(code) = own.or_else(|| of("/currency")) {
                    assert_eq!(code, currency.code());
                }
                let text = sent.pointer("/payout").and_then(Value::as_str).expect("a payout");
                assert!(result.payout.0 >= 0);
                same_money(text, result.payout, currency);
                if let (Some(text), Some(stake)) =
                    (sent.pointer("/stake").and_then(Value::as_str), result.stake)
                {
                    same_money(text, stake, currency);
                }
            }
            return bets.len();
        }
        Command::Rollback { .. } | Command::Report(_) | Command::Exclude { .. } => {}
        Command::Contest(act) => match &**act {
            Act::Report(report) => {
                money("/stake", report.stake, report.currency);
                money("/payout", report.payout, report.currency);
            }
            Act::Correct(correction) => {
                assert!(correction.version.is_none_or(|version| version > 1));
                if let Some(now) = correction.now {
                    money("/stake", now.stake, correction.currency);
                    money("/payout", now.payout, correction.currency);
                }
            }
            other => panic!("no event asks for {other:?}"),
        },
        other => panic!("no event asks for {other:?}"),
    }
    0
}
