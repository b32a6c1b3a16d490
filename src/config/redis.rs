//! The files that Redis is reached with. An edge reads no other secrets.

use super::{Config, ConfigError, Secret};
use crate::tls;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
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

fn are_certificates(bytes: &[u8]) -> Result<(), &'static str> {
    tls::certificates(bytes).map(drop)
}

fn is_key(bytes: &[u8]) -> Result<(), &'static str> {
    PrivateKeyDer::from_pem_slice(bytes).map(drop).map_err(|_| "must have a private key in PEM")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Node;

    const CERTIFICATE: &str = include_str!("../../tests/it/tls/redis-ca.crt");
    const KEY: &str = include_str!("../../tests/it/tls/redis.key");

    fn config(text: &str) -> Result<Config, String> {
        let text = format!("mode = \"development\"\n[live.redis]\n{text}");
        Config::of_text("own", &text, Node::Core).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_that_would_not_do_what_they_say_are_refused() {
        let plain = "kind = \"single\"\nurls = [\"redis://h:6379\"]\n";
        let tls = "kind = \"single\"\nurls = [\"rediss://h:6379\"]\n";
        let sentinel = "kind = \"sentinel\"\nurls = [\"redis://h:1\", \"redis://i:1\"]\n";
        let mixed = "kind = \"cluster\"\nurls = [\"redis://h:1\", \"rediss://i:1\"]\n";
        // (text, key and start of what is wrong; empty: nothing)
        let rows = [
            (plain, "password_file = \"/p\"", ""),
            (plain, "username = \"u\"\npassword_file = \"/p\"", ""),
            (plain, "username = \"u\"", "password_file is needed with a username"),
            (plain, "sentinel_password_file = \"/p\"", "sentinel_password_file is for"),
            (sentinel, "sentinel_password_file = \"/p\"", ""),
            (sentinel, "sentinel_username = \"u\"\nsentinel_password_file = \"/p\"", ""),
            (sentinel, "sentinel_username = \"u\"", "sentinel_password_file is needed"),
            (tls, "ca_file = \"/c\"", ""),
            (tls, "certificate_file = \"/c\"\nkey_file = \"/k\"", ""),
            (tls, "certificate_file = \"/c\"", "key_file and certificate_file go together"),
            (tls, "key_file = \"/c\"", "key_file and certificate_file go together"),
            (plain, "ca_file = \"/c\"", "ca_file is for TLS"),
            (plain, "certificate_file = \"/c\"\nkey_file = \"/k\"", "certificate_file is for TLS"),
            (mixed, "", "urls has redis:// and rediss://"),
        ];
        for (base, more, wrong) in rows {
            match config(&format!("{base}{more}")) {
                Ok(_) => assert_eq!(wrong, "", "{base}{more}"),
                Err(said) => {
                    let found = said.contains(&format!("live.redis.{wrong}"));
                    assert!(!wrong.is_empty() && found, "{base}{more}: {said}");
                }
            }
        }
        let said =
            config("kind = \"single\"\nurls = [\"redis://u:pw-in-url@h:6379\"]").unwrap_err();
        assert!(said.contains("live.redis.urls") && !said.contains("pw-in-url"), "{said}");
    }

    #[test]
    fn files_are_read_whole_or_refused_without_their_content() {
        let dir = std::env::temp_dir().join(format!("palio-redis-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&dir).unwrap();
        let load = |key: &str, content: &str| {
            let file = dir.join("file");
            std::fs::write(&file, content).unwrap();
            let pair = dir.join("pair");
            let (other, with) = match key {
                "certificate_file" => ("key_file", KEY),
                "key_file" => ("certificate_file", CERTIFICATE),
                _ => ("prefix", ""),
            };
            std::fs::write(&pair, with).unwrap();
            let other =
                if other == "prefix" { String::new() } else { format!("{other} = {pair:?}\n") };
            let text = format!(
                "kind = \"sentinel\"\nurls = [\"rediss://h:1\"]\n{key} = {file:?}\n{other}"
            );
            RedisSecrets::load(&config(&text).unwrap()).map_err(|error| error.to_string())
        };
        let good = load("password_file", "pw-of-file\r\n").unwrap();
        assert_eq!(good.password.as_ref().unwrap().expose(), b"pw-of-file");
        assert!(!format!("{good:?}").contains("pw-of-file"));
        // (key, content, what is wrong; empty: nothing)
        let rows = [
            ("password_file", "\n", "is empty"),
            ("password_file", "pw-1\npw-2\n", "must be one line"),
            ("sentinel_password_file", "", "is empty"),
            ("sentinel_password_file", "pw-1", ""),
            ("ca_file", CERTIFICATE, ""),
            ("ca_file", "", "must have certificates in PEM"),
            ("ca_file", KEY, "must have certificates in PEM"),
            ("certificate_file", CERTIFICATE, ""),
            ("certificate_file", KEY, "must have certificates in PEM"),
            ("key_file", KEY, ""),
            ("key_file", CERTIFICATE, "must have a private key in PEM"),
        ];
        for (key, content, wrong) in rows {
            let said = load(key, content).err().unwrap_or_default();
            assert_eq!(said.is_empty(), wrong.is_empty(), "{key} {content}: {said}");
            assert!(said.contains(wrong) && !said.contains("pw-"), "{key}: {said}");
            assert!(wrong.is_empty() || said.contains(&format!("live.redis.{key}: ")), "{said}");
        }
        let missing =
            config("kind = \"single\"\nurls = [\"redis://h:1\"]\npassword_file = \"/no/such\"");
        let said = RedisSecrets::load(&missing.unwrap()).unwrap_err().to_string();
        assert!(said.contains("live.redis.password_file: /no/such: "), "{said}");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
