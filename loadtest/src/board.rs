//! A live board as a client sees it: frames in, rows out. No I/O.
//!
//! **Invariants:** a delta is applied only to the board it was made from (`prev`); ranks have no
//! gaps and no two rows share one; after an error the board is as it was.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A row of the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Opaque, stable within a tournament.
    pub key: String,
    /// From 1.
    pub rank: u64,
    /// The alias.
    pub name: String,
    /// Ready to show.
    pub score: String,
}

/// Why a frame does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not a frame of docs/protocol.md.
    #[error("not a frame: {0}")]
    NotAFrame(String),
    /// A delta came before any snapshot or resume.
    #[error("a delta without a board")]
    NoBoard,
    /// The delta was made from another board than the one at hand.
    #[error("gap: the board is at {have}, the delta starts at {prev}")]
    Gap {
        /// The board's position.
        have: u64,
        /// The delta's base.
        prev: u64,
    },
    /// A delta that does not go forward.
    #[error("the delta goes from {prev} to {seq}")]
    NotForward {
        /// The delta's base.
        prev: u64,
        /// The delta's result.
        seq: u64,
    },
    /// A resume to another place than where this board is.
    #[error("resumed at {epoch}-{seq}, which is not this board")]
    ResumedElsewhere {
        /// As the server says.
        epoch: String,
        /// As the server says.
        seq: u64,
    },
    /// A row that was not on the board came without a name.
    #[error("row {0} came without a name")]
    NoName(String),
    /// Ranks have a gap, or two rows share one.
    #[error("rank {found} where {wanted} should be")]
    Ranks {
        /// What should be there.
        wanted: u64,
        /// What is.
        found: u64,
    },
}

/// A row in a frame.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Change {
    /// Row key.
    pub k: String,
    /// Rank.
    pub r: u64,
    /// Name, only of rows that were not on the board.
    pub n: Option<String>,
    /// Score.
    pub s: String,
}

/// The player's own row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// `None` while unranked.
    pub rank: Option<u64>,
    /// Ready to show.
    #[serde(default)]
    pub score: Option<String>,
    /// Row key.
    #[serde(default)]
    pub key: Option<String>,
    /// How many take part.
    #[serde(default)]
    pub participants: u64,
    /// The next place up.
    #[serde(default)]
    pub ahead: Option<Ahead>,
    /// To the last place with a prize.
    #[serde(default)]
    pub prize_gap: Option<String>,
    /// The neighbours, own row included.
    #[serde(default)]
    pub around: Vec<Change>,
}

/// The next place up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ahead {
    /// Score missing to it.
    pub gap: String,
    /// Who holds it.
    pub name: String,
}

/// Everything the server sends, by its `t`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
#[expect(missing_docs, reason = "the fields are those of docs/protocol.md")]
pub enum Frame {
    /// The whole top.
    #[serde(rename_all = "camelCase")]
    Snapshot {
        epoch: String,
        seq: u64,
        status: String,
        participants: u64,
        ends_at: Option<String>,
        server_time: Option<String>,
        rows: Vec<Change>,
    },
    /// Changed positions.
    Delta {
        seq: u64,
        prev: u64,
        #[serde(default)]
        set: Vec<Change>,
        #[serde(default)]
        del: Vec<String>,
        participants: Option<u64>,
        status: Option<String>,
    },
    /// A resume was possible.
    Resumed { epoch: String, seq: u64 },
    /// The player's own row.
    Me(Box<Me>),
    /// A request of this client failed.
    Error { code: String, detail: Option<String> },
    /// Goes before a close.
    #[serde(rename_all = "camelCase")]
    Bye { code: ByeCode, reconnect_ms: Option<u64> },
    /// The answer to a ping.
    #[serde(rename_all = "camelCase")]
    Pong { server_time: Option<String> },
    /// A frame of a later version.
    #[serde(other)]
    Other,
}

/// The code of a `bye`, a number or a word.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ByeCode {
    /// A close code.
    Number(u16),
    /// A word.
    Text(String),
}

