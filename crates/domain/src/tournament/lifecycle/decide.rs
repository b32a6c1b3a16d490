//! The only place where a tournament takes a step.

use super::super::prizes::table::Correction;
use super::super::settle::Brought;
use super::payout::{Batch, InPool, Progress};
use super::{Command, Event, Phase, Refusal, Step, Tournament};
use crate::ids::{PlayerId, SLOTS};
use crate::money::Amount;
use crate::time::UnixMs;

/// Players of one invitation, and invited in all.
const INVITED_MAX: usize = 100_000;
/// Players whose prizes are held back.
const REVIEWED_MAX: usize = 10_000;

impl Tournament {
    /// Decides a command. `None`: it is so already.
    ///
    /// # Errors
    /// The first [`Refusal`] in their order.
    pub fn decide(
        state: Option<&Self>,
        command: &Command,
        now: UnixMs,
    ) -> Result<Option<Event>, Refusal> {
        match (state, command) {
            (None, Command::Create(definition)) => {
                definition.validate().map_err(|problems| {
                    let text = |p: &super::super::Problem| format!("{} {}", p.field, p.message);
                    Refusal::Invalid(problems.iter().map(text).collect::<Vec<_>>().join("; "))
                })?;
                if definition.ends <= now {
                    return Err(Refusal::Invalid("endsAt must be in the future".into()));
                }
                Ok(Some(Event::Created { definition: definition.clone() }))
            }
            (None, _) => Err(Refusal::NotFound),
            (Some(state), Command::Create(definition)) => {
                if state.definition.id != definition.id {
                    Err(Refusal::IdCollision)
                } else if state.definition == **definition {
                    Ok(None)
                } else {
                    Err(Refusal::AlreadyExists)
                }
            }
            (Some(state), command) => state.decide_existing(command, now),
        }
    }

