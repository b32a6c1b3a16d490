//! Answers of `/api/tournaments`.

use super::contest::{self, BuyIn, Eligibility, Places, ReviewRules, Seats};
use super::{Metric, ParsedTournament};
use crate::templates;
use palio_domain::Amount;
use palio_domain::tournament::Rules;
use palio_domain::tournament::lifecycle::rollover::{self, Carried};
use palio_domain::tournament::lifecycle::{self, Rollover};
use palio_domain::tournament::prizes::table::PrizeTable;
use palio_domain::tournament::prizes::{Funding, Pool, Source};
use palio_domain::tournament::rules::TieBreak;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

/// One position of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResultRow {
    /// As on the board.
    #[serde(flatten)]
    pub row: BoardRow,
    /// What it wins, ready to show; planned or paid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["50.00 EUR"]))]
    pub prizes: Vec<String>,
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
    /// From 1; a result that was put right has a later one.
    #[serde(default)]
    pub version: u32,
    /// The top.
    pub rows: Vec<ResultRow>,
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
    /// The finer step: `announced`, `registration`, `active`, `grace`, `under_review`, `final`,
    /// `paying`, `completed` or `cancelled`.
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
    /// `opt_in`, `all` or `invited`.
    #[schema(example = "opt_in")]
    pub entry: String,
    /// `slot_race`, `jackpot`, `table`, `leaderboard` or `custom`.
    #[serde(rename = "type")]
    #[schema(example = "slot_race")]
    pub kind: String,
    /// What an entry costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buy_in: Option<BuyIn>,
    /// How many players.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seats: Option<Seats>,
    /// Entries that one player may buy, where that is more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries_max: Option<u64>,
    /// Of several entries, `best` or their `sum`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reentry: Option<String>,
    /// Until when players can enter, where that is before the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry_closes_at: Option<String>,
    /// Who may enter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligibility: Option<Eligibility>,
    /// What happens between the result and its prizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewRules>,
    /// Prizes as a table, where they are more than amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub prize_table: Option<Box<PrizeTable>>,
    /// The prize pool as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolView>,
    /// Where the money went that nobody won; empty while prizes are not planned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_over: Vec<LeftOver>,
    /// What places win at the present pool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Places>,
    /// Why it was called off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
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
        let mut shown = Self {
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
            entry: match (of.opt_in, of.admission.invited) {
                (_, true) => "invited",
                (true, _) => "opt_in",
                (false, _) => "all",
            }
            .to_owned(),
            tie_break: tie_break(&of.rules),
            rules: of.rules.clone(),
            result: None,
            kind: of.kind.as_str().to_owned(),
            buy_in: None,
            seats: None,
            entries_max: None,
            reentry: None,
            entry_closes_at: None,
            eligibility: None,
            review: None,
            prize_table: of.table.clone(),
            pool: None,
            left_over: Vec::new(),
            places: Vec::new(),
            reason: None,
        };
        contest::shown(&mut shown, &of.admission, &of.review, of.currency);
        shown
    }
}

/// A prize pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolView {
    /// What can be won.
    #[schema(example = "123.00")]
    pub total: String,
    /// Where it comes from; what is beyond the cap is in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PoolPart>,
    /// What earlier tournaments of the schedule rolled over, each with its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried_in: Vec<CarriedIn>,
}

/// A part of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolPart {
    /// `seed`, `buyIns`, `turnover`, `contributions`, `carriedIn` or `guarantee`.
    #[schema(value_type = String, example = "buyIns")]
    pub source: Source,
    /// How much.
    #[schema(example = "100.00")]
    pub amount: String,
}

/// What nobody won in an earlier tournament.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CarriedIn {
    /// Which one.
    #[schema(example = "sunday-race-20261018t2000")]
    pub from: String,
    /// How much.
    #[schema(example = "12.50")]
    pub amount: String,
}

/// Where what nobody won went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOver {
    /// How much.
    #[schema(example = "12.50")]
    pub amount: String,
    /// `returned` to the operator, `waiting` for the next tournament, `sent` to one, or `carried`
    /// into its pool.
    #[schema(example = "carried")]
    pub state: String,
    /// Into whose pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "sunday-race-20261025t2000")]
    pub to: Option<String>,
}

impl LeftOver {
    /// What the operator has back by a tournament's newest plan; then what was rolled over, the
    /// oldest first, and what waits.
    #[must_use]
    pub fn of(life: &lifecycle::Tournament) -> Vec<Self> {
        let (rollover, currency) = (&life.rollover, life.definition.currency);
        let plan = life.payout.plans.last();
        let kept = plan.map_or(Amount::ZERO, |plan| rollover::returned(plan, life.rolls_over()));
        let kept = kept.is_positive().then(|| {
            let state = "returned".to_owned();
            Self { amount: currency.format(kept), state, to: None }
        });
        let sent = rollover.sent.iter().map(|sent| {
            let state = match (&sent.to, sent.arrived) {
                (None, _) => "returned",
                (Some(_), false) => "sent",
                (Some(_), true) => "carried",
            };
            let to = sent.to.as_ref().map(|to| to.as_str().to_owned());
            Self { amount: currency.format(sent.amount), state: state.to_owned(), to }
        });
        let waiting = rollover.waiting.map(|waiting| {
            let state = "waiting".to_owned();
            Self { amount: currency.format(waiting.amount), state, to: None }
        });
        kept.into_iter().chain(sent).chain(waiting).collect()
    }
}

impl PoolView {
    /// A pool with its parts.
    #[must_use]
    pub fn new(pool: &Pool, rollover: &Rollover) -> Self {
        let currency = pool.currency();
        let part =
            |of: &Funding| PoolPart { source: of.source, amount: currency.format(of.amount) };
        let carried = |of: &Carried| CarriedIn {
            from: of.from.as_str().to_owned(),
            amount: currency.format(of.amount),
        };
        Self {
            total: currency.format(pool.total()),
            parts: pool.funding().iter().map(part).collect(),
            carried_in: rollover.taken.iter().map(carried).collect(),
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
    /// Own entries, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u32>,
    /// What he wins, and how far it has come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payouts: Vec<OwnPayout>,
}

/// A prize of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnPayout {
    /// In words.
    #[schema(example = "50.00 EUR")]
    pub text: String,
    /// `waiting`, `needs_approval`, `processing`, `retry`, `manual`, `paid`, `ineligible` or
    /// `reserved`.
    #[schema(example = "paid")]
    pub state: String,
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
    /// Entries that he has, where they are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u32>,
}
