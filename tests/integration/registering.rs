//! Many documents are registered in pipelines with an index that shows that it reads them, and one
//! by one with every other (protocol.md section 8.5).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fmt::Write as _;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use crate::common::{self, Requests};

/// More than are told without a look whether the index reads pipelines.
const DOCUMENTS: usize = 150;

/// An index that tells how many requests were there each time when it looked, and answers all of
/// them, the first ones when `begin` returns; the reply to a LOOKUP has an attribute or not.
fn index(
    shows_attributes: bool,
    begin: impl FnOnce() + Send + 'static,
) -> (SocketAddr, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, seen) = channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut arriving = Requests::to_index(&stream);
        let mut begin = Some(begin);
        while let Some(first) = arriving.next() {
            let mut replies = String::new();
            let mut requests = 0;
            let ahead = (0..arriving.ahead()).map_while(|_| arriving.next()).collect::<Vec<_>>();
            for request in std::iter::once(first).chain(ahead) {
                // It names no cluster.
                if request.contains("\r\nWant-Cluster: 1\r\n") {
                    replies.push_str("P2P-CI/1.0 404 Not Found\r\n\r\n");
                    continue;
                }
                let number = request.split(' ').nth(2).unwrap();
                write!(replies, "P2P-CI/1.0 200 OK\r\n\r\nRFC {number} T h 1\r\n").unwrap();
                if shows_attributes && request.starts_with("LOOKUP ") {
                    replies.push_str("Length: 5\r\n");
                }
                replies.push_str("\r\n");
                requests += 1;
            }
            if let Some(begin) = begin.take() {
                begin();
            }
            // The peer, or the counting test, may be gone.
            let _ = sender.send(requests);
            let _ = stream.write_all(replies.as_bytes());
        }
    });
    (address, seen)
}

/// Shares many documents; returns the largest number of requests that were there together while the
/// documents were registered, and while the index was told of what is known of them later: of all
/// digests, or, where nothing may be told of them, of one more document.
fn most_concurrent(shows_attributes: bool) -> (usize, usize) {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<String> = (1..=DOCUMENTS).map(|number| format!("rfc{number}.txt")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (&**name, &b"bytes"[..])).collect();
    let directory = common::directory(root.path(), "library", &files);
    let state = root.path().join("state");
    let watched = state.clone();
    let (address, seen) = index(shows_attributes, move || wait_until_digests_are_stored(&watched));
    let arguments = [&*address.to_string(), "--share", ".", "--upload", "127.0.0.1:0", "share"];
    let path = env!("CARGO_BIN_EXE_peer");
    let program = common::Program::start_again(path, &arguments, &state, &directory);
    program.line();
    assert!(program.line().starts_with(&format!("registered {DOCUMENTS} documents ")));
    let most_of = |requests: usize| {
        let (mut most, mut all) = (0, 0);
        while all < requests {
            let now = seen.recv_timeout(common::PATIENCE).unwrap();
            (most, all) = (most.max(now), all + now);
        }
        assert_eq!(all, requests);
        most
    };
    let most = if shows_attributes {
        // With the LOOKUP by which it finds out, and the first document once more, with its digest.
        let registering = most_of(DOCUMENTS + 2);
        // Nothing else is told of them. Further documents are told with their lengths, and perhaps
        // again with their digests.
        for number in 1..=DOCUMENTS {
            std::fs::write(directory.join(format!("rfc{}.txt", 1000 + number)), "further").unwrap();
        }
        let (mut announcing, mut all) = (0, 0);
        while all < DOCUMENTS {
            let now = seen.recv_timeout(common::PATIENCE).unwrap();
            (announcing, all) = (announcing.max(now), all + now);
        }
        (registering, announcing)
    } else {
        // Each document once, and the LOOKUP.
        let registering = most_of(DOCUMENTS + 1);
        std::fs::write(directory.join("rfc999.txt"), "one more").unwrap();
        (registering, most_of(1))
    };
    drop(program);
    most
}

/// The digests are stored once, when all are known.
fn wait_until_digests_are_stored(state: &Path) {
    let store = state.join("p2p-ci/digests");
    let begun = Instant::now();
    while !store.exists() {
        assert!(begun.elapsed() < common::PATIENCE, "no digests in {}", store.display());
        thread::yield_now();
    }
}

