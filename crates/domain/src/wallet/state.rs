//! A wallet's state: a fold over its events.

use super::event::{BetRef, Event};
use crate::ids::{BetId, GameId, ProviderId, RoundId, TournamentId};
use crate::journal::{Account, Leg};
use crate::money::{Amount, Currency};
use crate::time::{EVENT_TIME_TOLERANCE_MS, UnixMs, event_time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A player's accounts of one currency, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Accounts {
    /// Own money.
    pub cash: Amount,
    /// Bonus money.
    pub bonus: Amount,
    /// Stakes of open bets.
    pub held: Amount,
    /// Withdrawals under way.
    pub locked: Amount,
    /// Owed after a downward amend.
    pub debt: Amount,
}

impl Accounts {
    /// What the player can bet with.
    #[must_use]
    pub fn available(&self) -> Amount {
        Amount(self.cash.0.saturating_add(self.bonus.0))
    }

    fn get_mut(&mut self, account: Account) -> Option<&mut Amount> {
        match account {
            Account::Cash => Some(&mut self.cash),
            Account::Bonus => Some(&mut self.bonus),
            Account::Held => Some(&mut self.held),
            Account::Locked => Some(&mut self.locked),
            Account::Debt => Some(&mut self.debt),
            Account::House | Account::Promo | Account::External | Account::Transit => None,
        }
    }

    /// The accounts with their names, for reports.
    #[must_use]
    pub fn named(&self) -> [(Account, Amount); 5] {
        [
            (Account::Cash, self.cash),
            (Account::Bonus, self.bonus),
            (Account::Held, self.held),
            (Account::Locked, self.locked),
            (Account::Debt, self.debt),
        ]
    }
}

/// A bet whose stake is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenBet {
    /// Its round.
    pub round: RoundId,
    /// Its game.
    pub game: GameId,
    /// The stake.
    pub stake: Amount,
    /// Of which currency.
    pub currency: Currency,
    /// Event time of the placement.
    pub started: UnixMs,
    /// Seq of the placement.
    pub seq: u64,
}

/// An open game session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its currency.
    pub currency: Currency,
    /// When it ends.
    pub expires: UnixMs,
}

/// A player's part in a tournament.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When the tournament ends.
    pub ends: UnixMs,
    /// Seq of the row by which the player is in.
    pub seq: u64,
}

/// A wallet after some row of its slot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wallet {
    /// Seq of the last row folded in; 0 before the first.
    pub seq: u64,
    /// Accounts per currency.
    pub accounts: BTreeMap<Currency, Accounts>,
    /// Open bets, by provider and id.
    pub open: BTreeMap<ProviderId, BTreeMap<BetId, OpenBet>>,
    /// Open sessions, by game; forgotten a day after their end.
    pub sessions: BTreeMap<GameId, Session>,
    /// Tournaments the player is in; forgotten a day after their end.
    pub entries: BTreeMap<TournamentId, Entry>,
}

/// A row contradicts the wallet: the journal is damaged or a rule is wrong. The wallet stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A player's account would go below zero.
    #[error("{account} would go below zero at row {seq}")]
    Negative {
        /// Which account.
        account: &'static str,
        /// At which row.
        seq: u64,
    },
    /// A balance would not fit 64 bits.
    #[error("a balance overflows at row {seq}")]
    Overflow {
        /// At which row.
        seq: u64,
    },
    /// A bet that is not open is closed.
    #[error("bet {bet} is not open at row {seq}")]
    NotOpen {
        /// The bet.
        bet: BetId,
        /// At which row.
        seq: u64,
    },
    /// Rows out of order.
    #[error("row {seq} comes after {last}")]
    OutOfOrder {
        /// The row.
        seq: u64,
        /// The last row folded in.
        last: u64,
    },
}

const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;

