//! The PostgreSQL store: the journal of production, with room for several writers.
//!
//! | schema | holds | `synchronous_commit` |
//! |---|---|---|
//! | `palio` | rows, heads, the key's check value | `on`: flushed here and on the synchronous standby |
//! | `palio_derived` | snapshots, floors, folds, zones | `off`: a crash may undo the last saves, whole |
//! | `palio_directory` | players' outside ids | `on` |
//!
//! An owner that serves holds a session's advisory lock, so that a second server started by
//! mistake is told so. It is a hint: **safety never rests on it** but on the heads' epochs, which
//! the database compares in the very statement that inserts the rows.
//!
//! **Never:** a proxy that pools transactions in between: prepared statements, the owner's lock
//! and the sessions' settings need connections of their own. Tests: `tests/it/storage.rs`.

mod appended;
mod directory;
mod durability;
mod journal;
mod snapshots;
mod sql;
mod zones;

pub use durability::Durability;

use super::{Error, Storage, migrations};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long opening for serving waits for another owner to go.
const LOCK_WAIT_MS: u32 = 5_000;
/// The advisory lock of an owner; advisory locks are counted per database.
const LOCK_KEY: i64 = 0x0070_616c_696f;
/// An append or acquisition that takes longer counts as lost on the way.
const STATEMENT_TIME_MAX: Duration = Duration::from_secs(30);
const CONNECTIONS_MAX: u32 = 8;
const DERIVED_CONNECTIONS_MAX: u32 = 4;
const SEARCH_CONNECTIONS_MAX: u32 = 4;
/// One read of a search; it reads a few thousand rows at a time.
const SEARCH_TIME_MAX: &str = "10s";

/// How to open the store.
#[derive(Debug, Clone)]
pub struct Options {
    /// `postgres://user:password@host:port/database?sslmode=…`
    pub url: String,
    /// Serve even if another owner seems to live; its next append is fenced.
    pub take_over: bool,
    /// How many writers may append side by side.
    pub writers: usize,
}

/// An open store; clones are handles to the same connections.
#[derive(Clone)]
pub struct Postgres {
    shared: Arc<Shared>,
    writers: usize,
}

struct Shared {
    /// For connections of writers' own; `None` when opened for reading only.
    writing: Option<PgConnectOptions>,
    /// Rows, heads and the directory.
    pool: PgPool,
    derived: PgPool,
    /// Reads the journal for searches, which may take long.
    search: PgPool,
    /// The session that holds the owner's lock.
    lock: Mutex<Option<PgConnection>>,
}

/// Opens the store for serving with two writers; see [`Postgres::open`].
///
/// # Errors
/// As [`Postgres::open`].
pub async fn open(url: &str, take_over: bool) -> Result<Storage, Error> {
    let options = Options { url: url.to_owned(), take_over, writers: 2 };
    Ok(Postgres::open(&options).await?.storage())
}

/// Opens the store for reading only: no lock, no migration, and the database itself refuses to
/// write.
///
/// # Errors
/// [`Error::Open`] for a malformed address, [`Error::Database`] when there is no such server.
pub async fn open_read_only(url: &str) -> Result<Storage, Error> {
    let options = parse(url)?.options([("default_transaction_read_only", "on")]);
    let shared = Shared {
        writing: None,
        pool: pool(options.clone(), CONNECTIONS_MAX).await?,
        search: pool(searching(options.clone()), SEARCH_CONNECTIONS_MAX).await?,
        derived: pool(options, DERIVED_CONNECTIONS_MAX).await?,
        lock: Mutex::new(None),
    };
    Ok(Postgres { shared: Arc::new(shared), writers: 0 }.storage())
}

/// Brings the schema up to this release; several servers may do so at once.
///
/// # Errors
/// [`Error::Open`] when the schema is newer, was edited, or a migration fails.
pub async fn migrate(url: &str) -> Result<(), Error> {
    let mut connection = connect(&parse(url)?).await?;
    migrations::postgres().run(&mut connection).await.map_err(failed_migration)?;
    connection.close().await.map_err(Error::at("migrate"))
}

