//! A filter over the journal's keys: "certainly new" without asking the store.
//!
//! Keys are keyed hashes, so their own bits serve as the hash functions. Layers double in size
//! as keys come in; a layer is full at one key per ten bits (about 1 % false positives). A false
//! positive costs one look-up, never a wrong answer.
//!
//! **Invariant:** a filter says "certainly new" only of keys that it never heard of. One that has
//! not heard of all keys of its slots yet is *partial*, and says it of none.

use super::identity::Key16;

const BITS_PER_KEY: usize = 10;
const PROBES: u32 = 6;
const FIRST_CAPACITY: usize = 1 << 16;

struct Layer {
    words: Vec<u64>,
    capacity: usize,
    len: usize,
}

/// A growing Bloom filter of 16-byte keyed hashes.
pub struct KeyFilter {
    layers: Vec<Layer>,
    /// Keys that were there before are still being read.
    partial: bool,
}

impl Default for KeyFilter {
    fn default() -> Self {
        Self::with_capacity(FIRST_CAPACITY)
    }
}

impl KeyFilter {
    /// A filter whose first layer holds `keys` keys.
    #[must_use]
    pub fn with_capacity(keys: usize) -> Self {
        Self { layers: vec![Layer::new(keys.max(FIRST_CAPACITY))], partial: false }
    }

    /// A filter beside a journal whose keys it has not heard of: any key may be among them, until
    /// [`Self::complete`].
    #[must_use]
    pub fn partial() -> Self {
        Self { partial: true, ..Self::default() }
    }

    /// Adds every key that the journal held when this filter was made. Those inserted since stay.
    pub fn complete(&mut self, mut earlier: Self) {
        self.partial = earlier.partial;
        // The own layers last: new keys go into the last one.
        earlier.layers.append(&mut self.layers);
        self.layers = earlier.layers;
    }

    /// Whether any key may be contained.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.partial
    }

    /// Remembers a key.
    pub fn insert(&mut self, key: &Key16) {
        let next_capacity = match self.layers.last() {
            Some(layer) if layer.len < layer.capacity => None,
            Some(layer) => Some(layer.capacity.saturating_mul(2)),
            None => Some(FIRST_CAPACITY),
        };
        if let Some(capacity) = next_capacity {
            self.layers.push(Layer::new(capacity));
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.insert(key);
        }
    }

    /// `false`: the key was never inserted. `true`: ask the store.
    #[must_use]
    pub fn may_contain(&self, key: &Key16) -> bool {
        self.partial || self.layers.iter().rev().any(|layer| layer.may_contain(key))
    }

    /// How many keys were inserted; one that was inserted twice counts twice.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.iter().map(|layer| layer.len).sum()
    }

    /// Whether nothing was inserted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Layer {
    fn new(capacity: usize) -> Self {
        let words = (capacity.saturating_mul(BITS_PER_KEY) / 64).next_power_of_two();
        Self { words: vec![0; words], capacity, len: 0 }
    }

    /// Word index and bit mask of each probe: double hashing over the key's two halves.
    fn probes(&self, key: &Key16) -> impl Iterator<Item = (usize, u64)> + use<> {
        let value = u128::from_be_bytes(*key);
        let [a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7] = value.to_be_bytes();
        let first = u64::from_be_bytes([a0, a1, a2, a3, a4, a5, a6, a7]);
        let step = u64::from_be_bytes([b0, b1, b2, b3, b4, b5, b6, b7]) | 1;
        let mask = self.words.len().saturating_mul(64).saturating_sub(1);
        (0..PROBES).map(move |n| {
            let hash = first.wrapping_add(step.wrapping_mul(u64::from(n)));
            let bit = usize::try_from(hash).unwrap_or(usize::MAX) & mask;
            (bit / 64, 1_u64 << (bit % 64))
        })
    }

    fn insert(&mut self, key: &Key16) {
        for (word, mask) in self.probes(key) {
            if let Some(word) = self.words.get_mut(word) {
                *word |= mask;
            }
        }
        self.len += 1;
    }

    fn may_contain(&self, key: &Key16) -> bool {
        self.probes(key).all(|(word, mask)| self.words.get(word).is_some_and(|w| w & mask != 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> Key16 {
        let mut key = [0; 16];
        key.copy_from_slice(&blake3::hash(&n.to_be_bytes()).as_bytes()[..16]);
        key
    }

    #[test]
    fn never_forgets_and_seldom_invents() {
        let mut filter = KeyFilter::default();
        let inserted = 300_000;
        (0..inserted).for_each(|n| filter.insert(&key(n)));
        assert!((0..inserted).all(|n| filter.may_contain(&key(n))));
        let invented = (inserted..2 * inserted).filter(|n| filter.may_contain(&key(*n))).count();
        assert!(invented < 300_000 / 20, "{invented} false positives");
    }
    #[test]
    fn a_partial_filter_takes_no_key_for_new() {
        let mut earlier = KeyFilter::default();
        (0..100_000).for_each(|n| earlier.insert(&key(n)));
        let mut filter = KeyFilter::partial();
        let inserted = 200_000..200_100;
        inserted.clone().for_each(|n| filter.insert(&key(n)));
        assert!(
            filter.is_partial() && (0..1_000_000).step_by(999).all(|n| filter.may_contain(&key(n)))
        );
        // What was read is itself only a part: nothing is certain yet.
        filter.complete(KeyFilter::partial());
        assert!(filter.is_partial() && filter.may_contain(&key(1)));
        filter.complete(earlier);
        assert!(!filter.is_partial());
        assert_eq!(filter.len(), 100_100);
        assert!((0..100_000).chain(inserted).all(|n| filter.may_contain(&key(n))));
        // It goes on as any other.
        (300_000..500_000).for_each(|n| filter.insert(&key(n)));
        assert!((300_000..500_000).all(|n| filter.may_contain(&key(n))));
        let invented = (500_000..600_000).filter(|n| filter.may_contain(&key(*n))).count();
        assert!(invented < 100_000 / 20, "{invented} false positives");
    }
}
