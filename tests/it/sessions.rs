//! Sessions over the wire: who may open one, whose it is, how it ends; and what a player's
//! protection stops (requirements G2, G4, RG1, RG2; money-cases.md, 1 and 16).

use crate::process::{Palio, Store, time_in};
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use loadtest::{Client, Reply};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CONFIG: &str = r#"
[[tenant]]
id = 1
name = "strict"
currency = "EUR"
currencies = ["EUR", "USD"]
countries_blocked = ["US"]
age_min = 18

[[tenant]]
id = 2
name = "other"
currency = "EUR"

[[provider]]
id = "acme"
tenant = 1
keys = [{ id = "acme-1", secret_file = "" }]

[[provider]]
id = "bravo"
tenant = 1
keys = [{ id = "bravo-1", secret_file = "" }]

[[provider]]
id = "second"
tenant = 2
keys = [{ id = "second-1", secret_file = "" }]
"#;

const FAR: &str = "2099-01-01T00:00:00.000Z";

#[tokio::test(flavor = "multi_thread")]
async fn sessions_on_sqlite() {
    sessions(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_on_postgres() {
    sessions(Store::Postgres).await;
}

async fn sessions(store: Store) {
    let mut palio = Palio::start_with(store, CONFIG, &[]).await;
    for player in ["p", "q", "r"] {
        assert_eq!(palio.deposit(player, "d", "100.00").await.status, 200);
    }
    who_may_open_one(&palio).await;
    states(&palio).await;
    expiry(&palio).await;
    protection(&palio).await;
    tenants(&palio).await;
    palio.stop();
    palio.verify();
}

fn provider(palio: &Palio, key: &str) -> Client {
    Client::new(&palio.url(), key, &palio.secret(key)).unwrap()
}

async fn post(who: &Client, path: &str, key: &str, body: &Value) -> Reply {
    who.post(path, key, body.to_string()).await.unwrap()
}

fn said(reply: &Reply) -> (u16, String) {
    (reply.status, reply.code().to_owned())
}

fn no(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn asked(provider: &str, expires: &str) -> Value {
    json!({"gameId": "wheel", "currency": "EUR", "expiresAt": expires, "provider": provider,
           "country": "DE", "birthDate": "1990-04-30"})
}

/// Opens a session of "acme" for a player: its token.
async fn open(palio: &Palio, player: &str, key: &str, expires: &str) -> String {
    let path = format!("/api/players/{player}/sessions");
    let reply = post(&palio.operator(), &path, key, &asked("acme", expires)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let json: Value = reply.json().unwrap();
    json["sessionToken"].as_str().unwrap().to_owned()
}

fn bet(player: &str, id: &str, token: &str) -> Value {
    json!({"playerId": player, "roundId": id, "gameId": "wheel", "betId": id, "amount": "1.00",
           "currency": "EUR", "sessionToken": token})
}

async fn who_may_open_one(palio: &Palio) {
    let operator = palio.operator();
    // (field, its value or none, status, code, the field that is named)
    let rows = [
        ("currency", json!("GBP"), 403, "SESSION_REFUSED", "currency"),
        ("currency", json!("XXX"), 422, "INVALID_FIELD", "currency"),
        ("country", Value::Null, 422, "INVALID_FIELD", "country"),
        ("country", json!("usa"), 422, "INVALID_FIELD", "country"),
        ("country", json!("US"), 403, "SESSION_REFUSED", "country"),
        ("birthDate", Value::Null, 422, "INVALID_FIELD", "birthDate"),
        ("birthDate", json!("1990-02-30"), 422, "INVALID_FIELD", "birthDate"),
        ("birthDate", json!("2015-01-01"), 403, "SESSION_REFUSED", "birthDate"),
        ("expiresAt", json!("2020-01-01T00:00:00.000Z"), 422, "INVALID_FIELD", "expiresAt"),
        // Whose game it is has to be clear.
        ("provider", Value::Null, 422, "INVALID_FIELD", "provider"),
        ("provider", json!("second"), 422, "INVALID_FIELD", "provider"),
        ("provider", json!("nobody"), 422, "INVALID_FIELD", "provider"),
        ("provider", json!("bravo"), 200, "-", ""),
    ];
    for (field, value, status, code, named) in rows {
        let mut body = asked("acme", FAR);
        body[field] = value.clone();
        if value.is_null() {
            body.as_object_mut().unwrap().remove(field);
        }
        // The same key every time: what is refused is not kept.
        let reply = post(&operator, "/api/players/p/sessions", "open", &body).await;
        assert_eq!(said(&reply), no(status, code), "{field} {value} {}", reply.text());
        if status != 200 {
            let json: Value = reply.json().unwrap();
            assert_eq!(json["field"], named, "{field} {value}");
        }
    }
    // A tenant with one provider need not name it, and asks for no age here.
    let other = palio.token_of("operator", "anna", 2);
    let other = Client::bearer(&palio.url(), &other).unwrap();
    assert_eq!(post(&other, "/api/players/z", "", &json!({})).await.status, 200);
    let plain = json!({"gameId": "wheel", "currency": "GBP", "expiresAt": FAR});
    let reply = post(&other, "/api/players/z/sessions", "open", &plain).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    // A session is its provider's own.
    let json: Value = reply.json().unwrap();
    let token = json!({"sessionToken": json["sessionToken"]});
    let second = provider(palio, "second-1");
    assert_eq!(post(&second, "/wallet/session", "", &token).await.status, 200);
    let own = open(palio, "p", "own", FAR).await;
    let bravo = provider(palio, "bravo-1");
    let handshake = post(&bravo, "/wallet/session", "", &json!({"sessionToken": own})).await;
    assert_eq!(said(&handshake), no(401, "BAD_TOKEN"));
    let foreign = post(&bravo, "/wallet/debit", "", &bet("p", "foreign", &own)).await;
    assert_eq!(said(&foreign), no(403, "SESSION_EXPIRED"));
}

async fn set(palio: &Palio, state: &str) {
    let body = json!({"state": state, "reason": "a test"});
    let reply = post(&palio.operator(), "/api/providers/acme/state", "", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

/// Maintenance and the kill switch stop what is new, whether it names the provider or not, and
/// nothing that was done before.
async fn states(palio: &Palio) {
    let (acme, operator) = (provider(palio, "acme-1"), palio.operator());
    let token = open(palio, "q", "s", FAR).await;
    let named = json!({"sessionToken": token});
    let placed = bet("q", "before", &token);
    let played = json!({"playerId": "q", "roundId": "p1", "gameId": "wheel", "betId": "p1",
                        "stake": "1.00", "payout": "0.00", "currency": "EUR"});
    let event = json!({"event": "bet.placed", "v": "1", "eventId": "e1", "betId": "e1",
                       "playerId": "q", "roundId": "e1", "gameId": "wheel", "stake": "1.00",
                       "currency": "EUR"});
    let first = post(&acme, "/wallet/debit", "k", &placed).await;
    assert_eq!(first.status, 200);
    assert_eq!(post(&acme, "/wallet/play", "", &played).await.status, 200);
    assert_eq!(post(&acme, "/events", "", &event).await.status, 200);
    for state in ["maintenance", "off"] {
        set(palio, state).await;
        // No new sessions and bets …
        let path = "/api/players/q/sessions";
        let session = post(&operator, path, state, &asked("acme", FAR)).await;
        assert_eq!(said(&session), no(503, "PROVIDER_MAINTENANCE"), "{state}");
        assert_eq!(session.header("retry-after"), Some("5"));
        let new = post(&acme, "/wallet/debit", "new", &bet("q", "new", &token)).await;
        assert_eq!(said(&new), no(503, "PROVIDER_MAINTENANCE"), "{state}");
        // … but every repeat hears what it heard.
        let again = post(&acme, "/wallet/debit", "k", &placed).await;
        assert_eq!(said(&again), no(409, "IDEMPOTENT_REPLAY"), "{state}");
        assert!(again.text().contains(&format!(r#""result":{}"#, first.text())), "{state}");
        let other = bet("q", "other", &token);
        let other = post(&acme, "/wallet/debit", "k", &other).await;
        assert_eq!(said(&other), no(422, "IDEMPOTENCY_MISMATCH"), "{state}");
        let again = post(&acme, "/wallet/play", "", &played).await;
        assert_eq!(said(&again), no(409, "IDEMPOTENT_REPLAY"), "{state}");
        assert_eq!(post(&acme, "/events", "", &event).await.status, 200, "{state}");
        let again = post(&operator, path, "s", &asked("acme", FAR)).await;
        assert_eq!(said(&again), no(409, "IDEMPOTENT_REPLAY"), "{state}");
        // Who is in a game stays there in maintenance; the kill switch ends that too.
        let handshake = post(&acme, "/wallet/session", "", &named).await;
        let expected = if state == "off" { no(503, "PROVIDER_MAINTENANCE") } else { no(200, "-") };
        assert_eq!(said(&handshake), expected, "{state}");
        // The other provider goes on.
        let key = format!("bravo {state}").replace(' ', "-");
        let mut bravo = asked("bravo", FAR);
        bravo["gameId"] = json!("dice");
        assert_eq!(post(&operator, path, &key, &bravo).await.status, 200);
    }
    set(palio, "active").await;
    assert_eq!(post(&acme, "/wallet/session", "", &named).await.status, 200);
    let new = post(&acme, "/wallet/debit", "new", &bet("q", "new", &token)).await;
    assert_eq!(new.status, 200, "nothing was kept");
    for (id, payout) in [("before", "2.00"), ("new", "2.00"), ("e1", "0.00")] {
        let body = json!({"playerId": "q", "roundId": id, "betId": id, "amount": payout,
                          "currency": "EUR"});
        assert_eq!(post(&acme, "/wallet/credit", "", &body).await.status, 200);
    }
}

/// The same token, of a session that ended a year ago.
fn aged(token: &str, key: &[u8]) -> String {
    let parts: Vec<_> = token.split('.').collect();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
    let mut claims: Value = serde_json::from_slice(&payload).unwrap();
    let year = 365 * 24 * 60 * 60;
    claims["exp"] = json!(claims["iat"].as_i64().unwrap() - year);
    claims["iat"] = json!(claims["iat"].as_i64().unwrap() - 2 * year);
    let payload = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    let content = format!("{}.{payload}", parts[0]);
    let pair = Ed25519KeyPair::from_pkcs8(PrivateKeyDer::from_pem_slice(key).unwrap().secret_der());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(pair.unwrap().sign(content.as_bytes()));
    format!("{content}.{signature}")
}

async fn expiry(palio: &Palio) {
    let acme = provider(palio, "acme-1");
    // By time: as soon as it is over, for ever, also when there is a new one.
    let short = open(palio, "r", "short", &time_in(1_500)).await;
    let body = json!({"sessionToken": short});
    assert_eq!(post(&acme, "/wallet/debit", "", &bet("r", "in_time", &short)).await.status, 200);
    let since = Instant::now();
    while post(&acme, "/wallet/session", "", &body).await.status == 200 {
        assert!(since.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let handshake = post(&acme, "/wallet/session", "", &body).await;
    assert_eq!(said(&handshake), no(403, "SESSION_EXPIRED"));
    let late = post(&acme, "/wallet/debit", "", &bet("r", "late", &short)).await;
    assert_eq!(said(&late), no(403, "SESSION_EXPIRED"));
    let end = post(&acme, "/wallet/session/end", "", &body).await;
    assert_eq!(said(&end), no(404, "SESSION_NOT_FOUND"));
    let long = open(palio, "r", "long", FAR).await;
    let late = post(&acme, "/wallet/debit", "", &bet("r", "late", &long)).await;
    assert_eq!(said(&late), no(403, "SESSION_EXPIRED"), "kept for ever");
    // The end of a session that was replaced ends nothing.
    let newer = open(palio, "r", "newer", FAR).await;
    let end = post(&acme, "/wallet/session/end", "", &json!({"sessionToken": long})).await;
    assert_eq!(said(&end), no(404, "SESSION_NOT_FOUND"));
    assert_eq!(post(&acme, "/wallet/debit", "", &bet("r", "newer", &newer)).await.status, 200);
    // A token whose session ended long ago is one all the same, and the wallet says so.
    let aged = aged(&short, &palio.signing_key());
    let old = post(&acme, "/wallet/debit", "", &bet("r", "old", &aged)).await;
    assert_eq!(said(&old), no(403, "SESSION_EXPIRED"));
    let kept = post(&acme, "/wallet/debit", "", &bet("r", "old", &newer)).await;
    assert_eq!(said(&kept), no(403, "SESSION_EXPIRED"), "kept for ever");
    let again = post(&acme, "/wallet/debit", "", &bet("r", "in_time", &aged)).await;
    assert_eq!(said(&again), no(409, "IDEMPOTENT_REPLAY"));
    let handshake = post(&acme, "/wallet/session", "", &json!({"sessionToken": aged})).await;
    assert_eq!(said(&handshake), no(403, "SESSION_EXPIRED"));
    // One that somebody else signed is none.
    let forged = post(&acme, "/wallet/debit", "", &bet("r", "forged", &format!("{aged}x"))).await;
    assert_eq!(said(&forged), no(401, "BAD_TOKEN"));
    for id in ["in_time", "newer"] {
        let body = json!({"playerId": "r", "betId": id});
        assert_eq!(post(&acme, "/wallet/rollback", "", &body).await.status, 200);
    }
}

/// What a player sets and sees himself, and what his exclusion stops.
async fn protection(palio: &Palio) {
    let (me, operator) = (palio.player("r"), palio.operator());
    let limit = json!({"kind": "wager", "period": "day", "amount": "50.00", "currency": "EUR"});
    let higher = json!({"kind": "wager", "period": "day", "amount": "60.00", "currency": "EUR"});
    assert_eq!(post(&me, "/api/me/limits", "l1", &limit).await.status, 200);
    assert_eq!(said(&post(&me, "/api/me/limits", "l1", &limit).await).0, 409);
    let raised: Value = post(&me, "/api/me/limits", "l2", &higher).await.json().unwrap();
    let wrong = json!({"kind": "wager", "period": "year", "amount": "1.00", "currency": "EUR"});
    assert_eq!(said(&post(&me, "/api/me/limits", "l3", &wrong).await), no(422, "INVALID_FIELD"));
    let acme = provider(palio, "acme-1");
    let play = json!({"playerId": "r", "roundId": "w", "gameId": "wheel", "betId": "w",
                      "stake": "12.00", "payout": "0.00", "currency": "EUR"});
    assert_eq!(post(&acme, "/wallet/play", "", &play).await.status, 200);
    let seen: Value = me.fetch("/api/me/limits").await.unwrap();
    let expected = json!({"playerId": "r", "limits": [
        {"kind": "wager", "period": "day", "currency": "EUR", "value": "50.00", "used": "12.00",
         "nextValue": "60.00", "nextFrom": raised["effectiveFrom"]}]});
    assert_eq!(seen, expected);
    let tournament = json!({"id": "race", "name": "Race", "metric": "turnover", "currency": "EUR",
                            "startsAt": time_in(0), "endsAt": time_in(3_600_000), "entry": "opt_in"});
    assert_eq!(post(&operator, "/api/tournaments", "", &tournament).await.status, 201);
    let grant = |campaign: &str, provider: &str, expires: &str| {
        json!({"campaignId": campaign, "provider": provider, "gameId": "wheel", "count": 1,
               "stake": "0.10", "currency": "EUR", "expiresAt": expires})
    };
    let path = "/api/players/r/free-rounds";
    let over = "2020-01-01T00:00:00.000Z";
    // (campaign, provider, until, status, code)
    let rows = [
        ("c1", "nobody", FAR, 422, "INVALID_FIELD"),
        ("c1", "second", FAR, 422, "INVALID_FIELD"),
        ("c1", "acme", over, 422, "INVALID_FIELD"),
        ("c1", "acme", FAR, 200, "-"),
        ("c1", "acme", FAR, 409, "IDEMPOTENT_REPLAY"),
    ];
    for (campaign, of, expires, status, code) in rows {
        let reply = post(&operator, path, "", &grant(campaign, of, expires)).await;
        assert_eq!(said(&reply), no(status, code), "{of} {expires} {}", reply.text());
    }
    let deposit = async |key: &str, currency: &str| {
        let body = json!({"amount": "5.00", "currency": currency});
        said(&post(&operator, "/api/players/r/deposits", key, &body).await)
    };
    assert_eq!(deposit("gbp", "GBP").await, no(422, "CURRENCY_NOT_OFFERED"));
    assert_eq!(deposit("usd", "USD").await, no(200, "-"));

    let blocked = json!({"kind": "blocked"});
    let mine = post(&me, "/api/me/exclusion", "x0", &blocked).await;
    assert_eq!(mine.status, 422, "{}", mine.text());
    let until = time_in(3_600_000);
    let pause = json!({"kind": "timeOut", "until": until});
    assert_eq!(post(&me, "/api/me/exclusion", "x1", &pause).await.status, 200);
    let shorter = json!({"kind": "timeOut", "until": time_in(60_000)});
    let shorter = post(&me, "/api/me/exclusion", "x2", &shorter).await;
    assert_eq!(said(&shorter), no(409, "EXCLUSION_STANDS"));
    let seen: Value = me.fetch("/api/me/limits").await.unwrap();
    assert_eq!(seen["excluded"], "timeOut");
    assert_eq!(seen["excludedUntil"], until.as_str());
    // Nothing new is started …
    let excluded = no(403, "PLAYER_EXCLUDED");
    assert_eq!(deposit("after", "EUR").await, excluded);
    assert_eq!(deposit("after", "EUR").await, excluded);
    let join = post(&me, "/api/tournaments/race/join", "", &json!({})).await;
    assert_eq!(said(&join), excluded);
    let free = post(&operator, path, "", &grant("c2", "acme", FAR)).await;
    assert_eq!(said(&free), excluded);
    let session = post(&operator, "/api/players/r/sessions", "x", &asked("acme", FAR)).await;
    assert_eq!(said(&session), excluded);
    let refused = json!({"playerId": "r", "roundId": "x", "gameId": "wheel", "betId": "x",
                         "stake": "1.00", "payout": "0.00", "currency": "EUR"});
    assert_eq!(said(&post(&acme, "/wallet/play", "", &refused).await), excluded);
    // … and the money can leave.
    let out = json!({"withdrawalId": "w1", "amount": "5.00", "currency": "EUR"});
    assert_eq!(post(&operator, "/api/players/r/withdrawals", "", &out).await.status, 200);
    let capture = "/api/players/r/withdrawals/w1/capture";
    assert_eq!(post(&operator, capture, "", &json!({})).await.status, 200);
}

/// Each brand lists its own tournaments.
async fn tenants(palio: &Palio) {
    let other = Client::bearer(&palio.url(), &palio.token_of("operator", "anna", 2)).unwrap();
    let tournament = json!({"id": "theirs", "name": "Race", "metric": "turnover",
                            "currency": "EUR", "startsAt": time_in(0), "endsAt": time_in(3_600_000)});
    assert_eq!(post(&other, "/api/tournaments", "", &tournament).await.status, 201);
    let ids = async |who: &Client| {
        let list: Value = who.fetch("/api/tournaments").await.unwrap();
        let ids = list["tournaments"].as_array().unwrap().iter();
        ids.map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let anyone = Client::anonymous(&palio.url()).unwrap();
    for (who, expected) in [
        (&anyone, "race"),
        (&palio.player("p"), "race"),
        (&palio.operator(), "race"),
        (&other, "theirs"),
    ] {
        assert_eq!(ids(who).await, [expected]);
    }
    let bad = Client::bearer(&palio.url(), "nonsense").unwrap();
    let reply = bad.get("/api/tournaments").await.unwrap();
    assert_eq!(said(&reply), no(401, "BAD_TOKEN"));
}
