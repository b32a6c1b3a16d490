//! Secrets: read from files, or generated into the data directory outside production.

use super::{Config, ConfigError, Mode};
use crate::auth::ProviderKey;
use palio_domain::{ProviderId, TenantId};
use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Everything that must not be seen. Never logged.
pub struct Secrets {
    /// Of request and claim hashes.
    pub journal_key: [u8; 32],
    /// Of tokens.
    pub jwt: Vec<u8>,
    /// Providers' keys by id.
    pub providers: HashMap<String, ProviderKey>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// Reads the configured files; where none is named, reads or makes one in the data
    /// directory, unless this is production.
    ///
    /// # Errors
    /// [`ConfigError::Secret`] naming the file, never its content.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let dir = config.storage.data_dir.join("secrets");
        let read = |named: &Path, name: &str| read_or_make(config.mode, named, &dir.join(name));
        let (journal, path) = read(&config.journal.key_file, "journal.key")?;
        let journal_key = hex::decode(journal.trim())
            .ok()
            .and_then(|key| <[u8; 32]>::try_from(key).ok())
            .ok_or_else(|| wrong(&path, "must be 64 hexadecimal digits"))?;
        let (jwt, path) = read(&config.auth.jwt_secret_file, "jwt.secret")?;
        if jwt.trim().len() < 32 {
            return Err(wrong(&path, "must be at least 32 bytes"));
        }
        let mut providers = HashMap::new();
        for provider in &config.provider {
            let id = ProviderId::parse(&provider.id).map_err(|error| {
                ConfigError::Invalid(format!("provider {}: {error}", provider.id))
            })?;
            for key in &provider.keys {
                let (secret, path) = read(&key.secret_file, &format!("provider-{}.key", key.id))?;
                if secret.trim().len() < 32 {
                    return Err(wrong(&path, "must be at least 32 bytes"));
                }
                let known = ProviderKey {
                    tenant: TenantId(provider.tenant),
                    provider: id.clone(),
                    secret: secret.trim().as_bytes().to_vec(),
                };
                if providers.insert(key.id.clone(), known).is_some() {
                    return Err(ConfigError::Invalid(format!(
                        "provider key {} is there twice",
                        key.id
                    )));
                }
            }
        }
        Ok(Self { journal_key, jwt: jwt.trim().as_bytes().to_vec(), providers })
    }
}

fn wrong(path: &Path, why: impl ToString) -> ConfigError {
    ConfigError::Secret { path: path.display().to_string(), why: why.to_string() }
}

fn read_or_make(mode: Mode, named: &Path, own: &Path) -> Result<(String, PathBuf), ConfigError> {
    if !named.as_os_str().is_empty() {
        let text = fs::read_to_string(named).map_err(|error| wrong(named, error))?;
        return Ok((text, named.to_owned()));
    }
    if mode == Mode::Production {
        return Err(wrong(own, "is generated only outside production"));
    }
    if let Ok(text) = fs::read_to_string(own) {
        return Ok((text, own.to_owned()));
    }
    let text = hex::encode(rand::random::<[u8; 32]>());
    if let Some(dir) = own.parent() {
        fs::create_dir_all(dir).map_err(|error| wrong(dir, error))?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(own).map_err(|error| wrong(own, error))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| wrong(own, error))?;
    Ok((text, own.to_owned()))
}
