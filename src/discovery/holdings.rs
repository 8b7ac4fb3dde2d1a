//! The holders of a document, as an index lists them (protocol.md sections 4.3 and 4.11).

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use super::index_dialect::Extensions;
use super::index_error::IndexError;
use super::listed::{Completeness, Gap, GapCause, KeptList};
use super::query::{AskIndex, Query};
use super::records::request_records;
use crate::error_chain::error_chain;
use crate::limits;
use crate::protocol::{
    Attribute, Content, Date, Document, Listing, Record, Refusal, ReplyPart, Title,
};

/// A holder of a document, and what the index knows of the record besides its line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holding {
    /// The record.
    pub record: Record,
    /// Which bytes the holder says to have.
    pub content: Content,
    /// When the index took the record.
    pub added: Option<Date>,
    /// The address for which the index verified the holder's host.
    pub address: Option<IpAddr>,
    /// Where the index is that says so.
    pub told_by: SocketAddr,
}

/// The holders of a document that an index has listed, and whether these are all.
#[derive(Debug)]
pub struct Holders {
    /// At most 10,000.
    pub found: Vec<Holding>,
    /// Whether holders may be missing.
    pub completeness: Completeness,
}

impl Holders {
    /// These holders of a document.
    ///
    /// # Errors
    /// When there are none, and the reply was cut off.
    fn new(
        document: &Document,
        found: Vec<Holding>,
        completeness: Completeness,
    ) -> Result<Self, IndexError> {
        Self { found, completeness }.known(document)
    }

    /// The same, if there are any, or if it is known that there are none.
    ///
    /// # Errors
    /// When there are none, and the reply was cut off.
    pub fn known(self, document: &Document) -> Result<Self, IndexError> {
        match self.completeness {
            Completeness::Incomplete(Gap { reason, cause }) if self.found.is_empty() => {
                let document = document.clone();
                match cause {
                    GapCause::Failed(error) => {
                        Err(IndexError::CutOff { document, reason, cause: Some(error) })
                    }
                    GapCause::Closed => Err(IndexError::CutOff { document, reason, cause: None }),
                    GapCause::Unmarked => {
                        let completeness = Completeness::Incomplete(Gap { reason, cause });
                        Ok(Self { found: self.found, completeness })
                    }
                }
            }
            completeness => Ok(Self { found: self.found, completeness }),
        }
    }
}

impl Holding {
    fn new(record: Record, told_by: SocketAddr) -> Self {
        Self { record, content: Content::default(), added: None, address: None, told_by }
    }

    fn take(&mut self, attribute: Attribute) {
        match attribute {
            Attribute::Digest(digest) => self.content.digest = Some(digest),
            Attribute::Length(length) => self.content.length = Some(length),
            Attribute::Added(date) => self.added = Some(date),
            Attribute::Address(address) => self.address = Some(address),
        }
    }
}

/// The holders of a document, as the index lists them: at most 10,000, and then the rest is not
/// read. No holder means that nobody has it.
///
/// An index that has shown no extension is sent the title, if it is known: some compare it. One that
/// finds nothing, answers 400 or closes the connection may only compare titles in another way: then its
/// list is requested, once per connection.
///
/// # Errors
/// When the index does not answer, or refuses, or lists no holder in a reply that is cut off.
pub fn lookup(
    index: &dyn AskIndex,
    document: &Document,
    title: Option<&Title>,
) -> Result<Holders, IndexError> {
    let dialect = index.dialect();
    let told_by = index.address()?;
    let is_rfc = matches!(document, Document::Rfc(_));
    if is_rfc && index.list_cache().get().is_some() && !dialect.shows_extensions() {
        return lookup_in_list(index, document);
    }
    let want_attributes = dialect.extensions() != Extensions::Refused;
    let query = Query::lookup(document, title, dialect);
    let mut holdings = Arriving::new(told_by);
    let (mut failure, mut is_answered) = (None, false);
    let mut completeness = Completeness::Complete;
    match request_records(index, query, &mut |part| holdings.take(part)) {
        Err(IndexError::Refused { refusal: Refusal::NotFound, .. }) => is_answered = true,
        Err(IndexError::Refused { refusal: Refusal::BadRequest, .. }) if want_attributes => {
            dialect.refuse_extensions();
            if !is_rfc {
                return lookup(index, document, title);
            }
        }
        Err(IndexError::Refused { refusal: Refusal::BadRequest, .. }) if is_rfc => {}
        // It may never answer a header that it does not know.
        Err(IndexError::Silent { .. } | IndexError::Unfinished { .. })
            if want_attributes && dialect.extensions() == Extensions::Refused =>
        {
            return lookup(index, document, title);
        }
        Err(error) if is_rfc && may_ignore_lookup(index, &error) => failure = Some(error),
        outcome => {
            is_answered = true;
            completeness = holdings.completeness(outcome?);
        }
    }
    // An index of another program may match in its own way.
    let mut holdings = holdings.found;
    holdings.retain(|holding| holding.record.document == *document);
    if !holdings.is_empty() || dialect.shows_extensions() || !is_rfc {
        return Holders::new(document, holdings, completeness);
    }
    match lookup_in_list(index, document) {
        // The index has said that it knows none.
        Err(error) if is_answered => {
            log::debug!("the list is not searched for {document}: {}", error_chain(&error));
            Holders::new(document, holdings, completeness)
        }
        found => found.map_err(|error| failure.unwrap_or(error)),
    }
}

