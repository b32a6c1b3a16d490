//! Integration tests, as one binary.

mod crash;
mod http;
mod process;
mod storage;
