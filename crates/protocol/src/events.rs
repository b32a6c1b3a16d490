//! Events of `POST /events`: eight shapes, one result.
//!
//! ```text
//! bet.placed@1       ─▶ PlaceBet
//! round.settled@1    ─▶ SettleBets, one per player
//! bet.rolled_back@1  ─▶ Rollback
//! tournament.score_reported@1 ─▶ Report
//! round.reported@1   ─▶ a finished round, for tenants whose money is kept elsewhere
//! round.corrected@1  ─▶ another result of it, or its void
//! player.excluded@1  ─▶ Exclude, for the same tenants
//! {playerId, gameId, amount, result} ─▶ Play: one closed round
//! ```
//!
//! **Currency:** `round.settled` may carry `currency`, for the whole event or per bet. Where
//! there is none, its amounts are read in the tenant's default currency, and the command says
//! so: a bet that was placed in another currency is refused with `CURRENCY_MISMATCH` instead of
//! being paid with the wrong number of decimals. The plain form takes its currency from the
//! player's session; see [`SessionRule::Open`].
//!
//! **Trace:** a `traceId` that is not 1–64 visible ASCII characters is left out rather than
//! refused, since a payout must not fail over it.

use crate::error_code::ErrorCode;
use crate::field::{self, FieldError, Flag, Object, Text, Whole};
use crate::json;
use crate::signature::IDEMPOTENCY_HEADER;
pub use crate::wallet::Part;
use crate::wallet::{Outcome as Done, bet_ref, version};
use palio_domain::tournament::score::Points;
use palio_domain::wallet::contest::{Act, Profile};
use palio_domain::wallet::protection::ExclusionKind;
use palio_domain::wallet::reported::{Correction, RoundReport, Sums};
use palio_domain::wallet::{BetRef, BetResult, Command, Outcome, Report, SessionRule, Terms};
use palio_domain::{BetId, Currency, ProviderId, RoundId, TournamentId, TraceId, UnixMs};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Most events in one request.
pub const EVENTS_MAX: usize = 1000;
/// Most bets in one `round.settled`.
pub const BETS_MAX: usize = 1000;

/// An event as it comes in: any of the eight shapes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `bet.placed`, `round.settled`, `bet.rolled_back`, `tournament.score_reported`,
    /// `round.reported`, `round.corrected` or `player.excluded`; absent in the plain form.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "bet.placed")]
    pub event: Text,
    /// Version of the shape: `"1"`; absent in the plain form.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "1")]
    pub v: Text,
    /// Names the request; required in the plain form, where it is bet and round as well.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "e1")]
    pub event_id: Text,
    /// The bet.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "b_92f")]
    pub bet_id: Text,
    /// Whose.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "p_1")]
    pub player_id: Text,
    /// The round.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "R-1")]
    pub round_id: Text,
    /// The game.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "evo_blackjack_23")]
    pub game_id: Text,
    /// `bet.placed`, `round.reported`, `round.corrected`: the stake.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "10.00")]
    pub stake: Text,
    /// `round.reported`, `round.corrected`: the payout.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "15.00")]
    pub payout: Text,
    /// The currency; optional in `round.settled`.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "EUR")]
    pub currency: Text,
    /// `round.settled`: 1–1,000 results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<SettledBet>, required = false)]
    pub bets: Vec<Object<SettledBet>>,
    /// Plain form: the stake.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "1.00")]
    pub amount: Text,
    /// Plain form: the payout.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "0.00")]
    pub result: Text,
    /// `bet.placed` and plain form: part of a feature, so the stake must be that of the round's
    /// open bets.
    #[serde(default, skip_serializing_if = "Flag::is_missing")]
    #[schema(value_type = Option<bool>)]
    pub feature: Flag,
    /// `tournament.score_reported`: the tournament.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "friday-table")]
    pub tournament_id: Text,
    /// `tournament.score_reported`: points to add, with up to six decimals; less with a minus.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "1500")]
    pub points: Text,
    /// `tournament.score_reported`: the place in the round, 1–65,535, if there is one.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u16>, example = 1)]
    pub place: Whole,
    /// `round.corrected`: the highest one stands; from 2 on, the report is 1. Without it the
    /// order is that of arrival.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u32>, example = 2)]
    pub version: Whole,
    /// `round.corrected`: the round does not count; then without `stake` and `payout`.
    #[serde(default, skip_serializing_if = "Flag::is_missing")]
    #[schema(value_type = Option<bool>)]
    pub void: Flag,
    /// `player.excluded`: the end; without it for ever.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "2027-05-21T00:00:00.000Z")]
    pub until: Text,
    /// The provider's time.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "2025-10-17T14:23:10.120Z")]
    pub ts: Text,
    /// One id through the bet's whole path.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "tr_5f1")]
    pub trace_id: Text,
}

