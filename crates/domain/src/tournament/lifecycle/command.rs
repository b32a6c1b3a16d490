//! What a tournament can be asked, what becomes true of it, why it says no.

use super::super::definition::Definition;
use super::super::prizes::PrizePlan;
use super::super::standings::FinalResult;
use super::payout::{Order, Progress};
use super::rollover::Carried;
use crate::ids::{PlayerId, TournamentId};
use crate::journal::Leg;
use crate::money::Currency;

/// What a tournament can be asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Announces it.
    Create(Box<Definition>),
    /// Starts it, once its time has come; with too few players it is called off instead.
    Start,
    /// Gives a player a seat whose price is held.
    Seat {
        /// Who.
        player: PlayerId,
        /// His first entry is 1.
        entry: u32,
        /// A ticket pays.
        ticket: bool,
    },
    /// Players may enter.
    Invite {
        /// Who.
        players: Vec<PlayerId>,
        /// Who says so.
        author: String,
    },
    /// Ends it at a cut, once its end and grace are over.
    Close {
        /// The seq of the tournament's last row when this was computed.
        seen: u64,
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
    /// Takes a player out of the ranking, or back in.
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
    /// Holds a player's prizes back, or not any more; without a player it lets all prizes go.
    Review {
        /// Whose; `None`: the hold on everybody's ends.
        player: Option<PlayerId>,
        /// They are held back.
        hold: bool,
        /// Why.
        reason: String,
        /// Who decides it.
        author: String,
    },
    /// Puts the result right (L5).
    Revise {
        /// The seq of the tournament's last row when this was computed.
        seen: u64,
        /// Rows up to here were looked at.
        cut: Vec<u64>,
        /// The standings as they should be.
        result: FinalResult,
        /// Why.
        reason: String,
        /// Who decides it.
        author: String,
    },
    /// Fixes who gets what.
    Plan {
        /// The seq of the tournament's last row when this was computed.
        seen: u64,
        /// Of which version of the result; refunds are version 1.
        version: u32,
        /// The plan.
        plan: Box<PrizePlan>,
    },
    /// A line of the payout has come further.
    Move {
        /// Of which version.
        version: u32,
        /// Which line.
        line: u32,
        /// To where.
        to: Progress,
        /// Who, when a person does it.
        author: Option<String>,
    },
    /// Agrees to a line that needs two people.
    Approve {
        /// Of which version.
        version: u32,
        /// Which line.
        line: u32,
        /// Who.
        author: String,
    },
    /// Everything is paid.
    Complete {
        /// The seq of the tournament's last row when this was computed.
        seen: u64,
    },
    /// Sends what nobody won on: into another tournament's pool, or back to promotions.
    Roll {
        /// Of which version of the result.
        version: u32,
        /// To which; `None`: to nobody.
        to: Option<TournamentId>,
        /// To which it was sent before, which has refused it.
        instead_of: Option<TournamentId>,
    },
    /// What was sent is in the other one's pool.
    Arrive {
        /// Of which version of the result.
        version: u32,
    },
    /// Takes what an earlier tournament rolls over into the pool.
    CarryIn {
        /// What.
        carried: Carried,
        /// Its currency.
        currency: Currency,
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
    /// A player has a seat.
    Seated {
        /// Who.
        player: PlayerId,
        /// His first entry is 1.
        entry: u32,
        /// A ticket pays.
        ticket: bool,
    },
    /// Players may enter.
    Invited {
        /// Who.
        players: Vec<PlayerId>,
        /// Who says so.
        author: String,
    },
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
    /// Prizes are held back, or let go (L7).
    Reviewed {
        /// Whose; `None`: everybody's.
        player: Option<PlayerId>,
        /// They are held back.
        hold: bool,
        /// Why.
        reason: String,
        /// Who decided it.
        author: String,
    },
    /// The result was put right.
    Revised {
        /// Which version it is.
        version: u32,
        /// Rows up to here were looked at.
        cut: Vec<u64>,
        /// The standings.
        result: FinalResult,
        /// Why.
        reason: String,
        /// Who decided it.
        author: String,
    },
    /// It is fixed who gets what; the pool has the money for it.
    Planned {
        /// Of which version of the result.
        version: u32,
        /// The plan.
        plan: Box<PrizePlan>,
        /// Its orders.
        orders: Vec<Order>,
        /// What the pool gets, or gives back.
        leg: Option<Leg>,
    },
    /// A line of the payout has come further.
    Moved {
        /// Of which version.
        version: u32,
        /// Which line.
        line: u32,
        /// To where; `None`: somebody agrees to it.
        to: Option<Progress>,
        /// Who, when a person did it.
        author: Option<String>,
        /// Money that leaves the pool by it: to the world outside, or back to promotions.
        leg: Option<Leg>,
    },
    /// Everything is paid.
    Completed,
    /// What nobody won goes somewhere.
    RolledOver {
        /// Of which version of the result.
        version: u32,
        /// Into whose pool; `None`: back to promotions.
        to: Option<TournamentId>,
        /// What moves by it: nothing when it only goes to another one.
        leg: Option<Leg>,
    },
    /// It is there.
    RolloverArrived {
        /// Of which version of the result.
        version: u32,
    },
    /// The pool has money of an earlier tournament.
    CarriedIn {
        /// From which.
        from: TournamentId,
        /// From which version of its result.
        version: u32,
        /// From transit into the pool.
        leg: Leg,
    },
}

/// Why a tournament says no, in order of precedence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Something happened to the tournament after what the command was computed from.
    #[error("the tournament has changed meanwhile")]
    Behind,
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
    /// It is over, or too far for this.
    #[error("the tournament is over")]
    AlreadyEnded,
    /// Its time has not come.
    #[error("the tournament's time for this has not come")]
    NotYet,
    /// It has not started.
    #[error("the tournament has not started")]
    NotStarted,
    /// Entry is closed.
    #[error("the tournament takes no entries now")]
    EntryClosed,
    /// Nobody has invited the player.
    #[error("the tournament is by invitation, and the player has none")]
    NotInvited,
    /// Every seat is taken.
    #[error("every seat is taken")]
    Full,
    /// The player has all entries that he may have.
    #[error("the player has all the entries that one player may have")]
    NoMoreEntries,
    /// No such line.
    #[error("the payout has no such line")]
    NoSuchLine,
    /// The line is somewhere else.
    #[error("the line's state does not allow this")]
    WrongState,
    /// There is no pool for it, or of another currency.
    #[error("the tournament's pool takes no such money")]
    TakesNothing,
    /// Two people are needed.
    #[error("a second person has to agree")]
    SamePerson,
}
