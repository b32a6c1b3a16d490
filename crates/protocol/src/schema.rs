//! The published JSON Schema (draft 2020-12) of everything that operators write about
//! tournaments: the announcement, templates, prize tables and schedules.
//!
//! **Invariant:** what the wire and the rules read is described by the types that read it; by hand
//! are only bounds that those check in code.

use crate::tournament::CreateTournament;
use palio_domain::tournament::prizes::PrizeTable;
use palio_domain::tournament::schedule::Schedule;
use palio_domain::tournament::{Kind, Rules};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema as _, ToSchema as _};

/// Where `OpenAPI` and JSON Schema keep what is referred to.
const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/$defs/";

/// What the fields of an announcement must be besides their types.
fn bounds() -> Vec<(&'static str, Value)> {
    let decimal = json!({"anyOf": [{"$ref": "#/$defs/Decimal"}, {"type": "null"}]});
    vec![
        ("id", json!({"$ref": "#/$defs/TournamentId"})),
        ("name", json!({"pattern": r"\S"})),
        ("metric", json!({"enum": ["turnover", "best_ratio", "ggr", "custom"]})),
        ("currency", json!({"$ref": "#/$defs/Currency"})),
        ("startsAt", json!({"format": "date-time"})),
        ("endsAt", json!({"format": "date-time"})),
        ("registrationOpensAt", json!({"format": "date-time"})),
        ("graceSeconds", json!({"minimum": 0, "maximum": 604_800})),
        ("minStake", decimal.clone()),
        ("pointsPer", decimal),
        ("games", json!({"maxItems": 1000, "items": {"$ref": "#/$defs/GameId"}})),
        ("tickMs", json!({"minimum": 100, "maximum": 60_000})),
        ("topN", json!({"minimum": 1, "maximum": 100})),
        ("prizes", json!({"maxItems": 1000, "items": {"$ref": "#/$defs/Decimal"}})),
        ("entry", json!({"enum": ["opt_in", "all", "invited", null]})),
        ("type", json!({"enum": kinds()})),
        ("entriesMax", json!({"minimum": 1, "maximum": 101})),
        ("reentry", json!({"enum": ["best", "sum", null]})),
        ("entryClosesAt", json!({"format": "date-time"})),
    ]
}

fn kinds() -> Vec<Value> {
    let words = Kind::ALL.iter().map(|kind| Value::from(kind.as_str()));
    words.chain([Value::Null]).collect()
}

/// The same of the announcement's parts: the part, its field, the bounds.
fn parts() -> Vec<(&'static str, &'static str, Value)> {
    let money = json!({"$ref": "#/$defs/Decimal"});
    let money_or_none = json!({"anyOf": [money, {"type": "null"}]});
    let country = json!({"items": {
        "type": "string",
        "pattern": "^[A-Z]{2}$",
        "description": "A country's code, such as DE",
    }});
    vec![
        ("BuyIn", "amount", money),
        ("BuyIn", "fee", money_or_none.clone()),
        ("ReviewRules", "confirmAbove", money_or_none),
        ("ReviewRules", "holdSeconds", json!({"minimum": 0, "maximum": 30 * 86_400})),
        ("Seats", "min", json!({"minimum": 1, "maximum": 100_000})),
        ("Seats", "max", json!({"minimum": 1, "maximum": 100_000})),
        ("Eligibility", "countries", country.clone()),
        ("Eligibility", "countriesExcept", country),
    ]
}

/// The schema, as it is published.
#[must_use]
pub fn published() -> Value {
    let settings = SchemaSettings::draft2020_12();
    let mut generator = settings.into_generator();
    for reference in [
        generator.subschema_for::<Rules>(),
        generator.subschema_for::<PrizeTable>(),
        generator.subschema_for::<Schedule>(),
    ] {
        debug_assert!(reference.get("$ref").is_some(), "everything has a name");
    }
    let mut definitions = generator.take_definitions(true);
    let mut components = Vec::new();
    CreateTournament::schemas(&mut components);
    for (name, schema) in components {
        let schema = serde_json::to_value(schema).unwrap_or_default();
        definitions.entry(name).or_insert(schema);
    }
    for (part, field, more) in parts() {
        let properties = definitions.get_mut(part).and_then(|part| part.get_mut("properties"));
        bind(properties.and_then(|properties| properties.get_mut(field)), more);
    }
    definitions.insert("Tournament".to_owned(), announcement());
    definitions.insert("ScheduledTournament".to_owned(), scheduled());
    let properties = definitions.get_mut("Schedule").and_then(|of| of.get_mut("properties"));
    if let Some(properties) = properties.and_then(Value::as_object_mut) {
        let reference = json!({"$ref": "#/$defs/ScheduledTournament"});
        properties.insert("tournament".to_owned(), reference);
    }
    definitions.insert("Template".to_owned(), template());
    if let Some(rates) = definitions.get_mut("Counts").and_then(|counts| {
        counts.get_mut("properties").and_then(|properties| properties.get_mut("rates"))
    }) {
        // Every currency is a field of its own otherwise.
        *rates = json!({
            "description": rates.get("description"),
            "type": "object",
            "propertyNames": {"$ref": "#/$defs/Currency"},
            "additionalProperties": {"$ref": "#/$defs/Points"},
        });
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A tournament of Palio",
        "description": "An announcement, or a template, prize table or schedule by itself. \
                        See docs/tournaments/documents.md.",
        "anyOf": [
            {"$ref": "#/$defs/Tournament"},
            {"$ref": "#/$defs/Template"},
            {"$ref": "#/$defs/PrizeTable"},
            {"$ref": "#/$defs/Schedule"},
        ],
        "$defs": definitions,
    });
    tidy(&mut schema);
    prune(&mut schema);
    schema
}

