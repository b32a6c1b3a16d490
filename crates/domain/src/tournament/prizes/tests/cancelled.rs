//! Called off: before the start, before the money, in the money (P6, L10); deals by chips (P2).

use super::notation::*;
use crate::ids::{PlayerId, TournamentId};
use crate::money::{Amount, Currency};
use crate::tournament::prizes::*;

fn usd() -> Currency {
    Currency::parse("USD").unwrap()
}

fn stack(name: char, chips: u64) -> Stack {
    Stack { player: player(name), chips, order: 0, fee: Amount::ZERO, under_review: false }
}

/// Chips of players a, b, c …
fn stacks(chips: &[u64]) -> Vec<Stack> {
    ('a'..).zip(chips).map(|(name, chips)| stack(name, *chips)).collect()
}

fn cash(name: char, quantity: i64) -> PaidWith {
    PaidWith { player: player(name), what: What::Cash {}, quantity, currency: usd() }
}

#[test]
fn a_deal_pays_exactly_what_there_is() {
    // Published: BetMGM. Remaining pool $570; each gets 57 + (570 − 5·57) · c / 43,500 for
    // c = 15,000, 12,000, 10,000, 6,000, 500. Rounded one by one, as published, that is 155.28,
    // 135.63, 122.52, 96.32 and 60.28, in all 570.03. Rounded down, 2 cents are left; the
    // fractions are .586, .069, .724, .034 and .586, so they go to the third and, of the two
    // equal ones, to whoever has more chips.
    let chips = [15_000, 12_000, 10_000, 6_000, 500];
    let shares = deal(Amount(57_000), Amount(5_700), &stacks(&chips)).unwrap();
    let amounts: Vec<String> = shares.iter().map(|(_, amount)| money(*amount)).collect();
    assert_eq!(amounts, ["155.28", "135.62", "122.52", "96.31", "60.27"], "P2");
    assert_eq!(shares.iter().map(|(_, amount)| amount.0).sum::<i64>(), 57_000);
    // In whatever order they sit.
    let mut seats = stacks(&chips);
    seats.reverse();
    assert_eq!(deal(Amount(57_000), Amount(5_700), &seats).unwrap(), shares);
}

#[test]
fn a_deal_refuses_what_can_not_be() {
    let rows = [
        (100, 51, vec![stack('a', 1), stack('b', 1)], "PRIZES_NEGATIVE"),
        (100, -1, vec![stack('a', 1)], "PRIZES_NEGATIVE"),
        (100, 0, vec![stack('a', 0)], "PRIZES_NOTHING_TO_DIVIDE_BY"),
        (100, 0, vec![], "PRIZES_NOTHING_TO_DIVIDE_BY"),
        (100, 0, vec![stack('a', 1), stack('a', 1)], "PRIZES_PLAYER_TWICE"),
        (i64::MAX, i64::MAX, vec![stack('a', 1), stack('b', 1)], "PRIZES_OVERFLOW"),
    ];
    for (remaining, minimum, stacks, code) in rows {
        let error = deal(Amount(remaining), Amount(minimum), &stacks).unwrap_err();
        assert_eq!(error.code(), code, "{remaining} {minimum}");
    }
}

#[test]
fn before_the_start_everybody_gets_back_what_he_paid_with() {
    // Published: PokerStars, T$10 and $15 in cash come back as T$10 and $15 in cash.
    let tournament = TournamentId::parse("friday").unwrap();
    let ticket = What::Ticket { tournament, value: Some(Amount(1_000)) };
    let mut paid = vec![cash('b', 1_500), cash('a', 1_500), cash('a', 1_500)];
    paid.push(PaidWith { what: ticket, quantity: 1, ..cash('b', 0) });
    let rules = rules(&places("100"));
    let pool = Pool::collect(&rules, &Collected::default()).unwrap();
    let plan = cancel(&rules, &pool, &paid, Reached::Registration).unwrap();
    assert_eq!(shown(&plan), "0a 30.00 refund, 0b 15.00 refund, 0b 1 ticket refund", "P6");
    assert_eq!(funded(plan.funding()), "paidIn 55.00");
    // In every currency by itself.
    paid.push(PaidWith { currency: Currency::EUR, ..cash('b', 700) });
    assert_eq!(funded(refund(&paid).unwrap().funding()), "paidIn 7.00, paidIn 55.00");
    assert_eq!(refund(&[cash('a', -1)]).unwrap_err().code(), "PRIZES_NEGATIVE");
    assert_eq!(refund(&[cash('a', i64::MAX), cash('b', 1)]).unwrap_err().code(), "PRIZES_OVERFLOW");
}

