//! What happens next, from a seeded generator: no clock, no network.
//!
//! [`Planner::next`] gives rounds one after another, each with the pause before it, so that bets
//! of all players together come as a Poisson process of the rate asked for.

use super::games::{GAMES, Game, Style};
use super::habits::Habit;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// A deliberate fault, as providers have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quirk {
    /// The first request is sent again after its answer.
    RetryFirst,
    /// The last request is sent again after its answer.
    RetryLast,
    /// The first request is sent twice at once.
    DuplicateFirst,
    /// The last request is sent twice at once.
    DuplicateLast,
    /// The result is sent before the bet.
    ResultBeforeBet,
    /// A rollback is sent before its bet.
    RollbackBeforeBet,
    /// The round is called off.
    Rollback,
}

/// One bet of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bet {
    /// Which player, from 0.
    pub(super) player: usize,
    /// Stake, in minor units.
    pub(super) stake: i64,
    /// Payout, in minor units.
    pub(super) payout: i64,
}

/// How a round reaches the wallet; see [`Style`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Path {
    /// `POST /wallet/play`.
    Play,
    /// The plain event.
    Plain,
    /// Debit, then credit.
    Credit,
    /// Debit, then settle.
    Settle,
    /// Events for bets, an event for the result.
    Events,
    /// Events for bets, one settle of several players for the result.
    EventsSettle,
}

impl Path {
    /// Whether bets stay open between two requests.
    pub(super) const fn is_open(self) -> bool {
        !matches!(self, Self::Play | Self::Plain)
    }
}

/// A round from beginning to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    /// The pause since the round before.
    pub(super) after: Duration,
    /// Its number in this run.
    pub(super) number: u64,
    /// The game's id.
    pub(super) game: &'static str,
    /// How it speaks.
    pub(super) path: Path,
    /// One bet per player.
    pub(super) bets: Vec<Bet>,
    /// How long it stays open.
    pub(super) open: Duration,
    /// What goes wrong.
    pub(super) quirk: Option<Quirk>,
    /// The player who begins a session with this round, and its length in minutes.
    pub(super) session: Option<(usize, i64)>,
}

/// What the planner has to know of the world.
pub(super) trait Purses {
    /// What a player can bet with, in minor units; `None` before his wallet is known.
    fn available(&self, player: usize) -> Option<i64>;
}

struct Player {
    habit: Habit,
    favourite: usize,
    game: usize,
    playing: bool,
    /// End of the session or of the rest, in milliseconds of this run.
    until_ms: i64,
    losses: u32,
}

/// Draws rounds.
pub(super) struct Planner {
    rng: StdRng,
    players: Vec<Player>,
    games: usize,
    bets_per_second: u32,
    scale: i64,
    number: u64,
}

/// Players looked at before a planner gives up for now.
const LOOKS_MAX: usize = 400;

/// A pause when nobody can play.
const IDLE: Duration = Duration::from_millis(200);

