//! Later versions of results with the real core, on a clock that is set by hand: what is saved
//! while they are made, and what is there after a restart.

use crate::actors::{Actors, NEVER};
use palio::actors::handle::{CoreHandle, Reply, Work};
use palio::actors::tournaments::{Entry, Tournaments};
use palio::clock::{Clock, ManualClock};
use palio::outgoing::Outgoing;
use palio::payments::Payments;
use palio::players::Players;
use palio::storage::Storage;
use palio::storage::memory::{Fault, Memory};
use palio_domain::journal::{Keys, Row, RowKind};
use palio_domain::tournament::lifecycle::{self, Command as Act};
use palio_domain::tournament::{Admission, Definition, EntryMode, Kind, Metric, Price, Review};
use palio_domain::wallet::contest::{Act as Money, Eligibility};
use palio_domain::wallet::{BetRef, BetResult, Command, Outcome, Prepared, Terms};
use palio_domain::{
    Amount, BetId, Currency, GameId, PlayerId, ProviderId, RoundId, TenantId, TournamentId, UnixMs,
};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const TENANT: TenantId = TenantId(1);
const STARTS: i64 = 1_000_000;
const ENDS: i64 = 2_000_000;
const EUR: Currency = Currency::EUR;

fn cup(review: Review) -> Definition {
    let metric = Metric::Turnover;
    let definition = Definition {
        id: TournamentId::parse("cup").unwrap(),
        name: "Cup".into(),
        metric,
        currency: EUR,
        starts: UnixMs(STARTS),
        ends: UnixMs(ENDS),
        registration_opens: None,
        grace_ms: 0,
        rules: metric.rules(palio_domain::tournament::score::Points(1_000_000), EUR).unwrap(),
        tick_ms: 1_000,
        top_n: 10,
        entry: EntryMode::Automatic,
        prizes: Vec::new(),
        description: String::new(),
        kind: Kind::default(),
        admission: Admission::default(),
        table: None,
        review,
        schedule: None,
    };
    definition.validate().unwrap();
    definition
}

/// One life of a server on a store that outlives it.
struct Server {
    clock: Arc<ManualClock>,
    keys: Keys,
    core: CoreHandle,
    tournaments: Arc<Tournaments>,
    /// From where the journal was read on.
    from: Vec<u64>,
}

impl Server {
    async fn start(storage: &Storage, clock: &Arc<ManualClock>, payments: Payments) -> Self {
        let keys = Keys::new([5; 32]);
        let by_hand = Arc::clone(clock);
        let time: Arc<dyn Clock> = by_hand;
        let actors = Actors::start(storage, (&keys, &time), ("core", NEVER), payments).await;
        let (core, tournaments) = (actors.core.clone(), Arc::clone(&actors.tournaments));
        let from = tournaments.restore().await.unwrap();
        let mut follower = actors.follower(from.clone());
        follower.catch_up().await;
        actix::spawn(follower.run());
        Self { clock: Arc::clone(clock), keys, core, tournaments, from }
    }

    fn entry(&self) -> Arc<Entry> {
        self.tournaments.get(&TournamentId::parse("cup").unwrap()).unwrap()
    }

