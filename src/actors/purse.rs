//! What a player's own socket is told: the contract between wallets and the live side.

use async_trait::async_trait;
use palio_domain::{PlayerId, TenantId};
use std::sync::Arc;

/// Where the live side takes wallets from. Only committed state ever comes out of it.
pub trait Purses: Send + Sync {
    /// Begins to watch a player's wallet; it is watched until what comes back is dropped.
    fn watch(&self, tenant: TenantId, player: PlayerId) -> Arc<dyn Purse>;
}

/// A wallet that is watched.
#[async_trait]
pub trait Purse: Send + Sync {
    /// A number that is larger whenever something has happened to the wallet.
    fn news(&self) -> u64;

    /// Texts of `notice` frames of what happened after this number, oldest first, each with its
    /// own. Only the most recent are kept.
    fn notices(&self, after: u64) -> Vec<(u64, Arc<str>)>;

    /// The text of the `wallet` frame, and the number of its state; `None` when the wallet can't
    /// be read now.
    async fn text(&self) -> Option<(u64, String)>;
}
