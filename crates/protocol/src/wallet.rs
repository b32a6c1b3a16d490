//! Bodies of `/wallet/*`, of deposits and sessions, and their answers.
//!
//! A body is read with [`crate::json::parse`], then turned into a [`Part`]: checked, typed, with
//! the key that names it when there is no `X-Idempotency-Key`.

use crate::error_code::ErrorCode;
use crate::field::{self, FieldError, Flag, Object, Text, Whole};
use crate::signature::IDEMPOTENCY_HEADER;
use palio_domain::wallet::{Accounts, BetRef, BetResult, Command, Terms};
use palio_domain::{Amount, CampaignId, Currency, ProviderId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Longest session token, in bytes.
pub const TOKEN_LEN_MAX: usize = 2048;

/// Most operations in one settle.
pub const OPERATIONS_MAX: usize = 1000;

/// A command to one player's wallet, as a request asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The operator's own id of the player, 1–64 visible ASCII characters.
    pub player: String,
    /// The idempotency key: the body's own id until [`Part::keyed`] puts the header's in.
    pub key: String,
    /// What to do; its terms are the strict ones until the provider's profile is put in.
    pub command: Command,
    /// The session's token, if the message names one.
    pub session: Option<String>,
}

impl Part {
    /// A part without a session.
    #[must_use]
    pub const fn new(player: String, key: String, command: Command) -> Self {
        Self { player, key, command, session: None }
    }

    /// The same command named by the `X-Idempotency-Key`, if there is one.
    ///
    /// # Errors
    /// [`FieldError`] naming the header when it is not 1–128 visible ASCII characters.
    pub fn keyed(mut self, header: Option<&str>) -> Result<Self, FieldError> {
        if let Some(key) = header {
            self.key = field::parse_key(IDEMPOTENCY_HEADER, key)?.to_owned();
        }
        Ok(self)
    }
}

/// `POST /wallet/debit`: holds the stake of a bet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Debit {
    /// Whose wallet.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "p_1")]
    pub player_id: Text,
    /// The round.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "R-1")]
    pub round_id: Text,
    /// The game.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "evo_blackjack_23")]
    pub game_id: Text,
    /// The bet; unique per player.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "b_92f")]
    pub bet_id: Text,
    /// The stake, ≥ 0.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "10.00")]
    pub amount: Text,
    /// Its currency.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "EUR")]
    pub currency: Text,
    /// The provider's time.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "2025-10-17T14:23:10.120Z")]
    pub ts: Text,
    /// The session's token, from the launch of the game; the bet then needs that session open.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>)]
    pub session_token: Text,
    /// The campaign of free rounds that pays for this bet.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "welcome-10")]
    pub campaign_id: Text,
    /// Part of a feature: the stake must be that of the round's open bets.
    #[serde(default, skip_serializing_if = "Flag::is_missing")]
    #[schema(value_type = Option<bool>)]
    pub feature: Flag,
}

impl Debit {
    /// The command; the default key is `betId`.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(self, provider: &ProviderId) -> Result<Part, FieldError> {
        let player = field::player(&self.player_id)?;
        let bet = bet_ref(provider, &self.bet_id, &self.round_id, &self.game_id)?;
        let currency = field::currency(&self.currency)?;
        let stake = field::amount("amount", &self.amount, currency)?;
        let at = field::time_optional("ts", &self.ts)?;
        let key = bet.bet.as_str().to_owned();
        let wrong = |e: palio_domain::ids::Error| FieldError::invalid("campaignId", e.to_string());
        let campaign = self.campaign_id.optional("campaignId")?;
        let free = campaign.map(CampaignId::parse).transpose().map_err(wrong)?;
        let feature = self.feature.or("feature", false)?;
        let terms = Terms::default();
        let command = Command::PlaceBet { bet, stake, currency, at, free, feature, terms };
        Ok(Part { session: token(&self.session_token)?, ..Part::new(player, key, command) })
    }
}

/// One player's net result of a round.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Whose wallet; each player at most once.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "p_1")]
    pub player_id: Text,
    /// Payouts − open stakes; may be negative.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "5.00")]
    pub delta: Text,
    /// Its currency.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "EUR")]
    pub currency: Text,
    /// 1 for the first result, n + 1 for a correction of the n-th.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u32>, example = 1)]
    pub version: Whole,
}

