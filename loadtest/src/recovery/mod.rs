//! `loadtest recovery`: kills a server in the middle of a load, starts it again and measures how
//! long it takes until a bet is acknowledged.
//!
//! The store is one that `examples/grow` has filled: its players are `g_0`, `g_1`, …, and the
//! first bet of each, `g-<n>-1`, is known. Right after every start such old bets and those that
//! were acknowledged last are sent again: each must be answered as a replay.

mod load;
mod report;
mod server;

pub use report::{Kill, Report};

use crate::cli::positive;
use crate::http::{Base, Link};
use crate::report::code_of;
use crate::sign::{Proof, Request, Signer};
use crate::{Error, out};
use clap::Args;
use load::{Acknowledged, Load};
use rand::Rng as _;
use serde::Serialize;
use server::Server;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a start may take.
const START_MAX: Duration = Duration::from_secs(900);
const PROBE_EVERY: Duration = Duration::from_millis(5);
const TIMEOUT: Duration = Duration::from_secs(30);

/// `loadtest recovery`.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryArgs {
    /// Where the server will be.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// The server program; without it the one beside this program.
    #[arg(long)]
    #[serde(skip)]
    pub palio: Option<PathBuf>,
    /// Its configuration.
    #[arg(long)]
    #[serde(skip)]
    pub config: PathBuf,
    /// Its data directory.
    #[arg(long)]
    #[serde(skip)]
    pub data_dir: PathBuf,
    /// Id of the provider's key.
    #[arg(long, default_value = "sandbox-1")]
    pub key: String,
    /// How often it is killed.
    #[arg(long, default_value = "3", value_parser = positive)]
    pub kills: usize,
    /// How long it is loaded before each kill.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Connections; each has one request under way.
    #[arg(long, default_value = "64", value_parser = positive)]
    pub connections: usize,
    /// Players that bet, of those that were grown.
    #[arg(long, default_value = "1000", value_parser = positive)]
    pub players: usize,
    /// Old bets that are sent again after each start.
    #[arg(long, default_value_t = 200)]
    pub known: usize,
    /// Where the server's log goes; without it, it is thrown away.
    #[arg(long)]
    #[serde(skip)]
    pub log: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
}

/// Runs the benchmark.
///
/// # Errors
/// If it cannot run at all; what is wrong with the server is in the report.
pub async fn run(args: &RecoveryArgs) -> Result<Report, Error> {
    let base = Arc::new(Base::parse(&args.url)?);
    let mut report = Report::new(args);
    let mut server = Server::start(args)?;
    let mut since = Instant::now();
    let mut before: Vec<Acknowledged> = Vec::new();
    for n in 0..=args.kills {
        // The server may have made the secret only now.
        let watched = watch(args, &base, since, &mut server);
        let (first_bet, ready, provider) = watched.await?;
        let mut kill = Kill { first_bet, ready, ..Kill::default() };
        let known = (0..args.known).map(|n| load::known(n % args.players));
        let old: Vec<Acknowledged> = known.chain(before.drain(..)).collect();
        replays(&base, &provider, old, &mut kill).await?;
        let load = Load::start(&base, &provider, args.connections, args.players);
        kill.per_second = load.seconds(args.seconds).await;
        out::progress(kill.line(n));
        since = Instant::now();
        server.kill().await?;
        before = load.stop().await;
        report.add(n, kill);
        if n < args.kills {
            server = Server::start(args)?;
        }
    }
    Ok(report)
}

/// Waits for the first acknowledged bet and for `/readyz`, both counted from `since`.
async fn watch(
    args: &RecoveryArgs,
    base: &Arc<Base>,
    since: Instant,
    server: &mut Server,
) -> Result<(Duration, Duration, Proof), Error> {
    let run: u64 = rand::rng().random();
    let bet = load::bet(&format!("probe-{run:016x}"), 0);
    let mut ready: Option<Duration> = None;
    let mut first: Option<Duration> = None;
    let mut provider = Proof::None;
    let mut anyone = Link::new(Arc::clone(base), Proof::None, TIMEOUT);
    let mut link: Option<Link> = None;
    loop {
        if link.is_none()
            && let Ok(secret) = std::fs::read_to_string(server.secret())
        {
            provider = Proof::Signature(Signer::new(&args.key, secret.trim_end().as_bytes()));
            link = Some(Link::new(Arc::clone(base), provider.clone(), TIMEOUT));
        }
        if first.is_none()
            && let Some(link) = &mut link
        {
            let answer = link.ask(Request::post(load::PATH, "", bet.as_bytes())).await;
            let replay = |link: &Link| code_of(link.body()) == "IDEMPOTENT_REPLAY";
            match answer {
                Ok(200) => first = Some(since.elapsed()),
                Ok(409) if replay(link) => first = Some(since.elapsed()),
                Ok(429 | 503) | Err(_) => {}
                Ok(status) => {
                    let (what, code) = ("the first bet".to_owned(), code_of(link.body()));
                    return Err(Error::Refused { what, status, code: code.to_owned() });
                }
            }
        }
        if ready.is_none() && anyone.ask(Request::get("/readyz")).await.is_ok_and(|s| s == 200) {
            ready = Some(since.elapsed());
        }
        if let (Some(first), Some(ready)) = (first, ready) {
            return Ok((first, ready, provider));
        }
        if server.has_ended()? || since.elapsed() > START_MAX {
            return Err(Error::Usage("the server did not start; see its --log".to_owned()));
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
}

/// Sends old bets again: every one must be a replay, with its first result if that is known.
async fn replays(
    base: &Arc<Base>,
    provider: &Proof,
    old: Vec<Acknowledged>,
    kill: &mut Kill,
) -> Result<(), Error> {
    let mut link = Link::new(Arc::clone(base), provider.clone(), TIMEOUT);
    for bet in old {
        let status = link.ask(Request::post(load::PATH, "", bet.body.as_bytes())).await?;
        let replay = status == 409 && code_of(link.body()) == "IDEMPOTENT_REPLAY";
        let result = load::transaction(link.body());
        let same = bet.transaction.is_none() || bet.transaction == result;
        kill.replays += 1;
        if !replay || !same {
            kill.wrong += 1;
            let code = code_of(link.body());
            out::progress(format!("{} is not a replay: {status} {code}", bet.body));
        }
    }
    Ok(())
}
