//! Plays planned rounds over HTTP and checks each answer against what the protocol promises.

use super::client::{Client, Stopped};
use super::notes::{Note, Notes};
use super::plan::{Path, Purses, Quirk, Round};
use super::purses::Wallets;
use super::tally::Tally;
use super::wire::{Answer, Call, Named, Part, Wire, balance};
use crate::clock::{Clock as _, SystemClock};
use palio_domain::UnixMs;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Refusals that an honest provider meets.
const GOOD_REASONS: [&str; 3] = ["INSUFFICIENT_FUNDS", "TOO_MANY_OPEN", "SESSION_EXPIRED"];

/// What says that a bet needs nothing more.
const CLOSED: [&str; 4] =
    ["BET_ALREADY_SETTLED", "BET_ALREADY_ROLLED_BACK", "BET_CANCELLED", "PLAYER_NOT_FOUND"];

/// How often a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sendings {
    Once,
    Again,
    TwiceAtOnce,
}

impl Sendings {
    const fn first(quirk: Option<Quirk>) -> Self {
        match quirk {
            Some(Quirk::RetryFirst) => Self::Again,
            Some(Quirk::DuplicateFirst) => Self::TwiceAtOnce,
            _ => Self::Once,
        }
    }

    const fn last(quirk: Option<Quirk>) -> Self {
        match quirk {
            Some(Quirk::RetryLast) => Self::Again,
            Some(Quirk::DuplicateLast) => Self::TwiceAtOnce,
            _ => Self::Once,
        }
    }

    /// For rounds of one request.
    const fn only(quirk: Option<Quirk>) -> Self {
        match quirk {
            Some(Quirk::RetryFirst | Quirk::RetryLast) => Self::Again,
            Some(Quirk::DuplicateFirst | Quirk::DuplicateLast) => Self::TwiceAtOnce,
            _ => Self::Once,
        }
    }
}

/// One player's place in a round.
#[derive(Debug, Clone)]
struct Seat {
    at: usize,
    player: String,
    bet: String,
    stake: i64,
    payout: i64,
}

/// A round with its names.
struct Names {
    round: String,
    game: &'static str,
    seats: Vec<Seat>,
}

impl Names {
    fn bet<'a>(&'a self, seat: &'a Seat) -> Named<'a> {
        let Seat { player, bet, stake, payout, .. } = seat;
        let (stake, payout) = (*stake, *payout);
        Named { player, round: &self.round, game: self.game, bet, stake, payout }
    }

    fn bets<'a>(&'a self, seats: &'a [Seat]) -> Vec<Named<'a>> {
        seats.iter().map(|seat| self.bet(seat)).collect()
    }
}

/// The outside id of a player, from 0.
pub(super) fn player_id(at: usize) -> String {
    format!("demo_{:03}", at + 1)
}

