//! Servers as child processes, each on a free port with a database of its own.
//!
//! **Invariant:** only what was started here is ended, by its handle, also when a run fails or is
//! interrupted; databases that were made here are dropped.

use super::LadderArgs;
use crate::baseline::House;
use crate::baseline::database::Server;
use crate::client::Client;
use crate::{Error, out};
use serde::de::DeserializeOwned;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// How long a peer may take to answer; an aged journal takes long to read.
const START: Duration = Duration::from_secs(900);
const PAUSE: Duration = Duration::from_millis(50);
/// Palio's development key, and the baseline's.
pub(super) const KEY: &str = "sandbox-1";
const SECRET: &str = "the ladder's own secret";
/// Lines of a peer's log that are shown when it did not start.
const LOG_LINES: usize = 15;

/// A server that runs.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) url: String,
    pub(super) pid: u32,
    pub(super) secret: String,
    pub(super) token: String,
    child: Child,
}

impl Peer {
    /// Ends it; what it acknowledged is in its database.
    pub(super) async fn stop(mut self) {
        self.halt().await;
    }

    /// The same, for one that will be replaced.
    pub(super) async fn halt(&mut self) {
        if let Err(error) = self.child.kill().await {
            out::progress(format!("process {} had ended: {error}", self.pid));
        }
    }
}

/// A place for a peer: its port, its database, its directory.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) postgres_url: String,
    name: String,
    port: u16,
    directory: PathBuf,
}

/// How the baseline is tuned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tuning {
    pub(super) pool: u32,
    pub(super) per_worker: bool,
}

/// What a Palio is to do besides serving bets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Folds {
    pub(super) tournaments: bool,
    /// `None` where the program does not know the key.
    pub(super) search: Option<bool>,
}

/// Everything that was made for a run.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) server: Server,
    directory: PathBuf,
    databases: Vec<String>,
    palio: PathBuf,
    bare: PathBuf,
    wallets: PathBuf,
}

/// A program beside this one, unless told otherwise.
fn beside(given: Option<&PathBuf>, name: &str) -> Result<PathBuf, Error> {
    if let Some(path) = given {
        return Ok(path.clone());
    }
    let own = std::env::current_exe().map_err(Error::io("find this program"))?;
    Ok(own.parent().unwrap_or(Path::new(".")).join(name))
}

fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(Error::io("find a free port"))?;
    Ok(listener.local_addr().map_err(Error::io("find a free port"))?.port())
}

impl Fleet {
    pub(super) fn new(args: &LadderArgs) -> Result<Self, Error> {
        let directory = std::env::temp_dir().join(format!("palio-ladder-{}", std::process::id()));
        fs::create_dir_all(&directory).map_err(Error::io("make a directory"))?;
        Ok(Self {
            server: Server::parse(&args.postgres_url)?,
            directory,
            databases: Vec::new(),
            palio: beside(args.palio.as_ref(), "palio")?,
            bare: beside(args.bare.as_ref(), "examples/bare")?,
            wallets: beside(args.wallets.as_ref(), "examples/wallets")?,
        })
    }

    /// Ends what is left and drops the databases; peers end when they are dropped.
    pub(super) async fn end(self) {
        for name in &self.databases {
            if let Err(error) = self.server.drop(name).await {
                out::progress(format!("{name} could not be dropped: {error}"));
            }
        }
        fs::remove_dir_all(&self.directory).ok();
    }

    /// A fresh database and a free port.
    pub(super) async fn place(&mut self, name: &str) -> Result<Place, Error> {
        let serial = self.databases.len();
        let database = format!("palio_ladder_{}_{serial}", std::process::id());
        self.databases.push(database.clone());
        let postgres_url = self.server.create(&database).await?;
        let directory = self.directory.join(format!("{name}-{serial}"));
        fs::create_dir_all(&directory).map_err(Error::io("make a directory"))?;
        Ok(Place { postgres_url, name: name.to_owned(), port: free_port()?, directory })
    }

