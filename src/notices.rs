//! Notices about tournaments, sent to a tenant's own address.
//!
//! `POST` of a small JSON document, signed as providers sign their requests (docs/protocol.md), with
//! the tenant's secret. **At least once:** the same notice may come again after a crash, always
//! with the same `X-Idempotency-Key`. **Bounded:** [`TRIES`] times, [`PATIENCE`] each; what is not
//! taken by then is journalled as failed and not tried again.

use crate::clock::Clock;
use crate::config::Secret;
use crate::outgoing::Outgoing;
use palio_domain::TenantId;
use palio_domain::tournament::schedule::entity::NoticeOutcome;
use palio_domain::tournament::schedule::{DueNotice, Instance, ScheduleId};
use palio_protocol::signature::{IDEMPOTENCY_HEADER, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER};
use palio_protocol::time;
use reqwest::Url;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// How often a notice is sent until its address takes it.
const TRIES: u32 = 4;
/// How long an address may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The pause after the first try; after each further one twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// Where a tenant's notices go.
#[derive(Debug, Clone)]
pub struct Address {
    /// `http://host:port/path`.
    pub url: Url,
    /// What they are signed with.
    pub secret: Secret,
}

/// Sends notices.
pub struct Notices {
    client: reqwest::Client,
    addresses: HashMap<TenantId, Address>,
    clock: Arc<dyn Clock>,
}

impl Notices {
    /// Tenants without an address are told nothing; their notices stand in the journal.
    ///
    /// # Errors
    /// When there can be no HTTP client.
    pub fn new(
        outgoing: &Outgoing,
        addresses: HashMap<TenantId, Address>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        let client = outgoing.client().timeout(PATIENCE).build()?;
        Ok(Self { client, addresses, clock })
    }

    /// Sends one, and says what came of it.
    pub async fn send(
        &self,
        tenant: TenantId,
        schedule: &ScheduleId,
        instance: &Instance,
        notice: &DueNotice,
    ) -> NoticeOutcome {
        let Some(address) = self.addresses.get(&tenant) else { return NoticeOutcome::Noted };
        let body = body(schedule, instance, notice);
        let mut pause = PAUSE;
        for attempt in 1..=TRIES {
            match self.once(address, &notice.key, &body).await {
                Ok(status) if status.is_success() => return NoticeOutcome::Sent,
                Ok(status) => {
                    let (key, status) = (notice.key.as_str(), status.as_u16());
                    tracing::warn!(notice = key, attempt, status, "a notice was not taken");
                }
                Err(error) => {
                    // Without the address, which may hold a secret.
                    let error = error.without_url();
                    tracing::warn!(notice = notice.key, attempt, %error, "a notice was not sent");
                }
            }
            if attempt < TRIES {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
        NoticeOutcome::Failed
    }

    async fn once(
        &self,
        address: &Address,
        key: &str,
        body: &str,
    ) -> Result<reqwest::StatusCode, reqwest::Error> {
        let timestamp = (self.clock.now().0 / 1_000).to_string();
        let url = &address.url;
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let signed = Signed {
            timestamp: &timestamp,
            method: "POST",
            path_and_query: &path,
            idempotency_key: key,
            body: body.as_bytes(),
        };
        let signature = signed.sign(address.secret.expose());
        let request = self
            .client
            .post(url.clone())
            .header("content-type", "application/json")
            .header(TIMESTAMP_HEADER, timestamp)
            .header(SIGNATURE_HEADER, signature)
            .header(IDEMPOTENCY_HEADER, key)
            .body(body.to_owned());
        Ok(request.send().await?.status())
    }
}

fn body(schedule: &ScheduleId, instance: &Instance, notice: &DueNotice) -> String {
    let body = serde_json::json!({
        "event": "tournament.notice",
        "v": "1",
        "eventId": notice.key,
        "scheduleId": schedule.as_str(),
        "tournamentId": instance.key.as_str(),
        "reminder": notice.reminder,
        "dueAt": time::format(notice.at),
        "registrationOpensAt": time::format(instance.registration_opens),
        "startsAt": time::format(instance.starts),
        "endsAt": time::format(instance.ends),
    });
    body.to_string()
}
