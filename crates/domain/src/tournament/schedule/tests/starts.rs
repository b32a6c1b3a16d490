//! When instances start and end, and what they are called.

use super::super::{InstanceKey, LocalTime, Pass, Reminder, Schedule, tzdata_version};
use super::{DAY, HOUR, MINUTE, cron, first, plan, schedule, shown, starts, utc, written};
use crate::time::UnixMs;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../../../../../docs/tournaments/schedule.md");

#[test]
fn the_documents_examples_are_true() {
    let mut rows = 0;
    for line in DOCUMENT.lines().filter(|line| line.contains("| `") && line.contains("T")) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, zone, expression, after, expected, _, _] = cells[..] else { continue };
        let plan = cron(zone, expression.trim_matches('`'), json!({"type": "fixed", "ms": HOUR}));
        let expected: Vec<_> = expected.split(' ').collect();
        assert_eq!(starts(&plan, after, expected.len()), expected, "{line}");
        rows += 1;
    }
    assert_eq!(rows, 18);
}

#[test]
fn the_documents_schedule_is_good() {
    let from = DOCUMENT.find("```json").unwrap() + "```json".len();
    let json = &DOCUMENT[from..from + DOCUMENT[from..].find("```").unwrap()];
    let schedule: Schedule = serde_json::from_str(json).unwrap();
    let plan = schedule.validate(utc("2026-11-21T12:00")).unwrap();
    let race = first(&plan, "2026-11-21T12:00");
    let moments = [race.announced, race.registration_opens, race.starts, race.ends].map(shown);
    let expected = ["2026-12-03T19:00", "2026-12-04T19:00", "2026-12-05T19:00", "2026-12-06T01:00"];
    assert_eq!(moments, expected);
    assert_eq!(race.key.as_str(), "sunday-race-20261205t2000");
    let notices: Vec<_> = race.notices.iter().map(|notice| shown(notice.at)).collect();
    assert_eq!(notices, ["2026-12-05T18:00", "2026-12-06T01:00"]);
}

#[test]
fn expressions_mean_what_the_document_says() {
    let rows = [
        ("0 12 L 2 *", "2028-02-01T00:00", "2028-02-29T12:00"),
        ("0 12 * * 7#L", "2027-02-01T00:00", "2027-02-28T12:00"),
        ("0 12 * * 6#1", "2027-02-01T00:00", "2027-02-06T12:00"),
        ("0 12 15W 8 *", "2027-01-01T00:00", "2027-08-16T12:00"),
        ("0 12 * * 0", "2027-02-01T00:00", "2027-02-07T12:00"),
        ("0 12 * * 7", "2027-02-01T00:00", "2027-02-07T12:00"),
        ("0 12 * jan SUN", "2027-02-01T00:00", "2028-01-02T12:00"),
        // Either day field is enough; with a plus both must hold.
        ("0 12 13 * 5", "2027-02-01T00:00", "2027-02-05T12:00"),
        ("0 12 13 * +5", "2027-02-01T00:00", "2027-08-13T12:00"),
        ("0 12 29 2 *", "2027-02-01T00:00", "2028-02-29T12:00"),
        ("@daily", "2027-02-01T00:00", "2027-02-02T00:00"),
        ("@hourly", "2027-02-01T00:00", "2027-02-01T01:00"),
    ];
    for (expression, after, expected) in rows {
        let plan = cron("UTC", expression, json!({"type": "fixed", "ms": HOUR}));
        assert_eq!(starts(&plan, after, 1), [expected], "{expression}");
    }
}

#[test]
fn a_week_ends_an_hour_before_the_next_one_starts() {
    // Rule L9: Sunday 13:00 → next Sunday 12:00 UTC.
    let when = json!({"type": "cron", "expression": "0 13 * * 7"});
    let until = json!({"type": "until", "time": "12:00", "weekday": "sunday"});
    for change in [
        json!({"zone": "UTC", "when": when, "length": until, "gapMs": HOUR}),
        json!({"zone": "UTC", "when": when, "length": {"type": "untilNext"}, "gapMs": HOUR}),
    ] {
        let plan = schedule(change).validate(utc("2026-11-21T12:00")).unwrap();
        let weeks: Vec<_> = plan.instances(utc("2026-11-21T12:00")).take(60).collect();
        assert_eq!(shown(weeks[0].starts), "2026-11-22T13:00");
        assert_eq!(shown(weeks[0].ends), "2026-11-29T12:00");
        for pair in weeks.windows(2) {
            assert_eq!(pair[1].starts.since_ms(pair[0].ends), HOUR);
            assert!(!pair[0].is_shortened);
        }
    }
}

