//! `loadtest bets`.

use crate::stub::{Fault, KEY, OPERATOR, Options, SECRET, Stub};
use clap::Parser;
use loadtest::bets::{Report, run};
use loadtest::cli::{Cli, Command};

async fn bets(fault: Fault, more: &[&str]) -> Report {
    let stub = Stub::start("127.0.0.1:0", Options { fault, ..Options::default() }).await;
    let url = stub.url();
    let argv = ["loadtest", "bets", "--url", &url, "--key", KEY, "--secret", SECRET];
    let common = ["--operator-token", OPERATOR, "--connections", "4", "--players", "20"];
    let short = ["--seconds", "1", "--warmup", "0", "--check"];
    let gentle = if more.contains(&"--rate") { &[][..] } else { &["--rate", "3000"] };
    let all = argv.iter().chain(&common).chain(&short).chain(gentle).chain(more);
    let Command::Bets(args) = Cli::try_parse_from(all).unwrap().command else { panic!("not bets") };
    run(&args).await.unwrap()
}

fn codes(report: &Report) -> Vec<(u16, &str)> {
    report.errors.iter().map(|e| (e.status, e.code.as_str())).collect()
}

#[tokio::test]
async fn every_mix_fits_to_the_cent() {
    for mix in ["single", "play", "rounds:7", "mixed"] {
        let report = bets(Fault::None, &["--mix", mix]).await;
        assert_eq!(report.failures(), [""; 0], "{mix}");
        assert!(report.errors.is_empty(), "{mix}: {:?}", report.errors);
        let check = report.check.as_ref().unwrap();
        assert_eq!(
            (check.right, check.wrong),
            (u64::try_from(report.players).unwrap(), 0),
            "{mix}"
        );
        assert!(report.bets > 20, "{mix}: {} bets", report.bets);
        let debits = report.latency_ms_by_path.get("/wallet/debit").map_or(0, |l| l.count);
        let paths = report.latency_ms_by_path.len();
        match mix {
            // Two requests a bet; the last bet may have begun and not ended while measured.
            "single" => assert!(report.bets.abs_diff(debits) <= 4 && paths == 2),
            "play" => assert_eq!((report.bets, paths), (report.requests, 1)),
            "rounds:7" => assert!(report.players == 28 && report.bets > 3 * report.requests),
            _ => assert_eq!(paths, 6),
        }
        assert!(report.table().contains("requests/s"));
    }
}

#[tokio::test]
async fn wrong_money_is_noticed() {
    for (mix, fault) in [
        ("single", Fault::LosesCents),
        ("play", Fault::LosesCents),
        ("rounds:5", Fault::LosesCents),
        ("mixed", Fault::LosesCents),
    ] {
        let report = bets(fault, &["--mix", mix]).await;
        let check = report.check.as_ref().unwrap();
        assert!(check.wrong > 0 && !check.mismatches.is_empty(), "{mix}");
        assert!(report.failures().iter().any(|f| f.contains("wrong balance")), "{mix}");
    }
}

#[tokio::test]
async fn wrong_answers_are_noticed() {
    for (mix, fault, complaint) in [
        ("play", Fault::ShowsWrongBalance, "balance is not what it must be"),
        ("single", Fault::ShowsWrongBalance, "balance is not what it must be"),
        ("mixed", Fault::ForgetsKeys, "not answered as a replay"),
    ] {
        let report = bets(fault, &["--mix", mix]).await;
        let failures = report.failures();
        assert!(failures.iter().any(|f| f.contains(complaint)), "{mix} {fault:?}: {failures:?}");
    }
}

#[tokio::test]
async fn trouble_that_the_protocol_allows_costs_no_cent() {
    for (mix, fault, code) in [
        ("single", Fault::DropsAnswers, (0, "CONNECTION_CLOSED")),
        ("mixed", Fault::DropsAnswers, (0, "CONNECTION_CLOSED")),
        ("rounds:3", Fault::DropsAnswers, (0, "CONNECTION_CLOSED")),
        ("mixed", Fault::Busy, (503, "OVERLOADED")),
        ("rounds:5", Fault::SaysUnknown, (207, "OUTCOME_UNKNOWN")),
        ("single", Fault::SaysUnknown, (503, "OUTCOME_UNKNOWN")),
        ("rounds:5", Fault::RefusesParts, (503, "OVERLOADED")),
    ] {
        let report = bets(fault, &["--mix", mix]).await;
        assert_eq!(report.failures(), [""; 0], "{mix} {fault:?}");
        assert!(codes(&report).contains(&code), "{mix} {fault:?}: {:?}", report.errors);
    }
}

#[tokio::test]
async fn a_rate_is_kept() {
    let report = bets(Fault::None, &["--mix", "play", "--rate", "200"]).await;
    assert!((150.0..220.0).contains(&report.requests_per_second), "{}", report.requests_per_second);
}

#[tokio::test]
async fn a_server_that_does_not_know_us_stops_the_run() {
    let stub = Stub::start("127.0.0.1:0", Options::default()).await;
    let url = stub.url();
    let argv = ["loadtest", "bets", "--url", &url, "--key", KEY, "--secret", "other"];
    let all = argv.iter().chain(&["--operator-token", OPERATOR, "--seconds", "1"]);
    let Command::Bets(args) = Cli::try_parse_from(all).unwrap().command else { panic!("not bets") };
    let error = run(&args).await.unwrap_err().to_string();
    assert!(error.contains("SIGNATURE_INVALID"), "{error}");
}
