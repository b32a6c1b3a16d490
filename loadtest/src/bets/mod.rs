//! `loadtest bets`: drives the wallet and checks that the money fits to the cent.
//!
//! Players are made and funded, each belongs to one driver; drivers play until the time is over
//! and finish what they began; then every balance is asked for and compared.
//!
//! **Invariants:** nothing of a request is repeated under another key; a bet whose settlement did
//! not go through leaves its player *uncertain*, and an uncertain player fails the check.

mod body;
mod call;
mod check;
mod driver;
mod mix;
mod pace;
mod report;
mod rounds;

pub use check::{Check, Mismatch};
pub use mix::Mix;
pub use report::{Cpu, Report};

use crate::cli::BetsArgs;
use crate::http::Base;
use crate::players::Funding;
use crate::procfs::Meter;
use crate::sign::{Proof, Signer};
use crate::stats::Recorder;
use crate::{Error, out};
use driver::{Driver, Plan};
use rand::Rng as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A name that no other run on the same journal has.
fn run_id() -> String {
    let digits = b"0123456789abcdefghijklmnopqrstuv";
    let mut rng = rand::rng();
    let digit = |n: usize| digits.get(n).copied().map_or('0', char::from);
    (0..10).map(|_| digit(rng.random_range(0..digits.len()))).collect()
}

/// Runs the benchmark.
///
/// # Errors
/// If it cannot run at all; what is wrong with the server is in the report.
pub async fn run(args: &BetsArgs) -> Result<Report, Error> {
    let base = Arc::new(Base::parse(&args.url)?);
    let provider = Proof::Signature(Signer::new(&args.key, args.secret()?.as_bytes()));
    let run = run_id();
    let players = args.players.max(args.connections.saturating_mul(args.mix.seats()));
    let funding = Funding {
        base: Arc::clone(&base),
        operator: Proof::Bearer(args.operator_token()?),
        provider: provider.clone(),
        run: run.clone(),
        currency: args.currency.clone(),
        deposit: args.deposit,
    };
    out::progress(format!("run {run}: funding {players} players"));
    let (decimals, queues) = funding.players(players, args.connections).await?;

    let recorder = Arc::new(Recorder::new()?);
    let begin = Instant::now();
    let warm = begin + Duration::from_secs(args.warmup);
    let end = warm + Duration::from_secs(args.seconds);
    let mut drivers = JoinSet::new();
    for (seat, players) in queues.into_iter().enumerate() {
        let plan = Plan {
            base: Arc::clone(&base),
            provider: provider.clone(),
            recorder: Arc::clone(&recorder),
            args: args.clone(),
            prefix: format!("{run}-{seat}"),
            decimals,
            pace: pace::Pace::new(begin, args.rate, seat, args.connections),
            end,
        };
        drivers.spawn(Driver::new(plan, players).drive());
    }

    let progress = tokio::spawn(progress(Arc::clone(&recorder), begin));
    tokio::time::sleep_until(warm).await;
    let server = args.server_pid.map(|pid| Meter::start(&pid.to_string()));
    let own = Meter::start("self");
    let started = recorder.start();
    tokio::time::sleep_until(end).await;
    let elapsed = recorder.stop().duration_since(started);
    let cpu = Cpu::measured(&own, server.as_ref());
    progress.abort();

    let queues: Vec<_> = drivers.join_all().await;
    let totals = recorder.take()?;
    let check = if args.check {
        out::progress(format!("checking {players} balances"));
        Some(check::balances(&base, &provider, decimals, &args.currency, queues).await?)
    } else {
        None
    };
    Report::new(args, &run, players, elapsed, totals, cpu, check)
}

/// A line a second on standard error.
async fn progress(recorder: Arc<Recorder>, begin: Instant) -> Result<(), Error> {
    let second = Duration::from_secs(1);
    let mut ticks = tokio::time::interval_at(begin + second, second);
    loop {
        ticks.tick().await;
        let last = recorder.second()?;
        out::progress(format!(
            "{:>4} s  {:>8} req/s  {:>8} bets/s  p50 {:>8.2} ms  p99 {:>8.2} ms  errors {}",
            begin.elapsed().as_secs(),
            last.requests,
            last.bets,
            crate::num::millis(last.p50_us),
            crate::num::millis(last.p99_us),
            last.errors,
        ));
    }
}
