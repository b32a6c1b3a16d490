//! The server as a child process.
//!
//! **Invariant:** only what was started here is ended, by its handle.

use super::RecoveryArgs;
use crate::Error;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::{Child, Command};

#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    secret: PathBuf,
}

impl Server {
    pub(super) fn start(args: &RecoveryArgs) -> Result<Self, Error> {
        let palio = match &args.palio {
            Some(path) => path.clone(),
            None => {
                let own = std::env::current_exe().map_err(Error::io("find this program"))?;
                own.parent().unwrap_or(Path::new(".")).join("palio")
            }
        };
        let log = match &args.log {
            Some(path) => {
                let file = OpenOptions::new().create(true).append(true).open(path);
                Stdio::from(file.map_err(Error::io("open the log"))?)
            }
            None => Stdio::null(),
        };
        let child = Command::new(&palio)
            .arg("serve")
            .arg("--config")
            .arg(&args.config)
            .arg("--data-dir")
            .arg(&args.data_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(Error::io("start the server"))?;
        let secret = args.data_dir.join(format!("secrets/provider-{}.key", args.key));
        Ok(Self { child, secret })
    }

    /// Where it keeps the provider's secret.
    pub(super) fn secret(&self) -> &Path {
        &self.secret
    }

    pub(super) fn has_ended(&mut self) -> Result<bool, Error> {
        Ok(self.child.try_wait().map_err(Error::io("watch the server"))?.is_some())
    }

    /// kill -9.
    pub(super) async fn kill(&mut self) -> Result<(), Error> {
        self.child.kill().await.map_err(Error::io("kill the server"))
    }
}
