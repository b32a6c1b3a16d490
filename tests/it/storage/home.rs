//! Where a test's store lives: a fresh one of each kind, gone when the test went well.

use palio::storage::memory::Memory;
use palio::storage::{Error, Storage, postgres, sqlite};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OnceCell;

/// A place that a store can be opened, closed and opened again in.
pub(crate) enum Home {
    Memory(Memory),
    Sqlite(Directory),
    Postgres(Box<PgConnectOptions>),
}

/// A directory that is removed unless the test panics.
pub(crate) struct Directory(PathBuf);

static NEXT: AtomicU32 = AtomicU32::new(1);

fn unique() -> String {
    format!("palio_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Directory {
    pub(super) fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(unique());
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }
}

impl Home {
    pub(crate) async fn memory() -> Self {
        Self::Memory(Memory::new())
    }

    pub(crate) async fn sqlite() -> Self {
        Self::Sqlite(Directory::new())
    }

    /// A database of its own, copied from a template that is migrated once.
    pub(crate) async fn postgres() -> Self {
        let template = TEMPLATE.get_or_init(template).await;
        let name = unique();
        let mut server = server().await;
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        server.execute(AssertSqlSafe(create)).await.expect("create a database for the test");
        Self::Postgres(Box::new(address().database(&name)))
    }

    pub(crate) async fn open(&self) -> Storage {
        self.try_open().await.unwrap()
    }

    pub(super) async fn try_open(&self) -> Result<Storage, Error> {
        match self {
            Self::Memory(memory) => Ok(memory.storage()),
            Self::Sqlite(directory) => sqlite::open(directory.path()).await,
            Self::Postgres(address) => postgres::open(address.to_url_lossy().as_ref(), false).await,
        }
    }

    /// A bare connection to a PostgreSQL home.
    pub(super) async fn raw(&self) -> PgConnection {
        let Self::Postgres(address) = self else { panic!("not a PostgreSQL home") };
        PgConnection::connect_with(address).await.unwrap()
    }

    /// Ends a test that went well.
    pub(crate) async fn end(self) {
        if let Self::Postgres(address) = self {
            let drop = format!("DROP DATABASE {} WITH (FORCE)", address.get_database().unwrap());
            server().await.execute(AssertSqlSafe(drop)).await.unwrap();
        }
    }
}

static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// Named by the schema's hash, so that test runs share it and a changed schema gets a new one.
async fn template() -> String {
    let schema = concat!(
        include_str!("../../../migrations/postgres/0001_palio.sql"),
        include_str!("../../../migrations/postgres/0002_zones.sql"),
        include_str!("../../../migrations/postgres/0003_appended.sql"),
    );
    let hash = blake3::hash(schema.as_bytes()).to_hex();
    let name = format!("palio_template_{}", &hash[..16]);
    let mut server = server().await;
    server.execute("SELECT pg_advisory_lock(7255107)").await.unwrap();
    let known: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
            .bind(&name)
            .fetch_one(&mut server)
            .await
            .unwrap();
    if !known {
        let unfinished = format!("{name}_unfinished");
        let drop = format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)");
        server.execute(AssertSqlSafe(drop)).await.unwrap();
        server.execute(AssertSqlSafe(format!("CREATE DATABASE {unfinished}"))).await.unwrap();
        let address = address().database(&unfinished);
        postgres::migrate(address.to_url_lossy().as_ref()).await.unwrap();
        let rename = format!("ALTER DATABASE {unfinished} RENAME TO {name}");
        server.execute(AssertSqlSafe(rename)).await.unwrap();
    }
    server.close().await.unwrap();
    name
}

fn address() -> PgConnectOptions {
    let url = std::env::var("PALIO_TEST_POSTGRES").expect(
        "PALIO_TEST_POSTGRES must name a PostgreSQL server, such as \
         postgres://postgres@127.0.0.1:5432/postgres: run `scripts/peers start` and \
         `. target/peers/env`",
    );
    url.parse().expect("PALIO_TEST_POSTGRES is not a postgres:// address")
}

pub(crate) async fn server() -> PgConnection {
    let address = address();
    let (host, port) = (address.get_host().to_owned(), address.get_port());
    PgConnection::connect_with(&address)
        .await
        .unwrap_or_else(|cause| panic!("no PostgreSQL at {host}:{port}: {cause}"))
}
