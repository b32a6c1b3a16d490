//! Documents of tournaments: the published schema, and the static check before publication.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use palio::check;
use palio::document::{SCHEMA, problems, source};
use palio_protocol::tournament::CreateTournament;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// `PALIO_BLESS=1` writes what is printed now beside each broken document, to be looked at.
const BLESS: &str = "PALIO_BLESS";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files of a folder with one of these endings, in order.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| endings.iter().any(|one| end == *one)));
    files.sort();
    assert!(!files.is_empty(), "{folder} has none");
    files
}

fn value(text: &str, format: source::Format) -> Value {
    match source::Source::read(text, format) {
        Ok(source) => source.document,
        Err(error) => panic!("{error:?} in\n{text}"),
    }
}

fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// An announcement that has every field there is, but for those that exclude others.
fn announcement() -> Value {
    value(include_str!("documents/good/whole.json"), source::Format::Json)
}

#[test]
fn the_published_schema_is_what_the_types_say() {
    let said = format!("{:#}\n", palio_protocol::schema::published());
    assert!(
        said == SCHEMA,
        "run: cargo run -p palio-protocol --features schema --example schema \
         > docs/tournaments/tournament.schema.json"
    );
}

/// Every field that the reader of announcements knows is in the schema, and the other way round.
#[test]
fn the_schema_has_the_fields_that_are_read() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let named = schema["$defs"]["Tournament"]["properties"].as_object().unwrap();
    // What excludes another field of the document that has nearly all of them.
    let apart = ["minStake", "pointsPer", "games", "template", "prizes"];
    let whole = announcement();
    let missing: Vec<_> = named
        .keys()
        .filter(|name| whole.get(name).is_none() && !apart.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "tests/documents/good/whole.json has no {missing:?}");
    for (name, value) in whole.as_object().unwrap() {
        assert!(named.contains_key(name), "{name}");
        let document = json!({name: value});
        let known = serde_json::from_value::<CreateTournament>(document.clone()).unwrap();
        let back = serde_json::to_value(&known).unwrap();
        assert_eq!(back[name], document[name], "{name} is not read");
    }
}

#[test]
fn templates_and_examples_are_accepted() {
    let schema = schema();
    let templates = files("config/tournaments", &["toml"]);
    let outcome = check::files(&templates).unwrap();
    // Countback leaves nobody equal by chance where ranks are shared, so not even a warning.
    assert_eq!(outcome.lines, Vec::<String>::new());
    for path in &templates {
        let document = value(&read(path), source::Format::Toml);
        assert!(schema.is_valid(&document), "{}", path.display());
    }
    let mut examples = 0;
    for path in files("docs/tournaments", &["md"]) {
        let text = read(&path);
        for block in text.split("```").skip(1).step_by(2) {
            let (kind, body) = block.split_once('\n').unwrap();
            let document = match kind {
                "toml" => value(body, source::Format::Toml),
                "json" => value(body, source::Format::Json),
                _ => match body.find("{\"id\"") {
                    // A call: its body, with times where the text leaves them out.
                    Some(start) => {
                        let body = body[start..].replacen('…', "2026-11-21T18:00:00Z", 1);
                        value(&body.replace('…', "2026-11-21T19:00:00Z"), source::Format::Json)
                    }
                    None => continue,
                },
            };
            examples += 1;
            assert!(schema.is_valid(&document), "{}:\n{body}", path.display());
            let errors: Vec<_> =
                problems(&document).into_iter().filter(|problem| problem.is_error()).collect();
            assert!(errors.is_empty(), "{}: {errors:?} in\n{body}", path.display());
        }
    }
    assert!(examples >= 8, "{examples}: the documents have examples");
    assert!(schema.is_valid(&announcement()));
    assert_eq!(problems(&announcement()), Vec::new());
}

