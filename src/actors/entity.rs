use super::core::*;
use super::handle::*;
use crate::storage::Snapshot;
use palio_domain::*;
use tokio::sync::*;
pub(super) struct Entities {}
impl Entities {
    pub(super) fn new(_: SharedCore) -> Self {
        Self {}
    }
    pub(super) async fn run(
        &self,
        _: Work,
        _: oneshot::Sender<Reply>,
        _: Option<OwnedSemaphorePermit>,
    ) {
    }
    pub(super) async fn wake(&self, _: TenantId, _: u64) {}
    pub(super) fn unsaved(&self) -> Vec<Snapshot> {
        vec![]
    }
    pub(super) fn saved(&self, _: &[Snapshot]) {}
    pub(super) fn first_unsaved(&self) -> Vec<(Slot, u64)> {
        vec![]
    }
}
