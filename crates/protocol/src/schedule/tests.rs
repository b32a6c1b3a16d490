use super::*;
use serde_json::json;

/// Every field of a schedule.
const FIELDS: [&str; 11] = [
    "id",
    "zone",
    "when",
    "length",
    "gapMs",
    "overlap",
    "announceBeforeMs",
    "registrationBeforeMs",
    "reminders",
    "catchUp",
    "lateAfterMs",
];

fn document(change: &Value) -> Value {
    let mut document = json!({
        "id": "race",
        "when": {"type": "cron", "expression": "0 18 * * *"},
        "length": {"type": "fixed", "ms": 3_600_000},
        "registrationBeforeMs": 600_000,
        "tournament": {"name": "Race", "metric": "turnover", "currency": "EUR", "prizes": ["5.00"]},
    });
    for (field, value) in change.as_object().unwrap() {
        if value.is_null() {
            document.as_object_mut().unwrap().remove(field);
        } else {
            document[field] = value.clone();
        }
    }
    document
}

fn problems(document: &Value) -> Vec<(String, String)> {
    let lines = parse(document, "UTC").unwrap_err();
    lines.into_iter().map(|line| (line.field, line.code)).collect()
}

#[test]
fn what_is_wrong_is_said_field_by_field() {
    let i = "INVALID_FIELD";
    let rows: &[(Value, &[(&str, &str)])] = &[
        (json!({"when": null}), &[("when", i)]),
        (
            json!({"id": null, "when": null, "length": null}),
            &[("id", i), ("when", i), ("length", i)],
        ),
        (json!({"id": "Not one"}), &[("id", i)]),
        (json!({"id": 7}), &[("id", i)]),
        (json!({"speed": 7}), &[("speed", i)]),
        (json!({"a field": 7}), &[("?", i)]),
        (json!({"tournament": null}), &[("tournament", i)]),
        (json!({"tournament": []}), &[("tournament", i)]),
        (
            json!({"tournament": {"id": "x", "endsAt": "x"}, "when": {}}),
            &[("tournament.id", i), ("tournament.endsAt", i), ("when.type", i)],
        ),
        (json!({"when": {"type": "cron"}}), &[("when.expression", i)]),
        (
            json!({"when": {"type": "cron", "expression": "0 0 * * *", "zone": "UTC"}}),
            &[("when.zone", i)],
        ),
        (json!({"when": {"type": "never"}}), &[("when", i)]),
        (json!({"when": {"type": "once", "at": true}}), &[("when", i)]),
        (json!({"length": {"type": "fixed", "ms": "an hour"}}), &[("length", i)]),
        (json!({"length": "an hour", "gapMs": "x"}), &[("gapMs", i), ("length", i)]),
        (json!({"reminders": [{"type": "atEnd"}, {"type": "x"}]}), &[("reminders[1]", i)]),
        (json!({"reminders": {}}), &[("reminders", i)]),
        (json!({"catchUp": "some"}), &[("catchUp", i)]),
        (json!({"zone": "Mars/Base"}), &[("zone", "ZONE_UNKNOWN")]),
        (json!({"lateAfterMs": 999}), &[("lateAfterMs", "OUT_OF_RANGE")]),
        (json!({"lateAfterMs": -1}), &[("lateAfterMs", "OUT_OF_RANGE")]),
        (
            json!({"when": {"type": "cron", "expression": "61 * * * *"}, "gapMs": -1}),
            &[("when.expression", "CRON_INVALID"), ("gapMs", "OUT_OF_RANGE")],
        ),
    ];
    for (change, expected) in rows {
        let found = problems(&document(change));
        let found: Vec<_> = found.iter().map(|(f, c)| (f.as_str(), c.as_str())).collect();
        assert_eq!(found, *expected, "{change}");
    }
    assert_eq!(problems(&json!([])), [(String::new(), i.to_owned())]);
    // Nothing that was sent is repeated.
    let secret = json!({"when": {"type": "secret"}, "length": {"type": "fixed", "ms": "secret"},
                        "catchUp": "secret", "id": "SECRET", "overlap": "secret"});
    let lines = parse(&document(&secret), "UTC").unwrap_err();
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|line| !line.message.to_lowercase().contains("secret")), "{lines:?}");
}

#[test]
fn every_field_of_a_schedule_is_known() {
    let (document, _) = parse(&document(&json!({})), "Europe/Berlin").unwrap();
    let written = serde_json::to_value(&document.schedule).unwrap();
    let mut names: Vec<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
    let mut known = FIELDS.to_vec();
    names.sort_unstable();
    known.sort_unstable();
    assert_eq!(names, known);
    assert_eq!(document.schedule.zone.as_deref(), Some("Europe/Berlin"));
    // What is shown can be set again.
    let again = parse(&whole(&document), "UTC").unwrap().0;
    assert_eq!(again, document);
}

#[test]
fn a_tournament_has_its_instances_id_and_times() {
    let (document, plan) = parse(&document(&json!({})), "UTC").unwrap();
    let instance = plan.instances(UnixMs(1_795_284_000_000)).next().unwrap();
    let parsed = tournament(&document, &instance).unwrap();
    assert_eq!(parsed.id.as_str(), "race-20261122t1800");
    assert_eq!((parsed.starts, parsed.ends), (instance.starts, instance.ends));
    assert_eq!(parsed.registration_opens, Some(instance.starts.plus_ms(-600_000)));
    assert_eq!(parsed.prizes.len(), 1);
    let wrong = |tournament: Value| {
        let document = Document { tournament, ..document.clone() };
        let error = tournament_error(&document, &instance);
        (error.field, error.code)
    };
    let i = ErrorCode::InvalidField;
    assert_eq!(wrong(json!({})), ("tournament.name".to_owned(), i));
    assert_eq!(wrong(json!({"games": 7})), ("tournament".to_owned(), i));
    let rising = json!({"name": "R", "metric": "custom", "currency": "EUR"});
    assert_eq!(wrong(rising), ("tournament.rules".to_owned(), ErrorCode::TournamentInvalid));
}

fn tournament_error(document: &Document, instance: &Instance) -> FieldError {
    tournament(document, instance).unwrap_err()
}
