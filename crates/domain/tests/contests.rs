//! Seeded logs of whole contests through real wallets: whatever the order, the repetition and the
//! crashes, the standings, the plan and every wallet are the same, and Σ paid = pool
//! (tournament-rules.md L2–L5, P2). What an earlier contest rolled over is in the pool, and what
//! nobody wins waits for the next one (P4).
//!
//! `PALIO_CONTEST_LOGS=10000` plays that many; `PALIO_CONTEST_SEED` begins elsewhere.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

use palio_domain::ids::Slot;
use palio_domain::journal::{Account, Head, Keys, Row, Stage};
use palio_domain::tournament::lifecycle::Payout;
use palio_domain::tournament::lifecycle::payout::InPool;
use palio_domain::tournament::lifecycle::rollover;
use palio_domain::tournament::prizes::table::{Correction, PrizeTable};
use palio_domain::tournament::schedule::ScheduleId;
use palio_domain::tournament::settle::{self, Brought, Seats, Settling};
use palio_domain::tournament::{
    Admission, Definition, EntryMode, Kind, Metric, Price, Reentry, Review, Rules, Standings,
};
use palio_domain::wallet::contest::{Act, Award, Eligibility};
use palio_domain::wallet::{BetRef, BetResult, Cell, Command, Outcome, Prepared};
use palio_domain::{
    Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, TenantId, TournamentId, UnixMs,
};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const TENANT: TenantId = TenantId(1);
const EUR: Currency = Currency::EUR;
const STARTS: i64 = 10_000;
const ENDS: i64 = 20_000;
const GRACE: i64 = 1_000;

fn size(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

const TEMPLATES: [&str; 6] = [
    r#"{"score":{"terms":[{"of":"stake"}],"count":"all","decimals":2}}"#,
    r#"{"score":{"terms":[{"of":"ratio"}],"count":{"best":[{"best":3}]}},"rank":"shared","ties":[]}"#,
    r#"{"score":{"terms":[{"of":"profit"}],"count":"all"},"ties":["fewerRounds","reached"]}"#,
    r#"{"score":{"terms":[{"of":"round"}],"count":"all"},"rank":"dense","ties":[]}"#,
    r#"{"score":{"terms":[{"of":"stake"}],"count":{"first":4}},"ties":["bestRound"]}"#,
    r#"{"score":{"terms":[{"of":"payout"}],"streaks":[{"when":{"won":true},"length":2,"points":"5","run":"each"}]}}"#,
];

/// A log: the contest, its rows slot by slot, and the wallets after them.
struct Log {
    definition: Arc<Definition>,
    seats: BTreeMap<PlayerId, Seats>,
    carried_in: Amount,
    rows: Vec<Arc<Row>>,
    cells: BTreeMap<PlayerId, Cell>,
    heads: Vec<Head>,
}

struct Play<'a> {
    stage: &'a mut Stage,
    cells: &'a mut BTreeMap<PlayerId, Cell>,
    keys: &'a Keys,
}

impl Play<'_> {
    /// Whether the command was carried out; everything is known here, nothing is looked up.
    fn run(&mut self, player: PlayerId, key: &str, time: i64, command: Command) -> bool {
        let cell = self
            .cells
            .entry(player)
            .or_insert_with(|| Cell::load(TENANT, player, None, []).unwrap());
        let asked = Prepared::new(self.keys, TENANT, player, key, command, None);
        let found = Default::default();
        let answer = cell.execute(&asked, &found, UnixMs(time), 0, self.keys, self.stage).unwrap();
        matches!(answer, palio_domain::wallet::Answer::Done(_))
    }
}

