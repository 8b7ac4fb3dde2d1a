//! A search in a list of records, for index servers without SEARCH (protocol.md section
//! 4.10).

use std::cmp::Reverse;
use std::collections::HashMap;

use super::{Document, Record, Words};
use crate::limits;

/// The records of a list that match a query.
#[derive(Debug)]
pub struct ListSearch<'a> {
    words: &'a Words,
    /// Records of each document, whether they match or not.
    counts: HashMap<Document, usize>,
    found: Vec<Record>,
    kept_bytes: usize,
}

impl<'a> ListSearch<'a> {
    /// A search in a list, of which no record has been read.
    pub fn new(words: &'a Words) -> Self {
        Self { words, counts: HashMap::new(), found: Vec::new(), kept_bytes: 0 }
    }

    /// Takes the next record of the list.
    pub fn take(&mut self, record: Record) {
        if let Some(count) = self.counts.get_mut(&record.document) {
            *count += 1;
        } else {
            self.kept_bytes = self.kept_bytes.saturating_add(record.document.kept_bytes());
            self.counts.insert(record.document.clone(), 1);
        }
        if self.words.are_in(&record.title) {
            self.kept_bytes = self.kept_bytes.saturating_add(record.kept_bytes());
            self.found.push(record);
        }
    }

    /// The bytes of memory that the search takes.
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// The matching records, in the order in which an index sends them.
    pub fn finish(self) -> Vec<Record> {
        let Self { counts, mut found, .. } = self;
        let mut ranked: Vec<&Document> = found.iter().map(|record| &record.document).collect();
        ranked.sort_by_key(|document| (Reverse(counts.get(*document)), *document));
        ranked.dedup();
        ranked.truncate(limits::RANKED);
        let places: HashMap<Document, usize> = ranked.into_iter().cloned().zip(0..).collect();
        let place = |record: &Record| {
            let ranked = places.get(&record.document).copied();
            (ranked.unwrap_or(limits::RANKED), ranked.is_none().then(|| record.document.clone()))
        };
        // The sort is stable, so the records of a document stay in the order of the list.
        found.sort_by_cached_key(place);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_with_more_records_come_first() {
        let list = [
            "RFC 3 TCP a 1",
            "RFC 7 UDP a 1",
            "RFC 20 TCP b 1",
            "RFC 20 UDP a 1",
            "FILE a Tcp a 1",
        ];
        let found = |words: &str| {
            let words = words.parse().unwrap();
            let mut search = ListSearch::new(&words);
            list.iter().for_each(|line| search.take(Record::parse(line).unwrap()));
            search.finish().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(found("tcp"), ["RFC 20 TCP b 1", "RFC 3 TCP a 1", "FILE a Tcp a 1"]);
        assert_eq!(found("udp"), ["RFC 20 UDP a 1", "RFC 7 UDP a 1"]);
        assert!(found("tcp udp").is_empty());
    }

    #[test]
    fn kept_records_are_counted() {
        let words: Words = "tcp".parse().unwrap();
        let mut search = ListSearch::new(&words);
        let mut kept = |line: &str| {
            let before = search.kept_bytes();
            search.take(Record::parse(line).unwrap());
            search.kept_bytes() - before
        };
        let (first, found) = (kept("RFC 3 UDP a 1"), kept("RFC 3 TCP a 1"));
        assert!(first > 0 && found > 0);
        assert_eq!(kept("RFC 3 UDP a 1"), 0, "only counted");
        assert_eq!(kept("RFC 4 TCP a 1"), first + found);
        assert_eq!(kept("FILE abc UDP a 1"), first + 3);
    }
}
