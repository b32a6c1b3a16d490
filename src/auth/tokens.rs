//! Tokens of players and operators: JWTs, EdDSA (Ed25519) and nothing else.
//!
//! [`Issuer`] makes them and is on core nodes only; [`Verifier`] checks them with public keys, and
//! is all that an edge has (docs/adr/0023-tokens-by-ed25519.md).
//!
//! **Invariant:** what a token says of itself chooses among the known keys by name and nothing
//! else: neither the algorithm nor a key is ever taken from a token.

use super::keys::{PublicKey, SigningKey};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use palio_domain::{PlayerId, TenantId, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

const ISSUER: &str = "palio";
const AUDIENCE: &str = "palio";

/// What the holder of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Plays.
    Player,
    /// A game session: lets a provider name it, and nothing else.
    Session,
    /// Runs tournaments and serves players.
    Operator,
    /// An operator who may do everything.
    Admin,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The player's or operator's id outside.
    pub sub: String,
    tenant: u32,
    /// What he may do.
    pub role: Role,
    /// A number past 2⁵³ is not safe as a JSON number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    player: Option<String>,
    /// Session: its game and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<(String, String)>,
    iat: i64,
    exp: i64,
    iss: String,
    aud: String,
}

impl Claims {
    /// Whose brand.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        TenantId(self.tenant)
    }

    /// The player's number; `None` for operators.
    #[must_use]
    pub fn player(&self) -> Option<PlayerId> {
        self.player.as_ref().and_then(|number| number.parse().ok()).map(PlayerId)
    }

    /// Of a session: its game and number.
    #[must_use]
    pub fn session(&self) -> Option<(&str, u64)> {
        let (game, number) = self.session.as_ref()?;
        Some((game, number.parse().ok()?))
    }

    /// When the token was made.
    #[must_use]
    pub const fn issued(&self) -> UnixMs {
        UnixMs(self.iat.saturating_mul(1_000))
    }

    /// When the token ends.
    #[must_use]
    pub const fn expires(&self) -> UnixMs {
        UnixMs(self.exp.saturating_mul(1_000))
    }
}

/// What a session's token says.
#[derive(Debug, Clone, Copy)]
pub struct SessionClaims<'a> {
    /// Whose brand.
    pub tenant: TenantId,
    /// The player's id outside.
    pub subject: &'a str,
    /// The player.
    pub player: PlayerId,
    /// The game.
    pub game: &'a str,
    /// The session's number.
    pub number: u64,
    /// When it was opened.
    pub opened: UnixMs,
    /// When it ends.
    pub expires: UnixMs,
}

/// Why a token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this server, or changed.
    #[error("the token is not one of this server's")]
    Invalid,
    /// For another use.
    #[error("the token was made for something else")]
    WrongAudience,
    /// Over.
    #[error("the token has expired")]
    Expired,
    /// The token can't be made; never happens with a key that was read.
    #[error("the token can't be made")]
    NotMade,
}

/// Checks tokens, by the public keys it knows.
pub struct Verifier {
    keys: BTreeMap<String, DecodingKey>,
    validation: Validation,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verifier").field(&self.keys.keys()).finish()
    }
}

impl Verifier {
    /// With keys whose tokens are taken, side by side: the present one, and while keys are being
    /// changed the one before or after it.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The library would ask the machine's clock; `verify` compares with the time passed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.leeway = 0;
        let keys = keys.into_iter().map(|key| (key.kid(), DecodingKey::from_ed_der(key.bytes())));
        Self { keys: keys.collect(), validation }
    }

    /// What a token says, if it is one of ours and good at `now`, to the millisecond.
    ///
    /// # Errors
    /// [`TokenError`]; whether a foreign token has expired is not told.
    pub fn verify(&self, token: &str, now: UnixMs) -> Result<Claims, TokenError> {
        let claims = self.read(token)?;
        if now >= claims.expires() { Err(TokenError::Expired) } else { Ok(claims) }
    }

    /// What a token says, if it is one of ours, over or not: for calls whose answer to one that
    /// is over the wallet gives, in its own order (money-cases.md, 16).
    ///
    /// # Errors
    /// [`TokenError`], but never [`TokenError::Expired`].
    pub fn read(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        // Nothing is understood that a token may call critical (RFC 7515, 4.1.11).
        if header.alg != Algorithm::EdDSA || header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let key = header.kid.and_then(|kid| self.keys.get(&kid)).ok_or(TokenError::Invalid)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidAudience | ErrorKind::InvalidIssuer => TokenError::WrongAudience,
                _ => TokenError::Invalid,
            })?
            .claims;
        let player = matches!(claims.role, Role::Player | Role::Session)
            == claims.player().is_some()
            && (claims.role == Role::Session) == claims.session().is_some();
        if player { Ok(claims) } else { Err(TokenError::Invalid) }
    }
}

