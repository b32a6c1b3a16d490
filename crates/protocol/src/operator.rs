//! Bodies of what operators (and, for their own protection, players) ask of a wallet, and of a
//! provider's sessions and ends of rounds.

use crate::ErrorCode;
use crate::field::{self, FieldError, Text, Whole};
use crate::signature::IDEMPOTENCY_HEADER;
use crate::transactions::read_id;
use crate::wallet::{OPERATIONS_MAX, Part};
use palio_domain::journal::Account;
use palio_domain::wallet::protection::{ExclusionKind, LimitKind, Period};
use palio_domain::wallet::{Command, Verdict, WithdrawalEnd};
use palio_domain::{CampaignId, ProviderId, WithdrawalId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Free rounds in one grant.
const FREE_ROUNDS_MAX: u64 = 10_000;
/// Minutes of a month: no session-time limit is longer.
const MINUTES_MAX: u64 = 31 * 24 * 60;

fn named(header: Option<&str>, own: Option<String>, field: &str) -> Result<String, FieldError> {
    match header {
        Some(key) => field::parse_key(IDEMPOTENCY_HEADER, key).map(str::to_owned),
        None => own.ok_or_else(|| {
            FieldError::invalid(IDEMPOTENCY_HEADER, format!("or {field} is required"))
        }),
    }
}

fn key(header: Option<&str>) -> Result<String, FieldError> {
    let missing = || FieldError::invalid(IDEMPOTENCY_HEADER, "is required");
    field::parse_key(IDEMPOTENCY_HEADER, header.ok_or_else(missing)?).map(str::to_owned)
}

fn player(path: &str) -> Result<String, FieldError> {
    field::parse_player(path).map(str::to_owned)
}

fn wrong(name: &'static str) -> impl Fn(palio_domain::ids::Error) -> FieldError {
    move |error| FieldError::invalid(name, error.to_string())
}

/// `POST /api/players/{playerId}/withdrawals`: locks money until it is captured or cancelled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Withdrawal {
    /// The withdrawal's own id; names the request when there is no header.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "wd_1")]
    pub withdrawal_id: Text,
    /// How much, > 0.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "50.00")]
    pub amount: Text,
    /// Its currency.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "EUR")]
    pub currency: Text,
}

impl Withdrawal {
    /// The command.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(self, path: &str, header: Option<&str>) -> Result<Part, FieldError> {
        let text = self.withdrawal_id.required("withdrawalId")?;
        let id = WithdrawalId::parse(text).map_err(wrong("withdrawalId"))?;
        let currency = field::currency(&self.currency)?;
        let amount = field::amount("amount", &self.amount, currency)?;
        if !amount.is_positive() {
            return Err(FieldError::invalid("amount", "must be more than zero"));
        }
        let key = named(header, Some(id.as_str().to_owned()), "withdrawalId")?;
        Ok(Part::new(player(path)?, key, Command::AuthoriseWithdrawal { id, amount, currency }))
    }
}

/// `POST /api/players/{playerId}/withdrawals/{withdrawalId}/capture` and `…/cancel`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndWithdrawal {
    /// Why; required to cancel.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "the player changed his mind")]
    pub reason: Text,
}

impl EndWithdrawal {
    /// The command; without a header the withdrawal and its end name the request.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(
        self,
        path: &str,
        id: &str,
        end: WithdrawalEnd,
        header: Option<&str>,
    ) -> Result<Part, FieldError> {
        let id = WithdrawalId::parse(id).map_err(wrong("withdrawalId"))?;
        let (word, reason) = match end {
            WithdrawalEnd::Captured => ("capture", Box::default()),
            WithdrawalEnd::Cancelled => ("cancel", field::reason("reason", &self.reason)?),
        };
        let key = named(header, Some(format!("{}/{word}", id.as_str())), "withdrawalId")?;
        Ok(Part::new(player(path)?, key, Command::EndWithdrawal { id, end, reason }))
    }
}

