//! TLS in the server itself, for those who have no proxy that does it.
//!
//! A front ends TLS and hands plain bytes to the server's own port over the loopback, so that
//! everything behind it behaves the same; it costs a copy, a second socket and TLS's own buffers
//! per connection. Who is at the other end is noted with [`Peers`], so that limits per address
//! hold.
//!
//! Certificates are read again when their files have changed; connections that are open keep
//! theirs. **Bounded:** [`HANDSHAKES_MAX`] handshakes at a time, each [`HANDSHAKE_MAX`] long.

use crate::config;
use crate::peers::Peers;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// Handshakes at a time; more wait in the kernel's queue.
const HANDSHAKES_MAX: usize = 512;
/// How long one may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(60);

/// Why TLS can't be offered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read, or has no such thing in it.
    #[error("tls: {0} can't be read: {1}")]
    File(String, rustls::pki_types::pem::Error),
    /// Certificate and key don't go together, or are not good.
    #[error("tls: {0}")]
    NotGood(#[from] rustls::Error),
    /// The address can't be listened at.
    #[error("tls: can't listen at {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

/// The front while it runs.
#[derive(Debug)]
pub struct Front {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
}

impl Front {
    /// Takes no more connections; those that are open end with the server behind.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// The certificates in a file's content, at least one.
///
/// # Errors
/// What is wrong with it.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    // None at all would be a list of trusted authorities on which nobody is.
    all.ok().filter(|all| !all.is_empty()).ok_or("must have certificates in PEM")
}

fn read(of: &config::Tls) -> Result<Arc<ServerConfig>, Error> {
    let wrong = |path: &Path| {
        let path = path.display().to_string();
        move |error| Error::File(path, error)
    };
    let certificates = CertificateDer::pem_file_iter(&of.certificate_file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(wrong(&of.certificate_file))?;
    let key = PrivateKeyDer::from_pem_file(&of.key_file).map_err(wrong(&of.key_file))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut made = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    made.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(made))
}

fn changed(of: &config::Tls) -> Option<SystemTime> {
    let at = |path: &Path| std::fs::metadata(path).and_then(|data| data.modified()).ok();
    at(&of.certificate_file).max(at(&of.key_file))
}

/// Starts the front before the server that listens at `inner`.
///
/// # Errors
/// [`Error`].
pub fn start(
    of: &config::Tls,
    bind: SocketAddr,
    inner: SocketAddr,
    peers: Peers,
) -> Result<Front, Error> {
    let current = Arc::new(RwLock::new(read(of)?));
    let failed = |error| Error::Listen(bind, error);
    let listener = std::net::TcpListener::bind(bind).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let listener = TcpListener::from_std(listener).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(renew(of.clone(), Arc::clone(&current), stopped.clone()));
    tokio::spawn(accept(listener, current, inner, peers, stopped));
    Ok(Front { address, stop })
}

async fn renew(
    of: config::Tls,
    current: Arc<RwLock<Arc<ServerConfig>>>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut last = changed(&of);
    while tokio::time::timeout(LOOK, stopped.wait_for(|stop| *stop)).await.is_err() {
        let now = changed(&of);
        if now == last {
            continue;
        }
        last = now;
        match read(&of) {
            Ok(new) => {
                *current.write().unwrap_or_else(PoisonError::into_inner) = new;
                tracing::info!("certificates were read again");
            }
            Err(error) => tracing::error!(%error, "new certificates are not good: the old stay"),
        }
    }
}

async fn accept(
    listener: TcpListener,
    current: Arc<RwLock<Arc<ServerConfig>>>,
    inner: SocketAddr,
    peers: Peers,
    mut stopped: watch::Receiver<bool>,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let Ok(place) = Arc::clone(&handshakes).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection can't be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let config = Arc::clone(&current.read().unwrap_or_else(PoisonError::into_inner));
        let peers = peers.clone();
        tokio::spawn(async move {
            let acceptor = TlsAcceptor::from(config);
            let greeted = tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await;
            drop(place);
            let Ok(Ok(mut outside)) = greeted else {
                metrics::counter!("palio_tls_handshakes_failed_total").increment(1);
                return;
            };
            outside.get_ref().0.set_nodelay(true).ok();
            let Ok(mut inside) = connect(inner).await else { return };
            let Ok(local) = inside.local_addr() else { return };
            let _noted = peers.note(local, peer.ip());
            // Either end may go whenever it likes.
            copy_bidirectional(&mut outside, &mut inside).await.ok();
        });
    }
}

async fn connect(inner: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(inner).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
