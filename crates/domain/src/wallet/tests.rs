//! The basic flow as a table: commands in, the answer and the exact balances out.

mod play;

use super::*;
use crate::ids::{Aggregate, BetId, GameId, PlayerId, ProviderId, RoundId, TenantId};
use crate::journal::{Head, KeyFilter, Keys, RowKind, Stage};
use crate::money::{Amount, Currency};
use crate::time::UnixMs;

mod bounds;
mod corrections;
mod desk;
mod reported;

const TENANT: TenantId = TenantId(1);
const PLAYER: PlayerId = PlayerId(42);

struct Bench {
    cell: Cell,
    stage: Stage,
    keys: Keys,
    clock: i64,
}

impl Bench {
    fn new() -> Self {
        let slot = Aggregate::Player(PLAYER).slot(TENANT);
        Self {
            cell: Cell::load(TENANT, PLAYER, None, []).unwrap(),
            stage: Stage::new([Head { epoch: 1, ..Head::empty(slot) }]),
            keys: Keys::new([7; 32]),
            clock: 1_000,
        }
    }

    fn run(&mut self, key: &str, command: Command) -> Answer {
        self.clock += 10;
        let asked = Prepared::new(&self.keys, TENANT, PLAYER, key, command, None);
        let now = UnixMs(self.clock);
        // Nothing is ever committed here, so the cell itself remembers every row.
        let found = Found::default();
        self.cell.execute(&asked, &found, now, 0, &self.keys, &mut self.stage).unwrap()
    }

    /// Runs a command under a key of its own; tells the answer in short.
    fn next(&mut self, command: Command) -> String {
        let key = format!("key {}", self.clock);
        short(&self.run(&key, command))
    }

    /// Cash, bonus, held, debt.
    fn money(&self, currency: Currency) -> [i64; 4] {
        let there = self.cell.wallet().balance(currency);
        [there.cash.0, there.bonus.0, there.held.0, there.debt.0]
    }
}

fn bet_ref(bet: &str, round: &str) -> BetRef {
    BetRef {
        provider: ProviderId::parse("acme").unwrap(),
        bet: BetId::parse(bet).unwrap(),
        round: RoundId::parse(round).unwrap(),
        game: GameId::parse("wheel").unwrap(),
    }
}

fn deposit(minor: i64) -> Command {
    Command::Deposit { amount: Amount(minor), currency: Currency::EUR }
}

fn place(bet: &str, round: &str, stake: i64) -> Command {
    Command::PlaceBet {
        bet: bet_ref(bet, round),
        stake: Amount(stake),
        currency: Currency::EUR,
        at: None,
        free: None,
        feature: false,
        terms: Terms::default(),
    }
}

fn play(bet: &str, stake: i64, payout: i64) -> Command {
    Command::Play {
        bet: bet_ref(bet, bet),
        stake: Amount(stake),
        payout: Amount(payout),
        currency: Currency::EUR,
        at: None,
        feature: false,
        terms: Terms::default(),
    }
}

fn settle(round: &str, delta: i64) -> Command {
    Command::SettleRound {
        provider: ProviderId::parse("acme").unwrap(),
        round: RoundId::parse(round).unwrap(),
        delta: Amount(delta),
        gross: false,
        currency: Currency::EUR,
        version: None,
        terms: Terms::default(),
    }
}

fn results(round: &str, bets: &[(&str, Option<i64>, i64, Option<Outcome>)]) -> Command {
    Command::SettleBets {
        provider: ProviderId::parse("acme").unwrap(),
        round: RoundId::parse(round).unwrap(),
        bets: bets
            .iter()
            .map(|(bet, stake, payout, outcome)| BetResult {
                bet: BetId::parse(bet).unwrap(),
                stake: stake.map(Amount),
                payout: Amount(*payout),
                outcome: *outcome,
                version: None,
            })
            .collect(),
        game: None,
        currency: None,
        at: None,
        terms: Terms::default(),
    }
}

fn roll_back(bet: &str) -> Command {
    Command::Rollback {
        provider: ProviderId::parse("acme").unwrap(),
        bet: BetId::parse(bet).unwrap(),
        round: None,
    }
}

