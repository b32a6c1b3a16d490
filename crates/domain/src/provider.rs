//! A provider's state as operators set it, journalled in its home slot with who did it and why.
//!
//! ```text
//! active ◀──▶ maintenance ◀──▶ off        any to any; the same again, for the same reason, is nothing
//! ```
//! In `maintenance` and `off` there are no new sessions and no new bets; results and rollbacks are
//! always taken. `off` also ends open sessions. A provider without a row is active.

use crate::ids::{Aggregate, ProviderId, TenantId, TraceId};
use crate::journal::{Draft, Row, RowKind};
use crate::time::UnixMs;
use crate::wallet::CorruptRow;
use serde::{Deserialize, Serialize};

/// What a provider may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything.
    #[default]
    Active,
    /// No new sessions and no new bets.
    Maintenance,
    /// The same, and open sessions end: the kill switch.
    Off,
}

impl State {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Maintenance => "maintenance",
            Self::Off => "off",
        }
    }
}

/// Sets a provider's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetState {
    /// Which provider.
    pub provider: ProviderId,
    /// To what.
    pub state: State,
    /// Why, for whoever reads the journal.
    pub reason: String,
    /// Who: the subject of the operator's token.
    pub by: String,
}

/// A provider after some row of its home slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Seq of the last row folded in.
    pub seq: u64,
    /// Which provider.
    pub provider: ProviderId,
    /// What it may do.
    pub state: State,
    /// Why.
    pub reason: String,
    /// Who set it so.
    pub by: String,
    /// Since when.
    pub since: UnixMs,
}

/// Longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// Why a provider's state is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No reason, or a very long one.
    #[error("the reason must have 1 to 500 characters")]
    Reason,
    /// Another id has the same number (2⁻⁶³ per pair).
    #[error("the provider's id collides with another one")]
    IdCollision,
}

/// The state was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChanged {
    /// To what.
    pub state: State,
    /// From what.
    pub from: State,
    /// Why.
    pub reason: String,
    /// Who did it.
    pub by: String,
}

impl Provider {
    /// Decides a command. `None`: it is so already.
    ///
    /// # Errors
    /// The first [`Refusal`] in their order.
    pub fn decide(
        state: Option<&Self>,
        command: &SetState,
    ) -> Result<Option<StateChanged>, Refusal> {
        let SetState { provider, state: to, reason, by } = command;
        if !(1..=REASON_CHARS_MAX).contains(&reason.chars().count()) {
            return Err(Refusal::Reason);
        }
        if state.is_some_and(|known| known.provider != *provider) {
            return Err(Refusal::IdCollision);
        }
        let from = state.map_or(State::Active, |known| known.state);
        let known = state.map(|known| known.reason.as_str());
        if from == *to && known.is_none_or(|known| known == reason) {
            return Ok(None);
        }
        let (reason, by) = (reason.clone(), by.clone());
        Ok(Some(StateChanged { state: *to, from, reason, by }))
    }

    /// The provider after a row.
    ///
    /// # Errors
    /// [`CorruptRow`] when it is not a provider's row or can't be read.
    pub fn from_row(row: &Row) -> Result<Self, CorruptRow> {
        let bad =
            |field| CorruptRow { slot: row.slot.0, seq: row.seq, kind: row.kind.name(), field };
        if row.kind != RowKind::ProviderStateChanged {
            return Err(bad("not a provider's row"));
        }
        let StateChanged { state, from: _, reason, by } =
            serde_json::from_slice(&row.payload).map_err(|_| bad("state"))?;
        let provider = row.provider.clone().ok_or_else(|| bad("provider"))?;
        Ok(Self { seq: row.seq, provider, state, reason, by, since: row.time })
    }
}

impl StateChanged {
    /// The row that journals it.
    #[must_use]
    pub fn draft(&self, tenant: TenantId, provider: &ProviderId, trace: Option<TraceId>) -> Draft {
        Draft {
            kind: RowKind::ProviderStateChanged,
            kind_version: 1,
            tenant,
            aggregate: Aggregate::Provider(provider.number()),
            leg: None,
            balance_after: None,
            request: None,
            claim: None,
            provider: Some(provider.clone()),
            bet: None,
            round: None,
            game: None,
            trace,
            // Texts always serialise.
            payload: serde_json::to_vec(self).unwrap_or_default().into_boxed_slice(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Head, Stage};

    fn set(provider: &str, state: State, reason: &str) -> SetState {
        let provider = ProviderId::parse(provider).unwrap();
        SetState { provider, state, reason: reason.into(), by: "anna".into() }
    }

    #[test]
    fn states_follow_the_table() {
        use State::{Active, Maintenance, Off};
        let tenant = TenantId(1);
        let acme = ProviderId::parse("acme").unwrap();
        let slot = Aggregate::Provider(acme.number()).slot(tenant);
        let mut stage = Stage::new([Head::empty(slot)]);
        let mut known: Option<Provider> = None;
        type Decided = Result<Option<State>, Refusal>;
        // (provider, to, reason, from which state)
        let rows: &[(&str, State, &str, Decided)] = &[
            ("acme", Active, "never changed", Ok(None)),
            ("acme", Maintenance, "", Err(Refusal::Reason)),
            ("acme", Maintenance, "slow answers", Ok(Some(Active))),
            ("acme", Maintenance, "slow answers", Ok(None)),
            ("acme", Maintenance, "wrong answers", Ok(Some(Maintenance))),
            ("other", Active, "a collision", Err(Refusal::IdCollision)),
            ("acme", Off, "fraud", Ok(Some(Maintenance))),
            ("acme", Active, "mended", Ok(Some(Off))),
        ];
        for (provider, to, reason, expected) in rows {
            let command = set(provider, *to, reason);
            let decided = Provider::decide(known.as_ref(), &command);
            let from = decided.as_ref().map(|event| event.as_ref().map(|event| event.from));
            assert_eq!(from.map_err(|e| *e), *expected, "{provider} {to:?} {reason}");
            if let Ok(Some(event)) = decided {
                let row = stage.push(event.draft(tenant, &acme, None), UnixMs(7)).unwrap();
                let after = Provider::from_row(&row).unwrap();
                assert_eq!((after.state, after.by.as_str()), (*to, "anna"));
                assert_eq!(after.since, UnixMs(7));
                let json = serde_json::to_vec(&after).unwrap();
                assert_eq!(serde_json::from_slice::<Provider>(&json).unwrap(), after);
                known = Some(after);
            }
        }
        let reason = "x".repeat(REASON_CHARS_MAX + 1);
        let long = set("acme", Off, &reason);
        assert_eq!(Provider::decide(known.as_ref(), &long), Err(Refusal::Reason));
    }
}
