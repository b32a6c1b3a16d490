//! The single-bet figure on a journal with many rows, over two checkpoints a slice.

use super::LadderArgs;
use super::Rung;
use super::contest::{Contestant, Load, Record, calibrate};
use super::peer::{Fleet, Folds, Place};
use super::report::Figure;
use super::rungs;
use crate::baseline::database::Server;
use crate::bets::Mix;
use crate::figures::Line;
use crate::{Error, out};
use std::time::Duration;

/// Whoever plays: on empty or aged, Palio or the baseline.
struct Aged {
    contestant: Contestant,
    connections: usize,
    record: Record,
}

pub(super) async fn aged(fleet: &mut Fleet, args: &LadderArgs) -> Result<Figure, Error> {
    let rows = args.rows.unwrap_or(if args.small { 10_000 } else { 1_000_000 });
    let search = fleet.knows_search().await?.then_some(false);
    let folds = Folds { tournaments: false, search };
    let names = ["Palio, empty", "Palio, aged", "baseline, empty", "baseline, aged"];
    let mut all = Vec::new();
    for name in names {
        let place = fleet.place("aged").await?;
        let (palio, old) = (name.starts_with("Palio"), name.ends_with("aged"));
        if old {
            out::progress(format!("{name}: {rows} rows"));
            age(fleet, &place, palio, rows).await?;
        }
        let contestant = if palio {
            let peer = fleet.palio(&place, folds).await?;
            Contestant::enter(name, peer, args, args.players(), false).await?
        } else {
            let first = args.tunings().first().copied();
            let peer = rungs::start(fleet, &place, Rung::Spread, false, first).await?;
            let mut one = Contestant::enter(name, peer, args, args.players(), false).await?;
            rungs::tune(fleet, args, &place, crate::baseline::House::Spread, &mut one).await?;
            one
        };
        all.push(Aged { contestant, connections: 0, record: Record::default() });
    }
    let tried = args.connections_for(Mix::Single);
    let mut contestants: Vec<&mut Contestant> =
        all.iter_mut().map(|one| &mut one.contestant).collect();
    let best = calibrate(&mut contestants, Mix::Single, &tried, args.calibration()).await?;
    for (one, connections) in all.iter_mut().zip(best) {
        one.connections = connections;
    }
    for round in 0..args.rounds() {
        out::progress(format!("round {} of {}", round + 1, args.rounds()));
        for turn in 0..all.len() {
            let at = (round + turn) % all.len();
            let Some(one) = all.get_mut(at) else { continue };
            let (connections, seconds) = (one.connections, args.seconds());
            let load = Load { mix: Mix::Single, connections, seconds, rate: None };
            let checkpoints =
                tokio::spawn(twice(fleet.server.clone(), Duration::from_secs(seconds)));
            let slice = one.contestant.play(load).await?;
            checkpoints.await.map_err(|_| Error::Usage("no checkpoints".to_owned()))??;
            one.record.push(slice);
        }
    }
    let mut figure = Figure {
        name: "aged".to_owned(),
        what: format!("requests/s, single bets; journal of {rows} rows, two checkpoints a slice"),
        ..Figure::default()
    };
    for one in &mut all {
        let name = one.contestant.name.clone();
        figure.lines.push(Line::plain(name, one.record.requests.summary()));
        figure.failures.extend(one.contestant.failures().await?);
    }
    let of = |at: usize| all.get(at).map(|one| one.record.requests.clone()).unwrap_or_default();
    let (empty, old, base, base_old) = (of(0), of(1), of(2), of(3));
    let aged = old.per(&empty).summary();
    figure.lines.push(Line::at_least("Palio: aged ÷ empty", aged, 0.70));
    figure.lines.push(Line::plain("baseline: aged ÷ empty", base_old.per(&base).summary()));
    figure.lines.push(Line::plain("Palio ÷ baseline, both aged", old.per(&base_old).summary()));
    for one in all {
        one.contestant.peer.stop().await;
    }
    Ok(figure)
}

/// Fills an empty store with bets that are over.
async fn age(fleet: &Fleet, place: &Place, palio: bool, rows: usize) -> Result<(), Error> {
    if palio {
        let words = ["age".to_owned(), rows.to_string()];
        let _: serde_json::Value = fleet.tool(place, &words, "").await?;
        Ok(())
    } else {
        // A bet is two rows of Palio's journal: its debit and its settle.
        let bets = i64::try_from(rows / 2).unwrap_or(i64::MAX);
        crate::baseline::age(&place.postgres_url, bets).await
    }
}

/// At a quarter and at three quarters of a slice (with its second of warm-up before it).
async fn twice(server: Server, slice: Duration) -> Result<(), Error> {
    tokio::time::sleep(Duration::from_secs(1) + slice / 4).await;
    server.checkpoint().await?;
    tokio::time::sleep(slice / 3).await;
    server.checkpoint().await
}
