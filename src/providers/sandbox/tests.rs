//! The sandbox against a small wallet server of the tests' own, which keeps books and misbehaves.

use super::*;
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, to};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use palio_protocol::signature::{
    IDEMPOTENCY_HEADER, KEY_HEADER, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Mutex;

const SECRET: &[u8] = b"secret of the sandbox";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Settled,
    RolledBack,
    /// Rolled back before it came.
    Stopped,
}

#[derive(Debug)]
struct Bet {
    player: String,
    round: String,
    stake: i64,
    state: State,
}

type Verdict = Result<Value, (u16, &'static str)>;

/// The wallet's books.
#[derive(Default)]
struct Books {
    funds: HashMap<String, i64>,
    bets: HashMap<String, Bet>,
    /// First answers by request.
    done: HashMap<String, (Vec<u8>, Value)>,
    sessions: usize,
    replays: usize,
    requests: usize,
    /// One answer in so many is 503 instead.
    busy_every: usize,
    /// One answer in so many is lost: done, but answered 503.
    lost_every: usize,
    wrong: Vec<String>,
}

fn minor(value: &Value) -> i64 {
    Currency::EUR.amount(value.as_str().unwrap()).unwrap().0
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Books {
    fn result(&self, player: &str) -> Value {
        let balance = Currency::EUR.format(palio_domain::Amount(self.funds[player]));
        json!({"balance": balance, "currency": "EUR"})
    }

    fn place(&mut self, body: &Value, stake: i64) -> Verdict {
        let (player, bet) = (text(&body["playerId"]), text(&body["betId"]));
        match self.bets.get(&bet).map(|bet| bet.state) {
            Some(State::Stopped) => return Err((409, "BET_CANCELLED")),
            Some(_) => return Err((422, "BET_ID_REUSED")),
            None => {}
        }
        let funds = self.funds.get_mut(&player).ok_or((404, "PLAYER_NOT_FOUND"))?;
        if *funds < stake {
            return Err((402, "INSUFFICIENT_FUNDS"));
        }
        *funds -= stake;
        let round = text(&body["roundId"]);
        let opened = Bet { player: player.clone(), round, stake, state: State::Open };
        self.bets.insert(bet, opened);
        Ok(self.result(&player))
    }

    fn close(&mut self, id: &str, payout: impl Fn(i64) -> i64, state: State) -> Verdict {
        let bet = self.bets.get_mut(id).ok_or((404, "BET_NOT_FOUND"))?;
        match bet.state {
            State::Open => {}
            State::Settled => return Err((409, "BET_ALREADY_SETTLED")),
            State::RolledBack | State::Stopped => return Err((409, "BET_ALREADY_ROLLED_BACK")),
        }
        bet.state = state;
        let player = bet.player.clone();
        *self.funds.get_mut(&player).unwrap() += payout(bet.stake);
        Ok(self.result(&player))
    }

    fn roll_back(&mut self, body: &Value) -> Verdict {
        let (id, player) = (text(&body["betId"]), text(&body["playerId"]));
        if self.bets.contains_key(&id) {
            return self.close(&id, |stake| stake, State::RolledBack);
        }
        let round = text(&body["roundId"]);
        self.bets.insert(id, Bet { player, round, stake: 0, state: State::Stopped });
        Ok(json!({}))
    }

    fn play(&mut self, body: &Value, stake: i64, payout: i64) -> Verdict {
        self.place(body, stake)?;
        self.close(&text(&body["betId"]), |_| payout, State::Settled)
    }

    /// The open bet of a player in a round.
    fn open_in(&self, round: &str, player: &str) -> Result<String, (u16, &'static str)> {
        let is = |bet: &Bet| bet.round == round && bet.player == player && bet.state == State::Open;
        let found = self.bets.iter().find(|(_, bet)| is(bet)).map(|(id, _)| id.clone());
        found.ok_or((404, "BET_NOT_FOUND"))
    }

    fn settle(&mut self, body: &Value) -> Verdict {
        let round = text(&body["roundId"]);
        let operations = body["operations"].as_array().unwrap();
        for operation in operations {
            self.open_in(&round, operation["playerId"].as_str().unwrap())?;
        }
        let mut list = Vec::new();
        for operation in operations {
            let player = text(&operation["playerId"]);
            let id = self.open_in(&round, &player)?;
            let delta = minor(&operation["delta"]);
            let result = self.close(&id, |stake| stake + delta, State::Settled)?;
            list.push(json!({"playerId": player, "status": 200, "result": result}));
        }
        Ok(json!({"roundId": round, "operations": list}))
    }

    fn event(&mut self, event: &Value) -> Value {
        let outcome = |verdict: Verdict| match verdict {
            Ok(result) => json!({"status": 200, "result": result}),
            Err((status, code)) => json!({"status": status, "code": code}),
        };
        let key = format!("event {}", event["eventId"]);
        if let Some((_, first)) = self.done.get(&key) {
            self.replays += 1;
            return first.clone();
        }
        let answer = match event["event"].as_str() {
            Some("bet.placed") => outcome(self.place(event, minor(&event["stake"]))),
            Some("bet.rolled_back") => outcome(self.roll_back(event)),
            Some("round.settled") => {
                let bets = event["bets"].as_array().unwrap().clone();
                let known = |bet: &Value| self.bets.contains_key(bet["betId"].as_str().unwrap());
                if !bets.iter().all(known) {
                    return json!({"status": 404, "code": "BET_NOT_FOUND"});
                }
                let each = |bet: &Value| {
                    let (id, payout) = (text(&bet["betId"]), minor(&bet["payout"]));
                    outcome(self.close(&id, |_| payout, State::Settled))
                };
                let mut operations: Vec<_> = bets.iter().map(each).collect();
                match operations.len() {
                    1 => operations.remove(0),
                    _ => json!({"status": 200, "operations": operations}),
                }
            }
            _ => {
                let mut bet = event.clone();
                bet["betId"] = event["eventId"].clone();
                bet["roundId"] = event["eventId"].clone();
                outcome(self.play(&bet, minor(&event["amount"]), minor(&event["result"])))
            }
        };
        if answer["status"] == 200 {
            self.done.insert(key, (Vec::new(), answer.clone()));
        }
        answer
    }

    fn command(&mut self, path: &str, body: &Value) -> Verdict {
        match path {
            "/wallet/debit" => self.place(body, minor(&body["amount"])),
            "/wallet/credit" => {
                let payout = minor(&body["amount"]);
                self.close(&text(&body["betId"]), |_| payout, State::Settled)
            }
            "/wallet/rollback" => self.roll_back(body),
            "/wallet/play" => self.play(body, minor(&body["stake"]), minor(&body["payout"])),
            "/wallet/settle" => self.settle(body),
            _ => {
                let mut parts = path.split('/').skip(3);
                let player = parts.next().unwrap().to_owned();
                match parts.next() {
                    Some("deposits") => {
                        *self.funds.entry(player.clone()).or_default() += minor(&body["amount"]);
                    }
                    Some("sessions") if self.funds.contains_key(&player) => self.sessions += 1,
                    _ => return Err((404, "PLAYER_NOT_FOUND")),
                }
                Ok(self.result(&player))
            }
        }
    }

    fn answer(&mut self, request: &HttpRequest, raw: &[u8]) -> (u16, Value) {
        let header = |name: &str| {
            request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
        };
        let (path, key) = (request.path().to_owned(), header(IDEMPOTENCY_HEADER));
        let timestamp = header(TIMESTAMP_HEADER);
        let signed = Signed {
            timestamp: &timestamp,
            method: request.method().as_str(),
            path_and_query: &path,
            idempotency_key: &key,
            body: raw,
        };
        let operator = path.starts_with("/api/");
        let proven = match operator {
            true => header("Authorization") == "Bearer operator",
            false => {
                header(KEY_HEADER) == "sandbox" && signed.verify(SECRET, &header(SIGNATURE_HEADER))
            }
        };
        if !proven {
            self.wrong.push(format!("not proven: {path}"));
            return (401, json!({"code": "BAD_SIGNATURE"}));
        }
        let failed = |code| json!({"code": code});
        if request.method() == "GET" {
            let player = path.rsplit('/').next().unwrap();
            return match self.funds.get(player) {
                Some(_) => {
                    let available = self.result(player)["balance"].clone();
                    (200, json!({"accounts": [{"currency": "EUR", "available": available}]}))
                }
                None => (404, failed("PLAYER_NOT_FOUND")),
            };
        }
        let body: Value = serde_json::from_slice(raw).unwrap();
        if path == "/events" {
            let events = body.as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
            let outcomes: Vec<_> = events.iter().map(|event| self.event(event)).collect();
            let all = outcomes.iter().all(|outcome| outcome["status"] == 200);
            return (if all { 200 } else { 207 }, json!({"outcomes": outcomes}));
        }
        let own = body.get("transactionId").or_else(|| body.get("betId"));
        let key = if key.is_empty() { own.unwrap().to_string() } else { key };
        let id = format!("{path} {key}");
        if let Some((first, result)) = self.done.get(&id) {
            // `ts` aside, a repeated request must be the same request.
            if first.as_slice() != raw {
                self.wrong.push(format!("another body under {id}"));
                return (422, failed("IDEMPOTENCY_MISMATCH"));
            }
            self.replays += 1;
            return (409, json!({"code": "IDEMPOTENT_REPLAY", "result": result}));
        }
        match self.command(&path, &body) {
            Ok(result) => {
                self.done.insert(id, (raw.to_vec(), result.clone()));
                (200, result)
            }
            Err((status, code)) => (status, failed(code)),
        }
    }

    fn open(&self) -> usize {
        self.bets.values().filter(|bet| bet.state == State::Open).count()
    }
}

async fn handle(books: Data<Mutex<Books>>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut books = books.lock().unwrap();
    books.requests += 1;
    let one_in = |every: usize, n: usize| every > 0 && n.is_multiple_of(every);
    let busy = |code| HttpResponse::ServiceUnavailable().json(json!({"status": 503, "code": code}));
    if one_in(books.busy_every, books.requests) {
        return busy("OVERLOADED");
    }
    let (status, answer) = books.answer(&request, &body);
    if one_in(books.lost_every, books.requests) {
        return busy("OUTCOME_UNKNOWN");
    }
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).json(answer)
}

struct Stub {
    books: Data<Mutex<Books>>,
    base: String,
    notes: PathBuf,
    bets_per_second: u32,
    server: ServerHandle,
    stop: watch::Sender<bool>,
}

impl Stub {
    fn new(books: Books) -> Self {
        let books = Data::new(Mutex::new(books));
        let shared = books.clone();
        let server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).default_service(to(handle))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let address = server.addrs()[0];
        let running = server.run();
        let handle = running.handle();
        actix_web::rt::spawn(running);
        let notes = std::env::temp_dir().join(format!("palio-sandbox-{:x}", rand::random::<u64>()));
        let base = format!("http://{address}/");
        Self {
            books,
            base,
            notes,
            bets_per_second: 600,
            server: handle,
            stop: watch::Sender::new(false),
        }
    }

    fn config(&self) -> SandboxConfig {
        SandboxConfig {
            outgoing: Outgoing::trusting(&[]).unwrap(),
            base: self.base.clone(),
            key_id: "sandbox".to_owned(),
            secret: Secret::new(SECRET),
            operator: Box::new(|| Some("operator".to_owned())),
            players: 60,
            bets_per_second: self.bets_per_second,
            seed: 11,
            notes: self.notes.clone(),
        }
    }

    async fn run(&self, lasting: Duration) -> Counts {
        let speed = Speed { hurry: 40, save_every: Duration::from_millis(50) };
        self.stop.send_replace(false);
        let shutdown = self.stop.subscribe();
        let stop = async {
            tokio::time::sleep(lasting).await;
            self.stop.send_replace(true);
        };
        let run = run_at(self.config(), shutdown, &speed);
        tokio::time::timeout(lasting * 3, async { tokio::join!(run, stop).0 })
            .await
            .expect("stops promptly")
            .unwrap()
    }

    async fn end(self) {
        self.server.stop(false).await;
        std::fs::remove_file(&self.notes).ok();
    }
}