#[test]
fn a_day_by_the_calendar_has_the_hours_it_has() {
    let day = json!({"type": "calendar", "days": 1});
    // Zone, start of the day, days, and the lengths in minutes of the days around a change.
    let rows = [
        ("Europe/Berlin", "2027-03-26T12:00", [24 * 60, 23 * 60, 24 * 60]),
        ("Europe/Berlin", "2027-10-29T12:00", [24 * 60, 25 * 60, 24 * 60]),
        ("Australia/Lord_Howe", "2027-10-01T06:00", [24 * 60, 23 * 60 + 30, 24 * 60]),
        ("Antarctica/Troll", "2027-03-26T12:00", [24 * 60, 22 * 60, 24 * 60]),
    ];
    for (zone, after, minutes) in rows {
        let when = json!({"type": "cron", "expression": "0 18 * * *"});
        let change = json!({"zone": zone, "when": when, "length": day});
        let plan = schedule(change).validate(utc("2026-11-21T12:00")).unwrap();
        let days: Vec<_> = plan.instances(utc(after)).take(3).collect();
        let lengths: Vec<_> =
            days.iter().map(|day| day.ends.since_ms(day.starts) / MINUTE).collect();
        assert_eq!(lengths, minutes, "{zone}");
    }
}

#[test]
fn ends_by_the_clock() {
    let until = |time: &str| json!({"type": "until", "time": time});
    let rows = [
        // Over the gap, into it, and from within it.
        ("0 1 * * *", until("03:00"), "2027-03-27T12:00", "2027-03-28T01:00"),
        ("0 1 * * *", until("02:30"), "2027-03-27T12:00", "2027-03-28T01:00"),
        ("30 2 * * *", until("04:00"), "2027-03-27T12:00", "2027-03-28T02:00"),
        // Start and end in the same gap: as long as it says.
        ("10 2 * * *", until("02:50"), "2027-03-27T12:00", "2027-03-28T01:40"),
        ("30 2 * * *", until("03:00"), "2027-03-27T12:00", "2027-03-28T01:30"),
        // Into the overlap: the first passing after the start.
        ("0 1 * * *", until("02:30"), "2027-10-30T12:00", "2027-10-31T00:30"),
        ("45 2 * * *", until("03:00"), "2027-10-30T12:00", "2027-10-31T02:00"),
        // The second passing of a rhythm.
        ("0 * * * *", until("02:30"), "2027-10-31T00:00", "2027-10-31T01:30"),
        // A time of day that is the start's own is the next day's.
        ("0 18 * * *", until("18:00"), "2027-10-30T12:00", "2027-10-31T17:00"),
    ];
    for (expression, length, after, expected) in rows {
        let plan = cron("Europe/Berlin", expression, length.clone());
        assert_eq!(shown(first(&plan, after).ends), expected, "{expression} {length}");
    }
    let month = cron("UTC", "0 0 L * *", json!({"type": "calendar", "months": 1}));
    let ends: Vec<_> =
        month.instances(utc("2027-01-01T00:00")).map(|i| shown(i.ends)).take(3).collect();
    assert_eq!(ends, ["2027-02-28T00:00", "2027-03-28T00:00", "2027-04-30T00:00"]);
}

