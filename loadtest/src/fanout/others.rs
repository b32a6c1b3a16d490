//! Bytes per tick; readers that stop; bets beside watchers.

use super::delivery::{complaints, ready};
use super::feed::Feed;
use super::peer::{KEY, Kind, Script, Yard};
use super::report::Figure;
use super::swarm::Swarm;
use super::trace::Trace;
use super::{FanoutArgs, Wanted};
use crate::bets::{self, Mix};
use crate::cli::BetsArgs;
use crate::figures::{Line, Series, Summary};
use crate::num::{count, millis, ratio};
use crate::procfs::usage;
use crate::{Error, out};
use std::time::Duration;

const JSON_MAX: f64 = 105.0;
const BINARY_MAX: f64 = 40.0;
/// Of a hundred readers, so many stop.
const STALLED_PERCENT: usize = 20;
const STALLED_KIB_MAX: f64 = 4.0;
const HEALTHY_P99_MAX: f64 = 1.1;
const BETS_P99_MAX: f64 = 1.2;
/// Ticks per second under stalled readers: enough for their kernel buffers to fill.
const STALLED_HZ: u32 = 20;
const CATCH_UP: Duration = Duration::from_secs(3);
/// Bets offered per second beside watchers.
const BETS_RATE: usize = 400;

fn one(value: f64) -> Option<Summary> {
    [value].into_iter().collect::<Series>().summary()
}

/// Both forms on the scripted race.
pub(super) fn bytes() -> Figure {
    let what = "2,000 players, 40 bets per tick, top 10".to_owned();
    let mut figure = Figure { name: "bytes".to_owned(), what, ..Figure::default() };
    for ticks in [1_000, 10_000] {
        let bytes = Trace::default().weigh(ticks);
        let name = |what: &str| format!("{what} per tick, over {ticks} ticks");
        figure.lines.extend([
            Line::plain(name("rows changed"), one(bytes.changed)),
            Line::at_most(name("binary bytes"), one(bytes.binary), BINARY_MAX),
            Line::at_most(name("JSON bytes"), one(bytes.json), JSON_MAX),
            Line::plain(name("all rows as JSON"), one(bytes.whole)),
        ]);
    }
    figure
}

/// A fifth of the readers stops for a whole slice; then they read on.
pub(super) async fn stalled(yard: &Yard<'_>) -> Result<Figure, Error> {
    let (args, sockets) = (yard.args, yard.args.sockets(Wanted::Stalled));
    let stopped = sockets * STALLED_PERCENT / 100;
    let hz = args.hz.first().copied().filter(|_| args.hz.len() == 1).unwrap_or(STALLED_HZ);
    let time = args.slice(Wanted::Stalled);
    let mut figure = Figure {
        name: "stalled".to_owned(),
        what: format!("{stopped} of {sockets} readers stopped for {} s, {hz} Hz", time.as_secs()),
        ..Figure::default()
    };
    let peer = yard.start(Kind::Live, Script { hz, sockets }).await?;
    let rss = || usage(&peer.pid.to_string()).map_or(0, |usage| usage.rss_kib);
    let swarm = Swarm::open(&peer.target(), sockets, stopped).await?;
    let settle = Duration::from_millis(args.delay_ms) + Duration::from_secs(1);
    let (swarm, _) = swarm.watch(settle).await?;
    let (mut swarm, calm) = swarm.watch(time / 4).await?;
    let before = rss();
    swarm.stall(true)?;
    let (mut swarm, under) = swarm.watch(time).await?;
    let kib = ratio(rss().saturating_sub(before), count(stopped));
    swarm.stall(false)?;
    let (swarm, after) = swarm.watch(CATCH_UP).await?;
    for (name, seen) in [("before", &calm), ("stopped", &under), ("after", &after)] {
        figure.failures.extend(complaints(name, seen));
    }
    if after.merged == 0 {
        figure.notes.push("nobody fell behind: the kernel held all of it".to_owned());
    }
    let open = swarm.len();
    drop(swarm);
    peer.stop().await;
    let p99 = |seen: &super::swarm::Seen| millis(seen.lag.value_at_quantile(0.99));
    let disconnects = ratio(count(sockets - open), 1);
    figure.lines = vec![
        Line::at_most("disconnects", one(disconnects), 0.0),
        Line::at_most("KiB per stopped reader", one(kib), STALLED_KIB_MAX),
        Line::plain("healthy p99 ms, before", one(p99(&calm))),
        Line::at_most("healthy p99 ÷ before", one(p99(&under) / p99(&calm)), HEALTHY_P99_MAX),
        Line::plain("merged deltas when they read on", one(ratio(after.merged, 1))),
    ];
    Ok(figure)
}

