//! The servers that are compared, each a process of its own on a core of its own.
//!
//! **Invariant:** only what was started here is ended, by its handle, also when a run fails.

use super::FanoutArgs;
use super::swarm::Target;
use crate::{Client, Error, out};
use clap::ValueEnum;
use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

const NODE: &str = include_str!("peers.cjs");
/// How long a peer may take to listen.
const START: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(25);
/// The key of Palio's development provider.
pub(super) const KEY: &str = "sandbox-1";
/// The tournament that is watched.
pub(super) const RACE: &str = "race";
const LOG_LINES: usize = 15;

/// A server to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// A bare loop of sends: the floor.
    Bare,
    /// npm `uwebsockets`, published to a topic.
    Uwebsockets,
    /// npm `ws`.
    Ws,
    /// Palio's live side alone (`examples/live`), with a scripted board.
    Live,
    /// Palio's program, fed with bets over HTTP.
    Palio,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare send loop",
            Self::Uwebsockets => "uwebsockets",
            Self::Ws => "ws",
            Self::Live => "palio, live side",
            Self::Palio => "palio, whole",
        })
    }
}

/// What a scripted peer plays; Palio is fed instead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script {
    pub(super) hz: u32,
    pub(super) sockets: usize,
}

/// A server that runs.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) kind: Kind,
    pub(super) pid: u32,
    pub(super) address: SocketAddr,
    /// Of Palio: where its data is.
    pub(super) directory: PathBuf,
    child: Child,
}

/// Where servers are made.
#[derive(Debug)]
pub(super) struct Yard<'a> {
    pub(super) args: &'a FanoutArgs,
    directory: PathBuf,
    made: std::cell::Cell<u32>,
}

fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = listener.map_err(Error::io("find a free port"))?;
    Ok(listener.local_addr().map_err(Error::io("find a free port"))?.port())
}

fn own_program() -> Result<PathBuf, Error> {
    std::env::current_exe().map_err(Error::io("find this program"))
}

/// A program beside this one, unless told otherwise.
fn beside(given: Option<&PathBuf>, name: &str) -> Result<PathBuf, Error> {
    let path = match given {
        Some(path) => path.clone(),
        None => own_program()?.parent().unwrap_or(Path::new(".")).join(name),
    };
    if path.exists() {
        return Ok(path);
    }
    Err(Error::Usage(format!("{} is not there: build it, or name another", path.display())))
}

/// A command that runs on one core only.
pub(super) fn pinned(core: Option<u8>, program: &Path) -> Command {
    match core {
        None => Command::new(program),
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &core.to_string()]).arg(program);
            command
        }
    }
}

/// Pins this process, all its threads.
pub(super) async fn pin_self(core: u8) -> Result<(), Error> {
    let pid = std::process::id().to_string();
    let mut command = Command::new("taskset");
    command.args(["-a", "-p", "-c", &core.to_string(), &pid]).stdout(Stdio::null());
    let status = command.status().await.map_err(Error::io("run taskset"))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Usage(format!("core {core} can't be used: try --no-pin")))
}

impl Peer {
    /// Ends it.
    pub(super) async fn stop(mut self) {
        if let Err(error) = self.child.kill().await {
            out::progress(format!("process {} had ended: {error}", self.pid));
        }
    }

    /// kill -9; what is left names where it was.
    pub(super) async fn kill(mut self) -> Result<Self, Error> {
        self.child.kill().await.map_err(Error::io("kill a server"))?;
        Ok(self)
    }

