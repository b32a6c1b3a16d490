use super::*;
use crate::json;
use crate::session::OpenSession;
use proptest::prelude::*;

fn provider() -> ProviderId {
    ProviderId::parse("evo").unwrap()
}

fn debit(body: &str) -> Result<Part, FieldError> {
    json::parse::<Debit>(body.as_bytes())?.into_command(&provider())
}

fn settle(body: &str, key: Option<&str>) -> Result<Vec<Part>, FieldError> {
    json::parse::<Settle>(body.as_bytes())?.into_commands(&provider(), key)
}

const DEBIT: &str = r#"{"playerId":"p_1","roundId":"R-1","gameId":"g","betId":"b_1","amount":"10.0","currency":"EUR","ts":"1970-01-01T00:00:01Z","extra":{"x":[1]}}"#;

#[test]
fn a_debit_is_a_bet() {
    let part = debit(DEBIT).unwrap();
    assert_eq!((part.player.as_str(), part.key.as_str()), ("p_1", "b_1"));
    let Command::PlaceBet { bet, stake, currency, at, .. } = part.command else { panic!() };
    assert_eq!((bet.bet.as_str(), bet.round.as_str(), bet.game.as_str()), ("b_1", "R-1", "g"));
    assert_eq!((stake, currency, at.unwrap().0), (Amount(1000), Currency::EUR, 1000));
    assert_eq!(bet.provider, provider());
    let key = |header| debit(DEBIT).unwrap().keyed(header).map(|part| part.key);
    assert_eq!(key(None), Ok("b_1".to_owned()));
    assert_eq!(key(Some("9a7f-2b1c")), Ok("9a7f-2b1c".to_owned()));
    assert_eq!(key(Some("")).unwrap_err().field, "X-Idempotency-Key");
}

