//! Prizes as pure rules: from a published table and a result to a plan that sums exactly.
//!
//! **Invariants:** a plan is a function of table, pool and standings; it sums to the minor unit.
//! **Absent on purpose:** floats, wallets, times. Who pays a plan out is another part's work.

mod award;
mod cancel;
pub mod check;
mod error;
mod finish;
mod meter;
mod pieces;
mod plan;
mod pool;
mod revise;
mod rules;
pub mod split;
pub mod table;
#[cfg(test)]
mod tests;

pub use award::plan;
pub use cancel::{PaidWith, Reached, Stack, before_the_money, cancel, deal, in_the_money, refund};
pub use check::{Code, Problem, Severity};
pub use error::Error;
pub use finish::{Finish, Finishers, Status};
pub use meter::{Account, Contribution, Meter};
pub use plan::{
    Cause, Destination, Due, Fee, Funding, Line, PrizePlan, Reason, Remainder, Source, What,
};
pub use pool::{Collected, Pool};
pub use revise::{Action, Compensation, Holdings, Revision, revise};
pub use rules::{JackpotRates, PLACES_MAX, Rate, Rules};
pub use table::PrizeTable;
