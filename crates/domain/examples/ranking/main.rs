//! Measures the ranking of a tournament: updates with exact positions, pages, memory, building.
//!
//! ```text
//! cargo run --release -p palio-domain --example ranking -- --players 10000000 --updates 2000000
//!     --redis redis://127.0.0.1:6379   also ZINCRBY + ZREVRANK of the same updates, in turns
//!     --redis-players 1000000          … on a board of this size
//!     --rounds 5                       … and so many turns for each kind of updates
//!     --map tree|hash|paged            nothing but one of the maps from player to entry
//! ```
//! One thread. Rates come from passes without a clock inside; single times from passes of their
//! own, in which the clock is read once after each call. What such a reading costs, and what
//! pauses other processes cause, is printed first and is inside the figures below it.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a tool")]

mod board;
mod load;
mod maps;
mod measure;
mod redis;

use board::{Board, Key};
use load::{Kind, Random, given, option, scores, updates};
use maps::{Entry, Players};
use measure::{Histogram, Times, Watch, per_player, rate, resident};
use palio_domain::tournament::Ranking;
use std::cmp::Reverse;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Reads that show how long the machine's memory takes.
const READS: u32 = 2_000_000;

type Map = maps::Paged;

/// Updates that are made ready at a time.
const PART: usize = 200_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let players: usize = option(&arguments, "--players", 100_000);
    let count: usize = option(&arguments, "--updates", 200_000);
    let players_wide = u64::try_from(players).unwrap();
    let scores = scores(players_wide);
    match given::<String>(&arguments, "--map").as_deref() {
        Some("tree") => return compare::<maps::Tree>(&scores),
        Some("hash") => return compare::<maps::Hash>(&scores),
        Some("paged") => return compare::<maps::Paged>(&scores),
        Some(other) => panic!("there is no map called {other}"),
        None => clock(count),
    }
    // First, while freed memory of something else can't be used again.
    let before = resident();
    let watch = Watch::start();
    let mut board = Board::<Map>::of(&scores);
    let (by_clock, on_processor) = watch.stop();
    println!(
        "board of {players} players built, entries and ranking: {by_clock:.0?}, \
         {on_processor:.0?} of processor time"
    );
    memory("board as built", &board, before);
    for kind in Kind::ALL {
        change(&mut board, kind, players_wide, count);
    }
    memory("board after all updates", &board, before);
    read(&mut board, players_wide);
    drop(board);
    build(&scores);
    drop(scores);
    if let Some(url) = given::<String>(&arguments, "--redis") {
        let players = option(&arguments, "--redis-players", 1_000_000);
        redis::compare(&url, players, count, option(&arguments, "--rounds", 5));
    }
}

fn clock(count: usize) {
    let times = Times::of(0..count, |n| {
        black_box(n);
    });
    println!("clock alone, {count} readings: {times}");
    // What an update mostly consists of: reads far apart, each of which waits for the one before.
    let words = vec![1_u64; 1 << 25];
    let (mut at, limit) = (0, u64::try_from(words.len()).unwrap());
    let mut random = Random(0);
    let watch = Watch::start();
    for _ in 0..READS {
        let word = words.get(usize::try_from(at).unwrap()).unwrap();
        random.0 += word;
        at = random.below(limit);
    }
    let nanos = watch.stop().1.as_nanos() / u128::from(READS);
    println!("one read from {} MiB of memory: {nanos} ns (ended at {at})", words.len() >> 17);
}

fn build(scores: &[(u64, i64)]) {
    let keys: Vec<Key> =
        scores.iter().map(|(player, score)| (Reverse(*score), 0, *player)).collect();
    let started = Instant::now();
    let ranking: Ranking<Key> = keys.iter().copied().collect();
    let unsorted = started.elapsed();
    let sorted: Vec<Key> = ranking.from(0).copied().collect();
    drop(ranking);
    let started = Instant::now();
    let ranking = Ranking::from_sorted(sorted.iter().copied()).unwrap();
    let ascending = started.elapsed();
    let mut grown = Ranking::default();
    let started = Instant::now();
    for key in &keys {
        grown.insert(*key);
    }
    let single = started.elapsed();
    assert!(grown.from(0).eq(ranking.from(0)), "both hold the same");
    let count = keys.len();
    println!(
        "build of {count} keys: ascending {ascending:.0?}, any order {unsorted:.0?}, \
         one by one {single:.0?} ({} bytes each)",
        per_player(grown.bytes(), count)
    );
}

