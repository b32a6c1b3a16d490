//! The table of RFC 6455 against Palio. `loadtest/tests/it/rfc6455.rs` plays it to a control.

use super::support::Stage;
use loadtest::rfc6455::{Codes, cases, play};

/// Broken frames and broken texts are one to Palio; docs/protocol/live.md says so.
const CODES: Codes = Codes { protocol: 4400, utf8: 4400, too_long: 1009, echoes: false };

#[actix_rt::test]
async fn every_case_of_the_table() {
    let stage = Stage::set();
    let address = stage.address.parse().unwrap();
    let mut wrong = Vec::new();
    for case in cases() {
        wrong.extend(play(address, "/ws/tournaments/race", &case, CODES).await.unwrap());
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases().len(), wrong.join("\n"));
}
