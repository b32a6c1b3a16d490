//! Counting over all sockets: deliveries, arrival times, gaps, closes.

use crate::Error;
use crate::num::micros;
use crate::stats::{Micros, drain, histogram};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After this long nobody is expected to receive the same seq any more.
const ARRIVALS_OVER: Duration = Duration::from_secs(15);
const LISTED_MAX: usize = 20;

/// Where all sockets write.
#[derive(Debug)]
pub(super) struct Tally(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    measuring: bool,
    second: Second,
    lag: Micros,
    lag_second: Micros,
    arrivals: HashMap<u64, Arrival>,
    totals: Totals,
}

#[derive(Debug, Clone, Copy)]
struct Arrival {
    first: Instant,
    last: Instant,
    sockets: u64,
}

/// One line of progress.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Second {
    pub(super) open: u64,
    pub(super) deliveries: u64,
    pub(super) bytes: u64,
    pub(super) gaps: u64,
    pub(super) lag_p99_us: u64,
}

/// Everything counted.
#[derive(Debug)]
pub(super) struct Totals {
    /// Deltas while measuring, and their payload bytes.
    pub(super) deliveries: u64,
    pub(super) bytes: u64,
    /// Different seqs among them.
    pub(super) ticks: u64,
    /// From start to end.
    pub(super) boards: u64,
    pub(super) open: u64,
    pub(super) snapshots: u64,
    pub(super) snapshot_bytes: u64,
    pub(super) resumes: u64,
    pub(super) reconnects: u64,
    pub(super) gaps: u64,
    pub(super) bad_frames: u64,
    /// The first gaps and bad frames, in words.
    pub(super) complaints: Vec<String>,
    pub(super) closes: BTreeMap<(u16, String), u64>,
    /// Until the handshake, and until the first board.
    pub(super) connect: Micros,
    pub(super) first_board: Micros,
    /// Each delivery behind the first socket that received the same seq.
    pub(super) lag: Micros,
    /// Between first and last socket, per seq.
    pub(super) spread: Micros,
}

impl Totals {
    fn new() -> Result<Self, Error> {
        Ok(Self {
            deliveries: 0,
            bytes: 0,
            ticks: 0,
            boards: 0,
            open: 0,
            snapshots: 0,
            snapshot_bytes: 0,
            resumes: 0,
            reconnects: 0,
            gaps: 0,
            bad_frames: 0,
            complaints: Vec::new(),
            closes: BTreeMap::new(),
            connect: histogram()?,
            first_board: histogram()?,
            lag: histogram()?,
            spread: histogram()?,
        })
    }
}

impl Inner {
    fn complain(&mut self, text: String) {
        if self.totals.complaints.len() < LISTED_MAX {
            self.totals.complaints.push(text);
        }
    }

    /// Ends the counting of seqs that were last received before `before`.
    fn settle_arrivals(&mut self, before: Option<Instant>) {
        let totals = &mut self.totals;
        self.arrivals.retain(|_, arrival| {
            let over = before.is_none_or(|before| arrival.last < before);
            if over {
                totals.ticks += 1;
                if arrival.sockets > 1 {
                    let spread = arrival.last.duration_since(arrival.first);
                    totals.spread.saturating_record(micros(spread));
                }
            }
            !over
        });
    }
}

