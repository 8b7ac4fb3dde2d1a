//! The keys of documents in the table, and of buckets of documents.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::limits;
use crate::protocol::Document;

/// What keys are derived from, with the version of the derivation: it separates them from the keys of other programs.
const NAMESPACE: &[u8] = b"p2p-ci/1\n";

/// A key of the table.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key([u8; 20]);

impl Key {
    /// The key of a document.
    pub fn of(document: &Document) -> Self {
        match document {
            Document::Rfc(number) => Self::derived("rfc", &number.to_string()),
            Document::File(name) => Self::derived("file", name.as_str()),
        }
    }

    /// The key of the bucket that contains a document. There are 512 buckets of RFCs, with 64 consecutive numbers
    /// each, because peers often have whole ranges; numbers from 32,768 begin again with the first bucket.
    /// The 256 buckets of files have those whose keys begin with the same byte.
    pub fn of_bucket(document: &Document) -> Self {
        match document {
            Document::Rfc(number) => {
                let range = number.value() / limits::DHT_RFCS_PER_BUCKET;
                let bucket = range % limits::DHT_RFC_BUCKETS;
                Self::derived("bucket of rfc", &bucket.to_string())
            }
            Document::File(_) => {
                let Self([first, ..]) = Self::of(document);
                Self::derived("bucket of file", &first.to_string())
            }
        }
    }

    fn derived(kind: &str, name: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [NAMESPACE, kind.as_bytes(), b"\n", name.as_bytes()] {
            hash.update(part);
        }
        let mut key = [0; 20];
        key.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
        Self(key)
    }

    /// Its bytes.
    pub fn bytes(&self) -> [u8; 20] {
        self.0
    }
}

/// The keys under which a peer with these documents is announced: at most 1,000.
pub fn keys<'a>(documents: impl ExactSizeIterator<Item = &'a Document>) -> BTreeSet<Key> {
    match documents.len() <= limits::DHT_OWN_KEYS {
        true => documents.map(Key::of).collect(),
        false => documents.map(Key::of_bucket).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc(number: u32) -> Document {
        Document::Rfc(number.to_string().parse().unwrap())
    }

    fn file(name: &str) -> Document {
        Document::File(name.parse().unwrap())
    }

    #[test]
    fn keys_do_not_change_between_versions() {
        let hex =
            |key: Key| key.bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        // The first 20 bytes of SHA-256 of `p2p-ci/1`, a line feed, the kind, a line feed, and the name.
        for (key, expected) in [
            (Key::of(&rfc(793)), "22675ddc05795bf05a9a1db1d31dffc814f9968b"),
            (Key::of(&file("notes.pdf")), "267c5cbbad4aa986de1747e6f796dbfe2e0eedaf"),
            (Key::of_bucket(&rfc(793)), "12ca2d5a6e863eb794a7ea2cb6caecd87579fad3"),
            (Key::of_bucket(&file("notes.pdf")), "cc99f90395894d9ac1f8422f7ef627c274b269cd"),
        ] {
            assert_eq!(hex(key), expected);
        }
    }

    #[test]
    fn documents_of_different_kinds_and_their_buckets_have_different_keys() {
        let keys = [
            Key::of(&rfc(12)),
            Key::of(&file("12")),
            Key::of_bucket(&rfc(12 * 64)),
            Key::of_bucket(&file("12")),
        ];
        assert_eq!(BTreeSet::from(keys).len(), keys.len());
    }

    #[test]
    fn consecutive_numbers_share_a_bucket() {
        assert_eq!(Key::of_bucket(&rfc(64)), Key::of_bucket(&rfc(127)));
        assert_ne!(Key::of_bucket(&rfc(63)), Key::of_bucket(&rfc(64)));
        assert_eq!(Key::of_bucket(&rfc(1)), Key::of_bucket(&rfc(512 * 64 + 1)));
    }

    #[test]
    fn a_peer_has_at_most_1000_keys() {
        let documents = |count: u32, step: u32| -> Vec<Document> {
            let numbers = (1..=count).map(|n| rfc(n * step));
            numbers.chain((1..=count).map(|n| file(&format!("{n}.pdf")))).collect()
        };
        for (documents, expected) in [
            (documents(0, 1), 0),
            (documents(500, 1), 1000),
            (documents(4500, 1), 4500 / 64 + 1 + 256),
            (documents(50_000, 19_999), 512 + 256),
        ] {
            assert_eq!(keys(documents.iter()).len(), expected, "of {}", documents.len());
        }
    }
}
