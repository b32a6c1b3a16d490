//! Frames of the live socket, subprotocol `palio.v1.json`: one JSON object each, named by `t`.
//!
//! Server frames borrow from the board they show, since each is written once for many sockets.
//!
//! Closing:
//!
//! | code | meaning | the client should |
//! |---|---|---|
//! | 1000 | done | not reconnect |
//! | 1001 | the server shuts down | reconnect after `reconnectMs` of `bye` |
//! | 4400 | protocol error | not reconnect |
//! | 4401 | token refused | not reconnect with it |
//! | 4404 | no such tournament | not reconnect |
//! | 4408 | too slow for too long | reconnect without a cursor |
//! | 4429 | too many sockets | reconnect later |

use crate::error_code::ErrorCode;
use crate::field::FieldError;
use crate::json;
use serde::{Deserialize, Serialize};

/// The subprotocol's name.
pub const SUBPROTOCOL: &str = "palio.v1.json";
/// Longest frame a client may send, in bytes.
pub const CLIENT_FRAME_LEN_MAX: usize = 4 * 1024;

/// Close code: done.
pub const CLOSE_DONE: u16 = 1000;
/// Close code: the server shuts down.
pub const CLOSE_SHUTDOWN: u16 = 1001;
/// Close code: protocol error.
pub const CLOSE_PROTOCOL: u16 = 4400;
/// Close code: token refused.
pub const CLOSE_TOKEN: u16 = 4401;
/// Close code: no such tournament.
pub const CLOSE_NOT_FOUND: u16 = 4404;
/// Close code: too slow for too long.
pub const CLOSE_SLOW: u16 = 4408;
/// Close code: too many sockets.
pub const CLOSE_TOO_MANY: u16 = 4429;

/// One position of a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Row<'a> {
    /// Opaque row key.
    pub k: &'a str,
    /// Rank from 1.
    pub r: u64,
    /// Alias; in a delta only for a row that was not on the board before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<&'a str>,
    /// Score, ready to show.
    pub s: &'a str,
}

/// The next place and what is missing to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ahead<'a> {
    /// Score missing.
    pub gap: &'a str,
    /// Alias.
    pub name: &'a str,
}

/// The whole top.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot<'a> {
    /// The broadcaster's life; `seq` counts inside it.
    pub epoch: &'a str,
    /// The board's version.
    pub seq: u64,
    /// The tournament's state.
    pub status: &'a str,
    /// Ranked players.
    pub participants: u64,
    /// When it ends, RFC 3339.
    pub ends_at: &'a str,
    /// The server's time, RFC 3339.
    pub server_time: &'a str,
    /// The top by rank.
    pub rows: &'a [Row<'a>],
}

/// What changed since `prev`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delta<'a> {
    /// The version after it.
    pub seq: u64,
    /// The version it is applied to.
    pub prev: u64,
    /// Rows to put in or replace.
    pub set: &'a [Row<'a>],
    /// Keys of rows to remove.
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    pub del: &'a [&'a str],
    /// Ranked players, when changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participants: Option<u64>,
    /// The tournament's state, when changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'a str>,
}

/// The player's own position; private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Me<'a> {
    /// Position, `null` while unranked.
    pub rank: Option<u64>,
    /// Own score.
    pub score: &'a str,
    /// Own row key.
    pub key: &'a str,
    /// Ranked players.
    pub participants: u64,
    /// The next place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead<'a>>,
    /// Score missing to the last paid place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prize_gap: Option<&'a str>,
    /// Neighbours and the own row, by rank.
    pub around: &'a [Row<'a>],
}

/// A frame from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "t", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerFrame<'a> {
    /// The whole top.
    Snapshot(Snapshot<'a>),
    /// What changed.
    Delta(Delta<'a>),
    /// A resume was possible.
    Resumed {
        /// The broadcaster's life.
        epoch: &'a str,
        /// The version the client has.
        seq: u64,
    },
    /// Own position.
    Me(Me<'a>),
    /// What the client asked for failed; the socket stays.
    Error {
        /// The stable code.
        code: &'a str,
        /// What happened.
        detail: &'a str,
    },
    /// Goes before a close.
    Bye {
        /// The close code that follows.
        code: u16,
        /// When to come back, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        reconnect_ms: Option<u64>,
    },
    /// Answer to a ping.
    Pong {
        /// The server's time, RFC 3339.
        server_time: &'a str,
    },
}

impl<'a> ServerFrame<'a> {
    /// An error frame of a stable code.
    #[must_use]
    pub const fn error(code: ErrorCode, detail: &'a str) -> Self {
        Self::Error { code: code.code(), detail }
    }

    /// The frame's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A frame from the client.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "t", rename_all = "camelCase")]
pub enum ClientFrame {
    /// Says who is watching.
    Auth {
        /// A player's token.
        token: String,
    },
    /// Asks for a pong.
    Ping,
}

impl std::fmt::Debug for ClientFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auth { .. } => "Auth(…)",
            Self::Ping => "Ping",
        })
    }
}

