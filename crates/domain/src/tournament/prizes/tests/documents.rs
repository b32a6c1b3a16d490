//! The document: its shape, and everything that is wrong with it, at once.

use super::notation::*;
use crate::tournament::prizes::table::*;
use crate::tournament::prizes::*;
use std::collections::BTreeSet;

const MANUAL: &str = include_str!("../../../../../../docs/tournaments/prizes.md");

/// (code, path) of every problem.
fn found(text: &str) -> Vec<(&'static str, String)> {
    let problems = table(text).problems();
    problems.into_iter().map(|problem| (problem.code.as_str(), problem.path)).collect()
}

fn band(from: u32, to: u32, prize: &str) -> String {
    format!("[[bands]]\nfrom = {from}\nto = {to}\nprizes = [{prize}]\n")
}

const FIVE: &str = "{ kind = \"cash\", amount = \"5\" }";

fn cash(size: &str) -> String {
    band(1, 1, &format!("{{ kind = \"cash\", {size} }}"))
}

#[test]
fn every_problem_has_its_code_and_place() {
    let pool = "[pool]\nbuyIns = {}\n";
    let prize = "bands[0].prizes[0]";
    let at = |field: &str| format!("{prize}.{field}");
    let ticket = |value: &str| format!("{{ kind = \"ticket\", tournament = \"sunday\"{value} }}");
    let item = |value: &str| format!("{{ kind = \"item\", text = \"Car\"{value} }}");
    let share = |percent: &str| format!("{{ kind = \"cash\", percent = \"{percent}\" }}");
    let long = "x".repeat(201);
    let rows: Vec<(String, &str, String)> = vec![
        (cash("amount = \"5,00\""), "AMOUNT_NOT_DECIMAL", at("amount")),
        (cash("amount = \"5.001\""), "AMOUNT_TOO_FINE", at("amount")),
        (cash("amount = \"92233720368547758.08\""), "AMOUNT_TOO_LARGE", at("amount")),
        (cash("amount = \"-5\""), "AMOUNT_NEGATIVE", at("amount")),
        (cash("amount = \"0.00\""), "PRIZE_ZERO", at("amount")),
        (format!("{pool}{}", cash("percent = \"100.1\"")), "PERCENT_INVALID", at("percent")),
        (format!("{pool}{}", cash("percent = \"99.99999\"")), "PERCENT_INVALID", at("percent")),
        (format!("{pool}{}", cash("percent = \"1e2\"")), "PERCENT_INVALID", at("percent")),
        (
            cash("amount = \"5\", currency = \"EUR\"").replacen("[[", "currency = \"USD\"\n[[", 1),
            "CURRENCY_MIXED",
            at("currency"),
        ),
        (format!("{pool}{}", cash("weight = 0")), "PRIZE_ZERO", prize.into()),
        (cash("amount = \"5\", weight = 1"), "SIZE_NOT_ONE", prize.into()),
        (band(1, 1, "{ kind = \"cash\" }"), "SIZE_NOT_ONE", prize.into()),
        (format!("{pool}{}", cash("weight = 1000000000001")), "WEIGHT_TOO_LARGE", at("weight")),
        (
            band(1, 1, "{ kind = \"bonus\", amount = \"5\", terms = \" \" }"),
            "TEXT_INVALID",
            at("terms"),
        ),
        (
            band(1, 1, &format!("{{ kind = \"item\", text = \"{long}\" }}")),
            "TEXT_INVALID",
            at("text"),
        ),
        (
            band(1, 1, "{ kind = \"freeRounds\", count = 0, game = \"wolf\", value = \"0.10\" }"),
            "PRIZE_ZERO",
            at("count"),
        ),
        (
            format!("[policies]\ntiedTickets = \"cash\"\n{}", band(1, 1, &ticket(""))),
            "TICKET_VALUE_MISSING",
            at("value"),
        ),
        (
            format!("[policies]\ntiedItems = \"cash\"\n{}", band(1, 1, &item(""))),
            "ITEM_VALUE_MISSING",
            at("value"),
        ),
        (
            format!("fixedFrom = \"pool\"\n[pool]\nseed = \"9\"\n{}", band(1, 1, &item(""))),
            "ITEM_VALUE_MISSING",
            at("value"),
        ),
        (String::new(), "PRIZES_MISSING", "bands".into()),
        (band(0, 0, FIVE), "PLACE_ZERO", "bands[0].from".into()),
        (band(2, 1, FIVE), "BAND_REVERSED", "bands[0].to".into()),
        (band(2, 3, FIVE), "BAND_GAP", "bands[0].from".into()),
        (band(1, 2, FIVE) + &band(4, 5, FIVE), "BAND_GAP", "bands[1].from".into()),
        (band(1, 2, FIVE) + &band(2, 5, FIVE), "BAND_OVERLAP", "bands[1].from".into()),
        (band(1, 1, ""), "BAND_EMPTY", "bands[0].prizes".into()),
        (band(1, 100_001, FIVE), "TOO_MANY_PLACES", "bands".into()),
        (band(1, 1, &[FIVE; 17].join(",")), "TOO_MANY_PRIZES", "bands[0].prizes".into()),
        (
            format!(
                "{pool}{}{}",
                band(1, 1, &share("100")),
                band(2, 2, "{ kind = \"cash\", weight = 1 }")
            ),
            "SHARES_MIXED",
            "bands[1].prizes[0]".into(),
        ),
        (
            format!("{pool}{}{}", band(1, 1, &share("50")), band(2, 3, &share("24.9999"))),
            "SHARES_NOT_WHOLE",
            "bands".into(),
        ),
        (format!("total = \"15.01\"\n{}", band(1, 3, FIVE)), "TOTAL_MISMATCH", "total".into()),
        (
            format!("total = \"15\"\n{pool}{}", band(1, 1, &share("100"))),
            "TOTAL_WITH_SHARES",
            "total".into(),
        ),
        (
            band(1, 2, "{ kind = \"cash\", amount = \"92233720368547758.07\" }"),
            "TOTAL_TOO_LARGE",
            "bands".into(),
        ),
        (band(1, 1, &share("100")), "POOL_MISSING", "pool".into()),
        (format!("fixedFrom = \"pool\"\n{}", band(1, 1, FIVE)), "POOL_MISSING", "fixedFrom".into()),
        (format!("[pool]\n{}", band(1, 1, &share("100"))), "POOL_EMPTY", "pool".into()),
        (format!("{pool}{}", band(1, 1, FIVE)), "POOL_UNUSED", "pool".into()),
        (
            format!("[pool]\nguarantee = \"10\"\ncap = \"9\"\n{}", band(1, 1, &share("100"))),
            "OVER_CAP",
            "pool.guarantee".into(),
        ),
        (
            format!(
                "[pool]\nbuyIns = {{ feePerEntry = \"1\", feePercent = \"1\" }}\n{}",
                band(1, 1, &share("100"))
            ),
            "FEE_TWICE",
            "pool.buyIns".into(),
        ),
        (
            format!(
                "[pool]\njackpot = {{ percent = \"60\", reservePercent = \"40.0001\" }}\n{}",
                band(1, 1, &share("100"))
            ),
            "RATES_OVER_WHOLE",
            "pool.jackpot".into(),
        ),
        (
            format!("[pool]\nturnover = {{ percent = \"0\" }}\n{}", band(1, 1, &share("100"))),
            "PRIZE_ZERO",
            "pool.turnover.percent".into(),
        ),
        (
            "[satellite]\ntournament = \"s\"\nvalue = \"5\"\n".into(),
            "POOL_MISSING",
            "satellite".into(),
        ),
        (
            format!("{pool}[satellite]\ntournament = \"s\"\nvalue = \"0\"\n"),
            "PRIZE_ZERO",
            "satellite.value".into(),
        ),
        // Warnings.
        (
            band(1, 1, FIVE) + &band(2, 2, "{ kind = \"cash\", amount = \"5.01\" }"),
            "PRIZE_RISES",
            "bands[1]".into(),
        ),
        (
            band(1, 1, &ticket(", value = \"6\"")) + &band(2, 2, &ticket(", value = \"5\"")),
            "TICKET_VALUES_DIFFER",
            "bands[1].prizes[0].value".into(),
        ),
        (
            format!("[policies]\nunspent = \"rollover\"\n{}", band(1, 1, FIVE)),
            "ROLLOVER_WITHOUT_POOL",
            "policies.unspent".into(),
        ),
        (
            format!("[policies]\nunspent = \"respread\"\n{}", band(1, 1, &item(""))),
            "NOT_RESPREAD",
            prize.into(),
        ),
        (
            format!(
                "fixedFrom = \"pool\"\n[pool]\nseed = \"4\"\nbuyIns = {{}}\n{}",
                band(1, 1, FIVE)
            ),
            "POOL_MAY_BE_SHORT",
            "pool".into(),
        ),
    ];
    let mut seen = BTreeSet::new();
    for (text, code, path) in rows {
        assert_eq!(found(&text), [(code, path)], "{text}");
        seen.insert(code);
    }
    // Those that need others beside them, or more than a line.
    let out_of_order = band(1, 1, FIVE) + &band(3, 3, FIVE) + &band(2, 2, FIVE);
    let expected =
        [("BAND_GAP", "bands[1].from".into()), ("BAND_OUT_OF_ORDER", "bands[2].from".into())];
    assert_eq!(found(&out_of_order), expected);
    let both =
        format!("{pool}{}[satellite]\ntournament = \"s\"\nvalue = \"5\"\n", band(1, 1, FIVE));
    assert_eq!(found(&both), [("PRIZES_TWICE", "satellite".into())]);
    let many: String = (1..=10_001).map(|at| band(at, at, FIVE)).collect();
    assert_eq!(found(&many), [("TOO_MANY_BANDS", "bands".into())]);
    seen.extend(["BAND_OUT_OF_ORDER", "PRIZES_TWICE", "TOO_MANY_BANDS"]);
    let all: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(seen, all, "a code that no case shows");
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_document() {
    let text = "
        total = \"1,000\"
        [pool]
        cap = \"0\"
        [[bands]]
        from = 2
        prizes = [{ kind = \"cash\", amount = \"x\" }, { kind = \"cash\", percent = \"200\" }]
        [[bands]]
        from = 1
        to = 0
        prizes = []
    ";
    let expected = [
        ("AMOUNT_NOT_DECIMAL", "total"),
        ("PRIZE_ZERO", "pool.cap"),
        ("POOL_EMPTY", "pool"),
        ("BAND_GAP", "bands[0].from"),
        ("AMOUNT_NOT_DECIMAL", "bands[0].prizes[0].amount"),
        ("PERCENT_INVALID", "bands[0].prizes[1].percent"),
        ("BAND_REVERSED", "bands[1].to"),
        ("BAND_EMPTY", "bands[1].prizes"),
        ("TOTAL_WITH_SHARES", "total"),
    ];
    let got = found(text);
    let got: Vec<(&str, &str)> = got.iter().map(|(code, path)| (*code, path.as_str())).collect();
    assert_eq!(got, expected);
    let problems = table(text).rules().unwrap_err();
    assert_eq!(problems.len(), expected.len());
    assert_eq!(problems[3].message, "places 1 to 1 are in no band");
    let json = serde_json::to_value(&problems[3]).unwrap();
    assert_eq!(json["severity"], "error");
    assert_eq!(json["code"], "BAND_GAP");
}

#[test]
fn warnings_do_not_stop_a_table() {
    let text = places("5 6");
    assert_eq!(found(&text), [("PRIZE_RISES", "bands[1]".into())]);
    assert_eq!(rules(&text).places(), Some(2));
    assert_eq!(table(&text).problems()[0].severity, Severity::Warning);
}

#[test]
fn exact_percentages_sum_to_a_hundred() {
    // A published structure of 153 places whose bands are given to two decimals.
    let text = "[pool]\nbuyIns = {}\n".to_owned()
        + &band(1, 1, "{ kind = \"cash\", percent = \"33.3334\" }")
        + &band(2, 3, "{ kind = \"cash\", percent = \"33.3333\" }");
    assert_eq!(found(&text), []);
}

#[test]
fn unknown_fields_and_floats_are_refused_everywhere() {
    let good = "{ kind = \"cash\", amount = \"5\" }";
    let prizes = [
        "{ kind = \"cash\", amount = 5.0 }",
        "{ kind = \"cash\", amount = 5 }",
        "{ kind = \"cash\", percent = 5.0 }",
        "{ kind = \"cash\", weight = 1.5 }",
        "{ kind = \"cash\", weight = -1 }",
        "{ kind = \"cash\", amount = \"5\", more = 1 }",
        "{ kind = \"bonus\", amount = \"5\" }",
        "{ kind = \"bonus\", amount = \"5\", terms = \"t\", more = 1 }",
        "{ kind = \"freeRounds\", count = 1, game = \"g\", value = \"1\", more = 1 }",
        "{ kind = \"ticket\", tournament = \"s\", more = 1 }",
        "{ kind = \"ticket\", tournament = \"Not a slug\" }",
        "{ kind = \"item\", text = \"Cup\", more = 1 }",
        "{ kind = \"gold\", amount = \"5\" }",
        "{ amount = \"5\" }",
    ];
    let read = |text: &str| toml::from_str::<PrizeTable>(text);
    for prize in prizes {
        let text = format!("currency = \"USD\"\n{}", band(1, 1, prize));
        assert!(read(&text).is_err(), "{text}");
        assert!(read(&text.replace(prize, good)).is_ok(), "{text}");
    }
    // (refused, and the same without what is wrong)
    let tables = [
        ("more = 1", ""),
        ("policies = { more = 1 }", "policies = {}"),
        ("policies = { unspent = \"burn\" }", "policies = { unspent = \"return\" }"),
        ("pool = { more = 1 }", "pool = {}"),
        ("pool = { buyIns = { more = 1 } }", "pool = { buyIns = {} }"),
        (
            "pool = { turnover = { percent = \"1\", more = 1 } }",
            "pool = { turnover = { percent = \"1\" } }",
        ),
        (
            "pool = { jackpot = { percent = \"1\", more = 1 } }",
            "pool = { jackpot = { percent = \"1\" } }",
        ),
        (
            "satellite = { tournament = \"s\", value = \"1\", more = 1 }",
            "satellite = { tournament = \"s\", value = \"1\" }",
        ),
        ("fixedFrom = \"nowhere\"", "fixedFrom = \"pool\""),
    ];
    for (bad, fine) in tables {
        let text = |more: &str| format!("currency = \"USD\"\n{more}\n{}", band(1, 1, good));
        assert!(read(&text(bad)).is_err(), "{bad}");
        assert!(read(&text(fine)).is_ok(), "{fine}");
    }
    assert!(read("currency = \"usd\"").is_err());
    assert!(read(&band(1, 1, good)).is_err(), "a currency is needed");
}

#[test]
fn a_document_is_the_same_in_toml_and_json_and_names_its_policies() {
    for text in [
        places("25 15 8"),
        "[pool]\nseed = \"5\"\njackpot = { percent = \"1\" }\n[satellite]\ntournament = \"s\"\nvalue = \"5\"\n".into(),
    ] {
        let table = table(&text);
        let json = serde_json::to_string(&table).unwrap();
        assert_eq!(serde_json::from_str::<PrizeTable>(&json).unwrap(), table);
        assert_eq!(toml::from_str::<PrizeTable>(&toml::to_string(&table).unwrap()).unwrap(), table);
        let policies = serde_json::to_value(&table).unwrap();
        let expected = serde_json::json!({
            "unspent": "return", "overCap": "rollover", "excluded": "moveUp", "unmet": "moveUp",
            "tiedTickets": "firstWins", "tiedItems": "firstWins", "correction": "payUpOnly",
            "cancellation": "refund",
        });
        assert_eq!(policies["policies"], expected);
    }
}

#[test]
fn the_manual_s_documents_are_good_and_it_lists_every_code() {
    let examples: Vec<&str> = MANUAL.split("```toml\n").skip(1).collect();
    assert!(examples.len() >= 5, "the manual has {} examples", examples.len());
    for example in examples {
        let text = example.split("```").next().unwrap();
        let table: PrizeTable = toml::from_str(text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(table.problems(), [], "{text}");
        assert!(table.rules().is_ok());
    }
    for code in Code::ALL {
        let row = format!(
            "| `{}` | {} |",
            code.as_str(),
            match code.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            }
        );
        assert!(MANUAL.contains(&row), "the manual has no row {row}");
    }
    for policy in [
        "unspent",
        "overCap",
        "excluded",
        "unmet",
        "tiedTickets",
        "tiedItems",
        "correction",
        "cancellation",
    ] {
        assert!(MANUAL.contains(&format!("`{policy}`")), "{policy}");
    }
}