    fn decide_existing(&self, command: &Command, now: UnixMs) -> Result<Option<Event>, Refusal> {
        if command.seen().is_some_and(|seen| seen < self.needed(command))
            && !self.is_so_already(command)
        {
            return Err(Refusal::Behind);
        }
        match command {
            Command::Create(_) => Err(Refusal::AlreadyExists),
            Command::Start => self.start(now),
            Command::Seat { player, entry, ticket } => self.seat(*player, *entry, *ticket, now),
            Command::Invite { players, author } => self.invite(players, author),
            Command::Close { cut, result, .. } => match self.step {
                Step::Closed | Step::Completed => Ok(None),
                Step::Cancelled => Err(Refusal::AlreadyEnded),
                Step::Created => Err(Refusal::NotStarted),
                Step::Started => {
                    whole(cut)?;
                    if self.next_deadline().is_some_and(|at| now < at) {
                        return Err(Refusal::NotYet);
                    }
                    Ok(Some(Event::Closed { cut: cut.clone(), result: result.clone() }))
                }
            },
            Command::Cancel { reason } => match self.step {
                Step::Cancelled => Ok(None),
                // Prizes of a result that stands can be called off until they are planned.
                Step::Closed if !self.payout.plans.is_empty() => Err(Refusal::AlreadyEnded),
                Step::Completed => Err(Refusal::AlreadyEnded),
                Step::Created | Step::Started | Step::Closed => {
                    Ok(Some(Event::Cancelled { reason: reason.clone() }))
                }
            },
            Command::Disqualify { player, reinstate, reason, author } => {
                if self.step == Step::Cancelled {
                    return Err(Refusal::AlreadyEnded);
                }
                let (player, reason, author) = (*player, reason.clone(), author.clone());
                if self.out.contains(&player) != *reinstate {
                    return Ok(None);
                }
                Ok(Some(if *reinstate {
                    Event::Reinstated { player, reason, author }
                } else {
                    Event::Disqualified { player, reason, author }
                }))
            }
            Command::Review { player, hold, reason, author } => {
                self.review(*player, *hold, reason, author)
            }
            Command::Revise { cut, result, reason, author, .. } => {
                if !self.is_closed() {
                    let over = self.step == Step::Cancelled;
                    return Err(if over { Refusal::AlreadyEnded } else { Refusal::NotYet });
                }
                whole(cut)?;
                Ok(Some(Event::Revised {
                    version: self.versions.saturating_add(1),
                    cut: cut.clone(),
                    result: result.clone(),
                    reason: reason.clone(),
                    author: author.clone(),
                }))
            }
            Command::Plan { version, plan, .. } => self.plan(*version, plan, now),
            Command::Move { version, line, to, author } => {
                let order = self.payout.order(*version, *line).ok_or(Refusal::NoSuchLine)?;
                let from = self.payout.progress.get(&(*version, *line));
                if from == Some(to) {
                    return Ok(None);
                }
                if !Progress::may_become(from, to, author.is_some()) {
                    return Err(Refusal::WrongState);
                }
                Ok(Some(Event::Moved {
                    version: *version,
                    line: *line,
                    to: Some(to.clone()),
                    author: author.clone(),
                    leg: order.leaves(to),
                }))
            }
            Command::Approve { version, line, author } => {
                self.payout.order(*version, *line).ok_or(Refusal::NoSuchLine)?;
                let agreed = self.payout.approved.get(&(*version, *line));
                if agreed.is_some_and(|people| people.contains(author.as_str())) {
                    let enough = agreed.is_some_and(|people| people.len() > 1);
                    return if enough { Ok(None) } else { Err(Refusal::SamePerson) };
                }
                Ok(Some(Event::Moved {
                    version: *version,
                    line: *line,
                    to: None,
                    author: Some(author.clone()),
                    leg: None,
                }))
            }
            Command::Complete { .. } => match self.step {
                Step::Completed => Ok(None),
                Step::Closed | Step::Cancelled if self.is_payable() => {
                    let pending = self.payout.progress.values().any(|at| !at.is_over());
                    if pending { Err(Refusal::WrongState) } else { Ok(Some(Event::Completed)) }
                }
                Step::Cancelled => Ok(None),
                Step::Closed | Step::Created | Step::Started => Err(Refusal::NotYet),
            },
            Command::Roll { version, to, instead_of } => {
                self.roll(*version, to.as_ref(), instead_of.as_ref())
            }
            Command::Arrive { version } => self.arrive(*version),
            Command::CarryIn { carried, currency } => self.carry_in(carried, *currency, now),
        }
    }

    /// The seq of the last row that a computed command must have been computed with: a hold, a
    /// disqualification or a new plan that a view outside has not seen must not be passed over.
    /// Standings and plans do not depend on how far payouts are, which changes often while a
    /// payment service is asked; whether all is paid does.
    fn needed(&self, command: &Command) -> u64 {
        match command {
            Command::Complete { .. } => self.seq,
            _ => self.basis.unwrap_or(self.seq),
        }
    }

    /// Whether a computed command came true before, so that saying so again changes nothing.
    fn is_so_already(&self, command: &Command) -> bool {
        match command {
            Command::Close { .. } => matches!(self.step, Step::Closed | Step::Completed),
            Command::Plan { version, .. } => {
                self.payout.batches.last().is_some_and(|batch| batch.version >= *version)
            }
            Command::Complete { .. } => self.step == Step::Completed || self.refunded,
            _ => false,
        }
    }

    fn start(&self, now: UnixMs) -> Result<Option<Event>, Refusal> {
        match self.step {
            Step::Started | Step::Closed | Step::Completed => Ok(None),
            Step::Cancelled => Err(Refusal::AlreadyEnded),
            Step::Created if now < self.definition.starts => Err(Refusal::NotYet),
            Step::Created => {
                let least = self.definition.admission.seats_min.unwrap_or(0);
                let there = u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
                Ok(Some(if there < least {
                    Event::Cancelled { reason: format!("{there} of at least {least} players") }
                } else {
                    Event::Started
                }))
            }
        }
    }

