//! The baseline's HTTP side: the same library, signature and strict JSON as Palio's.

use super::ledger::{Bet, Key, Ledger, Outcome, Paid};
use crate::clock;
use crate::money::Decimals;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use palio_protocol::events::{Event, split};
use palio_protocol::field::{Object, Text};
use palio_protocol::json;
use palio_protocol::signature::{
    CLOCK_SKEW_S_MAX, IDEMPOTENCY_HEADER, KEY_HEADER, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER,
};
use palio_protocol::wallet::{Debit, Play, Settle};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// What every handler has.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) ledger: Ledger,
    /// Id and secret of the one provider's key.
    pub(super) key: String,
    pub(super) secret: Vec<u8>,
}

/// An answer that is not the hoped-for one.
struct Refused(u16, &'static str);

impl From<palio_protocol::FieldError> for Refused {
    fn from(error: palio_protocol::FieldError) -> Self {
        Self(error.code.status(), error.code.code())
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        crate::out::progress(format!("baseline: {error}"));
        Self(503, "STORAGE_UNAVAILABLE")
    }
}

impl From<Refused> for HttpResponse {
    fn from(Refused(status, code): Refused) -> Self {
        answer(status, format!(r#"{{"status":{status},"code":"{code}"}}"#))
    }
}

fn answer(status: u16, body: String) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).content_type("application/json").body(body)
}

fn responded(outcome: Result<Outcome, Refused>) -> HttpResponse {
    match outcome {
        Ok(Outcome::Done(result)) => answer(200, result),
        Ok(Outcome::Replay(result)) => {
            answer(409, format!(r#"{{"status":409,"code":"IDEMPOTENT_REPLAY","result":{result}}}"#))
        }
        Ok(Outcome::Refused(status, code)) => Refused(status, code).into(),
        Err(refused) => refused.into(),
    }
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Checks the signature over the raw body.
fn check(state: &State, request: &HttpRequest, body: &[u8]) -> Result<(), Refused> {
    let timestamp = header(request, TIMESTAMP_HEADER);
    let at: i64 = timestamp.parse().map_err(|_| Refused(401, "STALE_TIMESTAMP"))?;
    let now = i64::try_from(clock::unix_seconds()).unwrap_or(i64::MAX);
    if at.saturating_sub(now).saturating_abs() > CLOCK_SKEW_S_MAX {
        return Err(Refused(401, "STALE_TIMESTAMP"));
    }
    if header(request, KEY_HEADER) != state.key {
        return Err(Refused(401, "UNKNOWN_KEY"));
    }
    let signed = Signed {
        timestamp,
        method: request.method().as_str(),
        path_and_query: request.uri().path_and_query().map_or("/", |path| path.as_str()),
        idempotency_key: header(request, IDEMPOTENCY_HEADER),
        body,
    };
    if signed.verify(&state.secret, header(request, SIGNATURE_HEADER)) {
        Ok(())
    } else {
        Err(Refused(401, "BAD_SIGNATURE"))
    }
}

fn hash(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

impl State {
    fn money(&self, field: &'static str, text: &Text) -> Result<i64, Refused> {
        let text = text.required(field)?;
        self.ledger.decimals.read(text).ok_or(Refused(422, "INVALID_FIELD"))
    }
}

fn owned(field: &str, text: &Text) -> Result<String, Refused> {
    Ok(text.required(field)?.to_owned())
}

async fn place_one(
    state: &State,
    request: &HttpRequest,
    body: &[u8],
    bet: Bet,
) -> Result<Outcome, Refused> {
    let hash = hash(body);
    let key = Key { text: header(request, IDEMPOTENCY_HEADER), hash: &hash };
    let mut outcomes = state.ledger.place(&[(key, bet)]).await?;
    outcomes.pop().ok_or(Refused(500, "INTERNAL"))
}

async fn debit(state: Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let parsed = || {
        check(&state, &request, &body)?;
        let debit: Debit = json::parse(&body)?;
        Ok(Bet {
            player: owned("playerId", &debit.player_id)?,
            round: owned("roundId", &debit.round_id)?,
            bet: owned("betId", &debit.bet_id)?,
            game: owned("gameId", &debit.game_id)?,
            stake: state.money("amount", &debit.amount)?,
            payout: None,
        })
    };
    responded(match parsed() {
        Ok(bet) => place_one(&state, &request, &body, bet).await,
        Err(refused) => Err(refused),
    })
}

async fn play(state: Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let parsed = || {
        check(&state, &request, &body)?;
        let play: Play = json::parse(&body)?;
        Ok(Bet {
            player: owned("playerId", &play.player_id)?,
            round: owned("roundId", &play.round_id)?,
            bet: owned("betId", &play.bet_id)?,
            game: owned("gameId", &play.game_id)?,
            stake: state.money("stake", &play.stake)?,
            payout: Some(state.money("payout", &play.payout)?),
        })
    };
    responded(match parsed() {
        Ok(bet) => place_one(&state, &request, &body, bet).await,
        Err(refused) => Err(refused),
    })
}

async fn settle(state: Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    responded(settle_inner(&state, &request, &body).await)
}

async fn settle_inner(
    state: &State,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Outcome, Refused> {
    check(state, request, body)?;
    let settle: Settle = json::parse(body)?;
    let [Object(operation)] = settle.operations.as_slice() else {
        return Err(Refused(422, "TOO_MANY_ITEMS"));
    };
    let hash = hash(body);
    let key = Key { text: header(request, IDEMPOTENCY_HEADER), hash: &hash };
    let (round, player) =
        (settle.round_id.required("roundId")?, operation.player_id.required("playerId")?);
    let delta = state.money("delta", &operation.delta)?;
    Ok(state.ledger.settle_round(key, round, player, delta).await?)
}

/// An array of `bet.placed`, or one `round.settled`: one transaction either way.
async fn events(state: Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    match events_inner(&state, &request, &body).await {
        Ok(response) => response,
        Err(refused) => refused.into(),
    }
}

async fn events_inner(
    state: &State,
    request: &HttpRequest,
    body: &[u8],
) -> Result<HttpResponse, Refused> {
    check(state, request, body)?;
    let mut events = Vec::new();
    for raw in split(body)? {
        events.push((json::parse::<Event>(raw.get().as_bytes())?, hash(raw.get().as_bytes())));
    }
    if let [(event, hash)] = events.as_slice()
        && event.event.required("event")? == "round.settled"
    {
        let round = event.round_id.required("roundId")?;
        let text = format!("settled:{round}");
        let mut bets = Vec::with_capacity(event.bets.len());
        for Object(bet) in &event.bets {
            bets.push(Paid {
                player: owned("playerId", &bet.player_id)?,
                bet: owned("betId", &bet.bet_id)?,
                payout: state.money("payout", &bet.payout)?,
            });
        }
        let outcome = state.ledger.settle_bets(Key { text: &text, hash }, round, &bets).await?;
        return Ok(outcomes(&[outcome]));
    }
    let mut bets = Vec::with_capacity(events.len());
    for (event, hash) in &events {
        let bet = Bet {
            player: owned("playerId", &event.player_id)?,
            round: owned("roundId", &event.round_id)?,
            bet: owned("betId", &event.bet_id)?,
            game: owned("gameId", &event.game_id)?,
            stake: state.money("stake", &event.stake)?,
            payout: None,
        };
        bets.push((Key { text: event.event_id.required("eventId")?, hash }, bet));
    }
    Ok(outcomes(&state.ledger.place(&bets).await?))
}

fn outcomes(all: &[Outcome]) -> HttpResponse {
    let mut body = r#"{"outcomes":["#.to_owned();
    let mut refused = false;
    for (index, outcome) in all.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        body.push_str(&match outcome {
            Outcome::Done(result) | Outcome::Replay(result) => {
                format!(r#"{comma}{{"index":{index},"status":200,"result":{result}}}"#)
            }
            Outcome::Refused(status, code) => {
                refused = true;
                format!(r#"{comma}{{"index":{index},"status":{status},"code":"{code}"}}"#)
            }
        });
    }
    body.push_str("]}");
    answer(if refused { 207 } else { 200 }, body)
}

#[derive(Deserialize)]
struct Deposit {
    amount: String,
}

async fn deposit(
    state: Data<State>,
    request: HttpRequest,
    player: Path<String>,
    body: Bytes,
) -> HttpResponse {
    let Ok(deposit) = json::parse::<Deposit>(&body) else {
        return Refused(400, "BAD_JSON").into();
    };
    // Whole units, as this tool gives them.
    let amount = format!("{}{}", deposit.amount, whole(state.ledger.decimals));
    let Some(amount) = state.ledger.decimals.read(&amount) else {
        return Refused(422, "INVALID_FIELD").into();
    };
    let hash = hash(&body);
    let key = Key { text: header(&request, IDEMPOTENCY_HEADER), hash: &hash };
    responded(state.ledger.deposit(key, &player, amount).await.map_err(Refused::from))
}

/// What makes a decimal of whole units: `.00`.
fn whole(decimals: Decimals) -> String {
    decimals.text(0).trim_start_matches('0').to_owned()
}

async fn balance(state: Data<State>, request: HttpRequest, player: Path<String>) -> HttpResponse {
    if let Err(refused) = check(&state, &request, &[]) {
        return refused.into();
    }
    match state.ledger.balance(&player).await {
        Ok(Some(minor)) => {
            let text = |minor| state.ledger.decimals.text(minor);
            let (cash, none) = (text(minor), text(0));
            answer(
                200,
                format!(
                    r#"{{"playerId":"{player}","accounts":[{{"currency":"EUR","cash":"{cash}","held":"{none}","available":"{cash}"}}]}}"#
                ),
            )
        }
        Ok(None) => Refused(404, "PLAYER_NOT_FOUND").into(),
        Err(error) => Refused::from(error).into(),
    }
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/wallet/debit", web::post().to(debit))
        .route("/wallet/settle", web::post().to(settle))
        .route("/wallet/play", web::post().to(play))
        .route("/wallet/{player}", web::get().to(balance))
        .route("/events", web::post().to(events))
        .route("/api/players/{player}/deposits", web::post().to(deposit))
        .route("/readyz", web::get().to(HttpResponse::Ok));
}
