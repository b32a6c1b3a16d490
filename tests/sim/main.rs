//! A seeded simulation over the pure core and the in-memory store: failed commits, lost answers,
//! two servers fighting for the slots, crashes, sleeping wallets, clock jumps. The invariants
//! are checked after every step, against a model that shares no code with the wallet.
//!
//! `PALIO_SIM_RUNS=20000 cargo test --release --test sim` runs more schedules;
//! `PALIO_SIM_SEED=7 cargo test --test sim` replays one. A failure prints its seed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests may panic, and print what they did"
)]

mod model;
mod server;

use model::{Model, Operation};
use palio::storage::memory::{Fault, Memory};
use palio_domain::UnixMs;
use palio_domain::journal::head::CHAIN_START;
use palio_domain::journal::{Key16, Keys, Row, RowKind};
use palio_domain::wallet::{Answer, Event, Prepared, Wallet};
use palio_domain::{Aggregate, PlayerId, Slot, TenantId};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use server::{Sabotage, Server, Told};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

const TENANT: TenantId = TenantId(1);
const PLAYERS: u64 = 6;

/// What happened over all runs, so that one sees that the faults really occur.
#[derive(Debug, Default)]
struct Tally {
    commands: u64,
    commits: u64,
    faults: BTreeMap<String, u64>,
    answers: BTreeMap<String, u64>,
}

/// A player's side: one operation under way, and everything that was answered.
struct Client {
    player: PlayerId,
    model: Model,
    under_way: Option<(Operation, Told)>,
    done: Vec<(Operation, Answer)>,
}

struct World {
    rng: StdRng,
    memory: Memory,
    keys: Keys,
    server: Server,
    clients: Vec<Client>,
    now: i64,
    faulty: Arc<Mutex<StdRng>>,
    sabotage: Sabotage,
    generation: u32,
    seen: BTreeMap<Slot, Seen>,
    requests: BTreeSet<Key16>,
    claims: BTreeSet<Key16>,
    wallets: BTreeMap<PlayerId, Wallet>,
    touched: BTreeSet<PlayerId>,
}

fn name(answer: &Answer) -> String {
    match answer {
        Answer::Done(row) => row.kind.name().to_owned(),
        Answer::Replay(row) => format!("replay {}", row.kind.name()),
        Answer::Refused(refusal) => format!("{refusal:?}"),
        Answer::Noop(noop) => format!("{noop:?}"),
    }
}

impl World {
    fn new(seed: u64, sabotage: Sabotage, tally: &Arc<Mutex<Tally>>) -> Self {
        let memory = Memory::new();
        let keys = Keys::new([9; 32]);
        let faulty = Arc::new(Mutex::new(StdRng::seed_from_u64(seed ^ 0xfau64)));
        let (rng, counts) = (Arc::clone(&faulty), Arc::clone(tally));
        memory.set_faults(move |_| {
            let fault = match rng.lock().unwrap().random_range(0..100) {
                0..4 => Fault::Refused,
                4..8 => Fault::AnswerLost,
                8..12 => Fault::RequestLost,
                12..15 => Fault::Late,
                _ => Fault::None,
            };
            let mut counts = counts.lock().unwrap();
            counts.commits += 1;
            *counts.faults.entry(format!("{fault:?}")).or_default() += 1;
            fault
        });
        let server = Server::start(&memory, "server-0", keys.clone(), sabotage);
        let client = |n| Client {
            player: PlayerId(n * 7919 + 1),
            model: Model::default(),
            under_way: None,
            done: Vec::new(),
        };
        Self {
            rng: StdRng::seed_from_u64(seed),
            memory,
            keys,
            server,
            clients: (0..PLAYERS).map(client).collect(),
            now: 1_000_000,
            faulty,
            sabotage,
            generation: 0,
            seen: BTreeMap::new(),
            requests: BTreeSet::new(),
            claims: BTreeSet::new(),
            wallets: BTreeMap::new(),
            touched: BTreeSet::new(),
        }
    }

