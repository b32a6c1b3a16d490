//! What the wallets, entities and the committer of one slot group share on their thread.
//!
//! Everything here belongs to one core thread, so it needs no locks. A *generation* ends
//! whenever a commit fails: every state read or staged under an older generation is void, and
//! whoever holds such a state loads it again before deciding anything.

use crate::actors::budget::Place;
use crate::actors::handle::{Failure, Reply, Work};
use crate::clock::Clock;
use crate::search::Search;
use crate::storage::Storage;
use palio_domain::journal::{Batch, KeyFilter, Keys, Row, Stage};
use palio_domain::wallet::Needs;
use palio_domain::{Aggregate, PlayerId, Slot, TenantId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, oneshot};

/// An answer that waits for the commit of everything staged before it.
pub(super) struct Pending {
    pub(super) reply: oneshot::Sender<Reply>,
    pub(super) answer: Reply,
    /// The command, to decide it again if the batch is certainly not written.
    pub(super) again: Option<Work>,
    /// Its place in the node's budget, until it is answered.
    pub(super) permit: Option<Place>,
}

/// The mutable part.
pub(super) struct State {
    pub(super) stage: Stage,
    /// Of every key of the group's slots; partial while they are read.
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
    /// Finds rounds that no bet is open of.
    pub(super) search: Arc<Search>,
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
        permit: Option<Place>,
    ) {
        if staged {
            self.state.borrow_mut().pending.push(Pending { reply, answer, again, permit });
            self.work.notify_one();
        } else {
            send(reply, answer);
        }
    }

    /// Looks up what a wallet needs to know of the journal.
    pub(super) async fn look_up(
        &self,
        tenant: TenantId,
        player: PlayerId,
        needs: &Needs,
    ) -> Result<(Rows, Option<Rows>), Failure> {
        let failed = |error| {
            tracing::error!(%error, "a look-up failed");
            Failure::StorageUnavailable
        };
        let mut rows = Vec::new();
        if !needs.requests.is_empty() || !needs.claims.is_empty() {
            let found = self.storage.journal.find(&needs.requests, &needs.claims).await;
            rows.extend(found.map_err(failed)?.into_iter().map(Arc::new));
        }
        let Some((provider, round)) = &needs.round else { return Ok((rows, None)) };
        let of_round = self.search.round(tenant, player, provider, round).await;
        let of_round = of_round.map_err(failed)?.into_iter().map(Arc::new).collect();
        Ok((rows, Some(of_round)))
    }
}

/// Rows read from the journal.
pub(super) type Rows = Vec<Arc<Row>>;

/// A caller that has gone away does not mind.
pub(super) fn send(reply: oneshot::Sender<Reply>, answer: Reply) {
    if reply.send(answer).is_err() {
        tracing::debug!("the caller did not wait for the answer");
    }
}
