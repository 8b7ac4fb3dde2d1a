//! The lengths of documents that `sync --dry-run` lists, as an index with attributes returns them
//! (protocol.md section 4.11).

use std::collections::HashMap;

use crate::cli::quantity::counted;
use crate::error_chain::error_chain;
use crate::limits;
use crate::peer::{AskIndex, Order};
use crate::protocol::{Attribute, Document, ReplyPart};

/// Lengths that holders have announced.
pub(super) struct Lengths(HashMap<Document, u64>);

impl Lengths {
    /// Looks up the first [`limits::DRY_RUN_LENGTHS`] documents. Lengths that cannot be found out are
    /// unknown.
    pub(super) fn look_up(index: &dyn AskIndex, orders: &[Order]) -> Self {
        let mut lengths = HashMap::new();
        if index.dialect().shows_extensions() {
            let documents = orders.iter().map(|order| &order.wanted.document);
            let documents: Vec<&Document> = documents.take(limits::DRY_RUN_LENGTHS).collect();
            let mut document = None;
            let asked = index.look_up_all(&documents, &mut |part| match part {
                ReplyPart::Record(record) => document = Some(record.document),
                ReplyPart::Attribute(Attribute::Length(length)) => {
                    if let Some(document) = &document {
                        lengths.entry(document.clone()).or_insert(length);
                    }
                }
                _ => {}
            });
            if let Err(error) = asked {
                log::debug!("no lengths: {}", error_chain(&error));
            }
        }
        Self(lengths)
    }

    pub(super) fn of(&self, document: &Document) -> Option<u64> {
        self.0.get(document).copied()
    }

    /// The number of all documents and their bytes, for people.
    pub(super) fn summary(&self, orders: &[Order]) -> String {
        let documents = orders.iter().map(|order| &order.wanted.document);
        total(&documents.map(|document| self.of(document)).collect::<Vec<_>>())
    }
}

fn total(lengths: &[Option<u64>]) -> String {
    let known: Vec<u64> = lengths.iter().flatten().copied().collect();
    let bytes = known.iter().fold(0_u64, |sum, length| sum.saturating_add(*length));
    let (documents, bytes) = (counted(lengths.len(), "document"), counted(bytes, "byte"));
    match lengths.len().saturating_sub(known.len()) {
        0 => format!("{documents} to download, {bytes}"),
        unknown if unknown == lengths.len() => {
            format!("{documents} to download, of unknown length")
        }
        unknown => format!("{documents} to download, {bytes} and {unknown} of unknown length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_lengths_are_counted_apart() {
        assert_eq!(total(&[Some(1)]), "1 document to download, 1 byte");
        assert_eq!(total(&[Some(1), Some(9)]), "2 documents to download, 10 bytes");
        let some = "3 documents to download, 4 bytes and 2 of unknown length";
        assert_eq!(total(&[None, Some(4), None]), some);
        assert_eq!(total(&[None]), "1 document to download, of unknown length");
        assert_eq!(
            total(&[Some(u64::MAX), Some(9)]),
            format!("2 documents to download, {} bytes", u64::MAX)
        );
    }
}
