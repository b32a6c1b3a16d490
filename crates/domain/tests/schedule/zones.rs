//! Every zone × every change × every case: nothing missed, nothing twice.
//!
//! Two readings of the time-zone database stand beside the scheduler's: `chrono-tz` (its own
//! compiler, its own copy of the database) and `tzif.rs` (the compiled files that are part of this
//! binary, read by that file alone). The walk uses the first one wherever the two copies of the
//! database agree, and the second one where they do not.

use crate::oracle::{CASES, Case, DAY, Start, Walls};
use crate::tzif::{Zone, date, days};
use crate::{Random, size};
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use palio_domain::UnixMs;
use palio_domain::tournament::schedule::{
    Instance, Length, Occurrence, Pass, Plan, Schedule, ScheduleId, When, tzdata_version,
};
use std::collections::HashSet;
use std::ops::Range;

/// Where chrono-tz has an older database (2025b) than this binary (2026e), the first quarter of an
/// hour from 2020 on at which that shows (as UTC), and the release that brought it. A change of
/// this list is a new release in one of the two, and is to be looked at.
const OLDER_IN_CHRONO: &[(&str, &str)] = &[
    // 2026c: no more changes of the clock in Morocco and Western Sahara, UTC from then on.
    ("Africa/Casablanca", "2026-09-20T01:00"),
    ("Africa/El_Aaiun", "2026-09-20T01:00"),
    // 2026c: Alberta stays on UTC−6; 2026d: so does all of the Northwest Territories.
    ("America/Edmonton", "2026-11-01T08:00"),
    ("America/Inuvik", "2026-11-01T08:00"),
    // 2026e: Manitoba stays on UTC−5; with it, for the time being, the west of Ontario.
    ("America/Rainy_River", "2026-11-01T07:00"),
    // 2026b: British Columbia stays on UTC−7.
    ("America/Vancouver", "2026-11-01T09:00"),
    ("America/Winnipeg", "2026-11-01T07:00"),
    ("America/Yellowknife", "2026-11-01T08:00"),
    ("Canada/Central", "2026-11-01T07:00"),
    ("Canada/Mountain", "2026-11-01T08:00"),
    ("Canada/Pacific", "2026-11-01T09:00"),
    // 2026a: Moldova has turned its clocks at the European Union's instant since 2022.
    ("Europe/Chisinau", "2022-03-27T00:00"),
    ("Europe/Tiraspol", "2022-03-27T00:00"),
];

/// Zones that are always among those looked at: what is odd about clocks in 2020–2035.
const ODD: &[&str] = &[
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  // half an hour
    "Africa/Casablanca",    // back for a month, by the moon
    "Europe/Dublin",        // negative summer time
    "Asia/Gaza",            // twice a year by the moon
    "America/Santiago",     // a gap at midnight
    "Africa/Cairo",         // a gap at midnight, and an overlap of the day before
    "Antarctica/Troll",     // two hours
    "America/Scoresbysund", // turned and moved at once
    "America/Vancouver",    // differs between releases
    "Asia/Kathmandu",       // 45 minutes, no change
];

fn offset_of(zone: Tz, at: i64) -> i32 {
    let at = DateTime::from_timestamp(at, 0).unwrap().naive_utc();
    zone.offset_from_utc_datetime(&at).fix().local_minus_utc()
}

fn years() -> Range<i64> {
    let text = size("PALIO_SCHEDULE_YEARS", "2026-2027".to_owned());
    let (from, to) = text.split_once('-').expect("years as 2020-2035");
    from.parse().unwrap()..to.parse::<i64>().unwrap() + 1
}

/// All of them, or the odd ones and others drawn evenly.
fn zones() -> Vec<Tz> {
    let all = chrono_tz::TZ_VARIANTS;
    let count = match size("PALIO_SCHEDULE_ZONES", "16".to_owned()).as_str() {
        "all" => return all.to_vec(),
        count => count.parse::<usize>().expect("a number of zones, or all"),
    };
    let odd = ODD.iter().map(|name| name.parse().unwrap());
    let step = (all.len() / count.saturating_sub(ODD.len()).max(1)).max(1);
    odd.chain(all.iter().copied().step_by(step)).take(count).collect()
}

fn schedule(zone: &str, expression: &str, length: Length) -> Plan {
    let when =
        When::Cron { expression: expression.to_owned(), from: None, until: None, count: None };
    let json = r#"{"id":"race","when":{"type":"instant"},"length":{"type":"fixed","ms":60000}}"#;
    let schedule: Schedule = serde_json::from_str(json).unwrap();
    let id = ScheduleId::parse("race").unwrap();
    let zone = Some(zone.to_owned());
    Schedule { id, zone, when, length, overlap: true, ..schedule }.compile().unwrap()
}

/// The text of a number of wall-clock minutes.
fn reading(minutes: i64) -> String {
    let (year, month, day) = date(minutes.div_euclid(DAY));
    let minute = minutes.rem_euclid(DAY);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}", minute / 60, minute % 60)
}

