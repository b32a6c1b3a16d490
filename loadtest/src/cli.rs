//! The command line.

use crate::Error;
use crate::baseline::BaselineArgs;
use crate::bets::Mix;
use crate::fanout::{FanoutArgs, ScriptArgs};
use crate::ladder::LadderArgs;
use crate::recovery::RecoveryArgs;
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Load generator and benchmarks for Palio.
///
/// Ends with 0 if all that was checked is right, 1 if something was wrong, 2 if it could not run.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The benchmarks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Drives the wallet with bets and checks the money.
    Bets(Box<BetsArgs>),
    /// Opens many live boards and checks every frame.
    Watch(Box<WatchArgs>),
    /// Plays the certification cases of a provider's integration and prints a report.
    Conformance(Box<ConformanceArgs>),
    /// Serves the same wire with a PostgreSQL transaction per request, to be compared with.
    Baseline(Box<BaselineArgs>),
    /// Starts baseline and Palio itself and measures them in turns, as ratios of one run.
    Ladder(Box<LadderArgs>),
    /// Starts peers and Palio itself and measures live boards in turns, as ratios of one run.
    Fanout(Box<FanoutArgs>),
    /// The floor of `fanout`: sends one ready frame to every socket, and nothing else.
    #[command(hide = true)]
    FanoutBare(ScriptArgs),
    /// Kills a server under load, and measures how soon it acknowledges a bet again.
    Recovery(Box<RecoveryArgs>),
}

/// `loadtest conformance`.
#[derive(Debug, Clone, Args)]
pub struct ConformanceArgs {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Id of the provider's key.
    #[arg(long)]
    pub key: String,
    /// File with the provider's secret; a line end after it does not belong to it.
    #[arg(long)]
    pub secret_file: PathBuf,
    /// File with an operator's token, to fund and protect the players.
    #[arg(long)]
    pub operator_token_file: PathBuf,
    /// The provider's profile, as agreed with the operator: strict or lenient.
    #[arg(long, value_enum, default_value_t = crate::conformance::Profile::Strict)]
    pub profile: crate::conformance::Profile,
    /// The provider's name, for calls that the operator makes about it.
    #[arg(long, default_value = "sandbox")]
    pub provider: String,
    /// Only the case with this number.
    #[arg(long)]
    pub case: Option<String>,
    /// Print JSON instead of a text.
    #[arg(long)]
    pub json: bool,
}

/// `loadtest bets`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BetsArgs {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Id of the provider's key.
    #[arg(long)]
    pub key: String,
    /// File with the provider's secret; a line end after it does not belong to it.
    #[arg(long)]
    #[serde(skip)]
    pub secret_file: Option<PathBuf>,
    /// The provider's secret itself.
    #[arg(long, env = "PALIO_SECRET", hide_env_values = true, hide = true)]
    #[serde(skip)]
    pub secret: Option<String>,
    /// File with an operator's token, to fund the players.
    #[arg(long)]
    #[serde(skip)]
    pub operator_token_file: Option<PathBuf>,
    /// The operator's token itself.
    #[arg(long, env = "PALIO_OPERATOR_TOKEN", hide_env_values = true, hide = true)]
    #[serde(skip)]
    pub operator_token: Option<String>,
    /// Connections; each has one request under way.
    #[arg(long, default_value = "64", value_parser = positive)]
    pub connections: usize,
    /// How long to measure.
    #[arg(long, default_value_t = 15)]
    pub seconds: u64,
    /// How long to run before measuring.
    #[arg(long, default_value_t = 2)]
    pub warmup: u64,
    /// Players, made anew in each run; raised so that a round can have different players.
    #[arg(long, default_value = "1000", value_parser = positive)]
    pub players: usize,
    /// What is sent: `single` (debit, then settle), `play`, `rounds:N` (N bets and their
    /// settlement through /events) or `mixed`.
    #[arg(long, default_value = "single")]
    pub mix: Mix,
    /// Currency of everything.
    #[arg(long, default_value = "EUR")]
    pub currency: String,
    /// The game played; tournaments may look at it.
    #[arg(long, default_value = "loadtest")]
    pub game: String,
    /// What each player gets first, in whole units.
    #[arg(long, default_value_t = 1_000_000)]
    pub deposit: u32,
    /// Requests per second over all connections; without it each connection sends as soon as it
    /// has its answer. Latency then counts from when a request should have been sent.
    #[arg(long, value_parser = positive)]
    pub rate: Option<usize>,
    /// At the end compares every player's balance with what it must be.
    #[arg(long)]
    pub check: bool,
    /// How long a request is repeated (same key) while its outcome is unknown, in seconds.
    #[arg(long, default_value_t = 10)]
    pub patience: u64,
    /// Threads of this tool.
    #[arg(long, default_value = "1", value_parser = positive)]
    pub threads: usize,
    /// Process id of the server, to report its CPU time and memory too.
    #[arg(long)]
    pub server_pid: Option<u32>,
    /// One JSON object instead of a table.
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
}

