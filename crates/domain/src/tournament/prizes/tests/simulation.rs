//! A seeded run over everything together: random tables, pools, results, corrections and
//! cancellations, each checked against laws that share no code with the rules.
//!
//! `PALIO_PRIZES_RUNS=1000000 CARGO_PROFILE_TEST_OPT_LEVEL=2 cargo test -p palio-domain
//! prizes::tests::simulation -- --nocapture` runs more, with overflow checks on;
//! `PALIO_PRIZES_SEED=7 …` replays one. A failure names its seed.

use super::world::{Rng, Sizes, World, rows, world};
use crate::ids::PlayerId;
use crate::money::Amount;
use crate::tournament::prizes::table::*;
use crate::tournament::prizes::*;
use std::collections::{BTreeMap, BTreeSet};

type Tally = BTreeMap<String, u64>;

fn count(tally: &mut Tally, what: &str, happened: bool) {
    *tally.entry(what.to_owned()).or_default() += u64::from(happened);
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn every_random_tournament_pays_exactly_what_it_announced() {
    let mut tally = Tally::new();
    let seeds = match number("PALIO_PRIZES_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PALIO_PRIZES_RUNS").unwrap_or(1_000),
    };
    let runs = seeds.end - seeds.start;
    for seed in seeds {
        let result = std::panic::catch_unwind(|| {
            let mut tally = Tally::new();
            run(&mut Rng(seed), &mut tally);
            tally
        });
        let Ok(happened) = result else { panic!("PALIO_PRIZES_SEED={seed} replays this") };
        happened.into_iter().for_each(|(what, times)| *tally.entry(what).or_default() += times);
    }
    println!("{runs} tournaments, all exact: {tally:#?}");
    if runs >= 1_000 {
        for what in MUST_HAPPEN {
            assert!(tally.get(*what).is_some_and(|times| *times > 0), "{what} never happened");
        }
    }
}

/// What a thousand runs must have met, so that one sees that the laws had something to judge.
const MUST_HAPPEN: &[&str] = &[
    "a player twice",
    "a tie over the last paid place",
    "cancelled: before the money",
    "cancelled: in the money",
    "cancelled: refund",
    "correction: Absorb",
    "correction: Pay",
    "correction: Restore",
    "correction: TakeBack",
    "fewer players than places",
    "from: BuyIns",
    "from: CarriedIn",
    "from: Contributions",
    "from: Guarantee",
    "from: Operator",
    "from: Seed",
    "from: Shortfall",
    "from: Turnover",
    "left: OverCap to House",
    "left: OverCap to Rollover",
    "left: Unspent to House",
    "left: Unspent to Rollover",
    "line: Converted",
    "line: Prize",
    "line: Respread",
    "over a thousand players",
    "planned near 2⁶³",
    "refused: PRIZES_FEE_OVER_PAID",
    "refused: TOTAL_TOO_LARGE",
    "reserved",
    "satellite with tickets",
    "tickets or items turned into cash",
    "topped up to a guarantee",
];

fn run(rng: &mut Rng, tally: &mut Tally) {
    let world = world(rng);
    let rules = match world.table.rules() {
        Ok(rules) => rules,
        Err(problems) => {
            // The generator makes good tables, but for sums past 64 bits and caps below a seed.
            for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
                let expected = matches!(problem.code, Code::TotalTooLarge | Code::OverCap);
                assert!(expected, "{problem:?}\n{:#?}", world.table);
                count(tally, &format!("refused: {}", problem.code.as_str()), true);
            }
            return;
        }
    };
    let pool = match Pool::collect(&rules, &world.collected) {
        Ok(pool) => pool,
        Err(error) => {
            let expected = matches!(error, Error::FeeOverPaid { .. } | Error::Overflow { .. });
            assert!(
                expected && (world.is_extreme || !matches!(error, Error::Overflow { .. })),
                "{error}"
            );
            count(tally, &format!("refused: {}", error.code()), true);
            return;
        }
    };
    funded_as_declared(&world, &pool, tally);
    let finishers = Finishers::new(world.rows.clone()).unwrap();
    let world = World { rows: judged(world.rows), ..world };
    let plan = match plan(&rules, &pool, &finishers) {
        Ok(plan) => plan,
        Err(error) => {
            assert!(world.is_extreme && matches!(error, Error::Overflow { .. }), "{error}");
            count(tally, "refused: too large to plan", true);
            return;
        }
    };
    sums(&plan);
    only_those_are_paid_who_may_be(&world, &plan, tally);
    things_are_whole(&world, &rules, &pool, &plan, tally);
    better_is_not_less(&world, &plan);
    near_the_exact_share(&world, &pool, &plan, tally);
    other_results(&world, &rules, &pool, &plan, rng);
    corrections(&world, &rules, &pool, &plan, rng, tally);
    cancellations(&world, &rules, &pool, rng, tally);
    if rng.chance(5) {
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<PrizePlan>(&text).unwrap(), plan);
    }
    count(tally, "planned", true);
    count(tally, "planned near 2⁶³", world.is_extreme);
    count(
        tally,
        "satellite with tickets",
        world.sizes == Sizes::Satellite && !plan.lines().is_empty(),
    );
    count(tally, "over a thousand players", world.rows.len() > 1_000);
    for line in plan.lines() {
        count(tally, &format!("line: {:?}", line.reason), true);
    }
    for left in plan.remainders() {
        count(tally, &format!("left: {:?} to {:?}", left.cause, left.to), true);
    }
    for from in plan.funding() {
        count(tally, &format!("from: {:?}", from.source), true);
    }
}

