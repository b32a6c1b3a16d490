//! The figures of `loadtest fanout` that are about Palio, as small as they get: that they work.

use clap::Parser as _;
use loadtest::cli::{Cli, Command};

#[tokio::test(flavor = "multi_thread")]
async fn figures_about_the_whole_program() {
    let palio = env!("CARGO_BIN_EXE_palio");
    let words = ["loadtest", "fanout", "--small", "--no-pin", "--palio", palio];
    let figures = ["--figure", "own,recovery,bets,delivery", "--peers", "palio", "--hz", "10"];
    let Command::Fanout(args) = Cli::parse_from(words.into_iter().chain(figures)).command else {
        panic!("not fanout")
    };
    let report = loadtest::fanout::run(&args).await.unwrap();
    assert_eq!(report.failures(), Vec::<String>::new());
    let names: Vec<_> = report.figures.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(names, ["own", "recovery", "bets", "delivery, 10 Hz"]);
    for figure in &report.figures {
        for line in &figure.lines {
            assert!(line.value.is_some(), "{}: {} was not measured", figure.name, line.name);
        }
    }
    let own = &report.figures[0];
    let per_second = own.lines.last().unwrap().value.unwrap().median;
    assert!(per_second > 0.0, "own rows came");
    let palio = report.figures[3].rows[0].bytes.unwrap().median;
    assert!((60.0..130.0).contains(&palio), "all rows turn over in a tick: {palio} bytes");
}
