//! Random tables, pools and results from a seed.

use super::notation::money;
use crate::ids::{GameId, PlayerId, TournamentId};
use crate::money::{Amount, Currency};
use crate::tournament::prizes::table::*;
use crate::tournament::prizes::*;

/// SplitMix64: the same numbers on every machine.
pub(super) struct Rng(pub u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `n` − 1.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    /// True so many times in a hundred.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len().try_into().unwrap())).unwrap()]
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            let other = usize::try_from(self.below(u64::try_from(at).unwrap() + 1)).unwrap();
            items.swap(at, other);
        }
    }
}

/// How the money prizes of a world are sized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sizes {
    Fixed,
    Percent,
    Weight,
    Satellite,
}

/// Everything that a plan needs.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub table: PrizeTable,
    pub collected: Collected,
    pub rows: Vec<Finish>,
    pub sizes: Sizes,
    /// There are prizes other than money.
    pub has_things: bool,
    /// Amounts near the end of 64 bits.
    pub is_extreme: bool,
}

pub(super) fn world(rng: &mut Rng) -> World {
    let sizes = match rng.below(10) {
        0..=3 => Sizes::Fixed,
        4..=6 => Sizes::Percent,
        7..=8 => Sizes::Weight,
        _ => Sizes::Satellite,
    };
    let is_extreme = rng.chance(3);
    let has_things = rng.chance(40);
    let largest = match rng.below(4) {
        _ if is_extreme => i64::MAX.unsigned_abs(),
        0 => 20,
        1 => 10_000,
        _ => 10_000_000,
    };
    let from_pool = sizes != Sizes::Satellite && rng.chance(20);
    let policies = Policies {
        unspent: rng.pick(&[Unspent::Return, Unspent::Rollover, Unspent::Respread]),
        over_cap: rng.pick(&[OverCap::Rollover, OverCap::House]),
        excluded: rng.pick(&[Vacancy::MoveUp, Vacancy::Vacant]),
        unmet: rng.pick(&[Vacancy::MoveUp, Vacancy::Vacant]),
        tied_tickets: rng.pick(&[Tied::FirstWins, Tied::Cash]),
        tied_items: rng.pick(&[Tied::FirstWins, Tied::Cash]),
        correction: rng.pick(&[Correction::ClawBack, Correction::Absorb, Correction::PayUpOnly]),
        cancellation: rng.pick(&[Cancellation::Refund, Cancellation::RollForward]),
    };
    let needs_pool = sizes != Sizes::Fixed || from_pool;
    let (pool, collected) = if needs_pool {
        let (pool, collected) = pool(rng, largest);
        (Some(pool), collected)
    } else {
        (None, Collected::default())
    };
    let satellite = (sizes == Sizes::Satellite).then(|| Satellite {
        tournament: TournamentId::parse("sunday").unwrap(),
        value: amount((largest / 50).max(1)),
        rest_each: rng.chance(70).then(|| amount((largest / 200).max(1))),
    });
    let table = PrizeTable {
        currency: Currency::EUR,
        total: None,
        fixed_from: if from_pool { FixedFrom::Pool } else { FixedFrom::OnTop },
        policies,
        pool,
        bands: if satellite.is_none() {
            bands(rng, sizes, largest, has_things)
        } else {
            Vec::new()
        },
        satellite,
    };
    let rows = rows(rng);
    World { table, collected, rows, sizes, has_things, is_extreme }
}

fn amount(minor: u64) -> Decimal {
    Decimal(money(Amount(i64::try_from(minor).unwrap())))
}

fn pool(rng: &mut Rng, largest: u64) -> (PoolTable, Collected) {
    let mut pool = PoolTable::default();
    let mut collected = Collected::default();
    // Near 2⁶³ some sums do not fit, which must be said and not be wrong.
    let parts = if largest > 1 << 62 { 2 } else { 4 };
    let some = |rng: &mut Rng| Amount(i64::try_from(rng.below(largest) / parts).unwrap());
    if rng.chance(50) {
        collected.entries = rng.below(50);
        collected.paid = some(rng);
        let fee = rng.pick(&["0", "9.0909", "10", "100"]);
        let buy_ins = match rng.below(3) {
            0 => BuyIns { fee_per_entry: Some("0.01".into()), fee_percent: None },
            1 => BuyIns { fee_per_entry: None, fee_percent: Some(fee.into()) },
            _ => BuyIns::default(),
        };
        pool.buy_ins = Some(buy_ins);
    }
    if rng.chance(20) {
        collected.turnover = Amount(i64::try_from(rng.below(largest)).unwrap());
        pool.turnover = Some(Turnover { percent: rng.pick(&["1.5", "0.0001", "100"]).into() });
    }
    if rng.chance(20) {
        collected.contributions = some(rng);
        let reserve_percent = Some("0.25".into());
        pool.jackpot = Some(Jackpot { percent: "0.75".into(), reserve_percent });
    }
    if rng.chance(30)
        || (pool.buy_ins.is_none() && pool.turnover.is_none() && pool.jackpot.is_none())
    {
        pool.seed = Some(amount(rng.between(1, largest / (2 * parts) + 1)));
    }
    if rng.chance(20) {
        collected.carried_in = some(rng);
    }
    if rng.chance(30) {
        pool.guarantee = Some(amount(rng.between(1, largest / 4 + 1)));
    }
    if rng.chance(20) {
        pool.cap = Some(amount(largest / 4 + 1));
    }
    (pool, collected)
}

