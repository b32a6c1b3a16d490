//! What Palio asks of a store, and the stores that keep it.
//!
//! | part | holds | rebuildable |
//! |---|---|---|
//! | [`Journal`] | rows, heads | no: it is the truth |
//! | [`Directory`] | outside ids ↔ player numbers, sealed under per-player keys | no, and no fold needs it |
//! | [`Snapshots`] | wallets, tournament folds | yes, from the journal |
//! | [`Zones`] | what is known of blocks of rows, for searching | yes, from the journal |
//!
//! **Guarantees every store gives**, checked by one conformance suite (`tests/it/storage.rs`):
//! a batch is appended whole or not at all, and only if every touched head still stands at the
//! writer's epoch and seq; request keys and claims are unique for ever; an append that returned
//! `Ok` survives kill -9 and power loss; rows read back have the canonical bytes they were
//! written with.

pub mod columns;
pub mod memory;
mod migrations;
mod positions;
pub mod postgres;
pub mod sqlite;

use async_trait::async_trait;
use palio_domain::journal::{Batch, Chain, Filter, Head, Key16, Row};
use palio_domain::{Aggregate, PlayerId, Slot, TenantId, UnixMs};
use std::sync::Arc;

/// A row with the chain link stored on it, if it was the last of its slot in its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// The row.
    pub row: Row,
    /// The link, if the batch's part of this slot ended here.
    pub chain: Option<Chain>,
}

/// A failure of the store (never a refusal of the rules).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database said no or could not be reached.
    #[error("the store failed: {context}")]
    Database {
        /// What was being done.
        context: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
    /// A stored value is not one that Palio writes.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// The journal was written under another installation key.
    #[error("the journal was written under another key: check `journal.key_file`")]
    WrongKey,
    /// Anything else, such as a directory that can't be created.
    #[error("the store can't be opened: {0}")]
    Open(String),
    /// Something was to be written to a store that was opened for reading only.
    #[error("the store was opened for reading only")]
    ReadOnly,
}

impl Error {
    /// Says what was being done when the database failed.
    fn at(context: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| Self::Database { context, source }
    }
}

/// Why a batch was not acknowledged by the store.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer owns a touched slot: nothing was written.
    #[error("the slot has another owner")]
    Fenced,
    /// A request key or claim is in the journal already: nothing was written.
    #[error("a key of the batch is in the journal already")]
    Clash,
    /// Certainly not written; may be tried again.
    #[error("the batch was not written")]
    NotWritten(#[source] Error),
    /// It may or may not have been written: raise the epoch, then read the head.
    #[error("it is unknown whether the batch was written")]
    Unknown(#[source] Error),
}

/// The rows: the truth.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Remembers the installation key's check value at first use and compares it afterwards.
    ///
    /// # Errors
    /// [`Error::WrongKey`] when another value is remembered.
    async fn check_key(&self, check: Key16) -> Result<(), Error>;

    /// Takes slots: raises their epochs in one transaction and returns the new heads, in the
    /// order of `slots`. Waits for an append of the previous owner that is under way.
    async fn acquire(&self, owner: &str, slots: &[Slot], now: UnixMs) -> Result<Vec<Head>, Error>;

    /// A writer for one slot group, with a connection of its own.
    async fn writer(&self, owner: &str) -> Result<Box<dyn Writer>, Error>;

    /// All 256 heads, ascending; a slot never written is [`Head::empty`].
    async fn heads(&self) -> Result<Vec<Head>, Error>;

    /// Up to `limit` committed rows of a slot from `from_seq` on, ascending.
    async fn read(&self, slot: Slot, from_seq: u64, limit: u32) -> Result<Vec<StoredRow>, Error>;

    /// Up to `limit` committed rows of a slot from `from_seq` to `to_seq`, both included, that
    /// the filter looks for; newest first.
    ///
    /// Looks at every row of the range until it has found enough. Uses connections of its own,
    /// so that a search never waits in front of a wallet's look-up.
    async fn scan(
        &self,
        slot: Slot,
        from_seq: u64,
        to_seq: u64,
        filter: &Filter,
        limit: u32,
    ) -> Result<Vec<Row>, Error>;

    /// Rows whose request key or claim is one of these; in no particular order.
    async fn find(&self, requests: &[Key16], claims: &[Key16]) -> Result<Vec<Row>, Error>;

    /// Calls `each` with every request key and claim of these slots.
    async fn keys(
        &self,
        slots: &[Slot],
        each: &mut (dyn for<'k> FnMut(&'k Key16) + Send),
    ) -> Result<(), Error>;

    /// Every committed row of an entity, that is of no player; in no particular order. They are
    /// few, and found by one look at all rows.
    async fn entities(&self) -> Result<Vec<Row>, Error>;

    /// Lets go of connections and locks in good order; see [`Storage::close`].
    async fn close(&self) {}
}

