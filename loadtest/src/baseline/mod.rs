//! `loadtest baseline`: the server that a good engineer writes first, to be compared with.
//!
//! HTTP library, signature and JSON are Palio's. A bet is one PostgreSQL transaction: its key, the
//! player's account, two ledger entries, the bet; with `--house shared` also the house's account.
//! It speaks enough of docs/protocol.md for `loadtest bets` to drive it and to check every cent.
//!
//! **Invariants:** the same durability as Palio's (`synchronous_commit` as the server has it);
//! nothing in here is slow on purpose. This is the only folder of the tool with SQL in it.
//! Tests: `tests/it/baseline.rs`, against a real PostgreSQL.

pub mod database;
mod ledger;
mod server;
mod sql;

use crate::Error;
use crate::money::Decimals;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use clap::{Args, ValueEnum};
use ledger::Ledger;
use server::State;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use std::fmt;
use std::net::TcpListener;

/// Whether every bet moves one row of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum House {
    /// One house account; each bet and payout updates its balance.
    Shared,
    /// The house has ledger entries and no balance.
    Spread,
}

impl fmt::Display for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared => "shared",
            Self::Spread => "spread",
        })
    }
}

/// `loadtest baseline`.
#[derive(Debug, Clone, Args)]
pub struct BaselineArgs {
    /// An empty database, or one that a baseline server has used.
    #[arg(long)]
    pub postgres_url: String,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8090")]
    pub bind: String,
    /// Whether every bet moves one row of the house.
    #[arg(long, value_enum, default_value_t = House::Shared)]
    pub house: House,
    /// Connections to the database.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub pool: u32,
    /// A pool for each worker, of as many connections together, instead of one for all.
    #[arg(long)]
    pub pool_per_worker: bool,
    /// Threads that serve requests.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers: u8,
    /// Id of the provider's key.
    #[arg(long, default_value = "sandbox-1")]
    pub key: String,
    /// The provider's secret.
    #[arg(long, env = "PALIO_SECRET", hide_env_values = true, hide = true)]
    pub secret: String,
    /// Ends when standard input does, so that it does not outlive who started it.
    #[arg(long, hide = true)]
    pub with_parent: bool,
}

/// Serves until the process is told to end.
///
/// # Errors
/// If the database or the address can't be used.
pub async fn serve(args: &BaselineArgs) -> Result<(), Error> {
    let options = options(&args.postgres_url)?;
    ready(&options).await?.close().await?;

    let decimals =
        Decimals::of("0.00").ok_or_else(|| Error::Usage("cents are not money".to_owned()))?;
    let workers = u32::from(args.workers);
    let size = if args.pool_per_worker { args.pool.div_ceil(workers) } else { args.pool };
    let state = move |pool: PgPool, args: &BaselineArgs| State {
        ledger: Ledger { pool, shared: args.house == House::Shared, decimals },
        key: args.key.clone(),
        secret: args.secret.clone().into_bytes(),
    };
    let one = (!args.pool_per_worker).then(|| pool(size, options.clone()));
    let own = args.clone();
    let listener = TcpListener::bind(&args.bind).map_err(Error::io("listen"))?;
    let server = HttpServer::new(move || {
        let pool = one.clone().unwrap_or_else(|| pool(size, options.clone()));
        App::new().app_data(Data::new(state(pool, &own))).configure(server::routes)
    })
    .workers(usize::from(args.workers))
    .listen(listener)
    .map_err(Error::io("listen"))?
    .run();
    if args.with_parent {
        let handle = server.handle();
        std::thread::spawn(move || {
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
            drop(handle.stop(false));
            std::process::exit(0);
        });
    }
    server.await.map_err(Error::io("serve"))
}

fn options(url: &str) -> Result<PgConnectOptions, Error> {
    let options: PgConnectOptions = url
        .parse()
        .map_err(|e: sqlx::Error| Error::Usage(format!("not a postgres:// address: {e}")))?;
    Ok(options.disable_statement_logging().application_name("baseline"))
}

/// Makes the tables, unless they are there.
async fn ready(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    let known = sqlx::query_scalar("SELECT to_regclass('idempotency')::text");
    let known: Option<String> = known.fetch_one(&mut connection).await?;
    if known.is_none() {
        connection.execute(sql::SCHEMA).await?;
    }
    Ok(connection)
}

/// Fills an empty database with so many bets that are over.
pub(crate) async fn age(url: &str, bets: i64) -> Result<(), Error> {
    let mut connection = ready(&options(url)?).await?;
    for statement in sql::AGE {
        sqlx::query(statement).bind(bets).execute(&mut connection).await?;
    }
    connection.execute("VACUUM ANALYZE").await?;
    Ok(connection.close().await?)
}

/// All connections stay open and are not tried before each use.
fn pool(size: u32, options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .min_connections(size)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options)
}
