//! Bodies and answers of `/api/tournaments`.

use crate::error_code::ErrorCode;
use crate::field::{self, FieldError, Text, Whole};
use crate::templates;
use palio_domain::tournament::Metric as Usual;
use palio_domain::tournament::Rules;
use palio_domain::tournament::rules::{Counts, TieBreak};
use palio_domain::tournament::score::{ONE, Points};
use palio_domain::{Amount, Currency, GameId, TournamentId, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

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
    /// `opt_in`: players join; `all`: whoever bets takes part. `opt_in` when not given.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "opt_in")]
    pub entry: Text,
    /// Prizes from the first place down, in the currency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false, example = json!(["100.00", "50.00"]))]
    pub prizes: Vec<Text>,
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
        let opt_in = match self.entry.optional("entry")? {
            None | Some("opt_in") => true,
            Some("all") => false,
            Some(_) => {
                return Err(FieldError::invalid("entry", "must be \"opt_in\" or \"all\""));
            }
        };
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

/// One position of a ranking, as polled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoardRow {
    /// Opaque row key, stable within the tournament.
    #[schema(example = "a1")]
    pub key: String,
    /// Position from 1.
    pub rank: u64,
    /// Alias.
    #[schema(example = "Swift Otter 17")]
    pub name: String,
    /// Decimal string ready to show.
    #[schema(example = "1284.50")]
    pub score: String,
}

/// The result of a finished tournament.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TournamentResult {
    /// When it became final.
    #[schema(example = "2026-11-21T19:01:00.000Z")]
    pub completed_at: String,
    /// Hash over the whole ranking.
    pub standings_hash: String,
    /// The top.
    pub rows: Vec<BoardRow>,
}

/// A tournament.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tournament {
    /// Its id.
    #[schema(example = "friday-race")]
    pub id: String,
    /// Its name.
    #[schema(example = "Friday race")]
    pub name: String,
    /// `upcoming`, `active`, `completed` or `cancelled`.
    #[schema(example = "active")]
    pub status: String,
    /// The finer step: `announced`, `registration`, `active`, `grace`, `final` or `cancelled`.
    #[schema(example = "active")]
    pub phase: String,
    /// What it ranks by.
    pub metric: Metric,
    /// Its currency.
    #[schema(example = "EUR")]
    pub currency: String,
    /// When it starts.
    #[schema(example = "2026-11-21T18:00:00.000Z")]
    pub starts_at: String,
    /// When it ends.
    #[schema(example = "2026-11-21T19:00:00.000Z")]
    pub ends_at: String,
    /// How long results are waited for.
    pub grace_seconds: u64,
    /// From when players can join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_opens_at: Option<String>,
    /// How often live boards are updated.
    pub tick_ms: u64,
    /// Rows on the live board.
    pub top_n: u64,
    /// Ranked players.
    pub participants: u64,
    /// Prizes from the first place down.
    #[schema(example = json!(["100.00"]))]
    pub prizes: Vec<String>,
    /// Text for people; may be empty.
    pub description: String,
    /// What counts and how it is scored, in full.
    #[schema(value_type = Object)]
    pub rules: Rules,
    /// Smaller stakes don't count.
    #[schema(example = "0.10")]
    pub min_stake: String,
    /// Turnover: the stake worth one point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "1.00")]
    pub points_per: Option<String>,
    /// The games that count; all when empty.
    pub games: Vec<String>,
    /// `opt_in` or `all`.
    #[schema(example = "opt_in")]
    pub entry: String,
    /// What decides between equals, in order.
    #[schema(example = json!(["score", "reachedAt", "player"]))]
    pub tie_break: Vec<String>,
    /// Only once final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<TournamentResult>,
}

/// What the order is made of, the most important first.
fn tie_break(rules: &Rules) -> Vec<String> {
    let word = |tie: &TieBreak| match tie {
        TieBreak::Reached => "reachedAt",
        TieBreak::FirstRound => "firstRoundAt",
        TieBreak::FewerRounds => "fewerRounds",
        TieBreak::MoreRounds => "moreRounds",
        TieBreak::BestRound => "bestRound",
        TieBreak::Countback => "countback",
    };
    let ties = rules.ties.iter().map(word);
    std::iter::once("score").chain(ties).chain(["player"]).map(str::to_owned).collect()
}

