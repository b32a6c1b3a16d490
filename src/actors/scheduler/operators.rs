//! What operators and the configuration do: set, start, stop.

use super::{CONFIGURATION, Refused, Scheduler};
use crate::actors::handle::{Failure, Reply};
use crate::actors::schedules::Kept;
use palio_domain::tournament::schedule::entity::{Command, Decided, Document, Outcome, Refusal};
use palio_domain::tournament::schedule::{Instance, Plan, Programme, ScheduleId};
use palio_domain::{TenantId, TraceId};
use palio_protocol::problem::ProblemLine;
use palio_protocol::schedule as wire;
use serde_json::Value;
use std::sync::Arc;

impl Scheduler {
    /// Everything that is wrong with a document, or what it says.
    ///
    /// # Errors
    /// The problems, each with its field.
    pub fn check(&self, tenant: TenantId, document: &Value) -> Result<Document, Vec<ProblemLine>> {
        let now = self.parts.clock.now();
        let zone = self.parts.zones.get(&tenant).map_or("UTC", String::as_str);
        let (mut lines, read) = match wire::parse(document, zone) {
            Ok((document, _)) => match document.schedule.validate(now) {
                Ok(plan) => (Vec::new(), Some((document, plan))),
                Err(problems) => (problems.iter().map(wire::line_of).collect(), None),
            },
            Err(lines) => (lines, None),
        };
        let first = read
            .as_ref()
            .and_then(|(_, plan)| plan.instances(now).next().or_else(|| plan.start_by_hand(now)));
        // What the schedule is not good for, the tournament is told by itself.
        let trial = match (&read, first) {
            (Some((document, _)), Some(first)) => Some((document.clone(), first)),
            _ => wire::trial(document, now),
        };
        if let Some((document, instance)) = trial {
            lines.extend(self.tournament_problems(tenant, &document, &instance));
        }
        match read {
            Some((document, _)) if lines.is_empty() => Ok(document),
            Some(_) | None => Err(lines),
        }
    }

    fn tournament_problems(
        &self,
        tenant: TenantId,
        document: &Document,
        instance: &Instance,
    ) -> Vec<ProblemLine> {
        let parsed = match wire::tournament(document, instance) {
            Ok(parsed) => parsed,
            Err(error) => return vec![ProblemLine::from(&error)],
        };
        if self.is_switched_off(tenant, parsed.kind) {
            return vec![wire::line_inside("type", "is switched off")];
        }
        let definition = (self.parts.definition)(parsed);
        let problems = definition.validate().err().unwrap_or_default();
        let problems = problems.iter().map(|of| wire::line_inside(&of.field, of.message));
        let off = self.parts.rules_off.lines(tenant, &definition, wire::INSIDE);
        problems.chain(off).collect()
    }

