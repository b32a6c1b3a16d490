//! What is to be done now: which instances to create, which were missed.
//!
//! ```text
//!                    start > now ─▶ InTime
//!                      end ≤ now ─▶ Missed(Ended)
//!   now − start ≤ late_after_ms  ─▶ InTime
//!         otherwise, by policy:     None   ─▶ Missed(NotCaughtUp)
//!                                   Latest ─▶ Missed(Superseded) if a newer start has passed
//!                                   else      Late
//! ```

use super::definition::CatchUp;
use super::instance::Instance;
use super::plan::Plan;
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;

/// What becomes of an instance, judged at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Verdict {
    /// It takes place as planned.
    InTime,
    /// It starts at once, and ends when it would have ended.
    Late {
        /// By how much its start has passed.
        late_ms: i64,
    },
    /// It does not take place, and is recorded so.
    Missed {
        /// Why.
        reason: Missed,
    },
}

/// Why an instance does not take place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Missed {
    /// Its end has passed.
    Ended,
    /// A newer one is to take place in its stead.
    Superseded,
    /// The schedule does not start late.
    NotCaughtUp,
}

/// An instance and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Which.
    pub instance: Instance,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Due {
    /// In the order of their starts.
    pub decisions: Vec<Decision>,
    /// What to pass as `decided_through` next time, once the decisions are stored.
    pub decided_through: UnixMs,
    /// When to ask again; not after `now` if more is due already. `None`: never.
    pub next_at: Option<UnixMs>,
}

impl Plan {
    /// What is due at `now`: every instance that is to be announced, or whose start was missed,
    /// at most `limit` of them.
    ///
    /// `decided_through` is the start of the last instance that was decided; first, the time at
    /// which the schedule was made: what lies before it was not missed.
    /// Repeat: the same arguments give the same decisions with the same keys, so a caller that
    /// stores a decision at most once per key has every instance exactly once, wherever it dies.
    #[must_use]
    pub fn due(&self, decided_through: UnixMs, now: UnixMs, limit: NonZeroUsize) -> Due {
        let mut due = Due { decisions: Vec::new(), decided_through, next_at: None };
        for planned in self.planned(decided_through) {
            let is_due = planned.instance.announced <= now;
            if !is_due || due.decisions.len() == limit.get() {
                due.next_at = Some(planned.instance.announced);
                break;
            }
            let verdict = self.verdict(&planned.instance, now);
            due.decided_through = planned.instance.starts;
            due.decisions.push(Decision { instance: planned.instance, verdict });
        }
        due
    }

    /// What becomes of an instance that has not started; for one that was announced before, too.
    #[must_use]
    pub fn verdict(&self, instance: &Instance, now: UnixMs) -> Verdict {
        let late_ms = now.since_ms(instance.starts);
        let missed = |reason| Verdict::Missed { reason };
        if late_ms < 0 {
            return Verdict::InTime;
        }
        if instance.ends <= now {
            return missed(Missed::Ended);
        }
        if late_ms <= self.late_after_ms {
            return Verdict::InTime;
        }
        let has_newer =
            || self.occurrences(instance.starts).next().is_some_and(|o| o.starts <= now);
        match self.catch_up {
            CatchUp::None => missed(Missed::NotCaughtUp),
            CatchUp::Latest if has_newer() => missed(Missed::Superseded),
            CatchUp::Latest | CatchUp::All => Verdict::Late { late_ms },
        }
    }
}
