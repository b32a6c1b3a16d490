//! Keys of tokens in the real binary: changed without a gap, and none that signs on an edge.

use crate::process::{Palio, Store};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use loadtest::Client;
use std::process::Command;

/// Of RFC 8410, 10.3.
const NEW: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";

async fn status(palio: &Palio, token: &str) -> (u16, String) {
    let reply = Client::bearer(&palio.url(), token).unwrap().get("/api/providers").await.unwrap();
    (reply.status, reply.code().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_changed_without_a_gap() {
    let config = "[auth]\npublic_key_files = []\n";
    let mut palio = Palio::start_with(Store::Sqlite, config, &[("new.key", NEW)]).await;
    let (good, bad) = ((200, "-".to_owned()), (401, "BAD_TOKEN".to_owned()));
    let old = palio.token("operator", "anna");
    assert_eq!(status(&palio, &old).await, good);

    // The old key made this; the public half is all that is left of it.
    let (key, public) = (palio.dir().join("new.key"), palio.dir().join("secrets/tokens.pub"));
    palio.stop();
    let both = format!("signing_key_file = {key:?}\npublic_key_files = [{public:?}]");
    palio.reconfigure("public_key_files = []", &both);
    palio.run().await;
    let new = palio.token("operator", "anna");
    let name = |token: &str| token.split('.').next().unwrap().to_owned();
    assert_ne!(name(&old), name(&new), "another key, another name");
    assert_eq!(
        (status(&palio, &old).await, status(&palio, &new).await),
        (good.clone(), good.clone())
    );

    // A public key is no secret to make tokens with.
    let pem = std::fs::read_to_string(&public).unwrap();
    let header = BASE64.decode(name(&old)).unwrap();
    let header = String::from_utf8(header).unwrap().replace("EdDSA", "HS256");
    let content = format!("{}.{}", BASE64.encode(header), old.split('.').nth(1).unwrap());
    let key = hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes());
    let forged = format!("{content}.{}", BASE64.encode(hmac::sign(&key, content.as_bytes())));
    assert_eq!(status(&palio, &forged).await, bad);

    palio.stop();
    palio.reconfigure(&format!("public_key_files = [{public:?}]"), "public_key_files = []");
    palio.run().await;
    assert_eq!((status(&palio, &old).await, status(&palio, &new).await), (bad, good));
    palio.stop();
}

#[test]
fn an_edge_that_could_make_tokens_does_not_start() {
    let dir = std::env::temp_dir().join(format!("palio_it_{:016x}", rand::random::<u64>()));
    std::fs::create_dir_all(&dir).unwrap();
    let (private, file) = (dir.join("tokens.key"), dir.join("edge.toml"));
    std::fs::write(&private, NEW).unwrap();
    let start = |mode: &str, auth: &str| {
        let redis = "[live.redis]\nkind = \"single\"\nurls = [\"redis://127.0.0.1:1\"]\n";
        let core = "[edge]\ncore_url = \"http://127.0.0.1:1\"\n";
        std::fs::write(&file, format!("mode = {mode:?}\n[auth]\n{auth}\n{redis}{core}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_palio"));
        command.args(["serve", "--role", "edge", "--config"]).arg(&file).current_dir(&dir);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let signing = format!("signing_key_file = {private:?}");
    let among_public = format!("public_key_files = [{private:?}]");
    // (mode, what it is given, what it says)
    let rows = [
        ("production", signing.as_str(), "auth.signing_key_file is for cores"),
        ("development", &signing, "auth.signing_key_file is for cores"),
        ("production", &among_public, "holds a private key"),
        ("development", &among_public, "holds a private key"),
        ("production", "", "auth.public_key_files is needed in production"),
    ];
    for (mode, auth, says) in rows {
        let (code, said) = start(mode, auth);
        assert_eq!(code, Some(2), "{mode} {auth}: {said}");
        assert!(said.contains(says), "{mode} {auth}: {said}");
        assert!(!said.contains("MC4CAQAw"), "a key is in the message: {said}");
    }
    assert!(!dir.join("data").exists(), "an edge makes no secrets");
    std::fs::remove_dir_all(dir).unwrap();
}