#[test]
fn an_instance_never_runs_into_the_next_one() {
    let every = json!({"type": "cron", "expression": "*/15 * * * *"});
    let rows = [
        (20 * MINUTE, 0, 15 * MINUTE, true),
        (14 * MINUTE, 5 * MINUTE, 10 * MINUTE, true),
        (10 * MINUTE, 5 * MINUTE, 10 * MINUTE, false),
        // The gap yields before the instance does.
        (10 * MINUTE, 20 * MINUTE, MINUTE, true),
    ];
    for (length, gap, lasts, is_shortened) in rows {
        let length = json!({"type": "fixed", "ms": length});
        let plan = plan(json!({"when": every, "length": length, "gapMs": gap}));
        let race = first(&plan, "2027-01-01T00:00");
        assert_eq!((race.ends.since_ms(race.starts), race.is_shortened), (lasts, is_shortened));
    }
    // What follows counts where `until` keeps it from starting, too: nothing changes afterwards.
    let when = json!({"type": "cron", "expression": "0 18 * * *", "until": "2027-01-02T00:00"});
    let plan = plan(json!({"when": when, "length": {"type": "untilNext"}, "gapMs": HOUR}));
    let races: Vec<_> = plan.instances(utc("2027-01-01T00:00")).collect();
    assert_eq!(races.len(), 1);
    assert_eq!(shown(races[0].ends), "2027-01-02T16:00");
}

#[test]
fn bounds_are_readings_of_the_clock() {
    let when = |from: &str, until: &str, count: Option<u32>| {
        json!({"when": {"type": "cron", "expression": "*/30 * * * *",
                        "from": from, "until": until, "count": count}})
    };
    let all = |change| {
        let plan = plan(change);
        starts(&plan, "2020-01-01T00:00", 100).join(" ")
    };
    // 02:00 to 02:59 comes twice: `until` 02:30 leaves out the later half of both.
    let twice = when("2027-10-31T01:30", "2027-10-31T02:30", None);
    assert_eq!(all(twice), "2027-10-30T23:30 2027-10-31T00:00 2027-10-31T01:00");
    let counted = when("2027-10-31T01:30", "2027-11-30T00:00", Some(4));
    assert_eq!(all(counted), "2027-10-30T23:30 2027-10-31T00:00 2027-10-31T00:30 2027-10-31T01:00");
    let both = when("2027-10-31T01:30", "2027-10-31T02:00", Some(4));
    assert_eq!(all(both), "2027-10-30T23:30");
    // The count does not depend on where one begins to look.
    let counted = plan(when("2027-10-31T01:30", "2027-11-30T00:00", Some(4)));
    assert_eq!(starts(&counted, "2027-10-31T00:30", 100), ["2027-10-31T01:00"]);
    let skipped = when("2027-03-28T02:15", "2027-03-28T03:01", None);
    assert_eq!(all(skipped), "2027-03-28T01:00");
}

#[test]
fn one_time() {
    let once = |at: serde_json::Value| plan(json!({"when": {"type": "once", "at": at}}));
    let rows = [
        (json!("2027-03-28T02:30"), "2027-03-28T01:00", "race-20270328t0230", true),
        (json!("2027-10-31T02:30"), "2027-10-31T00:30", "race-20271031t0230", false),
        (json!(utc("2027-10-31T01:30")), "2027-10-31T01:30", "race-20271031t0230", false),
    ];
    for (at, expected, key, is_moved) in rows {
        let race = first(&once(at.clone()), "2027-01-01T00:00");
        assert_eq!(shown(race.starts), expected, "{at}");
        assert_eq!((race.key.as_str(), race.is_moved), (key, is_moved), "{at}");
        assert_eq!(once(at).instances(utc(expected)).count(), 0);
    }
}

#[test]
fn by_hand() {
    let plan =
        plan(json!({"when": {"type": "instant"}, "length": {"type": "until", "time": "20:00"}}));
    assert_eq!(plan.occurrences(UnixMs(0)).count(), 0);
    let race = plan.start_by_hand(utc("2027-10-31T17:30:12.345")).unwrap();
    assert_eq!(race.key.as_str(), "race-20271031t1730n");
    assert_eq!(race.pass, Pass::ByHand);
    assert_eq!(race.starts, utc("2027-10-31T17:30:12.345"));
    assert_eq!(shown(race.ends), "2027-10-31T19:00");
    assert_eq!(race.announced, race.starts);
    assert!(plan.start_by_hand(UnixMs(i64::MAX)).is_none());
    // Beside what is planned: it makes way.
    let daily = super::plan(json!({"length": {"type": "fixed", "ms": 3 * HOUR}, "gapMs": 600_000}));
    let race = daily.start_by_hand(utc("2027-01-10T16:00")).unwrap();
    assert_eq!((shown(race.ends).as_str(), race.is_shortened), ("2027-01-10T16:50", true));
}

