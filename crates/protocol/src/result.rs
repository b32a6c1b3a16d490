//! The answer to a command, rendered from the row that carries its request.
//!
//! **Invariants:** pure; the same row gives the same bytes for ever, so that a replay years later
//! is byte for byte the first answer. Fields stand in the order of the structs here, without
//! white space. A change of any byte below breaks promises made to callers: add, never alter.

use crate::time;
use palio_domain::journal::Row;
use palio_domain::wallet::{BetRef, Command, CorruptRow, Event, Noop, Refusal, SettlementTotals};
use palio_domain::{Amount, BetId, Currency, TournamentId};
use serde::Serialize;
use utoipa::ToSchema;

/// What a caller hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendered {
    /// It was done: the result as JSON.
    Ok(String),
    /// It was refused, for ever.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The bet's currency.
        currency: Currency,
    },
}

/// The result of a command that went through. Which fields are there depends on `kind`.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionResult {
    /// The transaction; absent when there was nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "tx_1f_2a")]
    pub transaction_id: Option<String>,
    /// What happened.
    #[schema(example = "bet.placed")]
    pub kind: &'static str,
    /// The bet; of a settlement only when it was one bet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "b_92f")]
    pub bet_id: Option<String>,
    /// The round.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "R-1")]
    pub round_id: Option<String>,
    /// Session: the game.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub game_id: Option<String>,
    /// The tournament.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tournament_id: Option<String>,
    /// Tournament: whether the player is in it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joined: Option<bool>,
    /// The money that moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "10.00")]
    pub amount: Option<String>,
    /// Settlement: how many bets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bets: Option<u32>,
    /// Settlement: their stakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staked: Option<String>,
    /// Settlement: what they pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout: Option<String>,
    /// What the player can bet with afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "90.00")]
    pub balance: Option<String>,
    /// The currency of every amount here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Session: when it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// There was nothing to do: it was so before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub already: Option<bool>,
}

impl TransactionResult {
    fn json(&self) -> String {
        // Texts, numbers and booleans always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn of(row: &Row) -> Self {
        Self {
            transaction_id: Some(row.transaction_id()),
            kind: row.kind.name(),
            ..Self::default()
        }
    }

    fn bet(self, bet: &BetRef) -> Self {
        Self {
            bet_id: Some(bet.bet.as_str().to_owned()),
            round_id: Some(bet.round.as_str().to_owned()),
            ..self
        }
    }

    fn money(self, amount: Amount, balance: Amount, currency: Currency) -> Self {
        Self {
            amount: Some(currency.format(amount)),
            balance: Some(currency.format(balance)),
            currency: Some(currency.code().to_owned()),
            ..self
        }
    }

    fn settled(self, totals: &SettlementTotals, currency: Currency) -> Self {
        Self {
            bet_id: self.bet_id.filter(|_| totals.bets == 1),
            bets: Some(totals.bets),
            staked: Some(currency.format(totals.staked)),
            payout: Some(currency.format(totals.paid)),
            balance: Some(currency.format(totals.balance)),
            currency: Some(currency.code().to_owned()),
            ..self
        }
    }
}

/// Renders the answer to the command whose request `row` carries (its first row).
///
/// # Errors
/// [`CorruptRow`] when the row can't be read, or can't be the first of a command.
pub fn render(row: &Row) -> Result<Rendered, CorruptRow> {
    let bad = |field| CorruptRow { slot: row.slot.0, seq: row.seq, kind: row.kind.name(), field };
    let balance = || row.balance_after.ok_or_else(|| bad("balance"));
    let of = TransactionResult::of(row);
    let result = match Event::from_row(row)? {
        Event::Deposited { amount, currency } => of.money(amount, balance()?, currency),
        Event::BetPlaced { bet, stake, currency, .. }
        | Event::BetRolledBack { bet, stake, currency } => {
            of.bet(&bet).money(stake, balance()?, currency)
        }
        Event::BetRefused { refusal, currency, .. } => {
            return Ok(Rendered::Refused { refusal, currency });
        }
        Event::BetSettled { bet, currency, totals, .. } => {
            of.bet(&bet).settled(&totals.ok_or_else(|| bad("totals"))?, currency)
        }
        Event::RoundPlayed { bet, currency, totals, .. } => of.bet(&bet).settled(&totals, currency),
        Event::WinPaid { .. } => return Err(bad("never the first row of a command")),
        Event::BetTombstoned { bet, round, .. } => TransactionResult {
            bet_id: Some(bet.as_str().to_owned()),
            round_id: round.map(String::from),
            ..of
        },
        Event::SessionOpened { game, currency, expires } => TransactionResult {
            game_id: Some(game.as_str().to_owned()),
            currency: Some(currency.code().to_owned()),
            expires_at: Some(time::format(expires)),
            ..of
        },
        Event::TournamentEntered { tournament, .. } => entered(of, &tournament, true),
        Event::TournamentLeft { tournament } => entered(of, &tournament, false),
    };
    Ok(Rendered::Ok(result.json()))
}

fn entered(of: TransactionResult, id: &TournamentId, joined: bool) -> TransactionResult {
    TransactionResult { tournament_id: Some(id.as_str().to_owned()), joined: Some(joined), ..of }
}

/// Renders the answer to a command that had nothing to do; ids are the command's own.
#[must_use]
pub fn noop(noop: Noop, command: &Command) -> String {
    let (bet, tournament): (Option<&BetId>, Option<&TournamentId>) = match command {
        Command::Rollback { bet, .. } => (Some(bet), None),
        Command::Enter { tournament, .. } | Command::Leave { tournament } => {
            (None, Some(tournament))
        }
        Command::Deposit { .. }
        | Command::PlaceBet { .. }
        | Command::Play { .. }
        | Command::SettleRound { .. }
        | Command::SettleBets { .. }
        | Command::OpenSession { .. } => (None, None),
    };
    let (kind, joined) = match noop {
        Noop::AlreadyRolledBack => ("bet.rolled_back", None),
        Noop::AlreadyEntered => ("tournament.entered", Some(true)),
    };
    TransactionResult {
        kind,
        bet_id: bet.map(|id| id.as_str().to_owned()),
        tournament_id: tournament.map(|id| id.as_str().to_owned()),
        joined,
        already: Some(true),
        ..TransactionResult::default()
    }
    .json()
}

#[cfg(test)]
mod tests;
