//! Commands into the wallets without HTTP, for the figures of `loadtest ladder` that need the
//! library. Prints one JSON object: lists of values, one per round. `PALIO_POSTGRES_URL` names a
//! database that nobody else uses.
//!
//! ```text
//! wallets load  <rows> <rounds>      # PALIO_LOAD_URLS: three more databases, comma-separated
//! wallets hot   <rows> <rounds>
//! wallets scale <wallets> <rows> <rounds>
//! wallets lone  <commands>           # p50 in ms: one row by the writer, one play by the core
//! wallets rest                       # memory of a core that has just started on what is there
//! wallets age   <rows>               # a journal of that size, before a server sees it
//! ```
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a tool")]

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use palio::actors::budget::Division;
use palio::actors::handle::{CoreHandle, Reply, Work};
use palio::actors::registry::{self, CoreConfig, CoreParts};
use palio::clock::{Clock as _, SystemClock};
use palio::search::Search;
use palio::storage::{FoldSnapshot, Storage, postgres};
use palio_domain::journal::{
    Account, Batch, Draft, Keys, Leg, Request, RequestKind, Row, RowKind, Stage,
};
use palio_domain::wallet::{BetRef, Command, Prepared, Terms};
use palio_domain::{
    Aggregate, Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, Slot, TenantId,
    TraceId,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

const TENANT: TenantId = TenantId(1);
const GROUPS: usize = 2;
/// Commands under way: as many as a busy server's connections would have.
const WINDOW: usize = 2_048;
const PLAYERS: usize = 2_000;
const SIZES: [usize; 3] = [500, 1000, 2000];
/// Aged players stand apart from those that play.
const AGED: u64 = 1 << 61;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|n| n.parse().ok());
    let (first, second, third) = (number(1), number(2), number(3));
    palio::metrics::start().unwrap();
    let system = actix::System::new();
    let figure = system.block_on(async {
        let url = std::env::var("PALIO_POSTGRES_URL").expect("PALIO_POSTGRES_URL");
        match arguments.first().map_or("", String::as_str) {
            "load" => load(&url, first.unwrap_or(100_000), second.unwrap_or(3)).await,
            "hot" => hot(&url, first.unwrap_or(100_000), second.unwrap_or(3)).await,
            "scale" => {
                let wallets = first.unwrap_or(100_000);
                scale(&url, wallets, second.unwrap_or(100_000), third.unwrap_or(3)).await
            }
            "lone" => lone(&url, first.unwrap_or(1_000)).await,
            "rest" => rest(&url).await,
            "age" => age(&url, first.unwrap_or(100_000)).await,
            other => panic!("there is no figure called {other}"),
        }
    });
    println!("{figure}");
}

/// A core as the server has it, and whatever it commits.
struct Core {
    handle: CoreHandle,
    storage: Storage,
    keys: Keys,
    committed: mpsc::Receiver<Arc<Batch>>,
    provider: ProviderId,
    game: GameId,
    next: u64,
}

impl Core {
    async fn start(url: &str, idle: Duration) -> Self {
        Self::start_saving(url, idle, Duration::from_secs(5)).await
    }

    /// Wallets are saved, and put to sleep, 2,000 at a time.
    async fn start_saving(url: &str, idle: Duration, snapshot_every: Duration) -> Self {
        let storage = postgres::open(url, false).await.unwrap();
        let (sender, committed) = mpsc::channel(100_000);
        let keys = Keys::new([7; 32]);
        let parts = CoreParts {
            serving: tokio::sync::watch::channel(true).1,
            storage: storage.clone(),
            search: Search::open(&storage, false).await.unwrap(),
            keys: keys.clone(),
            clock: Arc::new(SystemClock),
            owner: "wallets".to_owned(),
            committed: sender,
        };
        let config = CoreConfig {
            threads: GROUPS,
            budget: Division {
                in_flight: 20_000,
                reserve: 5_000,
                provider_percent: 100,
                tenant_percent: 100,
            },
            idle,
            snapshot_every,
            unsaved_rows_max: 2_000,
        };
        let handle = registry::start(&config, &parts).await.unwrap();
        let provider = ProviderId::parse("sandbox").unwrap();
        let game = GameId::parse("loadtest").unwrap();
        Self { handle, storage, keys, committed, provider, game, next: 0 }
    }

