//! Instants as whole milliseconds since 1970-01-01T00:00:00Z.

use serde::{Deserialize, Serialize};

/// An instant, in milliseconds since the Unix epoch, UTC.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// This instant moved by `ms` milliseconds, stopping at the ends of the range.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// The time that counts for membership and ties (design, invariant 8).
///
/// The provider's time within `tolerance_ms` of the row's time, otherwise the row's time.
#[must_use]
pub fn event_time(row: UnixMs, provider: Option<UnixMs>, tolerance_ms: i64) -> UnixMs {
    match provider {
        Some(at) if at.since_ms(row).saturating_abs() <= tolerance_ms => at,
        Some(_) | None => row,
    }
}

/// How far a provider's clock may be off before its time is not used: five minutes.
pub const EVENT_TIME_TOLERANCE_MS: i64 = 5 * 60 * 1000;
