//! The actors: wallets, committers, tournaments, the follower, and the live side.

pub mod board;
pub mod broadcaster;
pub mod budget;
mod committer;
mod core;
pub mod desk;
mod entity;
pub mod entries;
pub mod follower;
pub mod handle;
pub mod hub;
pub mod offers;
pub mod payouts;
pub mod purse;
pub mod purses;
mod recovery;
pub mod registry;
pub mod rollover;
pub mod scheduler;
pub mod schedules;
mod showing;
mod steps;
mod tournament;
pub mod tournaments;
mod wallet;