/// One bet's result in `round.settled`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettledBet {
    /// The bet.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "b_92f")]
    pub bet_id: Text,
    /// Whose.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "p_1")]
    pub player_id: Text,
    /// The stake; must be the held one when given.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "10.00")]
    pub stake: Text,
    /// What it pays, ≥ 0.
    #[serde(default)]
    #[schema(value_type = String, required = true, example = "15.00")]
    pub payout: Text,
    /// `WIN`, `LOSE` or `VOID`; must fit the payout when given.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "WIN")]
    pub outcome: Text,
    /// The currency, if other than the event's.
    #[serde(default, skip_serializing_if = "Text::is_missing")]
    #[schema(value_type = Option<String>, example = "EUR")]
    pub currency: Text,
    /// 1 for the first result, n + 1 for a correction of the n-th.
    #[serde(default, skip_serializing_if = "Whole::is_missing")]
    #[schema(value_type = Option<u32>, example = 1)]
    pub version: Whole,
}

/// An event, checked and typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedEvent {
    /// The event's trace, if it has a good one.
    pub trace: Option<TraceId>,
    /// What it asks for: one part per player, in order of first appearance.
    pub parts: Vec<Part>,
}

/// Takes a body apart: one event, or a list of them.
///
/// # Errors
/// `BAD_JSON`, `TOO_DEEP`, `TOO_MANY_ITEMS`; `INVALID_FIELD` for an empty list.
pub fn split(body: &[u8]) -> Result<Vec<&RawValue>, FieldError> {
    let is_list = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if !is_list {
        return json::parse_any::<&RawValue>(body).map(|event| vec![event]);
    }
    let events: Vec<&RawValue> = json::parse_any(body)?;
    match events.len() {
        0 => Err(FieldError::invalid("", "the list of events is empty")),
        1..=EVENTS_MAX => Ok(events),
        _ => {
            let message = format!("more than {EVENTS_MAX} events in one request");
            Err(FieldError::new(ErrorCode::TooManyItems, "", message))
        }
    }
}

/// Reads one event.
///
/// `default` is the tenant's currency for amounts that name none (see the module's text). `key`
/// is the `X-Idempotency-Key` of a request with a single event; it goes before `eventId`.
///
/// Default keys: `eventId`, else `betId` for a bet and its rollback, else for `round.settled` a
/// hash of the round and the player's bets. In the plain form the key is bet and round.
///
/// # Errors
/// `BAD_JSON` when it is not an object; `TOO_MANY_ITEMS`; `INVALID_FIELD` for an event or version
/// that is not known and for the first field that is missing or wrong.
pub fn parse_event(
    event: &RawValue,
    provider: &ProviderId,
    default: Currency,
    key: Option<&str>,
) -> Result<ParsedEvent, FieldError> {
    let event: Event = json::parse(event.get().as_bytes())?;
    let key = key.map(|key| field::parse_key(IDEMPOTENCY_HEADER, key)).transpose()?;
    let event_id = field::key_optional("eventId", &event.event_id)?;
    let key = key.map(str::to_owned).or(event_id);
    let at = field::time_optional("ts", &event.ts)?;
    let trace = match &event.trace_id {
        Text::Given(text) => TraceId::parse(text).ok(),
        Text::Missing | Text::Other(_) => None,
    };
    let Some(name) = event.event.optional("event")? else {
        let part = plain(&event, provider, default, key, at)?;
        return Ok(ParsedEvent { trace, parts: vec![part] });
    };
    const KNOWN: [&str; 7] = [
        "bet.placed",
        "round.settled",
        "bet.rolled_back",
        "tournament.score_reported",
        "round.reported",
        "round.corrected",
        "player.excluded",
    ];
    if !KNOWN.contains(&name) {
        let known = format!("must be one of \"{}\"", KNOWN.join("\", \""));
        return Err(FieldError::invalid("event", known));
    }
    if event.v.required("v")? != "1" {
        return Err(FieldError::invalid("v", "must be \"1\""));
    }
    let parts = match name {
        "bet.placed" => vec![placed(&event, provider, key, at)?],
        "round.settled" => settled(&event, provider, default, key.as_deref(), at)?,
        "bet.rolled_back" => vec![rolled_back(&event, provider, key)?],
        "round.reported" => vec![round_reported(&event, provider, default, key, at)?],
        "round.corrected" => vec![round_corrected(&event, provider, default, key, at)?],
        "player.excluded" => vec![player_excluded(&event, provider, key)?],
        _ => vec![reported(&event, provider, key, at)?],
    };
    Ok(ParsedEvent { trace, parts })
}

