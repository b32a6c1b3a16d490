//! The shape of a document by the published schema: kinds, names and words of every field, all
//! problems at once. Knows the part of JSON Schema that the published one uses; a test fails when
//! it uses more, and another compares it with a complete validator.

use super::{Problem, SCHEMA, code, join};
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

static PUBLISHED: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(SCHEMA).unwrap_or_default());

/// What is looked at; anything else in a schema only informs.
#[cfg(test)]
const KNOWN: &[&str] = &[
    "$ref",
    "type",
    "enum",
    "const",
    "pattern",
    "minimum",
    "maximum",
    "maxItems",
    "items",
    "properties",
    "required",
    "additionalProperties",
    "propertyNames",
    "anyOf",
    "oneOf",
];

/// A definition whose reader tells everything about its text itself.
const READ_LATER: &str = "#/$defs/Decimal";

/// What is wrong with the shape of a document of one kind.
pub(super) fn problems(definition: &str, document: &Value) -> Vec<Problem> {
    let mut problems = Vec::new();
    let schema = PUBLISHED.get("$defs").and_then(|all| all.get(definition));
    if let Some(schema) = schema {
        check(schema, "", document, &mut problems);
    }
    problems
}

fn check(schema: &Value, at: &str, value: &Value, to: &mut Vec<Problem>) {
    let Value::Object(schema) = schema else { return };
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|path| PUBLISHED.pointer(path));
        if reference == READ_LATER {
            kind(&Value::from("string"), at, value, to);
        } else if let Some(target) = target {
            check(target, at, value, to);
        }
    }
    if schema.get("type").is_some_and(|expected| !kind(expected, at, value, to)) {
        return;
    }
    words(schema, at, value, to);
    text(schema, at, value, to);
    range(schema, at, value, to);
    match value {
        Value::Object(fields) => object(schema, at, fields, to),
        Value::Array(items) => list(schema, at, items, to),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    for choices in ["anyOf", "oneOf"] {
        if let Some(Value::Array(choices)) = schema.get(choices) {
            choose(choices, at, value, to);
        }
    }
}

/// Whether the value is of the kind; says so if not.
fn kind(expected: &Value, at: &str, value: &Value, to: &mut Vec<Problem>) -> bool {
    let kinds: Vec<&str> = match expected {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return true,
    };
    let is = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    if kinds.iter().any(is) {
        return true;
    }
    let wanted: Vec<_> =
        kinds.iter().filter(|kind| **kind != "null").map(|kind| named(kind)).collect();
    let hint =
        if wanted == ["a text"] && value.is_number() { " in quotes, as \"10.00\"" } else { "" };
    let message = format!("must be {}{hint}, not {}", wanted.join(" or "), of(value));
    to.push(Problem::error(code::FIELD_INVALID, at, message));
    false
}

fn named(kind: &str) -> &str {
    match kind {
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "array" => "a list",
        "object" => "a table",
        other => other,
    }
}

fn of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn words(schema: &Map<String, Value>, at: &str, value: &Value, to: &mut Vec<Problem>) {
    let allowed = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(words)), _) => words.as_slice(),
        (_, Some(word)) => std::slice::from_ref(word),
        _ => return,
    };
    if !allowed.contains(value) {
        // Nobody reads all currencies of the world.
        let said = schema.get("description").and_then(Value::as_str);
        let message = match said.filter(|_| allowed.len() > LISTED_MAX) {
            Some(said) => format!("must be {}", uncapitalised(said)),
            None => one_of(allowed),
        };
        to.push(Problem::error(code::FIELD_INVALID, at, message));
    }
}

/// More words than this are not listed.
const LISTED_MAX: usize = 20;

fn one_of(words: &[Value]) -> String {
    let listed: Vec<_> = words
        .iter()
        .filter(|word| !word.is_null())
        .map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned))
        .collect();
    match listed.as_slice() {
        [one] => format!("must be {one}"),
        many => format!("must be one of {}", many.join(", ")),
    }
}

