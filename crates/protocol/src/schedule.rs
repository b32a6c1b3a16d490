//! Schedules: the document that sets one, and how operators see it.
//!
//! The document is one object: the fields of `docs/tournaments/schedule.md`, and beside them
//! `tournament`, the body of `POST /api/tournaments` without what the schedule says itself. The
//! configuration has the same in TOML.

use crate::error_code::ErrorCode;
use crate::field::{FieldError, Text};
use crate::problem::ProblemLine;
use crate::time;
use crate::tournament::{CreateTournament, ParsedTournament};
use palio_domain::UnixMs;
use palio_domain::tournament::schedule::entity::{Decided, Document, Outcome, Programme};
use palio_domain::tournament::schedule::{
    CatchUp, Instance, Length, Missed, Plan, Problem, Reminder, Schedule, ScheduleId, When,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Where the tournament stands in the document.
const TOURNAMENT: &str = "tournament";
/// What stands before a field of the tournament in a schedule's document.
pub const INSIDE: &str = "tournament.";
/// What a tournament must leave to its schedule.
const SAID_BY_SCHEDULE: [&str; 4] = ["id", "startsAt", "endsAt", "registrationOpensAt"];
/// A server is not awake at the very millisecond: what is later than this much is late.
const LATE_AFTER_MS_MIN: i64 = 1_000;

/// Reads a document; where it names no zone, `zone` is its zone. Of the tournament only that it is
/// there: what it says is for [`tournament`].
///
/// # Errors
/// Everything that is wrong with it, each with its field.
pub fn parse(document: &Value, zone: &str) -> Result<(Document, Plan), Vec<ProblemLine>> {
    let Value::Object(fields) = document else {
        return Err(vec![invalid("", "must be an object")]);
    };
    let mut fields = fields.clone();
    let mut lines = Vec::new();
    let tournament = fields.remove(TOURNAMENT);
    match &tournament {
        Some(Value::Object(of)) => {
            let said = SAID_BY_SCHEDULE.iter().filter(|name| of.contains_key(**name));
            let line = |name: &&str| {
                invalid(format!("{TOURNAMENT}.{name}"), "must be left out: the schedule says it")
            };
            lines.extend(said.map(line));
        }
        Some(_) => lines.push(invalid(TOURNAMENT, "must be an object")),
        None => lines.push(invalid(TOURNAMENT, "is missing")),
    }
    let schedule = match serde_json::from_value::<Schedule>(Value::Object(fields.clone())) {
        Ok(schedule) => schedule.in_zone(zone),
        Err(_) => {
            let found = what_is_wrong(&fields);
            lines.extend(found);
            return Err(lines);
        }
    };
    if schedule.late_after_ms < LATE_AFTER_MS_MIN {
        let message = format!("must be at least {LATE_AFTER_MS_MIN}");
        lines.push(ProblemLine::new("lateAfterMs", "OUT_OF_RANGE", message));
    }
    match (schedule.compile(), tournament) {
        (Ok(plan), Some(tournament)) if lines.is_empty() => {
            Ok((Document { schedule, tournament }, plan))
        }
        (Err(problems), _) => {
            // The one above is told once.
            lines.retain(|line| problems.iter().all(|problem| problem.field != line.field));
            lines.extend(problems.iter().map(line_of));
            Err(lines)
        }
        (Ok(_), _) => Err(lines),
    }
}

/// A problem of the schedule's rules as it is told.
#[must_use]
pub fn line_of(problem: &Problem) -> ProblemLine {
    ProblemLine::new(problem.field.as_str(), problem.code.as_str(), problem.message.as_str())
}

fn invalid(field: impl Into<String>, message: impl Into<String>) -> ProblemLine {
    ProblemLine::new(field, ErrorCode::InvalidField.code(), message)
}

/// What can't be read of a schedule that can't be read, field by field.
fn what_is_wrong(fields: &Map<String, Value>) -> Vec<ProblemLine> {
    let mut lines = Vec::new();
    for name in ["id", "when", "length"].iter().filter(|name| !fields.contains_key(**name)) {
        lines.push(invalid(*name, "is missing"));
    }
    for (name, value) in fields {
        let wrong = match name.as_str() {
            "id" => wrong_id(value),
            "when" => unreadable::<When>(name, value),
            "length" => unreadable::<Length>(name, value),
            "catchUp" => unreadable::<CatchUp>(name, value),
            "overlap" => unreadable::<bool>(name, value),
            "zone" => unreadable::<Option<String>>(name, value),
            "gapMs" | "lateAfterMs" => unreadable::<i64>(name, value),
            "announceBeforeMs" | "registrationBeforeMs" => unreadable::<Option<i64>>(name, value),
            "reminders" => match value {
                Value::Array(items) => {
                    let each = items.iter().enumerate();
                    lines.extend(each.filter_map(|(at, item)| {
                        unreadable::<Reminder>(&format!("reminders[{at}]"), item)
                    }));
                    None
                }
                _ => Some(invalid("reminders", "must be a list")),
            },
            _ => Some(invalid(shown(name), "is not a field of a schedule")),
        };
        lines.extend(wrong);
    }
    if lines.is_empty() {
        lines.push(invalid("", "can't be read"));
    }
    lines
}

fn wrong_id(value: &Value) -> Option<ProblemLine> {
    let Value::String(text) = value else { return Some(invalid("id", "must be a JSON string")) };
    ScheduleId::parse(text).err().map(|error| invalid("id", error.to_string()))
}

/// The name of a field that there is not, if it is a plain short word: whoever mistyped it looks for
/// it, and nothing else of what was sent is repeated.
fn shown(name: &str) -> &str {
    let is_plain = name.len() <= 24 && name.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_plain && !name.is_empty() { name } else { "?" }
}

/// What is wrong with a part. The reader's own words may repeat what was sent, so only the names
/// of fields and choices are taken from them.
fn unreadable<T: DeserializeOwned>(field: &str, value: &Value) -> Option<ProblemLine> {
    let words = serde_json::from_value::<T>(value.clone()).err()?.to_string();
    let named = |before: &str| {
        let name = words.strip_prefix(before)?.split('`').next()?;
        Some(format!("{field}.{}", shown(name)))
    };
    if let Some(missing) = named("missing field `") {
        return Some(invalid(missing, "is missing"));
    }
    if let Some(unknown) = named("unknown field `") {
        return Some(invalid(unknown, "is not a field here"));
    }
    if let Some((_, choices)) = words.split_once("expected one of ") {
        return Some(invalid(field, format!("must be one of {choices}")));
    }
    if matches!(value, Value::Object(_)) {
        return Some(invalid(field, "has a field that is not of its kind"));
    }
    Some(invalid(field, "is not of its kind"))
}

/// The tournament of an instance: the document's, with the instance's id and times.
///
/// # Errors
/// [`FieldError`] of the first field that is missing or wrong, as of `POST /api/tournaments`, its
/// field inside `tournament`.
pub fn tournament(
    document: &Document,
    instance: &Instance,
) -> Result<ParsedTournament, FieldError> {
    let body: Result<CreateTournament, _> = serde_json::from_value(document.tournament.clone());
    let mut body = body.map_err(|_| {
        FieldError::invalid(TOURNAMENT, "has a field that is not of its kind, or lists none")
    })?;
    body.id = Text::Given(instance.key.as_str().to_owned());
    body.starts_at = Text::Given(time::format(instance.starts));
    body.ends_at = Text::Given(time::format(instance.ends));
    body.registration_opens_at = Text::Given(time::format(instance.registration_opens));
    body.parse().map_err(|error| error.inside(TOURNAMENT))
}

/// A document's tournament with an instance of another schedule, to look at the tournament where
/// the schedule is not good. `None` if the document has none.
#[must_use]
pub fn trial(document: &Value, now: UnixMs) -> Option<(Document, Instance)> {
    let tournament = document.get(TOURNAMENT).filter(|value| value.is_object())?.clone();
    let any = serde_json::json!({
        "id": "trial", "zone": "UTC", "when": {"type": "instant"},
        "length": {"type": "fixed", "ms": 3_600_000},
    });
    let schedule: Schedule = serde_json::from_value(any).ok()?;
    let instance = schedule.compile().ok()?.start_by_hand(now)?;
    Some((Document { schedule, tournament }, instance))
}

/// A problem of a tournament's definition as it is told.
#[must_use]
pub fn line_inside(field: &str, message: &str) -> ProblemLine {
    let code = ErrorCode::TournamentInvalid.code();
    ProblemLine::new(format!("{INSIDE}{field}"), code, message)
}

/// `POST /api/schedules/{id}/stop`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StopSchedule {
    /// Why; up to 500 characters, kept for ever.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "the season is over")]
    pub reason: Text,
}

