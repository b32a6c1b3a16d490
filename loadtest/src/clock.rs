//! The wall clock, for signatures and event times; all measuring uses `Instant`.

use std::time::{SystemTime, UNIX_EPOCH};

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
    chrono::DateTime::<chrono::Utc>::from(now()).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
