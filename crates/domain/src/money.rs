//! Money: integer minor units that cannot be added across currencies.
//!
//! **Invariants:** an [`Amount`] never overflows silently; a decimal string is either exactly
//! representable in the currency's minor unit or refused. No floats (requirement W7).

use serde::{Deserialize, Serialize};
use std::fmt;

/// A currency: 3–8 upper-case letters or digits, with a fixed number of decimals (≤ 9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 8],
    exponent: u8,
}

/// Why a text is not money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The currency is not one that Palio knows.
    #[error("unknown currency")]
    UnknownCurrency,
    /// Not a plain decimal number.
    #[error("not a decimal number such as \"10.00\"")]
    NotDecimal,
    /// More decimals than the currency has.
    #[error("finer than the currency's minor unit")]
    TooFine,
    /// Does not fit 64-bit minor units.
    #[error("amount is too large")]
    Overflow,
    /// A negative amount where only positive ones make sense.
    #[error("amount must not be negative")]
    Negative,
}

/// Currencies with other than two decimals (ISO 4217:2015 and common crypto currencies);
/// every other listed code has two. Source: ISO 4217 list one.
const EXPONENTS: &[(&str, u8)] = &[
    ("BHD", 3),
    ("BIF", 0),
    ("BTC", 8),
    ("CLP", 0),
    ("DJF", 0),
    ("ETH", 9),
    ("GNF", 0),
    ("IQD", 3),
    ("ISK", 0),
    ("JOD", 3),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("KWD", 3),
    ("LTC", 8),
    ("LYD", 3),
    ("OMR", 3),
    ("PYG", 0),
    ("RWF", 0),
    ("TND", 3),
    ("UGX", 0),
    ("USDC", 6),
    ("USDT", 6),
    ("UYI", 0),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
];

const TWO_DECIMALS: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN",
    "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CNY",
    "COP", "CRC", "CUP", "CVE", "CZK", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD",
    "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR",
    "ILS", "INR", "IRR", "JMD", "KES", "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP", "LKR",
    "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK",
    "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP",
    "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP",
    "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TOP", "TRY",
    "TTD", "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "VES", "WST", "XCD", "YER", "ZAR", "ZMW",
    "ZWG",
];

impl Currency {
    /// Euro; the demo's currency.
    pub const EUR: Self = Self { code: *b"EUR\0\0\0\0\0", exponent: 2 };

    /// Looks a code up in the table of known currencies.
    ///
    /// # Errors
    /// [`Error::UnknownCurrency`] for anything else, lower case included.
    pub fn parse(code: &str) -> Result<Self, Error> {
        let exponent = EXPONENTS
            .binary_search_by(|(known, _)| (*known).cmp(code))
            .ok()
            .and_then(|at| EXPONENTS.get(at).map(|(_, exponent)| *exponent))
            .or_else(|| TWO_DECIMALS.binary_search(&code).ok().map(|_| 2))
            .ok_or(Error::UnknownCurrency)?;
        let mut bytes = [0_u8; 8];
        for (to, from) in bytes.iter_mut().zip(code.bytes()) {
            *to = from;
        }
        Ok(Self { code: bytes, exponent })
    }

