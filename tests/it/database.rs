//! A PostgreSQL server of a test's own that can be stopped in the middle, and a line to it that
//! can be cut between a statement and its answer.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The server; its data is deleted when it is dropped.
pub(crate) struct Database {
    dir: PathBuf,
    bin: PathBuf,
    pub(crate) port: u16,
}

/// PostgreSQL does not run as root.
fn as_user(program: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let output = command.current_dir("/").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Database {
    pub(crate) fn start() -> Self {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let newest = versions.map(|entry| entry.path().join("bin")).max();
        let bin = newest.expect("no PostgreSQL: run `scripts/peers start`");
        let name = format!("palio-db-{:08x}", rand::random::<u32>());
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
            run(Command::new("chown").arg("postgres").arg(&dir));
        }
        let mut init = as_user(&bin.join("initdb"));
        init.arg("-D").arg(dir.join("data"));
        run(init.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]));
        let port = crate::process::free_port();
        let database = Self { dir, bin, port };
        database.up();
        database
    }

    fn control(&self, args: &[&str]) {
        let mut command = as_user(&self.bin.join("pg_ctl"));
        command.arg("-D").arg(self.dir.join("data")).arg("-l").arg(self.dir.join("log"));
        // Not `output()`: the server would keep the pipes open.
        command.args(args).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null()).current_dir("/");
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    pub(crate) fn up(&self) {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={}",
            self.port,
            self.dir.display()
        );
        self.control(&["-w", "-t", "60", "-o", &options, "start"]);
    }

    /// As if the machine lost its power, but for what the kernel has.
    pub(crate) fn stop_immediately(&self) {
        self.control(&["-w", "-m", "immediate", "stop"]);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut command = as_user(&self.bin.join("pg_ctl"));
        command.arg("-D").arg(self.dir.join("data")).args(["-m", "immediate", "stop"]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.current_dir("/").status().ok();
        std::fs::remove_dir_all(&self.dir).unwrap_or_default();
    }
}

/// A line between a server and its database.
pub(crate) struct Line {
    pub(crate) port: u16,
    swallow: Arc<AtomicBool>,
    cut: watch::Sender<u64>,
}

impl Line {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let swallow = Arc::new(AtomicBool::new(false));
        let (cut, cuts) = watch::channel(0);
        let answers_lost = Arc::clone(&swallow);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                let never = Arc::new(AtomicBool::new(false));
                tokio::spawn(pump(near_read, far_write, never, cuts.clone()));
                tokio::spawn(pump(far_read, near_write, Arc::clone(&answers_lost), cuts.clone()));
            }
        });
        Self { port: own, swallow, cut }
    }

    /// Loses the answers to whatever is sent from now on, then cuts every connection.
    pub(crate) async fn cut(&self, after: Duration) {
        self.swallow.store(true, Ordering::SeqCst);
        tokio::time::sleep(after).await;
        self.cut.send_modify(|cuts| *cuts += 1);
        self.swallow.store(false, Ordering::SeqCst);
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    swallow: Arc<AtomicBool>,
    mut cuts: watch::Receiver<u64>,
) {
    cuts.mark_unchanged();
    let mut bytes = vec![0_u8; 65_536];
    let mut lost = false;
    loop {
        tokio::select! {
            _ = cuts.changed() => return,
            read = from.read(&mut bytes) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    // Once an answer is lost, a later one must not come through.
                    lost |= swallow.load(Ordering::SeqCst);
                    if !lost && to.write_all(&bytes[..count]).await.is_err() {
                        return;
                    }
                }
            },
        }
    }
}
