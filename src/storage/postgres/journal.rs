//! Rows and heads.

use super::appended::{Composite, List, Types};
use super::{STATEMENT_TIME_MAX, Shared, code, sql};
use crate::storage::columns::{Columns, FilterColumns, bytes, rows_of, signed, slot, unsigned};
use crate::storage::{AppendError, Error, Journal, StoredRow, Writer};
use async_trait::async_trait;
use futures_util::TryStreamExt;
use palio_domain::journal::{Batch, Filter, Head, Key16, Row};
use palio_domain::{Slot, UnixMs};
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow, PgSeverity};
use sqlx::query::Query;
use sqlx::{Connection, Executor, Postgres, Row as _};
use std::collections::BTreeMap;
use std::io;
use tokio::time::timeout;

/// How often an acquisition that met an append head-on is tried before giving up.
const ACQUIRE_TRIES: u32 = 5;

#[async_trait]
impl Journal for Shared {
    async fn check_key(&self, check: Key16) -> Result<(), Error> {
        if self.writing.is_some() {
            let remember = sqlx::query(sql::REMEMBER_KEY).bind(check.as_slice());
            remember.execute(&self.pool).await.map_err(Error::at("remember the key"))?;
        }
        let known: Option<Vec<u8>> = sqlx::query_scalar(sql::KNOWN_KEY)
            .fetch_optional(&self.pool)
            .await
            .map_err(Error::at("compare the key"))?;
        match known {
            Some(known) if known != check => Err(Error::WrongKey),
            Some(_) | None => Ok(()),
        }
    }

    async fn acquire(&self, owner: &str, slots: &[Slot], now: UnixMs) -> Result<Vec<Head>, Error> {
        if self.writing.is_none() {
            return Err(Error::ReadOnly);
        }
        let failed = Error::at("acquire slots");
        let mut tries = 1;
        let rows = loop {
            let acquire = sqlx::query(sql::ACQUIRE).bind(codes(slots)).bind(owner).bind(now.0);
            let acquired = timeout(STATEMENT_TIME_MAX, acquire.fetch_all(&self.pool)).await;
            match acquired.map_err(|_| failed(timed_out()))? {
                Ok(rows) => break rows,
                // Appends lock in slot order too, but only as long as their plan holds.
                Err(cause)
                    if tries < ACQUIRE_TRIES
                        && code(&cause).as_deref() == Some(sql::DEADLOCK_DETECTED) =>
                {
                    tries += 1;
                }
                Err(cause) => return Err(failed(cause)),
            }
        };
        let heads = rows.iter().map(head).collect::<Result<BTreeMap<_, _>, _>>()?;
        Ok(slots.iter().filter_map(|slot| heads.get(slot).copied()).collect())
    }

    async fn writer(&self, owner: &str) -> Result<Box<dyn Writer>, Error> {
        let options = self.writing.clone().ok_or(Error::ReadOnly)?;
        let mut writer = PgWriter { options, owner: owner.to_owned(), connection: None };
        writer.connection = Some(writer.connect().await?);
        Ok(Box::new(writer))
    }

    async fn heads(&self) -> Result<Vec<Head>, Error> {
        let rows = sqlx::query(sql::HEADS).fetch_all(&self.pool).await;
        let rows = rows.map_err(Error::at("read heads"))?;
        let heads = rows.iter().map(head).collect::<Result<BTreeMap<_, _>, _>>()?;
        let head = |slot| heads.get(&slot).copied().unwrap_or_else(|| Head::empty(slot));
        Ok(Slot::all().map(head).collect())
    }

    async fn read(&self, slot: Slot, from_seq: u64, limit: u32) -> Result<Vec<StoredRow>, Error> {
        let rows = sqlx::query(sql::READ)
            .bind(i16::from(slot.0))
            .bind(signed(from_seq)?)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(Error::at("read rows"))?;
        rows.iter().map(stored_row).collect()
    }

