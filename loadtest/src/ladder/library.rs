//! Figures without HTTP, measured by Palio's `examples/wallets` in a process of its own.

use super::LadderArgs;
use super::peer::Fleet;
use super::report::Figure;
use crate::Error;
use crate::figures::{Line, Series, Summary};
use crate::num::ratio;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Rows that the wallet's commands are loaded with.
const LOADS: usize = 3;

#[derive(Deserialize)]
struct Loads {
    commands: Series,
    loads: Vec<Loaded>,
}

#[derive(Deserialize)]
struct Loaded {
    size: usize,
    rates: Series,
}

fn rows(args: &LadderArgs) -> usize {
    args.rows.unwrap_or(if args.small { 5_000 } else { 100_000 })
}

/// Commands into the wallets beside bulk-loading the rows they made.
pub(super) async fn wallets(fleet: &mut Fleet, args: &LadderArgs) -> Result<Figure, Error> {
    let rows = rows(args);
    let place = fleet.place("wallets").await?;
    let mut loaded = Vec::new();
    for _ in 0..LOADS {
        loaded.push(fleet.place("load").await?.postgres_url);
    }
    let words = ["load", &rows.to_string(), &args.rounds().to_string()].map(str::to_owned);
    let all: Loads = fleet.tool(&place, &words, &loaded.join(",")).await?;
    let mut figure = Figure {
        name: "wallets".to_owned(),
        what: format!(
            "rows/s; {rows} plays into 2,000 wallets, no HTTP; one row each, two when it pays"
        ),
        ..Figure::default()
    };
    figure.lines.push(Line::plain("commands into the wallets, rows/s", all.commands.summary()));
    for load in &all.loads {
        let name = format!("bulk load, batches of {}, two writers", load.size);
        figure.lines.push(Line::plain(name, load.rates.summary()));
    }
    for load in &all.loads {
        let name = format!("wallets ÷ bulk load of {}", load.size);
        figure.lines.push(Line::at_least(name, all.commands.per(&load.rates).summary(), 0.70));
    }
    Ok(figure)
}

/// Players of few slots, and so few house accounts, beside players of all.
pub(super) async fn hot(fleet: &mut Fleet, args: &LadderArgs) -> Result<Figure, Error> {
    let rows = rows(args);
    let place = fleet.place("hot").await?;
    let words = ["hot", &rows.to_string(), &args.rounds().to_string()].map(str::to_owned);
    let rates: BTreeMap<String, Series> = fleet.tool(&place, &words, "").await?;
    let of = |name: &str| rates.get(name).cloned().unwrap_or_default();
    let (one, two, all) = (of("one"), of("two"), of("all"));
    let lines = vec![
        Line::plain("all 256 slots", all.summary()),
        Line::plain("two slots, one of each core thread", two.summary()),
        Line::plain("one slot: one house account", one.summary()),
        Line::at_least("two slots ÷ all", two.per(&all).summary(), 0.90),
        Line::at_least("one slot ÷ all", one.per(&all).summary(), 0.90),
    ];
    Ok(Figure {
        name: "hot".to_owned(),
        what: format!("rows/s; {rows} plays of 2,000 players, no HTTP"),
        lines,
        notes: vec!["one slot is served by one of the two core threads".to_owned()],
        ..Figure::default()
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scaled {
    wallets: u64,
    few: Series,
    all: Series,
    before_kib: u64,
    awake_kib: u64,
    asleep_kib: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rested {
    after_kib: u64,
}

/// Plays of a thousand wallets beside plays of all, and what sleeping ones cost.
pub(super) async fn scale(fleet: &mut Fleet, args: &LadderArgs) -> Result<Figure, Error> {
    let rows = rows(args);
    let wallets = args.wallets_max.unwrap_or(if args.small { 3_000 } else { 100_000 });
    let nothing = fleet.place("rest").await?;
    let rest = ["rest".to_owned()];
    let empty: Rested = fleet.tool(&nothing, &rest, "").await?;
    let place = fleet.place("scale").await?;
    let words = ["scale", &wallets.to_string(), &rows.to_string(), &args.rounds().to_string()];
    let scaled: Scaled = fleet.tool(&place, &words.map(str::to_owned), "").await?;
    let rested: Rested = fleet.tool(&place, &rest, "").await?;
    let per_wallet = |now: u64, before: u64| {
        let bytes = ratio(now.saturating_sub(before) * 1024, scaled.wallets);
        Some(Summary { median: bytes, min: bytes, max: bytes })
    };
    let lines = vec![
        Line::plain("plays of 1,000 wallets, per s", scaled.few.summary()),
        Line::plain(
            format!("plays of {wallets} wallets, woken for it, per s"),
            scaled.all.summary(),
        ),
        Line::plain("all ÷ 1,000", scaled.all.per(&scaled.few).summary()),
        Line::plain(
            "bytes per awake wallet (growth while they are funded)",
            per_wallet(scaled.awake_kib, scaled.before_kib),
        ),
        Line::plain(
            "bytes per sleeping wallet, same process (freed memory included)",
            per_wallet(scaled.asleep_kib, scaled.before_kib),
        ),
        Line::plain(
            "bytes per sleeping wallet and its share of keys, after a restart",
            per_wallet(rested.after_kib, empty.after_kib),
        ),
    ];
    Ok(Figure {
        name: "wallets-scale".to_owned(),
        what: format!("{rows} plays a slice, no HTTP"),
        lines,
        ..Figure::default()
    })
}
