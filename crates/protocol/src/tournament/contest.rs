//! Who gets into a tournament, at what price, and what it pays: the document's parts and how they
//! are shown.

use super::{contradiction, prose};
use crate::field::{self, FieldError, Text, Whole};
use palio_domain::tournament::prizes::table::PrizeTable;
use palio_domain::tournament::prizes::{Line, Severity, What};
use palio_domain::tournament::{Admission, Kind, Price, Reentry, Review};
use palio_domain::{Amount, Currency};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Longest list of countries or segments.
const LIST_MAX: usize = 300;
/// Longest segment, in characters.
const SEGMENT_LEN_MAX: usize = 32;

/// The price of an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BuyIn {
    /// What goes into the pool.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "4.00")]
    pub amount: Text,
    /// The house's fee on top; 0 when not given.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "0.40")]
    pub fee: Text,
}

/// How many players.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Seats {
    /// With fewer at the start it is called off.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u64>, example = 2)]
    pub min: Whole,
    /// Players that fit.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u64>, example = 100)]
    pub max: Whole,
    /// Shown only: players who are in.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u64>, example = 37)]
    pub taken: Whole,
}

/// Who may enter, or whose rounds count where everybody takes part; empty lists ask for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Eligibility {
    /// Only players of these countries, ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["DE"]))]
    pub countries: Vec<Text>,
    /// No players of these countries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    pub countries_except: Vec<Text>,
    /// Only players of one of these segments, which the operator names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["vip"]))]
    pub segments: Vec<Text>,
}

/// What happens between the result and its prizes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewRules {
    /// How long prizes wait; 0 when not given.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u64>, example = 3600)]
    pub hold_seconds: Whole,
    /// They wait until somebody releases them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_hand: bool,
    /// One player under review holds everybody's prizes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// A prize worth more needs two people.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "1000.00")]
    pub confirm_above: Text,
}

pub(super) fn set(
    field: &str,
    texts: &[Text],
    max: usize,
) -> Result<BTreeSet<Box<str>>, FieldError> {
    if texts.len() > LIST_MAX {
        return Err(super::too_many(field, LIST_MAX));
    }
    let one = |(at, text): (usize, &Text)| {
        let name = format!("{field}[{at}]");
        let text = prose(&name, text.required(&name)?, max)?;
        Ok(text.into_boxed_str())
    };
    texts.iter().enumerate().map(one).collect()
}

impl super::CreateTournament {
    pub(super) fn kind(&self) -> Result<Kind, FieldError> {
        match self.kind.optional("type")? {
            None => Ok(Kind::default()),
            Some(word) => Kind::from_word(word).ok_or_else(|| {
                let words: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
                FieldError::invalid("type", format!("must be one of {}", words.join(", ")))
            }),
        }
    }

    pub(super) fn admission(
        &self,
        invited: bool,
        currency: Currency,
    ) -> Result<Admission, FieldError> {
        let price = match &self.buy_in {
            None => None,
            Some(of) => Some(Price {
                amount: field::amount("buyIn.amount", &of.amount, currency)?,
                fee: field::amount_optional("buyIn.fee", &of.fee, currency)?.unwrap_or_default(),
            }),
        };
        let seats = self.seats.clone().unwrap_or_default();
        let count = |name: &str, whole: &Whole| -> Result<Option<u32>, FieldError> {
            if whole.is_missing() {
                return Ok(None);
            }
            let count = whole.within(name, 1..=100_000, 1)?;
            Ok(u32::try_from(count).ok())
        };
        let entries = self.entries_max.within("entriesMax", 1..=101, 1)?;
        let reentry = match self.reentry.optional("reentry")? {
            None | Some("best") => Reentry::Best,
            Some("sum") => Reentry::Sum,
            Some(_) => {
                return Err(FieldError::invalid("reentry", "must be \"best\" or \"sum\""));
            }
        };
        let who = self.eligibility.clone().unwrap_or_default();
        let who = palio_domain::tournament::admission::Eligibility {
            countries: set("eligibility.countries", &who.countries, 2)?,
            countries_except: set("eligibility.countriesExcept", &who.countries_except, 2)?,
            segments: set("eligibility.segments", &who.segments, SEGMENT_LEN_MAX)?,
        };
        Ok(Admission {
            invited,
            price,
            seats_min: count("seats.min", &seats.min)?,
            seats_max: count("seats.max", &seats.max)?,
            reentries_max: u32::try_from(entries.saturating_sub(1)).unwrap_or(0),
            reentry,
            closes: field::time_optional("entryClosesAt", &self.entry_closes_at)?,
            who,
        })
    }