impl Wallet {
    /// The accounts of a currency; zeros before the first movement.
    #[must_use]
    pub fn balance(&self, currency: Currency) -> Accounts {
        self.accounts.get(&currency).copied().unwrap_or_default()
    }

    /// An open bet.
    #[must_use]
    pub fn open_bet(&self, provider: &ProviderId, bet: &BetId) -> Option<&OpenBet> {
        self.open.get(provider)?.get(bet)
    }

    /// The open bets of a round, by id.
    pub fn open_in_round(
        &self,
        provider: &ProviderId,
        round: &RoundId,
    ) -> impl Iterator<Item = (&BetId, &OpenBet)> {
        self.open.get(provider).into_iter().flatten().filter(move |(_, bet)| bet.round == *round)
    }

    /// How many bets are open.
    #[must_use]
    pub fn open_len(&self) -> usize {
        self.open.values().map(BTreeMap::len).sum()
    }

    /// Folds one event in.
    ///
    /// # Errors
    /// [`Broken`] when the event contradicts the state; `decide` never produces such an event.
    pub fn apply(&mut self, seq: u64, time: UnixMs, event: &Event) -> Result<(), Broken> {
        if seq <= self.seq {
            return Err(Broken::OutOfOrder { seq, last: self.seq });
        }
        if let Some(leg) = event.leg() {
            self.transfer(&leg, seq)?;
        }
        match event {
            Event::BetPlaced { bet, stake, currency, at } => {
                let open = OpenBet {
                    round: bet.round.clone(),
                    game: bet.game.clone(),
                    stake: *stake,
                    currency: *currency,
                    started: event_time(time, *at, EVENT_TIME_TOLERANCE_MS),
                    seq,
                };
                self.open.entry(bet.provider.clone()).or_default().insert(bet.bet.clone(), open);
            }
            Event::BetSettled { bet, .. } | Event::BetRolledBack { bet, .. } => {
                self.close(bet, seq)?;
            }
            Event::SessionOpened { game, currency, expires } => {
                self.sessions.retain(|_, s| time.since_ms(s.expires) < REMEMBERED_MS);
                let session = Session { currency: *currency, expires: *expires };
                self.sessions.insert(game.clone(), session);
            }
            Event::TournamentEntered { tournament, ends } => {
                self.entries.retain(|_, entry| time.since_ms(entry.ends) < REMEMBERED_MS);
                self.entries.insert(tournament.clone(), Entry { ends: *ends, seq });
            }
            Event::TournamentLeft { tournament } => {
                self.entries.remove(tournament);
            }
            Event::Deposited { .. }
            | Event::BetRefused { .. }
            | Event::WinPaid { .. }
            | Event::BetTombstoned { .. }
            | Event::RoundPlayed { .. } => {}
        }
        self.seq = seq;
        Ok(())
    }

    fn close(&mut self, bet: &BetRef, seq: u64) -> Result<(), Broken> {
        let of_provider = self.open.get_mut(&bet.provider);
        let closed = of_provider.and_then(|bets| bets.remove(&bet.bet));
        if self.open.get(&bet.provider).is_some_and(BTreeMap::is_empty) {
            self.open.remove(&bet.provider);
        }
        closed.map(|_| ()).ok_or_else(|| Broken::NotOpen { bet: bet.bet.clone(), seq })
    }

    fn transfer(&mut self, leg: &Leg, seq: u64) -> Result<(), Broken> {
        let accounts = self.accounts.entry(leg.currency).or_default();
        if let Some(from) = accounts.get_mut(leg.debit) {
            let rest = from.checked_sub(leg.amount).ok_or(Broken::Overflow { seq })?;
            if rest.0 < 0 {
                return Err(Broken::Negative { account: leg.debit.name(), seq });
            }
            *from = rest;
        }
        if let Some(to) = accounts.get_mut(leg.credit) {
            *to = to.checked_add(leg.amount).ok_or(Broken::Overflow { seq })?;
        }
        Ok(())
    }
}
