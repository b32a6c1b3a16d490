//! Finished rounds of a platform that keeps the money, and their corrections (W9): scored like
//! own bets, without a transfer.
//!
//! ```text
//! (unknown) ──Report──▶ reported ──Correct──▶ corrected, voided ──Correct──▶ …
//!     └──Correct, void──▶ voided before its report, which then counts for nothing
//! ```
//! Whichever version is the highest stands; the report is version 1. What comes under an older one
//! is written down and changes nothing, so that the order of arrival does not matter.
//!
//! **Invariant:** what a row says about the rows before it follows from them; `palio verify`
//! computes it again. **Tests:** `tests/reported.rs` beside `contests.rs`.

use super::command::Command;
use super::contest::{Act, Profile, Told};
use super::event::{BetRef, Event};
use super::refusal::Refusal;
use crate::ids::{BetId, GameId, ProviderId, RoundId};
use crate::journal::Row;
use crate::money::{Amount, Currency};
use crate::time::{EVENT_TIME_TOLERANCE_MS, UnixMs, event_time};
use serde::{Deserialize, Serialize};

/// A finished round as a platform that keeps the money reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundReport {
    /// Which bet.
    pub bet: BetRef,
    /// The stake.
    pub stake: Amount,
    /// The payout.
    pub payout: Amount,
    /// Of which currency.
    pub currency: Currency,
    /// The platform's time.
    pub at: Option<UnixMs>,
    /// A void of it came first, so it counts for nothing. The wallet says so, not the platform.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
    /// The player was excluded from play when it came: it counts for nothing where everybody is
    /// in, also of a player who is on that board already. The wallet says so, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub barred: bool,
    /// What was known of the player then. The wallet says so, too.
    #[serde(default, skip_serializing_if = "Profile::is_empty")]
    pub who: Profile,
}

/// What a round came to, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// The stake.
    #[serde(rename = "s")]
    pub stake: Amount,
    /// The payout.
    #[serde(rename = "p")]
    pub payout: Amount,
}

/// A correction as the platform sends it: the whole new result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Whose.
    pub provider: ProviderId,
    /// Which bet.
    pub bet: BetId,
    /// Its round, if said.
    pub round: Option<RoundId>,
    /// The platform's version, ≥ 2; `None`: the next one by arrival.
    pub version: Option<u32>,
    /// What it came to; `None`: it is void.
    pub now: Option<Sums>,
    /// Of which currency; without meaning for a void.
    pub currency: Currency,
    /// The platform's time.
    pub at: Option<UnixMs>,
}

impl Correction {
    pub(super) fn canonical(&self, put: &mut impl FnMut(&str)) {
        put("correct");
        put(self.bet.as_str());
        put(&self.version.map_or_else(String::new, |version| version.to_string()));
        match &self.now {
            Some(now) => {
                put(&now.stake.0.to_string());
                put(&now.payout.0.to_string());
                put(self.currency.code());
            }
            None => put("void"),
        }
    }
}

/// What a correction did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// A void of a round that is not reported yet: the report will count for nothing.
    Early,
    /// A later version stands: nothing changed.
    Superseded,
    /// The round's result is another one now.
    Replaced(Replaced),
}

/// What a correction replaced, with all that scoring must know of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// What stood; `None`: it was void.
    #[serde(rename = "b")]
    pub before: Option<Sums>,
    /// Event time of the report.
    #[serde(rename = "s")]
    pub started: UnixMs,
    /// Row time of the report.
    #[serde(rename = "f")]
    pub first: UnixMs,
    /// Seq of the report.
    #[serde(rename = "q")]
    pub seq: u64,
    /// As of [`RoundReport::barred`].
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub barred: bool,
    /// As of [`RoundReport::who`].
    #[serde(rename = "w", default, skip_serializing_if = "Profile::is_empty")]
    pub who: Profile,
}

/// A correction as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Corrected {
    /// Whose.
    pub provider: ProviderId,
    /// Which bet.
    pub bet: BetId,
    /// Its round, if known.
    pub round: Option<RoundId>,
    /// Its game, if known.
    pub game: Option<GameId>,
    /// The n-th correction that came, from 1: a correction happens once (its claim).
    pub step: u32,
    /// Its version, the platform's or by arrival.
    pub version: u32,
    /// Whether the platform named no version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_arrival: bool,
    /// What it says the round came to; `None`: it is void.
    pub now: Option<Sums>,
    /// Of which currency.
    pub currency: Currency,
    /// The platform's time.
    pub at: Option<UnixMs>,
    /// What it did.
    pub effect: Effect,
}