/// `loadtest watch`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchArgs {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// The tournament's id, or `auto`: the active one with most participants.
    #[arg(long, default_value = "auto")]
    pub tournament: String,
    /// Sockets.
    #[arg(long, default_value = "1000", value_parser = positive)]
    pub subscribers: usize,
    /// How long to measure.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
    /// Sockets that keep a whole board; the others only check that no frame is missing.
    #[arg(long, default_value_t = 50)]
    pub sample: usize,
    /// Sockets that stop reading while it is measured, of a hundred.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(..=90))]
    pub stalled_percent: u8,
    /// New sockets per second.
    #[arg(long, default_value = "1000", value_parser = positive)]
    pub connect_rate: usize,
    /// Threads of this tool.
    #[arg(long, default_value = "1", value_parser = positive)]
    pub threads: usize,
    /// Process id of the server, to report its CPU time and memory too.
    #[arg(long)]
    pub server_pid: Option<u32>,
    /// One JSON object instead of a table.
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
}

impl Command {
    /// Threads of this tool.
    #[must_use]
    pub fn threads(&self) -> usize {
        match self {
            Self::Bets(args) => args.threads,
            Self::Watch(args) => args.threads,
            Self::Baseline(_)
            | Self::Ladder(_)
            | Self::Fanout(_)
            | Self::FanoutBare(_)
            | Self::Conformance(_)
            | Self::Recovery(_) => 1,
        }
    }
}

impl BetsArgs {
    /// The provider's secret.
    ///
    /// # Errors
    /// [`Error::Usage`] without one, [`Error::Io`] if its file cannot be read.
    pub fn secret(&self) -> Result<String, Error> {
        private(self.secret_file.as_ref(), self.secret.as_deref(), "--secret-file or PALIO_SECRET")
    }

    /// The operator's token.
    ///
    /// # Errors
    /// [`Error::Usage`] without one, [`Error::Io`] if its file cannot be read.
    pub fn operator_token(&self) -> Result<String, Error> {
        let wanted = "--operator-token-file or PALIO_OPERATOR_TOKEN";
        private(self.operator_token_file.as_ref(), self.operator_token.as_deref(), wanted)
    }

    /// How long a request is repeated while its outcome is unknown.
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

fn private(file: Option<&PathBuf>, text: Option<&str>, wanted: &str) -> Result<String, Error> {
    let text = match (file, text) {
        (Some(file), _) => fs::read_to_string(file).map_err(Error::io("read a private file"))?,
        (None, Some(text)) => text.to_owned(),
        (None, None) => return Err(Error::Usage(format!("{wanted} is needed"))),
    };
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

pub(crate) fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "expected a number from 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_secret_is_printed() {
        let argv =
            ["loadtest", "bets", "--key", "k", "--secret", "hush", "--operator-token", "shh"];
        let Command::Bets(args) = Cli::parse_from(argv).command else { panic!("not bets") };
        assert_eq!(args.secret().unwrap(), "hush");
        let printed = serde_json::to_string(&args).unwrap();
        assert!(!printed.contains("hush") && !printed.contains("shh"), "{printed}");
    }
}
