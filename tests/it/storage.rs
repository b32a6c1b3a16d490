//! The conformance suite: what `src/storage/mod.rs` promises, asked of every store.
//!
//! A test is an async function over a [`Home`]; the macro below runs each on all three stores.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "helpers of tests are tests too"
)]

pub(crate) mod home;
mod only;
mod rows;

use home::Home;
use palio::storage::{
    AppendError, DirectoryEntry, Error, FoldSnapshot, Snapshot, Storage, StoredRow,
};
use palio_domain::journal::head::{CHAIN_START, link};
use palio_domain::journal::{Batch, Draft, Head, HeadMove, Row};
use palio_domain::{Aggregate, PlayerId, Slot, TenantId, UnixMs};
use proptest::test_runner::{Config, TestRunner};
use rows::{NOW, TENANT, any_draft, batch, bet, key};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::runtime::Handle;

macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        on_every_store!(@ memory: $($test),*);
        on_every_store!(@ sqlite: $($test),*);
        on_every_store!(@ postgres: $($test),*);
    };
    (@ $store:ident: $($test:ident),*) => {
        mod $store {
            use super::home::Home;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let home = Home::$store().await;
                    super::$test(&home).await;
                    home.end().await;
                }
            )*
        }
    };
}

on_every_store!(
    appends_and_reads_back,
    any_row_comes_back_as_it_was,
    a_batch_of_any_size_is_written,
    a_stale_writer_is_fenced,
    a_batch_is_written_whole_or_not_at_all,
    a_key_is_used_once,
    a_batch_must_fit_its_moves,
    two_writers_fighting_leave_one_chain,
    keys_and_find,
    entities_are_found,
    the_newest_snapshot_wins,
    folds_by_prefix,
    one_token_gets_one_number,
    everything_is_there_after_reopening,
    another_key_is_refused,
    a_second_server_is_refused,
);

const SLOT_A: Slot = Slot(3);
const SLOT_B: Slot = Slot(200);

/// A player whose wallet lives in `slot`.
fn player_in(slot: Slot) -> u64 {
    let here = |n: &u64| Aggregate::Player(PlayerId(*n)).slot(TENANT) == slot;
    (1..).find(here).unwrap()
}

fn all_slots() -> Vec<Slot> {
    Slot::all().collect()
}

async fn acquire(storage: &Storage, owner: &str, slots: &[Slot]) -> Vec<Head> {
    storage.journal.acquire(owner, slots, NOW).await.unwrap()
}

async fn append(storage: &Storage, owner: &str, batch: &Batch) -> Result<(), AppendError> {
    storage.journal.writer(owner).await.unwrap().append(batch, NOW).await
}

async fn read(storage: &Storage, slot: Slot) -> Vec<StoredRow> {
    storage.journal.read(slot, 1, u32::MAX).await.unwrap()
}

async fn head(storage: &Storage, slot: Slot) -> Head {
    storage.journal.heads().await.unwrap()[slot.index()]
}

/// Every row of the journal; checks on the way that slots are gapless, chained and as their
/// heads say.
async fn audit(storage: &Storage) -> Vec<Row> {
    let heads = storage.journal.heads().await.unwrap();
    assert_eq!(heads.iter().map(|head| head.slot).collect::<Vec<_>>(), all_slots());
    let mut all = Vec::new();
    for head in heads {
        let rows = read(storage, head.slot).await;
        let seqs: Vec<_> = rows.iter().map(|stored| stored.row.seq).collect();
        assert_eq!(seqs, (1..head.next_seq).collect::<Vec<_>>(), "gapless");
        let mut chain = CHAIN_START;
        for part in rows.split_inclusive(|stored| stored.chain.is_some()) {
            chain = link(&chain, part.iter().map(|stored| &stored.row), &mut Vec::new());
            assert_eq!(part.last().unwrap().chain, Some(chain), "chained");
        }
        assert_eq!(head.chain, chain, "the head has the last link");
        let last_time = rows.last().map_or(UnixMs(0), |stored| stored.row.time);
        assert_eq!(head.last_time, last_time, "the head has the last time");
        all.extend(rows.into_iter().map(|stored| stored.row));
    }
    all
}