/// `POST /wallet/settle`: settles all open bets of each player in the round.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settle {
    /// The round.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "R-1")]
    pub round_id: Text,
    /// 1–1,000 players.
    #[serde(default)]
    #[schema(value_type = Vec<Operation>, required = true)]
    pub operations: Vec<Object<Operation>>,
}

impl Settle {
    /// One command per player, in the order given. A round can be settled in steps, so nothing in
    /// the body names the request: `key` is the header's and required.
    ///
    /// # Errors
    /// `INVALID_FIELD` for the first field that is missing or wrong, a missing key, no
    /// operations, or a player twice; `TOO_MANY_ITEMS`.
    pub fn into_commands(
        self,
        provider: &ProviderId,
        key: Option<&str>,
    ) -> Result<Vec<Part>, FieldError> {
        let missing = || FieldError::invalid(IDEMPOTENCY_HEADER, "is required for a settle");
        let key = field::parse_key(IDEMPOTENCY_HEADER, key.ok_or_else(missing)?)?;
        let round = field::round(&self.round_id)?;
        if self.operations.is_empty() {
            return Err(FieldError::invalid("operations", "must hold at least one operation"));
        }
        if self.operations.len() > OPERATIONS_MAX {
            let message = format!("holds more than {OPERATIONS_MAX} operations");
            return Err(FieldError::new(ErrorCode::TooManyItems, "operations", message));
        }
        let mut seen = BTreeSet::new();
        let mut parts = Vec::with_capacity(self.operations.len());
        for (at, Object(operation)) in self.operations.iter().enumerate() {
            let within = |error: FieldError| error.inside(&format!("operations[{at}]"));
            let player = field::player(&operation.player_id).map_err(within)?;
            if !seen.insert(player.clone()) {
                return Err(within(FieldError::invalid("playerId", "is there twice")));
            }
            let currency = field::currency(&operation.currency).map_err(within)?;
            let delta = field::signed("delta", &operation.delta, currency).map_err(within)?;
            let (provider, round) = (provider.clone(), round.clone());
            let version = version(operation.version).map_err(within)?;
            let terms = Terms::default();
            let command = Command::SettleRound {
                provider,
                round,
                delta,
                gross: false,
                currency,
                version,
                terms,
            };
            parts.push(Part::new(player, key.to_owned(), command));
        }
        Ok(parts)
    }
}

/// `POST /wallet/credit`: settles one bet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credit {
    /// Whose wallet.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "p_1")]
    pub player_id: Text,
    /// The round.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "R-1")]
    pub round_id: Text,
    /// The game; the bet's own counts.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "evo_blackjack_23")]
    pub game_id: Text,
    /// The bet.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "b_92f")]
    pub bet_id: Text,
    /// The provider's id of this credit.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "t_93a")]
    pub transaction_id: Text,
    /// The payout, ≥ 0.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "15.00")]
    pub amount: Text,
    /// Its currency.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "EUR")]
    pub currency: Text,
    /// 1 for the first result, n + 1 for a correction of the n-th.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u32>, example = 1)]
    pub version: Whole,
}

impl Credit {
    /// The command; the default key is `transactionId`, else `betId`, of a correction with its
    /// version behind a `#`.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(self, provider: &ProviderId) -> Result<Part, FieldError> {
        let player = field::player(&self.player_id)?;
        let round = field::round(&self.round_id)?;
        let bet = field::bet(&self.bet_id)?;
        let transaction = field::key_optional("transactionId", &self.transaction_id)?;
        let currency = field::currency(&self.currency)?;
        let payout = field::amount("amount", &self.amount, currency)?;
        let version = version(self.version)?;
        let key = transaction.unwrap_or_else(|| match version {
            Some(version) if version > 1 => format!("{}#{version}", bet.as_str()),
            _ => bet.as_str().to_owned(),
        });
        let command = Command::SettleBets {
            provider: provider.clone(),
            round,
            game: field::game_optional("gameId", &self.game_id)?,
            bets: vec![BetResult { bet, stake: None, payout, outcome: None, version }],
            currency: Some(currency),
            at: None,
            terms: Terms::default(),
        };
        Ok(Part::new(player, key, command))
    }
}

