//! What a player's money should be, kept with nothing but plain integers and the rules as
//! money-cases.md tells them. Shares no code with the wallet.

use palio_domain::journal::Account;
use palio_domain::wallet::protection::{ExclusionKind, LimitKind, Period};
use palio_domain::wallet::{
    Answer, BetRef, BetResult, Command, Outcome, Terms, UnmatchedWin, WithdrawalEnd,
};
use palio_domain::{Amount, BetId, Currency, GameId, ProviderId, RoundId, UnixMs, WithdrawalId};
use palio_protocol::result::{Rendered, render};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const DAY_MS: i64 = 86_400_000;

#[derive(Debug, Clone)]
enum Intent {
    Deposit(i64),
    Bonus(i64),
    Bet {
        bet: String,
        round: String,
        stake: i64,
    },
    Settle {
        round: String,
        delta: i64,
    },
    Win {
        bet: String,
        round: String,
        payout: i64,
        version: Option<u32>,
    },
    /// A win that is paid also when its bet is not known.
    Promo {
        bet: String,
        round: String,
        payout: i64,
    },
    Rollback(String),
    Play {
        bet: String,
        stake: i64,
        payout: i64,
    },
    EndRound(String),
    Overdue(String),
    Withdraw(String, i64),
    EndWithdrawal(String, bool),
    WagerLimit(i64),
    Block,
    Readmit,
}

/// One logical operation; retries carry the same key.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) key: String,
    pub(crate) command: Command,
    intent: Intent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Settled {
        payout: i64,
        version: u32,
        void: bool,
    },
    RolledBack,
    Tombstone,
    Refused,
    /// The bet is not known, its win was paid.
    Paid(i64),
}

#[derive(Debug, Clone)]
struct Bet {
    round: String,
    stake: i64,
    bonus: i64,
    state: State,
    /// Its payouts by version.
    results: Vec<i64>,
}

impl Bet {
    fn new(round: &str, stake: i64, bonus: i64, state: State) -> Self {
        let results = match state {
            State::Settled { payout, .. } => vec![payout],
            _ => Vec::new(),
        };
        Self { round: round.to_owned(), stake, bonus, state, results }
    }

    /// The part of `amount` that belongs to bonus money.
    fn share(&self, amount: i64) -> i64 {
        if self.stake == 0 { 0 } else { amount * self.bonus / self.stake }
    }
}

/// A player's money by the model.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) cash: i64,
    pub(crate) bonus: i64,
    pub(crate) locked: i64,
    pub(crate) debt: i64,
    bets: BTreeMap<String, Bet>,
    ended: BTreeSet<String>,
    withdrawals: BTreeMap<String, (i64, bool)>,
    blocked: bool,
    wager_limit: Option<i64>,
    /// The day, and Σ stakes of it.
    wagered: (i64, i64),
    placed_on: BTreeMap<String, i64>,
    next: u64,
}

impl Model {
    pub(crate) fn held(&self) -> i64 {
        let open = self.bets.values().filter(|bet| bet.state == State::Open);
        open.map(|bet| bet.stake).sum()
    }

    fn pick(&self, rng: &mut StdRng, wanted: impl Fn(&Bet) -> bool) -> Option<(String, Bet)> {
        let found: Vec<_> = self.bets.iter().filter(|(_, bet)| wanted(bet)).collect();
        if found.is_empty() {
            return None;
        }
        let (id, bet) = found[rng.random_range(0..found.len())];
        Some((id.clone(), bet.clone()))
    }

    fn of_round(&self, round: &str, wanted: impl Fn(State) -> bool) -> Vec<(String, Bet)> {
        let of = self.bets.iter().filter(|(_, bet)| bet.round == round && wanted(bet.state));
        of.map(|(id, bet)| (id.clone(), bet.clone())).collect()
    }

