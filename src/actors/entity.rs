//! Tournaments' homes: their commands, decided and journalled in their own slot like a wallet's.

use super::budget::Place;
use super::core::{SharedCore, send};
use super::handle::{Failure, Reply, Work};
use crate::storage::Snapshot;
use palio_domain::journal::{Row, RowKind};
use palio_domain::tournament::lifecycle::{Command, Event, Tournament};
use palio_domain::{Aggregate, Slot, TenantId, TournamentId, TraceId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::{Mutex, oneshot};

struct Home {
    state: Option<Tournament>,
    generation: u64,
    first_unsaved: Option<u64>,
}

/// The tournaments of one core thread.
pub(super) struct Entities {
    core: SharedCore,
    homes: RefCell<HashMap<(TenantId, u64), Home>>,
    /// Commands to tournaments are rare: one at a time, in order.
    turn: Rc<Mutex<()>>,
}

impl Entities {
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
        let Work::Tournament(tenant, id, command, trace) = &work else {
            return send(reply, Reply::Failed(Failure::NotOwner));
        };
        if let Err(failure) = self.load(*tenant, id.number()).await {
            return send(reply, Reply::Failed(failure));
        }
        let answer = self.decide(*tenant, id, command, trace.clone());
        let staged = matches!(answer, Reply::Done(_));
        self.core.answer(staged, reply, answer, Some(work), permit);
    }

    /// Loads a tournament whose rows no snapshot covers yet, so that it gets saved.
    pub(super) async fn wake(&self, tenant: TenantId, number: u64) {
        let turn = Rc::clone(&self.turn);
        let _turn = turn.lock().await;
        if self.load(tenant, number).await.is_err() {
            tracing::warn!(number, "a tournament can't be loaded");
        }
    }

    async fn load(&self, tenant: TenantId, number: u64) -> Result<(), Failure> {
        let generation = self.core.generation();
        let owner = (tenant, number);
        if self.homes.borrow().get(&owner).is_some_and(|home| home.generation == generation) {
            return Ok(());
        }
        let aggregate = Aggregate::Tournament(number);
        let saved = self.core.storage.snapshots.load(tenant, aggregate).await.map_err(|error| {
            tracing::error!(%error, "a tournament's snapshot can't be read");
            Failure::StorageUnavailable
        })?;
        let mut state: Option<Tournament> = match saved.map(|s| serde_json::from_slice(&s.state)) {
            None => None,
            Some(Ok(state)) => Some(state),
            Some(Err(error)) => {
                tracing::error!(%error, number, "a tournament's snapshot is damaged");
                return Err(Failure::Quarantined);
            }
        };
        let tail = self.core.state.borrow_mut().tails.remove(&(tenant, aggregate));
        let mut first_unsaved = None;
        for row in tail.unwrap_or_default() {
            if state.as_ref().is_none_or(|state| row.seq > state.seq) {
                first_unsaved.get_or_insert(row.seq);
                fold(&mut state, &row)?;
            }
        }
        let home = Home { state, generation: self.core.generation(), first_unsaved };
        self.homes.borrow_mut().insert(owner, home);
        Ok(())
    }

    fn decide(
        &self,
        tenant: TenantId,
        id: &TournamentId,
        command: &Command,
        trace: Option<TraceId>,
    ) -> Reply {
        let number = id.number();
        let slot = Aggregate::Tournament(number).slot(tenant);
        let mut homes = self.homes.borrow_mut();
        let Some(home) = homes.get_mut(&(tenant, number)) else {
            return Reply::Failed(Failure::Quarantined);
        };
        let mut shared = self.core.state.borrow_mut();
        let shared = &mut *shared;
        let Ok(now) = shared.stage.row_time(slot, self.core.clock.now()) else {
            return Reply::Failed(Failure::NotOwner);
        };
        let event = match Tournament::decide(home.state.as_ref(), command, now) {
            Ok(Some(event)) => event,
            Ok(None) => return Reply::TournamentUnchanged,
            Err(refusal) => return Reply::TournamentRefused(refusal),
        };
        let draft = match (&event, &home.state) {
            (Event::Created { definition }, _) => {
                event.draft(tenant, definition, &self.core.keys, trace)
            }
            (_, Some(state)) => event.draft(tenant, &state.definition, &self.core.keys, trace),
            (_, None) => return Reply::Failed(Failure::Quarantined),
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

    /// Snapshots of tournaments with committed rows that none covers.
    pub(super) fn unsaved(&self) -> Vec<Snapshot> {
        let generation = self.core.generation();
        let snapshot = |(owner, home): (&(TenantId, u64), &Home)| {
            let state = home.state.as_ref()?;
            let aggregate = Aggregate::Tournament(owner.1);
            let committed = self.core.committed_seq(aggregate.slot(owner.0));
            let due = home.first_unsaved.is_some() && home.generation == generation;
            if !due || state.seq > committed {
                return None;
            }
            let (tenant, seq) = (owner.0, state.seq);
            let state = serde_json::to_vec(state).ok()?;
            Some(Snapshot { tenant, aggregate, seq, state })
        };
        self.homes.borrow().iter().filter_map(snapshot).collect()
    }

    /// These snapshots are on disk.
    pub(super) fn saved(&self, snapshots: &[Snapshot]) {
        let mut homes = self.homes.borrow_mut();
        for snapshot in snapshots {
            if let Some(home) = homes.get_mut(&(snapshot.tenant, snapshot.aggregate.number())) {
                let newer = home.state.as_ref().is_some_and(|state| state.seq > snapshot.seq);
                home.first_unsaved = newer.then_some(snapshot.seq + 1);
            }
        }
        // Finished ones are loaded again in the unlikely case that someone asks.
        homes.retain(|_, home| {
            let over = home.state.as_ref().is_none_or(|state| state.next_deadline().is_none());
            !(over && home.first_unsaved.is_none())
        });
    }

    /// The oldest row of each tournament that no snapshot covers.
    pub(super) fn first_unsaved(&self) -> Vec<(Slot, u64)> {
        let generation = self.core.generation();
        let homes = self.homes.borrow();
        let current = homes.iter().filter(|(_, home)| home.generation == generation);
        current
            .filter_map(|((tenant, number), home)| {
                let slot = Aggregate::Tournament(*number).slot(*tenant);
                home.first_unsaved.map(|first| (slot, first))
            })
            .collect()
    }
}

fn fold(state: &mut Option<Tournament>, row: &Arc<Row>) -> Result<(), Failure> {
    let event = Event::from_row(row).map_err(|error| {
        tracing::error!(%error, kind = RowKind::name(row.kind), "a tournament's row is damaged");
        Failure::Quarantined
    })?;
    match (state.as_mut(), event) {
        (_, Event::Created { definition }) => {
            *state = Some(Tournament::created(row.seq, *definition));
        }
        (Some(state), event) => state.apply(row.seq, &event),
        (None, _) => return Err(Failure::Quarantined),
    }
    Ok(())
}