impl Frame {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`Error::NotAFrame`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|e| Error::NotAFrame(format!("{e} in {text}")))
    }
}

/// The board of one socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Board {
    epoch: Option<String>,
    seq: u64,
    status: String,
    participants: u64,
    rows: Vec<Row>,
}

impl Board {
    /// An empty board that claims a position, to resume from.
    #[must_use]
    pub fn at(epoch: &str, seq: u64) -> Self {
        Self { epoch: Some(epoch.to_owned()), seq, ..Self::default() }
    }

    /// The epoch; empty before the first frame.
    #[must_use]
    pub fn epoch(&self) -> &str {
        self.epoch.as_deref().unwrap_or_default()
    }

    /// The position within the epoch.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// `upcoming`, `active`, `completed` or `cancelled`.
    #[must_use]
    pub fn status(&self) -> &str {
        &self.status
    }

    /// How many take part.
    #[must_use]
    pub const fn participants(&self) -> u64 {
        self.participants
    }

    /// The rows by rank.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Epoch and seq to resume from, once there is something to resume.
    #[must_use]
    pub fn cursor(&self) -> Option<(&str, u64)> {
        self.epoch.as_deref().map(|epoch| (epoch, self.seq))
    }

    /// Applies a frame; frames that are not about the board change nothing.
    ///
    /// # Errors
    /// Any but [`Error::NotAFrame`]; the board is then as it was.
    pub fn apply(&mut self, frame: &Frame) -> Result<(), Error> {
        match frame {
            Frame::Snapshot { epoch, seq, status, participants, rows, .. } => {
                let rows = merged(&[], rows, &[])?;
                let (epoch, status) = (Some(epoch.clone()), status.clone());
                *self = Self { epoch, seq: *seq, status, participants: *participants, rows };
            }
            Frame::Delta { seq, prev, set, del, participants, status } => {
                if self.epoch.is_none() {
                    return Err(Error::NoBoard);
                }
                if *prev != self.seq {
                    return Err(Error::Gap { have: self.seq, prev: *prev });
                }
                if seq <= prev {
                    return Err(Error::NotForward { prev: *prev, seq: *seq });
                }
                self.rows = merged(&self.rows, set, del)?;
                self.seq = *seq;
                self.participants = participants.unwrap_or(self.participants);
                if let Some(status) = status {
                    self.status.clone_from(status);
                }
            }
            Frame::Resumed { epoch, seq } => {
                if self.cursor() != Some((epoch, *seq)) {
                    return Err(Error::ResumedElsewhere { epoch: epoch.clone(), seq: *seq });
                }
            }
            Frame::Me(_) | Frame::Error { .. } | Frame::Bye { .. } => {}
            Frame::Pong { .. } | Frame::Other => {}
        }
        Ok(())
    }
}

