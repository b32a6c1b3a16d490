//! The actors of a server without HTTP around them, for tests that set the clock by hand.

use palio::actors::budget::Division;
use palio::actors::desk::Desk;
use palio::actors::follower::{Folds, Follower};
use palio::actors::handle::CoreHandle;
use palio::actors::purses::Watches;
use palio::actors::registry::{self, CoreConfig, CoreParts};
use palio::actors::schedules::Schedules;
use palio::actors::tournaments::{Payers, Tournaments};
use palio::clock::Clock;
use palio::payments::Payments;
use palio::players::Players;
use palio::search::Search;
use palio::storage::Storage;
use palio_domain::journal::{Batch, Keys};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

pub(crate) const NEVER: Duration = Duration::from_secs(3_600);

/// A core with room for everybody; wallets stay awake.
pub(crate) fn core_config(threads: usize, snapshot_every: Duration) -> CoreConfig {
    CoreConfig {
        threads,
        budget: Division { in_flight: 100, reserve: 0, provider_percent: 100, tenant_percent: 100 },
        idle: NEVER,
        snapshot_every,
        unsaved_rows_max: 1_000,
    }
}

/// One life of a server on a store that outlives it.
pub(crate) struct Actors {
    pub(crate) core: CoreHandle,
    pub(crate) tournaments: Arc<Tournaments>,
    pub(crate) schedules: Arc<Schedules>,
    search: Arc<Search>,
    desk: Arc<Desk>,
    purses: Arc<Watches>,
    storage: Storage,
    batches: mpsc::Receiver<Arc<Batch>>,
}

impl Actors {
    pub(crate) async fn start(
        storage: &Storage,
        (keys, clock): (&Keys, &Arc<dyn Clock>),
        (owner, snapshot_every): (&str, Duration),
        payments: Payments,
    ) -> Self {
        let search = Search::open(storage, false).await.unwrap();
        let (committed, batches) = mpsc::channel(16);
        let parts = CoreParts {
            serving: tokio::sync::watch::channel(true).1,
            storage: storage.clone(),
            search: Arc::clone(&search),
            keys: keys.clone(),
            clock: Arc::clone(clock),
            owner: owner.to_owned(),
            committed,
        };
        let core = registry::start(&core_config(1, snapshot_every), &parts).await.unwrap();
        let players = Players::new(Arc::clone(&storage.directory), keys.clone());
        let (rounds_of, external) = (HashMap::new(), HashSet::new());
        let payers = Payers { payments, players, rounds_of, external };
        let (time, store) = (Arc::clone(clock), storage.clone());
        let tournaments = Tournaments::new(keys.clone(), time, core.clone(), store, payers);
        let (none, time) = (HashMap::new(), Arc::clone(clock));
        Self {
            tournaments,
            schedules: Schedules::new(core.clone(), storage.clone()),
            search,
            desk: Desk::new(none, core.clone(), keys.clone(), time, storage.clone()),
            purses: Watches::new(core.clone(), Arc::clone(clock)),
            storage: storage.clone(),
            core,
            batches,
        }
    }

    /// What the journal's rows go to, from these positions on.
    pub(crate) fn follower(self, positions: Vec<u64>) -> Follower {
        let folds = Folds {
            tournaments: self.tournaments,
            desk: self.desk,
            search: self.search,
            schedules: self.schedules,
            purses: self.purses,
        };
        Follower::new(self.storage.journal, self.batches, folds, positions, NEVER)
    }
}
