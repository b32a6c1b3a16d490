//! The node's budget of commands in flight (design, invariant 10): who is refused when it is full.
//!
//! ```text
//!   0 ──────────────── general ────────────────┬───── reserve ─────┤
//!   bets, other commands; results while it      │ results only      │
//!   has room for them                           │                   │
//!   └─ a share of it per provider, and tenant ─┘└─ the same share ──┘
//! ```
//! Bets are refused first, results last: a result that finds no room in the general part, because
//! that is full or because its provider holds its share of it, goes into the reserve. So a
//! provider's own bets never push out its wins, also when it is the only one, and no provider's
//! storm, of bets or of results, takes what the others need.

use dashmap::DashMap;
use palio_domain::{ProviderId, TenantId};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a place is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A bet: the general part only.
    Bet,
    /// Whatever else can wait: the general part only.
    Other,
    /// Results, rollbacks, money that comes in, and what protects a player or stops a provider:
    /// the reserve too.
    Result,
}

impl Class {
    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bet => "bet",
            Self::Other => "other",
            Self::Result => "result",
        }
    }
}

/// How the budget is divided.
#[derive(Debug, Clone, Copy)]
pub struct Division {
    /// Places in all.
    pub in_flight: usize,
    /// Of these, kept for results.
    pub reserve: usize,
    /// Percent of each part that one provider may hold; callers without one (operators, players)
    /// count as one more provider of their tenant.
    pub provider_percent: usize,
    /// Percent of each part that one tenant may hold.
    pub tenant_percent: usize,
}

type Counter = Arc<AtomicUsize>;

/// One of the two parts.
#[derive(Debug)]
struct Part {
    max: usize,
    provider_max: usize,
    tenant_max: usize,
    taken: AtomicUsize,
    // Only names of the configuration come here, so these maps stay small.
    tenants: DashMap<TenantId, Arc<Tenant>>,
}

/// Places of a part that one tenant holds, and of these each of its providers, and the others.
#[derive(Debug, Default)]
struct Tenant {
    taken: Counter,
    providers: DashMap<ProviderId, Counter>,
    others: Counter,
}

impl Part {
    fn new(max: usize, division: &Division) -> Self {
        let share = |percent: usize| (max.saturating_mul(percent) / 100).max(1);
        Self {
            max,
            provider_max: share(division.provider_percent),
            tenant_max: share(division.tenant_percent),
            taken: AtomicUsize::new(0),
            tenants: DashMap::new(),
        }
    }
}

#[derive(Debug)]
struct Shared {
    general: Part,
    reserve: Part,
}

impl Shared {
    const fn part(&self, reserve: bool) -> &Part {
        if reserve { &self.reserve } else { &self.general }
    }
}

/// The budget; clones share it.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

