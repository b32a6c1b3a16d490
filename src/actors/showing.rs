//! Tournaments as the live side sees them.

use super::board::{Asked, BoardRow, BoardView, Boards, OwnRow, OwnText};
use super::tournament::{Own, OwnTexts, Page};
use super::tournaments::Tournaments;
use async_trait::async_trait;
use palio_domain::{PlayerId, TournamentId};
use std::sync::Arc;

impl Tournaments {
    /// A player's own position; `None` when there is no such tournament or entrant.
    pub async fn own(&self, tournament: &TournamentId, player: PlayerId) -> Option<OwnRow> {
        let entry = self.get(tournament)?;
        entry.addr.send(Own { player }).await.ok().flatten()
    }
}

#[async_trait]
impl Boards for Tournaments {
    fn is_ready(&self) -> bool {
        self.is_restored()
    }

    fn seal(&self, chain: &[u8; 16]) -> [u8; 16] {
        self.seal_of(chain)
    }

    fn view(&self, tournament: &TournamentId) -> Option<Arc<BoardView>> {
        self.get(tournament).map(|entry| entry.view())
    }

    fn ids(&self) -> Vec<TournamentId> {
        self.all_ids()
    }

    async fn own_texts(&self, tournament: &TournamentId, asked: &[Asked]) -> Vec<Option<OwnText>> {
        let asked = asked.iter().map(|asked| (asked.who.player, asked.known)).collect();
        let texts = match self.get(tournament) {
            Some(entry) => entry.addr.send(OwnTexts { asked }).await.ok(),
            None => None,
        };
        texts.unwrap_or_default()
    }

    async fn page(
        &self,
        tournament: &TournamentId,
        offset: u64,
        limit: u64,
    ) -> Option<Vec<BoardRow>> {
        let entry = self.get(tournament)?;
        entry.addr.send(Page { offset, limit }).await.ok()
    }
}
