//! A journal row as columns: one shape and one order for every SQL store.
//!
//! **Invariant:** row → columns → row gives an equal row, and so equal canonical bytes.
//! Numbers that need all 64 bits (an aggregate's) are stored by their bits as signed integers.

use super::{Error, StoredRow};
use palio_domain::journal::{Account, Batch, Chain, Filter, Key16, Leg, Request, Row, RowKind};
use palio_domain::money::{Amount, Currency};
use palio_domain::{Aggregate, BetId, GameId, ProviderId, RoundId, Slot, TenantId, TraceId};
use palio_domain::{UnixMs, ids};
use sqlx::{ColumnIndex, Database, Decode, Type};

/// The columns of `journal` in the order of [`Columns`]; SQL text puts it between its own words.
macro_rules! journal_columns {
    () => {
        "slot,seq,epoch,time,kind,kind_version,tenant,aggregate_kind,aggregate,debit,credit,\
         amount,currency,balance_after,request_key,request_id,body_hash,claim,provider,bet_id,\
         round_id,game_id,trace_id,payload,chain"
    };
}
pub(super) use journal_columns;

/// A row, borrowed from the domain's row or from a database row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns of `journal`, as in the migrations")]
pub struct Columns<'r> {
    pub slot: i16,
    pub seq: i64,
    pub epoch: i64,
    pub time: i64,
    pub kind: i16,
    pub kind_version: i16,
    pub tenant: i32,
    pub aggregate_kind: i16,
    pub aggregate: i64,
    pub debit: Option<i16>,
    pub credit: Option<i16>,
    pub amount: Option<i64>,
    pub currency: Option<&'r str>,
    pub balance_after: Option<i64>,
    pub request_key: Option<&'r [u8]>,
    pub request_id: Option<&'r str>,
    pub body_hash: Option<&'r [u8]>,
    pub claim: Option<&'r [u8]>,
    pub provider: Option<&'r str>,
    pub bet_id: Option<&'r str>,
    pub round_id: Option<&'r str>,
    pub game_id: Option<&'r str>,
    pub trace_id: Option<&'r str>,
    pub payload: &'r [u8],
    pub chain: Option<&'r [u8]>,
}

impl<'r> Columns<'r> {
    /// The columns of a row.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a seq or epoch past 63 bits.
    pub fn of(row: &'r Row, chain: Option<&'r Chain>) -> Result<Self, Error> {
        let leg = row.leg.as_ref();
        let request = row.request.as_ref();
        Ok(Self {
            slot: i16::from(row.slot.0),
            seq: signed(row.seq)?,
            epoch: signed(row.epoch)?,
            time: row.time.0,
            kind: row.kind.code(),
            kind_version: row.kind_version,
            tenant: row.tenant.0.cast_signed(),
            aggregate_kind: i16::from(row.aggregate.kind_code()),
            aggregate: row.aggregate.number().cast_signed(),
            debit: leg.map(|leg| leg.debit.code()),
            credit: leg.map(|leg| leg.credit.code()),
            amount: leg.map(|leg| leg.amount.0),
            currency: leg.map(|leg| leg.currency.code()),
            balance_after: row.balance_after.map(|amount| amount.0),
            request_key: request.map(|request| request.key.as_slice()),
            request_id: request.map(|request| &*request.id),
            body_hash: request.map(|request| request.body_hash.as_slice()),
            claim: row.claim.as_ref().map(Key16::as_slice),
            provider: row.provider.as_ref().map(ProviderId::as_str),
            bet_id: row.bet.as_ref().map(BetId::as_str),
            round_id: row.round.as_ref().map(RoundId::as_str),
            game_id: row.game.as_ref().map(GameId::as_str),
            trace_id: row.trace.as_ref().map(TraceId::as_str),
            payload: &row.payload,
            chain: chain.map(Chain::as_slice),
        })
    }

