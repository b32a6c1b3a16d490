//! Slow readers: they cost only themselves.

use super::support::{Plainly, Stage, WITHIN, view, wait};
use crate::actors::board::BoardView;
use crate::ws::LiveConfig;
use futures_util::SinkExt as _;
use loadtest::board::{Board, Frame};
use palio_protocol::live::CLIENT_MESSAGE_LEN_MAX;
use std::time::{Duration, Instant};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;

const RACE: &str = "/ws/tournaments/race";
const ROWS: u64 = 1500;
/// Twice what the kernel's buffers hold of it.
const ROUNDS: u64 = 70;

/// A board so large that few deltas fill the kernel's buffers.
fn large(round: u64) -> BoardView {
    let keys: Vec<String> = (0..ROWS).map(|n| format!("key-{n}")).collect();
    let score = format!("{round}{}", "0".repeat(60));
    let rows: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), score.as_str())).collect();
    view("race", &rows)
}

async fn slow(stage: &Stage) -> Plainly {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(stage.address.parse().unwrap()).await.unwrap();
    stage.over(stream, RACE, &[]).await.unwrap().0
}

/// Applies what comes until the board is at `seq`; how many frames that took.
async fn follow(client: &mut Plainly, board: &mut Board, seq: u64) -> usize {
    let mut frames = 0;
    while board.seq() < seq {
        let text = client.text().await;
        board.apply(&Frame::parse(&text).unwrap()).unwrap();
        frames += 1;
    }
    frames
}

/// Changes the board `rounds` times, each seen by `healthy`; the longest time that took him.
async fn play(stage: &Stage, healthy: &mut Plainly, board: &mut Board, rounds: u64) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..rounds {
        let seq = board.seq() + 1;
        let since = Instant::now();
        stage.boards.show(large(seq));
        follow(healthy, board, seq).await;
        longest = longest.max(since.elapsed());
    }
    longest
}

#[actix_rt::test]
async fn slow_clients_are_throttled_not_dropped() {
    let stage = Stage::set();
    let mut healthy = stage.open(RACE).await;
    let mut stopped = slow(&stage).await;
    let (mut seen, mut late) = (Board::default(), Board::default());
    follow(&mut stopped, &mut late, 1).await;
    let longest = play(&stage, &mut healthy, &mut seen, ROUNDS).await;
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    let frames = follow(&mut stopped, &mut late, seen.seq()).await;
    assert!(frames < 60, "{frames} frames for {ROUNDS} boards: they were not merged");
    assert_eq!(late.rows(), seen.rows());
    assert_eq!(late.seq(), seen.seq());
    play(&stage, &mut healthy, &mut seen, 2).await;
    follow(&mut stopped, &mut late, seen.seq()).await;
    assert_eq!(late.rows(), seen.rows(), "it goes on as before");
}

#[actix_rt::test]
async fn a_slow_reader_whose_base_is_lost_gets_a_snapshot() {
    let stage = Stage::with(LiveConfig { ring_len: 3, ..LiveConfig::default() });
    let mut healthy = stage.open(RACE).await;
    let mut stopped = slow(&stage).await;
    let (mut seen, mut late) = (Board::default(), Board::default());
    play(&stage, &mut healthy, &mut seen, ROUNDS).await;
    follow(&mut stopped, &mut late, seen.seq()).await;
    assert_eq!(late.rows(), seen.rows());
}

#[actix_rt::test]
async fn pongs_are_not_lost_under_pressure() {
    let stage = Stage::set();
    let mut healthy = stage.open(RACE).await;
    let mut stopped = slow(&stage).await;
    let mut seen = Board::default();
    play(&stage, &mut healthy, &mut seen, ROUNDS).await;
    stopped.0.send(Message::Ping("1".into())).await.unwrap();
    stopped.0.send(Message::Ping("2".into())).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut after = 0;
    let last = loop {
        match stopped.next().await {
            Message::Pong(payload) => break payload,
            Message::Text(_) => after += 1,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(last, "2", "only the last needs an answer");
    assert!(after < 60, "{after}");
}

/// It is behind for many heartbeats and answers none of them, since it reads none: no reason to
/// take it for dead.
#[actix_rt::test]
async fn a_live_client_under_pressure_outlives_heartbeats() {
    let heartbeat = Duration::from_millis(300);
    let stage = Stage::with(LiveConfig { heartbeat_ms: 300, ..LiveConfig::default() });
    let mut healthy = stage.open(RACE).await;
    let mut stopped = slow(&stage).await;
    let (mut seen, mut late) = (Board::default(), Board::default());
    let mut said = Instant::now();
    for _ in 0..ROUNDS {
        play(&stage, &mut healthy, &mut seen, 1).await;
        // Until the kernel's buffers are full it has to answer like everybody.
        if said.elapsed() > heartbeat / 2 {
            stopped.0.send(Message::Pong("".into())).await.unwrap();
            said = Instant::now();
        }
    }
    let behind = Instant::now();
    while behind.elapsed() < heartbeat * 6 {
        play(&stage, &mut healthy, &mut seen, 1).await;
    }
    assert_eq!(stage.live.sockets(), 2);
    follow(&mut stopped, &mut late, seen.seq()).await;
    assert_eq!(late.rows(), seen.rows());
}

/// More than the server reads at a time comes at once, and nothing after it: no answer to a ping,
/// either, by which the rest would be found.
#[actix_rt::test]
async fn a_burst_is_heard_to_its_end() {
    let stage = Stage::with(LiveConfig { heartbeat_ms: 600_000, ..LiveConfig::default() });
    let mut client = stage.open(RACE).await;
    client.text().await;
    for _ in 0..8 {
        let long = "x".repeat(CLIENT_MESSAGE_LEN_MAX);
        client.0.feed(Message::text(long)).await.unwrap();
    }
    client.send(r#"{"t":"ping"}"#).await;
    for _ in 0..8 {
        assert!(client.text().await.contains("BAD_FRAME"));
    }
    assert!(client.text().await.contains("pong"));
}

#[actix_rt::test]
async fn only_a_long_stop_drops() {
    let stage = Stage::with(LiveConfig { stalled_ms_max: 400, ..LiveConfig::default() });
    let mut healthy = stage.open(RACE).await;
    let mut stopped = slow(&stage).await;
    let never = slow(&stage).await;
    let mut seen = Board::default();
    play(&stage, &mut healthy, &mut seen, ROUNDS).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let (texts, code) = stopped.until_close().await;
    assert_eq!(code, 4108);
    assert_eq!(texts.last().map(String::as_str), Some(r#"{"t":"bye","code":4108}"#));
    let mut late = Board::default();
    for text in &texts {
        late.apply(&Frame::parse(text).unwrap()).unwrap();
    }
    drop(stopped);
    // The one that never reads is dropped when its time to say goodbye is over.
    tokio::time::timeout(WITHIN, wait(|| stage.live.sockets() == 1)).await.unwrap();
    drop(never);
    play(&stage, &mut healthy, &mut seen, 2).await;
}
