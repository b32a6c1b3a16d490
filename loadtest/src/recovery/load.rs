//! Bets of grown players, as fast as answers come, until the server is gone.

use crate::http::{Base, Link};
use crate::report::text_after;
use crate::sign::{Proof, Request};
use rand::Rng as _;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Bet and result in one.
pub(super) const PATH: &str = "/wallet/play";
const TIMEOUT: Duration = Duration::from_secs(10);
const BACKOFF: Duration = Duration::from_millis(20);
/// Bets that every connection remembers, to send them again.
const REMEMBERED: usize = 3;

/// A bet that went through.
#[derive(Debug, Clone)]
pub(super) struct Acknowledged {
    pub(super) body: String,
    /// Its transaction id, if known.
    pub(super) transaction: Option<String>,
}

fn body(player: usize, id: &str, game: &str) -> String {
    format!(
        r#"{{"playerId":"g_{player}","roundId":"{id}","gameId":"{game}","betId":"{id}","stake":"1.00","payout":"0.00","currency":"EUR"}}"#
    )
}

/// A new bet.
pub(super) fn bet(id: &str, player: usize) -> String {
    body(player, id, "loadtest")
}

/// The first bet of a grown player.
pub(super) fn known(player: usize) -> Acknowledged {
    let body = body(player, &format!("g-{player}-1"), "grown_0");
    Acknowledged { body, transaction: None }
}

/// The transaction id in an answer, first or repeated.
pub(super) fn transaction(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    text_after(body, "\"transactionId\":\"").map(str::to_owned)
}

#[derive(Debug)]
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    drivers: JoinSet<VecDeque<Acknowledged>>,
}

impl Load {
    pub(super) fn start(
        base: &Arc<Base>,
        provider: &Proof,
        connections: usize,
        players: usize,
    ) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let run: u64 = rand::rng().random();
        let mut drivers = JoinSet::new();
        for seat in 0..connections {
            let link = Link::new(Arc::clone(base), provider.clone(), TIMEOUT);
            let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
            let prefix = format!("k-{run:016x}-{seat}");
            drivers.spawn(drive(link, prefix, players, stop, done));
        }
        Self { stop, done, drivers }
    }

    /// Bets acknowledged in each of the next seconds.
    pub(super) async fn seconds(&self, seconds: u64) -> Vec<u64> {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.tick().await;
        let mut of_each = Vec::new();
        for _ in 0..seconds {
            tick.tick().await;
            of_each.push(self.done.swap(0, Ordering::Relaxed));
        }
        of_each
    }

    /// The last bets that went through; the server may be gone.
    pub(super) async fn stop(self) -> Vec<Acknowledged> {
        self.stop.store(true, Ordering::Relaxed);
        self.drivers.join_all().await.into_iter().flatten().collect()
    }
}

async fn drive(
    mut link: Link,
    prefix: String,
    players: usize,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
) -> VecDeque<Acknowledged> {
    let mut last = VecDeque::with_capacity(REMEMBERED + 1);
    let mut serial = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        serial += 1;
        let player = rand::rng().random_range(0..players);
        let body = bet(&format!("{prefix}-{serial}"), player);
        match link.ask(Request::post(PATH, "", body.as_bytes())).await {
            Ok(200) => {
                done.fetch_add(1, Ordering::Relaxed);
                let transaction = transaction(link.body());
                last.push_back(Acknowledged { body, transaction });
                if last.len() > REMEMBERED {
                    last.pop_front();
                }
            }
            Ok(_) | Err(_) => tokio::time::sleep(BACKOFF).await,
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_shows_the_first_transaction() {
        let first = br#"{"transactionId":"tx_01_5","balance":"1.00"}"#;
        let again = br#"{"code":"IDEMPOTENT_REPLAY","result":{"transactionId":"tx_01_5"}}"#;
        assert_eq!(transaction(first).as_deref(), Some("tx_01_5"));
        assert_eq!(transaction(first), transaction(again));
    }
}
