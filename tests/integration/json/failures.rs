//! `--format json` of every command for each kind of failure: valid JSON, an object with the exit code
//! and the line on standard error, and nothing that acts on a terminal.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use p2p_ci::escape::escaped;
use serde_json::Value;

use crate::common::{Index, Requests, run_peer};

/// An index that sends the same bytes for each request, whatever its line ends.
pub(crate) fn replying(reply: &'static str) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || reply_to_each(&stream, reply));
        }
    });
    address
}

fn reply_to_each(mut stream: &TcpStream, reply: &str) {
    let mut requests = Requests::to_index(stream);
    while requests.next().is_some() && stream.write_all(reply.as_bytes()).is_ok() {}
}

fn nowhere() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().to_string()
}

/// The commands that ask an index.
const ASKING: [&[&str]; 13] = [
    &["list"],
    &["list", "--files"],
    &["lookup", "7"],
    &["lookup", "7", "--probe"],
    &["search", "x"],
    &["browse", "h:1"],
    &["peers"],
    &["get", "7"],
    &["get", "7", "8"],
    &["get", "a\u{202e} b.txt"],
    &["sync"],
    &["sync", "--dry-run"],
    &["status"],
];

/// Checks what a command prints, and returns its exit code and whether it has reported an error.
fn check(arguments: &[&str], directory: &std::path::Path) -> (i32, bool) {
    let (code, output, errors) = run_peer(arguments, "", directory);
    for character in (output.clone() + &errors).chars().filter(|c| *c != '\n') {
        let is_shown = !character.is_control() && !('\u{200b}'..='\u{202e}').contains(&character);
        assert!(is_shown, "{arguments:?}: {character:?} in {output} {errors}");
    }
    let objects: Vec<Value> = output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    assert!(objects.iter().all(|object| object["v"] == 1), "{arguments:?}: {output}");
    let mut failed = objects.iter().filter_map(|object| object.get("error")).peekable();
    let has_failed = failed.peek().is_some();
    // Of several documents each has a code of its own; the last object is that of the command.
    if let Some(last) = failed.last() {
        assert_eq!(last["exit"], code, "{arguments:?}: {output}");
        let message = last["message"].as_str().unwrap();
        let line = errors.lines().rev().find_map(|line| line.strip_prefix("peer: "));
        let shown = line.unwrap_or_else(|| panic!("{arguments:?}: no line: {errors}"));
        assert_eq!(shown, escaped(message).to_string(), "{arguments:?}: {errors}");
    }
    (code, has_failed)
}

#[test]
fn every_command_fails_with_an_object() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rfc5.txt"), "text").unwrap();
    let refusing = [
        (replying("P2P-CI/1.0 400 Bad Request\r\n\r\n"), 76),
        (replying("P2P-CI/1.0 505 P2P-CI Version Not Supported\r\n\r\n"), 76),
        (replying("P2P-CI/1.0 503 Busy\r\nReason: \u{202e}\u{200b} later\r\n\r\n"), 69),
        (replying("P2P-CI/1.0 abc \u{202e}\u{1b}[31m\r\n\r\n"), 76),
        (nowhere(), 69),
    ];
    for (index, expected) in &refusing {
        for command in ASKING {
            let start = [index.as_str(), "--share", ".", "--format", "json"];
            let (code, has_failed) = check(&[&start, command].concat(), directory.path());
            assert_eq!((code, has_failed), (*expected, true), "{command:?} at {index}");
        }
    }
}

