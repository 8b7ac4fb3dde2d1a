//! The lengths of documents that `sync` downloads or `sync --dry-run` lists, as an index with attributes returns them
//! (protocol.md section 4.11).

use std::collections::{HashMap, HashSet};
use std::fmt::{self, Display, Formatter};

use serde_json::{Value, json};

use crate::cli::values::quantity::message_size;
use crate::counted::counted;
use crate::error_chain::error_chain;
use crate::limits;
use crate::peer::{AskIndex, DownloadJob};
use crate::protocol::{Attribute, Document, ReplyPart};

/// Lengths that holders have announced.
pub(super) struct Lengths(HashMap<Document, u64>);

/// Reads replies to LOOKUPs. An index may send records of any number of documents, so only those
/// that were asked for are kept.
struct Reader<'a> {
    asked_for: HashSet<&'a Document>,
    /// The document of the last record.
    document: Option<&'a Document>,
    lengths: HashMap<Document, u64>,
}

impl<'a> Reader<'a> {
    fn new(documents: &[&'a Document]) -> Self {
        let asked_for = documents.iter().copied().collect();
        Self { asked_for, document: None, lengths: HashMap::new() }
    }

    fn take(&mut self, part: &ReplyPart) {
        match part {
            ReplyPart::Record(record) => {
                self.document = self.asked_for.get(&record.document).copied();
            }
            ReplyPart::Attribute(Attribute::Length(length)) => {
                if let Some(document) = self.document {
                    self.lengths.entry(document.clone()).or_insert(*length);
                }
            }
            _ => {}
        }
    }
}

/// The length in the first record of a document that has one.
fn announced(job: &DownloadJob) -> Option<(Document, u64)> {
    let length = job.request.sources.iter().find_map(|source| source.content.length)?;
    Some((job.request.document.clone(), length))
}

impl Lengths {
    /// Looks up the first [`limits::DRY_RUN_LENGTHS`] documents, except those whose length the index has sent
    /// before. Lengths that cannot be found out are unknown.
    pub(super) fn look_up(index: &dyn AskIndex, jobs: &[DownloadJob]) -> Self {
        let mut lengths: HashMap<Document, u64> = jobs.iter().filter_map(announced).collect();
        if !index.dialect().shows_extensions() {
            return Self(lengths);
        }
        let documents = jobs.iter().take(limits::DRY_RUN_LENGTHS).map(|job| &job.request.document);
        let unknown: Vec<&Document> =
            documents.filter(|document| !lengths.contains_key(document)).collect();
        let mut reader = Reader::new(&unknown);
        if !unknown.is_empty()
            && let Err(error) = index.look_up_all(&unknown, &mut |part| reader.take(&part))
        {
            log::debug!("no lengths: {}", error_chain(&error));
        }
        lengths.extend(reader.lengths);
        Self(lengths)
    }

    pub(super) fn of(&self, document: &Document) -> Option<u64> {
        self.0.get(document).copied()
    }

    /// All lengths that are known.
    pub(super) fn into_known(self) -> HashMap<Document, u64> {
        self.0
    }

    /// The number of all documents and their bytes, for people.
    pub(super) fn summary(&self, jobs: &[DownloadJob]) -> String {
        self.total(jobs).to_string()
    }

    /// The same as an object.
    pub(super) fn json(&self, jobs: &[DownloadJob]) -> Value {
        let Total { documents, bytes, unknown } = self.total(jobs);
        json!({ "v": 1, "documents": documents, "bytes": bytes, "unknown_lengths": unknown })
    }

    fn total(&self, jobs: &[DownloadJob]) -> Total {
        Total::of(jobs.iter().map(|job| self.of(&job.request.document)))
    }
}

/// The sum of some lengths.
#[derive(Default)]
struct Total {
    documents: usize,
    bytes: u64,
    /// The documents whose length is unknown.
    unknown: usize,
}

impl Total {
    fn of(lengths: impl Iterator<Item = Option<u64>>) -> Self {
        lengths.fold(Self::default(), |sum, length| Self {
            documents: sum.documents + 1,
            bytes: sum.bytes.saturating_add(length.unwrap_or_default()),
            unknown: sum.unknown + usize::from(length.is_none()),
        })
    }
}

impl Display for Total {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { documents: all, bytes, unknown } = *self;
        let (documents, bytes) = (counted(all, "document"), message_size(bytes));
        match unknown {
            0 => write!(f, "{documents} to download, {bytes}"),
            _ if unknown == all => write!(f, "{documents} to download, of unknown length"),
            _ => write!(f, "{documents} to download, {bytes} and {unknown} of unknown length"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Record;

    #[test]
    fn only_lengths_of_requested_documents_are_kept() {
        let document = |number: &str| Document::Rfc(number.parse().unwrap());
        let (one, two) = (document("1"), document("2"));
        let mut reader = Reader::new(&[&one, &two]);
        for (number, length) in [("1", 10), ("3", 30), ("4", 40), ("2", 20), ("1", 11)] {
            let (title, holder) = ("A title".parse().unwrap(), "localhost:1".parse().unwrap());
            reader.take(&ReplyPart::Record(Record { document: document(number), title, holder }));
            reader.take(&ReplyPart::Attribute(Attribute::Length(length)));
        }
        assert_eq!(reader.lengths, HashMap::from([(one, 10), (two, 20)]));
    }

    #[test]
    fn unknown_lengths_are_counted_apart() {
        let total = |lengths: &[Option<u64>]| Total::of(lengths.iter().copied()).to_string();
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
