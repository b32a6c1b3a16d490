//! Rows about single schedules; what holds for all zones is in `crates/domain/tests/schedule/`.

mod catch_up;
mod entity;
mod refusals;
mod starts;

use super::{Instance, Plan, Schedule};
use crate::time::UnixMs;
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The instant of `2027-03-28T01:00` or `…T01:00:30.500`, UTC.
fn utc(text: &str) -> UnixMs {
    let at: jiff::civil::DateTime = text.parse().unwrap();
    UnixMs(jiff::tz::Offset::UTC.to_timestamp(at).unwrap().as_millisecond())
}

fn shown(at: UnixMs) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap();
    at.to_string().trim_end_matches(":00Z").to_owned()
}

/// A schedule in JSON: a daily hour in Berlin, with `change` laid over it.
fn written(change: Value) -> Value {
    let mut schedule = json!({
        "id": "race",
        "zone": "Europe/Berlin",
        "when": {"type": "cron", "expression": "0 18 * * *"},
        "length": {"type": "fixed", "ms": HOUR},
    });
    for (field, value) in change.as_object().unwrap() {
        schedule[field] = value.clone();
    }
    schedule
}

fn schedule(change: Value) -> Schedule {
    serde_json::from_value(written(change)).unwrap()
}

fn plan(change: Value) -> Plan {
    schedule(change).compile().unwrap()
}

fn cron(zone: &str, expression: &str, length: Value) -> Plan {
    let when = json!({"type": "cron", "expression": expression});
    plan(json!({"zone": zone, "when": when, "length": length, "overlap": true}))
}

fn starts(plan: &Plan, after: &str, count: usize) -> Vec<String> {
    plan.occurrences(utc(after)).take(count).map(|start| shown(start.starts)).collect()
}

fn first(plan: &Plan, after: &str) -> Instance {
    plan.instances(utc(after)).next().unwrap()
}
