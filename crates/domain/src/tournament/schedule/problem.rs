//! What can be wrong with a schedule.

use serde::Serialize;

/// Something wrong with a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The field, as in JSON: `when.expression`, `reminders[2].ms`.
    pub field: String,
    /// What kind of problem; stable.
    pub code: Code,
    /// What is wrong, in words that may change.
    pub message: String,
}

/// Kinds of problems; stable, and listed in `docs/tournaments/schedule.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The time zone is not in the database.
    ZoneUnknown,
    /// No time zone was given, and the tenant's was not filled in.
    ZoneMissing,
    /// A local time or a time of day can't be read.
    TimeInvalid,
    /// The expression can't be read.
    CronInvalid,
    /// The expression has a field for seconds.
    CronTooOften,
    /// `until` is not after `from`.
    UntilBeforeFrom,
    /// `count` without `from`: there is nothing to count from.
    CountNeedsFrom,
    /// A number is outside its range.
    OutOfRange,
    /// A length `untilNext` without anything that follows.
    LengthNeedsCron,
    /// A gap between instances that may overlap.
    GapWithOverlap,
    /// Registration would open before the announcement.
    RegistrationBeforeAnnouncement,
    /// A reminder would come before the announcement.
    ReminderBeforeAnnouncement,
    /// A reminder before the end would come before the start.
    ReminderBeforeStart,
    /// The same reminder twice.
    ReminderTwice,
    /// There is no start in the future.
    NeverFires,
    /// An instance would still run when the next one starts.
    InstancesOverlap,
    /// The pause before the next instance would be shorter than the gap.
    GapNotKept,
    /// An instance would last longer than a tournament may.
    InstanceTooLong,
    /// Too many instances would be announced at the same time.
    TooManyAhead,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 19] = [
        Self::ZoneUnknown,
        Self::ZoneMissing,
        Self::TimeInvalid,
        Self::CronInvalid,
        Self::CronTooOften,
        Self::UntilBeforeFrom,
        Self::CountNeedsFrom,
        Self::OutOfRange,
        Self::LengthNeedsCron,
        Self::GapWithOverlap,
        Self::RegistrationBeforeAnnouncement,
        Self::ReminderBeforeAnnouncement,
        Self::ReminderBeforeStart,
        Self::ReminderTwice,
        Self::NeverFires,
        Self::InstancesOverlap,
        Self::GapNotKept,
        Self::InstanceTooLong,
        Self::TooManyAhead,
    ];

    /// The code as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ZoneUnknown => "ZONE_UNKNOWN",
            Self::ZoneMissing => "ZONE_MISSING",
            Self::TimeInvalid => "TIME_INVALID",
            Self::CronInvalid => "CRON_INVALID",
            Self::CronTooOften => "CRON_TOO_OFTEN",
            Self::UntilBeforeFrom => "UNTIL_BEFORE_FROM",
            Self::CountNeedsFrom => "COUNT_NEEDS_FROM",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::LengthNeedsCron => "LENGTH_NEEDS_CRON",
            Self::GapWithOverlap => "GAP_WITH_OVERLAP",
            Self::RegistrationBeforeAnnouncement => "REGISTRATION_BEFORE_ANNOUNCEMENT",
            Self::ReminderBeforeAnnouncement => "REMINDER_BEFORE_ANNOUNCEMENT",
            Self::ReminderBeforeStart => "REMINDER_BEFORE_START",
            Self::ReminderTwice => "REMINDER_TWICE",
            Self::NeverFires => "NEVER_FIRES",
            Self::InstancesOverlap => "INSTANCES_OVERLAP",
            Self::GapNotKept => "GAP_NOT_KEPT",
            Self::InstanceTooLong => "INSTANCE_TOO_LONG",
            Self::TooManyAhead => "TOO_MANY_AHEAD",
        }
    }
}

/// Gathers problems, so that all are told at once.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, field: impl Into<String>, code: Code, message: impl Into<String>) {
        self.0.push(Problem { field: field.into(), code, message: message.into() });
    }

    /// Adds it unless the field has that kind of problem already.
    pub(super) fn add_once(&mut self, field: &str, code: Code, message: String) {
        if !self.0.iter().any(|known| known.field == field && known.code == code) {
            self.add(field, code, message);
        }
    }

    pub(super) fn or<T>(self, good: Option<T>) -> Result<T, Vec<Problem>> {
        match good {
            Some(good) if self.0.is_empty() => Ok(good),
            Some(_) | None => Err(self.0),
        }
    }
}