fn placed(
    event: &Event,
    provider: &ProviderId,
    key: Option<String>,
    at: Option<UnixMs>,
) -> Result<Part, FieldError> {
    let player = field::player(&event.player_id)?;
    let bet = bet_ref(provider, &event.bet_id, &event.round_id, &event.game_id)?;
    let currency = field::currency(&event.currency)?;
    let stake = field::amount("stake", &event.stake, currency)?;
    let key = key.unwrap_or_else(|| bet.bet.as_str().to_owned());
    let feature = event.feature.or("feature", false)?;
    let (free, terms) = (None, Terms::default());
    let command = Command::PlaceBet { bet, stake, currency, at, free, feature, terms };
    Ok(Part::new(player, key, command))
}

fn rolled_back(
    event: &Event,
    provider: &ProviderId,
    key: Option<String>,
) -> Result<Part, FieldError> {
    let player = field::player(&event.player_id)?;
    let bet = field::bet(&event.bet_id)?;
    let round = field::round_optional(&event.round_id)?;
    let key = key.unwrap_or_else(|| bet.as_str().to_owned());
    let command = Command::Rollback { provider: provider.clone(), bet, round };
    Ok(Part::new(player, key, command))
}

fn reported(
    event: &Event,
    provider: &ProviderId,
    key: Option<String>,
    at: Option<UnixMs>,
) -> Result<Part, FieldError> {
    let player = field::player(&event.player_id)?;
    let round = field::round(&event.round_id)?;
    let key = key.ok_or_else(|| FieldError::invalid("eventId", "is missing"))?;
    let wrong = |field: &'static str| {
        move |error: palio_domain::ids::Error| FieldError::invalid(field, error.to_string())
    };
    let id = BetId::parse(&key).map_err(wrong("eventId"))?;
    let tournament = TournamentId::parse(event.tournament_id.required("tournamentId")?)
        .map_err(wrong("tournamentId"))?;
    let points = Points::parse(event.points.required("points")?).ok_or_else(|| {
        FieldError::invalid("points", "must be a decimal with up to six decimals")
    })?;
    let place = match event.place {
        Whole::Missing => 0,
        given => given.within("place", 1..=u64::from(u16::MAX), 1)?,
    };
    let place = u16::try_from(place).unwrap_or(u16::MAX);
    let provider = provider.clone();
    let who = Profile::default();
    let report = Report { provider, id, round, tournament, points, place, at, who, barred: false };
    Ok(Part::new(player, key, Command::Report(report)))
}

fn plain(
    event: &Event,
    provider: &ProviderId,
    default: Currency,
    key: Option<String>,
    at: Option<UnixMs>,
) -> Result<Part, FieldError> {
    let player = field::player(&event.player_id)?;
    let game = field::game("gameId", &event.game_id)?;
    let stake = field::amount("amount", &event.amount, default)?;
    let payout = field::amount("result", &event.result, default)?;
    let key = key.ok_or_else(|| FieldError::invalid("eventId", "is missing"))?;
    let wrong = |error: palio_domain::ids::Error| FieldError::invalid("eventId", error.to_string());
    let bet = BetRef {
        provider: provider.clone(),
        bet: BetId::parse(&key).map_err(wrong)?,
        round: RoundId::parse(&key).map_err(wrong)?,
        game,
    };
    let terms = Terms { session: SessionRule::Open, ..Terms::default() };
    let (feature, currency) = (event.feature.or("feature", false)?, default);
    let command = Command::Play { bet, stake, payout, currency, at, feature, terms };
    Ok(Part::new(player, key, command))
}

