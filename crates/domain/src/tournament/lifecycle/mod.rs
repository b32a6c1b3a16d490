//! A tournament's life, journalled in its home slot.
//!
//! ```text
//! Create ──▶ announced ─(registration opens)─▶ registration ──Start (≥ starts)──▶ active
//!                                                  │ too few players                 │ (ends)
//!                                                  ▼                                 ▼
//!                 cancelled ◀──Cancel── any of these but paying and after          grace
//!                     │                                                              │
//!                  Plan (refunds)                            Close (≥ ends + grace, at a cut)
//!                                                                                    ▼
//!     completed ◀──Complete── paying ◀──Plan── final ◀─(hold over, Release)─ under review
//!         │                      ▲
//!         └──Revise──▶ Plan ─────┘   a later version of the result (L5)
//! ```
//! On the wire: announced and registration are `upcoming`; active and grace `active`; the result
//! stands from under review on, so that and everything after is `completed`.
//!
//! `command`: what can be asked and what becomes true. `decide`: the only place where a step is
//! taken. `payout`: what is paid. `rollover`: what goes into the next one's pool. `rows`: how it is
//! written down.

mod command;
mod decide;
pub mod payout;
pub mod rollover;
mod rows;

pub use super::settle::Seats;
pub use command::{Command, Event, Refusal};
pub use payout::{Batch, Order, Payout, Progress};
pub use rollover::Rollover;

use super::definition::Definition;
use crate::ids::PlayerId;
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The step a tournament is in at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Announced; nobody may enter yet.
    Announced,
    /// Players may enter.
    Registration,
    /// Rounds that start now count.
    Active,
    /// Results of rounds that started before the end still count.
    Grace,
    /// The result stands; prizes wait until nobody objects any more.
    UnderReview,
    /// The result stands.
    Final,
    /// Prizes are being paid.
    Paying,
    /// Everything is paid.
    Completed,
    /// It does not take place.
    Cancelled,
}

impl Phase {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Registration => "registration",
            Self::Active => "active",
            Self::Grace => "grace",
            Self::UnderReview => "under_review",
            Self::Final => "final",
            Self::Paying => "paying",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The journalled step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Created,
    Started,
    Closed,
    Completed,
    Cancelled,
}

/// A tournament after some row of its home slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tournament {
    /// Seq of the last row folded in.
    pub seq: u64,
    /// Seq of the last row that a result or a plan is computed from; `None`: any may be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<u64>,
    /// What was announced.
    pub definition: Definition,
    step: Step,
    /// Who has a seat, where the tournament decides about entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seats: BTreeMap<PlayerId, Seats>,
    /// Who was invited.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub invited: BTreeSet<PlayerId>,
    /// Who is out of the ranking (L6).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub out: BTreeSet<PlayerId>,
    /// Whose prizes are held back (L7).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub under_review: BTreeSet<PlayerId>,
    /// When the result was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<UnixMs>,
    /// Somebody has released the prizes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
    /// Versions of the result so far.
    #[serde(default)]
    pub versions: u32,
    /// What it pays.
    #[serde(default)]
    pub payout: Payout,
    /// What it gives to the next one, and has from earlier ones.
    #[serde(default, skip_serializing_if = "Rollover::is_empty")]
    pub rollover: Rollover,
    /// Why it was called off.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// It had started when it was called off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    was_started: bool,
    /// Refunds are paid.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    refunded: bool,
    /// Somebody was taken out, or let go, since the result was made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_revision: bool,
}

impl Tournament {
    /// The state after its announcement.
    #[must_use]
    pub fn created(seq: u64, definition: Definition) -> Self {
        Self {
            seq,
            basis: Some(seq),
            definition,
            step: Step::Created,
            seats: BTreeMap::new(),
            invited: BTreeSet::new(),
            out: BTreeSet::new(),
            under_review: BTreeSet::new(),
            closed: None,
            released: false,
            versions: 0,
            payout: Payout::default(),
            rollover: Rollover::default(),
            reason: String::new(),
            was_started: false,
            refunded: false,
            needs_revision: false,
        }
    }

