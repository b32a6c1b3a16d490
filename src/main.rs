//! The command line.

use clap::{Args, Parser, Subcommand};
use palio::app::{self, Error};
use palio::auth::{Issuer, Role};
use palio::clock::{Clock as _, SystemClock};
use palio::config::{Config, LogFormat, Mode, Node, Secrets};
use palio::storage::Storage;
use palio::{check, players::Players, telemetry, verify};
use palio_domain::TenantId;
use palio_domain::journal::Keys;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Palio: a real-time tournament and wallet server.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args)]
struct Common {
    /// Configuration file over the built-in defaults.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Directory of the SQLite files and generated secrets.
    #[arg(long, global = true)]
    data_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves with a sandbox provider that plays: the default.
    Demo,
    /// Serves.
    Serve {
        /// What this node is.
        #[arg(long, value_enum, default_value_t = Node::Core)]
        role: Node,
    },
    /// Rebuilds balances and standings from the journal and compares.
    Verify {
        /// One JSON object on standard output.
        #[arg(long)]
        json: bool,
    },
    /// Says what is wrong with documents of tournaments, before they are published.
    Check {
        /// Announcements, templates, prize tables or schedules, in TOML or JSON.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Brings the store's schema up to date.
    Migrate,
    /// Prints a token.
    Token {
        /// What its bearer may do.
        #[arg(long, value_enum)]
        role: Role,
        /// The player's outside id, or the operator's name.
        #[arg(long)]
        subject: String,
        /// How long it lasts.
        #[arg(long, default_value_t = 60)]
        minutes: u32,
        /// Whose brand.
        #[arg(long, default_value_t = 1)]
        tenant: u32,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Needs neither configuration nor store.
    if let Some(Command::Check { files }) = &cli.command {
        return check(files);
    }
    let result = load(&cli).and_then(|config| {
        telemetry::start(config.log.format == LogFormat::Json, &config.log.filter);
        match cli.command.unwrap_or(Command::Demo) {
            // No actors, but work for every core.
            Command::Verify { json } => {
                tokio::runtime::Runtime::new()?.block_on(verify(&config, json))
            }
            command => actix::System::new().block_on(run(command, config)),
        }
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("palio: {error}");
            ExitCode::from(2)
        }
    }
}

fn load(cli: &Cli) -> Result<Config, Error> {
    let node = match cli.command {
        Some(Command::Serve { role }) => role,
        _ => Node::Core,
    };
    let mut config = Config::load(cli.common.config.as_deref(), node)?;
    if let Some(dir) = &cli.common.data_dir {
        config.storage.data_dir.clone_from(dir);
    }
    Ok(config)
}

async fn run(command: Command, mut config: Config) -> Result<ExitCode, Error> {
    match command {
        Command::Demo => {
            config.mode = Mode::Demo;
            serve(&config).await
        }
        Command::Serve { role: Node::Edge } => serve_edge(&config).await,
        Command::Serve { role: Node::Core } => {
            if config.mode == Mode::Demo {
                config.mode = Mode::Development;
            }
            serve(&config).await
        }
        Command::Verify { json } => verify(&config, json).await,
        Command::Check { files } => Ok(check(&files)),
        Command::Migrate => {
            app::open_storage(&config).await?.close().await;
            print("the schema is up to date");
            Ok(ExitCode::SUCCESS)
        }
        Command::Token { role, subject, minutes, tenant } => {
            print(&token(&config, role, &subject, minutes, TenantId(tenant)).await?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// 0: nothing, or warnings only; 1: errors; 2: a file can't be read.
fn check(files: &[PathBuf]) -> ExitCode {
    match check::files(files) {
        Ok(outcome) => {
            outcome.lines.iter().for_each(|line| print(line));
            if outcome.has_errors { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("palio: {error}");
            ExitCode::from(2)
        }
    }
}

async fn verify(config: &Config, json: bool) -> Result<ExitCode, Error> {
    let storage = app::open_read_only(config).await?;
    let report = verify::run(&storage).await?;
    storage.close().await;
    if json {
        let line = serde_json::to_string(&report).unwrap_or_default();
        print(&line);
    } else {
        print(&report.to_string());
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn print(line: &str) {
    println!("{line}");
}

async fn token(
    config: &Config,
    role: Role,
    subject: &str,
    minutes: u32,
    tenant: TenantId,
) -> Result<String, Error> {
    let secrets = Secrets::load(config)?;
    let player = if role == Role::Player {
        let storage: Storage = app::open_read_only(config).await?;
        let keys = Keys::new(secrets.journal_key);
        let players = Players::new(Arc::clone(&storage.directory), keys);
        let found = players.find(tenant, subject).await?;
        storage.close().await;
        Some(found.ok_or_else(|| Error::Refused(format!("no player {subject}")))?)
    } else {
        None
    };
    Issuer::new(&secrets.signing, &[])
        .issue(role, tenant, subject, player, i64::from(minutes) * 60_000, SystemClock.now())
        .map_err(|error| Error::Refused(error.to_string()))
}

async fn serve(config: &Config) -> Result<ExitCode, Error> {
    let running = app::start(config).await?;
    tracing::info!(address = %running.address, admin = %running.admin, "serving");
    let sandbox = app::start_sandbox(config, &running)?;
    if config.mode == Mode::Demo {
        print(&welcome(config, &running));
    }
    stop_signal().await?;
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn serve_edge(config: &Config) -> Result<ExitCode, Error> {
    let running = app::edge::start(config)?;
    tracing::info!(address = %running.address, admin = %running.admin, "serving boards");
    stop_signal().await?;
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}

fn welcome(config: &Config, running: &app::Running) -> String {
    let (page, admin) = (running.address, running.admin);
    format!(
        "\n  Palio is running, with {} sandbox players betting over signed HTTP.\n\n\
         \x20 leaderboards   http://{page}/\n\
         \x20 API            http://{page}/docs/\n\
         \x20 metrics        http://{admin}/metrics\n\n\
         \x20 try next       open the page on a phone and on a desktop; kill -9 this process and start\n\
         \x20                it again: it goes on where it was; then check the books:\n\
         \x20                cargo run --release -- verify\n\n\
         \x20 Ctrl-C stops it; the journal stays in {}.\n",
        config.demo.players,
        config.storage.data_dir.display()
    )
}

async fn stop_signal() -> Result<(), Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
