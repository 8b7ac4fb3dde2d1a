//! Transcripts of whole connections, in the form of protocol.md, in `tests/integration/conversations/`.
//!
//! `C:` is what the client sends and `S:` what the server must answer, byte for byte, each line
//! with CRLF. `C2:` and `S2:` are those of a second connection, and `C2 leaves` closes it. A line
//! `server: …` gives the server's arguments. Everything else is for the reader. The roles of both sides
//! must understand what was sent and received.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::string_slice,
    clippy::panic,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::common::{Index, Talk, share};
use p2p_ci::protocol::role::{
    DocumentClient, DocumentMeaning, DocumentServer, Event, IndexClient, IndexServer, ReplyMeaning,
    RequestMeaning,
};
use p2p_ci::protocol::{IndexReplyDecoder, ReplyPart};

/// One connection of a script: what the client has sent, and what has come back.
struct Connection {
    talk: Talk,
    sent: String,
    received: String,
}

/// Plays a script with connections that `connect` opens. Then `check` gets what was sent and received
/// on each.
fn play(
    name: &str,
    script: &str,
    connect: impl Fn() -> Talk,
    known: impl Fn(&str) -> String,
    check: impl Fn(&str, &[u8], &[u8]),
) {
    let mut ended = Vec::new();
    let mut talks: BTreeMap<String, Connection> = BTreeMap::new();
    for (number, line) in script.lines().enumerate() {
        let place = format!("{name}.txt line {}", number + 1);
        if let Some(who) = line.strip_suffix(" leaves") {
            let Connection { talk, sent, received } = talks.remove(&who[1..]).expect(&place);
            drop(talk);
            ended.push((sent, received));
            continue;
        }
        let Some((speaker, text)) = line.split_once(':') else { continue };
        let text = text.strip_prefix(' ').unwrap_or(text);
        let Some(who) =
            speaker.strip_prefix(['C', 'S']).filter(|who| who.chars().all(|c| c.is_ascii_digit()))
        else {
            continue;
        };
        let connection = talks.entry(who.to_string()).or_insert_with(|| Connection {
            talk: connect(),
            sent: String::new(),
            received: String::new(),
        });
        let Connection { talk, sent, received } = connection;
        match (speaker.starts_with('C'), text) {
            (true, _) => {
                let line = format!("{text}\r\n");
                talk.say(&line);
                sent.push_str(&line);
            }
            (false, "(closes)") => assert_eq!(talk.line(), None, "{place}"),
            (false, _) => {
                let answer = talk.line().expect(&place);
                received.push_str(&format!("{answer}\r\n"));
                assert_eq!(known(&answer), text, "{place}");
            }
        }
    }
    ended.extend(talks.into_values().map(|connection| (connection.sent, connection.received)));
    ended.iter().for_each(|(sent, received)| check(name, sent.as_bytes(), received.as_bytes()));
}

/// Events, with the bytes that each took.
type Found<'a, M> = Vec<(Event<M>, &'a [u8])>;

/// The events of all these bytes, with the bytes that each took: what they mean, and the section of
/// protocol.md that says so.
fn events<M>(
    mut bytes: &[u8],
    mut next: impl FnMut(&[u8]) -> Option<Event<M>>,
) -> (Found<'_, M>, &[u8]) {
    let mut found = Vec::new();
    while let Some(event) = next(bytes) {
        let taken = event.bytes(bytes);
        found.push((event, taken));
        bytes = bytes.split_at(taken.len()).1;
    }
    (found, bytes)
}

