//! The holders of a document that an index lists (protocol.md sections 4.3 and 4.11).

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use super::concurrent::{Take, of_each};
use super::index_dialect::{Extensions, IndexDialect};
use super::index_error::IndexError;
use super::listed::{Completeness, Gap, GapCause, KeptList};
use super::query::{AskIndex, Query};
use super::records::request_records;
use crate::error_chain::error_chain;
use crate::limits;
use crate::net::Provenance;
use crate::protocol::{
    Attribute, Content, Date, Document, Listing, NO_ADDRESS, Record, Refusal, ReplyPart, Title,
};

/// A holder of a document, and the attributes of its record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HolderInfo {
    /// The record.
    pub record: Record,
    /// The content that the holder has announced.
    pub content: Content,
    /// When the record was added to the index.
    pub added: Option<Date>,
    /// The address that the index verified for the holder's host; [`NO_ADDRESS`] if it has sent one that
    /// cannot be read, or several.
    pub address: Option<IpAddr>,
    /// Where it was learned from.
    pub learned_from: Provenance,
}

/// The holders of a document that an index has listed.
#[derive(Debug)]
pub struct Holders {
    /// At most 10,000.
    pub found: Vec<HolderInfo>,
    /// Whether holders may be missing.
    pub completeness: Completeness,
}

impl Holders {
    /// The holders of a document.
    ///
    /// # Errors
    /// When there are none, and the reply was cut off.
    fn new(
        document: &Document,
        found: Vec<HolderInfo>,
        completeness: Completeness,
    ) -> Result<Self, IndexError> {
        Self { found, completeness }.known(document)
    }

    /// The holders of a document that several servers have listed. The first record of each counts, with
    /// the content that a later one adds.
    fn merged(of_servers: Vec<Self>, listed: Completeness) -> Self {
        let (mut found, mut places) = (Vec::<HolderInfo>::new(), HashMap::new());
        let mut merged = listed;
        for Self { found: listed, completeness } in of_servers {
            for holder in listed {
                let place = places.entry(holder.record.holder.clone()).or_insert(found.len());
                match found.get_mut(*place) {
                    None => found.push(holder),
                    Some(known) if known.content == Content::default() => {
                        known.content = holder.content;
                    }
                    Some(_) => {}
                }
            }
            merged = merged.and(completeness);
        }
        Self { found, completeness: merged }
    }

    /// Returns the holders if there are any, or if it is certain that there are none.
    ///
    /// # Errors
    /// When there are none, and the reply may be incomplete.
    pub fn known(self, document: &Document) -> Result<Self, IndexError> {
        match self.completeness {
            Completeness::Incomplete(Gap { reason, cause }) if self.found.is_empty() => {
                let document = document.clone();
                match cause {
                    GapCause::Failed(error) | GapCause::NoReply(error) => {
                        Err(IndexError::CutOff { document, reason, cause: Some(error) })
                    }
                    GapCause::Closed | GapCause::Unmarked => {
                        Err(IndexError::CutOff { document, reason, cause: None })
                    }
                }
            }
            completeness => Ok(Self { found: self.found, completeness }),
        }
    }
}

impl HolderInfo {
    fn new(record: Record, learned_from: Provenance) -> Self {
        Self { record, content: Content::default(), added: None, address: None, learned_from }
    }

    fn take(&mut self, attribute: Attribute) {
        match attribute {
            Attribute::Digest(digest) => self.content.digest = Some(digest),
            Attribute::Length(length) => self.content.length = Some(length),
            Attribute::Added(date) => self.added = Some(date),
            // Contradicting addresses verify nothing.
            Attribute::Address(address) => match self.address {
                Some(other) if other != address => self.address = Some(NO_ADDRESS),
                _ => self.address = Some(address),
            },
        }
    }
}

