//! The sample captures of `captures/`, and the page that explains them. `UPDATE_CAPTURES=1` writes them again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::pcapng::{Capture, Connection, Side};
use crate::wireshark::tshark::{PASSES, Tshark};

use Side::{Client, Server};

pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

/// Sends a message whose lines are separated by `|`, for `\r\n`.
fn say(capture: &mut Capture, connection: &mut Connection, side: Side, lines: &str) {
    capture.send(connection, side, lines.replace('|', "\r\n").as_bytes());
}

/// A peer registers, another one searches and downloads.
fn session(capture: &mut Capture) {
    let one = "Host: one.example|Port: 5678|";
    let two = "Host: two.example|Port: 5679|";
    let mut first = capture.connect(40_001, 7734);
    say(
        capture,
        &mut first,
        Client,
        &format!(
            "ADD RFC 123 P2P-CI/1.0|{one}Title: A Proferred Official ICP|Digest: sha-256={}|Length: 40000||",
            "ab".repeat(32)
        ),
    );
    say(
        capture,
        &mut first,
        Server,
        "P2P-CI/1.0 200 OK||RFC 123 A Proferred Official ICP one.example 5678||",
    );
    say(
        capture,
        &mut first,
        Client,
        &format!("ADD FILE lecture%2001.pdf P2P-CI/1.0|{one}Title: The First Lecture||"),
    );
    say(
        capture,
        &mut first,
        Server,
        "P2P-CI/1.0 200 OK||FILE lecture%2001.pdf The First Lecture one.example 5678||",
    );
    capture.at(1_000_000);
    let mut second = capture.connect(40_002, 7734);
    say(capture, &mut second, Client, &format!("LIST ALL P2P-CI/1.0|{two}|"));
    say(
        capture,
        &mut second,
        Server,
        "P2P-CI/1.0 200 OK||RFC 123 A Proferred Official ICP one.example 5678||",
    );
    say(
        capture,
        &mut second,
        Client,
        &format!("SEARCH ALL P2P-CI/1.0|{two}Title: lect|Limit: 5||"),
    );
    say(
        capture,
        &mut second,
        Server,
        "P2P-CI/1.0 200 OK||FILE lecture%2001.pdf The First Lecture one.example 5678||",
    );
    say(capture, &mut second, Client, &format!("LOOKUP RFC 9999 P2P-CI/1.0|{two}|"));
    say(capture, &mut second, Server, "P2P-CI/1.0 404 Not Found||");
    say(
        capture,
        &mut second,
        Client,
        &format!("LOOKUP RFC 123 P2P-CI/1.0|{two}Want-Attributes: 1||"),
    );
    say(
        capture,
        &mut second,
        Server,
        &format!(
            "P2P-CI/1.0 200 OK||RFC 123 A Proferred Official ICP one.example 5678|Digest: sha-256={}|Length: 40000|\
         Added: Sun, 06 Nov 1994 08:49:37 GMT|Address: 192.0.2.1||",
            "ab".repeat(32)
        ),
    );
    capture.at(2_000_000);
    let mut upload = capture.connect(40_003, 5678);
    say(
        capture,
        &mut upload,
        Client,
        "GET RFC 123 P2P-CI/1.0|Host: one.example|OS: Linux 6.1|Connection: keep-alive||",
    );
    say(
        capture,
        &mut upload,
        Server,
        "P2P-CI/1.0 200 OK|Date: Sun, 06 Nov 1994 08:49:40 GMT|OS: Linux 6.1|Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT|\
         Content-Length: 40000|Content-Type: text/plain|Connection: keep-alive||",
    );
    say(capture, &mut upload, Server, &"A line of the document, with 40 bytes.|".repeat(1_000));
    say(
        capture,
        &mut upload,
        Client,
        "GET RFC 123 P2P-CI/1.0|Host: one.example|OS: Linux 6.1|Range: bytes=39960-||",
    );
    say(
        capture,
        &mut upload,
        Server,
        "P2P-CI/1.0 206 Partial Content|Date: Sun, 06 Nov 1994 08:49:41 GMT|OS: Linux 6.1|\
         Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT|Content-Length: 40|Content-Type: text/plain|\
         Content-Range: bytes 39960-39999/40000||A line of the document, with 40 bytes.|",
    );
    capture.finish(&mut upload, Server);
    capture.finish(&mut upload, Client);
    capture.at(3_000_000);
    say(capture, &mut first, Client, &format!("REMOVE RFC 123 P2P-CI/1.0|{one}|"));
    say(
        capture,
        &mut first,
        Server,
        "P2P-CI/1.0 200 OK||RFC 123 A Proferred Official ICP one.example 5678||",
    );
    capture.finish(&mut first, Client);
    capture.finish(&mut second, Client);
}

