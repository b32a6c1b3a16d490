//! A writer per slot group, each on a thread of its own; what is committed goes on to the folds.

use crate::folds::{Folds, Message};
use palio::clock::{Clock as _, SystemClock};
use palio::storage::Storage;
use palio_domain::Slot;
use palio_domain::journal::{Batch, Stage};
use palio_domain::tournament::FinalResult;
use palio_domain::tournament::lifecycle::Tournament;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Batches that wait for one writer.
const WAITING: usize = 4;
const OWNER: &str = "grow";

enum Order {
    Append(Batch),
    /// Answers when everything before is committed.
    Reached(oneshot::Sender<()>),
}

pub(crate) struct Writers {
    groups: Vec<mpsc::Sender<Order>>,
    folds: mpsc::Sender<Message>,
}

impl Writers {
    /// Takes all slots, divided as the server's core threads divide them.
    pub(crate) async fn open(
        storage: &Storage,
        groups: usize,
        folds: &Folds,
    ) -> (Self, Vec<Stage>) {
        let (mut senders, mut stages) = (Vec::new(), Vec::new());
        for group in 0..groups {
            let slots: Vec<Slot> =
                Slot::all().filter(|slot| slot.index() % groups == group).collect();
            let now = SystemClock.now();
            stages.push(Stage::new(storage.journal.acquire(OWNER, &slots, now).await.unwrap()));
            let (sender, mut orders) = mpsc::channel(WAITING);
            senders.push(sender);
            let (journal, folds) = (Arc::clone(&storage.journal), folds.sender());
            actix::Arbiter::new().spawn(async move {
                let mut writer = journal.writer(OWNER).await.unwrap();
                while let Some(order) = orders.recv().await {
                    match order {
                        Order::Append(batch) => {
                            writer.append(&batch, SystemClock.now()).await.unwrap();
                            folds.send(Message::Batch(batch)).await.ok().unwrap();
                        }
                        Order::Reached(reply) => reply.send(()).unwrap(),
                    }
                }
            });
        }
        (Self { groups: senders, folds: folds.sender() }, stages)
    }

    /// Batches with their groups.
    pub(crate) async fn send(&self, batches: Vec<(usize, Batch)>) {
        for (group, batch) in batches {
            let to = self.groups.get(group).unwrap();
            to.send(Order::Append(batch)).await.ok().unwrap();
        }
    }

    /// Waits until everything sent is committed.
    async fn reached(&self) {
        for group in &self.groups {
            let (reply, reached) = oneshot::channel();
            group.send(Order::Reached(reply)).await.ok().unwrap();
            reached.await.unwrap();
        }
    }

    /// Where the folds stand after everything sent, and a tournament's result there.
    pub(crate) async fn result(&self, contest: &Tournament) -> (Vec<u64>, FinalResult) {
        self.reached().await;
        let (reply, result) = oneshot::channel();
        let id = contest.definition.id.clone();
        self.folds.send(Message::Result(id, reply)).await.ok().unwrap();
        result.await.unwrap()
    }

    pub(crate) async fn finish(self) {
        self.reached().await;
    }
}
