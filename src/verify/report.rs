//! What the verifier found.

use serde::Serialize;

/// One thing that is not as it must be.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Which check failed.
    pub check: &'static str,
    /// Where: a slot and seq, a player or a tournament.
    pub at: String,
    /// What was found and what was expected.
    pub found: String,
}

/// The result of a verification.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Rows read.
    pub rows: u64,
    /// Slots with rows.
    pub slots: usize,
    /// Wallets rebuilt.
    pub wallets: u64,
    /// Snapshots compared.
    pub snapshots: u64,
    /// Tournaments recomputed.
    pub tournaments: u64,
    /// Schedules folded again.
    pub schedules: u64,
    /// Open bets.
    pub open_bets: u64,
    /// Sums between one tournament's pool and the next one's, sent and not taken yet.
    pub in_flight: u64,
    /// How long it took.
    pub seconds: f64,
    /// How many differences there are, of which the first thousand are listed.
    pub differences_total: u64,
    /// The differences.
    pub differences: Vec<Difference>,
}

/// Differences listed one by one; all are counted.
const LISTED_MAX: usize = 1_000;

impl Report {
    /// Notes a difference.
    pub fn differs(
        &mut self,
        check: &'static str,
        at: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.differences_total += 1;
        if self.differences.len() < LISTED_MAX {
            self.differences.push(Difference { check, at: at.into(), found: found.into() });
        }
    }

    /// Adds what was found elsewhere.
    pub(super) fn absorb(&mut self, other: Self) {
        self.rows += other.rows;
        self.slots += other.slots;
        self.wallets += other.wallets;
        self.snapshots += other.snapshots;
        self.tournaments += other.tournaments;
        self.schedules += other.schedules;
        self.open_bets += other.open_bets;
        self.differences_total += other.differences_total;
        let room = LISTED_MAX.saturating_sub(self.differences.len());
        self.differences.extend(other.differences.into_iter().take(room));
    }

    /// Whether everything is as it must be.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.differences_total == 0
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            to,
            "{} rows in {} slots, {} wallets ({} open bets), {} snapshots, {} tournaments, \
             {} schedules, {:.2} s",
            self.rows,
            self.slots,
            self.wallets,
            self.open_bets,
            self.snapshots,
            self.tournaments,
            self.schedules,
            self.seconds
        )?;
        for difference in &self.differences {
            writeln!(to, "  {:<10} {}: {}", difference.check, difference.at, difference.found)?;
        }
        if self.is_clean() {
            write!(to, "clean: balances, standings, chain and snapshots are what the journal says")
        } else {
            write!(to, "{} DIFFERENCES", self.differences_total)
        }
    }
}
