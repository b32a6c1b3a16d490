//! Tournaments: list, get, create, cancel by the operator; join and leave by the player.

use super::Server;
use super::caller;
use super::contests;
use super::error::{ApiError, behind, failure, id_taken, restored, tournament_refusal, unexpected};
use super::leaderboard::{id, not_found};
use super::run::{Done, Found};
use super::trace::trace_of;
use super::wallet::respond;
use crate::actors::entries::Entered;
use crate::actors::handle::Reply;
use crate::actors::offers::Offer;
use crate::actors::tournaments::{Entry, Facts, status};
use actix_web::web::{Data, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use palio_domain::tournament::lifecycle::Command as Act;
use palio_domain::tournament::{Definition, EntryMode, Phase, alias};
use palio_domain::wallet::Command;
use palio_domain::{PlayerId, TournamentId, UnixMs};
use palio_protocol::tournament::{self as wire, CreateTournament, ParsedTournament};
use palio_protocol::wallet::Part;
use palio_protocol::{ErrorCode, FieldError, Problem, json, time};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Filter {
    status: Option<String>,
    limit: Option<usize>,
}

const LIST_MAX: usize = 200;

impl Filter {
    /// Whether a tournament in this state is asked for.
    pub(super) fn wants(&self, status: &str) -> bool {
        self.status.as_deref().is_none_or(|word| status == word)
    }

    /// How many are asked for.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(50).min(LIST_MAX)
    }
}

/// `GET /api/tournaments`.
/// Those of the caller's tenant: his token's, or the public one.
pub(super) async fn list(
    server: Data<Server>,
    request: HttpRequest,
    filter: Query<Filter>,
) -> Result<HttpResponse, ApiError> {
    restored(&server)?;
    let tenant = caller::tenant_or_public(&server, &request)?;
    let now = server.clock.now();
    let tournaments = server
        .tournaments
        .all()
        .iter()
        .filter(|entry| entry.tenant == tenant)
        .filter(|entry| filter.wants(status(entry.phase(now)).as_str()))
        .take(filter.limit())
        .map(|entry| shown(&server, entry, now))
        .collect();
    Ok(HttpResponse::Ok().json(wire::TournamentsResponse { tournaments }))
}

/// `GET /api/templates`.
pub(super) async fn templates() -> HttpResponse {
    let named = |(name, template): (&'static str, palio_protocol::templates::Template)| {
        wire::NamedTemplate { template: name.to_owned(), of: template }
    };
    let templates = palio_protocol::templates::all().map(named).collect();
    HttpResponse::Ok().json(wire::TemplatesResponse { templates })
}

/// `GET /api/tournaments/{id}`.
pub(super) async fn get(
    server: Data<Server>,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    restored(&server)?;
    let entry = server.tournaments.get(&id(&path)?).ok_or_else(not_found)?;
    Ok(HttpResponse::Ok().json(shown(&server, &entry, server.clock.now())))
}

/// What a tournament's places win as it stands; the same one until its pool changes.
pub(super) fn offer(entry: &Entry, facts: &Facts) -> Option<Arc<Offer>> {
    let turnover = facts.result.as_ref().map_or_else(|| entry.turnover(), |result| result.turnover);
    entry.offers.at(&entry.definition, facts.life.brought(), turnover)
}

