//! Palio: a real-time tournament and wallet server. See `ARCHITECTURE.md`.

pub mod actors;
pub mod app;
pub mod auth;
pub mod check;
pub mod clock;
pub mod config;
pub mod document;
pub mod edge;
pub mod http;
pub mod metrics;
pub mod notices;
pub mod outgoing;
pub mod payments;
pub mod peers;
pub mod players;
pub mod providers;
pub mod rules_off;
pub mod search;
pub mod storage;
pub mod telemetry;
pub mod theme;
pub mod tls;
pub mod verify;
pub mod ws;
