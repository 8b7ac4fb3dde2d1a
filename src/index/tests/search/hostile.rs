//! Titles that are made to take much memory (protocol.md section 4.10).

use std::collections::HashMap;

use super::super::super::records::Records;
use super::super::super::{Capacity, Charge, Owner};
use super::super::{A, plain, record};
use super::{scattered, search};

#[test]
fn hostile_titles_take_a_bounded_multiple_of_their_length() {
    let mut index = Records::default();
    let mut bytes = 0;
    for number in 0..2000_u32 {
        // As many different words as there is room for, and beginnings that are shared.
        let words = (0..80_u32).map(|at| format!("{:05x}", (number * 80 + at) % 0xf_ffff));
        let title = words.collect::<Vec<_>>().join(" ");
        bytes += title.len();
        index.add(A, record(&format!("RFC {} {title} a 1", number + 1)), plain()).unwrap();
    }
    while index.queued_titles() > 0 {
        index.update_search(64);
    }
    let taken = index.search_bytes();
    assert!(taken < bytes * 12, "{taken} bytes for titles of {bytes}");
    while index.remove_some(A, 100) == 100 {}
    while index.queued_titles() > 0 {
        index.update_search(64);
    }
    assert!(index.titles.is_empty());
    let left = index.search_bytes();
    assert!(left < taken / 4, "{left} bytes are left of {taken}");
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

/// Tables for more titles have the same ratios of reserved to used memory.
#[test]
fn the_memory_of_hostile_titles_is_reserved_before_they_are_entered() {
    const COUNT: u64 = 400;
    for (kind, title) in HOSTILE {
        let mut index = Records::default();
        for number in 0..COUNT {
            let line = format!("RFC {} {} a 1", number + 1, title(number));
            index.add(A, record(&line), plain()).unwrap();
            // Some are entered early, so that others divide what they have in common.
            if number % 3 == 0 {
                index.update_search(1);
            }
        }
        let reserved = index.search_bytes();
        while index.update_search(1) == 1 {
            let now = index.search_bytes();
            assert!(now <= reserved, "{kind}: {now} bytes after {reserved}");
        }
        for number in 0..COUNT {
            let line = format!("RFC {} T a 1", number + 1);
            index.add(A, record(&line), plain()).unwrap();
        }
        while index.update_search(64) == 64 {}
        let left = index.search_bytes();
        assert!(left < 250_000, "{kind}: {left} bytes are left of {reserved}");
        while index.remove_some(A, 100) == 100 {}
        while index.update_search(64) == 64 {}
        assert!(index.titles.is_empty(), "{kind}");
    }
}

/// Titles of several groups. All titles of a group have the same long words, so that each word is
/// one branch with a long set of titles. Then a few titles divide each branch after each of its
/// characters, and each division copies the set.
#[test]
fn divided_branches_stay_within_the_memory_limit() {
    const LIMIT: usize = 6 << 20;
    const NETWORKS: u64 = 20;
    /// Few enough titles of a group are in a row that its set is a list, not a bitmap.
    const GROUPS: u64 = 33;
    let title = |group: u64, length: usize| {
        let words = (0..10).map(|word| format!("{:016x}", scattered(group * 10 + word)));
        words
            .map(|word| word.chars().take(length).collect::<String>())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut index = Records::new(Capacity { bytes: LIMIT, ..Capacity::default() });
    let mut charged = HashMap::<u64, usize>::new();
    let mut add = |index: &mut Records, number: u64, title: &str| {
        let network = number % NETWORKS;
        let record = record(&format!("RFC {} {title} h{network} 1", number + 1));
        let charge = Charge::of(&record).bytes;
        let added = index.add(Owner(network), record, plain());
        if added.is_ok() {
            let charged = charged.entry(network).or_default();
            *charged += charge;
            assert!(*charged <= LIMIT / 4, "a network exceeds its budget");
        }
        added.is_ok()
    };
    let mut count = 0;
    // The dividing titles count with the most that they may take until they are entered.
    while index.bytes() < LIMIT * 3 / 5 && add(&mut index, count, &title(count % GROUPS, 16)) {
        count += 1;
        index.update_search(1);
    }
    let dividing = (1..16).flat_map(|length| (0..GROUPS).map(move |group| title(group, length)));
    for title in dividing {
        count += u64::from(add(&mut index, count, &title));
    }
    let before = index.bytes();
    assert!(before <= LIMIT && before > LIMIT * 9 / 10, "{before} of {LIMIT} bytes are used");
    while index.update_search(1) == 1 {
        let bytes = index.bytes() - index.titles.bytes() + index.titles.bytes_in_use();
        assert!(bytes <= LIMIT + LIMIT / 50, "{bytes} bytes exceed {LIMIT} after {count} titles");
    }
    assert!(index.queued_titles() > 0, "some titles are still queued");
    // Once, the thread that enters titles woke up for them twenty times a second.
    assert!(!index.has_updates(), "nothing can be done with them");
    assert!(!add(&mut index, count, "T"), "no record is added");

    // Records that are removed make room for the titles that are still queued.
    for network in 1..NETWORKS {
        while index.remove_some(Owner(network), 100) == 100 {}
    }
    assert!(index.has_updates());
    let of_last = title(GROUPS - 1, 15);
    assert!(!search(&mut index, &of_last, 100).is_empty());
    assert_eq!(index.queued_titles(), 0);
    while index.remove_some(Owner(0), 100) == 100 {}
    while index.update_search(64) == 64 {}
    assert!(index.titles.is_empty());
}

/// A list that grows with a record may exceed the limit by some bytes. Queued titles are entered
/// then: they take less than what is reserved for them.
#[test]
fn queued_titles_are_entered_when_their_reserves_reach_the_memory_limit() {
    const LIMIT: usize = 4 << 20;
    let mut index = Records::new(Capacity { bytes: LIMIT, ..Capacity::default() });
    let words = (0..30).map(|word| format!("{:016x}", scattered(word))).collect::<Vec<_>>();
    let title = words.join(" ");
    let mut add = |number: u32| {
        let record = record(&format!("RFC {} {title} h 1", number + 1));
        index.add(A, record, plain())
    };
    let count = (0..3000).take_while(|number| add(*number).is_ok()).count();
    assert!(count > 2000, "{count} records");
    while index.update_search(64) == 64 {}
    assert_eq!(index.queued_titles(), 0);
}