fn instant(minute: i64) -> UnixMs {
    UnixMs(minute * 60_000)
}

fn is_same(planned: &Occurrence, start: &Start) -> bool {
    let pass = if start.is_second { Pass::Second } else { Pass::First };
    planned.starts == instant(start.at)
        && planned.pass == pass
        && planned.is_moved == start.is_skipped
        && planned.nominal.to_string() == reading(start.nominal)
}

/// What was compared, and what was wrong.
#[derive(Debug, Default)]
struct Tally {
    zones: usize,
    changes: usize,
    minutes: usize,
    starts: usize,
    resumed: usize,
    ends: usize,
    missed: Vec<String>,
    double: Vec<String>,
    other: Vec<String>,
}

impl Tally {
    fn starts(&mut self, zone: &str, case: &Case, planned: &[Occurrence], expected: &[Start]) {
        let mut seen = HashSet::new();
        let name = |text: String| format!("{zone} {:?} {text}", case.expression);
        let planned_at: HashSet<_> = planned.iter().map(|start| start.starts).collect();
        let expected_at: HashSet<_> = expected.iter().map(|start| instant(start.at)).collect();
        for start in expected.iter().filter(|start| !planned_at.contains(&instant(start.at))) {
            self.missed.push(name(format!("{start:?}")));
        }
        for start in planned {
            let is_new = seen.insert(start.starts) & expected_at.contains(&start.starts);
            if !is_new {
                self.double.push(name(format!("{start:?}")));
            }
        }
        let keys: HashSet<_> = planned.iter().map(|start| (start.nominal, start.pass)).collect();
        if keys.len() != planned.len() {
            self.double.push(name("has a key twice".to_owned()));
        }
        let differ = planned.iter().zip(expected).find(|(a, b)| !is_same(a, b));
        if let Some((planned, expected)) = differ {
            self.other.push(name(format!("{planned:?} is not {expected:?}")));
        }
        self.starts += expected.len();
    }

    /// Asked from any instant, the plan goes on as it did from the first one.
    fn resumed(&mut self, zone: &str, plan: &Plan, planned: &[Occurrence], after: UnixMs) {
        let from = planned.partition_point(|start| start.starts <= after);
        let expected = planned[from..].iter().take(3);
        let again: Vec<_> = plan.occurrences(after).take(expected.len()).collect();
        if !again.iter().eq(expected) {
            self.other.push(format!("{zone}: asked after {after:?}, goes on with {again:?}"));
        }
        self.resumed += 1;
    }

    fn end(&mut self, zone: &str, instance: &Instance, expected: i64) {
        if instance.ends != instant(expected) {
            self.other.push(format!("{zone}: {instance:?} ends at {:?}", instant(expected)));
        }
        self.ends += 1;
    }
}

/// What is walked: whole years, or so many days around every change.
fn windows(years: &Range<i64>, offset: &dyn Fn(i64) -> i32) -> Vec<Range<i64>> {
    let (from, to) = (days(years.start, 1, 1) * DAY, days(years.end, 1, 1) * DAY);
    let around = match size("PALIO_SCHEDULE_DAYS", "3".to_owned()).as_str() {
        "all" => return std::iter::once(from..to).collect(),
        around => around.parse::<i64>().expect("a number of days, or all") * DAY,
    };
    let is_change = |at: &i64| offset(at * 60) != offset((at - 60) * 60);
    let mut windows: Vec<Range<i64>> = Vec::new();
    for change in (from..to).step_by(60).filter(is_change) {
        match windows.last_mut() {
            Some(last) if last.end > change - around => last.end = change + around,
            _ => windows.push(change - around..change + around),
        }
    }
    if windows.is_empty() {
        windows.push(from..from + around);
    }
    windows
}

#[test]
fn nothing_is_missed_and_nothing_is_double() {
    let years = years();
    let mut tally = Tally::default();
    let mut random = Random(1);
    for zone in zones() {
        let name = zone.name();
        let file = Zone::named(name);
        let is_older = OLDER_IN_CHRONO.iter().any(|(other, _)| *other == name);
        let offset = |at| if is_older { file.offset(at) } else { offset_of(zone, at) };
        for window in windows(&years, &offset) {
            let walls = Walls::walk(window.start, window.end, offset);
            for case in CASES {
                compare(&mut tally, &mut random, name, case, &walls);
            }
            ends(&mut tally, name, &walls);
            tally.changes += walls.changes.len();
            tally.minutes += walls.shown.len();
        }
        tally.zones += 1;
    }
    let Tally { zones, changes, minutes, starts, resumed, ends, missed, double, other } = tally;
    println!(
        "{zones} zones, years {years:?}, {changes} changes, {minutes} minutes walked, \
         {} expressions: {starts} starts, {} missed, {} double; \
         asked again from {resumed} instants, {ends} ends: {} wrong",
        CASES.len(),
        missed.len(),
        double.len(),
        other.len(),
    );
    let wrong = || missed.iter().chain(&double).chain(&other).take(20);
    assert!(wrong().next().is_none(), "{:#?}", wrong().collect::<Vec<_>>());
    assert!(starts > 0 && resumed > 0 && ends > 0);
}

