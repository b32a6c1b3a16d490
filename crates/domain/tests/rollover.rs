//! What nobody wins, on its way into the next tournament's pool (tournament-rules.md, P4): cases,
//! and seeded seasons whose steps are repeated, asked for too late, and cut off between any two.
//!
//! `PALIO_ROLLOVER_SEASONS=20000` plays that many; `PALIO_ROLLOVER_SEED` begins elsewhere.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test")]

use palio_domain::ids::Slot;
use palio_domain::journal::{Account, Head, Keys, Row, Stage};
use palio_domain::tournament::lifecycle::rollover::{self, Carried, Next};
use palio_domain::tournament::lifecycle::{Command, Event, Refusal, Tournament};
use palio_domain::tournament::prizes::table::PrizeTable;
use palio_domain::tournament::prizes::{Finish, Status, What};
use palio_domain::tournament::schedule::ScheduleId;
use palio_domain::tournament::settle::{self, Settling};
use palio_domain::tournament::{
    Admission, Definition, EntryMode, FinalResult, Kind, Metric, Price, Review, score::ONE,
    score::Points,
};
use palio_domain::{Amount, Currency, PlayerId, TenantId, TournamentId, UnixMs};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const TENANT: TenantId = TenantId(1);
const EUR: Currency = Currency::EUR;
/// From one start to the next, and how long each runs.
const EVERY: i64 = 1_000;
const RUNS: i64 = 800;

fn size(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn id(n: usize) -> TournamentId {
    TournamentId::parse(&format!("race-{n:03}")).unwrap()
}

/// The n-th race: 100.00 from the operator, entries at 3.00 + 0.40, prizes 50, 30 and 20 %.
fn race(n: usize, pool: &str, policies: &str) -> Definition {
    let shares = [50, 30, 20].map(|share| share.to_string());
    let bands = (1..).zip(&shares).map(|(place, share)| {
        format!(r#"{{"from":{place},"prizes":[{{"kind":"cash","percent":"{share}"}}]}}"#)
    });
    let bands = bands.collect::<Vec<_>>().join(",");
    let table = format!(
        r#"{{"currency":"EUR","policies":{{"unspent":"rollover","correction":"clawBack"{policies}}},
            "pool":{{"seed":"100.00","buyIns":{{"feePerEntry":"0.40"}}{pool}}},"bands":[{bands}]}}"#
    );
    let table: PrizeTable = serde_json::from_str(&table).unwrap();
    let starts = EVERY * (i64::try_from(n).unwrap() + 1);
    let definition = Definition {
        id: id(n),
        name: "Race".to_owned(),
        metric: Metric::Turnover,
        currency: EUR,
        starts: UnixMs(starts),
        ends: UnixMs(starts + RUNS),
        registration_opens: None,
        grace_ms: 100,
        rules: Metric::Turnover.rules(Points(ONE), EUR).unwrap(),
        tick_ms: 1_000,
        top_n: 10,
        entry: EntryMode::OptIn,
        prizes: Vec::new(),
        description: String::new(),
        kind: Kind::Leaderboard,
        admission: Admission {
            price: Some(Price { amount: Amount(300), fee: Amount(40) }),
            ..Admission::default()
        },
        table: Some(Box::new(table)),
        review: Review::default(),
        schedule: Some(ScheduleId::parse("race").unwrap()),
    };
    definition.validate().unwrap();
    definition
}

/// Homes, and the journal that they are folds of.
struct World {
    homes: Vec<Option<Tournament>>,
    rows: Vec<Arc<Row>>,
    /// What legs have brought into each account, by home.
    sums: BTreeMap<(usize, Account), i64>,
    stage: Stage,
    keys: Keys,
    now: i64,
}

impl World {
    fn new() -> Self {
        let heads = Slot::all().map(|slot| Head { epoch: 1, ..Head::empty(slot) });
        let (homes, rows, sums) = (Vec::new(), Vec::new(), BTreeMap::new());
        let keys = Keys::new([3; 32]);
        Self { homes, rows, sums, stage: Stage::new(heads), keys, now: 0 }
    }

