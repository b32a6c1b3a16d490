//! What a player's money should be, kept with nothing but plain integers.

use palio_domain::wallet::{Answer, BetRef, Command, Terms};
use palio_domain::{Amount, BetId, Currency, GameId, ProviderId, RoundId};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
enum Intent {
    Deposit(i64),
    Bet(String, i64),
    Settle(String, i64),
    Rollback(String),
    Play(i64, i64),
}

/// One logical operation; retries carry the same key.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) key: String,
    pub(crate) command: Command,
    intent: Intent,
}

/// A player's money by the model.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) cash: i64,
    pub(crate) open: BTreeMap<String, i64>,
    settled: BTreeSet<String>,
    returned: BTreeSet<String>,
    dead: BTreeSet<String>,
    next: u64,
}

impl Model {
    pub(crate) fn next(&mut self, player: u64, rng: &mut StdRng) -> Operation {
        self.next += 1;
        let fresh = format!("b{player}-{}", self.next);
        let known = |rng: &mut StdRng, from: Vec<&String>| {
            (!from.is_empty()).then(|| from[rng.random_range(0..from.len())].clone())
        };
        let intent = match rng.random_range(0..100) {
            0..10 => Intent::Deposit(rng.random_range(1..2_000)),
            10..45 => Intent::Bet(fresh.clone(), rng.random_range(0..900)),
            45..70 => match known(rng, self.open.keys().collect()) {
                Some(bet) => {
                    let stake = self.open[&bet];
                    Intent::Settle(bet, rng.random_range(-stake..=stake + 50))
                }
                None => Intent::Deposit(500),
            },
            70..76 => match known(rng, self.open.keys().collect()) {
                Some(bet) => Intent::Rollback(bet),
                None => Intent::Rollback(fresh.clone()),
            },
            76..82 => {
                let all = self.settled.iter().chain(&self.returned).chain(&self.dead).collect();
                Intent::Rollback(known(rng, all).unwrap_or_else(|| fresh.clone()))
            }
            82..85 => Intent::Rollback(fresh.clone()),
            85..88 => match known(rng, self.dead.iter().collect()) {
                Some(bet) => Intent::Bet(bet, 10),
                None => Intent::Deposit(5),
            },
            _ => Intent::Play(rng.random_range(0..400), rng.random_range(0..500)),
        };
        let provider = ProviderId::parse("acme").unwrap();
        let reference = |bet: &str| BetRef {
            provider: ProviderId::parse("acme").unwrap(),
            bet: BetId::parse(bet).unwrap(),
            round: RoundId::parse(bet).unwrap(),
            game: GameId::parse("wheel").unwrap(),
        };
        let currency = Currency::EUR;
        let command = match &intent {
            Intent::Deposit(amount) => Command::Deposit { amount: Amount(*amount), currency },
            Intent::Bet(bet, stake) => Command::PlaceBet {
                bet: reference(bet),
                stake: Amount(*stake),
                currency,
                at: None,
                free: None,
                feature: false,
                terms: Terms::default(),
            },
            Intent::Settle(bet, delta) => Command::SettleRound {
                provider,
                round: RoundId::parse(bet).unwrap(),
                delta: Amount(*delta),
                currency,
                version: None,
                terms: Terms::default(),
            },
            Intent::Rollback(bet) => {
                Command::Rollback { provider, bet: BetId::parse(bet).unwrap(), round: None }
            }
            Intent::Play(stake, payout) => Command::Play {
                bet: reference(&fresh),
                stake: Amount(*stake),
                payout: Amount(*payout),
                currency,
                terms: Terms::default(),
                at: None,
            },
        };
        Operation { key: format!("k{player}-{}", self.next), command, intent }
    }

    /// Takes in the one answer of an operation; it must be the one the model expects.
    pub(crate) fn answered(&mut self, operation: &Operation, answer: &Answer) {
        let heard = super::name(answer);
        let heard = heard.trim_start_matches("replay ");
        let expected = match &operation.intent {
            Intent::Deposit(amount) => {
                self.cash += amount;
                "wallet.deposited"
            }
            Intent::Bet(bet, _) if self.dead.contains(bet) => {
                // Stopped before it came, or refused once: never placed.
                assert!(matches!(heard, "BetCancelled" | "BetIdReused" | "bet.refused"), "{heard}");
                return;
            }
            Intent::Bet(bet, stake) if *stake > self.cash => {
                self.dead.insert(bet.clone());
                "bet.refused"
            }
            Intent::Bet(bet, stake) => {
                self.cash -= stake;
                self.open.insert(bet.clone(), *stake);
                "bet.placed"
            }
            Intent::Settle(bet, delta) => {
                let stake = self.open.remove(bet).unwrap();
                self.cash += stake + delta;
                self.settled.insert(bet.clone());
                "bet.settled"
            }
            Intent::Rollback(bet) => {
                if let Some(stake) = self.open.remove(bet) {
                    self.cash += stake;
                    self.returned.insert(bet.clone());
                    "bet.rolled_back"
                } else if self.settled.contains(bet) {
                    "BetAlreadySettled"
                } else if self.returned.contains(bet) || self.dead.contains(bet) {
                    "AlreadyRolledBack"
                } else {
                    self.dead.insert(bet.clone());
                    "bet.tombstoned"
                }
            }
            Intent::Play(stake, _) if *stake > self.cash => "bet.refused",
            Intent::Play(stake, payout) => {
                self.cash += payout - stake;
                "round.played"
            }
        };
        assert_eq!(heard, expected, "{operation:?}");
    }
}
