//! Schedules over HTTP with the real server: what they announce, what a kill and a downtime do to
//! them, what is refused and where (requirement T2).
//!
//! `PALIO_SCHEDULE_MINUTES=5 cargo test --test it schedules` watches a schedule of every minute for
//! five minutes, killed in each; one by default.

use crate::crash::number;
use crate::process::{Palio, Store, time_in};
use loadtest::{Client, Reply};
use palio_protocol::signature::Signed;
use palio_protocol::time;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const MINUTE: i64 = 60_000;
const SECRET: &str = "the secret that signs what a tenant is told";

/// A schedule that an operator starts, set by the configuration; a tenant with a zone.
fn config(notices: &str) -> String {
    format!(
        r#"
[[tenant]]
id = 1
name = "berlin"
currency = "EUR"
zone = "Europe/Berlin"
notices_url = "{notices}"
notices_secret_file = "$notices.key"

[[tenant]]
id = 2
name = "other"
currency = "EUR"
tournament_types = ["leaderboard"]

[[schedule]]
id = "by-hand"
when = {{ type = "instant" }}
length = {{ type = "fixed", ms = 3600000 }}
registrationBeforeMs = 60000
[schedule.tournament]
name = "By hand"
metric = "turnover"
currency = "EUR"
prizes = ["50.00", "25.00"]
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_on_sqlite() {
    schedules(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_on_postgres() {
    schedules(Store::Postgres).await;
}

async fn schedules(store: Store) {
    let inbox = Inbox::open().await;
    let files = [("notices.key", SECRET)];
    let mut palio = Palio::start_with(store, &config(&inbox.url), &files).await;
    documents(&palio).await;
    by_hand(&palio).await;
    downtime(&mut palio).await;
    every_minute(&mut palio, number("PALIO_SCHEDULE_MINUTES", 1)).await;
    told(&palio, &inbox).await;
    palio.stop();
    let report = palio.verify();
    assert_eq!(report["schedules"], 6, "{report:#}");
}

fn document(id: &str, change: &Value) -> Value {
    let mut document = json!({
        "id": id,
        "when": {"type": "cron", "expression": "* * * * *"},
        "length": {"type": "fixed", "ms": MINUTE},
        "tournament": {"name": id, "metric": "turnover", "currency": "EUR", "entry": "all"},
    });
    for (field, value) in change.as_object().unwrap() {
        document[field] = value.clone();
    }
    document
}

async fn post(who: &Client, path: &str, body: &Value) -> Reply {
    who.post(path, "", body.to_string()).await.unwrap()
}

async fn set(palio: &Palio, document: &Value) -> Value {
    let reply = post(&palio.operator(), "/api/schedules", document).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json().unwrap()
}

async fn shown(palio: &Palio, id: &str) -> Value {
    palio.operator().fetch(&format!("/api/schedules/{id}")).await.unwrap()
}

async fn tournament(palio: &Palio, id: &str) -> Option<Value> {
    let reply = palio.operator().get(&format!("/api/tournaments/{id}")).await.unwrap();
    (reply.status == 200).then(|| reply.json().unwrap())
}

/// The ids of all tournaments that were made from a schedule.
async fn tournaments(palio: &Palio, schedule: &str) -> BTreeSet<String> {
    let all: Value = palio.operator().fetch("/api/tournaments?limit=200").await.unwrap();
    let ids = all["tournaments"].as_array().unwrap().iter().map(|one| text(&one["id"]));
    let prefix = format!("{schedule}-2");
    ids.filter(|id| id.starts_with(&prefix)).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn ms(value: &Value) -> i64 {
    time::parse(value.as_str().unwrap()).unwrap().0
}

fn now() -> i64 {
    time::parse(&time_in(0)).unwrap().0
}

/// Waits until something is so.
async fn until<T>(palio: &Palio, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(30) {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}\n{}", palio.log());
}

async fn documents(palio: &Palio) {
    let (i, t) = ("INVALID_FIELD", "TOURNAMENT_INVALID");
    let past = now() - MINUTE;
    let with = |field: &str, value: Value| {
        let mut tournament = document("x", &json!({}))["tournament"].clone();
        tournament[field] = value;
        json!({"tournament": tournament})
    };
    // (what is other than it should be, field and code of everything that is said)
    let rows: Vec<(Value, Vec<(&str, &str)>)> = vec![
        (json!({"when": {"type": "once", "at": past}}), vec![("when", "NEVER_FIRES")]),
        (
            json!({"when": {"type": "cron", "expression": "* * * *"}, "zone": "Mars/Base"}),
            vec![("zone", "ZONE_UNKNOWN"), ("when.expression", "CRON_INVALID")],
        ),
        (
            json!({"length": {"type": "fixed", "ms": 2 * MINUTE}}),
            vec![("length", "INSTANCES_OVERLAP")],
        ),
        (json!({"length": {"type": "fixed"}}), vec![("length.ms", i)]),
        (
            json!({"speed": 1, "reminders": [{"type": "soon"}]}),
            vec![("reminders[0]", i), ("speed", i)],
        ),
        (json!({"tournament": "x"}), vec![("tournament", i)]),
        (with("name", json!("")), vec![("tournament.name", i)]),
        (with("id", json!("x")), vec![("tournament.id", i)]),
        (with("prizes", json!(["1.00", "2.00"])), vec![("tournament.prizes", t)]),
        (with("metric", json!("custom")), vec![("tournament.rules", t)]),
        (
            json!({"when": {"type": "once", "at": past}, "tournament": {"metric": "turnover"}}),
            vec![("when", "NEVER_FIRES"), ("tournament.name", i)],
        ),
        (
            json!({"lateAfterMs": 1, "tournament": {"name": "x", "metric": "fastest"}}),
            vec![("lateAfterMs", "OUT_OF_RANGE"), ("tournament.metric", i)],
        ),
    ];
    let operator = palio.operator();
    for (change, expected) in rows {
        let reply = post(&operator, "/api/schedules", &document("bad", &change)).await;
        assert_eq!((reply.status, reply.code()), (422, "SCHEDULE_INVALID"), "{}", reply.text());
        let answer: Value = reply.json().unwrap();
        let problems = answer["problems"].as_array().unwrap();
        let found: Vec<_> =
            problems.iter().map(|p| (text(&p["field"]), text(&p["code"]))).collect();
        let found: Vec<_> = found.iter().map(|(f, c)| (f.as_str(), c.as_str())).collect();
        assert_eq!(found, expected, "{change}");
        assert_eq!(answer["field"], expected[0].0);
        assert!(problems.iter().all(|p| p["message"].as_str().is_some_and(|m| !m.is_empty())));
    }
    let good = document("bad", &json!({}));
    let reply = operator.post("/api/schedules", "", "[1").await.unwrap();
    assert_eq!((reply.status, reply.code()), (400, "BAD_JSON"));
    // Who may, and what is not there.
    let player = {
        palio.deposit("p", "d", "1.00").await;
        palio.player("p")
    };
    let other = Client::bearer(&palio.url(), &palio.token_of("operator", "anna", 2)).unwrap();
    let rows: Vec<(&Client, &str, Value, u16, &str)> = vec![
        (&player, "/api/schedules", good, 403, "FORBIDDEN"),
        (&player, "/api/schedules/by-hand/start", Value::Null, 403, "FORBIDDEN"),
        (&operator, "/api/schedules/bad/start", Value::Null, 404, "SCHEDULE_NOT_FOUND"),
        (&operator, "/api/schedules/bad/stop", json!({}), 404, "SCHEDULE_NOT_FOUND"),
        (&other, "/api/schedules/by-hand/stop", json!({}), 404, "SCHEDULE_NOT_FOUND"),
        (&other, "/api/schedules", document("by-hand", &json!({})), 409, "SCHEDULE_EXISTS"),
        (&operator, "/api/schedules/by-hand/stop", json!({"reason": 1}), 422, "INVALID_FIELD"),
    ];
    for (who, path, body, status, code) in rows {
        let reply = post(who, path, &body).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{path} {}", reply.text());
    }
    taken(&operator, &other).await;
    // A type of tournaments that is switched off is not announced by a schedule either.
    let reply =
        post(&other, "/api/schedules", &document("off", &with("type", json!("slot_race")))).await;
    assert_eq!((reply.status, reply.code()), (422, "SCHEDULE_INVALID"), "{}", reply.text());
    assert!(reply.text().contains(r#""field":"tournament.type""#), "{}", reply.text());
    assert_eq!(operator.get("/api/schedules/bad").await.unwrap().status, 404);
    let list: Value = operator.fetch("/api/schedules").await.unwrap();
    let ids: Vec<_> =
        list["schedules"].as_array().unwrap().iter().map(|s| text(&s["id"])).collect();
    assert_eq!(ids, ["by-hand"], "nothing that was refused is there");
}

/// Ids are the server's: what one brand has, another one is told not to take, in which field, and
/// what to do; the first one's stays as it is.
async fn taken(operator: &Client, other: &Client) {
    let before: Value = operator.fetch("/api/schedules/by-hand").await.unwrap();
    let race = json!({"id": "theirs", "name": "Race", "metric": "turnover", "currency": "EUR",
        "startsAt": time_in(600_000), "endsAt": time_in(900_000), "entry": "all"});
    let made = post(operator, "/api/tournaments", &race).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let rows = [
        ("/api/schedules", document("by-hand", &json!({})), "SCHEDULE_EXISTS"),
        ("/api/tournaments", race, "TOURNAMENT_EXISTS"),
    ];
    for (path, body, code) in rows {
        let reply = post(other, path, &body).await;
        assert_eq!((reply.status, reply.code()), (409, code), "{}", reply.text());
        let problem: Value = reply.json().unwrap();
        assert_eq!(problem["field"], "id");
        let detail = text(&problem["detail"]);
        assert!(detail.contains("another brand") && detail.contains("begins with"), "{detail}");
    }
    let after: Value = operator.fetch("/api/schedules/by-hand").await.unwrap();
    assert_eq!((&after["document"], &after["version"]), (&before["document"], &before["version"]));
    assert_eq!(other.get("/api/schedules/by-hand").await.unwrap().status, 404);
}

/// An operator starts one now, and clicks twice.
async fn by_hand(palio: &Palio) {
    let first = shown(palio, "by-hand").await;
    assert_eq!((&first["by"], &first["version"]), (&json!("configuration"), &json!(1)));
    assert_eq!(first["document"]["zone"], "Europe/Berlin", "the tenant's");
    assert_eq!(first["next"], json!([]));
    let operator = palio.operator();
    let click = async || {
        let reply = post(&operator, "/api/schedules/by-hand/start", &Value::Null).await;
        let answer: Value = reply.json().unwrap();
        (reply.status, answer["instance"].clone())
    };
    // Both clicks in one minute.
    while now() % MINUTE > MINUTE - 5_000 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (status, instance) = click().await;
    assert_eq!((status, &instance["outcome"]), (201, &json!("announced")), "{instance}");
    let (together, again) = tokio::join!(click(), click());
    assert_eq!(together, (200, instance.clone()));
    assert_eq!(again, (200, instance.clone()));
    let id = text(&instance["tournamentId"]);
    assert_eq!(ms(&instance["endsAt"]) - ms(&instance["startsAt"]), 3_600_000);
    let made = until(palio, "a tournament", async || tournament(palio, &id).await).await;
    for field in ["startsAt", "endsAt", "registrationOpensAt"] {
        assert_eq!(made[field], instance[field], "{field}");
    }
    assert_eq!((&made["name"], &made["prizes"][0]), (&json!("By hand"), &json!("50.00")));
    assert_eq!(tournaments(palio, "by-hand").await.len(), 1);
    let after = shown(palio, "by-hand").await;
    let recent = after["recent"].as_array().unwrap();
    assert_eq!((recent.len(), &recent[0]["tournamentId"]), (1, &json!(id)));

    let stop = json!({"reason": "the season is over"});
    for _ in 0..2 {
        let reply = post(&operator, "/api/schedules/by-hand/stop", &stop).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let stopped: Value = reply.json().unwrap();
        let said = (&stopped["state"], &stopped["by"], &stopped["reason"]);
        assert_eq!(said, (&json!("stopped"), &json!("test"), &json!("the season is over")));
    }
    let reply = post(&operator, "/api/schedules/by-hand/start", &Value::Null).await;
    assert_eq!((reply.status, reply.code()), (409, "SCHEDULE_STATE"));
    // Set again as it was shown: a new version; and once more: nothing.
    for _ in 0..2 {
        let reply = post(&operator, "/api/schedules", &after["document"]).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let running: Value = reply.json().unwrap();
        assert_eq!((&running["state"], &running["version"]), (&json!("running"), &json!(2)));
    }
}

/// What was missed while the server was down, and what was announced before.
async fn downtime(palio: &mut Palio) {
    // Whole seconds, so that times are the same on the wire.
    let at = (now() / 1_000 + 3) * 1_000;
    let once = |catch_up: &str, announced_before: i64| {
        json!({"when": {"type": "once", "at": at}, "length": {"type": "fixed", "ms": 10 * MINUTE},
               "catchUp": catch_up, "lateAfterMs": 1_000, "announceBeforeMs": announced_before,
               "reminders": [{"type": "beforeStart", "ms": 0}]})
    };
    for (id, change) in [
        ("late", once("latest", 0)),
        ("skipped", once("none", 0)),
        ("called-off", once("none", MINUTE)),
        ("kept", once("latest", MINUTE)),
    ] {
        set(palio, &document(id, &change)).await;
    }
    for id in ["called-off", "kept"] {
        until(palio, id, async || (tournaments(palio, id).await.len() == 1).then_some(())).await;
    }
    palio.kill();
    tokio::time::sleep(Duration::from_secs(6)).await;
    palio.run().await;
    // (schedule, its outcomes from the first on, the reason of the last, its tournament's status)
    let rows: [(&str, &[&str], Value, Option<&str>); 4] = [
        ("late", &["late"], Value::Null, Some("active")),
        ("skipped", &["missed"], json!("notCaughtUp"), None),
        ("called-off", &["announced", "missed"], json!("notCaughtUp"), Some("cancelled")),
        ("kept", &["announced"], Value::Null, Some("active")),
    ];
    for (id, outcomes, reason, status) in rows {
        let recent = until(palio, id, async || {
            let recent = shown(palio, id).await["recent"].as_array().unwrap().clone();
            (recent.len() == outcomes.len()).then_some(recent)
        });
        let recent = recent.await;
        let found: Vec<_> = recent.iter().rev().map(|of| text(&of["outcome"])).collect();
        assert_eq!(found, outcomes, "{id}");
        assert_eq!(recent[0]["reason"], reason, "{id}");
        let key = text(&recent[0]["tournamentId"]);
        let Some(status) = status else {
            assert_eq!(tournament(palio, &key).await, None, "{id}");
            continue;
        };
        let made = until(palio, id, async || {
            tournament(palio, &key).await.filter(|made| made["status"] == status)
        });
        let made = made.await;
        // What is late has its times unchanged.
        assert_eq!((ms(&made["startsAt"]), ms(&made["endsAt"])), (at, at + 10 * MINUTE), "{id}");
    }
    let configured = shown(palio, "by-hand").await;
    assert_eq!(configured["version"], 2, "the configuration did not change, so it changes nothing");
    // It says something else now: that is set once.
    palio.reconfigure("25.00", "20.00");
    for _ in 0..2 {
        palio.kill();
        palio.run().await;
        let configured = shown(palio, "by-hand").await;
        assert_eq!(
            (&configured["version"], &configured["by"]),
            (&json!(3), &json!("configuration"))
        );
        assert_eq!(configured["document"]["tournament"]["prizes"][1], "20.00");
    }
}

/// A schedule of every minute, announced some minutes ahead; the server is killed before every
/// minute and back after it.
async fn every_minute(palio: &mut Palio, minutes: u64) {
    let ahead = 150 * 1_000;
    let change = json!({"announceBeforeMs": ahead, "registrationBeforeMs": MINUTE,
                        "reminders": [{"type": "registrationOpens"}, {"type": "beforeEnd", "ms": 1000}]});
    let first = set(palio, &document("minutely", &change)).await;
    let next = first["next"].as_array().unwrap();
    assert_eq!(next.len(), 10);
    // By plain arithmetic: one after the other, of whole minutes.
    let begin = (ms(&first["since"]) / MINUTE + 1) * MINUTE;
    let mut expected = BTreeMap::new();
    for minute in 0..i64::try_from(minutes).unwrap() + 5 {
        let starts = begin + minute * MINUTE;
        let at = chrono::DateTime::from_timestamp_millis(starts).unwrap();
        // Berlin is an hour or two ahead; the key says which local time it is.
        let local = at.with_timezone(&chrono_tz_berlin(starts));
        expected.insert(format!("minutely-{}", local.format("%Y%m%dt%H%M")), starts);
    }
    for (instance, (key, starts)) in next.iter().zip(&expected) {
        assert_eq!((&text(&instance["tournamentId"]), ms(&instance["startsAt"])), (key, *starts));
        assert_eq!(ms(&instance["announcedAt"]), starts - ahead);
    }
    // Those whose announcement is past are there; and no other.
    let check = async |palio: &Palio| {
        let wanted = |at: i64| {
            let due = expected.iter().filter(|(_, starts)| **starts - ahead <= at);
            due.map(|(key, _)| key.clone()).collect::<BTreeSet<_>>()
        };
        let since = now();
        until(palio, "announced", async || {
            wanted(since).is_subset(&tournaments(palio, "minutely").await).then_some(())
        })
        .await;
        let found = tournaments(palio, "minutely").await;
        assert!(found.is_subset(&wanted(now())), "{found:?}");
        found
    };
    check(palio).await;
    for _ in 0..minutes {
        let left = MINUTE - now() % MINUTE;
        tokio::time::sleep(Duration::from_millis(u64::try_from(left - 500).unwrap_or(0))).await;
        palio.kill();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        palio.run().await;
        check(palio).await;
    }
    let found = check(palio).await;
    let made = shown(palio, "minutely").await;
    let recent = made["recent"].as_array().unwrap();
    let decided: BTreeSet<_> = recent.iter().map(|of| text(&of["tournamentId"])).collect();
    assert_eq!((decided.len(), decided), (recent.len(), found.clone()), "each decided once");
    for (key, starts) in expected.iter().filter(|(key, _)| found.contains(*key)) {
        let made = tournament(palio, key).await.unwrap();
        assert_eq!(ms(&made["startsAt"]), *starts);
        assert_eq!(ms(&made["endsAt"]), starts + MINUTE);
        assert_eq!(ms(&made["registrationOpensAt"]), starts - MINUTE);
    }
    // Stopped, it announces no more, and what it announced stays.
    let reply = post(&palio.operator(), "/api/schedules/minutely/stop", &json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(found.is_subset(&tournaments(palio, "minutely").await));
}

/// Berlin's offset, by the rule of the European Union: summer time from the last Sunday of March to
/// the last Sunday of October, 01:00 UTC.
fn chrono_tz_berlin(at: i64) -> chrono::FixedOffset {
    use chrono::{Datelike as _, NaiveDate};
    let year = chrono::DateTime::from_timestamp_millis(at).unwrap().year();
    let last_sunday = |month| {
        let last = NaiveDate::from_ymd_opt(year, month, 31).unwrap();
        let back = u64::from(last.weekday().num_days_from_sunday());
        let day = last.checked_sub_days(chrono::Days::new(back)).unwrap();
        day.and_hms_opt(1, 0, 0).unwrap().and_utc().timestamp_millis()
    };
    let hours = if (last_sunday(3)..last_sunday(10)).contains(&at) { 2 } else { 1 };
    chrono::FixedOffset::east_opt(hours * 3_600).unwrap()
}

/// What a tenant was told: by key how often, and a document.
#[derive(Default)]
struct Letters(BTreeMap<String, (u64, Value)>);

/// Where a tenant's notices go; it does not take the first try of any.
struct Inbox {
    url: String,
    letters: Arc<Mutex<Letters>>,
}

impl Inbox {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/notices?of=1", listener.local_addr().unwrap());
        let letters = Arc::new(Mutex::new(Letters::default()));
        let kept = Arc::clone(&letters);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let letters = Arc::clone(&kept);
                tokio::spawn(async move {
                    let mut bytes = Vec::new();
                    let mut part = [0; 4_096];
                    while let Ok(count) = stream.read(&mut part).await {
                        bytes.extend_from_slice(&part[..count]);
                        let whole = String::from_utf8_lossy(&bytes).into_owned();
                        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
                        let length = header(head, "content-length").parse().unwrap_or(0);
                        if count == 0 || body.len() >= length {
                            let status = letters.lock().unwrap().take(head, body);
                            let answer = format!(
                                "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                            );
                            stream.write_all(answer.as_bytes()).await.unwrap_or_default();
                            return;
                        }
                    }
                });
            }
        });
        Self { url, letters }
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
}

impl Letters {
    fn take(&mut self, head: &str, body: &str) -> u16 {
        let key = header(head, "x-idempotency-key");
        let signed = Signed {
            timestamp: header(head, "x-palio-timestamp"),
            method: "POST",
            path_and_query: "/notices?of=1",
            idempotency_key: key,
            body: body.as_bytes(),
        };
        let is_signed = signed.verify(SECRET.as_bytes(), header(head, "x-palio-signature"));
        if !is_signed || !head.starts_with("POST /notices?of=1 ") {
            return 401;
        }
        let body: Value = serde_json::from_str(body).unwrap();
        let (count, _) = self.0.entry(key.to_owned()).or_insert((0, body));
        *count += 1;
        if *count == 1 { 503 } else { 204 }
    }
}

/// Reminders arrive, signed and under their keys; those of what was missed do not.
async fn told(palio: &Palio, inbox: &Inbox) {
    let started = |id: &str| format!("{id}:before-start-0");
    let of = async |id: &str| text(&shown(palio, id).await["recent"][0]["tournamentId"]);
    let (late, kept) = (of("late").await, of("kept").await);
    let called_off = of("called-off").await;
    let opened =
        format!("{}:registration-opens", tournaments(palio, "minutely").await.first().unwrap());
    for key in [started(&late), started(&kept), opened] {
        let letter = until(palio, &key, async || {
            let letters = inbox.letters.lock().unwrap();
            letters.0.get(&key).filter(|(count, _)| *count >= 2).cloned()
        });
        let (_, letter) = letter.await;
        let id = key.split(':').next().unwrap();
        assert_eq!(
            (&letter["event"], &letter["eventId"]),
            (&json!("tournament.notice"), &json!(key))
        );
        assert_eq!(letter["tournamentId"], id);
        assert!(id.starts_with(&format!("{}-2", text(&letter["scheduleId"]))));
    }
    let letters = inbox.letters.lock().unwrap();
    assert!(!letters.0.contains_key(&started(&called_off)), "nobody hears of what was called off");
}
