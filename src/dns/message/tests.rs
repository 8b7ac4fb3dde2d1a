//! Replies as bytes, also those that no honest server sends.

use proptest::prelude::*;

use super::*;

const NAME: &str = "_p2p-ci._tcp.campus.example";
const RESPONSE: u16 = 0x8180;

fn query() -> ServiceQuery {
    ServiceQuery::new(7, NAME).unwrap()
}

/// A message with the question of the query, whose name is at byte 12.
fn message(id: u16, flags: u16, counts: [u16; 4], records: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend(flags.to_be_bytes());
    bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    bytes.extend(name(NAME));
    bytes.extend([0, 33, 0, 1]);
    bytes.extend(records);
    bytes
}

fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels
        .flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat())
        .collect();
    bytes.push(0);
    bytes
}

fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap().to_be_bytes();
    [owner, &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 60], &length, data].concat()
}

fn service(owner: &[u8], priority: u16, weight: u16, port: u16, target: &[u8]) -> Vec<u8> {
    let numbers = [priority, weight, port].map(u16::to_be_bytes).concat();
    record(owner, 33, &[&numbers, target].concat())
}

/// A pointer to the name of the question.
const ASKED: [u8; 2] = [0xc0, 12];

fn read(records: &[Vec<u8>]) -> Option<Reply> {
    let count = u16::try_from(records.len()).unwrap();
    query().read(&message(7, RESPONSE, [1, count, 0, 0], &records.concat()))
}

fn expected(priority: u16, weight: u16, target: &str) -> Service {
    Service { priority, weight, target: target.parse().unwrap() }
}

#[test]
fn the_query_asks_for_one_name_and_wants_recursion() {
    assert_eq!(query().bytes(), message(7, 0x0100, [1, 0, 0, 0], &[]));
    assert!(ServiceQuery::new(7, &format!("{}.example", "a".repeat(64))).is_none());
    assert!(ServiceQuery::new(7, &"a.".repeat(200)).is_none());
}

#[test]
fn records_of_the_name_are_read() {
    let reply = read(&[
        service(&ASKED, 10, 5, 7734, &name("index1.campus.example")),
        service(&name(&NAME.to_uppercase()), 20, 0, 7735, &name("INDEX2.campus.example")),
    ]);
    let services = vec![
        expected(10, 5, "index1.campus.example.:7734"),
        expected(20, 0, "INDEX2.campus.example.:7735"),
    ];
    assert_eq!(reply, Some(Reply::Records(services)));
}

#[test]
fn records_of_an_alias_are_read_and_those_of_other_names_are_not() {
    let alias = name("index.campus.example");
    let other = service(&name("other.example"), 1, 1, 1, &name("other.example"));
    let reply = read(&[
        record(&ASKED, 5, &alias),
        service(&alias, 1, 1, 7734, &name("a.example")),
        other.clone(),
    ]);
    assert_eq!(reply, Some(Reply::Records(vec![expected(1, 1, "a.example.:7734")])));
    assert_eq!(read(&[other]), Some(Reply::Absent));
    // Two aliases of each other.
    assert_eq!(read(&[record(&ASKED, 5, &alias), record(&alias, 5, &ASKED)]), Some(Reply::Absent));
}

#[test]
fn illegal_targets_are_left_out() {
    let target = |bytes: &[u8]| service(&ASKED, 1, 1, 7734, bytes);
    let reply = read(&[
        target(&name("a b.example")),
        target(&[&[3][..], b"a.b", &[0]].concat()),
        target(&[&[4][..], b"a\x1b[m", &[0]].concat()),
        target(&[&[2][..], "ü".as_bytes(), &[0]].concat()),
        target(&name("a/b.example")),
        target(&name("")),
        service(&ASKED, 1, 1, 0, &name("port.example")),
        target(&name("legal_1.example")),
    ]);
    assert_eq!(reply, Some(Reply::Records(vec![expected(1, 1, "legal_1.example.:7734")])));
    assert_eq!(read(&[target(&name("a b"))]), Some(Reply::Records(Vec::new())));
}

