//! The verifier finds every damage: rows dropped, doubled, flipped, swapped, of a stale writer,
//! and tails cut, in copies of a journal that is sound. Where the chain alone would tell, half of
//! the damages come with a chain that was made to fit again, so that the other checks are tried.
//!
//! `PALIO_FAULTS=10000 cargo test --release --test faults -- --nocapture` is the large run.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests may panic, and print what they did"
)]

#[path = "faults/versions.rs"]
mod versions;

use palio::storage::StoredRow;
use palio::storage::memory::Memory;
use palio_domain::journal::head::{CHAIN_START, link};
use palio_domain::journal::{Account, Head, Keys, RowKind, Stage};
use palio_domain::tournament::lifecycle::rollover::Carried;
use palio_domain::tournament::lifecycle::{Command as Ask, Event, Tournament};
use palio_domain::tournament::prizes::table::PrizeTable;
use palio_domain::tournament::schedule::ScheduleId;
use palio_domain::tournament::score::{ONE, Points};
use palio_domain::tournament::settle::{self, Settling};
use palio_domain::tournament::{Admission, Definition, EntryMode, Kind, Metric, Review, Standings};
use palio_domain::wallet::contest::Act;
use palio_domain::wallet::reported::{Correction, RoundReport, Sums};
use palio_domain::wallet::{BetRef, BetResult, Cell, Command, Found, Prepared, Terms};
use palio_domain::{
    Aggregate, Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, Slot, TenantId,
    TournamentId, UnixMs, WithdrawalId,
};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::sync::Arc;

const TENANT: TenantId = TenantId(1);

/// Three players of one slot, so that their rows stand between each other.
fn neighbours() -> (Slot, Vec<PlayerId>) {
    let slot = Aggregate::Player(PlayerId(1)).slot(TENANT);
    let same = |player: &PlayerId| Aggregate::Player(*player).slot(TENANT) == slot;
    (slot, (1..).map(PlayerId).filter(same).take(3).collect())
}

fn commands(player: u64, n: u64) -> Vec<(String, Command)> {
    let provider = ProviderId::parse("acme").unwrap();
    let (bet, round) = (format!("b{n}"), format!("r{n}"));
    let (currency, terms) = (Currency::EUR, Terms::default());
    let reference = BetRef {
        provider: provider.clone(),
        bet: BetId::parse(&bet).unwrap(),
        round: RoundId::parse(&round).unwrap(),
        game: GameId::parse("wheel").unwrap(),
    };
    let result = |payout, version| Command::SettleBets {
        provider: provider.clone(),
        round: reference.round.clone(),
        game: None,
        bets: vec![BetResult {
            bet: reference.bet.clone(),
            stake: None,
            payout: Amount(payout),
            outcome: None,
            version,
        }],
        currency: Some(currency),
        at: None,
        terms,
    };
    let place = Command::PlaceBet {
        bet: reference.clone(),
        stake: Amount(100 + i64::try_from(n).unwrap()),
        currency,
        at: None,
        free: None,
        feature: false,
        terms,
    };
    let roll_back =
        Command::Rollback { provider: provider.clone(), bet: reference.bet.clone(), round: None };
    let report = Act::Report(Box::new(RoundReport {
        bet: reference.clone(),
        stake: Amount(100),
        payout: Amount(40),
        currency,
        at: None,
        superseded: false,
        barred: false,
    }));
    let correct = |version, payout: Option<i64>| {
        Act::Correct(Box::new(Correction {
            provider: provider.clone(),
            bet: reference.bet.clone(),
            round: None,
            version,
            now: payout.map(|payout| Sums { stake: Amount(90), payout: Amount(payout) }),
            currency,
            at: None,
        }))
    };
    let act = |act: Act| Command::Contest(Box::new(act));
    let reported = [report, correct(Some(4), Some(50)), correct(Some(2), None)].map(act);
    let voided = [correct(None, None)].map(act);
    let all = match (n + player) % 6 {
        5 if n.is_multiple_of(2) => reported.into_iter().collect(),
        5 => voided.into_iter().chain(reported).collect(),
        0 => vec![Command::Deposit { amount: Amount(5_000), currency }],
        1 => vec![place, result(250, None)],
        2 => vec![place, roll_back],
        3 => vec![place, result(300, None), result(50, Some(2))],
        _ => vec![Command::AuthoriseWithdrawal {
            id: WithdrawalId::parse(&format!("w{n}")).unwrap(),
            amount: Amount(10),
            currency,
        }],
    };
    let named = |(at, command)| (format!("k{n}-{at}"), command);
    all.into_iter().enumerate().map(named).collect()
}

