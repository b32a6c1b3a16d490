//! Logs and trace ids (requirement O2).

use palio_domain::TraceId;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error, as text or as one JSON object a line.
///
/// Repeat: the first call counts. A filter that can't be read stands for `info`; the settings
/// are checked before.
pub fn start(json: bool, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = if json {
        logs.json().flatten_event(true).try_init()
    } else {
        logs.with_target(false).try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// A new trace id: 32 hexadecimal digits, like those of W3C Trace Context.
#[must_use]
pub fn new_trace() -> TraceId {
    loop {
        // 32 digits are always an id, so this ends at once.
        if let Ok(trace) = TraceId::parse(&hex::encode(rand::random::<[u8; 16]>())) {
            return trace;
        }
    }
}

/// The caller's trace id: `X-Trace-Id`, else the trace of a W3C `traceparent`, else a new one.
///
/// A header that is not an id is passed over, since a payout must not fail over it.
#[must_use]
pub fn trace_from(own: Option<&str>, traceparent: Option<&str>) -> TraceId {
    own.and_then(|text| TraceId::parse(text).ok())
        .or_else(|| traceparent.and_then(w3c))
        .unwrap_or_else(new_trace)
}

/// `00-<32 hex digits, not all 0>-<16 hex digits>-<2 hex digits>`; later versions may have more.
fn w3c(traceparent: &str) -> Option<TraceId> {
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let mut parts = traceparent.trim().split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (parent, flags) = (parts.next()?, parts.next()?);
    let right = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(parent, 16);
    let some = trace.bytes().any(|b| b != b'0') && parent.bytes().any(|b| b != b'0');
    if right && some && hex(flags, 2) { TraceId::parse(trace).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_taken_over() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(trace_from(Some("tr_1"), Some(&parent)).as_str(), "tr_1");
        assert_eq!(trace_from(None, Some(&parent)).as_str(), trace);
        assert_eq!(trace_from(Some("a b"), Some(&parent)).as_str(), trace);
        let zeros = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let forged = [
            "nonsense",
            "",
            &zeros,
            &parent.replace("00-4", "ff-4"),
            &parent.replace("-01", ""),
            &parent.to_uppercase(),
        ];
        for parent in forged {
            let made = trace_from(Some(""), Some(parent));
            assert_eq!(made.as_str().len(), 32, "{parent}");
            assert_ne!(made.as_str(), trace, "{parent}");
        }
        assert_ne!(new_trace(), new_trace());
    }
}