    /// Decided, journalled, read back and folded in; whether there is a row.
    fn ask(&mut self, n: usize, command: &Command) -> Result<bool, Refusal> {
        if self.homes.len() <= n {
            self.homes.resize(n + 1, None);
        }
        let home = &mut self.homes[n];
        let now = UnixMs(self.now);
        let Some(event) = Tournament::decide(home.as_ref(), command, now)? else {
            return Ok(false);
        };
        let definition = match (&event, &home) {
            (Event::Created { definition }, _) => (**definition).clone(),
            (_, home) => home.as_ref().unwrap().definition.clone(),
        };
        let draft = event.draft(TENANT, &definition, &self.keys, None);
        let row = self.stage.push(draft, now).unwrap();
        fold(home, &row);
        if let Some(leg) = row.leg {
            *self.sums.entry((n, leg.debit)).or_default() -= leg.amount.0;
            *self.sums.entry((n, leg.credit)).or_default() += leg.amount.0;
        }
        self.rows.push(row);
        Ok(true)
    }

    fn announce(&mut self, n: usize, definition: Definition) {
        self.ask(n, &Command::Create(Box::new(definition))).unwrap();
    }

    fn home(&self, n: usize) -> &Tournament {
        self.homes[n].as_ref().unwrap()
    }

    fn start(&mut self, n: usize) {
        self.now = self.now.max(self.home(n).definition.starts.0);
        self.ask(n, &Command::Start).unwrap();
    }

    fn close(&mut self, n: usize) {
        self.now = self.now.max(self.home(n).definition.ends.0 + 101);
        let seen = self.home(n).seq;
        let command = Command::Close { seen, cut: vec![0; 256], result: result() };
        self.ask(n, &command).unwrap();
    }

    /// Fixes who gets what, where the first `winners` players are ranked.
    fn plan(&mut self, n: usize, winners: u32) {
        let home = self.home(n);
        let version = home.versions;
        let finish = |place: u32| Finish {
            player: PlayerId(u64::from(place)),
            rank: place,
            group: place,
            order: 0,
            status: Status::Eligible,
        };
        let finishers = (1..=winners).map(finish).collect();
        let settling = Settling { finishers, turnover: Amount::ZERO };
        let plan = settle::settle(&home.definition, home.brought(), &settling).unwrap().unwrap();
        let command = Command::Plan { seen: home.seq, version, plan: Box::new(plan) };
        assert_eq!(self.ask(n, &command), Ok(true));
    }

    fn revise(&mut self, n: usize) {
        let (reason, author) = ("a round was voided".to_owned(), "anna".to_owned());
        let (seen, cut) = (self.home(n).seq, vec![0; 256]);
        let command = Command::Revise { seen, cut, result: result(), reason, author };
        self.ask(n, &command).unwrap();
    }

    /// What legs have brought into a home's pool.
    fn pool(&self, n: usize) -> i64 {
        self.legs(n, Account::Pool)
    }

    fn legs(&self, n: usize, account: Account) -> i64 {
        self.sums.get(&(n, account)).copied().unwrap_or(0)
    }

    /// The pool has what its orders need and what waits, buy-ins counted in.
    fn check(&self, n: usize) {
        let home = self.home(n);
        let orders: i64 = home
            .payout
            .orders()
            .map(|(_, order)| {
                let cash = if order.what == (What::Cash {}) { order.quantity } else { 0 };
                if order.back { -cash } else { cash }
            })
            .sum();
        let there = self.pool(n) + home.paid_in().0;
        let waits = home.rollover.waits().0;
        let expected = if !home.payout.plans.is_empty() {
            orders + waits
        } else if home.is_cancelled() {
            home.paid_in().0 + waits
        } else {
            home.paid_in().0 + home.rollover.carried_in().0
        };
        assert_eq!(there, expected, "{home:#?}");
    }
}

fn result() -> FinalResult {
    let (standings_hash, rows) = ("-".to_owned(), Vec::new());
    FinalResult { standings_hash, participants: 0, rows, turnover: Amount::ZERO }
}

fn fold(home: &mut Option<Tournament>, row: &Row) {
    match (home.as_mut(), Event::from_row(row).unwrap()) {
        (_, Event::Created { definition }) => {
            *home = Some(Tournament::created(row.seq, *definition));
        }
        (Some(home), event) => home.apply(row.seq, row.time, &event),
        (None, event) => panic!("{event:?} before its announcement"),
    }
}

