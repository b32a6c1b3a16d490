//! [`Client`] and [`Follower`], as other tests use them.

use crate::stub::{Fault, KEY, OPERATOR, Options, SECRET, Stub, TOURNAMENT};
use loadtest::board::{Board, Frame};
use loadtest::{Client, Event, Follower, refused_status};
use serde_json::Value;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn the_client_signs_and_shares_connections() {
    let stub = Stub::start("127.0.0.1:0", Options::default()).await;
    let operator = Client::bearer(&stub.url(), OPERATOR).unwrap();
    let body = r#"{"amount":"100.00","currency":"EUR"}"#;
    assert_eq!(operator.post("/api/players/p1/deposits", "k1", body).await.unwrap().status, 200);

    let provider = Client::new(&stub.url(), KEY, SECRET.as_bytes()).unwrap();
    let bet = r#"{"playerId":"p1","roundId":"r","gameId":"loadtest","betId":"b","amount":"10.00","currency":"EUR"}"#;
    let first = provider.post("/wallet/debit", "k2", bet).await.unwrap();
    assert_eq!((first.status, first.header("content-type")), (200, Some("application/json")));
    let again = provider.post("/wallet/debit", "k2", bet).await.unwrap();
    assert_eq!((again.status, again.code()), (409, "IDEMPOTENT_REPLAY"));
    assert!(again.text().contains(&first.text()));
    let wallet: Value = provider.fetch("/wallet/p1").await.unwrap();
    assert_eq!(wallet["accounts"][0]["available"], "90.00");

    let calls = (0..20).map(|_| provider.get("/wallet/p1"));
    let replies = futures_util::future::join_all(calls).await;
    assert!(replies.into_iter().all(|reply| reply.unwrap().status == 200));

    let traced = provider.clone().header("X-Trace-Id", "tr_1").header("X-Other", "2");
    assert_eq!(traced.get("/wallet/p1").await.unwrap().header("x-trace-id"), Some("tr_1"));

    let stranger = Client::anonymous(&stub.url()).unwrap();
    assert_eq!(stranger.get("/wallet/p1").await.unwrap().status, 401);
    assert!(stranger.fetch::<Value>("/nothing").await.unwrap_err().to_string().contains("404"));
}

#[tokio::test]
async fn the_client_notices_a_server_that_is_gone() {
    let gone = Client::anonymous("http://127.0.0.1:1").unwrap();
    assert_eq!(gone.get("/").await.unwrap_err().code(), "CONNECTION_REFUSED");
}

#[tokio::test]
async fn the_follower_follows_and_resumes() {
    let stub = Stub::start("127.0.0.1:0", Options { churn: true, ..Options::default() }).await;
    let url = stub.url();
    let mut follower = Follower::connect(&url, TOURNAMENT, None).await.unwrap();
    follower.until(SOON, |f| f.rows().len() == 10 && f.seq() > 5).await.unwrap();
    follower.send(r#"{"t":"ping"}"#).await.unwrap();
    let pong = async {
        while !matches!(follower.next().await.unwrap(), Event::Frame(Frame::Pong { .. })) {}
    };
    tokio::time::timeout(SOON, pong).await.unwrap();
    let left = follower.close().await;

    let mut again = Follower::connect(&url, TOURNAMENT, Some(left.clone())).await.unwrap();
    let Event::Frame(first) = again.next().await.unwrap() else { panic!("closed") };
    assert_eq!(first, Frame::Resumed { epoch: left.epoch().to_owned(), seq: left.seq() });
    again.until(SOON, |f| f.seq() > left.seq() + 5).await.unwrap();

    let mut stale = Follower::connect(&url, TOURNAMENT, Some(Board::at("other", 3))).await.unwrap();
    let first = stale.next().await.unwrap();
    assert!(matches!(first, Event::Frame(Frame::Snapshot { .. })), "{first:?}");
    assert_eq!(stale.epoch(), left.epoch());
}

#[tokio::test]
async fn the_follower_shows_how_it_ended() {
    let options = Options { churn: true, fault: Fault::ClosesSockets, ..Options::default() };
    let stub = Stub::start("127.0.0.1:0", options).await;
    let mut follower = Follower::connect(&stub.url(), TOURNAMENT, None).await.unwrap();
    let closed = loop {
        if let Event::Closed { code, reason } = follower.next().await.unwrap() {
            break (code, reason);
        }
    };
    assert_eq!(closed, (1001, "away".to_owned()));
    let missing = Follower::connect(&stub.url(), "nothing", None).await.unwrap_err();
    assert_eq!(refused_status(&missing), Some(404));
}
