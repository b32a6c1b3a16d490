//! What is due, and what becomes of starts that were missed.

use super::super::{CatchUp, Missed, Verdict};
use super::{DAY, HOUR, MINUTE, first, plan, schedule, utc};
use crate::time::UnixMs;
use serde_json::json;
use std::num::NonZeroUsize;

const MANY: NonZeroUsize = NonZeroUsize::MAX;

const fn missed(reason: Missed) -> Verdict {
    Verdict::Missed { reason }
}

#[test]
fn the_documents_table_of_policies() {
    let (ended, superseded, not_caught_up) =
        (missed(Missed::Ended), missed(Missed::Superseded), missed(Missed::NotCaughtUp));
    let late = |ms| Verdict::Late { late_ms: ms };
    // Every hour for two hours, from 12:00; looked at at 15:30, never before.
    let rows = [
        (CatchUp::Latest, [ended, ended, superseded, late(30 * MINUTE)]),
        (CatchUp::All, [ended, ended, late(90 * MINUTE), late(30 * MINUTE)]),
        (CatchUp::None, [ended, ended, not_caught_up, not_caught_up]),
    ];
    for (policy, expected) in rows {
        let when = json!({"type": "cron", "expression": "0 * * * *"});
        let length = json!({"type": "fixed", "ms": 2 * HOUR});
        let change = json!({"zone": "UTC", "when": when, "length": length, "overlap": true, "catchUp": policy});
        let due = plan(change).due(utc("2027-01-10T11:59"), utc("2027-01-10T15:30"), MANY);
        let verdicts: Vec<_> = due.decisions.iter().map(|decision| decision.verdict).collect();
        assert_eq!(verdicts, expected, "{policy:?}");
        assert_eq!(due.decided_through, utc("2027-01-10T15:00"));
        assert_eq!(due.next_at, Some(utc("2027-01-10T16:00")));
    }
}

#[test]
fn a_little_late_is_not_late() {
    for policy in [CatchUp::Latest, CatchUp::All, CatchUp::None] {
        let plan = plan(json!({"zone": "UTC", "catchUp": policy, "lateAfterMs": 60_000}));
        let race = first(&plan, "2027-01-10T12:00");
        let at = |ms| plan.verdict(&race, race.starts.plus_ms(ms));
        assert_eq!([at(-DAY), at(0), at(60_000)], [Verdict::InTime; 3]);
        assert_ne!(at(60_001), Verdict::InTime);
        assert_eq!(at(HOUR), missed(Missed::Ended));
    }
}

#[test]
fn what_starts_after_the_schedules_end_supersedes_nothing() {
    let when = json!({"type": "cron", "expression": "0 * * * *", "until": "2027-01-10T13:00"});
    let length = json!({"type": "fixed", "ms": 5 * HOUR});
    let plan = plan(json!({"zone": "UTC", "when": when, "length": length, "overlap": true}));
    let due = plan.due(utc("2027-01-10T11:30"), utc("2027-01-10T15:30"), MANY);
    let verdicts: Vec<_> = due.decisions.iter().map(|decision| decision.verdict).collect();
    assert_eq!(verdicts, [Verdict::Late { late_ms: 210 * MINUTE }]);
    assert_eq!(due.next_at, None);
}

#[test]
fn instances_are_due_when_they_are_announced() {
    let plan = plan(json!({"zone": "UTC", "announceBeforeMs": 3 * DAY}));
    let due = plan.due(utc("2027-01-10T12:00"), utc("2027-01-10T12:00"), MANY);
    let starts: Vec<_> = due.decisions.iter().map(|decision| decision.instance.starts).collect();
    let days = ["2027-01-10T18:00", "2027-01-11T18:00", "2027-01-12T18:00"];
    assert_eq!(starts, days.map(utc));
    assert!(due.decisions.iter().all(|decision| decision.verdict == Verdict::InTime));
    assert_eq!(due.next_at, Some(utc("2027-01-10T18:00")));
    // Nothing twice, and nothing too soon.
    let again = plan.due(due.decided_through, utc("2027-01-10T17:59"), MANY);
    assert!(again.decisions.is_empty());
    assert_eq!(again.decided_through, due.decided_through);
    let next = plan.due(due.decided_through, utc("2027-01-10T18:00"), MANY);
    assert_eq!(next.decisions.len(), 1);
}

#[test]
fn a_long_backlog_is_worked_off_in_parts() {
    let when = json!({"type": "cron", "expression": "* * * * *"});
    let plan = plan(json!({"when": when, "length": {"type": "fixed", "ms": MINUTE}}));
    let now = utc("2027-03-29T00:00");
    let mut through = utc("2027-03-27T00:00");
    let (mut calls, mut decided) = (0, 0);
    let limit = NonZeroUsize::new(100).unwrap();
    loop {
        let due = plan.due(through, now, limit);
        assert!(due.decisions.len() <= 100);
        decided += due.decisions.len();
        through = due.decided_through;
        calls += 1;
        if due.next_at.is_none_or(|at| at > now) {
            break;
        }
    }
    assert_eq!((calls, decided), (29, 2 * 24 * 60));
}

#[test]
fn one_time_and_by_hand() {
    let once = plan(json!({"when": {"type": "once", "at": utc("2027-01-10T18:00")}}));
    let due = once.due(utc("2027-01-01T00:00"), utc("2027-01-10T18:30"), MANY);
    assert_eq!(due.decisions[0].verdict, Verdict::Late { late_ms: 30 * MINUTE });
    assert_eq!(due.next_at, None);
    assert!(once.due(due.decided_through, UnixMs(i64::MAX), MANY).decisions.is_empty());
    let by_hand = schedule(json!({"when": {"type": "instant"}})).compile().unwrap();
    let due = by_hand.due(UnixMs(0), UnixMs(i64::MAX), MANY);
    assert!(due.decisions.is_empty() && due.next_at.is_none());
}
