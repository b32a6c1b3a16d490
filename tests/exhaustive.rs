//! Every order of up to N messages about one round, with duplicates, and with one crash at every
//! point: before the commit (the message is lost) and after it (the answer is lost). After every
//! message the answer and every balance are compared with an oracle of plain integers that
//! shares no code with the wallet.
//!
//! `PALIO_EXHAUSTIVE_DEPTH=7 cargo test --release --test exhaustive -- --nocapture` is the large
//! run.

#![allow(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "tests may panic, and print what they did"
)]

use palio_domain::ids::Slot;
use palio_domain::journal::{Account, Head, Keys, Row, Stage};
use palio_domain::wallet::{
    Answer, BetRef, BetResult, Cell, Command, Found, Outcome, Prepared, Terms, UnmatchedWin,
};
use palio_domain::{
    Aggregate, Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, TenantId, UnixMs,
    WithdrawalId,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const TENANT: TenantId = TenantId(1);
const PLAYER: PlayerId = PlayerId(7);
/// What the player has first, and what the messages are about, in minor units.
const DEPOSIT: i64 = 12;
const STAKE: i64 = 10;
const WIN: i64 = 15;
const AMENDED: i64 = 3;
const SPENT: i64 = 14;

/// A message; a duplicate has the same key and content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Message {
    Bet,
    Win,
    Rollback,
    /// Version 2 of the result: lower than the first.
    Amend,
    EndRound,
    /// The profile's decision about an overdue round: void.
    Overdue,
    /// The player takes money away, so that a lower result finds too little.
    Withdraw,
    /// The bet and its win of a provider whose wins are paid without a bet.
    LenientBet,
    LenientWin,
    /// The same win under another key.
    WinAgain,
}

use Message::{
    Amend, Bet, EndRound, LenientBet, LenientWin, Overdue, Rollback, Win, WinAgain, Withdraw,
};

