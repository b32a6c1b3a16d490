//! How the sandbox's players differ.

use super::games::{GAMES, Game};
use rand::Rng;

/// A way of playing.
#[derive(Debug)]
pub(super) struct Habit {
    /// Share of the players, in percent.
    share: u32,
    /// How often one bets, relative to the others.
    pub(super) pace: u32,
    /// Stakes, in minor units.
    stakes: &'static [i64],
    /// Games, as a part of the catalogue.
    games: (usize, usize),
}

/// Grinders, table players, cautious ones, high rollers, feature hunters.
const HABITS: [Habit; 5] = [
    Habit { share: 35, pace: 8, stakes: &[20, 40, 50, 100], games: (0, 5) },
    Habit { share: 25, pace: 4, stakes: &[100, 200, 500, 1_000], games: (8, 12) },
    Habit { share: 20, pace: 2, stakes: &[10, 20, 30], games: (0, 8) },
    Habit { share: 5, pace: 5, stakes: &[2_000, 5_000, 10_000], games: (1, 12) },
    Habit { share: 15, pace: 4, stakes: &[50, 100, 250], games: (5, 8) },
];

impl Habit {
    /// The habit of the `n`-th player: the same in every run.
    pub(super) fn of(n: u32) -> &'static Self {
        let mut at = n.wrapping_mul(37) % 100;
        for habit in &HABITS {
            if at < habit.share {
                return habit;
            }
            at -= habit.share;
        }
        &HABITS[0]
    }

    /// A game this player likes.
    pub(super) fn game(&self, rng: &mut impl Rng) -> &'static Game {
        GAMES.get(rng.random_range(self.games.0..self.games.1)).unwrap_or(&GAMES[0])
    }

    /// A stake this player would place.
    pub(super) fn stake(&self, rng: &mut impl Rng) -> i64 {
        self.stakes.get(rng.random_range(0..self.stakes.len())).copied().unwrap_or(100)
    }
}
