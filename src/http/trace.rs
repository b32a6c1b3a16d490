//! One trace id per request: taken from the caller or made, put into every answer, log line and
//! journal row (requirement O2). Counts and times requests on the way.

use super::counts;
use crate::telemetry;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest};
use palio_domain::TraceId;
use palio_protocol::Problem;
use std::time::Instant;

static TRACE: HeaderName = HeaderName::from_static("x-trace-id");

tokio::task_local! {
    /// The trace of the request under way, for the problem documents of its answer.
    static TRACED: TraceId;
}

/// The same problem with the trace of the request under way.
pub(super) fn traced(problem: &Problem) -> Problem {
    match TRACED.try_with(|trace| problem.clone().traced(trace)) {
        Ok(problem) => problem,
        // Outside of a request, such as in a test.
        Err(_) => problem.clone(),
    }
}

/// The trace of a request that went through [`around`].
pub(super) fn trace_of(request: &HttpRequest) -> TraceId {
    request.extensions().get::<TraceId>().cloned().unwrap_or_else(telemetry::new_trace)
}

/// The middleware.
///
/// # Errors
/// Whatever the inner service says.
pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let trace = telemetry::trace_from(text("x-trace-id"), text("traceparent"));
    request.extensions_mut().insert(trace.clone());
    let mut response = TRACED.scope(trace.clone(), next.call(request)).await?;
    let inner = response.request().extensions().get::<TraceId>().cloned().unwrap_or(trace);
    if let Ok(value) = HeaderValue::from_str(inner.as_str()) {
        response.headers_mut().insert(TRACE.clone(), value);
    }
    let route = response.request().match_pattern().unwrap_or_else(|| "other".to_owned());
    let status = response.status();
    if status.is_server_error() {
        tracing::warn!(trace = inner.as_str(), route, status = status.as_u16(), "server error");
    }
    counts::request(&route, status.as_u16(), started);
    Ok(response)
}
