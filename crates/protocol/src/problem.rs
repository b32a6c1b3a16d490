//! Errors as RFC 9457 problem documents (`application/problem+json`).

use crate::error_code::ErrorCode;
use crate::field::FieldError;
use palio_domain::wallet::Refusal;
use palio_domain::{Currency, TraceId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The media type of a [`Problem`].
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Why a request did not go through.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Where the code is explained, relative to the server.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#insufficient_funds")]
    pub kind: String,
    /// One sentence, the same for every occurrence.
    #[schema(example = "The stake is more than is available")]
    pub title: String,
    /// The HTTP status again.
    #[schema(example = 402)]
    pub status: u16,
    /// What happened this time.
    #[schema(example = "the stake is more than is available")]
    pub detail: String,
    /// The stable code.
    #[schema(example = "INSUFFICIENT_FUNDS")]
    pub code: String,
    /// The request's trace, as in `X-Trace-Id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// With `IDEMPOTENT_REPLAY`: the first answer, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Box<RawValue>>,
    /// With `INSUFFICIENT_FUNDS`: what was available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "3.50")]
    pub balance: Option<String>,
    /// The currency of `balance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Which field or header is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "amount")]
    pub field: Option<String>,
    /// How long to wait before trying again, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// Everything that is wrong with a document, where all of it is told at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub problems: Vec<ProblemLine>,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemLine {
    /// Which field.
    #[schema(example = "when.expression")]
    pub field: String,
    /// What kind of problem; stable.
    #[schema(example = "CRON_INVALID")]
    pub code: String,
    /// What is wrong, in words that may change.
    #[schema(example = "must have five fields: minute, hour, day, month, weekday")]
    pub message: String,
}

impl ProblemLine {
    /// One of a field.
    #[must_use]
    pub fn new(
        field: impl Into<String>,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }

    /// A part of a tournament's rules that the brand may not use.
    #[must_use]
    pub fn switched_off(part: &str, field: impl Into<String>) -> Self {
        Self::new(field, ErrorCode::RuleSwitchedOff.code(), format!("{part} is switched off"))
    }
}

impl std::fmt::Display for ProblemLine {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.field.is_empty() {
            write!(to, "{} ", self.field)?;
        }
        write!(to, "{} ({})", self.message, self.code)
    }
}

impl From<&FieldError> for ProblemLine {
    fn from(error: &FieldError) -> Self {
        Self::new(error.field.as_str(), error.code.code(), error.message.as_str())
    }
}

impl Problem {
    /// A problem without extras.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: code.docs(),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code: code.code().to_owned(),
            trace_id: None,
            result: None,
            balance: None,
            currency: None,
            field: None,
            retry_after_s: None,
            problems: Vec::new(),
        }
    }

    /// A document with several problems; `field` and the detail are the first one's.
    #[must_use]
    pub fn of_lines(code: ErrorCode, problems: Vec<ProblemLine>) -> Self {
        let first = problems.first();
        let detail = first.map_or_else(|| code.title().to_owned(), ToString::to_string);
        let field = first.map(|line| line.field.clone()).filter(|field| !field.is_empty());
        Self { field, problems, ..Self::new(code, detail) }
    }

    /// A wallet's refusal. `currency` is the one of the bet: with `INSUFFICIENT_FUNDS` the
    /// balance is told in it.
    #[must_use]
    pub fn refused(refusal: &Refusal, currency: Option<Currency>) -> Self {
        let mut problem = Self::new(refusal.into(), refusal.to_string());
        match refusal {
            Refusal::ProviderAway => problem.retry_after_s = Some(5),
            Refusal::OverAlready => problem.field = Some("expiresAt".to_owned()),
            _ => {}
        }
        if let (Refusal::InsufficientFunds { available }, Some(currency)) = (refusal, currency) {
            problem.balance = Some(currency.format(*available));
            problem.currency = Some(currency.code().to_owned());
        }
        problem
    }

    /// A repeated key: carries the first answer as it was.
    #[must_use]
    pub fn replay(result: String) -> Self {
        let mut problem = Self::new(
            ErrorCode::IdempotentReplay,
            "the same request was done before; result is its answer",
        );
        problem.result = RawValue::from_string(result).ok();
        problem
    }

    /// With the request's trace.
    #[must_use]
    pub fn traced(mut self, trace: &TraceId) -> Self {
        self.trace_id = Some(trace.as_str().to_owned());
        self
    }

    /// With a time to wait, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The document's bytes.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, numbers and checked JSON always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl From<&FieldError> for Problem {
    fn from(error: &FieldError) -> Self {
        let mut problem = Self::new(error.code, error.detail());
        problem.field = Some(error.field.clone()).filter(|field| !field.is_empty());
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use palio_domain::Amount;

    #[test]
    fn documents_have_exactly_these_bytes() {
        let trace = TraceId::parse("tr_1").unwrap();
        let refusal = Refusal::InsufficientFunds { available: Amount(350) };
        let first = r#"{"b":1, "a":[ 2 ]}"#;
        let cases = [
            (
                Problem::refused(&refusal, Some(Currency::EUR)).traced(&trace),
                r#"{"type":"/docs/errors#insufficient_funds","title":"The stake is more than is available","status":402,"detail":"more than is available","code":"INSUFFICIENT_FUNDS","traceId":"tr_1","balance":"3.50","currency":"EUR"}"#,
            ),
            (
                Problem::replay(first.to_owned()),
                r#"{"type":"/docs/errors#idempotent_replay","title":"This request was done before","status":409,"detail":"the same request was done before; result is its answer","code":"IDEMPOTENT_REPLAY","result":{"b":1, "a":[ 2 ]}}"#,
            ),
            (
                Problem::from(&FieldError::invalid("amount", "is missing")),
                r#"{"type":"/docs/errors#invalid_field","title":"A field is missing or wrong","status":422,"detail":"amount: is missing","code":"INVALID_FIELD","field":"amount"}"#,
            ),
            (
                Problem::new(ErrorCode::Overloaded, "try later").retry_after(2),
                r#"{"type":"/docs/errors#overloaded","title":"The server is full; nothing was done","status":503,"detail":"try later","code":"OVERLOADED","retryAfterS":2}"#,
            ),
        ];
        for (problem, expected) in cases {
            assert_eq!(problem.to_json(), expected);
            assert_eq!(
                serde_json::from_str::<Problem>(expected).unwrap().to_json(),
                expected,
                "reads back"
            );
        }
    }
}
