//! A full node: bets are refused first, results last, and one provider's storm leaves room for
//! the others (design, invariant 10).

use crate::process::{Palio, Store};
use loadtest::Client;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Twenty places, five of them not for bets, half of them for one provider.
const SMALL: &str = r#"
commands_in_flight_max = 20
settle_reserve = 5
provider_share_percent = 50
tenant_share_percent = 100

[http]
body_seconds_max = 60

[[provider]]
id = "storm"
tenant = 1
replay_status = 409
keys = [{ id = "storm-1", secret_file = "" }]

[[provider]]
id = "calm"
tenant = 1
replay_status = 409
keys = [{ id = "calm-1", secret_file = "" }]
"#;

/// A request whose body never comes; `Err` with the status when it is refused before that.
async fn stalled(palio: &Palio, path: &str, key: &str) -> Result<TcpStream, String> {
    let address = palio.url().trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nX-Palio-Key: {key}\r\nContent-Length: 100\r\n\r\n{{"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0_u8; 12];
    let wait = std::time::Duration::from_millis(300);
    match tokio::time::timeout(wait, socket.read_exact(&mut answer)).await {
        Ok(read) => {
            read.unwrap();
            Err(String::from_utf8_lossy(&answer[9..]).into_owned())
        }
        Err(_) => Ok(socket),
    }
}

async fn bet(client: &Client, id: &str) -> (u16, String) {
    let body = json!({"playerId": "p", "roundId": id, "gameId": "wheel", "betId": id,
                      "amount": "1.00", "currency": "EUR"});
    let answer = client.post("/wallet/debit", "", body.to_string()).await.unwrap();
    (answer.status, answer.code().to_owned())
}

async fn win(client: &Client, id: &str) -> (u16, String) {
    let body = json!({"playerId": "p", "roundId": id, "betId": id, "amount": "2.00",
                      "currency": "EUR"});
    let answer = client.post("/wallet/credit", "", body.to_string()).await.unwrap();
    (answer.status, answer.code().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_one_provider_leaves_room_for_the_others() {
    let palio = Palio::start_with(Store::Sqlite, SMALL, &[]).await;
    palio.deposit("p", "d", "100.00").await;
    let client = |key: &str| Client::new(&palio.url(), key, &palio.secret(key)).unwrap();
    let (calm, storm) = (client("calm-1"), client("storm-1"));
    let fine = (200, "-".to_owned());
    let full = (503, "OVERLOADED".to_owned());
    assert_eq!(bet(&storm, "s1").await, fine);
    // Ten requests of the storm hold its half; further ones are refused before their bodies.
    let mut held = Vec::new();
    for _ in 0..10 {
        held.push(stalled(&palio, "/wallet/debit", "storm-1").await.unwrap());
    }
    assert_eq!(stalled(&palio, "/wallet/debit", "storm-1").await.unwrap_err(), "503");
    assert_eq!(bet(&storm, "s2").await, full);
    // The other provider notices nothing.
    assert_eq!(bet(&calm, "c1").await, fine);
    assert_eq!(win(&calm, "c1").await, fine);
    // When the rest of the bets' places is held too, results still go through.
    for _ in 0..5 {
        held.push(stalled(&palio, "/wallet/debit", "calm-1").await.unwrap());
    }
    assert_eq!(bet(&calm, "c2").await, full);
    assert_eq!(bet(&calm, "c3").await, full);
    let play = stalled(&palio, "/wallet/play", "calm-1").await.unwrap_err();
    assert_eq!(play, "503");
    assert_eq!(win(&calm, "c1").await, (409, "IDEMPOTENT_REPLAY".to_owned()));
    // An unknown key gets no place at all.
    assert_eq!(stalled(&palio, "/wallet/debit", "nobody").await.unwrap_err(), "401");
    // A refused bet was not kept: its key is still free.
    held.clear();
    let since = std::time::Instant::now();
    while bet(&calm, "c2").await != fine {
        assert!(since.elapsed() < std::time::Duration::from_secs(10));
    }
    assert_eq!(win(&storm, "s1").await, fine);
}
