//! The scheduler with the real core, on a clock that is set by hand: a server that dies after any
//! write and is down for any time has every start decided once, as the plan says at that time.
//!
//! `PALIO_SCHEDULER_RUNS=300 cargo nextest run --release -p palio --test it simulated` is the large run; ten
//! by default. `PALIO_SCHEDULER_SEED` repeats one.

use crate::actors::Actors;
use crate::crash::number;
use palio::actors::follower::Follower;
use palio::actors::handle::{CoreHandle, Reply};
use palio::actors::scheduler::{Parts, Scheduler};
use palio::actors::schedules::Schedules;
use palio::actors::tournaments::Tournaments;
use palio::clock::{Clock, ManualClock};
use palio::notices::Notices;
use palio::outgoing::Outgoing;
use palio::payments::Payments;
use palio::rules_off::RulesOff;
use palio::storage::Storage;
use palio::storage::memory::{Fault, Memory};
use palio::telemetry::new_trace;
use palio_domain::journal::{Keys, Row, RowKind};
use palio_domain::tournament::lifecycle::{Command, Event as Life};
use palio_domain::tournament::schedule::entity::{Decided, Event, NoticeOutcome, Outcome};
use palio_domain::tournament::schedule::{Instance, Plan, Schedule, ScheduleId, Verdict};
use palio_domain::{Aggregate, TenantId, UnixMs};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

const TENANT: TenantId = TenantId(1);
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Lives of a server in one run.
const LIVES: u64 = 8;

/// Zones, each with an instant a day or two before a clock is turned there.
const PLACES: &[(&str, i64)] = &[
    ("Europe/Berlin", 1_774_600_000_000),
    ("America/New_York", 1_793_400_000_000),
    ("Australia/Lord_Howe", 1_791_000_000_000),
    ("UTC", 1_780_000_000_000),
];
const EXPRESSIONS: &[&str] = &["0 * * * *", "*/20 * * * *", "0 2,3,18 * * *", "30 */3 * * *"];
const LENGTHS: &[i64] = &[MINUTE, 10 * MINUTE, 2 * HOUR];

fn draw(random: &mut StdRng) -> (Value, UnixMs) {
    let (zone, from) = *PLACES.choose(random).unwrap();
    let lead = *[0, 10 * MINUTE, 3 * HOUR].choose(random).unwrap();
    let catch_up = *["latest", "all", "none"].choose(random).unwrap();
    let late_after = *[1_000, MINUTE, 10 * MINUTE].choose(random).unwrap();
    let document = json!({
        "id": "race", "zone": zone, "overlap": true,
        "when": {"type": "cron", "expression": EXPRESSIONS.choose(random).unwrap()},
        "length": {"type": "fixed", "ms": LENGTHS.choose(random).unwrap()},
        "announceBeforeMs": lead, "lateAfterMs": late_after,
        "catchUp": catch_up,
        "reminders": [{"type": "registrationOpens"}, {"type": "beforeStart", "ms": 0},
                      {"type": "atEnd"}],
        "tournament": {"name": "Race", "metric": "turnover", "currency": "EUR"},
    });
    (document, UnixMs(from + random.random_range(0..24 * HOUR)))
}

/// One life of a server on a store that outlives it.
struct Server {
    clock: Arc<ManualClock>,
    core: CoreHandle,
    tournaments: Arc<Tournaments>,
    schedules: Arc<Schedules>,
    scheduler: Arc<Scheduler>,
    follower: Follower,
}

