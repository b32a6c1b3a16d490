//! Who a socket speaks for, and what only he sees.

use super::support::{Plainly, START, Stage, WITHIN, row, wait};
use crate::actors::board::OwnRow;
use loadtest::board::{Board, Frame};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const RACE: &str = "/ws/tournaments/race";
const AUTH: &str = r#"{"t":"auth","token":"1:98:60"}"#;
const ME: &str = r#"{"t":"me","rank":2,"score":"1","key":"b","participants":2,"ahead":{"gap":"1","name":"Otter a"},"prizeGap":"0.50","around":[{"k":"a","r":1,"n":"Otter a","s":"2"},{"k":"b","r":2,"n":"Otter b","s":"1"}]}"#;
const UNRANKED: &str =
    r#"{"t":"me","rank":null,"score":"0","key":"b","participants":2,"around":[]}"#;

fn ranked() -> OwnRow {
    OwnRow {
        key: "b".to_owned(),
        rank: Some(2),
        score: "1".to_owned(),
        participants: 2,
        ahead: Some(("1".to_owned(), "Otter a".to_owned())),
        prize_gap: Some("0.50".to_owned()),
        around: vec![row(1, "a", "2"), row(2, "b", "1")],
    }
}

/// Reads the first board, says who he is and reads the first row of his own.
async fn authed(stage: &Stage) -> (Plainly, Board) {
    stage.boards.own(98, ranked());
    let (mut client, mut board) = (stage.open(RACE).await, Board::default());
    board.apply(&Frame::parse(&client.text().await).unwrap()).unwrap();
    client.send(AUTH).await;
    assert_eq!(client.text().await, ME);
    (client, board)
}

fn unranked() -> OwnRow {
    let (rank, score, around) = (None, "0".to_owned(), Vec::new());
    OwnRow { rank, score, ahead: None, prize_gap: None, around, ..ranked() }
}

#[actix_rt::test]
async fn the_own_row_is_private_and_only_sent_when_changed() {
    let stage = Stage::set();
    stage.boards.own(98, ranked());
    let (mut client, mut stranger) = (stage.open(RACE).await, stage.open(RACE).await);
    client.text().await;
    stranger.text().await;
    // From before the first is asked for: a loaded machine may hand it to us late.
    let first = Instant::now();
    client.send(AUTH).await;
    assert_eq!(client.text().await, ME);
    stage.boards.own(98, unranked());
    assert_eq!(client.text().await, UNRANKED);
    assert!(first.elapsed() >= Duration::from_millis(950), "at most once a second");
    let more = tokio::time::timeout(Duration::from_millis(1500), client.next()).await;
    assert!(more.is_err(), "unchanged, not sent");
    assert!(stranger.is_quiet().await);
}

