//! One transaction per request, on rows of accounts, keys, ledger entries and bets.
//!
//! **Invariants:** the key goes first, so that of two equal requests one waits for the other; the
//! shared house account goes last, so that its lock is held for as short as can be; a request with
//! several players takes them in the order of their ids, so that two of them can't deadlock.

use super::sql;
use crate::money::Decimals;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Acquire as _, Row as _};

/// The account of the house.
const HOUSE: &str = "@house";

/// The store behind the baseline server.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    pub(super) pool: PgPool,
    /// Whether the house has one account whose balance every bet moves.
    pub(super) shared: bool,
    pub(super) decimals: Decimals,
}

/// How a request, or a part of it, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Done now: the result as JSON.
    Done(String),
    /// Done before: the same result.
    Replay(String),
    /// Not done: status and code.
    Refused(u16, &'static str),
}

/// A request's key and what it was asked with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) text: &'a str,
    pub(super) hash: &'a [u8],
}

/// A bet, with its result where that came along.
#[derive(Debug, Clone)]
pub(super) struct Bet {
    pub(super) player: String,
    pub(super) round: String,
    pub(super) bet: String,
    pub(super) game: String,
    pub(super) stake: i64,
    pub(super) payout: Option<i64>,
}

/// A bet's result.
#[derive(Debug, Clone)]
pub(super) struct Paid {
    pub(super) player: String,
    pub(super) bet: String,
    pub(super) payout: i64,
}

/// A change of one player's money within a transaction.
struct Entry<'a> {
    player: &'a str,
    key: &'a str,
    amount: i64,
    balance: i64,
}

impl Ledger {
    /// Places bets in one transaction, each under its own key.
    pub(super) async fn place(&self, bets: &[(Key<'_>, Bet)]) -> Result<Vec<Outcome>, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        let mut order: Vec<(usize, &(Key<'_>, Bet))> = bets.iter().enumerate().collect();
        order.sort_by(|(_, (_, a)), (_, (_, b))| a.player.cmp(&b.player));
        let mut outcomes = vec![Outcome::Refused(500, "INTERNAL"); bets.len()];
        let mut house = 0;
        for (index, (key, bet)) in order {
            let outcome = self.place_one(&mut tx, *key, bet, &mut house).await?;
            if let Some(slot) = outcomes.get_mut(index) {
                *slot = outcome;
            }
        }
        self.house(&mut tx, house).await?;
        tx.commit().await?;
        Ok(outcomes)
    }

    async fn place_one(
        &self,
        tx: &mut PgConnection,
        key: Key<'_>,
        bet: &Bet,
        house: &mut i64,
    ) -> Result<Outcome, sqlx::Error> {
        if let Some(refused) = used(tx, key).await? {
            let placed = sqlx::query_scalar(sql::PLACED).bind(&bet.round).bind(&bet.player);
            let balance: Option<i64> = placed.bind(&bet.bet).fetch_optional(tx).await?;
            return Ok(match (refused, balance) {
                (Outcome::Replay(_), Some(balance)) => Outcome::Replay(self.placed(bet, balance)),
                (refused, _) => refused,
            });
        }
        let change = bet.payout.unwrap_or(0) - bet.stake;
        let taken = sqlx::query_scalar(sql::TAKE).bind(&bet.player).bind(-change);
        let Some(balance) = taken.fetch_optional(&mut *tx).await? else {
            sqlx::query(sql::KEY_BACK).bind(key.text).execute(tx).await?;
            return Ok(Outcome::Refused(422, "INSUFFICIENT_FUNDS"));
        };
        let entry = Entry { player: &bet.player, key: key.text, amount: change, balance };
        enter(tx, &entry).await?;
        *house -= change;
        let row = sqlx::query(if bet.payout.is_some() { sql::PLAYED } else { sql::BET })
            .bind(&bet.round)
            .bind(&bet.player)
            .bind(&bet.bet)
            .bind(&bet.game)
            .bind(bet.stake);
        let row = match bet.payout {
            Some(payout) => row.bind(payout),
            None => row,
        };
        row.bind(balance).execute(tx).await?;
        Ok(Outcome::Done(self.placed(bet, balance)))
    }

