//! Which parts of a rule document a tournament uses: those that a brand may have to do without,
//! because its licence does not allow them (requirement T11).

use super::admission::Reentry;
use super::definition::{Definition, Metric};
use super::prizes::table::{OverCap, Prize, Unspent};
use super::score::Of;
use serde::{Deserialize, Serialize};

/// A part that can be switched off, by the word that the document has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// Points for stakes.
    Stake,
    /// Points for payouts.
    Payout,
    /// Points for what a player wins beyond the stake.
    Profit,
    /// Points for what a player loses.
    Revenue,
    /// Points for payout ÷ stake.
    Ratio,
    /// Points for rounds.
    Round,
    /// Points that a provider reports.
    Reported,
    /// Points for runs of rounds.
    Streaks,
    /// Entries that cost something.
    BuyIn,
    /// Further entries that start from nothing.
    Reentry,
    /// Further entries that go on from where the player was.
    Rebuy,
    /// A pool that bets contribute to.
    Jackpot,
    /// A pool that buys tickets.
    Satellite,
    /// Money that goes into the next tournament's pool.
    Rollover,
    /// Prizes of bonus money.
    Bonus,
    /// Prizes of free rounds.
    FreeRounds,
    /// Prizes of tickets.
    Ticket,
    /// Prizes that are sent.
    Item,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 18] = [
        Self::Stake,
        Self::Payout,
        Self::Profit,
        Self::Revenue,
        Self::Ratio,
        Self::Round,
        Self::Reported,
        Self::Streaks,
        Self::BuyIn,
        Self::Reentry,
        Self::Rebuy,
        Self::Jackpot,
        Self::Satellite,
        Self::Rollover,
        Self::Bonus,
        Self::FreeRounds,
        Self::Ticket,
        Self::Item,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stake => "stake",
            Self::Payout => "payout",
            Self::Profit => "profit",
            Self::Revenue => "revenue",
            Self::Ratio => "ratio",
            Self::Round => "round",
            Self::Reported => "reported",
            Self::Streaks => "streaks",
            Self::BuyIn => "buyIn",
            Self::Reentry => "reentry",
            Self::Rebuy => "rebuy",
            Self::Jackpot => "jackpot",
            Self::Satellite => "satellite",
            Self::Rollover => "rollover",
            Self::Bonus => "bonus",
            Self::FreeRounds => "freeRounds",
            Self::Ticket => "ticket",
            Self::Item => "item",
        }
    }

    const fn of(term: Of) -> Self {
        match term {
            Of::Stake => Self::Stake,
            Of::Payout => Self::Payout,
            Of::Profit => Self::Profit,
            Of::Revenue => Self::Revenue,
            Of::Ratio => Self::Ratio,
            Of::Round => Self::Round,
            Of::Reported => Self::Reported,
        }
    }
}

/// The parts that a tournament uses, each with its field in the document; one may be there twice.
#[must_use]
pub fn used(of: &Definition) -> Vec<(Part, String)> {
    let mut used: Vec<(Part, String)> = Vec::new();
    let mut add = |part, field: String| used.push((part, field));
    for (n, term) in of.rules.score.formula.terms.iter().enumerate() {
        let field = match of.metric {
            Metric::Custom => format!("rules.score.terms[{n}].of"),
            Metric::Turnover | Metric::BestRatio | Metric::Ggr => "metric".to_owned(),
        };
        add(Part::of(term.of), field);
    }
    if !of.rules.score.formula.bands.is_empty() {
        add(Part::Ratio, "rules.score.bands".to_owned());
    }
    if !of.rules.score.streaks.is_empty() {
        add(Part::Streaks, "rules.score.streaks".to_owned());
    }
    if of.admission.price.is_some() {
        add(Part::BuyIn, "buyIn".to_owned());
    }
    if of.admission.reentries_max > 0 {
        match of.admission.reentry {
            Reentry::Best => add(Part::Reentry, "entriesMax".to_owned()),
            Reentry::Sum => add(Part::Rebuy, "reentry".to_owned()),
        }
    }
    let Some(table) = of.table.as_deref() else { return used };
    if let Some(pool) = &table.pool {
        if pool.jackpot.is_some() {
            add(Part::Jackpot, "prizeTable.pool.jackpot".to_owned());
        }
        if table.policies.unspent == Unspent::Rollover {
            add(Part::Rollover, "prizeTable.policies.unspent".to_owned());
        }
        // The policy's default, which says nothing where there is no cap.
        if pool.cap.is_some() && table.policies.over_cap == OverCap::Rollover {
            add(Part::Rollover, "prizeTable.policies.overCap".to_owned());
        }
    }
    if table.satellite.is_some() {
        add(Part::Satellite, "prizeTable.satellite".to_owned());
        add(Part::Ticket, "prizeTable.satellite".to_owned());
    }
    for (n, band) in table.bands.iter().enumerate() {
        for (m, prize) in band.prizes.iter().enumerate() {
            let part = match prize {
                Prize::Cash { .. } => continue,
                Prize::Bonus { .. } => Part::Bonus,
                Prize::FreeRounds { .. } => Part::FreeRounds,
                Prize::Ticket { .. } => Part::Ticket,
                Prize::Item { .. } => Part::Item,
            };
            add(part, format!("prizeTable.bands[{n}].prizes[{m}]"));
        }
    }
    used
}

/// Those of them that are switched off.
#[must_use]
pub fn switched_off(of: &Definition, off: &[Part]) -> Vec<(Part, String)> {
    let mut used = used(of);
    used.retain(|(part, _)| off.contains(part));
    used
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn a_part_has_one_word() {
        for part in Part::ALL {
            assert_eq!(serde_json::to_value(part).unwrap(), part.as_str());
            assert_eq!(Part::ALL.iter().filter(|other| **other == part).count(), 1);
        }
    }
}