    /// What the player's side does next.
    pub(crate) fn next(&mut self, player: u64, rng: &mut StdRng) -> Operation {
        self.next += 1;
        let fresh = format!("b{player}-{}", self.next);
        // A few rounds, so that they hold several bets.
        let round = format!("r{player}-{}", self.next / 6);
        let open = |bet: &Bet| bet.state == State::Open;
        let settled = |bet: &Bet| matches!(bet.state, State::Settled { .. });
        let intent = match rng.random_range(0..100) {
            0..8 => Intent::Deposit(rng.random_range(1..2_000)),
            8..12 => Intent::Bonus(rng.random_range(-200..700)),
            12..42 => Intent::Bet { bet: fresh.clone(), round, stake: rng.random_range(0..900) },
            42..54 => match self.pick(rng, open) {
                Some((_, bet)) => {
                    let stakes: i64 = self
                        .of_round(&bet.round, |s| s == State::Open)
                        .iter()
                        .map(|b| b.1.stake)
                        .sum();
                    let delta = rng.random_range(-stakes - 5..=stakes + 50);
                    Intent::Settle { round: bet.round, delta }
                }
                None => Intent::Deposit(500),
            },
            54..64 => match self.pick(rng, open) {
                Some((bet, of)) => {
                    let version = rng.random_bool(0.3).then(|| rng.random_range(1..3));
                    let payout = rng.random_range(0..1_500);
                    Intent::Win { bet, round: of.round, payout, version }
                }
                None => Intent::Bonus(100),
            },
            64..72 => match self.pick(rng, settled) {
                Some((bet, of)) => {
                    let version = rng.random_bool(0.7).then(|| rng.random_range(1..4));
                    let payout = rng.random_range(0..1_500);
                    Intent::Win { bet, round: of.round, payout, version }
                }
                None => Intent::EndRound(round),
            },
            72..76 => match self.pick(rng, settled) {
                Some((_, bet)) => {
                    Intent::Settle { round: bet.round, delta: rng.random_range(-900..900) }
                }
                None => Intent::Settle { round, delta: 1 },
            },
            76..82 => match self.pick(rng, |_| true) {
                Some((bet, _)) => Intent::Rollback(bet),
                None => Intent::Rollback(fresh.clone()),
            },
            82..84 => Intent::Rollback(fresh.clone()),
            84..86 => match self.pick(rng, |bet| bet.state == State::Tombstone) {
                Some((bet, _)) if rng.random_bool(0.5) => Intent::Bet { bet, round, stake: 10 },
                _ => match self.pick(rng, |bet| matches!(bet.state, State::Paid(_))) {
                    Some((bet, of)) if rng.random_bool(0.5) => {
                        Intent::Bet { bet, round: of.round, stake: rng.random_range(0..500) }
                    }
                    Some((bet, of)) => {
                        Intent::Promo { bet, round: of.round, payout: rng.random_range(0..3) }
                    }
                    None => {
                        Intent::Promo { bet: fresh.clone(), round, payout: rng.random_range(0..3) }
                    }
                },
            },
            86..88 => match self.pick(rng, open) {
                Some((_, bet)) => Intent::Overdue(bet.round),
                None => Intent::EndRound(round),
            },
            88..90 => match self.pick(rng, |bet| !bet.round.is_empty()) {
                Some((_, bet)) => Intent::EndRound(bet.round),
                None => Intent::EndRound(round),
            },
            90..93 => {
                Intent::Withdraw(format!("w{player}-{}", self.next), rng.random_range(1..900))
            }
            93..95 => {
                let all: Vec<_> = self.withdrawals.keys().cloned().collect();
                match all.get(rng.random_range(0..all.len().max(1))) {
                    Some(id) => Intent::EndWithdrawal(id.clone(), rng.random_bool(0.5)),
                    None => Intent::EndWithdrawal("none".to_owned(), true),
                }
            }
            95 => Intent::WagerLimit(rng.random_range(0..40_000)),
            96 if rng.random_bool(0.3) => Intent::Block,
            97 => Intent::Readmit,
            _ => Intent::Play {
                bet: fresh,
                stake: rng.random_range(0..400),
                payout: rng.random_range(0..500),
            },
        };
        let key = format!("k{player}-{}", self.next);
        Operation { key, command: command(&intent), intent }
    }

