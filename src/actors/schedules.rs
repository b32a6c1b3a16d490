//! All schedules of this node, as the journal has them.
//!
//! A fold over the rows of schedules' homes: the follower hands them on, and whoever had a row
//! journalled folds it in at once. It decides nothing; the homes do (`entity`), and
//! [`super::scheduler`] acts.
//!
//! **Bounded by** the schedules themselves. Saved every [`SAVE_EVERY`] beside the follower's
//! position; without a saved one the rows of all entities are read once.

use super::handle::{CoreHandle, Failure, Reply, Work};
use crate::storage::{Error, FoldSnapshot, Storage};
use palio_domain::ids::SLOTS;
use palio_domain::journal::{Filter, Row};
use palio_domain::tournament::schedule::entity::{Command, Refusal};
use palio_domain::tournament::schedule::{Plan, Programme, ScheduleId};
use palio_domain::{Aggregate, Currency, Slot, TenantId, TraceId, UnixMs};
use palio_protocol::schedule as wire;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the fold is saved.
const SAVE_EVERY: Duration = Duration::from_secs(10);
/// Rows read at a time.
const PAGE: u32 = 2_000;
const FOLD: &str = "schedules";

/// Whose schedule, by its number.
pub(super) type Owner = (TenantId, u64);

/// One of a schedule's times.
pub(super) type When = fn(&Kept) -> Option<UnixMs>;

/// A schedule, its plan and when there is something to do.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) programme: Arc<Programme>,
    /// `None` after its time zone was dropped from the database.
    pub(super) plan: Option<Arc<Plan>>,
    /// When the next instance is to be announced.
    pub(super) next_start: Option<UnixMs>,
    /// When the next notice is due.
    pub(super) next_notice: Option<UnixMs>,
    /// The currency of the pool that what it announces has, `Some(None)`: it has none; `None`: it
    /// can't be told, so that nothing is decided by it.
    pub(super) pool: Option<Option<Currency>>,
    /// A row may have been written that was not heard of: look before deciding.
    pub(super) is_unsure: bool,
}

impl Kept {
    fn new(programme: Programme) -> Self {
        let plan = match programme.plan() {
            Ok(plan) => Some(Arc::new(plan)),
            Err(problems) => {
                let id = programme.document.schedule.id.as_str();
                tracing::error!(schedule = id, ?problems, "a stored schedule can't be planned");
                None
            }
        };
        let running = plan.as_ref().filter(|_| programme.stopped.is_none());
        let next_start = running.and_then(|plan| programme.next_start(plan));
        let next_notice = programme.next_notice();
        let pool = pool(&programme.document.tournament);
        if let Err(why) = &pool {
            let id = programme.document.schedule.id.as_str();
            tracing::error!(schedule = id, why, "a stored schedule's tournament can't be read");
        }
        let pool = pool.ok();
        let programme = Arc::new(programme);
        Self { programme, plan, next_start, next_notice, pool, is_unsure: false }
    }
}

/// The currency of the pool of what a schedule announces, if it has one; an error where it can't be
/// read.
fn pool(tournament: &serde_json::Value) -> Result<Option<Currency>, String> {
    // Neither depends on when it starts; schedules are not for the years around 1970.
    const SOME_TIME: UnixMs = UnixMs(1_800_000_000_000);
    let document = serde_json::json!({ "tournament": tournament });
    let trial = wire::trial(&document, SOME_TIME);
    let (document, instance) = trial.ok_or_else(|| "it is no object".to_owned())?;
    let parsed = wire::tournament(&document, &instance).map_err(|error| error.detail())?;
    let has_pool = parsed.table.as_ref().is_some_and(|table| table.has_pool());
    Ok(has_pool.then_some(parsed.currency))
}

#[derive(Default)]
struct State {
    all: BTreeMap<Owner, Kept>,
    /// Last seq taken from the follower, per slot.
    positions: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    programmes: Vec<(TenantId, Programme)>,
}

/// The collection.
pub struct Schedules {
    state: Mutex<State>,
    core: CoreHandle,
    storage: Storage,
    saved: Mutex<Option<Instant>>,
}

