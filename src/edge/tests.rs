//! A seeded model: cores that start and die, a store that forgets, fails over, refuses, loses
//! answers and delivers late, edges that join and leave, clients that wander between them.
//!
//! Whatever happens: every board that an edge shows is one that a core has published; within an
//! epoch `seq` never goes back, and an epoch that was left never comes back, neither on an edge
//! nor to a client; and when things are quiet, everybody has the newest board.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use super::copy::{Copy, Took};
use super::entry::{At, Entry};
use super::pen::Pen;
use super::pulse::{Heart, Pulse};
use super::store::{Appended, Beat, List, Store, StoreError};
use super::writer::Writer;
use crate::actors::board::{BoardRow, BoardView, Status};
use crate::ws::published::Published;
use crate::ws::ring::Since;
use async_trait::async_trait;
use futures_util::FutureExt as _;
use palio_domain::{PlayerId, TenantId, TournamentId, UnixMs};
use palio_protocol::live::{Board, Digest, binary};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// Entries that a stream keeps.
const KEEP: u64 = 24;
const RING: usize = 8;

#[derive(Clone, Default)]
struct Disk {
    stream: Vec<(At, Entry)>,
    at: Option<At>,
    beat: Option<Beat>,
}

impl Disk {
    fn append(&mut self, entries: &[(At, Entry)], keep: u64) -> Appended {
        let top = self.stream.last().map_or(At::START, |(at, _)| *at);
        if entries[0].0 <= top {
            return Appended::Refused;
        }
        self.stream.extend(entries.iter().cloned());
        let surplus = self.stream.len().saturating_sub(usize::try_from(keep).unwrap());
        self.stream.drain(..surplus);
        Appended::After(self.at.replace(entries.last().unwrap().0))
    }
}

struct Model {
    disk: Disk,
    /// What a failover brings back.
    replica: Disk,
    late: Vec<(Vec<(At, Entry)>, u64)>,
    is_up: bool,
    random: StdRng,
    /// Of ten appends, so many end in an error, carried out or not, or carried out later.
    faults: u32,
}

struct Shaky(Mutex<Model>);

fn gone() -> StoreError {
    StoreError("gone".into())
}

impl Shaky {
    fn up<T>(&self, call: impl FnOnce(&mut Model) -> T) -> Result<T, StoreError> {
        let mut model = self.0.lock().unwrap();
        if model.is_up { Ok(call(&mut model)) } else { Err(gone()) }
    }
}

#[async_trait]
impl Store for Shaky {
    async fn append(
        &self,
        _: &TournamentId,
        entries: &[(At, Entry)],
        keep: u64,
    ) -> Result<Appended, StoreError> {
        self.up(|model| {
            if model.random.random_range(0..10) >= model.faults {
                return Ok(model.disk.append(entries, keep));
            }
            match model.random.random_range(0..3) {
                0 => drop(model.disk.append(entries, keep)),
                1 => model.late.push((entries.to_vec(), keep)),
                _ => {}
            }
            Err(gone())
        })?
    }

    async fn last(&self, _: &TournamentId) -> Result<Option<At>, StoreError> {
        self.up(|model| model.disk.at)
    }

    async fn top(&self, _: &TournamentId) -> Result<Option<At>, StoreError> {
        self.up(|model| model.disk.stream.last().map(|(at, _)| *at))
    }

    async fn read(
        &self,
        _: &TournamentId,
        after: At,
        limit: usize,
    ) -> Result<Vec<(At, Entry)>, StoreError> {
        self.up(|model| {
            let later = model.disk.stream.iter().filter(|(at, _)| *at > after);
            later.take(limit).cloned().collect()
        })
    }

    async fn beat(&self) -> Result<Option<Beat>, StoreError> {
        self.up(|model| model.disk.beat.clone())
    }

    async fn give_beat(&self, beat: &Beat) -> Result<(), StoreError> {
        self.up(|model| model.disk.beat = Some(beat.clone()))
    }

