//! Measures what a tournament with many participants takes: saving, restoring, its result, a
//! disqualification after it, its prizes.
//!
//! ```text
//! cargo run --release -p palio-domain --example standings -- 1000000 [rounds per player]
//! ```
//! Rows come from real wallets; one thread.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods, reason = "a tool")]

use palio_domain::ids::Slot;
use palio_domain::journal::{Head, Keys, Stage};
use palio_domain::tournament::score::{ONE, Points};
use palio_domain::tournament::settle::{self, Settling};
use palio_domain::tournament::{Admission, Definition, EntryMode, Kind, Metric, Review, Standings};
use palio_domain::wallet::{BetRef, Cell, Command, Prepared};
use palio_domain::{
    Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, TenantId, TournamentId, UnixMs,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

const TENANT: TenantId = TenantId(1);

fn definition(metric: Metric) -> Definition {
    Definition {
        id: TournamentId::parse("large").unwrap(),
        name: "Large".to_owned(),
        metric,
        currency: Currency::EUR,
        starts: UnixMs(0),
        ends: UnixMs(1_000_000),
        registration_opens: None,
        grace_ms: 0,
        rules: metric.rules(Points(ONE), Currency::EUR).unwrap(),
        tick_ms: 1_000,
        top_n: 10,
        entry: EntryMode::Automatic,
        prizes: (0..100).map(|place| Amount(100_000 - place * 900)).collect(),
        description: String::new(),
        kind: Kind::SlotRace,
        admission: Admission::default(),
        table: None,
        review: Review::default(),
        schedule: None,
    }
}

/// Applies the rounds of all players; a slot's rows rise, as in a journal.
fn fold(standings: &mut Standings, players: u64, rounds: u64) {
    let keys = Keys::new([1; 32]);
    let mut stage = Stage::new(Slot::all().map(|slot| Head { epoch: 1, ..Head::empty(slot) }));
    for player in 1..=players {
        // Scattered, as numbers of players are.
        let id = PlayerId(player.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1);
        let mut cell = Cell::load(TENANT, id, None, []).unwrap();
        let currency = Currency::EUR;
        let mut run = |name: &str, command: Command| {
            let asked = Prepared::new(&keys, TENANT, id, name, command, None);
            cell.execute(&asked, &Default::default(), UnixMs(10), 0, &keys, &mut stage).unwrap();
        };
        run("funds", Command::Deposit { amount: Amount(1_000_000_000), currency });
        for round in 0..rounds {
            let name = format!("b{round}");
            let stake = 100 + i64::try_from((player * 7_919 + round * 31) % 100_000).unwrap();
            run(
                &name,
                Command::Play {
                    bet: BetRef {
                        provider: ProviderId::parse("acme").unwrap(),
                        bet: BetId::parse(&name).unwrap(),
                        round: RoundId::parse(&name).unwrap(),
                        game: GameId::parse("wheel").unwrap(),
                    },
                    stake: Amount(stake),
                    payout: Amount(stake / 2),
                    currency,
                    at: None,
                    feature: false,
                    terms: Default::default(),
                },
            );
        }
        if player % 10_000 == 0 || player == players {
            let batch = stage.seal().unwrap();
            for row in &batch.rows {
                standings.apply(row).unwrap();
            }
            let mut heads: BTreeMap<Slot, Head> =
                Slot::all().map(|slot| (slot, Head { epoch: 1, ..Head::empty(slot) })).collect();
            for (slot, seq) in Slot::all().zip(standings.positions()) {
                heads.get_mut(&slot).unwrap().next_seq = seq + 1;
            }
            stage = Stage::new(heads.into_values());
        }
    }
}

fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let (players, rounds) = (numbers.next().unwrap_or(100_000), numbers.next().unwrap_or(2));
    for metric in [Metric::Turnover, Metric::BestRatio] {
        let definition = Arc::new(definition(metric));
        let mut standings = Standings::new(Arc::clone(&definition), TENANT, UnixMs(0));
        let started = Instant::now();
        fold(&mut standings, players, rounds);
        println!(
            "{metric:?}: {players} players, {rounds} rounds each, folded in {:.1?}",
            started.elapsed()
        );
        let started = Instant::now();
        let saved = standings.save();
        println!("  saved: {} MB in {:.0?}", saved.len() / 1_000_000, started.elapsed());
        drop(standings);
        let started = Instant::now();
        let mut standings = Standings::restore(Arc::clone(&definition), TENANT, &saved).unwrap();
        println!("  restored in {:.0?}", started.elapsed());
        drop(saved);
        let started = Instant::now();
        let before = standings.result();
        println!("  result with its hash in {:.0?}", started.elapsed());
        let first = before.rows.first().unwrap().player;
        let started = Instant::now();
        let (cut, out) = (standings.positions().to_vec(), BTreeSet::from([first]));
        // As the server does: asked for, journalled, and only then made.
        let after = standings.result_of(&cut, &out);
        standings.correct_until(&cut, &out);
        let seats = BTreeMap::new();
        let nobody = settle::Brought { seats: &seats, carried_in: Amount::ZERO };
        let settling = Settling {
            finishers: standings.finishers(&BTreeSet::new()),
            turnover: standings.turnover(),
        };
        let plan = settle::settle(&definition, nobody, &settling).unwrap().unwrap();
        println!(
            "  one disqualified: a new result and a plan of {} lines in {:.0?}",
            plan.lines().len(),
            started.elapsed()
        );
        assert_eq!(after.participants + 1, before.participants);
        let again = {
            let mut again = Standings::new(Arc::clone(&definition), TENANT, UnixMs(0));
            fold(&mut again, players, rounds);
            again.correct_until(&cut, &out);
            again.result()
        };
        assert_eq!(again, after, "as if computed from nothing");
    }
}
