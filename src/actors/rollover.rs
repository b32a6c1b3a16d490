//! Carries what nobody won into the next tournament's pool (tournament-rules.md, P4).
//!
//! It keeps nothing: the journal says what waits and what is on its way
//! (`palio_domain::tournament::lifecycle::rollover`), the homes decide, and asking again is
//! answered as before. So a server that dies anywhere goes on from the journal, and a sum arrives
//! once.
//!
//! **Never** sends a sum to another tournament before the first one has refused it, nor back to
//! promotions while the schedule may still bring one that takes it.
//!
//! Tests: `crates/domain/tests/rollover.rs` (the same steps with crashes between any two),
//! `tests/it/rollover.rs` over HTTP.

use super::handle::Reply;
use super::schedules::Schedules;
use super::tournaments::{Entry, Tournaments};
use palio_domain::tournament::lifecycle::rollover::{self, Carried, Next, Sent};
use palio_domain::tournament::lifecycle::{Command, Refusal};
use palio_domain::tournament::schedule::{ScheduleId, When};
use palio_domain::{TenantId, TournamentId};
use std::sync::Arc;
use std::time::Duration;

/// How often it looks for sums that wait.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Steps of one tournament in a row: sent, taken, arrived, of a few versions.
const STEPS_MAX: usize = 16;

/// See the module.
pub struct Rollovers {
    /// Where sums are.
    pub tournaments: Arc<Tournaments>,
    /// Which tournament comes next.
    pub schedules: Arc<Schedules>,
}

impl Rollovers {
    /// Carries until the process ends.
    pub async fn run(self) {
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            for entry in self.tournaments.entries() {
                for _ in 0..STEPS_MAX {
                    if entry.facts().life.rollover.is_settled() || !self.step(&entry).await {
                        break;
                    }
                }
            }
        }
    }

    /// Takes the next step of what a tournament rolls over; whether there was one.
    async fn step(&self, source: &Entry) -> bool {
        let facts = source.facts();
        let rollover = &facts.life.rollover;
        if let Some(sent) = rollover.sent.iter().find(|sent| !sent.is_over()) {
            let Sent { version, amount, to: Some(to), .. } = sent else { return false };
            return self.deliver(source, *version, *amount, to).await;
        }
        let Some(waiting) = rollover.waiting else { return false };
        self.send(source, waiting.version, None).await
    }

    /// Asks the tournament that a sum was sent to to take it.
    async fn deliver(
        &self,
        source: &Entry,
        version: u32,
        amount: palio_domain::Amount,
        to: &TournamentId,
    ) -> bool {
        let (from, currency) = (source.definition.id.clone(), source.definition.currency);
        let carried = Carried { from, version, amount };
        let command = Command::CarryIn { carried, currency };
        match self.ask(source.tenant, to, command).await {
            Reply::Done(_) | Reply::TournamentUnchanged => {
                self.own(source, Command::Arrive { version }).await
            }
            // For ever: it is over, or has no pool.
            Reply::TournamentRefused(Refusal::AlreadyEnded | Refusal::TakesNothing) => {
                self.send(source, version, Some(to)).await
            }
            other => {
                let tournament = &source.definition.id;
                tracing::warn!(%tournament, %to, ?other, "what was rolled over is not taken yet");
                false
            }
        }
    }

    /// Sends a sum to the next tournament, or back to promotions; `instead_of` the one that has
    /// refused it.
    async fn send(&self, source: &Entry, version: u32, instead_of: Option<&TournamentId>) -> bool {
        let to = match self.next(source) {
            Next::To(id) if Some(&id) == instead_of => return false,
            Next::To(id) => Some(id),
            Next::Return => None,
            Next::Wait => return false,
        };
        let instead_of = instead_of.cloned();
        self.own(source, Command::Roll { version, to, instead_of }).await
    }

    fn next(&self, source: &Entry) -> Next {
        let facts = source.facts();
        // Before the tournaments, since their fold may lag behind the schedules'.
        let goes_on =
            source.definition.schedule.as_ref().is_some_and(|id| self.goes_on(source, id));
        let all = self.tournaments.entries().into_iter();
        let of_tenant = all.filter(|entry| entry.tenant == source.tenant);
        let lives: Vec<_> = of_tenant.map(|entry| entry.facts()).collect();
        let now = self.tournaments.now();
        rollover::next(&facts.life, lives.iter().map(|facts| &facts.life), goes_on, now)
    }

    /// Whether the schedule may bring a tournament that takes the money.
    fn goes_on(&self, source: &Entry, id: &ScheduleId) -> bool {
        let Some(kept) = self.schedules.kept((source.tenant, id.number())) else { return true };
        let programme = &kept.programme;
        // One that was announced a moment ago, and that the fold has yet to hear of.
        let unheard = programme.open.values().map(|open| &open.instance).any(|instance| {
            let heard = |id| self.tournaments.get(&id).is_some();
            let known = instance.key.tournament().is_ok_and(heard);
            instance.starts > source.definition.starts && !known
        });
        if unheard {
            return true;
        }
        let takes = kept.pool.is_none_or(|pool| pool == Some(source.definition.currency));
        if programme.stopped.is_some() || !takes {
            return false;
        }
        let by_hand = matches!(programme.document.schedule.when, When::Instant {});
        by_hand || kept.next_start.is_some()
    }

    async fn ask(&self, tenant: TenantId, id: &TournamentId, command: Command) -> Reply {
        let trace = Some(crate::telemetry::new_trace());
        self.tournaments.command(tenant, id, command, trace).await
    }

    /// A step of the source's own, and waits for the fold to have it.
    async fn own(&self, source: &Entry, command: Command) -> bool {
        let id = &source.definition.id;
        let name = command.name();
        match self.ask(source.tenant, id, command).await {
            Reply::Done(row) => {
                tracing::info!(tournament = %id, kind = row.kind.name(), "rolled over");
                source.caught_up(row.seq).await;
                source.facts().life.seq >= row.seq
            }
            // The fold has yet to hear of it.
            Reply::TournamentUnchanged => false,
            other => {
                tracing::warn!(tournament = %id, name, ?other, "not rolled over yet");
                false
            }
        }
    }
}
