//! How the rest of the server asks wallets, tournaments, providers and schedules: one message each way.

use super::budget::{Budget, Class, Place};
use palio_domain::journal::Row;
use palio_domain::provider::{self, Provider, SetState};
use palio_domain::tournament::lifecycle;
use palio_domain::tournament::schedule::{self, ScheduleId};
use palio_domain::wallet::contest::Act;
use palio_domain::wallet::{Command, Noop, Prepared, Refusal, Wallet};
use palio_domain::{Aggregate, PlayerId, ProviderId, Slot, TenantId, TournamentId, TraceId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::{mpsc, oneshot};

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
    /// The wallet as committed.
    Wallet(Box<Wallet>),
    /// Refused by the tournament's rules.
    TournamentRefused(lifecycle::Refusal),
    /// The tournament is in that state already.
    TournamentUnchanged,
    /// The provider as it is; `None` when nobody ever set its state.
    Provider(Option<Box<Provider>>),
    /// Refused by a provider's rules.
    ProviderRefused(provider::Refusal),
    /// Refused by a schedule's rules.
    ScheduleRefused(schedule::entity::Refusal),
    /// The schedule is so already.
    ScheduleUnchanged,
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
    pub probe: Prepared,
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
    /// The wallet as committed.
    Wallet(TenantId, PlayerId),
    /// A command to a tournament.
    Tournament(TenantId, TournamentId, Box<lifecycle::Command>, Option<TraceId>),
    /// Sets a provider's state.
    Provider(TenantId, Box<SetState>, Option<TraceId>),
    /// A provider's committed state.
    ProviderState(TenantId, ProviderId),
    /// A command to a schedule.
    Schedule(TenantId, ScheduleId, Box<schedule::entity::Command>, Option<TraceId>),
}

impl Work {
    fn slot(&self) -> Slot {
        match self {
            Self::Execute(tenant, player, _)
            | Self::Guarded(tenant, player, _)
            | Self::Check(tenant, player, _)
            | Self::Wallet(tenant, player) => Aggregate::Player(*player).slot(*tenant),
            Self::Tournament(tenant, id, ..) => Aggregate::Tournament(id.number()).slot(*tenant),
            Self::Provider(tenant, command, _) => {
                Aggregate::Provider(command.provider.number()).slot(*tenant)
            }
            Self::ProviderState(tenant, provider) => {
                Aggregate::Provider(provider.number()).slot(*tenant)
            }
            Self::Schedule(tenant, id, ..) => Aggregate::Schedule(id.number()).slot(*tenant),
        }
    }

    /// Whose share of the budget it needs.
    fn caller(&self) -> (TenantId, Option<&ProviderId>) {
        match self {
            Self::Execute(tenant, _, asked) | Self::Check(tenant, _, asked) => {
                (*tenant, asked.command.provider())
            }
            Self::Guarded(tenant, _, guarded) => (*tenant, guarded.asked.command.provider()),
            Self::Wallet(tenant, _)
            | Self::Tournament(tenant, ..)
            | Self::Provider(tenant, ..)
            | Self::ProviderState(tenant, _)
            | Self::Schedule(tenant, ..) => (*tenant, None),
        }
    }

    /// Bets are refused first when the node is full, results last.
    fn class(&self) -> Class {
        match self {
            Self::Execute(_, _, asked) | Self::Check(_, _, asked) => class(&asked.command),
            Self::Guarded(_, _, guarded) => class(&guarded.asked.command),
            Self::Wallet(..)
            | Self::Tournament(..)
            | Self::ProviderState(..)
            | Self::Schedule(..) => Class::Other,
            // The kill switch must work while a storm rages.
            Self::Provider(..) => Class::Result,
        }
    }
}

/// What a command's place in the budget is for.
fn class(command: &Command) -> Class {
    match command {
        Command::PlaceBet { .. } | Command::Play { .. } => Class::Bet,
        Command::SettleRound { .. }
        | Command::SettleBets { .. }
        | Command::Rollback { .. }
        | Command::EndRound { .. }
        | Command::MarkOverdue { .. }
        | Command::ProposeVerdict { .. }
        | Command::ConfirmVerdict { .. }
        | Command::Deposit { .. }
        | Command::EndWithdrawal { .. }
        | Command::Exclude { .. } => Class::Result,
        // Somebody waits for a seat or a prize; a new entry can wait.
        Command::Contest(act) if !matches!(**act, Act::Hold { .. } | Act::SetProfile { .. }) => {
            Class::Result
        }
        Command::Contest(_)
        | Command::AuthoriseWithdrawal { .. }
        | Command::Adjust { .. }
        | Command::OpenSession { .. }
        | Command::CloseSession { .. }
        | Command::SetLimit { .. }
        | Command::Readmit { .. }
        | Command::GrantFreeRounds { .. }
        | Command::Enter { .. }
        | Command::Report(_)
        | Command::Leave { .. } => Class::Other,
    }
}

/// What a core thread receives.
pub(super) enum Message {
    /// Something to do; the permit is its place in the node's budget.
    Work(Work, oneshot::Sender<Reply>, Option<Place>),
    /// Answer when everything staged before is committed.
    Barrier(oneshot::Sender<Reply>),
    /// Save all snapshots and stop.
    Stop(oneshot::Sender<()>),
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
        let (tenant, provider) = work.caller();
        let permit = self.admit(work.class(), tenant, provider)?;
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

    /// A place in the node's budget.
    ///
    /// # Errors
    /// [`Failure::Overloaded`].
    pub fn admit(
        &self,
        class: Class,
        tenant: TenantId,
        provider: Option<&ProviderId>,
    ) -> Result<Place, Failure> {
        self.budget.take(class, tenant, provider).ok_or_else(|| {
            metrics::counter!("palio_admission_refused_total", "class" => class.name())
                .increment(1);
            Failure::Overloaded
        })
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
