//! The sandbox's side of the wire: signed HTTP, nothing else.

use crate::clock::{Clock as _, SystemClock};
use palio_protocol::signature::{
    IDEMPOTENCY_HEADER, KEY_HEADER, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER,
};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Requests under way at once.
const IN_FLIGHT_MAX: usize = 64;

/// Attempts before a call is given up.
const ATTEMPTS_MAX: u32 = 8;

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// The stable code of a refusal.
    pub(super) fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }
}

/// A client with a signing key and an operator's token.
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    key_id: String,
    secret: Vec<u8>,
    operator: Box<dyn Fn() -> Option<String>>,
    places: Semaphore,
}

impl Client {
    pub(super) fn new(
        base: String,
        key_id: String,
        secret: Vec<u8>,
        operator: Box<dyn Fn() -> Option<String>>,
    ) -> reqwest::Result<Self> {
        let http =
            reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build()?;
        Ok(Self { http, base, key_id, secret, operator, places: Semaphore::new(IN_FLIGHT_MAX) })
    }

    /// A signed call; tried again with the same key while the server is away or full.
    pub(super) async fn signed(&self, path: &str, key: &str, body: &Value) -> Option<Answer> {
        let body = body.to_string();
        self.again(|| {
            let timestamp = (SystemClock.now().0 / 1000).to_string();
            let signed = Signed {
                timestamp: &timestamp,
                method: "POST",
                path_and_query: path,
                idempotency_key: key,
                body: body.as_bytes(),
            };
            let signature = signed.sign(&self.secret);
            let mut request = self
                .http
                .post(format!("{}{path}", self.base))
                .header("Content-Type", "application/json")
                .header(KEY_HEADER, &self.key_id)
                .header(TIMESTAMP_HEADER, &timestamp)
                .header(SIGNATURE_HEADER, signature);
            if !key.is_empty() {
                request = request.header(IDEMPOTENCY_HEADER, key);
            }
            request.body(body.clone())
        })
        .await
    }

    /// An operator's call.
    pub(super) async fn operator(&self, path: &str, key: &str, body: &Value) -> Option<Answer> {
        let token = (self.operator)()?;
        let body = body.to_string();
        self.again(|| {
            self.http
                .post(format!("{}{path}", self.base))
                .header("Content-Type", "application/json")
                .header(IDEMPOTENCY_HEADER, key)
                .bearer_auth(&token)
                .body(body.clone())
        })
        .await
    }

    async fn again(&self, request: impl Fn() -> reqwest::RequestBuilder) -> Option<Answer> {
        let _place = self.places.acquire().await.ok()?;
        let mut wait = Duration::from_millis(100);
        for _ in 0..ATTEMPTS_MAX {
            if let Ok(response) = request().send().await {
                let status = response.status().as_u16();
                if status != 429 && status != 503 {
                    let body = response.bytes().await.ok()?;
                    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                    return Some(Answer { status, body });
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(3));
        }
        None
    }
}
