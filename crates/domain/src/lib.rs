//! The pure rules of Palio: money, wallets, journal rows, tournaments, providers.
//!
//! **Absent on purpose:** I/O, async, clocks and random numbers. Time and ids are
//! passed in, so the same journal gives the same answer on every machine.

pub mod ids;
pub mod journal;
pub mod money;
pub mod provider;
#[cfg(feature = "schema")]
mod schema;
pub mod time;
pub mod tournament;
pub mod wallet;

pub use ids::{
    Aggregate, BetId, CampaignId, GameId, PlayerId, ProviderId, RoundId, Slot, TenantId,
    TournamentId, TraceId, WithdrawalId,
};
pub use money::{Amount, Currency};
pub use time::UnixMs;