    /// Where its sockets are opened.
    pub(super) fn target(&self) -> Target {
        let palio = matches!(self.kind, Kind::Live | Kind::Palio);
        Target {
            address: self.address,
            path: if palio { format!("/ws/tournaments/{RACE}") } else { "/".to_owned() },
            subprotocol: palio.then_some(crate::ws::SUBPROTOCOL),
            first_words: Vec::new(),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client that bets.
    pub(super) fn provider(&self) -> Result<Client, Error> {
        let file = self.directory.join(format!("data/secrets/provider-{KEY}.key"));
        let secret = fs::read_to_string(file).map_err(Error::io("read palio's secret"))?;
        Client::new(&self.url(), KEY, secret.trim_end().as_bytes())
    }
}

impl<'a> Yard<'a> {
    pub(super) fn new(args: &'a FanoutArgs) -> Result<Self, Error> {
        let directory = std::env::temp_dir().join(format!("palio-fanout-{}", std::process::id()));
        fs::create_dir_all(&directory).map_err(Error::io("make a directory"))?;
        fs::write(directory.join("peers.cjs"), NODE).map_err(Error::io("write a script"))?;
        Ok(Self { args, directory, made: std::cell::Cell::new(0) })
    }

    /// Removes what was written.
    pub(super) fn end(&self) {
        fs::remove_dir_all(&self.directory).ok();
    }

    /// A new directory.
    pub(super) fn place(&self, name: &str) -> Result<PathBuf, Error> {
        let number = self.made.replace(self.made.get() + 1);
        let path = self.directory.join(format!("{name}-{number}"));
        fs::create_dir_all(&path).map_err(Error::io("make a directory"))?;
        Ok(path)
    }

    pub(super) fn core(&self) -> Option<u8> {
        (!self.args.no_pin).then_some(self.args.server_core)
    }

    fn node(&self, words: &[&str]) -> Command {
        let mut command = pinned(self.core(), Path::new("node"));
        command.arg(self.directory.join("peers.cjs")).args(words);
        let modules = self.args.npm.join("node_modules");
        command.env("NODE_PATH", std::path::absolute(&modules).unwrap_or(modules));
        command
    }

    /// Starts a peer and waits until it listens.
    pub(super) async fn start(&self, kind: Kind, script: Script) -> Result<Peer, Error> {
        let port = free_port()?;
        let directory = self.place("peer")?;
        let (hz, sockets) = (script.hz.to_string(), script.sockets.to_string());
        let (delay, bytes) = (self.args.delay_ms.to_string(), self.args.bytes.to_string());
        let port_text = port.to_string();
        let command = match kind {
            Kind::Uwebsockets => {
                self.node(&["uwebsockets", &port_text, &hz, &sockets, &delay, &bytes])
            }
            Kind::Ws => self.node(&["ws", &port_text, &hz, &sockets, &delay, &bytes]),
            Kind::Bare | Kind::Live => {
                let program = match kind {
                    Kind::Bare => own_program()?,
                    _ => beside(self.args.live.as_ref(), "examples/live")?,
                };
                let mut command = pinned(self.core(), &program);
                if kind == Kind::Bare {
                    command.arg("fanout-bare");
                }
                command.args(["--port", &port_text, "--hz", &hz, "--sockets", &sockets]);
                command.args(["--delay-ms", &delay, "--bytes", &bytes]);
                command
            }
            Kind::Palio => {
                configure(&directory, port)?;
                self.palio(&directory, self.core())?
            }
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.run(kind, command, address, directory).await
    }

    fn palio(&self, directory: &Path, core: Option<u8>) -> Result<Command, Error> {
        let mut command = pinned(core, &beside(self.args.palio.as_ref(), "palio")?);
        command.arg("serve").arg("--config").arg(directory.join("palio.toml"));
        Ok(command)
    }

    /// Starts Palio again where it was.
    pub(super) async fn revive(&self, dead: Peer) -> Result<Peer, Error> {
        let command = self.palio(&dead.directory, self.core())?;
        self.run(Kind::Palio, command, dead.address, dead.directory).await
    }

    /// Runs a command that listens at `address`.
    pub(super) async fn run(
        &self,
        kind: Kind,
        mut command: Command,
        address: SocketAddr,
        directory: PathBuf,
    ) -> Result<Peer, Error> {
        let log = directory.join("log");
        let file = fs::File::create(&log).map_err(Error::io("make a log"))?;
        let errors = file.try_clone().map_err(Error::io("make a log"))?;
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PALIO_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(file).stderr(errors).kill_on_drop(true);
        let child = command.spawn().map_err(Error::io("start a server"))?;
        let pid = child.id().unwrap_or_default();
        let mut peer = Peer { kind, pid, address, directory, child };
        let give_up = Instant::now() + START;
        loop {
            let up = match kind {
                Kind::Palio => {
                    let ready = Client::anonymous(&peer.url())?.get("/readyz").await;
                    ready.is_ok_and(|reply| reply.status == 200)
                }
                _ => TcpStream::connect(address).is_ok(),
            };
            if up {
                return Ok(peer);
            }
            let ended = peer.child.try_wait().map_err(Error::io("watch a server"))?;
            if ended.is_some() || Instant::now() >= give_up {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let skipped = text.lines().count().saturating_sub(LOG_LINES);
                text.lines().skip(skipped).for_each(out::progress);
                return Err(Error::Usage(format!(
                    "{kind} did not start; scripts/peers start npm?"
                )));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A client of an operator of a Palio that runs.
    pub(super) async fn operator(&self, peer: &Peer) -> Result<Client, Error> {
        Client::bearer(&peer.url(), &self.operator_token(peer).await?)
    }

    pub(super) async fn operator_token(&self, peer: &Peer) -> Result<String, Error> {
        let mut command = Command::new(beside(self.args.palio.as_ref(), "palio")?);
        command.args(["token", "--role", "operator", "--subject", "fanout", "--minutes", "1440"]);
        command.arg("--config").arg(peer.directory.join("palio.toml"));
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.map_err(Error::io("start palio"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

/// Everything as it comes, but for limits that are about many clients behind one address.
fn configure(directory: &Path, port: u16) -> Result<(), Error> {
    let data = directory.join("data");
    let text = format!(
        "mode = \"development\"\nseries = []\n\
         [http]\nbind = \"127.0.0.1:{port}\"\nprovider_rate_per_second = 1000000\n\
         [admin]\nbind = \"127.0.0.1:0\"\n\
         [storage]\nkind = \"sqlite\"\ndata_dir = {data:?}\n\
         [live]\nsockets_max = 100000\nsockets_per_address_max = 100000\n\
         sockets_per_tenant_max = 100000\n"
    );
    fs::write(directory.join("palio.toml"), text).map_err(Error::io("write a configuration"))
}
