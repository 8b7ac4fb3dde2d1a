//! Our peer at index servers of other programs, without an option (protocol.md sections 4.9 and 8.5, appendix
//! B.7): it registers a document, lists, looks up, and downloads.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use crate::common::{in_parallel, run_peer, skip_without_sample};
use crate::compatibility::captured_replies::Replies;
use crate::compatibility::index_of_capture::{Kind, Quirk, Reads, Then, start, uploader};

/// What works: a document is registered, `list` prints both documents, `lookup` prints the holder, and `get`
/// downloads from it.
const ALL: &str = "share list lookup get";

/// Returns which commands work, and what was printed.
fn try_all(address: SocketAddr, port: u16) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rfc2.txt"), "A Tree\n\ntext").unwrap();
    let index = address.to_string();
    let arguments = [&*index, "--share", ".", "--upload", "127.0.0.1:0"];
    let script = "list\nlookup 7\nget 7\nlookup 9\n";
    let (_, output, errors) = run_peer(&arguments, script, directory.path());
    let is_row = |line: &str| {
        let line = line.replace("<sp>", " ");
        line.contains("7 A House localhost ") && line.ends_with(&port.to_string())
    };
    let lines: Vec<&str> = output.lines().collect();
    let rows = lines.iter().filter(|line| is_row(line)).count();
    let is_listed = |line: &&str| line.replace("<sp>", " ").contains("2 rfc2.txt localhost ");
    let saved = fs::read_to_string(directory.path().join("rfc7.txt")).unwrap_or_default();
    let works = [
        ("share", lines.iter().any(|line| line.starts_with("registered 1 document "))),
        ("list", rows > 0 && lines.iter().any(is_listed)),
        ("lookup", rows > 1),
        ("get", saved == "body"),
    ];
    let works: Vec<&str> =
        works.into_iter().filter(|(_, works)| *works).map(|(name, _)| name).collect();
    (works.join(" "), format!("{output}{errors}"))
}

/// Programs by letter: how they read requests, a request of their own client, and what works in the
/// byte form of their replies.
const PROGRAMS: [(char, Reads, &str, &str); 11] = [
    ('a', Reads::Once, "LIST ALL P2P-CI/1.0\r\nHost: vm\r\nPort: 29171", ALL),
    // It replies in Python, and never to ADD.
    ('b', Reads::EmptyLine, "LIST ALL P2P-CI/1.0\nHost: CLIENT2\nPort: 45907\n\n", ""),
    ('c', Reads::EndLine, "LIST ALL P2P-CI/1.0\nHost: h\nPort: 5101\n\nEND\n", ALL),
    ('d', Reads::Lines, "LIST ALL P2P-CI/1.0\r\nHost: vm\r\nPort: 5101\r\n\r\n", ALL),
    ('e', Reads::Once, "LIST ALL P2P-CI/1.0\r\nHost: 10.0.0.1\r\nPort: 39733\n", ALL),
    ('f', Reads::Once, "LIST P2P-CI/1.0\nHost: 127.0.0.1\nPort: 5101\n\n", ALL),
    ('g', Reads::Once, "LIST ALL P2P-CI/1.0\nHost: vm\nPort: 50305\n", ALL),
    ('h', Reads::Once, "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 20446\r\n", ALL),
    ('i', Reads::Once, "LIST ALL P2P-CI/1.0\nHost: h\nPort: 5101\n~~~~~~~~~~", ALL),
    ('j', Reads::EmptyLine, "LIST ALL P2P-CI/1.0\r\nHost:h\r\n\r\n", ALL),
    ('k', Reads::Once, "LIST ALL P2P-CI/1.0\nHost: vm\nPost: 56875\n", ALL),
];

fn sample(letter: char) -> Option<String> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    if !samples.is_dir() {
        skip_without_sample(&samples);
        return None;
    }
    Some(fs::read_to_string(samples.join(format!("program-{letter}.txt"))).unwrap())
}

/// Their replies, and the most tolerant reader of which the capture is possible.
#[test]
fn servers_of_other_programs() {
    let port = uploader();
    in_parallel(PROGRAMS, |(letter, reads, _, expected)| {
        let Some(text) = sample(letter) else { return };
        let replies = Replies::of_capture(&text);
        let quirk = if letter == 'f' { Quirk::ListWithoutAll } else { Quirk::None };
        let (address, _) = start(Kind { replies, reads, quirk, then: Then::Refuses }, 7, port);
        let (works, printed) = try_all(address, port);
        assert_eq!(works, expected, "program {letter}: {printed}");
    });
}

