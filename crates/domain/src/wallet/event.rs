//! What became true in a wallet, and how it is written as a journal row.

use super::command::Outcome;
use super::refusal::Refusal;
use crate::ids::{BetId, GameId, PlayerId, ProviderId, RoundId, TournamentId};
use crate::journal::{Account, Claim, Leg, Row, RowKind};
use crate::money::{Amount, Currency};
use crate::time::{EVENT_TIME_TOLERANCE_MS, UnixMs, event_time};
use serde::{Deserialize, Serialize};

/// Which bet of which round of which game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BetRef {
    /// Whose.
    pub provider: ProviderId,
    /// The bet.
    pub bet: BetId,
    /// Its round.
    pub round: RoundId,
    /// Its game.
    pub game: GameId,
}

impl BetRef {
    pub(super) fn canonical(&self, put: &mut impl FnMut(&str)) {
        put(self.bet.as_str());
        put(self.round.as_str());
        put(self.game.as_str());
    }
}

/// Totals of a settlement; they stand on the first row of a request, which carries its identity,
/// so that the answer can be rendered from that row alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementTotals {
    /// Bets settled by the request.
    #[serde(rename = "n")]
    pub bets: u32,
    /// Σ stakes, minor units.
    #[serde(rename = "s")]
    pub staked: Amount,
    /// Σ payouts, minor units.
    #[serde(rename = "p")]
    pub paid: Amount,
    /// Spendable balance after the whole request, minor units.
    #[serde(rename = "b")]
    pub balance: Amount,
}

/// One event is one row is at most one transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// external → cash.
    Deposited {
        /// How much.
        amount: Amount,
        /// Of which currency.
        currency: Currency,
    },
    /// cash → held.
    BetPlaced {
        /// Which bet.
        bet: BetRef,
        /// The stake.
        stake: Amount,
        /// Of which currency.
        currency: Currency,
        /// The provider's time.
        at: Option<UnixMs>,
    },
    /// No transfer; the bet's id stays refused.
    BetRefused {
        /// Which bet.
        bet: BetRef,
        /// The stake that was asked for.
        stake: Amount,
        /// Of which currency.
        currency: Currency,
        /// Why.
        refusal: Refusal,
    },
    /// held → house.
    BetSettled {
        /// Which bet.
        bet: BetRef,
        /// The stake.
        stake: Amount,
        /// What this bet pays (moved by the [`Event::WinPaid`] that follows).
        payout: Amount,
        /// Of which currency.
        currency: Currency,
        /// How it ended.
        outcome: Outcome,
        /// Event time of the bet's placement.
        started: UnixMs,
        /// Seq of the bet's placement.
        placed_seq: u64,
        /// The provider's time of the result.
        at: Option<UnixMs>,
        /// On the first row of a request only.
        totals: Option<SettlementTotals>,
    },
    /// house → cash.
    WinPaid {
        /// Whose.
        provider: ProviderId,
        /// For which round.
        round: RoundId,
        /// The bet, when the request was about one.
        bet: Option<BetId>,
        /// The game.
        game: GameId,
        /// How much.
        amount: Amount,
        /// Of which currency.
        currency: Currency,
    },
    /// held → cash.
    BetRolledBack {
        /// Which bet.
        bet: BetRef,
        /// The stake.
        stake: Amount,
        /// Of which currency.
        currency: Currency,
    },
    /// No transfer; the bet's id is used up.
    BetTombstoned {
        /// Whose.
        provider: ProviderId,
        /// Which bet.
        bet: BetId,
        /// Its round, if said.
        round: Option<RoundId>,
    },
    /// cash → house; a [`Event::WinPaid`] follows when it paid.
    RoundPlayed {
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
        /// The result of the whole request.
        totals: SettlementTotals,
    },
    /// No transfer.
    SessionOpened {
        /// The game.
        game: GameId,
        /// Its currency.
        currency: Currency,
        /// When it ends.
        expires: UnixMs,
    },
    /// No transfer.
    TournamentEntered {
        /// Which one.
        tournament: TournamentId,
        /// When it ends.
        ends: UnixMs,
    },
    /// No transfer.
    TournamentLeft {
        /// Which one.
        tournament: TournamentId,
    },
}

