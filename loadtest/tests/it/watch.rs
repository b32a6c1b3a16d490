//! `loadtest watch`.

use crate::stub::{Fault, Options, Stub, TOURNAMENT};
use clap::Parser;
use loadtest::cli::{Cli, Command};
use loadtest::watch::{Report, run};

const SOCKETS: u64 = 50;

async fn watch(fault: Fault, more: &[&str]) -> Report {
    let options = Options { fault, churn: true, ..Options::default() };
    let stub = Stub::start("127.0.0.1:0", options).await;
    let url = stub.url();
    let argv = ["loadtest", "watch", "--url", &url, "--seconds", "1", "--connect-rate", "2000"];
    let all = argv.iter().chain(&["--subscribers", "50", "--sample", "5"]).chain(more);
    let Command::Watch(args) = Cli::try_parse_from(all).unwrap().command else {
        panic!("not watch")
    };
    run(&args).await.unwrap()
}

#[tokio::test]
async fn a_right_board_passes() {
    let report = watch(Fault::None, &[]).await;
    assert_eq!(report.failures(), [""; 0]);
    assert_eq!(report.tournament, TOURNAMENT, "auto takes the fullest");
    assert_eq!((report.opened, report.open_at_end, report.reconnects), (SOCKETS, SOCKETS, 0));
    let boards = report.boards.as_ref().unwrap();
    assert_eq!((boards.equal, boards.rows), (5, 10));
    assert!(report.ticks > 20 && report.deliveries >= (report.ticks - 2) * SOCKETS);
    assert!(report.bytes_per_delivery > 50.0 && report.spread_ms.count > 20);
    assert!(report.table().contains("5 equal to HTTP"));
}

#[tokio::test]
async fn a_missing_delta_is_a_gap_on_every_socket() {
    let report = watch(Fault::SkipsADelta, &[]).await;
    assert_eq!(report.gaps, SOCKETS, "{}", report.table());
    assert!(report.failures().iter().any(|f| f.contains("gaps")), "{:?}", report.failures());
    assert_eq!(report.boards.as_ref().unwrap().equal, 5, "they start afresh");
}

#[tokio::test]
async fn a_board_that_differs_from_http_is_noticed() {
    let report = watch(Fault::ShowsAnotherBoard, &[]).await;
    assert_eq!(report.boards.as_ref().unwrap().different, 5);
    assert!(report.failures().iter().any(|f| f.contains("differ from HTTP")));
}

#[tokio::test]
async fn a_board_with_broken_ranks_is_noticed() {
    let report = watch(Fault::BreaksRanks, &[]).await;
    assert!(report.bad_frames > 0 && !report.failures().is_empty());
}

#[tokio::test]
async fn closed_sockets_come_back_from_their_cursor() {
    let report = watch(Fault::ClosesSockets, &["--tournament", TOURNAMENT]).await;
    assert!(report.reconnects > SOCKETS && report.resumes > SOCKETS, "{}", report.table());
    assert_eq!((report.gaps, report.bad_frames), (0, 0));
    assert!(report.closes.iter().any(|c| c.status == 1001));
}

#[tokio::test]
async fn stalled_readers_catch_up_without_a_gap() {
    let report = watch(Fault::None, &["--stalled-percent", "20"]).await;
    assert_eq!(report.failures(), [""; 0]);
    let reading = report.deliveries / report.ticks;
    assert!((35..45).contains(&reading), "{reading} of 50 read");
}