/// A sound journal of some hundred rows in batches.
fn journal() -> (Memory, Slot) {
    let (slot, players) = neighbours();
    let memory = Memory::new();
    let keys = Keys::new([1; 32]);
    let mut cells: BTreeMap<PlayerId, Cell> = players
        .iter()
        .map(|player| (*player, Cell::load(TENANT, *player, None, []).unwrap()))
        .collect();
    let mut clock = 1_000_000;
    // Two writers one after the other, so that there are two epochs.
    for owner in ["first", "second"] {
        let heads = memory.acquire_sync(owner, &[slot]);
        let mut stage = Stage::new(heads);
        for n in 0..30_u64 {
            let n = if owner == "first" { n } else { n + 100 };
            for (player, cell) in &mut cells {
                for (key, command) in commands(player.0 % 7, n) {
                    clock += 3;
                    let asked = Prepared::new(&keys, TENANT, *player, &key, command, None);
                    let now = UnixMs(clock);
                    cell.execute(&asked, &Found::default(), now, 0, &keys, &mut stage).unwrap();
                }
            }
            if n % 3 == 0 {
                let batch = stage.seal().unwrap();
                memory.append_sync(owner, &batch).unwrap();
            }
        }
        if let Some(batch) = stage.seal() {
            memory.append_sync(owner, &batch).unwrap();
        }
    }
    (memory, slot)
}

/// Makes the chain fit the rows again, as somebody who knows how it is made could.
fn relink(rows: &mut [StoredRow], head: &mut Head) {
    let mut chain = CHAIN_START;
    let mut open = 0;
    for at in 0..rows.len() {
        if rows[at].chain.is_some() {
            let part: Vec<_> = rows[open..=at].iter().map(|stored| stored.row.clone()).collect();
            chain = link(&chain, &part, &mut Vec::new());
            rows[at].chain = Some(chain);
            open = at + 1;
        }
    }
    head.chain = chain;
    head.next_seq = rows.last().map_or(1, |last| last.row.seq + 1);
}

