//! The files that Redis is reached with. An edge reads no other secrets.

use super::{Config, ConfigError, Secret};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;

/// What `[live.redis]` names; each `None` when it is not set.
#[derive(Debug, Clone)]
pub struct RedisSecrets {
    /// At the servers.
    pub password: Option<Secret>,
    /// At Sentinels.
    pub sentinel_password: Option<Secret>,
    /// Certificates of private authorities, PEM.
    pub authorities: Option<Vec<u8>>,
    /// Our own certificate and its key, PEM.
    pub own: Option<(Vec<u8>, Secret)>,
}

impl RedisSecrets {
    /// Reads the files.
    ///
    /// # Errors
    /// [`ConfigError::Secrets`] with all that is wrong: keys and paths, never contents.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        let redis = &config.live.redis;
        let mut wrong = Vec::new();
        let password = password("password_file", &redis.password_file, &mut wrong);
        let sentinel_password =
            self::password("sentinel_password_file", &redis.sentinel_password_file, &mut wrong);
        let authorities = certificates("ca_file", &redis.ca_file, &mut wrong);
        let certificate = certificates("certificate_file", &redis.certificate_file, &mut wrong);
        let key = read("key_file", &redis.key_file, is_key, &mut wrong).map(Secret::new);
        if wrong.is_empty() {
            let own = certificate.zip(key);
            Ok(Self { password, sentinel_password, authorities, own })
        } else {
            Err(ConfigError::Secrets(wrong))
        }
    }
}

/// What is wrong with a file's content.
type Check = fn(&[u8]) -> Result<(), &'static str>;

fn read(key: &str, path: &Path, check: Check, wrong: &mut Vec<String>) -> Option<Vec<u8>> {
    if path.as_os_str().is_empty() {
        return None;
    }
    let mut tell = |why: String| wrong.push(format!("live.redis.{key}: {}: {why}", path.display()));
    match std::fs::read(path) {
        Ok(bytes) => match check(&bytes) {
            Ok(()) => Some(bytes),
            Err(why) => {
                tell(why.to_owned());
                None
            }
        },
        Err(error) => {
            tell(error.to_string());
            None
        }
    }
}

/// One line, without the end that editors put there.
fn password(key: &str, path: &Path, wrong: &mut Vec<String>) -> Option<Secret> {
    let bytes = read(key, path, is_password, wrong)?;
    Some(Secret::new(line(&bytes)))
}

fn line(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn is_password(bytes: &[u8]) -> Result<(), &'static str> {
    match std::str::from_utf8(line(bytes)) {
        Ok("") => Err("is empty"),
        Ok(text) if text.contains(['\n', '\r']) => Err("must be one line"),
        Ok(_) => Ok(()),
        Err(_) => Err("must be UTF-8"),
    }
}

fn certificates(key: &str, path: &Path, wrong: &mut Vec<String>) -> Option<Vec<u8>> {
    read(key, path, are_certificates, wrong)
}

/// None at all would be a list of trusted authorities on which nobody is.
fn are_certificates(bytes: &[u8]) -> Result<(), &'static str> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(()),
        _ => Err("must have certificates in PEM"),
    }
}

fn is_key(bytes: &[u8]) -> Result<(), &'static str> {
    PrivateKeyDer::from_pem_slice(bytes).map(drop).map_err(|_| "must have a private key in PEM")
}
