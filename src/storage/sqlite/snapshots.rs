//! Snapshots, floors and folds.

use super::{Files, sql};
use crate::storage::columns::{aggregate, signed, slot, unsigned};
use crate::storage::{Error, FoldSnapshot, Snapshot, Snapshots, positions};
use async_trait::async_trait;
use palio_domain::{Aggregate, Slot, TenantId};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

#[async_trait]
impl Snapshots for Files {
    async fn save(&self, snapshots: &[Snapshot], floors: &[(Slot, u64)]) -> Result<(), Error> {
        let failed = Error::at("save snapshots");
        let mut transaction = self.derived.begin().await?;
        let mut rest = snapshots;
        for (size, upsert) in sql::SAVE_SNAPSHOTS {
            while let Some((chunk, after)) = rest.split_at_checked(size) {
                let mut upsert = sqlx::query(upsert);
                for snapshot in chunk {
                    upsert = upsert
                        .bind(snapshot.tenant.0.cast_signed())
                        .bind(i16::from(snapshot.aggregate.kind_code()))
                        .bind(snapshot.aggregate.number().cast_signed())
                        .bind(i16::from(snapshot.aggregate.slot(snapshot.tenant).0))
                        .bind(signed(snapshot.seq)?)
                        .bind(snapshot.state.as_slice());
                }
                upsert.execute(&mut *transaction).await.map_err(&failed)?;
                rest = after;
            }
        }
        for (slot, seq) in floors {
            let upsert = sqlx::query(sql::SAVE_FLOOR).bind(i16::from(slot.0)).bind(signed(*seq)?);
            upsert.execute(&mut *transaction).await.map_err(&failed)?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn load(&self, tenant: TenantId, of: Aggregate) -> Result<Option<Snapshot>, Error> {
        let row = sqlx::query(sql::LOAD_SNAPSHOT)
            .bind(tenant.0.cast_signed())
            .bind(i16::from(of.kind_code()))
            .bind(of.number().cast_signed())
            .fetch_optional(&self.derived.read)
            .await
            .map_err(Error::at("load a snapshot"))?;
        row.as_ref().map(snapshot).transpose()
    }

    async fn of_slot(&self, slot: Slot) -> Result<Vec<Snapshot>, Error> {
        let rows = sqlx::query(sql::SNAPSHOTS_OF_SLOT)
            .bind(i16::from(slot.0))
            .fetch_all(&self.derived.read)
            .await
            .map_err(Error::at("load snapshots"))?;
        rows.iter().map(snapshot).collect()
    }

    async fn floors(&self) -> Result<Vec<(Slot, u64)>, Error> {
        let rows: Vec<(i16, i64)> = sqlx::query_as(sql::FLOORS)
            .fetch_all(&self.derived.read)
            .await
            .map_err(Error::at("load floors"))?;
        rows.into_iter().map(|(at, seq)| Ok((slot(at)?, unsigned(seq)?))).collect()
    }

    async fn save_folds(&self, folds: &[FoldSnapshot]) -> Result<(), Error> {
        let failed = Error::at("save folds");
        let mut transaction = self.derived.begin().await?;
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
            .fetch_all(&self.derived.read)
            .await
            .map_err(Error::at("load folds"))?;
        let fold = |(name, at, state): (String, Vec<u8>, Vec<u8>)| {
            Ok(FoldSnapshot { name, positions: positions::decode(&at)?, state })
        };
        rows.into_iter().map(fold).collect()
    }
}

/// A row of `snapshot`: tenant, aggregate_kind, aggregate, seq, state.
fn snapshot(row: &SqliteRow) -> Result<Snapshot, Error> {
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
