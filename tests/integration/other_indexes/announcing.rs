//! Announcements of documents to an index server of another program: once, and again after a 503
//! alone (protocol.md sections 8.4 and 8.5).

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::PATIENCE;
use crate::other_indexes::fake::{Act, Other, has_extension, say, share, temporary, uploader};

pub(crate) const ACCEPTED: &str = "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n\r\n";
const FULL: &str = "P2P-CI/1.0 503 Service Unavailable\r\n\r\n";
pub(crate) const BAD: &str = "P2P-CI/1.0 400 Bad Request\r\n\r\n";
pub(crate) const NONE: &str = "P2P-CI/1.0 404 Not Found\r\n\r\n";
const WITH_ATTRIBUTE: &str =
    "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\nAdded: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";

pub(crate) fn write_rfcs(directory: &Path, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        // It appears with its content: what is written later would be another change.
        fs::write(directory.join(".new"), "text").unwrap();
        fs::rename(directory.join(".new"), directory.join(format!("rfc{number}.txt"))).unwrap();
    }
}

fn number_of(request: &str) -> &str {
    request.split(' ').nth(2).unwrap_or_default()
}

/// The numbers of the ADDs among some requests.
pub(crate) fn added(requests: &[String]) -> Vec<&str> {
    requests.iter().filter(|one| one.starts_with("ADD ")).map(|one| number_of(one)).collect()
}

/// Waits for a request that begins like this; returns all requests until then.
fn until(other: &Other, begin: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let end = Instant::now() + PATIENCE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let request = other.requests.recv_timeout(left);
        assert!(request.is_ok(), "no {begin}, but {seen:#?}");
        let request = request.unwrap();
        let is_last = request.starts_with(begin);
        seen.push(request);
        if is_last {
            return seen;
        }
    }
}

/// Servers that answer one request on a connection, and servers that answer any number: after a 503
/// a document is tried again, on a connection that is alive, and after a 400 it is not.
#[test]
fn a_document_that_found_no_room_is_tried_again_until_another_answer() {
    std::thread::scope(|scope| {
        for closes in [false, true] {
            scope.spawn(move || {
                let directory = temporary();
                write_rfcs(directory.path(), 1..=4);
                let refused = Mutex::new(Vec::new());
                let other = Other::start(move |request, _| {
                    let number = number_of(request).to_string();
                    let mut refused = refused.lock().unwrap();
                    let is_first = !refused.contains(&number);
                    let reply = match &*number {
                        _ if request.starts_with("LOOKUP") => NONE,
                        "3" | "4" if is_first => FULL,
                        "3" => BAD,
                        _ => ACCEPTED,
                    };
                    if reply == FULL {
                        refused.push(number);
                    }
                    match closes {
                        true => Act::SayAndClose(reply.into()),
                        false => say(reply),
                    }
                });
                let program = share(&other, directory.path());
                assert!(program.line().starts_with("registered 2 "));
                program.error_with("the index did not register RFC 3 and 1 other");
                program.error_with("registered 1 more");
                // A document that is added now comes after all documents that are tried again.
                write_rfcs(directory.path(), [5]);
                let requests = until(&other, "ADD RFC 5 ");
                let mut numbers = added(&requests);
                numbers.retain(|number| *number != "1");
                assert_eq!(numbers, ["2", "3", "4", "3", "4", "5"], "closes {closes}");
            });
        }
    });
}

/// Each server that closes after a reply is sent each document once, also the first one.
#[test]
fn a_server_that_closes_after_each_reply_is_sent_each_document_once() {
    let directory = temporary();
    write_rfcs(directory.path(), 1..=5);
    let other = Other::start(|request, _| {
        let reply = if request.starts_with("LOOKUP") { NONE } else { ACCEPTED };
        Act::SayAndClose(reply.into())
    });
    let program = share(&other, directory.path());
    assert!(program.line().starts_with("registered 5 "));
    let requests = other.requests();
    let mut numbers = added(&requests);
    numbers.sort_unstable();
    assert_eq!(numbers, ["1", "2", "3", "4", "5"]);
}

/// A server that closes after each reply, and once without a reply: an ADD without a reply does not
/// count as sent.
#[test]
fn an_add_without_a_reply_is_repeated() {
    let directory = temporary();
    write_rfcs(directory.path(), 1..=3);
    let failures = Mutex::new(1);
    let other = Other::start(move |request, _| {
        let is_third = request.starts_with("ADD RFC 3 ");
        let mut failures = failures.lock().unwrap();
        if is_third && *failures > 0 {
            *failures -= 1;
            return Act::SayAndClose(Vec::new());
        }
        let reply = if request.starts_with("LOOKUP") { NONE } else { ACCEPTED };
        Act::SayAndClose(reply.into())
    });
    let program = share(&other, directory.path());
    assert!(program.line().starts_with("registered 2 "));
    program.error_with("1 document to be registered later");
    program.error_with("registered 1 more");
}

/// A document that waits for room is registered by any ADD of it, and this is reported. It used to be
/// reported only after the next attempt with documents that wait.
#[test]
fn a_changed_document_that_waited_is_registered_and_reported() {
    let directory = temporary();
    write_rfcs(directory.path(), 1..=2);
    let room = Arc::new(AtomicBool::new(false));
    let has_room = Arc::clone(&room);
    let other = Other::start(move |request, _| match request {
        _ if request.starts_with("LOOKUP") => say(WITH_ATTRIBUTE),
        _ if request.starts_with("ADD RFC 2 ") && !has_room.load(Ordering::SeqCst) => say(FULL),
        _ => say(ACCEPTED),
    });
    let program = share(&other, directory.path());
    assert!(program.line().starts_with("registered 1 "));
    program.error_with("the index did not register RFC 2");
    room.store(true, Ordering::SeqCst);
    // Earlier than it would be tried again.
    fs::write(directory.path().join("rfc2.txt"), "another text").unwrap();
    program.error_with("registered 1 more");
}

