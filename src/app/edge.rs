//! Boards on several nodes: what a core starts beside itself, and the edge role.

use super::serving::{front, keep_up, listener, serve_with};
use super::{Error, PlayerTokens, live_config};
use crate::actors::board::{Asked, BoardRow, BoardView, Boards, OwnText, Tokens};
use crate::actors::purse::{Purse, Purses};
use crate::auth::Verifier;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Config, RedisKind, RedisSecrets};
use crate::edge::own::OwnRows;
use crate::edge::pulse::Pulse;
use crate::edge::reader::{Parts, Reader};
use crate::edge::redis::{Kind, Login, Options, Redis, Tls};
use crate::edge::shelf::{self, Shelf};
use crate::edge::store::Store;
use crate::edge::writer::Writer;
use crate::http::{self, Edge, Listing, Server};
use crate::outgoing::Outgoing;
use crate::peers::Peers;
use crate::ws::{self, Live, Sources};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use async_trait::async_trait;
use futures_util::future::join_all;
use palio_domain::{PlayerId, TenantId, TournamentId, UnixMs};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Redis as configured; `None` when boards are not shared.
fn redis(config: &Config) -> Result<Option<Arc<dyn Store>>, Error> {
    let redis = &config.live.redis;
    let kind = match redis.kind {
        RedisKind::None => return Ok(None),
        RedisKind::Single => Kind::Single,
        RedisKind::Sentinel => Kind::Sentinel,
        RedisKind::Cluster => Kind::Cluster,
    };
    let secrets = RedisSecrets::load(config)?;
    let options = Options {
        kind,
        urls: redis.urls.clone(),
        master: redis.master.clone(),
        login: Login { username: redis.username.clone(), password: secrets.password },
        sentinel_login: Login {
            username: redis.sentinel_username.clone(),
            password: secrets.sentinel_password,
        },
        tls: Tls { authorities: secrets.authorities, own: secrets.own },
        prefix: redis.prefix.clone(),
    };
    let store = Redis::new(&options);
    let store = store.map_err(|why| Error::Refused(format!("live.redis can't be used: {why}")))?;
    Ok(Some(Arc::new(store)))
}

/// Starts sharing a core's boards, if it is configured, on a thread of its own.
pub(super) fn share(
    config: &Config,
    state: &web::Data<Server>,
    live: &Arc<Live>,
) -> Result<Option<actix::Arbiter>, Error> {
    let Some(store) = redis(config)? else { return Ok(None) };
    let clock = Arc::clone(&state.clock);
    let now: ws::Clock = Arc::new(move || clock.now());
    let pulse = Pulse::new(now());
    let (arbiter, topics) = (actix::Arbiter::new(), Arc::clone(live.topics()));
    let keep = config.live.redis.entries;
    let writer = Writer::new(Arc::clone(&store), Arc::clone(&pulse), Arc::clone(&now), keep);
    arbiter.spawn(writer.run(topics));
    let listing = Arc::new(Listing::new(state.clone()));
    arbiter.spawn(shelf::write(listing, Arc::clone(&store), Arc::clone(&pulse)));
    arbiter.spawn(pulse.run(store, now));
    Ok(Some(arbiter))
}

/// An edge has no boards of its own: what it shows is put into its topics by the reader.
struct Followed {
    shelf: Arc<Shelf>,
    is_ready: Arc<AtomicBool>,
    own: Option<OwnRows>,
}

#[async_trait]
impl Boards for Followed {
    fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Acquire)
    }

    /// Never asked for: an edge makes no proofs.
    fn seal(&self, _: &[u8; 16]) -> [u8; 16] {
        [0; 16]
    }

    fn view(&self, _: &TournamentId) -> Option<Arc<BoardView>> {
        None
    }

    fn ids(&self) -> Vec<TournamentId> {
        Vec::new()
    }

    fn is_expected(&self, tournament: &TournamentId) -> bool {
        self.shelf.has(tournament)
    }

    fn asks_with_tokens(&self) -> bool {
        true
    }

    async fn own_texts(&self, tournament: &TournamentId, asked: &[Asked]) -> Vec<Option<OwnText>> {
        let Some(own) = &self.own else { return Vec::new() };
        let ask = async |asked: &Asked| {
            let row = own.ask(tournament, &asked.who).await?;
            OwnText::unless(&row, asked.known)
        };
        join_all(asked.iter().map(ask)).await
    }

    async fn page(&self, _: &TournamentId, _: u64, _: u64) -> Option<Vec<BoardRow>> {
        None
    }
}

/// An edge has no wallets; nobody gets so far as to ask.
struct NoPurses;