#[test]
fn a_wrong_field_is_named() {
    let is = |from: &str, to: &str| DEBIT.replace(from, to);
    let money = "is money and must be a JSON string such as \"10.00\", not a number";
    let cases: &[(String, &str, &str)] = &[
        (is(r#""10.0""#, "10.0"), "amount", money),
        (is(r#""10.0""#, "10"), "amount", money),
        (is(r#""10.0""#, "-1"), "amount", money),
        (is(r#""10.0""#, "null"), "amount", "is missing"),
        (is(r#""10.0""#, "true"), "amount", "must be a JSON string, not a boolean"),
        (is(r#""10.0""#, "[1]"), "amount", "must be a JSON string, not a list"),
        (is(r#""10.0""#, r#"{"a":1}"#), "amount", "must be a JSON string, not an object"),
        (is("10.0", "10.001"), "amount", "finer than the currency's minor unit"),
        (is("10.0", "-0"), "amount", "amount must not be negative"),
        (is("10.0", "99999999999999999999"), "amount", "amount is too large"),
        (is("10.0", "1e3"), "amount", "not a decimal number such as \"10.00\""),
        (is("EUR", "eur"), "currency", "unknown currency"),
        (is(r#""EUR""#, "978"), "currency", "must be a JSON string, not a number"),
        (is("p_1", ""), "playerId", "must not be empty"),
        (is("p_1", "p 1"), "playerId", "holds a character that is not allowed"),
        (is("p_1", "é"), "playerId", "holds a character that is not allowed"),
        (is("p_1", &"p".repeat(65)), "playerId", "is longer than 64 characters"),
        (is(r#""betId":"b_1","#, ""), "betId", "is missing"),
        (is("R-1", &"r".repeat(129)), "roundId", "is longer than 128 characters"),
        (
            is("1970-01-01T00:00:01Z", "now"),
            "ts",
            "must be a time such as \"2026-11-21T18:00:00.000Z\"",
        ),
    ];
    for (body, field, message) in cases {
        assert_eq!(debit(body), Err(FieldError::invalid(*field, *message)), "{body}");
    }
    for body in ["[]", "\"p_1\"", r#"["p_1","R-1","g","b_1","10.0","EUR"]"#, "", "null"] {
        assert_eq!(debit(body).unwrap_err().code, ErrorCode::BadJson, "{body}");
    }
    assert_eq!(debit(&is(r#""gameId""#, r#""betId""#)).unwrap_err().code, ErrorCode::BadJson);
}

#[test]
fn a_settle_is_a_command_per_player() {
    let body = r#"{"roundId":"R-1","operations":[{"playerId":"p_2","delta":"-5","currency":"EUR"},{"playerId":"p_1","delta":"5.00","currency":"EUR"}]}"#;
    let parts = settle(body, Some("9a7f-2b1c")).unwrap();
    let seen: Vec<_> = parts
        .iter()
        .map(|part| match &part.command {
            Command::SettleRound { delta, .. } => (part.player.as_str(), &*part.key, delta.0),
            _ => panic!(),
        })
        .collect();
    assert_eq!(seen, [("p_2", "9a7f-2b1c", -500), ("p_1", "9a7f-2b1c", 500)]);

    let cases: &[(String, Option<&str>, &str, ErrorCode)] = &[
        (body.into(), None, "X-Idempotency-Key", ErrorCode::InvalidField),
        (body.into(), Some("a b"), "X-Idempotency-Key", ErrorCode::InvalidField),
        (body.into(), Some(""), "X-Idempotency-Key", ErrorCode::InvalidField),
        (body.replace("p_1", "p_2"), Some("k"), "operations[1].playerId", ErrorCode::InvalidField),
        (body.replace("\"-5\"", "-5"), Some("k"), "operations[0].delta", ErrorCode::InvalidField),
        (r#"{"roundId":"R"}"#.into(), Some("k"), "operations", ErrorCode::InvalidField),
        (r#"{"roundId":"R","operations":[[]]}"#.into(), Some("k"), "", ErrorCode::BadJson),
        (r#"{"roundId":"R","operations":{}}"#.into(), Some("k"), "", ErrorCode::BadJson),
        (
            format!(r#"{{"roundId":"R","operations":[{}]}}"#, vec!["{}"; 1001].join(",")),
            Some("k"),
            "operations",
            ErrorCode::TooManyItems,
        ),
    ];
    for (body, key, field, code) in cases {
        let error = settle(body, *key).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (*field, *code), "{body}");
    }
}

#[test]
fn keys_default_to_the_bodys_own_ids() {
    let credit = |extra: &str| {
        let body = format!(
            r#"{{"playerId":"p_1","roundId":"R-1","betId":"b_1","amount":"15.00","currency":"EUR"{extra}}}"#
        );
        json::parse::<Credit>(body.as_bytes()).unwrap().into_command(&provider())
    };
    let part = credit("").unwrap();
    assert_eq!(part.key, "b_1");
    let Command::SettleBets { bets, currency, .. } = part.command else { panic!() };
    let result = BetResult {
        bet: palio_domain::BetId::parse("b_1").unwrap(),
        stake: None,
        payout: Amount(1500),
        outcome: None,
        version: None,
    };
    assert_eq!((bets, currency), (vec![result], Some(Currency::EUR)));
    assert_eq!(credit(r#","transactionId":"t_1""#).unwrap().key, "t_1");
    assert_eq!(credit(r#","transactionId":7"#).unwrap_err().field, "transactionId");

    let rollback =
        |body: &str| json::parse::<Rollback>(body.as_bytes()).unwrap().into_command(&provider());
    assert_eq!(rollback(r#"{"playerId":"p_1","betId":"b_1"}"#).unwrap().key, "b_1");
    let named = rollback(r#"{"playerId":"p_1","betId":"b_1","roundId":"R","transactionId":"t"}"#);
    assert_eq!(named.unwrap().key, "t");

    let play = r#"{"playerId":"p_1","roundId":"R-1","gameId":"g","betId":"b_1","stake":"100","payout":"0","currency":"JPY"}"#;
    let part = json::parse::<Play>(play.as_bytes()).unwrap().into_command(&provider()).unwrap();
    assert_eq!(part.key, "b_1");
    let Command::Play { stake, payout, currency, .. } = part.command else { panic!() };
    assert_eq!((stake.0, payout.0, currency), (100, 0, Currency::parse("JPY").unwrap()));
}

#[test]
fn deposits_and_sessions_need_a_name() {
    let deposit = |amount: &str, key| {
        let amount = amount.into();
        Deposit { amount, currency: "EUR".into(), ..Deposit::default() }.into_command("p_1", key)
    };
    assert_eq!(deposit("1", Some("k")).unwrap().key, "k");
    assert_eq!(deposit("1", None).unwrap_err().field, "X-Idempotency-Key");
    assert_eq!(deposit("0.00", Some("k")).unwrap_err().field, "amount");
    let session = OpenSession {
        session_id: "s_1".into(),
        game_id: "g".into(),
        currency: "EUR".into(),
        expires_at: "1970-01-01T00:00:01Z".into(),
        ..OpenSession::default()
    };
    assert_eq!(session.provider(), Ok(None));
    let open = |session: &OpenSession, player: &str| {
        session.clone().into_command(player, None, ProviderId::parse("acme").unwrap(), false)
    };
    assert_eq!(open(&session, "p_1").unwrap().key, "s_1");
    assert_eq!(open(&session, "").unwrap_err().field, "playerId");
}

#[test]
fn answers_have_exactly_these_bytes() {
    let accounts = Accounts { cash: Amount(9000), held: Amount(1000), ..Accounts::default() };
    let balance = BalanceResponse {
        player_id: "p_1".into(),
        accounts: vec![AccountBalance::new(Currency::EUR, &accounts)],
    };
    assert_eq!(
        serde_json::to_string(&balance).unwrap(),
        r#"{"playerId":"p_1","accounts":[{"currency":"EUR","cash":"90.00","bonus":"0.00","held":"10.00","locked":"0.00","debt":"0.00","available":"90.00"}]}"#
    );
    let outcome = |player: &str, outcome| OperationOutcome { player_id: player.into(), outcome };
    let operations = vec![
        outcome("p_1", Outcome::done(r#"{"kind":"x"}"#.into())),
        outcome("p_2", Outcome::failed(ErrorCode::BetNotFound, "no such bet")),
    ];
    assert_eq!(overall(operations.iter().map(|one| &one.outcome)), 207);
    let answer = SettleResponse { round_id: "R-1".into(), operations };
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        r#"{"roundId":"R-1","operations":[{"playerId":"p_1","status":200,"result":{"kind":"x"}},{"playerId":"p_2","status":404,"code":"BET_NOT_FOUND","detail":"no such bet"}]}"#
    );
}

#[test]
fn a_written_request_is_read_back() {
    let read: Debit = json::parse(DEBIT.as_bytes()).unwrap();
    let written = serde_json::to_vec(&read).unwrap();
    assert_eq!(json::parse::<Debit>(&written).unwrap(), read);
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(body) = json::parse::<Debit>(&bytes) {
            prop_assert!(body.into_command(&provider()).is_err());
        }
    }

    #[test]
    fn no_field_makes_reading_panic(amount in "\\PC{0,24}", player in "\\PC{0,24}", ts in "\\PC{0,30}") {
        let body = Debit {
            player_id: player.into(),
            round_id: "R".into(),
            game_id: "g".into(),
            bet_id: "b".into(),
            amount: amount.into(),
            currency: "EUR".into(),
            ts: ts.into(),
            ..Debit::default()
        };
        if let Err(error) = body.into_command(&provider()) {
            prop_assert_eq!(error.code, ErrorCode::InvalidField);
        }
    }
}