/// A tournament as everybody sees it.
pub(super) fn shown(server: &Server, entry: &Entry, now: UnixMs) -> wire::Tournament {
    let definition = &entry.definition;
    let phase = entry.phase(now);
    let parsed = ParsedTournament {
        id: definition.id.clone(),
        name: definition.name.clone(),
        metric: wire::Metric::of(definition.metric),
        currency: definition.currency,
        starts: definition.starts,
        ends: definition.ends,
        registration_opens: definition.registration_opens,
        grace_ms: definition.grace_ms,
        rules: definition.rules.clone(),
        tick_ms: definition.tick_ms,
        top_n: definition.top_n,
        opt_in: definition.entry == EntryMode::OptIn,
        prizes: definition.prizes.clone(),
        description: definition.description.clone(),
        kind: definition.kind,
        admission: definition.admission.clone(),
        table: definition.table.clone(),
        review: definition.review.clone(),
    };
    let participants = entry.view().participants;
    let status = status(phase).as_str();
    let mut shown = wire::Tournament::new(&parsed, status, phase.as_str(), participants);
    let facts = entry.facts();
    let life = &facts.life;
    if let Some(seats) = &mut shown.seats {
        seats.taken = u64::try_from(life.seats.len()).unwrap_or(u64::MAX).into();
    }
    shown.left_over = wire::LeftOver::of(life);
    shown.reason = Some(life.reason.clone()).filter(|reason| !reason.is_empty());
    if let Some(offer) = offer(entry, &facts) {
        if offer.pool.total().is_positive() || !offer.pool.funding().is_empty() {
            shown.pool = Some(wire::PoolView::new(&offer.pool, &life.rollover));
        }
        let places = offer.places.as_ref();
        shown.places = places.map(|plan| wire::places(plan.lines())).unwrap_or_default();
    }
    let plan = life.payout.plans.last().filter(|_| !life.is_cancelled());
    let mut won: HashMap<PlayerId, Vec<String>> = HashMap::new();
    for line in plan.iter().flat_map(|plan| plan.lines()) {
        let text = wire::prize_text(&line.what, line.quantity, line.currency);
        won.entry(line.player).or_default().push(text);
    }
    let prizes = |player: PlayerId| won.get(&player).cloned().unwrap_or_default();
    if let (Some(result), Some(closed)) = (&facts.result, facts.revised) {
        let number = definition.id.number();
        let row = |row: &palio_domain::tournament::FinalRow| {
            let shown = wire::BoardRow {
                key: server.keys.board_row(number, row.player),
                rank: row.rank,
                name: alias(row.player),
                score: definition.show(row.score),
            };
            wire::ResultRow { row: shown, prizes: prizes(row.player) }
        };
        shown.result = Some(wire::TournamentResult {
            completed_at: time::format(closed),
            rows: result.rows.iter().map(row).collect(),
            standings_hash: result.standings_hash.clone(),
            version: life.versions,
        });
    }
    shown
}

/// A definition from a checked request.
#[must_use]
pub fn definition(of: ParsedTournament) -> Definition {
    Definition {
        id: of.id,
        name: of.name,
        metric: of.metric.usual(),
        currency: of.currency,
        starts: of.starts,
        ends: of.ends,
        registration_opens: of.registration_opens,
        grace_ms: of.grace_ms,
        rules: of.rules,
        tick_ms: of.tick_ms,
        top_n: of.top_n,
        entry: if of.opt_in { EntryMode::OptIn } else { EntryMode::Automatic },
        prizes: of.prizes,
        description: of.description,
        kind: of.kind,
        admission: of.admission,
        table: of.table,
        review: of.review,
        schedule: None,
    }
}

/// `POST /api/tournaments`. The same definition again answers the same.
pub(super) async fn create(
    server: Data<Server>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    restored(&server)?;
    let body = caller::json(&server, &request, payload, operator.tenant()).await?;
    let parsed = json::parse::<CreateTournament>(&body)?.parse()?;
    let types = server.tournament_types.get(&operator.tenant());
    if types.is_some_and(|types| !types.is_empty() && !types.contains(&parsed.kind)) {
        let kind = parsed.kind.as_str();
        let why = format!("{kind} is switched off");
        return Err(FieldError::new(ErrorCode::TournamentInvalid, "type", why).into());
    }
    let definition = definition(parsed);
    let off = server.rules_off.lines(operator.tenant(), &definition, "");
    if !off.is_empty() {
        return Err(Problem::of_lines(ErrorCode::RuleSwitchedOff, off).into());
    }
    let id = definition.id.clone();
    if server.tournaments.get(&id).is_some_and(|known| known.tenant != operator.tenant()) {
        return Err(id_taken(ErrorCode::TournamentExists));
    }
    let command = Act::Create(Box::new(definition));
    let trace = Some(trace_of(&request));
    match server.tournaments.command(operator.tenant(), &id, command, trace).await {
        Reply::Done(_) => {
            let entry = seen(&server, &id).await?;
            Ok(HttpResponse::Created().json(shown(&server, &entry, server.clock.now())))
        }
        Reply::TournamentUnchanged => {
            let entry = seen(&server, &id).await?;
            Ok(HttpResponse::Ok().json(shown(&server, &entry, server.clock.now())))
        }
        other => Err(unexpected(&other)),
    }
}