/// A finished round of a platform that keeps the money: its key is its bet's id.
fn round_reported(
    event: &Event,
    provider: &ProviderId,
    default: Currency,
    key: Option<String>,
    at: Option<UnixMs>,
) -> Result<Part, FieldError> {
    let player = field::player(&event.player_id)?;
    let currency = field::currency_optional(&event.currency)?.unwrap_or(default);
    let bet = BetRef {
        provider: provider.clone(),
        bet: field::bet(&event.bet_id)?,
        round: field::round(&event.round_id)?,
        game: field::game("gameId", &event.game_id)?,
    };
    let stake = field::amount("stake", &event.stake, currency)?;
    let payout = field::amount("payout", &event.payout, currency)?;
    let key = key.unwrap_or_else(|| bet.bet.as_str().to_owned());
    let (superseded, barred, who) = (false, false, Profile::default());
    let report = RoundReport { bet, stake, payout, currency, at, superseded, barred, who };
    let report = Box::new(report);
    Ok(Part::new(player, key, Command::Contest(Box::new(Act::Report(report)))))
}

/// Another result of a reported round, or its void. Its key is, if nothing else, its version.
fn round_corrected(
    event: &Event,
    provider: &ProviderId,
    default: Currency,
    key: Option<String>,
    at: Option<UnixMs>,
) -> Result<Part, FieldError> {
    let player = field::player(&event.player_id)?;
    let bet = field::bet(&event.bet_id)?;
    let round = field::round_optional(&event.round_id)?;
    let currency = field::currency_optional(&event.currency)?.unwrap_or(default);
    let version = match version(event.version)? {
        Some(1) => {
            return Err(FieldError::invalid("version", "must be from 2 on: 1 is the report"));
        }
        version => version,
    };
    let now = if event.void.or("void", false)? {
        if !event.stake.is_missing() || !event.payout.is_missing() {
            return Err(FieldError::invalid("void", "leaves no stake and payout to be said"));
        }
        None
    } else {
        Some(Sums {
            stake: field::amount("stake", &event.stake, currency)?,
            payout: field::amount("payout", &event.payout, currency)?,
        })
    };
    let key = match (key, version) {
        (Some(key), _) => key,
        (None, Some(version)) => {
            // Of a bet with a very long id that would be no key.
            let key = format!("{}#{version}", bet.as_str());
            field::parse_key("eventId", &key).map(str::to_owned)?
        }
        (None, None) => {
            return Err(FieldError::invalid("eventId", "is missing, as version is"));
        }
    };
    let provider = provider.clone();
    let correction = Correction { provider, bet, round, version, now, currency, at };
    Ok(Part::new(player, key, Command::Contest(Box::new(Act::Correct(Box::new(correction))))))
}

/// A platform that keeps the players says that one of them may not play.
fn player_excluded(
    event: &Event,
    provider: &ProviderId,
    key: Option<String>,
) -> Result<Part, FieldError> {
    let player = field::player(&event.player_id)?;
    let until = field::time_optional("until", &event.until)?;
    let key = key.ok_or_else(|| FieldError::invalid("eventId", "is missing"))?;
    let (reason, author) = ("reported by the platform".into(), provider.as_str().into());
    let kind = ExclusionKind::SelfExclusion;
    let provider = Some(provider.clone());
    Ok(Part::new(player, key, Command::Exclude { kind, until, reason, author, provider }))
}

/// One player's part of a round while it is collected.
struct Share {
    player: String,
    currency: Currency,
    bets: Vec<BetResult>,
}

