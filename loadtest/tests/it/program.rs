//! The program itself: what it prints, and how it ends.

use crate::stub::{Fault, KEY, OPERATOR, Options, SECRET, Stub};
use serde_json::Value;
use std::process::{Output, Stdio};
use tokio::process::Command;

async fn loadtest(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(args)
        .env("PALIO_SECRET", SECRET)
        .env("PALIO_OPERATOR_TOKEN", OPERATOR)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap()
}

async fn bets(fault: Fault) -> (Option<i32>, Value) {
    let stub = Stub::start("127.0.0.1:0", Options { fault, ..Options::default() }).await;
    let url = stub.url();
    let short = ["--seconds", "1", "--warmup", "0", "--rate", "2000", "--connections", "4"];
    let args = ["bets", "--url", &url, "--key", KEY, "--players", "8", "--check", "--json"];
    let output = loadtest(&[&args[..], &short[..]].concat()).await;
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(!stdout.contains(SECRET) && !stdout.contains(OPERATOR));
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    (output.status.code(), serde_json::from_str(&stdout).unwrap())
}

#[tokio::test]
async fn right_money_ends_with_0_and_one_json_object() {
    let (code, report) = bets(Fault::None).await;
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(report["parameters"]["mix"], "single");
    assert_eq!(report["check"]["right"], 8);
    assert!(report["latencyMs"]["p99"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn wrong_money_ends_with_1() {
    let (code, report) = bets(Fault::LosesCents).await;
    assert_eq!(code, Some(1));
    assert!(report["check"]["wrong"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn a_gap_ends_with_1_and_no_server_with_2() {
    let options = Options { fault: Fault::SkipsADelta, churn: true, ..Options::default() };
    let stub = Stub::start("127.0.0.1:0", options).await;
    let url = stub.url();
    let args = ["watch", "--url", &url, "--subscribers", "5", "--seconds", "1", "--json"];
    let output = loadtest(&args).await;
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report["gaps"].as_u64().unwrap() > 0);

    let nowhere = loadtest(&["watch", "--url", "http://127.0.0.1:1"]).await;
    assert_eq!((nowhere.status.code(), nowhere.stdout.len()), (Some(2), 0));
}