/// A committed tournament, once the follower has seen it: a moment after the commit. When that takes
/// long it is there all the same: the same request again is answered with it.
async fn seen(server: &Server, id: &TournamentId) -> Result<Arc<Entry>, ApiError> {
    for _ in 0..200 {
        if let Some(entry) = server.tournaments.get(id) {
            return Ok(entry);
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    Err(behind("it is announced, but not shown yet: ask again"))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cancel {
    reason: String,
}

/// `POST /api/tournaments/{id}/cancel`.
pub(super) async fn cancel(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    restored(&server)?;
    let body = caller::json(&server, &request, payload, operator.tenant()).await?;
    let asked: Cancel = if body.is_empty() { Cancel::default() } else { json::parse(&body)? };
    if asked.reason.chars().count() > 500 {
        return Err(ApiError::new(ErrorCode::InvalidField, "reason: at most 500 characters"));
    }
    let id = id(&path)?;
    let entry = server.tournaments.get(&id).filter(|entry| entry.tenant == operator.tenant());
    let entry = entry.ok_or_else(not_found)?;
    let command = Act::Cancel { reason: asked.reason };
    contests::run(&server, &request, operator.tenant(), &entry, command).await
}

/// `POST /api/tournaments/{id}/join`.
pub(super) async fn join(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    enter(&server, &request, &path, true).await
}

/// `POST /api/tournaments/{id}/leave`.
pub(super) async fn leave(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    enter(&server, &request, &path, false).await
}

async fn enter(
    server: &Server,
    request: &HttpRequest,
    path: &str,
    join: bool,
) -> Result<HttpResponse, ApiError> {
    let (tenant, player, player_id) = caller::player(server, request)?;
    restored(server)?;
    let id = id(path)?;
    let entry = server.tournaments.get(&id).filter(|entry| entry.tenant == tenant);
    let entry = entry.ok_or_else(not_found)?;
    match entry.phase(server.clock.now()) {
        Phase::Registration | Phase::Active => {}
        Phase::Announced if join => {
            return Err(ApiError::new(ErrorCode::TournamentState, "registration is not open yet"));
        }
        _ => {
            return Err(ApiError::new(ErrorCode::TournamentState, "the tournament is over"));
        }
    }
    if join && entry.definition.is_seated() {
        return seat(server, request, &entry, player, player_id).await;
    }
    let command = if join {
        Command::Enter { tournament: id.clone(), ends: entry.definition.ends }
    } else {
        Command::Leave { tournament: id.clone() }
    };
    // Joining, leaving and joining again are different requests unless the caller names them.
    let key = match caller::idempotency_key(request) {
        Some(key) => palio_protocol::field::parse_key("X-Idempotency-Key", key)?.to_owned(),
        None => hex::encode(rand::random::<[u8; 16]>()),
    };
    let part = Part::new(player_id.clone(), key, command);
    let done = Found { tenant, player, part }.send(server, &trace_of(request)).done().await;
    match done {
        Done::Ok(_) | Done::Replay(_) => Ok(HttpResponse::Ok().json(wire::JoinResponse {
            tournament_id: String::from(id),
            player_id,
            joined: join,
            entries: None,
        })),
        refused => Ok(respond(refused, 409)),
    }
}

/// An entry that the tournament decides about, and that may cost something.
async fn seat(
    server: &Server,
    request: &HttpRequest,
    entry: &Arc<Entry>,
    player: PlayerId,
    player_id: String,
) -> Result<HttpResponse, ApiError> {
    let key = match caller::idempotency_key(request) {
        Some(key) => palio_protocol::field::parse_key("X-Idempotency-Key", key)?.to_owned(),
        None => hex::encode(rand::random::<[u8; 16]>()),
    };
    let trace = Some(trace_of(request));
    match server.tournaments.enter(entry, player, &key, trace).await {
        Entered::In(entries) => Ok(HttpResponse::Ok().json(wire::JoinResponse {
            tournament_id: entry.definition.id.as_str().to_owned(),
            player_id,
            joined: true,
            entries: Some(entries),
        })),
        Entered::Refused(refusal) => {
            let currency = Some(entry.definition.currency);
            Err(Problem::refused(&refusal, currency).into())
        }
        Entered::NoSeat(refusal) => Err(tournament_refusal(&refusal).into()),
        Entered::Failed(why) => Err(failure(why).into()),
    }
}
