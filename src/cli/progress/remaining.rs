//! The remaining bytes of many downloads: from the lengths that holders have announced. A document that has not
//! begun has the length that the index knows, or else the mean length of the others.

use std::collections::HashMap;

use crate::protocol::Document;

/// The bytes that are left of many downloads.
#[derive(Debug)]
pub(super) struct Remaining {
    /// Documents that are neither complete nor given up.
    open: usize,
    /// The stored bytes of documents that are being downloaded, and their announced lengths.
    running: HashMap<Document, (u64, u64)>,
    /// The lengths of documents that have not begun, as the index knows them.
    expected: HashMap<Document, u64>,
    /// Number and bytes of complete documents.
    complete: (u64, u64),
}

impl Remaining {
    /// All bytes of this number of documents remain.
    pub(super) fn new(documents: usize) -> Self {
        let (running, expected) = (HashMap::new(), HashMap::new());
        Self { open: documents, running, expected, complete: (0, 0) }
    }

    /// The index knows the length of a document that has not begun.
    pub(super) fn expect(&mut self, document: &Document, length: u64) {
        self.expected.insert(document.clone(), length);
    }

    /// A holder has announced the length of a document, of which some bytes are here.
    pub(super) fn run(&mut self, document: &Document, here: u64, length: u64) {
        self.expected.remove(document);
        self.running.insert(document.clone(), (here, length));
    }

    /// A document is complete, with this length.
    pub(super) fn complete(&mut self, document: &Document, length: u64) {
        self.end(document);
        let (count, bytes) = self.complete;
        self.complete = (count.saturating_add(1), bytes.saturating_add(length));
    }

    /// A document is not downloaded.
    pub(super) fn end(&mut self, document: &Document) {
        self.running.remove(document);
        self.expected.remove(document);
        self.open = self.open.saturating_sub(1);
    }

    /// The remaining bytes; `None` while no length is known.
    pub(super) fn bytes(&self) -> Option<u64> {
        let of_running = |each: fn(&(u64, u64)) -> u64| {
            self.running.values().fold(0_u64, |sum, one| sum.saturating_add(each(one)))
        };
        let running = of_running(|(here, length)| length.saturating_sub(*here));
        let expected = self.expected.values().fold(0, |sum: u64, one| sum.saturating_add(*one));
        let known = running.saturating_add(expected);
        let not_begun = self.open.saturating_sub(self.running.len());
        let not_begun = not_begun.saturating_sub(self.expected.len()) as u64;
        // An announced length can be false, so complete documents count alone if there are any.
        let mean = match (self.complete, self.running.len() as u64, not_begun) {
            (_, _, 0) => 0,
            ((0, _), 0, _) => return None,
            ((0, _), count, _) => of_running(|(_, length)| *length) / count.max(1),
            ((count, bytes), ..) => bytes / count.max(1),
        };
        Some(known.saturating_add(not_begun.saturating_mul(mean)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remaining_length_is_counted_in_bytes() {
        let document = |number: u32| Document::Rfc(number.to_string().parse().unwrap());
        let mut remaining = Remaining::new(3);
        assert_eq!(remaining.bytes(), None);
        remaining.run(&document(1), 500, 10_500);
        assert_eq!(remaining.bytes(), Some(10_000 + 2 * 10_500));
        remaining.complete(&document(2), 1_000);
        assert_eq!(remaining.bytes(), Some(10_000 + 1_000));
        remaining.run(&document(1), 5_500, 10_500);
        remaining.end(&document(3));
        // Two of three documents are done, and less than half of the bytes.
        assert_eq!(remaining.bytes(), Some(5_000));
        remaining.complete(&document(1), 10_500);
        assert_eq!(remaining.bytes(), Some(0));
    }

    #[test]
    fn documents_that_have_not_begun_have_the_length_that_the_index_knows() {
        let document = |number: u32| Document::Rfc(number.to_string().parse().unwrap());
        let mut remaining = Remaining::new(3);
        remaining.expect(&document(1), 1_000_000);
        remaining.expect(&document(2), 10);
        remaining.complete(&document(2), 10);
        // The third one has the mean length of the complete ones.
        assert_eq!(remaining.bytes(), Some(1_000_000 + 10));
        remaining.run(&document(1), 400_000, 1_000_000);
        assert_eq!(remaining.bytes(), Some(600_000 + 10));
        remaining.end(&document(3));
        remaining.complete(&document(1), 1_000_000);
        assert_eq!(remaining.bytes(), Some(0));
    }

    #[test]
    fn a_false_length_does_not_count_for_documents_that_were_not_begun() {
        let document = |number: u32| Document::Rfc(number.to_string().parse().unwrap());
        let mut remaining = Remaining::new(100);
        remaining.complete(&document(1), 10);
        remaining.run(&document(2), 0, u64::MAX);
        assert_eq!(remaining.bytes(), Some(u64::MAX));
        remaining.end(&document(2));
        assert_eq!(remaining.bytes(), Some(98 * 10));
    }
}
