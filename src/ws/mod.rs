//! The live side: boards to browsers over WebSocket, and the same boards for polling.
//!
//! ```text
//!             every tick                 newest only              ready bytes
//! Boards ◀─────────────── Broadcaster ─────────────▶ Hub: Room ───────────────▶ sockets
//!                   (one per tournament)    (one per live thread)
//!                                                       ▲ Arrival (bounded)
//! browser ──▶ HTTP worker ──▶ upgrade ──────────────────┘
//! ```
//! **Invariants:** a delta never goes out without its base; a slow client costs only itself, and
//! a bounded amount; the threads that serve HTTP never write to a socket.
//!
//! `ring`, `frames`, `topic`, `request` and `seats` know nothing of actix, `said` only its codec.
//! Tests: in each of them, and over real sockets in `tests/`.

pub mod doors;
pub mod frames;
pub mod hall;
pub mod own;
pub mod polling;
pub mod published;
pub mod purse;
pub mod request;
pub mod ring;
mod room;
pub mod said;
pub mod seats;
mod session;
mod socket;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod topic;
pub mod upgrade;

use crate::actors::broadcaster::{self, Directory};
use crate::actors::hub::{self, Hub};
use crate::peers::Peers;
use actix::{Actor as _, Addr};
use actix_rt::Arbiter;
pub use hall::Sources;
use hall::{Arrival, Hall};
use palio_domain::{TournamentId, TraceId, UnixMs};
use palio_protocol::Problem;
use published::Published;
use request::Cursor;
use seats::Seats;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use stream::Stream;
use tokio::sync::{mpsc, watch};
use topic::Topics;
use upgrade::UpgradeService;

/// The time, passed in.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

/// Sockets that may wait for a live thread; beyond them upgrades are refused.
const ARRIVALS_MAX: usize = 16 * 1024;
/// How long goodbyes may take after the last was said.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

fn count_resync(kind: &'static str) {
    metrics::counter!("palio_ws_resyncs_total", "kind" => kind).increment(1);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these guard is whole at every point where a panic could be.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How the live side behaves.
#[derive(Debug, Clone)]
pub struct LiveConfig {
    /// Live threads.
    pub threads: usize,
    /// Sockets on this node.
    pub sockets_max: usize,
    /// Sockets per peer address (IPv6: per /64); 0 for no limit, as behind a proxy.
    pub sockets_per_address_max: usize,
    /// Sockets per tenant; 0 for no limit.
    pub sockets_per_tenant_max: usize,
    /// Over how long goodbyes are spread when the node stops, milliseconds.
    pub drain_ms: u64,
    /// For how long a socket may take nothing before it is closed with 4108.
    pub stalled_ms_max: u64,
    /// Boards kept per tournament, for resumes and slow readers.
    pub ring_len: usize,
    /// Origins, as browsers send them, whose pages may open sockets besides the server's own.
    pub allowed_origins: Vec<String>,
    /// Who is behind connections from the TLS front.
    pub peers: Peers,
    /// How often each socket is pinged; one that misses three pings is dropped at the fourth. Well
    /// below the minute after which most proxies end a connection that is silent.
    pub heartbeat_ms: u64,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self {
            threads: 1,
            sockets_max: 20_000,
            sockets_per_address_max: 0,
            sockets_per_tenant_max: 0,
            drain_ms: 0,
            stalled_ms_max: 60_000,
            ring_len: 256,
            allowed_origins: Vec::new(),
            peers: Peers::default(),
            heartbeat_ms: 30_000,
        }
    }
}

struct LiveThread {
    arrivals: mpsc::Sender<Arrival>,
    hub: Addr<Hub>,
}

/// The live side of a node.
pub struct Live {
    config: LiveConfig,
    topics: Arc<Topics>,
    seats: Arc<Seats>,
    threads: Vec<LiveThread>,
    directory: Option<Addr<Directory>>,
    stale: watch::Sender<Option<UnixMs>>,
    next: AtomicUsize,
    traces: AtomicU64,
    boot: UnixMs,
    stopping: watch::Sender<bool>,
    now: Clock,
    arbiters: Mutex<Vec<Arbiter>>,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A reserved place on a live thread.
pub(crate) struct Place(mpsc::OwnedPermit<Arrival>);

impl Place {
    fn send(self, arrival: Arrival) {
        self.0.send(arrival);
    }
}

impl Live {
    /// Starts the live threads and the broadcasters. Must be called within an actix system.
    #[must_use]
    pub fn start(config: LiveConfig, sources: Sources) -> Arc<Self> {
        Self::open(config, sources, true)
    }

    /// As [`start`](Self::start), without broadcasters: for boards that another node publishes,
    /// which somebody puts into [`topics`](Self::topics).
    #[must_use]
    pub fn follow(config: LiveConfig, sources: Sources) -> Arc<Self> {
        Self::open(config, sources, false)
    }

