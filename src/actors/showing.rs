//! Tournaments as the live side sees them.

use super::board::{BoardRow, BoardView, Boards, OwnRow, Who};
use super::tournament::{Own, Page};
use super::tournaments::Tournaments;
use async_trait::async_trait;
use palio_domain::TournamentId;
use std::sync::Arc;

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

    async fn own(&self, tournament: &TournamentId, who: &Who) -> Option<OwnRow> {
        let entry = self.get(tournament)?;
        entry.addr.send(Own { player: who.player }).await.ok().flatten()
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