async fn appends_and_reads_back(home: &Home) {
    let storage = home.open().await;
    let players = [player_in(SLOT_A), player_in(SLOT_B)];
    assert_eq!(head(&storage, SLOT_A).await, Head::empty(SLOT_A));
    let heads = acquire(&storage, "a", &[SLOT_B, SLOT_A]).await;
    assert_eq!(
        heads.iter().map(|h| (h.slot, h.epoch)).collect::<Vec<_>>(),
        [(SLOT_B, 1), (SLOT_A, 1)]
    );
    let mut writer = storage.journal.writer("a").await.unwrap();
    let mut written = Vec::new();
    for round in 0..3 {
        let heads = [head(&storage, SLOT_A).await, head(&storage, SLOT_B).await];
        let drafts = (0..10).map(|n| bet(players[n % 2], (round * 10 + n) as u64));
        let batch = batch(&heads, drafts);
        writer.append(&batch, NOW).await.unwrap();
        written.extend(batch.rows.iter().map(|row| Row::clone(row)));
    }
    written.sort_by_key(|row| (row.slot, row.seq));
    assert_eq!(audit(&storage).await, written);
    let page = storage.journal.read(SLOT_A, 4, 5).await.unwrap();
    assert_eq!(page.iter().map(|stored| stored.row.seq).collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    assert_eq!(storage.journal.read(SLOT_A, 16, 5).await.unwrap(), []);
}

async fn any_row_comes_back_as_it_was(home: &Home) {
    let storage = home.open().await;
    acquire(&storage, "a", &all_slots()).await;
    let config = Config { cases: 20, failure_persistence: None, ..Config::default() };
    let drafts = proptest::collection::vec(any_draft(), 1..40);
    let written = |drafts| async {
        let heads = storage.journal.heads().await.unwrap();
        let batch = batch(&heads, drafts);
        append(&storage, "a", &batch).await.unwrap();
        for part in batch.rows.chunk_by(|a, b| a.slot == b.slot) {
            let read = storage.journal.read(part[0].slot, part[0].seq, 100).await.unwrap();
            assert_eq!(read.len(), part.len());
            for (read, written) in read.iter().zip(part) {
                let (mut before, mut after) = (Vec::new(), Vec::new());
                written.encode(&mut before);
                read.row.encode(&mut after);
                assert_eq!((&read.row, after), (written.as_ref(), before));
            }
        }
    };
    tokio::task::block_in_place(|| {
        let run = |drafts| {
            Handle::current().block_on(written(drafts));
            Ok(())
        };
        TestRunner::new(config).run(&drafts, run).unwrap();
    });
    audit(&storage).await;
}

async fn a_batch_of_any_size_is_written(home: &Home) {
    let storage = home.open().await;
    acquire(&storage, "a", &all_slots()).await;
    let mut writer = storage.journal.writer("a").await.unwrap();
    let mut n = 0;
    for size in [1, 2, 3, 4, 5, 17, 63, 255, 256, 257, 600, 2000] {
        let heads = storage.journal.heads().await.unwrap();
        let batch = batch(&heads, (n..n + size).map(|n| bet(n * 7919, n)));
        writer.append(&batch, NOW).await.unwrap();
        n += size;
    }
    assert_eq!(audit(&storage).await.len() as u64, n);
}

async fn a_stale_writer_is_fenced(home: &Home) {
    let storage = home.open().await;
    let player = player_in(SLOT_A);
    acquire(&storage, "a", &[SLOT_A]).await;
    let old = head(&storage, SLOT_A).await;
    append(&storage, "a", &batch(&[old], [bet(player, 1)])).await.unwrap();
    let fresh = acquire(&storage, "b", &[SLOT_A]).await[0];
    assert_eq!((fresh.epoch, fresh.next_seq), (2, 2));
    let stale: &[(&str, &str, Head)] = &[
        ("an old epoch and seq", "a", old),
        ("an old epoch", "a", Head { next_seq: 2, ..old }),
        ("an old epoch under the new name", "b", Head { next_seq: 2, ..old }),
        ("an old seq", "b", Head { next_seq: 1, ..fresh }),
        ("a seq too far", "b", Head { next_seq: 3, ..fresh }),
        ("a future epoch", "b", Head { epoch: 3, ..fresh }),
        ("another owner", "a", fresh),
        ("nobody", "", fresh),
    ];
    for (case, owner, head) in stale {
        // The second has a known key besides: being fenced comes first.
        for n in [2, 1] {
            let result = append(&storage, owner, &batch(&[*head], [bet(player, n)])).await;
            assert!(matches!(result, Err(AppendError::Fenced)), "{case}: {result:?}");
        }
    }
    let never_acquired = batch(&[Head::empty(SLOT_B)], [bet(player_in(SLOT_B), 3)]);
    for owner in ["a", "b", ""] {
        let result = append(&storage, owner, &never_acquired).await;
        assert!(matches!(result, Err(AppendError::Fenced)), "never acquired: {result:?}");
    }
    assert_eq!(head(&storage, SLOT_A).await, fresh);
    assert_eq!(audit(&storage).await.len(), 1);
    append(&storage, "b", &batch(&[fresh], [bet(player, 2)])).await.unwrap();
    assert_eq!(audit(&storage).await.len(), 2);
}

async fn a_batch_is_written_whole_or_not_at_all(home: &Home) {
    let storage = home.open().await;
    let drafts = |n| Slot::all().map(move |slot| bet(player_in(slot), n + u64::from(slot.0)));
    let heads = acquire(&storage, "a", &all_slots()).await;
    append(&storage, "a", &batch(&heads, drafts(1000))).await.unwrap();
    let stale = storage.journal.heads().await.unwrap();
    acquire(&storage, "a", &[SLOT_A]).await;
    let before = storage.journal.heads().await.unwrap();
    // One of 256 slots has moved on; then none has, but the last row has a known key.
    let result = append(&storage, "a", &batch(&stale, drafts(2000))).await;
    assert!(matches!(result, Err(AppendError::Fenced)), "{result:?}");
    let known = bet(player_in(Slot(255)), 1000);
    let result = append(&storage, "a", &batch(&before, drafts(2000).chain([known]))).await;
    assert!(matches!(result, Err(AppendError::Clash)), "{result:?}");
    assert_eq!(storage.journal.heads().await.unwrap(), before);
    assert_eq!(audit(&storage).await.len(), 256);
    append(&storage, "a", &batch(&before, drafts(2000))).await.unwrap();
    assert_eq!(audit(&storage).await.len(), 512);
}

async fn a_key_is_used_once(home: &Home) {
    let storage = home.open().await;
    let slots = [SLOT_A, SLOT_B];
    let (here, there) = (player_in(SLOT_A), player_in(SLOT_B));
    let mut writer = storage.journal.writer("a").await.unwrap();
    let heads = acquire(&storage, "a", &slots).await;
    writer.append(&batch(&heads, [bet(here, 1)]), NOW).await.unwrap();
    let with = |request, claim| {
        let mut draft = bet(there, 100);
        draft.request.as_mut().unwrap().key = key(request);
        draft.claim = Some(key(claim));
        draft
    };
    let cases = [
        ("a known request", vec![with(1, 9)]),
        ("a known claim", vec![with(9, 1)]),
        ("a request twice", vec![with(8, 8), with(8, 9)]),
        ("a claim twice", vec![with(8, 8), with(9, 8)]),
        ("after good ones", (10..40).map(|n| bet(here, n)).chain([with(1, 9)]).collect()),
    ];
    for (case, drafts) in cases {
        let heads = storage.journal.heads().await.unwrap();
        let result = writer.append(&batch(&heads, drafts), NOW).await;
        assert!(matches!(result, Err(AppendError::Clash)), "{case}: {result:?}");
        assert_eq!(storage.journal.heads().await.unwrap(), heads, "{case}");
    }
    // A request may be equal to a claim, and rows without keys never clash.
    let mut keyless = bet(here, 0);
    (keyless.request, keyless.claim) = (None, None);
    let fine = [with(2, 3), with(3, 2), keyless.clone(), keyless];
    let heads = storage.journal.heads().await.unwrap();
    writer.append(&batch(&heads, fine), NOW).await.unwrap();
    assert_eq!(audit(&storage).await.len(), 5);
}

async fn a_batch_must_fit_its_moves(home: &Home) {
    let storage = home.open().await;
    let heads = acquire(&storage, "a", &[SLOT_A, SLOT_B]).await;
    let (here, there) = (player_in(SLOT_A), player_in(SLOT_B));
    let good = batch(&heads, [bet(here, 1), bet(here, 2), bet(there, 3)]);
    type Spoil = fn(&mut Batch);
    let spoilt: &[(&str, Spoil)] = &[
        ("no rows", |batch| batch.rows.clear()),
        ("nothing", |batch| *batch = Batch { rows: vec![], moves: vec![] }),
        ("a row missing", |batch| drop(batch.rows.remove(0))),
        ("a slot missing", |batch| drop(batch.rows.pop())),
        ("a move missing", |batch| batch.moves.truncate(1)),
        ("a move twice", |batch| batch.moves.push(batch.moves[1])),
        ("moves the other way round", |batch| batch.moves.reverse()),
        ("rows the other way round", |batch| batch.rows.swap(0, 1)),
        ("another epoch", |batch| batch.moves[0].epoch += 1),
        ("a head too far", |batch| batch.moves[0].next_seq += 1),
        ("a move back", |batch| {
            batch.moves[0] = HeadMove { next_seq: 0, ..batch.moves[0] };
        }),
    ];
    for (case, spoil) in spoilt {
        let mut batch = good.clone();
        spoil(&mut batch);
        let result = append(&storage, "a", &batch).await;
        assert!(matches!(result, Err(AppendError::NotWritten(_))), "{case}: {result:?}");
    }
    assert_eq!(audit(&storage).await, []);
    append(&storage, "a", &good).await.unwrap();
}

async fn two_writers_fighting_leave_one_chain(home: &Home) {
    let storage = home.open().await;
    let slots = [SLOT_A, SLOT_B];
    let next = Arc::new(AtomicU64::new(1));
    let fight = |owner: &'static str| {
        let (storage, next) = (storage.clone(), Arc::clone(&next));
        async move {
            let mut writer = storage.journal.writer(owner).await.unwrap();
            let (mut written, mut fenced) = (Vec::new(), 0);
            for _ in 0..12 {
                let mut heads = acquire(&storage, owner, &slots).await;
                for _ in 0..4 {
                    let numbers: Vec<_> =
                        (0..6).map(|_| next.fetch_add(1, Ordering::Relaxed)).collect();
                    let drafts = numbers.iter().map(|n| bet(player_in(slots[*n as usize % 2]), *n));
                    let batch = batch(&heads, drafts);
                    match writer.append(&batch, NOW).await {
                        Ok(()) => written.extend(numbers),
                        Err(AppendError::Fenced) => {
                            fenced += 1;
                            break;
                        }
                        // Two statements over the same heads may meet head-on: one is undone.
                        Err(AppendError::NotWritten(_)) => continue,
                        Err(other) => panic!("{other:?}"),
                    }
                    for to in &batch.moves {
                        let head = heads.iter_mut().find(|head| head.slot == to.slot).unwrap();
                        (head.next_seq, head.chain) = (to.next_seq, to.chain);
                        head.last_time = to.last_time;
                    }
                }
            }
            (written, fenced)
        }
    };
    let (a, b) = tokio::join!(tokio::spawn(fight("a")), tokio::spawn(fight("b")));
    let ((a, _), (b, _)) = (a.unwrap(), b.unwrap());
    let mut acknowledged = [a, b].concat();
    acknowledged.sort_unstable();
    let request = |row: &Row| u128::from_be_bytes(row.request.as_ref().unwrap().key) as u64;
    let mut stored: Vec<_> = audit(&storage).await.iter().map(request).collect();
    stored.sort_unstable();
    assert_eq!(stored, acknowledged, "what was acknowledged is there, and nothing else");
}

