//! The index by examples, and against a plain model (protocol.md sections 4.5 and 4.6).

mod owned;
mod search;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::query::{Position, Query};
use super::records::Records;
use super::{Attributes, Capacity, Full, Owner};
use crate::protocol::{Content, Date, Listing, Record};

const A: Owner = Owner(1);
const B: Owner = Owner(2);

fn record(line: &str) -> Record {
    Record::parse(line).unwrap()
}

/// No attributes, for tests of lines only.
fn plain() -> Attributes {
    attributes(None, 0)
}

fn attributes(length: Option<u64>, seconds: u64) -> Attributes {
    let added = Date::clamped(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds));
    Attributes { content: Content { digest: None, length }, added, address: None }
}

fn lines(index: &Records, query: &Query) -> Vec<String> {
    let mut lines = Vec::new();
    index.visit(query, &mut Position::default(), |shown| {
        lines.push(shown.record.to_string());
        true
    });
    lines
}

fn rfcs(index: &Records) -> Vec<String> {
    lines(index, &Query::Listing(Listing::Rfcs))
}

#[test]
fn a_list_is_ordered_by_number_and_then_newest_first() {
    let mut index = Records::default();
    for line in ["RFC 20 T a 1", "RFC 3 T a 1", "RFC 20 T b 2", "FILE z T a 1", "FILE a T a 1"] {
        index.add(A, record(line), plain()).unwrap();
    }
    assert_eq!(rfcs(&index), ["RFC 3 T a 1", "RFC 20 T b 2", "RFC 20 T a 1"]);
    let files = lines(&index, &Query::Listing(Listing::Files));
    assert_eq!(files, ["FILE a T a 1", "FILE z T a 1"]);
    let lookup = Query::Document(record("RFC 20 T a 1").document);
    assert_eq!(lines(&index, &lookup), ["RFC 20 T b 2", "RFC 20 T a 1"]);
}

#[test]
fn adding_again_replaces_the_title_and_an_equal_line_keeps_its_place() {
    let mut index = Records::default();
    for line in ["RFC 1 old a 1", "RFC 1 T b 1", "RFC 1 old a 1"] {
        index.add(A, record(line), plain()).unwrap();
    }
    assert_eq!(rfcs(&index), ["RFC 1 T b 1", "RFC 1 old a 1"]);
    index.add(A, record("RFC 1 new a 1"), plain()).unwrap();
    assert_eq!(rfcs(&index), ["RFC 1 new a 1", "RFC 1 T b 1"]);
    assert_eq!(index.len(), 2);
}

#[test]
fn a_record_belongs_to_the_connection_that_added_it() {
    let mut index = Records::default();
    let victim = record("RFC 1 T victim 1");
    index.add(A, victim.clone(), plain()).unwrap();
    assert_eq!(index.remove(B, &victim.document, &victim.holder), None);

    // An equal line of another owner is shown once, and its removal leaves the first alone.
    index.add(B, victim.clone(), plain()).unwrap();
    assert_eq!((rfcs(&index).len(), index.len()), (1, 2));
    assert_eq!(index.remove(B, &victim.document, &victim.holder), Some(victim.clone()));
    assert_eq!(rfcs(&index), ["RFC 1 T victim 1"]);

    index.add(B, record("RFC 1 lie victim 1"), plain()).unwrap();
    assert_eq!(index.remove_some(B, 100), 1);
    assert_eq!(rfcs(&index), ["RFC 1 T victim 1"]);
    assert_eq!(index.remove(A, &victim.document, &victim.holder), Some(victim));
    assert!(index.len() == 0);
}

#[test]
fn attributes_are_from_the_first_owner_of_the_line() {
    let mut index = Records::default();
    let line = record("RFC 1 T h 1");
    let shown = |index: &Records| {
        let mut shown = Vec::new();
        index.visit(&Query::All, &mut Position::default(), |record| {
            shown.push(record.attributes());
            true
        });
        shown
    };
    index.add(A, line.clone(), attributes(None, 10)).unwrap();
    index.add(B, line.clone(), attributes(Some(666), 11)).unwrap();
    assert_eq!(shown(&index), [attributes(None, 10)]);

    // A second ADD replaces the attributes, and the time of the first one stays.
    index.add(A, line.clone(), attributes(Some(5), 12)).unwrap();
    assert_eq!(shown(&index), [attributes(Some(5), 10)]);
    index.add(A, record("RFC 1 new h 1"), attributes(Some(6), 13)).unwrap();
    assert_eq!(shown(&index), [attributes(Some(6), 10), attributes(Some(666), 11)]);
    index.add(A, line.clone(), attributes(Some(5), 14)).unwrap();
    assert_eq!(shown(&index), [attributes(Some(666), 11)]);
    assert_eq!(index.remove_some(B, 10), 1);
    assert_eq!(shown(&index), [attributes(Some(5), 10)]);
}

