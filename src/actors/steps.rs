//! The steps that tournaments take by themselves: start, close at a cut, plan prizes, pay, put a
//! result right.

use super::handle::{Failure, Reply};
use super::tournament::{Close, Revise, Rows, Settle, Stacks};
use super::tournaments::{Entry, Facts, Tournaments};
use palio_domain::UnixMs;
use palio_domain::tournament::FinalResult;
use palio_domain::tournament::lifecycle::{Command, Refusal};
use palio_domain::tournament::settle::{self, Settling};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often prices that are held without a seat are looked after, in milliseconds.
const SWEEP_MS: i64 = 3_000;

/// How long to wait after a step that failed.
const AGAIN: Duration = Duration::from_secs(1);
/// How often is looked whether the fold has come far enough, and for how long at most.
const LOOK: Duration = Duration::from_millis(10);
const REVISION_MAX: Duration = Duration::from_secs(5);

impl Tournaments {
    /// Whether a step may be due.
    pub(super) fn is_due(&self, entry: &Entry, now: UnixMs) -> bool {
        let facts = entry.facts();
        let life = &facts.life;
        let deadline = life.next_deadline().is_some_and(|at| at <= now);
        let revision = life.needs_revision && life.is_closed();
        let step = deadline || revision || life.plan_is_due(now) || life.is_payable();
        step || is_sweep_due(entry, &facts, now)
    }

    /// Takes the step that is due.
    pub(super) async fn advance(self: &Arc<Self>, entry: &Arc<Entry>) {
        let now = self.now();
        let facts = entry.facts();
        if is_sweep_due(entry, &facts, now) {
            self.look_after_entries(entry, now);
        }
        let life = &facts.life;
        if life.is_closed() && !entry.reached.load(Ordering::Relaxed) {
            // The fold has yet to come to the cut.
            return;
        }
        if life.needs_revision && life.is_closed() {
            // Whoever makes a version at the moment has it in his.
            let Ok(_settling) = entry.settling.try_lock() else { return };
            if !entry.facts().life.needs_revision {
                return;
            }
            let reason = "who is ranked or paid was decided anew";
            if let Err(why) = self.make_version(entry, reason, "palio").await {
                tracing::warn!(tournament = %entry.definition.id, ?why, "not put right yet");
                tokio::time::sleep(AGAIN).await;
            }
            return;
        }
        if life.plan_is_due(now) {
            let _settling = entry.settling.lock().await;
            if let Some(plan) = self.plan(entry).await {
                self.step(entry, plan).await;
            }
        } else if life.is_payable() {
            let all_paid = self.pay(entry).await;
            let now = entry.facts();
            // A plan that came to be known while the one before was paid has its own turn.
            if all_paid && now.life.payout.batches.len() == life.payout.batches.len() {
                self.step(entry, Command::Complete { seen: now.life.seq }).await;
            }
        } else if life.next_deadline().is_none_or(|at| at > now) {
        } else if life.is_started() {
            let _settling = entry.settling.lock().await;
            if let Some(close) = self.close(entry).await {
                self.step(entry, close).await;
            }
        } else {
            self.step(entry, Command::Start).await;
        }
    }

    /// Looks after held prices beside the steps: a platform that does not answer keeps no
    /// tournament open.
    fn look_after_entries(self: &Arc<Self>, entry: &Arc<Entry>, now: UnixMs) {
        let Ok(sweeping) = Arc::clone(&entry.sweeping).try_lock_owned() else { return };
        entry.swept.store(now.0, Ordering::Relaxed);
        let (this, entry) = (Arc::clone(self), Arc::clone(entry));
        actix::spawn(async move {
            this.sweep(&entry).await;
            drop(sweeping);
        });
    }