fn roll(version: u32, to: Option<usize>, instead_of: Option<usize>) -> Command {
    Command::Roll { version, to: to.map(id), instead_of: instead_of.map(id) }
}

fn carry(from: usize, version: u32, amount: i64) -> Command {
    let carried = Carried { from: id(from), version, amount: Amount(amount) };
    Command::CarryIn { carried, currency: EUR }
}

/// A world in which race 0 is planned with so many winners, and race 1 is announced.
fn planned(winners: u32) -> World {
    let mut world = World::new();
    world.announce(0, race(0, "", ""));
    world.announce(1, race(1, "", ""));
    world.start(0);
    world.close(0);
    world.plan(0, winners);
    world
}

#[test]
fn what_nobody_wins_waits() {
    // (winners, rolled over)
    for (winners, waits) in [(0, 10_000), (1, 5_000), (2, 2_000), (3, 0), (7, 0)] {
        let world = planned(winners);
        assert_eq!(world.home(0).rollover.waits(), Amount(waits), "{winners} winners");
        assert_eq!(world.legs(0, Account::Promo), -10_000, "{winners}: the seed, and no more");
        world.check(0);
        let is_settled = world.home(0).rollover.is_settled();
        assert_eq!(is_settled, waits == 0);
    }
    // Nowhere to go: no schedule, or no pool that the next one could have.
    let alone = Definition { schedule: None, ..race(0, "", "") };
    let mut world = World::new();
    world.announce(0, alone);
    world.start(0);
    world.close(0);
    world.plan(0, 1);
    assert_eq!(world.home(0).rollover.waits(), Amount::ZERO);
    assert_eq!(world.legs(0, Account::Promo), -5_000, "the rest is returned");
    world.check(0);
}

#[test]
fn what_was_given_away_stays() {
    // (winners, sent before the correction, winners then, waits then, paid by promotions in all)
    let rows = [
        (1, false, 2, 2_000, 10_000),
        (2, false, 1, 5_000, 10_000),
        (1, false, 3, 0, 10_000),
        (1, true, 1, 0, 10_000),
        (1, true, 2, 0, 13_000),
        (1, true, 3, 0, 15_000),
        (2, true, 1, 3_000, 10_000),
        (0, true, 0, 0, 10_000),
    ];
    for (winners, is_sent, then, waits, promo) in rows {
        let what = format!("{winners} winners, then {then}, sent: {is_sent}");
        let mut world = planned(winners);
        if is_sent {
            assert_eq!(world.ask(0, &roll(1, Some(1), None)), Ok(true), "{what}");
            let amount = world.home(0).rollover.sent[0].amount.0;
            assert_eq!(world.ask(1, &carry(0, 1, amount)), Ok(true), "{what}");
            assert_eq!(world.ask(0, &Command::Arrive { version: 1 }), Ok(true), "{what}");
        }
        world.revise(0);
        world.plan(0, then);
        world.check(0);
        assert_eq!(world.home(0).rollover.waits(), Amount(waits), "{what}");
        assert_eq!(-world.legs(0, Account::Promo), promo, "{what}");
        let carried = world.home(1).rollover.carried_in();
        assert_eq!(carried, world.home(0).rollover.left(), "{what}: stays where it is");
    }
}

