//! Documents before they are published: the schema, and the check.

use super::Server;
use super::caller;
use super::error::ApiError;
use crate::document::{self, Problem, SCHEMA};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use palio_protocol::json;
use serde::Serialize;
use utoipa::ToSchema;

/// Answer of `POST /api/tournaments/check`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckResponse {
    /// Everything to say about the document, errors and warnings; empty: nothing.
    problems: Vec<Problem>,
}

/// `GET /api/tournaments/schema.json`.
pub(super) async fn schema() -> HttpResponse {
    HttpResponse::Ok().content_type("application/schema+json").body(SCHEMA)
}

/// `POST /api/tournaments/check`. Creates nothing, whatever the document says.
pub(super) async fn check(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    let body = caller::json(&server, &request, payload, operator.tenant()).await?;
    let document = json::parse_any(&body)?;
    Ok(HttpResponse::Ok().json(CheckResponse { problems: document::problems(&document) }))
}
