//! What edges and cores need of Redis. A model of it that forgets, lags and refuses is in the
//! tests.

use super::entry::{At, Entry};
use async_trait::async_trait;
use palio_domain::TournamentId;
use serde::{Deserialize, Serialize};

/// A call did not succeed; whether it was carried out is not known.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// How an append ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is there; before, the stream ended with this entry, by its own account.
    After(Option<At>),
    /// Another writer has written a later entry than these.
    Refused,
}

/// A core's sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Beat {
    /// Of its entries.
    pub generation: u64,
    /// Which beat of this core.
    pub count: u64,
    /// Which list of tournaments there is.
    pub list: u64,
    /// Its time, ms since 1970.
    pub at: i64,
}

/// A tournament in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Which.
    pub id: TournamentId,
    /// Which text of it.
    pub version: String,
    /// Whose.
    pub tenant: u32,
    /// Its state on the wire.
    pub status: String,
}

/// All tournaments, in the order of `GET /api/tournaments`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// Whose list it is.
    pub generation: u64,
    /// Which of them.
    pub version: u64,
    /// The tournaments.
    pub all: Vec<Listed>,
}

/// See the module. Every call may fail, and may have been carried out all the same.
#[async_trait]
pub trait Store: Send + Sync {
    /// Appends entries to a tournament's stream, all or none, and trims it to about `keep`.
    async fn append(
        &self,
        id: &TournamentId,
        entries: &[(At, Entry)],
        keep: u64,
    ) -> Result<Appended, StoreError>;

    /// What a stream ends with by its own account; keeps it from being forgotten.
    async fn last(&self, id: &TournamentId) -> Result<Option<At>, StoreError>;

    /// A stream's last entry, as it is.
    async fn top(&self, id: &TournamentId) -> Result<Option<At>, StoreError>;

    /// At most `limit` entries after one, in order.
    async fn read(
        &self,
        id: &TournamentId,
        after: At,
        limit: usize,
    ) -> Result<Vec<(At, Entry)>, StoreError>;

    /// Says that these streams have news. A hint: it may get lost.
    async fn wake(&self, ids: &[TournamentId]) -> Result<(), StoreError>;

    /// Waits, not for long, until streams have news after a mark; moves the mark. An empty mark
    /// is now.
    async fn woken(&self, mark: &mut String) -> Result<Vec<TournamentId>, StoreError>;

    /// The newest sign of life, while it is not too old.
    async fn beat(&self) -> Result<Option<Beat>, StoreError>;

    /// Gives a sign of life.
    async fn give_beat(&self, beat: &Beat) -> Result<(), StoreError>;

    /// The list of tournaments.
    async fn list(&self) -> Result<Option<List>, StoreError>;

    /// Replaces the list.
    async fn put_list(&self, list: &List) -> Result<(), StoreError>;

    /// Texts of tournaments, as `GET /api/tournaments/{id}` has them.
    async fn docs(&self, ids: &[TournamentId]) -> Result<Vec<Option<String>>, StoreError>;

    /// Writes texts and removes all others if `whole`.
    async fn put_docs(
        &self,
        docs: &[(TournamentId, String)],
        whole: bool,
    ) -> Result<(), StoreError>;
}