    /// Sets a schedule; `true`: there was none of this id. The same again changes nothing.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn set(
        &self,
        tenant: TenantId,
        document: &Value,
        by: &str,
        trace: Option<TraceId>,
    ) -> Result<(Arc<Programme>, bool), Refused> {
        let document = self.check(tenant, document).map_err(Refused::Invalid)?;
        self.put(tenant, document, by, false, trace).await
    }

    async fn put(
        &self,
        tenant: TenantId,
        document: Document,
        by: &str,
        from_configuration: bool,
        trace: Option<TraceId>,
    ) -> Result<(Arc<Programme>, bool), Refused> {
        let id = document.schedule.id.clone();
        let _turn = self.turn.lock().await;
        // In a turn: of two brands that choose one id at once, the second hears no.
        if self.parts.schedules.is_taken(tenant, &id) {
            return Err(Refused::Taken);
        }
        let is_new = self.parts.schedules.get(tenant, &id).is_none();
        // What the last version has missed is decided by its rules: a new one begins now.
        while self.decide_due((tenant, id.number())).await? {}
        let (document, by) = (Box::new(document), by.to_owned());
        let command = Command::Set { document, by, from_configuration };
        self.done(tenant, &id, command, trace).await?;
        self.changed.send_replace(());
        let programme = self.parts.schedules.get(tenant, &id).ok_or(Refused::NotFound)?;
        Ok((programme, is_new))
    }

    /// Sets what stands in the configuration, unless it set the same before: what an operator has
    /// done since then stays.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn configure(&self, tenant: TenantId, document: &Value) -> Result<(), Refused> {
        let zone = self.parts.zones.get(&tenant).map_or("UTC", String::as_str);
        let (read, _) = wire::parse(document, zone).map_err(Refused::Invalid)?;
        let known = self.parts.schedules.get(tenant, &read.schedule.id);
        // Not checked again: a schedule whose last start has passed could not be set any more.
        if known.is_some_and(|known| known.configured.as_ref() == Some(&read)) {
            return Ok(());
        }
        let document = self.check(tenant, document).map_err(Refused::Invalid)?;
        let trace = Some(crate::telemetry::new_trace());
        self.put(tenant, document, CONFIGURATION, true, trace).await.map(|_| ())
    }

    /// Announces nothing of a schedule any more; what was announced stays.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn stop(
        &self,
        tenant: TenantId,
        id: &ScheduleId,
        (reason, by): (String, String),
        trace: Option<TraceId>,
    ) -> Result<Arc<Programme>, Refused> {
        let _turn = self.turn.lock().await;
        self.parts.schedules.refresh((tenant, id.number())).await?;
        self.done(tenant, id, Command::Stop { reason, by }, trace).await?;
        self.parts.schedules.get(tenant, id).ok_or(Refused::NotFound)
    }

    async fn done(
        &self,
        tenant: TenantId,
        id: &ScheduleId,
        command: Command,
        trace: Option<TraceId>,
    ) -> Result<(), Refused> {
        match self.parts.schedules.command(tenant, id, command, trace).await {
            Reply::Done(_) | Reply::ScheduleUnchanged => Ok(()),
            Reply::ScheduleRefused(refusal) => Err(match refusal {
                Refusal::NotFound => Refused::NotFound,
                Refusal::IdCollision => Refused::Taken,
                Refusal::Invalid(problems) => {
                    Refused::Invalid(problems.iter().map(wire::line_of).collect())
                }
                Refusal::Reason => Refused::Reason,
                Refusal::Stopped | Refusal::Moved => Refused::State(refusal.to_string()),
            }),
            Reply::Failed(failure) => Err(failure.into()),
            other => {
                tracing::error!(schedule = %id, ?other, "an answer of another kind");
                Err(Failure::OutcomeUnknown.into())
            }
        }
    }

    /// Starts an instance now, beside those that are planned; `true`: this call did. A second one
    /// in the same minute gets the first one's.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn start(
        &self,
        tenant: TenantId,
        id: &ScheduleId,
        (by, trace): (&str, TraceId),
    ) -> Result<(Instance, bool), Refused> {
        let owner = (tenant, id.number());
        let _turn = self.turn.lock().await;
        self.parts.schedules.refresh(owner).await?;
        let kept = self.parts.schedules.kept(owner);
        let kept = kept.filter(|kept| kept.programme.document.schedule.id == *id);
        let Some(Kept { programme, plan, .. }) = kept else { return Err(Refused::NotFound) };
        if programme.stopped.is_some() {
            return Err(Refused::State(Refusal::Stopped.to_string()));
        }
        let now = self.parts.clock.now();
        let by_hand = |plan: Arc<Plan>| Some((plan.start_by_hand(now)?, plan));
        let Some((instance, plan)) = plan.and_then(by_hand) else {
            return Err(Refused::State("the schedule can't be planned now".to_owned()));
        };
        let open = programme.open.values().map(|open| &open.instance);
        let recent = programme.recent.iter().map(|decided| &decided.instance);
        if let Some(first) = open.chain(recent).find(|known| known.key == instance.key) {
            return Ok((first.clone(), false));
        }
        // Announced in an earlier life that did not come to journal it: it is that one.
        let earlier = instance.key.tournament().ok();
        let earlier = earlier.and_then(|id| self.parts.tournaments.get(&id));
        let earlier = earlier.and_then(|entry| plan.start_by_hand(entry.definition.starts));
        let instance = earlier.filter(|found| found.key == instance.key).unwrap_or(instance);
        let document = &programme.document;
        let outcome = Outcome::Announced {};
        let outcome = self.announce(tenant, document, &instance, outcome, &trace).await?;
        if let Outcome::Refused { reason } = outcome {
            return Err(Refused::State(reason));
        }
        let at = programme.decided_through;
        let decided = Decided { instance: instance.clone(), outcome };
        self.journal(tenant, &programme, (at, at), vec![decided], (by, trace)).await?;
        Ok((instance, true))
    }
}
