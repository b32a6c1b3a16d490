//! An ordered set that knows positions: a counted tree of three levels.
//!
//! ```text
//! ranking ─▶ groups (any number) ─▶ chunks (up to 256 in a group) ─▶ keys (up to 128 in a chunk)
//! ```
//!
//! Each level keeps the last key and the length of every child in arrays: a key is found by one
//! search per level, its position is the sum of the lengths before it. At ten million keys that
//! is about 500 groups, 256 chunks and 128 keys; nothing grows faster than the groups, one for
//! about 22,000 keys.
//!
//! **Invariants**
//! - Keys are unique and strictly ascending across all chunks; no chunk and no group is empty.
//! - Two neighbouring chunks of a group hold more than 112 keys together, so memory stays near
//!   the number of keys whatever was inserted and removed. Every chunk has room for 128 keys from
//!   its beginning, but for the first one of a small set.
//!
//! **Ties.** The order is total; a rank that players share is read from it, with the score as the
//! key's first part:
//! - 1-2-3: [`Ranking::position`] + 1.
//! - 1-1-3: keys before the group of equal scores + 1, by [`Ranking::partition_point`].
//! - 1-1-2: distinct scores before + 1. The caller keeps a second `Ranking` of distinct scores
//!   beside this one: a score goes in with its first key, and out when
//!   [`Ranking::partition_point`] says that no key has it any more.

mod level;
#[cfg(test)]
mod tests;

use level::Level;
use std::mem;

/// Keys in a chunk. A change shifts half a chunk at most: small enough for three kilobytes of
/// ranking keys, large enough that all last keys of ten million stay in the processor's cache.
const CHUNK_MAX: usize = 128;
/// Chunks in a group.
const GROUP_MAX: usize = 256;
/// Neighbours with no more keys than this together become one chunk; bulk building fills so far.
const CHUNK_FILL: usize = CHUNK_MAX / 8 * 7;
/// The same for chunks in neighbouring groups.
const GROUP_FILL: usize = GROUP_MAX / 8 * 7;
const _: () = assert!((GROUP_MAX + 1) * CHUNK_MAX <= 65_535, "lengths are kept in 16 bits");
/// A full chunk gives keys to a neighbour that has at most so many, before it is split.
const CHUNK_ROOMY: usize = CHUNK_MAX / 4 * 3;

/// Items that a search looks at in one round.
const WAYS: usize = 16;

type Chunk<K> = Vec<K>;
type Group<K> = Level<K, Chunk<K>>;

/// A set ordered by `K`, smallest first, in which every position is known.
///
/// Cost:   a change or a look-up reads a few cache lines per level and shifts at most one chunk.
/// Memory: see [`Self::bytes`]; 1.15 to 1.5 times the keys.
#[derive(Debug, Clone)]
pub struct Ranking<K> {
    groups: Level<K, Group<K>>,
    len: usize,
}

/// Where a key went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Position before, from 0.
    pub from: usize,
    /// Position now, from 0.
    pub to: usize,
}

/// Keys for [`Ranking::from_sorted`] were not strictly ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("key {at} is not above the key before it")]
pub struct Unsorted {
    /// Which key, from 0.
    pub at: usize,
}

/// Where a key is or would be.
#[derive(Debug, Clone, Copy)]
struct Spot {
    group: usize,
    chunk: usize,
    at: usize,
}

impl Spot {
    /// Goes to the place of a key inside its chunk.
    fn search<K: Ord>(self, chunk: &[K], key: &K) -> Result<Self, Self> {
        let at = partition_point(chunk, |other| other < key);
        let spot = Self { at, ..self };
        if chunk.get(at) == Some(key) { Ok(spot) } else { Err(spot) }
    }
}

impl<K> Default for Ranking<K> {
    fn default() -> Self {
        Self { groups: Level::default(), len: 0 }
    }
}