impl Schedules {
    /// An empty collection; must be filled by [`Self::restore`].
    #[must_use]
    pub fn new(core: CoreHandle, storage: Storage) -> Arc<Self> {
        let state = State { positions: vec![0; usize::from(SLOTS)], ..State::default() };
        Arc::new(Self { state: Mutex::new(state), core, storage, saved: Mutex::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads the saved fold and reads what was committed since, up to where the follower starts.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn restore(&self, follower: &[u64]) -> Result<(), Error> {
        let mut is_saved = false;
        for fold in self.storage.snapshots.load_folds(FOLD).await? {
            match serde_json::from_slice::<Saved>(&fold.state) {
                Ok(Saved { programmes }) => {
                    let mut state = self.state();
                    for (tenant, programme) in programmes {
                        let owner = (tenant, programme.document.schedule.id.number());
                        state.all.insert(owner, Kept::new(programme));
                    }
                    state.positions = fold.positions;
                    is_saved = true;
                }
                // Rebuilt from the journal instead: it is only a snapshot.
                Err(error) => tracing::warn!(%error, "the saved schedules can't be read"),
            }
        }
        if !is_saved {
            return self.rebuild(follower).await;
        }
        for slot in Slot::all() {
            let until = follower.get(slot.index()).copied().unwrap_or(0);
            let mut from = self.state().position(slot) + 1;
            while from <= until {
                let rows = self.storage.journal.read(slot, from, PAGE).await?;
                let Some(last) = rows.last() else { break };
                from = last.row.seq + 1;
                let mut state = self.state();
                rows.iter().for_each(|stored| state.take(&stored.row));
            }
        }
        Ok(())
    }

    async fn rebuild(&self, follower: &[u64]) -> Result<(), Error> {
        let mut rows = self.storage.journal.entities().await?;
        rows.sort_unstable_by_key(|row| (row.slot, row.seq));
        let mut state = self.state();
        rows.iter().for_each(|row| state.fold(row));
        state.positions = follower.to_vec();
        Ok(())
    }

    /// Takes committed rows in; those it has seen change nothing.
    pub fn take(&self, rows: &[Arc<Row>]) {
        let mut state = self.state();
        rows.iter().for_each(|row| state.take(row));
    }

    /// Saves the fold if the last time was long ago.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn save(&self) -> Result<(), Error> {
        let last = *self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|at| at.elapsed() < SAVE_EVERY) {
            return Ok(());
        }
        let fold = {
            let state = self.state();
            let programme =
                |((tenant, _), kept): (&Owner, &Kept)| (*tenant, Programme::clone(&kept.programme));
            let saved = Saved { programmes: state.all.iter().map(programme).collect() };
            let written = serde_json::to_vec(&saved).map_err(|e| Error::Corrupt(e.to_string()))?;
            let positions = state.positions.clone();
            FoldSnapshot { name: FOLD.to_owned(), positions, state: written }
        };
        self.storage.snapshots.save_folds(&[fold]).await?;
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Ok(())
    }

    /// A schedule.
    #[must_use]
    pub fn get(&self, tenant: TenantId, id: &ScheduleId) -> Option<Arc<Programme>> {
        let kept = self.kept((tenant, id.number()))?;
        (kept.programme.document.schedule.id == *id).then_some(kept.programme)
    }

    /// A tenant's schedules, by id.
    #[must_use]
    pub fn of(&self, tenant: TenantId) -> Vec<Arc<Programme>> {
        let state = self.state();
        let own = state.all.iter().filter(|((of, _), _)| *of == tenant);
        let mut own: Vec<_> = own.map(|(_, kept)| Arc::clone(&kept.programme)).collect();
        own.sort_by(|a, b| a.document.schedule.id.cmp(&b.document.schedule.id));
        own
    }

    /// Whether another tenant has a schedule of this id.
    #[must_use]
    pub fn is_taken(&self, tenant: TenantId, id: &ScheduleId) -> bool {
        let state = self.state();
        let same = |kept: &Kept| kept.programme.document.schedule.id == *id;
        state.all.iter().any(|((of, _), kept)| *of != tenant && same(kept))
    }

    pub(super) fn kept(&self, owner: Owner) -> Option<Kept> {
        self.state().all.get(&owner).cloned()
    }

    /// Those, of one tenant if one is given, for which `when` gives a time that has come.
    pub(super) fn due(&self, of: Option<TenantId>, now: UnixMs, when: When) -> Vec<Owner> {
        let state = self.state();
        let all = state.all.iter().filter(|((tenant, _), _)| of.is_none_or(|of| of == *tenant));
        let due = all.filter(|(_, kept)| when(kept).is_some_and(|at| at <= now));
        due.map(|(owner, _)| *owner).collect()
    }

    /// The next time that `when` gives, of one tenant's if one is given.
    pub(super) fn next(&self, of: Option<TenantId>, when: When) -> Option<UnixMs> {
        let state = self.state();
        let all = state.all.iter().filter(|((tenant, _), _)| of.is_none_or(|of| of == *tenant));
        all.filter_map(|(_, kept)| when(kept)).min()
    }

    pub(super) fn owners(&self) -> Vec<Owner> {
        self.state().all.keys().copied().collect()
    }

    /// How many are running.
    pub(super) fn running(&self) -> usize {
        let state = self.state();
        state.all.values().filter(|kept| kept.programme.stopped.is_none()).count()
    }

    /// Has a command journalled and folds its row in. Only one at a time, or rows could be folded
    /// in a wrong order.
    pub(super) async fn command(
        &self,
        tenant: TenantId,
        id: &ScheduleId,
        command: Command,
        trace: Option<TraceId>,
    ) -> Reply {
        let work = Work::Schedule(tenant, id.clone(), Box::new(command), trace);
        let reply = self.core.ask(work).await;
        let owner = (tenant, id.number());
        match &reply {
            Reply::Done(row) => self.state().fold(row),
            Reply::ScheduleRefused(Refusal::Moved)
            | Reply::ScheduleUnchanged
            | Reply::Failed(_) => self.doubt(owner),
            _ => {}
        }
        reply
    }

    fn doubt(&self, owner: Owner) {
        if let Some(kept) = self.state().all.get_mut(&owner) {
            kept.is_unsure = true;
        }
    }

    /// Folds in rows of a schedule that were written without a word.
    pub(super) async fn refresh(&self, owner: Owner) -> Result<(), Failure> {
        let Some(kept) = self.kept(owner).filter(|kept| kept.is_unsure) else { return Ok(()) };
        // From here on everything that was sent before is written or never will be.
        self.core.barrier().await?;
        let aggregate = Aggregate::Schedule(owner.1);
        let filter = Filter { aggregate: Some(aggregate), ..Filter::all(owner.0) };
        let slot = aggregate.slot(owner.0);
        let journal = &self.storage.journal;
        let after = kept.programme.seq + 1;
        let mut rows =
            journal.scan(slot, after, u64::MAX >> 1, &filter, PAGE).await.map_err(|error| {
                tracing::warn!(%error, "a schedule's rows can't be read");
                Failure::StorageUnavailable
            })?;
        rows.sort_unstable_by_key(|row| row.seq);
        let mut state = self.state();
        rows.iter().for_each(|row| state.fold(row));
        if let Some(kept) = state.all.get_mut(&owner) {
            kept.is_unsure = false;
        }
        Ok(())
    }
}

impl State {
    fn position(&self, slot: Slot) -> u64 {
        self.positions.get(slot.index()).copied().unwrap_or(0)
    }

