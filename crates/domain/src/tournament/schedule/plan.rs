//! A schedule that has been read: what it plans.

use super::definition::{CatchUp, Reminder, ScheduleId};
use super::instance::{Instance, InstanceKey, Notice, Occurrence, Pass};
use super::local::{DAY_MS, LocalTime, MINUTE_MS};
use super::occurrences::{Recurrence, Starts};
use super::zone::{Placed, Zone};
use crate::time::UnixMs;
use jiff::civil;
use std::iter::Peekable;

/// The longest a tournament may last.
pub(super) const INSTANCE_MS_MAX: i64 = 366 * DAY_MS;

/// A schedule that has been read; made by [`super::Schedule::compile`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(super) id: ScheduleId,
    pub(super) zone: Zone,
    pub(super) trigger: Trigger,
    pub(super) runs: Runs,
    pub(super) gap_ms: i64,
    pub(super) may_overlap: bool,
    /// From the announcement to the start.
    pub(super) lead_ms: i64,
    /// From the opening of registration to the start; at most `lead_ms`.
    pub(super) registration_ms: i64,
    pub(super) reminders: Vec<Reminder>,
    pub(super) catch_up: CatchUp,
    pub(super) late_after_ms: i64,
}

/// What starts instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trigger {
    /// Somebody.
    ByHand,
    /// One time.
    Once(Occurrence),
    /// An expression.
    Cron(Box<Recurrence>),
}

/// How long they run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Runs {
    Fixed { ms: i64 },
    Until { time: civil::Time, weekday: Option<civil::Weekday> },
    Calendar { months: u16, weeks: u16, days: u16 },
    UntilNext,
}

/// An end, and why it is not the one that the length says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) at: UnixMs,
    pub(super) cut: Option<Cut>,
}

/// Why an instance ends sooner than its length says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The next one starts.
    Overlap,
    /// The next one starts before the gap is over.
    Gap,
    /// No tournament lasts that long.
    TooLong,
}

