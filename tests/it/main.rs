//! Integration tests, as one binary.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests may panic, and print what they did"
)]

mod actors;
mod agreed;
mod brands;
mod complaints;
mod contests;
mod crash;
mod crash_database;
mod database;
mod desk;
mod dialects;
mod documents;
mod edge;
mod edge_nodes;
mod edge_reader;
mod external;
mod fanout;
mod http;
mod live;
mod money;
mod overload;
mod payments;
mod process;
mod providers;
mod restart;
mod results;
mod rollover;
mod scheduler;
mod schedules;
mod search;
mod sessions;
mod storage;
mod tokens;
