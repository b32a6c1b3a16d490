//! Tournaments that cost and pay something, over the wire on the real server (T5–T7;
//! tournament-rules.md P1, L5–L7, L10, L11).

use crate::process::{Palio, Store, time_in};
use loadtest::{Client, Reply};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn contests_on_sqlite() {
    contests(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contests_on_postgres() {
    contests(Store::Postgres).await;
}

async fn contests(store: Store) {
    let mut palio = Palio::start(store).await;
    for player in ["a", "b", "c", "d", "v", "w", "x"] {
        assert_eq!(palio.deposit(player, "first", "100.00").await.status, 200);
    }
    let operator = palio.operator();
    let poor = post(&operator, "/api/players/poor", "", &json!({})).await;
    assert_eq!(poor.status, 200);
    documents(&palio).await;
    called_off(&palio).await;
    who_may_enter(&palio).await;
    who_counts(&mut palio).await;
    pool(&mut palio).await;
    review(&palio).await;
    palio.stop();
    palio.verify();
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

/// Cash that a player can bet with, and what is held.
async fn money(palio: &Palio, player: &str) -> (String, String) {
    let json: Value = palio.operator().fetch(&format!("/api/players/{player}")).await.unwrap();
    let euro = &json["accounts"][0];
    let of = |name: &str| euro[name].as_str().unwrap_or_default().to_owned();
    (of("cash"), of("held"))
}

async fn cash(palio: &Palio, player: &str) -> String {
    money(palio, player).await.0
}

async fn join(palio: &Palio, id: &str, player: &str, key: &str) -> Reply {
    let path = format!("/api/tournaments/{id}/join");
    post(&palio.player(player), &path, key, &json!({})).await
}

fn tournament(id: &str, starts: i64, ends: i64, more: &Value) -> Value {
    let mut body = json!({"id": id, "name": "Cup", "metric": "turnover", "currency": "EUR",
        "startsAt": time_in(starts), "endsAt": time_in(ends), "graceSeconds": 0, "tickMs": 100});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn announce(palio: &Palio, body: &Value) {
    let reply = post(&palio.operator(), "/api/tournaments", "", body).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
}

async fn shown(palio: &Palio, id: &str) -> Value {
    palio.operator().fetch(&format!("/api/tournaments/{id}")).await.unwrap()
}

/// Waits until a tournament is in a phase.
async fn until(palio: &Palio, id: &str, phase: &str) -> Value {
    let started = Instant::now();
    loop {
        let seen = shown(palio, id).await;
        if seen["phase"] == phase {
            return seen;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{id} is {}", seen["phase"]);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn play(palio: &Palio, player: &str, id: &str, stake: &str) {
    let body = json!({"playerId": player, "roundId": id, "gameId": "wheel", "betId": id,
                      "stake": stake, "payout": "0.00", "currency": "EUR"});
    let reply = palio.provider().post("/wallet/play", "", body.to_string()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
}

fn table(policies: &Value) -> Value {
    json!({"currency": "EUR", "policies": policies,
           "pool": {"buyIns": {"feePerEntry": "0.40"}},
           "bands": [{"from": 1, "prizes": [{"kind": "cash", "percent": "50"}]},
                     {"from": 2, "prizes": [{"kind": "cash", "percent": "30"}]},
                     {"from": 3, "prizes": [{"kind": "cash", "percent": "20"}]}]})
}

fn bought(policies: &Value) -> Value {
    json!({"buyIn": {"amount": "4.00", "fee": "0.40"}, "prizeTable": table(policies)})
}

/// What can't work is refused before anybody sees it.
async fn documents(palio: &Palio) {
    let mut uneven = table(&json!({}));
    uneven["bands"][0]["prizes"][0]["percent"] = json!("60");
    let fee = json!({"amount": "4.00", "fee": "0.50"});
    // (what is changed, code, the field that is named)
    let rows = [
        (json!({"type": "lottery"}), "INVALID_FIELD", "type"),
        (json!({"buyIn": {"amount": "4.00"}}), "TOURNAMENT_INVALID", "prizeTable"),
        (
            json!({"buyIn": fee, "prizeTable": table(&json!({}))}),
            "TOURNAMENT_INVALID",
            "feePerEntry",
        ),
        (json!({"prizeTable": table(&json!({}))}), "TOURNAMENT_INVALID", "buyIn"),
        (json!({"prizeTable": uneven}), "TOURNAMENT_INVALID", "SHARES_NOT_WHOLE"),
        (json!({"prizeTable": {"currency": "EUR", "prices": []}}), "INVALID_FIELD", "prizeTable"),
        (json!({"seats": {"min": 3, "max": 2}}), "TOURNAMENT_INVALID", "seats.min"),
        (json!({"seats": {"max": 2}, "entry": "all"}), "TOURNAMENT_INVALID", "entry"),
        (json!({"eligibility": {"countries": ["Germany"]}}), "INVALID_FIELD", "countries[0]"),
        (json!({"entriesMax": 0}), "INVALID_FIELD", "entriesMax"),
    ];
    for (more, code, named) in rows {
        let body = tournament("wrong", 60_000, 120_000, &more);
        let reply = post(&palio.operator(), "/api/tournaments", "", &body).await;
        assert_eq!(reply.code(), code, "{more}: {}", reply.text());
        assert!(reply.text().contains(named), "{more}: {}", reply.text());
    }
}

/// With too few players, and by hand: everybody has back what he paid, fee included (L10).
async fn called_off(palio: &Palio) {
    let mut few = bought(&json!({}));
    few["seats"] = json!({"min": 3});
    announce(palio, &tournament("few", 1_200, 600_000, &few)).await;
    announce(palio, &tournament("off", 600_000, 900_000, &bought(&json!({})))).await;
    for (id, player) in [("few", "a"), ("few", "b"), ("off", "a")] {
        assert_eq!(join(palio, id, player, "").await.status, 200);
    }
    assert_eq!(money(palio, "a").await, ("91.20".into(), "0.00".into()));
    assert_eq!(shown(palio, "off").await["pool"]["total"], "4.00");
    let reason = json!({"reason": "no dealer"});
    let reply = post(&palio.operator(), "/api/tournaments/off/cancel", "", &reason).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let few = until(palio, "few", "cancelled").await;
    assert_eq!(few["reason"], "2 of at least 3 players");
    assert_eq!(shown(palio, "off").await["reason"], "no dealer");
    let started = Instant::now();
    while [cash(palio, "a").await, cash(palio, "b").await] != ["100.00", "100.00"] {
        assert!(started.elapsed() < Duration::from_secs(20), "refunds do not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(said(&join(palio, "off", "b", "").await), no(409, "TOURNAMENT_STATE"));
}

/// Invitations, countries, segments, exclusion, money, seats.
async fn who_may_enter(palio: &Palio) {
    let operator = palio.operator();
    announce(palio, &tournament("club", 60_000, 120_000, &json!({"entry": "invited"}))).await;
    assert_eq!(said(&join(palio, "club", "a", "").await), no(403, "NOT_INVITED"));
    let invite = json!({"players": ["a", "nobody"]});
    let reply = post(&operator, "/api/tournaments/club/invitations", "", &invite).await;
    assert_eq!(said(&reply), no(404, "PLAYER_NOT_FOUND"));
    let invite = json!({"players": ["a"]});
    let reply = post(&operator, "/api/tournaments/club/invitations", "", &invite).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(join(palio, "club", "a", "").await.status, 200);
    assert_eq!(join(palio, "club", "a", "").await.status, 200, "joining twice is joining once");
    let vip = json!({"eligibility": {"countries": ["DE", "AT"], "segments": ["vip"]}});
    announce(palio, &tournament("vips", 60_000, 120_000, &vip)).await;
    for (profile, expected) in [
        (json!({}), 403),
        (json!({"country": "DE"}), 403),
        (json!({"country": "FR", "segments": ["vip"]}), 403),
        (json!({"country": "AT", "segments": ["new", "vip"]}), 200),
    ] {
        let set = post(&operator, "/api/players/b/profile", "", &profile).await;
        assert_eq!(set.status, 200, "{}", set.text());
        let reply = join(palio, "vips", "b", "").await;
        assert_eq!(reply.status, expected, "{profile}: {}", reply.text());
        assert!(expected == 200 || reply.code() == "NOT_ELIGIBLE");
    }
    let wrong = post(&operator, "/api/players/b/profile", "", &json!({"country": "de"})).await;
    assert_eq!(said(&wrong), no(422, "INVALID_FIELD"));
    announce(palio, &tournament("dear", 60_000, 120_000, &bought(&json!({})))).await;
    assert_eq!(said(&join(palio, "dear", "poor", "k").await), no(402, "INSUFFICIENT_FUNDS"));
    assert_eq!(palio.deposit("poor", "d", "4.40").await.status, 200);
    assert_eq!(join(palio, "dear", "poor", "k").await.status, 200, "nothing was kept");
    let out = json!({"kind": "timeOut", "until": time_in(90_000_000), "reason": "rest"});
    assert_eq!(post(&palio.player("x"), "/api/me/exclusion", "x", &out).await.status, 200);
    assert_eq!(said(&join(palio, "dear", "x", "").await), no(403, "PLAYER_EXCLUDED"));
    let leave = post(&palio.player("poor"), "/api/tournaments/dear/leave", "", &json!({})).await;
    assert_eq!(said(&leave), no(409, "TOURNAMENT_STATE"), "a seat that is paid for stays");
}

/// Standings that were saved while it ran, bets and the end after that, and then the server dies:
/// whoever reads the journal again hears of the end before most of the bets, in other slots.
#[tokio::test(flavor = "multi_thread")]
async fn bets_between_the_last_save_and_the_end_count_after_a_kill() {
    const PLAYERS: usize = 24;
    let mut palio = Palio::start(Store::Sqlite).await;
    let names: Vec<_> = (0..PLAYERS).map(|n| format!("s{n}")).collect();
    for name in &names {
        assert_eq!(palio.deposit(name, "d", "100.00").await.status, 200);
    }
    announce(&palio, &tournament("saved", 0, 5_000, &json!({"entry": "all"}))).await;
    // It is saved within a second; from then on nothing is.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    palio.kill();
    palio.reconfigure("snapshot_interval_seconds = 1", "snapshot_interval_seconds = 3600");
    palio.run().await;
    for name in &names {
        play(&palio, name, &format!("saved-{name}"), "10.00").await;
    }
    let done = until(&palio, "saved", "completed").await;
    assert_eq!(done["result"]["rows"].as_array().unwrap().len(), PLAYERS);
    palio.kill();
    palio.run().await;
    // A later version is made of the standings as they were read again.
    let why = json!({"playerId": "s0", "reason": "two accounts"});
    let path = "/api/tournaments/saved/disqualifications";
    assert_eq!(post(&palio.operator(), path, "", &why).await.status, 200);
    let started = Instant::now();
    while shown(&palio, "saved").await["result"]["version"] != 2 {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", shown(&palio, "saved").await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = shown(&palio, "saved").await;
    assert_eq!(seen["participants"], PLAYERS - 1, "{seen}");
    palio.stop();
    palio.verify();
}

/// Everybody is in who plays, of one country: nobody enters, each round is asked, also after a
/// restart, and of a bet whose result comes after it.
async fn who_counts(palio: &mut Palio) {
    let operator = palio.operator();
    let set = async |palio: &Palio, player: &str, profile: Value| {
        let path = format!("/api/players/{player}/profile");
        let reply = post(&palio.operator(), &path, "", &profile).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    };
    for player in ["here", "there", "moves", "nowhere"] {
        assert_eq!(palio.deposit(player, "first", "10.00").await.status, 200);
    }
    set(palio, "here", json!({"country": "DE", "segments": ["vip"]})).await;
    set(palio, "there", json!({"country": "FR", "segments": ["vip"]})).await;
    set(palio, "moves", json!({"country": "DE", "segments": ["vip", "new"]})).await;
    let who = json!({"entry": "all", "prizes": ["5.00", "2.00"],
                     "eligibility": {"countries": ["DE", "AT"], "segments": ["vip"]}});
    announce(palio, &tournament("locals", 0, 6_000, &who)).await;
    let seen = shown(palio, "locals").await;
    assert_eq!((&seen["entry"], &seen["seats"]), (&json!("all"), &Value::Null));
    assert_eq!(seen["eligibility"], json!({"countries": ["AT", "DE"], "segments": ["vip"]}));
    until(palio, "locals", "active").await;
    for player in ["here", "there", "moves", "nowhere"] {
        play(palio, player, &format!("one-{player}"), "1.00").await;
    }
    let debit = json!({"playerId": "here", "roundId": "two", "gameId": "wheel", "betId": "two",
                       "amount": "2.00", "currency": "EUR"});
    let reply = palio.provider().post("/wallet/debit", "two", debit.to_string()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    set(palio, "moves", json!({"country": "FR", "segments": ["vip"]})).await;
    set(palio, "nowhere", json!({"country": "AT", "segments": ["vip"]})).await;
    palio.kill();
    palio.run().await;
    for player in ["there", "moves", "nowhere"] {
        play(palio, player, &format!("three-{player}"), "4.00").await;
    }
    let result = json!({"roundId": "two",
        "operations": [{"playerId": "here", "delta": "-2.00", "currency": "EUR"}]});
    let reply = palio.provider().post("/wallet/settle", "two", result.to_string()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    let seen = until(palio, "locals", "completed").await;
    assert_eq!(seen["participants"], 3, "{seen}");
    let rows: Value = operator.fetch("/api/tournaments/locals/leaderboard").await.unwrap();
    let scores: Vec<_> =
        rows["rows"].as_array().unwrap().iter().map(|row| row["score"].clone()).collect();
    assert_eq!(scores, ["4.00", "3.00", "1.00"], "{rows}");
    assert_eq!(cash(palio, "nowhere").await, "10.00", "5.00 staked, 5.00 won");
    assert_eq!(cash(palio, "here").await, "9.00", "3.00 staked, 2.00 won");
    assert_eq!(cash(palio, "moves").await, "5.00");
}

/// A pool of buy-ins, its last seat, its prizes, a disqualification after they are paid.
async fn pool(palio: &mut Palio) {
    let mut cup = bought(&json!({"correction": "clawBack"}));
    cup["seats"] = json!({"min": 2, "max": 3});
    announce(palio, &tournament("cup", 2_500, 5_500, &cup)).await;
    for (player, key) in [("a", "k1"), ("b", "k2")] {
        let first = join(palio, "cup", player, key).await;
        let again = join(palio, "cup", player, key).await;
        assert_eq!((first.status, again.status), (200, 200));
        assert_eq!(first.text(), again.text());
        assert_eq!(cash(palio, player).await, "95.60", "once");
    }
    // Two players, one seat.
    let (c, d) = (join(palio, "cup", "c", ""), join(palio, "cup", "d", ""));
    let (c, d) = tokio::join!(c, d);
    let mut statuses = [c.status, d.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", c.text(), d.text());
    let (third, fourth) = if c.status == 200 { ("c", "d") } else { ("d", "c") };
    assert_eq!(money(palio, fourth).await, ("100.00".into(), "0.00".into()));
    assert_eq!(said(&join(palio, "cup", fourth, "").await), no(409, "TOURNAMENT_FULL"));
    let seen = shown(palio, "cup").await;
    assert_eq!((&seen["seats"]["taken"], &seen["pool"]["total"]), (&json!(3), &json!("12.00")));
    assert_eq!(seen["places"][0], json!({"from": 1, "to": 1, "prizes": ["6.00 EUR"]}));
    until(palio, "cup", "active").await;
    for (player, stake) in [("a", "10.00"), ("b", "5.00"), (third, "1.00"), (fourth, "50.00")] {
        play(palio, player, &format!("cup-{player}"), stake).await;
    }
    // The server dies while the tournament runs, and once more after its end.
    palio.kill();
    palio.run().await;
    let done = until(palio, "cup", "completed").await;
    let prizes = |of: &Value| -> Vec<String> {
        let rows = of["result"]["rows"].as_array().unwrap();
        rows.iter().map(|row| row["prizes"][0].as_str().unwrap_or("-").to_owned()).collect()
    };
    assert_eq!(prizes(&done), ["6.00 EUR", "3.60 EUR", "2.40 EUR"]);
    palio.kill();
    palio.run().await;
    assert_eq!(cash(palio, "a").await, "91.60");
    assert_eq!(cash(palio, "b").await, "94.20");
    assert_eq!(cash(palio, third).await, "97.00");
    assert_eq!(cash(palio, fourth).await, "50.00");
    let all: Value = palio.operator().fetch("/api/tournaments/cup/payouts").await.unwrap();
    assert_eq!(all["count"], 3);
    for line in all["payouts"].as_array().unwrap() {
        assert_eq!((&line["state"], &line["version"]), (&json!("paid"), &json!(1)), "{line}");
    }
    let own: Value = palio.player("a").fetch("/api/tournaments/cup/leaderboard/me").await.unwrap();
    assert_eq!(own["payouts"], json!([{"text": "6.00 EUR", "state": "paid"}]));
    // Disqualified after the prizes: the others move up, and he pays back.
    let judge = json!({"playerId": "a", "reason": "two accounts"});
    let path = "/api/tournaments/cup/disqualifications";
    let reply = post(&palio.operator(), path, "", &judge).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let started = Instant::now();
    loop {
        let seen = shown(palio, "cup").await;
        if seen["result"]["version"] == 2 && seen["phase"] == "completed" {
            assert_eq!(prizes(&seen), ["6.00 EUR", "3.60 EUR"]);
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{seen}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(cash(palio, "a").await, "85.60");
    assert_eq!(cash(palio, "b").await, "96.60");
    assert_eq!(cash(palio, third).await, "98.20");
    // A correction of a bet that counted, and a result that is put right for it.
    let amend = json!({"event": "round.settled", "v": "1", "roundId": "cup-b", "bets": [
        {"betId": "cup-b", "playerId": "b", "stake": "5.00", "payout": "5.00", "outcome": "VOID",
         "currency": "EUR", "version": 2}]});
    let reply = palio.provider().post("/events", "", amend.to_string()).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(cash(palio, "b").await, "101.60", "the stake is back");
    let none = post(&palio.operator(), "/api/tournaments/cup/results", "", &json!({})).await;
    assert_eq!(said(&none), no(422, "INVALID_FIELD"), "a reason is needed");
    let why = json!({"reason": "a round was voided"});
    let reply = post(&palio.operator(), "/api/tournaments/cup/results", "", &why).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let started = Instant::now();
    loop {
        let seen = shown(palio, "cup").await;
        if seen["result"]["version"] == 3 && seen["phase"] == "completed" {
            assert_eq!(prizes(&seen), ["6.00 EUR"], "only one player's rounds count now");
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{seen}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(cash(palio, "b").await, "95.60", "the prize is not his");
    assert_eq!(cash(palio, third).await, "100.60");
}

/// Prizes that wait: for a person, for two people, for one player.
async fn review(palio: &Palio) {
    let rules = json!({"prizes": ["20.00", "10.00"], "entry": "all", "games": ["review"],
                       "review": {"byHand": true, "confirmAbove": "15.00"}});
    announce(palio, &tournament("held", 0, 1_500, &rules)).await;
    for (player, stake) in [("v", "2.00"), ("w", "1.00")] {
        let body = json!({"playerId": player, "roundId": format!("h-{player}"), "gameId": "review",
                          "betId": format!("h-{player}"), "stake": stake, "payout": "0.00",
                          "currency": "EUR"});
        let reply = palio.provider().post("/wallet/play", "", body.to_string()).await.unwrap();
        assert_eq!(reply.status, 200);
    }
    until(palio, "held", "under_review").await;
    let person = |name: &str| Client::bearer(&palio.url(), &palio.token("operator", name)).unwrap();
    let (anna, bert) = (person("anna"), person("bert"));
    let path = "/api/tournaments/held/reviews";
    let hold = json!({"playerId": "w", "reason": "asks for papers"});
    assert_eq!(post(&anna, path, "", &hold).await.status, 200);
    let release = json!({"lift": true, "reason": "looked at"});
    assert_eq!(post(&anna, path, "", &release).await.status, 200);
    until(palio, "held", "paying").await;
    let lines: Value = anna.fetch("/api/tournaments/held/payouts").await.unwrap();
    assert_eq!(lines["count"], 1, "the other one's is set aside");
    let line = lines["payouts"][0].clone();
    assert_eq!((&line["state"], &line["playerId"]), (&json!("needs_approval"), &json!("v")));
    assert_eq!(cash(palio, "v").await, "98.00");
    let own: Value = palio.player("w").fetch("/api/tournaments/held/leaderboard/me").await.unwrap();
    assert_eq!(own["payouts"], json!([{"text": "10.00 EUR", "state": "reserved"}]));
    let at = format!("/api/tournaments/held/payouts/{}", line["payoutId"].as_str().unwrap());
    let approve = json!({"action": "approve"});
    assert_eq!(post(&anna, &at, "", &approve).await.status, 200);
    assert_eq!(said(&post(&anna, &at, "", &approve).await), no(403, "SAME_PERSON"));
    let paid = json!({"action": "paid", "note": "cash"});
    assert_eq!(said(&post(&anna, &at, "", &paid).await), no(409, "TOURNAMENT_STATE"));
    assert_eq!(cash(palio, "v").await, "98.00");
    assert_eq!(post(&bert, &at, "", &approve).await.status, 200);
    until(palio, "held", "completed").await;
    assert_eq!((cash(palio, "v").await, cash(palio, "w").await), ("118.00".into(), "99.00".into()));
    let lift = json!({"playerId": "w", "lift": true, "reason": "papers are fine"});
    assert_eq!(post(&bert, path, "", &lift).await.status, 200);
    let started = Instant::now();
    while cash(palio, "w").await != "109.00" {
        assert!(started.elapsed() < Duration::from_secs(20), "what was set aside is not paid");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(cash(palio, "v").await, "118.00", "once");
}
