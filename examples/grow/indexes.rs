//! The journal's unique indexes, taken away while rows come in and made again from them: sorted,
//! instead of two random pages a row. Making them fails if a key stands twice.

use palio::config::{Config, StorageKind};
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

pub(crate) enum Indexes {
    Sqlite(Box<SqliteConnectOptions>, Vec<String>),
    Postgres(String, Vec<String>),
}

impl Indexes {
    pub(crate) async fn drop(config: &Config) -> Self {
        match config.storage.kind {
            StorageKind::Sqlite => {
                let file = config.storage.data_dir.join("journal.db");
                let options = SqliteConnectOptions::new()
                    .filename(file)
                    .pragma(
                        "temp_store_directory",
                        format!("'{}'", config.storage.data_dir.display()),
                    )
                    .pragma("cache_size", "-262144");
                let mut connection = options.connect().await.unwrap();
                let made: Vec<(String, String)> = sqlx::query_as(
                    "SELECT name, sql FROM sqlite_master \
                     WHERE type = 'index' AND tbl_name = 'journal' AND sql LIKE 'CREATE UNIQUE%'",
                )
                .fetch_all(&mut connection)
                .await
                .unwrap();
                for (name, _) in &made {
                    let drop = AssertSqlSafe(format!("DROP INDEX {name}"));
                    sqlx::query(drop).execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
                Self::Sqlite(Box::new(options), made.into_iter().map(|(_, sql)| sql).collect())
            }
            StorageKind::Postgres => {
                let url = std::env::var(&config.storage.postgres_url_env).unwrap();
                let mut connection = PgConnection::connect(&url).await.unwrap();
                let made: Vec<(String, String)> = sqlx::query_as(
                    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'palio' \
                     AND tablename = 'journal' AND indexname NOT LIKE '%_pkey' \
                     AND indexdef LIKE 'CREATE UNIQUE%'",
                )
                .fetch_all(&mut connection)
                .await
                .unwrap();
                for (name, _) in &made {
                    let drop = AssertSqlSafe(format!("DROP INDEX palio.{name}"));
                    sqlx::query(drop).execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
                Self::Postgres(url, made.into_iter().map(|(_, sql)| sql).collect())
            }
            StorageKind::Memory => panic!("memory keeps nothing"),
        }
    }

    pub(crate) async fn restore(self) {
        match self {
            Self::Sqlite(options, made) => {
                let mut connection: SqliteConnection = options.connect().await.unwrap();
                for sql in made {
                    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
            }
            Self::Postgres(url, made) => {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                let memory = sqlx::query("SET maintenance_work_mem = '256MB'");
                memory.execute(&mut connection).await.unwrap();
                for sql in made {
                    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
                }
                connection.close().await.unwrap();
            }
        }
    }
}
