//! The composition root: the only place that wires parts together.

pub mod edge;
mod parts;
mod serving;

use crate::actors::board::Tokens;
use crate::actors::budget::Division;
use crate::actors::desk::Desk;
use crate::actors::follower::{Folds, Follower};
use crate::actors::handle::{CoreHandle, Reply, Work};
use crate::actors::purses::Watches;
use crate::actors::registry::{self, CoreConfig, CoreParts};
use crate::actors::rollover::Rollovers;
use crate::actors::scheduler::{self, Refused, Scheduler};
use crate::actors::schedules::Schedules;
use crate::actors::tournaments::Tournaments;
use crate::auth::{Issuer, ProviderKeys, Role, Verifier};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError, Mode, Secrets, StorageKind};
use crate::http::{self, Limits, Server};
use crate::outgoing::Outgoing;
use crate::peers::Peers;
use crate::players::Players;
use crate::providers::health::{self, Providers};
use crate::providers::sandbox::{self, SandboxConfig};
use crate::providers::series;
use crate::search::Search;
use crate::storage::{self, Storage};
use crate::tls;
use crate::ws::{self, Live, LiveConfig, Sources};
use actix_web::web;
use palio_domain::journal::Keys;
use palio_domain::{PlayerId, TenantId, UnixMs};
use parts::{
    adapters, canonical_keys, intake, named, notices, patience, payers, profile, rules_off,
    session_rules, themes, tournament_types,
};
use serving::{front, serve_admin, serve_with};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Why the server can't run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error(transparent)]
    Storage(#[from] storage::Error),
    /// An address can't be used.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Anything else of the operating system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// Metrics.
    #[error("metrics can't be recorded: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// The configuration asks for something that can't be.
    #[error("{0}")]
    Refused(String),
}

/// Batches the follower may be behind before it reads from the store instead.
const FOLLOWED_MAX: usize = 1_024;

/// A running server.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where metrics are.
    pub admin: SocketAddr,
    /// Where it ends TLS.
    pub tls: Option<SocketAddr>,
    front: Option<tls::Front>,
    /// For operators' tokens.
    pub issuer: Arc<Issuer>,
    core: CoreHandle,
    live: Arc<Live>,
    tournaments: Arc<Tournaments>,
    server: actix_server::ServerHandle,
    admin_server: actix_web::dev::ServerHandle,
    storage: Storage,
    sharing: Option<actix::Arbiter>,
}

/// Opens the configured store for serving.
///
/// # Errors
/// [`Error`].
pub async fn open_storage(config: &Config) -> Result<Storage, Error> {
    Ok(match config.storage.kind {
        StorageKind::Sqlite => {
            std::fs::create_dir_all(&config.storage.data_dir)?;
            storage::sqlite::open(&config.storage.data_dir).await?
        }
        StorageKind::Memory => storage::memory::open(),
        StorageKind::Postgres => {
            let url = postgres_url(config)?;
            let options = storage::postgres::Options {
                url,
                take_over: config.storage.take_over,
                writers: config.core.threads,
            };
            let postgres = storage::postgres::Postgres::open(&options).await?;
            if config.mode == Mode::Production {
                let problems = postgres.durability().await?.problems();
                if !problems.is_empty() && !config.storage.accept_data_loss {
                    return Err(Error::Refused(format!(
                        "PostgreSQL can lose acknowledged rows: {}; mend that or set \
                         storage.accept_data_loss",
                        problems.join("; ")
                    )));
                }
            }
            postgres.storage()
        }
    })
}

/// Opens the configured store for reading only, beside a server that may be running.
///
/// # Errors
/// [`Error`].
pub async fn open_read_only(config: &Config) -> Result<Storage, Error> {
    Ok(match config.storage.kind {
        StorageKind::Sqlite => storage::sqlite::open_read_only(&config.storage.data_dir).await?,
        StorageKind::Postgres => storage::postgres::open_read_only(&postgres_url(config)?).await?,
        StorageKind::Memory => return Err(Error::Refused("memory keeps nothing to read".into())),
    })
}

fn postgres_url(config: &Config) -> Result<String, Error> {
    let name = &config.storage.postgres_url_env;
    std::env::var(name)
        .map_err(|_| Error::Refused(format!("{name} must hold the PostgreSQL address")))
}

struct PlayerTokens {
    verifier: Arc<Verifier>,
    clock: Arc<dyn Clock>,
}

impl Tokens for PlayerTokens {
    fn player(&self, token: &str) -> Option<(TenantId, PlayerId, UnixMs)> {
        let claims = self.verifier.verify(token, self.clock.now()).ok()?;
        let player = claims.player().filter(|_| claims.role == Role::Player)?;
        Some((claims.tenant(), player, claims.expires()))
    }
}

