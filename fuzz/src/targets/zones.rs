//! Summaries of blocks of rows as a damaged store may give them: the bytes as they are, and with
//! the right check at their end.
//!
//! **Property:** what decodes encodes to the same bytes and answers every question; what has a
//! wrong check does not decode.

use palio_domain::journal::{Filter, Kinds, Query, RowKind, Zone};
use palio_domain::{Aggregate, BetId, PlayerId, RoundId, TenantId, UnixMs};

pub(super) const WORDS: &[&str] = &["\u{1}", "\0\0\0\0\0\0\0\0", "\u{7f}"];

pub(super) fn target(bytes: &[u8]) {
    read(bytes);
    let mut check = [0; 8];
    blake3::Hasher::new().update(bytes).finalize_xof().fill(&mut check);
    let sealed = [bytes, &check].concat();
    read(&sealed);
    let mut wrong = sealed;
    if let Some(last) = wrong.last_mut() {
        *last ^= 1;
        assert_eq!(Zone::decode(&wrong), None, "a wrong check");
    }
}

fn read(bytes: &[u8]) {
    let Some(zone) = Zone::decode(bytes) else { return };
    assert_eq!(zone.encode(), bytes);
    let all = Filter::all(TenantId(1));
    let player = Some(Aggregate::Player(PlayerId(7)));
    for filter in [
        Filter { aggregate: player, ..all.clone() },
        Filter { round: RoundId::parse("R-1").ok(), ..all.clone() },
        Filter { bet: BetId::parse("b-1").ok(), from: Some(UnixMs(0)), ..all.clone() },
        Filter { kinds: Kinds::default().with(RowKind::BetPlaced), ..all.clone() },
        Filter { until: Some(UnixMs(i64::MIN)), ..all.clone() },
        all,
    ] {
        let empty = filter.until.is_some_and(|until| zone.first_time() >= until);
        let found = zone.may_contain(&Query::new(filter));
        assert!(!(empty && found), "rows before their first");
    }
}