#[test]
fn keys_are_ids_of_tournaments() {
    let id = "a".repeat(48);
    let plan = plan(json!({"id": id, "when": {"type": "cron", "expression": "0 * * * *"}}));
    let keys: Vec<InstanceKey> =
        plan.instances(utc("2027-10-30T23:00")).take(3).map(|race| race.key).collect();
    let endings: Vec<_> = keys.iter().map(|key| &key.as_str()[48..]).collect();
    assert_eq!(endings, ["-20271031t0200", "-20271031t0200b", "-20271031t0300"]);
    for key in keys {
        assert_eq!(key.tournament().unwrap().as_str(), key.as_str());
    }
    let by_hand = plan.start_by_hand(utc("2027-10-31T00:00")).unwrap();
    assert!(by_hand.key.tournament().is_ok());
}

#[test]
fn notifications_come_once_and_not_too_late() {
    let change = json!({
        "announceBeforeMs": DAY, "registrationBeforeMs": 2 * HOUR,
        "reminders": [{"type": "atEnd"}, {"type": "beforeEnd", "ms": 600_000},
                      {"type": "beforeStart", "ms": 0}, {"type": "beforeStart", "ms": HOUR},
                      {"type": "registrationOpens"}],
    });
    let plan = plan(change);
    let race = first(&plan, "2027-01-10T12:00");
    let at: Vec<_> = race.notices.iter().map(|notice| shown(notice.at)).collect();
    assert_eq!(
        at,
        [
            "2027-01-10T15:00",
            "2027-01-10T16:00",
            "2027-01-10T17:00",
            "2027-01-10T17:50",
            "2027-01-10T18:00"
        ]
    );
    let due = |from, to| race.due_notices(utc(from), utc(to));
    let stale = |from, to| due(from, to).iter().map(|notice| notice.is_stale).collect::<Vec<_>>();
    assert_eq!(stale("2027-01-10T14:00", "2027-01-10T16:59"), [false, false]);
    assert_eq!(stale("2027-01-10T14:00", "2027-01-10T17:00"), [false, true, false]);
    assert_eq!(stale("2027-01-10T17:00", "2027-01-10T17:50"), [false]);
    assert_eq!(stale("2027-01-10T14:00", "2027-01-10T18:00"), [true, true, true, true, false]);
    let keys: BTreeSet<_> =
        due("2027-01-10T14:00", "2027-01-11T00:00").into_iter().map(|notice| notice.key).collect();
    assert_eq!(keys.len(), 5);
    assert!(keys.contains("race-20270110t1800:before-start-3600000"));
    assert_eq!(race.next_notice(utc("2027-01-10T16:00")), Some(utc("2027-01-10T17:00")));
    assert_eq!(race.next_notice(utc("2027-01-10T18:00")), None);
    assert_eq!(race.notices[4].reminder, Reminder::AtEnd {});
}

#[test]
fn a_schedule_reads_back_as_it_was() {
    for change in [
        json!({}),
        json!({"when": {"type": "instant"}, "length": {"type": "calendar", "weeks": 2}}),
        json!({"when": {"type": "once", "at": "2027-03-28T02:30"}, "catchUp": "none"}),
        json!({"when": {"type": "once", "at": 1_800_000_000_000_i64}, "zone": null}),
        json!({"reminders": [{"type": "atEnd"}, {"type": "beforeEnd", "ms": 5}], "overlap": true}),
    ] {
        let schedule = schedule(change);
        let json = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule, "{json}");
    }
    let instance = first(&plan(json!({})), "2027-01-10T12:00");
    let json = serde_json::to_value(&instance).unwrap();
    assert_eq!(json["nominal"], "2027-01-10T18:00");
    assert_eq!(serde_json::from_value::<super::super::Instance>(json).unwrap(), instance);
}

