//! Where the time comes from.
//!
//! Rules get the time passed in; whoever passes it asks a [`Clock`]. Tests use [`ManualClock`].

use palio_domain::UnixMs;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, in Unix milliseconds, UTC. May go back when the machine's clock is set.
    fn now(&self) -> UnixMs;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the server's only look at the wall clock")]
    fn now(&self) -> UnixMs {
        let ms = |passed: std::time::Duration| i64::try_from(passed.as_millis());
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(passed) => UnixMs(ms(passed).unwrap_or(i64::MAX)),
            Err(before) => UnixMs(ms(before.duration()).map_or(i64::MIN, |passed| -passed)),
        }
    }
}

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub const fn at(now: UnixMs) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Sets it, forwards or back.
    pub fn set(&self, now: UnixMs) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves it by `ms` milliseconds.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMs {
        UnixMs(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_clock_goes_where_it_is_told() {
        let clock = ManualClock::at(UnixMs(1_000));
        clock.advance_ms(500);
        assert_eq!(clock.now(), UnixMs(1_500));
        clock.set(UnixMs(7));
        assert_eq!(clock.now(), UnixMs(7));
    }

    #[test]
    fn the_system_clock_is_past_2025() {
        assert!(SystemClock.now() > UnixMs(1_735_689_600_000));
    }
}
