//! Instants on the wire: RFC 3339 in, RFC 3339 UTC with milliseconds out.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};
use palio_domain::UnixMs;

/// A text that is not an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time such as \"2026-11-21T18:00:00.000Z\"")]
pub struct Error;

/// The last instant that has four digits for its year: 9999-12-31T23:59:59.999Z.
const LAST: i64 = 253_402_300_799_999;
/// The first one: 0000-01-01T00:00:00.000Z.
const FIRST: i64 = -62_167_219_200_000;
/// Longest text that is looked at.
const LEN_MAX: usize = 40;

/// Reads an instant with any offset; what is finer than a millisecond is cut off.
///
/// # Errors
/// [`Error`] for anything that is not RFC 3339, or not of the years 0000–9999 in UTC.
pub fn parse(text: &str) -> Result<UnixMs, Error> {
    if text.len() > LEN_MAX {
        return Err(Error);
    }
    let at = DateTime::parse_from_rfc3339(text).map_err(|_| Error)?.with_timezone(&Utc);
    if !(0..=9999).contains(&at.year()) {
        return Err(Error);
    }
    Ok(UnixMs(at.timestamp_millis().clamp(FIRST, LAST)))
}

/// Writes an instant as `2026-11-21T18:00:00.000Z`; outside the years 0000–9999 the nearest
/// instant inside.
#[must_use]
pub fn format(at: UnixMs) -> String {
    let inside = at.0.clamp(FIRST, LAST);
    DateTime::from_timestamp_millis(inside)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Whole years from a birth date (`1990-04-30`) to the day of `now` in UTC; `None` when it is no
/// date, or one in the future. Whoever is born on a 29 February is a year older on 1 March.
#[must_use]
pub fn age(birth_date: &str, now: UnixMs) -> Option<u32> {
    if birth_date.len() != 10 {
        return None;
    }
    let birth = NaiveDate::parse_from_str(birth_date, "%Y-%m-%d").ok()?;
    DateTime::from_timestamp_millis(now.0)?.date_naive().years_since(birth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn instants_are_read_or_refused() {
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T00:00:00.001Z", Some(1)),
            ("1970-01-01T00:00:00.0019Z", Some(1)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("2025-10-17T14:23:10.120Z", Some(1_760_710_990_120)),
            ("9999-12-31T23:59:59.999Z", Some(LAST)),
            ("0000-01-01T00:00:00.000Z", Some(FIRST)),
            ("9999-12-31T23:59:59-01:00", None),
            ("0000-01-01T00:00:00+01:00", None),
            ("2025-02-29T00:00:00Z", None),
            ("2025-10-17", None),
            ("2025-10-17T14:23:10", None),
            ("1760710990", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).ok().map(|at| at.0), expected, "{text}");
        }
    }

    #[test]
    fn ages_change_on_birthdays() {
        let now = parse("2026-11-21T12:00:00Z").unwrap();
        let cases = [
            ("2008-11-21", Some(18)),
            ("2008-11-22", Some(17)),
            ("2026-11-21", Some(0)),
            ("2026-11-22", None),
            ("2008-13-01", None),
            ("08-11-21", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(age(text, now), expected, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_always_written() {
        assert_eq!(format(UnixMs(1_795_284_000_000)), "2026-11-21T18:00:00.000Z");
        assert_eq!(format(UnixMs(-1)), "1969-12-31T23:59:59.999Z");
        assert_eq!(format(UnixMs(i64::MAX)), "9999-12-31T23:59:59.999Z");
        assert_eq!(format(UnixMs(i64::MIN)), "0000-01-01T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in FIRST..=LAST) {
            prop_assert_eq!(parse(&format(UnixMs(ms))), Ok(UnixMs(ms)));
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,48}") {
            prop_assert!(parse(&text).map_or(true, |at| (FIRST..=LAST).contains(&at.0)));
        }
    }
}
