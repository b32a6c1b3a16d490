//! How many sockets there may be: on the node, per peer address and per brand.
//!
//! **Invariant:** a seat is taken before the upgrade is answered and given back when the socket
//! is dropped, so that there are never more sockets than seats.

use super::lock;
use palio_domain::TenantId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The node has no more.
    Node,
    /// This address has its share.
    Address,
    /// This brand has its share.
    Tenant,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    by_tenant: HashMap<TenantId, usize>,
}

/// The seats of a node.
#[derive(Debug)]
pub struct Seats {
    max: usize,
    per_address_max: usize,
    per_tenant_max: usize,
    taken: Mutex<Taken>,
}

/// One socket's seat.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    address: Option<IpAddr>,
    /// Whose share it takes; none while nobody knows.
    tenant: Option<TenantId>,
}

impl Seat {
    /// Takes it from a brand's share, now that the brand is known.
    ///
    /// # Errors
    /// [`Full::Tenant`]; the seat is then as it was.
    pub fn belong_to(&mut self, tenant: TenantId) -> Result<(), Full> {
        if self.tenant == Some(tenant) {
            return Ok(());
        }
        let mut taken = lock(&self.seats.taken);
        taken.share(tenant, self.seats.per_tenant_max)?;
        if let Some(before) = self.tenant.replace(tenant) {
            give_back(&mut taken.by_tenant, before);
        }
        Ok(())
    }

    /// How many are taken on this node.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.seats.taken()
    }
}

impl Taken {
    fn share(&mut self, tenant: TenantId, max: usize) -> Result<(), Full> {
        let count = self.by_tenant.entry(tenant).or_default();
        if max > 0 && *count >= max {
            return Err(Full::Tenant);
        }
        *count += 1;
        Ok(())
    }
}

impl Seats {
    /// At most `max`, `per_address_max` of one address, `per_tenant_max` of one brand; 0 is no
    /// limit of that kind.
    #[must_use]
    pub fn new(max: usize, per_address_max: usize, per_tenant_max: usize) -> Arc<Self> {
        Arc::new(Self { max, per_address_max, per_tenant_max, taken: Mutex::default() })
    }

    /// Takes a seat, of a brand's share if it is known. The addresses of an IPv6 network of 64 bits
    /// count as one.
    ///
    /// # Errors
    /// [`Full`].
    pub fn take(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        tenant: Option<TenantId>,
    ) -> Result<Seat, Full> {
        let address = address.map(network).filter(|_| self.per_address_max > 0);
        let mut taken = lock(&self.taken);
        if taken.total >= self.max {
            return Err(Full::Node);
        }
        let of_address = |address| taken.by_address.get(&address).copied().unwrap_or_default();
        if address.is_some_and(|address| of_address(address) >= self.per_address_max) {
            return Err(Full::Address);
        }
        if let Some(tenant) = tenant {
            taken.share(tenant, self.per_tenant_max)?;
        }
        if let Some(address) = address {
            *taken.by_address.entry(address).or_default() += 1;
        }
        taken.total += 1;
        drop(taken);
        metrics::gauge!("palio_ws_sockets").increment(1.0);
        Ok(Seat { seats: Arc::clone(self), address, tenant })
    }

    /// How many are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        lock(&self.taken).total
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!("palio_ws_sockets").decrement(1.0);
        let mut taken = lock(&self.seats.taken);
        taken.total = taken.total.saturating_sub(1);
        if let Some(tenant) = self.tenant {
            give_back(&mut taken.by_tenant, tenant);
        }
        if let Some(address) = self.address {
            give_back(&mut taken.by_address, address);
        }
    }
}

fn give_back<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::from((u128::from(address) >> 64 << 64).to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Option<TenantId> = Some(TenantId(1));

    #[test]
    fn seats_are_bounded_and_come_back() {
        let seats = Seats::new(3, 2, 0);
        let (a, b) = (Some("10.0.0.1".parse().unwrap()), Some("10.0.0.2".parse().unwrap()));
        let first = seats.take(a, ONE).unwrap();
        let _second = seats.take(a, ONE).unwrap();
        assert_eq!(seats.take(a, ONE).unwrap_err(), Full::Address);
        let _third = seats.take(b, ONE).unwrap();
        assert_eq!(seats.take(b, ONE).unwrap_err(), Full::Node);
        drop(first);
        assert!(seats.take(a, ONE).is_ok());
        assert_eq!(seats.taken(), 2);
    }

    #[test]
    fn a_network_counts_as_one() {
        let seats = Seats::new(9, 1, 0);
        let _one = seats.take(Some("2001:db8::1".parse().unwrap()), ONE).unwrap();
        assert!(seats.take(Some("2001:db8::2:0:0:1".parse().unwrap()), ONE).is_err());
        assert!(seats.take(Some("2001:db8:0:1::1".parse().unwrap()), ONE).is_ok());
        let _v4 = seats.take(Some("10.0.0.1".parse().unwrap()), ONE).unwrap();
        assert!(seats.take(Some("::ffff:10.0.0.1".parse().unwrap()), ONE).is_err());
    }

    #[test]
    fn a_brand_has_its_share() {
        let seats = Seats::new(9, 0, 2);
        let (_a, b) = (seats.take(None, ONE).unwrap(), seats.take(None, ONE).unwrap());
        assert_eq!(seats.take(None, ONE).unwrap_err(), Full::Tenant);
        let mut other = seats.take(None, None).unwrap();
        assert_eq!(other.belong_to(TenantId(1)), Err(Full::Tenant));
        assert_eq!(other.belong_to(TenantId(2)), Ok(()));
        assert_eq!(other.belong_to(TenantId(2)), Ok(()), "once");
        drop(b);
        assert_eq!(other.belong_to(TenantId(1)), Ok(()));
        assert_eq!(seats.take(None, ONE).unwrap_err(), Full::Tenant);
        assert!(lock(&seats.taken).by_tenant.keys().eq([&TenantId(1)]), "nobody's share is kept");
        drop(other);
        assert!(seats.take(None, ONE).is_ok());
    }
}