    async fn stop(self) {
        self.handle.stop().await;
        self.storage.close().await;
    }

    fn prepared(&self, player: PlayerId, id: &str, command: Command) -> Work {
        let trace = TraceId::parse(id).ok();
        let prepared = Prepared::new(&self.keys, TENANT, player, id, command, trace);
        Work::Execute(TENANT, player, Box::new(prepared))
    }

    /// Bet and result in one row.
    fn play(&mut self, player: PlayerId) -> Work {
        self.next += 1;
        let id = format!("w-{:x}-{}", std::process::id(), self.next);
        let bet = BetRef {
            provider: self.provider.clone(),
            bet: BetId::parse(&id).unwrap(),
            round: RoundId::parse(&id).unwrap(),
            game: self.game.clone(),
        };
        let payout = Amount(if self.next.is_multiple_of(2) { 0 } else { 1_990 });
        let (stake, currency) = (Amount(1_000), Currency::EUR);
        let command = Command::Play {
            bet,
            stake,
            payout,
            currency,
            at: None,
            feature: false,
            terms: Terms::default(),
        };
        self.prepared(player, &id, command)
    }

    fn deposit(&self, player: PlayerId) -> Work {
        let (amount, currency) = (Amount(1_000_000_000), Currency::EUR);
        self.prepared(player, "fund", Command::Deposit { amount, currency })
    }

    /// Keeps a window of commands under way until all are answered.
    async fn run(
        &mut self,
        count: usize,
        mut work: impl FnMut(&mut Self, usize) -> Work,
    ) -> Duration {
        let started = Instant::now();
        let mut under_way = FuturesUnordered::new();
        for index in 0..count {
            let work = work(self, index);
            under_way.push(self.handle.submit(work).unwrap());
            if under_way.len() >= WINDOW {
                check(under_way.next().await);
            }
        }
        while let Some(answer) = under_way.next().await {
            check(Some(answer));
        }
        started.elapsed()
    }

    async fn fund(&mut self, players: &[PlayerId]) {
        self.run(players.len(), |core, index| core.deposit(players.get(index).copied().unwrap()))
            .await;
    }

    /// One play by each of so many of the players, in turns.
    async fn plays(&mut self, count: usize, players: &[PlayerId]) -> f64 {
        let elapsed = self
            .run(count, |core, index| {
                let player = players.get(index % players.len()).copied().unwrap();
                core.play(player)
            })
            .await;
        per_second(count, elapsed)
    }

    /// Everything committed since the last time.
    fn rows(&mut self) -> Vec<Arc<Row>> {
        let mut rows = Vec::new();
        while let Ok(batch) = self.committed.try_recv() {
            rows.extend(batch.rows.iter().cloned());
        }
        rows
    }
}

fn check(answer: Option<Result<Reply, oneshot::error::RecvError>>) {
    match answer {
        Some(Ok(Reply::Done(_))) => {}
        other => panic!("a command was not done: {other:?}"),
    }
}

fn per_second(count: usize, elapsed: Duration) -> f64 {
    u32::try_from(count).map_or(0.0, f64::from) / elapsed.as_secs_f64()
}

/// A number for anything, spread over all 63 bits.
fn spread(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 4
}

fn players(count: usize) -> Vec<PlayerId> {
    (0..u64::try_from(count).unwrap()).map(|n| PlayerId(spread(n))).collect()
}

