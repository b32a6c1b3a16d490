//! The published examples of tournament-rules.md, S1–S13, and the laws behind them.

use super::*;
use proptest::prelude::*;

/// Money in millionths of a unit.
fn money(text: &str) -> i128 {
    i128::from(Points::parse(text).unwrap().0)
}

fn round(at: i64, stake: &str, payout: &str) -> Round {
    Round {
        key: u64::try_from(at).unwrap(),
        unit: u64::try_from(at).unwrap(),
        started: at,
        ended: at,
        one: ONE,
        stake: money(stake),
        payout: money(payout),
        reported: Points::ZERO,
        place: 0,
    }
}

fn rules(json: &str) -> Score {
    serde_json::from_str(json).unwrap()
}

fn outcome<'a>(score: &Score, rounds: impl IntoIterator<Item = &'a Round>) -> Outcome {
    let mut tally = Tally::new(score, true);
    rounds.into_iter().for_each(|round| tally.add(score, round));
    tally.outcome(score, ONE)
}

const NET: &str = r#"{"terms":[{"of":"profit"}]}"#;
const BEST_RATIO: &str = r#"{"terms":[{"of":"ratio"}],"count":{"best":[{"best":1}]},"decimals":6}"#;
const SUM_RATIO: &str = r#"{"terms":[{"of":"ratio"}],"roundMin":"2","decimals":6}"#;
const BANDS: &str = r#"{"bands":[{"from":"100","points":"1"},{"from":"200","points":"3"}]}"#;
const UNIBO: &str = r#"{"terms":[{"of":"round","points":"10","when":{"ratioFrom":"10"}}],
    "streaks":[{"when":{"won":true},"length":3,"points":"5","run":"each"}]}"#;
const LIVE: &str =
    r#"{"streaks":[{"when":{"ratioAbove":"2"},"length":2,"points":"1","run":"longest"}]}"#;

/// Rule, document, rounds as stake and payout, score.
type Case<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, &'a str);