#[test]
fn who_promised_refunds_pays_nobody_a_prize() {
    // Published: Gamanza, a cancelled tournament pays nobody; buy-ins go back.
    let rules = rules(&format!("[pool]\nbuyIns = {{}}\n{}", shares_of(2)));
    let pool = pool_of(&rules, 2, 3_000);
    let paid = [cash('a', 1_500), cash('b', 1_500)];
    let reached = Reached::Play { stacks: &stacks(&[900, 100]), out: &Finishers::default() };
    let plan = cancel(&rules, &pool, &paid, reached).unwrap();
    assert_eq!(shown(&plan), "0a 15.00 refund, 0b 15.00 refund", "L10");
}

fn shares_of(places: u32) -> String {
    format!("[[bands]]\nfrom = 1\nto = {places}\nprizes = [{{ kind = \"cash\", weight = 1 }}]\n")
}

fn pool_of(rules: &Rules, entries: u64, paid: i64) -> Pool {
    Pool::collect(rules, &Collected { entries, paid: Amount(paid), ..Collected::default() })
        .unwrap()
}

const ROLL_FORWARD: &str = "[policies]\ncancellation = \"rollForward\"\n";

#[test]
fn before_the_money_half_is_equal_and_half_by_chips() {
    // Published: PokerStars, $30 + $3, prize pool $9,000, 100 players left, 37,500 of 300,000
    // chips: 45.00 + 562.50, and the fee of 3.00 (P6: 4500/100 + 4500·37500/300000 = 607.50).
    let rules = rules(&format!(
        "{ROLL_FORWARD}[pool]\nbuyIns = {{ feePerEntry = \"3\" }}\n{}",
        shares_of(20)
    ));
    let pool = pool_of(&rules, 300, 990_000);
    let mut left = vec![Stack { fee: Amount(300), ..stack('x', 37_500) }];
    for at in 0..99 {
        let chips = if at == 0 { 2_800 } else { 2_650 };
        left.push(Stack { player: PlayerId(1_000 + at), fee: Amount(300), ..stack('y', chips) });
    }
    let reached = Reached::Play { stacks: &left, out: &Finishers::default() };
    let plan = cancel(&rules, &pool, &[], reached).unwrap();
    let of = |reason, player| {
        let is_it = |line: &&Line| line.reason == reason && line.player == player;
        plan.lines().iter().find(is_it).map(|line| money(line.value))
    };
    assert_eq!(of(Reason::PoolShare, player('x')).as_deref(), Some("607.50"), "P6");
    assert_eq!(of(Reason::FeeRefund, player('x')).as_deref(), Some("3.00"), "P6");
    // 45 + 4500 · 2,650 / 300,000 = 84.75; and 87.00 for the one with 2,800.
    assert_eq!(of(Reason::PoolShare, PlayerId(1_001)).as_deref(), Some("84.75"));
    assert_eq!(of(Reason::PoolShare, PlayerId(1_000)).as_deref(), Some("87.00"));
    assert_eq!(plan.lines().len(), 200);
    assert_eq!(funded(plan.funding()), "buyIns 9000.00, fees 300.00");
    assert_eq!(plan.fee().map(|fee| money(fee.fee)).as_deref(), Some("900.00"));
}

