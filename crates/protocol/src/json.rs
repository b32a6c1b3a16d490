//! Reading JSON from strangers: depth first, then shape; errors say where, never what.

use crate::error_code::ErrorCode;
use crate::field::{FieldError, Object};
use serde::de::{Deserialize, DeserializeOwned};

/// Deepest nesting of lists and objects that any call needs, with room for providers' extras.
pub const DEPTH_MAX: usize = 16;

/// Whether lists and objects are nested at most `max` deep. Reads each byte once and keeps
/// nothing, so it can go before parsing; says nothing about whether it is JSON.
#[must_use]
pub fn check_depth(bytes: &[u8], max: usize) -> bool {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in bytes {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > max {
                    return false;
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (true | false, _) => {}
        }
    }
    true
}

/// Reads one JSON object.
///
/// # Errors
/// `TOO_DEEP` past [`DEPTH_MAX`]; `BAD_JSON` with line and column when it is not JSON, not an
/// object, or has a field twice.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FieldError> {
    parse_any::<Object<T>>(bytes).map(|object| object.0)
}

/// Reads any JSON value, possibly borrowing from `bytes`.
///
/// # Errors
/// As [`parse`].
pub fn parse_any<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, FieldError> {
    if !check_depth(bytes, DEPTH_MAX) {
        let message = format!("is nested deeper than {DEPTH_MAX} levels");
        return Err(FieldError::new(ErrorCode::TooDeep, "", format!("the JSON {message}")));
    }
    serde_json::from_slice(bytes).map_err(|error| refused(&error))
}

fn refused(error: &serde_json::Error) -> FieldError {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the JSON ends too early",
        serde_json::error::Category::Data => {
            "the JSON is not of the shape this call takes, or has a field twice"
        }
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "this is not JSON",
    };
    let (line, column) = (error.line(), error.column());
    FieldError::new(ErrorCode::BadJson, "", format!("{what}, at line {line} column {column}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Small {
        a: u8,
    }

    #[test]
    fn depth_counts_outside_strings_only() {
        let cases: &[(&str, usize, bool)] = &[
            ("[[[]]]", 3, true),
            ("[[[]]]", 2, false),
            (r#"{"a":[{}]}"#, 3, true),
            (r#"{"a":[{}]}"#, 2, false),
            (r#"["[[[["]"#, 1, true),
            (r#"["\"[[[["]"#, 1, true),
            (r#"["\\",[]]"#, 1, false),
            ("]]]][", 1, true),
            ("", 0, true),
        ];
        for (text, max, expected) in cases {
            assert_eq!(check_depth(text.as_bytes(), *max), *expected, "{text}");
        }
    }

    #[test]
    fn errors_say_where_and_never_what() {
        let cases: &[(&str, &str)] = &[
            ("", "the JSON ends too early, at line 1 column 0"),
            ("{\"a\":1", "the JSON ends too early, at line 1 column 6"),
            ("{\n secret}", "this is not JSON, at line 2 column 2"),
            (
                "{\"a\":1,\"a\":2}",
                "the JSON is not of the shape this call takes, or has a field twice, at line 1 column 10",
            ),
            (
                "[1]",
                "the JSON is not of the shape this call takes, or has a field twice, at line 1 column 0",
            ),
        ];
        for (text, expected) in cases {
            let error = parse::<Small>(text.as_bytes()).unwrap_err();
            assert_eq!((error.code, error.message.as_str()), (ErrorCode::BadJson, *expected));
        }
        let secret = parse::<Small>(br#"{"a":"secret"}"#).unwrap_err();
        assert!(!secret.detail().contains("secret"));
        assert_eq!(parse::<Small>(br#"{"a":1,"more":[{}]}"#), Ok(Small { a: 1 }));
        assert_eq!(parse::<Small>(&[b'['; 100]).unwrap_err().code, ErrorCode::TooDeep);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse::<Small>(&bytes).map_or(true, |_| bytes.contains(&b'a')));
        }
    }
}
