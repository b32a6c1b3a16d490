//! Exact money of one currency as integer minor units.
//!
//! Deliberately not the server's own type: this is the oracle that the server is checked with.

use std::fmt::Write as _;

/// How many decimals the run's currency has, learnt from the server's own balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimals(u32);

impl Decimals {
    /// The decimals of a balance as the server writes it, such as `"90.00"`.
    pub(crate) fn of(balance: &str) -> Option<Self> {
        let decimals = balance.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let decimals = u32::try_from(decimals).ok().filter(|n| *n <= 9)?;
        Self(decimals).read(balance).map(|_| Self(decimals))
    }

    fn scale(self) -> i64 {
        10_i64.pow(self.0)
    }

    /// Minor units in a decimal text of *exactly* these decimals; anything else is not money.
    pub(crate) fn read(self, text: &str) -> Option<i64> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match self.0 {
            0 => (digits, ""),
            _ => digits.split_once('.')?,
        };
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) {
            return None;
        }
        if u32::try_from(fraction.len()) != Ok(self.0) {
            return None;
        }
        let fraction: i64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let whole: i64 = whole.parse().ok()?;
        let minor = whole.checked_mul(self.scale())?.checked_add(fraction)?;
        Some(if digits.len() == text.len() { minor } else { -minor })
    }

    /// Appends minor units as a decimal text.
    pub(crate) fn write(self, minor: i64, out: &mut String) {
        if minor < 0 {
            out.push('-');
        }
        let scale = self.scale().unsigned_abs();
        let (whole, fraction) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
        let digits = usize::try_from(self.0).unwrap_or(0);
        // Writing to a String cannot fail.
        if digits == 0 {
            write!(out, "{whole}").ok();
        } else {
            write!(out, "{whole}.{fraction:0digits$}").ok();
        }
    }

    /// Minor units as a decimal text.
    pub(crate) fn text(self, minor: i64) -> String {
        let mut out = String::new();
        self.write(minor, &mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_exactly() {
        let rows: &[(&str, i64)] =
            &[("0.00", 0), ("0.01", 1), ("-0.01", -1), ("90.00", 9_000), ("-12.34", -1_234)];
        let cents = Decimals::of("90.00").unwrap();
        for (text, minor) in rows {
            assert_eq!(cents.read(text), Some(*minor), "{text}");
            assert_eq!(cents.text(*minor), *text);
        }
        let yen = Decimals::of("90").unwrap();
        assert_eq!((yen.read("-7"), yen.text(-7)), (Some(-7), "-7".to_owned()));
        assert_eq!(Decimals::of("0.00000001").unwrap().text(12), "0.00000012");
    }

    #[test]
    fn anything_else_is_not_money() {
        let cents = Decimals::of("90.00").unwrap();
        for text in ["", "-", "1", "1.0", "1.000", ".10", "1.", "1.0x", "+1.00", "--1.00", "1e2"] {
            assert_eq!(cents.read(text), None, "{text}");
        }
        assert_eq!(cents.read("92233720368547758.08"), None);
        assert_eq!(Decimals::of("abc"), None);
    }
}
