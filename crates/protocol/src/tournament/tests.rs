use super::*;
use crate::json;

const LEAST: &str = r#"{"id":"friday-race","name":" Friday race ","metric":"turnover","currency":"EUR","startsAt":"2026-11-21T18:00:00.000Z","endsAt":"2026-11-21T19:00:00.000Z"}"#;

fn read(text: &str) -> Result<ParsedTournament, FieldError> {
    json::parse::<CreateTournament>(text.as_bytes())?.parse()
}

fn with(extra: &str) -> String {
    format!("{},{extra}}}", LEAST.trim_end_matches('}'))
}

#[test]
fn six_fields_are_enough() {
    let parsed = read(LEAST).unwrap();
    let expected = ParsedTournament {
        id: TournamentId::parse("friday-race").unwrap(),
        name: "Friday race".into(),
        metric: Metric::Turnover,
        currency: Currency::EUR,
        starts: UnixMs(1_795_284_000_000),
        ends: UnixMs(1_795_287_600_000),
        registration_opens: None,
        grace_ms: 60_000,
        rules: Usual::Turnover.rules(Points(ONE), Currency::EUR).unwrap(),
        tick_ms: 1000,
        top_n: 10,
        opt_in: true,
        prizes: Vec::new(),
        description: String::new(),
        kind: palio_domain::tournament::Kind::default(),
        admission: palio_domain::tournament::Admission::default(),
        table: None,
        review: palio_domain::tournament::Review::default(),
    };
    assert_eq!(parsed, expected);
    let yen = read(&LEAST.replace("EUR", "JPY")).unwrap();
    assert_eq!(yen.rules.score.linear().unwrap().per, Points(ONE), "one unit of the currency");
}

#[test]
fn every_field_is_taken() {
    let parsed = read(&with(
        r#""registrationOpensAt":"2026-11-21T12:00:00Z","graceSeconds":0,"minStake":"0.10","pointsPer":"2","games":["a","b","a"],"tickMs":250,"topN":50,"entry":"all","prizes":["100.00","50","50"],"description":"Fast\nand fun","more":1"#,
    ))
    .unwrap();
    assert_eq!(parsed.registration_opens, Some(UnixMs(1_795_262_400_000)));
    assert_eq!((parsed.grace_ms, parsed.tick_ms, parsed.top_n), (0, 250, 50));
    let per = parsed.rules.score.linear().unwrap().per;
    assert_eq!((parsed.rules.counts.stake_min, per), (Points(100_000), Points(2 * ONE)));
    assert_eq!(parsed.rules.counts.games.len(), 2);
    assert_eq!(parsed.prizes, [Amount(10_000), Amount(5000), Amount(5000)]);
    assert!(!parsed.opt_in);
}

#[test]
fn a_wrong_field_is_named() {
    use ErrorCode::{InvalidField, TooManyItems, TournamentInvalid};
    let name = |text: &str| LEAST.replace(" Friday race ", text);
    let cases: &[(String, &str, ErrorCode)] = &[
        ("{}".into(), "id", InvalidField),
        (LEAST.replace("friday-race", "Friday"), "id", InvalidField),
        (name("  "), "name", InvalidField),
        (name("a\\u0000b"), "name", InvalidField),
        (name(&"é".repeat(81)), "name", InvalidField),
        (LEAST.replace("turnover", "Turnover"), "metric", InvalidField),
        (LEAST.replace("EUR", "XXX"), "currency", InvalidField),
        (LEAST.replace("T19:00:00.000Z", ""), "endsAt", InvalidField),
        (with(r#""graceSeconds":"60""#), "graceSeconds", InvalidField),
        (with(r#""graceSeconds":-1"#), "graceSeconds", InvalidField),
        (with(r#""graceSeconds":1.5"#), "graceSeconds", InvalidField),
        (with(r#""tickMs":99"#), "tickMs", InvalidField),
        (with(r#""topN":0"#), "topN", InvalidField),
        (with(r#""topN":101"#), "topN", InvalidField),
        (with(r#""minStake":0.1"#), "minStake", InvalidField),
        (with(r#""minStake":"-1""#), "minStake", InvalidField),
        (with(r#""pointsPer":"0""#), "pointsPer", InvalidField),
        (with(r#""games":["a",""]"#), "games[1]", InvalidField),
        (with(r#""entry":"none""#), "entry", InvalidField),
        (with(r#""prizes":["1",1]"#), "prizes[1]", InvalidField),
        (with(&format!(r#""prizes":[{}]"#, vec!["\"1\""; 1001].join(","))), "prizes", TooManyItems),
        (LEAST.replace("T19:", "T18:"), "endsAt", TournamentInvalid),
        (
            with(r#""registrationOpensAt":"2026-11-21T19:00:00Z""#),
            "registrationOpensAt",
            TournamentInvalid,
        ),
    ];
    for (text, field, code) in cases {
        let error = read(text).unwrap_err();
        assert_eq!((error.field.as_str(), error.code), (*field, *code), "{text:.300}");
    }
}

#[test]
fn a_tournament_has_exactly_these_bytes() {
    let parsed = read(&with(r#""prizes":["100.00"],"minStake":"0.10""#)).unwrap();
    let shown = Tournament::new(&parsed, "active", "grace", 214);
    let expected = r#"{"id":"friday-race","name":"Friday race","status":"active","phase":"grace","metric":"turnover","currency":"EUR","startsAt":"2026-11-21T18:00:00.000Z","endsAt":"2026-11-21T19:00:00.000Z","graceSeconds":60,"tickMs":1000,"topN":10,"participants":214,"prizes":["100.00"],"description":"","rules":{"counts":{"stakeMin":"0.1","over":"zero"},"score":{"terms":[{"of":"stake"}],"count":"all","per":"bet","roundsMin":0,"decimals":2},"ties":["reached"],"rank":"single"},"minStake":"0.10","pointsPer":"1.00","games":[],"entry":"opt_in","type":"leaderboard","tieBreak":["score","reachedAt","player"]}"#;
    assert_eq!(serde_json::to_string(&shown).unwrap(), expected);
    assert_eq!(serde_json::from_str::<Tournament>(expected).unwrap(), shown);
}

#[test]
fn a_leaderboard_has_exactly_these_bytes() {
    let row = BoardRow {
        key: "a1".into(),
        rank: 1,
        name: "Swift Otter 17".into(),
        score: "1284.50".into(),
    };
    let board = LeaderboardResponse {
        tournament_id: "friday-race".into(),
        epoch: "k3f9".into(),
        seq: 42,
        status: "active".into(),
        participants: 214,
        rows: vec![row],
        as_of: "2026-11-21T18:03:11.000Z".into(),
    };
    assert_eq!(
        serde_json::to_string(&board).unwrap(),
        r#"{"tournamentId":"friday-race","epoch":"k3f9","seq":42,"status":"active","participants":214,"rows":[{"key":"a1","rank":1,"name":"Swift Otter 17","score":"1284.50"}],"asOf":"2026-11-21T18:03:11.000Z"}"#
    );
}