#[test]
fn the_verified_address_is_that_of_the_holder_that_is_shown() {
    let mut index = Records::default();
    let line = record("RFC 1 T peer.example 1");
    let with = |last: u8| Attributes { address: Some([192, 0, 2, last].into()), ..plain() };
    index.add(A, line.clone(), with(1)).unwrap();
    index.add(B, line.clone(), with(2)).unwrap();
    let shown = |index: &Records| {
        let mut shown = Vec::new();
        let query = Query::Document(line.document.clone());
        index.visit(&query, &mut Position::default(), |record| {
            shown.push(record.attributes().address.unwrap().to_string());
            true
        });
        shown
    };
    assert_eq!(shown(&index), ["192.0.2.1"]);
    index.remove_some(A, 10);
    assert_eq!(shown(&index), ["192.0.2.2"]);
}

#[test]
fn limits_refuse_and_change_nothing() {
    let mut index =
        Records::new(Capacity { records: 3, records_of_owner: 2, ..Capacity::default() });
    index.add(A, record("RFC 1 T a 1"), plain()).unwrap();
    index.add(A, record("RFC 2 T a 1"), plain()).unwrap();
    assert_eq!(index.add(A, record("RFC 3 T a 1"), plain()), Err(Full::Owner(2)));
    index.add(A, record("RFC 2 other a 1"), plain()).unwrap();
    index.add(B, record("RFC 3 T b 1"), plain()).unwrap();
    assert_eq!(index.add(B, record("RFC 4 T b 1"), plain()), Err(Full::Index(3)));
    assert_eq!(index.len(), 3);
    assert_eq!(rfcs(&index), ["RFC 1 T a 1", "RFC 2 other a 1", "RFC 3 T b 1"]);
    assert_eq!(index.remove_some(A, 1), 1);
    index.add(B, record("RFC 4 T b 1"), plain()).unwrap();
}

#[test]
fn a_record_is_refused_when_the_memory_is_used_up() {
    let mut index = Records::new(Capacity { bytes: 1 << 20, ..Capacity::default() });
    let title = "t".repeat(512);
    let add = |index: &mut Records, owner, number: usize| {
        // Titles that wait count with the most that they may take.
        index.update_search(8);
        index.add(owner, record(&format!("FILE {number} {title} h{number} 1")), plain())
    };
    let count = (1..).find(|&number| add(&mut index, A, number).is_err()).unwrap();
    assert_eq!(add(&mut index, A, count), Err(Full::Memory(1 << 20)));
    assert!(count > 400 && index.bytes() <= 1 << 20, "{count}, {}", index.bytes());
    // Records that are there may still change, and records that are removed make room.
    assert!(index.add(A, record("FILE 1 short h1 1"), plain()).is_ok());
    while index.remove_some(A, 100) == 100 {}
    while index.update_search(100) == 100 {}
    (1..count).for_each(|number| assert!(add(&mut index, B, number).is_ok()));
}

#[test]
fn memory_is_given_back_when_most_records_are_removed() {
    let mut index = Records::default();
    // One endpoint with many lines of one document, and of many.
    let titles =
        (0..20_000).map(|number| record(&format!("RFC 1 title-{number} h {}", number + 1)));
    let documents = (0..20_000).map(|number| record(&format!("FILE {number} T h 1")));
    let all: Vec<Record> = titles.chain(documents).collect();
    for record in &all {
        index.add(A, record.clone(), plain()).unwrap();
    }
    let most = index.bytes();
    for record in &all[..all.len() - 1] {
        index.remove(A, &record.document, &record.holder).unwrap();
    }
    assert!(index.holders.bytes() < most / 4, "{} of {most}", index.holders.bytes());
    index.remove_some(A, 100);
    while index.update_search(100) == 100 {}
    assert!(index.bytes() < most / 100, "{} of {most}", index.bytes());
}

/// Numbers on both sides of where the table of low ones ends.
const RFCS: [u32; 3] = [1, 65_535, 65_536];

/// An operation of one owner in the model test.
#[derive(Clone, Debug)]
enum Operation {
    Add(Record),
    Remove(Record),
    Leave,
}

