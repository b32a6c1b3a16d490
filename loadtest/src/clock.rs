//! The wall clock, for signatures and event times; all measuring uses `Instant`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[expect(clippy::disallowed_methods, reason = "the tool's only look at the wall clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Unix seconds.
pub(crate) fn unix_seconds() -> u64 {
    now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

/// RFC 3339 UTC with milliseconds, as in docs/protocol.md.
pub(crate) fn timestamp() -> String {
    timestamp_in(0)
}

/// The same, so many seconds from now.
pub(crate) fn timestamp_in(seconds: u64) -> String {
    let at = now() + Duration::from_secs(seconds);
    chrono::DateTime::<chrono::Utc>::from(at).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