fn definition(random: &mut StdRng) -> Definition {
    let rules: Rules =
        serde_json::from_str(TEMPLATES[random.random_range(0..TEMPLATES.len())]).unwrap();
    let unspent = ["respread", "rollover", "return"][random.random_range(0..3)];
    let cap = if random.random() { r#""cap":"20.00","# } else { "" };
    let table = r#"{"currency":"EUR","policies":{"unspent":"#.to_owned()
        + &format!(r#""{unspent}","correction":"clawBack"}},"pool":{{{cap}"#)
        + r#""guarantee":"10.00","buyIns":{"feePerEntry":"0.37"}},
        "bands":[{"from":1,"prizes":[{"kind":"cash","percent":"51.3"}]},
                 {"from":2,"prizes":[{"kind":"cash","percent":"31.1"}]},
                 {"from":3,"to":4,"prizes":[{"kind":"cash","percent":"8.8"}]}]}"#;
    let table: PrizeTable = serde_json::from_str(&table).unwrap();
    let definition = Definition {
        id: TournamentId::parse("contest").unwrap(),
        name: "Contest".to_owned(),
        metric: Metric::Custom,
        currency: EUR,
        starts: UnixMs(STARTS),
        ends: UnixMs(ENDS),
        registration_opens: None,
        grace_ms: GRACE,
        rules,
        tick_ms: 1_000,
        top_n: 10,
        entry: EntryMode::OptIn,
        prizes: Vec::new(),
        description: String::new(),
        kind: Kind::Leaderboard,
        admission: Admission {
            price: Some(Price { amount: Amount(313), fee: Amount(37) }),
            reentries_max: 2,
            reentry: if random.random() { Reentry::Best } else { Reentry::Sum },
            ..Admission::default()
        },
        table: Some(Box::new(table)),
        review: Review::default(),
        schedule: Some(ScheduleId::parse("contest").unwrap()),
    };
    definition.validate().unwrap();
    definition
}

fn provider() -> ProviderId {
    ProviderId::parse("acme").unwrap()
}

fn log(seed: u64, keys: &Keys) -> Log {
    let random = &mut StdRng::seed_from_u64(seed);
    let definition = Arc::new(definition(random));
    let heads: Vec<_> = Slot::all().map(|s| Head { epoch: 1, ..Head::empty(s) }).collect();
    let mut stage = Stage::new(heads.clone());
    let (mut cells, mut seats) = (BTreeMap::new(), BTreeMap::<PlayerId, Seats>::new());
    let mut play = Play { stage: &mut stage, cells: &mut cells, keys };
    let players: Vec<_> =
        (0..random.random_range(1..8)).map(|_| PlayerId(random.random())).collect();
    for player in &players {
        let command = Command::Deposit { amount: Amount(1_000_000), currency: EUR };
        play.run(*player, "funds", 1, command);
    }
    let mut time = STARTS - 2_000;
    let mut bets: Vec<(PlayerId, String, i64, i64)> = Vec::new();
    for step in 0..random.random_range(10..60) {
        time += random.random_range(0..500);
        let player = players[random.random_range(0..players.len())];
        match random.random_range(0..10) {
            0 | 1 => {
                let tournament = definition.id.clone();
                let hold = Act::Hold {
                    tournament: tournament.clone(),
                    price: Amount(350),
                    fee: Amount(37),
                    currency: EUR,
                    ends: definition.ends,
                    entries_max: 3,
                    who: Box::new(Eligibility::default()),
                    external: false,
                };
                let held = Command::Contest(Box::new(hold));
                if time < ENDS && play.run(player, &format!("hold {step}"), time, held) {
                    let seat = Command::Contest(Box::new(Act::TakeSeat { tournament }));
                    assert!(play.run(player, &format!("seat {step}"), time, seat));
                    seats.entry(player).or_default().entries += 1;
                }
            }
            // A correction, perhaps late; a void now and then.
            2 | 3 if !bets.is_empty() => {
                let at = random.random_range(0..bets.len());
                let (player, bet, stake, version) = &mut bets[at];
                *version += 1;
                let void = random.random_range(0..3) == 0;
                let payout = if void { *stake } else { random.random_range(0..3_000) };
                let result = BetResult {
                    bet: BetId::parse(bet).unwrap(),
                    stake: None,
                    payout: Amount(payout),
                    outcome: void.then_some(Outcome::Void),
                    version: Some(u32::try_from(*version).unwrap()),
                };
                let command = Command::SettleBets {
                    provider: provider(),
                    round: RoundId::parse(bet).unwrap(),
                    game: None,
                    bets: vec![result],
                    currency: Some(EUR),
                    at: None,
                    terms: Default::default(),
                };
                // Only the wallet's memory is asked: what it has forgotten is not corrected.
                if !play.run(*player, &format!("amend {step}"), time, command) {
                    *version -= 1;
                }
            }
            _ => {
                let bet = format!("b{step}");
                let (stake, payout) =
                    (random.random_range(1..2_000), random.random_range(0..4_000));
                let command = Command::Play {
                    bet: BetRef {
                        provider: provider(),
                        bet: BetId::parse(&bet).unwrap(),
                        round: RoundId::parse(&bet).unwrap(),
                        game: GameId::parse("wheel").unwrap(),
                    },
                    stake: Amount(stake),
                    payout: Amount(payout),
                    currency: EUR,
                    at: None,
                    feature: false,
                    terms: Default::default(),
                };
                if play.run(player, &bet, time, command) {
                    bets.push((player, bet, stake, 1));
                }
            }
        }
    }
    let batch = stage.seal().unwrap();
    let moved: BTreeMap<_, _> = batch.moves.iter().map(|moved| (moved.slot, moved)).collect();
    let heads = heads.into_iter().map(|head| match moved.get(&head.slot) {
        Some(moved) => Head { next_seq: moved.next_seq, ..head },
        None => head,
    });
    let carried_in = Amount(if random.random() { random.random_range(1..3_000) } else { 0 });
    Log { definition, seats, carried_in, heads: heads.collect(), rows: batch.rows, cells }
}

/// The same rows in another order between slots, each up to three times, with the fold saved and
/// restored on the way.
fn fold(log: &Log, random: &mut StdRng) -> Standings {
    let mut slots: BTreeMap<Slot, Vec<Arc<Row>>> = BTreeMap::new();
    for row in &log.rows {
        slots.entry(row.slot).or_default().push(Arc::clone(row));
    }
    let mut queues: Vec<_> = slots.into_values().map(|rows| (0_usize, rows)).collect();
    let mut standings = Standings::new(Arc::clone(&log.definition), TENANT, UnixMs(0));
    while !queues.is_empty() {
        let at = random.random_range(0..queues.len());
        let (next, rows) = &mut queues[at];
        // Again from somewhere before, as after a crash.
        let from = next.saturating_sub(random.random_range(0..3));
        let until = (*next + random.random_range(1..4)).min(rows.len());
        for row in &rows[from..until] {
            standings.apply(row).unwrap();
        }
        *next = until;
        if *next == rows.len() {
            queues.swap_remove(at);
        }
        if random.random_range(0..6) == 0 {
            let saved = standings.save();
            standings = Standings::restore(Arc::clone(&log.definition), TENANT, &saved).unwrap();
        }
    }
    standings
}

/// Carries out every order in some order, some of them again and again; Σ paid and the wallets.
fn pay(log: &Log, payout: &Payout, keys: &Keys, random: &mut StdRng) -> (i64, String) {
    let mut stage = Stage::new(log.heads.clone());
    let mut cells = log.cells.clone();
    let mut orders: Vec<_> = payout.orders().flat_map(|order| [order; 3]).collect();
    orders.shuffle(random);
    let mut paid = 0;
    for (turn, ((version, line), order)) in orders.into_iter().enumerate() {
        let (what, quantity) = (order.what.clone(), order.quantity);
        let tournament = log.definition.id.clone();
        let award = Award { tournament, version, line, what, quantity, currency: order.currency };
        let act = Act::Pay { award: Box::new(award), rounds: None };
        let command = Command::Contest(Box::new(act));
        let mut play = Play { stage: &mut stage, cells: &mut cells, keys };
        // Another key each time: what keeps it from being paid twice is the prize's own claim.
        if play.run(order.player, &format!("pay {turn}"), ENDS + 10_000, command) {
            paid += quantity;
        }
    }
    let wallets: BTreeMap<_, _> =
        cells.iter().map(|(player, cell)| (player.0, cell.wallet().accounts.clone())).collect();
    let moved = stage.seal().map_or_else(Vec::new, |batch| batch.rows.clone());
    let legs = moved.iter().filter_map(|row| row.leg);
    let out: i64 = legs.filter(|leg| leg.debit == Account::Pool).map(|leg| leg.amount.0).sum();
    assert_eq!(out, paid, "each order once, whatever is repeated");
    (paid, serde_json::to_string(&wallets).unwrap())
}

#[test]
fn contests_are_the_same_in_any_order() {
    let (runs, first) = (size("PALIO_CONTEST_LOGS", 150), size("PALIO_CONTEST_SEED", 1));
    let keys = Keys::new([3; 32]);
    let (mut rows, mut late, mut paid_in_all, mut rolled) = (0, 0, 0_i64, 0_i64);
    for seed in first..first + runs {
        let log = log(seed, &keys);
        rows += log.rows.len();
        let random = &mut StdRng::seed_from_u64(seed ^ 0x5eed);
        let mut seen = BTreeSet::new();
        let mut wallets = BTreeSet::new();
        for _ in 0..3 {
            let mut standings = fold(&log, random);
            let brought = Brought { seats: &log.seats, carried_in: log.carried_in };
            let settling = Settling {
                finishers: standings.finishers(&BTreeSet::new()),
                turnover: standings.turnover(),
            };
            let plan = settle::settle(&log.definition, brought, &settling).unwrap().unwrap();
            let entries: u32 = log.seats.values().map(|seats| seats.entries).sum();
            let net = Amount(i64::from(entries) * 313 + log.carried_in.0);
            let pool = net.0.max(1_000);
            let worth: i64 = plan.lines().iter().map(|line| line.value.0).sum();
            let left: i64 = plan.remainders().iter().map(|left| left.value.0).sum();
            assert_eq!(worth + left, pool, "seed {seed}");
            let waits = rollover::of_plan(&plan);
            rolled += waits.0;
            let (currency, came_in) = (EUR, net);
            let in_pool = InPool { currency, came_in, waits: Amount::ZERO, will_wait: waits };
            let next = Payout::default().next(&plan, Correction::ClawBack, in_pool).unwrap();
            let moved = next.leg.map_or(0, |leg| {
                if leg.credit == Account::Pool { leg.amount.0 } else { -leg.amount.0 }
            });
            assert_eq!(net.0 + moved, worth + waits.0, "seed {seed}: the pool keeps what waits");
            let mut payout = Payout::default();
            payout.plans.push(plan.clone());
            let orders = next.orders.clone();
            let batch = palio_domain::tournament::lifecycle::Batch { version: 1, orders };
            payout.batches.push(batch);
            let (paid, after) = pay(&log, &payout, &keys, random);
            assert_eq!(paid, worth, "seed {seed}: Σ paid is what was planned");
            paid_in_all += paid;
            let hash = hex(&standings.hash());
            late += standings.waiting();
            let whole = standings.positions().to_vec();
            standings.correct_until(&whole, &BTreeSet::new());
            assert_eq!(standings.waiting(), 0);
            let again = hex(&standings.hash());
            seen.insert((hash, again, standings.turnover(), serde_json::to_string(&plan).unwrap()));
            wallets.insert(after);
        }
        assert_eq!((seen.len(), wallets.len()), (1, 1), "seed {seed}");
    }
    assert!(late > 0 && paid_in_all > 0 && rolled > 0);
    println!(
        "{runs} logs of {rows} rows: {late} late corrections, {paid_in_all} minor units paid, \
         {rolled} rolled over"
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
