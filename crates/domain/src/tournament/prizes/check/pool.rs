//! Where a pool's money comes from.

use super::super::rules::{FeeRule, JackpotRates, PoolRules, Rate};
use super::super::table::{BuyIns, Decimal, Jackpot, PoolTable};
use super::{Check, Code};
use crate::money::Amount;

/// The pool as exact rules; `None` when a part of it can't be read.
pub(super) fn check(check: &mut Check, pool: &PoolTable) -> Option<PoolRules> {
    let before = check.problems.len();
    let seed = amount(check, "pool.seed", pool.seed.as_ref());
    let guarantee = amount(check, "pool.guarantee", pool.guarantee.as_ref());
    let cap = pool.cap.as_ref().and_then(|text| check.prize("pool.cap", text));
    let buy_ins = pool.buy_ins.as_ref().map(|buy_ins| fee(check, buy_ins));
    let turnover = pool.turnover.as_ref();
    let turnover =
        turnover.and_then(|turnover| rate(check, "pool.turnover.percent", &turnover.percent));
    let jackpot = pool.jackpot.as_ref().and_then(|jackpot| rates(check, jackpot));
    let collects = pool.buy_ins.is_some() || pool.turnover.is_some() || pool.jackpot.is_some();
    if !collects && pool.seed.is_none() && pool.guarantee.is_none() {
        check.say(Code::PoolEmpty, "pool", "nothing goes into it");
    }
    for (path, amount) in [("pool.seed", seed), ("pool.guarantee", guarantee)] {
        if cap.is_some_and(|cap| amount > cap) {
            check.say(Code::OverCap, path, "must not be more than the cap");
        }
    }
    let is_good = check.problems.len() == before;
    is_good.then_some(PoolRules { seed, guarantee, cap, buy_ins, turnover, jackpot })
}

fn amount(check: &mut Check, path: &str, text: Option<&Decimal>) -> Amount {
    text.and_then(|text| check.prize(path, text)).unwrap_or_default()
}

/// A percentage above zero.
fn rate(check: &mut Check, path: &str, text: &Decimal) -> Option<Rate> {
    let rate = check.percent(path, text)?;
    if rate == Rate::default() {
        check.say(Code::PrizeZero, path, "must be more than zero");
        return None;
    }
    Some(rate)
}

fn fee(check: &mut Check, of: &BuyIns) -> FeeRule {
    let entry = of.fee_per_entry.as_ref();
    let entry = entry.and_then(|text| check.amount("pool.buyIns.feePerEntry", text));
    let share = of.fee_percent.as_ref();
    let share = share.and_then(|text| check.percent("pool.buyIns.feePercent", text));
    if of.fee_per_entry.is_some() && of.fee_percent.is_some() {
        check.say(Code::FeeTwice, "pool.buyIns", "has a fee per entry and a percentage");
    }
    match (entry, share) {
        (Some(entry), _) => FeeRule::PerEntry(entry),
        (None, Some(share)) => FeeRule::Share(share),
        (None, None) => FeeRule::None,
    }
}

fn rates(check: &mut Check, of: &Jackpot) -> Option<JackpotRates> {
    let pool = rate(check, "pool.jackpot.percent", &of.percent)?;
    let reserve = match &of.reserve_percent {
        Some(text) => check.percent("pool.jackpot.reservePercent", text)?,
        None => Rate::default(),
    };
    if pool.millionths() + reserve.millionths() > Rate::WHOLE.millionths() {
        let message = "pool and reserve must not take more than the stake";
        check.say(Code::RatesOverWhole, "pool.jackpot", message);
    }
    Some(JackpotRates { pool, reserve })
}
