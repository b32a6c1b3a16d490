//! Providers with dialects of their own: their published rules as the bytes on the wire, signed
//! by clients that share no code with the server.

use crate::process::{Palio, Store};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use loadtest::{Client, Reply};
use std::collections::HashMap;

const SECRET: &str = "a secret of an aggregator, 32 bytes or more";
const SALT: &str = "the salt of a provider with query parameters";

const PROVIDERS: &str = r#"
[[provider]]
id = "sandbox"
tenant = 1
replay_status = 409
keys = [{ id = "sandbox-1", secret_file = "" }]
[[provider]]
id = "hub"
tenant = 1
dialect = "hub88"
keys = [{ id = "hub-1", secret_file = "$hub.pem" }]
[[provider]]
id = "agg"
tenant = 1
dialect = "actions"
keys = [{ id = "agg-1", secret_file = "$agg.key" }]
[[provider]]
id = "blue"
tenant = 1
dialect = "per_player"
keys = [{ id = "blue-1", secret_file = "$blue.key" }]
"#;

struct Bench {
    palio: Palio,
    rsa: KeyPair,
    pem: String,
}

/// Whether a text is a pattern's, whose `*` stand for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut open = false;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        open = part.is_empty();
        rest = after;
    }
    rest.is_empty() || open
}

impl Bench {
    async fn start(store: Store) -> Self {
        let rsa = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = rsa.public_key().as_der().unwrap();
        let inner = BASE64_STANDARD.encode(der.as_ref());
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{inner}\n-----END PUBLIC KEY-----");
        let files = [("hub.pem", pem.as_str()), ("agg.key", SECRET), ("blue.key", SALT)];
        let palio = Palio::start_with(store, PROVIDERS, &files).await;
        Self { palio, rsa, pem }
    }

    fn anyone(&self) -> Client {
        Client::anonymous(&self.palio.url()).unwrap()
    }

    async fn hub(&self, path: &str, body: &str) -> Reply {
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        let rng = SystemRandom::new();
        self.rsa.sign(&RSA_PKCS1_SHA256, &rng, body.as_bytes(), &mut signature).unwrap();
        let signature = BASE64_STANDARD.encode(signature);
        let client = self.anyone().header("X-Hub88-Signature", &signature);
        client.post(&format!("/providers/hub/{path}"), "", body).await.unwrap()
    }

    async fn agg(&self, secret: &str, body: &str) -> Reply {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let client = self.anyone().header("X-REQUEST-SIGN", &signature);
        client.post("/providers/agg", "", body).await.unwrap()
    }

    async fn blue(&self, salt: &str, query: &str) -> Reply {
        let key = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{salt}{query}").as_bytes());
        let path = format!("/providers/blue?{query}&key={}", hex::encode(key));
        self.anyone().get(&path).await.unwrap()
    }