/// Damages a copy; says how.
fn damage(rng: &mut StdRng, rows: &mut Vec<StoredRow>, head: &mut Head) -> String {
    let at = rng.random_range(0..rows.len());
    let relinked = rng.random_bool(0.5);
    let with_leg = |rows: &[StoredRow], from: usize| {
        (0..rows.len())
            .map(|step| (from + step) % rows.len())
            .find(|at| rows[*at].row.leg.is_some_and(|leg| leg.amount.0 > 0))
            .unwrap()
    };
    match rng.random_range(0..13) {
        0 => {
            rows.remove(at);
            format!("row {at} dropped")
        }
        1 => {
            let again = rows[at].clone();
            rows.insert(at, again);
            format!("row {at} doubled")
        }
        2 => {
            // Doubled, and numbered and linked as if it belonged there.
            let at = (0..rows.len())
                .map(|step| (at + step) % rows.len())
                .find(|at| rows[*at].row.request.is_some())
                .unwrap();
            let again = StoredRow { chain: None, ..rows[at].clone() };
            rows.insert(at, again);
            for (seq, stored) in (1..).zip(rows.iter_mut()) {
                stored.row.seq = seq;
            }
            relink(rows, head);
            format!("row {at} doubled and renumbered")
        }
        3 => {
            let other = (at + rng.random_range(1..rows.len())) % rows.len();
            rows.swap(at, other);
            format!("rows {at} and {other} swapped")
        }
        4 => {
            let other = (at + rng.random_range(1..rows.len())) % rows.len();
            let (a, b) = (rows[at].row.seq, rows[other].row.seq);
            rows.swap(at, other);
            (rows[at].row.seq, rows[other].row.seq) = (a, b);
            format!("the contents of rows {at} and {other} swapped")
        }
        5 => {
            let keep = rng.random_range(0..rows.len());
            rows.truncate(keep);
            format!("cut after {keep}")
        }
        6 => {
            // A stale writer's row after a newer one's, with a chain that fits.
            let last = rows.len() - 1;
            rows[last].row.epoch -= 1;
            relink(rows, head);
            "the last row is a stale writer's".to_owned()
        }
        7 => {
            let at = with_leg(rows, at);
            let by = rng.random_range(1..50);
            let leg = rows[at].row.leg.as_mut().unwrap();
            leg.amount = Amount(leg.amount.0 + by);
            if relinked {
                relink(rows, head);
            }
            format!("amount of row {at} raised, relinked: {relinked}")
        }
        8 => {
            let at = with_leg(rows, at);
            let leg = rows[at].row.leg.as_mut().unwrap();
            (leg.debit, leg.credit) = (leg.credit, leg.debit);
            if relinked {
                relink(rows, head);
            }
            format!("transfer of row {at} turned round, relinked: {relinked}")
        }
        9 => {
            let at = with_leg(rows, at);
            let balance = rows[at].row.balance_after.unwrap();
            rows[at].row.balance_after = Some(Amount(balance.0 - 1));
            if relinked {
                relink(rows, head);
            }
            format!("balance of row {at} lowered, relinked: {relinked}")
        }
        10 => {
            let at = with_leg(rows, at);
            rows[at].row.leg.as_mut().unwrap().credit = Account::Promo;
            if relinked {
                relink(rows, head);
            }
            format!("row {at} goes to promo, relinked: {relinked}")
        }
        11 => {
            // So that it can still be read, and nothing but its meaning tells.
            let (corrected, reported) = (RowKind::RoundCorrected, RowKind::RoundReported);
            let (of, what, with) = [
                (corrected, "\"p\":", "\"p\":1"),
                (corrected, "\"version\":", "\"version\":1"),
                (corrected, "\"b\":{\"s\":", "\"b\":{\"s\":1"),
                (corrected, "\"now\":null", "\"now\":{\"s\":1,\"p\":1}"),
                (reported, "\"payout\":4", "\"payout\":5"),
                (reported, "\"payout\":40}", "\"payout\":40,\"superseded\":true}"),
                (reported, ",\"superseded\":true", ""),
                (reported, "\"payout\":40}", "\"payout\":40,\"barred\":true}"),
            ][rng.random_range(0..8)];
            let text = |row: &StoredRow| String::from_utf8_lossy(&row.row.payload).into_owned();
            let at = (0..rows.len())
                .map(|step| (at + step) % rows.len())
                .find(|at| rows[*at].row.kind == of && text(&rows[*at]).contains(what))
                .unwrap();
            let other = text(&rows[at]).replacen(what, with, 1);
            rows[at].row.payload = other.into_bytes().into();
            relink(rows, head);
            format!("{what} of the reported round in row {at} changed and relinked")
        }
        _ => flip(rng, rows, at),
    }
}

/// One value of one column.
fn flip(rng: &mut StdRng, rows: &mut [StoredRow], at: usize) -> String {
    let row = &mut rows[at].row;
    let what = rng.random_range(0..12);
    match what {
        0 => row.time = UnixMs(row.time.0 + 1),
        1 => row.epoch += 1,
        2 => row.tenant = TenantId(2),
        3 => {
            row.kind =
                if row.kind == RowKind::WinPaid { RowKind::DebtRepaid } else { RowKind::WinPaid }
        }
        4 => row.kind_version += 1,
        5 => row.claim = Some([rng.random(); 16]),
        6 => row.bet = BetId::parse("other").ok(),
        7 => row.round = RoundId::parse("other").ok(),
        8 => row.aggregate = Aggregate::Player(PlayerId(999_999)),
        9 => {
            let mut payload = row.payload.to_vec();
            match payload.is_empty() {
                true => payload.push(b' '),
                false => {
                    let byte = rng.random_range(0..payload.len());
                    payload[byte] ^= 1;
                }
            }
            row.payload = payload.into();
        }
        10 => row.provider = ProviderId::parse("other").ok(),
        _ => match row.request.as_mut() {
            Some(request) => request.body_hash[rng.random_range(0..16)] ^= 1,
            None => row.game = GameId::parse("other").ok(),
        },
    }
    format!("column {what} of row {at} flipped")
}

