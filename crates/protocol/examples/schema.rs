//! Prints the JSON Schema of the documents of tournaments, as it is published:
//! `cargo run -p palio-protocol --features schema --example schema > docs/tournaments/tournament.schema.json`

#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn main() {
    println!("{:#}", palio_protocol::schema::published());
}
