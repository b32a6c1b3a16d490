//! `loadtest ladder`: Palio's durable bet path beside an honest baseline, as ratios of one run.
//!
//! The peers are started here, each with a database of its own on the same PostgreSQL, and take
//! turns: in each round every peer plays one slice of the same load, a different one first each
//! time. A ratio is taken within a round, so that a machine that slows down slows both.
//!
//! **Invariants:** every answer and, at the end, every balance is checked, the baseline's too; a
//! figure that could not be measured is not printed. Tests: `tests/it/ladder.rs`.

mod aged;
mod contest;
mod library;
mod lone;
mod peer;
mod report;
mod rungs;
mod storm;

pub use report::{Figure, Report, Row};

use crate::baseline::House;
use crate::bets::Mix;
use crate::{Error, out};
use clap::{Args, ValueEnum};
use peer::{Fleet, Tuning};
use std::fmt;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// A step of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Rung {
    /// The baseline with one house account.
    Shared,
    /// The baseline without one.
    Spread,
    /// Palio's commit path behind HTTP, and nothing else.
    Bare,
    /// The same with the signature check.
    Signature,
    /// Palio: wallets, strict JSON.
    Rules,
    /// Palio with three running tournaments.
    Folds,
    /// Palio with its search index too.
    Search,
}

impl Rung {
    const fn word(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Spread => "spread",
            Self::Bare => "bare",
            Self::Signature => "signature",
            Self::Rules => "rules",
            Self::Folds => "folds",
            Self::Search => "search",
        }
    }

    const fn house(self) -> Option<House> {
        match self {
            Self::Shared => Some(House::Shared),
            Self::Spread => Some(House::Spread),
            Self::Bare | Self::Signature | Self::Rules | Self::Folds | Self::Search => None,
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared => "baseline, shared house",
            Self::Spread => "baseline, without",
            Self::Bare => "bare",
            Self::Signature => "+ signature",
            Self::Rules => "+ rules",
            Self::Folds => "+ folds",
            Self::Search => "+ search",
        })
    }
}

/// What is to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Wanted {
    /// Baseline and Palio step by step.
    Ladder,
    /// Commands into the wallets without HTTP, beside bulk-loading the rows they make.
    Wallets,
    /// All players in one slot, and so on one house account, beside players of all slots.
    Hot,
    /// A lone bet beside a bare commit; latency at half of the peak.
    Lone,
    /// Fresh bets under twenty times as many duplicates, known and cold.
    Storm,
    /// A thousand wallets beside many; what a sleeping wallet costs.
    WalletsScale,
    /// A journal of `--rows` rows beside an empty one, with checkpoints.
    Aged,
}

/// `loadtest ladder`.
#[derive(Debug, Clone, Args)]
pub struct LadderArgs {
    /// A PostgreSQL server on which databases may be made.
    #[arg(long)]
    pub postgres_url: String,
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "ladder")]
    pub figure: Vec<Wanted>,
    /// Seconds of each slice.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Rounds; in each every peer plays one slice.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: u16,
    /// Players of each peer.
    #[arg(long, default_value_t = 2000)]
    pub players: usize,
    /// Steps; all that are there, unless told.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub rungs: Vec<Rung>,
    /// Loads of the ladder, as in `loadtest bets --mix`.
    #[arg(long, value_delimiter = ',', default_value = "single,rounds:20")]
    pub mixes: Vec<Mix>,
    /// Numbers of connections that are tried for each peer; the best one counts.
    #[arg(long, value_delimiter = ',', default_value = "32,64,128,256")]
    pub connections: Vec<usize>,
    /// Sizes of the baseline's pool that are tried, each shared and per worker.
    #[arg(long, value_delimiter = ',', default_value = "8,16,32")]
    pub pools: Vec<u32>,
    /// Plays a slice of the figures without HTTP, and rows of the aged journal.
    #[arg(long)]
    pub rows: Option<usize>,
    /// Wallets of `--figure wallets-scale`.
    #[arg(long)]
    pub wallets_max: Option<usize>,
    /// Everything as small as it gets: says that it works, not how fast.
    #[arg(long)]
    pub small: bool,
    /// Palio's program; the one beside this one, unless told.
    #[arg(long)]
    pub palio: Option<PathBuf>,
    /// `examples/bare` of Palio, for the rungs without wallets.
    #[arg(long)]
    pub bare: Option<PathBuf>,
    /// `examples/wallets` of Palio, for figures without HTTP.
    #[arg(long)]
    pub wallets: Option<PathBuf>,
    /// One JSON object instead of tables.
    #[arg(long)]
    pub json: bool,
}

impl LadderArgs {
    fn rungs(&self) -> Vec<Rung> {
        if self.rungs.is_empty() { Rung::value_variants().to_vec() } else { self.rungs.clone() }
    }