fn settled(
    event: &Event,
    provider: &ProviderId,
    default: Currency,
    key: Option<&str>,
    at: Option<UnixMs>,
) -> Result<Vec<Part>, FieldError> {
    let round = field::round(&event.round_id)?;
    let default = field::currency_optional(&event.currency)?.unwrap_or(default);
    if event.bets.is_empty() {
        return Err(FieldError::invalid("bets", "must hold at least one bet"));
    }
    if event.bets.len() > BETS_MAX {
        let message = format!("holds more than {BETS_MAX} bets");
        return Err(FieldError::new(ErrorCode::TooManyItems, "bets", message));
    }
    let mut shares: Vec<Share> = Vec::new();
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (at, Object(bet)) in event.bets.iter().enumerate() {
        let within = |error: FieldError| error.inside(&format!("bets[{at}]"));
        let player = field::player(&bet.player_id).map_err(within)?;
        let currency = field::currency_optional(&bet.currency).map_err(within)?.unwrap_or(default);
        let result = bet_result(bet, currency).map_err(within)?;
        if !seen.insert((player.clone(), result.bet.clone())) {
            return Err(within(FieldError::invalid("betId", "is there twice")));
        }
        let index = *place.entry(player.clone()).or_insert(shares.len());
        match shares.get_mut(index) {
            None => shares.push(Share { player, currency, bets: vec![result] }),
            Some(share) if share.currency == currency => share.bets.push(result),
            Some(_) => {
                let message = "must be the same for all bets of a player";
                return Err(within(FieldError::invalid("currency", message)));
            }
        }
    }
    let game = field::game_optional("gameId", &event.game_id)?;
    let part = |share: Share| {
        let key = key.map_or_else(|| settlement_key(&round, &share.bets), str::to_owned);
        let command = Command::SettleBets {
            provider: provider.clone(),
            round: round.clone(),
            game: game.clone(),
            bets: share.bets,
            currency: Some(share.currency),
            at,
            terms: Terms::default(),
        };
        Part::new(share.player, key, command)
    };
    Ok(shares.into_iter().map(part).collect())
}

fn bet_result(bet: &SettledBet, currency: Currency) -> Result<BetResult, FieldError> {
    let outcome = match bet.outcome.optional("outcome")? {
        None => None,
        Some("WIN") => Some(Outcome::Win),
        Some("LOSE") => Some(Outcome::Lose),
        Some("VOID") => Some(Outcome::Void),
        Some(_) => {
            return Err(FieldError::invalid("outcome", "must be \"WIN\", \"LOSE\" or \"VOID\""));
        }
    };
    Ok(BetResult {
        bet: field::bet(&bet.bet_id)?,
        stake: field::amount_optional("stake", &bet.stake, currency)?,
        payout: field::amount("payout", &bet.payout, currency)?,
        outcome,
        version: version(bet.version)?,
    })
}

/// `round_` and 128 bits of SHA-256 over the round and the player's bets, each after its length.
///
/// A hash in every case: ids may hold any separator, so a plain text of them could be the same
/// for two different settlements. The bytes are stored with rows and must never change.
fn settlement_key(round: &RoundId, bets: &[BetResult]) -> String {
    let mut hash = Sha256::new();
    let ids = std::iter::once(round.as_str()).chain(bets.iter().map(|bet| bet.bet.as_str()));
    for id in ids {
        hash.update(format!("{}:{id};", id.len()));
    }
    // A correction is another request than the result it corrects.
    for version in bets.iter().filter_map(|bet| bet.version).filter(|version| *version > 1) {
        hash.update(format!("#{version};"));
    }
    let digest = hash.finalize();
    format!("round_{}", hex::encode(digest.get(..16).unwrap_or_default()))
}

/// What became of one event.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventOutcome {
    /// Position in the request, from 0.
    pub index: usize,
    /// The status this event would have had alone; 207 when only some players' parts of a
    /// `round.settled` went through.
    #[schema(example = 200)]
    pub status: u16,
    /// The answer, if it went through and is about one player.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub result: Option<Box<RawValue>>,
    /// With several players: what became of each, in order of first appearance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<crate::wallet::OperationOutcome>>,
    /// The stable code, if it did not go through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What happened, if it did not go through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl EventOutcome {
    /// An event about one player, or one that could not be read.
    #[must_use]
    pub fn single(index: usize, outcome: Done) -> Self {
        let Done { status, result, code, detail } = outcome;
        Self { index, status, result, operations: None, code, detail }
    }

    /// An event about several players.
    #[must_use]
    pub fn several(index: usize, operations: Vec<crate::wallet::OperationOutcome>) -> Self {
        let status = crate::wallet::overall(operations.iter().map(|one| &one.outcome));
        let operations = Some(operations);
        Self { index, status, result: None, operations, code: None, detail: None }
    }
}

/// Answer of `POST /events`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventsResponse {
    /// One per event, in order.
    pub outcomes: Vec<EventOutcome>,
}

impl EventsResponse {
    /// 200 when all went through, else 207.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.outcomes.iter().all(|outcome| outcome.status == 200) { 200 } else { 207 }
    }
}

#[cfg(test)]
mod tests;
