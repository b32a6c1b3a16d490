//! What callers hear who do not keep to the interface: methods, media types, slow bodies, too
//! many requests; and a settle that changes between its check and its commands.

use crate::process::{Palio, Store};
use loadtest::{Client, Reply};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn the_edge_on_sqlite() {
    edge(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edge_on_postgres() {
    edge(Store::Postgres).await;
}

async fn edge(store: Store) {
    let mut palio = Palio::start_with(store, "[http]\nbody_seconds_max = 1\n", &[]).await;
    for player in ["p", "q"] {
        assert_eq!(palio.deposit(player, "d", "100.00").await.status, 200);
    }
    methods_and_traces(&palio).await;
    media_types(&palio).await;
    features(&palio).await;
    slow(&palio).await;
    changed_meanwhile(&palio).await;
    palio.stop();
    palio.verify();
}

/// Sends these bytes; the head and body of the answer.
async fn raw(palio: &Palio, text: &str) -> (String, String) {
    let address = palio.url().trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(&address).await.unwrap();
    socket.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(10), socket.read_to_string(&mut answer));
    read.await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

/// Every problem has the stable code and the trace in the body too.
async fn methods_and_traces(palio: &Palio) {
    // (method, path, status, code, what it takes)
    let rows = [
        ("GET", "/nothing", 404, "NOT_FOUND", ""),
        ("GET", "/api/tournaments/none", 404, "TOURNAMENT_NOT_FOUND", ""),
        ("GET", "/api/me", 401, "BAD_TOKEN", ""),
        ("GET", "/wallet/p", 401, "UNKNOWN_KEY", ""),
        ("GET", "/api/tournaments?limit=many", 422, "INVALID_FIELD", ""),
        ("DELETE", "/wallet/debit", 405, "METHOD_NOT_ALLOWED", "POST"),
        ("DELETE", "/wallet/p", 405, "METHOD_NOT_ALLOWED", "GET"),
        ("GET", "/events", 405, "METHOD_NOT_ALLOWED", "POST"),
        ("PUT", "/api/me/limits", 405, "METHOD_NOT_ALLOWED", "GET, POST"),
        ("DELETE", "/api/players/p", 405, "METHOD_NOT_ALLOWED", "GET, POST"),
        ("PATCH", "/api/tournaments", 405, "METHOD_NOT_ALLOWED", "GET, POST"),
        ("GET", "/api/players/p/sessions", 405, "METHOD_NOT_ALLOWED", "POST"),
        ("POST", "/healthz", 405, "METHOD_NOT_ALLOWED", "GET"),
        ("POST", "/", 405, "METHOD_NOT_ALLOWED", "GET"),
    ];
    for (method, path, status, code, allowed) in rows {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nX-Trace-Id: tr_7\r\nConnection: close\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let (head, body) = raw(palio, &request).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{method} {path}: {head}");
        assert!(head.contains("application/problem+json"), "{method} {path}: {head}");
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["code"], code, "{method} {path}");
        assert_eq!(problem["traceId"], "tr_7", "{method} {path}");
        let takes = head.lines().find_map(|line| line.strip_prefix("allow: "));
        assert_eq!(takes.unwrap_or_default(), allowed.to_ascii_lowercase(), "{method} {path}");
    }
    // One that nobody sent is made, and is the header's.
    let reply = palio.provider().post("/wallet/debit", "", "{}").await.unwrap();
    let problem: Value = reply.json().unwrap();
    assert!(reply.header("x-trace-id").is_some_and(|trace| !trace.is_empty()));
    assert_eq!(problem["traceId"].as_str(), reply.header("x-trace-id"));
}

async fn media_types(palio: &Palio) {
    let token = palio.token("player", "p");
    let body = r#"{"kind":"wager","period":"day","amount":"50.00","currency":"EUR"}"#;
    // (content type, status)
    let rows = [
        ("Content-Type: text/plain\r\n", 415),
        ("Content-Type: application/x-www-form-urlencoded\r\n", 415),
        ("Content-Type: application/jsonp\r\n", 415),
        ("Content-Type: application/json; charset=utf-8\r\n", 200),
        ("content-type: Application/JSON\r\n", 409),
        ("Content-Type: application/vnd.x+json\r\n", 409),
        ("", 409),
    ];
    for (header, status) in rows {
        let request = format!(
            "POST /api/me/limits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             X-Idempotency-Key: media\r\nConnection: close\r\n{header}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (head, body) = raw(palio, &request).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{header}: {head} {body}");
        assert_eq!(status == 415, body.contains("UNSUPPORTED_MEDIA_TYPE"), "{header}");
    }
    let signed = format!(
        "POST /wallet/debit HTTP/1.1\r\nHost: x\r\nX-Palio-Key: sandbox-1\r\nConnection: close\r\n\
         Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(raw(palio, &signed).await.1.contains("UNSUPPORTED_MEDIA_TYPE"));
}

fn code(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.code())
}

fn bet(player: &str, id: &str, round: &str, stake: &str) -> Value {
    json!({"playerId": player, "roundId": round, "gameId": "wheel", "betId": id, "amount": stake,
           "currency": "EUR"})
}

/// A stake can't change inside a feature, however the bet is sent; and the mark is content.
async fn features(palio: &Palio) {
    let provider = palio.provider();
    let post =
        async |path: &str, body: &Value| provider.post(path, "", body.to_string()).await.unwrap();
    assert_eq!(post("/wallet/debit", &bet("p", "f1", "F", "1.00")).await.status, 200);
    let play = |id: &str, stake: &str, feature: bool| {
        let mut body = bet("p", id, "F", "0.00");
        body["stake"] = json!(stake);
        body["payout"] = json!("0.00");
        body["feature"] = json!(feature);
        body
    };
    let event = |id: &str, stake: &str| {
        json!({"event": "bet.placed", "v": "1", "betId": id, "playerId": "p", "roundId": "F",
               "gameId": "wheel", "stake": stake, "currency": "EUR", "feature": true})
    };
    let changed = (422, "STAKE_CHANGED");
    assert_eq!(code(&post("/wallet/play", &play("f2", "2.00", true)).await), changed);
    assert_eq!(code(&post("/wallet/play", &play("f2", "1.00", true)).await), (200, "-"));
    let other = post("/wallet/play", &play("f2", "1.00", false)).await;
    assert_eq!(code(&other), (422, "IDEMPOTENCY_MISMATCH"));
    assert!(post("/events", &event("f3", "2.00")).await.text().contains("STAKE_CHANGED"));
    assert_eq!(post("/events", &event("f3", "1.00")).await.status, 200);
    let mut wrong = play("f4", "1.00", true);
    wrong["feature"] = json!("yes");
    assert_eq!(code(&post("/wallet/play", &wrong).await), (422, "INVALID_FIELD"));
}

/// A body that does not come is not waited for.
async fn slow(palio: &Palio) {
    let token = palio.token("player", "p");
    let proofs =
        ["X-Palio-Key: sandbox-1\r\n".to_owned(), format!("Authorization: Bearer {token}\r\n")];
    for (path, proof) in ["/wallet/debit", "/api/me/limits"].into_iter().zip(proofs) {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{proof}Connection: close\r\n\
             Content-Length: 100\r\n\r\n{{"
        );
        let (head, body) = raw(palio, &request).await;
        assert!(head.starts_with("http/1.1 408 "), "{path}: {head}");
        assert!(body.contains("BODY_TIMEOUT"), "{path}: {body}");
    }
}

/// The second half of case 19: what is rolled back between the check of a settle and its command
/// is refused alone; the others' results stand, and each has its outcome.
async fn changed_meanwhile(palio: &Palio) {
    let provider = palio.provider().timeout(Duration::from_secs(30));
    let post = |path: &'static str, key: String, body: Value| {
        let provider = provider.clone();
        tokio::spawn(async move { provider.post(path, &key, body.to_string()).await.unwrap() })
    };
    for attempt in 0..20 {
        let round = format!("changed-{attempt}");
        for player in ["p", "q"] {
            let body = bet(player, &round, &round, "1.00");
            assert_eq!(post("/wallet/debit", String::new(), body).await.unwrap().status, 200);
        }
        // With a commit of "p" under way his check waits, after that of "q" has passed.
        let hold = palio.hold_commits().await;
        let under_way = bet("p", &format!("{round}-u"), &format!("{round}-u"), "0.00");
        let under_way = post("/wallet/debit", String::new(), under_way);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let operation =
            |player: &str| json!({"playerId": player, "delta": "1.00", "currency": "EUR"});
        let body = json!({"roundId": round, "operations": [operation("q"), operation("p")]});
        let settle = post("/wallet/settle", round.clone(), body);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let rollback =
            post("/wallet/rollback", String::new(), json!({"playerId": "q", "betId": round}));
        tokio::time::sleep(Duration::from_millis(200)).await;
        hold.end().await;
        assert_eq!(under_way.await.unwrap().status, 200);
        assert_eq!(rollback.await.unwrap().status, 200);
        let reply = settle.await.unwrap();
        if reply.status != 207 {
            // The rollback came first: then the whole of it was refused, and nothing kept.
            assert_eq!(code(&reply), (409, "BET_ALREADY_ROLLED_BACK"), "{}", reply.text());
            continue;
        }
        let said: Value = reply.json().unwrap();
        let of = |said: &Value, n: usize| {
            let one = &said["operations"][n];
            (one["playerId"].clone(), one["status"].clone(), one["code"].clone())
        };
        assert_eq!(of(&said, 0), (json!("q"), json!(409), json!("BET_ALREADY_ROLLED_BACK")));
        assert_eq!(of(&said, 1), (json!("p"), json!(200), Value::Null));
        return;
    }
    panic!("the rollback never came between check and command");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_of_one_provider_are_told_to_wait() {
    let config = r#"
[http]
provider_rate_per_second = 1
[[provider]]
id = "eager"
tenant = 1
keys = [{ id = "eager-1", secret_file = "" }]
[[provider]]
id = "other"
tenant = 1
keys = [{ id = "other-1", secret_file = "" }]
"#;
    let palio = Palio::start_with(Store::Sqlite, config, &[]).await;
    palio.deposit("p", "d", "100.00").await;
    let client = |key: &str| Client::new(&palio.url(), key, &palio.secret(key)).unwrap();
    let (eager, other) = (client("eager-1"), client("other-1"));
    let mut refused = None;
    for n in 0..200 {
        let id = format!("b{n}");
        let reply = eager.post("/wallet/debit", "", bet("p", &id, &id, "0.01").to_string()).await;
        let reply = reply.unwrap();
        if reply.status != 200 {
            refused = Some((id, reply));
            break;
        }
    }
    let (id, reply) = refused.expect("two hundred requests were let through");
    assert_eq!(code(&reply), (429, "RATE_LIMITED"));
    assert_eq!(reply.header("retry-after"), Some("1"));
    let problem: Value = reply.json().unwrap();
    assert_eq!(problem["retryAfterS"], 1);
    let body = bet("p", "other", "other", "0.01").to_string();
    assert_eq!(other.post("/wallet/debit", "", body).await.unwrap().status, 200);
    // The key is free.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let body = bet("p", &id, &id, "0.01").to_string();
    assert_eq!(eager.post("/wallet/debit", "", body).await.unwrap().status, 200);
}