    fn step(&mut self, tally: &Mutex<Tally>) {
        match self.rng.random_range(0..100) {
            0..62 => self.send(tally),
            62..88 => self.server.commit(&self.memory),
            88..90 => self.now += self.rng.random_range(-5_000..20_000),
            90 => self.now += self.rng.random_range(-40_000_000..80_000_000),
            91..95 => self.server.save_some(&self.memory, &mut self.rng),
            95..97 => self.restart(tally, "crash"),
            97..98 => self.take_over(tally),
            _ => self.server.sleep_some(&mut self.rng),
        }
        self.hear(tally);
    }

    /// A client's next operation, a retry of the one under way, or an old one again.
    fn send(&mut self, tally: &Mutex<Tally>) {
        let at = self.rng.random_range(0..self.clients.len());
        let now = UnixMs(self.now);
        let client = &mut self.clients[at];
        let again = self.rng.random_bool(0.15) && !client.done.is_empty();
        let operation = match &client.under_way {
            Some((operation, _)) if !again => operation.clone(),
            _ if again => {
                let old = self.rng.random_range(0..client.done.len());
                let (operation, first) = client.done[old].clone();
                if matches!(first, Answer::Refused(_) | Answer::Noop(_)) {
                    // Nothing was kept, so it is decided anew: like a new operation.
                    if client.under_way.is_none() {
                        let told = Told::default();
                        client.under_way = Some((operation.clone(), Arc::clone(&told)));
                        let asked = prepare(&self.keys, client.player, &operation);
                        self.server.ask(&self.memory, &asked, now, &told);
                    }
                    return;
                }
                let told = Told::default();
                self.server.ask(
                    &self.memory,
                    &prepare(&self.keys, client.player, &operation),
                    now,
                    &told,
                );
                // An answer is only an answer once it is committed.
                self.server.commit(&self.memory);
                let heard = told.lock().unwrap().clone();
                if let Some(heard) = heard {
                    same_for_ever(&operation, &first, &heard);
                    *tally.lock().unwrap().answers.entry(name(&heard)).or_default() += 1;
                }
                return;
            }
            _ => client.model.next(client.player.0, &mut self.rng),
        };
        let told = match client.under_way.take() {
            Some((_, told)) => told,
            None => Told::default(),
        };
        client.under_way = Some((operation.clone(), Arc::clone(&told)));
        tally.lock().unwrap().commands += 1;
        let prepared = prepare(&self.keys, client.player, &operation);
        self.server.ask(&self.memory, &prepared, now, &told);
    }

    /// Clients take in what they were told.
    fn hear(&mut self, tally: &Mutex<Tally>) {
        for client in &mut self.clients {
            let Some((operation, told)) = client.under_way.take() else { continue };
            let answer = told.lock().unwrap().clone();
            match answer {
                None => client.under_way = Some((operation, told)),
                Some(answer) => {
                    // Told means committed: the row must be in the store now.
                    if let Answer::Done(row) | Answer::Replay(row) = &answer {
                        let stored = self.memory.read_sync(row.slot, row.seq, 1);
                        assert!(
                            stored.first().is_some_and(|stored| stored.row == **row),
                            "acknowledged and not in the journal: {operation:?}"
                        );
                    }
                    let at = match &answer {
                        Answer::Done(row) | Answer::Replay(row) => Some(row.time),
                        Answer::Refused(_) | Answer::Noop(_) => None,
                    };
                    client.model.answered(&operation, &answer, at);
                    *tally.lock().unwrap().answers.entry(name(&answer)).or_default() += 1;
                    client.done.retain(|(old, _)| old.key != operation.key);
                    client.done.push((operation, answer));
                }
            }
        }
    }

    fn restart(&mut self, tally: &Mutex<Tally>, why: &str) {
        self.generation += 1;
        *tally.lock().unwrap().faults.entry(why.to_owned()).or_default() += 1;
        let owner = format!("server-{}", self.generation);
        self.server = Server::start(&self.memory, &owner, self.keys.clone(), self.sabotage);
        for client in &mut self.clients {
            if let Some((_, told)) = &mut client.under_way {
                // Whatever the dead server was about to say is lost.
                if told.lock().unwrap().is_none() {
                    *told = Told::default();
                }
            }
        }
    }

