//! The addresses of holders: which of them are connected to, and what names were resolved to a
//! moment ago (protocol.md section 9).
//!
//! A peer that fetches thousands of documents from one holder would ask the name server as often.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::download::model::{Provenance, Source, TransferError};
use crate::limits;
use crate::net::Reach;
use crate::protocol::Endpoint;

/// Names that were resolved a moment ago.
#[derive(Debug, Default)]
pub(in crate::download) struct AddressCache(Mutex<HashMap<Endpoint, Found>>);

#[derive(Debug)]
struct Found {
    at: Instant,
    addresses: Vec<SocketAddr>,
}

impl AddressCache {
    /// Those of a holder, if they need not be looked up.
    pub(in crate::download) fn known(&self, source: &Source) -> Option<Vec<SocketAddr>> {
        let Source { holder, verified_address, .. } = source;
        if let Some(address) = verified_address {
            return Some(vec![SocketAddr::new(*address, holder.port.value())]);
        }
        let known = self.lock();
        let found = known.get(holder)?;
        (found.at.elapsed() < limits::ADDRESSES_KEPT).then(|| found.addresses.clone())
    }

    /// Remembers what a holder's name was resolved to.
    pub(in crate::download) fn resolved(&self, holder: &Endpoint, addresses: &[SocketAddr]) {
        let mut known = self.lock();
        if known.len() >= limits::NEIGHBOURS {
            known.clear();
        }
        let addresses = addresses.iter().copied().take(limits::ADDRESSES_TRIED).collect();
        known.insert(holder.clone(), Found { at: Instant::now(), addresses });
    }

    /// None of them answered: the name may lead elsewhere by now.
    pub(in crate::download) fn forget(&self, holder: &Endpoint) {
        self.lock().remove(holder);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Endpoint, Found>> {
        // Each change is one insertion or removal: a poisoned map is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those of a source's addresses that its index may lead to. Link-local addresses belong to the
/// network over which the index was reached.
pub(super) fn permitted(
    source: &Source,
    addresses: Vec<SocketAddr>,
    policy: &Reach,
) -> Result<Vec<SocketAddr>, TransferError> {
    let Provenance::Index(index) = source.provenance else { return Ok(addresses) };
    let mut reason = None;
    let mut permitted = Vec::new();
    for mut address in addresses {
        match policy.check(index.ip(), address) {
            Ok(()) => {
                set_scope(&mut address, index);
                permitted.push(address);
            }
            Err(denied) => reason = Some(denied),
        }
    }
    match reason {
        Some(reason) if permitted.is_empty() => Err(TransferError::NotAllowed(reason)),
        _ => Ok(permitted),
    }
}

fn set_scope(address: &mut SocketAddr, index: SocketAddr) {
    if let (SocketAddr::V6(address), SocketAddr::V6(index)) = (address, index)
        && address.ip().is_unicast_link_local()
        && index.scope_id() != 0
    {
        address.set_scope_id(index.scope_id());
    }
}

/// The address of a holder, as far as it is known without asking the name service.
pub(in crate::download) fn literal(source: &Source) -> Option<IpAddr> {
    let host = source.holder.host.as_str();
    let named = match host.eq_ignore_ascii_case("localhost") {
        true => Some(IpAddr::from([127, 0, 0, 1])),
        false => host.parse().ok(),
    };
    source.verified_address.or(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(holder: &str) -> Source {
        holder.parse::<Endpoint>().unwrap().into()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_resolved_name_is_known_until_it_is_forgotten() {
        let addresses = AddressCache::default();
        let holder = source("name:7735");
        assert_eq!(addresses.known(&holder), None);
        addresses.resolved(&holder.holder, &[address("192.0.2.1:7735")]);
        assert_eq!(addresses.known(&holder), Some(vec![address("192.0.2.1:7735")]));
        addresses.forget(&holder.holder);
        assert_eq!(addresses.known(&holder), None);
    }

    #[test]
    fn the_address_that_the_index_verified_is_the_only_one() {
        let addresses = AddressCache::default();
        let holder =
            Source { verified_address: Some([192, 0, 2, 7].into()), ..source("name:7735") };
        addresses.resolved(&holder.holder, &[address("192.0.2.1:7735")]);
        assert_eq!(addresses.known(&holder), Some(vec![address("192.0.2.7:7735")]));
    }

    #[test]
    fn link_local_addresses_have_the_scope_of_the_index() {
        let provenance = Provenance::Index(address("[fe80::2%3]:7734"));
        let source = Source { provenance, ..source("[fe80::1]:7735") };
        let named = vec![address("[fe80::1]:7735"), address("[fe80::1%9]:7735")];
        let found = permitted(&source, named, &Reach::default()).unwrap();
        assert_eq!(found, [address("[fe80::1%3]:7735"); 2]);
        let global = vec![address("[2001:db8::1]:7735")];
        assert_eq!(permitted(&source, global.clone(), &Reach::default()).unwrap(), global);
    }
}
