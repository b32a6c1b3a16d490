//! Who may come in, over a socket or a stream: the one place that says no, and why.

use super::Live;
use super::request::Cursor;
use super::seats::{Full, Seat};
use super::topic::Topic;
use palio_domain::{TenantId, TournamentId};
use palio_protocol::{ErrorCode, Problem};
use std::net::IpAddr;
use std::sync::Arc;

/// Why somebody does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Nothing is at this path.
    Nowhere,
    /// No such tournament.
    NotFound,
    /// Not a WebSocket handshake.
    BadHandshake,
    /// Not version 13 of the protocol.
    OldVersion,
    /// None of the subprotocols offered is known.
    Subprotocol,
    /// A page of a foreign origin.
    Origin,
    /// No seat is left.
    Full(Full),
    /// The node stops.
    Stopping,
    /// The node restores its boards.
    Starting,
    /// An edge node has no players' wallets.
    Elsewhere,
}

impl Refused {
    /// The answer.
    #[must_use]
    pub fn problem(self) -> Problem {
        let (code, detail, retry_after_s) = match self {
            Self::Nowhere => (ErrorCode::NotFound, "there is no socket at this path", None),
            Self::NotFound => (ErrorCode::TournamentNotFound, "no such tournament", None),
            Self::BadHandshake => (ErrorCode::BadHandshake, "not a WebSocket handshake", None),
            Self::OldVersion => (ErrorCode::BadHandshake, "only WebSocket version 13", None),
            Self::Subprotocol => {
                (ErrorCode::UnknownSubprotocol, "offer palio.v1.json or palio.v1.bin", None)
            }
            Self::Origin => {
                (ErrorCode::OriginNotAllowed, "pages of this origin may not connect", None)
            }
            Self::Full(Full::Node) => (ErrorCode::NodeFull, "this node is full", Some(5)),
            Self::Full(Full::Address) => {
                (ErrorCode::TooManySockets, "too many sockets from this address", Some(5))
            }
            Self::Full(Full::Tenant) => {
                (ErrorCode::TooManySockets, "too many sockets of this brand", Some(5))
            }
            Self::Starting => (ErrorCode::StorageUnavailable, "boards are being restored", Some(1)),
            Self::Elsewhere => {
                (ErrorCode::Misdirected, "this is an edge node; ask a core node", None)
            }
            Self::Stopping => (ErrorCode::ShuttingDown, "this node is stopping", Some(1)),
        };
        Problem { retry_after_s, ..Problem::new(code, detail) }
    }
}

/// A tournament's topic and a seat before it.
///
/// # Errors
/// [`Refused`].
pub fn admit(
    live: &Live,
    id: &TournamentId,
    address: Option<IpAddr>,
    cursor: Option<&Cursor>,
) -> Result<(Arc<Topic>, Seat), Refused> {
    if !live.topics.is_ready() {
        return Err(Refused::Starting);
    }
    let missing = || if live.knows(id) { Refused::NotFound } else { Refused::Starting };
    let topic = live.topics.open(id).ok_or_else(missing)?;
    let published = topic.published();
    // Another edge has shown it a board of a core that has not reached this one yet.
    if cursor.is_some_and(|cursor| published.is_before(&cursor.epoch)) {
        return Err(Refused::Starting);
    }
    let tenant = published.about.tenant;
    seat(live, address, Some(tenant)).map(|seat| (topic, seat))
}

/// A seat of this brand, if it is known already.
///
/// # Errors
/// [`Refused`].
pub fn seat(
    live: &Live,
    address: Option<IpAddr>,
    tenant: Option<TenantId>,
) -> Result<Seat, Refused> {
    if *live.stopping.borrow() {
        return Err(Refused::Stopping);
    }
    live.seats.take(address, tenant).map_err(Refused::Full)
}