/// `POST /api/schedules`: a schedule and the tournament it announces; see
/// docs/tournaments/schedule.md.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetSchedule {
    /// 1–48 of `a-z`, `0-9` and `-`.
    #[schema(example = "sunday-race")]
    pub id: String,
    /// Name in the time-zone database; the tenant's when not given.
    #[schema(example = "Europe/Berlin")]
    pub zone: Option<String>,
    /// `instant`, `once` with `at`, or `cron` with `expression`.
    #[schema(value_type = Object)]
    pub when: Value,
    /// `fixed` with `ms`, `until` with `time`, `calendar`, or `untilNext`.
    #[schema(value_type = Object)]
    pub length: Value,
    /// Pause between an end and the next start.
    pub gap_ms: Option<i64>,
    /// Whether an instance may still run when the next one starts.
    pub overlap: Option<bool>,
    /// How long before its start an instance is announced.
    pub announce_before_ms: Option<i64>,
    /// How long before its start it is open for registration.
    pub registration_before_ms: Option<i64>,
    /// Who is told when.
    #[schema(value_type = Option<Vec<Object>>)]
    pub reminders: Option<Value>,
    /// `latest`, `all` or `none`.
    pub catch_up: Option<String>,
    /// A start counts as late this long after its time.
    pub late_after_ms: Option<i64>,
    /// The body of `POST /api/tournaments` without `id`, `startsAt`, `endsAt` and
    /// `registrationOpensAt`.
    #[schema(value_type = Object)]
    pub tournament: Value,
}

