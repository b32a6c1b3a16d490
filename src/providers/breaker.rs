//! A circuit breaker: whether a provider's new bets are let through, by how its calls went.
//!
//! ```text
//!             enough failed                    time is over
//!   closed ─────────────────▶ open ◀────────┐ ─────────────▶ half open
//!     ▲                                     └── a call failed ──┤
//!     └───────────────────── enough went well ──────────────────┘
//! ```
//! Results and rollbacks are always taken, so their calls count as evidence too.
//!
//! **Invariants:** no clock: the time is passed in; memory is a fixed number of buckets. Tests are
//! at the end.

use palio_domain::UnixMs;

/// When it opens and closes.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How far back calls count, in milliseconds.
    pub window_ms: i64,
    /// Fewer calls than this say nothing.
    pub calls_min: u32,
    /// It opens at this share of failed calls, in percent.
    pub failed_percent: u32,
    /// How long it stays open, in milliseconds.
    pub open_ms: i64,
    /// Calls that must go well before it closes.
    pub probes: u32,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Bets are let through.
    Closed,
    /// None is, before that time.
    Open {
        /// When probes are let through.
        until: UnixMs,
    },
    /// Some are, to see how they go.
    HalfOpen {
        /// Since when.
        since: UnixMs,
        /// Bets that may still be let through.
        left: u32,
        /// Calls that went well.
        good: u32,
    },
}

impl Position {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }
}

/// Parts of the window: the oldest is forgotten when a new one begins.
const BUCKETS: usize = 10;

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// Which part of time, counted from the epoch.
    part: i64,
    calls: u32,
    failed: u32,
}

