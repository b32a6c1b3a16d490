//! Figures of several peers that were measured in turns: what `loadtest ladder` and `loadtest
//! fanout` print.

mod summary;

pub use summary::{Series, Summary};

use crate::Error;
use serde::Serialize;
use std::fmt::Write as _;

/// One peer's line in a figure's table.
pub trait Peer: Serialize {
    /// What stands above the columns.
    fn head() -> String;

    /// The columns.
    fn columns(&self) -> String;
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

/// One figure.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figure<P> {
    /// Which.
    pub name: String,
    /// What was done, or is counted.
    pub what: String,
    /// Peers.
    pub rows: Vec<P>,
    /// Ratios and other values.
    pub lines: Vec<Line>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// Wrong money, answers or frames: the figure means nothing then.
    pub failures: Vec<String>,
}

impl<P> Default for Figure<P> {
    fn default() -> Self {
        Self {
            name: String::new(),
            what: String::new(),
            rows: Vec::new(),
            lines: Vec::new(),
            notes: Vec::new(),
            failures: Vec::new(),
        }
    }
}

/// Everything measured in one run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<P> {
    /// Of which command.
    pub benchmark: &'static str,
    /// The database server and the machine, where one is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Rounds, seconds of each slice, cores.
    pub shape: String,
    /// In the order asked for.
    pub figures: Vec<Figure<P>>,
}

/// The middle, and the lowest to the highest.
pub(crate) fn range(value: Option<Summary>, digits: usize) -> String {
    value.map_or("-".to_owned(), |s| {
        format!("{:.digits$} ({:.digits$}–{:.digits$})", s.median, s.min, s.max)
    })
}

/// The middle alone.
pub(crate) fn middle(value: Option<Summary>, digits: usize) -> String {
    value.map_or("-".to_owned(), |s| format!("{:.digits$}", s.median))
}

impl<P: Peer> Figure<P> {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n{}: {}", self.name, self.what)?;
        if !self.rows.is_empty() {
            writeln!(out, "{}", P::head())?;
        }
        self.rows.iter().try_for_each(|row| writeln!(out, "{}", row.columns()))?;
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

impl<P: Peer> Report<P> {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = String::new();
        for line in self.machine.iter().chain([&self.shape]) {
            out.push_str(line);
            out.push('\n');
        }
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

    /// What was wrong. A missed aim is not: it is a figure.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let of = |figure: &Figure<P>| {
            figure.failures.iter().map(|f| format!("{}: {f}", figure.name)).collect::<Vec<_>>()
        };
        self.figures.iter().flat_map(of).collect()
    }
}
