//! A schedule in its home slot: what an operator set, what was decided of its instances, who was
//! told what. Every change is a row with its author.
//!
//! ```text
//!            ┌──────── Set (a new version) ───────┐
//!            ▼                                    │
//! (none) ──Set──▶ running ──Stop──▶ stopped ──────┘
//!                  │  ▲
//!                  └──┘ Decide: announced, missed, refused    Tell: notices that were due
//! ```
//! `Decide` moves `decided_through` on; a decision that was taken from another place than where
//! the schedule stands is refused, so that none is journalled twice.
//!
//! **Invariants:** whoever reads the rows again has the same state; what is kept is bounded
//! ([`OPEN_MAX`], [`RECENT_MAX`]). **Never:** announces anything itself: a tournament is created
//! before the decision is journalled, under an id that makes a repetition harmless.

use super::catch_up::{Missed, Verdict};
use super::definition::{Schedule, ScheduleId};
use super::instance::{DueNotice, Instance, InstanceKey};
use super::plan::Plan;
use super::problem::Problem;
use crate::ids::{Aggregate, TenantId, TraceId};
use crate::journal::{Draft, Row, RowKind};
use crate::time::UnixMs;
use crate::wallet::CorruptRow;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Announced instances that are kept until they have ended.
pub const OPEN_MAX: usize = 1_000;
/// Decisions that are kept to be shown.
pub const RECENT_MAX: usize = 50;
/// Longest reason for a stop, in characters.
pub const REASON_CHARS_MAX: usize = 500;

/// What an operator set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// When; its zone is filled in.
    pub schedule: Schedule,
    /// What: the tournament to announce, as an operator writes it, without id and times.
    pub tournament: serde_json::Value,
}

/// A schedule after some row of its home slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programme {
    /// Seq of the last row folded in.
    pub seq: u64,
    /// How often it was set, from 1.
    pub version: u64,
    /// What was set last.
    pub document: Document,
    /// Who set it.
    pub by: String,
    /// When.
    pub since: UnixMs,
    /// What the configuration set last, to tell whether it has changed since.
    pub configured: Option<Document>,
    /// Since it was stopped.
    pub stopped: Option<Stopped>,
    /// Starts up to here are decided.
    pub decided_through: UnixMs,
    /// Announced instances that have not ended, or of which somebody still has to be told.
    pub open: BTreeMap<InstanceKey, Open>,
    /// The last decisions, the oldest first, without their notices.
    pub recent: VecDeque<Decided>,
}

/// Who stopped a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: UnixMs,
}

/// An announced instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Which.
    pub instance: Instance,
    /// Notices up to here were told.
    pub told_through: UnixMs,
}

/// What became of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// Which; its notices only when it was announced.
    pub instance: Instance,
    /// What.
    pub outcome: Outcome,
}

/// What became of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// Its tournament was announced.
    Announced {},
    /// Its tournament was announced after its start had passed.
    Late {
        /// By how much, in milliseconds.
        late_ms: i64,
    },
    /// It does not take place; if it was announced before, its tournament is called off.
    Missed {
        /// Why.
        reason: Missed,
    },
    /// Its tournament could not be announced.
    Refused {
        /// Why, in words.
        reason: String,
    },
}

impl Outcome {
    /// The word on the wire and in metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Announced {} => "announced",
            Self::Late { .. } => "late",
            Self::Missed { .. } => "missed",
            Self::Refused { .. } => "refused",
        }
    }

    /// Whether its tournament takes place.
    #[must_use]
    pub const fn takes_place(&self) -> bool {
        matches!(self, Self::Announced {} | Self::Late { .. })
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::InTime => Self::Announced {},
            Verdict::Late { late_ms } => Self::Late { late_ms },
            Verdict::Missed { reason } => Self::Missed { reason },
        }
    }
}

/// Notices of one instance that were due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Whose.
    pub instance: InstanceKey,
    /// Up to when all of them are told.
    pub through: UnixMs,
    /// Which, and what became of each.
    pub notices: Vec<ToldNotice>,
}