    fn seat(
        &self,
        player: PlayerId,
        entry: u32,
        ticket: bool,
        now: UnixMs,
    ) -> Result<Option<Event>, Refusal> {
        let admission = &self.definition.admission;
        let has = self.seats.get(&player).map_or(0, |seats| seats.entries);
        if entry <= has {
            return Ok(None);
        }
        let closes = admission.closes.unwrap_or(self.definition.ends).min(self.definition.ends);
        match self.phase_at(now) {
            Phase::Registration | Phase::Active if now < closes => {}
            Phase::Announced => return Err(Refusal::NotYet),
            _ => return Err(Refusal::EntryClosed),
        }
        if admission.invited && !self.invited.contains(&player) {
            return Err(Refusal::NotInvited);
        }
        if self.out.contains(&player) {
            return Err(Refusal::EntryClosed);
        }
        if entry > admission.entries_max() || entry != has.saturating_add(1) {
            return Err(Refusal::NoMoreEntries);
        }
        let taken = u32::try_from(self.seats.len()).unwrap_or(u32::MAX);
        // A re-entry takes no further seat.
        if has == 0 && admission.seats_max.is_some_and(|most| taken >= most) {
            return Err(Refusal::Full);
        }
        Ok(Some(Event::Seated { player, entry, ticket }))
    }

    fn invite(&self, players: &[PlayerId], author: &str) -> Result<Option<Event>, Refusal> {
        if !matches!(self.step, Step::Created | Step::Started) {
            return Err(Refusal::AlreadyEnded);
        }
        let new = |player: &&PlayerId| !self.invited.contains(player);
        let players: Vec<_> = players.iter().filter(new).copied().collect();
        if self.invited.len().saturating_add(players.len()) > INVITED_MAX {
            return Err(Refusal::Invalid("at most 100,000 players can be invited".into()));
        }
        let author = author.to_owned();
        Ok((!players.is_empty()).then_some(Event::Invited { players, author }))
    }

    fn review(
        &self,
        player: Option<PlayerId>,
        hold: bool,
        reason: &str,
        author: &str,
    ) -> Result<Option<Event>, Refusal> {
        if self.step == Step::Cancelled {
            return Err(Refusal::AlreadyEnded);
        }
        let is_so = match player {
            Some(player) => self.under_review.contains(&player) == hold,
            None => self.released != hold,
        };
        if is_so {
            return Ok(None);
        }
        if player.is_none() && !self.payout.plans.is_empty() {
            return Err(Refusal::AlreadyEnded);
        }
        if hold && self.under_review.len() >= REVIEWED_MAX {
            return Err(Refusal::Invalid("at most 10,000 players can be under review".into()));
        }
        let (reason, author) = (reason.to_owned(), author.to_owned());
        Ok(Some(Event::Reviewed { player, hold, reason, author }))
    }

    fn plan(
        &self,
        version: u32,
        plan: &super::super::prizes::PrizePlan,
        now: UnixMs,
    ) -> Result<Option<Event>, Refusal> {
        let newest = if self.is_cancelled() { 1 } else { self.versions };
        if self.payout.batches.last().is_some_and(|batch| batch.version >= version) {
            return Ok(None);
        }
        if version != newest || !self.plan_is_due(now) {
            return Err(Refusal::NotYet);
        }
        let rules = self.definition.prize_rules().ok().flatten();
        let policy = rules.map_or_else(Correction::default, |rules| rules.policies().correction);
        let next = self.payout.next(plan, policy, self.in_pool(plan));
        let next = next.map_err(|error| Refusal::Invalid(error.to_string()))?;
        let plan = Box::new(plan.clone());
        Ok(Some(Event::Planned { version, plan, orders: next.orders, leg: next.leg }))
    }

