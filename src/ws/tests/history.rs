//! Whoever follows, in either form, however often he sleeps, resumes or starts again, has the
//! server's board at his position; and what he has been shown can be proven.

use super::support::{START, Stage, id, view};
use crate::actors::board::{BoardRow, BoardView, Status};
use crate::ws::published::{Published, delta};
use crate::ws::ring::Since;
use loadtest::board::{Board, Frame};
use palio_domain::{PlayerId, TenantId, TournamentId, UnixMs};
use palio_protocol::live::binary::{self, Message, Whole};
use palio_protocol::live::{self, Chain, Form, json, show};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;

type Line = (u8, u16, bool);

/// A board of these keys in this order; ranks are shared by twos now and then.
fn shown_view(rows: &[Line], participants: u64, status: Status, shared: bool) -> BoardView {
    let mut shown: Vec<&Line> = Vec::new();
    for row in rows {
        if shown.iter().all(|(key, ..)| *key != row.0) {
            shown.push(row);
        }
    }
    let row = |(at, (key, score, other)): (u64, &&Line)| BoardRow {
        player: PlayerId(u64::from(*key)),
        key: format!("k{key}"),
        rank: if shared { at / 2 * 2 + 1 } else { at + 1 },
        name: format!("Otter \"{key}\" {}", u8::from(*other)),
        score: show(i64::from(*score), 1),
        points: i64::from(*score),
    };
    BoardView {
        tenant: TenantId(1),
        tournament: TournamentId::parse("race").unwrap(),
        status,
        participants,
        ends_at: UnixMs(0),
        tick_ms: 1000,
        decimals: 1,
        cut: (0, 0),
        rows: (0..).zip(&shown).map(row).collect(),
    }
}

fn views() -> impl Strategy<Value = Vec<BoardView>> {
    let rows = vec((0_u8..8, 0_u16..300, prop::bool::weighted(0.1)), 0..6);
    let status = prop_oneof![Just(Status::Active), Just(Status::Completed)];
    let one = (rows, 0_u64..3, status, prop::bool::weighted(0.2))
        .prop_map(|(rows, n, status, shared)| shown_view(&rows, n, status, shared));
    vec(one, 1..40)
}

/// Two clients of one server, each of its own form.
#[derive(Clone)]
struct Pair {
    json: Board,
    binary: Whole,
}

impl Pair {
    fn new(server: &Published) -> Self {
        let mut json = Board::default();
        json.apply(&Frame::parse(&server.snapshot_text(UnixMs(0))).unwrap()).unwrap();
        let frame = server.snapshot(Form::Binary, UnixMs(0));
        let Ok(Message::Snapshot(binary)) = binary::read(payload(&frame), None) else { panic!() };
        Self { json, binary: *binary }
    }

    fn seq(&self) -> u64 {
        assert_eq!(self.json.seq(), self.binary.board.seq);
        self.json.seq()
    }

    fn take(&mut self, step: &live::Delta) {
        self.json.apply(&Frame::parse(&json::delta(step)).unwrap()).unwrap();
        let frame = delta(Form::Binary, step);
        let base = Some((&self.binary.board, self.binary.decimals));
        let Ok(Message::Delta(next)) = binary::read(payload(&frame), base) else { panic!() };
        self.binary.board = next;
    }

    fn shows(&self, server: &Published) {
        assert_eq!(self.binary.board, *server.board);
        let mine: Vec<_> = self
            .json
            .rows()
            .iter()
            .map(|r| (r.rank, r.key.clone(), r.name.clone(), r.score.clone()))
            .collect();
        let board = &server.board;
        let theirs = board.ranks.iter().zip(&board.rows).map(|(rank, row)| {
            (*rank, row.key.to_string(), row.name.to_string(), row.score.to_string())
        });
        assert_eq!(mine, theirs.collect::<Vec<_>>());
        assert_eq!(self.json.participants(), board.participants);
        assert_eq!(self.json.status(), board.status.as_str());
        assert_eq!(self.seq(), server.seq);
    }
}

/// What is in a server's frame.
fn payload(frame: &[u8]) -> &[u8] {
    let head = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    &frame[head..]
}

proptest! {
    #[test]
    fn a_client_has_the_servers_board(
        views in views(),
        awake in vec(any::<bool>(), 40),
        ring_len in 1_usize..6,
    ) {
        let mut views = views.into_iter().map(Arc::new);
        let mut server = Published::first("e".into(), &views.next().unwrap(), UnixMs(0));
        let mut steady = Pair::new(&server);
        let mut sleepy = steady.clone();
        for (view, awake) in views.zip(awake) {
            if let Some(next) = server.next(&view, UnixMs(0), ring_len) {
                prop_assert_eq!(next.seq, server.seq + 1);
                server = next;
                match server.since("e", steady.seq()) {
                    Since::Changed(delta) => steady.take(&delta),
                    other => prop_assert!(false, "{other:?}"),
                }
            }
            steady.shows(&server);
            if !awake {
                continue;
            }
            let behind = server.seq - sleepy.seq();
            match server.since("e", sleepy.seq()) {
                Since::Same => prop_assert_eq!(behind, 0),
                Since::Changed(delta) => sleepy.take(&delta),
                Since::Lost => {
                    prop_assert!(behind > u64::try_from(ring_len).unwrap());
                    sleepy = Pair::new(&server);
                }
                Since::Ahead => prop_assert!(false, "ahead of its only source"),
            }
            sleepy.shows(&server);
        }
    }
}

