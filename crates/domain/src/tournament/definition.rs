//! What a tournament is: announced once, never changed.

use super::admission::{Admission, Kind, Review};
use super::prizes;
use super::prizes::table::{Band, Decimal, Prize, PrizeTable};
use super::rules::Rules;
use super::schedule::ScheduleId;
use super::score::{Count, DECIMALS, Of, Points};
use crate::ids::TournamentId;
use crate::money::{Amount, Currency};
use crate::time::UnixMs;
use serde::{Deserialize, Serialize};

/// The usual rules by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// One point per so much staked; shown and cut off at two decimals (rule S1).
    Turnover,
    /// The highest payout ÷ stake of one round, six decimals, half to even (rules S4, S5).
    BestRatio,
    /// Stakes − payouts, as money.
    Ggr,
    /// Rules of its own.
    Custom,
}

impl Metric {
    /// The rules of this name; `None` for rules of its own. `points_per`: turnover for one point.
    #[must_use]
    pub fn rules(self, points_per: Points, currency: Currency) -> Option<Rules> {
        let one = Points(super::score::ONE);
        match self {
            Self::Turnover => Some(Rules::simple(Of::Stake, points_per, Count::All, 2)),
            Self::BestRatio => Some(Rules::simple(Of::Ratio, one, Rules::best_one(), 6)),
            Self::Ggr => {
                let decimals = currency.exponent().min(DECIMALS);
                Some(Rules::simple(Of::Revenue, one, Count::All, decimals))
            }
            Self::Custom => None,
        }
    }
}

/// Who is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryMode {
    /// Whoever plays a round that counts; `all` on the wire. Countries and segments are asked of
    /// every round: what was known of the player when its first result came.
    #[serde(rename = "all")]
    Automatic,
    /// Whoever entered, from then on (rule L1).
    OptIn,
}

/// A tournament as announced; the payload of `tournament.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// Public id.
    pub id: TournamentId,
    /// Name.
    pub name: String,
    /// The usual rules that `rules` are, if they are.
    pub metric: Metric,
    /// The currency of stakes, scores and prizes.
    pub currency: Currency,
    /// Rounds count from here on, by the event time of their start.
    pub starts: UnixMs,
    /// Rounds that start here or later do not count.
    pub ends: UnixMs,
    /// When players may enter; `None`: at once.
    pub registration_opens: Option<UnixMs>,
    /// How long after the end a result is still accepted, in milliseconds.
    pub grace_ms: i64,
    /// What counts, and how.
    pub rules: Rules,
    /// How often the board is sent, in milliseconds.
    pub tick_ms: u64,
    /// Rows on the board.
    pub top_n: u64,
    /// Who is in.
    pub entry: EntryMode,
    /// Cash prizes by place; empty where `table` says more.
    pub prizes: Vec<Amount>,
    /// Free text.
    pub description: String,
    /// What sort of contest it is.
    #[serde(default, rename = "type")]
    pub kind: Kind,
    /// Who gets in.
    #[serde(default, skip_serializing_if = "Admission::is_default")]
    pub admission: Admission,
    /// Prizes, as published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<Box<PrizeTable>>,
    /// What happens between the result and its prizes.
    #[serde(default, skip_serializing_if = "Review::is_default")]
    pub review: Review,
    /// The schedule that announced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleId>,
}