    /// A second server takes the slots while the first still has rows to commit.
    fn take_over(&mut self, tally: &Mutex<Tally>) {
        let owner = format!("rival-{}", self.generation);
        let fresh = Server::start(&self.memory, &owner, self.keys.clone(), self.sabotage);
        let mut old = std::mem::replace(&mut self.server, fresh);
        old.must_be_fenced(&self.memory);
        self.restart(tally, "take-over");
    }

    /// Ends all that is under way, without faults.
    fn finish(&mut self, tally: &Mutex<Tally>) {
        self.memory.clear_faults();
        self.restart(tally, "last restart");
        for _ in 0..3 {
            for client in &self.clients {
                if let Some((operation, told)) = &client.under_way {
                    let prepared = prepare(&self.keys, client.player, operation);
                    self.server.ask(&self.memory, &prepared, UnixMs(self.now), told);
                }
            }
            self.server.commit(&self.memory);
            self.hear(tally);
        }
        assert!(self.clients.iter().all(|client| client.under_way.is_none()));
        let wallets = self.check().clone();
        for client in &self.clients {
            let wallet = wallets.get(&client.player).cloned().unwrap_or_default();
            let Model { cash, bonus, locked, debt, .. } = client.model;
            let there = wallet.balance(palio_domain::Currency::EUR);
            assert_eq!(
                (there.cash.0, there.bonus.0, there.held.0, there.locked.0, there.debt.0),
                (cash, bonus, client.model.held(), locked, debt),
                "the model and the journal disagree on {:?}",
                client.player
            );
        }
        drop(self.faulty.lock().unwrap());
    }

    /// The invariants of the journal itself, of every row since the last check; returns the
    /// wallets folded from it.
    fn check(&mut self) -> &BTreeMap<PlayerId, Wallet> {
        for head in self.memory.heads_sync() {
            let seen = self.seen.entry(head.slot).or_insert_with(Seen::new);
            if seen.seq + 1 == head.next_seq {
                assert_eq!(seen.chain, head.chain, "the head");
                continue;
            }
            for stored in self.memory.read_sync(head.slot, seen.seq + 1, u32::MAX) {
                let row = stored.row;
                assert_eq!(row.seq, seen.seq + 1, "gapless");
                assert!(row.epoch >= seen.epoch && row.time >= seen.time, "epoch, time");
                (seen.seq, seen.epoch, seen.time) = (row.seq, row.epoch, row.time);
                if let Some(request) = &row.request {
                    assert!(self.requests.insert(request.key), "a request key stands twice");
                }
                if let Some(claim) = row.claim {
                    assert!(self.claims.insert(claim), "a claim stands twice");
                }
                let Aggregate::Player(player) = row.aggregate else { continue };
                let event = Event::from_row(&row).unwrap();
                assert_eq!(event.leg(), row.leg, "the transfer is the event's");
                let wallet = self.wallets.entry(player).or_default();
                wallet.apply(row.seq, row.time, &event).unwrap();
                let after = event.balance_currency().map(|c| wallet.balance(c).available());
                assert_eq!(after, row.balance_after, "balance_after");
                seen.unlinked.push(row);
                if let Some(link) = stored.chain {
                    let mut scratch = Vec::new();
                    seen.chain = palio_domain::journal::head::link(
                        &seen.chain,
                        &seen.unlinked,
                        &mut scratch,
                    );
                    assert_eq!(seen.chain, link, "the chain");
                    seen.unlinked.clear();
                    self.touched.insert(player);
                }
            }
            assert_eq!((seen.seq + 1, seen.chain), (head.next_seq, head.chain), "the head");
        }
        for player in std::mem::take(&mut self.touched) {
            let Some(wallet) = self.wallets.get(&player) else { continue };
            for (currency, accounts) in &wallet.accounts {
                let open = wallet.open.values().flat_map(BTreeMap::values);
                let held: i64 =
                    open.filter(|b| b.currency == *currency).map(|b| b.stake.held().0).sum();
                assert!(accounts.available().0 >= 0 && accounts.debt.0 >= 0, "never below zero");
                assert_eq!(accounts.held.0, held, "held = open stakes");
                let locked: i64 = wallet.withdrawals.values().map(|w| w.amount.0).sum();
                assert_eq!(accounts.locked.0, locked, "locked = withdrawals under way");
            }
        }
        &self.wallets
    }
}

