//! Rollbacks, ends of rounds, and what the desk decides about overdue ones.

use super::super::command::Verdict;
use super::super::event::{About, BetRef, Event};
use super::super::refusal::Refusal;
use super::super::state::Wallet;
use super::{Context, Decision, Facts, Noop, OPEN_OTHERS_MAX, Plan, one};
use crate::ids::{BetId, ProviderId, RoundId, Slot};
use crate::journal::{Account, RowKind};
use crate::time::UnixMs;

impl Wallet {
    pub(super) fn roll_back(
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
            let mut plan = Plan::new(self, open.currency);
            let (second, about) = (open.stake.second(), Some(About::from(&bet)));
            plan.push(Event::BetRolledBack {
                bet,
                stake: open.stake.clone(),
                currency: open.currency,
                placed: open.placed,
            })?;
            if let Some(bonus) = second {
                plan.moved(RowKind::StakeReturned, about, Account::Held, Account::Bonus, bonus)?;
            }
            return Ok(plan.done());
        }
        let past = facts.bets.get(bet);
        let Some(claimed) = past.and_then(|past| past.claimed.as_ref()) else {
            if past.is_some_and(|past| past.unmatched.is_some()) {
                // Its win was paid without it.
                return Err(Refusal::BetAlreadySettled);
            }
            return Ok(one(Event::BetTombstoned {
                provider: provider.clone(),
                bet: bet.clone(),
                round: round.cloned(),
            }));
        };
        let closed = past.and_then(|past| past.closed.get(&1)).map(|row| row.kind);
        match (claimed.kind, closed) {
            (RowKind::BetTombstoned | RowKind::BetRefused, _)
            | (_, Some(RowKind::BetRolledBack)) => Ok(Decision::Noop(Noop::AlreadyRolledBack)),
            _ => Err(Refusal::BetAlreadySettled),
        }
    }

    pub(super) fn end_round(
        &self,
        provider: &ProviderId,
        round: &RoundId,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        if facts.claimed.is_some() {
            return Ok(Decision::Noop(Noop::AlreadyEnded));
        }
        if self.open_in_round(provider, round).next().is_some() {
            return Err(Refusal::RoundHasOpenBets);
        }
        Ok(one(Event::RoundEnded { provider: provider.clone(), round: round.clone() }))
    }

    /// A round is late when a bet of it that was placed up to `before` is open; its fresh bets
    /// are left alone (money-cases.md, 25).
    pub(super) fn mark_overdue(
        &self,
        provider: &ProviderId,
        round: &RoundId,
        before: UnixMs,
        void: bool,
    ) -> Result<Decision, Refusal> {
        let late = self
            .open_in_round(provider, round)
            .any(|(_, bet)| bet.is_late(before) && (void || !bet.overdue));
        if !late {
            return Ok(Decision::Noop(Noop::NotLate));
        }
        let overdue =
            Event::RoundOverdue { provider: provider.clone(), round: round.clone(), before };
        if !void {
            return Ok(one(overdue));
        }
        self.settle_open(provider, round, Verdict::Void, |bet| bet.is_late(before), |_| overdue)
    }

    pub(super) fn propose(
        &self,
        provider: &ProviderId,
        round: &RoundId,
        verdict: Verdict,
        reason: &str,
        author: &str,
    ) -> Result<Decision, Refusal> {
        let mut open = self.open_in_round(provider, round).map(|(_, bet)| bet).peekable();
        if open.peek().is_none() {
            return Err(Refusal::BetNotFound);
        }
        let mut overdue = open.filter(|bet| bet.overdue).peekable();
        if overdue.peek().is_none() {
            return Err(Refusal::RoundNotOverdue);
        }
        if let Verdict::Settle { delta, currency } = verdict {
            let mut of_currency = overdue.filter(|bet| bet.currency == currency).peekable();
            if of_currency.peek().is_none() {
                return Err(Refusal::CurrencyMismatch);
            }
            let staked: i128 = of_currency.map(|bet| i128::from(bet.stake.held().0)).sum();
            if staked + i128::from(delta.0) < 0 {
                return Err(Refusal::NegativePayout);
            }
        }
        let replaces = self.proposal(provider, round).is_some();
        if !replaces && self.proposals.len() >= OPEN_OTHERS_MAX {
            return Err(Refusal::TooManyOpen);
        }
        Ok(one(Event::VerdictProposed {
            provider: provider.clone(),
            round: round.clone(),
            verdict,
            reason: reason.into(),
            author: author.into(),
        }))
    }

    pub(super) fn confirm(
        &self,
        provider: &ProviderId,
        round: &RoundId,
        seen: (Slot, u64),
        author: &str,
        context: &Context,
    ) -> Result<Decision, Refusal> {
        let Some(proposal) = self.proposal(provider, round) else {
            return Err(Refusal::NothingProposed);
        };
        if seen != (context.slot, proposal.seq) {
            return Err(Refusal::ProposalReplaced);
        }
        if *proposal.author == *author {
            return Err(Refusal::SamePerson);
        }
        self.settle_open(
            provider,
            round,
            proposal.verdict,
            |bet| bet.overdue,
            |totals| Event::VerdictConfirmed {
                provider: provider.clone(),
                round: round.clone(),
                author: author.into(),
                totals,
            },
        )
    }
}