fn bets_args(args: &FanoutArgs, url: String, secret: String, token: String) -> BetsArgs {
    let seconds = args.slice(Wanted::Bets).as_secs();
    BetsArgs {
        url,
        key: KEY.to_owned(),
        secret_file: None,
        secret: Some(secret),
        operator_token_file: None,
        operator_token: Some(token),
        connections: if args.small { 2 } else { 32 },
        seconds,
        warmup: 1,
        players: if args.small { 10 } else { 500 },
        mix: Mix::Single,
        currency: "EUR".to_owned(),
        game: "elsewhere".to_owned(),
        deposit: 1_000_000,
        rate: Some(if args.small { 50 } else { BETS_RATE }),
        check: true,
        patience: 10,
        threads: 1,
        server_pid: None,
        json: true,
    }
}

/// Bets with and without watchers, in turns, on one Palio that is fed once per tick.
pub(super) async fn bets(yard: &Yard<'_>) -> Result<Figure, Error> {
    let (args, sockets) = (yard.args, yard.args.sockets(Wanted::Bets));
    let mut figure = Figure {
        name: "bets".to_owned(),
        what: format!("p99 of bets beside {sockets} sockets at 1 Hz, and beside none"),
        ..Figure::default()
    };
    let peer = yard.start(Kind::Palio, Script { hz: 1, sockets }).await?;
    ready(yard, &peer, 1).await?;
    let secret = peer.directory.join(format!("data/secrets/provider-{KEY}.key"));
    let secret = std::fs::read_to_string(secret).map_err(Error::io("read palio's secret"))?;
    let token = yard.operator_token(&peer).await?;
    let args = bets_args(args, peer.url(), secret.trim_end().to_owned(), token);
    let feed = Feed::start(peer.provider()?, Duration::from_secs(1));
    let (mut with, mut without) = (Series::default(), Series::default());
    for round in 0..yard.args.rounds() {
        let crowded_first = round % 2 == 1;
        for crowded in [crowded_first, !crowded_first] {
            let swarm = match crowded {
                true => Some(Swarm::open(&peer.target(), sockets, 0).await?),
                false => None,
            };
            let time = Duration::from_secs(args.seconds + args.warmup) + CATCH_UP;
            let watching = swarm.map(|swarm| tokio::spawn(swarm.watch(time)));
            let report = bets::run(&args).await?;
            figure.failures.extend(report.failures());
            if let Some(watching) = watching {
                let watched = watching.await.map_err(|e| Error::Malformed(e.to_string()))?;
                let (swarm, seen) = watched?;
                figure.failures.extend(complaints("watchers", &seen));
                drop(swarm);
            }
            out::progress(format!(
                "round {round}, crowded {crowded}: {:.2} ms",
                report.latency_ms.p99
            ));
            if crowded { &mut with } else { &mut without }.push(report.latency_ms.p99);
        }
    }
    feed.stop().await?;
    peer.stop().await;
    figure.lines = vec![
        Line::plain("p99 ms without", without.summary()),
        Line::plain("p99 ms with", with.summary()),
        Line::at_most("with ÷ without", with.per(&without).summary(), BETS_P99_MAX),
    ];
    Ok(figure)
}
