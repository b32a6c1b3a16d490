//! Signed requests of providers; what is signed: [`palio_protocol::signature`].

use crate::config::Secret;
use palio_domain::{ProviderId, TenantId, UnixMs};
use palio_protocol::signature::{CLOCK_SKEW_S_MAX, Signed};
use std::collections::HashMap;

/// A live key; a provider has up to two, so that keys can be changed without a pause.
#[derive(Debug, Clone)]
pub struct ProviderKey {
    /// Whose brand.
    pub tenant: TenantId,
    /// Which provider.
    pub provider: ProviderId,
    /// What it signs with.
    pub secret: Secret,
}

/// The three headers of a signed request, as sent; missing ones are empty.
#[derive(Debug, Clone, Copy)]
pub struct SignatureHeaders<'a> {
    /// `X-Palio-Key`.
    pub key: &'a str,
    /// `X-Palio-Timestamp`.
    pub timestamp: &'a str,
    /// `X-Palio-Signature`.
    pub signature: &'a str,
}

/// Why a request is not let in; the first that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No such key.
    #[error("unknown signing key")]
    UnknownKey,
    /// No timestamp, or one too far from the server's clock.
    #[error("the timestamp is missing or too far from the server's clock")]
    StaleTimestamp,
    /// The signature does not fit the request.
    #[error("the signature does not fit the request")]
    BadSignature,
}

/// All signing keys, by id.
#[derive(Debug, Default)]
pub struct ProviderKeys(HashMap<String, ProviderKey>);

impl ProviderKeys {
    /// Takes the keys from [`crate::config::Secrets`].
    #[must_use]
    pub const fn new(keys: HashMap<String, ProviderKey>) -> Self {
        Self(keys)
    }

    /// Who the key of this id belongs to; proves nothing.
    #[must_use]
    pub fn owner(&self, key: &str) -> Option<(TenantId, &ProviderId)> {
        self.0.get(key).map(|key| (key.tenant, &key.provider))
    }

    /// Whose request this is.
    ///
    /// Repeat: a signature is good as often as it is sent within ± 60 s; what a repeated request
    /// does is up to its idempotency key.
    ///
    /// # Errors
    /// [`AuthError`], the first that applies.
    pub fn authenticate(
        &self,
        headers: &SignatureHeaders<'_>,
        signed: &Signed<'_>,
        now: UnixMs,
    ) -> Result<&ProviderKey, AuthError> {
        let key = self.0.get(headers.key).ok_or(AuthError::UnknownKey)?;
        let digits = headers.timestamp.bytes().all(|b| b.is_ascii_digit());
        let at: i64 = headers.timestamp.parse().map_err(|_| AuthError::StaleTimestamp)?;
        let away = at.saturating_mul(1_000).saturating_sub(now.0).saturating_abs();
        if !digits || away > CLOCK_SKEW_S_MAX * 1_000 {
            return Err(AuthError::StaleTimestamp);
        }
        // What is signed is the header, whatever the caller put into the parts.
        let signed = Signed { timestamp: headers.timestamp, ..*signed };
        if signed.verify(key.secret.expose(), headers.signature) {
            Ok(key)
        } else {
            Err(AuthError::BadSignature)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> ProviderKeys {
        let key = |id: &str, tenant| {
            let provider = ProviderId::parse("acme").unwrap();
            let secret = Secret::new(format!("secret of {id}").into_bytes());
            (id.to_owned(), ProviderKey { tenant: TenantId(tenant), provider, secret })
        };
        ProviderKeys::new([key("a", 1), key("b", 2)].into())
    }

    #[test]
    fn the_first_reason_is_given() {
        let now = UnixMs(1_760_711_000_500);
        let signed = Signed {
            timestamp: "1760711000",
            method: "POST",
            path_and_query: "/wallet/debit",
            idempotency_key: "",
            body: b"{}",
        };
        let good = signed.sign(b"secret of a");
        let at = |seconds: i64| {
            let timestamp = (1_760_711_000 + seconds).to_string();
            let signature = Signed { timestamp: &timestamp, ..signed }.sign(b"secret of a");
            (timestamp, signature)
        };
        let (early, late) = (at(-60), at(60));
        let (in_time_early, in_time_late) = (at(-59), at(60));
        let rows: [(&str, &str, &str, Result<u32, AuthError>); 11] = [
            ("a", "1760711000", &good, Ok(1)),
            ("a", &in_time_early.0, &in_time_early.1, Ok(1)),
            ("a", &in_time_late.0, &in_time_late.1, Ok(1)),
            ("b", "1760711000", &good, Err(AuthError::BadSignature)),
            ("c", "", "", Err(AuthError::UnknownKey)),
            ("", "1760711000", &good, Err(AuthError::UnknownKey)),
            ("a", "", &good, Err(AuthError::StaleTimestamp)),
            ("a", "+1760711000", &good, Err(AuthError::StaleTimestamp)),
            ("a", &early.0, &early.1, Err(AuthError::StaleTimestamp)),
            ("a", "9223372036854775807", &late.1, Err(AuthError::StaleTimestamp)),
            ("a", "1760711001", &good, Err(AuthError::BadSignature)),
        ];
        for (key, timestamp, signature, expected) in rows {
            let headers = SignatureHeaders { key, timestamp, signature };
            let keys = keys();
            let found = keys.authenticate(&headers, &signed, now).map(|key| key.tenant.0);
            assert_eq!(found, expected, "{key} {timestamp}");
        }
    }
}
