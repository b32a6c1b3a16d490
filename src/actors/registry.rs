//! The router of one core thread: finds or wakes the actor of each message's aggregate, saves
//! snapshots, and puts idle wallets to sleep.

use super::budget::{Budget, Division, Place};
use super::committer;
use super::core::{Core, Pending, SharedCore, State, send};
use super::entity::Entities;
use super::handle::{CoreHandle, Failure, Message, Reply, Work};
use super::recovery;
use super::wallet::{Ask, SharedWallet, Wallet};
use crate::clock::Clock;
use crate::search::Search;
use crate::storage::{Error, Snapshot, Storage};
use actix::prelude::SendError;
use actix::{Addr, ArbiterHandle};
use palio_domain::ids::SLOTS;
use palio_domain::journal::{Batch, KeyFilter, Keys, Stage};
use palio_domain::provider::Provider;
use palio_domain::tournament::lifecycle::Tournament;
use palio_domain::tournament::schedule::Programme;
use palio_domain::{Aggregate, PlayerId, Slot, TenantId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Sizes and times of the core.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// Core threads, each with one slot group; at most what the store can take side by side.
    pub threads: usize,
    /// The node's budget of commands in flight.
    pub budget: Division,
    /// A wallet that was not asked for so long goes to sleep.
    pub idle: Duration,
    /// How often snapshots are saved.
    pub snapshot_every: Duration,
    /// A wallet is saved when its oldest unsaved row is this many rows behind its slot's head.
    pub unsaved_rows_max: u64,
}

/// Everything a core thread is given.
#[derive(Clone)]
pub struct CoreParts {
    /// The store.
    pub storage: Storage,
    /// Finds rows in it.
    pub search: Arc<Search>,
    /// Identity hashes.
    pub keys: Keys,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// This process's name in heads.
    pub owner: String,
    /// Where committed batches go.
    pub committed: mpsc::Sender<Arc<Batch>>,
    /// Reading the journal's keys waits for this, so that it takes nothing from what has to be
    /// read before anybody can be served.
    pub serving: watch::Receiver<bool>,
}

/// Starts the core threads and waits until all own their slots.
///
/// # Errors
/// Whatever the store says while the slots are taken.
pub async fn start(config: &CoreConfig, parts: &CoreParts) -> Result<CoreHandle, Error> {
    let threads = config.threads.clamp(1, parts.storage.writers.max(1));
    let budget = Budget::new(config.budget);
    let ready: Arc<Vec<AtomicBool>> =
        Arc::new((0..threads).map(|_| AtomicBool::new(false)).collect());
    let awake = Arc::new(AtomicUsize::new(0));
    // Reads keys beside the core threads. It stays, for its connections to the store do.
    let reading = actix::Arbiter::new().handle();
    let (mut senders, mut starting) = (Vec::with_capacity(threads), Vec::with_capacity(threads));
    for group in 0..threads {
        // Room for the whole budget, so that it alone decides who is refused.
        let (sender, receiver) = mpsc::channel(config.budget.in_flight + 16);
        let (started, is_started) = oneshot::channel();
        let (config, parts) = (config.clone(), parts.clone());
        let (ready, awake) = (Arc::clone(&ready), Arc::clone(&awake));
        let reading = reading.clone();
        let arbiter = actix::Arbiter::new();
        let spawned = arbiter.spawn_fn(move || {
            actix::spawn(async move {
                let of = (group, threads);
                match Registry::open(of, &config, parts, awake, ready, &reading).await {
                    Ok(registry) => {
                        if started.send(Ok(())).is_ok() {
                            registry.run(receiver).await;
                        }
                    }
                    Err(error) => {
                        if started.send(Err(error)).is_err() {
                            tracing::error!(group, "nobody waits for this core thread");
                        }
                    }
                }
            });
        });
        if !spawned {
            return Err(Error::Open("a core thread could not be started".into()));
        }
        starting.push(is_started);
        senders.push(sender);
    }
    for is_started in starting {
        is_started.await.map_err(|_| Error::Open("a core thread died".into()))??;
    }
    Ok(CoreHandle { threads: Arc::new(senders), budget, ready, awake })
}

