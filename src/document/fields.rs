//! The fields of an announcement, by the reader that `POST /api/tournaments` has.
//!
//! That reader stops at the first field that is wrong. Here what is wrong is noted, a value that
//! can't be wrong is put in its place, and it reads again: so every field is judged, by the same
//! code. What was put in is not judged.

use super::{Problem, code, find, join, rule, sense, table, unreadable, without_unknown};
use crate::http::definition_of;
use palio_protocol::tournament::{CreateTournament, ParsedTournament};
use palio_protocol::{FieldError, time};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// After so many wrong values the rest is not looked at: each is a reading of the whole document.
const ROUNDS_MAX: usize = 200;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Everything wrong with the fields by themselves and together, added to what is known of their
/// shape.
pub(super) fn problems(document: &Value, problems: &mut Vec<Problem>) {
    let mut left = without_unknown(document, problems);
    if !left.is_object() {
        return;
    }
    let mut mended = Mended::default();
    for problem in problems.iter().filter(|problem| problem.code != code::FIELD_UNKNOWN) {
        mended.mend(&mut left, &problem.field, false);
    }
    if let Some(prizes) = left.get("prizeTable").filter(|value| !value.is_null()).cloned() {
        let before = problems.len();
        table("prizeTable", &prizes, problems);
        if problems.iter().skip(before).any(Problem::is_error) {
            mended.mend(&mut left, "prizeTable", true);
        }
    }
    let Some(parsed) = read(&mut left, &mut mended, problems) else { return };
    let rules = parsed.rules.clone();
    let times = (parsed.starts, parsed.ends);
    if let Err(found) = definition_of(parsed).validate() {
        let found = found.into_iter().map(rule).map(|found| renamed(document, found));
        problems.extend(found.filter(|found| !mended.has(&found.field)));
    }
    let mut about = Vec::new();
    let is_timed = !mended.has("startsAt") && !mended.has("endsAt");
    sense::rules(&rules, Some(times).filter(|_| is_timed), &mut about);
    sense::places(document, &mut about);
    problems.extend(about.into_iter().filter(|found| !mended.has(&found.field)));
}

/// Reads, mends and reads again until nothing is wrong.
fn read(
    left: &mut Value,
    mended: &mut Mended,
    problems: &mut Vec<Problem>,
) -> Option<ParsedTournament> {
    for _ in 0..ROUNDS_MAX {
        let fields = match serde_json::from_value::<CreateTournament>(left.clone()) {
            Ok(fields) => fields,
            Err(error) => {
                problems.push(unreadable("", &error));
                return None;
            }
        };
        match fields.parse() {
            Ok(parsed) => return Some(parsed),
            Err(error) => {
                let FieldError { field, code, message } = error;
                // What is wrong with a value that was put in is not the document's fault.
                let is_told = mended.fields.contains(&field);
                let is_new = mended.mend(left, &field, true);
                if !is_told {
                    problems.push(Problem::error(code.code(), field, message));
                }
                if !is_new {
                    return None;
                }
            }
        }
    }
    None
}

/// What was put in the place of something wrong.
#[derive(Default)]
struct Mended {
    /// As they were named.
    fields: BTreeSet<String>,
    /// The fields of the document that they are, or are part of.
    bases: BTreeSet<String>,
}

impl Mended {
    /// Whether the field, or what it is part of, is not what the document says.
    fn has(&self, field: &str) -> bool {
        let base = base(field);
        self.bases.contains(base)
    }

    /// Puts something good in the place of a field; `false`: that did not help before.
    /// `has_shape`: it is of the right kind, and only its value is wrong.
    fn mend(&mut self, document: &mut Value, field: &str, has_shape: bool) -> bool {
        let base = base(field).to_owned();
        self.fields.insert(field.to_owned());
        self.bases.insert(base.clone());
        // Rules and tables are read as a whole.
        let in_parts = !matches!(base.as_str(), "rules" | "prizeTable");
        if in_parts && field != base && mend_part(document, field, has_shape) {
            return true;
        }
        let before = document.clone();
        let good = good(document, &base);
        let Value::Object(fields) = document else { return false };
        match good {
            Some(good) => fields.insert(base.clone(), good),
            None => fields.remove(&base),
        };
        // Rules that are said twice are taken out on one side.
        if before == *document && base == "minStake" {
            for same in ["pointsPer", "games"] {
                self.mend(document, same, has_shape);
            }
        }
        if matches!(base.as_str(), "rules" | "template") && fields_custom(document) {
            let metric = good_metric(document);
            if let Value::Object(fields) = document {
                fields.insert("metric".to_owned(), metric);
            }
        }
        before != *document
    }
}

fn base(field: &str) -> &str {
    field.split(['.', '[']).next().unwrap_or(field)
}

/// Puts something good in the place of one entry of a list, or takes one field out of its part;
/// `false`: that is done already, or there is nothing.
fn mend_part(document: &mut Value, field: &str, has_shape: bool) -> bool {
    if field.ends_with(']') {
        let good = if base(field) == "prizes" { json!("0") } else { json!("XX") };
        match find(document, field) {
            Some(item) if *item != good => *item = good,
            _ => return false,
        }
        return true;
    }
    let Some((parent, name)) = field.rsplit_once('.') else { return false };
    // Texts of the right kind within parts are amounts.
    if let Some(Value::String(text)) = find(document, field)
        && has_shape
        && text != "0"
    {
        "0".clone_into(text);
        return true;
    }
    let fields = find(document, parent).and_then(Value::as_object_mut);
    fields.is_some_and(|fields| fields.remove(name).is_some())
}

fn fields_custom(document: &Value) -> bool {
    document.get("metric").is_some_and(|metric| metric == "custom")
}

/// A metric that goes with the other fields.
fn good_metric(document: &Value) -> Value {
    let given = |field: &str| document.get(field).is_some_and(|value| !value.is_null());
    let of_its_own = given("rules") || given("template");
    if of_its_own { json!("custom") } else { json!("turnover") }
}

/// What a field that must be there can be, whatever else the document says.
fn good(document: &Value, field: &str) -> Option<Value> {
    let at = |field: &str| {
        let text = document.get(field).and_then(Value::as_str);
        text.and_then(|text| time::parse(text).ok())
    };
    let moved = |field: &str, by: i64, other: &str| {
        let at = at(field).map(|at| time::format(at.plus_ms(by)));
        Value::from(at.unwrap_or_else(|| other.to_owned()))
    };
    match field {
        "id" | "name" => Some(json!("x")),
        "metric" => Some(good_metric(document)),
        // With as many decimals as points have, so that amounts are not judged too strictly.
        "currency" => Some(json!("USDT")),
        "startsAt" => Some(moved("endsAt", -DAY_MS, "2000-01-01T00:00:00.000Z")),
        "endsAt" => Some(moved("startsAt", DAY_MS, "2000-01-02T00:00:00.000Z")),
        _ => None,
    }
}

/// Rules are checked as such also where the document says them in fields of its own.
fn renamed(document: &Value, mut found: Problem) -> Problem {
    if document.get("rules").is_some_and(|rules| !rules.is_null()) {
        return found;
    }
    let template = document.get("template").is_some_and(|name| !name.is_null());
    let own = match found.field.as_str() {
        field if template && field.starts_with("rules.") => "template",
        "rules.counts.stakeMin" => "minStake",
        "rules.counts.games" => "games",
        field if field.starts_with("rules.score.terms") => "pointsPer",
        _ => return found,
    };
    found.field = join("", own);
    found
}
