//! Payouts through a payment service that fails in every way, with a server that is killed at
//! random points (tournament-rules.md L7, L11): nothing is paid twice, nothing is lost, who is
//! under review gets nothing. On SQLite the service is asked over `https://`, on PostgreSQL over
//! `http://`.
//!
//! `PALIO_PAYOUT_KILLS=1000` kills that often on each store; a few times by default.

use crate::process::{Palio, Store, free_port, time_in};
use loadtest::{Client, Reply};
use palio::config::Tls;
use palio::peers::Peers;
use palio::tls::Front;
use palio_protocol::signature::Signed;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const CERTIFICATE: &str = include_str!("tls/localhost.crt");
const SECRET: &str = "a-secret-of-the-payment-service-0123456789";

#[tokio::test(flavor = "multi_thread")]
async fn payouts_with_kills_on_sqlite() {
    payouts(Store::Sqlite, "https").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payouts_with_kills_on_postgres() {
    payouts(Store::Postgres, "http").await;
}

/// What the service has seen.
#[derive(Default)]
struct Seen {
    /// What was paid, by payout: (player, amount). The service pays an id once.
    paid: BTreeMap<String, (String, String)>,
    /// Calls by payout.
    calls: BTreeMap<String, u32>,
    wrong: Vec<String>,
}

type Service = Arc<Mutex<Seen>>;

/// How the service behaves towards a call; it depends on nothing but the call, so that a run can
/// be looked at again.
fn manner(id: &str, call: u32) -> u8 {
    let hash = blake3::hash(format!("{id} {call}").as_bytes());
    hash.as_bytes()[0] % 8
}

/// Ends TLS before the service, with a certificate of an authority that only `outgoing.ca_file`
/// knows.
fn secure(inner: SocketAddr) -> Front {
    let file = |name: &str| format!("tests/it/tls/{name}").into();
    let (certificate_file, key_file) = (file("localhost.crt"), file("localhost.key"));
    let bind = SocketAddr::from(([127, 0, 0, 1], 0));
    let tls = Tls { bind: String::new(), certificate_file, key_file };
    palio::tls::start(&tls, bind, inner, Peers::default()).unwrap()
}

async fn serve(listener: TcpListener, seen: Service) {
    loop {
        let (mut socket, _) = listener.accept().await.unwrap();
        let seen = Arc::clone(&seen);
        tokio::spawn(async move { while answer(&mut socket, &seen).await.is_some() {} });
    }
}

/// One call.
async fn answer(socket: &mut TcpStream, seen: &Service) -> Option<()> {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length = header(head, "content-length").parse::<usize>().ok()?;
        let body = bytes.get(head.len() + 4..).unwrap_or_default();
        if body.len() >= length {
            break (head.to_owned(), body.to_vec());
        }
    };
    let id = header(&head, "x-idempotency-key");
    let signed = Signed {
        timestamp: &header(&head, "x-palio-timestamp"),
        method: "POST",
        path_and_query: "/pay?by=palio",
        idempotency_key: &id,
        body: &body,
    };
    let is_signed = signed.verify(SECRET.as_bytes(), &header(&head, "x-palio-signature"));
    let json: Value = serde_json::from_slice(&body).unwrap();
    let of = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let what = (of("playerId"), of("amount"));
    let manner = {
        let mut seen = seen.lock().unwrap();
        let call = seen.calls.entry(id.clone()).or_default();
        *call += 1;
        let manner = manner(&id, *call);
        if !is_signed || of("payoutId") != id {
            seen.wrong.push(format!("{id} is not signed"));
        }
        // 0: refuses before it pays. 1: 500 before it pays. Else it pays, once.
        if manner > 1 {
            let before = seen.paid.insert(id.clone(), what.clone());
            if before.is_some_and(|before| before != what) {
                seen.wrong.push(format!("{id} asks for something else"));
            }
        }
        manner
    };
    let (status, wait) = match manner {
        0 if what.0 == "p0" => ("422 No", 0),
        0 | 1 => ("500 Ill", 0),
        // Paid, and says that it failed, says it too late, or says nothing.
        2 => ("503 Busy", 0),
        3 => ("200 OK", 700),
        4 => return None,
        _ => ("200 OK", 0),
    };
    tokio::time::sleep(Duration::from_millis(wait)).await;
    let body = format!("{{\"reference\":\"bank-{id}\"}}");
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
    socket.write_all(answer.as_bytes()).await.ok()
}

fn header(head: &str, name: &str) -> String {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    found.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}

async fn post(who: &Client, path: &str, body: &Value) -> Reply {
    who.post(path, "", body.to_string()).await.unwrap()
}

