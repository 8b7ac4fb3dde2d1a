//! A query and the position of its reader, and what a page of results consists of (protocol.md
//! sections
//! 4.3, 4.4 and 4.10).

use std::time::Instant;

use crate::index::RecordView;
use crate::index::query::{Position, Query};
use crate::index::records::Records;
use crate::index::search::Search;
use crate::limits;
use crate::protocol::{Document, Listing, Words};

/// The cost of finding the words of a query, in records.
const QUERY_COST: usize = limits::SMALL_REQUEST;
/// The cost of entering a title, in records.
const TITLE_COST: usize = 64;

/// A query, and how far its reader is in the results.
///
/// It stays valid while records are added and removed: a record that stays is read exactly once.
#[derive(Debug)]
pub struct Cursor(Progress);

#[derive(Debug)]
enum Progress {
    List(Query, Position),
    Search(Box<SearchProgress>),
}

#[derive(Debug)]
struct SearchProgress {
    search: Search,
    /// Records that may still be returned.
    left: usize,
    updates: Updates,
    /// The part of the cost that the next page has to report.
    cost: usize,
}

/// Entering queued titles before a search begins, so that it finds records that were just added.
#[derive(Debug)]
enum Updates {
    NotBegun,
    Begun { left: usize, done: usize, begun: Instant },
    Done,
}

/// The form in which each record is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// Its line.
    Line,
    /// Its line and its attributes.
    WithAttributes,
}

/// One page of results.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Page {
    /// The number of records.
    pub records: usize,
    /// Whether the query has no more records.
    pub is_last: bool,
    /// The time that the page took, as a number of records that could have been read in that time.
    pub cost: usize,
}

impl Cursor {
    /// The records of one document.
    pub fn document(document: Document) -> Self {
        Self::list(Query::Document(document))
    }

    /// All records of a kind.
    pub fn listing(listing: Listing) -> Self {
        Self::list(Query::Listing(listing))
    }

    /// All records.
    pub fn all() -> Self {
        Self::list(Query::All)
    }

    /// At most `limit` records whose titles match these words.
    pub fn search(words: Words, limit: usize) -> Self {
        let search = Search::new(words, limit);
        let updates = Updates::NotBegun;
        let cost = QUERY_COST;
        Self(Progress::Search(Box::new(SearchProgress { search, left: limit, updates, cost })))
    }

    fn list(query: Query) -> Self {
        Self(Progress::List(query, Position::default()))
    }

    /// Passes the next records to `take`, which returns whether the page has room for another
    /// record.
    pub(super) fn read<'a>(
        &mut self,
        index: &'a Records,
        mut take: impl FnMut(RecordView<'a>) -> bool,
    ) -> Page {
        let mut records = 0;
        match &mut self.0 {
            Progress::List(query, position) => {
                let is_last = index.visit(query, position, |record| {
                    records += 1;
                    take(record) && records < limits::VISITS
                });
                Page { records, is_last, cost: records }
            }
            Progress::Search(progress) => {
                let SearchProgress { search, left, cost, .. } = &mut **progress;
                let is_last = index.search(search, |record| {
                    records += 1;
                    take(record) && records < *left
                });
                *left = left.saturating_sub(records);
                let cost = std::mem::take(cost) + search.take_cost();
                Page { records, is_last: is_last || *left == 0, cost }
            }
        }
    }

    /// How many titles are to be entered before the query can be read; `None` if it can be read
    /// now. `queued` returns the number of titles in the queue.
    pub(super) fn updates_left(&mut self, queued: impl FnOnce() -> usize) -> Option<usize> {
        let Progress::Search(progress) = &mut self.0 else { return None };
        let updates = &mut progress.updates;
        if let Updates::NotBegun = updates {
            let left = queued().min(limits::TITLES_FOR_SEARCH);
            *updates = Updates::Begun { left, done: 0, begun: Instant::now() };
        }
        match *updates {
            Updates::Begun { left, .. } if left > 0 => Some(left),
            _ => {
                *updates = Updates::Done;
                None
            }
        }
    }

    /// Counts titles that were entered. No more are entered if that has taken long.
    pub(super) fn count_updates(&mut self, entered: usize) -> Page {
        let mut cost = entered * TITLE_COST;
        if let Progress::Search(search) = &mut self.0 {
            cost += std::mem::take(&mut search.cost);
            if let Updates::Begun { left, done, begun } = &mut search.updates {
                *done += entered;
                *left = left.saturating_sub(entered);
                let is_long = *done >= limits::LEAST_TITLES_FOR_SEARCH
                    && begun.elapsed() >= limits::TITLES_TIME;
                if entered == 0 || is_long {
                    search.updates = Updates::Done;
                }
            }
        }
        Page { records: 0, is_last: false, cost }
    }
}
