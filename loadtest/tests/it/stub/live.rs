//! The stub's sockets: a snapshot or a resume, then deltas.

use super::board::{EPOCH, Race};
use super::{Fault, State};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::broadcast::Receiver;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

/// The first frames, and the deltas to come.
fn enter(race: &Race, query: &str) -> (Vec<String>, Receiver<(u64, Arc<str>)>) {
    let receiver = race.sender.subscribe();
    let field = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
    let wanted = field("seq=").and_then(|seq| seq.parse::<u64>().ok());
    let known = |seq: &u64| *seq == race.seq || race.ring.iter().any(|(prev, ..)| prev == seq);
    match wanted.filter(|seq| field("epoch=") == Some(EPOCH) && known(seq)) {
        Some(seq) => {
            let mut frames = vec![format!(r#"{{"t":"resumed","epoch":"{EPOCH}","seq":{seq}}}"#)];
            let missed = race.ring.iter().filter(|(prev, ..)| *prev >= seq);
            frames.extend(missed.map(|(_, _, delta)| delta.to_string()));
            (frames, receiver)
        }
        None => (vec![race.snapshot()], receiver),
    }
}

pub(crate) async fn follow(mut stream: TcpStream, key: &str, query: &str, state: Arc<State>) {
    let head = format!(
        "HTTP/1.1 101 -\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-accept: {}\r\nsec-websocket-protocol: palio.v1.json\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let (first, mut deltas) = enter(&state.board.lock().unwrap(), query);
    for frame in first {
        if socket.send(Message::text(frame)).await.is_err() {
            return;
        }
    }
    let mut sent = 0;
    loop {
        tokio::select! {
            delta = deltas.recv() => {
                let Ok((_, delta)) = delta else { return };
                if socket.send(Message::text(&*delta)).await.is_err() {
                    return;
                }
                sent += 1;
                if state.options.fault == Fault::ClosesSockets && sent == 7 {
                    let bye = r#"{"t":"bye","code":1001,"reconnectMs":10}"#;
                    socket.send(Message::text(bye)).await.ok();
                    let frame = CloseFrame { code: CloseCode::Away, reason: "away".into() };
                    socket.close(Some(frame)).await.ok();
                    return;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) if text.contains("\"ping\"") => {
                    let pong = r#"{"t":"pong","serverTime":"T"}"#;
                    socket.send(Message::text(pong)).await.ok();
                }
                Some(Ok(_)) => {}
                _ => return,
            },
        }
    }
}
