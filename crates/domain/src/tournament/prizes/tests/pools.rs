//! Pools (P1) and a jackpot tournament's meter (J1).

use super::notation::*;
use crate::money::Amount;
use crate::tournament::prizes::*;
use proptest::prelude::*;

fn winner_takes_all(pool: &str) -> Rules {
    rules(&format!(
        "[pool]\n{pool}\n[[bands]]\nfrom = 1\nprizes = [{{ kind = \"cash\", weight = 1 }}]\n"
    ))
}

fn collected(entries: u64, paid: i64) -> Collected {
    Collected { entries, paid: Amount(paid), ..Collected::default() }
}

#[test]
fn a_pool_is_what_was_collected_and_what_the_operator_adds() {
    let none = Collected::default();
    let rows = [
        // Published: inetbet, 10 × ($4 + $0.40): pool $40, house $4.
        (
            "P1",
            "buyIns = { feePerEntry = \"0.40\" }",
            collected(10, 4_400),
            "40.00",
            "buyIns 40.00",
            Some("4.00"),
        ),
        // The same as a percentage of what is paid, rounded down, so for the players.
        (
            "P1",
            "buyIns = { feePercent = \"9.0909\" }",
            collected(10, 4_400),
            "40.01",
            "buyIns 40.01",
            Some("3.99"),
        ),
        ("P1", "buyIns = {}", collected(10, 4_400), "44.00", "buyIns 44.00", Some("0.00")),
        // Guarantee: the operator adds max(0, G − pool).
        (
            "P1",
            "guarantee = \"100\"\nbuyIns = { feePerEntry = \"0.40\" }",
            collected(10, 4_400),
            "100.00",
            "buyIns 40.00, guarantee 60.00",
            Some("4.00"),
        ),
        (
            "P1",
            "guarantee = \"30\"\nbuyIns = {}",
            collected(10, 4_400),
            "44.00",
            "buyIns 44.00",
            Some("0.00"),
        ),
        ("P1", "guarantee = \"30\"", none, "30.00", "guarantee 30.00", None),
        ("fixed", "seed = \"500\"", none, "500.00", "seed 500.00", None),
        (
            "seed and share of turnover",
            "seed = \"500\"\nturnover = { percent = \"1.5\" }",
            Collected { turnover: Amount(1_234_567), ..none },
            // 1.5 % of 12,345.67 is 185.18505.
            "685.18",
            "seed 500.00, turnover 185.18",
            None,
        ),
        (
            "cap",
            "cap = \"30\"\nbuyIns = {}",
            collected(10, 4_400),
            "30.00",
            "buyIns 44.00",
            Some("0.00"),
        ),
        (
            "P4: rolled over from before",
            "seed = \"5\"",
            Collected { carried_in: Amount(250), ..none },
            "7.50",
            "seed 5.00, carriedIn 2.50",
            None,
        ),
        (
            "J1",
            "seed = \"5\"\njackpot = { percent = \"1\" }",
            Collected { contributions: Amount(123), ..none },
            "6.23",
            "seed 5.00, contributions 1.23",
            None,
        ),
    ];
    for (rule, text, facts, total, funding, fee) in rows {
        let pool = Pool::collect(&winner_takes_all(text), &facts).unwrap();
        assert_eq!(money(pool.total()), total, "{rule}: {text}");
        assert_eq!(funded(pool.funding()), funding, "{rule}: {text}");
        assert_eq!(pool.fee().map(|fee| money(fee.fee)).as_deref(), fee, "{rule}: {text}");
    }
}

#[test]
fn what_is_over_the_cap_is_declared_and_listed() {
    for (policy, expected) in [("rollover", "rollover 14.00"), ("house", "house 14.00")] {
        let text = format!(
            "[policies]\noverCap = \"{policy}\"\n[pool]\ncap = \"30\"\nbuyIns = {{}}\n\
             [[bands]]\nfrom = 1\nprizes = [{{ kind = \"cash\", weight = 1 }}]\n"
        );
        assert_eq!(shown(&pooled(&text, 4_400, "a b")), format!("1a 30.00 | {expected}"));
    }
}

