//! Bodies and answers of `/api/tournaments`.

use crate::error_code::ErrorCode;
use crate::field::{self, FieldError, Text, Whole};
use crate::templates;
use palio_domain::tournament::Metric as Usual;
use palio_domain::tournament::prizes::table::PrizeTable;
use palio_domain::tournament::rules::Counts;
use palio_domain::tournament::score::{ONE, Points};
use palio_domain::tournament::{Admission, Kind, Review, Rules};
use palio_domain::{Amount, Currency, GameId, TournamentId, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

mod contest;
pub mod payouts;
mod view;

pub use contest::{BuyIn, Eligibility, Places, ReviewRules, Seats, places, prize_text};
pub use view::*;

/// Longest name, in characters.
const NAME_LEN_MAX: usize = 80;
/// Longest description, in characters.
const DESCRIPTION_LEN_MAX: usize = 2000;
/// Most games that a tournament can name.
const GAMES_MAX: usize = 1000;
/// Most prizes.
const PRIZES_MAX: usize = 1000;
const GRACE_S_MAX: u64 = 7 * 24 * 60 * 60;
const GRACE_S: u64 = 60;
const TICK_MS: u64 = 1000;
const TICK_MS_MIN: u64 = 100;
const TICK_MS_MAX: u64 = 60_000;
const TOP_N: u64 = 10;
const TOP_N_MAX: u64 = 100;

/// What a tournament ranks by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// One point per `pointsPer` staked.
    Turnover,
    /// Highest payout ÷ stake of one round.
    BestRatio,
    /// Stakes − payouts.
    Ggr,
    /// Rules of its own: see `rules`.
    Custom,
}

impl Metric {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Turnover => "turnover",
            Self::BestRatio => "best_ratio",
            Self::Ggr => "ggr",
            Self::Custom => "custom",
        }
    }

    /// The same in the rules' terms.
    #[must_use]
    pub const fn usual(self) -> Usual {
        match self {
            Self::Turnover => Usual::Turnover,
            Self::BestRatio => Usual::BestRatio,
            Self::Ggr => Usual::Ggr,
            Self::Custom => Usual::Custom,
        }
    }

    /// The same on the wire.
    #[must_use]
    pub const fn of(usual: Usual) -> Self {
        match usual {
            Usual::Turnover => Self::Turnover,
            Usual::BestRatio => Self::BestRatio,
            Usual::Ggr => Self::Ggr,
            Usual::Custom => Self::Custom,
        }
    }

    /// The metric of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Turnover, Self::BestRatio, Self::Ggr, Self::Custom]
            .into_iter()
            .find(|m| m.as_str() == word)
    }
}

/// `POST /api/tournaments`. Only the first six are required.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateTournament {
    /// 1–64 of `a-z`, `0-9` and `-`.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "friday-race")]
    pub id: Text,
    /// 1–80 characters.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "Friday race")]
    pub name: Text,
    /// What it ranks by.
    #[serde(default)]
    #[schema(value_type = Metric, required = true)]
    pub metric: Text,
    /// The currency of stakes, scores and prizes.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "EUR")]
    pub currency: Text,
    /// With `custom`: what counts and how it is scored; see docs/tournaments/rules.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub rules: Option<serde_json::Value>,
    /// With `custom`, in place of `rules`: the name of a template.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "multiplier-bands")]
    pub template: Text,
    /// When it starts.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "2026-11-21T18:00:00.000Z")]
    pub starts_at: Text,
    /// When it ends, later than it starts.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "2026-11-21T19:00:00.000Z")]
    pub ends_at: Text,
    /// From when players can join; not given: at once.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "2026-11-21T12:00:00.000Z")]
    pub registration_opens_at: Text,
    /// How long results of bets made in time are waited for; 60 when not given.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u64>, example = 60)]
    pub grace_seconds: Whole,
    /// Smaller stakes don't count; 0 when not given.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "0.10")]
    pub min_stake: Text,
    /// Turnover: the stake that is worth one point; 1 unit of the currency when not given.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "1.00")]
    pub points_per: Text,
    /// Only bets on these games count; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    pub games: Vec<Text>,
    /// How often live boards are updated, 100–60,000 ms; 1000 when not given.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u64>, example = 1000)]
    pub tick_ms: Whole,
    /// Rows on the live board, 1–100; 10 when not given.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u64>, example = 10)]
    pub top_n: Whole,
    /// `opt_in`: players join; `all`: whoever bets takes part, and `eligibility` is asked of every
    /// round. `opt_in` when not given.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "opt_in")]
    pub entry: Text,
    /// Cash prizes from the first place down, in the currency; or `prizeTable`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["100.00", "50.00"]))]
    pub prizes: Vec<Text>,
    /// Prizes as a table: see docs/tournaments/prizes.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub prize_table: Option<serde_json::Value>,
    /// `slot_race`, `jackpot`, `table`, `leaderboard` or `custom`; `leaderboard` when not given.
    #[serde(default, rename = "type", skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "slot_race")]
    pub kind: Text,
    /// What an entry costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buy_in: Option<BuyIn>,
    /// How many players.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Seats>,
    /// Entries that one player may buy, 1–101; 1 when not given.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u64>, example = 1)]
    pub entries_max: Whole,
    /// Of several entries: `best` counts, or their `sum`; `best` when not given.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "best")]
    pub reentry: Text,
    /// Until when players can enter; until the end when not given.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "2026-11-21T18:30:00.000Z")]
    pub entry_closes_at: Text,
    /// Who may enter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligibility: Option<Eligibility>,
    /// What happens between the result and its prizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewRules>,
    /// Up to 2,000 characters.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>)]
    pub description: Text,
}

