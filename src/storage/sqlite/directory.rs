//! Outside ids and player numbers.

use super::{Files, sql};
use crate::storage::columns::bytes;
use crate::storage::{Directory, DirectoryEntry, Error};
use async_trait::async_trait;
use palio_domain::journal::Key16;
use palio_domain::{PlayerId, TenantId};

#[async_trait]
impl Directory for Files {
    async fn find(&self, tenant: TenantId, token: Key16) -> Result<Option<PlayerId>, Error> {
        let player: Option<i64> = sqlx::query_scalar(sql::FIND_PLAYER)
            .bind(tenant.0.cast_signed())
            .bind(token.as_slice())
            .fetch_optional(&self.directory.read)
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
            .fetch_optional(&self.directory.read)
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
        let tenant = entry.tenant.0.cast_signed();
        let player = entry.player.0.cast_signed();
        let mut transaction = self.directory.begin().await?;
        let added = sqlx::query(sql::ADD_PLAYER)
            .bind(tenant)
            .bind(entry.token.as_slice())
            .bind(player)
            .bind(entry.sealed.as_slice())
            .execute(&mut *transaction)
            .await
            .map_err(&failed)?;
        if added.rows_affected() == 1 {
            let key = sqlx::query(sql::ADD_PLAYER_KEY).bind(tenant).bind(player);
            let key = key.bind(entry.key.as_slice());
            key.execute(&mut *transaction).await.map_err(&failed)?;
            transaction.commit().await.map_err(&failed)?;
            return Ok(entry.player);
        }
        let known: i64 = sqlx::query_scalar(sql::FIND_PLAYER)
            .bind(tenant)
            .bind(entry.token.as_slice())
            .fetch_one(&mut *transaction)
            .await
            .map_err(&failed)?;
        transaction.rollback().await.map_err(&failed)?;
        Ok(PlayerId(known.cast_unsigned()))
    }
}
