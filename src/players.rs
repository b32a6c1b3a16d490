//! Players' outside ids and their numbers (design, invariant 9).
//!
//! The journal knows only the number. The outside id is sealed (AES-256-GCM) under a key of the
//! player's own; without that key nobody can tell whose number it is.

use crate::storage::{Directory, DirectoryEntry, Error};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use dashmap::DashMap;
use palio_domain::journal::{Key16, Keys};
use palio_domain::{PlayerId, TenantId};
use std::sync::Arc;

/// Numbers kept in memory; past this the cache starts again, so that it stays bounded.
const CACHED_MAX: usize = 2_000_000;

/// Finds and registers players.
pub struct Players {
    directory: Arc<dyn Directory>,
    keys: Keys,
    known: DashMap<(TenantId, Key16), PlayerId>,
}

impl Players {
    /// A directory with an empty cache.
    #[must_use]
    pub fn new(directory: Arc<dyn Directory>, keys: Keys) -> Self {
        Self { directory, keys, known: DashMap::new() }
    }

    /// The number of a known player.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn find(&self, tenant: TenantId, id: &str) -> Result<Option<PlayerId>, Error> {
        let token = self.keys.external(tenant, id);
        if let Some(player) = self.known.view(&(tenant, token), |_, player| *player) {
            return Ok(Some(player));
        }
        let found = self.directory.find(tenant, token).await?;
        if let Some(player) = found {
            self.remember(tenant, token, player);
        }
        Ok(found)
    }

    /// The number of a player, registering him first if he is new.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn register(&self, tenant: TenantId, id: &str) -> Result<PlayerId, Error> {
        if let Some(player) = self.find(tenant, id).await? {
            return Ok(player);
        }
        let token = self.keys.external(tenant, id);
        let key: [u8; 32] = rand::random();
        let entry = DirectoryEntry {
            tenant,
            token,
            // 63 bits, so that it fits a signed column.
            player: PlayerId(rand::random::<u64>() >> 1),
            key,
            sealed: seal(&key, id)?,
        };
        let player = self.directory.add(&entry).await?;
        self.remember(tenant, token, player);
        Ok(player)
    }

    /// A player's outside id, unless it was erased.
    ///
    /// # Errors
    /// Whatever the store says, and [`Error::Corrupt`] for an entry that can't be opened.
    pub async fn outside_id(
        &self,
        tenant: TenantId,
        player: PlayerId,
    ) -> Result<Option<String>, Error> {
        let Some(entry) = self.directory.entry(tenant, player).await? else { return Ok(None) };
        open(&entry.key, &entry.sealed).map(Some)
    }

    fn remember(&self, tenant: TenantId, token: Key16, player: PlayerId) {
        if self.known.len() >= CACHED_MAX {
            self.known.clear();
        }
        self.known.insert((tenant, token), player);
    }
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, key)
        .map(LessSafeKey::new)
        .map_err(|_| Error::Corrupt("a player's key".into()))
}

fn seal(key: &[u8; 32], id: &str) -> Result<Vec<u8>, Error> {
    let nonce: [u8; NONCE_LEN] = rand::random();
    let mut sealed = id.as_bytes().to_vec();
    cipher(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
        .map_err(|_| Error::Corrupt("an id that can't be sealed".into()))?;
    let mut stored = nonce.to_vec();
    stored.append(&mut sealed);
    Ok(stored)
}

fn open(key: &[u8; 32], stored: &[u8]) -> Result<String, Error> {
    let bad = || Error::Corrupt("a sealed outside id".into());
    let (nonce, sealed) = stored.split_at_checked(NONCE_LEN).ok_or_else(bad)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| bad())?;
    let mut text = sealed.to_vec();
    let plain = cipher(key)?.open_in_place(nonce, Aad::empty(), &mut text).map_err(|_| bad())?;
    String::from_utf8(plain.to_vec()).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_number_per_player_and_tenant() {
        let storage = crate::storage::memory::open();
        let keys = Keys::new([1; 32]);
        let players = Players::new(Arc::clone(&storage.directory), keys.clone());
        let (one, two) = (TenantId(1), TenantId(2));
        assert_eq!(players.find(one, "p_1").await.unwrap(), None);
        let first = players.register(one, "p_1").await.unwrap();
        assert_eq!(players.register(one, "p_1").await.unwrap(), first);
        assert_ne!(players.register(two, "p_1").await.unwrap(), first);
        assert_ne!(players.register(one, "p_2").await.unwrap(), first);
        let cold = Players::new(storage.directory, keys);
        assert_eq!(cold.find(one, "p_1").await.unwrap(), Some(first));
        assert_eq!(cold.outside_id(one, first).await.unwrap().as_deref(), Some("p_1"));
    }
}
