//! The rules: a command against a state gives events, or a refusal. Reads only.
//!
//! `bets`: what a bet may do. `results`: settlements, corrections, wins without a bet.
//! `rounds`: rollbacks, ends of rounds, the desk. `cashier`: deposits, withdrawals, adjustments.
//! `contest`: buy-ins, seats, prizes. `reported`: rounds that a platform reports.
//! `protection`: limits, exclusions, sessions.

mod bets;
mod cashier;
mod contest;
mod protection;
mod reported;
mod results;
mod rounds;

use super::command::Command;
use super::event::{About, Event, SettlementTotals};
use super::refusal::Refusal;
use super::scored::Report;
use super::state::{Accounts, Unable, Wallet};
use crate::ids::{BetId, Slot};
use crate::journal::{Account, Key16, Leg, Row, RowKind};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a rule may know besides the state.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The time the command's rows will carry.
    pub now: UnixMs,
    /// The wallet's slot.
    pub slot: Slot,
    /// The seq that the command's first row will have.
    pub next_seq: u64,
    /// Hash of the command's canonical content.
    pub body_hash: Key16,
}

/// The journal's memory of a bet that is not open.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The row that claimed the bet's id.
    pub claimed: Option<Arc<Row>>,
    /// The rows of its results by version, or of its rollback.
    pub closed: BTreeMap<u32, Arc<Row>>,
    /// The row that paid a win of it while the bet was not known.
    pub unmatched: Option<Arc<Row>>,
    /// The rows of a reported round's corrections, in the order in which they came.
    pub corrections: BTreeMap<u32, Arc<Row>>,
}

impl Past {
    /// The row that says how the bet stood at a version of its result: the newest one up to it,
    /// or the play that was its bet.
    #[must_use]
    pub fn at(&self, version: u32) -> Option<&Arc<Row>> {
        let played = || self.claimed.as_ref().filter(|row| row.kind == RowKind::RoundPlayed);
        self.closed.range(..=version).next_back().map(|(_, row)| row).or_else(played)
    }
}

/// What the journal remembers of what a command speaks of.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Bets that are not open.
    pub bets: BTreeMap<BetId, Past>,
    /// The row that ended the round, authorised the withdrawal or granted the free rounds.
    pub claimed: Option<Arc<Row>>,
    /// The row that ended the withdrawal.
    pub ended: Option<Arc<Row>>,
}

/// Nothing to do, and that is a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noop {
    /// The bet was rolled back, refused or stopped before.
    AlreadyRolledBack,
    /// The player is in the tournament.
    AlreadyEntered,
    /// The price is held already; the seat is to be decided.
    AlreadyHeld,
    /// The round's end is known.
    AlreadyEnded,
    /// No open bet of the round is late, or it is known.
    NotLate,
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
/// The same of withdrawals, limits, and campaigns of free rounds.
const OPEN_OTHERS_MAX: usize = 100;

impl Wallet {
    /// Decides a command. Events are to be journalled in order, in one batch.
    ///
    /// Repeat: the caller has already looked for the request's key; a bet whose id was used
    /// before is a replay when its content is equal, whatever its key.
    ///
    /// # Errors
    /// The first [`Refusal`] in their order. [`Refusal::is_stored`] ones come back as a
    /// [`Event::BetRefused`] or [`Event::CommandRefused`] instead, so that they are kept.
    pub fn decide(
        &self,
        command: &Command,
        context: &Context,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        let now = context.now;
        match command {
            Command::Deposit { amount, currency } => self.deposit(*amount, *currency, now),
            Command::AuthoriseWithdrawal { id, amount, currency } => {
                self.authorise(id, *amount, *currency, context, facts)
            }
            Command::EndWithdrawal { id, end, reason } => {
                self.end_withdrawal(id, *end, reason, facts)
            }
            Command::Adjust { account, amount, currency, reason, author } => {
                self.adjust(*account, *amount, *currency, reason, author)
            }
            Command::PlaceBet { .. } | Command::Play { .. } => self.bet(command, context, facts),
            Command::SettleRound { .. } => self.settle_round(command, facts),
            Command::SettleBets { .. } => self.settle_bets(command, facts),
            Command::Rollback { provider, bet, round } => {
                self.roll_back(provider, bet, round.as_ref(), facts)
            }
            Command::EndRound { provider, round } => self.end_round(provider, round, facts),
            Command::MarkOverdue { provider, round, before, void } => {
                self.mark_overdue(provider, round, *before, *void)
            }
            Command::ProposeVerdict { provider, round, verdict, reason, author } => {
                self.propose(provider, round, *verdict, reason, author)
            }
            Command::ConfirmVerdict { provider, round, proposal, author } => {
                self.confirm(provider, round, *proposal, author, context)
            }
            Command::OpenSession { provider, game, currency, expires, away } => {
                if *expires <= now {
                    return Err(Refusal::OverAlready);
                }
                if *away {
                    return Err(Refusal::ProviderAway);
                }
                self.not_excluded(now)?;
                let (provider, game) = (provider.clone(), game.clone());
                let (currency, expires) = (*currency, *expires);
                Ok(one(Event::SessionOpened { provider, game, currency, expires }))
            }
            Command::CloseSession { game, number } => match self.sessions.get(game) {
                Some(session) if session.number == *number && session.expires > now => {
                    Ok(one(Event::SessionClosed { game: game.clone() }))
                }
                Some(_) | None => Err(Refusal::SessionNotFound),
            },
            Command::SetLimit { kind, period, currency, value, raise_wait_ms, author } => {
                let limit = (*kind, *period, *currency, *value);
                self.set_limit(limit, *raise_wait_ms, author, now)
            }
            Command::Exclude { kind, until, reason, author, provider: _ } => {
                self.exclude(*kind, *until, reason, author, now)
            }
            Command::Readmit { reason, author } => {
                if !self.protection.blocked {
                    return Err(Refusal::NotBlocked);
                }
                let (reason, author) = (reason.clone(), author.clone());
                Ok(one(Event::Readmitted { reason, author }))
            }
            Command::GrantFreeRounds { .. } => self.grant_free_rounds(command, context, facts),
            Command::Enter { tournament, ends } => {
                if self.entries.contains_key(tournament) {
                    return Ok(Decision::Noop(Noop::AlreadyEntered));
                }
                self.not_excluded(now)?;
                Ok(one(Event::TournamentEntered { tournament: tournament.clone(), ends: *ends }))
            }
            Command::Contest(act) => self.contest(act, context, facts),
            Command::Report(report) => {
                let (who, barred) = (self.profile.clone(), self.is_barred(now));
                Ok(one(Event::ScoreReported(Report { who, barred, ..report.clone() })))
            }
            Command::Leave { tournament } => {
                match self.entries.get(tournament) {
                    None => return Err(Refusal::NotEntered),
                    Some(entry) if entry.entries > 0 => return Err(Refusal::SeatTaken),
                    Some(_) => {}
                }
                Ok(one(Event::TournamentLeft { tournament: tournament.clone() }))
            }
        }
    }
}

