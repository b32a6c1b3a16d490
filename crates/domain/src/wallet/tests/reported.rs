//! Reported rounds and their corrections, one after the other; `tests/reported.rs` of the crate
//! has them in any order.

use super::super::contest::{Act, Told};
use super::super::reported::{Correction, Effect, RoundReport, Sums};
use super::*;

fn report(stake: i64) -> Command {
    Command::Contest(Box::new(Act::Report(Box::new(RoundReport {
        bet: bet_ref("b", "r"),
        stake: Amount(stake),
        payout: Amount(0),
        currency: Currency::EUR,
        at: None,
        superseded: false,
        barred: false,
        who: Default::default(),
    }))))
}

fn correction(version: Option<u32>, stake: Option<i64>) -> Correction {
    Correction {
        provider: ProviderId::parse("acme").unwrap(),
        bet: BetId::parse("b").unwrap(),
        round: None,
        version,
        now: stake.map(|stake| Sums { stake: Amount(stake), payout: Amount(0) }),
        currency: Currency::EUR,
        at: None,
    }
}

fn correct(correction: Correction) -> Command {
    Command::Contest(Box::new(Act::Correct(Box::new(correction))))
}

/// The void of a round that nobody has reported yet.
pub(super) fn early_void(bet: &str) -> Command {
    correct(Correction { bet: BetId::parse(bet).unwrap(), ..correction(None, None) })
}

/// A void of one bet, early as long as nobody has reported it, by version.
pub(super) fn void(version: u32) -> Command {
    correct(correction(Some(version), None))
}

/// What a row says: its version, and what it did.
fn told(answer: &Answer) -> String {
    let Answer::Done(row) = answer else { return short(answer) };
    match Event::from_row(row).unwrap() {
        Event::Contest(told) => match *told {
            Told::Reported(report) if report.superseded => "reported, voided before".into(),
            Told::Reported(_) => "reported".into(),
            Told::Corrected(corrected) => {
                let did = match corrected.effect {
                    Effect::Early => "early".into(),
                    Effect::Superseded => "superseded".into(),
                    Effect::Replaced(replaced) => match replaced.before {
                        Some(before) => format!("for {}", before.stake.0),
                        None => "for a void".into(),
                    },
                };
                format!("{} {did}", corrected.version)
            }
            _ => panic!(),
        },
        _ => short(answer),
    }
}

/// (key, command, answer)
type Step = (&'static str, Command, &'static str);

#[test]
fn the_highest_version_stands() {
    let by = |version, stake| correct(correction(version, stake));
    let cases: Vec<(&str, Vec<Step>)> = vec![
        (
            "by version",
            vec![
                ("x", by(Some(2), Some(5)), "betNotFound"),
                ("r", report(10), "reported"),
                ("x", by(Some(2), Some(5)), "2 for 10"),
                ("y", by(Some(5), None), "5 for 5"),
                ("z", by(Some(4), Some(7)), "4 superseded"),
                ("z", by(Some(4), Some(7)), "replay round.corrected"),
                ("another", by(Some(4), Some(7)), "replay round.corrected"),
                ("z", by(Some(4), Some(8)), "idempotencyMismatch"),
                ("another", by(Some(4), Some(8)), "idempotencyMismatch"),
                ("v", by(Some(6), Some(9)), "6 for a void"),
            ],
        ),
        (
            "by arrival",
            vec![
                ("r", report(10), "reported"),
                ("x", by(None, Some(5)), "2 for 10"),
                ("x", by(None, Some(5)), "replay round.corrected"),
                ("x", by(None, None), "idempotencyMismatch"),
                ("y", by(None, Some(5)), "3 for 5"),
                ("z", by(None, None), "4 for 5"),
            ],
        ),
        (
            "a void first",
            vec![
                ("v", by(Some(3), None), "3 early"),
                ("x", by(Some(2), Some(5)), "2 superseded"),
                ("y", by(Some(4), Some(5)), "betNotFound"),
                ("r", report(10), "reported, voided before"),
                ("r", report(10), "replay round.reported"),
                ("q", report(11), "betIdReused"),
                ("y", by(Some(4), Some(5)), "4 for a void"),
            ],
        ),
        (
            "what is another's",
            vec![
                ("r", report(10), "reported"),
                (
                    "x",
                    correct(Correction {
                        currency: Currency::parse("USD").unwrap(),
                        ..correction(Some(2), Some(5))
                    }),
                    "currencyMismatch",
                ),
                (
                    "x",
                    correct(Correction {
                        round: RoundId::parse("other").ok(),
                        ..correction(Some(2), None)
                    }),
                    "betNotFound",
                ),
                ("x", by(Some(u32::MAX), None), "4294967295 for 10"),
                ("y", by(None, None), "overflow"),
            ],
        ),
        (
            "played here",
            vec![
                ("d", deposit(100), "wallet.deposited"),
                ("b", place("b", "r", 10), "bet.placed"),
                ("x", by(Some(2), None), "betNotFound"),
                ("s", settle("r", -10), "bet.settled"),
                ("x", by(Some(2), None), "betNotFound"),
            ],
        ),
    ];
    for (name, steps) in cases {
        let mut bench = Bench::new();
        for (at, (key, command, expected)) in steps.into_iter().enumerate() {
            assert_eq!(told(&bench.run(key, command)), expected, "{name}, step {at}");
        }
        let rows = bench.stage.seal().unwrap().rows;
        let again = Cell::load(TENANT, PLAYER, None, rows).unwrap();
        assert_eq!(again.wallet(), bench.cell.wallet(), "{name}");
    }
}

/// All corrections of a bet are read for each further one, so that there is an end to them.
#[test]
fn a_bet_takes_a_hundred_corrections() {
    let mut bench = Bench::new();
    assert_eq!(told(&bench.run("r", report(10))), "reported");
    let by = |version: i64| {
        correct(correction(Some(u32::try_from(version).unwrap()), Some(version + 100)))
    };
    for version in 2..102 {
        let did = told(&bench.run(&format!("x{version}"), by(version)));
        assert!(did.starts_with(&format!("{version} for ")), "{did}");
    }
    // Another bet has its own, and what came is still answered.
    let other = Correction { bet: BetId::parse("c").unwrap(), ..correction(Some(2), None) };
    let cases = [
        ("y", by(102), "tooManyCorrections"),
        ("y", by(103), "tooManyCorrections"),
        ("x5", by(5), "replay round.corrected"),
        ("z", by(5), "replay round.corrected"),
        ("v", correct(correction(Some(5), None)), "idempotencyMismatch"),
        ("o", correct(other), "2 early"),
    ];
    for (key, command, expected) in cases {
        assert_eq!(told(&bench.run(key, command)), expected, "{key}");
    }
}