fn compare<P: Players>(scores: &[(u64, i64)]) {
    let before = resident();
    let mut players = P::default();
    let inserts = Times::of(scores.iter(), |(player, score)| {
        players.insert(*player, Entry { score: *score, ..Entry::default() });
    });
    let count = scores.len();
    let held = resident().saturating_sub(before);
    let mut random = Random(9);
    let limit = u64::try_from(count).unwrap();
    let wanted: Vec<u64> = (0..1_000_000).map(|_| load::player(random.below(limit))).collect();
    let started = Instant::now();
    for player in &wanted {
        players.get_mut(*player).unwrap().rounds += 1;
    }
    let change = started.elapsed() / 1_000_000;
    println!(
        "{}: {} bytes per player by its layout, {} resident; change {change:?}; \
         insert {inserts}",
        P::NAME,
        per_player(players.bytes(), count),
        per_player(held, count)
    );
}

fn memory<P: Players>(name: &str, board: &Board<P>, before: usize) {
    let count = board.ranking.len();
    let (ranking, players) = (board.ranking.bytes(), board.players.bytes());
    println!(
        "{name}: bytes per player {} ranking + {} entries = {}; {} resident",
        per_player(ranking, count),
        per_player(players, count),
        per_player(ranking + players, count),
        per_player(resident().saturating_sub(before), count)
    );
}

fn change<P: Players>(board: &mut Board<P>, kind: Kind, players: u64, count: usize) {
    let name = kind.name();
    // In parts, so that what is kept of the updates stays small beside the board.
    let parts = |seed: u64| {
        (0..count)
            .step_by(PART)
            .zip(seed..)
            .map(move |(done, seed)| updates(kind, players, PART.min(count - done), seed))
    };
    let mut far = Histogram::default();
    let (mut elapsed, mut ran) = (Duration::ZERO, Duration::ZERO);
    for part in parts(1_000) {
        let watch = Watch::start();
        for update in part {
            let moved = board.update(update);
            far.add(u64::try_from(moved.from.abs_diff(moved.to)).unwrap());
        }
        let (by_clock, on_processor) = watch.stop();
        elapsed += by_clock;
        ran += on_processor;
    }
    let (by_clock, by_processor) = (rate(count, elapsed), rate(count, ran));
    let [p10, p50, p90] = [100, 500, 900].map(|per_mille| far.quantile(per_mille));
    println!(
        "{name} updates: {by_clock} per second, {by_processor} per second of processor time; \
         places moved p10 {p10} p50 {p50} p90 {p90}"
    );
    let mut times = Times::default();
    for part in parts(2_000_000) {
        times.add(part, |update| {
            black_box(board.update(update));
        });
    }
    println!("{name} updates, each: {times}");
}

fn read<P: Players>(board: &mut Board<P>, players: u64) {
    let mut random = Random(5);
    let wanted: Vec<u64> = (0..100_000).map(|_| random.below(players)).collect();
    let pages = Times::of(wanted.iter(), |at| {
        black_box(board.page(usize::try_from(*at).unwrap()));
    });
    println!("page of 100 at any position: {pages}");
    let around = Times::of(wanted.iter(), |n| {
        black_box(board.around(load::player(*n)).unwrap());
    });
    println!("around any player: {around}");
    let ties = Times::of(wanted.iter(), |n| {
        let score = board.score(load::player(*n)).unwrap();
        black_box(board.ranking.partition_point(|key| key.0 < Reverse(score)));
    });
    println!("shared rank (1-1-3) of any player: {ties}");
}
