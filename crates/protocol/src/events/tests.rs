use super::*;
use palio_domain::Amount;
use proptest::prelude::*;

fn read(text: &str, key: Option<&str>) -> Result<ParsedEvent, FieldError> {
    let provider = ProviderId::parse("evo").unwrap();
    let raw: &RawValue = serde_json::from_str(text).unwrap();
    parse_event(raw, &provider, Currency::EUR, key)
}

const PLACED: &str = r#"{"event":"bet.placed","v":"1","eventId":"e1","betId":"b_92f","playerId":"p_1","roundId":"R-1","gameId":"evo_blackjack_23","stake":"10.00","currency":"EUR","ts":"2025-10-17T14:23:10.120Z","traceId":"tr_5f1"}"#;
const SETTLED: &str = r#"{"event":"round.settled","v":"1","roundId":"R-1","gameId":"evo_blackjack_23","bets":[{"betId":"b_1","playerId":"p_2","stake":"10.00","payout":"15.00","outcome":"WIN"},{"betId":"b_2","playerId":"p_1","payout":"0.00","outcome":"LOSE"},{"betId":"b_3","playerId":"p_2","payout":"1.00"}],"ts":"2025-10-17T14:23:13.120Z","traceId":"tr_5f1"}"#;
const ROLLED_BACK: &str = r#"{"event":"bet.rolled_back","v":"1","eventId":"e3","betId":"b_92f","playerId":"p_1","roundId":"R-1","traceId":"tr_5f1"}"#;
const PLAIN: &str = r#"{"eventId":"e4","playerId":"p_1","gameId":"evo_blackjack_23","amount":"1.00","result":"0.50"}"#;

const CORRECTED: &str = r#"{"event":"round.corrected","v":"1","betId":"b_92f","playerId":"p_1","version":3,"stake":"9.00","payout":"0.00","currency":"EUR","ts":"2026-11-21T14:23:10.120Z"}"#;
const VOIDED: &str = r#"{"event":"round.corrected","v":"1","eventId":"e9","betId":"b_92f","playerId":"p_1","roundId":"R-1","void":true}"#;
const EXCLUDED: &str = r#"{"event":"player.excluded","v":"1","eventId":"e7","playerId":"p_1","until":"2027-05-21T00:00:00Z"}"#;

