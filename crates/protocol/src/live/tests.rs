//! Bytes of frames, and that both forms of any delta give exactly the new board.

use super::json::{Ahead, Around, Frame, Me, RowText};
use super::*;
use palio_domain::UnixMs;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::Arc;

const AROUND: Around<'static> = Around {
    epoch: "k3f9.0",
    ends_at: UnixMs(1_795_287_600_000),
    decimals: 2,
    hash: [1; 16],
    chain: Chain { n: 3, head: [2; 16] },
};

fn row(key: u8, points: i64, renamed: bool) -> Arc<Row> {
    let name = format!("Otter \"{key}\"{}", if renamed { "!" } else { "" });
    let key = format!("k{key}").into();
    Arc::new(Row { key, name: name.into(), score: show(points, 2).into(), points })
}

fn board(seq: u64, rows: &[(u8, i64, bool)], participants: u64, shared: bool) -> Board {
    let mut shown: Vec<Arc<Row>> = Vec::new();
    for (key, points, renamed) in rows {
        let row = row(*key, *points, *renamed);
        if shown.iter().all(|known| known.key != row.key) {
            shown.push(row);
        }
    }
    let rank = |at: u64| if shared { at / 2 * 2 + 1 } else { at + 1 };
    let ranks = (0..shown.len()).map(|at| rank(u64::try_from(at).unwrap())).collect();
    let status = if participants == 0 { Status::Completed } else { Status::Active };
    Board { seq, status, participants, rows: shown, ranks }
}