/// `POST /api/players/{playerId}/adjustments`: a correction, as an addition with a reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Adjustment {
    /// `cash` (against the house) or `bonus` (against promotions).
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "cash")]
    pub account: Text,
    /// More, or less with a minus; not zero.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "-5.00")]
    pub amount: Text,
    /// Its currency.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "EUR")]
    pub currency: Text,
    /// Why: 1–200 characters.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "goodwill, ticket 4711")]
    pub reason: Text,
}

impl Adjustment {
    /// The command; `X-Idempotency-Key` is required.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(
        self,
        path: &str,
        header: Option<&str>,
        author: &str,
    ) -> Result<Part, FieldError> {
        let account = match self.account.required("account")? {
            "cash" => Account::Cash,
            "bonus" => Account::Bonus,
            _ => return Err(FieldError::invalid("account", "must be \"cash\" or \"bonus\"")),
        };
        let currency = field::currency(&self.currency)?;
        let amount = field::signed("amount", &self.amount, currency)?;
        if amount.0 == 0 {
            return Err(FieldError::invalid("amount", "must not be zero"));
        }
        let reason = field::reason("reason", &self.reason)?;
        let author = author.into();
        let command = Command::Adjust { account, amount, currency, reason, author };
        Ok(Part::new(player(path)?, key(header)?, command))
    }
}

/// `POST …/limits`: sets a limit, or removes it without `amount` or `minutes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SetLimit {
    /// `deposit`, `wager`, `loss` or `sessionTime`.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "loss")]
    pub kind: Text,
    /// `day`, `week` or `month`, in UTC.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "day")]
    pub period: Text,
    /// Money limits: how much.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "100.00")]
    pub amount: Text,
    /// Money limits: of which currency.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "EUR")]
    pub currency: Text,
    /// `sessionTime`: minutes.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u64>, example = 120)]
    pub minutes: Whole,
}

impl SetLimit {
    /// The command; `X-Idempotency-Key` is required. `raise_wait_ms`: how long a raise waits.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(
        self,
        path: &str,
        header: Option<&str>,
        author: &str,
        raise_wait_ms: i64,
    ) -> Result<Part, FieldError> {
        let kind = match self.kind.required("kind")? {
            "deposit" => LimitKind::Deposit,
            "wager" => LimitKind::Wager,
            "loss" => LimitKind::Loss,
            "sessionTime" => LimitKind::SessionTime,
            _ => {
                let known = "must be \"deposit\", \"wager\", \"loss\" or \"sessionTime\"";
                return Err(FieldError::invalid("kind", known));
            }
        };
        let period = match self.period.required("period")? {
            "day" => Period::Day,
            "week" => Period::Week,
            "month" => Period::Month,
            _ => {
                let known = "must be \"day\", \"week\" or \"month\"";
                return Err(FieldError::invalid("period", known));
            }
        };
        let (currency, value) = if kind == LimitKind::SessionTime {
            let minutes = self.minutes.within("minutes", 0..=MINUTES_MAX, u64::MAX)?;
            (None, i64::try_from(minutes).ok())
        } else {
            let currency = field::currency(&self.currency)?;
            let amount = field::amount_optional("amount", &self.amount, currency)?;
            (Some(currency), amount.map(|amount| amount.0))
        };
        let author = author.into();
        let command = Command::SetLimit { kind, period, currency, value, raise_wait_ms, author };
        Ok(Part::new(player(path)?, key(header)?, command))
    }
}

/// `POST …/exclusion`: excludes a player from play.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exclude {
    /// `timeOut`, `selfExclusion`, or by an operator `blocked`.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "selfExclusion")]
    pub kind: Text,
    /// Its end; without one it is for ever. A time-out needs one, a block has none.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "2027-05-21T00:00:00.000Z")]
    pub until: Text,
    /// Why: 1–200 characters.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "asked for by the player")]
    pub reason: Text,
}