#[tokio::test]
async fn every_damage_is_found() {
    let faults = std::env::var("PALIO_FAULTS").ok().and_then(|text| text.parse().ok());
    let faults: u64 = faults.unwrap_or(400);
    let (sound, slot) = journal();
    let report = palio::verify::run(&sound.storage()).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert!(report.rows > 250, "{} rows", report.rows);
    let started = std::time::Instant::now();
    for seed in 0..faults {
        let mut rng = StdRng::seed_from_u64(seed);
        let copy = sound.copy();
        let mut how = String::new();
        copy.tamper(slot, |rows, head| how = damage(&mut rng, rows, head));
        let report = palio::verify::run(&copy.storage()).await.unwrap();
        assert!(!report.is_clean(), "seed {seed}: not found: {how}");
    }
    println!("{faults} damages, all found, in {:?}", started.elapsed());
}

fn race(id: &str, starts: i64) -> Definition {
    let table = r#"{"currency":"EUR","policies":{"unspent":"rollover"},"pool":{"seed":"100.00"},
        "bands":[{"from":1,"prizes":[{"kind":"cash","percent":"100"}]}]}"#;
    let table: PrizeTable = serde_json::from_str(table).unwrap();
    Definition {
        id: TournamentId::parse(id).unwrap(),
        name: "Race".to_owned(),
        metric: Metric::Turnover,
        currency: Currency::EUR,
        starts: UnixMs(starts),
        ends: UnixMs(starts + 800),
        registration_opens: None,
        grace_ms: 0,
        rules: Metric::Turnover.rules(Points(ONE), Currency::EUR).unwrap(),
        tick_ms: 1_000,
        top_n: 10,
        entry: EntryMode::OptIn,
        prizes: Vec::new(),
        description: String::new(),
        kind: Kind::Leaderboard,
        admission: Admission::default(),
        table: Some(Box::new(table)),
        review: Review::default(),
        schedule: Some(ScheduleId::parse("race").unwrap()),
    }
}

/// Two races in which nobody plays: 100.00 goes from the first into the second, which would roll
/// 200.00 over. `steps`: 1 it is sent, 2 it is taken, 3 the first one knows that it is there.
fn rolled_over(steps: u32) -> Memory {
    let memory = Memory::new();
    let keys = Keys::new([1; 32]);
    let all: Vec<_> = Slot::all().collect();
    let mut stage = Stage::new(memory.acquire_sync("first", &all));
    let races = [race("one", 1_000), race("two", 2_000)];
    let mut homes: [Option<Tournament>; 2] = [None, None];
    let mut ask = |homes: &mut [Option<Tournament>; 2], at: usize, now: i64, act: Ask| {
        let event = Tournament::decide(homes[at].as_ref(), &act, UnixMs(now)).unwrap().unwrap();
        let row = stage.push(event.draft(TENANT, &races[at], &keys, None), UnixMs(now)).unwrap();
        match (&mut homes[at], Event::from_row(&row).unwrap()) {
            (home, Event::Created { definition }) => {
                *home = Some(Tournament::created(row.seq, *definition));
            }
            (Some(home), event) => home.apply(row.seq, row.time, &event),
            (None, _) => panic!(),
        }
        memory.append_sync("first", &stage.seal().unwrap()).unwrap();
    };
    let close = |homes: &[Option<Tournament>; 2], at: usize| {
        let seen = homes[at].as_ref().unwrap().seq;
        let fold = Standings::new(Arc::new(races[at].clone()), TENANT, UnixMs(500));
        Ask::Close { seen, cut: vec![0; 256], result: fold.result() }
    };
    let plan = |homes: &[Option<Tournament>; 2], at: usize| {
        let settling = Settling { finishers: Vec::new(), turnover: Amount::ZERO };
        let home = homes[at].as_ref().unwrap();
        let plan = settle::settle(&races[at], home.brought(), &settling).unwrap().unwrap();
        Ask::Plan { seen: home.seq, version: 1, plan: Box::new(plan) }
    };
    ask(&mut homes, 0, 500, Ask::Create(Box::new(races[0].clone())));
    ask(&mut homes, 1, 500, Ask::Create(Box::new(races[1].clone())));
    ask(&mut homes, 0, 1_000, Ask::Start);
    let ended = close(&homes, 0);
    ask(&mut homes, 0, 1_900, ended);
    let first = plan(&homes, 0);
    ask(&mut homes, 0, 1_900, first);
    let (from, to) = (races[0].id.clone(), races[1].id.clone());
    ask(&mut homes, 0, 1_900, Ask::Roll { version: 1, to: Some(to), instead_of: None });
    if steps == 1 {
        return memory;
    }
    let carried = Carried { from, version: 1, amount: Amount(10_000) };
    ask(&mut homes, 1, 1_900, Ask::CarryIn { carried, currency: Currency::EUR });
    if steps == 3 {
        ask(&mut homes, 0, 1_900, Ask::Arrive { version: 1 });
    }
    ask(&mut homes, 1, 2_000, Ask::Start);
    let ended = close(&homes, 1);
    ask(&mut homes, 1, 2_900, ended);
    let second = plan(&homes, 1);
    ask(&mut homes, 1, 2_900, second);
    assert_eq!(homes[1].as_ref().unwrap().rollover.waits(), Amount(20_000));
    memory
}

