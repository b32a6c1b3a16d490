//! A running server, sent what the corpus holds and mutations of it, as the bytes on the wire:
//! every path, query and body, signed and with tokens, so that handlers are reached.
//!
//! **Property:** no request is answered with 5xx or not at all; whatever is refused is refused
//! with a problem document whose code is known and fits the status, and that repeats nothing;
//! providers' dialects answer in JSON. `PALIO_FUZZ_RUNS` and `PALIO_FUZZ_SEED` as in the replay.

use hmac::{Hmac, KeyInit as _, Mac as _};
use palio::auth::Role;
use palio::config::{Config, Node};
use palio_domain::{PlayerId, TenantId, UnixMs};
use palio_fuzz::{Rng, corpus, mutate};
use palio_protocol::ErrorCode;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

const CANARY: &str = "CaNaRy-1f9e7c";
const SECRET: &str = "a secret of the sandbox, 32 bytes or more";
const AGGREGATOR: &str = "a secret of an aggregator, 32 bytes or more";
const SALT: &str = "the salt of a provider with query parameters";

/// Requests without a body that matters, as in the corpus.
const QUESTIONS: &[&str] = &[
    "GET /wallet/p_1",
    "GET /wallet/rounds/overdue",
    "GET /api/me",
    "GET /api/rounds/overdue",
    "GET /api/players/p_1",
    "POST /api/players/p_2",
    "GET /api/providers",
    "GET /api/tournaments?status=active&limit=5",
    "GET /api/tournaments/friday-race",
    "POST /api/tournaments/friday-race/join",
    "POST /api/tournaments/friday-race/cancel",
    "GET /api/tournaments/friday-race/leaderboard?limit=10&offset=5",
    "GET /api/tournaments/friday-race/leaderboard/me",
    "GET /api/schedules",
    "GET /api/schedules/sunday-race",
    "POST /api/schedules/sunday-race/start",
    "POST /api/schedules/sunday-race/stop",
    "GET /ws/tournaments/friday-race?epoch=k.0&seq=7",
    "GET /openapi.json",
    "GET /demo/info",
    "GET /healthz",
    "PUT /events",
    "DELETE /api/tournaments/friday-race",
    "GET /t/friday-race",
    // Faults that were found.
    "GET /api/tournaments?limit=x",
    "GET /api/tournaments/friday-race/leaderboard?limit=1&limit=2",
];

const WORDS: &[&str] = &[
    "GET",
    "POST",
    "PUT",
    "HEAD",
    "OPTIONS",
    "limit",
    "offset",
    "status",
    "limit=x",
    "limit=-1",
    "limit=18446744073709551616",
    "offset=18446744073709551615",
    "%ff",
    "%2F",
    "..",
    "//",
    "wallet",
    "events",
    "api",
    "players",
    "tournaments",
    "leaderboard",
    "schedules",
    "start",
    "stop",
    "join",
    "leave",
    "cancel",
    "sessions",
    "providers",
    "agg",
    "blue",
    "state",
    "p_1",
    "friday-race",
    "rounds",
    "overdue",
];

struct Server {
    address: SocketAddr,
    operator: String,
    player: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    dir: PathBuf,
}

