//! Exit codes: of commands that fail without a reply of their own to print, and the one that counts when
//! several documents or commands fail in different ways.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod common;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use common::holders::{holder, respond};
use common::{Index, in_parallel, run_peer};

/// An index with records of RFC 1, whose holder cannot be reached, and of RFC 2, whose holder sends
/// other bytes than it announces.
fn two_broken_holders() -> (Index, [common::Talk; 2]) {
    let index = Index::start(&[]);
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let digest = "0".repeat(64);
    let lying = holder(Ipv4Addr::LOCALHOST, move |stream, _| {
        respond(stream, &format!("Digest: sha-256={digest}\r\nContent-Length: 4\r\n"), b"text")
    });
    let [mut first, mut second] = [index.connect(), index.connect()];
    first.add(1, "gone", "127.0.0.1", gone.port());
    second.add(2, "lying", "127.0.0.1", lying.port());
    (index, [first, second])
}

#[test]
fn the_most_severe_failure_of_several_decides() {
    let (index, _records) = two_broken_holders();
    let address = index.address.to_string();
    let cases = [
        (&["lookup", "9"] as &[&str], "", 66),
        (&["get", "1"], "", 69),
        (&["get", "2"], "", 65),
        (&["get", "9", "2"], "", 65),
        (&["sync"], "", 65),
        (&[], "get 9\nlookup 9\n", 66),
        (&[], "get 9\nnonsense\nget 2\nget 1\nlist\n", 65),
        (&[], "get 9\nnonsense\nget 1\n", 2),
        (&[], "list\n", 0),
    ];
    in_parallel(cases, |(arguments, input, expected)| {
        let directory = tempfile::tempdir().unwrap();
        let start = [address.as_str(), "--share", "."];
        let (code, _, errors) = run_peer(&[&start, arguments].concat(), input, directory.path());
        assert_eq!(code, expected, "{arguments:?} {input:?}: {errors}");
    });
}

#[test]
fn a_holder_that_is_an_index_server_violates_the_protocol() {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    for documents in [&["7"] as &[&str], &["7", "8"]] {
        let get = [&[&address, "get", "--from", &address], documents].concat();
        let (code, _, errors) = run_peer(&get, "", directory.path());
        assert_eq!(code, 76, "{errors}");
        assert!(errors.contains("400 is also the reply of an index server"), "{errors}");
    }
}

#[test]
fn a_probe_without_an_answer_is_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let (index, _records) = two_broken_holders();
    let address = index.address.to_string();
    let (code, output, errors) =
        run_peer(&[&address, "lookup", "1", "--probe"], "", directory.path());
    assert_eq!(code, 69, "{errors}");
    assert!(output.contains("no: cannot reach it"), "{output}");
    assert!(errors.contains("no holder of RFC 1 answered (1 asked)"), "{errors}");
    let probe = [&address, "--format", "json", "lookup", "2", "--probe"];
    let (code, output, errors) = run_peer(&probe, "", directory.path());
    assert_eq!(code, 0, "{output} {errors}");
    // The form of all digests in JSON.
    assert!(output.contains("\"digest\":\"sha-256=000"), "{output}");
}

/// A reply that refuses is printed on standard output, and a line on standard error says so.
#[test]
fn no_failure_is_silent() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.txt"), "text").unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    for (arguments, expected) in [
        (&["lookup", "9"] as &[&str], "peer: no peer has RFC 9\n"),
        (&["lookup", "9", "--probe"], "peer: no peer has RFC 9\n"),
        (&["get", "9"], "peer: no peer has RFC 9\n"),
        (&["verify", "9"], "peer: 1 of 1 document is not as downloaded\n"),
        (&["verify", "9", "8"], "peer: 2 of 2 documents are not as downloaded\n"),
    ] {
        let start = [address.as_str(), "--share", "."];
        let (code, _, errors) = run_peer(&[&start, arguments].concat(), "", directory.path());
        assert_eq!((code, errors.as_str()), (66, expected), "{arguments:?}");
    }
    let (code, output, errors) =
        run_peer(&[&address, "--share", "."], "remove 9\n", directory.path());
    assert_eq!((code, errors.as_str()), (66, "peer: RFC 9 is not shared here\n"), "{output}");
}
