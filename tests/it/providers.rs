//! Providers' states: what an operator sets, what the circuit breaker does by itself, and that
//! one provider's state never touches another's.

use crate::process::{Palio, Store};
use loadtest::Client;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SECRET: &str = "the secret of the provider that is asked how it is";

/// A provider's health address; answers with the status it is told to.
async fn address(status: Arc<AtomicU16>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let status = status.load(Ordering::Relaxed);
            tokio::spawn(async move {
                let mut head = [0; 2_048];
                if stream.read(&mut head).await.is_ok_and(|count| count > 0) {
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap_or_default();
                }
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_states_on_sqlite() {
    states(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_states_on_postgres() {
    states(Store::Postgres).await;
}

fn debit(bet: &str) -> String {
    format!(
        r#"{{"playerId":"p_1","roundId":"{bet}","gameId":"wheel","betId":"{bet}","amount":"1.00","currency":"EUR"}}"#
    )
}

fn credit(bet: &str) -> String {
    debit(bet).replace("1.00", "2.00")
}

fn play(bet: &str) -> String {
    debit(bet).replace(r#""amount":"1.00""#, r#""stake":"1.00","payout":"0.00""#)
}

fn placed(bet: &str) -> String {
    format!(
        r#"[{{"event":"bet.placed","v":"1","eventId":"e_{bet}","betId":"{bet}","playerId":"p_1","roundId":"{bet}","gameId":"wheel","stake":"1.00","currency":"EUR"}}]"#
    )
}

async fn provider(palio: &Palio, id: &str) -> serde_json::Value {
    let answer = palio.operator().get("/api/providers").await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json: serde_json::Value = answer.json().unwrap();
    json["providers"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone()
}

async fn set(palio: &Palio, id: &str, body: &str) -> (u16, String, String) {
    let path = format!("/api/providers/{id}/state");
    let answer = palio.operator().post(&path, "", body).await.unwrap();
    (answer.status, answer.code().to_owned(), answer.text())
}

async fn states(store: Store) {
    let status = Arc::new(AtomicU16::new(200));
    let config = format!(
        r#"
[health]
check_seconds = 1
checks_failed_max = 2
[[provider]]
id = "sandbox"
tenant = 1
replay_status = 409
keys = [{{ id = "sandbox-1", secret_file = "" }}]
[[provider]]
id = "asked"
tenant = 1
replay_status = 409
health_url = "{}"
keys = [{{ id = "asked-1", secret_file = "$asked.key" }}]
"#,
        address(Arc::clone(&status)).await
    );
    let mut palio = Palio::start_with(store, &config, &[("asked.key", SECRET)]).await;
    palio.deposit("p_1", "d", "100.00").await;
    operators(&mut palio).await;
    breaker(&palio, &status).await;
    palio.verify();
}

async fn operators(palio: &mut Palio) {
    let asked = Client::new(&palio.url(), "asked-1", SECRET.as_bytes()).unwrap();
    let sandbox = palio.provider();
    let (d, c, p, r) = ("/wallet/debit", "/wallet/credit", "/wallet/play", "/wallet/rollback");
    for bet in ["open", "back"] {
        assert_eq!(sandbox.post(d, "", debit(bet)).await.unwrap().status, 200);
    }
    // (who, body, status, code)
    let why = r#"{"state":"maintenance","reason":"wrong results"}"#;
    let refused = [
        ("nobody", why, 404, "NOT_FOUND"),
        ("sandbox", r#"{"state":"gone","reason":"x"}"#, 422, "INVALID_FIELD"),
        ("sandbox", r#"{"state":"off"}"#, 422, "INVALID_FIELD"),
        ("sandbox", r#"{"state":"off","reason":""}"#, 422, "INVALID_FIELD"),
    ];
    for (id, body, status, code) in refused {
        let answer = set(palio, id, body).await;
        assert_eq!((answer.0, answer.1.as_str()), (status, code), "{}", answer.2);
    }
    let player = palio.player("p_1").post("/api/providers/sandbox/state", "", why).await.unwrap();
    assert_eq!((player.status, player.code()), (403, "FORBIDDEN"));
    assert_eq!(provider(palio, "sandbox").await["state"], "active");

    let answer = set(palio, "sandbox", why).await;
    assert_eq!(answer.0, 200, "{}", answer.2);
    assert_eq!(set(palio, "sandbox", why).await.0, 200, "the same again is nothing");
    for round in ["first", "after a crash"] {
        let shown = provider(palio, "sandbox").await;
        let of = |name: &str| shown[name].as_str().unwrap_or_default().to_owned();
        let said = (of("state"), of("effective"), of("reason"), of("by"));
        let expected = ("maintenance", "maintenance", "wrong results", "test");
        let said = (said.0.as_str(), said.1.as_str(), said.2.as_str(), said.3.as_str());
        assert_eq!(said, expected, "{round}");
        for (path, body) in [(d, debit("new")), (p, play("new"))] {
            let answer = palio.provider().post(path, "k", body).await.unwrap();
            assert_eq!((answer.status, answer.code()), (503, "PROVIDER_MAINTENANCE"), "{path}");
            assert_eq!(answer.header("retry-after"), Some("5"));
        }
        let event = palio.provider().post("/events", "", placed("new")).await.unwrap();
        assert!(event.text().contains("PROVIDER_MAINTENANCE"), "{}", event.text());
        // The other provider goes on.
        let other = asked.post(p, "", play(&format!("other {round}").replace(' ', "_"))).await;
        assert_eq!(other.unwrap().status, 200);
        if round == "first" {
            palio.kill();
            palio.run().await;
        }
    }
    // Results and rollbacks are taken.
    let sandbox = palio.provider();
    for (path, body) in [(c, credit("open")), (r, debit("back"))] {
        let answer = sandbox.post(path, "", body).await.unwrap();
        assert_eq!(answer.status, 200, "{path} {}", answer.text());
    }
    let off = set(palio, "sandbox", r#"{"state":"off","reason":"fraud"}"#).await;
    assert!(off.2.contains(r#""effective":"off""#), "{}", off.2);
    let answer = sandbox.post(d, "k", debit("new")).await.unwrap();
    assert_eq!((answer.status, answer.code()), (503, "PROVIDER_MAINTENANCE"));
    // Nothing was stored: the same key goes through once the provider is back.
    assert_eq!(set(palio, "sandbox", r#"{"state":"active","reason":"mended"}"#).await.0, 200);
    assert_eq!(sandbox.post(d, "k", debit("new")).await.unwrap().status, 200);
    palio.stop();
    palio.run().await;
    let shown = provider(palio, "sandbox").await;
    assert_eq!(
        (shown["state"].as_str(), shown["reason"].as_str()),
        (Some("active"), Some("mended"))
    );
}

/// A provider that says it is ill takes no new bets until it says it is well.
async fn breaker(palio: &Palio, status: &AtomicU16) {
    let asked = Client::new(&palio.url(), "asked-1", SECRET.as_bytes()).unwrap();
    for (said, effective, answered) in [(500, "maintenance", 503), (204, "active", 200)] {
        status.store(said, Ordering::Relaxed);
        let since = Instant::now();
        while provider(palio, "asked").await["effective"] != effective {
            assert!(since.elapsed() < Duration::from_secs(20), "{}", palio.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let answer = asked.post("/wallet/play", "", play(&format!("ill_{said}"))).await.unwrap();
        assert_eq!(answer.status, answered, "{}", answer.text());
        let other = palio.provider().post("/wallet/play", "", play(&format!("well_{said}"))).await;
        assert_eq!(other.unwrap().status, 200);
    }
    let shown = provider(palio, "asked").await;
    assert_eq!(shown["health"]["well"], true, "{shown:#}");
    assert!(shown["calls"]["away"].as_u64().unwrap() >= 1, "{shown:#}");
}
