//! The readable form, `palio.v1.json`: one JSON object per frame, named by `t`, no whitespace.

use super::board::{Board, Delta, Entry, Row};
use super::proof::{Chain, Digest, Proof};
use crate::time;
use palio_domain::UnixMs;
use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};

#[cfg(feature = "schema")]
use schemars::JsonSchema;

fn text(value: &impl Serialize) -> String {
    // Texts, numbers and lists always serialise.
    serde_json::to_string(value).unwrap_or_default()
}

/// A row of a snapshot or of an own row's neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RowText<'a> {
    /// Opaque key, stable within a tournament.
    pub k: &'a str,
    /// Rank from 1.
    pub r: u64,
    /// Alias.
    pub n: &'a str,
    /// Score, ready to show.
    pub s: &'a str,
}

/// The whole board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Snapshot<'a> {
    /// Which history `seq` belongs to.
    pub epoch: &'a str,
    /// Position in it, from 1.
    pub seq: u64,
    /// `upcoming`, `active`, `completed` or `cancelled`.
    pub status: &'a str,
    /// Ranked players.
    pub participants: u64,
    /// When the tournament ends, RFC 3339.
    pub ends_at: String,
    /// The server's time, RFC 3339.
    pub server_time: String,
    /// Decimals of scores in the binary form.
    pub decimals: u8,
    /// The board's hash, hex.
    pub hash: String,
    /// The head of the chain of proofs, hex.
    pub chain: String,
    /// Proofs so far in this epoch.
    pub n: u64,
    /// The rows in order.
    pub rows: Vec<RowText<'a>>,
}

/// What changed: `[i,"s"]`, `[i,j]`, `[i,j,"s"]` or `[i,"s","k","n"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set<'a> {
    at: usize,
    holds: &'a Entry,
}

impl Serialize for Set<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(None)?;
        list.serialize_element(&self.at)?;
        match self.holds {
            Entry::Scored { row, .. } => list.serialize_element(&row.score)?,
            Entry::Moved { from } => list.serialize_element(from)?,
            Entry::MovedScored { from, row, .. } => {
                list.serialize_element(from)?;
                list.serialize_element(&row.score)?;
            }
            Entry::New(row) => {
                list.serialize_element(&row.score)?;
                list.serialize_element(&row.key)?;
                list.serialize_element(&row.name)?;
            }
        }
        list.end()
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for Set<'_> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Set".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let (at, text) = (
            serde_json::json!({"type": "integer", "minimum": 0}),
            serde_json::json!({"type": "string"}),
        );
        let list = |items: &[&serde_json::Value]| {
            let (len, items) = (items.len(), items.to_vec());
            serde_json::json!({"type": "array", "items": items, "additionalItems": false,
                "minItems": len, "maxItems": len})
        };
        schemars::json_schema!({"oneOf": [
            list(&[&at, &text]),
            list(&[&at, &at]),
            list(&[&at, &at, &text]),
            list(&[&at, &text, &text, &text]),
        ]})
    }
}

/// Changed positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct DeltaText<'a> {
    /// The board it makes.
    pub seq: u64,
    /// The board that it is applied to, when that is not `seq − 1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev: Option<u64>,
    /// Positions that hold something else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<Set<'a>>,
    /// Rows, when their number changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub len: Option<usize>,
    /// Positions and their ranks, where these changed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub ranks: &'a [(usize, u64)],
    /// Ranked players, when changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participants: Option<u64>,
    /// The tournament's state, when changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'a str>,
}

/// A proof of a board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ProofText {
    /// Which board.
    pub seq: u64,
    /// The how manieth proof of the epoch, from 1.
    pub n: u64,
    /// The board's hash, hex.
    pub hash: String,
    /// The chain with it, hex.
    pub chain: String,
    /// When, RFC 3339.
    pub time: String,
    /// Home slot, and the last of its rows that the board has seen.
    pub cut: (u8, u64),
    /// The server's seal, hex.
    pub sig: String,
}

/// The next place and what is missing to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Ahead<'a> {
    /// Score missing.
    pub gap: &'a str,
    /// Alias.
    pub name: &'a str,
}

/// The player's own position; private.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
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
    pub around: Vec<RowText<'a>>,
}

/// A frame from the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "t", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Frame<'a> {
    /// The whole board.
    Snapshot(Snapshot<'a>),
    /// What changed.
    Delta(DeltaText<'a>),
    /// The client's cursor was good.
    Resumed {
        /// Which history.
        epoch: &'a str,
        /// The board that the client has.
        seq: u64,
    },
    /// Proof of a board.
    Proof(ProofText),
    /// Own position.
    Me(Me<'a>),
    /// What the client asked for failed; the socket stays.
    Error {
        /// The stable code.
        code: &'a str,
        /// What happened.
        detail: &'a str,
    },
    /// Boards are no longer what a core shows now: this node has lost touch with it.
    Stale {
        /// Since when, RFC 3339.
        since: String,
    },
    /// Boards are again what a core shows now.
    Fresh,
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
        server_time: String,
    },
}

impl Frame<'_> {
    /// The frame's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        text(self)
    }
}

/// What goes with a board in a snapshot.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// Which history.
    pub epoch: &'a str,
    /// When the tournament ends.
    pub ends_at: UnixMs,
    /// Decimals of the rows' points.
    pub decimals: u8,
    /// The board's hash.
    pub hash: Digest,
    /// Where the chain of proofs stands.
    pub chain: Chain,
}

/// Rows as they are written.
pub fn rows<'a>(rows: impl IntoIterator<Item = (u64, &'a Row)>) -> Vec<RowText<'a>> {
    let text = |(r, row): (u64, &'a Row)| RowText { k: &row.key, r, n: &row.name, s: &row.score };
    rows.into_iter().map(text).collect()
}

/// A snapshot.
#[must_use]
pub fn snapshot(board: &Board, around: Around<'_>, now: UnixMs) -> String {
    Frame::Snapshot(Snapshot {
        epoch: around.epoch,
        seq: board.seq,
        status: board.status.as_str(),
        participants: board.participants,
        ends_at: time::format(around.ends_at),
        server_time: time::format(now),
        decimals: around.decimals,
        hash: hex::encode(around.hash),
        chain: hex::encode(around.chain.head),
        n: around.chain.n,
        rows: rows(board.ranks.iter().copied().zip(board.rows.iter().map(|row| &**row))),
    })
    .to_text()
}

/// A delta.
#[must_use]
pub fn delta(delta: &Delta) -> String {
    Frame::Delta(DeltaText {
        seq: delta.seq,
        prev: Some(delta.prev).filter(|prev| prev.checked_add(1) != Some(delta.seq)),
        set: delta.set.iter().map(|set| Set { at: set.at, holds: &set.holds }).collect(),
        len: delta.len,
        ranks: &delta.ranks,
        participants: delta.participants,
        status: delta.status.map(super::Status::as_str),
    })
    .to_text()
}

/// A proof.
#[must_use]
pub fn proof(proof: &Proof) -> String {
    Frame::Proof(ProofText {
        seq: proof.seq,
        n: proof.chain.n,
        hash: hex::encode(proof.hash),
        chain: hex::encode(proof.chain.head),
        time: time::format(proof.time),
        cut: proof.cut,
        sig: hex::encode(proof.sig),
    })
    .to_text()
}