impl Exclude {
    /// The command; `X-Idempotency-Key` is required.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(
        self,
        path: &str,
        header: Option<&str>,
        author: &str,
        may_block: bool,
    ) -> Result<Part, FieldError> {
        let until = field::time_optional("until", &self.until)?;
        let kind = match (self.kind.required("kind")?, until) {
            ("timeOut", Some(_)) => ExclusionKind::TimeOut,
            ("timeOut", None) => return Err(FieldError::invalid("until", "is missing")),
            ("selfExclusion", _) => ExclusionKind::SelfExclusion,
            ("blocked", None) if may_block => ExclusionKind::Blocked,
            ("blocked", Some(_)) if may_block => {
                return Err(FieldError::invalid("until", "a block has no end; lift it instead"));
            }
            _ => {
                let known =
                    "must be \"timeOut\", \"selfExclusion\" or, by an operator, \"blocked\"";
                return Err(FieldError::invalid("kind", known));
            }
        };
        let reason = match &self.reason {
            Text::Missing => "asked for by the player".into(),
            given => field::reason("reason", given)?,
        };
        let author = author.into();
        let command = Command::Exclude { kind, until, reason, author, provider: None };
        Ok(Part::new(player(path)?, key(header)?, command))
    }
}

/// `POST /api/players/{playerId}/readmission`: lifts the operator's own block.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readmit {
    /// Why: 1–200 characters.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "documents checked")]
    pub reason: Text,
}

impl Readmit {
    /// The command; `X-Idempotency-Key` is required.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(
        self,
        path: &str,
        header: Option<&str>,
        author: &str,
    ) -> Result<Part, FieldError> {
        let (reason, author) = (field::reason("reason", &self.reason)?, author.into());
        Ok(Part::new(player(path)?, key(header)?, Command::Readmit { reason, author }))
    }
}

/// `POST /api/players/{playerId}/free-rounds`: grants free rounds of a campaign, once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrantFreeRounds {
    /// The campaign; names the request when there is no header.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "welcome-10")]
    pub campaign_id: Text,
    /// On whose games.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "sandbox")]
    pub provider: Text,
    /// On which game.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "lucky_wheel")]
    pub game_id: Text,
    /// How many: 1–10,000.
    #[serde(default)]
    #[schema(value_type = u32, required = true, example = 10)]
    pub count: Whole,
    /// Stake of each, > 0.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "0.20")]
    pub stake: Text,
    /// Its currency.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "EUR")]
    pub currency: Text,
    /// Until when they can be played.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "2027-01-01T00:00:00.000Z")]
    pub expires_at: Text,
}

impl GrantFreeRounds {
    /// The command.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(
        self,
        path: &str,
        header: Option<&str>,
        author: &str,
    ) -> Result<Part, FieldError> {
        let text = self.campaign_id.required("campaignId")?;
        let campaign = CampaignId::parse(text).map_err(wrong("campaignId"))?;
        let count = self.count.within("count", 1..=FREE_ROUNDS_MAX, 0)?;
        let count = u32::try_from(count).ok().filter(|count| *count > 0);
        let currency = field::currency(&self.currency)?;
        let value = field::amount("stake", &self.stake, currency)?;
        if !value.is_positive() {
            return Err(FieldError::invalid("stake", "must be more than zero"));
        }
        let key = named(header, Some(campaign.as_str().to_owned()), "campaignId")?;
        let command = Command::GrantFreeRounds {
            campaign,
            provider: field::provider(&self.provider)?,
            game: field::game("gameId", &self.game_id)?,
            count: count.ok_or_else(|| FieldError::invalid("count", "is missing"))?,
            value,
            currency,
            expires: field::time_required("expiresAt", &self.expires_at)?,
            author: author.into(),
        };
        Ok(Part::new(player(path)?, key, command))
    }
}

