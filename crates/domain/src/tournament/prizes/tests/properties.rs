//! Properties over random tables, pools and ties; what fails is shrunk to a small case.

use super::notation::money;
use crate::ids::PlayerId;
use crate::money::{Amount, Currency};
use crate::tournament::prizes::split::{by_weight, equal_part};
use crate::tournament::prizes::table::*;
use crate::tournament::prizes::*;
use proptest::prelude::*;

/// Money table, falling from place to place; a band is (places, size).
fn table(bands: &[(u32, u64)], shares: bool, unspent: Unspent) -> PrizeTable {
    let mut from = 1;
    let mut sizes: Vec<u64> = bands.iter().map(|(_, size)| *size).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let mut to_band = |((count, _), size): (&(u32, u64), u64)| {
        let weight = shares.then_some(size);
        let amount = (!shares).then(|| Decimal(money(Amount(i64::try_from(size).unwrap()))));
        let prize = Prize::Cash { amount, percent: None, weight, currency: None };
        let band = Band { from, to: Some(from + count - 1), prizes: vec![prize] };
        from += count;
        band
    };
    PrizeTable {
        currency: Currency::EUR,
        total: None,
        fixed_from: FixedFrom::OnTop,
        policies: Policies { unspent, ..Policies::default() },
        pool: shares
            .then(|| PoolTable { buy_ins: Some(BuyIns::default()), ..PoolTable::default() }),
        bands: bands.iter().zip(sizes).map(&mut to_band).collect(),
        satellite: None,
    }
}

/// Players in groups of these sizes.
fn rows(ties: &[usize]) -> Vec<Finish> {
    let mut rows = Vec::new();
    for (group, size) in (1..).zip(ties) {
        let rank = u32::try_from(rows.len()).unwrap() + 1;
        for order in 0..i64::try_from(*size).unwrap() {
            let player = PlayerId(u64::try_from(rows.len()).unwrap());
            rows.push(Finish { player, rank, group, order, status: Status::Eligible });
        }
    }
    rows
}

/// Won by each player, and the plan.
fn won(table: &PrizeTable, paid: i64, rows: Vec<Finish>) -> (Vec<i64>, PrizePlan) {
    let mut won = vec![0; rows.len()];
    let rules = table.rules().unwrap();
    let collected = Collected { paid: Amount(paid), ..Collected::default() };
    let pool = Pool::collect(&rules, &collected).unwrap();
    let plan = plan(&rules, &pool, &Finishers::new(rows).unwrap()).unwrap();
    for line in plan.lines() {
        won[usize::try_from(line.player.0).unwrap()] += line.value.0;
    }
    (won, plan)
}

fn unspent() -> impl Strategy<Value = Unspent> {
    prop::sample::select(vec![Unspent::Rollover, Unspent::Return, Unspent::Respread])
}

fn bands() -> impl Strategy<Value = Vec<(u32, u64)>> {
    prop::collection::vec((1_u32..40, 1_u64..1_000_000), 1..12)
}

fn ties() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        8 => prop::collection::vec(1_usize..5, 0..60),
        1 => prop::collection::vec(1_usize..400, 0..20),
        1 => prop::collection::vec(1_usize..2, 0..3_000),
    ]
}