#[test]
fn a_single_target_without_a_name_says_that_there_is_no_server() {
    assert_eq!(read(&[service(&ASKED, 0, 0, 0, &[0])]), Some(Reply::NotOffered));
}

#[test]
fn replies_without_records_are_told_apart() {
    let reply = |flags, counts| query().read(&message(7, flags, counts, &[]));
    assert_eq!(reply(RESPONSE, [1, 0, 0, 0]), Some(Reply::Absent));
    assert_eq!(reply(RESPONSE | 3, [1, 0, 0, 0]), Some(Reply::Absent));
    assert_eq!(reply(RESPONSE | 2, [1, 0, 0, 0]), Some(Reply::Failed("ServerFailure".into())));
    assert_eq!(reply(RESPONSE | 5, [1, 0, 0, 0]), Some(Reply::Failed("Refused".into())));
    // A truncated message may end within a record.
    assert_eq!(reply(RESPONSE | 0x0200, [1, 9, 0, 0]), Some(Reply::Truncated));
}

#[test]
fn messages_that_are_no_reply_to_the_query_are_ignored() {
    let whole =
        message(7, RESPONSE, [1, 1, 0, 0], &service(&ASKED, 1, 1, 7734, &name("a.example")));
    assert!(query().read(&whole).is_some());
    for end in 0..whole.len() {
        assert_eq!(query().read(&whole[..end]), None, "the first {end} bytes");
    }
    let other_name = |flags| {
        let mut bytes = message(7, flags, [1, 0, 0, 0], &[]);
        bytes[15] ^= 1;
        bytes
    };
    for (what, bytes) in [
        ("another number", message(8, RESPONSE, [1, 0, 0, 0], &[])),
        ("a query", message(7, 0x0100, [1, 0, 0, 0], &[])),
        ("another question", other_name(RESPONSE)),
        ("another question, no such name", other_name(RESPONSE | 3)),
        ("no question", message(7, RESPONSE, [0, 0, 0, 0], &[])),
        ("many records that are not there", message(7, RESPONSE, [1, u16::MAX, 0, 0], &[])),
        ("a name that points to itself", {
            // The owner of the record is at byte 12, the name of the question, and its length.
            let at = u8::try_from(12 + name(NAME).len() + 4).unwrap();
            message(7, RESPONSE, [1, 1, 0, 0], &service(&[0xc0, at], 1, 1, 1, &[0xc0, at]))
        }),
        ("two names that point to each other", {
            let at = u8::try_from(12 + name(NAME).len() + 4).unwrap();
            message(
                7,
                RESPONSE,
                [1, 1, 0, 0],
                &[0xc0, at + 2, 0xc0, at, 0, 33, 0, 1, 0, 0, 0, 0, 0, 0],
            )
        }),
    ] {
        assert_eq!(query().read(&bytes), None, "{what}");
    }
}

proptest! {
    #[test]
    fn no_message_causes_a_panic(
        flags in any::<u16>(),
        counts in proptest::array::uniform4(0_u16..4),
        records in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = query().read(&message(7, flags, counts, &records));
        let _ = query().read(&records);
    }

    #[test]
    fn no_changed_byte_of_a_reply_causes_a_panic(at in 0_usize..400, to in any::<u8>(), kind in any::<u16>()) {
        let records = [
            record(&ASKED, kind, &name("index.campus.example")),
            service(&ASKED, 1, 1, 7734, &[0xc0, 25]),
            record(&[0], 41, &[0, 10, 0, 2, 1, 2]),
        ];
        let mut bytes = message(7, RESPONSE, [1, 2, 0, 1], &records.concat());
        if let Some(byte) = bytes.get_mut(at) {
            *byte = to;
        }
        let _ = query().read(&bytes);
    }
}