/// Three alphabets: about the round, about its money, and about wins without a bet.
const ALPHABETS: [[Message; 6]; 3] = [
    [Bet, Win, Rollback, Amend, EndRound, Overdue],
    [Bet, Win, Rollback, Amend, Withdraw, Overdue],
    [LenientBet, LenientWin, WinAgain, Rollback, Amend, Withdraw],
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BetState {
    None,
    Refused,
    Open,
    Settled {
        payout: i64,
        version: u32,
        void: bool,
    },
    RolledBack,
    Tombstone,
    /// Not known, and its win was paid.
    Paid,
}

/// The oracle.
#[derive(Debug, Clone, Copy)]
struct Oracle {
    cash: i64,
    held: i64,
    locked: i64,
    debt: i64,
    bet: BetState,
    ended: bool,
    /// Answers that are kept for ever, by message.
    kept: [Option<&'static str>; 10],
}

impl Oracle {
    const fn new() -> Self {
        let (cash, held, locked, debt, ended) = (DEPOSIT, 0, 0, 0, false);
        Self { cash, held, locked, debt, bet: BetState::None, ended, kept: [None; 10] }
    }

    fn pay(&mut self, amount: i64) {
        self.cash += amount;
    }

    /// Own money first, the rest is owed.
    fn take(&mut self, amount: i64) {
        let there = amount.min(self.cash);
        self.cash -= there;
        self.debt += amount - there;
    }

    fn repay(&mut self, gained: i64) {
        let due = self.debt.min(self.cash).min(gained.max(0));
        self.cash -= due;
        self.debt -= due;
    }

    /// The answer, and whether it is kept.
    fn hear(&mut self, message: Message) -> &'static str {
        let index = message as usize;
        if let Some(Some(kept)) = self.kept.get(index) {
            return kept;
        }
        let (answer, kept) = self.decide(message);
        if kept && let Some(at) = self.kept.get_mut(index) {
            *at = Some(answer);
        }
        answer
    }

    fn decide(&mut self, message: Message) -> (&'static str, bool) {
        match (message, self.bet) {
            (Bet | LenientBet, BetState::Tombstone) => ("BetCancelled", false),
            (Bet | LenientBet, _) if self.ended => self.refuse(),
            (Bet | LenientBet, _) if self.debt > 0 || self.cash < STAKE => self.refuse(),
            (LenientBet, BetState::Paid) => {
                self.cash -= STAKE;
                self.bet = BetState::Settled { payout: WIN, version: 1, void: false };
                ("bet.placed", true)
            }
            (Bet | LenientBet, _) => {
                self.cash -= STAKE;
                self.held += STAKE;
                self.bet = BetState::Open;
                ("bet.placed", true)
            }
            (LenientWin | WinAgain, BetState::None) => {
                self.pay(WIN);
                self.repay(WIN);
                self.bet = BetState::Paid;
                ("win.unmatched", true)
            }
            // A repeat that stands under no key of its own.
            (LenientWin | WinAgain, BetState::Paid) => ("win.unmatched", false),
            (Win | LenientWin | WinAgain, BetState::Open) => {
                self.held -= STAKE;
                self.pay(WIN);
                self.repay(WIN);
                self.bet = BetState::Settled { payout: WIN, version: 1, void: false };
                ("bet.settled", true)
            }
            (Win | LenientWin | WinAgain, BetState::Settled { payout, version, void: true }) => {
                self.amend(payout, WIN, version + 1)
            }
            (Win | LenientWin | WinAgain, BetState::Settled { .. }) => ("BetAlreadySettled", false),
            (Amend, BetState::Open) => ("VersionGap", false),
            (Amend, BetState::Settled { payout, version: 1, .. }) => self.amend(payout, AMENDED, 2),
            (Amend, BetState::Settled { .. }) => ("IdempotencyMismatch", false),
            (Win | Amend, BetState::None | BetState::Paid) => ("BetNotFound", false),
            (Win | LenientWin | WinAgain | Amend, BetState::Refused) => ("BetNotFound", false),
            (Win | LenientWin | WinAgain | Amend, BetState::RolledBack | BetState::Tombstone) => {
                ("BetAlreadyRolledBack", false)
            }
            (Rollback, BetState::Open) => {
                self.held -= STAKE;
                self.pay(STAKE);
                self.bet = BetState::RolledBack;
                ("bet.rolled_back", true)
            }
            (Rollback, BetState::None) => {
                self.bet = BetState::Tombstone;
                ("bet.tombstoned", true)
            }
            (Rollback, BetState::Settled { .. } | BetState::Paid) => ("BetAlreadySettled", false),
            (Rollback, _) => ("AlreadyRolledBack", false),
            (EndRound, BetState::Open) => ("RoundHasOpenBets", false),
            (EndRound, _) => {
                self.ended = true;
                ("round.ended", true)
            }
            (Overdue, BetState::Open) => {
                self.held -= STAKE;
                self.pay(STAKE);
                self.bet = BetState::Settled { payout: STAKE, version: 1, void: true };
                ("round.overdue", true)
            }
            (Overdue, _) => ("NotLate", false),
            (Withdraw, _) if self.debt > 0 || self.cash < SPENT => ("command.refused", true),
            (Withdraw, _) => {
                self.cash -= SPENT;
                self.locked += SPENT;
                ("withdrawal.authorised", true)
            }
        }
    }

    fn refuse(&mut self) -> (&'static str, bool) {
        self.bet = BetState::Refused;
        ("bet.refused", true)
    }

    fn amend(&mut self, old: i64, new: i64, version: u32) -> (&'static str, bool) {
        self.pay(new);
        self.take(old);
        self.repay(new - old);
        self.bet = BetState::Settled { payout: new, version, void: false };
        ("bet.amended", true)
    }
}

/// The wallet and its journal.
#[derive(Clone)]
struct Node {
    cell: Cell,
    rows: Vec<Arc<Row>>,
    oracle: Oracle,
}

struct Search {
    keys: Keys,
    slot: Slot,
    messages: Vec<(Message, Prepared)>,
    deposit: Prepared,
    depth: usize,
    visited: AtomicU64,
}

fn prepared(keys: &Keys, message: Message) -> Prepared {
    let provider = ProviderId::parse("acme").unwrap();
    let bet = BetId::parse("b").unwrap();
    let round = RoundId::parse("r").unwrap();
    let currency = Currency::EUR;
    let is_lenient = matches!(message, LenientBet | LenientWin | WinAgain);
    let unmatched_win = if is_lenient { UnmatchedWin::Promo } else { UnmatchedWin::Refuse };
    let terms = Terms { unmatched_win, ..Terms::default() };
    let result = |payout, outcome, version| Command::SettleBets {
        provider: provider.clone(),
        round: round.clone(),
        game: None,
        bets: vec![BetResult {
            bet: bet.clone(),
            stake: Some(Amount(STAKE)),
            payout: Amount(payout),
            outcome: Some(outcome),
            version,
        }],
        currency: Some(currency),
        at: None,
        terms,
    };
    let command = match message {
        Bet | LenientBet => Command::PlaceBet {
            bet: BetRef {
                provider: provider.clone(),
                bet: bet.clone(),
                round: round.clone(),
                game: GameId::parse("wheel").unwrap(),
            },
            stake: Amount(STAKE),
            currency,
            at: None,
            free: None,
            feature: false,
            terms,
        },
        Win | LenientWin | WinAgain => result(WIN, Outcome::Win, None),
        Amend => result(AMENDED, Outcome::Win, Some(2)),
        Rollback => Command::Rollback { provider, bet, round: None },
        EndRound => Command::EndRound { provider, round },
        Overdue => Command::MarkOverdue { provider, round, before: UnixMs(i64::MAX), void: true },
        Withdraw => Command::AuthoriseWithdrawal {
            id: WithdrawalId::parse("w").unwrap(),
            amount: Amount(SPENT),
            currency,
        },
    };
    Prepared::new(keys, TENANT, PLAYER, &format!("{message:?}"), command, None)
}

fn name(answer: &Answer) -> String {
    match answer {
        Answer::Done(row) | Answer::Replay(row) => row.kind.name().to_owned(),
        Answer::Refused(refusal) => format!("{refusal:?}"),
        Answer::Noop(noop) => format!("{noop:?}"),
    }
}

impl Search {
    fn new(alphabet: [Message; 6], depth: usize) -> Self {
        let keys = Keys::new([3; 32]);
        let deposit = Command::Deposit { amount: Amount(DEPOSIT), currency: Currency::EUR };
        Self {
            slot: Aggregate::Player(PLAYER).slot(TENANT),
            messages: alphabet.iter().map(|m| (*m, prepared(&keys, *m))).collect(),
            deposit: Prepared::new(&keys, TENANT, PLAYER, "d", deposit, None),
            keys,
            depth,
            visited: AtomicU64::new(0),
        }
    }

    fn root(&self) -> Node {
        let cell = Cell::load(TENANT, PLAYER, None, []).unwrap();
        let mut node = Node { cell, rows: Vec::new(), oracle: Oracle::new() };
        let (_, staged) = self.execute(&mut node.cell, &[], &self.deposit);
        node.rows.extend(staged);
        node
    }

    /// Decides a command; the rows are staged, not committed.
    fn execute(
        &self,
        cell: &mut Cell,
        rows: &[Arc<Row>],
        asked: &Prepared,
    ) -> (Answer, Vec<Arc<Row>>) {
        let next_seq = u64::try_from(rows.len()).unwrap() + 1;
        let mut stage = Stage::new([Head { epoch: 1, next_seq, ..Head::empty(self.slot) }]);
        let now = UnixMs(1_000 + i64::try_from(next_seq).unwrap());
        let answer =
            cell.execute(asked, &Found::default(), now, 0, &self.keys, &mut stage).unwrap();
        (answer, stage.since(0).to_vec())
    }

    /// What a new process makes of the journal.
    fn recover(&self, rows: &[Arc<Row>]) -> Cell {
        Cell::load(TENANT, PLAYER, None, rows.iter().cloned()).unwrap()
    }

    fn check(&self, node: &Node, path: &[String], heard: &str, expected: &str) {
        let accounts = node.cell.wallet().balance(Currency::EUR);
        let Oracle { cash, held, locked, debt, .. } = node.oracle;
        let there = (accounts.cash.0, accounts.held.0, accounts.locked.0, accounts.debt.0);
        assert_eq!((heard, there), (expected, (cash, held, locked, debt)), "{path:?}");
        let house: i64 = node.rows.iter().filter_map(|row| row.leg).fold(0, |sum, leg| {
            let sign =
                |account: Account| i64::from(matches!(account, Account::House | Account::Promo));
            sum + leg.amount.0 * (sign(leg.credit) - sign(leg.debit))
        });
        // Σ = 0: what the player has, is owed and what left is what came in.
        assert_eq!(cash + held + locked - debt + house, DEPOSIT, "{path:?}");
    }

    /// Goes through every continuation; `crashed`: the one crash has happened.
    fn visit(&self, node: &Node, path: &mut Vec<String>, crashed: bool) {
        if path.len() < self.depth {
            for (message, asked) in &self.messages {
                self.follow(node, path, crashed, *message, asked);
            }
        }
    }

    /// One more message, and everything after it.
    fn follow(
        &self,
        node: &Node,
        path: &mut Vec<String>,
        crashed: bool,
        message: Message,
        asked: &Prepared,
    ) {
        let mut next = node.clone();
        let (answer, staged) = self.execute(&mut next.cell, &node.rows, asked);
        let can_crash = !crashed && !staged.is_empty();
        next.rows.extend(staged);
        let expected = next.oracle.hear(message);
        path.push(format!("{message:?}"));
        self.visited.fetch_add(1, Ordering::Relaxed);
        self.check(&next, path, &name(&answer), expected);
        self.visit(&next, path, crashed);
        path.pop();
        if !can_crash {
            return;
        }
        // The process ends after the commit: the answer is lost, the rows are not.
        path.push(format!("{message:?}, committed, crash"));
        let after = Node { cell: self.recover(&next.rows), ..next.clone() };
        assert_eq!(after.cell.wallet(), next.cell.wallet(), "{path:?}");
        self.visited.fetch_add(1, Ordering::Relaxed);
        self.visit(&after, path, true);
        path.pop();
        // The process ends before the commit: nothing has happened.
        path.push(format!("{message:?}, lost, crash"));
        let lost = Node { cell: self.recover(&node.rows), ..node.clone() };
        assert_eq!(lost.cell.wallet(), node.cell.wallet(), "{path:?}");
        self.visited.fetch_add(1, Ordering::Relaxed);
        self.visit(&lost, path, true);
        path.pop();
    }
}

#[test]
fn every_order_of_messages_about_a_round() {
    let depth = std::env::var("PALIO_EXHAUSTIVE_DEPTH").ok().and_then(|text| text.parse().ok());
    let depth = depth.unwrap_or(4);
    let started = Instant::now();
    let mut visited = 0;
    for alphabet in ALPHABETS {
        let search = Search::new(alphabet, depth);
        let root = search.root();
        std::thread::scope(|scope| {
            for half in 0..2 {
                let (search, root) = (&search, &root);
                scope.spawn(move || {
                    for (message, asked) in search.messages.iter().skip(half).step_by(2) {
                        search.follow(root, &mut Vec::new(), false, *message, asked);
                    }
                });
            }
        });
        visited += search.visited.load(Ordering::Relaxed);
    }
    println!("{visited} histories of up to {depth} messages in {:?}", started.elapsed());
    assert!(visited > 5_000);
}

#[test]
fn the_oracle_is_not_the_wallet() {
    // A wrong oracle is found out: the comparison is not empty.
    let search = Search::new(ALPHABETS[0], 3);
    let mut root = search.root();
    root.oracle.cash += 1;
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        search.visit(&root, &mut Vec::new(), false);
    }));
    assert!(found.is_err());
}