proptest! {
    #[test]
    fn the_parts_are_the_whole(
        total in prop_oneof![0_i64..1_000, any::<i64>().prop_map(|n| n.saturating_abs())],
        weights in prop::collection::vec(prop_oneof![0_u64..5, 0_u64..=1_000_000_000_000], 1..200),
    ) {
        let wide: Vec<u128> = weights.iter().map(|weight| u128::from(*weight)).collect();
        let sum: u128 = wide.iter().sum();
        match by_weight(total, &wide, "it") {
            Err(error) => {
                prop_assert_eq!(error.code(), "PRIZES_NOTHING_TO_DIVIDE_BY");
                prop_assert!(sum == 0 && total > 0);
            }
            Ok(parts) => {
                prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(total));
                let total = u128::try_from(total).unwrap();
                for (part, weight) in parts.iter().zip(&wide) {
                    // Less than one unit from the exact share.
                    let part = u128::try_from(*part).unwrap();
                    prop_assert!(sum == 0 || (part * sum).abs_diff(total * weight) < sum);
                }
                for (at, (part, weight)) in parts.iter().zip(&wide).enumerate() {
                    for (later, lighter) in parts.iter().zip(&wide).skip(at + 1) {
                        prop_assert!(weight < lighter || part >= later);
                        prop_assert!(lighter < weight || later >= part || later + 1 == *part);
                    }
                }
            }
        }
    }

    #[test]
    fn equal_parts_are_equal(total in 0..=i64::MAX, among in 1_i64..2_000) {
        let parts: Vec<i64> = (0..among).map(|at| equal_part(total, among, at)).collect();
        prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(total));
        prop_assert!(parts.is_sorted_by(|a, b| a >= b));
        prop_assert!(parts[0] - parts[parts.len() - 1] <= 1);
    }

    #[test]
    fn every_unit_is_paid_and_a_better_place_never_gets_less(
        bands in bands(),
        shares in any::<bool>(),
        unspent in unspent(),
        paid in 0_i64..10_000_000,
        ties in ties(),
    ) {
        let table = table(&bands, shares, unspent);
        let announced: i64 = if shares { paid } else {
            let sizes: Vec<u64> = {
                let mut sizes: Vec<u64> = bands.iter().map(|(_, size)| *size).collect();
                sizes.sort_unstable_by(|a, b| b.cmp(a));
                sizes
            };
            let each = bands.iter().zip(sizes).map(|((count, _), size)| u64::from(*count) * size);
            i64::try_from(each.sum::<u64>()).unwrap()
        };
        let rows = rows(&ties);
        let (won, plan) = won(&table, if shares { paid } else { 0 }, rows.clone());
        let left: i64 = plan.remainders().iter().map(|left| left.value.0).sum();
        prop_assert_eq!(won.iter().sum::<i64>() + left, announced);
        prop_assert!(won.iter().all(|won| *won >= 0));
        prop_assert!(won.is_sorted_by(|better, worse| better >= worse), "{:?}", won);
        // Within a tie nobody has more than one unit more per prize that was divided.
        let mut from = 0;
        for tie in &ties {
            let tied = &won[from..from + tie];
            prop_assert!(tied[0] - tied[tie - 1] <= 2);
            from += tie;
        }
        let places: u32 = bands.iter().map(|(count, _)| count).sum();
        let is_full = rows.len() >= usize::try_from(places).unwrap();
        if is_full || (unspent == Unspent::Respread && won.iter().any(|won| *won > 0)) {
            prop_assert_eq!(left, 0);
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter_and_the_declared_order_does(
        bands in bands(),
        shares in any::<bool>(),
        unspent in unspent(),
        paid in 0_i64..100_000,
        ties in prop::collection::vec(1_usize..6, 1..30),
        shuffled in any::<prop::sample::Index>(),
        swapped in any::<prop::sample::Index>(),
    ) {
        let table = table(&bands, shares, unspent);
        let paid = if shares { paid } else { 0 };
        let rows = rows(&ties);
        let (before, plan) = won(&table, paid, rows.clone());
        let mut other = rows.clone();
        other.rotate_left(shuffled.index(rows.len()));
        other.reverse();
        prop_assert_eq!(won(&table, paid, other).1, plan);
        // Two who are tied change their order: they change their prizes, and nobody else does.
        let at = swapped.index(rows.len());
        let tied = rows.iter().position(|row| row.group == rows[at].group).unwrap();
        let mut other = rows.clone();
        (other[at].order, other[tied].order) = (rows[tied].order, rows[at].order);
        let mut expected = before;
        expected.swap(at, tied);
        prop_assert_eq!(won(&table, paid, other).0, expected);
    }

    #[test]
    fn the_largest_amounts_are_paid_exactly_or_refused_clearly(
        bands in prop::collection::vec((1_u32..4, 1_u64..=u64::MAX / 2), 1..4),
        shares in any::<bool>(),
        unspent in unspent(),
        paid in (i64::MAX - 1_000)..=i64::MAX,
        ties in prop::collection::vec(1_usize..6, 0..6),
    ) {
        let bands: Vec<(u32, u64)> = bands.into_iter()
            .map(|(count, size)| (count, if shares { size % 1_000_000_000_000 + 1 } else { size }))
            .collect();
        let table = table(&bands, shares, unspent);
        match table.rules() {
            Err(problems) => {
                prop_assert!(problems.iter().any(|problem| problem.code == Code::TotalTooLarge));
            }
            Ok(_) => {
                let (won, plan) = won(&table, if shares { paid } else { 0 }, rows(&ties));
                let left: i128 = plan.remainders().iter().map(|left| i128::from(left.value.0)).sum();
                let funded: i128 = plan.funding().iter().map(|from| i128::from(from.amount.0)).sum();
                prop_assert_eq!(won.iter().map(|won| i128::from(*won)).sum::<i128>() + left, funded);
            }
        }
    }

    /// Any document that can be read is either checked rules or has an error, and never a panic.
    #[test]
    fn any_document_gets_an_answer(
        bands in prop::collection::vec(
            (any::<u32>(), prop::option::of(any::<u32>()), prop::collection::vec(any_prize(), 0..4)),
            0..5,
        ),
        texts in prop::collection::vec(prop::option::of(any_text()), 8),
        satellite in any::<bool>(),
        from_pool in any::<bool>(),
    ) {
        let text = |at: usize| texts[at].clone().map(Decimal);
        let table = PrizeTable {
            currency: Currency::EUR,
            total: text(0),
            fixed_from: if from_pool { FixedFrom::Pool } else { FixedFrom::OnTop },
            policies: Policies::default(),
            pool: text(1).map(|seed| PoolTable {
                seed: Some(seed),
                guarantee: text(2),
                cap: text(3),
                buy_ins: Some(BuyIns { fee_per_entry: text(4), fee_percent: text(5) }),
                turnover: text(6).map(|percent| Turnover { percent }),
                jackpot: text(7).map(|percent| Jackpot { percent, reserve_percent: text(2) }),
            }),
            bands: bands.into_iter().map(|(from, to, prizes)| Band { from, to, prizes }).collect(),
            satellite: satellite.then(|| Satellite {
                tournament: crate::ids::TournamentId::parse("s").unwrap(),
                value: text(0).unwrap_or_default(),
                rest_each: text(1),
            }),
        };
        let problems = table.problems();
        let has_error = problems.iter().any(|problem| problem.severity == Severity::Error);
        prop_assert_eq!(table.rules().is_err(), has_error, "{:?}", problems);
        for problem in &problems {
            prop_assert!(problem.message.len() < 300 && !problem.path.is_empty());
        }
        if let Ok(rules) = table.rules() {
            let pool = Pool::collect(&rules, &Collected { turnover: Amount(i64::MAX), ..Collected::default() });
            if let Ok(pool) = pool {
                // Whatever it says, it does not panic and it sums.
                let _planned = plan(&rules, &pool, &Finishers::new(rows(&[2, 1])).unwrap());
            }
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[0-9]{1,20}",
        "-?[0-9]{1,3}\\.[0-9]{0,6}",
        "[0-9]{1,2}",
        "\\PC{0,60}",
    ]
}

fn any_prize() -> impl Strategy<Value = Prize> {
    let text = || prop::option::of(any_text().prop_map(Decimal));
    let currency =
        || prop_oneof![9 => Just(None), 1 => Just(Some(Currency::parse("USD").unwrap()))];
    prop_oneof![
        (text(), text(), prop::option::of(any::<u64>()), currency()).prop_map(
            |(amount, percent, weight, currency)| Prize::Cash { amount, percent, weight, currency }
        ),
        (text(), text(), any_text()).prop_map(|(amount, percent, terms)| Prize::Bonus {
            amount,
            percent,
            weight: None,
            terms,
            currency: None
        }),
        (any::<u32>(), any_text()).prop_map(|(count, value)| Prize::FreeRounds {
            count,
            game: crate::ids::GameId::parse("wolf").unwrap(),
            value: Decimal(value),
            terms: None,
            currency: None,
        }),
        text().prop_map(|value| Prize::Ticket {
            tournament: crate::ids::TournamentId::parse("s").unwrap(),
            value,
            currency: None,
        }),
        (any_text(), text()).prop_map(|(text, value)| Prize::Item { text, value, currency: None }),
    ]
}
