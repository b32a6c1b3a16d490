//! Grows a large honest journal in an empty store: real wallets decide real commands of many
//! players over many rounds, tournaments are scored and closed on the way, and snapshots, floors
//! and folds are saved as a server would have, so that server and verifier accept what is there.
//!
//! ```text
//! cargo run --release --example grow -- --config palio.toml --data-dir data \
//!     --rows 10000000 --players 100000
//! ```
//! The configuration is the server's own: the store and the keys are those it will open. Player
//! `n` has the outside id `g_<n>`; his first bet, `g-<n>-1`, is always the same, so that it can be
//! sent again. `--slow` keeps the unique indexes while rows come in; without it they are made at
//! the end, which is much faster on SQLite.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a tool")]

mod folds;
mod indexes;
mod world;
mod writers;

use clap::Parser;
use folds::Folds;
use indexes::Indexes;
use palio::app;
use palio::clock::{Clock as _, SystemClock};
use palio::config::{Config, Node, Secrets};
use palio::players::Players;
use palio::storage::{Snapshot, Storage};
use palio_domain::journal::Keys;
use palio_domain::{PlayerId, Slot, TenantId};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use world::World;
use writers::Writers;

const TENANT: TenantId = TenantId(1);
/// Snapshots saved in one transaction.
const SAVED_AT_ONCE: usize = 5_000;
/// Registrations under way.
const REGISTERED_AT_ONCE: usize = 16;

#[derive(Parser)]
struct Arguments {
    /// The server's configuration.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The server's data directory.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Rows to make, a few more or less.
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    /// Wallets; each gets rows.
    #[arg(long, default_value_t = 1_000)]
    players: usize,
    /// Rows in a batch.
    #[arg(long, default_value_t = 2_000)]
    batch: usize,
    /// Tournaments, one after the other; all but the last are closed.
    #[arg(long, default_value_t = 4)]
    tournaments: u64,
    /// Days that the rows' times are spread over, up to now.
    #[arg(long, default_value_t = 30)]
    days: i64,
    /// Another journal.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep the unique indexes while rows come in.
    #[arg(long)]
    slow: bool,
}

fn main() {
    let arguments = Arguments::parse();
    palio::metrics::start().unwrap();
    actix::System::new().block_on(grow(arguments));
}

async fn grow(arguments: Arguments) {
    let mut config = Config::load(arguments.config.as_deref(), Node::Core).unwrap();
    if let Some(dir) = &arguments.data_dir {
        config.storage.data_dir.clone_from(dir);
    }
    let keys = Keys::new(Secrets::load(&config).unwrap().journal_key);
    let storage = app::open_storage(&config).await.unwrap();
    storage.journal.check_key(keys.check_value()).await.unwrap();
    let heads = storage.journal.heads().await.unwrap();
    assert!(heads.iter().all(|head| head.next_seq == 1), "there are rows in this store already");
    let indexes = if arguments.slow { None } else { Some(Indexes::drop(&config).await) };

    let started = Instant::now();
    let players = register(&storage, &keys, arguments.players);
    let groups = config.core.threads.clamp(1, storage.writers);
    let folds = Folds::start(&storage, &keys, groups).await;
    let (writers, stages) = Writers::open(&storage, groups, &folds).await;
    let now = SystemClock.now();
    let mut world = World::new(&arguments, keys, players, stages, now);
    let stages = arguments.tournaments.max(1);
    for part in 1..=stages {
        world.announce(part, stages);
        writers.send(world.seal()).await;
        while world.rows < arguments.rows * part / stages {
            world.session().await;
            if world.is_full() {
                writers.send(world.seal_full()).await;
            }
            world.report();
        }
        if part < stages {
            writers.send(world.seal()).await;
            let (cut, result) = writers.result(world.contest()).await;
            world.close(cut, result);
        }
    }
    world.rest().await;
    writers.send(world.seal()).await;
    writers.finish().await;
    println!("{} rows in {:.0?}", world.rows, started.elapsed());

    if let Some(indexes) = indexes {
        indexes.restore().await;
        println!("unique indexes made: {:.0?}", started.elapsed());
    }
    save(&storage, world.snapshots()).await;
    folds.save().await;
    storage.close().await;
    println!("snapshots, floors and folds saved: {:.0?}", started.elapsed());
}

/// Adds players to the directory, in the background and in order.
fn register(storage: &Storage, keys: &Keys, count: usize) -> mpsc::Receiver<PlayerId> {
    use futures_util::StreamExt as _;
    let (sender, receiver) = mpsc::channel(10_000);
    let players = Arc::new(Players::new(Arc::clone(&storage.directory), keys.clone()));
    actix::Arbiter::new().spawn(async move {
        let one = |n: usize| {
            let players = Arc::clone(&players);
            async move { players.register(TENANT, &format!("g_{n}")).await.unwrap() }
        };
        let mut all = futures_util::stream::iter(0..count).map(one).buffered(REGISTERED_AT_ONCE);
        while let Some(player) = all.next().await {
            if sender.send(player).await.is_err() {
                return;
            }
        }
    });
    receiver
}

/// As a server does when it stops in good order.
async fn save(storage: &Storage, snapshots: Vec<Snapshot>) {
    for part in snapshots.chunks(SAVED_AT_ONCE) {
        storage.snapshots.save(part, &[]).await.unwrap();
    }
    let heads = storage.journal.heads().await.unwrap();
    let floors: Vec<(Slot, u64)> = heads
        .iter()
        .map(|head| (head.slot, head.next_seq.saturating_sub(1)))
        .filter(|(_, seq)| *seq > 0)
        .collect();
    storage.snapshots.save(&[], &floors).await.unwrap();
}
