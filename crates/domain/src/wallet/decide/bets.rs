//! What a bet may do.

use super::super::command::Command;
use super::super::event::{About, BetRef, Event, Settled, Stake, payer};
use super::super::protection::LimitKind;
use super::super::refusal::Refusal;
use super::super::state::Wallet;
use super::super::terms::{Funding, LateBet, SessionRule, Terms};
use super::results::said_by;
use super::{Context, Decision, Facts, OPEN_BETS_MAX, Plan, one};
use crate::ids::CampaignId;
use crate::journal::{Account, RowKind};
use crate::money::{Amount, Currency};
use crate::time::{EVENT_TIME_TOLERANCE_MS, UnixMs, event_time};
use std::sync::Arc;

impl Wallet {
    /// A bet, or a bet with its result.
    pub(super) fn bet(
        &self,
        command: &Command,
        context: &Context,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        let (bet, amount, currency, terms) = match command {
            Command::PlaceBet { bet, stake, currency, terms, .. }
            | Command::Play { bet, stake, currency, terms, .. } => (bet, *stake, *currency, terms),
            _ => return Err(Refusal::BetNotFound),
        };
        if let Some(known) = known_bet(bet, terms, context, facts)? {
            return Ok(known);
        }
        if terms.away {
            return Err(Refusal::ProviderAway);
        }
        if terms.foreign {
            return Err(Refusal::CurrencyMismatch);
        }
        if amount.0 != 0 && amount < terms.stake_min {
            return Err(Refusal::StakeTooSmall);
        }
        let last = self.spun.get(&bet.game);
        if last.is_some_and(|last| context.now.since_ms(*last) < terms.spin_ms_min) {
            return Err(Refusal::TooFast);
        }
        let (free, feature) = match command {
            Command::PlaceBet { .. } if self.open_len() >= OPEN_BETS_MAX => {
                return Err(Refusal::TooManyOpen);
            }
            Command::PlaceBet { free, feature, .. } => (free.as_ref(), *feature),
            Command::Play { feature, .. } => (None, *feature),
            _ => (None, false),
        };
        let mut of_round = self.open_in_round(&bet.provider, &bet.round);
        if feature && of_round.any(|(_, open)| open.stake.amount != amount) {
            return Err(Refusal::StakeChanged);
        }
        let paid = facts.bets.get(&bet.bet).and_then(|past| past.unmatched.as_deref());
        let paid = paid.and_then(|row| row.leg);
        if paid.is_some() && matches!(command, Command::Play { .. }) {
            // It has a result already.
            return Err(Refusal::BetIdReused);
        }
        if paid.is_some_and(|leg| leg.currency != currency) {
            return Err(Refusal::CurrencyMismatch);
        }
        let allowed = match facts.claimed {
            Some(_) => Err(Refusal::RoundClosed),
            None => self.allowed(bet, amount, currency, free, terms, context.now),
        };
        let stake = match allowed {
            Ok(stake) => stake,
            Err(refusal) if refusal.is_stored() => {
                let bet = bet.clone();
                return Ok(one(Event::BetRefused { bet, stake: amount, currency, refusal }));
            }
            Err(refusal) => return Err(refusal),
        };
        match command {
            Command::Play { payout, at, .. } => self.play(bet, stake, *payout, currency, *at),
            Command::PlaceBet { at, .. } => {
                let mut plan = Plan::new(self, currency);
                let second = stake.second();
                let placed =
                    Event::BetPlaced { bet: bet.clone(), stake: stake.clone(), currency, at: *at };
                plan.push(placed)?;
                if let Some(bonus) = second {
                    let about = Some(About::from(bet));
                    plan.moved(RowKind::BetFunded, about, Account::Bonus, Account::Held, bonus)?;
                }
                if let Some(leg) = paid {
                    self.won_before(&mut plan, bet, stake, leg.amount, *at, context)?;
                }
                Ok(plan.done())
            }
            _ => Err(Refusal::BetNotFound),
        }
    }

    /// Whether the player may place this bet now, and who pays for it. Every refusal here is
    /// kept, but a currency that is not the session's.
    fn allowed(
        &self,
        bet: &BetRef,
        stake: Amount,
        currency: Currency,
        free: Option<&CampaignId>,
        terms: &Terms,
        now: UnixMs,
    ) -> Result<Stake, Refusal> {
        if let Some(kind) = self.protection.excluded(now) {
            return Err(Refusal::PlayerExcluded { kind });
        }
        self.in_session(bet, currency, terms.session, now)?;
        if let Some(reached) = self.over_limit(LimitKind::SessionTime, stake, currency, now) {
            return Err(reached);
        }
        if let Some(campaign) = free {
            let left = self.free_rounds.get(campaign).is_some_and(|free| {
                free.left > 0
                    && free.expires > now
                    && free.provider == bet.provider
                    && free.game == bet.game
                    && free.value == stake
                    && free.currency == currency
            });
            let free = Some(campaign.clone());
            return if left {
                Ok(Stake { amount: stake, bonus: Amount::ZERO, free })
            } else {
                Err(Refusal::NoFreeRound)
            };
        }
        if let Some(reached) = self.over_limit(LimitKind::Wager, stake, currency, now) {
            return Err(reached);
        }
        let accounts = self.balance(currency);
        if accounts.debt.is_positive() && stake.is_positive() {
            return Err(Refusal::DebtOutstanding);
        }
        let available = accounts.available();
        if stake > available {
            return Err(Refusal::InsufficientFunds { available });
        }
        let from_bonus = match terms.funding {
            Funding::CashFirst => Amount(stake.0.saturating_sub(accounts.cash.0).max(0)),
            Funding::BonusFirst => stake.min(accounts.bonus),
        };
        let stake = Stake { amount: stake, bonus: from_bonus, free: None };
        match self.over_limit(LimitKind::Loss, stake.own(), currency, now) {
            Some(reached) => Err(reached),
            None => Ok(stake),
        }
    }

