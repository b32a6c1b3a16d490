//! What `loadtest fanout` prints.

use crate::Error;
use crate::ladder::{Line, Summary};
use serde::Serialize;
use std::fmt::Write as _;

/// One peer's line in a figure of deliveries.
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

/// One figure.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// Which.
    pub name: String,
    /// What was done.
    pub what: String,
    /// Peers.
    pub rows: Vec<Row>,
    /// Ratios and other values.
    pub lines: Vec<Line>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// Wrong frames: the figure means nothing then.
    pub failures: Vec<String>,
}

/// Everything measured in one run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `fanout`.
    pub benchmark: &'static str,
    /// Rounds, seconds, cores.
    pub shape: String,
    /// In the order asked for.
    pub figures: Vec<Figure>,
}

fn range(value: Option<Summary>, digits: usize) -> String {
    value.map_or("-".to_owned(), |s| {
        format!("{:.digits$} ({:.digits$}–{:.digits$})", s.median, s.min, s.max)
    })
}

impl Figure {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n{}: {}", self.name, self.what)?;
        if !self.rows.is_empty() {
            writeln!(
                out,
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
            )?;
        }
        let middle = |value: Option<Summary>, digits: usize| {
            value.map_or("-".to_owned(), |s| format!("{:.digits$}", s.median))
        };
        for row in &self.rows {
            writeln!(
                out,
                "{:<18}{:>20}{:>18}{:>18}{:>24}{:>20}{:>9}{:>9}{:>7}",
                row.name,
                range(row.cpu_us, 2),
                range(row.to_bare, 2),
                range(row.to_uws, 2),
                range(row.p99_ms, 1),
                range(row.p99_to_bare, 2),
                middle(row.idle_kib, 2),
                middle(row.busy_kib, 2),
                middle(row.bytes, 0),
            )?;
        }
        for Line { name, value, aim, reached } in &self.lines {
            let digits = if value.is_some_and(|value| value.median >= 100.0) { 0 } else { 3 };
            let verdict = match reached {
                Some(true) => "reached",
                Some(false) => "MISSED",
                None => "",
            };
            writeln!(out, "{name:<62}{:>28}  {aim} {verdict}", range(*value, digits))?;
        }
        self.notes.iter().try_for_each(|note| writeln!(out, "{note}"))
    }
}

impl Report {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = format!("{}\n", self.shape);
        for figure in &self.figures {
            // Writing to a String cannot fail.
            figure.write(&mut out).ok();
        }
        out.trim_end().to_owned()
    }

    /// One JSON object.
    ///
    /// # Errors
    /// [`Error::Malformed`] never in practice.
    pub fn json(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|e| Error::Malformed(e.to_string()))
    }

    /// Frames that were wrong. A missed aim is not: it is a figure.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let of = |figure: &Figure| {
            figure.failures.iter().map(|f| format!("{}: {f}", figure.name)).collect::<Vec<_>>()
        };
        self.figures.iter().flat_map(of).collect()
    }
}
