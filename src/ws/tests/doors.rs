//! Getting in, staying in, and the ways out.

use super::support::{SERVER_TIME, Stage, id, view, wait};
use crate::ws::LiveConfig;
use actix_rt::net::TcpStream;
use futures_util::SinkExt as _;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

const RACE: &str = "/ws/tournaments/race";

#[actix_rt::test]
async fn what_may_not_come_in_is_told_in_http() {
    let listed = vec!["https://games.example".to_owned()];
    let stage = Stage::with(LiveConfig { allowed_origins: listed, ..LiveConfig::default() });
    for (path, headers, status, code) in [
        ("/ws/tournaments/none", vec![], 404, "TOURNAMENT_NOT_FOUND"),
        ("/ws/tournaments/NONE", vec![], 404, "NOT_FOUND"),
        ("/elsewhere", vec![], 404, "NOT_FOUND"),
        (RACE, vec![("sec-websocket-protocol", "mqtt")], 400, "UNKNOWN_SUBPROTOCOL"),
        (RACE, vec![("origin", "https://evil.example")], 403, "ORIGIN_NOT_ALLOWED"),
        (RACE, vec![("origin", "null")], 403, "ORIGIN_NOT_ALLOWED"),
    ] {
        let answer = stage.refused(path, &headers).await;
        assert_eq!(answer.status(), status, "{path} {headers:?}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let trace = answer.headers()["x-trace-id"].to_str().unwrap().to_owned();
        let problem: serde_json::Value = serde_json::from_str(answer.body()).unwrap();
        assert_eq!((&problem["code"], &problem["traceId"]), (&code.into(), &trace.into()));
    }
    let own = format!("http://{}", stage.address);
    for origin in [&*own, "https://games.example"] {
        assert!(stage.try_open(RACE, &[("origin", origin)]).await.is_ok(), "{origin}");
    }
}

#[actix_rt::test]
async fn subprotocol_and_trace_are_echoed() {
    let stage = Stage::set();
    let offers = [("sec-websocket-protocol", "mqtt, palio.v1.json"), ("x-trace-id", "tr_5f1")];
    let (_client, headers) = stage.try_open(RACE, &offers).await.unwrap();
    assert_eq!(headers["sec-websocket-protocol"], "palio.v1.json");
    assert_eq!(headers["x-trace-id"], "tr_5f1");
    let (_client, headers) = stage.try_open(RACE, &[]).await.unwrap();
    assert!(!headers.contains_key("sec-websocket-protocol"));
}

#[actix_rt::test]
async fn seats_are_bounded() {
    let stage = Stage::with(LiveConfig { sockets_max: 2, ..LiveConfig::default() });
    let (first, _second) = (stage.open(RACE).await, stage.open(RACE).await);
    let answer = stage.refused(RACE, &[]).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"5".parse().unwrap())
    );
    drop(first);
    wait(|| stage.live.sockets() == 1).await;
    stage.open(RACE).await;

    let config = LiveConfig { sockets_per_address_max: 1, ..LiveConfig::default() };
    let stage = Stage::with(config);
    let _first = stage.open(RACE).await;
    assert_eq!(stage.refused(RACE, &[]).await.status(), 429);
}

#[actix_rt::test]
async fn bytes_that_come_with_the_handshake_are_not_lost() {
    let stage = Stage::set();
    let mut stream = TcpStream::connect(&stage.address).await.unwrap();
    let mut bytes = format!(
        "GET {RACE} HTTP/1.1\r\nhost: {}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        stage.address
    )
    .into_bytes();
    bytes.extend([0x89, 0x82, 0, 0, 0, 0, b'h', b'i']);
    stream.write_all(&bytes).await.unwrap();
    let mut got = Vec::new();
    while !got.windows(4).any(|four| four == [0x8a, 2, b'h', b'i']) {
        assert!(stream.read_buf(&mut got).await.unwrap() > 0);
    }
}

#[actix_rt::test]
async fn pings_are_answered_and_a_close_is_echoed() {
    let stage = Stage::set();
    let mut client = stage.open(RACE).await;
    client.text().await;
    client.0.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(client.next().await, Message::Pong("are you there".into()));
    client.0.send(Message::binary(vec![0xff])).await.unwrap();
    assert!(client.text().await.contains("BAD_FRAME"));
    client.send("{}").await;
    assert_eq!(
        client.text().await,
        r#"{"t":"error","code":"BAD_FRAME","detail":"neither auth nor ping"}"#
    );
    client.0.close(None).await.unwrap();
    let (texts, code) = client.until_close().await;
    assert_eq!((texts.len(), code), (0, 1005));
    wait(|| stage.live.sockets() == 0).await;
}