/// Players of which every wallet lies in one of these slots.
fn players_in(count: usize, slots: &[u8]) -> Vec<PlayerId> {
    let inside = |player: &PlayerId| slots.contains(&Aggregate::Player(*player).slot(TENANT).0);
    (1_000_000_u64..).map(|n| PlayerId(spread(n))).filter(inside).take(count).collect()
}

/// The writers of a store that rows are loaded into, each on a thread of its own.
struct Loader {
    stages: Vec<Stage>,
    groups: Vec<mpsc::Sender<(Vec<Batch>, oneshot::Sender<()>)>>,
}

impl Loader {
    async fn open(storage: &Storage) -> Self {
        let (mut stages, mut groups) = (Vec::new(), Vec::new());
        for group in 0..GROUPS {
            let slots: Vec<Slot> =
                Slot::all().filter(|slot| slot.index() % GROUPS == group).collect();
            let heads = storage.journal.acquire("load", &slots, SystemClock.now()).await.unwrap();
            stages.push(Stage::new(heads));
            let (sender, mut receiver) = mpsc::channel::<(Vec<Batch>, oneshot::Sender<()>)>(4);
            groups.push(sender);
            let journal = Arc::clone(&storage.journal);
            actix::Arbiter::new().spawn(async move {
                let mut writer = journal.writer("load").await.unwrap();
                while let Some((batches, done)) = receiver.recv().await {
                    for batch in &batches {
                        writer.append(batch, SystemClock.now()).await.unwrap();
                    }
                    done.send(()).ok();
                }
            });
        }
        Self { stages, groups }
    }

    /// Builds batches of a size, then appends them: only the second part takes time here.
    async fn append(&mut self, drafts: Vec<Draft>, size: usize) -> Duration {
        let mut parts: Vec<Vec<Draft>> = (0..GROUPS).map(|_| Vec::new()).collect();
        for draft in drafts {
            let slot = draft.aggregate.slot(draft.tenant);
            parts.get_mut(slot.index() % GROUPS).unwrap().push(draft);
        }
        let now = SystemClock.now();
        let mut work = Vec::new();
        for (stage, part) in self.stages.iter_mut().zip(parts) {
            let mut batches = Vec::new();
            let mut left = part.into_iter().peekable();
            while left.peek().is_some() {
                for draft in left.by_ref().take(size) {
                    stage.push(draft, now).unwrap();
                }
                batches.push(stage.seal().unwrap());
            }
            work.push(batches);
        }
        let started = Instant::now();
        let mut waiting = Vec::new();
        for (group, batches) in self.groups.iter().zip(work) {
            let (done, is_done) = oneshot::channel();
            group.send((batches, done)).await.unwrap();
            waiting.push(is_done);
        }
        for is_done in waiting {
            is_done.await.unwrap();
        }
        started.elapsed()
    }
}

fn draft(row: &Row) -> Draft {
    Draft {
        kind: row.kind,
        kind_version: row.kind_version,
        tenant: row.tenant,
        aggregate: row.aggregate,
        leg: row.leg,
        balance_after: row.balance_after,
        request: row.request.clone(),
        claim: row.claim,
        provider: row.provider.clone(),
        bet: row.bet.clone(),
        round: row.round.clone(),
        game: row.game.clone(),
        trace: row.trace.clone(),
        payload: row.payload.clone(),
    }
}

