//! How long it takes to read and write messages: `cargo bench --bench protocol`.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a benchmark may panic")]

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use p2p_ci::protocol::{
    BorrowedRecord, DocumentReplyDecoder, DocumentRequest, IndexReplyDecoder, IndexRequest, Record,
    Request, RequestDecoder, encode_record,
};

const LOOKUP: &[u8] = b"LOOKUP RFC 793 P2P-CI/1.0\r\nHost: thishost.csc.ncsu.edu\r\nPort: 5678\r\n\
    Title: Transmission Control Protocol\r\n\r\n";
const ADD: &[u8] = b"ADD RFC 793 P2P-CI/1.0\r\nHost: thishost.csc.ncsu.edu\r\nPort: 5678\r\n\
    Title: Transmission Control Protocol\r\n\r\n";
const GET: &[u8] = b"GET RFC 793 P2P-CI/1.0\r\nHost: somehost.csc.ncsu.edu\r\nOS: Linux 6.1\r\n\
    Want-Digest: sha-256\r\n\r\n";
const HEAD: &[u8] =
    b"P2P-CI/1.0 200 OK\r\nDate: Sat, 21 Nov 2026 08:00:00 GMT\r\nOS: Linux 6.1\r\n\
    Last-Modified: Sat, 21 Nov 2026 07:00:00 GMT\r\nContent-Length: 177957\r\n\
    Content-Type: text/plain\r\n\r\n";
const RECORD: &str = "RFC 793 Transmission Control Protocol thishost.csc.ncsu.edu 5678";

fn main() {
    divan::main();
}

#[divan::bench(args = [("ADD", ADD), ("LOOKUP", LOOKUP)])]
fn read_index_request(bencher: Bencher<'_, '_>, (_, wire): (&str, &[u8])) {
    bencher
        .counter(BytesCount::of_slice(wire))
        .bench_local(|| RequestDecoder::<IndexRequest>::new().decode(black_box(wire)));
}

#[divan::bench]
fn read_get(bencher: Bencher<'_, '_>) {
    bencher
        .counter(BytesCount::of_slice(GET))
        .bench_local(|| RequestDecoder::<DocumentRequest>::new().decode(black_box(GET)));
}

#[divan::bench]
fn read_head_of_document(bencher: Bencher<'_, '_>) {
    bencher
        .counter(BytesCount::of_slice(HEAD))
        .bench_local(|| DocumentReplyDecoder::default().decode(black_box(HEAD)));
}

#[divan::bench]
fn write_index_request(bencher: Bencher<'_, '_>) {
    let request = IndexRequest::decode(LOOKUP).ok().flatten().expect("a request").0;
    let mut output = Vec::new();
    bencher.counter(BytesCount::of_slice(LOOKUP)).bench_local(|| {
        output.clear();
        black_box(&request).encode(&mut output);
    });
}

#[divan::bench]
fn write_record(bencher: Bencher<'_, '_>) {
    let record = Record::parse(RECORD).expect("a record");
    let mut output = Vec::new();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        output.clear();
        let borrowed: BorrowedRecord<'_> = black_box(&record).borrowed();
        encode_record(borrowed, &mut output);
    });
}

/// A list of this number of records, as a peer reads it.
#[divan::bench(args = [1, 100, 10_000])]
fn read_list(bencher: Bencher<'_, '_>, records: usize) {
    let lines = format!("{RECORD}\r\n").repeat(records);
    let wire = format!("P2P-CI/1.0 200 OK\r\n\r\n{lines}\r\n").into_bytes();
    bencher.counter(ItemsCount::new(records)).bench_local(|| {
        let mut decoder = IndexReplyDecoder::default();
        let mut rest = black_box(&wire[..]);
        while let Ok(Some((part, used))) = decoder.decode(rest) {
            black_box(part);
            rest = &rest[used..];
        }
        assert!(rest.is_empty());
    });
}
