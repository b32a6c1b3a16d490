//! The tests' stub server as a program, to find out what the tool itself costs:
//! `cargo run --release -p loadtest --example stub -- 127.0.0.1:9090`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's server")]

#[path = "../tests/it/stub/mod.rs"]
mod stub;

use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9090".to_owned());
    let tick = Duration::from_millis(250);
    let options = stub::Options { tick, churn: true, ..stub::Options::default() };
    let server = stub::Stub::start(&address, options).await;
    let (key, secret, operator) = (stub::KEY, stub::SECRET, stub::OPERATOR);
    eprintln!("{}: key {key}, secret {secret}, operator token {operator}", server.address);
    std::future::pending::<()>().await;
}
