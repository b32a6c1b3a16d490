//! A tournament's life, journalled in its home slot.
//!
//! ```text
//! Create ──▶ announced ─(registration opens)─▶ registration
//!                │                                  │
//!                └────────────Start (≥ starts)──────┘──▶ active ─(ends)─▶ grace
//!                                                           └──Close (≥ ends + grace)──▶ final
//! any of these but final ──Cancel──▶ cancelled
//! ```
//! Journalled are Create, Start, Close and Cancel; the finer phases follow from the clock.

use super::definition::Definition;
use super::standings::FinalResult;
use crate::ids::{Aggregate, PlayerId, SLOTS, TenantId, TraceId};
use crate::journal::{Claim, Draft, Keys, Row, RowKind};
use crate::time::UnixMs;
use crate::wallet::CorruptRow;
use serde::{Deserialize, Serialize};

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
    /// The result stands.
    Final,
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
            Self::Final => "final",
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
    Cancelled,
}

/// A tournament after some row of its home slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tournament {
    /// Seq of the last row folded in.
    pub seq: u64,
    /// What was announced.
    pub definition: Definition,
    step: Step,
}

/// What a tournament can be asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Announces it.
    Create(Box<Definition>),
    /// Starts it, once its time has come.
    Start,
    /// Ends it at a cut, once its end and grace are over.
    Close {
        /// Last seq that counts, per slot; 256 entries.
        cut: Vec<u64>,
        /// The standings at the cut.
        result: FinalResult,
    },
    /// Calls it off.
    Cancel {
        /// Why.
        reason: String,
    },
    /// Takes a player out of the ranking, or back in. Whether he is out already, the standings
    /// know; saying it twice changes nothing.
    Disqualify {
        /// Who.
        player: PlayerId,
        /// Back in.
        reinstate: bool,
        /// Why.
        reason: String,
        /// Who decides it.
        author: String,
    },
}

/// What became true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was announced.
    Created {
        /// What.
        definition: Box<Definition>,
    },
    /// It started.
    Started,
    /// It ended.
    Closed {
        /// Last seq that counts, per slot.
        cut: Vec<u64>,
        /// The standings at the cut.
        result: FinalResult,
    },
    /// It was called off.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// A player is out of the ranking (L6).
    Disqualified {
        /// Who.
        player: PlayerId,
        /// Why.
        reason: String,
        /// Who decided it.
        author: String,
    },
    /// A player is back in the ranking.
    Reinstated {
        /// Who.
        player: PlayerId,
        /// Why.
        reason: String,
        /// Who decided it.
        author: String,
    },
}

/// Why a tournament says no, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The definition can't work.
    #[error("the tournament is not valid: {0}")]
    Invalid(String),
    /// Another id has the same number (2⁻⁶³ per pair).
    #[error("the id collides with another one; choose another")]
    IdCollision,
    /// It was announced with other content.
    #[error("a tournament with this id exists already")]
    AlreadyExists,
    /// No such tournament.
    #[error("no such tournament")]
    NotFound,
    /// It is final or cancelled.
    #[error("the tournament is over")]
    AlreadyEnded,
    /// Its time has not come.
    #[error("the tournament's time for this has not come")]
    NotYet,
    /// It has not started.
    #[error("the tournament has not started")]
    NotStarted,
}

#[derive(Serialize, Deserialize)]
struct Closing {
    cut: Vec<u64>,
    result: FinalResult,
}

#[derive(Serialize, Deserialize)]
struct Cancelling {
    reason: String,
}

#[derive(Serialize, Deserialize)]
struct Judging {
    player: PlayerId,
    reason: String,
    author: String,
}

fn judging(player: PlayerId, reason: &str, author: &str) -> Vec<u8> {
    let (reason, author) = (reason.to_owned(), author.to_owned());
    serde_json::to_vec(&Judging { player, reason, author }).unwrap_or_default()
}

impl Tournament {
    /// The state after its announcement.
    #[must_use]
    pub const fn created(seq: u64, definition: Definition) -> Self {
        Self { seq, definition, step: Step::Created }
    }

