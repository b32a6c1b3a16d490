//! Prizes as pure rules: from a published table and a result to a plan that sums exactly.
//!
//! **Invariants:** a plan is a function of table, pool and standings; it sums to the minor unit.
//! **Absent on purpose:** floats, wallets, times. Who pays a plan out is another part's work.

mod error;
mod plan;
pub mod split;

pub use error::Error;
pub use plan::{
    Cause, Destination, Due, Fee, Funding, Line, PrizePlan, Reason, Remainder, Source, What,
};
