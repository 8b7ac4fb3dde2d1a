//! Replies without end (protocol.md section 7).

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{self, PATIENCE, run_peer};
use crate::other_indexes::fake::{Other, say, temporary};

/// A server that sends a status, and then repeats one line until the client closes.
fn endless(first: &'static str, line: &'static str) -> (SocketAddr, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, sent) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            thread::spawn(move || {
                let lines = line.repeat(64 * 1024 / line.len());
                let mut count = 0;
                let _ = BufReader::new(&stream).read_line(&mut String::new());
                let _ = stream.write_all(first.as_bytes());
                while count < 400 << 20 && stream.write_all(lines.as_bytes()).is_ok() {
                    count += lines.len();
                }
                let _ = sender.send(count);
            });
        }
    });
    (address, sent)
}

const FOUND: &str = "P2P-CI/1.0 200 OK\r\n\r\n";

#[test]
fn attributes_without_end_are_a_breach() {
    let directory = temporary();
    let first = "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n";
    for line in ["Length: 1\r\n", "X-Unknown: 1\r\n", "Added: Sun, 06 Nov 1994 08:49:37 GMT\r\n"] {
        let (address, _) = endless(first, line);
        for command in [&["lookup", "7"][..], &["list"], &["peers"], &["browse", "h:2"]] {
            let index = address.to_string();
            let arguments = [&[&*index], command].concat();
            let (code, _, errors) = run_peer(&arguments, "", directory.path());
            assert_eq!(code, 76, "{line:?} {command:?}: {errors}");
            assert!(errors.contains("at most 64 headers"), "{line:?} {command:?}: {errors}");
        }
    }
}

#[test]
fn holders_without_end_are_cut_off() {
    let directory = temporary();
    let (address, sent) = endless(FOUND, "RFC 7 T h 1\r\nLength: 1\r\n");
    let index = address.to_string();
    let arguments = [&*index, "--share", ".", "get", "7"];
    let (code, _, errors) = run_peer(&arguments, "", directory.path());
    assert_ne!(code, 0);
    assert!(errors.contains("only the first 10000 were read"), "{errors}");
    assert!(sent.recv_timeout(PATIENCE).unwrap() < 20 << 20);
}

/// `list | head -1`: a reader that has enough ends the request.
#[test]
fn a_closed_pipe_ends_the_request() {
    let directory = temporary();
    let (address, sent) = endless(FOUND, "RFC 7 A Title host.example 1\r\n");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_peer"))
        .args([&*address.to_string(), "list"])
        .current_dir(directory.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("P2P-CI/1.0 200 OK"), "{line}");
    assert!(sent.recv_timeout(PATIENCE).unwrap() < 100 << 20);
    child.wait().unwrap();
}

/// A pager that is paused: the index closes the connection, and is not said to be at fault.
#[test]
fn a_paused_reader_is_named_as_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let index = listener.local_addr().unwrap().to_string();
    let (sender, closed) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
            let _ = BufReader::new(&stream).read_line(&mut String::new());
            let _ = stream.write_all(FOUND.as_bytes());
            let lines = "RFC 7 A Title host.example 1\r\n".repeat(1000);
            while stream.write_all(lines.as_bytes()).is_ok() {}
            drop(stream);
            let _ = sender.send(());
        }
    });
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_peer"))
        .args([&*index, "list"])
        .current_dir(temporary().path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    closed.recv_timeout(PATIENCE * 2).unwrap();
    let output = child.stdout.take().unwrap();
    thread::spawn(move || std::io::copy(&mut { output }, &mut std::io::sink()));
    let mut errors = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut errors).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(74), "{errors}");
    assert!(errors.contains("output here had not been read for"), "{errors}");
    assert!(!errors.contains("violated the protocol"), "{errors}");
}

/// They kept `share` busy for as long as the index sent them.
#[test]
fn empty_lines_without_end_are_a_breach() {
    let directory = temporary();
    for first in ["", FOUND, "P2P-CI/1.0 404 Not Found\r\n\r\n"] {
        let (address, _) = endless(first, "\r\n");
        let begun = Instant::now();
        let (code, _, errors) =
            run_peer(&[&address.to_string(), "lookup", "7"], "", directory.path());
        assert!(begun.elapsed() < Duration::from_secs(20), "{first:?}: {errors}");
        if first.is_empty() {
            assert_eq!(code, 76, "{errors}");
            assert!(errors.contains("at most 1024 bytes of empty lines"), "{errors}");
        }
    }
    std::fs::create_dir(directory.path().join("rfc")).unwrap();
    std::fs::write(directory.path().join("rfc/rfc7.txt"), "7").unwrap();
    let (address, sent) = endless("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n\r\n", "\r\n");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_peer"))
        .args([&*address.to_string(), "--upload", "127.0.0.1:0", "share"])
        .current_dir(directory.path())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let count = sent.recv_timeout(PATIENCE);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(count.unwrap() < 50 << 20);
}

/// Empty lines and a lone carriage return do not extend the time in which a reply must begin.
#[test]
fn empty_lines_without_end_are_no_reply() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let index = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let end = Instant::now() + Duration::from_secs(90);
                while Instant::now() < end && stream.write_all(b"\n\r").is_ok() {
                    thread::sleep(Duration::from_millis(100));
                }
            });
        }
    });
    let directory = temporary();
    let begun = Instant::now();
    let (code, _, errors) = run_peer(&[&*index, "list"], "", directory.path());
    assert_eq!(code, 76, "{errors}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{errors}");
}

/// Before, only the records were counted, and not what is made of them: a million short ones took 1.1
/// GB.
#[cfg(target_os = "linux")]
#[test]
fn a_sync_of_many_short_records_takes_little_memory() {
    let directory = temporary();
    let record = |number: usize| format!("RFC {number} T 127.0.0.1 {}\r\n", 9 + number % 300);
    let records: String = (1..=300_000).map(record).collect();
    let other = Other::start(move |request, _| match request.split(' ').next() {
        Some("LIST") if request.starts_with("LIST ALL") => say(format!("{FOUND}{records}\r\n")),
        Some("LIST") => say(format!("{FOUND}\r\n")),
        _ => say("P2P-CI/1.0 404 Not Found\r\nAttributes: 1\r\n\r\n"),
    });
    let program = common::peer(other.address, &["--share", ".", "sync"], directory.path());
    program.error_with("the first");
    // Everything is queued by now.
    program.error_with("no holder");
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    program.signal("KILL");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: usize = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    assert!(kilobytes < 192 * 1024, "{kilobytes} kB");
}
