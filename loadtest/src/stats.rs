//! Counting while it runs: latencies per kind of request, and what went wrong.

use crate::Error;
use crate::num::micros;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest latency told apart, in microseconds.
const LATENCY_US_MAX: u64 = 120_000_000;
const DIGITS: u8 = 3;

/// A histogram of microseconds.
pub(crate) type Micros = Histogram<u64>;

/// An empty histogram.
///
/// # Errors
/// [`Error::Usage`] never in practice: the bounds are constants.
pub(crate) fn histogram() -> Result<Micros, Error> {
    Micros::new_with_bounds(1, LATENCY_US_MAX, DIGITS).map_err(|e| Error::Usage(e.to_string()))
}

/// Adds `from` to `to` and empties it.
pub(crate) fn drain(from: &mut Micros, to: &mut Micros) {
    // Both have the same bounds, so adding cannot fail.
    to.add(&*from).ok();
    from.reset();
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Debit,
    Settle,
    Credit,
    Rollback,
    Play,
    Events,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] =
        [Self::Debit, Self::Settle, Self::Credit, Self::Rollback, Self::Play, Self::Events];

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Debit => "/wallet/debit",
            Self::Settle => "/wallet/settle",
            Self::Credit => "/wallet/credit",
            Self::Rollback => "/wallet/rollback",
            Self::Play => "/wallet/play",
            Self::Events => "/events",
        }
    }
}

/// Requests by kind, in a stretch of time.
#[derive(Debug)]
pub(crate) struct Window {
    kinds: Vec<(Kind, Micros)>,
    pub(crate) bets: u64,
    pub(crate) errors: u64,
}

impl Window {
    fn new() -> Result<Self, Error> {
        let kinds = Kind::ALL.into_iter().map(|kind| Ok((kind, histogram()?)));
        Ok(Self { kinds: kinds.collect::<Result<_, Error>>()?, bets: 0, errors: 0 })
    }

    fn drain_into(&mut self, total: &mut Self) {
        for ((_, from), (_, to)) in self.kinds.iter_mut().zip(&mut total.kinds) {
            drain(from, to);
        }
        total.bets += std::mem::take(&mut self.bets);
        total.errors += std::mem::take(&mut self.errors);
    }

    fn clear(&mut self) {
        self.kinds.iter_mut().for_each(|(_, latency)| latency.reset());
        (self.bets, self.errors) = (0, 0);
    }

    /// All kinds together.
    pub(crate) fn latency(&self) -> Result<Micros, Error> {
        let mut all = histogram()?;
        self.kinds.iter().for_each(|(_, one)| {
            all.add(one).ok();
        });
        Ok(all)
    }

    /// Kinds that were sent at all.
    pub(crate) fn by_kind(&self) -> impl Iterator<Item = (Kind, &Micros)> {
        self.kinds.iter().filter(|(_, latency)| !latency.is_empty()).map(|(kind, l)| (*kind, l))
    }
}

/// An answer that was not the hoped-for one: HTTP status (0 without an answer) and code.
pub(crate) type Trouble = (u16, String);

#[derive(Debug)]
struct Inner {
    measuring: bool,
    second: Window,
    total: Window,
    troubles: BTreeMap<Trouble, u64>,
    wrong: BTreeMap<String, u64>,
}

/// Where all drivers write; a lock held for some nanoseconds, on one thread by default.
#[derive(Debug)]
pub(crate) struct Recorder(Mutex<Inner>);

/// Everything counted between start and stop of measuring.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) window: Window,
    pub(crate) troubles: BTreeMap<Trouble, u64>,
    /// Answers that contradict docs/protocol.md, warm-up included: any one fails the run.
    pub(crate) wrong: BTreeMap<String, u64>,
}

/// One line of progress.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Second {
    pub(crate) requests: u64,
    pub(crate) bets: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
    pub(crate) errors: u64,
}