fn operations() -> impl Strategy<Value = Vec<(Owner, Operation)>> {
    let record = (0..4u32, 0..3u32, 0..3u32).prop_map(|(number, title, port)| match number {
        0 => record(&format!("FILE f {title} h {}", port + 1)),
        _ => record(&format!("RFC {} {title} h {}", RFCS[number as usize - 1], port + 1)),
    });
    let operation = prop_oneof![
        6 => record.clone().prop_map(Operation::Add),
        3 => record.prop_map(Operation::Remove),
        1 => Just(Operation::Leave),
    ];
    prop::collection::vec(((0..3u64).prop_map(Owner), operation), 0..50)
}

/// The same in the plainest way: a vector, oldest first.
#[derive(Default)]
struct Model(Vec<(Owner, Record)>);

impl Model {
    fn apply(&mut self, owner: Owner, operation: &Operation) {
        match operation {
            Operation::Add(record) if self.0.contains(&(owner, record.clone())) => {}
            Operation::Add(record) => {
                self.remove(owner, record);
                // It joins an equal line where that stands.
                let equal = self.0.iter().position(|(_, other)| other == record);
                let place = equal.unwrap_or(self.0.len());
                self.0.insert(place, (owner, record.clone()));
            }
            Operation::Remove(record) => self.remove(owner, record),
            Operation::Leave => self.0.retain(|(other, _)| *other != owner),
        }
    }

    fn remove(&mut self, owner: Owner, record: &Record) {
        self.0.retain(|(other, held)| {
            (*other, &held.document, &held.holder) != (owner, &record.document, &record.holder)
        });
    }

    fn rfcs(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut lines: Vec<&Record> = self.0.iter().rev().map(|(_, record)| record).collect();
        lines.retain(|record| record.document.to_string().starts_with("RFC"));
        lines.retain(|record| seen.insert((*record).clone()));
        lines.sort_by_key(|record| record.document.clone());
        lines.into_iter().map(ToString::to_string).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_index_equals_a_plain_model(operations in operations()) {
        let mut index = Records::default();
        let mut model = Model::default();
        for (owner, operation) in operations {
            model.apply(owner, &operation);
            match operation {
                Operation::Add(record) => {
                    index.add(owner, record, plain()).unwrap();
                }
                Operation::Remove(record) => {
                    index.remove(owner, &record.document, &record.holder);
                }
                Operation::Leave => while index.remove_some(owner, 2) == 2 {},
            }
            prop_assert_eq!(rfcs(&index), model.rfcs());
            let found = RFCS.map(|number| {
                let document = record(&format!("RFC {number} T h 1")).document;
                lines(&index, &Query::Document(document))
            });
            prop_assert_eq!(found.concat(), model.rfcs());
            prop_assert_eq!(index.len(), model.0.len());
        }
        // When all have left, nothing is kept of them.
        (0..3).for_each(|owner| while index.remove_some(Owner(owner), 100) == 100 {});
        prop_assert!(index.len() == 0 && index.documents.is_empty() && index.others.is_empty());
        prop_assert!(index.holders.is_empty());
        prop_assert_eq!((index.heap, index.holders.heap()), (0, 0));
        while index.update_search(3) == 3 {}
        prop_assert!(index.titles.is_empty());
    }

    /// A reader that stops after a few records, while others come and go.
    #[test]
    fn a_record_that_stays_is_listed_exactly_once(
        operations in operations(),
        pause in 1..5usize,
        (query, listed) in prop::sample::select(vec![
            (Query::Listing(Listing::Rfcs), 0..3),
            (Query::Listing(Listing::Files), 3..6),
            (Query::All, 0..6),
        ]),
    ) {
        let mut index = Records::default();
        let staying: Vec<Record> =
            ["RFC 1", "RFC 2", "RFC 3", "FILE e", "FILE f", "FILE g"]
                .map(|document| record(&format!("{document} stays h 9")))
                .into();
        for record in &staying {
            index.add(Owner(99), record.clone(), plain()).unwrap();
        }
        let mut operations = operations.into_iter();
        let mut position = Position::default();
        let mut seen = Vec::new();
        while !index.visit(&query, &mut position, |shown| {
            seen.push(shown.record.to_string());
            seen.len() % pause != 0
        }) {
            match operations.next() {
                Some((owner, Operation::Add(record))) => {
                    index.add(owner, record, plain()).unwrap();
                }
                Some((owner, Operation::Remove(record))) => {
                    index.remove(owner, &record.document, &record.holder);
                }
                Some((owner, Operation::Leave)) => { index.remove_some(owner, 100); }
                None => {}
            }
        }
        for (at, record) in staying.iter().enumerate() {
            let line = record.to_string();
            let times = seen.iter().filter(|other| **other == line).count();
            prop_assert_eq!(times, usize::from(listed.contains(&at)), "{}", line);
        }
    }
}
