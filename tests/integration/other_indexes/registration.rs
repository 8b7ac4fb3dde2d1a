//! Registering with index servers of other programs (protocol.md section 8.5).

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{self, PATIENCE, Program, in_parallel};
use crate::other_indexes::fake::{Act, Other, has_extension, say, share, temporary};

/// A server that takes every header for part of the title is sent no header that it does not know,
/// and one whose ADD has no record, no empty line or no line end is waited for a second once.
#[test]
fn registering_with_servers_of_every_form() {
    let replies = [
        "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n\r\n",
        "P2P-CI/1.0 200 OK\nRFC 1 T h 1\n",
        "P2P-CI/1.0 200 OK\r\nRFC 1 T h 1",
        "P2P-CI/1.0 200 OK\r\n",
        "P2P-CI/1.0 200 OK\r\n\n",
        "P2P-CI/1.0 404 Not Found\n",
    ];
    in_parallel(replies, |reply| {
        let directory = temporary();
        for number in 1..=9 {
            fs::write(directory.path().join(format!("rfc{number}.txt")), "text").unwrap();
        }
        fs::write(directory.path().join("lecture.pdf"), "text").unwrap();
        let other = Other::start(move |request, _| match request.split(' ').next() {
            Some("LOOKUP") => say("P2P-CI/1.0 404 Not Found\r\n\r\n"),
            _ => say(reply),
        });
        let program = share(&other, directory.path());
        let expected = if reply.contains("404") { 0 } else { 9 };
        let line = program.line();
        assert!(line.starts_with(&format!("registered {expected} ")), "{reply:?}: {line}");
        program.error_with("1 document not registered");
        let requests = other.requests();
        assert_eq!(requests.len(), 10, "{reply:?}: {requests:#?}");
        assert!(requests[0].starts_with("ADD RFC 1 "), "{requests:#?}");
        assert!(requests[1].starts_with("LOOKUP RFC 1 "), "{requests:#?}");
        let probe = "Title: rfc1.txt\r\nWant-Attributes: 1\r\n\r\n";
        assert!(requests[1].ends_with(probe), "{requests:#?}");
        assert!(requests.iter().all(|request| !has_extension(request)), "{requests:#?}");
    });
}

/// After unsolicited bytes the peer connects again.
#[test]
fn registration_survives_unsolicited_bytes() {
    let directory = temporary();
    fs::write(directory.path().join("rfc7.txt"), "seven").unwrap();
    let other = Other::start(|request, _| match request.split(' ').next() {
        Some("LOOKUP") => say(
            "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\nAdded: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
        ),
        _ => say("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n\r\nP2P-CI/1.0 200 OK\r\n\r\n\r\n"),
    });
    let program = share(&other, directory.path());
    program.line();
    program.error_with("expected nothing, found `P2P-CI/1.0 200 OK`");
}

/// A full index: it is told why, once, and does not come back four times a second.
#[test]
fn a_full_index_is_contacted_with_backoff() {
    let directory = temporary();
    fs::write(directory.path().join("rfc7.txt"), "seven").unwrap();
    let other = Other::start(|_, _| {
        Act::SayAndClose(b"P2P-CI/1.0 503 Service Unavailable\r\n\r\n".to_vec())
    });
    let program = share(&other, directory.path());
    program.error_with("503 Service Unavailable");
    let begun = Instant::now();
    let mut attempts = 1;
    while begun.elapsed() < Duration::from_secs(4) {
        let left = Duration::from_secs(4).saturating_sub(begun.elapsed());
        attempts += usize::from(other.requests.recv_timeout(left).is_ok());
    }
    // After 0.25, 0.5, 1 and 2 seconds, each a quarter less or more.
    assert!(attempts <= 8, "{attempts} attempts in 4 s");
}

/// An index that has room for three records of a connection: the rest waits until there is room.
#[test]
fn documents_beyond_the_limit_are_reported_once_and_tried_again() {
    let directory = temporary();
    for number in 1..=5 {
        fs::write(directory.path().join(format!("rfc{number}.txt")), "text").unwrap();
    }
    let held = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let other = Other::start(move |request, _| {
        let mut words = request.split(' ');
        let (method, number) = (words.next().unwrap(), words.nth(1).unwrap().to_string());
        let mut held = held.lock().unwrap();
        let row = format!("P2P-CI/1.0 200 OK\r\n\r\nRFC {number} T h 1\r\n");
        match method {
            "LOOKUP" => say(row + "Added: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"),
            "REMOVE" => {
                held.remove(&number);
                say(row + "\r\n")
            }
            _ if held.len() < 3 || held.contains(&number) => {
                held.insert(number);
                say(row + "\r\n")
            }
            _ => say("P2P-CI/1.0 503 Service Unavailable\r\n\r\n"),
        }
    });
    let program = share(&other, directory.path());
    assert!(program.line().starts_with("registered 3 "));
    program.error_with("the index did not register RFC 4 and 1 other: 503");
    fs::remove_file(directory.path().join("rfc1.txt")).unwrap();
    program.error_with("registered 1 more");
    fs::remove_file(directory.path().join("rfc2.txt")).unwrap();
    program.error_with("registered 1 more");
    // Everything was registered: what is refused now is news.
    fs::write(directory.path().join("rfc6.txt"), "text").unwrap();
    program.error_with("the index did not register RFC 6");
}

