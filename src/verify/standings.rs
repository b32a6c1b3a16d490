//! Recomputes every closed tournament from the rows up to its cut.

use super::report::Report;
use super::schedules::Schedules;
use crate::storage::{Error, Storage};
use palio_domain::journal::{Head, Row};
use palio_domain::tournament::lifecycle::Event;
use palio_domain::tournament::{Definition, FinalResult, Standings};
use palio_domain::{Aggregate, TenantId, UnixMs};
use std::collections::BTreeMap;
use std::sync::Arc;

struct Contest {
    definition: Arc<Definition>,
    tenant: TenantId,
    created: UnixMs,
    /// Its cut and what was published, once it is closed.
    closed: Option<(Vec<u64>, FinalResult)>,
}

/// All tournaments of the journal.
#[derive(Default)]
pub(super) struct Contests {
    contests: BTreeMap<(TenantId, u64), Contest>,
    damaged: Vec<String>,
    schedules: Schedules,
}

/// The closed ones, over some slots.
pub(super) struct Folds {
    folds: Vec<Standings>,
    damaged: Vec<String>,
}

impl Contests {
    /// Finds the tournaments.
    ///
    /// # Errors
    /// Only when the store can't be read.
    pub(super) async fn read(storage: &Storage, heads: &[Head]) -> Result<Self, Error> {
        let until: BTreeMap<_, _> = heads.iter().map(|head| (head.slot, head.next_seq)).collect();
        let mut rows = storage.journal.entities().await?;
        rows.retain(|row| until.get(&row.slot).is_some_and(|next_seq| row.seq < *next_seq));
        rows.sort_unstable_by_key(|row| (row.slot, row.seq));
        let mut all = Self::default();
        for row in &rows {
            if let Aggregate::Tournament(number) = row.aggregate {
                all.life(row, number);
            }
            all.schedules.take(row);
        }
        Ok(all)
    }

    fn life(&mut self, row: &Row, number: u64) {
        let id = (row.tenant, number);
        match Event::from_row(row) {
            Ok(Event::Created { definition }) => {
                let contest = Contest {
                    definition: Arc::new(*definition),
                    tenant: row.tenant,
                    created: row.time,
                    closed: None,
                };
                self.contests.insert(id, contest);
            }
            Ok(Event::Closed { cut, result }) => {
                if let Some(contest) = self.contests.get_mut(&id) {
                    contest.closed = Some((cut, result));
                }
            }
            Ok(_) => {}
            Err(error) => self.damaged.push(error.to_string()),
        }
    }

    /// Empty folds; only what is closed is compared.
    pub(super) fn folds(&self) -> Folds {
        let fold = |contest: &Contest| {
            let (cut, _) = contest.closed.as_ref()?;
            let definition = Arc::clone(&contest.definition);
            let mut fold = Standings::new(definition, contest.tenant, contest.created);
            fold.set_cut(cut.clone());
            Some(fold)
        };
        Folds { folds: self.contests.values().filter_map(fold).collect(), damaged: Vec::new() }
    }

    /// Compares what was published with what the journal says.
    pub(super) fn compare(&self, folds: &Folds, report: &mut Report) {
        for damaged in self.damaged.iter().chain(&folds.damaged) {
            report.differs("standings", "a row", damaged.clone());
        }
        self.schedules.compare(&self.contests.keys().copied().collect(), report);
        report.tournaments += u64::try_from(self.contests.len()).unwrap_or(u64::MAX);
        let published = self.contests.values().filter_map(|contest| contest.closed.as_ref());
        for ((_, published), fold) in published.zip(&folds.folds) {
            let recomputed = fold.result();
            if recomputed != *published {
                let found = format!(
                    "published {} with {} players, recomputed {} with {}",
                    published.standings_hash,
                    published.participants,
                    recomputed.standings_hash,
                    recomputed.participants
                );
                report.differs("standings", fold.definition().id.as_str(), found);
            }
        }
    }
}

impl Folds {
    /// Folds a row into every tournament.
    pub(super) fn take(&mut self, row: &Row) {
        if !Standings::concerns(row.kind) {
            return;
        }
        for fold in &mut self.folds {
            if let Err(error) = fold.apply(row) {
                self.damaged.push(error.to_string());
            }
        }
    }

    /// Adds the folds of other slots.
    pub(super) fn absorb(&mut self, others: Self) {
        for (fold, other) in self.folds.iter_mut().zip(others.folds) {
            fold.absorb(other);
        }
        self.damaged.extend(others.damaged);
    }
}
