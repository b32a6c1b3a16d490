//! A wallet's state: a fold over its events.

use super::command::{Outcome, Verdict};
use super::contest::{BuyIn, Profile};
use super::event::{BetRef, Event, Settled, Stake};
use super::kept::{self, Kept};
use super::protection::{Exclusion, ExclusionKind, Protection, Usage, count};
use crate::ids::{BetId, CampaignId, GameId, ProviderId, RoundId, TournamentId, WithdrawalId};
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
    /// Owed after a downward amend: a debit of this account makes it grow.
    pub debt: Amount,
}

impl Accounts {
    /// What the player can bet with.
    #[must_use]
    pub fn available(&self) -> Amount {
        Amount(self.cash.0.saturating_add(self.bonus.0))
    }

    /// Moves money between these accounts, or between one of them and the world.
    ///
    /// # Errors
    /// [`Unable`], and then nothing has moved.
    pub fn transfer(&mut self, leg: &Leg) -> Result<(), Unable> {
        if leg.amount.0 < 0 {
            return Err(Unable::Backwards);
        }
        let mut after = *self;
        let owed = |account| account == Account::Debt;
        for (account, arrives) in [(leg.debit, false), (leg.credit, true)] {
            let Some(at) = after.get_mut(account) else { continue };
            let change = if arrives == owed(account) {
                at.checked_sub(leg.amount)
            } else {
                at.checked_add(leg.amount)
            };
            *at = change.ok_or(Unable::Overflow)?;
            if at.0 < 0 {
                return Err(Unable::Negative(account));
            }
        }
        *self = after;
        Ok(())
    }

    fn get_mut(&mut self, account: Account) -> Option<&mut Amount> {
        match account {
            Account::Cash => Some(&mut self.cash),
            Account::Bonus => Some(&mut self.bonus),
            Account::Held => Some(&mut self.held),
            Account::Locked => Some(&mut self.locked),
            Account::Debt => Some(&mut self.debt),
            Account::House
            | Account::Promo
            | Account::External
            | Account::Transit
            | Account::Pool => None,
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
    /// The stake, and who pays for it.
    pub stake: Stake,
    /// Of which currency.
    pub currency: Currency,
    /// Event time of the placement.
    pub started: UnixMs,
    /// Row time of the placement.
    pub placed: UnixMs,
    /// Seq of the placement.
    pub seq: u64,
    /// Whether its result is overdue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
}

impl OpenBet {
    /// Whether it was placed up to `before`: its result should have come by now.
    #[must_use]
    pub fn is_late(&self, before: UnixMs) -> bool {
        self.placed <= before
    }
}

/// An open game session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose game it is; `None`: of a row that does not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// Its currency.
    pub currency: Currency,
    /// When it ends.
    pub expires: UnixMs,
    /// Its number: the seq of the row that opened it.
    pub number: u64,
}

/// A withdrawal under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// How much is locked for it.
    pub amount: Amount,
    /// Of which currency.
    pub currency: Currency,
}

/// Free rounds of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeRounds {
    /// On whose games.
    pub provider: ProviderId,
    /// On which game.
    pub game: GameId,
    /// How many are left.
    pub left: u32,
    /// Stake of each.
    pub value: Amount,
    /// Of which currency.
    pub currency: Currency,
    /// Until when they can be played.
    pub expires: UnixMs,
}

/// What the desk proposes for an overdue round: about the bets of it that are overdue now. It is
/// forgotten as soon as these are others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Whose round.
    pub provider: ProviderId,
    /// Which round.
    pub round: RoundId,
    /// How it is to end.
    pub verdict: Verdict,
    /// Why.
    pub reason: Box<str>,
    /// Who proposes it.
    pub author: Box<str>,
    /// Seq of its row: its name.
    pub seq: u64,
}

impl Proposal {
    /// The proposal that a row makes, if it is one.
    #[must_use]
    pub fn of(event: &Event, seq: u64) -> Option<Self> {
        let Event::VerdictProposed { provider, round, verdict, reason, author } = event else {
            return None;
        };
        Some(Self {
            provider: provider.clone(),
            round: round.clone(),
            verdict: *verdict,
            reason: reason.clone(),
            author: author.clone(),
            seq,
        })
    }
}

/// A player's part in a tournament.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When the tournament ends.
    pub ends: UnixMs,
    /// Seq of the row by which the player is in.
    pub seq: u64,
    /// Seats that were granted; 0 where there are none.
    #[serde(default, skip_serializing_if = "no_seats")]
    pub entries: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn no_seats(entries: &u32) -> bool {
    *entries == 0
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
    /// Withdrawals under way.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withdrawals: BTreeMap<WithdrawalId, Withdrawal>,
    /// Free rounds; forgotten a day after their end.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub free_rounds: BTreeMap<CampaignId, FreeRounds>,
    /// What the desk proposes for overdue rounds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<Proposal>,
    /// What counts towards limits, per currency.
    #[serde(default)]
    pub usage: BTreeMap<Currency, Usage>,
    /// Limits and exclusions.
    #[serde(default)]
    pub protection: Protection,
    /// The last bet of the last few seconds, by game.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spun: BTreeMap<GameId, UnixMs>,
    /// Prices of entries that wait for a seat.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub buy_ins: BTreeMap<TournamentId, BuyIn>,
    /// Tickets by the tournament that they are for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tickets: BTreeMap<TournamentId, u32>,
    /// What the operator knows of the player.
    #[serde(default, skip_serializing_if = "Profile::is_empty")]
    pub profile: Profile,
    /// How many refusals and tombstones were kept lately.
    #[serde(default, skip_serializing_if = "Kept::is_empty")]
    pub kept: Kept,
}