    async fn life(&self, command: Act) -> Arc<Row> {
        let id = TournamentId::parse("cup").unwrap();
        match self.tournaments.command(TENANT, &id, command, None).await {
            Reply::Done(row) => row,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until something is so of the tournament.
    async fn until(&self, is_so: impl Fn(&lifecycle::Tournament) -> bool) {
        let started = Instant::now();
        let id = TournamentId::parse("cup").unwrap();
        while !self.tournaments.get(&id).is_some_and(|entry| is_so(&entry.facts().life)) {
            assert!(started.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn wallet(&self, player: u64, key: &str, command: Command) -> Arc<Row> {
        let asked = Prepared::new(&self.keys, TENANT, PlayerId(player), key, command, None);
        let work = Work::Execute(TENANT, PlayerId(player), Box::new(asked));
        match self.core.ask(work).await {
            Reply::Done(row) => row,
            other => panic!("{other:?}"),
        }
    }

    async fn play(&self, player: u64, stake: i64) -> Arc<Row> {
        let funds = Command::Deposit { amount: Amount(1_000_000), currency: EUR };
        self.wallet(player, "funds", funds).await;
        let name = format!("b{player}");
        let bet = BetRef {
            provider: ProviderId::parse("acme").unwrap(),
            bet: BetId::parse(&name).unwrap(),
            round: RoundId::parse(&name).unwrap(),
            game: GameId::parse("wheel").unwrap(),
        };
        let (stake, payout, terms) = (Amount(stake), Amount(0), Terms::default());
        let (currency, at, feature) = (EUR, None, false);
        let play = Command::Play { bet, stake, payout, currency, at, feature, terms };
        self.wallet(player, "play", play).await
    }

    /// Voids the player's bet, after the result.
    async fn void(&self, player: u64, stake: i64) -> Arc<Row> {
        let name = format!("b{player}");
        let bet = BetResult {
            bet: BetId::parse(&name).unwrap(),
            stake: None,
            payout: Amount(stake),
            outcome: Some(Outcome::Void),
            version: Some(2),
        };
        let void = Command::SettleBets {
            provider: ProviderId::parse("acme").unwrap(),
            round: RoundId::parse(&name).unwrap(),
            game: None,
            bets: vec![bet],
            currency: Some(EUR),
            at: None,
            terms: Terms::default(),
        };
        self.wallet(player, "void", void).await
    }

    /// Announces the cup, has it played, and ends it.
    async fn closed(&self, definition: Definition) {
        self.life(Act::Create(Box::new(definition))).await;
        self.clock.set(UnixMs(STARTS));
        self.until(lifecycle::Tournament::is_started).await;
        self.play(1, 600).await;
        self.play(2, 300).await;
        self.clock.set(UnixMs(ENDS + 1));
        self.until(lifecycle::Tournament::is_closed).await;
    }

    /// Saves everything that the journal has.
    async fn save(&self, storage: &Storage) -> Vec<u64> {
        let heads = storage.journal.heads().await.unwrap();
        let mut positions = vec![0; 256];
        for head in heads {
            positions[head.slot.index()] = head.next_seq - 1;
        }
        // The follower has them when a barrier's row has come by; here nothing else is under way.
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.tournaments.save(positions.clone()).await.unwrap();
        positions
    }
}

async fn saved(storage: &Storage) -> Vec<u64> {
    storage.snapshots.load_folds("follower").await.unwrap().remove(0).positions
}

fn none() -> Payments {
    Payments::new(&Outgoing::trusting(&[]).unwrap(), []).unwrap()
}

/// Runs on a runtime of its own, so that its threads end with it.
/// A store, by both its names, and a clock that stands.
fn nothing() -> (Memory, Storage, Arc<ManualClock>) {
    let memory = Memory::new();
    let storage = memory.storage();
    (memory, storage, Arc::new(ManualClock::at(UnixMs(0))))
}

fn alone(test: impl Future<Output = ()>) {
    let system = actix::System::new();
    system.block_on(async {
        test.await;
        actix::System::current().stop();
    });
    system.run().unwrap();
}

/// Whoever asks for a version may go away, and it may be called off meanwhile: nothing is left
/// that keeps other tournaments from being saved.
#[test]
fn a_version_that_nobody_waits_for_holds_no_snapshot_up() {
    alone(async {
        let (memory, storage, clock) = nothing();
        let server = Server::start(&storage, &clock, none()).await;
        let steps = actix::spawn(Arc::clone(&server.tournaments).keep_time());
        let prizes = vec![Amount(1_000)];
        let by_hand = Review { by_hand: true, ..Review::default() };
        server.closed(Definition { prizes, ..cup(by_hand) }).await;
        steps.abort();
        server.void(1, 600).await;
        memory.set_faults(|_| Fault::Refused);
        let entry = server.entry();
        let revise = server.tournaments.revise(&entry, "a void", "anna");
        let gone = tokio::time::timeout(Duration::from_millis(300), revise).await;
        assert!(gone.is_err(), "the store refuses everything");
        memory.clear_faults();
        server.until(|life| life.versions == 2).await;
        server.life(Act::Cancel { reason: "rain".into() }).await;
        server.until(lifecycle::Tournament::is_cancelled).await;
        let positions = server.save(&storage).await;
        assert_eq!(saved(&storage).await, positions);
        server.core.stop().await;
    });
}

/// … and no further version is made of it by itself.
#[test]
fn a_version_is_made_once() {
    alone(async {
        let (memory, storage, clock) = nothing();
        let server = Server::start(&storage, &clock, none()).await;
        actix::spawn(Arc::clone(&server.tournaments).keep_time());
        let by_hand = Review { by_hand: true, ..Review::default() };
        server.closed(Definition { prizes: vec![Amount(1_000)], ..cup(by_hand) }).await;
        server.void(1, 600).await;
        memory.set_faults(|_| Fault::Refused);
        let entry = server.entry();
        let revise = server.tournaments.revise(&entry, "a void", "anna");
        let gone = tokio::time::timeout(Duration::from_millis(300), revise).await;
        assert!(gone.is_err());
        memory.clear_faults();
        server.until(|life| life.versions == 2).await;
        // A few turns of whatever goes by itself.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(entry.facts().life.versions, 2);
        assert_eq!(entry.facts().result.as_ref().unwrap().participants, 1);
        server.core.stop().await;
        let rows = storage.journal.entities().await.unwrap();
        let revised: Vec<_> =
            rows.iter().filter(|row| row.kind == RowKind::ResultRevised).collect();
        let lifecycle::Event::Revised { author, reason, .. } =
            lifecycle::Event::from_row(revised[0]).unwrap()
        else {
            panic!("another row")
        };
        assert_eq!((revised.len(), author.as_str(), reason.as_str()), (1, "anna", "a void"));
        let report = palio::verify::run(&storage).await.unwrap();
        assert!(report.is_clean(), "{report}");
    });
}

/// A correction that comes when everything is over is there after a restart.
#[test]
fn a_correction_after_everything_was_saved_is_not_lost() {
    alone(async {
        let (_, storage, clock) = nothing();
        let server = Server::start(&storage, &clock, none()).await;
        actix::spawn(Arc::clone(&server.tournaments).keep_time());
        server.closed(cup(Review::default())).await;
        server.until(lifecycle::Tournament::is_completed).await;
        server.save(&storage).await;
        server.void(1, 600).await;
        server.save(&storage).await;
        server.core.stop().await;
        let server = Server::start(&storage, &clock, none()).await;
        let entry = server.entry();
        assert_eq!(entry.facts().result.as_ref().unwrap().participants, 2);
        server.tournaments.revise(&entry, "a void", "anna").await.unwrap().unwrap();
        assert_eq!(entry.facts().result.as_ref().unwrap().participants, 1);
        server.core.stop().await;
        let report = palio::verify::run(&storage).await.unwrap();
        assert!(report.is_clean(), "{report}");
    });
}

/// A row that can't be read stops a tournament's scoring: others are saved, and after a restart it
/// is read again rather than passed over.
#[test]
fn a_row_that_cannot_be_read_is_met_again() {
    alone(async {
        let (_, storage, clock) = nothing();
        let server = Server::start(&storage, &clock, none()).await;
        actix::spawn(Arc::clone(&server.tournaments).keep_time());
        server.life(Act::Create(Box::new(cup(Review::default())))).await;
        clock.set(UnixMs(STARTS));
        server.until(lifecycle::Tournament::is_started).await;
        let played = server.play(1, 600).await;
        let before = server.save(&storage).await;
        let damaged = Row { seq: played.seq + 1, payload: b"x"[..].into(), ..(*played).clone() };
        let mut positions = before.clone();
        positions[played.slot.index()] += 1;
        server.tournaments.take(vec![Arc::new(damaged)], &positions).await;
        server.tournaments.save(positions.clone()).await.unwrap();
        assert_eq!(saved(&storage).await, positions, "the others go on");
        server.core.stop().await;
        let server = Server::start(&storage, &clock, none()).await;
        assert_eq!(server.from, before);
        server.core.stop().await;
    });
}

/// A platform that never knows; it counts how often it was asked.
fn platform(listener: TcpListener, asked: Arc<AtomicU32>) {
    for socket in listener.incoming() {
        let (mut socket, asked) = (socket.unwrap(), Arc::clone(&asked));
        std::thread::spawn(move || {
            let mut part = [0_u8; 4096];
            while socket.read(&mut part).is_ok_and(|count| count > 0) {
                asked.fetch_add(1, Ordering::SeqCst);
                let _gone = write!(socket, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
            }
        });
    }
}

/// Prices that are held without a seat are looked after every few seconds, whatever else is due.
#[test]
fn held_prices_have_their_own_pace() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/palio", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicU32::new(0));
    let of = Arc::clone(&asked);
    std::thread::spawn(move || platform(listener, of));
    alone(async {
        let storage = Memory::new().storage();
        let clock = Arc::new(ManualClock::at(UnixMs(0)));
        let settings = serde_json::json!({"url": url, "failures_max": 1_000});
        let settings = serde_json::from_value(settings).unwrap();
        let payments =
            Payments::new(&Outgoing::trusting(&[]).unwrap(), [(TENANT, settings, vec![1; 32])])
                .unwrap();
        let server = Server::start(&storage, &clock, payments).await;
        let price = Price { amount: Amount(400), fee: Amount(0) };
        let table = serde_json::json!({"currency": "EUR", "pool": {"buyIns": {}},
            "bands": [{"from": 1, "prizes": [{"kind": "cash", "percent": "100"}]}]});
        let definition = Definition {
            entry: EntryMode::OptIn,
            admission: Admission { price: Some(price), ..Admission::default() },
            table: Some(Box::new(serde_json::from_value(table).unwrap())),
            // What is given back waits for two people: a step is due all the time.
            review: Review { confirm_above: Some(Amount(0)), ..Review::default() },
            ..cup(Review::default())
        };
        definition.validate().unwrap();
        server.life(Act::Create(Box::new(definition))).await;
        server.life(Act::Seat { player: PlayerId(1), entry: 1, ticket: false }).await;
        let players = Players::new(Arc::clone(&storage.directory), server.keys.clone());
        let held = players.register(TENANT, "held").await.unwrap();
        let hold = Money::Hold {
            tournament: TournamentId::parse("cup").unwrap(),
            price: Amount(400),
            fee: Amount(0),
            currency: EUR,
            ends: UnixMs(ENDS),
            entries_max: 1,
            who: Box::new(Eligibility::default()),
            external: true,
        };
        server.wallet(held.0, "hold", Command::Contest(Box::new(hold))).await;
        server.life(Act::Cancel { reason: "rain".into() }).await;
        clock.set(UnixMs(STARTS));
        actix::spawn(Arc::clone(&server.tournaments).keep_time());
        server.until(lifecycle::Tournament::is_payable).await;
        // Some turns of the steps, on a clock that stands.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        clock.advance_ms(3_000);
        let started = Instant::now();
        while asked.load(Ordering::SeqCst) < 2 {
            assert!(started.elapsed() < Duration::from_secs(30));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.core.stop().await;
    });
}