/// A run of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledInstance {
    /// The tournament's id.
    #[schema(example = "sunday-race-20261025t2000")]
    pub tournament_id: String,
    /// What the clock in the schedule's zone shows at the start; of one started by hand, in UTC.
    #[schema(example = "2026-10-25T20:00")]
    pub local: String,
    /// When it starts.
    #[schema(example = "2026-10-25T19:00:00.000Z")]
    pub starts_at: String,
    /// When it ends.
    #[schema(example = "2026-10-25T20:00:00.000Z")]
    pub ends_at: String,
    /// From when players can join.
    #[schema(example = "2026-10-24T19:00:00.000Z")]
    pub registration_opens_at: String,
    /// When it is announced.
    #[schema(example = "2026-10-23T19:00:00.000Z")]
    pub announced_at: String,
    /// Whether the clock skips its local time, so that it starts right after the gap.
    pub is_moved: bool,
    /// Whether it ends sooner than its length says.
    pub is_shortened: bool,
    /// What became of it: `announced`, `late`, `missed` or `refused`; nothing of one to come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "announced")]
    pub outcome: Option<String>,
    /// Why it was missed (`ended`, `superseded`, `notCaughtUp`) or refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ended")]
    pub reason: Option<String>,
    /// How late it was announced after its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_ms: Option<i64>,
}

impl ScheduledInstance {
    /// One that is to come.
    #[must_use]
    pub fn planned(instance: &Instance) -> Self {
        Self {
            tournament_id: instance.key.as_str().to_owned(),
            local: instance.nominal.to_string(),
            starts_at: time::format(instance.starts),
            ends_at: time::format(instance.ends),
            registration_opens_at: time::format(instance.registration_opens),
            announced_at: time::format(instance.announced),
            is_moved: instance.is_moved,
            is_shortened: instance.is_shortened,
            outcome: None,
            reason: None,
            late_ms: None,
        }
    }

