//! The secrets that settings name, and those generated outside production.
//!
//! Generated ones are files of mode 0600 in `<data_dir>/secrets/`, made once and complete or not
//! at all: written under another name, synced, then linked to their own.

use super::{Config, ConfigError, Mode, Secret};
use crate::auth::{self, ProviderKey, PublicKey, SigningKey};
use palio_domain::{ProviderId, TenantId};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Shorter ones are refused.
const BYTES_MIN: usize = 32;

/// Everything that must not be seen. Never logged.
#[derive(Clone)]
pub struct Secrets {
    /// Of request and claim hashes.
    pub journal_key: [u8; 32],
    /// What tokens are signed with.
    pub signing: SigningKey,
    /// By what else tokens are checked.
    pub public_keys: Vec<PublicKey>,
    /// Providers' keys by id.
    pub providers: HashMap<String, ProviderKey>,
    /// Of notices, of tenants that have an address for them.
    pub notices: HashMap<TenantId, Secret>,
    /// What calls to tenants' payment services are signed with.
    pub payments: HashMap<TenantId, Secret>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// Which file holds a secret.
struct Place {
    path: PathBuf,
    /// Whether it may be made when it is missing.
    made: bool,
}

impl Secrets {
    /// Reads the configured files; where none is named, reads or makes one in the data
    /// directory, unless this is production.
    ///
    /// # Errors
    /// [`ConfigError::Secrets`] with all that is wrong: keys and paths, never contents.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let dir = config.secrets_dir();
        let place = |named: &Path, own: &str| match named.as_os_str().is_empty() {
            true => Place { path: dir.join(own), made: config.mode != Mode::Production },
            false => Place { path: named.to_owned(), made: false },
        };
        let mut wrong = Vec::new();
        let mut keep = |key: &str, result: Result<Secret, String>| match result {
            Ok(secret) => secret,
            Err(why) => {
                wrong.push(format!("{key}: {why}"));
                Secret::new([])
            }
        };
        let journal = place(&config.journal.key_file, "journal.key");
        let journal_key =
            keep("journal.key_file", journal.read().and_then(|text| journal.hex(&text)));
        let tokens = tokens(config, &place(&config.auth.signing_key_file, "tokens.key"));
        let mut payments = HashMap::new();
        for tenant in &config.tenant {
            if let Some(service) = &tenant.payments {
                let place = place(&service.secret_file, &format!("payments-{}.key", tenant.id));
                let named = format!("payments.secret_file of the tenant {}", tenant.id);
                payments.insert(TenantId(tenant.id), keep(&named, place.read()));
            }
        }
        let mut providers = HashMap::new();
        for provider in &config.provider {
            for key in &provider.keys {
                let named = format!("secret_file of the key {}", key.id);
                let place = place(&key.secret_file, &format!("provider-{}.key", key.id));
                let secret = keep(&named, place.read());
                // The configuration was checked; an id that is none can only come from code.
                let Ok(id) = ProviderId::parse(&provider.id) else { continue };
                let tenant = TenantId(provider.tenant);
                providers.insert(key.id.clone(), ProviderKey { tenant, provider: id, secret });
            }
        }
        let mut notices = HashMap::new();
        for tenant in config.tenant.iter().filter(|tenant| !tenant.notices_url.is_empty()) {
            let named = format!("notices_secret_file of the tenant {}", tenant.id);
            let own = format!("notices-{}.key", tenant.id);
            let secret = keep(&named, place(&tenant.notices_secret_file, &own).read());
            notices.insert(TenantId(tenant.id), secret);
        }
        // `hex` gives 32 bytes, so the default is never used.
        let journal_key = <[u8; 32]>::try_from(journal_key.expose()).unwrap_or_default();
        match tokens {
            Ok((signing, public_keys)) if wrong.is_empty() => {
                Ok(Self { journal_key, signing, public_keys, providers, notices, payments })
            }
            Ok(_) => Err(ConfigError::Secrets(wrong)),
            Err(more) => Err(ConfigError::Secrets([wrong, more].concat())),
        }
    }
}

