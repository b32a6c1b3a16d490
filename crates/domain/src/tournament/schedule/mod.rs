//! Schedules: when tournaments start by themselves (requirement T2, rule L9).
//!
//! ```text
//! Schedule ──compile──▶ Plan ──occurrences──▶ starts ──instances──▶ runs with their moments
//!  (as written)          │
//!                        └──due(decided through, now)──▶ create, create late, missed
//! ```
//!
//! # The rule where clocks change
//! An expression names *readings of a wall clock* in the schedule's zone. Nearly every reading
//! comes exactly once; where the clock is turned forward some never come (a *gap*), where it is
//! turned back some come twice (an *overlap*). What happens then depends on what the expression
//! speaks of:
//!
//! - It names only some hours (`30 2 * * *`, `0 8-20 * * *`): it is a **list of local times**, each
//!   of which is one start. In a gap it moves to the first instant after the gap; starts that thereby
//!   fall on the same instant are one start, called by the earliest reading. In an overlap it is
//!   the first of the two.
//! - It names every hour (`*/15 * * * *`, `0 * * * *`): it is a **rhythm**, and starts whenever the
//!   clock shows a reading that it names. A gap is not made up for, and in an overlap both passings
//!   count; so it goes on every 15 elapsed minutes. Where a clock moves by half an hour
//!   (Lord Howe), an hourly rhythm has one interval of half an hour or of one and a half.
//!
//! A single local time is a list of one. Ends by the clock (`until`, `calendar`) are counted from
//! the reading that the expression names, and placed in the same way: in a gap the first instant
//! after it, in an overlap the first passing after the start; where start and end lie in the same
//! gap, the run lasts as long as the readings are apart. Thus a daily race from 02:30 for one day
//! ends exactly when the next one starts, on every day of the year. `from` and `until` of an
//! expression are compared with readings.
//!
//! **Invariants:** planning depends on the schedule and the time-zone data alone, so any part of
//! it can be planned again: the same starts, the same keys. No two starts of a plan are at the same
//! instant, no two have the same key. Unless overlap is allowed, an instance ends before the next
//! one starts, and keeps the gap if it can run for a minute besides.
//!
//! [`entity`] is what the journal keeps of a schedule; who acts on it is `src/actors/scheduler.rs`.
//!
//! It never reads a clock and never asks the machine about zones. Tests: `tests.rs` beside this file
//! (rows, properties, the examples of `docs/tournaments/schedule.md`), and
//! `crates/domain/tests/schedule/` (every zone and every change against independent oracles,
//! simulated downtimes).

mod catch_up;
mod compile;
mod cron;
mod definition;
pub mod entity;
mod instance;
mod local;
mod occurrences;
mod outlook;
mod plan;
mod problem;
#[cfg(test)]
mod tests;
mod zone;

pub use catch_up::{Decision, Due, Missed, Verdict};
pub use definition::{
    At, CatchUp, Length, NotAScheduleId, Reminder, Schedule, ScheduleId, Weekday, When,
};
pub use entity::Programme;
pub use instance::{DueNotice, Instance, InstanceKey, Notice, Occurrence, Pass};
pub use local::{LocalTime, NotALocalTime};
pub use plan::Plan;
pub use problem::{Code, Problem};
pub use zone::{is_zone, tzdata_version};
