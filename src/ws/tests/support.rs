//! A server with scripted boards.

use crate::actors::board::{Asked, BoardRow, BoardView, Boards, OwnRow, OwnText, Status, Tokens};
use crate::actors::purse::{Purse, Purses};
use crate::ws::{Live, LiveConfig, Sources};
use actix_http::{HttpService, Request, Response, StatusCode};
use actix_rt::net::TcpStream;
use async_trait::async_trait;
use futures_util::{SinkExt as _, StreamExt as _};
use palio_domain::{PlayerId, TenantId, TournamentId, UnixMs};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message, http};

pub(super) const START: i64 = 1_700_000_000_000;
pub(super) const SERVER_TIME: &str = "2023-11-14T22:13:20.000Z";
pub(super) const WITHIN: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct Scripted {
    views: Mutex<HashMap<TournamentId, Arc<BoardView>>>,
    own: Mutex<HashMap<PlayerId, OwnRow>>,
    /// For how many players each question was.
    pub(super) asked: Mutex<Vec<usize>>,
    /// How long questions about own rows take, milliseconds.
    pub(super) answer_ms: AtomicU64,
    rankings: Mutex<HashMap<TournamentId, Vec<BoardRow>>>,
}

pub(super) fn id(text: &str) -> TournamentId {
    TournamentId::parse(text).unwrap()
}

pub(super) fn row(rank: u64, key: &str, score: &str) -> BoardRow {
    let player = PlayerId(u64::from(key.as_bytes()[0]));
    let (key, name, score) = (key.to_owned(), format!("Otter {key}"), score.to_owned());
    let points = score.parse::<i64>().unwrap_or(i64::MAX);
    BoardRow { player, key, rank, name, score, points }
}

pub(super) fn view(tournament: &str, rows: &[(&str, &str)]) -> BoardView {
    let rows: Vec<_> = (1..).zip(rows).map(|(rank, (key, score))| row(rank, key, score)).collect();
    BoardView {
        tenant: TenantId(1),
        tournament: id(tournament),
        status: Status::Active,
        participants: u64::try_from(rows.len()).unwrap(),
        ends_at: UnixMs(START + 3_600_000),
        tick_ms: 10,
        decimals: 0,
        cut: (7, 70),
        rows,
    }
}

impl Scripted {
    pub(super) fn show(&self, view: BoardView) {
        self.views.lock().unwrap().insert(view.tournament.clone(), Arc::new(view));
    }

    pub(super) fn race(&self, rows: &[(&str, &str)]) {
        self.show(view("race", rows));
    }

    /// Everybody who is ranked, also beyond the board.
    pub(super) fn rank(&self, tournament: &str, rows: &[(&str, &str)]) {
        self.rankings.lock().unwrap().insert(id(tournament), view(tournament, rows).rows);
    }

    pub(super) fn remove(&self, tournament: &str) {
        self.views.lock().unwrap().remove(&id(tournament));
    }

    pub(super) fn own(&self, player: u64, row: OwnRow) {
        self.own.lock().unwrap().insert(PlayerId(player), row);
    }
}

#[async_trait]
impl Boards for Scripted {
    fn seal(&self, chain: &[u8; 16]) -> [u8; 16] {
        chain.map(|byte| !byte)
    }

    fn view(&self, tournament: &TournamentId) -> Option<Arc<BoardView>> {
        self.views.lock().unwrap().get(tournament).cloned()
    }

    fn ids(&self) -> Vec<TournamentId> {
        self.views.lock().unwrap().keys().cloned().collect()
    }

    async fn own_texts(&self, _: &TournamentId, asked: &[Asked]) -> Vec<Option<OwnText>> {
        self.asked.lock().unwrap().push(asked.len());
        let wait = Duration::from_millis(self.answer_ms.load(Ordering::SeqCst));
        tokio::time::sleep(wait).await;
        let own = self.own.lock().unwrap();
        let text = |asked: &Asked| OwnText::unless(own.get(&asked.who.player)?, asked.known);
        asked.iter().map(text).collect()
    }

    async fn page(&self, of: &TournamentId, offset: u64, limit: u64) -> Option<Vec<BoardRow>> {
        let ranking = self.rankings.lock().unwrap().get(of).cloned()?;
        let skip = usize::try_from(offset).unwrap();
        Some(ranking.into_iter().skip(skip).take(usize::try_from(limit).unwrap()).collect())
    }
}

type State = (u64, String, Vec<(u64, Arc<str>)>);

/// Wallets as they are told to be.
#[derive(Default, Clone)]
pub(super) struct ScriptedPurses {
    states: Arc<Mutex<HashMap<PlayerId, State>>>,
    watched: Arc<()>,
}

struct ScriptedPurse(PlayerId, ScriptedPurses);

impl ScriptedPurses {
    pub(super) fn set(&self, player: u64, seq: u64, text: &str, notices: &[(u64, &str)]) {
        let notices = notices.iter().map(|(seq, text)| (*seq, (*text).into())).collect();
        self.states.lock().unwrap().insert(PlayerId(player), (seq, text.to_owned(), notices));
    }

    /// Wallets that are watched now.
    pub(super) fn watched(&self) -> usize {
        // One here, one with the live side.
        Arc::strong_count(&self.watched) - 2
    }
}

impl Purses for ScriptedPurses {
    fn watch(&self, _: TenantId, player: PlayerId) -> Arc<dyn Purse> {
        Arc::new(ScriptedPurse(player, self.clone()))
    }
}