/// What columns do not hold, per kind. Field order is part of the stored bytes.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Payload {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stake: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payout: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    placed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    totals: Option<SettlementTotals>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<UnixMs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tournament: Option<TournamentId>,
}

impl Payload {
    fn bytes(&self) -> Box<[u8]> {
        // A struct of plain fields always serialises.
        match serde_json::to_vec(self) {
            Ok(bytes) if bytes == b"{}" => Box::default(),
            Ok(bytes) => bytes.into_boxed_slice(),
            Err(_) => Box::default(),
        }
    }
}

/// Columns of an event that are not its position, request or balance.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) provider: Option<ProviderId>,
    pub(crate) bet: Option<BetId>,
    pub(crate) round: Option<RoundId>,
    pub(crate) game: Option<GameId>,
    pub(crate) payload: Box<[u8]>,
}

/// A row that is not what its kind says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {slot:02x}/{seq} is not a readable {kind}: {field}")]
pub struct CorruptRow {
    /// The slot.
    pub slot: u8,
    /// The seq.
    pub seq: u64,
    /// Its kind.
    pub kind: &'static str,
    /// What is missing or wrong.
    pub field: &'static str,
}

impl Event {
    /// The kind of row this is.
    #[must_use]
    pub const fn kind(&self) -> RowKind {
        match self {
            Self::Deposited { .. } => RowKind::Deposited,
            Self::BetPlaced { .. } => RowKind::BetPlaced,
            Self::BetRefused { .. } => RowKind::BetRefused,
            Self::BetSettled { .. } => RowKind::BetSettled,
            Self::WinPaid { .. } => RowKind::WinPaid,
            Self::BetRolledBack { .. } => RowKind::BetRolledBack,
            Self::BetTombstoned { .. } => RowKind::BetTombstoned,
            Self::RoundPlayed { .. } => RowKind::RoundPlayed,
            Self::SessionOpened { .. } => RowKind::SessionOpened,
            Self::TournamentEntered { .. } => RowKind::TournamentEntered,
            Self::TournamentLeft { .. } => RowKind::TournamentLeft,
        }
    }

    /// The transfer, if money moves.
    #[must_use]
    pub const fn leg(&self) -> Option<Leg> {
        let (debit, credit, amount, currency) = match self {
            Self::Deposited { amount, currency } => {
                (Account::External, Account::Cash, *amount, *currency)
            }
            Self::BetPlaced { stake, currency, .. } => {
                (Account::Cash, Account::Held, *stake, *currency)
            }
            Self::BetSettled { stake, currency, .. } => {
                (Account::Held, Account::House, *stake, *currency)
            }
            Self::WinPaid { amount, currency, .. } => {
                (Account::House, Account::Cash, *amount, *currency)
            }
            Self::BetRolledBack { stake, currency, .. } => {
                (Account::Held, Account::Cash, *stake, *currency)
            }
            Self::RoundPlayed { stake, currency, .. } => {
                (Account::Cash, Account::House, *stake, *currency)
            }
            Self::BetRefused { .. }
            | Self::BetTombstoned { .. }
            | Self::SessionOpened { .. }
            | Self::TournamentEntered { .. }
            | Self::TournamentLeft { .. } => return None,
        };
        Some(Leg { debit, credit, amount, currency })
    }

    /// The currency whose balance stands on the row.
    #[must_use]
    pub const fn balance_currency(&self) -> Option<Currency> {
        match self {
            Self::BetRefused { currency, .. } => Some(*currency),
            other => match other.leg() {
                Some(leg) => Some(leg.currency),
                None => None,
            },
        }
    }

    /// What the row claims.
    #[must_use]
    pub fn claim(&self) -> Option<Claim> {
        match self {
            Self::BetPlaced { bet, .. }
            | Self::BetRefused { bet, .. }
            | Self::RoundPlayed { bet, .. } => {
                Some(Claim::Bet(bet.provider.clone(), bet.bet.clone()))
            }
            Self::BetTombstoned { provider, bet, .. } => {
                Some(Claim::Bet(provider.clone(), bet.clone()))
            }
            Self::BetSettled { bet, .. } | Self::BetRolledBack { bet, .. } => {
                Some(Claim::BetClosed(bet.provider.clone(), bet.bet.clone(), 1))
            }
            Self::Deposited { .. }
            | Self::WinPaid { .. }
            | Self::SessionOpened { .. }
            | Self::TournamentEntered { .. }
            | Self::TournamentLeft { .. } => None,
        }
    }