fn timestamp(at: UnixMs) -> String {
    let at = chrono::DateTime::from_timestamp_millis(at.0).unwrap_or_default();
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

fn now() -> String {
    timestamp(SystemClock.now())
}

/// What all rounds share.
pub(super) struct Floor {
    pub(super) client: Client,
    pub(super) wire: Wire,
    pub(super) notes: Notes,
    pub(super) wallets: Wallets,
    pub(super) tally: Arc<Tally>,
    /// Tells this run's ids from those of every other run.
    pub(super) run: String,
    /// Rounds last this many times less; 1 outside tests.
    pub(super) hurry: u32,
    /// How long the notes may take to reach the disk.
    pub(super) save_every: Duration,
    pub(super) serial: AtomicU64,
}

impl Floor {
    /// Plays a round to its end, or until the sandbox stops.
    pub(super) async fn play(&self, round: Round) {
        let seats = round.bets.iter().enumerate().map(|(n, bet)| Seat {
            at: bet.player,
            player: player_id(bet.player),
            bet: format!("b-{}-{}-{n}", self.run, round.number),
            stake: bet.stake,
            payout: bet.payout,
        });
        let names = Names {
            round: format!("r-{}-{}", self.run, round.number),
            game: round.game,
            seats: seats.collect(),
        };
        if self.rounds(&round, &names).await.is_err() {
            return;
        }
        for seat in &names.seats {
            if self.wallets.is_low(seat.at) && self.fund(seat.at).await.is_err() {
                return;
            }
        }
    }

    async fn rounds(&self, round: &Round, names: &Names) -> Result<(), Stopped> {
        if let Some((player, minutes)) = round.session {
            self.open_session(player, round.game, minutes).await?;
        }
        if !round.path.is_open() {
            return self.spin(round, names).await;
        }
        let payout = |seat: &Seat| (round.quirk != Some(Quirk::Rollback)).then_some(seat.payout);
        let version = self.notes.add(names.seats.iter().map(|seat| Note {
            player: seat.player.clone(),
            round: names.round.clone(),
            game: names.game.to_owned(),
            bet: seat.bet.clone(),
            stake: seat.stake,
            payout: payout(seat),
        }));
        let noted = async {
            self.until(self.notes.wait(version)).await?;
            // All notes of a moment become durable together; their bets spread out again.
            let spread = self.save_every.as_secs_f64() * rand::random_range(0.0..1.0);
            self.client.pause(Duration::from_secs_f64(spread)).await
        };
        if noted.await.is_err() {
            // Nothing was sent.
            names.seats.iter().for_each(|seat| self.notes.remove(&seat.bet));
            return Err(Stopped);
        }
        let open = round.open / self.hurry;
        match round.path {
            Path::Play | Path::Plain => Ok(()),
            Path::Credit | Path::Settle => self.single(round, names, open).await,
            Path::Events | Path::EventsSettle => self.table(round, names, open).await,
        }
    }

    /// Bet and result in one request.
    async fn spin(&self, round: &Round, names: &Names) -> Result<(), Stopped> {
        for seat in &names.seats {
            let bet = names.bet(seat);
            let call = match round.path {
                Path::Plain => self.wire.plain(bet, &now()),
                _ => self.wire.play(bet, &now()),
            };
            let answer = self.submit(&call, Sendings::only(round.quirk)).await?;
            if self.went_through(&call, &answer, seat) {
                self.tally.bet();
                self.tally.settle();
            }
        }
        Ok(())
    }

    /// Debit, then credit or settle.
    async fn single(&self, round: &Round, names: &Names, open: Duration) -> Result<(), Stopped> {
        for seat in &names.seats {
            let bet = names.bet(seat);
            let result = match round.path {
                Path::Credit => self.wire.credit(bet),
                _ => self.wire.settle(&names.round, &[bet]),
            };
            let (debit, rollback) = (self.wire.debit(bet, &now()), self.wire.rollback(bet));
            if round.quirk == Some(Quirk::RollbackBeforeBet) {
                self.tally.disorder();
                let early = self.client.send(&rollback).await?;
                self.expect(early.is_done(), &rollback, &early);
                let late = self.client.send(&debit).await?;
                self.expect(late.code() == "BET_CANCELLED", &debit, &late);
                self.notes.remove(&seat.bet);
                continue;
            }
            if round.quirk == Some(Quirk::ResultBeforeBet) {
                self.tally.disorder();
                let early = self.client.send(&result).await?;
                self.expect(is_not_found(&early), &result, &early);
            }
            let answer = self.submit(&debit, Sendings::first(round.quirk)).await?;
            if !self.went_through(&debit, &answer, seat) {
                self.close_unplaced(seat, &rollback, &answer).await?;
                continue;
            }
            self.tally.bet();
            self.client.pause(open).await?;
            if round.quirk == Some(Quirk::Rollback) {
                let answer = self.client.send(&rollback).await?;
                self.closed(&rollback, &answer, seat, Tally::roll_back);
            } else {
                let answer = self.submit(&result, Sendings::last(round.quirk)).await?;
                self.closed(&result, &answer, seat, Tally::settle);
            }
        }
        Ok(())
    }

    /// Several players, as events.
    async fn table(&self, round: &Round, names: &Names, open: Duration) -> Result<(), Stopped> {
        let all = names.bets(&names.seats);
        let place = self.wire.placed(&names.round, &all, &now());
        if round.quirk == Some(Quirk::ResultBeforeBet) {
            self.tally.disorder();
            let early = self.wire.settled(&names.round, &all, &now());
            let answer = self.client.send(&early).await?;
            self.expect(is_not_found(&answer), &early, &answer);
        }
        let answer = self.submit(&place, Sendings::first(round.quirk)).await?;
        let parts = answer.parts();
        let mut placed = Vec::new();
        for (n, seat) in names.seats.iter().enumerate() {
            match parts.get(n) {
                Some(part) if part.status() == 200 => {
                    self.tally.bet();
                    self.observe(seat, part.balance());
                    placed.push(seat.clone());
                }
                other => {
                    let code = other.map_or(answer.code(), |part| part.code());
                    self.refused(&place, &answer, code, seat);
                    let rollback = self.wire.rollback(names.bet(seat));
                    self.close_unplaced(seat, &rollback, &answer).await?;
                }
            }
        }
        if placed.is_empty() {
            return Ok(());
        }
        self.client.pause(open).await?;
        let bets = names.bets(&placed);
        let (call, count): (Call, fn(&Tally)) = match (round.quirk, round.path) {
            (Some(Quirk::Rollback | Quirk::RollbackBeforeBet), _) => {
                (self.wire.rolled_back(&names.round, &bets), Tally::roll_back)
            }
            (_, Path::EventsSettle) => (self.wire.settle(&names.round, &bets), Tally::settle),
            _ => (self.wire.settled(&names.round, &bets, &now()), Tally::settle),
        };
        let answer = self.submit(&call, Sendings::last(round.quirk)).await?;
        let parts: Vec<Part<'_>> =
            answer.parts().into_iter().flat_map(|part| part.operations()).collect();
        for (n, seat) in placed.iter().enumerate() {
            let part = parts.get(n);
            let through = part.is_some_and(|part| part.status() == 200);
            self.expect(through, &call, &answer);
            if through {
                count(&self.tally);
                self.observe(seat, part.and_then(|part| part.balance()));
                self.notes.remove(&seat.bet);
            }
        }
        Ok(())
    }

    /// Sends as often as the quirk says, and checks that this makes no difference.
    async fn submit(&self, call: &Call, sendings: Sendings) -> Result<Answer, Stopped> {
        let (first, second) = match sendings {
            Sendings::Once => return self.client.send(call).await,
            Sendings::Again => {
                let first = self.client.send(call).await?;
                (first, self.client.send(call).await?)
            }
            Sendings::TwiceAtOnce => {
                let both = tokio::join!(self.client.send(call), self.client.send(call));
                (both.0?, both.1?)
            }
        };
        self.tally.repeat();
        let done = |answer: &Answer| answer.status == 200 || answer.is_replay();
        let same = if done(&first) {
            let conflict = second.is_replay() || call.path == "/events";
            // Of two at once, either may be the first.
            let either = sendings == Sendings::TwiceAtOnce || second.unsure;
            done(&second) && (conflict || either) && first.result() == second.result()
        } else {
            (first.status, first.code()) == (second.status, second.code())
        };
        self.expect(same, call, &second);
        // The caller takes a replay for done, since one of the two was.
        let answer = if first.is_replay() && !second.is_replay() { second } else { first };
        Ok(Answer { unsure: true, ..answer })
    }

    /// Whether one bet went through; counts it if it did not.
    fn went_through(&self, call: &Call, answer: &Answer, seat: &Seat) -> bool {
        let parts = answer.parts();
        if let Some(part) = parts.first() {
            if part.status() == 200 {
                self.observe(seat, part.balance());
                return true;
            }
            self.refused(call, answer, part.code(), seat);
            return false;
        }
        if answer.is_done() {
            self.observe(seat, balance(answer.result()));
            return true;
        }
        self.refused(call, answer, answer.code(), seat);
        false
    }

    fn refused(&self, call: &Call, answer: &Answer, code: &str, seat: &Seat) {
        if GOOD_REASONS.contains(&code) {
            self.tally.refuse();
        } else {
            self.expect(false, call, answer);
        }
        // Whatever he was thought to have: he is asked again before he plays again.
        self.wallets.spend(seat.at);
    }

    /// Forgets a bet that was refused; one of unknown fate is called off first.
    async fn close_unplaced(
        &self,
        seat: &Seat,
        rollback: &Call,
        answer: &Answer,
    ) -> Result<(), Stopped> {
        if answer.status >= 500 {
            let answer = self.client.send(rollback).await?;
            if !answer.is_done() && !CLOSED.contains(&answer.code()) {
                return Ok(());
            }
        }
        self.notes.remove(&seat.bet);
        Ok(())
    }

    /// Takes the answer to a bet's result.
    fn closed(&self, call: &Call, answer: &Answer, seat: &Seat, count: fn(&Tally)) {
        let parts = answer.parts();
        let part = parts.first();
        let through = answer.is_done() && part.is_none_or(|part| part.status() == 200);
        self.expect(through, call, answer);
        if through {
            count(&self.tally);
            self.observe(seat, part.and_then(|part| part.balance()));
            self.observe(seat, balance(answer.result()));
            self.notes.remove(&seat.bet);
        }
    }

    fn observe(&self, seat: &Seat, balance: Option<&str>) {
        if let Some(minor) = balance.and_then(|text| self.wire.read(text)) {
            self.wallets.set(seat.at, minor);
        }
    }

    /// Warns about an answer that the protocol does not lead to expect.
    fn expect(&self, right: bool, call: &Call, answer: &Answer) {
        if right {
            return;
        }
        self.tally.surprise();
        let body: String = answer.body.to_string().chars().take(300).collect();
        let (what, trace, status) = (call.what, call.trace.as_str(), answer.status);
        tracing::warn!(what, trace, status, body, "unexpected answer");
    }

    /// Waits for something, unless the sandbox stops.
    pub(super) async fn until<T>(&self, work: impl Future<Output = T>) -> Result<T, Stopped> {
        tokio::select! {
            done = work => Ok(done),
            stopped = self.client.pause(Duration::from_secs(365 * 24 * 3600)) => {
                stopped.and(Err(Stopped))
            }
        }
    }

    fn key(&self, kind: &str) -> String {
        format!("{kind}-{}-{}", self.run, self.serial.fetch_add(1, Ordering::Relaxed))
    }

    async fn open_session(&self, at: usize, game: &str, minutes: i64) -> Result<(), Stopped> {
        let expires = timestamp(SystemClock.now().plus_ms(minutes * 60_000));
        let call = self.wire.session(&player_id(at), game, self.key("session"), &expires);
        let answer = self.client.send(&call).await?;
        self.expect(answer.is_done(), &call, &answer);
        if answer.is_done() {
            self.tally.session();
        }
        Ok(())
    }

    /// Looks at a player's wallet and fills it when it is low.
    pub(super) async fn fund(&self, at: usize) -> Result<(), Stopped> {
        let Some(_turn) = self.wallets.turn(at) else { return Ok(()) };
        let player = player_id(at);
        let call = Wire::balance(&player);
        let answer = self.client.send(&call).await?;
        let known = match answer.status {
            200 => self.wire.available(&answer.body),
            404 if answer.code() == "PLAYER_NOT_FOUND" => Some(0),
            _ => None,
        };
        self.expect(known.is_some(), &call, &answer);
        if let Some(minor) = known {
            self.wallets.set(at, minor);
        }
        if !self.wallets.is_low(at) {
            return Ok(());
        }
        let amount = self.wallets.bankroll(at);
        let call = self.wire.deposit(&player, self.key("topup"), amount);
        let answer = self.client.send(&call).await?;
        self.expect(answer.is_done(), &call, &answer);
        if answer.is_done() {
            self.tally.deposit();
            let told = balance(answer.result()).and_then(|text| self.wire.read(text));
            let before = self.wallets.available(at).unwrap_or(0);
            self.wallets.set(at, told.unwrap_or(before.saturating_add(amount)));
        }
        Ok(())
    }

    /// Closes a bet that the run before left open: with its result, or by giving it back.
    pub(super) async fn resolve(&self, note: Note) -> Result<(), Stopped> {
        let bet = Named {
            player: &note.player,
            round: &note.round,
            game: &note.game,
            bet: &note.bet,
            stake: note.stake,
            payout: note.payout.unwrap_or(0),
        };
        if note.payout.is_some() {
            let credit = self.wire.credit(bet);
            let answer = self.client.send(&credit).await?;
            if answer.is_done() || answer.is_replay() || CLOSED.contains(&answer.code()) {
                if answer.is_done() {
                    self.tally.settle();
                }
                self.notes.remove(&note.bet);
                return Ok(());
            }
            self.expect(answer.code() == "BET_NOT_FOUND", &credit, &answer);
        }
        // It may never have arrived: then this keeps it from ever being taken.
        let rollback = self.wire.rollback(bet);
        let answer = self.client.send(&rollback).await?;
        let closed = answer.is_done() || answer.is_replay() || CLOSED.contains(&answer.code());
        self.expect(closed, &rollback, &answer);
        if closed {
            self.tally.roll_back();
            self.notes.remove(&note.bet);
        }
        Ok(())
    }
}

/// Whether a result was refused since its bets are not known.
fn is_not_found(answer: &Answer) -> bool {
    let parts: Vec<_> = answer.parts().into_iter().flat_map(Part::operations).collect();
    let unknown = |part: &Part<'_>| (part.status(), part.code()) == (404, "BET_NOT_FOUND");
    if parts.is_empty() {
        answer.status == 404 && answer.code() == "BET_NOT_FOUND"
    } else {
        parts.iter().all(unknown)
    }
}