fn one(event: Event) -> Decision {
    Decision::Events(vec![event])
}

/// Events of one command in one currency, with the accounts as they leave them.
struct Plan {
    events: Vec<Event>,
    accounts: Accounts,
    currency: Currency,
}

impl Plan {
    fn new(wallet: &Wallet, currency: Currency) -> Self {
        Self { events: Vec::with_capacity(2), accounts: wallet.balance(currency), currency }
    }

    /// Adds an event. All accounts together must fit 64 bits: then no later transfer between
    /// them (a rollback, another bet) can overflow.
    fn push(&mut self, event: Event) -> Result<(), Refusal> {
        if let Some(leg) = event.leg() {
            self.accounts.transfer(&leg).map_err(|unable| match unable {
                // No rule moves less than nothing; a damaged snapshot may ask for it.
                Unable::Overflow | Unable::Backwards => Refusal::Overflow,
                Unable::Negative(_) => {
                    Refusal::InsufficientFunds { available: self.accounts.available() }
                }
            })?;
            let Accounts { cash, bonus, held, locked, .. } = self.accounts;
            let all = [cash, bonus, held, locked].iter().map(|a| i128::from(a.0)).sum::<i128>();
            i64::try_from(all).map_err(|_| Refusal::Overflow)?;
        }
        self.events.push(event);
        Ok(())
    }

    /// Adds a transfer that belongs to the events before it, unless nothing is to move.
    fn moved(
        &mut self,
        kind: RowKind,
        about: Option<About>,
        debit: Account,
        credit: Account,
        amount: Amount,
    ) -> Result<(), Refusal> {
        if !amount.is_positive() {
            return Ok(());
        }
        let leg = Leg { debit, credit, amount, currency: self.currency };
        self.push(Event::Moved { kind, about, leg })
    }

    /// What of `gained` own money the player owes.
    fn due(&self, gained: Amount) -> Amount {
        self.accounts.debt.min(gained)
    }

    /// What the player owes is repaid first, out of `gained` own money. Bonus money pays no debt
    /// (money-cases.md, 24).
    fn repay(&mut self, gained: Amount, about: Option<About>) -> Result<(), Refusal> {
        let due = self.due(gained).min(self.accounts.cash);
        self.moved(RowKind::DebtRepaid, about, Account::Cash, Account::Debt, due)
    }

    /// What the plan comes to.
    fn totals(&self, bets: usize, staked: i128, paid: i128) -> Result<SettlementTotals, Refusal> {
        let amount = |sum| i64::try_from(sum).map(Amount).map_err(|_| Refusal::Overflow);
        Ok(SettlementTotals {
            bets: u32::try_from(bets).map_err(|_| Refusal::Overflow)?,
            staked: amount(staked)?,
            paid: amount(paid)?,
            balance: self.accounts.available(),
        })
    }

    /// The finished plan, with the totals on its first event.
    fn settled(mut self, bets: usize, staked: i128, paid: i128) -> Result<Decision, Refusal> {
        let totals = self.totals(bets, staked, paid)?;
        if let Some(first) = self.events.first_mut() {
            first.set_totals(totals);
        }
        Ok(Decision::Events(self.events))
    }

    fn done(self) -> Decision {
        Decision::Events(self.events)
    }
}
