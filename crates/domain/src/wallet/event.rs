//! What became true in a wallet. One event is one row is at most one transfer; how it is written
//! down is in `rows.rs`.

use super::command::{Outcome, Verdict};
use super::contest::{Profile, Told};
use super::protection::{ExclusionKind, Limit};
use super::refusal::Refusal;
use super::scored::Report;
use crate::ids::{BetId, CampaignId, GameId, ProviderId, RoundId, TournamentId, WithdrawalId};
use crate::journal::{Account, Claim, Leg, RowKind};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};

pub use super::rows::CorruptRow;

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

/// A stake, and who pays for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stake {
    /// The whole stake as the provider knows it, minor units.
    #[serde(rename = "a")]
    pub amount: Amount,
    /// The part that bonus money pays.
    #[serde(rename = "u", default, skip_serializing_if = "is_zero")]
    pub bonus: Amount,
    /// The campaign that pays all of it: then no money moves.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub free: Option<CampaignId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(amount: &Amount) -> bool {
    amount.0 == 0
}

impl Stake {
    /// A stake of own money.
    #[must_use]
    pub const fn cash(amount: Amount) -> Self {
        Self { amount, bonus: Amount::ZERO, free: None }
    }

    /// What is held for it: nothing when a campaign pays.
    #[must_use]
    pub const fn held(&self) -> Amount {
        if self.free.is_some() { Amount::ZERO } else { self.amount }
    }

    /// The part of own money.
    #[must_use]
    pub const fn own(&self) -> Amount {
        if self.free.is_some() {
            Amount::ZERO
        } else {
            Amount(self.amount.0.saturating_sub(self.bonus.0))
        }
    }

    /// The account on the first row, and how much of the stake it pays.
    #[must_use]
    pub const fn first(&self) -> (Account, Amount) {
        match self.own() {
            Amount(0) if self.bonus.0 > 0 => (Account::Bonus, self.bonus),
            own => (Account::Cash, own),
        }
    }

    /// What a second row has to move, if two accounts pay.
    #[must_use]
    pub const fn second(&self) -> Option<Amount> {
        if self.bonus.0 > 0 && self.own().0 > 0 { Some(self.bonus) } else { None }
    }

    /// The share of `amount` that goes to bonus money: in the proportion in which the stake was
    /// paid, rounded down, so that the remainder is own money (money-cases.md, "More rules").
    #[must_use]
    pub fn bonus_share(&self, amount: Amount) -> Amount {
        if self.bonus.0 == 0 || self.amount.0 == 0 {
            return Amount::ZERO;
        }
        let share = i128::from(amount.0) * i128::from(self.bonus.0) / i128::from(self.amount.0);
        // At most `amount`, since bonus ≤ amount of the stake.
        i64::try_from(share).map_or(Amount::ZERO, Amount)
    }
}

/// What a row that follows the first one of a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Whose.
    pub provider: ProviderId,
    /// The round.
    pub round: RoundId,
    /// The bet, when it is about one.
    pub bet: Option<BetId>,
    /// The game.
    pub game: Option<GameId>,
}

impl From<&BetRef> for About {
    fn from(bet: &BetRef) -> Self {
        Self {
            provider: bet.provider.clone(),
            round: bet.round.clone(),
            bet: Some(bet.bet.clone()),
            game: Some(bet.game.clone()),
        }
    }
}

