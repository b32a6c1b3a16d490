//! Outside ids and player numbers.

use super::{Shared, sql};
use crate::storage::columns::bytes;
use crate::storage::{Directory, DirectoryEntry, Error};
use async_trait::async_trait;
use palio_domain::journal::Key16;
use palio_domain::{PlayerId, TenantId};

#[async_trait]
impl Directory for Shared {
    async fn find(&self, tenant: TenantId, token: Key16) -> Result<Option<PlayerId>, Error> {
        let player: Option<i64> = sqlx::query_scalar(sql::FIND_PLAYER)
            .bind(tenant.0.cast_signed())
            .bind(token.as_slice())
            .fetch_optional(&self.pool)
            .await
            .map_err(Error::at("find a player"))?;
        Ok(player.map(|player| PlayerId(player.cast_unsigned())))
    }

    async fn entry(
        &self,
        tenant: TenantId,
        player: PlayerId,
    ) -> Result<Option<DirectoryEntry>, Error> {
        let row: Option<(Vec<u8>, Vec<u8>, Vec<u8>)> = sqlx::query_as(sql::PLAYER_ENTRY)
            .bind(tenant.0.cast_signed())
            .bind(player.0.cast_signed())
            .fetch_optional(&self.pool)
            .await
            .map_err(Error::at("load a player"))?;
        let entry = |(token, key, sealed): (Vec<u8>, Vec<u8>, Vec<u8>)| {
            let (token, key) = (bytes(&token, "token")?, bytes(&key, "key")?);
            Ok(DirectoryEntry { tenant, token, player, key, sealed })
        };
        row.map(entry).transpose()
    }

    async fn add(&self, entry: &DirectoryEntry) -> Result<PlayerId, Error> {
        let failed = Error::at("add a player");
        let add = sqlx::query(sql::ADD_PLAYER)
            .bind(entry.tenant.0.cast_signed())
            .bind(entry.token.as_slice())
            .bind(entry.player.0.cast_signed())
            .bind(entry.sealed.as_slice())
            .bind(entry.key.as_slice());
        if add.execute(&self.pool).await.map_err(&failed)?.rows_affected() == 1 {
            return Ok(entry.player);
        }
        // Whoever added the token has committed: adding waited for that.
        let known = Directory::find(self, entry.tenant, entry.token).await?;
        known.ok_or_else(|| failed(sqlx::Error::RowNotFound))
    }
}