impl Recorder {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self(Mutex::new(Inner {
            measuring: false,
            second: Window::new()?,
            total: Window::new()?,
            troubles: BTreeMap::new(),
            wrong: BTreeMap::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer arrived.
    pub(crate) fn answered(&self, kind: Kind, took: Duration) {
        let mut inner = self.lock();
        let found = inner.second.kinds.iter_mut().find(|(known, _)| *known == kind);
        if let Some((_, latency)) = found {
            latency.saturating_record(micros(took));
        }
    }

    /// So many bets are held or played.
    pub(crate) fn bets(&self, count: u64) {
        self.lock().second.bets += count;
    }

    /// A refusal or a missing answer. Only overload may refuse this tool, which sends nothing wrong
    /// (207: a part was refused for it).
    pub(crate) fn trouble(&self, status: u16, code: &str) {
        let mut inner = self.lock();
        inner.second.errors += 1;
        if !matches!(status, 0 | 207 | 429 | 503) {
            *inner.wrong.entry(format!("unexpected answer {status} {code}")).or_default() += 1;
        }
        if inner.measuring {
            *inner.troubles.entry((status, code.to_owned())).or_default() += 1;
        }
    }

    /// An answer that must never be given.
    pub(crate) fn wrong(&self, what: &str) {
        let mut inner = self.lock();
        inner.second.errors += 1;
        *inner.wrong.entry(what.to_owned()).or_default() += 1;
    }

    /// The last second, then forgotten or, while measuring, added to the total.
    pub(crate) fn second(&self) -> Result<Second, Error> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let latency = inner.second.latency()?;
        let line = Second {
            requests: latency.len(),
            bets: inner.second.bets,
            p50_us: latency.value_at_quantile(0.50),
            p99_us: latency.value_at_quantile(0.99),
            errors: inner.second.errors,
        };
        if inner.measuring {
            inner.second.drain_into(&mut inner.total);
        } else {
            inner.second.clear();
        }
        Ok(line)
    }

    /// Forgets the warm-up and starts.
    pub(crate) fn start(&self) -> Instant {
        let mut inner = self.lock();
        inner.second.clear();
        inner.measuring = true;
        Instant::now()
    }

    /// Stops; what comes later is not measured.
    pub(crate) fn stop(&self) -> Instant {
        let mut guard = self.lock();
        let inner = &mut *guard;
        inner.second.drain_into(&mut inner.total);
        inner.measuring = false;
        Instant::now()
    }

    /// What was measured; empties the recorder.
    pub(crate) fn take(&self) -> Result<Totals, Error> {
        let mut inner = self.lock();
        Ok(Totals {
            window: std::mem::replace(&mut inner.total, Window::new()?),
            troubles: std::mem::take(&mut inner.troubles),
            wrong: std::mem::take(&mut inner.wrong),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_measured_stretch_counts() {
        let recorder = Recorder::new().unwrap();
        let ms = Duration::from_millis;
        recorder.answered(Kind::Play, ms(900));
        recorder.trouble(503, "OVERLOADED");
        recorder.start();
        recorder.answered(Kind::Play, ms(1));
        recorder.bets(1);
        assert_eq!(recorder.second().unwrap().requests, 1);
        recorder.answered(Kind::Debit, ms(3));
        recorder.trouble(429, "TOO_MANY");
        recorder.stop();
        recorder.answered(Kind::Play, ms(900));
        recorder.trouble(429, "TOO_MANY");
        recorder.wrong("WRONG_BALANCE");
        let totals = recorder.take().unwrap();
        let latency = totals.window.latency().unwrap();
        assert_eq!((latency.len(), totals.window.bets, totals.window.errors), (2, 1, 1));
        assert!(latency.max() < 4_000);
        assert_eq!(
            totals.troubles.into_iter().collect::<Vec<_>>(),
            [((429, "TOO_MANY".into()), 1)]
        );
        assert_eq!(totals.wrong.len(), 1);
    }
}
