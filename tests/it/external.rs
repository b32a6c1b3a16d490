//! A platform that keeps the money (W9): rounds are reported, buy-ins are charged and prizes are
//! paid by its own service.

use crate::process::{Palio, Store, free_port, time_in};
use loadtest::{Client, Reply};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the platform has done, by idempotency key: kind, player and amount.
type Books = Arc<Mutex<BTreeMap<String, (String, String, String)>>>;

/// A platform that charges everybody but "poor", and pays what it is asked.
fn platform(listener: TcpListener, books: Books) {
    for socket in listener.incoming() {
        let (mut socket, books) = (socket.unwrap(), Arc::clone(&books));
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut part = [0_u8; 4096];
            while let Ok(count) = socket.read(&mut part) {
                if count == 0 {
                    return;
                }
                bytes.extend_from_slice(&part[..count]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((_, body)) = text.split_once("\r\n\r\n") else { continue };
                let Ok(json) = serde_json::from_str::<Value>(body) else { continue };
                let of = |name: &str| json[name].as_str().unwrap().to_owned();
                let refused = of("playerId") == "poor" && of("kind") == "charge";
                if !refused {
                    let what = (of("kind"), of("playerId"), of("amount"));
                    let known = books.lock().unwrap().insert(of("payoutId"), what.clone());
                    assert!(known.is_none_or(|known| known == what));
                }
                let status = if refused { "402 No" } else { "200 OK" };
                write!(socket, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").unwrap();
                bytes.clear();
            }
        });
    }
}

async fn post(who: &Client, path: &str, body: &Value) -> Reply {
    who.post(path, "", body.to_string()).await.unwrap()
}

