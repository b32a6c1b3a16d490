//! A cheap look at a frame: its kind and its position, without reading the rows.
//!
//! Quotes inside JSON strings are escaped, so a mark such as `"seq":` is never found in a name;
//! rows have no fields of these names.

use crate::report::text_after;

/// What a frame is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    /// A whole board.
    Snapshot {
        /// Its epoch.
        epoch: &'a str,
        /// Its position.
        seq: u64,
    },
    /// A step.
    Delta {
        /// Where it starts.
        prev: u64,
        /// Where it ends.
        seq: u64,
    },
    /// The server goes on from the cursor.
    Resumed {
        /// The cursor's epoch.
        epoch: &'a str,
        /// The cursor's position.
        seq: u64,
    },
    /// A close comes next.
    Bye,
    /// Not about the board.
    Other,
}

fn number(text: &str, mark: &str) -> Option<u64> {
    let (_, rest) = text.split_once(mark)?;
    let rest = rest.trim_start();
    let end = rest.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// Looks at a frame; `None` if it is not one.
pub(super) fn scan(text: &str) -> Option<Seen<'_>> {
    let kind = text_after(text, "\"t\":\"")?;
    let seq = || number(text, "\"seq\":");
    let epoch = || text_after(text, "\"epoch\":\"");
    Some(match kind {
        "snapshot" => Seen::Snapshot { epoch: epoch()?, seq: seq()? },
        "delta" => {
            let seq = seq()?;
            // The base is named where it is not the board before.
            let prev = number(text, "\"prev\":").or_else(|| seq.checked_sub(1));
            Seen::Delta { prev: prev?, seq }
        }
        "resumed" => Seen::Resumed { epoch: epoch()?, seq: seq()? },
        "bye" => Seen::Bye,
        _ => Seen::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_kind_and_position() {
        let snapshot = r#"{"t":"snapshot","epoch":"k3","seq":42,"rows":[{"n":"\"seq\":7"}]}"#;
        let rows = [
            (snapshot, Some(Seen::Snapshot { epoch: "k3", seq: 42 })),
            (
                r#"{"t":"delta","set":[[0,"1","a","\"prev\":9"]],"seq":9,"prev":7}"#,
                Some(Seen::Delta { prev: 7, seq: 9 }),
            ),
            (r#"{"t":"resumed","epoch":"k","seq":1}"#, Some(Seen::Resumed { epoch: "k", seq: 1 })),
            (r#"{"t":"bye","code":1001}"#, Some(Seen::Bye)),
            (r#"{"t":"pong"}"#, Some(Seen::Other)),
            (r#"{"t":"delta","seq":9}"#, Some(Seen::Delta { prev: 8, seq: 9 })),
            (r#"{"t":"delta","seq":0}"#, None),
            (r#"{"t":"delta"}"#, None),
            ("{}", None),
        ];
        for (text, seen) in rows {
            assert_eq!(scan(text), seen, "{text}");
        }
    }
}
