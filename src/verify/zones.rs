//! Zones: what a search, and a wallet that looks for a closed round, rely on to skip blocks.

use super::report::Report;
use crate::storage::{Error, Storage};
use palio_domain::Slot;
use palio_domain::journal::zone::first_of;
use palio_domain::journal::{OpenZone, Row};
use std::collections::HashMap;

/// Zones read at a time.
const PAGE: u32 = 512;

/// One slot's saved zones beside those that its rows make.
pub(super) struct Zones {
    slot: Slot,
    open: OpenZone,
    saved: HashMap<u64, Vec<u8>>,
}

impl Zones {
    /// Reads the saved zones of a slot.
    ///
    /// # Errors
    /// Whatever the store says.
    pub(super) async fn read(storage: &Storage, slot: Slot) -> Result<Self, Error> {
        let mut saved = HashMap::new();
        let mut from = 0;
        loop {
            let page = storage.zones.load_zones(slot, from, PAGE).await?;
            if page.is_empty() {
                break;
            }
            from += u64::from(PAGE);
            saved.extend(page.into_iter().map(|zone| (zone.block, zone.zone)));
        }
        Ok(Self { slot, open: OpenZone::new(slot, 0), saved })
    }

    /// Takes the slot's next row in.
    pub(super) fn take(&mut self, row: &Row, report: &mut Report) {
        let Some(zone) = self.open.insert(row) else { return };
        let Some(saved) = self.saved.remove(&zone.block()) else { return };
        if saved != zone.encode() {
            let place = format!("{:02x}/{}", row.slot.0, first_of(zone.block()));
            report.differs("zones", place, "the saved zone is not the one of these rows");
        }
    }

    /// What is left speaks of rows that are not there.
    pub(super) fn finish(self, now: u64, report: &mut Report) {
        for block in self.saved.into_keys().filter(|block| first_of(*block) >= now) {
            let place = format!("{:02x}/{}", self.slot.0, first_of(block));
            report.differs("zones", place, "a zone of rows that are not there");
        }
    }
}
