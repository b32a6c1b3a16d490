//! Shapes of results, as JSON and as a table, and a cheap look into JSON bodies.

use crate::num::millis;
use crate::stats::Micros;
use serde::Serialize;

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Half are faster.
    pub p50: f64,
    /// Nine of ten are faster.
    pub p90: f64,
    /// 95 of 100 are faster.
    pub p95: f64,
    /// 99 of 100 are faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Percentiles {
    pub(crate) fn of(values: &Micros) -> Self {
        let at = |quantile| millis(values.value_at_quantile(quantile));
        Self {
            count: values.len(),
            p50: at(0.50),
            p90: at(0.90),
            p95: at(0.95),
            p99: at(0.99),
            max: millis(values.max()),
        }
    }

    /// A row of the table.
    pub(crate) fn row(&self, name: &str) -> String {
        let Self { count, p50, p90, p95, p99, max } = self;
        format!("{name:<16}{count:>12}{p50:>10.2}{p90:>10.2}{p95:>10.2}{p99:>10.2}{max:>10.2}")
    }

    /// The heading of such rows.
    pub(crate) fn heading() -> String {
        let cells = ["count", "p50 ms", "p90 ms", "p95 ms", "p99 ms", "max ms"];
        let (count, rest) = cells.split_first().unwrap_or((&"", &[]));
        rest.iter().fold(format!("{:<16}{count:>12}", ""), |row, cell| format!("{row}{cell:>10}"))
    }
}

/// A number of occurrences of something that went wrong.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorCount {
    /// HTTP status or close code; 0 if there was no answer.
    pub status: u16,
    /// The error code of the body, or a word for what happened.
    pub code: String,
    /// How often.
    pub count: u64,
}

/// The text between `mark` and the next quote: enough for codes, balances and ids, which never
/// hold escapes. A quote inside a JSON string is escaped, so `mark` is never found inside one.
pub(crate) fn text_after<'a>(body: &'a str, mark: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(mark)?;
    rest.split_once('"').map(|(text, _)| text)
}

/// The error code of a JSON body, or `-`.
pub(crate) fn code_of(body: &[u8]) -> &str {
    std::str::from_utf8(body).ok().and_then(|b| text_after(b, "\"code\":\"")).unwrap_or("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_into_bodies() {
        assert_eq!(code_of(br#"{"status":404,"code":"NO_BET","detail":"x"}"#), "NO_BET");
        assert_eq!(code_of(b"<html>"), "-");
        let body = r#"{"n":"a \"balance\":\"1\"","balance":"2.00"}"#;
        assert_eq!(text_after(body, "\"balance\":\""), Some("2.00"));
    }
}