impl Server {
    fn start() -> Self {
        let dir = std::env::temp_dir().join(format!("palio-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        for (name, secret) in [("own", SECRET), ("agg", AGGREGATOR), ("blue", SALT)] {
            std::fs::write(dir.join(name), secret).expect("a secret's file");
        }
        let provider = |id: &str, dialect: &str, file: &str| {
            let file = dir.join(file);
            format!(
                "[[provider]]\nid = \"{id}\"\ntenant = 1\n\
                 dialect = \"{dialect}\"\nkeys = [{{ id = \"{id}-1\", secret_file = {file:?} }}]\n"
            )
        };
        let text = format!(
            "mode = \"development\"\nseries = []\nhttp.bind = \"127.0.0.1:0\"\n\
             admin.bind = \"127.0.0.1:0\"\nstorage.kind = \"memory\"\n\
             storage.data_dir = {dir:?}\n{}{}{}{}",
            provider("sandbox", "palio", "own"),
            provider("other", "palio", "own"),
            provider("agg", "actions", "agg"),
            provider("blue", "per_player", "blue"),
        );
        let config =
            Config::of_text("the test's", &text, Node::Core).expect("a good configuration");
        let (say, hear) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let running = palio::app::start(&config).await.expect("a server");
                let token = |role, subject: &str, player| {
                    let (tenant, ttl_ms) = (TenantId(1), 1_000_000_000);
                    let made = running.issuer.issue(role, tenant, subject, player, ttl_ms, now());
                    made.expect("a token")
                };
                let operator = token(Role::Admin, "anna", None);
                let player = token(Role::Player, "p_1", Some(PlayerId(7)));
                say.send((running.address, operator, player)).expect("the test waits");
                stopped.await.ok();
                running.stop().await;
            });
        });
        let (address, operator, player) = hear.recv().expect("a server that runs");
        Self { address, operator, player, stop: Some(stop), thread: Some(thread), dir }
    }

    /// Sends a request as in the corpus; its answer's status, type and body.
    fn send(&self, text: &[u8]) -> Option<(String, Answer)> {
        let (head, body) = match text.windows(2).position(|pair| pair == b"\n\n") {
            Some(at) => (text.get(..at)?, text.get(at + 2..)?),
            None => (text, &[][..]),
        };
        let head = String::from_utf8_lossy(head).into_owned();
        let mut lines = head.lines();
        let mut first = lines.next()?.split(' ');
        let method: String = first.next()?.chars().filter(char::is_ascii_uppercase).collect();
        let path = legal(first.next().unwrap_or("/"));
        // What has no answer's body, is another protocol, or is too long for a line of HTTP.
        let other = method.is_empty() || matches!(method.as_str(), "HEAD" | "CONNECT");
        if other || method.len() + path.len() > 8_000 {
            return None;
        }
        let own = lines.filter_map(|line| line.split_once(": "));
        let key = own.into_iter().find(|(name, _)| *name == "X-Idempotency-Key");
        let key = key
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty() && value.bytes().all(|b| (0x21..=0x7e).contains(&b)));
        let key = key.unwrap_or_default();
        let path = if path.starts_with("/providers/blue") { salted(&path) } else { path };
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nAuthorization: Bearer {}\r\n\
             X-REQUEST-SIGN: {}\r\n{}",
            body.len(),
            if path.starts_with("/api/me") || path.contains("/join") || path.contains("/leave") {
                &self.player
            } else {
                &self.operator
            },
            mac(AGGREGATOR, body),
            signature(&method, &path, key, body),
        );
        if !key.is_empty() {
            request.push_str(&format!("X-Idempotency-Key: {key}\r\n"));
        }
        request.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).expect("a server that listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        stream.write_all(&[request.as_bytes(), body].concat()).ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        let answer = Answer::of(&answer);
        Some((format!("{method} {path}"), answer))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
        std::fs::remove_dir_all(&self.dir).ok();
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    kind: String,
    body: String,
}

impl Answer {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let kind = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-type").then(|| value.to_owned())
        });
        Self { status, kind: kind.unwrap_or_default(), body: body.to_owned() }
    }
}

#[expect(clippy::disallowed_methods, reason = "the server is on the real clock")]
fn now() -> UnixMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UnixMs(
        i64::try_from(since.expect("after 1970").as_millis()).expect("before the year 292278994"),
    )
}

/// A path and query as HTTP lets them through; the rest is escaped.
fn legal(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_graphic() && !b"\"#<>\\^`{|}".contains(&b);
    let mut legal = String::from(if path.starts_with('/') { "" } else { "/" });
    for byte in path.bytes() {
        if plain(byte) {
            legal.push(char::from(byte));
        } else {
            legal.push_str(&format!("%{byte:02X}"));
        }
    }
    legal
}

