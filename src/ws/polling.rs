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
        let whole = offset == 0 && (last == top || published.board.participants <= limit);
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
        let mark = if stale { "-stale" } else { "" };
        let etag = format!("\"{}-{}-{offset}-{limit}{mark}\"", published.epoch, published.seq);
        if known == Some(&*etag) {
            return Some(Polled { etag, news: News::Known });
        }
        // The top comes from what the sockets were sent; deeper pages from the ranking itself.
        let body = if last <= top && stale {
            published.stale_page_of(wide(offset), wide(limit))
        } else if last <= top {
            published.page_of(wide(offset), wide(limit))
        } else {
            let rows = self.topics.rows(id, offset, limit).await?;
            published.page_with(rows.iter().map(Line::from).collect())
        };
        Some(Polled { etag, news: News::Body(body) })
    }
}

/// The whole board, or the way to it.
fn way(published: &Published, cursor: Option<(&str, u64)>, stale: bool) -> News {
    match cursor.map(|(epoch, seq)| published.since(epoch, seq)) {
        Some(Since::Same | Since::Ahead) => News::Same,
        Some(Since::Changed(delta)) => News::Body(json::delta(&delta).into()),
        Some(Since::Lost) | None if stale => News::Body(published.stale_page_of(0, usize::MAX)),
        Some(Since::Lost) | None => News::Body(published.page()),
    }
}
