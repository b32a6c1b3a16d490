//! Signed requests: `METHOD path`, headers, an empty line, the body. A header `Now` is the
//! server's clock in milliseconds.
//!
//! **Property:** a request is let in exactly when its key is known, its timestamp is a number of
//! seconds within 60 s of the clock, and its signature is the one that this file computes from
//! the documented text; the reasons come in their order. What was signed and is within its time
//! is let in whatever it holds.

use crate::support::Message;
use hmac::{Hmac, KeyInit as _, Mac as _};
use palio::auth::{AuthError, ProviderKey, ProviderKeys, SignatureHeaders};
use palio::config::Secret;
use palio_domain::{TenantId, UnixMs};
use palio_protocol::signature::Signed;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

pub(super) const WORDS: &[&str] = &[
    "X-Palio-Key",
    "X-Palio-Timestamp",
    "X-Palio-Signature",
    "X-Idempotency-Key",
    "Now",
    "POST",
    "GET",
    "sandbox-1",
    "sandbox-2",
    "1760711000",
    "+1760711000",
    "01760711000",
    "1760711000000",
    "1760711060999",
    "1760711061000",
];

const SECRETS: [(&str, &str); 2] =
    [("sandbox-1", "the first secret of a test"), ("sandbox-2", "the second secret of a test")];

static KEYS: LazyLock<ProviderKeys> = LazyLock::new(|| {
    let key = |(id, secret): (&str, &str)| {
        let secret = Secret::new(secret.as_bytes());
        let provider = crate::calls::provider();
        (id.to_owned(), ProviderKey { tenant: TenantId(1), provider, secret })
    };
    ProviderKeys::new(SECRETS.into_iter().map(key).collect())
});

/// What is signed, as `docs/protocol.md` says it.
fn sign(secret: &str, of: &Signed<'_>) -> Vec<u8> {
    let Signed { timestamp, method, path_and_query, idempotency_key, body } = of;
    let body = hex::encode(Sha256::digest(body));
    let text = ["v1", timestamp, method, path_and_query, idempotency_key, &body].join("\n");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn target(bytes: &[u8]) {
    let Some(message) = Message::cut(bytes) else { return };
    let header = |name: &str| message.header(name).unwrap_or_default();
    let now: i64 = header("Now").parse().unwrap_or(1_760_711_000_000);
    // The clock of a machine.
    let now = now.clamp(0, 253_402_300_799_999);
    let signed = Signed {
        timestamp: header("X-Palio-Timestamp"),
        method: message.word(0),
        path_and_query: message.word(1),
        idempotency_key: header("X-Idempotency-Key"),
        body: message.body,
    };
    let headers = SignatureHeaders {
        key: header("X-Palio-Key"),
        timestamp: signed.timestamp,
        signature: header("X-Palio-Signature"),
    };
    let allowed = |headers: &SignatureHeaders<'_>, signed: &Signed<'_>| {
        KEYS.authenticate(headers, signed, UnixMs(now)).map(|key| key.tenant)
    };
    assert_eq!(allowed(&headers, &signed), expected(&headers, &signed, now));

    let seconds = (now / 1_000).to_string();
    let fresh = Signed { timestamp: &seconds, ..signed };
    for (key, secret) in SECRETS {
        let signature = hex::encode(sign(secret, &fresh));
        assert_eq!(fresh.sign(secret.as_bytes()), signature);
        let headers = SignatureHeaders { key, timestamp: &seconds, signature: &signature };
        assert_eq!(allowed(&headers, &fresh), Ok(TenantId(1)));
        // The same signature in another time, or for another body, is none.
        let late = (now / 1_000 + 1).to_string();
        let headers = SignatureHeaders { timestamp: &late, ..headers };
        assert_eq!(allowed(&headers, &fresh), Err(AuthError::BadSignature));
    }
}

fn expected(
    headers: &SignatureHeaders<'_>,
    signed: &Signed<'_>,
    now: i64,
) -> Result<TenantId, AuthError> {
    let secret = SECRETS.iter().find(|(id, _)| *id == headers.key);
    let (_, secret) = secret.ok_or(AuthError::UnknownKey)?;
    let digits = headers.timestamp.chars().all(|c| c.is_ascii_digit());
    let at: i64 = headers.timestamp.parse().map_err(|_| AuthError::StaleTimestamp)?;
    if !digits || (i128::from(at) * 1_000 - i128::from(now)).abs() > 60_000 {
        return Err(AuthError::StaleTimestamp);
    }
    let right = hex::decode(headers.signature).is_ok_and(|given| given == sign(secret, signed));
    if right { Ok(TenantId(1)) } else { Err(AuthError::BadSignature) }
}
