//! Metrics: every one with its unit and help text, in one table (requirement O1).

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// Name, kind, labels, help. Never a player or tournament as a label. `docs/metrics.md` has the
/// same list; `tests/tidy.rs` compares.
pub const ALL: &[(&str, Kind, &str, &str)] = &[
    ("palio_http_requests_total", Kind::Counter, "route, status", "HTTP requests answered"),
    ("palio_http_request_seconds", Kind::Histogram, "route", "Time to answer an HTTP request"),
    ("palio_wallet_commands_total", Kind::Counter, "kind, outcome", "Wallet commands answered"),
    ("palio_wallet_command_seconds", Kind::Histogram, "", "Wallet command, commit included"),
    ("palio_bets_total", Kind::Counter, "", "Bets accepted"),
    ("palio_bets_voided_total", Kind::Counter, "", "Bets rolled back"),
    ("palio_bets_refused_total", Kind::Counter, "code", "Bets refused"),
    ("palio_settlements_total", Kind::Counter, "", "Settlements done"),
    ("palio_settle_lag_seconds", Kind::Histogram, "", "From a bet to its settlement"),
    ("palio_deposits_total", Kind::Counter, "outcome", "Deposits answered"),
    ("palio_commit_batch_rows", Kind::Histogram, "", "Rows per commit"),
    ("palio_commit_seconds", Kind::Histogram, "", "Time of one commit"),
    ("palio_commits_total", Kind::Counter, "outcome", "Commits tried"),
    ("palio_journal_rows_total", Kind::Counter, "", "Rows written"),
    ("palio_wallets_awake", Kind::Gauge, "", "Wallets in memory"),
    ("palio_commands_in_flight", Kind::Gauge, "", "Commands not yet answered"),
    ("palio_admission_refused_total", Kind::Counter, "class", "Commands refused: node full"),
    ("palio_follower_lag_rows", Kind::Gauge, "", "Committed rows the folds have not seen"),
    ("palio_tournaments_active", Kind::Gauge, "", "Tournaments that are running"),
];

/// Starts recording.
///
/// # Errors
/// When a recorder is there already.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    let seconds = [
        0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
        30.0, 60.0, 300.0,
    ];
    let rows = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &seconds)?
        .set_buckets_for_metric(Matcher::Suffix("_rows".into()), &rows)?
        .install_recorder()?;
    for (name, kind, _, help) in ALL {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *help),
            Kind::Gauge => metrics::describe_gauge!(*name, *help),
            Kind::Histogram => metrics::describe_histogram!(*name, *help),
        }
    }
    crate::ws::describe_metrics();
    Ok(handle)
}
