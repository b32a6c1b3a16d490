//! What a provider expects where providers want opposite things, and what was agreed with it.
//!
//! The ledger has one behaviour; a profile only chooses among the answers to it.

use crate::config::{
    self, AmendPolicy, FundingOrder, LatePolicy, OverduePolicy, SessionPolicy, WinPolicy,
};
use palio_domain::wallet::{Amend, Funding, LateBet, SessionRule, Terms, UnmatchedWin};
use palio_domain::{Amount, Currency};
use std::collections::HashMap;

/// A provider's expectations.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// Status of a replay: 409, or 200.
    pub replay_status: u16,
    /// Whether every bet needs an open session.
    pub session_required: bool,
    /// A round is overdue after so many milliseconds; `None`: never.
    pub overdue_ms: Option<i64>,
    /// Whether an overdue round is voided without asking a person.
    pub overdue_void: bool,
    stake_min: HashMap<Currency, Amount>,
    /// Currencies that its tenant offers; empty: all.
    offered: Vec<Currency>,
    terms: Terms,
}

impl Profile {
    /// As configured; `offered`: the currencies of its tenant, empty for all.
    #[must_use]
    pub fn new(of: &config::Provider, offered: &[Currency]) -> Self {
        let minimum = |(currency, text): (&Currency, &String)| {
            // Checked when the configuration was read.
            currency.amount_not_negative(text).ok().map(|amount| (*currency, amount))
        };
        Self {
            replay_status: of.replay_status.unwrap_or(409),
            session_required: of.sessions == Some(SessionPolicy::Required),
            overdue_ms: (of.overdue_seconds > 0).then(|| i64::from(of.overdue_seconds) * 1_000),
            overdue_void: of.overdue == OverduePolicy::Void,
            stake_min: of.stake_min.iter().filter_map(minimum).collect(),
            offered: offered.to_vec(),
            terms: Terms {
                away: false,
                session: SessionRule::None,
                stake_min: Amount::ZERO,
                spin_ms_min: i64::from(of.spin_ms_min),
                funding: match of.funding {
                    FundingOrder::CashFirst => Funding::CashFirst,
                    FundingOrder::BonusFirst => Funding::BonusFirst,
                },
                late_bet: match of.late_bet.unwrap_or_default() {
                    LatePolicy::Refuse => LateBet::Refuse,
                    LatePolicy::Accept => LateBet::Accept,
                },
                unmatched_win: match of.unmatched_win.unwrap_or_default() {
                    WinPolicy::Refuse => UnmatchedWin::Refuse,
                    WinPolicy::Promo => UnmatchedWin::Promo,
                },
                amend: match of.amend.unwrap_or_default() {
                    AmendPolicy::ByRound => Amend::ByRound,
                    AmendPolicy::Replace => Amend::Replace,
                    AmendPolicy::Add => Amend::Add,
                    AmendPolicy::Refuse => Amend::Refuse,
                },
                foreign: false,
            },
        }
    }

    /// The terms of a command in this currency.
    #[must_use]
    pub fn terms(&self, currency: Option<Currency>) -> Terms {
        let stake_min = currency.and_then(|currency| self.stake_min.get(&currency)).copied();
        let offers = |currency| self.offered.is_empty() || self.offered.contains(&currency);
        let foreign = currency.is_some_and(|currency| !offers(currency));
        Terms { stake_min: stake_min.unwrap_or_default(), foreign, ..self.terms }
    }
}