    /// Starts a program that will answer `/readyz`.
    async fn start(
        &self,
        place: &Place,
        command: &mut Command,
        secret: &str,
    ) -> Result<Peer, Error> {
        let log = place.directory.join("log");
        let file = fs::File::create(&log).map_err(Error::io("make a log"))?;
        let errors = file.try_clone().map_err(Error::io("make a log"))?;
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PALIO_")) {
            command.env_remove(name);
        }
        command.env("PALIO_POSTGRES_URL", &place.postgres_url).env("PALIO_SECRET", secret);
        let child = command
            .stdin(Stdio::piped())
            .stdout(file)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| {
                out::progress(format!("{:?} can't be started", command.as_std().get_program()));
                Error::Io { what: "start a server", source }
            })?;
        let pid = child.id().unwrap_or_default();
        let url = format!("http://127.0.0.1:{}", place.port);
        let mut peer =
            Peer { url, pid, secret: secret.to_owned(), token: "nobody".to_owned(), child };
        let client = Client::anonymous(&peer.url)?;
        let give_up = Instant::now() + START;
        loop {
            if client.get("/readyz").await.is_ok_and(|reply| reply.status == 200) {
                return Ok(peer);
            }
            let ended = peer.child.try_wait().map_err(Error::io("watch a server"))?;
            if ended.is_some() || Instant::now() >= give_up {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let skipped = text.lines().count().saturating_sub(LOG_LINES);
                text.lines().skip(skipped).for_each(out::progress);
                return Err(Error::Usage(format!("{} did not start", place.name)));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(super) async fn baseline(
        &self,
        place: &Place,
        house: House,
        tuning: Tuning,
    ) -> Result<Peer, Error> {
        let own = std::env::current_exe().map_err(Error::io("find this program"))?;
        let mut command = Command::new(own);
        command
            .args(["baseline", "--with-parent", "--key", KEY])
            .args(["--postgres-url", &place.postgres_url])
            .args(["--bind", &format!("127.0.0.1:{}", place.port)])
            .args(["--house", &house.to_string(), "--pool", &tuning.pool.to_string()]);
        if tuning.per_worker {
            command.arg("--pool-per-worker");
        }
        self.start(place, &mut command, SECRET).await
    }

    pub(super) async fn bare(&self, place: &Place, signature: bool) -> Result<Peer, Error> {
        let mut command = Command::new(&self.bare);
        command.args(["--bind", &format!("127.0.0.1:{}", place.port)]);
        if signature {
            command.args(["--signature", KEY]);
        }
        self.start(place, &mut command, SECRET).await
    }

    /// Runs `examples/wallets` to its end; it prints one JSON object.
    pub(super) async fn tool<T: DeserializeOwned>(
        &self,
        place: &Place,
        words: &[String],
        load_urls: &str,
    ) -> Result<T, Error> {
        out::progress(format!("wallets {}", words.join(" ")));
        let mut command = Command::new(&self.wallets);
        command.args(words).env("PALIO_POSTGRES_URL", &place.postgres_url);
        command.env("PALIO_LOAD_URLS", load_urls).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.stderr(Stdio::inherit()).output().await.map_err(|source| {
            out::progress(format!("{} can't be started", self.wallets.display()));
            Error::Io { what: "start examples/wallets", source }
        })?;
        if !output.status.success() {
            return Err(Error::Usage(format!("examples/wallets ended with {}", output.status)));
        }
        crate::players::parse(&output.stdout)
    }

    /// Writes the place's configuration and returns its path.
    fn config(place: &Place, search: Option<bool>) -> Result<PathBuf, Error> {
        let (port, data) = (place.port, place.directory.join("data"));
        let search = search.map_or(String::new(), |on| format!("[search]\nenabled = {on}\n"));
        let text = format!(
            "mode = \"development\"\nseries = []\n\
             [http]\nbind = \"127.0.0.1:{port}\"\nprovider_rate_per_second = 1000000\n\
             [admin]\nbind = \"127.0.0.1:0\"\n\
             [storage]\nkind = \"postgres\"\ndata_dir = {data:?}\n{search}"
        );
        let path = place.directory.join("palio.toml");
        fs::write(&path, text).map_err(Error::io("write a configuration"))?;
        Ok(path)
    }

    async fn token(&self, place: &Place, config: &Path) -> Result<Option<String>, Error> {
        let mut command = Command::new(&self.palio);
        command.args(["token", "--role", "operator", "--subject", "ladder", "--minutes", "1440"]);
        command.arg("--config").arg(config).env("PALIO_POSTGRES_URL", &place.postgres_url);
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.map_err(|source| {
            out::progress(format!("{} can't be started", self.palio.display()));
            Error::Io { what: "start palio", source }
        })?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(output.status.success().then_some(text))
    }

    /// Whether the program has a search index that can be switched.
    pub(super) async fn knows_search(&mut self) -> Result<bool, Error> {
        let place = self.place("probe").await?;
        let config = Self::config(&place, Some(true))?;
        Ok(self.token(&place, &config).await?.is_some())
    }

    pub(super) async fn palio(&self, place: &Place, folds: Folds) -> Result<Peer, Error> {
        let config = Self::config(place, folds.search)?;
        let mut command = Command::new(&self.palio);
        command.arg("serve").arg("--config").arg(&config);
        let mut peer = self.start(place, &mut command, "").await?;
        let secret = place.directory.join("data/secrets/provider-sandbox-1.key");
        peer.secret = fs::read_to_string(secret)
            .map_err(Error::io("read palio's provider secret"))?
            .trim_end()
            .to_owned();
        let token = self.token(place, &config).await?;
        peer.token = token.ok_or_else(|| Error::Usage("palio gave no token".to_owned()))?;
        if folds.tournaments {
            start_tournaments(&peer).await?;
        }
        Ok(peer)
    }
}

/// Three tournaments that every bet counts for, one of each metric; waits until they run.
async fn start_tournaments(peer: &Peer) -> Result<(), Error> {
    let client = Client::bearer(&peer.url, &peer.token)?;
    let (start, end) = (crate::clock::timestamp_in(2), crate::clock::timestamp_in(86_400));
    let metrics = ["turnover", "best_ratio", "ggr"];
    for metric in metrics {
        let id = metric.replace('_', "-");
        let body = format!(
            r#"{{"id":"{id}","name":"{id}","metric":"{metric}","currency":"EUR","startsAt":"{start}","endsAt":"{end}","entry":"all"}}"#
        );
        let reply = client.post("/api/tournaments", &id, body).await?;
        if !(200..300).contains(&reply.status) {
            let (what, code) = ("start a tournament".to_owned(), reply.code().to_owned());
            return Err(Error::Refused { what, status: reply.status, code });
        }
    }
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        let reply = client.get("/api/tournaments?status=active").await?;
        if reply.text().matches(r#""status":"active""#).count() == metrics.len() {
            return Ok(());
        }
        if Instant::now() >= give_up {
            return Err(Error::Malformed("the tournaments do not start".to_owned()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