    /// Takes in the one answer of an operation; it must be the one the model expects. `at`: the
    /// time of the row that was written, if one was.
    pub(crate) fn answered(&mut self, operation: &Operation, answer: &Answer, at: Option<UnixMs>) {
        let heard = super::name(answer);
        let heard = heard.trim_start_matches("replay ");
        let day = at.map_or(self.wagered.0, |at| at.0.div_euclid(DAY_MS));
        let expected = self.expect(&operation.intent, day, heard);
        assert_eq!(heard, expected, "{operation:?}");
        // The answer as it is told: its balance is the one after everything that was done.
        if let Answer::Done(row) = answer
            && let Ok(Rendered::Ok(told)) = render(row)
            && let Some(balance) = serde_json::from_str::<Value>(&told).unwrap().get("balance")
        {
            let after = Currency::EUR.format(Amount(self.cash + self.bonus));
            assert_eq!(balance.as_str(), Some(after.as_str()), "{operation:?} {told}");
        }
    }

    fn expect(&mut self, intent: &Intent, day: i64, heard: &str) -> String {
        match intent {
            Intent::Deposit(_) if self.blocked => "command.refused".to_owned(),
            Intent::Deposit(amount) => {
                self.cash += amount;
                self.repay(*amount);
                "wallet.deposited".to_owned()
            }
            Intent::Bonus(0) => "wallet.adjusted".to_owned(),
            Intent::Bonus(amount) if self.bonus + amount < 0 => "command.refused".to_owned(),
            Intent::Bonus(amount) => {
                self.bonus += amount;
                "wallet.adjusted".to_owned()
            }
            Intent::Bet { bet, round, stake } => self.bet(bet, round, *stake, day, heard),
            Intent::Play { bet, stake, payout } => self.play(bet, *stake, *payout, day),
            Intent::Settle { round, delta } => self.settle(round, *delta),
            Intent::Win { bet, payout, version, .. } => self.win(bet, *payout, *version),
            Intent::Promo { bet, round, payout } => self.promo(bet, round, *payout),
            Intent::Rollback(bet) => self.roll_back(bet, day),
            Intent::EndRound(round) => {
                if self.ended.contains(round) {
                    return "AlreadyEnded".to_owned();
                }
                if !self.of_round(round, |s| s == State::Open).is_empty() {
                    return "RoundHasOpenBets".to_owned();
                }
                self.ended.insert(round.clone());
                "round.ended".to_owned()
            }
            Intent::Overdue(round) => {
                let open = self.of_round(round, |s| s == State::Open);
                if open.is_empty() {
                    return "NotLate".to_owned();
                }
                for (id, bet) in open {
                    self.bonus += bet.bonus;
                    self.cash += bet.stake - bet.bonus;
                    self.set(&id, State::Settled { payout: bet.stake, version: 1, void: true });
                }
                "round.overdue".to_owned()
            }
            Intent::Withdraw(..) if self.debt > 0 => "command.refused".to_owned(),
            Intent::Withdraw(_, amount) if *amount > self.cash => "command.refused".to_owned(),
            Intent::Withdraw(id, amount) => {
                self.cash -= amount;
                self.locked += amount;
                self.withdrawals.insert(id.clone(), (*amount, true));
                "withdrawal.authorised".to_owned()
            }
            Intent::EndWithdrawal(id, capture) => match self.withdrawals.get_mut(id) {
                None => "WithdrawalNotFound".to_owned(),
                Some((_, false)) => "WithdrawalEnded".to_owned(),
                Some((amount, open)) => {
                    *open = false;
                    let amount = *amount;
                    self.locked -= amount;
                    if *capture {
                        return "withdrawal.captured".to_owned();
                    }
                    self.cash += amount;
                    self.repay(amount);
                    "withdrawal.cancelled".to_owned()
                }
            },
            Intent::WagerLimit(value) => {
                // The raise of a limit waits a year here: it never comes.
                let lowers = self.wager_limit.is_none_or(|old| *value <= old);
                if lowers {
                    self.wager_limit = Some(*value);
                }
                "limit.set".to_owned()
            }
            Intent::Block => {
                self.blocked = true;
                "player.excluded".to_owned()
            }
            Intent::Readmit if !self.blocked => "NotBlocked".to_owned(),
            Intent::Readmit => {
                self.blocked = false;
                "player.readmitted".to_owned()
            }
        }
    }

