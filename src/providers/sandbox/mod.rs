//! The demo's game provider: made-up players at made-up games, over signed HTTP.
//!
//! It knows of the server what any provider knows: an address, a signing key, an operator's
//! token. It makes the mistakes that providers make (repeats, duplicates, wrong order) and
//! checks that none of them matters; an answer that the protocol does not promise is a warning.
//!
//! ```text
//! Planner (seed) ─ Round ─▶ Floor ─ Call ─▶ Client ─ HTTP ─▶ server
//!      ▲                      │ │
//!      └──────── Wallets ◀────┘ └──▶ Notes ─▶ sandbox.json
//! ```
//!
//! **Invariants:** at most 64 requests are on their way at once. A bet that stays open is noted
//! on disk before it is sent, and closed by the next run if this one can't.
//!
//! It never looks into the server's memory or database. Tests: in the pure parts' files, and
//! `tests.rs` against a small server of its own.

mod client;
mod games;
mod habits;
mod notes;
mod plan;
mod purses;
mod rounds;
mod tally;
mod wire;

#[cfg(test)]
mod tests;

use crate::config::Secret;
use crate::outgoing::Outgoing;
use client::{Client, Stopped};
use futures_util::StreamExt as _;
use notes::Notes;
use palio_domain::Currency;
use plan::Planner;
use purses::Wallets;
use rounds::Floor;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tally::{Counts, Tally};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use wire::Wire;

/// How often the summary is logged.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// Late by more than this, the sandbox lets bets fall out instead of catching up.
const LATE_MAX: Duration = Duration::from_secs(1);
/// Wallets looked at and bets closed at once, at the start.
const STARTING_MAX: usize = 32;

/// The demo's money.
const CURRENCY: Currency = Currency::EUR;

/// What the sandbox is told.
pub struct SandboxConfig {
    /// Makes its HTTP client.
    pub outgoing: Outgoing,
    /// `http://host:port`.
    pub base: String,
    /// Its signing key's id.
    pub key_id: String,
    /// Its secret.
    pub secret: Secret,
    /// Gives an operator's token for deposits and sessions.
    pub operator: Box<dyn Fn() -> Option<String> + Send + Sync>,
    /// How many players: `demo_001` onwards.
    pub players: u32,
    /// Bets per second, all together.
    pub bets_per_second: u32,
    /// Seed of habits and results; 0: random.
    pub seed: u64,
    /// Where it notes what is open.
    pub notes: PathBuf,
}

/// Why the sandbox can't start.
#[derive(Debug, thiserror::Error)]
enum SandboxError {
    /// The notes of the run before can't be read; without them its bets would stay open.
    #[error("{} can't be read", path.display())]
    Notes {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No HTTP client.
    #[error("the HTTP client can't be made")]
    Client(#[source] reqwest::Error),
}

/// What tests do faster.
struct Speed {
    hurry: u32,
    save_every: Duration,
}

/// Plays until `stop` says so or its sender is gone; requests on their way are still answered,
/// then it returns. Must be called within a Tokio runtime.
pub async fn run(config: SandboxConfig, stop: watch::Receiver<bool>) {
    let speed = Speed { hurry: 1, save_every: Duration::from_secs(1) };
    if let Err(error) = run_at(config, stop, &speed).await {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%error, cause, "the sandbox can't be started");
    }
}

async fn run_at(
    config: SandboxConfig,
    shutdown: watch::Receiver<bool>,
    speed: &Speed,
) -> Result<Counts, SandboxError> {
    let path = config.notes.clone();
    let notes = Notes::open(&path).map_err(|source| SandboxError::Notes { path, source })?;
    let tally = Arc::new(Tally::default());
    let seed = if config.seed == 0 { rand::random() } else { config.seed };
    let count = |number: u32| usize::try_from(number).unwrap_or(1).max(1);
    let (players, rate) = (count(config.players), config.bets_per_second);
    let planner = Planner::new(seed, players, games::GAMES.len(), rate, CURRENCY.exponent());
    let client = Client::new(config, shutdown, Arc::clone(&tally)).map_err(SandboxError::Client)?;
    let floor = Arc::new(Floor {
        client,
        wire: Wire { currency: CURRENCY },
        notes,
        wallets: Wallets::new((0..players).map(|at| planner.bankroll(at))),
        tally: Arc::clone(&tally),
        run: format!("{:08x}", rand::random::<u32>()),
        hurry: speed.hurry.max(1),
        save_every: speed.save_every,
        serial: AtomicU64::new(0),
    });
    let saver = tokio::spawn(save(Arc::clone(&floor), speed.save_every));
    let reporter = tokio::spawn(report(Arc::clone(&floor)));
    let mut tasks = JoinSet::new();
    if resolve(&floor).await.is_ok() {
        let filled = Arc::clone(&floor);
        tasks.spawn(async move { fill(&filled, players).await });
        play(&floor, planner, rate, &mut tasks).await;
    }
    while let Some(ended) = tasks.join_next().await {
        check(ended);
    }
    reporter.abort();
    saver.abort();
    if let Err(error) = floor.notes.save() {
        tracing::warn!(%error, "the sandbox's notes can't be saved");
    }
    let counts = tally.counts();
    tracing::info!(bets = counts.bets, open = floor.notes.len(), "sandbox stopped");
    Ok(counts)
}

fn check(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a round of the sandbox broke off");
    }
}

