//! Messages of both programs about their options, and about requests that people type.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;

use common::{Index, Program, Talk, peer, run_peer};

#[test]
fn an_upload_server_explains_its_refusals_if_that_is_wanted() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a.txt"), "text").unwrap();
    let index = Index::start(&[]);
    for (option, explains) in [(&["--explain"] as &[&str], true), (&[], false)] {
        let arguments = [&["--share", ".", "--upload", "127.0.0.1:0", "share"], option].concat();
        let program = peer(index.address, &arguments, directory.path());
        let line = program.line();
        let address = line.strip_prefix("uploading from ").unwrap().parse().unwrap();
        for (request, status, reason) in [
            (
                "ADD RFC 1 P2P-CI/1.0\r\n\r\n",
                "400 Bad Request",
                "line 1: expected a GET to an upload server, found `ADD RFC 1`; ADD is sent to the \
                 index server, by default to port 7734 (protocol.md section 5.1)",
            ),
            (
                "GET RFC 1 P2P-CI/1.0\r\n\r\n",
                "400 Bad Request",
                "line 2: expected a header `Host`, found no header (protocol.md section 2.9)",
            ),
            (
                "GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n",
                "404 Not Found",
                "expected a document that this peer shares, found none (protocol.md section 5.1)",
            ),
            (
                "GET FILE a.txt P2P-CI/1.0\r\nHost: h\r\nRange: bytes=9-\r\n\r\n",
                "416 Range Not Satisfiable",
                "expected a part of the document, which has 4 bytes, found one after its end \
                 (protocol.md section 5.6)",
            ),
        ] {
            let mut talk = Talk::to(address);
            talk.say(request);
            let mut expected = vec![format!("P2P-CI/1.0 {status}")];
            expected
                .extend(explains.then(|| format!("Reason: {reason}; the connection is closed")));
            assert_eq!(talk.reply(), expected, "{request:?}");
        }
    }
}

/// Runs the index server with wrong options: exit code and standard error.
fn run_server(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_server")).args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn wrong_values_are_answered_by_an_example() {
    let directory = tempfile::tempdir().unwrap();
    for (option, value, example) in [
        ("--listen", "77344", "or a port alone, such as `127.0.0.1:7734`"),
        ("--listen", "localhost:7734", "such as `127.0.0.1:7734`"),
        ("--max-connections", "0", "such as `64`"),
        ("--connections-per-address", "many", "such as `64`"),
        ("--max-memory", "1", "such as `512M`"),
        ("--max-memory", "16M", "of at least 16MiB, such as `512M` (decimal) or `2GiB` (binary)"),
        ("--log", "all", "requests, sessions, quiet"),
        ("--host-policy", "none", "auto, literal, strict"),
        ("--listen", "\u{1b}[31m\u{202e}", "found `\\x1b[31m\\u{202e}`"),
    ] {
        let (code, errors) = run_server(&[option, value]);
        assert_eq!(code, 2, "{option} {value}: {errors}");
        assert!(errors.contains(example), "{option} {value}: {errors}");
        assert!(errors.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')));
    }
    for (arguments, example) in [
        (&["x:y", "list"] as &[&str], "or `localhost:7734`"),
        (&["a b", "list"], "such as `localhost`"),
        (&["share", "--upload", "localhost:5678"], "or a port alone, such as"),
        (&["share", "--upload-limit", "1"], "such as `500k`"),
        (&["share", "--upload-slots", "0"], "such as `64`"),
        (&["share", "--uploads-per-address", "1.5"], "such as `64`"),
        (&["share", "--host", "a b"], "such as `localhost`"),
        (&["get", "5", "--download-limit", "5Mb"], "such as `500k` or `5MB` (decimal) or `2MiB`"),
        (&["get", "5", "--allow-net", "10.0.0.0/99"], "such as `10.0.0.0/8`"),
        (&["get", "5", "--from", "host"], "such as `localhost:5678`"),
        (&["get", "0"], "such as `793`"),
        (&["get", "9-5"], "such as `5-9`"),
        (&["search", "x", "--limit", "0"], "such as `20`"),
        (&["list", "--format", "xml"], "raw, table, json"),
        (&["list", "\u{1b}[31m"], "\\x1b[31m"),
    ] {
        let (code, output, errors) = run_peer(arguments, "", directory.path());
        assert_eq!((code, &*output), (2, ""), "{arguments:?}: {errors}");
        assert!(errors.contains(example), "{arguments:?}: {errors}");
        assert!(!errors.contains('\u{1b}'), "{errors}");
    }
    let index = Index::start(&[]);
    let (code, _, errors) =
        run_peer(&[&index.address.to_string()], "list \u{1b}[31m\u{202e}\n", directory.path());
    assert_eq!(code, 2, "{errors}");
    assert!(errors.contains("\\x1b[31m\\u{202e}") && !errors.contains('\u{1b}'), "{errors}");
}

#[test]
fn a_port_in_use_is_named_with_the_option_that_chooses_another_one() {
    let directory = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.port();
    let address = address.to_string();
    let (code, errors) = run_server(&["--listen", &address]);
    let expected = format!("another program uses port {port}: choose another port with `--listen");
    assert!(code == 1 && errors.contains(&expected), "{code} {errors}");
    let arguments = ["--share", ".", "--upload", &address, "share"];
    let (code, _, errors) = run_peer(&arguments, "", directory.path());
    let expected = format!("another program uses port {port}: choose another port with `--upload");
    assert!(code == 1 && errors.contains(&expected), "{code} {errors}");
    // The command that finds the program names the port, too.
    assert!(errors.matches(&port.to_string()).count() >= 3, "{errors}");
}

#[test]
fn the_server_gives_no_tips_of_the_peer() {
    for (arguments, port) in [(&["gte"][..], "7734"), (&["7735"], "7735"), (&["a", "b"], "7734")] {
        let (code, errors) = run_server(arguments);
        assert_eq!(code, 2, "{errors}");
        assert!(errors.contains("unexpected argument"), "{errors}");
        let tips: Vec<&str> = errors.lines().filter(|line| line.contains("tip")).collect();
        let own = "  tip: the program has options alone; it listens at a port with `--listen";
        assert_eq!(tips, [format!("{own} {port}`")], "{errors}");
    }
}

#[test]
fn a_port_alone_is_that_port_of_every_address() {
    let directory = tempfile::tempdir().unwrap();
    let server = Program::start(env!("CARGO_BIN_EXE_server"), &["--listen", "0"], directory.path());
    let line = server.line();
    let index: SocketAddr = line.strip_prefix("listening on ").unwrap().parse().unwrap();
    assert!(index.ip().is_unspecified(), "{line}");
    let index = SocketAddr::from(([127, 0, 0, 1], index.port()));
    let peer = peer(index, &["--share", ".", "--upload", "0", "share"], directory.path());
    let line = peer.line();
    let upload: SocketAddr = line.strip_prefix("uploading from ").unwrap().parse().unwrap();
    assert!(upload.ip().is_unspecified(), "{line}");
    let mut talk = Talk::to(SocketAddr::from(([127, 0, 0, 1], upload.port())));
    talk.say("GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n");
    assert_eq!(talk.line().as_deref(), Some("P2P-CI/1.0 404 Not Found"));
}
