//! Boards as server-sent events, byte for byte.

use super::support::{SERVER_TIME, START, Stage, id};
use crate::ws::LiveConfig;
use crate::ws::doors::Refused;
use crate::ws::request::Cursor;
use crate::ws::seats::Full;
use crate::ws::stream::Stream;
use std::sync::atomic::Ordering;
use std::time::Duration;

async fn next(stream: &mut Stream) -> String {
    let next = tokio::time::timeout(super::support::WITHIN, stream.next());
    String::from_utf8(next.await.unwrap().expect("it goes on").to_vec()).unwrap()
}

fn open(stage: &Stage, cursor: Option<(&str, u64)>) -> Stream {
    let cursor = cursor.map(|(epoch, seq)| Cursor { epoch: epoch.into(), seq });
    Stream::open(&stage.live, &id("race"), None, cursor).unwrap()
}

/// What comes after the first line, which says when to come back.
fn after_retry(text: &str) -> &str {
    let (retry, rest) = text.split_once("\n\n").unwrap();
    let ms: u64 = retry.strip_prefix("retry: ").unwrap().parse().unwrap();
    assert!((500..=3000).contains(&ms));
    rest
}

#[actix_rt::test]
async fn the_same_frames_as_over_a_socket() {
    let stage = Stage::set();
    let epoch = stage.epoch();
    let mut stream = open(&stage, None);
    let first = next(&mut stream).await;
    let mut socket = stage.open("/ws/tournaments/race").await;
    let snapshot = socket.text().await;
    let expected = format!("id: {epoch}:1\nevent: snapshot\ndata: {snapshot}\n\n");
    assert_eq!(after_retry(&first), expected);
    stage.boards.race(&[("b", "3"), ("a", "2")]);
    let delta = r#"{"t":"delta","seq":2,"set":[[0,1,"3"],[1,0]]}"#;
    assert_eq!(socket.text().await, delta);
    let expected = format!("id: {epoch}:2\nevent: delta\ndata: {delta}\n\n");
    assert_eq!(next(&mut stream).await, expected);
    // A reader that was away for two boards gets one delta.
    for (seq, score) in [(3, "4"), (4, "5")] {
        stage.boards.race(&[("b", score), ("a", "2")]);
        stage.published(seq).await;
    }
    let delta = r#"{"t":"delta","seq":4,"prev":2,"set":[[0,"5"]]}"#;
    assert_eq!(next(&mut stream).await, format!("id: {epoch}:4\nevent: delta\ndata: {delta}\n\n"));
    stage.now.store(START + 10_000, Ordering::SeqCst);
    let proof = next(&mut stream).await;
    assert!(
        proof.starts_with("event: proof\ndata: {\"t\":\"proof\",\"seq\":4,\"n\":1,"),
        "{proof}"
    );
    let late = next(&mut open(&stage, Some((&epoch, 2)))).await;
    let resumed = format!(r#"{{"t":"resumed","epoch":"{epoch}","seq":2}}"#);
    assert_eq!(
        after_retry(&late),
        format!(
            "id: {epoch}:2\nevent: resumed\ndata: {resumed}\n\n\
             id: {epoch}:4\nevent: delta\ndata: {delta}\n\n"
        )
    );
    for cursor in [("other", 2), (&*epoch, 9)] {
        let fresh = next(&mut open(&stage, Some(cursor))).await;
        assert!(after_retry(&fresh).starts_with(&format!("id: {epoch}:4\nevent: snapshot\n")));
    }
    assert!(!snapshot.is_empty() && first.contains(SERVER_TIME));
}

#[actix_rt::test]
async fn a_stream_takes_a_seat_and_ends_with_a_reason() {
    let stage = Stage::with(LiveConfig { sockets_max: 2, ..LiveConfig::default() });
    let mut gone = open(&stage, None);
    next(&mut gone).await;
    let other = open(&stage, None);
    let refused = Stream::open(&stage.live, &id("race"), None, None).unwrap_err();
    assert_eq!(refused, Refused::Full(Full::Node));
    assert_eq!(refused.problem().retry_after_s, Some(5));
    drop(other);
    assert_eq!(stage.live.sockets(), 1);
    stage.boards.remove("race");
    assert_eq!(next(&mut gone).await, "event: bye\ndata: {\"t\":\"bye\",\"code\":4404}\n\n");
    assert!(gone.next().await.is_none());
    drop(gone);
    stage.boards.race(&[("a", "1")]);
    let mut stopped = open(&stage, None);
    next(&mut stopped).await;
    let live = stage.live.clone();
    let done = actix_rt::spawn(async move { live.shutdown().await });
    let bye = next(&mut stopped).await;
    assert!(bye.contains(r#""code":1001,"reconnectMs":"#), "{bye}");
    assert!(stopped.next().await.is_none());
    tokio::time::timeout(Duration::from_secs(8), done).await.expect("bounded").unwrap();
    let refused = Stream::open(&stage.live, &id("race"), None, None).unwrap_err();
    assert_eq!(refused, Refused::Stopping);
}
