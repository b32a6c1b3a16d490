//! How many refusals and tombstones of a player were kept for ever in the present minute: a loop
//! at a provider can't fill the journal (money-cases.md: "Stored refusals and tombstones are
//! rate-limited per player and provider").
//!
//! **Invariant:** a fold over rows, so that a wallet that sleeps and wakes goes on counting.

use super::contest::Told;
use super::event::Event;
use crate::ids::ProviderId;
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};

/// Kept per player, provider and minute.
const PER_MINUTE_MAX: u32 = 300;
const MINUTE_MS: i64 = 60_000;

/// What was kept in one minute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    #[serde(rename = "m")]
    minute: i64,
    /// By provider; `None`: the operator's commands.
    #[serde(rename = "n")]
    counts: Vec<(Option<ProviderId>, u32)>,
}

/// Whose command it was whose refusal or tombstone this event keeps, if it is one.
pub(super) fn by(event: &Event) -> Option<Option<&ProviderId>> {
    match event {
        Event::BetRefused { bet, .. } => Some(Some(&bet.provider)),
        Event::BetTombstoned { provider, .. } => Some(Some(provider)),
        Event::CommandRefused { .. } => Some(None),
        Event::Contest(told) => match &**told {
            // A void before its round is reported is a tombstone, too, whatever its version: the
            // report is where the game comes from.
            Told::Corrected(corrected) if corrected.game.is_none() => {
                Some(Some(&corrected.provider))
            }
            _ => None,
        },
        _ => None,
    }
}

impl Kept {
    /// Whether nothing was ever kept.
    pub(super) const fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Whether no more is kept of this provider now.
    pub(super) fn is_full(&self, of: Option<&ProviderId>, now: UnixMs) -> bool {
        let is_it = |(whose, count): &(Option<ProviderId>, u32)| {
            whose.as_ref() == of && *count >= PER_MINUTE_MAX
        };
        self.minute == now.0.div_euclid(MINUTE_MS) && self.counts.iter().any(is_it)
    }

    /// One more was kept.
    pub(super) fn add(&mut self, of: Option<&ProviderId>, time: UnixMs) {
        let minute = time.0.div_euclid(MINUTE_MS);
        if self.minute != minute {
            (self.minute, self.counts) = (minute, Vec::new());
        }
        match self.counts.iter_mut().find(|(whose, _)| whose.as_ref() == of) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.counts.push((of.cloned(), 1)),
        }
    }
}
