//! Overdue rounds: what the profile voids, what two people decide.

use super::*;
use crate::ids::Slot;

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

/// Confirms the proposal that stands for the round.
fn confirm(bench: &Bench, id: &str, author: &str) -> Command {
    let standing = bench.cell.wallet().proposals.iter().find(|p| p.round == round(id));
    confirm_seq(bench, id, standing.map_or(0, |proposal| proposal.seq), author)
}

fn confirm_seq(bench: &Bench, id: &str, seq: u64, author: &str) -> Command {
    let (provider, round, author) = (provider(), round(id), author.into());
    Command::ConfirmVerdict { provider, round, proposal: (bench.cell.slot(), seq), author }
}

fn confirmed(bench: &mut Bench, author: &str) -> String {
    let command = confirm(bench, "r", author);
    bench.next(command)
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
    let by_boris = confirm(&bench, "r", "boris");
    let Answer::Done(row) = bench.run("c", by_boris) else { panic!("not done") };
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
    assert_eq!(confirmed(&mut bench, "boris"), "verdict.confirmed");
    assert_eq!(both(&bench), ([9_000, 0, 1_000, 0], [10_500, 0, 0, 0]));
    // The other bet waits for a verdict of its own.
    assert_eq!(confirmed(&mut bench, "boris"), "nothingProposed");
    bench.next(propose("r", pays(-1_000, EUR), "boris"));
    assert_eq!(confirmed(&mut bench, "anna"), "verdict.confirmed");
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
            assert_eq!(confirmed(&mut bench, "boris"), "verdict.confirmed");
            assert_eq!(bench.money(EUR), [8_000, 0, 2_000, 0]);
        }
        assert_eq!(bench.next(late("r", before, void)), "NotLate");
        // The other one is late later.
        assert_eq!(bench.next(late("r", i64::MAX, void)), "round.overdue");
    }
}

#[test]
fn only_the_proposal_that_was_seen_is_confirmed() {
    let mut bench = Bench::new();
    bench.next(deposit(10_000));
    assert_eq!(bench.next(propose("r", Verdict::Void, "anna")), "betNotFound");
    bench.next(place("a", "r", 1_000));
    assert_eq!(bench.next(propose("r", Verdict::Void, "anna")), "roundNotOverdue");
    bench.next(late("r", i64::MAX, false));
    assert_eq!(confirmed(&mut bench, "boris"), "nothingProposed");
    bench.next(propose("r", Verdict::Void, "anna"));
    let seen = confirm(&bench, "r", "boris");
    // Another one takes its place: boris has not seen that.
    bench.next(propose("r", pays(100_000, EUR), "clara"));
    assert_eq!(bench.next(seen), "proposalReplaced");
    let elsewhere = match confirm(&bench, "r", "boris") {
        Command::ConfirmVerdict { provider, round, proposal: (slot, seq), author } => {
            let proposal = (Slot(slot.0.wrapping_add(1)), seq);
            Command::ConfirmVerdict { provider, round, proposal, author }
        }
        other => other,
    };
    assert_eq!(bench.next(elsewhere), "proposalReplaced");
    assert_eq!(confirmed(&mut bench, "clara"), "samePerson");
    assert_eq!(bench.money(EUR), [9_000, 0, 1_000, 0]);
    assert_eq!(confirmed(&mut bench, "boris"), "verdict.confirmed");
    assert_eq!(bench.money(EUR), [110_000, 0, 0, 0]);
    assert_eq!(bench.cell.wallet().proposals, []);
}

#[test]
fn a_proposal_is_forgotten_when_its_bets_change() {
    let result = |bet| results("r", &[(bet, None, 0, None)]);
    // (what happens meanwhile, whether the proposal still stands)
    let cases: [(&str, Vec<Command>, bool); 6] = [
        ("nothing", vec![], true),
        ("a fresh bet", vec![place("new", "r", 500)], true),
        ("the end of a fresh bet", vec![place("new", "r", 500), roll_back("new")], true),
        ("a result of one", vec![result("a")], false),
        ("a rollback of one", vec![roll_back("b")], false),
        ("one more is late", vec![place("new", "r", 500), late("r", i64::MAX, false)], false),
    ];
    for (what, commands, stands) in cases {
        let mut bench = Bench::new();
        bench.next(deposit(10_000));
        bench.next(place("a", "r", 1_000));
        bench.next(place("b", "r", 2_000));
        bench.next(late("r", i64::MAX, false));
        bench.next(propose("r", Verdict::Void, "anna"));
        let seen = confirm(&bench, "r", "boris");
        for command in commands {
            assert!(!bench.next(command).is_empty());
        }
        let held = bench.money(EUR)[2];
        let answer = if stands { "verdict.confirmed" } else { "nothingProposed" };
        assert_eq!(bench.next(seen), answer, "{what}");
        let voided = if stands { 3_000 } else { 0 };
        assert_eq!(bench.money(EUR)[2], held - voided, "{what}");
    }
    // The round is settled, and bets of it come again: they are nobody's business.
    let mut bench = Bench::new();
    bench.next(deposit(10_000));
    bench.next(place("a", "r", 1_000));
    bench.next(late("r", i64::MAX, false));
    bench.next(propose("r", pays(50_000, EUR), "anna"));
    let seen = confirm(&bench, "r", "boris");
    bench.next(settle("r", -1_000));
    bench.next(place("new", "r", 1_000));
    assert_eq!(bench.next(seen), "nothingProposed");
    assert_eq!(bench.money(EUR), [8_000, 0, 1_000, 0]);
}

#[test]
fn a_player_has_at_most_a_hundred_proposals() {
    let mut bench = Bench::new();
    bench.next(deposit(10_000));
    for n in 0..=100 {
        let id = format!("r{n}");
        bench.next(place(&id, &id, 1));
        bench.next(late(&id, i64::MAX, false));
        let answer = if n < 100 { "verdict.proposed" } else { "tooManyOpen" };
        assert_eq!(bench.next(propose(&id, Verdict::Void, "anna")), answer, "{n}");
    }
    // One that takes the place of another one is none more.
    assert_eq!(bench.next(propose("r7", Verdict::Void, "boris")), "verdict.proposed");
}
