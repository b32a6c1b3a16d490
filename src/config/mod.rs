//! Configuration: the embedded `config/default.toml`, then a file, then the environment.
//!
//! A key that nobody reads is an error, wherever it comes from, and a problem is told with the
//! key and where its value came from. Secrets are never values: [`Secrets::load`] reads them from
//! the files that the configuration names, and outside production makes those it does not name.

mod check;
mod redis;
mod secret;
mod secrets;

#[cfg(test)]
mod deployed;
#[cfg(test)]
mod tests;

pub use redis::RedisSecrets;
pub use secret::Secret;
pub use secrets::{Secrets, public_keys};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format as _, Toml};
use palio_domain::Currency;
use palio_domain::tournament::parts::Part;
use palio_domain::tournament::{EntryMode, Kind as Contest, Metric};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The defaults, every key commented.
pub const DEFAULT: &str = include_str!("../../config/default.toml");

/// What the process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Sandbox provider and generated keys.
    Demo,
    /// Generated keys.
    Development,
    /// Neither.
    Production,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Node {
    /// Wallets, tournaments and boards.
    Core,
    /// Boards that a core shares over Redis.
    Edge,
}

/// Where rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// Files in the data directory.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// Nowhere; for tests.
    Memory,
}

/// Where boards are shared with edge nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedisKind {
    /// Nowhere.
    None,
    /// One Redis server.
    Single,
    /// A master that Sentinels know.
    Sentinel,
    /// A Redis Cluster.
    Cluster,
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "every key is commented in config/default.toml")]
        pub struct $name { $($(#[$meta])* pub $field: $type,)* }
    };
}

section! {
    /// `[http]`
    Http {
        bind: SocketAddr,
        workers: usize,
        body_bytes_max: usize,
        body_seconds_max: u64,
        bodies_max: usize,
        bodies_per_address_max: usize,
        json_depth_max: usize,
        provider_rate_per_second: u32,
    }
}
section! {
    /// `[tls]`
    Tls {
        bind: String,
        certificate_file: PathBuf,
        key_file: PathBuf,
    }
}
section! {
    /// `[admin]`
    Admin {
        bind: SocketAddr,
    }
}
section! {
    /// `[storage]`
    Storage {
        kind: StorageKind,
        data_dir: PathBuf,
        postgres_url_env: String,
        take_over: bool,
        accept_data_loss: bool,
    }
}
section! {
    /// `[journal]`
    Journal {
        key_file: PathBuf,
    }
}
section! {
    /// `[core]`
    Core {
        threads: usize,
        commands_in_flight_max: usize,
        settle_reserve: usize,
        provider_share_percent: usize,
        tenant_share_percent: usize,
        wallet_idle_seconds: u64,
        snapshot_interval_seconds: u64,
        unsaved_rows_max: u64,
    }
}
section! {
    /// `[live]`
    Live {
        threads: usize,
        sockets_max: usize,
        sockets_per_address_max: usize,
        sockets_per_tenant_max: usize,
        drain_seconds: u64,
        stalled_seconds_max: u64,
        ring: usize,
        allowed_origins: Vec<String>,
        redis: Redis,
    }
}
section! {
    /// `[live.redis]`
    Redis {
        kind: RedisKind,
        urls: Vec<String>,
        master: String,
        username: String,
        password_file: PathBuf,
        sentinel_username: String,
        sentinel_password_file: PathBuf,
        ca_file: PathBuf,
        certificate_file: PathBuf,
        key_file: PathBuf,
        prefix: String,
        entries: u64,
    }
}
section! {
    /// `[outgoing]`
    Outgoing {
        ca_file: PathBuf,
    }
}
section! {
    /// `[edge]`
    Edge {
        core_url: String,
        own_rows_ms: u64,
        own_rows_at_once: usize,
        stale_ms: u64,
    }
}
section! {
    /// `[search]`
    Search {
        enabled: bool,
    }
}
section! {
    /// `[auth]`
    Auth {
        signing_key_file: PathBuf,
        public_key_files: Vec<PathBuf>,
        player_token_minutes: u32,
    }
}
section! {
    /// `[log]`
    Log {
        format: LogFormat,
        filter: String,
    }
}
section! {
    /// `[demo]`
    Demo {
        players: u32,
        bets_per_second: u32,
        seed: u64,
    }
}
section! {
    /// `tenant.payments`
    Payments {
        url: String,
        #[serde(default)]
        secret_file: PathBuf,
        #[serde(default = "timeout_ms")]
        timeout_ms: u64,
        #[serde(default = "retry_seconds")]
        retry_seconds: u32,
        #[serde(default = "failures_max")]
        failures_max: u32,
        #[serde(default = "open_seconds")]
        open_seconds: u32,
    }
}

/// Five minutes between attempts (tournament-rules.md, L11).
const fn retry_seconds() -> u32 {
    300
}

const fn failures_max() -> u32 {
    10
}

const fn open_seconds() -> u32 {
    60
}

section! {
    /// `tenant.theme`
    Theme {
        name: String,
        #[serde(default)]
        accent: String,
        #[serde(default)]
        scheme: Scheme,
        #[serde(default)]
        logo: String,
    }
}

section! {
    /// `[[tenant]]`
    Tenant {
        id: u32,
        name: String,
        currency: Currency,
        #[serde(default)]
        currencies: Vec<Currency>,
        #[serde(default)]
        countries_blocked: Vec<String>,
        #[serde(default)]
        age_min: u32,
        #[serde(default = "utc")]
        zone: String,
        #[serde(default)]
        notices_url: String,
        #[serde(default)]
        notices_secret_file: PathBuf,
        #[serde(default)]
        tournament_types: Vec<Contest>,
        #[serde(default)]
        rules_off: Vec<Part>,
        #[serde(default)]
        wallet: WalletKeeper,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payments: Option<Payments>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        theme: Option<Theme>,
    }
}

/// The time zone of a tenant whose configuration names none.
fn utc() -> String {
    "UTC".to_owned()
}

section! {
    /// `[protection]`
    Protection {
        raise_wait_hours: u32,
    }
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $first:ident, $($other:ident),* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "every choice is commented in config/default.toml")]
        pub enum $name { #[default] $first, $($other),* }
    };
}

