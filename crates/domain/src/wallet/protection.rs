//! Responsible gaming (requirements RG1, RG2): limits, exclusions, and what counts towards them.
//!
//! A window is a calendar day, week (from Monday) or month in UTC. Usage is always counted, so
//! that a limit set at noon knows of the morning. Nothing here asks a clock: windows roll when a
//! row of a later window is folded in, or a later time is asked about.

use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};

/// What a limit bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LimitKind {
    /// Σ deposits.
    Deposit,
    /// Σ stakes.
    Wager,
    /// Σ own money staked − Σ payouts in own money.
    Loss,
    /// Time with an open session, in minutes.
    SessionTime,
}

/// Over which window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Period {
    /// A calendar day, UTC.
    Day,
    /// Monday to Sunday, UTC.
    Week,
    /// A calendar month, UTC.
    Month,
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MINUTE_MS: i64 = 60 * 1000;

impl Period {
    /// Every period, the shortest first.
    pub const ALL: [Self; 3] = [Self::Day, Self::Week, Self::Month];

    /// The number of the window that contains an instant; later windows have greater numbers.
    #[must_use]
    pub const fn window(self, at: UnixMs) -> i64 {
        let day = at.0.div_euclid(DAY_MS);
        match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday.
            Self::Week => (day + 3).div_euclid(7),
            Self::Month => month_of(day),
        }
    }
}

/// Months since year 0 of a day since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level
/// Date Algorithms", `civil_from_days`).
const fn month_of(day: i64) -> i64 {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    // Years begin in March here, so months simply count on.
    (year_of_era + era * 400) * 12 + from_march
}

/// A limit of a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What it bounds.
    pub kind: LimitKind,
    /// Over which window.
    pub period: Period,
    /// Of which currency; `None` for time.
    pub currency: Option<Currency>,
    /// Minor units, or minutes; `None`: no limit.
    pub value: Option<i64>,
    /// A raise that waits: the new value, and from when it holds.
    pub next: Option<(Option<i64>, UnixMs)>,
}

impl Limit {
    /// The value in force at `now`.
    #[must_use]
    pub fn at(&self, now: UnixMs) -> Option<i64> {
        match self.next {
            Some((value, from)) if from <= now => value,
            Some(_) | None => self.value,
        }
    }
}

/// Whether going from `old` to `new` gives the player more room (`None`: no limit).
#[must_use]
pub const fn is_raise(old: Option<i64>, new: Option<i64>) -> bool {
    match (old, new) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(old), Some(new)) => new > old,
    }
}

/// What was used of one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Used {
    #[serde(rename = "w")]
    window: i64,
    /// Σ deposits.
    #[serde(rename = "d")]
    pub deposited: Amount,
    /// Σ stakes.
    #[serde(rename = "s")]
    pub staked: Amount,
    /// Own money staked − paid out; negative for a winner.
    #[serde(rename = "l")]
    pub lost: Amount,
}

/// What was used of the present day, week and month, of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usage([Used; 3]);

impl Usage {
    /// What was used of the window that contains `now`.
    #[must_use]
    pub fn of(&self, period: Period, now: UnixMs) -> Used {
        let window = period.window(now);
        let found = Period::ALL.iter().zip(&self.0).find(|(p, _)| **p == period);
        match found {
            Some((_, used)) if used.window == window => *used,
            Some(_) | None => Used { window, ..Used::default() },
        }
    }

    /// Adds to the windows that contain `now`; of movements that undo one of `since`, only
    /// to windows that contain both.
    pub(super) fn add(&mut self, now: UnixMs, since: UnixMs, change: impl Fn(&mut Used)) {
        for (period, used) in Period::ALL.into_iter().zip(&mut self.0) {
            let window = period.window(now);
            if used.window != window {
                *used = Used { window, ..Used::default() };
            }
            if period.window(since) == window {
                change(used);
            }
        }
    }
}