async fn entities_are_found(home: &Home) {
    let storage = home.open().await;
    assert!(storage.journal.entities().await.unwrap().is_empty());
    let heads = acquire(&storage, "a", &all_slots()).await;
    let of = |n: u64| match n % 50 {
        7 => Aggregate::Tournament(n),
        9 => Aggregate::Provider(n),
        11 => Aggregate::Schedule(n),
        _ => Aggregate::Player(PlayerId(n)),
    };
    let drafts = (1..=500).map(|n| Draft { aggregate: of(n), ..bet(n, n) });
    append(&storage, "a", &batch(&heads, drafts)).await.unwrap();
    let mut found = storage.journal.entities().await.unwrap();
    found.sort_unstable_by_key(|row| (row.slot, row.seq));
    let mut expected = audit(&storage).await;
    expected.retain(|row| !matches!(row.aggregate, Aggregate::Player(_)));
    assert_eq!((found.len(), found), (30, expected));
}

async fn keys_and_find(home: &Home) {
    let storage = home.open().await;
    let heads = acquire(&storage, "a", &all_slots()).await;
    let mut drafts: Vec<_> = (1..=500).map(|n| bet(n, n)).collect();
    for draft in &mut drafts {
        // A claim that is no request's key, or none.
        let n = draft.claim.map(u128::from_be_bytes).unwrap() as u64;
        draft.claim = n.is_multiple_of(3).then(|| key(10_000 + n));
    }
    append(&storage, "a", &batch(&heads, drafts)).await.unwrap();
    let rows = audit(&storage).await;
    let keys_of =
        |row: &Row| row.request.iter().map(|r| r.key).chain(row.claim).collect::<Vec<_>>();
    for slots in [vec![], vec![SLOT_A], vec![SLOT_B, SLOT_A], all_slots()] {
        let mut keys = Vec::new();
        storage.journal.keys(&slots, &mut |key| keys.push(*key)).await.unwrap();
        let here = rows.iter().filter(|row| slots.contains(&row.slot));
        let mut expected: Vec<_> = here.flat_map(keys_of).collect();
        keys.sort_unstable();
        expected.sort_unstable();
        assert_eq!(keys, expected);
    }
    let cases: &[(&[u64], &[u64], &[u64])] = &[
        (&[], &[], &[]),
        (&[1, 2, 999], &[], &[1, 2]),
        (&[], &[10_003, 10_004, 3], &[3]),
        (&[3, 10_006], &[10_003, 10_006], &[3, 6]),
    ];
    for (requests, claims, expected) in cases {
        let keys = |of: &[u64]| of.iter().map(|n| key(*n)).collect::<Vec<_>>();
        let found = storage.journal.find(&keys(requests), &keys(claims)).await.unwrap();
        let expected: Vec<_> = expected.iter().map(|n| key(*n)).collect();
        let mut numbers: Vec<_> =
            found.iter().map(|row| row.request.as_ref().unwrap().key).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, expected, "{requests:?} {claims:?}");
        assert!(found.iter().all(|row| rows.contains(row)));
    }
    let many: Vec<_> = (1..5000).map(key).collect();
    assert_eq!(storage.journal.find(&many, &many).await.unwrap().len(), 500);
}

