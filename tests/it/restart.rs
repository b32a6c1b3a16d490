//! Right after a start: keys that the filter has not heard of yet are looked up, so that an old
//! bet is a replay from the first moment on. Keys that it can't have heard of, since another owner
//! wrote them, are found by the unique indexes.

use crate::actors::{NEVER, core_config};
use crate::storage::home::Home;
use async_trait::async_trait;
use palio::actors::handle::{CoreHandle, Reply, Work};
use palio::actors::registry::{self, CoreParts};
use palio::clock::SystemClock;
use palio::search::Search;
use palio::storage::{AppendError, Error, Journal, Snapshot, Storage, StoredRow, Writer};
use palio_domain::journal::{Batch, Filter, Head, Key16, Keys, Row, Stage};
use palio_domain::wallet::{BetRef, Cell, Command, Found, Prepared, Refusal, Terms};
use palio_domain::{
    Aggregate, Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, Slot, TenantId,
    UnixMs,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

const TENANT: TenantId = TenantId(1);
const PLAYER: PlayerId = PlayerId(77);

/// What becomes of a reading of all keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Held,
    Fails,
    Works,
}

/// A journal whose keys are held back, whose look-ups are counted, and whose next append may be
/// lost to another owner.
struct Watched {
    inner: Arc<dyn Journal>,
    reading: watch::Receiver<Reading>,
    look_ups: AtomicU64,
    /// The store, while another owner is to take it at the next append.
    rival: Arc<Mutex<Option<Storage>>>,
}

struct WatchedWriter {
    inner: Box<dyn Writer>,
    rival: Arc<Mutex<Option<Storage>>>,
}

#[async_trait]
impl Writer for WatchedWriter {
    async fn append(&mut self, batch: &Batch, now: UnixMs) -> Result<(), AppendError> {
        let rival = self.rival.lock().unwrap().take();
        match rival {
            None => self.inner.append(batch, now).await,
            Some(storage) => {
                take_over(&storage).await;
                Err(AppendError::NotWritten(Error::Open("the line was cut".to_owned())))
            }
        }
    }
}

#[async_trait]
impl Journal for Watched {
    async fn check_key(&self, check: Key16) -> Result<(), Error> {
        self.inner.check_key(check).await
    }

    async fn acquire(&self, owner: &str, slots: &[Slot], now: UnixMs) -> Result<Vec<Head>, Error> {
        self.inner.acquire(owner, slots, now).await
    }

    async fn writer(&self, owner: &str) -> Result<Box<dyn Writer>, Error> {
        let inner = self.inner.writer(owner).await?;
        Ok(Box::new(WatchedWriter { inner, rival: Arc::clone(&self.rival) }))
    }

    async fn heads(&self) -> Result<Vec<Head>, Error> {
        self.inner.heads().await
    }

    async fn read(&self, slot: Slot, from_seq: u64, limit: u32) -> Result<Vec<StoredRow>, Error> {
        self.inner.read(slot, from_seq, limit).await
    }

    async fn scan(
        &self,
        slot: Slot,
        from_seq: u64,
        to_seq: u64,
        filter: &Filter,
        limit: u32,
    ) -> Result<Vec<Row>, Error> {
        self.inner.scan(slot, from_seq, to_seq, filter, limit).await
    }

    async fn find(&self, requests: &[Key16], claims: &[Key16]) -> Result<Vec<Row>, Error> {
        self.look_ups.fetch_add(1, Ordering::SeqCst);
        self.inner.find(requests, claims).await
    }

    async fn keys(
        &self,
        slots: &[Slot],
        each: &mut (dyn for<'k> FnMut(&'k Key16) + Send),
    ) -> Result<(), Error> {
        let reading = *self.reading.clone().wait_for(|r| *r != Reading::Held).await.unwrap();
        match reading {
            // Some of the keys, and then no more.
            Reading::Fails => {
                self.inner.keys(&slots[..slots.len() / 2], each).await?;
                Err(Error::Open("the line was cut".to_owned()))
            }
            Reading::Held | Reading::Works => self.inner.keys(slots, each).await,
        }
    }

    async fn entities(&self) -> Result<Vec<Row>, Error> {
        self.inner.entities().await
    }
}

