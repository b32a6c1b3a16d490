//! Schedules: list, look at, set, start and stop, by the operator.

use super::Server;
use super::caller;
use super::error::{ApiError, id_taken, restored};
use super::trace::trace_of;
use crate::actors::scheduler::Refused;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use palio_domain::tournament::schedule::{Programme, ScheduleId};
use palio_domain::{Amount, Currency, TenantId, UnixMs};
use palio_protocol::schedule::{
    ScheduleResponse, ScheduledInstance, SchedulesResponse, StartedResponse, StopSchedule,
};
use palio_protocol::{ErrorCode, Problem, json};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Instances that are shown of one schedule.
const NEXT: usize = 10;
/// Instances that are shown of each in the list.
const NEXT_IN_LIST: usize = 1;

/// What waits for a schedule's next tournament, by currency.
type Waiting = BTreeMap<Currency, i64>;

/// What waits, of all of a tenant's schedules.
fn waiting(server: &Server, tenant: TenantId) -> HashMap<ScheduleId, Waiting> {
    let mut all: HashMap<ScheduleId, Waiting> = HashMap::new();
    for entry in server.tournaments.entries() {
        let Some(id) = entry.definition.schedule.clone() else { continue };
        let amount = entry.facts().life.rollover.under_way();
        if entry.tenant == tenant && amount.is_positive() {
            let sum = all.entry(id).or_default().entry(entry.definition.currency).or_default();
            *sum = sum.saturating_add(amount.0);
        }
    }
    all
}

/// A schedule, and what waits for its next tournament.
fn shown(
    all: &HashMap<ScheduleId, Waiting>,
    programme: &Programme,
    now: UnixMs,
    next: usize,
) -> ScheduleResponse {
    let waiting = all.get(&programme.document.schedule.id).into_iter().flatten();
    let text = |(currency, sum): (&Currency, &i64)| {
        format!("{} {}", currency.format(Amount(*sum)), currency.code())
    };
    let waiting = waiting.map(text).collect();
    ScheduleResponse { waiting, ..ScheduleResponse::new(programme, now, next) }
}

/// `GET /api/schedules`: the operator's own.
pub(super) async fn list(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    restored(&server)?;
    let now = server.clock.now();
    let tenant = operator.tenant();
    let all = server.scheduler.of(tenant);
    let waiting = waiting(&server, tenant);
    let shown = |one: &Arc<Programme>| shown(&waiting, one, now, NEXT_IN_LIST);
    let schedules = all.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(SchedulesResponse { schedules }))
}

/// `GET /api/schedules/{id}`.
pub(super) async fn get(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    restored(&server)?;
    let found = server.scheduler.get(operator.tenant(), &id(&path)?).ok_or_else(not_found)?;
    let now = server.clock.now();
    let waiting = waiting(&server, operator.tenant());
    Ok(HttpResponse::Ok().json(shown(&waiting, &found, now, NEXT)))
}

/// `POST /api/schedules`. The same document again changes nothing.
pub(super) async fn set(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    restored(&server)?;
    let body = caller::json(&server, &request, payload, operator.tenant()).await?;
    let document: Value = json::parse_any(&body)?;
    let trace = Some(trace_of(&request));
    let set = server.scheduler.set(operator.tenant(), &document, &operator.sub, trace).await;
    let (programme, is_new) = set.map_err(refused)?;
    let waiting = waiting(&server, operator.tenant());
    let shown = shown(&waiting, &programme, server.clock.now(), NEXT);
    Ok(if is_new { HttpResponse::Created() } else { HttpResponse::Ok() }.json(shown))
}

/// `POST /api/schedules/{id}/start`: an instance now. A second call in the same minute answers with
/// the first one's.
pub(super) async fn start(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    restored(&server)?;
    let by = (operator.sub.as_str(), trace_of(&request));
    let started = server.scheduler.start(operator.tenant(), &id(&path)?, by).await;
    let (instance, is_new) = started.map_err(refused)?;
    let outcome = Some("announced".to_owned());
    let instance = ScheduledInstance { outcome, ..ScheduledInstance::planned(&instance) };
    let mut answer = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(StartedResponse { instance }))
}

/// `POST /api/schedules/{id}/stop`. What was announced stays.
pub(super) async fn stop(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    restored(&server)?;
    let body = caller::json(&server, &request, payload, operator.tenant()).await?;
    let asked = if body.is_empty() { StopSchedule::default() } else { json::parse(&body)? };
    let reason = asked.reason.optional("reason")?.unwrap_or_default().to_owned();
    let trace = Some(trace_of(&request));
    let why = (reason, operator.sub.clone());
    let stopped = server.scheduler.stop(operator.tenant(), &id(&path)?, why, trace).await;
    let programme = stopped.map_err(refused)?;
    let now = server.clock.now();
    let waiting = waiting(&server, operator.tenant());
    Ok(HttpResponse::Ok().json(shown(&waiting, &programme, now, NEXT)))
}

fn id(path: &str) -> Result<ScheduleId, ApiError> {
    ScheduleId::parse(path).map_err(|_| not_found())
}

fn not_found() -> ApiError {
    ApiError::new(ErrorCode::ScheduleNotFound, "no such schedule")
}

fn refused(refused: Refused) -> ApiError {
    match refused {
        Refused::NotFound => not_found(),
        Refused::Taken => id_taken(ErrorCode::ScheduleExists),
        Refused::Invalid(lines) => Problem::of_lines(ErrorCode::ScheduleInvalid, lines).into(),
        Refused::Reason => {
            let mut problem =
                Problem::new(ErrorCode::InvalidField, "reason: at most 500 characters");
            problem.field = Some("reason".to_owned());
            problem.into()
        }
        Refused::State(words) => ApiError::new(ErrorCode::ScheduleState, words),
        Refused::Failed(failure) => failure.into(),
    }
}