/// Boards that come all the time bring own rows along: no client sees its own row before the board.
#[actix_rt::test]
async fn own_rows_come_with_moving_boards() {
    let stage = Stage::set();
    let rows = ["a", "b"].map(|key| (key, u64::from(key.as_bytes()[0])));
    let show = |score: usize| {
        let score = score.to_string();
        for (key, player) in rows {
            stage.boards.own(player, OwnRow { score: score.clone(), ..ranked() });
            assert_eq!(row(1, key, "1").player.0, player);
        }
        stage.boards.race(&[("a", &score), ("b", &score)]);
    };
    show(9);
    let mut clients = Vec::new();
    for (_, player) in rows {
        let mut client = stage.open(RACE).await;
        client.text().await;
        client.send(&format!(r#"{{"t":"auth","token":"1:{player}:60"}}"#)).await;
        clients.push(client);
    }
    wait(|| stage.boards.asked.lock().unwrap().len() == 2).await;
    let began = Instant::now();
    for score in 10.. {
        show(score);
        tokio::time::sleep(Duration::from_millis(40)).await;
        if began.elapsed() > Duration::from_millis(2_500) {
            break;
        }
    }
    let asked = stage.boards.asked.lock().unwrap().clone();
    assert!(asked[2..].contains(&2), "both in one question: {asked:?}");
    assert!(asked.len() < 2 + 2 * 4, "once a second: {asked:?}");
    for client in &mut clients {
        let (mut board, mut seen) = (0, 0);
        while let Ok(text) = tokio::time::timeout(Duration::from_millis(300), client.text()).await {
            let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
            if frame["t"] == "delta" {
                board = frame["set"][0]
                    .as_array()
                    .unwrap()
                    .last()
                    .unwrap()
                    .as_str()
                    .unwrap()
                    .parse()
                    .unwrap();
            } else if frame["t"] == "me" {
                let own: u64 = frame["score"].as_str().unwrap().parse().unwrap();
                assert!(own >= board, "{own} after the board with {board}");
                seen += 1;
            }
        }
        assert!((3..=4).contains(&seen), "the first, and one a second: {seen}");
    }
}

#[actix_rt::test]
async fn a_board_does_not_wait_for_own_rows() {
    let stage = Stage::set();
    let (mut client, _) = authed(&stage).await;
    // Longer than a board waits, and shorter than anybody waits.
    stage.boards.answer_ms.store(300, Ordering::SeqCst);
    stage.boards.own(98, unranked());
    let asked = || stage.boards.asked.lock().unwrap().len();
    let (mut boards, began) = (0, Instant::now());
    for score in 10.. {
        stage.boards.race(&[("a", &score.to_string()), ("b", "1")]);
        let text = client.text().await;
        if text == UNRANKED {
            break;
        }
        boards += usize::from(asked() > 1 && text.contains("delta"));
        assert!(began.elapsed() < WITHIN, "the row does not come");
    }
    // One waited for a tenth of a second; then they went on, and the row came by itself.
    assert!(boards > 1, "boards waited until the row was there");
    // Longer than anybody waits: no row, and boards as ever.
    stage.boards.answer_ms.store(60_000, Ordering::SeqCst);
    stage.boards.own(98, ranked());
    let (before, began) = (asked(), Instant::now());
    let (mut boards, mut longest) = (0, Duration::ZERO);
    while asked() == before || began.elapsed() < Duration::from_millis(1_500) {
        let since = Instant::now();
        stage.boards.race(&[("a", &boards.to_string()), ("b", "1")]);
        boards += usize::from(client.text().await.contains("delta"));
        longest = longest.max(since.elapsed());
        assert!(began.elapsed() < WITHIN, "it is not asked about any more");
    }
    assert!(boards > 5, "{boards}");
    assert!(longest < Duration::from_secs(5), "a board has waited {longest:?}");
}

/// A write of a board with an own row may end anywhere; the rest of it comes before anything else.
#[actix_rt::test]
async fn an_own_row_that_is_not_taken_at_once_is_not_lost() {
    let stage = Stage::set();
    let (mut client, mut board) = authed(&stage).await;
    let mut score = 10;
    let mut show = || {
        score += 1;
        stage.boards.race(&[("a", &score.to_string()), ("b", "1")]);
        score
    };
    // More than the kernel's buffers hold: it comes with a board, and no write takes it whole.
    let long = OwnRow { score: "9".repeat(12_000_000), ..unranked() };
    stage.boards.own(98, long.clone());
    wait(|| {
        show();
        stage.boards.asked.lock().unwrap().len() == 2
    })
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let last = show().to_string();
    stage.published(2).await;
    let mut rows = Vec::new();
    loop {
        let text = client.text().await;
        match Frame::parse(&text).unwrap() {
            Frame::Me(me) => rows.push(me.score),
            frame => board.apply(&frame).unwrap(),
        }
        if board.rows().first().is_some_and(|row| row.score == last) {
            break;
        }
    }
    assert!(rows == [Some(long.score)], "{} rows", rows.len());
}

#[actix_rt::test]
async fn a_bad_token_closes() {
    let stage = Stage::set();
    for token in ["nonsense", "2:98:60", "1:98:0"] {
        let mut client = stage.open(RACE).await;
        client.text().await;
        client.send(&format!(r#"{{"t":"auth","token":"{token}"}}"#)).await;
        let (texts, code) = client.until_close().await;
        assert!(texts[0].starts_with(r#"{"t":"error","code":"BAD_TOKEN""#), "{texts:?}");
        assert_eq!((&*texts[1], code), (r#"{"t":"bye","code":4401}"#, 4401), "{token}");
    }
}

#[actix_rt::test]
async fn a_token_ends_and_can_be_renewed() {
    let stage = Stage::set();
    let (mut client, _) = authed(&stage).await;
    client.send(r#"{"t":"auth","token":"1:98:120"}"#).await;
    client.send(r#"{"t":"ping"}"#).await;
    assert!(client.text().await.contains("pong"), "the renewed token is accepted silently");
    stage.now.store(START + 90_000, Ordering::SeqCst);
    assert!(client.text().await.contains("proof"));
    assert!(client.is_quiet().await);
    stage.now.store(START + 120_000, Ordering::SeqCst);
    let ended = tokio::time::timeout(WITHIN, client.text()).await.unwrap();
    assert_eq!(ended, r#"{"t":"error","code":"TOKEN_EXPIRED","detail":"send a new token"}"#);
    stage.boards.own(98, unranked());
    assert!(client.is_quiet().await);
    client.send(r#"{"t":"auth","token":"1:98:180"}"#).await;
    assert_eq!(client.text().await, UNRANKED);
    stage.boards.race(&[("a", "9"), ("b", "1")]);
    assert!(client.text().await.contains("delta"), "the socket has stayed");
}