impl<K: Ord + Copy> Ranking<K> {
    /// Builds the set from keys that ascend, in one pass.
    ///
    /// # Errors
    /// [`Unsorted`] at the first key that is not above the one before it.
    pub fn from_sorted(keys: impl IntoIterator<Item = K>) -> Result<Self, Unsorted> {
        let mut ranking = Self::default();
        let mut group = Group::default();
        let mut chunk = Chunk::new();
        for (at, key) in keys.into_iter().enumerate() {
            if let Some(last) = chunk.last().copied() {
                if last >= key {
                    return Err(Unsorted { at });
                }
                if chunk.len() == CHUNK_FILL {
                    let next = Chunk::with_capacity(CHUNK_MAX);
                    group.insert(group.count(), chunk.len(), last, mem::replace(&mut chunk, next));
                    if group.count() == GROUP_FILL {
                        ranking.push(group);
                        group = Group::default();
                    }
                }
            }
            chunk.push(key);
        }
        if let Some(last) = chunk.last().copied() {
            group.insert(group.count(), chunk.len(), last, chunk);
        }
        ranking.push(group);
        Ok(ranking)
    }

    /// Adds a group behind all others.
    fn push(&mut self, group: Group<K>) {
        if let Some(last) = group.last() {
            let len = group.len();
            self.groups.insert(self.groups.count(), len, last, group);
            self.len += len;
        }
    }

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