    /// One that was decided.
    #[must_use]
    pub fn decided(decided: &Decided) -> Self {
        let (reason, late_ms) = match &decided.outcome {
            Outcome::Announced {} => (None, None),
            Outcome::Late { late_ms } => (None, Some(*late_ms)),
            Outcome::Missed { reason } => (Some(missed(*reason).to_owned()), None),
            Outcome::Refused { reason } => (Some(reason.clone()), None),
        };
        let outcome = Some(decided.outcome.as_str().to_owned());
        Self { outcome, reason, late_ms, ..Self::planned(&decided.instance) }
    }
}

const fn missed(reason: Missed) -> &'static str {
    match reason {
        Missed::Ended => "ended",
        Missed::Superseded => "superseded",
        Missed::NotCaughtUp => "notCaughtUp",
    }
}

/// A schedule as operators see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleResponse {
    /// Its id.
    #[schema(example = "sunday-race")]
    pub id: String,
    /// `running` or `stopped`.
    #[schema(example = "running")]
    pub state: String,
    /// How often it was set.
    #[schema(example = 1)]
    pub version: u64,
    /// Who set this version, or stopped it.
    #[schema(example = "anna")]
    pub by: String,
    /// When.
    #[schema(example = "2026-10-20T10:00:00.000Z")]
    pub since: String,
    /// Why it was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was set: the document as a whole.
    #[schema(value_type = Object)]
    pub document: Value,
    /// Starts up to here are decided.
    #[schema(example = "2026-10-25T19:00:00.000Z")]
    pub decided_through: String,
    /// What comes next, as it would be; nothing while it is stopped.
    pub next: Vec<ScheduledInstance>,
    /// What was decided last, the newest first.
    pub recent: Vec<ScheduledInstance>,
    /// What nobody won and waits for the next tournament, one amount per currency.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["12.50 EUR"]))]
    pub waiting: Vec<String>,
}

impl ScheduleResponse {
    /// A schedule with its next instances after `now`, at most `next` of them.
    #[must_use]
    pub fn new(programme: &Programme, now: UnixMs, next: usize) -> Self {
        let Programme { document, stopped, .. } = programme;
        let plan = programme.plan().ok().filter(|_| stopped.is_none());
        let decided = |instance: &Instance| programme.open.contains_key(&instance.key);
        let planned = plan.iter().flat_map(|plan| plan.instances(now).take(next));
        let planned = planned.map(|instance| {
            let outcome = decided(&instance).then(|| "announced".to_owned());
            ScheduledInstance { outcome, ..ScheduledInstance::planned(&instance) }
        });
        Self {
            id: document.schedule.id.as_str().to_owned(),
            state: if stopped.is_some() { "stopped" } else { "running" }.to_owned(),
            version: programme.version,
            by: stopped.as_ref().map_or(&programme.by, |of| &of.by).clone(),
            since: time::format(stopped.as_ref().map_or(programme.since, |of| of.at)),
            reason: stopped.as_ref().map(|of| of.reason.clone()),
            document: whole(document),
            decided_through: time::format(programme.decided_through),
            next: planned.collect(),
            recent: programme.recent.iter().rev().map(ScheduledInstance::decided).collect(),
            waiting: Vec::new(),
        }
    }
}

/// The document as it could be set again.
#[must_use]
pub fn whole(document: &Document) -> Value {
    let mut whole = serde_json::to_value(&document.schedule).unwrap_or_default();
    if let Value::Object(fields) = &mut whole {
        fields.retain(|_, value| !value.is_null());
        fields.insert(TOURNAMENT.to_owned(), document.tournament.clone());
    }
    whole
}

/// Answer of `GET /api/schedules`, by id.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SchedulesResponse {
    /// All of them.
    pub schedules: Vec<ScheduleResponse>,
}

/// Answer of `POST /api/schedules/{id}/start`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StartedResponse {
    /// The instance that was started, now or by the first click of this minute.
    pub instance: ScheduledInstance,
}

#[cfg(test)]
mod tests;
