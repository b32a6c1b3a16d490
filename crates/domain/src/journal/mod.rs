//! The journal: rows, their canonical bytes, the hash chain, and the stage that hands out
//! positions before a batch is committed.

pub mod filter;
pub mod head;
pub mod identity;
pub mod kind;
pub mod query;
pub mod row;
pub mod stage;
pub mod zone;

pub use filter::KeyFilter;
pub use head::{Chain, Head, HeadMove};
pub use identity::{Claim, Key16, Keys, RequestKind};
pub use kind::RowKind;
pub use query::{Filter, Kinds, Query};
pub use row::{Account, Leg, Request, Row, transaction_id};
pub use stage::{Batch, Draft, Stage};
pub use zone::{OpenZone, ZONE_ROWS, Zone};
