//! Searches by examples, and against a plain model.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::{Index, Owner, Search};
use super::{A, B, attributes, plain, record};
use crate::limits;
use crate::protocol::{Document, Record};

/// The result of a search for a limited number of records, when the index is up to date.
fn search(index: &mut Index, words: &str, most: usize) -> Vec<String> {
    while index.behind() > 0 {
        index.catch_up(3);
    }
    let mut search = Search::new(words.parse().unwrap(), most);
    let mut lines = Vec::new();
    loop {
        let whole = index.search(&mut search, |shown| {
            lines.push(shown.record.to_string());
            lines.len() < most
        });
        if whole || lines.len() >= most {
            return lines;
        }
    }
}

fn index(lines: &[&str]) -> Index {
    let mut index = Index::default();
    for line in lines {
        index.add(A, record(line), plain()).unwrap();
    }
    index
}

#[test]
fn documents_with_more_records_come_first() {
    let mut index = index(&[
        "RFC 3 TCP a 1",
        "RFC 20 The TCP of b a 1",
        "RFC 20 The TCP of b b 1",
        "RFC 20 UDP c 1",
        "RFC 7 UDP a 1",
        "FILE b Tcpdump a 1",
        "FILE a Tcpdump a 1",
        "FILE a Tcpdump b 1",
    ]);
    let all = [
        "RFC 20 The TCP of b b 1",
        "RFC 20 The TCP of b a 1",
        "FILE a Tcpdump b 1",
        "FILE a Tcpdump a 1",
        "RFC 3 TCP a 1",
        "FILE b Tcpdump a 1",
    ];
    for most in [1, 2, 3, 5, 6, 7, 5000] {
        assert_eq!(search(&mut index, "tcp", most), all[..most.min(6)], "at most {most}");
    }
    // The records of a document that have another title are not found.
    assert_eq!(search(&mut index, "UDP", 9), ["RFC 20 UDP c 1", "RFC 7 UDP a 1"]);
    assert_eq!(search(&mut index, "tcp of", 9), all[..2]);
    for words in ["tcp udp", "cp", "tcpdumps", "zzz", "9"] {
        assert!(search(&mut index, words, 9).is_empty(), "{words}");
    }
}

#[test]
fn what_has_left_is_not_found() {
    let mut index = index(&["RFC 1 T one a 1", "RFC 2 T two a 1"]);
    index.add(B, record("RFC 2 T three b 1"), attributes(Some(5), 1)).unwrap();
    assert_eq!(search(&mut index, "t", 9).len(), 3);
    index.add(A, record("RFC 1 new a 1"), plain()).unwrap();
    assert_eq!(search(&mut index, "t", 9), ["RFC 2 T three b 1", "RFC 2 T two a 1"]);
    assert_eq!(search(&mut index, "n", 9), ["RFC 1 new a 1"]);
    // The same title for other bytes.
    index.add(B, record("RFC 2 T three b 1"), attributes(Some(6), 1)).unwrap();
    assert_eq!(search(&mut index, "thr", 9), ["RFC 2 T three b 1"]);
    while index.leave(B, 1) == 1 {}
    assert_eq!(search(&mut index, "t", 9), ["RFC 2 T two a 1"]);
    while index.leave(A, 1) == 1 {}
    assert!(search(&mut index, "t", 9).is_empty());
    assert!(index.titles.is_empty());
}

#[test]
fn what_is_not_ranked_follows_in_the_order_of_a_list() {
    let many = limits::RANKED + 500;
    let mut index = Index::default();
    for number in 1..=many {
        index.add(A, record(&format!("RFC {number} Title a 1")), plain()).unwrap();
    }
    for number in [many, many - 1, 5] {
        index.add(B, record(&format!("RFC {number} Title b 1")), plain()).unwrap();
    }
    let found = search(&mut index, "title", usize::MAX);
    assert_eq!(found.len(), many + 3);
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), many + 3);
    let first = [5, 5, many - 1, many - 1, many, many, 1, 2, 3, 4, 6];
    for (line, number) in found.iter().zip(first) {
        assert!(line.starts_with(&format!("RFC {number} ")), "{line}, expected {number}");
    }
    assert!(found[limits::RANKED + 2].starts_with(&format!("RFC {} ", limits::RANKED - 2)));
    assert!(found[limits::RANKED + 3].starts_with(&format!("RFC {} ", limits::RANKED - 1)));
    assert!(found.last().unwrap().starts_with(&format!("RFC {} ", many - 2)));
}