    async fn wake(&self, _: &[TournamentId]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn woken(&self, _: &mut String) -> Result<Vec<TournamentId>, StoreError> {
        Ok(Vec::new())
    }

    async fn list(&self) -> Result<Option<List>, StoreError> {
        Ok(None)
    }

    async fn put_list(&self, _: &List) -> Result<(), StoreError> {
        Ok(())
    }

    async fn docs(&self, _: &[TournamentId]) -> Result<Vec<Option<String>>, StoreError> {
        Ok(Vec::new())
    }

    async fn put_docs(&self, _: &[(TournamentId, String)], _: bool) -> Result<(), StoreError> {
        Ok(())
    }
}

fn race() -> TournamentId {
    TournamentId::parse("race").unwrap()
}

fn view(random: &mut StdRng) -> BoardView {
    let mut keys: Vec<u8> = (b'a'..b'm').collect();
    let row = |rank: u64, random: &mut StdRng, keys: &mut Vec<u8>| {
        let key = keys.swap_remove(random.random_range(0..keys.len()));
        let points = random.random_range(0..30);
        BoardRow {
            player: PlayerId(u64::from(key)),
            key: char::from(key).to_string(),
            rank,
            name: format!("Otter {}", char::from(key)),
            score: palio_protocol::live::show(points, 0),
            points,
        }
    };
    let rows = (1..=random.random_range(0..6)).map(|rank| row(rank, random, &mut keys)).collect();
    BoardView {
        tenant: TenantId(1),
        tournament: race(),
        status: Status::Active,
        participants: random.random_range(0..4),
        ends_at: UnixMs(1_000_000),
        tick_ms: 10,
        decimals: 0,
        cut: (7, 70),
        rows,
    }
}

struct Core {
    pulse: Arc<Pulse>,
    heart: Heart,
    writer: Arc<Writer>,
    pen: Pen,
    serial: u64,
    board: Published,
}

/// All that was ever published: its hash, and how many epochs were before it.
type Record = HashMap<(Arc<str>, u64), (Digest, usize)>;

struct Client {
    epoch: Arc<str>,
    board: Board,
}

struct World {
    store: Arc<Shaky>,
    clock: Arc<AtomicI64>,
    core: Core,
    edges: Vec<Copy>,
    clients: Vec<Option<Client>>,
    record: Record,
    epochs: usize,
    random: StdRng,
    shown: u64,
}

fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("the model never waits")
}

impl Core {
    fn start(store: &Arc<Shaky>, clock: &Arc<AtomicI64>, view: &BoardView, epoch: usize) -> Self {
        let of = Arc::clone(clock);
        let time: crate::ws::Clock = Arc::new(move || UnixMs(of.load(Ordering::SeqCst)));
        let at = time();
        let pulse = Pulse::new(at);
        let dynamic: Arc<dyn Store> = store.clone();
        let writer = Writer::new(dynamic, Arc::clone(&pulse), time, KEEP);
        let epoch = format!("{epoch:x}.0");
        let board = Published::first(epoch.into(), view, at);
        let pen = Pen::new(pulse.subscribe().borrow().generation, KEEP / 2);
        Self { pulse, heart: Heart::default(), writer, pen, serial: 0, board }
    }

    /// What a writer's task does when it is woken.
    fn write(&mut self) {
        let life = *self.pulse.subscribe().borrow();
        if !life.is_up {
            return;
        }
        if life.serial != self.serial {
            self.serial = life.serial;
            self.pen.raise(life.generation);
        }
        match now(self.writer.write(&mut self.pen, &race(), &self.board)) {
            Ok(true) => {}
            Ok(false) => self.write(),
            Err(_) => self.pen.forget(),
        }
    }

