//! The static check of what operators write about tournaments: everything that is wrong, before
//! anything is published.
//!
//! ```text
//! text ──source──▶ value + positions ──shape (the published schema)──▶ fields ──▶ rules, table, …
//!                                            every stage adds its problems; none stops at the first
//! ```
//! **Invariants:** a document without errors is one that `POST /api/tournaments` takes (but for
//! what others did before it, such as its id); a problem is told once. **Never:** the store,
//! clocks. Tests: `tests/documents.rs`.

mod fields;
mod sense;
mod shape;
pub mod source;

pub use palio_domain::tournament::prizes::Severity;

use palio_domain::Currency;
use palio_domain::tournament::prizes::PrizeTable;
use palio_domain::tournament::schedule::Schedule;
use palio_protocol::ErrorCode;
use palio_protocol::templates::Template;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The published schema, as `GET /api/tournaments/schema.json` answers it.
pub const SCHEMA: &str = include_str!("../../docs/tournaments/tournament.schema.json");

/// Something about a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DocumentProblem)]
pub struct Problem {
    /// `error`: it can't be published; `warning`: it can, but look at it.
    #[schema(value_type = String, example = "error")]
    pub severity: Severity,
    /// What kind of problem, stable; see docs/tournaments/documents.md.
    #[schema(example = "TOTAL_MISMATCH")]
    pub code: &'static str,
    /// The field, such as `prizeTable.bands[2].to`; empty for the document itself.
    #[schema(example = "prizeTable.total")]
    pub field: String,
    /// What is wrong, for a person; may change.
    pub message: String,
}

impl Problem {
    fn error(code: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        Self { severity: Severity::Error, code, field, message }
    }

    fn warning(code: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, field, message) }
    }

    /// Whether it stops the document.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Codes of the check itself; prize tables, schedules and single fields have their own.
pub(crate) mod code {
    /// Not JSON or TOML.
    pub(crate) const SYNTAX: &str = "SYNTAX";
    /// A field is there twice.
    pub(crate) const FIELD_TWICE: &str = "FIELD_TWICE";
    /// Nobody reads a field of this name.
    pub(crate) const FIELD_UNKNOWN: &str = "FIELD_UNKNOWN";
    /// A field is not there that must be.
    pub(crate) const FIELD_MISSING: &str = "FIELD_MISSING";
    /// Not of the kind or not one of the words that the field takes.
    pub(crate) const FIELD_INVALID: &str = "INVALID_FIELD";
    /// Equal scores would stand by the player's number.
    pub(crate) const TIES_NOT_TOTAL: &str = "TIES_NOT_TOTAL";
    /// A part of the season that no round can be in.
    pub(crate) const PART_OUTSIDE: &str = "PART_OUTSIDE";
    /// The rules count fewer rounds than they ask for.
    pub(crate) const NOBODY_PAID: &str = "NOBODY_PAID";
    /// More places win than there are seats.
    pub(crate) const PLACES_OVER_SEATS: &str = "PLACES_OVER_SEATS";
}

/// What a document is about, by the fields that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tournament,
    Template,
    PrizeTable,
    Schedule,
}

impl Kind {
    fn of(document: &Value) -> Self {
        let has = |field: &str| document.get(field).is_some();
        let announced = ["id", "metric", "startsAt", "endsAt", "template"].into_iter().any(has);
        if has("when") || has("length") {
            Self::Schedule
        } else if !announced && has("rules") {
            Self::Template
        } else if !announced && (has("bands") || has("satellite")) {
            Self::PrizeTable
        } else {
            Self::Tournament
        }
    }

    const fn definition(self) -> &'static str {
        match self {
            Self::Tournament => "Tournament",
            Self::Template => "Template",
            Self::PrizeTable => "PrizeTable",
            Self::Schedule => "Schedule",
        }
    }
}

/// Everything to say about a document: an announcement, a template, a prize table or a schedule.
/// In the order in which its parts are looked at; [`source::Source::at`] says where each is.
#[must_use]
pub fn problems(document: &Value) -> Vec<Problem> {
    let kind = Kind::of(document);
    let mut problems = shape::problems(kind.definition(), document);
    let misshapen = problems.iter().any(|problem| problem.code != code::FIELD_UNKNOWN);
    match kind {
        Kind::Tournament => fields::problems(document, &mut problems),
        _ if misshapen => {}
        Kind::Template => template(document, &mut problems),
        Kind::PrizeTable => table("", document, &mut problems),
        Kind::Schedule => schedule(document, &mut problems),
    }
    let mut told = std::collections::HashSet::new();
    problems.retain(|problem| told.insert((problem.field.clone(), problem.message.clone())));
    problems
}