impl Plan {
    /// The zone's name as the database spells it.
    #[must_use]
    pub const fn zone_name(&self) -> &'static str {
        self.zone.name()
    }

    /// The schedule's id.
    #[must_use]
    pub const fn id(&self) -> &ScheduleId {
        &self.id
    }

    /// The starts after `after`, in order; those of a cron expression can be without end.
    pub fn occurrences(&self, after: UnixMs) -> impl Iterator<Item = Occurrence> + '_ {
        self.spaced(after).map(|(start, _)| start)
    }

    /// The instances that start after `after`, in order.
    pub fn instances(&self, after: UnixMs) -> impl Iterator<Item = Instance> + '_ {
        self.planned(after).map(|planned| planned.instance)
    }

    /// The instances that start after `after`, with why they are cut.
    pub(super) fn planned(&self, after: UnixMs) -> impl Iterator<Item = Planned> + '_ {
        self.spaced(after).map(|(start, follows)| {
            let end = self.end(&start, follows);
            Planned { instance: self.instance(&start, end), cut: end.cut }
        })
    }

    fn spaced(&self, after: UnixMs) -> Spaced<'_> {
        match &self.trigger {
            Trigger::ByHand => Spaced::Once(None),
            Trigger::Once(at) => Spaced::Once(Some(*at).filter(|at| at.starts > after)),
            Trigger::Cron(rule) => Spaced::Cron(rule, rule.starts(&self.zone, after).peekable()),
        }
    }

    /// The instance that somebody starts at `now`, beside those that are planned.
    ///
    /// Repeat: within the same minute it has the same key. `None` outside the years 2000–2199.
    #[must_use]
    pub fn start_by_hand(&self, now: UnixMs) -> Option<Instance> {
        let nominal = self.zone.read(now)?;
        let occurrence = Occurrence { nominal, pass: Pass::ByHand, starts: now, is_moved: false };
        let follows = self.occurrences(now).next().map(|next| next.starts);
        let mut instance = self.instance(&occurrence, self.end(&occurrence, follows));
        instance.nominal = LocalTime::utc(now)?;
        instance.key = InstanceKey::new(&self.id, instance.nominal, Pass::ByHand);
        Some(instance)
    }

    /// The end of what starts at `start`, when the next one starts at `follows`.
    pub(super) fn end(&self, start: &Occurrence, follows: Option<UnixMs>) -> End {
        let longest = start.starts.plus_ms(INSTANCE_MS_MAX);
        let until_next = follows.map(|at| at.plus_ms(-self.gap_ms));
        let natural = match &self.runs {
            Runs::Fixed { ms } => Some(start.starts.plus_ms(*ms)),
            Runs::Until { time, weekday } => {
                self.end_at(start, start.nominal.next_at(*time, *weekday))
            }
            Runs::Calendar { months, weeks, days } => {
                self.end_at(start, start.nominal.plus_calendar(*months, *weeks, *days))
            }
            Runs::UntilNext => until_next,
        };
        // Only what would end after the year 2199 has no end.
        let natural = natural.unwrap_or(longest);
        let mut end = End { at: natural, cut: None };
        if natural > longest {
            end = End { at: longest, cut: Some(Cut::TooLong) };
        }
        // The gap yields before an instance does: one always runs for a minute.
        let shortest = start.starts.plus_ms(MINUTE_MS);
        if end.at < shortest {
            return End { at: shortest, cut: Some(Cut::Gap) };
        }
        match (follows, until_next) {
            (Some(next), Some(latest)) if !self.may_overlap && latest < end.at => {
                let cut = if next < end.at { Cut::Overlap } else { Cut::Gap };
                End { at: latest.max(shortest), cut: Some(cut) }
            }
            _ => end,
        }
    }

    /// The instant of an end that is given on the wall clock: the first time after the start that
    /// the clock shows it, or has passed it.
    fn end_at(&self, start: &Occurrence, nominal: Option<LocalTime>) -> Option<UnixMs> {
        let nominal = nominal?;
        let at = match self.zone.place(nominal)? {
            Placed::Twice { first, second } if first <= start.starts => second,
            placed => placed.single(),
        };
        // Start and end can lie in the same gap: then it lasts as long as it says.
        let lasts = nominal.since_ms(start.nominal);
        Some(if at > start.starts { at } else { start.starts.plus_ms(lasts) })
    }

    pub(super) fn instance(&self, start: &Occurrence, end: End) -> Instance {
        let before = |ms: i64| start.starts.plus_ms(-ms);
        let registration_opens = before(self.registration_ms);
        let notices = self.reminders.iter().map(|reminder| Notice {
            reminder: *reminder,
            at: match *reminder {
                Reminder::RegistrationOpens {} => registration_opens,
                Reminder::BeforeStart { ms } => before(ms),
                // A shortened instance may be shorter than the reminder's time.
                Reminder::BeforeEnd { ms } => end.at.plus_ms(-ms).max(start.starts),
                Reminder::AtEnd {} => end.at,
            },
        });
        let mut notices: Vec<_> = notices.collect();
        notices.sort_by_key(|notice| notice.at);
        Instance {
            key: InstanceKey::new(&self.id, start.nominal, start.pass),
            nominal: start.nominal,
            pass: start.pass,
            is_moved: start.is_moved,
            announced: before(self.lead_ms),
            registration_opens,
            starts: start.starts,
            ends: end.at,
            is_shortened: end.cut.is_some(),
            notices,
        }
    }
}

/// An instance, and why it does not last as long as it should.
pub(super) struct Planned {
    pub(super) instance: Instance,
    pub(super) cut: Option<Cut>,
}

/// Starts, each with the next one's time even where a bound lies between.
enum Spaced<'a> {
    Once(Option<Occurrence>),
    Cron(&'a Recurrence, Peekable<Starts<'a>>),
}

impl Iterator for Spaced<'_> {
    type Item = (Occurrence, Option<UnixMs>);

    fn next(&mut self) -> Option<Self::Item> {
        let (rule, starts) = match self {
            Self::Once(at) => return at.take().map(|at| (at, None)),
            Self::Cron(rule, starts) => (rule, starts),
        };
        // Kept in place when it is past, so that asking again finds it again.
        while let Some(start) = starts.next_if(|start| !rule.is_past(start)) {
            if rule.has(&start) {
                return Some((start, starts.peek().map(|next| next.starts)));
            }
        }
        None
    }
}
