//! What can go wrong between this tool and a server.

use crate::board;
use std::io;
use tokio_tungstenite::tungstenite;

/// A failure; a refusal by the server is an answer, not an error, except where an answer is
/// needed to go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Wrong arguments or environment.
    #[error("{0}")]
    Usage(String),
    /// The network, or a file.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// No answer in time.
    #[error("no answer within {0} ms")]
    Timeout(u128),
    /// The bytes are not HTTP, JSON or the shape that docs/protocol.md promises.
    #[error("not a valid answer: {0}")]
    Malformed(String),
    /// An answer that does not allow to go on.
    #[error("{what}: {status} {code}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The error code of the body, or `-`.
        code: String,
    },
    /// The socket failed.
    #[error("socket: {0}")]
    Socket(Box<tungstenite::Error>),
    /// PostgreSQL, which only the baseline and the ladder speak to.
    #[error("database: {0}")]
    Database(Box<sqlx::Error>),
    /// A frame does not fit the board.
    #[error("board: {0}")]
    Board(#[from] board::Error),
}

impl Error {
    /// A short stable word for tables.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "USAGE",
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::ConnectionRefused => "CONNECTION_REFUSED",
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "CONNECTION_RESET",
                io::ErrorKind::UnexpectedEof => "CONNECTION_CLOSED",
                _ => "IO",
            },
            Self::Timeout(_) => "TIMEOUT",
            Self::Malformed(_) => "MALFORMED",
            Self::Refused { .. } => "REFUSED",
            Self::Socket(_) => "SOCKET",
            Self::Database(_) => "DATABASE",
            Self::Board(_) => "BOARD",
        }
    }

    pub(crate) fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

impl From<tungstenite::Error> for Error {
    fn from(error: tungstenite::Error) -> Self {
        Self::Socket(Box::new(error))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Box::new(error))
    }
}