fn text(schema: &Map<String, Value>, at: &str, value: &Value, to: &mut Vec<Problem>) {
    let (Some(pattern), Value::String(text)) =
        (schema.get("pattern").and_then(Value::as_str), value)
    else {
        return;
    };
    if !matches(pattern, text) {
        let said = schema.get("description").and_then(Value::as_str);
        let message = match (pattern, said) {
            (r"\S", _) => "must not be blank".to_owned(),
            (_, Some(said)) => format!("must be {}", uncapitalised(said)),
            (pattern, None) => format!("must match {pattern}"),
        };
        to.push(Problem::error(code::FIELD_INVALID, at, message));
    }
}

/// "A game's id" within a sentence.
fn uncapitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Patterns are compiled once.
fn matches(pattern: &str, text: &str) -> bool {
    static COMPILED: LazyLock<Mutex<HashMap<String, Option<Regex>>>> =
        LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let regex = compiled.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok());
    regex.as_ref().is_none_or(|regex| regex.is_match(text))
}

fn range(schema: &Map<String, Value>, at: &str, value: &Value, to: &mut Vec<Problem>) {
    let Some(number) = value.as_i64().map(i128::from).or(value.as_u64().map(i128::from)) else {
        return;
    };
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64).map(i128::from);
    let (least, most) = (bound("minimum"), bound("maximum"));
    let fits = least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most);
    if !fits {
        let message = match (least, most) {
            (Some(least), Some(most)) => format!("must be {least} to {most}"),
            (Some(least), None) => format!("must be {least} or more"),
            (None, Some(most)) => format!("must be {most} or less"),
            (None, None) => return,
        };
        to.push(Problem::error(code::FIELD_INVALID, at, message));
    }
}

fn list(schema: &Map<String, Value>, at: &str, items: &[Value], to: &mut Vec<Problem>) {
    let most = schema.get("maxItems").and_then(Value::as_u64);
    let most = most.and_then(|most| usize::try_from(most).ok());
    if let Some(most) = most.filter(|most| items.len() > *most) {
        let message = format!("holds more than {most} entries");
        to.push(Problem::error("TOO_MANY_ITEMS", at, message));
    }
    if let Some(each) = schema.get("items") {
        for (index, item) in items.iter().enumerate() {
            check(each, &format!("{at}[{index}]"), item, to);
        }
    }
}

fn object(
    schema: &Map<String, Value>,
    at: &str,
    fields: &Map<String, Value>,
    to: &mut Vec<Problem>,
) {
    let empty = Map::new();
    let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    for (name, value) in fields {
        let at = join(at, name);
        if let Some(names) = schema.get("propertyNames") {
            check(names, &at, &Value::from(name.as_str()), to);
        }
        match (known.get(name), schema.get("additionalProperties")) {
            (Some(schema), _) => check(schema, &at, value, to),
            (None, Some(Value::Bool(false))) => {
                to.push(Problem::error(code::FIELD_UNKNOWN, at, unknown(name, known)));
            }
            (None, Some(schema)) => check(schema, &at, value, to),
            (None, None) => {}
        }
    }
    if let Some(Value::Array(required)) = schema.get("required") {
        for name in required.iter().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                to.push(Problem::error(code::FIELD_MISSING, join(at, name), "is missing"));
            }
        }
    }
}

/// Says which known name was meant, if it differs by case, dashes or one letter.
fn unknown(name: &str, known: &Map<String, Value>) -> String {
    let plain = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let near = |one: &&String| {
        let (is, may_be) = (plain(name), plain(one));
        // Of short names only one with a letter too many or too few: `off`, but not `or` for `of`.
        let comparable = may_be.len() > 3 || is.len() != may_be.len();
        is == may_be || (comparable && differs_by_one(&is, &may_be))
    };
    match known.keys().find(near) {
        Some(near) => format!("is not known here; is it {near}?"),
        None => "is not known here".to_owned(),
    }
}