fn said(reply: &Reply) -> (u16, String) {
    (reply.status, reply.code().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_keeps_the_money() {
    let listener = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let address = listener.local_addr().unwrap();
    let books = Books::default();
    let of = Arc::clone(&books);
    std::thread::spawn(move || platform(listener, of));
    let config = format!(
        "[[tenant]]\nid = 1\nname = \"platform\"\ncurrency = \"EUR\"\nwallet = \"external\"\n\
         [tenant.payments]\nurl = \"http://{address}/palio\"\nretry_seconds = 1\n[[provider]]\n\
         id = \"sandbox\"\ntenant = 1\nkeys = [{{ id = \"sandbox-1\", secret_file = \"\" }}]\n"
    );
    let mut palio = Palio::start_with(Store::Sqlite, &config, &[]).await;
    let (provider, operator) = (palio.provider(), palio.operator());
    let external = (409, "EXTERNAL_WALLET".to_owned());
    assert_eq!(said(&palio.deposit("a", "d", "1.00").await), external);
    let report = |player: &str, bet: &str, stake: &str| {
        json!({"event": "round.reported", "v": "1", "betId": bet, "playerId": player,
               "roundId": bet, "gameId": "wolf", "stake": stake, "payout": "0.50",
               "currency": "EUR"})
    };
    // Players are met with their first round, which is of no tournament yet.
    for player in ["a", "b", "c", "poor"] {
        let first = report(player, &format!("0-{player}"), "1.00");
        assert_eq!(post(&provider, "/events", &first).await.status, 200);
    }
    let bet = json!({"playerId": "a", "roundId": "r", "gameId": "wolf", "betId": "r",
                     "amount": "1.00", "currency": "EUR"});
    assert_eq!(said(&post(&provider, "/wallet/debit", &bet).await), external);
    let cup = json!({"id": "cup", "name": "Cup", "metric": "turnover", "currency": "EUR",
        "startsAt": time_in(1_500), "endsAt": time_in(4_000), "graceSeconds": 0, "tickMs": 100,
        "buyIn": {"amount": "4.00", "fee": "0.40"}, "seats": {"max": 2},
        "prizeTable": {"currency": "EUR", "pool": {"buyIns": {"feePerEntry": "0.40"}},
            "bands": [{"from": 1, "prizes": [{"kind": "cash", "percent": "100"}]}]}});
    assert_eq!(post(&operator, "/api/tournaments", &cup).await.status, 201);
    let join = async |player: &str| {
        post(&palio.player(player), "/api/tournaments/cup/join", &json!({})).await
    };
    assert_eq!(said(&join("poor").await), (402, "INSUFFICIENT_FUNDS".into()));
    assert_eq!(join("a").await.status, 200);
    assert_eq!(join("b").await.status, 200);
    // Refused twice, so charged and refunded twice.
    for _ in 0..2 {
        assert_eq!(said(&join("c").await), (409, "TOURNAMENT_FULL".into()));
    }
    let phase = async |wanted: &str| {
        let started = Instant::now();
        loop {
            let seen: Value = operator.fetch("/api/tournaments/cup").await.unwrap();
            if seen["phase"] == wanted {
                return seen;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{seen}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    phase("active").await;
    for (player, stake) in [("a", "1.00"), ("b", "3.00"), ("c", "9.00")] {
        let body = report(player, &format!("1-{player}"), stake);
        let (first, again) =
            (post(&provider, "/events", &body).await, post(&provider, "/events", &body).await);
        assert_eq!((first.status, again.status), (200, 200), "{}", again.text());
        let other = report(player, &format!("1-{player}"), "2.00");
        let other = post(&provider, "/events", &other).await;
        assert!(!other.text().contains("\"status\":200"), "another content");
    }
    let done = phase("completed").await;
    let rows = &done["result"]["rows"];
    assert_eq!((&rows[0]["score"], &rows[0]["prizes"]), (&json!("3.00"), &json!(["8.00 EUR"])));
    assert_eq!(rows.as_array().unwrap().len(), 2, "c has no seat");
    palio.stop();
    palio.verify();
    let of = |kind: &str, player: &str, amount: &str| {
        (kind.to_owned(), player.to_owned(), amount.to_owned())
    };
    let mut expected =
        vec![of("charge", "a", "4.40"), of("charge", "b", "4.40"), of("payout", "b", "8.00")];
    expected.extend([of("charge", "c", "4.40"), of("charge", "c", "4.40")]);
    expected.extend([of("refund", "c", "4.40"), of("refund", "c", "4.40")]);
    expected.sort();
    let mut done: Vec<_> = books.lock().unwrap().values().cloned().collect();
    done.sort();
    assert_eq!(done, expected);
}

/// The one outcome of an event sent alone: its status, its code, its result.
async fn event(provider: &Client, body: &Value) -> (u64, String, Value) {
    let reply = post(provider, "/events", body).await;
    let whole: Value = serde_json::from_str(&reply.text()).unwrap();
    let one = &whole["outcomes"][0];
    let code = one["code"].as_str().unwrap_or_default().to_owned();
    (one["status"].as_u64().unwrap_or(u64::from(reply.status)), code, one["result"].clone())
}

/// Reported rounds are corrected and voided: before the report, in any order of versions, after
/// the server was killed, and after the result, which waits until it is put right.
#[tokio::test(flavor = "multi_thread")]
async fn corrections_of_reported_rounds() {
    let config = "[[tenant]]\nid = 1\nname = \"platform\"\ncurrency = \"EUR\"\n\
         wallet = \"external\"\n[tenant.payments]\nurl = \"http://127.0.0.1:9/palio\"\n\
         [[provider]]\nid = \"sandbox\"\ntenant = 1\n\
         keys = [{ id = \"sandbox-1\", secret_file = \"\" }]\n";
    let mut palio = Palio::start_with(Store::Sqlite, config, &[]).await;
    let (provider, operator) = (palio.provider(), palio.operator());
    let cup = json!({"id": "cup", "name": "Cup", "metric": "turnover", "currency": "EUR",
        "startsAt": time_in(200), "endsAt": time_in(5_000), "graceSeconds": 0, "tickMs": 100,
        "entry": "all"});
    assert_eq!(post(&operator, "/api/tournaments", &cup).await.status, 201);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let report = |player: &str, stake: &str| {
        json!({"event": "round.reported", "v": "1", "betId": format!("b-{player}"),
               "playerId": player, "roundId": format!("r-{player}"), "gameId": "wolf",
               "stake": stake, "payout": "0.50", "currency": "EUR"})
    };
    let correct = |player: &str, more: Value| {
        let mut body = json!({"event": "round.corrected", "v": "1", "playerId": player,
                              "betId": format!("b-{player}")});
        let all = body.as_object_mut().unwrap();
        all.extend(more.as_object().unwrap().clone());
        body
    };
    let money =
        |version: u32, stake: &str| json!({"version": version, "stake": stake, "payout": "0.00"});
    // A new result waits for its report, a void does not: it wins when the report comes.
    let unknown = (404, "BET_NOT_FOUND".to_owned(), Value::Null);
    assert_eq!(event(&provider, &correct("a", money(2, "1.00"))).await, unknown);
    let (status, _, early) =
        event(&provider, &correct("d", json!({"version": 2, "void": true}))).await;
    assert_eq!(
        (status, &early["kind"], &early["void"]),
        (200, &json!("round.corrected"), &json!(true))
    );
    let (status, _, late) = event(&provider, &report("d", "50.00")).await;
    assert_eq!((status, &late["superseded"]), (200, &json!(true)), "{late}");
    // Whom the platform excludes enters nothing, by himself or by his rounds.
    let out = |key: &str, until: Value| {
        json!({"event": "player.excluded", "v": "1", "eventId": key, "playerId": "e",
               "until": until})
    };
    let (status, _, excluded) = event(&provider, &out("x1", json!("2099-01-01T00:00:00Z"))).await;
    assert_eq!((status, &excluded["kind"]), (200, &json!("player.excluded")), "{excluded}");
    let (status, code, _) = event(&provider, &out("x2", json!("2098-01-01T00:00:00Z"))).await;
    assert_eq!((status, code.as_str()), (409, "EXCLUSION_STANDS"));
    assert_eq!(event(&provider, &out("x3", Value::Null)).await.0, 200, "for ever is longer");
    let join = post(&palio.player("e"), "/api/tournaments/cup/join", &json!({})).await;
    assert_eq!(said(&join), (403, "PLAYER_EXCLUDED".into()));
    assert_eq!(event(&provider, &report("e", "70.00")).await.0, 200);
    assert_eq!(event(&provider, &correct("e", money(2, "80.00"))).await.0, 200);
    for (player, stake) in [("a", "1.00"), ("b", "3.00"), ("c", "9.00")] {
        assert_eq!(event(&provider, &report(player, stake)).await.0, 200);
    }
    let (status, _, first) = event(&provider, &correct("c", money(5, "2.00"))).await;
    assert_eq!(status, 200);
    let id = first["transactionId"].as_str().unwrap().to_owned();
    let expected = json!({"transactionId": id, "kind": "round.corrected", "betId": "b-c",
        "roundId": "r-c", "version": 5, "staked": "2.00", "payout": "0.00", "currency": "EUR"});
    assert_eq!(first, expected);
    let (status, _, older) = event(&provider, &correct("c", money(4, "7.00"))).await;
    assert_eq!((status, &older["superseded"]), (200, &json!(true)), "{older}");
    assert_eq!(event(&provider, &correct("a", json!({"eventId": "v", "void": true}))).await.0, 200);
    palio.kill();
    palio.run().await;
    let (provider, operator) = (palio.provider(), palio.operator());
    let mut named = money(5, "2.00");
    named["eventId"] = json!("another-key");
    let refused = |code: &str, status: u64| (status, code.to_owned(), Value::Null);
    let cases = [
        (correct("c", money(5, "2.00")), (200, String::new(), first.clone())),
        (correct("c", named), (200, String::new(), first)),
        (correct("c", money(4, "7.00")), (200, String::new(), older)),
        (report("d", "50.00"), (200, String::new(), late)),
        (correct("c", money(5, "2.01")), refused("IDEMPOTENCY_MISMATCH", 422)),
        (
            correct("c", json!({"eventId": "e", "version": 5, "void": true})),
            refused("IDEMPOTENCY_MISMATCH", 422),
        ),
        (report("c", "2.00"), refused("IDEMPOTENCY_MISMATCH", 422)),
        (
            correct(
                "c",
                json!({"version": 6, "stake": "1.00", "payout": "0.00", "currency": "USD"}),
            ),
            refused("CURRENCY_MISMATCH", 422),
        ),
        (correct("c", json!({"version": 6, "roundId": "r-a", "void": true})), unknown.clone()),
        (correct("nobody", money(2, "1.00")), unknown),
        (correct("c", money(1, "1.00")), refused("INVALID_FIELD", 422)),
        (correct("c", json!({"void": true})), refused("INVALID_FIELD", 422)),
        (correct("c", json!({"version": 6, "stake": "1.00"})), refused("INVALID_FIELD", 422)),
        (
            correct("c", json!({"version": 6, "void": true, "stake": "1.00"})),
            refused("INVALID_FIELD", 422),
        ),
    ];
    for (body, answer) in cases {
        assert_eq!(event(&provider, &body).await, answer, "{body}");
    }
    let rows = async |path: &str, field: &str, wanted: Value| {
        let started = Instant::now();
        loop {
            let seen: Value = operator.fetch(path).await.unwrap();
            let of = if field.is_empty() { &seen } else { &seen[field] };
            let scores: Vec<_> =
                of["rows"].as_array().into_iter().flatten().map(|row| &row["score"]).collect();
            if json!(scores) == wanted {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{seen}, not {wanted}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    rows("/api/tournaments/cup/leaderboard", "", json!(["3.00", "2.00"])).await;
    rows("/api/tournaments/cup", "result", json!(["3.00", "2.00"])).await;
    let (status, _, _) = event(&provider, &correct("b", money(2, "0.70"))).await;
    assert_eq!(status, 200, "taken, though the result stands");
    let (status, _, _) = event(&provider, &correct("a", money(9, "1.50"))).await;
    assert_eq!(status, 200, "a void is taken back by a later version");
    rows("/api/tournaments/cup", "result", json!(["3.00", "2.00"])).await;
    let why = json!({"reason": "two rounds were corrected"});
    let reply = post(&operator, "/api/tournaments/cup/results", &why).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    rows("/api/tournaments/cup", "result", json!(["2.00", "1.50", "0.70"])).await;
    // Operators, providers and players see each report with its corrections.
    let player = palio.player("c");
    for (who, path) in [
        (&operator, "/api/transactions?betId=b-c&limit=10"),
        (&provider, "/wallet/c/transactions?roundId=r-c"),
        (&player, "/api/me/transactions?kind=round.reported,round.corrected"),
    ] {
        let seen = who.get(path).await.unwrap();
        let seen: Value = serde_json::from_str(&seen.text()).unwrap();
        let shown: Vec<_> = seen["transactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| json!([one["kind"], one["staked"], one["version"], one["superseded"]]))
            .collect();
        let wanted = json!([
            ["round.corrected", "7.00", 4, true],
            ["round.corrected", "2.00", 5, null],
            ["round.reported", "9.00", null, null]
        ]);
        assert_eq!(json!(shown), wanted, "{path}");
    }
    palio.stop();
    palio.verify();
}
