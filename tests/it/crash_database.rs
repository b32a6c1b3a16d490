//! The database under a running server: its answers are lost between an append and its reply, it
//! is stopped in the middle, and the server is killed on top of it. What was acknowledged is there
//! once, and nothing else is.
//!
//! `PALIO_CRASH_ROUNDS=50 cargo test --test it crash_database` runs fifty troubles.

use crate::crash::{check_books, number, start_players};
use crate::database::{Database, Line};
use crate::process::Palio;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn answers_lost_database_stopped_server_killed() {
    let rounds = number("PALIO_CRASH_ROUNDS", 9);
    let seed = number("PALIO_CRASH_SEED", rand::random());
    println!("PALIO_CRASH_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let database = Database::start();
    let line = Line::to(database.port).await;
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", line.port);
    let mut palio = Palio::start_at(&url).await;
    let names: Vec<String> = (0..8).map(|n| format!("p_{n}")).collect();
    for name in &names {
        assert_eq!(palio.deposit(name, "d", "10000.00").await.status, 200);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let players = start_players(&palio, &names, &mut rng, &stop);
    for round in 0..rounds {
        tokio::time::sleep(Duration::from_millis(rng.random_range(150..900))).await;
        match round % 3 {
            0 => line.cut(Duration::from_millis(rng.random_range(1..60))).await,
            1 => {
                database.stop_immediately();
                tokio::time::sleep(Duration::from_millis(rng.random_range(0..600))).await;
                database.up();
            }
            _ => {
                line.cut(Duration::from_millis(rng.random_range(1..30))).await;
                palio.kill();
                palio.run().await;
            }
        }
    }
    // Every client hears the truth in the end.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    stop.store(true, Ordering::Relaxed);
    let (commands, retried) = check_books(&palio, &names, players).await;
    let report = palio.verify();
    assert!(commands > 50 && retried > 0, "only {commands} commands, {retried} retries");
    println!(
        "{rounds} troubles, {commands} commands acknowledged once each, {retried} retries, {} rows, clean",
        report["rows"]
    );
}
