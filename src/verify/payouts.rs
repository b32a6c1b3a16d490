//! Adds up every tournament's pool, and compares what players' rows say with its plans.
//!
//! Σ legs into a pool − Σ legs out of it is what the orders still need: 0 when everything is paid.

use super::report::Report;
use super::rollovers::follows;
use super::versions::Versions;
use palio_domain::journal::{Account, Leg, Row, RowKind};
use palio_domain::tournament::lifecycle::{Event, Tournament};
use palio_domain::tournament::prizes::{Due, What};
use palio_domain::wallet::Event as WalletEvent;
use palio_domain::wallet::contest::{Award, Told};
use palio_domain::{PlayerId, TenantId, TournamentId};
use std::collections::BTreeMap;

/// A tournament's home rows, folded.
#[derive(Default)]
pub(super) struct Home {
    life: Option<Tournament>,
    pub(super) versions: Versions,
    /// Σ legs of home rows into the pool.
    pool: i128,
    /// Rows about what is rolled over that do not follow from those before.
    astray: Vec<String>,
}

impl Home {
    pub(super) fn take(&mut self, row: &Row, event: &Event) {
        self.pool += into_pool(row.leg);
        match (&mut self.life, event) {
            (_, Event::Created { definition }) => {
                self.life = Some(Tournament::created(row.seq, (**definition).clone()));
            }
            (Some(life), event) => {
                self.versions.take(life, row, event);
                if !follows(life, row, event) {
                    self.astray.push(super::at(row));
                }
                life.apply(row.seq, row.time, event);
            }
            (None, _) => {}
        }
    }

    /// Who is out now.
    pub(super) fn life(&self) -> Option<&Tournament> {
        self.life.as_ref()
    }
}

/// What one leg brings into pools.
fn into_pool(leg: Option<Leg>) -> i128 {
    leg.map_or(0, |leg| {
        let amount = i128::from(leg.amount.0);
        let into = if leg.credit == Account::Pool { amount } else { 0 };
        let out = if leg.debit == Account::Pool { amount } else { 0 };
        into - out
    })
}

/// What players' rows say of one tournament's money.
#[derive(Default)]
struct Money {
    pool: i128,
    paid: BTreeMap<(u32, u32), (PlayerId, Award, bool)>,
}

/// What players' rows say of all tournaments' money.
#[derive(Default)]
pub(super) struct Pools(BTreeMap<(TenantId, TournamentId), Money>);

impl Pools {
    /// Takes a player's row in.
    pub(super) fn take(&mut self, row: &Row, player: PlayerId) {
        let concerns = matches!(
            row.kind,
            RowKind::TournamentEntered | RowKind::PrizePaid | RowKind::PrizeTakenBack
        );
        if !concerns {
            return;
        }
        // A row that can't be read is told where the wallet is folded.
        let Ok(WalletEvent::Contest(told)) = WalletEvent::from_row(row) else { return };
        let Some(id) = told.tournament() else { return };
        let money = self.0.entry((row.tenant, id.clone())).or_default();
        match *told {
            Told::Paid(award) => {
                money.pool += into_pool(row.leg);
                money.paid.insert((award.version, award.line), (player, award, false));
            }
            Told::TakenBack(award, _) => {
                // What was missing comes by the next row.
                money.pool +=
                    if award.account().is_some() { i128::from(award.quantity) } else { 0 };
                money.paid.insert((award.version, award.line), (player, award, true));
            }
            _ => money.pool += into_pool(row.leg),
        }
    }

    /// Adds what other slots have.
    pub(super) fn absorb(&mut self, other: Self) {
        for (id, theirs) in other.0 {
            let money = self.0.entry(id).or_default();
            money.pool += theirs.pool;
            money.paid.extend(theirs.paid);
        }
    }

    /// Compares a tournament's home with what its players' rows say.
    pub(super) fn compare(&self, tenant: TenantId, home: &Home, report: &mut Report) {
        let Some(life) = &home.life else { return };
        let id = &life.definition.id;
        let none = Money::default();
        let money = self.0.get(&(tenant, id.clone())).unwrap_or(&none);
        home.versions.compare(report);
        for at in &home.astray {
            let found = format!("a row of {id} does not follow from those before");
            report.differs("rollover", at.clone(), found);
        }
        for (at, (player, award, back)) in &money.paid {
            let same = life.payout.order(at.0, at.1).is_some_and(|order| {
                order.player == *player
                    && order.what == award.what
                    && order.quantity == award.quantity
                    && order.currency == award.currency
                    && order.back == *back
            });
            if !same {
                let found = format!("{} line {}-{} is not in the plan", id, at.0, at.1);
                report.differs("prizes", format!("player {}", player.0), found);
            }
        }
        let open: i128 = life
            .payout
            .orders()
            .filter(|(at, _)| !money.paid.contains_key(at))
            .filter(|(at, _)| !life.payout.progress.get(at).is_some_and(|to| to.is_over()))
            .map(|(_, order)| worth(&order.what, order.quantity, order.back))
            .sum();
        let reserved: i128 = life.payout.plans.last().map_or(0, |plan| {
            let lines = plan.lines().iter().filter(|line| line.due == Due::Reserved);
            lines.map(|line| worth(&line.what, line.quantity, false)).sum()
        });
        let there = home.pool + money.pool;
        let needed = open + reserved + i128::from(life.rollover.waits().0);
        let fits = if life.payout.plans.is_empty() {
            // Besides what was carried, buy-ins, of which one may be on its way.
            let carried = life.rollover.carried_in().0 - life.rollover.left().0;
            let bought = there - i128::from(carried);
            bought >= 0 && bought <= i128::from(life.paid_in().0)
        } else {
            there == needed
        };
        if !fits {
            report.differs("prizes", id.as_str(), format!("{there} in the pool, {needed} to pay"));
        }
        if life.is_paid() && open != 0 {
            report.differs("prizes", id.as_str(), format!("over, and {open} is not paid"));
        }
    }
}

fn worth(what: &What, quantity: i64, back: bool) -> i128 {
    let all = match what {
        What::Cash {} | What::Bonus { .. } => i128::from(quantity),
        What::FreeRounds { .. } | What::Ticket { .. } | What::Item { .. } => 0,
    };
    if back { -all } else { all }
}