/// The key that signs tokens, and the others that check them.
fn tokens(config: &Config, place: &Place) -> Result<(SigningKey, Vec<PublicKey>), Vec<String>> {
    let signing = place.signing_key(config.mode);
    let signing = signing.map_err(|why| format!("auth.signing_key_file: {why}"));
    match (signing, read_public_keys(config)) {
        (Ok(signing), Ok(public_keys)) => Ok((signing, public_keys)),
        (signing, public_keys) => {
            let wrong = public_keys.err().unwrap_or_default();
            Err(signing.err().into_iter().chain(wrong).collect())
        }
    }
}

fn read_public_keys(config: &Config) -> Result<Vec<PublicKey>, Vec<String>> {
    let (mut keys, mut wrong) = (Vec::new(), Vec::new());
    for path in &config.auth.public_key_files {
        let place = Place { path: path.clone(), made: false };
        let key = place.bytes().and_then(|pem| {
            place.not_made(&pem, config.mode)?;
            PublicKey::parse(&pem).map_err(|error| place.wrong(error))
        });
        match key {
            Ok(key) => keys.push(key),
            Err(why) => wrong.push(format!("auth.public_key_files: {why}")),
        }
    }
    if wrong.is_empty() { Ok(keys) } else { Err(wrong) }
}

/// What an edge checks tokens by; nothing is made.
///
/// # Errors
/// [`ConfigError::Secrets`].
pub fn public_keys(config: &Config) -> Result<Vec<PublicKey>, ConfigError> {
    read_public_keys(config).map_err(ConfigError::Secrets)
}

impl Place {
    fn wrong(&self, why: impl std::fmt::Display) -> String {
        format!("{}: {why}", self.path.display())
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.path).map_err(|error| self.wrong(error))
    }

    /// Keys that were made for development are known by what their files say.
    fn not_made(&self, pem: &[u8], mode: Mode) -> Result<(), String> {
        if mode == Mode::Production && auth::is_made(pem) {
            return Err(self.wrong("is a key made for development, not for production"));
        }
        Ok(())
    }

    /// The key that signs tokens. One that is made has its public half beside it, for edges.
    fn signing_key(&self, mode: Mode) -> Result<SigningKey, String> {
        if self.made {
            let made = || SigningKey::made_pem().map_err(std::io::Error::other);
            create(&self.path, made).map_err(|error| self.wrong(error))?;
        }
        let pem = self.bytes()?;
        self.not_made(&pem, mode)?;
        let key = SigningKey::parse(&pem).map_err(|error| self.wrong(error))?;
        if self.made {
            let public = self.path.with_extension("pub");
            create(&public, || Ok(key.public().made_pem())).map_err(|error| self.wrong(error))?;
        }
        Ok(key)
    }

    /// The file's content without the line's end that editors put there.
    fn read(&self) -> Result<Secret, String> {
        if self.made {
            let secret = || Ok(hex::encode(rand::random::<[u8; 32]>()));
            create(&self.path, secret).map_err(|error| self.wrong(error))?;
        }
        let bytes = self.bytes()?;
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if bytes.len() < BYTES_MIN {
            return Err(self.wrong("must be at least 32 bytes"));
        }
        Ok(Secret::new(bytes))
    }

    fn hex(&self, text: &Secret) -> Result<Secret, String> {
        let mut key = [0_u8; 32];
        hex::decode_to_slice(text.expose(), &mut key)
            .map_err(|_| self.wrong("must be 64 hexadecimal digits"))?;
        Ok(Secret::new(key))
    }
}

/// Makes a file, unless it is there.
fn create(path: &Path, content: impl FnOnce() -> std::io::Result<String>) -> std::io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let draft = path.with_extension(format!("{:016x}", rand::random::<u64>()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(content()?.as_bytes())?;
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
