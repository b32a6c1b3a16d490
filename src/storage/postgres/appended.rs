//! What an append sends: a batch's rows, and the moves of its heads, as one parameter each.
//!
//! The bytes are PostgreSQL's binary form of an array of a composite type: the type's number,
//! then each element as its fields, each with its own type and length.
//! **Invariant:** fields stand in the order of `migrations/postgres/0003_appended.sql`.

use crate::storage::columns::{Columns, signed};
use palio_domain::journal::HeadMove;
use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{Postgres, Type};

/// Type numbers of PostgreSQL's own types; they are the same in every database.
const INT8: u32 = 20;
const INT2: u32 = 21;
const INT4: u32 = 23;
const TEXT: u32 = 25;
const BYTEA: u32 = 17;

/// Bytes that an ordinary row takes, to reserve room once.
const ROW_BYTES: usize = 640;
const MOVE_BYTES: usize = 128;

/// The numbers of a composite type and of arrays of it; every database has its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Composite {
    pub(super) element: Oid,
    pub(super) array: Oid,
}

/// Both composite types of an append.
#[derive(Debug, Clone, Copy)]
pub(super) struct Types {
    pub(super) row: Composite,
    pub(super) head_move: Composite,
}

/// A list of elements as one array parameter.
pub(super) struct List<'r, T> {
    of: Composite,
    elements: &'r [T],
}

impl<'r, T> List<'r, T> {
    pub(super) const fn new(of: Composite, elements: &'r [T]) -> Self {
        Self { of, elements }
    }
}

/// An element that can be written field by field.
pub(super) trait Element {
    const FIELDS: i32;
    const BYTES: usize;

    fn write(&self, fields: &mut Fields<'_>) -> Result<(), BoxDynError>;
}

/// Writes the fields of one element.
pub(super) struct Fields<'b>(&'b mut Vec<u8>);

impl Fields<'_> {
    fn field(&mut self, of: u32, value: &[u8]) -> Result<(), BoxDynError> {
        self.0.extend_from_slice(&of.to_be_bytes());
        self.0.extend_from_slice(&i32::try_from(value.len())?.to_be_bytes());
        self.0.extend_from_slice(value);
        Ok(())
    }

    fn optional(&mut self, of: u32, value: Option<&[u8]>) -> Result<(), BoxDynError> {
        let Some(value) = value else {
            self.0.extend_from_slice(&of.to_be_bytes());
            self.0.extend_from_slice(&(-1_i32).to_be_bytes());
            return Ok(());
        };
        self.field(of, value)
    }

    fn int2(&mut self, value: i16) -> Result<(), BoxDynError> {
        self.field(INT2, &value.to_be_bytes())
    }

    fn int8(&mut self, value: i64) -> Result<(), BoxDynError> {
        self.field(INT8, &value.to_be_bytes())
    }

    fn text(&mut self, value: Option<&str>) -> Result<(), BoxDynError> {
        self.optional(TEXT, value.map(str::as_bytes))
    }
}

impl<T: Element> Encode<'_, Postgres> for List<'_, T> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let buffer: &mut Vec<u8> = buffer;
        buffer.reserve(self.elements.len().saturating_mul(T::BYTES));
        let count = i32::try_from(self.elements.len())?;
        let [dimensions, without_nulls, from] = [1, 0, 1_i32];
        for head in [dimensions, without_nulls, self.of.element.0.cast_signed(), count, from] {
            buffer.extend_from_slice(&head.to_be_bytes());
        }
        for element in self.elements {
            let length_at = buffer.len();
            buffer.extend_from_slice(&[0; 4]);
            buffer.extend_from_slice(&T::FIELDS.to_be_bytes());
            element.write(&mut Fields(buffer))?;
            let length = i32::try_from(buffer.len() - length_at - 4)?.to_be_bytes();
            if let Some(at) = buffer.get_mut(length_at..length_at + 4) {
                at.copy_from_slice(&length);
            }
        }
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(self.of.array))
    }
}

impl<T> Type<Postgres> for List<'_, T> {
    fn type_info() -> PgTypeInfo {
        // Every list says its own type.
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Element for Columns<'_> {
    const FIELDS: i32 = 25;
    const BYTES: usize = ROW_BYTES;

    fn write(&self, fields: &mut Fields<'_>) -> Result<(), BoxDynError> {
        let small = |value: &Option<i16>| value.map(i16::to_be_bytes);
        let large = |value: &Option<i64>| value.map(i64::to_be_bytes);
        fields.int2(self.slot)?;
        fields.int8(self.seq)?;
        fields.int8(self.epoch)?;
        fields.int8(self.time)?;
        fields.int2(self.kind)?;
        fields.int2(self.kind_version)?;
        fields.field(INT4, &self.tenant.to_be_bytes())?;
        fields.int2(self.aggregate_kind)?;
        fields.int8(self.aggregate)?;
        fields.optional(INT2, small(&self.debit).as_ref().map(<[u8; 2]>::as_slice))?;
        fields.optional(INT2, small(&self.credit).as_ref().map(<[u8; 2]>::as_slice))?;
        fields.optional(INT8, large(&self.amount).as_ref().map(<[u8; 8]>::as_slice))?;
        fields.text(self.currency)?;
        fields.optional(INT8, large(&self.balance_after).as_ref().map(<[u8; 8]>::as_slice))?;
        fields.optional(BYTEA, self.request_key)?;
        fields.text(self.request_id)?;
        fields.optional(BYTEA, self.body_hash)?;
        fields.optional(BYTEA, self.claim)?;
        fields.text(self.provider)?;
        fields.text(self.bet_id)?;
        fields.text(self.round_id)?;
        fields.text(self.game_id)?;
        fields.text(self.trace_id)?;
        fields.field(BYTEA, self.payload)?;
        fields.optional(BYTEA, self.chain)
    }
}

impl Element for HeadMove {
    const FIELDS: i32 = 6;
    const BYTES: usize = MOVE_BYTES;

    fn write(&self, fields: &mut Fields<'_>) -> Result<(), BoxDynError> {
        fields.int2(i16::from(self.slot.0))?;
        for number in [self.epoch, self.from_seq, self.next_seq] {
            fields.int8(signed(number)?)?;
        }
        fields.field(BYTEA, &self.chain)?;
        fields.int8(self.last_time.0)
    }
}
