//! Results: settlements, corrections, wins without a bet.

use super::super::command::{BetResult, Command, Outcome, Verdict};
use super::super::event::{About, BetRef, Event, Settled, SettlementTotals, Stake, payer};
use super::super::refusal::Refusal;
use super::super::state::{OpenBet, Wallet};
use super::super::terms::{Amend, Terms, UnmatchedWin};
use super::{Decision, Facts, Past, Plan};
use crate::ids::{BetId, GameId, ProviderId, RoundId};
use crate::journal::{Account, Row, RowKind};
use crate::money::{Amount, Currency};
use crate::time::{EVENT_TIME_TOLERANCE_MS, UnixMs, event_time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One bet's part of a settlement.
enum Part {
    /// The bet is open: its first result.
    First(Settled),
    /// The bet had a result.
    Again(Settled),
    /// This result, or a later one, is known.
    Known(Arc<Row>),
    /// The bet is not known, and the terms pay it all the same.
    Unmatched(Option<BetId>, Amount),
}

/// A bet's result as the journal has it.
struct Standing {
    settled: Settled,
    row: Arc<Row>,
}

impl Wallet {
    /// Settles all open bets of the round by the player's net result. Each bet's share of the
    /// payout is its share of the stakes, rounded down; the rest goes to the last bet, so that
    /// the sum is exact. Of a settled round it replaces the result (design, "Fixed points").
    pub(super) fn settle_round(
        &self,
        command: &Command,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        let Command::SettleRound { provider, round, delta, gross, currency, version, .. } = command
        else {
            return Err(Refusal::BetNotFound);
        };
        let open: Vec<_> = self.open_in_round(provider, round).collect();
        if open.is_empty() {
            return self.amend_round(command, facts);
        }
        if open.iter().any(|(_, bet)| bet.currency != *currency) {
            return Err(Refusal::CurrencyMismatch);
        }
        if version.is_some_and(|version| version > 1) {
            return Err(Refusal::VersionGap);
        }
        let stakes: Vec<Amount> = open.iter().map(|(_, bet)| bet.stake.held()).collect();
        let payouts = shares(&stakes, total(&stakes, *delta, *gross))?;
        let parts = open.into_iter().zip(payouts).map(|((id, bet), payout)| {
            let bet_ref = reference(provider, id, bet);
            Part::First(self.first(bet_ref, bet, payout, None, None))
        });
        self.settled(parts.collect(), provider, round, None, *currency)
    }

    /// Another result of a round whose bets are closed.
    fn amend_round(&self, command: &Command, facts: &Facts) -> Result<Decision, Refusal> {
        let Command::SettleRound { provider, round, delta, gross, currency, version, terms } =
            command
        else {
            return Err(Refusal::BetNotFound);
        };
        let mut standing = Vec::new();
        let mut known = false;
        for past in facts.bets.values() {
            match stands(past)? {
                Some(one) => standing.push(one),
                None => known |= past.claimed.is_some(),
            }
        }
        let Some(last) = standing.iter().map(|one| one.settled.version).max() else {
            return match terms.unmatched_win {
                _ if known => Err(Refusal::BetAlreadyRolledBack),
                UnmatchedWin::Promo if *gross && terms.foreign => Err(Refusal::CurrencyMismatch),
                UnmatchedWin::Promo if *gross => {
                    let parts = vec![Part::Unmatched(None, *delta)];
                    self.settled(parts, provider, round, None, *currency)
                }
                UnmatchedWin::Promo | UnmatchedWin::Refuse => Err(Refusal::BetNotFound),
            };
        };
        if let Some(version) = version
            && *version <= last
        {
            return said_before(facts, *version, *delta, *gross);
        }
        if version.is_some_and(|version| version > last + 1) {
            return Err(Refusal::VersionGap);
        }
        // A win of a round is no correction of it, unless the terms say so.
        let refused = match terms.amend {
            Amend::Refuse => true,
            Amend::ByRound => *gross,
            Amend::Replace | Amend::Add => false,
        };
        if version.is_none() && refused {
            // A void is taken back by whatever comes after it (money-cases.md, 26).
            standing.retain(|one| one.settled.outcome == Outcome::Void);
            if standing.is_empty() {
                return Err(Refusal::BetAlreadySettled);
            }
        }
        if standing.iter().any(|one| one.settled.currency != *currency) {
            return Err(Refusal::CurrencyMismatch);
        }
        let stakes: Vec<Amount> = standing.iter().map(|one| one.settled.stake.held()).collect();
        let mut payout = total(&stakes, *delta, *gross);
        if *gross && terms.amend == Amend::Add && version.is_none() {
            // What a void gave back was no win (money-cases.md, 26).
            let won = standing.iter().filter(|one| one.settled.outcome != Outcome::Void);
            payout += won.map(|one| i128::from(one.settled.payout.0)).sum::<i128>();
        }
        let payouts = shares(&stakes, payout)?;
        let parts = standing
            .into_iter()
            .zip(payouts)
            .map(|(old, payout)| Part::Again(again(old.settled, payout, None, None)))
            .collect();
        self.settled(parts, provider, round, None, *currency)
    }

    /// Settles bets by id.
    pub(super) fn settle_bets(
        &self,
        command: &Command,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        let Command::SettleBets { provider, round, game, bets, currency, at, terms } = command
        else {
            return Err(Refusal::BetNotFound);
        };
        let mut of = *currency;
        let mut parts = Vec::with_capacity(bets.len());
        for result in bets {
            let part = match self.open_bet(provider, &result.bet) {
                Some(open) if open.round == *round => {
                    same_currency(&mut of, open.currency)?;
                    if result.version.is_some_and(|version| version > 1) {
                        return Err(Refusal::VersionGap);
                    }
                    let payout = fits(result, &open.stake)?;
                    let bet = reference(provider, &result.bet, open);
                    Part::First(self.first(bet, open, payout, result.outcome, *at))
                }
                Some(_) => return Err(Refusal::BetNotFound),
                None => {
                    let past = facts.bets.get(&result.bet);
                    self.closed_bet(result, round, past, &mut of, *at, terms)?
                }
            };
            parts.push(part);
        }
        let currency = of.ok_or(Refusal::BetNotFound)?;
        self.settled(parts, provider, round, game.as_ref(), currency)
    }

    /// What a result does to a bet that is not open.
    fn closed_bet(
        &self,
        result: &BetResult,
        round: &RoundId,
        past: Option<&Past>,
        of: &mut Option<Currency>,
        at: Option<UnixMs>,
        terms: &Terms,
    ) -> Result<Part, Refusal> {
        let known = past.filter(|past| past.claimed.is_some());
        let Some(past) = known else {
            return match (terms.unmatched_win, *of) {
                (UnmatchedWin::Promo, Some(_)) if terms.foreign => Err(Refusal::CurrencyMismatch),
                (UnmatchedWin::Promo, Some(currency)) => unmatched(result, past, currency),
                (UnmatchedWin::Promo, None) | (UnmatchedWin::Refuse, _) => {
                    Err(Refusal::BetNotFound)
                }
            };
        };
        let Some(Standing { settled, .. }) = stands(past)? else {
            let refused = past.claimed.as_ref().is_some_and(|row| row.kind == RowKind::BetRefused);
            return Err(if refused { Refusal::BetNotFound } else { Refusal::BetAlreadyRolledBack });
        };
        if settled.bet.round != *round {
            return Err(Refusal::BetNotFound);
        }
        same_currency(of, settled.currency)?;
        let mut result = result.clone();
        match result.version {
            Some(version) if version <= settled.version => {
                let then = stood(past, version)?.ok_or(Refusal::BetNotFound)?;
                let same = fits(&result, &then.settled.stake)? == then.settled.payout;
                return if same {
                    Ok(Part::Known(then.row))
                } else {
                    Err(Refusal::IdempotencyMismatch)
                };
            }
            Some(version) if version > settled.version + 1 => return Err(Refusal::VersionGap),
            Some(_) => {}
            // A void is taken back by whatever comes after it (money-cases.md, 26).
            None if settled.outcome == Outcome::Void => {}
            None => match terms.amend {
                Amend::ByRound | Amend::Refuse => return Err(Refusal::BetAlreadySettled),
                Amend::Replace => {}
                Amend::Add => {
                    let sum = settled.payout.checked_add(result.payout);
                    result.payout = sum.ok_or(Refusal::Overflow)?;
                }
            },
        }
        let payout = fits(&result, &settled.stake)?;
        Ok(Part::Again(again(settled, payout, result.outcome, at)))
    }

    fn settled(
        &self,
        parts: Vec<Part>,
        provider: &ProviderId,
        round: &RoundId,
        game: Option<&GameId>,
        currency: Currency,
    ) -> Result<Decision, Refusal> {
        let mut plan = Plan::new(self, currency);
        self.settle_into(&mut plan, parts, provider, round, game).and_then(|known| match known {
            Sums { known: Some(row), bets: 0, .. } => Ok(Decision::Replay(row)),
            Sums { bets, staked, paid, .. } => plan.settled(bets, staked, paid),
        })
    }

    /// Adds the events of all parts: what is closed, then what is paid, then what is taken back,
    /// then what is owed.
    fn settle_into(
        &self,
        plan: &mut Plan,
        parts: Vec<Part>,
        provider: &ProviderId,
        round: &RoundId,
        game: Option<&GameId>,
    ) -> Result<Sums, Refusal> {
        let mut sums = Sums::default();
        // What is paid after the rows of the bets: own money and bonus, by house and promo.
        let mut house = [0_i128; 2];
        let mut promo = 0_i128;
        let mut gained = 0_i128;
        let mut reversals = Vec::new();
        let mut about = None;
        let mut count = 0_usize;
        for part in parts {
            match part {
                Part::Known(row) => {
                    sums.known.get_or_insert(row);
                }
                Part::First(settled) => {
                    sums.add(settled.stake.held(), settled.payout);
                    let share = i128::from(settled.stake.bonus_share(settled.payout).0);
                    let own = i128::from(settled.payout.0) - share;
                    if settled.stake.free.is_some() {
                        promo += own;
                    } else {
                        house = [house[0] + own, house[1] + share];
                    }
                    if settled.outcome != Outcome::Void {
                        gained += own;
                    }
                    about = Some(About::from(&settled.bet));
                    count += 1;
                    plan.push(Event::BetSettled(settled))?;
                }
                Part::Again(settled) => {
                    sums.add(settled.stake.held(), settled.payout);
                    let share = settled.stake.bonus_share(settled.payout);
                    let old = settled.paid_before;
                    let old_share = settled.stake.bonus_share(old);
                    gained += i128::from(settled.payout.0) - i128::from(share.0);
                    gained -= i128::from(old.0) - i128::from(old_share.0);
                    let of = About::from(&settled.bet);
                    let from = payer(&settled.stake);
                    plan.push(Event::BetAmended(settled))?;
                    plan.moved(RowKind::WinPaid, Some(of.clone()), from, Account::Bonus, share)?;
                    reversals.push((of, from, old, old_share));
                }
                Part::Unmatched(bet, payout) => {
                    sums.add(Amount::ZERO, payout);
                    gained += i128::from(payout.0);
                    let of = About {
                        provider: provider.clone(),
                        round: round.clone(),
                        bet,
                        game: game.cloned(),
                    };
                    plan.push(Event::WinUnmatched {
                        about: of,
                        amount: payout,
                        currency: plan.currency,
                        totals: None,
                    })?;
                }
            }
        }
        // A payout of several bets belongs to the round.
        let about = about.map(|about| About { bet: about.bet.filter(|_| count == 1), ..about });
        let amount = |sum: i128| i64::try_from(sum).map(Amount).map_err(|_| Refusal::Overflow);
        for (from, to, sum) in [
            (Account::House, Account::Cash, house[0]),
            (Account::House, Account::Bonus, house[1]),
            (Account::Promo, Account::Cash, promo),
        ] {
            plan.moved(RowKind::WinPaid, about.clone(), from, to, amount(sum)?)?;
        }
        for (of, from, old, old_share) in reversals {
            take_back(plan, &of, from, old, old_share)?;
        }
        let gained = Amount(i64::try_from(gained.max(0)).map_err(|_| Refusal::Overflow)?);
        plan.repay(gained, about)?;
        Ok(sums)
    }

    /// The desk's settlement of those open bets of a round that `counts` chooses, each in its own
    /// currency, behind the event that `begin` makes of what it comes to.
    pub(super) fn settle_open(
        &self,
        provider: &ProviderId,
        round: &RoundId,
        verdict: Verdict,
        counts: impl Fn(&OpenBet) -> bool,
        begin: impl FnOnce(Vec<(Currency, SettlementTotals)>) -> Event,
    ) -> Result<Decision, Refusal> {
        let mut open: BTreeMap<Currency, Vec<_>> = BTreeMap::new();
        for (id, bet) in self.open_in_round(provider, round).filter(|(_, bet)| counts(bet)) {
            open.entry(bet.currency).or_default().push((id, bet));
        }
        let (mut totals, mut events) = (Vec::new(), Vec::new());
        for (currency, bets) in open {
            let stakes: Vec<Amount> = bets.iter().map(|(_, bet)| bet.stake.held()).collect();
            let (outcome, payouts) = match verdict {
                Verdict::Void => (Some(Outcome::Void), stakes),
                Verdict::Settle { currency: of, .. } if of != currency => continue,
                Verdict::Settle { delta, .. } => {
                    (None, shares(&stakes, total(&stakes, delta, false))?)
                }
            };
            let parts = bets.into_iter().zip(payouts).map(|((id, bet), payout)| {
                Part::First(self.first(reference(provider, id, bet), bet, payout, outcome, None))
            });
            let mut plan = Plan::new(self, currency);
            let sums = self.settle_into(&mut plan, parts.collect(), provider, round, None)?;
            totals.push((currency, plan.totals(sums.bets, sums.staked, sums.paid)?));
            events.append(&mut plan.events);
        }
        if totals.is_empty() {
            return Err(Refusal::BetNotFound);
        }
        events.insert(0, begin(totals));
        Ok(Decision::Events(events))
    }
}

/// What a result of a bet that is not known does where such wins are paid (money-cases.md, 13). It
/// happens once per bet: until the bet comes nothing tells a further win from the same one.
fn unmatched(result: &BetResult, past: Option<&Past>, of: Currency) -> Result<Part, Refusal> {
    match result.outcome {
        // Nothing was staked that could come back.
        Some(Outcome::Void) => return Err(Refusal::BetNotFound),
        Some(Outcome::Lose) if result.payout.is_positive() => return Err(Refusal::OutcomeMismatch),
        Some(Outcome::Lose | Outcome::Win) | None => {}
    }
    let Some(paid) = past.and_then(|past| past.unmatched.as_ref()) else {
        if result.version.is_some_and(|version| version > 1) {
            return Err(Refusal::VersionGap);
        }
        return Ok(Part::Unmatched(Some(result.bet.clone()), result.payout));
    };
    let same = paid.leg.is_some_and(|leg| leg.amount == result.payout && leg.currency == of);
    match result.version {
        None | Some(1) if same => Ok(Part::Known(Arc::clone(paid))),
        Some(1) => Err(Refusal::IdempotencyMismatch),
        None | Some(_) => Err(Refusal::BetAlreadySettled),
    }
}

/// What a settlement comes to.
#[derive(Default)]
struct Sums {
    bets: usize,
    staked: i128,
    paid: i128,
    known: Option<Arc<Row>>,
}

impl Sums {
    fn add(&mut self, staked: Amount, paid: Amount) {
        self.bets += 1;
        self.staked += i128::from(staked.0);
        self.paid += i128::from(paid.0);
    }
}

/// Takes an earlier payout back: the part that went to bonus from bonus, then from cash; the part
/// that went to cash from cash; what is missing is owed (money-cases.md, 24). Bonus money pays no
/// debt: it may stand beside one. Available money never goes below zero.
fn take_back(
    plan: &mut Plan,
    about: &About,
    to: Account,
    old: Amount,
    old_share: Amount,
) -> Result<(), Refusal> {
    let mut left = old.0;
    let wants = [
        (Account::Bonus, old_share.0),
        (Account::Cash, old.0.saturating_sub(old_share.0)),
        (Account::Cash, old_share.0),
    ];
    for (account, wanted) in wants {
        let has = if account == Account::Bonus { plan.accounts.bonus } else { plan.accounts.cash };
        let amount = Amount(wanted.min(has.0).min(left));
        plan.moved(RowKind::WinReversed, Some(about.clone()), account, to, amount)?;
        left = left.saturating_sub(amount.0.max(0));
    }
    plan.moved(RowKind::WinReversed, Some(about.clone()), Account::Debt, to, Amount(left))
}

/// A result of a round that names a version which it has, or had: the same again, or another one
/// (money-cases.md, 23). Bets that have no such version yet count with their last one before it.
fn said_before(
    facts: &Facts,
    version: u32,
    delta: Amount,
    gross: bool,
) -> Result<Decision, Refusal> {
    let (mut stakes, mut paid, mut first) = (Vec::new(), 0_i128, None);
    for past in facts.bets.values() {
        let Some(Standing { settled, row }) = stood(past, version)? else { continue };
        stakes.push(settled.stake.held());
        paid += i128::from(settled.payout.0);
        if settled.version == version {
            first.get_or_insert(row);
        }
    }
    let same = total(&stakes, delta, gross) == paid;
    first.filter(|_| same).map(Decision::Replay).ok_or(Refusal::IdempotencyMismatch)
}

/// How a bet stands, if it has a result; `None` when it was rolled back, stopped or refused.
fn stands(past: &Past) -> Result<Option<Standing>, Refusal> {
    stood(past, u32::MAX)
}

/// How a bet stood when its results had come up to `version`.
fn stood(past: &Past, version: u32) -> Result<Option<Standing>, Refusal> {
    let Some(row) = past.at(version) else { return Ok(None) };
    // A row that can't be read was told as damage when it was folded in.
    let mut settled = match Event::from_row(row).map_err(|_| Refusal::BetNotFound)? {
        Event::BetSettled(settled) | Event::BetAmended(settled) => settled,
        Event::RoundPlayed { bet, stake, payout, currency, at, who, .. } => Settled {
            bet,
            version: 1,
            stake,
            payout,
            paid_before: Amount::ZERO,
            void_before: false,
            currency,
            outcome: if payout.is_positive() { Outcome::Win } else { Outcome::Lose },
            started: event_time(row.time, at, EVENT_TIME_TOLERANCE_MS),
            placed_seq: row.seq,
            at,
            totals: None,
            first: None,
            who,
        },
        _ => return Ok(None),
    };
    if settled.version == 1 {
        settled.first = Some(row.time);
    }
    Ok(Some(Standing { settled, row: Arc::clone(row) }))
}

fn same_currency(of: &mut Option<Currency>, currency: Currency) -> Result<(), Refusal> {
    if *of.get_or_insert(currency) == currency { Ok(()) } else { Err(Refusal::CurrencyMismatch) }
}

/// The payout, if stake, outcome and payout fit each other (money-cases.md, 18). The void of a
/// free round pays nothing: no money was staked.
fn fits(result: &BetResult, stake: &Stake) -> Result<Amount, Refusal> {
    if result.stake.is_some_and(|said| said != stake.amount) {
        return Err(Refusal::StakeMismatch);
    }
    let fits = match result.outcome {
        None | Some(Outcome::Win) => true,
        Some(Outcome::Lose) => result.payout == Amount::ZERO,
        Some(Outcome::Void) => result.payout == stake.amount,
    };
    match (fits, result.outcome) {
        (false, _) => Err(Refusal::OutcomeMismatch),
        (true, Some(Outcome::Void)) => Ok(stake.held()),
        (true, _) => Ok(result.payout),
    }
}

/// What a round pays: Σ stakes + delta, or the delta itself.
fn total(stakes: &[Amount], delta: Amount, gross: bool) -> i128 {
    let staked: i128 = stakes.iter().map(|stake| i128::from(stake.0)).sum();
    i128::from(delta.0) + if gross { 0 } else { staked }
}

/// Each bet's part of a round's payout.
fn shares(stakes: &[Amount], payout: i128) -> Result<Vec<Amount>, Refusal> {
    let staked: i128 = stakes.iter().map(|stake| i128::from(stake.0)).sum();
    if payout < 0 {
        return Err(Refusal::NegativePayout);
    }
    let mut left = payout;
    let mut all = Vec::with_capacity(stakes.len());
    for (at, stake) in stakes.iter().enumerate() {
        let share = match staked {
            _ if at + 1 == stakes.len() => left,
            0 => 0,
            staked => payout * i128::from(stake.0) / staked,
        };
        left -= share;
        all.push(Amount(i64::try_from(share).map_err(|_| Refusal::Overflow)?));
    }
    Ok(all)
}

fn reference(provider: &ProviderId, bet: &BetId, open: &OpenBet) -> BetRef {
    BetRef {
        provider: provider.clone(),
        bet: bet.clone(),
        round: open.round.clone(),
        game: open.game.clone(),
    }
}

impl Wallet {
    fn first(
        &self,
        bet: BetRef,
        open: &OpenBet,
        payout: Amount,
        outcome: Option<Outcome>,
        at: Option<UnixMs>,
    ) -> Settled {
        Settled {
            bet,
            version: 1,
            stake: open.stake.clone(),
            payout,
            paid_before: Amount::ZERO,
            void_before: false,
            currency: open.currency,
            outcome: outcome.unwrap_or_else(|| said_by(payout)),
            started: open.started,
            placed_seq: open.seq,
            at,
            totals: None,
            first: None,
            who: self.profile.clone(),
        }
    }
}

fn again(old: Settled, payout: Amount, outcome: Option<Outcome>, at: Option<UnixMs>) -> Settled {
    Settled {
        version: old.version.saturating_add(1),
        paid_before: old.payout,
        void_before: old.outcome == Outcome::Void,
        payout,
        outcome: outcome.unwrap_or_else(|| said_by(payout)),
        at,
        totals: None,
        ..old
    }
}

pub(super) const fn said_by(payout: Amount) -> Outcome {
    if payout.is_positive() { Outcome::Win } else { Outcome::Lose }
}
