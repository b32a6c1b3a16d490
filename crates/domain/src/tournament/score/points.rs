//! Points: exact, six decimals, no floats.

use crate::money::{Amount, Currency};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::{self, Write as _};

/// Points in millionths: sums of rounds are exact integers, whatever their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Points(pub i64);

/// Millionths of one point.
pub const ONE: i64 = 1_000_000;
/// Decimals that points have.
pub const DECIMALS: u8 = 6;

impl Points {
    /// No points.
    pub const ZERO: Self = Self(0);

    /// Reads `12`, `-0.5` or `1.000001`: up to twelve digits, then up to six decimals. `None` for
    /// anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let number = |part: &str, len_max: usize| {
            let plain = !part.is_empty()
                && part.len() <= len_max
                && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse::<i64>().ok()).flatten()
        };
        let places = u32::try_from(fraction.len()).ok()?;
        let scale = 10_i64.pow(u32::from(DECIMALS).checked_sub(places)?);
        Some(Self(sign * (number(whole, 12)? * ONE + number(fraction, 6)? * scale)))
    }

    /// An amount as points, one per unit; `None` when it has more than six decimals.
    #[must_use]
    pub fn of(amount: Amount, currency: Currency) -> Option<Self> {
        let above = i128::from(amount.0) * i128::from(ONE);
        let below = 10_i128.pow(u32::from(currency.exponent()));
        let exact = above % below == 0;
        exact.then(|| i64::try_from(above / below).ok()).flatten().map(Self)
    }

    /// Cut toward zero to so many decimals: what is ranked and shown.
    #[must_use]
    pub fn cut(self, decimals: u8) -> Self {
        let unit = 10_i64.pow(u32::from(DECIMALS.saturating_sub(decimals)));
        Self(self.0 - self.0 % unit)
    }

    /// As text with so many decimals, what is finer cut off.
    #[must_use]
    pub fn show(self, decimals: u8) -> String {
        let mut text = String::new();
        self.write(decimals, &mut text);
        text
    }

    /// Appends what [`Self::show`] shows.
    pub fn write(self, decimals: u8, to: &mut String) {
        let decimals = decimals.min(DECIMALS);
        let value = self.cut(decimals).0;
        let (sign, value) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
        let (whole, rest) = (value / ONE.unsigned_abs(), value % ONE.unsigned_abs());
        let rest = rest / 10_u64.pow(u32::from(DECIMALS.saturating_sub(decimals)));
        let width = usize::from(decimals);
        // Writing to a string does not fail.
        match decimals {
            0 => write!(to, "{sign}{whole}").ok(),
            _ => write!(to, "{sign}{whole}.{rest:0>width$}").ok(),
        };
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.show(DECIMALS);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || serde::de::Error::custom("must be a decimal with up to six decimals");
        Self::parse(&text).ok_or_else(wrong)
    }
}

/// `numerator / denominator`, half to even (rule S5). Saturates; `denominator` > 0.
#[must_use]
pub fn divide(numerator: i128, denominator: i128) -> i64 {
    if denominator <= 0 {
        return 0;
    }
    let (whole, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    let up = match (rest * 2).cmp(&denominator) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => whole.rem_euclid(2),
    };
    i64::try_from(whole + up).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_and_shown() {
        for (text, millionths, shown) in [
            ("0", 0, "0"),
            ("1", 1_000_000, "1"),
            ("-0.5", -500_000, "-0.5"),
            ("1.000001", 1_000_001, "1.000001"),
            ("999999999999.999999", 999_999_999_999_999_999, "999999999999.999999"),
        ] {
            assert_eq!(Points::parse(text), Some(Points(millionths)), "{text}");
            assert_eq!(Points(millionths).to_string(), shown);
        }
        for text in ["", "-", ".5", "1.", "+1", "1e3", "0.0000001", "1234567890123", "--1", "1,5"] {
            assert_eq!(Points::parse(text), None, "{text}");
        }
        for (millionths, decimals, shown) in [
            (1_239_999, 2, "1.23"),
            (-1_239_999, 2, "-1.23"),
            (5_999_999, 0, "5"),
            (-999_999, 0, "0"),
            (-7, 2, "0.00"),
            (i64::MIN, 6, "-9223372036854.775808"),
            (i64::MAX, 2, "9223372036854.77"),
            (7, 6, "0.000007"),
        ] {
            assert_eq!(Points(millionths).show(decimals), shown);
        }
    }

    #[test]
    fn halves_go_to_even() {
        for (numerator, denominator, quotient) in [
            (1, 2, 0),
            (3, 2, 2),
            (5, 2, 2),
            (-1, 2, 0),
            (-3, 2, -2),
            (7, 3, 2),
            (8, 3, 3),
            (-7, 3, -2),
        ] {
            assert_eq!(divide(numerator, denominator), quotient, "{numerator}/{denominator}");
        }
    }
}
