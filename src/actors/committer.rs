//! The committer of one slot group: one batch under way, the next one gathering behind it.
//!
//! No timer: a lone command commits at once; under load whatever waited during one commit is the
//! next batch. **Invariant:** nothing is answered before the store has it.

use super::core::{Pending, SharedCore, State, send};
use super::handle::{Failure, Reply};
use super::recovery;
use crate::storage::{AppendError, Writer};
use palio_domain::journal::{Batch, Head};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What to do with the commands of a batch that failed.
pub(super) enum Retry {
    /// Decide them again, in order.
    Again(Vec<Pending>),
    /// Nothing is left to do.
    Nothing,
}

/// Runs until the core is fenced or the process ends. `resubmit` takes commands that are to be
/// decided again.
pub(super) async fn run(
    core: SharedCore,
    mut writer: Box<dyn Writer>,
    ready: impl Fn(bool),
    resubmit: impl Fn(Vec<Pending>),
    stopping: Arc<AtomicBool>,
) {
    loop {
        core.work.notified().await;
        loop {
            let (batch, pending) = {
                let mut state = core.state.borrow_mut();
                (state.stage.seal(), std::mem::take(&mut state.pending))
            };
            let Some(batch) = batch else {
                // Everything staged before these answers is committed.
                pending.into_iter().for_each(|p| answer(p, &core));
                break;
            };
            let batch = Arc::new(batch);
            let started = Instant::now();
            let result = writer.append(&batch, core.clock.now()).await;
            metrics::histogram!("palio_commit_seconds").record(started.elapsed().as_secs_f64());
            match result {
                Ok(()) => confirm(&core, &batch, pending),
                Err(error) => {
                    ready(false);
                    match recover(&core, &batch, pending, error, &stopping).await {
                        Retry::Again(commands) => resubmit(commands),
                        Retry::Nothing => {}
                    }
                    ready(core.closed().is_none());
                }
            }
        }
        if stopping.load(Ordering::Relaxed) && core.state.borrow().stage.is_empty() {
            return;
        }
    }
}

fn confirm(core: &SharedCore, batch: &Arc<Batch>, pending: Vec<Pending>) {
    {
        let mut state = core.state.borrow_mut();
        for moved in &batch.moves {
            if let Some(at) = state.committed.get_mut(moved.slot.index()) {
                *at = moved.next_seq.saturating_sub(1);
            }
        }
    }
    metrics::counter!("palio_commits_total", "outcome" => "ok").increment(1);
    let rows = u32::try_from(batch.rows.len()).unwrap_or(u32::MAX);
    metrics::histogram!("palio_commit_batch_rows").record(f64::from(rows));
    metrics::counter!("palio_journal_rows_total").increment(u64::from(rows));
    if core.committed.try_send(Arc::clone(batch)).is_err() {
        // The follower notices the gap and reads it from the store.
        tracing::debug!("the follower is behind");
    }
    pending.into_iter().for_each(|p| answer(p, core));
}

fn answer(pending: Pending, core: &SharedCore) {
    let answer = match pending.answer {
        Reply::Barrier(_) => {
            let state = core.state.borrow();
            let seq = |slot: &palio_domain::Slot| {
                (*slot, state.committed.get(slot.index()).copied().unwrap_or(0))
            };
            Reply::Barrier(core.slots.iter().map(seq).collect())
        }
        other => other,
    };
    send(pending.reply, answer);
}

/// Finds out what became of a failed batch, takes the slots again and starts a new generation.
async fn recover(
    core: &SharedCore,
    batch: &Arc<Batch>,
    pending: Vec<Pending>,
    error: AppendError,
    stopping: &Arc<AtomicBool>,
) -> Retry {
    let outcome = match &error {
        AppendError::Fenced => "fenced",
        AppendError::Clash => "clash",
        AppendError::NotWritten(_) => "not_written",
        AppendError::Unknown(_) => "unknown",
    };
    metrics::counter!("palio_commits_total", "outcome" => outcome).increment(1);
    tracing::error!(group = core.group, rows = batch.rows.len(), %error, "commit failed");
    // Whatever was staged behind the failed batch is void too, and certainly not written.
    let behind = {
        let mut state = core.state.borrow_mut();
        state.stage.reset([]);
        state.generation += 1;
        state.open = Some(Failure::StorageUnavailable);
        std::mem::take(&mut state.pending)
    };
    let fail = |commands: Vec<Pending>, failure| {
        commands.into_iter().for_each(|p| send(p.reply, Reply::Failed(failure)));
    };
    if matches!(error, AppendError::Fenced) {
        core.state.borrow_mut().open = Some(Failure::NotOwner);
        tracing::error!(
            group = core.group,
            "another owner took the slots: this node stops writing"
        );
        fail(pending, Failure::NotOwner);
        fail(behind, Failure::NotOwner);
        return Retry::Nothing;
    }
    let mut waiting = Some((pending, behind));
    let mut wait = Duration::from_millis(20);
    let recovered = loop {
        match recovery::take_slots(core).await {
            Ok(recovered) => break recovered,
            Err(error) => {
                tracing::error!(group = core.group, %error, "the store can't be reached");
                if let Some((pending, behind)) = waiting.take() {
                    fail(pending, Failure::OutcomeUnknown);
                    fail(behind, Failure::StorageUnavailable);
                }
                if stopping.load(Ordering::Relaxed) {
                    return Retry::Nothing;
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(1));
            }
        }
    };
    let written = was_written(batch, &recovered.heads);
    recovered.install(&mut core.state.borrow_mut());
    let Some((pending, behind)) = waiting else { return Retry::Nothing };
    if written {
        // The epoch was raised first, so this is the truth: the batch is on disk.
        tracing::info!(group = core.group, "the batch of unknown outcome had been written");
        pending.into_iter().for_each(|p| answer(p, core));
        return Retry::Again(behind);
    }
    let mut again = pending;
    again.extend(behind);
    Retry::Again(again)
}

/// Whether the head of the first touched slot stands on, or beyond, the batch's link. All slots
/// of a batch move together.
fn was_written(batch: &Batch, heads: &[Head]) -> bool {
    batch.moves.first().is_some_and(|moved| {
        heads.iter().any(|head| head.slot == moved.slot && head.chain == moved.chain)
    })
}

impl State {
    /// Whether anything waits for a commit.
    pub(super) fn is_idle(&self) -> bool {
        self.stage.is_empty() && self.pending.is_empty()
    }
}
