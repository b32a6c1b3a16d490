//! How much one player may have: kept refusals in a minute, open bets, withdrawals, limits,
//! campaigns.

use super::protection::{LimitKind, Period};
use super::reported::{early_void, void};
use super::*;
use crate::ids::{CampaignId, WithdrawalId};

const MINUTE_MS: i64 = 60_000;
const KEPT_MAX: usize = 300;

/// A bench whose rows are committed at once, so that the cell may forget them.
struct Committed {
    bench: Bench,
    keys: usize,
}

impl Committed {
    fn new() -> Self {
        let mut new = Self { bench: Bench::new(), keys: 0 };
        // Everything below is within one minute, or says otherwise.
        new.bench.clock = 10 * MINUTE_MS;
        new
    }

    fn next(&mut self, command: Command) -> String {
        self.keys += 1;
        let key = format!("key {}", self.keys);
        let bench = &mut self.bench;
        let asked = Prepared::new(&bench.keys, TENANT, PLAYER, &key, command, None);
        let (now, stage) = (UnixMs(bench.clock), &mut bench.stage);
        let found = Found::default();
        let answer = bench.cell.execute(&asked, &found, now, u64::MAX, &bench.keys, stage);
        short(&answer.unwrap())
    }

    /// What a sleeping wallet wakes as: its snapshot.
    fn wake(&mut self) {
        let json = serde_json::to_vec(self.bench.cell.wallet()).unwrap();
        let saved = serde_json::from_slice(&json).unwrap();
        self.bench.cell = Cell::load(TENANT, PLAYER, Some(saved), []).unwrap();
    }
}

fn by(provider: &str, mut command: Command) -> Command {
    let named = ProviderId::parse(provider).unwrap();
    match &mut command {
        Command::PlaceBet { bet, .. } => bet.provider = named,
        Command::Rollback { provider, .. } => *provider = named,
        _ => {}
    }
    command
}

#[test]
fn refusals_and_tombstones_are_kept_so_many_times_in_a_minute() {
    let mut of = Committed::new();
    for n in 0..KEPT_MAX {
        let id = format!("b{n}");
        let (command, answer) = match n % 3 {
            0 => (place(&id, "r", 1), "refused for ever"),
            1 => (early_void(&id), "round.corrected"),
            _ => (roll_back(&id), "bet.tombstoned"),
        };
        assert_eq!(of.next(command), answer);
    }
    let more = |of: &mut Committed| {
        [place("x", "r", 1), roll_back("y"), early_void("w")].map(|command| of.next(command))
    };
    assert_eq!(more(&mut of), ["tooManyRefusals"; 3]);
    // A wallet that slept and woke has not forgotten it, and neither has one from the rows alone.
    of.wake();
    assert_eq!(more(&mut of), ["tooManyRefusals"; 3]);
    let rows = of.bench.stage.seal().unwrap().rows;
    let refolded = Cell::load(TENANT, PLAYER, None, rows.iter().cloned()).unwrap();
    assert_eq!(refolded.wallet(), of.bench.cell.wallet());
    // It is the provider's own count: another's rollback is kept, and what is not kept goes on.
    assert_eq!(of.next(by("other", roll_back("y"))), "bet.tombstoned");
    assert_eq!(of.next(deposit(100)), "wallet.deposited");
    assert_eq!(of.next(place("z", "r", 1)), "bet.placed");
    of.bench.clock += MINUTE_MS;
    assert_eq!(of.next(place("x", "r", 1_000)), "refused for ever");
    assert_eq!(of.next(roll_back("y")), "bet.tombstoned");
}

/// After one void under a high version, those under lower ones are as much for ever as it is.
#[test]
fn voids_of_a_bet_that_nobody_reported_are_all_counted() {
    let mut of = Committed::new();
    for n in 1..KEPT_MAX {
        assert_eq!(of.next(early_void(&format!("b{n}"))), "round.corrected");
    }
    assert_eq!(of.next(void(1_000)), "round.corrected");
    assert_eq!(of.next(void(999)), "tooManyRefusals");
    of.bench.clock += MINUTE_MS;
    assert_eq!(of.next(void(999)), "round.corrected", "superseded, and it is one");
    for n in 1..KEPT_MAX {
        assert_eq!(of.next(early_void(&format!("c{n}"))), "round.corrected");
    }
    assert_eq!(of.next(void(998)), "tooManyRefusals");
}

#[test]
fn a_player_has_at_most_so_many_open_bets() {
    const OPEN_MAX: usize = 10_000;
    let mut of = Committed::new();
    assert_eq!(of.next(deposit(1_000_000)), "wallet.deposited");
    for n in 0..OPEN_MAX {
        assert_eq!(of.next(place(&format!("b{n}"), &format!("r{n}"), 1)), "bet.placed");
    }
    assert_eq!(of.next(place("more", "r", 1)), "tooManyOpen");
    assert_eq!(of.next(play("p", 1, 1)), "round.played");
    assert_eq!(of.next(roll_back("b7")), "bet.rolled_back");
    assert_eq!(of.next(place("more", "r", 1)), "bet.placed");
}

#[test]
fn a_player_has_at_most_a_hundred_of_other_things() {
    let withdraw = |n: usize| Command::AuthoriseWithdrawal {
        id: WithdrawalId::parse(&format!("w{n}")).unwrap(),
        amount: Amount(1),
        currency: Currency::EUR,
    };
    let grant = |n: usize| Command::GrantFreeRounds {
        campaign: CampaignId::parse(&format!("c{n}")).unwrap(),
        provider: ProviderId::parse("acme").unwrap(),
        game: GameId::parse("wheel").unwrap(),
        count: 1,
        value: Amount(1),
        currency: Currency::EUR,
        expires: UnixMs(i64::MAX),
        author: "test".into(),
    };
    let codes: Vec<_> =
        ["AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HUF", "JPY", "MXN"]
            .into_iter()
            .chain(["NOK"])
            .collect();
    let limit = |n: usize| Command::SetLimit {
        kind: [LimitKind::Deposit, LimitKind::Wager, LimitKind::Loss][n % 3],
        period: Period::ALL[n / 3 % 3],
        currency: Some(Currency::parse(codes[n / 9]).unwrap()),
        value: Some(1),
        raise_wait_ms: 0,
        author: "test".into(),
    };
    let mut of = Committed::new();
    of.next(deposit(10_000));
    for n in 0..=100 {
        let answers = [of.next(withdraw(n)), of.next(grant(n)), of.next(limit(n))];
        let wanted = if n < 100 {
            ["withdrawal.authorised", "free_rounds.granted", "limit.set"]
        } else {
            ["tooManyOpen"; 3]
        };
        assert_eq!(answers, wanted, "{n}");
    }
    // What is there can still be changed.
    assert_eq!(of.next(limit(7)), "limit.set");
}
