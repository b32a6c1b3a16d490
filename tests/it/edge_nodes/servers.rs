//! What the tests of edges run: Redis in three ways, a core that plays, edges; each a process
//! that a test may kill and start again. They end with the test.

use super::asks::Asks;
use crate::process::free_port;
use loadtest::Client;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A directory that goes with the test.
pub(super) struct Dir(PathBuf);

impl Dir {
    pub(super) fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("palio_it_{:016x}", rand::random::<u64>()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    /// A file with this content.
    pub(super) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn sub(&self, name: &str) -> PathBuf {
        let dir = self.0.join(name);
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().ok();
    }
}

pub(super) async fn wait(what: &str, mut until: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !until().await {
        assert!(since.elapsed() < Duration::from_secs(60), "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One Redis process.
pub(super) struct Redis {
    pub(super) port: u16,
    dir: PathBuf,
    arguments: Vec<String>,
    asks: Asks,
    process: Option<Process>,
}

impl Redis {
    /// With these arguments besides its port and its silence on disk.
    async fn new(dir: &Dir, asks: Asks, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
        arguments.extend(asks.arguments(dir));
        let dir = dir.sub(&format!("redis-{port}"));
        let mut redis = Self { port, dir, arguments, asks, process: None };
        redis.start().await;
        redis
    }

    pub(super) async fn single(dir: &Dir, asks: Asks) -> Self {
        Self::new(dir, asks, &[]).await
    }

    pub(super) async fn start(&mut self) {
        let mut command = Command::new("redis-server");
        // A Sentinel's first argument is its file.
        if self.arguments.first().is_none_or(|first| first != "--sentinel") {
            command.args(["--save", "", "--appendonly", "no"]);
            let (port, tls) = if self.asks.tls { (0, self.port) } else { (self.port, 0) };
            command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
            command.args(["--tls-port", &tls.to_string()]);
            command.args(&self.arguments);
        } else {
            command.arg(self.dir.join("sentinel.conf")).args(&self.arguments);
        }
        command.current_dir(&self.dir).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn();
        let child = child.expect("redis-server must be there: run `scripts/peers start redis`");
        self.process = Some(Process(child));
        wait("redis", async || self.ask(&["ping"]) == "PONG").await;
    }

    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    pub(super) fn ask(&self, arguments: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            .args(self.asks.cli(&self.dir))
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(super) fn url(&self) -> String {
        let scheme = if self.asks.tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }
}

/// A master, a replica and a Sentinel that decides alone.
pub(super) struct Sentinels {
    pub(super) nodes: Vec<Redis>,
    sentinel: Redis,
}

impl Sentinels {
    pub(super) async fn start(dir: &Dir, asks: Asks) -> Self {
        let master = Redis::new(dir, asks, &[]).await;
        let of = format!("127.0.0.1 {}", master.port);
        let replica = Redis::new(dir, asks, &["--replicaof", &of]).await;
        wait("replica", async || replica.ask(&["info", "replication"]).contains("link_status:up"))
            .await;
        let port = free_port();
        let home = dir.sub(&format!("redis-{port}"));
        let text = format!(
            "{}bind 127.0.0.1\nsentinel monitor palio {of} 1\n{}\
             sentinel down-after-milliseconds palio 1000\nsentinel failover-timeout palio 4000\n",
            asks.sentinel_port(dir, port),
            asks.sentinel_login(),
        );
        std::fs::write(home.join("sentinel.conf"), text).unwrap();
        let arguments = vec!["--sentinel".to_owned()];
        let mut sentinel = Redis { port, dir: home, arguments, asks, process: None };
        sentinel.start().await;
        wait("sentinel knows the replica", async || {
            sentinel.ask(&["sentinel", "replicas", "palio"]).contains("slave")
        })
        .await;
        Self { nodes: vec![master, replica], sentinel }
    }

    pub(super) fn config(&self) -> String {
        let url = self.sentinel.url();
        format!("[live.redis]\nkind = \"sentinel\"\nmaster = \"palio\"\nurls = [\"{url}\"]\n")
    }

    /// Kills the master and waits for another one.
    pub(super) async fn fail_over(&mut self) {
        self.nodes[0].kill();
        let port = self.nodes[1].port.to_string();
        let address = ["sentinel", "get-master-addr-by-name", "palio"];
        wait("failover", async || self.sentinel.ask(&address).contains(&port)).await;
    }
}

/// Three masters and a replica of each.
pub(super) struct Cluster(pub(super) Vec<Redis>);

impl Cluster {
    pub(super) async fn start(dir: &Dir, asks: Asks) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..6 {
            // The port of the bus is the other one plus 10000, which must be one.
            let bus = free_port().to_string();
            let arguments = [
                "--cluster-enabled",
                "yes",
                "--cluster-node-timeout",
                "1500",
                "--cluster-port",
                &bus,
            ];
            nodes.push(Redis::new(dir, asks, &arguments).await);
        }
        let all: Vec<_> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(&all);
        create.args(["--cluster-replicas", "1", "--cluster-yes"]);
        create.args(asks.cli(&nodes[0].dir));
        let output = create.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        for node in &nodes {
            let is_ok = || node.ask(&["cluster", "info"]).contains("cluster_state:ok");
            wait("cluster", async || is_ok()).await;
            // A replica that has never been in touch is not promoted.
            let replication = || node.ask(&["info", "replication"]);
            let is_in_touch = |text: String| {
                text.contains("master_link_status:up") || text.contains("connected_slaves:1")
            };
            wait("replicas", async || is_in_touch(replication())).await;
        }
        Self(nodes)
    }

    pub(super) fn config(&self) -> String {
        let urls: Vec<_> = self.0.iter().map(|node| format!("{:?}", node.url())).collect();
        format!("[live.redis]\nkind = \"cluster\"\nurls = [{}]\n", urls.join(", "))
    }

    /// Kills the master that has this key.
    pub(super) fn kill_master_of(&mut self, key: &str) {
        let is_here = |node: &Redis| {
            node.ask(&["role"]).starts_with("master")
                && !node.ask(&["exists", key]).contains("MOVED")
        };
        let at = self.0.iter().position(is_here).expect("a master");
        self.0[at].kill();
    }
}

/// A process of Palio.
pub(super) struct Node {
    dir: PathBuf,
    port: u16,
    /// Where a core ends TLS.
    front: u16,
    arguments: Vec<&'static str>,
    filter: &'static str,
    process: Option<Process>,
}

const CERTIFICATE: &str = include_str!("../tls/localhost.crt");
const KEY: &str = include_str!("../tls/localhost.key");

/// The file of a core's certificate, which edges trust.
fn certificate(dir: &Dir) -> PathBuf {
    dir.file("localhost.crt", CERTIFICATE)
}

/// What nodes write to their logs unless a test says otherwise.
const FILTER: &str = "info,palio::edge=debug";

/// The one tournament: all day, five boards a second.
const SERIES: &str = "[[series]]\nid = \"run\"\nname = \"Run\"\nmetric = \"turnover\"\n\
    currency = \"EUR\"\nevery_seconds = 31000000\nduration_seconds = 30999000\nahead_seconds = 0\n\
    grace_seconds = 5\nmin_stake = \"0.10\"\npoints_per = \"1.00\"\nentry = \"all\"\n\
    prizes = [\"10.00\"]\ntick_ms = 200\ndescription = \"\"\n";

impl Node {
    /// A core with the demo's players, who bet.
    pub(super) async fn core(dir: &Dir, redis: &str) -> Self {
        let mut core = Self::core_of(dir, redis);
        core.start().await;
        core
    }

    /// The same, and it writes down everything.
    pub(super) async fn core_that_tells(dir: &Dir, redis: &str) -> Self {
        let mut core = Self::core_of(dir, redis).tells_all();
        core.start().await;
        core
    }

    fn core_of(dir: &Dir, redis: &str) -> Self {
        let front = free_port();
        let (certificate, key) = (certificate(dir), dir.file("localhost.key", KEY));
        let more = format!(
            "[demo]\nplayers = 60\nbets_per_second = 60\n[core]\nsnapshot_interval_seconds = 1\n\
             [tls]\nbind = \"127.0.0.1:{front}\"\ncertificate_file = {certificate:?}\n\
             key_file = {key:?}\n{redis}{SERIES}"
        );
        Self { front, ..Self::new(dir, vec!["demo"], &more) }
    }

    pub(super) async fn edge(dir: &Dir, redis: &str, core: &Self) -> Self {
        let mut edge = Self::edge_of(dir, redis, core, "development");
        edge.start().await;
        edge
    }

    /// An edge that does not run yet. In production its key is one that does not say it was made
    /// for development.
    pub(super) fn edge_of(dir: &Dir, redis: &str, core: &Self, mode: &str) -> Self {
        let key = core.dir.join("secrets/tokens.pub");
        let pem = std::fs::read_to_string(key).unwrap();
        let bare = pem.split_once('\n').unwrap().1;
        let key = dir.file("tokens.pub", if mode == "production" { bare } else { &pem });
        let more = format!(
            "mode = \"{mode}\"\n[auth]\npublic_key_files = [{key:?}]\n\
             [edge]\ncore_url = \"https://localhost:{}\"\nstale_ms = 1500\n\
             [outgoing]\nca_file = {:?}\n{redis}",
            core.front,
            certificate(dir)
        );
        Self::new(dir, vec!["serve", "--role", "edge"], &more)
    }

    fn new(dir: &Dir, arguments: Vec<&'static str>, more: &str) -> Self {
        let port = free_port();
        let dir = dir.sub(&format!("node-{port}"));
        std::fs::write(dir.join("palio.toml"), more).unwrap();
        Self { dir, port, front: 0, arguments, filter: FILTER, process: None }
    }

    /// From its next start it writes down everything.
    pub(super) fn tells_all(mut self) -> Self {
        self.filter = "trace";
        self
    }

    /// Starts it on what is there and waits until it is ready.
    pub(super) async fn start(&mut self) {
        self.spawn();
        let anyone = Client::anonymous(&self.url()).unwrap();
        let ready = async || anyone.get("/readyz").await.is_ok_and(|answer| answer.status == 200);
        let since = Instant::now();
        while !ready().await {
            assert!(since.elapsed() < Duration::from_secs(60), "not ready:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts it on what is there.
    pub(super) fn spawn(&mut self) {
        let log = std::fs::OpenOptions::new().append(true).create(true).open(self.dir.join("log"));
        let child = Command::new(env!("CARGO_BIN_EXE_palio"))
            .arg("--config")
            .arg(self.dir.join("palio.toml"))
            .arg("--data-dir")
            .arg(&self.dir)
            .args(&self.arguments)
            .env("PALIO__HTTP__BIND", format!("127.0.0.1:{}", self.port))
            .env("PALIO__ADMIN__BIND", "127.0.0.1:0")
            .env("PALIO__LIVE__SOCKETS_PER_ADDRESS_MAX", "100000")
            .env("PALIO__LOG__FILTER", self.filter)
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn();
        self.process = Some(Process(child.unwrap()));
    }

    pub(super) fn kill(&mut self) {
        self.process = None;
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) async fn get(&self, path: &str) -> loadtest::Reply {
        Client::anonymous(&self.url()).unwrap().get(path).await.unwrap()
    }
}
