//! Searching the journal: which rows there are of a player, a round, a bet, a provider, a time.
//!
//! Every 1,024 rows of a slot have a [zone](palio_domain::journal::Zone): their times, their kinds
//! and a filter over whatever they can be found by. A search asks the zones first and reads only
//! blocks that may hold what it looks for, newest first, through connections of its own.
//!
//! | part | job |
//! |---|---|
//! | [`Search`] | takes committed rows in, keeps zones, catches up from the store |
//! | `walk` | the ranges of one slot that may hold a match, newest first |
//! | `page` | slots merged into pages by time, with a cursor that stays good |
//! | [`Search::round`] | the whole history of a player's round, for his wallet |
//!
//! **Invariants:** only committed rows are found; a row is never missed, however far behind the
//! zones are, since rows without a zone are read; what can't be decoded counts as "may hold".
//! Zones are derived: without them searches are slow, not wrong.

mod index;
mod page;
mod walk;

pub use index::Search;
pub use page::{Cursor, Page, SearchError};
