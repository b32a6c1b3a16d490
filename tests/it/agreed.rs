//! What can be agreed with a provider beside the two profiles of the conformance table, as its
//! players meet it (docs/ops/config.md, "Provider").

use crate::process::{Palio, Store};
use loadtest::Client;
use serde_json::{Value, json};

const PROVIDERS: &str = r#"
[[tenant]]
id = 1
name = "t"
currency = "EUR"
currencies = ["EUR", "USD"]

[[provider]]
id = "careful"
tenant = 1
replay_status = 409
stake_min = { EUR = "0.50" }
spin_ms_min = 60000
keys = [{ id = "careful-1", secret_file = "" }]

[[provider]]
id = "session"
tenant = 1
replay_status = 409
sessions = "required"
keys = [{ id = "session-1", secret_file = "" }]

[[provider]]
id = "bonus"
tenant = 1
replay_status = 409
funding = "bonus_first"
amend = "add"
keys = [{ id = "bonus-1", secret_file = "" }]

[[provider]]
id = "final"
tenant = 1
replay_status = 409
unmatched_win = "promo"
amend = "refuse"
keys = [{ id = "final-1", secret_file = "" }]
"#;

struct Bench {
    palio: Palio,
    keys: usize,
}

impl Bench {
    fn provider(&self, provider: &str) -> Client {
        let key = format!("{provider}-1");
        Client::new(&self.palio.url(), &key, &self.palio.secret(&key)).unwrap()
    }

    async fn post(&mut self, who: &Client, path: &str, body: &Value) -> (String, Value) {
        self.keys += 1;
        let key = format!("k{}", self.keys);
        let answer = who.post(path, &key, body.to_string()).await.unwrap();
        let code = if answer.status == 200 { "ok" } else { answer.code() };
        (code.to_owned(), serde_json::from_str(&answer.text()).unwrap_or_default())
    }

