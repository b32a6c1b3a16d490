//! All tournaments of this node: who scores them, what they show, when they are woken.
//!
//! Lives on the fold thread. [`Tournaments::take`] hands committed rows to the scoring actors;
//! other threads only read views and send questions.

use super::board::{BoardRow, BoardView, Boards, OwnRow, Status};
use super::handle::{CoreHandle, Reply, Work};
use super::tournament::{self, Close, Own, Page, Rows, SaveFold, Tournament};
use crate::clock::Clock;
use crate::storage::{Error, FoldSnapshot, Storage};
use actix::Addr;
use async_trait::async_trait;
use dashmap::DashMap;
use palio_domain::ids::SLOTS;
use palio_domain::journal::{Keys, Row, RowKind};
use palio_domain::tournament::lifecycle::{Command, Event};
use palio_domain::tournament::{Definition, FinalResult, Phase, Standings, lifecycle};
use palio_domain::{Aggregate, PlayerId, Slot, TenantId, TournamentId, TraceId, UnixMs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// A tournament as other threads see it.
pub struct Entry {
    /// Whose brand.
    pub tenant: TenantId,
    /// What was announced.
    pub definition: Arc<Definition>,
    /// When it was announced: rows recorded before do not count.
    pub created: UnixMs,
    state: RwLock<Facts>,
    view: RwLock<Arc<BoardView>>,
    addr: Addr<Tournament>,
    /// A start or close is under way.
    busy: Mutex<bool>,
    /// It is over and saved for the last time.
    settled: AtomicBool,
}

/// What the journal says of its life so far.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The last journalled step, refined by time with [`Entry::phase`].
    pub life: lifecycle::Tournament,
    /// When it was closed.
    pub closed: Option<UnixMs>,
    /// Its result, once closed.
    pub result: Option<FinalResult>,
}

impl Entry {
    /// What the journal says of its life so far.
    pub fn facts(&self) -> Facts {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The newest view.
    pub fn view(&self) -> Arc<BoardView> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The phase now.
    pub fn phase(&self, now: UnixMs) -> Phase {
        self.state.read().unwrap_or_else(PoisonError::into_inner).life.phase_at(now)
    }

    pub(super) fn publish(&self, view: BoardView) {
        let mut current = self.view.write().unwrap_or_else(PoisonError::into_inner);
        if **current != view {
            *current = Arc::new(view);
        }
    }
}

/// The wire state of a phase.
#[must_use]
pub const fn status(phase: Phase) -> Status {
    match phase {
        Phase::Announced | Phase::Registration => Status::Upcoming,
        Phase::Active | Phase::Grace => Status::Active,
        Phase::Final => Status::Completed,
        Phase::Cancelled => Status::Cancelled,
    }
}

/// Finished tournaments kept in memory; older ones stay in the journal and the snapshots.
const FINISHED_KEPT: usize = 200;

/// The collection.
pub struct Tournaments {
    entries: DashMap<TournamentId, Arc<Entry>>,
    keys: Keys,
    clock: Arc<dyn Clock>,
    core: CoreHandle,
    storage: Storage,
    /// Saved folds that are no longer needed.
    forgotten: Mutex<Vec<String>>,
}

impl Tournaments {
    /// An empty collection; must be filled by [`Self::restore`] on the fold thread.
    #[must_use]
    pub fn new(keys: Keys, clock: Arc<dyn Clock>, core: CoreHandle, storage: Storage) -> Arc<Self> {
        let forgotten = Mutex::default();
        Arc::new(Self { entries: DashMap::new(), keys, clock, core, storage, forgotten })
    }

    /// Loads saved folds and returns the position from which the follower must go on: the lowest
    /// that any live fold stands at, or the beginning. On the fold thread.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn restore(self: &Arc<Self>) -> Result<Vec<u64>, Error> {
        let mut lowest: Option<Vec<u64>> = None;
        for fold in self.storage.snapshots.load_folds("tournament/").await? {
            if fold.state.is_empty() {
                continue;
            }
            let saved: SavedFold = match serde_json::from_slice(&fold.state) {
                Ok(saved) => saved,
                Err(error) => {
                    // Rebuilt from the journal instead: it is only a snapshot.
                    tracing::warn!(%error, fold = fold.name, "a saved tournament can't be read");
                    return Ok(vec![0; usize::from(SLOTS)]);
                }
            };
            if self.revive(saved).is_none() {
                return Ok(vec![0; usize::from(SLOTS)]);
            }
        }
        // Shown before anyone can ask: an empty board would be a wrong one.
        for entry in self.all() {
            if entry.addr.send(tournament::Republish).await.is_err() {
                tracing::error!(tournament = %entry.definition.id, "a board can't be shown");
            }
        }
        for follower in self.storage.snapshots.load_folds("follower").await? {
            lowest = Some(follower.positions);
        }
        Ok(lowest.unwrap_or_else(|| vec![0; usize::from(SLOTS)]))
    }

