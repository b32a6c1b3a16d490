//! Readings of a wall clock, without a zone: `2026-10-25T02:30`.

use crate::time::UnixMs;
use jiff::civil::{self, DateTime};
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A minute, in milliseconds.
pub(super) const MINUTE_MS: i64 = 60_000;
/// A day of 24 hours, in milliseconds.
pub(super) const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Years that a schedule can speak of: zones had whole-minute offsets long before the first.
pub(super) const YEARS: std::ops::RangeInclusive<i16> = 2000..=2199;

/// Date, hour and minute as a clock on the wall shows them; text form `YYYY-MM-DDThh:mm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalTime(DateTime);

/// The text is not `YYYY-MM-DDThh:mm`, or no such day exists, or its year is not 2000–2199.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a local time as 2026-10-25T18:00, of a year from 2000 to 2199")]
pub struct NotALocalTime;

impl LocalTime {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`NotALocalTime`].
    pub fn parse(text: &str) -> Result<Self, NotALocalTime> {
        let (date, time) = text.split_once('T').ok_or(NotALocalTime)?;
        let mut parts = date.split('-');
        let (Some(year), Some(month), Some(day), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotALocalTime);
        };
        let year: i16 = digits(year, 4).ok_or(NotALocalTime)?;
        let month: i8 = digits(month, 2).ok_or(NotALocalTime)?;
        let day: i8 = digits(day, 2).ok_or(NotALocalTime)?;
        let date = civil::Date::new(year, month, day).map_err(|_| NotALocalTime)?;
        let time = time_of_day(time).ok_or(NotALocalTime)?;
        Self::within(date.to_datetime(time)).ok_or(NotALocalTime)
    }

    /// The reading with seconds dropped; `None` outside the years a schedule can speak of.
    pub(super) fn within(reading: DateTime) -> Option<Self> {
        let (hour, minute) = (reading.hour(), reading.minute());
        let whole = reading.date().at(hour, minute, 0, 0);
        YEARS.contains(&reading.year()).then_some(Self(whole))
    }

    /// What a clock on UTC shows.
    pub(super) fn utc(at: UnixMs) -> Option<Self> {
        let at = jiff::Timestamp::from_millisecond(at.0).ok()?;
        Self::within(jiff::tz::Offset::UTC.to_datetime(at))
    }

    /// The first reading there is, for an instant that no zone has reached it at.
    pub(super) fn first_if_before(at: UnixMs) -> Option<Self> {
        let first = Self(DateTime::constant(*YEARS.start(), 1, 1, 0, 0, 0, 0));
        (at < first.as_if_utc().plus_ms(DAY_MS)).then_some(first)
    }

    pub(super) const fn civil(self) -> DateTime {
        self.0
    }

    /// What the clock shows `ms` later if nobody turns it.
    pub(super) fn plus_ms(self, ms: i64) -> Option<Self> {
        Self::within(self.0.checked_add(Span::new().try_milliseconds(ms).ok()?).ok()?)
    }

    /// The same hour and minute, months first, then weeks and days; a day that the month does
    /// not have becomes its last.
    pub(super) fn plus_calendar(self, months: u16, weeks: u16, days: u16) -> Option<Self> {
        let months = self.0.checked_add(i32::from(months).months()).ok()?;
        let moved = months.checked_add(i32::from(weeks).weeks().days(i32::from(days))).ok()?;
        Self::within(moved)
    }

    /// Milliseconds on the wall clock from `earlier` to here.
    pub(super) fn since_ms(self, earlier: Self) -> i64 {
        self.as_if_utc().since_ms(earlier.as_if_utc())
    }

    /// The instant at which a clock on UTC shows this.
    pub(super) fn as_if_utc(self) -> UnixMs {
        let at = jiff::tz::Offset::UTC.to_timestamp(self.0);
        UnixMs(at.map_or(0, jiff::Timestamp::as_millisecond))
    }

    /// The first later reading with this time of day, and on this weekday if one is named.
    pub(super) fn next_at(
        self,
        time: civil::Time,
        weekday: Option<civil::Weekday>,
    ) -> Option<Self> {
        let mut day = self.0.date();
        // The reading's own day, the seven after it: every weekday is among them.
        for _ in 0..=7 {
            let at = day.to_datetime(time);
            if at > self.0 && weekday.is_none_or(|weekday| weekday == day.weekday()) {
                return Self::within(at);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// `20261025t0230`, as instance keys have it.
    pub(super) fn compact(self) -> String {
        let at = self.0;
        format!(
            "{:04}{:02}{:02}t{:02}{:02}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute()
        )
    }
}

/// Reads `hh:mm`.
pub(super) fn time_of_day(text: &str) -> Option<civil::Time> {
    let (hour, minute) = text.split_once(':')?;
    civil::Time::new(digits(hour, 2)?, digits(minute, 2)?, 0, 0).ok()
}

/// Exactly `count` decimal digits.
fn digits<T: std::str::FromStr>(text: &str, count: usize) -> Option<T> {
    let are_digits = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if are_digits { text.parse().ok() } else { None }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute()
        )
    }
}

impl TryFrom<String> for LocalTime {
    type Error = NotALocalTime;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<LocalTime> for String {
    fn from(at: LocalTime) -> Self {
        at.to_string()
    }
}
