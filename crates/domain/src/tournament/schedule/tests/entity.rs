//! What a schedule's home takes, keeps and forgets.

use super::super::entity::{
    Command, Decided, Document, NoticeOutcome, OPEN_MAX, Outcome, Programme, RECENT_MAX, Refusal,
    Told, ToldNotice,
};
use super::super::{Instance, Missed, ScheduleId};
use super::{HOUR, MINUTE, schedule, utc};
use crate::ids::{Aggregate, TenantId};
use crate::journal::{Head, Row, Stage};
use crate::time::UnixMs;
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::sync::Arc;

const TENANT: TenantId = TenantId(1);

/// A schedule's home, and whatever was journalled in it.
struct Home {
    stage: Stage,
    state: Option<Programme>,
    rows: Vec<Arc<Row>>,
    id: ScheduleId,
}

impl Home {
    fn new() -> Self {
        let id = ScheduleId::parse("race").unwrap();
        let slot = Aggregate::Schedule(id.number()).slot(TENANT);
        Self { stage: Stage::new([Head::empty(slot)]), state: None, rows: Vec::new(), id }
    }

    /// Whether a row came of it.
    fn execute(&mut self, now: UnixMs, command: &Command) -> Result<bool, Refusal> {
        let Some(event) = Programme::decide(self.state.as_ref(), &self.id, command)? else {
            return Ok(false);
        };
        let row = self.stage.push(event.draft(TENANT, &self.id, None), now).unwrap();
        Programme::fold(&mut self.state, &row).unwrap();
        // What is saved is read back, and what was decided is so now.
        let state = self.state();
        let saved = serde_json::to_vec(state).unwrap();
        assert_eq!(serde_json::from_slice::<Programme>(&saved).unwrap(), *state);
        assert_eq!(state.seq, row.seq);
        assert_ne!(
            Programme::decide(Some(state), &self.id, command).map(|event| event.is_some()),
            Ok(true)
        );
        self.rows.push(row);
        Ok(true)
    }

    fn state(&self) -> &Programme {
        self.state.as_ref().unwrap()
    }

    fn decide(&mut self, now: UnixMs, limit: usize) -> usize {
        let state = self.state();
        let plan = state.plan().unwrap();
        let from = state.decided_through;
        let due = plan.due(from, now, NonZeroUsize::new(limit).unwrap());
        let decided = |decision: super::super::Decision| Decided {
            outcome: decision.verdict.into(),
            instance: decision.instance,
        };
        let decisions: Vec<_> = due.decisions.into_iter().map(decided).collect();
        let count = decisions.len();
        let by = "scheduler".to_owned();
        let through = due.decided_through;
        let command = Command::Decide { from, through, decisions, by };
        assert_eq!(self.execute(now, &command), Ok(count > 0));
        count
    }

    fn tell(&mut self, now: UnixMs) -> Vec<String> {
        let due = self.state().open.values().map(|open| (open, open.due_notices(now)));
        let told = due.filter(|(_, due)| !due.is_empty()).map(|(open, due)| Told {
            instance: open.instance.key.clone(),
            through: now,
            notices: due
                .into_iter()
                .map(|notice| ToldNotice { key: notice.key, outcome: NoticeOutcome::Noted })
                .collect(),
        });
        let told: Vec<_> = told.collect();
        let keys = told.iter().flat_map(|told| &told.notices).map(|notice| notice.key.clone());
        let keys: Vec<_> = keys.collect();
        let is_any = !keys.is_empty();
        assert_eq!(self.execute(now, &Command::Tell { told }), Ok(is_any));
        keys
    }
}

fn set(change: Value, tournament: Value, from_configuration: bool) -> Command {
    let document = Document { schedule: schedule(change), tournament };
    Command::Set { document: Box::new(document), by: "anna".to_owned(), from_configuration }
}

fn stop(reason: &str) -> Command {
    Command::Stop { reason: reason.to_owned(), by: "ben".to_owned() }
}

fn hourly(change: Value) -> Value {
    let mut hourly = json!({"zone": "UTC", "when": {"type": "cron", "expression": "0 * * * *"},
                            "length": {"type": "fixed", "ms": 30 * MINUTE}});
    for (field, value) in change.as_object().unwrap() {
        hourly[field] = value.clone();
    }
    hourly
}

