//! Reported rounds (W9): what each row says about those before it is computed again, and its
//! content must be the one that its request was made of. No money moves by these rows, so nothing
//! else would tell. And what any first result says of its player was known when it was written.
//!
//! In memory are the reported rounds of the slots that are being read.

use super::at;
use super::report::Report;
use palio_domain::journal::Row;
use palio_domain::journal::identity::body_hash;
use palio_domain::wallet::contest::{Act, Profile, Told};
use palio_domain::wallet::reported::{Life, asked};
use palio_domain::wallet::{Command, Event, Wallet, reported};
use palio_domain::{BetId, PlayerId, ProviderId, TenantId};
use std::collections::HashMap;

const CHECK: &str = "rounds";

/// The reported rounds of a slot.
#[derive(Default)]
pub(super) struct Rounds {
    lives: HashMap<(TenantId, PlayerId), HashMap<(ProviderId, BetId), Life>>,
}

impl Rounds {
    pub(super) fn take(
        &mut self,
        row: &Row,
        player: PlayerId,
        event: &Event,
        wallet: &Wallet,
        report: &mut Report,
    ) {
        if first_known(event).is_some_and(|who| *who != wallet.profile) {
            report.differs(CHECK, at(row), "what was known of the player is told wrongly");
        }
        if barred(event).is_some_and(|told| told != wallet.protection.excluded(row.time).is_some())
        {
            report.differs(CHECK, at(row), "whether the player was excluded is told wrongly");
        }
        let Event::Contest(told) = event else { return };
        let id = match &**told {
            Told::Reported(reported) => (reported.bet.provider.clone(), reported.bet.bet.clone()),
            Told::Corrected(corrected) => (corrected.provider.clone(), corrected.bet.clone()),
            _ => return,
        };
        let Some(command) = asked(event) else { return };
        let content = body_hash(&command.canonical());
        if row.request.as_ref().is_none_or(|request| request.body_hash != content) {
            report.differs(CHECK, at(row), "the content is not the one that was asked for");
        }
        let life = self.lives.entry((row.tenant, player)).or_default().entry(id).or_default();
        match (&**told, correction(&command)) {
            (Told::Reported(reported), _) => {
                if reported.superseded != life.supersedes_report() {
                    report.differs(CHECK, at(row), "whether a void came first is told wrongly");
                }
                life.reported(reported, row);
            }
            (Told::Corrected(corrected), Some(correction)) => {
                if life.correct(correction).as_ref() != Ok(corrected) {
                    report.differs(CHECK, at(row), "a correction that does not follow");
                }
                life.corrected(corrected);
            }
            _ => {}
        }
    }
}

/// What a row says of the player that was known when it was written.
fn first_known(event: &Event) -> Option<&Profile> {
    match event {
        Event::BetSettled(settled) => Some(&settled.who),
        Event::RoundPlayed { who, .. } => Some(who),
        Event::ScoreReported(report) => Some(&report.who),
        Event::Contest(told) => match &**told {
            Told::Reported(reported) => Some(&reported.who),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a row says that the player was excluded when it was written.
fn barred(event: &Event) -> Option<bool> {
    match event {
        Event::ScoreReported(report) => Some(report.barred),
        Event::Contest(told) => match &**told {
            Told::Reported(reported) => Some(reported.barred),
            _ => None,
        },
        _ => None,
    }
}

fn correction(command: &Command) -> Option<&reported::Correction> {
    match command {
        Command::Contest(act) => match &**act {
            Act::Correct(correction) => Some(correction),
            _ => None,
        },
        _ => None,
    }
}
