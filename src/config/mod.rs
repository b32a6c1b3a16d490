//! Configuration: the embedded `config/default.toml`, then a file, then the environment.

mod secrets;

pub use secrets::Secrets;

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use palio_domain::Currency;
use palio_domain::tournament::{EntryMode, Metric};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The defaults, every key commented.
pub const DEFAULT: &str = include_str!("../../config/default.toml");

/// What the process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Sandbox provider and generated keys.
    Demo,
    /// Generated keys.
    Development,
    /// Neither.
    Production,
}

/// Where rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// Files in the data directory.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
    /// Nowhere; for tests.
    Memory,
}

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "every key is commented in config/default.toml")]
        pub struct $name { $(pub $field: $type,)* }
    };
}

section! {
    /// `[http]`
    Http {
        bind: SocketAddr,
        workers: usize,
        body_bytes_max: usize,
        json_depth_max: usize,
        provider_rate_per_second: u32,
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
        stalled_seconds_max: u64,
        ring: usize,
        allowed_origins: Vec<String>,
    }
}
section! {
    /// `[auth]`
    Auth {
        jwt_secret_file: PathBuf,
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
    /// `[[tenant]]`
    Tenant {
        id: u32,
        name: String,
        currency: Currency,
    }
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
        replay_status: u16,
        keys: Vec<Key>,
    }
}
section! {
    /// `[[series]]`
    Series {
        id: String,
        name: String,
        metric: Metric,
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

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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
        admin: Admin,
        storage: Storage,
        journal: Journal,
        core: Core,
        live: Live,
        auth: Auth,
        log: Log,
        demo: Demo,
        tenant: Vec<Tenant>,
        provider: Vec<Provider>,
        series: Vec<Series>,
    }
}

/// Why the process can't start as configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value is missing, unknown or of the wrong kind; the text names key and source.
    #[error("the configuration can't be read: {0}")]
    Read(Box<figment::Error>),
    /// Values that can't go together.
    #[error("the configuration is not valid:\n{0}")]
    Invalid(String),
    /// A secret's file.
    #[error("the secret {path}: {why}")]
    Secret {
        /// Which file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// [`ConfigError`], with everything that is wrong.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut sources = Figment::from(Toml::string(DEFAULT));
        if let Some(file) = file {
            sources = sources.merge(Toml::file_exact(file));
        }
        let config: Self = sources
            .merge(Env::prefixed("PALIO__").split("__"))
            .extract()
            .map_err(|error| ConfigError::Read(Box::new(error)))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Vec::new();
        let mut refuse = |is_wrong: bool, text: &str| {
            if is_wrong {
                wrong.push(format!("  {text}"));
            }
        };
        refuse(self.tenant.is_empty(), "tenant: at least one is needed");
        refuse(self.http.workers == 0, "http.workers: must be at least 1");
        refuse(self.core.commands_in_flight_max < 16, "core.commands_in_flight_max: at least 16");
        refuse(
            self.core.settle_reserve >= self.core.commands_in_flight_max,
            "core.settle_reserve: must be less than core.commands_in_flight_max",
        );
        refuse(
            self.core.snapshot_interval_seconds == 0,
            "core.snapshot_interval_seconds: at least 1",
        );
        for provider in &self.provider {
            let known = self.tenant.iter().any(|tenant| tenant.id == provider.tenant);
            refuse(!known, &format!("provider {}: no such tenant", provider.id));
            let status = matches!(provider.replay_status, 200 | 409);
            refuse(!status, &format!("provider {}: replay_status is 200 or 409", provider.id));
            refuse(provider.keys.len() > 2, &format!("provider {}: at most two keys", provider.id));
        }
        for series in &self.series {
            let fits = series.duration_seconds > 0 && series.every_seconds >= 10;
            refuse(!fits, &format!("series {}: every ≥ 10 s, duration > 0", series.id));
        }
        if self.mode == Mode::Production {
            let missing = |path: &Path| path.as_os_str().is_empty();
            refuse(missing(&self.journal.key_file), "journal.key_file: needed in production");
            refuse(
                missing(&self.auth.jwt_secret_file),
                "auth.jwt_secret_file: needed in production",
            );
            refuse(
                self.storage.kind == StorageKind::Memory,
                "storage.kind: memory is not for production",
            );
            for provider in &self.provider {
                let generated = provider.keys.iter().any(|key| missing(&key.secret_file));
                refuse(
                    generated,
                    &format!("provider {}: key files needed in production", provider.id),
                );
                refuse(provider.id == "sandbox", "provider sandbox: is not for production");
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(ConfigError::Invalid(wrong.join("\n"))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        let config = Config::load(None).unwrap();
        assert_eq!((config.mode, config.series.len()), (Mode::Demo, 3));
    }

    #[test]
    fn unknown_keys_and_the_demos_keys_are_refused() {
        let read = |text: &str| {
            let sources = Figment::from(Toml::string(DEFAULT)).merge(Toml::string(text));
            sources.extract::<Config>().map_err(|error| error.to_string())
        };
        assert!(read("[http]\nbnid = \"x\"").unwrap_err().contains("bnid"));
        let production = read("mode = \"production\"").unwrap().check().unwrap_err().to_string();
        for named in ["journal.key_file", "auth.jwt_secret_file", "sandbox"] {
            assert!(production.contains(named), "{production}");
        }
    }
}
