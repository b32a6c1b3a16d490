//! What one brand may do and how its page looks, beside another one's (requirement T11).

use crate::process::{Palio, Store, time_in};
use loadtest::{Client, Reply};
use serde_json::{Value, json};

const CONFIG: &str = r##"
[[tenant]]
id = 1
name = "first"
currency = "EUR"

[[tenant]]
id = 2
name = "strict"
currency = "EUR"
rules_off = ["rebuy", "jackpot", "revenue", "item", "rollover"]
[tenant.theme]
name = "Acme Races"
accent = "#0b6e4f"
scheme = "dark"
logo = "/icons/icon.svg"
"##;

#[tokio::test(flavor = "multi_thread")]
async fn brands() {
    let palio = Palio::start_with(Store::Sqlite, CONFIG, &[]).await;
    let of = |role: &str, tenant| {
        Client::bearer(&palio.url(), &palio.token_of(role, "anna", tenant)).unwrap()
    };
    let (first, strict) = (of("operator", 1), of("operator", 2));
    for operator in [&first, &strict] {
        let made = post(operator, "/api/players/anna", &json!({})).await;
        assert_eq!(made.status, 200, "{}", made.text());
    }
    let prize = |prize: &Value| json!({"prizeTable": {"currency": "EUR", "bands": [{"from": 1, "prizes": [prize]}]}});
    let (jackpot, seed) = (json!({"jackpot": {"percent": "0.5"}}), json!({"seed": "10.00"}));
    let pooled = |pool: &Value, unspent: &str| {
        json!({"prizeTable": {"currency": "EUR", "pool": pool, "policies": {"unspent": unspent},
            "bands": [{"from": 1, "prizes": [{"kind": "cash", "percent": "100"}]}]}})
    };
    let rebuys = |reentry: &str| {
        let mut body = pooled(&json!({"buyIns": {}}), "return");
        body["buyIn"] = json!({"amount": "4.00"});
        (body["entriesMax"], body["reentry"]) = (json!(3), json!(reentry));
        body
    };
    // (what the document says, which field is not allowed)
    let cases = [
        (json!({}), None),
        (json!({"metric": "ggr"}), Some("metric")),
        (rebuys("best"), None),
        (rebuys("sum"), Some("reentry")),
        (pooled(&seed, "return"), None),
        (pooled(&jackpot, "return"), Some("prizeTable.pool.jackpot")),
        (pooled(&seed, "rollover"), Some("prizeTable.policies.unspent")),
        (prize(&json!({"kind": "cash", "amount": "5.00"})), None),
        (prize(&json!({"kind": "item", "text": "Cup"})), Some("prizeTable.bands[0].prizes[0]")),
    ];
    for (n, (more, field)) in cases.iter().enumerate() {
        let mut body = json!({"id": format!("race-{n}"), "name": "Race", "metric": "turnover",
            "currency": "EUR", "startsAt": time_in(60_000), "endsAt": time_in(120_000)});
        let mut other = json!({"name": "Race", "metric": "turnover", "currency": "EUR"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
            other[name] = value.clone();
        }
        let told = |answer: &Value, prefix: &str| {
            let problems = answer["problems"].as_array().cloned().unwrap_or_default();
            let off = problems.iter().filter(|one| one["code"] == "RULE_SWITCHED_OFF");
            let fields: Vec<_> = off.map(|one| one["field"].as_str().unwrap().to_owned()).collect();
            let expected: Vec<_> = field.iter().map(|of| format!("{prefix}{of}")).collect();
            assert_eq!(fields, expected, "{more}: {answer}");
        };
        let check = post(&strict, "/api/tournaments/check", &body).await;
        told(&check.json().unwrap(), "");
        let schedule = json!({"id": format!("often-{n}"), "when": {"type": "instant"},
            "length": {"type": "fixed", "ms": 60_000}, "tournament": other});
        let check = post(&strict, "/api/tournaments/check", &schedule).await;
        told(&check.json().unwrap(), "tournament.");
        let set = post(&strict, "/api/schedules", &schedule).await;
        let announced = post(&strict, "/api/tournaments", &body).await;
        if field.is_some() {
            told(&announced.json().unwrap(), "");
            assert_eq!((announced.status, announced.code()), (422, "RULE_SWITCHED_OFF"));
            told(&set.json().unwrap(), "tournament.");
            assert_eq!((set.status, set.code()), (422, "SCHEDULE_INVALID"));
            body["id"] = json!(format!("first-{n}"));
            let free = post(&first, "/api/tournaments", &body).await;
            assert_eq!(free.status, 201, "the other brand may: {}", free.text());
        } else {
            assert_eq!((announced.status, set.status), (201, 201), "{more}: {}", set.text());
        }
    }
    // Whoever is of the brand sees its colours; everybody else the first one's.
    let theirs: Value = of("player", 2).fetch("/api/theme").await.unwrap();
    assert_eq!((&theirs["name"], &theirs["scheme"]), (&json!("Acme Races"), &json!("dark")));
    assert_eq!(theirs["logo"], "/icons/icon.svg");
    assert_eq!(theirs["light"]["button"], "#0b6e4f");
    let other: Value = of("player", 1).fetch("/api/theme").await.unwrap();
    assert_eq!(other, json!({"name": "Palio", "scheme": "auto"}));
    let nobody = Client::anonymous(&palio.url()).unwrap();
    let public: Value = nobody.fetch("/api/theme").await.unwrap();
    assert_eq!(public, other);
}

async fn post(who: &Client, path: &str, body: &Value) -> Reply {
    who.post(path, "", body.to_string()).await.unwrap()
}
