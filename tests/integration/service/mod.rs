//! Programs that receive signals, and programs on a machine with low limits.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
#![cfg(target_os = "linux")]

mod ending;
mod manager;
mod reloading;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::common::{self, Index, PATIENCE, Program, Talk};

const SERVER: &str = env!("CARGO_BIN_EXE_server");
const PEER: &str = env!("CARGO_BIN_EXE_peer");

/// Whether this machine has a program.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    let has = found.is_ok_and(|status| status.success());
    if !has {
        common::skip(&format!("there is no `{program}`"));
    }
    has
}

/// The log in each form: a line at the start with the version, the address and the limits, and one for each
/// refused request.
#[test]
fn the_log_has_the_form_that_its_reader_needs() {
    let log = |arguments: &[&str]| {
        let mut index = Index::start(arguments);
        let mut talk = index.connect();
        talk.say("nonsense\r\n\r\n");
        talk.reply();
        index.program.signal("TERM");
        index.program.wait();
        (index.address, index.program.errors())
    };
    let (address, text) = log(&[]);
    let start = format!("server {} at {address}: at most ", env!("CARGO_PKG_VERSION"));
    let levels: Vec<(&str, &str)> = text
        .iter()
        .map(|line| {
            let (time, rest) = line.split_once(' ').unwrap();
            assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{line}");
            rest.split_once(": ").unwrap()
        })
        .collect();
    assert!(
        levels.iter().any(|(level, rest)| *level == "info" && rest.contains(&start)),
        "{text:#?}"
    );
    let refused = |line: &str| line.contains(": 400 Bad Request, ");
    assert_eq!(levels.iter().filter(|(level, rest)| *level == "warn" && refused(rest)).count(), 1);

    let (_, json) = log(&["--log-format", "json"]);
    let objects: Vec<serde_json::Value> =
        json.iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    for (level, target, part) in [
        ("info", "sessions", ": at most "),
        ("warn", "faults", ": 400 Bad Request, "),
        ("info", "sessions", "stopped by SIGTERM after "),
    ] {
        let is_it = |object: &&serde_json::Value| {
            object["v"] == 1
                && object["level"] == level
                && object["target"] == target
                && object["message"].as_str().is_some_and(|message| message.contains(part))
                && object["time"].as_str().is_some()
        };
        assert_eq!(objects.iter().filter(is_it).count(), 1, "{part}: {json:#?}");
    }
}

/// A server that another program starts, which stays the same process.
fn server_by(program: &str, arguments: &[&str]) -> Program {
    let arguments = [arguments, &[SERVER, "--listen", "127.0.0.1:0"]].concat();
    Program::start(program, &arguments, Path::new("."))
}

fn is_served(listening: &str) -> bool {
    let address = listening.strip_prefix("listening on ").unwrap().parse().unwrap();
    let mut talk = Talk::to(address);
    talk.say("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
    talk.reply() == ["P2P-CI/1.0 200 OK", ""]
}

#[test]
fn sigterm_logs_the_cause_the_uptime_and_the_totals() {
    let mut index = Index::start(&[]);
    let mut talk = index.connect();
    talk.add(1, "T", "h", 1);
    talk.say("nonsense\r\n\r\n");
    talk.reply();
    index.program.signal("TERM");
    assert_eq!(index.program.wait().code(), Some(0));
    let errors = index.program.errors();
    let has = |part: &str| errors.iter().any(|line| line.contains(part));
    let is_stopping = |line: &String| {
        let uptime = line.split_once("SIGTERM after ")?.1.strip_suffix(" s: stopping")?;
        uptime.parse::<u64>().ok()
    };
    assert!(errors.iter().any(|line| is_stopping(line).is_some()), "{errors:#?}");
    assert!(
        has("stopped by SIGTERM after ") && has(": 1 connection, 1 request, 1 fault"),
        "{errors:#?}"
    );

    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("rfc1.txt"), "one").unwrap();
    let index = Index::start(&[]);
    let (mut peer, port) = common::share(index.address, directory.path());
    let mut talk = Talk::to(([127, 0, 0, 1], port).into());
    talk.say("GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n");
    assert!(String::from_utf8(talk.rest()).unwrap().ends_with("\r\n\r\none"));
    peer.signal("TERM");
    assert_eq!(peer.wait().code(), Some(0));
    let errors = peer.errors();
    let has = |part: &str| errors.iter().any(|line| line.contains(part));
    assert!(has("SIGTERM after ") && has(": 1 upload, 3 bytes"), "{errors:#?}");
}