    /// `debit` or `credit` of 1.00 EUR, or what `more` says; the code, or `ok`.
    async fn round(&mut self, provider: &str, call: &str, bet: &str, more: Value) -> String {
        let mut body = json!({"playerId": "p", "betId": bet, "roundId": format!("R-{bet}"),
                              "gameId": "wheel", "amount": "1.00", "currency": "EUR"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let who = self.provider(provider);
        self.post(&who, &format!("/wallet/{call}"), &body).await.0
    }

    async fn settle(&mut self, provider: &str, bet: &str, delta: &str) -> String {
        let body = json!({"roundId": format!("R-{bet}"),
                          "operations": [{"playerId": "p", "delta": delta, "currency": "EUR"}]});
        let who = self.provider(provider);
        self.post(&who, "/wallet/settle", &body).await.0
    }

    async fn operator(&mut self, path: &str, body: Value) -> Value {
        let who = self.palio.operator();
        let (code, answer) = self.post(&who, &format!("/api/players/p/{path}"), &body).await;
        assert_eq!(code, "ok", "{path} {answer}");
        answer
    }

    /// Cash, bonus and held, in EUR.
    async fn money(&self) -> [String; 3] {
        let wallet: Value = self.provider("final").fetch("/wallet/p").await.unwrap();
        let of = |name: &str| wallet["accounts"][0][name].as_str().unwrap().to_owned();
        ["cash", "bonus", "held"].map(of)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_agreed_on_sqlite() {
    what_is_agreed(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_agreed_on_postgres() {
    what_is_agreed(Store::Postgres).await;
}

async fn what_is_agreed(store: Store) {
    let palio = Palio::start_with(store, PROVIDERS, &[]).await;
    let mut bench = Bench { palio, keys: 0 };
    bench.palio.deposit("p", "d", "100.00").await;
    stakes_and_speed(&mut bench).await;
    sessions(&mut bench).await;
    bonus_first_and_further_wins(&mut bench).await;
    final_results(&mut bench).await;
    bench.palio.stop();
    bench.palio.verify();
}

async fn stakes_and_speed(bench: &mut Bench) {
    let of = |amount: &str, currency: &str, game: &str| json!({"amount": amount, "currency": currency, "gameId": game});
    for (bet, more, code) in [
        // Not offered here; like the next ones it leaves the bet's id free.
        ("c1", of("1.00", "GBP", "a"), "CURRENCY_MISMATCH"),
        ("c1", of("0.49", "EUR", "a"), "STAKE_TOO_SMALL"),
        ("c1", of("0.00", "EUR", "a"), "ok"),
        ("c2", of("0.50", "EUR", "a"), "TOO_FAST"),
        ("c2", of("0.50", "EUR", "b"), "ok"),
        // Offered, without a smallest stake, and the player has none.
        ("c3", of("0.01", "USD", "c"), "INSUFFICIENT_FUNDS"),
        ("c3", of("0.01", "USD", "c"), "INSUFFICIENT_FUNDS"),
    ] {
        assert_eq!(bench.round("careful", "debit", bet, more.clone()).await, code, "{more}");
    }
    // Another provider agreed on nothing of this.
    for bet in ["f1", "f2"] {
        let bet = bench.round("final", "debit", bet, of("0.01", "EUR", "a")).await;
        assert_eq!(bet, "ok");
    }
    for bet in ["f1", "f2"] {
        assert_eq!(bench.round("final", "rollback", bet, json!({})).await, "ok");
    }
    assert_eq!(bench.round("careful", "rollback", "c2", json!({})).await, "ok");
    assert_eq!(bench.money().await, ["100.00", "0.00", "0.00"]);
}

async fn sessions(bench: &mut Bench) {
    let none = || json!({});
    assert_eq!(bench.round("session", "debit", "s1", none()).await, "SESSION_EXPIRED");
    let until = crate::process::time_in(3_600_000);
    let open =
        json!({"provider": "session", "gameId": "wheel", "currency": "EUR", "expiresAt": until});
    bench.operator("sessions", open).await;
    assert_eq!(bench.round("session", "debit", "s1", none()).await, "SESSION_EXPIRED", "kept");
    let dollars = json!({"currency": "USD"});
    assert_eq!(bench.round("session", "debit", "s2", dollars).await, "CURRENCY_MISMATCH");
    assert_eq!(bench.round("session", "debit", "s2", none()).await, "ok", "not kept");
    let other = json!({"gameId": "other"});
    assert_eq!(bench.round("session", "debit", "s3", other).await, "SESSION_EXPIRED");
    assert_eq!(bench.round("session", "credit", "s2", none()).await, "ok");
    assert_eq!(bench.money().await, ["100.00", "0.00", "0.00"]);
}

async fn bonus_first_and_further_wins(bench: &mut Bench) {
    let bonus = json!({"account": "bonus", "amount": "4.00", "currency": "EUR", "reason": "test"});
    bench.operator("adjustments", bonus).await;
    let of = |amount: &str| json!({"amount": amount});
    assert_eq!(bench.round("bonus", "debit", "b1", of("10.00")).await, "ok");
    assert_eq!(bench.money().await, ["94.00", "0.00", "10.00"]);
    // 20.00 goes back as it was staked; a further win of 5.00 is added to it.
    assert_eq!(bench.round("bonus", "credit", "b1", of("20.00")).await, "ok");
    assert_eq!(bench.money().await, ["106.00", "8.00", "0.00"]);
    assert_eq!(bench.round("bonus", "credit", "b1", of("5.00")).await, "ok");
    assert_eq!(bench.money().await, ["109.00", "10.00", "0.00"]);
    // A net result of the round takes the place of all of it: 10.00 back.
    assert_eq!(bench.settle("bonus", "b1", "0.00").await, "ok");
    assert_eq!(bench.money().await, ["100.00", "4.00", "0.00"]);
    // A loss, so that the next ones have no bonus.
    assert_eq!(bench.round("bonus", "debit", "b2", of("4.00")).await, "ok");
    assert_eq!(bench.round("bonus", "credit", "b2", of("0.00")).await, "ok");
    assert_eq!(bench.money().await, ["100.00", "0.00", "0.00"]);
}

async fn final_results(bench: &mut Bench) {
    let none = || json!({});
    let of = |amount: &str| json!({"amount": amount});
    assert_eq!(bench.round("final", "debit", "g1", none()).await, "ok");
    assert_eq!(bench.settle("final", "g1", "1.00").await, "ok");
    assert_eq!(bench.settle("final", "g1", "5.00").await, "BET_ALREADY_SETTLED");
    assert_eq!(bench.round("final", "credit", "g1", of("5.00")).await, "BET_ALREADY_SETTLED");
    // What says its version is no further result, but a correction.
    let second = json!({"amount": "5.00", "version": 2});
    assert_eq!(bench.round("final", "credit", "g1", second).await, "ok");
    assert_eq!(bench.money().await, ["104.00", "0.00", "0.00"]);
    // A void is taken back also here (money-cases.md, 26).
    assert_eq!(bench.round("final", "debit", "g2", none()).await, "ok");
    let void = json!({"event": "round.settled", "v": "1", "roundId": "R-g2", "gameId": "wheel",
                      "bets": [{"playerId": "p", "betId": "g2", "payout": "1.00",
                                "outcome": "VOID"}]});
    let who = bench.provider("final");
    assert_eq!(bench.post(&who, "/events", &void).await.0, "ok");
    assert_eq!(bench.settle("final", "g2", "-1.00").await, "ok");
    assert_eq!(bench.settle("final", "g2", "-1.00").await, "BET_ALREADY_SETTLED");
    assert_eq!(bench.money().await, ["103.00", "0.00", "0.00"]);
    // A win without a bet, in a currency that nobody here has.
    let pounds = json!({"currency": "GBP"});
    assert_eq!(bench.round("final", "credit", "g3", pounds).await, "CURRENCY_MISMATCH");
    assert_eq!(bench.round("final", "credit", "g3", none()).await, "ok");
    assert_eq!(bench.money().await, ["104.00", "0.00", "0.00"]);
}