/// A template by itself has no currency; it is judged as the ready ones are.
fn template(document: &Value, problems: &mut Vec<Problem>) {
    let known = without_unknown(document, problems);
    match serde_json::from_value::<Template>(known) {
        Ok(template) => {
            let found = template.rules.problems(Currency::EUR);
            problems.extend(found.into_iter().map(rule));
            sense::rules(&template.rules, None, problems);
        }
        Err(error) => problems.push(unreadable("", &error)),
    }
}

/// A prize table at `at`: the empty text, or `prizeTable`.
fn table(at: &str, document: &Value, problems: &mut Vec<Problem>) {
    match serde_json::from_value::<PrizeTable>(without_unknown(document, problems)) {
        Ok(table) => problems.extend(table.problems().into_iter().map(|found| Problem {
            severity: found.severity,
            code: found.code.as_str(),
            field: join(at, &found.path),
            message: found.message,
        })),
        Err(error) => problems.push(unreadable(at, &error)),
    }
}

fn schedule(document: &Value, problems: &mut Vec<Problem>) {
    let mut own = document.clone();
    let tournament = own.as_object_mut().and_then(|fields| fields.remove("tournament"));
    if let Some(Value::Object(mut announced)) = tournament {
        // Each instance brings these itself.
        let brought = [
            ("id", "scheduled"),
            ("startsAt", "2000-01-01T00:00:00.000Z"),
            ("endsAt", "2000-01-02T00:00:00.000Z"),
        ];
        for (name, value) in brought {
            announced.insert(name.to_owned(), Value::from(value));
        }
        let mut found = Vec::new();
        fields::problems(&Value::Object(announced), &mut found);
        problems.extend(found.into_iter().map(|mut problem| {
            problem.field = join("tournament", &problem.field);
            problem
        }));
    }
    match serde_json::from_value::<Schedule>(without_unknown(&own, problems)) {
        // Where none is named, the tenant's zone is filled in: any will do here.
        Ok(schedule) => {
            let found = schedule.in_zone("UTC").compile().err().unwrap_or_default();
            let told = |found: palio_domain::tournament::schedule::Problem| {
                Problem::error(found.code.as_str(), found.field, found.message)
            };
            problems.extend(found.into_iter().map(told));
        }
        Err(error) => problems.push(unreadable("", &error)),
    }
}

/// A problem of the rules or of the definition as one of the document.
fn rule(found: palio_domain::tournament::Problem) -> Problem {
    Problem::error(ErrorCode::TournamentInvalid.code(), found.field, found.message)
}

/// What the schema takes and the reader does not: never, unless they differ.
fn unreadable(at: &str, error: &serde_json::Error) -> Problem {
    let text: String = error.to_string().chars().take(200).collect();
    Problem::error(code::FIELD_INVALID, at, format!("can't be read: {text}"))
}

fn join(at: &str, field: &str) -> String {
    match (at, field) {
        ("", field) => field.to_owned(),
        (at, "") => at.to_owned(),
        (at, field) => format!("{at}.{field}"),
    }
}

/// The document without the unknown fields that are told already, so that the rest is still read.
/// Their paths may begin above it: only their last parts are taken out, wherever they are.
fn without_unknown(document: &Value, problems: &[Problem]) -> Value {
    let unknown = problems.iter().filter(|problem| problem.code == code::FIELD_UNKNOWN);
    let paths: Vec<_> = unknown.map(|problem| problem.field.as_str()).collect();
    let mut left = document.clone();
    for path in paths {
        remove(&mut left, path);
    }
    left
}

/// Takes one field out, if it is there.
fn remove(document: &mut Value, path: &str) {
    let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
    if let Some(Value::Object(fields)) = find(document, parent) {
        fields.remove(name);
    }
}

/// The value at a path such as `bands[2].prizes[0]`.
fn find<'a>(document: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    let mut at = document;
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        at = match step.strip_suffix(']') {
            Some(index) => at.get_mut(index.parse::<usize>().ok()?)?,
            None => at.get_mut(step)?,
        };
    }
    Some(at)
}
