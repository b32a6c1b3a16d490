//! Rows and heads.

use super::{Files, sql};
use crate::storage::columns::{Columns, FilterColumns, bytes, rows_of, signed, slot, unsigned};
use crate::storage::{AppendError, Error, Journal, StoredRow, Writer};
use async_trait::async_trait;
use futures_util::TryStreamExt;
use futures_util::future::join;
use palio_domain::journal::{Batch, Chain, Filter, Head, HeadMove, Key16, Row};
use palio_domain::{Slot, UnixMs};
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Connection, Row as _};
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[async_trait]
impl Journal for Files {
    async fn check_key(&self, check: Key16) -> Result<(), Error> {
        if let Some(write) = &self.journal.write {
            let remember = sqlx::query(sql::REMEMBER_KEY).bind(check.as_slice());
            remember.execute(write).await.map_err(Error::at("remember the key"))?;
        }
        let known: Option<Vec<u8>> = sqlx::query_scalar(sql::KNOWN_KEY)
            .fetch_optional(&self.journal.read)
            .await
            .map_err(Error::at("compare the key"))?;
        match known {
            Some(known) if known != check => Err(Error::WrongKey),
            Some(_) | None => Ok(()),
        }
    }

    async fn acquire(&self, owner: &str, slots: &[Slot], now: UnixMs) -> Result<Vec<Head>, Error> {
        let acquire = sqlx::query(sql::ACQUIRE).bind(slot_list(slots)).bind(owner).bind(now.0);
        let rows = acquire.fetch_all(self.journal.write()?).await;
        let rows = rows.map_err(Error::at("acquire slots"))?;
        let heads = rows.iter().map(head).collect::<Result<BTreeMap<_, _>, _>>()?;
        Ok(slots.iter().filter_map(|slot| heads.get(slot).copied()).collect())
    }

    async fn writer(&self, owner: &str) -> Result<Box<dyn Writer>, Error> {
        let pool = self.journal.write()?.clone();
        Ok(Box::new(SqliteWriter { pool, owner: owner.to_owned(), moves: String::new() }))
    }

    async fn heads(&self) -> Result<Vec<Head>, Error> {
        let rows = sqlx::query(sql::HEADS).fetch_all(&self.journal.read).await;
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
            .fetch_all(&self.journal.read)
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
            .bind(key_list(requests))
            .bind(key_list(claims))
            .fetch_all(&self.journal.read)
            .await
            .map_err(Error::at("find rows"))?;
        rows.iter().map(|row| Ok(stored_row(row)?.row)).collect()
    }

    async fn keys(
        &self,
        slots: &[Slot],
        each: &mut (dyn for<'k> FnMut(&'k Key16) + Send),
    ) -> Result<(), Error> {
        for slot in slots {
            let select = sqlx::query(sql::KEYS).bind(i16::from(slot.0));
            let mut rows = select.fetch(&self.journal.read);
            while let Some(row) = rows.try_next().await.map_err(Error::at("read keys"))? {
                for column in [0, 1] {
                    let key: Option<&[u8]> = row.try_get(column).map_err(Error::at("read keys"))?;
                    if let Some(key) = key {
                        each(&bytes(key, "request_key or claim")?);
                    }
                }
            }
        }
        Ok(())
    }

    async fn entities(&self) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query(sql::ENTITIES).fetch_all(&self.journal.read).await;
        let rows = rows.map_err(Error::at("read rows of entities"))?;
        rows.iter().map(|row| Ok(stored_row(row)?.row)).collect()
    }

    async fn close(&self) {
        Files::close(self).await;
    }
}

/// Appends for one owner. Writers share the file's one writing connection, taking turns.
struct SqliteWriter {
    pool: SqlitePool,
    owner: String,
    /// Reused between appends.
    moves: String,
}

#[async_trait]
impl Writer for SqliteWriter {
    /// One transaction. Before COMMIT was sent, whatever fails is certainly not written: SQLite
    /// takes an unfinished transaction back when its connection or process goes.
    async fn append(&mut self, batch: &Batch, now: UnixMs) -> Result<(), AppendError> {
        let rows = rows_of(batch).map_err(AppendError::NotWritten)?;
        move_list(&batch.moves, &mut self.moves);
        let not_written = |cause| AppendError::NotWritten(Error::at("append")(cause));
        let mut connection = self.pool.acquire().await.map_err(not_written)?;
        let mut transaction =
            connection.begin_with("BEGIN IMMEDIATE").await.map_err(not_written)?;
        let written = self.write(&mut transaction, &rows, batch.moves.len(), now).await;
        // A connection in doubt is not used again; how its closing ends changes no answer.
        if let Err(error) = written {
            if transaction.rollback().await.is_err() {
                drop(connection.close().await);
            }
            return Err(error);
        }
        if let Err(cause) = transaction.commit().await {
            drop(connection.close().await);
            return Err(AppendError::Unknown(Error::at("commit")(cause)));
        }
        Ok(())
    }
}

