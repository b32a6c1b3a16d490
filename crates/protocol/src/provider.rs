//! Providers as operators see them, and how they set a provider's state.

use crate::field::{FieldError, Text};
use palio_domain::provider::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /api/providers/{providerId}/state`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetProviderState {
    /// `active`, `maintenance` or `off`.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "maintenance")]
    pub state: Text,
    /// Why; 1–500 characters, kept for ever.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "wrong results in wheel")]
    pub reason: Text,
}

impl SetProviderState {
    /// State and reason.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn parse(&self) -> Result<(State, String), FieldError> {
        let state = match self.state.required("state")? {
            "active" => State::Active,
            "maintenance" => State::Maintenance,
            "off" => State::Off,
            _ => {
                return Err(FieldError::invalid("state", "must be active, maintenance or off"));
            }
        };
        let reason = self.reason.required("reason")?;
        if !(1..=palio_domain::provider::REASON_CHARS_MAX).contains(&reason.chars().count()) {
            return Err(FieldError::invalid("reason", "must have 1 to 500 characters"));
        }
        Ok((state, reason.to_owned()))
    }
}

/// A provider's circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Breaker {
    /// `closed`, `half_open` or `open`.
    #[schema(example = "closed")]
    pub state: String,
    /// Calls that it looks at now.
    pub calls: u32,
    /// Of these, failed or too late.
    pub failed: u32,
}

/// What a provider says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Whether it is taken to be well.
    pub well: bool,
    /// Questions in a row without a good answer.
    pub failed_in_a_row: u32,
    /// When it was last asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<String>,
}

/// A provider's calls since this process started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// Done, now or before.
    pub ok: u64,
    /// Refused by the rules.
    pub refused: u64,
    /// Failed in the server.
    pub failed: u64,
    /// Answered after the provider's time-out.
    pub late: u64,
    /// Bets turned away while it took none.
    pub away: u64,
}

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Provider {
    /// Its id.
    #[schema(example = "sandbox")]
    pub id: String,
    /// What it speaks.
    #[schema(example = "palio")]
    pub dialect: String,
    /// What an operator set: `active`, `maintenance` or `off`.
    #[schema(example = "active")]
    pub state: String,
    /// What its bets meet: the same, or `maintenance` while the breaker is open.
    #[schema(example = "active")]
    pub effective: String,
    /// Why an operator set it so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Which operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Its circuit breaker.
    pub breaker: Breaker,
    /// What it says of itself, if it is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Its calls since this process started.
    pub calls: Calls,
}

/// Answer of `GET /api/providers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProvidersResponse {
    /// By id.
    pub providers: Vec<Provider>,
}