/// A notice that was due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToldNotice {
    /// The same however often it is told.
    pub key: String,
    /// What became of it.
    pub outcome: NoticeOutcome,
}

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoticeOutcome {
    /// There was nobody to send it to; it stands in the journal.
    Noted,
    /// Its address has taken it.
    Sent,
    /// Its address did not take it, however often it was tried.
    Failed,
    /// What it speaks of had passed, or was called off; nobody was told.
    Stale,
}

impl NoticeOutcome {
    /// The word in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Noted => "noted",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Stale => "stale",
        }
    }
}

/// What a schedule can be asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Sets it, or a new version of it.
    Set {
        /// What.
        document: Box<Document>,
        /// Who.
        by: String,
        /// Whether it comes from the configuration.
        from_configuration: bool,
    },
    /// Nothing is announced any more; what was announced stays.
    Stop {
        /// Why.
        reason: String,
        /// Who.
        by: String,
    },
    /// Journals what became of instances.
    Decide {
        /// `decided_through` that these decisions start from.
        from: UnixMs,
        /// `decided_through` after them; not before `from`.
        through: UnixMs,
        /// The decisions.
        decisions: Vec<Decided>,
        /// Who: the scheduler, or an operator who started one.
        by: String,
    },
    /// Journals who was told what.
    Tell {
        /// Which notices.
        told: Vec<Told>,
    },
}

/// Why a schedule says no, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another id has the same number (2⁻⁶³ per pair).
    #[error("the id collides with another one; choose another")]
    IdCollision,
    /// The schedule can't be read.
    #[error("the schedule is not valid")]
    Invalid(Vec<Problem>),
    /// A very long reason.
    #[error("the reason must have at most 500 characters")]
    Reason,
    /// There is none.
    #[error("no such schedule")]
    NotFound,
    /// It is stopped.
    #[error("the schedule is stopped")]
    Stopped,
    /// Something was decided meanwhile: look again.
    #[error("the schedule has moved on meanwhile")]
    Moved,
}

/// What became true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was set.
    Set(Box<Setting>),
    /// It was stopped.
    Stopped(Stopping),
    /// Instances were decided.
    Decided(Deciding),
    /// Notices were told.
    Notified(Telling),
}

/// The payload of `schedule.set`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// What.
    pub document: Document,
    /// Who.
    pub by: String,
    /// Whether it comes from the configuration.
    pub from_configuration: bool,
}

/// The payload of `schedule.stopped`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopping {
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
}

/// The payload of `schedule.decided`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deciding {
    /// Starts up to here are decided now.
    pub decided_through: UnixMs,
    /// The decisions.
    pub decisions: Vec<Decided>,
    /// Who.
    pub by: String,
}

/// The payload of `schedule.notified`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telling {
    /// Which notices.
    pub told: Vec<Told>,
}

