//! Browsers that watch: each holds one socket to some node, comes back with its cursor when it
//! breaks, and writes down what should not be.

use futures_util::{SinkExt as _, StreamExt as _};
use loadtest::board;
use palio_protocol::live::{self, Board, Digest, Form, Row, Status, binary};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// Silences that are worth noting.
const SILENCE: Duration = Duration::from_millis(600);

/// What all watchers of a test know together.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) tournament: String,
    /// Hashes of boards, whoever had them: at one position there is one board.
    boards: Mutex<HashMap<(String, u64), Digest>>,
    pub(super) wrong: Mutex<Vec<String>>,
    pub(super) frames: AtomicU64,
    pub(super) resumed: AtomicU64,
    pub(super) snapshots: AtomicU64,
    pub(super) stale: AtomicU64,
    pub(super) fresh: AtomicU64,
    pub(super) stop: AtomicBool,
}

impl Seen {
    pub(super) fn of(tournament: &str) -> Arc<Self> {
        Arc::new(Self { tournament: tournament.to_owned(), ..Self::default() })
    }

    fn wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    pub(super) fn boards(&self) -> usize {
        self.boards.lock().unwrap().len()
    }

    /// Whether a board with this hash was seen at this position.
    fn note(&self, epoch: &str, board: &Board) {
        let hash = live::hash(&self.tournament, epoch, board);
        let mut boards = self.boards.lock().unwrap();
        let known = *boards.entry((epoch.to_owned(), board.seq)).or_insert(hash);
        if known != hash {
            self.wrong(format!("two boards at {epoch} {}", board.seq));
        }
    }
}

/// One watcher.
pub(super) struct Watcher {
    seen: Arc<Seen>,
    form: Form,
    epoch: String,
    json: board::Board,
    binary: Option<(Board, u8)>,
    /// The last position shown.
    last: Option<((u64, u64), u64)>,
    heard: Instant,
    /// When news came again after a silence, and how long it was.
    pub(super) silences: Vec<(Instant, Duration)>,
}

type Socket = WebSocketStream<TcpStream>;

fn order(epoch: &str) -> (u64, u64) {
    let (boot, count) = epoch.split_once('.').unwrap_or((epoch, "0"));
    let number = |digits| u64::from_str_radix(digits, 36).unwrap();
    (number(boot), number(count))
}

fn of_json(board: &board::Board) -> Board {
    let status = Status::ALL.into_iter().find(|status| status.as_str() == board.status());
    let row = |row: &board::Row| {
        let (key, name) = (row.key.as_str().into(), row.name.as_str().into());
        Arc::new(Row { key, name, score: row.score.as_str().into(), points: 0 })
    };
    Board {
        seq: board.seq(),
        status: status.unwrap(),
        participants: board.participants(),
        rows: board.rows().iter().map(row).collect(),
        ranks: board.rows().iter().map(|row| row.rank).collect(),
    }
}

impl Watcher {
    pub(super) fn new(seen: &Arc<Seen>, form: Form) -> Self {
        Self {
            seen: Arc::clone(seen),
            form,
            epoch: String::new(),
            json: board::Board::default(),
            binary: None,
            last: None,
            heard: Instant::now(),
            silences: Vec::new(),
        }
    }

    pub(super) fn cursor(&self) -> Option<(String, u64)> {
        self.last.map(|(_, seq)| (self.epoch.clone(), seq))
    }

    async fn connect(&self, address: &str) -> Option<Socket> {
        let cursor = self.cursor().map(|(epoch, seq)| format!("?epoch={epoch}&seq={seq}"));
        let cursor = cursor.unwrap_or_default();
        let url = format!("ws://{address}/ws/tournaments/{}{cursor}", self.seen.tournament);
        let mut request = url.into_client_request().unwrap();
        let form = self.form.subprotocol().parse().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", form);
        let stream = TcpStream::connect(address).await.ok()?;
        let socket = tokio_tungstenite::client_async(request, stream);
        let socket = tokio::time::timeout(Duration::from_secs(5), socket).await.ok()?;
        socket.ok().map(|(socket, _)| socket)
    }

    /// Watches nodes, the next one whenever the socket breaks, until told to stop.
    pub(super) async fn run(mut self, nodes: Vec<String>, first: usize) -> Self {
        let mut at = first;
        while !self.seen.stop.load(Ordering::Relaxed) {
            match self.connect(&nodes[at % nodes.len()]).await {
                Some(socket) => self.watch(socket).await,
                None => tokio::time::sleep(Duration::from_millis(150)).await,
            }
            at += 1;
            tokio::time::sleep(Duration::from_millis(rand::random_range(20..150))).await;
        }
        self
    }

