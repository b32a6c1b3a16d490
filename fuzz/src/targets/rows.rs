//! A journal as a damaged store may give it: a row's columns on each line.
//!
//! **Property:** a row is read exactly as it stands, or not at all; no two of them have the same
//! canonical bytes. Whatever is read, a wallet, a tournament, a schedule, a provider's state, an answer and a
//! ranking made of it are whole or refused, never a panic: a wallet's accounts are not negative
//! and add up to what its rows moved, it reads back after it was saved, and goes on to decide
//! commands; a ranking reads back, too. Answers are rendered the same twice.

use crate::stored::rows;
use palio_domain::journal::{Account, Head, KeyFilter, Keys, Row, RowKind, Stage};
use palio_domain::provider::Provider;
use palio_domain::tournament::schedule::Programme;
use palio_domain::tournament::schedule::entity::{OPEN_MAX, RECENT_MAX};
use palio_domain::tournament::score::{ONE, Points};
use palio_domain::tournament::{Definition, EntryMode, Metric, Phase, Standings, lifecycle};
use palio_domain::wallet::{
    BetRef, Cell, Command, Event, Found, Prepared, SettledRound, Terms, Wallet,
};
use palio_domain::{
    Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, Slot, TenantId, TournamentId, UnixMs,
};
use palio_protocol::player::PlayerResponse;
use palio_protocol::result::{Rendered, render};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const WORDS: &[&str] = &[
    "slot",
    "seq",
    "epoch",
    "time",
    "kind",
    "kind_version",
    "tenant",
    "aggregate_kind",
    "aggregate",
    "debit",
    "credit",
    "amount",
    "currency",
    "balance_after",
    "request_key",
    "request_id",
    "body_hash",
    "claim",
    "provider",
    "bet_id",
    "round_id",
    "game_id",
    "trace_id",
    "payload",
    "payload_bytes",
    "chain",
    "at",
    "stake",
    "payout",
    "outcome",
    "WIN",
    "started",
    "placed",
    "totals",
    "expires",
    "tournament",
    "bonus",
    "free",
    "version",
    "before",
    "withdrawal",
    "reason",
    "author",
    "verdict",
    "limit",
    "exclusion",
    "count",
    "refusal",
    "-1",
    "2",
    "3",
    "16",
    "17",
    "18",
    "48",
];

const TENANT: TenantId = TenantId(1);
const PLAYER: PlayerId = PlayerId(7);

pub(super) fn target(bytes: &[u8]) {
    let rows = rows(bytes);
    let mut canonical: BTreeMap<Vec<u8>, &Row> = BTreeMap::new();
    for row in &rows {
        let mut bytes = Vec::new();
        row.encode(&mut bytes);
        assert_eq!(*canonical.entry(bytes).or_insert(row), row, "two rows have the same bytes");
        alone(row);
    }
    let own = |row: &&Row| row.aggregate == palio_domain::Aggregate::Player(PLAYER);
    let own: Vec<Arc<Row>> = rows.iter().filter(own).cloned().map(Arc::new).collect();
    wallet(&own);
    for metric in [Metric::Turnover, Metric::BestRatio, Metric::Ggr] {
        ranking(&rows, metric);
    }
    life(&rows);
    schedule(&rows);
}

/// Whatever rows there are, a schedule that could be folded is bounded and can be saved.
fn schedule(rows: &[Row]) {
    let mut state = None;
    for row in rows {
        if Programme::fold(&mut state, row).is_err() {
            continue;
        }
        let programme = state.as_ref().expect("a row was folded in");
        assert_eq!(programme.seq, row.seq);
        assert!(programme.open.len() <= OPEN_MAX && programme.recent.len() <= RECENT_MAX);
        let saved = serde_json::to_vec(programme).expect("it can be written");
        let again: Programme = serde_json::from_slice(&saved).expect("it can be read");
        assert_eq!(again.open, programme.open);
    }
}

