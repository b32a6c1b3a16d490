//! A jackpot tournament's meter: what bets contribute, in millionths of a minor unit (J1).
//!
//! **Invariant:** Σ contributions = Δpool + Δreserve + Δcarry, in millionths; so the order of bets
//! does not matter, and taking a contribution back leaves no trace of it.

use super::Error;
use super::rules::{JackpotRates, Rate};
use crate::money::Amount;
use serde::{Deserialize, Serialize};

const MICRO: i128 = 1_000_000;

/// Whole minor units and the millionths that are not one yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, try_from = "Unchecked")]
pub struct Account {
    whole: Amount,
    carry: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unchecked {
    whole: Amount,
    carry: u32,
}

impl TryFrom<Unchecked> for Account {
    type Error = Error;
    fn try_from(of: Unchecked) -> Result<Self, Error> {
        if of.whole.0 < 0 || i128::from(of.carry) >= MICRO {
            return Err(Error::Negative { what: "a meter" });
        }
        Ok(Self { whole: of.whole, carry: of.carry })
    }
}

impl Account {
    /// Whole minor units.
    #[must_use]
    pub const fn whole(self) -> Amount {
        self.whole
    }

    /// Millionths of a minor unit, below 1,000,000.
    #[must_use]
    pub const fn carry(self) -> u32 {
        self.carry
    }

    /// Everything, in millionths of a minor unit.
    #[must_use]
    pub fn micro(self) -> i128 {
        i128::from(self.whole.0) * MICRO + i128::from(self.carry)
    }

    fn plus(self, micro: i128) -> Result<Self, Error> {
        let overflow = Error::Overflow { what: "a jackpot's meter" };
        let micro = self.micro().checked_add(micro).ok_or_else(|| overflow.clone())?;
        if micro < 0 {
            return Err(Error::Negative { what: "a jackpot's meter" });
        }
        let whole = i64::try_from(micro / MICRO).map_err(|_| overflow.clone())?;
        let carry = u32::try_from(micro % MICRO).map_err(|_| overflow)?;
        Ok(Self { whole: Amount(whole), carry })
    }
}

/// What one bet contributes, in millionths of a minor unit: stake × rate, nothing rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contribution {
    /// Into the pool.
    pub pool: i128,
    /// Into the reserve.
    pub reserve: i128,
}

impl Contribution {
    /// The contribution of a stake.
    ///
    /// # Errors
    /// [`Error::Negative`] for a stake below zero.
    pub fn of(rates: JackpotRates, stake: Amount) -> Result<Self, Error> {
        if stake.0 < 0 {
            return Err(Error::Negative { what: "a stake" });
        }
        let part = |rate: Rate| i128::from(stake.0) * i128::from(rate.millionths());
        Ok(Self { pool: part(rates.pool), reserve: part(rates.reserve) })
    }
}

/// What was contributed so far; the seed is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Meter {
    pool: Account,
    reserve: Account,
}

impl Meter {
    /// For the prizes.
    #[must_use]
    pub const fn pool(&self) -> Account {
        self.pool
    }

    /// For the next seed (J2).
    #[must_use]
    pub const fn reserve(&self) -> Account {
        self.reserve
    }

    /// The meter after a bet.
    ///
    /// # Errors
    /// [`Error::Overflow`].
    pub fn add(&self, bet: Contribution) -> Result<Self, Error> {
        Ok(Self { pool: self.pool.plus(bet.pool)?, reserve: self.reserve.plus(bet.reserve)? })
    }

    /// The meter without a bet that was voided (J6).
    ///
    /// # Errors
    /// [`Error::Negative`] when that bet can't have been in it.
    pub fn take_back(&self, bet: Contribution) -> Result<Self, Error> {
        Ok(Self { pool: self.pool.plus(-bet.pool)?, reserve: self.reserve.plus(-bet.reserve)? })
    }
}
