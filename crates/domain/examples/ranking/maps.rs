//! Maps from a player's number to what is known of him, to compare what they hold and cost.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// As much as a tournament knows of a player today: 48 bytes.
#[derive(Debug, Clone, Copy, Default)]
#[expect(dead_code, reason = "fields that only take their room here")]
pub(crate) struct Entry {
    pub(crate) entered: Option<u64>,
    pub(crate) left: bool,
    pub(crate) score: i64,
    pub(crate) rounds: u64,
    pub(crate) reached: i64,
}

/// What every map here can do.
pub(crate) trait Players: Default {
    const NAME: &'static str;
    fn insert(&mut self, player: u64, entry: Entry);
    fn get_mut(&mut self, player: u64) -> Option<&mut Entry>;
    /// Heap bytes, by the documented layout; 0 where that is not known.
    fn bytes(&self) -> usize;
}

/// Spreads a number over 64 bits. Players' numbers are drawn by the server, so nobody can aim
/// at collisions.
#[derive(Default)]
pub(crate) struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = spread(self.0 ^ n);
    }
}

fn spread(n: u64) -> u64 {
    n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
}

type Numbers<V> = HashMap<u64, V, BuildHasherDefault<Spread>>;

/// Buckets that a hash map of this capacity has: it fills seven of eight.
fn buckets(capacity: usize) -> usize {
    if capacity == 0 { 0 } else { (capacity * 8 / 7).next_power_of_two() }
}

#[derive(Default)]
pub(crate) struct Tree(BTreeMap<u64, Entry>);

impl Players for Tree {
    const NAME: &'static str = "BTreeMap<u64, Entry>";

    fn insert(&mut self, player: u64, entry: Entry) {
        self.0.insert(player, entry);
    }

    fn get_mut(&mut self, player: u64) -> Option<&mut Entry> {
        self.0.get_mut(&player)
    }

    fn bytes(&self) -> usize {
        0
    }
}

#[derive(Default)]
pub(crate) struct Hash(Numbers<Entry>);

impl Players for Hash {
    const NAME: &'static str = "HashMap<u64, Entry>";

    fn insert(&mut self, player: u64, entry: Entry) {
        self.0.insert(player, entry);
    }

    fn get_mut(&mut self, player: u64) -> Option<&mut Entry> {
        self.0.get_mut(&player)
    }

    fn bytes(&self) -> usize {
        buckets(self.0.capacity()) * (size_of::<(u64, Entry)>() + 1)
    }
}

/// A list in pages, so that growing neither copies nor leaves half of it unused.
struct Pages<T> {
    pages: Vec<Vec<T>>,
    len: usize,
}

const PAGE: usize = 16_384;

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }
}

impl<T> Pages<T> {
    fn push(&mut self, value: T) -> u32 {
        if self.len.is_multiple_of(PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        self.pages.last_mut().unwrap().push(value);
        self.len += 1;
        u32::try_from(self.len - 1).unwrap()
    }

    fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        let at = usize::try_from(at).ok()?;
        self.pages.get_mut(at / PAGE)?.get_mut(at % PAGE)
    }

    fn bytes(&self) -> usize {
        self.pages.len() * PAGE * size_of::<T>() + self.pages.capacity() * size_of::<Vec<T>>()
    }
}

/// Parts of [`Paged::index`], each with a table of its own: one of all would take a good part of
/// a second when it doubles among ten million.
const SHARDS: usize = 256;

pub(crate) struct Paged {
    index: Vec<Numbers<u32>>,
    entries: Pages<Entry>,
}

impl Default for Paged {
    fn default() -> Self {
        Self { index: vec![Numbers::default(); SHARDS], entries: Pages::default() }
    }
}

/// By bits that the tables themselves make little of: they use the first and the last ones.
fn shard(player: u64) -> usize {
    usize::try_from(spread(player) >> 40).unwrap() % SHARDS
}

impl Players for Paged {
    const NAME: &'static str = "256 HashMap<u64, u32> + pages of Entry";

    fn insert(&mut self, player: u64, entry: Entry) {
        let at = self.entries.push(entry);
        self.index.get_mut(shard(player)).unwrap().insert(player, at);
    }

    fn get_mut(&mut self, player: u64) -> Option<&mut Entry> {
        self.entries.get_mut(*self.index.get(shard(player))?.get(&player)?)
    }

    fn bytes(&self) -> usize {
        let table = |map: &Numbers<u32>| buckets(map.capacity()) * (size_of::<(u64, u32)>() + 1);
        let tables = self.index.iter().map(table).sum::<usize>();
        tables + self.index.capacity() * size_of::<Numbers<u32>>() + self.entries.bytes()
    }
}
