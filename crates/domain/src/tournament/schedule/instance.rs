//! One planned run of a schedule: its key, its moments, its notifications.

use super::definition::{Reminder, ScheduleId};
use super::local::LocalTime;
use crate::ids::{self, TournamentId};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of an instance, the same however often and from wherever it is planned:
/// `{schedule}-{local start}`, then `b` for the second passing of a clock that was turned back,
/// or `n` (local to UTC) for one that was started by hand.
///
/// The local start is the one that the expression names, even where the clock skips it: so a new
/// release of the time-zone database does not make a second instance of the same start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceKey(Box<str>);

/// Which of the times that a clock shows a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pass {
    /// The first, and nearly always the only one.
    First,
    /// The second, after the clock was turned back.
    Second,
    /// Not by the clock: somebody started it; the reading is UTC.
    ByHand,
}

impl InstanceKey {
    pub(super) fn new(schedule: &ScheduleId, nominal: LocalTime, pass: Pass) -> Self {
        let ending = match pass {
            Pass::First => "",
            Pass::Second => "b",
            Pass::ByHand => "n",
        };
        Self(format!("{schedule}-{}{ending}", nominal.compact()).into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the tournament that is this instance.
    ///
    /// # Errors
    /// None for a key that was planned; [`ids::Error`] for one that was read from elsewhere.
    pub fn tournament(&self) -> Result<TournamentId, ids::Error> {
        TournamentId::parse(&self.0)
    }
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A start, before anything is known of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// What the clock shows at the start, or would have shown.
    pub nominal: LocalTime,
    /// Which of the times that it shows this.
    pub pass: Pass,
    /// When.
    pub starts: UnixMs,
    /// Whether the clock skips `nominal`, so that the start is the first instant after the gap.
    pub is_moved: bool,
}

/// A planned run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Its name.
    pub key: InstanceKey,
    /// What the clock shows at the start, or would have shown.
    pub nominal: LocalTime,
    /// Which of the times that it shows this.
    pub pass: Pass,
    /// Whether the clock skips `nominal`, so that the start is the first instant after the gap.
    pub is_moved: bool,
    /// When it is announced.
    pub announced: UnixMs,
    /// When players may register; not before `announced`.
    pub registration_opens: UnixMs,
    /// When it starts.
    pub starts: UnixMs,
    /// When it ends; after `starts`.
    pub ends: UnixMs,
    /// Whether it ends sooner than its length says, because of what follows.
    pub is_shortened: bool,
    /// Its notifications, by time.
    pub notices: Vec<Notice>,
}

/// A notification about an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// Which.
    pub reminder: Reminder,
    /// When it is due.
    pub at: UnixMs,
}

/// A notification whose time has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DueNotice {
    /// The same however often it is asked for: `{instance}:{reminder}`.
    pub key: String,
    /// Which.
    pub reminder: Reminder,
    /// When it was due.
    pub at: UnixMs,
    /// Whether what it speaks of has passed meanwhile, so that nobody should be told any more.
    pub is_stale: bool,
}

impl Instance {
    /// The notifications due after `told_through` and not after `now`, by time.
    ///
    /// Repeat: the same instance and times give the same keys; whoever sends remembers them.
    #[must_use]
    pub fn due_notices(&self, told_through: UnixMs, now: UnixMs) -> Vec<DueNotice> {
        let due = self.notices.iter().filter(|notice| told_through < notice.at && notice.at <= now);
        let due = due.map(|notice| DueNotice {
            key: format!("{}:{}", self.key, notice.reminder.key()),
            reminder: notice.reminder,
            at: notice.at,
            is_stale: match notice.reminder {
                Reminder::RegistrationOpens {} | Reminder::BeforeEnd { .. } => now >= self.ends,
                // At the start itself it says "it has begun", which stays true until the end.
                Reminder::BeforeStart { ms: 0 } => now >= self.ends,
                Reminder::BeforeStart { .. } => now >= self.starts,
                Reminder::AtEnd {} => false,
            },
        });
        due.collect()
    }

    /// When the next notification after `told_through` is due.
    #[must_use]
    pub fn next_notice(&self, told_through: UnixMs) -> Option<UnixMs> {
        self.notices.iter().map(|notice| notice.at).find(|at| *at > told_through)
    }
}

impl Reminder {
    fn key(self) -> String {
        match self {
            Self::RegistrationOpens {} => "registration-opens".to_owned(),
            Self::BeforeStart { ms } => format!("before-start-{ms}"),
            Self::BeforeEnd { ms } => format!("before-end-{ms}"),
            Self::AtEnd {} => "at-end".to_owned(),
        }
    }
}
