//! The result of `loadtest watch`.

use super::Comparison;
use super::tally::Totals;
use crate::Error;
use crate::cli::WatchArgs;
use crate::num::{count, micros, per_second, ratio};
use crate::report::{ErrorCount, Percentiles};
use serde::Serialize;
use std::fmt::Write as _;
use std::time::Duration;

/// Everything that was measured and checked.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `watch`.
    pub benchmark: &'static str,
    /// The tournament watched.
    pub tournament: String,
    /// As given.
    pub parameters: WatchArgs,
    /// Seconds measured.
    pub elapsed: f64,
    /// Sockets that had a board when measuring began.
    pub opened: u64,
    /// Sockets open at the end.
    pub open_at_end: u64,
    /// Deltas received while measuring.
    pub deliveries: u64,
    /// Deltas received per second.
    pub deliveries_per_second: f64,
    /// Payload bytes of a delta.
    pub bytes_per_delivery: f64,
    /// Different seqs among the deltas.
    pub ticks: u64,
    /// Payload bytes of a snapshot.
    pub bytes_per_snapshot: f64,
    /// Snapshots received from start to end.
    pub snapshots: u64,
    /// Until the handshake was done.
    pub connect_ms: Percentiles,
    /// From the first byte of the first handshake until the first board.
    pub first_board_ms: Percentiles,
    /// Each delivery behind the first socket with the same seq.
    pub behind_first_ms: Percentiles,
    /// Per seq, from the first to the last socket.
    pub spread_ms: Percentiles,
    /// Deltas that did not start where the board was.
    pub gaps: u64,
    /// Frames that are none, or make no board.
    pub bad_frames: u64,
    /// The first of both, in words.
    pub complaints: Vec<String>,
    /// Sockets opened again.
    pub reconnects: u64,
    /// Of those, resumed from the cursor.
    pub resumes: u64,
    /// How sockets ended or were refused, before the end of the run.
    pub closes: Vec<ErrorCount>,
    /// The sampled boards, if any.
    pub boards: Option<Comparison>,
    /// CPU time of this tool per delivery, in microseconds.
    pub own_us_per_delivery: Option<f64>,
    /// CPU time of the server (all it did meanwhile) per delivery, in microseconds.
    pub server_us_per_delivery: Option<f64>,
    /// Memory that the server gained per socket while they were opened, in KiB.
    pub server_kib_per_socket: Option<f64>,
}

impl Report {
    #[expect(clippy::too_many_arguments, reason = "one call, all different things")]
    pub(super) fn new(
        args: &WatchArgs,
        tournament: &str,
        opened: u64,
        elapsed: Duration,
        totals: Totals,
        (own, server): (Option<Duration>, Option<Duration>),
        server_kib: Option<u64>,
        boards: Option<Comparison>,
    ) -> Self {
        let deliveries = totals.deliveries;
        let each = |cpu: Option<Duration>| {
            cpu.filter(|_| deliveries > 0).map(|cpu| ratio(micros(cpu), deliveries))
        };
        let close = |((status, code), count)| ErrorCount { status, code, count };
        Self {
            benchmark: "watch",
            tournament: tournament.to_owned(),
            parameters: args.clone(),
            elapsed: elapsed.as_secs_f64(),
            opened,
            open_at_end: totals.open,
            deliveries,
            deliveries_per_second: per_second(deliveries, elapsed),
            bytes_per_delivery: ratio(totals.bytes, deliveries),
            ticks: totals.ticks,
            bytes_per_snapshot: ratio(totals.snapshot_bytes, totals.snapshots),
            snapshots: totals.snapshots,
            connect_ms: Percentiles::of(&totals.connect),
            first_board_ms: Percentiles::of(&totals.first_board),
            behind_first_ms: Percentiles::of(&totals.lag),
            spread_ms: Percentiles::of(&totals.spread),
            gaps: totals.gaps,
            bad_frames: totals.bad_frames,
            complaints: totals.complaints,
            reconnects: totals.reconnects,
            resumes: totals.resumes,
            closes: totals.closes.into_iter().map(close).collect(),
            boards,
            own_us_per_delivery: each(own),
            server_us_per_delivery: each(server),
            server_kib_per_socket: server_kib.map(|kib| ratio(kib, opened)),
        }
    }

    /// What is wrong with the server; nothing if all is right.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let wanted = count(self.parameters.subscribers);
        let mut failures = Vec::new();
        let mut check = |wrong: bool, text: String| {
            if wrong {
                failures.push(text);
            }
        };
        check(self.opened < wanted, format!("{} of {wanted} sockets got a board", self.opened));
        check(self.gaps > 0, format!("{} gaps", self.gaps));
        check(self.bad_frames > 0, format!("{} bad frames", self.bad_frames));
        if let Some(Comparison { different, missing, difference, .. }) = &self.boards {
            let text = difference.clone().unwrap_or_default();
            check(*different > 0, format!("{different} boards differ from HTTP: {text}"));
            check(*missing > 0, format!("{missing} boards never were at the seq that HTTP showed"));
        }
        failures.extend(self.complaints.iter().cloned());
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
        let mut out = format!(
            "{} sockets on {}, {} sampled, {} % stalled, {:.1} s\n",
            p.subscribers, self.tournament, p.sample, p.stalled_percent, self.elapsed
        );
        let mut line = |text: String| {
            // Writing to a String cannot fail.
            writeln!(out, "{text}").ok();
        };
        line(format!("{:<16}{:>12.0}", "deliveries/s", self.deliveries_per_second));
        line(format!("{:<16}{:>12.1}", "bytes each", self.bytes_per_delivery));
        line(format!("{:<16}{:>12}", "ticks", self.ticks));
        line(Percentiles::heading());
        line(self.connect_ms.row("connect"));
        line(self.first_board_ms.row("first board"));
        line(self.behind_first_ms.row("behind first"));
        line(self.spread_ms.row("first to last"));
        let costs = [
            ("own CPU", self.own_us_per_delivery, "µs per delivery"),
            ("server CPU", self.server_us_per_delivery, "µs per delivery"),
            ("server memory", self.server_kib_per_socket, "KiB per socket"),
        ];
        for (name, cost, unit) in costs {
            if let Some(cost) = cost {
                line(format!("{name:<16}{cost:>12.2} {unit}"));
            }
        }
        line(format!(
            "sockets: {} opened, {} open at the end, {} reconnects ({} resumed)",
            self.opened, self.open_at_end, self.reconnects, self.resumes
        ));
        for ErrorCount { status, code, count } in &self.closes {
            line(format!("closed {status:>4} {code:<28}{count:>8}"));
        }
        line(format!("gaps {}, bad frames {}", self.gaps, self.bad_frames));
        if let Some(c) = &self.boards {
            line(format!(
                "boards at {}-{} ({} rows): {} equal to HTTP, {} different, {} missing",
                c.epoch, c.seq, c.rows, c.equal, c.different, c.missing
            ));
        }
        out.trim_end().to_owned()
    }
}