/// Whether the texts differ by one letter that is missing, added or another.
fn differs_by_one(one: &str, other: &str) -> bool {
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    let front = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let back = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let (short, long) = (one.len().min(other.len()), one.len().max(other.len()));
    long - short <= 1 && front + back + 1 >= long
}

/// One of several shapes: if none fits, the problems of the one that is meant.
fn choose(choices: &[Value], at: &str, value: &Value, to: &mut Vec<Problem>) {
    let mut meant = Vec::new();
    let mut allowed = Vec::new();
    for schema in choices {
        let choice = resolved(schema);
        let mut found = Vec::new();
        check(schema, at, value, &mut found);
        if found.is_empty() {
            return;
        }
        match tag(choice) {
            Tag::Words(words) => allowed.extend(words),
            Tag::Field(name, word) => {
                if value.get(name) == Some(word) {
                    meant.push(found);
                }
                allowed.push(word.clone());
            }
            Tag::Key(name) => {
                if value.get(name).is_some() {
                    meant.push(found);
                }
                allowed.push(Value::from(format!("{{{name} = …}}")));
            }
            Tag::None if is_kind(choice, value) => meant.push(found),
            Tag::None => {}
        }
    }
    // Where only one shape is no null, that one is meant.
    let real: Vec<_> = choices.iter().filter(|choice| !is_null(choice)).collect();
    match (real.as_slice(), meant.len()) {
        ([one], _) => check(one, at, value, to),
        (_, 1) => to.extend(meant.into_iter().flatten()),
        _ => {
            let at = match value {
                Value::Object(_) => {
                    tag_field(choices).map_or_else(|| at.to_owned(), |f| join(at, f))
                }
                _ => at.to_owned(),
            };
            to.push(Problem::error(code::FIELD_INVALID, at, one_of(&allowed)));
        }
    }
}

/// What tells one choice from the others.
enum Tag<'a> {
    Words(Vec<Value>),
    Field(&'a str, &'a Value),
    Key(&'a str),
    None,
}

fn tag(choice: &Value) -> Tag<'_> {
    if let Some(word) = choice.get("const") {
        return Tag::Words(vec![word.clone()]);
    }
    if let Some(Value::Array(words)) = choice.get("enum") {
        return Tag::Words(words.clone());
    }
    let fields = choice.get("properties").and_then(Value::as_object);
    let named = fields.into_iter().flatten();
    for (name, schema) in named {
        if let Some(word) = schema.get("const") {
            return Tag::Field(name, word);
        }
    }
    match choice.get("required").and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(name)]) => Tag::Key(name),
        _ => Tag::None,
    }
}

/// The field whose word says which choice is meant.
fn tag_field(choices: &[Value]) -> Option<&str> {
    choices.iter().map(resolved).find_map(|choice| match tag(choice) {
        Tag::Field(name, _) => Some(name),
        Tag::Words(_) | Tag::Key(_) | Tag::None => None,
    })
}

fn resolved(schema: &Value) -> &Value {
    let reference = schema.get("$ref").and_then(Value::as_str);
    let target = reference.and_then(|path| path.strip_prefix('#'));
    target.and_then(|path| PUBLISHED.pointer(path)).unwrap_or(schema)
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
}