impl Server {
    async fn start(storage: &Storage, clock: &Arc<ManualClock>, name: &str) -> Self {
        let keys = Keys::new([5; 32]);
        let clock = Arc::clone(clock);
        let time: Arc<dyn Clock> = clock.clone();
        // Some lives see snapshots, some don't.
        let snapshots = Duration::from_millis(20);
        let payments = Payments::new(&Outgoing::trusting(&[]).unwrap(), []).unwrap();
        let actors = Actors::start(storage, (&keys, &time), (name, snapshots), payments).await;
        let (core, tournaments) = (actors.core.clone(), Arc::clone(&actors.tournaments));
        let schedules = Arc::clone(&actors.schedules);
        let scheduler = Scheduler::new(Parts {
            schedules: Arc::clone(&schedules),
            tournaments: Arc::clone(&tournaments),
            notices: Notices::new(
                &Outgoing::trusting(&[]).unwrap(),
                HashMap::new(),
                Arc::clone(&time),
            )
            .unwrap(),
            clock: Arc::clone(&time),
            zones: HashMap::new(),
            types: HashMap::new(),
            rules_off: RulesOff::default(),
            definition: palio::http::definition_of,
        });
        let positions = tournaments.restore().await.unwrap();
        schedules.restore(&positions).await.unwrap();
        let mut follower = actors.follower(positions);
        follower.catch_up().await;
        Self { clock, core, tournaments, schedules, scheduler, follower }
    }

    /// What the server does at its start; `false`: it died.
    async fn judge(&mut self) -> bool {
        let went = self.scheduler.judge().await.is_ok();
        self.follower.catch_up().await;
        went
    }

    /// What it does from time to time; `false`: it died.
    async fn step(&mut self, clicks: bool) -> bool {
        let now = self.clock.now();
        self.follower.catch_up().await;
        for entry in self.tournaments.all() {
            let facts = entry.facts();
            let life = &facts.life;
            let is_due = life.next_deadline().is_some_and(|at| at <= now) && !life.is_started();
            let id = &entry.definition.id;
            if is_due && !self.begin(id).await {
                return false;
            }
        }
        self.follower.catch_up().await;
        if clicks {
            let id = ScheduleId::parse("race").unwrap();
            let first = self.scheduler.start(TENANT, &id, ("anna", new_trace())).await;
            let second = self.scheduler.start(TENANT, &id, ("ben", new_trace())).await;
            let (Ok((first, _)), Ok((second, is_new))) = (first, second) else { return false };
            assert_eq!((first.key, is_new), (second.key, false));
        }
        let went = self.scheduler.step().await.is_ok();
        self.follower.catch_up().await;
        went
    }

    async fn begin(&self, id: &palio_domain::TournamentId) -> bool {
        let reply = self.tournaments.command(TENANT, id, Command::Start, None).await;
        matches!(reply, Reply::Done(_) | Reply::TournamentUnchanged | Reply::TournamentRefused(_))
    }
}

/// A server dies after so many of its writes; until then a few go wrong.
fn mortal(memory: &Memory, writes: u64, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut left = writes;
    memory.set_faults(move |_| {
        if left == 0 {
            return Fault::Fenced;
        }
        left -= 1;
        match random.random_range(0..20) {
            0 => Fault::Refused,
            1 => Fault::AnswerLost,
            2 => Fault::RequestLost,
            3 => Fault::Late,
            _ => Fault::None,
        }
    });
}

#[test]
fn simulated_crashes_and_downtimes_decide_every_start_once() {
    let seed = number("PALIO_SCHEDULER_SEED", rand::random());
    let runs = if std::env::var("PALIO_SCHEDULER_SEED").is_ok() { 1 } else { 10 };
    let runs = number("PALIO_SCHEDULER_RUNS", runs);
    let mut counts = Counts::default();
    for run in 0..runs {
        let seed = seed.wrapping_add(run);
        println!("PALIO_SCHEDULER_SEED={seed}");
        // A runtime of its own, so that its threads end with it.
        let system = actix::System::new();
        system.block_on(async {
            simulate(seed, &mut counts).await;
            actix::System::current().stop();
        });
        system.run().unwrap();
    }
    println!("{runs} runs, {counts:?}");
    assert!(counts.announced > 0 && counts.missed > 0 && counts.deaths > 0 && counts.told > 0);
}

#[derive(Debug, Default)]
struct Counts {
    lives: u64,
    deaths: u64,
    announced: u64,
    late: u64,
    missed: u64,
    called_off: u64,
    by_hand: u64,
    told: u64,
    stale: u64,
}

