//! Short-lived JWTs (HS256) of players and operators.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use palio_domain::{PlayerId, TenantId, UnixMs};
use serde::{Deserialize, Serialize};

/// What a token's bearer may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Own data and own entries.
    Player,
    /// Tournaments, deposits, sessions.
    Operator,
    /// Everything.
    Admin,
}

/// What a token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Whose brand.
    tenant: u32,
    /// Outside id of the player, or the operator's name.
    pub sub: String,
    /// What the bearer may do.
    pub role: Role,
    /// The player's number, as text: JSON numbers are not exact to 64 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    player: Option<String>,
    iss: String,
    iat: i64,
    exp: i64,
}

impl Claims {
    /// Whose brand.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        TenantId(self.tenant)
    }

    /// The player's number.
    #[must_use]
    pub fn player(&self) -> Option<PlayerId> {
        self.player.as_ref()?.parse().ok().map(PlayerId)
    }

    /// When the token ends.
    #[must_use]
    pub const fn expires(&self) -> UnixMs {
        UnixMs(self.exp.saturating_mul(1000))
    }
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not one of ours.
    #[error("the token is not valid")]
    Invalid,
    /// Too old.
    #[error("the token has expired")]
    Expired,
    /// It can't be made.
    #[error("the token can't be made")]
    NotMade,
}

const ISSUER: &str = "palio";

/// Makes and checks tokens.
pub struct Issuer {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl Issuer {
    /// With a secret of at least 32 bytes.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
        }
    }

    /// A token that lasts `ttl_ms` milliseconds.
    ///
    /// # Errors
    /// [`TokenError::NotMade`].
    pub fn issue(
        &self,
        role: Role,
        tenant: TenantId,
        subject: &str,
        player: Option<PlayerId>,
        ttl_ms: i64,
        now: UnixMs,
    ) -> Result<String, TokenError> {
        let claims = Claims {
            tenant: tenant.0,
            sub: subject.to_owned(),
            role,
            player: player.map(|player| player.0.to_string()),
            iss: ISSUER.to_owned(),
            iat: now.0 / 1000,
            exp: now.plus_ms(ttl_ms).0 / 1000,
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|_| TokenError::NotMade)
    }

    /// What a token says, if it is good now. The algorithm is fixed, whatever the header says.
    ///
    /// # Errors
    /// [`TokenError::Invalid`], [`TokenError::Expired`].
    pub fn verify(&self, token: &str, now: UnixMs) -> Result<Claims, TokenError> {
        let mut validation = Validation::new(Algorithm::HS256);
        // Time is ours to pass in.
        validation.validate_exp = false;
        validation.set_issuer(&[ISSUER]);
        let claims = decode::<Claims>(token, &self.decoding, &validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        if claims.expires() <= now { Err(TokenError::Expired) } else { Ok(claims) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_end_and_do_not_cross_secrets() {
        let issuer = Issuer::new(&[1; 32]);
        let now = UnixMs(1_000_000);
        let player = Some(PlayerId(u64::MAX >> 1));
        let token = issuer.issue(Role::Player, TenantId(3), "p_1", player, 60_000, now).unwrap();
        let claims = issuer.verify(&token, now).unwrap();
        assert_eq!(
            (claims.tenant(), claims.player(), claims.role),
            (TenantId(3), player, Role::Player)
        );
        assert_eq!(issuer.verify(&token, now.plus_ms(60_000)).unwrap_err(), TokenError::Expired);
        let other = Issuer::new(&[2; 32]);
        assert_eq!(other.verify(&token, now).unwrap_err(), TokenError::Invalid);
        // {"alg":"none"}
        let none = format!("eyJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).unwrap());
        assert_eq!(issuer.verify(&none, now).unwrap_err(), TokenError::Invalid);
    }
}