    fn set(&mut self, bet: &str, state: State) {
        let bet = self.bets.get_mut(bet).unwrap();
        bet.state = state;
        if let State::Settled { payout, version, .. } = state {
            bet.results.truncate(usize::try_from(version).unwrap() - 1);
            bet.results.push(payout);
        }
    }

    fn repay(&mut self, gained: i64) {
        let due = self.debt.min(self.cash).min(gained.max(0));
        self.cash -= due;
        self.debt -= due;
    }

    /// Whether a stake is taken; and how much of it by bonus money.
    fn funded(&mut self, stake: i64, day: i64) -> Option<i64> {
        if self.wagered.0 != day {
            self.wagered = (day, 0);
        }
        let over = self.wager_limit.is_some_and(|limit| self.wagered.1 + stake > limit);
        let poor = stake > self.cash + self.bonus || (self.debt > 0 && stake > 0);
        if self.blocked || over || poor {
            return None;
        }
        self.wagered.1 += stake;
        let bonus = (stake - self.cash).max(0);
        self.cash -= stake - bonus;
        self.bonus -= bonus;
        Some(bonus)
    }

    fn bet(&mut self, id: &str, round: &str, stake: i64, day: i64, heard: &str) -> String {
        match self.bets.get(id).map(|bet| bet.state) {
            Some(State::Tombstone) => return "BetCancelled".to_owned(),
            // Only a stopped bet's id is used again here, and that of a paid win.
            None | Some(State::Paid(_)) => {}
            Some(_) => return heard.to_owned(),
        }
        let paid = match self.bets.get(id).map(|bet| bet.state) {
            Some(State::Paid(payout)) => Some(State::Settled { payout, version: 1, void: false }),
            _ => None,
        };
        let funded = if self.ended.contains(round) { None } else { self.funded(stake, day) };
        let state = match funded {
            Some(_) => paid.unwrap_or(State::Open),
            None => State::Refused,
        };
        let bet = Bet::new(round, stake, funded.unwrap_or(0), state);
        self.bets.insert(id.to_owned(), bet);
        self.placed_on.insert(id.to_owned(), day);
        if funded.is_some() { "bet.placed".to_owned() } else { "bet.refused".to_owned() }
    }

    fn play(&mut self, id: &str, stake: i64, payout: i64, day: i64) -> String {
        let Some(bonus) = self.funded(stake, day) else {
            let bet = Bet::new(id, stake, 0, State::Refused);
            self.bets.insert(id.to_owned(), bet);
            return "bet.refused".to_owned();
        };
        let state = State::Settled { payout, version: 1, void: false };
        let bet = Bet::new(id, stake, bonus, state);
        let share = bet.share(payout);
        self.cash += payout - share;
        self.bonus += share;
        self.repay(payout - share);
        self.bets.insert(id.to_owned(), bet);
        "round.played".to_owned()
    }

    fn settle(&mut self, round: &str, delta: i64) -> String {
        let open = self.of_round(round, |s| s == State::Open);
        let again = open.is_empty();
        let bets =
            if again { self.of_round(round, |s| matches!(s, State::Settled { .. })) } else { open };
        if bets.is_empty() {
            let gone = |s| matches!(s, State::RolledBack | State::Tombstone | State::Refused);
            let known = !self.of_round(round, gone).is_empty();
            return if known { "BetAlreadyRolledBack" } else { "BetNotFound" }.to_owned();
        }
        let stakes: i64 = bets.iter().map(|(_, bet)| bet.stake).sum();
        let total = stakes + delta;
        if total < 0 {
            return "NegativePayout".to_owned();
        }
        let mut left = total;
        let mut results = Vec::new();
        for (at, (id, bet)) in bets.iter().enumerate() {
            let payout = match () {
                () if at + 1 == bets.len() => left,
                () if stakes == 0 => 0,
                () => total * bet.stake / stakes,
            };
            left -= payout;
            results.push((id.clone(), bet.clone(), payout));
        }
        self.results(results);
        if again { "bet.amended".to_owned() } else { "bet.settled".to_owned() }
    }

