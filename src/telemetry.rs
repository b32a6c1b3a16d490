//! Logs and trace ids.

use palio_domain::TraceId;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error.
pub fn start(json: bool, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = if json { logs.json().try_init() } else { logs.with_target(false).try_init() };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// A new trace id: 32 hexadecimal digits.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "hexadecimal digits are always an id")]
pub fn new_trace() -> TraceId {
    let text = hex::encode(rand::random::<[u8; 16]>());
    #[expect(clippy::expect_used, reason = "hexadecimal digits are always an id")]
    TraceId::parse(&text).expect("32 hexadecimal digits")
}

/// The caller's trace id: `X-Trace-Id`, else the trace of a W3C `traceparent`, else a new one.
#[must_use]
pub fn trace_from(own: Option<&str>, traceparent: Option<&str>) -> TraceId {
    let w3c = || {
        let trace = traceparent?.split('-').nth(1)?;
        let good = trace.len() == 32 && trace.bytes().all(|b| b.is_ascii_hexdigit());
        good.then_some(trace).and_then(|trace| TraceId::parse(trace).ok())
    };
    own.and_then(|text| TraceId::parse(text).ok()).or_else(w3c).unwrap_or_else(new_trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_taken_over() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_from(Some("tr_1"), Some(parent)).as_str(), "tr_1");
        assert_eq!(trace_from(None, Some(parent)).as_str(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(trace_from(Some("a b"), Some("nonsense")).as_str().len(), 32);
    }
}