/// A transfer that the accounts can't make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unable {
    /// The account would go below zero.
    Negative(Account),
    /// A balance would not fit 64 bits.
    Overflow,
    /// The amount is below zero: the money would go from credit to debit.
    Backwards,
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
    /// A transfer of less than nothing.
    #[error("a transfer of less than nothing at row {seq}")]
    Backwards {
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
/// Longest time between bets that a provider's terms can ask for.
const SPIN_MS_MAX: i64 = 60 * 1000;

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

    /// What the desk proposes for a round.
    #[must_use]
    pub fn proposal(&self, provider: &ProviderId, round: &RoundId) -> Option<&Proposal> {
        self.proposals.iter().find(|p| p.provider == *provider && p.round == *round)
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
        if let Some(whose) = kept::by(event) {
            self.kept.add(whose, time);
        }
        match event {
            Event::BetPlaced { bet, stake, currency, at } => {
                self.count_stake(*currency, time, stake);
                self.spin(&bet.game, time);
                self.use_free_round(stake);
                let open = OpenBet {
                    round: bet.round.clone(),
                    game: bet.game.clone(),
                    stake: stake.clone(),
                    currency: *currency,
                    started: event_time(time, *at, EVENT_TIME_TOLERANCE_MS),
                    placed: time,
                    seq,
                    overdue: false,
                };
                self.open.entry(bet.provider.clone()).or_default().insert(bet.bet.clone(), open);
            }
            Event::RoundPlayed { bet, stake, payout, currency, .. } => {
                self.count_stake(*currency, time, stake);
                self.spin(&bet.game, time);
                let own = payout.0.saturating_sub(stake.bonus_share(*payout).0);
                self.count_payout(*currency, time, own);
            }
            Event::BetSettled(settled) => {
                self.close(&settled.bet, seq)?;
                self.count_result(settled, time);
                if settled.outcome == Outcome::Void {
                    self.give_back_free_round(&settled.stake);
                }
            }
            Event::BetAmended(settled) => self.count_result(settled, time),
            Event::BetRolledBack { bet, stake, currency, placed } => {
                self.close(bet, seq)?;
                self.give_back_free_round(stake);
                let (all, own) = (stake.held().0, stake.own().0);
                self.usage.entry(*currency).or_default().add(time, *placed, |used| {
                    count(&mut used.staked, all.saturating_neg());
                    count(&mut used.lost, own.saturating_neg());
                });
            }
            Event::Deposited { amount, currency, .. } => {
                let amount = amount.0;
                let usage = self.usage.entry(*currency).or_default();
                usage.add(time, time, |used| count(&mut used.deposited, amount));
            }
            Event::SessionOpened { provider, game, currency, expires } => {
                self.sessions.retain(|_, s| time.since_ms(s.expires) < REMEMBERED_MS);
                let session = Session {
                    provider: provider.clone(),
                    currency: *currency,
                    expires: *expires,
                    number: seq,
                };
                self.sessions.insert(game.clone(), session);
                self.protection.play_time.opened(time, *expires);
            }
            Event::SessionClosed { game } => {
                self.sessions.remove(game);
                if !self.sessions.values().any(|session| session.expires > time) {
                    self.protection.play_time.close(time);
                }
            }
            Event::WithdrawalAuthorised { id, amount, currency } => {
                let open = Withdrawal { amount: *amount, currency: *currency };
                self.withdrawals.insert(id.clone(), open);
            }
            Event::WithdrawalCaptured { id, .. } | Event::WithdrawalCancelled { id, .. } => {
                self.withdrawals.remove(id);
            }
            Event::RoundOverdue { provider, round, before } => {
                let mut more = false;
                for bet in self.open.get_mut(provider).into_iter().flat_map(BTreeMap::values_mut) {
                    let late = bet.round == *round && bet.is_late(*before);
                    more |= late && !bet.overdue;
                    bet.overdue |= late;
                }
                if more {
                    self.forget_proposal(provider, round);
                }
            }
            Event::VerdictProposed { provider, round, .. } => {
                self.forget_proposal(provider, round);
                self.proposals.extend(Proposal::of(event, seq));
            }
            Event::VerdictConfirmed { provider, round, .. } => {
                self.forget_proposal(provider, round);
            }
            Event::LimitSet { limit, from, .. } => self.protection.set(limit, *from, time),
            Event::Excluded { kind: ExclusionKind::Blocked, .. } => self.protection.blocked = true,
            Event::Excluded { kind, until, .. } => {
                self.protection.exclusion = Some(Exclusion { kind: *kind, until: *until });
            }
            Event::Readmitted { .. } => self.protection.blocked = false,
            Event::FreeRoundsGranted {
                campaign,
                provider,
                game,
                count,
                value,
                currency,
                expires,
                ..
            } => {
                self.free_rounds.retain(|_, f| time.since_ms(f.expires) < REMEMBERED_MS);
                let granted = FreeRounds {
                    provider: provider.clone(),
                    game: game.clone(),
                    left: *count,
                    value: *value,
                    currency: *currency,
                    expires: *expires,
                };
                self.free_rounds.insert(campaign.clone(), granted);
            }
            Event::TournamentEntered { tournament, ends } => {
                self.enter(tournament, *ends, seq, time);
            }
            Event::Contest(told) => self.told(told, seq, time),
            Event::TournamentLeft { tournament } => {
                self.entries.remove(tournament);
            }
            Event::WinUnmatched { amount, currency, .. } => {
                self.count_payout(*currency, time, amount.0);
            }
            Event::Adjusted { .. }
            | Event::CommandRefused { .. }
            | Event::BetRefused { .. }
            | Event::Moved { .. }
            | Event::RoundEnded { .. }
            | Event::ScoreReported(_)
            | Event::BetTombstoned { .. } => {}
        }
        self.seq = seq;
        Ok(())
    }

    fn count_stake(&mut self, currency: Currency, time: UnixMs, stake: &Stake) {
        let (all, own) = (stake.held().0, stake.own().0);
        self.usage.entry(currency).or_default().add(time, time, |used| {
            count(&mut used.staked, all);
            count(&mut used.lost, own);
        });
    }

    pub(super) fn enter(&mut self, id: &TournamentId, ends: UnixMs, seq: u64, time: UnixMs) {
        self.entries.retain(|_, entry| time.since_ms(entry.ends) < REMEMBERED_MS);
        self.entries.insert(id.clone(), Entry { ends, seq, entries: 0 });
    }

    /// A buy-in counts like a stake of own money.
    pub(super) fn count_spent(&mut self, currency: Currency, time: UnixMs, amount: Amount) {
        self.count_stake(currency, time, &Stake::cash(amount));
    }

    /// A cash prize counts like a payout; less than nothing when it is taken back.
    pub(super) fn count_won(&mut self, currency: Currency, time: UnixMs, amount: i64) {
        self.count_payout(currency, time, amount);
    }

    fn count_payout(&mut self, currency: Currency, time: UnixMs, own: i64) {
        let usage = self.usage.entry(currency).or_default();
        usage.add(time, time, |used| count(&mut used.lost, own.saturating_neg()));
    }

    /// What a result changes of the losses: the difference to the result before it.
    fn count_result(&mut self, settled: &Settled, time: UnixMs) {
        let own = |payout: Amount| payout.0.saturating_sub(settled.stake.bonus_share(payout).0);
        let change = own(settled.payout).saturating_sub(own(settled.paid_before));
        self.count_payout(settled.currency, time, change);
    }

    fn spin(&mut self, game: &GameId, time: UnixMs) {
        self.spun.retain(|_, last| time.since_ms(*last) < SPIN_MS_MAX);
        self.spun.insert(game.clone(), time);
    }

    fn use_free_round(&mut self, stake: &Stake) {
        if let Some(free) = stake.free.as_ref().and_then(|id| self.free_rounds.get_mut(id)) {
            free.left = free.left.saturating_sub(1);
        }
    }

    fn give_back_free_round(&mut self, stake: &Stake) {
        if let Some(free) = stake.free.as_ref().and_then(|id| self.free_rounds.get_mut(id)) {
            free.left = free.left.saturating_add(1);
        }
    }

    fn forget_proposal(&mut self, provider: &ProviderId, round: &RoundId) {
        self.proposals.retain(|p| p.provider != *provider || p.round != *round);
    }

    fn close(&mut self, bet: &BetRef, seq: u64) -> Result<(), Broken> {
        let of_provider = self.open.get_mut(&bet.provider);
        let closed = of_provider.and_then(|bets| bets.remove(&bet.bet));
        if self.open.get(&bet.provider).is_some_and(BTreeMap::is_empty) {
            self.open.remove(&bet.provider);
        }
        let closed = closed.ok_or_else(|| Broken::NotOpen { bet: bet.bet.clone(), seq })?;
        if closed.overdue {
            self.forget_proposal(&bet.provider, &closed.round);
        }
        Ok(())
    }

    fn transfer(&mut self, leg: &Leg, seq: u64) -> Result<(), Broken> {
        let accounts = self.accounts.entry(leg.currency).or_default();
        accounts.transfer(leg).map_err(|unable| match unable {
            Unable::Negative(account) => Broken::Negative { account: account.name(), seq },
            Unable::Overflow => Broken::Overflow { seq },
            Unable::Backwards => Broken::Backwards { seq },
        })
    }
}
