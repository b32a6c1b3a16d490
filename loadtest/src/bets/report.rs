//! The result of `loadtest bets`.

use super::{Check, Measured};
use crate::Error;
use crate::cli::BetsArgs;
use crate::num::{millis, per_second, ratio};
use crate::procfs::Meter;
use crate::report::{ErrorCount, Percentiles};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Everything that was measured and checked.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `bets`.
    pub benchmark: &'static str,
    /// Starts all ids of this run.
    pub run: String,
    /// As given.
    pub parameters: BetsArgs,
    /// Players that were made.
    pub players: usize,
    /// Seconds measured.
    pub elapsed: f64,
    /// Requests answered.
    pub requests: u64,
    /// Requests answered per second.
    pub requests_per_second: f64,
    /// Bets held or played.
    pub bets: u64,
    /// Bets held or played per second.
    pub bets_per_second: f64,
    /// Over all requests.
    pub latency_ms: Percentiles,
    /// By path.
    pub latency_ms_by_path: BTreeMap<&'static str, Percentiles>,
    /// Refusals and missing answers.
    pub errors: Vec<ErrorCount>,
    /// Answers that must never be given, warm-up included.
    pub wrong: BTreeMap<String, u64>,
    /// CPU time and memory.
    pub cpu: Cpu,
    /// The comparison of balances, if asked for.
    pub check: Option<Check>,
}

/// What it cost, where the system tells.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cpu {
    /// CPU time of this tool, in milliseconds.
    pub own_ms: Option<f64>,
    /// CPU time of the server, in milliseconds.
    pub server_ms: Option<f64>,
    /// CPU time of this tool per request, in microseconds.
    pub own_us_per_request: Option<f64>,
    /// CPU time of the server per request, in microseconds.
    pub server_us_per_request: Option<f64>,
}

impl Cpu {
    pub(super) fn measured(own: &Meter, server: Option<&Meter>) -> Self {
        let ms = |cpu: Duration| millis(crate::num::micros(cpu));
        let server_ms = server.and_then(Meter::cpu).map(ms);
        Self { own_ms: own.cpu().map(ms), server_ms, ..Self::default() }
    }

    fn per_request(self, requests: u64) -> Self {
        let share = |ms: Option<f64>| ms.map(|ms| ms * 1000.0 * ratio(1, requests));
        Self {
            own_us_per_request: share(self.own_ms),
            server_us_per_request: share(self.server_ms),
            ..self
        }
    }
}

impl Report {
    pub(super) fn new(
        args: &BetsArgs,
        run: &str,
        players: usize,
        measured: Measured,
        check: Option<Check>,
    ) -> Result<Self, Error> {
        let Measured { elapsed, totals, cpu } = measured;
        let latency = totals.window.latency()?;
        let requests = latency.len();
        let bets = totals.window.bets;
        let count = |((status, code), count)| ErrorCount { status, code, count };
        Ok(Self {
            benchmark: "bets",
            run: run.to_owned(),
            parameters: args.clone(),
            players,
            elapsed: elapsed.as_secs_f64(),
            requests,
            requests_per_second: per_second(requests, elapsed),
            bets,
            bets_per_second: per_second(bets, elapsed),
            latency_ms: Percentiles::of(&latency),
            latency_ms_by_path: totals
                .window
                .by_kind()
                .map(|(kind, latency)| (kind.path(), Percentiles::of(latency)))
                .collect(),
            errors: totals.troubles.into_iter().map(count).collect(),
            wrong: totals.wrong,
            cpu: cpu.per_request(requests),
            check,
        })
    }

    /// What is wrong with the server; nothing if all is right.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let mut failures: Vec<_> =
            self.wrong.iter().map(|(what, count)| format!("{what}: {count} times")).collect();
        if self.bets == 0 {
            failures.push("not one bet went through".to_owned());
        }
        if let Some(check) = &self.check {
            if check.wrong > 0 {
                failures.push(format!("{} players have a wrong balance", check.wrong));
            }
            if check.uncertain > 0 {
                failures.push(format!("{} players' balances are uncertain", check.uncertain));
            }
            for m in &check.mismatches {
                failures.push(format!("{}: expected {}, got {}", m.player_id, m.expected, m.got));
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
        let p = &self.parameters;
        let rate = p.rate.map_or("as fast as answers come".to_owned(), |r| format!("{r} req/s"));
        let mut out = format!(
            "{} on {} connections, {} players, {:.1} s, {rate}\n",
            p.mix, p.connections, self.players, self.elapsed
        );
        let mut line = |text: String| {
            // Writing to a String cannot fail.
            writeln!(out, "{text}").ok();
        };
        line(format!("{:<16}{:>12.0}", "requests/s", self.requests_per_second));
        line(format!("{:<16}{:>12.0}", "bets/s", self.bets_per_second));
        line(Percentiles::heading());
        line(self.latency_ms.row("all"));
        for (path, latency) in &self.latency_ms_by_path {
            line(latency.row(path));
        }
        let costs = [
            ("own CPU", self.cpu.own_us_per_request),
            ("server CPU", self.cpu.server_us_per_request),
        ];
        for (name, cost) in costs {
            if let Some(us) = cost {
                line(format!("{name:<16}{us:>12.1} µs per request"));
            }
        }
        for ErrorCount { status, code, count } in &self.errors {
            line(format!("error {status:>3} {code:<28}{count:>8}"));
        }
        if let Some(check) = &self.check {
            let Check { right, wrong, uncertain, .. } = check;
            line(format!("balances: {right} right, {wrong} wrong, {uncertain} uncertain"));
        }
        out.trim_end().to_owned()
    }
}
