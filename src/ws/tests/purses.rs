//! A player's own socket.

use super::support::{START, Stage, WITHIN};
use crate::ws::LiveConfig;
use std::sync::atomic::Ordering;
use std::time::Duration;

const ME: &str = "/ws/me";

#[actix_rt::test]
async fn a_wallet_is_told_when_it_changes_and_only_to_its_owner() {
    let stage = Stage::set();
    stage.purses.set(98, 4, r#"{"t":"wallet","seq":4}"#, &[]);
    let mut client = stage.open(ME).await;
    assert!(client.is_quiet().await, "nobody in particular");
    client.send(r#"{"t":"auth","token":"1:98:60"}"#).await;
    assert_eq!(client.text().await, r#"{"t":"wallet","seq":4}"#);
    let mut other = stage.open(ME).await;
    stage.purses.set(99, 1, r#"{"t":"wallet","seq":1}"#, &[]);
    other.send(r#"{"t":"auth","token":"1:99:60"}"#).await;
    assert_eq!(other.text().await, r#"{"t":"wallet","seq":1}"#);
    stage.purses.set(98, 6, r#"{"t":"wallet","seq":6}"#, &[(5, "prize"), (6, "deposit")]);
    assert_eq!(client.text().await, r#"{"t":"wallet","seq":6}"#);
    assert_eq!((client.text().await, client.text().await), ("prize".into(), "deposit".into()));
    stage.purses.set(98, 7, r#"{"t":"wallet","seq":7}"#, &[(5, "prize"), (6, "deposit")]);
    assert_eq!(client.text().await, r#"{"t":"wallet","seq":7}"#);
    assert!(client.is_quiet().await, "each notice once");
    assert!(other.is_quiet().await);
    client.send(r#"{"t":"ping"}"#).await;
    assert!(client.text().await.contains("pong"));
    assert_eq!(stage.purses.watched(), 2);
    client.0.close(None).await.unwrap();
    drop(other);
    super::support::wait(|| stage.purses.watched() == 0).await;
}

/// Of whatever brand a player turns out to be: sockets count for that one, not for nobody's.
#[actix_rt::test]
async fn players_sockets_count_for_their_brand() {
    let config = LiveConfig { sockets_per_tenant_max: 2, ..LiveConfig::default() };
    let stage = Stage::with(config);
    stage.purses.set(98, 4, r#"{"t":"wallet","seq":4}"#, &[]);
    let mut clients = Vec::new();
    for tenant in [1, 1, 2, 2] {
        let mut client = stage.open(ME).await;
        client.send(&format!(r#"{{"t":"auth","token":"{tenant}:98:60"}}"#)).await;
        assert_eq!(client.text().await, r#"{"t":"wallet","seq":4}"#);
        clients.push(client);
    }
    let mut more = stage.open(ME).await;
    more.send(r#"{"t":"auth","token":"1:98:60"}"#).await;
    let (texts, code) = more.until_close().await;
    assert!(texts[0].contains("TOO_MANY_SOCKETS"), "{texts:?}");
    assert_eq!(code, 4029);
    // Who gives his back makes room.
    clients.remove(0).0.close(None).await.unwrap();
    super::support::wait(|| stage.live.sockets() == 4).await;
    let mut again = stage.open(ME).await;
    again.send(r#"{"t":"auth","token":"1:98:60"}"#).await;
    assert_eq!(again.text().await, r#"{"t":"wallet","seq":4}"#);
}

/// More notices at once than wait for a slow reader: none is lost, none comes twice.
#[actix_rt::test]
async fn notices_wait_for_a_slow_reader() {
    let stage = Stage::set();
    let long = "n".repeat(60_000);
    stage.purses.set(98, 1, r#"{"t":"wallet","seq":1}"#, &[]);
    let mut client = stage.open(ME).await;
    client.send(r#"{"t":"auth","token":"1:98:60"}"#).await;
    client.text().await;
    let texts: Vec<_> = (2..202).map(|seq| format!("{seq} {long}")).collect();
    let notices: Vec<_> = (2..).zip(texts.iter().map(String::as_str)).collect();
    stage.purses.set(98, 201, r#"{"t":"wallet","seq":201}"#, &notices);
    // Twelve megabytes are more than a socket takes; nothing happens to the wallet after that.
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let mut heard = Vec::new();
    while heard.len() < 200 {
        let text = client.text().await;
        if let Some((seq, _)) = text.split_once(' ') {
            heard.push(seq.parse::<u64>().unwrap());
        }
    }
    assert!(heard.iter().copied().eq(2..202), "{heard:?}");
}

#[actix_rt::test]
async fn a_node_that_stops_says_goodbye_to_players_too() {
    let stage = Stage::set();
    let mut client = stage.open(ME).await;
    stage.purses.set(98, 1, r#"{"t":"wallet","seq":1}"#, &[]);
    client.send(r#"{"t":"auth","token":"1:98:60"}"#).await;
    client.text().await;
    let live = stage.live.clone();
    let done = actix_rt::spawn(async move { live.shutdown().await });
    let (texts, code) = client.until_close().await;
    assert!(texts[0].starts_with(r#"{"t":"bye","code":1001,"reconnectMs":"#), "{texts:?}");
    assert_eq!(code, 1001);
    client.0.close(None).await.ok();
    tokio::time::timeout(WITHIN, done).await.expect("bounded").unwrap();
}

#[actix_rt::test]
async fn who_does_not_say_who_he_is_has_to_go() {
    let stage = Stage::set();
    let mut bad = stage.open(ME).await;
    bad.send(r#"{"t":"auth","token":"nonsense"}"#).await;
    let (texts, code) = bad.until_close().await;
    assert!(texts[0].contains("BAD_TOKEN"), "{texts:?}");
    assert_eq!(code, 4401);
    let mut silent = stage.open(ME).await;
    let closed = tokio::time::timeout(WITHIN, silent.until_close()).await.unwrap();
    assert_eq!((closed.0.len(), closed.1), (2, 4401));
}

#[actix_rt::test]
async fn a_token_of_the_own_socket_ends_and_is_renewed() {
    let stage = Stage::set();
    stage.purses.set(98, 4, r#"{"t":"wallet","seq":4}"#, &[]);
    let mut client = stage.open(ME).await;
    client.send(r#"{"t":"auth","token":"1:98:60"}"#).await;
    client.text().await;
    client.send(r#"{"t":"auth","token":"1:98:120"}"#).await;
    stage.now.store(START + 90_000, Ordering::SeqCst);
    assert!(client.is_quiet().await);
    stage.now.store(START + 120_000, Ordering::SeqCst);
    assert!(client.text().await.contains("TOKEN_EXPIRED"));
    stage.purses.set(98, 5, r#"{"t":"wallet","seq":5}"#, &[]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(client.is_quiet().await);
    client.send(r#"{"t":"auth","token":"1:98:180"}"#).await;
    assert_eq!(client.text().await, r#"{"t":"wallet","seq":5}"#);
}