/// A sum on its way from one pool to the next: changed, dropped, taken twice or by another.
#[tokio::test]
async fn a_sum_that_is_carried_is_followed() {
    type Change = fn(&mut Vec<StoredRow>, usize);
    let drop_it: Change = |rows, at| drop(rows.remove(at));
    let double: Change = |rows, at| {
        let mut again = StoredRow { chain: None, ..rows[at].clone() };
        again.row.claim = Some([7; 16]);
        rows.insert(at, again);
    };
    let more: Change = |rows, at| rows[at].row.leg.as_mut().unwrap().amount = Amount(10_001);
    let less: Change = |rows, at| rows[at].row.leg.as_mut().unwrap().amount = Amount(9_999);
    let to_promotions: Change =
        |rows, at| rows[at].row.leg.as_mut().unwrap().credit = Account::Promo;
    let no_money: Change = |rows, at| rows[at].row.leg = None;
    let elsewhere: Change = |rows, at| {
        let payload = String::from_utf8(rows[at].row.payload.to_vec()).unwrap();
        let other = payload.replace("two", "six").replace("one", "six");
        assert_ne!(payload, other);
        rows[at].row.payload = other.into_bytes().into();
    };
    let later: Change = |rows, at| {
        let payload = String::from_utf8(rows[at].row.payload.to_vec()).unwrap();
        rows[at].row.payload = payload.replace(":1", ":2").into_bytes().into();
    };
    let (sent, taken) = (RowKind::RolledOver, RowKind::CarriedIn);
    let arrived = RowKind::RolloverArrived;
    let cases: [(&str, RowKind, Change); 18] = [
        ("dropped", sent, drop_it),
        ("dropped", taken, drop_it),
        ("doubled", sent, double),
        ("doubled", taken, double),
        ("doubled", arrived, double),
        ("raised", sent, more),
        ("raised", taken, more),
        ("lowered", sent, less),
        ("lowered", taken, less),
        ("to promotions", sent, to_promotions),
        ("to promotions", taken, to_promotions),
        ("without its money", sent, no_money),
        ("without its money", taken, no_money),
        ("of another", sent, elsewhere),
        ("of another", taken, elsewhere),
        ("of another version", sent, later),
        ("of another version", taken, later),
        ("of another version", arrived, later),
    ];
    for (steps, in_flight) in [(1, 1), (2, 0), (3, 0)] {
        let report = palio::verify::run(&rolled_over(steps).storage()).await.unwrap();
        assert!(report.is_clean(), "{report:#?}");
        assert_eq!(report.in_flight, in_flight);
    }
    let sound = rolled_over(3);
    for (how, kind, change) in cases {
        let copy = sound.copy();
        let mut is_met = false;
        for slot in Slot::all() {
            copy.tamper(slot, |rows, head| {
                let Some(at) = rows.iter().position(|stored| stored.row.kind == kind) else {
                    return;
                };
                is_met = true;
                change(rows, at);
                // The last row of a batch has its link: each row here is one.
                for (seq, stored) in (1..).zip(rows.iter_mut()) {
                    stored.row.seq = seq;
                }
                relink(rows, head);
            });
        }
        assert!(is_met, "{how}");
        let report = palio::verify::run(&copy.storage()).await.unwrap();
        let outside = ["chain", "gapless", "head", "keys"];
        let found = report.differences.iter().any(|found| !outside.contains(&found.check));
        assert!(found, "{} {how}: {report:#?}", kind.name());
    }
}
