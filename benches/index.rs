//! How long the index takes, without a connection: `cargo bench --bench index`.

#![allow(clippy::expect_used, reason = "a benchmark may panic")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use p2p_ci::index::{Attributes, Cursor, Index, Owner};
use p2p_ci::protocol::{Content, Date, Document, Endpoint, Listing, Record, Title};

/// Holders of each number.
const HOLDERS: u64 = 8;

fn main() {
    divan::main();
}

fn document(number: u64) -> Document {
    Document::Rfc(number.to_string().parse().expect("a number"))
}

fn record(number: u64, owner: u64) -> Record {
    let title: Title = "Transmission Control Protocol".parse().expect("a title");
    let holder: Endpoint = format!("peer-{owner}:5678").parse().expect("an endpoint");
    Record { document: document(number), title, holder }
}

fn attributes() -> Attributes {
    let added =
        Date::clamped(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000));
    Attributes { content: Content::default(), added, address: None }
}

/// An index of this number of records, eight of each RFC number.
fn filled(records: u64) -> Index {
    let index = Index::default();
    for at in 0..records {
        // No owner has more than 20,000.
        let (number, owner) = (at / HOLDERS + 1, at % HOLDERS + at / (HOLDERS * 20_000) * HOLDERS);
        index.add(Owner(owner), record(number, owner), attributes()).expect("room");
    }
    index
}

/// Reads all results of a query, and returns their number.
fn read(index: &Index, mut cursor: Cursor) -> u64 {
    let mut found = 0;
    loop {
        let page = index.page(&mut cursor, |view| {
            black_box(view.record);
            found += 1;
            true
        });
        if page.is_last {
            return found;
        }
    }
}

#[divan::bench(args = [1_000, 100_000, 1_000_000])]
fn lookup(bencher: Bencher<'_, '_>, records: u64) {
    let index = filled(records);
    let mut number = 0;
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        number = (number + 7919) % (records / HOLDERS);
        assert_eq!(read(&index, Cursor::document(document(number + 1))), HOLDERS);
    });
}

#[divan::bench(args = [1_000, 100_000, 1_000_000])]
fn list(bencher: Bencher<'_, '_>, records: u64) {
    let index = filled(records);
    bencher.counter(ItemsCount::new(records)).bench_local(|| {
        assert_eq!(read(&index, Cursor::listing(Listing::Rfcs)), records);
    });
}

#[divan::bench(args = [1_000, 100_000])]
fn add_and_remove(bencher: Bencher<'_, '_>, records: u64) {
    let index = filled(records);
    let new = record(records, 99);
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        index.add(Owner(99), new.clone(), attributes()).expect("room");
        index.remove(Owner(99), &new.document, &new.holder).expect("the record")
    });
}

/// Peers that add the same numbers, some at a time each.
#[divan::bench]
fn add_new_records(bencher: Bencher<'_, '_>) {
    let numbers = (1..=10_000).collect::<Vec<u64>>();
    let some_of_each = |some: &[u64]| -> Vec<(Owner, Record)> {
        let of = |owner| some.iter().map(move |&number| (Owner(owner), record(number, owner)));
        (0..HOLDERS).flat_map(of).collect()
    };
    let records: Vec<(Owner, Record)> = numbers.chunks(32).flat_map(some_of_each).collect();
    bencher
        .counter(ItemsCount::new(records.len()))
        .with_inputs(|| (Index::default(), records.clone()))
        .bench_local_values(|(index, records)| {
            for (owner, record) in records {
                index.add(owner, record, attributes()).expect("room");
            }
            index
        });
}

#[divan::bench]
fn a_peer_with_20_000_records_leaves(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(20_000_usize))
        .with_inputs(|| {
            let index = filled(100_000);
            for number in 1..=20_000 {
                index.add(Owner(99), record(number, 99), attributes()).expect("room");
            }
            index
        })
        .bench_local_values(|index| {
            index.remove_owner(Owner(99));
            index
        });
}
