//! What the journal remembers of a round that no bet is open of.

use crate::storage::{Error, Storage};
use palio_domain::journal::Row;
use palio_domain::{Aggregate, PlayerId, ProviderId, RoundId, TenantId};

/// Rows read at a time.
const PAGE: u32 = 2_000;

/// Every committed row of a player's round, in order.
///
/// # Errors
/// Whatever the store says.
pub(super) async fn of_round(
    storage: &Storage,
    tenant: TenantId,
    player: PlayerId,
    provider: &ProviderId,
    round: &RoundId,
) -> Result<Vec<Row>, Error> {
    let owner = Aggregate::Player(player);
    let slot = owner.slot(tenant);
    let mut found = Vec::new();
    let mut from = 1;
    loop {
        let page = storage.journal.read(slot, from, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        from = last.row.seq + 1;
        found.extend(page.into_iter().map(|stored| stored.row).filter(|row| {
            row.tenant == tenant
                && row.aggregate == owner
                && row.provider.as_ref() == Some(provider)
                && row.round.as_ref() == Some(round)
        }));
    }
}