#[test]
fn each_step_once() {
    let mut world = planned(1);
    let (no_line, wrong) = (Err(Refusal::NoSuchLine), Err(Refusal::WrongState));
    let (over, nothing) = (Err(Refusal::AlreadyEnded), Err(Refusal::TakesNothing));
    world.announce(2, race(2, "", ""));
    let dollar = Currency::parse("USD").unwrap();
    let dollars = Definition { currency: dollar, ..race(3, "", "") };
    let table = dollars.table.clone().unwrap();
    let table = Some(Box::new(PrizeTable { currency: dollar, ..*table }));
    world.announce(3, Definition { table, ..dollars });
    let bare = Definition { table: None, admission: Admission::default(), ..race(4, "", "") };
    world.announce(4, bare);
    let arrive = Command::Arrive { version: 1 };
    // (whose home, what is asked, what comes of it)
    let steps = [
        (0, roll(7, Some(1), None), no_line.clone()),
        (0, arrive.clone(), no_line),
        (0, roll(1, Some(0), None), wrong.clone()),
        (0, roll(1, Some(1), None), Ok(true)),
        (0, roll(1, Some(1), None), Ok(false)),
        // Not another one, unless the first has refused.
        (0, roll(1, Some(2), None), wrong.clone()),
        (0, roll(1, None, None), wrong.clone()),
        (3, carry(0, 1, 5_000), nothing.clone()),
        (4, carry(0, 1, 5_000), nothing.clone()),
        (1, carry(1, 1, 5_000), nothing.clone()),
        (1, carry(0, 1, 0), nothing),
        (1, Command::Cancel { reason: "rain".to_owned() }, Ok(true)),
        (1, carry(0, 1, 5_000), over.clone()),
        (0, roll(1, Some(2), Some(1)), Ok(true)),
        (0, roll(1, Some(2), Some(1)), Ok(false)),
        (2, carry(0, 1, 5_000), Ok(true)),
        (2, carry(0, 1, 5_000), Ok(false)),
        (2, carry(0, 1, 4_000), wrong.clone()),
        (0, arrive.clone(), Ok(true)),
        (0, arrive.clone(), Ok(false)),
        (0, roll(1, None, Some(2)), wrong.clone()),
        // Called off: what came in goes on.
        (2, Command::Cancel { reason: "rain".to_owned() }, Ok(true)),
        (2, roll(0, None, None), Ok(true)),
        (2, roll(0, None, None), Ok(false)),
        (2, Command::Arrive { version: 0 }, wrong),
        (2, carry(0, 1, 5_000), Ok(false)),
        (2, carry(0, 2, 100), over),
    ];
    for (n, (whose, command, expected)) in steps.into_iter().enumerate() {
        assert_eq!(world.ask(whose, &command), expected, "step {n}: {command:?}");
        world.check(whose);
    }
    assert_eq!(world.home(2).rollover.left(), Amount(5_000));
    assert!((0..3).all(|n| world.home(n).rollover.is_settled()));
    assert_eq!(world.legs(0, Account::Transit) + world.legs(2, Account::Transit), 0);
}

#[test]
fn the_next_one_is_the_first_that_can_take_it() {
    let mut world = planned(1);
    for n in 2..6 {
        world.announce(n, race(n, "", ""));
    }
    let other = ScheduleId::parse("other").unwrap();
    world.announce(6, Definition { schedule: Some(other), ..race(6, "", "") });
    world.ask(1, &Command::Cancel { reason: String::new() }).unwrap();
    let next = |world: &World, goes_on| {
        let others = world.homes.iter().flatten();
        rollover::next(world.home(0), others, goes_on, UnixMs(world.now))
    };
    assert_eq!(next(&world, true), Next::To(id(2)));
    world.start(2);
    assert_eq!(next(&world, true), Next::To(id(2)), "it runs");
    world.now = world.home(2).definition.ends.0;
    assert_eq!(next(&world, true), Next::To(id(3)), "it is over, though not closed");
    for n in 3..6 {
        world.ask(n, &Command::Cancel { reason: String::new() }).unwrap();
    }
    assert_eq!(next(&world, true), Next::Wait);
    assert_eq!(next(&world, false), Next::Return, "the other schedule's is not its");
}

/// What is carried in is nobody's refund, and goes on (P6).
#[test]
fn a_race_that_is_called_off_refunds_its_players_only() {
    for started in [false, true] {
        let mut world = planned(0);
        world.ask(0, &roll(1, Some(1), None)).unwrap();
        world.ask(1, &carry(0, 1, 10_000)).unwrap();
        for player in 1..=2 {
            let seat = Command::Seat { player: PlayerId(player), entry: 1, ticket: false };
            world.ask(1, &seat).unwrap();
        }
        if started {
            world.start(1);
        }
        world.ask(1, &Command::Cancel { reason: String::new() }).unwrap();
        let home = world.home(1);
        let plan = settle::call_off(&home.definition, &home.seats, None).unwrap().unwrap();
        let refunds: i64 = plan.lines().iter().map(|line| line.value.0).sum();
        assert_eq!(refunds, 680, "entries and fees");
        let seen = home.seq;
        let command = Command::Plan { seen, version: 1, plan: Box::new(plan) };
        assert_eq!(world.ask(1, &command), Ok(true));
        world.check(1);
        assert_eq!(world.home(1).rollover.waits(), Amount(10_000));
        assert_eq!(world.legs(1, Account::House), -80, "the fees were the house's");
    }
}

