//! Tokens of players and operators: JWTs, HS256 and nothing else.

use crate::config::Secret;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use palio_domain::{PlayerId, TenantId, UnixMs};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// The token can't be made; never happens with HS256.
    #[error("the token can't be made")]
    NotMade,
}

/// Makes and checks tokens.
pub struct Issuer {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Issuer(…)")
    }
}

impl Issuer {
    /// With the secret from [`crate::config::Secrets`].
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The library would ask the machine's clock; `verify` compares with the time passed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.leeway = 0;
        Self {
            signing: EncodingKey::from_secret(secret.expose()),
            checking: DecodingKey::from_secret(secret.expose()),
            validation,
        }
    }

    /// Makes a token that is good for `ttl_ms` from `now`, rounded up to a whole second.
    ///
    /// # Errors
    /// [`TokenError::NotMade`], which does not happen with HS256.
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
    /// [`TokenError::NotMade`], which does not happen with HS256.
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
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.signing)
            .map_err(|_| TokenError::NotMade)
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
        let claims = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation)
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

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    const NOW: UnixMs = UnixMs(1_760_711_000_000);
    const MINUTE_MS: i64 = 60_000;

    fn issuer() -> Issuer {
        Issuer::new(&Secret::new(b"a secret of the tests, 32 bytes!".as_slice()))
    }

    fn player_token() -> String {
        let player = Some(PlayerId(u64::MAX >> 1));
        issuer().issue(Role::Player, TenantId(7), "p_1", player, MINUTE_MS, NOW).unwrap()
    }

    #[test]
    fn a_token_says_what_it_was_made_with_until_it_ends() {
        let token = player_token();
        let claims = issuer().verify(&token, NOW).unwrap();
        assert_eq!((claims.sub.as_str(), claims.tenant()), ("p_1", TenantId(7)));
        assert_eq!((claims.role, claims.player()), (Role::Player, Some(PlayerId(u64::MAX >> 1))));
        assert_eq!((claims.issued(), claims.expires()), (NOW, NOW.plus_ms(MINUTE_MS)));
        assert!(issuer().verify(&token, NOW.plus_ms(MINUTE_MS - 1)).is_ok());
        assert_eq!(issuer().verify(&token, NOW.plus_ms(MINUTE_MS)), Err(TokenError::Expired));
        assert_eq!(issuer().read(&token), Ok(claims));
    }

    #[test]
    fn foreign_and_changed_tokens_are_refused() {
        let token = player_token();
        let other = Issuer::new(&Secret::new(b"another secret, of other servers".as_slice()));
        assert_eq!(other.verify(&token, NOW), Err(TokenError::Invalid));
        assert_eq!(other.read(&token), Err(TokenError::Invalid));
        let parts: Vec<_> = token.split('.').collect();
        let claims = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
        let admin = String::from_utf8(claims).unwrap().replace("player\"", "admin\"");
        let admin = URL_SAFE_NO_PAD.encode(admin);
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let long = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS512","typ":"JWT"}"#);
        let forged = [
            format!("{}.{admin}.{}", parts[0], parts[2]),
            format!("{none}.{}.", parts[1]),
            format!("{none}.{}.{}", parts[1], parts[2]),
            format!("{long}.{}.{}", parts[1], parts[2]),
            String::new(),
            "a.b.c".to_owned(),
        ];
        for token in forged {
            assert_eq!(issuer().verify(&token, NOW), Err(TokenError::Invalid), "{token}");
        }
    }

    #[test]
    fn tokens_for_something_else_are_refused() {
        let sign = |claims: serde_json::Value, algorithm| {
            jsonwebtoken::encode(&Header::new(algorithm), &claims, &issuer().signing).unwrap()
        };
        let claims = |key: &str, value: serde_json::Value| {
            let mut claims = json!({"sub": "x", "tenant": 1, "role": "operator", "iat": 1,
                "exp": 1_760_711_060, "iss": "palio", "aud": "palio"});
            claims[key] = value;
            claims
        };
        let verdict = |claims| issuer().verify(&sign(claims, Algorithm::HS256), NOW).map(|_| ());
        assert_eq!(verdict(claims("sub", json!("y"))), Ok(()));
        assert_eq!(verdict(claims("aud", json!("other"))), Err(TokenError::WrongAudience));
        assert_eq!(verdict(claims("iss", json!("other"))), Err(TokenError::WrongAudience));
        assert_eq!(verdict(claims("role", json!("player"))), Err(TokenError::Invalid));
        assert_eq!(verdict(claims("player", json!("7"))), Err(TokenError::Invalid));
        assert_eq!(verdict(claims("role", json!("root"))), Err(TokenError::Invalid));
        assert_eq!(verdict(claims("exp", json!(0))), Err(TokenError::Expired));
        let long = sign(claims("sub", json!("y")), Algorithm::HS512);
        assert_eq!(issuer().verify(&long, NOW), Err(TokenError::Invalid));
    }
}
