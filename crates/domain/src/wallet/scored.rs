//! What scoring sees of a wallet's rows: finished bets, and points that providers report.

use super::command::Outcome;
use super::contest::{Profile, Told};
use super::event::{BetRef, Event, Stake};
use super::reported::{Corrected, Effect, Sums};
use super::rows::CorruptRow;
use crate::ids::{BetId, PlayerId, ProviderId, RoundId, TournamentId};
use crate::journal::{Row, RowKind};
use crate::money::{Amount, Currency};
use crate::time::{EVENT_TIME_TOLERANCE_MS, UnixMs, event_time};
use crate::tournament::score::Points;
use serde::{Deserialize, Serialize};

/// Points of a tournament that a provider reports: chips of a table, a race's points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose tables or races.
    pub provider: ProviderId,
    /// The report's own id.
    pub id: BetId,
    /// The round it is about.
    pub round: RoundId,
    /// The tournament.
    pub tournament: TournamentId,
    /// Points, added to what was reported before; less with a minus.
    pub points: Points,
    /// The place in the round, from 1; 0 when there is none.
    pub place: u16,
    /// The provider's time.
    pub at: Option<UnixMs>,
    /// What is known of the player. The wallet says so, not the provider.
    pub who: Profile,
    /// The player was excluded from play when it came: it counts for nothing where everybody is in.
    /// The wallet says so, not the provider.
    pub barred: bool,
}

impl Report {
    /// The report of a row, with its event time; `None` for any other row.
    ///
    /// # Errors
    /// [`CorruptRow`].
    pub fn from_row(row: &Row) -> Result<Option<(Self, UnixMs)>, CorruptRow> {
        if row.kind != RowKind::ScoreReported {
            return Ok(None);
        }
        Ok(match Event::from_row(row)? {
            Event::ScoreReported(report) => {
                let at = event_time(row.time, report.at, EVENT_TIME_TOLERANCE_MS);
                Some((report, at))
            }
            _ => None,
        })
    }
}

/// A finished bet as scoring sees it, in own money only; the same whether it was settled or
/// played at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledRound {
    /// Who.
    pub player: PlayerId,
    /// Which bet.
    pub bet: BetRef,
    /// Of which currency.
    pub currency: Currency,
    /// The stake, minor units.
    pub stake: Amount,
    /// The payout, minor units.
    pub payout: Amount,
    /// Whether it was voided: then it does not count.
    pub void: bool,
    /// The result that this one replaces: its payout, and whether it was a void.
    pub replaces: Option<(Amount, bool)>,
    /// The stake of the result before, where a correction may change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staked_before: Option<Amount>,
    /// Event time of the start: decides membership (tournament-rules.md L1).
    pub started: UnixMs,
    /// Event time of the result: decides ties.
    pub ended: UnixMs,
    /// Time of the row that carries the result: decides grace.
    pub recorded: UnixMs,
    /// Time of the row that carried the bet's first result; whether that counted, its
    /// corrections count.
    pub first: UnixMs,
    /// Seq of the placement in the player's slot.
    pub placed_seq: u64,
    /// The player was excluded from play when it was reported: it counts for nothing where
    /// everybody is in, also of a player who is on that board already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub barred: bool,
    /// What was known of the player when the first result came.
    #[serde(default, skip_serializing_if = "Profile::is_empty")]
    pub who: Profile,
}

impl SettledRound {
    /// The scored view of a row, if it is a player's finished bet.
    ///
    /// # Errors
    /// [`CorruptRow`].
    pub fn from_row(row: &Row, player: PlayerId) -> Result<Option<Self>, CorruptRow> {
        let scored = matches!(
            row.kind,
            RowKind::BetSettled
                | RowKind::BetAmended
                | RowKind::RoundPlayed
                | RowKind::RoundReported
                | RowKind::RoundCorrected
        );
        if !scored {
            return Ok(None);
        }
        let counted = |at| event_time(row.time, at, EVENT_TIME_TOLERANCE_MS);
        let own = |stake: &Stake, payout: Amount| {
            Amount(payout.0.saturating_sub(stake.bonus_share(payout).0))
        };
        Ok(match Event::from_row(row)? {
            Event::BetSettled(settled) | Event::BetAmended(settled) => Some(Self {
                player,
                bet: settled.bet,
                replaces: (settled.version > 1)
                    .then(|| (own(&settled.stake, settled.paid_before), settled.void_before)),
                staked_before: None,
                currency: settled.currency,
                stake: settled.stake.own(),
                payout: own(&settled.stake, settled.payout),
                void: settled.outcome == Outcome::Void,
                started: settled.started,
                ended: counted(settled.at),
                recorded: row.time,
                first: settled.first.unwrap_or(row.time),
                placed_seq: settled.placed_seq,
                barred: false,
                who: settled.who,
            }),
            Event::RoundPlayed { bet, stake, payout, currency, at, who, .. } => Some(Self {
                player,
                bet,
                replaces: None,
                staked_before: None,
                currency,
                stake: stake.own(),
                payout: own(&stake, payout),
                void: false,
                started: counted(at),
                ended: counted(at),
                recorded: row.time,
                first: row.time,
                placed_seq: row.seq,
                barred: false,
                who,
            }),
            Event::Contest(told) => match *told {
                Told::Reported(report) => Some(Self {
                    player,
                    bet: report.bet,
                    replaces: None,
                    staked_before: None,
                    currency: report.currency,
                    stake: report.stake,
                    payout: report.payout,
                    void: report.superseded,
                    started: counted(report.at),
                    ended: counted(report.at),
                    recorded: row.time,
                    first: row.time,
                    placed_seq: row.seq,
                    barred: report.barred,
                    who: report.who,
                }),
                Told::Corrected(corrected) => Self::corrected(row, player, corrected),
                _ => None,
            },
            _ => None,
        })
    }

    /// Another result of a reported round; `None` where it changes nothing.
    fn corrected(row: &Row, player: PlayerId, corrected: Corrected) -> Option<Self> {
        let Corrected { provider, bet, round, game, now, currency, at, effect, .. } = corrected;
        let Effect::Replaced(replaced) = effect else { return None };
        let nothing = Sums { stake: Amount::ZERO, payout: Amount::ZERO };
        let (sums, before) = (now.unwrap_or(nothing), replaced.before.unwrap_or(nothing));
        Some(Self {
            player,
            bet: BetRef { provider, bet, round: round?, game: game? },
            replaces: Some((before.payout, replaced.before.is_none())),
            staked_before: Some(before.stake),
            currency,
            stake: sums.stake,
            payout: sums.payout,
            void: now.is_none(),
            started: replaced.started,
            ended: event_time(row.time, at, EVENT_TIME_TOLERANCE_MS),
            recorded: row.time,
            first: replaced.first,
            placed_seq: replaced.seq,
            barred: replaced.barred,
            who: replaced.who,
        })
    }
}