/// Makes tokens, and checks them.
pub struct Issuer {
    signing: EncodingKey,
    header: Header,
    verifier: Arc<Verifier>,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Issuer").field(&self.header.kid).finish()
    }
}

impl Issuer {
    /// Signs with `key`; takes tokens of it and of `others`.
    #[must_use]
    pub fn new(key: &SigningKey, others: &[PublicKey]) -> Self {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.public().kid());
        let keys = others.iter().copied().chain([key.public()]);
        Self {
            signing: EncodingKey::from_ed_der(key.expose()),
            header,
            verifier: Arc::new(Verifier::new(keys)),
        }
    }

    /// What checks tokens.
    #[must_use]
    pub const fn verifier(&self) -> &Arc<Verifier> {
        &self.verifier
    }

    /// Makes a token that is good for `ttl_ms` from `now`, rounded up to a whole second.
    ///
    /// # Errors
    /// [`TokenError::NotMade`], which does not happen with a key that was read.
    pub fn issue(
        &self,
        role: Role,
        tenant: TenantId,
        subject: &str,
        player: Option<PlayerId>,
        ttl_ms: i64,
        now: UnixMs,
    ) -> Result<String, TokenError> {
        self.sign(&Claims {
            sub: subject.to_owned(),
            tenant: tenant.0,
            role,
            player: player.map(|player| player.0.to_string()),
            session: None,
            iat: now.0.div_euclid(1_000),
            exp: now.plus_ms(ttl_ms).plus_ms(999).0.div_euclid(1_000),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
        })
    }

    /// Makes the token of a session. The wallet, not the token, says when the session is over.
    ///
    /// # Errors
    /// [`TokenError::NotMade`], which does not happen with a key that was read.
    pub fn issue_session(&self, of: &SessionClaims<'_>) -> Result<String, TokenError> {
        let day_ms = 24 * 60 * 60 * 1_000;
        self.sign(&Claims {
            sub: of.subject.to_owned(),
            tenant: of.tenant.0,
            role: Role::Session,
            player: Some(of.player.0.to_string()),
            session: Some((of.game.to_owned(), of.number.to_string())),
            iat: of.opened.0.div_euclid(1_000),
            exp: of.expires.plus_ms(day_ms).0.div_euclid(1_000),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
        })
    }

    fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        jsonwebtoken::encode(&self.header, claims, &self.signing).map_err(|_| TokenError::NotMade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::{hmac, signature::Ed25519KeyPair};
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use serde_json::{Value, json};

    const NOW: UnixMs = UnixMs(1_760_711_000_000);
    const MINUTE_MS: i64 = 60_000;

    fn key() -> SigningKey {
        SigningKey::parse(SigningKey::made_pem().unwrap().as_bytes()).unwrap()
    }

    fn player_token(issuer: &Issuer) -> String {
        let player = Some(PlayerId(u64::MAX >> 1));
        issuer.issue(Role::Player, TenantId(7), "p_1", player, MINUTE_MS, NOW).unwrap()
    }

    fn operator_claims() -> Value {
        json!({"sub": "x", "tenant": 1, "role": "operator", "iat": 1, "exp": 1_760_711_060,
            "iss": "palio", "aud": "palio"})
    }

    #[test]
    fn a_token_says_what_it_was_made_with_until_it_ends() {
        let issuer = Issuer::new(&key(), &[]);
        let (token, checks) = (player_token(&issuer), issuer.verifier());
        let claims = checks.verify(&token, NOW).unwrap();
        assert_eq!((claims.sub.as_str(), claims.tenant()), ("p_1", TenantId(7)));
        assert_eq!((claims.role, claims.player()), (Role::Player, Some(PlayerId(u64::MAX >> 1))));
        assert_eq!((claims.issued(), claims.expires()), (NOW, NOW.plus_ms(MINUTE_MS)));
        assert!(checks.verify(&token, NOW.plus_ms(MINUTE_MS - 1)).is_ok());
        assert_eq!(checks.verify(&token, NOW.plus_ms(MINUTE_MS)), Err(TokenError::Expired));
        assert_eq!(checks.read(&token), Ok(claims));
    }

    #[test]
    fn keys_are_changed_without_a_gap() {
        let (old, new, foreign) = (key(), key(), key());
        let before = Issuer::new(&old, &[new.public()]);
        let during = Issuer::new(&new, &[old.public()]);
        let after = Issuer::new(&new, &[]);
        let edge = Verifier::new([old.public(), new.public()]);
        let (of_old, of_new) = (player_token(&before), player_token(&after));
        // (who checks, tokens of the old key, tokens of the new one)
        let rows = [
            (before.verifier().as_ref(), true, true),
            (during.verifier().as_ref(), true, true),
            (&edge, true, true),
            (after.verifier().as_ref(), false, true),
            (&Verifier::new([old.public()]), true, false),
            (&Verifier::new([foreign.public()]), false, false),
            (&Verifier::new([]), false, false),
        ];
        for (checks, takes_old, takes_new) in rows {
            assert_eq!(checks.verify(&of_old, NOW).is_ok(), takes_old, "{checks:?}");
            assert_eq!(checks.verify(&of_new, NOW).is_ok(), takes_new, "{checks:?}");
        }
        assert_eq!(after.verifier().read(&of_old), Err(TokenError::Invalid));
    }

    /// Signed in every way that a library, or an edge that was taken over, could be made to sign.
    #[test]
    fn no_other_algorithm_and_no_other_key_makes_a_token() {
        let (mine, other, foreign) = (key(), key(), key());
        let checks = Verifier::new([mine.public(), other.public()]);
        let (kid, of_other) = (mine.public().kid(), other.public().kid());
        let (public, pem) = (mine.public(), mine.public().made_pem());
        let der = STANDARD.decode(pem.lines().nth(2).unwrap()).unwrap();
        let sign = |header: &Value, with: With<'_>| signed(header, &operator_claims(), with);
        let named = |alg: &str, kid: &str| json!({"alg": alg, "typ": "JWT", "kid": kid});
        let ed = |kid: &str| named("EdDSA", kid);
        let x = URL_SAFE_NO_PAD.encode(foreign.public().bytes());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        let bearing = json!({"alg": "EdDSA", "kid": kid, "jwk": jwk});
        let elsewhere = json!({"alg": "EdDSA", "kid": kid, "jku": "http://evil.example/keys"});
        let critical = json!({"alg": "EdDSA", "kid": kid, "crit": ["exp"]});
        assert!(checks.verify(&sign(&ed(&kid), With::Key(&mine)), NOW).is_ok());
        assert!(checks.verify(&sign(&ed(&of_other), With::Key(&other)), NOW).is_ok());
        let rows = [
            ("HS256, the public key", named("HS256", &kid), With::Mac(public.bytes())),
            ("HS256, its DER", named("HS256", &kid), With::Mac(&der)),
            ("HS256, its PEM", named("HS256", &kid), With::Mac(pem.as_bytes())),
            ("HS256, its name", named("HS256", &kid), With::Mac(kid.as_bytes())),
            ("HS256 without a name", json!({"alg": "HS256"}), With::Mac(public.bytes())),
            ("HS256 called EdDSA", ed(&kid), With::Mac(public.bytes())),
            ("none", named("none", &kid), With::Nothing),
            ("None", named("None", &kid), With::Nothing),
            ("none, and signed", named("none", &kid), With::Key(&mine)),
            ("nothing called EdDSA", ed(&kid), With::Nothing),
            ("good, but called HS256", named("HS256", &kid), With::Key(&mine)),
            ("good, but called ES256", named("ES256", &kid), With::Key(&mine)),
            ("good, but called RS256", named("RS256", &kid), With::Key(&mine)),
            ("good, without an algorithm", json!({"kid": kid}), With::Key(&mine)),
            ("good, without a name", json!({"alg": "EdDSA"}), With::Key(&mine)),
            ("good, under no name", ed(""), With::Key(&mine)),
            ("good, under a path", ed("../../dev/null"), With::Key(&mine)),
            ("good, under the other's name", ed(&of_other), With::Key(&mine)),
            ("the other's, under this name", ed(&kid), With::Key(&other)),
            ("a foreign key's own name", ed(&foreign.public().kid()), With::Key(&foreign)),
            ("a foreign key's, under this name", ed(&kid), With::Key(&foreign)),
            ("a foreign key in the token", bearing, With::Key(&foreign)),
            ("a foreign key's address in it", elsewhere, With::Key(&foreign)),
            ("something critical", critical, With::Key(&mine)),
        ];
        for (what, header, with) in rows {
            let verdict = checks.verify(&sign(&header, with), NOW);
            assert_eq!(verdict, Err(TokenError::Invalid), "{what}");
        }
    }

    #[test]
    fn changed_tokens_are_refused() {
        let issuer = Issuer::new(&key(), &[]);
        let token = player_token(&issuer);
        let parts: Vec<_> = token.split('.').collect();
        let claims = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        let admin = String::from_utf8(claims).unwrap().replace("player\"", "admin\"");
        let admin = URL_SAFE_NO_PAD.encode(admin);
        let forged = [
            format!("{}.{admin}.{}", parts[0], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{token}A"),
            String::new(),
            "a.b.c".to_owned(),
        ];
        for token in forged {
            assert_eq!(issuer.verifier().verify(&token, NOW), Err(TokenError::Invalid), "{token}");
        }
    }

    #[test]
    fn tokens_for_something_else_are_refused() {
        let key = key();
        let checks = Verifier::new([key.public()]);
        let header = json!({"alg": "EdDSA", "kid": key.public().kid()});
        let verdict = |name: &str, value: Value| {
            let mut claims = operator_claims();
            claims[name] = value;
            checks.verify(&signed(&header, &claims, With::Key(&key)), NOW).map(|_| ())
        };
        assert_eq!(verdict("sub", json!("y")), Ok(()));
        assert_eq!(verdict("aud", json!("other")), Err(TokenError::WrongAudience));
        assert_eq!(verdict("iss", json!("other")), Err(TokenError::WrongAudience));
        assert_eq!(verdict("role", json!("player")), Err(TokenError::Invalid));
        assert_eq!(verdict("player", json!("7")), Err(TokenError::Invalid));
        assert_eq!(verdict("role", json!("root")), Err(TokenError::Invalid));
        assert_eq!(verdict("exp", json!(0)), Err(TokenError::Expired));
    }

    enum With<'a> {
        Key(&'a SigningKey),
        Mac(&'a [u8]),
        Nothing,
    }

    /// By hand: the library would not sign most of these.
    fn signed(header: &Value, claims: &Value, with: With<'_>) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let content = format!("{}.{}", part(header), part(claims));
        let signature = match with {
            With::Key(key) => {
                let pair = Ed25519KeyPair::from_pkcs8(key.expose()).unwrap();
                pair.sign(content.as_bytes()).as_ref().to_vec()
            }
            With::Mac(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, content.as_bytes()).as_ref().to_vec()
            }
            With::Nothing => Vec::new(),
        };
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
