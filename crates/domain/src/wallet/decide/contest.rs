//! Buy-ins, seats and prizes, decided in the wallet's own order.

use super::super::contest::{Act, Award, BuyIn, LIMITS, Told, campaign, room};
use super::super::event::Event;
use super::super::refusal::Refusal;
use super::super::state::Wallet;
use super::{Context, Decision, Facts, Noop, Plan, one};
use crate::ids::{ProviderId, TournamentId};
use crate::journal::{Account, Leg, RowKind};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use crate::tournament::prizes::What;

impl Wallet {
    pub(super) fn contest(
        &self,
        act: &Act,
        context: &Context,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        match act {
            Act::Hold { .. } => self.hold(act, context.now),
            Act::TakeSeat { tournament } => self.take_seat(tournament),
            Act::Release { tournament, reason } => match self.buy_ins.get(tournament) {
                Some(held) => Ok(one(Told::Released(held.clone(), reason.clone()).into())),
                None => Err(Refusal::NotEntered),
            },
            Act::Pay { award, rounds } => match &facts.claimed {
                Some(row) => Ok(Decision::Replay(row.clone())),
                None => self.pay(award, rounds.as_ref(), context.now),
            },
            Act::TakeBack { award } => match &facts.claimed {
                Some(row) => Ok(Decision::Replay(row.clone())),
                None => self.take_back(award),
            },
            Act::Report(report) => self.report_round(report, context, facts),
            Act::Correct(asked) => self.correct_round(asked, facts),
            Act::SetProfile { profile, author } => {
                Ok(one(Told::Profile(profile.clone(), author.clone()).into()))
            }
        }
    }

    fn hold(&self, act: &Act, now: UnixMs) -> Result<Decision, Refusal> {
        let Act::Hold { tournament, price, fee, currency, ends, entries_max, who, external } = act
        else {
            return Err(Refusal::NotEntered);
        };
        if self.buy_ins.contains_key(tournament) {
            return Ok(Decision::Noop(Noop::AlreadyHeld));
        }
        let entry = self.entries_in(tournament).saturating_add(1);
        if entry > *entries_max {
            return Ok(Decision::Noop(Noop::AlreadyEntered));
        }
        self.not_excluded(now)?;
        if !who.admits(&self.profile) {
            return Err(Refusal::NotEligible);
        }
        room(self)?;
        let ticket = self.tickets.get(tournament).is_some_and(|tickets| *tickets > 0);
        let buy_in = BuyIn {
            tournament: tournament.clone(),
            entry,
            price: *price,
            fee: *fee,
            currency: *currency,
            ticket,
            external: *external && !ticket,
            seq: 0,
            ends: *ends,
        };
        if buy_in.is_held() && price.is_positive() {
            self.may_spend(*price, *currency, now)?;
        }
        Ok(one(Told::Held(buy_in).into()))
    }

    fn may_spend(&self, price: Amount, currency: Currency, now: UnixMs) -> Result<(), Refusal> {
        let mut limits = LIMITS.iter();
        if let Some(reached) = limits.find_map(|kind| self.over_limit(*kind, price, currency, now))
        {
            return Err(reached);
        }
        let accounts = self.balance(currency);
        if accounts.debt.is_positive() {
            return Err(Refusal::DebtOutstanding);
        }
        if price > accounts.cash {
            return Err(Refusal::InsufficientFunds { available: accounts.cash });
        }
        Ok(())
    }

    fn take_seat(&self, tournament: &TournamentId) -> Result<Decision, Refusal> {
        let Some(held) = self.buy_ins.get(tournament) else {
            let known = self.entries.contains_key(tournament);
            let already = Decision::Noop(Noop::AlreadyEntered);
            return if known { Ok(already) } else { Err(Refusal::NotEntered) };
        };
        let mut plan = Plan::new(self, held.currency);
        plan.push(Told::Seated(held.clone()).into())?;
        if let Some(leg) = held.earned() {
            plan.push(Event::Moved { kind: RowKind::FeePaid, about: None, leg })?;
        }
        Ok(plan.done())
    }

    /// Prizes are the player's whoever he is now: an excluded player is paid, too. What he owes
    /// is repaid first.
    fn pay(
        &self,
        award: &Award,
        rounds: Option<&(ProviderId, UnixMs)>,
        now: UnixMs,
    ) -> Result<Decision, Refusal> {
        let mut plan = Plan::new(self, award.currency);
        plan.push(Told::Paid(award.clone()).into())?;
        match &award.what {
            What::Cash {} => plan.repay(Amount(award.quantity), None)?,
            What::FreeRounds { game, value, .. } => {
                let granted = rounds.zip(campaign(award)).zip(u32::try_from(award.quantity).ok());
                let ((rounds, campaign), count) = granted.ok_or(Refusal::NoFreeRound)?;
                if rounds.1 <= now {
                    return Err(Refusal::OverAlready);
                }
                plan.push(Event::FreeRoundsGranted {
                    campaign,
                    provider: rounds.0.clone(),
                    game: game.clone(),
                    count,
                    value: *value,
                    currency: award.currency,
                    expires: rounds.1,
                    author: "tournament".into(),
                })?;
            }
            What::Bonus { .. } | What::Ticket { .. } | What::Item { .. } => {}
        }
        Ok(plan.done())
    }

    /// What is there is taken; own money that is missing becomes debt (as in money-cases.md, 24),
    /// bonus money that is missing is lost to the operator.
    fn take_back(&self, award: &Award) -> Result<Decision, Refusal> {
        let mut plan = Plan::new(self, award.currency);
        let accounts = self.balance(award.currency);
        let whole = Amount(award.quantity);
        let (has, owes) = match award.account() {
            Some(Account::Cash) => (accounts.cash, true),
            Some(_) => (accounts.bonus, false),
            None => (Amount::ZERO, false),
        };
        let taken = if award.account().is_some() { whole.min(has) } else { Amount::ZERO };
        plan.push(Told::TakenBack(award.clone(), taken).into())?;
        let missing = Amount(whole.0.saturating_sub(taken.0));
        if award.account().is_some() && missing.is_positive() {
            let debit = if owes { Account::Debt } else { Account::Promo };
            let (credit, currency) = (Account::Pool, award.currency);
            let leg = Leg { debit, credit, amount: missing, currency };
            plan.push(Event::Moved { kind: RowKind::PrizeReversed, about: None, leg })?;
        }
        Ok(plan.done())
    }
}
