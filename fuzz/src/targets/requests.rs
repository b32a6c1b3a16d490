//! What an upgrade asks for: `GET path?query`, then the headers `Sec-WebSocket-Protocol`,
//! `Origin`, `Host` and `Allowed` (an origin of the configuration).
//!
//! **Property:** a tournament is the one that the path ends with; a cursor is one of the query's
//! own pairs and is found again in what it is written as; a page of another origin is let in only
//! if it is listed; the subprotocol answered was offered.

use crate::support::Message;
use palio::ws::request::{cursor, origin_allowed, subprotocol, tournament};
use palio_protocol::live::Form;

pub(super) const WORDS: &[&str] = &[
    "/ws/tournaments/",
    "tournaments",
    "epoch",
    "seq",
    "epoch=k.0",
    "seq=7",
    "Sec-WebSocket-Protocol",
    "Origin",
    "Host",
    "Allowed",
    "palio.v1.json",
    "https://a.example",
    "http://",
    "a.example",
    "null",
    "localhost:8080",
];

pub(super) fn target(bytes: &[u8]) {
    let Some(message) = Message::cut(bytes) else { return };
    let (path, query) = message.word(1).split_once('?').unwrap_or((message.word(1), ""));
    if let Some(id) = tournament(path) {
        assert_eq!(path, format!("/ws/tournaments/{}", id.as_str()));
    }
    if let Some(at) = cursor(query) {
        let has = |pair: String| query.split('&').any(|known| known == pair);
        assert!(!at.epoch.is_empty() && has(format!("epoch={}", at.epoch)));
        assert!(query.split('&').any(|pair| {
            pair.strip_prefix("seq=").and_then(|seq| seq.parse().ok()) == Some(at.seq)
        }));
        assert_eq!(cursor(&format!("epoch={}&seq={}", at.epoch, at.seq)), Some(at));
    }
    protocols(message.header("Sec-WebSocket-Protocol"));
    let allowed: Vec<String> = message.header("Allowed").map(str::to_owned).into_iter().collect();
    origin(message.header("Origin"), message.header("Host"), &allowed);
}

fn protocols(offer: Option<&str>) {
    let known = |one: &str| Form::ALL.into_iter().find(|form| form.subprotocol() == one.trim());
    let expected = match offer {
        None => Some(None),
        Some(offer) => offer.split(',').find_map(known).map(Some),
    };
    assert_eq!(subprotocol(offer.into_iter()), expected, "{offer:?}");
}

fn origin(origin: Option<&str>, host: Option<&str>, allowed: &[String]) {
    let is_in = origin_allowed(origin, host, allowed);
    let Some(origin) = origin else { return assert!(is_in, "no browser") };
    let origin = origin.to_ascii_lowercase();
    let listed = allowed.iter().any(|known| known.to_ascii_lowercase() == origin);
    let own = host.is_some_and(|host| {
        let scheme = origin.strip_suffix(&host.to_ascii_lowercase());
        // The scheme is what stands before the first mark of one, and it is there.
        scheme.is_some_and(|scheme| scheme.find("://") == Some(scheme.len().wrapping_sub(3)))
    });
    assert_eq!(is_in, listed || own, "{origin} at {host:?}");
}