/// Adds without leaving 64 bits: what is counted here is compared, never paid.
pub(super) fn count(to: &mut Amount, by: i64) {
    to.0 = to.0.saturating_add(by);
}

/// How long the player has had an open session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlayTime {
    /// Since when a session has been open, and when the last of them ends at the latest.
    open: Option<(UnixMs, UnixMs)>,
    /// Milliseconds of the windows of each period: (window, ms).
    past: [(i64, i64); 3],
}

impl PlayTime {
    /// A session opens at `now`, to end at `until`.
    pub(super) fn opened(&mut self, now: UnixMs, until: UnixMs) {
        match &mut self.open {
            Some((_, end)) if *end >= now => *end = (*end).max(until),
            Some(_) | None => {
                self.close(now);
                self.open = Some((now, until));
            }
        }
    }

    /// The last open session ends.
    pub(super) fn close(&mut self, now: UnixMs) {
        let Some((since, until)) = self.open.take() else { return };
        let end = until.min(now);
        for (period, (window, ms)) in Period::ALL.into_iter().zip(&mut self.past) {
            let present = period.window(end);
            if *window != present {
                (*window, *ms) = (present, 0);
            }
            *ms = ms.saturating_add(within(period, since, end));
        }
    }

    /// Whole minutes played in the window that contains `now`.
    #[must_use]
    pub fn minutes(&self, period: Period, now: UnixMs) -> i64 {
        let window = period.window(now);
        let past = Period::ALL.iter().zip(&self.past).find(|(p, _)| **p == period);
        let past = past.filter(|(_, (of, _))| *of == window).map_or(0, |(_, (_, ms))| *ms);
        let open = self.open.map_or(0, |(since, until)| {
            let end = until.min(now);
            if period.window(end) == window { within(period, since, end) } else { 0 }
        });
        past.saturating_add(open) / MINUTE_MS
    }
}

/// Milliseconds of `since..end` that lie in the window of `end`.
fn within(period: Period, since: UnixMs, end: UnixMs) -> i64 {
    if end <= since {
        return 0;
    }
    let window = period.window(end);
    if period.window(since) == window {
        return end.since_ms(since);
    }
    // The window's start is a midnight: the first one whose window is the end's.
    let day = end.0.div_euclid(DAY_MS);
    let starts = |day: i64| period.window(UnixMs(day * DAY_MS)) == window;
    let first = (0..31).map(|back| day - back).take_while(|day| starts(*day)).last();
    end.0 - first.unwrap_or(day) * DAY_MS
}

/// Why a player may not play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExclusionKind {
    /// A pause that the player asked for.
    TimeOut,
    /// The player excluded himself.
    SelfExclusion,
    /// The operator's decision; the only one that the operator can lift.
    Blocked,
}

/// A player's own exclusion. It can be made longer, never shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// Which kind.
    pub kind: ExclusionKind,
    /// Its end; `None`: for ever.
    pub until: Option<UnixMs>,
}

impl Exclusion {
    /// Whether it holds at `now`.
    #[must_use]
    pub fn holds(&self, now: UnixMs) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Everything that protects one player, as folded from his rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Protection {
    /// His limits, one per kind, period and currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// His own exclusion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusion: Option<Exclusion>,
    /// Whether the operator blocked him.
    #[serde(default)]
    pub blocked: bool,
    /// How long he has played.
    #[serde(default)]
    pub play_time: PlayTime,
}

impl Protection {
    /// The exclusion that holds at `now`.
    #[must_use]
    pub fn excluded(&self, now: UnixMs) -> Option<ExclusionKind> {
        if self.blocked {
            return Some(ExclusionKind::Blocked);
        }
        self.exclusion.filter(|exclusion| exclusion.holds(now)).map(|exclusion| exclusion.kind)
    }

    /// A limit.
    #[must_use]
    pub fn limit(
        &self,
        kind: LimitKind,
        period: Period,
        currency: Option<Currency>,
    ) -> Option<&Limit> {
        let is_it = |l: &&Limit| l.kind == kind && l.period == period && l.currency == currency;
        self.limits.iter().find(is_it)
    }