async fn simulate(seed: u64, counts: &mut Counts) {
    let mut random = StdRng::seed_from_u64(seed);
    let (document, from) = draw(&mut random);
    let memory = Memory::new();
    let storage = memory.storage();
    let clock = Arc::new(ManualClock::at(from));
    let mut schedule = document.clone();
    schedule.as_object_mut().unwrap().remove("tournament");
    let plan = serde_json::from_value::<Schedule>(schedule).unwrap().compile().unwrap();
    // Times of steps that went through.
    let mut steps = Vec::new();
    for life in 0..LIVES {
        let is_first = life == 0;
        counts.lives += 1;
        memory.clear_faults();
        let mut server = Server::start(&storage, &clock, &format!("life-{life}")).await;
        if is_first {
            server.scheduler.set(TENANT, &document, "anna", None).await.unwrap();
        }
        let is_last = life == LIVES - 1;
        if !is_last {
            let writes =
                if random.random_bool(0.7) { random.random_range(0..25) } else { u64::MAX };
            mortal(&memory, writes, random.random());
        }
        let mut is_alive = server.judge().await;
        for _ in 0..random.random_range(1..8) {
            if is_alive {
                is_alive = server.step(random.random_bool(0.1)).await;
            }
            if is_alive {
                steps.push(clock.now());
                clock.advance_ms(random.random_range(1_000..40 * MINUTE));
                if random.random_bool(0.2) {
                    server.schedules.save().await.unwrap();
                }
            }
        }
        counts.deaths += u64::from(!is_alive);
        assert!(is_alive || !is_last, "nothing went wrong in the last life");
        server.core.stop().await;
        // Down for a moment or for a day.
        let longest = *[MINUTE, 20 * MINUTE, 5 * HOUR, 24 * HOUR].choose(&mut random).unwrap();
        clock.advance_ms(random.random_range(1_000..=longest));
    }
    memory.clear_faults();
    let report = palio::verify::run(&storage).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let mut rows = storage.journal.entities().await.unwrap();
    rows.sort_unstable_by_key(|row| (row.slot, row.seq));
    check(&plan, &rows, &steps, counts);
}

/// What the journal says of one tournament.
#[derive(Default)]
struct Made {
    created: Option<(UnixMs, UnixMs, UnixMs)>,
    started: bool,
    cancelled: bool,
}

fn check(plan: &Plan, rows: &[Row], steps: &[UnixMs], counts: &mut Counts) {
    let mut made: BTreeMap<u64, Made> = BTreeMap::new();
    for row in rows {
        let Aggregate::Tournament(number) = row.aggregate else { continue };
        let of = made.entry(number).or_default();
        match Life::from_row(row).unwrap() {
            Life::Created { definition } => {
                assert!(of.created.is_none(), "created twice");
                of.created = Some((row.time, definition.starts, definition.ends));
            }
            Life::Started => of.started = true,
            Life::Cancelled { .. } => of.cancelled = true,
            other => panic!("{other:?}"),
        }
    }
    let own = rows.iter().filter(|row| matches!(row.aggregate, Aggregate::Schedule(_)));
    let own: Vec<_> = own.collect();
    assert_eq!(own.iter().filter(|row| row.kind == RowKind::ScheduleSet).count(), 1);
    let since = own[0].time;
    let mut decided: BTreeMap<String, Vec<(UnixMs, Decided)>> = BTreeMap::new();
    let mut told: BTreeMap<String, (UnixMs, NoticeOutcome)> = BTreeMap::new();
    for row in &own {
        match Event::from_row(row).unwrap() {
            Event::Set(_) => {}
            Event::Stopped(_) => panic!("nobody stopped it"),
            Event::Decided(deciding) => {
                for one in deciding.decisions {
                    let key = one.instance.key.to_string();
                    decided.entry(key).or_default().push((row.time, one));
                }
            }
            Event::Notified(telling) => {
                for notice in telling.told.into_iter().flat_map(|told| told.notices) {
                    let again = told.insert(notice.key.clone(), (row.time, notice.outcome));
                    assert_eq!(again, None, "{} was journalled twice", notice.key);
                }
            }
        }
    }
    let last = *steps.last().unwrap();
    let planned: Vec<_> =
        plan.instances(since).take_while(|instance| instance.announced <= last).collect();
    let mut known = BTreeSet::new();
    for instance in &planned {
        let key = instance.key.to_string();
        let decisions = decided.get(&key).unwrap_or_else(|| panic!("{key} was not decided"));
        let (at, first) = &decisions[0];
        assert_eq!((first.instance.starts, first.instance.ends), (instance.starts, instance.ends));
        let chance = steps.iter().find(|step| **step >= instance.announced);
        assert!(chance.is_some_and(|chance| at <= chance), "{key} was left lying");
        check_one(plan, instance, decisions, &made, counts);
        known.insert(key);
    }
    for (key, decisions) in decided.iter().filter(|(key, _)| !known.contains(*key)) {
        assert!(key.ends_with('n'), "{key} was never planned");
        let takes_place = |of: &Decided| of.outcome.takes_place();
        assert!(takes_place(&decisions[0].1), "{key}");
        let made = &made[&decisions[0].1.instance.key.tournament().unwrap().number()];
        let (_, starts, ends) = made.created.unwrap();
        let instance = &decisions[0].1.instance;
        assert_eq!((starts, ends), (instance.starts, instance.ends));
        counts.by_hand += 1;
    }
    // Everybody was told once of what took place.
    for (key, decisions) in &decided {
        let (_, Decided { instance, outcome }) = &decisions[decisions.len() - 1];
        for notice in instance.notices.iter().filter(|notice| notice.at <= last) {
            let due = instance.due_notices(UnixMs(0), notice.at);
            let due = due.iter().find(|due| due.reminder == notice.reminder).unwrap();
            let (at, said) =
                told.remove(&due.key).unwrap_or_else(|| panic!("{} is missing", due.key));
            assert!(outcome.takes_place() && at >= notice.at, "{key}");
            let late = instance.due_notices(UnixMs(0), at);
            let late = late.iter().find(|late| late.key == due.key).unwrap();
            assert_eq!(said == NoticeOutcome::Stale, late.is_stale, "{}", due.key);
            counts.told += u64::from(!late.is_stale);
            counts.stale += u64::from(late.is_stale);
        }
    }
}

