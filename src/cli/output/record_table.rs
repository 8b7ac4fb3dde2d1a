//! Records for people: a table of documents, titles and holders, and the totals below it.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};

use super::table::{Fit, Table};
use crate::cli::values::named::named;
use crate::counted::counted;
use crate::escape::escaped;
use crate::limits;
use crate::protocol::Record;

/// The records of a list. Only those are kept that were not printed yet.
pub(super) struct RecordTable {
    table: Table,
    /// The number of the next row, if rows have numbers.
    next: Option<usize>,
    documents: Distinct,
    peers: Distinct,
}

impl RecordTable {
    pub(super) fn new(has_numbers: bool) -> Self {
        let columns = [("document", Fit::Name), ("title", Fit::Shortened), ("holder", Fit::Whole)];
        let table = Table::numbered(has_numbers, columns);
        let (documents, peers) =
            (Distinct::new(limits::LISTED_RECORDS), Distinct::new(limits::LISTED_PEERS));
        Self { table, next: has_numbers.then_some(1), documents, peers }
    }

    pub(super) fn add(&mut self, record: &Record) {
        let Record { document, title, holder } = record;
        self.documents.add(document);
        self.peers.add(holder);
        let cells = [named(document), title.to_string(), holder.to_string()];
        let cells = cells.iter().map(|cell| escaped(cell).to_string());
        let number = self.next.map(row_number);
        self.next = self.next.map(|next| next.saturating_add(1));
        self.table.add_row(number.into_iter().chain(cells));
    }

    pub(super) fn row_count(&self) -> usize {
        self.table.row_count()
    }

    /// The rows so far as text, after which the table is empty.
    pub(super) fn take_text(&mut self) -> String {
        let text = self.table.text();
        self.table.clear();
        text
    }

    /// The same with the totals of all records.
    pub(super) fn take_text_and_total(&mut self) -> String {
        let total = self.total();
        match self.row_count() {
            0 => total,
            _ => format!("{}\n{total}", self.take_text()),
        }
    }

    /// `517 documents from 3 peers`.
    fn total(&self) -> String {
        match self.documents.count() {
            0 => "no documents".into(),
            _ => format!("{} from {}", self.documents.text("document"), self.peers.text("peer")),
        }
    }
}

/// How the shell takes a row of the last list: `%3`. Rows after the last one that it keeps have no number.
pub(in crate::cli) fn row_number(number: usize) -> String {
    match number <= limits::LISTED_ROWS {
        true => format!("%{number}"),
        false => String::new(),
    }
}

/// Counts different values, up to a limit.
struct Distinct {
    seen: HashSet<u64>,
    hasher: RandomState,
    most: usize,
    has_more: bool,
}

impl Distinct {
    fn new(most: usize) -> Self {
        Self { seen: HashSet::new(), hasher: RandomState::new(), most, has_more: false }
    }

    fn add(&mut self, value: &impl Hash) {
        let hash = self.hasher.hash_one(value);
        match self.seen.len() < self.most {
            true => drop(self.seen.insert(hash)),
            false => self.has_more |= !self.seen.contains(&hash),
        }
    }

    fn count(&self) -> usize {
        self.seen.len()
    }

    fn text(&self, noun: &str) -> String {
        let count = counted(self.count(), noun);
        if self.has_more { format!("more than {count}") } else { count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Document;

    #[test]
    fn documents_and_peers_are_counted_once() {
        let mut table = RecordTable::new(true);
        assert_eq!(table.take_text_and_total(), "no documents");
        for (number, holder) in [("7", "h:1"), ("8", "h:1"), ("7", "h:2")] {
            let document = Document::Rfc(number.parse().unwrap());
            let (title, holder) = ("T".parse().unwrap(), holder.parse().unwrap());
            table.add(&Record { document, title, holder });
        }
        let text = table.take_text_and_total();
        assert!(text.ends_with("\n2 documents from 2 peers"), "{text}");
        assert!(text.contains("\n%3  RFC 7"), "{text}");
    }

    #[test]
    fn counting_ends_at_a_limit() {
        let mut peers = Distinct::new(2);
        for port in [1, 2, 1, 2] {
            peers.add(&port);
        }
        assert_eq!(peers.text("peer"), "2 peers");
        peers.add(&3);
        assert_eq!(peers.text("peer"), "more than 2 peers");
    }
}