struct Registry {
    core: SharedCore,
    config: CoreConfig,
    wallets: HashMap<(TenantId, PlayerId), (Addr<Wallet>, SharedWallet)>,
    tournaments: Rc<Entities<Tournament>>,
    providers: Rc<Entities<Provider>>,
    schedules: Rc<Entities<Programme>>,
    awake: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    again: mpsc::Receiver<Vec<Pending>>,
    /// Waits for the journal's keys.
    filling: JoinHandle<()>,
}

/// Wallets saved in one go, and tails woken in one go.
const SAVED_AT_ONCE: usize = 2_000;

/// Messages taken from the queue in one go.
const RECEIVED_AT_ONCE: usize = 256;

/// How soon the next go follows when one was full: commands pass in between.
const SAVE_AGAIN_AFTER: Duration = Duration::from_millis(250);

impl Registry {
    async fn open(
        (group, groups): (usize, usize),
        config: &CoreConfig,
        parts: CoreParts,
        awake: Arc<AtomicUsize>,
        ready: Arc<Vec<AtomicBool>>,
        reading: &ArbiterHandle,
    ) -> Result<Self, Error> {
        let core = Rc::new(Core {
            group,
            slots: Slot::all().filter(|slot| slot.index() % groups == group).collect(),
            owner: parts.owner,
            storage: parts.storage,
            search: parts.search,
            keys: parts.keys,
            clock: parts.clock,
            state: RefCell::new(State {
                stage: Stage::default(),
                filter: KeyFilter::partial(),
                committed: vec![0; usize::from(SLOTS)],
                pending: Vec::new(),
                tails: HashMap::new(),
                generation: 1,
                open: Some(Failure::StorageUnavailable),
            }),
            work: Notify::new(),
            committed: parts.committed,
        });
        let recovered = recovery::take_slots(&core).await?;
        let rows = recovered.heads.iter().map(|head| head.next_seq.saturating_sub(1)).sum();
        let writer = core.storage.journal.writer(&core.owner).await?;
        recovered.install(&mut core.state.borrow_mut());
        let filling = recovery::fill_filter(&core, rows, reading, parts.serving);
        let stopping = Arc::new(AtomicBool::new(false));
        let (resubmit, again) = mpsc::channel(4);
        let set_ready = move |is_ready| {
            if let Some(flag) = ready.get(group) {
                flag.store(is_ready, Ordering::Relaxed);
            }
        };
        set_ready(true);
        actix::spawn(committer::run(
            Rc::clone(&core),
            writer,
            set_ready,
            move |commands| {
                if let Err(error) = resubmit.try_send(commands) {
                    let (mpsc::error::TrySendError::Full(commands)
                    | mpsc::error::TrySendError::Closed(commands)) = error;
                    fail(commands, Failure::StorageUnavailable);
                }
            },
            Arc::clone(&stopping),
        ));
        Ok(Self {
            tournaments: Rc::new(Entities::new(Rc::clone(&core))),
            providers: Rc::new(Entities::new(Rc::clone(&core))),
            schedules: Rc::new(Entities::new(Rc::clone(&core))),
            core,
            config: config.clone(),
            wallets: HashMap::new(),
            awake,
            stopping,
            again,
            filling,
        })
    }

