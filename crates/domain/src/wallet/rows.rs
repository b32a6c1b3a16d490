//! How events are written as rows, and read back.
//!
//! **Invariant:** a payload's bytes are for ever: fields are added, never renamed or reordered.

use super::command::{Outcome, Verdict};
use super::contest::{Profile, Told};
use super::event::{About, BetRef, Event, Settled, SettlementTotals, Stake};
use super::protection::{ExclusionKind, Limit};
use super::refusal::Refusal;
use super::reported::RoundReport;
use super::scored::Report;
use crate::ids::{BetId, CampaignId, GameId, ProviderId, RoundId, TournamentId, WithdrawalId};
use crate::journal::{Row, RowKind};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use crate::tournament::score::Points;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

macro_rules! payload {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// What columns do not hold, of any kind. Field order is part of the stored bytes.
        #[derive(Debug, Default, Serialize, Deserialize)]
        struct Payload {
            $(
                $(#[$doc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                $field: Option<$type>,
            )*
        }
    };
}

payload! {
    at: UnixMs,
    stake: Amount,
    currency: Currency,
    refusal: Refusal,
    payout: Amount,
    outcome: Outcome,
    started: UnixMs,
    placed: u64,
    totals: SettlementTotals,
    expires: UnixMs,
    tournament: TournamentId,
    /// The part of a stake that bonus money paid.
    bonus: Amount,
    /// The campaign that paid for a stake.
    free: CampaignId,
    version: u32,
    before: Amount,
    /// The result before was a void.
    unvoided: bool,
    withdrawal: WithdrawalId,
    reason: Box<str>,
    author: Box<str>,
    verdict: Verdict,
    limit: Limit,
    exclusion: ExclusionKind,
    count: u32,
    points: Points,
    place: u16,
    /// Totals of further currencies.
    others: Vec<(Currency, SettlementTotals)>,
    /// What of the row's amount repays a debt, by the next row.
    repaid: Amount,
    /// A buy-in, a seat, a prize.
    contest: Told,
    /// Row time of a bet's first result.
    first: UnixMs,
    /// A reported round's void came before its report.
    superseded: bool,
    /// The player was excluded when a round, or points, were reported.
    barred: bool,
    /// Of whose round it is, as far as that is known.
    country: Box<str>,
    segments: BTreeSet<Box<str>>,
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

    /// With what a stake adds; `whole` when the row's amount is not the stake.
    fn with(self, stake: &Stake, whole: bool) -> Self {
        let odd = stake.bonus.0 > 0 || stake.free.is_some();
        Self {
            stake: (whole || odd).then_some(stake.amount),
            bonus: (stake.bonus.0 > 0).then_some(stake.bonus),
            free: stake.free.clone(),
            ..self
        }
    }

    /// With what is known of the player.
    fn of(self, who: &Profile) -> Self {
        let segments = (!who.segments.is_empty()).then(|| who.segments.clone());
        Self { country: who.country.clone(), segments, ..self }
    }
}

/// Columns of an event that are not its position, request or balance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    pub(crate) provider: Option<ProviderId>,
    pub(crate) bet: Option<BetId>,
    pub(crate) round: Option<RoundId>,
    pub(crate) game: Option<GameId>,
    pub(crate) payload: Box<[u8]>,
}

impl Columns {
    fn bet(bet: &BetRef, payload: &Payload) -> Self {
        Self {
            provider: Some(bet.provider.clone()),
            bet: Some(bet.bet.clone()),
            round: Some(bet.round.clone()),
            game: Some(bet.game.clone()),
            payload: payload.bytes(),
        }
    }

    fn round(provider: &ProviderId, round: &RoundId, payload: &Payload) -> Self {
        Self {
            provider: Some(provider.clone()),
            round: Some(round.clone()),
            payload: payload.bytes(),
            ..Self::default()
        }
    }

    fn only(payload: &Payload) -> Self {
        Self { payload: payload.bytes(), ..Self::default() }
    }
}

