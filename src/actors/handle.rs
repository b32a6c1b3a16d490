//! How the rest of the server asks wallets, tournaments and providers: one message each way.

use palio_domain::journal::Row;
use palio_domain::provider::{self, Provider, SetState};
use palio_domain::tournament::lifecycle;
use palio_domain::wallet::{Accounts, Noop, Prepared, Refusal};
use palio_domain::{
    Aggregate, Currency, PlayerId, ProviderId, Slot, TenantId, TournamentId, TraceId,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Why there is no answer of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The node is full: nothing was done.
    Overloaded,
    /// The store can't be reached: nothing was done.
    StorageUnavailable,
    /// The commit's outcome is unknown: the same key may be retried.
    OutcomeUnknown,
    /// Another node owns the slot: nothing was done.
    NotOwner,
    /// The wallet stopped on damaged data.
    Quarantined,
    /// The server is stopping: nothing was done.
    Stopping,
}

/// What a caller hears.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Done: the first row of the command.
    Done(Arc<Row>),
    /// Done before: the first row of that command.
    Replay(Arc<Row>),
    /// Refused by the wallet's rules.
    Refused(Refusal),
    /// Nothing to do, and that is a success.
    Noop(Noop),
    /// A check found nothing against the command.
    Passed,
    /// Committed accounts and the tournaments the player is in.
    Balance {
        /// Per currency.
        accounts: BTreeMap<Currency, Accounts>,
        /// Tournament ids.
        tournaments: Vec<TournamentId>,
        /// Open bets.
        open_bets: usize,
    },
    /// Refused by the tournament's rules.
    TournamentRefused(lifecycle::Refusal),
    /// The tournament is in that state already.
    TournamentUnchanged,
    /// The provider as it is; `None` when nobody ever set its state.
    Provider(Option<Box<Provider>>),
    /// Refused by a provider's rules.
    ProviderRefused(provider::Refusal),
    /// Everything staged before is committed: the last committed seq of the group's slots.
    Barrier(Vec<(Slot, u64)>),
    /// No answer of the rules.
    Failed(Failure),
}

/// A command that leans on what the wallet knows when its turn comes.
#[derive(Debug, Clone)]
pub struct Guarded {
    /// The command.
    pub asked: Prepared,
    /// Never sent for its own sake: when it would meet a tombstone, the command is refused with
    /// [`Refusal::BetCancelled`]; when its key was used, with [`Refusal::BetAlreadySettled`].
    pub probe: Option<Prepared>,
    /// Whether the `delta` of a settled round is its payout, from which the open stakes are
    /// still to be taken.
    pub gross: bool,
}

/// What is asked.
#[derive(Debug)]
pub enum Work {
    /// A command to a wallet.
    Execute(TenantId, PlayerId, Box<Prepared>),
    /// A command to a wallet, decided together with a look at its state.
    Guarded(TenantId, PlayerId, Box<Guarded>),
    /// Whether a command would go through.
    Check(TenantId, PlayerId, Box<Prepared>),
    /// Committed accounts.
    Balance(TenantId, PlayerId),
    /// A command to a tournament.
    Tournament(TenantId, TournamentId, Box<lifecycle::Command>, Option<TraceId>),
    /// Sets a provider's state.
    Provider(TenantId, Box<SetState>, Option<TraceId>),
    /// A provider's committed state.
    ProviderState(TenantId, ProviderId),
}

impl Work {
    fn slot(&self) -> Slot {
        match self {
            Self::Execute(tenant, player, _)
            | Self::Guarded(tenant, player, _)
            | Self::Check(tenant, player, _)
            | Self::Balance(tenant, player) => Aggregate::Player(*player).slot(*tenant),
            Self::Tournament(tenant, id, ..) => Aggregate::Tournament(id.number()).slot(*tenant),
            Self::Provider(tenant, command, _) => {
                Aggregate::Provider(command.provider.number()).slot(*tenant)
            }
            Self::ProviderState(tenant, provider) => {
                Aggregate::Provider(provider.number()).slot(*tenant)
            }
        }
    }

    /// Bets are refused first when the node is full, everything else last.
    fn is_bet(&self) -> bool {
        matches!(self, Self::Execute(_, _, asked) if asked.command.takes_money())
    }
}

/// What a core thread receives.
pub(super) enum Message {
    /// Something to do; the permit is its place in the node's budget.
    Work(Work, oneshot::Sender<Reply>, Option<OwnedSemaphorePermit>),
    /// Answer when everything staged before is committed.
    Barrier(oneshot::Sender<Reply>),
    /// Save all snapshots and stop.
    Stop(oneshot::Sender<()>),
}

