use super::*;
use palio_domain::journal::{Account, Leg, RowKind};
use palio_domain::{
    Aggregate, BetId, GameId, PlayerId, ProviderId, RoundId, Slot, TenantId, UnixMs,
};

/// A row as the store gives it back; the payload is written out, since stored bytes are what
/// must render the same for ever.
fn row(kind: RowKind, moved: Option<i64>, balance: Option<i64>, payload: &str) -> Row {
    let leg = |amount| Leg {
        debit: Account::Cash,
        credit: Account::Held,
        amount: Amount(amount),
        currency: Currency::EUR,
    };
    Row {
        slot: Slot(0x1f),
        seq: 42,
        epoch: 1,
        time: UnixMs(1_795_284_000_000),
        kind,
        kind_version: 1,
        tenant: TenantId(1),
        aggregate: Aggregate::Player(PlayerId(7)),
        leg: moved.map(leg),
        balance_after: balance.map(Amount),
        request: None,
        claim: None,
        provider: ProviderId::parse("evo").ok(),
        bet: BetId::parse("b_\"92f").ok(),
        round: RoundId::parse("R-1").ok(),
        game: GameId::parse("g").ok(),
        trace: None,
        payload: payload.as_bytes().into(),
    }
}

/// A correction's row, as it stands in journals.
fn corrected(now: &str, effect: &str) -> Row {
    let payload = format!(
        r#"{{"contest":{{"corrected":{{"provider":"evo","bet":"b_\"92f","round":"R-1","game":"g","step":2,"version":3,"now":{now},"currency":"EUR","at":5,"effect":{effect}}}}}}}"#
    );
    row(RowKind::RoundCorrected, None, None, &payload)
}

