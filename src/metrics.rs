//! Metrics: every one in one table, with kind, unit, labels and help (requirement O1).
//!
//! No player, tournament, bet or round is ever a label: a label's values are few and known.
//! `docs/metrics.md` has the same table; a test here compares the two.

use metrics::Unit;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::time::Duration;

/// Kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution, in buckets.
    Histogram,
}

impl Kind {
    /// The word in the documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it counts in.
    pub unit: Unit,
    /// Its labels, comma-separated.
    pub labels: &'static str,
    /// What it says.
    pub help: &'static str,
}

const fn metric(
    name: &'static str,
    kind: Kind,
    unit: Unit,
    labels: &'static str,
    help: &'static str,
) -> Metric {
    Metric { name, kind, unit, labels, help }
}

use Kind::{Counter, Gauge, Histogram};
use Unit::{Bytes, Count, Seconds};

/// Every metric, the live side's included.
pub const ALL: &[Metric] = &[
    metric(
        "palio_http_requests_total",
        Counter,
        Count,
        "route, status",
        "HTTP requests answered, by route and class of status.",
    ),
    metric(
        "palio_http_request_seconds",
        Histogram,
        Seconds,
        "route",
        "Time to answer an HTTP request.",
    ),
    metric(
        "palio_wallet_commands_total",
        Counter,
        Count,
        "kind, outcome",
        "Wallet commands answered: ok, replay, refused or failed.",
    ),
    metric(
        "palio_wallet_command_seconds",
        Histogram,
        Seconds,
        "",
        "Time to answer a wallet command, its commit included.",
    ),
    metric("palio_bets_total", Counter, Count, "", "Bets accepted."),
    metric("palio_bets_voided_total", Counter, Count, "", "Bets rolled back."),
    metric("palio_bets_refused_total", Counter, Count, "code", "Bets refused, by error code."),
    metric("palio_bets_open", Gauge, Count, "", "Bets whose result has not come."),
    metric(
        "palio_bets_overdue",
        Gauge,
        Count,
        "",
        "Open bets whose result is overdue by their provider's profile.",
    ),
    metric(
        "palio_settlements_total",
        Counter,
        Count,
        "",
        "Settlements done: one per player and round.",
    ),
    metric(
        "palio_settle_lag_seconds",
        Histogram,
        Seconds,
        "",
        "From a bet's row to the row of its settlement.",
    ),
    metric(
        "palio_deposits_total",
        Counter,
        Count,
        "outcome",
        "Deposits answered: ok, replay, refused or failed.",
    ),
    metric(
        "palio_provider_calls_total",
        Counter,
        Count,
        "provider, outcome",
        "Wallet commands of a provider: ok, refused, failed, late or turned away.",
    ),
    metric(
        "palio_provider_state",
        Gauge,
        Count,
        "provider",
        "What a provider's bets meet: 0 active, 1 maintenance, 2 off.",
    ),
    metric(
        "palio_provider_breaker",
        Gauge,
        Count,
        "provider",
        "A provider's circuit breaker: 0 closed, 1 half open, 2 open.",
    ),
    metric(
        "palio_provider_checks_total",
        Counter,
        Count,
        "provider, outcome",
        "Questions to a provider's health address: ok or failed.",
    ),
    metric("palio_commit_batch_rows", Histogram, Count, "", "Rows in one commit."),
    metric("palio_commit_seconds", Histogram, Seconds, "", "Time of one commit in the store."),
    metric("palio_commits_total", Counter, Count, "outcome", "Commits tried, by how they ended."),
    metric("palio_journal_rows_total", Counter, Count, "", "Rows committed to the journal."),
    metric(
        "palio_key_filters_partial",
        Gauge,
        Count,
        "",
        "Core threads that still read the journal's keys, and look up every key meanwhile.",
    ),
    metric("palio_wallets_awake", Gauge, Count, "", "Wallets in memory."),
    metric("palio_commands_in_flight", Gauge, Count, "", "Commands admitted and not yet answered."),
    metric(
        "palio_admission_refused_total",
        Counter,
        Count,
        "class",
        "Commands refused since the server was full: bet, other, result, or body (being read).",
    ),
    metric(
        "palio_search_lag_rows",
        Gauge,
        Count,
        "",
        "Committed rows that the search has not taken in yet.",
    ),
    metric(
        "palio_search_seconds",
        Histogram,
        Seconds,
        "",
        "Time of one page of a transaction search.",
    ),
    metric(
        "palio_follower_lag_rows",
        Gauge,
        Count,
        "",
        "Committed rows that standings have not seen yet.",
    ),
    metric("palio_schedules_running", Gauge, Count, "", "Schedules that are not stopped."),
    metric(
        "palio_schedule_instances_total",
        Counter,
        Count,
        "outcome",
        "Instances of schedules decided: announced, late, missed or refused.",
    ),
    metric(
        "palio_schedule_delay_seconds",
        Histogram,
        Seconds,
        "",
        "From when an instance was to be announced until it was.",
    ),
    metric(
        "palio_schedule_notices_total",
        Counter,
        Count,
        "outcome",
        "Notices of schedules that were due: noted, sent, failed or stale.",
    ),
    metric(
        "palio_prizes_paid_total",
        Counter,
        Count,
        "",
        "Lines of payouts that wallets have carried out.",
    ),
    metric(
        "palio_payments_total",
        Counter,
        Count,
        "outcome",
        "Attempts at payment services: paid, failed, refused.",
    ),
    metric(
        "palio_tournaments_unsaved_total",
        Counter,
        Count,
        "",
        "Times the standings were not saved, since one tournament's could not be.",
    ),
    metric("palio_tournaments_active", Gauge, Count, "", "Tournaments that are running."),
    metric("palio_redis_up", Gauge, Count, "", "Whether Redis answers: 1 or 0."),
    metric(
        "palio_redis_errors_total",
        Counter,
        Count,
        "of",
        "Calls to Redis that failed, by what for.",
    ),
    metric(
        "palio_redis_entries_total",
        Counter,
        Count,
        "kind",
        "Entries written for edges: whole, step or proof.",
    ),
    metric(
        "palio_redis_boards_skipped_total",
        Counter,
        Count,
        "",
        "Boards that edges were not given one by one, since newer ones came meanwhile.",
    ),
    metric(
        "palio_redis_write_lag_seconds",
        Histogram,
        Seconds,
        "",
        "From a board's publication until Redis has it.",
    ),
    metric(
        "palio_edge_entries_total",
        Counter,
        Count,
        "was",
        "Entries that an edge has read: whole, step, proof, known, gap or damaged.",
    ),
    metric("palio_edge_boards", Gauge, Count, "", "Tournaments that an edge follows."),
    metric(
        "palio_edge_stale",
        Gauge,
        Count,
        "",
        "Whether an edge has lost touch with its core: 1 or 0.",
    ),
    metric(
        "palio_edge_lag_seconds",
        Histogram,
        Seconds,
        "",
        "From a board's publication by the core until an edge shows it.",
    ),
    metric(
        "palio_edge_own_rows_total",
        Counter,
        Count,
        "outcome",
        "Own rows that an edge asked its core for: ok, refused, failed or put_off.",
    ),
    metric(
        "palio_ws_sockets",
        Gauge,
        Count,
        "",
        "Open sockets and event streams, those in their closing handshake included.",
    ),
    metric("palio_ws_frames_sent_total", Counter, Count, "", "Frames begun to be sent to sockets."),
    metric("palio_ws_bytes_sent_total", Counter, Bytes, "", "Bytes written to sockets."),
    metric(
        "palio_ws_resyncs_total",
        Counter,
        Count,
        "kind",
        "Clients brought up to date: by a resume, a snapshot for a lost base, or a merged delta.",
    ),
    metric("palio_ws_closed_total", Counter, Count, "code", "Sockets that ended, by close code."),
    metric(
        "palio_tls_handshakes_failed_total",
        Counter,
        Count,
        "",
        "TLS handshakes that failed or took too long.",
    ),
];

