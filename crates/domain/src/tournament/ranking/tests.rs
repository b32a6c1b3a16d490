//! The ranking beside a sorted list, and how shared ranks are read from it.

use super::*;
use proptest::prelude::*;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;

/// What the module promises of the tree: order, counts, and how full it is.
fn check_tree<K: Ord + Copy + std::fmt::Debug>(ranking: &Ranking<K>) {
    let groups = &ranking.groups;
    let mut before: Option<K> = None;
    let mut total = 0;
    for (at, group) in groups.children().iter().enumerate() {
        assert!((1..=GROUP_MAX).contains(&group.count()), "{} chunks in a group", group.count());
        for (chunk_at, chunk) in group.children().iter().enumerate() {
            assert!((1..CHUNK_MAX).contains(&chunk.len()), "{} keys in a chunk", chunk.len());
            assert!(chunk.capacity() <= CHUNK_MAX, "room for {} keys", chunk.capacity());
            assert_eq!(group.len_of(chunk_at), chunk.len());
            let next = group.len_of(chunk_at + 1);
            assert!(next == 0 || chunk.len() + next > CHUNK_FILL, "{} + {next}", chunk.len());
            for key in chunk {
                assert!(before < Some(*key), "{before:?} before {key:?}");
                before = Some(*key);
            }
            // The recorded last key leads a search for it here, and a higher one elsewhere.
            assert_eq!(group.partition(|last| *last < chunk[chunk.len() - 1]), chunk_at);
        }
        assert_eq!(group.last(), group.children().last().and_then(|chunk| chunk.last().copied()));
        assert_eq!(groups.len_of(at), group.len());
        let next = groups.child(at + 1).map_or(GROUP_FILL, Level::count);
        assert!(group.count() + next >= GROUP_FILL, "{} + {next} chunks", group.count());
        let last = group.last().expect("a group has keys");
        assert_eq!(groups.partition(|other| *other < last), at);
        total += group.len();
    }
    assert_eq!(groups.last(), before);
    assert_eq!(ranking.len(), total);
    assert_eq!(ranking.is_empty(), total == 0);
}

/// Everything that can be asked, against a sorted list.
fn check_answers(ranking: &Ranking<u32>, naive: &BTreeSet<u32>, step: usize) {
    check_tree(ranking);
    let sorted: Vec<u32> = naive.iter().copied().collect();
    assert_eq!(ranking.len(), sorted.len());
    assert_eq!(ranking.from(0).copied().collect::<Vec<_>>(), sorted);
    for (at, key) in sorted.iter().enumerate().step_by(step) {
        assert_eq!(ranking.position(key), Some(at));
        assert_eq!(ranking.get(at), Some(*key));
        assert!(ranking.from(at).take(300).eq(sorted[at..].iter().take(300)));
        assert_eq!(ranking.partition_point(|other| other < key), at);
        assert_eq!(ranking.partition_point(|other| other <= key), at + 1);
    }
    for missing in (0..70_000).step_by(step * 7 + 1).filter(|key| !naive.contains(key)) {
        assert_eq!(ranking.position(&missing), None);
        let before = sorted.partition_point(|key| *key < missing);
        assert_eq!(ranking.partition_point(|key| *key < missing), before);
    }
    assert_eq!(ranking.get(sorted.len()), None);
    assert_eq!(ranking.from(sorted.len()).next(), None);
    assert_eq!(ranking.from(usize::MAX).next(), None);
}

fn position(naive: &BTreeSet<u32>, key: u32) -> usize {
    naive.range(..key).count()
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u32),
    Remove(u32),
    /// From the key at this position (wrapped) to a key.
    Far(usize, u32),
    /// From the key at this position (wrapped) by so much.
    Near(usize, i32),
    /// From a key that may not be there, to one that may be.
    Any(u32, u32),
}

fn steps(keys: u32, count: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..keys).prop_map(Step::Insert),
        2 => (0..keys).prop_map(Step::Remove),
        3 => (any::<usize>(), 0..keys).prop_map(|(at, key)| Step::Far(at, key)),
        3 => (any::<usize>(), -50..50).prop_map(|(at, by)| Step::Near(at, by)),
        1 => (0..keys, 0..keys).prop_map(|(old, new)| Step::Any(old, new)),
    ];
    prop::collection::vec(step, 0..count)
}

fn replace(ranking: &mut Ranking<u32>, naive: &mut BTreeSet<u32>, old: u32, new: u32) {
    let is_possible = naive.contains(&old) && (old == new || !naive.contains(&new));
    let expected = is_possible.then(|| {
        let from = position(naive, old);
        naive.remove(&old);
        naive.insert(new);
        Moved { from, to: position(naive, new) }
    });
    assert_eq!(ranking.replace(&old, new), expected, "{old} to {new}");
}

