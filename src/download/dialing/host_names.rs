//! The host names of holders: their addresses, and whether the name service answers (protocol.md
//! section 7).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::name_service::NameService;
use crate::download::model::Source;
use crate::limits;
use crate::net::Dialer;
use crate::protocol::Endpoint;

/// The host names of holders, in all downloads of a program.
#[derive(Debug, Default)]
pub(in crate::download) struct HostNames {
    /// Resolves the names, and remembers their addresses for a moment.
    pub(in crate::download) dialer: Dialer,
    pub(in crate::download) service: NameService,
    /// The addresses at which holders with names were connected to last.
    connected: Mutex<HashMap<Endpoint, IpAddr>>,
}

impl HostNames {
    pub(in crate::download) fn new(dialer: Dialer, limits: Arc<limits::Downloads>) -> Self {
        Self { dialer, service: NameService::new(limits), connected: Mutex::default() }
    }

    /// Notes the address at which a holder was connected to.
    pub(in crate::download) fn note_connected(&self, source: &Source, address: IpAddr) {
        if literal(source).is_some() {
            return;
        }
        let mut connected = self.lock();
        if connected.len() >= limits::PEERS_KNOWN {
            connected.clear();
        }
        connected.insert(source.holder.clone(), address);
    }

    /// The address of a holder: the one that it spells, or the one at which it was connected to.
    pub(in crate::download) fn address(&self, source: &Source) -> Option<IpAddr> {
        literal(source).or_else(|| self.lock().get(&source.holder).copied())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Endpoint, IpAddr>> {
        // Each change is one insertion or removal: a poisoned map is still whole.
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the name service has to be asked for the addresses of a holder.
    pub(in crate::download) fn need_lookup(&self, source: &Source) -> bool {
        let (host, port) = (source.holder.host.as_str(), source.holder.port.value());
        literal(source).is_none() && self.dialer.needs_lookup(host, port)
    }

    /// Whether the name service has to be asked for the addresses of all of these holders.
    pub(in crate::download) fn all_need_lookup(&self, sources: &[Source]) -> bool {
        sources.iter().all(|source| self.need_lookup(source))
    }
}

/// The address of a holder, as far as it is known without asking the name service.
pub(in crate::download) fn literal(source: &Source) -> Option<IpAddr> {
    source.verified_address.or_else(|| address_of(source.holder.host.as_str()))
}

/// The address that a host spells.
fn address_of(host: &str) -> Option<IpAddr> {
    let host = host.strip_suffix('.').unwrap_or(host);
    // The scope of a link-local address.
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    match host.eq_ignore_ascii_case("localhost") {
        true => Some(Ipv4Addr::LOCALHOST.into()),
        false => address.parse().ok().or_else(|| numeric(host).map(IpAddr::from)),
    }
}

/// The address of a host such as `127.1`, `0x7f.0.0.1` or `2130706433`, which the resolvers of many
/// systems accept as `inet_aton` does: the last number fills the rest of the address.
fn numeric(host: &str) -> Option<Ipv4Addr> {
    let number = |digits: &str| match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if digits.starts_with('0') => u32::from_str_radix(digits, 8).ok(),
        None => digits.parse().ok(),
    };
    // `from_str_radix` accepts a sign.
    let is_numeric = |byte: u8| byte.is_ascii_hexdigit() || b".xX".contains(&byte);
    let parts: Option<Vec<u32>> = match host.bytes().all(is_numeric) {
        true => host.splitn(5, '.').map(number).collect(),
        false => None,
    };
    let (last, first) = parts.as_ref()?.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let (mut bits, mut room) = (0, u32::MAX);
    for part in first {
        let byte = u8::try_from(*part).ok()?;
        (bits, room) = (bits << 8 | u32::from(byte), room >> 8);
    }
    let shift = 8 * (4 - u32::try_from(first.len()).ok()?);
    (*last <= room).then(|| Ipv4Addr::from_bits(bits.checked_shl(shift).unwrap_or(0) | last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_spell_an_address() {
        for (host, address) in [
            ("127.0.0.7", "127.0.0.7"),
            ("127.0.0.7.", "127.0.0.7"),
            ("127.7", "127.0.0.7"),
            ("127.0.7", "127.0.0.7"),
            ("127.0.65535", "127.0.255.255"),
            ("2130706439", "127.0.0.7"),
            ("0177.0.0.7", "127.0.0.7"),
            ("0x7F.0x0.0.07", "127.0.0.7"),
            ("0x7f000007", "127.0.0.7"),
            ("0", "0.0.0.0"),
            ("::1", "::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("LocalHost", "127.0.0.1"),
            ("localhost.", "127.0.0.1"),
        ] {
            assert_eq!(address_of(host), Some(address.parse().unwrap()), "{host}");
        }
        for host in [
            "",
            ".",
            "1.2.3.4.5",
            "256.1",
            "1.2.65536",
            "4294967296",
            "+1",
            "1..2",
            "08",
            "ab",
            "a.example",
            "0x",
            "0xg",
            "1.2.3.-4",
        ] {
            assert_eq!(address_of(host), None, "{host}");
        }
    }
}
