//! Differences between two replies (protocol.md sections 4.5, 4.6, 5.2 and 6.1).

use super::*;
use crate::replay::exchanges::Exchanges;
use crate::transcript::{Event, Explainer, Side, What};

fn exchange(request: &str, reply: &str) -> Exchange {
    let (mut explainer, mut exchanges) = (Explainer::new(), Exchanges::default());
    for (side, text) in [(Side::Client, request), (Side::Server, reply)] {
        let what = What::Bytes(side, text.into());
        let (_, parts) = explainer.follow(&Event { stream: String::new(), time: None, what });
        exchanges.add(parts);
    }
    exchanges.add(explainer.finish_following().1);
    exchanges.finish().remove(0)
}

const LIST: &str = "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";
const GET: &str = "GET RFC 1 P2P-CI/1.0\r\nHost: h\r\nOS: x\r\n\r\n";

/// The differences as text, and what was ignored.
fn compared(request: &str, expected: &str, received: &str) -> (Vec<String>, AllIgnored) {
    let (one, other) = (exchange(request, expected), exchange(request, received));
    let (ports, mut found) = (BTreeSet::from([1, 2]), Comparison::default());
    let differences = compare(&one, Some(&other), Exactness::Meaning, &ports, &mut found);
    let text = |one: Difference| {
        let Difference { part, section, expected, received } = one;
        format!("{part} ({section}): {expected} | {received}")
    };
    (differences.into_iter().map(text).collect(), found.ignored)
}

#[test]
fn records_are_sets_without_hosts() {
    let expected = "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 A vm 1\r\nRFC 2 B vm 2\r\nRFC 3 C vm 9\r\n\r\n";
    let received = "P2P-CI/1.0 200 OK\nRFC 2 B 10.0.0.1 2\nRFC 1 A vm 1\nRFC 3 C vm 8\n\n";
    let all = BTreeSet::from([Ignored::Hosts, Ignored::Ports, Ignored::Order]);
    assert_eq!(compared(LIST, expected, received), (vec![], all));
    let received = "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 A vm 2\r\nRFC 2 B vm 2\r\nRFC 3 D vm 9\r\n\
                    RFC 3 D vm 9\r\n\r\n";
    let (differences, ignored) = compared(LIST, expected, received);
    assert_eq!(
        differences,
        [
            "record (4.5): RFC 1 A vm 1 | RFC 1 A vm 2",
            "record (4.5): RFC 3 C vm 9 | RFC 3 D vm 9",
            "record (4.5): no record | RFC 3 D vm 9",
        ]
    );
    assert_eq!(ignored, AllIgnored::new());
}

#[test]
fn a_missing_attribute_is_named() {
    let reply = |attributes: &str| {
        format!("P2P-CI/1.0 200 OK\r\n\r\nRFC 2 B h 2\r\nRFC 1 A h 1\r\n{attributes}\r\n")
    };
    let compared = |one: &str, other: &str| compared(LIST, &reply(one), &reply(other)).0;
    assert_eq!(
        compared("Length: 5\r\n", ""),
        ["attributes (4.11): RFC 1 A h 1: Length: 5 | RFC 1 A h 1: no Length"]
    );
    assert_eq!(
        compared("Length: 5\r\n", "Length: 6\r\n"),
        ["attributes (4.11): RFC 1 A h 1: Length: 5 | RFC 1 A h 1: Length: 6"]
    );
    assert_eq!(compared("Length: 5\r\n", "Length: 5\r\n"), [""; 0]);
}

#[test]
fn statuses_differ_and_phrases_do_not() {
    let none = "P2P-CI/1.0 404 Nothing\r\n\r\n";
    assert_eq!(compared(LIST, none, "P2P-CI/1.0 404 Not Found\n").0, Vec::<String>::new());
    let empty = "P2P-CI/1.0 200 OK\r\n\r\n\r\n";
    assert_eq!(compared(LIST, none, empty).0, ["status (6.1): 404 Not Found | 200 OK"]);
    assert_eq!(compared(LIST, none, "").0, ["reply (3.2): 404 Not Found | no reply"]);
}

#[test]
fn documents_differ_by_length_and_bytes() {
    let reply = |os: &str, kind: &str, body: &str| {
        let length = body.len();
        format!(
            "P2P-CI/1.0 200 OK\r\nOS: {os}\r\nContent-Length: {length}\r\nContent-Type: {kind}\r\n\r\n{body}"
        )
    };
    let expected = reply("a", "text/plain", "hello");
    let same = reply("b", "Text/Plain", "hello");
    assert_eq!(compared(GET, &expected, &same), (vec![], BTreeSet::from([Ignored::Os])));
    let other = reply("a", "text/text", "hullo world");
    assert_eq!(
        compared(GET, &expected, &other).0,
        [
            "Content-Type (5.2): text/plain | text/text",
            "length of the document (5.3): 5 bytes | 11 bytes",
            "bytes of the document (5.3): from byte 1: ello | from byte 1: ullo",
        ]
    );
}
