//! What users of other servers complained about, each as a test that would have found it.
//!
//! - slow clients dropped instead of throttled (centrifuge #255, uWebSockets.js #499):
//!   `pressure::slow_clients_are_throttled_not_dropped`
//! - pongs lost under pressure, so that live clients die (uWebSockets #1876):
//!   `pressure::pongs_are_not_lost_under_pressure`
//!   `pressure::a_live_client_under_pressure_outlives_heartbeats`
//! - a delta without its base (centrifuge #629):
//!   `no_delta_comes_without_its_base`
//! - no recovery before the first event (socket.io #5538):
//!   `who_has_seen_no_event_yet_resumes`
//! - a position that never existed (centrifuge-go #160):
//!   `a_position_that_never_existed_gets_a_snapshot`
//! - a late joiner sees stale state (colyseus #917):
//!   `a_late_joiner_sees_the_newest_board`
//! - the first patch as large as the whole (colyseus #249):
//!   `the_first_delta_is_not_the_whole`
//! - more clients in a room than its limit (colyseus #678):
//!   `joins_at_the_same_time_do_not_pass_the_limit`
//! - a rank index that is stale after a ban (lila #4711):
//!   `a_disqualified_player_leaves_every_view` (tests/it/complaints.rs)
//! - a herd that comes back at once (mattermost-webapp #10960):
//!   `ten_thousand_goodbyes_are_spread`

use super::support::{Stage, id, view, wait};
use crate::ws::LiveConfig;
use crate::ws::hall::reconnect_ms;
use crate::ws::polling::{News, Poll};
use crate::ws::request::Cursor;
use crate::ws::stream::Stream;
use futures_util::future::join_all;
use loadtest::board::{Board, Frame};
use serde_json::Value;
use std::time::Duration;

const RACE: &str = "/ws/tournaments/race";

fn number(frame: &Value, field: &str) -> u64 {
    frame[field].as_u64().unwrap()
}

