//! Maps from a player's number to what is known of him, to compare what they hold and cost.

use hashbrown::HashTable;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// As much as a tournament knows of a player today: 48 bytes.
#[derive(Debug, Clone, Copy, Default)]
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

const PAGE: usize = 1024;

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

    fn get(&self, at: u32) -> Option<&T> {
        let at = usize::try_from(at).ok()?;
        self.pages.get(at / PAGE)?.get(at % PAGE)
    }

    fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        let at = usize::try_from(at).ok()?;
        self.pages.get_mut(at / PAGE)?.get_mut(at % PAGE)
    }

    fn bytes(&self) -> usize {
        self.pages.len() * PAGE * size_of::<T>() + self.pages.capacity() * size_of::<Vec<T>>()
    }
}

#[derive(Default)]
pub(crate) struct Paged {
    index: Numbers<u32>,
    entries: Pages<Entry>,
}

impl Players for Paged {
    const NAME: &'static str = "HashMap<u64, u32> + pages of Entry";

    fn insert(&mut self, player: u64, entry: Entry) {
        let at = self.entries.push(entry);
        self.index.insert(player, at);
    }

    fn get_mut(&mut self, player: u64) -> Option<&mut Entry> {
        self.entries.get_mut(*self.index.get(&player)?)
    }

    fn bytes(&self) -> usize {
        buckets(self.index.capacity()) * (size_of::<(u64, u32)>() + 1) + self.entries.bytes()
    }
}

#[derive(Default)]
pub(crate) struct Table {
    index: HashTable<u32>,
    entries: Pages<(u64, Entry)>,
}

impl Players for Table {
    const NAME: &'static str = "HashTable<u32> + pages of (u64, Entry)";

    fn insert(&mut self, player: u64, entry: Entry) {
        let at = self.entries.push((player, entry));
        let entries = &self.entries;
        let hash = |at: &u32| entries.get(*at).map_or(0, |(player, _)| spread(*player));
        self.index.insert_unique(spread(player), at, hash);
    }

    fn get_mut(&mut self, player: u64) -> Option<&mut Entry> {
        let entries = &self.entries;
        let is_player = |at: &u32| entries.get(*at).is_some_and(|(other, _)| *other == player);
        let at = *self.index.find(spread(player), is_player)?;
        self.entries.get_mut(at).map(|(_, entry)| entry)
    }

    fn bytes(&self) -> usize {
        self.index.allocation_size() + self.entries.bytes()
    }
}