    async fn watch(&mut self, mut socket: Socket) {
        while !self.seen.stop.load(Ordering::Relaxed) {
            let next = tokio::time::timeout(Duration::from_millis(300), socket.next()).await;
            match next {
                Err(_) => {}
                Ok(Some(Ok(Message::Text(text)))) => self.text(&text),
                Ok(Some(Ok(Message::Binary(bytes)))) => self.bytes(&bytes),
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return,
                Ok(Some(Ok(_))) => {}
            }
        }
        socket.close(None).await.ok();
    }

    /// Connects to one node; the first frame that is about the board, as a word.
    pub(super) async fn first_frame(&mut self, address: &str) -> &'static str {
        let mut socket = self.connect(address).await.expect("a socket");
        loop {
            match socket.next().await.unwrap().unwrap() {
                Message::Text(text) => {
                    let known = ["resumed", "snapshot", "delta"];
                    let is = |word: &&&str| text.contains(&format!("\"t\":\"{word}\""));
                    if let Some(word) = known.iter().find(is) {
                        return word;
                    }
                }
                Message::Binary(bytes) => {
                    return match bytes[0] & 15 {
                        1 => "snapshot",
                        2 => "delta",
                        3 => "resumed",
                        _ => continue,
                    };
                }
                _ => {}
            }
        }
    }

    /// Waits at one node for this player's own row.
    pub(super) async fn own_row(&self, address: &str, token: &str) -> String {
        let mut socket = self.connect(address).await.expect("a socket");
        let auth = serde_json::json!({"t": "auth", "token": token}).to_string();
        socket.send(Message::text(auth)).await.unwrap();
        let own = async {
            loop {
                if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                    let is_own = text.contains("\"t\":\"me\"") || text.contains("\"t\":\"error\"");
                    if is_own {
                        return text.to_string();
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), own).await.expect("an own row")
    }

    fn text(&mut self, text: &str) {
        let seen = Arc::clone(&self.seen);
        if text.contains("\"t\":\"stale\"") {
            seen.stale.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if text.contains("\"t\":\"fresh\"") {
            seen.fresh.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let frame = match board::Frame::parse(text) {
            Ok(frame) => frame,
            Err(error) => return seen.wrong(error.to_string()),
        };
        if let Err(error) = self.json.apply(&frame) {
            return seen.wrong(format!("{error}: {text}"));
        }
        match frame {
            board::Frame::Resumed { .. } => {
                seen.resumed.fetch_add(1, Ordering::Relaxed);
            }
            board::Frame::Snapshot { .. } | board::Frame::Delta { .. } => {
                let is_whole = matches!(frame, board::Frame::Snapshot { .. });
                seen.snapshots.fetch_add(u64::from(is_whole), Ordering::Relaxed);
                self.epoch = self.json.epoch().to_owned();
                self.shown(&of_json(&self.json));
            }
            _ => {}
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let seen = Arc::clone(&self.seen);
        let base = self.binary.as_ref().map(|(board, decimals)| (board, *decimals));
        match binary::read(bytes, base) {
            Ok(binary::Message::Snapshot(whole)) => {
                seen.snapshots.fetch_add(1, Ordering::Relaxed);
                self.epoch = whole.epoch;
                self.shown(&whole.board);
                self.binary = Some((whole.board, whole.decimals));
            }
            Ok(binary::Message::Delta(board)) => {
                let decimals = base.map_or(0, |(_, decimals)| decimals);
                self.shown(&board);
                self.binary = Some((board, decimals));
            }
            Ok(binary::Message::Resumed { epoch, seq }) => {
                seen.resumed.fetch_add(1, Ordering::Relaxed);
                if self.cursor() != Some((epoch, seq)) {
                    seen.wrong("resumed elsewhere".to_owned());
                }
            }
            Ok(binary::Message::Proof(proof)) => {
                let here = self.binary.as_ref().filter(|(board, _)| board.seq == proof.seq);
                if let Some((board, _)) = here
                    && live::hash(&seen.tournament, &self.epoch, board) != proof.hash
                {
                    seen.wrong(format!("a proof that does not fit, of {}", proof.seq));
                }
            }
            Err(error) => seen.wrong(error.to_string()),
        }
    }

    fn shown(&mut self, board: &Board) {
        self.seen.frames.fetch_add(1, Ordering::Relaxed);
        let here = (order(&self.epoch), board.seq);
        if let Some(last) = self.last.filter(|last| *last >= here) {
            self.seen.wrong(format!("{here:?} after {last:?}"));
        }
        self.last = Some(here);
        self.seen.note(&self.epoch, board);
        let silence = self.heard.elapsed();
        self.heard = Instant::now();
        if silence > SILENCE {
            self.silences.push((self.heard, silence));
        }
    }
}
