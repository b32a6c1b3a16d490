//! Recomputes every version of a tournament's result, and the plan of each, as they were made:
//! from the rows up to the version's cut, with whoever was out, under review and seated then.

use super::report::Report;
use palio_domain::journal::{Leg, Row};
use palio_domain::tournament::lifecycle::{Command, Event, Order, Tournament};
use palio_domain::tournament::prizes::PrizePlan;
use palio_domain::tournament::prizes::table::Cancellation;
use palio_domain::tournament::settle::{self, Settling};
use palio_domain::tournament::{FinalResult, Standings};
use palio_domain::{Amount, PlayerId, UnixMs};
use std::collections::BTreeSet;

/// A later version of a result as it was journalled.
struct Revised {
    cut: Vec<u64>,
    result: FinalResult,
    /// Who was out.
    out: BTreeSet<PlayerId>,
    follows: bool,
}

/// A plan as it was journalled, with the tournament as it was before.
struct Planned {
    before: Tournament,
    at: UnixMs,
    version: u32,
    plan: PrizePlan,
    orders: Vec<Order>,
    leg: Option<Leg>,
}

/// What a tournament's home rows say of its result's versions, in their order.
#[derive(Default)]
pub(super) struct Versions {
    /// From version 2 on.
    revised: Vec<Revised>,
    planned: Vec<Planned>,
}

impl Versions {
    /// Takes a home row in; `before`: the tournament without it.
    pub(super) fn take(&mut self, before: &Tournament, row: &Row, event: &Event) {
        match event {
            Event::Revised { cut, result, reason, author, .. } => {
                let command = Command::Revise {
                    seen: before.seq,
                    cut: cut.clone(),
                    result: result.clone(),
                    reason: reason.clone(),
                    author: author.clone(),
                };
                let decided = Tournament::decide(Some(before), &command, row.time);
                self.revised.push(Revised {
                    cut: cut.clone(),
                    result: result.clone(),
                    out: before.out.clone(),
                    follows: decided.as_ref() == Ok(&Some(event.clone())),
                });
            }
            Event::Planned { version, plan, orders, leg } => self.planned.push(Planned {
                before: before.clone(),
                at: row.time,
                version: *version,
                plan: (**plan).clone(),
                orders: orders.clone(),
                leg: *leg,
            }),
            _ => {}
        }
    }

    /// What can be told without standings: orders and money of each plan, and refunds.
    pub(super) fn compare(&self, report: &mut Report) {
        for planned in &self.planned {
            let id = planned.before.definition.id.as_str();
            if !planned.follows() {
                let found = format!("the orders of version {} do not follow", planned.version);
                report.differs("prizes", id, found);
            }
            if planned.before.is_cancelled() && planned.is_refund() == Some(false) {
                report.differs("prizes", id, "the plan is not what was paid in");
            }
        }
    }

    /// Every version and its plan; `fold` stands at the cut of the first one.
    pub(super) fn recompute(&self, fold: &Standings, report: &mut Report) {
        self.plan_of(1, fold, report);
        if self.revised.is_empty() {
            return;
        }
        let id = fold.definition().id.as_str();
        let mut fold = fold.clone();
        for (version, revised) in (2..).zip(&self.revised) {
            fold.correct_until(&revised.cut, &revised.out);
            if !revised.follows {
                let found = format!("version {version} of the result does not follow");
                report.differs("standings", id, found);
            }
            if fold.result() != revised.result {
                let found = format!("version {version} of the result is not recomputed");
                report.differs("standings", id, found);
            }
            self.plan_of(version, &fold, report);
        }
    }

    fn plan_of(&self, version: u32, fold: &Standings, report: &mut Report) {
        let of_version =
            |planned: &&Planned| planned.version == version && !planned.before.is_cancelled();
        for planned in self.planned.iter().filter(of_version) {
            let before = &planned.before;
            let settling = Settling {
                finishers: fold.finishers(&before.under_review),
                turnover: fold.turnover(),
            };
            let again = settle::settle(&before.definition, before.brought(), &settling);
            if again.as_ref() != Ok(&Some(planned.plan.clone())) {
                let id = before.definition.id.as_str();
                let found = format!("the plan of version {version} is not what the result gives");
                report.differs("prizes", id, found);
            }
        }
    }
}

impl Planned {
    /// Whether it was due, and its orders and its money follow from it and the plans before it.
    fn follows(&self) -> bool {
        let plan = Box::new(self.plan.clone());
        let command = Command::Plan { seen: self.before.seq, version: self.version, plan };
        let event = Event::Planned {
            version: self.version,
            plan: Box::new(self.plan.clone()),
            orders: self.orders.clone(),
            leg: self.leg,
        };
        Tournament::decide(Some(&self.before), &command, self.at) == Ok(Some(event))
    }

    /// Whether it gives back what was paid in; `None` where a pool was divided by the standings
    /// of a tournament under way, which name no cut.
    fn is_refund(&self) -> Option<bool> {
        let definition = &self.before.definition;
        let rules = definition.prize_rules().ok().flatten();
        let refunds =
            rules.is_none_or(|rules| rules.policies().cancellation == Cancellation::Refund);
        if self.before.was_started() && !refunds {
            return None;
        }
        let started: Option<(&[_], _)> = self.before.was_started().then_some((&[], Amount::ZERO));
        let again = settle::call_off(definition, &self.before.seats, started);
        Some(again.as_ref() == Ok(&Some(self.plan.clone())))
    }
}
