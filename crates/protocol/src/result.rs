//! The answer to a command, rendered from the row that carries its request.
//!
//! **Invariants:** pure; the same row gives the same bytes for ever, so that a replay years later
//! is byte for byte the first answer. Fields stand in the order of the structs here, without
//! white space. A change of any byte below breaks promises made to callers: add, never alter.

use crate::time;
use palio_domain::journal::{Row, RowKind};
use palio_domain::wallet::contest::Told;
use palio_domain::wallet::reported::{Corrected, Effect, Sums};
use palio_domain::wallet::{BetRef, Command, CorruptRow, Event, Noop, Refusal, SettlementTotals};
use palio_domain::{Amount, Currency, TournamentId, WithdrawalId};
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
    /// The withdrawal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawal_id: Option<String>,
    /// Free rounds: the campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign_id: Option<String>,
    /// Free rounds: how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// A correction's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
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
    /// A limit: from when it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<String>,
    /// A reported round: it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub void: Option<bool>,
    /// A reported round: a later version stands, so that this one changed nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded: Option<bool>,
    /// There was nothing to do: it was so before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub already: Option<bool>,
    /// A verdict about bets of several currencies: what it came to in the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<Vec<CurrencyTotals>>,
}

/// What a verdict came to in one more currency.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CurrencyTotals {
    /// How many bets.
    pub bets: u32,
    /// Their stakes.
    #[schema(example = "10.00")]
    pub staked: String,
    /// What they pay.
    #[schema(example = "10.00")]
    pub payout: String,
    /// What the player can bet with afterwards.
    #[schema(example = "90.00")]
    pub balance: String,
    /// The currency.
    #[schema(example = "USD")]
    pub currency: String,
}

impl CurrencyTotals {
    fn new(currency: Currency, totals: &SettlementTotals) -> Self {
        Self {
            bets: totals.bets,
            staked: currency.format(totals.staked),
            payout: currency.format(totals.paid),
            balance: currency.format(totals.balance),
            currency: currency.code().to_owned(),
        }
    }
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