choice! {
    /// `tenant.theme.scheme`
    Scheme { Auto, Light, Dark }
}

choice! {
    /// `tenant.wallet`
    WalletKeeper { Palio, External }
}

choice! {
    /// `provider.sessions`
    SessionPolicy { WhenNamed, Required }
}
choice! {
    /// `provider.funding`
    FundingOrder { CashFirst, BonusFirst }
}
choice! {
    /// `provider.late_bet`
    LatePolicy { Refuse, Accept }
}
choice! {
    /// `provider.unmatched_win`
    WinPolicy { Refuse, Promo }
}
choice! {
    /// `provider.amend`
    AmendPolicy { ByRound, Replace, Add, Refuse }
}
choice! {
    /// `provider.overdue`
    OverduePolicy { Ask, Void }
}

/// A round's result is late after a day unless the provider's configuration says otherwise.
const fn overdue_seconds() -> u32 {
    86_400
}

section! {
    /// A provider's signing key.
    Key {
        id: String,
        secret_file: PathBuf,
    }
}
section! {
    /// `[[provider]]`
    Provider {
        id: String,
        tenant: u32,
        #[serde(default)]
        replay_status: Option<u16>,
        #[serde(default)]
        sessions: Option<SessionPolicy>,
        #[serde(default)]
        stake_min: BTreeMap<Currency, String>,
        #[serde(default)]
        spin_ms_min: u32,
        #[serde(default)]
        funding: FundingOrder,
        #[serde(default)]
        late_bet: Option<LatePolicy>,
        #[serde(default)]
        unmatched_win: Option<WinPolicy>,
        #[serde(default)]
        amend: Option<AmendPolicy>,
        #[serde(default = "overdue_seconds")]
        overdue_seconds: u32,
        #[serde(default)]
        overdue: OverduePolicy,
        #[serde(default)]
        dialect: Dialect,
        #[serde(default)]
        health_url: String,
        #[serde(default = "timeout_ms")]
        timeout_ms: u64,
        keys: Vec<Key>,
    }
}
section! {
    /// `[[series]]`
    Series {
        id: String,
        name: String,
        #[serde(default, rename = "type")]
        kind: Contest,
        metric: Metric,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<String>,
        currency: Currency,
        every_seconds: u32,
        duration_seconds: u32,
        ahead_seconds: u32,
        grace_seconds: u32,
        min_stake: String,
        points_per: String,
        entry: EntryMode,
        prizes: Vec<String>,
        tick_ms: u64,
        description: String,
    }
}

/// How long a provider waits for an answer unless its configuration says otherwise.
const fn timeout_ms() -> u64 {
    5_000
}

/// Which protocol a provider speaks; `docs/protocol.md` has a section for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// The canonical one: `/wallet/*` and `/events`.
    #[default]
    Palio,
    /// Bet, win and rollback as Hub88 has them; RSA-SHA256.
    Hub88,
    /// Lists of actions, as aggregators have them; HMAC-SHA256.
    Actions,
    /// Query parameters and ids that are unique per player only; salted SHA-1.
    PerPlayer,
}

section! {
    /// `[health]`
    Health {
        window_seconds: u64,
        calls_min: u32,
        failed_percent: u32,
        open_seconds: u64,
        probes: u32,
        check_seconds: u64,
        check_timeout_ms: u64,
        checks_failed_max: u32,
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

section! {
    /// The whole configuration.
    Config {
        mode: Mode,
        http: Http,
        tls: Tls,
        admin: Admin,
        storage: Storage,
        journal: Journal,
        core: Core,
        live: Live,
        outgoing: Outgoing,
        edge: Edge,
        health: Health,
        auth: Auth,
        protection: Protection,
        search: Search,
        log: Log,
        demo: Demo,
        tenant: Vec<Tenant>,
        provider: Vec<Provider>,
        series: Vec<Series>,
        schedule: Vec<serde_json::Map<String, serde_json::Value>>,
    }
}

/// Something wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Such as `http.bind`.
    pub key: String,
    /// Where its value came from.
    pub source: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} (from {})", self.key, self.message, self.source)
    }
}