/// `POST /wallet/rollback`: gives a stake back, or stops a bet that has not come yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    /// Whose wallet.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "p_1")]
    pub player_id: Text,
    /// The bet.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "b_92f")]
    pub bet_id: Text,
    /// The round.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "R-1")]
    pub round_id: Text,
    /// The provider's id of this rollback.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "t_94b")]
    pub transaction_id: Text,
}

impl Rollback {
    /// The command; the default key is `transactionId`, else `betId`.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(self, provider: &ProviderId) -> Result<Part, FieldError> {
        let player = field::player(&self.player_id)?;
        let bet = field::bet(&self.bet_id)?;
        let round = field::round_optional(&self.round_id)?;
        let transaction = field::key_optional("transactionId", &self.transaction_id)?;
        let key = transaction.unwrap_or_else(|| bet.as_str().to_owned());
        let command = Command::Rollback { provider: provider.clone(), bet, round };
        Ok(Part::new(player, key, command))
    }
}

/// `POST /wallet/play`: bet and result in one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Play {
    /// Whose wallet.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "p_1")]
    pub player_id: Text,
    /// The round.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "R-1")]
    pub round_id: Text,
    /// The game.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "lucky_wheel")]
    pub game_id: Text,
    /// The bet; unique per player.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "b_92f")]
    pub bet_id: Text,
    /// The stake, ≥ 0.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "1.00")]
    pub stake: Text,
    /// The payout, ≥ 0.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "0.00")]
    pub payout: Text,
    /// The currency of both.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "EUR")]
    pub currency: Text,
    /// The provider's time.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "2025-10-17T14:23:10.120Z")]
    pub ts: Text,
    /// The session's token, from the launch of the game; the bet then needs that session open.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>)]
    pub session_token: Text,
    /// Part of a feature: the stake must be that of the round's open bets.
    #[serde(default, skip_serializing_if = "Flag::is_missing")]
    #[schema(value_type = Option<bool>)]
    pub feature: Flag,
}

impl Play {
    /// The command; the default key is `betId`.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(self, provider: &ProviderId) -> Result<Part, FieldError> {
        let player = field::player(&self.player_id)?;
        let bet = bet_ref(provider, &self.bet_id, &self.round_id, &self.game_id)?;
        let currency = field::currency(&self.currency)?;
        let stake = field::amount("stake", &self.stake, currency)?;
        let payout = field::amount("payout", &self.payout, currency)?;
        let at = field::time_optional("ts", &self.ts)?;
        let key = bet.bet.as_str().to_owned();
        let (feature, terms) = (self.feature.or("feature", false)?, Terms::default());
        let command = Command::Play { bet, stake, payout, currency, at, feature, terms };
        Ok(Part { session: token(&self.session_token)?, ..Part::new(player, key, command) })
    }
}

/// A session's token as it came; whether it is one is for whoever made it to say.
fn token(text: &Text) -> Result<Option<String>, FieldError> {
    match text.optional("sessionToken")? {
        Some(token) if token.len() > TOKEN_LEN_MAX => {
            Err(FieldError::invalid("sessionToken", "is too long"))
        }
        token => Ok(token.map(str::to_owned)),
    }
}

/// A result's version; 1 is as good as none.
pub(crate) fn version(of: Whole) -> Result<Option<u32>, FieldError> {
    let number = of.within("version", 1..=u64::from(u32::MAX), 0)?;
    Ok(u32::try_from(number).ok().filter(|version| *version > 0))
}

pub(crate) fn bet_ref(
    provider: &ProviderId,
    bet: &Text,
    round: &Text,
    game: &Text,
) -> Result<BetRef, FieldError> {
    Ok(BetRef {
        provider: provider.clone(),
        bet: field::bet(bet)?,
        round: field::round(round)?,
        game: field::game("gameId", game)?,
    })
}

/// `POST /api/players/{playerId}/deposits`: takes money in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deposit {
    /// The payment's own id; names the request when there is no header.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "pay_77")]
    pub transaction_id: Text,
    /// How much, > 0.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "100.00")]
    pub amount: Text,
    /// Its currency.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "EUR")]
    pub currency: Text,
}

