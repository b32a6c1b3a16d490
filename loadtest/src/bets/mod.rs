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
mod session;

pub use check::{Check, Mismatch};
pub use mix::Mix;
pub(crate) use pace::Pace;
pub use report::{Cpu, Report};
pub(crate) use session::{Measured, Session};

use crate::cli::BetsArgs;
use crate::stats::Recorder;
use crate::{Error, out};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Runs the benchmark.
///
/// # Errors
/// If it cannot run at all; what is wrong with the server is in the report.
pub async fn run(args: &BetsArgs) -> Result<Report, Error> {
    let mut session = Session::open(args).await?;
    let players = session.players();
    let measured = session.play(args, true).await?;
    let check = if args.check {
        out::progress(format!("checking {players} balances"));
        Some(session.check(args.connections).await?)
    } else {
        None
    };
    Report::new(args, &session.run, players, measured, check)
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