/// Commands per second, and the rows they made per second when loaded in batches.
async fn load(url: &str, rows: usize, rounds: usize) -> Value {
    let urls = std::env::var("PALIO_LOAD_URLS").expect("PALIO_LOAD_URLS");
    let mut loaders = Vec::new();
    for url in urls.split(',') {
        let storage = postgres::open(url, false).await.unwrap();
        loaders.push((Loader::open(&storage).await, storage));
    }
    let mut core = Core::start(url, Duration::from_secs(60)).await;
    let players = players(PLAYERS);
    core.fund(&players).await;
    core.plays(rows / 10, &players).await;
    core.rows();
    let mut commands = Vec::new();
    let mut loaded = vec![Vec::new(); SIZES.len()];
    for round in 0..rounds {
        let plays = core.plays(rows, &players).await;
        let made = core.rows();
        // A play that pays has a second row.
        commands.push(
            plays * per_second(made.len(), Duration::from_secs(1))
                / per_second(rows, Duration::from_secs(1)),
        );
        // Another size goes first each time.
        for turn in 0..SIZES.len() {
            let at = (round + turn) % SIZES.len();
            let (loader, _) = loaders.get_mut(at).unwrap();
            let drafts = made.iter().map(|row| draft(row)).collect();
            let size = SIZES.get(at).copied().unwrap();
            let elapsed = loader.append(drafts, size).await;
            loaded.get_mut(at).unwrap().push(per_second(made.len(), elapsed));
        }
    }
    core.stop().await;
    let loads: Vec<Value> = SIZES
        .iter()
        .zip(&loaded)
        .map(|(size, rates)| json!({"size": size, "rates": rates}))
        .collect();
    json!({"commands": commands, "loads": loads})
}

/// The same commands with all players in one slot, in one slot of each group, and in all slots.
async fn hot(url: &str, rows: usize, rounds: usize) -> Value {
    let mut core = Core::start(url, Duration::from_secs(60)).await;
    let kinds = [
        ("one", players_in(PLAYERS, &[7])),
        ("two", players_in(PLAYERS, &[20, 21])),
        ("all", players(PLAYERS)),
    ];
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); kinds.len()];
    for (_, players) in &kinds {
        core.fund(players).await;
        core.plays(rows / 10, players).await;
    }
    for round in 0..rounds {
        for turn in 0..kinds.len() {
            let at = (round + turn) % kinds.len();
            let (_, players) = kinds.get(at).unwrap();
            rates.get_mut(at).unwrap().push(core.plays(rows, players).await);
            core.rows();
        }
    }
    core.stop().await;
    kinds.iter().zip(rates).map(|((name, _), rates)| ((*name).to_owned(), json!(rates))).collect()
}

