//! How a tournament's events are written as rows, and read back.
//!
//! **Invariant:** a payload's bytes are for ever: fields are added, never renamed.

use super::super::definition::Definition;
use super::super::prizes::PrizePlan;
use super::super::standings::FinalResult;
use super::payout::{Order, Progress};
use super::{Command, Event};
use crate::ids::{Aggregate, PlayerId, TenantId, TournamentId, TraceId};
use crate::journal::{Claim, Draft, Keys, Row, RowKind};
use crate::wallet::CorruptRow;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

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

#[derive(Serialize, Deserialize)]
struct Seating {
    player: PlayerId,
    entry: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ticket: bool,
}

#[derive(Serialize, Deserialize)]
struct Inviting {
    players: Vec<PlayerId>,
    author: String,
}

#[derive(Serialize, Deserialize)]
struct Reviewing {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    player: Option<PlayerId>,
    hold: bool,
    reason: String,
    author: String,
}

#[derive(Serialize, Deserialize)]
struct Revising {
    version: u32,
    cut: Vec<u64>,
    result: FinalResult,
    reason: String,
    author: String,
}

#[derive(Serialize, Deserialize)]
struct Planning {
    version: u32,
    plan: Box<PrizePlan>,
    orders: Vec<Order>,
}

#[derive(Serialize, Deserialize)]
struct Rolling {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<TournamentId>,
}

#[derive(Serialize, Deserialize)]
struct Arriving {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Carrying {
    from: TournamentId,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Moving {
    version: u32,
    line: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<Progress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<String>,
}

fn json(of: &impl Serialize) -> Vec<u8> {
    // Structs of plain fields always serialise.
    serde_json::to_vec(of).unwrap_or_default()
}

impl Event {
    /// The kind of row this is.
    #[must_use]
    pub const fn kind(&self) -> RowKind {
        match self {
            Self::Created { .. } => RowKind::TournamentCreated,
            Self::Started => RowKind::TournamentStarted,
            Self::Seated { .. } => RowKind::SeatGranted,
            Self::Invited { .. } => RowKind::PlayersInvited,
            Self::Closed { .. } => RowKind::TournamentClosed,
            Self::Cancelled { .. } => RowKind::TournamentCancelled,
            Self::Disqualified { .. } => RowKind::PlayerDisqualified,
            Self::Reinstated { .. } => RowKind::PlayerReinstated,
            Self::Reviewed { .. } => RowKind::ReviewSet,
            Self::Revised { .. } => RowKind::ResultRevised,
            Self::Planned { .. } => RowKind::PrizesPlanned,
            Self::Moved { .. } => RowKind::PayoutMoved,
            Self::Completed => RowKind::TournamentCompleted,
            Self::RolledOver { .. } => RowKind::RolledOver,
            Self::RolloverArrived { .. } => RowKind::RolloverArrived,
            Self::CarriedIn { .. } => RowKind::CarriedIn,
        }
    }

    fn payload(&self) -> Vec<u8> {
        match self {
            Self::Created { definition } => json(definition),
            Self::Started | Self::Completed => Vec::new(),
            Self::Seated { player, entry, ticket } => {
                json(&Seating { player: *player, entry: *entry, ticket: *ticket })
            }
            Self::Invited { players, author } => {
                json(&Inviting { players: players.clone(), author: author.clone() })
            }
            Self::Closed { cut, result } => {
                json(&Closing { cut: cut.clone(), result: result.clone() })
            }
            Self::Cancelled { reason } => json(&Cancelling { reason: reason.clone() }),
            Self::Disqualified { player, reason, author }
            | Self::Reinstated { player, reason, author } => {
                let (reason, author) = (reason.clone(), author.clone());
                json(&Judging { player: *player, reason, author })
            }
            Self::Reviewed { player, hold, reason, author } => json(&Reviewing {
                player: *player,
                hold: *hold,
                reason: reason.clone(),
                author: author.clone(),
            }),
            Self::Revised { version, cut, result, reason, author } => json(&Revising {
                version: *version,
                cut: cut.clone(),
                result: result.clone(),
                reason: reason.clone(),
                author: author.clone(),
            }),
            Self::Planned { version, plan, orders, leg: _ } => {
                let (plan, orders) = (plan.clone(), orders.clone());
                json(&Planning { version: *version, plan, orders })
            }
            Self::Moved { version, line, to, author, leg: _ } => json(&Moving {
                version: *version,
                line: *line,
                to: to.clone(),
                author: author.clone(),
            }),
            Self::RolledOver { version, to, leg: _ } => {
                json(&Rolling { version: *version, to: to.clone() })
            }
            Self::RolloverArrived { version } => json(&Arriving { version: *version }),
            Self::CarriedIn { from, version, leg: _ } => {
                json(&Carrying { from: from.clone(), version: *version })
            }
        }
    }

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
        let claim = match self {
            Self::Created { .. } => Some(Claim::Tournament(definition.id.clone())),
            Self::Closed { .. } => Some(Claim::TournamentEnded(definition.id.clone())),
            Self::CarriedIn { from, version, .. } => Some(Claim::Carried(from.clone(), *version)),
            _ => None,
        };
        let leg = match self {
            Self::Planned { leg, .. } | Self::Moved { leg, .. } | Self::RolledOver { leg, .. } => {
                *leg
            }
            Self::CarriedIn { leg, .. } => Some(*leg),
            _ => None,
        };
        Draft {
            kind: self.kind(),
            kind_version: 1,
            tenant,
            aggregate: Aggregate::Tournament(number),
            leg,
            balance_after: None,
            request: None,
            claim: claim.map(|claim| keys.claim(tenant, number, &claim)),
            provider: None,
            bet: None,
            round: None,
            game: None,
            trace,
            payload: self.payload().into_boxed_slice(),
        }
    }