/// The same where the server accepts requests only as its own client ends them, and does each of three things
/// with others.
#[test]
fn servers_that_read_only_the_form_of_their_own_client() {
    let port = uploader();
    let others = [Then::Refuses, Then::Hangs, Then::Closes];
    // Program b is not understood, e ends lines with CRLF and the last one with LF, and f is tested above.
    let each = PROGRAMS.into_iter().filter(|(letter, ..)| !"bef".contains(*letter));
    let each = each.flat_map(|program| others.map(|then| (program, then)));
    in_parallel(each, |((letter, _, example, expected), then)| {
        let Some(text) = sample(letter) else { return };
        let replies = Replies::of_capture(&text);
        let kind = Kind { replies, reads: Reads::Once, quirk: Quirk::Like(example), then };
        let (address, requests) = start(kind, 7, port);
        let (works, printed) = try_all(address, port);
        let requests = requests.lock().unwrap();
        assert_eq!(works, expected, "program {letter}, {then:?}: {printed}{requests:#?}");
        let added = requests.iter().filter(|request| request.starts_with("ADD RFC 2 ")).count();
        assert!(added <= 2, "program {letter}, {then:?}: {requests:#?}");
    });
}

/// Properties that the captures do not show.
#[test]
fn servers_with_quirks() {
    let port = uploader();
    let lf = || Replies::with("\n", false, false);
    let strict = || Replies::with("\r\n", true, true);
    let of = |replies, reads, quirk, then| Kind { replies, reads, quirk, then };
    let kinds = [
        of(lf(), Reads::Once, Quirk::VersionWithCarriageReturn, Then::Refuses),
        of(strict(), Reads::EmptyLine, Quirk::ComparesTitles, Then::Refuses),
        of(lf(), Reads::Once, Quirk::ComparesTitles, Then::Refuses),
        of(lf(), Reads::Once, Quirk::NeedsTitle, Then::Closes),
        of(lf(), Reads::Once, Quirk::NeedsTitle, Then::Hangs),
        of(lf(), Reads::Once, Quirk::LookupCloses, Then::Closes),
        of(strict(), Reads::EmptyLine, Quirk::LookupHangs, Then::Hangs),
        of(strict(), Reads::Lines, Quirk::None, Then::Refuses),
        // The empty line is another request.
        of(lf(), Reads::LinesWithoutEmptyLine, Quirk::None, Then::Refuses),
        of(lf(), Reads::EndLine, Quirk::None, Then::Refuses),
        of(lf(), Reads::Once, Quirk::OneRequest, Then::Refuses),
        of(strict(), Reads::EmptyLine, Quirk::OneRequest, Then::Refuses),
        of(lf(), Reads::Once, Quirk::ListWithoutAll, Then::Refuses),
        of(lf(), Reads::Once, Quirk::KeepsCarriageReturns, Then::Refuses),
        of(lf(), Reads::Once, Quirk::AwaitsJoining("CONNECT "), Then::Closes),
        of(lf(), Reads::Once, Quirk::AwaitsJoining(":::"), Then::Closes),
    ];
    in_parallel(kinds, |kind| {
        let (address, requests) = start(kind.clone(), 7, port);
        let (works, printed) = try_all(address, port);
        let requests = requests.lock().unwrap();
        assert_eq!(works, ALL, "{kind:?}: {printed}{requests:#?}");
        if kind.quirk == Quirk::KeepsCarriageReturns {
            let has_returns = |request: &String| request.contains('\r');
            assert!(requests.last().is_some_and(|last| !has_returns(last)), "{requests:#?}");
        }
    });
}

/// Servers that end each reply with a line `END`, after its rows or after its final empty line, on any request.
/// The registration stays on its first connection, and nothing is reported.
#[test]
fn servers_that_end_replies_with_a_line_end() {
    let port = uploader();
    let kinds =
        [("\n", false, false), ("\n", true, true), ("\r\n", true, true), ("\r\n", true, false)];
    in_parallel(kinds, |(line_end, after_status, at_end)| {
        let replies =
            Replies::with(line_end, after_status, at_end).ended_by(&format!("END{line_end}"));
        let kind =
            Kind { replies, reads: Reads::EmptyLine, quirk: Quirk::None, then: Then::Refuses };
        let (address, requests) = start(kind.clone(), 7, port);
        let (works, printed) = try_all(address, port);
        let requests = requests.lock().unwrap();
        assert_eq!(works, ALL, "{kind:?}: {printed}{requests:#?}");
        // A reply is printed as it was received, with the line.
        let is_reported = |text: &str| {
            let words =
                ["expected nothing", "the connection is", "violated", "incomplete", "found `"];
            words.iter().any(|word| text.contains(word))
        };
        assert!(!is_reported(&printed), "{kind:?}: {printed}");
        let added = requests.iter().filter(|request| request.starts_with("ADD RFC 2 ")).count();
        assert_eq!(added, 1, "{kind:?}: {requests:#?}");
        drop(requests);
        let directory = tempfile::tempdir().unwrap();
        let index = address.to_string();
        let (_, output, errors) = run_peer(&[&index], "search house\nlist\n", directory.path());
        assert!(output.contains("A House"), "{kind:?}: {output}{errors}");
        assert!(!is_reported(&errors), "{kind:?}: {output}{errors}");
    });
}
