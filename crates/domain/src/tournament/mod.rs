//! Tournaments: what is announced, how it lives, how rounds become standings.
//!
//! **Invariant:** standings are a pure function of the definition and the set of rows up to the
//! cut; neither order between slots nor repetition changes them.

pub mod admission;
mod alias;
mod check;
mod definition;
pub mod lifecycle;
pub mod parts;
pub mod prizes;
mod ranking;
pub mod rules;
pub mod schedule;
pub mod score;
pub mod settle;
mod standings;
#[cfg(test)]
mod tests;

pub use admission::{Admission, Kind, Price, Reentry, Review};
pub use alias::{alias, write_alias};
pub use definition::{Definition, EntryMode, Metric, Problem};
pub use lifecycle::Phase;
pub use ranking::{Moved, Ranking, Unsorted};
pub use rules::Rules;
pub use standings::{FinalResult, FinalRow, Position, Scored, Standing, Standings};
