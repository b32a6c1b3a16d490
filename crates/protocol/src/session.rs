//! Game sessions: opened by the operator, named by the provider (requirement G2).

use crate::ErrorCode;
use crate::field::{self, FieldError, Text};
use crate::signature::IDEMPOTENCY_HEADER;
use crate::wallet::Part;
use palio_domain::wallet::Command;
use palio_domain::{Currency, GameId, ProviderId, UnixMs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /api/players/{playerId}/sessions`: opens a session on a game.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenSession {
    /// The session's own id; names the request when there is no header.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "s_12")]
    pub session_id: Text,
    /// The game.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "evo_blackjack_23")]
    pub game_id: Text,
    /// The session's currency.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "EUR")]
    pub currency: Text,
    /// When it ends.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "2026-11-21T23:00:00.000Z")]
    pub expires_at: Text,
    /// Whose game it is: only this provider's bets can use the session, and none is opened while
    /// it takes no new ones. May be missing where the tenant has one provider only.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "sandbox")]
    pub provider: Text,
    /// Where the player is: two capital letters (ISO 3166); needed where countries are blocked.
    /// Checked and not kept.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "DE")]
    pub country: Text,
    /// Needed where there is a smallest age. Checked and not kept.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "1990-04-30")]
    pub birth_date: Text,
}

/// What a tenant asks of whoever opens a session (requirement G2).
#[derive(Debug, Clone, Default)]
pub struct SessionRules {
    /// Currencies offered; empty: all.
    pub currencies: Vec<Currency>,
    /// Countries that can't play.
    pub countries_blocked: Vec<String>,
    /// Smallest age in years; 0: not asked.
    pub age_min: u32,
}

impl SessionRules {
    /// Whether the tenant offers a currency.
    #[must_use]
    pub fn offers(&self, currency: Currency) -> bool {
        self.currencies.is_empty() || self.currencies.contains(&currency)
    }
}

impl OpenSession {
    /// Checks country, age and currency.
    ///
    /// # Errors
    /// `SESSION_REFUSED` or `INVALID_FIELD`, naming the field.
    pub fn check(&self, rules: &SessionRules, now: UnixMs) -> Result<(), FieldError> {
        let refused = |field, why| Err(FieldError::new(ErrorCode::SessionRefused, field, why));
        if !rules.offers(field::currency(&self.currency)?) {
            return refused("currency", "is not offered here");
        }
        if !rules.countries_blocked.is_empty() {
            let country = self.country.required("country")?;
            if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
                return Err(FieldError::invalid("country", "must be two capital letters"));
            }
            if rules.countries_blocked.iter().any(|blocked| blocked == country) {
                return refused("country", "is one whose players can't play here");
            }
        }
        if rules.age_min > 0 {
            let text = self.birth_date.required("birthDate")?;
            let wrong = || FieldError::invalid("birthDate", "must be a date such as 1990-04-30");
            let age = crate::time::age(text, now).ok_or_else(wrong)?;
            if age < rules.age_min {
                return refused("birthDate", "makes the player too young");
            }
        }
        Ok(())
    }

    /// The provider, if it is named.
    ///
    /// # Errors
    /// `INVALID_FIELD` when it is not an id.
    pub fn provider(&self) -> Result<Option<ProviderId>, FieldError> {
        let named = !self.provider.is_missing();
        named.then(|| field::provider(&self.provider)).transpose()
    }

    /// The command. `player` is the path's; `key` is the header's, else `sessionId` counts.
    /// `provider` is whose game it is, and `away` whether it takes no new sessions.
    ///
    /// # Errors
    /// As [`Deposit::into_command`].
    pub fn into_command(
        self,
        player: &str,
        key: Option<&str>,
        provider: ProviderId,
        away: bool,
    ) -> Result<Part, FieldError> {
        let player = field::parse_player(player)?.to_owned();
        let session = field::key_optional("sessionId", &self.session_id)?;
        let key = match key {
            Some(key) => field::parse_key(IDEMPOTENCY_HEADER, key)?.to_owned(),
            None => session.ok_or_else(|| {
                FieldError::invalid(IDEMPOTENCY_HEADER, "or sessionId is required")
            })?,
        };
        let game: GameId = field::game("gameId", &self.game_id)?;
        let currency = field::currency(&self.currency)?;
        let expires = field::time_required("expiresAt", &self.expires_at)?;
        let provider = Some(provider);
        let command = Command::OpenSession { provider, game, currency, expires, away };
        Ok(Part::new(player, key, command))
    }
}

/// `POST /wallet/session`, `POST /wallet/session/end`: a provider names a session by its token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionToken {
    /// The token from the launch of the game.
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    pub session_token: Text,
}

/// Answer of `POST /wallet/session`: the handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionResponse {
    /// Who plays.
    #[schema(example = "p_1")]
    pub player_id: String,
    /// On which game.
    #[schema(example = "lucky_wheel")]
    pub game_id: String,
    /// In which currency.
    #[schema(example = "EUR")]
    pub currency: String,
    /// What he can bet with.
    #[schema(example = "90.00")]
    pub balance: String,
    /// When the session ends.
    #[schema(example = "2026-11-21T23:00:00.000Z")]
    pub expires_at: String,
}