/// The breaker of one provider.
#[derive(Debug, Clone)]
pub struct Breaker {
    rules: Rules,
    position: Position,
    buckets: [Bucket; BUCKETS],
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self { rules, position: Position::Closed, buckets: [Bucket::default(); BUCKETS] }
    }

    /// Where it stands.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Calls in the window, and how many of them failed.
    #[must_use]
    pub fn seen(&self, now: UnixMs) -> (u32, u32) {
        let part = self.part(now);
        let oldest = part - i64::try_from(BUCKETS).unwrap_or(0);
        let fresh = self.buckets.iter().filter(|b| b.part > oldest && b.part <= part);
        fresh.fold((0, 0), |(calls, failed), bucket| {
            (calls.saturating_add(bucket.calls), failed.saturating_add(bucket.failed))
        })
    }

    /// Whether a new bet may pass now; a probe that does is counted.
    pub fn admits(&mut self, now: UnixMs) -> bool {
        let fresh = Position::HalfOpen { since: now, left: self.rules.probes, good: 0 };
        match &mut self.position {
            Position::Closed => return true,
            Position::Open { until } if now < *until => return false,
            Position::Open { .. } => self.position = fresh,
            // Probes whose answers were never heard of are sent again after a while.
            Position::HalfOpen { since, left: 0, .. }
                if now.since_ms(*since) >= self.rules.open_ms =>
            {
                self.position = fresh;
            }
            Position::HalfOpen { .. } => {}
        }
        match &mut self.position {
            Position::HalfOpen { left, .. } if *left > 0 => {
                *left -= 1;
                true
            }
            Position::HalfOpen { .. } | Position::Open { .. } | Position::Closed => false,
        }
    }

    /// Takes note of how a call went.
    pub fn record(&mut self, now: UnixMs, went_well: bool) {
        match &mut self.position {
            Position::Open { .. } => {}
            Position::HalfOpen { .. } if !went_well => self.trip(now),
            Position::HalfOpen { good, .. } => {
                *good += 1;
                if *good >= self.rules.probes {
                    self.close();
                }
            }
            Position::Closed => {
                self.count(now, went_well);
                let (calls, failed) = self.seen(now);
                let share = u64::from(failed) * 100;
                let limit = u64::from(calls) * u64::from(self.rules.failed_percent);
                if calls >= self.rules.calls_min && failed > 0 && share >= limit {
                    self.trip(now);
                }
            }
        }
    }

    /// Opens it.
    pub fn trip(&mut self, now: UnixMs) {
        self.position = Position::Open { until: now.plus_ms(self.rules.open_ms) };
    }

    /// Lets probes through at once: what opened it is over.
    pub fn try_again(&mut self, now: UnixMs) {
        if let Position::Open { .. } = self.position {
            self.position = Position::HalfOpen { since: now, left: self.rules.probes, good: 0 };
        }
    }

    fn close(&mut self) {
        self.position = Position::Closed;
        self.buckets = [Bucket::default(); BUCKETS];
    }

    fn part(&self, now: UnixMs) -> i64 {
        let length = self.rules.window_ms / i64::try_from(BUCKETS).unwrap_or(1);
        now.0.div_euclid(length.max(1))
    }

    fn count(&mut self, now: UnixMs, went_well: bool) {
        let part = self.part(now);
        let at = part.rem_euclid(i64::try_from(BUCKETS).unwrap_or(1));
        let at = usize::try_from(at).unwrap_or(0);
        let Some(bucket) = self.buckets.get_mut(at) else { return };
        if bucket.part != part {
            *bucket = Bucket { part, ..Bucket::default() };
        }
        bucket.calls = bucket.calls.saturating_add(1);
        bucket.failed = bucket.failed.saturating_add(u32::from(!went_well));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: Rules =
        Rules { window_ms: 10_000, calls_min: 4, failed_percent: 50, open_ms: 5_000, probes: 2 };

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Good,
        Bad,
        Bet(bool),
        Well,
    }
    use Step::{Bad, Bet, Good, Well};

    #[test]
    fn it_opens_probes_and_closes() {
        // (milliseconds, what happens, where it stands then)
        let rows: &[(i64, Step, &str)] = &[
            (0, Bad, "closed"),
            (10, Bad, "closed"),
            (20, Bet(true), "closed"),
            // What failed is forgotten after the window.
            (12_000, Bad, "closed"),
            (12_010, Bad, "closed"),
            (12_020, Good, "closed"),
            (12_030, Good, "open"),
            (12_040, Bet(false), "open"),
            (13_000, Good, "open"),
            (17_029, Bet(false), "open"),
            (17_030, Bet(true), "half_open"),
            (17_040, Bad, "open"),
            (22_040, Bet(true), "half_open"),
            (22_050, Bet(true), "half_open"),
            (22_060, Bet(false), "half_open"),
            (22_070, Good, "half_open"),
            (22_080, Good, "closed"),
            // A fresh start: the old failures do not count.
            (22_090, Bad, "closed"),
            (22_100, Good, "closed"),
            (22_110, Bad, "closed"),
            (22_120, Bad, "open"),
            (22_130, Well, "half_open"),
            (22_140, Bet(true), "half_open"),
            (22_150, Bet(true), "half_open"),
            // Nobody heard of these two again.
            (27_129, Bet(false), "half_open"),
            (27_130, Bet(true), "half_open"),
        ];
        let mut breaker = Breaker::new(RULES);
        for (at, step, expected) in rows {
            let now = UnixMs(1_000_000 + at);
            match step {
                Good => breaker.record(now, true),
                Bad => breaker.record(now, false),
                Bet(passes) => assert_eq!(breaker.admits(now), *passes, "{at}"),
                Well => breaker.try_again(now),
            }
            assert_eq!(breaker.position().as_str(), *expected, "{at}");
        }
    }

    proptest! {
        #[test]
        fn it_never_stays_shut(
            history in proptest::collection::vec((0_i64..3_000, any::<bool>(), any::<bool>()), 0..200),
        ) {
            let mut breaker = Breaker::new(RULES);
            let mut now = UnixMs(0);
            for (wait, is_bet, went_well) in history {
                now = now.plus_ms(wait);
                if !is_bet || breaker.admits(now) {
                    breaker.record(now, went_well);
                }
                let (calls, failed) = breaker.seen(now);
                prop_assert!(failed <= calls);
            }
            // From anywhere: calls that go well close it within two waits.
            now = now.plus_ms(RULES.open_ms);
            for _ in 0..RULES.probes {
                if breaker.admits(now) {
                    breaker.record(now, true);
                }
            }
            now = now.plus_ms(RULES.open_ms);
            for _ in 0..RULES.probes {
                if breaker.admits(now) {
                    breaker.record(now, true);
                }
            }
            prop_assert_eq!(breaker.position(), Position::Closed);
        }

        #[test]
        fn few_calls_say_nothing(times in proptest::collection::vec(0_i64..100_000, 0..3)) {
            let mut breaker = Breaker::new(RULES);
            let mut times = times;
            times.sort_unstable();
            for at in times {
                breaker.record(UnixMs(at), false);
                prop_assert!(breaker.admits(UnixMs(at)));
            }
        }
    }
}