fn is_kind(schema: &Value, value: &Value) -> bool {
    schema.get("type").is_none_or(|expected| kind(expected, "", value, &mut Vec::new()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

    use super::*;
    use serde_json::json;

    /// Words of a schema that inform and do not refuse.
    const SAID: &[&str] =
        &["$schema", "$defs", "title", "description", "default", "examples", "format", "maxLength"];

    #[test]
    fn the_schema_uses_no_word_that_is_not_looked_at() {
        fn walk(schema: &Value, unknown: &mut Vec<String>) {
            let Value::Object(fields) = schema else { return };
            for (word, value) in fields {
                if !KNOWN.contains(&word.as_str()) && !SAID.contains(&word.as_str()) {
                    unknown.push(word.clone());
                }
                match (word.as_str(), value) {
                    ("properties" | "$defs", Value::Object(named)) => {
                        named.values().for_each(|schema| walk(schema, unknown));
                    }
                    ("anyOf" | "oneOf", Value::Array(choices)) => {
                        choices.iter().for_each(|schema| walk(schema, unknown));
                    }
                    ("items" | "additionalProperties" | "propertyNames", schema) => {
                        walk(schema, unknown);
                    }
                    _ => {}
                }
            }
        }
        let mut unknown = Vec::new();
        assert!(PUBLISHED.get("$defs").is_some(), "the schema is read");
        walk(&PUBLISHED, &mut unknown);
        assert_eq!(unknown, Vec::<String>::new());
    }

    /// Agrees with a complete validator about every change of one value in a document that has all
    /// fields. Decimals are left out, which are read later.
    #[test]
    fn the_walk_agrees_with_a_complete_validator() {
        let mut schema = PUBLISHED.clone();
        schema["$defs"]["Decimal"] = json!({"type": "string"});
        schema["anyOf"] = json!([{"$ref": "#/$defs/Tournament"}]);
        let schema = jsonschema::draft202012::new(&schema).unwrap();
        let whole = include_str!("../../tests/documents/good/whole.json");
        let whole: Value = serde_json::from_str(whole).unwrap();
        assert_eq!(problems("Tournament", &whole), Vec::new());
        let others = [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(7),
            json!(1.5),
            json!(100_000_000_000_i64),
            json!(""),
            json!("word"),
            json!("all"),
            json!("1.25"),
            json!([]),
            json!([1]),
            json!({}),
            json!({"more": 1}),
            json!({"kind": "cash"}),
            json!({"first": 5}),
        ];
        let mut paths = Vec::new();
        paths_of("", &whole, &mut paths);
        let (mut refused, mut taken) = (0, 0);
        let mut judge = |changed: &Value, what: &str| {
            let found = problems("Tournament", changed);
            let fine = schema.is_valid(changed);
            assert_eq!(found.is_empty(), fine, "{what}: {found:?}");
            if fine { taken += 1 } else { refused += 1 }
        };
        for path in &paths {
            for other in &others {
                let mut changed = whole.clone();
                *changed.pointer_mut(path).unwrap() = other.clone();
                judge(&changed, &format!("{path} = {other}"));
            }
            let mut changed = whole.clone();
            if let Some(Value::Object(fields)) = changed.pointer_mut(path) {
                fields.insert("stake_min".to_owned(), json!("1"));
                judge(&changed, &format!("{path} with one field more"));
            }
            let (parent, name) = path.rsplit_once('/').unwrap();
            let mut changed = whole.clone();
            if let Some(Value::Object(fields)) = changed.pointer_mut(parent) {
                fields.remove(name);
                judge(&changed, &format!("without {path}"));
            }
        }
        assert!(refused > 500 && taken > 50, "{refused} refused, {taken} taken");
    }

    /// Pointers to every value below the document itself.
    fn paths_of(at: &str, value: &Value, paths: &mut Vec<String>) {
        if !at.is_empty() {
            paths.push(at.to_owned());
        }
        match value {
            Value::Object(fields) => fields
                .iter()
                .for_each(|(name, value)| paths_of(&format!("{at}/{name}"), value, paths)),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, value)| paths_of(&format!("{at}/{index}"), value, paths)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    #[test]
    fn a_slip_of_one_letter_is_near() {
        for (one, other, near) in [
            ("stakemin", "stakemn", true),
            ("stakemin", "stakemins", true),
            ("stakemin", "stakemix", true),
            ("stakemin", "stakemax", false),
            ("prize", "prizes", true),
            ("games", "rates", false),
        ] {
            assert_eq!(differs_by_one(one, other), near, "{one} {other}");
        }
    }
}