    /// Sets a limit that holds from `from` on (`now` when it lowers).
    pub(super) fn set(&mut self, limit: &Limit, from: UnixMs, now: UnixMs) {
        let Limit { kind, period, currency, value, .. } = *limit;
        let found = self
            .limits
            .iter_mut()
            .find(|l| l.kind == kind && l.period == period && l.currency == currency);
        match found {
            Some(old) if from > now => {
                old.value = old.at(now);
                old.next = Some((value, from));
            }
            Some(old) => *old = Limit { next: None, ..limit.clone() },
            None => self.limits.push(Limit { next: None, ..limit.clone() }),
        }
        self.limits.retain(|limit| limit.value.is_some() || limit.next.is_some());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T00:00:00Z, a Saturday.
    const SATURDAY: i64 = 1_795_219_200_000;

    fn day(offset: i64) -> UnixMs {
        UnixMs(SATURDAY + offset * DAY_MS)
    }

    #[test]
    fn windows_begin_at_midnight_monday_and_the_first() {
        let same = |period: Period, a, b| period.window(a) == period.window(b);
        let last = UnixMs(SATURDAY + DAY_MS - 1);
        assert!(same(Period::Day, day(0), last) && !same(Period::Day, last, day(1)));
        assert!(same(Period::Week, day(-5), day(1)) && !same(Period::Week, day(1), day(2)));
        assert!(!same(Period::Week, day(-6), day(-5)));
        assert!(same(Period::Month, day(-20), day(9)) && !same(Period::Month, day(9), day(10)));
        assert!(!same(Period::Month, day(-21), day(-20)));
        assert_eq!(Period::Month.window(day(41)), Period::Month.window(day(10)) + 1);
    }

    #[test]
    fn play_time_counts_every_minute_once() {
        let minutes = |n: i64| UnixMs(SATURDAY + n * MINUTE_MS);
        let mut time = PlayTime::default();
        // An hour before midnight, with another session inside, to half past midnight.
        time.opened(minutes(-60), minutes(30));
        time.opened(minutes(-30), minutes(10));
        assert_eq!(time.minutes(Period::Day, minutes(-1)), 59);
        assert_eq!(time.minutes(Period::Day, minutes(20)), 20);
        assert_eq!(time.minutes(Period::Week, minutes(20)), 80);
        // It ended by itself; the next one starts after a pause.
        time.opened(minutes(100), minutes(200));
        assert_eq!(time.minutes(Period::Day, minutes(110)), 40);
        time.close(minutes(120));
        assert_eq!(time.minutes(Period::Day, minutes(500)), 50);
        assert_eq!(time.minutes(Period::Month, minutes(500)), 110);
        assert_eq!(time.minutes(Period::Day, day(1)), 0);
    }

    #[test]
    fn a_raise_waits_and_a_lowering_is_at_once() {
        let limit = |value| Limit {
            kind: LimitKind::Loss,
            period: Period::Day,
            currency: Some(Currency::EUR),
            value,
            next: None,
        };
        let mut of = Protection::default();
        of.set(&limit(Some(100)), day(0), day(0));
        of.set(&limit(Some(500)), day(1), day(0));
        let at = |of: &Protection, now| {
            of.limit(LimitKind::Loss, Period::Day, Some(Currency::EUR)).and_then(|l| l.at(now))
        };
        assert_eq!((at(&of, day(0)), at(&of, day(1))), (Some(100), Some(500)));
        // Lowering drops the raise that waits.
        of.set(&limit(Some(50)), day(0), day(0));
        assert_eq!(at(&of, day(2)), Some(50));
        of.set(&limit(None), day(3), day(2));
        assert_eq!((at(&of, day(2)), at(&of, day(3))), (Some(50), None));
        assert!(is_raise(Some(1), None) && !is_raise(None, Some(1)) && !is_raise(Some(2), Some(1)));
    }
}
