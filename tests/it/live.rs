//! The live side of a whole server: every frame that it says, over plain and encrypted sockets, as
//! events and to a player himself, held against the published `AsyncAPI` document.

use crate::process::{Palio, Store, free_port, time_in};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const ASYNCAPI: &str = include_str!("../../docs/protocol/asyncapi.json");
const CERTIFICATE: &str = include_str!("tls/localhost.crt");
const KEY: &str = include_str!("tls/localhost.key");
const WITHIN: Duration = Duration::from_secs(20);

#[test]
fn the_published_document_is_what_the_types_say() {
    let said = format!("{:#}\n", palio_protocol::asyncapi::published());
    assert_eq!(
        ASYNCAPI, said,
        "run: cargo run -p palio-protocol --features schema --example asyncapi \
         > docs/protocol/asyncapi.json"
    );
}

/// The board that a delta is applied to: the one before, unless it names another one.
fn base_of(delta: &Value) -> Value {
    let before = || delta["seq"].as_u64().and_then(|seq| seq.checked_sub(1)).into();
    delta.get("prev").cloned().unwrap_or_else(before)
}

/// Holds frames against the document, and counts them.
struct Checked {
    validators: BTreeMap<String, jsonschema::Validator>,
    seen: BTreeSet<String>,
}

impl Checked {
    fn new() -> Self {
        let document: Value = serde_json::from_str(ASYNCAPI).unwrap();
        let schemas = &document["components"]["schemas"];
        let validator = |(name, message): (&String, &Value)| {
            let mut schema = message["payload"].clone();
            schema["components"] = json!({"schemas": schemas});
            (name.clone(), jsonschema::draft7::new(&schema).unwrap())
        };
        let messages = document["components"]["messages"].as_object().unwrap();
        Self { validators: messages.iter().map(validator).collect(), seen: BTreeSet::new() }
    }

    fn frame(&mut self, text: &str) -> Value {
        let frame: Value = serde_json::from_str(text).unwrap();
        let name = frame["t"].as_str().unwrap().to_owned();
        let validator = self.validators.get(&name).unwrap_or_else(|| panic!("{text}"));
        if let Err(error) = validator.validate(&frame) {
            panic!("{error}: {text}");
        }
        self.seen.insert(name);
        frame
    }
}

