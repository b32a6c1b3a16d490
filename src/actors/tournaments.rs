//! All tournaments of this node: who scores them, what they show, when they are woken.
//!
//! Lives on the fold thread. [`Tournaments::take`] hands committed rows to the scoring actors;
//! other threads only read views and send questions.

mod saved;

use super::board::{BoardView, Status};
use super::handle::{CoreHandle, Reply, Work};
use super::offers::Offers;
use super::tournament::{self, Decoded, Rows, Tournament};
use crate::clock::Clock;
use crate::payments::Payments;
use crate::players::Players;
use crate::storage::Storage;
use actix::Addr;
use dashmap::DashMap;
use palio_domain::Amount;
use palio_domain::journal::{Keys, Row, RowKind};
use palio_domain::tournament::lifecycle::{Command, Event};
use palio_domain::tournament::{Definition, FinalResult, Phase, Scored, Standings, lifecycle};
use palio_domain::wallet::Event as WalletEvent;
use palio_domain::wallet::contest::Told;
use palio_domain::{
    Aggregate, PlayerId, ProviderId, Slot, TenantId, TournamentId, TraceId, UnixMs,
};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// A tournament as other threads see it.
pub struct Entry {
    /// Whose brand.
    pub tenant: TenantId,
    /// What was announced.
    pub definition: Arc<Definition>,
    /// When it was announced: rows recorded before do not count.
    pub created: UnixMs,
    /// What it offers.
    pub offers: Offers,
    state: RwLock<Arc<Facts>>,
    view: RwLock<Arc<BoardView>>,
    pub(super) addr: Addr<Tournament>,
    /// A step is under way.
    busy: Arc<tokio::sync::Mutex<()>>,
    /// Held prices are being looked after.
    pub(super) sweeping: Arc<tokio::sync::Mutex<()>>,
    /// A result or a plan is being made of the fold: one at a time.
    pub(super) settling: tokio::sync::Mutex<()>,
    /// The seq of the newest row of its life that is in the facts.
    seen: watch::Sender<u64>,
    /// Players' turns to enter, by number: one after the other for each.
    entering: Vec<tokio::sync::Mutex<()>>,
    /// Lines that wallets have carried out in this process's life: for the view, and so that
    /// nobody is asked twice without need.
    pub(super) carried_out: Mutex<HashSet<(u32, u32)>>,
    /// The fold has everything up to the result's cut.
    pub(super) reached: AtomicBool,
    pub(super) turnover: AtomicI64,
    /// When held prices were last looked after.
    pub(super) swept: AtomicI64,
    /// The state that was saved last, of what is over; 0: it has changed since.
    pub(super) settled: AtomicU64,
}

/// What the journal says of its life so far.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The last journalled step, refined by time with [`Entry::phase`].
    pub life: lifecycle::Tournament,
    /// When it was closed.
    pub closed: Option<UnixMs>,
    /// The newest version of its result, once closed.
    pub result: Option<FinalResult>,
    /// When that was made.
    pub revised: Option<UnixMs>,
    /// Corrections up to here are in it.
    pub corrected: Option<Vec<u64>>,
    /// Rows beyond it are not for the first version of the result.
    pub cut: Option<Vec<u64>>,
    /// Whose price is held and waits for a seat.
    pub held: BTreeSet<PlayerId>,
}

impl Entry {
    /// What the journal says of its life so far.
    pub fn facts(&self) -> Arc<Facts> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Σ stakes that count so far, minor units.
    pub fn turnover(&self) -> Amount {
        Amount(self.turnover.load(Ordering::Relaxed))
    }

    fn change(&self, change: impl FnOnce(&mut Facts)) {
        let mut facts = self.state.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut facts));
        let seq = facts.life.seq;
        drop(facts);
        self.seen.send_if_modified(|seen| std::mem::replace(seen, seq) != seq);
    }

    /// Waits until the facts have a committed row of its life: a moment, seconds at most.
    pub async fn caught_up(&self, seq: u64) {
        let mut seen = self.seen.subscribe();
        let there = seen.wait_for(|seen| *seen >= seq);
        if tokio::time::timeout(CATCH_UP_MAX, there).await.is_err() {
            tracing::warn!(tournament = %self.definition.id, seq, "the fold is far behind");
        }
    }

    /// A player's turn to enter.
    pub(super) async fn turn(&self, player: PlayerId) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let turns = u64::try_from(self.entering.len()).unwrap_or(1).max(1);
        let turn = self.entering.get(usize::try_from(player.0 % turns).unwrap_or(0))?;
        Some(turn.lock().await)
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
        if !current.shows_the_same(&view) {
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
        Phase::UnderReview | Phase::Final | Phase::Paying | Phase::Completed => Status::Completed,
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
    /// Everything saved is restored, and the rows since are folded.
    ready: AtomicBool,
    /// Where every slot stood after the rows that were handed on last.
    positions: RwLock<Arc<Vec<u64>>>,
    pub(super) payments: Payments,
    pub(super) players: Players,
    /// Whose games a tenant's free rounds are on.
    pub(super) rounds_of: HashMap<TenantId, ProviderId>,
    /// Tenants whose money a platform keeps.
    pub(super) external: HashSet<TenantId>,
}

