//! What a wallet can be asked to do.

use super::event::BetRef;
use crate::ids::{BetId, GameId, ProviderId, RoundId, TournamentId};
use crate::journal::{Claim, RequestKind};
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
        /// Whether the player must have an open session on the game, in this currency.
        in_session: bool,
        /// The provider's time.
        at: Option<UnixMs>,
    },
    /// Settles every open bet of a round by the player's net result.
    SettleRound {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
        /// Σ payouts − Σ open stakes; may be negative.
        delta: Amount,
        /// Of which currency.
        currency: Currency,
    },
    /// Settles some bets of a round by id.
    SettleBets {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
        /// The results, at least one, no bet twice.
        bets: Vec<BetResult>,
        /// The currency, if the message says one.
        currency: Option<Currency>,
        /// The provider's time.
        at: Option<UnixMs>,
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
    /// Opens a session on a game; a newer one replaces an older one.
    OpenSession {
        /// The game.
        game: GameId,
        /// The session's currency.
        currency: Currency,
        /// When it ends.
        expires: UnixMs,
    },
    /// Enters a tournament.
    Enter {
        /// Which one.
        tournament: TournamentId,
        /// When it ends; the entry is forgotten a day later.
        ends: UnixMs,
    },
    /// Leaves a tournament.
    Leave {
        /// Which one.
        tournament: TournamentId,
    },
}

impl Command {
    /// The kind in the request's identity.
    #[must_use]
    pub const fn request_kind(&self) -> RequestKind {
        match self {
            Self::Deposit { .. } => RequestKind::Deposit,
            Self::PlaceBet { .. } => RequestKind::Bet,
            Self::Play { .. } => RequestKind::Play,
            Self::SettleRound { .. } | Self::SettleBets { .. } => RequestKind::Settle,
            Self::Rollback { .. } => RequestKind::Rollback,
            Self::OpenSession { .. } => RequestKind::Session,
            Self::Enter { .. } | Self::Leave { .. } => RequestKind::Entry,
        }
    }

    /// Whether it takes money from the player: refused first when the node is full, and its
    /// refusal is kept for ever.
    #[must_use]
    pub const fn takes_money(&self) -> bool {
        matches!(self, Self::PlaceBet { .. } | Self::Play { .. })
    }

    /// The provider whose command it is.
    #[must_use]
    pub const fn provider(&self) -> Option<&ProviderId> {
        match self {
            Self::PlaceBet { bet, .. } | Self::Play { bet, .. } => Some(&bet.provider),
            Self::SettleRound { provider, .. }
            | Self::SettleBets { provider, .. }
            | Self::Rollback { provider, .. } => Some(provider),
            Self::Deposit { .. }
            | Self::OpenSession { .. }
            | Self::Enter { .. }
            | Self::Leave { .. } => None,
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
        match self {
            Self::PlaceBet { bet, .. } | Self::Play { bet, .. } => {
                vec![Claim::Bet(bet.provider.clone(), bet.bet.clone())]
            }
            Self::SettleBets { provider, bets, .. } => {
                bets.iter().flat_map(|result| history(provider, &result.bet)).collect()
            }
            Self::Rollback { provider, bet, .. } => history(provider, bet).to_vec(),
            Self::Deposit { .. }
            | Self::SettleRound { .. }
            | Self::OpenSession { .. }
            | Self::Enter { .. }
            | Self::Leave { .. } => Vec::new(),
        }
    }

    /// The content that must be equal for a repeated key to be a replay. Amounts are minor
    /// units, so `10.0` equals `10.00`; times and traces are left out, since a retry may carry
    /// its own. Every variable text is length-prefixed.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut to = String::new();
        let mut put = |text: &str| {
            for part in [&text.len().to_string(), ":", text, ";"] {
                to.push_str(part);
            }
        };
        match self {
            Self::Deposit { amount, currency } => {
                put("deposit");
                put(&amount.0.to_string());
                put(currency.code());
            }
            Self::PlaceBet { bet, stake, currency, at: _ } => {
                put("bet");
                bet.canonical(&mut put);
                put(&stake.0.to_string());
                put(currency.code());
            }
            Self::Play { bet, stake, payout, currency, in_session: _, at: _ } => {
                put("play");
                bet.canonical(&mut put);
                put(&stake.0.to_string());
                put(&payout.0.to_string());
                put(currency.code());
            }
            Self::SettleRound { provider: _, round, delta, currency } => {
                put("settle");
                put(round.as_str());
                put(&delta.0.to_string());
                put(currency.code());
            }
            Self::SettleBets { provider: _, round, bets, currency, at: _ } => {
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
                }
            }
            Self::Rollback { provider: _, bet, round: _ } => {
                put("rollback");
                put(bet.as_str());
            }
            Self::OpenSession { game, currency, expires: _ } => {
                put("session");
                put(game.as_str());
                put(currency.code());
            }
            Self::Enter { tournament, ends: _ } => {
                put("enter");
                put(tournament.as_str());
            }
            Self::Leave { tournament } => {
                put("leave");
                put(tournament.as_str());
            }
        }
        to.into_bytes()
    }
}