struct Client<S>(WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn over(stream: S, path: &str) -> Self {
        let url = format!("ws://localhost{path}");
        Self(tokio_tungstenite::client_async(url, stream).await.unwrap().0)
    }

    async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Frames up to the first of this kind.
    async fn until(&mut self, checked: &mut Checked, kind: &str) -> Value {
        loop {
            let next = tokio::time::timeout(WITHIN, self.0.next()).await;
            match next.unwrap_or_else(|_| panic!("no {kind} came")).unwrap().unwrap() {
                Message::Text(text) => {
                    let frame = checked.frame(&text);
                    if frame["t"] == kind {
                        return frame;
                    }
                }
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn host(palio: &Palio) -> String {
    palio.url().strip_prefix("http://").unwrap().to_owned()
}

async fn open(palio: &Palio, path: &str) -> Client<TcpStream> {
    Client::over(TcpStream::connect(host(palio)).await.unwrap(), path).await
}

async fn play(palio: &Palio, bet: &str, stake: &str) {
    play_as(palio, "p_1", bet, stake).await;
}

async fn play_as(palio: &Palio, player: &str, bet: &str, stake: &str) {
    let body = json!({"playerId": player, "roundId": bet, "gameId": "wolf", "betId": bet,
        "stake": stake, "payout": "0.00", "currency": "EUR"});
    let answer = palio.provider().post("/wallet/play", "", body.to_string()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn race(palio: &Palio) {
    let race = json!({"id": "race", "name": "Race", "metric": "turnover", "currency": "EUR",
        "startsAt": time_in(-100), "endsAt": time_in(60_000), "tickMs": 100, "entry": "all",
        "prizes": ["5.00"]});
    let created = palio.operator().post("/api/tournaments", "", race.to_string()).await.unwrap();
    assert_eq!(created.status, 201, "{}", created.text());
}

/// Sockets are told of own rows by other code than HTTP: for every place of a board it says the
/// same, ties and the prize line included.
#[tokio::test(flavor = "multi_thread")]
async fn own_rows_over_sockets_are_those_over_http() {
    let palio = Palio::start(Store::Sqlite).await;
    race(&palio).await;
    let players = ["p_1", "p_2", "p_3", "p_4", "p_5", "p_6", "p_7"];
    let stakes = ["1.25", "20.00", "3.00", "3.00", "0.01", "17.50", "20.00"];
    for (player, stake) in players.iter().zip(stakes) {
        palio.deposit(player, player, "100.00").await;
        play_as(&palio, player, player, stake).await;
    }
    let mut checked = Checked::new();
    let mut seen = Vec::new();
    for player in players {
        let mut board = open(&palio, "/ws/tournaments/race").await;
        board.send(json!({"t": "auth", "token": palio.token("player", player)})).await;
        let me = loop {
            let me = board.until(&mut checked, "me").await;
            if me["participants"] == players.len() {
                break me;
            }
        };
        let path = "/api/tournaments/race/leaderboard/me";
        let mut told: Value = palio.player(player).fetch(path).await.unwrap();
        let fields = told.as_object_mut().unwrap();
        fields.insert("t".to_owned(), "me".into());
        // What only HTTP tells.
        fields.retain(|name, _| !["entries", "payouts"].contains(&name.as_str()));
        for row in fields["around"].as_array_mut().unwrap() {
            *row = json!({"k": row["key"], "r": row["rank"], "n": row["name"], "s": row["score"]});
        }
        assert_eq!(me, told);
        seen.push((me["rank"].as_u64().unwrap(), me["prizeGap"].is_string()));
    }
    seen.sort_unstable();
    let ranks: Vec<_> = seen.iter().map(|(rank, _)| *rank).collect();
    assert_eq!(ranks, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(seen.iter().filter(|(_, gap)| *gap).count(), 6, "all but the one that is paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_is_as_published() {
    let mut palio = Palio::start(Store::Sqlite).await;
    palio.deposit("p_1", "d", "100.00").await;
    race(&palio).await;
    let mut checked = Checked::new();
    let token = palio.token("player", "p_1");
    let auth = json!({"t": "auth", "token": token});

    let mut board = open(&palio, "/ws/tournaments/race").await;
    let snapshot = board.until(&mut checked, "snapshot").await;
    let mut own = open(&palio, "/ws/me").await;
    own.send(auth.clone()).await;
    let wallet = own.until(&mut checked, "wallet").await;
    assert_eq!(wallet["accounts"][0]["cash"], "100.00");
    play(&palio, "a", "10.00").await;
    let wallet = own.until(&mut checked, "wallet").await;
    assert_eq!(wallet["accounts"][0]["cash"], "90.00");
    palio.deposit("p_1", "d2", "5.00").await;
    let notice = own.until(&mut checked, "notice").await;
    assert_eq!((&notice["kind"], &notice["amount"]), (&"wallet.deposited".into(), &"5.00".into()));

    let delta = board.until(&mut checked, "delta").await;
    assert_eq!(delta["set"][0][1], "10.00");
    board.send(auth).await;
    let me = board.until(&mut checked, "me").await;
    assert_eq!((&me["rank"], &me["score"]), (&1.into(), &"10.00".into()));
    board.send(json!({"t": "ping"})).await;
    board.until(&mut checked, "pong").await;
    board.send(json!({"t": "sing"})).await;
    assert_eq!(board.until(&mut checked, "error").await["code"], "BAD_FRAME");
    let epoch = snapshot["epoch"].as_str().unwrap();
    let cursor = format!("/ws/tournaments/race?epoch={epoch}&seq={}", snapshot["seq"]);
    let mut back = open(&palio, &cursor).await;
    back.until(&mut checked, "resumed").await;
    let next = back.until(&mut checked, "delta").await;
    assert_eq!(base_of(&next), snapshot["seq"]);

    // The same board as events, from the same cursor.
    let mut events = TcpStream::connect(host(&palio)).await.unwrap();
    let ask = format!(
        "GET /api/tournaments/race/events HTTP/1.1\r\nhost: palio\r\n\
         last-event-id: {epoch}:{}\r\naccept-encoding: gzip\r\n\r\n",
        snapshot["seq"]
    );
    events.write_all(ask.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(events).lines();
    let mut kinds = Vec::new();
    while kinds.len() < 2 {
        let line = tokio::time::timeout(WITHIN, lines.next_line()).await.unwrap().unwrap();
        let line = line.expect("the stream goes on");
        if let Some(data) = line.strip_prefix("data: ") {
            kinds.push(checked.frame(data)["t"].as_str().unwrap().to_owned());
        }
        if let Some(kind) = line.strip_prefix("content-type: ") {
            assert_eq!(kind, "text/event-stream");
        }
    }
    assert_eq!(kinds, ["resumed", "delta"]);

    // Proofs come when ten seconds have gone by.
    let proof = board.until(&mut checked, "proof").await;
    assert_eq!(proof["n"], 1);
    // What was shown can be shown to have been.
    let rows = back.until(&mut checked, "proof").await;
    assert_eq!(rows, proof, "the same for everybody");
    let polled: Value =
        palio.player("p_1").fetch("/api/tournaments/race/leaderboard").await.unwrap();
    let row = &polled["rows"][0];
    let mut kept = json!({"epoch": epoch, "seq": proof["seq"], "status": "active",
        "participants": 1, "before": snapshot["chain"], "time": proof["time"],
        "chain": proof["chain"], "sig": proof["sig"],
        "rows": [{"k": row["key"], "r": 1, "n": row["name"], "s": "10.00"}]});
    for (field, value, answer) in [
        ("seq", proof["seq"].clone(), (true, Value::Null)),
        ("participants", json!(2), (false, "chain".into())),
        ("participants", json!(1), (true, Value::Null)),
        ("sig", json!("00".repeat(16)), (false, "sig".into())),
    ] {
        kept[field] = value;
        let path = "/api/tournaments/race/proofs";
        let said = palio.operator().post(path, "", kept.to_string()).await.unwrap();
        assert_eq!(said.status, 200, "{}", said.text());
        let said: Value = said.json().unwrap();
        assert_eq!((&said["genuine"], &said["differs"]), (&answer.0.into(), &answer.1), "{said}");
    }
    // A server that stops says so, to each when to come back.
    palio.stop();
    let bye = board.until(&mut checked, "bye").await;
    assert!(bye["code"] == 1001 && bye["reconnectMs"].is_u64(), "{bye}");
    own.until(&mut checked, "bye").await;
    let unseen: Vec<_> =
        checked.validators.keys().filter(|name| !checked.seen.contains(*name)).collect();
    // Those of clients, and what only edges say.
    assert_eq!(unseen, ["auth", "fresh", "ping", "stale"], "every frame of the server was seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_ends_in_the_server_and_changes_nothing() {
    let port = free_port();
    let tls = format!(
        "[live]\nsockets_per_address_max = 2\n[tls]\nbind = \"127.0.0.1:{port}\"\n\
         certificate_file = \"$tls.crt\"\nkey_file = \"$tls.key\"\n"
    );
    let files = [("tls.crt", CERTIFICATE), ("tls.key", KEY)];
    let palio = Palio::start_with(Store::Sqlite, &tls, &files).await;
    palio.deposit("p_1", "d", "100.00").await;
    race(&palio).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let connect = async |from: [u8; 4]| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
        connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
    };
    let mut checked = Checked::new();
    let mut board = Client::over(connect([127, 0, 0, 1]).await, "/ws/tournaments/race").await;
    let snapshot = board.until(&mut checked, "snapshot").await;
    play(&palio, "a", "10.00").await;
    let next = board.until(&mut checked, "delta").await;
    assert_eq!(base_of(&next), snapshot["seq"]);
    board.send(json!({"t": "auth", "token": palio.token("player", "p_1")})).await;
    assert_eq!(board.until(&mut checked, "me").await["score"], "10.00");
    // Who is behind the front counts as himself: another address still gets in.
    let _second = Client::over(connect([127, 0, 0, 1]).await, "/ws/tournaments/race").await;
    let (url, here) = ("ws://localhost/ws/tournaments/race", connect([127, 0, 0, 1]).await);
    let refused = tokio_tungstenite::client_async(url, here).await.unwrap_err();
    assert!(refused.to_string().contains("429"), "{refused}");
    let mut elsewhere = Client::over(connect([127, 0, 0, 2]).await, "/ws/tournaments/race").await;
    elsewhere.until(&mut checked, "snapshot").await;
    // Not TLS at all: nothing answers, and nothing is held up.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    play(&palio, "b", "10.00").await;
    board.until(&mut checked, "delta").await;
}