/// Requests that a server refuses.
fn refusals(capture: &mut Capture) {
    let mut connection = capture.connect(40_001, 7734);
    let headers = "Host: one.example|Port: 5678|";
    for (request, status) in [
        (format!("LOOKUP RFC 9999 P2P-CI/1.0|{headers}|"), "404 Not Found"),
        (format!("LIST ALL P2P-CI/2.0|{headers}|"), "505 P2P-CI Version Not Supported"),
        (format!("ADD RFC 0123 P2P-CI/1.0|{headers}Title: Leading Zero||"), "400 Bad Request"),
        (format!("ADD RFC 123 P2P-CI/1.0|{headers}|"), "400 Bad Request"),
        ("LIST ALL P2P-CI/1.0|Host: one.example|Port: 99999||".into(), "400 Bad Request"),
        ("LIST ALL P2P-CI/1.0|Host one.example|Port: 5678||".into(), "400 Bad Request"),
        (format!("LIST ALL P2P-CI/1.0|{headers}Port: 5678||"), "400 Bad Request"),
        (format!("FIND ALL P2P-CI/1.0|{headers}|"), "400 Bad Request"),
        (format!("ADD FILE ..%2Fpasswd P2P-CI/1.0|{headers}Title: Path||"), "400 Bad Request"),
    ] {
        say(capture, &mut connection, Client, &request);
        say(capture, &mut connection, Server, &format!("P2P-CI/1.0 {status}||"));
    }
    capture.finish(&mut connection, Client);
}

/// The forms of other programs, one connection for each.
fn forms(capture: &mut Capture) {
    let conversations: [(&str, &str, u16); 8] = [
        (
            "LIST ALL P2P-CI/1.0\nHost: vm\nPort: 5678\n",
            "P2P-CI/1.0 200 OK\nRFC 1 Host Software vm 5679\n",
            7734,
        ),
        (
            "LIST ALL P2P-CI/1.0\nHost: vm\nPort: 5678\n\nEND\n",
            "P2P-CI/1.0 200 OK\n\nRFC 1 Host Software vm 5679\n\nEND\n",
            7734,
        ),
        (
            "LOOKUP RFC 1 P2P-CI/1.0\nHost: vm\nPost: 5678\n~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~",
            "P2P-CI/1.0 200 OK\n1 Host Software vm 5679\n",
            7734,
        ),
        ("ADD 0001 P2P-CI/1.0|Host:vm|Port:5678|Title:Host Software||", "P2P-CI/1.0 200 OK|", 7734),
        ("0000000045LIST ALL P2P-CI/1.0|Host: vm|Port: 5678||", "P2P-CI/1.0 404 Not Found|", 7734),
        ("LEAVE P2P-CI/1.0|Host: vm|Port: 5678", "bye!", 7734),
        (
            "GET RFC 1 P2P-CI/1.0\nHost: vm\nOS: Linux\n",
            "P2P-CI/1.0 200 OK\nData: Thu, 26 Nov 2026 22:39:40 GMT\nOS: Linux\n\
             Last-Modified: Thu, 26 Nov 2026 22:39:30 GMT\nContent-Length: 9\nContent-Type: text/text\nHost text",
            5678,
        ),
        (
            "GET RFC 1 P2P-CI/1.0|Host:vm||",
            "P2P-CI/1.0 200 OK|Date:Thu, 26 Nov 2026 22:39:26 GMT|OS:Linux|Last-Modified:1795732759.45|\
             Content-Length:9|Content-Type: text/text| RFC Data: Host text||",
            5679,
        ),
    ];
    for (number, (request, reply, port)) in (0..).zip(conversations) {
        let mut connection = capture.connect(40_001 + number, port);
        say(capture, &mut connection, Client, request);
        say(capture, &mut connection, Server, reply);
        capture.finish(&mut connection, Client);
        capture.finish(&mut connection, Server);
    }
}

/// A capture: its name, and what writes it.
pub(crate) type Sample = (&'static str, fn(&mut Capture));

pub(crate) const SAMPLES: [Sample; 3] =
    [("session.pcapng", session), ("refusals.pcapng", refusals), ("forms.pcapng", forms)];

#[test]
fn sample_captures_are_as_their_source_says() {
    let scratch = tempfile::tempdir().unwrap();
    for (name, write) in SAMPLES {
        let path = scratch.path().join(name);
        let mut capture = Capture::create(&path);
        write(&mut capture);
        capture.close();
        let kept = directory().join(name);
        if std::env::var_os("UPDATE_CAPTURES").is_some() {
            fs::copy(&path, &kept).unwrap();
        }
        assert!(
            fs::read(&kept).unwrap() == fs::read(&path).unwrap(),
            "UPDATE_CAPTURES=1 writes {name} again"
        );
    }
}

/// The page has a table for each capture: a display filter, the number of frames that match, and what they are.
#[test]
fn filters_of_the_guided_page_match_as_many_frames_as_it_says() {
    let Some(tshark) = Tshark::find() else { return };
    let page = fs::read_to_string(directory().join("README.md")).unwrap();
    let mut capture = None;
    let mut checked = 0;
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            capture = SAMPLES
                .iter()
                .find(|(name, _)| title.contains(name))
                .map(|(name, _)| directory().join(name));
        }
        let (Some(capture), Some(row)) = (&capture, line.strip_prefix("| `")) else { continue };
        let (filter, rest) = row.split_once("` | ").unwrap();
        let (count, _) = rest.split_once(" |").unwrap();
        for passes in PASSES {
            let filter = filter.replace("\\|", "|");
            let rows = tshark.fields(capture, passes, &filter, &["frame.number"]);
            assert_eq!(rows.len().to_string(), count, "{} {filter} {passes:?}", capture.display());
        }
        checked += 1;
    }
    assert!(checked >= 15);
}

#[test]
fn the_session_has_no_violation() {
    let Some(tshark) = Tshark::find() else { return };
    for passes in PASSES {
        let found = tshark.found(&directory().join("session.pcapng"), passes);
        assert_eq!(found["p2pci.section"], Vec::<String>::new());
        assert_eq!(found["p2pci.dialect"], Vec::<String>::new());
    }
}
