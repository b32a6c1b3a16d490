//! An edge's reader against a store that does as it is told, in real time.

use async_trait::async_trait;
use palio::actors::board::{Asked, BoardRow, BoardView, Boards, OwnText, Status, Tokens};
use palio::actors::purse::{Purse, Purses};
use palio::edge::entry::{At, Entry};
use palio::edge::pen::Pen;
use palio::edge::reader::{Parts, Reader};
use palio::edge::store::{Appended, Beat, List, Listed, Store, StoreError};
use palio::ws::published::Published;
use palio::ws::{Clock, Live, LiveConfig, Sources};
use palio_domain::{PlayerId, TenantId, TournamentId, UnixMs};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A core's boards are followed; there is nothing else.
struct Nothing;

#[async_trait]
impl Boards for Nothing {
    fn seal(&self, chain: &[u8; 16]) -> [u8; 16] {
        *chain
    }

    fn view(&self, _: &TournamentId) -> Option<Arc<BoardView>> {
        None
    }

    fn ids(&self) -> Vec<TournamentId> {
        Vec::new()
    }

    async fn own_texts(&self, _: &TournamentId, _: &[Asked]) -> Vec<Option<OwnText>> {
        Vec::new()
    }

    async fn page(&self, _: &TournamentId, _: u64, _: u64) -> Option<Vec<BoardRow>> {
        None
    }
}

impl Tokens for Nothing {
    fn player(&self, _: &str) -> Option<(TenantId, PlayerId, UnixMs)> {
        None
    }
}

impl Purses for Nothing {
    fn watch(&self, _: TenantId, _: PlayerId) -> Arc<dyn Purse> {
        unreachable!("an edge has no wallets")
    }
}

struct Stream {
    pen: Pen,
    board: Published,
    entries: Vec<(At, Entry)>,
}

fn view(id: &str, points: i64) -> BoardView {
    let row = BoardRow {
        player: PlayerId(1),
        key: "k".to_owned(),
        rank: 1,
        name: "Otter".to_owned(),
        score: points.to_string(),
        points,
    };
    BoardView {
        tenant: TenantId(1),
        tournament: TournamentId::parse(id).unwrap(),
        status: Status::Active,
        participants: 1,
        ends_at: UnixMs(1_000_000),
        tick_ms: 10,
        decimals: 0,
        cut: (0, 0),
        rows: vec![row],
    }
}

impl Stream {
    fn new(id: &str) -> Self {
        let board = Published::first("1.0".into(), &view(id, 1), UnixMs(1));
        let mut stream = Self { pen: Pen::new(1, 100), board, entries: Vec::new() };
        stream.write();
        stream
    }

    fn write(&mut self) {
        let sheet = self.pen.write(&self.board).unwrap();
        self.entries.extend(sheet.entries.iter().cloned());
        assert!(self.pen.wrote(&sheet, sheet.after));
    }

    fn step(&mut self, id: &str, points: i64) {
        self.board = self.board.next(&view(id, points), UnixMs(1), 9).unwrap();
        self.write();
    }
}

/// Streams of a core, whose beats and answers can be stopped.
struct Told {
    streams: Mutex<HashMap<String, Stream>>,
    /// The only stream that hints are given of, all the time.
    hints_of: String,
    beats: AtomicBool,
    answers: AtomicBool,
    count: Mutex<u64>,
}

impl Told {
    fn new(ids: &[&str]) -> Arc<Self> {
        let stream = |id: &&str| ((*id).to_owned(), Stream::new(id));
        Arc::new(Self {
            streams: Mutex::new(ids.iter().map(stream).collect()),
            hints_of: ids[0].to_owned(),
            beats: AtomicBool::new(true),
            answers: AtomicBool::new(true),
            count: Mutex::default(),
        })
    }

    fn step(&self, id: &str, points: i64) {
        self.streams.lock().unwrap().get_mut(id).unwrap().step(id, points);
    }
}

#[async_trait]
impl Store for Told {
    async fn append(
        &self,
        _: &TournamentId,
        _: &[(At, Entry)],
        _: u64,
    ) -> Result<Appended, StoreError> {
        unreachable!("an edge does not write")
    }

    async fn last(&self, _: &TournamentId) -> Result<Option<At>, StoreError> {
        Ok(None)
    }