impl ClientFrame {
    /// Reads a frame.
    ///
    /// # Errors
    /// `BODY_TOO_LARGE` past [`CLIENT_FRAME_LEN_MAX`]; `BAD_JSON` for anything that is not a
    /// known frame.
    pub fn parse(text: &[u8]) -> Result<Self, FieldError> {
        if text.len() > CLIENT_FRAME_LEN_MAX {
            let message = format!("a frame is longer than {CLIENT_FRAME_LEN_MAX} bytes");
            return Err(FieldError::new(ErrorCode::BodyTooLarge, "", message));
        }
        json::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_have_exactly_these_bytes() {
        let row = Row { k: "a1", r: 1, n: Some("Swift Otter 17"), s: "1284.50" };
        let moved = Row { n: None, ..row };
        let cases = [
            (
                ServerFrame::Snapshot(Snapshot {
                    epoch: "k3f9",
                    seq: 42,
                    status: "active",
                    participants: 214,
                    ends_at: "2026-11-21T19:00:00.000Z",
                    server_time: "2026-11-21T18:03:11.000Z",
                    rows: &[row],
                }),
                r#"{"t":"snapshot","epoch":"k3f9","seq":42,"status":"active","participants":214,"endsAt":"2026-11-21T19:00:00.000Z","serverTime":"2026-11-21T18:03:11.000Z","rows":[{"k":"a1","r":1,"n":"Swift Otter 17","s":"1284.50"}]}"#,
            ),
            (
                ServerFrame::Delta(Delta {
                    seq: 43,
                    prev: 42,
                    set: &[moved],
                    del: &[],
                    participants: None,
                    status: None,
                }),
                r#"{"t":"delta","seq":43,"prev":42,"set":[{"k":"a1","r":1,"s":"1284.50"}]}"#,
            ),
            (
                ServerFrame::Delta(Delta {
                    seq: 44,
                    prev: 43,
                    set: &[],
                    del: &["a1"],
                    participants: Some(213),
                    status: Some("completed"),
                }),
                r#"{"t":"delta","seq":44,"prev":43,"set":[],"del":["a1"],"participants":213,"status":"completed"}"#,
            ),
            (
                ServerFrame::Resumed { epoch: "k3f9", seq: 42 },
                r#"{"t":"resumed","epoch":"k3f9","seq":42}"#,
            ),
            (
                ServerFrame::Me(Me {
                    rank: None,
                    score: "0.00",
                    key: "b2",
                    participants: 3,
                    ahead: None,
                    prize_gap: None,
                    around: &[],
                }),
                r#"{"t":"me","rank":null,"score":"0.00","key":"b2","participants":3,"around":[]}"#,
            ),
            (
                ServerFrame::Me(Me {
                    rank: Some(2),
                    score: "1.00",
                    key: "b2",
                    participants: 3,
                    ahead: Some(Ahead { gap: "0.50", name: "Swift Otter 17" }),
                    prize_gap: Some("0.50"),
                    around: &[moved],
                }),
                r#"{"t":"me","rank":2,"score":"1.00","key":"b2","participants":3,"ahead":{"gap":"0.50","name":"Swift Otter 17"},"prizeGap":"0.50","around":[{"k":"a1","r":1,"s":"1284.50"}]}"#,
            ),
            (
                ServerFrame::error(ErrorCode::BadToken, "no"),
                r#"{"t":"error","code":"BAD_TOKEN","detail":"no"}"#,
            ),
            (
                ServerFrame::Bye { code: CLOSE_SHUTDOWN, reconnect_ms: Some(1500) },
                r#"{"t":"bye","code":1001,"reconnectMs":1500}"#,
            ),
            (
                ServerFrame::Pong { server_time: "2026-11-21T18:03:11.000Z" },
                r#"{"t":"pong","serverTime":"2026-11-21T18:03:11.000Z"}"#,
            ),
        ];
        for (frame, expected) in cases {
            assert_eq!(frame.to_json(), expected);
        }
    }

    #[test]
    fn client_frames_are_read_or_refused() {
        let token = ClientFrame::Auth { token: "x.y.z".to_owned() };
        assert_eq!(ClientFrame::parse(br#"{"t":"auth","token":"x.y.z"}"#), Ok(token.clone()));
        assert_eq!(ClientFrame::parse(br#"{"t":"ping","n":1}"#), Ok(ClientFrame::Ping));
        assert!(!format!("{token:?}").contains('x'), "a token is never logged");
        let bad: &[&[u8]] =
            &[b"", b"ping", b"[]", br#"["ping"]"#, br#"{"t":"bet"}"#, br#"{"t":"auth"}"#];
        for text in bad {
            assert_eq!(ClientFrame::parse(text).unwrap_err().code, ErrorCode::BadJson);
        }
        let long = vec![b' '; CLIENT_FRAME_LEN_MAX + 1];
        assert_eq!(ClientFrame::parse(&long).unwrap_err().code, ErrorCode::BodyTooLarge);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(ClientFrame::parse(&bytes).map_or(true, |frame| frame == ClientFrame::Ping));
        }
    }
}
