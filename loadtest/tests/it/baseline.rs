//! The baseline server against a real PostgreSQL (`scripts/peers start postgres`), and the ladder
//! with the rungs that need nothing else.

use crate::stub::{KEY, SECRET};
use clap::Parser as _;
use loadtest::Client;
use loadtest::baseline::database::Server;
use loadtest::cli::{Cli, Command};
use serde_json::Value;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command as Process};

fn postgres() -> String {
    std::env::var("PALIO_TEST_POSTGRES").expect("PALIO_TEST_POSTGRES: see scripts/peers")
}

/// A baseline server with a database of its own.
struct Baseline {
    url: String,
    database: String,
    child: Child,
}

impl Baseline {
    async fn start(house: &str) -> Self {
        let database = format!("palio_test_baseline_{house}_{}", std::process::id());
        let server = Server::parse(&postgres()).unwrap();
        server.drop(&database).await.unwrap();
        let address = server.create(&database).await.unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let bind = format!("127.0.0.1:{port}");
        let child = Process::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(["baseline", "--with-parent", "--postgres-url", &address, "--bind", &bind])
            .args(["--house", house, "--key", KEY, "--pool", "4"])
            .env("PALIO_SECRET", SECRET)
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = format!("http://{bind}");
        let client = Client::anonymous(&url).unwrap();
        for _ in 0..600 {
            if client.get("/readyz").await.is_ok_and(|reply| reply.status == 200) {
                return Self { url, database, child };
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the baseline does not start");
    }

    fn client(&self) -> Client {
        Client::new(&self.url, KEY, SECRET.as_bytes()).unwrap()
    }

    async fn end(mut self) {
        self.child.kill().await.unwrap();
        Server::parse(&postgres()).unwrap().drop(&self.database).await.unwrap();
    }
}

fn debit(bet: &str, amount: &str) -> String {
    format!(
        r#"{{"playerId":"p","roundId":"r","gameId":"g","betId":"{bet}","amount":"{amount}","currency":"EUR"}}"#
    )
}

#[tokio::test]
async fn a_bet_and_its_result_happen_once() {
    let baseline = Baseline::start("shared").await;
    let client = baseline.client();
    let fund = r#"{"amount":"100","currency":"EUR"}"#;
    for status in [200, 409] {
        let reply = client.post("/api/players/p/deposits", "fund", fund).await.unwrap();
        assert_eq!(reply.status, status);
    }
    let settle =
        r#"{"roundId":"r","operations":[{"playerId":"p","delta":"5.00","currency":"EUR"}]}"#;
    let rows = [
        ("/wallet/debit", "k1", debit("b1", "10.00"), 200, "-"),
        ("/wallet/debit", "k1", debit("b1", "10.00"), 409, "IDEMPOTENT_REPLAY"),
        ("/wallet/debit", "k1", debit("b1", "11.00"), 422, "IDEMPOTENCY_MISMATCH"),
        ("/wallet/debit", "k2", debit("b2", "90.01"), 422, "INSUFFICIENT_FUNDS"),
        // A refused request may be asked again.
        ("/wallet/debit", "k2", debit("b2", "90.01"), 422, "INSUFFICIENT_FUNDS"),
        ("/wallet/settle", "k3", settle.to_owned(), 200, "-"),
        ("/wallet/settle", "k3", settle.to_owned(), 409, "IDEMPOTENT_REPLAY"),
        ("/wallet/settle", "k4", settle.to_owned(), 404, "BET_NOT_FOUND"),
    ];
    let mut first = Value::Null;
    for (path, key, body, status, code) in rows {
        let reply = client.post(path, key, &body).await.unwrap();
        assert_eq!((reply.status, reply.code()), (status, code), "{path} {key} {body}");
        let answer: Value = reply.json().unwrap();
        match (status, path) {
            (200, "/wallet/debit") => first = answer,
            (409, "/wallet/debit") => assert_eq!(answer["result"], first),
            _ => {}
        }
    }
    let wallet: Value = client.fetch("/wallet/p").await.unwrap();
    assert_eq!(wallet["accounts"][0]["cash"], "105.00");
    let stranger = Client::new(&baseline.url, KEY, b"another secret").unwrap();
    let reply = stranger.post("/wallet/debit", "k5", debit("b5", "1.00")).await.unwrap();
    assert_eq!((reply.status, reply.code()), (401, "BAD_SIGNATURE"));
    baseline.end().await;
}

#[tokio::test]
async fn the_baseline_keeps_every_cent() {
    let baseline = Baseline::start("spread").await;
    for mix in ["single", "play", "rounds:5"] {
        let args = ["loadtest", "bets", "--url", &baseline.url, "--key", KEY, "--secret", SECRET];
        let more = ["--operator-token", "nobody", "--connections", "4", "--players", "20"];
        let short = ["--seconds", "1", "--warmup", "0", "--check", "--mix", mix];
        let all = args.iter().chain(&more).chain(&short);
        let Command::Bets(args) = Cli::try_parse_from(all).unwrap().command else { panic!("bets") };
        let report = loadtest::bets::run(&args).await.unwrap();
        assert_eq!(report.failures(), [""; 0], "{mix}");
        assert_eq!(report.check.unwrap().right, 20, "{mix}");
    }
    baseline.end().await;
}

#[tokio::test]
async fn the_ladder_measures_both_baselines_and_leaves_nothing_behind() {
    let output = Process::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["ladder", "--postgres-url", &postgres(), "--small", "--json"])
        .args(["--rungs", "spread,shared", "--mixes", "single"])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = report["figures"][0]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["name"], "baseline, shared house");
    assert_eq!(rows[0]["toShared"]["median"], 1.0);
    assert!(rows[1]["toShared"]["median"].as_f64().unwrap() > 0.0);
    assert!(errors.contains("round 1 of 1"));
    let left = Server::parse(&postgres()).unwrap().databases("palio_ladder_").await.unwrap();
    let own = errors.lines().find_map(|line| line.strip_prefix("process ")).unwrap();
    let own = format!("palio_ladder_{own}_");
    assert!(left.iter().all(|name| !name.starts_with(&own)), "{left:?}");
}
