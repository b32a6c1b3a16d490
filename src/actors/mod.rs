//! The actors: wallets, committers, tournaments, the follower, and the live side.

pub mod board;
pub mod broadcaster;
pub mod hub;
