//! One peer with its players, and what it did in each round.

use super::LadderArgs;
use super::peer::{KEY, Peer};
use crate::bets::{Mix, Session};
use crate::cli::BetsArgs;
use crate::figures::Series;
use crate::num::{millis, per_second, ratio};
use crate::{Error, out};
use std::collections::BTreeMap;
use std::time::Duration;

/// Seconds before each slice in which the peer finds its pace again.
const WARMUP: u64 = 1;

/// A load for one slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) mix: Mix,
    pub(super) connections: usize,
    pub(super) seconds: u64,
    /// Requests per second; without it each connection sends as soon as it has its answer.
    pub(super) rate: Option<usize>,
}

/// What a peer did in one slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    pub(super) requests: f64,
    pub(super) bets: f64,
    pub(super) p50: f64,
    pub(super) p95: f64,
    /// Microseconds of the server's processor time per request.
    pub(super) cpu: Option<f64>,
}

/// What a peer did in all slices of one kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    pub(super) requests: Series,
    pub(super) bets: Series,
    pub(super) p50: Series,
    pub(super) p95: Series,
    pub(super) cpu: Series,
}

impl Record {
    pub(super) fn push(&mut self, slice: Slice) {
        self.requests.push(slice.requests);
        self.bets.push(slice.bets);
        self.p50.push(slice.p50);
        self.p95.push(slice.p95);
        if let Some(cpu) = slice.cpu {
            self.cpu.push(cpu);
        }
    }
}

/// A peer in the contest.
#[derive(Debug)]
pub(super) struct Contestant {
    pub(super) name: String,
    pub(super) peer: Peer,
    pub(super) session: Session,
    args: BetsArgs,
    /// Answers that must never be given.
    wrong: BTreeMap<String, u64>,
    trusting: bool,
}

impl Contestant {
    /// Funds players on a peer. A peer without balances is `trusting`.
    pub(super) async fn enter(
        name: &str,
        peer: Peer,
        args: &LadderArgs,
        players: usize,
        trusting: bool,
    ) -> Result<Self, Error> {
        let args = BetsArgs {
            url: peer.url.clone(),
            key: KEY.to_owned(),
            secret_file: None,
            secret: Some(peer.secret.clone()),
            operator_token_file: None,
            operator_token: Some(peer.token.clone()),
            connections: args.connections.iter().copied().max().unwrap_or(64).min(players),
            seconds: args.seconds,
            warmup: WARMUP,
            players,
            mix: Mix::Single,
            currency: "EUR".to_owned(),
            game: "loadtest".to_owned(),
            deposit: 1_000_000,
            rate: None,
            check: false,
            patience: 10,
            threads: 1,
            server_pid: Some(peer.pid),
            json: false,
        };
        let session = Session::open(&args).await?;
        let session = if trusting { session.trusting() } else { session };
        Ok(Self { name: name.to_owned(), peer, session, args, wrong: BTreeMap::new(), trusting })
    }

    /// Replaces the process behind the same address and database.
    pub(super) fn restarted(&mut self, peer: Peer) -> Peer {
        self.args.server_pid = Some(peer.pid);
        std::mem::replace(&mut self.peer, peer)
    }

    /// Plays one slice.
    pub(super) async fn play(&mut self, load: Load) -> Result<Slice, Error> {
        let Load { mix, connections, seconds, rate } = load;
        let args = BetsArgs { mix, connections, seconds, rate, ..self.args.clone() };
        let measured = self.session.play(&args, false).await?;
        for (what, count) in &measured.totals.wrong {
            *self.wrong.entry(what.clone()).or_default() += count;
        }
        let latency = measured.totals.window.latency()?;
        let bets = measured.totals.window.bets;
        let slice = Slice {
            requests: per_second(latency.len(), measured.elapsed),
            bets: per_second(bets, measured.elapsed),
            p50: millis(latency.value_at_quantile(0.50)),
            p95: millis(latency.value_at_quantile(0.95)),
            cpu: measured.cpu.server_ms.map(|ms| ms * 1000.0 * ratio(1, latency.len())),
        };
        out::progress(format!(
            "{:<22} {mix} on {connections:>3}  {:>8.0} req/s  {:>8.0} bets/s  p50 {:>7.2}  p95 {:>7.2} ms",
            self.name, slice.requests, slice.bets, slice.p50, slice.p95
        ));
        Ok(slice)
    }

    /// What was wrong, the balances to the cent included.
    pub(super) async fn failures(&mut self) -> Result<Vec<String>, Error> {
        let own = |(what, count): (&String, &u64)| format!("{}: {what}: {count} times", self.name);
        let mut failures: Vec<_> = self.wrong.iter().map(own).collect();
        if !self.trusting {
            // Time for what a pause may have left behind.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let check = self.session.check(8).await?;
            if check.wrong + check.uncertain > 0 {
                failures.push(format!(
                    "{}: {} wrong and {} uncertain balances",
                    self.name, check.wrong, check.uncertain
                ));
            }
        }
        Ok(failures)
    }
}

/// Tries numbers of connections with each peer, in turns and twice, so that a moment in which the
/// machine was busy decides nothing; returns each peer's best for throughput.
pub(super) async fn calibrate(
    contestants: &mut [&mut Contestant],
    mix: Mix,
    connections: &[usize],
    seconds: u64,
) -> Result<Vec<usize>, Error> {
    let first = connections.first().copied().unwrap_or(64);
    let mut best = vec![(0.0, first); contestants.len()];
    if connections.len() > 1 {
        for candidate in connections.iter().chain(connections) {
            for (contestant, best) in contestants.iter_mut().zip(&mut best) {
                let load = Load { mix, connections: *candidate, seconds, rate: None };
                let slice = contestant.play(load).await?;
                if slice.bets > best.0 {
                    *best = (slice.bets, *candidate);
                }
            }
        }
    }
    Ok(best.into_iter().map(|(_, connections)| connections).collect())
}