    /// The codes of all known currencies, in order.
    #[must_use]
    pub fn codes() -> Vec<&'static str> {
        let named = EXPONENTS.iter().map(|(code, _)| *code);
        let mut codes: Vec<_> = named.chain(TWO_DECIMALS.iter().copied()).collect();
        codes.sort_unstable();
        codes
    }

    /// The code, such as `EUR`.
    #[must_use]
    pub fn code(&self) -> &str {
        let end = self.code.iter().position(|b| *b == 0).unwrap_or(8);
        std::str::from_utf8(self.code.get(..end).unwrap_or_default()).unwrap_or_default()
    }

    /// Decimals of the minor unit.
    #[must_use]
    pub const fn exponent(&self) -> u8 {
        self.exponent
    }

    fn scale(&self) -> i64 {
        10_i64.pow(u32::from(self.exponent))
    }

    /// Reads a decimal string; `"10"`, `"10.0"` and `"10.00"` are the same euro amount.
    ///
    /// Shape: optional `-`, digits, optional `.` and digits; at most 32 characters.
    ///
    /// # Errors
    /// [`Error::NotDecimal`], [`Error::TooFine`], [`Error::Overflow`].
    pub fn amount(&self, text: &str) -> Result<Amount, Error> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let dangling = digits.contains('.') && fraction.is_empty();
        if text.len() > 32 || whole.is_empty() || dangling || !plain(whole) || !plain(fraction) {
            return Err(Error::NotDecimal);
        }
        let kept = fraction.trim_end_matches('0');
        let exponent = usize::from(self.exponent);
        if kept.len() > exponent {
            return Err(Error::TooFine);
        }
        let whole: i64 = whole.parse().map_err(|_| Error::Overflow)?;
        let minor: i64 = if exponent == 0 {
            0
        } else {
            format!("{kept:0<exponent$}").parse().map_err(|_| Error::Overflow)?
        };
        let total = whole
            .checked_mul(self.scale())
            .and_then(|w| w.checked_add(minor))
            .ok_or(Error::Overflow)?;
        Ok(Amount(if negative { -total } else { total }))
    }

    /// Like [`Currency::amount`], refusing negative input.
    ///
    /// # Errors
    /// As [`Currency::amount`], and [`Error::Negative`].
    pub fn amount_not_negative(&self, text: &str) -> Result<Amount, Error> {
        let amount = self.amount(text)?;
        if amount.0 < 0 || text.starts_with('-') {
            return Err(Error::Negative);
        }
        Ok(amount)
    }

    /// Writes an amount with exactly this currency's decimals: `"10.00"`.
    #[must_use]
    pub fn format(&self, amount: Amount) -> String {
        format_decimal(i128::from(amount.0), self.exponent)
    }
}

/// Writes `value / 10^decimals` with exactly `decimals` decimals.
#[must_use]
pub fn format_decimal(value: i128, decimals: u8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let magnitude = value.unsigned_abs();
    if decimals == 0 {
        return format!("{sign}{magnitude}");
    }
    let scale = 10_u128.pow(u32::from(decimals));
    let width = usize::from(decimals);
    format!("{sign}{}.{:0>width$}", magnitude / scale, magnitude % scale)
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let code = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        Self::parse(&code).map_err(serde::de::Error::custom)
    }
}

/// A signed number of minor units of a currency known from the context.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Amount(pub i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Sum, or `None` past 64 bits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// Difference, or `None` past 64 bits.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// Whether there is something.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tables_are_sorted_for_binary_search() {
        assert!(EXPONENTS.windows(2).all(|w| w[0].0 < w[1].0));
        assert!(TWO_DECIMALS.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn decimal_strings_are_exact_or_refused() {
        let cases: &[(&str, &str, Result<i64, Error>)] = &[
            ("EUR", "10.00", Ok(1000)),
            ("EUR", "10.0", Ok(1000)),
            ("EUR", "10", Ok(1000)),
            ("EUR", "-0.01", Ok(-1)),
            ("EUR", "0.001", Err(Error::TooFine)),
            ("EUR", "0.0100000", Ok(1)),
            ("EUR", "1e3", Err(Error::NotDecimal)),
            ("EUR", "", Err(Error::NotDecimal)),
            ("EUR", ".5", Err(Error::NotDecimal)),
            ("EUR", "5.", Err(Error::NotDecimal)),
            ("EUR", "+5", Err(Error::NotDecimal)),
            ("EUR", "92233720368547758.07", Ok(i64::MAX)),
            ("EUR", "92233720368547758.08", Err(Error::Overflow)),
            ("JPY", "100", Ok(100)),
            ("JPY", "100.5", Err(Error::TooFine)),
            ("KWD", "1.234", Ok(1234)),
            ("BTC", "0.00000001", Ok(1)),
        ];
        for (currency, text, expected) in cases {
            assert_eq!(
                Currency::parse(currency).unwrap().amount(text).map(|a| a.0),
                *expected,
                "{text} {currency}"
            );
        }
        assert_eq!(Currency::parse("eur"), Err(Error::UnknownCurrency));
    }

    proptest! {
        #[test]
        fn format_and_parse_are_inverse(minor in any::<i64>().prop_filter("min", |m| *m != i64::MIN)) {
            for code in ["EUR", "JPY", "KWD", "BTC", "ETH"] {
                let currency = Currency::parse(code).unwrap();
                prop_assert_eq!(currency.amount(&currency.format(Amount(minor))), Ok(Amount(minor)));
            }
        }
    }
}
