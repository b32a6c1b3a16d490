//! What operators ask of a tournament's entries, results and payouts.

use crate::field::{FieldError, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest reason, in characters.
const REASON_LEN_MAX: usize = 500;
/// Players of one invitation.
const PLAYERS_MAX: usize = 1_000;

/// A reason, which every decision about players needs.
///
/// # Errors
/// `INVALID_FIELD`.
pub fn reason(text: &Text) -> Result<String, FieldError> {
    let reason = super::prose("reason", text.required("reason")?, REASON_LEN_MAX)?;
    if reason.is_empty() {
        Err(FieldError::invalid("reason", "must not be empty"))
    } else {
        Ok(reason)
    }
}

/// `POST /api/tournaments/{id}/invitations`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invite {
    /// The operator's own ids; at most 1,000.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["p_1"]))]
    pub players: Vec<Text>,
}

impl Invite {
    /// The ids.
    ///
    /// # Errors
    /// `INVALID_FIELD`, `TOO_MANY_ITEMS`.
    pub fn ids(&self) -> Result<Vec<&str>, FieldError> {
        if self.players.is_empty() {
            return Err(FieldError::invalid("players", "must name at least one"));
        }
        if self.players.len() > PLAYERS_MAX {
            return Err(super::too_many("players", PLAYERS_MAX));
        }
        let one = |(at, text): (usize, &Text)| -> Result<String, FieldError> {
            let name = format!("players[{at}]");
            Ok(text.required(&name)?.to_owned())
        };
        for entry in self.players.iter().enumerate() {
            one(entry)?;
        }
        Ok(self.players.iter().filter_map(|text| text.required("players").ok()).collect())
    }
}

/// `POST /api/tournaments/{id}/disqualifications`, `…/reviews`: a decision about a player.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Judge {
    /// The operator's own id; of a review without one, everybody's prizes.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "p_1")]
    pub player_id: Text,
    /// Taken back: reinstated, or let go.
    #[serde(default)]
    pub lift: bool,
    /// Why; 1–500 characters.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "two accounts")]
    pub reason: Text,
}

/// `POST /api/tournaments/{id}/results`: puts the result right.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Revise {
    /// Why; 1–500 characters.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "a game was voided")]
    pub reason: Text,
}

/// `POST /api/tournaments/{id}/payouts/{payoutId}`: what a person decides about a line.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecidePayout {
    /// `approve`, `retry`, `paid` or `ineligible`.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "approve")]
    pub action: Text,
    /// Of `paid` the reference, of `ineligible` the reason.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "bank 4711")]
    pub note: Text,
}

impl DecidePayout {
    /// The note, where one is needed.
    ///
    /// # Errors
    /// `INVALID_FIELD`.
    pub fn note(&self) -> Result<String, FieldError> {
        let note = super::prose("note", self.note.required("note")?, 128)?;
        if note.is_empty() {
            Err(FieldError::invalid("note", "must not be empty"))
        } else {
            Ok(note)
        }
    }
}

/// A line of a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PayoutView {
    /// Its name, also to payment services.
    #[schema(example = "1-friday-race-v1-0")]
    pub payout_id: String,
    /// Of which version of the result.
    pub version: u32,
    /// The operator's own id; missing when the player was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "p_1")]
    pub player_id: Option<String>,
    /// What, in words.
    #[schema(example = "50.00 EUR")]
    pub prize: String,
    /// It is taken back.
    pub back: bool,
    /// `waiting`, `needs_approval`, `processing`, `retry`, `manual`, `paid`, `ineligible`.
    #[schema(example = "paid")]
    pub state: String,
    /// Why it failed, or the payment service's reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Attempts at the payment service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Who has agreed, of lines that need two people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
}

/// Answer of `GET /api/tournaments/{id}/payouts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PayoutsResponse {
    /// By version and line, at most 200 from `offset` on.
    pub payouts: Vec<PayoutView>,
    /// All there are.
    pub count: usize,
}

/// Segments of one player: each of his results carries them.
const SEGMENTS_MAX: usize = 16;

/// A player's profile: part of `POST /api/players/{playerId}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetProfile {
    /// ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "DE")]
    pub country: Text,
    /// The operator's own words, 16 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["vip"]))]
    pub segments: Vec<Text>,
}

impl SetProfile {
    /// The profile.
    ///
    /// # Errors
    /// `INVALID_FIELD`, `TOO_MANY_ITEMS`.
    pub fn parse(&self) -> Result<palio_domain::wallet::contest::Profile, FieldError> {
        let country = match self.country.optional("country")? {
            Some(code) if code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) => {
                Some(code.into())
            }
            Some(_) => {
                return Err(FieldError::invalid("country", "must be such as \"DE\""));
            }
            None => None,
        };
        if self.segments.len() > SEGMENTS_MAX {
            return Err(super::too_many("segments", SEGMENTS_MAX));
        }
        let segments = super::contest::set("segments", &self.segments, 32)?;
        Ok(palio_domain::wallet::contest::Profile { country, segments })
    }
}
