//! The SQLite store: three files in one data directory, one process at a time.
//!
//! | file | holds | `synchronous` |
//! |---|---|---|
//! | `journal.db` | rows, heads, the key's check value | `FULL`: a commit is on disk |
//! | `derived.db` | snapshots, floors, folds, zones | `NORMAL`: a power cut may undo the last saves |
//! | `directory.db` | players' outside ids | `FULL` |
//!
//! Each file has one writing connection and a few reading ones (WAL: readers and the writer
//! never wait for each other). `palio.lock` is locked while a server lives, and freed by the
//! operating system when its process ends, however it ends.
//!
//! **Never:** a second process that writes; a network file system (SQLite's locks need a local
//! one). Tests: `tests/it/storage.rs`.

mod directory;
mod journal;
mod snapshots;
mod sql;
mod zones;

use super::{Error, Storage, migrations};
use fs4::fs_std::FileExt;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Sqlite, Transaction};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Opens the store in `dir` for serving; creates what is missing.
///
/// # Errors
/// [`Error::Open`] when another process has it open or the directory can't be used;
/// [`Error::Database`] when a file can't be read or was written by a newer release.
pub async fn open(dir: &Path) -> Result<Storage, Error> {
    Ok(storage(Files::open(dir).await?))
}

/// Opens the store in `dir` for reading only, beside a server that may be running on it.
///
/// Sees every committed row; whatever would write fails with [`Error::ReadOnly`]. A reader that
/// stays inside one long query keeps the log from being reused, so the server's `-wal` grows.
///
/// # Errors
/// [`Error::Database`] when a file is missing or can't be read.
pub async fn open_read_only(dir: &Path) -> Result<Storage, Error> {
    Ok(storage(Files::open_read_only(dir).await?))
}

fn storage(files: Files) -> Storage {
    let files = Arc::new(files);
    Storage {
        journal: files.clone(),
        snapshots: files.clone(),
        zones: files.clone(),
        directory: files,
        kind: "sqlite",
        writers: 1,
    }
}

/// The three files of one data directory.
struct Files {
    journal: Database,
    derived: Database,
    directory: Database,
    /// Reads the journal for searches, which may take long.
    search: SqlitePool,
    /// Declared last: freed after the connections are told to close.
    lock: Mutex<Option<File>>,
}

/// One file: a writing connection unless it was opened for reading only, and reading ones.
struct Database {
    write: Option<SqlitePool>,
    read: SqlitePool,
}

/// How a file is used.
struct Tuning {
    file: &'static str,
    synchronous: SqliteSynchronous,
    /// Page cache of the writing connection, in KiB.
    write_cache_kib: u32,
    /// Log pages after which a commit also moves the log into the file.
    checkpoint_pages: u32,
}

/// The unique indexes are hit at random places, two pages a row: the writer keeps those pages in
/// memory, and many commits share one checkpoint, which writes each changed page once. With 128 MiB
/// of log, a journal of some 700,000 rows took a fifth to a third more rows a second than with 32.
const JOURNAL: Tuning = Tuning {
    file: "journal.db",
    synchronous: SqliteSynchronous::Full,
    write_cache_kib: 256 * 1024,
    checkpoint_pages: 32_768,
};
const DERIVED: Tuning = Tuning {
    file: "derived.db",
    synchronous: SqliteSynchronous::Normal,
    write_cache_kib: 32 * 1024,
    checkpoint_pages: 4_096,
};
const DIRECTORY: Tuning = Tuning {
    file: "directory.db",
    synchronous: SqliteSynchronous::Full,
    write_cache_kib: 16 * 1024,
    checkpoint_pages: 1_024,
};

const LOCK_FILE: &str = "palio.lock";
const READERS_MAX: u32 = 4;
const SEARCHERS_MAX: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

impl Files {
    async fn open(dir: &Path) -> Result<Self, Error> {
        let lock = lock(dir)?;
        Ok(Self {
            journal: Database::open(dir, &JOURNAL, &migrations::sqlite_journal()).await?,
            derived: Database::open(dir, &DERIVED, &migrations::sqlite_derived()).await?,
            directory: Database::open(dir, &DIRECTORY, &migrations::sqlite_directory()).await?,
            search: pool(reading(dir, &JOURNAL), SEARCHERS_MAX).await?,
            lock: Mutex::new(Some(lock)),
        })
    }

    async fn open_read_only(dir: &Path) -> Result<Self, Error> {
        Ok(Self {
            journal: Database::open_read_only(dir, &JOURNAL).await?,
            derived: Database::open_read_only(dir, &DERIVED).await?,
            directory: Database::open_read_only(dir, &DIRECTORY).await?,
            search: pool(options(dir, &JOURNAL).read_only(true), SEARCHERS_MAX).await?,
            lock: Mutex::new(None),
        })
    }

    /// Closes all connections, the last of which tidies the logs away, then frees the lock.
    async fn close(&self) {
        self.search.close().await;
        for database in [&self.journal, &self.derived, &self.directory] {
            database.read.close().await;
            if let Some(write) = &database.write {
                write.close().await;
            }
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Database {
    async fn open(dir: &Path, tuning: &Tuning, migrator: &Migrator) -> Result<Self, Error> {
        let write = options(dir, tuning)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(tuning.synchronous)
            .pragma("cache_size", format!("-{}", tuning.write_cache_kib))
            .pragma("wal_autocheckpoint", tuning.checkpoint_pages.to_string())
            // Log files that grew behind a long reader are cut back to this.
            .pragma("journal_size_limit", (256 * 1024 * 1024).to_string())
            // On macOS only these reach the disk itself; elsewhere they do nothing.
            .pragma("fullfsync", "1")
            .pragma("checkpoint_fullfsync", "1");
        let write = pool(write, 1).await?;
        migrator
            .run(&write)
            .await
            .map_err(|cause| Error::Open(format!("{}: {cause}", tuning.file)))?;
        let read = pool(reading(dir, tuning), READERS_MAX).await?;
        Ok(Self { write: Some(write), read })
    }

    async fn open_read_only(dir: &Path, tuning: &Tuning) -> Result<Self, Error> {
        Ok(Self { write: None, read: pool(options(dir, tuning).read_only(true), 2).await? })
    }

    fn write(&self) -> Result<&SqlitePool, Error> {
        self.write.as_ref().ok_or(Error::ReadOnly)
    }

    /// A transaction that may write from its start, so that it never fails half way for a lock.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        self.write()?.begin_with("BEGIN IMMEDIATE").await.map_err(Error::at("begin"))
    }
}

fn options(dir: &Path, tuning: &Tuning) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(dir.join(tuning.file))
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", "-16384")
        .pragma("temp_store", "memory")
        .disable_statement_logging()
}

fn reading(dir: &Path, tuning: &Tuning) -> SqliteConnectOptions {
    options(dir, tuning).pragma("query_only", "1")
}

async fn pool(options: SqliteConnectOptions, connections_max: u32) -> Result<SqlitePool, Error> {
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(Error::at("open"))
}

/// Creates the directory and locks it for this process.
fn lock(dir: &Path) -> Result<File, Error> {
    let failed = |cause: std::io::Error| Error::Open(format!("{}: {cause}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    let path = dir.join(LOCK_FILE);
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(failed)?;
    match FileExt::try_lock_exclusive(&file).map_err(failed)? {
        true => Ok(file),
        false => Err(Error::Open(format!("{} is in use by another process", dir.display()))),
    }
}