    fn take(&mut self, row: &Row) {
        if row.seq <= self.position(row.slot) {
            return;
        }
        if let Some(at) = self.positions.get_mut(row.slot.index()) {
            *at = row.seq;
        }
        self.fold(row);
    }

    fn fold(&mut self, row: &Row) {
        let Aggregate::Schedule(number) = row.aggregate else { return };
        let owner = (row.tenant, number);
        let known = self.all.get(&owner);
        if known.is_some_and(|kept| row.seq <= kept.programme.seq) {
            return;
        }
        let is_unsure = known.is_some_and(|kept| kept.is_unsure);
        let mut programme = known.map(|kept| Programme::clone(&kept.programme));
        match Programme::fold(&mut programme, row) {
            Ok(()) => {
                if let Some(programme) = programme {
                    self.all.insert(owner, Kept { is_unsure, ..Kept::new(programme) });
                }
            }
            Err(error) => tracing::error!(%error, "a schedule's row can't be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What decides whether money goes back for ever is read like what is announced.
    #[test]
    fn a_pool_is_read_as_it_is_announced() {
        let eur = Some(Currency::EUR);
        let bands = json!([{"from": 1, "prizes": [{"kind": "cash", "percent": "100"}]}]);
        let pool = json!({"currency": "EUR", "pool": {"guarantee": "5.00"}, "bands": bands});
        let fixed = json!({"currency": "EUR",
            "bands": [{"from": 1, "prizes": [{"kind": "cash", "amount": "5.00"}]}]});
        let none = json!({"name": "Race", "metric": "turnover", "currency": "EUR"});
        let race = |table: &serde_json::Value| {
            let mut race = none.clone();
            race["prizeTable"] = table.clone();
            race
        };
        let mut unread = race(&pool);
        unread["prizeTable"]["pool"]["guarantee"] = json!("much");
        let cases = [
            (race(&pool), Some(eur)),
            (race(&fixed), Some(None)),
            (none, Some(None)),
            (unread, None),
            (json!({"currency": "EUR", "prizeTable": {"pool": {}}}), None),
        ];
        for (tournament, expected) in cases {
            let read = super::pool(&tournament);
            assert_eq!(read.clone().ok(), expected, "{tournament}: {read:?}");
        }
    }
}
