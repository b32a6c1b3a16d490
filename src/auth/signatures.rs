//! Providers' signing keys.

use palio_domain::{ProviderId, TenantId, UnixMs};
use palio_protocol::signature::{CLOCK_SKEW_S_MAX, Signed};
use std::collections::HashMap;

/// A live key; a provider has up to two, so that keys can be changed without a pause.
#[derive(Clone)]
pub struct ProviderKey {
    /// Whose brand.
    pub tenant: TenantId,
    /// Which provider.
    pub provider: ProviderId,
    /// The shared secret.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProviderKey({} of tenant {})", self.provider, self.tenant.0)
    }
}

/// The headers a signature comes in.
#[derive(Debug, Clone, Copy)]
pub struct SignatureHeaders<'a> {
    /// The key's id.
    pub key: &'a str,
    /// Unix seconds.
    pub timestamp: &'a str,
    /// Hexadecimal.
    pub signature: &'a str,
}

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthError {
    /// No such key.
    UnknownKey,
    /// Missing, or too far from the server's clock.
    StaleTimestamp,
    /// It does not fit.
    BadSignature,
}

/// All live keys by id.
#[derive(Debug, Default)]
pub struct ProviderKeys(HashMap<String, ProviderKey>);

impl ProviderKeys {
    /// From the configured keys.
    #[must_use]
    pub fn new(keys: HashMap<String, ProviderKey>) -> Self {
        Self(keys)
    }

    /// The key that signed a request.
    ///
    /// # Errors
    /// The first [`AuthError`] in their order.
    pub fn authenticate(
        &self,
        headers: &SignatureHeaders<'_>,
        signed: &Signed<'_>,
        now: UnixMs,
    ) -> Result<&ProviderKey, AuthError> {
        let key = self.0.get(headers.key).ok_or(AuthError::UnknownKey)?;
        let at: i64 = headers.timestamp.parse().map_err(|_| AuthError::StaleTimestamp)?;
        if (now.0 / 1000).saturating_sub(at).saturating_abs() > CLOCK_SKEW_S_MAX {
            return Err(AuthError::StaleTimestamp);
        }
        if signed.verify(&key.secret, headers.signature) {
            Ok(key)
        } else {
            Err(AuthError::BadSignature)
        }
    }
}