impl Planner {
    /// Everything that follows is decided by the seed, the answers of [`Purses`] and the times.
    ///
    /// `decimals` are the currency's: amounts are hundredths of a unit where it has two or more.
    pub(super) fn new(
        seed: u64,
        players: usize,
        games: usize,
        bets_per_second: u32,
        decimals: u8,
    ) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let games = games.clamp(1, GAMES.len());
        let draw = |_| {
            let habit = Habit::draw(&mut rng);
            let favourite = rng.random_range(0..games);
            // A third is at it from the first moment; the others come in over ten minutes.
            let until_ms =
                if rng.random_range(0..3) == 0 { 0 } else { rng.random_range(0..600_000) };
            Player { habit, favourite, game: favourite, playing: false, until_ms, losses: 0 }
        };
        let players = (0..players.max(1)).map(draw).collect();
        let scale = 10_i64.pow(u32::from(decimals.saturating_sub(2).min(7)));
        Self { rng, players, games, bets_per_second: bets_per_second.max(1), scale, number: 0 }
    }

    /// What a deposit of this player brings, in minor units.
    pub(super) fn bankroll(&self, player: usize) -> i64 {
        self.players.get(player).map_or(0, |player| player.habit.profile().bankroll * self.scale)
    }

    /// The next round at `now_ms` of this run; `Err` is a pause in which nobody can play.
    pub(super) fn next(&mut self, now_ms: i64, purses: &impl Purses) -> Result<Round, Duration> {
        let (first, session) = self.find(now_ms, purses, None, &[]).ok_or(IDLE)?;
        let at = self.players.get(first).map_or(0, |player| player.game);
        let game = GAMES.get(at).ok_or(IDLE)?;
        let mut bets: Vec<_> = self.bet(first, game, purses).into_iter().collect();
        if bets.is_empty() {
            return Err(IDLE);
        }
        if let Style::Table { seats } = game.style {
            let mut seated = vec![first];
            for _ in 1..self.rng.random_range(1..=seats) {
                let Some((player, _)) = self.find(now_ms, purses, Some(at), &seated) else { break };
                seated.push(player);
                bets.extend(self.bet(player, game, purses));
            }
        }
        let path = self.path(game.style);
        let round_ms = game.round_ms(&mut self.rng);
        self.number += 1;
        Ok(Round {
            after: self.gap(bets.len()),
            number: self.number,
            game: game.id,
            path,
            bets,
            open: Duration::from_millis(round_ms),
            quirk: self.quirk(path),
            session: session.map(|minutes| (first, minutes)),
        })
    }

    /// A player who can play, and the length of the session he begins. A table takes also those
    /// who sit at another game: they change seats for a round.
    fn find(
        &mut self,
        now_ms: i64,
        purses: &impl Purses,
        table: Option<usize>,
        seated: &[usize],
    ) -> Option<(usize, Option<i64>)> {
        for _ in 0..LOOKS_MAX {
            let at = self.rng.random_range(0..self.players.len());
            let player = self.players.get_mut(at)?;
            let pace = player.habit.profile().pace;
            let smallest = player.habit.profile().stakes.first().copied().unwrap_or(10);
            let can = purses.available(at).is_some_and(|funds| funds >= smallest * self.scale);
            if !can || seated.contains(&at) || self.rng.random_range(0..100) >= pace {
                continue;
            }
            if now_ms < player.until_ms && player.playing {
                return Some((at, None));
            }
            if now_ms < player.until_ms {
                continue;
            }
            if player.playing {
                player.playing = false;
                player.until_ms = now_ms + player.habit.rest_ms(&mut self.rng);
                continue;
            }
            if table.is_some() {
                continue;
            }
            let length_ms = player.habit.session_ms(&mut self.rng);
            let faithful = self.rng.random_range(0..10) < 6;
            let other = self.rng.random_range(0..self.games);
            player.game = if faithful { player.favourite } else { other };
            player.playing = true;
            player.until_ms = now_ms + length_ms;
            // A little longer than he means to stay, so that his last round is still in it.
            return Some((at, Some(length_ms / 6_0000 + 2)));
        }
        None
    }

    fn bet(&mut self, player: usize, game: &Game, purses: &impl Purses) -> Option<Bet> {
        let funds = purses.available(player)?;
        let who = self.players.get_mut(player)?;
        let smallest = who.habit.profile().stakes.first().copied().unwrap_or(10) * self.scale;
        let wished = who.habit.stake(who.losses, &mut self.rng) * self.scale;
        // Nobody puts more than a fifth of his money on one round.
        let stake = wished.min(funds / 5 / smallest * smallest).max(smallest);
        let pays = game.draw(&mut self.rng);
        who.losses = if pays > 100 { 0 } else { who.losses.saturating_add(1) };
        Some(Bet { player, stake, payout: stake.saturating_mul(pays) / 100 })
    }

    fn path(&mut self, style: Style) -> Path {
        match style {
            Style::Spin { plain } if self.rng.random_range(0..plain) == 0 => Path::Plain,
            Style::Spin { .. } => Path::Play,
            Style::Credit => Path::Credit,
            Style::Settle => Path::Settle,
            Style::Table { .. } if self.rng.random_range(0..4) == 0 => Path::EventsSettle,
            Style::Table { .. } => Path::Events,
        }
    }

    /// 2 % retries, 1 % duplicates, 1 % out of order, 1 % rollbacks; spins have only the first two.
    fn quirk(&mut self, path: Path) -> Option<Quirk> {
        let quirk = match self.rng.random_range(0..200) {
            0..2 => Quirk::RetryFirst,
            2..4 => Quirk::RetryLast,
            4 => Quirk::DuplicateFirst,
            5 => Quirk::DuplicateLast,
            6 => Quirk::ResultBeforeBet,
            7 => Quirk::RollbackBeforeBet,
            8..10 => Quirk::Rollback,
            _ => return None,
        };
        let order =
            matches!(quirk, Quirk::ResultBeforeBet | Quirk::RollbackBeforeBet | Quirk::Rollback);
        (path.is_open() || !order).then_some(quirk)
    }

    /// Exponential pauses of `bets` ÷ rate on average.
    fn gap(&mut self, bets: usize) -> Duration {
        let uniform: f64 = self.rng.random_range(f64::EPSILON..1.0);
        let bets = f64::from(u32::try_from(bets).unwrap_or(1));
        Duration::from_secs_f64(-uniform.ln() * bets / f64::from(self.bets_per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    struct Rich;

    impl Purses for Rich {
        fn available(&self, _: usize) -> Option<i64> {
            Some(1_000_000)
        }
    }

    fn rounds(seed: u64, seconds: i64) -> Vec<(i64, Round)> {
        let mut planner = Planner::new(seed, 300, 12, 60, 2);
        let (mut now, mut all) = (Duration::ZERO, Vec::new());
        while now.as_secs() < seconds.unsigned_abs() {
            let ms = i64::try_from(now.as_millis()).unwrap();
            match planner.next(ms, &Rich) {
                Ok(round) => {
                    now += round.after;
                    all.push((ms, round));
                }
                Err(pause) => now += pause,
            }
        }
        all
    }

    #[test]
    fn a_seed_is_a_whole_evening() {
        assert_eq!(rounds(1, 60), rounds(1, 60));
        assert_ne!(rounds(1, 60), rounds(2, 60));
    }

    #[test]
    fn bets_come_at_the_rate_asked_for() {
        let all = rounds(3, 600);
        let bets: usize = all.iter().map(|(_, round)| round.bets.len()).sum();
        assert!((34_000..38_000).contains(&bets), "{bets}");
    }

    #[test]
    fn everything_happens_and_faults_are_rare() {
        let all = rounds(4, 600);
        let mut faults = BTreeMap::new();
        for (_, round) in &all {
            *faults.entry(format!("{:?}", round.quirk)).or_insert(0) += 1;
        }
        assert_eq!(faults.len(), 8, "{faults:?}");
        assert!(faults["None"] * 100 > all.len() * 94, "{faults:?}");
        let paths: BTreeSet<_> = all.iter().map(|(_, round)| format!("{:?}", round.path)).collect();
        assert_eq!(paths.len(), 6, "{paths:?}");
        let games: BTreeSet<_> = all.iter().map(|(_, round)| round.game).collect();
        assert_eq!(games.len(), 12);
        let players: BTreeSet<_> =
            all.iter().flat_map(|(_, round)| &round.bets).map(|bet| bet.player).collect();
        assert!(players.len() > 250, "{}", players.len());
        assert!(all.iter().any(|(_, round)| round.bets.len() > 3));
        for (_, round) in &all {
            let seats: BTreeSet<_> = round.bets.iter().map(|bet| bet.player).collect();
            assert_eq!(seats.len(), round.bets.len(), "nobody sits twice");
            assert!(round.bets.iter().all(|bet| bet.stake > 0 && bet.payout >= 0));
            assert_eq!(round.path.is_open(), !round.open.is_zero());
        }
    }

    #[test]
    fn nobody_plays_without_money() {
        struct One;
        impl Purses for One {
            fn available(&self, player: usize) -> Option<i64> {
                match player {
                    0 => None,
                    1 => Some(9),
                    _ => Some(6_000),
                }
            }
        }
        let mut planner = Planner::new(5, 12, 12, 60, 2);
        let mut seen = BTreeSet::new();
        for n in 0..2_000 {
            if let Ok(round) = planner.next(n * 20_000, &One) {
                for bet in &round.bets {
                    seen.insert(bet.player);
                    assert!(bet.stake <= 6_000);
                }
            }
        }
        assert!(!seen.contains(&0) && !seen.contains(&1) && seen.len() >= 8, "{seen:?}");
    }

    #[test]
    fn amounts_fit_the_currency() {
        let bankroll = |decimals| Planner::new(1, 1, 1, 1, decimals).bankroll(0);
        assert_eq!(bankroll(0), bankroll(2));
        assert_eq!(bankroll(8), bankroll(2) * 1_000_000);
    }
}
