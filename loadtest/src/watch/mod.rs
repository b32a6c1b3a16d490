//! `loadtest watch`: thousands of live boards, every frame checked.
//!
//! All sockets check that each delta starts where the last one ended; a sample of them keeps real
//! boards, which at the end must be what `GET …/leaderboard` shows at the same seq.
//!
//! **Invariants:** a missing frame is never silently mended: it is counted as a gap and the socket
//! starts afresh, as docs/protocol.md tells a client to.

mod compare;
mod report;
mod sample;
mod scan;
mod socket;
mod tally;

pub use compare::Comparison;
pub use report::Report;

use crate::cli::WatchArgs;
use crate::http::Base;
use crate::num::{count, millis};
use crate::procfs::{Meter, open_files_max};
use crate::{Client, Error, out};
use sample::Sample;
use serde::Deserialize;
use socket::{Context, Role};
use std::sync::Arc;
use std::time::Duration;
use tally::Tally;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Handshakes under way at a time.
const OPENING_MAX: usize = 128;
/// How long to wait for the last sockets' first boards.
const OPEN_WITHIN: Duration = Duration::from_secs(30);
/// How long stalled readers get to catch up.
const CATCH_UP: Duration = Duration::from_secs(3);
/// Files that the tool opens besides its sockets.
const OTHER_FILES: u64 = 64;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tournament {
    id: String,
    participants: u64,
    top_n: u64,
}

#[derive(Debug, Deserialize)]
struct Tournaments {
    tournaments: Vec<Tournament>,
}

async fn find(client: &Client, wanted: &str) -> Result<Tournament, Error> {
    if wanted != "auto" {
        return client.fetch(&format!("/api/tournaments/{wanted}")).await;
    }
    let list: Tournaments = client.fetch("/api/tournaments?status=active&limit=200").await?;
    let fullest = list.tournaments.into_iter().max_by_key(|tournament| tournament.participants);
    fullest.ok_or_else(|| Error::Usage("no tournament is active: name one".to_owned()))
}

/// Runs the benchmark.
///
/// # Errors
/// If it cannot run at all; what is wrong with the server is in the report.
pub async fn run(args: &WatchArgs) -> Result<Report, Error> {
    let needed = count(args.subscribers) + OTHER_FILES;
    if let Some(limit) = open_files_max().filter(|limit| *limit < needed) {
        let text =
            format!("{needed} open files are needed, {limit} allowed: try ulimit -n {needed}");
        return Err(Error::Usage(text));
    }
    let client = Client::anonymous(&args.url)?;
    let tournament = find(&client, &args.tournament).await?;
    let Tournament { id, participants, .. } = &tournament;
    out::progress(format!("{id}: {participants} participants, {} sockets", args.subscribers));

    let tally = Arc::new(Tally::new()?);
    let context = Arc::new(Context {
        base: Base::parse(&args.url)?,
        tournament: id.clone(),
        tally: Arc::clone(&tally),
    });
    let memory = args.server_pid.map(|pid| Meter::start(&pid.to_string()));
    let progress = tokio::spawn(progress(Arc::clone(&tally)));
    let (wake, asleep) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let samples = open_all(args, &context, &asleep, &mut tasks).await;
    let opened = tally.boards();
    let server_kib = memory.and_then(|meter| meter.rss_gained_kib());

    let server = args.server_pid.map(|pid| Meter::start(&pid.to_string()));
    let own = Meter::start("self");
    let started = tally.start();
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let elapsed = tally.stop().duration_since(started);
    let cpu = (own.cpu(), server.and_then(|meter| meter.cpu()));

    wake.send_replace(true);
    if args.stalled_percent > 0 {
        tokio::time::sleep(CATCH_UP).await;
    }
    let comparison = match samples.is_empty() {
        true => None,
        false => Some(compare::with_page(&client, &tournament, &samples).await?),
    };
    progress.abort();
    tasks.shutdown().await;
    let totals = tally.take()?;
    Ok(Report::new(args, id, opened, elapsed, totals, cpu, server_kib, comparison))
}

/// Opens the sockets at the given pace and waits for their first boards; returns the sample.
async fn open_all(
    args: &WatchArgs,
    context: &Arc<Context>,
    asleep: &watch::Receiver<bool>,
    tasks: &mut JoinSet<()>,
) -> Vec<Arc<Sample>> {
    let opening = Arc::new(Semaphore::new(OPENING_MAX));
    let gap = Duration::from_secs(1) / u32::try_from(args.connect_rate).unwrap_or(u32::MAX);
    let begin = Instant::now();
    let (mut samples, mut others) = (Vec::new(), 0);
    let whole = args.subscribers;
    let stalled = whole.saturating_mul(usize::from(args.stalled_percent)) / 100;
    let mut due = begin;
    for n in 0..whole {
        let role = if spread(n, args.sample, whole) {
            let sample = Arc::new(Sample::default());
            samples.push(Arc::clone(&sample));
            Role::Sampled(sample)
        } else {
            others += 1;
            match spread(others - 1, stalled, whole.saturating_sub(args.sample)) {
                true => Role::Stalled(asleep.clone()),
                false => Role::Counted,
            }
        };
        // Fails only if the semaphore is closed, which nobody does.
        let permit = Arc::clone(&opening).acquire_owned().await.ok();
        tasks.spawn(socket::follow(Arc::clone(context), role, permit));
        due += gap;
        if due > Instant::now() {
            tokio::time::sleep_until(due).await;
        }
    }
    let give_up = Instant::now() + OPEN_WITHIN;
    while context.tally.boards() < count(whole) && !tasks.is_empty() && Instant::now() < give_up {
        tokio::time::sleep(Duration::from_millis(20)).await;
        while tasks.try_join_next().is_some() {}
    }
    samples
}

/// Whether `n` is one of `part` numbers spread evenly over `0..whole`.
fn spread(n: usize, part: usize, whole: usize) -> bool {
    let before = |n: usize| n.saturating_mul(part.min(whole)) / whole.max(1);
    before(n + 1) > before(n)
}

/// A line a second on standard error.
async fn progress(tally: Arc<Tally>) {
    let begin = Instant::now();
    let second = Duration::from_secs(1);
    let mut ticks = tokio::time::interval_at(begin + second, second);
    loop {
        ticks.tick().await;
        let last = tally.second();
        out::progress(format!(
            "{:>4} s  {:>6} sockets  {:>8} deliveries/s  {:>6.0} B each  behind first p99 {:>7.1} ms  gaps {}",
            begin.elapsed().as_secs(),
            last.open,
            last.deliveries,
            crate::num::ratio(last.bytes, last.deliveries),
            millis(last.lag_p99_us),
            last.gaps,
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn the_sample_is_spread_evenly() {
        for (part, whole) in [(0, 10), (1, 10), (3, 10), (10, 10), (50, 10), (50, 5000)] {
            let chosen = (0..whole).filter(|n| spread(*n, part, whole)).count();
            assert_eq!(chosen, part.min(whole));
        }
    }
}
