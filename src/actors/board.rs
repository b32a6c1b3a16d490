//! What a tournament shows: the contract between scoring and the live side.

use async_trait::async_trait;
use palio_domain::{PlayerId, TenantId, TournamentId, UnixMs};
use palio_protocol::live::json::{Ahead, Frame, Me, RowText};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

pub use palio_protocol::live::Status;

/// One row of a board. Never names a person: `name` is an alias made from the player's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardRow {
    /// Whose row; for private frames only, never sent.
    pub player: PlayerId,
    /// Opaque row key, stable within a tournament.
    pub key: String,
    /// Position from 1.
    pub rank: u64,
    /// Alias.
    pub name: String,
    /// Decimal string ready to show.
    pub score: String,
    /// The same as an integer with the view's decimals.
    pub points: i64,
}

/// A tournament's top as of some committed position.
#[derive(Debug, Clone)]
pub struct BoardView {
    /// Whose brand.
    pub tenant: TenantId,
    /// Which one.
    pub tournament: TournamentId,
    /// Its state.
    pub status: Status,
    /// Ranked players.
    pub participants: u64,
    /// When it ends.
    pub ends_at: UnixMs,
    /// How often deltas go out, in milliseconds.
    pub tick_ms: u64,
    /// Decimals of scores.
    pub decimals: u8,
    /// The tournament's home slot, and the last of that slot's rows that is in it.
    pub cut: (u8, u64),
    /// The top, by rank, at most `topN` rows.
    pub rows: Vec<BoardRow>,
}

impl BoardRow {
    /// As frames have it.
    #[must_use]
    pub fn to_text(&self) -> RowText<'_> {
        RowText { k: &self.key, r: self.rank, n: &self.name, s: &self.score }
    }
}

impl BoardView {
    /// Whether both show the same; how far the journal was read is not shown.
    #[must_use]
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.status == other.status
            && self.participants == other.participants
            && self.ends_at == other.ends_at
            && self.tick_ms == other.tick_ms
            && self.rows == other.rows
    }
}

/// A player's own position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRow {
    /// Own row key.
    pub key: String,
    /// Position, or `None` while unranked.
    pub rank: Option<u64>,
    /// Own score.
    pub score: String,
    /// Ranked players.
    pub participants: u64,
    /// Score missing to the next place, and its alias.
    pub ahead: Option<(String, String)>,
    /// Score missing to the last paid place; `None` when on it or without prizes.
    pub prize_gap: Option<String>,
    /// Up to two neighbours each side and the own row, by rank.
    pub around: Vec<BoardRow>,
}

impl OwnRow {
    /// The text of a `me` frame.
    #[must_use]
    pub fn to_text(&self) -> String {
        Frame::Me(Me {
            rank: self.rank,
            score: &self.score,
            key: &self.key,
            participants: self.participants,
            ahead: self.ahead.as_ref().map(|(gap, name)| Ahead { gap, name }),
            prize_gap: self.prize_gap.as_deref(),
            around: self.around.iter().map(BoardRow::to_text).collect(),
        })
        .to_text()
    }
}

/// An own row as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnText {
    /// Of what it says: rows with different ones differ.
    pub hash: u64,
    /// The text of a `me` frame.
    pub text: String,
}

impl OwnText {
    /// The text of this row, unless it is known.
    #[must_use]
    pub fn unless(row: &OwnRow, known: Option<u64>) -> Option<Self> {
        let text = row.to_text();
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let hash = hasher.finish();
        (known != Some(hash)).then_some(Self { hash, text })
    }
}

/// A question about an own row.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Whose.
    pub who: Who,
    /// The hash of the row that is known.
    pub known: Option<u64>,
}

/// Whose own row is asked for.
#[derive(Clone)]
pub struct Who {
    /// The player.
    pub player: PlayerId,
    /// His token, where it is needed.
    pub token: Option<Arc<str>>,
}

impl std::fmt::Debug for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Who").field(&self.player).finish()
    }
}

/// Where the live side takes boards from. Only committed state ever comes out of it.
#[async_trait]
pub trait Boards: Send + Sync {
    /// Whether a tournament that has no board does not exist; not while a server starts.
    fn is_ready(&self) -> bool {
        true
    }

    /// The server's seal on a chain of proofs: only it can make it, and say later that it did.
    fn seal(&self, chain: &[u8; 16]) -> [u8; 16];

    /// The newest view, cheap enough to ask at every tick; the same `Arc` while unchanged.
    fn view(&self, tournament: &TournamentId) -> Option<Arc<BoardView>>;

    /// Ids of all tournaments that have a board now.
    fn ids(&self) -> Vec<TournamentId>;

    /// Whether a tournament that has no board yet is known to exist.
    fn is_expected(&self, _: &TournamentId) -> bool {
        false
    }

    /// Whether [`own_texts`](Self::own_texts) needs players' tokens, to ask somebody else with them,
    /// which may take long.
    fn asks_with_tokens(&self) -> bool {
        false
    }

    /// Own rows of these players, in their order; `None` where nothing changed, or there is no such
    /// tournament or entrant. Asked for at once they cost a fraction of what they cost one by one.
    async fn own_texts(&self, tournament: &TournamentId, asked: &[Asked]) -> Vec<Option<OwnText>>;

    /// A page of the whole ranking.
    async fn page(
        &self,
        tournament: &TournamentId,
        offset: u64,
        limit: u64,
    ) -> Option<Vec<BoardRow>>;
}

/// Tells who a player's token speaks for, for sockets.
pub trait Tokens: Send + Sync {
    /// The player, and when the token ends; `None` for a token that is not good (now).
    fn player(&self, token: &str) -> Option<(TenantId, PlayerId, UnixMs)>;

    /// Whether this node can tell good tokens from bad ones, and own rows can be had here.
    fn is_able(&self) -> bool {
        true
    }
}