struct Core {
    handle: CoreHandle,
    journal: Arc<Watched>,
    reading: watch::Sender<Reading>,
    storage: Storage,
    _committed: mpsc::Receiver<Arc<Batch>>,
}

fn keys() -> Keys {
    Keys::new([3; 32])
}

impl Core {
    /// Takes the slots from whoever had them.
    async fn start(home: &Storage, owner: &str, first: Reading) -> Self {
        let (reading, readings) = watch::channel(first);
        let journal = Arc::new(Watched {
            inner: Arc::clone(&home.journal),
            reading: readings,
            look_ups: AtomicU64::new(0),
            rival: Arc::default(),
        });
        let storage = Storage { journal: journal.clone(), ..home.clone() };
        let (sender, committed) = mpsc::channel(10_000);
        let parts = CoreParts {
            serving: tokio::sync::watch::channel(true).1,
            search: Search::open(&storage, true).await.unwrap(),
            storage: storage.clone(),
            keys: keys(),
            clock: Arc::new(SystemClock),
            owner: owner.to_owned(),
            committed: sender,
        };
        let config = core_config(2, NEVER);
        let handle = registry::start(&config, &parts).await.unwrap();
        Self { handle, journal, reading, storage, _committed: committed }
    }

    async fn ask(&self, key: &str, command: Command) -> Reply {
        let asked = Prepared::new(&keys(), TENANT, PLAYER, key, command, None);
        self.handle.ask(Work::Execute(TENANT, PLAYER, Box::new(asked))).await
    }

    fn look_ups(&self) -> u64 {
        self.journal.look_ups.load(Ordering::SeqCst)
    }