impl Corrected {
    /// Whether this is the same result as another one that comes under its version.
    #[must_use]
    pub fn says(&self, asked: &Correction) -> bool {
        self.now == asked.now && (self.now.is_none() || self.currency == asked.currency)
    }
}

/// The report of a round, as its corrections need it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Met {
    round: RoundId,
    game: GameId,
    currency: Currency,
    started: UnixMs,
    first: UnixMs,
    seq: u64,
    barred: bool,
    who: Profile,
}

/// A round as its rows have told it so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Life {
    report: Option<Met>,
    /// The version that stands; 0: nothing came.
    version: u32,
    /// What it says; `None`: void, or nothing came.
    now: Option<Sums>,
    /// Corrections that came.
    steps: u32,
}

impl Life {
    /// Whether the report, if it comes now, counts for nothing.
    #[must_use]
    pub const fn supersedes_report(&self) -> bool {
        self.version > 1
    }

    /// Folds the report in.
    pub fn reported(&mut self, report: &RoundReport, row: &Row) {
        if self.version < 1 {
            self.version = 1;
            self.now = Some(Sums { stake: report.stake, payout: report.payout });
        }
        self.report = Some(Met {
            round: report.bet.round.clone(),
            game: report.bet.game.clone(),
            currency: report.currency,
            started: event_time(row.time, report.at, EVENT_TIME_TOLERANCE_MS),
            first: row.time,
            seq: row.seq,
            barred: report.barred,
            who: report.who.clone(),
        });
    }

    /// Folds a correction in.
    pub const fn corrected(&mut self, corrected: &Corrected) {
        self.steps = self.steps.saturating_add(1);
        if corrected.version > self.version {
            self.version = corrected.version;
            self.now = corrected.now;
        }
    }

    /// What a correction comes to now. Whether its version came before is the caller's to ask.
    ///
    /// # Errors
    /// First wins: [`Refusal::BetNotFound`] for another round than the report's,
    /// [`Refusal::CurrencyMismatch`], [`Refusal::BetNotFound`] for a new result of a round that is
    /// not reported, [`Refusal::Overflow`] past the last version.
    pub fn correct(&self, asked: &Correction) -> Result<Corrected, Refusal> {
        if let Some(met) = &self.report {
            if asked.round.as_ref().is_some_and(|round| *round != met.round) {
                return Err(Refusal::BetNotFound);
            }
            if asked.now.is_some() && asked.currency != met.currency {
                return Err(Refusal::CurrencyMismatch);
            }
        }
        // The report is version 1, whether it has come or not.
        let next = self.version.max(1).checked_add(1);
        let version = asked.version.or(next).ok_or(Refusal::Overflow)?;
        let effect = match &self.report {
            _ if version <= self.version => Effect::Superseded,
            Some(met) => Effect::Replaced(Replaced {
                before: self.now,
                started: met.started,
                first: met.first,
                seq: met.seq,
                barred: met.barred,
                who: met.who.clone(),
            }),
            // Like a rollback that comes before its bet (money-cases.md, 7).
            None if asked.now.is_none() => Effect::Early,
            // Like a result that comes before its bet (money-cases.md, 14).
            None => return Err(Refusal::BetNotFound),
        };
        let met = self.report.as_ref();
        Ok(Corrected {
            provider: asked.provider.clone(),
            bet: asked.bet.clone(),
            round: met.map(|met| met.round.clone()).or_else(|| asked.round.clone()),
            game: met.map(|met| met.game.clone()),
            step: self.steps.checked_add(1).ok_or(Refusal::Overflow)?,
            version,
            by_arrival: asked.version.is_none(),
            now: asked.now,
            currency: asked.currency,
            at: asked.at,
            effect,
        })
    }
}

/// The command that a report's or correction's row was made of, as far as its identity goes.
#[must_use]
pub fn asked(event: &Event) -> Option<Command> {
    let Event::Contest(told) = event else { return None };
    let act = match &**told {
        Told::Reported(report) => Act::Report(Box::new(RoundReport {
            superseded: false,
            barred: false,
            who: Profile::default(),
            ..report.clone()
        })),
        Told::Corrected(corrected) => Act::Correct(Box::new(Correction {
            provider: corrected.provider.clone(),
            bet: corrected.bet.clone(),
            round: corrected.round.clone(),
            version: (!corrected.by_arrival).then_some(corrected.version),
            now: corrected.now,
            currency: corrected.currency,
            at: corrected.at,
        })),
        _ => return None,
    };
    Some(Command::Contest(Box::new(act)))
}
