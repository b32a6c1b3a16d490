//! Numbers for people: the only place where counts become floating point.

use std::time::Duration;

/// `count ÷ by`, and 0 when there is nothing to divide by.
#[expect(clippy::as_conversions, reason = "a figure to print; 53 bits are plenty")]
pub(crate) fn ratio(count: u64, by: u64) -> f64 {
    if by == 0 { 0.0 } else { count as f64 / by as f64 }
}

/// How many in a second.
pub(crate) fn per_second(count: u64, elapsed: Duration) -> f64 {
    ratio(count, micros(elapsed)) * 1e6
}

/// Microseconds as milliseconds.
pub(crate) fn millis(micros: u64) -> f64 {
    ratio(micros, 1000)
}

/// Whole microseconds.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A length as a count.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
