//! The scheduler: announces the instances of schedules when their time comes (requirement T2).
//!
//! ```text
//! next announcement ──(sleeps until then)──▶ plan.due ──▶ tournament created ──▶ decision journalled
//!                                                            ▲                        │
//!                                                            └──── killed in between ─┘ the same again
//! ```
//! It decides nothing: what is due and what was missed says the plan
//! (`palio_domain::tournament::schedule`), whether it is news says the schedule's home.
//!
//! **Exactly once:** an instance's tournament has the instance's key as its id, and a home takes an
//! id once. The tournament is created first; a crash before the decision is journalled only makes
//! both happen again, and the second creation changes nothing.
//! **Bounded:** [`DECIDED_AT_ONCE`] decisions of a schedule in a row of the journal, then the next
//! schedule; a long backlog is worked off in turns.
//! **Never** asks more often than something is due, but every [`LOOK_AFTER_MAX`], since the
//! machine's clock may be set.
//!
//! Tests: `tests/it/schedules.rs` over HTTP, `tests/it/scheduler.rs` simulated with crashes.

mod operators;
mod telling;

use super::handle::{Failure, Reply};
use super::schedules::{Owner, Schedules};
use super::tournaments::Tournaments;
use crate::clock::Clock;
use crate::notices::Notices;
use crate::rules_off::RulesOff;
use palio_domain::tournament::lifecycle::{self, Command as Act};
use palio_domain::tournament::schedule::entity::{Command, Decided, Document, Outcome};
use palio_domain::tournament::schedule::{Instance, Missed, Programme, ScheduleId, Verdict};
use palio_domain::tournament::{Definition, Kind};
use palio_domain::{TenantId, TraceId, UnixMs};
use palio_protocol::problem::ProblemLine;
use palio_protocol::schedule as wire;
use palio_protocol::tournament::ParsedTournament;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// Decisions of a schedule that are journalled in one row.
const DECIDED_AT_ONCE: NonZeroUsize = NonZeroUsize::new(100).unwrap();
/// Instances whose notices are sent, then journalled in one row.
const TOLD_AT_ONCE: usize = 16;
/// Notices of a tenant that are under way at a time.
const SENT_AT_ONCE: usize = 8;
/// The longest sleep, in case the machine's clock is set.
const LOOK_AFTER_MAX: Duration = Duration::from_secs(30);
/// How long to wait after a failure, and at most.
const AGAIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(30);
/// Who decides what nobody asked for.
const AUTHOR: &str = "scheduler";
/// Who sets what stands in the configuration.
const CONFIGURATION: &str = "configuration";

/// What the scheduler needs.
pub struct Parts {
    /// What there is.
    pub schedules: Arc<Schedules>,
    /// Where instances are announced.
    pub tournaments: Arc<Tournaments>,
    /// Who is told.
    pub notices: Notices,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Each tenant's time zone.
    pub zones: HashMap<TenantId, String>,
    /// Which types of tournaments each tenant can announce; all where there are none.
    pub types: HashMap<TenantId, Vec<Kind>>,
    /// Parts of rules that tenants may not use.
    pub rules_off: RulesOff,
    /// A checked body of `POST /api/tournaments` as a definition.
    pub definition: fn(ParsedTournament) -> Definition,
}

/// Why a schedule is not set, started or stopped.
#[derive(Debug)]
pub enum Refused {
    /// There is none.
    NotFound,
    /// Another tenant has one of this id.
    Taken,
    /// Its document is not good.
    Invalid(Vec<ProblemLine>),
    /// The reason is too long.
    Reason,
    /// Its state does not allow it, or its tournament can't be announced; in words.
    State(String),
    /// No answer of the rules.
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// See the module.
pub struct Scheduler {
    parts: Parts,
    /// One change of schedules at a time: their rows are folded in the order of their commits.
    turn: Mutex<()>,
    /// Whoever rests looks again.
    changed: watch::Sender<()>,
    /// What started before was not watched.
    up_since: UnixMs,
}

impl Scheduler {
    /// A scheduler that does nothing until [`Self::run`].
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let up_since = parts.clock.now();
        let (turn, changed) = (Mutex::default(), watch::Sender::new(()));
        Arc::new(Self { parts, turn, changed, up_since })
    }

    /// A tenant's schedules, by id.
    #[must_use]
    pub fn of(&self, tenant: TenantId) -> Vec<Arc<Programme>> {
        self.parts.schedules.of(tenant)
    }