/// Starts everything. Must be called within an actix system.
///
/// # Errors
/// [`Error`]; nothing is left running then that the process's end does not stop.
pub async fn start(config: &Config) -> Result<Running, Error> {
    let secrets = Secrets::load(config)?;
    let outgoing = Outgoing::load(config)?;
    let metrics = crate::metrics::start()?;
    let storage = open_storage(config).await?;
    let keys = Keys::new(secrets.journal_key);
    storage.journal.check_key(keys.check_value()).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let search = Search::open(&storage, config.search.enabled).await?;
    let (committed, batches) = mpsc::channel(FOLLOWED_MAX);
    let (now_serving, serving) = watch::channel(false);
    let parts = CoreParts {
        serving,
        storage: storage.clone(),
        search: Arc::clone(&search),
        keys: keys.clone(),
        clock: Arc::clone(&clock),
        owner: format!("{}-{:08x}", std::process::id(), rand::random::<u32>()),
        committed,
    };
    let core_config = CoreConfig {
        threads: config.core.threads,
        budget: Division {
            in_flight: config.core.commands_in_flight_max,
            reserve: config.core.settle_reserve,
            provider_percent: config.core.provider_share_percent,
            tenant_percent: config.core.tenant_share_percent,
        },
        idle: Duration::from_secs(config.core.wallet_idle_seconds),
        snapshot_every: Duration::from_secs(config.core.snapshot_interval_seconds),
        unsaved_rows_max: config.core.unsaved_rows_max,
    };
    let core = registry::start(&core_config, &parts).await?;
    drop(parts);
    let payers = payers(config, &secrets, &outgoing, &storage, &keys)?;
    let tournaments =
        Tournaments::new(keys.clone(), Arc::clone(&clock), core.clone(), storage.clone(), payers);
    let desk = Desk::new(
        config.provider.iter().filter_map(|of| patience(config, of)).collect(),
        core.clone(),
        keys.clone(),
        Arc::clone(&clock),
        storage.clone(),
    );
    let schedules = Schedules::new(core.clone(), storage.clone());
    let scheduler = Scheduler::new(scheduler::Parts {
        schedules: Arc::clone(&schedules),
        tournaments: Arc::clone(&tournaments),
        notices: notices(config, &secrets, &outgoing, &clock)?,
        clock: Arc::clone(&clock),
        zones: config.tenant.iter().map(|of| (TenantId(of.id), of.zone.clone())).collect(),
        types: tournament_types(config),
        rules_off: rules_off(config),
        definition: http::definition_of,
    });
    let purses = Watches::new(core.clone(), Arc::clone(&clock));
    let folds = Folds {
        tournaments: Arc::clone(&tournaments),
        desk: Arc::clone(&desk),
        search: Arc::clone(&search),
        schedules,
        purses: Arc::clone(&purses),
    };
    follow(&storage, batches, folds, &scheduler, config).await?;

    let issuer = Arc::new(Issuer::new(&secrets.signing, &secrets.public_keys));
    let live_clock = Arc::clone(&clock);
    let now: ws::Clock = Arc::new(move || live_clock.now());
    let peers = Peers::default();
    let live = Live::start(
        live_config(config, &peers),
        Sources {
            boards: tournaments.clone(),
            purses,
            tokens: Arc::new(PlayerTokens {
                verifier: Arc::clone(issuer.verifier()),
                clock: Arc::clone(&clock),
            }),
            now,
        },
    );
    let providers = Arc::new(Providers::new(config));
    restore(&providers, &core, clock.now()).await?;
    watch(outgoing, &providers, &clock, config);
    let state = web::Data::new(Server {
        core: core.clone(),
        players: Arc::new(Players::new(Arc::clone(&storage.directory), keys.clone())),
        keys,
        clock,
        peers: peers.clone(),
        tournaments: Arc::clone(&tournaments),
        scheduler,
        desk,
        search,
        live: Arc::clone(&live),
        profiles: config.provider.iter().map(|of| profile(config, of)).collect(),
        sessions: config.tenant.iter().map(session_rules).collect(),
        raise_wait_ms: i64::from(config.protection.raise_wait_hours) * 3_600_000,
        rates: config
            .provider
            .iter()
            .map(|p| (named(p), http::rate(config.http.provider_rate_per_second)))
            .collect(),
        health: Arc::clone(&providers),
        adapters: adapters(config, &secrets)?,
        providers: Arc::new(ProviderKeys::new(canonical_keys(config, secrets.providers))),
        issuer: Arc::clone(&issuer),
        currencies: config.tenant.iter().map(|t| (TenantId(t.id), t.currency)).collect(),
        limits: Limits {
            body_bytes_max: config.http.body_bytes_max,
            json_depth_max: config.http.json_depth_max,
            body_time_max: Duration::from_secs(config.http.body_seconds_max),
        },
        intake: intake(config),
        player_token_ms: i64::from(config.auth.player_token_minutes) * 60_000,
        demo_players: (config.mode == Mode::Demo).then_some(config.demo.players),
        tournament_types: tournament_types(config),
        rules_off: rules_off(config),
        themes: themes(config),
        public_tenant: TenantId(config.tenant.first().map_or(1, |tenant| tenant.id)),
    });
    let sharing = edge::share(config, &state, &live)?;
    let of_app = state.clone();
    let (server, address) = serve_with(config, &live, move |config| {
        config.app_data(of_app.clone()).configure(http::routes);
    })?;
    let (admin_server, admin) = serve_admin(config, state, metrics)?;
    let front = front(config, address, peers)?;
    now_serving.send_replace(true);
    let tls = front.as_ref().map(|front| front.address);
    Ok(Running {
        address,
        admin,
        tls,
        front,
        issuer,
        core,
        live,
        tournaments,
        server,
        admin_server,
        storage,
        sharing,
    })
}

