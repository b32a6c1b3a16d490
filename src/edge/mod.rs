//! Boards on more nodes than the one that makes them: a core writes what it publishes to Redis,
//! edges read it and show the same, with the same epochs and positions.
//!
//! ```text
//!  core                         Redis                              edge (any number)
//!  Topics ─▶ writer: Pen ──▶ {id}:board  entries, trimmed ──▶ reader: Copy ─▶ Topics ─▶ sockets
//!            (newest only)   wake        which have news  ──▶ (says what to read)
//!  Catalogue ─▶ shelf ─────▶ list, docs  what there is    ──▶ Shelf ─▶ GET /api/tournaments
//!            pulse ────────▶ core        a beat           ──▶ freshness ─▶ stale, fresh
//! ```
//! **Invariants:** Redis decides nothing and may lose everything: the core writes it again. An
//! edge shows only boards that a core has published, in the order of their [`At`], never an older
//! one after a newer one. A slow or dead Redis costs the core a task, no memory that grows, and
//! nothing of its sockets and bets.
//!
//! `entry`, `pen` and `copy` are pure; `redis` is the only file that knows the client library.
//! Tests: `tests`, a seeded model, and over real servers in `tests/it/edge_nodes/`.

pub mod copy;
pub mod entry;
pub mod own;
pub mod pen;
pub mod pulse;
pub mod reader;
pub mod redis;
pub mod shelf;
pub mod store;
pub mod writer;

#[cfg(test)]
mod tests;

pub use entry::{At, Entry};
pub use store::{Store, StoreError};
