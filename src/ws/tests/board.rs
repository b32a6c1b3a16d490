//! Snapshots, deltas and resumes, byte for byte.

use super::support::{SERVER_TIME, START, Stage, WITHIN, id, view, wait};
use crate::actors::board::{BoardView, Status};
use crate::ws::LiveConfig;
use crate::ws::hall::Hall;
use crate::ws::polling::{News, Poll};
use crate::ws::room::Room;
use loadtest::{Event, Follower, board};
use palio_domain::UnixMs;
use palio_protocol::live::Form;
use std::sync::Arc;
use tokio::sync::watch;

#[actix_rt::test]
async fn a_snapshot_then_exactly_what_changed() {
    let stage = Stage::set();
    let mut client = stage.open("/ws/tournaments/race").await;
    let epoch = stage.epoch();
    assert_eq!(
        client.text().await,
        format!(
            r#"{{"t":"snapshot","epoch":"{epoch}","seq":1,"status":"active","participants":2,"endsAt":"2023-11-14T23:13:20.000Z","serverTime":"{SERVER_TIME}","decimals":0,"hash":"{}","chain":"{}","n":0,"rows":[{{"k":"a","r":1,"n":"Otter a","s":"2"}},{{"k":"b","r":2,"n":"Otter b","s":"1"}}]}}"#,
            hex::encode(stage.live.published(&id("race")).unwrap().hash()),
            "0".repeat(32),
        )
    );
    stage.boards.race(&[("b", "3"), ("a", "2")]);
    assert_eq!(client.text().await, r#"{"t":"delta","seq":2,"set":[[0,1,"3"],[1,0]]}"#);
    stage.boards.race(&[("b", "3"), ("a", "2")]);
    assert!(client.is_quiet().await, "a tick without change sends nothing");
    stage.boards.race(&[("b", "3"), ("c", "2.50")]);
    assert_eq!(client.text().await, r#"{"t":"delta","seq":3,"set":[[1,"2.50","c","Otter c"]]}"#);
    let last = [("b", "3"), ("c", "2.50")];
    stage.boards.show(crate::actors::board::BoardView {
        status: Status::Completed,
        participants: 7,
        ..view("race", &last)
    });
    assert_eq!(
        client.text().await,
        r#"{"t":"delta","seq":4,"participants":7,"status":"completed"}"#
    );
    client.send(r#"{"t":"ping"}"#).await;
    assert_eq!(client.text().await, format!(r#"{{"t":"pong","serverTime":"{SERVER_TIME}"}}"#));
}

#[actix_rt::test]
async fn a_late_joiner_gets_the_time_of_now() {
    let stage = Stage::set();
    stage.now.store(START + 5, std::sync::atomic::Ordering::SeqCst);
    let mut client = stage.open("/ws/tournaments/race").await;
    assert!(client.text().await.contains(r#""serverTime":"2023-11-14T22:13:20.005Z""#));
}

#[actix_rt::test]
async fn a_resume_gets_one_merged_delta() {
    let stage = Stage::set();
    let epoch = stage.epoch();
    for (seq, score) in [(2, "5"), (3, "6"), (4, "7")] {
        stage.boards.race(&[("c", score), ("a", "2")]);
        stage.published(seq).await;
    }
    let mut client = stage.open(&format!("/ws/tournaments/race?epoch={epoch}&seq=1")).await;
    assert_eq!(client.text().await, format!(r#"{{"t":"resumed","epoch":"{epoch}","seq":1}}"#));
    assert_eq!(
        client.text().await,
        r#"{"t":"delta","seq":4,"prev":1,"set":[[0,"7","c","Otter c"],[1,0]]}"#
    );
    let mut known = stage.open(&format!("/ws/tournaments/race?epoch={epoch}&seq=3")).await;
    assert!(known.text().await.contains("resumed"));
    assert_eq!(
        known.text().await,
        r#"{"t":"delta","seq":4,"set":[[0,"7"]]}"#,
        "no name for a row that the base has"
    );
    let mut current = stage.open(&format!("/ws/tournaments/race?epoch={epoch}&seq=4")).await;
    assert!(current.text().await.contains("resumed"));
    assert!(current.is_quiet().await);
    stage.boards.race(&[("c", "8"), ("a", "2")]);
    assert!(current.text().await.contains(r#""seq":5,"set""#));
}

/// Whoever comes back in the midst of ticks hears first whether his cursor was good.
#[actix_rt::test]
async fn a_resume_is_answered_before_the_next_tick_is_told() {
    let stage = Stage::set();
    let epoch = stage.epoch();
    for round in 0..150 {
        let seq = stage.live.published(&id("race")).unwrap().seq;
        let path = format!("/ws/tournaments/race?epoch={epoch}&seq={seq}");
        stage.boards.race(&[("a", &(round + 3).to_string()), ("b", "1")]);
        // Around the moment of the tick, a little later each time.
        tokio::time::sleep(std::time::Duration::from_micros(100 * round)).await;
        let mut client = stage.open(&path).await;
        let first = client.text().await;
        assert_eq!(first, format!(r#"{{"t":"resumed","epoch":"{epoch}","seq":{seq}}}"#));
        stage.published(seq + 1).await;
    }
}

#[actix_rt::test]
async fn what_cannot_be_resumed_gets_a_snapshot() {
    let stage = Stage::with(LiveConfig { ring_len: 2, ..LiveConfig::default() });
    for (seq, score) in [(2, "5"), (3, "6"), (4, "7")] {
        stage.boards.race(&[("c", score), ("a", "2")]);
        stage.published(seq).await;
    }
    let epoch = stage.epoch();
    let cursors = [(&*epoch, "1"), ("other", "3"), (&*epoch, "5"), (&*epoch, "0"), (&*epoch, "x")];
    for (epoch, seq) in cursors {
        let mut client = stage.open(&format!("/ws/tournaments/race?epoch={epoch}&seq={seq}")).await;
        let first = client.text().await;
        assert!(
            first.starts_with(r#"{"t":"snapshot""#) && first.contains(r#""seq":4,"#),
            "{first}"
        );
    }
    let mut client = stage.open(&format!("/ws/tournaments/race?epoch={epoch}&seq=2")).await;
    assert!(client.text().await.contains("resumed"));
}

#[actix_rt::test]
async fn a_moved_end_begins_a_new_epoch() {
    let stage = Stage::set();
    let mut client = stage.open("/ws/tournaments/race").await;
    let first = client.text().await;
    let mut moved = view("race", &[("a", "2"), ("b", "1")]);
    moved.ends_at = UnixMs(START + 1000);
    stage.boards.show(moved);
    let second = client.text().await;
    assert!(second.contains(r#""t":"snapshot""#) && second.contains("22:13:21.000Z"), "{second}");
    assert_ne!(first.get(..40), second.get(..40));
}

#[actix_rt::test]
async fn a_tournament_that_ends_takes_its_sockets_along() {
    let stage = Stage::set();
    let mut client = stage.open("/ws/tournaments/race").await;
    client.text().await;
    let epoch = stage.epoch();
    stage.boards.remove("race");
    let (texts, code) = client.until_close().await;
    assert_eq!((texts, code), (vec![r#"{"t":"bye","code":4404}"#.to_owned()], 4404));
    wait(|| stage.live.published(&id("race")).is_none()).await;
    stage.boards.race(&[("a", "1")]);
    let mut again = stage.open("/ws/tournaments/race").await;
    assert!(again.text().await.contains(r#""seq":1,"#));
    assert_ne!(stage.epoch(), epoch, "a history that is not joined has its own epoch");
    stage.boards.race(&[("a", "2")]);
    assert!(again.text().await.contains(r#""seq":2,"set""#), "it is broadcast again");
}

/// Pages of a ranking that goes on beyond the board.
#[actix_rt::test]
async fn pages_reach_beyond_the_board() {
    let stage = Stage::set();
    let race = id("race");
    let all = [("a", "9"), ("b", "8"), ("c", "7"), ("d", "6"), ("e", "5")];
    let board = |participants| BoardView { participants, ..view("race", &all[..2]) };
    let page = async |offset, limit, known: Option<&str>| {
        let poll = Poll { offset, limit, known, cursor: None };
        let polled = stage.live.poll(&race, poll).await.unwrap();
        let News::Body(body) = polled.news else { return (polled.etag, None) };
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let rows = body["rows"].as_array().unwrap().iter();
        (polled.etag, Some(rows.map(|row| row["key"].as_str().unwrap()).collect::<String>()))
    };
    stage.boards.rank("race", &all);
    stage.boards.show(board(5));
    stage.published(2).await;
    for (offset, limit, keys) in [
        (0, 2, "ab"),
        (0, 1, "a"),
        (0, 3, "abc"),
        (0, 5, "abcde"),
        (0, 100, "abcde"),
        (1, 2, "bc"),
        (3, 100, "de"),
        (9, 9, ""),
    ] {
        assert_eq!(page(offset, limit, None).await.1.as_deref(), Some(keys), "{offset}, {limit}");
    }
    // Below the board somebody moves: the board stands, its deeper pages do not.
    let (etag, _) = page(3, 2, None).await;
    assert_eq!(page(3, 2, Some(&etag)).await.1, None);
    stage.boards.rank("race", &[all[0], all[1], all[2], ("e", "6.5"), all[3]]);
    assert_eq!(page(3, 2, Some(&etag)).await.1.as_deref(), Some("ed"));
    // Everybody is on the board: no page of it asks for more.
    stage.boards.rank("race", &[]);
    stage.boards.show(board(2));
    stage.published(3).await;
    for (offset, limit, keys) in [(0, 100, "ab"), (1, 10, "b"), (2, 2, "")] {
        assert_eq!(page(offset, limit, None).await.1.as_deref(), Some(keys), "{offset}, {limit}");
    }
}

#[actix_rt::test]
async fn who_polls_hears_that_a_board_is_stale_and_that_it_is_not() {
    let stage = Stage::set();
    let race = id("race");
    stage.published(1).await;
    let epoch = stage.epoch();
    let poll = async |seq, known: Option<&str>| {
        let poll = Poll { cursor: Some((&epoch, seq)), limit: 10, offset: 0, known };
        stage.live.poll(&race, poll).await.unwrap()
    };
    assert_eq!(poll(1, None).await.news, News::Same);
    stage.live.set_stale(Some(UnixMs(START)));
    for seq in [1, 7] {
        let told = poll(seq, None).await;
        let News::Body(body) = &told.news else { panic!("{told:?}") };
        assert!(String::from_utf8_lossy(body).contains(r#""stale":true"#));
        assert_eq!(poll(1, Some(&told.etag)).await.news, News::Known, "once");
    }
    stage.live.set_stale(None);
    assert_eq!(poll(1, None).await.news, News::Same);
}

/// Before a room has heard of a board itself: whoever has it already goes on from there, and
/// everybody else is brought to it.
#[actix_rt::test]
async fn a_newcomer_is_met_at_the_newest_board() {
    let stage = Stage::set();
    let first = stage.live.published(&id("race")).unwrap();
    let (topic, boards) = watch::channel(Arc::clone(&first));
    let hall = Hall::new(stage.sources.clone(), WITHIN);
    let room = Room::new(id("race"), hall, boards);
    let next = first.next(&view("race", &[("a", "3"), ("b", "1")]), UnixMs(START), 9).unwrap();
    topic.send_replace(Arc::new(next));
    assert_eq!(room.frame_from(1, Form::Json), None, "it does not know yet");
    let newest = room.newest();
    assert_eq!((newest.seq, newest.knows(&first.epoch, 2)), (2, true));
    assert_eq!(room.frame_from(2, Form::Json), None);
    let (frame, seq, _) = room.frame_from(1, Form::Json).unwrap();
    assert_eq!(seq, 2);
    assert!(String::from_utf8_lossy(&frame).ends_with(r#""seq":2,"set":[[0,"3"]]}"#));
}

#[actix_rt::test]
async fn polling_has_the_same_positions() {
    let stage = Stage::set();
    let race = id("race");
    let first = stage.live.published(&race).unwrap();
    let epoch = first.epoch.to_string();
    assert_eq!(*first.etag, format!("\"{epoch}-1\""));
    assert_eq!(
        first.page(),
        format!(
            r#"{{"tournamentId":"race","epoch":"{epoch}","seq":1,"status":"active","participants":2,"endsAt":"2023-11-14T23:13:20.000Z","decimals":0,"asOf":"{SERVER_TIME}","rows":[{{"rank":1,"name":"Otter a","score":"2","key":"a"}},{{"rank":2,"name":"Otter b","score":"1","key":"b"}}]}}"#
        )
    );
    assert!(String::from_utf8_lossy(&first.page_of(1, 1)).matches("rank").count() == 1);
    stage.boards.race(&[("a", "3"), ("b", "1")]);
    stage.published(2).await;
    let delta = r#"{"t":"delta","seq":2,"set":[[0,"3"]]}"#;
    let now = stage.live.published(&race).unwrap();
    let (etag, body) = (now.etag.to_string(), |text: &str| News::Body(text.to_owned().into()));
    let page = String::from_utf8(now.page().to_vec()).unwrap();
    let ask = Poll { limit: 10, ..Poll::default() };
    for (poll, tag, news) in [
        (Poll { cursor: Some((&epoch, 1)), ..ask }, &*etag, body(delta)),
        (Poll { cursor: Some((&epoch, 2)), ..ask }, &etag, News::Same),
        (Poll { cursor: Some(("other", 1)), ..ask }, &etag, body(&page)),
        (Poll { cursor: Some((&epoch, 1)), known: Some(&etag), ..ask }, &etag, News::Known),
        (ask, &etag, body(&page)),
        (Poll { known: Some(&etag), ..ask }, &etag, News::Known),
        (Poll { known: Some("\"x-1\""), ..ask }, &etag, body(&page)),
    ] {
        let polled = stage.live.poll(&race, poll).await.unwrap();
        assert_eq!((&*polled.etag, polled.news), (tag, news), "{poll:?}");
    }
    let one = Poll { limit: 1, offset: 1, ..ask };
    let polled = stage.live.poll(&race, one).await.unwrap();
    let again = Poll { known: Some(&polled.etag), ..one };
    assert_eq!(stage.live.poll(&race, again).await.unwrap().news, News::Known);
    let News::Body(bytes) = polled.news else { panic!() };
    assert!(String::from_utf8_lossy(&bytes).contains(r#""rows":[{"rank":2,"name":"Otter b""#));
    assert!(stage.live.poll(&id("none"), ask).await.is_none());
    assert!(stage.live.published(&id("none")).is_none());
}

#[actix_rt::test]
async fn many_clients_on_two_threads_agree() {
    let stage = Stage::with(LiveConfig { threads: 2, ..LiveConfig::default() });
    let mut clients = Vec::new();
    for _ in 0..40 {
        clients.push(Follower::connect(&stage.url, "race", None).await.unwrap());
    }
    for score in 3..60 {
        let score = score.to_string();
        stage.boards.race(&[("a", &score), ("b", "1")]);
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    for client in &mut clients {
        let there = |c: &Follower| {
            c.board().rows().first().is_some_and(|row: &board::Row| row.score == "59")
        };
        client.until(WITHIN, there).await.unwrap();
    }
    assert_eq!(stage.live.sockets(), 40);
    let board = clients.pop().unwrap().close().await;
    stage.boards.race(&[("c", "70"), ("a", "60")]);
    let mut back = Follower::connect(&stage.url, "race", Some(board)).await.unwrap();
    let first = back.next().await.unwrap();
    assert!(matches!(first, Event::Frame(board::Frame::Resumed { .. })), "{first:?}");
    back.until(WITHIN, |c| c.board().rows().len() == 2 && c.board().rows()[0].key == "c")
        .await
        .unwrap();
    drop(clients);
    drop(back);
    wait(|| stage.live.sockets() == 0).await;
    assert!(Arc::strong_count(&stage.live) >= 1);
}
