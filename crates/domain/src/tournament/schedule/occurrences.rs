//! The starts of a cron expression in a zone, in order: the rule of the module above.

use super::cron::Expression;
use super::instance::{Occurrence, Pass};
use super::local::{LocalTime, MINUTE_MS};
use super::zone::{Placed, Zone};
use crate::time::UnixMs;
use std::collections::VecDeque;

/// A cron expression with its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recurrence {
    pub(super) expression: Expression,
    /// No start has an earlier nominal time.
    pub(super) from: Option<LocalTime>,
    /// No start has this nominal time or a later one.
    pub(super) until: Option<LocalTime>,
    /// No start is later, because of `until` or because the count is used up.
    pub(super) last: Option<UnixMs>,
}

impl Recurrence {
    /// The starts after `after`, in order, with what would follow the upper bounds.
    pub(super) fn starts<'a>(&'a self, zone: &'a Zone, after: UnixMs) -> Starts<'a> {
        let first = first_reading(zone, after);
        let next = first.map(|first| self.from.map_or(first, |from| from.max(first)));
        Starts { expression: &self.expression, zone, after, next, second: VecDeque::new() }
    }

    /// Whether nothing from here on is inside the upper bounds.
    pub(super) fn is_past(&self, start: &Occurrence) -> bool {
        self.last.is_some_and(|last| start.starts > last)
    }

    /// Whether it is inside the upper bounds. Where the clock is turned back over `until`, a start
    /// that is not comes before one that is.
    pub(super) fn has(&self, start: &Occurrence) -> bool {
        !self.is_past(start) && self.until.is_none_or(|until| start.nominal < until)
    }
}

/// Where the search for starts after `after` has to begin on the wall clock.
///
/// A reading before the one at `after` can come again only if the clock is turned back to before
/// it, so that the reading at `after` itself comes twice; then that turn is shorter than the
/// distance between the two.
fn first_reading(zone: &Zone, after: UnixMs) -> Option<LocalTime> {
    let Some(reading) = zone.read(after) else { return LocalTime::first_if_before(after) };
    match zone.place(reading)? {
        Placed::Twice { first, second } => reading.plus_ms(first.since_ms(second)),
        Placed::Once(_) | Placed::Never { .. } => Some(reading),
    }
}

/// See [`Recurrence::starts`].
pub(super) struct Starts<'a> {
    expression: &'a Expression,
    zone: &'a Zone,
    /// Starts up to here are not wanted, or were given.
    after: UnixMs,
    /// Where on the wall clock to search on.
    next: Option<LocalTime>,
    /// Second passings that wait until their time comes; at most one turn of the clock.
    second: VecDeque<Occurrence>,
}

impl Starts<'_> {
    fn give(&mut self, start: Occurrence) -> Option<Occurrence> {
        self.after = start.starts;
        Some(start)
    }
}

impl Iterator for Starts<'_> {
    type Item = Occurrence;

    fn next(&mut self) -> Option<Occurrence> {
        loop {
            let found = self.next.and_then(|from| self.expression.next(from));
            let Some(nominal) = found else {
                self.next = None;
                let waiting = self.second.pop_front()?;
                return self.give(waiting);
            };
            let placed = self.zone.place(nominal)?;
            let starts = placed.single();
            if self.second.front().is_some_and(|waiting| waiting.starts < starts) {
                // The clock is past the turn: first what waits, then this reading again.
                self.next = Some(nominal);
                let waiting = self.second.pop_front()?;
                return self.give(waiting);
            }
            self.next = nominal.plus_ms(MINUTE_MS);
            let is_rhythm = self.expression.is_rhythm();
            let start = |pass, starts, is_moved| Occurrence { nominal, pass, starts, is_moved };
            let first = match placed {
                Placed::Once(at) => start(Pass::First, at, false),
                Placed::Twice { first, second } => {
                    if is_rhythm && second > self.after {
                        self.second.push_back(start(Pass::Second, second, false));
                    }
                    start(Pass::First, first, false)
                }
                Placed::Never { .. } if is_rhythm => continue,
                Placed::Never { after } => start(Pass::First, after, true),
            };
            // Several readings inside one gap have the same start: the first one names it.
            if first.starts > self.after {
                return self.give(first);
            }
        }
    }
}
