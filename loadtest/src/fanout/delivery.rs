//! Deliveries beside the peers, and sockets to which nothing is delivered.

use super::Wanted;
use super::feed::{self, Feed, TICK_MS_MIN};
use super::peer::{Kind, Peer, Script, Yard};
use super::report::{Figure, Row};
use super::swarm::{Seen, Swarm};
use crate::figures::{Line, Series};
use crate::num::{count, micros, millis, ratio};
use crate::procfs::{Meter, usage};
use crate::{Error, out};
use std::time::Duration;

/// The whole program costs at most so many times the bare loop (live-updates, goal 1).
const TO_BARE_MAX: f64 = 1.10;
const TO_UWS_MAX: f64 = 1.0;
const P99_TO_BARE_MAX: f64 = 1.15;
/// Memory of an idle socket, KiB, and its processor time, µs per second.
const IDLE_KIB_MAX: f64 = 2.0;
const IDLE_CPU_MAX: f64 = 0.5;
/// Slack of the first ticks, which are not measured.
const SETTLE: Duration = Duration::from_millis(1_000);

/// What one slice of one peer gave.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    pub(super) seen: Seen,
    pub(super) cpu: Duration,
    pub(super) idle_kib: f64,
    pub(super) busy_kib: f64,
}

/// One value per round and thing.
#[derive(Debug, Default)]
struct Track {
    cpu: Series,
    p99: Series,
    idle: Series,
    busy: Series,
    bytes: Series,
}

fn rss(peer: &Peer) -> Option<u64> {
    usage(&peer.pid.to_string()).map(|usage| usage.rss_kib)
}

fn each_kib(before: Option<u64>, after: Option<u64>, sockets: usize) -> f64 {
    let gained = after.zip(before).map_or(0, |(after, before)| after.saturating_sub(before));
    ratio(gained, count(sockets))
}

/// A Palio, if it is one, with its tournament; and the client that bets.
pub(super) async fn ready(yard: &Yard<'_>, peer: &Peer, hz: u32) -> Result<(), Error> {
    if peer.kind == Kind::Palio {
        let operator = yard.operator(peer).await?;
        let tick_ms = 1_000_u64.checked_div(u64::from(hz)).unwrap_or(1_000);
        feed::prepare(peer, &operator, tick_ms).await?;
    }
    Ok(())
}

/// Whether all frames are there that can be judged.
pub(super) fn complaints(name: &str, seen: &Seen) -> Vec<String> {
    let mut wrong = Vec::new();
    if seen.gaps > 0 {
        wrong.push(format!("{name}: {} frames did not start where their socket was", seen.gaps));
    }
    if seen.closed > 0 {
        wrong.push(format!("{name}: {} sockets ended", seen.closed));
    }
    wrong
}

/// One peer, one slice, in a fresh process.
async fn slice(
    yard: &Yard<'_>,
    kind: Kind,
    hz: u32,
    sockets: usize,
    time: Duration,
) -> Result<Slice, Error> {
    let peer = yard.start(kind, Script { hz, sockets }).await?;
    ready(yard, &peer, hz).await?;
    // What starting up left behind is no socket's.
    tokio::time::sleep(SETTLE / 2).await;
    let before = rss(&peer);
    let swarm = Swarm::open(&peer.target(), sockets, 0).await?;
    let (swarm, _) = swarm.watch(SETTLE / 2).await?;
    let idle_kib = each_kib(before, rss(&peer), sockets);
    let feed = match kind {
        Kind::Palio => Some(Feed::start(peer.provider()?, Duration::from_secs(1) / hz)),
        _ => None,
    };
    let settle = SETTLE + Duration::from_millis(yard.args.delay_ms);
    let (swarm, first) = swarm.watch(settle).await?;
    let meter = Meter::start(&peer.pid.to_string());
    let (swarm, mut seen) = swarm.watch(time).await?;
    let cpu = meter.cpu().unwrap_or_default();
    let busy_kib = each_kib(before, rss(&peer), sockets);
    (seen.gaps, seen.closed) = (seen.gaps + first.gaps, seen.closed + first.closed);
    if let Some(feed) = feed {
        feed.stop().await?;
    }
    drop(swarm);
    peer.stop().await;
    Ok(Slice { seen, cpu, idle_kib, busy_kib })
}