fn short(answer: &Answer) -> String {
    match answer {
        Answer::Done(row) if row.kind == RowKind::BetRefused => "refused for ever".into(),
        Answer::Done(row) => row.kind.name().into(),
        Answer::Replay(row) => format!("replay {}", row.kind.name()),
        Answer::Refused(refusal) => {
            serde_json::to_value(refusal).unwrap()["code"].as_str().unwrap().into()
        }
        Answer::Noop(noop) => format!("{noop:?}"),
    }
}

/// (key, command, answer, cash, held)
type Step = (&'static str, Command, &'static str, i64, i64);

#[test]
fn basic_flow() {
    let bet = |key| (key, place("b1", "r1", 1000));
    let (k1, place_b1) = bet("b1");
    let steps: Vec<Step> = vec![
        ("d1", deposit(10_000), "wallet.deposited", 10_000, 0),
        ("d1", deposit(10_000), "replay wallet.deposited", 10_000, 0),
        ("d1", deposit(20_000), "idempotencyMismatch", 10_000, 0),
        (k1, place_b1.clone(), "bet.placed", 9_000, 1_000),
        (k1, place_b1.clone(), "replay bet.placed", 9_000, 1_000),
        ("other key", place_b1.clone(), "replay bet.placed", 9_000, 1_000),
        ("b1", place("b1", "r1", 999), "idempotencyMismatch", 9_000, 1_000),
        ("other", place("b1", "r1", 999), "betIdReused", 9_000, 1_000),
        // Net: 10.00 → 15.00 is +5.00.
        ("s1", settle("r1", 500), "bet.settled", 10_500, 0),
        ("s1", settle("r1", 500), "replay bet.settled", 10_500, 0),
        // Another net result of a settled round replaces it.
        ("s2", settle("r1", 700), "bet.amended", 10_700, 0),
        ("s3", settle("r1", 500), "bet.amended", 10_500, 0),
        ("x1", roll_back("b1"), "betAlreadySettled", 10_500, 0),
        // A lost round gives −stakes; less is no payout at all.
        ("b2", place("b2", "r2", 300), "bet.placed", 10_200, 300),
        ("b3", place("b3", "r2", 200), "bet.placed", 10_000, 500),
        ("s3b", settle("r2", -501), "negativePayout", 10_000, 500),
        ("s4", settle("r2", -500), "bet.settled", 10_000, 0),
        // Roll back, again, and before the bet.
        ("b4", place("b4", "r4", 400), "bet.placed", 9_600, 400),
        ("x4", roll_back("b4"), "bet.rolled_back", 10_000, 0),
        ("x4", roll_back("b4"), "replay bet.rolled_back", 10_000, 0),
        ("x5", roll_back("b4"), "AlreadyRolledBack", 10_000, 0),
        ("s5", results("r4", &[("b4", None, 0, None)]), "betAlreadyRolledBack", 10_000, 0),
        ("x6", roll_back("b6"), "bet.tombstoned", 10_000, 0),
        ("b6", place("b6", "r6", 100), "betCancelled", 10_000, 0),
        // No money: kept for ever, also after a deposit.
        ("b7", place("b7", "r7", 10_001), "refused for ever", 10_000, 0),
        ("d2", deposit(1), "wallet.deposited", 10_001, 0),
        ("b7", place("b7", "r7", 10_001), "replay bet.refused", 10_001, 0),
        ("x7", roll_back("b7"), "AlreadyRolledBack", 10_001, 0),
        // Results by bet.
        ("b8", place("b8", "r8", 100), "bet.placed", 9_901, 100),
        ("b9", place("b9", "r8", 100), "bet.placed", 9_801, 200),
        ("s8", results("r8", &[("b8", Some(99), 0, None)]), "stakeMismatch", 9_801, 200),
        (
            "s8",
            results("r8", &[("b8", Some(100), 5, Some(Outcome::Lose))]),
            "outcomeMismatch",
            9_801,
            200,
        ),
        (
            "s8",
            results("r8", &[("b8", Some(100), 99, Some(Outcome::Void))]),
            "outcomeMismatch",
            9_801,
            200,
        ),
        ("s8", results("r8", &[("b8", Some(100), 250, None)]), "bet.settled", 10_051, 100),
        ("s9", results("r8", &[("b8", None, 250, None)]), "betAlreadySettled", 10_051, 100),
        ("s9", results("r8", &[("nope", None, 0, None)]), "betNotFound", 10_051, 100),
        ("s9", results("r8", &[("b9", None, 100, Some(Outcome::Void))]), "bet.settled", 10_151, 0),
        // Bet and result in one; zero stakes are fine.
        ("p1", play("p1", 151, 302), "round.played", 10_302, 0),
        ("p1", play("p1", 151, 302), "replay round.played", 10_302, 0),
        ("p2", play("p2", 0, 0), "round.played", 10_302, 0),
        ("p3", play("p3", 10_303, 20_000), "refused for ever", 10_302, 0),
        ("xp", roll_back("p1"), "betAlreadySettled", 10_302, 0),
    ];
    let mut bench = Bench::new();
    for (at, (key, command, expected, cash, held)) in steps.into_iter().enumerate() {
        let answer = bench.run(key, command.clone());
        let accounts = bench.cell.wallet().balance(Currency::EUR);
        assert_eq!(
            (short(&answer).as_str(), accounts.cash.0, accounts.held.0),
            (expected, cash, held),
            "step {at}: {command:?}"
        );
    }
    // The fold over the rows as stored is the same wallet.
    let batch = bench.stage.seal().unwrap();
    let refolded = Cell::load(TENANT, PLAYER, None, batch.rows.iter().cloned()).unwrap();
    assert_eq!(refolded.wallet(), bench.cell.wallet());
    let json = serde_json::to_vec(bench.cell.wallet()).unwrap();
    assert_eq!(&serde_json::from_slice::<Wallet>(&json).unwrap(), bench.cell.wallet());
}

