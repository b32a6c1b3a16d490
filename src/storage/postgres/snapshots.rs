//! Snapshots, floors and folds.

use super::{Shared, sql};
use crate::storage::columns::{aggregate, signed, slot, unsigned};
use crate::storage::{Error, FoldSnapshot, Snapshot, Snapshots, positions};
use async_trait::async_trait;
use palio_domain::{Aggregate, Slot, TenantId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

/// How many snapshots go in one statement.
const CHUNK: usize = 1_000;

#[async_trait]
impl Snapshots for Shared {
    async fn save(&self, snapshots: &[Snapshot], floors: &[(Slot, u64)]) -> Result<(), Error> {
        let failed = Error::at("save snapshots");
        let mut transaction = self.derived.begin().await.map_err(&failed)?;
        for chunk in snapshots.chunks(CHUNK) {
            let seqs = chunk.iter().map(|snapshot| signed(snapshot.seq));
            let slot = |s: &Snapshot| i16::from(s.aggregate.slot(s.tenant).0);
            sqlx::query(sql::SAVE_SNAPSHOTS)
                .bind(column(chunk, |s| s.tenant.0.cast_signed()))
                .bind(column(chunk, |s| i16::from(s.aggregate.kind_code())))
                .bind(column(chunk, |s| s.aggregate.number().cast_signed()))
                .bind(column(chunk, slot))
                .bind(seqs.collect::<Result<Vec<_>, _>>()?)
                .bind(chunk.iter().map(|s| s.state.as_slice()).collect::<Vec<_>>())
                .execute(&mut *transaction)
                .await
                .map_err(&failed)?;
        }
        if !floors.is_empty() {
            let seqs = floors.iter().map(|(_, seq)| signed(*seq));
            sqlx::query(sql::SAVE_FLOORS)
                .bind(column(floors, |(slot, _)| i16::from(slot.0)))
                .bind(seqs.collect::<Result<Vec<_>, _>>()?)
                .execute(&mut *transaction)
                .await
                .map_err(&failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn load(&self, tenant: TenantId, of: Aggregate) -> Result<Option<Snapshot>, Error> {
        let row = sqlx::query(sql::LOAD_SNAPSHOT)
            .bind(tenant.0.cast_signed())
            .bind(i16::from(of.kind_code()))
            .bind(of.number().cast_signed())
            .fetch_optional(&self.derived)
            .await
            .map_err(Error::at("load a snapshot"))?;
        row.as_ref().map(snapshot).transpose()
    }

    async fn of_slot(&self, slot: Slot) -> Result<Vec<Snapshot>, Error> {
        let rows = sqlx::query(sql::SNAPSHOTS_OF_SLOT)
            .bind(i16::from(slot.0))
            .fetch_all(&self.derived)
            .await
            .map_err(Error::at("load snapshots"))?;
        rows.iter().map(snapshot).collect()
    }

    async fn floors(&self) -> Result<Vec<(Slot, u64)>, Error> {
        let rows: Vec<(i16, i64)> = sqlx::query_as(sql::FLOORS)
            .fetch_all(&self.derived)
            .await
            .map_err(Error::at("load floors"))?;
        rows.into_iter().map(|(at, seq)| Ok((slot(at)?, unsigned(seq)?))).collect()
    }

    async fn save_folds(&self, folds: &[FoldSnapshot]) -> Result<(), Error> {
        let failed = Error::at("save folds");
        let mut transaction = self.derived.begin().await.map_err(&failed)?;
        for fold in folds {
            sqlx::query(sql::SAVE_FOLD)
                .bind(fold.name.as_str())
                .bind(positions::encode(&fold.positions))
                .bind(fold.state.as_slice())
                .execute(&mut *transaction)
                .await
                .map_err(&failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn load_folds(&self, prefix: &str) -> Result<Vec<FoldSnapshot>, Error> {
        let rows: Vec<(String, Vec<u8>, Vec<u8>)> = sqlx::query_as(sql::LOAD_FOLDS)
            .bind(prefix)
            .fetch_all(&self.derived)
            .await
            .map_err(Error::at("load folds"))?;
        let fold = |(name, at, state): (String, Vec<u8>, Vec<u8>)| {
            Ok(FoldSnapshot { name, positions: positions::decode(&at)?, state })
        };
        rows.into_iter().map(fold).collect()
    }
}

fn column<R, T>(rows: &[R], of: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// A row of `snapshot`: tenant, aggregate_kind, aggregate, seq, state.
fn snapshot(row: &PgRow) -> Result<Snapshot, Error> {
    let failed = Error::at("load snapshots");
    let tenant: i32 = row.try_get(0).map_err(&failed)?;
    let kind: i16 = row.try_get(1).map_err(&failed)?;
    Ok(Snapshot {
        tenant: TenantId(tenant.cast_unsigned()),
        aggregate: aggregate(kind, row.try_get(2).map_err(&failed)?)?,
        seq: unsigned(row.try_get(3).map_err(&failed)?)?,
        state: row.try_get(4).map_err(&failed)?,
    })
}
