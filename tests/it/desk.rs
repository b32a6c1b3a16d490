//! Rounds whose results are overdue: found, shown to the desk, ended by two people or by the
//! profile, and never forgotten by a restart (money-cases.md, 25).

use crate::process::{Palio, Store};
use loadtest::Client;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PROVIDERS: &str = r#"
[[provider]]
id = "slots"
tenant = 1
replay_status = 409
overdue_seconds = 1
keys = [{ id = "slots-1", secret_file = "" }]

[[provider]]
id = "crash"
tenant = 1
replay_status = 409
overdue_seconds = 1
overdue = "void"
keys = [{ id = "crash-1", secret_file = "" }]

[[provider]]
id = "sports"
tenant = 1
replay_status = 409
overdue_seconds = 0
keys = [{ id = "sports-1", secret_file = "" }]
"#;

fn client(palio: &Palio, provider: &str) -> Client {
    let key = format!("{provider}-1");
    Client::new(&palio.url(), &key, &palio.secret(&key)).unwrap()
}

fn desk(palio: &Palio, who: &str) -> Client {
    Client::bearer(&palio.url(), &palio.token("operator", who)).unwrap()
}

async fn bet(palio: &Palio, provider: &str, bet: &str) {
    let body = json!({"playerId": "p", "roundId": format!("R-{bet}"), "gameId": "wheel",
                      "betId": bet, "amount": "10.00", "currency": "EUR"});
    let answer = client(palio, provider).post("/wallet/debit", "", body.to_string()).await;
    assert_eq!(answer.unwrap().status, 200);
}

