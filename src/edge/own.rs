//! Own rows on an edge: asked of the core, over HTTP, with the player's own token.
//!
//! **Invariants:** so many questions at a time, and none about the same player and tournament
//! sooner than `every`, however many sockets he has. What does not fit is asked later: the row
//! that was sent stays.

use crate::actors::board::{BoardRow, OwnRow, Who};
use crate::outgoing::Outgoing;
use palio_domain::{PlayerId, TournamentId};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long the core may take.
const ANSWER_MAX: Duration = Duration::from_millis(1_500);
/// Answers remembered; beyond them the old ones are forgotten.
const KNOWN_MAX: usize = 65_536;

#[derive(Deserialize)]
struct Row {
    rank: u64,
    name: String,
    score: String,
    key: String,
}

#[derive(Deserialize)]
struct Gap {
    gap: String,
    name: String,
}

/// What `GET …/leaderboard/me` answers, as far as sockets tell it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    rank: Option<u64>,
    score: String,
    key: String,
    participants: u64,
    ahead: Option<Gap>,
    prize_gap: Option<String>,
    around: Vec<Row>,
}

impl From<Answer> for OwnRow {
    fn from(answer: Answer) -> Self {
        // Whose rows the neighbours' are is not told, and not shown either.
        let row = |Row { rank, name, score, key }| BoardRow {
            player: PlayerId(0),
            key,
            rank,
            name,
            score,
            points: 0,
        };
        Self {
            key: answer.key,
            rank: answer.rank,
            score: answer.score,
            participants: answer.participants,
            ahead: answer.ahead.map(|Gap { gap, name }| (gap, name)),
            prize_gap: answer.prize_gap,
            around: answer.around.into_iter().map(row).collect(),
        }
    }
}

type Known = HashMap<(TournamentId, PlayerId), (Instant, Option<OwnRow>)>;

/// See the module.
pub struct OwnRows {
    client: reqwest::Client,
    core: String,
    every: Duration,
    places: Semaphore,
    known: Mutex<Known>,
}

impl std::fmt::Debug for OwnRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnRows").field("core", &self.core).finish_non_exhaustive()
    }
}

impl OwnRows {
    /// Asks this core, at most so many questions at a time, each at most every so often.
    ///
    /// # Errors
    /// The client can't be made.
    pub fn new(
        outgoing: &Outgoing,
        core: &str,
        at_once: usize,
        every: Duration,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: outgoing.client().timeout(ANSWER_MAX).build()?,
            core: core.trim_end_matches('/').to_owned(),
            every,
            places: Semaphore::new(at_once),
            known: Mutex::default(),
        })
    }

    /// A player's own row; `None` when he is not in, or the core can't be asked now.
    pub async fn ask(&self, tournament: &TournamentId, who: &Who) -> Option<OwnRow> {
        let token = who.token.as_deref()?;
        let key = (tournament.clone(), who.player);
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = known.get(&key).filter(|(at, _)| at.elapsed() < self.every);
            if let Some((_, row)) = fresh {
                return row.clone();
            }
            if known.len() >= KNOWN_MAX {
                known.retain(|_, (at, _)| at.elapsed() < self.every);
            }
            // Others who ask meanwhile are given what was known.
            let row = known.get(&key).and_then(|(_, row)| row.clone());
            known.insert(key.clone(), (Instant::now(), row));
        }
        let count = |outcome: &'static str| {
            metrics::counter!("palio_edge_own_rows_total", "outcome" => outcome).increment(1);
        };
        let Ok(_place) = self.places.try_acquire() else {
            count("put_off");
            return None;
        };
        match self.get(tournament, token).await {
            Ok(row) => {
                count(if row.is_some() { "ok" } else { "refused" });
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(key, (Instant::now(), row.clone()));
                row
            }
            Err(error) => {
                count("failed");
                tracing::debug!(%error, "the core could not be asked for an own row");
                None
            }
        }
    }

    async fn get(
        &self,
        tournament: &TournamentId,
        token: &str,
    ) -> Result<Option<OwnRow>, reqwest::Error> {
        let url = format!("{}/api/tournaments/{tournament}/leaderboard/me", self.core);
        let answer = self.client.get(url).bearer_auth(token).send().await?;
        if answer.status().is_client_error() {
            return Ok(None);
        }
        let answer: Answer = answer.error_for_status()?.json().await?;
        Ok(Some(answer.into()))
    }
}