/// A field that is left out when nothing is to be said.
fn some(amount: Amount) -> Option<Amount> {
    Some(amount).filter(|amount| amount.0 != 0)
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
    pub(crate) fn columns(&self) -> Columns {
        let none = Payload::default;
        match self {
            Self::Deposited { repaid, .. } => {
                Columns::only(&Payload { repaid: some(*repaid), ..none() })
            }
            Self::WithdrawalAuthorised { id, .. } | Self::WithdrawalCaptured { id, .. } => {
                Columns::only(&Payload { withdrawal: Some(id.clone()), ..none() })
            }
            Self::WithdrawalCancelled { id, reason, repaid, .. } => Columns::only(&Payload {
                withdrawal: Some(id.clone()),
                reason: Some(reason.clone()),
                repaid: some(*repaid),
                ..none()
            }),
            Self::Adjusted { reason, author, repaid, .. } => Columns::only(&Payload {
                reason: Some(reason.clone()),
                author: Some(author.clone()),
                repaid: some(*repaid),
                ..none()
            }),
            Self::Readmitted { reason, author } => Columns::only(&Payload {
                reason: Some(reason.clone()),
                author: Some(author.clone()),
                ..none()
            }),
            Self::CommandRefused { amount, currency, refusal } => Columns::only(&Payload {
                stake: Some(*amount),
                currency: Some(*currency),
                refusal: Some(*refusal),
                ..none()
            }),
            Self::BetPlaced { bet, stake, at, .. } => {
                Columns::bet(bet, &Payload { at: *at, ..none() }.with(stake, false))
            }
            Self::BetRefused { bet, stake, currency, refusal } => Columns::bet(
                bet,
                &Payload {
                    stake: Some(*stake),
                    currency: Some(*currency),
                    refusal: Some(*refusal),
                    ..none()
                },
            ),
            Self::BetSettled(settled) | Self::BetAmended(settled) => {
                let amended = matches!(self, Self::BetAmended(_));
                let payload = Payload {
                    at: settled.at,
                    payout: Some(settled.payout),
                    outcome: Some(settled.outcome),
                    started: Some(settled.started),
                    placed: Some(settled.placed_seq),
                    totals: settled.totals,
                    version: amended.then_some(settled.version),
                    before: (amended || settled.paid_before.0 > 0).then_some(settled.paid_before),
                    unvoided: settled.void_before.then_some(true),
                    first: settled.first.filter(|_| amended),
                    ..none()
                };
                Columns::bet(&settled.bet, &payload.with(&settled.stake, amended).of(&settled.who))
            }
            Self::BetRolledBack { bet, stake, placed, .. } => {
                Columns::bet(bet, &Payload { started: Some(*placed), ..none() }.with(stake, false))
            }
            Self::BetTombstoned { provider, bet, round } => Columns {
                provider: Some(provider.clone()),
                bet: Some(bet.clone()),
                round: round.clone(),
                ..Columns::default()
            },
            Self::RoundPlayed { bet, stake, payout, at, totals, who, .. } => {
                let payload =
                    Payload { at: *at, payout: Some(*payout), totals: Some(*totals), ..none() };
                Columns::bet(bet, &payload.with(stake, false).of(who))
            }
            Self::WinUnmatched { about, totals, .. } => Columns {
                provider: Some(about.provider.clone()),
                bet: about.bet.clone(),
                round: Some(about.round.clone()),
                game: about.game.clone(),
                payload: Payload { totals: *totals, ..none() }.bytes(),
            },
            Self::Moved { about, .. } => {
                about.as_ref().map_or_else(Columns::default, |about| Columns {
                    provider: Some(about.provider.clone()),
                    bet: about.bet.clone(),
                    round: Some(about.round.clone()),
                    game: about.game.clone(),
                    payload: Box::default(),
                })
            }
            Self::RoundEnded { provider, round } => Columns::round(provider, round, &none()),
            Self::RoundOverdue { provider, round, before } => {
                Columns::round(provider, round, &Payload { started: Some(*before), ..none() })
            }
            Self::VerdictProposed { provider, round, verdict, reason, author } => Columns::round(
                provider,
                round,
                &Payload {
                    verdict: Some(*verdict),
                    reason: Some(reason.clone()),
                    author: Some(author.clone()),
                    ..none()
                },
            ),
            Self::VerdictConfirmed { provider, round, author, totals } => {
                let (first, others) = match totals.as_slice() {
                    [] => (None, None),
                    [first] => (Some(first), None),
                    [first, others @ ..] => (Some(first), Some(others.to_vec())),
                };
                Columns::round(
                    provider,
                    round,
                    &Payload {
                        currency: first.map(|(currency, _)| *currency),
                        totals: first.map(|(_, totals)| *totals),
                        author: Some(author.clone()),
                        others,
                        ..none()
                    },
                )
            }
            Self::SessionOpened { provider, game, currency, expires } => Columns {
                provider: provider.clone(),
                game: Some(game.clone()),
                payload: Payload { currency: Some(*currency), expires: Some(*expires), ..none() }
                    .bytes(),
                ..Columns::default()
            },
            Self::SessionClosed { game } => {
                Columns { game: Some(game.clone()), ..Columns::default() }
            }
            Self::LimitSet { limit, from, author } => Columns::only(&Payload {
                started: Some(*from),
                author: Some(author.clone()),
                limit: Some(limit.clone()),
                ..none()
            }),
            Self::Excluded { kind, until, reason, author } => Columns::only(&Payload {
                expires: *until,
                reason: Some(reason.clone()),
                author: Some(author.clone()),
                exclusion: Some(*kind),
                ..none()
            }),
            Self::FreeRoundsGranted {
                campaign,
                provider,
                game,
                count,
                value,
                currency,
                expires,
                author,
            } => Columns {
                provider: Some(provider.clone()),
                game: Some(game.clone()),
                payload: Payload {
                    stake: Some(*value),
                    currency: Some(*currency),
                    expires: Some(*expires),
                    free: Some(campaign.clone()),
                    author: Some(author.clone()),
                    count: Some(*count),
                    ..none()
                }
                .bytes(),
                ..Columns::default()
            },
            Self::TournamentEntered { tournament, ends } => Columns::only(&Payload {
                expires: Some(*ends),
                tournament: Some(tournament.clone()),
                ..none()
            }),
            Self::ScoreReported(report) => Columns {
                provider: Some(report.provider.clone()),
                bet: Some(report.id.clone()),
                round: Some(report.round.clone()),
                payload: Payload {
                    at: report.at,
                    tournament: Some(report.tournament.clone()),
                    points: Some(report.points),
                    place: (report.place > 0).then_some(report.place),
                    barred: report.barred.then_some(true),
                    ..none()
                }
                .of(&report.who)
                .bytes(),
                ..Columns::default()
            },
            Self::Contest(told) => {
                if let Told::Reported(report) = &**told {
                    let payload = Payload {
                        at: report.at,
                        stake: Some(report.stake),
                        currency: Some(report.currency),
                        payout: Some(report.payout),
                        superseded: report.superseded.then_some(true),
                        barred: report.barred.then_some(true),
                        ..none()
                    };
                    return Columns::bet(&report.bet, &payload.of(&report.who));
                }
                let columns = Columns::only(&Payload { contest: Some((**told).clone()), ..none() });
                match &**told {
                    Told::Corrected(corrected) => Columns {
                        provider: Some(corrected.provider.clone()),
                        bet: Some(corrected.bet.clone()),
                        round: corrected.round.clone(),
                        game: corrected.game.clone(),
                        ..columns
                    },
                    _ => columns,
                }
            }
            Self::TournamentLeft { tournament } => {
                Columns::only(&Payload { tournament: Some(tournament.clone()), ..none() })
            }
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
        macro_rules! need {
            ($field:ident) => {
                payload.$field.ok_or_else(|| bad(stringify!($field)))?
            };
        }
        let provider = || row.provider.clone().ok_or_else(|| bad("provider"));
        let bet_id = || row.bet.clone().ok_or_else(|| bad("bet"));
        let round = || row.round.clone().ok_or_else(|| bad("round"));
        let game = || row.game.clone().ok_or_else(|| bad("game"));
        let bet =
            || Ok(BetRef { provider: provider()?, bet: bet_id()?, round: round()?, game: game()? });
        let leg = || row.leg.ok_or_else(|| bad("leg"));
        let amount = || Ok(leg()?.amount);
        let currency = || Ok(leg()?.currency);
        let repaid = payload.repaid.unwrap_or_default();
        let who =
            Profile { country: payload.country, segments: payload.segments.unwrap_or_default() };
        let event = match row.kind {
            RowKind::Deposited => {
                Self::Deposited { amount: amount()?, currency: currency()?, repaid }
            }
            RowKind::WithdrawalAuthorised => Self::WithdrawalAuthorised {
                id: need!(withdrawal),
                amount: amount()?,
                currency: currency()?,
            },
            RowKind::WithdrawalCaptured => Self::WithdrawalCaptured {
                id: need!(withdrawal),
                amount: amount()?,
                currency: currency()?,
            },
            RowKind::WithdrawalCancelled => Self::WithdrawalCancelled {
                id: need!(withdrawal),
                amount: amount()?,
                currency: currency()?,
                reason: need!(reason),
                repaid,
            },
            RowKind::Adjusted => {
                Self::Adjusted { leg: leg()?, reason: need!(reason), author: need!(author), repaid }
            }
            RowKind::CommandRefused => Self::CommandRefused {
                amount: need!(stake),
                currency: need!(currency),
                refusal: need!(refusal),
            },
            RowKind::BetPlaced => Self::BetPlaced {
                bet: bet()?,
                stake: Stake {
                    amount: payload.stake.map_or_else(amount, Ok)?,
                    bonus: payload.bonus.unwrap_or_default(),
                    free: payload.free,
                },
                currency: currency()?,
                at: payload.at,
            },
            RowKind::BetRefused => Self::BetRefused {
                bet: bet()?,
                stake: need!(stake),
                currency: need!(currency),
                refusal: need!(refusal),
            },
            RowKind::BetSettled | RowKind::BetAmended => {
                let amended = row.kind == RowKind::BetAmended;
                let stake = match payload.stake {
                    Some(stake) => stake,
                    None if amended => return Err(bad("stake")),
                    None => amount()?,
                };
                let settled = Settled {
                    bet: bet()?,
                    version: if amended { need!(version) } else { 1 },
                    stake: Stake {
                        amount: stake,
                        bonus: payload.bonus.unwrap_or_default(),
                        free: payload.free,
                    },
                    payout: need!(payout),
                    paid_before: if amended {
                        need!(before)
                    } else {
                        payload.before.unwrap_or_default()
                    },
                    void_before: payload.unvoided.unwrap_or(false),
                    currency: currency()?,
                    outcome: need!(outcome),
                    started: need!(started),
                    placed_seq: need!(placed),
                    at: payload.at,
                    totals: payload.totals,
                    first: payload.first,
                    who,
                };
                if amended { Self::BetAmended(settled) } else { Self::BetSettled(settled) }
            }
            RowKind::BetRolledBack => Self::BetRolledBack {
                bet: bet()?,
                stake: Stake {
                    amount: payload.stake.map_or_else(amount, Ok)?,
                    bonus: payload.bonus.unwrap_or_default(),
                    free: payload.free,
                },
                currency: currency()?,
                // Rows of the first journals do not say it.
                placed: payload.started.unwrap_or(row.time),
            },
            RowKind::BetTombstoned => Self::BetTombstoned {
                provider: provider()?,
                bet: bet_id()?,
                round: row.round.clone(),
            },
            RowKind::RoundPlayed => Self::RoundPlayed {
                bet: bet()?,
                stake: Stake {
                    amount: payload.stake.map_or_else(amount, Ok)?,
                    bonus: payload.bonus.unwrap_or_default(),
                    free: payload.free,
                },
                payout: need!(payout),
                currency: currency()?,
                at: payload.at,
                totals: need!(totals),
                who,
            },
            RowKind::WinUnmatched => Self::WinUnmatched {
                about: About {
                    provider: provider()?,
                    round: round()?,
                    bet: row.bet.clone(),
                    game: row.game.clone(),
                },
                amount: amount()?,
                currency: currency()?,
                totals: payload.totals,
            },
            RowKind::WinPaid
            | RowKind::WinReversed
            | RowKind::BetFunded
            | RowKind::StakeReturned
            | RowKind::FeePaid
            | RowKind::PrizeReversed
            | RowKind::DebtRepaid => Self::Moved {
                kind: row.kind,
                about: match (&row.provider, &row.round) {
                    (Some(provider), Some(round)) => Some(About {
                        provider: provider.clone(),
                        round: round.clone(),
                        bet: row.bet.clone(),
                        game: row.game.clone(),
                    }),
                    (None, None)
                        if matches!(
                            row.kind,
                            RowKind::DebtRepaid | RowKind::FeePaid | RowKind::PrizeReversed
                        ) =>
                    {
                        None
                    }
                    _ => return Err(bad("round")),
                },
                leg: leg()?,
            },
            RowKind::RoundEnded => Self::RoundEnded { provider: provider()?, round: round()? },
            RowKind::RoundOverdue => Self::RoundOverdue {
                provider: provider()?,
                round: round()?,
                // Rows of the first journals were about every bet of the round.
                before: payload.started.unwrap_or(UnixMs(i64::MAX)),
            },
            RowKind::VerdictProposed => Self::VerdictProposed {
                provider: provider()?,
                round: round()?,
                verdict: need!(verdict),
                reason: need!(reason),
                author: need!(author),
            },
            RowKind::VerdictConfirmed => Self::VerdictConfirmed {
                provider: provider()?,
                round: round()?,
                author: need!(author),
                totals: {
                    let mut totals = vec![(need!(currency), need!(totals))];
                    totals.extend(payload.others.unwrap_or_default());
                    totals
                },
            },
            RowKind::SessionOpened => Self::SessionOpened {
                provider: row.provider.clone(),
                game: game()?,
                currency: need!(currency),
                expires: need!(expires),
            },
            RowKind::SessionClosed => Self::SessionClosed { game: game()? },
            RowKind::LimitSet => {
                Self::LimitSet { limit: need!(limit), from: need!(started), author: need!(author) }
            }
            RowKind::Excluded => Self::Excluded {
                kind: need!(exclusion),
                until: payload.expires,
                reason: need!(reason),
                author: need!(author),
            },
            RowKind::Readmitted => {
                Self::Readmitted { reason: need!(reason), author: need!(author) }
            }
            RowKind::FreeRoundsGranted => Self::FreeRoundsGranted {
                campaign: need!(free),
                provider: provider()?,
                game: game()?,
                count: need!(count),
                value: need!(stake),
                currency: need!(currency),
                expires: need!(expires),
                author: need!(author),
            },
            RowKind::BuyInHeld
            | RowKind::BuyInReleased
            | RowKind::PrizePaid
            | RowKind::PrizeTakenBack
            | RowKind::ProfileSet => match need!(contest) {
                told if told.kind() == row.kind => Self::Contest(Box::new(told)),
                _ => return Err(bad("contest")),
            },
            RowKind::RoundCorrected => match need!(contest) {
                Told::Corrected(corrected)
                    if row.provider.as_ref() == Some(&corrected.provider)
                        && row.bet.as_ref() == Some(&corrected.bet)
                        && (&row.round, &row.game) == (&corrected.round, &corrected.game) =>
                {
                    Self::Contest(Box::new(Told::Corrected(corrected)))
                }
                _ => return Err(bad("contest")),
            },
            RowKind::RoundReported => Self::Contest(Box::new(Told::Reported(RoundReport {
                bet: bet()?,
                stake: need!(stake),
                payout: need!(payout),
                currency: need!(currency),
                at: payload.at,
                superseded: payload.superseded.unwrap_or(false),
                barred: payload.barred.unwrap_or(false),
                who,
            }))),
            RowKind::TournamentEntered if payload.contest.is_some() => match need!(contest) {
                told @ Told::Seated(_) => Self::Contest(Box::new(told)),
                _ => return Err(bad("contest")),
            },
            RowKind::TournamentEntered => {
                Self::TournamentEntered { tournament: need!(tournament), ends: need!(expires) }
            }
            RowKind::TournamentLeft => Self::TournamentLeft { tournament: need!(tournament) },
            RowKind::ScoreReported => Self::ScoreReported(Report {
                provider: provider()?,
                id: bet_id()?,
                round: round()?,
                tournament: need!(tournament),
                points: need!(points),
                place: payload.place.unwrap_or(0),
                at: payload.at,
                who,
                barred: payload.barred.unwrap_or(false),
            }),
            RowKind::TournamentCreated
            | RowKind::TournamentStarted
            | RowKind::TournamentClosed
            | RowKind::TournamentCancelled
            | RowKind::PlayerDisqualified
            | RowKind::PlayerReinstated
            | RowKind::SeatGranted
            | RowKind::PlayersInvited
            | RowKind::ReviewSet
            | RowKind::ResultRevised
            | RowKind::PrizesPlanned
            | RowKind::PayoutMoved
            | RowKind::TournamentCompleted
            | RowKind::RolledOver
            | RowKind::CarriedIn
            | RowKind::RolloverArrived
            | RowKind::ProviderStateChanged
            | RowKind::ScheduleSet
            | RowKind::ScheduleStopped
            | RowKind::ScheduleDecided
            | RowKind::ScheduleNotified => return Err(bad("not a wallet's row")),
        };
        Ok(event)
    }
}
