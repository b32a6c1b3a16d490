//! Edges behind a core and Redis, as processes: what browsers see when any of them goes away.

mod asks;
mod clients;
mod secured;
mod servers;

use crate::crash::number;
use asks::Asks;
use clients::{Seen, Watcher};
use loadtest::Client;
use palio_protocol::live::Form;
use serde_json::{Value, json};
use servers::{Cluster, Dir, Node, Redis, Sentinels, wait};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// The core's one tournament.
async fn tournament(core: &Node) -> String {
    let since = Instant::now();
    loop {
        let list: Value = core.get("/api/tournaments?status=active").await.json().unwrap();
        let ids = list["tournaments"].as_array().unwrap().iter().filter_map(|of| of["id"].as_str());
        if let Some(id) = ids.into_iter().find(|id| id.starts_with("run-")) {
            return id.to_owned();
        }
        assert!(since.elapsed() < Duration::from_secs(30), "{list}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

struct Crowd {
    seen: Arc<Seen>,
    watchers: Vec<JoinHandle<Watcher>>,
}

impl Crowd {
    fn new(tournament: &str) -> Self {
        Self { seen: Seen::of(tournament), watchers: Vec::new() }
    }

    /// So many more watchers, who begin at each of these nodes in turn, in both forms.
    fn join(&mut self, nodes: &[&Node], count: usize) {
        let nodes: Vec<_> = nodes.iter().map(|node| node.address()).collect();
        for at in 0..count {
            let form = Form::ALL[at / nodes.len() % 2];
            let watcher = Watcher::new(&self.seen, form);
            self.watchers.push(tokio::spawn(watcher.run(nodes.clone(), at)));
        }
    }

    async fn end(self) -> (Arc<Seen>, Vec<Watcher>) {
        self.seen.stop.store(true, Ordering::Relaxed);
        let mut watchers = Vec::new();
        for watcher in self.watchers {
            watchers.push(watcher.await.unwrap());
        }
        let wrong = self.seen.wrong.lock().unwrap().clone();
        assert!(wrong.is_empty(), "{wrong:#?}");
        for watcher in &watchers {
            assert!(watcher.cursor().is_some(), "a watcher who saw nothing");
        }
        (self.seen, watchers)
    }
}

/// The board's position and rows as polling shows them.
async fn polled(node: &Node, id: &str) -> Value {
    let path = format!("/api/tournaments/{id}/leaderboard");
    let since = Instant::now();
    loop {
        let answer = node.get(&path).await;
        if answer.status == 200 {
            return answer.json().unwrap();
        }
        // Being restored, or so new that it is not in the node's list yet; nothing else.
        assert!(matches!(answer.status, 404 | 503), "{}", answer.text());
        assert!(since.elapsed() < Duration::from_secs(30), "{}\n{}", answer.text(), node.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn position(board: &Value) -> (String, u64) {
    (board["epoch"].as_str().unwrap().to_owned(), board["seq"].as_u64().unwrap())
}

/// Waits until a node shows a board that is later than this one, not stale.
async fn goes_on(node: &Node, id: &str, after: &(String, u64)) {
    let since = Instant::now();
    loop {
        let board = polled(node, id).await;
        let (epoch, seq) = position(&board);
        if board["stale"].is_null() && (epoch != after.0 || seq > after.1) {
            return;
        }
        let late = since.elapsed() > Duration::from_secs(60);
        assert!(!late, "{board}\nafter {after:?}\n{}", node.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_on_edges_see_what_the_core_shows() {
    let dir = Dir::new();
    let mut redis = Redis::single(&dir, Asks::NOTHING).await;
    let config = format!("[live.redis]\nkind = \"single\"\nurls = [\"{}\"]\n", redis.url());
    let mut core = Node::core(&dir, &config).await;
    let id = tournament(&core).await;
    let mut a = Node::edge(&dir, &config, &core).await;
    let b = Node::edge(&dir, &config, &core).await;
    let mut crowd = Crowd::new(&id);
    crowd.join(&[&core], 2);
    crowd.join(&[&a, &b], 8);

    // Polling: the same rows at the same position.
    wait("one position on all three", async || {
        let (of_core, of_a) = (polled(&core, &id).await, polled(&a, &id).await);
        let of_b = polled(&b, &id).await;
        let same = position(&of_core) == position(&of_a) && position(&of_a) == position(&of_b);
        if same {
            assert_eq!(of_core, of_a);
            assert_eq!(of_a, of_b);
        }
        same && position(&of_a).1 > 10
    })
    .await;
    other_calls(&core, &a, &id).await;
    own_rows(&core, &a, &id).await;

    // A cursor of one edge is good on the other, and on the core.
    for form in Form::ALL {
        let mut crowd = Crowd::new(&id);
        let watcher = Watcher::new(&crowd.seen, form);
        crowd.watchers.push(tokio::spawn(watcher.run(vec![a.address()], 0)));
        tokio::time::sleep(Duration::from_millis(700)).await;
        let (_, mut watchers) = crowd.end().await;
        for node in [&b, &core] {
            assert_eq!(watchers[0].first_frame(&node.address()).await, "resumed");
        }
    }

    // Redis is gone for a while, and comes back with nothing.
    let before = position(&polled(&a, &id).await);
    redis.kill();
    for node in [&a, &b] {
        wait("stale", async || polled(node, &id).await["stale"] == true).await;
        assert_eq!(node.get("/readyz").await.status, 200);
    }
    assert!(polled(&core, &id).await["stale"].is_null());
    redis.start().await;
    for node in [&a, &b] {
        goes_on(node, &id, &before).await;
        assert_eq!(position(&polled(node, &id).await).0, before.0, "the epoch goes on");
    }

    // An edge is gone for a while.
    a.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    a.start().await;
    goes_on(&a, &id, &position(&polled(&core, &id).await)).await;

    // The core is gone for a while.
    core.kill();
    wait("stale", async || polled(&b, &id).await["stale"] == true).await;
    core.start().await;
    for node in [&a, &b] {
        let of_core = position(&polled(&core, &id).await);
        assert_ne!(of_core.0, before.0, "a core that starts begins an epoch");
        goes_on(node, &id, &before).await;
        wait("the new epoch", async || position(&polled(node, &id).await).0 == of_core.0).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (seen, _) = crowd.end().await;
    // Whether a cursor is good on an edge that was restarted depends on what the stream still has;
    // where it must be good is asked above.
    let counts = [&seen.stale, &seen.fresh].map(|of| of.load(Ordering::Relaxed));
    assert!(counts.iter().all(|count| *count > 0), "stale, fresh: {counts:?}");
    assert!(seen.boards() > 20, "{} boards", seen.boards());
}

/// What an edge serves besides boards, and what it does not.
async fn other_calls(core: &Node, edge: &Node, id: &str) {
    let one = format!("/api/tournaments/{id}");
    let of = async |node: &Node| -> Value { node.get(&one).await.json().unwrap() };
    let (of_core, of_edge) = (of(core).await, of(edge).await);
    for field in ["id", "name", "endsAt", "rules", "prizes"] {
        assert_eq!(of_core[field], of_edge[field], "{field}");
    }
    let list: Value = edge.get("/api/tournaments?status=active").await.json().unwrap();
    assert!(list["tournaments"].as_array().unwrap().iter().any(|of| of["id"] == id), "{list}");
    let none: Value = edge.get("/api/tournaments?status=completed").await.json().unwrap();
    assert_eq!(none, json!({"tournaments": []}));
    // (path, status, code)
    let rows = [
        ("/", 200, ""),
        ("/healthz", 200, ""),
        ("/api/tournaments/none", 404, "TOURNAMENT_NOT_FOUND"),
        ("/api/tournaments/none/leaderboard", 404, "TOURNAMENT_NOT_FOUND"),
        ("/api/tournaments/none/events", 404, "TOURNAMENT_NOT_FOUND"),
        ("/api/tournaments?limit=many", 422, "INVALID_FIELD"),
        ("/wallet/p", 421, "MISDIRECTED"),
        ("/api/me", 421, "MISDIRECTED"),
        ("/demo/info", 421, "MISDIRECTED"),
    ];
    for (path, status, code) in rows {
        let answer = edge.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        if !code.is_empty() {
            assert_eq!(answer.code(), code, "{path}");
        }
    }
    wait("more are ranked than the board shows", async || {
        polled(edge, id).await["participants"].as_u64() > Some(10)
    })
    .await;
    let deep = edge.get(&format!("{one}/leaderboard?offset=5&limit=100")).await;
    assert_eq!((deep.status, deep.code()), (421, "MISDIRECTED"));
}

/// An edge shows a player his own row, as the core has it; with a bad token nothing.
async fn own_rows(core: &Node, edge: &Node, id: &str) {
    let client = Client::anonymous(&core.url()).unwrap();
    let me = format!("/api/tournaments/{id}/leaderboard/me");
    let watcher = Watcher::new(&Seen::of(id), Form::Binary);
    let mut token = None;
    wait("somebody plays", async || {
        for number in 1..=60 {
            let body = format!(r#"{{"playerId":"demo_{number:03}"}}"#);
            let answer = client.post("/demo/token", "k", body).await.unwrap();
            let Ok(answer) = answer.success::<Value>("a token") else { continue };
            let text = answer["token"].as_str().expect("a token").to_owned();
            let his = Client::bearer(&core.url(), &text).unwrap();
            if his.get(&me).await.unwrap().status == 200 {
                token = Some(text);
                return true;
            }
        }
        false
    })
    .await;
    let token = token.expect("a token");
    let token = token.as_str();
    let own: Value = serde_json::from_str(&watcher.own_row(&edge.address(), token).await).unwrap();
    assert_eq!(own["t"], "me");
    assert!(own["key"].is_string() && own["around"].is_array(), "{own}");
    let bad = watcher.own_row(&edge.address(), "x.y.z").await;
    assert!(bad.contains("BAD_TOKEN"), "{bad}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_that_sentinels_decide() {
    let dir = Dir::new();
    let mut redis = Sentinels::start(&dir, Asks::NOTHING).await;
    let core = Node::core(&dir, &redis.config()).await;
    let id = tournament(&core).await;
    let edge = Node::edge(&dir, &redis.config(), &core).await;
    let mut crowd = Crowd::new(&id);
    crowd.join(&[&edge], 4);
    goes_on(&edge, &id, &position(&polled(&edge, &id).await)).await;
    redis.fail_over().await;
    goes_on(&edge, &id, &position(&polled(&core, &id).await)).await;
    crowd.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_loses_a_master() {
    let dir = Dir::new();
    let mut redis = Cluster::start(&dir, Asks::NOTHING).await;
    let core = Node::core(&dir, &redis.config()).await;
    let id = tournament(&core).await;
    let edge = Node::edge(&dir, &redis.config(), &core).await;
    let mut crowd = Crowd::new(&id);
    crowd.join(&[&edge], 4);
    goes_on(&edge, &id, &position(&polled(&edge, &id).await)).await;
    redis.kill_master_of(&format!("palio:{{{id}}}:board"));
    goes_on(&edge, &id, &position(&polled(&core, &id).await)).await;
    crowd.end().await;
}

fn percentiles(mut all: Vec<Duration>) -> String {
    all.sort();
    let at = |percent: usize| all.get((all.len() * percent / 100).min(all.len().max(1) - 1));
    let [half, most] = [50, 99].map(|percent| at(percent).copied().unwrap_or_default());
    format!("p50 {half:.1?}, p99 {most:.1?} (of {} sockets)", all.len())
}

/// Three edges behind two restarts of the core and a failover of Redis. Of each: how long sockets
/// were without a new board.
#[tokio::test(flavor = "multi_thread")]
async fn three_edges_behind_restarts() {
    let sockets = usize::try_from(number("PALIO_EDGE_SOCKETS", 6)).unwrap();
    let dir = Dir::new();
    let mut redis = Sentinels::start(&dir, Asks::NOTHING).await;
    let config = redis.config();
    let mut core = Node::core(&dir, &config).await;
    let id = tournament(&core).await;
    let mut edges = Vec::new();
    for _ in 0..3 {
        edges.push(Node::edge(&dir, &config, &core).await);
    }
    let mut crowd = Crowd::new(&id);
    let nodes: Vec<_> = edges.iter().collect();
    crowd.join(&nodes, 3 * sockets);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut marks = Vec::new();
    for what in ["core killed and started", "Redis failed over", "core killed and started"] {
        let begun = Instant::now();
        if what.starts_with("core") {
            core.kill();
            core.start().await;
        } else {
            redis.fail_over().await;
        }
        let back = begun.elapsed();
        for edge in &edges {
            goes_on(edge, &id, &position(&polled(&core, &id).await)).await;
        }
        tokio::time::sleep(Duration::from_secs(3)).await;
        marks.push((what, begun, back));
    }
    let (seen, watchers) = crowd.end().await;
    println!(
        "3 edges, {sockets} sockets each, {} boards, {} frames, gaps 0, duplicates 0",
        seen.boards(),
        seen.frames.load(Ordering::Relaxed)
    );
    for (at, (what, begun, back)) in marks.iter().enumerate() {
        let end = marks.get(at + 1).map_or_else(Instant::now, |(_, next, _)| *next);
        let longest = |watcher: &Watcher| {
            let during = watcher.silences.iter().filter(|(heard, _)| (*begun..end).contains(heard));
            during.map(|(_, silence)| *silence).max().unwrap_or_default()
        };
        let silences: Vec<_> = watchers.iter().map(longest).collect();
        println!("{what} (itself back after {back:.1?}): without news {}", percentiles(silences));
    }
    assert!(core.dir().exists());
}
