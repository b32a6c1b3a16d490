//! What a driver plays: one bet in each of its ways, and whole rounds.

use super::body::Bet;
use super::call::{MISMATCH, Outcome, REPLAY, parts};
use super::driver::Driver;
use super::mix::SMALL_ROUND;
use crate::clock;
use crate::players::Player;
use crate::report::code_of;
use crate::stats::Kind;
use rand::Rng as _;

/// Of a hundred mixed bets: how many are sent again, and how many again with other content.
const REPLAYED: u32 = 5;
const FORGED: u32 = 1;

const BET_LOST: &str = "unknown whether its bet is held";
const SETTLE_LOST: &str = "a bet is not settled for certain";

/// A bet of a round.
#[derive(Debug)]
struct Seat {
    player: Player,
    bet: String,
    stake: i64,
    payout: i64,
    held: bool,
}

impl Seat {
    fn bet<'a>(&'a self, round: &'a str) -> Bet<'a> {
        let Self { player, bet, stake, payout, .. } = self;
        Bet { player: &player.id, round, bet, stake: *stake, payout: *payout }
    }
}

impl Driver {
    /// Debit, then settle.
    pub(super) async fn single(&mut self) {
        let Some(mut player) = self.players.pop_front() else { return };
        let (stake, payout) = self.draw();
        if self.debit(&mut player, stake, payout, false).await {
            self.prepare('s');
            let bet = Bet { player: &player.id, round: &self.round, bet: &self.bet, stake, payout };
            self.words.settle(&mut self.body, bet);
            self.close(Kind::Settle, &mut player, payout - stake, false).await;
        }
        self.players.push_back(player);
    }

    /// Bet and result in one.
    pub(super) async fn play(&mut self, probing: bool) {
        let Some(mut player) = self.players.pop_front() else { return };
        let (stake, payout) = self.draw();
        self.name();
        self.prepare('p');
        let bet = Bet { player: &player.id, round: &self.round, bet: &self.bet, stake, payout };
        self.words.play(&mut self.body, bet);
        match self.call(Kind::Play, false).await {
            Outcome::Done => {
                self.recorder.bets(1);
                player.cash += payout - stake;
                self.expect_balance(&player, player.cash);
                if probing {
                    self.replay(Kind::Play).await;
                }
            }
            Outcome::Refused => {}
            Outcome::Partial | Outcome::Unknown => player.uncertain = Some(BET_LOST),
        }
        self.players.push_back(player);
    }

    /// Any of the ways, with retries, forged retries and rollbacks.
    pub(super) async fn mixed(&mut self) {
        let probing = self.rng.random_range(0..100) < REPLAYED;
        match self.rng.random_range(0..100) {
            0..45 => self.single().await,
            45..75 => self.play(probing).await,
            75..85 => self.credited(probing).await,
            85..95 => self.rolled_back(probing).await,
            _ => self.round_of(SMALL_ROUND).await,
        }
    }

    /// Debit, then a credit that settles it.
    async fn credited(&mut self, probing: bool) {
        let Some(mut player) = self.players.pop_front() else { return };
        let (stake, payout) = self.draw();
        let payout = payout.max(1);
        if self.debit(&mut player, stake, payout, probing).await {
            self.prepare('c');
            let bet = Bet { player: &player.id, round: &self.round, bet: &self.bet, stake, payout };
            self.words.credit(&mut self.body, bet);
            self.close(Kind::Credit, &mut player, payout - stake, probing).await;
        }
        self.players.push_back(player);
    }

    /// Debit, then the stake back.
    async fn rolled_back(&mut self, probing: bool) {
        let Some(mut player) = self.players.pop_front() else { return };
        let (stake, payout) = self.draw();
        if self.debit(&mut player, stake, payout, probing).await {
            self.prepare('r');
            let bet = Bet { player: &player.id, round: &self.round, bet: &self.bet, stake, payout };
            self.words.rollback(&mut self.body, bet);
            self.close(Kind::Rollback, &mut player, 0, probing).await;
        }
        self.players.push_back(player);
    }

    /// Holds a new bet; whether it is held.
    async fn debit(&mut self, player: &mut Player, stake: i64, payout: i64, probing: bool) -> bool {
        self.name();
        self.prepare('d');
        let bet = Bet { player: &player.id, round: &self.round, bet: &self.bet, stake, payout };
        self.words.debit(&mut self.body, bet);
        match self.call(Kind::Debit, false).await {
            Outcome::Done => {}
            Outcome::Refused => return false,
            Outcome::Partial | Outcome::Unknown => {
                player.uncertain = Some(BET_LOST);
                return false;
            }
        }
        self.recorder.bets(1);
        self.expect_balance(player, player.cash - stake);
        if probing {
            self.replay(Kind::Debit).await;
            if self.rng.random_range(0..REPLAYED) < FORGED {
                self.forge(player, stake, payout).await;
            }
        }
        true
    }

