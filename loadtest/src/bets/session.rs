//! Players of one server: made and funded once, played as often as wanted, compared at the end.

use super::driver::{Driver, Plan};
use super::pace::Pace;
use super::{Check, Cpu, check};
use crate::cli::BetsArgs;
use crate::http::Base;
use crate::money::Decimals;
use crate::players::{Funding, Player};
use crate::procfs::Meter;
use crate::sign::{Proof, Signer};
use crate::stats::{Recorder, Totals};
use crate::{Error, out};
use rand::Rng as _;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A server with players of this run.
#[derive(Debug)]
pub(crate) struct Session {
    /// Starts all ids.
    pub(crate) run: String,
    base: Arc<Base>,
    provider: Proof,
    decimals: Decimals,
    currency: String,
    players: VecDeque<Player>,
    slices: u32,
    /// The server keeps no balances, so its answers are not compared with them.
    trusting: bool,
}

/// What one stretch of playing gave.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) elapsed: Duration,
    pub(crate) totals: Totals,
    pub(crate) cpu: Cpu,
}

/// A name that no other run on the same journal has.
fn run_id() -> String {
    let digits = b"0123456789abcdefghijklmnopqrstuv";
    let mut rng = rand::rng();
    let digit = |n: usize| digits.get(n).copied().map_or('0', char::from);
    (0..10).map(|_| digit(rng.random_range(0..digits.len()))).collect()
}

impl Session {
    /// Makes and funds players.
    pub(crate) async fn open(args: &BetsArgs) -> Result<Self, Error> {
        let base = Arc::new(Base::parse(&args.url)?);
        let provider = Proof::Signature(Signer::new(&args.key, args.secret()?.as_bytes()));
        let run = run_id();
        let count = args.players.max(args.connections.saturating_mul(args.mix.seats()));
        let funding = Funding {
            base: Arc::clone(&base),
            operator: Proof::Bearer(args.operator_token()?),
            provider: provider.clone(),
            run: run.clone(),
            currency: args.currency.clone(),
            deposit: args.deposit,
        };
        out::progress(format!("run {run}: funding {count} players"));
        let (decimals, queues) = funding.players(count, args.connections).await?;
        let players = queues.into_iter().flatten().collect();
        let (currency, trusting) = (args.currency.clone(), false);
        Ok(Self { run, base, provider, decimals, currency, players, slices: 0, trusting })
    }

    /// Takes balances in answers as they come.
    pub(crate) fn trusting(mut self) -> Self {
        self.trusting = true;
        self
    }

    /// How many players there are.
    pub(crate) fn players(&self) -> usize {
        self.players.len()
    }

    /// Every connection has players of its own.
    fn deal(&mut self, connections: usize) -> Vec<VecDeque<Player>> {
        let mut queues = vec![VecDeque::new(); connections];
        for (index, player) in self.players.drain(..).enumerate() {
            if let Some(queue) = queues.get_mut(index % connections.max(1)) {
                queue.push_back(player);
            }
        }
        queues
    }

    /// Plays as `args` say: warm-up, then the measured stretch; what was begun is finished.
    pub(crate) async fn play(&mut self, args: &BetsArgs, loud: bool) -> Result<Measured, Error> {
        self.slices += 1;
        let recorder = Arc::new(Recorder::new()?);
        let begin = Instant::now();
        let warm = begin + Duration::from_secs(args.warmup);
        let end = warm + Duration::from_secs(args.seconds);
        // A driver without players would turn without end.
        let most = (self.players.len() / args.mix.seats().max(1)).max(1);
        let connections = args.connections.min(most);
        let mut drivers = JoinSet::new();
        for (seat, players) in self.deal(connections).into_iter().enumerate() {
            let plan = Plan {
                base: Arc::clone(&self.base),
                provider: self.provider.clone(),
                recorder: Arc::clone(&recorder),
                args: args.clone(),
                prefix: format!("{}-{}-{seat}", self.run, self.slices),
                decimals: self.decimals,
                pace: Pace::new(begin, args.rate, seat, connections),
                end,
                trusting: self.trusting,
            };
            drivers.spawn(Driver::new(plan, players).drive());
        }
        let progress = loud.then(|| tokio::spawn(super::progress(Arc::clone(&recorder), begin)));
        tokio::time::sleep_until(warm).await;
        let server = args.server_pid.map(|pid| Meter::start(&pid.to_string()));
        let own = Meter::start("self");
        let started = recorder.start();
        tokio::time::sleep_until(end).await;
        let elapsed = recorder.stop().duration_since(started);
        let cpu = Cpu::measured(&own, server.as_ref());
        if let Some(progress) = progress {
            progress.abort();
        }
        self.players = drivers.join_all().await.into_iter().flatten().collect();
        Ok(Measured { elapsed, totals: recorder.take()?, cpu })
    }

    /// Compares every player's balance with what it must be.
    pub(crate) async fn check(&mut self, connections: usize) -> Result<Check, Error> {
        let queues = self.deal(connections);
        check::balances(&self.base, &self.provider, self.decimals, &self.currency, queues).await
    }
}
