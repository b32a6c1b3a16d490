//! Overdue rounds: for the operator's desk, and for the provider that owes their results.

use super::Server;
use super::caller;
use super::error::{ApiError, restored};
use crate::actors::desk::Overdue;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use palio_domain::{Aggregate, ProviderId, TenantId};
use palio_protocol::player::{OverdueResponse, OverdueRound, ProposalView};
use palio_protocol::time;

/// Rounds in one answer.
const LIMIT: usize = 500;

/// `GET /api/rounds/overdue`.
pub(super) async fn overdue(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let tenant = caller::operator(&server, &request)?.tenant();
    answer(&server, tenant, None).await
}

/// `GET /wallet/rounds/overdue`: the provider is asked for these.
pub(super) async fn own_overdue(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let provider = caller::provider(&server, &request, &[])?;
    answer(&server, provider.tenant, Some(&provider.provider)).await
}

async fn answer(
    server: &Server,
    tenant: TenantId,
    provider: Option<&ProviderId>,
) -> Result<HttpResponse, ApiError> {
    restored(server)?;
    let (found, count) = server.desk.overdue(tenant, provider, LIMIT);
    let mut rounds = Vec::with_capacity(found.len());
    for Overdue { placed, key, proposal } in found {
        let player = server.players.outside_id(tenant, key.player).await?;
        rounds.push(OverdueRound {
            // An erased player has no name left.
            player_id: player.unwrap_or_default(),
            provider: key.provider.as_str().to_owned(),
            round_id: key.round.as_str().to_owned(),
            placed_at: time::format(placed),
            // A provider is not told what the desk thinks.
            proposal: proposal.filter(|_| provider.is_none()).map(|proposal| {
                ProposalView::new(&proposal, Aggregate::Player(key.player).slot(tenant))
            }),
        });
    }
    Ok(HttpResponse::Ok().json(OverdueResponse { rounds, count }))
}
