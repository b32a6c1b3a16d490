//! Palio: a real-time tournament and wallet server. See `ARCHITECTURE.md`.

pub mod actors;
pub mod auth;
pub mod clock;
pub mod config;
pub mod metrics;
pub mod providers;
pub mod storage;
pub mod telemetry;