    /// Heap bytes that are held, used or not. Walks all chunks: about a millisecond at ten
    /// million keys.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let groups = self.groups.children();
        let chunks = groups.iter().flat_map(Level::children);
        self.groups.bytes()
            + groups.iter().map(Level::bytes).sum::<usize>()
            + chunks.map(|chunk| chunk.capacity() * size_of::<K>()).sum::<usize>()
    }

    /// Adds a key and returns its position from 0; `None`, and no change, when it is there.
    pub fn insert(&mut self, key: K) -> Option<usize> {
        let Some(spot) = self.find(&key) else {
            let mut group = Group::default();
            group.insert(0, 1, key, vec![key]);
            self.push(group);
            return Some(0);
        };
        let spot = spot.err()?;
        let position = self.position_of(spot);
        self.put(spot, key);
        Some(position)
    }

    /// Removes a key and returns the position from 0 that it had; `None` when it was not there.
    pub fn remove(&mut self, key: &K) -> Option<usize> {
        let spot = self.find(key)?.ok()?;
        let position = self.position_of(spot);
        self.take(spot);
        Some(position)
    }

    /// Puts `new` in place of `old`: the same as removing and inserting, but faster, most of all
    /// when the key moves little. `None`, and no change, when `old` is not there or `new` is
    /// there and not the same key.
    pub fn replace(&mut self, old: &K, new: K) -> Option<Moved> {
        // Both ways down at once: the processor then waits for both chunks at the same time.
        let [from, to] = [old, &new].map(|key| self.groups.child_for(key));
        let (from_group, to_group) = (self.groups.child(from)?, self.groups.child(to)?);
        let from = Spot { group: from, chunk: from_group.child_for(old), at: 0 };
        let to = Spot { group: to, chunk: to_group.child_for(&new), at: 0 };
        let (from_chunk, to_chunk) = (from_group.child(from.chunk)?, to_group.child(to.chunk)?);
        let (from, to) = (from.search(from_chunk, old), to.search(to_chunk, &new));
        let from = from.ok()?;
        let before = self.position_of(from);
        let to = match to {
            Ok(_) if *old == new => return Some(Moved { from: before, to: before }),
            Ok(_) => return None,
            Err(to) => to,
        };
        if (from.group, from.chunk) == (to.group, to.chunk) {
            let after = before - from.at + self.shift(from, to, new)?;
            return Some(Moved { from: before, to: after });
        }
        let after = self.position_of(to) - usize::from(new > *old);
        let spot = if self.take(from) { self.find(&new)?.err()? } else { to };
        self.put(spot, new);
        Some(Moved { from: before, to: after })
    }

    /// Moves a key inside its chunk and returns where it is there.
    fn shift(&mut self, from: Spot, to: Spot, key: K) -> Option<usize> {
        let group = self.groups.child_mut(from.group)?;
        let chunk = group.child_mut(from.chunk)?;
        let at = if from.at < to.at {
            chunk.copy_within(from.at + 1..to.at, from.at);
            to.at - 1
        } else {
            chunk.copy_within(to.at..from.at, to.at + 1);
            to.at
        };
        *chunk.get_mut(at)? = key;
        settle(group, from.chunk);
        self.settle(from.group, self.groups.len_of(from.group));
        Some(at)
    }

    /// Position of a key from 0.
    #[must_use]
    pub fn position(&self, key: &K) -> Option<usize> {
        self.find(key)?.ok().map(|spot| self.position_of(spot))
    }

    /// The key at a position from 0.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<K> {
        let (group, inside) = self.groups.holding(position)?;
        let group = self.groups.child(group)?;
        let (chunk, at) = group.holding(inside)?;
        group.child(chunk)?.get(at).copied()
    }

    /// How many keys satisfy `before`, which must hold for the first keys and for no later one:
    /// with `|key| key < &k` the position at which `k` is or would be.
    #[must_use]
    pub fn partition_point(&self, before: impl Fn(&K) -> bool) -> usize {
        let group_at = self.groups.partition(&before);
        let Some(group) = self.groups.child(group_at) else { return 0 };
        let chunk_at = group.partition(&before);
        let inside = group.child(chunk_at).map_or(0, |chunk| partition_point(chunk, &before));
        self.groups.before(group_at) + group.before(chunk_at) + inside
    }

    /// Keys from a position on, in order.
    pub fn from(&self, position: usize) -> impl Iterator<Item = &K> {
        let (group, inside) = self.groups.holding(position).unwrap_or((self.groups.count(), 0));
        let inner = self.groups.child(group).and_then(|group| group.holding(inside));
        let (chunk, at) = inner.unwrap_or_default();
        let groups = self.groups.children().iter().skip(group);
        groups.flat_map(Level::children).skip(chunk).flatten().skip(at)
    }

    /// Where a key is (`Ok`) or would be (`Err`); `None` when there are no keys.
    fn find(&self, key: &K) -> Option<Result<Spot, Spot>> {
        let (spot, chunk) = self.locate(key)?;
        Some(spot.search(chunk, key))
    }

    /// The chunk that holds a key or would.
    fn locate(&self, key: &K) -> Option<(Spot, &[K])> {
        let group_at = self.groups.child_for(key);
        let group = self.groups.child(group_at)?;
        let chunk_at = group.child_for(key);
        let spot = Spot { group: group_at, chunk: chunk_at, at: 0 };
        Some((spot, group.child(chunk_at)?))
    }

    fn position_of(&self, spot: Spot) -> usize {
        let in_group = self.groups.child(spot.group).map_or(0, |group| group.before(spot.chunk));
        self.groups.before(spot.group) + in_group + spot.at
    }

    /// Puts a key where it belongs.
    fn put(&mut self, spot: Spot, key: K) {
        let Some(group) = self.groups.child_mut(spot.group) else { return };
        let Some(chunk) = group.child_mut(spot.chunk) else { return };
        chunk.insert(spot.at, key);
        let is_full = chunk.len() == CHUNK_MAX;
        settle(group, spot.chunk);
        if is_full {
            relieve(group, spot.chunk);
        }
        let is_over = group.count() > GROUP_MAX;
        self.settle(spot.group, self.groups.len_of(spot.group) + 1);
        self.len += 1;
        if is_over {
            self.split(spot.group);
        }
    }

    /// Takes the key at a place out. Returns whether other keys may have changed their places'
    /// group or chunk.
    fn take(&mut self, spot: Spot) -> bool {
        let Some(group) = self.groups.child_mut(spot.group) else { return false };
        let Some(chunk) = group.child_mut(spot.chunk) else { return false };
        chunk.remove(spot.at);
        let is_empty = chunk.is_empty();
        let chunks = group.count();
        settle(group, spot.chunk);
        if is_empty {
            group.remove(spot.chunk);
        } else {
            merge(group, spot.chunk);
            if let Some(before) = spot.chunk.checked_sub(1).filter(|_| group.count() == chunks) {
                merge(group, before);
            }
        }
        let is_changed = group.count() != chunks;
        self.settle(spot.group, self.groups.len_of(spot.group) - 1);
        self.len -= 1;
        if is_changed {
            self.merge_groups(spot.group);
        }
        is_changed
    }

    /// Records that a group has so many keys now, and its last one.
    fn settle(&mut self, at: usize, len: usize) {
        if let Some(last) = self.groups.child(at).and_then(Level::last) {
            self.groups.set(at, len, last);
        }
    }

    /// Makes two groups of one that has too many chunks.
    fn split(&mut self, at: usize) {
        let Some(group) = self.groups.child_mut(at) else { return };
        let upper = group.split_off(group.count() / 2);
        let len = group.len();
        self.settle(at, len);
        if let Some(last) = upper.last() {
            self.groups.insert(at + 1, upper.len(), last, upper);
        }
    }

    /// Drops a group that is empty, or joins it with a neighbour when both have few chunks.
    fn merge_groups(&mut self, at: usize) {
        let count = |at: usize| self.groups.child(at).map_or(usize::MAX, Level::count);
        let own = count(at);
        if own == 0 {
            self.groups.remove(at);
            return;
        }
        let fits = |other: usize| own.saturating_add(count(other)) <= GROUP_FILL;
        let first = match at.checked_sub(1) {
            Some(before) if fits(before) => before,
            _ if fits(at + 1) => at,
            _ => return,
        };
        let upper = self.groups.remove(first + 1);
        let Some(group) = self.groups.child_mut(first) else { return };
        let seam = group.count().saturating_sub(1);
        group.append(upper);
        merge(group, seam);
        let len = group.len();
        self.settle(first, len);
    }
}

