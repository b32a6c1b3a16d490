//! The result of `loadtest recovery`.

use super::RecoveryArgs;
use crate::Error;
use crate::num::{micros, millis};
use serde::{Serialize, Serializer};
use std::fmt::Write as _;
use std::time::Duration;

/// A start of the server, and what it did until it was killed.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kill {
    /// From the kill before it to the first acknowledged bet, in milliseconds.
    #[serde(serialize_with = "as_ms", rename = "firstBetMs")]
    pub first_bet: Duration,
    /// From the kill before it until `/readyz` said yes, in milliseconds.
    #[serde(serialize_with = "as_ms", rename = "readyMs")]
    pub ready: Duration,
    /// Old bets that were sent again.
    pub replays: u64,
    /// Of these, not answered as a replay with the first result.
    pub wrong: u64,
    /// Bets acknowledged in each second afterwards.
    pub per_second: Vec<u64>,
}

fn as_ms<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(millis(micros(*duration)))
}

impl Kill {
    pub(super) fn line(&self, n: usize) -> String {
        let Self { first_bet, ready, replays, wrong, per_second } = self;
        let ms = |duration: &Duration| millis(micros(*duration));
        let name = if n == 0 { "first start".to_owned() } else { format!("kill {n}") };
        let rates: Vec<String> = per_second.iter().map(u64::to_string).collect();
        format!(
            "{name:<12}{:>12.0}{:>12.0}{replays:>10}{wrong:>8}   {}",
            ms(first_bet),
            ms(ready),
            rates.join(" ")
        )
    }
}

/// The result.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `recovery`.
    pub benchmark: &'static str,
    /// What was asked for.
    pub parameters: RecoveryArgs,
    /// The start before the first kill.
    pub first_start: Kill,
    /// Every start after a kill.
    pub kills: Vec<Kill>,
}

impl Report {
    pub(super) fn new(args: &RecoveryArgs) -> Self {
        let (parameters, first_start) = (args.clone(), Kill::default());
        Self { benchmark: "recovery", parameters, first_start, kills: Vec::new() }
    }

    pub(super) fn add(&mut self, n: usize, kill: Kill) {
        match n {
            0 => self.first_start = kill,
            _ => self.kills.push(kill),
        }
    }

    /// What is wrong with the server; nothing if all is right.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for kill in self.kills.iter().chain([&self.first_start]) {
            if kill.wrong > 0 {
                failures.push(format!("{} old bets were not replays", kill.wrong));
            }
            if kill.per_second.iter().all(|count| *count == 0) {
                failures.push("a start after which no bet went through".to_owned());
            }
        }
        failures
    }

    /// One JSON object.
    ///
    /// # Errors
    /// [`Error::Malformed`] never in practice.
    pub fn json(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|e| Error::Malformed(e.to_string()))
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = format!(
            "{:<12}{:>12}{:>12}{:>10}{:>8}   bets in each second\n",
            "", "first bet ms", "ready ms", "replays", "wrong"
        );
        for (n, kill) in std::iter::once(&self.first_start).chain(&self.kills).enumerate() {
            // Writing to a String cannot fail.
            writeln!(out, "{}", kill.line(n)).ok();
        }
        out.trim_end().to_owned()
    }
}
