//! Integration tests, as one binary.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests may panic, and print what they did"
)]

mod crash;
mod dialects;
mod http;
mod process;
mod providers;
mod storage;
