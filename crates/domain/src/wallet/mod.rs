//! A player's wallet: commands in, events out, balances as a fold over the events.
//!
//! ```text
//! bet:  (unknown) ──PlaceBet──▶ open ──SettleRound/SettleBets──▶ settled
//!           │                    └─────────Rollback────────────▶ rolled back
//!           ├──PlaceBet, no money──▶ refused (for ever)
//!           ├──Rollback──▶ tombstone (for ever)
//!           └──Play──▶ settled
//! ```
//!
//! **Invariants:** available ≥ 0; held = Σ stakes of open bets and buy-ins that
//! wait for a seat; a bet's id and its end are
//! claimed in the journal, so neither can happen twice whatever this code forgets.
//! **Never:** I/O, clocks, random numbers. **Tests:** `tests.rs` here, `tests/sim/` for crashes.

mod cell;
mod command;
pub mod contest;
mod decide;
mod event;
mod kept;
pub mod protection;
mod refusal;
pub mod reported;
mod rows;
mod scored;
mod state;
mod terms;
#[cfg(test)]
mod tests;

pub use cell::{Answer, Cell, Error, Found, Needs, Prepared};
pub use command::{BetResult, Command, Outcome, Verdict, WithdrawalEnd};
pub use decide::{Context, Decision, Facts, Noop, Past};
pub use event::{About, BetRef, CorruptRow, Event, Settled, SettlementTotals, Stake};
pub use kept::Kept;
pub use refusal::Refusal;
pub use scored::{Report, SettledRound};
pub use state::{
    Accounts, Broken, Entry, FreeRounds, OpenBet, Proposal, Session, Unable, Wallet, Withdrawal,
};
pub use terms::{Amend, Funding, LateBet, SessionRule, Terms, UnmatchedWin};
