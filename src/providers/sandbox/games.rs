//! The sandbox's games: how long a round lasts and what it pays. Returns are about 96 %.

use rand::Rng;

/// How a game's rounds reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bet and result in one call.
    Slot,
    /// A bet, then a result some seconds later.
    Feature,
    /// Several players around one round, through `/events`.
    Table,
}

/// A game.
#[derive(Debug)]
pub(super) struct Game {
    pub(super) id: &'static str,
    pub(super) kind: Kind,
    /// Shortest and longest round, in milliseconds.
    pub(super) lasts_ms: (u64, u64),
    /// (chance in a million, payout in hundredths of the stake); the rest pays nothing.
    pays: &'static [(u32, i64)],
}

const CALM: &[(u32, i64)] = &[(300_000, 100), (150_000, 200), (40_000, 500), (8_000, 2_000)];
const WILD: &[(u32, i64)] =
    &[(150_000, 100), (80_000, 300), (20_000, 1_000), (3_000, 7_000), (300, 50_000)];
const EVEN: &[(u32, i64)] = &[(480_000, 200)];
const WHEEL: &[(u32, i64)] = &[(26_000, 3_600), (12_000, 200)];
const CRASH: &[(u32, i64)] = &[(400_000, 120), (200_000, 180), (40_000, 300)];

/// The catalogue.
pub(super) const GAMES: [Game; 12] = [
    Game { id: "slot_copper_fox", kind: Kind::Slot, lasts_ms: (0, 0), pays: CALM },
    Game { id: "slot_moon_garden", kind: Kind::Slot, lasts_ms: (0, 0), pays: WILD },
    Game { id: "slot_river_gold", kind: Kind::Slot, lasts_ms: (0, 0), pays: CALM },
    Game { id: "slot_nine_lamps", kind: Kind::Slot, lasts_ms: (0, 0), pays: WILD },
    Game { id: "slot_high_meadow", kind: Kind::Slot, lasts_ms: (0, 0), pays: CALM },
    Game { id: "feature_deep_mine", kind: Kind::Feature, lasts_ms: (2_000, 9_000), pays: WILD },
    Game { id: "feature_old_tower", kind: Kind::Feature, lasts_ms: (2_000, 6_000), pays: CALM },
    Game { id: "crash_kite", kind: Kind::Feature, lasts_ms: (3_000, 20_000), pays: CRASH },
    Game { id: "live_roulette_1", kind: Kind::Table, lasts_ms: (12_000, 30_000), pays: WHEEL },
    Game { id: "live_blackjack_7", kind: Kind::Table, lasts_ms: (8_000, 25_000), pays: EVEN },
    Game { id: "live_baccarat_3", kind: Kind::Table, lasts_ms: (8_000, 20_000), pays: EVEN },
    Game { id: "live_dice_2", kind: Kind::Table, lasts_ms: (5_000, 12_000), pays: EVEN },
];

impl Game {
    /// What a stake pays, in minor units.
    pub(super) fn payout(&self, stake: i64, rng: &mut impl Rng) -> i64 {
        let mut drawn = rng.random_range(0..1_000_000_u32);
        for (chance, hundredths) in self.pays {
            if drawn < *chance {
                return stake.saturating_mul(*hundredths) / 100;
            }
            drawn -= chance;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn returns_are_believable() {
        for game in &GAMES {
            let expected: i64 =
                game.pays.iter().map(|(c, h)| i64::from(*c) * h).sum::<i64>() / 1_000_000;
            assert!((88..=104).contains(&expected), "{}: {expected} %", game.id);
            let mut rng = StdRng::seed_from_u64(1);
            assert!((0..10_000).any(|_| game.payout(100, &mut rng) > 0));
        }
    }
}