impl Tally {
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self(Mutex::new(Inner {
            measuring: false,
            second: Second::default(),
            lag: histogram()?,
            lag_second: histogram()?,
            arrivals: HashMap::new(),
            totals: Totals::new()?,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sockets that have received a board.
    pub(super) fn boards(&self) -> u64 {
        self.lock().totals.boards
    }

    /// A handshake is done.
    pub(super) fn opened(&self, took: Duration, again: bool) {
        let mut inner = self.lock();
        inner.totals.open += 1;
        if again {
            inner.totals.reconnects += 1;
        } else {
            inner.totals.connect.saturating_record(micros(took));
        }
    }

    /// A socket has its first board.
    pub(super) fn first_board(&self, took: Duration) {
        let mut inner = self.lock();
        inner.totals.boards += 1;
        inner.totals.first_board.saturating_record(micros(took));
    }

    /// A snapshot came.
    pub(super) fn snapshot(&self, bytes: u64) {
        let mut inner = self.lock();
        inner.totals.snapshots += 1;
        inner.totals.snapshot_bytes += bytes;
    }

    /// A resume was possible.
    pub(super) fn resumed(&self) {
        self.lock().totals.resumes += 1;
    }

    /// A delta came.
    pub(super) fn delta(&self, seq: u64, bytes: u64) {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.second.deliveries += 1;
        inner.second.bytes += bytes;
        if !inner.measuring {
            return;
        }
        inner.totals.deliveries += 1;
        inner.totals.bytes += bytes;
        let new = Arrival { first: now, last: now, sockets: 0 };
        let arrival = inner.arrivals.entry(seq).or_insert(new);
        arrival.last = now;
        arrival.sockets += 1;
        let lag = micros(now.duration_since(arrival.first));
        inner.lag_second.saturating_record(lag);
    }

    /// A delta did not start where the board was.
    pub(super) fn gap(&self, text: String) {
        let mut inner = self.lock();
        inner.totals.gaps += 1;
        inner.complain(text);
    }

    /// A frame that is none, or makes no board.
    pub(super) fn bad_frame(&self, text: String) {
        let mut inner = self.lock();
        inner.totals.bad_frames += 1;
        inner.complain(text);
    }

    /// A socket was not opened.
    pub(super) fn refused(&self, status: u16, code: &str) {
        *self.lock().totals.closes.entry((status, code.to_owned())).or_default() += 1;
    }

    /// An open socket ended.
    pub(super) fn closed(&self, status: u16, code: &str) {
        self.lock().totals.open -= 1;
        self.refused(status, code);
    }

    /// The last second.
    pub(super) fn second(&self) -> Second {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let lag_p99_us = inner.lag_second.value_at_quantile(0.99);
        drain(&mut inner.lag_second, &mut inner.lag);
        inner.settle_arrivals(Instant::now().checked_sub(ARRIVALS_OVER).or(Some(Instant::now())));
        let (open, gaps) = (inner.totals.open, inner.totals.gaps);
        Second { open, gaps, lag_p99_us, ..std::mem::take(&mut inner.second) }
    }

    /// Starts measuring.
    pub(super) fn start(&self) -> Instant {
        self.lock().measuring = true;
        Instant::now()
    }

    /// Stops measuring; gaps and closes are still counted.
    pub(super) fn stop(&self) -> Instant {
        self.lock().measuring = false;
        Instant::now()
    }

    /// Everything; empties the tally.
    pub(super) fn take(&self) -> Result<Totals, Error> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        inner.settle_arrivals(None);
        drain(&mut inner.lag_second, &mut inner.lag);
        drain(&mut inner.lag, &mut inner.totals.lag);
        Ok(std::mem::replace(&mut inner.totals, Totals::new()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_count_while_measured_and_gaps_always() {
        let tally = Tally::new().unwrap();
        tally.opened(Duration::from_millis(1), false);
        tally.delta(1, 100);
        tally.start();
        tally.delta(2, 100);
        tally.delta(2, 100);
        tally.delta(3, 100);
        tally.stop();
        tally.delta(4, 100);
        tally.gap("x".to_owned());
        tally.closed(4108, "slow");
        let totals = tally.take().unwrap();
        assert_eq!((totals.deliveries, totals.bytes, totals.ticks), (3, 300, 2));
        assert_eq!((totals.spread.len(), totals.lag.len()), (1, 3));
        assert_eq!((totals.gaps, totals.open, totals.complaints.len()), (1, 0, 1));
        assert_eq!(totals.closes.get(&(4108, "slow".to_owned())), Some(&1));
    }
}