fn memory_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Plays of a thousand wallets beside plays spread over all, in one journal.
async fn scale(url: &str, wallets: usize, rows: usize, rounds: usize) -> Value {
    let often = Duration::from_millis(100);
    let mut core = Core::start_saving(url, Duration::from_secs(5), often).await;
    let all = players(wallets);
    let few: Vec<PlayerId> = all.iter().take(1_000).copied().collect();
    let before = memory_kib();
    for part in all.chunks(10_000) {
        core.fund(part).await;
        core.rows();
    }
    let awake = memory_kib();
    // They go to sleep a few thousand at a time.
    let give_up = Instant::now() + Duration::from_secs(3_600);
    while core.handle.awake() > 0 && Instant::now() < give_up {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let asleep = memory_kib();
    let (mut of_few, mut of_all) = (Vec::new(), Vec::new());
    let mut at = 0;
    for _ in 0..rounds {
        of_few.push(core.plays(rows, &few).await);
        core.rows();
        // Others each time, so that each of them has to be woken.
        let picked: Vec<PlayerId> = (0..rows)
            .map(|index| {
                let index = (at + index).wrapping_mul(7_919) % all.len();
                all.get(index).copied().unwrap()
            })
            .collect();
        at += rows;
        of_all.push(core.plays(rows, &picked).await);
        core.rows();
    }
    core.stop().await;
    json!({
        "wallets": wallets, "few": of_few, "all": of_all,
        "beforeKib": before, "awakeKib": awake, "asleepKib": asleep,
    })
}

/// One after the other: single-row batches by the writer, then plays by the core.
async fn lone(url: &str, count: usize) -> Value {
    let storage = postgres::open(url, false).await.unwrap();
    let slots: Vec<Slot> = Slot::all().collect();
    let heads = storage.journal.acquire("lone", &slots, SystemClock.now()).await.unwrap();
    let mut writer = storage.journal.writer("lone").await.unwrap();
    let mut stage = Stage::new(heads);
    let keys = Keys::new([7; 32]);
    let mut appends = Vec::new();
    let first = u64::from(std::process::id()) << 32;
    for n in first..first + u64::try_from(count).unwrap() {
        let now = SystemClock.now();
        stage.push(aged(&keys, n), now).unwrap();
        let batch = stage.seal().unwrap();
        let started = Instant::now();
        writer.append(&batch, now).await.unwrap();
        appends.push(started.elapsed());
    }
    drop(writer);
    storage.close().await;
    let mut core = Core::start(url, Duration::from_secs(60)).await;
    let fresh: Vec<PlayerId> = (0..64).map(|n| PlayerId(spread(first + n))).collect();
    core.fund(&fresh).await;
    let mut plays = Vec::new();
    for index in 0..count {
        let work = core.play(fresh.get(index % fresh.len()).copied().unwrap());
        let started = Instant::now();
        check(Some(Ok(core.handle.ask(work).await)));
        plays.push(started.elapsed());
    }
    core.stop().await;
    json!({"append": median_ms(appends), "core": median_ms(plays)})
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

async fn rest(url: &str) -> Value {
    let before = memory_kib();
    let core = Core::start(url, Duration::from_secs(60)).await;
    let after = memory_kib();
    core.stop().await;
    json!({"beforeKib": before, "afterKib": after})
}

/// Rows of players who never come back, covered as if they had been saved.
async fn age(url: &str, rows: usize) -> Value {
    let storage = postgres::open(url, false).await.unwrap();
    let keys = Keys::new([7; 32]);
    let mut loader = Loader::open(&storage).await;
    let started = Instant::now();
    let mut number = 0_u64;
    let mut left = rows;
    while left > 0 {
        let part = left.min(200_000);
        left -= part;
        let drafts = (0..part).map(|_| {
            number += 1;
            aged(&keys, number)
        });
        loader.append(drafts.collect(), 2_000).await;
    }
    let heads = storage.journal.heads().await.unwrap();
    let floors: Vec<(Slot, u64)> =
        heads.iter().map(|head| (head.slot, head.next_seq.saturating_sub(1))).collect();
    storage.snapshots.save(&[], &floors).await.unwrap();
    let positions = floors.iter().map(|(_, seq)| *seq).collect();
    let follower = FoldSnapshot { name: "follower".to_owned(), positions, state: Vec::new() };
    storage.snapshots.save_folds(&[follower]).await.unwrap();
    storage.close().await;
    json!({"rows": rows, "perSecond": per_second(rows, started.elapsed())})
}

fn aged(keys: &Keys, n: u64) -> Draft {
    let player = AGED | (spread(n) % 1_000_000);
    let id = format!("a_{n:016x}");
    let key = |kind| keys.request(TENANT, "sandbox", player, kind, &id);
    Draft {
        kind: RowKind::BetPlaced,
        kind_version: 1,
        tenant: TENANT,
        aggregate: Aggregate::Player(PlayerId(player)),
        leg: Some(Leg {
            debit: Account::Cash,
            credit: Account::Held,
            amount: Amount(1000),
            currency: Currency::EUR,
        }),
        balance_after: Some(Amount(123_456)),
        request: Some(Request {
            key: key(RequestKind::Bet),
            id: id.as_str().into(),
            body_hash: key(RequestKind::Settle),
        }),
        // Every second row is a settlement, which claims nothing.
        claim: n.is_multiple_of(2).then(|| key(RequestKind::Play)),
        provider: ProviderId::parse("sandbox").ok(),
        bet: BetId::parse(&id).ok(),
        round: RoundId::parse(&id).ok(),
        game: GameId::parse("loadtest").ok(),
        trace: TraceId::parse(&id).ok(),
        payload: Box::default(),
    }
}
