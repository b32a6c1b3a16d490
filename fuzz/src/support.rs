//! What several targets check, and how an input is cut into parts.

use palio_domain::{Amount, Currency};
use palio_protocol::{ErrorCode, FieldError, Problem};

/// A text that stands in inputs and must never stand in an error.
pub(crate) const CANARY: &str = "CaNaRy-1f9e7c";

/// Longest detail of an error, in characters.
const DETAIL_CHARS_MAX: usize = 250;
/// Longest path of a field, in characters.
const FIELD_CHARS_MAX: usize = 60;

/// An error of a reader: a known code that blames the caller, of bounded length, repeating nothing.
pub(crate) fn refused(error: &FieldError) {
    let problem = Problem::from(error);
    assert_eq!(ErrorCode::from_code(&problem.code), Some(error.code));
    assert!((400..500).contains(&problem.status), "{} is no caller's fault", problem.code);
    assert!(!error.code.retryable(), "{} of a body that stays wrong", problem.code);
    let detail = error.detail();
    assert!(detail.chars().count() <= DETAIL_CHARS_MAX, "a detail of {} bytes", detail.len());
    assert!(error.field.chars().count() <= FIELD_CHARS_MAX, "a field of {} bytes", detail.len());
    let json = problem.to_json();
    assert!(!json.contains(CANARY), "{json} repeats what was sent");
    let read: Problem = serde_json::from_str(&json).expect("a problem reads back");
    assert_eq!(read.to_json(), json);
}

/// A text and an amount are the same number, told by somebody else's arithmetic.
pub(crate) fn same_money(text: &str, amount: Amount, currency: Currency) {
    assert_eq!(decimal(text, currency.exponent()), Some(i128::from(amount.0)), "{text} {currency}");
    let written = currency.format(amount);
    let decimals = written.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    assert_eq!(decimals, usize::from(currency.exponent()), "{written} {currency}");
    assert_eq!(currency.amount(&written), Ok(amount), "{written} {currency}");
}

/// `text × 10^exponent` when that is a whole number and `text` is a plain decimal of at most 32
/// bytes; otherwise nothing.
pub(crate) fn decimal(text: &str, exponent: u8) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (digits, ""),
    };
    let plain = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if text.len() > 32 || whole.is_empty() || !plain(whole) || !plain(fraction) {
        return None;
    }
    let mut value = 0_i128;
    let mut put = |digit: char| {
        let digit = i128::from(digit.to_digit(10)?);
        value = value.checked_mul(10)?.checked_add(digit)?;
        Some(())
    };
    whole.chars().try_for_each(&mut put)?;
    let mut decimals = fraction.chars();
    for _ in 0..exponent {
        put(decimals.next().unwrap_or('0'))?;
    }
    decimals.all(|c| c == '0').then_some(sign * value)
}

/// An input as a request: lines of a head, an empty line, a body.
pub(crate) struct Message<'a> {
    /// The words of the first line.
    pub(crate) first: Vec<&'a str>,
    /// The other lines, cut at their first `": "`.
    headers: Vec<(&'a str, &'a str)>,
    /// What follows the empty line.
    pub(crate) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Cuts an input; `None` unless its head is text.
    pub(crate) fn cut(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n");
        let (head, body) = match end {
            Some(at) => (bytes.get(..at)?, bytes.get(at + 2..)?),
            None => (bytes, &[][..]),
        };
        let mut lines = std::str::from_utf8(head).ok()?.split('\n');
        let first = lines.next()?.split(' ').collect();
        let headers = lines.filter_map(|line| line.split_once(": ")).collect();
        Some(Self { first, headers, body })
    }

    /// A word of the first line; empty when there are fewer.
    pub(crate) fn word(&self, at: usize) -> &'a str {
        self.first.get(at).copied().unwrap_or_default()
    }

    /// A header's value, if it is one that HTTP lets through.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found
            .map(|(_, value)| *value)
            .filter(|value| value.bytes().all(|b| b == b'\t' || (0x20..=0x7e).contains(&b)))
    }
}
