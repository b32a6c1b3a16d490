//! Real bets that move Palio's board: one play per tick turns all ten rows over.
//!
//! Ten players, each play of 0.10 takes the last to the front, so every tick's delta holds all
//! ten positions in about 107 bytes of JSON, while the bets themselves cost the server less than
//! a hundredth of the deliveries: what is measured is the whole program, and no door was made
//! for the measuring.

use super::peer::{Peer, RACE};
use crate::client::Reply;
use crate::{Client, Error, clock, out};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Players at the top.
const PLAYERS: u64 = 10;
/// The least tick that a tournament may have.
pub(super) const TICK_MS_MIN: u64 = 100;
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Bets under way.
#[derive(Debug)]
pub(super) struct Feed {
    stop: Arc<AtomicBool>,
    plays: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

/// What must have gone through.
pub(super) fn good(what: &str, reply: &Reply) -> Result<(), Error> {
    if (200..300).contains(&reply.status) {
        return Ok(());
    }
    let (what, code) = (what.to_owned(), reply.code().to_owned());
    Err(Error::Refused { what, status: reply.status, code })
}

/// One closed round of a player.
pub(super) async fn play(
    provider: &Client,
    player: &str,
    id: &str,
    stake: &str,
) -> Result<(), Error> {
    let body = format!(
        r#"{{"playerId":"{player}","roundId":"{id}","gameId":"loadtest","betId":"{id}","stake":"{stake}","payout":"0.00","currency":"EUR"}}"#
    );
    good("play", &provider.post("/wallet/play", id, body).await?)
}

pub(super) async fn fund(operator: &Client, player: &str) -> Result<(), Error> {
    let path = format!("/api/players/{player}/deposits");
    let body = r#"{"amount":"100000.00","currency":"EUR"}"#;
    good("fund a player", &operator.post(&path, &format!("{player}-fund"), body).await?)
}

/// Makes the tournament and its ten leaders; done when the board shows them.
pub(super) async fn prepare(peer: &Peer, operator: &Client, tick_ms: u64) -> Result<(), Error> {
    let (start, end) = (clock::timestamp_in(1), clock::timestamp_in(86_400));
    let prizes = [r#""1.00""#; 10].join(",");
    let tick_ms = tick_ms.max(TICK_MS_MIN);
    let body = format!(
        r#"{{"id":"{RACE}","name":"Race","metric":"turnover","currency":"EUR","startsAt":"{start}","endsAt":"{end}","entry":"all","tickMs":{tick_ms},"topN":10,"prizes":[{prizes}]}}"#
    );
    good("make the tournament", &operator.post("/api/tournaments", RACE, body).await?)?;
    let provider = peer.provider()?;
    let give_up = Instant::now() + READY_WITHIN;
    let status = |text: &str| text.contains(r#""status":"active""#);
    let path = format!("/api/tournaments/{RACE}");
    while !status(&operator.get(&path).await?.text()) {
        if Instant::now() >= give_up {
            return Err(Error::Malformed("the tournament does not start".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for n in 0..PLAYERS {
        let player = format!("leader_{n}");
        fund(operator, &player).await?;
        let stake = format!("{}.{:02}", 1_000, n + 1);
        play(&provider, &player, &format!("first-{n}"), &stake).await?;
    }
    let board = format!("/api/tournaments/{RACE}/leaderboard?limit=10");
    while operator.get(&board).await?.text().matches(r#""rank""#).count() < 10 {
        if Instant::now() >= give_up {
            return Err(Error::Malformed("the board does not fill".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

impl Feed {
    /// One play every tick, until it is stopped.
    pub(super) fn start(provider: Client, tick: Duration) -> Self {
        let (stop, plays) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ends, counts) = (Arc::clone(&stop), Arc::clone(&plays));
        let run = clock::unix_seconds();
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(tick);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            for n in 0.. {
                ticks.tick().await;
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                let player = format!("leader_{}", n % PLAYERS);
                play(&provider, &player, &format!("f{run}-{n}"), "0.10").await?;
                counts.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        Self { stop, plays, task }
    }

    /// Ends it; how many plays there were.
    pub(super) async fn stop(self) -> Result<u64, Error> {
        self.stop.store(true, Ordering::Relaxed);
        match self.task.await {
            Ok(outcome) => outcome?,
            Err(error) => out::progress(format!("the feed broke: {error}")),
        }
        Ok(self.plays.load(Ordering::Relaxed))
    }
}
