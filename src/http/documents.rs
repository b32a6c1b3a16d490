//! Documents before they are published: the schema, and the check.

use super::Server;
use super::caller;
use super::error::ApiError;
use super::tournaments;
use crate::document::{self, Problem, SCHEMA, Severity};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use palio_domain::TenantId;
use palio_protocol::problem::ProblemLine;
use palio_protocol::tournament::CreateTournament;
use palio_protocol::{ErrorCode, json, schedule};
use serde::Serialize;
use serde_json::Value;
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

/// What the tenant may not use, of an announcement or of a schedule that can be read.
fn switched_off(server: &Server, tenant: TenantId, document: &Value) -> Vec<Problem> {
    let is_schedule = document.get("when").is_some();
    let parsed = if is_schedule {
        schedule::trial(document, server.clock.now())
            .and_then(|(document, instance)| schedule::tournament(&document, &instance).ok())
    } else {
        let body = serde_json::from_value::<CreateTournament>(document.clone());
        body.ok().and_then(|body| body.parse().ok())
    };
    let Some(parsed) = parsed else { return Vec::new() };
    let prefix = if is_schedule { schedule::INSIDE } else { "" };
    let found = server.rules_off.lines(tenant, &tournaments::definition(parsed), prefix);
    let told = |line: ProblemLine| {
        let code = ErrorCode::RuleSwitchedOff.code();
        Problem { severity: Severity::Error, code, field: line.field, message: line.message }
    };
    found.into_iter().map(told).collect()
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
    let mut problems = document::problems(&document);
    problems.extend(switched_off(&server, operator.tenant(), &document));
    Ok(HttpResponse::Ok().json(CheckResponse { problems }))
}