    fn revive(self: &Arc<Self>, saved: SavedFold) -> Option<()> {
        let definition = Arc::new(saved.life.definition.clone());
        let standings =
            Standings::restore(Arc::clone(&definition), saved.tenant, &saved.standings)?;
        let facts = Facts { life: saved.life, closed: saved.closed, result: saved.result };
        self.start(saved.tenant, definition, saved.created, facts, standings);
        Some(())
    }

    fn start(
        self: &Arc<Self>,
        tenant: TenantId,
        definition: Arc<Definition>,
        created: UnixMs,
        facts: Facts,
        standings: Standings,
    ) -> Arc<Entry> {
        let now = self.clock.now();
        let empty = BoardView {
            tenant,
            tournament: definition.id.clone(),
            status: status(facts.life.phase_at(now)),
            participants: 0,
            ends_at: definition.ends,
            tick_ms: definition.tick_ms,
            rows: Vec::new(),
        };
        let entry = Arc::new_cyclic(|entry| Entry {
            tenant,
            definition: Arc::clone(&definition),
            created,
            state: RwLock::new(facts),
            view: RwLock::new(Arc::new(empty)),
            addr: Tournament::spawn(
                standings,
                std::sync::Weak::clone(entry),
                self.keys.clone(),
                Arc::clone(&self.clock),
            ),
            busy: Mutex::new(false),
            settled: AtomicBool::new(false),
        });
        self.entries.insert(definition.id.clone(), Arc::clone(&entry));
        entry
    }

    /// A tournament.
    pub fn get(&self, id: &TournamentId) -> Option<Arc<Entry>> {
        self.entries.view(id, |_, entry| Arc::clone(entry))
    }

    /// All tournaments, newest start first.
    pub fn all(&self) -> Vec<Arc<Entry>> {
        let mut all: Vec<_> = self.entries.iter().map(|entry| Arc::clone(entry.value())).collect();
        all.sort_by(|a, b| {
            (b.definition.starts, &b.definition.id).cmp(&(a.definition.starts, &a.definition.id))
        });
        all
    }

    /// Hands committed rows on: `positions` is where every slot stands after them.
    pub async fn take(self: &Arc<Self>, rows: Vec<Arc<Row>>, positions: &[u64]) {
        for row in rows.iter().filter(|row| matches!(row.aggregate, Aggregate::Tournament(_))) {
            self.life(row, positions).await;
        }
        let concerns = |row: &&Arc<Row>| {
            matches!(
                row.kind,
                RowKind::BetSettled
                    | RowKind::BetAmended
                    | RowKind::RoundPlayed
                    | RowKind::TournamentEntered
                    | RowKind::TournamentLeft
                    | RowKind::ScoreReported
                    | RowKind::PlayerDisqualified
                    | RowKind::PlayerReinstated
            )
        };
        let scored: Arc<Vec<Arc<Row>>> = Arc::new(rows.iter().filter(concerns).cloned().collect());
        let positions: Arc<Vec<u64>> = Arc::new(positions.to_vec());
        for entry in self.all() {
            if entry.facts().result.is_some() {
                continue;
            }
            let rows = Rows { rows: Arc::clone(&scored), positions: Arc::clone(&positions) };
            if entry.addr.send(rows).await.is_err() {
                tracing::error!(tournament = %entry.definition.id, "a tournament's scoring stopped");
            }
        }
    }