/// The live side as configured.
fn live_config(config: &Config, peers: &Peers) -> LiveConfig {
    LiveConfig {
        threads: config.live.threads,
        sockets_max: config.live.sockets_max,
        sockets_per_address_max: config.live.sockets_per_address_max,
        sockets_per_tenant_max: config.live.sockets_per_tenant_max,
        drain_ms: config.live.drain_seconds * 1000,
        peers: peers.clone(),
        stalled_ms_max: config.live.stalled_seconds_max * 1000,
        ring_len: config.live.ring,
        allowed_origins: config.live.allowed_origins.clone(),
        ..LiveConfig::default()
    }
}

/// What operators last set, from the journal.
async fn restore(providers: &Providers, core: &CoreHandle, now: UnixMs) -> Result<(), Error> {
    for health in providers.all() {
        let id = health.provider.clone();
        match core.ask(Work::ProviderState(health.tenant, id)).await {
            Reply::Provider(Some(provider)) => health.set(*provider, now),
            Reply::Provider(None) => {}
            // Without it a provider that was switched off would be on again.
            other => {
                let why =
                    format!("provider {}: its state can't be read: {other:?}", health.provider);
                return Err(Error::Refused(why));
            }
        }
    }
    Ok(())
}

/// Starts asking providers how they are.
fn watch(outgoing: Outgoing, providers: &Arc<Providers>, clock: &Arc<dyn Clock>, config: &Config) {
    let rules = config.health.clone();
    let watch = health::watch(outgoing, Arc::clone(providers), Arc::clone(clock), rules);
    actix::spawn(async move {
        if let Err(error) = watch.await {
            tracing::error!(%error, "providers can't be asked how they are");
        }
    });
}

/// Sets what stands in the configuration.
async fn configure(scheduler: &Scheduler, config: &Config) -> Result<(), Error> {
    for (n, (tenant, document)) in config.schedules().enumerate() {
        // Checked with the configuration.
        let tenant = TenantId(u32::try_from(tenant).unwrap_or_default());
        let why = match scheduler.configure(tenant, &document).await {
            Ok(()) => continue,
            Err(Refused::Invalid(lines)) => {
                lines.iter().map(|line| format!("\n  {line}")).collect()
            }
            Err(other) => format!(" {other:?}"),
        };
        return Err(Error::Refused(format!("schedule[{n}] can't be set:{why}")));
    }
    Ok(())
}

