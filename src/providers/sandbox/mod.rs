//! The demo's provider: a few hundred players of differing habits over a dozen games.
//!
//! It speaks to the server only over real HTTP, and as badly as real providers do: it repeats
//! calls, sends some twice at once, some in the wrong order, and leaves rounds open for a while.
//! What it left open when it was stopped it rolls back at the next start.

mod client;
mod games;
mod habits;

use client::{Answer, Client};
use games::{Game, Kind};
use habits::Habit;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;

/// What the sandbox is told.
pub struct SandboxConfig {
    /// `http://host:port`.
    pub base: String,
    /// Its signing key's id.
    pub key_id: String,
    /// Its secret.
    pub secret: Vec<u8>,
    /// Gives an operator's token for deposits.
    pub operator: Box<dyn Fn() -> Option<String> + Send>,
    /// How many players.
    pub players: u32,
    /// Bets per second, all together.
    pub bets_per_second: u32,
    /// Seed of the evening.
    pub seed: u64,
    /// Where it notes what is open.
    pub notes: PathBuf,
}

#[derive(Default)]
struct Counts {
    bets: Cell<u64>,
    results: Cell<u64>,
    repeats: Cell<u64>,
    strange: Cell<u64>,
}

fn add(count: &Cell<u64>) {
    count.set(count.get() + 1);
}

struct Sandbox {
    client: Client,
    rng: RefCell<StdRng>,
    /// Distinguishes this run's ids from all others.
    run: String,
    next: Cell<u64>,
    players: u32,
    /// Open bets: id → player.
    open: RefCell<BTreeMap<String, String>>,
    counts: Counts,
}

fn name(n: u32) -> String {
    format!("demo_{n:03}")
}

fn money(minor: i64) -> String {
    palio_domain::Currency::EUR.format(palio_domain::Amount(minor))
}

/// Plays until told to stop.
pub async fn run(config: SandboxConfig, mut stop: watch::Receiver<bool>) {
    let operator = config.operator;
    let client = Client::new(config.base, config.key_id, config.secret, operator);
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "the sandbox can't be started");
            return;
        }
    };
    let sandbox = Rc::new(Sandbox {
        client,
        rng: RefCell::new(StdRng::seed_from_u64(config.seed ^ rand::random::<u64>())),
        run: hex::encode(rand::random::<[u8; 4]>()),
        next: Cell::new(0),
        players: config.players.max(1),
        open: RefCell::default(),
        counts: Counts::default(),
    });
    sandbox.roll_back_leftovers(&config.notes).await;
    for n in 1..=config.players {
        sandbox.fund(&name(n), &format!("welcome-{n}"), 30_000).await;
        if *stop.borrow() {
            return;
        }
    }
    let paces: u64 = (1..=config.players).map(|n| u64::from(Habit::of(n).pace)).sum();
    let mut notes = tokio::time::interval(Duration::from_secs(1));
    let mut summary = tokio::time::interval(Duration::from_secs(30));
    loop {
        // Exponential gaps: bets come as a Poisson stream.
        let unit: f64 = sandbox.rng.borrow_mut().random_range(f64::EPSILON..1.0);
        let gap = -unit.ln() / f64::from(config.bets_per_second.max(1));
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs_f64(gap)) => {
                let player = sandbox.pick(config.players, paces);
                let sandbox = Rc::clone(&sandbox);
                actix::spawn(async move { sandbox.bet(player).await });
            }
            _ = notes.tick() => sandbox.note(&config.notes),
            _ = summary.tick() => sandbox.summary(),
            changed = stop.changed() => {
                sandbox.note(&config.notes);
                if changed.is_err() || *stop.borrow() {
                    return;
                }
            }
        }
    }
}

impl Sandbox {
    fn id(&self, prefix: &str) -> String {
        self.next.set(self.next.get() + 1);
        format!("{prefix}_{}_{}", self.run, self.next.get())
    }

    fn chance(&self, percent: u32) -> bool {
        self.rng.borrow_mut().random_range(0..100) < percent
    }

    fn pick(&self, players: u32, paces: u64) -> u32 {
        let mut at = self.rng.borrow_mut().random_range(0..paces.max(1));
        for n in 1..=players {
            let pace = u64::from(Habit::of(n).pace);
            if at < pace {
                return n;
            }
            at -= pace;
        }
        1
    }

