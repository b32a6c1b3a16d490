//! Zones of whole blocks.

use super::{Files, sql};
use crate::storage::columns::{signed, slot as slot_of, unsigned};
use crate::storage::{Error, StoredZone, Zones};
use async_trait::async_trait;
use palio_domain::Slot;

#[async_trait]
impl Zones for Files {
    async fn save_zones(&self, zones: &[StoredZone]) -> Result<(), Error> {
        let failed = Error::at("save zones");
        let mut transaction = self.derived.begin().await?;
        let mut rest = zones;
        for (size, insert) in sql::SAVE_ZONES {
            while let Some((chunk, after)) = rest.split_at_checked(size) {
                let mut insert = sqlx::query(insert);
                for zone in chunk {
                    insert = insert
                        .bind(i16::from(zone.slot.0))
                        .bind(signed(zone.block)?)
                        .bind(zone.zone.as_slice());
                }
                insert.execute(&mut *transaction).await.map_err(&failed)?;
                rest = after;
            }
        }
        transaction.commit().await.map_err(failed)
    }

    async fn load_zones(
        &self,
        slot: Slot,
        from_block: u64,
        count: u32,
    ) -> Result<Vec<StoredZone>, Error> {
        let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(sql::LOAD_ZONES)
            .bind(i16::from(slot.0))
            .bind(signed(from_block)?)
            .bind(signed(from_block.saturating_add(u64::from(count)))?)
            .fetch_all(&self.derived.read)
            .await
            .map_err(Error::at("load zones"))?;
        let zone = |(block, zone)| Ok(StoredZone { slot, block: unsigned(block)?, zone });
        rows.into_iter().map(zone).collect()
    }

    async fn zone_counts(&self) -> Result<Vec<(Slot, u64)>, Error> {
        let rows: Vec<(i16, i64)> = sqlx::query_as(sql::ZONE_COUNTS)
            .fetch_all(&self.derived.read)
            .await
            .map_err(Error::at("count zones"))?;
        rows.into_iter().map(|(slot, count)| Ok((slot_of(slot)?, unsigned(count)?))).collect()
    }

    async fn forget_zones(&self, slot: Slot, from_block: u64) -> Result<(), Error> {
        let forget = sqlx::query(sql::FORGET_ZONES)
            .bind(i16::from(slot.0))
            .bind(signed(from_block)?)
            .execute(self.derived.write()?);
        forget.await.map_err(Error::at("forget zones")).map(drop)
    }
}