    /// A schedule.
    #[must_use]
    pub fn get(&self, tenant: TenantId, id: &ScheduleId) -> Option<Arc<Programme>> {
        self.parts.schedules.get(tenant, id)
    }

    /// Announces what is due until the process ends.
    pub async fn run(self: Arc<Self>) {
        let mut again = AGAIN;
        let mut changed = self.changed.subscribe();
        loop {
            let went = self.announce_due().await;
            let count = u32::try_from(self.parts.schedules.running()).unwrap_or(u32::MAX);
            metrics::gauge!("palio_schedules_running").set(f64::from(count));
            let next = || self.parts.schedules.next(None, |kept| kept.next_start);
            self.rest(went, &mut again, next, &mut changed).await;
        }
    }

    /// Tells what is due until the process ends, each tenant by itself: an address that does not
    /// answer holds up its own notices only.
    pub async fn tell(self: Arc<Self>) {
        let tenants = self.parts.zones.keys().map(|tenant| self.tell_tenant(*tenant));
        futures_util::future::join_all(tenants).await;
    }

    async fn tell_tenant(&self, tenant: TenantId) {
        let mut again = AGAIN;
        let mut changed = self.changed.subscribe();
        loop {
            let went = self.tell_due(Some(tenant)).await;
            let next = || self.parts.schedules.next(Some(tenant), |kept| kept.next_notice);
            self.rest(went, &mut again, next, &mut changed).await;
        }
    }

    /// Announces and tells what is due now, once.
    ///
    /// # Errors
    /// [`Failure`] when the journal can't be written: part of it is done, the rest is still due.
    pub async fn step(&self) -> Result<(), Failure> {
        self.announce_due().await?;
        self.tell_due(None).await
    }

