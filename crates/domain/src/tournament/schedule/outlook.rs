//! What a schedule will do, looked at before it is accepted: problems that only show in its
//! instances.

use super::definition::{Reminder, Schedule};
use super::local::DAY_MS;
use super::plan::{Cut, Plan, Planned, Trigger};
use super::problem::{Code, Problem, Problems};
use crate::time::UnixMs;

/// How far ahead changes of the clock are looked at.
const OUTLOOK_MS: i64 = 2 * 366 * DAY_MS;
/// Instances looked at from now on, and again around every change of the clock.
const INSTANCES: usize = 400;
/// Instances that may be announced at the same time.
const AHEAD_MAX: usize = 400;

impl Schedule {
    /// Reads a schedule that is to be accepted at `now`: [`Self::compile`], and a look at what it
    /// would do in the next two years, the days around every change of the clock included.
    ///
    /// # Errors
    /// Everything that is wrong with it; of instances, the first one of each kind of problem.
    pub fn validate(&self, now: UnixMs) -> Result<Plan, Vec<Problem>> {
        let plan = self.compile()?;
        let mut problems = Problems::default();
        plan.look_ahead(now, &mut problems);
        problems.or(Some(plan))
    }
}

impl Plan {
    fn look_ahead(&self, now: UnixMs, problems: &mut Problems) {
        if matches!(self.trigger, Trigger::ByHand) {
            return;
        }
        let Some(first) = self.occurrences(now).next() else {
            problems.add("when", Code::NeverFires, "must have a start in the future");
            return;
        };
        let soon = first.starts.plus_ms(self.lead_ms);
        if self.occurrences(now).take_while(|o| o.starts <= soon).nth(AHEAD_MAX).is_some() {
            let message = format!("must not announce more than {AHEAD_MAX} instances at once");
            problems.add("announceBeforeMs", Code::TooManyAhead, message);
        }
        let changes = self.zone.changes(first.starts, first.starts.plus_ms(OUTLOOK_MS));
        // Far enough before a change that instances that run over it are among them.
        let around = changes.into_iter().map(|at| at.plus_ms(-2 * DAY_MS).max(now));
        for from in std::iter::once(now).chain(around) {
            for planned in self.planned(from).take(INSTANCES) {
                self.check_instance(&planned, problems);
            }
        }
    }

    fn check_instance(&self, planned: &Planned, problems: &mut Problems) {
        let Planned { instance, cut } = planned;
        let key = &instance.key;
        match cut {
            Some(Cut::Overlap) => {
                let message = format!(
                    "is longer than the time to the next start, first at {key}; \
                     shorten it, use a calendar length, or allow overlap"
                );
                problems.add_once("length", Code::InstancesOverlap, message);
            }
            Some(Cut::Gap) => {
                let message = format!("is longer than the time between instances, first at {key}");
                problems.add_once("gapMs", Code::GapNotKept, message);
            }
            Some(Cut::TooLong) => {
                let message = format!("must be at most 366 days, but is more at {key}");
                problems.add_once("length", Code::InstanceTooLong, message);
            }
            None => {}
        }
        let lasts = instance.ends.since_ms(instance.starts);
        for (index, reminder) in self.reminders.iter().enumerate() {
            if cut.is_none() && matches!(reminder, Reminder::BeforeEnd { ms } if *ms > lasts) {
                let message = format!("must not come before the start, as at {key}");
                let field = format!("reminders[{index}].ms");
                problems.add_once(&field, Code::ReminderBeforeStart, message);
            }
        }
    }
}