impl Programme {
    /// Decides a command. `None`: it is so already.
    ///
    /// # Errors
    /// The first [`Refusal`] in their order.
    pub fn decide(
        state: Option<&Self>,
        id: &ScheduleId,
        command: &Command,
    ) -> Result<Option<Event>, Refusal> {
        if state.is_some_and(|known| known.document.schedule.id != *id) {
            return Err(Refusal::IdCollision);
        }
        match (state, command) {
            (state, Command::Set { document, by, from_configuration }) => {
                document.schedule.compile().map_err(Refusal::Invalid)?;
                let is_so = state.is_some_and(|known| {
                    known.document == **document
                        && known.stopped.is_none()
                        && (!from_configuration || known.configured.as_ref() == Some(document))
                });
                let setting = || Setting {
                    document: (**document).clone(),
                    by: by.clone(),
                    from_configuration: *from_configuration,
                };
                Ok((!is_so).then(|| Event::Set(Box::new(setting()))))
            }
            (None, _) => Err(Refusal::NotFound),
            (Some(state), Command::Stop { reason, by }) => {
                if reason.chars().count() > REASON_CHARS_MAX {
                    return Err(Refusal::Reason);
                }
                let stopping = || Stopping { reason: reason.clone(), by: by.clone() };
                Ok(state.stopped.is_none().then(|| Event::Stopped(stopping())))
            }
            (Some(state), Command::Decide { from, through, decisions, by }) => {
                if *from != state.decided_through || through < from {
                    return Err(Refusal::Moved);
                }
                // An instance that stands can only be called off, and only one that does can be
                // where no start is decided.
                let is_news = |decided: &&Decided| {
                    let stands = state.open.contains_key(&decided.instance.key);
                    if decided.outcome.takes_place() { !stands } else { stands || from < through }
                };
                let decisions: Vec<_> = decisions.iter().filter(is_news).cloned().collect();
                if decisions.is_empty() && through == from {
                    return Ok(None);
                }
                let by = by.clone();
                Ok(Some(Event::Decided(Deciding { decided_through: *through, decisions, by })))
            }
            (Some(state), Command::Tell { told }) => {
                let is_news = |told: &&Told| {
                    let open = state.open.get(&told.instance);
                    open.is_some_and(|open| open.told_through < told.through)
                };
                let told: Vec<_> = told.iter().filter(is_news).cloned().collect();
                Ok((!told.is_empty()).then_some(Event::Notified(Telling { told })))
            }
        }
    }

    /// Folds a row in.
    ///
    /// # Errors
    /// [`CorruptRow`] when it is not a schedule's row, can't be read, or comes before the schedule
    /// was set.
    pub fn fold(state: &mut Option<Self>, row: &Row) -> Result<(), CorruptRow> {
        match (state.as_mut(), Event::from_row(row)?) {
            (known, Event::Set(setting)) => {
                let Setting { document, by, from_configuration } = *setting;
                let configured = if from_configuration {
                    Some(document.clone())
                } else {
                    known.as_ref().and_then(|known| known.configured.clone())
                };
                let (version, open, recent) = known.map_or_else(Default::default, |known| {
                    let open = std::mem::take(&mut known.open);
                    (known.version, open, std::mem::take(&mut known.recent))
                });
                *state = Some(Self {
                    seq: row.seq,
                    version: version + 1,
                    document,
                    by,
                    since: row.time,
                    configured,
                    stopped: None,
                    decided_through: row.time,
                    open,
                    recent,
                });
                Ok(())
            }
            (Some(state), event) => {
                state.apply(row, event);
                Ok(())
            }
            (None, _) => {
                let (slot, seq, kind) = (row.slot.0, row.seq, row.kind.name());
                Err(CorruptRow { slot, seq, kind, field: "before it was set" })
            }
        }
    }

    fn apply(&mut self, row: &Row, event: Event) {
        self.seq = row.seq;
        match event {
            // Folded in by `fold`, which makes a new state of it.
            Event::Set(_) => {}
            Event::Stopped(Stopping { reason, by }) => {
                self.stopped = Some(Stopped { reason, by, at: row.time });
            }
            Event::Decided(Deciding { decided_through, decisions, by: _ }) => {
                self.decided_through = decided_through;
                for Decided { instance, outcome } in decisions {
                    self.recent.push_back(Decided {
                        instance: Instance { notices: Vec::new(), ..instance.clone() },
                        outcome: outcome.clone(),
                    });
                    if outcome.takes_place() {
                        let open = Open { instance, told_through: UnixMs(0) };
                        self.open.insert(open.instance.key.clone(), open);
                    } else {
                        self.open.remove(&instance.key);
                    }
                }
                let surplus = self.recent.len().saturating_sub(RECENT_MAX);
                self.recent.drain(..surplus);
            }
            Event::Notified(Telling { told }) => {
                for Told { instance, through, .. } in told {
                    if let Some(open) = self.open.get_mut(&instance) {
                        open.told_through = open.told_through.max(through);
                    }
                }
            }
        }
        self.forget(row.time);
    }

