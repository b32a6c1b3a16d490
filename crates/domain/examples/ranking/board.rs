//! A board as a tournament keeps it: who has what score, and the order.

use crate::load::Update;
use crate::maps::{Entry, Players};
use palio_domain::tournament::{Moved, Ranking};
use std::cmp::Reverse;

pub(crate) type Key = (Reverse<i64>, i64, u64);

#[derive(Default)]
pub(crate) struct Board<P> {
    pub(crate) players: P,
    pub(crate) ranking: Ranking<Key>,
    /// Milliseconds; the next update happens one later.
    now: i64,
}

impl<P: Players> Board<P> {
    /// A board that was built at once.
    pub(crate) fn of(scores: &[(u64, i64)]) -> Self {
        let mut board = Self::default();
        for (player, score) in scores {
            let entry = Entry { score: *score, rounds: 1, ..Entry::default() };
            board.players.insert(*player, entry);
        }
        board.ranking =
            scores.iter().map(|(player, score)| (Reverse(*score), 0, *player)).collect();
        board
    }

    /// The whole of a score update: look the player up, change the score, move the key, learn
    /// the position before and after.
    pub(crate) fn update(&mut self, update: Update) -> Moved {
        self.now += 1;
        let entry = self.players.get_mut(update.player).expect("a player who is in");
        let old = (Reverse(entry.score), entry.reached, update.player);
        entry.score += update.by;
        entry.reached = self.now;
        entry.rounds += 1;
        let new = (Reverse(entry.score), entry.reached, update.player);
        self.ranking.replace(&old, new).expect("a key that is there")
    }

    pub(crate) fn score(&mut self, player: u64) -> Option<i64> {
        self.players.get_mut(player).map(|entry| entry.score)
    }

    fn key(&mut self, player: u64) -> Option<Key> {
        let entry = self.players.get_mut(player)?;
        Some((Reverse(entry.score), entry.reached, player))
    }

    /// Two places each side and the own one, with the first one's position.
    pub(crate) fn around(&mut self, player: u64) -> Option<(usize, Vec<Key>)> {
        let key = self.key(player)?;
        let at = self.ranking.position(&key)?;
        let first = at.saturating_sub(2);
        Some((first, self.ranking.from(first).take(at + 3 - first).copied().collect()))
    }

    pub(crate) fn page(&self, position: usize) -> Vec<Key> {
        self.ranking.from(position).take(100).copied().collect()
    }
}