#[actix_web::test]
async fn an_evening_without_surprises() {
    let stub = Stub::new(Books::default());
    let counts = stub.run(Duration::from_secs(4)).await;
    {
        let books = stub.books.lock().unwrap();
        assert!(books.wrong.is_empty(), "{:?}", books.wrong);
        assert_eq!(counts.unexpected, 0, "{counts:?}");
        assert!(counts.bets > 1_000, "{counts:?}");
        assert!(counts.settled > 700 && counts.rolled_back > 0, "{counts:?}");
        assert!(counts.repeated > 5 && counts.disordered > 1 && books.replays > 5, "{counts:?}");
        assert!(counts.deposits >= 60 && counts.sessions > 10, "{counts:?}");
        assert_eq!(counts.sessions, u64::try_from(books.sessions).unwrap());
        // Every bet that is still open is noted.
        let notes = Notes::open(&stub.notes).unwrap();
        let noted = notes.all();
        for (id, bet) in books.bets.iter().filter(|(_, bet)| bet.state == State::Open) {
            assert!(noted.iter().any(|note| note.bet == *id), "{id} {bet:?}");
        }
    }
    stub.end().await;
}

#[actix_web::test]
async fn a_server_that_is_busy_or_loses_answers_is_asked_again() {
    let stub = Stub::new(Books { busy_every: 9, lost_every: 13, ..Books::default() });
    let counts = stub.run(Duration::from_secs(4)).await;
    {
        let books = stub.books.lock().unwrap();
        assert!(books.wrong.is_empty(), "{:?}", books.wrong);
        assert_eq!(counts.unexpected, 0, "{counts:?}");
        assert!(counts.waits > 100 && counts.bets > 300, "{counts:?}");
    }
    stub.end().await;
}

