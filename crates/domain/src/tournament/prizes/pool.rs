//! The pool: what was collected, what the operator adds, what is beyond the cap (P1).

use super::Error;
use super::plan::{Destination, Fee, Funding, Source};
use super::rules::{FeeRule, Rules};
use super::table::OverCap;
use crate::money::{Amount, Currency};

/// What a tournament has collected by the time its pool is fixed; all in the table's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Entries that were paid for, re-entries included.
    pub entries: u64,
    /// Σ paid for them, fees included.
    pub paid: Amount,
    /// Σ stakes that count.
    pub turnover: Amount,
    /// Whole minor units that bets contributed: [`super::Meter::pool`].
    pub contributions: Amount,
    /// What an earlier tournament rolled over.
    pub carried_in: Amount,
}

/// A pool whose parts are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    currency: Currency,
    funding: Vec<Funding>,
    fee: Option<Fee>,
    over_cap: Option<(Destination, Amount)>,
    total: Amount,
}

impl Pool {
    /// Adds up what goes into the pool: seed, buy-ins less fees, the share of turnover,
    /// contributions, what was rolled over; then the top-up max(0, guarantee − pool) (P1); then
    /// what is beyond the cap is taken off. A table without a pool gives an empty one.
    ///
    /// # Errors
    /// In this order: [`Error::Negative`], [`Error::WithoutRule`] for money that the table has
    /// no use for, [`Error::Overflow`], [`Error::FeeOverPaid`].
    pub fn collect(rules: &Rules, collected: &Collected) -> Result<Self, Error> {
        let facts = [
            ("the sum paid in", collected.paid),
            ("turnover", collected.turnover),
            ("contributions", collected.contributions),
            ("the sum carried in", collected.carried_in),
        ];
        for (what, amount) in facts {
            if amount.0 < 0 {
                return Err(Error::Negative { what });
            }
        }
        let currency = rules.currency;
        let of = rules.pool.as_ref();
        let unruled = [
            (collected.paid, of.is_some_and(|of| of.buy_ins.is_some()), "buy-ins"),
            (collected.contributions, of.is_some_and(|of| of.jackpot.is_some()), "contributions"),
            (collected.carried_in, of.is_some(), "money carried in"),
        ];
        for (amount, has_rule, what) in unruled {
            if amount.is_positive() && !has_rule {
                return Err(Error::WithoutRule { what });
            }
        }
        let Some(of) = of else {
            let (funding, total) = (Vec::new(), Amount::ZERO);
            return Ok(Self { currency, funding, fee: None, over_cap: None, total });
        };
        let fee = of.buy_ins.map(|rule| fee(rule, collected)).transpose()?;
        let net = fee.map(|fee| Amount(collected.paid.0 - fee.0)).unwrap_or_default();
        let share = of.turnover.map(|rate| rate.of(collected.turnover)).unwrap_or_default();
        let mut parts = vec![
            (Source::Seed, of.seed),
            (Source::BuyIns, net),
            (Source::Turnover, share),
            (Source::Contributions, collected.contributions),
            (Source::CarriedIn, collected.carried_in),
        ];
        let mut total = Amount::ZERO;
        for (_, amount) in &parts {
            total = total.checked_add(*amount).ok_or(Error::Overflow { what: "the pool" })?;
        }
        // Both are ≥ 0, so neither difference can overflow.
        let top_up = Amount((of.guarantee.0 - total.0).max(0));
        parts.push((Source::Guarantee, top_up));
        total = Amount(total.0.max(of.guarantee.0));
        let over = Amount(of.cap.map_or(0, |cap| (total.0 - cap.0).max(0)));
        let to = match rules.policies.over_cap {
            OverCap::Rollover => Destination::Rollover,
            OverCap::House => Destination::House,
        };
        let mut funding = Vec::new();
        for (source, amount) in parts.into_iter().filter(|(_, amount)| amount.is_positive()) {
            funding.push(Funding { source, currency, amount });
        }
        Ok(Self {
            currency,
            funding,
            fee: fee.map(|fee| Fee { currency, paid: collected.paid, fee }),
            over_cap: over.is_positive().then_some((to, over)),
            total: Amount(total.0 - over.0),
        })
    }

    /// Currency of every amount.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// What can be won.
    #[must_use]
    pub const fn total(&self) -> Amount {
        self.total
    }

    /// Where it comes from; Σ is the total and what is beyond the cap.
    #[must_use]
    pub fn funding(&self) -> &[Funding] {
        &self.funding
    }

    /// What was paid in, and what of it is the house's.
    #[must_use]
    pub const fn fee(&self) -> Option<&Fee> {
        self.fee.as_ref()
    }

    /// What is beyond the cap, and where it goes.
    #[must_use]
    pub const fn over_cap(&self) -> Option<(Destination, Amount)> {
        self.over_cap
    }

    /// The pool without the operator's top-up: what a tournament that is called off before the
    /// money divides (P6).
    #[must_use]
    pub(super) fn without_guarantee(&self) -> Self {
        let mut pool = self.clone();
        pool.funding.retain(|from| from.source != Source::Guarantee);
        for from in self.funding.iter().filter(|from| from.source == Source::Guarantee) {
            pool.total = Amount(pool.total.0 - from.amount.0);
        }
        pool
    }
}

/// Σ fees.
fn fee(rule: FeeRule, collected: &Collected) -> Result<Amount, Error> {
    let paid = collected.paid;
    let fee = match rule {
        FeeRule::None => Amount::ZERO,
        FeeRule::Share(rate) => rate.of(paid),
        FeeRule::PerEntry(each) => {
            let entries = i64::try_from(collected.entries).ok();
            let fees = entries.and_then(|entries| each.0.checked_mul(entries));
            Amount(fees.ok_or(Error::Overflow { what: "the sum of fees" })?)
        }
    };
    if fee > paid { Err(Error::FeeOverPaid { fee, paid }) } else { Ok(fee) }
}