    /// Posts new results, then takes old ones back, then repays what is owed.
    fn results(&mut self, results: Vec<(String, Bet, i64)>) {
        let mut gained = 0;
        for (id, bet, payout) in &results {
            let share = bet.share(*payout);
            self.cash += payout - share;
            self.bonus += share;
            gained += payout - share;
            let version = match bet.state {
                State::Settled { version, .. } => version + 1,
                _ => 1,
            };
            self.set(id, State::Settled { payout: *payout, version, void: false });
        }
        for (_, bet, _) in &results {
            if let State::Settled { payout: old, .. } = bet.state {
                let share = bet.share(old);
                gained -= old - share;
                let from_bonus = share.min(self.bonus);
                self.bonus -= from_bonus;
                let rest = old - from_bonus;
                let from_cash = rest.min(self.cash);
                self.cash -= from_cash;
                self.debt += rest - from_cash;
            }
        }
        self.repay(gained);
    }

    fn win(&mut self, id: &str, payout: i64, said: Option<u32>) -> String {
        let bet = self.bets[id].clone();
        match (bet.state, said) {
            (State::Open, Some(2..)) => "VersionGap".to_owned(),
            (State::Open, _) => {
                self.results(vec![(id.to_owned(), bet, payout)]);
                "bet.settled".to_owned()
            }
            (State::Settled { version, .. }, Some(said)) if said <= version => {
                let then = bet.results[usize::try_from(said).unwrap() - 1];
                match (then == payout, said) {
                    (false, _) => "IdempotencyMismatch",
                    (true, 1) if bet.round == id => "round.played",
                    (true, 1) => "bet.settled",
                    (true, _) => "bet.amended",
                }
                .to_owned()
            }
            (State::Settled { version, .. }, Some(said)) if said > version + 1 => {
                "VersionGap".to_owned()
            }
            (State::Settled { void: false, .. }, None) => "BetAlreadySettled".to_owned(),
            (State::Settled { .. }, _) => {
                self.results(vec![(id.to_owned(), bet, payout)]);
                "bet.amended".to_owned()
            }
            (State::Refused | State::Paid(_), _) => "BetNotFound".to_owned(),
            (State::RolledBack | State::Tombstone, _) => "BetAlreadyRolledBack".to_owned(),
        }
    }

    /// A win that promotions pay when the bet is not known: once.
    fn promo(&mut self, id: &str, round: &str, payout: i64) -> String {
        match self.bets.get(id).map(|bet| bet.state) {
            None => {
                self.cash += payout;
                self.repay(payout);
                self.bets.insert(id.to_owned(), Bet::new(round, 0, 0, State::Paid(payout)));
                "win.unmatched".to_owned()
            }
            Some(State::Paid(paid)) if paid == payout => "win.unmatched".to_owned(),
            Some(State::Paid(_)) => "BetAlreadySettled".to_owned(),
            Some(_) => self.win(id, payout, None),
        }
    }

    fn roll_back(&mut self, id: &str, day: i64) -> String {
        match self.bets.get(id).cloned() {
            None => {
                let bet = Bet::new("", 0, 0, State::Tombstone);
                self.bets.insert(id.to_owned(), bet);
                "bet.tombstoned".to_owned()
            }
            Some(Bet { state: State::Open, stake, bonus, .. }) => {
                self.cash += stake - bonus;
                self.bonus += bonus;
                // It counts for the limit of its own day only.
                if self.wagered.0 != day {
                    self.wagered = (day, 0);
                }
                if self.placed_on.get(id) == Some(&day) {
                    self.wagered.1 -= stake;
                }
                self.set(id, State::RolledBack);
                "bet.rolled_back".to_owned()
            }
            Some(Bet { state: State::Settled { .. } | State::Paid(_), .. }) => {
                "BetAlreadySettled".to_owned()
            }
            Some(_) => "AlreadyRolledBack".to_owned(),
        }
    }
}