/// Looks up the holders of a document: at most 10,000; the rest of the reply is not read.
///
/// An index that has shown no extension is sent the title, if it is known, because some indexes compare
/// it. If such an index finds nothing, answers 400 or closes the connection, it may compare titles in
/// another way. Then its list is requested, once per connection.
///
/// # Errors
/// When the index does not answer, or refuses, or lists no holder in a reply that is cut off, or lists
/// holders of other documents alone.
pub fn lookup(
    index: &dyn AskIndex,
    document: &Document,
    title: Option<&Title>,
) -> Result<Holders, IndexError> {
    let mut left = index.alternatives();
    loop {
        let found = match index.members()? {
            members if members.is_empty() => lookup_at(index, document, title),
            members => {
                let ask = |member: &dyn AskIndex, _: Take<'_, Infallible>| {
                    lookup_at(member, document, title)
                };
                of_each(&members, &ask, |_, reply| reply.read(&mut |never| match never {}))
                    .and_then(|(found, listed)| Holders::merged(found, listed).known(document))
            }
        };
        match found {
            // Another server of the cluster is next.
            Err(error) if error.is_absence() && left > 0 => left -= 1,
            found => return found,
        }
    }
}

/// Looks up the holders of a document at one index.
fn lookup_at(
    index: &dyn AskIndex,
    document: &Document,
    title: Option<&Title>,
) -> Result<Holders, IndexError> {
    let dialect = index.dialect();
    let learned_from = index.provenance()?;
    let is_rfc = matches!(document, Document::Rfc(_));
    if is_rfc && index.list_cache().get().is_some() && !dialect.shows_extensions() {
        return lookup_in_list(index, document);
    }
    let before = dialect.extensions();
    let query = Query::lookup(document, title, dialect);
    let mut holders = Arriving::new(*dialect.limits(), learned_from);
    let (mut failure, mut is_answered) = (None, false);
    let mut completeness = Completeness::Complete;
    match request_records(index, query, &mut |part| holders.take(part)) {
        Err(IndexError::Refused { refusal: Refusal::NotFound, .. }) => is_answered = true,
        Err(IndexError::Refused { refusal: Refusal::BadRequest, .. })
            if before != Extensions::Refused =>
        {
            dialect.refuse_extensions();
            if !is_rfc {
                return lookup_at(index, document, title);
            }
        }
        Err(IndexError::Refused { refusal: Refusal::BadRequest, .. }) if is_rfc => {}
        // Some servers never answer a request with an unknown header.
        Err(error) if dialect.repeats_lookup(before, &error) => {
            return lookup_at(index, document, title);
        }
        Err(error) if is_rfc && dialect.may_ignore_lookup(&error) => failure = Some(error),
        outcome => {
            is_answered = true;
            completeness = holders.completeness(outcome?);
        }
    }
    // Other implementations may match in another way.
    let (found, mut others): (Vec<_>, Vec<_>) =
        holders.found.into_iter().partition(|holder| holder.record.document == *document);
    let other = others.pop().map(|other| other.record.document);
    let holders = if !found.is_empty() || !dialect.may_compare_titles(document) {
        Holders::new(document, found, completeness)?
    } else {
        match lookup_in_list(index, document) {
            // The index has answered that it knows none.
            Err(error) if is_answered => {
                log::debug!("the list is not searched for {document}: {}", error_chain(&error));
                Holders::new(document, found, completeness)?
            }
            listed => listed.map_err(|error| failure.unwrap_or(error))?,
        }
    };
    some_holder(index, document, holders, other)
}

/// The holders of a document, or an error if there are none and the index has answered with a record of
/// another document.
fn some_holder(
    index: &dyn AskIndex,
    document: &Document,
    holders: Holders,
    other: Option<Document>,
) -> Result<Holders, IndexError> {
    match other {
        Some(found) if holders.found.is_empty() => {
            let (index, requested) = (index.server().clone(), document.clone());
            Err(IndexError::OtherDocument { index, requested, found })
        }
        _ => Ok(holders),
    }
}

