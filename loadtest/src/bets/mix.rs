//! What is sent.

use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Most events that the server takes at once.
const EVENTS_MAX: usize = 1000;
/// Bets of a round inside the mixed load.
pub(super) const SMALL_ROUND: usize = 5;

/// The kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// A debit, then the settlement of its round.
    Single,
    /// Bet and result in one request.
    Play,
    /// So many bets of different players in one array, then one event that settles them.
    Rounds(usize),
    /// Everything, with retries and rollbacks.
    Mixed,
}

impl Mix {
    /// Players that one driver needs at a time.
    pub(crate) const fn seats(self) -> usize {
        match self {
            Self::Single | Self::Play => 1,
            Self::Rounds(bets) => bets,
            Self::Mixed => SMALL_ROUND,
        }
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rounds = |n: &str| n.parse().ok().filter(|n| (1..=EVENTS_MAX).contains(n));
        match text.split_once(':') {
            None if text == "single" => Ok(Self::Single),
            None if text == "play" => Ok(Self::Play),
            None if text == "mixed" => Ok(Self::Mixed),
            Some(("rounds", n)) if rounds(n).is_some() => Ok(Self::Rounds(rounds(n).unwrap_or(1))),
            _ => Err(format!("expected single, play, mixed or rounds:1 to rounds:{EVENTS_MAX}")),
        }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single => f.write_str("single"),
            Self::Play => f.write_str("play"),
            Self::Rounds(bets) => write!(f, "rounds:{bets}"),
            Self::Mixed => f.write_str("mixed"),
        }
    }
}

impl Serialize for Mix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["single", "play", "rounds:20", "mixed"] {
            assert_eq!(text.parse::<Mix>().unwrap().to_string(), text);
        }
        for text in ["", "rounds", "rounds:0", "rounds:1001", "rounds:x", "single:2"] {
            assert!(text.parse::<Mix>().is_err(), "{text}");
        }
    }
}
