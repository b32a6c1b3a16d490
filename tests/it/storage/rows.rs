//! Rows for tests: plain ones with a number, and arbitrary ones.

use palio_domain::journal::{Account, Batch, Draft, Head, Key16, Leg, Request, RowKind, Stage};
use palio_domain::{
    Aggregate, Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, TenantId, TraceId,
    UnixMs,
};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(super) const NOW: UnixMs = UnixMs(1_760_000_000_000);
pub(super) const TENANT: TenantId = TenantId(7);

/// A key that says its number.
pub(super) fn key(n: u64) -> Key16 {
    u128::from(n).to_be_bytes()
}

/// A bet of a player; its request is `n` and its claim `n` too.
pub(super) fn bet(player: u64, n: u64) -> Draft {
    Draft {
        kind: RowKind::BetPlaced,
        kind_version: 1,
        tenant: TENANT,
        aggregate: Aggregate::Player(PlayerId(player)),
        leg: Some(Leg {
            debit: Account::Cash,
            credit: Account::Held,
            amount: Amount(1000),
            currency: Currency::EUR,
        }),
        balance_after: Some(Amount(9000)),
        request: Some(Request {
            key: key(n),
            id: format!("request-{n}").into(),
            body_hash: key(n),
        }),
        claim: Some(key(n)),
        provider: Some(ProviderId::parse("evo").unwrap()),
        bet: Some(BetId::parse(&format!("b-{n}")).unwrap()),
        round: Some(RoundId::parse("R-1").unwrap()),
        game: Some(GameId::parse("blackjack").unwrap()),
        trace: Some(TraceId::parse("tr_5f1").unwrap()),
        payload: Box::from(*b"{}"),
    }
}

/// Positions `drafts` on `heads` as the committer does.
pub(super) fn batch(heads: &[Head], drafts: impl IntoIterator<Item = Draft>) -> Batch {
    let mut stage = Stage::new(heads.iter().copied());
    for draft in drafts {
        stage.push(draft, NOW).unwrap();
    }
    stage.seal().unwrap()
}

/// Any row that can be written, with extreme numbers and awkward texts.
pub(super) fn any_draft() -> impl Strategy<Value = Draft> {
    let id = "[!-~]{1,32}";
    let aggregate = prop_oneof![
        any::<u64>().prop_map(|n| Aggregate::Player(PlayerId(n))),
        any::<u64>().prop_map(Aggregate::Tournament),
        any::<u64>().prop_map(Aggregate::Provider),
        any::<u64>().prop_map(Aggregate::Schedule),
    ];
    let kinds: Vec<_> = RowKind::ALL.to_vec();
    let accounts: Vec<_> = Account::ALL.iter().map(|(account, ..)| *account).collect();
    let currencies = ["EUR", "JPY", "USDT", "ETH"].map(|code| Currency::parse(code).unwrap());
    let leg =
        (select(accounts.clone()), select(accounts), any::<i64>(), select(currencies.to_vec()))
            .prop_map(|(debit, credit, amount, currency)| Leg {
                debit,
                credit,
                amount: Amount(amount),
                currency,
            });
    let request = (any::<Key16>(), "[^\0]{0,40}", any::<Key16>())
        .prop_map(|(key, id, body_hash)| Request { key, id: id.into(), body_hash });
    let payload = proptest::collection::vec(any::<u8>(), 0..300);
    (
        (select(kinds), any::<i16>(), any::<u32>(), aggregate),
        (
            option::of(leg),
            option::of(any::<i64>()),
            option::of(request),
            option::of(any::<Key16>()),
        ),
        (option::of(id), option::of(id), option::of(id), option::of(id), option::of(id)),
        payload,
    )
        .prop_map(|(what, money, ids, payload)| Draft {
            kind: what.0,
            kind_version: what.1,
            tenant: TenantId(what.2),
            aggregate: what.3,
            leg: money.0,
            balance_after: money.1.map(Amount),
            request: money.2,
            claim: money.3,
            provider: ids.0.map(|id| ProviderId::parse(&id).unwrap()),
            bet: ids.1.map(|id| BetId::parse(&id).unwrap()),
            round: ids.2.map(|id| RoundId::parse(&id).unwrap()),
            game: ids.3.map(|id| GameId::parse(&id).unwrap()),
            trace: ids.4.map(|id| TraceId::parse(&id).unwrap()),
            payload: payload.into(),
        })
}
