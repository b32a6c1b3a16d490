//! What players do: seeded, so that everybody measured gets the same updates.

use std::str::FromStr;

/// One change of one player's score.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Update {
    pub(crate) player: u64,
    pub(crate) by: i64,
}

/// Which players change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// About as in Zipf's law: as many changes by the first player as by the next two together,
    /// by the next four, and so on. Small gains.
    Hot,
    /// Every player alike; gains and losses, some of them large.
    Uniform,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Hot, Self::Uniform];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Uniform => "uniform",
        }
    }
}

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// As often in 1..2 as in 2..4, in 4..8, and so on, below `limit`.
    fn log_uniform(&mut self, limit: u64) -> u64 {
        let levels = u64::from(limit.max(2).ilog2()) + 1;
        loop {
            let first = 1 << self.below(levels);
            let n = first + self.below(first);
            if n < limit.max(2) {
                return n;
            }
        }
    }
}

const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The number of the n-th player: any 64 bits, each once.
pub(crate) const fn player(n: u64) -> u64 {
    mix(n.wrapping_add(0x5eed))
}

/// Scores at the beginning: from 1.00 to a million, many small ones and so many equal ones.
pub(crate) fn scores(players: u64) -> Vec<(u64, i64)> {
    let mut random = Random(1);
    let score = |random: &mut Random| {
        let score = 100 * random.log_uniform(1 << 20) + random.below(100);
        i64::try_from(score).unwrap_or(i64::MAX)
    };
    (0..players).map(|n| (player(n), score(&mut random))).collect()
}

pub(crate) fn updates(kind: Kind, players: u64, count: usize, seed: u64) -> Vec<Update> {
    let mut random = Random(seed);
    let one = |_| match kind {
        Kind::Hot => {
            // Spread over all players: who is hot has nothing to do with who came early.
            let n = random.log_uniform(players.saturating_add(1)).wrapping_mul(7_919) % players;
            let by = i64::try_from(1 + random.below(1_000)).unwrap_or(1);
            Update { player: player(n), by }
        }
        Kind::Uniform => {
            let n = random.below(players);
            let by = i64::try_from(random.log_uniform(1 << 18)).unwrap_or(1);
            Update { player: player(n), by: if random.below(3) == 0 { -by } else { by } }
        }
    };
    (0..count).map(one).collect()
}

/// `--name value` of the command line, or what it is without.
pub(crate) fn option<T: FromStr>(arguments: &[String], name: &str, default: T) -> T {
    given(arguments, name).unwrap_or(default)
}

/// `--name value` of the command line.
pub(crate) fn given<T: FromStr>(arguments: &[String], name: &str) -> Option<T> {
    let at = arguments.iter().position(|argument| argument == name)?;
    let value = arguments.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value"));
    Some(value.parse().unwrap_or_else(|_| panic!("{name} {value} can't be read")))
}
