//! The text of every frame to a client, and the bytes around it.
//!
//! Encoded once per audience: what comes out is shared by all who get it. No whitespace, `t` first.

use super::board::{Change, Delta};
use crate::actors::board::{BoardRow, BoardView, OwnRow};
use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, SecondsFormat};
use palio_domain::UnixMs;
use serde::Serialize;

/// The subprotocol of these frames.
pub const SUBPROTOCOL: &str = "palio.v1.json";

/// Close codes (docs/protocol.md).
pub mod close {
    /// The server shuts down; reconnect after `reconnectMs`.
    pub const AWAY: u16 = 1001;
    /// The client broke the protocol; do not reconnect.
    pub const PROTOCOL: u16 = 4400;
    /// The token was refused; do not reconnect with it.
    pub const TOKEN: u16 = 4401;
    /// The tournament is no more.
    pub const NO_TOURNAMENT: u16 = 4404;
    /// Too slow for too long; reconnect fresh.
    pub const SLOW: u16 = 4408;
    /// No close frame came at all; never sent.
    pub const BROKEN: u16 = 1006;
    /// A close frame without a code; never sent.
    pub const NO_CODE: u16 = 1005;
}

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

fn framed(opcode: u8, parts: &[&[u8]]) -> Bytes {
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut frame = BytesMut::with_capacity(len + 10);
    frame.put_u8(opcode);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short), _) if short < 126 => frame.put_u8(short),
        (_, Ok(middle)) => {
            frame.put_u8(126);
            frame.put_u16(middle);
        }
        (_, Err(_)) => {
            frame.put_u8(127);
            frame.put_u64(u64::try_from(len).unwrap_or(u64::MAX));
        }
    }
    parts.iter().for_each(|part| frame.put_slice(part));
    frame.freeze()
}

/// A text message in one frame.
#[must_use]
pub fn text(parts: &[&str]) -> Bytes {
    match parts {
        [one] => framed(TEXT, &[one.as_bytes()]),
        parts => framed(TEXT, &parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>()),
    }
}

/// A ping without payload.
#[must_use]
pub const fn ping() -> Bytes {
    Bytes::from_static(&[PING, 0])
}

/// The answer to a ping.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    framed(PONG, &[payload])
}

/// A close frame; without a code when `code` is one that is never sent.
#[must_use]
pub fn closing(code: u16) -> Bytes {
    if matches!(code, close::NO_CODE | close::BROKEN) {
        return Bytes::from_static(&[CLOSE, 0]);
    }
    framed(CLOSE, &[&code.to_be_bytes()])
}

/// An instant as RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn time(at: UnixMs) -> String {
    let at = DateTime::from_timestamp_millis(at.0).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn json(value: &impl Serialize) -> String {
    // Only strings and numbers in structs: there is nothing that could fail.
    serde_json::to_string(value).unwrap_or_default()
}

#[derive(Serialize)]
struct RowText<'a> {
    k: &'a str,
    r: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<&'a str>,
    s: &'a str,
}

impl<'a> From<&'a BoardRow> for RowText<'a> {
    fn from(row: &'a BoardRow) -> Self {
        Self { k: &row.key, r: row.rank, n: Some(&row.name), s: &row.score }
    }
}

impl<'a> From<&'a Change> for RowText<'a> {
    fn from(row: &'a Change) -> Self {
        let n = row.names().then_some(row.name.as_str());
        Self { k: &row.key, r: row.rank, n, s: &row.score }
    }
}

fn row_texts(rows: &[BoardRow]) -> Vec<RowText<'_>> {
    rows.iter().map(RowText::from).collect()
}

/// A snapshot's text up to the value of `serverTime`, and from after it.
#[must_use]
pub fn snapshot(epoch: &str, seq: u64, view: &BoardView) -> (String, String) {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Head<'a> {
        t: &'a str,
        epoch: &'a str,
        seq: u64,
        status: &'a str,
        participants: u64,
        ends_at: String,
        server_time: &'a str,
    }
    let (status, participants) = (view.status.as_str(), view.participants);
    let ends_at = time(view.ends_at);
    let t = "snapshot";
    let mut head = json(&Head { t, epoch, seq, status, participants, ends_at, server_time: "" });
    // Ends in `"serverTime":""}`: the time goes between the quotes, the rest follows.
    head.truncate(head.len().saturating_sub(2));
    let tail = format!("\",\"rows\":{}}}", json(&row_texts(&view.rows)));
    (head, tail)
}

