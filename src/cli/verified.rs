//! The addresses that an index has verified for the holders of listed documents (protocol.md
//! sections 4.11 and 9).
//!
//! A list has no attributes. So a LOOKUP of one document asks for those of its holders, and the
//! addresses that it returns are used for all documents of these holders.

use std::collections::HashMap;
use std::net::IpAddr;

use super::exit::CommandError;
use crate::limits;
use crate::peer::{AskIndex, Extensions, Order, Source, lookup};
use crate::protocol::Endpoint;

/// Sets the verified address of each holder that has a host name. Holders whose addresses are not
/// looked up, because there are too many of them, are removed.
///
/// # Errors
/// When an index that knows attributes refuses a LOOKUP or does not answer.
pub(super) fn set_verified_addresses(
    index: &dyn AskIndex,
    orders: &mut [Order],
) -> Result<(), CommandError> {
    let mut known: HashMap<Endpoint, Option<IpAddr>> = HashMap::new();
    let mut lookups = 0;
    let mut removed = 0;
    for order in orders {
        let is_unknown = |source: &Source| is_name(source) && !known.contains_key(&source.holder);
        if order.wanted.sources.iter().any(is_unknown) && lookups < limits::ADDRESS_LOOKUPS {
            if index.dialect().extensions() == Extensions::Refused {
                return Ok(());
            }
            lookups += 1;
            let title = order.wanted.sources.iter().find_map(|source| source.title.as_ref());
            let found = lookup(index, &order.wanted.document, title);
            if !index.dialect().shows_extensions() {
                // It verifies no addresses, or does not tell them.
                return Ok(());
            }
            // Records that are gone by now have no address.
            let gone = order.wanted.sources.iter().map(|source| (source.holder.clone(), None));
            let found = found?.into_iter().map(|found| (found.record.holder, found.address));
            known.extend(gone.chain(found));
        }
        let before = order.wanted.sources.len();
        order.wanted.sources.retain_mut(|source| match known.get(&source.holder) {
            Some(address) => {
                source.address = *address;
                true
            }
            None => !is_name(source),
        });
        removed += before - order.wanted.sources.len();
    }
    if removed > 0 {
        log::warn!(
            "{removed} records are not used: the index lists too many host names to look up their \
             addresses"
        );
    }
    Ok(())
}

/// Whether the holder's host has to be resolved.
fn is_name(source: &Source) -> bool {
    let host = source.holder.host.as_str();
    host.parse::<IpAddr>().is_err() && !host.eq_ignore_ascii_case("localhost")
}
