//! Homes of tournaments, providers and schedules: their commands, decided and journalled in their own slot
//! like a wallet's.

use super::budget::Place;
use super::core::{SharedCore, send};
use super::handle::{Failure, Reply, Work};
use crate::storage::Snapshot;
use palio_domain::journal::{Draft, Keys, Row, RowKind};
use palio_domain::provider::Provider;
use palio_domain::tournament::lifecycle::{Event, Tournament};
use palio_domain::tournament::schedule::Programme;
use palio_domain::wallet::CorruptRow;
use palio_domain::{Aggregate, Slot, TenantId, UnixMs};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::{Mutex, oneshot};

/// What lives in a home: a fold over its rows, with rules.
pub(super) trait Entity: Serialize + DeserializeOwned + 'static {
    /// What its aggregate is called in logs.
    const NAME: &'static str;

    /// Its aggregate.
    fn aggregate(number: u64) -> Aggregate;

    /// Whose home a question is for, if it is for one of these.
    fn owner(work: &Work) -> Option<(TenantId, u64)>;

    /// The row that a command comes to, or the answer without one.
    fn decide(state: Option<&Self>, work: &Work, now: UnixMs, keys: &Keys) -> Result<Draft, Reply>;

    /// Folds a row in.
    fn fold(state: &mut Option<Self>, row: &Row) -> Result<(), CorruptRow>;

    /// Seq of the last row folded in.
    fn seq(&self) -> u64;

    /// Whether nobody is likely to ask any more.
    fn is_over(&self) -> bool;
}

struct Home<T> {
    state: Option<T>,
    generation: u64,
    first_unsaved: Option<u64>,
}

/// The entities of one kind of one core thread.
pub(super) struct Entities<T> {
    core: SharedCore,
    homes: RefCell<HashMap<(TenantId, u64), Home<T>>>,
    /// Commands to entities are rare: one at a time, in order.
    turn: Rc<Mutex<()>>,
}

impl<T: Entity> Entities<T> {
    pub(super) fn new(core: SharedCore) -> Self {
        Self { core, homes: RefCell::default(), turn: Rc::default() }
    }

    /// Decides a command; the answer goes out after its commit.
    pub(super) async fn run(
        &self,
        work: Work,
        reply: oneshot::Sender<Reply>,
        permit: Option<Place>,
    ) {
        let turn = Rc::clone(&self.turn);
        let _turn = turn.lock().await;
        if let Some(failure) = self.core.closed() {
            return send(reply, Reply::Failed(failure));
        }
        let Some((tenant, number)) = T::owner(&work) else {
            return send(reply, Reply::Failed(Failure::NotOwner));
        };
        if let Err(failure) = self.load(tenant, number).await {
            return send(reply, Reply::Failed(failure));
        }
        let answer = self.decide(tenant, number, &work);
        // An answer without a row may still speak of one that is not committed yet.
        let committed = self.core.committed_seq(T::aggregate(number).slot(tenant));
        let homes = self.homes.borrow();
        let state = homes.get(&(tenant, number)).and_then(|home| home.state.as_ref());
        let staged = state.is_some_and(|state| state.seq() > committed);
        self.core.answer(staged, reply, answer, Some(work), permit);
    }

    /// Loads an entity whose rows no snapshot covers yet, so that it gets saved.
    pub(super) async fn wake(&self, tenant: TenantId, number: u64) {
        let turn = Rc::clone(&self.turn);
        let _turn = turn.lock().await;
        if self.load(tenant, number).await.is_err() {
            tracing::warn!(number, kind = T::NAME, "an entity can't be loaded");
        }
    }

    async fn load(&self, tenant: TenantId, number: u64) -> Result<(), Failure> {
        let generation = self.core.generation();
        let owner = (tenant, number);
        if self.homes.borrow().get(&owner).is_some_and(|home| home.generation == generation) {
            return Ok(());
        }
        let aggregate = T::aggregate(number);
        let saved = self.core.storage.snapshots.load(tenant, aggregate).await.map_err(|error| {
            tracing::error!(%error, kind = T::NAME, "an entity's snapshot can't be read");
            Failure::StorageUnavailable
        })?;
        let mut state: Option<T> = match saved.map(|s| serde_json::from_slice(&s.state)) {
            None => None,
            Some(Ok(state)) => Some(state),
            Some(Err(error)) => {
                tracing::error!(%error, number, kind = T::NAME, "a snapshot is damaged");
                return Err(Failure::Quarantined);
            }
        };
        let tail = self.core.state.borrow_mut().tails.remove(&(tenant, aggregate));
        let mut first_unsaved = None;
        for row in tail.unwrap_or_default() {
            if state.as_ref().is_none_or(|state| row.seq > state.seq()) {
                first_unsaved.get_or_insert(row.seq);
                fold(&mut state, &row)?;
            }
        }
        let home = Home { state, generation: self.core.generation(), first_unsaved };
        self.homes.borrow_mut().insert(owner, home);
        Ok(())
    }

