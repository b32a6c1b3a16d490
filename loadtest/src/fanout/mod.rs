//! `loadtest fanout`: live boards beside their peers, as ratios of one run.
//!
//! The servers are started here and take turns over the same ticks: in each round every peer gets
//! its sockets and one slice, a different one first each time, in a fresh process. Server and
//! sockets are on different cores. A ratio is taken within a round.
//!
//! **Invariants:** every frame's place is checked; a figure that could not be measured is not
//! printed. Tests: `tests/it/fanout.rs`.

mod bare;
mod delivery;
mod feed;
mod fresh;
mod others;
mod own;
mod peer;
mod polling;
mod report;
mod swarm;
pub mod trace;

pub use bare::{ScriptArgs, serve as serve_bare};
pub use peer::Kind;
pub use report::{Figure, Report, Row};
pub(crate) use swarm::masked;

use crate::num::count;
use crate::procfs::open_files_max;
use crate::{Error, out};
use clap::{Args, ValueEnum};
use peer::Yard;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Files that the tool opens besides its sockets.
const OTHER_FILES: u64 = 200;
const SOCKETS: usize = 5_000;

/// What is to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Wanted {
    /// CPU per delivery, lateness and memory beside the peers, at each `--hz`.
    Delivery,
    /// Many sockets without ticks: memory and CPU.
    Idle,
    /// Bytes per tick of the scripted race, both forms; nothing is started.
    Bytes,
    /// A fifth of the readers stops reading.
    Stalled,
    /// Palio is killed and started again under its sockets.
    Recovery,
    /// Players with own rows beside the shared broadcast alone.
    Own,
    /// Polling beside a static file served by nginx.
    Polling,
    /// Bets beside watching sockets.
    Bets,
}

/// `loadtest fanout`.
#[derive(Debug, Clone, Args)]
pub struct FanoutArgs {
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "delivery")]
    pub figure: Vec<Wanted>,
    /// Sockets; 5,000 for `delivery` and `stalled`, 10,000 for `recovery`, else 15,000.
    #[arg(long, value_parser = crate::cli::positive)]
    pub sockets: Option<usize>,
    /// Ticks per second, of `delivery` each in turn; Palio as a whole takes part up to 10.
    #[arg(long, value_delimiter = ',', default_value = "4,40", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub hz: Vec<u32>,
    /// Seconds of each slice; unless told 5, of `idle` (two heartbeats) and `stalled` 60.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: Option<u64>,
    /// Rounds; in each every peer has one slice.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: u16,
    /// Who takes part in `delivery` and `idle`; all, unless told.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub peers: Vec<Kind>,
    /// Payload of the scripted peers' frames; that of Palio's own deltas, unless told.
    #[arg(long, default_value_t = 107)]
    pub bytes: usize,
    /// From the last socket to the first tick, milliseconds.
    #[arg(long, default_value_t = 1_500)]
    pub delay_ms: u64,
    /// The core of the server.
    #[arg(long, default_value_t = 0)]
    pub server_core: u8,
    /// The core of the sockets.
    #[arg(long, default_value_t = 1)]
    pub client_core: u8,
    /// Leave it to the system who runs where.
    #[arg(long)]
    pub no_pin: bool,
    /// Everything as small as it gets: says that it works, not how fast.
    #[arg(long)]
    pub small: bool,
    /// Where `scripts/peers start npm` put its packages.
    #[arg(long, env = "PALIO_TEST_NPM", default_value = "target/peers/npm")]
    pub npm: PathBuf,
    /// nginx's program.
    #[arg(long, env = "PALIO_TEST_NGINX", default_value = "/usr/sbin/nginx")]
    pub nginx: PathBuf,
    /// Palio's program; the one beside this one, unless told.
    #[arg(long)]
    pub palio: Option<PathBuf>,
    /// `examples/live` of Palio; the one beside this program, unless told.
    #[arg(long)]
    pub live: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

impl FanoutArgs {
    fn sockets(&self, figure: Wanted) -> usize {
        let usual = match figure {
            Wanted::Delivery | Wanted::Stalled => SOCKETS,
            Wanted::Recovery => 2 * SOCKETS,
            Wanted::Polling => 32,
            Wanted::Idle | Wanted::Bytes | Wanted::Own | Wanted::Bets => 3 * SOCKETS,
        };
        self.sockets.unwrap_or(if self.small { 20 } else { usual })
    }

    fn slice(&self, figure: Wanted) -> Duration {
        let usual = match (self.small, figure) {
            (true, _) => 1,
            (false, Wanted::Idle | Wanted::Stalled) => 60,
            (false, _) => 5,
        };
        Duration::from_secs(self.seconds.unwrap_or(usual))
    }

    fn rounds(&self) -> u16 {
        if self.small { 1 } else { self.rounds }
    }

    fn peers(&self) -> Vec<Kind> {
        match self.peers.is_empty() {
            true => Kind::value_variants().to_vec(),
            false => self.peers.clone(),
        }
    }
}

/// Runs what is wanted.
///
/// # Errors
/// If it cannot run at all; what is wrong with frames is in the report.
pub async fn run(args: &FanoutArgs) -> Result<Report, Error> {
    let wanted = args.figure.iter().filter(|figure| **figure != Wanted::Bytes);
    let needed = wanted.map(|figure| count(args.sockets(*figure)) + OTHER_FILES).max();
    if let (Some(limit), Some(needed)) = (open_files_max(), needed)
        && limit < needed
    {
        let text =
            format!("{needed} open files are needed, {limit} allowed: try ulimit -n {needed}");
        return Err(Error::Usage(text));
    }
    if !args.no_pin {
        peer::pin_self(args.client_core).await?;
    }
    let yard = Yard::new(args)?;
    let mut stop = signal(SignalKind::terminate()).map_err(Error::io("wait for a signal"))?;
    let figures = tokio::select! {
        figures = figures(&yard) => figures,
        _ = tokio::signal::ctrl_c() => Err(Error::Usage("interrupted".to_owned())),
        _ = stop.recv() => Err(Error::Usage("terminated".to_owned())),
    };
    yard.end();
    let cores = match args.no_pin {
        true => "no pinning".to_owned(),
        false => format!("server on core {}, sockets on {}", args.server_core, args.client_core),
    };
    let shape = format!("{} rounds, medians (lowest–highest); {cores}", args.rounds());
    Ok(Report { benchmark: "fanout", machine: None, shape, figures: figures? })
}

async fn figures(yard: &Yard<'_>) -> Result<Vec<Figure>, Error> {
    let mut figures = Vec::new();
    for wanted in &yard.args.figure {
        out::progress(format!("{wanted:?}").to_lowercase());
        match wanted {
            Wanted::Delivery => {
                for hz in &yard.args.hz {
                    figures.push(delivery::delivery(yard, *hz).await?);
                }
            }
            Wanted::Idle => figures.push(delivery::idle(yard).await?),
            Wanted::Bytes => figures.push(others::bytes()),
            Wanted::Stalled => figures.push(others::stalled(yard).await?),
            Wanted::Recovery => figures.push(fresh::recovery(yard).await?),
            Wanted::Own => figures.push(own::own(yard).await?),
            Wanted::Polling => figures.push(polling::polling(yard).await?),
            Wanted::Bets => figures.push(others::bets(yard).await?),
        }
    }
    Ok(figures)
}