/// Removes `del`, upserts `set`, sorts by rank.
fn merged(rows: &[Row], set: &[Change], del: &[String]) -> Result<Vec<Row>, Error> {
    let mut by_key: BTreeMap<&str, Row> =
        rows.iter().map(|row| (row.key.as_str(), row.clone())).collect();
    let names: BTreeMap<&str, &str> =
        rows.iter().map(|row| (row.key.as_str(), row.name.as_str())).collect();
    del.iter().for_each(|key| {
        by_key.remove(key.as_str());
    });
    for Change { k, r, n, s } in set {
        let known = names.get(k.as_str()).copied();
        let name = n.as_deref().or(known).ok_or_else(|| Error::NoName(k.clone()))?.to_owned();
        by_key.insert(k, Row { key: k.clone(), rank: *r, name, score: s.clone() });
    }
    let mut rows: Vec<Row> = by_key.into_values().collect();
    rows.sort_by_key(|row| row.rank);
    for (wanted, row) in (1..).zip(&rows) {
        if row.rank != wanted {
            return Err(Error::Ranks { wanted, found: row.rank });
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = r#"{"t":"snapshot","epoch":"k","seq":4,"status":"active",
        "participants":2,"endsAt":"T","serverTime":"T","rows":[
        {"k":"a","r":1,"n":"Otter","s":"2"},{"k":"b","r":2,"n":"Fox","s":"1"}]}"#;

    fn board(frames: &[&str]) -> Result<Board, Error> {
        let mut board = Board::default();
        for frame in frames {
            board.apply(&Frame::parse(frame)?)?;
        }
        Ok(board)
    }

    fn shown(board: &Board) -> Vec<String> {
        let show = |r: &Row| format!("{}{} {} {}", r.rank, r.key, r.name, r.score);
        board.rows().iter().map(show).collect()
    }

    #[test]
    fn deltas_change_positions_only() {
        let swap = r#"{"t":"delta","seq":5,"prev":4,"set":[{"k":"b","r":1,"s":"3"},
            {"k":"a","r":2,"s":"2"}]}"#;
        let swapped = board(&[SNAPSHOT, swap]).unwrap();
        assert_eq!(shown(&swapped), ["1b Fox 3", "2a Otter 2"]);
        let replace = r#"{"t":"delta","seq":9,"prev":5,"set":[{"k":"c","r":2,"n":"Owl","s":"2.5"}],
            "del":["a"],"participants":3,"status":"completed"}"#;
        let replaced = board(&[SNAPSHOT, swap, replace]).unwrap();
        assert_eq!(shown(&replaced), ["1b Fox 3", "2c Owl 2.5"]);
        assert_eq!((replaced.participants(), replaced.status()), (3, "completed"));
        assert_eq!(replaced.cursor(), Some(("k", 9)));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let rows: &[(&str, Error)] = &[
            (r#"{"t":"delta","seq":6,"prev":5}"#, Error::Gap { have: 4, prev: 5 }),
            (r#"{"t":"delta","seq":4,"prev":4}"#, Error::NotForward { prev: 4, seq: 4 }),
            (
                r#"{"t":"delta","seq":5,"prev":4,"set":[{"k":"c","r":3,"s":"0"}]}"#,
                Error::NoName("c".to_owned()),
            ),
            (
                r#"{"t":"delta","seq":5,"prev":4,"set":[{"k":"b","r":1,"s":"3"}]}"#,
                Error::Ranks { wanted: 2, found: 1 },
            ),
            (r#"{"t":"delta","seq":5,"prev":4,"del":["a"]}"#, Error::Ranks { wanted: 1, found: 2 }),
            (
                r#"{"t":"resumed","epoch":"z","seq":4}"#,
                Error::ResumedElsewhere { epoch: "z".to_owned(), seq: 4 },
            ),
        ];
        for (frame, error) in rows {
            let mut board = board(&[SNAPSHOT]).unwrap();
            let before = board.clone();
            assert_eq!(board.apply(&Frame::parse(frame).unwrap()).as_ref(), Err(error), "{frame}");
            assert_eq!(board, before);
        }
        let delta = r#"{"t":"delta","seq":1,"prev":0}"#;
        assert_eq!(board(&[delta]), Err(Error::NoBoard));
        assert!(matches!(Frame::parse("{}"), Err(Error::NotAFrame(_))));
    }

    #[test]
    fn frames_not_about_the_board_change_nothing() {
        let before = board(&[SNAPSHOT]).unwrap();
        let others = [
            r#"{"t":"resumed","epoch":"k","seq":4}"#,
            r#"{"t":"me","rank":null,"participants":2,"around":[]}"#,
            r#"{"t":"me","rank":2,"score":"1","key":"b","participants":2,
                "ahead":{"gap":"1","name":"Otter"},"prizeGap":"0.5",
                "around":[{"k":"a","r":1,"n":"Otter","s":"2"}]}"#,
            r#"{"t":"error","code":"BAD_FRAME","detail":"x"}"#,
            r#"{"t":"bye","code":1001,"reconnectMs":500}"#,
            r#"{"t":"bye","code":"SHUTDOWN"}"#,
            r#"{"t":"pong","serverTime":"T"}"#,
            r#"{"t":"proof","hash":"x"}"#,
        ];
        for frame in others {
            assert_eq!(board(&[SNAPSHOT, frame]).unwrap(), before, "{frame}");
        }
    }
}