impl Purses for NoPurses {
    fn watch(&self, _: TenantId, _: PlayerId) -> Arc<dyn Purse> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Purse for NoPurses {
    fn news(&self) -> u64 {
        0
    }

    fn notices(&self, _: u64) -> Vec<(u64, Arc<str>)> {
        Vec::new()
    }

    async fn text(&self) -> Option<(u64, String)> {
        None
    }
}

/// Tokens on an edge, which may lack what they are checked with.
struct EdgeTokens(Option<PlayerTokens>);

impl Tokens for EdgeTokens {
    fn player(&self, token: &str) -> Option<(TenantId, PlayerId, UnixMs)> {
        self.0.as_ref()?.player(token)
    }

    fn is_able(&self) -> bool {
        self.0.is_some()
    }
}

/// A running edge.
pub struct RunningEdge {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where metrics are.
    pub admin: SocketAddr,
    live: Arc<Live>,
    server: actix_server::ServerHandle,
    admin_server: actix_web::dev::ServerHandle,
    reader: actix::Arbiter,
    front: Option<crate::tls::Front>,
}

/// Starts an edge. Must be called within an actix system.
///
/// # Errors
/// [`Error`]; nothing is left running then that the process's end does not stop.
pub fn start(config: &Config) -> Result<RunningEdge, Error> {
    // The configuration of an edge was refused without.
    let without = || Error::Refused("live.redis.kind is none".into());
    let store = redis(config)?.ok_or_else(without)?;
    let metrics = crate::metrics::start()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keys = config::public_keys(config)?;
    let verifier = (!keys.is_empty()).then(|| Arc::new(Verifier::new(keys)));
    let (own, every) = (&config.edge, Duration::from_millis(config.edge.own_rows_ms));
    let own = match own.core_url.as_str() {
        "" => None,
        core => {
            let rows = OwnRows::new(&Outgoing::load(config)?, core, own.own_rows_at_once, every);
            let wrong = |error| Error::Refused(format!("edge.core_url can't be asked: {error}"));
            Some(rows.map_err(wrong)?)
        }
    };
    let tokens = verifier.clone().filter(|_| own.is_some());
    let tokens = tokens.map(|verifier| PlayerTokens { verifier, clock: Arc::clone(&clock) });
    let (shelf, is_ready) = (Arc::new(Shelf::default()), Arc::new(AtomicBool::default()));
    let boards = Followed { shelf: Arc::clone(&shelf), is_ready: Arc::clone(&is_ready), own };
    let of_live = Arc::clone(&clock);
    let now: ws::Clock = Arc::new(move || of_live.now());
    let peers = Peers::default();
    let live = Live::follow(
        live_config(config, &peers),
        Sources {
            boards: Arc::new(boards),
            purses: Arc::new(NoPurses),
            tokens: Arc::new(EdgeTokens(tokens)),
            now: Arc::clone(&now),
        },
    );
    let reader = Reader::new(Parts {
        store,
        shelf: Arc::clone(&shelf),
        live: Arc::clone(&live),
        now,
        stale_after: Duration::from_millis(config.edge.stale_ms),
        ring_len: config.live.ring,
        is_ready: Arc::clone(&is_ready),
    });
    let arbiter = actix::Arbiter::new();
    arbiter.spawn(reader.run());
    let state = web::Data::new(Edge {
        live: Arc::clone(&live),
        shelf,
        peers: peers.clone(),
        verifier,
        clock,
        public_tenant: TenantId(config.tenant.first().map_or(1, |tenant| tenant.id)),
        is_ready,
    });
    let of_admin = state.clone();
    let (server, address) = serve_with(config, &live, move |config| {
        config.app_data(state.clone()).configure(http::edge_routes);
    })?;
    let front = front(config, address, peers)?;
    let (admin_listener, admin) = listener(config.admin.bind)?;
    keep_up(&metrics);
    let metrics = web::Data::new(metrics);
    let admin_server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(http::trace))
            .app_data(of_admin.clone())
            .app_data(metrics.clone())
            .configure(http::edge_admin_routes)
    })
    .workers(1)
    .disable_signals()
    .listen(admin_listener)?
    .run();
    let admin_handle = admin_server.handle();
    actix::spawn(admin_server);
    Ok(RunningEdge {
        address,
        admin,
        live,
        server,
        admin_server: admin_handle,
        reader: arbiter,
        front,
    })
}

impl RunningEdge {
    /// Says goodbye to its sockets, answers what is under way and ends.
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.live.shutdown().await;
        if let Some(front) = &self.front {
            front.stop();
        }
        self.server.stop(true).await;
        self.admin_server.stop(false).await;
        self.reader.stop();
        tracing::info!("stopped");
    }
}
