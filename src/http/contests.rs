//! What operators decide about a tournament's players, results and payouts.

use super::Server;
use super::caller;
use super::error::{ApiError, failure, restored, unexpected};
use super::leaderboard::{id, not_found};
use super::tournaments::shown;
use super::trace::trace_of;
use crate::actors::handle::Reply;
use crate::actors::payouts::{Stands, payout_id};
use crate::actors::tournaments::Entry;
use actix_web::web::{Data, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use palio_domain::tournament::lifecycle::{Command, Order, Progress};
use palio_domain::{PlayerId, TenantId};
use palio_protocol::field::{self, FieldError};
use palio_protocol::tournament::payouts::{
    DecidePayout, Invite, Judge, PayoutView, PayoutsResponse, Revise, reason,
};
use palio_protocol::tournament::prize_text;
use palio_protocol::{ErrorCode, json};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Lines of a payout in one answer.
const LINES_MAX: usize = 200;

/// An operator's call about a tournament of his tenant.
struct Called<T> {
    tenant: TenantId,
    author: String,
    entry: Arc<Entry>,
    body: T,
}

async fn called<T: DeserializeOwned>(
    server: &Server,
    request: &HttpRequest,
    path: &str,
    payload: Payload,
) -> Result<Called<T>, ApiError> {
    let operator = caller::operator(server, request)?;
    let tenant = operator.tenant();
    restored(server)?;
    let body = caller::json(server, request, payload, tenant).await?;
    let body = json::parse(&body)?;
    let entry = server.tournaments.get(&id(path)?).filter(|entry| entry.tenant == tenant);
    let entry = entry.ok_or_else(not_found)?;
    Ok(Called { tenant, author: operator.sub.clone(), entry, body })
}

async fn known(server: &Server, tenant: TenantId, outside: &str) -> Result<PlayerId, ApiError> {
    let found = server.players.find(tenant, field::parse_player(outside)?).await?;
    found.ok_or_else(|| ApiError::new(ErrorCode::PlayerNotFound, format!("{outside} is not known")))
}

/// Sends a command and answers with the tournament as it is then.
pub(super) async fn run(
    server: &Server,
    request: &HttpRequest,
    tenant: TenantId,
    entry: &Arc<Entry>,
    command: Command,
) -> Result<HttpResponse, ApiError> {
    let trace = Some(trace_of(request));
    match server.tournaments.command(tenant, &entry.definition.id, command, trace).await {
        Reply::Done(row) => entry.caught_up(row.seq).await,
        Reply::TournamentUnchanged => {}
        other => return Err(unexpected(&other)),
    }
    Ok(HttpResponse::Ok().json(shown(server, entry, server.clock.now())))
}

/// `POST /api/tournaments/{id}/invitations`.
pub(super) async fn invite(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let of: Called<Invite> = called(&server, &request, &path, payload).await?;
    let mut players = Vec::new();
    for outside in of.body.ids()? {
        players.push(known(&server, of.tenant, outside).await?);
    }
    let command = Command::Invite { players, author: of.author };
    run(&server, &request, of.tenant, &of.entry, command).await
}

/// `POST /api/tournaments/{id}/disqualifications`.
pub(super) async fn disqualify(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let of: Called<Judge> = called(&server, &request, &path, payload).await?;
    let reason = reason(&of.body.reason)?;
    let player = known(&server, of.tenant, of.body.player_id.required("playerId")?).await?;
    let reinstate = of.body.lift;
    let command = Command::Disqualify { player, reinstate, reason, author: of.author };
    run(&server, &request, of.tenant, &of.entry, command).await
}

/// `POST /api/tournaments/{id}/reviews`.
pub(super) async fn review(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let of: Called<Judge> = called(&server, &request, &path, payload).await?;
    let reason = reason(&of.body.reason)?;
    let player = match of.body.player_id.optional("playerId")? {
        Some(outside) => Some(known(&server, of.tenant, outside).await?),
        None => None,
    };
    let hold = !of.body.lift;
    let command = Command::Review { player, hold, reason, author: of.author };
    run(&server, &request, of.tenant, &of.entry, command).await
}

/// `POST /api/tournaments/{id}/results`.
pub(super) async fn revise(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let of: Called<Revise> = called(&server, &request, &path, payload).await?;
    let reason = reason(&of.body.reason)?;
    match server.tournaments.revise(&of.entry, &reason, &of.author).await {
        Ok(Ok(())) => Ok(HttpResponse::Ok().json(shown(&server, &of.entry, server.clock.now()))),
        Ok(Err(refusal)) => Err(unexpected(&Reply::TournamentRefused(refusal))),
        Err(why) => Err(failure(why).into()),
    }
}

#[derive(Deserialize)]
pub(super) struct Page {
    offset: Option<usize>,
}

/// `GET /api/tournaments/{id}/payouts`.
pub(super) async fn payouts(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    page: Query<Page>,
) -> Result<HttpResponse, ApiError> {
    let operator = caller::operator(&server, &request)?;
    restored(&server)?;
    let entry = server.tournaments.get(&id(&path)?);
    let entry = entry.filter(|entry| entry.tenant == operator.tenant()).ok_or_else(not_found)?;
    let facts = entry.facts();
    let payout = &facts.life.payout;
    let mut payouts = Vec::new();
    for (at, order) in payout.orders().skip(page.offset.unwrap_or(0)).take(LINES_MAX) {
        payouts.push(line(&server, &entry, at, order).await?);
    }
    let count = payout.orders().count();
    Ok(HttpResponse::Ok().json(PayoutsResponse { payouts, count }))
}

async fn line(
    server: &Server,
    entry: &Entry,
    at: (u32, u32),
    order: &Order,
) -> Result<PayoutView, ApiError> {
    let stands = entry.stands(at, order);
    let (note, attempt) = match &stands {
        Stands::Outside(Progress::Processing { attempt }) => (None, Some(*attempt)),
        Stands::Outside(Progress::Retry { attempt, why, .. }) => {
            (Some(why.as_ref().to_owned()), Some(*attempt))
        }
        Stands::Outside(Progress::Paid { reference }) => {
            (Some(reference.as_ref().to_owned()), None)
        }
        Stands::Outside(Progress::Manual { why } | Progress::Ineligible { why }) => {
            (Some(why.as_ref().to_owned()), None)
        }
        _ => (None, None),
    };
    let facts = entry.facts();
    let people = facts.life.payout.approved.get(&at);
    Ok(PayoutView {
        payout_id: payout_id(entry, at),
        version: at.0,
        player_id: server.players.outside_id(entry.tenant, order.player).await?,
        prize: prize_text(&order.what, order.quantity, order.currency),
        back: order.back,
        state: stands.as_str().to_owned(),
        note,
        attempt,
        approved_by: people.into_iter().flatten().map(|who| who.as_ref().to_owned()).collect(),
    })
}

/// `POST /api/tournaments/{id}/payouts/{payoutId}`.
pub(super) async fn decide_payout(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let (tournament, named) = path.into_inner();
    let of: Called<DecidePayout> = called(&server, &request, &tournament, payload).await?;
    let facts = of.entry.facts();
    let found = facts.life.payout.orders().find(|(at, _)| payout_id(&of.entry, *at) == named);
    let Some((at, order)) = found else {
        return Err(ApiError::new(ErrorCode::PayoutNotFound, "the payout has no such line"));
    };
    let (version, line_at) = at;
    let author = Some(of.author.clone());
    let to = match of.body.action.required("action")? {
        "approve" => None,
        "retry" => {
            let (attempt, at) = (0, server.clock.now());
            Some(Progress::Retry { attempt, at, why: "asked for by a person".into() })
        }
        "paid" => Some(Progress::Paid { reference: of.body.note()?.into() }),
        "ineligible" => Some(Progress::Ineligible { why: of.body.note()?.into() }),
        _ => {
            let words = "must be approve, retry, paid or ineligible";
            return Err(FieldError::invalid("action", words).into());
        }
    };
    let command = match to {
        None => Command::Approve { version, line: line_at, author: of.author },
        Some(to) => Command::Move { version, line: line_at, to, author },
    };
    run(&server, &request, of.tenant, &of.entry, command).await?;
    Ok(HttpResponse::Ok().json(line(&server, &of.entry, at, order).await?))
}
