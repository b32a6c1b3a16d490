//! What a wallet can be asked to do.

use super::contest::{self, Act};
use super::event::BetRef;
use super::protection::{ExclusionKind, LimitKind, Period};
use super::scored::Report;
use super::terms::{Terms, UnmatchedWin};
use crate::ids::{
    BetId, CampaignId, GameId, ProviderId, RoundId, Slot, TournamentId, WithdrawalId,
};
use crate::journal::{Account, Claim, RequestKind, transaction_id};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};

/// How a bet ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// It paid something.
    Win,
    /// It paid nothing.
    Lose,
    /// It does not count: the payout is the stake.
    Void,
}

/// One bet's result inside a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BetResult {
    /// The bet.
    pub bet: BetId,
    /// The stake as the provider has it; must be the held one.
    pub stake: Option<Amount>,
    /// What it pays, ≥ 0.
    pub payout: Amount,
    /// How it ended, if said; must fit the payout.
    pub outcome: Option<Outcome>,
    /// 1 for the first result, n + 1 for a correction of the n-th; `None`: not said.
    pub version: Option<u32>,
}

/// How the desk ends an overdue round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Every open bet gets its stake back.
    Void,
    /// As a settle of the round would: the bets of one currency, by their net result.
    Settle {
        /// Σ payouts − Σ open stakes; may be negative.
        delta: Amount,
        /// Of which currency.
        currency: Currency,
    },
}

/// What ends a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithdrawalEnd {
    /// The money has left.
    Captured,
    /// The money comes back.
    Cancelled,
}