/// Bands that fall from place to place.
fn bands(rng: &mut Rng, sizes: Sizes, largest: u64, has_things: bool) -> Vec<Band> {
    let counts: Vec<u32> = (0..rng.between(1, 8))
        .map(|at| match (at, rng.below(40)) {
            // Only one place takes what is missing to 100 %.
            (0, _) if sizes == Sizes::Percent => 1,
            (_, 0) => u32::try_from(rng.between(1, 300)).unwrap(),
            _ => u32::try_from(rng.between(1, 4)).unwrap(),
        })
        .collect();
    let places: u32 = counts.iter().sum();
    let mut left = 1_000_000_u64;
    let mut each = match sizes {
        Sizes::Percent => 1_000_000 / (u64::from(places) + 1),
        Sizes::Weight => rng.between(1, 1_000_000),
        Sizes::Fixed | Sizes::Satellite => (largest / (u64::from(places) + 1)).max(1),
    };
    if sizes == Sizes::Fixed && largest > 1 << 62 && rng.chance(30) {
        each = largest / 2;
    }
    let mut sized: Vec<u64> = vec![each];
    for count in counts.iter().skip(1) {
        each = rng.between(each / 2, each).max(1);
        left -= if sizes == Sizes::Percent { each * u64::from(*count) } else { 0 };
        sized.push(each);
    }
    if sizes == Sizes::Percent {
        sized[0] = left;
    }
    let mut bands = Vec::new();
    let mut from = 1;
    let mut value = (largest / 1_000).max(1);
    for (count, size) in counts.into_iter().zip(sized) {
        let mut prizes = vec![money_prize(sizes, size, false)];
        if sizes == Sizes::Weight && rng.chance(20) {
            prizes.push(money_prize(sizes, size, true));
        }
        if has_things {
            value = rng.between(value / 2, value).max(1);
            prizes.extend(things(rng, value));
        }
        bands.push(Band { from, to: Some(from + count - 1), prizes });
        from += count;
    }
    bands
}

fn money_prize(sizes: Sizes, size: u64, is_bonus: bool) -> Prize {
    let currency = None;
    let (amount, percent, weight) = match sizes {
        Sizes::Fixed | Sizes::Satellite => (Some(amount(size)), None, None),
        Sizes::Percent => {
            (None, Some(Decimal(crate::money::format_decimal(i128::from(size), 4))), None)
        }
        Sizes::Weight => (None, None, Some(size)),
    };
    if is_bonus {
        Prize::Bonus { amount, percent, weight, terms: "x35".into(), currency }
    } else {
        Prize::Cash { amount, percent, weight, currency }
    }
}

fn things(rng: &mut Rng, value: u64) -> Vec<Prize> {
    let currency = None;
    let mut things = Vec::new();
    if rng.chance(30) {
        let (amount, terms) = (Some(amount(value)), rng.pick(&["x35", "x10"]).into());
        things.push(Prize::Bonus { amount, percent: None, weight: None, terms, currency });
    }
    if rng.chance(30) {
        things.push(Prize::FreeRounds {
            count: u32::try_from(rng.between(1, 100)).unwrap(),
            game: GameId::parse("wolf").unwrap(),
            value: "0.01".into(),
            terms: None,
            currency,
        });
    }
    if rng.chance(30) {
        let tournament = TournamentId::parse(rng.pick(&["sunday", "friday"])).unwrap();
        things.push(Prize::Ticket { tournament, value: Some(amount(value)), currency });
    }
    if rng.chance(30) {
        let value = Some(amount(value));
        things.push(Prize::Item { text: rng.pick(&["Cup", "Car"]).into(), value, currency });
    }
    things
}

/// A result with ties, and with players who are not to be paid, or are there twice.
pub(super) fn rows(rng: &mut Rng) -> Vec<Finish> {
    let players = match rng.below(1_000) {
        0..900 => rng.below(30),
        900..990 => rng.below(300),
        _ => rng.below(4_000),
    };
    let tied = rng.pick(&[0, 0, 10, 50, 90, 100]);
    let odd = rng.pick(&[0, 0, 0, 5, 30]);
    let twice = rng.pick(&[0, 0, 0, 10]);
    let mut rows: Vec<Finish> = Vec::new();
    let (mut group, mut rank) = (0, 0);
    for at in 0..players {
        if at == 0 || !rng.chance(tied) {
            group += 1;
            rank = u32::try_from(at).unwrap() + 1;
        }
        let player = if rng.chance(twice) { rng.below(at + 1) } else { at };
        let status = if rng.chance(odd) {
            rng.pick(&[Status::Unmet, Status::Excluded, Status::UnderReview])
        } else {
            Status::Eligible
        };
        let order = i64::try_from(rng.below(5)).unwrap();
        rows.push(Finish { player: PlayerId(player), rank, group, order, status });
    }
    rows
}