    /// Bets until one needs no look-up: the filter has heard of everything.
    async fn until_complete(&self) {
        for n in 0..2_000 {
            let before = self.look_ups();
            let id = format!("until-{n}");
            assert!(matches!(self.ask(&id, bet(&id, 100)).await, Reply::Done(_)));
            if self.look_ups() == before {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the filter is never complete");
    }
}

fn bet(id: &str, stake: i64) -> Command {
    Command::PlaceBet {
        bet: BetRef {
            provider: ProviderId::parse("acme").unwrap(),
            bet: BetId::parse(id).unwrap(),
            round: RoundId::parse(id).unwrap(),
            game: GameId::parse("wheel").unwrap(),
        },
        stake: Amount(stake),
        currency: Currency::EUR,
        at: None,
        free: None,
        feature: false,
        terms: Terms::default(),
    }
}

/// A bet that leaves nothing behind in the wallet but its money.
fn play(id: &str) -> Command {
    let Command::PlaceBet { bet, stake, currency, at, terms, .. } = bet(id, 500) else {
        panic!("not a bet")
    };
    Command::Play { feature: false, bet, stake, payout: Amount(0), currency, at, terms }
}

fn done(reply: Reply) -> Arc<Row> {
    match reply {
        Reply::Done(row) => row,
        other => panic!("not done: {other:?}"),
    }
}

fn replay(reply: Reply) -> Arc<Row> {
    match reply {
        Reply::Replay(row) => row,
        other => panic!("not a replay: {other:?}"),
    }
}

async fn until(so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never comes to that");
}

/// Another owner bets for the player, saves him, and covers everything.
async fn take_over(storage: &Storage) {
    let slots: Vec<Slot> = Slot::all().collect();
    let heads = storage.journal.acquire("rival", &slots, UnixMs(1)).await.unwrap();
    let mut writer = storage.journal.writer("rival").await.unwrap();
    let owner = Aggregate::Player(PLAYER);
    let slot = owner.slot(TENANT);
    let rows = storage.journal.read(slot, 1, 10_000).await.unwrap();
    let rows = rows.into_iter().map(|stored| Arc::new(stored.row));
    let mut cell = Cell::load(TENANT, PLAYER, None, rows).unwrap();
    let mut stage = Stage::new(heads);
    let asked = Prepared::new(&keys(), TENANT, PLAYER, "theirs", play("theirs"), None);
    let now = UnixMs(1);
    cell.execute(&asked, &Found::default(), now, 0, &keys(), &mut stage).unwrap();
    writer.append(&stage.seal().unwrap(), now).await.unwrap();
    let state = serde_json::to_vec(cell.wallet()).unwrap();
    let seq = cell.wallet().seq;
    let snapshot = Snapshot { tenant: TENANT, aggregate: owner, seq, state };
    storage.snapshots.save(&[snapshot], &[(slot, seq)]).await.unwrap();
}

/// A player whose first bet is long ago: in no snapshot's tail, and in nobody's memory.
async fn aged(home: &Storage) -> Arc<Row> {
    let core = Core::start(home, "one", Reading::Works).await;
    let (amount, currency) = (Amount(1_000_000), Currency::EUR);
    done(core.ask("d", Command::Deposit { amount, currency }).await);
    let first = done(core.ask("old", bet("old", 100)).await);
    for n in 0..40 {
        done(core.ask(&format!("more-{n}"), bet(&format!("more-{n}"), 100)).await);
    }
    core.handle.stop().await;
    first
}

async fn old_bets_are_replays(home: &Storage) {
    let first = aged(home).await;
    let core = Core::start(home, "two", Reading::Held).await;
    assert!(core.handle.is_ready());
    let again = || core.ask("old", bet("old", 100));
    assert_eq!(replay(again().await), first);
    assert!(matches!(
        core.ask("old", bet("old", 101)).await,
        Reply::Refused(Refusal::IdempotencyMismatch)
    ));
    // The same bet under another request key.
    let claimed = core.ask("other", bet("old", 100)).await;
    assert!(!matches!(claimed, Reply::Done(_)), "the bet was placed twice: {claimed:?}");
    let fresh = done(core.ask("fresh", bet("fresh", 100)).await);
    assert_eq!(replay(core.ask("fresh", bet("fresh", 100)).await), fresh);
    // Out of the wallet's memory while the filter is still empty.
    for n in 0..40 {
        let before = core.look_ups();
        done(core.ask(&format!("held-{n}"), bet(&format!("held-{n}"), 100)).await);
        assert!(core.look_ups() > before, "a key was taken for new");
    }
    assert_eq!(replay(core.ask("fresh", bet("fresh", 100)).await), fresh);

    // Half of the keys are not enough.
    core.reading.send(Reading::Fails).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(replay(again().await), first);
    let before = core.look_ups();
    done(core.ask("failing", bet("failing", 100)).await);
    assert!(core.look_ups() > before, "a key was taken for new");

    core.reading.send(Reading::Works).unwrap();
    core.until_complete().await;
    assert_eq!(replay(again().await), first);
    assert_eq!(replay(core.ask("fresh", bet("fresh", 100)).await), fresh);
    replay(core.ask("held-3", bet("held-3", 100)).await);
    core.handle.stop().await;
}

async fn a_server_stops_while_it_reads(home: &Storage) {
    aged(home).await;
    let core = Core::start(home, "two", Reading::Held).await;
    done(core.ask("fresh", bet("fresh", 100)).await);
    until(|| core.reading.receiver_count() > 1).await;
    core.handle.stop().await;
    // Nobody waits for them any more: whoever reads them lets go.
    until(|| core.reading.receiver_count() == 1).await;
}

async fn a_bet_of_another_owner_is_a_replay(home: &Storage) {
    aged(home).await;
    let core = Core::start(home, "two", Reading::Works).await;
    core.until_complete().await;
    *core.journal.rival.lock().unwrap() = Some(core.storage.clone());
    done(core.ask("mine", bet("mine", 100)).await);
    let theirs = tokio::time::timeout(Duration::from_secs(20), core.ask("theirs", play("theirs")));
    replay(theirs.await.expect("the bet clashes for ever"));
    core.handle.stop().await;
}

macro_rules! on_every_store {
    ($($test:ident),*) => {$(
        mod $test {
            use super::Home;

            fn run(home: impl Future<Output = Home>) {
                actix::System::new().block_on(async {
                    let home = home.await;
                    let storage = home.open().await;
                    super::$test(&storage).await;
                    storage.close().await;
                    home.end().await;
                });
            }

            #[test]
            fn memory() {
                run(Home::memory());
            }

            #[test]
            fn sqlite() {
                run(Home::sqlite());
            }

            #[test]
            fn postgres() {
                run(Home::postgres());
            }
        }
    )*};
}

on_every_store!(
    old_bets_are_replays,
    a_server_stops_while_it_reads,
    a_bet_of_another_owner_is_a_replay
);
