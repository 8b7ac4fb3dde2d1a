//! The host names of holders: their addresses, and whether the name service answers (protocol.md
//! section 7).

use super::addresses::{AddressCache, literal};
use super::name_service::NameService;
use crate::download::model::Source;

/// The host names of holders, in all downloads of a program.
#[derive(Debug, Default)]
pub(in crate::download) struct HostNames {
    pub(in crate::download) cache: AddressCache,
    pub(in crate::download) service: NameService,
}

impl HostNames {
    /// Whether the name service has to be asked for the addresses of a holder.
    pub(in crate::download) fn need_lookup(&self, source: &Source) -> bool {
        literal(source).is_none() && self.cache.known(source).is_none()
    }

    /// Whether the name service has to be asked for the addresses of all of these holders.
    pub(in crate::download) fn all_need_lookup(&self, sources: &[Source]) -> bool {
        sources.iter().all(|source| self.need_lookup(source))
    }
}
