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
//! Tests: `tests/`, and over real servers in `tests/it/edge_nodes.rs`.

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

pub use entry::{At, Entry};
pub use store::{Store, StoreError};

/// Tells the recorder what the metrics of this module mean.
pub fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_gauge!("palio_redis_up", "Whether Redis answers: 1 or 0.");
    describe_counter!("palio_redis_errors_total", "Calls to Redis that failed, by what for.");
    describe_counter!("palio_redis_entries_total", "Entries written for edges, by kind.");
    describe_counter!(
        "palio_redis_boards_skipped_total",
        "Boards that edges were not given one by one, since newer ones came meanwhile."
    );
    describe_histogram!(
        "palio_redis_write_lag_seconds",
        Unit::Seconds,
        "From a board's publication until Redis has it."
    );
    describe_counter!("palio_edge_entries_total", "Entries read by an edge, by what they were.");
    describe_counter!("palio_edge_own_rows_total", "Own rows asked of the core, by outcome.");
    describe_gauge!("palio_edge_stale", "Whether an edge has lost touch with its core: 1 or 0.");
    describe_gauge!("palio_edge_boards", "Tournaments that an edge has a board of.");
    describe_histogram!(
        "palio_edge_lag_seconds",
        Unit::Seconds,
        "From a board's publication by the core until an edge shows it."
    );
}