    async fn cash(&self, player: &str) -> (String, String) {
        let answer = self.palio.provider().get(&format!("/wallet/{player}")).await.unwrap();
        let json: serde_json::Value = answer.json().unwrap();
        let of = |name: &str| json["accounts"][0][name].as_str().unwrap().to_owned();
        (of("cash"), of("held"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dialects_on_sqlite() {
    dialects(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dialects_on_postgres() {
    dialects(Store::Postgres).await;
}

async fn dialects(store: Store) {
    let mut bench = Bench::start(store).await;
    for player in ["john12345", "p_agg", "p_blue", "q_blue"] {
        assert_eq!(bench.palio.deposit(player, "d", "100.00").await.status, 200);
    }
    hub88(&bench).await;
    let replays = actions(&bench).await;
    per_player(&bench).await;
    keys_are_not_mixed(&bench).await;
    maintenance(&bench).await;
    // The same after a restart.
    bench.palio.stop();
    bench.palio.run().await;
    for (body, answer) in replays {
        assert_eq!(bench.agg(SECRET, &body).await.text(), answer, "{body}");
    }
    bench.palio.verify();
}

fn transaction(fields: &str) -> String {
    format!(
        r#"{{"user":"john12345","request_uuid":"583c985f","round":"R1","round_closed":false,"game_code":"clt_dragonrising","currency":"EUR","is_free":false,{fields}}}"#
    )
}

async fn hub88(bench: &Bench) {
    let token = bench.palio.token("player", "john12345");
    let other = bench.palio.token("player", "p_agg");
    let bet = |id: &str, amount: &str, token: &str| {
        transaction(&format!(r#""transaction_uuid":"{id}","amount":{amount},"token":"{token}""#))
    };
    let win = |id: &str, of: &str, amount: &str| {
        transaction(&format!(
            r#""transaction_uuid":"{id}","reference_transaction_uuid":"{of}","amount":{amount},"token":"expired long ago""#
        ))
    };
    let back = |id: &str, of: &str| {
        format!(
            r#"{{"user":"john12345","request_uuid":"583c985f","round":"R1","token":"","transaction_uuid":"{id}","reference_transaction_uuid":"{of}"}}"#
        )
    };
    let ok = |balance: &str| {
        format!(
            r#"{{"user":"john12345","status":"RS_OK","request_uuid":"583c985f","currency":"EUR","balance":{balance}}}"#
        )
    };
    let no = |status: &str| {
        format!(r#"{{"user":"john12345","status":"{status}","request_uuid":"583c985f"}}"#)
    };
    let unread = |status: &str| format!(r#"{{"status":"{status}"}}"#);
    let ask = format!(
        r#"{{"user":"john12345","request_uuid":"583c985f","token":"{token}","game_code":"clt_dragonrising"}}"#
    );
    let free = bet("f1", "500000", &token).replace(r#""is_free":false"#, r#""is_free":true"#);
    let last = win("w6", "b6", "0").replace("false", "true");
    let poor = ok("8800000").replace("RS_OK", "RS_ERROR_NOT_ENOUGH_MONEY");
    let b = "transaction/bet";
    let w = "transaction/win";
    let r = "transaction/rollback";
    // (path, body, answer, cash and held afterwards)
    let steps: Vec<(&str, String, String, &str, &str)> = vec![
        ("user/balance", ask.clone(), ok("10000000"), "100.00", "0.00"),
        (b, bet("b1", "1000000", &token), ok("9000000"), "90.00", "10.00"),
        // The same id: the same answer, byte for byte; another payload: a duplicate.
        (b, bet("b1", "1000000", &token), ok("9000000"), "90.00", "10.00"),
        (
            b,
            bet("b1", "1000001000", &token),
            no("RS_ERROR_DUPLICATE_TRANSACTION"),
            "90.00",
            "10.00",
        ),
        // Amounts are 1/100000; finer than a cent is refused, and so is what is no whole number.
        (b, bet("b2", "1000001", &token), unread("RS_ERROR_WRONG_TYPES"), "90.00", "10.00"),
        (b, bet("b2", "1.5", &token), unread("RS_ERROR_WRONG_TYPES"), "90.00", "10.00"),
        (b, bet("b2", "-1000", &token), unread("RS_ERROR_WRONG_TYPES"), "90.00", "10.00"),
        (b, bet("b2", "\"1000\"", &token), unread("RS_ERROR_WRONG_TYPES"), "90.00", "10.00"),
        (b, "{".to_owned(), unread("RS_ERROR_WRONG_SYNTAX"), "90.00", "10.00"),
        (b, back("b2", "b1"), unread("RS_ERROR_WRONG_SYNTAX"), "90.00", "10.00"),
        ("transaction/nothing", ask, unread("RS_ERROR_WRONG_SYNTAX"), "90.00", "10.00"),
        // A bet needs the player's own token.
        (b, bet("b2", "1000", "nonsense"), no("RS_ERROR_INVALID_TOKEN"), "90.00", "10.00"),
        (b, bet("b2", "1000", &other), no("RS_ERROR_INVALID_TOKEN"), "90.00", "10.00"),
        // A win does not, and pays once.
        (w, win("w1", "b1", "1500000"), ok("10500000"), "105.00", "0.00"),
        (w, win("w1", "b1", "1500000"), ok("10500000"), "105.00", "0.00"),
        (w, win("w1", "b1", "1600000"), no("RS_ERROR_DUPLICATE_TRANSACTION"), "105.00", "0.00"),
        // A win without its bet is refused and goes through after it.
        (w, win("w3", "b3", "0"), no("RS_ERROR_TRANSACTION_DOES_NOT_EXIST"), "105.00", "0.00"),
        (b, bet("b3", "200000", &token), ok("10300000"), "103.00", "2.00"),
        (w, win("w3", "b3", "0"), ok("10300000"), "103.00", "0.00"),
        // Rolled back: the recorded amount, once, with the same answer again.
        (b, bet("b4", "300000", &token), ok("10000000"), "100.00", "3.00"),
        (r, back("r4", "b4"), ok("10300000"), "103.00", "0.00"),
        (r, back("r4", "b4"), ok("10300000"), "103.00", "0.00"),
        (r, back("r4b", "b4"), ok("10300000"), "103.00", "0.00"),
        (r, back("r4", "b3"), no("RS_ERROR_DUPLICATE_TRANSACTION"), "103.00", "0.00"),
        (w, win("w4", "b4", "900000"), no("RS_ERROR_TRANSACTION_ROLLED_BACK"), "103.00", "0.00"),
        // Before its bet: accepted, and the bet can't come any more.
        (r, back("r5", "b5"), ok("10300000"), "103.00", "0.00"),
        (b, bet("b5", "100000", &token), no("RS_ERROR_TRANSACTION_ROLLED_BACK"), "103.00", "0.00"),
        // After the result: refused, of the bet and of the win.
        (r, back("r1", "b1"), no("RS_ERROR_UNKNOWN"), "103.00", "0.00"),
        (r, back("r1w", "w1"), no("RS_ERROR_UNKNOWN"), "103.00", "0.00"),
        // A closed round has no open bets left.
        (b, bet("b6", "700000", &token), ok("9600000"), "96.00", "7.00"),
        (b, bet("b7", "800000", &token), ok("8800000"), "88.00", "15.00"),
        (w, last, ok("8800000"), "88.00", "0.00"),
        // A free bet and a stake of nothing move nothing.
        (b, free, ok("8800000"), "88.00", "0.00"),
        (b, bet("z1", "0", &token), ok("8800000"), "88.00", "0.00"),
        // More than there is: with the balance, for ever.
        (b, bet("b9", "8801000", &token), poor.clone(), "88.00", "0.00"),
        (b, bet("b9", "8801000", &token), poor, "88.00", "0.00"),
        (
            b,
            bet("b10", "1000", &token).replace("EUR", "XXX"),
            unread("RS_ERROR_WRONG_TYPES"),
            "88.00",
            "0.00",
        ),
    ];
    for (path, body, expected, cash, held) in steps {
        let answer = bench.hub(path, &body).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, expected.as_str()), "{body}");
        let after = bench.cash("john12345").await;
        assert_eq!((after.0.as_str(), after.1.as_str()), (cash, held), "{body}");
    }
    let nobody = bet("n1", "1000", &token).replace("john12345", "nobody99");
    assert!(bench.hub(b, &nobody).await.text().contains("RS_ERROR_UNKNOWN"));
    // Not signed, or not with this key.
    let body = bet("b11", "1000", &token);
    let signed = bench.anyone().header("X-Hub88-Signature", "AAAA");
    for client in [bench.anyone(), signed] {
        let answer = client.post("/providers/hub/transaction/bet", "", &body).await.unwrap();
        assert_eq!(answer.text(), unread("RS_ERROR_INVALID_SIGNATURE"));
    }
}

fn process(round: &str, more: &str, actions: &[&str]) -> String {
    format!(
        r#"{{"user_id":"p_agg","currency":"EUR","game":"acceptance:test","game_id":"{round}",{more}"actions":[{}]}}"#,
        actions.join(",")
    )
}

/// The published acceptance scenarios A to J of an aggregator, and what they leave open.
async fn actions(bench: &Bench) -> Vec<(String, String)> {
    let bet = |id: &str, amount: u32| {
        format!(r#"{{"action":"bet","action_id":"{id}","amount":{amount}}}"#)
    };
    let win = |id: &str, amount: u32| bet(id, amount).replace("bet", "win");
    let back = |id: &str, of: &str| {
        format!(r#"{{"action":"rollback","action_id":"{id}","original_action_id":"{of}"}}"#)
    };
    let tx = |round: &str, balance: u32, ids: &[&str]| {
        let of = |id: &&str| match id.strip_prefix('-') {
            // Nothing was written, so there is no time.
            Some(id) => format!(r#"{{"action_id":"{id}","tx_id":"tx_*"}}"#),
            None => format!(r#"{{"action_id":"{id}","tx_id":"tx_*","processed_at":"2*Z"}}"#),
        };
        let list: Vec<_> = ids.iter().map(of).collect();
        format!(
            r#"{{"balance":{balance},"game_id":"{round}","transactions":[{}]}}"#,
            list.join(",")
        )
    };
    let done = r#""finished":true,"#;
    let ask = r#"{"user_id":"p_agg","currency":"EUR","game":"acceptance:test"}"#.to_owned();
    let h2 = process("H", "", &[&bet("h1", 100), &bet("h2", 50)]);
    let poor = r#"{"code":100,"message":"Player has not enough funds to process an action"*}"#;
    let bad = r#"{"code":400,"message":"*"}"#;
    // (body, status, answer, held afterwards)
    let steps: Vec<(String, u16, String, &str)> = vec![
        (ask, 200, r#"{"balance":10000}"#.to_owned(), "0.00"),
        // C: a bet in a finished round is lost.
        (process("C", done, &[&bet("c1", 100)]), 200, tx("C", 9900, &["c1"]), "0.00"),
        // D: bet and win in one call.
        (
            process("D", "", &[&bet("d1", 100), &win("d2", 250)]),
            200,
            tx("D", 10050, &["d1", "d2"]),
            "0.00",
        ),
        // E: more than there is.
        (process("E", done, &[&bet("e1", 10051)]), 412, poor.to_owned(), "0.00"),
        (process("E", done, &[&bet("e1", 10051)]), 412, poor.to_owned(), "0.00"),
        // F: bet, then win.
        (process("F", "", &[&bet("f1", 100)]), 200, tx("F", 9950, &["f1"]), "1.00"),
        (process("F", done, &[&win("f2", 700)]), 200, tx("F", 10650, &["f2"]), "0.00"),
        (process("F", done, &[&win("f2", 700)]), 200, tx("F", 10650, &["f2"]), "0.00"),
        // G: bet, then rollback.
        (process("G", "", &[&bet("g1", 100)]), 200, tx("G", 10550, &["g1"]), "1.00"),
        (process("G", done, &[&back("g2", "g1")]), 200, tx("G", 10650, &["g2"]), "0.00"),
        (process("G", done, &[&back("g3", "g1")]), 200, tx("G", 10650, &["-g3"]), "0.00"),
        // H: a duplicate beside a new action.
        (process("H", "", &[&bet("h1", 100)]), 200, tx("H", 10550, &["h1"]), "1.00"),
        (h2.clone(), 200, tx("H", 10500, &["h1", "h2"]), "1.50"),
        // The same id with another amount.
        (process("H", "", &[&bet("h1", 101)]), 400, bad.to_owned(), "1.50"),
        // I: rollback first; the bet is answered and moves nothing.
        (process("I", done, &[&back("i1", "i2")]), 200, tx("I", 10500, &["i1"]), "1.50"),
        (process("I", done, &[&bet("i2", 100)]), 200, tx("I", 10500, &["-i2"]), "1.50"),
        // J: the same of a bet and its win.
        (
            process("J", done, &[&back("j1", "j3"), &back("j2", "j4")]),
            200,
            tx("J", 10500, &["j1", "j2"]),
            "1.50",
        ),
        (
            process("J", done, &[&bet("j3", 100), &win("j4", 200)]),
            200,
            tx("J", 10500, &["-j3", "-j4"]),
            "1.50",
        ),
        // In one call: a bet and its rollback, in both orders.
        (
            process("K", "", &[&bet("k1", 100), &back("k2", "k1")]),
            200,
            tx("K", 10500, &["k1", "k2"]),
            "1.50",
        ),
        (
            process("L", "", &[&back("l2", "l1"), &bet("l1", 100)]),
            200,
            tx("L", 10500, &["l2", "-l1"]),
            "1.50",
        ),
        // Twice the same action in one call.
        (
            process("M", "", &[&bet("m1", 0), &bet("m1", 0)]),
            200,
            tx("M", 10500, &["m1", "m1"]),
            "1.50",
        ),
        // The first refusal ends the call; what stood before it stands.
        (
            process("N", "", &[&bet("n1", 10), &bet("n2", 99999), &bet("n3", 10)]),
            412,
            poor.to_owned(),
            "1.60",
        ),
        (process("N", "", &[&bet("n1", 10)]), 200, tx("N", 10490, &["n1"]), "1.60"),
        // A result can't be rolled back, neither the bet nor the win.
        (process("D", "", &[&back("d3", "d1")]), 400, bad.to_owned(), "1.60"),
        (process("D", "", &[&back("d4", "d2")]), 400, bad.to_owned(), "1.60"),
        // One win settles every open bet of its round.
        (process("H", done, &[&win("h3", 300)]), 200, tx("H", 10790, &["h3"]), "0.10"),
        (process("O", "", &[&bet("o 1", 1)]), 400, bad.to_owned(), "0.10"),
        (process("O", "", &[&bet("o1", 1).replace(":1}", ":1.0}")]), 400, bad.to_owned(), "0.10"),
        (process("O", "", &[&bet("o1", 1).replace("bet", "tip")]), 400, bad.to_owned(), "0.10"),
        (
            process("O", "", &[&bet("o1", 1)]).replace("p_agg", "nobody"),
            412,
            r#"{"code":101,"message":"Player is invalid"}"#.to_owned(),
            "0.10",
        ),
    ];
    let mut tx_ids: HashMap<String, String> = HashMap::new();
    for (body, status, expected, held) in steps {
        let answer = bench.agg(SECRET, &body).await;
        let text = answer.text();
        assert_eq!(answer.status, status, "{body}\n{text}");
        assert!(fits(&expected, &text), "{body}\n{text}\n{expected}");
        assert_eq!(bench.cash("p_agg").await.1, held, "{body}");
        // An action's transaction is the same whenever it is told.
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for one in json["transactions"].as_array().into_iter().flatten() {
            let (id, tx) = (one["action_id"].to_string(), one["tx_id"].to_string());
            assert_eq!(tx_ids.entry(id).or_insert_with(|| tx.clone()), &tx, "{body}");
        }
    }
    // A: not signed, or with another secret.
    let body = process("P", "", &[&bet("p1", 1)]);
    let unsigned = bench.anyone().post("/providers/agg", "", &body).await.unwrap();
    for answer in [unsigned, bench.agg("another secret", &body).await] {
        assert_eq!(answer.status, 403);
        assert_eq!(answer.text(), r#"{"code":403,"message":"Forbidden"}"#);
    }
    let again = bench.agg(SECRET, &h2).await;
    vec![(h2, again.text())]
}

async fn per_player(bench: &Bench) {
    let call = |action: &str, id: &str, amount: &str, round: &str| {
        format!(
            r#"callerId=c&action={action}&remote_id=p_blue&session_id=s&amount={amount}&game_id=reactor&transaction_id={id}&round_id={round}&gameplay_final=0"#
        )
    };
    let ok = |balance: &str| format!(r#"{{"status":"200","balance":"{balance}"}}"#);
    let missing = r#"{"status":"404","msg":"transaction not found"}"#.to_owned();
    let poor = r#"{"status":"403","balance":"98.50","msg":"insufficient funds"}"#.to_owned();
    let wrong = |status: &str| format!(r#"{{"status":"{status}","msg":"*"}}"#);
    let last = call("credit", "t6", "0.00", "5").replace("gameplay_final=0", "gameplay_final=1");
    // (query, answer, cash, held)
    let steps: Vec<(String, String, &str, &str)> = vec![
        ("action=balance&username=p_blue".to_owned(), ok("100.00"), "100.00", "0.00"),
        (call("debit", "t1", "2", "1"), ok("98.00"), "98.00", "2.00"),
        (call("debit", "t1", "2.00", "1"), ok("98.00"), "98.00", "2.00"),
        (call("debit", "t1", "3", "1"), wrong("403"), "98.00", "2.00"),
        (call("credit", "t2", "0.50", "1"), ok("98.50"), "98.50", "0.00"),
        (call("credit", "t2", "0.50", "1"), ok("98.50"), "98.50", "0.00"),
        // A bet of nothing is a bet.
        (call("debit", "t3", "0.00", "2"), ok("98.50"), "98.50", "0.00"),
        (call("credit", "t3c", "0.00", "2"), ok("98.50"), "98.50", "0.00"),
        // Rolled back by its own id; the amount sent does not count.
        (call("debit", "t4", "5.00", "3"), ok("93.50"), "93.50", "5.00"),
        (call("rollback", "t4", "0.01", "3"), ok("98.50"), "98.50", "0.00"),
        (call("rollback", "t4", "0.01", "3"), ok("98.50"), "98.50", "0.00"),
        // Unknown: 404, and the debit can't come any more.
        (call("rollback", "t5", "1.00", "4"), missing.clone(), "98.50", "0.00"),
        (call("rollback", "t5", "1.00", "4"), missing, "98.50", "0.00"),
        (call("debit", "t5", "1.00", "4"), wrong("403"), "98.50", "0.00"),
        // After its result.
        (call("rollback", "t1", "2.00", "1"), wrong("500"), "98.50", "0.00"),
        (call("rollback", "t2", "0.50", "1"), wrong("500"), "98.50", "0.00"),
        (call("debit", "t9", "98.51", "9"), poor.clone(), "98.50", "0.00"),
        (call("debit", "t9", "98.51", "9"), poor, "98.50", "0.00"),
        (call("debit", "t10", "0.001", "9"), wrong("500"), "98.50", "0.00"),
        (call("debit", "t10", "-1", "9"), wrong("500"), "98.50", "0.00"),
        (call("debit", "t10&amount=1", "1", "9"), wrong("500"), "98.50", "0.00"),
        // The last result of a round.
        (call("debit", "t6d", "1.00", "5"), ok("97.50"), "97.50", "1.00"),
        (last, ok("97.50"), "97.50", "0.00"),
    ];
    for (query, expected, cash, held) in steps {
        let answer = bench.blue(SALT, &query).await;
        let text = answer.text();
        assert_eq!(answer.status, 200, "{query}\n{text}");
        assert!(fits(&expected, &text), "{query}\n{text}\n{expected}");
        let after = bench.cash("p_blue").await;
        assert_eq!((after.0.as_str(), after.1.as_str()), (cash, held), "{query}");
    }
    // The same transaction id of another player is another transaction.
    let other = call("debit", "t1", "2", "1").replace("p_blue", "q_blue");
    assert_eq!(bench.blue(SALT, &other).await.text(), ok("98.00"));
    // Ten at once take the money once.
    let query = call("debit", "t7", "1.00", "7");
    let answers = futures_util::future::join_all((0..10).map(|_| bench.blue(SALT, &query))).await;
    assert!(answers.iter().all(|answer| answer.text() == ok("96.50")));
    assert_eq!(bench.cash("p_blue").await.1, "1.00");
    let unsigned = r#"{"status":"403","msg":"the key is wrong"}"#;
    assert_eq!(bench.blue("another salt", &query).await.text(), unsigned);
    let plain = bench.anyone().get(&format!("/providers/blue?{query}")).await.unwrap();
    assert_eq!(plain.text(), unsigned);
}

/// What Hub88 signs with is public: it must not open the canonical contract, and the other keys
/// open nothing but their own provider's.
async fn keys_are_not_mixed(bench: &Bench) {
    let body = r#"{"playerId":"p_agg","roundId":"x","gameId":"x","betId":"x","amount":"1.00","currency":"EUR"}"#;
    for (key, secret) in [("hub-1", bench.pem.as_str()), ("agg-1", SECRET), ("blue-1", SALT)] {
        let client = Client::new(&bench.palio.url(), key, secret.as_bytes()).unwrap();
        let answer = client.post("/wallet/debit", "k", body).await.unwrap();
        assert_eq!((answer.status, answer.code()), (401, "UNKNOWN_KEY"), "{key}");
    }
    for path in ["/providers/sandbox", "/providers/nobody/transaction/bet"] {
        let answer = bench.anyone().post(path, "", body).await.unwrap();
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{path}");
    }
    assert!(bench.agg(SALT, body).await.status == 403);
}

/// Each dialect says in its own words that a provider takes no new bets, and takes results.
async fn maintenance(bench: &Bench) {
    let set = async |state: &str| {
        for id in ["hub", "agg", "blue"] {
            let body = format!(r#"{{"state":"{state}","reason":"a test"}}"#);
            let path = format!("/api/providers/{id}/state");
            assert_eq!(bench.palio.operator().post(&path, "", &body).await.unwrap().status, 200);
        }
    };
    let token = bench.palio.token("player", "john12345");
    let hub = |id: &str| {
        transaction(&format!(
            r#""transaction_uuid":"{id}","reference_transaction_uuid":"{id}","amount":1000,"token":"{token}""#
        ))
    };
    let agg = |action: &str| {
        process(
            "X",
            "",
            &[&format!(r#"{{"action":"{action}","action_id":"x_{action}","amount":1}}"#)],
        )
    };
    let blue = |action: &str| {
        format!(
            "action={action}&remote_id=p_blue&amount=1&game_id=g&transaction_id=x_{action}&round_id=X"
        )
    };
    let bets = async || {
        let answer = bench.hub("transaction/bet", &hub("x1")).await;
        let agg = bench.agg(SECRET, &agg("bet")).await;
        let blue = bench.blue(SALT, &blue("debit")).await;
        [answer, agg, blue].map(|reply| (reply.status, reply.text()))
    };
    set("maintenance").await;
    let [(hub_status, hub_text), (agg_status, agg_text), (_, blue_text)] = bets().await;
    assert_eq!((hub_status, agg_status), (503, 503));
    assert!(hub_text.contains(r#""status":"RS_ERROR_UNKNOWN""#), "{hub_text}");
    assert_eq!(agg_text, r#"{"code":500,"message":"Unknown error, try again"}"#);
    assert_eq!(blue_text, r#"{"status":"500","msg":"internal error"}"#);
    set("active").await;
    assert!(bets().await.iter().all(|(status, _)| *status == 200));
    set("off").await;
    assert!(bench.hub("transaction/rollback", &hub("x1")).await.text().contains("RS_OK"));
    assert_eq!(bench.agg(SECRET, &agg("win")).await.status, 200);
    assert!(bench.blue(SALT, &blue("credit")).await.text().contains(r#""status":"200""#));
    set("active").await;
}
