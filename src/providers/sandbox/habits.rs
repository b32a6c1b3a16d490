//! Made-up players: how much they stake, how fast, how long, and when they rest.

use rand::Rng;

/// A kind of player.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Small stakes, all evening.
    Grinder,
    /// Few rounds, large ones.
    HighRoller,
    /// The smallest stakes, slowly.
    Cautious,
    /// Stakes more after every loss, back to the start after a win.
    Streaky,
    /// A quarter of an hour, then gone for long.
    LunchBreak,
}

/// Amounts here are in hundredths of a unit, whatever the currency.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    /// Usual stakes.
    pub(super) stakes: &'static [i64],
    /// Share of the rounds while playing; 100 is the fastest.
    pub(super) pace: u32,
    /// Length of a session, in seconds.
    session_s: (i64, i64),
    /// Length of a rest, in seconds.
    rest_s: (i64, i64),
    /// What a deposit brings.
    pub(super) bankroll: i64,
}

impl Habit {
    /// A kind, as often as such players are.
    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        match rng.random_range(0..100_u32) {
            0..35 => Self::Grinder,
            35..40 => Self::HighRoller,
            40..65 => Self::Cautious,
            65..85 => Self::Streaky,
            _ => Self::LunchBreak,
        }
    }

    /// What it is like.
    pub(super) const fn profile(self) -> Profile {
        match self {
            Self::Grinder => Profile {
                stakes: &[20, 20, 40, 50, 100],
                pace: 100,
                session_s: (1_200, 5_400),
                rest_s: (60, 600),
                bankroll: 10_000,
            },
            Self::HighRoller => Profile {
                stakes: &[1_000, 2_500, 2_500, 5_000, 10_000],
                pace: 20,
                session_s: (300, 1_800),
                rest_s: (300, 1_200),
                bankroll: 500_000,
            },
            Self::Cautious => Profile {
                stakes: &[10, 10, 20],
                pace: 25,
                session_s: (300, 1_200),
                rest_s: (120, 900),
                bankroll: 3_000,
            },
            Self::Streaky => Profile {
                stakes: &[50, 100, 100, 200],
                pace: 60,
                session_s: (300, 2_400),
                rest_s: (60, 900),
                bankroll: 25_000,
            },
            Self::LunchBreak => Profile {
                stakes: &[50, 100, 200, 500],
                pace: 80,
                session_s: (240, 900),
                rest_s: (900, 3_600),
                bankroll: 15_000,
            },
        }
    }

    /// A stake, `losses` rounds after the last win.
    pub(super) fn stake(self, losses: u32, rng: &mut impl Rng) -> i64 {
        let Profile { stakes, .. } = self.profile();
        let usual = stakes.get(rng.random_range(0..stakes.len())).copied().unwrap_or(10);
        match self {
            Self::Streaky => usual << losses.min(4),
            Self::Grinder | Self::HighRoller | Self::Cautious | Self::LunchBreak => usual,
        }
    }

    /// How long a session lasts, in milliseconds.
    pub(super) fn session_ms(self, rng: &mut impl Rng) -> i64 {
        let (shortest, longest) = self.profile().session_s;
        rng.random_range(shortest..=longest) * 1000
    }

    /// How long a rest lasts, in milliseconds.
    pub(super) fn rest_ms(self, rng: &mut impl Rng) -> i64 {
        let (shortest, longest) = self.profile().rest_s;
        rng.random_range(shortest..=longest) * 1000
    }
}
