//! Searches by examples (protocol.md section 4.10).

mod hostile;
mod many;
mod model;

use std::collections::BTreeSet;

use super::super::records::Records;
use super::super::search::Search;
use super::{A, B, attributes, plain, record};
use crate::limits;

/// The result of a search for a limited number of records, when the index is up to date.
fn search(index: &mut Records, words: &str, most: usize) -> Vec<String> {
    while index.queued_titles() > 0 {
        index.update_search(3);
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

/// The cost of a search, as a number of records.
fn search_cost(index: &Records, words: &str) -> usize {
    let mut search = Search::new(words.parse().unwrap(), usize::MAX);
    while !index.search(&mut search, |_| true) {}
    search.take_cost()
}

fn index(lines: &[&str]) -> Records {
    let mut index = Records::default();
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
fn removed_records_are_not_found() {
    let mut index = index(&["RFC 1 T one a 1", "RFC 2 T two a 1"]);
    index.add(B, record("RFC 2 T three b 1"), attributes(Some(5), 1)).unwrap();
    assert_eq!(search(&mut index, "t", 9).len(), 3);
    index.add(A, record("RFC 1 new a 1"), plain()).unwrap();
    assert_eq!(search(&mut index, "t", 9), ["RFC 2 T three b 1", "RFC 2 T two a 1"]);
    assert_eq!(search(&mut index, "n", 9), ["RFC 1 new a 1"]);
    // The same title for other bytes.
    index.add(B, record("RFC 2 T three b 1"), attributes(Some(6), 1)).unwrap();
    assert_eq!(search(&mut index, "thr", 9), ["RFC 2 T three b 1"]);
    while index.remove_some(B, 1) == 1 {}
    assert_eq!(search(&mut index, "t", 9), ["RFC 2 T two a 1"]);
    while index.remove_some(A, 1) == 1 {}
    assert!(search(&mut index, "t", 9).is_empty());
    assert!(index.titles.is_empty());
}

#[test]
fn unranked_documents_follow_in_the_order_of_a_list() {
    let many = limits::RANKED + 500;
    let mut index = Records::default();
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

/// A number that looks random.
fn scattered(number: u64) -> u64 {
    let product = u128::from(number + 1) * 0x9e37_79b9_7f4a_7c15_f39c_c060;
    u64::try_from((product >> 40) & u128::from(u64::MAX)).unwrap()
}
