//! The order in which a busy peer serves its readers (protocol.md section 7).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[cfg(target_os = "linux")]
mod failing_disk;
#[cfg(target_os = "linux")]
mod networks;
mod resources;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::common::{Index, Program, Talk, directory};

/// For tests that open many connections: all of them together might have no descriptors.
static MANY_CONNECTIONS: Mutex<()> = Mutex::new(());

fn alone_with_many_connections() -> MutexGuard<'static, ()> {
    MANY_CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

const LARGE: usize = 1024 * 1024;

fn get(port: u16, name: &str) -> Talk {
    let mut talk = Talk::to(([127, 0, 0, 1], port).into());
    talk.say(format!("GET FILE {name} P2P-CI/1.0\r\nHost: h\r\n\r\n"));
    talk
}

fn start(index: &Index, arguments: &[&str], directory: &Path) -> (Program, u16) {
    let address = index.address.to_string();
    let arguments = [&[&address, "--share", ".", "--upload", "127.0.0.1:0"], arguments].concat();
    let program = Program::start(env!("CARGO_BIN_EXE_peer"), &arguments, directory);
    let port = program.line().rsplit_once(':').unwrap().1.parse().unwrap();
    program.line();
    (program, port)
}

#[test]
fn a_second_large_document_waits_for_a_slot_and_a_small_one_does_not() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = directory(root.path(), "shared", &[("large.bin", &document), ("small.md", b"s")]);
    let index = Index::start(&[]);
    let arguments = ["--upload-limit", "700k", "--upload-slots", "1", "share"];
    let (_program, port) = start(&index, &arguments, &shared);
    let mut first = get(port, "large.bin");
    assert_eq!(first.line().unwrap(), "P2P-CI/1.0 200 OK");
    let mut second = get(port, "large.bin");
    let mut small = get(port, "small.md");
    assert_eq!(small.line().unwrap(), "P2P-CI/1.0 200 OK");
    assert!(small.rest().ends_with(b"s"));
    assert!(!second.has_arrived(), "the second has the slot of the first");
    assert!(first.rest().len() > LARGE);
    assert_eq!(second.line().unwrap(), "P2P-CI/1.0 200 OK");
    assert!(second.rest().len() > LARGE);
}

#[test]
fn a_client_that_waits_too_long_for_a_slot_gets_503() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = directory(root.path(), "shared", &[("large.bin", &document)]);
    let index = Index::start(&[]);
    let arguments = ["--upload-limit", "50k", "--upload-slots", "1", "share"];
    let (_program, port) = start(&index, &arguments, &shared);
    let mut first = get(port, "large.bin");
    assert_eq!(first.line().unwrap(), "P2P-CI/1.0 200 OK");
    let begun = Instant::now();
    let mut second = get(port, "large.bin");
    assert_eq!(second.line().unwrap(), "P2P-CI/1.0 503 Service Unavailable");
    let waited = begun.elapsed();
    assert!((Duration::from_secs(7)..Duration::from_secs(10)).contains(&waited), "{waited:?}");
}

/// Empty lines are counted across reads. Otherwise they keep a thread busy for nothing.
#[test]
fn endless_empty_lines_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("small.md", b"s")]);
    let index = Index::start(&[]);
    let (_program, port) = start(&index, &["share"], &shared);
    for (count, status) in [(32, "P2P-CI/1.0 200 OK"), (33, "P2P-CI/1.0 400 Bad Request")] {
        let mut talk = Talk::to(([127, 0, 0, 1], port).into());
        (0..count).for_each(|_| talk.say("\r\n"));
        talk.say("GET FILE small.md P2P-CI/1.0\r\nHost: h\r\n\r\n");
        assert_eq!(talk.line().unwrap(), status);
        talk.rest();
    }
}

/// A reader that closes while it waits takes no slot.
#[test]
fn a_client_that_closes_while_it_waits_takes_no_slot() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; LARGE];
    let shared = directory(root.path(), "shared", &[("large.bin", &document)]);
    let index = Index::start(&[]);
    let arguments = ["--upload-limit", "300k", "--upload-slots", "1", "share"];
    let (_program, port) = start(&index, &arguments, &shared);
    let mut first = get(port, "large.bin");
    assert_eq!(first.line().unwrap(), "P2P-CI/1.0 200 OK");
    drop((get(port, "large.bin"), get(port, "large.bin")));
    let mut last = get(port, "large.bin");
    assert!(first.rest().len() > LARGE);
    let begun = Instant::now();
    assert_eq!(last.line().unwrap(), "P2P-CI/1.0 200 OK");
    // Each of the others would have taken three and a half.
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}