#[test]
fn a_pool_refuses_facts_that_can_not_be() {
    let buy_ins = winner_takes_all("buyIns = { feePerEntry = \"0.40\" }");
    let seed = winner_takes_all("seed = \"5\"");
    let big = winner_takes_all("seed = \"92233720368547758.07\"");
    let none = Collected::default();
    let rows = [
        (&buy_ins, collected(10, -1), "PRIZES_NEGATIVE"),
        (&buy_ins, collected(10, 399), "PRIZES_FEE_OVER_PAID"),
        (&buy_ins, collected(u64::MAX, i64::MAX), "PRIZES_OVERFLOW"),
        (&seed, collected(0, 1), "PRIZES_WITHOUT_RULE"),
        (&seed, Collected { contributions: Amount(1), ..none }, "PRIZES_WITHOUT_RULE"),
        (&rules(&places("5")), Collected { carried_in: Amount(1), ..none }, "PRIZES_WITHOUT_RULE"),
        (&big, Collected { carried_in: Amount(1), ..none }, "PRIZES_OVERFLOW"),
    ];
    for (rules, facts, code) in rows {
        assert_eq!(Pool::collect(rules, &facts).unwrap_err().code(), code, "{facts:?}");
    }
    // The largest pool there can be is still paid out to the last unit.
    let pool = Pool::collect(&big, &none).unwrap();
    let plan = plan(&big, &pool, &field("a b")).unwrap();
    assert_eq!(plan.lines().iter().map(|line| line.value.0).sum::<i64>(), i64::MAX);
}

#[test]
fn a_pool_of_another_currency_is_refused() {
    let euro = rules(&format!("currency = \"EUR\"\n{}", places("5")));
    let pool = Pool::collect(&rules(&places("5")), &Collected::default()).unwrap();
    assert_eq!(plan(&euro, &pool, &field("a")).unwrap_err().code(), "PRIZES_CURRENCY_MISMATCH");
}

#[test]
fn a_jackpot_collects_millionths_and_keeps_the_carry() {
    let rules = winner_takes_all("jackpot = { percent = \"0.3333\", reservePercent = \"0.1\" }");
    let rates = rules.jackpot().unwrap();
    let bet = Contribution::of(rates, Amount(100)).unwrap();
    // 0.3333 % of 1.00 is a third of a cent.
    assert_eq!((bet.pool, bet.reserve), (333_300, 100_000));
    let mut meter = Meter::default();
    for _ in 0..3 {
        meter = meter.add(bet).unwrap();
    }
    assert_eq!((meter.pool().whole(), meter.pool().carry()), (Amount(0), 999_900));
    meter = meter.add(bet).unwrap();
    assert_eq!((meter.pool().whole(), meter.pool().carry()), (Amount(1), 333_200));
    assert_eq!((meter.reserve().whole(), meter.reserve().carry()), (Amount(0), 400_000));
    // A voided bet leaves no trace (J6), and one that was never there can't be taken back.
    let before = meter;
    meter = meter.add(bet).unwrap().take_back(bet).unwrap();
    assert_eq!(meter, before);
    assert_eq!(Meter::default().take_back(bet).unwrap_err().code(), "PRIZES_NEGATIVE");
    assert_eq!(Contribution::of(rates, Amount(-1)).unwrap_err().code(), "PRIZES_NEGATIVE");
    let text = serde_json::to_string(&meter).unwrap();
    assert_eq!(serde_json::from_str::<Meter>(&text).unwrap(), meter);
    assert!(serde_json::from_str::<Meter>(&text.replace("333200", "1000000")).is_err());
}

#[test]
fn a_meter_that_is_full_says_so() {
    let all = JackpotRates { pool: Rate::WHOLE, reserve: Rate::default() };
    let bet = Contribution::of(all, Amount(i64::MAX)).unwrap();
    let full = Meter::default().add(bet).unwrap();
    assert_eq!(full.pool().whole(), Amount(i64::MAX));
    assert_eq!(full.add(bet).unwrap_err().code(), "PRIZES_OVERFLOW");
}

proptest! {
    /// J1: Σ contributions = Δpool + Δreserve + Δcarry, in any order, with bets taken back.
    #[test]
    fn nothing_is_lost_on_the_way_to_the_meter(
        stakes in prop::collection::vec((0_i64..1_000_000_000, any::<bool>()), 0..200),
        pool in 0_u32..=500_000,
        reserve in 0_u32..=500_000,
    ) {
        let rate = |millionths| Rate::from_millionths(millionths).unwrap();
        let rates = JackpotRates { pool: rate(pool), reserve: rate(reserve) };
        let mut meter = Meter::default();
        let mut kept = Vec::new();
        for (stake, is_kept) in &stakes {
            let bet = Contribution::of(rates, Amount(*stake)).unwrap();
            meter = meter.add(bet).unwrap();
            if *is_kept { kept.push(*stake) } else { meter = meter.take_back(bet).unwrap() }
        }
        let sum: i128 = kept.iter().map(|stake| i128::from(*stake)).sum();
        prop_assert_eq!(meter.pool().micro(), sum * i128::from(pool));
        prop_assert_eq!(meter.reserve().micro(), sum * i128::from(reserve));
        let mut backwards = Meter::default();
        for stake in kept.iter().rev() {
            backwards = backwards.add(Contribution::of(rates, Amount(*stake)).unwrap()).unwrap();
        }
        prop_assert_eq!(backwards, meter);
    }
}
