//! The node's budget of commands in flight (design, invariant 10): who is refused when it is full.
//!
//! ```text
//!   0 ───────────────────────── general ─────────────────────────┬──── reserve ────┤
//!   bets, and everything else                                     │ everything else │
//!   └── at most a share of the whole per provider, and per tenant ──────────────────┘
//! ```
//! Bets are refused first, results last; one provider's storm leaves room for the others.
//! A place is taken before a request's body is read, and again by every command of it.

use dashmap::DashMap;
use palio_domain::{ProviderId, TenantId};
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How the budget is divided.
#[derive(Debug, Clone, Copy)]
pub struct Division {
    /// Places in all.
    pub in_flight: usize,
    /// Of these, kept from bets.
    pub reserve: usize,
    /// Percent of all places that one provider may hold.
    pub provider_percent: usize,
    /// Percent of all places that one tenant may hold.
    pub tenant_percent: usize,
}

#[derive(Debug)]
struct Shared {
    division: Division,
    taken: AtomicUsize,
    // Only names of the configuration come here, so these maps stay small.
    tenants: DashMap<TenantId, Arc<Tenant>>,
}

/// Places that one tenant holds, and of these each of its providers.
#[derive(Debug, Default)]
struct Tenant {
    taken: Arc<AtomicUsize>,
    providers: DashMap<ProviderId, Arc<AtomicUsize>>,
}

/// The budget; clones share it.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

/// A place in the budget; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    of: Arc<Shared>,
    shares: [Option<Arc<AtomicUsize>>; 2],
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.taken.fetch_sub(1, Ordering::Relaxed);
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
            division: Division { reserve, ..division },
            taken: AtomicUsize::new(0),
            tenants: DashMap::new(),
        }))
    }

    /// A place for a bet, or for anything else; `None` when there is none for this caller.
    #[must_use]
    pub fn take(
        &self,
        bet: bool,
        tenant: TenantId,
        provider: Option<&ProviderId>,
    ) -> Option<Place> {
        let Division { in_flight, reserve, provider_percent, tenant_percent } = self.0.division;
        let max = if bet { in_flight - reserve } else { in_flight };
        if !take(&self.0.taken, max) {
            return None;
        }
        // From here on dropping the place gives back what was taken so far.
        let mut place = Place { of: Arc::clone(&self.0), shares: [None, None] };
        let share = |percent: usize| (in_flight.saturating_mul(percent) / 100).max(1);
        let of_tenant = known(&self.0.tenants, &tenant);
        if !take(&of_tenant.taken, share(tenant_percent)) {
            return None;
        }
        place.shares = [Some(Arc::clone(&of_tenant.taken)), None];
        if let Some(provider) = provider {
            let of_provider = known(&of_tenant.providers, provider);
            if !take(&of_provider, share(provider_percent)) {
                return None;
            }
            let [_, at] = &mut place.shares;
            *at = Some(of_provider);
        }
        Some(place)
    }

    /// Places taken.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.taken.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bets_are_refused_first_and_a_storm_leaves_room_for_others() {
        let budget = Budget::new(Division {
            in_flight: 100,
            reserve: 20,
            provider_percent: 50,
            tenant_percent: 70,
        });
        let [one, two] = [TenantId(1), TenantId(2)];
        let [a, b] = ["a", "b"].map(|id| ProviderId::parse(id).unwrap());
        let mut storm: Vec<_> = (0..200).filter_map(|_| budget.take(true, one, Some(&a))).collect();
        assert_eq!((storm.len(), budget.in_flight()), (50, 50), "a's share");
        // Its results share a's half too, but not the others'.
        assert!(budget.take(false, one, Some(&a)).is_none());
        let of_b: Vec<_> = (0..200).filter_map(|_| budget.take(true, one, Some(&b))).collect();
        assert_eq!(of_b.len(), 20, "what tenant 1 has left");
        let of_two: Vec<_> = (0..200).filter_map(|_| budget.take(true, two, Some(&b))).collect();
        assert_eq!(of_two.len(), 10, "what bets have left");
        let wins: Vec<_> = (0..200).filter_map(|_| budget.take(false, two, Some(&b))).collect();
        assert_eq!((wins.len(), budget.in_flight()), (20, 100), "the reserve");
        // Refused attempts have left nothing behind.
        storm.clear();
        assert_eq!(budget.in_flight(), 50);
        drop((of_b, of_two, wins));
        assert_eq!(budget.in_flight(), 0);
        assert!((0..50).all(|_| {
            let place = budget.take(true, one, Some(&a));
            place.is_some()
        }));
    }
}
