//! What somebody looks for in the journal: conditions on a row's columns, all of which must hold.

use super::kind::RowKind;
use super::row::Row;
use crate::ids::{Aggregate, BetId, GameId, ProviderId, RoundId, TenantId};
use crate::time::UnixMs;

/// A set of kinds as one bit per stored code; every code is below 63, so that a store can shift
/// it in a signed column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Kinds(u64);

impl Kinds {
    /// The set with one kind more.
    #[must_use]
    pub fn with(self, kind: RowKind) -> Self {
        Self(self.0 | Self::bit(kind))
    }

    /// Whether the kind is in the set.
    #[must_use]
    pub fn contains(self, kind: RowKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// Whether there is no kind in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a kind is in both sets.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The set with these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    fn bit(kind: RowKind) -> u64 {
        let code = u32::try_from(kind.code()).unwrap_or(0).min(62);
        1 << code
    }
}

/// Conditions on a row, all of which must hold. What is not set is not asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Whose brand; always asked about.
    pub tenant: TenantId,
    /// Whose row.
    pub aggregate: Option<Aggregate>,
    /// The provider.
    pub provider: Option<ProviderId>,
    /// The round.
    pub round: Option<RoundId>,
    /// The bet.
    pub bet: Option<BetId>,
    /// The game.
    pub game: Option<GameId>,
    /// One of these kinds; empty: any.
    pub kinds: Kinds,
    /// Recorded then or later.
    pub from: Option<UnixMs>,
    /// Recorded earlier than that.
    pub until: Option<UnixMs>,
}

impl Filter {
    /// Everything of a tenant.
    #[must_use]
    pub const fn all(tenant: TenantId) -> Self {
        Self {
            tenant,
            aggregate: None,
            provider: None,
            round: None,
            bet: None,
            game: None,
            kinds: Kinds(0),
            from: None,
            until: None,
        }
    }

    /// Whether a row is looked for.
    #[must_use]
    pub fn matches(&self, row: &Row) -> bool {
        fn is<T: PartialEq>(asked: Option<&T>, found: Option<&T>) -> bool {
            asked.is_none() || asked == found
        }
        self.tenant == row.tenant
            && is(self.aggregate.as_ref(), Some(&row.aggregate))
            && is(self.provider.as_ref(), row.provider.as_ref())
            && is(self.round.as_ref(), row.round.as_ref())
            && is(self.bet.as_ref(), row.bet.as_ref())
            && is(self.game.as_ref(), row.game.as_ref())
            && (self.kinds.is_empty() || self.kinds.contains(row.kind))
            && self.from.is_none_or(|from| row.time >= from)
            && self.until.is_none_or(|until| row.time < until)
    }
}

/// A filter with the keys by which zones are tested, made once per search.
#[derive(Debug, Clone)]
pub struct Query {
    filter: Filter,
    keys: Vec<u64>,
}

impl Query {
    /// Prepares a filter.
    #[must_use]
    pub fn new(filter: Filter) -> Self {
        let tenant = filter.tenant;
        let mut keys = vec![Key::Tenant.hash(tenant)];
        keys.extend(filter.aggregate.map(|aggregate| Key::Aggregate(aggregate).hash(tenant)));
        keys.extend(filter.provider.iter().map(|id| Key::Provider(id.as_str()).hash(tenant)));
        keys.extend(filter.round.iter().map(|id| Key::Round(id.as_str()).hash(tenant)));
        keys.extend(filter.bet.iter().map(|id| Key::Bet(id.as_str()).hash(tenant)));
        keys.extend(filter.game.iter().map(|id| Key::Game(id.as_str()).hash(tenant)));
        Self { filter, keys }
    }

    /// The filter.
    #[must_use]
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What a zone must all have to hold a row that is looked for.
    #[must_use]
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }
}

/// Something a row can be found by, within its tenant.
enum Key<'a> {
    Tenant,
    Aggregate(Aggregate),
    Provider(&'a str),
    Round(&'a str),
    Bet(&'a str),
    Game(&'a str),
}

impl Key<'_> {
    /// 64 bits of BLAKE3. Zones are stored, so this never changes without a new zone version.
    fn hash(&self, tenant: TenantId) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&tenant.0.to_be_bytes());
        match self {
            Self::Tenant => hasher.update(&[0]),
            Self::Aggregate(aggregate) => {
                let number = aggregate.number().to_be_bytes();
                hasher.update(&[1, aggregate.kind_code()]).update(&number)
            }
            Self::Provider(id) => hasher.update(&[2]).update(id.as_bytes()),
            Self::Round(id) => hasher.update(&[3]).update(id.as_bytes()),
            Self::Bet(id) => hasher.update(&[4]).update(id.as_bytes()),
            Self::Game(id) => hasher.update(&[5]).update(id.as_bytes()),
        };
        let mut head = [0_u8; 8];
        hasher.finalize_xof().fill(&mut head);
        u64::from_be_bytes(head)
    }
}

/// Everything that a row can be found by.
pub(super) fn keys_of(row: &Row) -> impl Iterator<Item = u64> {
    let own = [Key::Tenant, Key::Aggregate(row.aggregate)];
    let provider = row.provider.as_ref().map(|id| Key::Provider(id.as_str()));
    let round = row.round.as_ref().map(|id| Key::Round(id.as_str()));
    let bet = row.bet.as_ref().map(|id| Key::Bet(id.as_str()));
    let game = row.game.as_ref().map(|id| Key::Game(id.as_str()));
    let keys = own.into_iter().chain(provider).chain(round).chain(bet).chain(game);
    keys.map(|key| key.hash(row.tenant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_kind_has_a_bit_of_its_own() {
        let bits: BTreeSet<_> =
            RowKind::ALL.iter().map(|kind| Kinds::default().with(*kind).bits()).collect();
        assert_eq!(bits.len(), RowKind::ALL.len());
        assert!(RowKind::ALL.iter().all(|kind| (0..63).contains(&kind.code())));
    }

    #[test]
    fn hashes_never_change() {
        // Stored zones would lose their rows.
        assert_eq!(Key::Round("R-1").hash(TenantId(1)), GOLDEN_ROUND);
    }

    const GOLDEN_ROUND: u64 = 3_723_901_057_698_712_820;
}