impl Postgres {
    /// Opens the store for serving: waits up to five seconds for another owner to go, then
    /// brings the schema up to this release.
    ///
    /// # Errors
    /// [`Error::Open`] when another owner lives and `take_over` is not set, for a malformed
    /// address, and for a schema that can't be migrated; [`Error::Database`] when the server
    /// can't be reached.
    pub async fn open(options: &Options) -> Result<Self, Error> {
        let base = parse(&options.url)?;
        let lock = owner_lock(&base, options.take_over).await?;
        migrate(&options.url).await?;
        // A cancelled wait for the standby would be reported as a success: no time limits.
        let writing = base
            .clone()
            .options([("synchronous_commit", "on"), ("statement_timeout", "0")])
            .options([("lock_timeout", "0"), ("default_transaction_isolation", "read committed")]);
        let search = searching(base.clone());
        let derived = base.options([("synchronous_commit", "off")]);
        let shared = Shared {
            pool: pool(writing.clone(), CONNECTIONS_MAX).await?,
            derived: pool(derived, DERIVED_CONNECTIONS_MAX).await?,
            search: pool(search, SEARCH_CONNECTIONS_MAX).await?,
            writing: Some(writing),
            lock: Mutex::new(lock),
        };
        Ok(Self { shared: Arc::new(shared), writers: options.writers })
    }

    /// Handles to this store as the traits.
    #[must_use]
    pub fn storage(&self) -> Storage {
        Storage {
            journal: self.shared.clone(),
            snapshots: self.shared.clone(),
            zones: self.shared.clone(),
            directory: self.shared.clone(),
            kind: "postgres",
            writers: self.writers,
        }
    }

    /// What the server promises about committed rows, as the writers' sessions see it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn durability(&self) -> Result<Durability, Error> {
        Durability::of(&self.shared.pool).await
    }
}

impl Shared {
    async fn close(&self) {
        self.search.close().await;
        self.pool.close().await;
        self.derived.close().await;
        if let Some(lock) = self.lock.lock().await.take() {
            // The server frees the lock when the connection goes, in good order or not.
            drop(lock.close().await);
        }
    }
}

fn parse(url: &str) -> Result<PgConnectOptions, Error> {
    let options: PgConnectOptions =
        url.parse().map_err(|cause| Error::Open(format!("not a postgres:// address: {cause}")))?;
    Ok(options.application_name("palio").disable_statement_logging())
}

/// A range of the primary key is what a search reads, even before the table was ever analysed.
fn searching(options: PgConnectOptions) -> PgConnectOptions {
    options
        .options([("default_transaction_read_only", "on"), ("statement_timeout", SEARCH_TIME_MAX)])
        .options([("enable_seqscan", "off"), ("jit", "off")])
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    PgConnection::connect_with(options).await.map_err(Error::at("connect"))
}

async fn pool(options: PgConnectOptions, connections_max: u32) -> Result<PgPool, Error> {
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(STATEMENT_TIME_MAX)
        // A connection that was used just now is taken to be alive.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > Duration::from_secs(1) {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await
        .map_err(Error::at("connect"))
}

/// A session that holds the owner's lock, or `None` when taking over from a living owner.
async fn owner_lock(
    base: &PgConnectOptions,
    take_over: bool,
) -> Result<Option<PgConnection>, Error> {
    let options = base.clone().options([("lock_timeout", LOCK_WAIT_MS.to_string())]);
    let mut connection = connect(&options).await?;
    let locked = sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK_KEY);
    match locked.execute(&mut connection).await {
        Ok(_) => Ok(Some(connection)),
        Err(cause) if code(&cause).as_deref() != Some(sql::LOCK_NOT_AVAILABLE) => {
            Err(Error::at("take the owner's lock")(cause))
        }
        Err(_) if take_over => Ok(None),
        Err(_) => Err(Error::Open(
            "another server owns this database; stop it first, or take over".to_owned(),
        )),
    }
}

/// The database's five-letter code of a failure.
fn code(cause: &sqlx::Error) -> Option<String> {
    cause.as_database_error()?.code().map(Into::into)
}

fn failed_migration(cause: sqlx::migrate::MigrateError) -> Error {
    Error::Open(format!("the schema can't be migrated: {cause}"))
}