    async fn pause(&self, (shortest, longest): (u64, u64)) {
        let ms = self.rng.borrow_mut().random_range(shortest..=longest);
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// One player's bet, from the stake to the result.
    async fn bet(&self, n: u32) {
        let habit = Habit::of(n);
        let (game, stake) = {
            let rng = &mut *self.rng.borrow_mut();
            (habit.game(rng), habit.stake(rng))
        };
        let player = name(n);
        match game.kind {
            Kind::Slot if self.chance(4) => self.plain(&player, game, stake).await,
            Kind::Slot => self.spin(&player, game, stake).await,
            Kind::Feature => self.feature(&player, game, stake).await,
            Kind::Table => self.table(n, game).await,
        }
    }

    async fn spin(&self, player: &str, game: &Game, stake: i64) {
        let round = self.id("r");
        let payout = game.payout(stake, &mut *self.rng.borrow_mut());
        let body = json!({"playerId": player, "roundId": round, "gameId": game.id, "betId": round,
            "stake": money(stake), "payout": money(payout), "currency": "EUR"});
        add(&self.counts.bets);
        if self.placed(player, "/wallet/play", &round, &body).await {
            add(&self.counts.results);
        }
    }

    /// Sends a bet, sometimes twice; tops the player up when the money is gone.
    async fn placed(&self, player: &str, path: &str, key: &str, body: &Value) -> bool {
        let answer = if self.chance(1) {
            add(&self.counts.repeats);
            let (first, second) = tokio::join!(
                self.client.signed(path, key, body),
                self.client.signed(path, key, body)
            );
            // Whichever came first did it; the other one is a replay.
            match (first, second) {
                (Some(a), Some(b)) if a.status == 409 => Some(b),
                (a, _) => a,
            }
        } else {
            self.client.signed(path, key, body).await
        };
        let Some(answer) = answer else { return false };
        if answer.status == 200 && self.chance(2) {
            add(&self.counts.repeats);
            let again = self.client.signed(path, key, body).await;
            let same = again.is_some_and(|a| a.body.get("result") == Some(&answer.body));
            if !same {
                self.strange("a repeat was not answered as the first time", &answer);
            }
        }
        match (answer.status, answer.code()) {
            (200, _) => true,
            (402, _) => {
                self.fund(player, &self.id("topup"), 20_000).await;
                false
            }
            _ => {
                self.strange("a bet was not taken", &answer);
                false
            }
        }
    }

    async fn feature(&self, player: &str, game: &Game, stake: i64) {
        let (round, bet) = (self.id("r"), self.id("b"));
        let debit = json!({"playerId": player, "roundId": round, "gameId": game.id, "betId": bet,
            "amount": money(stake), "currency": "EUR"});
        add(&self.counts.bets);
        if self.chance(1) {
            return self.too_early(player, &bet, &debit).await;
        }
        if !self.placed(player, "/wallet/debit", &bet, &debit).await {
            return;
        }
        self.open.borrow_mut().insert(bet.clone(), player.to_owned());
        self.pause(game.lasts_ms).await;
        let payout = game.payout(stake, &mut *self.rng.borrow_mut());
        let (path, key, body) = if self.chance(2) {
            ("/wallet/rollback", format!("x{bet}"), json!({"playerId": player, "betId": bet}))
        } else if self.chance(50) {
            let body = json!({"roundId": round, "operations": [
                {"playerId": player, "delta": money(payout - stake), "currency": "EUR"}]});
            ("/wallet/settle", format!("s{bet}"), body)
        } else {
            let body = json!({"playerId": player, "roundId": round, "betId": bet,
                "transactionId": format!("w{bet}"), "amount": money(payout), "currency": "EUR"});
            ("/wallet/credit", format!("w{bet}"), body)
        };
        self.finish(path, &key, &body, &[bet]).await;
    }

    async fn finish(&self, path: &str, key: &str, body: &Value, bets: &[String]) {
        let Some(answer) = self.client.signed(path, key, body).await else { return };
        if answer.status != 200 {
            self.strange("a result was not taken", &answer);
        }
        if self.chance(2) {
            add(&self.counts.repeats);
            if self.client.signed(path, key, body).await.is_none_or(|again| again.status == 404) {
                self.strange("a repeated result was not known", &answer);
            }
        }
        add(&self.counts.results);
        let mut open = self.open.borrow_mut();
        bets.iter().for_each(|bet| {
            open.remove(bet);
        });
    }

    /// The wrong order: a rollback that overtakes its bet, or a result that does.
    async fn too_early(&self, player: &str, bet: &str, debit: &Value) {
        let rollback = json!({"playerId": player, "betId": bet});
        let stopped = self.client.signed("/wallet/rollback", &format!("x{bet}"), &rollback).await;
        let refused = self.client.signed("/wallet/debit", bet, debit).await;
        match (stopped, refused) {
            (Some(stopped), Some(refused)) => {
                if stopped.status != 200 || refused.code() != "BET_CANCELLED" {
                    self.strange("a rollback did not stop its bet", &refused);
                }
            }
            _ => tracing::debug!("the server was away"),
        }
    }

    /// A round around a table: several players' bets, one result for all.
    async fn table(&self, first: u32, game: &Game) {
        let round = self.id("t");
        let mut bets = Vec::new();
        let seats = self.rng.borrow_mut().random_range(2..6_u32);
        for seat in 0..seats {
            let n = (first + seat * 3 - 1) % self.players + 1;
            let stake = Habit::of(n).stake(&mut *self.rng.borrow_mut());
            bets.push((self.id("b"), name(n), stake));
        }
        let placed: Vec<_> = bets
            .iter()
            .map(|(bet, player, stake)| {
                json!({"event": "bet.placed", "v": "1", "eventId": bet, "betId": bet,
                    "playerId": player, "roundId": round, "gameId": game.id,
                    "stake": money(*stake), "currency": "EUR"})
            })
            .collect();
        let Some(answer) = self.client.signed("/events", "", &Value::Array(placed)).await else {
            return;
        };
        let outcomes = answer.body.get("outcomes").and_then(Value::as_array);
        let mut taken = Vec::new();
        for (bet, outcome) in bets.into_iter().zip(outcomes.into_iter().flatten()) {
            add(&self.counts.bets);
            match outcome.get("status").and_then(Value::as_u64) {
                Some(200) => {
                    self.open.borrow_mut().insert(bet.0.clone(), bet.1.clone());
                    taken.push(bet);
                }
                Some(402) => self.fund(&bet.1, &self.id("topup"), 40_000).await,
                _ => self.strange("a bet at a table was not taken", &answer),
            }
        }
        if taken.is_empty() {
            return;
        }
        self.pause(game.lasts_ms).await;
        let results: Vec<_> = taken
            .iter()
            .map(|(bet, player, stake)| {
                let payout = game.payout(*stake, &mut *self.rng.borrow_mut());
                json!({"betId": bet, "playerId": player, "stake": money(*stake),
                    "payout": money(payout), "outcome": if payout > 0 { "WIN" } else { "LOSE" }})
            })
            .collect();
        let settled = json!({"event": "round.settled", "v": "1", "eventId": format!("s{round}"),
            "roundId": round, "gameId": game.id, "bets": results});
        let ids: Vec<_> = taken.into_iter().map(|(bet, ..)| bet).collect();
        self.finish("/events", "", &settled, &ids).await;
    }

    /// The plain form: one closed round in an open session.
    async fn plain(&self, player: &str, game: &Game, stake: i64) {
        let now = crate::clock::Clock::now(&crate::clock::SystemClock);
        let session = json!({"gameId": game.id, "currency": "EUR",
            "expiresAt": palio_protocol::time::format(now.plus_ms(600_000))});
        let path = format!("/api/players/{player}/sessions");
        if self.client.operator(&path, &self.id("session"), &session).await.is_none() {
            return;
        }
        let payout = game.payout(stake, &mut *self.rng.borrow_mut());
        let event = self.id("e");
        let body = json!({"eventId": event, "playerId": player, "gameId": game.id,
            "amount": money(stake), "result": money(payout)});
        add(&self.counts.bets);
        if let Some(answer) = self.client.signed("/events", "", &body).await {
            let code = answer.body.pointer("/outcomes/0/code").and_then(Value::as_str);
            match code {
                None => add(&self.counts.results),
                Some("INSUFFICIENT_FUNDS") => {
                    self.fund(player, &self.id("topup"), 20_000).await;
                }
                Some(_) => self.strange("a plain result was not taken", &answer),
            }
        }
    }

    async fn fund(&self, player: &str, key: &str, minor: i64) {
        let body = json!({"amount": money(minor), "currency": "EUR"});
        let path = format!("/api/players/{player}/deposits");
        match self.client.operator(&path, key, &body).await {
            Some(answer) if answer.status == 200 || answer.status == 409 => {}
            Some(answer) => self.strange("a deposit was not taken", &answer),
            None => tracing::debug!("the server was away"),
        }
    }

    fn strange(&self, what: &str, answer: &Answer) {
        add(&self.counts.strange);
        tracing::warn!(status = answer.status, code = answer.code(), body = %answer.body, "sandbox: {what}");
    }

    fn note(&self, path: &PathBuf) {
        let open = self.open.borrow();
        match serde_json::to_vec(&*open).map(|text| std::fs::write(path, text)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the sandbox can't write its notes"),
            Err(error) => tracing::warn!(%error, "the sandbox can't write its notes"),
        }
    }

    async fn roll_back_leftovers(&self, path: &PathBuf) {
        let Ok(text) = std::fs::read(path) else { return };
        let open: BTreeMap<String, String> = serde_json::from_slice(&text).unwrap_or_default();
        for (bet, player) in open {
            let body = json!({"playerId": player, "betId": bet});
            let answer =
                self.client.signed("/wallet/rollback", &format!("left-{bet}"), &body).await;
            // Settled in its last second: fine.
            if answer.is_none() {
                tracing::warn!(bet, "a bet of the last run is still open");
            }
        }
    }

    fn summary(&self) {
        let counts = &self.counts;
        tracing::info!(
            bets = counts.bets.get(),
            results = counts.results.get(),
            repeats = counts.repeats.get(),
            unexpected = counts.strange.get(),
            open = self.open.borrow().len(),
            "sandbox"
        );
    }
}
