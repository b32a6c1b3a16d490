//! The same updates by Redis: ZINCRBY and ZREVRANK in a pipeline, in turns with the board here.

use crate::board::Board;
use crate::load::{Kind, Random, Update, player, scores, updates};
use crate::maps::Paged;
use crate::measure::{Spread, Watch, rate};
use std::cmp::Reverse;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Updates that are sent before answers are read; two such lots are under way.
const LOT: usize = 500;

/// As much of Redis' protocol as is needed here.
struct Redis {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
    line: String,
}

impl Redis {
    fn connect(url: &str) -> Self {
        let address = url.trim_start_matches("redis://").split('/').next().unwrap_or_default();
        let stream = TcpStream::connect(address).expect("a Redis at --redis");
        stream.set_nodelay(true).unwrap();
        let answers = BufReader::with_capacity(1 << 16, stream.try_clone().unwrap());
        Self { stream, answers, line: String::new() }
    }

    /// The next line, or of a text the line behind its length.
    fn answer(&mut self) -> &str {
        self.read_line();
        assert!(!self.line.starts_with('-'), "Redis refuses: {}", self.line);
        if self.line.starts_with('$') {
            let length: usize = self.line.trim_start_matches('$').trim_end().parse().unwrap();
            let mut text = 0;
            let mut all = String::new();
            while text < length + 2 {
                self.read_line();
                text += self.line.len();
                all.push_str(&self.line);
            }
            self.line = all;
        }
        self.line.trim_end().trim_start_matches(':')
    }

    fn read_line(&mut self) {
        self.line.clear();
        let read = self.answers.read_line(&mut self.line).unwrap();
        assert!(read > 0, "Redis hung up");
    }

    fn ask(&mut self, parts: &[&str]) -> &str {
        let mut command = String::new();
        encode(&mut command, parts);
        self.stream.write_all(command.as_bytes()).unwrap();
        self.answer()
    }

    /// Processor time of the server so far, in microseconds.
    fn processor(&mut self) -> u64 {
        let info = self.ask(&["INFO", "cpu"]).to_owned();
        let of = |name: &str| -> u64 {
            let value = info.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            let (whole, micros) = value.split_once('.').unwrap();
            whole.parse::<u64>().unwrap() * 1_000_000 + micros.parse::<u64>().unwrap()
        };
        of("used_cpu_sys:") + of("used_cpu_user:")
    }

    /// Sends lots, one ahead of the answers, so that the server never waits; `answers` each.
    fn pipeline(&mut self, lots: &[(String, usize)]) -> u64 {
        let mut sum = 0_u64;
        let mut open: Option<usize> = None;
        for (commands, answers) in lots {
            self.stream.write_all(commands.as_bytes()).unwrap();
            if let Some(answers) = open.replace(*answers) {
                sum += self.read(answers);
            }
        }
        sum + open.map_or(0, |answers| self.read(answers))
    }

    /// Reads answers as numbers and adds them up.
    fn read(&mut self, answers: usize) -> u64 {
        (0..answers).fold(0_u64, |sum, _| {
            let number: i64 = self.answer().parse().unwrap();
            sum.wrapping_add_signed(number)
        })
    }
}

fn encode(command: &mut String, parts: &[&str]) {
    write!(command, "*{}\r\n", parts.len()).unwrap();
    for part in parts {
        write!(command, "${}\r\n{part}\r\n", part.len()).unwrap();
    }
}

fn encoded(board: &str, stream: &[Update]) -> Vec<(String, usize)> {
    let lot = |updates: &[Update]| {
        let mut commands = String::new();
        for update in updates {
            let (by, player) = (update.by.to_string(), update.player.to_string());
            encode(&mut commands, &["ZINCRBY", board, &by, &player]);
            encode(&mut commands, &["ZREVRANK", board, &player]);
        }
        (commands, updates.len() * 2)
    };
    stream.chunks(LOT).map(lot).collect()
}