/// A command to one player's wallet. Amounts are minor units, ≥ 0 unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Takes money in from outside.
    Deposit {
        /// How much, > 0.
        amount: Amount,
        /// Of which currency.
        currency: Currency,
    },
    /// Locks money until the withdrawal ends.
    AuthoriseWithdrawal {
        /// The operator's id of it.
        id: WithdrawalId,
        /// How much, > 0.
        amount: Amount,
        /// Of which currency.
        currency: Currency,
    },
    /// Ends a withdrawal.
    EndWithdrawal {
        /// Which one.
        id: WithdrawalId,
        /// How.
        end: WithdrawalEnd,
        /// Why, when it is cancelled.
        reason: Box<str>,
    },
    /// An operator's correction, always an addition.
    Adjust {
        /// `Cash` (against the house) or `Bonus` (against promotions).
        account: Account,
        /// More (> 0) or less (< 0).
        amount: Amount,
        /// Of which currency.
        currency: Currency,
        /// Why.
        reason: Box<str>,
        /// Who.
        author: Box<str>,
    },
    /// Holds a stake.
    PlaceBet {
        /// Which bet.
        bet: BetRef,
        /// The stake.
        stake: Amount,
        /// Of which currency.
        currency: Currency,
        /// The provider's time.
        at: Option<UnixMs>,
        /// The campaign that pays for it instead of the player.
        free: Option<CampaignId>,
        /// Part of a feature: its stake must be that of the round's open bets.
        feature: bool,
        /// The provider's terms.
        terms: Terms,
    },
    /// Takes a stake and pays a payout at once.
    Play {
        /// Which bet.
        bet: BetRef,
        /// The stake.
        stake: Amount,
        /// The payout.
        payout: Amount,
        /// Of which currency.
        currency: Currency,
        /// The provider's time.
        at: Option<UnixMs>,
        /// As of [`Command::PlaceBet`].
        feature: bool,
        /// The provider's terms.
        terms: Terms,
    },
    /// Settles every open bet of a round by the player's net result; of a settled round it
    /// corrects the result.
    SettleRound {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
        /// Σ payouts − Σ open stakes; may be negative.
        delta: Amount,
        /// `delta` is Σ payouts instead: a win that names only its round.
        gross: bool,
        /// Of which currency.
        currency: Currency,
        /// As of [`BetResult::version`].
        version: Option<u32>,
        /// The provider's terms.
        terms: Terms,
    },
    /// Settles some bets of a round by id, or corrects their results.
    SettleBets {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
        /// The game, for a win without a bet.
        game: Option<GameId>,
        /// The results, at least one, no bet twice.
        bets: Vec<BetResult>,
        /// The currency, if the message says one.
        currency: Option<Currency>,
        /// The provider's time.
        at: Option<UnixMs>,
        /// The provider's terms.
        terms: Terms,
    },
    /// Gives a stake back, or stops a bet that has not come yet.
    Rollback {
        /// Whose bet.
        provider: ProviderId,
        /// Which bet.
        bet: BetId,
        /// Which round, if said.
        round: Option<RoundId>,
    },
    /// The round is over: no bet of it may be open, and none may come.
    EndRound {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
    },
    /// The round's result is overdue if a bet of it is still open.
    MarkOverdue {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
        /// Bets placed after this are not late yet.
        before: UnixMs,
        /// Give the stakes back at once: the provider's profile says that no result can come.
        void: bool,
    },
    /// The desk proposes how an overdue round ends.
    ProposeVerdict {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
        /// How.
        verdict: Verdict,
        /// Why.
        reason: Box<str>,
        /// Who.
        author: Box<str>,
    },
    /// A second person confirms it.
    ConfirmVerdict {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
        /// The proposal's row: what was seen, and is confirmed.
        proposal: (Slot, u64),
        /// Who; not the one who proposed.
        author: Box<str>,
    },
    /// Opens a session on a game; a newer one replaces an older one.
    OpenSession {
        /// Whose game it is.
        provider: Option<ProviderId>,
        /// The game.
        game: GameId,
        /// The session's currency.
        currency: Currency,
        /// When it ends.
        expires: UnixMs,
        /// The provider takes no new sessions now (requirement G4).
        away: bool,
    },
    /// Closes the session on a game.
    CloseSession {
        /// The game.
        game: GameId,
        /// Which one: a newer session is not closed by an older one's end.
        number: u64,
    },
    /// Sets or removes a limit. Lowering is at once; a raise waits.
    SetLimit {
        /// What it bounds.
        kind: LimitKind,
        /// Over which window.
        period: Period,
        /// Of which currency; `None` for time.
        currency: Option<Currency>,
        /// Minor units or minutes; `None` removes it.
        value: Option<i64>,
        /// How long a raise waits, in milliseconds.
        raise_wait_ms: i64,
        /// Who.
        author: Box<str>,
    },
    /// Excludes the player from play. A player's own exclusion can only be made longer.
    Exclude {
        /// Which kind.
        kind: ExclusionKind,
        /// Its end; `None`: for ever. Without meaning for a block.
        until: Option<UnixMs>,
        /// Why.
        reason: Box<str>,
        /// Who.
        author: Box<str>,
        /// The platform that says so: its keys are its own. `None`: a person says so here.
        provider: Option<ProviderId>,
    },
    /// Lifts the operator's own block.
    Readmit {
        /// Why.
        reason: Box<str>,
        /// Who.
        author: Box<str>,
    },
    /// Grants free rounds; a campaign grants once.
    GrantFreeRounds {
        /// The campaign.
        campaign: CampaignId,
        /// On whose games.
        provider: ProviderId,
        /// On which game.
        game: GameId,
        /// How many.
        count: u32,
        /// Stake of each.
        value: Amount,
        /// Of which currency.
        currency: Currency,
        /// Until when they can be played.
        expires: UnixMs,
        /// Who.
        author: Box<str>,
    },
    /// Enters a tournament.
    Enter {
        /// Which one.
        tournament: TournamentId,
        /// When it ends; the entry is forgotten a day later.
        ends: UnixMs,
    },
    /// Journals points of a tournament that a provider reports.
    Report(Report),
    /// A buy-in, a seat, a prize.
    Contest(Box<contest::Act>),
    /// Leaves a tournament.
    Leave {
        /// Which one.
        tournament: TournamentId,
    },
}

/// Marks a bet inside a feature in its content: no campaign's id has a space.
const FEATURE: &str = "in a feature";