    fn decide(&self, tenant: TenantId, number: u64, work: &Work) -> Reply {
        let slot = T::aggregate(number).slot(tenant);
        let mut homes = self.homes.borrow_mut();
        let Some(home) = homes.get_mut(&(tenant, number)) else {
            return Reply::Failed(Failure::Quarantined);
        };
        let mut shared = self.core.state.borrow_mut();
        let shared = &mut *shared;
        let Ok(now) = shared.stage.row_time(slot, self.core.clock.now()) else {
            return Reply::Failed(Failure::NotOwner);
        };
        let draft = match T::decide(home.state.as_ref(), work, now, &self.core.keys) {
            Ok(draft) => draft,
            Err(answer) => return answer,
        };
        let Ok(row) = shared.stage.push(draft, now) else {
            return Reply::Failed(Failure::NotOwner);
        };
        if let Some(claim) = &row.claim {
            shared.filter.insert(claim);
        }
        home.first_unsaved.get_or_insert(row.seq);
        match fold(&mut home.state, &row) {
            Ok(()) => Reply::Done(row),
            Err(failure) => Reply::Failed(failure),
        }
    }

    /// Snapshots of entities with committed rows that none covers.
    pub(super) fn unsaved(&self) -> Vec<Snapshot> {
        let generation = self.core.generation();
        let snapshot = |(owner, home): (&(TenantId, u64), &Home<T>)| {
            let state = home.state.as_ref()?;
            let aggregate = T::aggregate(owner.1);
            let committed = self.core.committed_seq(aggregate.slot(owner.0));
            let due = home.first_unsaved.is_some() && home.generation == generation;
            if !due || state.seq() > committed {
                return None;
            }
            let (tenant, seq) = (owner.0, state.seq());
            let state = serde_json::to_vec(state).ok()?;
            Some(Snapshot { tenant, aggregate, seq, state })
        };
        self.homes.borrow().iter().filter_map(snapshot).collect()
    }

    /// These snapshots are on disk.
    pub(super) fn saved(&self, snapshots: &[Snapshot]) {
        let mut homes = self.homes.borrow_mut();
        for snapshot in snapshots {
            if T::aggregate(snapshot.aggregate.number()) != snapshot.aggregate {
                continue;
            }
            if let Some(home) = homes.get_mut(&(snapshot.tenant, snapshot.aggregate.number())) {
                let newer = home.state.as_ref().is_some_and(|state| state.seq() > snapshot.seq);
                home.first_unsaved = newer.then_some(snapshot.seq + 1);
            }
        }
        homes.retain(|_, home| {
            let over = home.state.as_ref().is_none_or(T::is_over);
            !(over && home.first_unsaved.is_none())
        });
    }

    /// The oldest row of each entity that no snapshot covers.
    pub(super) fn first_unsaved(&self) -> Vec<(Slot, u64)> {
        let generation = self.core.generation();
        let homes = self.homes.borrow();
        let current = homes.iter().filter(|(_, home)| home.generation == generation);
        current
            .filter_map(|((tenant, number), home)| {
                let slot = T::aggregate(*number).slot(*tenant);
                home.first_unsaved.map(|first| (slot, first))
            })
            .collect()
    }
}

fn fold<T: Entity>(state: &mut Option<T>, row: &Arc<Row>) -> Result<(), Failure> {
    T::fold(state, row).map_err(|error| {
        tracing::error!(%error, kind = RowKind::name(row.kind), "an entity's row is damaged");
        Failure::Quarantined
    })
}

impl Entity for Tournament {
    const NAME: &'static str = "tournament";

    fn aggregate(number: u64) -> Aggregate {
        Aggregate::Tournament(number)
    }