/// What the same updates took here and there, by the clock and on the processor. Of Redis that is
/// the server's; its client's comes on top.
struct Round {
    own: Duration,
    own_processor: Duration,
    redis: Duration,
    redis_processor: Duration,
}

pub(crate) fn compare(url: &str, players: u64, count: usize, rounds: u64) {
    let mut redis = Redis::connect(url);
    let name = format!("palio:ranking:{}", std::process::id());
    let scores = scores(players);
    let mut board = Board::<Paged>::of(&scores);
    for lot in scores.chunks(LOT) {
        let mut commands = String::new();
        for (player, score) in lot {
            encode(&mut commands, &["ZADD", &name, &score.to_string(), &player.to_string()]);
        }
        redis.pipeline(&[(commands, lot.len())]);
    }
    let memory: usize = redis.ask(&["MEMORY", "USAGE", &name, "SAMPLES", "0"]).parse().unwrap();
    println!("redis, {players} players: {} bytes per player", memory / scores.len());
    for kind in Kind::ALL {
        let turn = |n| {
            let stream = updates(kind, players, count, 1_000 + n);
            round(&mut redis, &name, &mut board, &stream, n % 2 == 0)
        };
        let done: Vec<Round> = (0..rounds).map(turn).collect();
        let rates = |of: fn(&Round) -> Duration| {
            done.iter().map(|round| rate(count, of(round))).collect::<Spread>().show(0)
        };
        let ratios = |of: fn(&Round) -> (Duration, Duration)| {
            let percent = |round: &Round| {
                let (redis, own) = of(round);
                u64::try_from(redis.as_nanos() * 100 / own.as_nanos().max(1)).unwrap()
            };
            done.iter().map(percent).collect::<Spread>().show(2)
        };
        println!(
            "{}: {rounds} turns of {count} updates on {players} players, per second: here {}; \
             redis {}; here ÷ redis {}; per second of processor time: here {}; redis {}; \
             here ÷ redis {}",
            kind.name(),
            rates(|round| round.own),
            rates(|round| round.redis),
            ratios(|round| (round.redis, round.own)),
            rates(|round| round.own_processor),
            rates(|round| round.redis_processor),
            ratios(|round| (round.redis_processor, round.own_processor)),
        );
    }
    agree(&mut redis, &name, &mut board, players);
    redis.ask(&["DEL", &name]);
}

fn round(
    redis: &mut Redis,
    name: &str,
    board: &mut Board<Paged>,
    stream: &[Update],
    is_first: bool,
) -> Round {
    let lots = encoded(name, stream);
    let mut here = || {
        let watch = Watch::start();
        let sum: usize = stream.iter().map(|update| board.update(*update).to).sum();
        std::hint::black_box(sum);
        watch.stop()
    };
    let early = is_first.then(&mut here);
    let processor = redis.processor();
    let started = Instant::now();
    std::hint::black_box(redis.pipeline(&lots));
    let elapsed = started.elapsed();
    let redis_processor = Duration::from_micros(redis.processor() - processor);
    let (own, own_processor) = early.unwrap_or_else(here);
    Round { own, own_processor, redis: elapsed, redis_processor }
}

/// Both did the same: scores are equal, and Redis' position is among those of equal scores.
fn agree(redis: &mut Redis, name: &str, board: &mut Board<Paged>, players: u64) {
    let mut random = Random(3);
    for _ in 0..10_000 {
        let player = player(random.below(players));
        let member = player.to_string();
        let score: i64 = redis.ask(&["ZSCORE", name, &member]).parse().unwrap();
        let position: usize = redis.ask(&["ZREVRANK", name, &member]).parse().unwrap();
        assert_eq!(board.score(player), Some(score));
        let first = board.ranking.partition_point(|key| key.0 < Reverse(score));
        let after = board.ranking.partition_point(|key| key.0 <= Reverse(score));
        assert!((first..after).contains(&position), "{position} is not in {first}..{after}");
    }
    println!("10000 players compared: same scores, same positions but for the order of ties");
}