#[actix_web::test]
async fn the_next_run_closes_what_the_last_one_left_open() {
    let mut stub = Stub::new(Books::default());
    stub.run(Duration::from_secs(2)).await;
    let before = stub.books.lock().unwrap().open();
    assert!(before > 10, "{before}");
    let left: Vec<_> = Notes::open(&stub.notes).unwrap().all();
    // A bet that was noted and never sent: nobody may take it any more.
    let never = Notes::open(&stub.notes).unwrap();
    let template = left.first().unwrap().clone();
    never.add([notes::Note { bet: "b-never".to_owned(), ..template }]);
    never.save().unwrap();
    stub.bets_per_second = 1;
    let counts = stub.run(Duration::from_millis(1_500)).await;
    {
        let books = stub.books.lock().unwrap();
        assert_eq!(counts.unexpected, 0, "{counts:?}");
        for note in &left {
            assert_ne!(books.bets.get(&note.bet).map(|bet| bet.state), Some(State::Open));
        }
        assert_eq!(books.bets["b-never"].state, State::Stopped);
        assert!(books.open() < 10);
    }
    stub.end().await;
}

#[actix_web::test]
async fn without_a_server_it_waits_and_stops_when_told() {
    let stub = Stub::new(Books::default());
    stub.server.stop(false).await;
    let counts = stub.run(Duration::from_millis(700)).await;
    assert_eq!((counts.bets, counts.unexpected), (0, 0));
    assert!(counts.waits > 0);
    stub.end().await;
}