fn snapshot(player: u64, seq: u64, state: &[u8]) -> Snapshot {
    let aggregate = Aggregate::Player(PlayerId(player));
    Snapshot { tenant: TENANT, aggregate, seq, state: state.to_vec() }
}

async fn the_newest_snapshot_wins(home: &Home) {
    let store = home.open().await.snapshots;
    let (one, two) = (player_in(SLOT_A), player_in(SLOT_B));
    let of = |player| Aggregate::Player(PlayerId(player));
    assert_eq!(store.load(TENANT, of(one)).await.unwrap(), None);
    store.save(&[snapshot(one, 5, b"five"), snapshot(two, 1, b"")], &[(SLOT_A, 5)]).await.unwrap();
    store.save(&[snapshot(one, 4, b"four")], &[(SLOT_A, 4), (SLOT_B, 1)]).await.unwrap();
    assert_eq!(store.load(TENANT, of(one)).await.unwrap(), Some(snapshot(one, 5, b"five")));
    store.save(&[snapshot(one, 6, b"six")], &[]).await.unwrap();
    assert_eq!(store.load(TENANT, of(one)).await.unwrap(), Some(snapshot(one, 6, b"six")));
    assert_eq!(store.load(TenantId(8), of(one)).await.unwrap(), None);
    for other in [Aggregate::Tournament(one), Aggregate::Provider(one), Aggregate::Schedule(one)] {
        assert_eq!(store.load(TENANT, other).await.unwrap(), None);
    }
    assert_eq!(store.of_slot(SLOT_A).await.unwrap(), [snapshot(one, 6, b"six")]);
    assert_eq!(store.floors().await.unwrap(), [(SLOT_A, 5), (SLOT_B, 1)]);
    let twice = [snapshot(one, 8, b"eight"), snapshot(one, 7, b"seven")];
    store.save(&twice, &[(SLOT_B, 3), (SLOT_B, 2)]).await.unwrap();
    assert_eq!(store.of_slot(SLOT_A).await.unwrap(), twice[..1]);
    assert_eq!(store.floors().await.unwrap(), [(SLOT_A, 5), (SLOT_B, 3)]);
    let many: Vec<_> = (10_000..10_300).map(|n| snapshot(n, n, &[n as u8; 200])).collect();
    store.save(&many, &[]).await.unwrap();
    assert_eq!(store.load(TENANT, of(10_299)).await.unwrap(), many.last().cloned());
    store.save(&[], &[]).await.unwrap();
}

