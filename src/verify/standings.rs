//! Recomputes every closed tournament from the rows up to its cut.

use super::each_page;
use super::report::Report;
use crate::storage::{Error, Storage};
use palio_domain::journal::{Head, Row};
use palio_domain::tournament::lifecycle::Event;
use palio_domain::tournament::{FinalResult, Standings as Fold};
use palio_domain::{Aggregate, TenantId};
use std::collections::BTreeMap;
use std::sync::Arc;

struct Contest {
    fold: Fold,
    result: Option<FinalResult>,
}

/// All tournaments of the journal.
#[derive(Default)]
pub(super) struct Standings {
    contests: BTreeMap<(TenantId, u64), Contest>,
    damaged: Vec<String>,
}

impl Standings {
    /// Finds the tournaments whose home is this slot.
    pub(super) async fn read_definitions(
        &mut self,
        storage: &Storage,
        head: &Head,
    ) -> Result<(), Error> {
        each_page(storage, head.slot, head.next_seq, |rows| {
            for stored in rows {
                if let Aggregate::Tournament(number) = stored.row.aggregate {
                    self.life(&stored.row, number);
                }
            }
        })
        .await
    }

    fn life(&mut self, row: &Row, number: u64) {
        let id = (row.tenant, number);
        match Event::from_row(row) {
            Ok(Event::Created { definition }) => {
                let fold = Fold::new(Arc::new(*definition), row.tenant, row.time);
                self.contests.insert(id, Contest { fold, result: None });
            }
            Ok(Event::Closed { cut, result }) => {
                if let Some(contest) = self.contests.get_mut(&id) {
                    contest.fold.set_cut(cut);
                    contest.result = Some(result);
                }
            }
            Ok(
                Event::Started
                | Event::Cancelled { .. }
                | Event::Disqualified { .. }
                | Event::Reinstated { .. },
            ) => {}
            Err(error) => self.damaged.push(error.to_string()),
        }
    }

    /// Folds a row into every tournament.
    pub(super) fn take(&mut self, row: &Row) {
        for contest in self.contests.values_mut() {
            if let Err(error) = contest.fold.apply(row) {
                self.damaged.push(error.to_string());
            }
        }
    }

    /// Compares what was published with what the journal says.
    pub(super) fn compare(&self, report: &mut Report) {
        for damaged in &self.damaged {
            report.differs("standings", "a row", damaged.clone());
        }
        for contest in self.contests.values() {
            report.tournaments += 1;
            let Some(published) = &contest.result else { continue };
            let recomputed = contest.fold.result();
            if recomputed != *published {
                let found = format!(
                    "published {} with {} players, recomputed {} with {}",
                    published.standings_hash,
                    published.participants,
                    recomputed.standings_hash,
                    recomputed.participants
                );
                report.differs("standings", contest.fold.definition().id.as_str(), found);
            }
        }
    }
}