    async fn scan(
        &self,
        slot: Slot,
        from_seq: u64,
        to_seq: u64,
        filter: &Filter,
        limit: u32,
    ) -> Result<Vec<Row>, Error> {
        let filter = FilterColumns::of(filter);
        let rows = sqlx::query(sql::SCAN)
            .bind(i16::from(slot.0))
            .bind(signed(from_seq)?)
            .bind(signed(to_seq)?)
            .bind(i64::from(limit))
            .bind(filter.tenant)
            .bind(filter.aggregate_kind)
            .bind(filter.aggregate)
            .bind(filter.provider)
            .bind(filter.round_id)
            .bind(filter.bet_id)
            .bind(filter.game_id)
            .bind(filter.kinds)
            .bind(filter.from)
            .bind(filter.until)
            .fetch_all(&self.search)
            .await
            .map_err(Error::at("search rows"))?;
        rows.iter().map(|row| Ok(stored_row(row)?.row)).collect()
    }

    async fn find(&self, requests: &[Key16], claims: &[Key16]) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query(sql::FIND)
            .bind(requests)
            .bind(claims)
            .fetch_all(&self.pool)
            .await
            .map_err(Error::at("find rows"))?;
        rows.iter().map(|row| Ok(stored_row(row)?.row)).collect()
    }

    async fn keys(
        &self,
        slots: &[Slot],
        each: &mut (dyn for<'k> FnMut(&'k Key16) + Send),
    ) -> Result<(), Error> {
        let failed = Error::at("read keys");
        for select in [sql::REQUEST_KEYS, sql::CLAIMS] {
            let mut rows = sqlx::query(select).bind(codes(slots)).fetch(&self.pool);
            while let Some(row) = rows.try_next().await.map_err(&failed)? {
                each(&bytes(row.try_get(0).map_err(&failed)?, "request_key or claim")?);
            }
        }
        Ok(())
    }

    async fn entities(&self) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query(sql::ENTITIES).fetch_all(&self.pool).await;
        let rows = rows.map_err(Error::at("read rows of entities"))?;
        rows.iter().map(|row| Ok(stored_row(row)?.row)).collect()
    }

    async fn close(&self) {
        Shared::close(self).await;
    }
}

/// Appends for one owner on a connection of its own, which is renewed when it was lost.
struct PgWriter {
    options: PgConnectOptions,
    owner: String,
    connection: Option<(PgConnection, Types)>,
}

#[async_trait]
impl Writer for PgWriter {
    /// One statement in one round trip, committed by itself.
    async fn append(&mut self, batch: &Batch, now: UnixMs) -> Result<(), AppendError> {
        let rows = rows_of(batch).map_err(AppendError::NotWritten)?;
        let rows = rows.into_iter().map(|(row, chain)| Columns::of(row, chain));
        let rows = rows.collect::<Result<Vec<_>, _>>().map_err(AppendError::NotWritten)?;
        // Taken out, so that a connection in doubt is dropped, also when this future is.
        let (mut connection, types) = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await.map_err(AppendError::NotWritten)?,
        };
        let append = match rows.as_slice() {
            [row] => bind_one(sqlx::query(sql::APPEND_ONE).bind(&self.owner).bind(now.0), row),
            rows => sqlx::query(sql::APPEND)
                .bind(&self.owner)
                .bind(now.0)
                .bind(List::new(types.head_move, &batch.moves))
                .bind(List::new(types.row, rows)),
        };
        let result = match timeout(STATEMENT_TIME_MAX, append.execute(&mut connection)).await {
            Ok(Ok(done)) if done.rows_affected() == 0 => Err(AppendError::Fenced),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(cause)) => Err(refused(cause)),
            Err(_) => Err(AppendError::Unknown(Error::at("append")(timed_out()))),
        };
        if !matches!(result, Err(AppendError::Unknown(_))) {
            self.connection = Some((connection, types));
        }
        result
    }
}

