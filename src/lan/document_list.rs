//! The documents of one peer of the local network, as it lists them (protocol.md section 5.8).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use crate::discovery::{AskedHolder, Completeness, IndexError, Query};
use crate::error_chain::error_chain;
use crate::net::{Cancel, Provenance};
use crate::protocol::{Attribute, Content, Document, Endpoint, Listing, ReplyPart, Title};

/// Bytes of memory of a document besides its name and its title: its entry, and what the allocator adds.
const ENTRY: usize = size_of::<(Document, Title, Content)>() + 64;

/// What a peer shares.
#[derive(Debug, Default)]
pub(super) struct DocumentList {
    documents: BTreeMap<Document, (Title, Content)>,
    /// The document of the last record.
    last: Option<Document>,
    bytes: usize,
    /// Whether the peer has more documents than are read.
    is_cut: bool,
}

impl DocumentList {
    /// Requests the list of this peer, until that is cancelled. `most` limits the bytes of memory that it takes.
    /// What has arrived before an error is kept.
    ///
    /// # Errors
    /// When the peer cannot be reached, or does not reply as it should before its first document.
    pub(super) fn request(
        address: SocketAddr,
        peer: &Endpoint,
        most: usize,
        cancel: &Cancel,
    ) -> Result<Self, IndexError> {
        let mut list = Self::default();
        let learned_from = Provenance::Lan;
        let asked = AskedHolder { endpoint: peer.clone(), address, learned_from };
        let queries = [Listing::Rfcs, Listing::Files].map(Query::List);
        // The memory is what is limited.
        let outcome = asked.ask(&queries, usize::MAX, cancel, &mut |part| {
            list.take(part);
            if list.bytes > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        list.is_cut = !matches!(outcome, Ok(Completeness::Complete));
        match outcome {
            Err(error) if list.documents.is_empty() => return Err(error),
            Err(error) => {
                log::warn!("not all documents of {peer} are known: {}", error_chain(&error));
            }
            Ok(_) => {}
        }
        Ok(list)
    }

    /// Takes a part of a reply. Nothing that a record says of its holder is used, and of several records of a
    /// document the first one counts.
    pub(super) fn take(&mut self, part: ReplyPart) {
        match part {
            ReplyPart::Record(record) => {
                // Repeated records count as well, so that no list is endless.
                let bytes = record.document.name_bytes() + record.title.as_str().len() + ENTRY;
                self.bytes = self.bytes.saturating_add(bytes);
                let is_new = !self.documents.contains_key(&record.document);
                self.last = is_new.then(|| record.document.clone());
                if is_new {
                    self.documents.insert(record.document, (record.title, Content::default()));
                }
            }
            ReplyPart::Attribute(attribute) => {
                let last = self.last.as_ref().and_then(|last| self.documents.get_mut(last));
                let Some((_, content)) = last else { return };
                match attribute {
                    Attribute::Digest(digest) => content.digest = Some(digest),
                    Attribute::Length(length) => content.length = Some(length),
                    Attribute::Added(_) | Attribute::Address(_) => {}
                }
            }
            _ => {}
        }
    }

    /// Whether the peer has more documents than are known.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The number of documents that are known.
    pub(super) fn len(&self) -> usize {
        self.documents.len()
    }

    /// A document.
    pub(super) fn get(&self, document: &Document) -> Option<(&Title, Content)> {
        self.documents.get(document).map(|(title, content)| (title, *content))
    }

    /// All documents, RFCs first.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&Document, &Title)> {
        self.documents.iter().map(|(document, (title, _))| (document, title))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Record;

    #[test]
    fn only_what_a_peer_says_of_its_own_documents_is_kept() {
        let mut list = DocumentList::default();
        let digest = |digit: &str| {
            let text = format!("sha-256={}", digit.repeat(64));
            ReplyPart::Attribute(Attribute::Digest(text.parse().unwrap()))
        };
        let record = |line: &str| ReplyPart::Record(Record::parse(line).unwrap());
        let address = ReplyPart::Attribute(Attribute::Address("10.0.0.1".parse().unwrap()));
        for part in [
            ReplyPart::Found,
            // No record comes before it.
            digest("0"),
            record("RFC 1 First 10.0.0.1 22"),
            address,
            digest("a"),
            record("FILE a.pdf Lecture h 1"),
            ReplyPart::Attribute(Attribute::Length(7)),
            // The first record counts, and attributes of a later one do not change it.
            record("RFC 1 Second h 1"),
            digest("b"),
            ReplyPart::End,
        ] {
            list.take(part);
        }
        let (rfc, file) = (Document::Rfc("1".parse().unwrap()), "a.pdf".parse().unwrap());
        let (title, content) = list.get(&rfc).unwrap();
        assert_eq!((title.as_str(), content.length), ("First", None));
        assert_eq!(content.digest.unwrap().to_string(), format!("sha-256={}", "a".repeat(64)));
        let (title, content) = list.get(&Document::File(file)).unwrap();
        assert_eq!((title.as_str(), content.length, content.digest), ("Lecture", Some(7), None));
        assert_eq!((list.len(), list.is_cut()), (2, false));
        let bytes = list.bytes;
        list.take(record("RFC 1 Second h 1"));
        assert!(list.bytes > bytes, "a repeated record counts");
    }
}