impl Command {
    /// The kind in the request's identity.
    #[must_use]
    pub const fn request_kind(&self) -> RequestKind {
        match self {
            Self::Deposit { .. } => RequestKind::Deposit,
            Self::AuthoriseWithdrawal { .. } | Self::EndWithdrawal { .. } => {
                RequestKind::Withdrawal
            }
            Self::Adjust { .. } => RequestKind::Adjustment,
            Self::PlaceBet { .. } => RequestKind::Bet,
            Self::Play { .. } => RequestKind::Play,
            Self::SettleRound { .. } | Self::SettleBets { .. } => RequestKind::Settle,
            Self::Rollback { .. } => RequestKind::Rollback,
            Self::EndRound { .. }
            | Self::MarkOverdue { .. }
            | Self::ProposeVerdict { .. }
            | Self::ConfirmVerdict { .. } => RequestKind::Round,
            Self::OpenSession { .. } | Self::CloseSession { .. } => RequestKind::Session,
            Self::SetLimit { .. } | Self::Exclude { .. } | Self::Readmit { .. } => {
                RequestKind::Protection
            }
            Self::GrantFreeRounds { .. } => RequestKind::FreeRounds,
            Self::Enter { .. } | Self::Leave { .. } => RequestKind::Entry,
            Self::Report(_) => RequestKind::Report,
            Self::Contest(act) => match &**act {
                Act::Correct(_) => RequestKind::Correction,
                _ => RequestKind::Contest,
            },
        }
    }

