//! Complaints of other servers' users that only a whole server can answer; the others are in
//! `src/ws/tests/complaints.rs`.

use crate::process::{Palio, Store, time_in};
use loadtest::Follower;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(20);

async fn post(palio: &Palio, path: &str, body: &Value) {
    let reply = palio.operator().post(path, "", body.to_string()).await.unwrap();
    assert!((200..300).contains(&reply.status), "{}", reply.text());
}

async fn play(palio: &Palio, player: &str, stake: &str) {
    let id = format!("{player}-{stake}");
    let body = json!({"playerId": player, "roundId": id, "gameId": "wheel", "betId": id,
                      "stake": stake, "payout": "0.00", "currency": "EUR"});
    let reply = palio.provider().post("/wallet/play", "", body.to_string()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// A player's own view: his rank, how many there are, and the ranks and keys around him.
async fn around(palio: &Palio, player: &str) -> (u64, u64, Vec<(u64, String)>) {
    let path = "/api/tournaments/race/leaderboard/me";
    let own: Value = palio.player(player).fetch(path).await.unwrap();
    let number = |of: &Value| of.as_u64().unwrap();
    let row = |row: &Value| (number(&row["rank"]), row["key"].as_str().unwrap().to_owned());
    let rows = own["around"].as_array().unwrap().iter().map(row).collect();
    (number(&own["rank"]), number(&own["participants"]), rows)
}

/// lila #4711: the ranks of the others were stale after a ban.
#[tokio::test(flavor = "multi_thread")]
async fn a_disqualified_player_leaves_every_view() {
    let mut palio = Palio::start(Store::Sqlite).await;
    for player in ["a", "b", "c", "d"] {
        assert_eq!(palio.deposit(player, "first", "100.00").await.status, 200);
    }
    let race = json!({"id": "race", "name": "Race", "metric": "turnover", "currency": "EUR",
        "startsAt": time_in(300), "endsAt": time_in(600_000), "entry": "all", "tickMs": 100,
        "topN": 10});
    post(&palio, "/api/tournaments", &race).await;
    let started = Instant::now();
    loop {
        let race: Value = palio.operator().fetch("/api/tournaments/race").await.unwrap();
        if race["status"] == "active" {
            break;
        }
        assert!(started.elapsed() < WITHIN, "{race}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (player, stake) in [("a", "40.00"), ("b", "30.00"), ("c", "20.00"), ("d", "10.00")] {
        play(&palio, player, stake).await;
    }
    let mut watcher = Follower::connect(&palio.url(), "race", None).await.unwrap();
    watcher.until(WITHIN, |watcher| watcher.rows().len() == 4).await.unwrap();
    let keys: Vec<String> = watcher.rows().iter().map(|row| row.key.clone()).collect();
    assert_eq!(around(&palio, "d").await.0, 4);

    let judge = json!({"playerId": "b", "reason": "two accounts"});
    post(&palio, "/api/tournaments/race/disqualifications", &judge).await;
    // The next board that differs is the one without him, with everybody's new rank.
    watcher.until(WITHIN, |watcher| watcher.rows().len() != 4).await.unwrap();
    let rows: Vec<(u64, String)> =
        watcher.rows().iter().map(|row| (row.rank, row.key.clone())).collect();
    let expected = vec![(1, keys[0].clone()), (2, keys[2].clone()), (3, keys[3].clone())];
    assert_eq!(rows, expected);
    assert_eq!(around(&palio, "d").await, (3, 3, expected.clone()));
    assert_eq!(around(&palio, "c").await, (2, 3, expected));
    // And a new score finds its place among those who are left.
    play(&palio, "d", "15.00").await;
    watcher.until(WITHIN, |watcher| watcher.rows()[1].key == keys[3]).await.unwrap();
    assert_eq!(around(&palio, "d").await.0, 2);
    palio.stop();
    palio.verify();
}