    /// Drops instances that are over and of which nobody is to be told any more, and where there
    /// are too many those that started first.
    fn forget(&mut self, now: UnixMs) {
        self.open.retain(|_, open| open.instance.ends > now || open.next_notice().is_some());
        while self.open.len() > OPEN_MAX {
            let first = self.open.iter().min_by_key(|(_, open)| open.instance.starts);
            let Some(key) = first.map(|(key, _)| key.clone()) else { return };
            self.open.remove(&key);
        }
    }

    /// The plan of what was set last.
    ///
    /// # Errors
    /// Everything that is wrong with it; only after a time zone was dropped from the database.
    pub fn plan(&self) -> Result<Plan, Vec<Problem>> {
        self.document.schedule.compile()
    }

    /// When the next instance is to be announced; in the past if that is due. `None`: never.
    #[must_use]
    pub fn next_start(&self, plan: &Plan) -> Option<UnixMs> {
        let next = || plan.instances(self.decided_through).next().map(|next| next.announced);
        if self.stopped.is_none() { next() } else { None }
    }

    /// When the next notice is due; in the past if it is. `None`: never.
    #[must_use]
    pub fn next_notice(&self) -> Option<UnixMs> {
        self.open.values().filter_map(Open::next_notice).min()
    }
}

impl Open {
    /// The notices that are due now, by time.
    #[must_use]
    pub fn due_notices(&self, now: UnixMs) -> Vec<DueNotice> {
        self.instance.due_notices(self.told_through, now)
    }

    /// When the next notice is due.
    #[must_use]
    pub fn next_notice(&self) -> Option<UnixMs> {
        self.instance.next_notice(self.told_through)
    }
}

impl Event {
    /// The row that journals it.
    #[must_use]
    pub fn draft(&self, tenant: TenantId, id: &ScheduleId, trace: Option<TraceId>) -> Draft {
        let (kind, payload) = match self {
            Self::Set(setting) => (RowKind::ScheduleSet, serde_json::to_vec(setting)),
            Self::Stopped(stopping) => (RowKind::ScheduleStopped, serde_json::to_vec(stopping)),
            Self::Decided(deciding) => (RowKind::ScheduleDecided, serde_json::to_vec(deciding)),
            Self::Notified(telling) => (RowKind::ScheduleNotified, serde_json::to_vec(telling)),
        };
        Draft {
            kind,
            kind_version: 1,
            tenant,
            aggregate: Aggregate::Schedule(id.number()),
            leg: None,
            balance_after: None,
            request: None,
            claim: None,
            provider: None,
            bet: None,
            round: None,
            game: None,
            trace,
            // Texts and numbers always serialise.
            payload: payload.unwrap_or_default().into_boxed_slice(),
        }
    }

    /// Reads a schedule's row back.
    ///
    /// # Errors
    /// [`CorruptRow`] when it is not one or its payload can't be read.
    pub fn from_row(row: &Row) -> Result<Self, CorruptRow> {
        let bad =
            |field| CorruptRow { slot: row.slot.0, seq: row.seq, kind: row.kind.name(), field };
        let payload = &row.payload;
        match row.kind {
            RowKind::ScheduleSet => serde_json::from_slice(payload)
                .map(|setting| Self::Set(Box::new(setting)))
                .map_err(|_| bad("document")),
            RowKind::ScheduleStopped => {
                serde_json::from_slice(payload).map(Self::Stopped).map_err(|_| bad("reason"))
            }
            RowKind::ScheduleDecided => {
                serde_json::from_slice(payload).map(Self::Decided).map_err(|_| bad("decisions"))
            }
            RowKind::ScheduleNotified => {
                serde_json::from_slice(payload).map(Self::Notified).map_err(|_| bad("told"))
            }
            _ => Err(bad("not a schedule's row")),
        }
    }
}