fn command(intent: &Intent) -> Command {
    let provider = ProviderId::parse("acme").unwrap();
    let currency = Currency::EUR;
    let terms = Terms::default();
    let lenient = Terms { unmatched_win: UnmatchedWin::Promo, ..terms };
    let round_id = |round: &str| RoundId::parse(round).unwrap();
    let reference = |bet: &str, round: &str| BetRef {
        provider: ProviderId::parse("acme").unwrap(),
        bet: BetId::parse(bet).unwrap(),
        round: round_id(round),
        game: GameId::parse("wheel").unwrap(),
    };
    match intent {
        Intent::Deposit(amount) => Command::Deposit { amount: Amount(*amount), currency },
        Intent::Bonus(amount) => Command::Adjust {
            account: Account::Bonus,
            amount: Amount(*amount),
            currency,
            reason: "sim".into(),
            author: "sim".into(),
        },
        Intent::Bet { bet, round, stake } => Command::PlaceBet {
            bet: reference(bet, round),
            stake: Amount(*stake),
            currency,
            at: None,
            free: None,
            feature: false,
            terms: lenient,
        },
        Intent::Settle { round, delta } => Command::SettleRound {
            provider,
            round: round_id(round),
            delta: Amount(*delta),
            gross: false,
            currency,
            version: None,
            terms,
        },
        Intent::Win { bet, round, payout, version } => Command::SettleBets {
            provider,
            round: round_id(round),
            game: None,
            bets: vec![BetResult {
                bet: BetId::parse(bet).unwrap(),
                stake: None,
                payout: Amount(*payout),
                outcome: (*payout > 0).then_some(Outcome::Win),
                version: *version,
            }],
            currency: Some(currency),
            at: None,
            terms,
        },
        Intent::Promo { bet, round, payout } => Command::SettleBets {
            provider,
            round: round_id(round),
            game: None,
            bets: vec![BetResult {
                bet: BetId::parse(bet).unwrap(),
                stake: None,
                payout: Amount(*payout),
                outcome: None,
                version: None,
            }],
            currency: Some(currency),
            at: None,
            terms: lenient,
        },
        Intent::Rollback(bet) => {
            Command::Rollback { provider, bet: BetId::parse(bet).unwrap(), round: None }
        }
        Intent::Play { bet, stake, payout } => Command::Play {
            bet: reference(bet, bet),
            stake: Amount(*stake),
            payout: Amount(*payout),
            currency,
            at: None,
            feature: false,
            terms,
        },
        Intent::EndRound(round) => Command::EndRound { provider, round: round_id(round) },
        Intent::Overdue(round) => Command::MarkOverdue {
            provider,
            round: round_id(round),
            before: UnixMs(i64::MAX),
            void: true,
        },
        Intent::Withdraw(id, amount) => Command::AuthoriseWithdrawal {
            id: WithdrawalId::parse(id).unwrap(),
            amount: Amount(*amount),
            currency,
        },
        Intent::EndWithdrawal(id, capture) => Command::EndWithdrawal {
            id: WithdrawalId::parse(id).unwrap(),
            end: if *capture { WithdrawalEnd::Captured } else { WithdrawalEnd::Cancelled },
            reason: "sim".into(),
        },
        Intent::WagerLimit(value) => Command::SetLimit {
            kind: LimitKind::Wager,
            period: Period::Day,
            currency: Some(currency),
            value: Some(*value),
            raise_wait_ms: 366 * DAY_MS * 100,
            author: "sim".into(),
        },
        Intent::Block => Command::Exclude {
            kind: ExclusionKind::Blocked,
            until: None,
            reason: "sim".into(),
            author: "sim".into(),
            provider: None,
        },
        Intent::Readmit => Command::Readmit { reason: "sim".into(), author: "sim".into() },
    }
}
