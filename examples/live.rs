//! The live side alone, as it is in the server, with a scripted board: for measuring it.
//!
//! ```text
//! live --port P --hz H --sockets N [--delay-ms D] [--ticks T]
//!     serves /ws/tournaments/race; ticks begin D ms after the N-th socket, and after T of them
//!     the process ends with its sockets open
//! live --watch P --sockets N
//!     opens N sockets and reads until they end; prints how many deltas came
//! ```
//! All ten rows turn over in every tick, as with one bet of the last who becomes the first.
//! `loadtest fanout` and `scripts/fanout-guard` start it.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a tool")]

use actix_http::{HttpService, Request, Response, StatusCode};
use async_trait::async_trait;
use palio::actors::board::{Asked, BoardRow, BoardView, Boards, OwnText, Status, Tokens};
use palio::actors::purse::{Purse, Purses};
use palio::ws::{Live, LiveConfig, Sources};
use palio_domain::{PlayerId, TenantId, TournamentId, UnixMs};
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const RACE: &str = "race";
const NOW: i64 = 1_800_000_000_000;
const ROWS: u64 = 10;

struct Scripted(Mutex<Arc<BoardView>>);
struct Nobody;

fn id() -> TournamentId {
    TournamentId::parse(RACE).unwrap()
}

/// The board after so many bets of 0.10, each by the player who was last.
fn view(tick: u64, tick_ms: u64) -> BoardView {
    let row = |at: u64| {
        let turn = tick + ROWS - at;
        let player = turn % ROWS;
        let points = 100_000 + i64::try_from(turn).unwrap();
        BoardRow {
            player: PlayerId(player),
            key: format!("{player:012x}"),
            rank: at + 1,
            name: format!("Swift Otter {player}"),
            score: format!("{}.{:02}", points / 100, points % 100),
            points,
        }
    };
    BoardView {
        tenant: TenantId(1),
        tournament: id(),
        status: Status::Active,
        participants: 2_000,
        ends_at: UnixMs(NOW + 86_400_000),
        tick_ms,
        decimals: 2,
        cut: (7, tick),
        rows: (0..ROWS).map(row).collect(),
    }
}

#[async_trait]
impl Boards for Scripted {
    fn seal(&self, chain: &[u8; 16]) -> [u8; 16] {
        *chain
    }

    fn view(&self, tournament: &TournamentId) -> Option<Arc<BoardView>> {
        (tournament.as_str() == RACE).then(|| Arc::clone(&self.0.lock().unwrap()))
    }

    fn ids(&self) -> Vec<TournamentId> {
        vec![id()]
    }

    async fn own_texts(&self, _: &TournamentId, _: &[Asked]) -> Vec<Option<OwnText>> {
        Vec::new()
    }

    async fn page(&self, _: &TournamentId, _: u64, _: u64) -> Option<Vec<BoardRow>> {
        None
    }
}

impl Tokens for Nobody {
    fn player(&self, _: &str) -> Option<(TenantId, PlayerId, UnixMs)> {
        None
    }
}

#[async_trait]
impl Purse for Nobody {
    fn news(&self) -> u64 {
        0
    }

    fn notices(&self, _: u64) -> Vec<(u64, Arc<str>)> {
        Vec::new()
    }

    async fn text(&self) -> Option<(u64, String)> {
        None
    }
}

impl Purses for Nobody {
    fn watch(&self, _: TenantId, _: PlayerId) -> Arc<dyn Purse> {
        Arc::new(Self)
    }
}

/// The value after `name`, if it is there.
fn argument(name: &str) -> Option<u64> {
    std::env::args().skip_while(|word| word != name).nth(1).map(|text| text.parse().unwrap())
}

fn main() {
    let sockets = usize::try_from(argument("--sockets").unwrap_or(1)).unwrap();
    match (argument("--port"), argument("--watch")) {
        (Some(port), _) => {
            actix_rt::System::new().block_on(serve(u16::try_from(port).unwrap(), sockets));
        }
        (_, Some(port)) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let port = u16::try_from(port).unwrap();
            println!("{}", runtime.unwrap().block_on(watch(port, sockets)));
        }
        _ => eprintln!("live --port P … or live --watch P …"),
    }
}

async fn serve(port: u16, sockets: usize) {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    metrics::set_global_recorder(recorder).unwrap();
    let hz = argument("--hz").unwrap_or(4);
    let tick_ms = 1_000_u64.checked_div(hz).unwrap_or(60_000);
    let boards = Arc::new(Scripted(Mutex::new(Arc::new(view(0, tick_ms)))));
    let begin = Instant::now();
    let now =
        Arc::new(move || UnixMs(NOW).plus_ms(i64::try_from(begin.elapsed().as_millis()).unwrap()));
    let config = LiveConfig { sockets_max: 100_000, ..LiveConfig::default() };
    let (purses, tokens) = (Arc::new(Nobody), Arc::new(Nobody));
    let sources = Sources { boards: boards.clone(), purses, tokens, now };
    let live = Live::start(config, sources);
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let of_worker = Arc::clone(&live);
    let server = actix_server::Server::build().workers(1).disable_signals();
    let server = server.listen("live", listener, move || {
        HttpService::build()
            .upgrade(of_worker.upgrade_service())
            .h1(|_: Request| async { Ok::<_, Infallible>(Response::new(StatusCode::NOT_FOUND)) })
            .tcp()
    });
    actix_rt::spawn(server.unwrap().run());
    while live.sockets() < sockets {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(argument("--delay-ms").unwrap_or(500))).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(tick_ms));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for tick in 1..=argument("--ticks").unwrap_or(u64::MAX) {
        ticks.tick().await;
        if hz > 0 {
            *boards.0.lock().unwrap() = Arc::new(view(tick, tick_ms));
        }
    }
    // The last board goes out; what is held for open sockets is still held at the end.
    tokio::time::sleep(Duration::from_millis(tick_ms.min(100) * 3)).await;
    std::process::exit(0);
}

async fn watch(port: u16, sockets: usize) -> u64 {
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..sockets {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!(
            "GET /ws/tournaments/{RACE} HTTP/1.1\r\nhost: live\r\nupgrade: websocket\r\n\
             connection: upgrade\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        readers.spawn(async move {
            let (mut bytes, mut deltas) = (Vec::new(), 0);
            while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
                // A mark that a read cut in two is counted with the next one.
                let mark = br#"{"t":"delta""#;
                let found = bytes.windows(mark.len()).filter(|some| some == mark).count();
                deltas += u64::try_from(found).unwrap();
                let keep = bytes.len().saturating_sub(mark.len() - 1);
                bytes.drain(..keep);
            }
            deltas
        });
    }
    readers.join_all().await.into_iter().sum()
}