/// An index that is full because of other peers: only a further ADD shows that one of them has left. So one
/// document is tried again every few seconds, and the others when it was accepted, whatever changes in them.
#[test]
fn one_document_shows_that_other_peers_have_left_room() {
    let directory = temporary();
    for number in 1..=9 {
        fs::write(directory.path().join(format!("rfc{number}.txt")), "text").unwrap();
    }
    let has_room = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let room = has_room.clone();
    let other = Other::start(move |request, _| {
        let number = request.split(' ').nth(2).unwrap();
        let row = format!("P2P-CI/1.0 200 OK\r\n\r\nRFC {number} T h 1\r\n");
        match request.starts_with("LOOKUP") {
            true => say(row + "Added: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"),
            _ if number == "1" || room.load(std::sync::atomic::Ordering::Relaxed) => {
                say(row + "\r\n")
            }
            false => say("P2P-CI/1.0 503 Service Unavailable\r\n\r\n"),
        }
    });
    let program = share(&other, directory.path());
    assert!(program.line().starts_with("registered 1 "));
    program.error_with("the index did not register RFC 2 and 7 others: 503");
    while other.requests.try_recv().is_ok() {}
    // The documents change while they wait.
    for number in 2..=9 {
        fs::write(directory.path().join(format!("rfc{number}.txt")), "other text").unwrap();
    }
    let begun = Instant::now();
    let waited = Duration::from_secs(9);
    let mut adds = Vec::new();
    while let Ok(request) = other.requests.recv_timeout(waited.saturating_sub(begun.elapsed())) {
        adds.extend(request.lines().next().map(str::to_string));
    }
    // After 2, 4 and 8 seconds.
    assert!((1..=3).contains(&adds.len()), "{adds:?}");
    assert!(adds.iter().all(|line| line == "ADD RFC 2 P2P-CI/1.0"), "{adds:?}");
    has_room.store(true, std::sync::atomic::Ordering::Relaxed);
    let begun = Instant::now();
    program.error_with("registered 8 more");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// A query does not use the connection of the registration, and closes its own when it is done.
#[test]
fn queries_have_a_connection_of_their_own() {
    let directory = temporary();
    fs::write(directory.path().join("rfc7.txt"), "seven").unwrap();
    let index = common::Index::start(&[]);
    let state = temporary();
    let arguments = [&*index.address.to_string(), "--share", "."];
    let peer = env!("CARGO_BIN_EXE_peer");
    let mut shell = Program::start_again(peer, &arguments, state.path(), directory.path());
    shell.line();
    assert!(shell.line().starts_with("registered 1 "));
    let connections = |index: &common::Index| {
        let path = format!("/proc/{}/fd", index.program.id());
        let Ok(files) = fs::read_dir(path) else { return 0 };
        let files = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
        files.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    };
    let before = connections(&index);
    shell.type_line("list");
    while !shell.line().starts_with("RFC 7 ") {}
    shell.type_line("docs");
    while !shell.line().starts_with("RFC 7 rfc7") {}
    // The query's connection is gone, and the registration is not.
    let begun = Instant::now();
    while connections(&index) != before {
        assert!(begun.elapsed() < PATIENCE);
        thread::yield_now();
    }
    assert_eq!(index.list().len(), 1);
    assert!(shell.end_input().success());
}

/// A peer without documents has sent nothing, so its connection may be closed for another.
#[test]
fn a_peer_whose_connection_is_closed_for_another_reports_why() {
    let directory = temporary();
    let index = common::Index::start(&["--max-connections", "1"]);
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0", "share"];
    let program = common::peer(index.address, &arguments, directory.path());
    program.line();
    assert!(program.line().starts_with("registered 0 "));
    let begun = Instant::now();
    let is_served = || {
        let mut talk = index.connect();
        talk.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
        talk.reply()[0].contains("200")
    };
    while !is_served() {
        assert!(begun.elapsed() < PATIENCE);
    }
    let line = program.error_with(" refused: 503 Service Unavailable");
    assert!(!line.contains("violated the protocol"), "{line}");
}

/// The documents of the ADDs that a server has received.
fn added(other: &Other) -> Vec<String> {
    let numbers = |request: String| match request.split(' ').collect::<Vec<_>>()[..] {
        ["ADD", "RFC", number, ..] => Some(number.to_string()),
        _ => None,
    };
    other.requests().into_iter().filter_map(numbers).collect()
}

/// A document that an unknown index has refused is not added again on the same connection, also
/// when its digest is known, or another document appears.
#[test]
fn a_refused_add_is_not_repeated() {
    for refusal in ["400 Bad Request", "503 Service Unavailable"] {
        let directory = temporary();
        for number in 1..=3 {
            fs::write(directory.path().join(format!("rfc{number}.txt")), "text").unwrap();
        }
        let reply = format!("P2P-CI/1.0 {refusal}\r\n\r\n");
        let other = Other::start(move |request, _| match request {
            _ if request.starts_with("LOOKUP") => say("P2P-CI/1.0 404 Not Found\r\n\r\n"),
            _ if request.starts_with("ADD RFC 2 ") => say(&reply),
            _ => say("P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n\r\n"),
        });
        let program = share(&other, directory.path());
        assert!(program.line().starts_with("registered 2 "));
        program.error_with("the index did not register RFC 2");
        fs::write(directory.path().join("rfc2.txt"), "another text").unwrap();
        fs::write(directory.path().join("rfc4.txt"), "text").unwrap();
        let (begun, mut found) = (Instant::now(), Vec::new());
        while !found.contains(&"4".to_string()) {
            assert!(begun.elapsed() < PATIENCE, "{found:?}");
            found.extend(added(&other));
        }
        assert_eq!(found, ["1", "2", "3", "4"], "{refusal}");
    }
}

/// The first document, and one that is gone, are registered on a new connection. That is planned,
/// so it is no loss of the index, and does not wait for one.
#[test]
fn a_planned_connection_is_made_without_a_message() {
    let directory = temporary();
    let other = Other::start(|request, _| match request.starts_with("LOOKUP") {
        true => say("P2P-CI/1.0 404 Not Found\r\n\r\n"),
        false => say("P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n\r\n"),
    });
    let program = share(&other, directory.path());
    assert!(program.line().starts_with("registered 0 "));
    let write = |number: u32| {
        fs::write(directory.path().join(format!("rfc{number}.txt")), "text").unwrap();
        let request = format!("ADD RFC {number} ");
        let begun = Instant::now();
        while !other.requests.recv_timeout(PATIENCE).unwrap().starts_with(&request) {
            assert!(begun.elapsed() < PATIENCE, "{request}");
        }
    };
    write(7);
    program.without("registered 1 document", "lost the index");
    write(8);
    fs::remove_file(directory.path().join("rfc7.txt")).unwrap();
    program.without("registered 1 document", "lost the index");
}

/// An index that is told first of a document that a user has typed is asked what it knows all the
/// same: digests and files are registered.
#[test]
fn an_index_is_probed_after_a_typed_add() {
    let (directory, elsewhere) = (temporary(), temporary());
    let path = elsewhere.path().join("rfc1.txt");
    fs::write(&path, "one").unwrap();
    let index = common::Index::start(&[]);
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0"];
    let mut shell = common::peer(index.address, &arguments, directory.path());
    shell.line();
    assert!(shell.line().starts_with("registered 0 "));
    shell.type_line(&format!("add {}", path.display()));
    index.wait_for_digests("RFC 1", 1);
    fs::write(directory.path().join("lecture.pdf"), "two").unwrap();
    index.wait_for_digests("FILE lecture.pdf", 1);
    let status = shell.end_input();
    assert!(status.success(), "{status}");
}

/// A harmful document is not added to a server that answers one request on a connection, and does
/// not count as registered.
#[test]
fn a_harmful_document_is_not_registered_at_a_server_that_closes() {
    let directory = temporary();
    for number in 1..=3 {
        fs::write(directory.path().join(format!("rfc{number}.txt")), "text").unwrap();
    }
    let other = Other::start(|request, _| {
        let reply = match request {
            _ if request.starts_with("LOOKUP") => "P2P-CI/1.0 404 Not Found\r\n\r\n".into(),
            _ if request.starts_with("ADD RFC 1 ") => {
                "P2P-CI/1.0 400 Bad Request\r\n\r\n".repeat(2)
            }
            _ => String::from("P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n\r\n"),
        };
        Act::SayAndClose(reply.into())
    });
    let program = share(&other, directory.path());
    let line = program.line();
    assert!(line.starts_with("registered 2 "), "{line}");
    program.error_with("the index did not register RFC 1: 400");
}
