//! A server that answers like docs/protocol.md, small enough to read, and able to misbehave.

mod board;
mod live;
mod wallet;

use palio_protocol::signature::{
    IDEMPOTENCY_HEADER, KEY_HEADER, SIGNATURE_HEADER, Signed, TIMESTAMP_HEADER, TRACE_HEADER,
};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const KEY: &str = "stub-key";
pub(crate) const SECRET: &str = "stub-secret";
pub(crate) const OPERATOR: &str = "stub-operator";
pub(crate) const TOURNAMENT: &str = "stub-race";

/// How the stub misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(dead_code, reason = "the example uses one of them")]
pub(crate) enum Fault {
    /// Not at all.
    #[default]
    None,
    /// Now and then a cent is gone after a right answer.
    LosesCents,
    /// Now and then an answer shows a wrong balance, though the money is right.
    ShowsWrongBalance,
    /// A repeated key is done again.
    ForgetsKeys,
    /// Now and then a request is done and the connection closed without an answer.
    DropsAnswers,
    /// Now and then a request is refused for overload.
    Busy,
    /// Now and then the server says that it does not know, having done it.
    SaysUnknown,
    /// Now and then a bet in an array is refused for overload.
    RefusesParts,
    /// One delta is not sent.
    SkipsADelta,
    /// The leaderboard over HTTP shows another score.
    ShowsAnotherBoard,
    /// Deltas leave a hole in the ranks.
    BreaksRanks,
    /// Sockets are closed now and then; a resume is possible.
    ClosesSockets,
}

/// How the stub is set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) fault: Fault,
    /// Between two ticks of the board.
    pub(crate) tick: Duration,
    /// The board changes by itself.
    pub(crate) churn: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { fault: Fault::None, tick: Duration::from_millis(20), churn: false }
    }
}

/// Everything the stub knows.
pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) wallet: Mutex<wallet::Wallet>,
    pub(crate) board: Mutex<board::Race>,
}

/// A running stub; it ends with the runtime.
pub(crate) struct Stub {
    pub(crate) address: SocketAddr,
    #[allow(dead_code, reason = "the example does not look")]
    pub(crate) state: Arc<State>,
}

impl Stub {
    pub(crate) async fn start(address: &str, options: Options) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            options,
            wallet: Mutex::new(wallet::Wallet::new(options.fault)),
            board: Mutex::new(board::Race::new(options.fault)),
        });
        tokio::spawn(board::tick(Arc::clone(&state)));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    #[allow(dead_code, reason = "the example is asked from outside")]
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A request, read whole.
struct Request {
    method: String,
    path: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.get(&name.to_ascii_lowercase()).map_or("", String::as_str)
    }

    fn signed(&self) -> bool {
        let signed = Signed {
            timestamp: self.header(TIMESTAMP_HEADER),
            method: &self.method,
            path_and_query: &self.path,
            idempotency_key: self.header(IDEMPOTENCY_HEADER),
            body: &self.body,
        };
        self.header(KEY_HEADER) == KEY
            && signed.verify(SECRET.as_bytes(), self.header(SIGNATURE_HEADER))
    }
}

async fn read(stream: &mut TcpStream, input: &mut Vec<u8>) -> Option<Request> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut head = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(start) = head.parse(input).unwrap() {
            let pair = |h: &httparse::Header<'_>| {
                let value = String::from_utf8(h.value.to_vec()).unwrap();
                (h.name.to_ascii_lowercase(), value)
            };
            let headers: HashMap<_, _> = head.headers.iter().map(pair).collect();
            let length: usize = headers.get("content-length").map_or(0, |n| n.parse().unwrap());
            if input.len() >= start + length {
                let (method, path) = (head.method.unwrap().into(), head.path.unwrap().into());
                let body = input[start..start + length].to_vec();
                input.drain(..start + length);
                return Some(Request { method, path, headers, body });
            }
        }
        if stream.read_buf(input).await.ok()? == 0 {
            return None;
        }
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let mut input = Vec::with_capacity(4096);
    while let Some(request) = read(&mut stream, &mut input).await {
        if request.header("upgrade") == "websocket" {
            let target = request.path.strip_prefix("/ws/tournaments/").unwrap_or_default();
            let (id, query) = target.split_once('?').unwrap_or((target, ""));
            if id == TOURNAMENT {
                let key = request.header("sec-websocket-key").to_owned();
                return live::follow(stream, &key, query, state).await;
            }
        }
        let Some((status, body)) = answer(&request, &state) else { return };
        let head = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             x-trace-id: {}\r\n\r\n",
            body.len(),
            request.header(TRACE_HEADER)
        );
        if stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.is_err() {
            return;
        }
    }
}

/// Status and body, or nothing: the connection is then closed.
fn answer(request: &Request, state: &State) -> Option<(u16, String)> {
    let problem = |status: u16, code: &str| Some((status, wallet::problem(status, code)));
    let path = request.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (post, key) = (request.method == "POST", request.header(IDEMPOTENCY_HEADER));
    match parts.as_slice() {
        ["api", "players", player, "deposits"] if post => {
            if request.header("authorization") != format!("Bearer {OPERATOR}") {
                return problem(401, "TOKEN_INVALID");
            }
            state.wallet.lock().unwrap().deposit(player, key, &request.body)
        }
        ["api", "tournaments"] => Some((200, state.board.lock().unwrap().list())),
        ["api", "tournaments", TOURNAMENT] => Some((200, state.board.lock().unwrap().about())),
        ["api", "tournaments", TOURNAMENT, "leaderboard"] => {
            Some((200, state.board.lock().unwrap().page()))
        }
        ["wallet" | "events", ..] if !request.signed() => problem(401, "SIGNATURE_INVALID"),
        ["wallet", player] if !post => Some((200, state.wallet.lock().unwrap().show(player))),
        ["wallet", kind] if post => {
            state.wallet.lock().unwrap().request(kind, key, &request.body, &state.board)
        }
        ["events"] if post => state.wallet.lock().unwrap().events(&request.body, &state.board),
        _ => problem(404, "NOT_FOUND"),
    }
}