    /// Ends the bet at hand with the prepared request, which changes the cash by `change`.
    async fn close(&mut self, kind: Kind, player: &mut Player, change: i64, probing: bool) {
        let done = match self.call(kind, true).await {
            Outcome::Done => true,
            Outcome::Partial => self.all_parts_done(),
            Outcome::Refused | Outcome::Unknown => false,
        };
        if !done {
            player.uncertain = Some(SETTLE_LOST);
            return;
        }
        player.cash += change;
        self.expect_balance(player, player.cash);
        if probing {
            self.replay(kind).await;
        }
    }

    /// Sends the same again: the first result, byte for byte, has to come back.
    async fn replay(&mut self, kind: Kind) {
        self.first.clear();
        self.first.extend_from_slice(self.link.body());
        let Ok(status) = self.probe(kind).await else { return };
        let body = self.link.body();
        match (status, code_of(body)) {
            // After a retry the first answer at hand is itself a replay.
            (409, REPLAY) if code_of(&self.first) == REPLAY => {}
            (409, REPLAY) if contains(body, &self.first) => {}
            (409, REPLAY) => self.recorder.wrong("a replay does not carry the first result"),
            (429 | 503, code) => self.recorder.trouble(status, code),
            _ => self.recorder.wrong("a repeated key is not answered as a replay"),
        }
    }

    /// Sends the debit's key with another amount: has to be refused.
    async fn forge(&mut self, player: &Player, stake: i64, payout: i64) {
        self.prepare('d');
        let stake = stake + 1;
        let bet = Bet { player: &player.id, round: &self.round, bet: &self.bet, stake, payout };
        self.words.debit(&mut self.body, bet);
        let Ok(status) = self.probe(Kind::Debit).await else { return };
        match (status, code_of(self.link.body())) {
            (422, MISMATCH) => {}
            (429 | 503, code) => self.recorder.trouble(status, code),
            _ => self.recorder.wrong("a key with other content is not refused"),
        }
    }

    /// One array of bets of different players, then one event that settles them.
    pub(super) async fn round_of(&mut self, bets: usize) {
        self.name();
        let mut seats = Vec::with_capacity(bets);
        while let Some(player) = (seats.len() < bets).then(|| self.players.pop_front()).flatten() {
            let (stake, payout) = self.draw();
            let bet = format!("{}-{}", self.bet, seats.len());
            seats.push(Seat { player, bet, stake, payout, held: false });
        }
        self.place(&mut seats).await;
        seats.iter().filter(|seat| seat.held).for_each(|_| self.recorder.bets(1));
        if seats.iter().any(|seat| seat.held) {
            self.settle(&mut seats).await;
        }
        self.players.extend(seats.into_iter().map(|seat| seat.player));
    }

    async fn place(&mut self, seats: &mut [Seat]) {
        self.body.clear();
        self.key.clear();
        let bets = seats.iter().map(|seat| seat.bet(&self.round));
        self.words.placed(&mut self.body, &clock::timestamp(), bets);
        match self.call(Kind::Events, false).await {
            Outcome::Done => seats.iter_mut().for_each(|seat| seat.held = true),
            Outcome::Refused => {}
            Outcome::Unknown => {
                seats.iter_mut().for_each(|seat| seat.player.uncertain = Some(BET_LOST));
            }
            Outcome::Partial => {
                let mut parts = parts(self.link.body()).into_iter();
                for seat in seats {
                    let part = parts.next();
                    match part.as_ref().map(|part| part.outcome()) {
                        Some(Outcome::Done) => seat.held = true,
                        Some(Outcome::Refused) => {}
                        _ => seat.player.uncertain = Some(BET_LOST),
                    }
                    if let Some(part) = part.filter(|_| !seat.held) {
                        self.recorder.trouble(part.status, &part.code);
                    }
                }
            }
        }
    }

    async fn settle(&mut self, seats: &mut [Seat]) {
        self.body.clear();
        self.key.clear();
        let bets = seats.iter().filter(|seat| seat.held).map(|seat| seat.bet(&self.round));
        self.words.settled(&mut self.body, &clock::timestamp(), &self.round, bets);
        let done = match self.call(Kind::Events, true).await {
            Outcome::Done => true,
            Outcome::Partial => self.all_parts_done(),
            Outcome::Refused | Outcome::Unknown => false,
        };
        for seat in seats.iter_mut().filter(|seat| seat.held) {
            if done {
                seat.player.cash += seat.payout - seat.stake;
            } else {
                seat.player.uncertain = Some(SETTLE_LOST);
            }
        }
    }

    /// Whether every part of a 207 answer went through; counts those that did not.
    fn all_parts_done(&self) -> bool {
        let parts = parts(self.link.body());
        let lost = parts.iter().filter(|part| part.outcome() != Outcome::Done);
        lost.clone().for_each(|part| self.recorder.trouble(part.status, &part.code));
        !parts.is_empty() && lost.count() == 0
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    let text = |bytes| std::str::from_utf8(bytes).ok();
    matches!((text(body), text(part)), (Some(body), Some(part)) if body.contains(part))
}