    /// The phase at a time.
    #[must_use]
    pub fn phase_at(&self, now: UnixMs) -> Phase {
        match self.step {
            Step::Cancelled => Phase::Cancelled,
            Step::Closed => Phase::Final,
            Step::Started if now < self.definition.ends => Phase::Active,
            Step::Started => Phase::Grace,
            Step::Created => match self.definition.registration_opens {
                Some(opens) if now < opens => Phase::Announced,
                Some(_) | None => Phase::Registration,
            },
        }
    }

    /// Whether it has started (and perhaps ended).
    #[must_use]
    pub const fn is_started(&self) -> bool {
        matches!(self.step, Step::Started | Step::Closed)
    }

    /// Whether it was called off.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.step, Step::Cancelled)
    }

    /// When it has to be woken next.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<UnixMs> {
        match self.step {
            Step::Created => Some(self.definition.starts),
            // One millisecond past the last time at which a result still counts.
            Step::Started => {
                Some(self.definition.ends.plus_ms(self.definition.grace_ms).plus_ms(1))
            }
            Step::Closed | Step::Cancelled => None,
        }
    }

    /// Decides a command. `None`: it is so already.
    ///
    /// # Errors
    /// The first [`Refusal`] in their order.
    pub fn decide(
        state: Option<&Self>,
        command: &Command,
        now: UnixMs,
    ) -> Result<Option<Event>, Refusal> {
        match (state, command) {
            (None, Command::Create(definition)) => {
                definition.validate().map_err(|problems| {
                    let text = |p: &super::Problem| format!("{} {}", p.field, p.message);
                    Refusal::Invalid(problems.iter().map(text).collect::<Vec<_>>().join("; "))
                })?;
                if definition.ends <= now {
                    return Err(Refusal::Invalid("endsAt must be in the future".into()));
                }
                Ok(Some(Event::Created { definition: definition.clone() }))
            }
            (None, _) => Err(Refusal::NotFound),
            (Some(state), Command::Create(definition)) => {
                if state.definition.id != definition.id {
                    Err(Refusal::IdCollision)
                } else if state.definition == **definition {
                    Ok(None)
                } else {
                    Err(Refusal::AlreadyExists)
                }
            }
            (Some(state), command) => state.decide_existing(command, now),
        }
    }

    fn decide_existing(&self, command: &Command, now: UnixMs) -> Result<Option<Event>, Refusal> {
        match (self.step, command) {
            (_, Command::Create(_)) => Err(Refusal::AlreadyExists),
            (Step::Started | Step::Closed, Command::Start)
            | (Step::Closed, Command::Close { .. })
            | (Step::Cancelled, Command::Cancel { .. }) => Ok(None),
            (Step::Cancelled, Command::Start | Command::Close { .. })
            | (Step::Closed, Command::Cancel { .. }) => Err(Refusal::AlreadyEnded),
            (Step::Created, Command::Close { .. }) => Err(Refusal::NotStarted),
            (Step::Created, Command::Start) => {
                if now < self.definition.starts {
                    return Err(Refusal::NotYet);
                }
                Ok(Some(Event::Started))
            }
            (Step::Started, Command::Close { cut, result }) => {
                if cut.len() != usize::from(SLOTS) {
                    return Err(Refusal::Invalid("a cut names every slot".into()));
                }
                if self.next_deadline().is_some_and(|at| now < at) {
                    return Err(Refusal::NotYet);
                }
                Ok(Some(Event::Closed { cut: cut.clone(), result: result.clone() }))
            }
            (Step::Cancelled | Step::Closed, Command::Disqualify { .. }) => {
                Err(Refusal::AlreadyEnded)
            }
            (
                Step::Created | Step::Started,
                Command::Disqualify { player, reinstate, reason, author },
            ) => {
                let (player, reason, author) = (*player, reason.clone(), author.clone());
                Ok(Some(if *reinstate {
                    Event::Reinstated { player, reason, author }
                } else {
                    Event::Disqualified { player, reason, author }
                }))
            }
            (Step::Created | Step::Started, Command::Cancel { reason }) => {
                Ok(Some(Event::Cancelled { reason: reason.clone() }))
            }
        }
    }

    /// Folds an event in; `Created` is [`Self::created`].
    pub fn apply(&mut self, seq: u64, event: &Event) {
        self.seq = seq;
        self.step = match event {
            Event::Created { .. } => Step::Created,
            Event::Started => Step::Started,
            Event::Closed { .. } => Step::Closed,
            Event::Cancelled { .. } => Step::Cancelled,
            Event::Disqualified { .. } | Event::Reinstated { .. } => self.step,
        };
    }
}