#[actix_rt::test]
async fn a_text_may_come_in_parts() {
    let stage = Stage::set();
    let mut client = stage.open(RACE).await;
    client.text().await;
    let part = |text: &'static str, opcode, last| {
        Message::Frame(Frame::message(text, OpCode::Data(opcode), last))
    };
    client.0.send(part(r#"{"t":"#, Data::Text, false)).await.unwrap();
    client.0.send(part(r#""ping"}"#, Data::Continue, true)).await.unwrap();
    assert_eq!(client.text().await, format!(r#"{{"t":"pong","serverTime":"{SERVER_TIME}"}}"#));
}

#[actix_rt::test]
async fn those_who_break_the_protocol_are_closed() {
    let stage = Stage::set();
    let large = "x".repeat(4097);
    let text = |bytes: &[u8]| {
        Message::Frame(Frame::message(bytes.to_vec(), OpCode::Data(Data::Text), true))
    };
    for (what, code, message) in [
        ("too large", 1009, Message::text(large)),
        ("not UTF-8", 4400, text(&[0xff])),
        (
            "continues nothing",
            4400,
            Message::Frame(Frame::message("x", OpCode::Data(Data::Continue), true)),
        ),
        (
            "unknown opcode",
            4400,
            Message::Frame(Frame::message("x", OpCode::Data(Data::Reserved(3)), true)),
        ),
    ] {
        let mut client = stage.open(RACE).await;
        client.text().await;
        client.0.send(message).await.unwrap();
        let bye = format!(r#"{{"t":"bye","code":{code}}}"#);
        assert_eq!(client.until_close().await, (vec![bye], code), "{what}");
    }
    let mut client = stage.open(RACE).await;
    for _ in 0..11 {
        client.send(r#"{"t":"ping"}"#).await;
    }
    let (texts, code) = client.until_close().await;
    assert_eq!((texts.len(), code), (12, 4029), "the snapshot, ten pongs, the bye");
    assert_eq!(texts[11], r#"{"t":"bye","code":4029,"reconnectMs":5000}"#);
    // A message of exactly the limit is still a message.
    let mut client = stage.open(RACE).await;
    client.text().await;
    client.send(&"x".repeat(4096)).await;
    assert!(client.text().await.contains("BAD_FRAME"));
}

#[actix_rt::test]
async fn a_silent_client_is_pinged_and_a_dead_one_dropped() {
    let stage = Stage::with(LiveConfig { heartbeat_ms: 50, ..LiveConfig::default() });
    let mut alive = stage.open(RACE).await;
    let dead = stage.open(RACE).await;
    alive.text().await;
    // Reading is what answers pings in this client.
    let mut pings = 0;
    while stage.live.sockets() > 1 {
        pings += usize::from(alive.next().await == Message::Ping("".into()));
    }
    assert!((3..9).contains(&pings), "{pings}");
    assert!(matches!(alive.next().await, Message::Ping(_)));
    drop(dead);
}

#[actix_rt::test]
async fn a_shutdown_says_when_to_come_back() {
    let stage = Stage::set();
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = stage.open(RACE).await;
        client.text().await;
        clients.push(client);
    }
    let silent = stage.open(RACE).await;
    let live = stage.live.clone();
    let done = actix_rt::spawn(async move { live.shutdown().await });
    let mut times = std::collections::HashSet::new();
    for client in &mut clients {
        let (texts, code) = client.until_close().await;
        assert_eq!((texts.len(), code), (1, 1001));
        let bye: serde_json::Value = serde_json::from_str(&texts[0]).unwrap();
        let ms = bye["reconnectMs"].as_u64().unwrap();
        assert!((500..=3000).contains(&ms), "{bye}");
        times.insert(ms);
        // What answers the close.
        client.0.close(None).await.ok();
    }
    assert!(times.len() > 1, "all at once is what jitter is for");
    let refused = stage.refused(RACE, &[]).await;
    assert_eq!(
        (refused.status().as_u16(), refused.headers().contains_key("retry-after")),
        (503, true)
    );
    tokio::time::timeout(Duration::from_secs(4), done).await.expect("bounded").unwrap();
    wait(|| stage.live.sockets() == 0).await;
    drop(silent);
    assert!(stage.live.published(&id("race")).is_some(), "polling goes on");
}

/// Goodbyes are spread: those that come first have gone before the last is told.
#[actix_rt::test]
async fn a_node_drains_over_time() {
    let stage = Stage::with(LiveConfig { drain_ms: 1_500, ..LiveConfig::default() });
    // Also when many tournaments have a few each.
    let mut clients = Vec::new();
    for room in 0..30 {
        let id = format!("race-{room}");
        stage.boards.show(view(&id, &[("a", "2"), ("b", "1")]));
        for _ in 0..20 {
            clients.push(stage.open(&format!("/ws/tournaments/{id}")).await);
        }
    }
    let live = stage.live.clone();
    let done = actix_rt::spawn(async move { live.shutdown().await });
    let told = futures_util::future::join_all(clients.iter_mut().map(async |client| {
        let (_, code) = client.until_close().await;
        assert_eq!(code, 1001);
        client.0.close(None).await.ok();
        std::time::Instant::now()
    }));
    let mut told = told.await;
    told.sort();
    // Pauses are never shorter than they are meant to be.
    let spread = told[599] - told[0];
    assert!(spread >= Duration::from_millis(500), "{spread:?}");
    tokio::time::timeout(Duration::from_secs(9), done).await.expect("bounded").unwrap();
}

#[actix_rt::test]
async fn the_app_answers_what_is_no_socket() {
    use actix_http::HttpService;
    use actix_service::map_config;
    use actix_web::{App, HttpResponse, dev::AppConfig, web};
    let mut stage = Stage::set();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stage.address = listener.local_addr().unwrap().to_string();
    let live = stage.live.clone();
    let server = actix_server::Server::build().workers(1).disable_signals();
    let server = server.listen("app", listener, move || {
        let app = App::new().app_data(web::Data::from(live.clone())).route(
            "/board",
            web::get().to(async |live: web::Data<crate::ws::Live>| {
                let board = live.published(&id("race")).unwrap();
                HttpResponse::Ok().insert_header(("etag", &*board.etag)).body(board.page())
            }),
        );
        HttpService::build()
            .upgrade(live.upgrade_service())
            .h1(map_config(app, |_| AppConfig::default()))
            .tcp()
    });
    actix_rt::spawn(server.unwrap().run());
    let mut client = stage.open(RACE).await;
    assert!(client.text().await.contains("snapshot"));
    let mut stream = TcpStream::connect(&stage.address).await.unwrap();
    stream
        .write_all(b"GET /board HTTP/1.1\r\nhost: palio\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Otter a"), "{answer}");
}
