//! Tokens of players, operators and sessions. The first word is `token` (the text after the empty
//! line is one) or `claims` (it is what a token says, and is signed here; a header `Header` is the
//! token's own, `Key: mac` signs with HMAC and the public key's bytes instead); a header `Now` is
//! the clock in milliseconds.
//!
//! **Property:** of foreign texts only those are taken that were made with the key, byte for byte;
//! of signed ones only EdDSA under the key's own name, with Palio's issuer and audience, before
//! their end, with a player and a session exactly where the role has them; of HMAC's none.

use crate::support::Message;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use palio::auth::{Issuer, Role, SessionClaims, SigningKey, TokenError};
use palio_domain::{PlayerId, TenantId, UnixMs};
use serde_json::Value;
use sha2::Sha256;
use std::sync::LazyLock;

pub(super) const WORDS: &[&str] = &[
    "token",
    "claims",
    "Header",
    "Now",
    "Key",
    "mac",
    "EdDSA",
    "HS256",
    "HS384",
    "none",
    "RS256",
    "alg",
    "typ",
    "crit",
    "kid",
    "jwk",
    "sub",
    "tenant",
    "role",
    "player",
    "session",
    "operator",
    "admin",
    "iat",
    "exp",
    "nbf",
    "iss",
    "aud",
    "palio",
    "1760711060",
    "3YZxBJ12jO3n_mXt_q-j_Z-TFP1vt-NiI3OCf-fEnHQ",
];

/// Of RFC 8410, 10.3.
const KEY: &str = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
const NOW: UnixMs = UnixMs(1_760_711_000_000);
const MINUTE_MS: i64 = 60_000;

static SIGNING: LazyLock<SigningKey> = LazyLock::new(|| {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n");
    SigningKey::parse(pem.as_bytes()).expect("a key")
});

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::new(&SIGNING, &[]));

/// The same key, to sign what the issuer would not.
static PAIR: LazyLock<Ed25519KeyPair> = LazyLock::new(|| {
    Ed25519KeyPair::from_pkcs8(&STANDARD.decode(KEY).expect("base64")).expect("a key")
});

/// Every token that was ever made.
static MADE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let session = SessionClaims {
        tenant: TenantId(1),
        subject: "p_1",
        player: PlayerId(7),
        game: "lucky_wheel",
        number: 3,
        opened: NOW,
        expires: NOW.plus_ms(MINUTE_MS),
    };
    let make = |role, player| ISSUER.issue(role, TenantId(1), "p_1", player, MINUTE_MS, NOW);
    [
        make(Role::Player, Some(PlayerId(u64::MAX >> 1))),
        make(Role::Operator, None),
        make(Role::Admin, None),
        ISSUER.issue_session(&session),
    ]
    .into_iter()
    .map(|token| token.expect("a token is made"))
    .collect()
});

pub(super) fn target(bytes: &[u8]) {
    let Some(message) = Message::cut(bytes) else { return };
    let now = message.header("Now").and_then(|now| now.parse().ok()).map_or(NOW, UnixMs);
    match message.word(0) {
        "token" => {
            let Ok(token) = std::str::from_utf8(message.body) else { return };
            if let Ok(claims) = ISSUER.verifier().verify(token, now) {
                assert!(MADE.iter().any(|made| made == token), "a token nobody made");
                assert!(now < claims.expires());
            }
        }
        "claims" => {
            let kid = SIGNING.public().kid();
            let own = format!(r#"{{"typ":"JWT","alg":"EdDSA","kid":"{kid}"}}"#);
            let header = message.header("Header").unwrap_or(&own);
            signed(header, message.body, message.header("Key") == Some("mac"), now);
        }
        _ => {}
    }
}

fn signed(header: &str, claims: &[u8], with_mac: bool, now: UnixMs) {
    let content =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    if with_mac {
        let public = SIGNING.public();
        let mut mac = Hmac::<Sha256>::new_from_slice(public.bytes()).expect("any length");
        mac.update(content.as_bytes());
        let token = format!("{content}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        assert_eq!(ISSUER.verifier().verify(&token, now), Err(TokenError::Invalid), "{header}");
        return;
    }
    let signature = URL_SAFE_NO_PAD.encode(PAIR.sign(content.as_bytes()));
    let Ok(read) = ISSUER.verifier().verify(&format!("{content}.{signature}"), now) else { return };
    let of = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap_or_default();
    let header = of(header.as_bytes());
    assert_eq!(header.pointer("/alg"), Some(&Value::from("EdDSA")));
    assert_eq!(header.pointer("/kid"), Some(&Value::from(SIGNING.public().kid())));
    assert!(header.pointer("/crit").is_none_or(Value::is_null), "{header}");
    let said = of(claims);
    let text = |name: &str| said.pointer(name).and_then(Value::as_str);
    assert_eq!((text("/iss"), text("/aud")), (Some("palio"), Some("palio")));
    assert_eq!(text("/sub"), Some(read.sub.as_str()));
    let exp = said.pointer("/exp").and_then(Value::as_i64).expect("an end");
    assert!(i128::from(exp) * 1_000 > i128::from(now.0), "{exp} is over at {now:?}");
    assert_eq!(Some(u64::from(read.tenant().0)), said.pointer("/tenant").and_then(Value::as_u64));
    let has_player = matches!(read.role, Role::Player | Role::Session);
    assert_eq!(has_player, read.player().is_some());
    assert_eq!(read.role == Role::Session, read.session().is_some());
    assert!(read.expires() > now);
}
