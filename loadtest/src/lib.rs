//! Load generator and benchmarks for Palio, and two small clients for its integration tests.
//!
//! As a library: [`Client`] signs and sends requests, [`Follower`] keeps a live board.
//! As a program: [`bets`] drives the wallet and checks every cent, [`watch`] opens thousands of
//! sockets and checks every frame.
//!
//! **Invariants:** money is integer minor units and is computed here, independently of the
//! server; a figure that was not measured is not printed; what could not be proven fails.
//!
//! Tests: `tests/it/`, against a stub server that can be told to misbehave.

pub mod baseline;
pub mod bets;
pub mod board;
pub mod cli;
mod client;
mod clock;
pub mod conformance;
mod error;
pub mod fanout;
pub mod figures;
mod follower;
pub mod http;
pub mod ladder;
mod money;
mod num;
pub mod out;
mod players;
mod procfs;
pub mod recovery;
mod report;
pub mod rfc6455;
mod sign;
mod stats;
pub mod watch;
mod ws;

pub use client::{Client, Reply};
pub use error::Error;
pub use follower::{Event, Follower, refused_status};
pub use sign::Forgery;