/// Σ lines + Σ remainders = Σ funding, counted again; nothing is negative or empty.
fn sums(plan: &PrizePlan) {
    let lines = plan.lines().iter().map(|line| i128::from(line.value.0)).sum::<i128>();
    let left = plan.remainders().iter().map(|left| i128::from(left.value.0)).sum::<i128>();
    let funded = plan.funding().iter().map(|from| i128::from(from.amount.0)).sum::<i128>();
    assert_eq!(lines + left, funded);
    assert!(plan.lines().iter().all(|line| line.quantity > 0 && line.value.0 > 0));
}

/// The pool is what the declared parts make it.
fn funded_as_declared(world: &World, pool: &Pool, tally: &mut Tally) {
    let of = |source| {
        let found: Vec<_> = pool.funding().iter().filter(|from| from.source == source).collect();
        assert!(found.len() <= 1);
        found.first().map_or(0, |from| from.amount.0)
    };
    let known = |text: &Option<Decimal>| {
        text.as_ref().map(|text| world.table.currency.amount(&text.0).unwrap().0)
    };
    let Some(table) = &world.table.pool else {
        assert_eq!(pool.total(), Amount::ZERO);
        return;
    };
    let guarantee = known(&table.guarantee).unwrap_or(0);
    let top_up = of(Source::Guarantee);
    let over = pool.over_cap().map_or(0, |(_, over)| over.0);
    let before = i128::from(pool.total().0) + i128::from(over) - i128::from(top_up);
    assert_eq!(i128::from(top_up), (i128::from(guarantee) - before).max(0));
    assert!(pool.total().0 >= guarantee);
    if let Some(cap) = known(&table.cap) {
        assert_eq!(over > 0, before > i128::from(cap));
        assert!(pool.total().0 <= cap);
    }
    if let Some(fee) = pool.fee() {
        assert_eq!(of(Source::BuyIns) + fee.fee.0, world.collected.paid.0);
    }
    assert_eq!(of(Source::CarriedIn), world.collected.carried_in.0);
    assert_eq!(of(Source::Seed), known(&table.seed).unwrap_or(0));
    count(tally, "topped up to a guarantee", top_up > 0);
}

/// Who is excluded or under review in one of his rows is so in all of them.
fn judged(mut rows: Vec<Finish>) -> Vec<Finish> {
    let mut of: BTreeMap<PlayerId, BTreeSet<Status>> = BTreeMap::new();
    for row in &rows {
        of.entry(row.player).or_default().insert(row.status);
    }
    for row in &mut rows {
        let strongest = [Status::Excluded, Status::UnderReview];
        let found = strongest.into_iter().find(|status| of[&row.player].contains(status));
        row.status = found.unwrap_or(row.status);
    }
    rows
}

/// The best row of each player.
fn best(world: &World) -> BTreeMap<PlayerId, &Finish> {
    let mut rows: Vec<&Finish> = world.rows.iter().collect();
    rows.sort_by_key(|row| (row.group, row.order, row.player, row.rank, row.status));
    let mut best = BTreeMap::new();
    for row in rows {
        best.entry(row.player).or_insert(row);
    }
    best
}