fn alone(row: &Row) {
    if let Ok(event) = Event::from_row(row) {
        assert_eq!(event.kind(), row.kind);
        let rendered = render(row);
        assert_eq!(rendered, render(row));
        if let Ok(Rendered::Ok(json)) = rendered {
            assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
        }
    } else {
        assert!(render(row).is_err());
    }
    if let Ok(Some(round)) = SettledRound::from_row(row, PLAYER) {
        assert_eq!(round.player, PLAYER);
    }
    if let Ok(provider) = Provider::from_row(row) {
        assert_eq!(row.kind, RowKind::ProviderStateChanged);
        assert_eq!(Some(provider.provider), row.provider);
    }
}

fn wallet(rows: &[Arc<Row>]) {
    let Ok(cell) = Cell::load(TENANT, PLAYER, None, rows.iter().cloned()) else { return };
    let mut moved: BTreeMap<(Currency, Account), i128> = BTreeMap::new();
    let mut last = 0;
    for row in rows {
        if row.seq <= last {
            continue;
        }
        last = row.seq;
        let event = Event::from_row(row).expect("the wallet read it, too");
        let Some(leg) = event.leg() else { continue };
        assert!(leg.amount.0 >= 0, "{event:?} moved {leg:?}");
        *moved.entry((leg.currency, leg.debit)).or_default() -= i128::from(leg.amount.0);
        *moved.entry((leg.currency, leg.credit)).or_default() += i128::from(leg.amount.0);
    }
    for (currency, accounts) in &cell.wallet().accounts {
        for (account, amount) in accounts.named() {
            assert!(amount.0 >= 0, "{account:?} has {amount:?}");
            let moved = moved.get(&(*currency, account)).copied().unwrap_or(0);
            let moved = if account == Account::Debt { -moved } else { moved };
            assert_eq!(i128::from(amount.0), moved, "{account:?}");
        }
    }
    goes_on(cell);
}

/// A wallet is shown, saved, read back, and decides.
pub(super) fn goes_on(mut cell: Cell) {
    let wallet = cell.wallet().clone();
    let now = UnixMs(1_795_284_000_000);
    for now in [now, UnixMs(i64::MIN), UnixMs(i64::MAX)] {
        let shown = PlayerResponse::new("p_1".to_owned(), &wallet, Slot(0), now);
        assert!(shown.rounds.len() <= 200);
        assert!(serde_json::to_vec(&shown).is_ok());
    }
    let saved = serde_json::to_vec(&wallet).expect("a wallet is written");
    let again: Wallet = serde_json::from_slice(&saved).expect("a saved wallet reads back");
    assert_eq!(again, wallet);
    let (keys, filter) = (Keys::new([7; 32]), KeyFilter::with_capacity(1));
    let next_seq = wallet.seq.saturating_add(1);
    let mut stage = Stage::new([Head { next_seq, ..Head::empty(cell.slot()) }]);
    for (at, command) in commands().into_iter().enumerate() {
        let id = format!("k-{at}");
        let asked = Prepared::new(&keys, TENANT, PLAYER, &id, command, None);
        let needs = cell.needs(&asked, &Found::default(), &filter, &keys);
        let mut found = Found::default();
        found.add(&needs, Vec::new(), None);
        // Whatever it answers, it answers.
        if cell.execute(&asked, &found, now, wallet.seq, &keys, &mut stage).is_err() {
            return;
        }
    }
}

