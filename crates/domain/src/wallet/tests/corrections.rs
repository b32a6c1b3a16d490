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
