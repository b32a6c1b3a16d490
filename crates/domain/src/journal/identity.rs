//! The two identities that make money move once (design, invariant 4): the request and the claim.
//!
//! Both are 16-byte keyed hashes, so that a journal leaves the house without the ids in clear.

use crate::ids::{
    BetId, CampaignId, PlayerId, ProviderId, RoundId, TenantId, TournamentId, WithdrawalId,
};

/// A 128-bit keyed hash; uniformly random to whoever lacks the key.
pub type Key16 = [u8; 16];

/// What a request asks for; part of its identity, because some providers reuse a bet's id for
/// its rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// Place a bet.
    Bet,
    /// Settle a round or bets.
    Settle,
    /// Roll a bet back.
    Rollback,
    /// Bet and result in one.
    Play,
    /// Deposit.
    Deposit,
    /// Open a session.
    Session,
    /// Enter or leave a tournament.
    Entry,
    /// A command to a tournament.
    Tournament,
    /// The end of a round, or a word of the desk on one.
    Round,
    /// A withdrawal's authorisation, capture or cancellation.
    Withdrawal,
    /// An operator's correction.
    Adjustment,
    /// A limit, an exclusion or its end.
    Protection,
    /// Free rounds.
    FreeRounds,
    /// A score that a provider reports.
    Report,
    /// A buy-in, a seat, a prize.
    Contest,
    /// Another result of a reported round.
    Correction,
}

impl RequestKind {
    const fn code(self) -> u8 {
        match self {
            Self::Bet => 1,
            Self::Settle => 2,
            Self::Rollback => 3,
            Self::Play => 4,
            Self::Deposit => 5,
            Self::Session => 6,
            Self::Entry => 7,
            Self::Tournament => 8,
            Self::Round => 9,
            Self::Withdrawal => 10,
            Self::Adjustment => 11,
            Self::Protection => 12,
            Self::FreeRounds => 13,
            Self::Report => 14,
            Self::Contest => 15,
            Self::Correction => 16,
        }
    }
}

/// Something that may happen once, for ever, enforced by a unique index of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// A bet's id: placed, played, refused or tombstoned.
    Bet(ProviderId, BetId),
    /// The end of a bet, by version: 1 is the first settlement or the rollback.
    BetClosed(ProviderId, BetId, u32),
    /// The n-th correction of a reported round, from 1.
    RoundCorrected(ProviderId, BetId, u32),
    /// A win of a bet that was not known when it was paid.
    WinUnmatched(ProviderId, BetId),
    /// The end of a round, as its provider says it.
    RoundEnded(ProviderId, RoundId),
    /// A withdrawal's id.
    Withdrawal(WithdrawalId),
    /// The end of a withdrawal: captured or cancelled.
    WithdrawalEnded(WithdrawalId),
    /// A campaign's grant to the player.
    FreeRounds(CampaignId),
    /// A player's n-th seat in a tournament.
    Seat(TournamentId, u32),
    /// A line of a version of a tournament's payout.
    Prize(TournamentId, u32, u32),
    /// What a version of a tournament's result rolls over, in whosever pool it is.
    Carried(TournamentId, u32),
    /// A tournament's id.
    Tournament(TournamentId),
    /// The end of a tournament: closed or cancelled.
    TournamentEnded(TournamentId),
}

/// The installation's key for request and claim hashes. Never logged.
#[derive(Clone)]
pub struct Keys {
    secret: [u8; 32],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Keys under a secret that must stay the same for the journal's whole life.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// A value that is equal exactly when the secret is: kept beside the journal, so that a
    /// server with another secret refuses to start.
    #[must_use]
    pub fn check_value(&self) -> Key16 {
        self.hash(&[b"palio key check"])
    }

    /// The identity of a request: (tenant, provider, player, kind, key).
    #[must_use]
    pub fn request(
        &self,
        tenant: TenantId,
        provider: &str,
        aggregate: u64,
        kind: RequestKind,
        key: &str,
    ) -> Key16 {
        self.hash(&[
            b"request",
            &tenant.0.to_be_bytes(),
            provider.as_bytes(),
            &aggregate.to_be_bytes(),
            &[kind.code()],
            key.as_bytes(),
        ])
    }