    fn check(&mut self, store: &Shaky) {
        if let Ok(last) = now(store.last(&race()))
            && last != self.pen.last()
        {
            self.pen.forget();
        }
    }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let model = Model {
            disk: Disk::default(),
            replica: Disk::default(),
            late: Vec::new(),
            is_up: true,
            random: StdRng::seed_from_u64(seed ^ 1),
            faults: random.random_range(0..4),
        };
        let store = Arc::new(Shaky(Mutex::new(model)));
        let clock = Arc::new(AtomicI64::new(1_000));
        let core = Core::start(&store, &clock, &view(&mut random), 1);
        let (record, edges) = (Record::new(), vec![Copy::new(race(), RING)]);
        let clients = (0..4).map(|_| None).collect();
        let (epochs, shown) = (1, 0);
        let mut world = Self { store, clock, core, edges, clients, record, epochs, random, shown };
        world.note();
        world
    }

    fn note(&mut self) {
        let board = &self.core.board;
        let key = (Arc::clone(&board.epoch), board.seq);
        self.record.insert(key, (board.hash(), self.epochs));
    }

    fn publish(&mut self) {
        let at = UnixMs(self.clock.load(Ordering::SeqCst));
        if let Some(next) = self.core.board.next(&view(&mut self.random), at, RING) {
            self.core.board = next;
            self.note();
        }
        if let Some(proven) = self.core.board.proven(at, |chain| *chain) {
            self.core.board = proven;
        }
    }

    fn read(&mut self, edge: usize, limit: usize) {
        let World { store, edges, record, .. } = self;
        let copy = &mut edges[edge];
        let Ok(entries) = now(store.read(&race(), copy.after(), limit)) else { return };
        for (at, entry) in entries {
            let before = copy.here().cloned();
            let took = copy.take(at, &entry);
            assert_ne!(took, Took::Damaged, "{at}");
            let Some(here) = copy.here() else { continue };
            let (hash, epoch) = record[&(Arc::clone(&here.epoch), here.seq)];
            assert_eq!(here.hash(), hash, "{at}");
            if let Some(before) = before {
                let (_, before_epoch) = record[&(Arc::clone(&before.epoch), before.seq)];
                assert!((before_epoch, before.seq) <= (epoch, here.seq) || before_epoch < epoch);
                self.shown += u64::from(before.seq != here.seq);
            }
        }
    }

    /// A client asks an edge, with its cursor if it has one.
    fn ask(&mut self, client: usize, edge: usize) {
        let Some(here) = self.edges[edge].here() else { return };
        let have = &mut self.clients[client];
        let news = match have {
            Some(have) => here.since(&have.epoch, have.board.seq),
            None => Since::Lost,
        };
        let whole = |here: &Published| (*here.board).clone();
        let epoch = Arc::clone(&here.epoch);
        let next = match (news, have.as_ref()) {
            (Since::Same | Since::Ahead, _) => return,
            (Since::Changed(delta), Some(had)) => {
                let base = Some((&had.board, here.about.decimals));
                let Ok(binary::Message::Delta(board)) = binary::read(&binary::delta(&delta), base)
                else {
                    panic!("a step that does not fit");
                };
                board
            }
            (Since::Lost, _) | (Since::Changed(_), None) => whole(here),
        };
        let place = |epoch: &Arc<str>, seq: u64| self.record[&(Arc::clone(epoch), seq)];
        let (hash, order) = place(&epoch, next.seq);
        assert_eq!(palio_protocol::live::hash("race", &epoch, &next), hash);
        if let Some(had) = have {
            let (_, had_order) = place(&had.epoch, had.board.seq);
            assert!(
                (had_order, had.board.seq) < (order, next.seq),
                "an older board as a newer one"
            );
        }
        *have = Some(Client { epoch, board: next });
    }

    fn step(&mut self) {
        self.clock.fetch_add(self.random.random_range(1..3_000), Ordering::SeqCst);
        let edges = self.edges.len();
        let edge = self.random.random_range(0..edges.max(1));
        match self.random.random_range(0..100) {
            0..30 => self.publish(),
            30..55 => self.core.write(),
            55..75 if edges > 0 => {
                let limit = self.random.random_range(1..12);
                self.read(edge, limit);
            }
            75..83 if edges > 0 => {
                let client = self.random.random_range(0..self.clients.len());
                self.ask(client, edge);
            }
            83..88 => {
                let time = UnixMs(self.clock.load(Ordering::SeqCst));
                // That it fails is noted by the pulse itself.
                now(self.core.pulse.beat(&mut self.core.heart, &*self.store, time)).ok();
            }
            88..90 => self.core.check(&self.store),
            90 => self.edges.push(Copy::new(race(), RING)),
            91 if edges > 1 => drop(self.edges.swap_remove(edge)),
            92 => {
                self.epochs += 1;
                let view = view(&mut self.random);
                self.core = Core::start(&self.store, &self.clock, &view, self.epochs);
                self.note();
            }
            93..95 => {
                let mut model = self.store.0.lock().unwrap();
                model.is_up = !model.is_up;
            }
            95 => self.store.0.lock().unwrap().disk = Disk::default(),
            96 => {
                let mut model = self.store.0.lock().unwrap();
                model.disk = model.replica.clone();
            }
            97 => {
                let mut model = self.store.0.lock().unwrap();
                model.replica = model.disk.clone();
            }
            98..100 => {
                let mut model = self.store.0.lock().unwrap();
                if let Some((entries, keep)) = model.late.pop() {
                    model.disk.append(&entries, keep);
                }
            }
            _ => {}
        }
    }

    /// Nothing fails any more: everybody has the newest board.
    fn settle(&mut self) {
        {
            let mut model = self.store.0.lock().unwrap();
            (model.is_up, model.faults) = (true, 0);
            model.late.clear();
        }
        for _ in 0..2 {
            let time = UnixMs(self.clock.fetch_add(500, Ordering::SeqCst));
            now(self.core.pulse.beat(&mut self.core.heart, &*self.store, time)).unwrap();
            self.core.check(&self.store);
            self.core.write();
            self.core.write();
        }
        for edge in 0..self.edges.len() {
            self.read(edge, 1_000);
            let here = self.edges[edge].here().expect("a board");
            let newest = self.core.board.clone();
            assert_eq!((&here.epoch, here.seq), (&newest.epoch, newest.seq));
            assert_eq!(here.chain(), newest.chain());
            for client in 0..self.clients.len() {
                self.ask(client, edge);
                let have = self.clients[client].as_ref().expect("a board");
                assert_eq!(have.board, *newest.board);
            }
        }
    }
}

