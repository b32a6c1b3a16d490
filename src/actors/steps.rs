//! The steps that tournaments take by themselves: start, close at a cut, plan prizes, pay, put a
//! result right.

use super::handle::{Failure, Reply};
use super::tournament::{Close, Revise, Rows, Settle, Stacks};
use super::tournaments::{Entry, Tournaments};
use palio_domain::UnixMs;
use palio_domain::tournament::lifecycle::{self, Command};
use palio_domain::tournament::prizes::PrizePlan;
use palio_domain::tournament::settle;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often prices that are held without a seat are looked after, in milliseconds.
const SWEEP_MS: i64 = 3_000;

/// How long to wait after a step that failed.
const AGAIN: Duration = Duration::from_secs(1);

impl Tournaments {
    /// Whether a step may be due.
    pub(super) fn is_due(&self, entry: &Entry, now: UnixMs) -> bool {
        let facts = entry.facts();
        let life = &facts.life;
        let held = !facts.held.is_empty()
            && now.0.saturating_sub(entry.swept.load(Ordering::Relaxed)) >= SWEEP_MS;
        let deadline = life.next_deadline().is_some_and(|at| at <= now);
        let revision = life.needs_revision && life.is_closed();
        held || deadline || revision || life.plan_is_due(now) || life.is_payable()
    }

    /// Takes the step that is due.
    pub(super) async fn advance(self: &Arc<Self>, entry: &Arc<Entry>) {
        let now = self.now();
        let facts = entry.facts();
        if !facts.held.is_empty() {
            entry.swept.store(now.0, Ordering::Relaxed);
            self.sweep(entry).await;
        }
        let life = &facts.life;
        if life.is_closed() && !entry.reached.load(Ordering::Relaxed) {
            // The fold has yet to come to the cut.
            return;
        }
        if life.needs_revision && life.is_closed() {
            let reason = "who is ranked or paid was decided anew".to_owned();
            if let Err(why) = self.revise(entry, reason, "palio".to_owned()).await {
                tracing::warn!(tournament = %entry.definition.id, ?why, "not put right yet");
                tokio::time::sleep(AGAIN).await;
            }
            return;
        }
        let command = if life.plan_is_due(now) {
            match self.plan(entry).await {
                Some((version, plan)) => Command::Plan { version, plan: Box::new(plan) },
                None => return,
            }
        } else if life.is_payable() {
            if !self.pay(entry).await {
                return;
            }
            Command::Complete
        } else if life.next_deadline().is_none_or(|at| at > now) {
            return;
        } else if life.is_started() {
            match self.close(entry).await {
                Some(close) => close,
                None => return,
            }
        } else {
            Command::Start
        };
        self.step(entry, command).await;
    }

    async fn step(&self, entry: &Entry, command: Command) {
        let (name, trace) = (command.name(), Some(crate::telemetry::new_trace()));
        match self.command(entry.tenant, &entry.definition.id, command, trace).await {
            Reply::Done(row) => {
                tracing::info!(tournament = %entry.definition.id, kind = row.kind.name(), "moved");
                // The follower brings the row here in a moment.
                for _ in 0..100 {
                    if entry.facts().life.seq >= row.seq {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            Reply::TournamentUnchanged => {}
            other => {
                tracing::warn!(tournament = %entry.definition.id, name, ?other, "not moved");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Everything staged before now is committed first, so no bet before the end is missed; then
    /// the result is computed at exactly this cut.
    async fn close(&self, entry: &Entry) -> Option<Command> {
        let cut = match self.core().barrier().await {
            Ok(cut) => cut,
            Err(error) => {
                tracing::warn!(?error, "a tournament can't be closed yet");
                return None;
            }
        };
        match entry.addr.send(Close { cut }).await {
            Ok(Some((cut, result))) => Some(Command::Close { cut, result }),
            // The follower has not reached the cut; the next tick asks again.
            Ok(None) => None,
            Err(error) => {
                tracing::error!(%error, "a tournament's scoring stopped");
                None
            }
        }
    }

    /// The plan that is due, with its version.
    async fn plan(&self, entry: &Entry) -> Option<(u32, PrizePlan)> {
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
            let asked = Settle { under_review: life.under_review.clone() };
            let settling = entry.addr.send(asked).await.ok()?;
            settle::settle(definition, life.brought(), &settling).map(|plan| (life.versions, plan))
        };
        match planned {
            Ok((version, Some(plan))) => Some((version, plan)),
            Ok((_, None)) => None,
            Err(error) => {
                tracing::error!(tournament = %definition.id, %error, "prizes can't be planned");
                tokio::time::sleep(AGAIN).await;
                None
            }
        }
    }

    /// Makes a later version of a result that stands (L5): with the corrections of bets that came
    /// since, and with whoever is disqualified now.
    ///
    /// # Errors
    /// [`Failure`]; [`Failure::Overloaded`] when the fold does not catch up in time.
    pub async fn revise(
        &self,
        entry: &Entry,
        reason: String,
        author: String,
    ) -> Result<Result<(), lifecycle::Refusal>, Failure> {
        if !entry.facts().life.is_closed() {
            return Ok(Err(lifecycle::Refusal::NotYet));
        }
        let cut = self.core().barrier().await?;
        for _ in 0..500 {
            // Of a result that stands the fold hears nothing but corrections, so that it has to
            // be told how far everything is.
            let rows = Rows { rows: Arc::default(), positions: self.positions() };
            let out = entry.facts().life.out.clone();
            let revise = Revise { cut: cut.clone(), out };
            let sent = entry.addr.send(rows).await;
            let made = match sent {
                Ok(()) => entry.addr.send(revise).await,
                Err(error) => Err(error),
            };
            match made {
                Ok(Some((cut, result))) => {
                    let command = Command::Revise { cut, result, reason, author };
                    let trace = Some(crate::telemetry::new_trace());
                    let id = &entry.definition.id;
                    return match self.command(entry.tenant, id, command, trace).await {
                        Reply::Done(row) => {
                            for _ in 0..500 {
                                if entry.facts().life.seq >= row.seq {
                                    break;
                                }
                                tokio::time::sleep(Duration::from_millis(10)).await;
                            }
                            Ok(Ok(()))
                        }
                        Reply::TournamentRefused(refusal) => Ok(Err(refusal)),
                        Reply::Failed(why) => Err(why),
                        _ => Ok(Ok(())),
                    };
                }
                Ok(None) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(_) => return Err(Failure::Quarantined),
            }
        }
        Err(Failure::Overloaded)
    }
}
