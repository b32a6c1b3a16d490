//! The rules: a command against a state gives events, or a refusal. Reads only.

use super::command::{BetResult, Command, Outcome};
use super::event::{BetRef, Event, SettlementTotals};
use super::refusal::Refusal;
use super::state::{OpenBet, Wallet};
use crate::ids::{BetId, ProviderId, RoundId};
use crate::journal::{Key16, Row, RowKind};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a rule may know besides the state.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The time the command's rows will carry.
    pub now: UnixMs,
    /// Hash of the command's canonical content.
    pub body_hash: Key16,
}

/// The journal's memory of a bet that is not open.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The row that claimed the bet's id.
    pub claimed: Option<Arc<Row>>,
    /// The row that closed it.
    pub closed: Option<Arc<Row>>,
}

/// The journal's memory of the bets a command speaks of.
pub type Facts = BTreeMap<BetId, Past>;

/// Nothing to do, and that is a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noop {
    /// The bet was rolled back, refused or stopped before.
    AlreadyRolledBack,
    /// The player is in the tournament.
    AlreadyEntered,
}

/// What a command comes to.
#[derive(Debug, Clone)]
pub enum Decision {
    /// These things become true, together.
    Events(Vec<Event>),
    /// The same thing happened before, under this row.
    Replay(Arc<Row>),
    /// Nothing to do.
    Noop(Noop),
}

/// Open bets a player may have, so that one player's state stays small.
const OPEN_BETS_MAX: usize = 10_000;

impl Wallet {
    /// Decides a command. Events are to be journalled in order, in one batch.
    ///
    /// Repeat: the caller has already looked for the request's key; a bet whose id was used
    /// before is a replay when its content is equal, whatever its key.
    ///
    /// # Errors
    /// The first [`Refusal`] in their order. [`Refusal::is_stored`] ones on a bet come back as
    /// a [`Event::BetRefused`] instead, so that they are kept.
    pub fn decide(
        &self,
        command: &Command,
        context: &Context,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        match command {
            Command::Deposit { amount, currency } => {
                self.after(*currency, *amount, Amount::ZERO, Amount::ZERO)?;
                Ok(one(Event::Deposited { amount: *amount, currency: *currency }))
            }
            Command::PlaceBet { bet, stake, currency, at } => {
                if let Some(known) = self.known_bet(bet, context, facts)? {
                    return Ok(known);
                }
                if self.open_len() >= OPEN_BETS_MAX {
                    return Err(Refusal::TooManyOpenBets);
                }
                let placed = Event::BetPlaced {
                    bet: bet.clone(),
                    stake: *stake,
                    currency: *currency,
                    at: *at,
                };
                Ok(self.funded(bet, *stake, *currency).unwrap_or_else(|| one(placed)))
            }
            Command::Play { bet, stake, payout, currency, in_session, at } => {
                if let Some(known) = self.known_bet(bet, context, facts)? {
                    return Ok(known);
                }
                match self.in_session(bet, *currency, context) {
                    Err(refusal) if *in_session && refusal.is_stored() => {
                        let (bet, stake, currency) = (bet.clone(), *stake, *currency);
                        return Ok(one(Event::BetRefused { bet, stake, currency, refusal }));
                    }
                    Err(refusal) if *in_session => return Err(refusal),
                    Ok(()) | Err(_) => {}
                }
                self.play(bet, *stake, *payout, *currency, *at)
            }
            Command::SettleRound { provider, round, delta, currency } => {
                self.settle_round(provider, round, *delta, *currency)
            }
            Command::SettleBets { provider, round, bets, currency, at } => {
                self.settle_bets(provider, round, bets, *currency, *at, facts)
            }
            Command::Rollback { provider, bet, round } => {
                self.roll_back(provider, bet, round.as_ref(), facts)
            }
            Command::OpenSession { game, currency, expires } => Ok(one(Event::SessionOpened {
                game: game.clone(),
                currency: *currency,
                expires: *expires,
            })),
            Command::Enter { tournament, ends } => {
                if self.entries.contains_key(tournament) {
                    return Ok(Decision::Noop(Noop::AlreadyEntered));
                }
                Ok(one(Event::TournamentEntered { tournament: tournament.clone(), ends: *ends }))
            }
            Command::Leave { tournament } => {
                if !self.entries.contains_key(tournament) {
                    return Err(Refusal::NotEntered);
                }
                Ok(one(Event::TournamentLeft { tournament: tournament.clone() }))
            }
        }
    }