#[test]
fn edges_show_what_a_core_has_published() {
    let number = |name: &str, default: u64| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let runs = number("PALIO_EDGE_SCHEDULES", 400);
    let first = number("PALIO_EDGE_SEED", 0);
    let mut shown = 0;
    for seed in first..first + runs {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..150 {
                world.step();
            }
            world.settle();
            world.shown
        });
        shown += run.unwrap_or_else(|_| panic!("PALIO_EDGE_SEED={seed} PALIO_EDGE_SCHEDULES=1"));
    }
    assert!(shown > runs, "edges have shown {shown} boards only");
    eprintln!("{runs} schedules, {shown} boards shown by edges");
}

#[test]
fn a_core_that_is_older_is_not_heard() {
    let store = Shaky(Mutex::new(Model {
        disk: Disk::default(),
        replica: Disk::default(),
        late: Vec::new(),
        is_up: true,
        random: StdRng::seed_from_u64(1),
        faults: 0,
    }));
    let (old, new) = (Pulse::new(UnixMs(10)), Pulse::new(UnixMs(20)));
    let (mut of_old, mut of_new) = (Heart::default(), Heart::default());
    let life = |pulse: &Pulse| *pulse.subscribe().borrow();
    now(old.beat(&mut of_old, &store, UnixMs(0))).unwrap();
    assert!(life(&old).is_up);
    now(new.beat(&mut of_new, &store, UnixMs(1))).unwrap();
    assert!(life(&new).is_up);
    now(old.beat(&mut of_old, &store, UnixMs(2))).unwrap();
    assert!(!life(&old).is_up, "a younger core lives");
    let serial = life(&new).serial;
    now(new.beat(&mut of_new, &store, UnixMs(3))).unwrap();
    assert_eq!(life(&new).serial, serial, "nothing was lost");
    store.0.lock().unwrap().disk = Disk::default();
    now(new.beat(&mut of_new, &store, UnixMs(4))).unwrap();
    assert_eq!(life(&new).serial, serial + 1, "everything was lost");
}