/// The next step after a LOOKUP that has found no holder (protocol.md section 8.5).
impl IndexDialect {
    /// Whether a failed LOOKUP is sent again without extensions: the server has not replied to the first
    /// request with one. `before` is what was known of it before the LOOKUP.
    pub fn repeats_lookup(&self, before: Extensions, error: &IndexError) -> bool {
        matches!(error, IndexError::Silent { .. } | IndexError::Unfinished { .. })
            && before != Extensions::Refused
            && self.extensions() == Extensions::Refused
    }

    /// Whether a failed LOOKUP may be due to its form: some servers close the connection when a header
    /// is missing, or never reply.
    pub fn may_ignore_lookup(&self, error: &IndexError) -> bool {
        matches!(error, IndexError::Lost { .. } | IndexError::Silent { .. })
            && !self.shows_extensions()
    }

    /// Whether a server that finds no record of a document may have compared titles, so that its list
    /// is searched.
    pub fn may_compare_titles(&self, document: &Document) -> bool {
        matches!(document, Document::Rfc(_)) && !self.shows_extensions()
    }
}

/// Looks up the holders of a document in the list of all RFCs, which is requested once per connection.
///
/// # Errors
/// As [`lookup`].
pub fn lookup_in_list(index: &dyn AskIndex, document: &Document) -> Result<Holders, IndexError> {
    let list = index.list_cache().get().map_or_else(|| keep_list(index), Ok)?;
    let learned_from = index.provenance()?;
    let records = list.records.iter().filter(|record| record.document == *document);
    let found = records.map(|record| HolderInfo::new(record.clone(), learned_from)).collect();
    Holders::new(document, found, list.completeness.clone())
}

/// Requests the list of all RFCs, and keeps its first records.
fn keep_list(index: &dyn AskIndex) -> Result<Arc<KeptList>, IndexError> {
    let most = index.dialect().limits().lookup_list;
    let mut records = Vec::new();
    let listed = request_records(index, Query::List(Listing::Rfcs), &mut |part| {
        if let ReplyPart::Record(record) = part {
            records.push(record);
        }
        if records.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    let completeness = match listed {
        Completeness::Stopped => {
            Completeness::incomplete(format!("only the first {most} records were read"))
        }
        other => other,
    };
    Ok(index.list_cache().put(KeptList { records, completeness }))
}

/// The holders that have arrived so far.
struct Arriving {
    limits: limits::IndexClient,
    found: Vec<HolderInfo>,
    learned_from: Provenance,
    /// The reply must end before: a slow index must not keep a peer reading forever.
    until: Instant,
}

impl Arriving {
    fn new(limits: limits::IndexClient, learned_from: Provenance) -> Self {
        let until = limits::ends_after(limits.lookup);
        Self { limits, found: Vec::new(), learned_from, until }
    }

    fn take(&mut self, part: ReplyPart) -> ControlFlow<()> {
        match part {
            ReplyPart::Record(_) if self.found.len() >= self.limits.holders => {
                return ControlFlow::Break(());
            }
            ReplyPart::Record(record) => {
                self.found.push(HolderInfo::new(record, self.learned_from))
            }
            ReplyPart::Attribute(attribute) => {
                if let Some(last) = self.found.last_mut() {
                    last.take(attribute);
                }
            }
            ReplyPart::Found
            | ReplyPart::Refused(_)
            | ReplyPart::Reason(_)
            | ReplyPart::Cluster(_)
            | ReplyPart::ClusterServer(_)
            | ReplyPart::End => {
                return ControlFlow::Continue(());
            }
        }
        if Instant::now() < self.until { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// Whether holders may be missing.
    fn completeness(&self, listed: Completeness) -> Completeness {
        match listed {
            Completeness::Stopped if self.found.len() >= self.limits.holders => {
                Completeness::incomplete(format!(
                    "only the first {} were read",
                    self.limits.holders
                ))
            }
            Completeness::Stopped => Completeness::incomplete(format!(
                "the reply took more than {} s",
                self.limits.lookup.as_secs()
            )),
            listed @ (Completeness::Complete | Completeness::Incomplete(_)) => listed,
        }
    }
}
