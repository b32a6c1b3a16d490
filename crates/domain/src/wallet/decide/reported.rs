//! Reported rounds and their corrections, decided in the wallet's own order.

use super::super::contest::Told;
use super::super::event::Event;
use super::super::refusal::Refusal;
use super::super::reported::{Corrected, Correction, Life, RoundReport};
use super::super::state::Wallet;
use super::{Context, Decision, Facts, Past, one};
use crate::journal::Row;
use crate::time::UnixMs;
use std::sync::Arc;

/// Corrections of one bet: all of them are read for each further one.
const CORRECTIONS_MAX: usize = 100;

/// A correction with its row.
type Known = (Corrected, Arc<Row>);

impl Wallet {
    pub(super) fn report_round(
        &self,
        report: &RoundReport,
        context: &Context,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        let past = facts.bets.get(&report.bet.bet);
        if let Some(row) = past.and_then(|past| past.claimed.as_ref()) {
            let known = row.request.as_ref().map(|request| request.body_hash);
            return if known == Some(context.body_hash) {
                Ok(Decision::Replay(Arc::clone(row)))
            } else {
                Err(Refusal::BetIdReused)
            };
        }
        let (life, _) = life(past)?;
        let superseded = life.supersedes_report();
        let (who, barred) = (self.profile.clone(), self.is_barred(context.now));
        Ok(one(Told::Reported(RoundReport { superseded, barred, who, ..report.clone() }).into()))
    }

    /// Whether what is reported of the player counts for nothing where everybody is in: he is
    /// excluded, and was played elsewhere. It counts where he has entered.
    pub(super) fn is_barred(&self, now: UnixMs) -> bool {
        self.protection.excluded(now).is_some()
    }

    /// A version that came before is a repeat or a mismatch, as of own bets' results
    /// (money-cases.md, 23).
    pub(super) fn correct_round(
        &self,
        asked: &Correction,
        facts: &Facts,
    ) -> Result<Decision, Refusal> {
        if self.open_bet(&asked.provider, &asked.bet).is_some() {
            return Err(Refusal::BetNotFound);
        }
        let (life, known) = life(facts.bets.get(&asked.bet))?;
        let same = |(corrected, _): &&Known| Some(corrected.version) == asked.version;
        match known.iter().find(same) {
            Some((corrected, row)) if corrected.says(asked) => {
                Ok(Decision::Replay(Arc::clone(row)))
            }
            Some(_) => Err(Refusal::IdempotencyMismatch),
            None if known.len() >= CORRECTIONS_MAX => Err(Refusal::TooManyCorrections),
            None => life.correct(asked).map(|corrected| one(Told::Corrected(corrected).into())),
        }
    }
}

/// A round's life out of the journal's memory of it. A bet that was played here is none.
fn life(past: Option<&Past>) -> Result<(Life, Vec<Known>), Refusal> {
    let (mut life, mut known) = (Life::default(), Vec::new());
    let Some(past) = past else { return Ok((life, known)) };
    // A row that can't be read was told as damage when it was folded in.
    let read = |row: &Arc<Row>| match Event::from_row(row) {
        Ok(Event::Contest(told)) => Ok(*told),
        Ok(_) | Err(_) => Err(Refusal::BetNotFound),
    };
    if let Some(row) = &past.claimed {
        let Told::Reported(report) = read(row)? else { return Err(Refusal::BetNotFound) };
        life.reported(&report, row);
    }
    for row in past.corrections.values() {
        let Told::Corrected(corrected) = read(row)? else { return Err(Refusal::BetNotFound) };
        life.corrected(&corrected);
        known.push((corrected, Arc::clone(row)));
    }
    Ok((life, known))
}