/// The append side of a journal.
#[async_trait]
pub trait Writer: Send {
    /// Appends a batch: all heads are compared and moved and all rows inserted, or nothing is.
    async fn append(&mut self, batch: &Batch, now: UnixMs) -> Result<(), AppendError>;
}

/// A wallet or tournament as of a position of its slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Whose brand.
    pub tenant: TenantId,
    /// Whose state.
    pub aggregate: Aggregate,
    /// The last row folded in.
    pub seq: u64,
    /// The state; its own encoding.
    pub state: Vec<u8>,
}

/// A fold over the whole journal (a tournament's standings) as of a position in every slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldSnapshot {
    /// Which fold, for instance `tournament/1/8f3a…`.
    pub name: String,
    /// The last seq folded in, per slot; 256 entries.
    pub positions: Vec<u64>,
    /// The state; its own encoding.
    pub state: Vec<u8>,
}

/// Everything that only makes recovery fast.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Saves snapshots (a newer seq replaces an older one) and then floors: every row of a slot
    /// up to its floor is covered by saved snapshots. One transaction.
    async fn save(&self, snapshots: &[Snapshot], floors: &[(Slot, u64)]) -> Result<(), Error>;

    /// The newest snapshot of an aggregate.
    async fn load(&self, tenant: TenantId, of: Aggregate) -> Result<Option<Snapshot>, Error>;

    /// All snapshots of a slot, in no particular order (for the verifier).
    async fn of_slot(&self, slot: Slot) -> Result<Vec<Snapshot>, Error>;

    /// The floors of all slots that have one.
    async fn floors(&self) -> Result<Vec<(Slot, u64)>, Error>;

    /// Saves folds, replacing older ones of the same name. One transaction.
    async fn save_folds(&self, folds: &[FoldSnapshot]) -> Result<(), Error>;

    /// Folds whose name starts with `prefix`, by name.
    async fn load_folds(&self, prefix: &str) -> Result<Vec<FoldSnapshot>, Error>;
}

/// A zone as stored: see [`palio_domain::journal::Zone`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredZone {
    /// The slot.
    pub slot: Slot,
    /// Which block of its rows.
    pub block: u64,
    /// The time of the block's first row.
    pub first: UnixMs,
    /// The time of its last row.
    pub last: UnixMs,
    /// The zone; its own encoding.
    pub zone: Vec<u8>,
}

/// Zones of whole blocks: they only make searching fast.
#[async_trait]
pub trait Zones: Send + Sync {
    /// Saves zones, replacing those of the same blocks. One transaction.
    async fn save_zones(&self, zones: &[StoredZone]) -> Result<(), Error>;

    /// The saved zones among `count` blocks of a slot from `from_block` on, ascending.
    async fn load_zones(
        &self,
        slot: Slot,
        from_block: u64,
        count: u32,
    ) -> Result<Vec<StoredZone>, Error>;

    /// Which blocks have zones, and from when to when their rows are; by slot and block.
    async fn zone_times(&self) -> Result<Vec<(Slot, u64, UnixMs, UnixMs)>, Error>;

    /// Forgets a slot's zones from a block on.
    async fn forget_zones(&self, slot: Slot, from_block: u64) -> Result<(), Error>;
}

/// A player as the directory knows him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Whose brand.
    pub tenant: TenantId,
    /// Keyed hash of the outside id.
    pub token: Key16,
    /// The number used everywhere else.
    pub player: PlayerId,
    /// The player's own key; deleting it is erasure.
    pub key: [u8; 32],
    /// The outside id, sealed under `key`.
    pub sealed: Vec<u8>,
}

/// Outside ids and player numbers. The only place with personal data (design, invariant 9).
#[async_trait]
pub trait Directory: Send + Sync {
    /// The number of a player.
    async fn find(&self, tenant: TenantId, token: Key16) -> Result<Option<PlayerId>, Error>;

    /// The entry of a player number, unless it was erased.
    async fn entry(
        &self,
        tenant: TenantId,
        player: PlayerId,
    ) -> Result<Option<DirectoryEntry>, Error>;

    /// Adds a player unless the token is there already; returns the number that stands.
    async fn add(&self, entry: &DirectoryEntry) -> Result<PlayerId, Error>;
}

/// The store as the composition root hands it out.
#[derive(Clone)]
pub struct Storage {
    /// Rows.
    pub journal: Arc<dyn Journal>,
    /// Snapshots.
    pub snapshots: Arc<dyn Snapshots>,
    /// Zones.
    pub zones: Arc<dyn Zones>,
    /// Players' outside ids.
    pub directory: Arc<dyn Directory>,
    /// What kind of store it is, for logs: `sqlite`, `postgres`, `memory`.
    pub kind: &'static str,
    /// How many writers may append side by side (slot groups).
    pub writers: usize,
}

impl Storage {
    /// Closes all parts in good order; every later call fails. Dropping the last handle
    /// does the same without waiting for it, and killing the process loses nothing either.
    pub async fn close(&self) {
        self.journal.close().await;
    }
}