    pub(super) fn table(&self) -> Result<Option<Box<PrizeTable>>, FieldError> {
        let Some(document) = &self.prize_table else { return Ok(None) };
        let table: PrizeTable = serde_json::from_value(document.clone()).map_err(|error| {
            let text: String = error.to_string().chars().take(200).collect();
            FieldError::invalid("prizeTable", format!("can't be read: {text}"))
        })?;
        match table.rules() {
            Ok(_) => Ok(Some(Box::new(table))),
            Err(problems) => {
                let first = problems.iter().find(|problem| problem.severity == Severity::Error);
                let said = first.map_or_else(String::new, |problem| {
                    format!("{}: {} ({})", problem.path, problem.message, problem.code.as_str())
                });
                Err(contradiction("prizeTable", &said))
            }
        }
    }

    pub(super) fn review(&self, currency: Currency) -> Result<Review, FieldError> {
        let Some(of) = &self.review else { return Ok(Review::default()) };
        let hold = of.hold_seconds.within("review.holdSeconds", 0..=30 * 86_400, 0)?;
        let above = field::amount_optional("review.confirmAbove", &of.confirm_above, currency)?;
        Ok(Review {
            hold_ms: i64::try_from(hold).unwrap_or(0).saturating_mul(1_000),
            by_hand: of.by_hand,
            whole: of.whole,
            confirm_above: above,
        })
    }
}

/// The parts of a definition that are shown when they are there.
pub(super) fn shown(
    to: &mut super::Tournament,
    admission: &Admission,
    review: &Review,
    currency: Currency,
) {
    let money = |amount: Amount| Text::from(currency.format(amount).as_str());
    let number = |count: u32| Whole::from(u64::from(count));
    to.buy_in =
        admission.price.map(|price| BuyIn { amount: money(price.amount), fee: money(price.fee) });
    if to.entry != "all" && admission.is_seated() {
        to.seats = Some(Seats {
            min: admission.seats_min.map(number).unwrap_or_default(),
            max: admission.seats_max.map(number).unwrap_or_default(),
            taken: Whole::default(),
        });
    }
    if admission.reentries_max > 0 {
        to.entries_max = Some(u64::from(admission.entries_max()));
        let word = match admission.reentry {
            Reentry::Best => "best",
            Reentry::Sum => "sum",
        };
        to.reentry = Some(word.to_owned());
    }
    to.entry_closes_at = admission.closes.map(crate::time::format);
    let texts = |set: &BTreeSet<Box<str>>| set.iter().map(|text| Text::from(&**text)).collect();
    if !admission.who.is_open() {
        to.eligibility = Some(Eligibility {
            countries: texts(&admission.who.countries),
            countries_except: texts(&admission.who.countries_except),
            segments: texts(&admission.who.segments),
        });
    }
    if !review.is_default() {
        let seconds = u64::try_from(review.hold_ms / 1_000).unwrap_or(0);
        to.review = Some(ReviewRules {
            hold_seconds: if seconds > 0 { Whole::from(seconds) } else { Whole::default() },
            by_hand: review.by_hand,
            whole: review.whole,
            confirm_above: review.confirm_above.map(money).unwrap_or_default(),
        });
    }
}

/// What places win.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Places {
    /// First place.
    pub from: u32,
    /// Last place.
    pub to: u32,
    /// What each of them wins, ready to show.
    #[schema(example = json!(["50.00 EUR", "100 free rounds on wolf"]))]
    pub prizes: Vec<String>,
}

/// A prize in words.
#[must_use]
pub fn prize_text(what: &What, quantity: i64, currency: Currency) -> String {
    let money = || format!("{} {}", currency.format(Amount(quantity)), currency.code());
    match what {
        What::Cash {} => money(),
        What::Bonus { .. } => format!("{} bonus", money()),
        What::FreeRounds { game, .. } => format!("{quantity} free rounds on {}", game.as_str()),
        What::Ticket { tournament, .. } if quantity == 1 => {
            format!("ticket to {}", tournament.as_str())
        }
        What::Ticket { tournament, .. } => {
            format!("{quantity} tickets to {}", tournament.as_str())
        }
        What::Item { text, .. } if quantity == 1 => text.as_ref().to_owned(),
        What::Item { text, .. } => format!("{quantity} × {text}"),
    }
}

/// The lines of a plan by place, equal neighbours together.
#[must_use]
pub fn places(lines: &[Line]) -> Vec<Places> {
    let mut all: Vec<Places> = Vec::new();
    for of_place in lines.chunk_by(|a, b| a.place == b.place) {
        let Some(first) = of_place.first() else { continue };
        let text = |line: &Line| prize_text(&line.what, line.quantity, line.currency);
        let prizes: Vec<_> = of_place.iter().map(text).collect();
        match all.last_mut() {
            Some(last) if last.prizes == prizes && last.to.saturating_add(1) == first.place => {
                last.to = first.place;
            }
            _ => all.push(Places { from: first.place, to: first.place, prizes }),
        }
    }
    all
}