#[test]
fn hostile_titles_take_a_bounded_multiple_of_their_length() {
    let mut index = Index::default();
    let mut bytes = 0;
    for number in 0..2000_u32 {
        // As many different words as there is room for, and beginnings that are shared.
        let words = (0..80_u32).map(|at| format!("{:05x}", (number * 80 + at) % 0xf_ffff));
        let title = words.collect::<Vec<_>>().join(" ");
        bytes += title.len();
        index.add(A, record(&format!("RFC {} {title} a 1", number + 1)), plain()).unwrap();
    }
    while index.behind() > 0 {
        index.catch_up(64);
    }
    let taken = index.search_bytes();
    assert!(taken < bytes * 12, "{taken} bytes for titles of {bytes}");
    while index.leave(A, 100) == 100 {}
    while index.behind() > 0 {
        index.catch_up(64);
    }
    assert!(index.titles.is_empty());
    let left = index.search_bytes();
    assert!(left < taken / 4, "{left} bytes are left of {taken}");
}

/// So many matches that the best are selected in several batches, after a sample.
#[test]
fn the_best_of_very_many_matches_are_found_in_order() {
    for (factor, titles) in [(1, 257), (7, 3000), (2999, 3000)] {
        let mut index = Index::default();
        let mut model = Model::default();
        let mut add = |owner, number: u64, end: &str| {
            let words = ["common", if number.is_multiple_of(3) { "third" } else { "other" }];
            let title = format!("{} {end}", words.join(" "));
            let record = record(&format!("RFC {} {title} h{} 1", number + 1, owner));
            index.add(Owner(owner), record.clone(), plain()).unwrap();
            model.0.push((Owner(owner), record));
        };
        for at in 0..titles {
            let number = at * factor % titles;
            add(1, number, "first");
            (2..2 + scattered(number) % 4).for_each(|owner| add(owner, number, "first"));
            if number.is_multiple_of(5) {
                add(9, number, "second");
            }
        }
        for words in ["common", "third", "other sec", "first common third"] {
            let all = model.search(words);
            // Those that are not ranked have another order.
            let ranked = all.len().min(limits::RANKED);
            for most in [1, 63, 64, 65, 99, 100, 255, 256, 257, 258, 1000] {
                let found = search(&mut index, words, most);
                assert_eq!(found, all[..most.min(ranked)], "{words}, at most {most}");
            }
        }
    }
}

/// A number that looks random.
fn scattered(number: u64) -> u64 {
    let product = u128::from(number + 1) * 0x9e37_79b9_7f4a_7c15_f39c_c060;
    u64::try_from((product >> 40) & u128::from(u64::MAX)).unwrap()
}

type Titles = fn(u64) -> String;