#[test]
fn held_stakes_count_towards_the_largest_balance() {
    let mut bench = Bench::new();
    bench.run("d1", deposit(100));
    bench.run("b1", place("b1", "r1", 100));
    // Otherwise the rollback could not give the stake back.
    assert_eq!(short(&bench.run("d2", deposit(i64::MAX))), "overflow");
    assert_eq!(short(&bench.run("d2", deposit(i64::MAX - 100))), "wallet.deposited");
    assert_eq!(short(&bench.run("x1", roll_back("b1"))), "bet.rolled_back");
    assert_eq!(bench.cell.wallet().balance(Currency::EUR).cash.0, i64::MAX);
}

#[test]
fn only_keys_that_may_be_old_are_looked_up() {
    let bench = Bench::new();
    let asked = Prepared::new(&bench.keys, TENANT, PLAYER, "b1", place("b1", "r", 1), None);
    let mut filter = KeyFilter::default();
    assert!(bench.cell.needs(&asked, &Found::default(), &filter, &bench.keys).is_empty());
    filter.insert(&asked.key);
    assert_eq!(
        bench.cell.needs(&asked, &Found::default(), &filter, &bench.keys).requests,
        vec![asked.key]
    );
    filter.insert(&asked.claims[0].1);
    assert_eq!(
        bench.cell.needs(&asked, &Found::default(), &filter, &bench.keys).claims,
        vec![asked.claims[0].1]
    );
}

#[test]
fn a_settlement_of_several_bets_is_split_exactly() {
    let mut bench = Bench::new();
    bench.run("d", deposit(1_000));
    for (bet, stake) in [("a", 100), ("b", 100), ("c", 100)] {
        bench.run(bet, place(bet, "r", stake));
    }
    let Answer::Done(_) = bench.run("s", settle("r", -200)) else { panic!("not settled") };
    let batch = bench.stage.seal().unwrap();
    let payouts: Vec<i64> = batch
        .rows
        .iter()
        .filter_map(|row| SettledRound::from_row(row, PLAYER).unwrap())
        .map(|round| round.payout.0)
        .collect();
    assert_eq!(payouts, [33, 33, 34]);
}
