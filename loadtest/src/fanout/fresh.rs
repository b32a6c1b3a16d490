//! How soon everybody sees the newest board again after the server was killed.

use super::Wanted;
use super::delivery::ready;
use super::feed::Feed;
use super::peer::{Kind, RACE, Script, Yard};
use super::report::Figure;
use super::swarm::{Swarm, Target, connect};
use crate::figures::{Line, Series};
use crate::num::{micros, millis};
use crate::stats::histogram;
use crate::{Client, Error, out};
use rand::Rng as _;
use serde::Deserialize;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

const FRESH_MS_MAX: f64 = 3_000.0;
/// A client's waits, as docs/protocol/live.md tells it.
const WAIT_FIRST: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(15);
const GIVE_UP: Duration = Duration::from_secs(60);
const CALM: Duration = Duration::from_secs(2);

#[derive(Debug, Deserialize)]
struct Page {
    epoch: String,
    seq: u64,
}

/// Comes back as a client does, until it has a board; when that was.
async fn come_back(target: std::sync::Arc<Target>, n: usize, killed: Instant) -> Option<Duration> {
    let mut wait = WAIT_FIRST;
    while killed.elapsed() < GIVE_UP {
        let lot = rand::rng().random_range(0.5..1.0);
        tokio::time::sleep(wait.mul_f64(lot)).await;
        wait = (wait * 2).min(WAIT_MAX);
        let Ok((mut stream, mut rest)) = connect(&target, n, false).await else { continue };
        // A board begins with its rows' frame; a good cursor is answered with fewer bytes.
        while rest.len() < 4 {
            if stream.read_buf(&mut rest).await.unwrap_or_default() == 0 {
                break;
            }
        }
        if rest.len() >= 4 {
            let took = killed.elapsed();
            // Stays, as everybody does: the server serves all of them at once.
            tokio::time::sleep(GIVE_UP.saturating_sub(took).min(CALM)).await;
            return Some(took);
        }
    }
    None
}

/// Kill -9 under all sockets, started again at once on the same data.
pub(super) async fn recovery(yard: &Yard<'_>) -> Result<Figure, Error> {
    let sockets = yard.args.sockets(Wanted::Recovery);
    let mut figure = Figure {
        name: "recovery".to_owned(),
        what: format!("{sockets} sockets after kill -9, from the kill to each one's board"),
        ..Figure::default()
    };
    let mut peer = yard.start(Kind::Palio, Script { hz: 1, sockets }).await?;
    ready(yard, &peer, 1).await?;
    let (mut p50, mut p99, mut worst) = Default::default();
    let mut up = Series::default();
    for round in 0..yard.args.rounds().min(3) {
        let feed = Feed::start(peer.provider()?, Duration::from_secs(1));
        let swarm = Swarm::open(&peer.target(), sockets, 0).await?;
        let (swarm, _) = swarm.watch(CALM).await?;
        feed.stop().await?;
        let client = Client::anonymous(&peer.url())?;
        let page: Page = client.fetch(&format!("/api/tournaments/{RACE}/leaderboard")).await?;
        let mut target = peer.target();
        target.path = format!("{}?epoch={}&seq={}", target.path, page.epoch, page.seq);
        let target = std::sync::Arc::new(target);
        let dead = peer.kill().await?;
        let killed = Instant::now();
        drop(swarm);
        let mut back = JoinSet::new();
        for n in 0..sockets {
            back.spawn(come_back(std::sync::Arc::clone(&target), n, killed));
        }
        peer = yard.revive(dead).await?;
        up.push(millis(micros(killed.elapsed())));
        let (mut times, mut lost) = (histogram()?, 0_u64);
        for time in back.join_all().await {
            match time {
                Some(time) => {
                    times.record(micros(time)).ok();
                }
                None => lost += 1,
            }
        }
        if lost > 0 {
            figure.failures.push(format!("{lost} sockets got no board within {GIVE_UP:?}"));
        }
        let at = |quantile| millis(times.value_at_quantile(quantile));
        out::progress(format!("round {round}: p50 {:.0} ms, p99 {:.0} ms", at(0.5), at(0.99)));
        for (series, value) in
            [(&mut p50, at(0.5)), (&mut p99, at(0.99)), (&mut worst, millis(times.max()))]
        {
            let series: &mut Series = series;
            series.push(value);
        }
    }
    peer.stop().await;
    figure.lines = vec![
        Line::plain("ms until the server says that it is ready", up.summary()),
        Line::plain("p50 ms until a board", p50.summary()),
        Line::at_most("p99 ms until a board", p99.summary(), FRESH_MS_MAX),
        Line::plain("last ms until a board", worst.summary()),
    ];
    Ok(figure)
}
