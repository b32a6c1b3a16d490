//! What an answer means for the bet it was asked for.

use crate::players::parse;
use crate::report::code_of;
use serde::Deserialize;

/// The answer's code when the request had already gone through.
pub(super) const REPLAY: &str = "IDEMPOTENT_REPLAY";
/// The answer's code when the key was used with other content.
pub(super) const MISMATCH: &str = "IDEMPOTENCY_MISMATCH";
/// The answer's code when the server itself does not know.
pub(super) const UNKNOWN: &str = "OUTCOME_UNKNOWN";

/// How a request ended, after all repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It went through.
    Done,
    /// A part went through; the body says which.
    Partial,
    /// It did not go through, for certain.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// What to do after one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// This is how it ended.
    Ended(Outcome),
    /// Not done; may be sent again later.
    Busy,
    /// Perhaps done; has to be sent again.
    Unsure,
}

/// Judges an answer. `unsure`: an earlier try of the same request may have gone through, so a
/// replay is what success looks like.
pub(super) fn judge(status: u16, body: &[u8], unsure: bool) -> Verdict {
    match (status, code_of(body)) {
        (207, _) => Verdict::Ended(Outcome::Partial),
        (200..=206, _) => Verdict::Ended(Outcome::Done),
        (409, REPLAY) if unsure => Verdict::Ended(Outcome::Done),
        (503, UNKNOWN) => Verdict::Unsure,
        (429 | 503, _) => Verdict::Busy,
        _ => Verdict::Ended(Outcome::Refused),
    }
}

/// Judges a 207 answer by its parts: what nobody knows, or `must` go through and met a busy
/// server, is worth sending again; parts that are done are then replays.
pub(super) fn judge_parts(body: &[u8], must: bool) -> Verdict {
    let parts = parts(body);
    if parts.iter().any(|part| part.outcome() == Outcome::Unknown) {
        return Verdict::Unsure;
    }
    if must && parts.iter().any(|part| matches!(part.status, 429 | 503)) {
        return Verdict::Busy;
    }
    Verdict::Ended(Outcome::Partial)
}

/// One element of a 207 answer.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    pub(super) status: u16,
    #[serde(default)]
    pub(super) code: String,
}

impl Part {
    pub(super) fn outcome(&self) -> Outcome {
        match (self.status, self.code.as_str()) {
            (200..=206, _) | (409, REPLAY) => Outcome::Done,
            (503, UNKNOWN) => Outcome::Unknown,
            _ => Outcome::Refused,
        }
    }
}

/// The parts of a 207 answer, of `/events` or `/wallet/settle`, in the request's order.
pub(super) fn parts(body: &[u8]) -> Vec<Part> {
    #[derive(Deserialize)]
    struct Parts {
        #[serde(alias = "operations")]
        outcomes: Vec<Part>,
    }
    parse(body).map_or_else(|_| Vec::new(), |parts: Parts| parts.outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_one_meaning() {
        use Outcome::{Done, Partial, Refused};
        use Verdict::{Busy, Ended, Unsure};
        let code = |code: &str| format!(r#"{{"code":"{code}"}}"#);
        let rows = [
            (200, "{}".to_owned(), false, Ended(Done)),
            (207, "{}".to_owned(), false, Ended(Partial)),
            (409, code(REPLAY), true, Ended(Done)),
            (409, code(REPLAY), false, Ended(Refused)),
            (409, code("OTHER"), true, Ended(Refused)),
            (503, code(UNKNOWN), false, Unsure),
            (503, code("OVERLOADED"), true, Busy),
            (429, String::new(), false, Busy),
            (422, code(MISMATCH), false, Ended(Refused)),
            (500, String::new(), false, Ended(Refused)),
        ];
        for (status, body, unsure, verdict) in rows {
            assert_eq!(judge(status, body.as_bytes(), unsure), verdict, "{status} {body} {unsure}");
        }
    }

    #[test]
    fn parts_are_sent_again_only_for_a_reason() {
        let answer = |status: u16, code: &str| {
            format!(r#"{{"outcomes":[{{"status":200}},{{"status":{status},"code":"{code}"}}]}}"#)
        };
        let partial = Verdict::Ended(Outcome::Partial);
        let rows = [
            (answer(503, "OVERLOADED"), false, partial),
            (answer(503, "OVERLOADED"), true, Verdict::Busy),
            (answer(503, UNKNOWN), false, Verdict::Unsure),
            (answer(404, "BET_NOT_FOUND"), true, partial),
        ];
        for (body, must, verdict) in rows {
            assert_eq!(judge_parts(body.as_bytes(), must), verdict, "{body} {must}");
        }
    }

    #[test]
    fn reads_parts() {
        let body = br#"{"outcomes":[{"index":0,"status":200,"result":{}},{"index":1,"status":404,
            "code":"BET_NOT_FOUND","detail":"x"},{"index":2,"status":409,"code":"IDEMPOTENT_REPLAY"}]}"#;
        let outcomes: Vec<_> = parts(body).iter().map(Part::outcome).collect();
        assert_eq!(outcomes, [Outcome::Done, Outcome::Refused, Outcome::Done]);
        assert_eq!(parts(br#"{"operations":[{"playerId":"p","status":200}]}"#).len(), 1);
        assert!(parts(b"?").is_empty());
    }
}