    async fn life(self: &Arc<Self>, row: &Arc<Row>, positions: &[u64]) {
        let event = match Event::from_row(row) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(%error, "a tournament's row can't be read");
                return;
            }
        };
        if let Event::Created { definition } = &event {
            if self.get(&definition.id).is_some() {
                return;
            }
            let definition = Arc::new((**definition).clone());
            let life = lifecycle::Tournament::created(row.seq, (*definition).clone());
            let facts = Facts { life, closed: None, result: None };
            let mut standings = Standings::new(Arc::clone(&definition), row.tenant, row.time);
            let missed = self.recorded_since(row.time, positions, &mut standings).await;
            let entry = self.start(row.tenant, definition, row.time, facts, standings);
            let rows = Rows { rows: Arc::new(missed), positions: Arc::new(positions.to_vec()) };
            if entry.addr.send(rows).await.is_err() {
                tracing::error!("a tournament's scoring did not start");
            }
            return;
        }
        let number = row.aggregate.number();
        let Some(entry) = self.all().into_iter().find(|e| e.definition.id.number() == number)
        else {
            return;
        };
        {
            let mut facts = entry.state.write().unwrap_or_else(PoisonError::into_inner);
            facts.life.apply(row.seq, &event);
            if let Event::Closed { result, .. } = &event {
                facts.closed = Some(row.time);
                facts.result = Some(result.clone());
            }
        }
        entry.addr.try_send(tournament::Republish).unwrap_or_else(|error| {
            tracing::warn!(%error, "a tournament's view is late");
        });
    }

    /// Rows that other slots recorded since a tournament was announced, but that came by before
    /// its announcement did. Moves the fold's start accordingly.
    async fn recorded_since(
        &self,
        created: UnixMs,
        positions: &[u64],
        standings: &mut Standings,
    ) -> Vec<Arc<Row>> {
        const STEP: u64 = 128;
        let mut missed = Vec::new();
        for slot in Slot::all() {
            let until = positions.get(slot.index()).copied().unwrap_or(0);
            let mut from = until.saturating_sub(STEP) + 1;
            let rows = loop {
                let limit = u32::try_from(until + 1 - from.min(until + 1)).unwrap_or(u32::MAX);
                if limit == 0 {
                    break Vec::new();
                }
                match self.storage.journal.read(slot, from, limit).await {
                    Ok(rows) => {
                        let reaches = rows.first().is_none_or(|first| first.row.time < created);
                        if reaches || from == 1 {
                            break rows;
                        }
                        from = from.saturating_sub(STEP * 4).max(1);
                    }
                    Err(error) => {
                        // Without them the standings would be wrong: wait for the store.
                        tracing::error!(%error, "rows since an announcement can't be read");
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                }
            };
            let since = rows.into_iter().map(|stored| stored.row);
            let since: Vec<_> =
                since.filter(|row| row.time >= created && row.seq <= until).map(Arc::new).collect();
            let start = since.first().map_or(until, |first| first.seq.saturating_sub(1));
            standings.advance(slot, start);
            missed.extend(since);
        }
        missed
    }

    /// Wakes tournaments whose time has come. Runs until the process ends.
    pub async fn keep_time(self: Arc<Self>) {
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let now = self.clock.now();
            let mut active = 0_u32;
            for entry in self.all() {
                let phase = entry.phase(now);
                active += u32::from(matches!(phase, Phase::Active | Phase::Grace));
                entry.addr.try_send(tournament::Republish).unwrap_or_default();
                let due = entry.facts().life.next_deadline().is_some_and(|at| at <= now);
                if !due {
                    continue;
                }
                let mut busy = entry.busy.lock().unwrap_or_else(PoisonError::into_inner);
                if !std::mem::replace(&mut busy, true) {
                    let (this, entry) = (Arc::clone(&self), Arc::clone(&entry));
                    actix::spawn(async move {
                        this.advance(&entry).await;
                        *entry.busy.lock().unwrap_or_else(PoisonError::into_inner) = false;
                    });
                }
            }
            metrics::gauge!("palio_tournaments_active").set(f64::from(active));
            self.forget_old();
        }
    }

    async fn advance(&self, entry: &Entry) {
        let command = if entry.facts().life.is_started() {
            // Everything staged before now is committed first, so no bet before the end is
            // missed; then the result is computed at exactly this cut.
            let cut = match self.core.barrier().await {
                Ok(cut) => cut,
                Err(error) => {
                    tracing::warn!(?error, "a tournament can't be closed yet");
                    return;
                }
            };
            let result = match entry.addr.send(Close { cut: cut.clone() }).await {
                Ok(Some(result)) => result,
                // The follower has not reached the cut; the next tick asks again.
                Ok(None) => return,
                Err(error) => {
                    tracing::error!(%error, "a tournament's scoring stopped");
                    return;
                }
            };
            Command::Close { cut: result.0, result: result.1 }
        } else {
            Command::Start
        };
        let trace = Some(crate::telemetry::new_trace());
        match self.command(entry.tenant, &entry.definition.id, command, trace).await {
            Reply::Done(row) => {
                tracing::info!(tournament = %entry.definition.id, kind = row.kind.name(), "moved");
            }
            Reply::TournamentUnchanged => {}
            other => {
                tracing::warn!(tournament = %entry.definition.id, ?other, "could not be moved");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    /// Sends a command to a tournament's home slot.
    pub async fn command(
        &self,
        tenant: TenantId,
        id: &TournamentId,
        command: Command,
        trace: Option<TraceId>,
    ) -> Reply {
        let work = Work::Tournament(tenant, id.clone(), Box::new(command), trace);
        self.core.ask(work).await
    }

    fn forget_old(&self) {
        let finished: Vec<_> = self
            .all()
            .into_iter()
            .filter(|entry| {
                let facts = entry.facts();
                facts.result.is_some() || facts.life.is_cancelled()
            })
            .skip(FINISHED_KEPT)
            .collect();
        for entry in finished {
            self.entries.remove(&entry.definition.id);
            let mut forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
            forgotten.push(fold_name(&entry));
        }
    }

    /// Saves every fold with the position it stands at, the follower's last.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn save(&self, follower: Vec<u64>) -> Result<(), Error> {
        let mut folds = Vec::new();
        let mut settled = Vec::new();
        for entry in self.all() {
            if entry.settled.load(Ordering::Relaxed) {
                continue;
            }
            // Before the standings, so that a state saved as over has its last standings.
            let facts = entry.facts();
            let Ok(Some((positions, standings))) = entry.addr.send(SaveFold).await else {
                continue;
            };
            if facts.result.is_some() || facts.life.is_cancelled() {
                settled.push(Arc::clone(&entry));
            }
            let saved = SavedFold {
                tenant: entry.tenant,
                created: entry.created,
                life: facts.life,
                closed: facts.closed,
                result: facts.result,
                standings,
            };
            match serde_json::to_vec(&saved) {
                Ok(state) => folds.push(FoldSnapshot { name: fold_name(&entry), positions, state }),
                Err(error) => tracing::error!(%error, "a tournament can't be written down"),
            }
        }
        folds.push(FoldSnapshot {
            name: "follower".to_owned(),
            positions: follower,
            state: Vec::new(),
        });
        let forgotten =
            std::mem::take(&mut *self.forgotten.lock().unwrap_or_else(PoisonError::into_inner));
        let emptied =
            |name| FoldSnapshot { name, positions: vec![0; usize::from(SLOTS)], state: Vec::new() };
        folds.extend(forgotten.into_iter().map(emptied));
        self.storage.snapshots.save_folds(&folds).await?;
        settled.iter().for_each(|entry| entry.settled.store(true, Ordering::Relaxed));
        Ok(())
    }
}

fn fold_name(entry: &Entry) -> String {
    format!("tournament/{}/{}", entry.tenant.0, entry.definition.id)
}

/// A tournament as saved.
#[derive(serde::Serialize, serde::Deserialize)]
struct SavedFold {
    tenant: TenantId,
    created: UnixMs,
    life: lifecycle::Tournament,
    closed: Option<UnixMs>,
    result: Option<FinalResult>,
    standings: String,
}

#[async_trait]
impl Boards for Tournaments {
    fn view(&self, tournament: &TournamentId) -> Option<Arc<BoardView>> {
        self.get(tournament).map(|entry| entry.view())
    }

    fn ids(&self) -> Vec<TournamentId> {
        self.entries.iter().map(|entry| entry.key().clone()).collect()
    }

    async fn own(&self, tournament: &TournamentId, player: PlayerId) -> Option<OwnRow> {
        let entry = self.get(tournament)?;
        entry.addr.send(Own { player }).await.ok().flatten()
    }

    async fn page(
        &self,
        tournament: &TournamentId,
        offset: u64,
        limit: u64,
    ) -> Option<Vec<BoardRow>> {
        let entry = self.get(tournament)?;
        entry.addr.send(Page { offset, limit }).await.ok()
    }
}
