//! Deposits, withdrawals, corrections by the operator.

use super::super::command::WithdrawalEnd;
use super::super::event::Event;
use super::super::protection::LimitKind;
use super::super::refusal::Refusal;
use super::super::state::Wallet;
use super::{Context, Decision, Facts, OPEN_OTHERS_MAX, Plan, one};
use crate::ids::WithdrawalId;
use crate::journal::{Account, Leg};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;

/// The refusal as a row when it has to be kept.
fn refused(refusal: Refusal, amount: Amount, currency: Currency) -> Result<Decision, Refusal> {
    if refusal.is_stored() {
        Ok(one(Event::CommandRefused { amount, currency, refusal }))
    } else {
        Err(refusal)
    }
}

impl Wallet {
    pub(super) fn deposit(
        &self,
        amount: Amount,
        currency: Currency,
        now: UnixMs,
    ) -> Result<Decision, Refusal> {
        if let Err(excluded) = self.not_excluded(now) {
            return refused(excluded, amount, currency);
        }
        if let Some(reached) = self.over_limit(LimitKind::Deposit, amount, currency, now) {
            return refused(reached, amount, currency);
        }
        let mut plan = Plan::new(self, currency);
        let repaid = plan.due(amount);
        plan.push(Event::Deposited { amount, currency, repaid })?;
        plan.repay(amount, None)?;
        Ok(plan.done())
    }

    /// Own money only, and nothing while the player owes.
    pub(super) fn authorise(
        &self,
        id: &WithdrawalId,
        amount: Amount,
        currency: Currency,
        context: &Context,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        if let Some(row) = &facts.claimed {
            let same = row.request.as_ref().is_some_and(|r| r.body_hash == context.body_hash);
            return if same { Ok(Decision::Replay(row.clone())) } else { Err(Refusal::IdReused) };
        }
        if self.withdrawals.len() >= OPEN_OTHERS_MAX {
            return Err(Refusal::TooManyOpen);
        }
        let accounts = self.balance(currency);
        if accounts.debt.is_positive() {
            return refused(Refusal::DebtOutstanding, amount, currency);
        }
        if amount > accounts.cash {
            let refusal = Refusal::InsufficientFunds { available: accounts.cash };
            return refused(refusal, amount, currency);
        }
        Ok(one(Event::WithdrawalAuthorised { id: id.clone(), amount, currency }))
    }

    /// What was promised to a withdrawal is paid out whatever the player owes since: a capture
    /// says that the money has left.
    pub(super) fn end_withdrawal(
        &self,
        id: &WithdrawalId,
        end: WithdrawalEnd,
        reason: &str,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        let Some(open) = self.withdrawals.get(id) else {
            let known = facts.ended.is_some();
            return Err(if known { Refusal::WithdrawalEnded } else { Refusal::WithdrawalNotFound });
        };
        let (id, amount, currency) = (id.clone(), open.amount, open.currency);
        if end == WithdrawalEnd::Captured {
            return Ok(one(Event::WithdrawalCaptured { id, amount, currency }));
        }
        let mut plan = Plan::new(self, currency);
        let (reason, repaid) = (reason.into(), plan.due(amount));
        plan.push(Event::WithdrawalCancelled { id, amount, currency, reason, repaid })?;
        plan.repay(amount, None)?;
        Ok(plan.done())
    }

    pub(super) fn adjust(
        &self,
        account: Account,
        amount: Amount,
        currency: Currency,
        reason: &str,
        author: &str,
    ) -> Result<Decision, Refusal> {
        let other = if account == Account::Bonus { Account::Promo } else { Account::House };
        let size = Amount(amount.0.checked_abs().ok_or(Refusal::Overflow)?);
        let accounts = self.balance(currency);
        let has = if account == Account::Bonus { accounts.bonus } else { accounts.cash };
        let takes = amount.0 < 0;
        if takes && size > has {
            return refused(Refusal::InsufficientFunds { available: has }, size, currency);
        }
        let (debit, credit) = if takes { (account, other) } else { (other, account) };
        let mut plan = Plan::new(self, currency);
        let gained = if takes || account == Account::Bonus { Amount::ZERO } else { size };
        plan.push(Event::Adjusted {
            leg: Leg { debit, credit, amount: size, currency },
            reason: reason.into(),
            author: author.into(),
            repaid: plan.due(gained),
        })?;
        plan.repay(gained, None)?;
        Ok(plan.done())
    }
}
