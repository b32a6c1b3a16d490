//! From a schedule as written to a plan that can be asked, or to everything that is wrong.

use super::cron::Expression;
use super::definition::{At, Length, Reminder, Schedule, When};
use super::instance::{Occurrence, Pass};
use super::local::{DAY_MS, LocalTime, MINUTE_MS, time_of_day};
use super::occurrences::Recurrence;
use super::plan::{INSTANCE_MS_MAX, Plan, Runs, Trigger};
use super::problem::{Code, Problem, Problems};
use super::zone::{Placed, Zone};
use crate::time::UnixMs;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// How long before its start an instance may be announced.
const LEAD_MS_MAX: i64 = 366 * DAY_MS;
/// Notifications of one instance.
const REMINDERS_MAX: usize = 16;
/// Starts that a `count` can ask for.
const COUNT_MAX: u32 = 10_000;
/// What `late_after_ms` may be.
const LATE_AFTER_MS: RangeInclusive<i64> = 0..=60 * MINUTE_MS;

impl Schedule {
    /// Reads the schedule; looks at nothing but itself, so a stored one stays good.
    ///
    /// # Errors
    /// Everything that is wrong with it, in field order.
    pub fn compile(&self) -> Result<Plan, Vec<Problem>> {
        let mut problems = Problems::default();
        let zone = self.zone(&mut problems);
        let trigger = self.trigger(zone.as_ref(), &mut problems);
        let runs = self.runs(&mut problems);
        self.check_gap(&mut problems);
        let lead_ms = self.check_leads(&mut problems);
        self.check_reminders(lead_ms, &mut problems);
        if !LATE_AFTER_MS.contains(&self.late_after_ms) {
            problems.add("lateAfterMs", Code::OutOfRange, "must be 0 to one hour");
        }
        let parts = zone.zip(trigger).zip(runs);
        let plan = parts.map(|((zone, trigger), runs)| Plan {
            id: self.id.clone(),
            zone,
            trigger,
            runs,
            gap_ms: self.gap_ms,
            may_overlap: self.overlap,
            lead_ms,
            registration_ms: self.registration_before_ms.unwrap_or(lead_ms),
            reminders: self.reminders.clone(),
            catch_up: self.catch_up,
            late_after_ms: self.late_after_ms,
        });
        problems.or(plan)
    }

    fn zone(&self, problems: &mut Problems) -> Option<Zone> {
        let Some(name) = &self.zone else {
            problems.add("zone", Code::ZoneMissing, "must be given");
            return None;
        };
        let zone = Zone::named(name);
        if zone.is_none() {
            let message = "must be a name of the time-zone database, such as Europe/Berlin";
            problems.add("zone", Code::ZoneUnknown, message);
        }
        zone
    }

    /// Needs the zone only where it must; what can be said without one is said without one.
    fn trigger(&self, zone: Option<&Zone>, problems: &mut Problems) -> Option<Trigger> {
        match &self.when {
            When::Instant {} => Some(Trigger::ByHand),
            When::Once { at: At::Instant(at) } => {
                let Some(nominal) = LocalTime::utc(*at) else {
                    let message = "must be Unix milliseconds of a year from 2000 to 2199";
                    problems.add("when.at", Code::OutOfRange, message);
                    return None;
                };
                // On the clock of the zone, as everything that is read off a nominal time.
                let nominal = zone.and_then(|zone| zone.read(*at)).unwrap_or(nominal);
                let starts = *at;
                let pass = Pass::First;
                Some(Trigger::Once(Occurrence { nominal, pass, starts, is_moved: false }))
            }
            When::Once { at: At::Local(text) } => {
                let nominal = local("when.at", text, problems)?;
                let placed = zone?.place(nominal)?;
                let is_moved = matches!(placed, Placed::Never { .. });
                let starts = placed.single();
                Some(Trigger::Once(Occurrence { nominal, pass: Pass::First, starts, is_moved }))
            }
            When::Cron { expression, from, until, count } => {
                let expression = match Expression::parse(expression) {
                    Ok(expression) => Some(expression),
                    Err((code, message)) => {
                        problems.add("when.expression", code, message);
                        None
                    }
                };
                let mut bound = |field, text: &Option<String>| {
                    text.as_ref().and_then(|text| local(field, text, problems))
                };
                let (lower, upper) = (bound("when.from", from), bound("when.until", until));
                if lower.zip(upper).is_some_and(|(from, until)| until <= from) {
                    problems.add("when.until", Code::UntilBeforeFrom, "must be after from");
                }
                if count.is_some_and(|count| !(1..=COUNT_MAX).contains(&count)) {
                    problems.add("when.count", Code::OutOfRange, "must be 1 to 10,000");
                }
                if count.is_some() && from.is_none() {
                    let message = "must come with from: there is nothing to count from";
                    problems.add("when.count", Code::CountNeedsFrom, message);
                }
                let (expression, zone) = expression.zip(zone)?;
                let mut rule = Recurrence { expression, from: lower, until: upper, last: None };
                rule.last = upper.and_then(|until| zone.place(until)).map(Placed::last);
                if let Some(count) = count.filter(|count| *count <= COUNT_MAX) {
                    rule.last = last_of(&rule, zone, count);
                }
                Some(Trigger::Cron(Box::new(rule)))
            }
        }
    }

