//! `POST /api/tournaments/{id}/proofs`: whether a board that somebody kept was shown by this
//! server.

use super::Server;
use super::caller;
use super::error::ApiError;
use super::leaderboard::id;
use crate::actors::board::Boards as _;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use palio_protocol::json;
use palio_protocol::live::Shown;

/// `POST /api/tournaments/{id}/proofs`. The tournament may be long over: nothing is looked up.
pub(super) async fn check(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    let body = caller::json(&server, &request, payload, operator.tenant()).await?;
    let id = id(&path)?;
    let shown: Shown = json::parse(&body)?;
    let answer = shown.check(id.as_str(), |chain| server.tournaments.seal(chain))?;
    Ok(HttpResponse::Ok().json(answer))
}
