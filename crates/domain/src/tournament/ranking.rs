//! An ordered set that knows positions: sorted chunks of keys, each small enough to shift.

/// A set ordered by `K`, smallest first, with positions in about √n.
#[derive(Debug, Clone)]
pub struct Ranking<K> {
    chunks: Vec<Vec<K>>,
    len: usize,
}

const CHUNK_MAX: usize = 512;

impl<K> Default for Ranking<K> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<K: Ord + Copy> Ranking<K> {
    /// How many keys there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn chunk_of(&self, key: &K) -> usize {
        self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| last < key))
    }

    /// Adds a key that is not there.
    pub fn insert(&mut self, key: K) {
        let at = self.chunk_of(&key).min(self.chunks.len().saturating_sub(1));
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(vec![key]);
            self.len += 1;
            return;
        };
        let Err(inside) = chunk.binary_search(&key) else { return };
        chunk.insert(inside, key);
        self.len += 1;
        if chunk.len() > CHUNK_MAX {
            let upper = chunk.split_off(CHUNK_MAX / 2);
            self.chunks.insert(at + 1, upper);
        }
    }

    /// Removes a key; `false` when it was not there.
    pub fn remove(&mut self, key: &K) -> bool {
        let at = self.chunk_of(key);
        let Some(chunk) = self.chunks.get_mut(at) else { return false };
        let Ok(inside) = chunk.binary_search(key) else { return false };
        chunk.remove(inside);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
        true
    }

    /// Position of a key from 0.
    #[must_use]
    pub fn position(&self, key: &K) -> Option<usize> {
        let at = self.chunk_of(key);
        let inside = self.chunks.get(at)?.binary_search(key).ok()?;
        let before: usize = self.chunks.iter().take(at).map(Vec::len).sum();
        Some(before + inside)
    }

    /// Keys from a position on.
    pub fn from(&self, position: usize) -> impl Iterator<Item = &K> {
        let mut skip = position;
        let mut first = self.chunks.len();
        for (at, chunk) in self.chunks.iter().enumerate() {
            if skip < chunk.len() {
                first = at;
                break;
            }
            skip -= chunk.len();
        }
        self.chunks.iter().skip(first).flatten().skip(skip)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn is_a_sorted_list(steps in prop::collection::vec((any::<bool>(), 0_u16..3_000), 0..4_000)) {
            let mut ranking = Ranking::default();
            let mut naive = BTreeSet::new();
            for (add, key) in steps {
                if add {
                    ranking.insert(key);
                    naive.insert(key);
                } else {
                    prop_assert_eq!(ranking.remove(&key), naive.remove(&key));
                }
            }
            let sorted: Vec<u16> = naive.into_iter().collect();
            prop_assert_eq!(ranking.len(), sorted.len());
            prop_assert_eq!(ranking.from(0).copied().collect::<Vec<_>>(), sorted.clone());
            for (at, key) in sorted.iter().enumerate().step_by(37) {
                prop_assert_eq!(ranking.position(key), Some(at));
                prop_assert_eq!(ranking.from(at).next(), Some(key));
            }
            prop_assert_eq!(ranking.position(&9_999), None);
        }
    }
}