/// One season: races are announced, played, corrected, called off; sums are carried by somebody
/// who sees an old state, hears no answer, and dies between any two steps.
struct Season {
    world: World,
    seen: Vec<Option<Tournament>>,
    races: usize,
    announced: usize,
    stopped: bool,
    winners: BTreeMap<usize, u32>,
}

impl Season {
    fn new(random: &mut StdRng) -> Self {
        Self {
            world: World::new(),
            seen: Vec::new(),
            races: random.random_range(2..8),
            announced: 0,
            stopped: false,
            winners: BTreeMap::new(),
        }
    }

    /// One thing happens.
    fn turn(&mut self, random: &mut StdRng) {
        self.world.now += random.random_range(0..150);
        let is_time = EVERY * i64::try_from(self.announced).unwrap() <= self.world.now + 2 * EVERY;
        if self.announced < self.races && is_time && !self.stopped && random.random() {
            let cap = if random.random() { r#","cap":"120.00""# } else { "" };
            let roll = r#","cancellation":"rollForward""#;
            let policies = if random.random() { roll } else { "" };
            self.world.announce(self.announced, race(self.announced, cap, policies));
            self.announced += 1;
        }
        self.stopped |= random.random_range(0..1_500) == 0;
        if self.announced == 0 {
            return;
        }
        let n = random.random_range(0..self.announced);
        self.play(n, random);
        // The fold hears of it, sooner or later.
        self.seen.resize(self.world.homes.len(), None);
        for n in 0..self.seen.len() {
            if random.random() {
                self.seen[n].clone_from(&self.world.homes[n]);
            }
        }
        for n in 0..self.seen.len() {
            self.carry(n, random);
        }
    }

    /// A race's own life.
    fn play(&mut self, n: usize, random: &mut StdRng) {
        let world = &mut self.world;
        let home = world.home(n);
        let now = UnixMs(world.now);
        if random.random_range(0..25) == 0 {
            // Too late, sometimes.
            drop(world.ask(n, &Command::Cancel { reason: "rain".to_owned() }));
        } else if home.plan_is_due(now) && random.random() {
            let winners = self.winners.entry(n).or_default();
            *winners = random.random_range(0..5);
            if home.is_cancelled() {
                let plan = settle::call_off(&home.definition, &home.seats, None);
                let plan = Box::new(plan.unwrap().unwrap());
                let seen = home.seq;
                assert_eq!(world.ask(n, &Command::Plan { seen, version: 1, plan }), Ok(true));
            } else {
                world.plan(n, *winners);
            }
        } else if !home.payout.plans.is_empty() && !home.is_cancelled() {
            if !self.stopped && random.random_range(0..8) == 0 {
                world.revise(n);
            }
        } else if random.random() {
            let player = PlayerId(random.random_range(1..6));
            drop(world.ask(n, &Command::Seat { player, entry: 1, ticket: false }));
        } else {
            drop(world.ask(n, &Command::Start));
            let (seen, cut) = (world.home(n).seq, vec![0; 256]);
            drop(world.ask(n, &Command::Close { seen, cut, result: result() }));
        }
        world.check(n);
    }

    /// One step of what race n rolls over, by what is seen of it, perhaps cut off.
    fn carry(&mut self, n: usize, random: &mut StdRng) {
        let Some(seen) = self.seen[n].clone() else { return };
        // Dies before it asks.
        if random.random_range(0..5) == 0 {
            return;
        }
        if let Some(sent) = seen.rollover.sent.iter().find(|sent| !sent.is_over()) {
            let Some(to) = &sent.to else { return };
            let at = (0..self.races).find(|n| id(*n) == *to).unwrap();
            match self.world.ask(at, &carry(n, sent.version, sent.amount.0)) {
                // Dies before it hears.
                _ if random.random_range(0..3) == 0 => {}
                Ok(_) => {
                    let arrived = self.world.ask(n, &Command::Arrive { version: sent.version });
                    assert!(arrived.is_ok(), "{arrived:?}");
                }
                Err(Refusal::AlreadyEnded) => {
                    self.send(n, &seen, sent.version, Some(to.clone()));
                }
                Err(other) => panic!("{other}"),
            }
            self.world.check(at);
        } else if let Some(waiting) = seen.rollover.waiting {
            self.send(n, &seen, waiting.version, None);
        }
        self.world.check(n);
    }

    fn send(&mut self, n: usize, seen: &Tournament, version: u32, old: Option<TournamentId>) {
        let goes_on = !self.stopped && self.announced < self.races;
        // One that is announced and not seen yet may still take it.
        let goes_on = goes_on || self.seen[..self.announced].iter().any(Option::is_none);
        let now = UnixMs(self.world.now);
        let to = match rollover::next(seen, self.seen.iter().flatten(), goes_on, now) {
            Next::Wait => return,
            Next::To(to) if Some(&to) == old.as_ref() => return,
            Next::To(to) => Some(to),
            Next::Return => None,
        };
        // What is seen may be old: then it is refused, and nothing happens.
        drop(self.world.ask(n, &Command::Roll { version, to, instead_of: old }));
    }

    /// Until nothing is on its way any more.
    fn finish(&mut self, random: &mut StdRng) {
        self.stopped = true;
        for _ in 0..10_000 {
            self.turn(random);
            let mut homes = self.world.homes.iter().flatten();
            let over = |home: &Tournament| home.is_closed() || home.is_cancelled();
            if homes.all(|home| over(home) && home.rollover.is_settled()) {
                return;
            }
        }
        panic!("{:#?}", self.world.homes);
    }
}

#[test]
fn a_season_carries_every_sum_once() {
    let (runs, first) = (size("PALIO_ROLLOVER_SEASONS", 100), size("PALIO_ROLLOVER_SEED", 1));
    let (mut rows, mut sums, mut redirected, mut returned, mut passed_on) = (0, 0, 0, 0, 0);
    for seed in first..first + runs {
        let random = &mut StdRng::seed_from_u64(seed);
        let mut season = Season::new(random);
        for _ in 0..random.random_range(100..400) {
            season.turn(random);
        }
        season.finish(random);
        let Season { world, .. } = season;
        rows += world.rows.len();
        // Whoever reads the journal again has the same homes.
        let mut again: BTreeMap<u64, Option<Tournament>> = BTreeMap::new();
        for row in &world.rows {
            fold(again.entry(row.aggregate.number()).or_default(), row);
        }
        for home in world.homes.iter().flatten() {
            assert_eq!(again[&home.definition.id.number()].as_ref(), Some(home), "seed {seed}");
        }
        let mut claims = BTreeSet::new();
        assert!(world.rows.iter().filter_map(|row| row.claim).all(|claim| claims.insert(claim)));
        // Every sum that was sent is in one pool, the one that it was sent to, or was returned.
        let (mut gone, mut come) = (BTreeSet::new(), BTreeSet::new());
        for home in world.homes.iter().flatten() {
            let from = home.definition.id.clone();
            for sent in &home.rollover.sent {
                sums += 1;
                match &sent.to {
                    Some(to) => {
                        gone.insert((from.clone(), sent.version, sent.amount, to.clone()));
                    }
                    None => returned += 1,
                }
                passed_on += i32::from(sent.version == 0);
            }
            for taken in &home.rollover.taken {
                let to = home.definition.id.clone();
                assert!(come.insert((taken.from.clone(), taken.version, taken.amount, to)));
            }
        }
        assert_eq!(gone, come, "seed {seed}");
        let transit: i64 = (0..world.homes.len()).map(|n| world.legs(n, Account::Transit)).sum();
        assert_eq!(transit, 0, "seed {seed}");
        let rolled = world.rows.iter().filter(|row| {
            matches!(Event::from_row(row), Ok(Event::RolledOver { to: Some(_), leg: None, .. }))
        });
        redirected += rolled.count();
    }
    assert!(sums > 0 && redirected > 0 && returned > 0 && passed_on > 0);
    println!(
        "{runs} seasons of {rows} rows: {sums} sums, {redirected} sent to another one, \
         {returned} returned, {passed_on} out of races that were called off"
    );
}