/// Bounds of histograms in seconds: fine below the promised times (100 ms to be settled, 150 ms
/// to be seen), coarse above; the last ones are for bets that stay open.
const SECONDS: [f64; 18] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0, 60.0, 300.0,
];

/// Bounds of histograms in rows.
const ROWS: [f64; 12] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0];

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_rows".to_owned()), &ROWS)
}

/// Starts recording for the whole process; `render` of the handle gives what `/metrics` answers.
///
/// # Errors
/// When something records already.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    let handle = builder()?.install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    for &Metric { name, kind, unit, help, .. } in ALL {
        match kind {
            Counter => metrics::describe_counter!(name, unit, help),
            Gauge => metrics::describe_gauge!(name, unit, help),
            Histogram => metrics::describe_histogram!(name, unit, help),
        }
    }
}

/// Keeps histograms small while nobody asks for them; never returns.
pub async fn upkeep(handle: PrometheusHandle) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn unit(unit: Unit) -> &'static str {
        match unit {
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            _ => "count",
        }
    }

    #[test]
    fn the_document_has_every_metric_and_no_other() {
        let document = include_str!("../docs/metrics.md");
        let rows: Vec<_> = document.lines().filter(|line| line.starts_with("| `")).collect();
        let expected: Vec<_> = ALL
            .iter()
            .map(|metric| {
                let Metric { name, labels, help, .. } = metric;
                let labels = if labels.is_empty() { "–" } else { labels };
                let kind = metric.kind.as_str();
                format!("| `{name}` | {kind} | {} | {labels} | {help} |", unit(metric.unit))
            })
            .collect();
        assert_eq!(rows, expected, "docs/metrics.md should have:\n{}", expected.join("\n"));
    }

    #[test]
    fn names_say_what_they_are_and_never_whose() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let name = metric.name;
            assert!(name.starts_with("palio_"), "{name}");
            assert_eq!(metric.kind == Counter, name.ends_with("_total"), "{name}");
            assert_eq!(metric.unit == Seconds, name.ends_with("_seconds"), "{name}");
            for id in ["player", "tournament", "bet", "round", "id"] {
                let labels: Vec<_> = metric.labels.split(", ").collect();
                assert!(!labels.contains(&id), "{name}");
            }
        }
    }

    #[test]
    fn histograms_are_buckets_not_summaries() {
        let recorder = builder().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::histogram!("palio_commit_seconds").record(0.003);
            metrics::histogram!("palio_commit_batch_rows").record(7.0);
            metrics::counter!("palio_commits_total", "outcome" => "ok").increment(1);
        });
        handle.run_upkeep();
        let text = handle.render();
        assert!(text.contains("# TYPE palio_commit_seconds histogram"), "{text}");
        assert!(text.contains("palio_commit_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("palio_commit_batch_rows_bucket{le=\"10\"} 1"), "{text}");
        assert!(text.contains("palio_commits_total{outcome=\"ok\"} 1"), "{text}");
        assert!(text.contains("# HELP palio_commits_total Commits tried"), "{text}");
    }
}
