//! The run's own players, and what each must have to the cent.

use crate::Error;
use crate::http::{Base, Link};
use crate::money::Decimals;
use crate::report::code_of;
use crate::sign::{Proof, Request};
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const ATTEMPTS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(100);
const TIMEOUT: Duration = Duration::from_secs(10);

/// A player that belongs to one driver, so that every balance is known exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Player {
    pub(crate) id: String,
    /// Minor units, with no bet open.
    pub(crate) cash: i64,
    /// Why the balance cannot be known, if so.
    pub(crate) uncertain: Option<&'static str>,
}

/// `GET /wallet/{playerId}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wallet {
    pub(crate) accounts: Vec<Account>,
}

/// One currency of a wallet.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Account {
    pub(crate) currency: String,
    pub(crate) cash: String,
    pub(crate) held: String,
    pub(crate) available: String,
}

impl Wallet {
    pub(crate) fn account(&self, currency: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.currency == currency)
    }
}

/// What funding needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Funding {
    pub(crate) base: Arc<Base>,
    pub(crate) operator: Proof,
    pub(crate) provider: Proof,
    pub(crate) run: String,
    pub(crate) currency: String,
    pub(crate) deposit: u32,
}

impl Funding {
    /// Makes `count` players over `connections` connections; one queue of players for each.
    pub(crate) async fn players(
        &self,
        count: usize,
        connections: usize,
    ) -> Result<(Decimals, Vec<VecDeque<Player>>), Error> {
        let ids: Vec<String> = (0..count).map(|n| format!("lt_{}_{n}", self.run)).collect();
        let mut tasks = JoinSet::new();
        for seat in 0..connections {
            let own: Vec<_> = ids.iter().skip(seat).step_by(connections).cloned().collect();
            let funding = self.clone();
            tasks.spawn(async move { funding.fund(own).await });
        }
        let mut funded = Vec::with_capacity(connections);
        for done in tasks.join_all().await {
            funded.push(done?);
        }
        let first = ids.first().map_or("", String::as_str);
        let decimals = self.decimals(first).await?;
        let cash = decimals
            .read(&format!("{}{}", self.deposit, decimals.text(0).trim_start_matches('0')))
            .ok_or_else(|| Error::Usage("the deposit is too large".to_owned()))?;
        let queue = |ids: Vec<String>| {
            ids.into_iter().map(|id| Player { id, cash, uncertain: None }).collect()
        };
        Ok((decimals, funded.into_iter().map(queue).collect()))
    }

    async fn fund(&self, ids: Vec<String>) -> Result<Vec<String>, Error> {
        let mut link = Link::new(Arc::clone(&self.base), self.operator.clone(), TIMEOUT);
        let body = format!(r#"{{"amount":"{}","currency":"{}"}}"#, self.deposit, self.currency);
        for id in &ids {
            let path = format!("/api/players/{id}/deposits");
            let key = format!("{id}-fund");
            let request = Request::post(&path, &key, body.as_bytes());
            patiently(&mut link, request).await?;
        }
        Ok(ids)
    }

    /// Asks the server how it writes this currency.
    async fn decimals(&self, id: &str) -> Result<Decimals, Error> {
        let mut link = Link::new(Arc::clone(&self.base), self.provider.clone(), TIMEOUT);
        let path = format!("/wallet/{id}");
        patiently(&mut link, Request::get(&path)).await?;
        let wallet: Wallet = parse(link.body())?;
        wallet.account(&self.currency).and_then(|account| Decimals::of(&account.cash)).ok_or_else(
            || Error::Malformed(format!("no {} account after a deposit", self.currency)),
        )
    }
}

/// Reads a JSON body.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(body)
        .map_err(|e| Error::Malformed(format!("{e} in {}", String::from_utf8_lossy(body))))
}

/// Repeats a request with the same key until it went through; a replay is as good.
pub(crate) async fn patiently(link: &mut Link, request: Request<'_>) -> Result<(), Error> {
    let mut attempt = 0;
    loop {
        let outcome = link.ask(request).await;
        attempt += 1;
        let failure = match outcome {
            Ok(200..=206) => return Ok(()),
            Ok(409) if code_of(link.body()) == "IDEMPOTENT_REPLAY" => return Ok(()),
            Ok(status) => {
                let what = format!("{} {}", request.method, request.path);
                Error::Refused { what, status, code: code_of(link.body()).to_owned() }
            }
            Err(error) => error,
        };
        let passing = match &failure {
            Error::Refused { status, .. } => matches!(status, 429 | 503),
            Error::Io { .. } | Error::Timeout(_) => true,
            _ => false,
        };
        if !passing || attempt >= ATTEMPTS {
            return Err(failure);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
