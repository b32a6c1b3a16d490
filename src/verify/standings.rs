//! Recomputes every closed tournament from the rows up to its cut.

use super::payouts::{Home, Pools};
use super::report::Report;
use super::rollovers::{self, Transit};
use super::schedules::Schedules;
use crate::storage::{Error, Storage};
use palio_domain::journal::{Head, Row};
use palio_domain::tournament::lifecycle::Event;
use palio_domain::tournament::{Definition, FinalResult, Scored, Standings};
use palio_domain::{Aggregate, Currency, TenantId, UnixMs};
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
    homes: BTreeMap<(TenantId, u64), Home>,
    damaged: Vec<String>,
    schedules: Schedules,
}

/// The closed ones, over some slots.
pub(super) struct Folds {
    folds: Vec<Standings>,
    pools: Pools,
    transit: Transit,
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
        let event = Event::from_row(row);
        if let Ok(event) = &event {
            self.homes.entry(id).or_default().take(row, event);
        }
        match event {
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
        let folds = self.contests.values().filter_map(fold).collect();
        let (pools, transit) = (Pools::default(), Transit::default());
        Folds { folds, pools, transit, damaged: Vec::new() }
    }

    /// Compares what was published with what the journal says.
    pub(super) fn compare(&self, folds: &Folds, report: &mut Report) {
        for damaged in self.damaged.iter().chain(&folds.damaged) {
            report.differs("standings", "a row", damaged.clone());
        }
        self.schedules.compare(&self.contests.keys().copied().collect(), report);
        report.tournaments += u64::try_from(self.contests.len()).unwrap_or(u64::MAX);
        for ((tenant, _), home) in &self.homes {
            folds.pools.compare(*tenant, home, report);
        }
        rollovers::compare(&self.homes, &folds.transit, report);
        let closed = |(id, contest)| {
            let contest: &Contest = contest;
            contest.closed.as_ref().map(|(_, result)| (self.homes.get(id), result))
        };
        let published = self.contests.iter().filter_map(closed);
        for ((home, published), fold) in published.zip(&folds.folds) {
            if let Some(home) = home {
                home.versions.recompute(fold, report);
            }
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
        if let Aggregate::Player(player) = row.aggregate {
            self.pools.take(row, player);
        }
        if !Standings::concerns(row.kind) {
            return;
        }
        let scored = Scored::of(row);
        for fold in &mut self.folds {
            if let Err(error) = fold.apply_scored(row, &scored) {
                self.damaged.push(error.to_string());
            }
        }
    }

    /// Adds what a slot has in transit.
    pub(super) fn between(&mut self, currency: Currency, amount: i128) {
        *self.transit.entry(currency).or_default() += amount;
    }

    /// Adds the folds of other slots.
    pub(super) fn absorb(&mut self, others: Self) {
        for (fold, other) in self.folds.iter_mut().zip(others.folds) {
            fold.absorb(other);
        }
        self.pools.absorb(others.pools);
        for (currency, amount) in others.transit {
            self.between(currency, amount);
        }
        self.damaged.extend(others.damaged);
    }
}