    async fn top(&self, _: &TournamentId) -> Result<Option<At>, StoreError> {
        Ok(None)
    }

    async fn read(
        &self,
        id: &TournamentId,
        after: At,
        limit: usize,
    ) -> Result<Vec<(At, Entry)>, StoreError> {
        while !self.answers.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let streams = self.streams.lock().unwrap();
        let later = streams[id.as_str()].entries.iter().filter(|(at, _)| *at > after);
        Ok(later.take(limit).cloned().collect())
    }

    async fn wake(&self, _: &[TournamentId]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn woken(&self, _: &mut String) -> Result<Vec<TournamentId>, StoreError> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(vec![TournamentId::parse(&self.hints_of).unwrap()])
    }

    async fn beat(&self) -> Result<Option<Beat>, StoreError> {
        let mut count = self.count.lock().unwrap();
        *count += u64::from(self.beats.load(Ordering::SeqCst));
        Ok(Some(Beat { generation: 1, count: *count, list: 1, at: 1 }))
    }

    async fn give_beat(&self, _: &Beat) -> Result<(), StoreError> {
        Ok(())
    }

    async fn list(&self) -> Result<Option<List>, StoreError> {
        let listed = |id: &String| Listed {
            id: TournamentId::parse(id).unwrap(),
            version: "1".to_owned(),
            tenant: 1,
            status: "active".to_owned(),
        };
        let all = self.streams.lock().unwrap().keys().map(listed).collect();
        Ok(Some(List { generation: 1, version: 1, all }))
    }

    async fn put_list(&self, _: &List) -> Result<(), StoreError> {
        Ok(())
    }

    async fn docs(&self, ids: &[TournamentId]) -> Result<Vec<Option<String>>, StoreError> {
        Ok(ids.iter().map(|_| Some("{}".to_owned())).collect())
    }

    async fn put_docs(&self, _: &[(TournamentId, String)], _: bool) -> Result<(), StoreError> {
        Ok(())
    }
}

fn start(store: &Arc<Told>) -> Arc<Live> {
    let now: Clock = Arc::new(|| UnixMs(1));
    let boards: Arc<Nothing> = Arc::new(Nothing);
    let (purses, tokens) = (boards.clone(), boards.clone());
    let sources = Sources { boards, purses, tokens, now: now.clone() };
    let live = Live::follow(LiveConfig::default(), sources);
    let reader = Reader::new(Parts {
        store: store.clone(),
        shelf: Arc::default(),
        live: live.clone(),
        now,
        stale_after: Duration::from_millis(600),
        ring_len: 9,
        is_ready: Arc::default(),
    });
    actix_rt::spawn(reader.run());
    live
}

fn seq(live: &Live, id: &str) -> u64 {
    live.published(&TournamentId::parse(id).unwrap()).map_or(0, |board| board.seq)
}

async fn wait(until: impl Fn() -> bool) {
    let within = Duration::from_secs(30);
    let looks = async {
        while !until() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(within, looks).await.expect("in time");
}

/// However many hints come of one tournament, one that was lost of another is made good.
#[actix_rt::test]
async fn a_lost_hint_is_made_good_whatever_goes_on() {
    let store = Told::new(&["busy", "quiet"]);
    let live = start(&store);
    wait(|| seq(&live, "busy") == 1 && seq(&live, "quiet") == 1).await;
    store.step("quiet", 2);
    store.step("busy", 2);
    wait(|| seq(&live, "busy") == 2).await;
    wait(|| seq(&live, "quiet") == 2).await;
}

/// Boards are said to be fresh when what was missed has been read, and not before.
#[actix_rt::test]
async fn fresh_is_said_when_everything_was_read() {
    let store = Told::new(&["busy", "quiet"]);
    let live = start(&store);
    wait(|| seq(&live, "busy") == 1 && seq(&live, "quiet") == 1).await;
    assert_eq!(live.stale(), None);
    store.beats.store(false, Ordering::SeqCst);
    wait(|| live.stale().is_some()).await;
    store.answers.store(false, Ordering::SeqCst);
    store.step("quiet", 2);
    store.beats.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(live.stale().is_some(), "nothing was read yet");
    store.answers.store(true, Ordering::SeqCst);
    wait(|| live.stale().is_none()).await;
    assert_eq!(seq(&live, "quiet"), 2);
}
