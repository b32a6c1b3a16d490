//! The server's own folds over what is committed, and the standings that a result is taken from.

use crate::TENANT;
use palio::actors::budget::Division;
use palio::actors::desk::Desk;
use palio::actors::registry::{self, CoreConfig, CoreParts};
use palio::actors::tournaments::Tournaments;
use palio::clock::{Clock, SystemClock};
use palio::search::Search;
use palio::storage::{Storage, memory};
use palio_domain::ids::SLOTS;
use palio_domain::journal::{Batch, Keys, Row, RowKind};
use palio_domain::tournament::lifecycle::Event;
use palio_domain::tournament::{FinalResult, Standings};
use palio_domain::{Aggregate, TournamentId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

pub(crate) enum Message {
    Batch(Batch),
    Result(TournamentId, oneshot::Sender<(Vec<u64>, FinalResult)>),
    Save(oneshot::Sender<()>),
}

pub(crate) struct Folds(mpsc::Sender<Message>);

struct State {
    desk: Arc<Desk>,
    tournaments: Arc<Tournaments>,
    search: Arc<Search>,
    contests: HashMap<TournamentId, Standings>,
    positions: Vec<u64>,
}

impl Folds {
    pub(crate) async fn start(storage: &Storage, keys: &Keys, groups: usize) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        // The folds ask a core only when they act, which these never do.
        let (committed, _) = mpsc::channel(1);
        let nothing = memory::open();
        let parts = CoreParts {
            serving: tokio::sync::watch::channel(true).1,
            search: Search::open(&nothing, false).await.unwrap(),
            storage: nothing,
            keys: keys.clone(),
            clock: Arc::clone(&clock),
            owner: "nobody".to_owned(),
            committed,
        };
        let config = CoreConfig {
            threads: 1,
            budget: Division {
                in_flight: 16,
                reserve: 0,
                provider_percent: 100,
                tenant_percent: 100,
            },
            idle: Duration::from_secs(60),
            snapshot_every: Duration::from_secs(3_600),
            unsaved_rows_max: 1,
        };
        let core = registry::start(&config, &parts).await.unwrap();
        let (sender, mut messages) = mpsc::channel(4 * groups);
        let search = Search::open(storage, true).await.unwrap();
        let (storage, keys) = (storage.clone(), keys.clone());
        actix::Arbiter::new().spawn_fn(move || {
            actix::spawn(async move {
                let tournaments = Tournaments::new(
                    keys.clone(),
                    Arc::clone(&clock),
                    core.clone(),
                    storage.clone(),
                    palio::actors::tournaments::Payers {
                        payments: palio::payments::Payments::new(
                            &palio::outgoing::Outgoing::trusting(&[]).unwrap(),
                            [],
                        )
                        .unwrap(),
                        players: palio::players::Players::new(
                            Arc::clone(&storage.directory),
                            keys.clone(),
                        ),
                        rounds_of: HashMap::new(),
                        external: std::collections::HashSet::new(),
                    },
                );
                let mut state = State {
                    desk: Desk::new(HashMap::new(), core, keys, clock, storage),
                    tournaments,
                    search,
                    contests: HashMap::new(),
                    positions: vec![0; usize::from(SLOTS)],
                };
                while let Some(message) = messages.recv().await {
                    match message {
                        Message::Batch(batch) => state.take(batch.rows).await,
                        Message::Result(id, reply) => {
                            let contest = state.contests.remove(&id).unwrap();
                            reply.send((state.positions.clone(), contest.result())).unwrap();
                        }
                        Message::Save(reply) => {
                            state.tournaments.save(state.positions.clone()).await.unwrap();
                            state.desk.save(true).await.unwrap();
                            state.search.keep_up().await.unwrap();
                            reply.send(()).unwrap();
                        }
                    }
                }
            });
        });
        Self(sender)
    }

    pub(crate) fn sender(&self) -> mpsc::Sender<Message> {
        self.0.clone()
    }

    pub(crate) async fn save(&self) {
        let (reply, saved) = oneshot::channel();
        self.0.send(Message::Save(reply)).await.ok().unwrap();
        saved.await.unwrap();
    }
}

impl State {
    async fn take(&mut self, rows: Vec<Arc<Row>>) {
        for row in &rows {
            *self.positions.get_mut(row.slot.index()).unwrap() = row.seq;
            if row.kind == RowKind::TournamentCreated
                && let Ok(Event::Created { definition }) = Event::from_row(row)
            {
                let id = definition.id.clone();
                let contest = Standings::new(Arc::new(*definition), TENANT, row.time);
                self.contests.insert(id, contest);
            }
            if matches!(row.aggregate, Aggregate::Player(_)) {
                for contest in self.contests.values_mut() {
                    contest.apply(row).unwrap();
                }
            }
        }
        self.desk.take(&rows);
        self.search.take(&rows);
        self.tournaments.take(rows, &self.positions).await;
    }
}