#[test]
fn frames_have_exactly_these_bytes() {
    let base = board(42, &[(1, 100, false), (2, 90, false), (3, 80, false)], 3, false);
    let rows = [(2, 128_450, false), (1, 100, false), (4, -5, false), (3, 80, false)];
    let next = board(43, &rows, 4, false);
    let delta = next.since(&base);
    let merged = board(45, &[(3, 80, false), (1, 110, false)], 0, true).since(&base);
    let proof = Proof {
        seq: 43,
        hash: [0xab; 16],
        chain: Chain { n: 7, head: [0xcd; 16] },
        time: UnixMs(1_700_000_000_005),
        cut: (17, 300),
        sig: [0xef; 16],
    };
    let (ab, cd, ef) = ("ab".repeat(16), "cd".repeat(16), "ef".repeat(16));
    let me = Me {
        rank: Some(2),
        score: "1.00",
        key: "k2",
        participants: 3,
        ahead: Some(Ahead { gap: "0.50", name: "Fox" }),
        prize_gap: Some("0.50"),
        around: vec![RowText { k: "k1", r: 1, n: "Fox", s: "1.50" }],
    };
    let cases = [
        (
            json::snapshot(&board(42, &[(1, 100, false)], 1, false), AROUND, UnixMs(0)),
            format!(
                r#"{{"t":"snapshot","epoch":"k3f9.0","seq":42,"status":"active","participants":1,"endsAt":"2026-11-21T19:00:00.000Z","serverTime":"1970-01-01T00:00:00.000Z","decimals":2,"hash":"{}","chain":"{}","n":3,"rows":[{{"k":"k1","r":1,"n":"Otter \"1\"","s":"1.00"}}]}}"#,
                "01".repeat(16),
                "02".repeat(16)
            ),
        ),
        (
            json::delta(&delta),
            r#"{"t":"delta","seq":43,"set":[[0,1,"1284.50"],[1,0],[2,"-0.05","k4","Otter \"4\""],[3,2]],"len":4,"participants":4}"#.to_owned(),
        ),
        (
            json::delta(&merged),
            r#"{"t":"delta","seq":45,"prev":42,"set":[[0,2],[1,0,"1.10"]],"len":2,"ranks":[[1,1]],"participants":0,"status":"completed"}"#.to_owned(),
        ),
        (
            json::proof(&proof),
            format!(
                r#"{{"t":"proof","seq":43,"n":7,"hash":"{ab}","chain":"{cd}","time":"2023-11-14T22:13:20.005Z","cut":[17,300],"sig":"{ef}"}}"#
            ),
        ),
        (
            Frame::Resumed { epoch: "k3f9.0", seq: 42 }.to_text(),
            r#"{"t":"resumed","epoch":"k3f9.0","seq":42}"#.to_owned(),
        ),
        (
            Frame::Me(me).to_text(),
            r#"{"t":"me","rank":2,"score":"1.00","key":"k2","participants":3,"ahead":{"gap":"0.50","name":"Fox"},"prizeGap":"0.50","around":[{"k":"k1","r":1,"n":"Fox","s":"1.50"}]}"#.to_owned(),
        ),
        (
            Frame::Error { code: "BAD_TOKEN", detail: "no" }.to_text(),
            r#"{"t":"error","code":"BAD_TOKEN","detail":"no"}"#.to_owned(),
        ),
        (
            Frame::Bye { code: close::AWAY, reconnect_ms: Some(1500) }.to_text(),
            r#"{"t":"bye","code":1001,"reconnectMs":1500}"#.to_owned(),
        ),
        (Frame::Bye { code: close::PROTOCOL, reconnect_ms: None }.to_text(), r#"{"t":"bye","code":4400}"#.to_owned()),
    ];
    for (text, expected) in cases {
        assert_eq!(text, expected);
    }
    let bytes = binary::delta(&delta);
    let expected = [
        &[0x32, 43, 1, 4, 4, 2, 1][..],
        // 1284.50 − 0.90 = 128,360 hundredths
        &[0xd0, 0xd5, 0x0f, 5, 0, 11, 2, b'k', b'4', 9],
        b"Otter \"4\"",
        &[9, 13, 2],
    ];
    assert_eq!(bytes, expected.concat());
    assert_eq!(binary::resumed("k", 300), [3, 1, b'k', 0xac, 2]);
    assert_eq!(binary::read(&binary::proof(&proof), None), Ok(binary::Message::Proof(proof)));
    let whole = binary::snapshot(&base, AROUND, UnixMs(5));
    let Ok(binary::Message::Snapshot(read)) = binary::read(&whole, None) else { panic!() };
    assert_eq!((read.board, read.epoch.as_str(), read.decimals), (base, "k3f9.0", 2));
    assert_eq!(
        (read.chain, read.ends_at, read.server_time),
        (AROUND.chain, AROUND.ends_at, UnixMs(5))
    );
}

#[test]
fn a_hash_is_of_the_documented_text() {
    use sha2::{Digest as _, Sha256};
    let board = board(42, &[(1, 100, false), (2, 90, false)], 7, true);
    let text = "palio.board.v1\nrace\nk.0\n42\nactive\n7\n1\tk1\tOtter \"1\"\t1.00\n1\tk2\tOtter \"2\"\t0.90\n";
    let expected = Sha256::digest(text);
    assert_eq!(hash("race", "k.0", &board)[..], expected[..16]);
    let chain = Chain::default().next([7; 16], 42, UnixMs(5));
    let parts = [&[0; 16][..], &[7; 16], &42_u64.to_be_bytes(), &5_u64.to_be_bytes()].concat();
    assert_eq!((chain.n, &chain.head[..]), (1, &Sha256::digest(parts)[..16]));
}

#[test]
fn requests_are_read_or_not() {
    let auth = |token: &str| Some(Request::Auth { token: token.to_owned() });
    let cases = [
        (r#"{"t":"ping"}"#, Some(Request::Ping)),
        (r#"{"t":"ping","more":[1]}"#, Some(Request::Ping)),
        (r#"{"t":"auth","token":"a.b.c"}"#, auth("a.b.c")),
        (r#"{"token":"a.b.c","t":"auth"}"#, auth("a.b.c")),
        (r#"{"t":"auth"}"#, None),
        (r#"{"t":"auth","token":7}"#, None),
        (r#"{"t":"ping","t":"auth","token":"x"}"#, None),
        (r#"["auth","a.b.c"]"#, None),
        (r#"{"t":"sub"}"#, None),
        ("ping", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(Request::parse(text), expected, "{text}");
    }
    assert!(!format!("{:?}", auth("secret")).contains("secret"), "a token is never logged");
}

#[test]
fn codes_say_whether_to_come_back() {
    use close::Then;
    for (code, then) in [
        (1000, Then::Never),
        (1001, Then::Resume),
        (1006, Then::Resume),
        (1009, Then::Never),
        (close::LATER, Then::Resume),
        (4099, Then::Resume),
        (close::SLOW, Then::Fresh),
        (4199, Then::Fresh),
        (close::PROTOCOL, Then::Never),
        (close::TOKEN, Then::Never),
        (close::NO_TOURNAMENT, Then::Never),
        (4499, Then::Never),
        (4500, Then::Resume),
        (1011, Then::Resume),
    ] {
        assert_eq!(close::then(code), then, "{code}");
    }
}

/// The JSON delta applied as docs/protocol/live.md says, on nothing but JSON.
fn apply_json(base: &Board, text: &str) -> Board {
    let delta: Value = serde_json::from_str(text).unwrap();
    assert_eq!(delta["prev"].as_u64().unwrap_or(delta["seq"].as_u64().unwrap() - 1), base.seq);
    let len = delta["len"].as_u64().map_or(base.rows.len(), |len| usize::try_from(len).unwrap());
    let at = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let points = |text: &str| text.replace('.', "").parse::<i64>().unwrap();
    let mut rows: Vec<_> = base.rows.iter().cloned().map(Some).collect();
    rows.resize(len, None);
    for set in delta["set"].as_array().unwrap_or(&Vec::new()) {
        let set = set.as_array().unwrap();
        let scored = |row: &Row, score: &Value| {
            let score = score.as_str().unwrap();
            Arc::new(Row { score: score.into(), points: points(score), ..row.clone() })
        };
        rows[at(&set[0])] = Some(match (set.len(), &set[1]) {
            (2, Value::String(_)) => scored(&base.rows[at(&set[0])], &set[1]),
            (2, from) => Arc::clone(&base.rows[at(from)]),
            (3, from) => scored(&base.rows[at(from)], &set[2]),
            (4, score) => Arc::new(Row {
                key: set[2].as_str().unwrap().into(),
                name: set[3].as_str().unwrap().into(),
                score: score.as_str().unwrap().into(),
                points: points(score.as_str().unwrap()),
            }),
            _ => panic!("{set:?}"),
        });
    }
    let mut ranks = base.ranks.clone();
    ranks.truncate(len);
    (ranks.len()..len).for_each(|at| ranks.push(u64::try_from(at).unwrap() + 1));
    for rank in delta["ranks"].as_array().unwrap_or(&Vec::new()) {
        ranks[at(&rank[0])] = rank[1].as_u64().unwrap();
    }
    let status = delta["status"].as_str();
    let status = status.map(|word| Status::ALL.into_iter().find(|s| s.as_str() == word).unwrap());
    Board {
        seq: delta["seq"].as_u64().unwrap(),
        status: status.unwrap_or(base.status),
        participants: delta["participants"].as_u64().unwrap_or(base.participants),
        rows: rows.into_iter().map(Option::unwrap).collect(),
        ranks,
    }
}

fn boards() -> impl Strategy<Value = Board> {
    let rows = vec((0_u8..9, -300_i64..300_000, prop::bool::weighted(0.1)), 0..8);
    (rows, 0_u64..3, any::<bool>()).prop_map(|(rows, n, shared)| board(5, &rows, n, shared))
}

proptest! {
    #[test]
    fn a_delta_gives_the_new_board(base in boards(), next in boards(), step in 1_u64..300) {
        let next = Board { seq: base.seq + step, ..next };
        let delta = next.since(&base);
        let bytes = binary::delta(&delta);
        let read = binary::read(&bytes, Some((&base, 2)));
        prop_assert_eq!(read, Ok(binary::Message::Delta(next.clone())));
        prop_assert_eq!(&apply_json(&base, &json::delta(&delta)), &next);
        let empty = delta.set.is_empty() && delta.len.is_none() && delta.ranks.is_empty()
            && delta.participants.is_none() && delta.status.is_none();
        prop_assert_eq!(empty, next.shows_the_same(&base));
        prop_assert_eq!(next.clone().sharing(&base), next);
        let behind = Board { seq: base.seq + 1_000, ..base.clone() };
        let read = binary::read(&bytes, Some((&behind, 2)));
        let gap = binary::Misfit::Gap { have: behind.seq, prev: base.seq };
        prop_assert_eq!(read, Err(gap));
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..80), base in boards(), kind in 0_u8..5) {
        let bytes = [&[kind][..], &bytes].concat();
        let read = binary::read(&bytes, Some((&base, 2)));
        if let Ok(binary::Message::Delta(next)) = read {
            prop_assert_eq!(next.rows.len(), next.ranks.len());
        }
        binary::read(&bytes, None).ok();
    }

    #[test]
    fn scores_are_shown_as_rules_show_them(points in any::<i64>(), decimals in 0_u8..=6) {
        let shown = palio_domain::tournament::score::Points(points).show(decimals);
        let unit = 10_i64.pow(6 - u32::from(decimals));
        let text = show(points / unit, decimals);
        prop_assert!(shown.starts_with(&text));
        prop_assert!(shown[text.len()..].bytes().all(|digit| digit == b'0'));
    }
}
