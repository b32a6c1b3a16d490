//! What a client may send, in either form: short texts.

use crate::field::Object;
use serde::Deserialize;

/// The longest message of a client, bytes, in one frame or several.
pub const CLIENT_MESSAGE_LEN_MAX: usize = 4 * 1024;

/// What a client can ask for.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "t", rename_all = "lowercase")]
pub enum Request {
    /// To be known as a player: to be sent the own row, too; again with a newer token.
    Auth {
        /// A player's token.
        token: String,
    },
    /// To be answered with a `pong`.
    Ping,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auth { .. } => "Auth(…)",
            Self::Ping => "Ping",
        })
    }
}

impl Request {
    /// The request in a text; `None` for anything else, a field that is there twice included.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(|Object(request)| request)
    }
}