/// A tournament's definition, checked and typed, with defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedTournament {
    /// Its id.
    pub id: TournamentId,
    /// Its name, 1–80 characters.
    pub name: String,
    /// What it ranks by.
    pub metric: Metric,
    /// Its currency.
    pub currency: Currency,
    /// When it starts.
    pub starts: UnixMs,
    /// When it ends; later.
    pub ends: UnixMs,
    /// From when players can join; not after the end.
    pub registration_opens: Option<UnixMs>,
    /// How long results are waited for, in milliseconds.
    pub grace_ms: i64,
    /// What counts, and how.
    pub rules: Rules,
    /// How often live boards are updated.
    pub tick_ms: u64,
    /// Rows on the live board, 1–100.
    pub top_n: u64,
    /// Whether players must join.
    pub opt_in: bool,
    /// Prizes from the first place down; minor units, ≥ 0.
    pub prizes: Vec<Amount>,
    /// Up to 2,000 characters; may be empty.
    pub description: String,
    /// What sort of contest it is.
    pub kind: Kind,
    /// Who gets in.
    pub admission: Admission,
    /// Prizes as a table.
    pub table: Option<Box<PrizeTable>>,
    /// What happens between the result and its prizes.
    pub review: Review,
}

impl CreateTournament {
    /// Checks and types everything.
    ///
    /// # Errors
    /// `INVALID_FIELD` or `TOO_MANY_ITEMS` for the first field that is missing or wrong by
    /// itself, then `TOURNAMENT_INVALID` for fields that contradict each other.
    pub fn parse(self) -> Result<ParsedTournament, FieldError> {
        let id = TournamentId::parse(self.id.required("id")?)
            .map_err(|error| FieldError::invalid("id", error.to_string()))?;
        let name = prose("name", self.name.required("name")?, NAME_LEN_MAX)?;
        if name.is_empty() {
            return Err(FieldError::invalid("name", "must not be empty"));
        }
        let metric = Metric::from_word(self.metric.required("metric")?).ok_or_else(|| {
            let words = "must be \"turnover\", \"best_ratio\", \"ggr\" or \"custom\"";
            FieldError::invalid("metric", words)
        })?;
        let currency = field::currency(&self.currency)?;
        let starts = field::time_required("startsAt", &self.starts_at)?;
        let ends = field::time_required("endsAt", &self.ends_at)?;
        let registration_opens =
            field::time_optional("registrationOpensAt", &self.registration_opens_at)?;
        let grace_s = self.grace_seconds.within("graceSeconds", 0..=GRACE_S_MAX, GRACE_S)?;
        let grace_ms = i64::try_from(grace_s).unwrap_or(i64::MAX).saturating_mul(1000);
        let rules = self.rules(metric, currency)?;
        let tick_ms = self.tick_ms.within("tickMs", TICK_MS_MIN..=TICK_MS_MAX, TICK_MS)?;
        let top_n = self.top_n.within("topN", 1..=TOP_N_MAX, TOP_N)?;
        let (opt_in, invited) = match self.entry.optional("entry")? {
            None | Some("opt_in") => (true, false),
            Some("invited") => (true, true),
            Some("all") => (false, false),
            Some(_) => {
                let words = "must be \"opt_in\", \"all\" or \"invited\"";
                return Err(FieldError::invalid("entry", words));
            }
        };
        let kind = self.kind()?;
        let admission = self.admission(invited, currency)?;
        if !opt_in && admission.needs_entry() {
            return Err(contradiction("entry", "must not be \"all\": who is in is decided here"));
        }
        let table = self.table()?;
        let review = self.review(currency)?;
        let prizes = prizes(&self.prizes, currency)?;
        let description = self.description.optional("description")?.unwrap_or_default();
        let description = prose("description", description, DESCRIPTION_LEN_MAX)?;
        if ends <= starts {
            return Err(contradiction("endsAt", "must be later than startsAt"));
        }
        if registration_opens.is_some_and(|opens| opens >= ends) {
            return Err(contradiction("registrationOpensAt", "must be earlier than endsAt"));
        }
        Ok(ParsedTournament {
            id,
            name,
            metric,
            currency,
            starts,
            ends,
            registration_opens,
            grace_ms,
            rules,
            tick_ms,
            top_n,
            opt_in,
            prizes,
            description,
            kind,
            admission,
            table,
            review,
        })
    }
}

