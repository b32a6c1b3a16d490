//! The check of documents and their schema over HTTP.

use crate::process::{Palio, Store};
use loadtest::Client;
use serde_json::Value;

const BROKEN: &str = r#"{"id":"race","name":"Race","metric":"turnover","currency":"EUR","startsAt":"2026-11-21T19:00:00Z","endsAt":"2026-11-21T18:00:00Z","stake_min":"1","prizeTable":{"currency":"EUR","total":"10.00","bands":[{"from":1,"prizes":[{"kind":"cash","amount":"9.00"}]}]}}"#;
const FINE: &str = r#"{"id":"race","name":"Race","metric":"turnover","currency":"EUR","startsAt":"2026-11-21T18:00:00Z","endsAt":"2026-11-21T19:00:00Z"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_checked_and_never_created() {
    let palio = Palio::start(Store::Sqlite).await;
    let operator = palio.operator();
    let anyone = Client::anonymous(&palio.url()).unwrap();

    let check = |body: &'static str| operator.post("/api/tournaments/check", "", body);
    let answer = check(BROKEN).await.unwrap();
    assert_eq!(answer.status, 200);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let told: Vec<_> = body["problems"].as_array().unwrap().iter().collect();
    let codes: Vec<_> = told
        .iter()
        .map(|problem| (problem["code"].as_str().unwrap(), problem["field"].as_str().unwrap()))
        .collect();
    let expected = [
        ("FIELD_UNKNOWN", "stake_min"),
        ("TOTAL_MISMATCH", "prizeTable.total"),
        ("TOURNAMENT_INVALID", "endsAt"),
    ];
    assert_eq!(codes, expected);
    assert!(told.iter().all(|problem| problem["severity"] == "error"));

    let answer = check(FINE).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, br#"{"problems":[]}"#.as_slice()));
    let list = anyone.get("/api/tournaments").await.unwrap();
    assert_eq!(list.body.as_slice(), br#"{"tournaments":[]}"#);

    for (body, status) in [("[1]", 200), ("{", 400), ("", 400)] {
        assert_eq!(check(body).await.unwrap().status, status, "{body}");
    }
    let refused = anyone.post("/api/tournaments/check", "", FINE).await.unwrap();
    assert_eq!(refused.status, 401);

    let schema = anyone.get("/api/tournaments/schema.json").await.unwrap();
    assert_eq!(schema.status, 200);
    assert_eq!(schema.body, palio::document::SCHEMA.as_bytes());
}