/// A place in the budget; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    of: Arc<Shared>,
    reserve: bool,
    shares: [Option<Counter>; 2],
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.part(self.reserve).taken.fetch_sub(1, Ordering::Relaxed);
        for share in self.shares.iter().flatten() {
            share.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Counts one more, unless that would be more than `max`.
fn take(counter: &AtomicUsize, max: usize) -> bool {
    let more = |taken: usize| (taken < max).then_some(taken + 1);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

/// The entry of a name, found without a writer's lock unless it is new.
fn known<K: Clone + Eq + Hash, V: Default>(map: &DashMap<K, Arc<V>>, key: &K) -> Arc<V> {
    let found = map.view(key, |_, value| Arc::clone(value));
    found.unwrap_or_else(|| Arc::clone(&map.entry(key.clone()).or_default()))
}

impl Budget {
    /// An unused budget; at most half of it is reserve.
    #[must_use]
    pub fn new(division: Division) -> Self {
        let reserve = division.reserve.min(division.in_flight / 2);
        Self(Arc::new(Shared {
            general: Part::new(division.in_flight - reserve, &division),
            reserve: Part::new(reserve, &division),
        }))
    }

    /// A place; `None` when there is none for this caller.
    #[must_use]
    pub fn take(
        &self,
        class: Class,
        tenant: TenantId,
        provider: Option<&ProviderId>,
    ) -> Option<Place> {
        match class {
            Class::Bet | Class::Other => self.take_of(false, tenant, provider),
            Class::Result => self
                .take_of(false, tenant, provider)
                .or_else(|| self.take_of(true, tenant, provider)),
        }
    }

    fn take_of(
        &self,
        reserve: bool,
        tenant: TenantId,
        provider: Option<&ProviderId>,
    ) -> Option<Place> {
        let part = self.0.part(reserve);
        if !take(&part.taken, part.max) {
            return None;
        }
        // From here on dropping the place gives back what was taken so far.
        let mut place = Place { of: Arc::clone(&self.0), reserve, shares: [None, None] };
        let of_tenant = known(&part.tenants, &tenant);
        if !take(&of_tenant.taken, part.tenant_max) {
            return None;
        }
        place.shares = [Some(Arc::clone(&of_tenant.taken)), None];
        let of_provider = match provider {
            Some(provider) => known(&of_tenant.providers, provider),
            None => Arc::clone(&of_tenant.others),
        };
        if !take(&of_provider, part.provider_max) {
            return None;
        }
        let [_, at] = &mut place.shares;
        *at = Some(of_provider);
        Some(place)
    }

    /// Places taken.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let taken = |part: &Part| part.taken.load(Ordering::Relaxed);
        taken(&self.0.general) + taken(&self.0.reserve)
    }
}

#[cfg(test)]
mod tests {
    use super::Class::{Bet, Other, Result};
    use super::*;
    use proptest::prelude::*;

    /// 80 general places and 20 of the reserve; half for a provider, three quarters for a tenant.
    fn budget() -> Budget {
        Budget::new(Division {
            in_flight: 100,
            reserve: 20,
            provider_percent: 50,
            tenant_percent: 75,
        })
    }

    /// As many places as there are for this caller.
    fn all(budget: &Budget, class: Class, tenant: u32, provider: &str) -> Vec<Place> {
        let provider = ProviderId::parse(provider).ok();
        (0..200).filter_map(|_| budget.take(class, TenantId(tenant), provider.as_ref())).collect()
    }

    #[test]
    fn bets_are_refused_first_and_a_storm_leaves_room_for_others() {
        let budget = budget();
        // (what, tenant, provider, how many get a place)
        let rows = [
            (Bet, 1, "a", 40),
            // Its bets have used up a's share, and its wins still go through.
            (Result, 1, "a", 10),
            (Bet, 1, "a", 0),
            (Other, 1, "a", 0),
            // What the tenant has left of the general part: 60 in all.
            (Bet, 1, "b", 20),
            // Of the reserve b has a half, its tenant 15 in all.
            (Result, 1, "b", 5),
            (Bet, 2, "c", 20),
            (Bet, 2, "d", 0),
            (Other, 2, "", 0),
            (Result, 2, "c", 5),
            (Result, 2, "d", 0),
        ];
        let mut places = Vec::new();
        for (class, tenant, provider, count) in rows {
            let taken = all(&budget, class, tenant, provider);
            assert_eq!(taken.len(), count, "{class:?} of {provider}");
            places.push(taken);
        }
        assert_eq!(budget.in_flight(), 100);
        // Refused attempts have left nothing behind.
        places.remove(0);
        assert_eq!(budget.in_flight(), 60);
        places.clear();
        assert_eq!(budget.in_flight(), 0);
        assert_eq!(all(&budget, Bet, 1, "a").len(), 40);
    }

    #[test]
    fn results_use_the_general_part_first() {
        let budget = budget();
        let wins = all(&budget, Result, 1, "a");
        assert_eq!(wins.len(), 50, "half of both parts");
        // A storm of results leaves the others their half of both.
        assert_eq!(all(&budget, Bet, 1, "b").len(), 20);
        assert_eq!(all(&budget, Result, 2, "b").len(), 50);
        drop(wins);
        assert_eq!(budget.in_flight(), 0);
    }

    #[test]
    fn callers_without_a_provider_share_one_share() {
        let budget = budget();
        let players = all(&budget, Other, 1, "");
        assert_eq!(players.len(), 40);
        assert_eq!(all(&budget, Bet, 1, "a").len(), 20);
        assert_eq!(all(&budget, Result, 1, "").len(), 10, "such as a deposit, or the kill switch");
    }

    proptest! {
        /// Whatever bets there are, however the budget is divided: the first win goes through.
        #[test]
        fn bets_never_push_out_a_win(
            in_flight in 16_usize..500,
            reserve in 1_usize..500,
            provider_percent in 1_usize..=100,
            tenant_percent in 1_usize..=100,
            bets in proptest::collection::vec((1_u32..3, 0_usize..3, any::<bool>()), 0..600),
        ) {
            let division = Division { in_flight, reserve, provider_percent, tenant_percent };
            let budget = Budget::new(division);
            let names = ["a", "b", "c"].map(|id| ProviderId::parse(id).unwrap());
            let mut places = Vec::new();
            for (tenant, name, bet) in bets {
                let class = if bet { Bet } else { Other };
                places.extend(budget.take(class, TenantId(tenant), Some(&names[name])));
            }
            prop_assert!(budget.in_flight() <= in_flight);
            prop_assert!(budget.take(Result, TenantId(1), Some(&names[0])).is_some());
        }
    }
}