/// Something wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field, such as `rules.score.terms[0].per`.
    pub field: String,
    /// What is wrong with it.
    pub message: &'static str,
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Definition {
    /// Everything that is wrong with it, at once.
    ///
    /// # Errors
    /// The problems, in field order.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let lasts = self.ends.since_ms(self.starts);
        let falling = self.prizes.windows(2).all(|pair| match pair {
            [better, worse] => better >= worse,
            _ => true,
        });
        let checks = [
            (!(1..=120).contains(&self.name.chars().count()), "name", "must be 1–120 characters"),
            (self.name.trim().is_empty(), "name", "must not be blank"),
            (self.description.len() > 8_000, "description", "must be at most 8,000 bytes"),
            (self.prizes.len() > 1_000, "prizes", "must be at most 1,000"),
            (lasts <= 0, "endsAt", "must be after startsAt"),
            (lasts > 366 * DAY_MS, "endsAt", "must be within 366 days of startsAt"),
            (
                self.registration_opens.is_some_and(|opens| opens >= self.ends),
                "registrationOpensAt",
                "must be before endsAt",
            ),
            (!(0..=7 * DAY_MS).contains(&self.grace_ms), "graceSeconds", "must be 0 to 7 days"),
            (!(100..=60_000).contains(&self.tick_ms), "tickMs", "must be 100 to 60000"),
            (!(1..=100).contains(&self.top_n), "topN", "must be 1 to 100"),
            (self.prizes.iter().any(|prize| prize.0 < 0), "prizes", "must not be negative"),
            (!falling, "prizes", "must not rise from one place to the next"),
        ];
        let wrong = checks.into_iter().filter(|(wrong, ..)| *wrong);
        let mut problems: Vec<_> =
            wrong.map(|(_, field, message)| Problem { field: field.to_owned(), message }).collect();
        problems.extend(self.rules.problems(self.currency));
        let times = (self.starts, self.ends);
        problems.extend(self.admission.problems(self.table.as_deref(), self.currency, times));
        problems.extend(self.prize_problems());
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn prize_problems(&self) -> Vec<Problem> {
        let say = |field: &str, message| Problem { field: field.to_owned(), message };
        let mut problems = Vec::new();
        if self.table.is_some() && !self.prizes.is_empty() {
            problems.push(say("prizes", "must be left out: prizeTable says them"));
        }
        if self.table.as_ref().is_some_and(|table| table.currency != self.currency) {
            problems.push(say("prizeTable.currency", "must be the tournament's"));
        }
        if self.prize_rules().is_err() {
            problems.push(say("prizeTable", "is not valid: see POST /api/tournaments/check"));
        }
        let limit = self.review.confirm_above.is_some_and(|limit| limit.0 < 0);
        if limit || !(0..=30 * DAY_MS).contains(&self.review.hold_ms) {
            problems.push(say("review", "must be 0 to 30 days, and amounts not below zero"));
        }
        problems
    }

    /// The prizes as a table, also where only amounts are given; `None`: there are none.
    #[must_use]
    pub fn prize_table(&self) -> Option<PrizeTable> {
        if let Some(table) = &self.table {
            return Some((**table).clone());
        }
        let paid = self.prizes.iter().take_while(|prize| prize.is_positive());
        let mut bands: Vec<(Amount, Band)> = Vec::new();
        for (place, prize) in (1_u32..).zip(paid) {
            match bands.last_mut() {
                Some((amount, band)) if amount == prize => band.to = Some(place),
                _ => {
                    let amount = Some(Decimal(self.currency.format(*prize)));
                    let cash = Prize::Cash { amount, percent: None, weight: None, currency: None };
                    bands.push((*prize, Band { from: place, to: None, prizes: vec![cash] }));
                }
            }
        }
        let bands: Vec<_> = bands.into_iter().map(|(_, band)| band).collect();
        (!bands.is_empty()).then(|| PrizeTable {
            currency: self.currency,
            total: None,
            fixed_from: prizes::table::FixedFrom::default(),
            policies: prizes::table::Policies::default(),
            pool: None,
            bands,
            satellite: None,
        })
    }

    /// Whether the tournament itself decides about each entry.
    #[must_use]
    pub fn is_seated(&self) -> bool {
        self.entry == EntryMode::OptIn && self.admission.is_seated()
    }

    /// Whether anything can be won.
    #[must_use]
    pub fn has_prizes(&self) -> bool {
        self.table.is_some() || self.prizes.first().is_some_and(|prize| prize.is_positive())
    }

    /// The prizes as exact rules; `None`: there are none.
    ///
    /// # Errors
    /// What is wrong with the table.
    pub fn prize_rules(&self) -> Result<Option<prizes::Rules>, Vec<prizes::Problem>> {
        self.prize_table().map(|table| table.rules()).transpose()
    }

    /// How many places win something; `None`: the pool decides, or nobody does.
    #[must_use]
    pub fn paid_places(&self) -> Option<u32> {
        self.prize_rules().ok().flatten().and_then(|rules| rules.places())
    }

    /// A score as an integer with as many decimals as the rules show.
    #[must_use]
    pub fn points(&self, score: i64) -> i64 {
        let decimals = self.rules.score.decimals;
        let unit = 10_i64.pow(u32::from(DECIMALS.saturating_sub(decimals)));
        Points(score).cut(decimals).0 / unit
    }

    /// A score as shown: with the rules' decimals, of which those past the second only when they
    /// say something.
    #[must_use]
    pub fn show(&self, score: i64) -> String {
        let mut text = String::new();
        self.write_score(score, &mut text);
        text
    }

    /// Appends what [`Self::show`] shows.
    pub fn write_score(&self, score: i64, to: &mut String) {
        let decimals = self.rules.score.decimals;
        Points(score).write(decimals, to);
        let zeros = to.bytes().rev().take(usize::from(decimals.saturating_sub(2)));
        let zeros = zeros.take_while(|digit| *digit == b'0').count();
        to.truncate(to.len() - zeros);
    }
}
