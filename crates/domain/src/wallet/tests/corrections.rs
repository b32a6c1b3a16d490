//! Results after results: voids, further wins, versions, debt.

use super::*;
use crate::journal::Account;

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

/// Wins of bets by id, paid also when the bet is not known.
fn lenient(bets: &[(&str, i64)], amend: Amend) -> Command {
    let bets: Vec<_> = bets.iter().map(|(bet, payout)| (*bet, None, *payout, None)).collect();
    let mut command = results("r", &bets);
    if let Command::SettleBets { terms, currency, .. } = &mut command {
        *currency = Some(Currency::EUR);
        *terms = Terms { unmatched_win: UnmatchedWin::Promo, amend, ..Terms::default() };
    }
    command
}

fn lenient_bet(bet: &str, stake: i64) -> Command {
    let mut command = place(bet, "r", stake);
    if let Command::PlaceBet { terms, .. } = &mut command {
        terms.unmatched_win = UnmatchedWin::Promo;
    }
    command
}

#[test]
fn a_win_without_a_bet_is_paid_once() {
    for amend in [Amend::ByRound, Amend::Replace, Amend::Add, Amend::Refuse] {
        let mut bench = Bench::new();
        let win = |amount| lenient(&[("a", amount)], amend);
        assert_eq!(bench.next(win(500)), "win.unmatched", "{amend:?}");
        // Under other keys: the same one is a repeat, another one can't be told from it.
        assert_eq!(bench.next(win(500)), "replay win.unmatched", "{amend:?}");
        assert_eq!(bench.next(win(600)), "betAlreadySettled", "{amend:?}");
        assert_eq!(bench.next(roll_back("a")), "betAlreadySettled", "{amend:?}");
        assert_eq!(bench.money(Currency::EUR), [500, 0, 0, 0], "{amend:?}");
        // The bet comes after all: its result is the one that was paid, and no other pays again.
        assert_eq!(bench.next(lenient_bet("a", 400)), "bet.placed", "{amend:?}");
        assert_eq!(bench.money(Currency::EUR), [100, 0, 0, 0], "{amend:?}");
        let again = if amend == Amend::Replace { "bet.amended" } else { "betAlreadySettled" };
        if amend != Amend::Add {
            assert_eq!(bench.next(win(500)), again, "{amend:?}");
        }
        assert_eq!(bench.next(roll_back("a")), "betAlreadySettled", "{amend:?}");
        assert_eq!(bench.money(Currency::EUR), [100, 0, 0, 0], "{amend:?}");
        let batch = bench.stage.seal().unwrap();
        let refolded = Cell::load(TENANT, PLAYER, None, batch.rows.iter().cloned()).unwrap();
        assert_eq!(refolded.wallet(), bench.cell.wallet());
        // Promotions have their money back, the house has paid the win and has the stake.
        let of = |account| {
            let legs = batch.rows.iter().filter_map(|row| row.leg);
            legs.fold(0, |sum, leg| {
                let sign = |is: bool| if is { leg.amount.0 } else { 0 };
                sum + sign(leg.credit == account) - sign(leg.debit == account)
            })
        };
        assert_eq!((of(Account::Promo), of(Account::House)), (0, -100), "{amend:?}");
    }
}

#[test]
fn a_late_bet_of_a_paid_win_keeps_what_bonus_money_won() {
    let mut bench = Bench::new();
    bench.next(lenient(&[("a", 1_000)], Amend::ByRound));
    bench.next(Command::Adjust {
        account: Account::Bonus,
        amount: Amount(1_000),
        currency: Currency::EUR,
        reason: "test".into(),
        author: "test".into(),
    });
    // Half of the stake is bonus money, so half of the win is.
    assert_eq!(bench.next(lenient_bet("a", 2_000)), "bet.placed");
    assert_eq!(bench.money(Currency::EUR), [0, 0, 0, 0]);
}

