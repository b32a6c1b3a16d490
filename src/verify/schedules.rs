//! Folds every schedule's rows again, and compares what was decided with the tournaments there are.

use super::report::Report;
use palio_domain::journal::Row;
use palio_domain::tournament::schedule::Programme;
use palio_domain::tournament::schedule::entity::Event;
use palio_domain::{Aggregate, TenantId};
use std::collections::{BTreeMap, BTreeSet};

/// All schedules of the journal.
#[derive(Default)]
pub(super) struct Schedules {
    programmes: BTreeMap<(TenantId, u64), Option<Programme>>,
    /// Where each announcement stands, by the tournament's number.
    announced: BTreeMap<(TenantId, u64), (String, String)>,
    /// What is wrong: where, and what was found.
    wrong: Vec<(String, String)>,
}

impl Schedules {
    /// Takes an entity's row in; rows of one slot in their order.
    pub(super) fn take(&mut self, row: &Row) {
        let Aggregate::Schedule(number) = row.aggregate else { return };
        let state = self.programmes.entry((row.tenant, number)).or_default();
        let before = state.as_ref().map(|state| state.decided_through);
        if let Err(error) = Programme::fold(state, row) {
            return self.wrong.push((super::at(row), error.to_string()));
        }
        let Ok(Event::Decided(deciding)) = Event::from_row(row) else { return };
        if before.is_some_and(|before| deciding.decided_through < before) {
            self.wrong.push((super::at(row), "decided_through goes back".to_owned()));
        }
        let taking_place = deciding.decisions.iter().filter(|of| of.outcome.takes_place());
        for decided in taking_place {
            let key = &decided.instance.key;
            let Ok(id) = key.tournament() else {
                self.wrong.push((super::at(row), format!("{key} is no tournament's id")));
                continue;
            };
            let at = (super::at(row), key.to_string());
            if self.announced.insert((row.tenant, id.number()), at).is_some() {
                self.wrong.push((super::at(row), format!("{key} was announced before")));
            }
        }
    }

    /// Compares with the tournaments that were created.
    pub(super) fn compare(&self, created: &BTreeSet<(TenantId, u64)>, report: &mut Report) {
        report.schedules += u64::try_from(self.programmes.len()).unwrap_or(u64::MAX);
        for (at, found) in &self.wrong {
            report.differs("schedules", at.clone(), found.clone());
        }
        for (id, (at, key)) in &self.announced {
            if !created.contains(id) {
                let found = format!("{key} was announced, but there is no such tournament");
                report.differs("schedules", at.clone(), found);
            }
        }
    }
}
