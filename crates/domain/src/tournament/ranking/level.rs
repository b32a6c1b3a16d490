//! One level of the tree above the keys: children in order, with what is asked about them most
//! side by side in arrays, so that finding one reads few cache lines.

use super::partition_point;

/// Children in key order. The three lists have one entry per child; no child is empty.
#[derive(Debug, Clone)]
pub(super) struct Level<K, C> {
    /// The last key of each child.
    lasts: Vec<K>,
    /// How many keys each child has: at most 65,535, see [`super::GROUP_MAX`].
    lens: Vec<u16>,
    children: Vec<C>,
}

impl<K, C> Default for Level<K, C> {
    fn default() -> Self {
        Self { lasts: Vec::new(), lens: Vec::new(), children: Vec::new() }
    }
}

impl<K: Ord + Copy, C> Level<K, C> {
    /// How many children there are.
    pub(super) const fn count(&self) -> usize {
        self.children.len()
    }

    pub(super) fn children(&self) -> &[C] {
        &self.children
    }

    pub(super) fn child(&self, at: usize) -> Option<&C> {
        self.children.get(at)
    }

    /// A child to be changed; [`Self::set`] has to follow.
    pub(super) fn child_mut(&mut self, at: usize) -> Option<&mut C> {
        self.children.get_mut(at)
    }

    /// A child and the one after it, to be changed; [`Self::set`] has to follow for both.
    pub(super) fn pair_mut(&mut self, at: usize) -> Option<(&mut C, &mut C)> {
        let (left, right) = self.children.split_at_mut_checked(at.checked_add(1)?)?;
        Some((left.last_mut()?, right.first_mut()?))
    }

    /// Keys in a child; 0 where there is no child.
    pub(super) fn len_of(&self, at: usize) -> usize {
        self.lens.get(at).map_or(0, |len| usize::from(*len))
    }

    /// Keys in all children.
    pub(super) fn len(&self) -> usize {
        sum(&self.lens)
    }

    pub(super) fn last(&self) -> Option<K> {
        self.lasts.last().copied()
    }

    /// Records what a child has become.
    pub(super) fn set(&mut self, at: usize, len: usize, last: K) {
        if let (Some(len_of), Some(last_of)) = (self.lens.get_mut(at), self.lasts.get_mut(at)) {
            *len_of = narrow(len);
            *last_of = last;
        }
    }

    /// The child that holds the key, or would: the first that does not end before it.
    pub(super) fn child_for(&self, key: &K) -> usize {
        self.partition(|last| last < key)
    }

    /// The first child whose last key does not satisfy `before`, or else the last child.
    pub(super) fn partition(&self, before: impl Fn(&K) -> bool) -> usize {
        partition_point(&self.lasts, before).min(self.count().saturating_sub(1))
    }

    /// How many keys are in the children before this one.
    pub(super) fn before(&self, at: usize) -> usize {
        self.lens.get(..at).map_or(0, sum)
    }

    /// The child that holds a position, and the position inside it.
    pub(super) fn holding(&self, position: usize) -> Option<(usize, usize)> {
        let mut rest = position;
        for (at, len) in self.lens.iter().enumerate() {
            let len = usize::from(*len);
            if rest < len {
                return Some((at, rest));
            }
            rest -= len;
        }
        None
    }

    pub(super) fn insert(&mut self, at: usize, len: usize, last: K, child: C) {
        self.lasts.insert(at, last);
        self.lens.insert(at, narrow(len));
        self.children.insert(at, child);
    }

    /// Takes a child out, which must be there.
    pub(super) fn remove(&mut self, at: usize) -> C {
        self.lasts.remove(at);
        self.lens.remove(at);
        self.children.remove(at)
    }

    /// Cuts off the children from `at` on.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        Self {
            lasts: self.lasts.split_off(at),
            lens: self.lens.split_off(at),
            children: self.children.split_off(at),
        }
    }

    /// Adds another level's children behind the own ones.
    pub(super) fn append(&mut self, mut other: Self) {
        self.lasts.append(&mut other.lasts);
        self.lens.append(&mut other.lens);
        self.children.append(&mut other.children);
    }

    /// Heap bytes of the lists themselves, without what the children hold.
    pub(super) const fn bytes(&self) -> usize {
        self.lasts.capacity() * size_of::<K>()
            + self.lens.capacity() * size_of::<u16>()
            + self.children.capacity() * size_of::<C>()
    }
}

fn narrow(len: usize) -> u16 {
    debug_assert!(u16::try_from(len).is_ok(), "{len} keys in a child");
    u16::try_from(len).unwrap_or(u16::MAX)
}

/// Adds up in 32 bits, several lengths at a time, as long as that can't overflow.
fn sum(lens: &[u16]) -> usize {
    let part = |lens: &[u16]| lens.iter().map(|len| u32::from(*len)).sum::<u32>();
    lens.chunks(1 << 16).map(|lens| usize::try_from(part(lens)).unwrap_or(usize::MAX)).sum()
}
