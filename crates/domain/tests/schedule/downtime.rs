//! A server that is down at random times and dies at random points has every instance exactly
//! once, and late or missed as the schedule's policy says.

use crate::{Random, size};
use palio_domain::UnixMs;
use palio_domain::tournament::schedule::{
    CatchUp, Decision, Instance, Missed, Plan, Reminder, Schedule, Verdict,
};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Days that are simulated, and those with the longest wait after them.
const DAYS: i64 = 4;
const DAYS_MAX: i64 = 14;

/// Zones, each with an instant a few days before a clock is turned there.
const PLACES: &[(&str, i64)] = &[
    ("Europe/Berlin", 1_774_400_000_000),
    ("Europe/Berlin", 1_792_600_000_000),
    ("America/New_York", 1_793_200_000_000),
    ("Australia/Lord_Howe", 1_790_900_000_000),
    ("Australia/Lord_Howe", 1_775_000_000_000),
    ("Antarctica/Troll", 1_774_400_000_000),
    ("UTC", 1_780_000_000_000),
];
const EXPRESSIONS: &[&str] = &[
    "30 2 * * *",
    "0 2,3 * * *",
    "0 18 * * *",
    "0 * * * *",
    "*/15 * * * *",
    "0 20 * * 6,0",
    "*/20 1-4 * * *",
];
const LENGTHS: &[&str] = &[
    r#"{"type":"fixed","ms":60000}"#,
    r#"{"type":"fixed","ms":900000}"#,
    r#"{"type":"fixed","ms":7200000}"#,
    r#"{"type":"calendar","days":1}"#,
    r#"{"type":"until","time":"03:00"}"#,
    r#"{"type":"untilNext"}"#,
];

/// What the journal of the simulated server holds.
#[derive(Default)]
struct Journal {
    /// The decision by key, and when it was taken.
    decided: BTreeMap<String, (Decision, UnixMs)>,
    /// Instances that were announced, by key, until they start or are called off.
    waiting: BTreeMap<String, Instance>,
    /// Starts and calls-off, by key.
    begun: BTreeMap<String, (Verdict, UnixMs)>,
    /// Notifications that were sent or let go, by key.
    told: BTreeMap<String, UnixMs>,
    decided_through: UnixMs,
}

struct Run {
    plan: Plan,
    catch_up: CatchUp,
    late_after_ms: i64,
    from: UnixMs,
    /// Every start from then on, as far as the simulation goes.
    starts: Vec<UnixMs>,
    journal: Journal,
    seed: u64,
}

fn draw(seed: u64) -> (Run, Random) {
    let mut random = Random(seed);
    let (zone, from) = random.pick(PLACES);
    let expression = random.pick(EXPRESSIONS);
    let length = random.pick(LENGTHS);
    let catch_up = *random.pick(&[CatchUp::Latest, CatchUp::All, CatchUp::None]);
    let overlap = random.below(2) == 0;
    let lead = *random.pick(&[0, 10 * MINUTE, 3 * HOUR, 2 * DAY]);
    let gap = if overlap { 0 } else { *random.pick(&[0, 5 * MINUTE]) };
    let late_after_ms = *random.pick(&[0, MINUTE, 10 * MINUTE]);
    let json = format!(
        r#"{{"id":"race","zone":"{zone}","when":{{"type":"cron","expression":"{expression}"}},
            "length":{length},"overlap":{overlap},"gapMs":{gap},"announceBeforeMs":{lead},
            "lateAfterMs":{late_after_ms},
            "reminders":[{{"type":"beforeStart","ms":0}},{{"type":"beforeEnd","ms":300000}},
                         {{"type":"atEnd"}},{{"type":"registrationOpens"}}]}}"#
    );
    let schedule: Schedule = serde_json::from_str(&json).unwrap();
    let plan = Schedule { catch_up, ..schedule }.compile().unwrap();
    let from = UnixMs(from + random.below(DAY as u64) as i64);
    let starts = plan.occurrences(from).map(|start| start.starts);
    let starts = starts.take_while(|at| at.0 < from.0 + DAYS_MAX * DAY).collect();
    let journal = Journal { decided_through: from, ..Journal::default() };
    (Run { plan, catch_up, late_after_ms, from, starts, journal, seed }, random)
}

