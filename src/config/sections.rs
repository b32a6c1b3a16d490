//! The settings as types; what each means and its unit and range: `config/default.toml`.

use super::Secret;
use palio_domain::money::Error as MoneyError;
use palio_domain::{Amount, Currency, GameId, ProviderId, TenantId};
use serde::{Deserialize, Deserializer, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What the server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The sandbox plays; tokens for whoever asks.
    Demo,
    /// Missing secrets are generated.
    Development,
    /// Nothing is generated, nothing is volatile.
    Production,
}

impl Mode {
    /// The word in the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

/// A path that may be left out by writing `""`.
fn optional_path<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let text = String::deserialize(from)?;
    Ok(Some(text).filter(|text| !text.is_empty()).map(PathBuf::from))
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
}

section! {
    /// `[http]`
    Http {
        /// Address of the public side.
        bind: SocketAddr,
        /// Threads.
        workers: usize,
        /// Largest body, in bytes.
        body_bytes_max: usize,
        /// Deepest JSON.
        json_depth_max: usize,
        /// Most events in a request.
        events_max: usize,
        /// Requests per second of a provider without a rate of its own.
        rate_per_second: u32,
    }
}

section! {
    /// `[admin]`
    Admin {
        /// Address of metrics and health.
        bind: SocketAddr,
    }
}

/// Which store holds the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// Files in `data_dir`.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// Nothing that lasts.
    Memory,
}

section! {
    /// `[storage]`
    Storage {
        /// Which store.
        kind: StorageKind,
        /// Directory of files.
        data_dir: PathBuf,
        /// Settings of the PostgreSQL store.
        postgres: Postgres,
    }
}

section! {
    /// `[storage.postgres]`
    Postgres {
        /// File with the URL.
        #[serde(deserialize_with = "optional_path")]
        url_file: Option<PathBuf>,
        /// The URL, from the environment only; may be empty.
        url: Secret,
        /// Take slots over from a living owner.
        take_over: bool,
        /// Start on a database that may lose acknowledged rows.
        accept_data_loss: bool,
    }
}

section! {
    /// `[journal]`
    Journal {
        /// File with the key.
        #[serde(deserialize_with = "optional_path")]
        key_file: Option<PathBuf>,
    }
}

section! {
    /// `[core]`
    Core {
        /// Threads for wallets.
        threads: usize,
        /// Commands under way at once.
        commands_in_flight_max: usize,
        /// How many of those are kept for settlements.
        settle_reserve: usize,
        /// Most rows in a transaction.
        batch_rows_max: usize,
        /// How long an idle wallet stays in memory.
        wallet_idle_seconds: u64,
        /// How often what changed is saved.
        snapshot_interval_seconds: u64,
    }
}

section! {
    /// `[live]`
    Live {
        /// Threads for sockets.
        threads: usize,
        /// Open sockets.
        sockets_max: usize,
        /// Open sockets from one address.
        sockets_per_address_max: usize,
        /// How long a socket may take nothing.
        stalled_seconds_max: u64,
        /// Recent changes kept per board.
        ring: usize,
        /// Foreign pages that may open sockets.
        allowed_origins: Vec<String>,
    }
}

section! {
    /// `[auth]`
    Auth {
        /// File with the secret of tokens.
        #[serde(deserialize_with = "optional_path")]
        jwt_secret_file: Option<PathBuf>,
        /// Life of a player's token.
        player_token_minutes: u32,
    }
}

section! {
    /// `[[tenant]]`
    Tenant {
        /// Number.
        id: TenantId,
        /// Name.
        name: String,
        /// Its players' currency.
        currency: Currency,
    }
}

section! {
    /// `[[provider]]`
    Provider {
        /// Id.
        id: ProviderId,
        /// Whose provider.
        tenant: TenantId,
        /// 409 or 200.
        #[serde(default = "conflict")]
        replay_status: u16,
        /// Requests per second.
        #[serde(default)]
        rate_per_second: u32,
        /// Signing keys.
        #[serde(default)]
        key: Vec<Key>,
    }
}

section! {
    /// `[[provider.key]]`
    Key {
        /// Id in the header.
        id: String,
        /// File with the secret.
        #[serde(default, deserialize_with = "optional_path")]
        secret_file: Option<PathBuf>,
    }
}

const fn conflict() -> u16 {
    409
}

/// What a tournament counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Points for stakes.
    Turnover,
    /// Highest payout ÷ stake.
    BestRatio,
    /// Stakes − payouts.
    Ggr,
}

/// Who is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Whoever plays.
    Automatic,
    /// Whoever entered.
    OptIn,
}

section! {
    /// `[[series]]`: a tournament that comes again and again.
    Series {
        /// Start of each tournament's id.
        id: String,
        /// Whose.
        tenant: TenantId,
        /// Name.
        name: String,
        /// What counts.
        metric: Metric,
        /// Of which currency.
        currency: Currency,
        /// How often one starts.
        every_seconds: u32,
        /// How long one lasts.
        duration_seconds: u32,
        /// How long after the end results count.
        #[serde(default = "minute")]
        grace_seconds: u32,
        /// Smaller stakes do not count.
        #[serde(default = "zero")]
        min_stake: String,
        /// Turnover for one point.
        #[serde(default = "one")]
        points_per: String,
        /// Who is in.
        #[serde(default = "automatic")]
        entry: Entry,
        /// Prizes by place.
        #[serde(default)]
        prizes: Vec<String>,
        /// Games that count.
        #[serde(default)]
        games: Vec<GameId>,
        /// Free text.
        #[serde(default)]
        description: String,
        /// How often the board is sent.
        #[serde(default = "second_ms")]
        tick_ms: u32,
        /// Rows on the board.
        #[serde(default = "ten")]
        top_n: u32,
        /// How long before its start one is announced.
        #[serde(default = "minute")]
        register_ahead_seconds: u32,
        /// Only in the demo.
        #[serde(default)]
        demo_only: bool,
    }
}

impl Series {
    /// `min_stake` in minor units.
    ///
    /// # Errors
    /// Not an amount; never after a successful load.
    pub fn min_stake(&self) -> Result<Amount, MoneyError> {
        self.currency.amount_not_negative(&self.min_stake)
    }

    /// `points_per` in minor units.
    ///
    /// # Errors
    /// Not an amount; never after a successful load.
    pub fn points_per(&self) -> Result<Amount, MoneyError> {
        self.currency.amount_not_negative(&self.points_per)
    }

    /// `prizes` in minor units.
    ///
    /// # Errors
    /// Not an amount; never after a successful load.
    pub fn prizes(&self) -> Result<Vec<Amount>, MoneyError> {
        self.prizes.iter().map(|prize| self.currency.amount_not_negative(prize)).collect()
    }
}

const fn minute() -> u32 {
    60
}

const fn second_ms() -> u32 {
    1_000
}

const fn ten() -> u32 {
    10
}

const fn automatic() -> Entry {
    Entry::Automatic
}

fn zero() -> String {
    "0".to_owned()
}

fn one() -> String {
    "1".to_owned()
}

section! {
    /// `[demo]`
    Demo {
        /// Made-up players.
        players: u32,
        /// Made-up games.
        games: u32,
        /// Bets of all together.
        bets_per_second: u32,
        /// Seed; 0: random.
        seed: u64,
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

section! {
    /// `[log]`
    Log {
        /// Text or JSON.
        format: LogFormat,
        /// What is logged.
        filter: String,
    }
}
