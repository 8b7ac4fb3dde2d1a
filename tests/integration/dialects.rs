//! Other people's programs: what their servers and uploaders send, to our peer.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use crate::common::{self, PATIENCE, Requests, holders, run_peer};

/// Answers each request on each connection with the same bytes. `closes` ends the connection
/// after a reply; otherwise it stays open until the other side closes.
fn answering(reply: &'static [u8], closes: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || answer(stream, reply, closes));
        }
    });
    address
}

fn answer(mut stream: TcpStream, reply: &[u8], closes: bool) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut requests = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    while requests.read_line(&mut line).is_ok_and(|count| count > 0) {
        if line == "\r\n" {
            let _ = stream.write_all(reply);
            if closes {
                let _ = stream.shutdown(Shutdown::Write);
                let _ = requests.read_to_end(&mut Vec::new());
                return;
            }
        }
        line.clear();
    }
}

const DOCUMENT: &str = "\n\nNetwork Working Group\n\nA document.\n";

/// Every reply, with what must be saved of it. `…` stands for the document.
#[test]
fn uploaders() {
    let table: [(&'static [u8], bool, &str); 10] = [
        // The grammar.
        (b"P2P-CI/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: x\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 37\r\nContent-Type: text/plain\r\n\r\n\n\nNetwork Working Group\n\nA document.\n", true, ""),
        // Another spelling of the version, and of header names; bare line feeds.
        (b"P2PCI/1.0 200 OK\nData: 2021-01-01\nLast Modified: x\nContent-Length: 37\nContent Type: text/text\n\n\n\nNetwork Working Group\n\nA document.\n", true, ""),
        // The handout's impossible date.
        (b"P2P-CI/1.0 200 OK\r\nDate: Wed, 12 Feb 2009 15:12:05 GMT\r\nContent-Length: 37\r\n\r\n\n\nNetwork Working Group\n\nA document.\n", true, ""),
        // Empty lines within the head.
        (b"P2P-CI/1.0 200 OK\r\n\r\nDate: x\r\n\r\nContent-Length: 37\r\nContent-Type: text/plain\r\n\r\n\n\nNetwork Working Group\n\nA document.\n", true, ""),
        // No empty line after the head: the document's own was taken for it.
        (b"P2P-CI/1.0 200 OK\r\nContent-Length: 37\r\nContent-Type: text/plain\r\n\n\nNetwork Working Group\n\nA document.\n", true, ""),
        // A line end after the document.
        (b"P2P-CI/1.0 200 OK\r\nContent-Length: 37\r\n\r\n\n\nNetwork Working Group\n\nA document.\n\r\n", true, ""),
        // A connection that is never closed.
        (b"P2P-CI/1.0 200 OK\r\nContent-Length: 37\r\n\r\n\n\nNetwork Working Group\n\nA document.\n", false, ""),
        // No length: until the close.
        (b"P2P-CI/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n\n\nNetwork Working Group\n\nA document.\n", true, "did not send the length"),
        (b"P2P-CI/1.0 200 OK\r\n\r\n\n\nNetwork Working Group\n\nA document.\n", true, "did not send the length"),
        // Headers of its own.
        (b"P2P-CI/1.0 200 OK\r\nX-Powered-By: coffee\r\nContent-Length: 37\r\n\r\n\n\nNetwork Working Group\n\nA document.\n", true, ""),
    ];
    assert_eq!(DOCUMENT.len(), 37);
    for (reply, closes, warning) in table {
        let directory = tempfile::tempdir().unwrap();
        let from = answering(reply, closes);
        let arguments = ["--share", ".", "get", "7", "--from", &from];
        let (code, _, errors) = run_peer(&arguments, "", directory.path());
        let reply = String::from_utf8_lossy(reply);
        assert_eq!(code, 0, "{reply:?}: {errors}");
        assert!(errors.contains(warning), "{reply:?}: {errors}");
        assert!(!warning.is_empty() || errors.is_empty(), "{reply:?}: {errors}");
        let saved = fs::read_to_string(directory.path().join("rfc7.txt")).unwrap();
        assert_eq!(saved, DOCUMENT, "{reply:?}");
    }
}

/// Replies that are no document: the exit code, and no file is left.
#[test]
fn upload_servers_that_fail_or_send_wrong_bytes() {
    let table: [(&'static [u8], i32, &str); 8] = [
        (b"P2P-CI/1.0 404 Not Found\r\n\r\n", 66, "404 Not Found"),
        (b"P2P-CI/1.0 404 Not Found", 66, "404 Not Found"),
        (b"P2P-CI/1.0 400 Bad Request\r\n\r\n", 76, "400 Bad Request"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", 76, "expected a status line"),
        (b"", 76, "expected a status line"),
        (
            b"P2P-CI/1.0 200 OK\r\nContent-Length: 50\r\n\r\nshort",
            76,
            "expected 50 bytes, found the end after 5",
        ),
        (b"P2P-CI/1.0 200 OK\r\nContent-Length: -1\r\n\r\nbody", 76, "expected a length"),
        (b"P2P-CI/1.0 200 OK\r\nContent-Length: 9999999999999\r\n\r\nbody", 76, "at most 64 GiB"),
    ];
    for (reply, expected, message) in table {
        let directory = tempfile::tempdir().unwrap();
        let from = answering(reply, true);
        let arguments = ["--share", ".", "get", "7", "--from", &from];
        let (code, _, errors) = run_peer(&arguments, "", directory.path());
        let reply = String::from_utf8_lossy(reply);
        assert_eq!(code, expected, "{reply:?}: {errors}");
        assert!(errors.contains(message), "{reply:?}: {errors}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "{reply:?}");
    }
}

/// A strict uploader that refuses a request with a header that it does not know.
#[test]
fn an_uploader_that_knows_no_digest_is_asked_without() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let from = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let request = holders::request(&mut stream).unwrap();
            let reply: &[u8] = match request.contains("\nWant-Digest") {
                true => b"P2P-CI/1.0 400 Bad Request\r\n\r\n",
                false => b"P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",
            };
            stream.write_all(reply).unwrap();
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--share", ".", "get", "7", "--from", &from];
    let (code, output, errors) = run_peer(&arguments, "", directory.path());
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(output.contains("no digest to check"), "{output}");
    assert_eq!(fs::read_to_string(directory.path().join("rfc7.txt")).unwrap(), "body");
}

/// Bytes that are not those that the holder announced get no name, and the next holder is asked.
#[test]
fn a_wrong_digest_is_never_named() {
    const LIE: &[u8] = b"P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\nDigest: sha-256=\
        e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\n\r\nbody";
    let directory = tempfile::tempdir().unwrap();
    let from = answering(LIE, true);
    let (code, _, errors) =
        run_peer(&["--share", ".", "get", "7", "--from", &from], "", directory.path());
    assert_eq!(code, 65, "{errors}");
    assert!(errors.contains("expected a document with sha-256=e3b0c4"), "{errors}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

    let honest = answering(b"P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", true);
    let port = |address: &str| address.rsplit_once(':').unwrap().1.to_string();
    let rows = format!(
        "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T localhost {}\r\nRFC 7 T localhost {}\r\n\r\n",
        port(&from),
        port(&honest)
    );
    let index = answering(rows.into_bytes().leak(), false);
    let (code, output, errors) =
        run_peer(&[&index, "--share", ".", "get", "7"], "", directory.path());
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains(&format!("from localhost:{}", port(&honest))), "{output}");
}

#[test]
fn index_servers() {
    let table: [(&'static [u8], bool, i32, &str); 9] = [
        // No empty line after the status.
        (b"P2P-CI/1.0 200 OK\r\nRFC 7 T h 1\r\n\r\n", false, 0, "RFC 7 T h 1"),
        // Bare line feeds.
        (b"P2P-CI/1.0 200 OK\n\nRFC 7 T h 1\n\n", false, 0, "RFC 7 T h 1"),
        // No final empty line, but the close.
        (b"P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n", true, 0, "RFC 7 T h 1"),
        // Nothing, and then the close: it may have been cut off.
        (b"P2P-CI/1.0 200 OK\r\n", true, 76, ""),
        // Rows without `RFC`, or with more.
        (b"P2P-CI/1.0 200 OK\r\n\r\n7 T h 1\r\n\r\n", false, 0, "7 T h 1"),
        (b"P2P-CI/1.0 200 OK\r\n\r\nRFC-7 T h 1\r\nRFC: 7 T h 2\r\n\r\n", false, 0, "RFC: 7 T h 2"),
        // A 404 without its empty line.
        (b"P2P-CI/1.0 404 Not Found\r\n", true, 66, "404"),
        // Bytes that are no reply.
        (b"hello\r\n\r\n", false, 76, ""),
        (b"P2P-CI/1.0 200 OK\r\n\r\nRFC seven\r\n\r\n", false, 76, ""),
    ];
    for (reply, closes, expected, part) in table {
        let index = answering(reply, closes);
        let (code, output, errors) =
            run_peer(&[&index, "lookup", "7"], "", std::path::Path::new("."));
        let reply = String::from_utf8_lossy(reply);
        assert_eq!(code, expected, "{reply:?}: {errors}");
        assert!(output.contains(part), "{reply:?}: {output}");
    }
}

/// An index that does not know SEARCH: its list is searched instead.
#[test]
fn a_search_where_there_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let index = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut requests = Requests::to_index(&stream);
        while let Some(request) = requests.next() {
            let reply: &[u8] = match request.lines().next() {
                Some("LIST ALL P2P-CI/1.0") => {
                    b"P2P-CI/1.0 200 OK\n\nRFC 7 A Tree h 1\nRFC 8 A House h 1\n\n"
                }
                Some("SEARCH ALL P2P-CI/1.0" | "LIST FILES P2P-CI/1.0") => {
                    b"P2P-CI/1.0 400 Bad Request\n\n"
                }
                _ => b"",
            };
            stream.write_all(reply).unwrap();
        }
    });
    let arguments = [index.as_str(), "search", "house"];
    let (code, output, errors) = run_peer(&arguments, "", std::path::Path::new("."));
    assert_eq!((code, output.as_str()), (0, "RFC 8 A House h 1\n"), "{errors}");
}

/// A download through an index that writes its rows in another way.
#[test]
fn a_download_by_way_of_another_index() {
    let uploader = answering(b"P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody", true);
    let port = uploader.rsplit_once(':').unwrap().1;
    let rows = format!("P2P-CI/1.0 200 OK\n7 Title localhost {port}\n8 Other localhost 1\n\n");
    let index = answering(rows.into_bytes().leak(), false);
    let directory = tempfile::tempdir().unwrap();
    let (code, _, errors) = run_peer(&[&index, "--share", ".", "get", "7"], "", directory.path());
    assert_eq!(code, 0, "{errors}");
    assert_eq!(fs::read_to_string(directory.path().join("rfc7.txt")).unwrap(), "body");
}

/// It refuses the peer, which says so once, whatever number of documents it has.
#[test]
fn an_index_that_registers_nothing() {
    let index = answering(b"P2P-CI/1.0 503 Service Unavailable\r\n\r\n", false);
    let directory = tempfile::tempdir().unwrap();
    for number in 1..=5 {
        fs::write(directory.path().join(format!("rfc{number}.txt")), "text").unwrap();
    }
    let (code, output, errors) = run_peer(&[&index, "--share", "."], "", directory.path());
    assert_eq!(code, 69);
    assert!(!output.contains("registered"), "{output}");
    assert_eq!(errors, format!("peer: the index {index} refused: 503 Service Unavailable\n"));
}

/// It used to end a script that was registered, if the index went away a moment later.
#[test]
fn an_index_that_closes_after_the_registration_ends_no_script() {
    let index = answering(b"P2P-CI/1.0 200 OK\r\n\r\nRFC 7 rfc7.txt h 1\r\n\r\n", true);
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rfc7.txt"), "seven").unwrap();
    for _ in 0..5 {
        let (code, output, errors) =
            run_peer(&[&index, "--share", "."], "docs\n", directory.path());
        assert_eq!(code, 0, "{errors}");
        assert!(output.ends_with("\nRFC 7 rfc7.txt\n"), "{output}");
    }
}

/// Requests of other clients that only a compatibility mode could accept: it needs a timer, or changes
/// the meaning of something else. It is refused, and the connection stays open.
#[test]
fn requests_that_are_not_safe_to_accept() {
    let index = common::Index::start(&[]);
    let mut talk = index.connect();
    let from = "Host: h\r\nPort: 1\r\n";
    for request in [
        "LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\nPost: 1\r\n",
        "LOOKUP RFC 1 P2P-CI/1.0\r\nHost h\r\nPort: 1\r\n",
        "LOOKUP RFC 1 P2P-CI/1.0\r\nHost: h\r\n",
        "LIST ALL P2P-CI/1.0\r\nHost: h\r\n",
        "LIST P2P-CI/1.0\r\nFROM",
        "LISTALL P2P-CI/1.0\r\nFROM",
        "ADD RFC1 P2P-CI/1.0\r\nFROMTitle: T\r\n",
        "ADD 0951 P2P-CI/1.0\r\nFROMTitle: T\r\n",
        "ADD file a.txt 1.0\r\nFROMTitle: T\r\n",
        "DEL SELF P2P-CI/1.0\r\nFROM",
        "LEAVE P2P-CI/1.0\r\nFROM",
        "EXIT P2P-CI/1.0\r\n",
        "STOP h 1 P2P-CI/1.0\r\n",
        "CONNECT 1 P2P-CI/1.0\r\n",
        "LOOKUP RFC 1 P2P-CI/1.0\r\nFROMLIST ALL P2P-CI/1.0\r\n",
    ] {
        let request = request.replace("FROM", from);
        talk.say(format!("{request}\r\n"));
        assert_eq!(talk.reply(), ["P2P-CI/1.0 400 Bad Request"], "{request:?}");
        talk.say(format!("LIST ALL P2P-CI/1.0\r\n{from}\r\n"));
        assert_eq!(talk.reply(), ["P2P-CI/1.0 200 OK", ""], "after {request:?}");
    }
    // A length in front makes another first word; a pickle begins with a byte that is no text.
    talk.say(format!("0000000042LIST ALL P2P-CI/1.0\r\n{from}\r\n"));
    assert_eq!(talk.reply(), ["P2P-CI/1.0 400 Bad Request"]);
    talk.say(b"\x80\x04\x95");
    assert_eq!(talk.reply(), ["P2P-CI/1.0 400 Bad Request"]);
    assert!(talk.is_closed());
}
