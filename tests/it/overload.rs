//! A full node: bets are refused first, results last, and one provider's storm leaves room for
//! the others (design, invariant 10). Slow bodies hold no places of commands.

use crate::process::{Palio, Store};
use loadtest::{Client, Reply};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Twenty places: sixteen general ones, of which a provider has eight, and four of the reserve,
/// of which it has two.
const SMALL: &str = r#"
commands_in_flight_max = 20
settle_reserve = 4
provider_share_percent = 50
tenant_share_percent = 100
"#;

const ONE: &str = r#"
[[provider]]
id = "storm"
tenant = 1
keys = [{ id = "storm-1", secret_file = "" }]
"#;

const TWO: &str = r#"
[[provider]]
id = "storm"
tenant = 1
keys = [{ id = "storm-1", secret_file = "" }]

[[provider]]
id = "calm"
tenant = 1
keys = [{ id = "calm-1", secret_file = "" }]
"#;

/// Thirty bodies at a time, of these fifteen of one provider.
const SLOW: &str = r#"
[http]
body_seconds_max = 60
bodies_max = 30
bodies_per_address_max = 20
"#;

/// A request whose body never comes; `Err` with the status when it is refused before that.
async fn stalled(palio: &Palio, path: &str, headers: &str) -> Result<TcpStream, String> {
    let address = palio.url().trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\nContent-Length: 100\r\n\r\n{{");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0_u8; 12];
    match tokio::time::timeout(Duration::from_millis(300), socket.read_exact(&mut answer)).await {
        Ok(read) => {
            read.unwrap();
            Err(String::from_utf8_lossy(&answer[9..]).into_owned())
        }
        Err(_) => Ok(socket),
    }
}

fn bet(client: &Client, id: &str) -> JoinHandle<Reply> {
    let body = json!({"playerId": "p", "roundId": id, "gameId": "wheel", "betId": id,
                      "amount": "1.00", "currency": "EUR"});
    let client = client.clone();
    tokio::spawn(async move { client.post("/wallet/debit", "", body.to_string()).await.unwrap() })
}

fn win(client: &Client, id: &str) -> JoinHandle<Reply> {
    let body = json!({"playerId": "p", "roundId": id, "betId": id, "amount": "2.00",
                      "currency": "EUR"});
    let client = client.clone();
    tokio::spawn(async move { client.post("/wallet/credit", "", body.to_string()).await.unwrap() })
}

/// What was answered, in order.
async fn heard(calls: Vec<JoinHandle<Reply>>) -> Vec<String> {
    let mut codes = Vec::new();
    for call in calls {
        let reply = call.await.unwrap();
        codes.push(if reply.status == 200 { "ok".to_owned() } else { reply.code().to_owned() });
    }
    codes.sort();
    codes
}

/// Waits until so many of the calls are answered: those that found no place.
async fn refused(calls: &[JoinHandle<Reply>], count: usize) {
    let since = Instant::now();
    while calls.iter().filter(|call| call.is_finished()).count() < count {
        assert!(since.elapsed() < Duration::from_secs(5), "fewer were refused");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn many(word: &str, count: usize) -> Vec<String> {
    vec![word.to_owned(); count]
}

async fn storm(palio: &Palio, others: bool) {
    palio.deposit("p", "d", "100.00").await;
    let client = |key: &str| {
        let client = Client::new(&palio.url(), key, &palio.secret(key)).unwrap();
        client.timeout(Duration::from_secs(30))
    };
    let storm = client("storm-1");
    let first: Vec<_> = (0..4).map(|n| bet(&storm, &format!("s{n}"))).collect();
    assert_eq!(heard(first).await, many("ok", 4));
    let hold = palio.hold_commits().await;
    // The storm's bets get its eight places; the rest is refused at once.
    let bets: Vec<_> = (0..20).map(|n| bet(&storm, &format!("b{n}"))).collect();
    refused(&bets, 12).await;
    // Its wins go into the reserve, and find their two places there although the share is full.
    let wins: Vec<_> = (0..4).map(|n| win(&storm, &format!("s{n}"))).collect();
    refused(&wins, 2).await;
    let mut calm_calls = Vec::new();
    if others {
        // The other provider has the rest of both parts.
        let calm = client("calm-1");
        let bets: Vec<_> = (0..12).map(|n| bet(&calm, &format!("c{n}"))).collect();
        refused(&bets, 4).await;
        // All general places are taken, and so is the storm's part of the reserve: the kill switch
        // and the other's wins are not refused.
        let win = win(&calm, "unknown");
        calm_calls.extend(bets);
        calm_calls.push(win);
    }
    let operator = palio.operator();
    let off = tokio::spawn(async move {
        let body = r#"{"state":"off","reason":"a storm"}"#;
        operator.post("/api/providers/storm/state", "", body).await.unwrap()
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    hold.end().await;
    let count = |of: &[String], word: &str| of.iter().filter(|code| *code == word).count();
    let bets = heard(bets).await;
    assert_eq!((count(&bets, "ok"), count(&bets, "OVERLOADED")), (8, 12), "{bets:?}");
    let wins = heard(wins).await;
    assert_eq!((count(&wins, "ok"), count(&wins, "OVERLOADED")), (2, 2), "{wins:?}");
    if others {
        let win = calm_calls.pop().unwrap().await.unwrap();
        assert_eq!((win.status, win.code()), (404, "BET_NOT_FOUND"));
        let bets = heard(calm_calls).await;
        assert_eq!((count(&bets, "ok"), count(&bets, "OVERLOADED")), (8, 4), "{bets:?}");
    }
    assert_eq!(off.await.unwrap().status, 200);
    // Refused wins were not kept: their keys are free.
    let again = (0..4).map(|n| win(&storm, &format!("s{n}"))).collect();
    let again = heard(again).await;
    assert_eq!((count(&again, "ok"), count(&again, "IDEMPOTENT_REPLAY")), (2, 2), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_leaves_room_for_the_others_on_sqlite() {
    let palio = Palio::start_with(Store::Sqlite, &[SMALL, TWO].concat(), &[]).await;
    storm(&palio, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_leaves_room_for_the_others_on_postgres() {
    let palio = Palio::start_with(Store::Postgres, &[SMALL, TWO].concat(), &[]).await;
    storm(&palio, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bets_of_a_single_provider_leave_room_for_its_wins_on_sqlite() {
    let palio = Palio::start_with(Store::Sqlite, &[SMALL, ONE].concat(), &[]).await;
    storm(&palio, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bets_of_a_single_provider_leave_room_for_its_wins_on_postgres() {
    let palio = Palio::start_with(Store::Postgres, &[SMALL, ONE].concat(), &[]).await;
    storm(&palio, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_hold_no_places_of_commands() {
    let palio = Palio::start_with(Store::Sqlite, &[SMALL, SLOW, TWO].concat(), &[]).await;
    palio.deposit("p", "d", "100.00").await;
    let client = |key: &str| Client::new(&palio.url(), key, &palio.secret(key)).unwrap();
    let (calm, storm) = (client("calm-1"), client("storm-1"));
    let status = async |call: JoinHandle<Reply>| call.await.unwrap().status;
    // Whoever knows a key's id sends bodies that never come, more than its share of commands.
    let mut held = Vec::new();
    for _ in 0..15 {
        held.push(stalled(&palio, "/wallet/credit", "X-Palio-Key: storm-1").await.unwrap());
    }
    let more = stalled(&palio, "/wallet/credit", "X-Palio-Key: storm-1").await;
    assert_eq!(more.unwrap_err(), "503", "half of the bodies");
    // The others notice nothing; players and operators are read too.
    assert_eq!(status(bet(&calm, "c1")).await, 200);
    assert_eq!(status(win(&calm, "c1")).await, 200);
    assert_eq!(palio.deposit("p", "d2", "1.00").await.status, 200);
    // The address has its bound, whoever it claims to be, also with a good token.
    let token = format!("Authorization: Bearer {}", palio.token("player", "p"));
    held.push(stalled(&palio, "/events", "X-Palio-Key: calm-1").await.unwrap());
    for _ in 0..4 {
        held.push(stalled(&palio, "/api/me/limits", &token).await.unwrap());
    }
    assert_eq!(stalled(&palio, "/api/me/limits", &token).await.unwrap_err(), "503");
    // An unknown key is told before.
    let unknown = stalled(&palio, "/wallet/debit", "X-Palio-Key: nobody").await;
    assert_eq!(unknown.unwrap_err(), "401");
    held.clear();
    let since = Instant::now();
    while status(bet(&storm, "s1")).await == 503 {
        assert!(since.elapsed() < Duration::from_secs(10));
    }
}