impl Deposit {
    /// The command. `player` is the path's; `key` is the header's, else `transactionId` counts.
    ///
    /// # Errors
    /// The first field that is missing or wrong; `X-Idempotency-Key` when nothing names the
    /// request.
    pub fn into_command(self, player: &str, key: Option<&str>) -> Result<Part, FieldError> {
        let player = field::parse_player(player)?.to_owned();
        let transaction = field::key_optional("transactionId", &self.transaction_id)?;
        let key = match key {
            Some(key) => field::parse_key(IDEMPOTENCY_HEADER, key)?.to_owned(),
            None => transaction.ok_or_else(|| {
                FieldError::invalid(IDEMPOTENCY_HEADER, "or transactionId is required")
            })?,
        };
        let currency = field::currency(&self.currency)?;
        let amount = field::amount("amount", &self.amount, currency)?;
        if !amount.is_positive() {
            return Err(FieldError::invalid("amount", "must be more than zero"));
        }
        Ok(Part::new(player, key, Command::Deposit { amount, currency }))
    }
}

/// A player's money of one currency; every amount is a decimal string.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountBalance {
    /// The currency.
    #[schema(example = "EUR")]
    pub currency: String,
    /// Own money.
    #[schema(example = "90.00")]
    pub cash: String,
    /// Bonus money.
    #[schema(example = "0.00")]
    pub bonus: String,
    /// Stakes of open bets.
    #[schema(example = "10.00")]
    pub held: String,
    /// Withdrawals under way.
    #[schema(example = "0.00")]
    pub locked: String,
    /// Owed after a correction.
    #[schema(example = "0.00")]
    pub debt: String,
    /// What the player can bet with.
    #[schema(example = "90.00")]
    pub available: String,
}

impl AccountBalance {
    /// From a wallet's accounts.
    #[must_use]
    pub fn new(currency: Currency, accounts: &Accounts) -> Self {
        let text = |amount: Amount| currency.format(amount);
        Self {
            currency: currency.code().to_owned(),
            cash: text(accounts.cash),
            bonus: text(accounts.bonus),
            held: text(accounts.held),
            locked: text(accounts.locked),
            debt: text(accounts.debt),
            available: text(accounts.available()),
        }
    }
}

/// Answer of `GET /wallet/{playerId}`: committed state only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BalanceResponse {
    /// The operator's own id of the player.
    #[schema(example = "p_1")]
    pub player_id: String,
    /// One entry per currency that was ever used, by code.
    pub accounts: Vec<AccountBalance>,
}

/// Answer of `GET /api/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeResponse {
    /// The operator's own id of the player.
    #[schema(example = "p_1")]
    pub player_id: String,
    /// The player's own row key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// One entry per currency.
    pub accounts: Vec<AccountBalance>,
    /// Ids of the tournaments entered.
    #[schema(example = json!(["friday-race"]))]
    pub tournaments: Vec<String>,
}

/// What became of one operation of a settle.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationOutcome {
    /// Whose.
    #[schema(example = "p_1")]
    pub player_id: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What became of one of several things asked for in one request.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The status this would have had alone; 200 also for a replay.
    #[schema(example = 200)]
    pub status: u16,
    /// The answer, if it went through.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Box<RawValue>>,
    /// The stable code, if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What happened, if it did not go through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Outcome {
    /// It went through, now or before. `result` is JSON as rendered.
    #[must_use]
    pub fn done(result: String) -> Self {
        let result = RawValue::from_string(result).ok();
        Self { status: 200, result, code: None, detail: None }
    }

    /// It did not go through.
    #[must_use]
    pub fn failed(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            status: code.status(),
            result: None,
            code: Some(code.code().to_owned()),
            detail: Some(detail.into()),
        }
    }

    /// Whether it went through.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.status == 200
    }
}

/// The status of an answer that lists outcomes: 200 when all went through, else 207.
#[must_use]
pub fn overall<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> u16 {
    if outcomes.into_iter().all(Outcome::is_done) { 200 } else { 207 }
}

/// Answer of `POST /wallet/settle`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettleResponse {
    /// The round.
    #[schema(example = "R-1")]
    pub round_id: String,
    /// One per operation, in the order given.
    pub operations: Vec<OperationOutcome>,
}

#[cfg(test)]
mod tests;