    fn in_session(
        &self,
        bet: &BetRef,
        currency: Currency,
        rule: SessionRule,
        now: UnixMs,
    ) -> Result<(), Refusal> {
        let open = self.sessions.get(&bet.game).filter(|session| {
            let his = session.provider.as_ref().is_none_or(|provider| *provider == bet.provider);
            his && session.expires > now
        });
        let open = match rule {
            SessionRule::None => return Ok(()),
            SessionRule::Over => None,
            SessionRule::Open => open,
            SessionRule::Named(number) => open.filter(|session| session.number == number),
        };
        match open {
            None => Err(Refusal::SessionExpired),
            // The message may have named no currency, so its decimals were read as the tenant's.
            Some(session) if session.currency != currency => Err(Refusal::CurrencyMismatch),
            Some(_) => Ok(()),
        }
    }

    fn play(
        &self,
        bet: &BetRef,
        stake: Stake,
        payout: Amount,
        currency: Currency,
        at: Option<UnixMs>,
    ) -> Result<Decision, Refusal> {
        let mut plan = Plan::new(self, currency);
        let about = Some(About::from(bet));
        let (second, share, payer) = (stake.second(), stake.bonus_share(payout), payer(&stake));
        let own = Amount(payout.0.saturating_sub(share.0));
        let staked = i128::from(stake.held().0);
        plan.push(Event::RoundPlayed {
            bet: bet.clone(),
            stake,
            payout,
            currency,
            at,
            totals: super::SettlementTotals {
                bets: 1,
                staked: Amount::ZERO,
                paid: payout,
                balance: Amount::ZERO,
            },
            who: self.profile.clone(),
        })?;
        if let Some(bonus) = second {
            plan.moved(RowKind::BetFunded, about.clone(), Account::Bonus, Account::House, bonus)?;
        }
        plan.moved(RowKind::WinPaid, about.clone(), payer, Account::Cash, own)?;
        plan.moved(RowKind::WinPaid, about.clone(), payer, Account::Bonus, share)?;
        plan.repay(own, about)?;
        plan.settled(1, staked, i128::from(payout.0))
    }

    /// A bet that comes after its win was paid is settled by that win at once, and promotions get it
    /// back from whoever pays the winnings of a bet. The player's money does not change by it.
    fn won_before(
        &self,
        plan: &mut Plan,
        bet: &BetRef,
        stake: Stake,
        payout: Amount,
        at: Option<UnixMs>,
        context: &Context,
    ) -> Result<(), Refusal> {
        let (about, payer) = (Some(About::from(bet)), payer(&stake));
        plan.push(Event::BetSettled(Settled {
            bet: bet.clone(),
            version: 1,
            stake,
            payout,
            paid_before: payout,
            void_before: false,
            currency: plan.currency,
            outcome: said_by(payout),
            started: event_time(context.now, at, EVENT_TIME_TOLERANCE_MS),
            placed_seq: context.next_seq,
            at: None,
            totals: None,
            first: None,
            who: self.profile.clone(),
        }))?;
        if payer == Account::Promo {
            return Ok(());
        }
        plan.moved(RowKind::WinPaid, about.clone(), payer, Account::Cash, payout)?;
        plan.moved(RowKind::WinReversed, about, Account::Cash, Account::Promo, payout)
    }
}

/// What became of a bet id that a new bet wants, if it was used before.
fn known_bet(
    bet: &BetRef,
    terms: &Terms,
    context: &Context,
    facts: &Facts,
) -> Result<Option<Decision>, Refusal> {
    let Some(row) = facts.bets.get(&bet.bet).and_then(|past| past.claimed.as_ref()) else {
        return Ok(None);
    };
    if row.kind == RowKind::BetTombstoned {
        return match terms.late_bet {
            LateBet::Refuse => Err(Refusal::BetCancelled),
            LateBet::Accept => Ok(Some(Decision::Replay(Arc::clone(row)))),
        };
    }
    let same = row.request.as_ref().is_some_and(|r| r.body_hash == context.body_hash);
    if same { Ok(Some(Decision::Replay(Arc::clone(row)))) } else { Err(Refusal::BetIdReused) }
}