    /// The columns of a database row that was selected with [`journal_columns`].
    ///
    /// Types are those of the migrations (SQLite's table is strict), so that no value is asked for
    /// its type: 25 such questions were a quarter of what reading a row costs.
    ///
    /// # Errors
    /// [`sqlx::Error`] when a value can't be read.
    pub(super) fn read<R>(row: &'r R) -> Result<Self, sqlx::Error>
    where
        R: sqlx::Row,
        usize: ColumnIndex<R>,
        i16: Column<'r, R::Database>,
        i32: Column<'r, R::Database>,
        i64: Column<'r, R::Database>,
        &'r str: Column<'r, R::Database>,
        &'r [u8]: Column<'r, R::Database>,
    {
        Ok(Self {
            slot: row.try_get_unchecked(0)?,
            seq: row.try_get_unchecked(1)?,
            epoch: row.try_get_unchecked(2)?,
            time: row.try_get_unchecked(3)?,
            kind: row.try_get_unchecked(4)?,
            kind_version: row.try_get_unchecked(5)?,
            tenant: row.try_get_unchecked(6)?,
            aggregate_kind: row.try_get_unchecked(7)?,
            aggregate: row.try_get_unchecked(8)?,
            debit: row.try_get_unchecked(9)?,
            credit: row.try_get_unchecked(10)?,
            amount: row.try_get_unchecked(11)?,
            currency: row.try_get_unchecked(12)?,
            balance_after: row.try_get_unchecked(13)?,
            request_key: row.try_get_unchecked(14)?,
            request_id: row.try_get_unchecked(15)?,
            body_hash: row.try_get_unchecked(16)?,
            claim: row.try_get_unchecked(17)?,
            provider: row.try_get_unchecked(18)?,
            bet_id: row.try_get_unchecked(19)?,
            round_id: row.try_get_unchecked(20)?,
            game_id: row.try_get_unchecked(21)?,
            trace_id: row.try_get_unchecked(22)?,
            payload: row.try_get_unchecked(23)?,
            chain: row.try_get_unchecked(24)?,
        })
    }

    /// The row and its chain link.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a value that Palio does not write.
    pub fn to_row(self) -> Result<StoredRow, Error> {
        let row = Row {
            slot: slot(self.slot)?,
            seq: unsigned(self.seq)?,
            epoch: unsigned(self.epoch)?,
            time: UnixMs(self.time),
            kind: RowKind::from_code(self.kind).ok_or_else(|| damaged("kind"))?,
            kind_version: self.kind_version,
            tenant: TenantId(self.tenant.cast_unsigned()),
            aggregate: aggregate(self.aggregate_kind, self.aggregate)?,
            leg: self.leg()?,
            balance_after: self.balance_after.map(Amount),
            request: self.request()?,
            claim: self.claim.map(|claim| bytes(claim, "claim")).transpose()?,
            provider: text(self.provider, ProviderId::parse)?,
            bet: text(self.bet_id, BetId::parse)?,
            round: text(self.round_id, RoundId::parse)?,
            game: text(self.game_id, GameId::parse)?,
            trace: text(self.trace_id, TraceId::parse)?,
            payload: self.payload.into(),
        };
        let chain = self.chain.map(|chain| bytes(chain, "chain")).transpose()?;
        Ok(StoredRow { row, chain })
    }

    fn leg(&self) -> Result<Option<Leg>, Error> {
        let account = |code| Account::from_code(code).ok_or_else(|| damaged("account"));
        match (self.debit, self.credit, self.amount, self.currency) {
            (None, None, None, None) => Ok(None),
            (Some(debit), Some(credit), Some(amount), Some(currency)) => Ok(Some(Leg {
                debit: account(debit)?,
                credit: account(credit)?,
                amount: Amount(amount),
                currency: Currency::parse(currency).map_err(|_| damaged("currency"))?,
            })),
            _ => Err(damaged("leg")),
        }
    }

    fn request(&self) -> Result<Option<Request>, Error> {
        match (self.request_key, self.request_id, self.body_hash) {
            (None, None, None) => Ok(None),
            (Some(key), Some(id), Some(body_hash)) => Ok(Some(Request {
                key: bytes(key, "request_key")?,
                id: id.into(),
                body_hash: bytes(body_hash, "body_hash")?,
            })),
            _ => Err(damaged("request")),
        }
    }
}

/// A filter as values to compare columns with; `None`, and 0 for kinds, is not asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct FilterColumns<'f> {
    pub(super) tenant: i32,
    pub(super) aggregate_kind: Option<i16>,
    pub(super) aggregate: Option<i64>,
    pub(super) provider: Option<&'f str>,
    pub(super) round_id: Option<&'f str>,
    pub(super) bet_id: Option<&'f str>,
    pub(super) game_id: Option<&'f str>,
    pub(super) kinds: i64,
    pub(super) from: Option<i64>,
    pub(super) until: Option<i64>,
}