fn commands() -> Vec<Command> {
    let provider = ProviderId::parse("sandbox").expect("an id");
    let round = RoundId::parse("R-1").expect("an id");
    let bet = BetRef {
        provider: provider.clone(),
        bet: BetId::parse("b-new").expect("an id"),
        round: round.clone(),
        game: GameId::parse("wheel").expect("an id"),
    };
    let (currency, terms, at) = (Currency::EUR, Terms::default(), None);
    let (free, feature, gross, version) = (None, false, false, None);
    let (stake, payout, delta) = (Amount(1), Amount(i64::MAX), Amount(i64::MAX));
    vec![
        Command::Deposit { amount: Amount(i64::MAX), currency },
        Command::Deposit { amount: Amount(1_000), currency },
        Command::PlaceBet { bet: bet.clone(), stake, currency, at, free, feature, terms },
        Command::SettleRound {
            provider: provider.clone(),
            round: round.clone(),
            delta,
            gross,
            currency,
            version,
            terms,
        },
        Command::Play { bet, stake, payout, currency, at, feature, terms },
        Command::EndRound { provider, round },
    ]
}

pub(super) fn definition(metric: Metric) -> Definition {
    Definition {
        id: TournamentId::parse("friday-race").expect("an id"),
        name: "Friday race".to_owned(),
        metric,
        currency: Currency::EUR,
        starts: UnixMs(0),
        ends: UnixMs(2_000_000_000_000),
        registration_opens: None,
        grace_ms: 60_000,
        rules: metric.rules(Points(ONE), Currency::EUR).expect("usual rules"),
        tick_ms: 1_000,
        top_n: 10,
        entry: EntryMode::Automatic,
        prizes: vec![Amount(100)],
        description: String::new(),
        kind: palio_domain::tournament::Kind::default(),
        admission: palio_domain::tournament::Admission::default(),
        table: None,
        review: palio_domain::tournament::Review::default(),
        schedule: None,
    }
}

fn ranking(rows: &[Row], metric: Metric) {
    let definition = Arc::new(definition(metric));
    let mut standings = Standings::new(Arc::clone(&definition), TENANT, UnixMs(0));
    for row in rows {
        // A damaged row is refused and stays to be read again.
        if standings.apply(row).is_err() {
            break;
        }
    }
    let restored = Standings::restore(definition, TENANT, &standings.save());
    let restored = restored.expect("a saved ranking reads back");
    assert_eq!(restored.result(), standings.result());
    assert_eq!(restored.positions(), standings.positions());
    for place in standings.page(0, 100) {
        assert!(!standings.definition().show(place.score).is_empty());
        let own = standings.of(place.player).expect("a ranked player");
        assert_eq!((own.rank, own.score), (Some(place.rank), place.score));
    }
}

/// A tournament's own rows.
fn life(rows: &[Row]) {
    let mut tournament: Option<lifecycle::Tournament> = None;
    for row in rows {
        let Ok(event) = lifecycle::Event::from_row(row) else { continue };
        match (&mut tournament, event) {
            (state, lifecycle::Event::Created { definition }) => {
                *state = Some(lifecycle::Tournament::created(row.seq, *definition));
            }
            (Some(state), event) => state.apply(row.seq, row.time, &event),
            (None, _) => {}
        }
    }
    tournament.iter().for_each(lives);
}

/// A tournament says where it is, at any time, and reads back.
pub(super) fn lives(state: &lifecycle::Tournament) {
    for now in [i64::MIN, 0, i64::MAX] {
        assert!(!state.phase_at(UnixMs(now)).as_str().is_empty());
        let close = lifecycle::Command::Cancel { reason: "x".to_owned() };
        for command in [lifecycle::Command::Start, close] {
            drop(lifecycle::Tournament::decide(Some(state), &command, UnixMs(now)));
        }
    }
    let over = state.is_cancelled() || state.phase_at(UnixMs(0)) == Phase::Final;
    let deadline = state.next_deadline();
    assert_eq!(deadline.is_none(), over);
    let Definition { starts, ends, grace_ms, .. } = state.definition;
    assert!(grace_ms < 0 || deadline.is_none_or(|at| at >= starts.min(ends)));
    assert!(!state.definition.show(i64::MIN).is_empty());
    drop(state.definition.validate());
    let saved = serde_json::to_vec(state).expect("a tournament is written");
    let again: lifecycle::Tournament = serde_json::from_slice(&saved).expect("it reads back");
    assert_eq!(again, *state);
}