/// `POST /api/players/{playerId}/verdicts`: the desk proposes how an overdue round ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProposeVerdict {
    /// Whose round.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "sandbox")]
    pub provider: Text,
    /// Which round.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "R-1")]
    pub round_id: Text,
    /// `void` gives the stakes back; `settle` needs `delta`.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "void")]
    pub verdict: Text,
    /// Payouts − open stakes.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "5.00")]
    pub delta: Text,
    /// The currency of `delta`.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "EUR")]
    pub currency: Text,
    /// Why: 1–200 characters.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "confirmed by the provider's support")]
    pub reason: Text,
}

impl ProposeVerdict {
    /// The command; `X-Idempotency-Key` is required.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(
        self,
        path: &str,
        header: Option<&str>,
        author: &str,
    ) -> Result<Part, FieldError> {
        let verdict = match self.verdict.required("verdict")? {
            "void" => Verdict::Void,
            "settle" => {
                let currency = field::currency(&self.currency)?;
                Verdict::Settle { delta: field::signed("delta", &self.delta, currency)?, currency }
            }
            _ => return Err(FieldError::invalid("verdict", "must be \"void\" or \"settle\"")),
        };
        let command = Command::ProposeVerdict {
            provider: field::provider(&self.provider)?,
            round: field::round(&self.round_id)?,
            verdict,
            reason: field::reason("reason", &self.reason)?,
            author: author.into(),
        };
        Ok(Part::new(player(path)?, key(header)?, command))
    }
}

/// `POST /api/players/{playerId}/verdicts/confirm`: a second person confirms it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfirmVerdict {
    /// Whose round.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "sandbox")]
    pub provider: Text,
    /// Which round.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "R-1")]
    pub round_id: Text,
    /// The proposal that was seen: `transactionId` of its answer.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "tx_1f_2a")]
    pub proposal_id: Text,
}

impl ConfirmVerdict {
    /// The command; `X-Idempotency-Key` is required.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn into_command(
        self,
        path: &str,
        header: Option<&str>,
        author: &str,
    ) -> Result<Part, FieldError> {
        let (provider, round) = (field::provider(&self.provider)?, field::round(&self.round_id)?);
        let id = self.proposal_id.required("proposalId")?;
        let wrong = || FieldError::invalid("proposalId", "is not a transaction's id");
        let proposal = read_id(id).ok_or_else(wrong)?;
        let author = author.into();
        let command = Command::ConfirmVerdict { provider, round, proposal, author };
        Ok(Part::new(player(path)?, key(header)?, command))
    }
}

/// `POST /wallet/round/end`: the provider says that a round is over for these players.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EndRound {
    /// The round.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "R-1")]
    pub round_id: Text,
    /// 1–1,000 players, each once.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = true, example = json!(["p_1"]))]
    pub player_ids: Vec<Text>,
}

impl EndRound {
    /// One command per player; without a header the round names the request.
    ///
    /// # Errors
    /// The first field that is missing or wrong; `TOO_MANY_ITEMS`.
    pub fn into_commands(
        self,
        provider: &ProviderId,
        header: Option<&str>,
    ) -> Result<Vec<Part>, FieldError> {
        let round = field::round(&self.round_id)?;
        let key = named(header, Some(round.as_str().to_owned()), "roundId")?;
        if self.player_ids.is_empty() {
            return Err(FieldError::invalid("playerIds", "must hold at least one player"));
        }
        if self.player_ids.len() > OPERATIONS_MAX {
            let message = format!("holds more than {OPERATIONS_MAX} players");
            return Err(FieldError::new(ErrorCode::TooManyItems, "playerIds", message));
        }
        let mut seen = BTreeSet::new();
        let mut parts = Vec::with_capacity(self.player_ids.len());
        for text in &self.player_ids {
            let player = field::player(text)?;
            if !seen.insert(player.clone()) {
                return Err(FieldError::invalid("playerIds", "holds a player twice"));
            }
            let (provider, round) = (provider.clone(), round.clone());
            parts.push(Part::new(player, key.clone(), Command::EndRound { provider, round }));
        }
        Ok(parts)
    }
}