impl Tournament {
    /// A tournament's definition with its present state, without a result.
    #[must_use]
    pub fn new(of: &ParsedTournament, status: &str, phase: &str, participants: u64) -> Self {
        let money = |amount: &Amount| of.currency.format(*amount);
        let decimals = of.currency.exponent().min(6);
        Self {
            id: of.id.as_str().to_owned(),
            name: of.name.clone(),
            status: status.to_owned(),
            phase: phase.to_owned(),
            metric: of.metric,
            currency: of.currency.code().to_owned(),
            starts_at: crate::time::format(of.starts),
            ends_at: crate::time::format(of.ends),
            grace_seconds: u64::try_from(of.grace_ms / 1000).unwrap_or(0),
            registration_opens_at: of.registration_opens.map(crate::time::format),
            tick_ms: of.tick_ms,
            top_n: of.top_n,
            participants,
            prizes: of.prizes.iter().map(money).collect(),
            description: of.description.clone(),
            min_stake: of.rules.counts.stake_min.show(decimals),
            points_per: of
                .rules
                .score
                .linear()
                .filter(|_| of.metric == Metric::Turnover)
                .map(|term| term.per.show(decimals)),
            games: of.rules.counts.games.iter().map(|game| game.as_str().to_owned()).collect(),
            entry: if of.opt_in { "opt_in" } else { "all" }.to_owned(),
            tie_break: tie_break(&of.rules),
            rules: of.rules.clone(),
            result: None,
        }
    }
}

/// A template with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NamedTemplate {
    /// The word for `template`.
    #[schema(example = "multiplier-bands")]
    pub template: String,
    /// What it says.
    #[serde(flatten)]
    pub of: templates::Template,
}

/// Answer of `GET /api/templates`, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TemplatesResponse {
    /// All of them.
    pub templates: Vec<NamedTemplate>,
}

/// Answer of `GET /api/tournaments`: newest start first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TournamentsResponse {
    /// The tournaments.
    pub tournaments: Vec<Tournament>,
}

/// Answer of `GET /api/tournaments/{id}/leaderboard`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaderboardResponse {
    /// Which tournament.
    #[schema(example = "friday-race")]
    pub tournament_id: String,
    /// The broadcaster's life; `seq` counts inside it.
    #[schema(example = "k3f9")]
    pub epoch: String,
    /// The board's version.
    pub seq: u64,
    /// The tournament's state.
    #[schema(example = "active")]
    pub status: String,
    /// Ranked players.
    pub participants: u64,
    /// The page, by rank.
    pub rows: Vec<BoardRow>,
    /// The server's time.
    #[schema(example = "2026-11-21T18:03:11.000Z")]
    pub as_of: String,
}

/// The next place and what is missing to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ahead {
    /// Score missing.
    #[schema(example = "0.50")]
    pub gap: String,
    /// Alias.
    #[schema(example = "Swift Otter 17")]
    pub name: String,
}

/// Answer of `GET /api/tournaments/{id}/leaderboard/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnRowResponse {
    /// Position, `null` while unranked.
    pub rank: Option<u64>,
    /// Own score.
    #[schema(example = "1284.50")]
    pub score: String,
    /// Own row key.
    #[schema(example = "a1")]
    pub key: String,
    /// Ranked players.
    pub participants: u64,
    /// The next place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// Score missing to the last paid place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prize_gap: Option<String>,
    /// Neighbours and the own row, by rank.
    pub around: Vec<BoardRow>,
}

/// Answer of joining and leaving; the same every time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinResponse {
    /// Which tournament.
    #[schema(example = "friday-race")]
    pub tournament_id: String,
    /// The operator's own id of the player.
    #[schema(example = "p_1")]
    pub player_id: String,
    /// Whether the player is in it now.
    pub joined: bool,
}

#[cfg(test)]
mod tests;
