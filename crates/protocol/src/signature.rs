//! The canonical signature of a provider's request (design, fixed points of the interface).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Header with the id of the signing key.
pub const KEY_HEADER: &str = "X-Palio-Key";
/// Header with the time of signing, in Unix seconds.
pub const TIMESTAMP_HEADER: &str = "X-Palio-Timestamp";
/// Header with the signature, in lower-case hexadecimal.
pub const SIGNATURE_HEADER: &str = "X-Palio-Signature";
/// Header with the caller's idempotency key.
pub const IDEMPOTENCY_HEADER: &str = "X-Idempotency-Key";
/// Header with the trace id, in requests and answers.
pub const TRACE_HEADER: &str = "X-Trace-Id";
/// How far the timestamp may be from the server's clock, in seconds.
pub const CLOCK_SKEW_S_MAX: i64 = 60;

const VERSION: &str = "v1";

/// The parts of a request that are signed.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Unix seconds, exactly as in the header.
    pub timestamp: &'a str,
    /// The method in upper case.
    pub method: &'a str,
    /// Path and query exactly as sent.
    pub path_and_query: &'a str,
    /// The idempotency key, or the empty string.
    pub idempotency_key: &'a str,
    /// The body as sent.
    pub body: &'a [u8],
}

impl Signed<'_> {
    fn mac(&self, secret: &[u8]) -> Hmac<Sha256> {
        // HMAC takes keys of any length, so this can't fail.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret)
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
        let body = hex::encode(Sha256::digest(self.body));
        let parts =
            [VERSION, self.timestamp, self.method, self.path_and_query, self.idempotency_key];
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(b"\n");
        }
        mac.update(body.as_bytes());
        mac
    }

    /// The signature, in lower-case hexadecimal.
    #[must_use]
    pub fn sign(&self, secret: &[u8]) -> String {
        hex::encode(self.mac(secret).finalize().into_bytes())
    }

    /// Whether `signature` is right; takes the same time wherever it is wrong.
    #[must_use]
    pub fn verify(&self, secret: &[u8], signature: &str) -> bool {
        let mut given = [0_u8; 32];
        hex::decode_to_slice(signature, &mut given).is_ok()
            && self.mac(secret).verify_slice(&given).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Signed<'static> = Signed {
        timestamp: "1760711000",
        method: "POST",
        path_and_query: "/wallet/debit",
        idempotency_key: "9a7f-2b1c",
        body: br#"{"playerId":"p_1"}"#,
    };

    #[test]
    fn every_part_is_signed() {
        let signature = REQUEST.sign(b"secret");
        assert!(REQUEST.verify(b"secret", &signature));
        let changed = [
            Signed { timestamp: "1760711001", ..REQUEST },
            Signed { method: "GET", ..REQUEST },
            Signed { path_and_query: "/wallet/settle", ..REQUEST },
            Signed { idempotency_key: "", ..REQUEST },
            Signed { body: b"{}", ..REQUEST },
        ];
        assert!(changed.iter().all(|request| !request.verify(b"secret", &signature)));
        assert!(!REQUEST.verify(b"other", &signature));
        assert!(!REQUEST.verify(b"secret", "zz"));
    }
}
