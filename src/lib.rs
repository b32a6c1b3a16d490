//! Palio: a real-time tournament and wallet server. See `ARCHITECTURE.md`.

pub mod actors;
pub mod storage;
pub mod ws;