    /// What became of a bet id that a new bet wants, if it was used before.
    fn known_bet(
        &self,
        bet: &BetRef,
        context: &Context,
        facts: &Facts,
    ) -> Result<Option<Decision>, Refusal> {
        let Some(row) = facts.get(&bet.bet).and_then(|past| past.claimed.as_ref()) else {
            return Ok(None);
        };
        if row.kind == RowKind::BetTombstoned {
            return Err(Refusal::BetCancelled);
        }
        let same = row.request.as_ref().is_some_and(|r| r.body_hash == context.body_hash);
        if same { Ok(Some(Decision::Replay(Arc::clone(row)))) } else { Err(Refusal::BetIdReused) }
    }

    /// The player's open session on the bet's game must be in this currency: the message named
    /// none, so its decimals were read as the tenant's.
    fn in_session(
        &self,
        bet: &BetRef,
        currency: Currency,
        context: &Context,
    ) -> Result<(), Refusal> {
        match self.sessions.get(&bet.game).filter(|session| session.expires > context.now) {
            None => Err(Refusal::SessionExpired),
            Some(session) if session.currency != currency => Err(Refusal::CurrencyMismatch),
            Some(_) => Ok(()),
        }
    }

    /// `Some(refusal event)` when the stake is more than is available.
    fn funded(&self, bet: &BetRef, stake: Amount, currency: Currency) -> Option<Decision> {
        let available = self.balance(currency).cash;
        (stake > available).then(|| {
            one(Event::BetRefused {
                bet: bet.clone(),
                stake,
                currency,
                refusal: Refusal::InsufficientFunds { available },
            })
        })
    }

    fn play(
        &self,
        bet: &BetRef,
        stake: Amount,
        payout: Amount,
        currency: Currency,
        at: Option<UnixMs>,
    ) -> Result<Decision, Refusal> {
        if let Some(refused) = self.funded(bet, stake, currency) {
            return Ok(refused);
        }
        let balance = self.after(currency, payout, stake, Amount::ZERO)?;
        let totals = SettlementTotals { bets: 1, staked: stake, paid: payout, balance };
        let mut events =
            vec![Event::RoundPlayed { bet: bet.clone(), stake, payout, currency, at, totals }];
        if payout.is_positive() {
            events.push(Event::WinPaid {
                provider: bet.provider.clone(),
                round: bet.round.clone(),
                bet: Some(bet.bet.clone()),
                game: bet.game.clone(),
                amount: payout,
                currency,
            });
        }
        Ok(Decision::Events(events))
    }

    /// Settles all open bets of the round by the player's net result. Each bet's share of the
    /// payout is its share of the stakes, rounded down; the rest goes to the last bet, so that
    /// the sum is exact.
    fn settle_round(
        &self,
        provider: &ProviderId,
        round: &RoundId,
        delta: Amount,
        currency: Currency,
    ) -> Result<Decision, Refusal> {
        let open: Vec<_> = self.open_in_round(provider, round).collect();
        if open.is_empty() {
            return Err(Refusal::BetNotFound);
        }
        if open.iter().any(|(_, bet)| bet.currency != currency) {
            return Err(Refusal::CurrencyMismatch);
        }
        let staked: i128 = open.iter().map(|(_, bet)| i128::from(bet.stake.0)).sum();
        let payout = staked + i128::from(delta.0);
        if payout < 0 {
            return Err(Refusal::NegativePayout);
        }
        let mut left = payout;
        let mut results = Vec::with_capacity(open.len());
        for (at, (id, bet)) in open.iter().enumerate() {
            let last = at + 1 == open.len();
            let share = match staked {
                _ if last => left,
                0 => 0,
                staked => payout * i128::from(bet.stake.0) / staked,
            };
            left -= share;
            let share = i64::try_from(share).map_err(|_| Refusal::Overflow)?;
            results.push(((*id).clone(), *bet, Amount(share), None));
        }
        self.settled(provider, round, results, currency, None)
    }

    fn settle_bets(
        &self,
        provider: &ProviderId,
        round: &RoundId,
        bets: &[BetResult],
        currency: Option<Currency>,
        at: Option<UnixMs>,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        let mut results = Vec::with_capacity(bets.len());
        let mut of = currency;
        for result in bets {
            let open = self
                .open_bet(provider, &result.bet)
                .filter(|open| open.round == *round)
                .ok_or_else(|| not_open(facts.get(&result.bet)))?;
            if *of.get_or_insert(open.currency) != open.currency {
                return Err(Refusal::CurrencyMismatch);
            }
            if result.stake.is_some_and(|stake| stake != open.stake) {
                return Err(Refusal::StakeMismatch);
            }
            let fits = match result.outcome {
                None | Some(Outcome::Win) => true,
                Some(Outcome::Lose) => result.payout == Amount::ZERO,
                Some(Outcome::Void) => result.payout == open.stake,
            };
            if !fits {
                return Err(Refusal::OutcomeMismatch);
            }
            results.push((result.bet.clone(), open, result.payout, result.outcome));
        }
        let currency = of.ok_or(Refusal::BetNotFound)?;
        self.settled(provider, round, results, currency, at)
    }