async fn folds_by_prefix(home: &Home) {
    let store = home.open().await.snapshots;
    let fold = |name: &str, n: u64| FoldSnapshot {
        name: name.to_owned(),
        positions: (0..256).map(|slot| slot * n).collect(),
        state: vec![n as u8; 3],
    };
    let names = ["tournament/1/a", "tournament/1/b", "tournament/10/a", "tournament/1%/a", "x"];
    let folds: Vec<_> = names.iter().map(|name| fold(name, 1)).collect();
    store.save_folds(&folds).await.unwrap();
    store.save_folds(&[fold("tournament/1/b", 2)]).await.unwrap();
    let expected = [fold("tournament/1/a", 1), fold("tournament/1/b", 2)];
    assert_eq!(store.load_folds("tournament/1/").await.unwrap(), expected);
    let all: Vec<_> = store.load_folds("").await.unwrap().into_iter().map(|f| f.name).collect();
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    assert_eq!(all, sorted);
    assert_eq!(store.load_folds("y").await.unwrap(), []);
}

async fn one_token_gets_one_number(home: &Home) {
    let directory = home.open().await.directory;
    let entry = |tenant, token, player| DirectoryEntry {
        tenant: TenantId(tenant),
        token: key(token),
        player: PlayerId(player),
        key: [player as u8; 32],
        sealed: vec![7; 50],
    };
    let first = entry(1, 1, 11);
    assert_eq!(directory.find(first.tenant, first.token).await.unwrap(), None);
    assert_eq!(directory.add(&first).await.unwrap(), PlayerId(11));
    assert_eq!(directory.add(&entry(1, 1, 12)).await.unwrap(), PlayerId(11));
    assert_eq!(directory.find(first.tenant, first.token).await.unwrap(), Some(PlayerId(11)));
    assert_eq!(directory.entry(first.tenant, PlayerId(11)).await.unwrap(), Some(first));
    assert_eq!(directory.entry(TenantId(1), PlayerId(12)).await.unwrap(), None);
    // Another tenant has its own tokens and numbers; a number never has two tokens.
    assert_eq!(directory.add(&entry(2, 1, 11)).await.unwrap(), PlayerId(11));
    assert!(directory.add(&entry(1, 2, 11)).await.is_err());
    assert_eq!(directory.find(TenantId(1), key(2)).await.unwrap(), None);
    let race = (100..120).map(|player| {
        let (directory, entry) = (directory.clone(), entry(3, 1, player));
        tokio::spawn(async move { directory.add(&entry).await.unwrap() })
    });
    let numbers = futures_util::future::join_all(race).await;
    let number = directory.find(TenantId(3), key(1)).await.unwrap().unwrap();
    assert!(numbers.into_iter().all(|given| given.unwrap() == number));
    let sealed = directory.entry(TenantId(3), number).await.unwrap().unwrap();
    assert_eq!(sealed.key, [number.0 as u8; 32]);
}

