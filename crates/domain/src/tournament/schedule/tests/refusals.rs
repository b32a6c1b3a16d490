//! What is refused, and that everything is told at once.

use super::super::{Code, Problem};
use super::{DAY, HOUR, schedule, utc};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../../../../../docs/tournaments/schedule.md");

fn problems(change: Value) -> Vec<Problem> {
    schedule(change).validate(utc("2026-11-21T12:00")).err().unwrap_or_default()
}

fn told(change: Value) -> Vec<(String, Code)> {
    problems(change).into_iter().map(|problem| (problem.field, problem.code)).collect()
}

#[test]
fn one_problem_each() {
    let cron = |expression: &str| json!({"type": "cron", "expression": expression});
    let fixed = |ms: i64| json!({"type": "fixed", "ms": ms});
    let reminder = |kind: &str, ms: i64| json!([{"type": kind, "ms": ms}]);
    let bounds = |change: Value| {
        let mut when = cron("0 18 * * *");
        for (field, value) in change.as_object().unwrap() {
            when[field] = value.clone();
        }
        json!({"when": when})
    };
    let every_quarter = cron("*/15 * * * *");
    let rows = [
        (json!({"zone": "Mars/Olympus"}), "zone", Code::ZoneUnknown),
        (json!({"zone": ""}), "zone", Code::ZoneUnknown),
        (json!({"zone": null}), "zone", Code::ZoneMissing),
        (json!({"when": {"type": "once", "at": "tomorrow"}}), "when.at", Code::TimeInvalid),
        (json!({"when": {"type": "once", "at": i64::MAX}}), "when.at", Code::OutOfRange),
        (bounds(json!({"from": "2027-02-30T00:00"})), "when.from", Code::TimeInvalid),
        (bounds(json!({"until": "x"})), "when.until", Code::TimeInvalid),
        (json!({"length": {"type": "until", "time": "24:00"}}), "length.time", Code::TimeInvalid),
        (json!({"when": cron("")}), "when.expression", Code::CronInvalid),
        (json!({"when": cron("0 24 * * *")}), "when.expression", Code::CronInvalid),
        (json!({"when": cron("0 18 * *")}), "when.expression", Code::CronInvalid),
        (json!({"when": cron("@sometimes")}), "when.expression", Code::CronInvalid),
        (json!({"when": cron(&"1".repeat(121))}), "when.expression", Code::CronInvalid),
        (json!({"when": cron("0 0 18 * * *")}), "when.expression", Code::CronTooOften),
        (json!({"when": cron("* * * * * * *")}), "when.expression", Code::CronTooOften),
        (
            bounds(json!({"from": "2027-02-01T00:00", "until": "2027-02-01T00:00"})),
            "when.until",
            Code::UntilBeforeFrom,
        ),
        (bounds(json!({"count": 3})), "when.count", Code::CountNeedsFrom),
        (bounds(json!({"count": 0, "from": "2027-02-01T00:00"})), "when.count", Code::OutOfRange),
        (
            bounds(json!({"count": 10_001, "from": "2027-02-01T00:00"})),
            "when.count",
            Code::OutOfRange,
        ),
        (json!({"length": fixed(59_999)}), "length.ms", Code::OutOfRange),
        (json!({"length": fixed(366 * DAY + 1)}), "length.ms", Code::OutOfRange),
        (json!({"length": {"type": "calendar"}}), "length", Code::OutOfRange),
        (json!({"length": {"type": "calendar", "months": 12}}), "length", Code::OutOfRange),
        (
            json!({"length": {"type": "untilNext"}, "when": {"type": "instant"}}),
            "length",
            Code::LengthNeedsCron,
        ),
        (json!({"gapMs": -1}), "gapMs", Code::OutOfRange),
        (json!({"gapMs": 1, "overlap": true}), "gapMs", Code::GapWithOverlap),
        (json!({"announceBeforeMs": -1}), "announceBeforeMs", Code::OutOfRange),
        (json!({"registrationBeforeMs": 367 * DAY}), "registrationBeforeMs", Code::OutOfRange),
        (
            json!({"announceBeforeMs": 1, "registrationBeforeMs": 2}),
            "registrationBeforeMs",
            Code::RegistrationBeforeAnnouncement,
        ),
        (json!({"lateAfterMs": HOUR + 1}), "lateAfterMs", Code::OutOfRange),
        (json!({"reminders": reminder("beforeStart", -1)}), "reminders[0].ms", Code::OutOfRange),
        (json!({"reminders": reminder("beforeEnd", 0)}), "reminders[0].ms", Code::OutOfRange),
        (
            json!({"announceBeforeMs": HOUR, "reminders": reminder("beforeStart", HOUR + 1)}),
            "reminders[0].ms",
            Code::ReminderBeforeAnnouncement,
        ),
        (
            json!({"reminders": reminder("beforeEnd", HOUR + 1)}),
            "reminders[0].ms",
            Code::ReminderBeforeStart,
        ),
        (
            json!({"reminders": [{"type": "atEnd"}, {"type": "atEnd"}]}),
            "reminders[1]",
            Code::ReminderTwice,
        ),
        (json!({"when": cron("0 0 30 2 *")}), "when", Code::NeverFires),
        (json!({"when": {"type": "once", "at": "2026-11-21T12:59"}}), "when", Code::NeverFires),
        (bounds(json!({"until": "2026-11-21T13:00"})), "when", Code::NeverFires),
        (json!({"when": every_quarter, "length": fixed(HOUR)}), "length", Code::InstancesOverlap),
        (
            json!({"when": every_quarter, "length": fixed(HOUR / 4), "gapMs": 1}),
            "gapMs",
            Code::GapNotKept,
        ),
        (
            json!({"when": every_quarter, "length": {"type": "untilNext"}, "gapMs": HOUR / 4}),
            "gapMs",
            Code::GapNotKept,
        ),
        // A day of 24 hours fits on every day but the one of 23 hours.
        (json!({"length": fixed(DAY)}), "length", Code::InstancesOverlap),
        (json!({"length": fixed(23 * HOUR), "gapMs": 1}), "gapMs", Code::GapNotKept),
        (
            json!({"when": cron("0 0 29 2 *"), "length": {"type": "untilNext"}}),
            "length",
            Code::InstanceTooLong,
        ),
        (
            json!({"when": cron("0 * * * *"), "announceBeforeMs": 30 * DAY}),
            "announceBeforeMs",
            Code::TooManyAhead,
        ),
    ];
    let mut seen = BTreeSet::new();
    for (change, field, code) in rows {
        assert_eq!(told(change.clone()), [(field.to_owned(), code)], "{change}");
        seen.insert(code.as_str());
    }
    let all: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(seen, all, "every code has a row");
}