#[actix_rt::test]
async fn no_delta_comes_without_its_base() {
    let stage = Stage::with(LiveConfig { ring_len: 3, ..LiveConfig::default() });
    let boards = stage.boards.clone();
    let changing = actix_rt::spawn(async move {
        for score in 3_u32.. {
            boards.race(&[("a", &score.to_string()), ("b", "1")]);
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
    });
    // Joiners of all kinds, while the board changes: new, with a good cursor, with lost ones.
    let join = |n: u64| {
        let stage = &stage;
        async move {
            tokio::time::sleep(Duration::from_millis(n * 7)).await;
            let newest = stage.live.published(&id("race")).unwrap().seq;
            let (epoch, seq) = match n % 4 {
                0 => return stage.open(RACE).await,
                1 => (stage.epoch(), newest),
                2 => (stage.epoch(), newest.saturating_sub(20)),
                _ => ("other".to_owned(), newest),
            };
            stage.open(&format!("{RACE}?epoch={epoch}&seq={seq}")).await
        }
    };
    let follow = |n: u64| async move {
        let mut client = join(n).await;
        let mut at = None;
        for _ in 0..20 {
            let frame: Value = serde_json::from_str(&client.text().await).unwrap();
            let seq = number(&frame, "seq");
            match frame["t"].as_str().unwrap() {
                "snapshot" | "resumed" => assert_eq!(at.replace(seq), None, "{n}: {frame}"),
                "delta" => {
                    let prev = frame["prev"].as_u64().unwrap_or(seq - 1);
                    assert_eq!(at, Some(prev), "{n}: {frame}");
                    at = Some(seq);
                }
                other => panic!("{n}: {other}"),
            }
        }
    };
    join_all((0..40).map(follow)).await;
    changing.abort();
}

#[actix_rt::test]
async fn who_has_seen_no_event_yet_resumes() {
    let stage = Stage::set();
    let mut client = stage.open(RACE).await;
    let first: Value = serde_json::from_str(&client.text().await).unwrap();
    drop(client);
    let path = format!("{RACE}?epoch={}&seq={}", first["epoch"].as_str().unwrap(), first["seq"]);
    let mut back = stage.open(&path).await;
    assert!(back.text().await.starts_with(r#"{"t":"resumed""#));
    assert!(back.is_quiet().await, "nothing is new, so nothing is sent");
    drop(back);
    // The first event happens while nobody is there.
    stage.boards.race(&[("b", "3"), ("a", "2")]);
    stage.published(2).await;
    let mut back = stage.open(&path).await;
    assert!(back.text().await.starts_with(r#"{"t":"resumed""#));
    assert_eq!(back.text().await, r#"{"t":"delta","seq":2,"set":[[0,1,"3"],[1,0]]}"#);
}

#[actix_rt::test]
async fn a_position_that_never_existed_gets_a_snapshot() {
    let stage = Stage::set();
    stage.boards.race(&[("b", "3"), ("a", "2")]);
    stage.published(2).await;
    let epoch = stage.epoch();
    for seq in [3, 1_000, u64::MAX] {
        let mut client = stage.open(&format!("{RACE}?epoch={epoch}&seq={seq}")).await;
        let first = client.text().await;
        assert!(first.starts_with(r#"{"t":"snapshot""#), "{seq}: {first}");
        assert!(first.contains(r#""seq":2,"#), "{seq}: {first}");
        let cursor = Cursor { epoch: epoch.as_str().into(), seq };
        let mut stream = Stream::open(&stage.live, &id("race"), None, Some(cursor)).unwrap();
        let event = String::from_utf8(stream.next().await.unwrap().to_vec()).unwrap();
        assert!(event.contains(&format!("id: {epoch}:2\nevent: snapshot\n")), "{event}");
        let poll = Poll { cursor: Some((&epoch, seq)), limit: 10, ..Poll::default() };
        let News::Body(body) = stage.live.poll(&id("race"), poll).await.unwrap().news else {
            panic!("{seq}")
        };
        assert!(String::from_utf8_lossy(&body).contains(r#""rows":["#), "{seq}: the whole board");
    }
}

#[actix_rt::test]
async fn a_late_joiner_sees_the_newest_board() {
    let stage = Stage::set();
    let mut early = stage.open(RACE).await;
    early.text().await;
    for seq in 2..12 {
        // Two that come at once share a snapshot; one that comes after a change must not get it.
        let score = (seq * 10).to_string();
        stage.boards.race(&[("a", &score), ("b", "1")]);
        assert!(early.text().await.contains(&format!(r#""seq":{seq},"#)));
        for _ in 0..2 {
            let mut late = stage.open(RACE).await;
            let mut board = Board::default();
            board.apply(&Frame::parse(&late.text().await).unwrap()).unwrap();
            assert_eq!((board.seq(), &board.rows()[0].score), (seq, &score));
        }
    }
}

#[actix_rt::test]
async fn the_first_delta_is_not_the_whole() {
    let stage = Stage::set();
    let keys: Vec<String> = (0..100).map(|n| format!("key-{n}")).collect();
    let rows = |first: &'static str| -> Vec<(&str, &str)> {
        keys.iter().map(|key| (key.as_str(), if key == "key-0" { first } else { "1" })).collect()
    };
    stage.boards.show(view("race", &rows("2")));
    stage.published(2).await;
    for _ in 0..2 {
        let mut client = stage.open(RACE).await;
        let whole = client.text().await;
        let next = if whole.contains(r#""s":"2""#) { "3" } else { "2" };
        stage.boards.show(view("race", &rows(next)));
        let delta = client.text().await;
        assert!(delta.ends_with(&format!(r#""set":[[0,"{next}"]]}}"#)), "{delta}");
        assert!(delta.len() * 50 < whole.len(), "{} of {}", delta.len(), whole.len());
    }
}

#[actix_rt::test]
async fn joins_at_the_same_time_do_not_pass_the_limit() {
    for config in [
        LiveConfig { sockets_max: 10, ..LiveConfig::default() },
        LiveConfig { sockets_per_address_max: 10, ..LiveConfig::default() },
        LiveConfig { sockets_per_tenant_max: 10, ..LiveConfig::default() },
    ] {
        let stage = Stage::with(LiveConfig { threads: 2, ..config });
        let joins = join_all((0..60).map(|_| stage.try_open(RACE, &[]))).await;
        let (inside, outside): (Vec<_>, Vec<_>) = joins.into_iter().partition(Result::is_ok);
        assert_eq!((inside.len(), outside.len()), (10, 50));
        assert_eq!(stage.live.sockets(), 10);
        drop(inside);
        wait(|| stage.live.sockets() == 0).await;
        assert!(stage.try_open(RACE, &[]).await.is_ok(), "places come back");
    }
}

#[test]
fn ten_thousand_goodbyes_are_spread() {
    const OPEN: usize = 10_000;
    let mut seconds = [0_usize; 60];
    for _ in 0..OPEN {
        let ms = reconnect_ms(OPEN);
        assert!(ms >= 500, "nobody comes back before the server is gone");
        seconds[usize::try_from(ms / 1000).unwrap()] += 1;
    }
    // Over ten seconds, about a thousand in each, and at most 1,300: 9 standard deviations.
    let used = seconds.iter().rposition(|count| *count > 0).unwrap();
    assert!(used >= 9, "{seconds:?}");
    assert!(seconds.iter().all(|count| *count <= 1_300), "{seconds:?}");
}