/// Whom prizes need besides wallets.
pub struct Payers {
    /// Payment services.
    pub payments: Payments,
    /// Outside ids, for them.
    pub players: Players,
    /// Whose games a tenant's free rounds are on.
    pub rounds_of: HashMap<TenantId, ProviderId>,
    /// Tenants whose money a platform keeps (W9).
    pub external: HashSet<TenantId>,
}

/// How long whoever changed a tournament waits to see it changed.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);
/// Players' turns to enter one tournament.
const TURNS: usize = 32;

impl Tournaments {
    /// An empty collection; must be filled by [`Self::restore`] on the fold thread.
    #[must_use]
    pub fn new(
        keys: Keys,
        clock: Arc<dyn Clock>,
        core: CoreHandle,
        storage: Storage,
        payers: Payers,
    ) -> Arc<Self> {
        let Payers { payments, players, rounds_of, external } = payers;
        Arc::new(Self {
            entries: DashMap::new(),
            keys,
            clock,
            core,
            storage,
            forgotten: Mutex::default(),
            ready: AtomicBool::new(false),
            positions: RwLock::default(),
            payments,
            players,
            rounds_of,
            external,
        })
    }

    /// Everything saved is restored, and the rows since are folded: from now on what is not here
    /// is nowhere.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Whether everything is restored.
    #[must_use]
    pub fn is_restored(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Whether a platform keeps this tenant's money (W9).
    #[must_use]
    pub fn is_external(&self, tenant: TenantId) -> bool {
        self.external.contains(&tenant)
    }

    pub(super) const fn core(&self) -> &CoreHandle {
        &self.core
    }

    pub(super) const fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn now(&self) -> UnixMs {
        self.clock.now()
    }

    /// Shows every board as its fold stands: before anyone can ask, for an empty board would be a
    /// wrong one.
    pub async fn show(&self) {
        for entry in self.all() {
            if entry.addr.send(tournament::Republish).await.is_err() {
                tracing::error!(tournament = %entry.definition.id, "a board can't be shown");
            }
        }
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
            decimals: definition.rules.score.decimals,
            cut: (0, 0),
            rows: Vec::new(),
        };
        let seen = watch::Sender::new(facts.life.seq);
        let entry = Arc::new_cyclic(|entry| Entry {
            tenant,
            definition: Arc::clone(&definition),
            created,
            offers: Offers::new(&definition),
            state: RwLock::new(Arc::new(facts)),
            view: RwLock::new(Arc::new(empty)),
            addr: Tournament::spawn(
                standings,
                std::sync::Weak::clone(entry),
                self.keys.clone(),
                Arc::clone(&self.clock),
            ),
            busy: Arc::default(),
            sweeping: Arc::default(),
            settling: tokio::sync::Mutex::default(),
            seen,
            entering: (0..TURNS).map(|_| tokio::sync::Mutex::default()).collect(),
            carried_out: Mutex::default(),
            reached: AtomicBool::new(false),
            turnover: AtomicI64::new(0),
            swept: AtomicI64::new(0),
            settled: AtomicU64::new(0),
        });
        self.entries.insert(definition.id.clone(), Arc::clone(&entry));
        entry
    }

    pub(super) fn seal_of(&self, chain: &[u8; 16]) -> [u8; 16] {
        self.keys.seal(chain)
    }

    /// A tournament.
    pub fn get(&self, id: &TournamentId) -> Option<Arc<Entry>> {
        self.entries.view(id, |_, entry| Arc::clone(entry))
    }

