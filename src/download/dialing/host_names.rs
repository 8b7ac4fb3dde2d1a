//! The host names of holders: their addresses, and whether the name service answers (protocol.md
//! section 7).

use std::net::IpAddr;
use std::sync::Arc;

use super::name_service::NameService;
use crate::download::model::Source;
use crate::limits;
use crate::net::Dialer;

/// The host names of holders, in all downloads of a program.
#[derive(Debug, Default)]
pub(in crate::download) struct HostNames {
    /// Resolves the names, and remembers their addresses for a moment.
    pub(in crate::download) dialer: Dialer,
    pub(in crate::download) service: NameService,
}

impl HostNames {
    pub(in crate::download) fn new(dialer: Dialer, limits: Arc<limits::Downloads>) -> Self {
        Self { dialer, service: NameService::new(limits) }
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
    let host = source.holder.host.as_str();
    let named = match host.eq_ignore_ascii_case("localhost") {
        true => Some(IpAddr::from([127, 0, 0, 1])),
        false => host.parse().ok(),
    };
    source.verified_address.or(named)
}