async fn everything_is_there_after_reopening(home: &Home) {
    let storage = home.open().await;
    storage.journal.check_key(key(1)).await.unwrap();
    let heads = acquire(&storage, "a", &all_slots()).await;
    append(&storage, "a", &batch(&heads, (1..300).map(|n| bet(n, n)))).await.unwrap();
    storage.snapshots.save(&[snapshot(1, 1, b"one")], &[(SLOT_A, 1)]).await.unwrap();
    let rows = audit(&storage).await;
    let heads = storage.journal.heads().await.unwrap();
    storage.close().await;
    drop(storage);
    let storage = home.open().await;
    storage.journal.check_key(key(1)).await.unwrap();
    assert_eq!(audit(&storage).await, rows);
    assert_eq!(storage.journal.heads().await.unwrap(), heads);
    assert_eq!(storage.snapshots.floors().await.unwrap(), [(SLOT_A, 1)]);
    let taken = acquire(&storage, "b", &[SLOT_A]).await[0];
    assert_eq!(taken, Head { epoch: 2, ..heads[SLOT_A.index()] });
}

async fn another_key_is_refused(home: &Home) {
    let storage = home.open().await;
    storage.journal.check_key(key(1)).await.unwrap();
    storage.journal.check_key(key(1)).await.unwrap();
    let result = storage.journal.check_key(key(2)).await;
    assert!(matches!(result, Err(Error::WrongKey)), "{result:?}");
}

async fn a_second_server_is_refused(home: &Home) {
    let storage = home.open().await;
    if let Home::Memory(_) = home {
        return;
    }
    let second = home.try_open().await;
    assert!(matches!(second, Err(Error::Open(_))), "{:?}", second.err());
    storage.close().await;
    home.open().await;
}
