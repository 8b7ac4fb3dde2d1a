//! `p2p-ci explain`: conversations from text and pcapng, each line with its meaning.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common;
use crate::common::pcapng::{Capture, Side};

/// Explains text or pcapng from standard input: exit code, standard output, standard error.
fn explain(input: &[u8]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    command.args(["explain", "-"]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // The program may end before it has read everything.
        let _ = stdin.write_all(&input);
    });
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The explained lines, with single blanks.
fn lines(input: &[u8]) -> Vec<String> {
    let (code, text, errors) = explain(input);
    assert_eq!((code, errors.as_str()), (0, ""));
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Checks that the lines have these, in this order.
fn check(found: &[String], expected: &[&str]) {
    let mut rest = found.iter();
    for line in expected {
        assert!(rest.any(|found| found.contains(line)), "{line}\n{}", found.join("\n"));
    }
}

#[test]
fn labelled_lines() {
    let text = "C: LOOKUP RFC 123 P2P-CI/1.0\nC: Host: h\nC: Port: 5678\nC:\n\
                S: P2P-CI/1.0 200 OK\nS:\nS: RFC 123 A Title holder.example 5679\nS:\n\
                C: LOOKUP RFC 7 P2P-CI/1.0\nC: Host: h\nC: Port: 5678\nC:\n\
                S: P2P-CI/1.0 404 Not Found\nS:\n";
    let found = lines(text.as_bytes());
    assert_eq!(
        found,
        [
            "C: LOOKUP RFC 123 P2P-CI/1.0 4.3 requests the records of RFC 123: its holders",
            "C: Host: h 2.6 the host of the upload server",
            "C: Port: 5678 2.6 the port of the peer's upload server",
            "C: 3.1 the end of the request",
            "S: P2P-CI/1.0 200 OK 3.2 the reply to LOOKUP RFC 123: found, records follow",
            "S: 3.2 the empty line between the status line and the records",
            "S: RFC 123 A Title holder.example 5679 4.5 a record: holder.example:5679 has RFC 123",
            "S: 3.2 the end of the reply",
            "C: LOOKUP RFC 7 P2P-CI/1.0 4.3 requests the records of RFC 7: its holders",
            "C: Host: h 2.6 the host of the upload server",
            "C: Port: 5678 2.6 the port of the peer's upload server",
            "C: 3.1 the end of the request",
            "S: P2P-CI/1.0 404 Not Found 3.2 the reply to LOOKUP RFC 7: refused, Not Found",
            "S: 3.2 the end of the reply",
        ]
    );
}

#[test]
fn a_refusal_shows_that_attributes_are_supported() {
    let text = "C: LOOKUP RFC 7 P2P-CI/1.0\nC: Host: h\nC: Port: 5678\nC: Want-Attributes: 1\nC:\n\
                S: P2P-CI/1.0 404 Not Found\nS: Attributes: 1\nS:\n";
    let expected = [
        "S: P2P-CI/1.0 404 Not Found",
        "S: Attributes: 1 4.11 the index server supports attributes",
        "S: 3.2 the end of the reply",
    ];
    check(&lines(text.as_bytes()), &expected);
}

#[test]
fn text_without_labels() {
    let text = "Trying 192.0.2.1...\nLIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\nP2P-CI/1.0 200 OK\n\n\n\
                GET RFC 1 P2P-CI/1.0\nHost: h\n\nP2P-CI/1.0 200 OK\nContent-Length: 6\n\nhello\nmore";
    let found = lines(text.as_bytes());
    check(
        &found,
        &[
            "-- Trying 192.0.2.1...",
            "C: LIST ALL P2P-CI/1.0 4.4",
            "S: P2P-CI/1.0 200 OK 3.2 the reply to LIST ALL",
            "-- a request to a server of another kind: another connection",
            "C: GET RFC 1 P2P-CI/1.0 5.1 requests RFC 1 from the upload server",
            "S: P2P-CI/1.0 200 OK 5.2 the reply to GET RFC 1: the document follows",
            "S: Content-Length: 6 5.2 the number of bytes of the document",
            "5.3 6 bytes of the document",
            "5.4 5 bytes outside of any reply",
        ],
    );
    assert!(!found.iter().any(|line| line.contains("LF")), "line ends are not judged");
}

#[test]
fn violations_say_what_was_expected_and_found() {
    let head = "C: GET RFC 1 P2P-CI/1.0\nC: Host: h\nC:\n";
    for (input, expected) in [
        (
            "C: LIST ALL P2P-CI/2.0\nC: Host: h\nC: Port: 1\nC:\n".to_string(),
            "! expected `P2P-CI/1.0` at the end of the line, found `P2P-CI/2.0`; a server refuses it with \
             505 (protocol.md section 2.8)",
        ),
        (
            "C: ADD RFC 1 P2P-CI/1.0\nC: Host: h\nC: Port: 1\nC:\n".into(),
            "! expected a header `Title`, found `Host`, `Port`; a server refuses it with 400 (protocol.md section 2.9)",
        ),
        (
            "S: P2P-CI/1.0 200 OK\nS:\nS: no record\nS:\n".into(),
            "! expected a record such as `RFC 123 A Title host.example 5678`, found `no record` (protocol.md section \
             4.5)",
        ),
        (
            format!("{head}S: P2P-CI/1.0 999 Strange\nS:\n"),
            "! line 1: expected a status line such as",
        ),
    ] {
        check(&lines(input.as_bytes()), &[expected]);
    }
}

#[test]
fn forms_of_other_programs_are_named() {
    for (input, expected) in [
        (
            "C: ADD 0001 P2P-CI/1.0\nC: Host: h\nC: Port: 1\nC: Title: T\nC:\n",
            "reads it as `ADD RFC 1 ",
        ),
        (
            "C: LIST ALL P2P-CI/1.0\\n\nC: Host: h\\n\nC: Port: 1\\n\nC: \\n\n",
            "~ lines end with LF",
        ),
        (
            "C: LIST ALL P2P-CI/1.0\nC: Host: h\nC: Port: 1\nC:\nC: END\n",
            "B.2 the end of the request before it",
        ),
        (
            "C: LIST ALL P2P-CI/1.0\nC: Host: h\nC: Post: 1\nC: b'~~~~~~~~~'\n",
            "B.4 a misspelt `Port`, which servers without compatibility do not know",
        ),
        ("C: b'LIST ALL P2P-CI/1.0\\nHost: h\\nPort: 1'\n", "no line end and no empty line"),
        (
            "C: LIST ALL P2P-CI/1.0\nC: Host: h\nC: Port: 1\nC: END\n",
            "! expected an empty line at the end of the request, found `END` (protocol.md section 3.1)",
        ),
        (
            "C: LOOKUP RFC 1 P2P-CI/1.0\nC: END\n",
            "found no header; missing: `Host`, `Port` (protocol.md section 2.9)",
        ),
        (
            "C: ADD RFC 1 P2P-CI/1.0\nC: Host: h\nC:\n",
            "found `Host`; missing: `Port`, `Title`; a server",
        ),
        (
            "S: P2P-CI/1.0 200 OK\nS:\nS: RFC 1 T h 5\nS: END\n",
            "the grammar has the empty line alone",
        ),
        ("C: CONNECT 5000\nC: LIST ALL P2P-CI/1.0\n", "the peer has joined"),
        ("S: P2P-CI/1.0 200 OK\nS: 1 Title h 5\nS:\n", "~ a record that does not begin with `RFC`"),
        ("S: P2P-CI/1.0 200 OK\nS: RFC 1 Title h 5\nS:\n", "~ no empty line after the status line"),
        ("S: P2P-CI/1.0 200 OK\nS:\nS:\nS: END\n", "B.5 the end of the reply"),
    ] {
        check(&lines(input.as_bytes()), &[expected]);
    }
}

#[test]
fn text_of_others_is_escaped() {
    let input = b"S: P2P-CI/1.0 200 OK\nS:\nS: RFC 1 \x1b[31mred\x07 h 5\nC2: LIST \xE2\x80\xAE ALL P2P-CI/1.0\n";
    let (code, text, _) = explain(input);
    assert_eq!(code, 0);
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
    assert!(text.contains("\\x1b[31mred\\x07"), "{text}");
}

#[test]
fn connections_of_a_capture_are_explained_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("capture.pcapng");
    let mut capture = Capture::create(&path);
    let mut index = capture.connect(40_000, 7734);
    let mut upload = capture.connect(40_001, 5678);
    capture.send(&mut index, Side::Client, b"LIST ALL P2P-CI/1.0\r\nHost: h\r\nPo");
    let head = b"GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n";
    capture.send(&mut upload, Side::Client, head);
    capture.send(&mut index, Side::Client, b"rt: 1\r\n\r\n");
    let document = vec![b'x'; 40_000];
    let head = b"P2P-CI/1.0 200 OK\r\nContent-Length: 40001\r\n\r\n";
    capture.send(&mut upload, Side::Server, &[&head[..], &document].concat());
    capture.send(&mut index, Side::Server, b"P2P-CI/1.0 200 OK\r\n\r\n\r\n");
    capture.finish(&mut upload, Side::Server);
    capture.reset(&mut index, Side::Client);
    capture.close();
    let bytes = fs::read(&path).unwrap();
    let found = lines(&bytes);
    check(
        &found,
        &[
            "[1] -- 192.0.2.1:40000 connects to 192.0.2.2:7734",
            "[2] -- 192.0.2.1:40001 connects to 192.0.2.2:5678",
            "[2] C: GET RFC 1 P2P-CI/1.0 5.1",
            "[1] C: LIST ALL P2P-CI/1.0 4.4",
            "[1] S: P2P-CI/1.0 200 OK 3.2 the reply to LIST ALL",
            "40000 bytes of the document",
            "! expected 1 more byte, found the end of the connection (protocol.md section 5.3)",
            "[1] -- C aborts the connection",
        ],
    );
    // A program that was killed leaves a file that ends within a packet.
    for end in (4..bytes.len()).step_by(997) {
        let (code, text, errors) = explain(&bytes[..end]);
        assert_eq!(code, 65, "{end}: {errors}");
        assert!(
            errors.contains("the file is cut off: it ends within the block at byte "),
            "{errors}"
        );
        assert!(end < 5000 || text.contains("LIST ALL P2P-CI/1.0"), "{end}: {text}");
    }
    // What is before the damage is explained.
    let damaged = [&bytes[..], b"\x06\0\0\0\x0D\0\0\0"].concat();
    let (code, text, errors) = explain(&damaged);
    assert!(code == 65 && errors.contains("expected the length of a block"), "{code} {errors}");
    assert!(text.contains("aborts the connection"), "{text}");
}