/// One start: its decisions are the plan's at their times, its tournament is what they say.
fn check_one(
    plan: &Plan,
    instance: &Instance,
    decisions: &[(UnixMs, Decided)],
    made: &BTreeMap<u64, Made>,
    counts: &mut Counts,
) {
    let key = &instance.key;
    let nothing = Made::default();
    let made = made.get(&key.tournament().unwrap().number()).unwrap_or(&nothing);
    let (at, first) = &decisions[0];
    let verdict = plan.verdict(instance, *at);
    match (&first.outcome, verdict) {
        (Outcome::Missed { reason }, Verdict::Missed { reason: expected }) => {
            assert_eq!(*reason, expected, "{key}");
            assert!(!made.started, "{key} took place");
            assert!(made.created.is_none() || made.cancelled, "{key} takes place");
            assert_eq!(decisions.len(), 1, "{key}");
            counts.missed += 1;
            return;
        }
        (Outcome::Announced {}, Verdict::InTime) => counts.announced += 1,
        (Outcome::Late { .. }, verdict) => {
            assert_eq!(Outcome::from(verdict), first.outcome, "{key}");
            counts.late += 1;
        }
        // Announced in an earlier life that did not come to journal it.
        (Outcome::Announced {}, Verdict::Missed { .. }) => {
            assert!(
                made.started && made.created.is_some_and(|(created, ..)| created < *at),
                "{key}"
            );
        }
        (outcome, verdict) => panic!("{key}: {outcome:?}, but {verdict:?}"),
    }
    let (created, starts, ends) = made.created.unwrap_or_else(|| panic!("{key} is not there"));
    assert!(created <= *at);
    assert_eq!((starts, ends), (instance.starts, instance.ends), "{key}");
    match &decisions[1..] {
        [] => assert!(!made.cancelled, "{key} was called off without a word"),
        [(at, Decided { outcome: Outcome::Missed { reason }, .. })] => {
            assert_eq!(plan.verdict(instance, *at), Verdict::Missed { reason: *reason }, "{key}");
            assert!(made.cancelled && !made.started, "{key}");
            counts.called_off += 1;
        }
        more => panic!("{key}: {more:?}"),
    }
}
