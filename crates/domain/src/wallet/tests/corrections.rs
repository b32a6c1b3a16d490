//! Results after results: voids, further wins, versions, debt.

use super::*;

/// A result of the round as a whole: `gross` is a win that names only its round.
fn by_round(round: &str, delta: i64, gross: bool, amend: Amend) -> Command {
    let mut command = settle(round, delta);
    if let Command::SettleRound { gross: is_gross, terms, .. } = &mut command {
        (*is_gross, terms.amend) = (gross, amend);
    }
    command
}

fn void(round: &str, bet: &str, stake: i64) -> Command {
    results(round, &[(bet, None, stake, Some(Outcome::Void))])
}

#[test]
fn a_win_by_round_after_a_void_does_not_pay_the_stake_too() {
    let win = |amount| win_of("r", amount);
    // One bet of 10.00, void, then a win of 25.00: 100 - 10 + 25.
    let mut bench = Bench::new();
    bench.next(deposit(10_000));
    bench.next(place("a", "r", 1_000));
    assert_eq!(bench.next(void("r", "a", 1_000)), "bet.settled");
    assert_eq!(bench.next(win(2_500)), "bet.amended");
    assert_eq!(bench.money(Currency::EUR), [11_500, 0, 0, 0]);
    // A further win is added to the first one.
    assert_eq!(bench.next(win(100)), "bet.amended");
    assert_eq!(bench.money(Currency::EUR), [11_600, 0, 0, 0]);
    // With another bet that was won: the provider knows of no void, only of its wins.
    bench.next(place("b", "r2", 1_000));
    bench.next(win_of("r2", 500));
    bench.next(place("c", "r2", 1_000));
    bench.next(void("r2", "c", 1_000));
    assert_eq!(bench.next(by_round("r2", 300, true, Amend::Add)), "bet.amended");
    assert_eq!(bench.money(Currency::EUR), [11_600 - 2_000 + 800, 0, 0, 0]);
}

fn win_of(round: &str, amount: i64) -> Command {
    by_round(round, amount, true, Amend::Add)
}

#[test]
fn a_result_after_a_void_is_taken_whatever_was_agreed() {
    // (terms, a win by round, the net result of the round, what becomes of each)
    for amend in [Amend::ByRound, Amend::Replace, Amend::Add, Amend::Refuse] {
        for gross in [false, true] {
            let mut bench = Bench::new();
            bench.next(deposit(10_000));
            bench.next(place("a", "r", 1_000));
            bench.next(void("r", "a", 1_000));
            let delta = if gross { 2_500 } else { 1_500 };
            let result = by_round("r", delta, gross, amend);
            assert_eq!(bench.next(result), "bet.amended", "{amend:?} {gross}");
            assert_eq!(bench.money(Currency::EUR), [11_500, 0, 0, 0], "{amend:?} {gross}");
        }
    }
}

#[test]
fn where_results_stand_only_voids_are_taken_back() {
    let mut bench = Bench::new();
    bench.next(deposit(10_000));
    bench.next(place("a", "r", 1_000));
    bench.next(settle("r", 500));
    bench.next(place("b", "r", 1_000));
    bench.next(void("r", "b", 1_000));
    assert_eq!(bench.money(Currency::EUR), [10_500, 0, 0, 0]);
    // The provider has had no answer for "b": its result is about "b".
    assert_eq!(bench.next(by_round("r", -1_000, false, Amend::Refuse)), "bet.amended");
    assert_eq!(bench.money(Currency::EUR), [9_500, 0, 0, 0]);
    assert_eq!(bench.next(by_round("r", 0, false, Amend::Refuse)), "betAlreadySettled");
    assert_eq!(bench.money(Currency::EUR), [9_500, 0, 0, 0]);
}
