//! Times, what they amount to, and memory.

use std::fmt;
use std::time::{Duration, Instant};

/// How often which value was seen, to within a thirtieth: small, so that counting does not drive
/// what is measured out of the processor's cache.
pub(crate) struct Histogram {
    counts: Vec<u64>,
    seen: u64,
    max: u64,
}

/// Values of equal length in bits are told apart by so many bits after the first one.
const FINE: u32 = 5;

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; 64 << FINE], seen: 0, max: 0 }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, value: u64) {
        let shift = value.max(1).ilog2().saturating_sub(FINE);
        let at = usize::try_from((u64::from(shift) << FINE) + (value >> shift)).unwrap();
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.seen += 1;
        self.max = self.max.max(value);
    }

    /// The value that so many of a thousand do not exceed.
    pub(crate) fn quantile(&self, per_mille: u64) -> u64 {
        let wanted = (self.seen * per_mille).div_ceil(1_000);
        let mut seen = 0;
        for (at, count) in (0_u64..).zip(&self.counts) {
            seen += count;
            if seen >= wanted {
                let shift = (at >> FINE).saturating_sub(1);
                let first = (at - (shift << FINE)) << shift;
                return (first + (1 << shift) - 1).min(self.max);
            }
        }
        self.max
    }
}

/// Times of single calls, in nanoseconds.
#[derive(Default)]
pub(crate) struct Times(Histogram);

impl Times {
    /// Takes the time of every single call, from the end of the one before: one reading of the
    /// clock each.
    pub(crate) fn add<T>(&mut self, inputs: impl IntoIterator<Item = T>, mut call: impl FnMut(T)) {
        let mut before = Instant::now();
        for input in inputs {
            call(input);
            let now = Instant::now();
            self.0.add(u64::try_from((now - before).as_nanos()).unwrap());
            before = now;
        }
    }

    pub(crate) fn of<T>(inputs: impl IntoIterator<Item = T>, call: impl FnMut(T)) -> Self {
        let mut times = Self::default();
        times.add(inputs, call);
        times
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, p999, max] =
            [500, 990, 999, 1_000].map(|per_mille| micros(self.0.quantile(per_mille)));
        write!(f, "p50 {p50} p99 {p99} p99.9 {p999} max {max}")
    }
}

fn micros(nanos: u64) -> String {
    format!("{}.{:02} µs", nanos / 1_000, nanos % 1_000 / 10)
}

/// A stopwatch for passes: by the clock, and by the time the processor was given to this thread,
/// which is less when others use it, too.
pub(crate) struct Watch {
    started: Instant,
    ran: Duration,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), ran: processor() }
    }

    /// By the clock, and on the processor.
    pub(crate) fn stop(&self) -> (Duration, Duration) {
        (self.started.elapsed(), processor().saturating_sub(self.ran))
    }
}

/// Processor time of this process' only thread; 0 where the system does not say.
fn processor() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// How many a second.
pub(crate) fn rate(count: usize, elapsed: Duration) -> u64 {
    let per_second = u128::try_from(count).unwrap() * 1_000_000_000 / elapsed.as_nanos().max(1);
    u64::try_from(per_second).unwrap()
}

/// Median, lowest and highest, of measurements in any order.
pub(crate) struct Spread(Vec<u64>);

impl FromIterator<u64> for Spread {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut values: Vec<u64> = values.into_iter().collect();
        values.sort_unstable();
        Self(values)
    }
}

impl Spread {
    /// With so many decimals in the values, which are integers.
    pub(crate) fn show(&self, decimals: u32) -> String {
        let scale = 10_u64.pow(decimals);
        let show = |value: Option<&u64>| {
            let value = value.copied().unwrap_or(0);
            let rest = format!("{:0width$}", value % scale, width = decimals.try_into().unwrap());
            if decimals == 0 { value.to_string() } else { format!("{}.{rest}", value / scale) }
        };
        let median = self.0.get(self.0.len() / 2);
        format!("{} ({}–{})", show(median), show(self.0.first()), show(self.0.last()))
    }
}

/// Bytes of this process that are in memory; 0 where the system does not say.
pub(crate) fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Bytes per player, with one decimal.
pub(crate) fn per_player(bytes: usize, players: usize) -> String {
    let tenths = bytes * 10 / players.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}