impl<K: Ord + Copy> FromIterator<K> for Ranking<K> {
    /// Builds the set from keys in any order; repeated keys count once.
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut keys: Vec<K> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        // They ascend now.
        Self::from_sorted(keys).unwrap_or_default()
    }
}

/// How many items satisfy `before`, which the first ones do and no later one does.
///
/// Boards are larger than the processor's cache, so what counts is how often a search waits for
/// memory. Here the reads of one round do not depend on each other and overlap: two waits for 128
/// keys, where halving has five or six.
fn partition_point<T>(items: &[T], before: impl Fn(&T) -> bool) -> usize {
    let (mut passed, mut rest) = (0, items);
    while rest.len() > WAYS {
        let step = rest.len().div_ceil(WAYS);
        let is_before = |part: &&[T]| part.last().is_some_and(&before);
        let skipped = rest.chunks_exact(step).filter(is_before).count() * step;
        passed += skipped;
        rest = rest.get(skipped..).unwrap_or_default();
        rest = rest.get(..step).unwrap_or(rest);
    }
    passed + rest.iter().filter(|item| before(item)).count()
}

/// Records what a chunk has become.
fn settle<K: Ord + Copy>(group: &mut Group<K>, at: usize) {
    let Some(chunk) = group.child(at) else { return };
    let Some(last) = chunk.last().copied() else { return };
    let len = chunk.len();
    group.set(at, len, last);
}

/// Makes room in a full chunk: gives keys to a neighbour or makes two chunks of it.
fn relieve<K: Ord + Copy>(group: &mut Group<K>, at: usize) {
    let is_roomy = |other: usize| (1..=CHUNK_ROOMY).contains(&group.len_of(other));
    if is_roomy(at + 1) {
        level_out(group, at);
    } else if let Some(before) = at.checked_sub(1).filter(|before| is_roomy(*before)) {
        level_out(group, before);
    } else if let Some(chunk) = group.child_mut(at) {
        let mut upper = Chunk::with_capacity(CHUNK_MAX);
        upper.extend(chunk.drain(CHUNK_MAX / 2..));
        settle(group, at);
        if let Some(last) = upper.last().copied() {
            group.insert(at + 1, upper.len(), last, upper);
        }
    }
}

/// Divides the keys of a chunk and the next one evenly.
fn level_out<K: Ord + Copy>(group: &mut Group<K>, at: usize) {
    let Some((left, right)) = group.pair_mut(at) else { return };
    let half = (left.len() + right.len()) / 2;
    if left.len() > half {
        right.splice(0..0, left.drain(half..));
    } else {
        let more = half - left.len();
        left.extend(right.drain(..more));
    }
    settle(group, at);
    settle(group, at + 1);
}

/// Makes one chunk of a chunk and the next one when they have few keys.
fn merge<K: Ord + Copy>(group: &mut Group<K>, at: usize) {
    if group.len_of(at) + group.len_of(at + 1) > CHUNK_FILL {
        return;
    }
    let Some((left, right)) = group.pair_mut(at) else { return };
    left.append(right);
    group.remove(at + 1);
    settle(group, at);
}