    fn seconds(&self) -> u64 {
        if self.small { 1 } else { self.seconds }
    }

    fn rounds(&self) -> usize {
        if self.small { 1 } else { usize::from(self.rounds) }
    }

    fn players(&self) -> usize {
        if self.small { 320 } else { self.players.max(1) }
    }

    /// Seconds of a slice that only finds the best setting.
    fn calibration(&self) -> u64 {
        self.seconds().min(2)
    }

    fn connections_for(&self, mix: Mix) -> Vec<usize> {
        let most = (self.players() / mix.seats()).max(1);
        let small = [16];
        let tried = if self.small { &small[..] } else { &self.connections };
        let mut fit: Vec<usize> = tried.iter().map(|n| (*n).clamp(1, most)).collect();
        fit.dedup();
        fit
    }

    fn tunings(&self) -> Vec<Tuning> {
        if self.small {
            return vec![Tuning { pool: 8, per_worker: false }];
        }
        let both = |pool: &u32| [false, true].map(|per_worker| Tuning { pool: *pool, per_worker });
        self.pools.iter().flat_map(both).collect()
    }
}

/// Measures what is wanted.
///
/// # Errors
/// If a peer can't be started or the database not be used; peers are ended in any case.
pub async fn run(args: &LadderArgs) -> Result<Report, Error> {
    let mut fleet = Fleet::new(args)?;
    let measured = tokio::select! {
        measured = measure(&mut fleet, args) => measured,
        told = told_to_end() => told.and(Err(Error::Usage("interrupted".to_owned()))),
    };
    // Whoever still played is dropped by now, and its process with it.
    fleet.end().await;
    measured
}

/// Waits for an interrupt or a polite request to end.
async fn told_to_end() -> Result<(), Error> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::io("wait for signals"))?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Error::io("wait for signals")),
        _ = terminate.recv() => Ok(()),
    }
}

async fn measure(fleet: &mut Fleet, args: &LadderArgs) -> Result<Report, Error> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let machine = format!(
        "{}; {cores} cores for database, server and client together",
        fleet.server.describe().await?
    );
    out::progress(&machine);
    out::progress(format!("process {}", std::process::id()));
    let shape = format!("{} rounds of {} s a slice", args.rounds(), args.seconds());
    let mut figures = Vec::new();
    for wanted in &args.figure {
        figures.extend(match wanted {
            Wanted::Ladder => rungs::climb(fleet, args).await?,
            Wanted::Wallets => vec![library::wallets(fleet, args).await?],
            Wanted::Hot => vec![library::hot(fleet, args).await?],
            Wanted::Lone => vec![lone::lone(fleet, args).await?],
            Wanted::Storm => vec![storm::figure(fleet, args).await?],
            Wanted::WalletsScale => vec![library::scale(fleet, args).await?],
            Wanted::Aged => vec![aged::aged(fleet, args).await?],
        });
    }
    Ok(Report { benchmark: "ladder", machine: Some(machine), shape, figures })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: LadderArgs,
    }

    fn parsed(more: &[&str]) -> LadderArgs {
        let line = ["ladder", "--postgres-url", "postgres://x"];
        Line::try_parse_from(line.iter().chain(more)).unwrap().args
    }

    #[test]
    fn everything_is_climbed_unless_told() {
        assert_eq!(parsed(&[]).rungs(), Rung::value_variants());
        let some = parsed(&["--rungs", "rules,shared"]);
        assert_eq!(some.rungs(), [Rung::Rules, Rung::Shared]);
        let both = parsed(&["--figure", "lone,wallets-scale"]);
        assert_eq!(both.figure, [Wanted::Lone, Wanted::WalletsScale]);
        assert!(Line::try_parse_from(["ladder"]).is_err());
    }

    #[test]
    fn no_more_connections_than_rounds_of_players() {
        let args = parsed(&["--players", "400", "--connections", "8,64,128"]);
        assert_eq!(args.connections_for(Mix::Single), [8, 64, 128]);
        assert_eq!(args.connections_for(Mix::Rounds(20)), [8, 20]);
        assert_eq!(parsed(&["--small"]).connections_for(Mix::Single), [16]);
    }

    #[test]
    fn the_baseline_is_tried_in_every_way() {
        let args = parsed(&["--pools", "8,32"]);
        let tried: Vec<_> = args.tunings().iter().map(|t| (t.pool, t.per_worker)).collect();
        assert_eq!(tried, [(8, false), (8, true), (32, false), (32, true)]);
        assert_eq!(parsed(&["--small"]).tunings().len(), 1);
    }

    #[test]
    fn half_of_a_rate_is_a_whole_one() {
        for (rate, half) in [(20_000.0, 10_000), (2.0, 1), (0.0, 1)] {
            assert_eq!(lone::half_of(rate), half);
        }
    }
}