/// Titles that are made to take much memory, by number.
const HOSTILE: [(&str, Titles); 7] = [
    ("pairs that share all words", |number| {
        let words = (0..30).map(|word| format!("{:016x}", scattered((number / 2) * 30 + word)));
        words.collect::<Vec<_>>().join(" ")
    }),
    ("words of one letter difference", |number| {
        let words =
            (0..30).map(|word| format!("abcdefghijk{:05x}", (number * 30 + word) % 0xf_ffff));
        words.collect::<Vec<_>>().join(" ")
    }),
    ("words that begin another one", |number| {
        let word = format!("{:016x}", scattered(number / 2));
        (1..=16).map(|end| word.chars().take(end).collect::<String>()).collect::<Vec<_>>().join(" ")
    }),
    ("as many short words as possible", |number| {
        let words =
            (0..64).map(|word| format!("{:07x}", scattered(number * 64 + word) % 0xfff_ffff));
        words.collect::<Vec<_>>().join(" ")
    }),
    ("ideographs", |number| {
        let word = |at| char::from_u32(0x4e00 + (scattered(number * 64 + at) % 0x5000) as u32);
        (0..64).filter_map(word).collect()
    }),
    ("Greek words", |number| {
        let letter = |at: u64| char::from_u32(0x3b1 + (scattered(number * 256 + at) % 16) as u32);
        let word = |word: u64| (0..15).filter_map(|at| letter(word * 16 + at)).collect::<String>();
        (0..16).map(word).collect::<Vec<_>>().join(" ")
    }),
    ("one character that is many", |number| format!("{} {number}", "\u{fdfa}".repeat(100))),
];

#[test]
fn the_memory_of_hostile_titles_is_reserved_before_they_are_entered() {
    for (kind, title) in HOSTILE {
        let mut index = Index::default();
        for number in 0..3000 {
            let line = format!("RFC {} {} a 1", number + 1, title(number));
            index.add(A, record(&line), plain()).unwrap();
            // Some are entered early, so that others divide what they have in common.
            if number % 3 == 0 {
                index.catch_up(1);
            }
        }
        let reserved = index.search_bytes();
        while index.catch_up(1) == 1 {
            let now = index.search_bytes();
            assert!(now <= reserved, "{kind}: {now} bytes after {reserved}");
        }
        for number in 0..3000 {
            let line = format!("RFC {} T a 1", number + 1);
            index.add(A, record(&line), plain()).unwrap();
        }
        while index.catch_up(64) == 64 {}
        let left = index.search_bytes();
        assert!(left < 800_000, "{kind}: {left} bytes are left of {reserved}");
        while index.leave(A, 100) == 100 {}
        while index.catch_up(64) == 64 {}
        assert!(index.titles.is_empty(), "{kind}");
    }
}

/// What was added: by owner, document and endpoint, and in the order of ages.
#[derive(Default)]
struct Model(Vec<(Owner, Record)>);

impl Model {
    fn add(&mut self, owner: Owner, record: &Record) {
        if self.0.iter().any(|held| *held == (owner, record.clone())) {
            return;
        }
        self.remove(owner, record);
        let equal = self.0.iter().position(|(_, other)| other == record);
        self.0.insert(equal.unwrap_or(self.0.len()), (owner, record.clone()));
    }

    fn remove(&mut self, owner: Owner, record: &Record) {
        self.0.retain(|(other, held)| {
            (*other, &held.document, &held.holder) != (owner, &record.document, &record.holder)
        });
    }

    fn search(&self, words: &str) -> Vec<String> {
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

fn apply(index: &mut Index, owner: Owner, operation: Operation) {
    match operation {
        Operation::Add(record, length) => {
            index.add(owner, record, attributes(Some(length), 0)).unwrap();
        }
        Operation::Remove(record) => {
            index.remove(owner, &record.document, &record.holder);
        }
        Operation::Leave => while index.leave(owner, 2) == 2 {},
        Operation::CatchUp => {
            index.catch_up(2);
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
        let mut index = Index::default();
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
        (0..3).for_each(|owner| while index.leave(Owner(owner), 100) == 100 {});
        prop_assert!(search(&mut index, "a", 9).is_empty());
        prop_assert!(index.titles.is_empty());
    }

    /// A reader that stops after a few records, while others come and go.
    #[test]
    fn a_record_that_stays_is_found_exactly_once(operations in operations(), pause in 1..4_usize) {
        let mut index = Index::default();
        let staying: Vec<Record> = ["RFC 3", "RFC 4", "RFC 5", "FILE f1234567", "FILE e"]
            .map(|document| record(&format!("{document} a stays h 9")))
            .into();
        for record in &staying {
            index.add(Owner(99), record.clone(), plain()).unwrap();
        }
        while index.catch_up(3) == 3 {}
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
