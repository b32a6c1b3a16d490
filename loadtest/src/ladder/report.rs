//! What the ladder prints.

use super::summary::Summary;
use crate::Error;
use serde::Serialize;
use std::fmt::Write as _;

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

/// A ratio with what it is meant to be.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// What it says.
    pub name: String,
    /// What was measured.
    pub value: Option<Summary>,
    /// In words: `at least 0.90`.
    pub aim: String,
    /// Whether the median is where it is meant to be; `None` where nothing is aimed at.
    pub reached: Option<bool>,
}

/// One figure.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure {
    /// Which.
    pub name: String,
    /// What is counted.
    pub what: String,
    /// Peers.
    pub rows: Vec<Row>,
    /// Ratios and other values.
    pub lines: Vec<Line>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// Wrong money or answers: the figure means nothing then.
    pub failures: Vec<String>,
}

/// Everything measured in one run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `ladder`.
    pub benchmark: &'static str,
    /// The database server and the machine.
    pub machine: String,
    /// Rounds, and seconds of each slice.
    pub shape: String,
    /// In the order asked for.
    pub figures: Vec<Figure>,
}

impl Line {
    /// A value without an aim.
    pub(crate) fn plain(name: impl Into<String>, value: Option<Summary>) -> Self {
        Self { name: name.into(), value, aim: String::new(), reached: None }
    }

    /// A value that should not be lower.
    pub(crate) fn at_least(name: impl Into<String>, value: Option<Summary>, aim: f64) -> Self {
        let reached = value.map(|value| value.median >= aim);
        Self { name: name.into(), value, aim: format!("at least {aim:.2}"), reached }
    }

    /// A value that should not be higher.
    pub(crate) fn at_most(name: impl Into<String>, value: Option<Summary>, aim: f64) -> Self {
        let reached = value.map(|value| value.median <= aim);
        Self { name: name.into(), value, aim: format!("at most {aim:.2}"), reached }
    }
}

fn range(value: Option<Summary>, digits: usize) -> String {
    value.map_or("-".to_owned(), |s| {
        format!("{:.digits$} ({:.digits$}–{:.digits$})", s.median, s.min, s.max)
    })
}

fn number(value: Option<Summary>, digits: usize) -> String {
    value.map_or("-".to_owned(), |s| format!("{:.digits$}", s.median))
}

impl Figure {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n{}: {}", self.name, self.what)?;
        if !self.rows.is_empty() {
            writeln!(
                out,
                "{:<22}{:>6}{:>26}{:>20}{:>20}{:>9}{:>9}{:>9}",
                "",
                "conns",
                "median (min–max)",
                "× shared",
                "× without",
                "p50 ms",
                "p95 ms",
                "CPU µs"
            )?;
        }
        for row in &self.rows {
            writeln!(
                out,
                "{:<22}{:>6}{:>26}{:>20}{:>20}{:>9}{:>9}{:>9}  {}",
                row.name,
                row.connections,
                range(row.value, 0),
                range(row.to_shared, 2),
                range(row.to_spread, 2),
                number(row.p50_ms, 2),
                number(row.p95_ms, 2),
                number(row.cpu_us, 0),
                row.note,
            )?;
        }
        for Line { name, value, aim, reached } in &self.lines {
            let digits = if value.is_some_and(|value| value.median >= 100.0) { 0 } else { 3 };
            let verdict = match reached {
                Some(true) => "reached",
                Some(false) => "MISSED",
                None => "",
            };
            writeln!(out, "{name:<58}{:>30}  {aim} {verdict}", range(*value, digits))?;
        }
        for note in &self.notes {
            writeln!(out, "{note}")?;
        }
        Ok(())
    }
}

impl Report {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = format!("{}\n{}\n", self.machine, self.shape);
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

    /// What is wrong with any peer's money or answers. A missed aim is not: it is a figure.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.figures.iter().flat_map(|figure| figure.failures.clone()).collect()
    }
}
