//! When an expression starts something, by walking minute by minute over UTC and looking at the
//! clock on the wall: the documented rule again, from scratch. Shares no code with the scheduler:
//! neither calendar, nor zones, nor the reading of expressions.

use crate::tzif::{date, month_days, weekday_of};

/// Minutes of a day.
pub const DAY: i64 = 1440;

/// An expression, once as text for the scheduler and once as what it means.
pub struct Case {
    pub expression: &'static str,
    pub minutes: fn(i64) -> bool,
    pub hours: fn(i64) -> bool,
    pub days: fn(&Date) -> bool,
}

/// A day of the calendar.
pub struct Date {
    pub month: i64,
    pub day: i64,
    /// 0 is Sunday.
    pub weekday: i64,
    pub is_last: bool,
}

const fn every_day(_: &Date) -> bool {
    true
}

const fn case(expression: &'static str, minutes: fn(i64) -> bool, hours: fn(i64) -> bool) -> Case {
    Case { expression, minutes, hours, days: every_day }
}

const fn on(mut case: Case, days: fn(&Date) -> bool) -> Case {
    case.days = days;
    case
}

/// Fixed times inside and outside of gaps and overlaps, lists, rhythms, weeks, months.
pub const CASES: &[Case] = &[
    case("30 2 * * *", |m| m == 30, |h| h == 2),
    case("0 18 * * *", |m| m == 0, |h| h == 18),
    case("0 0 * * *", |m| m == 0, |h| h == 0),
    case("30 23 * * *", |m| m == 30, |h| h == 23),
    case("0 2,3 * * *", |m| m == 0, |h| h == 2 || h == 3),
    case("15,45 0-3 * * *", |m| m == 15 || m == 45, |h| h <= 3),
    case("*/20 */2 * * *", |m| m % 20 == 0, |h| h % 2 == 0),
    case("0 * * * *", |m| m == 0, |_| true),
    case("*/15 * * * *", |m| m % 15 == 0, |_| true),
    case("10-59/25 0-23 * * *", |m| m == 10 || m == 35, |_| true),
    on(case("0 20 * * 6,0", |m| m == 0, |h| h == 20), |d| d.weekday == 6 || d.weekday == 0),
    on(case("30 1 * * 7", |m| m == 30, |h| h == 1), |d| d.weekday == 0),
    on(case("*/30 * * * SUN", |m| m % 30 == 0, |_| true), |d| d.weekday == 0),
    on(case("0 0 L * *", |m| m == 0, |h| h == 0), |d| d.is_last),
    on(case("0 9 1 * *", |m| m == 0, |h| h == 9), |d| d.day == 1),
    on(case("30 2 29 2 *", |m| m == 30, |h| h == 2), |d| d.month == 2 && d.day == 29),
    on(case("0 1 * 3,10 7#L", |m| m == 0, |h| h == 1), |d| {
        (d.month == 3 || d.month == 10) && d.weekday == 0 && d.day + 7 > month_days_of(d)
    }),
];

/// Only asked for March and October.
fn month_days_of(_: &Date) -> i64 {
    31
}

/// A start as the oracle sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start {
    /// Minutes since 1970, UTC.
    pub at: i64,
    /// What the expression names, in minutes of the wall clock.
    pub nominal: i64,
    /// Whether the clock shows it for the second time.
    pub is_second: bool,
    /// Whether the clock skips it.
    pub is_skipped: bool,
}

/// What clocks in a zone show, minute by minute.
pub struct Walls {
    /// The first minute since 1970.
    pub from: i64,
    /// Minutes of the wall clock.
    pub shown: Vec<i64>,
    /// Minutes (UTC) at which the offset became another one.
    pub changes: Vec<i64>,
}

impl Walls {
    pub fn walk(from: i64, to: i64, offset: impl Fn(i64) -> i32) -> Self {
        let (mut shown, mut changes) = (Vec::new(), Vec::new());
        let mut last = None;
        for minute in from..to {
            let offset = i64::from(offset(minute * 60));
            assert_eq!(offset % 60, 0, "offsets are whole minutes");
            if last.is_some_and(|last| last != offset) {
                changes.push(minute);
            }
            last = Some(offset);
            shown.push(minute + offset / 60);
        }
        Self { from, shown, changes }
    }

    /// The instants at which the case starts something.
    pub fn starts(&self, case: &Case) -> Vec<Start> {
        let names = Names::new(case, *self.shown.first().unwrap(), *self.shown.last().unwrap());
        let is_rhythm = (0..24).all(case.hours);
        let mut starts = Vec::new();
        // The latest reading so far: what is not later has been there.
        let mut latest = self.shown[0] - 1;
        for (index, shown) in self.shown.iter().copied().enumerate() {
            let at = self.from + index as i64;
            let mut start = |nominal, is_second, is_skipped| {
                starts.push(Start { at, nominal, is_second, is_skipped });
            };
            let is_second = shown <= latest;
            let skipped = (latest + 1..shown).find(|reading| names.has(*reading));
            if is_rhythm {
                if names.has(shown) {
                    start(shown, is_second, false);
                }
            } else if let Some(skipped) = skipped {
                start(skipped, false, true);
            } else if !is_second && names.has(shown) {
                start(shown, false, false);
            }
            latest = latest.max(shown);
        }
        starts
    }

    /// The end of a run from `start` until the clock shows `nominal`; `None` where the walk ends
    /// before.
    pub fn end(&self, start: &Start, nominal: i64) -> Option<i64> {
        let index = usize::try_from(start.at - self.from).unwrap();
        if self.shown[index] >= nominal {
            return Some(start.at + nominal - start.nominal);
        }
        let later = self.shown[index..].iter().position(|shown| *shown >= nominal)?;
        Some(start.at + later as i64)
    }
}

/// Which readings a case names, tabled.
struct Names {
    day_from: i64,
    days: Vec<bool>,
    minutes: Vec<bool>,
}

impl Names {
    fn new(case: &Case, from: i64, to: i64) -> Self {
        let (day_from, day_to) = (from.div_euclid(DAY) - 2, to.div_euclid(DAY) + 2);
        let days = (day_from..=day_to).map(|day_number| {
            let (year, month, day) = date(day_number);
            let is_last = day == month_days(year, month);
            let weekday = weekday_of(day_number);
            (case.days)(&Date { month, day, weekday, is_last })
        });
        let minutes = (0..DAY).map(|m| (case.hours)(m / 60) && (case.minutes)(m % 60));
        Self { day_from, days: days.collect(), minutes: minutes.collect() }
    }

    fn has(&self, reading: i64) -> bool {
        let day = usize::try_from(reading.div_euclid(DAY) - self.day_from).unwrap();
        self.days[day] && self.minutes[reading.rem_euclid(DAY) as usize]
    }
}
