//! Tokens of players, operators and sessions. The first word is `token` (the text after the empty
//! line is one) or `claims` (it is what a token says, and is signed here; a header `Header` is the
//! token's own); a header `Now` is the clock in milliseconds.
//!
//! **Property:** of foreign texts only those are taken that were made with the key, byte for byte;
//! of signed ones only HS256 with Palio's issuer and audience, before their end, with a player
//! and a session exactly where the role has them.

use crate::support::Message;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use palio::auth::{Issuer, Role, SessionClaims};
use palio::config::Secret;
use palio_domain::{PlayerId, TenantId, UnixMs};
use serde_json::Value;
use sha2::Sha256;
use std::sync::LazyLock;

pub(super) const WORDS: &[&str] = &[
    "token",
    "claims",
    "Header",
    "Now",
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
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9",
];

const SECRET: &[u8] = b"a secret of the fuzzer, 32 bytes or more";
const NOW: UnixMs = UnixMs(1_760_711_000_000);
const MINUTE_MS: i64 = 60_000;

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| Issuer::new(&Secret::new(SECRET)));

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
            if let Ok(claims) = ISSUER.verify(token, now) {
                assert!(MADE.iter().any(|made| made == token), "a token nobody made");
                assert!(now < claims.expires());
            }
        }
        "claims" => {
            let header = message.header("Header").unwrap_or(r#"{"typ":"JWT","alg":"HS256"}"#);
            signed(header, message.body, now);
        }
        _ => {}
    }
}

fn signed(header: &str, claims: &[u8], now: UnixMs) {
    let content =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("any length");
    mac.update(content.as_bytes());
    let token = format!("{content}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    let Ok(read) = ISSUER.verify(&token, now) else { return };
    let of = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap_or_default();
    assert_eq!(of(header.as_bytes()).pointer("/alg"), Some(&Value::from("HS256")));
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
