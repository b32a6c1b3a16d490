//! Prints the `AsyncAPI` document, as it is published:
//! `cargo run -p palio-protocol --features schema --example asyncapi > docs/protocol/asyncapi.json`

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn main() {
    println!("{:#}", palio_protocol::asyncapi::published());
}