fn only_those_are_paid_who_may_be(world: &World, plan: &PrizePlan, tally: &mut Tally) {
    let best = best(world);
    let mut places = BTreeMap::new();
    for line in plan.lines() {
        let row = best[&line.player];
        assert_eq!(line.rank, row.rank);
        match row.status {
            Status::Eligible => assert_eq!(line.due, Due::Payable),
            Status::UnderReview => assert_eq!(line.due, Due::Reserved),
            Status::Unmet | Status::Excluded => panic!("{row:?} is paid"),
        }
        // One place per player and one player per place.
        assert_eq!(*places.entry(line.place).or_insert(line.player), line.player);
        count(tally, "reserved", line.due == Due::Reserved);
    }
    let players: BTreeSet<_> = places.values().collect();
    assert_eq!(players.len(), places.len());
    count(tally, "a player twice", best.len() < world.rows.len());
}

/// Tickets, items and rounds: as many are won, left or turned into cash as were announced.
fn things_are_whole(
    world: &World,
    rules: &Rules,
    pool: &Pool,
    plan: &PrizePlan,
    tally: &mut Tally,
) {
    let mut announced: BTreeMap<String, i128> = BTreeMap::new();
    for band in &world.table.bands {
        let places = i128::from(band.to.unwrap() - band.from + 1);
        for prize in &band.prizes {
            let (name, each) = match prize {
                Prize::FreeRounds { count, .. } => ("rounds".to_owned(), i128::from(*count)),
                Prize::Ticket { tournament, value, .. } => (format!("{tournament} {value:?}"), 1),
                Prize::Item { text, value, .. } => (format!("{text} {value:?}"), 1),
                Prize::Cash { .. } | Prize::Bonus { .. } => continue,
            };
            *announced.entry(name).or_default() += places * each;
        }
    }
    if let Some(satellite) = &world.table.satellite {
        let price = world.table.currency.amount(&satellite.value.0).unwrap().0;
        let name = format!("{} {:?}", satellite.tournament, Some(&satellite.value));
        announced.insert(name, i128::from(pool.total().0 / price));
    }
    let currency = world.table.currency;
    let text = |value: &Option<Amount>| value.map(|value| Decimal(currency.format(value)));
    let mut found: BTreeMap<String, i128> = BTreeMap::new();
    let lines = plan.lines().iter().map(|line| (&line.what, line.quantity));
    let left = plan.remainders().iter().map(|left| (&left.what, left.quantity));
    for (what, quantity) in lines.chain(left) {
        let name = match what {
            What::FreeRounds { .. } => "rounds".to_owned(),
            What::Ticket { tournament, value } => format!("{tournament} {:?}", text(value)),
            What::Item { text: name, value } => format!("{name} {:?}", text(value)),
            What::Cash {} | What::Bonus { .. } => continue,
        };
        *found.entry(name).or_default() += i128::from(quantity);
    }
    let policies = rules.policies();
    for (name, announced) in announced {
        let found = found.remove(&name).unwrap_or(0);
        let is_item = name.starts_with("Cup") || name.starts_with("Car");
        let to_cash = if is_item { policies.tied_items } else { policies.tied_tickets };
        if name == "rounds" || to_cash == Tied::FirstWins {
            assert_eq!(found, announced, "{name}");
        } else {
            assert!(found <= announced, "{name}");
            count(tally, "tickets or items turned into cash", found < announced);
        }
    }
    assert_eq!(found, BTreeMap::new());
}

/// What each place won, of money.
fn by_place(plan: &PrizePlan) -> BTreeMap<u32, i128> {
    let mut won = BTreeMap::new();
    for line in plan.lines() {
        *won.entry(line.place).or_default() += i128::from(line.value.0);
    }
    won
}

fn better_is_not_less(world: &World, plan: &PrizePlan) {
    // Of one kind of prize; two kinds are rounded each by itself.
    let prizes = || world.table.bands.iter().flat_map(|band| &band.prizes);
    if world.sizes != Sizes::Satellite && prizes().all(|prize| matches!(prize, Prize::Cash { .. }))
    {
        let won: Vec<i128> = by_place(plan).into_values().collect();
        assert!(won.is_sorted_by(|better, worse| better >= worse), "{won:?}");
    }
}