impl Event {
    /// The row that journals this event of the tournament with this definition.
    #[must_use]
    pub fn draft(
        &self,
        tenant: TenantId,
        definition: &Definition,
        keys: &Keys,
        trace: Option<TraceId>,
    ) -> Draft {
        let number = definition.id.number();
        let json = |bytes: serde_json::Result<Vec<u8>>| bytes.unwrap_or_default();
        let (kind, claim, payload) = match self {
            Self::Created { definition } => (
                RowKind::TournamentCreated,
                Some(Claim::Tournament(definition.id.clone())),
                json(serde_json::to_vec(definition)),
            ),
            Self::Started => (RowKind::TournamentStarted, None, Vec::new()),
            Self::Closed { cut, result } => (
                RowKind::TournamentClosed,
                Some(Claim::TournamentEnded(definition.id.clone())),
                json(serde_json::to_vec(&Closing { cut: cut.clone(), result: result.clone() })),
            ),
            Self::Cancelled { reason } => (
                RowKind::TournamentCancelled,
                Some(Claim::TournamentEnded(definition.id.clone())),
                json(serde_json::to_vec(&Cancelling { reason: reason.clone() })),
            ),
            Self::Disqualified { player, reason, author } => {
                (RowKind::PlayerDisqualified, None, judging(*player, reason, author))
            }
            Self::Reinstated { player, reason, author } => {
                (RowKind::PlayerReinstated, None, judging(*player, reason, author))
            }
        };
        Draft {
            kind,
            kind_version: 1,
            tenant,
            aggregate: Aggregate::Tournament(number),
            leg: None,
            balance_after: None,
            request: None,
            claim: claim.map(|claim| keys.claim(tenant, number, &claim)),
            provider: None,
            bet: None,
            round: None,
            game: None,
            trace,
            payload: payload.into_boxed_slice(),
        }
    }

    /// Reads a tournament's row back.
    ///
    /// # Errors
    /// [`CorruptRow`] when it is not one or its payload can't be read.
    pub fn from_row(row: &Row) -> Result<Self, CorruptRow> {
        let bad =
            |field| CorruptRow { slot: row.slot.0, seq: row.seq, kind: row.kind.name(), field };
        match row.kind {
            RowKind::TournamentCreated => serde_json::from_slice(&row.payload)
                .map(|definition| Self::Created { definition: Box::new(definition) })
                .map_err(|_| bad("definition")),
            RowKind::TournamentStarted => Ok(Self::Started),
            RowKind::TournamentClosed => serde_json::from_slice(&row.payload)
                .map(|Closing { cut, result }| Self::Closed { cut, result })
                .map_err(|_| bad("result")),
            RowKind::TournamentCancelled => serde_json::from_slice(&row.payload)
                .map(|Cancelling { reason }| Self::Cancelled { reason })
                .map_err(|_| bad("reason")),
            RowKind::PlayerDisqualified => serde_json::from_slice(&row.payload)
                .map(|Judging { player, reason, author }| Self::Disqualified {
                    player,
                    reason,
                    author,
                })
                .map_err(|_| bad("player")),
            RowKind::PlayerReinstated => serde_json::from_slice(&row.payload)
                .map(|Judging { player, reason, author }| Self::Reinstated {
                    player,
                    reason,
                    author,
                })
                .map_err(|_| bad("player")),
            _ => Err(bad("not a tournament's row")),
        }
    }
}
