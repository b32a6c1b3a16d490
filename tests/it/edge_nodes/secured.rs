//! Redis that asks for passwords and speaks TLS: nodes that are given the right ones show boards,
//! others say in their logs what is wrong, and no log has a password in it.

use super::asks::{ASKER, Asks, CORE, Ca, DEFAULT, EDGE, Given, PASSWORDS, WRONG};
use super::servers::{Cluster, Dir, Node, Redis, Sentinels, wait};
use super::{goes_on, polled, position, tournament};

const LOGIN: &str = "Redis refuses the user or the password, see live.redis.username";
const SENTINEL: &str = "a Sentinel refuses the user or the password, see live.redis.sentinel_user";
const PERMISSION: &str = "Redis does not allow its user what is needed";
const UNTRUSTED: &str = "Redis has a certificate that is not trusted, see live.redis.ca_file";
const UNSHOWN: &str = "Redis asks for a certificate, see live.redis.certificate_file";

/// What a core is given where everything is asked for.
const CORE_ALL: Given =
    Given { login: Some(CORE), sentinel: None, ca: Some(Ca::Theirs), own: true };
const EDGE_ALL: Given = Given { login: Some(EDGE), ..CORE_ALL };

fn quiet(node: &Node) {
    let log = node.log();
    assert!(log.contains("TRACE") && log.len() > 2_000, "everything is written down:\n{log}");
    for password in PASSWORDS {
        assert!(!log.contains(password), "{password} is in the log");
    }
}

/// A core and an edge in production that shows its boards, both writing down everything.
async fn pair(dir: &Dir, redis: &str, core: Given, edge: Given) -> (Node, Node, String) {
    let core = Node::core_that_tells(dir, &format!("{redis}{}", core.config(dir))).await;
    let id = tournament(&core).await;
    let redis = format!("{redis}{}", edge.config(dir));
    let mut edge = Node::edge_of(dir, &redis, &core, "production").tells_all();
    edge.start().await;
    goes_on(&edge, &id, &position(&polled(&edge, &id).await)).await;
    (core, edge, id)
}

/// Each of these edges says what is wrong, and shows nothing.
async fn refused(dir: &Dir, redis: &str, core: &Node, rows: &[(&str, Given, &str)]) {
    for (what, given, says) in rows {
        let redis = format!("{redis}{}", given.config(dir));
        let mut edge = Node::edge_of(dir, &redis, core, "development").tells_all();
        edge.spawn();
        wait(what, async || edge.log().contains(says)).await;
        // It has tried again meanwhile, and does not say so again.
        let failed = || edge.log().matches("a call to Redis failed").count();
        let (tried, log) = (failed(), edge.log());
        wait(what, async || failed() > tried + 2).await;
        assert_eq!(edge.get("/readyz").await.status, 503, "{what}");
        let is_told = |line: &&str| line.contains("WARN") && line.contains(says);
        assert_eq!(edge.log().lines().filter(is_told).count(), 1, "{what}:\n{log}");
        quiet(&edge);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_at_one_server() {
    let dir = Dir::new();
    let redis = Redis::single(&dir, Asks::LOGINS).await;
    let config = format!("[live.redis]\nkind = \"single\"\nurls = [\"{}\"]\n", redis.url());
    let login = |login| Given { login: Some(login), ..Given::default() };
    let (core, edge, id) = pair(&dir, &config, login(CORE), login(EDGE)).await;
    let rows = [
        ("another's password", login(WRONG), LOGIN),
        ("a user who is not there", login(("nobody", WRONG.1)), LOGIN),
        ("no password", Given::default(), LOGIN),
    ];
    refused(&dir, &config, &core, &rows).await;
    // The edges' user may read and nothing else: boards are not his to write.
    let text = format!("{config}{}", login(EDGE).config(&dir));
    let other = Node::core_that_tells(&dir, &text).await;
    wait("a core that may not write", async || other.log().contains(PERMISSION)).await;
    goes_on(&edge, &id, &position(&polled(&core, &id).await)).await;
    // A password and no users.
    let password = format!(">{}", DEFAULT.1);
    let rules = ["acl", "setuser", "default", "on", &password, "~*", "&*", "+@all"];
    assert_eq!(redis.ask(&rules), "OK");
    let text = format!("{config}{}", login(DEFAULT).config(&dir));
    let mut plain = Node::edge_of(&dir, &text, &core, "production").tells_all();
    plain.start().await;
    goes_on(&plain, &id, &position(&polled(&core, &id).await)).await;
    refused(&dir, &config, &core, &[("another password", login(("", WRONG.1)), LOGIN)]).await;
    for node in [&core, &edge, &other, &plain] {
        quiet(node);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_at_one_server_with_an_authority_of_its_own() {
    let dir = Dir::new();
    let redis = Redis::single(&dir, Asks::TLS).await;
    let config = format!("[live.redis]\nkind = \"single\"\nurls = [\"{}\"]\n", redis.url());
    let given = |ca, own| Given { ca, own, ..Given::default() };
    let good = given(Some(Ca::Theirs), true);
    let (core, edge, _) = pair(&dir, &config, good, good).await;
    let rows = [
        ("another authority", given(Some(Ca::Other), true), UNTRUSTED),
        ("the public authorities", given(None, true), UNTRUSTED),
        ("no certificate of its own", given(Some(Ca::Theirs), false), UNSHOWN),
    ];
    refused(&dir, &config, &core, &rows).await;
    for node in [&core, &edge] {
        quiet(node);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_tls_with_sentinels() {
    let dir = Dir::new();
    let mut redis = Sentinels::start(&dir, Asks::BOTH).await;
    let config = redis.config();
    let asking = |given: Given, sentinel| Given { sentinel, ..given };
    let (all, core) = (asking(EDGE_ALL, Some(ASKER)), asking(CORE_ALL, Some(ASKER)));
    let (core, edge, id) = pair(&dir, &config, core, all).await;
    let rows = [
        ("another's password at the Sentinel", asking(all, Some((ASKER.0, WRONG.1))), SENTINEL),
        ("no password at the Sentinel", asking(all, None), SENTINEL),
        ("the server's at the Sentinel", asking(all, Some(EDGE)), SENTINEL),
        ("another's password at the server", Given { login: Some(WRONG), ..all }, LOGIN),
        ("the Sentinel's at the server", Given { login: Some(ASKER), ..all }, LOGIN),
        ("another authority", Given { ca: Some(Ca::Other), ..all }, "not trusted"),
    ];
    refused(&dir, &config, &core, &rows).await;
    redis.fail_over().await;
    goes_on(&edge, &id, &position(&polled(&core, &id).await)).await;
    for node in [&core, &edge] {
        quiet(node);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_tls_in_a_cluster() {
    let dir = Dir::new();
    let mut redis = Cluster::start(&dir, Asks::BOTH).await;
    let config = redis.config();
    let (core, edge, id) = pair(&dir, &config, CORE_ALL, EDGE_ALL).await;
    let rows = [
        ("another's password", Given { login: Some(WRONG), ..EDGE_ALL }, LOGIN),
        ("another authority", Given { ca: Some(Ca::Other), ..EDGE_ALL }, UNTRUSTED),
    ];
    refused(&dir, &config, &core, &rows).await;
    redis.kill_master_of(&format!("palio:{{{id}}}:board"));
    goes_on(&edge, &id, &position(&polled(&core, &id).await)).await;
    for node in [&core, &edge] {
        quiet(node);
    }
}