/// Cash prizes against exact fractions, worked out another way: everybody's share is the sum of
/// his tie's places over its size, and may be off by less than one unit per rounding.
fn near_the_exact_share(world: &World, pool: &Pool, plan: &PrizePlan, tally: &mut Tally) {
    if world.has_things || world.is_extreme || world.sizes == Sizes::Satellite {
        return;
    }
    // Per place: parts of the pool, fixed amount.
    let mut places: Vec<(i128, i128)> = Vec::new();
    let mut whole = 0;
    for band in &world.table.bands {
        let (mut parts, mut fixed) = (0_i128, 0_i128);
        for prize in &band.prizes {
            match prize {
                Prize::Cash { amount: Some(text), .. } => {
                    fixed += i128::from(world.table.currency.amount(&text.0).unwrap().0);
                }
                Prize::Cash { percent: Some(text), .. } => {
                    parts += text.0.replace('.', "").parse::<i128>().unwrap();
                }
                Prize::Cash { weight: Some(weight), .. } => parts += i128::from(*weight),
                _ => return,
            }
        }
        for _ in band.from..=band.to.unwrap() {
            places.push((parts, fixed));
            whole += parts;
        }
    }
    let whole = whole.max(1);
    let all_fixed: i128 = places.iter().map(|(_, fixed)| fixed).sum();
    let from_pool = if world.table.fixed_from == FixedFrom::Pool { all_fixed } else { 0 };
    let shared = (i128::from(pool.total().0) - from_pool).max(0);
    let policies = &world.table.policies;
    let mut seen = BTreeSet::new();
    let mut rows: Vec<&Finish> = world.rows.iter().collect();
    rows.sort_by_key(|row| (row.group, row.order, row.player, row.rank, row.status));
    rows.retain(|row| {
        seen.insert(row.player)
            && match row.status {
                Status::Unmet => policies.unmet == Vacancy::Vacant,
                Status::Excluded => policies.excluded == Vacancy::Vacant,
                Status::Eligible | Status::UnderReview => true,
            }
    });
    let mut won: BTreeMap<PlayerId, i128> = BTreeMap::new();
    for line in plan.lines().iter().filter(|line| line.reason == Reason::Prize) {
        *won.entry(line.player).or_default() += i128::from(line.quantity);
    }
    let mut first = 0;
    for tie in rows.chunk_by(|a, b| a.group == b.group) {
        let size = i128::try_from(tie.len()).unwrap();
        let (parts, fixed) = (first..first + tie.len())
            .filter_map(|at| places.get(at))
            .fold((0, 0), |sum, place| (sum.0 + place.0, sum.1 + place.1));
        // Everything times `whole × size`.
        let exact = shared * parts + fixed * whole;
        let limit = if parts > 0 { 2 } else { 1 } * whole * size;
        for row in tie {
            let is_vacant = matches!(row.status, Status::Unmet | Status::Excluded);
            let won = won.get(&row.player).copied().unwrap_or(0);
            assert!(!is_vacant || won == 0);
            assert!(is_vacant || (won * whole * size - exact).abs() < limit, "{row:?} won {won}");
        }
        count(
            tally,
            "a tie over the last paid place",
            first < places.len() && first + tie.len() > places.len(),
        );
        first += tie.len();
    }
    count(tally, "fewer players than places", first < places.len());
}