#[async_trait]
impl Purse for ScriptedPurse {
    fn news(&self) -> u64 {
        self.1.states.lock().unwrap().get(&self.0).map_or(0, |(seq, ..)| *seq)
    }

    fn notices(&self, after: u64) -> Vec<(u64, Arc<str>)> {
        let states = self.1.states.lock().unwrap();
        let notices = states.get(&self.0).into_iter().flat_map(|(_, _, notices)| notices);
        notices.filter(|(seq, _)| *seq > after).cloned().collect()
    }

    async fn text(&self) -> Option<(u64, String)> {
        let states = self.1.states.lock().unwrap();
        states.get(&self.0).map(|(seq, text, _)| (*seq, text.clone()))
    }
}

/// Tokens that say it themselves: `tenant:player:seconds`.
struct Plain;

impl Tokens for Plain {
    fn player(&self, token: &str) -> Option<(TenantId, PlayerId, UnixMs)> {
        let mut fields = token.split(':');
        let tenant = TenantId(fields.next()?.parse().ok()?);
        let player = PlayerId(fields.next()?.parse().ok()?);
        let seconds: i64 = fields.next()?.parse().ok()?;
        Some((tenant, player, UnixMs(START + seconds * 1000)))
    }
}

pub(super) struct Stage {
    pub(super) sources: Sources,
    pub(super) boards: Arc<Scripted>,
    pub(super) purses: ScriptedPurses,
    pub(super) live: Arc<Live>,
    pub(super) now: Arc<AtomicI64>,
    pub(super) url: String,
    pub(super) address: String,
}

impl Stage {
    /// With a tournament `race` of two rows.
    pub(super) fn set() -> Self {
        Self::with(LiveConfig::default())
    }

    pub(super) fn with(config: LiveConfig) -> Self {
        let boards = Arc::new(Scripted::default());
        boards.race(&[("a", "2"), ("b", "1")]);
        let now = Arc::new(AtomicI64::new(START));
        let clock = Arc::clone(&now);
        let clock = Arc::new(move || UnixMs(clock.load(Ordering::SeqCst)));
        let purses = ScriptedPurses::default();
        let sources = Sources {
            boards: boards.clone(),
            purses: Arc::new(purses.clone()),
            tokens: Arc::new(Plain),
            now: clock,
        };
        let live = Live::start(config, sources.clone());
        assert_eq!(live.published(&id("race")).unwrap().seq, 1);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let of_worker = Arc::clone(&live);
        let server = actix_server::Server::build()
            .workers(1)
            .disable_signals()
            .listen("live", listener, move || {
                HttpService::build()
                    .upgrade(of_worker.upgrade_service())
                    .h1(|_: Request| async {
                        Ok::<_, Infallible>(Response::new(StatusCode::IM_A_TEAPOT))
                    })
                    .tcp()
            })
            .unwrap()
            .run();
        actix_rt::spawn(server);
        Self { boards, purses, sources, live, now, url: format!("http://{address}"), address }
    }

    pub(super) async fn open(&self, path: &str) -> Plainly {
        self.try_open(path, &[]).await.unwrap().0
    }

    pub(super) async fn try_open(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(Plainly, http::HeaderMap), tungstenite::Error> {
        let stream = TcpStream::connect(&self.address).await.unwrap();
        self.over(stream, path, headers).await
    }

    pub(super) async fn over(
        &self,
        stream: TcpStream,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<(Plainly, http::HeaderMap), tungstenite::Error> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        let (socket, answer) = tokio_tungstenite::client_async(request, stream).await?;
        Ok((Plainly(socket), answer.headers().clone()))
    }

    /// Status, headers and body of a refusal.
    pub(super) async fn refused(
        &self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> http::Response<String> {
        match self.try_open(path, headers).await {
            Err(tungstenite::Error::Http(answer)) => {
                answer.map(|body| String::from_utf8(body.unwrap_or_default()).unwrap())
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("was not refused"),
        }
    }

    /// Waits until the published board of `race` has come to `seq`.
    pub(super) async fn published(&self, seq: u64) {
        let race = id("race");
        wait(|| self.live.published(&race).is_some_and(|board| board.seq >= seq)).await;
    }

    pub(super) fn epoch(&self) -> String {
        self.live.published(&id("race")).unwrap().epoch.to_string()
    }
}

pub(super) async fn wait(mut until: impl FnMut() -> bool) {
    let all = async {
        while !until() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(WITHIN, all).await.expect("it did not happen in time");
}

/// A client that shows what it gets as it is.
pub(super) struct Plainly(pub(super) WebSocketStream<TcpStream>);

impl Plainly {
    pub(super) async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(WITHIN, self.0.next()).await;
        next.expect("no message in time").expect("the end").expect("a message")
    }

    pub(super) async fn text(&mut self) -> String {
        loop {
            match self.next().await {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(super) async fn bytes(&mut self) -> Vec<u8> {
        loop {
            match self.next().await {
                Message::Binary(bytes) => return bytes.to_vec(),
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(super) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Texts up to the close, and its code.
    pub(super) async fn until_close(&mut self) -> (Vec<String>, u16) {
        let mut texts = Vec::new();
        loop {
            match self.next().await {
                Message::Text(text) => texts.push(text.to_string()),
                Message::Close(frame) => return (texts, frame.map_or(1005, |f| f.code.into())),
                _ => {}
            }
        }
    }

    /// Whether nothing but pings comes for a while.
    pub(super) async fn is_quiet(&mut self) -> bool {
        let texts = async { while let Message::Ping(_) = self.next().await {} };
        tokio::time::timeout(Duration::from_millis(150), texts).await.is_err()
    }
}