fn compare(tally: &mut Tally, random: &mut Random, zone: &str, case: &Case, walls: &Walls) {
    let plan = schedule(zone, case.expression, Length::Fixed { ms: 60_000 });
    let to = instant(walls.from + walls.shown.len() as i64);
    let before = UnixMs(walls.from * 60_000 - 1);
    let planned: Vec<_> = plan.occurrences(before).take_while(|start| start.starts < to).collect();
    tally.starts(zone, case, &planned, &walls.starts(case));
    for change in &walls.changes {
        let away = random.below(2 * 180) as i64 - 180;
        for minute in [*change, *change - 1, change + away] {
            tally.resumed(zone, &plan, &planned, UnixMs(minute * 60_000 + away));
        }
    }
}

/// The reading at which a run ends, by the reading at which it starts.
type EndOf = fn(i64) -> i64;

/// Runs that begin around a change and end by the clock.
fn ends(tally: &mut Tally, zone: &str, walls: &Walls) {
    let until = |time: &str| Length::Until { time: time.to_owned(), weekday: None };
    let day = Length::Calendar { months: 0, weeks: 0, days: 1 };
    let lengths: [(Length, EndOf); 5] = [
        (day, |nominal| nominal + DAY),
        (until("02:45"), |nominal| next(nominal, 2 * 60 + 45)),
        (until("03:00"), |nominal| next(nominal, 3 * 60)),
        (until("00:00"), |nominal| next(nominal, 0)),
        (until("12:00"), |nominal| next(nominal, 12 * 60)),
    ];
    for case in CASES.iter().filter(|case| (case.days)(&ANY_DAY)) {
        let starts = walls.starts(case);
        for (length, end_of) in &lengths {
            let plan = schedule(zone, case.expression, length.clone());
            for change in &walls.changes {
                let from = (change - 2 * DAY).max(walls.from);
                let first = starts.partition_point(|start| start.at < from);
                let last = starts.partition_point(|start| start.at < change + 2 * DAY);
                let after = UnixMs(from * 60_000 - 1);
                for (instance, start) in plan.instances(after).zip(&starts[first..last]) {
                    if let Some(end) = walls.end(start, end_of(start.nominal)) {
                        tally.end(zone, &instance, end);
                    }
                }
            }
        }
    }
}

/// A day that no case names in particular.
const ANY_DAY: crate::oracle::Date =
    crate::oracle::Date { month: 7, day: 14, weekday: 3, is_last: false };

/// The next wall-clock minute after `nominal` with this minute of the day.
fn next(nominal: i64, minute_of_day: i64) -> i64 {
    let today = nominal - nominal.rem_euclid(DAY) + minute_of_day;
    if today > nominal { today } else { today + DAY }
}

#[test]
fn the_copies_of_the_database_differ_where_this_file_says() {
    let (from, to) = (days(2020, 1, 1) * DAY, days(2036, 1, 1) * DAY);
    let mut differ = Vec::new();
    let mut looked = 0;
    // The small run looks at fewer zones: where nothing else differs, a new release does.
    let is_older = |zone: &Tz| OLDER_IN_CHRONO.iter().any(|(name, _)| *name == zone.name());
    let looked_at = zones();
    let all = chrono_tz::TZ_VARIANTS.iter();
    for zone in all.filter(|zone| is_older(zone) || looked_at.contains(zone)) {
        let file = Zone::named(zone.name());
        let mut differs = |at: i64| {
            looked += 1;
            offset_of(*zone, at * 60) != file.offset(at * 60)
        };
        // Changes come on a quarter of an hour, never two in a day: a day between whose ends
        // nothing has changed need not be walked.
        let mut first = None;
        for day in (from..to).step_by(DAY as usize) {
            let is_still = file.offset(day * 60) == file.offset((day + DAY) * 60);
            let step = if is_still { DAY } else { 15 };
            first = (day..day + DAY).step_by(step as usize).find(|at| differs(*at));
            if first.is_some() {
                break;
            }
        }
        if let Some(mut at) = first {
            // Where only the older copy has a change, the day it is in was not walked.
            while differs(at - 15) {
                at -= 15;
            }
            differ.push((zone.name(), reading(at)));
        }
    }
    println!("{} zones looked at, at {looked} instants", looked_at.len());
    assert_eq!((tzdata_version(), chrono_tz::IANA_TZDB_VERSION), ("2026e", "2025b"));
    let expected: Vec<_> =
        OLDER_IN_CHRONO.iter().map(|(name, at)| (*name, (*at).to_owned())).collect();
    assert_eq!(differ, expected);
}