/// Each broken document, and exactly what is printed about it.
#[test]
fn broken_documents_are_told_line_by_line() {
    let mut wrong = String::new();
    for path in files("tests/documents", &["toml", "json"]) {
        let outcome = check::files(std::slice::from_ref(&path)).unwrap();
        let folder = format!("{}/", root().join("tests/documents").display());
        let lines: String =
            outcome.lines.iter().map(|line| line.replace(&folder, "") + "\n").collect();
        let expected = path.with_extension("lines");
        if std::env::var_os(BLESS).is_some() {
            fs::write(&expected, &lines).unwrap();
        }
        let expected = read(&expected);
        if lines != expected {
            wrong += &format!("--- expected\n{expected}--- printed\n{lines}");
        }
        let errors = expected.lines().any(|line| line.contains(": error "));
        assert_eq!(outcome.has_errors, errors, "{}", path.display());
        assert!(!expected.is_empty(), "{} is not broken", path.display());
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The command itself: what it prints, and how it ends.
#[test]
fn the_command_ends_with_what_it_found() {
    let run = |files: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_palio"));
        let output = command.current_dir(root()).arg("check").args(files).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (fine, template) =
        ("tests/documents/good/whole.json", "config/tournaments/table-chips.toml");
    assert_eq!(run(&[fine, template]), (Some(0), String::new()));
    let (code, lines) = run(&["tests/documents/ties.toml"]);
    assert_eq!((code, lines.matches(": warning ").count()), (Some(0), 2), "{lines}");
    let (code, lines) = run(&["tests/documents/ties.toml", fine, "tests/documents/sum.toml"]);
    assert_eq!((code, lines.lines().count()), (Some(1), 4), "{lines}");
    assert_eq!(run(&[fine, "tests/documents/nowhere.toml"]), (Some(2), String::new()));
}

/// Whatever one value is changed into: what the check lets pass, the server reads, and the schema
/// takes; what the schema refuses, the check refuses too.
#[test]
fn what_passes_is_taken() {
    fn pointers(at: &str, value: &Value, to: &mut Vec<String>) {
        to.extend(Some(at.to_owned()).filter(|at| !at.is_empty()));
        match value {
            Value::Object(fields) => {
                fields
                    .iter()
                    .for_each(|(name, value)| pointers(&format!("{at}/{name}"), value, to));
            }
            Value::Array(items) => {
                let numbered = items.iter().enumerate();
                numbered.for_each(|(index, value)| pointers(&format!("{at}/{index}"), value, to));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let schema = schema();
    let whole = announcement();
    let mut paths = Vec::new();
    pointers("", &whole, &mut paths);
    let others = [
        json!(null),
        json!(false),
        json!(0),
        json!(1),
        json!(-7),
        json!(5_000_000_000_u64),
        json!(0.5),
        json!(""),
        json!("0"),
        json!("1"),
        json!("-2.5"),
        json!("0.001"),
        json!("word"),
        json!("2026-11-21T18:30:00Z"),
        json!([]),
        json!(["1", "2"]),
        json!({}),
        json!({"kind": "cash", "amount": "5.00"}),
    ];
    let (mut passed, mut refused) = (0, 0);
    for path in &paths {
        for other in &others {
            let mut changed = whole.clone();
            *changed.pointer_mut(path).unwrap() = other.clone();
            let errors: Vec<_> = problems(&changed).into_iter().filter(|p| p.is_error()).collect();
            if !errors.is_empty() {
                refused += 1;
                continue;
            }
            passed += 1;
            assert!(schema.is_valid(&changed), "{path} = {other} passes and is not in the schema");
            let fields: CreateTournament = serde_json::from_value(changed).unwrap();
            let read = fields.parse();
            assert!(read.is_ok(), "{path} = {other} passes and is refused: {read:?}");
        }
    }
    assert!(refused > 1_000 && passed > 100, "{refused} refused, {passed} passed");
}

/// What the server reads, the schema takes and the check passes; unknown fields apart, which the
/// wire leaves alone and a document must not have.
#[test]
fn what_is_announced_is_accepted() {
    let schema = schema();
    let least = json!({
        "id": "friday-race", "name": " Friday race ", "metric": "turnover", "currency": "EUR",
        "startsAt": "2026-11-21T18:00:00.000Z", "endsAt": "2026-11-21T19:00:00.000Z",
    });
    let mut bodies = vec![least.clone(), announcement()];
    for (field, value) in [
        ("graceSeconds", json!(0)),
        ("graceSeconds", json!(604_800)),
        ("tickMs", json!(100)),
        ("topN", json!(100)),
        ("minStake", json!("0.10")),
        ("minStake", json!(null)),
        ("pointsPer", json!("2")),
        ("games", json!(["a", "b", "a"])),
        ("entry", json!("all")),
        ("entry", json!(null)),
        ("prizes", json!(["100.00", "50", "50"])),
        ("currency", json!("JPY")),
        ("metric", json!("best_ratio")),
        ("metric", json!("ggr")),
        ("rules", json!(null)),
        ("description", json!("Fast\nand fun")),
        ("startsAt", json!("2026-11-21T18:00:00Z")),
    ] {
        let mut body = least.clone();
        body[field] = value;
        bodies.push(body);
    }
    let mut body = least;
    body["metric"] = json!("custom");
    body["template"] = json!("multiplier-bands");
    bodies.push(body);
    for path in fs::read_dir(root().join("fuzz/corpus/tournaments")).unwrap() {
        let text = read(&path.unwrap().path());
        let body = text.split_once("\n\n").map_or(text.as_str(), |(_, body)| body);
        bodies
            .extend(serde_json::from_str::<Value>(body).ok().filter(|body| body["id"].is_string()));
    }
    let mut accepted = 0;
    for body in bodies {
        let read = serde_json::from_value::<CreateTournament>(body.clone());
        if !read.is_ok_and(|fields| fields.parse().is_ok()) {
            continue;
        }
        accepted += 1;
        assert!(schema.is_valid(&body), "{body:#}");
        let errors: Vec<_> = problems(&body).into_iter().filter(|p| p.is_error()).collect();
        assert!(errors.is_empty(), "{errors:?} in {body:#}");
    }
    assert!(accepted >= 20, "{accepted}");
}
