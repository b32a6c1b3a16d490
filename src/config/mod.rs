//! Settings: built-in defaults, then a file, then `PALIO__SECTION__KEY` from the environment.
//!
//! A key that nobody reads is an error, wherever it comes from. Secrets are never settings:
//! [`Secrets::load_or_create`] reads them from the files that settings name, and outside
//! production generates those that are not named.
//!
//! ```text
//! default.toml → file → environment → Config::load → validate → Config → Secrets
//! ```

mod secret;
mod secrets;
mod sections;
mod validate;

#[cfg(test)]
mod tests;

pub use secret::Secret;
pub use secrets::{ProviderKey, Secrets, SecretsError};
pub use sections::{
    Admin, Auth, Core, Demo, Entry, Http, Journal, Key, Live, Log, LogFormat, Metric, Mode,
    Postgres, Provider, Series, Storage, StorageKind, Tenant,
};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Toml};
use palio_domain::TenantId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// The built-in settings, commented.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

const ENV_PREFIX: &str = "PALIO__";

/// Every setting, checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What the server is for.
    pub mode: Mode,
    /// The public side.
    pub http: Http,
    /// The operators' side.
    pub admin: Admin,
    /// The store.
    pub storage: Storage,
    /// The journal.
    pub journal: Journal,
    /// Wallets.
    pub core: Core,
    /// Sockets.
    pub live: Live,
    /// Tokens.
    pub auth: Auth,
    /// Brands; at least one.
    pub tenant: Vec<Tenant>,
    /// Providers.
    pub provider: Vec<Provider>,
    /// Recurring tournaments; see [`Config::series`].
    pub series: Vec<Series>,
    /// The sandbox.
    pub demo: Demo,
    /// Logging.
    pub log: Log,
}

/// Something wrong with one setting.
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

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was asked for can't be read.
    #[error("{} can't be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Settings are wrong; all problems that could be found at once.
    #[error("the settings are wrong:{}", lines(.0))]
    Invalid(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

impl Config {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// [`ConfigError`], naming each bad key and where its value came from.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_as(None, path)
    }

    /// As [`Config::load`], in a given mode whatever the settings say (`palio demo`).
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_as(mode: Option<Mode>, path: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(path) = path {
            // Not `Toml::file`: that takes a missing file for an empty one.
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
            let name = format!("file {}", path.display());
            figment = figment.merge(Named(name, text));
        }
        figment = figment.merge(Env::prefixed(ENV_PREFIX).split("__"));
        if let Some(mode) = mode {
            figment = figment.merge(("mode", mode.as_str()));
        }
        Self::from_figment(&figment)
    }

    fn from_figment(figment: &Figment) -> Result<Self, ConfigError> {
        let mut config: Self = figment.extract().map_err(|error| unreadable(figment, error))?;
        config.validate(figment).map_err(ConfigError::Invalid)?;
        config.resolve();
        Ok(config)
    }

    /// Puts numbers in place of the zeros that stand for "what fits this machine".
    fn resolve(&mut self) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let half = (cores / 2).clamp(1, 8);
        let or = |value: &mut usize, automatic: usize| {
            if *value == 0 {
                *value = automatic;
            }
        };
        or(&mut self.http.workers, cores);
        or(&mut self.core.threads, half);
        or(&mut self.live.threads, half);
        let per_address = if self.mode == Mode::Production { 200 } else { 20_000 };
        or(&mut self.live.sockets_per_address_max, per_address);
        for provider in &mut self.provider {
            if provider.rate_per_second == 0 {
                provider.rate_per_second = self.http.rate_per_second;
            }
        }
    }

    /// The recurring tournaments that run in this mode.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().filter(|series| !series.demo_only || self.mode == Mode::Demo)
    }

    /// The brand shown to callers without a token.
    #[must_use]
    pub fn public_tenant(&self) -> TenantId {
        self.tenant.first().map_or(TenantId(1), |tenant| tenant.id)
    }

    /// Where generated secrets are kept.
    #[must_use]
    pub fn secrets_dir(&self) -> PathBuf {
        self.storage.data_dir.join("secrets")
    }
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

fn source_of(figment: &Figment, key: &str) -> String {
    // Inside a list only the list's own origin is known.
    let list = key.split_once('[').map_or(key, |(list, _)| list);
    figment.find_metadata(list).map_or_else(|| "nowhere".to_owned(), described)
}

fn described(metadata: &figment::Metadata) -> String {
    match metadata.name.as_ref() {
        "TOML source string" => "the built-in defaults".to_owned(),
        name if name.contains("environment variable") => "the environment".to_owned(),
        name => name.to_owned(),
    }
}

fn unreadable(figment: &Figment, errors: figment::Error) -> ConfigError {
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
            None => source_of(figment, &key),
        };
        let message = match &error.kind {
            Kind::UnknownField(..) => "is not a setting".to_owned(),
            Kind::MissingField(field) => format!("lacks {field}"),
            kind => format!("is wrong: {kind}"),
        };
        let key = if key.is_empty() { "the whole".to_owned() } else { key };
        Problem { key, source, message }
    };
    ConfigError::Invalid(errors.into_iter().map(problem).collect())
}