    /// Reads a tournament's row back.
    ///
    /// # Errors
    /// [`CorruptRow`] when it is not one or its payload can't be read.
    pub fn from_row(row: &Row) -> Result<Self, CorruptRow> {
        fn read<T: DeserializeOwned>(row: &Row, field: &'static str) -> Result<T, CorruptRow> {
            serde_json::from_slice(&row.payload).map_err(|_| bad(row, field))
        }
        Ok(match row.kind {
            RowKind::TournamentCreated => {
                Self::Created { definition: Box::new(read(row, "definition")?) }
            }
            RowKind::TournamentStarted => Self::Started,
            RowKind::SeatGranted => {
                let Seating { player, entry, ticket } = read(row, "seat")?;
                Self::Seated { player, entry, ticket }
            }
            RowKind::PlayersInvited => {
                let Inviting { players, author } = read(row, "players")?;
                Self::Invited { players, author }
            }
            RowKind::TournamentClosed => {
                let Closing { cut, result } = read(row, "result")?;
                Self::Closed { cut, result }
            }
            RowKind::TournamentCancelled => {
                let Cancelling { reason } = read(row, "reason")?;
                Self::Cancelled { reason }
            }
            RowKind::PlayerDisqualified => {
                let Judging { player, reason, author } = read(row, "player")?;
                Self::Disqualified { player, reason, author }
            }
            RowKind::PlayerReinstated => {
                let Judging { player, reason, author } = read(row, "player")?;
                Self::Reinstated { player, reason, author }
            }
            RowKind::ReviewSet => {
                let Reviewing { player, hold, reason, author } = read(row, "review")?;
                Self::Reviewed { player, hold, reason, author }
            }
            RowKind::ResultRevised => {
                let Revising { version, cut, result, reason, author } = read(row, "result")?;
                Self::Revised { version, cut, result, reason, author }
            }
            RowKind::PrizesPlanned => {
                let Planning { version, plan, orders } = read(row, "plan")?;
                Self::Planned { version, plan, orders, leg: row.leg }
            }
            RowKind::PayoutMoved => {
                let Moving { version, line, to, author } = read(row, "line")?;
                Self::Moved { version, line, to, author, leg: row.leg }
            }
            RowKind::TournamentCompleted => Self::Completed,
            RowKind::RolledOver => {
                let Rolling { version, to } = read(row, "version")?;
                Self::RolledOver { version, to, leg: row.leg }
            }
            RowKind::RolloverArrived => {
                let Arriving { version } = read(row, "version")?;
                Self::RolloverArrived { version }
            }
            RowKind::CarriedIn => {
                let Carrying { from, version } = read(row, "from")?;
                Self::CarriedIn { from, version, leg: row.leg.ok_or_else(|| bad(row, "leg"))? }
            }
            _ => return Err(bad(row, "not a tournament's row")),
        })
    }
}

fn bad(row: &Row, field: &'static str) -> CorruptRow {
    CorruptRow { slot: row.slot.0, seq: row.seq, kind: row.kind.name(), field }
}

impl Command {
    /// What a command that was computed from a view has seen of the tournament: its last row.
    #[must_use]
    pub const fn seen(&self) -> Option<u64> {
        match self {
            Self::Close { seen, .. }
            | Self::Revise { seen, .. }
            | Self::Plan { seen, .. }
            | Self::Complete { seen } => Some(*seen),
            _ => None,
        }
    }

    /// Its name in logs and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Start => "start",
            Self::Seat { .. } => "seat",
            Self::Invite { .. } => "invite",
            Self::Close { .. } => "close",
            Self::Cancel { .. } => "cancel",
            Self::Disqualify { .. } => "disqualify",
            Self::Review { .. } => "review",
            Self::Revise { .. } => "revise",
            Self::Plan { .. } => "plan",
            Self::Move { .. } => "move",
            Self::Approve { .. } => "approve",
            Self::Complete { .. } => "complete",
            Self::Roll { .. } => "roll",
            Self::Arrive { .. } => "arrive",
            Self::CarryIn { .. } => "carry_in",
        }
    }
}