/// All peers at this many ticks per second.
pub(super) async fn delivery(yard: &Yard<'_>, hz: u32) -> Result<Figure, Error> {
    let (args, sockets) = (yard.args, yard.args.sockets(Wanted::Delivery));
    let mut figure = Figure {
        name: format!("delivery, {hz} Hz"),
        what: format!("{sockets} sockets, JSON, {} bytes from scripted peers", args.bytes),
        ..Figure::default()
    };
    let fits = u64::from(hz) * TICK_MS_MIN <= 1_000;
    let kinds: Vec<Kind> =
        args.peers().into_iter().filter(|kind| fits || *kind != Kind::Palio).collect();
    if kinds.len() < args.peers().len() {
        figure.notes.push(format!(
            "a tournament's tick is at least {TICK_MS_MIN} ms: at {hz} Hz only its live side takes part"
        ));
    }
    let mut tracks: Vec<(Kind, Track)> =
        kinds.iter().map(|kind| (*kind, Track::default())).collect();
    for round in 0..args.rounds() {
        let shift = usize::from(round) % tracks.len().max(1);
        for turn in 0..tracks.len() {
            let at = (turn + shift) % tracks.len().max(1);
            let Some((kind, track)) = tracks.get_mut(at) else { continue };
            let slice = slice(yard, *kind, hz, sockets, args.slice(Wanted::Delivery)).await?;
            let (seen, cpu) = (&slice.seen, micros(slice.cpu));
            let p99 = millis(seen.lag.value_at_quantile(0.99));
            out::progress(format!(
                "round {round}  {:<18}{:>9} deliveries{:>8.2} µs{:>8.1} ms p99",
                kind.to_string(),
                seen.deliveries,
                ratio(cpu, seen.deliveries),
                p99,
            ));
            if seen.deliveries == 0 {
                figure.failures.push(format!("{kind}: nothing was delivered"));
            }
            figure.failures.extend(complaints(&kind.to_string(), seen));
            track.cpu.push(ratio(cpu, seen.deliveries));
            track.p99.push(p99);
            track.idle.push(slice.idle_kib);
            track.busy.push(slice.busy_kib);
            track.bytes.push(ratio(seen.bytes, seen.deliveries));
        }
    }
    let of = |kind| tracks.iter().find(|(of, _)| *of == kind).map(|(_, track)| track);
    let (bare, uws) = (of(Kind::Bare), of(Kind::Uwebsockets));
    for (kind, track) in &tracks {
        figure.rows.push(Row {
            name: kind.to_string(),
            cpu_us: track.cpu.summary(),
            to_bare: bare.and_then(|bare| track.cpu.per(&bare.cpu).summary()),
            to_uws: uws.and_then(|uws| track.cpu.per(&uws.cpu).summary()),
            p99_ms: track.p99.summary(),
            p99_to_bare: bare.and_then(|bare| track.p99.per(&bare.p99).summary()),
            idle_kib: track.idle.summary(),
            busy_kib: track.busy.summary(),
            bytes: track.bytes.summary(),
        });
    }
    let judged = of(Kind::Palio).or(of(Kind::Live));
    if let (Some(palio), Some(bare)) = (judged, bare) {
        let (cpu, p99) = (palio.cpu.per(&bare.cpu), palio.p99.per(&bare.p99));
        figure.lines.push(Line::at_most("CPU ÷ bare", cpu.summary(), TO_BARE_MAX));
        if let Some(uws) = uws {
            let ratio = palio.cpu.per(&uws.cpu);
            figure.lines.push(Line::at_most("CPU ÷ uwebsockets", ratio.summary(), TO_UWS_MAX));
        }
        figure.lines.push(Line::at_most("p99 ÷ bare", p99.summary(), P99_TO_BARE_MAX));
    }
    Ok(figure)
}

/// Sockets that get nothing.
pub(super) async fn idle(yard: &Yard<'_>) -> Result<Figure, Error> {
    let (args, sockets) = (yard.args, yard.args.sockets(Wanted::Idle));
    let mut figure = Figure {
        name: "idle".to_owned(),
        what: format!("{sockets} sockets, subscribed, no ticks"),
        ..Figure::default()
    };
    for kind in args.peers().into_iter().filter(|kind| *kind != Kind::Live) {
        let peer = yard.start(kind, Script { hz: 0, sockets }).await?;
        ready(yard, &peer, 1).await?;
        tokio::time::sleep(SETTLE).await;
        let before = rss(&peer);
        // A process that never slept costs nothing for being there, a Palio does.
        let (alone, alone_time) = (Meter::start(&peer.pid.to_string()), SETTLE * 3);
        tokio::time::sleep(alone_time).await;
        let alone = ratio(micros(alone.cpu().unwrap_or_default()), 3);
        let swarm = Swarm::open(&peer.target(), sockets, 0).await?;
        let (swarm, _) = swarm.watch(SETTLE).await?;
        let meter = Meter::start(&peer.pid.to_string());
        let time = args.slice(Wanted::Idle);
        let (swarm, seen) = swarm.watch(time).await?;
        let per_second = ratio(micros(meter.cpu().unwrap_or_default()), time.as_secs().max(1));
        let (kib, cpu) = (
            each_kib(before, rss(&peer), sockets),
            (per_second - alone).max(0.0) / crate::num::ratio(count(sockets), 1),
        );
        figure.failures.extend(complaints(&kind.to_string(), &seen));
        drop(swarm);
        peer.stop().await;
        let one = |value: f64| [value].into_iter().collect::<Series>().summary();
        let (memory, time) =
            (format!("{kind}: KiB per socket"), format!("{kind}: CPU µs per socket and second"));
        figure.lines.extend(match kind {
            Kind::Palio => [
                Line::at_most(memory, one(kib), IDLE_KIB_MAX),
                Line::at_most(time, one(cpu), IDLE_CPU_MAX),
            ],
            _ => [Line::plain(memory, one(kib)), Line::plain(time, one(cpu))],
        });
        figure.notes.push(format!("{kind}: alone {alone:.0} µs CPU per second"));
    }
    Ok(figure)
}
