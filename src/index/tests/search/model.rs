//! Searches against a plain model (protocol.md section 4.10).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::super::Owner;
use super::super::super::records::Records;
use super::super::super::search::Search;
use super::super::{attributes, plain, record};
use super::search;
use crate::protocol::{Document, Record};

/// The added records, by owner, document and endpoint; the oldest first.
#[derive(Default)]
pub(super) struct Model(Vec<(Owner, Record)>);

impl Model {
    pub(super) fn add(&mut self, owner: Owner, record: &Record) {
        if self.0.iter().any(|held| *held == (owner, record.clone())) {
            return;
        }
        self.remove(owner, record);
        let equal = self.0.iter().position(|(_, other)| other == record);
        self.0.insert(equal.unwrap_or(self.0.len()), (owner, record.clone()));
    }

    pub(super) fn remove(&mut self, owner: Owner, record: &Record) {
        self.0.retain(|(other, held)| {
            (*other, &held.document, &held.holder) != (owner, &record.document, &record.holder)
        });
    }

    pub(super) fn search(&self, words: &str) -> Vec<String> {
        let words = words.parse::<crate::protocol::Words>().unwrap();
        let mut documents: BTreeMap<&Document, Vec<&Record>> = BTreeMap::new();
        for (_, record) in self.0.iter().rev() {
            let lines = documents.entry(&record.document).or_default();
            if !lines.contains(&record) {
                lines.push(record);
            }
        }
        let mut ranked: Vec<_> = documents.into_iter().collect();
        ranked.sort_by_key(|(_, lines)| Reverse(lines.len()));
        let lines = ranked.into_iter().flat_map(|(_, lines)| lines);
        lines.filter(|record| words.are_in(&record.title)).map(ToString::to_string).collect()
    }
}

const WORDS: [&str; 10] =
    ["a", "ab", "abc", "abd", "b", "ba", "bad", "Ä", "本語", "abcdefghijklmnopqrst"];

fn a_record() -> impl Strategy<Value = Record> {
    let title = prop::collection::vec(prop::sample::select(&WORDS[..]), 0..4);
    (1..6_u32, title, 1..3_u32).prop_map(|(number, words, port)| {
        let title = words.join(" ");
        match number {
            1 => record(&format!("FILE f1234567 {title} h {port}")),
            2 => record(&format!("FILE f123456789 {title} h {port}")),
            _ => record(&format!("RFC {number} {title} h {port}")),
        }
    })
}

#[derive(Clone, Debug)]
enum Operation {
    Add(Record, u64),
    Remove(Record),
    Leave,
    CatchUp,
}

fn operations() -> impl Strategy<Value = Vec<(Owner, Operation)>> {
    let operation = prop_oneof![
        6 => (a_record(), 0..3_u64).prop_map(|(record, length)| Operation::Add(record, length)),
        3 => a_record().prop_map(Operation::Remove),
        1 => Just(Operation::Leave),
        2 => Just(Operation::CatchUp),
    ];
    prop::collection::vec(((0..3_u64).prop_map(Owner), operation), 0..30)
}

fn apply(index: &mut Records, owner: Owner, operation: Operation) {
    match operation {
        Operation::Add(record, length) => {
            index.add(owner, record, attributes(Some(length), 0)).unwrap();
        }
        Operation::Remove(record) => {
            index.remove(owner, &record.document, &record.holder);
        }
        Operation::Leave => while index.remove_some(owner, 2) == 2 {},
        Operation::CatchUp => {
            index.update_search(2);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_search_equals_a_plain_model(
        operations in operations(),
        query in prop::collection::vec(prop::sample::select(&WORDS[..]), 1..3),
    ) {
        let mut index = Records::default();
        let mut model = Model::default();
        for (owner, operation) in operations {
            match &operation {
                Operation::Add(record, _) => model.add(owner, record),
                Operation::Remove(record) => model.remove(owner, record),
                Operation::Leave => model.0.retain(|(other, _)| *other != owner),
                Operation::CatchUp => {}
            }
            apply(&mut index, owner, operation);
        }
        for words in WORDS.iter().map(ToString::to_string).chain([query.join(" ")]) {
            prop_assert_eq!(search(&mut index, &words, usize::MAX), model.search(&words), "{}", words);
            let few = model.search(&words).into_iter().take(2).collect::<Vec<_>>();
            prop_assert_eq!(search(&mut index, &words, 2), few, "{}", words);
        }
        (0..3).for_each(|owner| while index.remove_some(Owner(owner), 100) == 100 {});
        prop_assert!(search(&mut index, "a", 9).is_empty());
        prop_assert!(index.titles.is_empty());
    }

    /// A reader that stops after a few records, while others come and go.
    #[test]
    fn a_record_that_stays_is_found_exactly_once(operations in operations(), pause in 1..4_usize) {
        let mut index = Records::default();
        let staying: Vec<Record> = ["RFC 3", "RFC 4", "RFC 5", "FILE f1234567", "FILE e"]
            .map(|document| record(&format!("{document} a stays h 9")))
            .into();
        for record in &staying {
            index.add(Owner(99), record.clone(), plain()).unwrap();
        }
        while index.update_search(3) == 3 {}
        let mut operations = operations.into_iter();
        let mut search = Search::new("stays".parse().unwrap(), usize::MAX);
        let mut seen = Vec::new();
        while !index.search(&mut search, |shown| {
            seen.push(shown.record.to_string());
            seen.len() % pause != 0
        }) {
            if let Some((owner, operation)) = operations.next() {
                apply(&mut index, owner, operation);
            }
        }
        seen.sort();
        let mut expected: Vec<String> = staying.iter().map(ToString::to_string).collect();
        expected.sort();
        prop_assert_eq!(seen, expected);
    }
}
