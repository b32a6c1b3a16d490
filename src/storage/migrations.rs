//! The schema of the SQL stores, built into the binary from `migrations/`.
//!
//! A migration that was released is never edited: the store compares checksums and refuses.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// One migration: version, description, SQL.
type Step = (i64, &'static str, &'static str);

macro_rules! sql {
    ($path:literal) => {
        include_str!(concat!("../../migrations/", $path))
    };
}

const SQLITE_JOURNAL: &[Step] = &[(1, "journal", sql!("sqlite/journal/0001_journal.sql"))];
const SQLITE_DERIVED: &[Step] = &[
    (1, "derived", sql!("sqlite/derived/0001_derived.sql")),
    (2, "zones", sql!("sqlite/derived/0002_zones.sql")),
];
const SQLITE_DIRECTORY: &[Step] = &[(1, "directory", sql!("sqlite/directory/0001_directory.sql"))];

const POSTGRES: &[Step] = &[
    (1, "palio", sql!("postgres/0001_palio.sql")),
    (2, "zones", sql!("postgres/0002_zones.sql")),
    (3, "appended", sql!("postgres/0003_appended.sql")),
];

/// The truth, in `journal.db`.
pub(super) fn sqlite_journal() -> Migrator {
    migrator(SQLITE_JOURNAL)
}

/// What can be rebuilt, in `derived.db`.
pub(super) fn sqlite_derived() -> Migrator {
    migrator(SQLITE_DERIVED)
}

/// Players' outside ids, in `directory.db`.
pub(super) fn sqlite_directory() -> Migrator {
    migrator(SQLITE_DIRECTORY)
}

/// All three schemas of the PostgreSQL store. What was applied is noted in `palio.migration`,
/// whatever the connection's search path.
pub(super) fn postgres() -> Migrator {
    let mut migrator = migrator(POSTGRES);
    migrator.dangerous_set_table_name("palio.migration");
    migrator.create_schema("palio");
    migrator
}

fn migrator(steps: &[Step]) -> Migrator {
    let migration = |&(version, description, sql): &Step| {
        let sql = SqlSafeStr::into_sql_str(sql);
        Migration::new(version, description.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(steps.iter().map(migration).collect())
}