/// What a schedule announces: an announcement without what each instance brings itself.
fn scheduled() -> Value {
    const BROUGHT: [&str; 4] = ["id", "startsAt", "endsAt", "registrationOpensAt"];
    let mut schema = announcement();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| !BROUGHT.contains(&name.as_str()));
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| !name.as_str().is_some_and(|name| BROUGHT.contains(&name)));
    }
    schema
}

/// Takes out definitions that nothing refers to.
fn prune(schema: &mut Value) {
    loop {
        let text = schema.to_string();
        let Some(definitions) = schema.get_mut("$defs").and_then(Value::as_object_mut) else {
            return;
        };
        let before = definitions.len();
        definitions.retain(|name, _| text.contains(&format!("\"{DEFINITIONS}{name}\"")));
        if definitions.len() == before {
            return;
        }
    }
}

/// `CreateTournament` with bounds; rules and prize table in full.
fn announcement() -> Value {
    let mut schema = serde_json::to_value(CreateTournament::schema()).unwrap_or_default();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return schema;
    };
    for (field, more) in bounds() {
        bind(properties.get_mut(field), more);
    }
    for (field, of, what) in [
        ("rules", "Rules", "With `custom`: what counts and how it is scored."),
        ("prizeTable", "PrizeTable", "What each place wins, and where the money comes from."),
    ] {
        let reference = format!("{DEFINITIONS}{of}");
        let schema = json!({"description": what, "anyOf": [{"$ref": reference}, {"type": "null"}]});
        properties.insert(field.to_owned(), schema);
    }
    schema
}

/// Adds bounds to a field's schema; what is referred to or listed brings its own type and words.
fn bind(field: Option<&mut Value>, more: Value) {
    let (Some(Value::Object(schema)), Value::Object(more)) = (field, more) else { return };
    if ["$ref", "enum", "anyOf"].iter().any(|word| more.contains_key(*word)) {
        schema.remove("type");
        schema.remove("$ref");
    }
    schema.extend(more);
}

/// A file of `config/tournaments`.
fn template() -> Value {
    json!({
        "type": "object",
        "description": "Ready rules: a file of config/tournaments.",
        "properties": {
            "name": {"type": "string", "pattern": r"\S", "description": "For people."},
            "description": {
                "type": "string",
                "description": "What it is, in a sentence for players."
            },
            "rules": {"$ref": "#/$defs/Rules"},
        },
        "required": ["name", "description", "rules"],
        "additionalProperties": false,
    })
}

/// From `OpenAPI`'s words to those of JSON Schema; and no object takes fields it does not name.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(example) = fields.remove("example") {
                fields.insert("examples".to_owned(), json!([example]));
            }
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                *reference = reference.replace(COMPONENTS, DEFINITIONS);
            }
            if fields.get("default").is_some_and(Value::is_null) {
                fields.remove("default");
            }
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if fields.get("format").is_some_and(|format| format == "uint32") {
                fields.insert("maximum".to_owned(), json!(u32::MAX));
            }
            if fields.get("format").is_some_and(|format| format != "date-time") {
                fields.remove("format");
            }
            if fields.get("properties").is_some_and(Value::is_object) && is_schema(fields) {
                let closed = fields.contains_key("additionalProperties")
                    || fields.contains_key("unevaluatedProperties");
                if !closed {
                    fields.insert("additionalProperties".to_owned(), json!(false));
                }
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A schema of an object, and not a field that is called `properties`.
fn is_schema(fields: &Map<String, Value>) -> bool {
    fields.get("type").is_some_and(|kind| kind == "object")
}