#[test]
fn setting_and_stopping_follow_the_table() {
    let mut home = Home::new();
    let at = |minute: i64| utc("2027-01-10T12:00").plus_ms(minute * MINUTE);
    let a = || set(hourly(json!({})), json!({"name": "A"}), false);
    let b = || set(hourly(json!({})), json!({"name": "B"}), false);
    let configured = |name: &str| set(hourly(json!({})), json!({"name": name}), true);
    let bad = set(json!({"zone": "Mars/Base"}), json!({}), false);
    let other = set(json!({"id": "other"}), json!({}), false);
    let decide = Command::Decide {
        from: at(1),
        through: at(2),
        decisions: Vec::new(),
        by: "scheduler".to_owned(),
    };
    let long = "x".repeat(501);
    // (command, what comes of it, version, stopped)
    type Row = (Command, Result<bool, &'static str>, u64, bool);
    let rows: Vec<Row> = vec![
        (stop("nothing there"), Err("NotFound"), 0, false),
        (decide.clone(), Err("NotFound"), 0, false),
        (bad, Err("Invalid"), 0, false),
        (a(), Ok(true), 1, false),
        (a(), Ok(false), 1, false),
        (other, Err("IdCollision"), 1, false),
        (decide, Err("Moved"), 1, false),
        (b(), Ok(true), 2, false),
        // The configuration says the same: it is noted that it did.
        (configured("B"), Ok(true), 3, false),
        (configured("B"), Ok(false), 3, false),
        (a(), Ok(true), 4, false),
        (stop(&long), Err("Reason"), 4, false),
        (stop(""), Ok(true), 4, true),
        (stop("again"), Ok(false), 4, true),
        (a(), Ok(true), 5, false),
    ];
    for (minute, (command, expected, version, is_stopped)) in (1..).zip(rows) {
        // "other" is sent to the home of "race", as if their numbers were the same.
        let is_other = matches!(&command, Command::Set { document, .. }
            if document.schedule.id.as_str() == "other");
        if is_other {
            home.id = ScheduleId::parse("other").unwrap();
        }
        let went = home.execute(at(minute), &command).map_err(|refusal| format!("{refusal:?}"));
        home.id = ScheduleId::parse("race").unwrap();
        match (&went, expected) {
            (Ok(went), Ok(expected)) => assert_eq!(*went, expected, "{command:?}"),
            (Err(words), Err(expected)) => assert!(words.starts_with(expected), "{words}"),
            _ => panic!("{command:?} came to {went:?}"),
        }
        let state = home.state.as_ref();
        assert_eq!(state.map_or(0, |state| state.version), version, "{command:?}");
        assert_eq!(state.is_some_and(|state| state.stopped.is_some()), is_stopped, "{command:?}");
        if let (Ok(true), Command::Set { .. }) = (&went, &command) {
            assert_eq!(
                (home.state().since, home.state().decided_through),
                (at(minute), at(minute))
            );
        }
    }
    let configured = home.state().configured.as_ref().map(|of| &of.tournament);
    assert_eq!(configured, Some(&json!({"name": "B"})), "an operator's version does not change it");
    // Whoever reads the rows again has the same state.
    let mut again = None;
    home.rows.iter().for_each(|row| Programme::fold(&mut again, row).unwrap());
    assert_eq!(again, home.state);
}

#[test]
fn instances_are_open_until_they_end_and_everybody_is_told() {
    let mut home = Home::new();
    let reminders = json!([{"type": "registrationOpens"}, {"type": "atEnd"},
                           {"type": "beforeStart", "ms": 0}]);
    let change = hourly(json!({"announceBeforeMs": HOUR, "reminders": reminders}));
    let noon = utc("2027-01-10T12:00");
    home.execute(noon, &set(change, json!({}), false)).unwrap();
    assert_eq!(home.decide(noon.plus_ms(1), 10), 1);
    let key = "race-20270110t1300";
    let open = |home: &Home| {
        home.state().open.keys().map(|key| key.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(open(&home), [key]);
    let told = |keys: &[&str]| keys.iter().map(|of| format!("{key}:{of}")).collect::<Vec<_>>();
    assert_eq!(home.state().next_notice(), Some(noon), "registration opens with the announcement");
    assert_eq!(home.tell(noon.plus_ms(5)), told(&["registration-opens"]));
    assert_eq!(home.tell(noon.plus_ms(5)), told(&[]));
    assert_eq!(home.tell(noon.plus_ms(HOUR)), told(&["before-start-0"]));
    assert_eq!(home.decide(noon.plus_ms(HOUR), 10), 1);
    let end = noon.plus_ms(HOUR + 30 * MINUTE);
    assert_eq!(home.state().next_notice(), Some(noon.plus_ms(HOUR)), "of the next one");
    home.tell(end.plus_ms(-1));
    assert_eq!(home.state().next_notice(), Some(end));
    // It has ended, and somebody still has to be told.
    assert_eq!(home.decide(noon.plus_ms(2 * HOUR), 10), 1);
    assert_eq!(open(&home).len(), 3);
    home.tell(noon.plus_ms(2 * HOUR));
    assert_eq!(open(&home), ["race-20270110t1400", "race-20270110t1500"]);
    // Called off.
    let state = home.state();
    let instance = state.open.values().last().unwrap().instance.clone();
    let outcome = Outcome::Missed { reason: Missed::NotCaughtUp };
    let (from, by) = (state.decided_through, "scheduler".to_owned());
    let decisions = vec![Decided { instance, outcome: outcome.clone() }];
    let call_off = Command::Decide { from, through: from, decisions, by };
    assert_eq!(home.execute(noon.plus_ms(2 * HOUR), &call_off), Ok(true));
    assert_eq!(open(&home), ["race-20270110t1400"]);
    let recent: Vec<_> = home.state().recent.iter().map(|of| of.outcome.as_str()).collect();
    assert_eq!(recent, ["announced", "announced", "announced", "missed"]);
    // A new version leaves what was announced as it is, and may speak of the same start.
    home.execute(noon.plus_ms(2 * HOUR), &set(hourly(json!({})), json!({}), false)).unwrap();
    assert_eq!(open(&home), ["race-20270110t1400"]);
    // Stopped: nothing is planned, those who wait are told.
    home.execute(noon.plus_ms(2 * HOUR), &stop("")).unwrap();
    let plan = home.state().plan().unwrap();
    assert_eq!(home.state().next_start(&plan), None);
    assert!(home.state().next_notice().is_some());
}

#[test]
fn what_is_kept_is_bounded() {
    let mut home = Home::new();
    let when = json!({"type": "cron", "expression": "* * * * *"});
    let length = json!({"type": "fixed", "ms": 48 * HOUR});
    let change = json!({"zone": "UTC", "when": when, "length": length, "overlap": true,
                        "catchUp": "all"});
    let start = utc("2027-01-10T00:00");
    home.execute(start, &set(change, json!({}), false)).unwrap();
    let now = start.plus_ms(24 * HOUR);
    let mut decided = 0;
    loop {
        let count = if home.state().decided_through < now { home.decide(now, 100) } else { 0 };
        decided += count;
        if count == 0 {
            break;
        }
    }
    assert_eq!(decided, 24 * 60);
    assert_eq!((home.state().open.len(), home.state().recent.len()), (OPEN_MAX, RECENT_MAX));
    let newest = home.state().open.keys().last().map(|key| key.as_str().to_owned());
    assert_eq!(newest.as_deref(), Some("race-20270111t0000"), "the oldest were dropped");
}

#[test]
fn rows_that_are_no_schedules_are_refused() {
    let mut home = Home::new();
    let noon = utc("2027-01-10T12:00");
    home.execute(noon, &set(hourly(json!({})), json!({}), false)).unwrap();
    home.execute(noon, &stop("")).unwrap();
    let fold = |state: Option<Programme>, row: &Row| {
        let mut state = state;
        Programme::fold(&mut state, row).map_err(|error| error.field)
    };
    let [first, second] = [&*home.rows[0], &*home.rows[1]];
    assert_eq!(fold(None, second), Err("before it was set"));
    let spoilt = Row { payload: b"{}".as_slice().into(), ..first.clone() };
    assert_eq!(fold(None, &spoilt), Err("document"));
    let foreign = Row { kind: crate::journal::RowKind::BetPlaced, ..first.clone() };
    assert_eq!(fold(None, &foreign), Err("not a schedule's row"));
    assert_eq!(fold(home.state.clone(), second), Ok(()));
    let unknown = Instance { ..home.state().plan().unwrap().instances(noon).next().unwrap() };
    let told = vec![Told { instance: unknown.key, through: noon, notices: Vec::new() }];
    assert_eq!(home.execute(noon, &Command::Tell { told }), Ok(false), "nobody waits for it");
}