impl CreateTournament {
    /// The usual rules of the metric, or the given ones. What says the same twice is no
    /// contradiction, so that a tournament can be announced from how it is shown.
    fn rules(&self, metric: Metric, currency: Currency) -> Result<Rules, FieldError> {
        let points = |field: &str, text: &Text| {
            let fine = || FieldError::invalid(field, "must not have more than six decimals");
            let amount = field::amount_optional(field, text, currency)?;
            amount.map(|amount| Points::of(amount, currency).ok_or_else(fine)).transpose()
        };
        let least = points("minStake", &self.min_stake)?;
        let per = points("pointsPer", &self.points_per)?;
        if per.is_some_and(|per| per <= Points::ZERO) {
            return Err(FieldError::invalid("pointsPer", "must be more than zero"));
        }
        let games = games(&self.games)?;
        let given = self.given_rules()?;
        let Some(usual) = metric.usual().rules(per.unwrap_or(Points(ONE)), currency) else {
            let rules = given.ok_or_else(|| contradiction("rules", "or a template is needed"))?;
            let same = least.is_none_or(|least| least == rules.counts.stake_min)
                && per.is_none()
                && (games.is_empty() || games == rules.counts.games);
            let message = "is said by the rules of a custom tournament, and otherwise";
            return if same { Ok(rules) } else { Err(contradiction("minStake", message)) };
        };
        let stake_min = least.unwrap_or_default();
        let rules = Rules { counts: Counts { stake_min, games, ..Counts::default() }, ..usual };
        match given {
            Some(given) if given != rules => {
                Err(contradiction("rules", "of its own are for the metric \"custom\""))
            }
            _ => Ok(rules),
        }
    }

    /// Rules or a template, if there is one of them.
    fn given_rules(&self) -> Result<Option<Rules>, FieldError> {
        match (&self.rules, self.template.optional("template")?) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(contradiction("template", "can't be given with rules")),
            (Some(document), None) => {
                serde_json::from_value(document.clone()).map(Some).map_err(|error| {
                    let text: String = error.to_string().chars().take(200).collect();
                    FieldError::invalid("rules", format!("can't be read: {text}"))
                })
            }
            (None, Some(name)) => templates::find(name).map(Some).ok_or_else(|| {
                FieldError::invalid("template", "there is none of this name; see /api/templates")
            }),
        }
    }
}

fn contradiction(field: &str, message: &str) -> FieldError {
    FieldError::new(ErrorCode::TournamentInvalid, field, message)
}

fn too_many(field: &str, max: usize) -> FieldError {
    FieldError::new(ErrorCode::TooManyItems, field, format!("holds more than {max} entries"))
}

/// Text for people: trimmed, no control characters except line breaks, so many characters.
fn prose(field: &str, text: &str, max: usize) -> Result<String, FieldError> {
    let text = text.trim();
    if text.chars().count() > max {
        return Err(FieldError::invalid(field, format!("is longer than {max} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(FieldError::invalid(field, "holds a control character"));
    }
    Ok(text.to_owned())
}

fn games(texts: &[Text]) -> Result<Vec<GameId>, FieldError> {
    if texts.len() > GAMES_MAX {
        return Err(too_many("games", GAMES_MAX));
    }
    let mut seen = BTreeSet::new();
    let mut games = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        let game = field::game(&format!("games[{at}]"), text)?;
        if seen.insert(game.clone()) {
            games.push(game);
        }
    }
    Ok(games)
}

fn prizes(texts: &[Text], currency: Currency) -> Result<Vec<Amount>, FieldError> {
    if texts.len() > PRIZES_MAX {
        return Err(too_many("prizes", PRIZES_MAX));
    }
    texts
        .iter()
        .enumerate()
        .map(|(at, text)| field::amount(&format!("prizes[{at}]"), text, currency))
        .collect()
}

#[cfg(test)]
mod tests;