impl Run {
    /// One life of the server: it may die after any write.
    fn live(&mut self, now: UnixMs, random: &mut Random) {
        // Dies after so many writes; mostly it lives.
        let mut writes = if random.below(3) == 0 { random.below(6) } else { u64::MAX };
        let mut write = || {
            writes = writes.saturating_sub(1);
            writes > 0
        };
        // What it keeps in memory, from what is stored.
        let mut through = self.journal.decided_through;
        loop {
            let limit = NonZeroUsize::new(1 + random.below(5) as usize).unwrap();
            let due = self.plan.due(through, now, limit);
            assert!(due.decisions.len() <= limit.get(), "seed {}", self.seed);
            for decision in due.decisions {
                self.store(decision, now);
                if !write() {
                    return;
                }
            }
            through = due.decided_through;
            self.journal.decided_through = through;
            if !write() {
                return;
            }
            if due.next_at.is_none_or(|at| at > now) {
                break;
            }
        }
        let waiting: Vec<_> = self.journal.waiting.values().cloned().collect();
        for instance in waiting {
            let verdict = self.plan.verdict(&instance, now);
            if now < instance.starts {
                assert_eq!(verdict, Verdict::InTime, "seed {}", self.seed);
                continue;
            }
            self.begin(&instance, verdict, now);
            if !write() {
                return;
            }
        }
    }

    /// When it would be woken: for the next announcement or start.
    fn wakes(&self, now: UnixMs) -> UnixMs {
        let due = self.plan.due(self.journal.decided_through, now, NonZeroUsize::MIN);
        let starts = self.journal.waiting.values().map(|instance| instance.starts);
        due.next_at.into_iter().chain(starts).min().unwrap_or(now).max(now)
    }

    fn store(&mut self, decision: Decision, now: UnixMs) {
        let key = decision.instance.key.as_str().to_owned();
        if let Some((known, _)) = self.journal.decided.get(&key) {
            // Decided again because the server died: it is the same instance, and stays decided.
            assert_eq!(known.instance, decision.instance, "seed {}", self.seed);
            return;
        }
        match decision.verdict {
            Verdict::InTime | Verdict::Late { .. } => {
                self.journal.waiting.insert(key.clone(), decision.instance.clone());
            }
            Verdict::Missed { .. } => self.check(&decision.instance, decision.verdict, now),
        }
        self.journal.decided.insert(key, (decision, now));
    }

    fn begin(&mut self, instance: &Instance, verdict: Verdict, now: UnixMs) {
        self.check(instance, verdict, now);
        let key = instance.key.as_str();
        self.journal.waiting.remove(key).expect("it waits");
        let before = self.journal.begun.insert(key.to_owned(), (verdict, now));
        assert!(before.is_none(), "seed {}: {key} begins twice", self.seed);
    }

    /// The policy, said again in another way.
    fn check(&self, instance: &Instance, verdict: Verdict, now: UnixMs) {
        let late_ms = now.0 - instance.starts.0;
        assert!(late_ms >= 0);
        let passed = self.starts.partition_point(|at| *at <= now);
        let is_newest = self.starts[passed - 1] == instance.starts;
        let missed = |reason| Verdict::Missed { reason };
        let expected = if now >= instance.ends {
            missed(Missed::Ended)
        } else if late_ms <= self.late_after_ms {
            Verdict::InTime
        } else {
            match (self.catch_up, is_newest) {
                (CatchUp::None, _) => missed(Missed::NotCaughtUp),
                (CatchUp::Latest, false) => missed(Missed::Superseded),
                (CatchUp::Latest, true) | (CatchUp::All, _) => Verdict::Late { late_ms },
            }
        };
        assert_eq!(verdict, expected, "seed {}, {instance:?} at {now:?}", self.seed);
    }

