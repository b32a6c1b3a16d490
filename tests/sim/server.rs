//! The server of the simulation: the real cells, stage and filter, and the real shell's way of
//! dealing with failed commits (src/actors/{committer,recovery}.rs), without threads.

use palio::storage::memory::Memory;
use palio::storage::{AppendError, Snapshot};
use palio_domain::ids::SLOTS;
use palio_domain::journal::{Head, KeyFilter, Keys, Stage};
use palio_domain::wallet::{Answer, Cell, Found, Prepared};
use palio_domain::{Aggregate, PlayerId, Slot, UnixMs};
use rand::Rng as _;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Where an answer appears once it may be told.
pub(crate) type Told = Arc<Mutex<Option<Answer>>>;

/// Ways to break the server on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sabotage {
    None,
    AnswersBeforeCommit,
    ForgetsKeys,
    IgnoresTail,
}

pub(crate) struct Server {
    owner: String,
    keys: Keys,
    sabotage: Sabotage,
    stage: Stage,
    filter: KeyFilter,
    /// The keys that the journal held at the start, and how many commands come before they are
    /// read.
    unread: Option<(u64, KeyFilter)>,
    committed: Vec<u64>,
    cells: BTreeMap<PlayerId, Cell>,
    snapshots: BTreeMap<PlayerId, (u64, Vec<u8>)>,
    pending: Vec<(Prepared, PlayerId, UnixMs, Answer, Told)>,
}

fn slots() -> Vec<Slot> {
    Slot::all().collect()
}

impl Server {
    pub(crate) fn start(memory: &Memory, owner: &str, keys: Keys, sabotage: Sabotage) -> Self {
        let mut server = Self {
            owner: owner.to_owned(),
            keys,
            sabotage,
            stage: Stage::default(),
            filter: KeyFilter::partial(),
            unread: None,
            committed: vec![0; usize::from(SLOTS)],
            cells: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            pending: Vec::new(),
        };
        let heads = server.take_slots(memory);
        let mut read = KeyFilter::default();
        if sabotage == Sabotage::ForgetsKeys {
            server.filter = read;
        } else {
            memory.keys_sync(&slots(), &mut |key| read.insert(key));
            // From at once to never, and another time at each start.
            let commands = heads.iter().map(|head| head.epoch + head.next_seq).sum::<u64>() % 60;
            server.unread = Some((commands, read));
            server.read_keys();
        }
        server
    }

    fn read_keys(&mut self) {
        match self.unread.take() {
            Some((0, read)) => self.filter.complete(read),
            Some((commands, read)) => self.unread = Some((commands - 1, read)),
            None => {}
        }
    }

    fn take_slots(&mut self, memory: &Memory) -> Vec<Head> {
        let heads = memory.acquire_sync(&self.owner, &slots());
        for head in &heads {
            self.committed[head.slot.index()] = head.next_seq - 1;
        }
        self.stage = Stage::new(heads.iter().copied());
        self.cells.clear();
        heads
    }

    fn load(&mut self, memory: &Memory, player: PlayerId) {
        if self.cells.contains_key(&player) {
            return;
        }
        let slot = Aggregate::Player(player).slot(super::TENANT);
        let saved = self.snapshots.get(&player);
        let snapshot = saved.map(|(_, state)| serde_json::from_slice(state).unwrap());
        let from = saved.map_or(1, |(seq, _)| seq + 1);
        let tail = memory.read_sync(slot, from, u32::MAX).into_iter().map(|stored| stored.row);
        let tail = tail.filter(|row| row.aggregate == Aggregate::Player(player)).map(Arc::new);
        let tail: Vec<_> =
            if self.sabotage == Sabotage::IgnoresTail { Vec::new() } else { tail.collect() };
        let cell = Cell::load(super::TENANT, player, snapshot, tail).unwrap();
        self.cells.insert(player, cell);
    }

