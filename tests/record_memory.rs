//! The bytes that the index counts for its records, compared with the bytes that the allocator has given
//! (protocol.md section 7).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::alloc::System;
use std::time::UNIX_EPOCH;

use p2p_ci::index::{Attributes, Index, Owner};
use p2p_ci::protocol::{Content, Date, Document, Endpoint, Record, Title};
use stats_alloc::{INSTRUMENTED_SYSTEM, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes in use between two states of the allocator, with what it adds to each allocation.
fn in_use(before: Stats, after: Stats) -> usize {
    /// A length, and half of what an allocation is rounded up by.
    const ADDED: usize = 16;
    let change = after - before;
    let count = change.allocations.saturating_sub(change.deallocations);
    change.bytes_allocated.saturating_sub(change.bytes_deallocated) + ADDED * count
}

fn document_of(text: &str) -> Document {
    match text.split_once(' ').unwrap() {
        ("RFC", number) => Document::Rfc(number.parse().unwrap()),
        (_, name) => Document::File(name.parse().unwrap()),
    }
}

fn endpoint(host: &str, port: usize) -> Endpoint {
    Endpoint { host: host.parse().unwrap(), port: port.to_string().parse().unwrap() }
}

struct Tested {
    index: Index,
    start: Stats,
}

impl Tested {
    fn new() -> Self {
        let start = ALLOCATOR.stats();
        Self { index: Index::default(), start }
    }

    fn add(&mut self, owner: u64, (document, title, host, port): (&str, &str, &str, usize)) {
        let document = document_of(document);
        let title: Title = title.parse().unwrap();
        let holder = endpoint(host, port);
        let attributes = Attributes {
            content: Content::default(),
            added: Date::clamped(UNIX_EPOCH),
            address: None,
        };
        let record = Record { document, title, holder };
        self.index.add(Owner(owner), record, attributes).unwrap();
    }

    fn remove(&mut self, owner: u64, document: &str, host: &str, port: usize) {
        let holder = endpoint(host, port);
        self.index.remove(Owner(owner), &document_of(document), &holder).unwrap();
    }

    /// Checks that the counted bytes are the allocated bytes, within a quarter.
    fn check(&mut self, shape: &str) {
        self.index.update_all();
        let used = in_use(self.start, ALLOCATOR.stats());
        let counted = self.index.bytes();
        let quotient = counted as f64 / used as f64;
        assert!((0.8..1.25).contains(&quotient), "{shape}: counted {counted} bytes, used {used}");
    }
}

/// Words that no other title has.
fn title(number: usize, words: usize) -> String {
    let word = |at: usize| format!("{:06x}", ((number * 63 + at + 1) * 0x0009_e377) & 0xff_ffff);
    (0..words).map(word).collect::<Vec<_>>().join(" ")
}

/// One test, because the counters are those of the whole process.
#[test]
fn records_of_every_shape_are_counted_as_they_are_allocated() {
    type Shape = fn(usize) -> (u64, String, String, String, usize);
    const T: fn() -> String = || "T".into();
    let shapes: [(&str, usize, Shape); 11] = [
        ("many ports of one document", 3000, |at| (1, "RFC 1".into(), T(), "h".into(), at)),
        ("many documents of one port", 3000, |at| (1, format!("RFC {at}"), T(), "h".into(), 1)),
        ("documents with titles", 3000, |at| (1, format!("RFC {at}"), title(at, 6), "h".into(), 1)),
        ("long descriptions", 300, |at| (1, format!("RFC {at}"), title(at, 63), "h".into(), 1)),
        ("one document of many holders", 20_000, |at| {
            (at as u64, "RFC 1".into(), T(), format!("h{at}"), 1)
        }),
        ("many titles of one document", 3000, |at| {
            (1, "RFC 1".into(), title(at, 6), "h".into(), at)
        }),
        ("long names", 3000, |at| {
            (1, format!("FILE {at}-{}", "n".repeat(200)), T(), "h".into(), 1)
        }),
        ("long hosts", 3000, |at| {
            (1, format!("FILE {at}.txt"), title(at, 6), format!("{at}.{}", "h".repeat(230)), 1)
        }),
        ("nothing is shared", 3000, |at| {
            (at as u64, format!("FILE {at}"), title(at, 6), format!("h{at}"), 1)
        }),
        ("equal records of 20 connections", 20_000, |at| {
            ((at / 1000) as u64, format!("RFC {}", at % 1000 + 1), T(), "h".into(), 1)
        }),
        ("the same documents of 20 connections", 20_000, |at| {
            let (owner, number) = (at / 1000, at % 1000 + 1);
            (owner as u64, format!("RFC {number}"), title(number, 6), format!("h{owner}"), 1)
        }),
    ];
    for (name, count, shape) in shapes {
        let mut tested = Tested::new();
        for at in 1..=count {
            let (owner, document, title, host, port) = shape(at);
            tested.add(owner, (&document, &title, &host, port));
        }
        tested.check(name);
    }
    one_record_is_left_of_many();
    records_are_replaced();
}

/// An owner adds many records that each take memory in a table of their document or of the owner, and
/// removes most of them.
fn one_record_is_left_of_many() {
    // Lines: one of each piece of 128 lines is left.
    let mut tested = Tested::new();
    let (mut port, mut left) = (1, 1);
    for _ in 0..100 {
        let end = left + 128;
        while port <= end {
            tested.add(1, ("RFC 1", "T", "h", port));
            port += 1;
        }
        (left + 1..end).for_each(|port| tested.remove(1, "RFC 1", "h", port));
        left = end;
    }
    tested.check("one line of each piece is left");
    // Descriptions and ports: the last of each document is left.
    let mut tested = Tested::new();
    for document in 1..=20 {
        let document = format!("RFC {document}");
        (1..=500).for_each(|at| tested.add(1, (&document, &format!("T{at}"), "h", at)));
        (1..500).for_each(|at| tested.remove(1, &document, "h", at));
    }
    tested.check("one description of each document is left");
    let mut tested = Tested::new();
    for owner in 1..=200 {
        (1..=200).for_each(|port| tested.add(owner, ("RFC 1", "T", "h", port)));
        (1..200).for_each(|port| tested.remove(owner, "RFC 1", "h", port));
    }
    tested.check("one port of each owner is left");
    // Equal lines of many owners: one owner of each line is left.
    let mut tested = Tested::new();
    for number in 1..=100 {
        let document = format!("RFC {number}");
        (0..200).for_each(|owner| tested.add(owner, (&document, "T", "h", 1)));
        (0..198).for_each(|owner| tested.remove(owner, &document, "h", 1));
    }
    tested.check("two owners of each line are left");
}

fn records_are_replaced() {
    let mut tested = Tested::new();
    for round in 0..5 {
        for at in 1..=1000 {
            tested.add(1, (&format!("RFC {}", at % 100 + 1), &title(at + round, 6), "h", at));
        }
    }
    tested.check("replaced");
    let mut tested = Tested::new();
    for round in 0..5 {
        for at in 1..=1000 {
            tested.add(1, (&format!("RFC {at}"), &title(at + round, 6), "h", at));
        }
        if round < 4 {
            (1..=1000).for_each(|at| tested.remove(1, &format!("RFC {at}"), "h", at));
        }
    }
    tested.check("added and removed in turns");
}