/// Closes what the run before left open.
async fn resolve(floor: &Arc<Floor>) -> Result<(), Stopped> {
    let left = floor.notes.all();
    if left.is_empty() {
        return Ok(());
    }
    tracing::info!(bets = left.len(), "closing bets that the run before left open");
    let closing = left.into_iter().map(|note| floor.resolve(note));
    let ends: Vec<_> =
        futures_util::stream::iter(closing).buffer_unordered(STARTING_MAX).collect().await;
    ends.into_iter().collect()
}

/// Looks at every wallet once, so that its player can play.
async fn fill(floor: &Arc<Floor>, players: usize) {
    let filling = (0..players).map(|at| floor.fund(at));
    let mut filling = futures_util::stream::iter(filling).buffer_unordered(STARTING_MAX);
    while let Some(ended) = filling.next().await {
        if ended.is_err() {
            return;
        }
    }
}

/// Starts rounds when they are due.
async fn play(
    floor: &Arc<Floor>,
    mut planner: Planner,
    bets_per_second: u32,
    tasks: &mut JoinSet<()>,
) {
    // Long rounds at a high rate need room; a server that is away must not fill the memory.
    let rounds_max = usize::try_from(bets_per_second).unwrap_or(1).saturating_mul(30).max(2_000);
    let places = Arc::new(Semaphore::new(rounds_max));
    let start = Instant::now();
    let mut due = start;
    loop {
        while let Some(ended) = tasks.try_join_next() {
            check(ended);
        }
        let elapsed_ms = i64::try_from(start.elapsed().as_millis()).unwrap_or(i64::MAX);
        let round = match planner.next(elapsed_ms, &floor.wallets) {
            Ok(round) => round,
            Err(pause) => {
                if floor.client.pause(pause).await.is_err() {
                    return;
                }
                due = Instant::now();
                continue;
            }
        };
        due += round.after;
        let now = Instant::now();
        if now.duration_since(due) > LATE_MAX {
            due = now;
        }
        let turn = async {
            sleep_until(due).await;
            Arc::clone(&places).acquire_owned().await
        };
        let Ok(Ok(place)) = floor.until(turn).await else { return };
        let floor = Arc::clone(floor);
        tasks.spawn(async move {
            floor.play(round).await;
            drop(place);
        });
    }
}

async fn save(floor: Arc<Floor>, every: Duration) {
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let floor = Arc::clone(&floor);
        match tokio::task::spawn_blocking(move || floor.notes.save()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the sandbox's notes can't be saved"),
            Err(error) => tracing::warn!(%error, "the sandbox's notes were not saved"),
        }
    }
}

async fn report(floor: Arc<Floor>) {
    let mut tick = interval(REPORT_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.tick().await;
    let mut before = Counts::default();
    loop {
        tick.tick().await;
        let counts = floor.tally.counts();
        counts.since(before).log(floor.notes.len());
        before = counts;
    }
}