#[test]
fn before_the_money_a_guarantee_is_not_topped_up_to() {
    let rules = rules(&format!(
        "{ROLL_FORWARD}[pool]\nguarantee = \"1000\"\nbuyIns = {{}}\n{}",
        shares_of(1)
    ));
    let pool = pool_of(&rules, 10, 10_001);
    let reached = Reached::Play { stacks: &stacks(&[1, 3]), out: &Finishers::default() };
    let plan = cancel(&rules, &pool, &[], reached).unwrap();
    // 1 of 4 chips: 25.0025 + 12.50125; 3 of 4: 25.0025 + 37.50375.
    assert_eq!(shown(&plan), "1b 62.51 share, 2a 37.50 share");
    assert_eq!(funded(plan.funding()), "buyIns 100.01");
    let none = before_the_money(&pool, &stacks(&[0, 0])).unwrap_err();
    assert_eq!(none.code(), "PRIZES_NOTHING_TO_DIVIDE_BY");
    let fee = [Stack { fee: Amount(1), ..stack('a', 1) }];
    assert_eq!(before_the_money(&pool, &fee).unwrap_err().code(), "PRIZES_FEE_OVER_PAID");
}

#[test]
fn in_the_money_everybody_has_the_minimum_and_the_rest_goes_by_chips() {
    // The deal of above as a cancellation: five are left and play for 570, the smallest prize
    // not yet awarded is 57; two are out and keep theirs.
    let table = places("200 130 100 83 57 20 10");
    let rules = rules(
        &format!("{ROLL_FORWARD}fixedFrom = \"pool\"\n[pool]\nbuyIns = {{}}\n{table}")
            .replace(ROLL_FORWARD, "")
            .replace("[pool]", &format!("{ROLL_FORWARD}[pool]")),
    );
    let pool = pool_of(&rules, 60, 60_000);
    let left = stacks(&[15_000, 12_000, 10_000, 6_000, 500]);
    let mut rows = field("y z").rows().to_vec();
    rows.iter_mut().for_each(|row| row.rank += 5);
    let out = Finishers::new(rows).unwrap();
    let plan = cancel(&rules, &pool, &[], Reached::Play { stacks: &left, out: &out }).unwrap();
    assert_eq!(
        shown(&plan),
        "1a 57.00 minimum, 1a 98.28 chips, 2b 57.00 minimum, 2b 78.62 chips, 3c 57.00 minimum, \
         3c 65.52 chips, 4d 57.00 minimum, 4d 39.31 chips, 5e 57.00 minimum, 5e 3.27 chips, \
         6y 20.00, 7z 10.00",
        "P6"
    );
    // As many left as there are prizes: all of them win something.
    let seven = stacks(&[1; 7]);
    let reached = Reached::Play { stacks: &seven, out: &Finishers::default() };
    let plan = cancel(&rules, &pool, &[], reached).unwrap();
    assert!(shown(&plan).starts_with("1a 10.00 minimum, 1a 75.72 chips, 2b 10.00 minimum"));
    // Eight left: not in the money.
    let many = stacks(&[1; 8]);
    let out = Finishers::default();
    let plan = cancel(&rules, &pool, &[], Reached::Play { stacks: &many, out: &out }).unwrap();
    assert!(shown(&plan).starts_with("1a 75.00 share, 2b 75.00 share"));
    // Somebody who is out can't have a rank that is still played for.
    let error = in_the_money(&rules, &pool, &left, &field("y")).unwrap_err();
    assert_eq!(error.code(), "PRIZES_RANKS_CONTRADICT");
}

#[test]
fn in_the_money_prizes_become_cash_and_a_review_holds_them() {
    let table = format!(
        "{ROLL_FORWARD}[[bands]]\nfrom = 1\nprizes = [{{ kind = \"item\", text = \"Cup\" }}, \
         {{ kind = \"ticket\", tournament = \"sunday\", value = \"100\" }}]\n\
         [[bands]]\nfrom = 2\nprizes = [{{ kind = \"cash\", amount = \"20\" }}]\n"
    );
    let rules = rules(&table);
    let pool = Pool::collect(&rules, &Collected::default()).unwrap();
    let mut left = stacks(&[100, 300]);
    left[1].under_review = true;
    let plan = in_the_money(&rules, &pool, &left, &Finishers::default()).unwrap();
    assert_eq!(
        shown(&plan),
        "1b 20.00 minimum reserved, 1b 60.00 chips reserved, 2a 20.00 minimum, 2a 20.00 chips \
         | house 1 Cup",
        "P6, L7"
    );
    assert_eq!(funded(plan.funding()), "operator 120.00");
}
