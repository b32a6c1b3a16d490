//! A zone: what is known of a block of rows without reading them.
//!
//! ```text
//! slot 3f   │ rows 1–1024 │ 1025–2048 │ 2049–3072 │ 3073 … 3390
//!             zone 0        zone 1      zone 2      open zone 3
//! ```
//! A zone has the times of its first and last row, the kinds that occur and a Bloom filter over
//! what its rows can be found by. [`Zone::may_contain`] says *no* only when no row matches.
//!
//! **Invariants:** never a false "no"; the same rows give the same bytes; bytes that were changed,
//! or belong to another block, do not decode. A zone is derived: it can always be made again.

use super::query::{Kinds, Query, keys_of};
use super::row::Row;
use crate::ids::Slot;
use crate::time::UnixMs;
use std::collections::HashSet;

/// Rows of a zone.
pub const ZONE_ROWS: u64 = 1_024;

/// Bits of the filter per key: with six probes about 0.4 % false positives.
const BITS_PER_KEY: usize = 12;
/// Words of the largest filter, 4 KiB: reached at 2,700 keys, which takes rows that hardly share
/// a player, round or bet; with the most keys there can be, about 8 % are false positives.
const WORDS_MAX: usize = 512;
const PROBES: u32 = 6;

/// Version of the encoding and of the hashes in it.
const VERSION: u8 = 1;

/// The block that a row stands in; the first row of a slot has seq 1.
#[must_use]
pub const fn block_of(seq: u64) -> u64 {
    seq.saturating_sub(1) / ZONE_ROWS
}

/// The first seq of a block.
#[must_use]
pub const fn first_of(block: u64) -> u64 {
    block.saturating_mul(ZONE_ROWS).saturating_add(1)
}

/// The last seq of a block.
#[must_use]
pub const fn last_of(block: u64) -> u64 {
    block.saturating_add(1).saturating_mul(ZONE_ROWS)
}

/// What is common to open and whole zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outline {
    slot: Slot,
    block: u64,
    first: UnixMs,
    last: UnixMs,
    kinds: Kinds,
}

impl Outline {
    fn may_contain(&self, query: &Query) -> bool {
        let filter = query.filter();
        (filter.kinds.is_empty() || filter.kinds.meets(self.kinds))
            && filter.from.is_none_or(|from| self.last >= from)
            && filter.until.is_none_or(|until| self.first < until)
    }
}

/// The summary of a whole block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    outline: Outline,
    words: Box<[u64]>,
}

impl Zone {
    /// Whether a row of the block may be looked for; `false` is certain.
    #[must_use]
    pub fn may_contain(&self, query: &Query) -> bool {
        self.outline.may_contain(query)
            && query.keys().iter().all(|key| {
                probes(*key, self.words.len())
                    .all(|(word, mask)| self.words.get(word).is_some_and(|w| w & mask != 0))
            })
    }

    /// The slot.
    #[must_use]
    pub const fn slot(&self) -> Slot {
        self.outline.slot
    }

    /// The block.
    #[must_use]
    pub const fn block(&self) -> u64 {
        self.outline.block
    }

    /// The time of the first row.
    #[must_use]
    pub const fn first_time(&self) -> UnixMs {
        self.outline.first
    }

    /// The time of the last row.
    #[must_use]
    pub const fn last_time(&self) -> UnixMs {
        self.outline.last
    }

    /// To bytes: version, slot, block, times, kinds, the filter, and eight bytes of hash over all
    /// that; integers big-endian.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Outline { slot, block, first, last, kinds } = self.outline;
        let mut to = Vec::with_capacity(42 + 8 * self.words.len());
        to.extend([VERSION, slot.0]);
        to.extend(block.to_be_bytes());
        to.extend(first.0.to_be_bytes());
        to.extend(last.0.to_be_bytes());
        to.extend(kinds.bits().to_be_bytes());
        to.extend(self.words.iter().flat_map(|word| word.to_be_bytes()));
        let check = check(&to);
        to.extend(check);
        to
    }

    /// From bytes; `None` unless they are exactly what [`Self::encode`] of this release gives.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, hash) = bytes.split_last_chunk::<8>()?;
        let (head, rest) = content.split_first_chunk::<2>()?;
        let [version, slot] = *head;
        if *hash != check(content) || version != VERSION {
            return None;
        }
        let (numbers, left) = rest.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|number| u64::from_be_bytes(*number));
        let block = numbers.next()?;
        let first = UnixMs(numbers.next()?.cast_signed());
        let last = UnixMs(numbers.next()?.cast_signed());
        let kinds = Kinds::from_bits(numbers.next()?);
        let words: Box<[u64]> = numbers.collect();
        let fine = left.is_empty() && !words.is_empty();
        let outline = Outline { slot: Slot(slot), block, first, last, kinds };
        fine.then_some(Self { outline, words })
    }
}

fn check(content: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    blake3::Hasher::new().update(content).finalize_xof().fill(&mut check);
    check
}