/// Wrong arguments are found before the format is known from all sources; the command line is enough.
#[test]
fn wrong_arguments_are_objects() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, code, message) in [
        (
            &["--format", "json", "list", "--bogus"] as &[&str],
            2,
            "unexpected argument '--bogus' found",
        ),
        (&["list", "x", "--format=json"], 2, "unexpected argument 'x' found"),
        (
            &["--format", "json", "get", "--from"],
            2,
            "a value is required for '--from <HOST:PORT>' but none",
        ),
        (
            &["--format", "json", "--color", "alway", "list"],
            2,
            "invalid value 'alway' for '--color <WHEN>'; [possible values: auto, always, never]; \
             tip: a similar value exists: 'always'",
        ),
        (&["--format", "json", "--menu", "list"], 2, "expected no command with `--menu`"),
        (&["--format", "json", "lokup"], 2, "expected a command or an index server, found `lokup`"),
        (&["--format", "json", "list", "--\u{202e}\u{1b}[31m"], 2, "unexpected argument"),
        (&["--format", "json", "--config", "missing", "list"], 78, "cannot read the configuration"),
    ] {
        let (found, output, errors) = run_peer(arguments, "", directory.path());
        let object: Value = serde_json::from_str(&output).unwrap();
        assert_eq!((found, &object["v"]), (code, &1.into()), "{arguments:?}: {output}{errors}");
        assert_eq!(object["error"]["exit"], code, "{output}");
        let shown = object["error"]["message"].as_str().unwrap();
        assert!(shown.starts_with(message) && !shown.contains("Usage"), "{arguments:?}: {shown}");
        assert!(!output.contains(['\u{202e}', '\u{1b}']), "{output}");
        assert!(!errors.is_empty(), "{arguments:?}");
    }
    // Other formats, and help.
    for arguments in
        [&["list", "--bogus"] as &[&str], &["--format", "json", "--format", "raw", "get", "--from"]]
    {
        let (code, output, errors) = run_peer(arguments, "", directory.path());
        assert_eq!((code, &*output), (2, ""), "{arguments:?}: {errors}");
    }
}

#[test]
fn a_document_without_holders_is_an_object_and_an_empty_list_is_none() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rfc5.txt"), "text").unwrap();
    let empty = replying("P2P-CI/1.0 404 Not Found\r\n\r\n");
    for (command, expected) in [
        (&["get", "7"] as &[&str], 66),
        (&["get", "7", "8"], 66),
        (&["get", "7", "--out", "out"], 66),
        (&["lookup", "7", "--probe"], 66),
        (&["lookup", "7"], 66),
        (&["browse", "h:1"], 66),
        (&["add", "missing"], 2),
        (&["remove", "7"], 2),
        (&["verify", "7"], 66),
        (&["why", "7"], 66),
        (&["get", "7", "8", "--out", "."], 2),
        (&["get", "7", "--out", "missing/out"], 74),
        (&["get", "7", "--digests", "missing"], 74),
        (&["search", "x"], 0),
        (&["list"], 0),
        (&["peers"], 0),
        (&["sync"], 0),
        (&["docs"], 0),
        (&["status"], 0),
    ] {
        let start = [empty.as_str(), "--share", ".", "--format", "json"];
        let (code, has_failed) = check(&[&start, command].concat(), directory.path());
        assert_eq!((code, has_failed), (expected, expected != 0), "{command:?}");
    }
}

#[test]
fn a_name_that_is_not_resolved_and_a_full_device_are_objects() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rfc5.txt"), "text").unwrap();
    let start = ["no-such-host.invalid:1", "--share", ".", "--format", "json"];
    assert_eq!(check(&[&start, &["list"] as &[&str]].concat(), directory.path()), (69, true));
    if cfg!(target_os = "linux") {
        // The document is here, so the index is not asked.
        let copy = ["get", "5", "--out", "/dev/full"];
        assert_eq!(check(&[&start[..], &copy].concat(), directory.path()), (74, true));
    }
}

/// The shell and `share` say in JSON, too, where they upload from and that they are registered.
#[test]
fn a_session_in_json_is_json_from_its_first_line() {
    let directory = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let (code, output, errors) = run_peer(
        &[&address, "--share", ".", "--format", "json"],
        "list\nget 7\n",
        directory.path(),
    );
    assert_eq!(code, 66, "{errors}");
    let objects: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(objects[0]["uploading_from"].is_string(), "{output}");
    assert_eq!((&objects[1]["registered"], &objects[1]["index"]), (&0.into(), &address.into()));
    assert_eq!(objects.last().unwrap()["error"]["exit"], 66, "{output}");
}
