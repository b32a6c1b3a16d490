//! Databases of a run's own on the given server, and what is asked of PostgreSQL directly.

use crate::Error;
use crate::stats::{Micros, histogram};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use std::time::{Duration, Instant};

/// A PostgreSQL server on which databases may be made.
#[derive(Debug, Clone)]
pub struct Server(PgConnectOptions);

impl Server {
    /// The server at this address.
    ///
    /// # Errors
    /// [`Error::Usage`] if it is none.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let options: PgConnectOptions = url
            .parse()
            .map_err(|e: sqlx::Error| Error::Usage(format!("not a postgres:// address: {e}")))?;
        Ok(Self(options.disable_statement_logging()))
    }

    async fn execute(&self, sql: String) -> Result<(), Error> {
        let mut connection = PgConnection::connect_with(&self.0).await?;
        connection.execute(AssertSqlSafe(sql)).await?;
        Ok(connection.close().await?)
    }

    /// Makes an empty database and returns its address. `name` must be a plain identifier.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn create(&self, name: &str) -> Result<String, Error> {
        self.execute(format!("CREATE DATABASE {name}")).await?;
        Ok(self.0.clone().database(name).to_url_lossy().to_string())
    }

    /// Drops a database of this run, whoever is connected.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn drop(&self, name: &str) -> Result<(), Error> {
        self.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
    }

    /// Names of databases that start so.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn databases(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut connection = PgConnection::connect_with(&self.0).await?;
        let names = sqlx::query_scalar(
            "SELECT datname::text FROM pg_database WHERE starts_with(datname, $1)",
        );
        let names = names.bind(prefix).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok(names)
    }

    /// Has the server write everything out, so that one peer's dirty pages are not another's.
    ///
    /// # Errors
    /// [`Error::Database`] without the right to.
    pub async fn checkpoint(&self) -> Result<(), Error> {
        self.execute("CHECKPOINT".to_owned()).await
    }

    /// What the figures depend on: version and durability.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn describe(&self) -> Result<String, Error> {
        let mut connection = PgConnection::connect_with(&self.0).await?;
        let text = sqlx::query_scalar(
            "SELECT 'PostgreSQL ' || current_setting('server_version')
             || ', fsync ' || current_setting('fsync')
             || ', synchronous_commit ' || current_setting('synchronous_commit')
             || ', shared_buffers ' || current_setting('shared_buffers')",
        );
        let text = text.fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(text)
    }
}

/// Latencies of single rows inserted and committed one after the other.
///
/// # Errors
/// [`Error::Database`].
pub(crate) async fn bare_commits(url: &str, time: Duration) -> Result<Micros, Error> {
    let options: PgConnectOptions = Server::parse(url)?.0;
    let mut connection = PgConnection::connect_with(&options).await?;
    let table = "CREATE TABLE IF NOT EXISTS bare_commit (n bigint PRIMARY KEY, row bytea NOT NULL)";
    connection.execute(table).await?;
    let next = "SELECT coalesce(max(n), 0) FROM bare_commit";
    let mut n: i64 = sqlx::query_scalar(next).fetch_one(&mut connection).await?;
    // As long as a journal row with all its columns.
    let row = [7_u8; 250];
    let mut latency = histogram()?;
    let begin = Instant::now();
    while begin.elapsed() < time {
        n += 1;
        let insert = sqlx::query("INSERT INTO bare_commit (n, row) VALUES ($1, $2)");
        let sent = Instant::now();
        insert.bind(n).bind(row.as_slice()).execute(&mut connection).await?;
        latency.saturating_record(crate::num::micros(sent.elapsed()));
    }
    connection.close().await?;
    Ok(latency)
}