    async fn run(mut self, mut receiver: mpsc::Receiver<Message>) {
        let mut messages = Vec::with_capacity(RECEIVED_AT_ONCE);
        let mut snapshots = tokio::time::interval(self.config.snapshot_every);
        snapshots.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // Commands of a failed batch come before newer ones of the same players.
                biased;
                Some(commands) = self.again.recv() => self.decide_again(commands),
                count = receiver.recv_many(&mut messages, RECEIVED_AT_ONCE) => {
                    if count == 0 {
                        break;
                    }
                    for message in messages.drain(..) {
                        match message {
                            Message::Work(work, reply, permit) => self.route(work, reply, permit),
                            Message::Barrier(reply) => self.barrier(reply),
                            Message::Stop(done) => {
                                self.stop().await;
                                if done.send(()).is_err() {
                                    tracing::debug!("nobody waits for the stop");
                                }
                            }
                        }
                    }
                    if count == RECEIVED_AT_ONCE {
                        // The committer does not wait until the queue is empty.
                        tokio::task::yield_now().await;
                    }
                }
                _ = snapshots.tick() => {
                    if self.save(false).await {
                        snapshots.reset_after(SAVE_AGAIN_AFTER);
                    }
                }
            }
        }
    }

    fn route(&mut self, work: Work, reply: oneshot::Sender<Reply>, permit: Option<Place>) {
        if self.stopping.load(Ordering::Relaxed) {
            return send(reply, Reply::Failed(Failure::Stopping));
        }
        match &work {
            Work::Execute(tenant, player, _)
            | Work::Guarded(tenant, player, _)
            | Work::Check(tenant, player, _)
            | Work::Wallet(tenant, player) => {
                let (tenant, player) = (*tenant, *player);
                self.ask(tenant, player, Ask { work, reply, permit });
            }
            Work::Tournament(..) => {
                let homes = Rc::clone(&self.tournaments);
                actix::spawn(async move { homes.run(work, reply, permit).await });
            }
            Work::Provider(..) | Work::ProviderState(..) => {
                let homes = Rc::clone(&self.providers);
                actix::spawn(async move { homes.run(work, reply, permit).await });
            }
            Work::Schedule(..) => {
                let homes = Rc::clone(&self.schedules);
                actix::spawn(async move { homes.run(work, reply, permit).await });
            }
        }
    }

    fn ask(&mut self, tenant: TenantId, player: PlayerId, ask: Ask) {
        let (addr, home) = self.wallets.entry((tenant, player)).or_insert_with(|| {
            let mailbox = self.config.budget.in_flight + 16;
            Wallet::start(Rc::clone(&self.core), tenant, player, mailbox)
        });
        {
            let mut shared = home.shared.borrow_mut();
            shared.used = self.core.clock.now();
            shared.waiting += 1;
        }
        let Some(ask) = home.decide_now(ask) else { return };
        let refused = match addr.try_send(ask) {
            Ok(()) => None,
            Err(SendError::Full(ask)) => Some((ask, Failure::Overloaded)),
            Err(SendError::Closed(ask)) => Some((ask, Failure::Quarantined)),
        };
        if let Some((ask, failure)) = refused {
            let mut shared = home.shared.borrow_mut();
            shared.waiting = shared.waiting.saturating_sub(1);
            send(ask.reply, Reply::Failed(failure));
        }
    }

    fn barrier(&self, reply: oneshot::Sender<Reply>) {
        match self.core.closed() {
            Some(failure) => send(reply, Reply::Failed(failure)),
            // Always through the committer: a batch may be under way.
            None => self.core.answer(true, reply, Reply::Barrier(Vec::new()), None, None),
        }
    }

    fn decide_again(&mut self, commands: Vec<Pending>) {
        tracing::info!(commands = commands.len(), "deciding commands of a failed batch again");
        for Pending { reply, again, permit, .. } in commands {
            match again {
                Some(work) => self.route(work, reply, permit),
                None => send(reply, Reply::Failed(Failure::StorageUnavailable)),
            }
        }
    }

    /// Saves wallets whose rows grow old, all of them when `everything`; then moves the floors
    /// and puts idle wallets to sleep. Whether there is more to save at once.
    async fn save(&mut self, everything: bool) -> bool {
        if self.core.closed().is_some() {
            return false;
        }
        let now = self.core.clock.now();
        let idle_ms = i64::try_from(self.config.idle.as_millis()).unwrap_or(i64::MAX);
        let generation = self.core.generation();
        for (_, home) in self.wallets.values() {
            let mut shared = home.shared.borrow_mut();
            if shared.generation != generation {
                // Void since a commit failed; its rows, if they exist, stand in the tails.
                shared.cell = None;
            }
        }
        let mut due = Vec::new();
        let mut snapshots = Vec::new();
        for (key, (_, home)) in &self.wallets {
            if snapshots.len() >= SAVED_AT_ONCE && !everything {
                break;
            }
            let shared = home.shared.borrow();
            let Some(cell) = shared.cell.as_ref() else { continue };
            let committed = self.core.committed_seq(cell.slot());
            let Some(first) = cell.first_unsaved() else { continue };
            if cell.is_staged(committed) {
                continue;
            }
            let old = committed.saturating_sub(first) >= self.config.unsaved_rows_max;
            let idle = now.since_ms(shared.used) >= idle_ms;
            if !(everything || old || idle) {
                continue;
            }
            match serde_json::to_vec(cell.wallet()) {
                Ok(state) => {
                    snapshots.push(Snapshot {
                        tenant: key.0,
                        aggregate: Aggregate::Player(key.1),
                        seq: cell.wallet().seq,
                        state,
                    });
                    due.push((*key, cell.wallet().seq));
                }
                Err(error) => tracing::error!(%error, "a wallet can't be written down"),
            }
        }
        let mut entities = self.tournaments.unsaved();
        entities.extend(self.providers.unsaved());
        entities.extend(self.schedules.unsaved());
        snapshots.extend(entities.iter().cloned());
        if let Err(error) = self.core.storage.snapshots.save(&snapshots, &[]).await {
            tracing::warn!(%error, "snapshots could not be saved");
            return false;
        }
        let full = due.len() >= SAVED_AT_ONCE;
        for (key, seq) in due {
            if let Some((_, home)) = self.wallets.get(&key)
                && let Some(cell) = home.shared.borrow_mut().cell.as_mut()
            {
                cell.saved(seq);
            }
        }
        self.tournaments.saved(&entities);
        self.providers.saved(&entities);
        self.schedules.saved(&entities);
        let floors = self.floors();
        if let Err(error) = self.core.storage.snapshots.save(&[], &floors).await {
            tracing::warn!(%error, "snapshot floors could not be saved");
        }
        self.wallets.retain(|_, (_, home)| {
            let shared = home.shared.borrow();
            let clean = shared.cell.as_ref().is_none_or(|cell| cell.first_unsaved().is_none());
            let idle = now.since_ms(shared.used) >= idle_ms;
            !(clean && idle && shared.waiting == 0 && !shared.quarantined)
        });
        self.wake_tails();
        self.awake.store(self.wallets.len(), Ordering::Relaxed);
        full
    }

    /// Per slot: the last seq up to which every row is covered by a saved snapshot.
    fn floors(&self) -> Vec<(Slot, u64)> {
        let state = self.core.state.borrow();
        let mut floors: HashMap<Slot, u64> = self
            .core
            .slots
            .iter()
            .map(|slot| (*slot, state.committed.get(slot.index()).copied().unwrap_or(0)))
            .collect();
        let mut unsaved = |slot: Slot, first: u64| {
            let floor = floors.entry(slot).or_default();
            *floor = (*floor).min(first.saturating_sub(1));
        };
        for (_, home) in self.wallets.values() {
            if let Some(cell) = home.shared.borrow().cell.as_ref()
                && let Some(first) = cell.first_unsaved()
            {
                unsaved(cell.slot(), first);
            }
        }
        for rows in state.tails.values() {
            if let Some(first) = rows.first() {
                unsaved(first.slot, first.seq);
            }
        }
        let mut entities = self.tournaments.first_unsaved();
        entities.extend(self.providers.first_unsaved());
        entities.extend(self.schedules.first_unsaved());
        for (slot, first) in entities {
            unsaved(slot, first);
        }
        floors.into_iter().filter(|(_, seq)| *seq > 0).collect()
    }

    /// Wakes some owners of rows left by the last run, so that they get saved.
    fn wake_tails(&mut self) {
        let owners: Vec<_> =
            self.core.state.borrow().tails.keys().take(SAVED_AT_ONCE).copied().collect();
        for (tenant, aggregate) in owners {
            match aggregate {
                Aggregate::Player(player) => {
                    let (reply, _) = oneshot::channel();
                    let work = Work::Wallet(tenant, player);
                    self.ask(tenant, player, Ask { work, reply, permit: None });
                }
                Aggregate::Tournament(number) => {
                    let homes = Rc::clone(&self.tournaments);
                    actix::spawn(async move { homes.wake(tenant, number).await });
                }
                Aggregate::Provider(number) => {
                    let homes = Rc::clone(&self.providers);
                    actix::spawn(async move { homes.wake(tenant, number).await });
                }
                Aggregate::Schedule(number) => {
                    let homes = Rc::clone(&self.schedules);
                    actix::spawn(async move { homes.wake(tenant, number).await });
                }
            }
        }
    }

    async fn stop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.filling.abort();
        // Whatever is staged gets its answer first.
        for _ in 0..500 {
            let idle = self.core.state.borrow().is_idle()
                && self.wallets.values().all(|(_, home)| home.shared.borrow().waiting == 0);
            if idle {
                break;
            }
            self.core.work.notify_one();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.save(true).await;
    }
}

fn fail(commands: Vec<Pending>, failure: Failure) {
    commands.into_iter().for_each(|pending| send(pending.reply, Reply::Failed(failure)));
}
