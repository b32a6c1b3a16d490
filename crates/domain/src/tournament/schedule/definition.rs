//! A schedule as an operator writes it and the journal keeps it.

use crate::ids;
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A schedule's public id: 1–48 of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScheduleId(Box<str>);

/// The text is not 1–48 of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 48 of a-z, 0-9 and -")]
pub struct NotAScheduleId;

impl ScheduleId {
    /// Longest accepted text: with an instance's ending it still is a tournament's id.
    pub const LEN_MAX: usize = 48;

    /// Checks length and characters.
    ///
    /// # Errors
    /// [`NotAScheduleId`].
    pub fn parse(text: &str) -> Result<Self, NotAScheduleId> {
        let slug = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_good = (1..=Self::LEN_MAX).contains(&text.len()) && text.bytes().all(slug);
        if is_good { Ok(Self(text.into())) } else { Err(NotAScheduleId) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The schedule's number in the journal, derived as a tournament's is.
    #[must_use]
    pub fn number(&self) -> u64 {
        ids::number_of(&self.0)
    }
}

impl TryFrom<String> for ScheduleId {
    type Error = NotAScheduleId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<ScheduleId> for String {
    fn from(id: ScheduleId) -> Self {
        id.0.into_string()
    }
}

impl fmt::Display for ScheduleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When instances start, how long they run and who is told when.
///
/// Times of day, `from`, `until` and lengths by the calendar are read in `zone`. Whatever ends
/// in `Ms` is elapsed milliseconds, whatever clocks do meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    /// Public id; the beginning of every instance's key.
    pub id: ScheduleId,
    /// Name in the time-zone database; `None` until the tenant's is filled in.
    #[serde(default)]
    pub zone: Option<String>,
    /// When instances start.
    pub when: When,
    /// How long they run.
    pub length: Length,
    /// The pause kept between an instance's end and the next start (rule L9).
    #[serde(default)]
    pub gap_ms: i64,
    /// Whether an instance may still run when the next one starts.
    #[serde(default)]
    pub overlap: bool,
    /// How long before its start an instance is announced; `None`: when registration opens.
    #[serde(default)]
    pub announce_before_ms: Option<i64>,
    /// How long before its start players may register; `None`: from the announcement on.
    #[serde(default)]
    pub registration_before_ms: Option<i64>,
    /// Who is told when.
    #[serde(default)]
    pub reminders: Vec<Reminder>,
    /// What becomes of starts that were missed.
    #[serde(default)]
    pub catch_up: CatchUp,
    /// A start is late, and not just being worked on, this long after its time.
    #[serde(default = "late_after_ms_default")]
    pub late_after_ms: i64,
}

const fn late_after_ms_default() -> i64 {
    60_000
}

/// When instances start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Starts"))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum When {
    /// Whenever an admin says so.
    // Braces, since serde lets unknown fields pass beside a variant without them.
    Instant {},
    /// One time.
    Once {
        /// When.
        at: At,
    },
    /// By a cron expression of five fields.
    Cron {
        /// `minute hour day month weekday`.
        expression: String,
        /// No start has an earlier local time.
        #[serde(default)]
        from: Option<String>,
        /// No start has this local time or a later one.
        #[serde(default)]
        until: Option<String>,
        /// No more starts than this, counted from `from`.
        #[serde(default)]
        count: Option<u32>,
    },
}

/// A point in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected Unix milliseconds or a local time as 2026-10-25T18:00")]
pub enum At {
    /// An instant.
    Instant(UnixMs),
    /// What the clock shows in the schedule's zone.
    Local(String),
}

/// How long an instance runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum Length {
    /// Elapsed time.
    Fixed {
        /// Milliseconds.
        ms: i64,
    },
    /// Until the clock next shows this.
    Until {
        /// `hh:mm`.
        time: String,
        /// Not before this weekday.
        #[serde(default)]
        weekday: Option<Weekday>,
    },
    /// Until the same time of day so much later; a day may have 23 or 25 hours.
    Calendar {
        /// Months.
        #[serde(default)]
        months: u16,
        /// Weeks.
        #[serde(default)]
        weeks: u16,
        /// Days.
        #[serde(default)]
        days: u16,
    },
    /// Until the gap before the next start.
    UntilNext {},
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

/// A notification about an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum Reminder {
    /// When registration opens.
    RegistrationOpens {},
    /// So long before the start; 0: at the start.
    BeforeStart {
        /// Milliseconds.
        ms: i64,
    },
    /// So long before the end.
    BeforeEnd {
        /// Milliseconds, > 0.
        ms: i64,
    },
    /// At the end.
    AtEnd {},
}

/// What becomes of a start that was missed while the instance could still run.
///
/// One whose end has passed is recorded as missed whatever the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum CatchUp {
    /// The newest one starts late, older ones are recorded as missed.
    #[default]
    Latest,
    /// Every one starts late.
    All,
    /// None starts; they are recorded as missed.
    None,
}

impl Schedule {
    /// Fills in the tenant's zone where none is given, so that what is stored needs no tenant.
    #[must_use]
    pub fn in_zone(mut self, tenant: &str) -> Self {
        self.zone.get_or_insert_with(|| tenant.to_owned());
        self
    }
}

impl Weekday {
    pub(super) const fn civil(self) -> jiff::civil::Weekday {
        use jiff::civil::Weekday as Day;
        match self {
            Self::Monday => Day::Monday,
            Self::Tuesday => Day::Tuesday,
            Self::Wednesday => Day::Wednesday,
            Self::Thursday => Day::Thursday,
            Self::Friday => Day::Friday,
            Self::Saturday => Day::Saturday,
            Self::Sunday => Day::Sunday,
        }
    }
}
