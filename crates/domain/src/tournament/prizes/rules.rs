//! A prize table after its check: exact numbers, no gaps, nothing to refuse.

use super::plan::What;
use super::table::{FixedFrom, Policies};
use crate::money::{Amount, Currency};

/// Most places a table may pay.
pub const PLACES_MAX: u32 = 100_000;

/// Millionths: 1,000,000 is all of it, 10,000 is one percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Rate(u32);

impl Rate {
    /// All of it.
    pub const WHOLE: Self = Self(1_000_000);

    /// A rate of up to 100 %.
    #[must_use]
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        if millionths <= Self::WHOLE.0 { Some(Self(millionths)) } else { None }
    }

    /// The number.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// This share of an amount, rounded down; of a negative amount, nothing.
    #[must_use]
    pub fn of(self, amount: Amount) -> Amount {
        let micro = i128::from(amount.0.max(0)) * i128::from(self.0);
        // Not above the amount, so it fits.
        Amount(i64::try_from(micro / i128::from(Self::WHOLE.0)).unwrap_or(i64::MAX))
    }
}

/// A table that can be planned with; made by [`super::PrizeTable::rules`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub(super) currency: Currency,
    pub(super) fixed_from: FixedFrom,
    pub(super) policies: Policies,
    pub(super) pool: Option<PoolRules>,
    pub(super) layout: Layout,
}

impl Rules {
    /// Currency of every amount.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// What is done in the argued cases.
    #[must_use]
    pub const fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Whether there is a pool, into which money can come.
    #[must_use]
    pub const fn has_pool(&self) -> bool {
        self.pool.is_some()
    }

    /// What bets contribute to the pool and to the reserve of a jackpot tournament.
    #[must_use]
    pub fn jackpot(&self) -> Option<JackpotRates> {
        self.pool.as_ref().and_then(|pool| pool.jackpot)
    }

    /// How many places are paid; `None` for a satellite, where the pool decides.
    #[must_use]
    pub fn places(&self) -> Option<u32> {
        match &self.layout {
            Layout::Bands(bands) => Some(bands.last().map_or(0, |band| band.to)),
            Layout::Satellite { .. } => None,
        }
    }
}

/// Rates at which bets contribute (J1, J2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JackpotRates {
    /// Into the pool.
    pub pool: Rate,
    /// Into the reserve for the next seed.
    pub reserve: Rate,
}

/// The house's part of buy-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FeeRule {
    None,
    PerEntry(Amount),
    Share(Rate),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolRules {
    pub seed: Amount,
    pub guarantee: Amount,
    pub cap: Option<Amount>,
    pub buy_ins: Option<FeeRule>,
    pub turnover: Option<Rate>,
    pub jackpot: Option<JackpotRates>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// From place 1 on, without gaps.
    Bands(Vec<BandRule>),
    Satellite {
        ticket: What,
        value: Amount,
        rest_each: Option<Amount>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BandRule {
    pub from: u32,
    pub to: u32,
    pub prizes: Vec<PrizeRule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PrizeRule {
    pub what: What,
    pub size: Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// A quantity of its kind.
    Fixed(i64),
    /// Parts of the pool; percentages are parts of a million.
    Share(u64),
}
