//! Overdue rounds: what the profile voids, what two people decide.

use super::*;

const EUR: Currency = Currency::EUR;

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn provider() -> ProviderId {
    ProviderId::parse("acme").unwrap()
}

fn round(id: &str) -> RoundId {
    RoundId::parse(id).unwrap()
}

fn of(currency: Currency, mut command: Command) -> Command {
    match &mut command {
        Command::Deposit { currency: of, .. } | Command::PlaceBet { currency: of, .. } => {
            *of = currency;
        }
        _ => {}
    }
    command
}

/// A round is late; its bets placed up to `before` are.
fn late(id: &str, before: i64, void: bool) -> Command {
    Command::MarkOverdue { provider: provider(), round: round(id), before: UnixMs(before), void }
}

fn propose(id: &str, verdict: Verdict, author: &str) -> Command {
    Command::ProposeVerdict {
        provider: provider(),
        round: round(id),
        verdict,
        reason: "why".into(),
        author: author.into(),
    }
}

fn confirm(id: &str, author: &str) -> Command {
    Command::ConfirmVerdict { provider: provider(), round: round(id), author: author.into() }
}

fn pays(delta: i64, currency: Currency) -> Verdict {
    Verdict::Settle { delta: Amount(delta), currency }
}

/// 100.00 of each currency, and a round with bets of 10.00 EUR and 20.00 USD.
fn two_currencies() -> Bench {
    let mut bench = Bench::new();
    for (currency, bet, stake) in [(EUR, "e", 1_000), (usd(), "u", 2_000)] {
        assert_eq!(bench.next(of(currency, deposit(10_000))), "wallet.deposited");
        assert_eq!(bench.next(of(currency, place(bet, "r", stake))), "bet.placed");
    }
    bench
}

fn both(bench: &Bench) -> ([i64; 4], [i64; 4]) {
    (bench.money(EUR), bench.money(usd()))
}

#[test]
fn a_void_gives_each_stake_back_in_its_own_currency() {
    let back = ([10_000, 0, 0, 0], [10_000, 0, 0, 0]);
    let mut bench = two_currencies();
    assert_eq!(bench.next(late("r", i64::MAX, true)), "round.overdue");
    assert_eq!(both(&bench), back);

    let mut bench = two_currencies();
    bench.next(late("r", i64::MAX, false));
    assert_eq!(bench.next(propose("r", Verdict::Void, "anna")), "verdict.proposed");
    let Answer::Done(row) = bench.run("c", confirm("r", "boris")) else { panic!("not done") };
    assert_eq!(both(&bench), back);
    let Ok(Event::VerdictConfirmed { totals, .. }) = Event::from_row(&row) else {
        panic!("not a verdict")
    };
    let told: Vec<_> = totals.iter().map(|(c, t)| (*c, t.bets, t.paid.0, t.balance.0)).collect();
    assert_eq!(told, [(EUR, 1, 1_000, 10_000), (usd(), 1, 2_000, 10_000)]);
}

#[test]
fn a_verdict_that_pays_is_about_its_own_currency() {
    let mut bench = two_currencies();
    bench.next(late("r", i64::MAX, false));
    let gbp = Currency::parse("GBP").unwrap();
    for (verdict, answer) in [
        (pays(500, gbp), "currencyMismatch"),
        (pays(-1_001, EUR), "negativePayout"),
        (pays(-2_001, usd()), "negativePayout"),
        (pays(500, usd()), "verdict.proposed"),
    ] {
        assert_eq!(bench.next(propose("r", verdict, "anna")), answer, "{verdict:?}");
    }
    assert_eq!(bench.next(confirm("r", "boris")), "verdict.confirmed");
    assert_eq!(both(&bench), ([9_000, 0, 1_000, 0], [10_500, 0, 0, 0]));
    // The other bet waits for a verdict of its own.
    assert_eq!(bench.next(confirm("r", "boris")), "nothingProposed");
    bench.next(propose("r", pays(-1_000, EUR), "boris"));
    assert_eq!(bench.next(confirm("r", "anna")), "verdict.confirmed");
    assert_eq!(both(&bench), ([9_000, 0, 0, 0], [10_500, 0, 0, 0]));
}

#[test]
fn only_bets_that_are_late_become_overdue_or_are_voided() {
    for void in [false, true] {
        let mut bench = Bench::new();
        bench.next(deposit(10_000));
        bench.next(place("old", "r", 1_000));
        let before = bench.clock;
        bench.next(place("fresh", "r", 2_000));
        assert_eq!(bench.next(late("r", before - 1, void)), "NotLate");
        assert_eq!(bench.next(late("r", before, void)), "round.overdue");
        let wallet = bench.cell.wallet();
        let open: Vec<_> = wallet.open_in_round(&provider(), &round("r")).collect();
        let open: Vec<_> = open.iter().map(|(id, bet)| (id.as_str(), bet.overdue)).collect();
        if void {
            assert_eq!(open, [("fresh", false)]);
            assert_eq!(bench.money(EUR), [8_000, 0, 2_000, 0]);
        } else {
            assert_eq!(open, [("fresh", false), ("old", true)]);
            // A verdict is about the late bet alone.
            bench.next(propose("r", Verdict::Void, "anna"));
            assert_eq!(bench.next(confirm("r", "boris")), "verdict.confirmed");
            assert_eq!(bench.money(EUR), [8_000, 0, 2_000, 0]);
        }
        assert_eq!(bench.next(late("r", before, void)), "NotLate");
        // The other one is late later.
        assert_eq!(bench.next(late("r", i64::MAX, void)), "round.overdue");
    }
}
