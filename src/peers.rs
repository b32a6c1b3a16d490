//! Who is at the other end of a connection, also behind the server's own TLS front.

use dashmap::DashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Connections that the TLS front has made on behalf of somebody.
#[derive(Debug, Clone, Default)]
pub struct Peers(Arc<DashMap<SocketAddr, IpAddr>>);

impl Peers {
    /// The address behind a connection from `peer`.
    #[must_use]
    pub fn of(&self, peer: Option<SocketAddr>) -> Option<IpAddr> {
        let peer = peer?;
        Some(self.0.view(&peer, |_, behind| *behind).unwrap_or(peer.ip()))
    }

    /// Notes whom a connection from `local` is made for, until what comes back is dropped.
    #[must_use]
    pub fn note(&self, local: SocketAddr, behind: IpAddr) -> Noted {
        self.0.insert(local, behind);
        Noted { peers: self.clone(), local }
    }
}

/// See [`Peers::note`].
#[derive(Debug)]
pub struct Noted {
    peers: Peers,
    local: SocketAddr,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.peers.0.remove(&self.local);
    }
}
