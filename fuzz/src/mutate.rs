//! Changes an input: as bytes, and as text made of tokens (JSON, TOML, queries, headers).
//!
//! The tokens are found without parsing, so that damaged text is changed as well as whole text.

use crate::rng::Rng;
use std::ops::Range;

/// Values on which parsers of any kind have failed somewhere.
const WORDS: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "00",
    "1.0",
    "0.10",
    "10.00",
    "10.005",
    "1e3",
    "1E400",
    "-1e-400",
    ".5",
    "5.",
    "0.000000000000000000000000000001",
    "255",
    "256",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "92233720368547758.07",
    "92233720368547758.08",
    "-92233720368547758.08",
    "99999999999999999999999999999999",
    "340282366920938463463374607431768211456",
    "NaN",
    "Infinity",
    "null",
    "true",
    "false",
    "{}",
    "[]",
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"é\"",
    "\"٣\"",
    "\"a\\nb\"",
    "\u{feff}",
    "\u{200b}",
    "\u{0}",
    "%00",
    "%2",
    "%zz",
    "+",
    "EUR",
    "JPY",
    "KWD",
    "BTC",
    "ETH",
    "eur",
    "XXX",
    "USDC",
    "é",
    "\r\n",
    "\t",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "2016-12-31T23:59:60Z",
    "2026-02-29T00:00:00Z",
    "2026-11-21T18:00:00.123456789+05:30",
    crate::support::CANARY,
];

/// Spans looked at in one input; the rest of a large input is changed as bytes only.
const SPANS_MAX: usize = 4_096;

/// Changes `bytes` in one to four ways; the result has at most `len_max` bytes. `other` is another
/// input of the same target, to take pieces from.
pub fn mutate(bytes: &mut Vec<u8>, other: &[u8], words: &[&str], len_max: usize, rng: &mut Rng) {
    for _ in 0..=rng.below(4) {
        let spans = spans(bytes);
        match rng.below(12) {
            0..=2 => replace_by_word(bytes, &spans, words, rng),
            3 => replace_by_span(bytes, &spans, other, rng),
            4 => number(bytes, &spans, rng),
            5 => member(bytes, rng),
            6 => nest(bytes, &spans, rng),
            7 => repeat(bytes, &spans, len_max, rng),
            8 => splice(bytes, other, rng),
            _ => raw(bytes, rng),
        }
        bytes.truncate(len_max);
    }
}

/// Where the tokens are: strings in quotes, runs of letters and digits, numbers, single bytes.
fn spans(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if spans.len() == SPANS_MAX {
            break;
        }
        let run = |part: fn(&u8) -> bool| rest.iter().take_while(|b| part(b)).count();
        let len = match rest.first() {
            Some(b'"') => string(rest),
            Some(b'-' | b'+' | b'0'..=b'9') => {
                1.max(run(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E')))
            }
            Some(b) if b.is_ascii_alphabetic() => {
                run(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
            }
            _ => 1,
        };
        spans.push(at..at + len);
        at += len;
    }
    spans
}

/// The length of a JSON string at the start of `bytes`, or of all there is.
fn string(bytes: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    bytes.len()
}

/// A span that is more than punctuation, if there is one near a random place.
fn token(bytes: &[u8], spans: &[Range<usize>], rng: &mut Rng) -> Option<Range<usize>> {
    let start = rng.below(spans.len());
    let is_token = |span: &&Range<usize>| {
        bytes.get(span.start).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'"' | b'-'))
    };
    spans.iter().skip(start).chain(spans.iter().take(start)).find(is_token).cloned()
}

fn put(bytes: &mut Vec<u8>, at: Range<usize>, new: &[u8]) {
    if at.start <= at.end && at.end <= bytes.len() {
        drop(bytes.splice(at, new.iter().copied()));
    }
}

fn replace_by_word(bytes: &mut Vec<u8>, spans: &[Range<usize>], words: &[&str], rng: &mut Rng) {
    let from = if rng.below(2) == 0 { words } else { WORDS };
    let Some(word) = rng.pick(from).or_else(|| WORDS.first()).copied() else { return };
    let Some(at) = token(bytes, spans, rng) else {
        return bytes.extend_from_slice(word.as_bytes());
    };
    let quoted = bytes.get(at.start) == Some(&b'"');
    // Mostly a string stays a string.
    if quoted && !word.starts_with('"') && rng.below(8) > 0 {
        put(bytes, at, format!("\"{word}\"").as_bytes());
    } else {
        put(bytes, at, word.as_bytes());
    }
}

