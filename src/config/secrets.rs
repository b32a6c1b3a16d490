//! The secrets that settings name, and those generated outside production.
//!
//! Generated ones are files of mode 0600 in `<data_dir>/secrets/`, made once and complete or not
//! at all: written under another name, synced, then linked to their own.

use super::{Config, Mode, Secret};
use palio_domain::{ProviderId, TenantId};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Production refuses shorter ones.
const BYTES_MIN: usize = 32;

/// A provider's signing key.
#[derive(Debug, Clone)]
pub struct ProviderKey {
    /// Whose brand.
    pub tenant: TenantId,
    /// Which provider.
    pub provider: ProviderId,
    /// What it signs with.
    pub secret: Secret,
}

/// Everything secret that the server needs.
#[derive(Clone)]
pub struct Secrets {
    /// Key of the journal's hashes.
    pub journal_key: [u8; 32],
    /// Signs tokens.
    pub jwt: Secret,
    /// Signing keys by id.
    pub provider_keys: HashMap<String, ProviderKey>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// Why secrets are not there.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A file can't be read, written or is missing.
    #[error("{setting}: {} can't be used: {source}", path.display())]
    File {
        /// The setting that names it.
        setting: String,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What a file holds is no good.
    #[error("{setting}: {} {message}", path.display())]
    Content {
        /// The setting that names it.
        setting: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: &'static str,
    },
    /// Several of them.
    #[error("{}", joined(.0))]
    Several(Vec<SecretsError>),
}

fn joined(errors: &[SecretsError]) -> String {
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Which file holds a secret, and the setting that says so.
struct Place {
    setting: String,
    path: PathBuf,
    /// Whether it may be made when it is missing.
    generated: bool,
}

impl Secrets {
    /// Reads all secrets; outside production makes those whose file no setting names.
    ///
    /// # Errors
    /// [`SecretsError`], with all that is wrong.
    pub fn load_or_create(config: &Config) -> Result<Self, SecretsError> {
        let strict = config.mode == Mode::Production;
        let dir = config.secrets_dir();
        let place = |setting: String, named: Option<&PathBuf>, own: &str| Place {
            setting,
            path: named.cloned().unwrap_or_else(|| dir.join(own)),
            generated: named.is_none() && !strict,
        };
        let mut errors = Vec::new();
        let mut keep = |result: Result<Secret, SecretsError>| match result {
            Ok(secret) => secret,
            Err(error) => {
                errors.push(error);
                Secret::new([])
            }
        };

        let journal =
            place("journal.key_file".to_owned(), config.journal.key_file.as_ref(), "journal.key");
        let journal_key = keep(journal.read(false).and_then(|text| journal.hex(&text)));
        let jwt = place(
            "auth.jwt_secret_file".to_owned(),
            config.auth.jwt_secret_file.as_ref(),
            "jwt.secret",
        );
        let jwt = keep(jwt.read(strict));
        let mut provider_keys = HashMap::new();
        for provider in &config.provider {
            for key in &provider.key {
                let place = place(
                    format!("secret_file of the key {}", key.id),
                    key.secret_file.as_ref(),
                    &format!("provider-{}.secret", key.id),
                );
                let secret = keep(place.read(strict));
                let key_of =
                    ProviderKey { tenant: provider.tenant, provider: provider.id.clone(), secret };
                provider_keys.insert(key.id.clone(), key_of);
            }
        }
        if !errors.is_empty() {
            return Err(SecretsError::Several(errors));
        }
        // `hex` gives 32 bytes, so the default is never used.
        let journal_key = <[u8; 32]>::try_from(journal_key.expose()).unwrap_or_default();
        Ok(Self { journal_key, jwt, provider_keys })
    }
}

impl Place {
    fn failed(&self, source: std::io::Error) -> SecretsError {
        SecretsError::File { setting: self.setting.clone(), path: self.path.clone(), source }
    }

    fn wrong(&self, message: &'static str) -> SecretsError {
        SecretsError::Content { setting: self.setting.clone(), path: self.path.clone(), message }
    }

    /// The file's content without the line's end that editors put there.
    fn read(&self, strict: bool) -> Result<Secret, SecretsError> {
        if self.generated {
            create(&self.path).map_err(|source| self.failed(source))?;
        }
        let bytes = std::fs::read(&self.path).map_err(|source| self.failed(source))?;
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        match bytes.len() {
            0 => Err(self.wrong("is empty")),
            length if strict && length < BYTES_MIN => {
                Err(self.wrong("has less than 32 bytes, which production refuses"))
            }
            _ => Ok(Secret::new(bytes)),
        }
    }

    fn hex(&self, text: &Secret) -> Result<Secret, SecretsError> {
        let mut key = [0_u8; 32];
        hex::decode_to_slice(text.expose(), &mut key)
            .map_err(|_| self.wrong("must hold exactly 64 hexadecimal digits"))?;
        Ok(Secret::new(key))
    }
}

/// Makes a secret of 64 hexadecimal digits, unless the file is there.
fn create(path: &Path) -> std::io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let draft = path.with_extension(format!("{:016x}", rand::random::<u64>()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let secret: [u8; 32] = rand::random();
    file.write_all(hex::encode(secret).as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    // A link never replaces what another process made meanwhile.
    let linked = match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    std::fs::remove_file(&draft)?;
    linked?;
    File::open(dir)?.sync_all()
}