/// The node-wide budget of commands in flight (design, invariant 10).
#[derive(Debug, Clone)]
pub struct Budget {
    /// Room for everything.
    general: Arc<Semaphore>,
    /// Room that bets may not use.
    reserve: Arc<Semaphore>,
    size: usize,
}

impl Budget {
    /// A budget of `in_flight` commands, of which `reserve` are kept from bets.
    #[must_use]
    pub fn new(in_flight: usize, reserve: usize) -> Self {
        let reserve = reserve.min(in_flight / 2);
        Self {
            general: Arc::new(Semaphore::new(in_flight - reserve)),
            reserve: Arc::new(Semaphore::new(reserve)),
            size: in_flight,
        }
    }

    fn take(&self, bet: bool) -> Option<OwnedSemaphorePermit> {
        let general = Arc::clone(&self.general).try_acquire_owned().ok();
        if general.is_some() || bet {
            return general;
        }
        Arc::clone(&self.reserve).try_acquire_owned().ok()
    }

    /// Commands in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let free = self.general.available_permits() + self.reserve.available_permits();
        self.size.saturating_sub(free)
    }
}

/// A cloneable handle to all core threads.
#[derive(Clone)]
pub struct CoreHandle {
    pub(super) threads: Arc<Vec<mpsc::Sender<Message>>>,
    pub(super) budget: Budget,
    pub(super) ready: Arc<Vec<AtomicBool>>,
    pub(super) awake: Arc<AtomicUsize>,
}

impl CoreHandle {
    /// Asks and waits for the answer. Nothing uncommitted is ever answered.
    pub async fn ask(&self, work: Work) -> Reply {
        match self.submit(work) {
            Ok(answer) => answer.await.unwrap_or(Reply::Failed(Failure::OutcomeUnknown)),
            Err(failure) => Reply::Failed(failure),
        }
    }

    /// Asks without waiting: two submissions for one player are decided in this order.
    ///
    /// # Errors
    /// [`Failure::Overloaded`] when the node's budget is used up, [`Failure::Stopping`].
    pub fn submit(&self, work: Work) -> Result<oneshot::Receiver<Reply>, Failure> {
        let Some(permit) = self.budget.take(work.is_bet()) else {
            let class = if work.is_bet() { "bet" } else { "other" };
            metrics::counter!("palio_admission_refused_total", "class" => class).increment(1);
            return Err(Failure::Overloaded);
        };
        let thread = self
            .threads
            .get(usize::from(work.slot().0) % self.threads.len().max(1))
            .ok_or(Failure::Stopping)?;
        let (reply, answer) = oneshot::channel();
        match thread.try_send(Message::Work(work, reply, Some(permit))) {
            Ok(()) => Ok(answer),
            Err(mpsc::error::TrySendError::Full(_)) => Err(Failure::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Failure::Stopping),
        }
    }

    /// Waits until everything staged before on every thread is committed, and returns the last
    /// committed seq of every slot.
    ///
    /// # Errors
    /// [`Failure`] when a thread can't commit now.
    pub async fn barrier(&self) -> Result<Vec<u64>, Failure> {
        let mut cut = vec![0; usize::from(palio_domain::ids::SLOTS)];
        for thread in self.threads.iter() {
            let (reply, answer) = oneshot::channel();
            thread.send(Message::Barrier(reply)).await.map_err(|_| Failure::Stopping)?;
            match answer.await {
                Ok(Reply::Barrier(slots)) => {
                    for (slot, seq) in slots {
                        if let Some(at) = cut.get_mut(slot.index()) {
                            *at = seq;
                        }
                    }
                }
                Ok(Reply::Failed(failure)) => return Err(failure),
                Ok(_) | Err(_) => return Err(Failure::OutcomeUnknown),
            }
        }
        Ok(cut)
    }

    /// Whether every thread owns its slots and can commit.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.iter().all(|ready| ready.load(Ordering::Relaxed))
    }

    /// Commands in flight on this node.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.budget.in_flight()
    }

    /// Wallets awake on this node.
    #[must_use]
    pub fn awake(&self) -> usize {
        self.awake.load(Ordering::Relaxed)
    }

    /// Saves all snapshots and stops the threads.
    pub async fn stop(&self) {
        for thread in self.threads.iter() {
            let (done, stopped) = oneshot::channel();
            if thread.send(Message::Stop(done)).await.is_ok() && stopped.await.is_err() {
                tracing::warn!("a core thread stopped without saving its snapshots");
            }
        }
    }
}
