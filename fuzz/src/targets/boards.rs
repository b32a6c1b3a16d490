//! Messages of `palio.v1.bin` as edges and load generators read them.
//!
//! **Property:** a delta that is taken gives a board with a rank for each row, at the seq that it
//! names; the way from the base to that board, written again, is read as the same board. A
//! snapshot that is taken is read again as it was.

use palio_domain::UnixMs;
use palio_protocol::live::binary::{self, Message};
use palio_protocol::live::json::Around;
use palio_protocol::live::{Board, Row, Status, show};
use std::sync::Arc;

pub(super) const WORDS: &[&str] = &["\u{1}", "\u{2}", "\u{12}", "\u{22}", "\u{3}", "\u{4}", "k1"];

const DECIMALS: u8 = 2;

fn base() -> Board {
    let row = |n: i64| {
        let (key, name) = (format!("k{n}").into(), format!("Otter {n}").into());
        Arc::new(Row { key, name, score: show(n * 100, DECIMALS).into(), points: n * 100 })
    };
    Board {
        seq: 7,
        status: Status::Active,
        participants: 9,
        rows: (1..=4).map(row).collect(),
        ranks: vec![1, 2, 2, 4],
    }
}

pub(super) fn target(bytes: &[u8]) {
    let base = base();
    match binary::read(bytes, Some((&base, DECIMALS))) {
        Ok(Message::Delta(next)) => {
            assert_eq!(next.rows.len(), next.ranks.len());
            assert!(next.seq > base.seq, "{} after {}", next.seq, base.seq);
            let again = binary::delta(&next.since(&base));
            let read = binary::read(&again, Some((&base, DECIMALS)));
            assert_eq!(read, Ok(Message::Delta(next)));
        }
        Ok(Message::Snapshot(whole)) => {
            let around = Around {
                epoch: &whole.epoch,
                ends_at: whole.ends_at,
                decimals: whole.decimals,
                hash: whole.hash,
                chain: whole.chain,
            };
            let again = binary::snapshot(&whole.board, around, UnixMs(whole.server_time.0));
            assert_eq!(binary::read(&again, None), Ok(Message::Snapshot(whole)));
        }
        Ok(Message::Resumed { .. } | Message::Proof(_)) | Err(_) => {}
    }
}
