//! What is counted of every request and command.
//!
//! Finding a metric by name and labels costs more than counting, so each thread finds a metric
//! once and keeps its handle. Routes and kinds are few and known, so these maps stay small.

use super::run::Done;
use crate::actors::handle::Reply;
use metrics::{Counter, Histogram, counter, histogram};
use palio_domain::wallet::{Command, Event};
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

/// Classes of HTTP status.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

struct Route {
    by_class: [Counter; CLASSES.len()],
    seconds: Histogram,
}

impl Route {
    fn new(route: &str) -> Self {
        let requests = |class: &'static str| {
            let route = route.to_owned();
            counter!("palio_http_requests_total", "route" => route, "status" => class)
        };
        Self {
            by_class: CLASSES.map(requests),
            seconds: histogram!("palio_http_request_seconds", "route" => route.to_owned()),
        }
    }
}

struct Commands {
    by_outcome: HashMap<(&'static str, &'static str), Counter>,
    seconds: Histogram,
    bets: Counter,
    settlements: Counter,
    settle_lag: Histogram,
}

impl Default for Commands {
    fn default() -> Self {
        Self {
            by_outcome: HashMap::new(),
            seconds: histogram!("palio_wallet_command_seconds"),
            bets: counter!("palio_bets_total"),
            settlements: counter!("palio_settlements_total"),
            settle_lag: histogram!("palio_settle_lag_seconds"),
        }
    }
}

thread_local! {
    static ROUTES: RefCell<HashMap<String, Route>> = RefCell::default();
    static COMMANDS: RefCell<Commands> = RefCell::default();
}

/// Counts and times an answered request.
pub(super) fn request(route: &str, status: u16, started: Instant) {
    ROUTES.with_borrow_mut(|routes| {
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), Route::new(route));
        }
        let Some(counts) = routes.get(route) else { return };
        let [ok, moved, refused, failed] = &counts.by_class;
        let class = match status {
            200..300 => ok,
            300..400 => moved,
            400..500 => refused,
            _ => failed,
        };
        class.increment(1);
        counts.seconds.record(started.elapsed().as_secs_f64());
    });
}

/// Counts and times an answered command.
pub(super) fn command(command: &Command, reply: &Reply, done: &Done, started: Instant) {
    let outcome = match done {
        Done::Ok(_) => "ok",
        Done::Replay(_) => "replay",
        Done::Not(problem) if problem.status >= 500 => "failed",
        Done::Not(_) => "refused",
    };
    let kind = command.name();
    COMMANDS.with_borrow_mut(|counts| {
        let found = counts.by_outcome.entry((kind, outcome));
        let found = found.or_insert_with(
            || counter!("palio_wallet_commands_total", "kind" => kind, "outcome" => outcome),
        );
        found.increment(1);
        counts.seconds.record(started.elapsed().as_secs_f64());
        match (command, done) {
            (Command::PlaceBet { .. } | Command::Play { .. }, Done::Ok(_)) => {
                counts.bets.increment(1);
            }
            (Command::PlaceBet { .. } | Command::Play { .. }, Done::Not(problem)) => {
                counter!("palio_bets_refused_total", "code" => problem.code.clone()).increment(1);
            }
            (Command::Rollback { .. }, Done::Ok(_)) => {
                counter!("palio_bets_voided_total").increment(1);
            }
            (Command::Deposit { .. }, _) => {
                counter!("palio_deposits_total", "outcome" => outcome).increment(1);
            }
            (Command::SettleRound { .. } | Command::SettleBets { .. }, Done::Ok(_)) => {
                counts.settlements.increment(1);
                if let Reply::Done(row) = reply
                    && let Ok(Event::BetSettled(settled)) = Event::from_row(row)
                {
                    let ms = i32::try_from(row.time.since_ms(settled.started)).unwrap_or(i32::MAX);
                    counts.settle_lag.record(f64::from(ms) / 1000.0);
                }
            }
            _ => {}
        }
    });
}