#[test]
fn positions_of_other_histories_are_lost() {
    let view = Arc::new(shown_view(&[(1, 1, false)], 1, Status::Active, false));
    let first = Published::first("e".into(), &view, UnixMs(0));
    assert_eq!(first.since("e", 1), Since::Same);
    for (epoch, seq) in [("e", 0), ("e", 2), ("f", 1)] {
        assert_eq!(first.since(epoch, seq), Since::Lost, "{epoch} {seq}");
    }
    let tick = BoardView { tick_ms: 100, cut: (1, 1), ..(*view).clone() };
    assert!(first.next(&tick, UnixMs(0), 4).is_none(), "nothing that is shown");
}

#[test]
fn rows_that_stay_are_shared() {
    let lines = [(1, 10, false), (2, 9, false), (3, 8, false)];
    let first = Arc::new(shown_view(&lines, 3, Status::Active, false));
    let server = Published::first("e".into(), &first, UnixMs(0));
    let lines = [(1, 10, false), (3, 20, false), (2, 9, false)];
    let next = Arc::new(shown_view(&lines, 3, Status::Active, false));
    let next = server.next(&next, UnixMs(0), 4).unwrap();
    assert!(Arc::ptr_eq(&server.board.rows[0], &next.board.rows[0]));
    assert!(Arc::ptr_eq(&server.board.rows[1], &next.board.rows[2]));
}

#[actix_rt::test]
async fn both_forms_are_served() {
    let stage = Stage::set();
    let offers = [("sec-websocket-protocol", "palio.v1.bin, palio.v1.json")];
    let (mut client, headers) = stage.try_open("/ws/tournaments/race", &offers).await.unwrap();
    assert_eq!(headers["sec-websocket-protocol"], "palio.v1.bin");
    let Ok(Message::Snapshot(mut whole)) = binary::read(&client.bytes().await, None) else {
        panic!()
    };
    assert_eq!(whole.board, *stage.live.published(&id("race")).unwrap().board);
    stage.boards.race(&[("b", "3"), ("a", "2")]);
    let bytes = client.bytes().await;
    assert_eq!(bytes, [2, 2, 1, 2, 1, 4, 5, 0], "positions, and by how much");
    let read = binary::read(&bytes, Some((&whole.board, 0)));
    let Ok(Message::Delta(next)) = read else { panic!("{read:?}") };
    whole.board = next;
    assert_eq!(&*whole.board.rows[0].score, "3");
    client.send(r#"{"t":"ping"}"#).await;
    assert!(client.text().await.contains("pong"), "what is rare is text in either form");
    drop(client);
    let path = format!("/ws/tournaments/race?epoch={}&seq=1", stage.epoch());
    let (mut back, _) = stage.try_open(&path, &offers).await.unwrap();
    let epoch = stage.epoch();
    assert_eq!(binary::read(&back.bytes().await, None), Ok(Message::Resumed { epoch, seq: 1 }));
    assert_eq!(back.bytes().await, bytes);
}

#[actix_rt::test]
async fn a_board_is_proven_every_ten_seconds() {
    let stage = Stage::set();
    let mut client = stage.open("/ws/tournaments/race").await;
    let first = client.text().await;
    stage.boards.race(&[("b", "3"), ("a", "2")]);
    client.text().await;
    stage.now.store(START + 9_999, Ordering::SeqCst);
    assert!(client.is_quiet().await);
    stage.now.store(START + 10_000, Ordering::SeqCst);
    let proof: serde_json::Value = serde_json::from_str(&client.text().await).unwrap();
    let published = stage.live.published(&id("race")).unwrap();
    let hash = live::hash("race", &stage.epoch(), &published.board);
    let chain = Chain::default().next(hash, 2, UnixMs(START + 10_000));
    let seal = hex::encode(chain.head.map(|byte| !byte));
    let expected = serde_json::json!({"t": "proof", "seq": 2, "n": 1, "hash": hex::encode(hash),
        "chain": hex::encode(chain.head), "time": "2023-11-14T22:13:30.000Z", "cut": [7, 70],
        "sig": seal});
    assert_eq!(proof, expected);
    stage.now.store(START + 30_000, Ordering::SeqCst);
    assert!(client.is_quiet().await, "a board is proven once");
    // Who comes later starts from the chain as it is, and gets the next link.
    let mut late = stage.open("/ws/tournaments/race").await;
    let snapshot = late.text().await;
    let is = format!(r#""chain":"{}","n":1,"#, hex::encode(chain.head));
    assert!(snapshot.contains(&is) && !first.contains(&is), "{snapshot}");
    stage.boards.show(view("race", &[("b", "4"), ("a", "2")]));
    for client in [&mut client, &mut late] {
        assert!(client.text().await.contains(r#""t":"delta","seq":3"#));
        let proof: serde_json::Value = serde_json::from_str(&client.text().await).unwrap();
        let board = &stage.live.published(&id("race")).unwrap().board;
        let hash = live::hash("race", &stage.epoch(), board);
        let next = chain.next(hash, 3, UnixMs(START + 30_000));
        assert_eq!((&proof["n"], &proof["chain"]), (&2.into(), &hex::encode(next.head).into()));
    }
}