/// A server that sends two refusals for one ADD: the second one is not taken for the reply to the
/// next request, and everything else is registered on a new connection.
#[test]
fn a_second_refusal_is_not_the_next_reply() {
    for (harmful, delay) in [(1, 0), (1, 100), (2, 0), (2, 100)] {
        let directory = temporary();
        write_rfcs(directory.path(), 1..=3);
        let other = Other::start(move |request, _| {
            if request.starts_with(&format!("ADD RFC {harmful} ")) {
                return Act::SayLater(BAD.into(), Duration::from_millis(delay), BAD.into());
            }
            say(if request.starts_with("LOOKUP") { NONE } else { ACCEPTED })
        });
        let program = share(&other, directory.path());
        assert!(program.line().starts_with("registered 2 "), "{harmful}, {delay}");
        program.error_with(&format!(
            "after the reply to ADD of RFC {harmful}; the connection is replaced"
        ));
        program.error_with(&format!("the index did not register RFC {harmful}: 400"));
        let requests = other.requests();
        let harm = harmful.to_string();
        let count = added(&requests).iter().filter(|number| **number == harm).count();
        assert_eq!(count, 1, "{requests:#?}");
        // The same of a document that appears later.
        let accepted = other.requests();
        assert!(accepted.is_empty(), "{accepted:#?}");
    }
}

/// The same when everything was registered before.
#[test]
fn a_second_refusal_of_a_later_document_is_not_the_next_reply() {
    for delay in [0, 100] {
        let directory = temporary();
        write_rfcs(directory.path(), [1]);
        let other = Other::start(move |request, _| {
            if request.starts_with("ADD RFC 4 ") {
                return Act::SayLater(BAD.into(), Duration::from_millis(delay), BAD.into());
            }
            say(if request.starts_with("LOOKUP") { NONE } else { ACCEPTED })
        });
        let program = share(&other, directory.path());
        assert!(program.line().starts_with("registered 1 "));
        write_rfcs(directory.path(), [4, 5]);
        program.without("registered 2 documents", "lost the index");
        let mut requests = other.requests();
        requests.retain(|request| request.starts_with("ADD RFC 4 "));
        assert_eq!(requests.len(), 1);
    }
}

/// A server that never answers a header that it does not know: a LOOKUP without it follows soon, and
/// the server is not probed again.
#[test]
fn a_server_that_hangs_at_the_probe_is_asked_without_it() {
    let port = uploader();
    let hanging = move || {
        Other::start(move |request, _| match request {
            _ if request.contains("Want-Attributes") => Act::Hang,
            _ if request.starts_with("ADD ") => say(ACCEPTED),
            _ => say(format!("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T localhost {port}\r\n\r\n")),
        })
    };
    std::thread::scope(|scope| {
        for command in [
            &["--share", ".", "get", "7"][..],
            &["--share", ".", "get", "7", "8"],
            &["lookup", "7"],
            &["lookup", "7", "--probe"],
            &["--share", ".", "sync"],
            &["peers"],
        ] {
            scope.spawn(move || {
                let (directory, other) = (temporary(), hanging());
                let begun = Instant::now();
                let (code, output, errors) = other.run(command, directory.path());
                let took = begun.elapsed();
                // A record of RFC 7 is no answer to LOOKUP RFC 8.
                let expected = if command.contains(&"8") { 76 } else { 0 };
                assert_eq!(code, expected, "{command:?}: {output}{errors}");
                assert!(took < Duration::from_secs(20), "{command:?}: {took:?}");
                let requests = other.requests();
                let probes = requests.iter().filter(|one| one.contains("Want-Attributes"));
                assert_eq!(probes.count(), 1, "{requests:#?}");
            });
        }
        scope.spawn(move || {
            let (directory, other) = (temporary(), hanging());
            write_rfcs(directory.path(), 1..=3);
            let begun = Instant::now();
            let program = share(&other, directory.path());
            assert!(program.line().starts_with("registered 3 "));
            assert!(begun.elapsed() < Duration::from_secs(20));
            // A planned connection is no reason to ask again.
            fs::remove_file(directory.path().join("rfc2.txt")).unwrap();
            program.without("registered 2 documents", "lost the index");
            let requests = other.requests();
            let probes = requests.iter().filter(|one| one.contains("Want-Attributes"));
            assert_eq!(probes.count(), 1, "{requests:#?}");
        });
    });
}

/// A name such as `rfc7` is asked for as an RFC: a server that has shown no extension is not sent a
/// FILE for it.
#[test]
fn a_name_of_an_rfc_is_no_file_where_files_may_be_unknown() {
    let port = uploader();
    for typed in ["rfc7", "RFC7", "rfc0007", "rfc8"] {
        for command in [&["lookup"][..], &["lookup", "--probe"], &["--share", ".", "get"]] {
            let other = Other::start(move |request, _| match number_of(request) {
                "7" => say(format!("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T localhost {port}\r\n\r\n")),
                _ => say(NONE),
            });
            let directory = temporary();
            let (code, output, errors) = other.run(&[command, &[typed]].concat(), directory.path());
            let expected = if typed == "rfc8" { 66 } else { 0 };
            assert_eq!(code, expected, "{typed} {command:?}: {output}{errors}");
            let requests = other.requests();
            assert!(requests.iter().all(|one| !has_extension(one)), "{typed}: {requests:#?}");
        }
    }
}
