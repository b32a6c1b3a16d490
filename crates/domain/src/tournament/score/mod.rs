//! How rounds become points: a formula of terms per round, then which rounds count.
//!
//! ```text
//! round ──terms──▶ points of the round ──floor, cap──▶ which rounds count ──▶ score ──cut──▶ rank
//!                                                      + streaks
//! ```
//! **Invariant:** a score is a pure function of the set of rounds: neither order nor repetition
//! changes it, and a round that is taken back leaves no trace (tournament-rules.md, L3 and L4).

mod formula;
mod points;
mod select;
mod tally;
#[cfg(test)]
mod tests;

pub use formula::{Band, Formula, Of, Round, Run, Streak, Term, When};
pub use points::{DECIMALS, ONE, Points, divide};
pub use select::{Count, Part, Per, Score};
pub use tally::{Outcome, Tally};
