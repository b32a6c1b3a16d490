//! The published JSON Schema (draft 2020-12) of everything that operators write about
//! tournaments: the announcement, templates, prize tables and schedules.
//!
//! **Invariant:** what the wire and the rules read is described by the types that read it; by hand
//! are only bounds that those check in code.

use crate::tournament::CreateTournament;
use palio_domain::tournament::Rules;
use palio_domain::tournament::prizes::PrizeTable;
use palio_domain::tournament::schedule::Schedule;
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
    definitions.insert("Tournament".to_owned(), announcement());
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
        if let (Some(Value::Object(schema)), Value::Object(more)) =
            (properties.get_mut(field), more)
        {
            // What is referred to brings its own type and words.
            if !["pattern", "format", "minimum", "maxItems"].iter().any(|b| more.contains_key(*b)) {
                schema.remove("type");
                schema.remove("$ref");
            }
            schema.extend(more);
        }
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
