//! The same boards for those who ask now and then: ready bytes, and the sockets' cursor.

use super::Live;
use super::published::{Line, Published};
use super::ring::Since;
use bytes::Bytes;
use palio_domain::TournamentId;
use palio_protocol::live::json;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Poll<'a> {
    /// Where the client is: the way from there is asked for.
    pub cursor: Option<(&'a str, u64)>,
    /// First row, from 0; without a cursor.
    pub offset: u64,
    /// Rows at most; without a cursor.
    pub limit: u64,
    /// The entity tag that the client has.
    pub known: Option<&'a str>,
}

/// What a polling client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Polled {
    /// The entity tag of what there is.
    pub etag: String,
    /// Its bytes, unless the client has it.
    pub news: News,
}

/// Whether there is something for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It has what its entity tag names.
    Known,
    /// The board is where its cursor is.
    Same,
    /// Another node has shown it a newer board, of a core that has not reached this one yet.
    Behind,
    /// JSON: a board, a page, or a delta.
    Body(Bytes),
}

impl Live {
    /// A tournament's board for a polling client; `None` when there is no such tournament.
    pub async fn poll(&self, id: &TournamentId, poll: Poll<'_>) -> Option<Polled> {
        let published = self.published(id)?;
        let Poll { cursor, offset, limit, known } = poll;
        let stale = self.stale().is_some();
        let top = published.board.rows.len();
        let wide = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let last = wide(offset.saturating_add(limit));
        // Nobody is ranked beyond the board.
        let has_all = published.board.participants <= u64::try_from(top).unwrap_or(u64::MAX);
        let whole = offset == 0 && (last == top || has_all && last >= top);
        if cursor.is_some() || whole {
            // A stale board is told again, once, although its rows are known.
            let etag = match stale {
                false => published.etag.to_string(),
                true => format!("\"{}-{}-stale\"", published.epoch, published.seq),
            };
            let news =
                if known == Some(&*etag) { News::Known } else { way(&published, cursor, stale) };
            return Some(Polled { etag, news });
        }
        // The top comes from what the sockets were sent; deeper pages from the ranking itself, which
        // moves also while the top stands.
        let body = if last > top && !has_all {
            let rows = self.topics.rows(id, offset, limit).await?;
            published.page_with(rows.iter().map(Line::from).collect())
        } else if stale {
            published.stale_page_of(wide(offset), wide(limit))
        } else {
            published.page_of(wide(offset), wide(limit))
        };
        let digest = blake3::hash(&body).to_hex();
        let etag = format!("\"{}\"", digest.get(..16).unwrap_or_default());
        let news = if known == Some(&*etag) { News::Known } else { News::Body(body) };
        Some(Polled { etag, news })
    }
}

/// The whole board, or the way to it.
fn way(published: &Published, cursor: Option<(&str, u64)>, stale: bool) -> News {
    let is_here = cursor.is_some_and(|(epoch, _)| *epoch == *published.epoch);
    match cursor.map(|(epoch, seq)| published.since(epoch, seq)) {
        // A position further will be here within a tick; a whole epoch, or out of touch, may take.
        Some(Since::Ahead) if is_here && !stale => News::Same,
        Some(Since::Ahead) => News::Behind,
        // Only a whole board says that it is stale.
        _ if stale => News::Body(published.stale_page_of(0, usize::MAX)),
        Some(Since::Same) => News::Same,
        Some(Since::Changed(delta)) => News::Body(json::delta(&delta).into()),
        Some(Since::Lost) | None => News::Body(published.page()),
    }
}
