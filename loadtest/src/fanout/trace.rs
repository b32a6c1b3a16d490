//! The scripted race that every figure of bytes and every scripted server plays.
//!
//! 2,000 players of whom few play much (weights 1 ÷ rank^0.75), 40 bets per tick, the top 10 by
//! turnover: about 4.35 of the ten rows change per tick. Seeded: the same race everywhere.

use palio_protocol::live::{Board, Row, Status, binary, json};
use std::sync::Arc;

/// Players of the race.
pub const PLAYERS: usize = 2_000;
/// Bets between two ticks.
const BETS_PER_TICK: usize = 40;
/// Rows that are shown.
const TOP: usize = 10;
/// Stakes that occur, in cents.
const STAKES: [i64; 6] = [50, 100, 150, 200, 500, 1_000];
/// Decimals of the scores.
pub const DECIMALS: u8 = 2;
/// Ticks played before the first board: by then the leaders lie apart.
const WARM_UP: usize = 300;

/// A race in progress.
#[derive(Debug, Clone)]
pub struct Trace {
    state: u64,
    /// Running sums of the players' weights.
    weights: Vec<u64>,
    /// Points and player, by number of the player.
    points: Vec<i64>,
    seq: u64,
}

/// What a tick costs on the wire, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bytes {
    /// Rows of the top that hold something else than before.
    pub changed: f64,
    /// Payload of a JSON delta.
    pub json: f64,
    /// Payload of a binary delta.
    pub binary: f64,
    /// The rows in full, as JSON.
    pub whole: f64,
}

/// `1e6 ÷ rank^0.75`, in integers.
fn weight(rank: u64) -> u64 {
    let root = (rank * 100_000_000).isqrt();
    10_000_000_000 / (rank * 10_000 * root).isqrt().max(1)
}

impl Default for Trace {
    fn default() -> Self {
        Self::new(7)
    }
}

impl Trace {
    /// The race of this seed, with leaders that lie apart.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut sum = 0;
        let weights = (1..=u64::try_from(PLAYERS).unwrap_or(u64::MAX)).map(|rank| {
            sum += weight(rank);
            sum
        });
        let weights = weights.collect();
        let mut trace = Self { state: seed, weights, points: vec![0; PLAYERS], seq: 0 };
        (0..WARM_UP).for_each(|_| trace.play());
        trace
    }

    /// `SplitMix64`.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn play(&mut self) {
        let whole = self.weights.last().copied().unwrap_or(1);
        for _ in 0..BETS_PER_TICK {
            let at = self.draw() % whole;
            let player = self.weights.partition_point(|sum| *sum <= at);
            let stake = usize::try_from(self.draw() % 6).unwrap_or_default();
            if let Some(points) = self.points.get_mut(player) {
                *points += STAKES.get(stake).copied().unwrap_or(100);
            }
        }
    }

    /// The board after the next tick.
    pub fn board(&mut self) -> Board {
        self.play();
        self.seq += 1;
        let mut order: Vec<(i64, usize)> =
            self.points.iter().enumerate().map(|(player, points)| (-points, player)).collect();
        order.sort_unstable();
        let rows = order.into_iter().take(TOP).map(|(points, player)| {
            let points = -points;
            Arc::new(Row {
                key: format!("{:012x}", player.wrapping_mul(0x9e37_79b9)).into(),
                name: format!("Swift Otter {player}").into(),
                score: format!("{}.{:02}", points / 100, points % 100).into(),
                points,
            })
        });
        let participants = u64::try_from(PLAYERS).unwrap_or_default();
        let rows: Vec<_> = rows.collect();
        let ranks = (1..).take(rows.len()).collect();
        Board { seq: self.seq, status: Status::Active, participants, rows, ranks }
    }

    /// Plays so many ticks and weighs what each would send.
    #[must_use]
    pub fn weigh(mut self, ticks: u64) -> Bytes {
        let (mut changed, mut text, mut short, mut whole) = (0, 0, 0, 0);
        let mut base = self.board();
        for _ in 0..ticks {
            let next = self.board();
            if !next.shows_the_same(&base) {
                let delta = next.since(&base);
                changed += delta.set.len();
                text += json::delta(&delta).len();
                short += binary::delta(&delta).len();
            }
            let rows =
                json::rows(next.ranks.iter().copied().zip(next.rows.iter().map(AsRef::as_ref)));
            whole += serde_json::to_string(&rows).map_or(0, |rows| rows.len());
            base = next;
        }
        let each = |sum: usize| crate::num::ratio(crate::num::count(sum), ticks);
        Bytes { changed: each(changed), json: each(text), binary: each(short), whole: each(whole) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The goal, over as many ticks as scores take to grow by a digit.
    const JSON_MAX: f64 = 105.0;
    /// Some 10 % above what it was when this was written.
    const BINARY_MAX: f64 = 18.7;

    #[test]
    fn a_tick_of_the_race_stays_small() {
        let bytes = Trace::default().weigh(10_000);
        assert!((4.3..4.6).contains(&bytes.changed), "another race: {bytes:?}");
        assert!(bytes.json <= JSON_MAX, "{bytes:?}");
        assert!(bytes.binary <= BINARY_MAX, "{bytes:?}");
        assert!(bytes.whole > 5.0 * bytes.json, "{bytes:?}");
    }

    #[test]
    fn a_seed_is_a_race() {
        let boards = |seed| {
            let mut trace = Trace::new(seed);
            (0..20).map(|_| trace.board()).collect::<Vec<_>>()
        };
        assert_eq!(boards(3), boards(3));
        assert_ne!(boards(3), boards(4));
    }
}