/// A capture that is cut off between two packets or segments says what it lacks; within a line it is damaged.
#[test]
fn the_end_of_a_record_is_named() {
    let text = "0.000 [s0 :5678] -- C connects (from :40000)\n\
                0.000 [s0 :5678] C> b'GET RFC 1 P2P-CI/1.0\\r\\nHost: h\\r\\n\\r\\n'\n\
                0.100 [s0 :5678] S> b'P2P-CI/1.0 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nhello'\n";
    let expected = [
        "S: hello 5.3 5 bytes of the document",
        "-- expected 4 more bytes of the document, found the end of the record",
        "-- the record ends here, and the connection does not",
    ];
    check(&lines(text.as_bytes()), &expected);
    let ended = text.replace("Length: 9", "Length: 5") + "0.200 [s0 :5678] C> FIN\n";
    let found = lines(ended.as_bytes()).join("\n");
    assert!(!found.contains("the record"), "{found}");
    // The last segment is incomplete. With an end of its line, it is a note of a person.
    let cut = text.trim_end().strip_suffix("llo'").unwrap();
    let (code, found, errors) = explain(cut.as_bytes());
    let at = cut.rfind('\n').unwrap() + 1;
    let expected = format!("the file is cut off: it ends within the line at byte {at};");
    assert!(code == 65 && errors.contains(&expected), "{code} {errors}");
    assert!(found.contains("requests RFC 1"), "{found}");
    assert_eq!(explain(format!("{cut}\n").as_bytes()).0, 0);
}

