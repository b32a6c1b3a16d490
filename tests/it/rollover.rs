//! What nobody wins goes into the pool of the schedule's next race, over HTTP with the real
//! server, killed as soon as it is seen to be left over, and a few times on its way
//! (tournament-rules.md, P4).

use crate::process::{Palio, Store, time_in};
use loadtest::{Client, Reply};
use palio_protocol::time;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const MINUTE: i64 = 60_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_wins_is_carried_on_sqlite() {
    let mut palio = Palio::start(Store::Sqlite).await;
    for player in ["a", "b"] {
        assert_eq!(palio.deposit(player, "first", "100.00").await.status, 200);
    }
    // One schedule, set again for every race: three of them, the first one runs at once.
    let first = set(&palio, 1_500).await;
    let second = set(&palio, 3 * MINUTE).await;
    let third = set(&palio, 6 * MINUTE).await;
    bought(&palio, "a", &first).await;
    bought(&palio, "b", &second).await;
    until(&palio, &first, "active").await;
    let body = json!({"playerId": "a", "roundId": "r", "gameId": "wheel", "betId": "r",
                      "stake": "10.00", "payout": "0.00", "currency": "EUR"});
    let reply = palio.provider().post("/wallet/play", "", body.to_string()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let pool = shown(&palio, &second).await["pool"].clone();
    assert_eq!(pool["carriedIn"], Value::Null, "nothing yet: {pool}");

    // It ends with one winner: half of 104.00 is nobody's.
    until_left(&palio, &first).await;
    palio.kill();
    palio.run().await;
    let left = |amount: &str, state: &str, to: Option<&str>| match to {
        Some(to) => json!([{"amount": amount, "state": state, "to": to}]),
        None => json!([{"amount": amount, "state": state}]),
    };
    left_over(&mut palio, &first, &left("52.00", "carried", Some(&second))).await;
    let pool = shown(&palio, &second).await["pool"].clone();
    assert_eq!(pool["carriedIn"], json!([{"from": first, "amount": "52.00"}]));
    assert_eq!(pool["total"], "156.00", "100.00 of the operator, 4.00 of a buy-in: {pool}");
    let part = json!({"source": "carriedIn", "amount": "52.00"});
    assert!(pool["parts"].as_array().unwrap().contains(&part), "{pool}");

    // A later version has less to roll over: what is carried stays, the operator pays.
    let judge = json!({"playerId": "a", "reason": "two accounts"});
    let path = format!("/api/tournaments/{first}/disqualifications");
    assert_eq!(post(&palio.operator(), &path, &judge).await.status, 200);
    let both = json!([{"amount": "52.00", "state": "carried", "to": second},
                      {"amount": "52.00", "state": "carried", "to": second}]);
    left_over(&mut palio, &first, &both).await;
    let judge = json!({"playerId": "a", "reason": "a mistake", "lift": true});
    assert_eq!(post(&palio.operator(), &path, &judge).await.status, 200);
    until_result(&palio, &first, 3).await;
    left_over(&mut palio, &first, &both).await;
    assert_eq!(shown(&palio, &second).await["pool"]["total"], "208.00");

    // The second one is called off: its player has his 4.40 back, the rest goes to the third one.
    let why = json!({"reason": "no dealer"});
    let path = format!("/api/tournaments/{second}/cancel");
    assert_eq!(post(&palio.operator(), &path, &why).await.status, 200);
    left_over(&mut palio, &second, &left("104.00", "carried", Some(&third))).await;
    let pool = shown(&palio, &third).await["pool"].clone();
    assert_eq!(pool["carriedIn"], json!([{"from": second, "amount": "104.00"}]));
    until_cash(&palio, "b", "100.00").await;

    // Nothing comes after the third one: it waits while the schedule may announce another.
    let path = format!("/api/tournaments/{third}/cancel");
    set(&palio, 24 * 60 * MINUTE).await;
    assert_eq!(post(&palio.operator(), &path, &why).await.status, 200);
    left_over(&mut palio, &third, &left("104.00", "waiting", None)).await;
    let schedule: Value = palio.operator().fetch("/api/schedules/race").await.unwrap();
    assert_eq!(schedule["waiting"], json!(["104.00 EUR"]), "{schedule}");
    // And goes back to promotions when it will not.
    assert_eq!(post(&palio.operator(), "/api/schedules/race/stop", &why).await.status, 200);
    left_over(&mut palio, &third, &left("104.00", "returned", None)).await;
    let schedule: Value = palio.operator().fetch("/api/schedules/race").await.unwrap();
    assert_eq!(schedule["waiting"], Value::Null);
    palio.stop();
    let report = palio.verify();
    assert_eq!(report["inFlight"], 0, "{report:#}");
}

/// Sets the schedule for one race so far from now; its id.
async fn set(palio: &Palio, starts_in: i64) -> String {
    let starts = time::parse(&time_in(starts_in)).unwrap().0;
    let document = json!({
        "id": "race", "zone": "UTC",
        "when": {"type": "once", "at": starts},
        "length": {"type": "fixed", "ms": MINUTE},
        "announceBeforeMs": 600_000, "registrationBeforeMs": 600_000,
        "tournament": {"name": "Race", "metric": "turnover", "currency": "EUR",
            "graceSeconds": 0, "tickMs": 100,
            "prizeTable": {"currency": "EUR",
                "policies": {"unspent": "rollover", "correction": "payUpOnly"},
                "pool": {"seed": "100.00", "buyIns": {"feePerEntry": "0.40"}},
                "bands": [{"from": 1, "prizes": [{"kind": "cash", "percent": "50"}]},
                          {"from": 2, "to": 3, "prizes": [{"kind": "cash", "percent": "25"}]}]},
            "buyIn": {"amount": "4.00", "fee": "0.40"}},
    });
    let reply = post(&palio.operator(), "/api/schedules", &document).await;
    assert!(matches!(reply.status, 200 | 201), "{}", reply.text());
    let set: Value = reply.json().unwrap();
    text(&set["next"][0]["tournamentId"])
}

/// A player's entry.
async fn bought(palio: &Palio, player: &str, id: &str) {
    let started = Instant::now();
    loop {
        let path = format!("/api/tournaments/{id}/join");
        let reply = post(&palio.player(player), &path, &json!({})).await;
        if reply.status == 200 {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{}", reply.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn post(who: &Client, path: &str, body: &Value) -> Reply {
    who.post(path, "", body.to_string()).await.unwrap()
}

async fn shown(palio: &Palio, id: &str) -> Value {
    palio.operator().fetch(&format!("/api/tournaments/{id}")).await.unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

async fn until(palio: &Palio, id: &str, phase: &str) {
    let started = Instant::now();
    loop {
        let reply = palio.operator().get(&format!("/api/tournaments/{id}")).await.unwrap();
        let seen: Value = reply.json().unwrap_or_default();
        if seen["phase"] == phase {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(90), "{id}: {seen}\n{}", palio.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until something is left over, wherever it is: at once it waits.
async fn until_left(palio: &Palio, id: &str) {
    let started = Instant::now();
    loop {
        let reply = palio.operator().get(&format!("/api/tournaments/{id}")).await.unwrap();
        let seen: Value = reply.json().unwrap_or_default();
        if seen["leftOver"].is_array() {
            println!("killed when it was {}", seen["leftOver"][0]["state"]);
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(90), "{id}: {seen}\n{}", palio.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_result(palio: &Palio, id: &str, version: u64) {
    let started = Instant::now();
    loop {
        let seen = shown(palio, id).await;
        if seen["result"]["version"] == version && seen["phase"] == "completed" {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{seen}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until_cash(palio: &Palio, player: &str, cash: &str) {
    let started = Instant::now();
    loop {
        let path = format!("/api/players/{player}");
        let seen: Value = palio.operator().fetch(&path).await.unwrap();
        if seen["accounts"][0]["cash"] == cash {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{seen}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until what was left stands so, killing the server on the way.
async fn left_over(palio: &mut Palio, id: &str, expected: &Value) {
    for kills in 0..3 {
        tokio::time::sleep(Duration::from_millis(200 + 250 * kills)).await;
        palio.kill();
        palio.run().await;
    }
    let started = Instant::now();
    loop {
        let seen = shown(palio, id).await;
        if seen["leftOver"] == *expected {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{seen:#}\n{}", palio.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