/// A delta's text.
#[must_use]
pub fn delta(delta: &Delta) -> String {
    #[derive(Serialize)]
    struct Text<'a> {
        t: &'a str,
        seq: u64,
        prev: u64,
        set: Vec<RowText<'a>>,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        del: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        participants: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'a str>,
    }
    let Delta { prev, seq, set, del, participants, status } = delta;
    json(&Text {
        t: "delta",
        seq: *seq,
        prev: *prev,
        set: set.iter().map(RowText::from).collect(),
        del,
        participants: *participants,
        status: status.map(|status| status.as_str()),
    })
}

/// The first frame of a resume.
#[must_use]
pub fn resumed(epoch: &str, seq: u64) -> String {
    format!(r#"{{"t":"resumed","epoch":"{epoch}","seq":{seq}}}"#)
}

/// A player's own row.
#[must_use]
pub fn me(own: &OwnRow) -> String {
    #[derive(Serialize)]
    struct Ahead<'a> {
        gap: &'a str,
        name: &'a str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Text<'a> {
        t: &'a str,
        rank: Option<u64>,
        score: &'a str,
        key: &'a str,
        participants: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        ahead: Option<Ahead<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        prize_gap: Option<&'a str>,
        around: Vec<RowText<'a>>,
    }
    json(&Text {
        t: "me",
        rank: own.rank,
        score: &own.score,
        key: &own.key,
        participants: own.participants,
        ahead: own.ahead.as_ref().map(|(gap, name)| Ahead { gap, name }),
        prize_gap: own.prize_gap.as_deref(),
        around: row_texts(&own.around),
    })
}

/// A request that failed; the texts are ours and need no escaping.
#[must_use]
pub fn error(code: &'static str, detail: &'static str) -> String {
    format!(r#"{{"t":"error","code":"{code}","detail":"{detail}"}}"#)
}

/// What goes before a close.
#[must_use]
pub fn bye(code: u16, reconnect_ms: Option<u64>) -> String {
    let reconnect = reconnect_ms.map(|ms| format!(r#","reconnectMs":{ms}"#)).unwrap_or_default();
    format!(r#"{{"t":"bye","code":{code}{reconnect}}}"#)
}

/// The answer to `{"t":"ping"}`.
#[must_use]
pub fn pong_text(now: UnixMs) -> String {
    format!(r#"{{"t":"pong","serverTime":"{}"}}"#, time(now))
}

/// The body of the first page over HTTP.
#[must_use]
pub fn page(epoch: &str, seq: u64, view: &BoardView, as_of: UnixMs, limit: usize) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        rank: u64,
        name: &'a str,
        score: &'a str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Page<'a> {
        tournament_id: &'a str,
        epoch: &'a str,
        seq: u64,
        status: &'a str,
        participants: u64,
        rows: Vec<Line<'a>>,
        as_of: String,
    }
    let rows = view.rows.iter().take(limit);
    json(&Page {
        tournament_id: view.tournament.as_str(),
        epoch,
        seq,
        status: view.status.as_str(),
        participants: view.participants,
        rows: rows.map(|r| Line { rank: r.rank, name: &r.name, score: &r.score }).collect(),
        as_of: time(as_of),
    })
}

/// An RFC 9457 problem; the texts are ours and need no escaping, `trace` is checked.
#[must_use]
pub fn problem(status: u16, code: &'static str, detail: &'static str, trace: &str) -> String {
    format!(
        r#"{{"type":"about:blank","title":"{detail}","status":{status},"code":"{code}","detail":"{detail}","traceId":"{trace}"}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_framed() {
        for (len, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 255, 255]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = text(&[&"x".repeat(len)]);
            assert_eq!(frame[..header.len()], header, "{len}");
            assert_eq!(frame.len(), header.len() + len);
        }
    }

    #[test]
    fn small_frames_are_exact() {
        assert_eq!(closing(4408)[..], [0x88, 2, 0x11, 0x38]);
        assert_eq!(closing(close::NO_CODE)[..], [0x88, 0]);
        assert_eq!(pong(b"hi")[..], [0x8a, 2, b'h', b'i']);
        assert_eq!(bye(1001, Some(900)), r#"{"t":"bye","code":1001,"reconnectMs":900}"#);
        assert_eq!(bye(4400, None), r#"{"t":"bye","code":4400}"#);
        assert_eq!(
            pong_text(UnixMs(1_700_000_000_005)),
            r#"{"t":"pong","serverTime":"2023-11-14T22:13:20.005Z"}"#
        );
    }
}