    /// What the pool has and keeps besides a plan's orders.
    #[must_use]
    pub fn in_pool(&self, plan: &super::super::prizes::PrizePlan) -> InPool {
        // Of a tournament that was called off, what came in waits already.
        let carried = if self.is_cancelled() { Amount::ZERO } else { self.rollover.carried_in() };
        InPool {
            currency: self.definition.currency,
            came_in: Amount(self.paid_in().0.saturating_add(carried.0)),
            waits: self.rollover.waits(),
            will_wait: self.waits_after(Some(plan)),
        }
    }

    /// What was brought in so far.
    #[must_use]
    pub fn brought(&self) -> Brought<'_> {
        Brought { seats: &self.seats, carried_in: self.rollover.carried_in() }
    }

    /// What buy-ins have put into the pool, minor units.
    #[must_use]
    pub fn paid_in(&self) -> Amount {
        let entries: i64 = self.seats.values().map(|seats| i64::from(seats.entries)).sum();
        let net = self.definition.admission.price.map_or(Amount::ZERO, |price| price.amount);
        Amount(net.0.saturating_mul(entries))
    }

    /// Folds an event in; `Created` is [`Self::created`].
    pub fn apply(&mut self, seq: u64, time: UnixMs, event: &Event) {
        if !matches!(event, Event::Moved { .. } | Event::RolloverArrived { .. }) {
            self.basis = Some(seq);
        }
        self.seq = seq;
        match event {
            Event::Created { .. } => self.step = Step::Created,
            Event::Started => self.step = Step::Started,
            Event::Seated { player, entry, ticket } => {
                let seats = self.seats.entry(*player).or_default();
                seats.entries = *entry;
                seats.tickets = seats.tickets.saturating_add(u32::from(*ticket));
            }
            Event::Invited { players, .. } => self.invited.extend(players),
            Event::Closed { .. } => {
                self.step = Step::Closed;
                self.closed = Some(time);
                self.versions = 1;
            }
            Event::Cancelled { reason } => {
                self.was_started = self.is_started();
                self.step = Step::Cancelled;
                self.reason.clone_from(reason);
                self.set_waiting(0, self.waits_after(None));
            }
            Event::Disqualified { player, .. } => {
                self.out.insert(*player);
                self.needs_revision |= self.is_closed();
            }
            Event::Reinstated { player, .. } => {
                self.out.remove(player);
                self.needs_revision |= self.is_closed();
            }
            Event::Reviewed { player: Some(player), hold: true, .. } => {
                self.under_review.insert(*player);
            }
            Event::Reviewed { player: Some(player), hold: false, .. } => {
                self.under_review.remove(player);
                // What was set aside for him is to be paid.
                self.needs_revision |= !self.payout.plans.is_empty();
            }
            Event::Reviewed { player: None, hold, .. } => self.released = !hold,
            Event::Revised { version, .. } => {
                self.versions = *version;
                self.needs_revision = false;
                self.step = Step::Closed;
            }
            Event::Planned { version, plan, orders, .. } => {
                self.set_waiting(*version, self.waits_after(Some(plan)));
                self.payout.plans.push((**plan).clone());
                let batch = Batch { version: *version, orders: orders.clone() };
                self.payout.batches.push(batch);
            }
            Event::Moved { version, line, to: Some(to), .. } => {
                self.payout.progress.insert((*version, *line), to.clone());
            }
            Event::Moved { version, line, to: None, author, .. } => {
                let people = self.payout.approved.entry((*version, *line)).or_default();
                people.extend(author.as_deref().map(Into::into));
            }
            Event::Completed if self.step == Step::Cancelled => self.refunded = true,
            Event::Completed => self.step = Step::Completed,
            Event::RolledOver { .. } | Event::RolloverArrived { .. } | Event::CarriedIn { .. } => {
                self.apply_rollover(event);
            }
        }
    }
}

fn whole(cut: &[u64]) -> Result<(), Refusal> {
    if cut.len() == usize::from(SLOTS) {
        Ok(())
    } else {
        Err(Refusal::Invalid("a cut names every slot".into()))
    }
}
