//! Keys of tokens: Ed25519, a private one that signs and public ones that check.
//!
//! **Invariants:** a key's name (`kid`) follows from the key itself, so that no two places can
//! give it different ones; who holds public keys only can't make a token. Files are what
//! `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write.

use crate::config::Secret;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// What stands before the 32 bytes of a public key in its DER form (RFC 8410, 4).
const PUBLIC_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// First line of the files of keys that were made by the server itself, so that production knows
/// them wherever they were copied to.
const MADE: &str = "Made by Palio for development: not for production.";

/// Why a file is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Something else, or several.
    #[error(
        "must be one Ed25519 private key in PEM, as `openssl genpkey -algorithm ed25519` writes"
    )]
    NotPrivate,
    /// Something else, or several.
    #[error("must be one Ed25519 public key in PEM, as `openssl pkey -pubout` writes")]
    NotPublic,
    /// A private key where a public one belongs.
    #[error("holds a private key: give the public one, as `openssl pkey -pubout` writes")]
    IsPrivate,
    /// There is no randomness, or it can't be written down.
    #[error("can't be made")]
    NotMade,
}

/// A key that checks tokens. `Debug` shows its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads PEM: one public key and nothing else.
    ///
    /// # Errors
    /// [`KeyError::NotPublic`], [`KeyError::IsPrivate`].
    pub fn parse(pem: &[u8]) -> Result<Self, KeyError> {
        let (kind, der) = only_section(pem).ok_or(KeyError::NotPublic)?;
        match kind {
            SectionKind::PublicKey => {}
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                return Err(KeyError::IsPrivate);
            }
            _ => return Err(KeyError::NotPublic),
        }
        let bytes = der.strip_prefix(&PUBLIC_PREFIX).ok_or(KeyError::NotPublic)?;
        bytes.try_into().map(Self).map_err(|_| KeyError::NotPublic)
    }

    /// Its name in tokens: the SHA-256 thumbprint of RFC 7638 and RFC 8037.
    #[must_use]
    pub fn kid(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.0);
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        URL_SAFE_NO_PAD.encode(Sha256::digest(jwk))
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The file of a key that was made here.
    pub(crate) fn made_pem(&self) -> String {
        pem("PUBLIC KEY", &[PUBLIC_PREFIX.as_slice(), &self.0].concat())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PublicKey").field(&self.kid()).finish()
    }
}

/// The key that tokens are signed with. `Debug` shows its public half's name.
#[derive(Clone)]
pub struct SigningKey {
    pkcs8: Secret,
    public: PublicKey,
}

impl SigningKey {
    /// Reads PEM: one private key and nothing else.
    ///
    /// # Errors
    /// [`KeyError::NotPrivate`].
    pub fn parse(pem: &[u8]) -> Result<Self, KeyError> {
        match only_section(pem) {
            Some((SectionKind::PrivateKey, der)) => Self::of_pkcs8(der),
            _ => Err(KeyError::NotPrivate),
        }
    }

    fn of_pkcs8(der: Vec<u8>) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(|_| KeyError::NotPrivate)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::NotPrivate)?;
        Ok(Self { pkcs8: Secret::new(der), public: PublicKey(public) })
    }

    /// Makes the file of a new key, for development.
    ///
    /// # Errors
    /// [`KeyError::NotMade`].
    pub(crate) fn made_pem() -> Result<String, KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::NotMade)?;
        let der = pair.to_pkcs8v1().map_err(|_| KeyError::NotMade)?;
        Ok(pem("PRIVATE KEY", der.as_ref()))
    }

    /// What checks its tokens.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// PKCS#8, for signing only.
    pub(super) fn expose(&self) -> &[u8] {
        self.pkcs8.expose()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public.kid()).finish()
    }
}

/// Whether a key's file says that the server made it.
pub(crate) fn is_made(pem: &[u8]) -> bool {
    pem.windows(MADE.len()).any(|some| some == MADE.as_bytes())
}

/// Both kinds of keys are short enough for one line.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("{MADE}\n-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn only_section(pem: &[u8]) -> Option<(SectionKind, Vec<u8>)> {
    let mut sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem);
    let first = sections.next()?.ok()?;
    sections.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The private key of RFC 8410, 10.3, with its public key of 10.1.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn a_private_key_knows_its_public_one() {
        let key = SigningKey::parse(PRIVATE.as_bytes()).unwrap();
        assert_eq!(Ok(key.public()), PublicKey::parse(PUBLIC.as_bytes()));
        let shown = format!("{key:?}");
        assert!(shown.contains(&key.public().kid()) && !shown.contains("1O5y2"), "{shown}");
    }

    /// RFC 8037, A.3.
    #[test]
    fn a_key_is_named_by_its_thumbprint() {
        let x = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let key = PublicKey(x.try_into().unwrap());
        assert_eq!(key.kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn made_keys_are_read_again_and_are_known_as_such() {
        let (one, other) = (SigningKey::made_pem().unwrap(), SigningKey::made_pem().unwrap());
        let key = SigningKey::parse(one.as_bytes()).unwrap();
        let public = key.public().made_pem();
        assert_eq!(PublicKey::parse(public.as_bytes()), Ok(key.public()));
        assert_ne!(SigningKey::parse(other.as_bytes()).unwrap().public(), key.public());
        assert!(is_made(one.as_bytes()) && is_made(public.as_bytes()));
        assert!(!is_made(PRIVATE.as_bytes()) && !is_made(PUBLIC.as_bytes()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let certificate = PUBLIC.replace("PUBLIC KEY", "CERTIFICATE");
        let of_x25519 = PUBLIC.replace("MCowBQYDK2Vw", "MCowBQYDK2Vu");
        let short = PUBLIC.replace("xZuE=", "xZg==");
        let rsa = PRIVATE.replace("PRIVATE", "RSA PRIVATE");
        let cut = PRIVATE.replace("EdVhC", "EdQ==");
        let (not_public, is_private) = (Err(KeyError::NotPublic), Err(KeyError::IsPrivate));
        // (file, as a public key)
        let rows = [
            ("", not_public),
            ("a secret, as long as you like", not_public),
            (certificate.as_str(), not_public),
            (of_x25519.as_str(), not_public),
            (short.as_str(), not_public),
            (&PUBLIC.repeat(2), not_public),
            (&format!("{PUBLIC}{PRIVATE}"), not_public),
            (PRIVATE, is_private),
            (rsa.as_str(), is_private),
        ];
        for (file, expected) in rows {
            assert_eq!(PublicKey::parse(file.as_bytes()), expected, "{file}");
        }
        for file in ["", PUBLIC, &rsa, &cut, &PRIVATE.repeat(2), &format!("{PRIVATE}{PUBLIC}")] {
            let read = SigningKey::parse(file.as_bytes()).map(|key| key.public());
            assert_eq!(read, Err(KeyError::NotPrivate), "{file}");
        }
    }
}
