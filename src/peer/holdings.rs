//! The holders of a document, as an index lists them (protocol.md sections 4.3 and 4.11).

use std::net::IpAddr;
use std::ops::ControlFlow;

use super::index_error::IndexError;
use super::query::{AskIndex, Query};
use super::records::request_records;
use crate::limits;
use crate::protocol::{Attribute, Content, Date, Document, Record, Refusal, ReplyPart};

/// Who has a document, and what the index knows of that beside the record.
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
    pub told_by: IpAddr,
}

impl Holding {
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
/// read. Nobody has it: an empty list.
///
/// # Errors
/// When the index does not answer, or refuses.
pub fn lookup(index: &dyn AskIndex, document: &Document) -> Result<Vec<Holding>, IndexError> {
    let want_attributes = index.extensions().are_used();
    let told_by = index.address()?;
    let mut holdings: Vec<Holding> = Vec::new();
    let query = Query::Lookup { document, title: None, want_attributes };
    let asked = request_records(index, query, &mut |part| {
        match part {
            ReplyPart::Record(_) if holdings.len() >= limits::HOLDERS => {
                return ControlFlow::Break(());
            }
            ReplyPart::Record(record) => {
                let content = Content::default();
                holdings.push(Holding { record, content, added: None, address: None, told_by });
            }
            ReplyPart::Attribute(attribute) => {
                if let Some(last) = holdings.last_mut() {
                    last.take(attribute);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
    match asked {
        Err(IndexError::Refused { refusal: Refusal::BadRequest, .. }) if want_attributes => {
            index.extensions().refuse();
            return lookup(index, document);
        }
        Err(IndexError::Refused { refusal: Refusal::NotFound, .. }) => {}
        outcome => drop(outcome?),
    }
    // An index of another program may match in its own way.
    holdings.retain(|holding| holding.record.document == *document);
    Ok(holdings)
}
