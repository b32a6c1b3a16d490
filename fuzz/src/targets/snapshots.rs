//! Saved states as a damaged store may give them: `wallet`, `tournament`, `provider` or `ranking`,
//! an empty line, the state's JSON.
//!
//! **Property:** what is read is the same after it was written and read again, can be shown at
//! any time, and goes on to decide commands; otherwise it is refused. Never a panic.

use super::rows::{goes_on, lives};
use crate::support::Message;
use palio_domain::provider::Provider;
use palio_domain::tournament::{Definition, Metric, Standings, lifecycle};
use palio_domain::wallet::{Cell, Wallet};
use palio_domain::{PlayerId, TenantId};
use std::sync::Arc;

pub(super) const WORDS: &[&str] = &[
    "wallet",
    "tournament",
    "provider",
    "ranking",
    "seq",
    "accounts",
    "cash",
    "bonus",
    "held",
    "locked",
    "debt",
    "open",
    "sessions",
    "entries",
    "withdrawals",
    "free_rounds",
    "proposals",
    "usage",
    "protection",
    "play_time",
    "past",
    "limits",
    "spun",
    "definition",
    "step",
    "positions",
    "players",
    "cut",
    "sum",
    "rounds",
    "reached",
];

pub(super) fn target(bytes: &[u8]) {
    let Some(message) = Message::cut(bytes) else { return };
    match message.word(0) {
        "wallet" => {
            let Ok(wallet) = serde_json::from_slice::<Wallet>(message.body) else { return };
            let cell = Cell::load(TenantId(1), PlayerId(7), Some(wallet), []);
            goes_on(cell.expect("a snapshot without rows"));
        }
        "tournament" => {
            let read = serde_json::from_slice::<lifecycle::Tournament>(message.body);
            read.iter().for_each(lives);
        }
        "provider" => {
            let Ok(provider) = serde_json::from_slice::<Provider>(message.body) else { return };
            let saved = serde_json::to_vec(&provider).expect("a state is written");
            let again: Provider = serde_json::from_slice(&saved).expect("it reads back");
            assert_eq!(again, provider);
        }
        "ranking" => {
            let Ok(text) = std::str::from_utf8(message.body) else { return };
            ranking(text);
        }
        _ => {}
    }
}

fn ranking(text: &str) {
    for metric in [Metric::Turnover, Metric::Ggr] {
        let definition = Arc::new(Definition { metric, ..super::rows::definition(metric) });
        let Some(read) = Standings::restore(Arc::clone(&definition), TenantId(1), text) else {
            continue;
        };
        let again = Standings::restore(definition, TenantId(1), &read.save());
        let again = again.expect("a saved ranking reads back");
        assert_eq!(again.result(), read.result());
        for place in read.page(0, 100) {
            let own = read.of(place.player).expect("a ranked player");
            assert_eq!((own.rank, own.score), (Some(place.rank), place.score));
        }
    }
}
