//! Live boards on the wire (docs/protocol/live.md): what is shown, how it changes, how both are
//! written as JSON and in the binary form, and how a board is proven.
//!
//! **Invariants:** [`Delta`] of two boards, applied to the first, gives the second, exactly, in
//! either form. A row's strings are shared by all boards that show it unchanged.

pub mod binary;
mod board;
mod client;
pub mod close;
pub mod json;
mod proof;
mod shown;
#[cfg(test)]
mod tests;

pub use board::{Board, Change, Delta, Entry, Row, Status, show};
pub use client::{CLIENT_MESSAGE_LEN_MAX, Request};
pub use proof::{Chain, Digest, Proof, hash};
pub use shown::{Shown, ShownAnswer, ShownRow};

/// A subprotocol of the board's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// `palio.v1.json`.
    #[default]
    Json,
    /// `palio.v1.bin`.
    Binary,
}

impl Form {
    /// Every form, the default first.
    pub const ALL: [Self; 2] = [Self::Json, Self::Binary];

    /// Its name in the handshake.
    #[must_use]
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "palio.v1.json",
            Self::Binary => "palio.v1.bin",
        }
    }
}