    fn tell(&mut self, told_through: UnixMs, now: UnixMs) {
        let decided = self.journal.decided.values();
        let kept = decided.filter(|(decision, _)| !is_missed(decision.verdict));
        for (decision, _) in kept {
            for notice in decision.instance.due_notices(told_through, now) {
                let before = self.journal.told.insert(notice.key.clone(), now);
                assert!(before.is_none(), "seed {}: {} is told twice", self.seed, notice.key);
                assert!(told_through < notice.at && notice.at <= now);
                let is_over = match notice.reminder {
                    Reminder::AtEnd {} => false,
                    Reminder::BeforeStart { ms } if ms > 0 => now >= decision.instance.starts,
                    _ => now >= decision.instance.ends,
                };
                assert_eq!(notice.is_stale, is_over);
            }
        }
    }
}

const fn is_missed(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Missed { .. })
}

#[test]
fn a_server_that_dies_has_every_instance_exactly_once() {
    let runs: u64 = size("PALIO_SCHEDULE_DOWNTIMES", 60);
    let [mut instances, mut lives, mut late, mut missed, mut again] = [0_u64; 5];
    for seed in 0..runs {
        let (mut run, mut random) = draw(seed);
        let mut now = run.from;
        let end = UnixMs(run.from.0 + DAYS * DAY);
        while now < end {
            now = match random.below(64) {
                0 => UnixMs(now.0 + random.below(36) as i64 * HOUR),
                1..=3 => UnixMs(now.0 + random.below(5 * HOUR as u64) as i64),
                4..=8 => now,
                9..=20 => run.wakes(now),
                _ => UnixMs(run.wakes(now).0 + random.below(3 * MINUTE as u64) as i64),
            };
            run.live(now, &mut random);
            lives += 1;
        }
        // At the end it lives long enough.
        while !run
            .plan
            .due(run.journal.decided_through, now, NonZeroUsize::MIN)
            .decisions
            .is_empty()
            || run.journal.waiting.values().any(|instance| instance.starts <= now)
        {
            run.live(now, &mut random);
            again += 1;
        }
        let planned = run.plan.instances(run.from).take_while(|planned| planned.announced <= now);
        let planned: Vec<_> = planned.map(|instance| instance.key.as_str().to_owned()).collect();
        let mut sorted = planned.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), planned.len(), "seed {seed}: a key is there twice");
        let decided: Vec<_> = run.journal.decided.keys().cloned().collect();
        assert_eq!(decided, sorted, "seed {seed}");
        // Whatever has started or was missed has done so once; the others wait for their time.
        for (key, (decision, at)) in &run.journal.decided {
            let outcome = run.journal.begun.get(key).map(|(verdict, _)| *verdict);
            let is_waiting = run.journal.waiting.contains_key(key);
            let is_missed_at_once = is_missed(decision.verdict);
            let count = u8::from(outcome.is_some()) + u8::from(is_waiting);
            assert_eq!(count + u8::from(is_missed_at_once), 1, "seed {seed}: {key} {at:?}");
            let last = outcome.unwrap_or(decision.verdict);
            late += u64::from(matches!(last, Verdict::Late { .. }));
            missed += u64::from(is_missed(last));
        }
        instances += planned.len() as u64;
        // Notifications, with the instances as they are known at the end.
        let mut told = run.from;
        for _ in 0..10 {
            let until = UnixMs(told.0 + random.below(DAY as u64) as i64);
            run.tell(told, until);
            told = until;
        }
    }
    println!(
        "{runs} runs, {lives} lives and {again} more at the end: {instances} instances, \
         each exactly once; {late} started late, {missed} were missed"
    );
    assert!(instances > 0 && late > 0 && missed > 0);
}