    pub(crate) fn columns(&self) -> Columns {
        let none = Payload::default;
        let (bet_ref, payload) = match self {
            Self::Deposited { .. } => (None, none()),
            Self::BetPlaced { bet, at, .. } => (Some(bet), Payload { at: *at, ..none() }),
            Self::BetRefused { bet, stake, currency, refusal } => (
                Some(bet),
                Payload {
                    stake: Some(*stake),
                    currency: Some(*currency),
                    refusal: Some(*refusal),
                    ..none()
                },
            ),
            Self::BetSettled { bet, payout, outcome, started, placed_seq, at, totals, .. } => (
                Some(bet),
                Payload {
                    at: *at,
                    payout: Some(*payout),
                    outcome: Some(*outcome),
                    started: Some(*started),
                    placed: Some(*placed_seq),
                    totals: *totals,
                    ..none()
                },
            ),
            Self::WinPaid { provider, round, bet, game, .. } => {
                return Columns {
                    provider: Some(provider.clone()),
                    bet: bet.clone(),
                    round: Some(round.clone()),
                    game: Some(game.clone()),
                    payload: Box::default(),
                };
            }
            Self::BetRolledBack { bet, .. } => (Some(bet), none()),
            Self::BetTombstoned { provider, bet, round } => {
                return Columns {
                    provider: Some(provider.clone()),
                    bet: Some(bet.clone()),
                    round: round.clone(),
                    game: None,
                    payload: Box::default(),
                };
            }
            Self::RoundPlayed { bet, payout, at, totals, .. } => (
                Some(bet),
                Payload { at: *at, payout: Some(*payout), totals: Some(*totals), ..none() },
            ),
            Self::SessionOpened { game, currency, expires } => {
                return Columns {
                    provider: None,
                    bet: None,
                    round: None,
                    game: Some(game.clone()),
                    payload: Payload {
                        currency: Some(*currency),
                        expires: Some(*expires),
                        ..none()
                    }
                    .bytes(),
                };
            }
            Self::TournamentEntered { tournament, ends } => (
                None,
                Payload { expires: Some(*ends), tournament: Some(tournament.clone()), ..none() },
            ),
            Self::TournamentLeft { tournament } => {
                (None, Payload { tournament: Some(tournament.clone()), ..none() })
            }
        };
        Columns {
            provider: bet_ref.map(|bet| bet.provider.clone()),
            bet: bet_ref.map(|bet| bet.bet.clone()),
            round: bet_ref.map(|bet| bet.round.clone()),
            game: bet_ref.map(|bet| bet.game.clone()),
            payload: payload.bytes(),
        }
    }