impl PgWriter {
    /// Connects and prepares the statements, so that whatever fails later was sent.
    async fn connect(&self) -> Result<(PgConnection, Types), Error> {
        let failed = Error::at("connect a writer");
        let prepared = async {
            let mut connection = PgConnection::connect_with(&self.options).await?;
            connection.execute(sql::PLAN_APPEND).await?;
            for append in [sql::APPEND, sql::APPEND_ONE] {
                let append = sqlx::SqlSafeStr::into_sql_str(append);
                Executor::prepare(&mut connection, append).await?;
            }
            let (element, array, head_move, head_moves): (Oid, Oid, Oid, Oid) =
                sqlx::query_as(sql::TYPES).fetch_one(&mut connection).await?;
            let row = Composite { element, array };
            let head_move = Composite { element: head_move, array: head_moves };
            Ok((connection, Types { row, head_move }))
        };
        let prepared = timeout(STATEMENT_TIME_MAX, prepared).await;
        prepared.map_err(|_| failed(timed_out()))?.map_err(failed)
    }
}

/// What a failed append means. Only an answer of the database that it undid the statement is
/// taken as such: it is one of severity ERROR. A FATAL one may come after the commit.
fn refused(cause: sqlx::Error) -> AppendError {
    let answer = cause.as_database_error().map(|answer| {
        let severity = answer
            .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            .map(sqlx::postgres::PgDatabaseError::severity);
        (severity, answer.code(), answer.constraint())
    });
    match answer {
        Some((Some(PgSeverity::Error), code, constraint)) => match (code.as_deref(), constraint) {
            (Some(sql::DIVISION_BY_ZERO), _) => AppendError::Fenced,
            (Some(sql::UNIQUE_VIOLATION), Some("journal_request_key" | "journal_claim")) => {
                AppendError::Clash
            }
            _ => AppendError::NotWritten(Error::at("append")(cause)),
        },
        Some(_) => AppendError::Unknown(Error::at("append")(cause)),
        None if matches!(cause, sqlx::Error::Encode(_)) => {
            AppendError::NotWritten(Error::at("append")(cause))
        }
        None => AppendError::Unknown(Error::at("append")(cause)),
    }
}

fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))
}

type Append<'q> = Query<'q, Postgres, PgArguments>;

/// Binds a row's columns in their order.
fn bind_one<'q>(append: Append<'q>, row: &Columns<'q>) -> Append<'q> {
    append
        .bind(row.slot)
        .bind(row.seq)
        .bind(row.epoch)
        .bind(row.time)
        .bind(row.kind)
        .bind(row.kind_version)
        .bind(row.tenant)
        .bind(row.aggregate_kind)
        .bind(row.aggregate)
        .bind(row.debit)
        .bind(row.credit)
        .bind(row.amount)
        .bind(row.currency)
        .bind(row.balance_after)
        .bind(row.request_key)
        .bind(row.request_id)
        .bind(row.body_hash)
        .bind(row.claim)
        .bind(row.provider)
        .bind(row.bet_id)
        .bind(row.round_id)
        .bind(row.game_id)
        .bind(row.trace_id)
        .bind(row.payload)
        .bind(row.chain)
}

fn codes(slots: &[Slot]) -> Vec<i16> {
    slots.iter().map(|slot| i16::from(slot.0)).collect()
}

fn stored_row(row: &PgRow) -> Result<StoredRow, Error> {
    Columns::read(row).map_err(Error::at("read rows"))?.to_row()
}

/// A row of `head`: slot, epoch, next_seq, chain, last_time.
fn head(row: &PgRow) -> Result<(Slot, Head), Error> {
    let failed = Error::at("read heads");
    let slot = slot(row.try_get(0).map_err(&failed)?)?;
    let head = Head {
        slot,
        epoch: unsigned(row.try_get(1).map_err(&failed)?)?,
        next_seq: unsigned(row.try_get(2).map_err(&failed)?)?,
        chain: bytes(row.try_get(3).map_err(&failed)?, "chain")?,
        last_time: UnixMs(row.try_get(4).map_err(&failed)?),
    };
    Ok((slot, head))
}