#[test]
fn one_by_one_where_an_index_shows_no_attributes() {
    assert_eq!(most_concurrent(false), (1, 1));
}

#[test]
fn many_together_if_it_does() {
    let (registering, announcing) = most_concurrent(true);
    assert!((2..=64).contains(&registering), "{registering}");
    assert!((2..=64).contains(&announcing), "{announcing}");
}

/// Only the first document is added twice: when it is added first, the index has not shown that it
/// knows attributes.
#[test]
fn no_document_is_added_twice_where_its_digest_is_known() {
    let root = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 3] = [("rfc1.txt", b"1"), ("rfc2.txt", b"2"), ("a.md", b"3")];
    let library = common::directory(root.path(), "library", &files);
    let state = common::directory(root.path(), "state", &[]);
    // On a busy machine the digests may come too late for the first registration.
    for (start, late) in [(1, 1), (2, 0)] {
        let mut index = common::Index::start(&["--log", "requests"]);
        let address = index.address.to_string();
        let arguments = [&*address, "--share", ".", "--upload", "127.0.0.1:0", "share"];
        let path = env!("CARGO_BIN_EXE_peer");
        let program = common::Program::start_again(path, &arguments, &state, &library);
        program.line();
        assert!(program.line().starts_with("registered "));
        for document in ["RFC 1", "RFC 2", "FILE a.md"] {
            index.wait_for_digests(document, 1);
        }
        // Messages of the registration come before messages about later files.
        std::fs::write(library.join(format!("rfc{}.txt", 8 + start)), "later").unwrap();
        index.wait_for_digests(&format!("RFC {}", 8 + start), 1);
        drop(program);
        index.program.signal("TERM");
        index.program.wait();
        let log = index.program.errors();
        for (document, times) in [("RFC 1", 2), ("RFC 2", 1), ("FILE a.md", 1)] {
            let added = format!(" ADD {document}: ");
            let found = log.iter().filter(|line| line.contains(&added)).count();
            assert!((times..=times + late).contains(&found), "start {start}: {found} {log:#?}");
        }
    }
}

/// Adds and lookups in one write, up to the memory of a connection: replies are in the order of the
/// requests, each says what the index has then, and a refusal changes nothing else.
#[test]
fn refusals_within_a_pipeline_are_in_their_places() {
    const COUNT: usize = 2000;
    let index = common::Index::start(&["--max-memory", "16MiB"]);
    let mut talk = index.connect();
    let add = |number: usize, title: &str| {
        format!("ADD RFC {number} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: {title}\r\n\r\n")
    };
    let lookup =
        |number: usize| format!("LOOKUP RFC {number} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
    let large = "large ".repeat(80) + "end";
    let mut pipeline = String::new();
    for number in 1..=COUNT {
        pipeline += &add(number, if number % 7 == 0 { "small" } else { &large });
        if number % 5 == 0 {
            pipeline += &lookup(number);
        }
    }
    // One of the same size in the place of the first, which fits only there.
    let other = large.replace("end", "END");
    pipeline += &(add(1, &other) + &lookup(1) + &add(COUNT + 1, &large) + &lookup(COUNT + 1));
    let mut sender = talk.writer();
    let sending = thread::spawn(move || sender.write_all(pipeline.as_bytes()).unwrap());
    let mut check = |number: usize, title: &str, is_looked_up: bool| {
        let reply = talk.reply();
        let is_added = reply[0] == "P2P-CI/1.0 200 OK";
        let record = format!("RFC {number} {title} h 1");
        match is_added {
            true => assert_eq!(reply[1..], ["", &record]),
            false => assert_eq!(reply, ["P2P-CI/1.0 503 Service Unavailable"]),
        }
        if is_looked_up {
            let found = talk.reply();
            match is_added {
                true => assert_eq!(found, reply),
                false => assert_eq!(found, ["P2P-CI/1.0 404 Not Found"]),
            }
        }
        is_added
    };
    let mut added = 0;
    for number in 1..=COUNT {
        let title = if number % 7 == 0 { "small" } else { &large };
        added += usize::from(check(number, title, number % 5 == 0));
    }
    assert!((100..COUNT - 100).contains(&added), "{added}");
    assert!(check(1, &other, true));
    assert!(!check(COUNT + 1, &large, true));
    sending.join().unwrap();
    assert_eq!(index.list().len(), added);
}