    /// Reads a player's row back.
    ///
    /// # Errors
    /// [`CorruptRow`] when a column or payload field that the kind needs is missing.
    pub fn from_row(row: &Row) -> Result<Self, CorruptRow> {
        let bad =
            |field| CorruptRow { slot: row.slot.0, seq: row.seq, kind: row.kind.name(), field };
        let payload: Payload = if row.payload.is_empty() {
            Payload::default()
        } else {
            serde_json::from_slice(&row.payload).map_err(|_| bad("payload"))?
        };
        let provider = || row.provider.clone().ok_or_else(|| bad("provider"));
        let bet_id = || row.bet.clone().ok_or_else(|| bad("bet"));
        let round = || row.round.clone().ok_or_else(|| bad("round"));
        let game = || row.game.clone().ok_or_else(|| bad("game"));
        let bet =
            || Ok(BetRef { provider: provider()?, bet: bet_id()?, round: round()?, game: game()? });
        let leg = || row.leg.ok_or_else(|| bad("leg"));
        let payout = || payload.payout.ok_or_else(|| bad("payout"));
        let tournament = || payload.tournament.clone().ok_or_else(|| bad("tournament"));
        let expires = || payload.expires.ok_or_else(|| bad("expires"));
        let currency = || payload.currency.ok_or_else(|| bad("currency"));
        let event = match row.kind {
            RowKind::Deposited => {
                Self::Deposited { amount: leg()?.amount, currency: leg()?.currency }
            }
            RowKind::BetPlaced => Self::BetPlaced {
                bet: bet()?,
                stake: leg()?.amount,
                currency: leg()?.currency,
                at: payload.at,
            },
            RowKind::BetRefused => Self::BetRefused {
                bet: bet()?,
                stake: payload.stake.ok_or_else(|| bad("stake"))?,
                currency: currency()?,
                refusal: payload.refusal.ok_or_else(|| bad("refusal"))?,
            },
            RowKind::BetSettled => Self::BetSettled {
                bet: bet()?,
                stake: leg()?.amount,
                payout: payout()?,
                currency: leg()?.currency,
                outcome: payload.outcome.ok_or_else(|| bad("outcome"))?,
                started: payload.started.ok_or_else(|| bad("started"))?,
                placed_seq: payload.placed.ok_or_else(|| bad("placed"))?,
                at: payload.at,
                totals: payload.totals,
            },
            RowKind::WinPaid => Self::WinPaid {
                provider: provider()?,
                round: round()?,
                bet: row.bet.clone(),
                game: game()?,
                amount: leg()?.amount,
                currency: leg()?.currency,
            },
            RowKind::BetRolledBack => {
                Self::BetRolledBack { bet: bet()?, stake: leg()?.amount, currency: leg()?.currency }
            }
            RowKind::BetTombstoned => Self::BetTombstoned {
                provider: provider()?,
                bet: bet_id()?,
                round: row.round.clone(),
            },
            RowKind::RoundPlayed => Self::RoundPlayed {
                bet: bet()?,
                stake: leg()?.amount,
                payout: payout()?,
                currency: leg()?.currency,
                at: payload.at,
                totals: payload.totals.ok_or_else(|| bad("totals"))?,
            },
            RowKind::SessionOpened => {
                Self::SessionOpened { game: game()?, currency: currency()?, expires: expires()? }
            }
            RowKind::TournamentEntered => {
                Self::TournamentEntered { tournament: tournament()?, ends: expires()? }
            }
            RowKind::TournamentLeft => Self::TournamentLeft { tournament: tournament()? },
            RowKind::TournamentCreated
            | RowKind::TournamentStarted
            | RowKind::TournamentClosed
            | RowKind::TournamentCancelled
            | RowKind::ProviderStateChanged => return Err(bad("not a wallet's row")),
        };
        Ok(event)
    }
}

/// A finished bet as scoring sees it; the same whether it was settled or played at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledRound {
    /// Who.
    pub player: PlayerId,
    /// On which game.
    pub game: GameId,
    /// Of which currency.
    pub currency: Currency,
    /// The stake, minor units.
    pub stake: Amount,
    /// The payout, minor units.
    pub payout: Amount,
    /// Whether it was voided: then it does not count.
    pub void: bool,
    /// Event time of the start: decides membership (tournament-rules.md L1).
    pub started: UnixMs,
    /// Event time of the result: decides ties.
    pub ended: UnixMs,
    /// Time of the row that carries the result: decides grace.
    pub recorded: UnixMs,
    /// Seq of the placement in the player's slot.
    pub placed_seq: u64,
}

impl SettledRound {
    /// The scored view of a row, if it is a player's finished bet.
    ///
    /// # Errors
    /// [`CorruptRow`].
    pub fn from_row(row: &Row, player: PlayerId) -> Result<Option<Self>, CorruptRow> {
        if !matches!(row.kind, RowKind::BetSettled | RowKind::RoundPlayed) {
            return Ok(None);
        }
        let counted = |at| event_time(row.time, at, EVENT_TIME_TOLERANCE_MS);
        Ok(match Event::from_row(row)? {
            Event::BetSettled {
                bet,
                stake,
                payout,
                currency,
                outcome,
                started,
                placed_seq,
                at,
                ..
            } => Some(Self {
                player,
                game: bet.game,
                currency,
                stake,
                payout,
                void: outcome == Outcome::Void,
                started,
                ended: counted(at),
                recorded: row.time,
                placed_seq,
            }),
            Event::RoundPlayed { bet, stake, payout, currency, at, .. } => Some(Self {
                player,
                game: bet.game,
                currency,
                stake,
                payout,
                void: false,
                started: counted(at),
                ended: counted(at),
                recorded: row.time,
                placed_seq: row.seq,
            }),
            _ => None,
        })
    }
}