    pub(crate) fn ask(&mut self, memory: &Memory, asked: &Prepared, now: UnixMs, told: &Told) {
        // Any player's commands name him in the key: the simulation's keys are k<player>-<n>.
        let player: u64 =
            asked.id.trim_start_matches('k').split('-').next().unwrap().parse().unwrap();
        let player = PlayerId(player);
        self.load(memory, player);
        self.read_keys();
        let cell = self.cells.get_mut(&player).unwrap();
        let mut found = Found::default();
        loop {
            let needs = cell.needs(asked, &found, &self.filter, &self.keys);
            if needs.is_empty() {
                break;
            }
            let rows = memory.find_sync(&needs.requests, &needs.claims);
            let round = needs.round.as_ref().map(|(_, round)| {
                let slot = Aggregate::Player(player).slot(super::TENANT);
                let rows = memory.read_sync(slot, 1, u32::MAX).into_iter().map(|stored| stored.row);
                rows.filter(|row| {
                    row.aggregate == Aggregate::Player(player) && row.round.as_ref() == Some(round)
                })
                .map(Arc::new)
                .collect()
            });
            found.add(&needs, rows.into_iter().map(Arc::new).collect(), round);
        }
        let committed = self.committed[cell.slot().index()];
        let before = self.stage.len();
        let answer =
            cell.execute(asked, &found, now, committed, &self.keys, &mut self.stage).unwrap();
        if self.sabotage != Sabotage::ForgetsKeys {
            for row in self.stage.since(before) {
                row.request.iter().for_each(|request| self.filter.insert(&request.key));
                row.claim.iter().for_each(|claim| self.filter.insert(claim));
            }
        }
        let staged = cell.is_staged(committed);
        if !staged || self.sabotage == Sabotage::AnswersBeforeCommit {
            *told.lock().unwrap() = Some(answer);
        } else {
            self.pending.push((asked.clone(), player, now, answer, Arc::clone(told)));
        }
    }

    pub(crate) fn commit(&mut self, memory: &Memory) {
        for _ in 0..20 {
            let pending = std::mem::take(&mut self.pending);
            let tell = |pending: Vec<(Prepared, PlayerId, UnixMs, Answer, Told)>| {
                for (_, _, _, answer, told) in pending {
                    *told.lock().unwrap() = Some(answer);
                }
            };
            let Some(batch) = self.stage.seal() else { return tell(pending) };
            match memory.append_sync(&self.owner, &batch) {
                Ok(()) => {
                    for moved in &batch.moves {
                        self.committed[moved.slot.index()] = moved.next_seq - 1;
                    }
                    return tell(pending);
                }
                Err(AppendError::Fenced) => panic!("fenced without a rival"),
                Err(AppendError::Clash) => {
                    assert_eq!(self.sabotage, Sabotage::None, "a clash");
                    panic!("a key clashed although the filter knows all keys");
                }
                Err(AppendError::NotWritten(_) | AppendError::Unknown(_)) => {
                    // Epoch first, then the head: the truth.
                    let heads = self.take_slots(memory);
                    let first = batch.moves.first().unwrap();
                    let written = heads
                        .iter()
                        .any(|head| head.slot == first.slot && head.chain == first.chain);
                    if written {
                        return tell(pending);
                    }
                    for (asked, _, now, _, told) in pending {
                        self.ask(memory, &asked, now, &told);
                    }
                }
            }
        }
        panic!("twenty failures in a row");
    }

    /// Whatever this server still wants to write must not be written.
    pub(crate) fn must_be_fenced(&mut self, memory: &Memory) {
        if let Some(batch) = self.stage.seal() {
            let before = memory.heads_sync();
            let result = memory.append_sync(&self.owner, &batch);
            assert!(result.is_err(), "a server that lost its slots could write");
            let count = |heads: Vec<Head>| heads.iter().map(|head| head.next_seq).sum::<u64>();
            assert_eq!(count(before), count(memory.heads_sync()), "something was written");
        }
    }

    /// Saves some clean wallets, as the registry does.
    pub(crate) fn save_some(&mut self, memory: &Memory, rng: &mut StdRng) {
        for (player, cell) in &mut self.cells {
            let committed = self.committed[cell.slot().index()];
            if rng.random_bool(0.5) && !cell.is_staged(committed) && cell.first_unsaved().is_some()
            {
                let (seq, state) = (cell.wallet().seq, serde_json::to_vec(cell.wallet()).unwrap());
                let aggregate = Aggregate::Player(*player);
                let snapshot =
                    Snapshot { tenant: super::TENANT, aggregate, seq, state: state.clone() };
                memory.save_sync(&[snapshot], &[]);
                self.snapshots.insert(*player, (seq, state));
                cell.saved(seq);
            }
        }
    }

    /// Puts saved wallets away; they wake from snapshot and tail.
    pub(crate) fn sleep_some(&mut self, rng: &mut StdRng) {
        let committed = &self.committed;
        self.cells.retain(|_, cell| {
            cell.is_staged(committed[cell.slot().index()]) || rng.random_bool(0.3)
        });
    }
}
