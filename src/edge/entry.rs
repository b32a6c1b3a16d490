//! What stands in a tournament's stream, and the order of it. Pure.

use palio_domain::{TenantId, UnixMs};
use std::fmt;
use std::str::FromStr;

/// An entry's place in a stream. Later entries are greater, whoever wrote them: a core that
/// starts takes a greater generation than any before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct At {
    /// Which writer: the time of its start in milliseconds, or more.
    pub generation: u64,
    /// Which of its entries, from 1.
    pub n: u64,
}

impl At {
    /// Before every entry.
    pub const START: Self = Self { generation: 0, n: 0 };
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.generation, self.n)
    }
}

impl FromStr for At {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (generation, n) = text.split_once('-').ok_or(())?;
        let number = |text: &str| text.parse().map_err(|_| ());
        Ok(Self { generation: number(generation)?, n: number(n)? })
    }
}

/// A board, a step to one, or a proof, as `palio.v1.bin` has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which history it belongs to.
    pub epoch: Box<str>,
    /// When the core published what it says.
    pub as_of: UnixMs,
    /// Whose tournament.
    pub tenant: TenantId,
    /// The message.
    pub body: Vec<u8>,
}