    /// Settles one player's open bet of a round, by what it changes. A replay's result leaves the
    /// balance out, which nothing remembers.
    pub(super) async fn settle_round(
        &self,
        key: Key<'_>,
        round: &str,
        player: &str,
        delta: i64,
    ) -> Result<Outcome, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        if let Some(refused) = used(&mut tx, key).await? {
            let settled = sqlx::query(sql::SETTLED).bind(round).bind(player);
            let row = settled.fetch_optional(&mut *tx).await?;
            let (Outcome::Replay(_), Some(row)) = (&refused, row) else { return Ok(refused) };
            let (stake, payout): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            return Ok(Outcome::Replay(self.settled(round, player, stake, payout, None)));
        }
        let settled = sqlx::query(sql::SETTLE_ROUND).bind(round).bind(player).bind(delta);
        let Some(row) = settled.fetch_optional(&mut *tx).await? else {
            tx.rollback().await?;
            return Ok(Outcome::Refused(404, "BET_NOT_FOUND"));
        };
        let stake: i64 = row.try_get(0)?;
        let payout = stake + delta;
        if payout < 0 {
            tx.rollback().await?;
            return Ok(Outcome::Refused(422, "NEGATIVE_PAYOUT"));
        }
        let balance = self.pay(&mut tx, key.text, player, payout).await?;
        self.house(&mut tx, -payout).await?;
        tx.commit().await?;
        Ok(Outcome::Done(self.settled(round, player, stake, payout, balance)))
    }

    /// Settles bets of a round one by one, in one transaction under one key.
    pub(super) async fn settle_bets(
        &self,
        key: Key<'_>,
        round: &str,
        bets: &[Paid],
    ) -> Result<Outcome, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        if let Some(refused) = used(&mut tx, key).await? {
            return Ok(refused);
        }
        let mut order: Vec<&Paid> = bets.iter().collect();
        order.sort_by(|a, b| a.player.cmp(&b.player));
        let mut house = 0;
        for paid in order {
            let settled = sqlx::query(sql::SETTLE_BET).bind(round).bind(&paid.player);
            let settled = settled.bind(&paid.bet).bind(paid.payout).execute(&mut *tx).await?;
            if settled.rows_affected() == 0 {
                tx.rollback().await?;
                return Ok(Outcome::Refused(404, "BET_NOT_FOUND"));
            }
            self.pay(&mut tx, key.text, &paid.player, paid.payout).await?;
            house -= paid.payout;
        }
        self.house(&mut tx, house).await?;
        tx.commit().await?;
        Ok(Outcome::Done("{}".to_owned()))
    }

    /// A payout: nothing is written for none.
    async fn pay(
        &self,
        tx: &mut PgConnection,
        key: &str,
        player: &str,
        payout: i64,
    ) -> Result<Option<i64>, sqlx::Error> {
        if payout == 0 {
            return sqlx::query_scalar(sql::BALANCE).bind(player).fetch_optional(tx).await;
        }
        let given = sqlx::query_scalar(sql::GIVE).bind(player).bind(payout);
        let balance: i64 = given.fetch_one(&mut *tx).await?;
        enter(tx, &Entry { player, key, amount: payout, balance }).await?;
        Ok(Some(balance))
    }

    async fn house(&self, tx: &mut PgConnection, change: i64) -> Result<(), sqlx::Error> {
        if self.shared && change != 0 {
            sqlx::query(sql::HOUSE).bind(change).execute(tx).await?;
        }
        Ok(())
    }

    /// Gives a new or known player money.
    pub(super) async fn deposit(
        &self,
        key: Key<'_>,
        player: &str,
        amount: i64,
    ) -> Result<Outcome, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        if let Some(refused) = used(&mut tx, key).await? {
            return Ok(refused);
        }
        sqlx::query(sql::OPEN).bind(player).bind(amount).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Outcome::Done("{}".to_owned()))
    }

    /// A player's balance.
    pub(super) async fn balance(&self, player: &str) -> Result<Option<i64>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let connection = connection.acquire().await?;
        sqlx::query_scalar(sql::BALANCE).bind(player).fetch_optional(connection).await
    }

    fn placed(&self, bet: &Bet, balance: i64) -> String {
        let (stake, balance) = (self.decimals.text(bet.stake), self.decimals.text(balance));
        format!(
            r#"{{"kind":"bet.placed","betId":"{}","roundId":"{}","amount":"{stake}","balance":"{balance}","currency":"EUR"}}"#,
            bet.bet, bet.round
        )
    }

    fn settled(
        &self,
        round: &str,
        player: &str,
        stake: i64,
        payout: i64,
        balance: Option<i64>,
    ) -> String {
        let text = |minor| self.decimals.text(minor);
        let balance =
            balance.map_or(String::new(), |minor| format!(r#","balance":"{}""#, text(minor)));
        format!(
            r#"{{"roundId":"{round}","operations":[{{"playerId":"{player}","status":200,"result":{{"kind":"round.settled","roundId":"{round}","staked":"{}","payout":"{}"{balance},"currency":"EUR"}}}}]}}"#,
            text(stake),
            text(payout)
        )
    }
}

/// Takes the key; if it was used, whether by the same request.
async fn used(tx: &mut PgConnection, key: Key<'_>) -> Result<Option<Outcome>, sqlx::Error> {
    let taken = sqlx::query(sql::KEY).bind(key.text).bind(key.hash).execute(&mut *tx).await?;
    if taken.rows_affected() > 0 {
        return Ok(None);
    }
    let known: Option<Vec<u8>> =
        sqlx::query_scalar(sql::KEY_HASH).bind(key.text).fetch_optional(tx).await?;
    Ok(Some(match known {
        Some(known) if known == key.hash => Outcome::Replay("{}".to_owned()),
        Some(_) | None => Outcome::Refused(422, "IDEMPOTENCY_MISMATCH"),
    }))
}

/// Both sides of the ledger.
async fn enter(tx: &mut PgConnection, entry: &Entry<'_>) -> Result<(), sqlx::Error> {
    let own = sqlx::query(sql::ENTRY).bind(entry.player).bind(entry.key).bind(entry.amount);
    own.bind(entry.balance).execute(&mut *tx).await?;
    let house = sqlx::query(sql::ENTRY).bind(HOUSE).bind(entry.key).bind(-entry.amount);
    house.bind(None::<i64>).execute(tx).await?;
    Ok(())
}
