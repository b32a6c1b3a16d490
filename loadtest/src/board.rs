//! A live board as a client sees it: frames in, rows out. No I/O.
//!
//! Written from docs/protocol/live.md alone, so that it checks the server's own idea of a delta.
//!
//! **Invariants:** a delta is applied only to the board it was made from (`prev`); ranks never
//! fall; after an error the board is as it was.

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// A delta names a position that the board lacks, or leaves one empty.
    #[error("position {0} is not there")]
    NoPosition(usize),
    /// An entry of no known form.
    #[error("not an entry of a delta: {0}")]
    NotAnEntry(String),
    /// Ranks fall, or one is beyond its position.
    #[error("rank {found} at position {at}")]
    Ranks {
        /// Which position, from 0.
        at: usize,
        /// What is there.
        found: u64,
    },
}

/// A row in a frame.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Whole {
    /// Row key.
    pub k: String,
    /// Rank.
    pub r: u64,
    /// Name.
    pub n: String,
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
    pub around: Vec<Whole>,
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
        rows: Vec<Whole>,
    },
    /// Changed positions.
    Delta {
        seq: u64,
        /// The base, where it is not the board before.
        prev: Option<u64>,
        #[serde(default)]
        set: Vec<Vec<Value>>,
        len: Option<usize>,
        #[serde(default)]
        ranks: Vec<(usize, u64)>,
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
                let row = |row: &Whole| Row {
                    key: row.k.clone(),
                    rank: row.r,
                    name: row.n.clone(),
                    score: row.s.clone(),
                };
                let rows = checked(rows.iter().map(row).collect())?;
                let (epoch, status) = (Some(epoch.clone()), status.clone());
                *self = Self { epoch, seq: *seq, status, participants: *participants, rows };
            }
            Frame::Delta { seq, prev, set, len, ranks, participants, status } => {
                if self.epoch.is_none() {
                    return Err(Error::NoBoard);
                }
                let prev = prev.unwrap_or(seq.saturating_sub(1));
                if prev != self.seq {
                    return Err(Error::Gap { have: self.seq, prev });
                }
                if *seq <= prev {
                    return Err(Error::NotForward { prev, seq: *seq });
                }
                self.rows = changed(&self.rows, set, *len, ranks)?;
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

fn checked(rows: Vec<Row>) -> Result<Vec<Row>, Error> {
    let mut last = 1;
    for (at, row) in rows.iter().enumerate() {
        if row.rank < last || row.rank > u64::try_from(at).unwrap_or(u64::MAX) + 1 {
            return Err(Error::Ranks { at, found: row.rank });
        }
        last = row.rank;
    }
    Ok(rows)
}

/// The base, but for the positions in `set` and `ranks`.
fn changed(
    base: &[Row],
    set: &[Vec<Value>],
    len: Option<usize>,
    ranks: &[(usize, u64)],
) -> Result<Vec<Row>, Error> {
    let len = len.unwrap_or(base.len());
    let mut rows: Vec<Option<Row>> = base.iter().take(len).cloned().map(Some).collect();
    rows.resize(len, None);
    let had = |at: usize| base.get(at).ok_or(Error::NoPosition(at));
    for entry in set {
        let wrong = || Error::NotAnEntry(format!("{entry:?}"));
        let position = |value: &Value| {
            value.as_u64().and_then(|at| usize::try_from(at).ok()).ok_or_else(wrong)
        };
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
        let at = position(entry.first().ok_or_else(wrong)?)?;
        let row = match entry.as_slice() {
            [_, Value::String(score)] => Row { score: score.clone(), ..had(at)?.clone() },
            [_, from] => had(position(from)?)?.clone(),
            [_, from, score] => Row { score: text(score)?, ..had(position(from)?)?.clone() },
            [_, score, key, name] => {
                Row { key: text(key)?, rank: 0, name: text(name)?, score: text(score)? }
            }
            _ => return Err(wrong()),
        };
        *rows.get_mut(at).ok_or(Error::NoPosition(at))? = Some(row);
    }
    let ranked = |(at, row): (usize, Option<Row>)| {
        let mut row = row.ok_or(Error::NoPosition(at))?;
        // A position keeps its rank, whoever comes to stand there.
        let plain = u64::try_from(at).unwrap_or(u64::MAX) + 1;
        row.rank = base.get(at).map_or(plain, |had| had.rank);
        Ok(row)
    };
    let mut rows: Vec<Row> = rows.into_iter().enumerate().map(ranked).collect::<Result<_, _>>()?;
    for (at, rank) in ranks {
        rows.get_mut(*at).ok_or(Error::NoPosition(*at))?.rank = *rank;
    }
    checked(rows)
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
        let swap = r#"{"t":"delta","seq":5,"set":[[0,1,"3"],[1,0]]}"#;
        let swapped = board(&[SNAPSHOT, swap]).unwrap();
        assert_eq!(shown(&swapped), ["1b Fox 3", "2a Otter 2"]);
        let replace = r#"{"t":"delta","seq":9,"prev":5,"set":[[0,"3.5"],[1,"2.5","c","Owl"]],
            "participants":3,"status":"completed"}"#;
        let replaced = board(&[SNAPSHOT, swap, replace]).unwrap();
        assert_eq!(shown(&replaced), ["1b Fox 3.5", "2c Owl 2.5"]);
        assert_eq!((replaced.participants(), replaced.status()), (3, "completed"));
        assert_eq!(replaced.cursor(), Some(("k", 9)));
        let grown = r#"{"t":"delta","seq":10,"prev":9,"set":[[2,"1","d","Elk"]],"len":3,
            "ranks":[[1,1]]}"#;
        let grown = [SNAPSHOT, swap, replace, grown];
        let shared = ["1b Fox 3.5", "1c Owl 2.5", "3d Elk 1"];
        assert_eq!(shown(&board(&grown).unwrap()), shared);
        let shrunk = r#"{"t":"delta","seq":11,"prev":10,"len":1}"#;
        let shrunk = board(&[&grown[..], &[shrunk]].concat()).unwrap();
        assert_eq!(shown(&shrunk), ["1b Fox 3.5"]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let entry = |text: &str| Error::NotAnEntry(text.to_owned());
        let rows: &[(&str, Error)] = &[
            (r#"{"t":"delta","seq":6}"#, Error::Gap { have: 4, prev: 5 }),
            (r#"{"t":"delta","seq":6,"prev":3}"#, Error::Gap { have: 4, prev: 3 }),
            (r#"{"t":"delta","seq":4,"prev":4}"#, Error::NotForward { prev: 4, seq: 4 }),
            (r#"{"t":"delta","seq":5,"prev":4,"set":[[2,"0"]]}"#, Error::NoPosition(2)),
            (r#"{"t":"delta","seq":5,"prev":4,"set":[[0,2]]}"#, Error::NoPosition(2)),
            (r#"{"t":"delta","seq":5,"prev":4,"len":3}"#, Error::NoPosition(2)),
            (r#"{"t":"delta","seq":5,"prev":4,"ranks":[[1,3]]}"#, Error::Ranks { at: 1, found: 3 }),
            (r#"{"t":"delta","seq":5,"prev":4,"set":[[]]}"#, entry("[]")),
            (r#"{"t":"delta","seq":5,"prev":4,"set":[[0,null]]}"#, entry("[Number(0), Null]")),
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
