//! Every prize of every place, in exact quantities, before anybody wins it.

use super::pool::Pool;
use super::rules::{BandRule, Layout, PLACES_MAX, Rules, Size};
use super::split::by_weight;
use super::table::FixedFrom;
use super::{Error, What};
use crate::money::Amount;
use std::collections::BTreeMap;

/// Index into [`Pieces::kinds`].
pub(super) type Kind = usize;
/// Cash is always there, since tickets may become it.
pub(super) const CASH: Kind = 0;

/// A prize of a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub place: u32,
    pub kind: Kind,
    pub quantity: i64,
}

/// All prizes, and how they are paid for.
#[derive(Debug)]
pub(super) struct Pieces {
    pub kinds: Vec<What>,
    /// By place, and within a place as the table has them.
    pub pieces: Vec<Piece>,
    /// What the operator pays on top of the pool.
    pub on_top: Amount,
    /// What the pool lacks for its fixed prizes.
    pub shortfall: Amount,
    /// What the pool has beyond its prizes.
    pub surplus: Amount,
}

#[derive(Default)]
struct Builder {
    kinds: Vec<What>,
    known: BTreeMap<What, Kind>,
    pieces: Vec<Piece>,
}

impl Builder {
    fn kind(&mut self, what: &What) -> Kind {
        if let Some(kind) = self.known.get(what) {
            return *kind;
        }
        let kind = self.kinds.len();
        self.kinds.push(what.clone());
        self.known.insert(what.clone(), kind);
        kind
    }

    fn add(&mut self, place: u32, kind: Kind, quantity: i64) {
        self.pieces.push(Piece { place, kind, quantity });
    }
}

impl Pieces {
    /// Works out what each place wins.
    ///
    /// # Errors
    /// [`Error::Overflow`]; [`Error::TooManyPlaces`] for a satellite.
    pub(super) fn of(rules: &Rules, pool: &Pool) -> Result<Self, Error> {
        let mut to = Builder::default();
        to.kind(&What::Cash {});
        match &rules.layout {
            Layout::Bands(bands) => of_bands(to, rules, bands, pool.total()),
            Layout::Satellite { ticket, value, rest_each } => {
                of_satellite(to, ticket, value.0, rest_each.map(|each| each.0), pool.total().0)
            }
        }
    }
}

fn of_bands(
    mut to: Builder,
    rules: &Rules,
    bands: &[BandRule],
    total: Amount,
) -> Result<Pieces, Error> {
    let mut weights = Vec::new();
    let mut shares = Vec::new();
    let mut fixed = 0_i128;
    for band in bands {
        let kinds: Vec<Kind> = band.prizes.iter().map(|prize| to.kind(&prize.what)).collect();
        for place in band.from..=band.to {
            for (prize, kind) in band.prizes.iter().zip(&kinds) {
                let quantity = match prize.size {
                    Size::Fixed(quantity) => {
                        fixed += i128::from(prize.what.value(quantity)?.0);
                        quantity
                    }
                    Size::Share(weight) => {
                        weights.push(u128::from(weight));
                        shares.push(to.pieces.len());
                        0
                    }
                };
                to.add(place, *kind, quantity);
            }
        }
    }
    let fixed = i64::try_from(fixed).map_err(|_| Error::Overflow { what: "the sum of prizes" })?;
    let (on_top, from_pool) = match rules.fixed_from {
        FixedFrom::OnTop => (fixed, 0),
        FixedFrom::Pool => (0, fixed),
    };
    let shortfall = (from_pool - total.0).max(0);
    let mut surplus = (total.0 - from_pool).max(0);
    if !weights.is_empty() {
        let parts = by_weight(surplus, &weights, "the pool")?;
        for (at, part) in shares.into_iter().zip(parts) {
            if let Some(piece) = to.pieces.get_mut(at) {
                piece.quantity = part;
            }
        }
        surplus = 0;
    }
    Ok(Pieces {
        kinds: to.kinds,
        pieces: to.pieces,
        on_top: Amount(on_top),
        shortfall: Amount(shortfall),
        surplus: Amount(surplus),
    })
}

/// As many tickets as the pool buys, then cash in equal parts, the last one smaller (P5).
fn of_satellite(
    mut to: Builder,
    ticket: &What,
    value: i64,
    rest_each: Option<i64>,
    total: i64,
) -> Result<Pieces, Error> {
    // A checked table has no value and no part below one.
    let value = value.max(1);
    let (tickets, mut rest) = (total / value, total % value);
    let each = rest_each.unwrap_or(rest).max(1);
    let places = tickets + rest / each + i64::from(rest % each > 0);
    if places > i64::from(PLACES_MAX) {
        let places = u64::try_from(places).unwrap_or(u64::MAX);
        return Err(Error::TooManyPlaces { places, max: PLACES_MAX });
    }
    let ticket = to.kind(ticket);
    let tickets = u32::try_from(tickets).unwrap_or(PLACES_MAX);
    for place in 1..=tickets {
        to.add(place, ticket, 1);
    }
    let mut place = tickets;
    while rest > 0 {
        place += 1;
        to.add(place, CASH, rest.min(each));
        rest -= each;
    }
    let (on_top, shortfall, surplus) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
    Ok(Pieces { kinds: to.kinds, pieces: to.pieces, on_top, shortfall, surplus })
}