    fn settled(
        &self,
        provider: &ProviderId,
        round: &RoundId,
        results: Vec<Closing<'_>>,
        currency: Currency,
        at: Option<UnixMs>,
    ) -> Result<Decision, Refusal> {
        let sum = |part: &dyn Fn(&Closing<'_>) -> i64| {
            let total: i128 = results.iter().map(|result| i128::from(part(result))).sum();
            i64::try_from(total).map(Amount).map_err(|_| Refusal::Overflow)
        };
        let staked = sum(&|(_, open, ..)| open.stake.0)?;
        let paid = sum(&|(_, _, payout, _)| payout.0)?;
        let balance = self.after(currency, paid, Amount::ZERO, staked)?;
        let bets = u32::try_from(results.len()).map_err(|_| Refusal::Overflow)?;
        let mut totals = Some(SettlementTotals { bets, staked, paid, balance });
        let single = match results.as_slice() {
            [(bet, ..)] => Some(bet.clone()),
            _ => None,
        };
        let game = results.first().map(|(_, open, ..)| open.game.clone());
        let mut events = Vec::with_capacity(results.len() + 1);
        for (bet, open, payout, outcome) in results {
            let said = if payout.is_positive() { Outcome::Win } else { Outcome::Lose };
            events.push(Event::BetSettled {
                bet: BetRef {
                    provider: provider.clone(),
                    bet,
                    round: round.clone(),
                    game: open.game.clone(),
                },
                stake: open.stake,
                payout,
                currency,
                outcome: outcome.unwrap_or(said),
                started: open.started,
                placed_seq: open.seq,
                at,
                totals: totals.take(),
            });
        }
        if let (true, Some(game)) = (paid.is_positive(), game) {
            events.push(Event::WinPaid {
                provider: provider.clone(),
                round: round.clone(),
                bet: single,
                game,
                amount: paid,
                currency,
            });
        }
        Ok(Decision::Events(events))
    }

    fn roll_back(
        &self,
        provider: &ProviderId,
        bet: &BetId,
        round: Option<&RoundId>,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        if let Some(open) = self.open_bet(provider, bet) {
            let bet = BetRef {
                provider: provider.clone(),
                bet: bet.clone(),
                round: open.round.clone(),
                game: open.game.clone(),
            };
            return Ok(one(Event::BetRolledBack {
                bet,
                stake: open.stake,
                currency: open.currency,
            }));
        }
        let past = facts.get(bet);
        let Some(claimed) = past.and_then(|past| past.claimed.as_ref()) else {
            return Ok(one(Event::BetTombstoned {
                provider: provider.clone(),
                bet: bet.clone(),
                round: round.cloned(),
            }));
        };
        let closed = past.and_then(|past| past.closed.as_ref()).map(|row| row.kind);
        match (claimed.kind, closed) {
            (RowKind::BetTombstoned | RowKind::BetRefused, _)
            | (_, Some(RowKind::BetRolledBack)) => Ok(Decision::Noop(Noop::AlreadyRolledBack)),
            _ => Err(Refusal::BetAlreadySettled),
        }
    }

    /// Spendable balance after paying `paid`, taking `taken` and releasing `released` from the
    /// held stakes. All accounts together must fit 64 bits: then no later transfer between
    /// them (a rollback, another bet) can overflow.
    fn after(
        &self,
        currency: Currency,
        paid: Amount,
        taken: Amount,
        released: Amount,
    ) -> Result<Amount, Refusal> {
        let accounts = self.balance(currency);
        let wide = |amount: Amount| i128::from(amount.0);
        let spendable = wide(accounts.cash) + wide(accounts.bonus) + wide(paid) - wide(taken);
        let reserved = wide(accounts.held) + wide(accounts.locked) - wide(released);
        i64::try_from(spendable + reserved).map_err(|_| Refusal::Overflow)?;
        i64::try_from(spendable).map(Amount).map_err(|_| Refusal::Overflow)
    }
}

/// A bet to be closed, with its payout and, if said, its outcome.
type Closing<'a> = (BetId, &'a OpenBet, Amount, Option<Outcome>);

fn one(event: Event) -> Decision {
    Decision::Events(vec![event])
}

/// Why a bet that should be open is not.
fn not_open(past: Option<&Past>) -> Refusal {
    let kind = |row: &Option<Arc<Row>>| row.as_ref().map(|row| row.kind);
    match past.map(|past| (kind(&past.claimed), kind(&past.closed))) {
        Some((_, Some(RowKind::BetRolledBack)) | (Some(RowKind::BetTombstoned), _)) => {
            Refusal::BetAlreadyRolledBack
        }
        Some((_, Some(_)) | (Some(RowKind::RoundPlayed), _)) => Refusal::BetAlreadySettled,
        None | Some(_) => Refusal::BetNotFound,
    }
}