#[test]
fn a_pause_within_a_head_changes_nothing() {
    let text = "0.000 [s0 :5678] -- C connects (from :40000)\n\
                0.000 [s0 :5678] C> b'GET RFC 1 P2P-CI/1.0\\r\\nHost: h\\r\\n\\r\\n'\n\
                0.100 [s0 :5678] S> b'P2P-CI/1.0 200 OK\\r\\nContent-Le'\n\
                5.000 [s0 :5678] S> b'ngth: 2\\r\\n\\r\\nhi'\n\
                6.000 [s0 :5678] S> FIN\n";
    let expected = ["S: Content-Length: 2", "S: hi 5.3 2 bytes of the document"];
    check(&lines(text.as_bytes()), &expected);
}

#[test]
fn a_head_that_the_end_of_the_connection_ends_has_a_document() {
    let text = "0.000 [s0 :5678] C> b'GET RFC 1 P2P-CI/1.0\\nHost: h\\n\\n'\n\
                0.100 [s0 :5678] S> b'P2P-CI/1.0 200 OK\\nContent-Length: 5\\nhello'\n\
                0.200 [s0 :5678] S> FIN\n";
    check(
        &lines(text.as_bytes()),
        &["S: Content-Length: 5", "S: hello 5.3 5 bytes of the document"],
    );
}

#[test]
fn errors_say_what_is_expected() {
    for (input, expected) in [
        (&b""[..], "found nothing"),
        (b"hello\n", "found no line that begins a request or a reply"),
        (b"\xD4\xC3\xB2\xA1\x02\0\x04\0", "convert it with `editcap -F pcapng OLD NEW`"),
        (b"\x0A\x0D\x0D\x0A\x1C\0\0\0\x4D\x3C\x2B\x1Aabcdefghijklmnopqrstuvwxyz", "damaged"),
    ] {
        let (code, text, errors) = explain(input);
        assert_eq!((code, text.as_str()), (65, ""), "{errors}");
        assert!(errors.starts_with("p2p-ci explain: -: ") && errors.contains(expected), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_p2p-ci"));
    let output = command.args(["explain", "/no such file"]).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
}

#[test]
fn captures_of_other_programs_are_explained() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let Ok(files) = fs::read_dir(&directory) else {
        return common::skip_without_sample(&directory);
    };
    for file in files.map(|file| file.unwrap().path()) {
        if file.file_name().unwrap().to_string_lossy().starts_with("program-") {
            let found = lines(&fs::read(&file).unwrap());
            assert!(found.iter().any(|line| line.contains(" 4.1 adds a record")), "{file:?}");
        }
    }
}