    /// The identity of a claim by one player or entity.
    #[must_use]
    pub fn claim(&self, tenant: TenantId, aggregate: u64, claim: &Claim) -> Key16 {
        let tenant = tenant.0.to_be_bytes();
        let owner = aggregate.to_be_bytes();
        match claim {
            Claim::Bet(provider, bet) => self.hash(&[
                b"bet",
                &tenant,
                provider.as_str().as_bytes(),
                &owner,
                bet.as_str().as_bytes(),
            ]),
            Claim::BetClosed(provider, bet, version) => self.hash(&[
                b"bet closed",
                &tenant,
                provider.as_str().as_bytes(),
                &owner,
                bet.as_str().as_bytes(),
                &version.to_be_bytes(),
            ]),
            Claim::RoundCorrected(provider, bet, step) => self.hash(&[
                b"round corrected",
                &tenant,
                provider.as_str().as_bytes(),
                &owner,
                bet.as_str().as_bytes(),
                &step.to_be_bytes(),
            ]),
            Claim::WinUnmatched(provider, bet) => self.hash(&[
                b"win unmatched",
                &tenant,
                provider.as_str().as_bytes(),
                &owner,
                bet.as_str().as_bytes(),
            ]),
            Claim::RoundEnded(provider, round) => self.hash(&[
                b"round ended",
                &tenant,
                provider.as_str().as_bytes(),
                &owner,
                round.as_str().as_bytes(),
            ]),
            Claim::Withdrawal(id) => {
                self.hash(&[b"withdrawal", &tenant, &owner, id.as_str().as_bytes()])
            }
            Claim::WithdrawalEnded(id) => {
                self.hash(&[b"withdrawal ended", &tenant, &owner, id.as_str().as_bytes()])
            }
            Claim::FreeRounds(id) => {
                self.hash(&[b"free rounds", &tenant, &owner, id.as_str().as_bytes()])
            }
            Claim::Seat(id, entry) => {
                self.hash(&[b"seat", &tenant, &owner, id.as_str().as_bytes(), &entry.to_be_bytes()])
            }
            Claim::Prize(id, version, line) => self.hash(&[
                b"prize",
                &tenant,
                &owner,
                id.as_str().as_bytes(),
                &version.to_be_bytes(),
                &line.to_be_bytes(),
            ]),
            // Of the source, whoever takes it: so no two tournaments can.
            Claim::Carried(id, version) => {
                self.hash(&[b"carried", &tenant, id.as_str().as_bytes(), &version.to_be_bytes()])
            }
            Claim::Tournament(_) => self.hash(&[b"tournament", &tenant, &owner]),
            Claim::TournamentEnded(_) => self.hash(&[b"tournament ended", &tenant, &owner]),
        }
    }

    /// A token for an outside id (a player's), for the directory's index.
    #[must_use]
    pub fn external(&self, tenant: TenantId, id: &str) -> Key16 {
        self.hash(&[b"external player", &tenant.0.to_be_bytes(), id.as_bytes()])
    }

    /// The key of a player's row on the board of the tournament with this number: twelve
    /// hexadecimal digits.
    #[must_use]
    pub fn board_row(&self, tournament: u64, player: PlayerId) -> String {
        let mut key = String::new();
        self.write_board_row(tournament, player, &mut key);
        key
    }

    /// Writes what [`Self::board_row`] gives.
    pub fn write_board_row(&self, tournament: u64, player: PlayerId, to: &mut String) {
        let (tournament, player) = (tournament.to_be_bytes(), player.0.to_be_bytes());
        let key = self.hash(&[b"board row", &tournament, &player]);
        let mut digits = [0; 12];
        // Six bytes are twelve digits.
        hex::encode_to_slice(&key[..6], &mut digits).ok();
        to.extend(digits.map(char::from));
    }

    /// The server's seal on a chain of proofs of boards.
    #[must_use]
    pub fn seal(&self, chain: &[u8; 16]) -> Key16 {
        self.hash(&[b"board proof", chain])
    }

    fn hash(&self, parts: &[&[u8]]) -> Key16 {
        // In one piece: the library's hasher for pieces is large, and most of these are short.
        let mut whole = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
        for part in parts {
            // Length before content, so that no two lists of parts share their bytes.
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            whole.extend_from_slice(&length.to_be_bytes());
            whole.extend_from_slice(part);
        }
        first_half(&blake3::keyed_hash(&self.secret, &whole))
    }
}

/// Hash of a request's canonical content, to tell a replay from a mismatch. Not keyed: it only
/// ever stands beside the content.
#[must_use]
pub fn body_hash(canonical: &[u8]) -> Key16 {
    first_half(&blake3::hash(canonical))
}

fn first_half(hash: &blake3::Hash) -> Key16 {
    // Of 32 bytes there are always 16.
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Journals hold these: they may never become others. Written as the definition says it, part
    /// by part.
    #[test]
    fn identities_are_those_of_the_definition() {
        let secret = [7; 32];
        let keys = Keys::new(secret);
        let defined = |parts: &[&[u8]]| {
            let mut hasher = blake3::Hasher::new_keyed(&secret);
            for part in parts {
                hasher.update(&u32::try_from(part.len()).unwrap().to_be_bytes());
                hasher.update(part);
            }
            let mut key = Key16::default();
            hasher.finalize_xof().fill(&mut key);
            key
        };
        assert_eq!(keys.check_value(), defined(&[b"palio key check"]));
        for length in [0, 1, 63, 64, 65, 1023, 1024, 1025, 5000] {
            let id = "x".repeat(length);
            let parts: [&[u8]; 3] = [b"external player", &3_u32.to_be_bytes(), id.as_bytes()];
            let expected = defined(&parts);
            assert_eq!(keys.external(TenantId(3), &id), expected, "{length}");
        }
        let row = defined(&[b"board row", &9_u64.to_be_bytes(), &5_u64.to_be_bytes()]);
        assert_eq!(keys.board_row(9, PlayerId(5)), hex::encode(row)[..12]);
    }

    #[test]
    fn a_body_is_known_by_the_first_half_of_its_hash() {
        let mut half = Key16::default();
        blake3::Hasher::new().update(b"abc").finalize_xof().fill(&mut half);
        assert_eq!(body_hash(b"abc"), half);
        assert_eq!(hex::encode(half), "6437b3ac38465133ffb63b75273a8db5");
    }
}