impl SqliteWriter {
    async fn write(
        &self,
        connection: &mut SqliteConnection,
        rows: &[(&Row, Option<&Chain>)],
        moves: usize,
        now: UnixMs,
    ) -> Result<(), AppendError> {
        let mut rest = rows;
        let heads = sqlx::query(sql::MOVE_HEADS).bind(&self.moves).bind(&self.owner).bind(now.0);
        // While the connection's thread works on a statement, the next one is put together.
        let next = async { next_insert(&mut rest) };
        let (moved, mut next) = join(heads.execute(&mut *connection), next).await;
        if usize::try_from(moved.map_err(refused)?.rows_affected()) != Ok(moves) {
            return Err(AppendError::Fenced);
        }
        while let Some(insert) = next.map_err(AppendError::NotWritten)? {
            let inserted = insert.execute(&mut *connection);
            let (inserted, following) = join(inserted, async { next_insert(&mut rest) }).await;
            inserted.map_err(refused)?;
            next = following;
        }
        Ok(())
    }
}

/// Takes the largest chunk off `rest` that an insert has the size of.
fn next_insert(rest: &mut &[(&Row, Option<&Chain>)]) -> Result<Option<Query>, Error> {
    for (size, insert) in sql::INSERT_ROWS {
        if let Some((chunk, after)) = rest.split_at_checked(size) {
            *rest = after;
            let mut insert = sqlx::query(insert);
            for (row, chain) in chunk {
                insert = bind(insert, &Columns::of(row, *chain)?);
            }
            return Ok(Some(insert));
        }
    }
    Ok(None)
}

type Query = sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// Binds a row in the order of the columns.
fn bind(query: Query, row: &Columns<'_>) -> Query {
    query
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

/// Why a statement inside the transaction failed; nothing is written.
fn refused(cause: sqlx::Error) -> AppendError {
    let clash = cause.as_database_error().is_some_and(|cause| {
        let message = cause.message();
        cause.is_unique_violation()
            && (message.ends_with("journal.request_key") || message.ends_with("journal.claim"))
    });
    if clash { AppendError::Clash } else { AppendError::NotWritten(Error::at("append")(cause)) }
}

fn stored_row(row: &SqliteRow) -> Result<StoredRow, Error> {
    Columns::read(row).map_err(Error::at("read rows"))?.to_row()
}

/// A row of `head`: slot, epoch, next_seq, chain, last_time.
fn head(row: &SqliteRow) -> Result<(Slot, Head), Error> {
    let get = |column| row.try_get::<i64, _>(column).map_err(Error::at("read heads"));
    let chain: &[u8] = row.try_get(3).map_err(Error::at("read heads"))?;
    let slot = slot(row.try_get(0).map_err(Error::at("read heads"))?)?;
    let head = Head {
        slot,
        epoch: unsigned(get(1)?)?,
        next_seq: unsigned(get(2)?)?,
        chain: bytes(chain, "chain")?,
        last_time: UnixMs(get(4)?),
    };
    Ok((slot, head))
}

/// Slots as a JSON list.
fn slot_list(slots: &[Slot]) -> String {
    let slots: Vec<String> = slots.iter().map(|slot| slot.0.to_string()).collect();
    format!("[{}]", slots.join(","))
}

/// Keys as a JSON list of hexadecimal texts.
fn key_list(keys: &[Key16]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("\"{}\"", hex::encode(key))).collect();
    format!("[{}]", keys.join(","))
}

/// Moves as a JSON list of lists; see [`sql::MOVE_HEADS`].
fn move_list(moves: &[HeadMove], to: &mut String) {
    to.clear();
    to.push('[');
    for HeadMove { slot, epoch, from_seq, next_seq, chain, last_time } in moves {
        let comma = if to.len() > 1 { "," } else { "" };
        let (slot, chain, last_time) = (slot.0, hex::encode(chain), last_time.0);
        // Writing to a text cannot fail.
        write!(to, "{comma}[{slot},{epoch},{from_seq},{next_seq},\"{chain}\",{last_time}]")
            .unwrap_or_default();
    }
    to.push(']');
}
