//! Bodies on their way in: how many may be read at a time, apart from the commands in flight.
//!
//! Until a body is here nobody knows whether it is signed: a caller may claim any key. So bodies
//! hold no places of commands (`actors::budget`) but places of their own, and whoever sends
//! slow bodies uses up what his address may hold, or the share of the provider that he claims to
//! be, never anybody's commands.
//!
//! **Invariants:** every count is given back when its [`Reading`] is dropped; addresses are kept
//! only while they send; providers are those of the configuration. Tests are at the end.

use crate::actors::handle::Failure;
use dashmap::DashMap;
use palio_domain::{ProviderId, TenantId};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bodies that may be read at a time.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// On the node.
    pub all: usize,
    /// From one address; of IPv6, from one /64.
    pub address: usize,
    /// Percent of `all` that one provider may have claimed.
    pub provider_percent: usize,
}

/// Counts the bodies that are being read.
#[derive(Debug)]
pub struct Intake {
    bounds: Bounds,
    all: AtomicUsize,
    providers: HashMap<TenantId, HashMap<String, AtomicUsize>>,
    addresses: DashMap<IpAddr, usize>,
}

/// A body that is being read; dropping it gives its place back.
#[derive(Debug)]
pub struct Reading<'a> {
    of: &'a Intake,
    claimed: Option<&'a AtomicUsize>,
    address: Option<IpAddr>,
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.of.all.fetch_sub(1, Ordering::Relaxed);
        if let Some(claimed) = self.claimed {
            claimed.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(address) = self.address {
            self.of.addresses.remove_if_mut(&address, |_, bodies| {
                *bodies = bodies.saturating_sub(1);
                *bodies == 0
            });
        }
    }
}

fn take(counter: &AtomicUsize, max: usize) -> bool {
    let more = |taken: usize| (taken < max).then_some(taken + 1);
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

/// Whoever has an IPv6 address has all of its /64.
fn block(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

impl Intake {
    /// Nothing is being read.
    #[must_use]
    pub fn new(
        bounds: Bounds,
        providers: impl IntoIterator<Item = (TenantId, ProviderId)>,
    ) -> Self {
        let mut known: HashMap<TenantId, HashMap<String, AtomicUsize>> = HashMap::new();
        for (tenant, provider) in providers {
            known
                .entry(tenant)
                .or_default()
                .insert(provider.as_str().to_owned(), AtomicUsize::new(0));
        }
        let all = AtomicUsize::new(0);
        Self { bounds, all, providers: known, addresses: DashMap::new() }
    }

    /// A place for a body from this address, of whoever it claims to come from.
    ///
    /// # Errors
    /// [`Failure::Overloaded`].
    pub fn take(
        &self,
        address: Option<IpAddr>,
        claimed: Option<(TenantId, &ProviderId)>,
    ) -> Result<Reading<'_>, Failure> {
        let Bounds { all, address: of_address, provider_percent } = self.bounds;
        let refused = || {
            metrics::counter!("palio_admission_refused_total", "class" => "body").increment(1);
            Failure::Overloaded
        };
        if !take(&self.all, all) {
            return Err(refused());
        }
        // From here on dropping it gives back what was taken so far.
        let mut reading = Reading { of: self, claimed: None, address: None };
        if let Some((tenant, provider)) = claimed
            && let Some(counter) =
                self.providers.get(&tenant).and_then(|of| of.get(provider.as_str()))
        {
            if !take(counter, (all.saturating_mul(provider_percent) / 100).max(1)) {
                return Err(refused());
            }
            reading.claimed = Some(counter);
        }
        if let Some(address) = address.map(block) {
            let mut bodies = self.addresses.entry(address).or_insert(0);
            if *bodies >= of_address {
                return Err({
                    drop(bodies);
                    refused()
                });
            }
            *bodies += 1;
            drop(bodies);
            reading.address = Some(address);
        }
        Ok(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_bodies_use_up_their_own_bounds_only() {
        let [a, b] = ["a", "b"].map(|id| ProviderId::parse(id).unwrap());
        let one = TenantId(1);
        let bounds = Bounds { all: 20, address: 4, provider_percent: 50 };
        let intake = Intake::new(bounds, [(one, a.clone()), (one, b.clone())]);
        let from = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        // (address, claimed, how many of ten are taken)
        let rows = [
            ("192.0.2.1", Some(&a), 4),
            // The same address under another name, and as IPv6 writes it.
            ("192.0.2.1", Some(&b), 0),
            ("::ffff:192.0.2.1", None, 0),
            ("2001:db8::1", Some(&a), 4),
            ("2001:db8::ffff:2", Some(&a), 0),
            // The rest of a's half.
            ("192.0.2.2", Some(&a), 2),
            ("192.0.2.3", Some(&a), 0),
            // The other provider and players go on, to the node's own bound.
            ("192.0.2.3", Some(&b), 4),
            ("192.0.2.4", None, 4),
            ("192.0.2.5", None, 2),
            ("192.0.2.6", None, 0),
        ];
        let mut held = Vec::new();
        for (address, claimed, expected) in rows {
            let claimed = claimed.map(|provider| (one, provider));
            let taken: Vec<_> =
                (0..10).filter_map(|_| intake.take(from(address), claimed).ok()).collect();
            assert_eq!(taken.len(), expected, "{address}");
            held.extend(taken);
        }
        held.clear();
        assert!(intake.addresses.is_empty());
        assert_eq!(intake.all.load(Ordering::Relaxed), 0);
        assert!((0..4).all(|_| intake.take(from("192.0.2.1"), Some((one, &a))).is_ok()));
    }
}
