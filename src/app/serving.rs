//! Listening: the public port with its sockets, the admin port, the TLS front.

use super::Error;
use crate::config::Config;
use crate::http::{self, Server};
use crate::peers::Peers;
use crate::tls;
use crate::ws::Live;
use actix_http::HttpService;
use actix_service::map_config;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn listener(address: SocketAddr) -> Result<(std::net::TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { address, source };
    let listener = std::net::TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

pub(super) fn serve_with(
    config: &Config,
    live: &Arc<Live>,
    routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
) -> Result<(actix_server::ServerHandle, SocketAddr), Error> {
    let (listener, address) = listener(config.http.bind)?;
    let live = Arc::clone(live);
    let server = actix_server::Server::build()
        .workers(config.http.workers)
        .disable_signals()
        .shutdown_timeout(5)
        .listen("palio", listener, move || {
            let app = App::new().wrap(from_fn(http::trace)).configure(routes.clone());
            HttpService::build()
                .keep_alive(Duration::from_secs(75))
                .upgrade(live.upgrade_service())
                .h1(map_config(app, |_| AppConfig::default()))
                .tcp()
        })?
        .run();
    let handle = server.handle();
    actix::spawn(server);
    Ok((handle, address))
}

/// The TLS front, where one is configured.
pub(super) fn front(
    config: &Config,
    inner: SocketAddr,
    peers: Peers,
) -> Result<Option<tls::Front>, Error> {
    // What is not an address was refused with the configuration.
    let Ok(bind) = config.tls.bind.parse() else { return Ok(None) };
    Ok(Some(tls::start(&config.tls, bind, inner, peers)?))
}

/// Keeps the recorder's histograms small.
pub(super) fn keep_up(metrics: &PrometheusHandle) {
    let upkeep = metrics.clone();
    actix::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(5));
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    });
}

pub(super) fn serve_admin(
    config: &Config,
    state: web::Data<Server>,
    metrics: PrometheusHandle,
) -> Result<(actix_web::dev::ServerHandle, SocketAddr), Error> {
    let (listener, address) = listener(config.admin.bind)?;
    keep_up(&metrics);
    let metrics = web::Data::new(metrics);
    let server = HttpServer::new(move || {
        App::new().app_data(state.clone()).app_data(metrics.clone()).configure(http::admin_routes)
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    actix::spawn(server);
    Ok((handle, address))
}