    /// All tournaments, in no order.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        self.entries.iter().map(|entry| Arc::clone(entry.value())).collect()
    }

    /// The ids of all tournaments, in no order.
    pub(super) fn all_ids(&self) -> Vec<TournamentId> {
        self.entries.iter().map(|entry| entry.key().clone()).collect()
    }

    /// All tournaments, newest start first.
    pub fn all(&self) -> Vec<Arc<Entry>> {
        let mut all = self.entries();
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
        self.hold(&rows);
        let told = |entry: Arc<Entry>| {
            let facts = entry.facts();
            let stands = facts.result.is_some() && entry.reached.load(Ordering::Relaxed);
            (!facts.life.is_cancelled()).then_some((entry, facts, stands))
        };
        let all: Vec<_> = self.entries().into_iter().filter_map(told).collect();
        // Decoded once for all, and only where somebody wants it. A result that stands hears only
        // of corrections, which are rare.
        let is_live = all.iter().any(|(.., stands)| !stands);
        let is_wanted = |row: &&Arc<Row>| {
            Standings::corrects(row.kind) || (is_live && Standings::concerns(row.kind))
        };
        let rows = if all.is_empty() { &[][..] } else { &rows };
        let scored: Vec<Decoded> = rows.iter().filter(is_wanted).map(decoded).collect();
        let corrects = |(row, _): &&Decoded| Standings::corrects(row.kind);
        let corrections: Vec<Decoded> = scored.iter().filter(corrects).cloned().collect();
        let (scored, corrections) = (Arc::new(scored), Arc::new(corrections));
        let positions: Arc<Vec<u64>> = Arc::new(positions.to_vec());
        for (entry, facts, stands) in all {
            if stands && corrections.is_empty() {
                continue;
            }
            let scored = if stands { &corrections } else { &scored };
            let rows = Rows { rows: Arc::clone(scored), positions: Arc::clone(&positions) };
            if entry.addr.send(rows).await.is_err() {
                tracing::error!(tournament = %entry.definition.id, "a tournament's scoring stopped");
            }
            if let Some(cut) = &facts.cut {
                let is_there = positions.iter().zip(cut).all(|(at, until)| at >= until);
                entry.reached.fetch_or(is_there, Ordering::Relaxed);
            }
        }
        *self.positions.write().unwrap_or_else(PoisonError::into_inner) = positions;
    }

    /// Remembers whose price is held.
    fn hold(&self, rows: &[Arc<Row>]) {
        let of_entry = |row: &&Arc<Row>| {
            matches!(
                row.kind,
                RowKind::BuyInHeld | RowKind::BuyInReleased | RowKind::TournamentEntered
            )
        };
        for row in rows.iter().filter(of_entry) {
            // A damaged row is told where the player's wallet is folded.
            let Ok(WalletEvent::Contest(told)) = WalletEvent::from_row(row) else { continue };
            let Some(entry) = told.tournament().and_then(|id| self.get(id)) else { continue };
            if entry.tenant != row.tenant {
                continue;
            }
            let player = PlayerId(row.aggregate.number());
            entry.change(|facts| {
                if matches!(*told, Told::Held(_)) {
                    facts.held.insert(player);
                } else {
                    facts.held.remove(&player);
                }
            });
        }
    }

    /// Where the fold of a result that stands has everything, corrections too.
    pub(super) fn positions(&self) -> Arc<Vec<u64>> {
        Arc::clone(&self.positions.read().unwrap_or_else(PoisonError::into_inner))
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
            let facts = Facts {
                life,
                closed: None,
                result: None,
                revised: None,
                corrected: None,
                cut: None,
                held: BTreeSet::new(),
            };
            let mut standings = Standings::new(Arc::clone(&definition), row.tenant, row.time);
            let missed = self.recorded_since(row.time, positions, &mut standings).await;
            let entry = self.start(row.tenant, definition, row.time, facts, standings);
            let missed = missed.iter().map(decoded).collect();
            let rows = Rows { rows: Arc::new(missed), positions: Arc::new(positions.to_vec()) };
            if entry.addr.send(rows).await.is_err() {
                tracing::error!("a tournament's scoring did not start");
            }
            return;
        }
        let number = row.aggregate.number();
        let own = |e: &Arc<Entry>| e.tenant == row.tenant && e.definition.id.number() == number;
        let Some(entry) = self.entries().into_iter().find(own) else { return };
        if row.seq <= entry.facts().life.seq {
            return;
        }
        entry.change(|facts| {
            facts.life.apply(row.seq, row.time, &event);
            match &event {
                Event::Closed { cut, result } => {
                    facts.closed = Some(row.time);
                    facts.revised = Some(row.time);
                    facts.result = Some(result.clone());
                    facts.cut = Some(cut.clone());
                }
                Event::Revised { result, cut, .. } => {
                    facts.revised = Some(row.time);
                    facts.corrected = Some(cut.clone());
                    facts.result = Some(result.clone());
                }
                _ => {}
            }
        });
        let told = match event {
            Event::Closed { cut, .. } => entry.addr.send(tournament::Closed { cut }).await,
            Event::Revised { cut, .. } => {
                let out = entry.facts().life.out.clone();
                entry.addr.send(tournament::Revised { cut, out }).await
            }
            _ => Ok(()),
        };
        if told.is_err() {
            tracing::error!(tournament = %entry.definition.id, "a tournament's scoring stopped");
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
            for entry in self.entries() {
                let phase = entry.phase(now);
                active += u32::from(matches!(phase, Phase::Active | Phase::Grace));
                entry.addr.try_send(tournament::Republish).unwrap_or_default();
                if !self.is_due(&entry, now) {
                    continue;
                }
                if let Ok(busy) = Arc::clone(&entry.busy).try_lock_owned() {
                    let this = Arc::clone(&self);
                    actix::spawn(async move {
                        this.advance(&entry).await;
                        drop(busy);
                    });
                }
            }
            metrics::gauge!("palio_tournaments_active").set(f64::from(active));
            self.forget_old();
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
            .filter(|entry| entry.facts().life.is_done())
            .skip(FINISHED_KEPT)
            .collect();
        for entry in finished {
            self.entries.remove(&entry.definition.id);
            let mut forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
            forgotten.push(saved::fold_name(&entry));
        }
    }
}

fn decoded(row: &Arc<Row>) -> Decoded {
    (Arc::clone(row), Scored::of(row))
}