    fn owner(work: &Work) -> Option<(TenantId, u64)> {
        match work {
            Work::Tournament(tenant, id, ..) => Some((*tenant, id.number())),
            _ => None,
        }
    }

    fn decide(state: Option<&Self>, work: &Work, now: UnixMs, keys: &Keys) -> Result<Draft, Reply> {
        let Work::Tournament(tenant, _, command, trace) = work else {
            return Err(Reply::Failed(Failure::NotOwner));
        };
        let event = match Self::decide(state, command, now) {
            Ok(Some(event)) => event,
            Ok(None) => return Err(Reply::TournamentUnchanged),
            Err(refusal) => return Err(Reply::TournamentRefused(refusal)),
        };
        match (&event, state) {
            (Event::Created { definition }, _) => {
                Ok(event.draft(*tenant, definition, keys, trace.clone()))
            }
            (_, Some(state)) => Ok(event.draft(*tenant, &state.definition, keys, trace.clone())),
            (_, None) => Err(Reply::Failed(Failure::Quarantined)),
        }
    }

    fn fold(state: &mut Option<Self>, row: &Row) -> Result<(), CorruptRow> {
        match (state.as_mut(), Event::from_row(row)?) {
            (_, Event::Created { definition }) => {
                *state = Some(Self::created(row.seq, *definition));
            }
            (Some(state), event) => state.apply(row.seq, row.time, &event),
            (None, _) => {
                let (slot, seq, kind) = (row.slot.0, row.seq, row.kind.name());
                return Err(CorruptRow { slot, seq, kind, field: "before its announcement" });
            }
        }
        Ok(())
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    /// A finished one is loaded again in the unlikely case that someone asks.
    fn is_over(&self) -> bool {
        self.is_done()
    }
}

impl Entity for Provider {
    const NAME: &'static str = "provider";

    fn aggregate(number: u64) -> Aggregate {
        Aggregate::Provider(number)
    }

    fn owner(work: &Work) -> Option<(TenantId, u64)> {
        match work {
            Work::Provider(tenant, command, _) => Some((*tenant, command.provider.number())),
            Work::ProviderState(tenant, provider) => Some((*tenant, provider.number())),
            _ => None,
        }
    }

    fn decide(state: Option<&Self>, work: &Work, _: UnixMs, _: &Keys) -> Result<Draft, Reply> {
        match work {
            Work::Provider(tenant, command, trace) => match Self::decide(state, command) {
                Ok(Some(event)) => Ok(event.draft(*tenant, &command.provider, trace.clone())),
                Ok(None) => Err(Reply::Provider(state.cloned().map(Box::new))),
                Err(refusal) => Err(Reply::ProviderRefused(refusal)),
            },
            Work::ProviderState(..) => Err(Reply::Provider(state.cloned().map(Box::new))),
            _ => Err(Reply::Failed(Failure::NotOwner)),
        }
    }

    fn fold(state: &mut Option<Self>, row: &Row) -> Result<(), CorruptRow> {
        *state = Some(Self::from_row(row)?);
        Ok(())
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn is_over(&self) -> bool {
        false
    }
}

impl Entity for Programme {
    const NAME: &'static str = "schedule";

    fn aggregate(number: u64) -> Aggregate {
        Aggregate::Schedule(number)
    }

    fn owner(work: &Work) -> Option<(TenantId, u64)> {
        match work {
            Work::Schedule(tenant, id, ..) => Some((*tenant, id.number())),
            _ => None,
        }
    }

    fn decide(state: Option<&Self>, work: &Work, _: UnixMs, _: &Keys) -> Result<Draft, Reply> {
        let Work::Schedule(tenant, id, command, trace) = work else {
            return Err(Reply::Failed(Failure::NotOwner));
        };
        match Self::decide(state, id, command) {
            Ok(Some(event)) => Ok(event.draft(*tenant, id, trace.clone())),
            Ok(None) => Err(Reply::ScheduleUnchanged),
            Err(refusal) => Err(Reply::ScheduleRefused(refusal)),
        }
    }

    fn fold(state: &mut Option<Self>, row: &Row) -> Result<(), CorruptRow> {
        Self::fold(state, row)
    }

    fn seq(&self) -> u64 {
        self.seq
    }

    fn is_over(&self) -> bool {
        false
    }
}
