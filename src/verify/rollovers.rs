//! Follows what nobody won from the tournament it was rolled over by to the pool that has it.

use super::payouts::Home;
use super::report::Report;
use palio_domain::journal::Row;
use palio_domain::tournament::lifecycle::rollover::{Carried, Sent};
use palio_domain::tournament::lifecycle::{Command, Event, Tournament};
use palio_domain::{Amount, Currency, TenantId, TournamentId};
use std::collections::BTreeMap;

/// What stands between slots, per currency: in minor units.
pub(super) type Transit = BTreeMap<Currency, i128>;

/// Who has a sum, and how much.
type Taken<'a> = (&'a TournamentId, Amount);

/// Whether an event of the three follows from the state before it; of any other it does.
pub(super) fn follows(before: &Tournament, row: &Row, event: &Event) -> bool {
    let command = match event {
        Event::RolledOver { version, to, .. } => {
            let sent = before.rollover.sent.iter().find(|sent| sent.version == *version);
            let instead_of = sent.and_then(|sent| sent.to.clone());
            Command::Roll { version: *version, to: to.clone(), instead_of }
        }
        Event::RolloverArrived { version } => Command::Arrive { version: *version },
        Event::CarriedIn { from, version, leg } => {
            let carried = Carried { from: from.clone(), version: *version, amount: leg.amount };
            Command::CarryIn { carried, currency: leg.currency }
        }
        _ => return true,
    };
    Tournament::decide(Some(before), &command, row.time) == Ok(Some(event.clone()))
}

/// Compares what was sent with what was taken, and what is in neither with the transit accounts.
pub(super) fn compare(
    homes: &BTreeMap<(TenantId, u64), Home>,
    transit: &Transit,
    report: &mut Report,
) {
    let mut taken: BTreeMap<_, Vec<Taken<'_>>> = BTreeMap::new();
    for ((tenant, _), home) in homes {
        let Some(life) = home.life() else { continue };
        for one in &life.rollover.taken {
            let by = taken.entry((*tenant, &one.from, one.version)).or_default();
            by.push((&life.definition.id, one.amount));
        }
    }
    let mut in_flight = Transit::new();
    for ((tenant, _), home) in homes {
        let Some(life) = home.life() else { continue };
        let id = &life.definition.id;
        for sent in &life.rollover.sent {
            let Sent { version, amount, to, arrived } = sent;
            let by = taken.remove(&(*tenant, id, *version)).unwrap_or_default();
            let is_there = match (by.as_slice(), to) {
                ([], None) => continue,
                ([], Some(_)) => false,
                ([(by, taken)], Some(to)) if *by == to && taken == amount => true,
                _ => {
                    let found = format!("{} of version {version} was not taken as sent", amount.0);
                    report.differs("rollover", id.as_str(), found);
                    continue;
                }
            };
            if *arrived && !is_there {
                let found = format!("{} of version {version} is nowhere", amount.0);
                report.differs("rollover", id.as_str(), found);
            }
            if !is_there {
                report.in_flight += 1;
                *in_flight.entry(life.definition.currency).or_default() += i128::from(amount.0);
            }
        }
    }
    for ((_, from, version), by) in taken {
        for (by, amount) in by {
            let found = format!("has {} of {from}, version {version}, never sent", amount.0);
            report.differs("rollover", by.as_str(), found);
        }
    }
    let mut currencies: Vec<_> = transit.keys().chain(in_flight.keys()).collect();
    currencies.sort_unstable();
    currencies.dedup();
    for currency in currencies {
        let there = transit.get(currency).copied().unwrap_or(0);
        let known = in_flight.get(currency).copied().unwrap_or(0);
        if there != known {
            let found = format!("{there} in transit, {known} on its way");
            report.differs("transit", currency.code(), found);
        }
    }
}