async fn payouts(store: Store, scheme: &str) {
    let kills = std::env::var("PALIO_PAYOUT_KILLS").ok().and_then(|text| text.parse().ok());
    let kills: u32 = kills.unwrap_or(6);
    let listener = TcpListener::bind(("127.0.0.1", free_port())).await.unwrap();
    let address = listener.local_addr().unwrap();
    let front = (scheme == "https").then(|| secure(address));
    let port = front.as_ref().map_or(address, |front| front.address).port();
    let seen = Service::default();
    tokio::spawn(serve(listener, Arc::clone(&seen)));
    let config = format!(
        "[outgoing]\nca_file = \"$ca.crt\"\n[[tenant]]\nid = 1\nname = \"pays\"\n\
         currency = \"EUR\"\n[tenant.payments]\nurl = \"{scheme}://localhost:{port}/pay?by=palio\"\n\
         secret_file = \"$pay.key\"\ntimeout_ms = 300\n\
         retry_seconds = 1\nfailures_max = 4\nopen_seconds = 1\n[[provider]]\nid = \"sandbox\"\n\
         tenant = 1\nkeys = [{{ id = \"sandbox-1\", secret_file = \"\" }}]\n"
    );
    let mut palio =
        Palio::start_with(store, &config, &[("pay.key", SECRET), ("ca.crt", CERTIFICATE)]).await;
    for player in 0..5 {
        assert_eq!(palio.deposit(&format!("p{player}"), "d", "10000.00").await.status, 200);
    }
    let mut random = rand::rngs::StdRng::seed_from_u64(u64::from(kills));
    let (mut killed, mut contest, mut manual) = (0, 0, 0);
    let mut expected: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut held = BTreeSet::new();
    while killed < kills || contest == 0 {
        contest += 1;
        let id = format!("pay-{contest}");
        let rules = json!({"id": id, "name": "Pay", "metric": "turnover", "currency": "EUR",
            "startsAt": time_in(0), "endsAt": time_in(1_500), "graceSeconds": 0, "tickMs": 100,
            "entry": "all", "games": [id], "prizes": ["5.00", "4.00", "3.00", "2.00", "1.00"]});
        let mut reply = post(&palio.operator(), "/api/tournaments", &rules).await;
        if reply.status == 503 {
            reply = post(&palio.operator(), "/api/tournaments", &rules).await;
            assert_eq!(reply.status, 200, "it was announced: {}", reply.text());
            continue;
        }
        assert_eq!(reply.status, 201, "after {killed} kills: {}", reply.text());
        for player in 0..5 {
            let body = json!({"playerId": format!("p{player}"), "roundId": format!("{id}-{player}"),
                "gameId": id, "betId": format!("{id}-{player}"), "payout": "0.00",
                "stake": format!("{}.00", 5 - player), "currency": "EUR"});
            assert_eq!(post(&palio.provider(), "/wallet/play", &body).await.status, 200);
        }
        let review = json!({"playerId": "p3", "reason": "papers"});
        let path = format!("/api/tournaments/{id}/reviews");
        assert_eq!(post(&palio.operator(), &path, &review).await.status, 200);
        for line in 0..4 {
            let amount = ["5.00", "4.00", "3.00", "1.00"][line];
            let player = ["p0", "p1", "p2", "p4"][line];
            expected.insert(format!("1-{id}-v1-{line}"), (player.to_owned(), amount.to_owned()));
        }
        held.insert(id.clone());
        let started = Instant::now();
        tokio::time::sleep(Duration::from_millis(random.random_range(1_300..2_300))).await;
        loop {
            if killed < kills && random.random_range(0..3) > 0 {
                palio.kill();
                killed += 1;
                palio.run().await;
            }
            let shown: Value =
                palio.operator().fetch(&format!("/api/tournaments/{id}")).await.unwrap();
            if shown["phase"] == "completed" {
                break;
            }
            manual += resolve(&palio, &id, &seen).await;
            assert!(started.elapsed() < Duration::from_secs(90), "{id}: {shown}\n{}", palio.log());
            tokio::time::sleep(Duration::from_millis(random.random_range(0..900))).await;
        }
    }
    palio.stop();
    palio.verify();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.wrong, Vec::<String>::new());
    assert_eq!(seen.paid, expected, "each once, and nobody who is under review");
    let calls: u32 = seen.calls.values().sum();
    println!(
        "{killed} kills, {contest} payouts of {} lines: {calls} calls, {manual} by hand",
        expected.len()
    );
}

/// Lines that stand still are what a person decides: he looks at the service's own books.
async fn resolve(palio: &Palio, id: &str, seen: &Service) -> u32 {
    let lines: Value =
        palio.operator().fetch(&format!("/api/tournaments/{id}/payouts")).await.unwrap();
    let mut count = 0;
    for line in lines["payouts"].as_array().unwrap().iter().filter(|l| l["state"] == "manual") {
        let payout = line["payoutId"].as_str().unwrap();
        let is_paid = seen.lock().unwrap().paid.contains_key(payout);
        let decision = if is_paid {
            json!({"action": "paid", "note": "in the bank's books"})
        } else {
            json!({"action": "retry"})
        };
        let path = format!("/api/tournaments/{id}/payouts/{payout}");
        let reply = post(&palio.operator(), &path, &decision).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        count += 1;
    }
    count
}