    fn open(config: LiveConfig, sources: Sources, publishes: bool) -> Arc<Self> {
        let now = Arc::clone(&sources.now);
        let mut arbiters = Vec::new();
        let stale = watch::Sender::new(None);
        let threads = (0..config.threads.max(1)).map(|_| {
            let (sender, arrivals) = mpsc::channel(ARRIVALS_MAX);
            let sources = sources.clone();
            let stalled_max = Duration::from_millis(config.stalled_ms_max);
            let heartbeat = Duration::from_millis(config.heartbeat_ms);
            let arbiter = Arbiter::new();
            let freshness = stale.subscribe();
            let hub = Hub::start_in_arbiter(&arbiter.handle(), move |_| {
                Hub::new(Hall::new(sources, stalled_max), arrivals, freshness, heartbeat)
            });
            arbiters.push(arbiter);
            LiveThread { arrivals: sender, hub }
        });
        let threads = threads.collect();
        let boot = now();
        let boards = Arc::clone(&sources.boards);
        let topics = Arc::new(Topics::new(boards, Arc::clone(&now), config.ring_len));
        let directory = publishes.then(|| {
            let arbiter = Arbiter::new();
            let of = Arc::clone(&topics);
            let directory = Directory::start_in_arbiter(&arbiter.handle(), |_| Directory::new(of));
            arbiters.push(arbiter);
            directory
        });
        Arc::new(Self {
            seats: Seats::new(
                config.sockets_max,
                config.sockets_per_address_max,
                config.sockets_per_tenant_max,
            ),
            config,
            topics,
            threads,
            directory,
            stale,
            next: AtomicUsize::default(),
            traces: AtomicU64::default(),
            boot,
            stopping: watch::Sender::new(false),
            now,
            arbiters: Mutex::new(arbiters),
        })
    }

    /// The service for `HttpService::build().upgrade(…)`; one for every worker.
    #[must_use]
    pub fn upgrade_service(self: &Arc<Self>) -> UpgradeService {
        upgrade::service(self)
    }

    /// Every published board.
    #[must_use]
    pub const fn topics(&self) -> &Arc<Topics> {
        &self.topics
    }

    /// Whether a board that is not there does not exist.
    #[must_use]
    pub fn knows(&self, id: &TournamentId) -> bool {
        self.topics.is_ready() && !self.topics.is_expected(id)
    }

    /// Since when boards are not what a core shows now; `None` while they are.
    #[must_use]
    pub fn stale(&self) -> Option<UnixMs> {
        *self.stale.borrow()
    }

    /// Says since when boards are not what a core shows now, to every socket.
    pub fn set_stale(&self, since: Option<UnixMs>) {
        self.stale.send_if_modified(|stale| {
            let changed = stale.is_some() != since.is_some();
            if changed {
                *stale = since;
            }
            changed
        });
    }

    /// A tournament's newest board, with its ready bytes.
    #[must_use]
    pub fn published(&self, id: &TournamentId) -> Option<Arc<Published>> {
        self.topics.open(id).map(|topic| topic.published())
    }

    /// A tournament's board as server-sent events, for a client with this cursor.
    ///
    /// # Errors
    /// Why it gets none, as a problem.
    pub fn stream(
        &self,
        id: &TournamentId,
        address: Option<IpAddr>,
        cursor: Option<(&str, u64)>,
    ) -> Result<Stream, Box<Problem>> {
        let cursor = cursor.map(|(epoch, seq)| Cursor { epoch: epoch.into(), seq });
        Stream::open(self, id, address, cursor).map_err(|refused| Box::new(refused.problem()))
    }

    /// Open sockets.
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.seats.taken()
    }

    /// Says goodbye to every socket and stops all threads of the live side, within seconds.
    pub async fn shutdown(&self) {
        if self.stopping.send_replace(true) {
            return;
        }
        let over = Duration::from_millis(self.config.drain_ms);
        let open = self.seats.taken();
        let stop = || hub::Stop { over, open };
        let goodbyes = self.threads.iter().map(|thread| thread.hub.send(stop()));
        let goodbyes = futures_util::future::join_all(goodbyes);
        if tokio::time::timeout(over + SHUTDOWN_MAX, goodbyes).await.is_err() {
            tracing::warn!("live threads did not stop in time");
        }
        let directory = self.directory.as_ref();
        if directory.is_some_and(|of| of.try_send(broadcaster::Stop).is_err()) {
            tracing::warn!("broadcasters were stopped with their thread");
        }
        for arbiter in lock(&self.arbiters).drain(..) {
            arbiter.stop();
        }
    }

    /// A place on the next live thread that has one.
    fn place(&self) -> Option<Place> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.threads.len();
        let (after, from) = self.threads.split_at_checked(first)?;
        let mut threads = from.iter().chain(after);
        threads.find_map(|thread| thread.arrivals.clone().try_reserve_owned().ok()).map(Place)
    }

    /// The caller's own trace id if it has a good one, else a new one.
    fn trace(&self, own: Option<&str>) -> String {
        let plain =
            |text: &&str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        match own.filter(plain).map(TraceId::parse) {
            Some(Ok(own)) => own.as_str().to_owned(),
            Some(Err(_)) | None => {
                let count = self.traces.fetch_add(1, Ordering::Relaxed);
                format!("ws-{:x}-{count:x}", self.boot.0)
            }
        }
    }
}

/// Tells the recorder what the live side's metrics mean.
pub fn describe_metrics() {
    use metrics::{Unit, describe_counter, describe_gauge};
    describe_gauge!(
        "palio_ws_sockets",
        "Open sockets and event streams, those in their closing handshake included."
    );
    describe_counter!("palio_ws_frames_sent_total", "Frames begun to be sent to sockets.");
    describe_counter!("palio_ws_bytes_sent_total", Unit::Bytes, "Bytes written to sockets.");
    describe_counter!(
        "palio_ws_resyncs_total",
        "Clients brought up to date: by a resume, a snapshot for a lost base, or a merged delta."
    );
    describe_counter!("palio_ws_closed_total", "Sockets that ended, by close code.");
}