/// The result of a bet: settled, or settled otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Which bet.
    pub bet: BetRef,
    /// 1 for the first result.
    pub version: u32,
    /// The stake.
    pub stake: Stake,
    /// What this bet pays in all; the rows that follow may move parts of it.
    pub payout: Amount,
    /// What it had paid before; of a first result what was paid before the bet was known.
    pub paid_before: Amount,
    /// Whether the result before was a void.
    pub void_before: bool,
    /// Of which currency.
    pub currency: Currency,
    /// How it ended.
    pub outcome: Outcome,
    /// Event time of the bet's placement.
    pub started: UnixMs,
    /// Seq of the bet's placement.
    pub placed_seq: u64,
    /// The provider's time of the result.
    pub at: Option<UnixMs>,
    /// On the first row of a request only.
    pub totals: Option<SettlementTotals>,
    /// Row time of the first result, of a later one.
    pub first: Option<UnixMs>,
    /// What was known of the player when the first result came: tournaments in which everybody is
    /// who plays decide by it whether the round counts.
    pub who: Profile,
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
        /// What of it repays a debt, by the row that follows.
        repaid: Amount,
    },
    /// cash → locked.
    WithdrawalAuthorised {
        /// Which one.
        id: WithdrawalId,
        /// How much.
        amount: Amount,
        /// Of which currency.
        currency: Currency,
    },
    /// locked → external.
    WithdrawalCaptured {
        /// Which one.
        id: WithdrawalId,
        /// How much.
        amount: Amount,
        /// Of which currency.
        currency: Currency,
    },
    /// locked → cash.
    WithdrawalCancelled {
        /// Which one.
        id: WithdrawalId,
        /// How much.
        amount: Amount,
        /// Of which currency.
        currency: Currency,
        /// Why.
        reason: Box<str>,
        /// What of it repays a debt, by the row that follows.
        repaid: Amount,
    },
    /// house → cash or promo → bonus, or back.
    Adjusted {
        /// The transfer.
        leg: Leg,
        /// Why.
        reason: Box<str>,
        /// Who.
        author: Box<str>,
        /// What of it repays a debt, by the row that follows.
        repaid: Amount,
    },
    /// No transfer; the command's key stays refused.
    CommandRefused {
        /// How much was asked for.
        amount: Amount,
        /// Of which currency.
        currency: Currency,
        /// Why not.
        refusal: Refusal,
    },
    /// cash or bonus → held; [`RowKind::BetFunded`] follows when both pay.
    BetPlaced {
        /// Which bet.
        bet: BetRef,
        /// The stake.
        stake: Stake,
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
    BetSettled(Settled),
    /// house (or promo) → cash: the new payout. The old one is taken back by the
    /// [`RowKind::WinReversed`] rows that follow.
    BetAmended(Settled),
    /// held → cash or bonus; [`RowKind::StakeReturned`] follows when both had paid.
    BetRolledBack {
        /// Which bet.
        bet: BetRef,
        /// The stake.
        stake: Stake,
        /// Of which currency.
        currency: Currency,
        /// Row time of the placement.
        placed: UnixMs,
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
    /// cash or bonus → house; a payout follows when it paid.
    RoundPlayed {
        /// Which bet.
        bet: BetRef,
        /// The stake.
        stake: Stake,
        /// The payout.
        payout: Amount,
        /// Of which currency.
        currency: Currency,
        /// The provider's time.
        at: Option<UnixMs>,
        /// The result of the whole request.
        totals: SettlementTotals,
        /// As of [`Settled::who`].
        who: Profile,
    },
    /// promo → cash: a win whose bet is not known.
    WinUnmatched {
        /// What it is about; without a bet when it names only its round.
        about: About,
        /// How much.
        amount: Amount,
        /// Of which currency.
        currency: Currency,
        /// On the first row of a request only.
        totals: Option<SettlementTotals>,
    },
    /// A transfer that belongs to the rows before it ([`RowKind::WinPaid`],
    /// [`RowKind::WinReversed`], [`RowKind::BetFunded`], [`RowKind::StakeReturned`],
    /// [`RowKind::DebtRepaid`]).
    Moved {
        /// Which of these kinds.
        kind: RowKind,
        /// What it is about; nothing for a repayment out of a deposit.
        about: Option<About>,
        /// The transfer.
        leg: Leg,
    },
    /// No transfer.
    RoundEnded {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
    },
    /// No transfer.
    RoundOverdue {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
        /// Bets placed after this are not late.
        before: UnixMs,
    },
    /// No transfer.
    VerdictProposed {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
        /// How it is to end.
        verdict: Verdict,
        /// Why.
        reason: Box<str>,
        /// Who.
        author: Box<str>,
    },
    /// No transfer; the settlement follows.
    VerdictConfirmed {
        /// Whose round.
        provider: ProviderId,
        /// Which round.
        round: RoundId,
        /// Who.
        author: Box<str>,
        /// What it came to, in each currency.
        totals: Vec<(Currency, SettlementTotals)>,
    },
    /// No transfer.
    SessionOpened {
        /// Whose game it is; `None` in old rows.
        provider: Option<ProviderId>,
        /// The game.
        game: GameId,
        /// Its currency.
        currency: Currency,
        /// When it ends.
        expires: UnixMs,
    },
    /// No transfer.
    SessionClosed {
        /// The game.
        game: GameId,
    },
    /// No transfer.
    LimitSet {
        /// The limit; `next` is not used.
        limit: Limit,
        /// From when it holds.
        from: UnixMs,
        /// Who.
        author: Box<str>,
    },
    /// No transfer.
    Excluded {
        /// Which kind.
        kind: ExclusionKind,
        /// Until when; `None`: for ever, or until lifted.
        until: Option<UnixMs>,
        /// Why.
        reason: Box<str>,
        /// Who.
        author: Box<str>,
    },
    /// No transfer.
    Readmitted {
        /// Why.
        reason: Box<str>,
        /// Who.
        author: Box<str>,
    },
    /// No transfer.
    FreeRoundsGranted {
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
        /// Until when.
        expires: UnixMs,
        /// Who.
        author: Box<str>,
    },
    /// No transfer.
    TournamentEntered {
        /// Which one.
        tournament: TournamentId,
        /// When it ends.
        ends: UnixMs,
    },
    /// No transfer.
    ScoreReported(Report),
    /// A buy-in, a seat, a prize.
    Contest(Box<Told>),
    /// No transfer.
    TournamentLeft {
        /// Which one.
        tournament: TournamentId,
    },
}

impl Event {
    /// The kind of row this is.
    #[must_use]
    pub const fn kind(&self) -> RowKind {
        match self {
            Self::Deposited { .. } => RowKind::Deposited,
            Self::WithdrawalAuthorised { .. } => RowKind::WithdrawalAuthorised,
            Self::WithdrawalCaptured { .. } => RowKind::WithdrawalCaptured,
            Self::WithdrawalCancelled { .. } => RowKind::WithdrawalCancelled,
            Self::Adjusted { .. } => RowKind::Adjusted,
            Self::CommandRefused { .. } => RowKind::CommandRefused,
            Self::BetPlaced { .. } => RowKind::BetPlaced,
            Self::BetRefused { .. } => RowKind::BetRefused,
            Self::BetSettled(_) => RowKind::BetSettled,
            Self::BetAmended(_) => RowKind::BetAmended,
            Self::BetRolledBack { .. } => RowKind::BetRolledBack,
            Self::BetTombstoned { .. } => RowKind::BetTombstoned,
            Self::RoundPlayed { .. } => RowKind::RoundPlayed,
            Self::WinUnmatched { .. } => RowKind::WinUnmatched,
            Self::Moved { kind, .. } => *kind,
            Self::RoundEnded { .. } => RowKind::RoundEnded,
            Self::RoundOverdue { .. } => RowKind::RoundOverdue,
            Self::VerdictProposed { .. } => RowKind::VerdictProposed,
            Self::VerdictConfirmed { .. } => RowKind::VerdictConfirmed,
            Self::SessionOpened { .. } => RowKind::SessionOpened,
            Self::SessionClosed { .. } => RowKind::SessionClosed,
            Self::LimitSet { .. } => RowKind::LimitSet,
            Self::Excluded { .. } => RowKind::Excluded,
            Self::Readmitted { .. } => RowKind::Readmitted,
            Self::FreeRoundsGranted { .. } => RowKind::FreeRoundsGranted,
            Self::TournamentEntered { .. } => RowKind::TournamentEntered,
            Self::TournamentLeft { .. } => RowKind::TournamentLeft,
            Self::ScoreReported(_) => RowKind::ScoreReported,
            Self::Contest(told) => told.kind(),
        }
    }

    /// The transfer, if money moves.
    #[must_use]
    pub fn leg(&self) -> Option<Leg> {
        use Account as A;
        let (debit, credit, amount, currency) = match self {
            Self::Deposited { amount, currency, .. } => (A::External, A::Cash, *amount, *currency),
            Self::WithdrawalAuthorised { amount, currency, .. } => {
                (A::Cash, A::Locked, *amount, *currency)
            }
            Self::WithdrawalCaptured { amount, currency, .. } => {
                (A::Locked, A::External, *amount, *currency)
            }
            Self::WithdrawalCancelled { amount, currency, .. } => {
                (A::Locked, A::Cash, *amount, *currency)
            }
            Self::Adjusted { leg, .. } | Self::Moved { leg, .. } => return Some(*leg),
            Self::WinUnmatched { amount, currency, .. } => (A::Promo, A::Cash, *amount, *currency),
            Self::BetPlaced { stake, currency, .. } => {
                let (from, amount) = stake.first();
                (from, A::Held, amount, *currency)
            }
            Self::BetSettled(settled) => {
                (A::Held, A::House, settled.stake.held(), settled.currency)
            }
            Self::BetAmended(settled) => {
                let share = settled.stake.bonus_share(settled.payout);
                let own = Amount(settled.payout.0.saturating_sub(share.0));
                (payer(&settled.stake), A::Cash, own, settled.currency)
            }
            Self::BetRolledBack { stake, currency, .. } => {
                let (to, amount) = stake.first();
                (A::Held, to, amount, *currency)
            }
            Self::RoundPlayed { stake, currency, .. } => {
                let (from, amount) = stake.first();
                (from, A::House, amount, *currency)
            }
            Self::Contest(told) => return told.leg(),
            _ => return None,
        };
        Some(Leg { debit, credit, amount, currency })
    }

    /// The currency whose balance stands on the row.
    #[must_use]
    pub fn balance_currency(&self) -> Option<Currency> {
        match self {
            Self::BetRefused { currency, .. } | Self::CommandRefused { currency, .. } => {
                Some(*currency)
            }
            other => other.leg().map(|leg| leg.currency),
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
            Self::BetSettled(settled) | Self::BetAmended(settled) => {
                let BetRef { provider, bet, .. } = &settled.bet;
                Some(Claim::BetClosed(provider.clone(), bet.clone(), settled.version))
            }
            Self::BetRolledBack { bet, .. } => {
                Some(Claim::BetClosed(bet.provider.clone(), bet.bet.clone(), 1))
            }
            Self::WinUnmatched { about: About { provider, bet: Some(bet), .. }, .. } => {
                Some(Claim::WinUnmatched(provider.clone(), bet.clone()))
            }
            Self::RoundEnded { provider, round } => {
                Some(Claim::RoundEnded(provider.clone(), round.clone()))
            }
            Self::WithdrawalAuthorised { id, .. } => Some(Claim::Withdrawal(id.clone())),
            Self::WithdrawalCaptured { id, .. } | Self::WithdrawalCancelled { id, .. } => {
                Some(Claim::WithdrawalEnded(id.clone()))
            }
            Self::FreeRoundsGranted { campaign, .. } => Some(Claim::FreeRounds(campaign.clone())),
            Self::Contest(told) => match &**told {
                Told::Reported(report) => {
                    Some(Claim::Bet(report.bet.provider.clone(), report.bet.bet.clone()))
                }
                Told::Corrected(corrected) => {
                    let (provider, bet) = (corrected.provider.clone(), corrected.bet.clone());
                    Some(Claim::RoundCorrected(provider, bet, corrected.step))
                }
                Told::Seated(buy_in) => Some(Claim::Seat(buy_in.tournament.clone(), buy_in.entry)),
                Told::Paid(award) | Told::TakenBack(award, _) => {
                    Some(Claim::Prize(award.tournament.clone(), award.version, award.line))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a transfer that is written out on the row, instead of following from the event, is
    /// one that its kind can make. `payers`: who pays winnings of the command so far.
    #[must_use]
    pub fn may_move(&self, payers: &[Account]) -> bool {
        use Account as A;
        let (kind, leg) = match self {
            Self::Moved { kind, leg, .. } => (*kind, leg),
            Self::Adjusted { leg, .. } => (RowKind::Adjusted, leg),
            _ => return true,
        };
        match (kind, leg.debit, leg.credit) {
            (RowKind::WinPaid, from, A::Cash | A::Bonus) => payers.contains(&from),
            (RowKind::WinReversed, A::Cash | A::Bonus | A::Debt, to) => payers.contains(&to),
            (RowKind::BetFunded, A::Bonus, A::Held | A::House)
            | (RowKind::StakeReturned, A::Held, A::Bonus)
            | (RowKind::DebtRepaid, A::Cash, A::Debt)
            | (RowKind::FeePaid, A::Held | A::External, A::House)
            | (RowKind::PrizeReversed, A::Debt | A::Promo, A::Pool)
            | (RowKind::Adjusted, A::Cash, A::House)
            | (RowKind::Adjusted, A::House, A::Cash)
            | (RowKind::Adjusted, A::Bonus, A::Promo)
            | (RowKind::Adjusted, A::Promo, A::Bonus) => true,
            _ => false,
        }
    }

    /// Who pays winnings, or gets them back, by this result of a bet.
    #[must_use]
    pub const fn payer(&self) -> &'static [Account] {
        match self {
            // Its win was paid before it was known.
            Self::BetSettled(settled) if settled.paid_before.0 > 0 => {
                &[Account::House, Account::Promo]
            }
            Self::BetSettled(Settled { stake, .. })
            | Self::BetAmended(Settled { stake, .. })
            | Self::RoundPlayed { stake, .. } => match payer(stake) {
                Account::Promo => &[Account::Promo],
                _ => &[Account::House],
            },
            _ => &[],
        }
    }

    /// Puts the totals on the first row of a settlement.
    pub(super) fn set_totals(&mut self, of_all: SettlementTotals) {
        match self {
            Self::BetSettled(settled) | Self::BetAmended(settled) => settled.totals = Some(of_all),
            Self::WinUnmatched { totals, .. } => *totals = Some(of_all),
            Self::RoundPlayed { totals, .. } => *totals = of_all,
            _ => {}
        }
    }
}

/// Who pays a bet's winnings.
pub(super) const fn payer(stake: &Stake) -> Account {
    if stake.free.is_some() { Account::Promo } else { Account::House }
}