#[test]
fn a_placed_bet() {
    let event = read(PLACED, None).unwrap();
    assert_eq!(event.trace, TraceId::parse("tr_5f1").ok());
    let [part] = event.parts.as_slice() else { panic!() };
    assert_eq!((part.player.as_str(), part.key.as_str()), ("p_1", "e1"));
    let Command::PlaceBet { stake, currency, at, .. } = &part.command else { panic!() };
    assert_eq!((stake.0, *currency), (1000, Currency::EUR));
    assert_eq!(at.unwrap().0, 1_760_710_990_120);
    let unnamed = PLACED.replace(r#""eventId":"e1","#, "");
    assert_eq!(read(&unnamed, None).unwrap().parts[0].key, "b_92f");
    assert_eq!(read(PLACED, Some("header")).unwrap().parts[0].key, "header");
}

#[test]
fn a_settled_round_is_a_part_per_player() {
    let event = read(SETTLED, None).unwrap();
    let players: Vec<_> = event.parts.iter().map(|part| part.player.as_str()).collect();
    assert_eq!(players, ["p_2", "p_1"], "in order of first appearance");
    let Command::SettleBets { bets, currency, at, .. } = &event.parts[0].command else { panic!() };
    let seen: Vec<_> = bets.iter().map(|b| (b.bet.as_str(), b.payout.0, b.outcome)).collect();
    assert_eq!(seen, [("b_1", 1500, Some(Outcome::Win)), ("b_3", 100, None)]);
    assert_eq!((bets[0].stake, bets[1].stake), (Some(Amount(1000)), None));
    assert_eq!((*currency, at.is_some()), (Some(Currency::EUR), true));
}

#[test]
fn a_settlements_own_key_never_changes() {
    let keys = |text: &str| {
        read(text, None).unwrap().parts.into_iter().map(|part| part.key).collect::<Vec<_>>()
    };
    assert_eq!(
        keys(SETTLED),
        ["round_ad071ae47d992a7f0082c14452a62414", "round_09f42d291fe6f8069cb670db45996825"]
    );
    let longer = SETTLED.replace("R-1", &"R".repeat(128));
    assert!(keys(&longer).iter().all(|key| key.len() == 38));
    assert_ne!(keys(&SETTLED.replace("b_1", "b_9")), keys(SETTLED));
    let named = SETTLED.replace(r#""v":"1""#, r#""v":"1","eventId":"e2""#);
    assert_eq!(keys(&named), ["e2", "e2"]);
}

#[test]
fn a_settlement_says_its_currency() {
    let yen = SETTLED.replace(r#""v":"1""#, r#""v":"1","currency":"JPY""#).replace(".00", "");
    let event = read(&yen, None).unwrap();
    let Command::SettleBets { bets, currency, .. } = &event.parts[0].command else { panic!() };
    assert_eq!((bets[0].payout.0, currency.unwrap().code()), (15, "JPY"));

    let one = SETTLED.replace(r#""betId":"b_2","#, r#""betId":"b_2","currency":"KWD","#);
    let event = read(&one, None).unwrap();
    let Command::SettleBets { currency, .. } = &event.parts[1].command else { panic!() };
    assert_eq!(currency.unwrap().code(), "KWD");

    let mixed = SETTLED.replace(r#""betId":"b_3","#, r#""betId":"b_3","currency":"KWD","#);
    assert_eq!(read(&mixed, None).unwrap_err().field, "bets[2].currency");
}

#[test]
fn a_rollback_and_a_plain_round() {
    let event = read(ROLLED_BACK, None).unwrap();
    assert_eq!(event.parts[0].key, "e3");
    assert!(matches!(event.parts[0].command, Command::Rollback { .. }));

    let event = read(PLAIN, None).unwrap();
    let Command::Play { bet, stake, payout, currency, .. } = &event.parts[0].command else {
        panic!()
    };
    assert_eq!((bet.bet.as_str(), bet.round.as_str()), ("e4", "e4"));
    assert_eq!((stake.0, payout.0, *currency), (100, 50, Currency::EUR));
    let unnamed = PLAIN.replace(r#""eventId":"e4","#, "");
    assert_eq!(read(&unnamed, None).unwrap_err(), FieldError::invalid("eventId", "is missing"));
    assert_eq!(read(&unnamed, Some("k")).unwrap().parts[0].key, "k");
}

#[test]
fn a_corrected_round() {
    let read_one = |text: &str| {
        let part = read(text, None).unwrap().parts.remove(0);
        let Command::Contest(act) = part.command else { panic!() };
        let Act::Correct(correction) = *act else { panic!() };
        (part.key, *correction)
    };
    let (key, whole) = read_one(CORRECTED);
    let sums = Sums { stake: Amount(900), payout: Amount(0) };
    assert_eq!((key.as_str(), whole.version, whole.now), ("b_92f#3", Some(3), Some(sums)));
    let (key, void) = read_one(VOIDED);
    assert_eq!((key.as_str(), void.version, void.now), ("e9", None, None));
    assert_eq!(void.round.unwrap().as_str(), "R-1");
}

#[test]
fn an_excluded_player() {
    let part = read(EXCLUDED, None).unwrap().parts.remove(0);
    let Command::Exclude { until, author, provider, .. } = part.command else { panic!() };
    assert_eq!((part.key.as_str(), &*author, until.is_some()), ("e7", "evo", true));
    assert_eq!(provider.unwrap().as_str(), "evo");
    let text = EXCLUDED.replace(r#","until":"2027-05-21T00:00:00Z""#, "");
    let part = read(&text, None).unwrap().parts.remove(0);
    assert!(matches!(part.command, Command::Exclude { until: None, .. }));
}

#[test]
fn a_bad_trace_never_costs_a_payout() {
    for trace in ["\"\"", "\"a b\"", "7", "null", "[]"] {
        let text = SETTLED.replace("\"tr_5f1\"", trace);
        assert_eq!(read(&text, None).unwrap().trace, None, "{trace}");
    }
}

#[test]
fn a_wrong_field_is_named() {
    let cases: &[(String, &str)] = &[
        (PLACED.replace("bet.placed", "bet.lost"), "event"),
        (PLACED.replace(r#""v":"1""#, r#""v":"2""#), "v"),
        (PLACED.replace(r#""v":"1""#, r#""v":1"#), "v"),
        (PLACED.replace(r#""v":"1","#, ""), "v"),
        (PLACED.replace(r#""event":"bet.placed""#, r#""event":1"#), "event"),
        (PLACED.replace(r#""currency":"EUR","#, ""), "currency"),
        (PLACED.replace(r#""10.00""#, "10.00"), "stake"),
        (SETTLED.replace("\"15.00\"", "15.00"), "bets[0].payout"),
        (SETTLED.replace("WIN", "win"), "bets[0].outcome"),
        (SETTLED.replace("b_3", "b_1"), "bets[2].betId"),
        (SETTLED.replace("2025-10-17T14:23:13.120Z", "x"), "ts"),
        (r#"{"event":"round.settled","v":"1","roundId":"R"}"#.into(), "bets"),
        (PLAIN.replace("\"0.50\"", "0.5"), "result"),
        (CORRECTED.replace("\"version\":3,", ""), "eventId"),
        (CORRECTED.replace("b_92f", &"b".repeat(127)), "eventId"),
        (CORRECTED.replace("\"version\":3,", "\"version\":1,"), "version"),
        (CORRECTED.replace("\"version\":3,", "\"version\":\"3\","), "version"),
        (CORRECTED.replace(r#""stake":"9.00","#, ""), "stake"),
        (CORRECTED.replace(r#","payout":"0.00""#, ""), "payout"),
        (CORRECTED.replace("\"version\":3,", "\"version\":3,\"void\":true,"), "void"),
        (VOIDED.replace("true", "\"yes\""), "void"),
        (EXCLUDED.replace(r#""eventId":"e7","#, ""), "eventId"),
        (EXCLUDED.replace("2027-05-21T00:00:00Z", "soon"), "until"),
        ("{}".into(), "playerId"),
    ];
    for (text, field) in cases {
        let error = read(text, None).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (*field, ErrorCode::InvalidField), "{text}");
    }
    // The same bet id of two players is two bets.
    let same = SETTLED.replace("b_2", "b_1");
    assert_eq!(read(&same, None).unwrap().parts.len(), 2);
    assert_eq!(read("[]", None).unwrap_err().code, ErrorCode::BadJson);
}

#[test]
fn a_body_is_one_event_or_a_list() {
    let count = |text: &str| split(text.as_bytes()).map(|events| events.len());
    assert_eq!(count(PLACED), Ok(1));
    assert_eq!(count(&format!(" [{PLACED}, {PLAIN}]")), Ok(2));
    let cases = [
        ("[]".to_owned(), ErrorCode::InvalidField),
        (String::new(), ErrorCode::BadJson),
        (format!("[{PLACED}"), ErrorCode::BadJson),
        (format!("{PLACED}{PLACED}"), ErrorCode::BadJson),
        ("[".repeat(40), ErrorCode::TooDeep),
        (format!("[{}]", vec!["{}"; 1001].join(",")), ErrorCode::TooManyItems),
    ];
    for (text, code) in cases {
        assert_eq!(split(text.as_bytes()).unwrap_err().code, code, "{text:.40}");
    }
    let many = format!(
        r#"{{"event":"round.settled","v":"1","roundId":"R","bets":[{}]}}"#,
        vec!["{}"; 1001].join(",")
    );
    assert_eq!(read(&many, None).unwrap_err().code, ErrorCode::TooManyItems);
}

#[test]
fn outcomes_have_exactly_these_bytes() {
    let answer = EventsResponse {
        outcomes: vec![
            EventOutcome::single(0, Done::done(r#"{"kind":"x"}"#.into())),
            EventOutcome::single(1, Done::failed(ErrorCode::BetNotFound, "no")),
        ],
    };
    assert_eq!(answer.status(), 207);
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        r#"{"outcomes":[{"index":0,"status":200,"result":{"kind":"x"}},{"index":1,"status":404,"code":"BET_NOT_FOUND","detail":"no"}]}"#
    );
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let provider = ProviderId::parse("evo").unwrap();
        for raw in split(&bytes).unwrap_or_default() {
            prop_assert!(parse_event(raw, &provider, Currency::EUR, None).is_err());
        }
    }

    #[test]
    fn a_changed_byte_never_makes_reading_panic(at in 0_usize..400, to in any::<u8>()) {
        let provider = ProviderId::parse("evo").unwrap();
        for text in [PLACED, SETTLED, ROLLED_BACK, PLAIN, CORRECTED, VOIDED] {
            let mut bytes = text.as_bytes().to_vec();
            let len = bytes.len();
            bytes[at % len] = to;
            for raw in split(&bytes).unwrap_or_default() {
                let read = parse_event(raw, &provider, Currency::EUR, None);
                prop_assert!(read.map_or(true, |event| !event.parts.is_empty()));
            }
        }
    }
}