/// Waits until so many rounds are overdue, and tells which.
async fn overdue(palio: &Palio, count: usize) -> Vec<String> {
    let since = Instant::now();
    loop {
        let found: Value = desk(palio, "anna").fetch("/api/rounds/overdue").await.unwrap();
        let rounds = found["rounds"].as_array().unwrap();
        if rounds.len() == count {
            return rounds.iter().map(|r| r["roundId"].as_str().unwrap().to_owned()).collect();
        }
        assert!(since.elapsed() < Duration::from_secs(20), "{found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The proposal that the desk is shown for a round, the same in both places; and its name.
async fn proposal(who: &Client, round: &str) -> (Value, String) {
    let since = Instant::now();
    loop {
        let player: Value = who.fetch("/api/players/p").await.unwrap();
        let list: Value = who.fetch("/api/rounds/overdue").await.unwrap();
        let of = |of: &Value| {
            let rounds = of["rounds"].as_array().unwrap();
            let found = rounds.iter().find(|one| one["roundId"] == round);
            found.map(|one| one["proposal"].clone()).unwrap_or_default()
        };
        // The list is read from the journal a moment later.
        let (there, listed) = (of(&player), of(&list));
        if there == listed && !there.is_null() {
            let name = there["proposalId"].as_str().unwrap().to_owned();
            return (there, name);
        }
        assert!(since.elapsed() < Duration::from_secs(20), "{player} {list}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn settle(round: &str, delta: &str) -> Value {
    json!({"roundId": round, "operations": [{"playerId": "p", "delta": delta, "currency": "EUR"}]})
}

async fn money(palio: &Palio) -> (String, String) {
    let wallet: Value = client(palio, "slots").fetch("/wallet/p").await.unwrap();
    let of = |name: &str| wallet["accounts"][0][name].as_str().unwrap().to_owned();
    (of("cash"), of("held"))
}

async fn post(who: &Client, path: &str, key: &str, body: Value) -> (u16, String) {
    let answer = who.post(path, key, body.to_string()).await.unwrap();
    (answer.status, answer.code().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn overdue_rounds_on_sqlite() {
    overdue_rounds(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overdue_rounds_on_postgres() {
    overdue_rounds(Store::Postgres).await;
}

async fn overdue_rounds(store: Store) {
    let mut palio = Palio::start_with(store, PROVIDERS, &[]).await;
    palio.deposit("p", "d", "100.00").await;
    bet(&palio, "slots", "b1").await;
    bet(&palio, "slots", "b2").await;
    bet(&palio, "slots", "b3").await;
    bet(&palio, "crash", "b4").await;
    bet(&palio, "sports", "b5").await;
    // The age of a bet is the journal's, so a server that was down finds it all the same.
    palio.kill();
    palio.run().await;
    assert_eq!(overdue(&palio, 3).await, ["R-b1", "R-b2", "R-b3"]);
    // The profile of "crash" says that no result can come.
    let since = Instant::now();
    while money(&palio).await != ("60.00".to_owned(), "40.00".to_owned()) {
        assert!(since.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let own: Value = client(&palio, "slots").fetch("/wallet/rounds/overdue").await.unwrap();
    assert_eq!(own["count"], 3);
    let other: Value = client(&palio, "sports").fetch("/wallet/rounds/overdue").await.unwrap();
    assert_eq!(other["count"], 0);

    let (anna, boris) = (desk(&palio, "anna"), desk(&palio, "boris"));
    let (propose, confirm) = ("/api/players/p/verdicts", "/api/players/p/verdicts/confirm");
    let of = |round: &str, proposal: &str| json!({"provider": "slots", "roundId": round, "proposalId": proposal});
    let void = json!({"provider": "slots", "roundId": "R-b1", "verdict": "void", "reason": "lost"});
    let pay = json!({"provider": "slots", "roundId": "R-b2", "verdict": "settle", "delta": "5.00",
                     "currency": "EUR", "reason": "the provider's word"});
    let refused = |status, code: &str| (status, code.to_owned());
    let fine = refused(200, "-");
    let nothing = post(&boris, confirm, "c0", of("R-b1", "tx_00_1")).await;
    assert_eq!(nothing, refused(409, "NOTHING_PROPOSED"));
    assert_eq!(post(&boris, confirm, "c0", of("R-b1", "b1")).await, refused(422, "INVALID_FIELD"));
    assert_eq!(post(&anna, propose, "p0", pay.clone()).await, fine);
    let (_, replaced) = proposal(&anna, "R-b2").await;
    assert_eq!(post(&anna, propose, "p1", void).await, fine);
    assert_eq!(post(&anna, propose, "p2", pay).await, fine);
    // Boris sees what he is to confirm, and the provider does not.
    let (shown, first) = proposal(&boris, "R-b1").await;
    assert_eq!(shown["verdict"], "void");
    let (shown, second) = proposal(&boris, "R-b2").await;
    let word = "the provider's word";
    assert_eq!(
        shown,
        json!({"proposalId": second, "proposedBy": "anna", "verdict": "settle", "delta": "5.00",
               "currency": "EUR", "reason": word})
    );
    let own: Value = client(&palio, "slots").fetch("/wallet/rounds/overdue").await.unwrap();
    assert!(!own.to_string().contains("anna"), "{own}");
    assert_eq!(
        post(&boris, confirm, "c1", of("R-b2", &replaced)).await,
        refused(409, "PROPOSAL_REPLACED")
    );
    assert_eq!(post(&anna, confirm, "c1", of("R-b1", &first)).await, refused(403, "SAME_PERSON"));
    let player: Value = anna.fetch("/api/players/p").await.unwrap();
    assert_eq!(player["rounds"].as_array().unwrap().len(), 4);
    // One whose round the provider ends is forgotten, and does not wait for later bets.
    bet(&palio, "slots", "b6").await;
    overdue(&palio, 4).await;
    let void = |round: &str| json!({"provider": "slots", "roundId": round, "verdict": "void", "reason": "lost"});
    assert_eq!(post(&anna, propose, "p6", void("R-b6")).await, fine);
    let (_, forgotten) = proposal(&boris, "R-b6").await;
    let slots = client(&palio, "slots");
    assert_eq!(post(&slots, "/wallet/settle", "s6", settle("R-b6", "-10.00")).await, fine);
    assert_eq!(
        post(&boris, confirm, "c6", of("R-b6", &forgotten)).await,
        refused(409, "NOTHING_PROPOSED")
    );
    // A proposal survives a crash; so does what was confirmed.
    palio.kill();
    palio.run().await;
    let boris = desk(&palio, "boris");
    // The list of the desk knows it too.
    assert_eq!(proposal(&boris, "R-b1").await.1, first);
    assert_eq!(post(&boris, confirm, "c1", of("R-b1", &first)).await, fine);
    let again = post(&boris, confirm, "c1", of("R-b1", &first)).await;
    assert_eq!(again, refused(409, "IDEMPOTENT_REPLAY"));
    assert_eq!(post(&boris, confirm, "c2", of("R-b2", &second)).await, fine);
    // 50 + 10 (void) + 15 (10 + 5).
    assert_eq!(money(&palio).await, ("75.00".to_owned(), "20.00".to_owned()));
    assert_eq!(overdue(&palio, 1).await, ["R-b3"]);
    // The provider's own result still counts, also after the void: as the next version.
    let slots = client(&palio, "slots");
    assert_eq!(post(&slots, "/wallet/settle", "s3", settle("R-b3", "-10.00")).await, fine);
    assert_eq!(post(&slots, "/wallet/settle", "s1", settle("R-b1", "-10.00")).await, fine);
    assert_eq!(money(&palio).await, ("65.00".to_owned(), "10.00".to_owned()));
    overdue(&palio, 0).await;
    palio.stop();
    palio.verify();
}
