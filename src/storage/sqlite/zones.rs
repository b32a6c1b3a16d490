//! Zones of whole blocks.

use super::{Files, sql};
use crate::storage::columns::{signed, slot as slot_of, unsigned};
use crate::storage::{Error, StoredZone, Zones};
use async_trait::async_trait;
use palio_domain::{Slot, UnixMs};

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
                        .bind(zone.first.0)
                        .bind(zone.last.0)
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
        let rows: Vec<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(sql::LOAD_ZONES)
            .bind(i16::from(slot.0))
            .bind(signed(from_block)?)
            .bind(signed(from_block.saturating_add(u64::from(count)))?)
            .fetch_all(&self.derived.read)
            .await
            .map_err(Error::at("load zones"))?;
        let zone = |(block, first, last, zone)| {
            let (block, first, last) = (unsigned(block)?, UnixMs(first), UnixMs(last));
            Ok(StoredZone { slot, block, first, last, zone })
        };
        rows.into_iter().map(zone).collect()
    }

    async fn zone_times(&self) -> Result<Vec<(Slot, u64, UnixMs, UnixMs)>, Error> {
        let rows: Vec<(i16, i64, i64, i64)> = sqlx::query_as(sql::ZONE_TIMES)
            .fetch_all(&self.derived.read)
            .await
            .map_err(Error::at("list zones"))?;
        let times = |(slot, block, first, last)| {
            Ok((slot_of(slot)?, unsigned(block)?, UnixMs(first), UnixMs(last)))
        };
        rows.into_iter().map(times).collect()
    }

    async fn forget_zones(&self, slot: Slot, from_block: u64) -> Result<(), Error> {
        let forget = sqlx::query(sql::FORGET_ZONES)
            .bind(i16::from(slot.0))
            .bind(signed(from_block)?)
            .execute(self.derived.write()?);
        forget.await.map_err(Error::at("forget zones")).map(drop)
    }
}
