//! `palio_protocol::json`, under every body.
//!
//! **Property:** what is taken is an object nested at most [`DEPTH_MAX`] deep that has no known
//! field twice, means what a second reader says it means, and reads back after it was written;
//! what is not taken is refused with `TOO_DEEP` exactly when it is nested deeper, otherwise with
//! `BAD_JSON`, without repeating a byte of it.

use crate::support::refused;
use palio_protocol::ErrorCode;
use palio_protocol::field::{Flag, Text, Whole};
use palio_protocol::json::{DEPTH_MAX, check_depth, parse, parse_any};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt;

pub(super) const WORDS: &[&str] =
    &["text", "whole", "flag", "\"text\"", "\"whole\"", "\"flag\"", "\"t\\u0065xt\"", "\"other\""];

#[derive(Debug, Serialize, Deserialize)]
struct Probe {
    #[serde(default)]
    text: Text,
    #[serde(default)]
    whole: Whole,
    #[serde(default)]
    flag: Flag,
}

/// The names of an object's fields, as often as they are there.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        from.deserialize_map(Collect)
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        other => other.is_f64(),
    }
}

pub(super) fn target(bytes: &[u8]) {
    let known = serde_json::from_slice::<Value>(bytes).ok();
    match parse_any::<Value>(bytes) {
        Ok(value) => {
            assert!(check_depth(bytes, DEPTH_MAX) && depth(&value) <= DEPTH_MAX);
            assert_eq!(Some(&value), known.as_ref());
            let written = serde_json::to_vec(&value).expect("a value is written");
            // No call takes a fraction as a number; their last digits are nobody's concern.
            let again = parse_any::<Value>(&written).expect("what was written reads back");
            assert!(again == value || has_fraction(&value));
        }
        Err(error) => {
            refused(&error);
            assert_eq!(error.field, "");
            let deep = known.is_some_and(|value| depth(&value) > DEPTH_MAX);
            assert!(!deep || error.code == ErrorCode::TooDeep);
            assert!(matches!(error.code, ErrorCode::TooDeep | ErrorCode::BadJson));
        }
    }
    let names = parse::<Names>(bytes).map(|names| names.0);
    let once = |of: &[String]| {
        let count = |name: &str| of.iter().filter(|known| *known == name).count();
        ["text", "whole", "flag"].iter().all(|name| count(name) <= 1)
    };
    match (parse::<Probe>(bytes), names) {
        (Ok(probe), Ok(names)) => {
            assert!(once(&names), "a field is there twice");
            // A lone surrogate in a field that is passed over stops the second reader only.
            if let Ok(value) = parse_any(bytes) {
                means(&probe, &value);
            }
            let written = serde_json::to_vec(&probe).expect("a body is written");
            let again = parse(&written).expect("what was written reads back");
            assert_eq!(given(&probe), given(&again));
        }
        (Err(error), Ok(names)) => {
            refused(&error);
            let strings = parse_any::<Value>(bytes).is_ok();
            assert!(!once(&names) || !strings, "a good object was refused: {error}");
        }
        (Ok(_), Err(error)) | (Err(error), Err(_)) => refused(&error),
    }
}

/// The values that are of the right kind.
fn given(of: &Probe) -> (Option<&str>, Option<u64>, Option<bool>) {
    let whole = if let Whole::Given(number) = of.whole { Some(number) } else { None };
    let flag = if let Flag::Given(flag) = of.flag { Some(flag) } else { None };
    (of.text.optional("text").ok().flatten(), whole, flag)
}

/// Each field is what the second reader says: a string, a whole number, a boolean, or none.
fn means(probe: &Probe, value: &Value) {
    let field = |name: &str| value.get(name).unwrap_or(&Value::Null);
    match (&probe.text, field("text")) {
        (Text::Missing, Value::Null) => {}
        (Text::Given(text), Value::String(known)) => assert_eq!(text, known),
        (Text::Other(_), other) => assert!(!other.is_null() && !other.is_string()),
        (text, other) => panic!("{text:?} was {other}"),
    }
    match (probe.whole, field("whole")) {
        (Whole::Missing, Value::Null) => {}
        (Whole::Given(number), Value::Number(known)) => assert_eq!(Some(number), known.as_u64()),
        (Whole::Other(_), other) => assert!(!other.is_null() && other.as_u64().is_none()),
        (whole, other) => panic!("{whole:?} was {other}"),
    }
    match (probe.flag, field("flag")) {
        (Flag::Missing, Value::Null) => {}
        (Flag::Given(flag), Value::Bool(known)) => assert_eq!(flag, *known),
        (Flag::Other, other) => assert!(!other.is_null() && !other.is_boolean()),
        (flag, other) => panic!("{flag:?} was {other}"),
    }
}
