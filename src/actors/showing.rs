//! Tournaments as the live side sees them.

use super::board::{BoardRow, BoardView, Boards, OwnRow, Who};
use super::tournament::{OwnRows, Page};
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

    async fn own_rows(&self, tournament: &TournamentId, who: &[Who]) -> Vec<Option<OwnRow>> {
        let players = who.iter().map(|who| who.player).collect();
        let rows = match self.get(tournament) {
            Some(entry) => entry.addr.send(OwnRows { players }).await.ok(),
            None => None,
        };
        rows.unwrap_or_else(|| vec![None; who.len()])
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
