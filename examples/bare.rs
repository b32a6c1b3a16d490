//! The commit path behind HTTP and nothing else: what every further step is compared with.
//!
//! ```text
//! PALIO_POSTGRES_URL=… bare --bind 127.0.0.1:8091 [--signature <key id>]     # secret: PALIO_SECRET
//! ```
//! A `POST` to any path becomes one journal row under its `X-Idempotency-Key`; rows that came
//! during one commit are the next batch, on two writers, as in the server. No JSON is read and
//! no wallet is asked, so it answers nothing true about money. `loadtest ladder` starts it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool")]

use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use palio::clock::{Clock, SystemClock};
use palio::storage::{Storage, postgres};
use palio_domain::journal::identity::body_hash;
use palio_domain::journal::{Account, Draft, Keys, Leg, Request, RequestKind, RowKind, Stage};
use palio_domain::{
    Aggregate, Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, Slot, TenantId,
};
use palio_protocol::signature::{IDEMPOTENCY_HEADER, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER};
use tokio::sync::{mpsc, oneshot};

const OWNER: &str = "bare";
const TENANT: TenantId = TenantId(1);
const GROUPS: usize = 2;
const WAITING_MAX: usize = 20_000;
const BATCH_MAX: usize = 20_000;
/// Aggregates that rows are spread over.
const PLAYERS: u64 = 2_000;
const BALANCE: &str = r#"{"accounts":[{"currency":"EUR","cash":"1000000.00","held":"0.00","available":"1000000.00"}]}"#;

type Waiting = (Draft, oneshot::Sender<()>);

#[derive(Clone)]
struct State {
    groups: Vec<mpsc::Sender<Waiting>>,
    keys: Keys,
    provider: ProviderId,
    game: GameId,
    secret: Option<Vec<u8>>,
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn append(state: Data<State>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let key = header(&request, IDEMPOTENCY_HEADER);
    if let Some(secret) = &state.secret {
        let signed = Signed {
            timestamp: header(&request, TIMESTAMP_HEADER),
            method: request.method().as_str(),
            path_and_query: request.uri().path_and_query().map_or("/", |path| path.as_str()),
            idempotency_key: key,
            body: &body,
        };
        if !signed.verify(secret, header(&request, SIGNATURE_HEADER)) {
            return HttpResponse::Unauthorized().body(r#"{"code":"BAD_SIGNATURE"}"#);
        }
    }
    let draft = draft(&state, key, &body);
    let slot = draft.aggregate.slot(TENANT);
    let (answer, answered) = oneshot::channel();
    let group = state.groups.get(slot.index() % GROUPS).unwrap();
    if group.try_send((draft, answer)).is_err() || answered.await.is_err() {
        return HttpResponse::ServiceUnavailable().body(r#"{"code":"OVERLOADED"}"#);
    }
    HttpResponse::Ok().content_type("application/json").body(r#"{"kind":"bet.placed"}"#)
}

fn draft(state: &State, id: &str, body: &[u8]) -> Draft {
    let hash = body_hash(body);
    let number = u64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default());
    let player = number % PLAYERS;
    let key = |kind| state.keys.request(TENANT, state.provider.as_str(), player, kind, id);
    Draft {
        kind: RowKind::BetPlaced,
        kind_version: 1,
        tenant: TENANT,
        aggregate: Aggregate::Player(PlayerId(player)),
        leg: Some(Leg {
            debit: Account::Cash,
            credit: Account::Held,
            amount: Amount(1_000),
            currency: Currency::EUR,
        }),
        balance_after: Some(Amount(99_999_000)),
        request: Some(Request { key: key(RequestKind::Bet), id: id.into(), body_hash: hash }),
        claim: Some(key(RequestKind::Play)),
        provider: Some(state.provider.clone()),
        bet: BetId::parse(id).ok(),
        round: RoundId::parse(id).ok(),
        game: Some(state.game.clone()),
        trace: None,
        payload: Box::default(),
    }
}

/// One batch under way, the next one gathering behind it.
async fn commit(storage: Storage, group: usize, mut waiting: mpsc::Receiver<Waiting>) {
    let slots: Vec<Slot> = Slot::all().filter(|slot| slot.index() % GROUPS == group).collect();
    let heads = storage.journal.acquire(OWNER, &slots, SystemClock.now()).await.unwrap();
    let mut writer = storage.journal.writer(OWNER).await.unwrap();
    let mut stage = Stage::new(heads);
    let mut taken = Vec::new();
    while waiting.recv_many(&mut taken, BATCH_MAX).await > 0 {
        let now = SystemClock.now();
        let mut answers = Vec::with_capacity(taken.len());
        for (draft, answer) in taken.drain(..) {
            stage.push(draft, now).unwrap();
            answers.push(answer);
        }
        let batch = stage.seal().unwrap();
        writer.append(&batch, now).await.expect("keys are new and nobody else writes");
        for answer in answers {
            // Who has gone does not mind.
            answer.send(()).ok();
        }
    }
}

#[actix_web::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let bind = option("--bind").unwrap_or_else(|| "127.0.0.1:8091".to_owned());
    let secret = std::env::var("PALIO_SECRET").unwrap_or_default().into_bytes();
    let url = std::env::var("PALIO_POSTGRES_URL").expect("PALIO_POSTGRES_URL");
    let storage = postgres::open(&url, false).await.unwrap();
    let mut groups = Vec::new();
    for group in 0..GROUPS {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        groups.push(sender);
        let storage = storage.clone();
        actix::Arbiter::new().spawn(commit(storage, group, receiver));
    }
    let state = State {
        groups,
        keys: Keys::new([7; 32]),
        provider: ProviderId::parse("sandbox").unwrap(),
        game: GameId::parse("loadtest").unwrap(),
        secret: option("--signature").map(|_| secret),
    };
    // Ends with who started it: nobody else knows that it runs.
    std::thread::spawn(|| {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        std::process::exit(0);
    });
    let deposit = || async { HttpResponse::Ok().body("{}") };
    let balance = || async { HttpResponse::Ok().content_type("application/json").body(BALANCE) };
    HttpServer::new(move || {
        App::new()
            .app_data(Data::new(state.clone()))
            .route("/readyz", web::get().to(HttpResponse::Ok))
            .route("/wallet/{player}", web::get().to(balance))
            .route("/wallet/{path}", web::post().to(append))
            .route("/api/players/{player}/deposits", web::post().to(deposit))
    })
    .workers(2)
    .bind(bind)
    .unwrap()
    .run()
    .await
    .unwrap();
}