    async fn step(&self, entry: &Entry, command: Command) {
        let (name, trace) = (command.name(), Some(crate::telemetry::new_trace()));
        match self.command(entry.tenant, &entry.definition.id, command, trace).await {
            Reply::Done(row) => {
                tracing::info!(tournament = %entry.definition.id, kind = row.kind.name(), "moved");
                entry.caught_up(row.seq).await;
            }
            // Computed from a view that was too old: the next turn has a newer one.
            Reply::TournamentUnchanged | Reply::TournamentRefused(Refusal::Behind) => {}
            other => {
                tracing::warn!(tournament = %entry.definition.id, name, ?other, "not moved");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Everything staged before now is committed first, so no bet before the end is missed; then
    /// the result is computed at exactly this cut.
    async fn close(&self, entry: &Entry) -> Option<Command> {
        // Before the barrier: what is decided after it is not in the result.
        let seen = entry.facts().life.seq;
        let cut = match self.core().barrier().await {
            Ok(cut) => cut,
            Err(error) => {
                tracing::warn!(?error, "a tournament can't be closed yet");
                return None;
            }
        };
        match entry.addr.send(Close { cut }).await {
            Ok(Some((cut, result))) => Some(Command::Close { seen, cut, result }),
            // The follower has not reached the cut; the next tick asks again.
            Ok(None) => None,
            Err(error) => {
                tracing::error!(%error, "a tournament's scoring stopped");
                None
            }
        }
    }

    /// The plan that is due, with its version.
    async fn plan(&self, entry: &Entry) -> Option<Command> {
        let facts = entry.facts();
        let life = &facts.life;
        let definition = &entry.definition;
        let planned = if life.is_cancelled() {
            let fee = definition.admission.price.map(|price| price.fee).unwrap_or_default();
            let stacks = Stacks { fee, under_review: life.under_review.clone() };
            let started = match entry.addr.send(stacks).await {
                Ok(started) if life.was_started() => Some(started),
                _ => None,
            };
            let started = started.as_ref().map(|(stacks, turnover)| (&**stacks, *turnover));
            settle::call_off(definition, &life.seats, started).map(|plan| (1, plan))
        } else {
            let (settling, result) = self.settling(entry, &facts).await?;
            if facts.result.as_ref().map(|there| &there.standings_hash)
                != Some(&result.standings_hash)
            {
                // Prizes that do not follow from what was published wait for a person.
                tracing::error!(
                    tournament = %definition.id,
                    "the standings are not the published result: no prizes are planned"
                );
                tokio::time::sleep(AGAIN).await;
                return None;
            }
            settle::settle(definition, life.brought(), &settling).map(|plan| (life.versions, plan))
        };
        match planned {
            Ok((version, Some(plan))) => {
                Some(Command::Plan { seen: life.seq, version, plan: Box::new(plan) })
            }
            Ok((_, None)) => None,
            Err(error) => {
                tracing::error!(tournament = %definition.id, %error, "prizes can't be planned");
                tokio::time::sleep(AGAIN).await;
                None
            }
        }
    }

    /// What prizes of the newest version of the result need, and that version as the fold has it.
    async fn settling(&self, entry: &Entry, facts: &Facts) -> Option<(Settling, FinalResult)> {
        let cut = facts.corrected.clone().or_else(|| facts.cut.clone())?;
        self.tell_how_far(entry).await.ok()?;
        let under_review = facts.life.under_review.clone();
        entry.addr.send(Settle { under_review, cut }).await.ok()?
    }

    /// Of a result that stands the fold hears nothing but corrections, so that it has to be told
    /// how far everything is.
    async fn tell_how_far(&self, entry: &Entry) -> Result<(), Failure> {
        let rows = Rows { rows: Arc::default(), positions: self.positions() };
        entry.addr.send(rows).await.map_err(|_| Failure::Quarantined)
    }

    /// Makes a later version of a result that stands (L5): with the corrections of bets that came
    /// since, and with whoever is disqualified now. After a failure nothing has changed, but for
    /// [`Failure::OutcomeUnknown`].
    ///
    /// # Errors
    /// [`Failure`]; [`Failure::Overloaded`] when the fold does not catch up in time.
    pub async fn revise(
        &self,
        entry: &Entry,
        reason: &str,
        author: &str,
    ) -> Result<Result<(), Refusal>, Failure> {
        if !entry.facts().life.is_closed() {
            return Ok(Err(Refusal::NotYet));
        }
        let _settling = entry.settling.lock().await;
        self.make_version(entry, reason, author).await
    }

    /// [`Self::revise`], by whoever has [`Entry::settling`].
    async fn make_version(
        &self,
        entry: &Entry,
        reason: &str,
        author: &str,
    ) -> Result<Result<(), Refusal>, Failure> {
        let until = tokio::time::Instant::now() + REVISION_MAX;
        while tokio::time::Instant::now() < until {
            let facts = entry.facts();
            let cut = self.core().barrier().await?;
            let Some((cut, result)) = self.corrected(entry, cut, &facts, until).await? else {
                break;
            };
            let seen = facts.life.seq;
            let (reason, author) = (reason.to_owned(), author.to_owned());
            let command = Command::Revise { seen, cut, result, reason, author };
            let trace = Some(crate::telemetry::new_trace());
            match self.command(entry.tenant, &entry.definition.id, command, trace).await {
                Reply::Done(row) => {
                    entry.caught_up(row.seq).await;
                    return Ok(Ok(()));
                }
                // Somebody was judged meanwhile, or the facts are behind.
                Reply::TournamentRefused(Refusal::Behind) => tokio::time::sleep(LOOK).await,
                Reply::TournamentRefused(refusal) => return Ok(Err(refusal)),
                Reply::Failed(why) => return Err(why),
                _ => return Ok(Ok(())),
            }
        }
        Err(Failure::Overloaded)
    }

    /// The result at a cut, with every correction in it; `None` when the fold does not reach the
    /// cut in time.
    async fn corrected(
        &self,
        entry: &Entry,
        cut: Vec<u64>,
        facts: &Facts,
        until: tokio::time::Instant,
    ) -> Result<Option<(Vec<u64>, FinalResult)>, Failure> {
        while tokio::time::Instant::now() < until {
            self.tell_how_far(entry).await?;
            let revise = Revise { cut: cut.clone(), out: facts.life.out.clone() };
            let made = entry.addr.send(revise).await.map_err(|_| Failure::Quarantined)?;
            if made.is_some() {
                return Ok(made);
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(None)
    }
}

/// Whether prices that are held without a seat are to be looked after.
fn is_sweep_due(entry: &Entry, facts: &Facts, now: UnixMs) -> bool {
    !facts.held.is_empty() && now.0.saturating_sub(entry.swept.load(Ordering::Relaxed)) >= SWEEP_MS
}