    /// Waits until something is due, or somebody changes something.
    async fn rest(
        &self,
        went: Result<(), Failure>,
        again: &mut Duration,
        next: impl Fn() -> Option<UnixMs>,
        changed: &mut watch::Receiver<()>,
    ) {
        let wait = match went {
            Ok(()) => {
                *again = AGAIN;
                let now = self.parts.clock.now();
                let left = next().map(|at| at.since_ms(now));
                let left = left.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
                left.unwrap_or(LOOK_AFTER_MAX).min(LOOK_AFTER_MAX)
            }
            Err(failure) => {
                tracing::warn!(?failure, "schedules wait");
                let wait = *again;
                *again = (wait * 2).min(AGAIN_MAX);
                return tokio::time::sleep(wait).await;
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // The sender lives as long as this.
            _ = changed.changed() => {}
        }
    }

    /// Works off everything that is due, a part of each schedule at a time. One that fails does
    /// not hold up the others.
    async fn announce_due(&self) -> Result<(), Failure> {
        loop {
            let now = self.parts.clock.now();
            let due = self.parts.schedules.due(None, now, |kept| kept.next_start);
            if due.is_empty() {
                return Ok(());
            }
            let mut failed = None;
            for owner in due {
                let _turn = self.turn.lock().await;
                if let Err(failure) = self.decide_due(owner).await {
                    failed = Some(failure);
                }
            }
            if let Some(failure) = failed {
                return Err(failure);
            }
        }
    }

    /// Decides a part of what is due of one schedule; `true`: more is due. In a turn.
    async fn decide_due(&self, owner: Owner) -> Result<bool, Failure> {
        self.parts.schedules.refresh(owner).await?;
        let Some(kept) = self.parts.schedules.kept(owner) else { return Ok(false) };
        let (programme, Some(plan)) = (kept.programme, kept.plan) else { return Ok(false) };
        let now = self.parts.clock.now();
        if programme.stopped.is_some() {
            return Ok(false);
        }
        let due = plan.due(programme.decided_through, now, DECIDED_AT_ONCE);
        if due.decided_through == programme.decided_through {
            return Ok(false);
        }
        let trace = crate::telemetry::new_trace();
        let mut decisions = Vec::with_capacity(due.decisions.len());
        for decision in due.decisions {
            // One that an earlier version announced stays as it is.
            if programme.open.contains_key(&decision.instance.key) {
                continue;
            }
            let (instance, verdict) = (&decision.instance, decision.verdict);
            let outcome = self.act(owner.0, &programme, instance, verdict, &trace).await?;
            decisions.push(Decided { instance: decision.instance, outcome });
        }
        let (from, through) = (programme.decided_through, due.decided_through);
        let by = (AUTHOR, trace);
        self.journal(owner.0, &programme, (from, through), decisions, by).await?;
        Ok(due.next_at.is_some_and(|at| at <= now))
    }

    async fn journal(
        &self,
        tenant: TenantId,
        programme: &Programme,
        (from, through): (UnixMs, UnixMs),
        decisions: Vec<Decided>,
        (by, trace): (&str, TraceId),
    ) -> Result<(), Failure> {
        let now = self.parts.clock.now();
        let id = &programme.document.schedule.id;
        let notes: Vec<_> = decisions.iter().map(note).collect();
        let decisions = decisions.into_iter().map(slim).collect();
        let command = Command::Decide { from, through, decisions, by: by.to_owned() };
        match self.parts.schedules.command(tenant, id, command, Some(trace)).await {
            Reply::Done(_) => {
                for (key, outcome, due) in notes {
                    tracing::info!(schedule = %id, tournament = key, outcome, by, "decided");
                    metrics::counter!("palio_schedule_instances_total", "outcome" => outcome)
                        .increment(1);
                    let Some(due) = due.filter(|_| by == AUTHOR) else { continue };
                    let ms = u32::try_from(now.since_ms(due).max(0)).unwrap_or(u32::MAX);
                    metrics::histogram!("palio_schedule_delay_seconds")
                        .record(f64::from(ms) / 1_000.0);
                }
                self.changed.send_replace(());
                Ok(())
            }
            Reply::ScheduleUnchanged => Ok(()),
            Reply::Failed(failure) => Err(failure),
            other => {
                tracing::error!(schedule = %id, ?other, "a decision was not journalled");
                Err(Failure::OutcomeUnknown)
            }
        }
    }

    /// Does what a verdict says, and says what came of it.
    async fn act(
        &self,
        tenant: TenantId,
        programme: &Programme,
        instance: &Instance,
        verdict: Verdict,
        trace: &TraceId,
    ) -> Result<Outcome, Failure> {
        match verdict {
            Verdict::InTime | Verdict::Late { .. } => {
                self.announce(tenant, &programme.document, instance, verdict.into(), trace).await
            }
            // It may have been announced in an earlier life that did not come to journal it.
            Verdict::Missed { reason }
                if self.call_off(tenant, instance, reason, trace).await? =>
            {
                Ok(verdict.into())
            }
            Verdict::Missed { .. } => Ok(Outcome::Announced {}),
        }
    }

    /// Creates an instance's tournament. The same again changes nothing.
    async fn announce(
        &self,
        tenant: TenantId,
        document: &Document,
        instance: &Instance,
        outcome: Outcome,
        trace: &TraceId,
    ) -> Result<Outcome, Failure> {
        let refused = |reason: String| Ok(Outcome::Refused { reason });
        let definition = match wire::tournament(document, instance) {
            Ok(parsed) => parsed,
            Err(error) => return refused(error.detail()),
        };
        if self.is_switched_off(tenant, definition.kind) {
            return refused(format!("{} is switched off", definition.kind.as_str()));
        }
        let mut definition = (self.parts.definition)(definition);
        if let Some(line) = self.parts.rules_off.lines(tenant, &definition, "").first() {
            return refused(format!("{}: {}", line.field, line.message));
        }
        // So that what nobody wins finds the next one (P4).
        definition.schedule = Some(document.schedule.id.clone());
        let id = definition.id.clone();
        let known = self.parts.tournaments.get(&id);
        if known.is_some_and(|entry| entry.tenant != tenant) {
            return refused(format!("another brand has a tournament {id}"));
        }
        let ends = definition.ends;
        let command = Act::Create(Box::new(definition));
        match self.parts.tournaments.command(tenant, &id, command, Some(trace.clone())).await {
            Reply::Done(_) | Reply::TournamentUnchanged => Ok(outcome),
            // Its end has passed since it was judged.
            Reply::TournamentRefused(lifecycle::Refusal::Invalid(_))
                if ends <= self.parts.clock.now() =>
            {
                Ok(Outcome::Missed { reason: Missed::Ended })
            }
            Reply::TournamentRefused(refusal) => refused(refusal.to_string()),
            Reply::Failed(failure) => Err(failure),
            other => {
                tracing::error!(tournament = %id, ?other, "an answer of another kind");
                Err(Failure::OutcomeUnknown)
            }
        }
    }

    fn is_switched_off(&self, tenant: TenantId, kind: Kind) -> bool {
        let types = self.parts.types.get(&tenant).filter(|types| !types.is_empty());
        types.is_some_and(|types| !types.contains(&kind))
    }

    /// Calls a missed instance's tournament off, if there is one that has not started; `false`: it
    /// took place after all.
    async fn call_off(
        &self,
        tenant: TenantId,
        instance: &Instance,
        reason: Missed,
        trace: &TraceId,
    ) -> Result<bool, Failure> {
        // Keys of plans are ids.
        let Ok(id) = instance.key.tournament() else { return Ok(true) };
        if let Some(entry) = self.parts.tournaments.get(&id) {
            let own = entry.tenant == tenant && entry.definition.starts == instance.starts;
            let facts = entry.facts();
            let life = &facts.life;
            if life.is_started() || life.was_started() {
                return Ok(!own);
            }
            if !own || life.is_cancelled() {
                return Ok(true);
            }
        }
        let words = match reason {
            Missed::Ended => "missed: its end had passed",
            Missed::Superseded => "missed: a newer one takes place in its stead",
            Missed::NotCaughtUp => "missed: the schedule does not start late",
        };
        let command = Act::Cancel { reason: words.to_owned() };
        match self.parts.tournaments.command(tenant, &id, command, Some(trace.clone())).await {
            Reply::Done(_)
            | Reply::TournamentUnchanged
            | Reply::TournamentRefused(lifecycle::Refusal::NotFound) => Ok(true),
            Reply::TournamentRefused(_) => Ok(false),
            Reply::Failed(failure) => Err(failure),
            other => {
                tracing::error!(tournament = %id, ?other, "an answer of another kind");
                Err(Failure::OutcomeUnknown)
            }
        }
    }

    /// Judges instances that were announced in an earlier life and should have started while the
    /// server was down: those that do not start late are called off. Then decides a part of what
    /// is due. Before tournaments' time is kept, which starts whatever has not started.
    ///
    /// # Errors
    /// [`Failure`] when the journal can't be written.
    pub async fn judge(&self) -> Result<(), Failure> {
        let now = self.parts.clock.now();
        for owner in self.parts.schedules.owners() {
            let _turn = self.turn.lock().await;
            let Some(kept) = self.parts.schedules.kept(owner) else { continue };
            let (programme, Some(plan)) = (kept.programme, kept.plan) else { continue };
            let mut decisions = Vec::new();
            let trace = crate::telemetry::new_trace();
            let missed =
                programme.open.values().filter(|open| open.instance.starts <= self.up_since);
            for instance in missed.map(|open| &open.instance) {
                let Verdict::Missed { reason } = plan.verdict(instance, now) else { continue };
                // What a stopped schedule plans does not take place in anything's stead.
                if reason == Missed::Superseded && programme.stopped.is_some() {
                    continue;
                }
                if !self.has_begun(instance)
                    && self.call_off(owner.0, instance, reason, &trace).await?
                {
                    let outcome = Outcome::Missed { reason };
                    decisions.push(Decided { instance: instance.clone(), outcome });
                }
            }
            if !decisions.is_empty() {
                let at = programme.decided_through;
                let by = (AUTHOR, trace);
                self.journal(owner.0, &programme, (at, at), decisions, by).await?;
            }
            // What the last life announced and did not come to journal is within one part.
            self.decide_due(owner).await?;
        }
        Ok(())
    }

    /// Whether its tournament has started, or is over and forgotten.
    fn has_begun(&self, instance: &Instance) -> bool {
        let id = instance.key.tournament().ok();
        let entry = id.and_then(|id| self.parts.tournaments.get(&id));
        entry.is_none_or(|entry| {
            let facts = entry.facts();
            facts.life.is_started() || facts.life.was_started()
        })
    }

    /// Whether its tournament was called off.
    fn is_called_off(&self, instance: &Instance) -> bool {
        let id = instance.key.tournament().ok();
        let entry = id.and_then(|id| self.parts.tournaments.get(&id));
        entry.is_some_and(|entry| entry.facts().life.is_cancelled())
    }
}

/// What is said of a decision: key, outcome, and of what takes place when it was due.
fn note(decided: &Decided) -> (String, &'static str, Option<UnixMs>) {
    let Decided { instance, outcome } = decided;
    let due = outcome.takes_place().then_some(instance.announced);
    (instance.key.as_str().to_owned(), outcome.as_str(), due)
}

/// Without the notices of what does not take place.
fn slim(decided: Decided) -> Decided {
    if decided.outcome.takes_place() {
        return decided;
    }
    let instance = Instance { notices: Vec::new(), ..decided.instance };
    Decided { instance, ..decided }
}
