//! Close codes of live sockets, and what each asks of the client.

/// Done.
pub const DONE: u16 = 1000;
/// The server stops: come back with the cursor, after `reconnectMs`.
pub const AWAY: u16 = 1001;
/// A close frame without a code; never sent.
pub const NO_CODE: u16 = 1005;
/// No close frame came at all; never sent.
pub const BROKEN: u16 = 1006;
/// A message was too long.
pub const TOO_LONG: u16 = 1009;
/// Too many sockets, or too many requests: later.
pub const LATER: u16 = 4029;
/// Too slow for too long: come back without a cursor.
pub const SLOW: u16 = 4108;
/// The client broke the protocol.
pub const PROTOCOL: u16 = 4400;
/// The token is not good here.
pub const TOKEN: u16 = 4401;
/// The tournament is no more.
pub const NO_TOURNAMENT: u16 = 4404;

/// What a client should do after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Come back with the cursor.
    Resume,
    /// Come back without a cursor.
    Fresh,
    /// Stay away.
    Never,
}

/// What a close code asks of a client, also one that it does not know.
#[must_use]
pub const fn then(code: u16) -> Then {
    match code {
        DONE | TOO_LONG | 4400..=4499 => Then::Never,
        4100..=4199 => Then::Fresh,
        _ => Then::Resume,
    }
}
