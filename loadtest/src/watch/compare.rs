//! The sampled boards against each other and against what HTTP shows at the same seq.

use super::Tournament;
use super::sample::Sample;
use crate::board::Board;
use crate::{Client, Error};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

const TRIES: u32 = 40;
/// Between asking and comparing: time for the sockets to get where HTTP was.
const PAUSE: Duration = Duration::from_millis(300);

/// How the comparison went. Boards that are equal to the same page are equal to each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// Of the page compared with.
    pub epoch: String,
    /// Of the page compared with.
    pub seq: u64,
    /// Rows of that page.
    pub rows: usize,
    /// Boards that show exactly the page.
    pub equal: u64,
    /// Boards that show something else at the same seq.
    pub different: u64,
    /// Boards that never were at that seq.
    pub missing: u64,
    /// The first difference.
    pub difference: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    epoch: String,
    seq: u64,
    rows: Vec<PageRow>,
}

#[derive(Debug, Deserialize)]
struct PageRow {
    rank: u64,
    name: String,
    score: String,
}

impl Page {
    fn difference(&self, board: &Board) -> Option<String> {
        let shown = |rank: u64, name: &str, score: &str| format!("{rank} {name} {score}");
        let page = self.rows.iter().map(|r| shown(r.rank, &r.name, &r.score));
        let live = board.rows().iter().map(|r| shown(r.rank, &r.name, &r.score));
        if page.clone().eq(live.clone()) {
            return None;
        }
        let join = |rows: Vec<String>| rows.join(", ");
        Some(format!(
            "at {}-{} HTTP shows [{}], a socket [{}]",
            self.epoch,
            self.seq,
            join(page.collect()),
            join(live.collect())
        ))
    }

    fn compare(&self, samples: &[Arc<Sample>]) -> Comparison {
        let (epoch, seq, rows) = (self.epoch.clone(), self.seq, self.rows.len());
        let mut result = Comparison { epoch, seq, rows, ..Comparison::default() };
        for sample in samples {
            match sample.at(&self.epoch, self.seq).map(|board| self.difference(&board)) {
                None => result.missing += 1,
                Some(None) => result.equal += 1,
                Some(difference) => {
                    result.different += 1;
                    result.difference = result.difference.or(difference);
                }
            }
        }
        result
    }
}

/// Asks for the page until every sampled socket has been at its seq, or one shows something else.
pub(super) async fn with_page(
    client: &Client,
    tournament: &Tournament,
    samples: &[Arc<Sample>],
) -> Result<Comparison, Error> {
    let path = format!("/api/tournaments/{}/leaderboard?limit={}", tournament.id, tournament.top_n);
    let mut best: Option<Comparison> = None;
    for _ in 0..TRIES {
        let page: Page = client.fetch(&path).await?;
        tokio::time::sleep(PAUSE).await;
        let result = page.compare(samples);
        if result.different > 0 || result.missing == 0 {
            return Ok(result);
        }
        if best.as_ref().is_none_or(|best| result.missing < best.missing) {
            best = Some(result);
        }
    }
    Ok(best.unwrap_or_default())
}