/// Starts the fold thread: saved folds, the rows since, then whatever is committed.
async fn follow(
    storage: &Storage,
    batches: mpsc::Receiver<Arc<palio_domain::journal::Batch>>,
    folds: Folds,
    scheduler: &Arc<Scheduler>,
    config: &Config,
) -> Result<(), Error> {
    let (started, is_started) = tokio::sync::oneshot::channel();
    let (storage, scheduler, settings) = (storage.clone(), Arc::clone(scheduler), config.clone());
    let ready = Arc::clone(&folds.tournaments);
    let series = series::Schedule::new(config).map_err(Error::Refused)?;
    let save_every = Duration::from_secs(config.core.snapshot_interval_seconds);
    let arbiter = actix::Arbiter::new();
    arbiter.spawn_fn(move || {
        actix::spawn(async move {
            let restored = async {
                let positions = folds.tournaments.restore().await?;
                folds.desk.restore(&positions).await?;
                folds.schedules.restore(&positions).await.map(|()| positions)
            };
            let positions = match restored.await {
                Ok(positions) => positions,
                Err(error) => {
                    if started.send(Err(Error::Storage(error))).is_err() {
                        tracing::error!("nobody waits for the folds");
                    }
                    return;
                }
            };
            let journal = Arc::clone(&storage.journal);
            let Folds { tournaments, desk, search, schedules, .. } = folds.clone();
            let mut follower = Follower::new(journal, batches, folds, positions, save_every);
            follower.catch_up().await;
            tournaments.show().await;
            // Before anything starts by itself: what was missed is called off, and seen to be.
            if let Err(failure) = scheduler.judge().await {
                tracing::error!(?failure, "instances that were missed could not be called off");
            }
            if let Err(error) = configure(&scheduler, &settings).await {
                if started.send(Err(error)).is_err() {
                    tracing::error!("nobody waits for the folds");
                }
                return;
            }
            follower.catch_up().await;
            actix::spawn(Arc::clone(&tournaments).keep_time());
            actix::spawn(desk.run());
            actix::spawn(search.run());
            let rollovers = Rollovers { tournaments: Arc::clone(&tournaments), schedules };
            actix::spawn(rollovers.run());
            actix::spawn(series.run(tournaments));
            actix::spawn(Arc::clone(&scheduler).run());
            actix::spawn(scheduler.tell());
            if started.send(Ok(())).is_ok() {
                follower.run().await;
            }
        });
    });
    // Where there is little to read, everything is there when the first request comes. Where
    // there is much, wallets serve meanwhile, and boards say that they can't yet (ADR 0011).
    let mut is_started = Box::pin(async move {
        let lost = |_| Error::Refused("the folds could not be started".into());
        is_started.await.map_err(lost)?
    });
    match tokio::time::timeout(FOLDS_WAIT, &mut is_started).await {
        Ok(started) => {
            started?;
            ready.set_ready();
        }
        Err(_) => {
            tracing::info!("serving before the folds are restored");
            actix::spawn(async move {
                match is_started.await {
                    Ok(()) => ready.set_ready(),
                    Err(error) => {
                        tracing::error!(%error, "the folds can't be restored: stopping");
                        actix::System::current().stop_with_code(1);
                    }
                }
            });
        }
    }
    Ok(())
}

/// How long to wait for the folds before wallets serve without them.
const FOLDS_WAIT: Duration = Duration::from_millis(1_500);

impl Running {
    /// Stops taking requests, answers what is under way, saves everything and lets go.
    pub async fn stop(self) {
        tracing::info!("stopping");
        self.live.shutdown().await;
        if let Some(front) = &self.front {
            front.stop();
        }
        self.server.stop(true).await;
        self.admin_server.stop(false).await;
        if let Some(sharing) = self.sharing {
            sharing.stop();
        }
        self.core.stop().await;
        drop(self.tournaments);
        self.storage.close().await;
        tracing::info!("stopped");
    }
}

/// The sandbox provider of the demo.
pub struct Sandbox {
    stop: tokio::sync::watch::Sender<bool>,
    task: actix::Arbiter,
}

impl Sandbox {
    /// Waits for its last calls.
    pub async fn stop(self) {
        if self.stop.send(true).is_err() {
            tracing::debug!("the sandbox had stopped");
        }
        // Its requests in flight are answered before the server stops.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.task.stop();
    }
}

/// Starts the sandbox provider, in demo mode only: a task of its own that knows nothing but the
/// server's address, its signing key and an operator's token.
///
/// # Errors
/// [`Error`].
pub fn start_sandbox(config: &Config, running: &Running) -> Result<Option<Sandbox>, Error> {
    if config.mode != Mode::Demo {
        return Ok(None);
    }
    let keys = Secrets::load(config)?.providers;
    let Some((key_id, key)) = keys.into_iter().find(|(_, key)| key.provider.as_str() == "sandbox")
    else {
        return Err(Error::Refused("the demo needs a provider named sandbox".into()));
    };
    let issuer = Arc::clone(&running.issuer);
    let operator = move || {
        issuer.issue(Role::Operator, key.tenant, "sandbox", None, 60_000, SystemClock.now()).ok()
    };
    let sandbox_config = SandboxConfig {
        outgoing: Outgoing::load(config)?,
        base: format!("http://{}", running.address),
        key_id,
        secret: key.secret,
        operator: Box::new(operator),
        players: config.demo.players,
        bets_per_second: config.demo.bets_per_second,
        seed: config.demo.seed,
        notes: config.storage.data_dir.join("sandbox.json"),
    };
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let task = actix::Arbiter::new();
    task.spawn_fn(move || {
        actix::spawn(sandbox::run(sandbox_config, stopped));
    });
    Ok(Some(Sandbox { stop, task }))
}
