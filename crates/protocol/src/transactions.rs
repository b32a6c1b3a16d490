//! Searching for transactions: what may be asked, and how a row of the journal is shown.

use crate::field::FieldError;
use crate::time;
use palio_domain::journal::{Filter, Kinds, Row, RowKind, transaction_id};
use palio_domain::wallet::Event;
use palio_domain::wallet::contest::Told;
use palio_domain::wallet::reported::{Effect, RoundReport, Sums};
use palio_domain::{BetId, GameId, ProviderId, RoundId, Slot, TenantId, TraceId, UnixMs};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

/// Transactions on one page.
pub const LIMIT_MAX: usize = 500;
const LIMIT_DEFAULT: usize = 50;

/// What is looked for: all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TransactionQuery {
    /// A player, by the operator's own id (operators only).
    #[param(example = "p_1")]
    pub player_id: Option<String>,
    /// A provider (operators and players only).
    #[param(example = "sandbox")]
    pub provider: Option<String>,
    /// A round.
    #[param(example = "R-1")]
    pub round_id: Option<String>,
    /// A bet.
    #[param(example = "b_92f")]
    pub bet_id: Option<String>,
    /// A game.
    #[param(example = "evo_blackjack_23")]
    pub game_id: Option<String>,
    /// Kinds, with commas between them.
    #[param(example = "bet.placed,bet.settled")]
    pub kind: Option<String>,
    /// Not before this time.
    #[param(example = "2026-11-01T00:00:00Z")]
    pub from: Option<String>,
    /// Before this time.
    #[param(example = "2026-12-01T00:00:00Z")]
    pub until: Option<String>,
    /// Transactions on a page, 1–500; 50 unless given.
    pub limit: Option<String>,
    /// Where to go on: `next` of the page before, with all else unchanged.
    pub cursor: Option<String>,
}

/// A place in the order of transactions: time, slot, seq.
pub type Place = (UnixMs, Slot, u64);

fn parsed<T>(
    field: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, palio_domain::ids::Error>,
) -> Result<Option<T>, FieldError> {
    let wrong = |error: palio_domain::ids::Error| FieldError::invalid(field, error.to_string());
    text.map(|text| parse(text).map_err(wrong)).transpose()
}

fn instant(field: &str, text: Option<&str>) -> Result<Option<UnixMs>, FieldError> {
    let wrong = |error: time::Error| FieldError::invalid(field, error.to_string());
    text.map(|text| time::parse(text).map_err(wrong)).transpose()
}

fn kinds(text: &str) -> Result<Kinds, FieldError> {
    text.split(',').try_fold(Kinds::default(), |kinds, name| {
        let kind = RowKind::ALL.iter().find(|kind| kind.name() == name.trim());
        let wrong = || FieldError::invalid("kind", "holds a kind that there is not");
        kind.map(|kind| kinds.with(*kind)).ok_or_else(wrong)
    })
}

impl TransactionQuery {
    /// The conditions, without the player: who that is, is for the directory.
    ///
    /// # Errors
    /// The first parameter that is wrong.
    pub fn filter(&self, tenant: TenantId) -> Result<Filter, FieldError> {
        let (from, until) =
            (instant("from", self.from.as_deref())?, instant("until", self.until.as_deref())?);
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            return Err(FieldError::invalid("until", "must be after from"));
        }
        Ok(Filter {
            provider: parsed("provider", self.provider.as_deref(), ProviderId::parse)?,
            round: parsed("roundId", self.round_id.as_deref(), RoundId::parse)?,
            bet: parsed("betId", self.bet_id.as_deref(), BetId::parse)?,
            game: parsed("gameId", self.game_id.as_deref(), GameId::parse)?,
            kinds: self.kind.as_deref().map(kinds).transpose()?.unwrap_or_default(),
            from,
            until,
            ..Filter::all(tenant)
        })
    }

    /// How many are wanted.
    ///
    /// # Errors
    /// [`FieldError`] when it is no number, or not of the range.
    pub fn limit(&self) -> Result<usize, FieldError> {
        let Some(text) = &self.limit else { return Ok(LIMIT_DEFAULT) };
        let number = text.parse().ok().filter(|number| (1..=LIMIT_MAX).contains(number));
        number.ok_or_else(|| FieldError::invalid("limit", "must be a whole number from 1 to 500"))
    }

    /// Where to go on.
    ///
    /// # Errors
    /// [`FieldError`] when it is not a cursor.
    pub fn place(&self) -> Result<Option<Place>, FieldError> {
        let wrong = || FieldError::invalid("cursor", "is not one that this server gave");
        self.cursor.as_deref().map(|text| read_cursor(text).ok_or_else(wrong)).transpose()
    }
}

