//! The wallet over signed HTTP, and the exact deltas that browsers see of it.

use crate::process::{Palio, Store, time_in};
use loadtest::Follower;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn the_basic_flow_on_sqlite() {
    basic_flow(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_basic_flow_on_postgres() {
    basic_flow(Store::Postgres).await;
}

fn debit(bet: &str, round: &str, amount: &str) -> String {
    format!(
        r#"{{"playerId":"p_1","roundId":"{round}","gameId":"wheel","betId":"{bet}","amount":"{amount}","currency":"EUR"}}"#
    )
}

fn settle(round: &str, parts: &[(&str, &str)]) -> String {
    let part = |(player, delta): &(&str, &str)| {
        format!(r#"{{"playerId":"{player}","delta":"{delta}","currency":"EUR"}}"#)
    };
    let parts: Vec<_> = parts.iter().map(part).collect();
    format!(r#"{{"roundId":"{round}","operations":[{}]}}"#, parts.join(","))
}

fn rollback(bet: &str) -> String {
    format!(r#"{{"playerId":"p_1","betId":"{bet}"}}"#)
}

fn play(player: &str, bet: &str, stake: &str, payout: &str) -> String {
    format!(
        r#"{{"playerId":"{player}","roundId":"{bet}","gameId":"wheel","betId":"{bet}","stake":"{stake}","payout":"{payout}","currency":"EUR"}}"#
    )
}

async fn basic_flow(store: Store) {
    let mut palio = Palio::start(store).await;
    assert_eq!(palio.deposit("p_1", "d1", "100.00").await.status, 200);
    assert_eq!(palio.deposit("p_2", "d1", "50.00").await.status, 200);
    let provider = palio.provider();
    let (d, s, r, p) = ("/wallet/debit", "/wallet/settle", "/wallet/rollback", "/wallet/play");
    // (path, key, body, status, code, cash of p_1 afterwards, held)
    let steps: Vec<(&str, &str, String, u16, &str, &str, &str)> = vec![
        (d, "", debit("b1", "r1", "10.00"), 200, "-", "90.00", "10.00"),
        (d, "", debit("b1", "r1", "10.0"), 409, "IDEMPOTENT_REPLAY", "90.00", "10.00"),
        (d, "", debit("b1", "r1", "11.00"), 422, "IDEMPOTENCY_MISMATCH", "90.00", "10.00"),
        (s, "s1", settle("r1", &[("p_1", "5.00")]), 200, "-", "105.00", "0.00"),
        (s, "s1", settle("r1", &[("p_1", "5.00")]), 409, "IDEMPOTENT_REPLAY", "105.00", "0.00"),
        (r, "", rollback("b1"), 409, "BET_ALREADY_SETTLED", "105.00", "0.00"),
        (d, "", debit("b2", "r2", "105.01"), 402, "INSUFFICIENT_FUNDS", "105.00", "0.00"),
        (d, "", debit("b3", "r3", "5.00"), 200, "-", "100.00", "5.00"),
        (s, "s3", settle("r3", &[("p_1", "-5.01")]), 422, "NEGATIVE_PAYOUT", "100.00", "5.00"),
        (
            s,
            "s3",
            settle("r3", &[("p_1", "0.00"), ("nobody", "0.00")]),
            404,
            "PLAYER_NOT_FOUND",
            "100.00",
            "5.00",
        ),
        (
            s,
            "s3",
            settle("r3", &[("p_1", "0.00"), ("p_2", "0.00")]),
            404,
            "BET_NOT_FOUND",
            "100.00",
            "5.00",
        ),
        (r, "", rollback("b3"), 200, "-", "105.00", "0.00"),
        (r, "again", rollback("b3"), 200, "-", "105.00", "0.00"),
        (r, "", rollback("b4"), 200, "-", "105.00", "0.00"),
        (d, "", debit("b4", "r4", "1.00"), 409, "BET_CANCELLED", "105.00", "0.00"),
        (p, "", play("p_1", "b5", "5.00", "7.50"), 200, "-", "107.50", "0.00"),
        (p, "", play("p_1", "b6", "0.00", "0.00"), 200, "-", "107.50", "0.00"),
        (d, "", debit("b7", "r7", "0.001"), 422, "INVALID_FIELD", "107.50", "0.00"),
        (d, "", debit("b7", "r7", "-1.00"), 422, "INVALID_FIELD", "107.50", "0.00"),
        (d, "", "{".into(), 400, "BAD_JSON", "107.50", "0.00"),
        (
            d,
            "",
            format!("{}1{}", "[".repeat(40), "]".repeat(40)),
            400,
            "TOO_DEEP",
            "107.50",
            "0.00",
        ),
        (d, "", " ".repeat(300_000), 413, "BODY_TOO_LARGE", "107.50", "0.00"),
    ];
    let balance = async |palio: &Palio| {
        let answer = palio.provider().get("/wallet/p_1").await.unwrap();
        let json: serde_json::Value = answer.json().unwrap();
        let of = |name: &str| json["accounts"][0][name].as_str().unwrap().to_owned();
        (of("cash"), of("held"))
    };
    let mut first_results = Vec::new();
    for (path, key, body, status, code, cash, held) in &steps {
        let answer = provider.post(path, key, body).await.unwrap();
        let wanted = if *code == "-" { answer.code().to_owned() } else { (*code).to_owned() };
        assert_eq!(
            (answer.status, answer.code()),
            (*status, wanted.as_str()),
            "{path} {body:.80}: {}",
            answer.text()
        );
        assert_eq!(
            balance(&palio).await,
            ((*cash).to_owned(), (*held).to_owned()),
            "{path} {body:.80}"
        );
        if *status == 200 {
            first_results.push((*path, *key, body.clone(), answer.text()));
        }
    }
    // A refusal stays one, also with new money and after a restart; results stay to the byte.
    assert_eq!(palio.deposit("p_1", "d2", "50.00").await.status, 200);
    palio.stop();
    palio.run().await;
    let provider = palio.provider();
    let refused = provider.post(d, "", debit("b2", "r2", "105.01")).await.unwrap();
    assert_eq!((refused.status, refused.code()), (402, "INSUFFICIENT_FUNDS"));
    assert!(refused.text().contains(r#""balance":"105.00""#), "{}", refused.text());
    for (path, key, body, first) in first_results {
        let again = provider.post(path, key, &body).await.unwrap();
        if key == "again" {
            continue; // Nothing was done, so nothing is kept: the same answer is made again.
        }
        assert_eq!(again.status, 409, "{}", again.text());
        assert!(again.text().contains(&format!(r#""result":{first}"#)), "{} {first}", again.text());
    }
    many_at_once(&palio).await;
    events(&palio).await;
    signatures(&palio).await;
    let report = palio.verify();
    assert!(report["rows"].as_u64().unwrap() > 10);
}

/// Fifty identical debits at once move money once.
async fn many_at_once(palio: &Palio) {
    let provider = palio.provider();
    let body = debit("same", "same", "1.00");
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let (provider, body) = (provider.clone(), body.clone());
            tokio::spawn(async move { provider.post("/wallet/debit", "", body).await.unwrap() })
        })
        .collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap().status);
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses[49]), (200, 409, 409));
}

async fn events(palio: &Palio) {
    let bet = |id: &str, player: &str| {
        format!(
            r#"{{"event":"bet.placed","v":"1","eventId":"{id}","betId":"{id}","playerId":"{player}","roundId":"E1","gameId":"wheel","stake":"2.00","currency":"EUR","traceId":"tr_e1"}}"#
        )
    };
    let settled = r#"{"event":"round.settled","v":"1","roundId":"E1","gameId":"wheel","bets":[
        {"betId":"e1","playerId":"p_1","stake":"2.00","payout":"3.00","outcome":"WIN"},
        {"betId":"e2","playerId":"p_2","stake":"2.00","payout":"0.00","outcome":"LOSE"}]}"#;
    let plain =
        r#"{"eventId":"e9","playerId":"p_1","gameId":"dice","amount":"1.00","result":"0.00"}"#;
    let batch = format!(
        "[{},{},{settled},{plain},{{\"event\":\"nonsense\"}}]",
        bet("e1", "p_1"),
        bet("e2", "p_2")
    );
    let provider = palio.provider();
    let answer = provider.post("/events", "", &batch).await.unwrap();
    let statuses = |text: &str| {
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let outcomes = json["outcomes"].as_array().unwrap().clone();
        outcomes.iter().map(|o| o["status"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(
        (answer.status, statuses(&answer.text())),
        (207, vec![200, 200, 200, 403, 422]),
        "{}",
        answer.text()
    );
    // All of it again: every original answer, nothing moves.
    let again = provider.post("/events", "", &batch).await.unwrap();
    assert_eq!(statuses(&again.text())[..3], [200, 200, 200], "{}", again.text());
    let session = r#"{"gameId":"dice","currency":"EUR","expiresAt":"2099-01-01T00:00:00.000Z"}"#;
    let opened = palio.operator().post("/api/players/p_1/sessions", "s1", session).await.unwrap();
    assert_eq!(opened.status, 200, "{}", opened.text());
    let other = plain.replace("e9", "e10");
    assert_eq!(provider.post("/events", "", other).await.unwrap().status, 200);
    let traced = provider.post("/events", "", bet("e3", "p_1")).await.unwrap();
    assert_eq!(traced.header("x-trace-id"), Some("tr_e1"));
}

async fn signatures(palio: &Palio) {
    let wrong = loadtest::Client::new(&palio.url(), "sandbox-1", b"wrong").unwrap();
    let unknown = loadtest::Client::new(&palio.url(), "nobody", b"wrong").unwrap();
    let nobody = loadtest::Client::anonymous(&palio.url()).unwrap();
    for (client, code) in
        [(wrong, "BAD_SIGNATURE"), (unknown, "UNKNOWN_KEY"), (nobody, "UNKNOWN_KEY")]
    {
        let answer = client.post("/wallet/debit", "k", debit("x", "x", "1.00")).await.unwrap();
        assert_eq!((answer.status, answer.code()), (401, code));
    }
    let player = palio.player("p_1");
    let denied = player.post("/api/players/p_1/deposits", "k", "{}").await.unwrap();
    assert_eq!((denied.status, denied.code()), (403, "FORBIDDEN"));
}

fn tournament(id: &str, starts_in_ms: i64, lasts_ms: i64) -> String {
    format!(
        r#"{{"id":"{id}","name":"Race","metric":"turnover","currency":"EUR","startsAt":"{}","endsAt":"{}","graceSeconds":0,"tickMs":100,"entry":"all","prizes":["5.00"]}}"#,
        time_in(starts_in_ms),
        time_in(starts_in_ms + lasts_ms)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bet_reaches_the_board_exactly_once() {
    let mut palio = Palio::start(Store::Sqlite).await;
    for player in ["p_1", "p_2"] {
        palio.deposit(player, "d", "100.00").await;
    }
    let operator = palio.operator();
    let created =
        operator.post("/api/tournaments", "", tournament("race", -100, 12_000)).await.unwrap();
    assert_eq!(created.status, 201, "{}", created.text());
    let url = palio.url();
    let mut follower = Follower::connect(&url, "race", None).await.unwrap();
    let within = Duration::from_secs(10);
    follower.until(within, |f| f.seq() > 0).await.unwrap();
    let provider = palio.provider();
    let scores = |f: &Follower| f.rows().iter().map(|r| r.score.clone()).collect::<Vec<_>>();
    // (player, bet, stake, scores by rank)
    let rounds: [(&str, &str, &str, &[&str]); 4] = [
        ("p_1", "a", "10.00", &["10.00"]),
        ("p_2", "b", "25.00", &["25.00", "10.00"]),
        ("p_1", "c", "20.00", &["30.00", "25.00"]),
        ("p_2", "d", "5.00", &["30.00", "30.00"]),
    ];
    let mut names = Vec::new();
    for (player, bet, stake, expected) in rounds {
        let body = play(player, bet, stake, "0.00");
        assert_eq!(provider.post("/wallet/play", "", &body).await.unwrap().status, 200);
        // The retry must not score twice.
        assert_eq!(provider.post("/wallet/play", "", &body).await.unwrap().status, 409);
        follower.until(within, |f| scores(f) == expected).await.unwrap();
        names.push(follower.rows()[0].name.clone());
    }
    // Equal scores: who reached it first stays first.
    assert_eq!(names[2], names[3]);
    assert_ne!(names[1], names[2]);
    let board = follower.close().await;
    // Killed in the middle: nothing that was shown is lost, the cursor is of another epoch.
    palio.kill();
    palio.run().await;
    let mut follower = Follower::connect(&palio.url(), "race", Some(board)).await.unwrap();
    follower.until(within, |f| scores(f) == ["30.00", "30.00"]).await.unwrap();
    let anyone = loadtest::Client::anonymous(&palio.url()).unwrap();
    let polled = anyone.get("/api/tournaments/race/leaderboard").await.unwrap();
    let etag = polled.header("etag").unwrap().to_owned();
    let json: serde_json::Value = polled.json().unwrap();
    assert_eq!(json["rows"][0]["name"].as_str(), Some(follower.rows()[0].name.as_str()));
    let same = anyone.clone().header("If-None-Match", &etag);
    assert_eq!(same.get("/api/tournaments/race/leaderboard").await.unwrap().status, 304);
    let own: serde_json::Value = {
        let answer = palio.player("p_2").get("/api/tournaments/race/leaderboard/me").await.unwrap();
        answer.json().unwrap()
    };
    assert_eq!((own["rank"].as_u64(), own["ahead"]["gap"].as_str()), (Some(2), Some("0.00")));
    // It ends by itself, and its result is what the board showed.
    let mut ended = serde_json::Value::Null;
    for _ in 0..150 {
        ended = anyone.get("/api/tournaments/race").await.unwrap().json().unwrap();
        if ended["phase"] == "completed" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(ended["status"], "completed", "{ended:#}");
    assert_eq!(ended["result"]["rows"][0]["prizes"], serde_json::json!(["5.00 EUR"]));
    assert_eq!(ended["result"]["rows"][0]["score"], "30.00");
    assert_eq!(ended["result"]["rows"][0]["name"].as_str(), Some(names[3].as_str()));
    let late = palio.provider().post("/wallet/play", "", play("p_1", "z", "50.00", "0.00")).await;
    assert_eq!(late.unwrap().status, 200);
    let report = palio.verify();
    assert_eq!(report["tournaments"].as_u64(), Some(1));
}
