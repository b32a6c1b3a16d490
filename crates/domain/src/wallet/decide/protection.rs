//! Limits, exclusions and free rounds: what the operator and the player decide about play.

use super::super::command::Command;
use super::super::event::Event;
use super::super::protection::{Exclusion, ExclusionKind, Limit, LimitKind, Period, is_raise};
use super::super::refusal::Refusal;
use super::super::state::Wallet;
use super::{Context, Decision, Facts, OPEN_OTHERS_MAX, one};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;

impl Wallet {
    /// Whoever is excluded starts nothing (requirement RG2).
    pub(super) fn not_excluded(&self, now: UnixMs) -> Result<(), Refusal> {
        match self.protection.excluded(now) {
            Some(kind) => Err(Refusal::PlayerExcluded { kind }),
            None => Ok(()),
        }
    }

    /// The first limit of this kind that `amount` more would pass.
    pub(super) fn over_limit(
        &self,
        kind: LimitKind,
        amount: Amount,
        currency: Currency,
        now: UnixMs,
    ) -> Option<Refusal> {
        let usage = self.usage.get(&currency).copied().unwrap_or_default();
        self.protection.limits.iter().filter(|limit| limit.kind == kind).find_map(|limit| {
            let max = limit.at(now)?;
            let used = match kind {
                LimitKind::SessionTime => {
                    // Reached as soon as it is used up.
                    let minutes = self.protection.play_time.minutes(limit.period, now);
                    return (minutes >= max)
                        .then_some(Refusal::LimitReached { kind, period: limit.period });
                }
                _ if limit.currency != Some(currency) => return None,
                LimitKind::Deposit => usage.of(limit.period, now).deposited,
                LimitKind::Wager => usage.of(limit.period, now).staked,
                LimitKind::Loss => usage.of(limit.period, now).lost,
            };
            let over = i128::from(used.0) + i128::from(amount.0) > i128::from(max);
            over.then_some(Refusal::LimitReached { kind, period: limit.period })
        })
    }

    pub(super) fn set_limit(
        &self,
        (kind, period, currency, value): (LimitKind, Period, Option<Currency>, Option<i64>),
        raise_wait_ms: i64,
        author: &str,
        now: UnixMs,
    ) -> Result<Decision, Refusal> {
        let old = self.protection.limit(kind, period, currency);
        if old.is_none() && self.protection.limits.len() >= OPEN_OTHERS_MAX {
            return Err(Refusal::TooManyOpen);
        }
        let raises = is_raise(old.and_then(|limit| limit.at(now)), value);
        let from = if raises { now.plus_ms(raise_wait_ms) } else { now };
        let limit = Limit { kind, period, currency, value, next: None };
        Ok(one(Event::LimitSet { limit, from, author: author.into() }))
    }

    pub(super) fn exclude(
        &self,
        kind: ExclusionKind,
        until: Option<UnixMs>,
        reason: &str,
        author: &str,
        now: UnixMs,
    ) -> Result<Decision, Refusal> {
        let wanted = Exclusion { kind, until };
        let longer = |old: &Exclusion| match (old.until, until) {
            (Some(old), Some(new)) => new >= old,
            (_, None) => true,
            (None, Some(_)) => false,
        };
        // A time-out does not replace a self-exclusion, however long it is.
        let weaker = |old: &Exclusion| {
            old.kind == ExclusionKind::SelfExclusion && kind == ExclusionKind::TimeOut
        };
        let own = kind != ExclusionKind::Blocked;
        let stands = self.protection.exclusion.filter(|old| own && old.holds(now));
        if stands.is_some_and(|old| !longer(&old) || weaker(&old)) || own && !wanted.holds(now) {
            return Err(Refusal::ExclusionStands);
        }
        let (reason, author) = (reason.into(), author.into());
        Ok(one(Event::Excluded { kind, until, reason, author }))
    }

    pub(super) fn grant_free_rounds(
        &self,
        command: &Command,
        context: &Context,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        let Command::GrantFreeRounds {
            campaign,
            provider,
            game,
            count,
            value,
            currency,
            expires,
            author,
        } = command
        else {
            return Err(Refusal::IdReused);
        };
        if let Some(row) = &facts.claimed {
            let same = row.request.as_ref().is_some_and(|r| r.body_hash == context.body_hash);
            return if same { Ok(Decision::Replay(row.clone())) } else { Err(Refusal::IdReused) };
        }
        if *expires <= context.now {
            return Err(Refusal::OverAlready);
        }
        self.not_excluded(context.now)?;
        if self.free_rounds.len() >= OPEN_OTHERS_MAX {
            return Err(Refusal::TooManyOpen);
        }
        Ok(one(Event::FreeRoundsGranted {
            campaign: campaign.clone(),
            provider: provider.clone(),
            game: game.clone(),
            count: *count,
            value: *value,
            currency: *currency,
            expires: *expires,
            author: author.clone(),
        }))
    }
}