/// Whether a failed LOOKUP may be due to its form: some servers close the connection when a header
/// is missing.
pub fn may_ignore_lookup(index: &dyn AskIndex, error: &IndexError) -> bool {
    matches!(error, IndexError::Lost { .. }) && !index.dialect().shows_extensions()
}

/// The same in the list of all RFCs, which is requested once per connection.
///
/// # Errors
/// As [`lookup`].
pub fn lookup_in_list(index: &dyn AskIndex, document: &Document) -> Result<Holders, IndexError> {
    let list = index.list_cache().get().map_or_else(|| keep_list(index), Ok)?;
    let told_by = index.address()?;
    let records = list.records.iter().filter(|record| record.document == *document);
    let found = records.map(|record| Holding::new(record.clone(), told_by)).collect();
    Holders::new(document, found, list.completeness.clone())
}

/// Requests the list of all RFCs, and keeps its beginning.
fn keep_list(index: &dyn AskIndex) -> Result<Arc<KeptList>, IndexError> {
    let mut records = Vec::new();
    let listed = request_records(index, Query::List(Listing::Rfcs), &mut |part| {
        if let ReplyPart::Record(record) = part {
            records.push(record);
        }
        if records.len() < limits::LOOKUP_LIST {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    let completeness = match listed {
        Completeness::Stopped => {
            let most = limits::LOOKUP_LIST;
            Completeness::incomplete(format!("only the first {most} records were read"))
        }
        other => other,
    };
    Ok(index.list_cache().put(KeptList { records, completeness }))
}

/// Holders, as they arrive.
struct Arriving {
    found: Vec<Holding>,
    told_by: SocketAddr,
    /// An index that sends a line now and then must not keep a peer reading forever.
    until: Instant,
}

impl Arriving {
    fn new(told_by: SocketAddr) -> Self {
        Self { found: Vec::new(), told_by, until: Instant::now() + limits::LOOKUP }
    }

    fn take(&mut self, part: ReplyPart) -> ControlFlow<()> {
        match part {
            ReplyPart::Record(_) if self.found.len() >= limits::HOLDERS => {
                return ControlFlow::Break(());
            }
            ReplyPart::Record(record) => self.found.push(Holding::new(record, self.told_by)),
            ReplyPart::Attribute(attribute) => {
                if let Some(last) = self.found.last_mut() {
                    last.take(attribute);
                }
            }
            ReplyPart::Found | ReplyPart::Refused(_) | ReplyPart::Reason(_) | ReplyPart::End => {
                return ControlFlow::Continue(());
            }
        }
        if Instant::now() < self.until { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// Whether holders may be missing.
    fn completeness(&self, listed: Completeness) -> Completeness {
        match listed {
            Completeness::Stopped if self.found.len() >= limits::HOLDERS => {
                Completeness::incomplete(format!("only the first {} were read", limits::HOLDERS))
            }
            Completeness::Stopped => Completeness::incomplete(format!(
                "the reply took more than {} s",
                limits::LOOKUP.as_secs()
            )),
            listed @ (Completeness::Complete | Completeness::Incomplete(_)) => listed,
        }
    }
}
