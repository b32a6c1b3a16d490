//! Who is told what: notices that are due are sent, then journalled.

use super::{SENT_AT_ONCE, Scheduler, TOLD_AT_ONCE};
use crate::actors::handle::{Failure, Reply};
use crate::actors::schedules::{Kept, Owner};
use futures_util::{StreamExt as _, stream};
use palio_domain::tournament::schedule::entity::{Command, NoticeOutcome, Told, ToldNotice};
use palio_domain::tournament::schedule::{DueNotice, Instance, Programme};
use palio_domain::{TenantId, UnixMs};

impl Scheduler {
    pub(super) async fn tell_due(&self, tenant: Option<TenantId>) -> Result<(), Failure> {
        loop {
            let now = self.parts.clock.now();
            let due = self.parts.schedules.due(tenant, now, |kept| kept.next_notice);
            if due.is_empty() {
                return Ok(());
            }
            let mut failed = None;
            for owner in due {
                if let Err(failure) = self.tell_of(owner, now).await {
                    failed = Some(failure);
                }
            }
            if let Some(failure) = failed {
                return Err(failure);
            }
        }
    }

    /// Sends a part of what is due of one schedule, then journals it: what was sent and not
    /// journalled is sent again, under the same key.
    async fn tell_of(&self, owner: Owner, now: UnixMs) -> Result<(), Failure> {
        let Some(Kept { programme, .. }) = self.parts.schedules.kept(owner) else { return Ok(()) };
        let due = programme.open.values().map(|open| (open, open.due_notices(now)));
        let due = due.filter(|(_, notices)| !notices.is_empty()).take(TOLD_AT_ONCE);
        let due: Vec<_> = due.collect();
        let mut told: Vec<Told> = due.iter().map(|(open, _)| empty(&open.instance, now)).collect();
        let each = due.iter().enumerate().flat_map(|(at, (open, notices))| {
            notices.iter().map(move |notice| (at, &open.instance, notice))
        });
        let sending = each.map(|(at, instance, notice)| {
            let programme = &programme;
            async move {
                let outcome = self.tell_one(owner.0, programme, instance, notice).await;
                (at, ToldNotice { key: notice.key.clone(), outcome })
            }
        });
        // In order, so that the journal has them by time.
        let mut sent = stream::iter(sending).buffered(SENT_AT_ONCE);
        while let Some((at, notice)) = sent.next().await {
            if let Some(told) = told.get_mut(at) {
                told.notices.push(notice);
            }
        }
        if told.is_empty() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        self.parts.schedules.refresh(owner).await?;
        let id = &programme.document.schedule.id;
        let trace = Some(crate::telemetry::new_trace());
        match self.parts.schedules.command(owner.0, id, Command::Tell { told }, trace).await {
            Reply::Done(_) => Ok(()),
            Reply::Failed(failure) => Err(failure),
            other => {
                // The home knows more than is known here: read it before the next try.
                tracing::warn!(schedule = %id, ?other, "notices were not journalled");
                Err(Failure::OutcomeUnknown)
            }
        }
    }

    async fn tell_one(
        &self,
        tenant: TenantId,
        programme: &Programme,
        instance: &Instance,
        notice: &DueNotice,
    ) -> NoticeOutcome {
        let outcome = if notice.is_stale || self.is_called_off(instance) {
            NoticeOutcome::Stale
        } else {
            let schedule = &programme.document.schedule.id;
            self.parts.notices.send(tenant, schedule, instance, notice).await
        };
        let (key, outcome_word) = (notice.key.as_str(), outcome.as_str());
        tracing::info!(notice = key, outcome = outcome_word, "a notice was due");
        metrics::counter!("palio_schedule_notices_total", "outcome" => outcome_word).increment(1);
        outcome
    }
}

fn empty(instance: &Instance, through: UnixMs) -> Told {
    Told { instance: instance.key.clone(), through, notices: Vec::new() }
}