fn take_step(ranking: &mut Ranking<u32>, naive: &mut BTreeSet<u32>, step: &Step) {
    match *step {
        Step::Insert(key) => {
            let expected = naive.insert(key).then(|| position(naive, key));
            assert_eq!(ranking.insert(key), expected);
        }
        Step::Remove(key) => {
            let expected = naive.contains(&key).then(|| position(naive, key));
            naive.remove(&key);
            assert_eq!(ranking.remove(&key), expected);
        }
        Step::Far(at, new) => {
            let Some(old) = ranking.get(at % ranking.len().max(1)) else { return };
            replace(ranking, naive, old, new);
        }
        Step::Near(at, by) => {
            let Some(old) = ranking.get(at % ranking.len().max(1)) else { return };
            replace(ranking, naive, old, old.saturating_add_signed(by));
        }
        Step::Any(old, new) => replace(ranking, naive, old, new),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn is_a_sorted_list(steps in steps(2_000, 2_500)) {
        let (mut ranking, mut naive) = (Ranking::default(), BTreeSet::new());
        for step in &steps {
            take_step(&mut ranking, &mut naive, step);
        }
        check_answers(&ranking, &naive, 37);
    }

    #[test]
    fn a_built_one_is_as_good_as_a_grown_one(
        keys in prop::collection::btree_set(0_u32..60_000, 0..1_500),
        steps in steps(60_000, 1_000),
    ) {
        let mut naive = keys;
        let mut ranking = Ranking::from_sorted(naive.iter().copied()).expect("ascending");
        check_answers(&ranking, &naive, 101);
        for step in &steps {
            take_step(&mut ranking, &mut naive, step);
        }
        check_answers(&ranking, &naive, 101);
    }

    #[test]
    fn is_built_from_keys_in_any_order(keys in prop::collection::vec(0_u32..5_000, 0..6_000)) {
        let ranking: Ranking<u32> = keys.iter().copied().collect();
        check_answers(&ranking, &keys.iter().copied().collect(), 53);
    }

    #[test]
    fn keys_that_do_not_ascend_are_refused(
        keys in prop::collection::btree_set(any::<u32>(), 2..1_000), at: prop::sample::Index,
    ) {
        let mut keys: Vec<u32> = keys.into_iter().collect();
        let at = at.index(keys.len() - 1) + 1;
        keys[at] = keys[at - 1];
        prop_assert_eq!(Ranking::from_sorted(keys).err(), Some(Unsorted { at }));
    }
}

/// Enough keys for several groups, so that these split, shrink, join and go. Positions of single
/// steps are looked at now and then only: a list takes long to count.
#[test]
fn groups_come_and_go() {
    let spread = |n: u32| n.wrapping_mul(2_654_435_761) % 70_001;
    let (mut ranking, mut naive) = (Ranking::default(), BTreeSet::new());
    for n in 0..120_000 {
        let key = spread(n);
        assert_eq!(ranking.insert(key).is_some(), naive.insert(key));
    }
    assert!(ranking.groups.count() >= 3, "{} groups", ranking.groups.count());
    check_answers(&ranking, &naive, 97);
    // All to one end, and most of them back to other places.
    let mut go = |ranking: &mut Ranking<u32>, old: u32, new: u32| {
        let is_possible = naive.contains(&old) && !naive.contains(&new);
        let is_looked_at = is_possible && old.is_multiple_of(2_000);
        let expected_from = is_looked_at.then(|| position(&naive, old));
        if is_possible {
            naive.remove(&old);
            naive.insert(new);
        }
        let moved = ranking.replace(&old, new);
        assert_eq!(moved.is_some(), is_possible);
        if let (Some(from), Some(moved)) = (expected_from, moved) {
            assert_eq!(moved, Moved { from, to: position(&naive, new) });
            check_answers(ranking, &naive, 997);
        }
    };
    for n in 0..70_001 {
        go(&mut ranking, n, 1_000_000 + spread(n));
    }
    for n in 0..60_000 {
        go(&mut ranking, 1_000_000 + n, spread(n.wrapping_mul(7)));
    }
    check_answers(&ranking, &naive, 97);
    // Most leave from everywhere, the rest from around one place.
    let mut keys: Vec<u32> = naive.iter().copied().collect();
    keys.sort_by_key(|key| spread(*key));
    for key in keys.drain(4_000..) {
        assert!(naive.remove(&key) && ranking.remove(&key).is_some());
        if ranking.len().is_multiple_of(500) {
            check_tree(&ranking);
        }
    }
    check_answers(&ranking, &naive, 97);
    while let Some(key) = ranking.get(ranking.len() / 3) {
        assert!(naive.remove(&key) && ranking.remove(&key).is_some());
        check_tree(&ranking);
    }
    assert!(naive.is_empty());
    check_answers(&ranking, &naive, 1);
}

/// Groups that join leave no two small chunks where they met.
#[test]
fn a_seam_is_closed() {
    let keys = |chunks: Range<usize>| chunks.start * CHUNK_FILL..chunks.end * CHUNK_FILL;
    let mut ranking = Ranking::from_sorted(keys(0..GROUP_FILL + 3)).expect("ascending");
    assert_eq!(ranking.groups.count(), 2);
    // One key each is left of the last chunk of the first group and the first of the second.
    let around_seam = keys(GROUP_FILL - 1..GROUP_FILL + 1);
    let around_seam = around_seam.start + 1..around_seam.end - 1;
    for key in around_seam.chain(keys(0..5)) {
        ranking.remove(&key).expect("there");
        check_tree(&ranking);
    }
    assert_eq!(ranking.groups.count(), 1);
}

/// Heap bytes per key after different lives, in keys' own size: 24 bytes.
#[test]
fn memory_follows_the_keys() {
    let key = |n: u64| (Reverse(0_i64), 0_i64, n);
    let spread = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    type Keys = Ranking<(Reverse<i64>, i64, u64)>;
    let built = Keys::from_sorted((0..50_000).map(key)).expect("ascending");
    let mut ascending = Keys::default();
    let mut random = Keys::default();
    let mut thinned = Keys::default();
    for n in 0..50_000 {
        ascending.insert(key(n));
        random.insert(key(spread(n)));
        thinned.insert(key(n));
    }
    for n in (0..50_000).filter(|n| n % 10 != 0) {
        thinned.remove(&key(n));
    }
    let mut small = Keys::default();
    small.insert(key(1));
    for (name, ranking, limit) in [
        ("built", built, 29),
        ("ascending", ascending, 36),
        ("random", random, 36),
        ("one in ten left", thinned, 60),
        ("one key", small, 800),
        ("none", Keys::default(), 0),
    ] {
        check_tree(&ranking);
        let per_key = ranking.bytes() / ranking.len().max(1);
        assert!(per_key <= limit, "{name}: {per_key} bytes per key");
        assert!(ranking.bytes() >= ranking.len() * 24, "{name}");
    }
}

/// A board whose caller keeps the distinct scores beside it, as the module's text says.
#[derive(Default)]
struct Board {
    keys: Ranking<(Reverse<i64>, i64, u64)>,
    scores: Ranking<Reverse<i64>>,
}

impl Board {
    fn of(scores: &[i64]) -> Self {
        let mut board = Self::default();
        for (player, score) in (0..).zip(scores) {
            board.keys.insert((Reverse(*score), 0, player));
            board.scores.insert(Reverse(*score));
        }
        board
    }

    fn replace(&mut self, player: u64, old: i64, new: i64) {
        self.keys.replace(&(Reverse(old), 0, player), (Reverse(new), 0, player)).expect("there");
        self.scores.insert(Reverse(new));
        let before = self.keys.partition_point(|key| key.0 < Reverse(old));
        if self.keys.get(before).is_none_or(|key| key.0 != Reverse(old)) {
            self.scores.remove(&Reverse(old));
        }
    }

    /// Ranks of a player in the styles 1-2-3, 1-1-3 and 1-1-2.
    fn ranks(&self, player: u64, score: i64) -> [usize; 3] {
        let position = self.keys.position(&(Reverse(score), 0, player)).expect("there");
        let before = self.keys.partition_point(|key| key.0 < Reverse(score));
        let distinct = self.scores.position(&Reverse(score)).expect("a score that is there");
        [position + 1, before + 1, distinct + 1]
    }
}

#[test]
fn ties_share_ranks_by_style() {
    type Case = (&'static [i64], [&'static [usize]; 3]);
    // Scores in the order of player numbers; ranks 1-2-3, 1-1-3, 1-1-2.
    let cases: [Case; 6] = [
        (&[], [&[], &[], &[]]),
        (&[5], [&[1], &[1], &[1]]),
        (&[30, 20, 10], [&[1, 2, 3], &[1, 2, 3], &[1, 2, 3]]),
        (&[30, 30, 10], [&[1, 2, 3], &[1, 1, 3], &[1, 1, 2]]),
        (&[7, 7, 7], [&[1, 2, 3], &[1, 1, 1], &[1, 1, 1]]),
        (&[0, 9, -4, 9, 0, 12], [&[4, 2, 6, 3, 5, 1], &[4, 2, 6, 2, 4, 1], &[3, 2, 4, 2, 3, 1]]),
    ];
    for (scores, expected) in cases {
        let board = Board::of(scores);
        for (player, (score, at)) in (0..).zip(scores.iter().zip(0..)) {
            let expected = expected.map(|ranks| ranks[at]);
            assert_eq!(board.ranks(player, *score), expected, "player {player} of {scores:?}");
        }
    }
}

#[test]
fn ties_come_and_go_with_moves() {
    let mut scores: Vec<i64> = (0..600).map(|n| n % 7).collect();
    let mut board = Board::of(&scores);
    for n in 0..5_000_usize {
        let (player, new) = (n * 31 % 600, i64::try_from(n * n % 11).expect("small"));
        board.replace(u64::try_from(player).expect("small"), scores[player], new);
        scores[player] = new;
        let distinct: BTreeSet<i64> = scores.iter().copied().collect();
        assert_eq!(board.scores.len(), distinct.len());
        let better = scores.iter().filter(|score| **score > new).count();
        let ranks = board.ranks(u64::try_from(player).expect("small"), new);
        assert_eq!(ranks[1..], [better + 1, distinct.range(new + 1..).count() + 1]);
    }
}