/// What the checks have read of a slot.
struct Seen {
    chain: palio_domain::journal::Chain,
    unlinked: Vec<Row>,
    seq: u64,
    epoch: u64,
    time: UnixMs,
}

impl Seen {
    fn new() -> Self {
        let time = UnixMs(i64::MIN);
        Self { chain: CHAIN_START, unlinked: Vec::new(), seq: 0, epoch: 0, time }
    }
}

fn prepare(keys: &Keys, player: PlayerId, operation: &Operation) -> Prepared {
    Prepared::new(keys, TENANT, player, &operation.key, operation.command.clone(), None)
}

/// The same key has the same answer for ever; what was not kept may be decided again.
fn same_for_ever(operation: &Operation, first: &Answer, again: &Answer) {
    match (first, again) {
        (Answer::Done(row) | Answer::Replay(row), Answer::Replay(same)) => {
            assert_eq!(row, same, "{operation:?}");
        }
        (Answer::Done(row) | Answer::Replay(row), other) => {
            panic!("{operation:?} was {} and is now {}", row.kind.name(), name(other));
        }
        (Answer::Refused(_) | Answer::Noop(_), Answer::Done(row)) => {
            // Only a result that came before its bet may go through later.
            assert_ne!(row.kind, RowKind::BetPlaced, "{operation:?} was refused");
        }
        (Answer::Refused(_) | Answer::Noop(_), _) => {}
    }
}

fn run(seed: u64, steps: u32, sabotage: Sabotage, tally: &Arc<Mutex<Tally>>) {
    let mut world = World::new(seed, sabotage, tally);
    for _ in 0..steps {
        world.step(tally);
        world.check();
    }
    world.finish(tally);
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn money_survives_every_schedule() {
    let steps = u32::try_from(number("PALIO_SIM_STEPS", 300)).unwrap();
    let tally = Arc::new(Mutex::new(Tally::default()));
    let seeds: Box<dyn Iterator<Item = u64>> = match std::env::var("PALIO_SIM_SEED") {
        Ok(seed) => Box::new(std::iter::once(seed.parse().unwrap())),
        Err(_) => Box::new(0..number("PALIO_SIM_RUNS", 150)),
    };
    let mut runs = 0;
    for seed in seeds {
        let result = std::panic::catch_unwind(|| run(seed, steps, Sabotage::None, &tally));
        assert!(result.is_ok(), "PALIO_SIM_SEED={seed} cargo test --test sim replays this");
        runs += 1;
    }
    let tally = tally.lock().unwrap();
    println!("{runs} schedules of {steps} steps: {tally:#?}");
    if runs >= 100 {
        for fault in ["Refused", "AnswerLost", "RequestLost", "Late", "crash", "take-over"] {
            assert!(tally.faults.contains_key(fault), "{fault} never happened");
        }
        for answer in [
            "bet.placed",
            "bet.refused",
            "bet.settled",
            "bet.rolled_back",
            "bet.tombstoned",
            "round.played",
            "win.unmatched",
            "replay win.unmatched",
            "replay bet.placed",
            "replay bet.refused",
            "AlreadyRolledBack",
            "BetCancelled",
            "BetAlreadySettled",
            "bet.amended",
            "replay bet.amended",
            "withdrawal.captured",
            "withdrawal.cancelled",
            "command.refused",
            "round.overdue",
            "round.ended",
            "limit.set",
            "player.excluded",
            "VersionGap",
            "IdempotencyMismatch",
            "NegativePayout",
        ] {
            assert!(tally.answers.contains_key(answer), "{answer} was never answered");
        }
    }
}

/// A check that can't fail is worth nothing: broken servers must be found out.
#[test]
fn broken_servers_are_found_out() {
    for sabotage in [Sabotage::AnswersBeforeCommit, Sabotage::ForgetsKeys, Sabotage::IgnoresTail] {
        let found = (0..60).any(|seed| {
            let tally = Arc::new(Mutex::new(Tally::default()));
            std::panic::catch_unwind(|| run(seed, 300, sabotage, &tally)).is_err()
        });
        assert!(found, "{sabotage:?} was not noticed");
    }
    let slots = Slot::all().count();
    assert_eq!(slots, 256);
}