/// Why the process can't start as configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was asked for can't be read.
    #[error("{} can't be read: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Values that are unknown, missing, of the wrong kind, out of range or can't go together.
    #[error("the configuration is not valid:{}", lines(.0))]
    Invalid(Vec<Problem>),
    /// Secrets' files: the key or path, and what is wrong.
    #[error("secrets are missing or not good:{}", lines(.0))]
    Secrets(Vec<String>),
}

fn lines<T: fmt::Display>(problems: &[T]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

impl Config {
    /// Reads the configuration of a node: what it must name depends on what the node is.
    ///
    /// # Errors
    /// [`ConfigError`], with everything that is wrong.
    pub fn load(file: Option<&Path>, node: Node) -> Result<Self, ConfigError> {
        let mut sources = Figment::from(Toml::string(DEFAULT));
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
            sources = sources.merge(Named(path.display().to_string(), text));
        }
        Self::read(&sources.merge(Env::prefixed("PALIO__").split("__")), node)
    }

    /// Reads a file's text over the defaults, without the environment; `name` stands in messages.
    ///
    /// # Errors
    /// [`ConfigError`], with everything that is wrong.
    pub fn of_text(name: &str, text: &str, node: Node) -> Result<Self, ConfigError> {
        let named = Named(name.to_owned(), text.to_owned());
        Self::read(&Figment::from(Toml::string(DEFAULT)).merge(named), node)
    }

    fn read(sources: &Figment, node: Node) -> Result<Self, ConfigError> {
        let config: Self = sources.extract().map_err(|error| unreadable(sources, error))?;
        config.check(sources, node).map_err(ConfigError::Invalid)?;
        Ok(config)
    }

    /// The documents of `[[schedule]]`, each with its tenant: the first one unless it says.
    pub fn schedules(&self) -> impl Iterator<Item = (u64, serde_json::Value)> {
        let first = self.tenant.first().map_or(1, |tenant| u64::from(tenant.id));
        let own = self.schedule.clone();
        let all = if self.mode == Mode::Demo && own.is_empty() { demo_schedules() } else { own };
        all.into_iter().map(move |mut document| {
            let tenant = document.remove("tenant");
            // What is no number is no tenant's either.
            let tenant = tenant.map_or(first, |value| value.as_u64().unwrap_or(0));
            (tenant, serde_json::Value::Object(document))
        })
    }

    /// Where secrets are made.
    fn secrets_dir(&self) -> PathBuf {
        self.storage.data_dir.join("secrets")
    }
}

/// The demo's own; that they are good is a test.
fn demo_schedules() -> Vec<serde_json::Map<String, serde_json::Value>> {
    #[derive(Default, Deserialize)]
    struct File {
        schedule: Vec<serde_json::Map<String, serde_json::Value>>,
    }
    let text = Toml::string(include_str!("../../config/demo.toml"));
    Figment::from(text).extract::<File>().unwrap_or_default().schedule
}

/// TOML text under a name of its own, for messages.
struct Named(String, String);

impl figment::Provider for Named {
    fn metadata(&self) -> figment::Metadata {
        figment::Metadata::named(self.0.clone())
    }

    fn data(
        &self,
    ) -> Result<figment::value::Map<figment::Profile, figment::value::Dict>, figment::Error> {
        Toml::string(&self.1).data()
    }
}

/// Where the value of a key came from; within a list, where the list came from.
fn source_of(sources: &Figment, key: &str) -> String {
    let list = key.split_once('[').map_or(key, |(list, _)| list);
    sources.find_metadata(list).map_or_else(|| "nowhere".to_owned(), described)
}

fn described(metadata: &figment::Metadata) -> String {
    match metadata.name.as_ref() {
        "TOML source string" => "the built-in defaults".to_owned(),
        name if name.contains("environment variable") => "the environment".to_owned(),
        name => name.to_owned(),
    }
}

fn unreadable(sources: &Figment, errors: figment::Error) -> ConfigError {
    let problem = |error: figment::Error| {
        let mut path = error.path.clone();
        if let Kind::UnknownField(field, _) = &error.kind
            && path.last() != Some(field)
        {
            path.push(field.clone());
        }
        let key = path.join(".");
        let source = match &error.metadata {
            Some(metadata) => described(metadata),
            None => source_of(sources, &key),
        };
        let message = match &error.kind {
            Kind::UnknownField(..) => "is not a key".to_owned(),
            Kind::MissingField(field) => format!("lacks {field}"),
            kind => format!("is wrong: {kind}"),
        };
        let key = if key.is_empty() { "the whole".to_owned() } else { key };
        Problem { key, source, message }
    };
    ConfigError::Invalid(errors.into_iter().map(problem).collect())
}
