//! kill -9 at random moments under load: what was acknowledged is there once.
//!
//! `PALIO_CRASH_ROUNDS=50 cargo test --test it crash` runs fifty kills per store; ten by default.
//! `PALIO_CRASH_SEED` repeats a run's choices (the moments still depend on the machine).

use crate::process::{Palio, Store, time_in};
use loadtest::{Client, Follower};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn crash_on_sqlite() {
    crash(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_on_postgres() {
    crash(Store::Postgres).await;
}

pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What one player did: every acknowledged command with its first result, and his money.
pub(crate) struct Books {
    acknowledged: Vec<(&'static str, String, String, String)>,
    cash: i64,
    retried: u64,
}

/// Sends a command until it is answered, always with the same key.
async fn insist(
    client: &Client,
    path: &str,
    key: &str,
    body: &str,
    retried: &mut u64,
) -> (u16, String) {
    loop {
        match client.post(path, key, body).await {
            Ok(answer) if answer.status < 500 => {
                let result = if answer.status == 409 {
                    let json: serde_json::Value = answer.json().unwrap();
                    let text = answer.text();
                    // The bytes of `result` as they stand in the problem document.
                    let start = text.find(r#""result":"#).map(|at| at + 9);
                    let whole = start.and_then(|at| text.get(at..)).unwrap_or_default();
                    let mut values =
                        serde_json::Deserializer::from_str(whole).into_iter::<serde_json::Value>();
                    values.next().unwrap_or_else(|| panic!("no result: {json}")).unwrap();
                    whole[..values.byte_offset()].to_owned()
                } else {
                    answer.text()
                };
                return (answer.status, result);
            }
            Ok(_) | Err(_) => {
                *retried += 1;
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        }
    }
}

async fn player(client: Client, name: String, seed: u64, stop: Arc<AtomicBool>) -> Books {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut books = Books { acknowledged: Vec::new(), cash: 1_000_000, retried: 0 };
    let euros = |minor: i64| {
        let sign = if minor < 0 { "-" } else { "" };
        format!("{sign}{}.{:02}", minor.abs() / 100, minor.abs() % 100)
    };
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let id = format!("{name}-{n}");
        let (stake, payout) = (rng.random_range(1..500_i64), rng.random_range(0..700_i64));
        let ids = format!(r#""playerId":"{name}","roundId":"{id}","betId":"{id}""#);
        let mut steps: Vec<(&'static str, String, String)> = Vec::new();
        if rng.random_bool(0.4) {
            let body = format!(
                r#"{{{ids},"gameId":"wheel","stake":"{}","payout":"{}","currency":"EUR"}}"#,
                euros(stake),
                euros(payout)
            );
            steps.push(("/wallet/play", id.clone(), body));
            books.cash += payout - stake;
        } else {
            let body = format!(
                r#"{{{ids},"gameId":"wheel","amount":"{}","currency":"EUR"}}"#,
                euros(stake)
            );
            steps.push(("/wallet/debit", id.clone(), body));
            if rng.random_bool(0.2) {
                let body = format!(r#"{{"playerId":"{name}","betId":"{id}"}}"#);
                steps.push(("/wallet/rollback", format!("x{id}"), body));
            } else {
                let body = format!(
                    r#"{{"roundId":"{id}","operations":[{{"playerId":"{name}","delta":"{}","currency":"EUR"}}]}}"#,
                    euros(payout - stake)
                );
                steps.push(("/wallet/settle", format!("s{id}"), body));
                books.cash += payout - stake;
            }
        }
        for (path, key, body) in steps {
            let (status, result) = insist(&client, path, &key, &body, &mut books.retried).await;
            assert!(status == 200 || status == 409, "{path} {body}: {status} {result}");
            books.acknowledged.push((path, key, body, result));
        }
    }
    books
}

pub(crate) type Players = Vec<tokio::task::JoinHandle<Books>>;

/// Eight players who bet until they are stopped.
pub(crate) fn start_players(
    palio: &Palio,
    names: &[String],
    rng: &mut StdRng,
    stop: &Arc<AtomicBool>,
) -> Players {
    let start = |name: &String| {
        let client = palio.provider().timeout(Duration::from_secs(2));
        tokio::spawn(player(client, name.clone(), rng.random(), Arc::clone(stop)))
    };
    names.iter().map(start).collect()
}

/// Every player has exactly the money of his books, and every acknowledged command is a replay
/// with its first result; returns how many there were, and how often they were retried.
pub(crate) async fn check_books(palio: &Palio, names: &[String], players: Players) -> (u64, u64) {
    let mut books = BTreeMap::new();
    for (name, player) in names.iter().zip(players) {
        books.insert(name.clone(), player.await.unwrap());
    }
    let client = palio.provider();
    let (mut commands, mut retried) = (0, 0);
    for (name, book) in &mut books {
        let wallet: serde_json::Value =
            client.get(&format!("/wallet/{name}")).await.unwrap().json().unwrap();
        let expected = format!("{}.{:02}", book.cash / 100, book.cash % 100);
        let account = &wallet["accounts"][0];
        assert_eq!(
            (account["cash"].as_str(), account["held"].as_str()),
            (Some(expected.as_str()), Some("0.00")),
            "{name}"
        );
        for (path, key, body, first) in &book.acknowledged {
            let mut ignored = 0;
            let (status, again) = insist(&client, path, key, body, &mut ignored).await;
            assert_eq!((status, &again), (409, first), "{path} {body}");
            commands += 1;
        }
        retried += book.retried;
    }
    (commands, retried)
}

async fn crash(store: Store) {
    let rounds = number("PALIO_CRASH_ROUNDS", 10);
    let seed = number("PALIO_CRASH_SEED", rand::random());
    println!("PALIO_CRASH_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut palio = Palio::start(store).await;
    let race = {
        format!(
            r#"{{"id":"race","name":"Race","metric":"turnover","currency":"EUR","startsAt":"{}","endsAt":"{}","tickMs":100,"entry":"all"}}"#,
            time_in(-1_000),
            time_in(3_600_000)
        )
    };
    assert_eq!(palio.operator().post("/api/tournaments", "", race).await.unwrap().status, 201);
    let names: Vec<String> = (0..8).map(|n| format!("p_{n}")).collect();
    for name in &names {
        assert_eq!(palio.deposit(name, "d", "10000.00").await.status, 200);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let players = start_players(&palio, &names, &mut rng, &stop);
    // One who watches all along, coming back with his cursor after each cut.
    let watching = {
        let (url, stop) = (palio.url(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut board = None;
            while !stop.load(Ordering::Relaxed) {
                let Ok(mut follower) = Follower::connect(&url, "race", board.take()).await else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                while !stop.load(Ordering::Relaxed) {
                    match tokio::time::timeout(Duration::from_millis(500), follower.next()).await {
                        Ok(Ok(loadtest::Event::Frame(_))) | Err(_) => {}
                        Ok(Ok(loadtest::Event::Closed { .. })) => break,
                        Ok(Err(loadtest::Error::Board(error))) => panic!("{error}"),
                        Ok(Err(_)) => break,
                    }
                }
                board = Some(follower.close().await);
            }
            board
        })
    };
    for _ in 0..rounds {
        tokio::time::sleep(Duration::from_millis(rng.random_range(150..900))).await;
        palio.kill();
        palio.run().await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let watched = watching.await.unwrap();
    let (commands, retried) = check_books(&palio, &names, players).await;
    // The board of the one who watched equals a newcomer's.
    let mut fresh = Follower::connect(&palio.url(), "race", None).await.unwrap();
    fresh.until(Duration::from_secs(10), |f| f.rows().len() == 8).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    let mut fresh = Follower::connect(&palio.url(), "race", None).await.unwrap();
    fresh.until(Duration::from_secs(10), |f| f.rows().len() == 8).await.unwrap();
    let mut back = Follower::connect(&palio.url(), "race", watched).await.unwrap();
    back.until(Duration::from_secs(10), |b| b.seq() == fresh.seq()).await.unwrap();
    assert_eq!(back.rows(), fresh.rows());
    let report = palio.verify();
    assert!(commands > 100, "only {commands} commands");
    println!(
        "{rounds} kills, {commands} commands acknowledged once each, {retried} retries, {} rows, clean",
        report["rows"]
    );
}
