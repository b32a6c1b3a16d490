//! Payments that leave the house: signed calls to a tenant's payment service (requirement T7).
//!
//! A call is made under one idempotency key for its whole life, so that a service that answers
//! late, twice or not at all pays once. Whoever calls journals each attempt before it is made.

use crate::config::Payments as Settings;
use crate::outgoing::Outgoing;
use palio_domain::{TenantId, UnixMs};
use palio_protocol::signature::{
    IDEMPOTENCY_HEADER, KEY_HEADER, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The id that requests to payment services are signed under.
const KEY_ID: &str = "palio-payments";
/// Longest answer that is read, and longest reference that is kept.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
const REFERENCE_LEN_MAX: usize = 128;

/// What a payment service is asked to pay.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// `payout`, or of a platform that keeps the money `charge` and `refund` of an entry.
    pub kind: &'static str,
    /// The same for every attempt.
    pub payout_id: String,
    /// Whose prize.
    pub tournament_id: String,
    /// The operator's own id of the player.
    pub player_id: String,
    /// Decimal.
    pub amount: String,
    /// Of which currency.
    pub currency: String,
    /// From 1.
    pub attempt: u32,
}

/// What became of an attempt (L11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is paid, or it will be: the service's own name for it.
    Paid(String),
    /// 5xx, 429, a timeout, no connection: another attempt may help.
    Again(String),
    /// 4xx: a person has to look.
    Refused(String),
}

#[derive(Debug, Default)]
struct Breaker {
    failed: u32,
    open_until: Option<UnixMs>,
}

/// One tenant's service.
struct Service {
    settings: Settings,
    secret: Vec<u8>,
    breaker: Mutex<Breaker>,
}

/// The payment services of this node.
pub struct Payments {
    client: reqwest::Client,
    services: HashMap<TenantId, Service>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    reference: String,
}

impl Payments {
    /// The services of these tenants, each with the secret that its calls are signed with.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn new(
        outgoing: &Outgoing,
        tenants: impl IntoIterator<Item = (TenantId, Settings, Vec<u8>)>,
    ) -> Result<Self, reqwest::Error> {
        let client = outgoing.client().pool_max_idle_per_host(4).build()?;
        let service = |(tenant, settings, secret)| {
            (tenant, Service { settings, secret, breaker: Mutex::default() })
        };
        Ok(Self { client, services: tenants.into_iter().map(service).collect() })
    }

    /// Whether this tenant's prizes are paid by a service.
    #[must_use]
    pub fn has(&self, tenant: TenantId) -> bool {
        self.services.contains_key(&tenant)
    }

    /// How long to wait after a failed attempt, in milliseconds.
    #[must_use]
    pub fn retry_ms(&self, tenant: TenantId) -> i64 {
        self.services.get(&tenant).map_or(0, |of| i64::from(of.settings.retry_seconds) * 1_000)
    }

    /// Whether an attempt may be made now: not while the service fails again and again.
    #[must_use]
    pub fn may_ask(&self, tenant: TenantId, now: UnixMs) -> bool {
        self.services.get(&tenant).is_some_and(|of| {
            let breaker = of.breaker.lock().unwrap_or_else(PoisonError::into_inner);
            breaker.open_until.is_none_or(|until| now >= until)
        })
    }

    /// Makes one attempt.
    pub async fn pay(&self, tenant: TenantId, payment: &Payment, now: UnixMs) -> Answer {
        let Some(service) = self.services.get(&tenant) else {
            return Answer::Refused("no payment service is configured".to_owned());
        };
        let answer = self.ask(service, payment, now).await;
        let failed = matches!(answer, Answer::Again(_));
        let mut breaker = service.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        breaker.failed = if failed { breaker.failed.saturating_add(1) } else { 0 };
        let open = breaker.failed >= service.settings.failures_max;
        breaker.open_until =
            open.then(|| now.plus_ms(i64::from(service.settings.open_seconds) * 1_000));
        let outcome = match &answer {
            Answer::Paid(_) => "paid",
            Answer::Again(_) => "failed",
            Answer::Refused(_) => "refused",
        };
        metrics::counter!("palio_payments_total", "outcome" => outcome).increment(1);
        answer
    }

    async fn ask(&self, service: &Service, payment: &Payment, now: UnixMs) -> Answer {
        let Ok(body) = serde_json::to_vec(payment) else {
            return Answer::Refused("the payment can't be written down".to_owned());
        };
        let Ok(url) = reqwest::Url::parse(&service.settings.url) else {
            return Answer::Refused("the service's address can't be read".to_owned());
        };
        let timestamp = now.0.div_euclid(1_000).to_string();
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let signature = Signed {
            timestamp: &timestamp,
            method: "POST",
            path_and_query: &path,
            idempotency_key: &payment.payout_id,
            body: &body,
        }
        .sign(&service.secret);
        let request = self
            .client
            .post(url)
            .timeout(Duration::from_millis(service.settings.timeout_ms))
            .header("Content-Type", "application/json")
            .header(IDEMPOTENCY_HEADER, &payment.payout_id)
            .header(KEY_HEADER, KEY_ID)
            .header(TIMESTAMP_HEADER, &timestamp)
            .header(SIGNATURE_HEADER, signature)
            .body(body);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return Answer::Again("no answer in time".into()),
            Err(_) => return Answer::Again("the service can't be reached".to_owned()),
        };
        let status = response.status();
        if status.is_success() {
            let said = read(response).await.unwrap_or_default();
            let said: Said = serde_json::from_slice(&said).unwrap_or_default();
            let plain = |c: &char| !c.is_control();
            return Answer::Paid(
                said.reference.chars().filter(plain).take(REFERENCE_LEN_MAX).collect(),
            );
        }
        let why = format!("the service answered {}", status.as_u16());
        if status.is_server_error() || status.as_u16() == 429 || status.as_u16() == 408 {
            Answer::Again(why)
        } else {
            Answer::Refused(why)
        }
    }
}

/// The answer's beginning; what is longer is no answer of ours.
async fn read(mut response: reqwest::Response) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    while let Ok(Some(part)) = response.chunk().await {
        all.extend_from_slice(&part);
        if all.len() > ANSWER_BYTES_MAX {
            return None;
        }
    }
    Some(all)
}
