//! What a PostgreSQL server promises about committed rows.

use super::sql;
use crate::storage::Error;
use sqlx::postgres::PgPool;

/// The settings that decide whether a commit survives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// Writes reach the disk.
    pub fsync: bool,
    /// What a commit waits for, in the writers' sessions.
    pub synchronous_commit: String,
    /// A page half written at a power cut can be repaired.
    pub full_page_writes: bool,
    /// The standbys that a commit waits for; empty when there is none.
    pub synchronous_standby_names: String,
}

impl Durability {
    pub(super) async fn of(pool: &PgPool) -> Result<Self, Error> {
        let settings: (String, String, String, String) = sqlx::query_as(sql::DURABILITY)
            .fetch_one(pool)
            .await
            .map_err(Error::at("read the server's settings"))?;
        let (fsync, synchronous_commit, full_page_writes, synchronous_standby_names) = settings;
        Ok(Self {
            fsync: fsync == "on",
            synchronous_commit,
            full_page_writes: full_page_writes == "on",
            synchronous_standby_names,
        })
    }

    /// What a production mode must refuse, in words for the log; empty when all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<&'static str> {
        let commit_waits = matches!(self.synchronous_commit.as_str(), "on" | "remote_apply");
        let checks = [
            (self.fsync, "fsync is off: a power cut loses or damages the journal"),
            (self.full_page_writes, "full_page_writes is off: a power cut may damage the journal"),
            (commit_waits, "synchronous_commit is weaker than on: a crash loses acknowledged rows"),
            (
                !self.synchronous_standby_names.trim().is_empty(),
                "synchronous_standby_names is empty: losing this server loses acknowledged rows",
            ),
        ];
        checks.into_iter().filter(|(fine, _)| !fine).map(|(_, problem)| problem).collect()
    }
}