#[test]
fn several_wins_without_bets_are_one_answer() {
    let mut bench = Bench::new();
    bench.next(deposit(1_000));
    bench.next(place("known", "r", 1_000));
    let wins = lenient(&[("x", 500), ("known", 300), ("y", 700)], Amend::ByRound);
    let Answer::Done(row) = bench.run("wins", wins) else { panic!("not done") };
    let Ok(Event::WinUnmatched { totals: Some(totals), .. }) = Event::from_row(&row) else {
        panic!("not a win")
    };
    let SettlementTotals { bets, staked, paid, balance } = totals;
    assert_eq!((bets, staked.0, paid.0, balance.0), (3, 1_000, 1_500, 1_500));
    assert_eq!(bench.money(Currency::EUR), [1_500, 0, 0, 0]);
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

/// A result of bet "a" of round "r" with its version.
fn versioned(payout: i64, version: u32) -> Command {
    let mut command = results("r", &[("a", None, payout, None)]);
    if let Command::SettleBets { bets, .. } = &mut command {
        bets.iter_mut().for_each(|bet| bet.version = Some(version));
    }
    command
}

fn versioned_round(delta: i64, version: u32) -> Command {
    let mut command = settle("r", delta);
    if let Command::SettleRound { version: of, .. } = &mut command {
        *of = Some(version);
    }
    command
}

#[test]
fn every_version_hears_its_own_result() {
    let mut bench = Bench::new();
    bench.next(deposit(10_000));
    bench.next(place("a", "r", 1_000));
    bench.next(place("b", "r", 1_000));
    let mut rows = Vec::new();
    for (command, answer) in [
        (versioned_round(500, 1), "bet.settled"),
        (versioned(2_000, 2), "bet.amended"),
        (versioned_round(-2_000, 3), "bet.amended"),
    ] {
        let Answer::Done(row) = bench.run(&format!("v{}", rows.len()), command) else {
            panic!("not done")
        };
        assert_eq!(row.kind.name(), answer);
        rows.push(row.seq);
    }
    assert_eq!(bench.money(Currency::EUR), [8_000, 0, 0, 0]);
    // (what is said again, under a new key, the version whose row is told)
    for (command, version) in [
        (versioned(1_250, 1), Some(1)),
        (versioned(1_251, 1), None),
        (versioned(2_000, 2), Some(2)),
        (versioned(0, 2), None),
        (versioned(0, 3), Some(3)),
        (versioned(1, 3), None),
        (versioned_round(500, 1), Some(1)),
        (versioned_round(501, 1), None),
        // The second result of "b" was the third one of the round.
        (versioned_round(0, 2), Some(2)),
        (versioned_round(500, 2), None),
        (versioned_round(-2_000, 3), Some(3)),
        (versioned_round(-1_999, 3), None),
    ] {
        let key = format!("again {}", bench.clock);
        match (bench.run(&key, command.clone()), version) {
            (Answer::Replay(row), Some(version)) => {
                assert_eq!(row.seq, rows[version - 1], "{command:?}");
            }
            (Answer::Refused(Refusal::IdempotencyMismatch), None) => {}
            (other, _) => panic!("{command:?}: {other:?}"),
        }
    }
    assert_eq!(bench.money(Currency::EUR), [8_000, 0, 0, 0]);
}

#[test]
fn the_end_of_a_round_does_not_lose_what_was_voided() {
    let mut bench = Bench::new();
    bench.next(deposit(10_000));
    bench.next(place("a", "r", 1_000));
    bench.next(void("r", "a", 1_000));
    // What a dialect sends when the round is finished: what is still open is lost.
    let mut lost = by_round("r", 0, true, Amend::Refuse);
    if let Command::SettleRound { version, .. } = &mut lost {
        *version = Some(1);
    }
    assert_eq!(bench.next(lost.clone()), "idempotencyMismatch");
    assert_eq!(bench.money(Currency::EUR), [10_000, 0, 0, 0]);
    bench.next(place("b", "r", 1_000));
    assert_eq!(bench.next(lost), "bet.settled");
    assert_eq!(bench.money(Currency::EUR), [9_000, 0, 0, 0]);
}
