//! The records of one owner, and moving them to another owner.

use super::*;
use crate::index::{Index, Renewal};

fn owned(index: &Index, owner: Owner) -> Vec<(String, Option<u64>)> {
    let records = index.records_of(owner).into_iter();
    records.map(|(record, attributes)| (record.to_string(), attributes.content.length)).collect()
}

#[test]
fn records_of_an_owner_are_its_own_also_where_lines_are_equal() {
    let index = Index::default();
    for (owner, line, length) in [
        (A, "RFC 9 T a 1", 1),
        (B, "RFC 9 T a 1", 2),
        (A, "FILE z T a 1", 3),
        (A, "RFC 1 T a 2", 4),
        (B, "RFC 5 T b 1", 5),
    ] {
        index.add(owner, record(line), attributes(Some(length), 7)).unwrap();
    }
    let of = |records: &[(&str, u64)]| -> Vec<_> {
        records.iter().map(|&(line, length)| (line.to_string(), Some(length))).collect()
    };
    let of_a = of(&[("RFC 9 T a 1", 1), ("FILE z T a 1", 3), ("RFC 1 T a 2", 4)]);
    assert_eq!(owned(&index, A), of_a);
    assert_eq!(owned(&index, B), of(&[("RFC 9 T a 1", 2), ("RFC 5 T b 1", 5)]));
    let one = record("RFC 9 T a 1");
    let found = index.record_of(B, &one.document, &one.holder);
    assert_eq!(found, Some((one.clone(), attributes(Some(2), 7))));
    assert_eq!(index.record_of(Owner(3), &one.document, &one.holder), None);
    index.remove_owner(A);
    assert_eq!(owned(&index, A), []);
    assert_eq!(owned(&index, B).len(), 2);
}

#[test]
fn a_renewed_record_is_the_newest_and_belongs_to_its_new_owner() {
    let mut index = Records::default();
    for (owner, line) in [(A, "RFC 1 T a 1"), (B, "RFC 1 T b 1"), (A, "RFC 1 T c 1")] {
        index.add(owner, record(line), plain()).unwrap();
    }
    index.renew(Renewal { from: B, to: B }, record("RFC 1 T b 1"), plain()).unwrap();
    assert_eq!(rfcs(&index), ["RFC 1 T b 1", "RFC 1 T c 1", "RFC 1 T a 1"]);
    index.renew(Renewal { from: A, to: B }, record("RFC 1 T a 1"), plain()).unwrap();
    assert_eq!(rfcs(&index), ["RFC 1 T a 1", "RFC 1 T b 1", "RFC 1 T c 1"]);
    assert_eq!((index.owned_lines(A).len(), index.owned_lines(B).len()), (1, 2));
    while index.remove_some(B, 10) == 10 {}
    assert_eq!(rfcs(&index), ["RFC 1 T c 1"]);
}