/// A cursor as a text without a meaning of its own.
#[must_use]
pub fn write_cursor((time, slot, seq): Place) -> String {
    format!("{:016x}{:02x}{seq:x}", time.0, slot.0)
}

fn read_cursor(text: &str) -> Option<Place> {
    let digits = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    if !(19..=34).contains(&text.len()) || !text.bytes().all(digits) {
        return None;
    }
    let (time, rest) = text.split_at_checked(16)?;
    let (slot, seq) = rest.split_at_checked(2)?;
    let place = (
        UnixMs(u64::from_str_radix(time, 16).ok()?.cast_signed()),
        Slot(u8::from_str_radix(slot, 16).ok()?),
        u64::from_str_radix(seq, 16).ok()?,
    );
    // One place has one text.
    (write_cursor(place) == text).then_some(place)
}

/// Slot and seq of a transaction id (`tx_1f_2a`).
#[must_use]
pub fn read_id(text: &str) -> Option<(Slot, u64)> {
    let (slot, seq) = text.strip_prefix("tx_")?.split_once('_')?;
    let slot = Slot(u8::from_str_radix(slot, 16).ok()?);
    let seq = u64::from_str_radix(seq, 16).ok().filter(|seq| *seq > 0)?;
    (transaction_id(slot, seq) == text && seq <= i64::MAX.unsigned_abs()).then_some((slot, seq))
}

/// One row of the journal. What a row does not have is left out.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// Its id.
    #[schema(example = "tx_1f_2a")]
    pub transaction_id: String,
    /// What happened.
    #[schema(example = "bet.placed")]
    pub kind: &'static str,
    /// When it was written.
    #[schema(example = "2026-11-21T18:00:00.000Z")]
    pub at: String,
    /// Whose it is; absent for what is no player's, and for a player who was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "p_1")]
    pub player_id: Option<String>,
    /// The provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sandbox")]
    pub provider: Option<String>,
    /// The round.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "R-1")]
    pub round_id: Option<String>,
    /// The bet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "b_92f")]
    pub bet_id: Option<String>,
    /// The game.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "evo_blackjack_23")]
    pub game_id: Option<String>,
    /// The account that the money left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "cash")]
    pub from: Option<&'static str>,
    /// The account that it went to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "held")]
    pub to: Option<&'static str>,
    /// How much.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "10.00")]
    pub amount: Option<String>,
    /// Of which currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// What the player could bet with afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "90.00")]
    pub balance: Option<String>,
    /// A reported round, or its correction: the stake.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "10.00")]
    pub staked: Option<String>,
    /// A reported round, or its correction: the payout.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "15.00")]
    pub payout: Option<String>,
    /// A correction of a reported round: its version; the highest one stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2)]
    pub version: Option<u32>,
    /// A correction of a reported round: the round does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub void: Option<bool>,
    /// A reported round, or its correction: a later version stood when it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub superseded: Option<bool>,
    /// The caller's idempotency key, on the first row of its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "key-1")]
    pub request_id: Option<String>,
    /// The trace (operators only).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "tr_5f1")]
    pub trace_id: Option<String>,
    /// Everything else that was written down (operators only, one transaction at a time).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Box<RawValue>>,
}

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Sees everything of his brand.
    Operator,
    /// Sees his own calls.
    Provider,
    /// Sees his own money; not what callers named their requests.
    Player,
}

impl Transaction {
    /// Shows a row.
    #[must_use]
    pub fn new(row: &Row, player_id: Option<String>, viewer: Viewer) -> Self {
        let text = |id: Option<&str>| id.map(str::to_owned);
        let leg = row.leg.as_ref();
        let balance = leg.zip(row.balance_after).map(|(leg, after)| leg.currency.format(after));
        let request = row.request.as_ref().filter(|_| viewer != Viewer::Player);
        let trace = row.trace.as_ref().filter(|_| viewer == Viewer::Operator);
        Self {
            transaction_id: row.transaction_id(),
            kind: row.kind.name(),
            at: time::format(row.time),
            player_id,
            provider: text(row.provider.as_ref().map(ProviderId::as_str)),
            round_id: text(row.round.as_ref().map(RoundId::as_str)),
            bet_id: text(row.bet.as_ref().map(BetId::as_str)),
            game_id: text(row.game.as_ref().map(GameId::as_str)),
            from: leg.map(|leg| leg.debit.name()),
            to: leg.map(|leg| leg.credit.name()),
            amount: leg.map(|leg| leg.currency.format(leg.amount)),
            currency: leg.map(|leg| leg.currency.code().to_owned()),
            balance,
            request_id: text(request.map(|request| &*request.id)),
            trace_id: text(trace.map(TraceId::as_str)),
            details: None,
            ..Self::default()
        }
        .round(row)
    }

