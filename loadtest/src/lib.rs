//! Two small clients for Palio's integration tests: [`Client`] signs and sends requests,
//! [`Follower`] keeps a live board.
//!
//! Tests: `tests/it/`, against a stub server that can be told to misbehave.

pub mod board;
mod client;
mod clock;
mod error;
mod follower;
pub mod http;
mod num;
mod report;
mod sign;
mod stats;
mod ws;

pub use client::{Client, Reply};
pub use error::Error;
pub use follower::{Event, Follower, refused_status};