    fn runs(&self, problems: &mut Problems) -> Option<Runs> {
        match &self.length {
            Length::Fixed { ms } => {
                let is_good = (MINUTE_MS..=INSTANCE_MS_MAX).contains(ms);
                if !is_good {
                    let message = "must be one minute to 366 days";
                    problems.add("length.ms", Code::OutOfRange, message);
                }
                is_good.then_some(Runs::Fixed { ms: *ms })
            }
            Length::Until { time, weekday } => {
                let at = time_of_day(time);
                if at.is_none() {
                    let message = "must be a time of day as 18:00";
                    problems.add("length.time", Code::TimeInvalid, message);
                }
                let weekday = weekday.map(super::definition::Weekday::civil);
                at.map(|time| Runs::Until { time, weekday })
            }
            Length::Calendar { months, weeks, days } => {
                let (months, weeks, days) = (*months, *weeks, *days);
                let sum = u32::from(months) * 31 + u32::from(weeks) * 7 + u32::from(days);
                let is_good = (1..=365).contains(&sum);
                if !is_good {
                    let message = "must be one day to 365 days, a month counted as 31";
                    problems.add("length", Code::OutOfRange, message);
                }
                is_good.then_some(Runs::Calendar { months, weeks, days })
            }
            Length::UntilNext {} => {
                let is_good = matches!(self.when, When::Cron { .. });
                if !is_good {
                    let message = "must not be untilNext where nothing follows";
                    problems.add("length", Code::LengthNeedsCron, message);
                }
                is_good.then_some(Runs::UntilNext)
            }
        }
    }

    fn check_gap(&self, problems: &mut Problems) {
        if !(0..=INSTANCE_MS_MAX).contains(&self.gap_ms) {
            problems.add("gapMs", Code::OutOfRange, "must be 0 to 366 days");
        }
        if self.overlap && self.gap_ms != 0 && !matches!(self.length, Length::UntilNext {}) {
            let message = "must be 0 where instances may overlap";
            problems.add("gapMs", Code::GapWithOverlap, message);
        }
    }

    /// How long before its start an instance is announced.
    fn check_leads(&self, problems: &mut Problems) -> i64 {
        let leads = [
            ("announceBeforeMs", self.announce_before_ms),
            ("registrationBeforeMs", self.registration_before_ms),
        ];
        for (field, lead) in leads {
            if lead.is_some_and(|ms| !(0..=LEAD_MS_MAX).contains(&ms)) {
                problems.add(field, Code::OutOfRange, "must be 0 to 366 days");
            }
        }
        if let (Some(announced), Some(opens)) =
            (self.announce_before_ms, self.registration_before_ms)
            && opens > announced
        {
            let message = "must not be more than announceBeforeMs";
            problems.add("registrationBeforeMs", Code::RegistrationBeforeAnnouncement, message);
        }
        self.announce_before_ms.or(self.registration_before_ms).unwrap_or(0)
    }

    fn check_reminders(&self, lead_ms: i64, problems: &mut Problems) {
        if self.reminders.len() > REMINDERS_MAX {
            problems.add("reminders", Code::OutOfRange, "must be at most 16");
        }
        let mut seen = BTreeSet::new();
        for (index, reminder) in self.reminders.iter().enumerate() {
            let field = format!("reminders[{index}]");
            if !seen.insert(reminder) {
                problems.add(&field, Code::ReminderTwice, "must not be there twice");
            }
            let range = match reminder {
                Reminder::BeforeStart { ms } if *ms > lead_ms => {
                    let message = "must not come before the announcement";
                    problems.add(format!("{field}.ms"), Code::ReminderBeforeAnnouncement, message);
                    continue;
                }
                Reminder::BeforeStart { ms } => (0..=LEAD_MS_MAX, *ms),
                Reminder::BeforeEnd { ms } => (1..=INSTANCE_MS_MAX, *ms),
                Reminder::RegistrationOpens {} | Reminder::AtEnd {} => continue,
            };
            if !range.0.contains(&range.1) {
                problems.add(format!("{field}.ms"), Code::OutOfRange, "must be 0 to 366 days");
            }
        }
    }
}

fn local(field: &str, text: &str, problems: &mut Problems) -> Option<LocalTime> {
    match LocalTime::parse(text) {
        Ok(at) => Some(at),
        Err(error) => {
            problems.add(field, Code::TimeInvalid, error.to_string());
            None
        }
    }
}

/// The `count`th start from `from` on, or the last one if `until` comes before.
fn last_of(rule: &Recurrence, zone: &Zone, count: u32) -> Option<UnixMs> {
    let count = usize::try_from(count).ok()?;
    let starts = rule.starts(zone, UnixMs(0)).take_while(|start| !rule.is_past(start));
    let last = starts.filter(|start| rule.has(start)).take(count).last();
    last.map(|start| start.starts).or(rule.last)
}
