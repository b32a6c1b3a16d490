//! Identities: who and what a row speaks of, and which slot it lives in.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How many slots there are; fixed for ever, since rows are keyed by slot.
pub const SLOTS: u16 = 256;

/// One of the 256 parts of the journal; each has one writer at a time (design, invariant 3).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Slot(pub u8);

impl Slot {
    /// Every slot, ascending.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// The slot as an index into a table of [`SLOTS`] entries.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// An operator's brand. Comes from the signing key, never from a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub u32);

/// A player: a random 63-bit number that says nothing about the person (design, invariant 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlayerId(pub u64);

/// What a row belongs to: a player's wallet or an entity with a home slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aggregate {
    /// A player's wallet.
    Player(PlayerId),
    /// A tournament; the number is derived from its id by [`TournamentId::number`].
    Tournament(u64),
    /// A provider's state; the number is derived from its id by [`ProviderId::number`].
    Provider(u64),
    /// A schedule; the number is derived from its id as a tournament's is.
    Schedule(u64),
}

impl Aggregate {
    /// The kind as stored in the journal.
    #[must_use]
    pub const fn kind_code(self) -> u8 {
        match self {
            Self::Player(_) => 1,
            Self::Tournament(_) => 2,
            Self::Provider(_) => 3,
            Self::Schedule(_) => 4,
        }
    }

    /// The number as stored in the journal.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Player(id) => id.0,
            Self::Tournament(number) | Self::Provider(number) | Self::Schedule(number) => number,
        }
    }

    /// The inverse of [`Self::kind_code`] and [`Self::number`].
    #[must_use]
    pub const fn from_parts(kind: u8, number: u64) -> Option<Self> {
        match kind {
            1 => Some(Self::Player(PlayerId(number))),
            2 => Some(Self::Tournament(number)),
            3 => Some(Self::Provider(number)),
            4 => Some(Self::Schedule(number)),
            _ => None,
        }
    }

    /// The slot that holds all rows of this aggregate, for ever.
    #[must_use]
    pub fn slot(self, tenant: TenantId) -> Slot {
        let seed = (u64::from(tenant.0) << 8) | u64::from(self.kind_code());
        let mixed = mix64(self.number() ^ mix64(seed));
        let [top, ..] = mixed.to_be_bytes();
        Slot(top)
    }
}

/// The finaliser of MurmurHash3 (public domain): spreads 64 bits evenly.
const fn mix64(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Empty.
    #[error("must not be empty")]
    Empty,
    /// Longer than allowed.
    #[error("is longer than {max} characters")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// Holds a character outside the allowed set.
    #[error("holds a character that is not allowed")]
    BadCharacter,
}

fn visible_ascii(text: &str, max: usize) -> Result<(), Error> {
    match text {
        "" => Err(Error::Empty),
        t if t.len() > max => Err(Error::TooLong { max }),
        t if t.bytes().all(|b| (0x21..=0x7e).contains(&b)) => Ok(()),
        _ => Err(Error::BadCharacter),
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $max:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Longest accepted text, in bytes.
            pub const LEN_MAX: usize = $max;

            /// Checks length and characters (visible ASCII).
            ///
            /// # Errors
            /// [`Error`], saying what is wrong.
            pub fn parse(text: &str) -> Result<Self, Error> {
                visible_ascii(text, Self::LEN_MAX)?;
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self, Error> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A game provider, from the signing key.
    ProviderId, 32
);
text_id!(
    /// A provider's round.
    RoundId, 128
);
text_id!(
    /// A provider's bet; unique per tenant, provider and player.
    BetId, 128
);
text_id!(
    /// A provider's game.
    GameId, 64
);
text_id!(
    /// An operator's withdrawal; unique per player.
    WithdrawalId, 64
);
text_id!(
    /// A campaign of free rounds.
    CampaignId, 64
);
text_id!(
    /// One id through a bet's whole path (requirement O2).
    TraceId, 64
);

/// A tournament's public id: 1–64 of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TournamentId(Box<str>);

impl TournamentId {
    /// Checks length and characters.
    ///
    /// # Errors
    /// [`Error`], saying what is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        visible_ascii(text, 64)?;
        let slug = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.bytes().all(slug) { Ok(Self(text.into())) } else { Err(Error::BadCharacter) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tournament's number in the journal: 63 bits of BLAKE3 over its id.
    ///
    /// Derived, so that whoever knows the id knows the home slot. Two ids of one tenant that
    /// collide (2⁻⁶³ per pair) are refused when the second is created.
    #[must_use]
    pub fn number(&self) -> u64 {
        number_of(&self.0)
    }
}

impl ProviderId {
    /// The provider's number in the journal, derived as [`TournamentId::number`] is.
    #[must_use]
    pub fn number(&self) -> u64 {
        number_of(&self.0)
    }
}

/// 63 bits of BLAKE3 over an id.
pub(crate) fn number_of(id: &str) -> u64 {
    let hash = blake3::hash(id.as_bytes());
    let mut head = [0_u8; 8];
    for (to, from) in head.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    u64::from_be_bytes(head) >> 1
}

impl TryFrom<String> for TournamentId {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<TournamentId> for String {
    fn from(id: TournamentId) -> Self {
        id.0.into_string()
    }
}

impl fmt::Display for TournamentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_never_move() {
        // Rows are keyed by slot: a change here would orphan every wallet in every journal.
        let slot = |tenant, player| Aggregate::Player(PlayerId(player)).slot(TenantId(tenant)).0;
        assert_eq!([slot(1, 1), slot(1, 2), slot(2, 1), slot(7, u64::MAX >> 1)], GOLDEN_SLOTS);
        let friday = TournamentId::parse("friday-race").unwrap();
        assert_eq!(friday.number(), GOLDEN_NUMBER);
    }

    const GOLDEN_SLOTS: [u8; 4] = [198, 223, 222, 234];
    const GOLDEN_NUMBER: u64 = 8_960_937_972_159_069_345;

    #[test]
    fn slots_are_even() {
        let mut counts = [0_u32; 256];
        for player in 0..256_000 {
            let slot = Aggregate::Player(PlayerId(player)).slot(TenantId(1));
            counts[slot.index()] += 1;
        }
        assert!(counts.iter().all(|n| (800..1200).contains(n)));
    }

    #[test]
    fn ids_refuse_what_they_should() {
        assert_eq!(BetId::parse(""), Err(Error::Empty));
        assert_eq!(BetId::parse("a b"), Err(Error::BadCharacter));
        assert_eq!(BetId::parse(&"x".repeat(129)), Err(Error::TooLong { max: 128 }));
        assert!(TournamentId::parse("Friday").is_err());
    }
}