    fn withdrawal(self, id: &WithdrawalId) -> Self {
        Self { withdrawal_id: Some(id.as_str().to_owned()), ..self }
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
    // The row's own balance is the one before a debt is repaid by the next row.
    let after = |repaid: Amount| balance()?.checked_sub(repaid).ok_or_else(|| bad("balance"));
    let of = TransactionResult::of(row);
    let result = match Event::from_row(row)? {
        Event::Deposited { amount, currency, repaid } => of.money(amount, after(repaid)?, currency),
        Event::WithdrawalAuthorised { id, amount, currency }
        | Event::WithdrawalCaptured { id, amount, currency } => {
            of.withdrawal(&id).money(amount, balance()?, currency)
        }
        Event::WithdrawalCancelled { id, amount, currency, repaid, .. } => {
            of.withdrawal(&id).money(amount, after(repaid)?, currency)
        }
        Event::Adjusted { leg, repaid, .. } => of.money(leg.amount, after(repaid)?, leg.currency),
        Event::Moved { leg, about: None, .. } => of.money(leg.amount, balance()?, leg.currency),
        Event::BetPlaced { bet, stake, currency, .. }
        | Event::BetRolledBack { bet, stake, currency, .. } => {
            // When two accounts pay, the row's own balance is the one before the second of them.
            let moved = stake.second().unwrap_or_default().0;
            let rest =
                if row.kind == RowKind::BetPlaced { -i128::from(moved) } else { moved.into() };
            let after = i64::try_from(i128::from(balance()?.0) + rest).map(Amount);
            of.bet(&bet).money(stake.amount, after.map_err(|_| bad("balance"))?, currency)
        }
        Event::BetRefused { refusal, currency, .. }
        | Event::CommandRefused { refusal, currency, .. } => {
            return Ok(Rendered::Refused { refusal, currency });
        }
        Event::BetSettled(settled) | Event::BetAmended(settled) => {
            // A row that is not the first of its command speaks for itself alone.
            let alone = SettlementTotals {
                bets: 1,
                staked: settled.stake.held(),
                paid: settled.payout,
                balance: balance()?,
            };
            let of = TransactionResult {
                version: Some(settled.version).filter(|version| *version > 1),
                ..of.bet(&settled.bet)
            };
            of.settled(&settled.totals.unwrap_or(alone), settled.currency)
        }
        Event::RoundPlayed { bet, currency, totals, .. } => of.bet(&bet).settled(&totals, currency),
        Event::WinUnmatched { about, amount, currency, totals } => {
            let of = TransactionResult {
                bet_id: about.bet.map(String::from),
                round_id: Some(about.round.as_str().to_owned()),
                ..of
            };
            match totals {
                Some(totals) if totals.bets != 1 => of.settled(&totals, currency),
                Some(totals) => of.money(amount, totals.balance, currency),
                None => of.money(amount, balance()?, currency),
            }
        }
        Event::Moved { about: Some(_), .. } => {
            return Err(bad("never the first row of a command"));
        }
        Event::BetTombstoned { bet, round, .. } => TransactionResult {
            bet_id: Some(bet.as_str().to_owned()),
            round_id: round.map(String::from),
            ..of
        },
        Event::RoundEnded { round, .. }
        | Event::RoundOverdue { round, .. }
        | Event::VerdictProposed { round, .. } => {
            TransactionResult { round_id: Some(round.as_str().to_owned()), ..of }
        }
        Event::VerdictConfirmed { round, totals, .. } => {
            let (first, others) = totals.split_first().ok_or_else(|| bad("totals"))?;
            let others: Vec<_> = others.iter().map(|(c, t)| CurrencyTotals::new(*c, t)).collect();
            TransactionResult {
                round_id: Some(round.as_str().to_owned()),
                others: Some(others).filter(|others| !others.is_empty()),
                ..of.settled(&first.1, first.0)
            }
        }
        Event::SessionOpened { game, currency, expires, provider: _ } => TransactionResult {
            game_id: Some(game.as_str().to_owned()),
            currency: Some(currency.code().to_owned()),
            expires_at: Some(time::format(expires)),
            ..of
        },
        Event::SessionClosed { game } => {
            TransactionResult { game_id: Some(game.as_str().to_owned()), ..of }
        }
        Event::LimitSet { from, .. } => {
            TransactionResult { effective_from: Some(time::format(from)), ..of }
        }
        Event::Excluded { until, .. } => {
            TransactionResult { expires_at: until.map(time::format), ..of }
        }
        Event::Readmitted { .. } => of,
        Event::FreeRoundsGranted { campaign, game, count, value, currency, expires, .. } => {
            TransactionResult {
                campaign_id: Some(campaign.as_str().to_owned()),
                count: Some(count),
                game_id: Some(game.as_str().to_owned()),
                amount: Some(currency.format(value)),
                currency: Some(currency.code().to_owned()),
                expires_at: Some(time::format(expires)),
                ..of
            }
        }
        Event::TournamentEntered { tournament, .. } => entered(of, &tournament, true),
        Event::TournamentLeft { tournament } => entered(of, &tournament, false),
        Event::Contest(told) => contest(of, &told),
        Event::ScoreReported(report) => TransactionResult {
            tournament_id: Some(report.tournament.as_str().to_owned()),
            round_id: Some(report.round.as_str().to_owned()),
            ..of
        },
    };
    Ok(Rendered::Ok(result.json()))
}

fn contest(of: TransactionResult, told: &Told) -> TransactionResult {
    let of = TransactionResult {
        tournament_id: told.tournament().map(|id| id.as_str().to_owned()),
        ..of
    };
    match told {
        Told::Held(buy_in) | Told::Released(buy_in, _) => TransactionResult {
            amount: Some(buy_in.currency.format(buy_in.price)),
            currency: Some(buy_in.currency.code().to_owned()),
            count: Some(buy_in.entry),
            ..of
        },
        Told::Seated(buy_in) => {
            TransactionResult { joined: Some(true), count: Some(buy_in.entry), ..of }
        }
        Told::Paid(award) | Told::TakenBack(award, _) => {
            let money = award.account().map(|_| award.currency.format(Amount(award.quantity)));
            let count = u32::try_from(award.quantity).ok().filter(|_| money.is_none());
            let currency = money.is_some().then(|| award.currency.code().to_owned());
            TransactionResult { amount: money, count, currency, version: Some(award.version), ..of }
        }
        Told::Reported(report) => TransactionResult {
            bet_id: Some(report.bet.bet.as_str().to_owned()),
            round_id: Some(report.bet.round.as_str().to_owned()),
            superseded: report.superseded.then_some(true),
            ..of
        },
        Told::Corrected(corrected) => {
            let Corrected { currency, now, effect, .. } = corrected;
            let money = |of: fn(&Sums) -> Amount| now.as_ref().map(|now| currency.format(of(now)));
            TransactionResult {
                bet_id: Some(corrected.bet.as_str().to_owned()),
                round_id: corrected.round.as_ref().map(|round| round.as_str().to_owned()),
                version: Some(corrected.version),
                staked: money(|now| now.stake),
                payout: money(|now| now.payout),
                currency: now.is_some().then(|| currency.code().to_owned()),
                void: now.is_none().then_some(true),
                superseded: (*effect == Effect::Superseded).then_some(true),
                ..of
            }
        }
        Told::Profile(..) => of,
    }
}

fn entered(of: TransactionResult, id: &TournamentId, joined: bool) -> TransactionResult {
    TransactionResult { tournament_id: Some(id.as_str().to_owned()), joined: Some(joined), ..of }
}

/// The answer to the opening of a session, with the token that names it; not kept, but made again
/// from the same row, so a repeat gets the same one.
#[must_use]
pub fn with_token(result: &str, token: &str) -> String {
    match result.strip_suffix('}') {
        // A token is visible ASCII without quotes.
        Some(open) => format!("{open},\"sessionToken\":\"{token}\"}}"),
        None => result.to_owned(),
    }
}

/// Renders the answer to a command that had nothing to do; ids are the command's own.
#[must_use]
pub fn noop(noop: Noop, command: &Command) -> String {
    let (mut bet, mut round, mut tournament) = (None, None, None);
    match command {
        Command::Rollback { bet: of, .. } => bet = Some(of),
        Command::Enter { tournament: of, .. } | Command::Leave { tournament: of } => {
            tournament = Some(of);
        }
        Command::EndRound { round: of, .. } | Command::MarkOverdue { round: of, .. } => {
            round = Some(of);
        }
        _ => {}
    }
    let (kind, joined) = match noop {
        Noop::AlreadyRolledBack => ("bet.rolled_back", None),
        Noop::AlreadyEntered => ("tournament.entered", Some(true)),
        Noop::AlreadyHeld => ("buy_in.held", None),
        Noop::AlreadyEnded => ("round.ended", None),
        Noop::NotLate => ("round.overdue", None),
    };
    TransactionResult {
        kind,
        bet_id: bet.map(|id| id.as_str().to_owned()),
        round_id: round.map(|id| id.as_str().to_owned()),
        tournament_id: tournament.map(|id| id.as_str().to_owned()),
        joined,
        already: Some(true),
        ..TransactionResult::default()
    }
    .json()
}

#[cfg(test)]
mod tests;
