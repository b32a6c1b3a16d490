//! The polling side of the live board: the same rows, epoch and seq as the sockets.

use super::Server;
use super::caller;
use super::error::{ApiError, behind, restored};
use super::players::committed;
use crate::actors::board::{BoardRow, OwnRow};
use crate::actors::tournaments::Entry;
use crate::ws::Live;
use crate::ws::polling::{News, Poll};
use actix_web::http::header::{CACHE_CONTROL, ContentType, ETAG, IF_NONE_MATCH};
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use palio_domain::tournament::prizes::Due;
use palio_domain::{PlayerId, TournamentId};
use palio_protocol::ErrorCode;
use palio_protocol::tournament::{OwnPayout, prize_text};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub(super) struct Page {
    limit: Option<u64>,
    offset: Option<u64>,
    epoch: Option<String>,
    since: Option<u64>,
}

/// Rows on one page.
const LIMIT_MAX: u64 = 100;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    rank: u64,
    name: &'a str,
    score: &'a str,
    key: &'a str,
}

fn rows(rows: &[BoardRow]) -> Vec<Row<'_>> {
    rows.iter()
        .map(|row| Row { rank: row.rank, name: &row.name, score: &row.score, key: &row.key })
        .collect()
}

pub(super) fn id(path: &str) -> Result<TournamentId, ApiError> {
    TournamentId::parse(path).map_err(|_| not_found())
}

pub(super) fn not_found() -> ApiError {
    ApiError::new(ErrorCode::TournamentNotFound, "no such tournament")
}

/// `GET /api/tournaments/{id}/leaderboard`.
pub(super) async fn board(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
    page: Query<Page>,
) -> Result<HttpResponse, ApiError> {
    let id = id(&path)?;
    restored(&server)?;
    of(&server.live, &id, &request, page.into_inner()).await.ok_or_else(not_found)
}

/// A board, from whatever node it is; `None` when it, or so deep a page of it, is not there.
pub(super) async fn of(
    live: &Live,
    id: &TournamentId,
    request: &HttpRequest,
    page: Page,
) -> Option<HttpResponse> {
    let Page { limit, offset, epoch, since } = page;
    let known = request.headers().get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let poll = Poll {
        cursor: epoch.as_deref().zip(since),
        offset: offset.unwrap_or(0),
        limit: limit.unwrap_or(10).clamp(1, LIMIT_MAX),
        known,
    };
    let polled = live.poll(id, poll).await?;
    let etag = (ETAG, polled.etag);
    Some(match polled.news {
        News::Known => HttpResponse::NotModified().insert_header(etag).finish(),
        News::Same => HttpResponse::NoContent().insert_header(etag).finish(),
        News::Behind => behind("this node's boards are older than yours").error_response(),
        News::Body(body) => HttpResponse::Ok()
            .content_type(ContentType::json())
            .insert_header(etag)
            .insert_header((CACHE_CONTROL, "no-cache"))
            .body(body),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ahead {
    gap: String,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Own<'a> {
    rank: Option<u64>,
    score: &'a str,
    key: &'a str,
    participants: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<Ahead>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prize_gap: Option<&'a str>,
    around: Vec<Row<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    payouts: Vec<OwnPayout>,
}

/// What a player wins, and how far it has come.
fn payouts(entry: &Entry, player: PlayerId) -> Vec<OwnPayout> {
    let facts = entry.facts();
    let payout = &facts.life.payout;
    let mine = payout.orders().filter(|(_, order)| order.player == player && !order.back);
    let mut all: Vec<_> = mine
        .map(|(at, order)| OwnPayout {
            text: prize_text(&order.what, order.quantity, order.currency),
            state: entry.stands(at, order).as_str().to_owned(),
        })
        .collect();
    let newest = payout.plans.last().into_iter().flat_map(|plan| plan.lines());
    let reserved = newest.filter(|line| line.player == player && line.due == Due::Reserved);
    all.extend(reserved.map(|line| OwnPayout {
        text: prize_text(&line.what, line.quantity, line.currency),
        state: "reserved".to_owned(),
    }));
    all
}

/// Whoever has entered is in, also in the moment before the standings have heard of it.
async fn just_entered(
    server: &Server,
    entry: &Entry,
    player: PlayerId,
) -> Result<Option<OwnRow>, ApiError> {
    let definition = &entry.definition;
    let wallet = committed(server, entry.tenant, player).await?;
    if !wallet.entries.contains_key(&definition.id) || entry.facts().life.out.contains(&player) {
        return Ok(None);
    }
    Ok(Some(OwnRow {
        key: server.keys.board_row(definition.id.number(), player),
        rank: None,
        score: definition.show(0),
        participants: entry.view().participants,
        ahead: None,
        prize_gap: None,
        around: Vec::new(),
    }))
}

/// `GET /api/tournaments/{id}/leaderboard/me`.
pub(super) async fn me(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id(&path)?;
    let (_, player, _) = caller::player(&server, &request)?;
    restored(&server)?;
    let entry = server.tournaments.get(&id).ok_or_else(not_found)?;
    let own = match server.tournaments.own(&id, player).await {
        None => just_entered(&server, &entry, player).await?,
        own => own,
    };
    let Some(own) = own else {
        return Err(ApiError::new(ErrorCode::NotFound, "you are not in this tournament"));
    };
    Ok(HttpResponse::Ok().json(Own {
        rank: own.rank,
        score: &own.score,
        key: &own.key,
        participants: own.participants,
        ahead: own.ahead.map(|(gap, name)| Ahead { gap, name }),
        prize_gap: own.prize_gap.as_deref(),
        around: rows(&own.around),
        entries: entry.facts().life.seats.get(&player).map(|seats| seats.entries),
        payouts: payouts(&entry, player),
    }))
}