fn replace_by_span(bytes: &mut Vec<u8>, own: &[Range<usize>], other: &[u8], rng: &mut Rng) {
    let theirs = spans(other);
    let (Some(at), Some(from)) = (token(bytes, own, rng), token(other, &theirs, rng)) else {
        return;
    };
    let new = other.get(from).unwrap_or_default().to_vec();
    put(bytes, at, &new);
}

/// Changes the digits inside a token.
fn number(bytes: &mut Vec<u8>, spans: &[Range<usize>], rng: &mut Rng) {
    let Some(at) = token(bytes, spans, rng) else { return };
    let Some(digits) = bytes.get(at.clone()).and_then(|span| {
        let first = span.iter().position(u8::is_ascii_digit)?;
        let len = span.iter().skip(first).take_while(|b| b.is_ascii_digit()).count();
        Some(at.start + first..at.start + first + len)
    }) else {
        return;
    };
    if rng.below(8) == 0 {
        return put(bytes, digits.start..digits.start, b"-");
    }
    let text = bytes.get(digits.clone()).unwrap_or_default();
    let value: u128 = std::str::from_utf8(text).ok().and_then(|t| t.parse().ok()).unwrap_or(1);
    let new = match rng.below(6) {
        0 => value.saturating_add(1),
        1 => value.saturating_sub(1),
        2 => value.saturating_mul(10),
        3 => value.saturating_mul(1_000_000_007),
        4 => u128::from(rng.bits()),
        _ => value / 2,
    };
    put(bytes, digits, new.to_string().as_bytes());
}

/// Drops, doubles or moves what stands between two separators: a field, a parameter, a line.
fn member(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let separators: Vec<usize> = bytes
        .iter()
        .enumerate()
        .filter(|(_, b)| matches!(b, b',' | b'&' | b'\n' | b'{' | b'}' | b'[' | b']' | b'.'))
        .map(|(at, _)| at)
        .take(SPANS_MAX)
        .collect();
    let first = rng.below(separators.len());
    let (Some(from), Some(to)) = (separators.get(first), separators.get(first + 1 + rng.below(3)))
    else {
        return;
    };
    let part = bytes.get(*from..*to).unwrap_or_default().to_vec();
    match rng.below(3) {
        0 => put(bytes, *from..*to, &[]),
        1 => put(bytes, *from..*from, &part),
        _ => {
            let to = rng.pick(&separators).copied().unwrap_or(0);
            put(bytes, to..to, &part);
        }
    }
}

/// Puts a token into lists or objects.
fn nest(bytes: &mut Vec<u8>, spans: &[Range<usize>], rng: &mut Rng) {
    let Some(at) = token(bytes, spans, rng) else { return };
    let deep = rng.pick(&[1, 2, 12, 16, 17, 64, 600]).copied().unwrap_or(1);
    let (open, close) = if rng.below(2) == 0 { ("[", "]") } else { ("{\"a\":", "}") };
    let middle = bytes.get(at.clone()).unwrap_or_default().to_vec();
    let new = [open.repeat(deep).into_bytes(), middle, close.repeat(deep).into_bytes()].concat();
    put(bytes, at, &new);
}

/// Repeats a piece, now and then until the input is as large as it may be.
fn repeat(bytes: &mut Vec<u8>, spans: &[Range<usize>], len_max: usize, rng: &mut Rng) {
    let from = rng.below(spans.len());
    let (Some(first), Some(last)) = (spans.get(from), spans.get(from + rng.below(8))) else {
        return;
    };
    let part = bytes.get(first.start..last.end).unwrap_or_default().to_vec();
    let times = match rng.below(64) {
        0 => len_max / part.len().max(1),
        1..=4 => rng.below(2_000),
        _ => rng.below(40),
    };
    let end = last.end;
    put(bytes, end..end, &part.repeat(times.min(len_max / part.len().max(1))));
}

fn splice(bytes: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let (here, there) = (rng.below(bytes.len() + 1), rng.below(other.len() + 1));
    let taken = other.get(there..there + rng.below(other.len() + 1 - there)).unwrap_or_default();
    let until = here + rng.below(bytes.len() + 1 - here);
    put(bytes, here..until, taken);
}

fn raw(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let (at, until) = (rng.below(bytes.len() + 1), rng.below(bytes.len() + 1));
    match rng.below(6) {
        0 => put(bytes, at..at, &[rng.byte()]),
        1 => bytes.truncate(until),
        2 => put(bytes, at.min(until)..at.max(until), &[]),
        3 => {
            let part = bytes.get(at.min(until)..at.max(until)).unwrap_or_default().to_vec();
            put(bytes, at..at, &part);
        }
        4 => {
            let bit = 1 << rng.below(8);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= bit;
            }
        }
        _ => {
            let new = rng.byte();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = new;
            }
        }
    }
}