impl<'f> FilterColumns<'f> {
    /// The values of a filter.
    pub(super) fn of(filter: &'f Filter) -> Self {
        Self {
            tenant: filter.tenant.0.cast_signed(),
            aggregate_kind: filter.aggregate.map(|of| i16::from(of.kind_code())),
            aggregate: filter.aggregate.map(|of| of.number().cast_signed()),
            provider: filter.provider.as_ref().map(ProviderId::as_str),
            round_id: filter.round.as_ref().map(RoundId::as_str),
            bet_id: filter.bet.as_ref().map(BetId::as_str),
            game_id: filter.game.as_ref().map(GameId::as_str),
            kinds: filter.kinds.bits().cast_signed(),
            from: filter.from.map(|at| at.0),
            until: filter.until.map(|at| at.0),
        }
    }
}

/// What a column's type must do to be read from a database.
pub(super) trait Column<'r, D: Database>: Decode<'r, D> + Type<D> {}
impl<'r, D: Database, T: Decode<'r, D> + Type<D>> Column<'r, D> for T {}

/// A seq, epoch or similar as stored.
pub(super) fn signed(value: u64) -> Result<i64, Error> {
    i64::try_from(value).map_err(|_| Error::Corrupt(format!("{value} is past 63 bits")))
}

/// The inverse of [`signed`].
pub(super) fn unsigned(value: i64) -> Result<u64, Error> {
    u64::try_from(value).map_err(|_| Error::Corrupt(format!("{value} is negative")))
}

/// A stored slot.
pub(super) fn slot(value: i16) -> Result<Slot, Error> {
    u8::try_from(value).map(Slot).map_err(|_| damaged("slot"))
}

/// A stored aggregate.
pub(super) fn aggregate(kind: i16, number: i64) -> Result<Aggregate, Error> {
    let kind = u8::try_from(kind).map_err(|_| damaged("aggregate_kind"))?;
    Aggregate::from_parts(kind, number.cast_unsigned()).ok_or_else(|| damaged("aggregate_kind"))
}

/// Stored bytes of a fixed length.
pub(super) fn bytes<const N: usize>(value: &[u8], column: &str) -> Result<[u8; N], Error> {
    value.try_into().map_err(|_| damaged(column))
}

fn text<T>(
    value: Option<&str>,
    parse: impl Fn(&str) -> Result<T, ids::Error>,
) -> Result<Option<T>, Error> {
    value.map(|text| parse(text).map_err(|_| damaged("id"))).transpose()
}

fn damaged(column: &str) -> Error {
    Error::Corrupt(format!("column {column} holds a value that is never written"))
}

/// The rows of a batch with the link on the last row of each slot.
///
/// # Errors
/// [`Error::Corrupt`] unless rows are ordered by (slot, seq), gapless, and exactly those that the
/// moves, in slot order, speak of: a batch that broke this would break its slot for ever.
pub(super) fn rows_of(batch: &Batch) -> Result<Vec<(&Row, Option<&Chain>)>, Error> {
    let wrong = || Error::Corrupt("the batch's rows are not those of its moves".to_owned());
    let mut rows = Vec::with_capacity(batch.rows.len());
    let mut moves = batch.moves.iter();
    let mut last_slot = None;
    for part in batch.rows.chunk_by(|a, b| a.slot == b.slot) {
        let to = moves.next().ok_or_else(wrong)?;
        let mut seq = to.from_seq;
        for row in part {
            if (row.slot, row.seq, row.epoch) != (to.slot, seq, to.epoch) {
                return Err(wrong());
            }
            seq += 1;
            rows.push((row.as_ref(), (seq == to.next_seq).then_some(&to.chain)));
        }
        if seq != to.next_seq || last_slot >= Some(to.slot) {
            return Err(wrong());
        }
        last_slot = Some(to.slot);
    }
    if rows.is_empty() || moves.next().is_some() {
        return Err(wrong());
    }
    Ok(rows)
}
