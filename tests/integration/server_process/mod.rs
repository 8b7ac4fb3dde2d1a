//! The index server as a program: real sockets, real signals.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod access;
mod configuration;
mod configured_mistakes;
mod full;
mod requests;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{Index, Program, Talk, share};

#[test]
fn each_address_is_printed() {
    // A machine may have no IPv6.
    let second = match TcpListener::bind("[::1]:0") {
        Ok(_) => "[::1]:",
        Err(_) => "127.0.0.2:",
    };
    let arguments = ["--listen", "127.0.0.1:0", "--listen", &format!("{second}0")];
    let program = Program::start(env!("CARGO_BIN_EXE_server"), &arguments, Path::new("."));
    for expected in ["127.0.0.1:", second] {
        let line = program.line();
        let port = line.strip_prefix("listening on ").and_then(|line| line.strip_prefix(expected));
        let port: u16 = port.expect(&line).parse().unwrap();
        assert_ne!(port, 0);
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        let mut talk = Talk::to(address);
        talk.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
        assert_eq!(talk.reply(), ["P2P-CI/1.0 200 OK", ""]);
    }
}

#[test]
fn records_belong_to_their_connection() {
    let index = Index::start(&[]);
    let mut victim = index.connect();
    victim.add(1, "Mine", "victim", 1000);

    let mut stranger = index.connect();
    stranger.say("REMOVE RFC 1 P2P-CI/1.0\r\nHost: victim\r\nPort: 1000\r\n\r\n");
    assert_eq!(stranger.reply(), ["P2P-CI/1.0 404 Not Found"]);
    stranger.add(1, "Mine", "victim", 1000);
    assert_eq!(index.list(), ["RFC 1 Mine victim 1000"]);
    stranger.say("REMOVE RFC 1 P2P-CI/1.0\r\nHost: victim\r\nPort: 1000\r\n\r\n");
    assert_eq!(stranger.reply()[2], "RFC 1 Mine victim 1000");
    stranger.add(1, "Theirs", "victim", 1000);
    assert_eq!(index.list(), ["RFC 1 Theirs victim 1000", "RFC 1 Mine victim 1000"]);
    drop(stranger);
    index.wait_for_records(1);
    assert_eq!(index.list(), ["RFC 1 Mine victim 1000"]);
}

/// The time of a second is for a machine that has a free processor: one of three attempts must hold
/// it. Records that stay fail the first attempt.
#[test]
fn records_are_gone_within_a_second_of_close_and_crash() {
    let index = Index::start(&[]);
    let within_a_second = |end_owner: &dyn Fn()| {
        (0..3).any(|_| {
            end_owner();
            index.wait_for_records(0) < Duration::from_secs(1)
        })
    };
    assert!(within_a_second(&|| {
        let mut closing = index.connect();
        closing.add(1, "T", "h", 1);
        drop(closing);
    }));

    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("rfc90001.txt"), "text").unwrap();
    assert!(within_a_second(&|| {
        let (peer, _) = share(index.address, directory.path());
        assert_eq!(index.list().len(), 1);
        peer.signal("KILL");
    }));
}

#[test]
fn it_stops_within_two_seconds_and_ends_its_sessions() {
    for signal in ["INT", "TERM"] {
        let mut index = Index::start(&[]);
        let mut idle = index.connect();
        idle.add(1, "T", "h", 1);
        let mut half = index.connect();
        half.say("LIST ALL P2P");
        let start = Instant::now();
        index.program.signal(signal);
        assert_eq!(index.program.wait().code(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert!(idle.is_closed() && half.is_closed());
    }
}

#[test]
fn the_log_escapes_and_counts() {
    let index = Index::start(&["--log", "requests"]);
    let mut talk = index.connect();
    index.program.error_with("joined (1 peer, 0 records)");
    talk.add(7, "T", "h", 1);
    index.program.error_with("ADD RFC 7: 200 OK (1 peer, 1 record)");
    talk.say("\u{202e}evil\u{9b}31m\r\n\r\n");
    let line = index.program.error_with("400 Bad Request");
    assert!(line.is_ascii(), "{line:?}");
    drop(talk);
    index.program.error_with("left with 1 record; the index has 0 records");
}

#[test]
fn a_quiet_log_is_quiet() {
    let mut index = Index::start(&["--log", "quiet"]);
    let mut talk = index.connect();
    talk.say("nonsense\r\n\r\n");
    talk.reply();
    index.program.signal("TERM");
    index.program.wait();
    assert_eq!(index.program.errors(), Vec::<String>::new());
}

#[test]
fn arguments_that_are_wrong_name_the_flag() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_server")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = run(&["--listen", "nowhere"]);
    assert!(code == Some(2) && text.contains("--listen"), "{text}");
    let (code, text) = run(&["--max-connections", "0"]);
    assert!(code == Some(2) && text.contains("--max-connections"), "{text}");
    let taken = Index::start(&[]);
    let (code, text) = run(&["--listen", &taken.address.to_string()]);
    assert_eq!(code, Some(1));
    assert!(text.contains(&format!("cannot listen on {}: ", taken.address)), "{text}");
}

#[test]
fn limits_are_shown_with_their_bounds() {
    let output = Command::new(env!("CARGO_BIN_EXE_server"))
        .args(["--show-limits", "--max-connections", "5"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["request line", "2 KiB", "records in all", "10000000", "5  --max-connections"] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
}