#[test]
fn without_a_terminal_a_hang_up_reloads_a_service() {
    if !has("setsid") {
        return;
    }
    let mut server = server_by("setsid", &[]);
    let listening = server.line();
    server.signal("HUP");
    server.error_with("SIGHUP: the configuration was read again");
    assert!(is_served(&listening));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));

    let directory = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let arguments = [PEER, &address, "--share", ".", "--upload", "127.0.0.1:0", "share"];
    let mut peer = Program::start("setsid", &arguments, directory.path());
    peer.line();
    peer.line();
    peer.signal("HUP");
    peer.error_with("SIGHUP: the configuration was read again");
    peer.signal("INT");
    assert_eq!(peer.wait().code(), Some(0));
}

#[test]
fn signals_that_were_ignored_at_the_start_stay_ignored() {
    if !has("setsid") || !has("nohup") {
        return;
    }
    // As a script's `&` leaves them, and as `nohup` does; in a session without a terminal, in which
    // SIGHUP would be a reload.
    let script = r#"trap "" INT QUIT; exec setsid nohup "$@""#;
    let mut server = server_by("sh", &["-c", script, "sh"]);
    let listening = server.line();
    for signal in ["HUP", "INT", "QUIT"] {
        server.signal(signal);
    }
    assert!(is_served(&listening));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let errors = server.errors();
    assert!(!errors.iter().any(|line| line.contains("SIGHUP")), "{errors:#?}");
    assert!(errors.iter().any(|line| line.contains("SIGTERM")), "{errors:#?}");

    // A command that runs for a moment: the shell of a script.
    let directory = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let script = r#"trap "" INT HUP QUIT; exec "$@""#;
    let arguments = ["-c", script, "sh", PEER, &address, "--share", "."];
    let mut shell = Program::start("sh", &arguments, directory.path());
    shell.line();
    shell.line();
    for signal in ["HUP", "INT", "QUIT"] {
        shell.signal(signal);
    }
    shell.type_line("list");
    assert_eq!(shell.line(), "P2P-CI/1.0 200 OK");
    assert_eq!(shell.end_input().code(), Some(0));
}

#[test]
fn with_a_controlling_terminal_a_hang_up_ends_the_server_in_order() {
    if !has("script") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    // The terminal is closed when `script` is killed.
    let command = r#"exec "$SERVER" --listen 127.0.0.1:0 --log sessions 2>"$LOG""#;
    let mut script = Command::new("script")
        .args(["-qefc", command, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env("SERVER", SERVER)
        .env("LOG", &log)
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = script.stdout.take().unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\n") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut output, &mut byte).unwrap();
        seen.push(byte[0]);
    }
    script.kill().unwrap();
    script.wait().unwrap();
    let begun = Instant::now();
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    while !logged().contains("stopped by SIGHUP after ") {
        assert!(begun.elapsed() < PATIENCE, "{}", logged());
        thread::yield_now();
    }
    assert!(logged().contains("SIGHUP after "), "{}", logged());
}

#[test]
fn a_server_with_few_descriptors_reports_it_and_serves() {
    let script = r#"ulimit -n 64; exec "$@""#;
    let server = server_by("sh", &["-c", script, "sh"]);
    let listening = server.line();
    server.error_with("at most 40 connections can be served: open files (ulimit -n) = 64");
    assert!(is_served(&listening));

    let script = r#"ulimit -n 20; exec "$@""#;
    let mut server = server_by("sh", &["-c", script, "sh"]);
    server.error_with("cannot serve a single connection: open files (ulimit -n) = 20");
    assert_eq!(server.wait().code(), Some(1));
}

/// More memory than the system gives ended in an abort, when the index was full.
#[cfg(target_os = "linux")]
#[test]
fn a_memory_limit_above_that_of_the_system_is_warned_of() {
    for (size, is_much) in [("900M", true), ("400M", false)] {
        let script = r#"ulimit -v 1000000; exec "$@""#;
        let server = [env!("CARGO_BIN_EXE_server"), "--listen", "127.0.0.1:0"];
        let arguments = [&["-c", script, "sh"], &server[..], &["--max-memory", size]].concat();
        let mut server = Program::start("sh", &arguments, Path::new("."));
        server.line();
        server.signal("TERM");
        server.wait();
        let errors = server.errors().join("\n");
        let warns = errors.contains("is more than the process may take: address space (ulimit -v)");
        assert_eq!(warns, is_much, "{size}: {errors}");
    }
}
