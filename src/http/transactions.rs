//! Searching for transactions: operators in their brand, providers in their own calls, players
//! in their own money. Never on the hot path: see `src/search`.

use super::Server;
use super::caller;
use super::error::ApiError;
use crate::search::{Cursor, SearchError};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use palio_domain::journal::Filter;
use palio_domain::{Aggregate, PlayerId};
use palio_protocol::transactions::{
    Transaction, TransactionQuery, TransactionsResponse, Viewer, read_id, write_cursor,
};
use palio_protocol::{ErrorCode, FieldError, Problem};
use std::collections::HashMap;

fn query(request: &HttpRequest) -> Result<TransactionQuery, ApiError> {
    let read = actix_web::web::Query::<TransactionQuery>::from_query(request.query_string());
    let wrong = || FieldError::invalid("", "the query holds an unknown or doubled parameter");
    Ok(read.map_err(|_| wrong())?.into_inner())
}

fn not_asked(field: &str, given: Option<&String>) -> Result<(), FieldError> {
    let wrong = || FieldError::invalid(field, "can't be asked about here");
    given.map_or(Ok(()), |_| Err(wrong()))
}

/// `GET /api/transactions`.
pub(super) async fn all(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let tenant = caller::operator(&server, &request)?.tenant();
    let query = query(&request)?;
    let mut filter = query.filter(tenant)?;
    if let Some(id) = &query.player_id {
        filter.aggregate = Some(Aggregate::Player(known(&server, &filter, id).await?));
    }
    page(&server, &query, &filter, None, Viewer::Operator).await
}

/// `GET /api/transactions/{transactionId}`: one, with everything that was written down.
pub(super) async fn one(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let tenant = caller::operator(&server, &request)?.tenant();
    let missing = || ApiError::new(ErrorCode::NotFound, "there is no such transaction");
    let (slot, seq) = read_id(&path).ok_or_else(missing)?;
    let row = server.search.row(slot, seq).await?.ok_or_else(missing)?;
    if row.tenant != tenant {
        return Err(missing());
    }
    let player = match row.aggregate {
        Aggregate::Player(player) => server.players.outside_id(tenant, player).await?,
        _ => None,
    };
    let shown = Transaction::new(&row, player, Viewer::Operator).with_details(&row);
    Ok(HttpResponse::Ok().json(shown))
}

/// `GET /wallet/{playerId}/transactions`: the provider's own calls for a player.
pub(super) async fn of_provider(
    server: Data<Server>,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let provider = caller::provider(&server, &request, &[])?;
    let query = query(&request)?;
    not_asked("playerId", query.player_id.as_ref())?;
    not_asked("provider", query.provider.as_ref())?;
    let filter = Filter { provider: Some(provider.provider), ..query.filter(provider.tenant)? };
    let player = known(&server, &filter, &path).await?;
    let filter = Filter { aggregate: Some(Aggregate::Player(player)), ..filter };
    page(&server, &query, &filter, Some(&path), Viewer::Provider).await
}

/// `GET /api/me/transactions`.
pub(super) async fn of_player(
    server: Data<Server>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let (tenant, player, id) = caller::player(&server, &request)?;
    let query = query(&request)?;
    not_asked("playerId", query.player_id.as_ref())?;
    let filter = Filter { aggregate: Some(Aggregate::Player(player)), ..query.filter(tenant)? };
    page(&server, &query, &filter, Some(&id), Viewer::Player).await
}

async fn known(server: &Server, filter: &Filter, id: &str) -> Result<PlayerId, ApiError> {
    let missing = || ApiError::new(ErrorCode::PlayerNotFound, "no such player");
    server.players.find(filter.tenant, id).await?.ok_or_else(missing)
}

async fn page(
    server: &Server,
    query: &TransactionQuery,
    filter: &Filter,
    player: Option<&str>,
    viewer: Viewer,
) -> Result<HttpResponse, ApiError> {
    let limit = query.limit()?;
    let before = query.place()?.map(|(time, slot, seq)| Cursor { time, slot, seq });
    let found = server.search.page(filter, before, limit).await.map_err(failed)?;
    let mut names: HashMap<PlayerId, Option<String>> = HashMap::new();
    let mut transactions = Vec::with_capacity(found.rows.len());
    for row in &found.rows {
        let name = match (player, row.aggregate) {
            (Some(player), _) => Some(player.to_owned()),
            (None, Aggregate::Player(player)) => match names.get(&player) {
                Some(name) => name.clone(),
                None => {
                    let name = server.players.outside_id(filter.tenant, player).await?;
                    names.insert(player, name.clone());
                    name
                }
            },
            _ => None,
        };
        transactions.push(Transaction::new(row, name, viewer));
    }
    let next = found.next.map(|at| write_cursor((at.time, at.slot, at.seq)));
    Ok(HttpResponse::Ok().json(TransactionsResponse { transactions, next }))
}

fn failed(error: SearchError) -> ApiError {
    match error {
        SearchError::Busy => {
            Problem::new(ErrorCode::Overloaded, error.to_string()).retry_after(1).into()
        }
        SearchError::Store(error) => error.into(),
    }
}
