//! Who gets into a tournament, and at what price (requirements T1, T5).

use super::definition::Problem;
use super::prizes::table::{BuyIns, Decimal, PrizeTable};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
pub use crate::wallet::contest::Eligibility;
use serde::{Deserialize, Serialize};

/// What sort of contest it is (T1); rules and prizes decide what it does, this is what it is
/// called and what a tenant may have switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Turnover or rounds in a fixed time.
    SlotRace,
    /// A share of bets funds the prize.
    Jackpot,
    /// Seats at a table, chips that the provider reports.
    Table,
    /// A longer campaign, ranked.
    #[default]
    Leaderboard,
    /// Anything else: sponsored, of a holiday.
    Custom,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::SlotRace, Self::Jackpot, Self::Table, Self::Leaderboard, Self::Custom];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SlotRace => "slot_race",
            Self::Jackpot => "jackpot",
            Self::Table => "table",
            Self::Leaderboard => "leaderboard",
            Self::Custom => "custom",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// The price of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// What goes into the pool, minor units.
    pub amount: Amount,
    /// The house's part, on top, minor units.
    #[serde(default)]
    pub fee: Amount,
}

impl Price {
    /// What the player pays; `None` past 64 bits.
    #[must_use]
    pub fn total(&self) -> Option<Amount> {
        self.amount.checked_add(self.fee)
    }
}

/// Which of a player's entries is ranked (S13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reentry {
    /// The best one: each entry starts from nothing.
    #[default]
    Best,
    /// All of them together: a rebuy goes on from where the player was.
    Sum,
}

/// Who gets in. The default: whoever wants to, for nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Admission {
    /// Only players who were invited.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub invited: bool,
    /// What an entry costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// With fewer players at the start it is called off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats_min: Option<u32>,
    /// Players that fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats_max: Option<u32>,
    /// Entries beyond the first that one player may buy.
    #[serde(skip_serializing_if = "is_none")]
    pub reentries_max: u32,
    /// Which of them is ranked.
    #[serde(skip_serializing_if = "is_best")]
    pub reentry: Reentry,
    /// When the last entry is taken; `None`: until the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes: Option<UnixMs>,
    /// Beside that, who.
    #[serde(skip_serializing_if = "Eligibility::is_open")]
    pub who: Eligibility,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_none(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_best(reentry: &Reentry) -> bool {
    matches!(reentry, Reentry::Best)
}

/// Most players of a tournament with seats: each is known by name in its home.
const SEATS_MAX: u32 = 100_000;
const REENTRIES_MAX: u32 = 100;

impl Admission {
    /// Whether it is anything but open to all.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the tournament itself decides about each entry. Where it does not, entering is the
    /// player's own affair.
    #[must_use]
    pub fn is_seated(&self) -> bool {
        self.needs_entry() || !self.who.is_open()
    }

    /// Whether it asks for something that only entering gives. Countries and segments do not:
    /// where nobody enters, they are asked of every round.
    #[must_use]
    pub const fn needs_entry(&self) -> bool {
        let Self {
            invited,
            price,
            seats_min,
            seats_max,
            reentries_max,
            reentry: _,
            closes,
            who: _,
        } = self;
        *invited
            || price.is_some()
            || seats_min.is_some()
            || seats_max.is_some()
            || *reentries_max > 0
            || closes.is_some()
    }

    /// Entries that one player may have.
    #[must_use]
    pub const fn entries_max(&self) -> u32 {
        self.reentries_max.saturating_add(1)
    }

    /// What is wrong with it, with the prize table that goes with it.
    #[must_use]
    pub fn problems(
        &self,
        table: Option<&PrizeTable>,
        currency: Currency,
        (starts, ends): (UnixMs, UnixMs),
    ) -> Vec<Problem> {
        let pays_in = |of: &PrizeTable| of.pool.as_ref().and_then(|pool| pool.buy_ins.clone());
        let buy_ins = table.and_then(pays_in);
        let price = self.price;
        let total = price.map(|price| price.total());
        let fits = |fee: &BuyIns| {
            let named = |text: &Decimal| currency.amount_not_negative(&text.0).ok();
            let of_table = fee.fee_per_entry.as_ref().and_then(named).unwrap_or_default();
            fee.fee_percent.is_none() && price.is_some_and(|price| price.fee == of_table)
        };
        let least = self.seats_min.unwrap_or(1);
        let most = self.seats_max.unwrap_or(SEATS_MAX);
        let codes = self.who.countries.iter().chain(&self.who.countries_except);
        let code = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
        let words = |text: &str| (1..=32).contains(&text.len()) && text.is_ascii();
        let lists =
            [self.who.countries.len(), self.who.countries_except.len(), self.who.segments.len()];
        let checks = [
            (
                price.is_some_and(|price| price.amount.0 < 0 || price.fee.0 < 0),
                "buyIn",
                "must not be negative",
            ),
            (total == Some(Some(Amount::ZERO)), "buyIn", "must be more than zero"),
            (total == Some(None), "buyIn", "does not fit 64 bits"),
            (
                price.is_some() && table.is_some() && buy_ins.is_none(),
                "prizeTable.pool.buyIns",
                "must be there: the buy-ins go into the pool",
            ),
            (
                price.is_some() && table.is_none(),
                "prizeTable",
                "is needed with a buy-in: it says who wins the pool",
            ),
            (
                price.is_none() && buy_ins.is_some(),
                "buyIn",
                "is needed: the pool is made of buy-ins",
            ),
            (
                price.is_some() && buy_ins.as_ref().is_some_and(|of| !fits(of)),
                "prizeTable.pool.buyIns.feePerEntry",
                "must be the buy-in's fee",
            ),
            (least == 0 || least > most, "seats.min", "must be 1 to seats.max"),
            (most == 0 || most > SEATS_MAX, "seats.max", "must be 1 to 100,000"),
            (self.reentries_max > REENTRIES_MAX, "entriesMax", "must be at most 101"),
            (self.closes.is_some_and(|at| at > ends), "entryClosesAt", "must not be after endsAt"),
            (
                self.closes.is_some_and(|at| at < starts) && self.reentries_max > 0,
                "entriesMax",
                "must be 1 when entry closes before the start",
            ),
            (!{ codes }.all(|text| code(text)), "eligibility.countries", "must be such as \"DE\""),
            (
                !self.who.segments.iter().all(|text| words(text)),
                "eligibility.segments",
                "must be 1–32 ASCII characters each",
            ),
            (lists.iter().any(|len| *len > 300), "eligibility", "must name at most 300 of a kind"),
        ];
        let wrong = checks.into_iter().filter(|(wrong, ..)| *wrong);
        wrong.map(|(_, field, message)| Problem { field: field.to_owned(), message }).collect()
    }
}

/// What happens between a result and its prizes (L7).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Review {
    /// How long prizes wait after the result, in milliseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub hold_ms: i64,
    /// They wait until somebody releases them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// One player under review holds everybody's prizes, not only his.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// A line worth more than this needs two people, minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_above: Option<Amount>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(ms: &i64) -> bool {
    *ms == 0
}

impl Review {
    /// Whether prizes are paid as soon as the result stands.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
