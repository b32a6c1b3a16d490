//! Zones of whole blocks.

use super::{Shared, sql};
use crate::storage::columns::{signed, slot as slot_of, unsigned};
use crate::storage::{Error, StoredZone, Zones};
use async_trait::async_trait;
use palio_domain::{Slot, UnixMs};

#[async_trait]
impl Zones for Shared {
    async fn save_zones(&self, zones: &[StoredZone]) -> Result<(), Error> {
        let blocks = zones.iter().map(|zone| signed(zone.block));
        let save = sqlx::query(sql::SAVE_ZONES)
            .bind(zones.iter().map(|zone| i16::from(zone.slot.0)).collect::<Vec<_>>())
            .bind(blocks.collect::<Result<Vec<_>, _>>()?)
            .bind(zones.iter().map(|zone| zone.first.0).collect::<Vec<_>>())
            .bind(zones.iter().map(|zone| zone.last.0).collect::<Vec<_>>())
            .bind(zones.iter().map(|zone| zone.zone.as_slice()).collect::<Vec<_>>());
        save.execute(&self.derived).await.map_err(Error::at("save zones")).map(drop)
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
            .fetch_all(&self.derived)
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
            .fetch_all(&self.derived)
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
            .execute(&self.derived);
        forget.await.map_err(Error::at("forget zones")).map(drop)
    }
}
