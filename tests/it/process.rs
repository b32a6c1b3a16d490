//! The real binary on a store of its own.

use loadtest::{Client, Reply};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Which store a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
}

/// A server that is killed when it is dropped.
pub(crate) struct Palio {
    child: Option<Child>,
    store: Store,
    dir: PathBuf,
    database: String,
    port: u16,
}

/// Commits that wait; see [`Palio::hold_commits`].
pub(crate) enum Hold {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Hold {
    pub(crate) async fn end(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}

/// The time `ms` milliseconds from now, as on the wire.
#[expect(clippy::disallowed_methods, reason = "a test speaks to a server on the real clock")]
pub(crate) fn time_in(ms: i64) -> String {
    let at = chrono::Utc::now() + chrono::TimeDelta::milliseconds(ms);
    at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Palio {
    /// A fresh store and a server on it.
    pub(crate) async fn start(store: Store) -> Self {
        Self::start_with(store, "", &[]).await
    }

    /// The same with more configuration and files; `$` in it stands for where they are.
    pub(crate) async fn start_with(store: Store, more: &str, files: &[(&str, &str)]) -> Self {
        let name = format!("palio_it_{:016x}", rand::random::<u64>());
        let dir = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&dir).unwrap();
        let series = "mode = \"development\"\nseries = []\n[core]\nsnapshot_interval_seconds = 1\n";
        for (file, content) in files {
            std::fs::write(dir.join(file), content).unwrap();
        }
        let more = more.replace('$', &format!("{}/", dir.display()));
        std::fs::write(dir.join("palio.toml"), format!("{series}{more}")).unwrap();
        let mut database = String::new();
        if store == Store::Postgres {
            let url = std::env::var("PALIO_TEST_POSTGRES").expect(
                "PALIO_TEST_POSTGRES must name a server: run `scripts/peers start` and \
                 `. target/peers/env`",
            );
            let mut server = crate::storage::home::server().await;
            sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
                .execute(&mut server)
                .await
                .unwrap();
            let (before, query) = url.split_once('?').unwrap_or((&url, ""));
            let host = before.rsplit_once('/').unwrap().0;
            database = format!("{host}/{name}?{query}");
        }
        let mut palio = Self { child: None, store, dir, database, port: free_port() };
        palio.run().await;
        palio
    }

    /// A server on a PostgreSQL database that is there.
    pub(crate) async fn start_at(url: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("palio_it_{:016x}", rand::random::<u64>()));
        std::fs::create_dir_all(&dir).unwrap();
        let config = "mode = \"development\"\nseries = []\n[core]\nsnapshot_interval_seconds = 1\n";
        std::fs::write(dir.join("palio.toml"), config).unwrap();
        let (store, database) = (Store::Postgres, url.to_owned());
        let mut palio = Self { child: None, store, dir, database, port: free_port() };
        palio.run().await;
        palio
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palio"));
        command
            .arg("--config")
            .arg(self.dir.join("palio.toml"))
            .arg("--data-dir")
            .arg(&self.dir)
            .env("PALIO__HTTP__BIND", format!("127.0.0.1:{}", self.port))
            .env("PALIO__ADMIN__BIND", "127.0.0.1:0");
        if self.store == Store::Postgres {
            command.env("PALIO__STORAGE__KIND", "postgres");
            command.env("PALIO_POSTGRES_URL", &self.database);
        }
        command
    }

    /// Starts the server on what is there and waits until it is ready.
    pub(crate) async fn run(&mut self) {
        let log = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(self.dir.join("log"))
            .unwrap();
        let child = self.command().arg("serve").stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.child = Some(child);
        let anyone = Client::anonymous(&self.url()).unwrap();
        let since = Instant::now();
        while since.elapsed() < Duration::from_secs(30) {
            if anyone.get("/readyz").await.is_ok_and(|answer| answer.status == 200) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not ready:\n{}", std::fs::read_to_string(self.dir.join("log")).unwrap());
    }

    /// Changes the configuration for the next start.
    pub(crate) fn reconfigure(&self, from: &str, to: &str) {
        let path = self.dir.join("palio.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where its configuration and its data are.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; must end by itself, in order.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(child.wait().unwrap().success(), "{}", self.log());
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// The secret that was made for a provider's key.
    pub(crate) fn secret(&self, key: &str) -> Vec<u8> {
        std::fs::read(self.dir.join(format!("secrets/provider-{key}.key"))).unwrap()
    }

    /// The key that was made for players' and operators' tokens, in PEM.
    pub(crate) fn signing_key(&self) -> Vec<u8> {
        std::fs::read(self.dir.join("secrets/tokens.key")).unwrap()
    }

    /// From now on the store takes no commits, until the result is ended: whatever is asked
    /// waits for its answer. At most some seconds, else the server gives up.
    pub(crate) async fn hold_commits(&self) -> Hold {
        match self.store {
            Store::Sqlite => {
                let options = SqliteConnectOptions::new().filename(self.dir.join("journal.db"));
                let mut connection = options.connect().await.unwrap();
                sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                Hold::Sqlite(connection)
            }
            Store::Postgres => {
                let mut connection = PgConnection::connect(&self.database).await.unwrap();
                for statement in ["BEGIN", "LOCK TABLE palio.journal IN EXCLUSIVE MODE"] {
                    sqlx::query(statement).execute(&mut connection).await.unwrap();
                }
                Hold::Postgres(connection)
            }
        }
    }

    pub(crate) fn provider(&self) -> Client {
        Client::new(&self.url(), "sandbox-1", &self.secret("sandbox-1")).unwrap()
    }

    pub(crate) fn token(&self, role: &str, subject: &str) -> String {
        self.token_of(role, subject, 1)
    }

    pub(crate) fn token_of(&self, role: &str, subject: &str, tenant: u32) -> String {
        let tenant = tenant.to_string();
        let arguments = ["token", "--role", role, "--subject", subject, "--tenant", &tenant];
        let output = self.command().args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn operator(&self) -> Client {
        Client::bearer(&self.url(), &self.token("operator", "test")).unwrap()
    }

    pub(crate) fn player(&self, id: &str) -> Client {
        Client::bearer(&self.url(), &self.token("player", id)).unwrap()
    }

    pub(crate) async fn deposit(&self, player: &str, key: &str, amount: &str) -> Reply {
        let body = format!(r#"{{"amount":"{amount}","currency":"EUR"}}"#);
        let path = format!("/api/players/{player}/deposits");
        self.operator().post(&path, key, body).await.unwrap()
    }

    /// `palio verify` must find nothing; returns its report.
    pub(crate) fn verify(&self) -> serde_json::Value {
        let output = self.command().args(["verify", "--json"]).output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(output.status.success(), "{report:#}");
        report
    }
}

impl Drop for Palio {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap_or_default();
            child.wait().ok();
        }
        std::fs::remove_dir_all(&self.dir).unwrap_or_default();
    }
}