    /// The phase at a time.
    #[must_use]
    pub fn phase_at(&self, now: UnixMs) -> Phase {
        match self.step {
            Step::Cancelled => Phase::Cancelled,
            Step::Completed => Phase::Completed,
            Step::Closed if !self.payout.plans.is_empty() => Phase::Paying,
            Step::Closed if self.is_held(now) => Phase::UnderReview,
            Step::Closed => Phase::Final,
            Step::Started if now < self.definition.ends => Phase::Active,
            Step::Started => Phase::Grace,
            Step::Created => match self.definition.registration_opens {
                Some(opens) if now < opens => Phase::Announced,
                Some(_) | None => Phase::Registration,
            },
        }
    }

    /// Whether the first prizes wait for time or for somebody (L7).
    #[must_use]
    pub fn is_held(&self, now: UnixMs) -> bool {
        let review = &self.definition.review;
        if review.whole && !self.under_review.is_empty() {
            return true;
        }
        let until = self.closed.map(|closed| closed.plus_ms(review.hold_ms));
        !self.released && (review.by_hand || until.is_some_and(|until| now < until))
    }

    /// Whether it has started (and perhaps ended).
    #[must_use]
    pub const fn is_started(&self) -> bool {
        matches!(self.step, Step::Started | Step::Closed | Step::Completed)
    }

    /// Whether it had started when it was called off.
    #[must_use]
    pub const fn was_started(&self) -> bool {
        self.was_started
    }

    /// Whether its result stands.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.step, Step::Closed | Step::Completed)
    }

    /// Whether everything is paid.
    #[must_use]
    pub const fn is_completed(&self) -> bool {
        matches!(self.step, Step::Completed)
    }

    /// Whether it was called off.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.step, Step::Cancelled)
    }

    /// Whether a plan is due at some time: of the newest version of the result, or of refunds.
    #[must_use]
    pub fn plan_is_due(&self, now: UnixMs) -> bool {
        let planned = self.payout.batches.last().map(|batch| batch.version);
        match self.step {
            Step::Cancelled => {
                let is_paid = self.definition.admission.price.is_some();
                planned.is_none() && is_paid && !self.seats.is_empty()
            }
            Step::Closed | Step::Completed => {
                let due = match planned {
                    Some(version) => version < self.versions,
                    None => !self.is_held(now),
                };
                due && !self.needs_revision && self.definition.has_prizes()
            }
            Step::Created | Step::Started => false,
        }
    }

    /// Whether everything that is to be paid is planned, and not all of it is known to be paid.
    #[must_use]
    pub fn is_payable(&self) -> bool {
        let planned = self.payout.batches.last().map(|batch| batch.version);
        match self.step {
            Step::Closed => {
                !self.needs_revision
                    && (planned == Some(self.versions) || !self.definition.has_prizes())
            }
            Step::Cancelled => planned.is_some() && !self.refunded,
            Step::Created | Step::Started | Step::Completed => false,
        }
    }

    /// Whether nothing is left to be done by itself.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.is_paid() && self.rollover.is_settled()
    }

    /// Whether players have everything that they get, refunds too.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        match self.step {
            Step::Completed => !self.needs_revision,
            Step::Cancelled => {
                let owes = self.definition.admission.price.is_some() && !self.seats.is_empty();
                self.refunded || !owes
            }
            Step::Created | Step::Started | Step::Closed => false,
        }
    }

    /// When it has to be woken next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<UnixMs> {
        match self.step {
            Step::Created => Some(self.definition.starts),
            // One millisecond past the last time at which a result still counts.
            Step::Started => {
                Some(self.definition.ends.plus_ms(self.definition.grace_ms).plus_ms(1))
            }
            Step::Closed | Step::Cancelled | Step::Completed => None,
        }
    }
}
