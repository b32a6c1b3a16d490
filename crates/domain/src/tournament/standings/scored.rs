//! What scoring reads of a row: decoded once, for however many tournaments there are.

use crate::ids::Aggregate;
use crate::journal::{Row, RowKind};
use crate::time::UnixMs;
use crate::wallet::{CorruptRow, Event, Report, SettledRound};

/// A row as all folds see it.
#[derive(Debug, Clone)]
pub enum Scored {
    /// A finished bet.
    Round(Box<SettledRound>),
    /// Points that a provider reports, and when.
    Report(Box<Report>, UnixMs),
    /// Somebody comes or goes.
    Entry(Box<Event>),
    /// Nothing that is decoded here.
    Other,
    /// It can't be read; whoever it concerns stops.
    Corrupt(CorruptRow),
}

impl Scored {
    /// Decodes a row.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        let Aggregate::Player(player) = row.aggregate else { return Self::Other };
        let decoded = match row.kind {
            RowKind::BetSettled
            | RowKind::BetAmended
            | RowKind::RoundPlayed
            | RowKind::RoundReported
            | RowKind::RoundCorrected => SettledRound::from_row(row, player)
                .map(|round| round.map_or(Self::Other, |round| Self::Round(Box::new(round)))),
            RowKind::ScoreReported => Report::from_row(row).map(|report| match report {
                Some((report, at)) => Self::Report(Box::new(report), at),
                None => Self::Other,
            }),
            RowKind::TournamentEntered | RowKind::TournamentLeft => {
                Event::from_row(row).map(|event| Self::Entry(Box::new(event)))
            }
            _ => Ok(Self::Other),
        };
        decoded.unwrap_or_else(Self::Corrupt)
    }
}
