//! One connection, its players, and the loop that plays them.

use super::body::Words;
use super::call::{Outcome, Verdict, judge, judge_parts};
use super::mix::Mix;
use super::pace::Pace;
use crate::Error;
use crate::cli::BetsArgs;
use crate::http::{Base, Link};
use crate::money::Decimals;
use crate::players::Player;
use crate::report::{code_of, text_after};
use crate::sign::{Proof, Request};
use crate::stats::{Kind, Recorder};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const TIMEOUT: Duration = Duration::from_secs(10);
const BACKOFF: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_millis(500);
/// Stakes, in minor units.
const STAKES: std::ops::RangeInclusive<i64> = 10..=2_000;

/// What a driver is given.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) base: Arc<Base>,
    pub(super) provider: Proof,
    pub(super) recorder: Arc<Recorder>,
    pub(super) args: BetsArgs,
    /// Starts every id of this driver.
    pub(super) prefix: String,
    pub(super) decimals: Decimals,
    pub(super) pace: Pace,
    pub(super) end: Instant,
    /// Balances in answers are not compared.
    pub(super) trusting: bool,
}

/// Plays its own players, one request at a time.
#[derive(Debug)]
pub(super) struct Driver {
    pub(super) words: Words,
    pub(super) players: VecDeque<Player>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) rng: StdRng,
    /// The request to send: body and idempotency key (empty for events, which have their own).
    pub(super) body: String,
    pub(super) key: String,
    /// Ids of the bet at hand.
    pub(super) round: String,
    pub(super) bet: String,
    /// The first answer, while a replay is compared with it.
    pub(super) first: Vec<u8>,
    pub(super) link: Link,
    mix: Mix,
    pace: Pace,
    patience: Duration,
    prefix: String,
    serial: u64,
    end: Instant,
    trusting: bool,
}

impl Driver {
    pub(super) fn new(plan: Plan, players: VecDeque<Player>) -> Self {
        let Plan { base, provider, recorder, args, prefix, decimals, pace, end, trusting } = plan;
        let patience = args.patience();
        Self {
            words: Words { game: args.game, currency: args.currency, decimals },
            players,
            recorder,
            rng: StdRng::from_os_rng(),
            body: String::with_capacity(1024),
            key: String::new(),
            round: String::new(),
            bet: String::new(),
            first: Vec::new(),
            link: Link::new(base, provider, TIMEOUT),
            mix: args.mix,
            pace,
            patience,
            prefix,
            serial: 0,
            end,
            trusting,
        }
    }

    /// Plays until the end, finishes what is open, and hands the players back.
    pub(super) async fn drive(mut self) -> VecDeque<Player> {
        while Instant::now() < self.end {
            match self.mix {
                Mix::Single => self.single().await,
                Mix::Play => self.play(false).await,
                Mix::Rounds(bets) => self.round_of(bets).await,
                Mix::Mixed => self.mixed().await,
            }
        }
        self.players
    }

    /// New ids for the next bet.
    pub(super) fn name(&mut self) {
        self.serial += 1;
        self.round.clear();
        self.bet.clear();
        // Writing to a String cannot fail.
        write!(self.round, "R-{}-{}", self.prefix, self.serial).ok();
        write!(self.bet, "{}-{}", self.prefix, self.serial).ok();
    }

    /// An empty body, and the key of the bet at hand with a letter for the step.
    pub(super) fn prepare(&mut self, step: char) {
        self.body.clear();
        self.key.clear();
        self.key.push_str(&self.bet);
        self.key.push(step);
    }

    /// A stake, and what it pays: nothing half of the time, else up to twice the stake.
    pub(super) fn draw(&mut self) -> (i64, i64) {
        let stake = self.rng.random_range(STAKES);
        let won = self.rng.random_bool(0.5);
        (stake, if won { self.rng.random_range(1..=2 * stake) } else { 0 })
    }

    /// Sends the prepared request once. The latency counts from `sent`.
    async fn send(&mut self, kind: Kind, sent: Instant) -> Result<u16, Error> {
        let request = Request::post(kind.path(), &self.key, self.body.as_bytes());
        let outcome = self.link.ask(request).await;
        match &outcome {
            Ok(_) => self.recorder.answered(kind, sent.elapsed()),
            Err(error) => self.recorder.trouble(0, error.code()),
        }
        outcome
    }

    /// Sends the prepared request in its turn and waits for the bare status.
    pub(super) async fn probe(&mut self, kind: Kind) -> Result<u16, Error> {
        let sent = self.pace.turn().await;
        self.send(kind, sent).await
    }

    /// Sends the prepared request until its outcome is known, or patience ends. What `must` go
    /// through is also repeated when the server is busy; everything under the same key.
    pub(super) async fn call(&mut self, kind: Kind, must: bool) -> Outcome {
        let mut sent = self.pace.turn().await;
        let give_up = Instant::now() + self.patience;
        let (mut unsure, mut pause) = (false, BACKOFF);
        loop {
            let verdict = match self.send(kind, sent).await {
                Ok(status) => {
                    let verdict = match judge(status, self.link.body(), unsure) {
                        Verdict::Ended(Outcome::Partial) => judge_parts(self.link.body(), must),
                        verdict => verdict,
                    };
                    let good = [Outcome::Done, Outcome::Partial].map(Verdict::Ended);
                    if !good.contains(&verdict) {
                        self.recorder.trouble(status, code_of(self.link.body()));
                    }
                    verdict
                }
                Err(_) => Verdict::Unsure,
            };
            match verdict {
                Verdict::Ended(outcome) => return outcome,
                Verdict::Busy if !must && !unsure => return Outcome::Refused,
                Verdict::Busy => {}
                Verdict::Unsure => unsure = true,
            }
            if Instant::now() >= give_up {
                return if unsure { Outcome::Unknown } else { Outcome::Refused };
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACKOFF_MAX);
            sent = Instant::now();
        }
    }

    /// Compares the balance in the last answer with what it must be.
    pub(super) fn expect_balance(&self, player: &Player, minor: i64) {
        if self.trusting || player.uncertain.is_some() {
            return;
        }
        let body = std::str::from_utf8(self.link.body()).unwrap_or_default();
        let balance = text_after(body, "\"balance\":\"");
        if balance.and_then(|text| self.words.decimals.read(text)) != Some(minor) {
            self.recorder.wrong("an answer's balance is not what it must be");
        }
    }
}