/// What must not change the plan, and what must change it in a known way.
fn other_results(world: &World, rules: &Rules, pool: &Pool, made: &PrizePlan, rng: &mut Rng) {
    let again = |rows: Vec<Finish>| plan(rules, pool, &Finishers::new(rows).unwrap()).unwrap();
    let mut shuffled = world.rows.clone();
    rng.shuffle(&mut shuffled);
    assert_eq!(again(shuffled), *made, "the order of the input");

    let policies = rules.policies();
    let moves_up = |row: &Finish| match row.status {
        Status::Unmet => policies.unmet == Vacancy::MoveUp,
        Status::Excluded => policies.excluded == Vacancy::MoveUp,
        Status::Eligible | Status::UnderReview => false,
    };
    let is_single = best(world).len() == world.rows.len();
    if is_single {
        let without = world.rows.iter().filter(|row| !moves_up(row)).cloned().collect();
        assert_eq!(again(without), *made, "who moves up takes the place as if it had been free");
    }
    // A review changes nothing but that it is set aside.
    let mut cleared = world.rows.clone();
    for row in cleared.iter_mut().filter(|row| row.status == Status::UnderReview) {
        row.status = Status::Eligible;
    }
    let cleared = again(cleared);
    assert_eq!(cleared.remainders(), made.remainders());
    let payable = |line: &Line| Line { due: Due::Payable, ..line.clone() };
    let set_aside: Vec<Line> = made.lines().iter().map(payable).collect();
    assert_eq!(cleared.lines(), set_aside);
    // A vacant place changes nobody else's prize, unless it is re-spread.
    if policies.unspent != Unspent::Respread && is_single {
        let mut filled = world.rows.clone();
        for row in &mut filled {
            let vacant = !moves_up(row) && matches!(row.status, Status::Unmet | Status::Excluded);
            if vacant {
                row.status = Status::Eligible;
            }
        }
        let paid: BTreeSet<PlayerId> = made.lines().iter().map(|line| line.player).collect();
        let filled = again(filled);
        let others = filled.lines().iter().filter(|line| paid.contains(&line.player));
        assert!(others.eq(made.lines().iter()), "a vacant place changed another's prize");
    }
}

fn quantities(plan: &PrizePlan, due: Due) -> BTreeMap<(PlayerId, What), i64> {
    let mut sums = BTreeMap::new();
    for line in plan.lines().iter().filter(|line| line.due == due) {
        *sums.entry((line.player, line.what.clone())).or_default() += line.quantity;
    }
    sums
}

/// Three versions of a result under the declared policy.
fn corrections(
    world: &World,
    rules: &Rules,
    pool: &Pool,
    first: &PrizePlan,
    rng: &mut Rng,
    tally: &mut Tally,
) {
    let policy = rules.policies().correction;
    let mut held = quantities(first, Due::Payable);
    let mut holdings = Holdings::of(first).unwrap();
    // The most that any version said, by player and kind.
    let mut most = held.clone();
    for _ in 0..2 {
        let version = if rng.chance(30) {
            first.clone()
        } else {
            let mut rows = if rng.chance(50) { rows(rng) } else { world.rows.clone() };
            for row in &mut rows {
                if rng.chance(20) {
                    row.status =
                        rng.pick(&[Status::Eligible, Status::Excluded, Status::UnderReview]);
                }
            }
            match plan(rules, pool, &Finishers::new(rows).unwrap()) {
                Ok(plan) => plan,
                Err(_) if world.is_extreme => return,
                Err(error) => panic!("{error}"),
            }
        };
        let revision = holdings.revise(&version, policy).unwrap();
        for entry in &revision.entries {
            assert!(entry.quantity > 0);
            let sum = held.entry((entry.player, entry.what.clone())).or_default();
            match entry.action {
                Action::Pay => *sum += entry.quantity,
                Action::TakeBack => *sum -= entry.quantity,
                Action::Absorb | Action::Restore => assert_eq!(policy, Correction::Absorb),
            }
            assert!(entry.action != Action::TakeBack || policy == Correction::ClawBack);
            count(tally, &format!("correction: {:?}", entry.action), true);
        }
        holdings = revision.after;
        let (payable, reserved) =
            (quantities(&version, Due::Payable), quantities(&version, Due::Reserved));
        for (key, quantity) in &payable {
            let most = most.entry(key.clone()).or_default();
            *most = (*most).max(*quantity);
        }
        for ((player, what), held) in &held {
            let key = (*player, what.clone());
            let should = payable.get(&key).copied().unwrap_or(0);
            let aside = reserved.get(&key).copied().unwrap_or(0);
            assert_eq!(holdings.quantity(*player, world.table.currency, what), *held);
            assert!(*held >= should, "{player:?} is owed {what:?}");
            if policy == Correction::ClawBack {
                assert!(*held <= should + aside, "{player:?} keeps {what:?}");
            } else {
                assert!(*held <= most[&key]);
            }
        }
        for key in payable.keys() {
            assert!(held.contains_key(key));
        }
        assert_eq!(holdings.revise(&version, policy).unwrap().entries, []);
    }
}

