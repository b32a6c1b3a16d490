//! What the wallets, entities and the committer of one slot group share on their thread.
//!
//! Everything here belongs to one core thread, so it needs no locks. A *generation* ends
//! whenever a commit fails: every state read or staged under an older generation is void, and
//! whoever holds such a state loads it again before deciding anything.

use crate::actors::handle::{Failure, Reply, Work};
use crate::clock::Clock;
use crate::storage::Storage;
use palio_domain::journal::{Batch, Key16, KeyFilter, Keys, Row, Stage};
use palio_domain::{Aggregate, Slot, TenantId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, oneshot};

/// An answer that waits for the commit of everything staged before it.
pub(super) struct Pending {
    pub(super) reply: oneshot::Sender<Reply>,
    pub(super) answer: Reply,
    /// The command, to decide it again if the batch is certainly not written.
    pub(super) again: Option<Work>,
    /// Its place in the node's budget, until it is answered.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// The mutable part.
pub(super) struct State {
    pub(super) stage: Stage,
    pub(super) filter: KeyFilter,
    /// Last committed seq per slot.
    pub(super) committed: Vec<u64>,
    pub(super) pending: Vec<Pending>,
    /// Rows after the last saved snapshots, by owner, until that owner is woken.
    pub(super) tails: HashMap<(TenantId, Aggregate), Vec<Arc<Row>>>,
    pub(super) generation: u64,
    /// `false` while the heads are not ours: after a failure, or for good when fenced.
    pub(super) open: Option<Failure>,
}

/// Shared by everything on one core thread.
pub(super) struct Core {
    pub(super) group: usize,
    pub(super) slots: Vec<Slot>,
    pub(super) owner: String,
    pub(super) storage: Storage,
    pub(super) keys: Keys,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) state: RefCell<State>,
    /// Wakes the committer.
    pub(super) work: Notify,
    /// Committed batches, for the follower; when full it reads from the store instead.
    pub(super) committed: mpsc::Sender<Arc<Batch>>,
}

pub(super) type SharedCore = Rc<Core>;

impl Core {
    /// The last committed seq of a slot.
    pub(super) fn committed_seq(&self, slot: Slot) -> u64 {
        self.state.borrow().committed.get(slot.index()).copied().unwrap_or(0)
    }

    pub(super) fn generation(&self) -> u64 {
        self.state.borrow().generation
    }

    /// Why commands are refused now, if they are.
    pub(super) fn closed(&self) -> Option<Failure> {
        self.state.borrow().open
    }

    /// Answers now, or after the commit of what is staged.
    pub(super) fn answer(
        &self,
        staged: bool,
        reply: oneshot::Sender<Reply>,
        answer: Reply,
        again: Option<Work>,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        if staged {
            self.state.borrow_mut().pending.push(Pending { reply, answer, again, permit });
            self.work.notify_one();
        } else {
            send(reply, answer);
        }
    }

    /// Looks keys up in the journal.
    pub(super) async fn find(
        &self,
        requests: &[Key16],
        claims: &[Key16],
    ) -> Result<Vec<Arc<Row>>, Failure> {
        match self.storage.journal.find(requests, claims).await {
            Ok(rows) => Ok(rows.into_iter().map(Arc::new).collect()),
            Err(error) => {
                tracing::error!(%error, "key look-up failed");
                Err(Failure::StorageUnavailable)
            }
        }
    }
}

/// A caller that has gone away does not mind.
pub(super) fn send(reply: oneshot::Sender<Reply>, answer: Reply) {
    if reply.send(answer).is_err() {
        tracing::debug!("the caller did not wait for the answer");
    }
}