/// The roles of an index server and of its peer find a reply for each request, and understand every
/// byte.
fn check_index(name: &str, sent: &[u8], received: &[u8]) {
    let now = || Duration::ZERO;
    let mut server = IndexServer::new();
    let (requests, rest) = events(sent, |bytes| server.next(bytes, now));
    assert_eq!(rest, b"", "{name}");
    let mut client = IndexClient::new(IndexReplyDecoder::default());
    let (replies, rest) = events(received, |bytes| client.next(bytes, now));
    assert_eq!(rest, b"", "{name}");
    let mut refused = 0;
    for (event, bytes) in &replies {
        let (meaning, section) = (&event.meaning, event.section);
        assert!(!matches!(meaning, ReplyMeaning::Fault(_)), "{name}: {meaning:?}");
        refused += usize::from(matches!(meaning, ReplyMeaning::Part(ReplyPart::Refused(_))));
        let is_record = matches!(meaning, ReplyMeaning::Part(ReplyPart::Record(_)));
        let is_line =
            bytes.trim_ascii().starts_with(b"RFC ") || bytes.trim_ascii().starts_with(b"FILE ");
        assert_eq!((is_record, section == "4.5"), (is_line, is_line), "{name}: {meaning:?}");
    }
    let is_end = |event: &ReplyMeaning| matches!(event, ReplyMeaning::End(_));
    let ends = replies.iter().filter(|(event, _)| is_end(&event.meaning)).count();
    let is_message = |meaning: &RequestMeaning<_>| !matches!(meaning, RequestMeaning::EmptyLines);
    let messages = requests.iter().filter(|(event, _)| is_message(&event.meaning)).count();
    assert_eq!(ends, messages, "{name}");
    // Each fault was refused.
    let is_fault = |meaning: &RequestMeaning<_>| matches!(meaning, RequestMeaning::Fault(_));
    let faults = requests.iter().filter(|(event, _)| is_fault(&event.meaning)).count();
    assert!(faults <= refused, "{name}: {faults} faults, {refused} refusals");
}

/// The same for an upload server and its client.
fn check_upload(name: &str, sent: &[u8], received: &[u8]) {
    let (mut server, mut client) = (DocumentServer::new(), DocumentClient::new());
    let now = || Duration::ZERO;
    let (requests, rest) = events(sent, |bytes| server.next(bytes, now));
    assert_eq!(rest, b"", "{name}");
    requests.iter().for_each(|_| client.expect_reply());
    let (replies, _) = events(received, |bytes| client.next(bytes));
    let is_reply = |meaning: &DocumentMeaning| match meaning {
        DocumentMeaning::End(_) | DocumentMeaning::Refused(_) => true,
        DocumentMeaning::Head(_) | DocumentMeaning::Bytes(_) => false,
        other => panic!("{name}: {other:?}"),
    };
    let count = replies.iter().filter(|(event, _)| is_reply(&event.meaning)).count();
    // After a refusal the upload server replies no more.
    let is_refused = replies
        .last()
        .is_some_and(|(event, _)| matches!(event.meaning, DocumentMeaning::Refused(_)));
    assert!(count == requests.len() || is_refused && count > 0, "{name}: {count} replies");
    assert_eq!(client.missing(), Some(0), "{name}");
}

fn script(name: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/conversations");
    fs::read_to_string(directory.join(format!("{name}.txt"))).unwrap()
}

fn with_index(name: &str) {
    let script = script(name);
    let arguments = script.lines().find_map(|line| line.strip_prefix("server: "));
    let arguments: Vec<&str> = arguments.unwrap_or_default().split_whitespace().collect();
    let index = Index::start(&arguments);
    play(name, &script, || index.connect(), known, check_index);
}

/// Replaces values that depend on the day and the machine.
fn known(line: &str) -> String {
    match line.split_once(": ") {
        Some((name @ ("Date" | "OS" | "Last-Modified" | "Added"), value)) => {
            if name != "OS" {
                assert!(httpdate::parse_http_date(value).is_ok(), "{line}");
            }
            format!("{name}: …")
        }
        _ => line.to_string(),
    }
}

#[test]
fn the_handout() {
    with_index("handout");
}

#[test]
fn ownership() {
    with_index("ownership");
}

#[test]
fn files() {
    with_index("files");
}

#[test]
fn search() {
    with_index("search");
}

#[test]
fn attributes() {
    with_index("attributes");
}

#[test]
fn refusals() {
    with_index("refusals");
}

#[test]
fn explained_refusals() {
    with_index("explained");
}

#[test]
fn strict_hosts() {
    with_index("strict");
}

#[test]
fn documents() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in
        [("rfc90001.txt", "An RFC\r\n"), ("a b.pdf", ""), ("notes.md", "# Notes\r\n")]
    {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let index = Index::start(&[]);
    let (_peer, port) = share(index.address, directory.path());
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    for part in script("documents").split("\n\n\n") {
        play("documents", part, || Talk::to(address), known, check_upload);
    }
}