    /// With what a reported round came to: no money moved here that would tell.
    fn round(self, row: &Row) -> Self {
        if !matches!(row.kind, RowKind::RoundReported | RowKind::RoundCorrected) {
            return self;
        }
        // A row that can't be read is shown without; `palio verify` tells.
        let Ok(Event::Contest(told)) = Event::from_row(row) else { return self };
        let (now, currency, version, superseded) = match &*told {
            Told::Reported(RoundReport { stake, payout, currency, superseded, .. }) => {
                let now = Sums { stake: *stake, payout: *payout };
                (Some(now), *currency, None, *superseded)
            }
            Told::Corrected(corrected) => {
                let superseded = corrected.effect == Effect::Superseded;
                (corrected.now, corrected.currency, Some(corrected.version), superseded)
            }
            _ => return self,
        };
        Self {
            staked: now.map(|now| currency.format(now.stake)),
            payout: now.map(|now| currency.format(now.payout)),
            currency: now.map(|_| currency.code().to_owned()),
            version,
            void: now.is_none().then_some(true),
            superseded: superseded.then_some(true),
            ..self
        }
    }

    /// The same with what else the row holds.
    #[must_use]
    pub fn with_details(mut self, row: &Row) -> Self {
        let text = std::str::from_utf8(&row.payload).ok().filter(|text| !text.is_empty());
        self.details = text.and_then(|text| RawValue::from_string(text.to_owned()).ok());
        self
    }
}

/// `GET /api/transactions` and its like.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransactionsResponse {
    /// The newest first.
    pub transactions: Vec<Transaction>,
    /// Where to go on (`cursor`); absent on the last page. A page may be short and still have
    /// one: then there was too much to look through in one go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_and_ids_come_back() {
        for place in
            [(UnixMs(0), Slot(0), 0), (UnixMs(-1), Slot(255), u64::MAX), (UnixMs(9), Slot(7), 1)]
        {
            let text = write_cursor(place);
            assert_eq!(read_cursor(&text), Some(place), "{text}");
        }
        for text in [
            "",
            "tx_1f_2a",
            "00000000000000000",
            "000000000000000000+1",
            "0000000000000000FF1",
            "0000000000000000ff01",
        ] {
            assert_eq!(read_cursor(text), None, "{text}");
        }
        assert_eq!(read_id("tx_1f_2a"), Some((Slot(0x1f), 0x2a)));
        for text in [
            "tx_1f_0",
            "tx_1f_02a",
            "tx_1F_2a",
            "1f_2a",
            "tx_1f",
            "tx_1ff_1",
            "tx_1f_ffffffffffffffff",
        ] {
            assert_eq!(read_id(text), None, "{text}");
        }
    }

    #[test]
    fn a_query_names_what_is_wrong_with_it() {
        let asked = |query: TransactionQuery| query.filter(TenantId(1)).map(|_| ());
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            (TransactionQuery { kind: some("bet.placed,bet.lost"), ..Default::default() }, "kind"),
            (TransactionQuery { from: some("yesterday"), ..Default::default() }, "from"),
            (TransactionQuery { round_id: some(""), ..Default::default() }, "roundId"),
            (
                TransactionQuery {
                    from: some("2026-01-02T00:00:00Z"),
                    until: some("2026-01-02T00:00:00Z"),
                    ..Default::default()
                },
                "until",
            ),
        ];
        for (query, field) in cases {
            assert_eq!(asked(query).unwrap_err().field, field);
        }
        let limit =
            |text: &str| TransactionQuery { limit: some(text), ..Default::default() }.limit();
        assert_eq!(limit("500").unwrap(), 500);
        assert!(["0", "501", "ten", "-1", ""].iter().all(|text| limit(text).is_err()));
        let both = TransactionQuery { kind: some("bet.placed, bet.settled"), ..Default::default() };
        let kinds = both.filter(TenantId(1)).unwrap().kinds;
        assert!(kinds.contains(RowKind::BetPlaced) && kinds.contains(RowKind::BetSettled));
    }
}
