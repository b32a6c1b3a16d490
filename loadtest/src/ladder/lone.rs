//! One bet at a time, and latency at half of the peak.

use super::LadderArgs;
use super::contest::{Contestant, Load, Record, calibrate};
use super::peer::{Fleet, Folds};
use super::report::Figure;
use crate::baseline::database::bare_commits;
use crate::bets::Mix;
use crate::figures::{Line, Series};
use crate::num::{micros, millis};
use crate::{Error, out};
use serde::Deserialize;
use std::time::Duration;

/// Medians of what a lone bet consists of.
#[derive(Deserialize)]
struct Steps {
    append: f64,
    core: f64,
}

pub(super) async fn lone(fleet: &mut Fleet, args: &LadderArgs) -> Result<Figure, Error> {
    let bare = fleet.place("commits").await?;
    let place = fleet.place("lone").await?;
    let search = fleet.knows_search().await?.then_some(false);
    let peer = fleet.palio(&place, Folds { tournaments: false, search }).await?;
    let mut palio = Contestant::enter("Palio", peer, args, args.players(), false).await?;
    let tried = args.connections_for(Mix::Single);
    let best = calibrate(&mut [&mut palio], Mix::Single, &tried, args.calibration()).await?;
    let connections = best.first().copied().unwrap_or(64);
    let load =
        |connections, rate| Load { mix: Mix::Single, connections, seconds: args.seconds(), rate };
    let parts = fleet.place("parts").await?;
    let count = if args.small { 200 } else { 2_000 };
    let words = ["lone".to_owned(), count.to_string()];
    let (mut appends, mut cores) = (Series::default(), Series::default());
    let time = Duration::from_secs(args.seconds());
    let (mut commits, mut alone) = (Series::default(), Record::default());
    let (mut peak, mut half) = (Record::default(), Record::default());
    for round in 0..args.rounds() {
        out::progress(format!("round {} of {}", round + 1, args.rounds()));
        let commit = bare_commits(&bare.postgres_url, time).await?;
        commits.push(millis(commit.value_at_quantile(0.50)));
        out::progress(format!("bare commits: {}", commit.len()));
        let steps: Steps = fleet.tool(&parts, &words, "").await?;
        appends.push(steps.append);
        cores.push(steps.core);
        alone.push(palio.play(load(1, None)).await?);
        let best = palio.play(load(connections, None)).await?;
        peak.push(best);
        half.push(palio.play(load(connections, Some(half_of(best.requests)))).await?);
    }
    let failures = palio.failures().await?;
    palio.peer.stop().await;
    let lines = vec![
        Line::plain("one row inserted and committed, p50 ms", commits.summary()),
        Line::plain("one row by Palio's writer, p50 ms", appends.summary()),
        Line::plain("one play by the core, no HTTP, p50 ms", cores.summary()),
        Line::plain("a lone bet over HTTP, p50 ms", alone.p50.summary()),
        Line::plain("writer ÷ bare commit", appends.per(&commits).summary()),
        Line::plain("core ÷ bare commit", cores.per(&commits).summary()),
        Line::at_most("lone bet ÷ bare commit", alone.p50.per(&commits).summary(), 1.5),
        Line::plain("peak, requests/s", peak.requests.summary()),
        Line::plain("half of it offered: requests/s", half.requests.summary()),
        Line::at_most("half of the peak, p95 ms", half.p95.summary(), 25.0),
    ];
    Ok(Figure {
        name: "lone".to_owned(),
        what: "debits and settles one by one; then open load at half of each round's peak"
            .to_owned(),
        lines,
        failures,
        ..Figure::default()
    })
}

/// Half of a rate, as a whole number from 1.
pub(super) fn half_of(rate: f64) -> usize {
    // A second holds as many microseconds as the rate needs for its count.
    let gap = Duration::from_secs_f64(2.0 / rate.max(1.0));
    usize::try_from(1_000_000 / micros(gap).max(1)).unwrap_or(1).max(1)
}
