//! What a figure of deliveries says of a peer.

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
    /// Processor time of the server's process per delivery, in microseconds.
    pub cpu_us: Option<Summary>,
    /// The same, round by round, divided by the bare loop's.
    pub to_bare: Option<Summary>,
    /// The same, round by round, divided by uWebSockets'.
    pub to_uws: Option<Summary>,
    /// 99 of 100 deliveries come sooner after the first of their tick, in milliseconds.
    pub p99_ms: Option<Summary>,
    /// The same, round by round, divided by the bare loop's.
    pub p99_to_bare: Option<Summary>,
    /// Memory per socket before the first delivery, in KiB.
    pub idle_kib: Option<Summary>,
    /// Memory per socket at the end, in KiB.
    pub busy_kib: Option<Summary>,
    /// Payload of a delivery.
    pub bytes: Option<Summary>,
}

impl Peer for Row {
    fn head() -> String {
        format!(
            "{:<18}{:>20}{:>18}{:>18}{:>24}{:>20}{:>9}{:>9}{:>7}",
            "",
            "CPU µs per delivery",
            "× bare",
            "× uwebsockets",
            "p99 ms",
            "× bare",
            "KiB idle",
            "KiB busy",
            "bytes"
        )
    }

    fn columns(&self) -> String {
        format!(
            "{:<18}{:>20}{:>18}{:>18}{:>24}{:>20}{:>9}{:>9}{:>7}",
            self.name,
            range(self.cpu_us, 2),
            range(self.to_bare, 2),
            range(self.to_uws, 2),
            range(self.p99_ms, 1),
            range(self.p99_to_bare, 2),
            middle(self.idle_kib, 2),
            middle(self.busy_kib, 2),
            middle(self.bytes, 0),
        )
    }
}