/// Word and mask of each probe: double hashing over the key's halves, scaled to the filter.
fn probes(key: u64, words: usize) -> impl Iterator<Item = (usize, u64)> {
    let [a, b, c, d, e, f, g, h] = key.to_be_bytes();
    let first = u32::from_be_bytes([a, b, c, d]);
    let step = u32::from_be_bytes([e, f, g, h]) | 1;
    let bits = u64::try_from(words).unwrap_or(0).saturating_mul(64);
    (0..PROBES).map(move |n| {
        let hash = first.wrapping_add(step.wrapping_mul(n));
        let bit = (u64::from(hash) * bits) >> 32;
        (usize::try_from(bit / 64).unwrap_or(usize::MAX), 1 << (bit % 64))
    })
}

/// The summary of a block that is still being filled: exact, since it keeps the keys themselves.
#[derive(Debug, Clone)]
pub struct OpenZone {
    slot: Slot,
    block: u64,
    rows: u64,
    outline: Option<Outline>,
    keys: HashSet<u64>,
}

impl OpenZone {
    /// An empty one.
    #[must_use]
    pub fn new(slot: Slot, block: u64) -> Self {
        Self { slot, block, rows: 0, outline: None, keys: HashSet::new() }
    }

    /// The last seq taken in.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.block.saturating_mul(ZONE_ROWS).saturating_add(self.rows)
    }

    /// Takes the slot's next row in; the whole zone when it was the block's last.
    ///
    /// A row that is not the next one is left alone, so that a zone never speaks of rows it
    /// has not seen.
    pub fn insert(&mut self, row: &Row) -> Option<Zone> {
        if row.slot != self.slot || row.seq != self.position().saturating_add(1) {
            return None;
        }
        self.rows += 1;
        self.keys.extend(keys_of(row));
        let (slot, block) = (self.slot, self.block);
        let outline = self.outline.get_or_insert(Outline {
            slot,
            block,
            first: row.time,
            last: row.time,
            kinds: Kinds::default(),
        });
        outline.last = outline.last.max(row.time);
        outline.kinds = outline.kinds.with(row.kind);
        if self.rows < ZONE_ROWS {
            return None;
        }
        let whole = self.seal();
        *self = Self::new(self.slot, self.block.saturating_add(1));
        whole
    }

    fn seal(&self) -> Option<Zone> {
        let words = (self.keys.len() * BITS_PER_KEY).div_ceil(64).clamp(1, WORDS_MAX);
        let mut words = vec![0; words].into_boxed_slice();
        for key in &self.keys {
            for (word, mask) in probes(*key, words.len()) {
                if let Some(word) = words.get_mut(word) {
                    *word |= mask;
                }
            }
        }
        Some(Zone { outline: self.outline?, words })
    }

    /// Whether a row taken in so far may be looked for; `false` is certain.
    #[must_use]
    pub fn may_contain(&self, query: &Query) -> bool {
        self.outline.is_some_and(|outline| outline.may_contain(query))
            && query.keys().iter().all(|key| self.keys.contains(key))
    }

    /// The times of the first and last row, if there is one.
    #[must_use]
    pub fn times(&self) -> Option<(UnixMs, UnixMs)> {
        self.outline.map(|outline| (outline.first, outline.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Aggregate, BetId, GameId, PlayerId, ProviderId, RoundId, TenantId};
    use crate::journal::{Filter, RowKind};
    use proptest::prelude::*;
    use proptest::sample::select;

    fn row(seq: u64, n: [u64; 5], kind: RowKind, time: i64) -> Row {
        let [tenant, player, provider, round, bet] = n;
        Row {
            slot: Slot(7),
            seq,
            epoch: 1,
            time: UnixMs(time),
            kind,
            kind_version: 1,
            tenant: TenantId(u32::try_from(tenant).unwrap()),
            aggregate: Aggregate::Player(PlayerId(player)),
            leg: None,
            balance_after: None,
            request: None,
            claim: None,
            provider: (provider > 0).then(|| ProviderId::parse(&format!("p{provider}")).unwrap()),
            round: (round > 0).then(|| RoundId::parse(&format!("R-{round}")).unwrap()),
            bet: (bet > 0).then(|| BetId::parse(&format!("b-{bet}")).unwrap()),
            game: GameId::parse(&format!("g{}", round % 7)).ok(),
            trace: None,
            payload: Box::default(),
        }
    }

    /// A block of rows: rising times, seqs that fit.
    fn block(first: u64) -> impl Strategy<Value = Vec<Row>> {
        let kinds: Vec<_> = RowKind::ALL.to_vec();
        let one = (
            [1_u64..3, 0..400, 0..4, 0..2_000, 0..2_000],
            select(kinds),
            prop_oneof![Just(0_i64), 0_i64..50],
        );
        let count = usize::try_from(ZONE_ROWS).unwrap();
        proptest::collection::vec(one, count).prop_map(move |parts| {
            let mut time = 1_000;
            let rows = parts.into_iter().zip(first..).map(|((n, kind, later), seq)| {
                time += later;
                row(seq, n, kind, time)
            });
            rows.collect()
        })
    }

    fn zone(rows: &[Row]) -> (OpenZone, Zone) {
        let mut open = OpenZone::new(Slot(7), block_of(rows[0].seq));
        let (last, before) = rows.split_last().unwrap();
        for row in before {
            assert_eq!(open.insert(row), None);
        }
        let almost = open.clone();
        (almost, open.insert(last).unwrap())
    }

    /// Every condition alone and all together, such that the row matches.
    fn filters(row: &Row) -> Vec<Filter> {
        let all = Filter::all(row.tenant);
        let kinds = Kinds::default().with(row.kind);
        let until = Some(row.time.plus_ms(1));
        vec![
            Filter { aggregate: Some(row.aggregate), ..all.clone() },
            Filter { provider: row.provider.clone(), ..all.clone() },
            Filter { round: row.round.clone(), ..all.clone() },
            Filter { bet: row.bet.clone(), game: row.game.clone(), ..all.clone() },
            Filter { kinds, ..all.clone() },
            Filter { from: Some(row.time), until, ..all.clone() },
            Filter {
                aggregate: Some(row.aggregate),
                provider: row.provider.clone(),
                round: row.round.clone(),
                bet: row.bet.clone(),
                kinds,
                from: Some(row.time),
                until,
                ..all.clone()
            },
            all,
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

        #[test]
        fn never_a_false_no(rows in block(ZONE_ROWS * 3 + 1)) {
            let (open, zone) = zone(&rows);
            let read = Zone::decode(&zone.encode()).unwrap();
            prop_assert_eq!(&read, &zone);
            for (index, row) in rows.iter().enumerate().step_by(17) {
                for filter in filters(row) {
                    prop_assert!(filter.matches(row));
                    let query = Query::new(filter);
                    prop_assert!(read.may_contain(&query));
                    prop_assert!(index + 1 == rows.len() || open.may_contain(&query));
                }
            }
        }

        #[test]
        fn seldom_a_false_yes(rows in block(1)) {
            let (open, zone) = zone(&rows);
            let (mut asked, mut wrong) = (0, 0);
            for n in 1..3_000_u64 {
                let absent = row(1, [1, 1_000_000 + n, 9, 10_000 + n, 10_000 + n],
                    RowKind::BetPlaced, 0);
                let all = Filter::all(absent.tenant);
                for filter in [
                    Filter { aggregate: Some(absent.aggregate), ..all.clone() },
                    Filter { round: absent.round.clone(), ..all.clone() },
                    Filter { bet: absent.bet.clone(), ..all.clone() },
                ] {
                    let query = Query::new(filter);
                    asked += 1;
                    wrong += u32::from(zone.may_contain(&query));
                    prop_assert!(!open.may_contain(&query), "an open zone is exact");
                }
            }
            prop_assert!(wrong * 100 < asked, "{wrong} of {asked}");
        }

        #[test]
        fn bytes_that_were_changed_do_not_decode(rows in block(1), at in 0_usize..400, bit in 0..8) {
            let (_, zone) = zone(&rows);
            let mut bytes = zone.encode();
            bytes[at] ^= 1_u8 << bit;
            prop_assert_eq!(Zone::decode(&bytes), None);
            prop_assert_eq!(Zone::decode(&bytes[..at]), None);
        }
    }

    #[test]
    fn outside_its_times_and_kinds_there_is_nothing() {
        let rows: Vec<_> = (1..=ZONE_ROWS)
            .map(|seq| row(seq, [1, 1, 1, 1, seq], RowKind::BetPlaced, 5_000))
            .collect();
        let (_, zone) = zone(&rows);
        let all = Filter::all(TenantId(1));
        let (at, after) = (Some(UnixMs(5_000)), Some(UnixMs(5_001)));
        let cases = [
            (Filter { from: after, ..all.clone() }, false),
            (Filter { until: at, ..all.clone() }, false),
            (Filter { from: at, until: after, ..all.clone() }, true),
            (Filter { kinds: Kinds::default().with(RowKind::Deposited), ..all.clone() }, false),
            (Filter::all(TenantId(2)), false),
            (all, true),
        ];
        for (filter, expected) in cases {
            assert_eq!(zone.may_contain(&Query::new(filter.clone())), expected, "{filter:?}");
        }
        assert_eq!((zone.first_time(), zone.last_time()), (UnixMs(5_000), UnixMs(5_000)));
    }

    #[test]
    fn a_row_out_of_order_is_left_alone() {
        let mut open = OpenZone::new(Slot(7), 1);
        assert_eq!(
            (block_of(1_024), block_of(1_025), first_of(1), last_of(1)),
            (0, 1, 1_025, 2_048)
        );
        assert_eq!(open.position(), 1_024);
        for seq in [1_024, 1_026, 1_025, 1_025] {
            assert_eq!(open.insert(&row(seq, [1; 5], RowKind::BetPlaced, 1)), None);
        }
        assert_eq!(open.position(), 1_025);
    }
}