/// Refunds, and both ways of rolling forward.
fn cancellations(world: &World, rules: &Rules, pool: &Pool, rng: &mut Rng, tally: &mut Tally) {
    let best = best(world);
    let players: Vec<&Finish> = best.values().copied().collect();
    if players.is_empty() {
        return;
    }
    let left = usize::try_from(rng.below(players.len().try_into().unwrap())).unwrap() + 1;
    let fees = pool.fee().map_or(0, |fee| fee.fee.0);
    let each = fees / i64::try_from(left).unwrap();
    let chips = rng.pick(&[1, 50, 1_000_000]);
    let stacks: Vec<Stack> = players[..left]
        .iter()
        .map(|row| Stack {
            player: row.player,
            chips: rng.below(chips) + 1,
            order: row.order,
            fee: Amount(each),
            under_review: row.status == Status::UnderReview,
        })
        .collect();
    let out = players[left..].iter().zip(0..).map(|(row, at)| Finish {
        rank: u32::try_from(left).unwrap() + at + 1,
        group: at,
        ..(*row).clone()
    });
    let out = Finishers::new(out.collect()).unwrap();
    let paid: Vec<PaidWith> = players
        .iter()
        .map(|row| PaidWith {
            player: row.player,
            what: What::Cash {},
            quantity: i64::try_from(rng.below(1_000)).unwrap(),
            currency: world.table.currency,
        })
        .collect();
    let reached = Reached::Play { stacks: &stacks, out: &out };
    let plan = match cancel(rules, pool, &paid, reached) {
        Ok(plan) => plan,
        Err(error) => {
            assert!(world.is_extreme && matches!(error, Error::Overflow { .. }), "{error}");
            return;
        }
    };
    let lines = plan.lines().iter().map(|line| i128::from(line.value.0)).sum::<i128>();
    let rest = plan.remainders().iter().map(|left| i128::from(left.value.0)).sum::<i128>();
    let funded = plan.funding().iter().map(|from| i128::from(from.amount.0)).sum::<i128>();
    assert_eq!(lines + rest, funded);
    let of = |reason: Reason| {
        plan.lines().iter().filter(move |line| line.reason == reason).map(|line| line.value.0)
    };
    if rules.policies().cancellation == Cancellation::Refund {
        assert_eq!(
            of(Reason::Refund).sum::<i64>(),
            paid.iter().map(|part| part.quantity).sum::<i64>()
        );
        assert!(plan.lines().iter().all(|line| line.reason == Reason::Refund));
        count(tally, "cancelled: refund", true);
        return;
    }
    assert_eq!(of(Reason::FeeRefund).sum::<i64>(), each * i64::try_from(left).unwrap());
    let before = of(Reason::PoolShare).count() > 0;
    let within = of(Reason::MinimumPrize).count() + of(Reason::ChipShare).count() > 0;
    assert!(!before || !within);
    count(tally, "cancelled: before the money", before);
    count(tally, "cancelled: in the money", within);
    if before && !world.is_extreme {
        // Less than one unit from P/2n + P/2 · c/C.
        let total = of(Reason::PoolShare).map(i128::from).sum::<i128>();
        let all: i128 = stacks.iter().map(|stack| i128::from(stack.chips)).sum();
        let n = i128::try_from(left).unwrap();
        for line in plan.lines().iter().filter(|line| line.reason == Reason::PoolShare) {
            let stack = stacks.iter().find(|stack| stack.player == line.player).unwrap();
            let exact = total * (all + n * i128::from(stack.chips));
            assert!((i128::from(line.value.0) * 2 * n * all - exact).abs() < 2 * n * all);
        }
    }
    if within {
        // Everybody has the same minimum, and more chips never mean less.
        let least: BTreeSet<i64> = of(Reason::MinimumPrize).collect();
        assert!(least.len() <= 1);
        let mut won: BTreeMap<PlayerId, i64> = BTreeMap::new();
        let is_share =
            |line: &&Line| matches!(line.reason, Reason::MinimumPrize | Reason::ChipShare);
        for line in plan.lines().iter().filter(is_share) {
            *won.entry(line.player).or_default() += line.value.0;
        }
        let mut by_chips: Vec<_> = stacks.iter().collect();
        by_chips.sort_by_key(|stack| (std::cmp::Reverse(stack.chips), stack.order, stack.player));
        let won: Vec<i64> =
            by_chips.iter().map(|stack| won.get(&stack.player).copied().unwrap_or(0)).collect();
        assert!(won.is_sorted_by(|richer, poorer| richer >= poorer), "{won:?}");
    }
}
