//! Sends requests: signed, at most so many at once, again while the server is busy or away.

use super::SandboxConfig;
use super::tally::Tally;
use super::wire::{Answer, Call, Proof};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Secret;
use palio_protocol::signature::{
    IDEMPOTENCY_HEADER, KEY_HEADER, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER, TRACE_HEADER,
};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Requests on their way at once.
const IN_FLIGHT_MAX: usize = 64;
/// How long one sending may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// First and longest pause before sending again.
const PAUSE_MS: (u64, u64) = (100, 5_000);

/// The server is being shut down, or the sandbox is: nothing more is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

/// Speaks to the server over HTTP, and in no other way.
pub(super) struct Client {
    http: reqwest::Client,
    base_url: String,
    key_id: String,
    secret: Secret,
    operator: Box<dyn Fn() -> Option<String> + Send + Sync>,
    permits: Semaphore,
    shutdown: watch::Receiver<bool>,
    tally: Arc<Tally>,
}

impl Client {
    pub(super) fn new(
        config: SandboxConfig,
        shutdown: watch::Receiver<bool>,
        tally: Arc<Tally>,
    ) -> Result<Self, reqwest::Error> {
        let http = config
            .outgoing
            .client()
            .timeout(TIMEOUT)
            .pool_max_idle_per_host(IN_FLIGHT_MAX)
            .no_proxy()
            .build()?;
        Ok(Self {
            http,
            base_url: config.base.trim_end_matches('/').to_owned(),
            key_id: config.key_id,
            secret: config.secret,
            operator: config.operator,
            permits: Semaphore::new(IN_FLIGHT_MAX),
            shutdown,
            tally,
        })
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.shutdown.borrow()
    }

    /// Waits, unless the sandbox is stopped meanwhile.
    pub(super) async fn pause(&self, pause: Duration) -> Result<(), Stopped> {
        let mut shutdown = self.shutdown.clone();
        tokio::select! {
            // A sender that is gone means the same as `true`.
            _ = shutdown.wait_for(|stop| *stop) => Err(Stopped),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    /// Sends until there is an answer other than "busy".
    ///
    /// # Errors
    /// [`Stopped`]; then nobody knows whether the last sending went through.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Stopped> {
        let (mut unsure, mut pause_ms) = (false, PAUSE_MS.0);
        loop {
            if self.is_stopping() {
                return Err(Stopped);
            }
            let permit = self.permits.acquire().await.map_err(|_| Stopped)?;
            let sent = self.once(call).await;
            drop(permit);
            let asked_s = match sent {
                Ok((status @ (429 | 503), after_s, body)) => {
                    let unknown = body.get("code").and_then(Value::as_str);
                    unsure |= unknown == Some("OUTCOME_UNKNOWN");
                    tracing::debug!(call.what, status, ?unknown, "the server is busy");
                    after_s
                }
                Ok((status, _, body)) => return Ok(Answer { status, body, unsure }),
                Err(error) => {
                    // Without a connection nothing was sent; anything else may have arrived.
                    unsure |= !error.is_connect();
                    tracing::debug!(call.what, %error, "no answer");
                    0
                }
            };
            self.tally.waited();
            let jitter_ms = pause_ms * rand::random_range(50..=100_u64) / 100;
            let pause = Duration::from_millis(jitter_ms.max(asked_s.min(30) * 1_000));
            self.pause(pause).await?;
            pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
        }
    }

    async fn once(&self, call: &Call) -> Result<(u16, u64, Value), reqwest::Error> {
        let url = format!("{}{}", self.base_url, call.path);
        let key = call.key.as_deref().unwrap_or_default();
        let request = if call.get { self.http.get(url) } else { self.http.post(url) };
        let mut request = request.header(TRACE_HEADER, &call.trace);
        if !call.get {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if !key.is_empty() {
            request = request.header(IDEMPOTENCY_HEADER, key);
        }
        let request = match call.proof {
            // A token is made for each sending: it lasts for a minute or so.
            Proof::Operator => request.bearer_auth((self.operator)().unwrap_or_default()),
            Proof::Signature => {
                // Signed anew at each sending: the signature is good for a minute only.
                let timestamp = SystemClock.now().0.div_euclid(1_000).to_string();
                let signed = Signed {
                    timestamp: &timestamp,
                    method: if call.get { "GET" } else { "POST" },
                    path_and_query: &call.path,
                    idempotency_key: key,
                    body: &call.body,
                };
                let signature = signed.sign(self.secret.expose());
                request
                    .header(KEY_HEADER, &self.key_id)
                    .header(TIMESTAMP_HEADER, &timestamp)
                    .header(SIGNATURE_HEADER, signature)
            }
        };
        let response = request.body(call.body.clone()).send().await?;
        let status = response.status().as_u16();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after_s = after.and_then(|text| text.parse().ok()).unwrap_or(0);
        let body = response.bytes().await?;
        Ok((status, after_s, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}