#[test]
fn what_is_unknown_is_refused() {
    let wrong = [
        json!({"surprise": 1}),
        json!({"when": {"type": "instant", "zone": "UTC"}}),
        json!({"when": {"type": "once", "at": "2027-03-28T02:30", "zone": "UTC"}}),
        json!({"when": {"type": "once", "at": true}}),
        json!({"when": {"type": "never"}}),
        json!({"length": {"type": "untilNext", "ms": 1}}),
        json!({"length": {"type": "until", "time": "02:00", "weekday": "someday"}}),
        json!({"reminders": [{"type": "atEnd", "ms": 1}]}),
        json!({"catchUp": "first"}),
        json!({"id": "Race"}),
        json!({"id": ""}),
        json!({"id": "a".repeat(49)}),
    ];
    for change in wrong {
        assert!(serde_json::from_value::<Schedule>(written(change.clone())).is_err(), "{change}");
    }
}

#[test]
fn local_times_are_read_strictly() {
    for text in ["2026-10-25T02:30", "2000-01-01T00:00", "2199-12-31T23:59", "2028-02-29T12:00"] {
        assert_eq!(LocalTime::parse(text).unwrap().to_string(), text);
    }
    for text in [
        "",
        "2026-10-25",
        "2026-10-25T24:00",
        "2026-10-25T02:60",
        "2027-02-29T12:00",
        "1999-12-31T23:59",
        "2200-01-01T00:00",
        "2026-10-25T02:30:00",
        "2026-10-25 02:30",
        "2026-1-25T02:30",
        "2026-+1-25T02:30",
        "2026-10-25T2:30",
        "2026-10-25T02:30Z",
        "é026-10-25T02:30",
    ] {
        assert!(LocalTime::parse(text).is_err(), "{text}");
    }
}

#[test]
fn the_tenants_zone_fills_in() {
    let without = schedule(json!({"zone": null}));
    assert!(without.compile().is_err());
    let filled = without.in_zone("america/new_york").compile().unwrap();
    assert_eq!(filled.zone_name(), "America/New_York");
    let own = schedule(json!({})).in_zone("UTC");
    assert_eq!(own.zone.as_deref(), Some("Europe/Berlin"));
    assert!(tzdata_version() >= "2026e");
}

#[test]
fn far_ends_of_time_have_no_starts_and_no_panic() {
    let plan = plan(json!({}));
    assert_eq!(plan.occurrences(UnixMs(i64::MAX)).count(), 0);
    let earliest = plan.occurrences(UnixMs(i64::MIN)).next().unwrap();
    assert_eq!(earliest.nominal.to_string(), "2000-01-01T18:00");
    assert_eq!(plan.occurrences(utc("2199-12-29T00:00")).count(), 3);
}

proptest! {
    /// Whatever is typed, it is refused or planned; and planning goes forward.
    #[test]
    fn no_expression_panics(text in "[-0-9*/,#LW?+@A-Za-zé ]{0,30}") {
        let when = json!({"type": "cron", "expression": text});
        if let Ok(plan) = schedule(json!({"when": when})).compile() {
            let starts: Vec<_> =
                plan.occurrences(utc("2027-03-01T00:00")).take(50).map(|o| o.starts).collect();
            prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    /// Expressions of the usual form, asked from any instant, go on as from any earlier one.
    #[test]
    fn starts_do_not_depend_on_where_one_begins_to_look(
        minute in prop_oneof!["[0-5]?[0-9]", Just("*/15".to_owned()), Just("*".to_owned())],
        hour in prop_oneof!["1?[0-9]", Just("*".to_owned()), Just("1-3".to_owned())],
        zone in prop_oneof![Just("Europe/Berlin"), Just("Australia/Lord_Howe"), Just("Africa/Cairo")],
        // Around the changes of 2027 in these zones.
        change in prop_oneof![
            Just("2027-03-28T01:00"), Just("2027-10-31T01:00"), Just("2027-04-03T15:00"),
            Just("2027-10-02T15:30"), Just("2027-04-29T22:00"), Just("2027-10-28T21:00")
        ],
        before_ms in 0..5 * HOUR,
        later_ms in 0..5 * HOUR,
    ) {
        let plan = cron(zone, &format!("{minute} {hour} * * *"), json!({"type": "fixed", "ms": 60_000}));
        let from = utc(change).plus_ms(-before_ms);
        let then = from.plus_ms(later_ms);
        let all: Vec<_> = plan.occurrences(from).skip_while(|o| o.starts <= then).take(5).collect();
        let again: Vec<_> = plan.occurrences(then).take(5).collect();
        prop_assert_eq!(all, again);
    }
}