#[test]
fn what_is_good_is_not_refused() {
    let cron = |expression: &str| json!({"type": "cron", "expression": expression});
    for change in [
        json!({}),
        json!({"zone": "europe/berlin"}),
        json!({"length": {"type": "fixed", "ms": 23 * HOUR}}),
        json!({"length": {"type": "fixed", "ms": 30 * HOUR}, "overlap": true}),
        json!({"length": {"type": "calendar", "days": 1}}),
        json!({"length": {"type": "untilNext"}, "gapMs": HOUR}),
        json!({"length": {"type": "fixed", "ms": 24 * HOUR}, "zone": "Asia/Tokyo"}),
        json!({"when": cron("30 2 * * *"), "length": {"type": "calendar", "days": 1}}),
        json!({"when": cron("*/15 * * * *"), "length": {"type": "fixed", "ms": HOUR / 4}}),
        json!({"when": cron("0 0 29 2 *")}),
        json!({"when": {"type": "instant"}}),
        json!({"when": {"type": "once", "at": "2026-11-21T13:01"}}),
        json!({"registrationBeforeMs": DAY, "reminders": [{"type": "beforeStart", "ms": DAY}]}),
    ] {
        assert_eq!(problems(change.clone()), [], "{change}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let change = json!({
        "zone": "Mars/Olympus",
        "when": {"type": "cron", "expression": "x", "from": "y", "count": 0},
        "length": {"type": "until", "time": "z"},
        "gapMs": -1,
        "announceBeforeMs": -1,
        "reminders": [{"type": "beforeEnd", "ms": -1}],
        "lateAfterMs": -1,
    });
    let expected = [
        ("zone", Code::ZoneUnknown),
        ("when.expression", Code::CronInvalid),
        ("when.from", Code::TimeInvalid),
        ("when.count", Code::OutOfRange),
        ("length.time", Code::TimeInvalid),
        ("gapMs", Code::OutOfRange),
        ("announceBeforeMs", Code::OutOfRange),
        ("reminders[0].ms", Code::OutOfRange),
        ("lateAfterMs", Code::OutOfRange),
    ];
    assert_eq!(told(change), expected.map(|(field, code)| (field.to_owned(), code)));
}

#[test]
fn every_code_is_documented() {
    for code in Code::ALL {
        assert!(DOCUMENT.contains(&format!("| `{}` |", code.as_str())), "{code:?}");
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}