    /// Its name in metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Deposit { .. } => "deposit",
            Self::AuthoriseWithdrawal { .. } | Self::EndWithdrawal { .. } => "withdrawal",
            Self::Adjust { .. } => "adjustment",
            Self::PlaceBet { .. } => "debit",
            Self::Play { .. } => "play",
            Self::SettleRound { .. } | Self::SettleBets { .. } => "settle",
            Self::Rollback { .. } => "rollback",
            Self::EndRound { .. } => "end_round",
            Self::MarkOverdue { .. } => "overdue",
            Self::ProposeVerdict { .. } | Self::ConfirmVerdict { .. } => "verdict",
            Self::OpenSession { .. } | Self::CloseSession { .. } => "session",
            Self::SetLimit { .. } => "limit",
            Self::Exclude { .. } | Self::Readmit { .. } => "exclusion",
            Self::GrantFreeRounds { .. } => "free_rounds",
            Self::Enter { .. } | Self::Leave { .. } => "entry",
            Self::Report(_) => "report",
            Self::Contest(act) => match &**act {
                Act::Hold { .. } | Act::TakeSeat { .. } | Act::Release { .. } => "buy_in",
                Act::Pay { .. } | Act::TakeBack { .. } => "prize",
                Act::SetProfile { .. } => "profile",
                Act::Report(_) => "round_report",
                Act::Correct(_) => "round_correction",
            },
        }
    }

    /// Whether it is a bet: refused first when the node is full.
    #[must_use]
    pub const fn is_bet(&self) -> bool {
        matches!(self, Self::PlaceBet { .. } | Self::Play { .. })
    }

    /// The currency of a provider's command, if it says one.
    #[must_use]
    pub const fn currency(&self) -> Option<Currency> {
        match self {
            Self::PlaceBet { currency, .. }
            | Self::Play { currency, .. }
            | Self::SettleRound { currency, .. } => Some(*currency),
            Self::SettleBets { currency, .. } => *currency,
            _ => None,
        }
    }

    /// The terms of its provider, of the commands that have them.
    pub const fn terms_mut(&mut self) -> Option<&mut Terms> {
        match self {
            Self::PlaceBet { terms, .. }
            | Self::Play { terms, .. }
            | Self::SettleRound { terms, .. }
            | Self::SettleBets { terms, .. } => Some(terms),
            _ => None,
        }
    }

    /// The provider whose command it is; the desk's and the operator's have none.
    #[must_use]
    pub fn provider(&self) -> Option<&ProviderId> {
        match self {
            Self::PlaceBet { bet, .. } | Self::Play { bet, .. } => Some(&bet.provider),
            Self::SettleRound { provider, .. }
            | Self::SettleBets { provider, .. }
            | Self::Rollback { provider, .. }
            | Self::EndRound { provider, .. }
            | Self::Exclude { provider: Some(provider), .. } => Some(provider),
            Self::Report(report) => Some(&report.provider),
            Self::Contest(act) => match &**act {
                Act::Report(report) => Some(&report.bet.provider),
                Act::Correct(correction) => Some(&correction.provider),
                _ => None,
            },
            _ => None,
        }
    }

    /// The round whose whole history this command may need.
    #[must_use]
    pub const fn round(&self) -> Option<(&ProviderId, &RoundId)> {
        match self {
            Self::SettleRound { provider, round, .. } => Some((provider, round)),
            _ => None,
        }
    }

    /// The claims whose history this command must know when the wallet itself does not.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        let history = |provider: &ProviderId, bet: &BetId| {
            [
                Claim::Bet(provider.clone(), bet.clone()),
                Claim::BetClosed(provider.clone(), bet.clone(), 1),
            ]
        };
        let unmatched =
            |provider: &ProviderId, bet: &BetId| Claim::WinUnmatched(provider.clone(), bet.clone());
        let rounds = |provider: &ProviderId, bet: &BetId| {
            let (provider, bet) = (provider.clone(), bet.clone());
            let first = Claim::RoundCorrected(provider.clone(), bet.clone(), 1);
            vec![Claim::Bet(provider, bet), first]
        };
        // Where wins are not paid without their bets, there is none to be found.
        let pays_unmatched = |terms: &Terms| terms.unmatched_win == UnmatchedWin::Promo;
        match self {
            Self::PlaceBet { bet, terms, .. } | Self::Play { bet, terms, .. } => {
                let mut claims = vec![
                    Claim::Bet(bet.provider.clone(), bet.bet.clone()),
                    Claim::RoundEnded(bet.provider.clone(), bet.round.clone()),
                ];
                claims.extend(pays_unmatched(terms).then(|| unmatched(&bet.provider, &bet.bet)));
                claims
            }
            Self::SettleBets { provider, bets, terms, .. } => {
                let of = |result: &BetResult| {
                    let win = pays_unmatched(terms).then(|| unmatched(provider, &result.bet));
                    history(provider, &result.bet).into_iter().chain(win)
                };
                bets.iter().flat_map(of).collect()
            }
            Self::Rollback { provider, bet, .. } => {
                let [placed, closed] = history(provider, bet);
                vec![placed, closed, unmatched(provider, bet)]
            }
            Self::EndRound { provider, round } => {
                vec![Claim::RoundEnded(provider.clone(), round.clone())]
            }
            Self::AuthoriseWithdrawal { id, .. } => vec![Claim::Withdrawal(id.clone())],
            Self::EndWithdrawal { id, .. } => {
                vec![Claim::Withdrawal(id.clone()), Claim::WithdrawalEnded(id.clone())]
            }
            Self::GrantFreeRounds { campaign, .. } => vec![Claim::FreeRounds(campaign.clone())],
            Self::Contest(act) => match &**act {
                Act::Pay { award, .. } | Act::TakeBack { award } => {
                    vec![Claim::Prize(award.tournament.clone(), award.version, award.line)]
                }
                Act::Report(report) => rounds(&report.bet.provider, &report.bet.bet),
                Act::Correct(correction) => rounds(&correction.provider, &correction.bet),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// The content that must be equal for a repeated key to be a replay. Amounts are minor
    /// units, so `10.0` equals `10.00`; times, traces and terms are left out, since a retry may
    /// come with others. Every variable text is length-prefixed.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut to = String::with_capacity(96);
        let mut put = |text: &str| {
            use std::fmt::Write as _;
            // Writing to a String can't fail.
            let _ok = write!(to, "{}:{text};", text.len());
        };
        match self {
            Self::Deposit { amount, currency } => {
                put("deposit");
                put(&amount.0.to_string());
                put(currency.code());
            }
            Self::AuthoriseWithdrawal { id, amount, currency } => {
                put("withdraw");
                put(id.as_str());
                put(&amount.0.to_string());
                put(currency.code());
            }
            Self::EndWithdrawal { id, end, reason: _ } => {
                put(match end {
                    WithdrawalEnd::Captured => "capture",
                    WithdrawalEnd::Cancelled => "cancel",
                });
                put(id.as_str());
            }
            Self::Adjust { account, amount, currency, reason, author: _ } => {
                put("adjust");
                put(account.name());
                put(&amount.0.to_string());
                put(currency.code());
                put(reason);
            }
            Self::PlaceBet { bet, stake, currency, at: _, free, feature, terms: _ } => {
                put("bet");
                bet.canonical(&mut put);
                put(&stake.0.to_string());
                put(currency.code());
                if let Some(campaign) = free {
                    put(campaign.as_str());
                }
                if *feature {
                    put(FEATURE);
                }
            }
            Self::Play { bet, stake, payout, currency, at: _, feature, terms: _ } => {
                put("play");
                bet.canonical(&mut put);
                put(&stake.0.to_string());
                put(&payout.0.to_string());
                put(currency.code());
                if *feature {
                    put(FEATURE);
                }
            }
            Self::SettleRound { provider: _, round, delta, gross, currency, version, terms: _ } => {
                put(if *gross { "pay" } else { "settle" });
                put(round.as_str());
                put(&delta.0.to_string());
                put(currency.code());
                if let Some(version) = version.filter(|version| *version > 1) {
                    put(&version.to_string());
                }
            }
            Self::SettleBets { provider: _, round, game: _, bets, currency, at: _, terms: _ } => {
                put("settle bets");
                put(round.as_str());
                put(currency.as_ref().map_or("", Currency::code));
                for result in bets {
                    put(result.bet.as_str());
                    put(&result.stake.map_or_else(String::new, |stake| stake.0.to_string()));
                    put(&result.payout.0.to_string());
                    put(result.outcome.map_or("", |outcome| match outcome {
                        Outcome::Win => "win",
                        Outcome::Lose => "lose",
                        Outcome::Void => "void",
                    }));
                    // The first result may say so or not.
                    if let Some(version) = result.version.filter(|version| *version > 1) {
                        put(&version.to_string());
                    }
                }
            }
            Self::Rollback { provider: _, bet, round: _ } => {
                put("rollback");
                put(bet.as_str());
            }
            Self::EndRound { provider: _, round } => {
                put("end round");
                put(round.as_str());
            }
            Self::MarkOverdue { provider, round, before: _, void: _ } => {
                put("overdue");
                put(provider.as_str());
                put(round.as_str());
            }
            Self::ProposeVerdict { provider, round, verdict, reason, author } => {
                put("propose");
                put(provider.as_str());
                put(round.as_str());
                match verdict {
                    Verdict::Void => put("void"),
                    Verdict::Settle { delta, currency } => {
                        put(&delta.0.to_string());
                        put(currency.code());
                    }
                }
                put(reason);
                put(author);
            }
            Self::ConfirmVerdict { provider, round, proposal, author } => {
                put("confirm");
                put(provider.as_str());
                put(round.as_str());
                put(&transaction_id(proposal.0, proposal.1));
                put(author);
            }
            Self::OpenSession { provider, game, currency, expires: _, away: _ } => {
                put("session");
                put(game.as_str());
                put(currency.code());
                if let Some(provider) = provider {
                    put(provider.as_str());
                }
            }
            Self::CloseSession { game, number } => {
                put("close session");
                put(game.as_str());
                put(&number.to_string());
            }
            Self::SetLimit { kind, period, currency, value, raise_wait_ms: _, author: _ } => {
                put("limit");
                put(&format!("{kind:?} {period:?} {value:?}"));
                put(currency.as_ref().map_or("", Currency::code));
            }
            Self::Exclude { kind, until, reason: _, author: _, provider: _ } => {
                put("exclude");
                put(&format!("{kind:?} {until:?}"));
            }
            Self::Readmit { .. } => put("readmit"),
            Self::GrantFreeRounds { campaign, provider, game, count, value, currency, .. } => {
                put("free rounds");
                put(campaign.as_str());
                put(provider.as_str());
                put(game.as_str());
                put(&count.to_string());
                put(&value.0.to_string());
                put(currency.code());
            }
            Self::Enter { tournament, ends: _ } => {
                put("enter");
                put(tournament.as_str());
            }
            Self::Report(report) => {
                put("report");
                put(report.provider.as_str());
                put(report.id.as_str());
                put(report.round.as_str());
                put(report.tournament.as_str());
                put(&report.points.to_string());
                put(&report.place.to_string());
            }
            Self::Contest(act) => contest::canonical(act, &mut put),
            Self::Leave { tournament } => {
                put("leave");
                put(tournament.as_str());
            }
        }
        to.into_bytes()
    }
}
