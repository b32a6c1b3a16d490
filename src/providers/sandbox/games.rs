//! Made-up games: how they pay, how long a round lasts, how their provider speaks.

use rand::Rng;

/// How a game's rounds reach the wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Bet and result in one: `POST /wallet/play`, or the plain event in one of `plain` rounds.
    Spin {
        /// One round in so many is a plain event.
        plain: u32,
    },
    /// `POST /wallet/debit`, later `POST /wallet/credit`.
    Credit,
    /// `POST /wallet/debit`, later `POST /wallet/settle`.
    Settle,
    /// Several players in one round, as events.
    Table {
        /// Most players.
        seats: usize,
    },
}

/// One made-up game.
#[derive(Debug, Clone, Copy)]
pub(super) struct Game {
    /// Its id on the wire.
    pub(super) id: &'static str,
    /// How it speaks.
    pub(super) style: Style,
    /// Shortest and longest round, in milliseconds; meaningless for spins.
    pub(super) round_ms: (u64, u64),
    /// Chance out of the sum of chances, and what comes back for 100 staked.
    pub(super) pays: &'static [(u32, i64)],
}

/// All games; the first few already have every style.
pub(super) const GAMES: [Game; 12] = [
    Game {
        id: "golden-horseshoe",
        style: Style::Spin { plain: 4 },
        round_ms: (0, 0),
        // Many small wins.
        pays: &[
            (6_850, 0),
            (1_535, 100),
            (910, 200),
            (505, 500),
            (172, 1_200),
            (26, 4_000),
            (2, 30_800),
        ],
    },
    Game {
        id: "piazza-blackjack",
        style: Style::Table { seats: 6 },
        round_ms: (9_000, 24_000),
        pays: &[(4_882, 0), (865, 100), (3_795, 200), (458, 250)],
    },
    Game {
        id: "rocket-run",
        style: Style::Credit,
        round_ms: (2_000, 14_000),
        pays: &[(6_070, 0), (1_591, 130), (1_253, 190), (752, 280), (284, 650), (50, 2_400)],
    },
    Game {
        id: "contrada-dice",
        style: Style::Settle,
        round_ms: (2_000, 6_000),
        pays: &[(5_200, 0), (4_800, 200)],
    },
    Game {
        id: "siena-sevens",
        style: Style::Spin { plain: 3 },
        round_ms: (0, 0),
        // Rarely, but then properly.
        pays: &[(8_866, 0), (717, 300), (305, 1_000), (102, 2_500), (9, 15_000), (1, 50_000)],
    },
    Game {
        id: "roulette-del-campo",
        style: Style::Table { seats: 8 },
        round_ms: (12_000, 28_000),
        pays: &[(6_522, 0), (2_571, 200), (714, 300), (193, 1_200)],
    },
    Game {
        id: "drum-and-flag",
        style: Style::Spin { plain: 5 },
        round_ms: (0, 0),
        pays: &[(7_589, 0), (1_481, 150), (591, 400), (295, 1_000), (39, 3_500), (5, 14_000)],
    },
    Game {
        id: "tower-climb",
        style: Style::Settle,
        round_ms: (4_000, 20_000),
        pays: &[(6_657, 0), (1_813, 160), (906, 320), (453, 640), (161, 400), (10, 2_560)],
    },
    Game {
        id: "baccarat-notturno",
        style: Style::Table { seats: 5 },
        round_ms: (10_000, 30_000),
        pays: &[(4_704, 0), (1_009, 100), (4_044, 195), (243, 290)],
    },
    Game {
        id: "coin-of-saint-bernard",
        style: Style::Credit,
        round_ms: (2_000, 4_000),
        pays: &[(5_152, 0), (4_848, 198)],
    },
    Game {
        id: "wheel-of-seventeen",
        style: Style::Credit,
        round_ms: (5_000, 12_000),
        pays: &[(5_431, 0), (2_468, 150), (1_381, 200), (592, 400), (128, 600)],
    },
    Game {
        id: "vineyard-scratch",
        style: Style::Spin { plain: 2 },
        round_ms: (0, 0),
        pays: &[(7_107, 0), (1_509, 100), (839, 300), (420, 500), (115, 1_500), (10, 17_000)],
    },
];

impl Game {
    /// What comes back for 100 staked, drawn from the pay table.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> i64 {
        let all: u32 = self.pays.iter().map(|(chance, _)| chance).sum();
        let mut left = rng.random_range(0..all.max(1));
        for (chance, pays) in self.pays {
            if left < *chance {
                return *pays;
            }
            left -= chance;
        }
        0
    }

    /// How long a round lasts, in milliseconds.
    pub(super) fn round_ms(&self, rng: &mut impl Rng) -> u64 {
        rng.random_range(self.round_ms.0..=self.round_ms.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_game_returns_about_96_percent() {
        for game in &GAMES {
            let chances: i64 = game.pays.iter().map(|(chance, _)| i64::from(*chance)).sum();
            let returned: i64 =
                game.pays.iter().map(|(chance, pays)| i64::from(*chance) * pays).sum();
            let percent = returned * 10 / chances;
            assert_eq!(chances, 10_000, "{}", game.id);
            assert!((950..=970).contains(&percent), "{}: {percent} ‰", game.id);
        }
    }

    #[test]
    fn ids_differ_and_rounds_last_2_to_30_seconds() {
        let ids: BTreeSet<_> = GAMES.iter().map(|game| game.id).collect();
        assert_eq!(ids.len(), GAMES.len());
        for game in &GAMES {
            let spin = matches!(game.style, Style::Spin { .. });
            let (shortest, longest) = game.round_ms;
            assert!(spin || (2_000 <= shortest && shortest < longest && longest <= 30_000));
        }
    }

    #[test]
    fn draws_follow_the_table() {
        use rand::{SeedableRng, rngs::StdRng};
        let mut rng = StdRng::seed_from_u64(7);
        let wins = (0..10_000).filter(|_| GAMES[3].draw(&mut rng) == 200).count();
        assert!((4_600..5_000).contains(&wins), "{wins}");
    }
}