#[test]
fn published_examples() {
    let betbrain = [("1", "13"), ("2", "44"), ("5", "150"), ("10", "500"), ("5", "500")];
    let wins = [("1", "1"), ("1", "3")];
    let cases: Vec<Case<'_>> = vec![
        (
            "S1 turnover, 1 point per 2",
            r#"{"terms":[{"of":"stake","per":"2"}]}"#,
            vec![("1", "0"), ("2.50", "9"), ("0.50", "0")],
            "2",
        ),
        ("S2 rounds", r#"{"terms":[{"of":"round"}]}"#, vec![("1", "0"); 7], "7"),
        ("S3 win", r#"{"terms":[{"of":"payout"}]}"#, wins.to_vec(), "4"),
        ("S3 winBetCount", r#"{"terms":[{"of":"payout"},{"of":"round"}]}"#, wins.to_vec(), "6"),
        ("S4 max ratio", BEST_RATIO, vec![("10", "5000"), ("1", "400")], "500"),
        (
            "S4 only higher replaces",
            BEST_RATIO,
            vec![("1", "400"), ("10", "5000"), ("2", "1")],
            "500",
        ),
        (
            "S5 sum ratio, rounds under 2 add nothing",
            SUM_RATIO,
            vec![("3", "10"), ("1", "1.99"), ("7", "14")],
            "5.333333",
        ),
        ("S6 net profit", NET, betbrain.to_vec(), "1184"),
        ("S6 best multiplier", BEST_RATIO, betbrain.to_vec(), "100"),
        (
            "S7 bands",
            BANDS,
            vec![("1", "99.99"), ("1", "100"), ("1", "199"), ("1", "200"), ("1", "900")],
            "8",
        ),
        (
            "S8 streaks and big wins",
            UNIBO,
            vec![
                ("1", "2"),
                ("1", "1"),
                ("1", "3"),
                ("1", "0"),
                ("1", "10"),
                ("1", "1"),
                ("1", "1"),
                ("1", "1"),
                ("1", "1"),
            ],
            "20",
        ),
        (
            "S9 live streak",
            LIVE,
            vec![
                ("1", "2.01"),
                ("1", "3"),
                ("1", "2"),
                ("1", "5"),
                ("1", "4"),
                ("1", "2.5"),
                ("1", "0"),
                ("1", "9"),
            ],
            "3",
        ),
        ("S9 one win is no streak", LIVE, vec![("1", "9")], "0"),
        (
            "S11 first 2 rounds",
            r#"{"terms":[{"of":"payout"}],"count":{"first":2}}"#,
            vec![("1", "5"), ("1", "0"), ("1", "100")],
            "5",
        ),
        (
            "a cap per round",
            r#"{"terms":[{"of":"stake"}],"roundMax":"5"}"#,
            vec![("9", "0"), ("3", "0")],
            "8",
        ),
        (
            "a cap of the total",
            r#"{"terms":[{"of":"stake"}],"totalMax":"10"}"#,
            vec![("9", "0"), ("3", "0")],
            "10",
        ),
        (
            "the operator's revenue",
            r#"{"terms":[{"of":"revenue"}]}"#,
            vec![("10", "0"), ("10", "25")],
            "-5",
        ),
    ];
    for (name, document, rounds, expected) in cases {
        let score = rules(document);
        let rounds: Vec<_> =
            (1..).zip(rounds).map(|(at, (stake, payout))| round(at, stake, payout)).collect();
        let found = outcome(&score, &rounds).score;
        assert_eq!(Some(found), Points::parse(expected), "{name}: {found}");
    }
}

#[test]
fn thirds_are_rounded_once_per_round() {
    // S5: fixed point before it is added, sums are exact integers.
    let score = rules(r#"{"terms":[{"of":"ratio"}],"decimals":6}"#);
    let rounds: Vec<_> = (1..=3).map(|at| round(at, "3", "1")).collect();
    assert_eq!(outcome(&score, &rounds).score, Points(999_999));
    // S1: money is divided once.
    let turnover = rules(r#"{"terms":[{"of":"stake","per":"3"}]}"#);
    let rounds: Vec<_> = (1..=3).map(|at| round(at, "1", "0")).collect();
    assert_eq!(outcome(&turnover, &rounds).score, Points(ONE));
}

#[test]
fn best_of_each_half() {
    // S12: two parts, the best of each.
    let score =
        rules(r#"{"terms":[{"of":"payout"}],"count":{"best":[{"until":4,"best":2},{"best":1}]}}"#);
    let payouts = ["9", "7", "8", "1", "3"];
    let rounds: Vec<_> = (1..).zip(payouts).map(|(at, payout)| round(at, "1", payout)).collect();
    let found = outcome(&score, &rounds);
    assert_eq!((found.score, found.rounds, found.reached), (Points(20 * ONE), 5, 5));
}

#[test]
fn a_providers_round_is_one_when_asked() {
    let score = rules(r#"{"terms":[{"of":"payout"}],"count":{"best":[{"best":1}]},"per":"round"}"#);
    let mut rounds: Vec<_> = (1..=3).map(|at| round(at, "1", "4")).collect();
    rounds[1].unit = rounds[0].unit;
    assert_eq!(outcome(&score, &rounds).score, Points(8 * ONE));
}

#[test]
fn the_score_is_reached_at_the_last_result_that_changed_it() {
    let net = rules(NET);
    let rounds = [round(1, "1", "5"), round(2, "1", "1"), round(3, "1", "3"), round(4, "2", "2")];
    assert_eq!((outcome(&net, &rounds).reached, outcome(&net, &rounds).first), (3, 1));
    let best = rules(BEST_RATIO);
    assert_eq!(outcome(&best, &rounds).reached, 1, "the best one");
    let nothing = [round(7, "1", "1"), round(6, "1", "1")];
    assert_eq!(outcome(&net, &nothing).reached, 6, "nothing was gained: the first result");
    let capped = rules(r#"{"terms":[{"of":"payout"}],"totalMax":"6"}"#);
    assert_eq!(outcome(&capped, &rounds).reached, 2, "the sum came to the most at the second");
}

#[test]
fn places_are_counted() {
    let score = rules(r#"{"terms":[{"of":"reported"}]}"#);
    let mut tally = Tally::new(&score, true);
    for (at, place, points) in [(1, 1, 9), (2, 3, 4), (3, 1, 9), (4, 0, 0)] {
        let reported = Points(points * ONE);
        tally.add(&score, &Round { reported, place, ..round(at, "0", "0") });
    }
    assert_eq!(tally.outcome(&score, ONE).score, Points(22 * ONE));
    assert_eq!(tally.places().into_iter().collect::<Vec<_>>(), [(1, 2), (3, 1)]);
}

#[test]
fn documents_are_strict() {
    for document in [
        r#"{"terms":[{"of":"luck"}]}"#,
        r#"{"terms":[{"of":"stake","pre":"1"}]}"#,
        r#"{"terms":[{"of":"stake","per":1}]}"#,
        r#"{"terms":[{"of":"stake","per":"1.0000001"}]}"#,
        r#"{"count":{"most":3}}"#,
        r#"{"bands":[{"from":"1"}]}"#,
    ] {
        assert!(serde_json::from_str::<Score>(document).is_err(), "{document}");
    }
}

fn any_round() -> impl Strategy<Value = Round> {
    (0_i64..40, 0_i64..40, 0_i128..6, 0_i128..30, 0_u16..4).prop_map(
        |(started, lasts, stake, payout, place)| Round {
            key: 0,
            unit: u64::try_from(started / 3).unwrap(),
            started,
            ended: started + lasts,
            one: ONE,
            stake: stake * 1_000_000,
            payout: payout * 500_000,
            reported: Points::ZERO,
            place,
        },
    )
}

fn any_rules() -> impl Strategy<Value = Score> {
    let documents = [
        NET,
        BEST_RATIO,
        SUM_RATIO,
        BANDS,
        UNIBO,
        LIVE,
        r#"{"terms":[{"of":"revenue"}],"totalMax":"3"}"#,
        r#"{"terms":[{"of":"payout"}],"count":{"first":3}}"#,
        r#"{"terms":[{"of":"profit"}],"count":{"best":[{"until":20,"best":2},{"best":2}]},"per":"round"}"#,
        r#"{"terms":[{"of":"stake","per":"3"}],"roundMax":"1"}"#,
    ];
    proptest::sample::select(documents.to_vec()).prop_map(rules)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// L3 and L4: any order, and rounds that were taken back, give the same.
    #[test]
    fn only_the_set_of_rounds_matters(
        score in any_rules(),
        rounds in proptest::collection::vec(any_round(), 1..30),
        gone in proptest::collection::vec(any_round(), 0..6),
        shuffled in any::<proptest::sample::Index>(),
    ) {
        let keyed = |from: u64, rounds: Vec<Round>| -> Vec<Round> {
            (from..).zip(rounds).map(|(key, round)| Round { key, ..round }).collect()
        };
        let (rounds, gone) = (keyed(1, rounds), keyed(1_000, gone));
        let expected = outcome(&score, &rounds);
        let mut tally = Tally::new(&score, true);
        // Another order, with rounds among them that are taken back later.
        let at = shuffled.index(rounds.len());
        let order: Vec<_> = rounds[at..].iter().rev().chain(&gone).chain(&rounds[..at]).collect();
        order.iter().for_each(|round| tally.add(&score, round));
        gone.iter().for_each(|round| tally.remove(&score, round));
        prop_assert_eq!(tally.outcome(&score, ONE), expected);
        // Saved and restored.
        let mut read: Tally =
            serde_json::from_str(&serde_json::to_string(&tally).unwrap()).unwrap();
        read.recompute(&score);
        prop_assert_eq!(read.outcome(&score, ONE), expected);
        // The sum alone agrees, where it is enough.
        if !score.needs_rounds() {
            let mut sum = Tally::new(&score, false);
            order.iter().for_each(|round| sum.add(&score, round));
            gone.iter().for_each(|round| sum.remove(&score, round));
            prop_assert_eq!(sum.outcome(&score, ONE).score, expected.score);
            prop_assert_eq!(sum.outcome(&score, ONE).rounds, expected.rounds);
        }
    }

    /// One more round, at any time, is the same as computing it all again.
    #[test]
    fn one_more_round_is_computed_right(
        score in any_rules(),
        rounds in proptest::collection::vec(any_round(), 1..30),
    ) {
        let mut tally = Tally::new(&score, true);
        for (key, round) in (1..).zip(rounds) {
            tally.add(&score, &Round { key, ..round });
            let mut again = tally.clone();
            again.recompute(&score);
            prop_assert_eq!(tally.outcome(&score, ONE), again.outcome(&score, ONE));
        }
    }
}