#[test]
fn results_have_exactly_these_bytes() {
    use RowKind as K;
    let settled = |bets: u32| {
        format!(
            r#"{{"payout":1500,"outcome":"WIN","started":1,"placed":2,"totals":{{"n":{bets},"s":2000,"p":1500,"b":10500}}}}"#
        )
    };
    let cases = [
        (
            row(K::Deposited, Some(10_000), Some(10_000), ""),
            r#"{"transactionId":"tx_1f_2a","kind":"wallet.deposited","amount":"100.00","balance":"100.00","currency":"EUR"}"#,
        ),
        (
            row(K::RoundReported, None, None, r#"{"stake":1000,"currency":"EUR","payout":0}"#),
            r#"{"transactionId":"tx_1f_2a","kind":"round.reported","betId":"b_\"92f","roundId":"R-1"}"#,
        ),
        (
            row(
                K::RoundReported,
                None,
                None,
                r#"{"stake":1000,"currency":"EUR","payout":0,"superseded":true}"#,
            ),
            r#"{"transactionId":"tx_1f_2a","kind":"round.reported","betId":"b_\"92f","roundId":"R-1","superseded":true}"#,
        ),
        (
            corrected(
                r#"{"s":900,"p":2500}"#,
                r#"{"replaced":{"b":{"s":1000,"p":0},"s":4,"f":4,"q":2}}"#,
            ),
            r#"{"transactionId":"tx_1f_2a","kind":"round.corrected","betId":"b_\"92f","roundId":"R-1","version":3,"staked":"9.00","payout":"25.00","currency":"EUR"}"#,
        ),
        (
            corrected("null", "\"superseded\""),
            r#"{"transactionId":"tx_1f_2a","kind":"round.corrected","betId":"b_\"92f","roundId":"R-1","version":3,"void":true,"superseded":true}"#,
        ),
        (
            row(K::BetPlaced, Some(1000), Some(9000), r#"{"at":5}"#),
            r#"{"transactionId":"tx_1f_2a","kind":"bet.placed","betId":"b_\"92f","roundId":"R-1","amount":"10.00","balance":"90.00","currency":"EUR"}"#,
        ),
        (
            row(K::BetSettled, Some(1000), Some(9000), &settled(1)),
            r#"{"transactionId":"tx_1f_2a","kind":"bet.settled","betId":"b_\"92f","roundId":"R-1","bets":1,"staked":"20.00","payout":"15.00","balance":"105.00","currency":"EUR"}"#,
        ),
        (
            row(K::BetSettled, Some(1000), Some(9000), &settled(2)),
            r#"{"transactionId":"tx_1f_2a","kind":"bet.settled","roundId":"R-1","bets":2,"staked":"20.00","payout":"15.00","balance":"105.00","currency":"EUR"}"#,
        ),
        (
            row(
                K::RoundPlayed,
                Some(100),
                Some(8900),
                r#"{"payout":0,"totals":{"n":1,"s":100,"p":0,"b":8900}}"#,
            ),
            r#"{"transactionId":"tx_1f_2a","kind":"round.played","betId":"b_\"92f","roundId":"R-1","bets":1,"staked":"1.00","payout":"0.00","balance":"89.00","currency":"EUR"}"#,
        ),
        (
            row(K::BetRolledBack, Some(1000), Some(10_000), ""),
            r#"{"transactionId":"tx_1f_2a","kind":"bet.rolled_back","betId":"b_\"92f","roundId":"R-1","amount":"10.00","balance":"100.00","currency":"EUR"}"#,
        ),
        (
            row(K::BetTombstoned, None, None, ""),
            r#"{"transactionId":"tx_1f_2a","kind":"bet.tombstoned","betId":"b_\"92f","roundId":"R-1"}"#,
        ),
        (
            Row { round: None, ..row(K::BetTombstoned, None, None, "") },
            r#"{"transactionId":"tx_1f_2a","kind":"bet.tombstoned","betId":"b_\"92f"}"#,
        ),
        (
            row(K::SessionOpened, None, None, r#"{"currency":"EUR","expires":1795284000000}"#),
            r#"{"transactionId":"tx_1f_2a","kind":"session.opened","gameId":"g","currency":"EUR","expiresAt":"2026-11-21T18:00:00.000Z"}"#,
        ),
        (
            row(K::TournamentEntered, None, None, r#"{"expires":1,"tournament":"friday-race"}"#),
            r#"{"transactionId":"tx_1f_2a","kind":"tournament.entered","tournamentId":"friday-race","joined":true}"#,
        ),
        (
            row(K::TournamentLeft, None, None, r#"{"tournament":"friday-race"}"#),
            r#"{"transactionId":"tx_1f_2a","kind":"tournament.left","tournamentId":"friday-race","joined":false}"#,
        ),
    ];
    for (row, expected) in cases {
        assert_eq!(render(&row), Ok(Rendered::Ok(expected.to_owned())));
    }
}

#[test]
fn a_refusal_that_was_kept_is_told_again() {
    let payload =
        r#"{"stake":1000,"currency":"EUR","refusal":{"code":"insufficientFunds","available":350}}"#;
    let expected = Rendered::Refused {
        refusal: Refusal::InsufficientFunds { available: Amount(350) },
        currency: Currency::EUR,
    };
    assert_eq!(render(&row(RowKind::BetRefused, None, Some(350), payload)), Ok(expected));
}

#[test]
fn a_row_that_can_not_be_first_is_corrupt() {
    let later = r#"{"payout":1,"outcome":"WIN","started":1,"placed":2}"#;
    let cases = [
        (row(RowKind::BetPlaced, Some(1), None, ""), "balance"),
        (row(RowKind::BetPlaced, None, Some(1), ""), "leg"),
        (row(RowKind::BetPlaced, Some(1), Some(1), "{"), "payload"),
        (row(RowKind::BetSettled, Some(1), None, later), "balance"),
        (row(RowKind::WinPaid, Some(1), Some(1), ""), "never the first row of a command"),
        (row(RowKind::TournamentClosed, None, None, ""), "not a wallet's row"),
    ];
    for (row, field) in cases {
        assert_eq!(render(&row).unwrap_err().field, field);
    }
}

#[test]
fn nothing_to_do_has_exactly_these_bytes() {
    let rollback = Command::Rollback {
        provider: ProviderId::parse("evo").unwrap(),
        bet: BetId::parse("b_92f").unwrap(),
        round: None,
    };
    assert_eq!(
        noop(Noop::AlreadyRolledBack, &rollback),
        r#"{"kind":"bet.rolled_back","betId":"b_92f","already":true}"#
    );
    let tournament = TournamentId::parse("friday-race").unwrap();
    assert_eq!(
        noop(Noop::AlreadyEntered, &Command::Enter { tournament, ends: UnixMs(1) }),
        r#"{"kind":"tournament.entered","tournamentId":"friday-race","joined":true,"already":true}"#
    );
}
