//! `loadtest`: see `loadtest --help` and README.md.

use clap::Parser as _;
use loadtest::cli::{Cli, Command};
use loadtest::{Error, baseline, bets, conformance, fanout, ladder, out, recovery, watch};
use std::process::ExitCode;

/// Something that was checked is wrong.
const WRONG: u8 = 1;
/// It could not run.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let command = Cli::parse().command;
    match start(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(WRONG),
        Err(error) => {
            out::progress(format!("loadtest: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

fn start(command: Command) -> Result<bool, Error> {
    let mut runtime = match command.threads() {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime
        .worker_threads(command.threads())
        .enable_all()
        .build()
        .map_err(|source| Error::Io { what: "start", source })?;
    runtime.block_on(run(command))
}

/// Whether all was right.
async fn run(command: Command) -> Result<bool, Error> {
    let (text, failures) = match command {
        Command::Bets(args) => {
            let report = bets::run(&args).await?;
            (if args.json { report.json()? } else { report.table() }, report.failures())
        }
        Command::Baseline(args) => {
            baseline::serve(&args).await?;
            return Ok(true);
        }
        Command::Ladder(args) => {
            let report = ladder::run(&args).await?;
            (if args.json { report.json()? } else { report.table() }, report.failures())
        }
        Command::Fanout(args) => {
            let report = fanout::run(&args).await?;
            (if args.json { report.json()? } else { report.table() }, report.failures())
        }
        Command::FanoutBare(args) => {
            fanout::serve_bare(&args)?;
            return Ok(true);
        }
        Command::Recovery(args) => {
            let report = recovery::run(&args).await?;
            (if args.json { report.json()? } else { report.table() }, report.failures())
        }
        Command::Watch(args) => {
            let report = watch::run(&args).await?;
            (if args.json { report.json()? } else { report.table() }, report.failures())
        }
        Command::Conformance(args) => {
            let report = conformance::run(&args).await?;
            (if args.json { report.json()? } else { report.text() }, report.failures())
        }
    };
    out::result(text);
    failures.iter().for_each(|failure| out::progress(format!("WRONG: {failure}")));
    Ok(failures.is_empty())
}
