//! `POST /api/tournaments`, `POST /api/schedules` and `POST /api/providers/{id}/state`. The first
//! word is `tournament`, `schedule` or `state`; then an empty line and the body.
//!
//! **Property:** a tournament that is taken and shown can be announced again from what is shown
//! and is the same; its own bounds are no wider than the rules', so what the rules still refuse
//! is only that fields contradict each other; a schedule that is taken is the same after it was
//! shown, its starts follow each other, and each start's tournament is refused or has its id and
//! times, whatever is said of one that is not taken is bounded and repeats nothing; a provider's
//! state reads back after it was written.

use crate::support::{CANARY, Message, refused, same_money};
use palio_domain::UnixMs;
use palio_domain::tournament::score::Points;
use palio_domain::tournament::{Definition, EntryMode};
use palio_protocol::provider::SetProviderState;
use palio_protocol::tournament::{CreateTournament, ParsedTournament, Tournament};
use palio_protocol::{Problem, json, schedule};
use serde_json::Value;

pub(super) const WORDS: &[&str] = &[
    "tournament",
    "state",
    "schedule",
    "when",
    "length",
    "cron",
    "once",
    "instant",
    "expression",
    "fixed",
    "until",
    "calendar",
    "untilNext",
    "reminders",
    "beforeStart",
    "catchUp",
    "lateAfterMs",
    "announceBeforeMs",
    "zone",
    "America/New_York",
    "*/15 0-5 L * 7#L",
    "id",
    "name",
    "metric",
    "turnover",
    "best_ratio",
    "ggr",
    "custom",
    "rules",
    "template",
    "max-multiplier",
    "score",
    "terms",
    "counts",
    "ties",
    "currency",
    "startsAt",
    "endsAt",
    "registrationOpensAt",
    "graceSeconds",
    "minStake",
    "pointsPer",
    "games",
    "tickMs",
    "topN",
    "entry",
    "opt_in",
    "all",
    "prizes",
    "description",
    "reason",
    "maintenance",
    "active",
    "off",
    "604800",
    "604801",
    "60000",
    "100",
    "101",
    "1000",
];

pub(super) fn target(bytes: &[u8]) {
    let Some(message) = Message::cut(bytes) else { return };
    match message.word(0) {
        "tournament" => match json::parse(message.body).and_then(CreateTournament::parse) {
            Err(error) => refused(&error),
            Ok(parsed) => tournament(&parsed, message.body),
        },
        "schedule" => scheduled(message.body),
        "state" => state(message.body),
        _ => {}
    }
}

fn tournament(parsed: &ParsedTournament, body: &[u8]) {
    let shown = Tournament::new(parsed, "upcoming", "registration", 0);
    let shown = serde_json::to_vec(&shown).expect("a tournament is written");
    let again = json::parse(&shown).and_then(CreateTournament::parse);
    assert_eq!(again.as_ref(), Ok(parsed), "as shown");

    let body: Value = json::parse(body).unwrap_or_default();
    let money = |at: &str, amount| {
        if let Some(text) = body.pointer(at).and_then(Value::as_str) {
            same_money(text, amount, parsed.currency);
        }
    };
    if let Some(text) = body.pointer("/minStake").and_then(Value::as_str) {
        let amount = parsed.currency.amount(text).expect("it was taken");
        assert_eq!(Points::of(amount, parsed.currency), Some(parsed.rules.counts.stake_min));
    }
    for (at, prize) in parsed.prizes.iter().enumerate() {
        assert!(prize.0 >= 0);
        money(&format!("/prizes/{at}"), *prize);
    }
    for problem in definition(parsed).validate().err().unwrap_or_default() {
        let contradiction = matches!(
            (problem.field.as_str(), problem.message),
            ("endsAt", "must be within 366 days of startsAt")
                | ("prizes", "must not rise from one place to the next")
        ) || problem.field.starts_with("rules.");
        assert!(contradiction, "only the rules refuse that {} {}", problem.field, problem.message);
    }
}

/// As the server makes it.
fn definition(of: &ParsedTournament) -> Definition {
    Definition {
        id: of.id.clone(),
        name: of.name.clone(),
        metric: of.metric.usual(),
        currency: of.currency,
        starts: of.starts,
        ends: of.ends,
        registration_opens: of.registration_opens,
        grace_ms: of.grace_ms,
        rules: of.rules.clone(),
        tick_ms: of.tick_ms,
        top_n: of.top_n,
        entry: if of.opt_in { EntryMode::OptIn } else { EntryMode::Automatic },
        prizes: of.prizes.clone(),
        description: of.description.clone(),
        kind: palio_domain::tournament::Kind::default(),
        admission: palio_domain::tournament::Admission::default(),
        table: None,
        review: palio_domain::tournament::Review::default(),
        schedule: None,
    }
}

fn scheduled(body: &[u8]) {
    let document: Value = match json::parse_any(body) {
        Ok(document) => document,
        Err(error) => return refused(&error),
    };
    let (read, plan) = match schedule::parse(&document, "Europe/Berlin") {
        Ok(read) => read,
        Err(lines) => {
            assert!(!lines.is_empty(), "refused without a word");
            for line in &lines {
                assert!(line.field.len() <= 60, "a field of {} bytes", line.field.len());
                assert!(line.message.len() <= 250, "{} bytes: {}", line.message.len(), line.message);
            }
            let problem = Problem::of_lines(palio_protocol::ErrorCode::ScheduleInvalid, lines);
            assert!(!problem.to_json().contains(CANARY), "{} repeats it", problem.to_json());
            return;
        }
    };
    let whole = schedule::whole(&read);
    let again = schedule::parse(&whole, "UTC").map(|(again, _)| again.schedule);
    assert_eq!(again.as_ref(), Ok(&read.schedule), "as shown");
    let mut last = UnixMs(0);
    for instance in plan.instances(UnixMs(1_792_000_000_000)).take(5) {
        assert!(last < instance.starts && instance.starts < instance.ends);
        last = instance.starts;
        match schedule::tournament(&read, &instance) {
            Err(error) => refused(&error),
            Ok(parsed) => {
                assert_eq!(parsed.id.as_str(), instance.key.as_str());
                assert_eq!((parsed.starts, parsed.ends), (instance.starts, instance.ends));
            }
        }
    }
}

fn state(body: &[u8]) {
    let parse = |body: &[u8]| json::parse::<SetProviderState>(body);
    match parse(body).and_then(|body| body.parse().map(|parsed| (body, parsed))) {
        Err(error) => refused(&error),
        Ok((shape, (state, reason))) => {
            assert!((1..=500).contains(&reason.chars().count()));
            let written = serde_json::to_vec(&shape).expect("a body is written");
            let again = parse(&written).and_then(|body| body.parse());
            assert_eq!(again, Ok((state, reason)));
        }
    }
}
