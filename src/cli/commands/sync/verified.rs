//! The addresses that an index has verified for the holders of listed documents (protocol.md
//! sections 4.11 and 9).
//!
//! A list has no attributes. So a LOOKUP of one document asks for those of its holders, and the
//! addresses that it returns are used for all documents of these holders.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::error_chain::error_chain;
use crate::peer::{AskIndex, DownloadJob, Extensions, IndexError, Provenance, Source, lookup};
use crate::protocol::{Attribute, Document, Endpoint, NO_ADDRESS, ReplyPart};

/// Sets the verified address of each holder that has a host name, as the index that lists it says. Holders
/// that the index no longer lists, or for which it does not reply, are removed: this peer does not resolve
/// their names.
///
/// # Errors
/// When no index can be reached.
pub(super) fn set_verified_addresses(
    index: &dyn AskIndex,
    jobs: &mut [DownloadJob],
) -> Result<(), IndexError> {
    let members = index.members()?;
    if members.is_empty() {
        set_at(index, index.provenance()?, jobs);
    }
    for member in members {
        set_at(member, member.provenance()?, jobs);
    }
    Ok(())
}

/// The same for the holders that this index lists.
fn set_at(index: &dyn AskIndex, listed: Provenance, jobs: &mut [DownloadJob]) {
    if !knows_attributes(index, listed, jobs) {
        // The index does not verify addresses, or does not send them.
        return;
    }
    let mut named = HashSet::new();
    // One document of each holder.
    let mut documents: Vec<&Document> = Vec::new();
    for job in &*jobs {
        let before = named.len();
        named.extend(names(job, listed).cloned());
        if named.len() > before {
            documents.push(&job.request.document);
        }
    }
    let mut addresses = HolderAddresses { named, known: HashMap::new() };
    let mut answered = addresses.look_up(index, &documents);
    if answered.is_ok() {
        // If that record has been removed, look up the other documents of its holder.
        let is_unknown = |holder: &Endpoint| !addresses.known.contains_key(holder);
        let rest = jobs.iter().filter(|job| names(job, listed).any(is_unknown));
        let rest: Vec<&Document> = rest.map(|job| &job.request.document).collect();
        answered = addresses.look_up(index, &rest);
    }
    if let Err(error) = &answered {
        let error = error_chain(error);
        log::warn!(
            "the index did not send the verified addresses of all holders, and holders without one are not asked: {error}"
        );
    }
    for job in jobs {
        job.request.sources.retain_mut(|source| match addresses.known.get(&source.holder) {
            _ if source.provenance != listed => true,
            Some(address) => {
                source.verified_address = *address;
                true
            }
            None if is_name(&source.holder) => {
                log::info!("the index does not list {} any more", source.holder);
                false
            }
            None => true,
        });
    }
}

/// Whether the index sends attributes. If that is unknown, a LOOKUP shows it.
fn knows_attributes(index: &dyn AskIndex, listed: Provenance, jobs: &[DownloadJob]) -> bool {
    let Some(first) = jobs.iter().find(|job| names(job, listed).next().is_some()) else {
        return false;
    };
    if index.dialect().extensions() == Extensions::Unknown {
        let title = first.request.sources.iter().find_map(|source| source.title.as_ref());
        // The connection remembers an extension that this shows, whatever the reply is.
        let _ = lookup(index, &first.request.document, title);
    }
    index.dialect().shows_extensions()
}

/// The addresses of holders with host names.
struct HolderAddresses {
    named: HashSet<Endpoint>,
    /// Holders with a record, and the address for which their host was verified, if it was.
    known: HashMap<Endpoint, Option<IpAddr>>,
}

impl HolderAddresses {
    fn look_up(&mut self, index: &dyn AskIndex, documents: &[&Document]) -> Result<(), IndexError> {
        let (mut holder, mut of_record) = (None, None);
        index.look_up_all(documents, &mut |part| match part {
            ReplyPart::Record(record) => {
                of_record = None;
                holder = Some(record.holder).filter(|holder| self.named.contains(holder));
                if let Some(holder) = &holder {
                    self.known.entry(holder.clone()).or_default();
                }
            }
            ReplyPart::Attribute(Attribute::Address(address)) => {
                if let Some(known) = holder.as_ref().and_then(|one| self.known.get_mut(one)) {
                    // Contradicting addresses of one record verify nothing.
                    if of_record.replace(address).is_some_and(|other| other != address) {
                        *known = Some(NO_ADDRESS);
                    }
                    known.get_or_insert(address);
                }
            }
            _ => {}
        })
    }
}

/// The holders with host names, which would have to be resolved.
fn names(job: &DownloadJob, listed: Provenance) -> impl Iterator<Item = &Endpoint> {
    let is_listed = move |source: &&Source| source.provenance == listed && is_name(&source.holder);
    job.request.sources.iter().filter(is_listed).map(|source| &source.holder)
}

fn is_name(holder: &Endpoint) -> bool {
    holder.host.as_str().parse::<IpAddr>().is_err()
}
