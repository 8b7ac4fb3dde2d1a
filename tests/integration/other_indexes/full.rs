//! Index servers that are full at the first contact with a peer (protocol.md sections 8.4 and 8.5).

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::in_parallel;
use crate::other_indexes::fake::{Act, Other, say, share, temporary};

const FULL: &[u8] = b"P2P-CI/1.0 503 Service Unavailable\r\n\r\n";

/// What happens on the first connections.
type First = fn() -> Act;

/// Before, a 503 or a close counted as the proof that an index knows no files: a peer that shared only
/// files never registered them, and did not connect again.
#[test]
fn a_full_index_proves_nothing() {
    let refuse_and_close = || Act::SayAndClose(FULL.to_vec());
    let refuse = || say(FULL);
    let close = || Act::SayAndClose(Vec::new());
    // After a close, other forms of requests are tried first.
    let kinds: [(bool, First); 3] = [(true, refuse_and_close), (true, refuse), (false, close)];
    in_parallel(kinds, |(is_refused, first)| {
        let directory = temporary();
        fs::write(directory.path().join("lecture.pdf"), "text").unwrap();
        let connections = AtomicUsize::new(0);
        let other = Other::start(move |request, number| {
            let connection = match number {
                0 => connections.fetch_add(1, Ordering::SeqCst),
                _ => connections.load(Ordering::SeqCst),
            };
            match request.split(' ').next() {
                _ if connection < 2 => first(),
                Some("LOOKUP") => say("P2P-CI/1.0 404 Not Found\r\nAttributes: 1\r\n\r\n"),
                Some("LIST") if request.starts_with("LIST ALL P2P-CI/1.0\r\n") => {
                    say("P2P-CI/1.0 200 OK\r\n\r\n\r\n")
                }
                Some("LIST" | "LISTALL" | "END\nLIST") => say("P2P-CI/1.0 400 Bad Request\r\n\r\n"),
                _ => say("P2P-CI/1.0 200 OK\r\n\r\nFILE lecture.pdf T h 1\r\n\r\n"),
            }
        });
        let program = share(&other, directory.path());
        if is_refused {
            let line = program.error_with("503 Service");
            assert!(line.ends_with("still uploading; reconnecting"), "{line}");
        }
        let line = program.line();
        assert!(line.starts_with("registered 1 document "), "{line}");
        let mut requests = other.requests();
        // The first one that shows an extension is asked for its cluster.
        let before = requests.len();
        requests.retain(|request| !request.contains("Want-Cluster"));
        assert_eq!(before - requests.len(), 1, "{requests:#?}");
        let (last, probes) = requests.split_last().unwrap();
        let (probes, lists): (Vec<_>, Vec<_>) =
            probes.iter().partition(|request| request.starts_with("LOOKUP RFC 1 "));
        assert!(last.starts_with("FILE") || last.contains("ADD FILE lecture.pdf"), "{last}");
        assert_eq!(probes.len(), if is_refused { 3 } else { 2 }, "{requests:#?}");
        assert_eq!(lists.is_empty(), is_refused, "{requests:#?}");
        assert!(lists.iter().all(|list| list.contains("LIST")), "{requests:#?}");
    });
}

/// The reply of an index that knows no extension is a proof, which a later connection does not need
/// again.
#[test]
fn any_other_refusal_is_a_proof() {
    let directory = temporary();
    fs::write(directory.path().join("lecture.pdf"), "text").unwrap();
    let other = Other::start(|_, _| say("P2P-CI/1.0 404 Not Found\r\n\r\n"));
    let program = share(&other, directory.path());
    let line = program.line();
    assert!(line.starts_with("registered 0 documents "), "{line}");
    program.error_with("1 document not registered");
}

/// `sync` is incomplete where an index lists its RFCs and is then too full to show whether it lists
/// files.
#[test]
fn a_list_without_files_is_incomplete_at_a_full_index() {
    let directory = temporary();
    let other = Other::start(|request, _| match request.split(' ').next() {
        Some("LOOKUP") => say(FULL),
        _ => say("P2P-CI/1.0 200 OK\r\n\r\n\r\n"),
    });
    let (code, output, errors) = other.run(&["--share", ".", "sync"], directory.path());
    assert_eq!(code, 69, "{output}{errors}");
    assert!(errors.contains("503 Service Unavailable"), "{errors}");
}
