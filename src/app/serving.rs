//! Listening: the public port with its sockets, the admin port, the TLS front.

use super::Error;
use crate::config::Config;
use crate::http::{self, Server};
use crate::peers::Peers;
use crate::tls;
use crate::ws::Live;
use actix_http::HttpService;
use actix_rt::net::TcpStream;
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
    // Sockets are looked after by the live side, which says goodbye first.
    let silence = Duration::from_secs(config.live.stalled_seconds_max * 2);
    let server = actix_server::Server::build()
        .workers(config.http.workers)
        .disable_signals()
        .shutdown_timeout(5)
        .listen("palio", listener, move || {
            let app = App::new().wrap(from_fn(http::trace)).configure(routes.clone());
            HttpService::build()
                .keep_alive(Duration::from_secs(75))
                .on_connect_ext(move |socket: &TcpStream, _| bound_silence(socket, silence))
                .upgrade(live.upgrade_service())
                .h1(map_config(app, |_| AppConfig::default()))
                .tcp()
        })?
        .run();
    let handle = server.handle();
    actix::spawn(server);
    Ok((handle, address))
}

/// Ends a connection whose peer takes none of what is sent to it for so long: nobody else looks
/// after answers and event streams once they are on their way.
#[cfg(target_os = "linux")]
fn bound_silence(socket: &TcpStream, silence: Duration) {
    let ms = u32::try_from(silence.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(socket, ms) {
        tracing::debug!(%error, "a connection may stay silent for long");
    }
}

#[cfg(not(target_os = "linux"))]
const fn bound_silence(_: &TcpStream, _: Duration) {}

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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut socket, _) = listener.accept().await.unwrap();
        bound_silence(&socket, Duration::from_millis(500));
        let endless = async {
            loop {
                if let Err(error) = socket.write_all(&[0; 65_536]).await {
                    return error;
                }
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(30), endless).await.expect("bounded");
        assert_eq!(ended.kind(), std::io::ErrorKind::TimedOut);
        drop(peer);
    }
}
