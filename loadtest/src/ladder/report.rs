//! What a figure of the ladder says of a peer.

use crate::figures::{self, Peer, Summary, middle, range};
use serde::Serialize;

/// One figure.
pub type Figure = figures::Figure<Row>;
/// Everything measured in one run.
pub type Report = figures::Report<Row>;

/// One peer's line.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Which.
    pub name: String,
    /// Connections it was best with.
    pub connections: usize,
    /// How it was tuned.
    pub note: String,
    /// What the figure counts.
    pub value: Option<Summary>,
    /// Round by round, divided by the baseline with a shared house row.
    pub to_shared: Option<Summary>,
    /// Round by round, divided by the baseline without one.
    pub to_spread: Option<Summary>,
    /// Median latency.
    pub p50_ms: Option<Summary>,
    /// 95 of 100 are faster.
    pub p95_ms: Option<Summary>,
    /// Processor time of the server's process (not of its database) per request.
    pub cpu_us: Option<Summary>,
}

impl Peer for Row {
    fn head() -> String {
        format!(
            "{:<22}{:>6}{:>26}{:>20}{:>20}{:>9}{:>9}{:>9}",
            "", "conns", "median (min–max)", "× shared", "× without", "p50 ms", "p95 ms", "CPU µs"
        )
    }

    fn columns(&self) -> String {
        format!(
            "{:<22}{:>6}{:>26}{:>20}{:>20}{:>9}{:>9}{:>9}  {}",
            self.name,
            self.connections,
            range(self.value, 0),
            range(self.to_shared, 2),
            range(self.to_spread, 2),
            middle(self.p50_ms, 2),
            middle(self.p95_ms, 2),
            middle(self.cpu_us, 0),
            self.note,
        )
    }
}