fn mac(secret: &str, of: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(of);
    hex::encode(mac.finalize().into_bytes())
}

fn signature(method: &str, path: &str, key: &str, body: &[u8]) -> String {
    let at = (now().0 / 1_000).to_string();
    let body = hex::encode(Sha256::digest(body));
    let signature = mac(SECRET, ["v1", &at, method, path, key, &body].join("\n").as_bytes());
    format!(
        "X-Palio-Key: sandbox-1\r\nX-Palio-Timestamp: {at}\r\nX-Palio-Signature: {signature}\r\n"
    )
}

/// The path with the right `key` of its query.
fn salted(path: &str) -> String {
    use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let pairs: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("key=")).collect();
    let query = pairs.join("&");
    let key = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{SALT}{query}").as_bytes());
    format!("{path}?{query}&key={}", hex::encode(key))
}

/// The corpus as requests to this server.
fn inputs() -> Vec<Vec<u8>> {
    let mut inputs: Vec<Vec<u8>> = QUESTIONS.iter().map(|text| text.as_bytes().to_vec()).collect();
    let read = |target| corpus::read(target).expect("a folder of inputs");
    inputs.extend(read("bodies").into_iter().map(|(_, input)| input));
    for (target, path) in [("events", "/events"), ("tournaments", "/api/tournaments")] {
        for (_, input) in read(target) {
            let at = input.iter().position(|b| *b == b'\n').unwrap_or(input.len());
            let path = match input.get(..at) {
                Some(b"state") => "/api/providers/other/state",
                Some(b"schedule") => "/api/schedules",
                Some(_) | None => path,
            };
            let rest = input.get(at..).unwrap_or_default();
            inputs.push([b"POST ", path.as_bytes(), rest].concat());
        }
    }
    for (_, input) in read("dialects") {
        let text = String::from_utf8_lossy(&input);
        let moved = text.replacen("actions POST ", "POST /providers/agg/", 1).replacen(
            "per_player GET ",
            "GET /providers/blue",
            1,
        );
        inputs.push(moved.into_bytes());
    }
    inputs
}

fn check(what: &str, request: &str, answer: &Answer) {
    let Answer { status, kind, body } = answer;
    let shown = || format!("{what}: {request}: {status} {kind} {body}");
    // A request may have switched a provider off.
    let off = *status == 503 && body.contains("MAINTENANCE");
    assert!((101..500).contains(status) || off, "{}", shown());
    if *status < 400 {
        return;
    }
    assert!(!body.contains(CANARY), "{}", shown());
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    if request.contains("/providers/agg") || request.contains("/providers/blue") {
        assert!(json.is_object(), "{}", shown());
        return;
    }
    let code = json.pointer("/code").and_then(Value::as_str).unwrap_or_default();
    assert_eq!(kind, "application/problem+json", "{}", shown());
    let known = ErrorCode::from_code(code).map(ErrorCode::status);
    assert!(known == Some(*status) || request.contains(" /ws/"), "{}", shown());
}

#[test]
fn whatever_is_sent_is_answered() {
    let server = Server::start();
    let inputs = inputs();
    for input in &inputs {
        if let Some((request, answer)) = server.send(input) {
            check("kept", &request, &answer);
        }
    }
    let number = |variable: &str, default: u64| {
        std::env::var(variable).map_or(default, |text| text.parse().expect("a whole number"))
    };
    let (runs, seed) = (number("PALIO_FUZZ_RUNS", 500), number("PALIO_FUZZ_SEED", 1));
    let mut rng = Rng::new(seed);
    for n in 0..runs {
        let mut input = rng.pick(&inputs).expect("an input").clone();
        let other = rng.pick(&inputs).expect("an input");
        mutate(&mut input, other, WORDS, 65_536, &mut rng);
        if let Some((request, answer)) = server.send(&input) {
            check(&format!("mutation {n} of seed {seed}"), &request, &answer);
        }
    }
}
